"""The launcher: a fresh, single-threaded process that isolates itself and then becomes the watcher of one untrusted program.

    runner (yunque, many threads)                          trusted
      └─ launcher: reads the job from `control`            trusted, outside; in the namespaces tier only writes the uid map
           └─ watcher: pid 1 of the new namespaces         trusted; waits, kills, reports on `status`
                └─ the program, and what it starts         untrusted; owns descriptors 0, 1 and 2 and nothing else

In the tiers without namespaces the launcher is the watcher itself. The order inside the program's process matters: user,
folder, no new privileges, landlock, limits, and seccomp last, since it forbids the calls before it.

On `status` the watcher writes lines: ``error TEXT`` (could not be isolated), ``exec NUMBER`` (the errno of a program that
could not be started), ``started``, and ``done NAME=VALUE…``. Nobody untrusted ever holds that descriptor.

Covered: a parent that dies (its end of `control` closes, and everything here is killed); orphans, daemons, programs that
ignore signals, close their outputs or fork while they are being killed.
Not covered: the landlock and rlimits tiers have no pid namespace. As root everything of the private uid is killed, which is
total; as an ordinary user the watcher adopts orphans and kills its descendants until none is left.
"""

import errno
import marshal
import os
import resource
import select
import signal
import sys
import time

import kernel  # beside this file: the package itself is not imported here, it would cost more than the whole launch

INNER_UID = 1000
"""Who the program is inside its user namespace."""
SCRATCH = "/scratch"
"""Where the scratch folder is seen in the namespaces tier."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_LINUX = sys.platform.startswith("linux")


def main(control: int, status: int) -> None:
    """Read the job from ``control``, run it, report on ``status``; never returns."""
    try:
        job = marshal.loads(_read_exactly(control, int.from_bytes(_read_exactly(control, 8), "big")))
        _be_killed_first()
        os.umask(0o022)
        if job["tier"] == "namespaces":
            _launch_in_namespaces(job, control, status)
        else:
            if _LINUX:
                kernel.adopt_orphans()
                kernel.hide_from_ptrace()
            _watch(job, control, status)
    except BaseException as error:
        _report(status, f"error {error or type(error).__name__}")
    os._exit(0)


def _read_exactly(source: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(source, min(size, 1 << 20))
        if not part:
            raise EOFError("the control pipe closed early")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _report(status: int, line: str) -> None:
    try:
        os.write(status, " ".join(line.split()).encode("utf-8", "replace") + b"\n")
    except OSError:
        os._exit(1)  # the runner is gone, and nobody is left to hear


def _be_killed_first() -> None:
    """When memory runs out, this tree goes before the trainer beside it. Best effort: without /proc it stays as it is."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def _let_go_of_pipes() -> None:
    """Point 0, 1 and 2 at nothing, so that the program alone holds its pipes open."""
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.close(null)


# ------------------------------------------------------------------------------------------------------------- namespaces
def _launch_in_namespaces(job: dict, control: int, status: int) -> None:
    """Clone the watcher into namespaces of its own, write its uid map from outside, and wait for it."""
    mapped, tell_mapped = os.pipe()
    watcher = kernel.clone_into_namespaces()
    if watcher == 0:
        try:
            os.close(tell_mapped)
            kernel.die_with_parent()
            if not os.read(mapped, 1):  # the launcher could not write the map, or is gone
                os._exit(1)
            os.close(mapped)
            kernel.hide_from_ptrace()
            _build_root(job)
            _watch(job, control, status)
        except BaseException as error:
            _report(status, f"error {error or type(error).__name__}")
        os._exit(0)
    os.close(mapped)
    _write_maps(watcher, job["uid"])
    os.write(tell_mapped, b"1")
    _let_go_of_pipes()
    os.waitpid(watcher, 0)


def _write_maps(pid: int, private_uid: int | None) -> None:
    """Say who is who inside: the program is INNER_UID there, and outside the private uid (as root) or this very user.

    As root the watcher stays root outside, with no capability there: it can show folders below a 0700 home to a program
    that could not walk there itself.
    """
    if private_uid is None:
        maps = {"setgroups": "deny", "uid_map": f"{INNER_UID} {os.geteuid()} 1", "gid_map": f"{INNER_UID} {os.getegid()} 1"}
    else:
        both = f"0 0 1\n{INNER_UID} {private_uid} 1"
        maps = {"uid_map": both, "gid_map": both}
    for name, text in maps.items():
        with open(f"/proc/{pid}/{name}", "w") as file:
            file.write(text)


