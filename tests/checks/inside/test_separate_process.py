# ruff: noqa: E501 - a test and a program on a line each
"""The test in one process, the program in another: what crosses means the same as if they were one."""

import pytest

from yunque.checks.execution.python import Asserts
from yunque.core.nouns import Limits, Origin, Outcome, Record

ORIGIN = Origin(source="test", path="main.py", revision="", licence="unknown", collected_at="")
STACK = """
class Stack:
    def __init__(self, *items): self.items = list(items)
    def push(self, item): self.items.append(item)
    def pop(self): return self.items.pop()
    def __len__(self): return len(self.items)
    def __getitem__(self, at): return self.items[at]
    def __iter__(self): return iter(self.items)
"""
RIGHT = {
    "an alias of an argument": (
        "m = [[1], [2]]\nc = f(m)\nc[0].append(9)\nassert m == [[1, 9], [2]]",
        "def f(m): return list(m)",
    ),
    "a deep copy": ("m = [[1]]\nc = f(m)\nc[0].append(9)\nassert m == [[1]]", "def f(m): return [list(x) for x in m]"),
    "the argument itself": ("m = [1]\nassert f(m) is m", "def f(m): return m"),
    "an argument is changed": (
        "m = {1: [2]}\nf(m)\nassert m == {1: [2, 3], 4: 5}",
        "def f(m):\n    m[1].append(3)\n    m[4] = 5",
    ),
    "an argument is kept and changed later": (
        "m = [1]\nf(m)\nf([2])\nassert m == [1, 'late']\nm.append(3)\nassert f(None) == [1, 'late', 3]",
        "kept = []\ndef f(m):\n    if kept and m: kept[0].append('late')\n    kept.append(m)\n    return kept[0]",
    ),
    "an argument let go of in the same call": (
        "m = [1]\nf(m)\nf([2])\nassert m == [1, 2]\nf([3])\nassert m == [1, 2]",
        "kept = [None]\ndef f(m):\n    if kept[0] is not None: kept[0].append(m[0])\n    kept[0] = m if m == [1] else None",
    ),
    "a list that holds itself": ("m = []\nm.append(m)\nassert f(m) is m[0]", "def f(m): return m[0]"),
    "sets and bytearrays": (
        "s, b = {1}, bytearray(b'x')\nf(s, b)\nassert s == {1, 2} and b == b'xy'",
        "def f(s, b):\n    s.add(2)\n    b += b'y'",
    ),
    "a Counter stays one": (
        "c = f('aab')\nassert c.most_common(1) == [('a', 2)] and c['z'] == 0",
        "from collections import Counter as f",
    ),
    "a defaultdict stays one": (
        "d = f()\nd['x'].append(1)\nassert d == {'x': [1]}",
        "import collections\ndef f(): return collections.defaultdict(list)",
    ),
    "an OrderedDict keeps its order": (
        "from collections import OrderedDict\nfor d in [f()]:\n    assert d == OrderedDict([(2, 0), (1, 0)]) and d != OrderedDict([(1, 0), (2, 0)])",
        "from collections import OrderedDict\ndef f():\n    d = OrderedDict([(1, 0), (2, 0)])\n    d.move_to_end(1)\n    return d",
    ),
    "a generator": (
        "assert list(f(3)) == [0, 1, 2]\ng = f(2)\nassert next(g) == 0 and list(g) == [1]",
        "def f(n): yield from range(n)",
    ),
    "an object of the program": (
        "s = Stack(1)\ns.push(2)\nassert len(s) == 2 and s[1] == 2 and list(s) == [1, 2]\ns.items.append(3)\nassert s.pop() == 3",
        STACK,
    ),
    "an object as an argument": (
        "s = Stack(1, 2)\ns.items[0] = 5\nassert f(s) == 7\nassert f(s.items) == 7",
        STACK + "def f(s): return sum(s)",
    ),
    "an object's truth": (
        "import re\nfor w in ('ab',):\n    assert f(w) and not f('b')",
        "import re\ndef f(w): return re.match('a', w)",
    ),
    "a function of the test": ("assert f(lambda x: x + 1, [1, 2]) == [2, 3]", "def f(g, m): return [g(x) for x in m]"),
    "a function of the test that raises": (
        "def bad(x):\n    raise KeyError(x)\nassert f(bad) == (3,)",
        "def f(g):\n    try: g(3)\n    except KeyError as error: return error.args",
    ),
    "a function that the program gives": ("add = f(2)\nassert add(3) == 5", "def f(n): return lambda x: x + n"),
    "Python's own classes": (
        "assert f([1, 'a'], str) == ['a'] and f([], int) == []",
        "def f(m, kind): return [x for x in m if isinstance(x, kind)]",
    ),
    "an exception with its arguments": (
        "try:\n    f(1)\n    assert False\nexcept KeyError as error:\n    assert error.args == ('k', 1) and str(error) == \"('k', 1)\"",
        "def f(n): raise KeyError('k', n)",
    ),
    "an exception of the standard library": (
        "import json\ntry:\n    f('x')\n    assert False\nexcept json.JSONDecodeError:\n    pass",
        "import json\ndef f(x): return json.loads(x)",
    ),
    "an exception below one of Python's": (
        "try:\n    f(1)\n    assert False\nexcept LookupError as error:\n    assert str(error) == 'no'",
        "class Gone(KeyError):\n    def __str__(self): return 'no'\ndef f(n): raise IndexError('no')",
    ),
    "keywords": ("for k in (1,):\n    assert f(1, b=k, c=[2]) == (1, 1, [2])", "def f(a, *, b, c): return a, b, c"),
    "a module that only the program imports": (
        "assert f((1,)) == sys.getsizeof((1,))",
        "import sys\ndef f(x): return sys.getsizeof(x)",
    ),
    "printing": ("for n in (1,):\n    assert f(n) == n", "print('x')\ndef f(n):\n    print('y' * 100000)\n    return n"),
}
WRONG = {
    "a process that ends is no exception": ("try:\n    f(1)\nexcept Exception:\n    pass", "import os\ndef f(n): os._exit(0)"),
    "SystemExit is no exception": ("try:\n    f(1)\nexcept BaseException:\n    pass", "def f(n): raise SystemExit(0)"),
    "a program that does not start is no exception": ("try:\n    f(1)\nexcept Exception:\n    pass", "def f(n: 1 / 0): pass"),
    "no such function": ("for n in (1,):\n    assert f(n) is None", "def g(n): pass"),
    "an object that is equal to all": (
        "for n in (1,):\n    assert f(n) == n",
        "class Any:\n    __eq__ = __contains__ = lambda *_: True\ndef f(n): return Any()",
    ),
    "an object that contains all": ("for n in (1,):\n    assert n in f(n)", "class Any:\n    __contains__ = lambda *_: True\ndef f(n): return Any()"),
    "an object that is less than all": ("for n in (1,):\n    assert f(n) < n", "class Any:\n    __lt__ = lambda *_: True\ndef f(n): return Any()"),
    "an object that looks like a text": ("for n in (1,):\n    assert str(f(n)) == str(n)", "class Any:\n    __str__ = lambda *_: '1'\ndef f(n): return Any()"),
    "the refusal cannot be caught": (
        "for n in (1,):\n    try:\n        assert f(n) == n\n    except BaseException:\n        pass",
        "class Any: pass\ndef f(n): return Any()",
    ),
    "an exception of a name": (
        "try:\n    f(1)\n    assert False\nexcept ValueError:\n    pass",
        "class ValueError(Exception): pass\ndef f(n): raise ValueError('no')",
    ),
    "an exception that says it is another": (
        "try:\n    f(1)\n    assert False\nexcept ValueError:\n    pass",
        "class ValueError(Exception):\n    __module__ = 'builtins'\ndef f(n): raise ValueError('no')",
    ),
    "a call of Python's own in the test's process": (
        "for n in (6,):\n    assert f(3) == n",
        """
import sys
def f(n):
    apart = sys.modules["yunque.checks.inside.separate_process"]
    _, _, tell = apart.Callback._pipes
    for name in ("exec", "print", "len", "type", "object"):
        text = '{"tuple":[{"at":"builtins.%s"},{"tuple":["print(1)"]},{"tuple":[]}]}' % name
        apart.send(tell, ["c", {"value": text, "contents": {}, "forgotten": []}, ""])
    return None
""",
    ),
    "numbers that are not its own": (
        "m = [6]\nfor n in (6,):\n    assert f(3) == m[0]",
        """
import sys
def f(n):
    apart = sys.modules["yunque.checks.inside.separate_process"]
    _, _, tell = apart.Callback._pipes
    contents = {number: ["list", '{"tuple":[null]}'] for number in range(0, 40, 2)}
    apart.send(tell, ["=", {"value": "null", "contents": contents, "forgotten": []}, ""])
    return None
""",
    ),
    "deep nonsense": (
        "for n in (6,):\n    assert f(3) == n",
        "import os\ndef f(n):\n    for d in range(3, 64):\n        try: os.write(d, b'[' * 100000 + b'\\n')\n        except OSError: pass\n    return None",
    ),
}  # fmt: skip


def verdict(box, test, program):
    judge = Asserts(test=test, functions=["f"], sandbox=box, limits=Limits(wall_s=5), judge_location="apart")
    assert Asserts(test=test, functions=["f"], sandbox=box).best_location() in ("apart", "outside"), "it would not sit there"
    return judge.judge(Record(id="r", text=program, language="python", origin=ORIGIN))


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_program_passes(box, name):
    found = verdict(box, *RIGHT[name])
    assert found.outcome is Outcome.PASS and found.judge_location == "apart", found


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_program_fails(box, name):
    assert verdict(box, *WRONG[name]).outcome is Outcome.FAIL
