"""Workers seen from outside: started when one is needed, given one job at a time, kept warm, replaced when they die.

The parent may have many threads and a model loaded: it never forks itself, it starts a small fresh Python (`worker.py`) and
speaks with it over descriptors that the untrusted programs never hold.

Covered: programs that flood, close or never read their pipes; workers that are killed in the middle; a parent that forks.
Not covered: a parent that is killed leaves an empty folder in the tiers that use the machine's disk.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import marshal
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yunque.core.errors import SandboxError
from yunque.core.nouns import Job
from yunque.sandbox import cgroups
from yunque.sandbox.exchange import Capped, exchange, header_of, new_pipe, order_of
from yunque.sandbox.inside.kernel import INNER_UID
from yunque.sandbox.inside.scratch import SET_ASIDE, remove_folder
from yunque.sandbox.jobs import fixed_environment, library_paths, listable_paths, readable_paths

PREFIX = "yunque-box-"
"""How the scratch folders of this room begin, below the machine's temporary folder."""
PRIVATE_UIDS = range(61184, 65520)
"""As root, every worker's programs run as one of these, alone: the range that systemd gives to short-lived services."""
GRACE_S = 7.0
"""How long after the wall limit a worker may take to clean up before it is killed itself."""
SLACK_CPU_S = 2.0
"""Processor time beyond its own that a job and its worker may use together before the worker is killed."""
START_S = 30.0
"""How long a worker may take to start."""
KEPT_IDLE = 16
"""Idle workers kept warm; each holds about 20 MB, most of it shared with the others' files."""

SCRATCH, TREE = "/box/job/scratch", "/tree"
"""Where a root of its own shows the scratch folder, and (bwrap) the tree that it is filled from."""

_LIVE: weakref.WeakSet[Worker] = weakref.WeakSet()
_BOOT = "import sys; sys.path.append(sys.argv[1]); import worker; worker.main(int(sys.argv[2]))"
_SYSTEM_PYTHON = "/usr/bin/python3"
_INSIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inside")


@dataclass(frozen=True)
class Place:
    """What cannot change while a worker lives; jobs that agree in it share workers."""

    tier: str
    readable: tuple[str, ...]
    listable: tuple[str, ...]
    tree: str | None
    disk_bytes: int
    preload: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()

    @classmethod
    def of(cls, tier: str, job: Job) -> Place:
        """The place that a job needs."""
        tree = os.path.realpath(job.tree) if job.tree is not None else None
        return cls(
            tier, readable_paths(job), listable_paths(job), tree, int(job.limits.disk_bytes), job.preload, job.libraries
        )


@dataclass
class Outcome:
    """What the worker said, and what the program wrote."""

    stdout: Capped
    stderr: Capped
    accepted: bool = False
    """The worker was given the job."""
    report: bytearray = field(default_factory=bytearray)
    overdue: bool = False
    kernel_kills: int = 0
    """Processes that the kernel killed for want of memory."""
    wall_s: float = 0.0

    @functools.cached_property
    def parsed(self) -> tuple[dict[str, str], dict[str, tuple[bytes, bool]]]:
        """The worker's lines, first word -> rest of the line; and its files, path -> (content, whether it was cut).

        Read when the job is over.
        """
        lines, files, position = {}, {}, 0
        while position < len(self.report):
            end = self.report.find(b"\n", position)
            end = len(self.report) if end < 0 else end
            word, _, rest = self.report[position:end].decode("utf-8", "replace").partition(" ")
            position = end + 1
            if word == "file":
                name, size, cut = rest.split()
                files[os.fsdecode(bytes.fromhex(name))] = (bytes(self.report[position : position + int(size)]), cut == "1")
                position += int(size)
            else:
                lines[word] = rest
        return lines, files


