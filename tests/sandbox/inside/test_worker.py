"""Warm workers: a fork is like a fresh interpreter, jobs leave nothing to the next, and a killed worker is replaced."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from yunque.core.errors import SandboxError
from yunque.core.nouns import Job, Limits
from yunque.sandbox import cgroups, open_sandbox, pool
from yunque.sandbox.tiers import TIERS


@pytest.fixture(scope="module", params=TIERS)
def box(request):
    try:
        sandbox = open_sandbox(request.param, unsafe=True)
    except SandboxError as error:
        pytest.skip(f"tier {request.param} is not available here: {error}")
    with sandbox:
        yield sandbox


def python(box, source, *argv, **job):
    return box.run(Job(python=source, argv=argv, **job))


def test_a_program_is_main_and_finds_its_arguments_input_and_environment(box):
    source = """
import os, sys
print(__name__, __file__, sys.argv, sys.stdin.read(), os.environ["WHO"], os.environ["TZ"], os.getcwd() == sys.path[0])
"""
    seen = python(box, source, "-x", "y z", stdin=b"in\n", env={"WHO": "me"})
    assert seen.stdout.decode() == "__main__ main.py ['main.py', '-x', 'y z'] in\n me UTC True\n", seen
    assert (seen.exit_code, seen.tier) == (0, box.tier)


@pytest.mark.parametrize(
    ("source", "code", "says"),
    [
        ("import sys; sys.exit(3)", 3, b""),
        ("import sys; sys.exit('so not')", 1, b"so not\n"),
        ("raise SystemExit", 0, b""),
        ("def f():\n    return 1 / 0\nf()", 1, b"ZeroDivisionError: division by zero\n"),
        ("x = (", 1, b"SyntaxError: '(' was never closed\n"),
        ("assert 1 == 2, 'no'", 1, b"AssertionError: no\n"),
        ("import os; os._exit(7)", 7, b""),
    ],
)
def test_exit_codes_and_tracebacks(box, source, code, says):
    seen = python(box, source)
    assert seen.exit_code == code
    assert seen.stderr.endswith(says), seen.stderr
    if says.startswith(b"Zero"):
        assert b'File "main.py", line 2, in f\n    return 1 / 0\n' in seen.stderr
    assert b"worker.py" not in seen.stderr


def test_the_end_of_an_interpreter(box):
    source = """
import atexit, threading, time
atexit.register(print, "atexit")
file = open("left-open.txt", "w"); file.write("written")
threading.Thread(target=lambda: (time.sleep(0.05), print("thread"))).start()
print("main")
"""
    seen = python(box, source, collect=("left-open.txt",))
    assert (seen.stdout, seen.exit_code) == (b"main\nthread\natexit\n", 0), seen
    assert seen.files == {"left-open.txt": b"written"}


def test_nothing_of_a_program_is_left_to_the_next(box):
    python(box, "import builtins, json, os\nbuiltins.len = None\njson.mine = 1\nos.environ['X'] = '1'\nopen('file', 'w')")
    seen = python(box, "import json, os, sys\nprint(len('abc'), hasattr(json, 'mine'), 'X' in os.environ, os.listdir())")
    assert seen.stdout == b"3 False False []\n"


def test_no_module_of_the_worker_is_there_to_import(box):
    seen = python(
        box, "import sys\nprint([name for name in ('worker', 'kernel', 'isolation', 'scratch') if name in sys.modules])"
    )
    assert seen.stdout == b"[]\n"
    assert b"ModuleNotFoundError" in python(box, "import isolation").stderr


def test_hashes_and_time_zone_are_fixed_and_randomness_is_not_shared(box):
    hashes = {python(box, "print(hash('yunque'))").stdout for _ in range(3)}
    assert len(hashes) == 1
    numbers = {python(box, "import random; print(random.random())").stdout for _ in range(3)}
    assert len(numbers) == 3


def test_preloaded_modules_are_there(box):
    seen = python(
        box,
        "from yunque.checks.inside.codec import dump\nprint(dump((1, 2)))",
        preload=("yunque.checks.inside.codec",),
    )
    assert b"1" in seen.stdout and seen.exit_code == 0, seen
    with pytest.raises(SandboxError, match=r"no module 'yunque\.nonsense'"):
        python(box, "", preload=("yunque.nonsense",))


def test_patterns_collect_what_matches(box):
    source = "for name in ('A.class', 'A$1.class', 'b.txt'): open(name, 'w').write(name)"
    assert python(box, source, collect=("*.class",)).files == {"A.class": b"A.class", "A$1.class": b"A$1.class"}


def test_programs_among_the_files_can_be_run(box):
    files = {"run": b"#!/bin/sh\necho $1\n", "data": b"#"}
    assert box.run(Job(argv=("./run", "here"), files=files)).stdout == b"here\n"
    assert box.run(Job(argv=("./data",), files=files)).exit_code == 126


def test_processes_share_one_memory_limit(box):
    source = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        block = bytearray(40 << 20); time.sleep(20); os._exit(0)
time.sleep(20)
"""
    seen = python(box, source, limits=Limits(wall_s=10, memory_bytes=160 << 20))
    assert seen.out_of_memory and not seen.timed_out, seen
    assert seen.wall_ms < 5000
    assert python(box, "print(1)").stdout == b"1\n"


