# ruff: noqa: E501 - a test a line
"""Python tests of every usual shape run, judged from where no program can forge them; what could never fail is refused."""

import pytest

from tests.conftest import open_box
from yunque.checks.execution.python import Asserts
from yunque.core.nouns import Limits, Origin, Outcome, Record
from yunque.evaluation.suites.plain_asserts import runnable

ORIGIN = Origin(source="shapes", path="main.py", revision="", licence="unknown", collected_at="")
RIGHT = "def double(x):\n    if x is None: raise TypeError('no number')\n    return 2 * x\n"
CASE = "import unittest\nclass TestIt(unittest.TestCase):\n"
SHAPES = {
    "asserts": "assert double(2) == 4",
    "check": "def check(candidate):\n    assert candidate(2) == 4",
    "check that calls a helper": "def check(candidate):\n    helper(candidate)\ndef helper(f):\n    assert f(2) == 4",
    "check that calls itself": "def check(f):\n    assert f(2) == 4\ncheck(double)",
    "a function": "def test_double():\n    assert double(2) == 4",
    "a function that is called": "def test_double():\n    assert double(2) == 4\ntest_double()",
    "functions and a helper": "def same(a, b):\n    assert a == b\ndef test_a():\n    same(double(1), 2)\ndef test_b():\n    same(double(2), 4)",
    "a class": "class TestDouble:\n    factor = 2\n    def test_it(self):\n        assert double(2) == 2 * self.factor",
    "rows": "import pytest\n@pytest.mark.parametrize('a, b', [(1, 2), pytest.param(2, 4, id='x')])\ndef test_it(a, b):\n    assert double(a) == b",
    "rows of one": "from pytest import mark, param\n@mark.parametrize('a', [1, param(2)])\ndef test_it(a):\n    assert double(a) == a + a",
    "rows by rows": "import pytest\n@pytest.mark.parametrize('a', [1, 2])\n@pytest.mark.parametrize(['b'], [[0], [1]])\ndef test_it(a, b):\n    assert double(a) + b == a + a + b",
    "raises": "import pytest\ndef test_it():\n    with pytest.raises(TypeError, match='num') as told:\n        double(None)\n    assert 'no' in str(told.value)\n    assert double(1) == 2",
    "approx": "from pytest import approx\ndef test_it():\n    assert double(0.1) == approx(0.2)\n    assert [double(0.1)] == approx([0.2])\n    assert double(1) != approx(3, rel=0.1)\n    assert {'a': double(1)} == approx({'a': 2})",
    "unittest": f"{CASE}    def test_it(self):\n        self.assertEqual(double(2), 4)",
    "unittest with main": f"{CASE}    def test_it(self):\n        self.assertEqual(double(2), 4)\nif __name__ == '__main__':\n    unittest.main()",
    "unittest by name": "from unittest import TestCase, main\nclass A(TestCase):\n    def test_it(self):\n        self.assertEqual(double(2), 4)\nmain()",
    "set up and torn down": f"{CASE}    def setUp(self):\n        self.n = 2\n    def tearDown(self):\n        assert self.n == 2\n    def test_it(self):\n        self.assertEqual(double(self.n), 4, 'message')",
    "every assert": f"""{CASE}    def test_it(self):
        for n in (1, 2):
            with self.subTest(n=n):
                self.assertEqual(double(n), n + n)
        self.assertNotEqual(double(1), 1)
        self.assertListEqual(double([1]), [1, 1])
        self.assertTrue(double(1))
        self.assertFalse(double(0))
        self.assertIsNone(None)
        self.assertIsNotNone(double(1))
        self.assertIs(double(1) == 2, True)
        self.assertIn(double(1), [2])
        self.assertNotIn(double(1), [1])
        self.assertIsInstance(double(1), int)
        self.assertGreater(double(1), 1)
        self.assertLessEqual(double(1), 2)
        self.assertAlmostEqual(double(0.1), 0.2)
        self.assertAlmostEqual(double(1), 2.4, delta=0.5)
        self.assertAlmostEqual(double(1.04), 2.1, places=1)
        self.assertNotAlmostEqual(double(1), 3)
        self.assertCountEqual(double([1, 2]), [1, 1, 2, 2])
        self.assertRegex(double('ab'), 'b.b')
        self.assertRaises(TypeError, double, None)
        with self.assertRaisesRegex(TypeError, 'number') as told:
            double(None)
        self.assertIn('no', str(told.exception))
""",
}  # fmt: skip
WRONG = {
    "a text": "def double(x): return 'x'",
    "nothing": "def double(x): return None",
    "equal to everything": "class A:\n    __eq__ = __bool__ = lambda *_: True\ndef double(x): return A()",
    "unittest is changed": "import unittest\nunittest.TestCase.assertEqual = lambda *_: None\ndef double(x): return 0",
    "leaving": "import os\ndef double(x): os._exit(0)",
    "not there": "",
}


