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
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from yunque.core.errors import Paused, TrainingError
from yunque.core.progress import quiet, silent
from yunque.core.seams import Advance, Progress
from yunque.training.recipe import TrainingRecipe
from yunque.training.stopping import asked_to_stop

MARK = "\x1eyunque "
"""What begins a line that is meant for whoever launched; everything else that libraries print is kept for an error."""
BUCKET = 500_000_000
"""Numbers that DeepSpeed sends at once, at most: it keeps room for as many, however few there are."""
LOG = "processes.log"
LAST_LINES = 400
MOST_CHARS = 500
"""Of a text in a message: a line of up to 4,096 bytes is written at once, whoever else writes."""
PARENT, WATCH_S = "YUNQUE_LAUNCHED_BY", 2.0
GRACE_S = "600"
"""For a step to be finished and saved after SIGTERM, before torchrun kills."""


def processes_of(recipe: TrainingRecipe) -> int:
    """How many processes train on each machine: the recipe's number, or as many GPUs as can share the rows of a step."""
    if recipe.processes:
        return recipe.processes
    return next(n for n in range(_gpus(), 0, -1) if recipe.rows_per_step % (n * recipe.machines) == 0 or n == 1)


def _gpus() -> int:
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


def command_of(worker: str, folder: Path, recipe: TrainingRecipe) -> list[str]:
    """What starts the processes of the machine that forges, which is number 0."""
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes_of(recipe)}"]
    if recipe.machines == 1:
        command.append("--standalone")
    else:  # static: the meeting of equals would give any machine the number 0, and whoever forges would hear nothing
        host, _, port = recipe.rendezvous.rpartition(":")
        command += [
            f"--nnodes={recipe.machines}", "--node-rank=0", f"--master-addr={host}", f"--master-port={port}"
        ]  # fmt: skip
    return [*command, "-m", worker, str(folder.resolve())]


def launch(worker: str, folder: Path, recipe: TrainingRecipe, progress: Progress, say: Callable[[str], None]) -> None:
    """Run the module ``worker`` with ``folder`` on every process, to the end. Raises TrainingError, Paused."""
    refuse_uneven(recipe, processes_of(recipe) * recipe.machines)
    if recipe.machines > 1:
        if not recipe.rendezvous:
            do = "give HOST:PORT of this machine, which the others can reach"
            raise TrainingError("several machines need a place to meet", where="training.rendezvous", do=do)
        others = " ".join(command_of(worker, folder, recipe)).replace("--node-rank=0", "--node-rank=N")
        say(f"on each of the other {recipe.machines - 1} machines, N from 1: {others}")
    if not recipe.processes and processes_of(recipe) < _gpus():
        fewer = f"{processes_of(recipe)} of {_gpus()} GPUs"
        say(f"{fewer}: training.rows_per_step is {recipe.rows_per_step}, which is no multiple of more")
    last: deque[str] = deque(maxlen=LAST_LINES)
    process = subprocess.Popen(
        command_of(worker, folder, recipe),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env=_environment(recipe), start_new_session=True,
    )  # fmt: skip
    with process, asked_to_stop(process.terminate) as stopping, ExitStack() as bars:
        listener = _Listener(progress, say, bars)
        try:
            _follow(process, last, listener)
        except BaseException:  # Ctrl-C above all: they save first, and nobody else may have the folder before
            process.terminate()
            _follow(process, last, _Listener(silent, quiet, bars))
            raise
    ending = listener.ending
    if ending.get("paused") or (stopping() and not ending):
        raise Paused(ending.get("paused") or "stopped before the first step; the same command begins again")
    if ending.get("error"):
        raise TrainingError(ending["error"])
    if process.returncode or not ending.get("done"):
        (folder / LOG).write_text("\n".join(last) + "\n")
        cause = ending.get("crash") or _cause(last) or f"exit status {process.returncode}"
        do = f"the same command goes on from the last checkpoint; what they printed last is in {folder / LOG}"
        raise TrainingError(f"a process of the training died ({cause})", do=do)


def _environment(recipe: TrainingRecipe) -> dict[str, str]:
    environment = dict(os.environ) | {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": GRACE_S, "PYTHONUNBUFFERED": "1"}
    environment[PARENT] = str(os.getpid())
    environment.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // processes_of(recipe))))
    if recipe.machines == 1:
        environment |= {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
    if recipe.sharding == "fsdp" and recipe.offload:  # accelerate then lets CPU tensors be sent as well
        environment |= {"ACCELERATE_USE_FSDP": "true", "FSDP_OFFLOAD_PARAMS": "true"}
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


def _follow(process: subprocess.Popen, last: deque[str], listener: _Listener) -> None:
    """Read until the end."""
    assert process.stdout is not None
    for line in process.stdout:
        before, mark, text = line.partition(MARK)  # what another process was printing may stand in front
        try:
            message = json.loads(text) if mark else None
        except ValueError:
            message = None
        if isinstance(message, dict):
            listener(message)
        if before.strip() or message is None:
            last.append(line.rstrip("\n"))
    process.wait()


def _cause(lines: deque[str]) -> str:
    """What torchrun says last of a process that could say nothing itself: the first that failed."""
    causes = [line.partition(":")[2].strip() for line in lines if line.strip().startswith("traceback :")]
    return causes[-1] if causes else ""


# ------------------------------------------------------------------------------------------------------- within a process
def tell(**message: Any) -> None:
    """Say something to whoever launched: the main process does, and any that fails. A line is written at once."""
    sys.stdout.flush()
    short = {name: value[:MOST_CHARS] if isinstance(value, str) else value for name, value in message.items()}
    os.write(1, f"\n{MARK}{json.dumps(short)}\n".encode())


def end_with_parent() -> None:
    """End this process when whoever launched is gone: the folder is then anybody's."""
    parent = int(os.environ.get(PARENT, 0))

    def watch() -> None:
        while Path(f"/proc/{parent}").exists():
            time.sleep(WATCH_S)
        os._exit(1)

    if parent:
        threading.Thread(target=watch, daemon=True).start()


@contextmanager
def told_progress(label: str, total: int, unit: str = "") -> Iterator[Advance]:
    """A ``Progress`` that is shown by whoever launched."""
    tell(label=label, total=total, unit=unit)
    yield lambda amount, note="": tell(amount=amount, note=note)
