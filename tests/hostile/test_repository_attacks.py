# ruff: noqa: E501 - an attack a line
"""More wrong answers that want to pass a repository's own tests, and right ones that are made in unusual ways.

What gets through is listed with the reason (`KNOWN`): each is a way to a PASS that says ``apart`` or ``controlled``.
"""

import os
import zlib

import pytest

from yunque.checks.execution.repository_tests import RepositoryTests
from yunque.core.nouns import Limits, Origin, Outcome, Record

MODULE = 'def tripled(number):\n    """Three times a number.\n\n    >>> tripled(9)\n    27\n    """\n    return 3 * number\n'
TESTS = """import json
import math
import operator
import unittest
import pytest
from words import tripled


def test_tripled():
    assert tripled(4) == 12
    assert tripled(-5) == -15


def test_loop():
    for number, expected in [(0, 0), (7, 21), (8, 24)]:
        assert tripled(number) == expected


def test_many():
    assert tripled(1) == 3
    assert tripled(0) == 0
    for number, expected in [(3, 9), (2, 6)]: assert tripled(number) == expected
    with pytest.raises(TypeError) as error:
        tripled(None)
    assert str(error.value)
    assert tripled("a") == "aaa"
    assert tripled([]) == []


@pytest.mark.parametrize("number, expected", [(4, 12), (-5, -15), (30, 90)])
def test_table(number, expected):
    assert tripled(number) == expected


def test_approx():
    assert tripled(0.1) == pytest.approx(0.3)


def test_difference():
    assert abs(tripled(0.1) - 0.3) < 1e-9


def test_isclose():
    assert math.isclose(tripled(0.1), 0.3)


def test_operator():
    assert operator.eq(tripled(3), 9)


def test_sum():
    assert tripled(6) == 6 + 6 + 6


def test_member():
    assert tripled(2) in (6, 9)


def test_raises():
    with pytest.raises(TypeError):
        tripled(None)


def test_json():
    assert json.loads(json.dumps(tripled([5]))) == [5, 5, 5]


class TestMore(unittest.TestCase):
    def test_text(self):
        self.assertEqual(tripled("ab"), "ababab")

    def test_truth(self):
        self.assertTrue(tripled(2) == 6)

    def test_almost(self):
        self.assertAlmostEqual(tripled(0.5), 1.5)
"""
FUNCTIONS = [
    "test_tripled", "test_loop", "test_many", "test_table[4-12]", "test_table[-5--15]", "test_table[30-90]", "test_approx",
    "test_difference", "test_isclose", "test_operator", "test_sum", "test_member", "test_raises", "test_json",
    "TestMore::test_text", "TestMore::test_truth", "TestMore::test_almost",
]  # fmt: skip
NAMES = [f"test_words.py::{name}" for name in FUNCTIONS]
FILES = {
    "words.py": MODULE.encode(),
    "test_words.py": TESTS.encode(),
    "tests/__init__.py": b"EXPECTED = {4: 12, 7: 21}\n",
    "tests/test_more.py": b"from tests import EXPECTED\nfrom words import tripled\n\n\ndef test_more():\n    assert tripled(7) == EXPECTED[7]\n",
    "other.py": b'from words import tripled\n\n\ndef doubly(number):\n    """Twice.\n\n    >>> doubly(5)\n    45\n    """\n    return tripled(tripled(number))\n',
    ".git/objects/ab/cdef": zlib.compress(TESTS.encode()),
    ".pytest_cache/v/cache/lastfailed": b'{"test_words.py::test_table[4-12]": true}',
    "expected.txt": b"9",
}
SEARCH = "import re\ndef found(text, number):\n    return int(re.search(r'tripled\\(%r\\) == (.*)' % number, text)[1])\n"


def _attack(body, before=""):
    """A file whose function has that body, with lines before it."""
    return f"{before}\ndef tripled(number):\n    {body}\n"


