"""The processes of a job: what they used, and how they all end.

Where the job has a pid namespace the kernel ends it; elsewhere everything of the private uid is killed, or everything that
this process adopted, until none is left.
"""

import contextlib
import os
import select
import signal
import time

import isolation  # beside this file: the package itself is not imported here

FLUSH_S = 0.1
"""How long a program that is out of time may take to write what it has printed."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_buffer = bytearray(4096)


class Seen:
    """What was collected from the program and from every orphan so far."""

    def __init__(self, program: int, ground: isolation.Ground) -> None:
        self.program, self.status, self.ground, self.place = program, -1, ground, ground.place
        self.cpu_s = self.own_cpu_s = self.last_cpu_s = self.lost_cpu_s = 0.0
        self.peak_kib = 0

    def reap(self) -> bool:
        """Collect the dead without waiting; False once there is no child left at all, dead or alive."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self.cpu_s += usage.ru_utime + usage.ru_stime
            if pid == self.program:
                self.status, self.peak_kib = status, usage.ru_maxrss
                self.own_cpu_s = usage.ru_utime + usage.ru_stime

    def look(self) -> tuple[int, float]:
        """Resident bytes now, and processor seconds so far, of all processes of the job, the ended ones included.

        A process counts with the children that it has waited for; time that was seen and is not any more (of children that
        nobody waited for) stays counted.
        """
        resident, cpu_s = 0, self.cpu_s
        inside = has_pid_namespace(self.place)
        for pid in _processes() if inside else _descendants():
            if inside and pid == 1:
                continue
            try:
                fields = _stat_of(pid)
                cpu_s += sum(map(int, fields[11:15])) * _TICK_S
                resident += _resident_pages(pid, fields) * _PAGE
            except (OSError, IndexError, ValueError):
                continue
        self.peak_kib = max(self.peak_kib, resident >> 10)
        self.lost_cpu_s += max(0.0, self.last_cpu_s - cpu_s)
        self.last_cpu_s = cpu_s
        return resident, cpu_s + self.lost_cpu_s

    def usage(self) -> str:
        """Returns what the job used, as the fields of its last line."""
        cpu_us = int((max(self.cpu_s, self.last_cpu_s) + self.lost_cpu_s) * 1e6)
        return f"cpu_us={cpu_us} own_cpu_us={int(self.own_cpu_s * 1e6)} peak_kib={self.peak_kib}"


def _stat_of(pid: int) -> list[bytes]:
    """The numbers of /proc/PID/stat behind the process's name, which the program chose: it never gets into this heap."""
    handle = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    try:
        size = os.readv(handle, [_buffer])
        return bytes(_buffer[_buffer.rindex(b")", 0, size) + 1 : size]).split()
    finally:
        os.close(handle)
        _buffer[:] = bytes(len(_buffer))


def _resident_pages(pid: int, stat_fields: list[bytes]) -> int:
    """Resident pages of a process; of one whose first thread is gone, as another thread tells them."""
    pages = int(stat_fields[21])
    if pages or stat_fields[0] != b"Z":
        return pages
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError, IndexError, ValueError), open(f"/proc/{pid}/task/{thread}/statm", "rb") as file:
            pages = max(pages, int(file.read().split()[1]))
    return pages


def ask_to_end(place: dict, pid: int, ended: int) -> None:
    """Let a program that is out of time write what it has printed: SIGTERM, and a moment."""
    _signal_job(place, pid, signal.SIGTERM)
    select.select([ended], [], [], FLUSH_S)


def kill_all(place: dict, seen: Seen) -> None:
    """Kill everything the program started and wait until it is gone; an error when something outlives five seconds."""
    deadline = time.monotonic() + 5
    while True:
        if has_pid_namespace(place) or place["uid"] is not None:
            _signal_job(place, -1, signal.SIGKILL)
        else:
            _send(-seen.program, signal.SIGKILL)
            for pid in _descendants():
                _send(pid, signal.SIGKILL)
        if not seen.reap():
            return
        if time.monotonic() > deadline:
            raise TimeoutError("processes of the job outlived SIGKILL for five seconds")
        time.sleep(0.0005)


def has_pid_namespace(place: dict) -> bool:
    """Whether this process is pid 1: all it sees are the job's processes, and when it dies, they do."""
    return place["tier"] in ("namespaces", "bwrap")


def _signal_job(place: dict, pid: int, number: int) -> None:
    """Signal a process of the job; -1 is all of them, as pid 1 of their namespace or by their uid."""
    if has_pid_namespace(place) or place["uid"] is None:
        _send(pid, number)
    else:
        _send_as(place["uid"], pid, number)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _send_as(uid: int, pid: int, number: int) -> None:
    """Signal a process, or with -1 all, of the job's private uid, by becoming it for a moment: nothing else can be hit."""
    sender = os.fork()
    if sender == 0:
        os.setresuid(uid, uid, uid)
        _send(pid, number)
        os._exit(0)
    os.waitpid(sender, 0)


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _descendants() -> list[int]:
    """Every process below this one, as /proc tells it."""
    parents = {}
    for pid in _processes():
        try:
            parents[pid] = int(_stat_of(pid)[1])
        except (OSError, IndexError, ValueError):
            continue
    result, fresh = set(), {os.getpid()}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh} - result
        result |= fresh
    return sorted(result)


def counted_beside(place: dict) -> int:
    """How many threads RLIMIT_NPROC counts that are not the program's: it counts per user and user namespace."""
    if place["tier"] == "bwrap":
        return 1  # the worker, in both cases
    if place["uid"] is not None:
        return 0  # the private uid is the program's alone
    if place["tier"] == "namespaces":
        return 1  # the worker
    total = 0
    for pid in _processes():
        try:
            with open(f"/proc/{pid}/status", "rb") as file:
                fields = dict(line.split(b":", 1) for line in file.read().splitlines() if b":" in line)
            if int(fields[b"Uid"].split()[0]) == os.getuid():
                total += int(fields[b"Threads"])
        except (OSError, KeyError):
            continue
    return total
