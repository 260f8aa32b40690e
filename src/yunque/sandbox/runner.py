"""One job, seen from outside: a worker, and an Observation of what came out.

Covered: a worker that dies under a job, by somebody else's doing (the job is run once more) or by the job's own (it is then
told as killed).
"""

from __future__ import annotations

import errno
import os
import signal
import weakref
from collections.abc import Callable
from typing import ClassVar

from yunque.core.errors import SandboxError
from yunque.core.nouns import Job, Observation
from yunque.sandbox.jobs import check_job
from yunque.sandbox.pool import Outcome, Place, Pool

SPENT_SHARE: dict[int, float] = {signal.SIGXCPU: 0.5, signal.SIGKILL: 0.75}
"""How much of its processor time a program must have spent for its signal to be the limit's, and not its own or another's.

The kernel checks the limit on its clock's ticks and reports what was really spent: on a busy machine the two differ by a
sixth and more. SIGKILL comes a second after the limit.
"""


class LocalSandbox:
    """Runs jobs on this machine in one named tier. Made by `open_sandbox`, which knows what this machine can do.

    Any number of threads may run jobs at once: each has a worker process of its own, which stays warm for the next job. The
    workers end with `close`, at the end of a ``with`` block, or with this process.
    """

    opened: ClassVar[weakref.WeakValueDictionary[int, LocalSandbox]] = weakref.WeakValueDictionary()
    """Every sandbox of this process by its `id`, which a fork of it says when it asks."""
    elsewhere: ClassVar[Callable[[int, Job], Observation] | None] = None
    """In a fork that leaves running programs to the process it came from: how it asks for that (`judge_processes`)."""

    def __init__(self, tier: str) -> None:
        self.tier = tier
        self._pool, self._born = Pool(tier), os.getpid()
        self.opened[id(self)] = self

    def run(self, job: Job) -> Observation:
        """What was observed from outside; SandboxError when the job is malformed or could not be isolated."""
        elsewhere = type(self).elsewhere
        if elsewhere is not None and self._born != os.getpid():
            return elsewhere(id(self), job)
        check_job(job)
        return self._observe(job)

    def probe(self) -> None:
        """Take every step of isolation in a real process, then stop short of a program. SandboxError names what fails."""
        self._observe(Job(argv=("probe",)), probe=True)

    def close(self) -> None:
        """End the warm workers."""
        self._pool.close()

    def __enter__(self) -> LocalSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _observe(self, job: Job, *, probe: bool = False) -> Observation:
        place = Place.of(self.tier, job)
        for _ in range(2):  # a worker may be killed by somebody else: then the job is innocent, and runs once more
            with self._pool.borrow(place) as worker:
                outcome = worker.run(job, probe=probe)
                lines, files = outcome.parsed
            if outcome.overdue or lines:
                break
        return observation(self.tier, job, outcome, lines, files)


def observation(tier: str, job: Job, outcome: Outcome, lines: dict[str, str], files: dict) -> Observation:
    """Make the Observation from the worker's report; SandboxError when the program was never started."""
    if "error" in lines:
        raise SandboxError(f"tier {tier}: {lines['error']}", do="see `yunque doctor`")
    if "exec" in lines:
        return _not_started(tier, job, int(lines["exec"]))
    if not outcome.accepted:
        raise SandboxError(f"tier {tier}: the worker ended before it took the job", do="see `yunque doctor`")
    # Without a last line the worker itself was killed, by the kernel for want of memory or by us: so was the program.
    seen = {key: int(value) for key, _, value in (item.partition("=") for item in lines.get("done", "").split())}
    status = seen.get("status", signal.SIGKILL)
    killed_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    spent_s = seen.get("own_cpu_us", 0) / 1e6
    out_of_cpu = killed_by in SPENT_SHARE and spent_s >= job.limits.cpu_s * SPENT_SHARE[killed_by]
    timed_out = bool(seen.get("timed_out", outcome.overdue)) or out_of_cpu
    return Observation(
        exit_code=os.WEXITSTATUS(status) if killed_by is None else None,
        signal=killed_by,
        stdout=bytes(outcome.stdout.data),
        stderr=bytes(outcome.stderr.data),
        truncated=outcome.stdout.truncated or outcome.stderr.truncated or any(cut for _, cut in files.values()),
        timed_out=timed_out,
        out_of_memory=not timed_out and (bool(seen.get("out_of_memory")) or outcome.kernel_kills > 0),
        overfull=not timed_out and bool(seen.get("overfull")),
        wall_ms=seen.get("wall_us", outcome.wall_s * 1e6) / 1e3,
        cpu_ms=seen.get("cpu_us", 0) / 1e3,
        peak_bytes=seen.get("peak_kib", 0) * 1024,
        files={path: content for path, (content, _) in files.items()},
        tier=tier,
    )


def _not_started(tier: str, job: Job, number: int) -> Observation:
    """The answer for a program that could not be started: 127 as shells say it, or 126 when it is there but not runnable."""
    name = job.argv[0]
    if number == errno.EACCES and os.path.isabs(name) and os.access(name, os.X_OK):
        raise SandboxError(
            f"tier {tier}: the job's private user may not reach this program",
            where=name,
            do="run as an ordinary user, or use a program that lies outside private folders",
        )
    message = f"yunque: {name}: {os.strerror(number)}\n".encode("utf-8", "replace")
    code = 127 if number in (errno.ENOENT, errno.ENOTDIR) else 126
    return Observation(exit_code=code, stdout=b"", stderr=message, wall_ms=0.0, cpu_ms=0.0, peak_bytes=0, tier=tier)
