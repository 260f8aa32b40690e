"""The worker: a warm, single-threaded process that runs one untrusted program after another, each in a fork of itself.

    runner (yunque, many threads)                          trusted
      └─ launcher (tier namespaces only)                   trusted, outside; writes the uid map and waits
           └─ worker: pid 1 of namespaces of its own       trusted; makes the scratch folder, forks, waits, kills, reports
                └─ the program, and what it starts         untrusted; owns descriptors 0, 1 and 2 and nothing else

The namespaces live as long as the worker and serve one job at a time. Between two jobs nothing is left in them: every
process is killed and collected, the scratch file systems are unmounted, and the filter lets nobody make sockets, queues,
shared memory, keys or mounts. Without namespaces (tiers landlock and rlimits) the same worker does the same work outside.

On `control` the runner sends one message a job with six descriptors: `order` (program, files, environment), the program's
three pipes, `wanted` (the names of the files to collect), and `status`. What is the job's own, its names included, is read
by forks alone, so that no later program finds it in this process's memory. On `status` a fork writes ``file HEX-NAME SIZE
CUT`` followed by that many bytes for each collected file, and the worker one last line: ``done NAME=VALUE…``, ``exec
NUMBER`` (the errno of a program that could not be started) or ``error TEXT`` (it could not be isolated). Nobody untrusted
ever holds `control`, `order`, `wanted` or `status`.

Covered: a runner that dies (`control` ends, and everything here is killed); orphans, daemons, programs that ignore
signals, close their outputs or fork while they are being killed; memory and processor time of all processes together.
Not covered: the landlock and rlimits tiers have no pid namespace. As root everything of the private uid is killed, which
is total; as an ordinary user the worker adopts orphans and kills its descendants until none is left, and if the worker
itself is killed, its program dies but not what that has started. Memory is looked at every LOOK_S; what is taken and
freed between two looks is bounded by each process's address space alone, or by a cgroup.
"""

import _signal
import atexit
import contextlib
import errno
import gc
import linecache
import marshal
import os
import select
import signal
import site
import socket
import stat
import sys
import time
import traceback
import types

import isolation  # beside this file: the package itself is not imported here
import kernel
import scratch

