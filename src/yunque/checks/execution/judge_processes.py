"""Processes that read what nobody trusts, and can be killed for it: an answer's text, and the values that it gave.

    this process ──► template (a fork, with one thread) ──► judge, judge, ...: forks that serve one call after the other

Extraction, parsers, linters, patterns, comparisons and metrics are ours, and run over text and values that an attacker
wrote: whatever of them takes time or memory without end takes it in a judge, which is watched. The call that exceeded its
limits raises `Exceeded`, and the next one has a new judge after a fork of the template: milliseconds.

A judge has no sandbox of its own: its jobs go back to the process it came from, which runs them in its own warm workers.

Covered: processor time and resident memory, call by call (looked at every LOOK_S); a judge that is killed, crashes or
leaves; callers with many threads; whoever forks or dies. Where there is no `fork`, and in a judge, calls are made at once.
Not covered: what a judge waits for without using the processor (a tool of `workers` has limits of its own); several calls of
one judge share their process, so a library's fault that is *taken over*, not crashed, is seen by the next call.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from yunque.checks import processes
from yunque.checks.findings import fail
from yunque.checks.processes import Dead, Watch, resident_bytes
from yunque.core.errors import SandboxError
from yunque.core.nouns import Job, Observation, Verdict
from yunque.sandbox import pool
from yunque.sandbox.inside import kernel
from yunque.sandbox.runner import LocalSandbox

WALL_S = 120.0
"""How long a call may take in all, what it waits for the sandbox aside: a judge that stands still is not a judge."""
KEPT_IDLE = 16
"""Idle judges kept."""
JUDGE_LIMITS = "judge-limits"
"""Rule of the finding of a verdict that says: looking at the answer took more than a judge may take."""
LOOK_S = 0.05
"""How often a working judge is looked at."""
_inside = False
"""Whether this process is a judge."""


class Exceeded(Exception):
    """A call took more than a judge may take, or broke it; the message says what, in one line."""


@dataclass(frozen=True, kw_only=True)
class JudgeLimits:
    """How much of the judge's own one call may use."""

    cpu_s: float = 4.0
    """Processor seconds."""
    memory_bytes: int = 1 << 30
    """Resident memory, beside what the judge had before the call."""


@dataclass(frozen=True)
class _Judge:
    pid: int
    connection: Connection


class Judges:
    """Calls of one function, each in a process that can be killed. Any number of threads may call; each has its own judge.

    The function is inherited, not sent: it may hold anything. Arguments and results are pickled.
    """

    def __init__(self, function: Callable[..., Any], limits: JudgeLimits = JudgeLimits()) -> None:
        self.function, self.limits, self.starts = function, limits, 0
        self._lock, self._owner, self._pid = threading.Lock(), 0, 0
        self._idle: list[_Judge] = []
        self._template: socket.socket | None = None

    def __enter__(self) -> Judges:
        """Fork the template: best before this process has threads."""
        if not _inside and hasattr(os, "fork"):
            with self._lock:
                self._ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every judge; the next call starts anew."""
        with self._lock:
            template, idle = self._template, self._idle
            self._template, self._idle = None, []
            if template is None or self._owner != os.getpid():
                return
        for judge in idle:
            _end(judge)
        with template, contextlib.suppress(OSError):
            template.send(b"stop")
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def __call__(self, *args: Any) -> Any:
        """What the function gives, or raises. `Exceeded` when it took too much."""
        if _inside or not hasattr(os, "fork"):
            return self.function(*args)
        message = pickle.dumps(args)
        judge = self._borrow()
        try:
            judge.connection.send_bytes(message)
            watch = Watch(judge.pid, self.limits.memory_bytes + resident_bytes(judge.pid), self.limits.cpu_s, WALL_S)
            while True:
                while not judge.connection.poll(LOOK_S):
                    watch.look()
                kind, value = pickle.loads(judge.connection.recv_bytes())
                if kind != "run":
                    break
                judge.connection.send_bytes(_run(*value))
                watch.wall_then = time.monotonic()  # it waited for us
        except Dead as error:
            judge.connection.close()
            self._tell(f"kill {judge.pid}")
            raise Exceeded(str(error)) from None
        except (EOFError, ConnectionError):
            judge.connection.close()
            raise Exceeded(f"broke the judge ({os.waitstatus_to_exitcode(self._tell(f'reap {judge.pid}'))})") from None
        except BaseException:
            judge.connection.close()
            self._tell(f"kill {judge.pid}")
            raise
        self._give_back(judge)
        if kind == "raised":
            raise value
        return value

    # ------------------------------------------------------------------------------------------------------- processes
    def _borrow(self) -> _Judge:
        with self._lock:
            self._ready()
            if self._idle:
                return self._idle.pop()
            self.starts += 1
            try:
                return self._fork()
            except (OSError, ValueError):  # somebody killed the template
                if self._template is not None:
                    self._template.close()
                self._template = None
                self._ready()
                return self._fork()

    def _fork(self) -> _Judge:
        template = self._template
        assert template is not None  # `_ready` made sure
        ours, theirs = socket.socketpair()
        with theirs, ours:
            socket.send_fds(template, [b"fork"], [theirs.fileno()])
            return _Judge(int(template.recv(32)), Connection(ours.detach()))

    def _give_back(self, judge: _Judge) -> None:
        with self._lock:
            if self._template is not None and self._owner == os.getpid() and len(self._idle) < KEPT_IDLE:
                self._idle.append(judge)
                return
        _end(judge)

    def _tell(self, message: str) -> int:
        """Have the template do something; the number that it answers with, 0 when it is gone."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            if self._template is not None:
                self._template.send(message.encode())
                return int(self._template.recv(32))
        return 0

    def _ready(self) -> None:
        """Make sure of a template that is this very process's own."""
        if self._template is not None and self._owner == os.getpid():
            return
        self._template, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._owner, self._idle = os.getpid(), []
        self._pid = os.fork()
        if self._pid == 0:
            self._template.close()
            try:
                _be_template(theirs, self.function)
            finally:
                os._exit(1)
        theirs.close()


