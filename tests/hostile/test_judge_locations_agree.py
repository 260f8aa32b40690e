# ruff: noqa: E501 - a test and a program on a line each
"""Attacks on the seats of a judge: a wrong program never passes, and a right one with an unusual test does not fail.

What is right is what Python itself says: the test behind the program, in one process (`holds`).
"""

import subprocess

import pytest

from tests.conftest import open_box
from yunque.checks.execution.assertions import Call
from yunque.checks.execution.comparison import Comparison
from yunque.checks.execution.printed_values import Irregular, Printed, expected_values, take_apart
from yunque.checks.execution.python import Asserts, Calls, Expected
from yunque.core.nouns import Limits, Origin, Outcome, PromptStyle, Record
from yunque.evaluation.registry import open_suite

ORIGIN = Origin(source="attack", path="main.py", revision="", licence="unknown", collected_at="")
LIMITS = Limits(wall_s=2, cpu_s=2)

# Run in the tester's process, this finds the word that stands for a pass, says it and leaves.
FORGE = """
import os, sys
frame = sys._getframe()
while frame:
    for found in (frame.f_locals, frame.f_globals):
        order = found.get("order")
        if isinstance(order, dict) and "word" in order:
            os.write(1, b"\\n" + order["word"].encode() + b"\\n")
            os._exit(0)
    frame = frame.f_back
"""
PLANT = (
    "FORGE = "
    + repr(FORGE)
    + """
import os
def plant(name):
    for folder in {os.getcwd(), "/tmp", os.environ.get("HOME", "."), os.environ.get("TMPDIR", ".")}:
        try:
            os.makedirs(os.path.join(folder, name), exist_ok=True)
            open(os.path.join(folder, name, "__init__.py"), "w").write(FORGE)
            open(os.path.join(folder, name + ".py"), "w").write(FORGE)
        except OSError: pass
"""
)

