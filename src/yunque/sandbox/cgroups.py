"""Control groups, where they can be made: the kernel's own limit on the memory and processes of one worker's jobs.

They also count the processor time of children that nobody waits for, whom `wait` does not show.

Covered: version 2, and the memory, pids and cpuacct hierarchies of version 1; groups left behind by a process that was
killed (the next one removes them). Every failure means "no group": the worker's own look at memory and RLIMIT_NPROC hold
without it.
Not covered: groups delegated to an ordinary user by systemd, which must be entered from outside.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import signal
import time

PREFIX = "yunque-"
WORKER_BYTES, WORKER_PROCESSES = 64 << 20, 3
"""What the launcher and the worker themselves need beside the program."""
_FILES = {
    2: {"memory": "memory.max", "pids": "pids.max", "kills": "memory.events", "cpu": "cpu.stat"},
    1: {"memory": "memory.limit_in_bytes", "pids": "pids.max", "kills": "memory.oom_control", "cpu": "cpuacct.usage"},
}
_WHAT = ("memory", "pids", "cpuacct")


@functools.cache
def hierarchy() -> tuple[int, dict[str, str]]:
    """The version (0: none) and, for each of `_WHAT`, the folder in which groups can be made; probed once."""
    for version, roots in (
        (2, dict.fromkeys(_WHAT, "/sys/fs/cgroup")),
        (1, {name: f"/sys/fs/cgroup/{name}" for name in _WHAT}),
    ):
        try:
            _sweep(roots)
            group = Group(version, roots)
        except OSError:
            continue
        group.remove()
        return version, roots
    return 0, {}


def make_group() -> Group | None:
    """A fresh group, or None where none can be made."""
    version, roots = hierarchy()
    if not version:
        return None
    try:
        return Group(version, roots)
    except OSError:
        return None


class Group:
    """One group. OSError from the constructor when it, or a limit in it, cannot be had."""

    def __init__(self, version: int, roots: dict[str, str]) -> None:
        name = f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        self.files = _FILES[version]
        self.folders = {what: os.path.join(root, name) for what, root in roots.items()}
        self.now: tuple[int, int] | None = None
        self.events = -1
        try:
            for folder in set(self.folders.values()):
                os.mkdir(folder)
            self.limit(1 << 30, 64)
            self.cpu_s()
            self.events = os.open(os.path.join(self.folders["memory"], self.files["kills"]), os.O_RDONLY)
        except OSError:
            self.remove()
            raise

    def enter(self, pid: int) -> None:
        """Put a process and all it starts into the group; what it has started, too: bubblewrap forks at once."""
        for folder in set(self.folders.values()):
            _write(os.path.join(folder, "cgroup.procs"), pid)
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children") as children:
            for child in children.read().split():
                self.enter(int(child))

    def limit(self, memory_bytes: int, processes: int) -> None:
        """Hold the program, beside its worker, to so much."""
        if self.now != (memory_bytes, processes):
            _write(os.path.join(self.folders["memory"], self.files["memory"]), memory_bytes + WORKER_BYTES)
            _write(os.path.join(self.folders["pids"], self.files["pids"]), processes + WORKER_PROCESSES)
            self.now = (memory_bytes, processes)

    def kills(self) -> int:
        """How many processes of it the kernel has killed for want of memory."""
        seen = os.pread(self.events, 4096, 0)
        return int(seen.partition(b"oom_kill ")[2].split()[0]) if b"oom_kill " in seen else 0

    def cpu_s(self) -> float:
        """Processor seconds of everything that was ever in it."""
        with open(os.path.join(self.folders["cpuacct"], self.files["cpu"]), "rb") as file:
            words = file.read().split()
        return int(words[0]) / 1e9 if len(words) == 1 else int(words[words.index(b"usage_usec") + 1]) / 1e6

    def kill(self) -> None:
        """Kill whatever is in it."""
        for folder in set(self.folders.values()):
            with contextlib.suppress(OSError), open(os.path.join(folder, "cgroup.procs")) as file:
                for line in file:
                    with contextlib.suppress(OSError):
                        os.kill(int(line), signal.SIGKILL)

    def remove(self) -> None:
        """Remove it, once the last of its processes is gone; at most a second's wait."""
        if self.events >= 0:
            os.close(self.events)
            self.events = -1
        for folder in set(self.folders.values()):
            for _ in range(100):
                try:
                    os.rmdir(folder)
                except FileNotFoundError:
                    pass
                except OSError:
                    time.sleep(0.01)
                    continue
                break


def _write(path: str, value: int) -> None:
    handle = os.open(path, os.O_WRONLY)  # never made: on a plain folder this is an error, and there is no group
    try:
        os.write(handle, str(value).encode())
    finally:
        os.close(handle)


def _sweep(roots: dict[str, str]) -> None:
    """Remove empty groups whose maker no longer lives."""
    for root in set(roots.values()):
        for name in os.listdir(root):
            pid = name.removeprefix(PREFIX).partition("-")[0]
            if name.startswith(PREFIX) and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                with contextlib.suppress(OSError):
                    os.rmdir(os.path.join(root, name))