# --------------------------------------------------------------------------------------------------------------- the pool
class Pool:
    """The workers of one tier. Any number of threads may borrow at once; each gets a worker of its own."""

    def __init__(self, tier: str) -> None:
        self.tier = tier
        self._lock, self._pid = threading.Lock(), os.getpid()
        self._idle: list[Worker] = []
        weakref.finalize(self, _close_all, self._idle, os.getpid())

    @contextlib.contextmanager
    def borrow(self, place: Place) -> Iterator[Worker]:
        """A worker for that place, warm if there is one. It comes back only when the block ends without an exception."""
        worker = self._take(place) or Worker(place)
        try:
            yield worker
        except BaseException:
            worker.close()
            raise
        if not worker.alive:
            worker.close()
            return
        with self._lock:
            self._idle.append(worker)
            surplus = self._idle[:-KEPT_IDLE]
            del self._idle[:-KEPT_IDLE]
        for old in surplus:
            old.close()

    def _take(self, place: Place) -> Worker | None:
        with self._lock:
            if self._pid != os.getpid():  # this process is a fork: the workers are its parent's
                self._pid = os.getpid()
                self._idle.clear()
            for index in range(len(self._idle) - 1, -1, -1):  # the warmest first
                if self._idle[index].place == place:
                    worker = self._idle.pop(index)
                    break
            else:
                return None
        if worker.alive:
            return worker
        worker.close()
        return self._take(place)

    def close(self) -> None:
        """End all idle workers. The pool can be used again."""
        with self._lock:
            idle = list(self._idle)
            self._idle.clear()
        for worker in idle:
            worker.close()


def _remove_all(paths: list[str]) -> None:
    for path in paths:
        remove_folder(path)


def _close_all(idle: list[Worker], pid: int) -> None:
    if pid == os.getpid():
        for worker in idle:
            worker.close()


# -------------------------------------------------------------------------------------------------------------- one worker
def let_go() -> None:
    """In a fork: let go of the parent's workers, which would else not see that the parent has closed them."""
    for worker in list(_LIVE):
        worker._control.close()