# Name -> test, program: judged as Python itself judges them, one right, one wrong.
PLAIN_APART = {
    "identity of a tuple, right": ("t = (1, 2)\nassert f(t) is t", "def f(t): return t"),
    "identity of a tuple, wrong": ("t = (1, 2)\nassert f(t) == t and f(t) is not t", "def f(t): return t"),
    "identity of a text, wrong": ("t = 'ab c' * 3\nassert f(t) is not t", "def f(t): return t"),
    "identity of a big number, right": ("t = 10 ** 30\nassert f(t) is t", "def f(t): return t"),
    "identity of NaN, right": ("n = float('nan')\nfor m in ([n],):\n    assert f(n) == m", "def f(n): return [n]"),
    "identity of NaN, wrong": ("n = float('nan')\nfor m in ([n],):\n    assert f(n) != m", "def f(n): return [n]"),
    "identity of NaN in one list, wrong": ("m = [float('nan')]\nassert f(m) == m and f(m) is not m", "def f(m): return m"),
    "NaN is found in a list, right": ("n = float('nan')\nassert n in f(n)", "def f(n): return [n]"),
    "a namedtuple is no tuple, wrong": ("for n in (1,):\n    assert type(f(n)) is tuple", "import collections\nP = collections.namedtuple('P', 'x')\ndef f(n): return P(n)"),
    "a namedtuple has names, right": ("for n in (1,):\n    assert f(n).x == n", "import collections\nP = collections.namedtuple('P', 'x')\ndef f(n): return P(n)"),
    "a namedtuple has names, wrong": ("for n in (1,):\n    try:\n        f(n).x\n        assert False\n    except AttributeError:\n        pass", "import collections\nP = collections.namedtuple('P', 'x')\ndef f(n): return P(n)"),
    "types of two answers, wrong": ("assert type(f(1)) is type(f(2))", "class A: pass\nclass B: pass\ndef f(n): return A() if n == 1 else B()"),
    "not a str, wrong": ("for n in (1,):\n    assert not isinstance(f(n), str)", "class S(str): pass\ndef f(n): return S(n)"),
    "a subclass of str, right": ("for n in (1,):\n    assert isinstance(f(n), str)", "class S(str): pass\ndef f(n): return S(n)"),
    "not an exception, wrong": ("for n in (1,):\n    assert not isinstance(f(n), Exception)", "def f(n): return ValueError(n)"),
    "an exception as an answer, right": ("for n in (1,):\n    assert isinstance(f(n), ValueError)", "def f(n): return ValueError(n)"),
    "an ABC, wrong": ("from collections.abc import Iterable\nassert isinstance(f(1), Iterable)", "class A: pass\ndef f(n): return A()"),
    "callable by an ABC, wrong": ("import collections.abc\nassert isinstance(f(1), collections.abc.Callable)", "class A: pass\ndef f(n): return A()"),
    "an iterator by an ABC, wrong": ("from collections.abc import Iterator\nassert isinstance(f([1]), Iterator)", "class A:\n    def __init__(self, m): self.m = m\n    def __iter__(self): return iter(self.m)\ndef f(m): return A(m)"),
    "a generator by an ABC, right": ("from collections.abc import Generator\nassert isinstance(f(2), Generator)", "def f(n): yield n"),
    "a generator type, right": ("import types\nassert isinstance(f(2), types.GeneratorType)", "def f(n): yield n"),
    "a protocol, wrong": ("from typing import Protocol, runtime_checkable\n@runtime_checkable\nclass Sized(Protocol):\n    def __len__(self): ...\nassert isinstance(f(1), Sized)", "class A: pass\ndef f(n): return A()"),
    "in a set, wrong": ("assert f(1) not in {1, 2}", "class I(int): pass\ndef f(n): return I(n)"),
    "in a set, right": ("assert f(1) in {1, 2}", "import enum\nclass E(enum.IntEnum):\n    A = 1\ndef f(n): return E(n)"),
    "in a dict, wrong": ("d = {'a': 1}\nassert d.get(f('a')) is None", "class S(str): pass\ndef f(n): return S(n)"),
    "number of members, wrong": ("assert len({f(1), f(2)}) == 2", "class A:\n    __hash__ = lambda self: 1\n    __eq__ = lambda self, other: True\ndef f(n): return A()"),
    "number of members, right": ("assert len({P(1), P(1)}) == 1", "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass P:\n    x: int"),
    "str of an error, right": ("try:\n    f(1)\n    assert False\nexcept LookupError as e:\n    assert str(e) == 'own'", "class E(KeyError):\n    def __str__(self): return 'own'\ndef f(n): raise E('other')"),
    "str of an error, wrong": ("try:\n    f(1)\n    assert False\nexcept ValueError as e:\n    assert str(e) == 'right'", "class E(ValueError):\n    def __str__(self): return 'wrong'\ndef f(n): raise E('right')"),
    "an attribute of an error, right": ("try:\n    f(1)\n    assert False\nexcept ValueError as e:\n    assert e.code == 7", "class E(ValueError): code = 7\ndef f(n): raise E('x')"),
    "an attribute of an error, wrong": ("try:\n    f(1)\n    assert False\nexcept ValueError as e:\n    try:\n        e.code\n    except AttributeError:\n        pass\n    else:\n        assert False", "class E(ValueError): code = 7\ndef f(n): raise E('x')"),
    "args of an error replaced, wrong": ("try:\n    f(1)\n    assert False\nexcept ValueError as e:\n    assert e.args == ('right',)", "class E(ValueError):\n    args = ('wrong',)\ndef f(n): raise E('right')"),
    "a decode error, right": ("try:\n    f(b'a\\xff')\n    assert False\nexcept UnicodeDecodeError as e:\n    assert e.start == 1", "def f(b): return b.decode()"),
    "a JSON error, right": ("import json\ntry:\n    f('[x')\n    assert False\nexcept json.JSONDecodeError as e:\n    assert e.pos == 1", "import json\ndef f(s): return json.loads(s)"),
    "the value of StopIteration, right": ("g = f()\ntry:\n    next(g)\n    assert False\nexcept StopIteration as e:\n    assert e.value == 3", "def f():\n    return 3\n    yield"),
    "the value of StopIteration, wrong": ("g = f()\ntry:\n    next(g)\n    assert False\nexcept StopIteration as e:\n    assert e.value is None", "def f():\n    return 3\n    yield"),
    "a group of errors, right": ("try:\n    f()\n    assert False\nexcept* ValueError:\n    pass", "def f(): raise ExceptionGroup('x', [ValueError(1)])"),
    "an error of the test, right": ("class Mine(Exception): pass\ndef bad(): raise Mine('x')\ntry:\n    f(bad)\n    assert False\nexcept Mine:\n    pass", "def f(g): return g()"),
    "an error of the test, wrong": ("class Mine(Exception): pass\ndef bad(): raise Mine('x')\ntry:\n    f(bad)\nexcept Mine:\n    assert False\nexcept Exception:\n    pass", "def f(g): return g()"),
    "a warning raised, right": ("try:\n    f()\n    assert False\nexcept DeprecationWarning:\n    pass", "def f(): raise DeprecationWarning('old')"),
    "a function patched in a module, wrong": ("import random\ndef bad(*_): raise RuntimeError\nrandom.randint = bad\nassert f() in range(6)", "import random\ndef f(): return random.randint(0, 5)"),
    "a function patched in a module, right": ("import time\ncalls = []\nold, time.sleep = time.sleep, calls.append\nf()\ntime.sleep = old\nassert calls == [1]", "import time\ndef f(): time.sleep(1)"),
    "process numbers, wrong": ("import os\nassert f() != os.getpid()", "import os\ndef f(): return os.getpid()"),
    "environment by getenv, right": ("import os\nf()\nassert os.getenv('YUNQUE_X') == 'y'", "import os\ndef f(): os.environ['YUNQUE_X'] = 'y'"),
    "the function as an argument of another, right": ("def check(f):\n    for n in (1,):\n        assert f(n) == n\ncheck(f)", "def f(n): return n"),
    "the function under its own name in a loop, right": ("for f in (f,):\n    assert f(1) == 1", "def f(n): return n"),
    "the function among the test's functions, right": ("for g in [f, lambda n: n]:\n    assert g(1) == 1", "def f(n): return n"),
    "the function as a key, right": ("for m in ([3, 1],):\n    assert sorted(m, key=f) == [3, 1]", "def f(n): return -n"),
    "the function mapped, right": ("for m in ([3, 1],):\n    assert list(map(f, m)) == [-3, -1]", "def f(n): return -n"),
    "functools.partial, right": ("import functools\ng = functools.partial(f, 1)\nfor n in (2,):\n    assert g(n) == 3", "def f(a, b): return a + b"),
    "an argument shared by two calls, wrong": ("m = [1]\na, b = f(m), f(m)\nassert a is not b", "def f(m): return m"),
    "an argument changed after the call, wrong": ("m = [1]\nassert f(m) == [1]\nf(m)\nassert m == [1]", "def f(m):\n    m.append(1)\n    return m[:1]"),
    "changed in a later call, wrong": ("m = [1]\nf(m)\nfor n in (1, 2):\n    f([n])\nassert m == [1]", "kept = []\ndef f(m):\n    kept.append(m)\n    if len(kept) == 3: kept[0].append(0)"),
    "changed within a callback, wrong": ("m = [1]\nseen = []\nf(m, lambda: seen.append(list(m)))\nassert seen == [[1]]", "def f(m, g):\n    m.append(2)\n    g()\n    m.pop()"),
    "changed in a tuple, wrong": ("t = ([1],)\nf(t)\nassert t == ([1],)", "def f(t): t[0].append(2)"),
    "keys removed and put back, wrong": ("d = {1: 1, 2: 2}\nf(d)\nassert list(d) == [1, 2]", "def f(d): d[1] = d.pop(1)"),
    "order of a set, wrong": ("for m in ([8, 1],):\n    assert list(f()) == m", "def f():\n    s = set(range(100))\n    s.difference_update(x for x in range(100) if x not in (1, 8))\n    return s"),
    "order of a set, right": ("for m in ([1, 8],):\n    assert list(f()) == m", "def f():\n    s = set(range(100))\n    s.difference_update(x for x in range(100) if x not in (1, 8))\n    return s"),
    "a frozenset member kept, wrong": ("for s in ({1},):\n    assert type(next(iter(f(s)))) is int", "def f(s): return frozenset([True])"),
    "a key equal to another, right": ("for d in ({1: 'a'},):\n    assert list(map(type, f(d))) == [bool]", "def f(d): return {True: 'a'}"),
    "a sign of zero, wrong": ("import math\nfor n in (0.0,):\n    assert math.copysign(1, f(n)) == 1", "def f(n): return -n"),
    "a set that loses order by hash, right": ("for s in ({1, 2},):\n    assert f(s) == s and f(s) is s", "def f(s): return s"),
    "JSON of an answer, wrong": ("import json\ntry:\n    json.dumps(f(1))\n    assert False\nexcept TypeError:\n    pass", "class S(str): pass\ndef f(n): return S(n)"),
    "JSON of an answer, right": ("import json\nfor n in ('a',):\n    assert json.dumps(f(n)) == '\"a\"'", "class S(str): pass\ndef f(n): return S(n)"),
    "a match of a class, wrong": ("match f(1):\n    case str():\n        assert False\n    case _:\n        pass", "class S(str): pass\ndef f(n): return S(n)"),
    "a match of a sequence, wrong": ("match f(1):\n    case [*_]:\n        assert False\n    case _:\n        pass", "class L(list): pass\ndef f(n): return L([n])"),
    "in a text, caught, wrong": ("try:\n    f(1) in 'abc'\n    assert False\nexcept TypeError:\n    pass", "class S(str): pass\ndef f(n): return S(n)"),
    "a regular expression of an answer, right": ("import re\nfor n in ('a',):\n    assert re.match(n, f(n))", "class S(str): pass\ndef f(n): return S(n)"),
    "a floor of an answer, right": ("import math, fractions\nfor n in (1,):\n    assert math.floor(f(n)) == 1", "import fractions\nclass F(fractions.Fraction): pass\ndef f(n): return F(n)"),
    "the test's function comes back, right": ("def g(): pass\nassert f(g) is g", "def f(g): return g"),
    "the name of a test's function, right": ("def g(): pass\nassert f(g) == 'g'", "def f(g): return g.__name__"),
    "a wrapped function of the test, right": ("def g(n): return n\nh = f(g)\nassert h(2) == 4", "import functools\ndef f(g):\n    @functools.wraps(g)\n    def h(n): return 2 * g(n)\n    return h"),
    "a function's kind, right": ("def g(): pass\nassert f(g)", "import types\ndef f(g): return isinstance(g, types.FunctionType)"),
    "a callback that calls the program, right": ("def g(n): return 0 if n == 0 else f(g, n - 1) + 1\nfor n in (3,):\n    assert f(g, n) == 3", "def f(g, n): return g(n)"),
    "print bound again by the test, right": ("out = []\ndef print(*a): out.extend(a)\nf(1)\nassert out == [1]", "def f(n): print(n)"),
    "two equal tuples of one answer, right": ("for n in (1,):\n    a, b = f(n)\n    assert a is b", "def f(n):\n    t = (n, n)\n    return [t, t]"),
    "a name that the program lacks, wrong": ("try:\n    g(1)\nexcept TypeError:\n    pass", "def f(n): return n"),
}  # fmt: skip
# A test uses a name of the standard library that the program itself defines.
MODULES = {
    "datetime": ("for n in (1,):\n    assert f(n) == datetime(2020, 1, n)", "from datetime import datetime\ndef f(n): return datetime(2020, 1, n)"),
    "bisect": ("for n in (1,):\n    assert bisect([0, 2], n) == 1", "def bisect(m, n): return sum(x <= n for x in m)"),
    "copy": ("for m in ([1],):\n    assert copy(m) == m", "from copy import copy"),
    "queue": ("q = queue()\nq.append(1)\nassert q.pop() == 1", "class queue(list): pass"),
    "calendar as data": ("for k in ('a',):\n    assert calendar[k] == 1", "calendar = {'a': 1}"),
    "statistics": ("for m in ([1],):\n    assert statistics(m) == 1", "def statistics(m): return m[0]"),
}  # fmt: skip
LIFTED = {
    "zip used up, right": ("z = zip([1], [2])\nassert f(1) == len(list(z))\nassert f(0) == len(list(z))", "def f(n): return n"),
    "zip used up, wrong": ("z = zip([1], [2])\nassert f(1) == len(list(z))\nassert f(0) == len(list(z))", "def f(n): return 1"),
    "enumerate used up, wrong": ("z = enumerate('ab')\nassert f(0) == dict(z)\nassert f(1) == dict(z)", "def f(n): return {0: 'a', 1: 'b'}"),
    "a generator used up, wrong": ("z = (x for x in [1, 2])\nassert f(0) == sum(z)\nassert f(1) == sum(z)", "def f(n): return 3"),
    "a generator used up, right": ("z = (x for x in [1, 2])\nassert f(0) == sum(z)\nassert f(1) == sum(z)", "def f(n): return 0 if n else 3"),
    "reversed used up, wrong": ("z = reversed([1, 2])\nassert f(0) == list(z)\nassert f(1) == list(z)", "def f(n): return [2, 1]"),
    "two asserts of one answer's iterator, right": ("z = iter([1])\nassert f(z) == 1\nassert f(z) is None", "def f(z): return next(z, None)"),
    "one list in two answers, wrong": ("assert (f(1), f(2)) == ([1], [2])", "m = [0]\ndef f(n):\n    m[0] = n\n    return m"),
    "one list in two answers compared, right": ("assert f(1) == f(2)", "m = [0]\ndef f(n):\n    m[0] = n\n    return m"),
    "one list in two answers, not equal, wrong": ("assert f(1) != f(2)", "m = [0]\ndef f(n):\n    m[0] = n\n    return m"),
    "one list that grows, wrong": ("assert [f(1), f(2)] == [[1], [1, 2]]", "m = []\ndef f(n):\n    m.append(n)\n    return m"),
    "one list and its length, wrong": ("assert len(f(1)) + len(f(2)) == 4", "m = []\ndef f(n):\n    m.append(n)\n    return m"),
    "rows that are one row, wrong": ("assert f([[0] * 2] * 2) == [[1, 0], [0, 0]]", "def f(m):\n    m[0][0] = 1\n    return m"),
    "rows that are one row, right": ("assert f([[0] * 2] * 2) == [[1, 0], [1, 0]]", "def f(m):\n    m[0][0] = 1\n    return m"),
    "two parts that are one, wrong": ("a = [1]\nb = (a, a)\nassert f(b) == ([1, 2], [1])", "def f(b):\n    b[0].append(2)\n    return b"),
    "two arguments that are one, wrong": ("a = [1]\nassert f(a, a) == ([1, 2], [1])", "def f(a, b):\n    a.append(2)\n    return a, b"),
    "an argument changed between asserts, wrong": ("a = [1]\nassert f(a) == 1\nassert a == [1]", "def f(a):\n    a.append(2)\n    return 1"),
    "a name bound to another's list, wrong": ("a = [1]\nb = a\nassert f(b) == 1\nassert a == [1]", "def f(a):\n    a.append(2)\n    return 1"),
    "a name bound to a part, wrong": ("a = [[1]]\nb = a[0]\nassert f(b) == 1\nassert len(a[0]) == 1", "def f(a):\n    a.append(2)\n    return 1"),
    "an argument compared beside its call, wrong": ("a = [1]\nassert (f(a), a) == (1, [1])", "def f(a):\n    a.append(2)\n    return 1"),
    "dict with **, right": ("assert f(1) == dict(**{'a': 1})", "def f(n): return {'a': n}"),
    "dict with two **, wrong": ("assert f(1) == dict(**{'a': 1}, **{'b': 2})", "def f(n): return {'a': 1}"),
    "a call with **, wrong": ("assert f(**{'n': 2}) == 1", "def f(n=1): return n"),
    "sorted with reverse in **, wrong": ("assert sorted(f(1), **{'reverse': True}) == [1, 2]", "def f(n): return [1, 2]"),
    "a comprehension's name outside, wrong": ("x = 1\nassert [x for x in f(5)] == [5] and x == 5", "def f(n): return [n]"),
    "a comprehension's name outside, right": ("x = 1\nassert [x for x in f(5)] == [5] and x == 1", "def f(n): return [n]"),
    "a comprehension's name in its source, right": ("x = [1]\nassert [x for x in [*f(5), *x]] == [5, 1]", "def f(n): return [n]"),
    "a lazy generator sees a later name, wrong": ("k = 1\ng = (x + k for x in [1])\nk = 10\nassert f(1) == list(g)", "def f(n): return [2]"),
    "a lazy generator sees a later name, right": ("k = 1\ng = (x + k for x in [1])\nk = 10\nassert f(1) == list(g)", "def f(n): return [11]"),
    "a walrus, wrong": ("assert (y := f(1)) and y == 2", "def f(n): return n"),
    "a lambda, wrong": ("assert (lambda v: v == 2)(f(1))", "def f(n): return n"),
    "a chain, wrong": ("assert 0 < f(1) < f(2) < 2", "def f(n): return n"),
    "a message with a call, right": ("assert f(1), f(2)", "def f(n):\n    if n == 2: raise ValueError\n    return n"),
    "a message with a call, wrong": ("assert f(0), f(1)", "def f(n): return n"),
    "a tuple is true, right": ("assert (f(1), 'not one')", "def f(n): return 0"),
    "a tuple is true but the call raises, wrong": ("assert (f(1), 'not one')", "def f(n): raise ValueError"),
    "star args, wrong": ("assert f(*[1, 2], *(3,)) == 6", "def f(a, b, c): return a + b"),
    "star args of a text, right": ("assert f(*'ab', **{}) == 'ab'", "def f(a, b): return a + b"),
    "an int subclass for an int, wrong": ("assert f(1) == 1", "class I(int):\n    __eq__ = lambda *_: False\n    __hash__ = int.__hash__\ndef f(n): return I(n)"),
    "True is not 1 by identity, wrong": ("assert f(1) is True", "def f(n): return n"),
    "True is 1, right": ("assert f(1) == 1", "def f(n): return True"),
    "in a text, wrong": ("assert f(1) in 'abc'", "def f(n): return 'ac'"),
    "a slice, wrong": ("assert f(1)[::-1][:2] == [3, 2]", "def f(n): return [3, 2, 1]"),
    "NaN in a list, wrong": ("import math\nassert [f(1)] != [math.nan]", "import math\ndef f(n): return math.nan"),
    "NaN in a list, right": ("import math\nassert [f(1)] == [math.nan]", "import math\ndef f(n): return math.nan"),
    "NaN in an answer compared with itself, wrong": ("import math\nassert f(1) not in [math.nan, 1]", "import math\ndef f(n): return math.nan"),
    "NaN twice, right": ("assert f(1) == f(1)", "n = [float('nan')]\ndef f(_): return n"),
    "NaN twice, wrong": ("assert f(1) != f(1)", "n = [float('nan')]\ndef f(_): return n"),
    "NaN argument, wrong": ("assert f(float('nan')) == 1", "def f(n): return 1 if n == n else 0"),
    "minus zero, wrong": ("import math\nassert math.copysign(1, f(0)) == 1", "def f(n): return -0.0"),
    "minus zero by text, wrong": ("assert str(f(0)) == '0.0'", "def f(n): return -0.0"),
    "order of a dict, wrong": ("assert list(f(1)) == ['a', 'b']", "def f(n): return {'b': 1, 'a': 2}"),
    "order of dict items, wrong": ("assert list(f(1).items()) == [('a', 2), ('b', 1)]", "def f(n): return {'b': 1, 'a': 2}"),
    "order of an OrderedDict, wrong": ("assert f(1) == f(2)", "from collections import OrderedDict as O\ndef f(n): return O([(1, 1), (2, 2)]) if n == 1 else O([(2, 2), (1, 1)])"),
    "an OrderedDict moved, wrong": ("assert list(f(1)) == [1, 2]", "from collections import OrderedDict as O\ndef f(n):\n    d = O([(1, 1), (2, 2)])\n    d.move_to_end(1)\n    return d"),
    "order of a set, lifted, wrong": ("assert list(f(0)) == [8, 1]", "def f(_):\n    s = set(range(100))\n    s.difference_update(x for x in range(100) if x not in (1, 8))\n    return s"),
    "a Counter of a missing key, right": ("assert f('a')['b'] == 0", "from collections import Counter as f"),
    "a Counter with zeros, right": ("assert f(1) == f(2)", "from collections import Counter\ndef f(n): return Counter(a=0, b=1) if n == 1 else Counter(b=1)"),
    "a Counter with zeros, wrong": ("assert f(1) != f(2)", "from collections import Counter\ndef f(n): return Counter(a=0, b=1) if n == 1 else Counter(b=1)"),
    "a defaultdict makes keys, right": ("assert f(1)['x'] == 0", "from collections import defaultdict\ndef f(n): return defaultdict(int)"),
    "a huge int, wrong": ("assert f(5000) == 10 ** 5000 + 1", "def f(n): return 10 ** n"),
    "a huge int, right": ("assert f(5000) == 10 ** 5000", "def f(n): return 10 ** n"),
    "a float for a huge int, wrong": ("assert f(1) == 2 ** 53 + 1", "def f(n): return 2.0 ** 53"),
    "two lists of long numbers, wrong": ("assert f(1) == [1] * 400000", "def f(n): return [1] * 399999 + [2]"),
    "a long list of equals, right": ("assert f(1) == [1] * 400000", "def f(n): return [True] * 200000 + [1.0] * 200000"),
    "a long text by its length, right": ("assert len(f(2000000)) == 2000000", "def f(n): return 'x' * n"),
    "a long tuple for a list, wrong": ("assert f(1) == [1] * 400000", "def f(n): return (1,) * 400000"),
    "a long list of large floats, wrong": ("assert f(1) == [2 ** 53 + 1] * 200000", "def f(n): return [2.0 ** 53] * 200000"),
    "lone surrogates, right": ("assert f(1) == chr(0xd800) + chr(0xdc00)", "def f(n): return chr(0xd800) + chr(0xdc00)"),
    "lone surrogates joined, wrong": ("assert f(1) == chr(0x10000)", "def f(n): return chr(0xd800) + chr(0xdc00)"),
    "lone surrogates in a wrong answer, wrong": ("assert f(1) == 'x'", "def f(n): return chr(0xd800) * 3"),
    "lone surrogates in an error, wrong": ("assert f(1) == 'x'", "def f(n): raise ValueError(chr(0xd800))"),
    "lone surrogates in a key, wrong": ("assert f(1) == {'x': 1}", "def f(n): return {chr(0xdfff): 1}"),
    "a default argument of check, wrong": ("def check(candidate, k=2):\n    assert candidate(1) == k", "def f(n): return n"),
    "check with a position, wrong": ("def check(a, /, candidate=None):\n    assert a(1) == 2", "def f(n): return n"),
    "check with a position, right": ("def check(a, /, candidate=None):\n    assert a(1) == 1", "def f(n): return n"),
    "check by position alone, right": ("def check(candidate, /):\n    assert candidate(1) == 1", "def f(n): return n"),
    "check bound again, wrong": ("def check(candidate):\n    assert candidate(1) == 1\ndef check(candidate):\n    assert candidate(1) == 2", "def f(n): return n"),
    "check with a name bound below, wrong": ("k = 1\ndef check(candidate):\n    assert candidate(1) == k\nk = 2", "def f(n): return n"),
    "check with a name bound in it, wrong": ("k = 1\ndef check(candidate):\n    assert candidate(1) == k\n    k = 2", "def f(n): return n"),
    "check that returns early, right": ("def check(candidate):\n    assert candidate(1) == 1\n    return\n    assert candidate(1) == 2", "def f(n): return n"),
    "a decimal's context, wrong": ("assert f('1.23456') + 0 == f('1.23456')", "import decimal\ndecimal.getcontext().prec = 3\ndef f(s): return decimal.Decimal(s)"),
    "a bytearray for bytes, right": ("assert f(1) == b'a'", "def f(n): return bytearray(b'a')"),
    "a frozenset for a set, right": ("assert f(1) == {1}", "def f(n): return frozenset([1])"),
    "a member for two, wrong": ("assert len(f(1)) == 2", "def f(n): return {1, True}"),
    "truth of an object that lies, wrong": ("assert f(1) == True", "class T:\n    __bool__ = lambda self: True\ndef f(n): return T()"),
    "not of a value, wrong": ("assert not f(1)", "def f(n): return [0]"),
    "max of answers with a default, wrong": ("assert max(f(1), default=0) == 2", "def f(n): return []"),
    "sum with a start, wrong": ("assert sum(f(1), [9]) == [1]", "def f(n): return [[1]]"),
    "round to even, wrong": ("assert round(f(1), 0) == 3", "def f(n): return 2.5"),
    "the pow of math, wrong": ("import math\nassert math.pow(f(1), 2) == 5", "def f(n): return 2"),
    "a name imported over Python's, wrong": ("from math import pow\nassert f(1) == 1 and pow(2, 2) == 5", "def f(n): return 1"),
    "a harmless import that replaces a value, wrong": ("k = 1\nfrom math import pi as k\nassert f(1) == k", "def f(n): return 1"),
    "an import that replaces math, wrong": ("import math\nmath = 3\nassert f(1) == math", "def f(n): return 1"),
    "Counters joined, wrong": ("assert f(2) | f(1) == {'a': 1}", "from collections import Counter\ndef f(n): return Counter(a=n)"),
    "Counters joined, right": ("assert f(2) | f(1) == {'a': 2}", "from collections import Counter\ndef f(n): return Counter(a=n)"),
    "Counters added, right": ("assert f(2) + f(1) == {'a': 3}", "from collections import Counter\ndef f(n): return Counter(a=n)"),
    "Counters subtracted, right": ("assert f(2) - f(1) == {'a': 1}", "from collections import Counter\ndef f(n): return Counter(a=n)"),
    "Counters compared, right": ("assert f(1) <= f(2)", "from collections import Counter\ndef f(n): return Counter(a=n)"),
    "values of a defaultdict in a list, right": ("assert [x['k'] for x in f(1)] == [0]", "from collections import defaultdict\ndef f(n): return [defaultdict(int)]"),
    "a name of the test that the program reads, wrong": ("k = 2\nassert f(0) == 1", "k = 1\ndef f(n): return k"),
    "a name of the test that the program reads, right": ("k = 2\nassert f(0) == 2", "k = 1\ndef f(n): return k"),
    "an answer changed by a later call, wrong": ("assert (f(1) == [1]) == (f(2) == [1])", "m = []\ndef f(n):\n    m[:] = [n]\n    return m"),
    "an answer in a method with a later call, wrong": ("assert f(1).index(f(2)[0]) == 0", "m = []\ndef f(n):\n    m[:] = [n]\n    return m if n == 1 else [1]"),
    "a subscript of a negative name, wrong": ("k = -1\nassert f(1)[k] == 2", "def f(n): return [2, 1]"),
    "chr of an answer, wrong": ("assert chr(f(1)) == chr(0xd800)", "def f(n): return 0xdfff"),
    "a set of answers of other types, right": ("assert {f(1), f(1.0), f(True)} == {1}", "def f(n): return n"),
    "random values, wrong": ("import random\nassert f(1) == random.__name__", "def f(n): return 1"),
}  # fmt: skip