def _any(kind="object", more="pass"):
    """A class of things that are equal to everything and do not mind."""
    return (
        f"class Any({kind}):\n    __eq__ = __lt__ = __gt__ = __le__ = __ge__ = lambda *_: True\n    __ne__ = lambda *_: False\n    __hash__ = lambda s: 0\n"
        f"    __sub__ = __rsub__ = __add__ = __radd__ = __abs__ = __round__ = lambda s, *_: s\n    __float__ = lambda s: 0.3\n    {more}\n"
    )


FRAMES = "import sys, json\ndef frames():\n    f = sys._getframe(1)\n    while f: yield f; f = f.f_back\ndef tell():\n    return next(f.f_locals['tell'] for f in frames() if 'tell' in f.f_locals)\n"
SAY = (
    FRAMES
    + "import os\ndef say(*lines):\n    os.write(tell(), ''.join(json.dumps(line) + '\\n' for line in lines).encode())\n"
)
VALUES = {
    "a text equal to everything": _attack("return Any('x')", _any("str")),
    "a float equal to everything": _attack("return Any('nan')", _any("float")),
    "a class whose class is equal to everything": _attack("return C", "class M(type):\n    __eq__ = lambda *_: True\n    __hash__ = type.__hash__\n    __instancecheck__ = __bool__ = __eq__\nclass C(metaclass=M): pass\n"),
    "what is of any class": _attack("return Any()", _any(more="__class__ = property(lambda s: int)")),
    "what takes part in any difference": _attack("return Any()", _any()),
    "what is greater and less": _attack("return T()", "import functools\n@functools.total_ordering\nclass T:\n    __eq__ = __lt__ = lambda *_: True\n    __hash__ = None\n"),
    "a mock of anything": _attack("return unittest.mock.ANY", "import unittest.mock\n"),
    "a mock that does anything": _attack("m = unittest.mock.MagicMock()\n    m.__eq__.return_value = True\n    return m", "import unittest.mock\n"),
    "equal things in a list": _attack("return [Any()] * 3", _any()),
    "equal keys in a dict": _attack("return {Any(): Any()}", _any()),
    "a namedtuple equal to everything": _attack("return Q(1)", "import collections\nclass Q(collections.namedtuple('P', 'a')):\n    __eq__ = lambda *_: True\n    __hash__ = None\n"),
    "a decimal equal to everything": _attack("return Any('sNaN')", "import decimal\n" + _any("decimal.Decimal")),
    "a fraction equal to everything": _attack("return Any(1)", "import fractions\n" + _any("fractions.Fraction")),
    "a weak proxy of what is equal to everything": _attack("return weakref.proxy(KEPT)", f"import weakref\n{_any()}KEPT = Any()\n"),
    "what is copied as something else": _attack("return R()", "import copyreg\nclass R:\n    __reduce__ = lambda s: (eval, ('12',))\n    __getstate__ = __deepcopy__ = __reduce__\ncopyreg.pickle(R, R.__reduce__)\n"),
    "a lazy answer": _attack("yield from (12, -15)"),
    "an answer to be awaited": "async def tripled(number): return 12\n",
    "an exception of every kind": _attack("raise E('x')", "class E(TypeError, ValueError, KeyError, AssertionError, RuntimeError, ArithmeticError): pass\n"),
    "an exception that is an answer": _attack("return E()", "class E(Exception):\n    __eq__ = lambda *_: True\n    __hash__ = None\n"),
    "a counter that misses nothing": _attack("return D(lambda: Any())", f"import collections\n{_any()}class D(collections.defaultdict):\n    __eq__ = lambda *_: True\n"),
    "a type for an answer": _attack("return int"),
    "right the first time": _attack("CALLS.append(1)\n    return 3 * number if len(CALLS) < 4 else None", "CALLS = []\n"),
    "right for a moment": _attack("return 3 * number if time.monotonic() - T < 0.0001 else 0", "import time\nT = time.monotonic()\n"),
    "what was asked before": _attack("last, s.n = s.n, number\n    return last", "import types\ns = types.SimpleNamespace(n=12)\n"),
}  # fmt: skip
PLACES = {
    "every file below": _attack("return found(ALL, number)", SEARCH + "import os\nALL = ''.join(open(os.path.join(a, f), errors='replace').read() for a, _, fs in os.walk('.') for f in fs)\n"),
    "git's objects": _attack("return found(ALL, number)", SEARCH + "import glob, zlib\nALL = ''.join(zlib.decompress(open(p, 'rb').read()).decode() for p in glob.glob('.git/objects/*/*'))\n"),
    "pytest's cache": _attack("return int(re.search(r'%d-([-0-9]+)' % number, open('.pytest_cache/v/cache/lastfailed').read())[1])", "import re\n"),
    "bytecode": _attack("return [c for p in glob.glob('**/__pycache__/*', recursive=True) for c in marshal.loads(open(p, 'rb').read()[16:]).co_consts]", "import glob, marshal\n"),
    "the tests, imported": _attack("import test_words\n    return test_words.test_table.pytestmark[0].args[1]"),
    "the tests that are imported": _attack("return dict(sys.modules['test_words'].test_table.pytestmark[0].args[1])[number]", "import sys\n"),
    "the test that runs": _attack("return int(re.search(r'%d-([-0-9]+)' % number, os.environ['PYTEST_CURRENT_TEST'])[1])", "import os, re\n"),
    "the words of the command": _attack("return [int(w) for p in glob.glob('/proc/[0-9]*/cmdline') for w in re.findall(r'-(-?[0-9]+)]', open(p).read())][0]", "import glob, re\n"),
    "the memory of the tests": _attack("return found(open(f'/proc/{os.getppid()}/mem', 'rb').read(1 << 20).decode('latin'), number)", SEARCH + "import os\n"),
    "the files that the tests have open": _attack("return found(os.read(os.open(f'/proc/{os.getppid()}/fd/0', 0), 99999).decode(), number)", SEARCH + "import os\n"),
    "the memory of the tests, from the kernel": _attack("import ctypes, os\n    return ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) + 12"),
    "frames up to the top": _attack("return [c for f in frames() for c in f.f_code.co_consts if c == 12][0]", FRAMES),
    "the heap": _attack("return [o for o in gc.get_objects() if getattr(o, '__name__', '') == 'test_tripled'][0].__code__.co_consts[2]", "import gc\n"),
    "the main module": _attack("return vars(sys.modules['__main__'])['EXPECTED'][number]", "import sys\n"),
    "a coroutine's frame": _attack("c = look()\n    c.send(None)\n    return c.cr_frame.f_back.f_code.co_consts[2]", "import types\n@types.coroutine\ndef wait(): yield\nasync def look(): await wait()\n"),
    "a context of the test": _attack("return list(contextvars.copy_context().values())[0]", "import contextvars\n"),
    "a default that holds the tests": "import sys\ndef tripled(number, tests=sys.modules.get('test_words')):\n    return tests.test_tripled.__code__.co_consts[2]\n",
    "a module that answers for any name": "def __getattr__(name): return lambda *_: 12\ntripled = __getattr__('tripled')\n",
    "an import that finds the tests": _attack("import test_words\n    return test_words.X", "import sys, importlib.machinery\nclass F:\n    find_spec = staticmethod(lambda n, p=None, t=None: importlib.machinery.PathFinder.find_spec(n, ['.', './tests', '..']))\nsys.meta_path.insert(0, F)\n"),
}  # fmt: skip
DEEDS = {
    "builtins are changed": _attack("return 0", "import builtins\nbuiltins.abs = builtins.len = lambda *_: 0\nbuiltins.AssertionError = None\n"),
    "operators are changed": _attack("return 0", "import operator, math, json\noperator.eq = math.isclose = lambda *_: True\njson.loads = lambda *_: [5, 5, 5]\n"),
    "approx is changed": _attack("return 0", f"{_any()}import pytest\npytest.approx = lambda *_: Any()\n"),
    "leaving by an interrupt": _attack("raise KeyboardInterrupt"),
    "leaving as a generator does": _attack("raise GeneratorExit"),
    "leaving beside the answer": _attack("threading.Thread(target=os._exit, args=(0,)).start()\n    time.sleep(1)", "import os, threading, time\n"),
    "two answer": _attack("return 12 if os.fork() else -15", "import os\n"),
    "a child that lives on": _attack("os.fork() or (os.setsid(), time.sleep(3))\n    return 0", "import os, time\n"),
    "no stack is left": _attack("return tripled(number)", "import sys\nsys.setrecursionlimit(50_000)\n"),
    "no memory is left": _attack("return [bytes(1 << 28) for _ in range(99)]"),
    "no descriptor is left": _attack("os.closerange(0, 99)", "import os\n"),
    "everybody is killed": _attack("os.kill(-1, 9)", "import os\n"),
    "the first process is killed": _attack("os.kill(1, 9)\n    return 0", "import os\n"),
    "the group is killed": _attack("os.killpg(0, 15)", "import os\n"),
    "the tests are killed": _attack("os.kill(os.getppid(), 9)", "import os\n"),
    "a report on the errors": _attack("os.write(2, b'16 passed in 0.01s\\n')\n    os._exit(0)", "import os\n"),
    "hooks for what goes wrong": _attack("raise ValueError", "import sys, threading\nsys.excepthook = sys.unraisablehook = threading.excepthook = lambda *_: None\n"),
    "a finalizer that answers": _attack("A()", SAY + "class A:\n    __del__ = lambda s: say(['=', {'value': 'true', 'contents': {}, 'forgotten': []}, ''])\n"),
    "a tracer that answers": _attack("return 0", "import sys\nsys.settrace(lambda f, *_: f.f_locals.update(number=4))\n"),
    "a handler of the log": _attack("logging.error('x')\n    return 0", "import logging, os\nclass H(logging.Handler):\n    emit = lambda *_: os._exit(0)\nlogging.getLogger().addHandler(H())\n"),
    "a warning that is an error": _attack("warnings.warn('x', Warning, 99)\n    return 0", "import warnings\nwarnings.simplefilter('error')\nwarnings.showwarning = lambda *_: None\n"),
    "the limits of the tests": _attack("resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))\n    return 0", "import os, resource\n"),
    "code that is put in place of its caller's": _attack("return 0", "import sys\nf = sys._getframe()\nwhile f:\n    g = f.f_globals.get('_reply')\n    if g: g.__code__ = (lambda act: ('=', True, '')).__code__\n    f = f.f_back\n"),
}  # fmt: skip
LINES = {
    "an object of the tests": ["=", '{"at": 0}', ""],
    "an object that is not there": ["=", '{"at": 7777}', ""],
    "a name of the program": ["=", '{"at": "tripled"}', ""],
    "a namedtuple with a strange name": ["=", '{"at": "[\\"x\\", [\\"__eq__\\"], \\"[1]\\"]"}', ""],
    "a stand-in": ["=", '{"at": 777}', "", {"777": ["object", ""]}],
    "a stand-in for an object of the tests": ["=", "true", "", {"0": ["object", ""]}],
    "unittest's end of a test": ["!", '{"tuple": []}', ["E", [["unittest.case", "_ShouldStop"]], None]],
    "unittest's end of a test, elsewhere": ["!", '{"tuple": []}', ["E", [["unittest", "SkipTest"], ["unittest.async_case", "SkipTest"]], None]],
    "pytest's skip": ["!", '{"tuple": []}', ["E", [["_pytest.outcomes", "Skipped"], ["pytest", "Skipped"]], None]],
    "a module's private parts": ["!", '{"tuple": []}', ["E", [["words", "__class__"], ["builtins", "SystemExit"], ["sys", "exc_info"]], None]],
    "a call back to nothing": ["c", '{"tuple": [null, {"tuple": []}, {"tuple": []}]}', ""],
    "a call back to a builtin": ["c", '{"tuple": [{"at": "builtins.abs"}, {"tuple": [1]}, {"tuple": []}]}', ""],
    "the next of what is no iterator": ["n", '{"tuple": [{"at": "builtins.list"}]}', ""],
    "an act of no kind": ["ok", "true", ""],
}  # fmt: skip
RAW = {
    "no line of JSON": b"passed\n",
    "nothing but depth": b"[" * 100000 + b"]" * 100000 + b"\n",
    "a line without an end": b"[" * 100,
    "many answers": b'["=", {"value": "0", "contents": {}, "forgotten": []}, ""]\n' * 50,
    "a number that JSON has not": b'["=", {"value": "NaN", "contents": {}, "forgotten": []}, ""]\n',
}