class Worker:
    """A running `worker.py`. SandboxError from the constructor when it cannot be isolated or started."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._held = contextlib.ExitStack()
        try:
            self._start()
        except BaseException:
            self._held.close()
            raise

    def _start(self) -> None:
        tier = self.place.tier
        uid = self._held.enter_context(_private_uid()) if os.geteuid() == 0 else None
        self._box = box = None if tier in ("namespaces", "bwrap") else self._held.enter_context(_box())
        self._sweeper: threading.Thread | None = None
        self._held.callback(self._end_sweeping)
        self.home = f"{box}/job/scratch" if box else SCRATCH
        details = self._place_facts(uid)
        self.group = cgroups.make_group()
        if self.group:
            self._held.callback(self.group.remove)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._held.enter_context(self._control)
        _LIVE.add(self)
        python = sys.executable if uid is None or tier == "namespaces" else _reachable_python()
        command = [python, "-s", "-S", "-P", "-B", "-c", _BOOT, _INSIDE, str(theirs.fileno())]
        as_user: dict[str, Any] = {}
        if tier == "bwrap":
            details |= self._shown(python)
            command = _bubblewrap(details["readable"], self.place, self.home, command)
            as_user = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
        with theirs:
            try:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    pass_fds=(theirs.fileno(),),
                    env=fixed_environment(self.home),  # what may be seen of a worker holds no secret of ours
                    start_new_session=True,
                    cwd="/",
                    **as_user,
                )
            except OSError as error:
                raise SandboxError(f"the worker could not be started: {error}", where=command[0]) from None
        self._held.callback(self._reap)
        self._enter_group()
        details["counted"] = self.group is not None
        self._make_ready(details)
        self._enter_group()  # once more: what it was started by may have forked before

    def _place_facts(self, uid: int | None) -> dict:
        """What the worker is told of the place that it stands on."""
        place = self.place
        return {
            "tier": place.tier,
            "uid": None if place.tier == "bwrap" else uid,
            "readable": list(place.readable),
            "tree": place.tree,
            "disk_bytes": place.disk_bytes,
            "scratch": self.home,
            "listable": list(place.listable),
            "packages": sorted({os.path.dirname(path) for path in library_paths(place.libraries)}),
            "preload": [(name, _source(name)) for name in place.preload],
        }

    def _shown(self, python: str) -> dict:
        """What of that bubblewrap shows it."""
        readable = [
            path
            for path in self.place.readable
            if python == sys.executable or not _is_of_python(path) or all(map(_open_to_all, (path, os.path.realpath(path))))
        ]
        listable = [path for path in self.place.listable if any(item.startswith(f"{path}/") for item in readable)]
        return {"readable": readable, "listable": listable, "tree": TREE if self.place.tree else None}

    def _make_ready(self, details: dict) -> None:
        """Tell the worker its place, and wait until it stands there. SandboxError when it cannot."""
        self._control.settimeout(START_S)
        try:
            self._control.send(marshal.dumps(details))
            answer = self._control.recv(1 << 16).decode("utf-8", "replace")
        except OSError:
            answer = ""
        if answer != "ready":
            self.process.kill()
            assert self.process.stderr is not None  # a pipe
            last = self.process.stderr.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
            trouble = answer.removeprefix("error ") or last or "the worker ended before it was ready"
            raise SandboxError(f"tier {self.place.tier}: {trouble}", do="see `yunque doctor`")

    def _enter_group(self) -> None:
        try:
            if self.group:
                self.group.enter(self.process.pid)
        except OSError:  # a group that cannot be entered limits nothing
            self.group = None

    @property
    def alive(self) -> bool:
        """Whether its process still runs."""
        return self.process.poll() is None

    def run(self, job: Job, *, probe: bool = False) -> Outcome:
        """Give it a job and wait for the end. An outcome without a last word means that the worker is gone."""
        limits = job.limits
        if self.group:
            with contextlib.suppress(OSError):
                self.group.limit(int(limits.memory_bytes), int(limits.processes))
        kills = self.group.kills() if self.group else 0
        outcome = Outcome(Capped(int(limits.output_bytes)), Capped(int(limits.output_bytes)))
        started = time.monotonic()
        theirs, ours = zip(*(new_pipe(write) for write in (True, True, False, False, True, False)), strict=True)
        left_open = set(ours)
        try:
            try:
                socket.send_fds(self._control, [marshal.dumps(header_of(job))], theirs)
                outcome.accepted = True
            except OSError:
                return outcome
            finally:
                for descriptor in theirs:
                    os.close(descriptor)
            order, stdin, stdout, stderr, wanted, status = ours
            details = {order: order_of(job, probe), stdin: job.stdin, wanted: marshal.dumps(list(job.collect))}
            heard = {stdout: outcome.stdout.add, stderr: outcome.stderr.add, status: outcome.report.extend}
            deadline, is_spent = started + limits.wall_s + GRACE_S, self._spender(limits.cpu_s)
            outcome.overdue = not exchange(details, heard, status, deadline, is_spent, left_open)
        finally:
            for descriptor in left_open:
                os.close(descriptor)
            outcome.kernel_kills = self.group.kills() - kills if self.group else 0
            if outcome.overdue or not outcome.report or "error" in outcome.parsed[0]:  # it hangs, was killed, or gives up
                self.close()
            elif self._box:
                self._sweep()
        outcome.wall_s = time.monotonic() - started
        return outcome

    def _spender(self, cpu_s: float) -> Callable[[], bool]:
        """Whether the group has used up, since now, more than a job's processor time: its worker cannot see all of it."""
        if self.group is None:
            return lambda: False
        group, before = self.group, self.group.cpu_s()
        return lambda: group.cpu_s() - before > cpu_s + SLACK_CPU_S

    def _sweep(self) -> None:
        """Remove, beside the jobs to come, what one of many files has left."""
        assert self._box is not None, "only a folder of our own is swept"
        paths = [str(self._box / name) for name in os.listdir(self._box) if name.startswith(SET_ASIDE)]
        if paths and not (self._sweeper and self._sweeper.is_alive()):
            self._sweeper = threading.Thread(target=_remove_all, args=(paths,), daemon=True)
            self._sweeper.start()

    def _end_sweeping(self) -> None:
        if self._sweeper:
            self._sweeper.join()

    def close(self) -> None:
        """End it, and whatever it runs: it sees that nobody speaks to it any more, kills, clears and leaves."""
        self._held.close()

    def _reap(self) -> None:
        """Wait until the process is gone. It ends by itself once `control` is closed, even in the middle of a job."""
        self._control.close()
        try:
            self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stderr is not None  # a pipe
        self.process.stderr.close()
        if self.group:
            self.group.kill()