def holds(test, program):
    """What Python says: does the test come to its end behind the program, in one process?"""
    namespace = {"__name__": "program"}
    exec(compile(program, "program.py", "exec", dont_inherit=True), namespace)
    try:
        exec(compile(test, "test.py", "exec", dont_inherit=True), namespace)
        if "check" in namespace and "check(f)" not in test:
            namespace["check"](namespace["f"])
    except Exception:
        return False
    return True


def judged(box, test, program, judge_location="", functions=("f",), entry="", limits=LIMITS, given=""):
    entry = entry or ("f" if "def check" in test and "check(f)" not in test else "")
    judge = Asserts(
        test=test, functions=functions, entry=entry, given=given, sandbox=box, limits=limits, judge_location=judge_location
    )
    return judge.judge(Record(id="r", text=program, language="python", origin=ORIGIN))


def agrees(verdict, right):
    """Whether a verdict says nothing false."""
    return verdict.outcome is not (Outcome.FAIL if right else Outcome.PASS)


@pytest.fixture(scope="module")
def box():
    """One tier: the attacks are on the judge."""
    with open_box() as sandbox:
        yield sandbox


@pytest.fixture
def unpatched(monkeypatch):
    """What the tests below patch is put back, here."""
    import random
    import time

    monkeypatch.setattr(random, "randint", random.randint)
    monkeypatch.setattr(time, "sleep", time.sleep)
    monkeypatch.delenv("YUNQUE_X", raising=False)
    import decimal

    with decimal.localcontext():
        yield


