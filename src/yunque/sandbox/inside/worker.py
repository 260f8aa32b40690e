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
import processes
import scratch

LOOK_S = 0.04
"""How often the processes of a running job are looked at."""
PYTHON_FILE = "main.py"
"""What a warm Python program is called, in tracebacks and as ``sys.argv[0]``."""
COMMON_MODULES = (
    "bisect", "collections", "copy", "datetime", "functools", "hashlib", "heapq", "itertools", "json", "math", "operator",
    "re", "string", "typing",
)  # fmt: skip
"""Imported before any program asks. Not random or threading: what these do after every fork costs as much as half a fork."""
_OWN_MODULES = ("isolation", "kernel", "processes", "scratch", "seccomp", "worker")


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
    """Make this interpreter what a new one would be for a program, warm; returns the empty module that it will be.

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
    """Start the program, wait for its end or a limit, kill everything; returns the line to report."""
    note, take_note = os.pipe()  # closed by a successful exec
    num_processes = job["processes"] + processes.counted_beside(ground.place)
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _become_program(ground, program, job, order, pipes, take_note, num_processes)
    for descriptor in (take_note, *pipes):
        os.close(descriptor)
    ended = os.pidfd_open(pid)
    try:
        seen = processes.Seen(pid, ground)
        if trouble := _read_all(note).decode("utf-8", "replace"):
            processes.kill_all(ground.place, seen)
            return trouble
        ended_by = _wait(seen, ended, control, started + job["wall_s"], job)
        wall_us = int((time.monotonic() - started) * 1e6)
        if ended_by == "timed_out":
            processes.ask_to_end(ground.place, pid, ended)
        processes.kill_all(ground.place, seen)
        return f"done status={seen.status} wall_us={wall_us} {ended_by}=1 {seen.usage()}"
    finally:
        os.close(note)
        os.close(ended)


def _wait(seen: processes.Seen, ended: int, control: socket.socket, deadline: float, job: dict) -> str:
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
            size, position = min(seen.st_size, job["file_bytes"], left), 0
            left -= size
            _report(status, f"file {os.fsencode(name).hex()} {size} {int(seen.st_size > size)}")
            while position < size:
                position += os.sendfile(status, source, position, size - position)
        finally:
            os.close(source)


# ---------------------------------------------------------------------------------------------------- becoming the program
def _become_program(
    ground: isolation.Ground,
    program: types.ModuleType,
    job: dict,
    order: int,
    pipes: list[int],
    take_note: int,
    num_processes: int,
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
        isolation.limit(job, num_processes)
        if not processes.has_pid_namespace(ground.place):
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