def _source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin:
        raise SandboxError(f"no module {module!r}", where="preload", do="name a module of this installation")
    return Path(spec.origin).read_text("utf-8")


# --------------------------------------------------------------------------------------------------- what a worker stands on
@contextlib.contextmanager
def _private_uid() -> Iterator[int]:
    """A uid that no other worker of this machine has while the context lasts; an abstract socket's name is the lock."""
    start = secrets.randbelow(len(PRIVATE_UIDS))
    for offset in range(len(PRIVATE_UIDS)):
        uid = PRIVATE_UIDS[(start + offset) % len(PRIVATE_UIDS)]
        with socket.socket(socket.AF_UNIX) as lock:
            try:
                lock.bind(f"\0yunque-uid-{uid}")
            except OSError:
                continue
            yield uid
            return
    raise SandboxError("every private uid is taken by another worker")


@functools.cache
def _reachable_python() -> str:
    """The running Python if everybody may walk to it, else the system's; SandboxError when that is missing or too old."""
    if all(_open_to_all(path) for path in (os.path.realpath(sys.executable), sys.prefix, sys.base_prefix)):
        return sys.executable
    with contextlib.suppress(OSError):
        check = [_SYSTEM_PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        if subprocess.run(check, capture_output=True, check=False).returncode == 0:
            return _SYSTEM_PYTHON
    raise SandboxError(f"as root: {sys.prefix} lies in a private folder, and {_SYSTEM_PYTHON} is missing or older than 3.11")


def _open_to_all(path: str) -> bool:
    needed = stat.S_IXOTH if os.path.isdir(path) else stat.S_IROTH
    return bool(os.stat(path).st_mode & needed) and all(
        os.stat(above).st_mode & stat.S_IXOTH for above in Path(path).parents
    )


@contextlib.contextmanager
def _box() -> Iterator[Path]:
    """A private folder for scratch folders; gone afterwards, whatever the last job left in it."""
    try:
        box = Path(os.path.realpath(tempfile.mkdtemp(prefix=PREFIX)))
    except OSError as error:
        raise SandboxError(f"no scratch folder: {error}", where=tempfile.gettempdir()) from None
    try:
        box.chmod(0o711)
        yield box
    finally:
        remove_folder(str(box))


def _is_of_python(path: str) -> bool:
    return any(path == above or path.startswith(above + "/") for above in (sys.prefix, sys.base_prefix))


def _bubblewrap(readable: list[str], place: Place, home: str, command: list[str]) -> list[str]:
    """The worker's command inside bubblewrap, as pid 1 of its namespaces."""
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError("bwrap is not installed", do="apt install bubblewrap")
    wrapped = [program, "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"]
    for name, value in fixed_environment(home).items():
        wrapped += ["--setenv", name, value]
    for path in (*readable, _INSIDE):
        wrapped += ["--ro-bind", path, path]
    if place.tree:
        wrapped += ["--ro-bind", place.tree, TREE]
    inner = str(INNER_UID)
    return [
        *wrapped, "--uid", inner, "--gid", inner, "--proc", "/proc", "--dev", "/dev",
        "--size", str(place.disk_bytes), "--tmpfs", os.path.dirname(SCRATCH), "--chdir", "/", "--", *command,
    ]  # fmt: skip
