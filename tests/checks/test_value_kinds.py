"""Answers of every kind of value, judged as the test's own text would in one process; what is judged otherwise is listed."""

import functools
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import open_box
from tests.hostile.test_judge_locations_agree import ORIGIN, holds, judged
from yunque.checks.execution.assertions import Call
from yunque.checks.execution.comparison import Comparison
from yunque.checks.execution.python import Calls, Expected
from yunque.checks.inside.codec import Unplain, dump, plain_scalar
from yunque.checks.inside.decoder import load
from yunque.checks.inside.driver import digest, is_longer
from yunque.core.nouns import Limits, Outcome, Record

NUMPY, ENUM = "import numpy as np\n", "import enum\n"
KINDS = {
    # expression of the answer -> what a test expects of it, and what the program starts with
    "np.float64(1.5)": ("1.5", NUMPY),
    "np.float32(0.1)": ("0.1", NUMPY),
    "np.float32(1/3)": ("0.3333333333333333", NUMPY),
    "np.int64(1)": ("1", NUMPY),
    "np.uint8(200)": ("200", NUMPY),
    "np.bool_(True)": ("True", NUMPY),
    "np.bool_(False)": ("False", NUMPY),
    "np.complex128(1+2j)": ("(1+2j)", NUMPY),
    "np.str_('ab')": ("'ab'", NUMPY),
    "np.bytes_(b'ab')": ("b'ab'", NUMPY),
    "[np.float64(1.5), np.int64(2)]": ("[1.5, 2]", NUMPY),
    "(np.int64(1), np.bool_(True))": ("(1, True)", NUMPY),
    "{np.int64(1): np.float64(2.0)}": ("{1: 2.0}", NUMPY),
    "{np.int64(1), np.int64(2)}": ("{1, 2}", NUMPY),
    "np.array([1, 2])": ("[1, 2]", NUMPY),
    "np.array([[1, 2], [3, 4]])": ("[[1, 2], [3, 4]]", NUMPY),
    "np.array(3)": ("3", NUMPY),
    "np.array([3])": ("[3]", NUMPY),
    "np.array([])": ("[]", NUMPY),
    "np.array(['a', 'bc'])": ("['a', 'bc']", NUMPY),
    "list(np.array([1, 2]))": ("[1, 2]", NUMPY),
    "Decimal('1.5')": ("1.5", "from decimal import Decimal\n"),
    "Fraction(1, 2)": ("0.5", "from fractions import Fraction\n"),
    "date(2020, 1, 1)": ("1", "from datetime import date\n"),
    "datetime(2020, 1, 1)": ("1", "from datetime import datetime\n"),
    "timedelta(1)": ("1", "from datetime import timedelta\n"),
    "Color.RED": ("1", ENUM + "class Color(enum.Enum): RED = 1\n"),
    "Level.LOW": ("1", ENUM + "class Level(enum.IntEnum): LOW = 1\n"),
    "Name.A": ("'ab'", ENUM + "class Name(enum.StrEnum): A = 'ab'\n"),
    "Lying.LOW": ("7", ENUM + "class Lying(enum.IntEnum):\n    LOW = 1\n    __eq__ = lambda *_: True\n"),
    "D(1)": ("1", "from dataclasses import dataclass\n@dataclass\nclass D:\n    x: int\n"),
    "P(1, 2)": ("(1, 2)", "from collections import namedtuple\nP = namedtuple('P', 'x y')\n"),
    "defaultdict(int, {1: 2})": ("{1: 2}", "from collections import defaultdict\n"),
    "OrderedDict([(1, 2)])": ("{1: 2}", "from collections import OrderedDict\n"),
    "Counter('aab')": ("{'a': 2, 'b': 1}", "from collections import Counter\n"),
    "deque([1, 2])": ("[1, 2]", "from collections import deque\n"),
    "b'ab'": ("b'ab'", ""),
    "bytearray(b'ab')": ("b'ab'", ""),
    "1+2j": ("(1+2j)", ""),
    "range(3)": ("[0, 1, 2]", ""),
    "frozenset({1, 2})": ("{1, 2}", ""),
    "{1: 2}.keys()": ("{1}", ""),
    "{1: 2}.values()": ("[2]", ""),
    "{1: 2}.items()": ("{(1, 2)}", ""),
    "map(int, '12')": ("[1, 2]", ""),
    "zip('a', 'b')": ("[('a', 'b')]", ""),
    "(x for x in [1, 2])": ("[1, 2]", ""),
    "iter([1, 2])": ("[1, 2]", ""),
    "reversed([1, 2])": ("[2, 1]", ""),
    "None": ("None", ""),
    "True": ("True", ""),
    "1.0": ("1", ""),
    "'ab'": ("'ab'", ""),
}
OUTSIDE = (
    "assert f(0) == {E}", "assert f(0) != {E}", "assert {E} == f(0)", "assert f(0)", "assert not f(0)",
    "assert f(0) is True", "assert f(0) is not None", "assert list(f(0)) == list({E})", "assert tuple(f(0)) == tuple({E})",
    "assert sorted(f(0)) == sorted({E})", "assert len(f(0)) == 2", "assert abs(f(0) - {E}) < 1e-6",
    "assert round(f(0), 1) == round({E}, 1)", "assert f(0)[0] == ({E})[0]", "assert set(f(0)) == set({E})",
    "assert f(0) in [{E}, 77]", "assert f(0) > 1", "assert f(0) + 1 == {E} + 1",
    "assert all(a == b for a, b in zip(f(0), {E}))",
    "assert sum(f(0)) == sum({E})", "assert max(f(0)) == max({E})", "assert [x for x in f(0)] == list({E})",
    "assert dict(f(0)) == dict({E})", "assert f(0)[0][0] == 1", "assert f(0) == [{E}]", "assert float(f(0)) == {E}",
    "assert int(f(0)) == {E}",
)  # fmt: skip
APART = (
    "for n in (0,):\n    assert f(n) == {E}", "for n in (0,):\n    assert list(f(n)) == list({E})",
    "assert isinstance(f(0), (int, float))", "assert type(f(0)) == type({E})", "assert str(f(0)) == str({E})",
    "for n in (0,):\n    assert len(f(n)) == 2", "for n in (0,):\n    assert f(n)[0] == ({E})[0]",
    "for n in (0,):\n    assert abs(f(n) - {E}) < 1e-6", "for n in (0,):\n    x = f(n)\n    assert sorted(x) == sorted({E})",
)  # fmt: skip
LOST = {
    # Right answers that are not taken, by kind: what is not plain is equal, and unequal, to nothing; and tests apart of
    # objects that stay with the program (docs/sandbox.md, "Where the seats differ from one process").
    "np.array(3)": ("for",), "np.array([3])": ("for",), "Level.LOW": ("for", "isinstance", "str("),
    "Name.A": ("for", "str("), "Color.RED": ("!=", "is not"),
    "D(1)": ("!=", "is not"), "{1: 2}.keys()": ("for",), "{1: 2}.items()": ("for",),
    "Lying.LOW": ("==", "!=", "in ", ">", "abs(", "round(", "is not", "isinstance"),
}  # fmt: skip
TAKEN = {"np.str_('ab')": "type(", "np.bytes_(b'ab')": "type("}
"""Wrong answers that are: NumPy's texts travel as Python's."""


