"""One job, seen from outside: a scratch folder, a launcher process, pipes, and an Observation of what came out.

The parent may have many threads and a model loaded: it never forks itself, it starts a small fresh Python (`launch.py`) and
speaks with it over two pipes that the untrusted program never holds.

Covered: programs that flood, close or never read their pipes, that leave processes behind, that fill the scratch folder with
links, pipes, deep or unreadable folders; trees that hold symbolic links to elsewhere.
Not covered: how much disk all files together take (each file is limited, their sum is not), and how much memory all
processes together take.
"""

from __future__ import annotations

import contextlib
import errno
import marshal
import math
import os
import secrets
import selectors
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from yunque.core.errors import SandboxError
from yunque.core.nouns import Job, Observation

PREFIX = "yunque-box-"
"""How the scratch folders of this room begin, below the machine's temporary folder."""
PRIVATE_UIDS = range(61184, 65520)
"""As root, every job runs as one of these, alone: the range that systemd gives to short-lived services."""
GRACE_S = 7.0
"""How long after the wall limit the launcher may take to clean up before it is killed itself."""

_RUNTIME = [
    # what the dynamic linker and common programs need; no accounts, no hosts, no keys
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store", "/etc/ld.so.cache",
    "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime", "/etc/mime.types", "/etc/os-release",
    "/etc/ssl/openssl.cnf",
]  # fmt: skip
_BOOT = "import sys; sys.path.append(sys.argv[1]); import launch; launch.main(int(sys.argv[2]), int(sys.argv[3]))"
_ROOM = os.path.dirname(os.path.abspath(__file__))


class LocalSandbox:
    """Runs jobs on this machine in one named tier. Made by `open_sandbox`, which knows what this machine can do."""

    def __init__(self, tier: str) -> None:
        self.tier = tier

    def run(self, job: Job) -> Observation:
        """What was observed from outside; SandboxError when the job is malformed or could not be isolated."""
        check_job(job)
        return run_in_tier(self.tier, job)


# ------------------------------------------------------------------------------------------------------------ checking jobs
def check_job(job: Job) -> None:
    """Raise SandboxError, in one clear line, for a job that makes no sense."""
    if not job.argv or not job.argv[0]:
        raise SandboxError("the job has no program", where="argv", do="name one")
    texts = [*job.argv, *job.env, *job.env.values(), *job.readable, *job.files, *job.collect]
    if any("\0" in text for text in texts) or any("=" in name or not name for name in job.env):
        raise SandboxError("a NUL character, or a name that is empty or holds '='", where="argv, env or paths")
    for where, paths in (("files", job.files), ("collect", job.collect)):
        for path in paths:
            if not _stays_inside(path):
                raise SandboxError(f"{path!r} leaves the scratch folder", where=where, do="use a relative path without '..'")
    for name in ("wall_s", "cpu_s", "memory_bytes", "processes", "file_bytes", "output_bytes"):
        value = getattr(job.limits, name)
        if not (isinstance(value, int | float) and math.isfinite(value) and 0 < value < 1 << 62):
            raise SandboxError(f"{name} is {value!r}", where="limits", do="use a number above zero")
    if job.tree is not None and not os.path.isdir(job.tree):
        raise SandboxError("no such folder", where=job.tree, do="name a folder as the job's tree")
    for path in job.readable:
        if not os.path.isabs(path) or not os.path.exists(path):
            raise SandboxError("not an absolute path that exists", where=path, do="mend the job's readable paths")
        if os.path.realpath(path) in ("/", "/proc", "/dev", "/sys"):
            raise SandboxError("may not be shown to a job as a whole", where=path, do="name folders below it")


def _stays_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not os.path.isabs(path) and ".." not in parts


# ------------------------------------------------------------------------------------------------------------------ running
def run_in_tier(tier: str, job: Job, *, probe: bool = False) -> Observation:
    """Run a checked job in a tier; ``probe``: take every step of isolation, then stop short of starting the program."""
    with contextlib.ExitStack() as held:
        uid = held.enter_context(_private_uid()) if os.geteuid() == 0 else None
        box = held.enter_context(_box())
        scratch = box / "scratch"
        try:
            _fill(scratch, job, uid)
        except OSError as error:
            raise SandboxError(f"the scratch folder could not be filled: {error}", where=box) from None
        outcome = _launch(_configuration(tier, job, box, uid, probe), job)
        files, cut = _collect(scratch, job.collect, int(job.limits.file_bytes)) if outcome.started else ({}, False)
        return _observe(tier, job, outcome, files, cut)