@pytest.fixture(scope="module")
def box():
    """One tier: it is the tests that are tried."""
    with open_box() as sandbox:
        yield sandbox


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_passes_what_is_right_and_nothing_else(box, shape):
    tests, entry, functions = runnable(SHAPES[shape], "double" if shape.startswith("check") else "")
    check = Asserts(test=tests, functions=functions, entry=entry, sandbox=box, limits=Limits(wall_s=5, cpu_s=5))
    verdict = check.judge(Record(id="r", text=RIGHT, language="python", origin=ORIGIN))
    assert verdict.outcome is Outcome.PASS and verdict.judge_location in ("outside", "apart"), (tests, verdict)
    for name, program in WRONG.items():
        verdict = check.judge(Record(id="r", text=program, language="python", origin=ORIGIN))
        assert verdict.outcome is Outcome.FAIL, (name, tests, verdict)


@pytest.mark.parametrize(
    ("tests", "why"),
    [
        ("# no tests yet\n", "no answer can fail"),
        ("def check(candidate):\n    pass\n", "no answer can fail"),
        ("def check(candidate):\n    assert True\n", "no answer can fail"),
        ("def check(candidate):\n    return candidate\n", "no answer can fail"),
        ("def test_it():\n    pass\n", "no answer can fail"),
        ("def helper():\n    assert double(2) == 4\n", "no answer can fail"),
        ("class Helper:\n    def run(self):\n        assert double(2) == 4\n", "no answer can fail"),
        ("assert True", "no answer can fail"),
        ("assert 1 + 1 == 2", "no answer can fail"),
        (f"{CASE}    def helper(self):\n        self.assertEqual(double(2), 4)", "no answer can fail"),
        ("if __name__ == '__main__':\n    assert double(2) == 4", "no answer can fail"),
        ("def test_it(tmp_path):\n    assert double(tmp_path)", "fixtures (test_it: tmp_path)"),
        ("import pytest\n@pytest.fixture\ndef two(): return 2\ndef test_it(two):\n    assert double(two)", "pytest.fixture"),
        ("import pytest\n@pytest.mark.skip\ndef test_it():\n    assert double(2)", "pytest.mark.skip"),
        ("class TestIt:\n    def setup_method(self): pass\n    def test_it(self):\n        assert double(2)", "set up"),
        (f"{CASE}    def test_it(self):\n        self.assertLogs('x')\n        double(1)", "assertLogs"),
        ("import unittest.mock\ndef test_it():\n    assert double(unittest.mock.ANY)", "unittest.mock.ANY"),
        ("async def test_it():\n    assert double(2) == 4", "asynchronous test (test_it)"),
        ("def test(:", "do not parse"),
    ],
)
def test_what_cannot_fail_or_cannot_be_run_is_refused(tests, why):
    with pytest.raises(ValueError) as caught:
        runnable(tests, "double" if "check" in tests else "")
    assert why in str(caught.value.args[0])


def test_check_that_nothing_calls_is_refused():
    with pytest.raises(ValueError, match="call it never"):
        runnable("def check(candidate):\n    assert candidate(2) == 4", "")