@pytest.fixture(scope="module")
def box():
    """One tier: it is the judge that is tried."""
    with open_box() as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def quietly():
    """NumPy warns of some comparisons, which is no part of what a test says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


judge = functools.partial(judged, limits=Limits(wall_s=10, cpu_s=10))


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_judged_as_the_text_of_the_test_would(box, kind):
    expected, before = KINDS[kind]
    program = f"{before}def f(n): return {kind}\n"
    step = 3 if before == NUMPY else 1  # it takes a tenth of a second to import
    shapes = (*OUTSIDE[::step], *APART[::step])
    tests = [shape.replace("{E}", expected) for shape in shapes]
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda test: judge(box, test, program), tests))
    lost = []
    for test, verdict in zip(tests, verdicts, strict=True):
        right = holds(test, program)
        if right and any(part in test for part in LOST.get(kind, ())):
            lost.append(test) if verdict.outcome is Outcome.FAIL else None
        elif TAKEN.get(kind, "no") not in test:
            assert verdict.outcome is (Outcome.PASS if right else Outcome.FAIL), (test, right, verdict)
    assert bool(lost) is (kind in LOST)


def test_numpy_values_are_themselves_on_the_other_side():
    import numpy as np

    for value in (
        np.float64("nan"), np.float32(0.1), np.float16(65504), np.int8(-1), np.uint64(2**63), np.bool_(True),
        np.complex64(1j), np.array(3), np.array([[1.5, 2]]).T, np.array(["ab", "c"]), np.array([b"x"]), np.zeros((0, 2)),
        np.arange(9)[::-2],
    ):  # fmt: skip
        again = load(dump(value))
        assert type(again) is type(value) and again.dtype == value.dtype and again.tobytes() == value.tobytes()
    for value in (np.longdouble(1), np.datetime64("2020"), np.array([None]), np.ones(3, dtype=[("a", "i4")])):
        with pytest.raises(Unplain, match="not plain data"):
            dump(value)
    plain = [
        plain_scalar(one) for one in (np.float32(0.1), np.float16(0.1), np.uint8(7), np.bool_(False), np.complex64(0.1j))
    ]
    assert plain == [0.1, 0.1, 7, False, 0.1j] and list(map(type, plain)) == [float, float, int, bool, complex]
    assert plain_scalar(np.float32("inf")) == float("inf") and plain_scalar("a") == "a"
    for text in ("a" * 300_000, b"a" * 300_000):
        told = plain_scalar(np.str_(text) if isinstance(text, str) else np.bytes_(text))
        assert told == text and type(told) is type(text)


def test_long_texts_of_numpys_are_told_as_texts():
    """HumanEval/15 of HumanEval+ gives millions of characters."""
    import numpy as np

    for text in ("0 " * 700_000, "0 " * 400_000):
        for strict in (True, False):
            assert digest(np.str_(text), strict) == digest(text, strict)
            assert is_longer(np.str_(text), 1_000_000) is is_longer(text, 1_000_000)
            assert digest([np.str_(text)], strict) == digest([text], strict)


@pytest.mark.parametrize(
    "text",
    [
        '["O",null,"0000000000000000"]', '["d",null,"00"]', '["?",null,"05"]', '["d",[1e9],"0000000000000000"]',
        '["d",[[1]],"0000000000000000"]', '["d",[-1,3],"0000000000000000"]', '["999999999w",null,""]',
        '["w",null,"ffffffff"]',
        '[1,null,"00"]', '["d",null]', '["d",[1],1]',
    ],
)  # fmt: skip
def test_a_text_that_no_numpy_value_has_is_a_value_error(text):
    with pytest.raises(ValueError, match="not a plain value"):
        load(f'{{"numpy":{text}}}')


def test_a_class_that_looks_like_numpys_is_not_plain(box):
    program = (
        "import sys, types\nclass generic: pass\nclass float64(generic, float):\n    __module__ = 'numpy'\n"
        "    __eq__ = lambda *_: True\nsys.modules['numpy'] = types.SimpleNamespace(generic=generic, float64=float64)\n"
        "def f(n): return float64(3)\n"
    )
    for test in ("assert f(0) == 7", "for n in (0,):\n    assert f(n) == 7"):
        assert judge(box, test, program).outcome is Outcome.FAIL


def test_values_in_expected_answers_and_long_ones(box):
    program = NUMPY + "def f(n): return [np.int64(x) for x in range(n)]\ndef g(n): return np.float64(n)\n"
    expected = [
        Expected(call=Call("f", (200_000,)), value=list(range(200_000)), how=Comparison(strict=False)),
        Expected(call=Call("g", (2,)), value=2.0),
        Expected(call=Call("g", (0.1,)), value=0.1, how=Comparison(atol=1e-6)),
    ]
    check = Calls(expected=expected, sandbox=box, limits=Limits(wall_s=20, cpu_s=20))
    verdict = check.judge(Record(id="r", text=program, language="python", origin=ORIGIN))
    assert verdict.outcome is Outcome.PASS, verdict