def _build_root(job: dict) -> None:
    """Make a root that holds what the program may read, its scratch folder, a few devices and a /proc of its own."""
    kernel.make_mounts_private()
    root, strict = job["root"], kernel.NO_SUID | kernel.NO_DEV
    kernel.mount_new("tmpfs", root, strict, "mode=755,size=1m")
    shown: list[str] = []
    for path in sorted(job["readable"]):
        if not any(path.startswith(f"{above}/") for above in shown):
            kernel.bind(path, _mount_point(root, path, os.path.isdir(path)), kernel.READ_ONLY | strict)
            shown.append(path)
    for path in DEVICES:
        kernel.bind(path, _mount_point(root, path, False), kernel.NO_SUID | kernel.NO_EXEC)
    shared = _mount_point(root, "/dev/shm", True)
    kernel.mount_new("tmpfs", shared, strict | kernel.NO_EXEC, f"mode=1777,size={job['file_bytes']}")
    try:
        kernel.mount_new("proc", _mount_point(root, "/proc", True), strict | kernel.NO_EXEC, "hidepid=2,subset=pid")
        os.symlink("/proc/self/fd", f"{root}/dev/fd")
    except PermissionError:
        pass  # inside many containers a fresh /proc is refused: the program then has none at all, which is stricter
    kernel.bind(job["scratch"], _mount_point(root, SCRATCH, True), strict)
    kernel.restrict_mount(root, kernel.READ_ONLY | strict)
    kernel.change_root(root)
    job["scratch"] = SCRATCH


def _mount_point(root: str, path: str, folder: bool) -> str:
    """An empty folder or file at ``path`` below the new root, to mount on."""
    point = root + path
    if folder:
        os.makedirs(point, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(point), exist_ok=True)
        os.close(os.open(point, os.O_CREAT | os.O_RDONLY, 0o644))
    return point


# --------------------------------------------------------------------------------------------------------------- watching
def _watch(job: dict, control: int, status: int) -> None:
    """Start the program, wait for its end or for the limit, kill everything, report what was seen."""
    wake, waker = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    note, take_note = os.pipe()  # closed by a successful exec
    processes = job["processes"] + _counted_beside(job)
    started = time.monotonic()
    program = os.fork()
    if program == 0:
        _become_program(job, take_note, processes)
    os.close(take_note)
    _let_go_of_pipes()
    trouble = b"".join(iter(lambda: os.read(note, 4096), b"")).decode("utf-8", "replace")
    if trouble:
        _report(status, trouble)
        return
    _report(status, "started")
    seen = _Seen(program)
    timed_out = _wait(seen, wake, control, started + job["wall_s"])
    wall_us = int((time.monotonic() - started) * 1e6)
    _kill_all(job, seen)
    _report(status, f"done status={seen.status} wall_us={wall_us} timed_out={int(timed_out)} {seen.usage()}")


class _Seen:
    """What was collected from the program and from every orphan so far."""

    def __init__(self, program: int) -> None:
        self.program, self.status = program, -1
        self.cpu_s = self.own_cpu_s = 0.0
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

    def usage(self) -> str:
        return f"cpu_us={int(self.cpu_s * 1e6)} own_cpu_us={int(self.own_cpu_s * 1e6)} peak_kib={self.peak_kib}"


def _wait(seen: _Seen, wake: int, control: int, deadline: float) -> bool:
    """Wait until the program ends; True when time ran out before. Also ends when the runner lets go of ``control``."""
    while seen.reap() and seen.status < 0:
        left = deadline - time.monotonic()
        if left <= 0:
            return True
        ready, _, _ = select.select([wake, control], [], [], left)
        if control in ready:
            return True
        if wake in ready:
            os.read(wake, 4096)
    return False


def _kill_all(job: dict, seen: _Seen) -> None:
    """Kill everything the program started and wait until it is gone; an error when something outlives five seconds."""
    deadline = time.monotonic() + 5
    while True:
        if job["tier"] == "namespaces":
            _kill(-1)  # as pid 1: everything in this pid namespace but itself
        elif job["uid"] is not None:
            _kill_as(job["uid"])
        else:
            _kill(-seen.program)
            for pid in _descendants():
                _kill(pid)
        if not seen.reap():
            return
        if time.monotonic() > deadline:
            raise TimeoutError("processes of the job outlived SIGKILL for five seconds")
        time.sleep(0.001)


def _kill(pid: int) -> None:
    try:  # noqa: SIM105  contextlib would be one more import for every launch
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _kill_as(uid: int) -> None:
    """Kill everything of the job's private uid, by becoming it for a moment: nothing else can be hit, and nothing missed."""
    killer = os.fork()
    if killer == 0:
        os.setresuid(uid, uid, uid)
        _kill(-1)
        os._exit(0)
    os.waitpid(killer, 0)


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
            with open(f"/proc/{pid}/stat", "rb") as file:
                parents[pid] = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
    found, fresh = set(), {os.getpid()}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return sorted(found)