LOOK_S = 0.04
"""How often the processes of a running job are looked at."""
FLUSH_S = 0.1
"""How long a program that is out of time may take to write what it has printed."""
PYTHON_FILE = "main.py"
"""What a warm Python program is called, in tracebacks and as ``sys.argv[0]``."""
COMMON_MODULES = (
    "bisect", "collections", "copy", "datetime", "functools", "hashlib", "heapq", "itertools", "json", "math", "operator",
    "re", "string", "typing",
)  # fmt: skip
"""Imported before any program asks. Not random or threading: what these do after every fork costs as much as half a fork."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_OWN_MODULES = ("isolation", "kernel", "scratch", "worker")


def main(control_number: int) -> None:
    """Make the place that `control` describes, then serve jobs until it ends; never returns."""
    control = socket.socket(fileno=control_number)
    try:
        place = marshal.loads(control.recv(1 << 18))
        os.umask(0o022)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _be_killed_first(b"900")
        if place["tier"] == "namespaces":
            _enter_namespaces(place["uid"], control)
        else:
            kernel.adopt_orphans()
            kernel.hide_from_ptrace()
        ground = (isolation.MountedGround if place["tier"] == "namespaces" else isolation.FolderGround)(place)
        ground.prepare()
        program = _make_interpreter_fresh(ground.path, place["preload"], place["packages"])
        control.send(b"ready")
        null = os.open("/dev/null", os.O_WRONLY)
        os.dup2(null, 2)  # nobody reads the pipe there from now on
        os.close(null)
        while message := socket.recv_fds(control, 1 << 18, 6):
            if not message[0]:
                break
            _serve(ground, program, control, marshal.loads(message[0]), *message[1])
    except BaseException as error:
        with contextlib.suppress(OSError):
            control.send(f"error {error or type(error).__name__}".encode())
    os._exit(0)


def _make_interpreter_fresh(folder: str, preload: list[tuple[str, str]], packages: list[str]) -> types.ModuleType:
    """Make this interpreter what a new one would be for a program, warm; gives the empty module that it will be.

    It was started without `site`, which would read all that is installed: what that adds to the builtins is added here.
    """
    for add in (site.setquit, site.setcopyright, site.sethelper):
        add()
    for name, source in preload:
        module = sys.modules[name] = types.ModuleType(name)
        exec(compile(source, f"<{name}>", "exec", dont_inherit=True), module.__dict__)
        getattr(module, "warm_up", bool)()
    for name in COMMON_MODULES:
        __import__(name)
    for name in _OWN_MODULES:
        sys.modules.pop(name, None)
    here = os.path.dirname(__file__)
    sys.path[:] = [folder, *(path for path in sys.path if path != here), *packages]
    program = types.ModuleType("__main__")
    program.__file__ = PYTHON_FILE
    sys.modules["__main__"] = program
    gc.disable()
    gc.freeze()
    return program


def _be_killed_first(score: bytes) -> None:
    """When memory runs out, this tree goes before the trainer beside it, and the program before its worker. Best effort."""
    with contextlib.suppress(OSError):
        handle = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(handle, score)
        os.close(handle)


# ------------------------------------------------------------------------------------------------------------- namespaces
def _enter_namespaces(private_uid: int | None, control: socket.socket) -> None:
    """Go on as pid 1 of fresh namespaces; this process stays outside, writes the uid map, waits and leaves."""
    mapped, tell_mapped = os.pipe()
    worker = kernel.clone_into_namespaces()
    if worker:
        os.close(mapped)
        _write_maps(worker, private_uid)
        os.write(tell_mapped, b"1")
        control.close()
        os.waitpid(worker, 0)
        os._exit(0)
    os.close(tell_mapped)
    kernel.die_with_parent()
    if not os.read(mapped, 1):  # the launcher could not write the map and says so, or is gone
        os._exit(1)
    os.close(mapped)
    kernel.hide_from_ptrace()


def _write_maps(pid: int, private_uid: int | None) -> None:
    """Say who is who inside: the program is INNER_UID there, and outside the private uid (as root) or this very user.

    As root the worker stays root outside, with no capability there: it can show folders below a 0700 home to a program
    that could not walk there itself.
    """
    inner = kernel.INNER_UID
    if private_uid is None:
        maps = {"setgroups": "deny", "uid_map": f"{inner} {os.geteuid()} 1", "gid_map": f"{inner} {os.getegid()} 1"}
    else:
        both = f"0 0 1\n{inner} {private_uid} 1"
        maps = {"uid_map": both, "gid_map": both}
    for name, text in maps.items():
        with open(f"/proc/{pid}/{name}", "w") as file:
            file.write(text)


# ---------------------------------------------------------------------------------------------------------------- one job
def _serve(
    ground: isolation.Ground, program: types.ModuleType, control: socket.socket, job: dict, order: int, *rest: int
) -> None:
    """Run one job from its empty scratch folder to its removal, and report on `status`."""
    *pipes, wanted, status = rest
    try:
        ground.fresh()
        word = _watch(ground, program, control, job, order, pipes)
        if word.startswith("done") and job["collects"]:
            _in_fork(lambda: _send_files(ground.path, job, wanted, status))
    except BaseException as error:
        word = f"error {error or type(error).__name__}"
    _report(status, word)
    for descriptor in (order, wanted, status):
        os.close(descriptor)
    ground.clear(_in_fork)
    if word.startswith("error"):
        os._exit(0)  # what it says may name what is the job's


def _in_fork(act: types.FunctionType) -> None:
    """Do something with a job's data in a process that is gone afterwards, and its memory with it."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(pid, 0)[1]:
        raise OSError("what the program left could not be looked through")


