"""One process of a training that takes several: ``torchrun … -m yunque.pipelines.worker FOLDER``, with the job in FOLDER."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import ExitStack
from pathlib import Path

from pydantic import TypeAdapter

from yunque.core.errors import Paused, YunqueError
from yunque.pipelines.probes import probes_of
from yunque.training.parallel.launch import tell, told_progress
from yunque.training.parallel.layout import this_process
from yunque.training.run import JOB, TrainingJob, fit


def main(folder: Path) -> int:
    """Train until the end; the main process says what happens. Returns the exit status."""
    processes = this_process()
    job = TypeAdapter(TrainingJob).validate_json((folder / JOB).read_text())
    try:
        with ExitStack() as stack:
            if not processes.is_main_process:
                fit(job, folder)
            else:
                sharded = job.training.sharding in ("fsdp", "zero3")
                probes = [] if sharded else probes_of(job.packed, job.training, stack)
                if sharded and (job.training.samples or job.training.suite):
                    tell(say="a sharded model is not asked while it trains: no sample answers, no suite")
                fit(job, folder, progress=told_progress, say=lambda line: tell(say=line), probes=probes)
                tell(done=True)
        return 0
    except Paused as pause:
        if processes.is_main_process:
            tell(paused=str(pause))
        return 0
    except YunqueError as error:
        if processes.is_main_process:
            tell(error=error.line())
        return 1
    except Exception as error:
        traceback.print_exc()
        tell(crash=f"{type(error).__name__} on process {processes.process_index}: {str(error).strip().splitlines()[:1]}")
        return 1


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(main(Path(sys.argv[1])))
