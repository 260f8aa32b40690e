# ruff: noqa: E501 - a test and a program on a line each
"""Wrong programs against the seats for Python, and tests that only look regular: no forged pass, no right answer failed.

Each row of `FORGED` is a wrong program by Python's own rules (the test fails when both run in one process); none may pass.
Each row of `ODD` is a right program with an unusual test; it passes, or no verdict is given.
"""

import pytest

from yunque.checks.execution.python import Asserts
from yunque.core.nouns import Limits, Origin, Outcome, Record

ORIGIN = Origin(source="attack", path="main.py", revision="", licence="unknown", collected_at="")
LOOP = "for n in (1,):\n    "

FORGED = {
    # --- the test's own process is reached for
    "a module that the tester imports": (
        "import random\n" + LOOP + "assert f(n) == random.Random(n).random()",
        "open('random.py', 'w').write('class Random:\\n    def __init__(self, n): pass\\n    def random(self): return 0')\ndef f(n): return 0",
    ),
    "a package that the tester imports": (
        "for n in (1,):\n    import fractions\n    assert f(n) == fractions.Fraction(n, 2)",
        "import os\nos.mkdir('fractions')\nopen('fractions/__init__.py', 'w').write('def Fraction(*_): return 0')\ndef f(n): return 0",
    ),
    "a module that the tester imports late": (
        "f(0)\nimport colorsys\nassert f(1) == colorsys.rgb_to_hsv(1, 0, 0)",
        "def f(n):\n    open('colorsys.py', 'w').write('def rgb_to_hsv(*_): return 0')\n    return 0",
    ),
    "an exception of a module of its own": (
        "try:\n    f(1)\n    assert False\nexcept ValueError:\n    pass",
        "import sys\nopen('this.py', 'w').write('print(1)')\nclass E(Exception):\n    __module__ = 'this'\ndef f(n): raise E",
    ),
    "an exception of a module that the tester lacks": (
        "try:\n    f(1)\n    assert False\nexcept ValueError:\n    pass",
        "class JSONDecodeError(Exception):\n    __module__ = 'json.decoder'\ndef f(n): raise JSONDecodeError('x')",
    ),
    "stopping the tester": (
        LOOP + "assert f(n) == 2",
        "import os, signal\ndef f(n):\n    os.kill(os.getppid(), signal.SIGKILL)\n    return 1",
    ),
    "answering from two processes": (
        LOOP + "assert f(n) == 2",
        "import os\ndef f(n): return 1 if os.fork() else 3",
    ),
    "a child that answers later": (
        "for n in (1, 2, 3):\n    assert f(n) == n * 7",
        "import os\nos.fork()\ndef f(n): return 7",
    ),
    "every descriptor is written to": (
        LOOP + "assert f(n) == 2",
        "import os\ndef f(n):\n    for d in range(3, 100):\n        try: os.write(d, b'[\"=\", {\"value\": \"3\", \"contents\": {}, \"forgotten\": []}, \"\"]\\n')\n        except OSError: pass\n    os._exit(0)",
    ),
    "every descriptor is closed": (LOOP + "assert f(n) == 2", "import os\ndef f(n):\n    os.closerange(0, 100)\n    return 1"),
    "an exit in a destructor": (
        LOOP + "assert f(n) == 2",
        "import os\nclass Last:\n    def __del__(self): os._exit(0)\nlast = Last()\ndef f(n):\n    global last\n    last = None\n    return 1",
    ),
    "the word of the test": (
        LOOP + "assert f(n) == 2",
        "import sys, gc\ndef f(n):\n    for one in gc.get_objects():\n        if isinstance(one, dict) and isinstance(one.get('word'), str): print(one['word']); raise SystemExit(0)\n    return 1",
    ),
    # --- names
    "a function called round": (LOOP + "assert round(2.5) == 3", "def round(x): return 2"),
    "a function called sorted": (LOOP + "assert sorted([2, 1]) == [2, 1]", "def sorted(x): return [1, 2]"),
    "a function called len": (LOOP + "assert len('ab') == 3", "def len(x): return 2"),
    "a function called bisect": (LOOP + "assert bisect(n) == 2", "def bisect(x): return 1"),
    # --- objects that lie
    "isinstance of an abstract class": (
        "from collections.abc import Sequence\n" + LOOP + "assert isinstance(f(n), Sequence)",
        "class A:\n    def __iter__(self): return iter(())\n    def __len__(self): return 0\n    def __getitem__(self, n): return n\ndef f(n): return A()",
    ),
    "isinstance of Iterable": (
        "from collections.abc import Iterable\n" + LOOP + "assert isinstance(f(n), Iterable)",
        "class A: pass\ndef f(n): return A()",
    ),
    "isinstance of Callable": (
        "from collections.abc import Callable\n" + LOOP + "assert isinstance(f(n), Callable)", "class A: pass\ndef f(n): return A()",
    ),
    "isinstance as a value": (
        "from typing import Sized\n" + LOOP + "assert all(map(isinstance, [f(n)], [Sized]))", "class A: pass\ndef f(n): return A()",
    ),
    "a protocol": (
        "from typing import Sized\n" + LOOP + "assert isinstance(f(n), Sized)", "class A: pass\ndef f(n): return A()",
    ),
    "the type of two": (
        "for n in (1,):\n    a, b = f(n), g(n)\n    assert type(a) is type(b)", "class A: pass\nclass B: pass\ndef f(n): return A()\ndef g(n): return B()",
    ),
    "the type of two by equality": (
        "for n in (1,):\n    a, b = f(n), g(n)\n    assert type(a) == type(b)", "class A: pass\nclass B: pass\ndef f(n): return A()\ndef g(n): return B()",
    ),
    "distinct members of a set": (
        "for n in (1,):\n    assert len({f(n), f(n)}) == 2", "class A:\n    __hash__ = lambda s: 0\n    __eq__ = lambda s, o: True\ndef f(n): return A()",
    ),
    "the number of a stand-in": (LOOP + "assert f(n)._yunque_numbers == 1", "class A: pass\ndef f(n): return A()"),
    "a namedtuple is no tuple": (
        LOOP + "assert type(f(n)) is tuple", "from collections import namedtuple\nP = namedtuple('P', 'a')\ndef f(n): return P(n)",
    ),
    "a namedtuple is not written as a tuple": (
        LOOP + "assert str(f(n)) == '(1,)'", "from collections import namedtuple\nP = namedtuple('P', 'a')\ndef f(n): return P(n)",
    ),
    "a namedtuple with items of its own": (
        LOOP + "assert f(n)[0] == 1",
        "from collections import namedtuple\nP = namedtuple('P', 'a')\nP.__getitem__ = lambda s, n: 2\ndef f(n): return P(1)",
    ),
    "a namedtuple of its own, outside": (
        "assert f(1)[0] == 1",
        "from collections import namedtuple\nP = namedtuple('P', 'a')\nP.__getitem__ = lambda s, n: 2\ndef f(n): return P(1)",
    ),
    "an exception that says something else": (
        "try:\n    f(1)\n    assert False\nexcept ValueError as error:\n    assert str(error) == 'no'",
        "class E(ValueError):\n    def __str__(self): return 'yes'\ndef f(n): raise E('no')",
    ),
    "a text that is more than a text": (
        "assert f(1) == 'a'", "import sys\nclass S(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__\ndef f(n): return S('b')",
    ),
    "a dict that finds everything": ("assert f(1)['a'] == 1", "import sys\nclass D(dict):\n    def __missing__(self, key): return 1\ndef f(n): return D()"),
    "a bool is no text": (LOOP + "assert str(f(n)) == '1'", "def f(n): return True"),
    # --- tests that only look regular
    "an iterator that is used up": ("z = zip([1], [2])\nassert f(1) == 1\nassert list(z) == [(1, 2)]\nassert len(list(z)) == f(0)", "def f(n): return 1"),
    "a name for enumerate": ("z = enumerate('a')\nassert f(0) == len(list(z))\nassert f(0) == len(list(z))", "def f(n): return 1"),
    "a name for a generator": ("z = (x for x in [1])\nassert f(0) == len(list(z))\nassert f(0) == len(list(z))", "def f(n): return 1"),
    "a name for reversed": ("z = reversed([1])\nassert f(0) == len(list(z))\nassert f(0) == len(list(z))", "def f(n): return 1"),
    "one list for two answers": ("assert (f(1), f(2)) == ([1], [2])", "kept = []\ndef f(n):\n    kept[:] = [n]\n    return kept"),
    "one list for two answers, compared": ("assert f(1) != f(2)", "kept = []\ndef f(n):\n    kept[:] = [n]\n    return kept"),
    "rows that are one": ("assert f([[0] * 2] * 2) == [[1, 0], [1, 0]]", "def f(m):\n    m[0][0] = 1\n    return [m[0], [0, 0]] if m[0] is not m[1] else [m[0], [9, 9]]"),
    "one list in two arguments": ("a = [1]\nassert f(a, a) == 2", "def f(a, b): return 2 if a is not b else 1"),
    "one list in a tuple": ("a = [1]\nassert f((a, a)) == 2", "def f(t): return 2 if t[0] is not t[1] else 1"),
    "keywords from a dict": ("assert f(dict(**{'a': 1})) == {None: 1}", "def f(d): return {None: 1} if None in d else d"),
    "keywords from a dict in the call": ("assert f(**{'a': 1}) == 2", "def f(a=3): return 2 if a == 3 else 1"),
    "a check of another shape": ("def check(a, /, candidate):\n    assert candidate(1) == 2\ncheck(0, f)", "def f(n): return 1"),
    "a message with a call": ("assert f(1) == 1, f(2)\nassert f(3) == 2", "n = 0\ndef f(_):\n    global n\n    n += 1\n    return 1 if n == 1 else 3"),
    "a chain of comparisons": ("assert 1 < f(1) < f(0)", "def f(n): return 2"),
    "a name that the comprehension hides": ("assert [f for f in f(1)] == [2]", "def f(n): return [1]"),
    "a walrus": ("assert (x := f(1)) == 1 and x is f(1)", "def f(n): return [1]"),
    "a call that is made seldom": ("assert f(1) == 1 or f(2) == 2", "n = 0\ndef f(_):\n    global n\n    n += 1\n    return 5 * n"),
    "a call in a loop": ("assert all(f(x) == x for x in (1, 2))", "def f(n): return 1"),
    "nothing to compare": ("assert f(1) == 2, 'x'", "def f(n): return None"),
    # --- the wire
    "lines of its own": ("assert f(1) == 2\nassert f(2) == 3", "import os\ndef f(n):\n    os.write(1, b'=2\\n=4\\n')\n    os._exit(0)"),
    "lines on every descriptor": ("assert f(1) == 2", "import os\ndef f(n):\n    for d in range(100):\n        try: os.write(d, b'=3\\n')\n        except OSError: pass\n    return 3"),
    "a digest for a short value": ("assert f(1) == 2", "import os\ndef f(n):\n    for d in range(1, 100):\n        try: os.write(d, b'#' + b'0' * 64 + b'\\n')\n        except OSError: pass\n    os._exit(0)"),
    "a half of a character": ("assert f(1) == 'a'", "def f(n): return '\\ud800'"),
    "a half of a character as a name": ("assert f(1) == 'a'", "def f(n): raise type('E\\udc80', (Exception,), {})('\\ud800')"),
    "a half of a character, apart": (LOOP + "assert f(n) == 'a'", "def f(n): return '\\ud800'"),
    "not a number": ("x = float('nan')\nassert f(1) == x", "def f(n): return float('nan')"),
    "a negative zero": (LOOP + "assert str(f(n)) == '0.0'", "def f(n): return -0.0"),
    "a list that holds itself": ("assert f(1) == [1]", "def f(n):\n    x = []\n    x.append(x)\n    return x"),
    "a tuple for a list": ("assert f(1) == [1]", "def f(n): return (1,)"),
    "a set with colliding members": ("assert f(1) == {1}", "def f(n): return {i * (2 ** 61 - 1) for i in range(2000)}"),
    "bytes for a text": ("assert f(1) == 'a'", "def f(n): return b'a'"),
}  # fmt: skip
ODD = {
    "a test that names a module of the library": (LOOP + "assert f(n) == math.floor(1.5)", "import math\ndef f(n): return n"),
    "the program has a file of a library's name": ("import random\n" + LOOP + "assert f(random.choice([n])) == n", "open('random.py', 'w').write('')\ndef f(n): return n"),
    "the argument itself": ("m = [1]\nassert f(m) is m", "def f(m): return m"),
    "a small number is one": (LOOP + "assert f(n) is 1", "def f(n): return n"),
    "a tuple itself": ("t = (1, 2, [3])\nassert f(t) is t", "def f(t): return t"),
    "None is one": (LOOP + "assert f(n) is None and f(n) is not False", "def f(n): pass"),
    "a namedtuple": (LOOP + "assert f(n).a == 1 and f(n) == (1,)", "from collections import namedtuple\nP = namedtuple('P', 'a')\ndef f(n): return P(n)"),
    "a typed namedtuple": (LOOP + "assert f(n) == (1,)", "import typing\nclass P(typing.NamedTuple):\n    a: int\ndef f(n): return P(n)"),
    "two answers": ("assert f(1) == f(1)", "def f(n): return [n]"),
    "two answers of one list": ("assert f(1) is f(2)", "kept = []\ndef f(n): return kept"),
    "the type of a plain answer": (LOOP + "assert type(f(n)) is list and type(f(n)) == type([])", "def f(n): return [n]"),
    "a message of an exception's own": (
        "try:\n    f(1)\n    assert False\nexcept ValueError as error:\n    assert str(error) == 'yes'", "class E(ValueError):\n    def __str__(self): return 'yes'\ndef f(n): raise E('no')",
    ),
    "an exception that the tester lacks": (
        "try:\n    f('x')\n    assert False\nexcept ValueError:\n    pass", "import json\ndef f(x): return json.loads(x)",
    ),
    "rows that are one": ("assert f([[0] * 2] * 2) == [[1, 0], [1, 0]]", "def f(m):\n    m[0][0] = 1\n    return m"),
    "a function called round": (LOOP + "assert round(2.5) == 3", "def round(x): return int(x + 0.5)"),
    "a name for zip": ("z = zip([1], [2])\nassert f(list(z)) == [(1, 2)]\nassert f(list(z)) == []", "def f(m): return m"),
}  # fmt: skip