DIFFERS = {
    # Verdicts that Python would give otherwise (docs/sandbox.md, "Where the seats differ from one process").
    "identity of NaN, right", "identity of NaN, wrong", "NaN is found in a list, right", "NaN in a list, wrong",
    "NaN in a list, right", "NaN in an answer compared with itself, wrong",
    "order of a set, lifted, wrong", "order of a set, wrong", "order of a set, right",
    "a subclass of str, right", "an exception as an answer, right", "a generator by an ABC, right", "a generator type, right",
    "number of members, right", "JSON of an answer, right", "in a text, caught, wrong",
    "a regular expression of an answer, right", "a floor of an answer, right",
    "a group of errors, right", "an error of the test, right", "an error of the test, wrong",
    "a Counter of a missing key, right", "a defaultdict makes keys, right", "values of a defaultdict in a list, right",
    "a long list of equals, right", "a long text by its length, right", "a decimal's context, wrong",
    "the name of a test's function, right", "a function's kind, right", "a callback that calls the program, right",
    "print bound again by the test, right",
    "a name of the test that the program reads, wrong", "a name of the test that the program reads, right",
}  # fmt: skip


@pytest.mark.usefixtures("unpatched")
@pytest.mark.parametrize("name", PLAIN_APART)
def test_apart_says_what_python_says(box, name):
    test, program = PLAIN_APART[name]
    right = holds(test, program)
    assert right is name.endswith(", right")
    verdict = judged(box, test, program, functions=("f", "P"))
    assert agrees(verdict, right) is (name not in DIFFERS), verdict


@pytest.mark.parametrize("name", MODULES)
def test_a_name_of_the_standard_library_that_the_program_defines(box, name):
    test, program = MODULES[name]
    right = holds(test, program)
    verdict = judged(box, test, program, functions=(name.partition(" ")[0], "f", "hasattr_or"))
    assert right and agrees(verdict, right), verdict


@pytest.mark.usefixtures("unpatched")
@pytest.mark.parametrize("name", LIFTED)
def test_outside_says_what_python_says(box, name):
    test, program = LIFTED[name]
    right = holds(test, program)
    assert right is name.endswith(", right")
    verdict = judged(box, test, program)
    assert agrees(verdict, right) is (name not in DIFFERS), verdict


TWICE = {
    "zip": ("z = zip([1], [2])\nassert f(1) == len(list(z))", 1, 0),
    "a generator": ("z = (x for x in [1, 2])\nassert f(1) == sum(z)", 3, 0),
    "enumerate": ("z = enumerate('a')\nassert f(1) == dict(z)", {0: "a"}, {}),
    "reversed": ("z = reversed([1, 2])\nassert f(1) == list(z)", [2, 1], []),
    "an iterator that is an argument": ("z = zip([1], [2])\nassert f(z) == 1", 1, 0),
    "a list": ("z = [3]\nassert f(z) == [3]", [3], [3, 3]),
}


@pytest.mark.parametrize("name", TWICE)
def test_a_test_that_judged_one_program_judges_the_next_alike(box, name):
    """The same test meets many programs: nothing of it may be used up, or changed, by those before."""
    test, right, wrong = TWICE[name]
    for _ in range(3):
        verdict = judged(box, test, f"def f(z):\n    return {right!r}")
        assert verdict.outcome is not Outcome.FAIL, verdict
        verdict = judged(box, test, f"def f(z):\n    return {wrong!r}")
        assert verdict.outcome is not Outcome.PASS, verdict