def test_processes_share_one_processor_limit(box, alone):
    source = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    started = time.monotonic()
    seen = python(box, source, limits=Limits(wall_s=20, cpu_s=1))
    assert seen.timed_out, seen
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("wait", ["time.sleep(30)", "while True: pass", "threading.Event().wait()", "sys.stdin.read()"])
def test_what_was_printed_before_the_time_was_up_is_kept(box, wait):
    source = f"import sys, time, threading\nprint('in the buffer')\nprint('and here', end='', file=sys.stderr)\n{wait}\n"
    started = time.monotonic()
    seen = python(box, source, limits=Limits(wall_s=1, cpu_s=1))
    assert seen.timed_out or wait.startswith("sys"), seen
    assert (seen.stdout, seen.stderr) == (b"in the buffer\n", b"and here"), seen
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "source",
    [
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass\n",
        "import sys, time\nclass Out:\n    def flush(self): time.sleep(60)\nsys.stdout = Out()\ntime.sleep(60)\n",
    ],
    ids=["deaf", "endless flush"],
)
def test_who_does_not_end_when_asked_is_killed(box, source):
    started = time.monotonic()
    assert python(box, source, limits=Limits(wall_s=1, cpu_s=9)).timed_out
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("tier", ["namespaces", "bwrap"])
def test_all_files_together_are_limited(tier):
    try:
        sandbox = open_sandbox(tier)
    except SandboxError as error:
        pytest.skip(f"tier {tier} is not available here: {error}")
    source = "for n in range(64): open(str(n), 'wb').write(b'x' * (1 << 20))"
    with sandbox:
        seen = python(sandbox, source, limits=Limits(disk_bytes=8 << 20))
        assert b"No space left on device" in seen.stderr
        assert python(sandbox, "import os; print(os.listdir())", limits=Limits(disk_bytes=8 << 20)).stdout == b"[]\n"


def workers_of(box):
    return [worker.process.pid for worker in box._pool._idle]


def test_a_worker_killed_while_idle_is_replaced(fresh):
    assert python(fresh, "print(1)").stdout == b"1\n"
    for pid in workers_of(fresh):
        os.kill(pid, signal.SIGKILL)
    assert python(fresh, "print(2)").stdout == b"2\n"


def test_a_worker_killed_under_a_job_costs_the_job_nothing(fresh):
    assert python(fresh, "print(1)").stdout == b"1\n"
    (pid,) = workers_of(fresh)
    threading.Timer(0.1, os.kill, (pid, signal.SIGKILL)).start()
    seen = python(fresh, "import time; time.sleep(0.4); print(2)")
    assert (seen.stdout, seen.exit_code) == (b"2\n", 0)


def test_an_idle_worker_is_used_again_and_close_ends_it(fresh):
    python(fresh, "")
    first = workers_of(fresh)
    python(fresh, "")
    assert workers_of(fresh) == first
    fresh.close()
    assert workers_of(fresh) == []
    assert not os.path.exists(f"/proc/{first[0]}")


def test_a_fork_of_this_process_makes_workers_of_its_own(fresh):
    python(fresh, "")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, python(fresh, "print('from the fork')").stdout)
            fresh.close()
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"from the fork\n"
    os.close(read)
    assert python(fresh, "print(3)").stdout == b"3\n"


def test_many_jobs_at_once_do_not_mix(box):
    seen = {}

    def work(number):
        for turn in range(5):
            seen[number, turn] = python(box, f"import time; time.sleep(0.01); print({number}, {turn})").stdout

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {(number, turn): b"%d %d\n" % (number, turn) for number in range(8) for turn in range(5)}


def test_two_workers_never_share_a_private_uid(monkeypatch):
    monkeypatch.setattr(pool, "PRIVATE_UIDS", range(59_184, 59_186))
    with pool._private_uid() as one, pool._private_uid() as other:
        assert {one, other} == {59_184, 59_185}
        with pytest.raises(SandboxError, match="every private uid is taken"), pool._private_uid():
            pass


def test_the_group_of_a_maker_that_was_killed_is_swept(tmp_path):
    dead, alive = tmp_path / f"{cgroups.PREFIX}{2**22 + 1}-1", tmp_path / f"{cgroups.PREFIX}{os.getpid()}-1"
    for folder in (dead, alive, tmp_path / "other"):
        folder.mkdir()
    cgroups._sweep({"memory": str(tmp_path), "pids": str(tmp_path)})
    assert {path.name for path in tmp_path.iterdir()} == {alive.name, "other"}


def test_what_a_process_has_started_enters_its_group_too(monkeypatch):
    entered = []
    monkeypatch.setattr(cgroups, "_write", lambda path, value: entered.append(value))
    group = cgroups.Group.__new__(cgroups.Group)
    group.folders = {"memory": "/m", "pids": "/m"}
    code = "import subprocess; p = subprocess.Popen(['sleep', '30']); print(p.pid, flush=True); p.wait()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        group.enter(parent.pid)
        os.kill(child, signal.SIGKILL)
    assert entered == [parent.pid, child]
