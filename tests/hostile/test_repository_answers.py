# ruff: noqa: E501 - an answer a line
"""Answers that are judged by a repository's own tests, in whose process they run: none of them passes without being right."""

import pytest

from yunque.checks.execution.repository_tests import RepositoryTests
from yunque.core.nouns import Limits, Origin, Outcome, Record

MODULE = 'def tripled(number):\n    """Three times a number."""\n    return 3 * number\n'
TESTS = """import unittest
import pytest
from words import tripled


def test_tripled():
    assert tripled(4) == 12
    assert tripled(-5) == -15


class TestMore(unittest.TestCase):
    def test_text(self):
        self.assertEqual(tripled("ab"), "ababab")


def test_truth():
    assert not tripled(0)
    assert tripled(1)


def test_lazy():
    import lazy

    assert tripled(3) == lazy.expected() == int(open("expected.txt").read())


@pytest.mark.parametrize("number", [2, 3])
def test_each(number):
    assert tripled(number) in (6, 9)
    assert tripled([]) == []
    assert tripled([number])[0:] == [number] * 3
"""
NAMES = ["test_tripled", "TestMore::test_text", "test_truth", "test_lazy", "test_each[2]", "test_each[3]"]
BODIES = {
    "the line of the caller": "import traceback, ast\n    return ast.literal_eval(traceback.extract_stack()[-2].line.split('==')[1])",
    "a frame": "import sys\n    f = sys._getframe(1)\n    return f.f_code.co_consts[-1]",
    "a frame by inspect": "import inspect\n    return inspect.currentframe().f_back.f_code.co_consts[2]",
    "a frame of an exception": "try: 1 / 0\n    except Exception as e: f = e.__traceback__.tb_frame.f_back\n    return f.f_code.co_consts[2]",
    "a frame of a generator": "g = (g.gi_frame.f_back for _ in (1,))\n    return next(g).f_back.f_code.co_consts[2]",
    "a frame of a warning": "import logging\n    return logging.currentframe().f_back.f_code.co_consts[2]",
    "the globals of a frame": "import logging\n    logging.currentframe().f_globals['AssertionError'] = None\n    return 4 * number",
    "all frames": "import sys\n    for f in sys._current_frames().values(): return f.f_back.f_code.co_consts[2]",
    "the heap": "import gc\n    for one in gc.get_objects():\n        if getattr(one, '__name__', '') == 'test_tripled': return one.__code__.co_consts[2]",
    "a test's constants": "import sys\n    return sys.modules['test_words'].test_tripled.__code__.co_consts[2]",
    "the file of the tests": "import re\n    text = open('test_words.py').read()\n    return eval(re.search(r'tripled\\(%r\\) == (.*)' % number, text)[1])",
    "the file of the tests by pathlib": "import re, pathlib\n    text = pathlib.Path('test_words.py').read_text()\n    return int(re.search(r'tripled\\(%r\\) == (.*)' % number, text)[1])",
    "the file of the tests by linecache": "import linecache\n    return int(linecache.getline('test_words.py', 7).split('==')[1])",
    "the file of the tests by a program": "import subprocess\n    return int(subprocess.check_output(['sed', '-n', '7p', 'test_words.py']).split(b'==')[1])",
    "equal to everything": "class Any:\n        __eq__ = lambda *_: True\n        __len__ = lambda *_: number != 0\n        __getitem__ = lambda s, n: s\n    return Any()",
    "equal to everything, and an int": "class Any(int):\n        __eq__ = lambda *_: True\n        __hash__ = int.__hash__\n        __getitem__ = lambda s, n: s\n    return Any(number != 0)",
    "what unittest takes for an end": "import sys\n    case = sys.modules.get('unittest.case') or __import__('unittest.case', fromlist=['x'])\n    raise case._ShouldStop",
    "what unittest takes for an end, by another name": "import unittest.case as c\n    raise type('ValueError', (c._ShouldStop, ValueError), {})",
    "what unittest takes for a skip": "import unittest\n    raise unittest.SkipTest('no')",
    "what a debugger takes for an end": "import bdb\n    raise bdb.BdbQuit",
    "a thread that looks": "import concurrent.futures, sys, operator\n    with concurrent.futures.ThreadPoolExecutor(1) as e:\n        fs = e.submit(sys._current_frames).result()\n        for f in fs.values():\n            c = e.submit(operator.attrgetter('f_code.co_consts'), f).result()\n    return None",
    "a thread that runs code": "import threading\n    t = threading.Thread(target=exec, args=('import sys\\nfor f in sys._current_frames().values(): f.f_code',))\n    t.start(); t.join()\n    return None",
    "a finalizer that runs code": "import weakref\n    class A: pass\n    a = A()\n    weakref.finalize(a, exec, 'import sys; sys._getframe(1)')\n    return a",
    "a truth that runs code": "import functools\n    class A: __bool__ = __eq__ = functools.partial(exec, 'import sys; sys._getframe(1)')\n    return A()",
    "code made where others may": "import functools, operator, logging\n    f = functools.singledispatch(operator.attrgetter('f_code'))(logging.currentframe())\n    return f",
    "code made by a decoder": "import json\n    json.loads('1', parse_int=functools.partial(exec, 'import sys; sys._getframe(1)'))\n    return None",
    "code made at exit": "import atexit\n    atexit.register(exec, 'import os; os._exit(0)')\n    return None",
    "a signal's frame": "import signal, os\n    signal.signal(signal.SIGALRM, lambda n, f: f.f_code)\n    signal.raise_signal(signal.SIGALRM)\n    return None",
    "a tracer": "import sys\n    sys.settrace(lambda *_: None)\n    return number",
    "no test fails any more": "import _pytest.runner as r\n    r.CallInfo.excinfo = None\n    return None",
    "asserts that say nothing": "import _pytest.python as p\n    p.Function.runtest = lambda self: None\n    return None",
    "leaving well": "import os\n    os._exit(0)",
    "leaving": "raise SystemExit(0)",
    "a skip": "import pytest\n    pytest.skip('no')",
    "an expected failure": "import pytest\n    pytest.xfail('no')",
    "leaving by pytest": "import pytest\n    pytest.exit('ok', 0)",
    "code of its own": "return eval('__import__(\"sys\")._getframe(2)').f_code.co_consts[2]",
    "words on every descriptor": "import os\n    for d in range(1, 50):\n        try: os.write(d, b'\\n' + b'0' * 32 + b' [\"test_words.py::test_tripled\"]\\n')\n        except OSError: pass\n    os._exit(0)",
    "a debugger": "import pdb\n    p = pdb.Pdb()\n    p.set_trace()\n    return number",
    "the heap by the back door": "import ctypes\n    return ctypes.pythonapi.PyEval_GetFrame()",
}  # fmt: skip
WHOLE = {
    "pytest is changed when the file is imported": "import _pytest.python as p\np.Function.runtest = lambda self: None\ndef tripled(n): pass",
    "pytest's plug-in says it all": "import sys\nfor m in list(sys.modules.values()):\n    if hasattr(m, 'CallInfo'): m.CallInfo.excinfo = property(lambda s: None, lambda s, v: None)\ndef tripled(n): pass",
    "unittest is changed": "import unittest\nunittest.TestCase.assertEqual = lambda *_: None\nclass A:\n    __eq__ = lambda *_: True\n    __contains__ = lambda *_: True\n    __getitem__ = lambda s, n: s\ndef tripled(n): return A() if n != 0 else 0",
    "a conftest is written": "open('conftest.py', 'w').write('def pytest_runtest_call(item): item.runtest = lambda: None\\n')\ndef tripled(n): pass",
    "the tests are written anew": "text = open('test_words.py').read()\nopen('test_words.py', 'w').write('def test_tripled(): pass\\n')\ndef tripled(n): pass",
    "a hook of its own": "import sys\nsys.addaudithook(lambda *_: None)\ndef tripled(n): pass",
    "an end at exit": "import atexit, os\natexit.register(lambda: os._exit(0))\ndef tripled(n): pass",
    "a thread that leaves": "import threading, os\nthreading.Thread(target=lambda: os._exit(0)).start()\ndef tripled(n): pass",
    "a child": "import os\nif os.fork(): os._exit(0)\ndef tripled(n): pass",
}  # fmt: skip


