"""What the runner and a worker say to each other of one job: the order, the program's pipes, the files that come back."""

from __future__ import annotations

import marshal
import os
import select
import time
from collections.abc import Callable

from yunque.core.nouns import Job

LOOK_S = 0.25
"""How often the processor time is looked at."""


class Capped:
    """The first ``limit`` bytes of a stream; the rest is counted as lost and thrown away."""

    def __init__(self, limit: int) -> None:
        self.data, self.limit, self.truncated = bytearray(), limit, False

    def add(self, chunk: bytes) -> None:
        """Take one more chunk."""
        room = self.limit - len(self.data)
        self.data += chunk[:room]
        self.truncated = self.truncated or len(chunk) > room


def header_of(job: Job) -> dict:
    """What the worker itself must know of a job."""
    limits = job.limits
    space = limits.memory_bytes if limits.address_space_bytes is None else limits.address_space_bytes
    return {
        "wall_s": float(limits.wall_s),
        "cpu_s": float(limits.cpu_s),
        "address_space_bytes": int(space),
        "collects": bool(job.collect),
        **{name: int(getattr(limits, name)) for name in ("memory_bytes", "processes", "file_bytes", "disk_bytes")},
    }


def order_of(job: Job, probe: bool) -> bytes:
    """What the program's fork alone reads."""
    return marshal.dumps(
        {
            "argv": None if probe else list(job.argv),
            "python": job.python,
            "files": job.files,
            "env": job.env,  # beside the worker's own, which is the fixed one
        }
    )


def new_pipe(write: bool) -> tuple[int, int]:
    """A pipe as (the worker's end, our end); ``write``: we write."""
    read_end, write_end = os.pipe()
    theirs, ours = (read_end, write_end) if write else (write_end, read_end)
    os.set_blocking(ours, False)
    return theirs, ours


def exchange(
    facts: dict[int, bytes],
    heard: dict,
    status: int,
    deadline: float,
    is_spent: Callable[[], bool],
    left_open: set[int],
) -> bool:
    """Feed and drain every pipe at once until the worker's report ends (True), or the time is over or spent (False).

    A pipe that is done with is closed and leaves ``left_open``.
    """
    looked = time.monotonic()

    def done(descriptor: int) -> None:
        left_open.discard(descriptor)
        os.close(descriptor)

    unsent = {descriptor: memoryview(data) for descriptor, data in facts.items()}
    poll = select.poll()
    for descriptor in unsent:
        if _feed(descriptor, unsent):
            done(descriptor)
        else:
            poll.register(descriptor, select.POLLOUT)
    for descriptor in heard:
        poll.register(descriptor, select.POLLIN)
    while status in left_open:
        now = time.monotonic()
        ready = poll.poll(max(0.0, 1000 * min(deadline - now, LOOK_S)))
        if not ready and now > deadline:
            return False
        if now - looked > LOOK_S:
            looked = now
            if is_spent():
                return False
        for descriptor, _ in ready:
            if _drain(descriptor, heard[descriptor]) if descriptor in heard else _feed(descriptor, unsent):
                poll.unregister(descriptor)
                done(descriptor)
    for descriptor in left_open & set(heard):  # what was written before the end, if a pipe is still open
        while not _drain(descriptor, heard[descriptor], at_end=True):
            pass
    return True


def _drain(source: int, sink, at_end: bool = False) -> bool:
    """Read once; True when the pipe is at its end (``at_end``: or empty)."""
    try:
        chunk = os.read(source, 1 << 16)
    except BlockingIOError:
        return at_end
    if chunk:
        sink(chunk)
    return not chunk


def _feed(target: int, unsent: dict[int, memoryview]) -> bool:
    """Write some of what is left for that pipe; True when nothing is left, or nobody reads any more."""
    try:
        if unsent[target]:
            unsent[target] = unsent[target][os.write(target, unsent[target][: 1 << 16]) :]
    except BlockingIOError:
        return False
    except BrokenPipeError:
        return True
    return not unsent[target]