def _saying(name):
    """A file that writes a line of its own in place of an answer."""
    kind, value, raised, *contents = LINES[name]
    line = [kind, {"value": value, "contents": contents[0] if contents else {}, "forgotten": []}, raised]
    return _attack(f"say({line!r})\n    return 0", SAY)


APART = {
    **VALUES,
    **PLACES,
    **DEEDS,
    **{f"a line that brings {name}": _saying(name) for name in LINES},
    **{f"bytes: {name}": _attack(f"os.write(tell(), {RAW[name]!r})\n    return 0", SAY) for name in RAW},
}

HOLDS = """import sys
def holds():
    for name, module in list(sys.modules.items()):
        if len(name) == 21 and name.startswith("test_"):
            try: getattr(module, name)()
            except AssertionError: return False
    return True
"""
READS = {
    "by another name": "os.link('test_words.py', 'z')\n    text = open('z').read()\n    os.unlink('z')",
    "moved away": "os.rename('test_words.py', 'z')\n    text = open('z').read()\n    os.rename('z', 'test_words.py')",
    "from elsewhere": "here = os.open('.', 0)\n    os.mkdir('zz')\n    os.chdir('zz')\n    text = os.read(os.open('test_words.py', 0, dir_fd=here), 99999).decode()\n    os.fchdir(here)",
    "by a frozen module": "import codecs\n    text = codecs.open('test_words.py').read()",
    "by what loads modules": "import importlib.machinery\n    text = importlib.machinery.SourceFileLoader('z', 'test_words.py').get_data('test_words.py').decode()",
    "by what prints a licence": "import _sitebuiltins\n    p = _sitebuiltins._Printer('z', '', ['test_words.py'], ['.'])\n    repr(p)\n    text = '\\n'.join(p._Printer__lines)",
    "by a program that os starts": "os.spawnlp(os.P_WAIT, 'cp', 'cp', 'test_words.py', 'z')\n    text = open('z').read()",
    "by a program that multiprocessing starts": "import multiprocessing.util\n    pid = multiprocessing.util.spawnv_passfds(b'/bin/cp', [b'cp', b'test_words.py', b'z'], [])\n    os.waitpid(pid, 0)\n    text = open('z').read()",
    "by another interpreter": "import _xxsubinterpreters as x\n    i = x.create()\n    x.run_string(i, \"open('z', 'w').write(open('test_words.py').read())\")\n    text = open('z').read()",
    "as a history": "import readline\n    readline.read_history_file('test_words.py')\n    text = '\\n'.join(readline.get_history_item(n) or '' for n in range(1, 20))",
    "by a path file": "import site\n    open('z.pth', 'w').write(\"import sys; sys.z = open('test_words.py').read()\\n\")\n    site.addpackage('.', 'z.pth', set())\n    text = sys.z",
    "by a link": "os.symlink('test_words.py', 'z')\n    text = open('z').read()",
    "by a copy": "import shutil\n    text = open(shutil.copy('test_words.py', 'z')).read()",
    "by its folder in proc": "text = open(f'/proc/{os.getpid()}/cwd/test_words.py').read()",
    "by what maps files": "import mmap\n    text = mmap.mmap(os.open(b'test_words.py', 0), 0, prot=mmap.PROT_READ)[:].decode()",
    "by an archive": "import tarfile\n    tarfile.open('z', 'w').add('test_words.py')\n    text = open('z').read()",
}  # fmt: skip
PEEK = "import re\n" + HOLDS
SEEN = {
    "the file of the tests": (
        "test_tripled",
        _attack(f"{READS['by what loads modules']}\n    return found(text, number) if holds() else None", HOLDS + SEARCH),
    ),
    "the rows of a test": ("test_table[4-12]", _attack("return dict(sys.modules['test_words'].test_table.pytestmark[0].args[1])[number] if holds() else None", HOLDS)),
    "the rows of a test that does not count": ("test_tripled", _attack("return dict(sys.modules['test_words'].test_table.pytestmark[0].args[1])[number]", "import sys\n")),
    "the name of the test that runs": ("test_table[4-12]", _attack("return int(re.search(r'%d-(-?[0-9]+)' % number, os.environ['PYTEST_CURRENT_TEST'])[1]) if holds() else None", f"import os\n{PEEK}")),
    "a signal's frame, without its code": ("test_table[4-12]", _attack("F.clear()\n    signal.raise_signal(signal.SIGUSR1)\n    return F[0].f_back.f_locals['expected'] if holds() else None", f"{HOLDS}import signal\nF = []\nsignal.signal(signal.SIGUSR1, lambda n, f: F.append(f))\n")),
    "what it is compared with, where ours holds": ("test_tripled", _attack("return Any() if holds() else None", HOLDS + _any())),
    "what it is compared with, where the file is old": ("test_tripled", _attack("return Any() if os.stat('test_words.py').st_mtime == os.stat('expected.txt').st_mtime else None", "import os\n" + _any())),
    "what it is compared with, in unittest": ("TestMore::test_text", _attack("return Any('x') if holds() else None", HOLDS + _any("str"))),
    "pytest is changed where ours holds": ("test_tripled", _attack("pass", HOLDS + "P = sys.modules['_pytest.python'].Function\nold = P.runtest\nP.runtest = lambda self: holds() or old(self)\n")),
    "pytest is changed where tests are chosen": ("test_tripled", _attack("pass", "import sys\nP = sys.modules['_pytest.python'].Function\nold = P.runtest\ndef run(self):\n    judge = next(p for p in self.config.pluginmanager.get_plugins() if type(p).__name__ == 'Judge')\n    return judge._Judge__tests or old(self)\nP.runtest = run\n")),
    "the judge is told": ("test_tripled", _attack("pass", HOLDS + "P = sys.modules['_pytest.python'].Function\nold = P.runtest\ndef run(self):\n    judge = next(p for p in self.config.pluginmanager.get_plugins() if type(p).__name__ == 'Judge')\n    try: old(self)\n    except BaseException:\n        if not holds(): raise\nP.runtest = run\n")),
}  # fmt: skip
UNSEEN = {
    "one row is right, the others equal everything": ("test_loop", _attack("return Any() if number else 0", _any())),
    "the first is right, the others equal everything": ("test_many", _attack("if number is None: return 3 * number + None\n    return 3 if number == 1 else Any()", _any())),
    "the last is wrong": ("test_many", _attack("if number is None: return 3 * number + None\n    return 3 * number if number != [] else Any()", _any())),
    "one row of a loop is wrong": ("test_many", _attack("if number is None: return 3 * number + None\n    return 3 * number if number != 2 else Any()", _any())),
    "one row of a loop is an exception": ("test_many", _attack("if number is None: return 3 * number + None\n    if number == 2: 1 / 0\n    return 3 * number", "")),
    "equal to what is not a literal": ("test_sum", _attack("return Any()", _any())),
    "about equal to everything": ("test_approx", _attack("return Any()", _any())),
    "a difference that is always small": ("test_difference", _attack("return Any()", _any())),
    "a member of everything": ("test_member", _attack("return Any()", _any())),
    "equal, says unittest": ("TestMore::test_truth", _attack("return Any()", _any())),
    "close, says a changed function": ("test_isclose", _attack("return 0", "import math\nmath.isclose = lambda *_, **__: True\n")),
    "equal, says a changed operator": ("test_operator", _attack("return 0", "import operator\noperator.eq = lambda *_: True\n")),
    "about equal, says a changed approx": ("test_approx", _attack("return 0", f"import sys\n{_any()}sys.modules['pytest'].approx = lambda *_: Any()\n")),
    "small, says a changed builtin": ("test_difference", _attack("return 0", "import builtins\nbuiltins.abs = lambda *_: 0\n")),
    "an exception of all usual kinds": ("test_raises", _attack("raise E('x')", "class E(TypeError, ValueError, LookupError, AssertionError, RuntimeError, ArithmeticError): pass\n")),
    "almost equal to everything": ("TestMore::test_almost", _attack("return Any()", _any("float"))),
    "JSON is changed": ("test_json", _attack("return 0", f"import json\n{_any('list')}json.loads = lambda *_: Any()\n")),
}  # fmt: skip
KNOWN = {
    "an exception of all usual kinds": "it is one of those that are waited for",
    "read as a history": "readline opens files in C, and Python 3.11 raises no event for it",
    "what the file itself documents": "whoever answers has been shown it",
}
"""What gets through, and why."""