def _report(status: int, line: str) -> None:
    try:
        os.write(status, " ".join(line.split()).encode("utf-8", "replace") + b"\n")
    except OSError:
        os._exit(1)  # the runner is gone, and nobody is left to hear


def _watch(
    ground: isolation.Ground, program: types.ModuleType, control: socket.socket, job: dict, order: int, pipes: list[int]
) -> str:
    """Start the program, wait for its end or a limit, kill everything; gives the line to report."""
    note, take_note = os.pipe()  # closed by a successful exec
    processes = job["processes"] + _counted_beside(ground.place)
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _become_program(ground, program, job, order, pipes, take_note, processes)
    for descriptor in (take_note, *pipes):
        os.close(descriptor)
    ended = os.pidfd_open(pid)
    try:
        seen = _Seen(pid, ground)
        if trouble := _read_all(note).decode("utf-8", "replace"):
            _kill_all(ground.place, seen)
            return trouble
        ended_by = _wait(seen, ended, control, started + job["wall_s"], job)
        wall_us = int((time.monotonic() - started) * 1e6)
        if ended_by == "timed_out":
            _ask_to_end(ground.place, pid, ended)
        _kill_all(ground.place, seen)
        return f"done status={seen.status} wall_us={wall_us} {ended_by}=1 {seen.usage()}"
    finally:
        os.close(note)
        os.close(ended)


class _Seen:
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
        inside = _has_pid_namespace(self.place)
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
        cpu_us = int((max(self.cpu_s, self.last_cpu_s) + self.lost_cpu_s) * 1e6)
        return f"cpu_us={cpu_us} own_cpu_us={int(self.own_cpu_s * 1e6)} peak_kib={self.peak_kib}"


_buffer = bytearray(4096)


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


def _wait(seen: _Seen, ended: int, control: socket.socket, deadline: float, job: dict) -> str:
    """Wait until the program ends; why it did: ``ended``, ``timed_out``, ``out_of_memory``, ``overfull`` or ``stopped``."""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return "timed_out"
        ready, _, _ = select.select([ended, control], [], [], min(left, LOOK_S))
        if ended in ready:
            return "ended"
        if control in ready:
            return "stopped"  # the runner gave up, or is gone
        seen.reap()
        resident, cpu_s = seen.look()
        if resident > job["memory_bytes"]:
            return "out_of_memory"
        if cpu_s > job["cpu_s"] + 1:  # one process alone is ended by its own limit, before
            return "timed_out"
        if seen.ground.is_overfull():
            return "overfull"


def _send_files(path: str, job: dict, wanted: int, status: int) -> None:
    """Send the wanted files that are regular files, each cut at the limit, and all together at that of the disk."""
    left = job["disk_bytes"]
    for name in scratch.find_inside(path, marshal.loads(_read_all(wanted))):
        try:
            source = scratch.open_inside(path, name)
        except OSError:
            continue
        try:
            seen = os.fstat(source)
            if not stat.S_ISREG(seen.st_mode):
                continue
            size, at = min(seen.st_size, job["file_bytes"], left), 0
            left -= size
            _report(status, f"file {os.fsencode(name).hex()} {size} {int(seen.st_size > size)}")
            while at < size:
                at += os.sendfile(status, source, at, size - at)
        finally:
            os.close(source)


# ---------------------------------------------------------------------------------------------------------------- killing
def _ask_to_end(place: dict, pid: int, ended: int) -> None:
    """Let a program that is out of time write what it has printed: SIGTERM, and a moment."""
    _signal_job(place, pid, signal.SIGTERM)
    select.select([ended], [], [], FLUSH_S)


def _kill_all(place: dict, seen: _Seen) -> None:
    """Kill everything the program started and wait until it is gone; an error when something outlives five seconds."""
    deadline = time.monotonic() + 5
    while True:
        if _has_pid_namespace(place) or place["uid"] is not None:
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


def _has_pid_namespace(place: dict) -> bool:
    """Whether this process is pid 1: all it sees are the job's processes, and when it dies, they do."""
    return place["tier"] in ("namespaces", "bwrap")


