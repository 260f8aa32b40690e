"""The basic properties once more as a user without privileges, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import yunque
from yunque.sandbox.tiers import ISOLATING

USER = {"user": 65534, "group": 65534, "extra_groups": []}

PROGRAM = '''
import os, sys, time
from yunque.core.errors import SandboxError
from yunque.core.nouns import Job, Limits
from yunque.sandbox import open_sandbox

victim, bystander, tier = sys.argv[1], int(sys.argv[2]), sys.argv[3]
try:
    box = open_sandbox(tier)
except SandboxError as error:
    print("SKIP", error)
    sys.exit()

def run(source, **limits):
    source = "import os, socket, sys, time\\n" + source
    return box.run(Job(argv=(sys.executable, "-I", "-S", "-c", source), limits=Limits(**{"wall_s": 5.0, **limits})))

def refused(expression):
    seen = run(f"try: {expression}\\nexcept OSError as error: print('stopped', error.errno)")
    assert seen.stdout.startswith(b"stopped"), (expression, seen)

assert run("sys.exit(3)").exit_code == 3
refused(f"open({victim!r}).read()")
refused(f"open({victim!r}, 'w')")
refused("open('/etc/passwd')")
refused("socket.socket()")
refused(f"os.kill({bystander}, 9)")
refused("import resource; resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))")
run("os.kill(os.getppid(), 9)"); run("os.kill(-1, 9)")
run(f"os.chmod({victim!r}, 0)"); run(f"os.utime({victim!r}, (1, 1))")
seen = run("""
made = 0
try:
    while made < 200:
        if os.fork() == 0: time.sleep(60); os._exit(0)
        made += 1
except OSError: pass
print(made)
""", processes=12)
assert 4 <= int(seen.stdout) <= 14, seen
seen = run("""
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(59.125)
    os._exit(0)
""")
assert seen.exit_code == 0
for name in filter(str.isdigit, os.listdir("/proc")):
    if int(name) == os.getpid(): continue
    try: assert b"59.125" not in open(f"/proc/{name}/cmdline", "rb").read(), name
    except OSError: pass
assert run("time.sleep(60)", wall_s=0.4).timed_out
assert run("bytearray(3 << 30)").exit_code == 1
assert run("import threading; t = threading.Thread(target=print, args=(4,)); t.start(); t.join()").stdout == b"4\\n"
assert run("os.makedirs('a/b'); os.chmod('a/b', 0); os.chmod('a', 0)").exit_code == 0

seen = box.run(Job(python="import sys; print(sys.argv, sys.stdin.read())", argv=("x",), stdin=b"in"))
assert seen.stdout == b"['main.py', 'x'] in\\n", seen
from yunque.checks.execution.python import Asserts
from yunque.core.nouns import Origin, Record
origin = Origin(source="", path="", revision="", licence="", collected_at="")
for test, seat in (("assert f(2) == 4", "outside"), ("for x in [2]: assert f(x) == 4", "apart")):
    judge = Asserts(test=test, functions=["f"], sandbox=box, limits=Limits(wall_s=5.0))
    assert judge.best_location() == seat
    for text, outcome in (
        ("def f(x): return x + x", "pass"),
        ("def f(x): return x", "fail"),
        ("import os\\ndef f(x): os._exit(0)", "fail"),
        ("import os\\ndef f(x): os.kill(os.getppid(), 9); os.kill(-1, 9)", "fail"),
        ("class A:\\n    def __eq__(self, other): return True\\ndef f(x): return A()", "fail"),
    ):
        verdict = judge.judge(Record(id="", text=text, language="python", origin=origin))
        assert verdict.outcome == outcome, (text, verdict)
print("ALL WELL")
'''


@pytest.mark.parametrize("tier", ISOLATING)
def test_as_an_ordinary_user(tier, ground):
    if os.geteuid() != 0:
        pytest.skip("already an ordinary user: the other tests ran as one")
    python = _python_for_everybody()
    ground.chmod(0o777)
    victim = ground / "victim.txt"
    victim.write_text("SECRET")
    os.chown(victim, 65534, 65534)
    before = victim.stat()
    env = {"PYTHONPATH": str(Path(yunque.__file__).parents[1]), "TMPDIR": str(ground), "PYTHONDONTWRITEBYTECODE": "1"}
    bystander = subprocess.Popen(["/bin/sleep", "60"], **USER)
    try:
        command = [python, "-c", PROGRAM, str(victim), str(bystander.pid), tier]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, cwd="/", **USER)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    if done.stdout.startswith("SKIP"):
        pytest.skip(f"tier {tier} is not available here: {done.stdout.strip()}")
    assert done.stdout == "ALL WELL\n", done.stderr
    after = victim.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert victim.read_text() == "SECRET"


def _python_for_everybody() -> str:
    """A Python of 3.11 or later, and our source, that a stranger can reach; else skip."""
    check = "import sys, yunque.sandbox; sys.exit(sys.version_info < (3, 11))"
    env = {"PYTHONPATH": str(Path(yunque.__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    for path in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run([path, "-c", check], capture_output=True, env=env, cwd="/", **USER)
        except OSError:
            continue
        if done.returncode == 0:
            return path
    pytest.skip("an ordinary user reaches no Python >= 3.11 together with this source tree")