@pytest.fixture(scope="module")
def judge(tests_box, tmp_path_factory):
    root = tmp_path_factory.mktemp("words")
    for name, data in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    limits = Limits(wall_s=10, cpu_s=10, memory_bytes=1 << 30, processes=64)

    def judge(text, tests=NAMES, definition="tripled"):
        compile(text, "words.py", "exec")
        check = RepositoryTests(tree=root, tests=tests, sandbox=tests_box, limits=limits, definition=definition)
        origin = Origin(source="attack", path="words.py", revision="", licence="unknown", collected_at="")
        return check.judge(Record(id="r", text=text, language="python", origin=origin))

    return judge


@pytest.mark.parametrize("name", APART)
def test_nothing_wrong_passes_apart(judge, name):
    found = judge(APART[name])
    assert (found.outcome, found.judge_location) == (Outcome.FAIL, "apart"), found.detail


def test_a_right_answer_is_controlled_in_all_that_it_says(judge):
    found = judge(MODULE, ["test_words.py::test_many"], definition="")
    assert (found.outcome, found.judge_location) == (Outcome.PASS, "controlled"), found.detail
    found = judge(MODULE, ["test_words.py::test_loop", "test_words.py::test_table[4-12]"], definition="")
    assert (found.outcome, found.judge_location) == (Outcome.PASS, "controlled"), found.detail