def _signal_job(place: dict, pid: int, number: int) -> None:
    """Signal a process of the job; -1 is all of them, as pid 1 of their namespace or by their uid."""
    if _has_pid_namespace(place) or place["uid"] is None:
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
    found, fresh = set(), {os.getpid()}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return sorted(found)


def _counted_beside(place: dict) -> int:
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


# ---------------------------------------------------------------------------------------------------- becoming the program
def _become_program(
    ground: isolation.Ground,
    program: types.ModuleType,
    job: dict,
    order: int,
    pipes: list[int],
    take_note: int,
    processes: int,
) -> None:
    """In the fork: read the order, give up everything, become the program; never returns. Trouble goes to `take_note`."""
    try:
        os.setsid()
        for number, pipe in enumerate(pipes):
            os.dup2(pipe, number)
        wanted = marshal.loads(_read_all(order))
        _be_killed_first(b"1000")
        isolation.give_up_rights(ground)
        os.closerange(3, take_note)
        os.closerange(take_note + 1, 4096)
        try:
            for path, content in wanted["files"].items():
                scratch.write_inside(".", path, content)
        except OSError as error:
            raise OSError(f"the scratch folder could not be filled: {error}") from None
        isolation.limit(job, processes)
        if not _has_pid_namespace(ground.place):
            kernel.die_with_parent()
        isolation.restrict_calls(ground)
    except BaseException as error:
        _give_up(take_note, f"error {error or type(error).__name__}")
    if wanted["python"] is not None:
        os.close(take_note)
        _run_python(program, wanted["python"], wanted["argv"], wanted["env"])
    if wanted["argv"] is None:  # a probe: all the steps went well
        os._exit(0)
    try:
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):  # ignored here; exec would pass that on
            signal.signal(number, signal.SIG_DFL)
        _exec(wanted["argv"], {**os.environ, **wanted["env"]})
    except OSError as error:
        _give_up(take_note, f"exec {error.errno}")
    except BaseException as error:
        _give_up(take_note, f"error {error or type(error).__name__}")


def _read_all(source: int) -> bytes:
    return b"".join(iter(lambda: os.read(source, 1 << 20), b""))


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


def _run_python(program: types.ModuleType, source: str, arguments: list[str], env: dict[str, str]) -> None:
    """Do what ``python main.py`` would do in a fresh interpreter, then leave; never returns."""
    _signal.signal(signal.SIGINT, signal.default_int_handler)  # `signal.signal` makes enums, and each is pages to copy
    for number in (signal.SIGTERM, signal.SIGXCPU):
        _signal.signal(number, _out_of_time)
    if env:
        os.environ.update(env)
    sys.argv = [PYTHON_FILE, *arguments]
    linecache.cache[PYTHON_FILE] = (len(source), None, source.splitlines(keepends=True), PYTHON_FILE)
    gc.enable()
    status = _status_of(lambda: exec(compile(source, PYTHON_FILE, "exec", dont_inherit=True), program.__dict__))
    # what the interpreter does at its end, without taking itself apart
    if "threading" in sys.modules:
        status = max(status, _status_of(sys.modules["threading"]._shutdown))
    status = max(status, _status_of(atexit._run_exitfuncs))
    program.__dict__.clear()  # files that were never closed are written now
    status = max(status, _status_of(sys.stdout.flush))
    _status_of(sys.stderr.flush)
    os._exit(status)


def _out_of_time(number: int, frame: types.FrameType) -> None:
    """Write what was printed, then die of the signal."""
    _signal.signal(number, _signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):  # the program may have put anything there, or be writing to it
            stream.flush()
    os.kill(os.getpid(), number)


def _status_of(act: types.FunctionType) -> int:
    """The exit status that an interpreter would give after this; an uncaught exception is printed."""
    try:
        act()
    except SystemExit as left:
        if left.code is None:
            return 0
        if isinstance(left.code, int):
            return left.code & 0xFF
        print(left.code, file=sys.stderr)
        return 1
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace)
        return 1
    return 0