def _counted_beside(job: dict) -> int:
    """How many threads RLIMIT_NPROC counts that are not the program's: it counts per user and user namespace."""
    if job["uid"] is not None:
        return 0  # the private uid is the program's alone
    if job["tier"] == "namespaces":
        return 1  # the watcher
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


# ---------------------------------------------------------------------------------------------------- becoming the program
def _become_program(job: dict, take_note: int, processes: int) -> None:
    """Give up everything, step by step, then exec; never returns. What goes wrong is written to ``take_note``."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (
            signal.SIGCHLD,
            signal.SIGPIPE,
            signal.SIGXFSZ,
        ):  # Python ignores the last two; exec would pass that on
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.setsid()
        isolated = job["tier"] in ("namespaces", "landlock")
        ruleset = _allowed_files(job) if isolated else -1  # made while this process can still walk everywhere
        _drop_user(job)
        os.chdir(job["scratch"])
        if isolated:
            kernel.forbid_new_privileges()
            kernel.enter_ruleset(ruleset)
        os.closerange(3, take_note)
        os.closerange(take_note + 1, 1 << 16)
        _limit(job, processes)
        if isolated:
            _restrict_calls(job)
    except BaseException as error:
        _give_up(take_note, f"error {error or type(error).__name__}")
    if job["argv"] is None:  # a probe: all the steps went well
        os._exit(0)
    try:
        _exec(job["argv"], job["env"])
    except OSError as error:
        _give_up(take_note, f"exec {error.errno}")
    except BaseException as error:
        _give_up(take_note, f"error {error or type(error).__name__}")


def _exec(argv: list[str], env: dict[str, str]) -> None:
    """Like `os.execvpe`, which would import a module that may be out of reach by now."""
    folders = [""] if "/" in argv[0] else [folder + "/" for folder in env.get("PATH", "").split(":") if folder]
    trouble = FileNotFoundError(errno.ENOENT, "not on PATH")
    for folder in folders:
        try:
            os.execve(folder + argv[0], argv, env)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                raise
            # as shells do: say "permission denied" only when no folder holds one that may be run
            trouble = error if error.errno == errno.EACCES or folder == "" else trouble
    raise trouble


def _give_up(take_note: int, text: str) -> None:
    os.write(take_note, text.encode("utf-8", "replace")[:4000])
    os._exit(127)


def _drop_user(job: dict) -> None:
    """Become the private uid (as root), and hold no capability (always)."""
    if job["uid"] is not None:
        uid = INNER_UID if job["tier"] == "namespaces" else job["uid"]
        if _LINUX:
            kernel.empty_bounding_set()
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if _LINUX and job["tier"] != "rlimits":
        kernel.empty_bounding_set()
        kernel.drop_capabilities()


def _allowed_files(job: dict) -> int:
    """Landlock: in the namespaces tier a second wall behind the mounts, in the landlock tier the only one."""
    readable, writable = list(job["readable"]), [job["scratch"]]
    if job["tier"] == "namespaces":
        readable.append("/proc")
        writable.append("/dev/shm")
    return kernel.allow_files(readable, writable, list(DEVICES))


def _restrict_calls(job: dict) -> None:
    """Seccomp: without mounts and a pid namespace of its own a program needs two more rules."""
    alone = job["tier"] == "landlock"
    same_user = alone and job["uid"] is None
    only_to = os.getpid() if same_user and kernel.landlock_abi() < 6 else None
    kernel.restrict_calls(pretend_metadata=alone, signals_only_to=only_to)


def _limit(job: dict, processes: int) -> None:
    """Set the resource limits; where the user's own hard limit is lower already, that one stays."""
    cpu_s = max(1, -int(-job["cpu_s"] // 1))
    wanted = {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_CPU: (cpu_s, cpu_s + 1),  # SIGXCPU, and a second later SIGKILL
        resource.RLIMIT_NOFILE: (512, 512),
        resource.RLIMIT_FSIZE: (job["file_bytes"],) * 2,
        resource.RLIMIT_NPROC: (processes,) * 2,
        resource.RLIMIT_MEMLOCK: (1 << 16,) * 2,
        resource.RLIMIT_AS: (job["memory_bytes"],) * 2,
    }
    for what, limits in wanted.items():
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, tuple(value if hard == resource.RLIM_INFINITY else min(value, hard) for value in limits))