@pytest.fixture(scope="module")
def judge(tests_box):
    def judge(test, program):
        names = [name for name in ("f", "g", "round", "sorted", "len", "bisect") if f"def {name}(" in program]
        check = Asserts(test=test, functions=names, sandbox=tests_box, limits=Limits(wall_s=3))
        return check.judge(Record(id="r", text=program, language="python", origin=ORIGIN))

    return judge


def _holds(test, program):
    """What Python itself says, where the program is harmless and of good faith; None where it is not."""
    if any(word in program for word in ("import os", "open(", "sys", "gc")):
        return None
    try:
        exec(compile(f"{program}\n{test}", "both.py", "exec", dont_inherit=True), {"__name__": "both"})
    except Exception:
        return False
    return True


@pytest.mark.parametrize("name", FORGED)
def test_a_wrong_program_never_passes(judge, name):
    assert not _holds(*FORGED[name]), "Python itself says that it is right"
    found = judge(*FORGED[name])
    assert found.outcome is not Outcome.PASS, found.detail
    found.detail.encode()


@pytest.mark.parametrize("name", ODD)
def test_a_right_program_never_fails(judge, name):
    assert _holds(*ODD[name]) is not False, "Python itself says that it is wrong"
    found = judge(*ODD[name])
    assert found.outcome in (Outcome.PASS, Outcome.ERROR), found.detail
