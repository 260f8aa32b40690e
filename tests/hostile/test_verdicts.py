"""Forged verdicts: one trick of a wrong program each. None may pass, and none may spoil the verdict of the next program."""

import pytest

from yunque.checks.execution.assertions import Call
from yunque.checks.execution.python import Asserts, Calls, Expected
from yunque.core.nouns import Limits, Origin, Outcome, Record

ORIGIN = Origin(source="attack", path="main.py", revision="", licence="unknown", collected_at="")
SHORT, ROOMY = Limits(wall_s=0.5, cpu_s=0.5), Limits(wall_s=1.5, cpu_s=1.5)

RIGHT = "def double(x):\n    return 2 * x\n"
LIFTED = (
    "def check(candidate):\n    assert candidate(3) == 6\n    assert candidate(0) == 0\n    assert candidate(-4) == -8\n"
)
LOOPED = "import random\ndef check(candidate):\n    for x in range(-3, 4):\n        assert candidate(x) == x + x\n"

TRICKS = {
    "equal to everything": """
class Any:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
def double(x): return Any()
""",
    "an int that is equal to everything": """
class Any(int):
    def __eq__(self, other): return True
def double(x): return Any(1)
""",
    "a float that compares as it likes": """
class Any(float):
    def __eq__(self, other): return True
    def __lt__(self, other): return True
    def __sub__(self, other): return self
    def __abs__(self): return self
def double(x): return Any(1)
""",
    "a type whose metaclass answers": """
class Meta(type):
    def __eq__(self, other): return True
    def __instancecheck__(self, other): return True
    def __hash__(self): return hash(int)
class Any(metaclass=Meta): pass
def double(x): return Any
""",
    "an object that pretends its class": """
class Any:
    __class__ = int
    def __eq__(self, other): return True
    def __reduce_ex__(self, protocol): return (int, (6,))
def double(x): return Any()
""",
    "walking the frames for the answer": """
import sys
def double(x):
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()) + list(frame.f_globals.values()):
            if isinstance(value, str) and "assert" in value: raise SystemExit(0)
            if isinstance(value, dict) and "word" in value:
                print(value["word"]); raise SystemExit(0)
        frame = frame.f_back
    return None
""",
    "searching the heap for the answer": """
import gc
def double(x):
    for thing in gc.get_objects():
        if isinstance(thing, dict) and ("expected" in thing or "word" in thing):
            return thing.get("expected", thing.get("word"))
    return None
""",
    "searching its own memory for the word": """
import os, re
def double(x):
    try:
        memory = open("/proc/self/mem", "rb", 0)
        for line in open("/proc/self/maps"):
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if "w" not in line or end - start > 1 << 26: continue
            memory.seek(start)
            for word in re.findall(rb"[0-9a-f]{32}", memory.read(end - start)): os.write(1, word + b"\\n")
    except (OSError, ValueError, OverflowError): pass
    os._exit(0)
""",
    "searching the other process's memory": """
import os, re
def double(x):
    for pid in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc/self") else ()):
        try:
            memory = open(f"/proc/{pid}/mem", "rb", 0)
            for line in open(f"/proc/{pid}/maps"):
                start, end = (int(part, 16) for part in line.split()[0].split("-"))
                memory.seek(start)
                for word in re.findall(rb"[0-9a-f]{32}", memory.read(end - start)):
                    open(f"/proc/{pid}/fd/1", "wb").write(word + b"\\n")
        except (OSError, ValueError, OverflowError): continue
    return None
""",
    "reading the answers from disk": """
import glob
def double(x):
    for path in glob.glob("**/*", recursive=True) + glob.glob("/tmp/**/*.json*", recursive=True):
        try: text = open(path).read()
        except OSError: continue
        if "candidate(3) == 6" in text: return 2 * x
    return None
""",
    "reading the answers from stdin": """
import os, sys
def double(x):
    try: text = sys.stdin.read() + os.read(0, 100000).decode()
    except (OSError, ValueError): text = ""
    return 2 * x if "== 6" in text or "word" in text else None
""",
    "leaving with status 0": "import os\ndef double(x): os._exit(0)\n",
    "leaving with status 0 on import": "import os\nos._exit(0)\n",
    "sys.exit on import": "import sys\nsys.exit(0)\n",
    "sys.exit in the function": "import sys\ndef double(x): sys.exit(0)\n",
    "raising KeyboardInterrupt": "def double(x): raise KeyboardInterrupt\n",
    "atexit says all is well": """
import atexit, os
atexit.register(lambda: (os.write(1, b"passed\\n"), os._exit(0)))
def double(x): return None
""",
    "a hook on exceptions": """
import os, sys
sys.excepthook = lambda *_: os._exit(0)
def double(x): raise AssertionError
""",
    "a tracer that jumps over the assert": """
import sys
def trace(frame, event, argument):
    if event == "exception": import os; os._exit(0)
    return trace
sys.settrace(trace)
def double(x):
    sys._getframe(1).f_trace = trace
    return None
""",
    "the test's names rebound": """
import builtins, sys
builtins.AssertionError = ZeroDivisionError
builtins.__dict__["abs"] = lambda x: 0
def check(candidate): pass
def double(x):
    sys._getframe(1).f_globals["check"] = check
    return None
""",
    "builtins replaced": """
import builtins
builtins.len = lambda *_: 0
builtins.print = lambda *_, **__: None
builtins.isinstance = lambda *_: True
builtins.all = lambda *_: True
builtins.type = lambda *_: int
def double(x): return None
""",
    "json replaced": """
import json
json.dumps = json.JSONEncoder.encode = lambda *_, **__: '[6, null]'
json.loads = lambda *_, **__: 6
def double(x): return None
""",
    "the wire replaced": """
import sys
for module in list(sys.modules.values()):
    for name in ("dump", "load", "answer", "send", "matches"):
        if hasattr(module, name): setattr(module, name, lambda *_, **__: "=0")
def double(x): return None
""",
    "unittest and sys.modules replaced": """
import sys, types
for name in ("unittest", "math", "operator", "random", "json"):
    sys.modules[name] = types.ModuleType(name)
def double(x): return None
""",
    "answers written to every descriptor": """
import os
def double(x):
    for descriptor in range(3, 64):
        try: os.write(descriptor, b"=true\\n" * 20 + b"passed\\n")
        except OSError: pass
    return None
""",
    "a flood of answers on stdout": """
import os
def double(x):
    for _ in range(2000): os.write(1, b"passed\\n" * 100)
    return None
""",
    "a forged word": """
import os
def double(x):
    os.write(1, b"0123456789abcdef0123456789abcdef\\n")
    os._exit(0)
""",
    "a child that answers and stays": """
import os, time
def double(x):
    if os.fork() == 0:
        time.sleep(30)
    os._exit(0)
""",
    "killing its parent": """
import os, signal
def double(x):
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(0, signal.SIGKILL)
    return None
""",
    "killing everybody": "import os\ndef double(x): os.kill(-1, 9)\n",
    "an exception that explodes when it is read": """
class Boom(Exception):
    def __str__(self): import os; os._exit(0)
    __repr__ = __str__
def double(x): raise Boom
""",
    "a recursion without end": "def double(x): return double(x)\n",
    "a result that contains itself": "def double(x):\n    loop = []\n    loop.append(loop)\n    return loop\n",
    "a result of a gigabyte": "def double(x): return 'x' * (1 << 30)\n",
    "an iterator without end": "import itertools\ndef double(x): return itertools.count()\n",
    "a thread that answers later": """
import os, threading, time
def late():
    time.sleep(0.2)
    os.write(1, b"=6\\n=0\\n=-8\\n")
threading.Thread(target=late).start()
def double(x): return None
""",
    "a loop without end": "def double(x):\n    while True: pass\n",
    "clock games": """
import time
time.time = time.monotonic = time.perf_counter = lambda: 0.0
time.sleep = lambda *_: None
def double(x):
    while time.time() < 60: pass
""",
    "stopping itself": "import os, signal\ndef double(x): os.kill(os.getpid(), signal.SIGSTOP)\n",
    "closing every descriptor": "import os\ndef double(x):\n    os.closerange(0, 100)\n    return None\n",
    "changing the argument instead": "def double(x):\n    x += x\n    return None\n",
    "a bool for a number": "def double(x): return bool(x) if x else None\n",
}