@contextlib.contextmanager
def _private_uid() -> Iterator[int]:
    """A uid that no other job of this machine has while the context lasts; an abstract socket's name is the lock."""
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
    raise SandboxError("every private uid is taken by another job")


@contextlib.contextmanager
def _box() -> Iterator[Path]:
    """A private folder that holds ``scratch`` and the mount point ``root``; gone afterwards, whatever the job left in it."""
    try:
        box = Path(os.path.realpath(tempfile.mkdtemp(prefix=PREFIX)))
    except OSError as error:
        raise SandboxError(f"no scratch folder: {error}", where=tempfile.gettempdir()) from None
    try:
        box.chmod(0o711)
        (box / "scratch").mkdir(mode=0o700)
        (box / "root").mkdir(mode=0o755)
        yield box
    finally:
        remove_folder(box)


@dataclass
class _Outcome:
    """What the launcher said, and what the program wrote."""

    stdout: _Capped
    stderr: _Capped
    report: bytearray = field(default_factory=bytearray)
    overdue: bool = False
    wall_s: float = 0.0

    def lines(self) -> dict[str, str]:
        """The launcher's report: first word -> rest of the line."""
        pairs = (line.partition(" ") for line in self.report.decode("utf-8", "replace").splitlines())
        return {word: rest for word, _, rest in pairs}

    @property
    def started(self) -> bool:
        return "started" in self.lines()


class _Capped:
    """The first ``limit`` bytes of a stream; the rest is counted as lost and thrown away."""

    def __init__(self, limit: int) -> None:
        self.data, self.limit, self.truncated = bytearray(), limit, False

    def add(self, chunk: bytes) -> None:
        room = self.limit - len(self.data)
        self.data += chunk[:room]
        self.truncated = self.truncated or len(chunk) > room


def _configuration(tier: str, job: Job, box: Path, uid: int | None, probe: bool) -> dict:
    """What the launcher is told, as plain data."""
    home = "/scratch" if tier == "namespaces" else str(box / "scratch")
    limits = job.limits
    return {
        "tier": tier,
        "uid": uid,
        "argv": None if probe else list(job.argv),
        "env": {**fixed_environment(home), **job.env},
        "scratch": str(box / "scratch"),
        "root": str(box / "root"),
        "readable": _readable(job),
        "wall_s": float(limits.wall_s),
        "cpu_s": float(limits.cpu_s),
        **{name: int(getattr(limits, name)) for name in ("memory_bytes", "processes", "file_bytes")},
    }


def fixed_environment(home: str) -> dict[str, str]:
    """The clean environment of every job: the same on every machine but for ``home`` and where Python lies."""
    return {
        "PATH": f"{os.path.dirname(sys.executable)}:/usr/local/bin:/usr/bin:/bin",
        **dict.fromkeys(("HOME", "TMPDIR", "PWD"), home),
        **dict.fromkeys(("USER", "LOGNAME"), "yunque"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }


def _readable(job: Job) -> list[str]:
    """The system's runtime, the running Python and the job's own paths, each as named and as it really lies."""
    python = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, os.path.realpath(sys.executable)}
    named = [path for path in (*_RUNTIME, *python) if os.path.exists(path)] + list(job.readable)
    return sorted({os.path.normpath(path) for path in named} | {os.path.realpath(path) for path in named})


