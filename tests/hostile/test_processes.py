"""Attacks on other processes, and attempts to outlive the run."""

import os
import shutil
import subprocess
import sys
import time


def test_orphan_of_a_double_fork_with_its_own_session(attack):
    seen = attack("""
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(60)
    os._exit(0)
print("parent done")
""")
    assert seen.exit_code == 0
    assert seen.wall_ms < 2000


def test_grandchild_that_keeps_the_pipes_open(attack):
    started = time.monotonic()
    seen = attack("subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(60)']); print('out')")
    assert seen.stdout == b"out\n"
    assert time.monotonic() - started < 3


def test_daemon_that_goes_on_forking_while_it_is_killed(attack):
    seen = attack("""
if os.fork() == 0:
    os.setsid()
    while True:
        try:
            if os.fork():
                os._exit(0)
        except OSError:
            pass
time.sleep(0.1)
""")
    assert seen.exit_code == 0


def test_fork_bomb(attack):
    seen = attack(
        """
made = 0
for _ in range(200):
    try:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    except OSError as error:
        print("stopped by", error.errno, "after", made, flush=True)
        break
    made += 1
""",
        processes=12,
    )
    assert b"stopped by 11" in seen.stdout
    assert 5 <= int(seen.stdout.split()[-1]) <= 12


def test_thread_bomb(attack):
    seen = attack(
        """
made = 0
try:
    for _ in range(200):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        made += 1
except RuntimeError:
    print("stopped after", made, flush=True)
os._exit(0)
""",
        processes=12,
    )
    assert b"stopped after" in seen.stdout
    assert 5 <= int(seen.stdout.split()[-1]) <= 12


def test_threads_within_the_limit_work(attack):
    seen = attack("""
threads = [threading.Thread(target=print, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""")
    assert sorted(seen.stdout.split()) == [b"0", b"1", b"2", b"3"]


def test_thread_that_never_ends(attack):
    seen = attack("threading.Thread(target=time.sleep, args=(60,)).start(); print('main done')", wall_s=0.5)
    assert seen.timed_out
    assert (seen.exit_code, seen.signal) == (None, 15)  # it was asked to end, and did


def test_ignoring_every_signal(attack):
    seen = attack(
        """
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
print("deaf", flush=True)
while True: time.sleep(60)
""",
        wall_s=0.5,
    )
    assert seen.stdout == b"deaf\n"
    assert seen.timed_out


def test_closing_the_outputs_and_running_on(attack):
    started = time.monotonic()
    seen = attack("os.close(0); os.close(1); os.close(2)\nwhile True: time.sleep(60)", wall_s=0.5)
    assert seen.timed_out
    assert time.monotonic() - started < 4


def test_sleeping_past_the_wall_limit(attack):
    seen = attack("time.sleep(60)", wall_s=0.4)
    assert seen.timed_out
    assert 400 <= seen.wall_ms < 3000


def test_stopping_itself(attack):
    assert attack("os.kill(os.getpid(), signal.SIGSTOP)", wall_s=0.4).timed_out


def test_signalling_the_parent(attack, bystander):
    seen = attack("for number in (9, 15, 19): attempt(os.kill, os.getppid(), number)\ntime.sleep(0.1); print('end')")
    assert seen.exit_code == 0
    assert seen.stdout.endswith(b"end\n")


def test_signalling_a_process_outside_by_its_pid(refused, bystander):
    refused(f"attempt(os.kill, {bystander.pid}, 9)\nattempt(os.kill, {os.getpid()}, 15)")


def test_killing_everybody(attack, bystander):
    """The kernel may call it a success when nobody could be hit, so only the bystander can tell."""
    assert attack("attempt(os.kill, -1, 9)").exit_code == 0


def test_signals_by_way_of_a_file(refused, bystander):
    refused(f"""
import fcntl
near, far = os.pipe()
attempt(fcntl.fcntl, near, fcntl.F_SETOWN, {bystander.pid})
attempt(fcntl.fcntl, near, 10, 9)
""")


def test_limits_of_another_process(refused, bystander):
    refused(f"""
import resource
attempt(resource.prlimit, os.getppid(), resource.RLIMIT_CPU, (1, 1))
attempt(resource.prlimit, {bystander.pid}, resource.RLIMIT_CPU, (1, 1))
""")


def test_raising_its_own_limits(refused):
    refused("""
import resource
for what in (resource.RLIMIT_NPROC, resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU):
    attempt(resource.setrlimit, what, (resource.getrlimit(what)[1] + 1,) * 2)
""")


def test_ptrace(refused, nr, bystander):
    refused(f"for pid in (os.getppid(), {bystander.pid}): attempt(call, {nr('ptrace')}, 16, pid, 0, 0)")


def test_memory_of_another_process(refused, nr):
    refused(f"""
attempt(call, {nr("process_vm_readv")}, os.getppid(), 0, 0, 0, 0, 0)
attempt(open, f"/proc/{{os.getppid()}}/mem", "rb")
attempt(open, f"/proc/{{os.getppid()}}/maps")
""")


def test_taking_a_descriptor_of_the_watcher(refused, nr):
    refused(f"""
handle = os.pidfd_open(os.getppid())
for number in range(3, 12):
    attempt(call, {nr("pidfd_getfd")}, handle, number, 0)
    attempt(os.open, f"/proc/{{os.getppid()}}/fd/{{number}}", os.O_WRONLY)
""")


def test_environment_of_the_parent(attack, fresh, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "SECRET-IN-THE-ENVIRONMENT")
    seen = attack(f"""
print(dict(os.environ))
for pid in (os.getppid(), {os.getpid()}, 1, "self"):
    try: print(open(f"/proc/{{pid}}/environ").read())
    except OSError as error: print("stopped by", error.errno)
""")
    assert b"stopped by" in seen.stdout
    assert b"SECRET" not in seen.stdout


def test_a_list_of_the_machines_processes(attack):
    seen = attack("""
try: print(*[name for name in os.listdir("/proc") if name.isdigit()])
except OSError: print("stopped")
""")
    assert len(seen.stdout.split()) <= 2


def test_renicing_the_others(refused):
    refused("attempt(os.setpriority, os.PRIO_PROCESS, os.getppid(), 19)\nattempt(os.nice, -5)")


def test_the_runner_dies_in_the_middle(box, python, mark, ground):
    """The one test that kills the trusted side: the program must go with it."""
    source = f"""
import sys
from yunque.core.nouns import Job
from yunque.sandbox import open_sandbox
code = "import time; print(1, flush=True); time.sleep(60)"
job = Job(argv=({python!r}, "-I", "-S", "-c", code), env={{"YUNQUE_MARK": {mark!r}}})
sys.stderr.write("go"); sys.stderr.flush()
open_sandbox({box.tier!r}).run(job)
"""
    env = {**os.environ, "TMPDIR": str(ground)}
    parent = subprocess.Popen([sys.executable, "-c", source], stderr=subprocess.PIPE, env=env)
    assert parent.stderr.read(2) == b"go"
    time.sleep(0.3)
    parent.kill()
    parent.wait()
    parent.stderr.close()
    time.sleep(0.2)
    for left in ground.glob("yunque-box-*"):  # nobody was left to remove it
        shutil.rmtree(left)