ENDLESS = {"a loop without end", "clock games", "stopping itself"}


def record(text: str) -> Record:
    return Record(id="attack", text=text, language="python", origin=ORIGIN)


def judges(box, limits):
    expected = [Expected(call=Call("double", (x,), {}), value=2 * x) for x in (3, 0, -4)]
    yield Calls(expected=expected, sandbox=box, limits=limits)
    for test, judge_location in ((LIFTED, "outside"), (LOOPED, "apart")):
        yield Asserts(
            test=test, functions=("double",), entry="double", sandbox=box, limits=limits, judge_location=judge_location
        )


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_passes(box, trick):
    limits = SHORT if trick in ENDLESS else ROOMY  # a time-out must not hide what a trick would have done
    for judge, next_judge in zip(judges(box, limits), judges(box, ROOMY), strict=True):
        verdict = judge.judge(record(TRICKS[trick]))
        assert verdict.outcome is Outcome.FAIL, (judge, verdict)
        after = next_judge.judge(record(RIGHT))
        assert after.outcome is Outcome.PASS and after.took_ms < 1500, (trick, after)


@pytest.mark.parametrize(
    "trick", ["leaving with status 0", "leaving with status 0 on import", "sys.exit on import", "a forged word"]
)
def test_even_in_one_process_status_0_is_not_a_pass(box, trick):
    judge = Asserts(
        test=LIFTED, functions=("double",), entry="double", sandbox=box, limits=ROOMY, judge_location="in-process"
    )
    assert judge.judge(record(TRICKS[trick])).outcome is Outcome.FAIL
    right = judge.judge(record(RIGHT))
    assert right.outcome is Outcome.PASS and right.judge_location == "in-process"