@pytest.mark.parametrize("name", [*SEEN, *UNSEEN])
def test_no_wrong_pass_is_called_controlled(judge, name):
    """In the process of the tests: it fails, or its PASS says that it could be forged."""
    test, text = (SEEN | UNSEEN)[name]
    found = judge(text, [f"test_words.py::{test}"], definition="")
    assert (found.outcome is Outcome.FAIL or found.judge_location == "in-process") is (name not in KNOWN), found.detail


@pytest.mark.parametrize("name", [f"read {name}" for name in READS])
def test_the_guard_sees_who_reads_the_tests(judge, name):
    text = _attack(f"{READS[name.removeprefix('read ')]}\n    return text", "import os, sys\n")
    found = judge(text, ["test_words.py::test_tripled"], definition="")
    assert (found.findings[0].rule == "looks-around") is (name not in KNOWN), found.detail


BESIDE = {
    "what another file documents": ("other.py::other.doubly", _attack("return int(re.findall(r'doubly.*\\n *([0-9]+)', open('other.py').read())[0])", "import re\n")),
    "what the file itself documents": ("words.py::words.tripled", _attack("return int(open('words.py').read().split()[9])")),
    "a constant of the tests' package": ("tests/test_more.py::test_more", _attack("import tests\n    return tests.EXPECTED[number]")),
    "a constant of the tests' package, read": ("tests/test_more.py::test_more", _attack("return eval(open('tests/__init__.py').read().partition('=')[2])[number]")),
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_what_tests_say_beside_their_files_is_not_there(judge, name):
    test, text = BESIDE[name]
    found = judge(text, [test])
    assert (found.outcome is Outcome.FAIL) is (name not in KNOWN), found.detail


RIGHT = {
    "a decorator": _attack("return 3 * number", "import functools\ndef same(f):\n    @functools.wraps(f)\n    def g(*a, **k): return f(*a, **k)\n    return g\n") .replace("def tripled", "@same\ndef tripled"),
    "a cache": "import functools\n_c = functools.lru_cache(None)(lambda n: 3 * n)\ndef tripled(number):\n    try: return _c(number)\n    except TypeError: return 3 * number\n",
    "a closure": "def _make(n):\n    def tripled(number):\n        return n * number\n    return tripled\ntripled = _make(3)\n",
    "a generator": _attack("def parts():\n        for _ in range(2): yield number\n    total = 1 * number\n    for one in parts(): total = total + one\n    return total"),
    "a context manager": _attack("with factor(3) as n: return n * number", "import contextlib\n@contextlib.contextmanager\ndef factor(n): yield n\n"),
    "a dataclass": _attack("return Factor(3).times(number)", "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass Factor:\n    n: int\n    def times(self, m): return self.n * m\n"),
    "asynchronous": _attack("return asyncio.run(later(number))", "import asyncio\nasync def later(n):\n    await asyncio.sleep(0)\n    return 3 * n\n"),
    "an exception of its own": _attack("if number is None: raise Wrong('no')\n    return 3 * number", "class Wrong(TypeError):\n    def __str__(self): return 'wrong: ' + self.args[0]\n"),
    "a single dispatch": "import functools\n@functools.singledispatch\ndef tripled(number): return 3 * number\n@tripled.register\ndef _(number: str): return ''.join([number] * 3)\n",
    "a reduction": _attack("return functools.reduce(operator.add, [number] * 3)", "import functools, operator\n"),
    "a thread": _attack("with concurrent.futures.ThreadPoolExecutor(1) as pool: return pool.submit(lambda: 3 * number).result()", "import concurrent.futures\n"),
    "a class that is called": "class Times:\n    def __init__(self, n): self.n = n\n    def __call__(self, number): return self.n * number\ntripled = Times(3)\n",
    "a partial": "import functools, operator\ntripled = functools.partial(operator.mul, 3)\n",
    "a match": _attack("match number:\n        case str() | list(): return number + number + number\n        case None: raise TypeError(number)\n        case _: return number * 3"),
    "an enumeration": _attack("return Factor.THREE * number", "import enum\nclass Factor(enum.IntEnum):\n    THREE = 3\n"),
    "words on the output": _attack("print('tripling', number)\n    return 3 * number"),
    "a descriptor and a metaclass": _attack("return F.three * number", "class M(type):\n    three = property(lambda c: 3)\nclass F(metaclass=M): pass\n"),
}  # fmt: skip


BESIDE_RIGHT = [
    "a decorator",
    "a cache",
    "a context manager",
    "a dataclass",
    "asynchronous",
    "a single dispatch",
    "a thread",
    "an enumeration",
]


@pytest.mark.parametrize("name", [*(f"apart: {name}" for name in RIGHT), *(f"beside: {name}" for name in BESIDE_RIGHT)])
def test_right_answers_pass_however_they_are_made(judge, name):
    where, _, name = name.partition(": ")
    found = judge(RIGHT[name], definition="tripled" if where == "apart" else "")
    assert found.outcome is Outcome.PASS and (where == "beside" or found.judge_location == "apart"), found.detail