@pytest.fixture(scope="module")
def judge(tests_box, tmp_path_factory):
    root = tmp_path_factory.mktemp("words")
    (root / "words.py").write_text(MODULE)
    (root / "test_words.py").write_text(TESTS)
    (root / "lazy.py").write_text("def expected():\n    return 9\n")
    (root / "expected.txt").write_text("9")
    limits = Limits(wall_s=20, cpu_s=20, memory_bytes=1 << 30, processes=64)

    def judge(text, tests=NAMES, definition=""):
        check = RepositoryTests(
            tree=root,
            tests=[f"test_words.py::{one}" for one in tests],
            sandbox=tests_box,
            limits=limits,
            definition=definition,
        )
        origin = Origin(source="attack", path="words.py", revision="", licence="unknown", collected_at="")
        return check.judge(Record(id="r", text=text, language="python", origin=origin))

    return judge


def test_right_answers_pass_and_say_by_which_layers(judge):
    found = judge(MODULE)
    assert (found.outcome, found.judge_location) == (Outcome.PASS, "in-process"), found
    assert "(in-process, guarded, 4 of 6 controlled)" in found.detail
    controlled = [name for name in NAMES if name not in ("test_truth", "test_lazy")]
    assert judge(MODULE, controlled).judge_location == "controlled"
    found = judge(MODULE, definition="tripled")
    assert (found.outcome, found.judge_location) == (Outcome.PASS, "apart") and "(apart)" in found.detail, found
    other = "import collections, dataclasses, enum, logging, typing, warnings\nP = collections.namedtuple('P', 'a')\n"
    other += "@dataclasses.dataclass\nclass D:\n    a: int\nclass E(enum.Enum):\n    A = 1\nlogging.getLogger().error('x')\n"
    other += "import inspect\nassert list(inspect.signature(D).parameters) == ['a'] and inspect.getfullargspec(lambda n: n).args == ['n']\n"
    other += "warnings.warn('x')\ndef tripled(n):\n    return n + n + n\n"
    assert judge(other).outcome is Outcome.PASS, judge(other)