def _end(judge: _Judge) -> None:
    """Let an idle judge leave; closing its connection is not enough, for other forks may hold it as well."""
    with judge.connection, contextlib.suppress(OSError):
        judge.connection.send_bytes(b"")


def _run(sandbox: int, job: Job) -> bytes:
    """Run a judge's job in the sandbox of this process that it means."""
    try:
        return pickle.dumps((LocalSandbox.opened[sandbox].run(job), None))
    except SandboxError as error:
        return pickle.dumps((None, (error.what, error.where, error.do)))


# --------------------------------------------------------------------------------------------------- template and judges
def _be_template(control: socket.socket, function: Callable[..., Any]) -> None:
    """Fork judges as they are asked for, and collect them, until it is told to stop; never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with `control`, not with the thread that forked it
    pool.let_go()
    processes.let_go()
    ended: dict[int, int] = {}
    while True:
        message, descriptors, *_ = socket.recv_fds(control, 64, 1)
        if message in (b"", b"stop"):
            os._exit(0)
        with contextlib.suppress(ChildProcessError):
            while (result := os.waitpid(-1, os.WNOHANG))[0]:
                ended[result[0]] = result[1]
        if message == b"fork":
            pid = os.fork()
            if pid == 0:
                control.close()
                try:
                    _be_judge(Connection(descriptors[0]), function)
                finally:
                    os._exit(1)
            os.close(descriptors[0])
            control.send(str(pid).encode())
            continue
        pid = int(message.split()[1])
        if message.startswith(b"kill") and pid not in ended:
            os.kill(pid, signal.SIGKILL)
        status = ended.pop(pid) if pid in ended else os.waitpid(pid, 0)[1]
        control.send(str(status).encode())


def _be_judge(connection: Connection, function: Callable[..., Any]) -> None:
    """Serve one call after the other; never returns."""
    global _inside
    _inside = True
    if sys.platform == "linux":
        kernel.die_with_parent()

    def run(sandbox: int, job: Job) -> Observation:
        connection.send_bytes(pickle.dumps(("run", (sandbox, job))))
        seen, trouble = pickle.loads(connection.recv_bytes())
        if trouble is not None:
            raise SandboxError(trouble[0], where=trouble[1], do=trouble[2])
        return seen

    LocalSandbox.elsewhere = staticmethod(run)
    gc.freeze()
    while message := connection.recv_bytes():
        try:
            reply = pickle.dumps(("gave", function(*pickle.loads(message))))
        except Exception as error:
            reply = _raised(error)
        connection.send_bytes(reply)
    os._exit(0)


def _raised(error: Exception) -> bytes:
    """A reply that raises an exception; one that cannot travel becomes a RuntimeError of its name and message."""
    try:
        reply = pickle.dumps(("raised", error))
        pickle.loads(reply)
    except Exception:
        reply = pickle.dumps(("raised", RuntimeError(f"{type(error).__name__}: {error}"[:500])))
    return reply


# ------------------------------------------------------------------------------------------------------------- verdicts
def judged(judges: Judges, check: str, *args: Any) -> Verdict:
    """The verdict of a call of judges; FAIL, under the name of a check, when it took too much."""
    try:
        return judges(*args)
    except Exceeded as error:
        return exceeded(check, error)


def exceeded(check: str, error: Exceeded) -> Verdict:
    """FAIL of an answer that took too much to look at."""
    return fail(check, JUDGE_LIMITS, f"judging this answer {error}")


# ---------------------------------------------------------------------------------------------------------- one for all
_any = Judges(lambda function, args: function(*args))


def bounded(function: Callable[..., Any], *args: Any) -> Any:
    """What a function of a module gives for these arguments, in a judge. `Exceeded` when it takes too much."""
    return function(*args) if _inside else _any(function, args)