def _launch(configuration: dict, job: Job) -> _Outcome:
    """Start the launcher, feed and drain it until it ends, and see to it that it does end."""
    told, tell = os.pipe()
    listen, told_back = os.pipe()
    outcome = _Outcome(_Capped(int(job.limits.output_bytes)), _Capped(int(job.limits.output_bytes)))
    command = [sys.executable, "-I", "-S", "-c", _BOOT, _ROOM, str(told), str(told_back)]
    started = time.monotonic()
    try:
        launcher = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(told, told_back),
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},  # what may be seen of the launcher holds no secret of ours
            start_new_session=True,
            cwd="/",
        )
    except OSError as error:
        for descriptor in (tell, listen):
            os.close(descriptor)
        raise SandboxError(f"the launcher could not be started: {error}", where=sys.executable) from None
    finally:
        os.close(told)
        os.close(told_back)
    message = marshal.dumps(configuration)
    to_feed = {tell: len(message).to_bytes(8, "big") + message, launcher.stdin.fileno(): job.stdin}
    try:
        _exchange(launcher, tell, listen, to_feed, outcome, started + job.limits.wall_s + GRACE_S)
    finally:
        os.close(tell)  # the launcher sees this and kills everything, should it still be there
        os.close(listen)
        _end(launcher)
    outcome.wall_s = time.monotonic() - started
    return outcome


def _exchange(launcher, tell: int, listen: int, to_feed: dict[int, bytes], outcome: _Outcome, deadline: float) -> None:
    """Feed and drain every pipe at once until the launcher's report ends, or the deadline is over."""
    stdout, stderr, stdin = launcher.stdout.fileno(), launcher.stderr.fileno(), launcher.stdin.fileno()
    sinks = {stdout: outcome.stdout.add, stderr: outcome.stderr.add, listen: outcome.report.extend}
    with selectors.DefaultSelector() as selector:
        for descriptor in (*sinks, *to_feed):
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ if descriptor in sinks else selectors.EVENT_WRITE)
        unsent = {descriptor: memoryview(data) for descriptor, data in to_feed.items()}
        while listen in selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                outcome.overdue = True
                return
            for key, _ in selector.select(left):
                done = _drain(key.fd, sinks[key.fd]) if key.fd in sinks else _feed(key.fd, unsent)
                if done:
                    selector.unregister(key.fd)
                    if key.fd == stdin:
                        launcher.stdin.close()
    for descriptor in (stdout, stderr):  # what was written before the end and not read yet
        for _ in range(64):
            if _drain(descriptor, sinks[descriptor], at_end=True):
                break


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


def _end(launcher: subprocess.Popen) -> None:
    """Wait for the launcher, which knows that it is over; after GRACE_S kill it, and with it its namespaces."""
    for stream in (launcher.stdin, launcher.stdout, launcher.stderr):
        with contextlib.suppress(OSError):
            stream.close()
    try:
        launcher.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        launcher.kill()
        launcher.wait()