# ------------------------------------------------------------------------------------------------- programs that lie or attack
APART = "import random\nfor n in (3, 4):\n    assert f(n) == 2 * n\n"
ERRORS = "for n in (3,):\n    try:\n        f(n)\n    except Exception:\n        pass\n    assert f(n) == 6\n"
FREE = "for n in (3,):\n    assert f(n) == 6\n    assert string.digits and decimal and heapq"
TELL = """
import sys
def channel():
    apart = sys.modules["yunque.checks.inside.separate_process"]
    return apart, apart.Callback._pipes[2]
"""
HOSTILE = {
    **{
        f"a file {name}.py for the tester": (test, PLANT + f"plant({name!r})\ndef f(n): return None")
        for name, test in {
            "random": APART, "json": "import json\n" + APART, "string": FREE, "heapq": FREE, "decimal": FREE,
            "statistics": "import statistics\n" + APART, "zipapp": "import zipapp\n" + APART,
            "__future__": "from __future__ import annotations\n" + APART, "this": "import this\n" + APART,
            "colorsys": "for n in (3,):\n    import colorsys\n    assert f(n) == 6", "_strptime": "import datetime\nfor n in (3,):\n    datetime.datetime.strptime('1', '%d')\n    assert f(n) == 6",
        }.items()
    },
    **{
        f"a file {name}.py that an exception names": (
            ERRORS, PLANT + f"plant({name!r})\nclass E(Exception): pass\nE.__module__ = {name!r}\nimport sys, types\nsys.modules[{name!r}] = types.SimpleNamespace(E=E)\ndef f(n): raise E('x')",
        )
        for name in ("zipapp", "turtledemo", "antigravity", "this", "wave", "idlelib", "sre_parse", "_pydatetime")
    },
    "a file fractions.py that an answer needs": ("for n in (3,):\n    assert f(n) == 6", PLANT + "import fractions, decimal\nplant('fractions')\nplant('decimal')\nplant('numbers')\ndef f(n): return fractions.Fraction(5) if n else decimal.Decimal(5)"),
    "a file that a traceback needs": ("for n in (3,):\n    assert f(n) == 6", PLANT + "for name in ('traceback', 'linecache', 'tokenize', 'encodings', 'codecs', 'sitecustomize', 'apart', 'yunque'): plant(name)\ndef f(n): raise ValueError(chr(0xd800))"),
    "an exception with a lying mro": ("try:\n    f(1)\n    assert False\nexcept ValueError:\n    pass", "class M(type):\n    def mro(cls): return [cls, *type.mro(cls)[1:]]\n    __name__ = 'ValueError'\nclass E(Exception, metaclass=M):\n    __module__ = 'builtins'\n    __qualname__ = 'ValueError'\ndef f(n): raise E('x')"),
    "an exception that is forged on the pipe": (
        "def bad(): pass\ntry:\n    f(bad)\n    assert False\nexcept AssertionError:\n    assert False\nexcept Exception:\n    assert f(bad) == 6",
        TELL + "def f(g):\n    apart, tell = channel()\n    apart.send(tell, ['!', {'value': '{\"tuple\":[]}', 'contents': {}, 'forgotten': []}, ['exit', 'os', '_exit']])\n    return None",
    ),
    "an exception class that ends the tester": (APART, TELL + "def f(n):\n    apart, tell = channel()\n    for module, name in (('sys', 'exit'), ('builtins', 'SystemExit'), ('builtins', 'KeyboardInterrupt'), ('os', '_exit'), ('_frozen_importlib', 'X')):\n        apart.send(tell, ['!', {'value': '{\"tuple\":[0]}', 'contents': {}, 'forgotten': []}, [name, module, name]])\n    return None"),
    "an exception with a module that is a path": (APART, PLANT + TELL + "plant('json.evil')\nplant('evil')\ndef f(n):\n    apart, tell = channel()\n    apart.send(tell, ['!', {'value': '{\"tuple\":[0]}', 'contents': {}, 'forgotten': []}, ['E', 'json.evil', 'E']])\n    apart.send(tell, ['!', {'value': '{\"tuple\":[0]}', 'contents': {}, 'forgotten': []}, ['E', 'evil', 'E']])\n    return None"),
    "a callback that is Python's own": (APART, TELL + "def f(n):\n    apart, tell = channel()\n    apart.send(tell, ['c', {'value': '{\"tuple\":[{\"at\":\"builtins.object\"},{\"tuple\":[]},{\"tuple\":[]}]}', 'contents': {}, 'forgotten': []}, ''])\n    return None"),
    "answers sent ahead of the questions": (APART, TELL + "def f(n):\n    apart, tell = channel()\n    for _ in range(50): apart.send(tell, ['=', {'value': 'true', 'contents': {}, 'forgotten': []}, ''])\n    return None"),
    "answers sent from a thread": (APART, TELL + "import threading, time\ndef late():\n    apart, tell = channel()\n    for _ in range(100):\n        apart.send(tell, ['=', {'value': 'null', 'contents': {'0': ['list', '{\"tuple\":[]}']}, 'forgotten': [0, 2]}, ''])\n        time.sleep(0.001)\nthreading.Thread(target=late, daemon=True).start()\ndef f(n): return None"),
    "a list of the test emptied by forging": ("m = [3, 4]\nfor n in m:\n    assert f(m, n) == 6\nassert len(m) == 2", TELL + "def f(m, n):\n    del m[:]\n    return 6"),
    "a stop from an answer's text": (APART, TELL + "def f(n):\n    apart, tell = channel()\n    apart.send(tell, ['?', {'value': 'null', 'contents': {}, 'forgotten': []}, 'x'])\n    return None"),
    "an unfit test pretended": (APART, "import os\ndef f(n): os._exit(90)"),
    "bytes that are no JSON": (APART, TELL + "import os\ndef f(n):\n    os.write(channel()[1], b'\\xff\\x00\\n')\n    return 2 * n if n == 3 else None"),
    "killing the tester": (APART, "import os\ndef f(n): os.kill(os.getppid(), 9)"),
    "stopping the tester": (APART, "import os, signal\ndef f(n): os.kill(os.getppid(), signal.SIGSTOP)"),
    "an alarm in the tester": (APART, "import os, signal\ndef f(n):\n    for s in (signal.SIGALRM, signal.SIGUSR1, signal.SIGPIPE, signal.SIGINT, signal.SIGTERM): os.kill(os.getppid(), s)\n    return None"),
    "an interrupt that the test catches": ("for n in (3,):\n    try:\n        f(n)\n    except BaseException:\n        pass", "import os, signal, time\ndef f(n):\n    os.kill(os.getppid(), signal.SIGINT)\n    time.sleep(0.2)\n    os._exit(0)"),
    "killing the group": (APART, "import os\ndef f(n): os.killpg(0, 9)"),
    "writing to the tester's descriptors": (APART, "import os\ndef f(n):\n    for fd in range(16):\n        for p in (os.getppid(), 1):\n            try: open(f'/proc/{p}/fd/{fd}', 'wb', 0).write(b'0' * 32 + b'\\n')\n            except OSError: pass\n    return None"),
    "forking and answering twice": (APART, "import os\ndef f(n):\n    os.fork()\n    return None"),
    "forking at the start": (APART, "import os\nos.fork()\ndef f(n): return None"),
    "a fork that lives on as the program": (APART, "import os, sys\nif os.fork(): os._exit(0)\nos.getpid = lambda: 0\ndef f(n): return None"),
    "a getpid that lies": (APART, "import os\nos.getpid = lambda: 0\nos.fork()\ndef f(n): return None"),
    "leaving with status 0": (APART, "import os\ndef f(n): os._exit(0)"),
    "an alarm of its own": (APART, "import os, signal\nsignal.signal(signal.SIGALRM, lambda *_: os._exit(0))\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\ndef f(n):\n    while True: pass"),
    "closing everything": (APART, "import os\ndef f(n): os.closerange(0, 64)"),
    "tracing the tester": (APART, "import ctypes, os\ndef f(n):\n    libc = ctypes.CDLL(None)\n    for request in (16, 0x4206): libc.ptrace(request, os.getppid(), 0, 0)\n    return None"),
    "raising AssertionError out of turn": ("for n in (3,):\n    try:\n        assert f(n) == 6\n        done = True\n    except RuntimeError:\n        done = True\nassert not done or f(4) == 8", "def f(n): raise RuntimeError"),
    "an iterator that never differs": ("for n in (3,):\n    assert all(x == n for x in f(n)) and len(list(f(n))) == 1", "class A:\n    __iter__ = lambda self: iter([])\n    __len__ = lambda self: 1\ndef f(n): return A()"),
    "a length that lies": ("for n in (3,):\n    assert len(f(n)) == n and f(n)[0] == 1", "class A:\n    __len__ = lambda self: 3\n    __getitem__ = lambda self, i: A()\n    __eq__ = lambda *_: True\ndef f(n): return A()"),
    "a class that is a lie": ("for n in (3,):\n    x = f(n)\n    assert isinstance(x, int) and x == 6", "class A:\n    __class__ = int\n    __eq__ = lambda *_: True\ndef f(n): return A()"),
    "an equal item in a list": ("for n in (3,):\n    assert f(n) == [6]", "class A:\n    __eq__ = lambda *_: True\ndef f(n): return [A()]"),
    "an equal key in a dict": ("for n in (3,):\n    assert f(n) == {6: 1} and f(n)[6] == 1", "class A:\n    __eq__ = lambda *_: True\n    __hash__ = lambda _: 6\ndef f(n): return {A(): 1}"),
    "a defaultdict that knows all": ("for n in (3,):\n    d = f(n)\n    assert d[6] == 'yes'", "import collections\nclass A(str):\n    __eq__ = lambda *_: True\ndef f(n): return collections.defaultdict(A)"),
    "an int below its own": ("for n in (3,):\n    assert f(n) == [6] and sorted(f(n)) == [6]", "class I(int):\n    __eq__ = lambda *_: True\n    __hash__ = int.__hash__\ndef f(n): return [I(1)]"),
    "a namedtuple with its own items": ("for n in (3,):\n    assert f(n) == (6,)", "import collections\nclass P(collections.namedtuple('P', 'x')):\n    def __getitem__(self, i): return 6\ndef f(n): return P(1)"),
    "an OrderedDict class of its own": ("from collections import OrderedDict\nfor n in (1,):\n    assert f(n) == OrderedDict([(1, 1), (2, 2)])", "from collections import OrderedDict\nclass O(OrderedDict):\n    __eq__ = lambda *_: True\ndef f(n): return O()"),
    "collections replaced": ("for n in (1,):\n    assert f(n) == {1: 1}", "import collections\nclass O(dict):\n    @staticmethod\n    def items(self): return [(1, 1)]\ncollections.Counter = collections.OrderedDict = O\nclass A: pass\ndef f(n): return A()"),
}  # fmt: skip
NAMES = {
    # a function named as one of Python's: functions, test, wrong program
    "sum": ("for m in ([1, 2],):\n    assert sum(m) == 3", "def sum(m): return 0"),
    "sorted": ("for m in ([2, 1],):\n    assert sorted(m) == [1, 2]", "def sorted(m): return m"),
    "round": ("for m in (1.6,):\n    assert round(m) == 2", "def round(m): return 0"),
    "len": ("m = [1]\nm.append(2)\nassert len(m) == 2", "def len(m): return 0"),
    "max": ("assert max(1, 2) == 2", "def max(*m): return 0"),
    "reversed": ("for m in ('ab',):\n    assert list(reversed(m)) == ['b', 'a']", "def reversed(m): return m"),
    "pow": ("def check(candidate):\n    for n in (2,):\n        assert candidate(n, 2) == 4\n        assert pow(n, 2) == 4", "def pow(a, b): return 0"),
    "filter": ("for m in ([0, 1],):\n    assert list(filter(None, m)) == [1]", "def filter(_, m): return m"),
}  # fmt: skip
LINES = {
    "forged lines on stdout": "import os\nfor fd in range(3, 16):\n    try: os.write(fd, b'=true\\n=6\\n=8\\n' * 9)\n    except OSError: pass\ndef f(n): return None",
    "digests that nobody asked for": "import os\ndef f(n):\n    for fd in range(3, 16):\n        try: os.write(fd, b'#' + b'0' * 64 + b'\\n')\n        except OSError: pass\n    return None",
    "lines without end": "import os\ndef f(n):\n    for fd in range(3, 16):\n        try: os.write(fd, b'=' + b'[' * 100000)\n        except OSError: pass\n    return None",
    "lone surrogates on the wire": "import os\ndef f(n):\n    for fd in range(3, 16):\n        try: os.write(fd, b'=\"\\\\ud800\"\\n?\\xed\\xa0\\x80\\n!{\"raised\":[\"\\\\ud800\",\"\\\\udfff\"]}\\n')\n        except OSError: pass\n    return None",
    "an error whose name is a surrogate": "E = type('E' + chr(0x1d), (Exception,), {})\nE.__module__ = chr(0x1d)\ndef f(n): raise E(chr(0xd800))",
    "a result named in surrogates": "A = type('A', (), {})\ndef f(n): return {chr(0xd800): A()}",
    "values in hexadecimal that are none": "import os\ndef f(n):\n    for fd in range(3, 16):\n        try: os.write(fd, b'={\"int\":\"0x_6\"}\\n={\"str\":\"d800\"}\\n={\"str\":\"eda080\"}\\n')\n        except OSError: pass\n    return None",
    "a raised that is equal": "def f(n): return Exception",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_program_never_passes_apart(box, name):
    test, program = HOSTILE[name]
    verdict = judged(box, test, program, limits=Limits(wall_s=1, cpu_s=1))
    assert verdict.outcome is not Outcome.PASS, verdict
    after = judged(box, APART, "def f(n): return 2 * n")
    assert after.outcome is Outcome.PASS, after


@pytest.mark.parametrize("name", NAMES)
def test_a_function_named_as_one_of_pythons_is_the_programs(box, name):
    test, program = NAMES[name]
    verdict = judged(box, test, program, functions=(name,), entry=name if "def check" in test else "")
    assert verdict.outcome is not Outcome.PASS, verdict


LONG = {
    # what a program gives, what is expected, and whether types count; right when Python and the types say so
    "interned texts": ("['abc'] * 300000", "[''.join(['a', 'bc'])] * 300000", True, True),
    "one text in many objects": ("['%d' % (n % 7) for n in range(300000)]", "['0', '1', '2', '3', '4', '5', '6'] * 42857 + ['0']", True, True),
    "True for 1": ("[True] * 400000", "[1] * 400000", True, False),
    "True for 1, types do not count": ("[True] * 400000", "[1] * 400000", False, True),
    "1.0 for 1": ("[1.0] * 400000", "[1] * 400000", True, False),
    "1 for 1.0 in a tuple in a list": ("[(1,)] * 200000", "[(1.0,)] * 200000", True, False),
    "a list for a tuple": ("[[1]] * 200000", "[(1,)] * 200000", False, False),
    "the order of a dict": ("{n: 0 for n in range(120000)}", "{n: 0 for n in reversed(range(120000))}", False, True),
    "a key and its value swapped": ("{n: n + 1 for n in range(120000)}", "{n + 1: n for n in range(120000)}", False, False),
    "one number more": ("[0] * 400001", "[0] * 400000", False, False),
    "two pieces swapped": ("[1] * 1000 + [0] * 400000", "[0] * 400000 + [1] * 1000", False, False),
    "texts joined": ("['ab', 'c'] * 100000", "['a', 'bc'] * 100000", False, False),
    "bytes for a text": ("[b'abc'] * 200000", "['abc'] * 200000", False, False),
    "a float near a big number": ("[2.0 ** 53] * 200000", "[2 ** 53 + 1] * 200000", False, False),
    "a set of equal hashes": ("set(range(-2, 210000)) - {-1}", "set(range(-1, 210000)) | set()", False, False),
    "a namedtuple's equal": ("[__import__('collections').Counter(a=1)] * 90000", "[{'a': 2}] * 90000", False, False),
    "None for False": ("[None] * 1100000", "[False] * 1100000", False, False),
    "minus zero": ("[-0.0] * 200000", "[0.0] * 200000", False, True),
    "infinity": ("[float('inf')] * 200000", "[float('-inf')] * 200000", False, False),
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_a_digest_tells_long_values_apart(box, name):
    given, wanted, strict, right = LONG[name]
    expected = [Expected(call=Call("f"), value=eval(wanted), how=Comparison(strict=strict))]
    check = Calls(expected=expected, sandbox=box, limits=Limits(wall_s=3, cpu_s=3))
    verdict = check.judge(Record(id="r", text=f"def f(): return {given}", language="python", origin=ORIGIN))
    assert (verdict.outcome is Outcome.PASS) is right, verdict


@pytest.mark.parametrize("judge_location", ["outside", "apart"])
@pytest.mark.parametrize("name", LINES)
def test_lines_that_were_not_asked_for_never_pass(box, name, judge_location):
    test = "assert f(3) == 6\nassert f(4) == 8\nassert f(chr(0xd800)) == chr(0xd800) * 2\n"
    verdict = judged(box, test, LINES[name], judge_location=judge_location)
    assert verdict.outcome is Outcome.FAIL, verdict
    assert judged(box, test, "def f(n): return 2 * n", judge_location=judge_location).outcome is Outcome.PASS


# ------------------------------------------------------------------------------------------------------------- printed values
# Language -> pairs of what a program gives, and what a test expects; whether they are equal, the language itself says.
PAIRS = {
    "javascript": [
        ("Object.assign([1, 2], {x: 1})", "[1, 2]"), ("[1, , 2]", "[1, undefined, 2]"), ("[,]", "[null]"), ("{toJSON() { return [6]; }}", "[6]"),
        ("{valueOf() { return 6; }}", "6"), ("{[Symbol.toPrimitive]() { return 6; }}", "6"), ("{k: 6, [Symbol.toStringTag]: 'X'}", "{k: 6}"),
        ("(function() { return arguments; })(1)", "{0: 1}"), ("[() => 1]", "[() => 2]"), ("[new Date(5)]", "[new Date(0)]"),
        ("{a: new Map([[1, 2]])}", "{a: new Map([[1, 3]])}"), ("[new Set([1])]", "[new Set([2])]"), ("[Symbol('a')]", "[Symbol('b')]"),
        ("[new Number(5)]", "[new Number(6)]"), ("[/a/]", "[/b/]"), ("[new Error('a')]", "[new Error('b')]"), ("[new Uint8Array([1])]", "[new Uint8Array([2])]"),
        ("nest(70, 1)", "nest(70, 2)"),
    ],
    "ruby": [
        ("{1.0 => 2}", "{1 => 2}"), ('"\\xC3\\xA9".b', '"\\u00e9"'), ('{"a" => 1}.compare_by_identity', '{"a" => 1}'), ("[(1..3)]", "[(5..9)]"),
        ("[Object.new]", "[Object.new]"), ("[Rational(1, 2)]", "[Rational(1, 3)]"), ("[:a]", '["a"]'), ("[1e30]", "[10 ** 30]"), ("[0.1 + 0.2]", "[0.3]"),
        ("{nil => 1}", "{false => 1}"), ("[Complex(1, 2)]", "[Complex(1, 3)]"), ("[Time.at(0)]", "[Time.at(5)]"), ("[/a/]", "[/b/]"),
        ('"a".encode("UTF-16LE")', '"a\\0"'), ("{a: [1..2]}", "{a: [3..4]}"), ("[2 ** 53 + 1]", "[2.0 ** 53]"), ('{"\\xC3\\xA9".b => 1}', '{"\\u00e9" => 1}'),
        ("nest(70, 1)", "nest(70, 2)"),
    ],
    "php": [
        ("array(new ArrayObject(array(1)))", "array(new ArrayObject(array(2)))"), ("array(function() { return 1; })", "array(function() { return 2; })"),
        ("array(STDIN)", "array(STDERR)"), ("array(1)", "array(1.0)"), ('array("1")', "array(1)"), ("array(1 => 1)", "array(1)"),
        ('array("b" => 1, "a" => 2)', 'array("a" => 2, "b" => 1)'), ("array(null)", "array(false)"), ("array(0.1 + 0.2)", "array(0.3)"),
        ("array(new DateTime('@0'))", "array(new DateTime('@5'))"), ("nest(70, 1)", "nest(70, 2)"), ('"\\xc3\\xa9"', '"\\xe9"'),
    ],
    "java": [
        ("'a'", '"a"'), ("1", "1L"), ("1.0", "1L"), ("-0.0", "0.0"), ("0.5f", "0.5"), ("2L", "1L"), ("java.math.BigInteger.ONE", "1L"), ("(short) 1", "1L"),
        ("new int[]{1}", "new int[]{1}"), ("new StringBuilder(\"a\")", "new StringBuilder(\"b\")"),
        ("new ArrayDeque<Object>(List.of(1L))", "new ArrayDeque<Object>(List.of(1L))"),
    ],
}  # fmt: skip
NEST = {
    "javascript": "function nest(depth, value) { return depth ? [nest(depth - 1, value)] : value; }\n",
    "ruby": "def nest(depth, value)\n depth == 0 ? value : [nest(depth - 1, value)]\nend\n",
    "php": "function nest($depth, $value) { return $depth ? array(nest($depth - 1, $value)) : $value; }\n",
    "java": "",
}
# Language -> what stands before a test, with {rows} of (number, value) in it; a row; the test, with {asserts} in it; an assert.
SHAPES = {
    "javascript": (
        "%(nest)sfunction f(n) {\n%(rows)s}\n", "  if (n === %(at)d) return (%(value)s);\n",
        "const assert = require('node:assert');\n\n\nfunction test() {\n  let candidate = f;\n%(asserts)s}\n\ntest();\n", "  assert.deepEqual(candidate(%(at)d),%(expected)s);\n",
    ),
    "ruby": (
        "%(nest)sdef f(n)\n%(rows)send\n", "  return %(value)s if n == %(at)d\n",
        "require 'test/unit'\nclass TestHumanEval < Test::Unit::TestCase\n  def test_f\n    candidate = method(:f)\n%(asserts)s  end\nend\n", "    assert_equal(%(expected)s, candidate.call(%(at)d))\n",
    ),
    "php": (
        "<?php\n%(nest)sfunction f($n) {\n%(rows)s}\n", "  if ($n === %(at)d) return %(value)s;\n",
        "function candidate(...$args) {\n    return f(...$args);\n}\n\nfunction test(): void {\n%(asserts)s}\n\ntest();\n", '    if (candidate(%(at)d) !== %(expected)s) { throw new Exception("Test failed!"); }\n',
    ),
    "java": (
        "import java.util.*;\nclass Problem {\n%(nest)s    public static List<Object> f(long n) {\n%(rows)s        return null;\n", "        if (n == %(at)d) return List.<Object>of(%(value)s);\n",
        "    }\n    public static void main(String[] args) {\n%(asserts)s    }\n\n}\n", "    assert(f(%(at)dL).equals(List.<Object>of(%(expected)s)));\n",
    ),
}  # fmt: skip
TRUTHS = {
    "javascript": lambda value, expected: f"try {{ require('node:assert').deepEqual({value}, {expected}); console.log(1); }} catch (e) {{ console.log(0); }}\n",
    "ruby": lambda value, expected: f"puts(({expected}) == ({value}) ? 1 : 0)\n",
    "php": lambda value, expected: f"echo ({value}) === ({expected}) ? 1 : 0, PHP_EOL;\n",
}  # fmt: skip
ROOMY = Limits(wall_s=20, cpu_s=20)


def printing(box, language, compiled, pairs):
    """The check of a test that expects the second of each pair, and the text that stands before it."""
    head, row, frame, line = SHAPES[language]
    rows = "".join(row % {"at": at, "value": value} for at, (value, _) in enumerate(pairs))
    asserts = "".join(line % {"at": at, "expected": expected} for at, (_, expected) in enumerate(pairs))
    before = head % {"nest": NEST[language], "rows": rows}
    apart = take_apart(language, frame % {"asserts": asserts})
    expected = expected_values(apart, before, box, limits=ROOMY, cache=compiled)
    return Printed(test=apart, expected=expected, sandbox=box, limits=ROOMY, cache=compiled), before


@pytest.fixture(scope="module")
def equal(box, toolchain, compiled):
    """``equal(language)``: for every pair, whether the judge takes the two for equal, and whether the language does."""
    found = {}

    def holds(language, pairs):
        """Whether the judge takes each pair for equal; what cannot be expected is equal to nothing."""
        try:
            check, before = printing(box, language, compiled, pairs)
        except Irregular:
            middle = len(pairs) // 2
            return holds(language, pairs[:middle]) + holds(language, pairs[middle:]) if middle else [False]
        verdict = check.judge(Record(id="r", text=before, language=language, origin=ORIGIN))
        calls = {finding.message.partition(": ")[0] for finding in verdict.findings}
        return [call not in calls for call in check.test.calls]

    def tell(language):
        if language not in found:
            toolchain(language)
            held = holds(language, PAIRS[language])
            truths = [False] * len(held)
            if language in TRUTHS:
                source = NEST[language] + "".join(TRUTHS[language](*pair) for pair in PAIRS[language])
                option = {"javascript": ["node", "-e"], "ruby": ["ruby", "-e"], "php": ["php", "-r"]}[language]
                said = subprocess.run([*option, source], capture_output=True, text=True, timeout=20, check=True).stdout
                truths = [line == "1" for line in said.split()]
            found[language] = list(zip(held, truths, strict=True))
        return found[language]

    return tell


SEEN = [(name, at) for name, pairs in PAIRS.items() if name != "java" for at in range(len(pairs))]


@pytest.mark.parametrize(("language", "at"), SEEN, ids=[f"{name}: {' for '.join(PAIRS[name][at])}" for name, at in SEEN])
def test_a_printed_value_is_equal_only_where_its_language_says_so(equal, language, at):
    held, truth = equal(language)[at]
    assert truth or not held, PAIRS[language][at]


def test_a_printed_value_is_equal_only_where_java_says_so(equal):
    held = [" for ".join(pair) for pair, (held, _) in zip(PAIRS["java"], equal("java"), strict=True) if held]
    assert not held, "; ".join(held)


# A program's text -> it must not pass a test that expects [1, {"k": 6}] of 3, and null of 0.
GUESSED = (
    "".join(f"\n\x1e{at} {value}\n" for at, value in enumerate(("6", "null"))).replace("\n", "\\n").replace("\x1e", "\\x1e")
)
LIARS = {
    "javascript": {
        "Array.prototype.join": "Array.prototype.join = () => '1,6'; function f(n) { return n ? [1, {k: 5}] : 0; }",
        "JSON.stringify": "JSON.stringify = () => '\"k\"'; function f(n) { return n ? [1, {q: 6}] : null; }",
        "Object.keys": "Object.keys = () => ['k']; function f(n) { return n ? [1, {q: 6}] : null; }",
        "Array.prototype.sort": "Array.prototype.sort = function() { return ['k']; }; function f(n) { return n ? [1, {q: 6}] : null; }",
        "Array.isArray": "Array.isArray = () => true; function f(n) { return n ? {0: 1, 1: {k: 6}, length: 2} : null; }",
        "Object.is and Map": "Object.is = () => true; Map = Set = function() {}; function f(n) { return n ? [1, {k: '6'}] : null; }",
        "Object.getPrototypeOf": "Object.getPrototypeOf = () => Object.prototype; class A { k = 6; }; function f(n) { return n ? [1, new A().q] : null; }",
        "String": "String = () => '6'; globalThis.String = () => '6'; Number.prototype.toString = () => '6'; function f(n) { return n ? [1, {k: 5}] : null; }",
        "String.prototype.toJSON": "String.prototype.toJSON = () => 'k'; Object.prototype.toJSON = () => 'k'; function f(n) { return n ? [1, {q: 6}] : null; }",
        "Symbol.iterator": "Array.prototype[Symbol.iterator] = function*() { yield 'k'; }; function f(n) { return n ? [1, {q: 6}] : null; }",
        "fs.writeSync": "const fs = require('fs'), old = fs.writeSync; fs.writeSync = (d, s) => old(d, s.replace('5', '6')); fs.writeSync.call = old; function f(n) { return n ? [1, {k: 7}] : null; }",
        "the driver's name bound again": "var show = () => '6'; globalThis.yunquePrint = () => 0; function f(n) { return n ? [1, {k: 5}] : null; }",
        "a driver of its own": "function yunquePrint() {} function f(n) { return null; }",
        "a driver of its own, by scope": "{ const yunquePrint = () => 0; } function f(n) { return [1]; }",
        "a getter that leaves": "function f(n) { return n ? [1, {get k() { process.exit(0); }}] : null; }",
        "a getter that prints": f"function f(n) {{ return [1, {{get k() {{ require('fs').writeSync(1, '{GUESSED}'); process.exit(0); }}}}]; }}",
        "a proxy": "function f(n) { return new Proxy([], {get: (t, k) => k === 'length' ? 2 : 5, getPrototypeOf: () => null}); }",
        "a proxy of an object": "function f(n) { return n ? [1, new Proxy({}, {ownKeys: () => ['k'], getOwnPropertyDescriptor: () => ({configurable: true, enumerable: true, value: 6}), get: () => 5})] : null; }",
        "a toString": "function f(n) { return {toString: () => '[1,{\"k\":6}]', valueOf: () => 6, toJSON: () => [1, {k: 6}]}; }",
        "printing what it guesses": f"require('fs').writeSync(1, '{GUESSED}'); function f(n) {{ process.exit(0); }}",
        "printing at the end": f"process.on('exit', () => require('fs').writeSync(1, '{GUESSED}')); function f(n) {{ return 5; }}",
        "an exit status of its own": "process.on('exit', () => { process.exitCode = 0; process.reallyExit(0); }); function f(n) { throw 1; }",
        "too many values": "for (let at = 0; at < 9; at++) require('fs').writeSync(1, `\n\x1e${at} null\n`); function f(n) { return null; }",
        "its own text": "function f(n) { const t = require('fs').readFileSync(__filename, 'utf8') + process.argv + process.env.PWD + require('fs').readdirSync('.'); return n ? [1, {k: /\\bk.?: ?6/.test(t) ? 6 : 5}] : null; }",
    },
    "ruby": {
        "Array#map": "class Array\n def map = ['1', '{:6b:6}']\nend\ndef f(n) = n == 3 ? [1, 5] : nil",
        "Array#join": "class Array\n def join(*) = '1'\nend\ndef f(n) = n == 3 ? [1] : nil",
        "Integer#to_s": "class Integer\n def to_s(*) = '6'\nend\ndef f(n) = n == 3 ? [1, {'k' => 5}] : nil",
        "Class#===": "class Class\n def ===(o) = true\nend\ndef f(n) = nil",
        "NilClass#===": "class NilClass\n def ===(o) = true\n def inspect = '6'\nend\ndef f(n) = 5",
        "an array of its own": "class A < Array\n def map = [6]\n def ==(o) = true\nend\ndef f(n) = n == 3 ? A.new : nil",
        "the driver again": "def f(n)\n Object.define_method(:yunque_show) { |*| '6' }\n nil\nend",
        "a class that looks": "class S < String\n def b = 'k'\n def ==(o) = true\nend\ndef f(n) = S.new('q')",
        "printing what it guesses": f'STDOUT.write("{GUESSED}")\nSTDOUT.flush\nexit!(0)\ndef f(n) = 6',
        "at_exit": f'at_exit {{ STDOUT.write("{GUESSED}"); STDOUT.flush; exit!(0) }}\ndef f(n) = raise("x")',
        "its own text": "def f(n) = n == 3 ? [1, {'k' => File.read($0).include?('k\" =' + '> 6') ? 6 : 5}] : nil",
        "catching what is thrown": "def f(n) = throw(:x)",
    },
    "php": {
        "an object that prints itself": "class A { function __toString() { return '6'; } }\nfunction f($n) { return new A; }",
        "a driver of its own": "function yunque_print($at, $act) { echo 6; }\nfunction f($n) { return null; }",
        "the number's precision": "ini_set('precision', 1); ini_set('serialize_precision', 1);\nfunction f($n) { return $n ? array(1, array('k' => 6.0)) : null; }",
        "STDOUT closed": f'fclose(STDOUT);\n$o = fopen("php://output", "w");\nfunction f($n) {{ return 5; }}\necho "{GUESSED}";',
        "a shutdown": f'register_shutdown_function(function() {{ fwrite(STDOUT, "{GUESSED}"); exit(0); }});\nfunction f($n) {{ exit(0); }}',
        "its own text": "function f($n) { return $n ? array(1, array('k' => strpos(file_get_contents(__FILE__), '=' . '> 6') ? 6 : 5)) : null; }",
    },
}  # fmt: skip
WANTED = {
    "javascript": ('[1, {"k": 6}]', "null"),
    "ruby": ('[1, {"k" => 6}]', "nil"),
    "php": ('array(1, array("k" => 6))', "null"),
}
RIGHTS = {
    "javascript": "function f(n) { return n ? [1, {k: 6}] : null; }",
    "ruby": "def f(n) = n == 3 ? [1, {'k' => 6}] : nil",
    "php": "function f($n) { return $n ? array(1, array('k' => 6)) : null; }",
}


@pytest.fixture(scope="module")
def printed_check(box, toolchain):
    """``printed_check(language)``: a check that expects `WANTED`, which one reference run has printed."""
    made = {}

    def make(language):
        if language not in made:
            toolchain(language)
            _, _, frame, line = SHAPES[language]
            asserts = "".join(
                line % {"at": at, "expected": value} for at, value in zip((3, 0), WANTED[language], strict=True)
            )
            apart = take_apart(language, frame % {"asserts": asserts})
            expected = expected_values(apart, text(language, RIGHTS[language]), box, limits=ROOMY)
            made[language] = Printed(test=apart, expected=expected, sandbox=box, limits=ROOMY)
        return made[language]

    return make


def text(language, program):
    return ("<?php\n" if language == "php" else "") + program + "\n"


@pytest.mark.parametrize(
    ("language", "name"), [(language, name) for language, programs in LIARS.items() for name in programs]
)
def test_a_program_that_lies_about_printed_values_fails(printed_check, language, name):
    program = text(language, LIARS[language][name])
    verdict = printed_check(language).judge(Record(id="r", text=program, language=language, origin=ORIGIN))
    assert verdict.outcome is Outcome.FAIL, verdict


@pytest.mark.parametrize("language", LIARS)
def test_the_right_program_of_the_liars_passes(printed_check, language):
    program = text(language, RIGHTS[language])
    assert (
        printed_check(language).judge(Record(id="r", text=program, language=language, origin=ORIGIN)).outcome is Outcome.PASS
    )


# ------------------------------------------------------------------------------------------------------------- whole tasks
LOOK = {
    "sys.modules": "    import sys\n    found = repr([vars(m) for m in list(sys.modules.values())[-60:]])[:1 << 20]\n",
    "the stack": "    import sys\n    frame, found = sys._getframe(), ''\n    while frame:\n        found += repr(frame.f_locals)[:99999] + repr(frame.f_globals)[:99999]\n        frame = frame.f_back\n",
    "the garbage collector": "    import gc\n    found = ''.join(o for o in gc.get_referents(*gc.get_objects()) if type(o) is str and len(o) < 9999)\n",
    "/proc of the parent": "    import os\n    found = ''\n    for p in (os.getpid(), os.getppid(), 1):\n        for name in ('cmdline', 'environ', 'fd/0', 'mem'):\n            try: found += open(f'/proc/{p}/{name}', 'rb').read(99999).decode('latin-1')\n            except Exception: pass\n",
    "files": "    import os\n    found = ''\n    for top in ('.', '/tmp', '/dev/shm', '/proc/self'):\n        for folder, _, names in os.walk(top):\n            for name in names[:20]:\n                try: found += open(os.path.join(folder, name)).read(9999) if 'fd' not in folder and name not in ('kmsg', 'mem') and folder.count('/') < 4 else ''\n                except Exception: pass\n            if len(found) > 1 << 20: break\n",
    "standard input": "    import os\n    found = ''\n    for fd in (0, 3, 4, 5):\n        try:\n            os.set_blocking(fd, False)\n            found += os.read(fd, 1 << 20).decode('latin-1')\n        except OSError: pass\n",
}  # fmt: skip
CHEAT = "    return _right(*_args) if ''.join(['assert candi', 'date(']) in found else None\n"


@pytest.mark.parametrize("where", LOOK)
@pytest.mark.parametrize("at", [0, 23, 38, 50, 53])
def test_an_answer_to_human_eval_that_looks_for_its_test_fails(box, benchmark_files, where, at):
    """38 and 50 have helpers; where the test is found, the answer would be the right one."""
    suite = open_suite("humaneval", box, benchmark_files)
    task = suite.tasks()[at]
    entry, answer = suite.problems[task.id].entry, LOOK[where] + CHEAT
    canonical = suite.problems[task.id].before + suite.canonical(task)
    program = f"{canonical}\n_right = {entry}\ndef {entry}(*_args):\n{answer}"
    verdict = suite.judge(task, program, PromptStyle.PROGRAM)
    assert verdict.outcome is not Outcome.PASS, verdict
    assert suite.judge(task, canonical, PromptStyle.PROGRAM).outcome is Outcome.PASS
