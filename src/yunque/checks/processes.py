"""Tools that are slow to start, kept warm in processes of their own: framed JSON over pipes, one answer a text.

    Worker.each(items)  ──► length, JSON list of items ──►  the tool's process
                        ◄── length, JSON answer, one for each item, as soon as it is known ◄──

A worker knows nothing of us but its pipes: a clean environment, an empty folder of its own to stand in, and no descriptor
besides. It is started when it is first asked, serves one batch at a time, and leaves when its pipe ends.

Covered: a text that hangs, kills or bloats its tool costs that text alone (the worker is started anew for the next one); a
worker that has grown is replaced between batches; a process that forked starts its own; whoever stops, also by a signal
that cannot be caught, leaves no worker behind for longer than the processor time of two items.
Not covered: what a tool does with its rights as this user (a tool that runs code it looks at belongs in the sandbox); the
memory of a tool where there is no ``/proc``.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import resource
import select
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

BATCH = 200
"""Items of one message."""
START_S = 120.0
LOOK_S = 0.2
"""How often the memory and time of a working tool are looked at."""
PATIENCE = 8
"""Wall time that an item may take, in its processor time: others use this machine, too."""
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Broken:
    """The tool gave no answer about an item."""

    why: str


@dataclass(frozen=True, kw_only=True)
class WorkerLimits:
    """How much one item, and the worker, may use."""

    budget_s: float = 20.0
    """Processor time of one item."""
    memory_bytes: int = 1500 << 20
    """Resident memory while it works; half of it is too much to keep between two batches."""


class Worker:
    """A warm process of a tool. One batch at a time; safe to share between threads."""

    def __init__(self, command: Sequence[str], limits: WorkerLimits = WorkerLimits()) -> None:
        self.command, self.limits = list(command), limits
        self.starts = 0
        self._lock, self._owner = threading.Lock(), os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = ""
        self._buffer = b""
        _LIVE.add(self)

    @property
    def pid(self) -> int | None:
        """Of the process that is warm now, if any."""
        return self._process.pid if self._process and self._owner == os.getpid() else None

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None  # only asked between `_started` and `close`
        return self._process

    def each(self, items: Sequence[dict]) -> list[dict | Broken]:
        """An answer for each item, in their order; Broken for one that the tool did not survive or never came to."""
        if self._owner != os.getpid():  # a fork has the pipes of its parent, and must not speak on them
            self._lock, self._owner, self._process, self._buffer = threading.Lock(), os.getpid(), None, b""
        answers: list[dict | Broken] = []
        with self._lock:
            while len(answers) < len(items):
                started = self._started()
                if started:
                    return answers + [Broken(started)] * (len(items) - len(answers))
                self._serve(items[len(answers) : len(answers) + BATCH], answers)
        return answers

    def close(self) -> None:
        """End the process; it is started again when something is asked."""
        process, self._process, self._buffer = self._process, None, b""
        if process is None or self._owner != os.getpid():
            return
        stdin, stdout = _pipes(process)
        with contextlib.suppress(OSError):
            stdin.close()
        try:
            process.wait(0.5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        stdout.close()
        self._said.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # ------------------------------------------------------------------------------------------------------ one batch
    def _serve(self, batch: Sequence[dict], answers: list[dict | Broken]) -> None:
        """Add an answer for each item, up to the first that breaks the worker, which gets its reason."""
        process = self._running
        try:
            self._send(json.dumps(list(batch)).encode())
            for _ in batch:
                self._limit_orphan(process.pid, 2 * self.limits.budget_s)
                answers.append(self._receive(self.limits.budget_s, self.limits.budget_s * PATIENCE))
        except Dead as error:
            process.kill()
            self.close()
            answers.append(Broken(str(error)))
            return
        if resident_bytes(process.pid) > self.limits.memory_bytes // 2:
            self.close()

    def _started(self) -> str:
        """Make sure that a worker is there; why it is not, else empty."""
        if self._process is not None and self._process.poll() is None:
            return ""
        self.close()
        self.starts += 1
        self._folder = tempfile.mkdtemp(prefix="yunque-worker-")
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        path = os.environ.get("PATH", "")
        env = {"PATH": path, "HOME": self._folder, "TMPDIR": self._folder, "LANG": "C.UTF-8", "PYLINTHOME": self._folder}
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                self.command, stdin=pipe, stdout=pipe, stderr=self._said,
                env=env, cwd=self._folder, start_new_session=True, bufsize=0,
            )  # fmt: skip
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._said.close()
            return f"{Path(self.command[0]).name} does not start ({error.strerror})"
        for end in _pipes(self._process):
            os.set_blocking(end.fileno(), False)
        try:
            self._receive(START_S, START_S)
        except Dead as error:
            self._process.kill()
            self.close()
            return f"the worker does not start: {error}"
        return ""

    def _limit_orphan(self, pid: int, more_s: float) -> None:
        """Processor time after which the kernel ends the worker, should nobody be there any more to do it."""
        with contextlib.suppress(OSError, AttributeError, ValueError):
            hard = resource.prlimit(pid, resource.RLIMIT_CPU)[1]
            resource.prlimit(pid, resource.RLIMIT_CPU, (int(_processor_s(pid) + more_s) + 2, hard))

    # ----------------------------------------------------------------------------------------------------- the pipes
    def _send(self, data: bytes) -> None:
        left = memoryview(struct.pack(">I", len(data)) + data)
        stdin, _ = _pipes(self._running)
        watch = Watch(self._running.pid, self.limits.memory_bytes, START_S, START_S)
        while left:
            _, ready, _ = select.select([], [stdin], [], LOOK_S)
            if not ready:
                watch.look()
                continue
            try:
                left = left[os.write(stdin.fileno(), left[: 1 << 16]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise Dead(self._last_words()) from None

    def _receive(self, processor_s: float, wall_s: float) -> dict:
        _, stdout = _pipes(self._running)
        watch = Watch(self._running.pid, self.limits.memory_bytes, processor_s, wall_s)
        while True:
            if len(self._buffer) >= 4:
                (size,) = struct.unpack(">I", self._buffer[:4])
                if len(self._buffer) >= 4 + size:
                    data, self._buffer = self._buffer[4 : 4 + size], self._buffer[4 + size :]
                    return self._understood(data)
            ready, _, _ = select.select([stdout], [], [], LOOK_S)
            if not ready:
                watch.look()
                continue
            data = os.read(stdout.fileno(), 1 << 20)
            if not data:
                raise Dead(self._last_words())
            self._buffer += data
            if len(self._buffer) > self.limits.memory_bytes:
                raise Dead("its answer has no end")

    def _understood(self, data: bytes) -> dict:
        try:
            answer = json.loads(data)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Dead("its answer cannot be read")
        return answer

    def _last_words(self) -> str:
        """How a worker that left us ended, and the last line that it said."""
        try:
            code: int | None = self._running.wait(1.0)
        except subprocess.TimeoutExpired:
            code = None
        with contextlib.suppress(OSError, ValueError):
            self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - 4000))
            lines = [line.strip() for line in self._said.read().decode("utf-8", "replace").splitlines() if line.strip()]
            telling = [line for line in lines if "rror" in line] or lines[-1:]
            return f"the tool ended with {code}" + (f": {telling[-1][:200]}" if telling else "")
        return f"the tool ended with {code}"


class Dead(Exception):
    """The worker is gone, or has to go, and why."""


class Watch:
    """Looks at a working process; raises `Dead` when it uses too much."""

    def __init__(self, pid: int, memory_bytes: int, processor_s: float, wall_s: float) -> None:
        self.pid, self.memory_bytes, self.processor_s, self.wall_s = pid, memory_bytes, processor_s, wall_s
        self.processor_then, self.wall_then = _processor_s(pid), time.monotonic()

    def look(self) -> None:
        """Return when all is well."""
        if (resident := resident_bytes(self.pid)) > self.memory_bytes:
            raise Dead(f"took over {self.memory_bytes >> 20} MB of memory ({resident >> 20})")
        if _processor_s(self.pid) - self.processor_then > self.processor_s:
            raise Dead(f"took over {self.processor_s:g} s")
        if time.monotonic() - self.wall_then > self.wall_s:
            raise Dead(f"took over {self.wall_s:g} s")


def _processor_s(pid: int) -> float:
    """Processor time that a process has used; 0 where nobody says."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def resident_bytes(pid: int) -> int:
    """Resident memory of a process; 0 where nobody says."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


# -------------------------------------------------------------------------------------------------------- those that live
_LIVE: weakref.WeakSet[Worker] = weakref.WeakSet()
_SHARED: dict[tuple, Worker] = {}
_SHARING = threading.Lock()


def shared_worker(command: Sequence[str], limits: WorkerLimits = WorkerLimits()) -> Worker:
    """The one worker of this process for a command and its limits."""
    with _SHARING:
        return _SHARED.setdefault((*command, limits), Worker(command, limits))


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None and process.stdout is not None  # it was started with both
    return process.stdin, process.stdout


def let_go() -> None:
    """In a fork: let go of the parent's workers, which would else not see that the parent has closed them."""
    for worker in list(_LIVE):
        if worker._process is not None:
            for end in _pipes(worker._process):
                end.close()


@atexit.register
def close_all() -> None:
    """End every worker of this process; also done when the interpreter ends."""
    for worker in list(_LIVE):
        worker.close()