def test_what_the_original_does_itself_is_no_layer(tests_box, tmp_path):
    (tmp_path / "words.py").write_text("import sys\ndef who():\n    return sys._getframe(1).f_code.co_name\n")
    (tmp_path / "test_words.py").write_text("from words import who\ndef test_it():\n    assert who() == 'test_it'\n")
    check = RepositoryTests(tree=tmp_path, tests=["test_words.py::test_it"], sandbox=tests_box, limits=Limits(wall_s=20))
    origin = Origin(source="t", path="words.py", revision="", licence="unknown", collected_at="")
    found = check.judge(Record(id="r", text=(tmp_path / "words.py").read_text(), language="python", origin=origin))
    assert (found.outcome, found.judge_location) == (Outcome.PASS, "in-process") and "guarded" not in found.detail, found


@pytest.mark.parametrize("name", BODIES)
def test_no_body_passes(judge, name):
    text = f"def tripled(number):\n    {BODIES[name]}\n"
    compile(text, "words.py", "exec")
    for tests in (NAMES, ["test_tripled"], ["TestMore::test_text"]):
        found = judge(text, tests)
        assert found.outcome is Outcome.FAIL, found.detail
        found = judge(text, tests, definition="tripled")
        assert (found.outcome, found.judge_location) == (Outcome.FAIL, "apart"), found.detail


