"""Several processes for one training: torchrun starts them, what they say comes back line by line.

Covered: all the processes of one machine, or those of this machine where several train together; SIGTERM reaches all, they
save and end; where one dies the others are ended, and the last checkpoint is what it was.
Not covered: starting the processes of other machines (docs/scale.md).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from yunque.core.errors import Paused, TrainingError
from yunque.core.seams import Advance, Progress
from yunque.training.recipe import TrainingRecipe
from yunque.training.stopping import asked_to_stop

MARK = "\x1eyunque "
"""What begins a line that is meant for whoever launched; everything else that libraries print is kept for an error."""
LAST_LINES = 400
GRACE_S = "600"
"""For a step to be finished and saved after SIGTERM, before torchrun kills."""


def processes_of(recipe: TrainingRecipe) -> int:
    """How many processes train on each machine."""
    if recipe.processes:
        return recipe.processes
    import torch

    return max(1, torch.cuda.device_count())


def takes_launching(recipe: TrainingRecipe) -> bool:
    """Whether it needs processes of its own: more than one, or what only a group of them can do."""
    return recipe.sharding != "none" or recipe.machines > 1 or processes_of(recipe) > 1


def refuse_uneven(recipe: TrainingRecipe, num_processes: int) -> None:
    """TrainingError where processes would have different numbers of rows in a step: they wait for one another."""
    if recipe.rows_per_step % num_processes:
        what = f"{recipe.rows_per_step} rows a step cannot be shared evenly by {num_processes} processes"
        raise TrainingError(what, where="training.rows_per_step", do=f"make it a multiple of {num_processes}")


def command_of(worker: str, folder: Path, recipe: TrainingRecipe, python: str = sys.executable) -> list[str]:
    """What starts the processes of a machine."""
    command = [python, "-m", "torch.distributed.run", f"--nproc-per-node={processes_of(recipe)}"]
    if recipe.machines == 1:
        command.append("--standalone")
    else:
        command += [
            f"--nnodes={recipe.machines}", "--rdzv-backend=c10d", f"--rdzv-endpoint={recipe.rendezvous}", "--rdzv-id=yunque"
        ]  # fmt: skip
    return [*command, "-m", worker, str(folder)]


def launch(worker: str, folder: Path, recipe: TrainingRecipe, progress: Progress, say: Callable[[str], None]) -> None:
    """Run the module ``worker`` with ``folder`` on every process, to the end. Raises TrainingError, Paused."""
    refuse_uneven(recipe, processes_of(recipe) * recipe.machines)
    if recipe.machines > 1:
        if not recipe.rendezvous:
            do = "give HOST:PORT of this machine, which the others can reach"
            raise TrainingError("several machines need a place to meet", where="training.rendezvous", do=do)
        others = " ".join(command_of(worker, folder.absolute(), recipe, "python"))
        say(f"on each of the other {recipe.machines - 1} machines: {others}")
    last: deque[str] = deque(maxlen=LAST_LINES)
    process = subprocess.Popen(
        command_of(worker, folder, recipe),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env=_environment(recipe), start_new_session=True,
    )  # fmt: skip
    with process, asked_to_stop(process.terminate), ExitStack() as bars:
        try:
            ending = _follow(process, last, _Listener(progress, say, bars))
        finally:
            if process.poll() is None:  # Ctrl-C: torchrun ends the others, who save first
                process.terminate()
    if ending.get("paused"):
        raise Paused(ending["paused"])
    if ending.get("error"):
        raise TrainingError(ending["error"])
    if process.returncode or not ending.get("done"):
        (folder / "processes.log").write_text("\n".join(last) + "\n")
        cause = ending.get("crash") or _cause(last) or f"exit status {process.returncode}"
        what = f"a process of the training died ({cause})"
        do = f"the same command goes on from the last checkpoint; what they printed last is in {folder / 'processes.log'}"
        raise TrainingError(what, do=do)


def _environment(recipe: TrainingRecipe) -> dict[str, str]:
    environment = dict(os.environ) | {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": GRACE_S, "PYTHONUNBUFFERED": "1"}
    environment.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // processes_of(recipe))))
    if recipe.machines == 1:
        environment |= {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
    return environment


class _Listener:
    """Does what the main process asks for."""

    def __init__(self, progress: Progress, say: Callable[[str], None], bars: ExitStack) -> None:
        self.progress, self.say, self.bars = progress, say, bars
        self.advance: Advance = lambda amount, note="": None
        self.ending: dict[str, Any] = {}

    def __call__(self, message: dict[str, Any]) -> None:
        if "label" in message:
            self.advance = self.bars.enter_context(self.progress(message["label"], message["total"], message["unit"]))
        elif "amount" in message:
            self.advance(message["amount"], message["note"])
        elif "say" in message:
            self.say(message["say"])
        else:
            self.ending = message | self.ending  # of several crashes, the first


def _follow(process: subprocess.Popen, last: deque[str], listener: _Listener) -> dict[str, Any]:
    """Read until the end; returns how the main process says that it ended."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(MARK):
            listener(json.loads(line.removeprefix(MARK)))
        else:
            last.append(line.rstrip("\n"))
    process.wait()
    return listener.ending


def _cause(lines: deque[str]) -> str:
    """What torchrun says last of a process that could say nothing itself: the first that failed."""
    causes = [line.partition(":")[2].strip() for line in lines if line.strip().startswith("traceback :")]
    return causes[-1] if causes else ""


# ------------------------------------------------------------------------------------------------------- within a process
def tell(**message: Any) -> None:
    """Say something to whoever launched: the main process does, and any that crashes."""
    print(MARK + json.dumps(message), flush=True)


@contextmanager
def told_progress(label: str, total: int, unit: str = "") -> Iterator[Advance]:
    """A ``Progress`` that is shown by whoever launched."""
    tell(label=label, total=total, unit=unit)
    yield lambda amount, note="": tell(amount=amount, note=note)
