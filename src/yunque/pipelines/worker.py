"""One process of a training that takes several: ``torchrun … -m yunque.pipelines.worker FOLDER``, with the job in FOLDER."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import ExitStack
from pathlib import Path

from pydantic import TypeAdapter

from yunque.core.errors import Paused, YunqueError
from yunque.core.progress import quiet, silent
from yunque.pipelines.probes import probes_of
from yunque.training.parallel.launch import end_with_parent, tell, told_progress
from yunque.training.parallel.layout import this_process
from yunque.training.run import JOB, TrainingJob, fit


def main(folder: Path) -> int:
    """Train until the end; the main process says what happens, any process why it cannot. Returns the exit status."""
    end_with_parent()
    try:
        is_main = this_process().is_main_process
        job = TypeAdapter(TrainingJob).validate_json((folder / JOB).read_text())
        with ExitStack() as stack:
            sharded = job.training.shards_weights
            if sharded and is_main and (job.training.samples or job.training.suite):
                tell(say="a sharded model is not asked while it trains: no sample answers, no suite")
            probes = probes_of(job.packed, job.training, stack) if is_main and not sharded else []
            progress, say = (told_progress, lambda line: tell(say=line)) if is_main else (silent, quiet)
            fit(job, folder, progress=progress, say=say, probes=probes)
        if is_main:
            tell(done=True)
        return 0
    except Paused as pause:
        tell(paused=str(pause))
        return 0
    except (YunqueError, OSError) as error:
        tell(error=error.line() if isinstance(error, YunqueError) else str(error))
        return 1
    except Exception as error:
        traceback.print_exc()
        first = (str(error).strip().splitlines() or [""])[0]
        tell(crash=f"{type(error).__name__}: {first}")
        return 1


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(main(Path(sys.argv[1])))