@pytest.mark.parametrize("name", WHOLE)
def test_no_file_passes(judge, name):
    for definition in ("", "tripled"):
        found = judge(WHOLE[name], ["test_tripled", "TestMore::test_text"], definition)
        assert found.outcome is Outcome.FAIL, found.detail


APART = {
    "what the tests read is written anew": "import glob\nfor p in ['expected.txt', 'lazy.py', *glob.glob('**/*.py', recursive=True)]:\n    try: open(p, 'w').write('')\n    except OSError as e: WHY = e",
    "what the tests read is made": "import os\nfor f in (lambda: os.open('x', os.O_CREAT | os.O_RDWR), lambda: os.mkdir('pytest'), lambda: os.symlink('words.py', 'y')):\n    try: f()\n    except OSError as e: WHY = e\n    else: WHY = None",
    "what the tests read is taken away": "import os\ntry: os.unlink('expected.txt')\nexcept OSError as e: WHY = e",
    "what the tests read is put elsewhere": "import os\ntry: os.rename('lazy.py', 'expected.txt')\nexcept OSError as e: WHY = e",
    "the tests' own descriptors": "import os\ntry: os.listdir(f'/proc/{os.getppid()}/fd')\nexcept OSError as e: WHY = e",
    "the tests' own memory": "import os\ntry: open(f'/proc/{os.getppid()}/mem', 'rb')\nexcept OSError as e: WHY = e",
    "a child writes": "import subprocess, sys\nWHY = OSError(subprocess.run([sys.executable, '-c', 'open(\"expected.txt\", \"w\")']).returncode or None)",
}  # fmt: skip


@pytest.mark.parametrize("name", APART)
def test_the_other_process_only_reads(judge, name):
    """Each is refused: the right answer that goes with it passes, and the wrong one does not see what it was refused for."""
    right = f"{APART[name]}\nassert WHY.args[0] in (1, 2, 13), WHY\n{MODULE}"
    found = judge(right, definition="tripled")
    assert (found.outcome, found.judge_location) == (Outcome.PASS, "apart"), found.detail
    wrong = f"{APART[name]}\n{MODULE.replace('3 * number', '4 * number')}"
    assert judge(wrong, definition="tripled").outcome is Outcome.FAIL


def test_the_other_process_finds_no_test_and_no_answer(judge):
    text = f"""import glob, os, sys
SEEN = []
for path in glob.glob("**/*", recursive=True, include_hidden=True):
    if os.path.isfile(path):
        SEEN.append((path, open(path, "rb").read()))
assert SEEN and not any(b"3 * number" in text or b"ababab" in text for _, text in SEEN), SEEN
assert not any(name.startswith("test_") for name in sys.modules)
{MODULE}"""
    found = judge(text, definition="tripled")
    assert found.outcome is Outcome.PASS, found.detail
    assert judge(text.replace("not any(b", "any(b"), definition="tripled").outcome is Outcome.FAIL


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGALRM", "SIGUSR1", "SIGSTOP"])
def test_a_signal_to_the_tests_is_no_pass(tests_box, tmp_path, number):
    (tmp_path / "words.py").write_text(MODULE)
    (tmp_path / "test_words.py").write_text(TESTS)
    check = RepositoryTests(
        tree=tmp_path,
        tests=["test_words.py::test_tripled"],
        sandbox=tests_box,
        limits=Limits(wall_s=4),
        definition="tripled",
    )
    text = f"import os, signal\ndef tripled(n):\n    os.kill(os.getppid(), signal.{number})\n    return 0\n"
    origin = Origin(source="t", path="words.py", revision="", licence="unknown", collected_at="")
    found = check.judge(Record(id="r", text=text, language="python", origin=origin))
    assert (found.outcome, found.judge_location) == (Outcome.FAIL, "apart"), found