# ---------------------------------------------------------------------------------------------------------------- observing
def _observe(tier: str, job: Job, outcome: _Outcome, files: dict[str, bytes], cut: bool) -> Observation:
    """Make the Observation from the launcher's report; SandboxError when the program was never started."""
    lines = outcome.lines()
    stderr = bytes(outcome.stderr.data)
    if "error" in lines:
        raise SandboxError(f"tier {tier}: {lines['error']}", do="see `yunque doctor`")
    if "exec" in lines:
        return _not_started(tier, job, int(lines["exec"]))
    if "started" not in lines:
        last = stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise SandboxError(f"tier {tier}: the launcher ended before it started the program ({last or 'no message'})")
    # Without a last line the watcher itself was killed, by the kernel for want of memory or by us: so was the program.
    seen = {key: int(value) for key, _, value in (item.partition("=") for item in lines.get("done", "").split())}
    status = seen.get("status", signal.SIGKILL)
    killed_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    # The kernel checks the limit on its own clock's ticks, which run up to some per cent ahead of what it reports.
    out_of_cpu = killed_by in (signal.SIGXCPU, signal.SIGKILL) and seen.get("own_cpu_us", 0) >= job.limits.cpu_s * 0.9e6
    return Observation(
        exit_code=os.WEXITSTATUS(status) if killed_by is None else None,
        signal=killed_by,
        stdout=bytes(outcome.stdout.data),
        stderr=stderr,
        truncated=outcome.stdout.truncated or outcome.stderr.truncated or cut,
        timed_out=bool(seen.get("timed_out", outcome.overdue)) or out_of_cpu,
        wall_ms=seen.get("wall_us", outcome.wall_s * 1e6) / 1e3,
        cpu_ms=seen.get("cpu_us", 0) / 1e3,
        peak_bytes=seen.get("peak_kib", 0) * 1024,
        files=files,
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


# ------------------------------------------------------------------------------------------------------- the scratch folder
def _fill(scratch: Path, job: Job, uid: int | None) -> None:
    """Copy the tree, write the files over it, and give all of it to the job's user."""
    if job.tree is not None:
        copy_tree(os.path.realpath(job.tree), str(scratch))
    for path, content in job.files.items():
        _write_inside(scratch, path, content)
    if uid is not None:
        for folder, names, files in os.walk(scratch):
            for name in (*names, *files):
                os.chown(os.path.join(folder, name), uid, uid, follow_symlinks=False)
        os.chown(scratch, uid, uid)


def copy_tree(source: str, target: str) -> None:
    """Copy folders, regular files and links as links; pipes, sockets and devices stay behind, and so do odd mode bits."""
    for folder, names, files in os.walk(source):
        here = os.path.join(target, os.path.relpath(folder, source))
        for name in (*names, *files):
            old, new = os.path.join(folder, name), os.path.join(here, name)
            seen = os.lstat(old)
            if stat.S_ISLNK(seen.st_mode):
                os.symlink(os.readlink(old), new)
            elif stat.S_ISDIR(seen.st_mode):
                os.mkdir(new, 0o755)
            elif stat.S_ISREG(seen.st_mode):
                shutil.copyfile(old, new, follow_symlinks=False)
                os.chmod(new, 0o755 if seen.st_mode & 0o111 else 0o644)
                os.utime(new, ns=(seen.st_atime_ns, seen.st_mtime_ns))  # or every cached .pyc in the copy would be stale


def _write_inside(scratch: Path, path: str, content: bytes) -> None:
    """Write one of the job's files; SandboxError when a link in the tree would lead it elsewhere."""
    target = scratch / path
    root = os.path.realpath(scratch)
    if os.path.commonpath([os.path.realpath(target.parent), root]) != root:
        raise SandboxError(f"{path!r} leads out of the scratch folder through a link of the tree", where="files")
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():
        target.unlink()
    target.write_bytes(content)
    target.chmod(0o755 if content.startswith(b"#!") else 0o644)


def _collect(scratch: Path, paths: tuple[str, ...], limit: int) -> tuple[dict[str, bytes], bool]:
    """The regular files among the paths, each cut at ``limit`` bytes, and whether one was cut. No link is followed."""
    found, cut = {}, False
    for path in paths:
        with contextlib.suppress(OSError), open(_open_inside(scratch, path), "rb") as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                content = file.read(limit + 1)
                found[path], cut = content[:limit], cut or len(content) > limit
    return found, cut


def _open_inside(scratch: Path, path: str) -> int:
    """Open a file below scratch, step by step, so that no folder on the way can be a link; never waits on a pipe."""
    *folders, name = PurePosixPath(path).parts
    here = os.open(scratch, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            above, here = here, os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(above)
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=here)
    finally:
        os.close(here)


def remove_folder(folder: Path) -> None:
    """Remove a folder however deep or locked, with one descriptor and no recursion; links are removed, never followed."""
    os.chmod(folder, 0o700)
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    above: list[tuple[str, list[str], os.stat_result]] = []  # name here, folders still to go beside it, the folder it is in
    waiting = _unlink_files(here)
    try:
        while waiting or above:
            if waiting:
                name = waiting.pop()
                os.chmod(name, 0o700, dir_fd=here)
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
                above.append((name, waiting, os.fstat(here)))
                os.close(here)
                here, waiting = below, _unlink_files(below)
            else:
                name, waiting, expected = above.pop()
                parent = os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
                os.close(here)
                here = parent
                if not os.path.samestat(os.fstat(here), expected):
                    raise SandboxError("a scratch folder was moved while it was removed", where=folder)
                os.rmdir(name, dir_fd=here)
    finally:
        os.close(here)
    folder.rmdir()


def _unlink_files(here: int) -> list[str]:
    """Unlink everything in a folder that is no folder; the names of the folders."""
    with os.scandir(here) as entries:
        listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in listed:
        if not is_folder:
            os.unlink(name, dir_fd=here)
    return [name for name, is_folder in listed if is_folder]
