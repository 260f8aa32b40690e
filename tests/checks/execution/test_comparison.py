import datetime
import decimal
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunque.checks.execution.comparison import Comparison, difference, matches
from yunque.checks.inside.codec import Raised

STRICT, LOOSE = Comparison(), Comparison(strict=False)
ALIKE, ANY_ORDER, NEAR = Comparison(sequences_alike=True), Comparison(unordered=True), Comparison(atol=0.1)
NAN, DAY = math.nan, datetime.date(2020, 1, 1)


@pytest.mark.parametrize(
    ("actual", "expected", "strictly", "loosely"),
    [
        (1, 1, True, True),
        (1, 2, False, False),
        (True, 1, False, True),
        (1, 1.0, False, True),
        (0, False, False, True),
        (1.0, 1 + 0j, False, True),
        (Fraction(1, 2), 0.5, False, True),
        (decimal.Decimal("1.0"), 1, False, True),
        (decimal.Decimal("1.0"), decimal.Decimal("1.00"), True, True),
        (0.0, -0.0, True, True),
        (NAN, math.nan, True, False),
        (NAN, 1.0, False, False),
        (complex(NAN, 1), complex(math.nan, 1), True, False),
        (complex(NAN, 1), complex(math.nan, 2), False, False),
        (decimal.Decimal("NaN"), decimal.Decimal("NaN"), True, False),
        ("1", 1, False, False),
        (b"a", "a", False, False),
        (b"a", bytearray(b"a"), False, True),
        (None, False, False, False),
        ([], (), False, False),
        ([1], [True], False, True),
        ([1, [2, (3,)]], [1, [2, (3,)]], True, True),
        ([1, [2, (3,)]], [1, [2, [3]]], False, False),
        ([1, 2], [2, 1], False, False),
        ([1], [1, 1], False, False),
        ({1}, {True}, False, True),
        ({1, 2}, {2, 1}, True, True),
        ({1, 2}, {1, 3}, False, False),
        ({1}, frozenset({1}), False, True),
        ({1}, [1], False, False),
        ({NAN}, {math.nan}, True, False),
        ({(1, 2)}, {(1, 2)}, True, True),
        ({(1, 2)}, {(1, 2.0)}, False, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True, True),
        ({"a": 1}, {"a": True}, False, True),
        ({1: "a"}, {True: "a"}, False, True),
        ({"a": 1}, {"b": 1}, False, False),
        ({"a": 1}, {"a": 1, "b": 1}, False, False),
        ({"a": 1, "b": 1}, {"a": 1}, False, False),
        (range(3), range(3), True, True),
        (range(0, 3, 2), range(0, 4, 2), True, True),
        (range(3), [0, 1, 2], False, False),
        (DAY, datetime.date(2020, 1, 1), True, True),
        (DAY, datetime.datetime(2020, 1, 1), False, False),
        (Raised("ValueError", "a"), Raised("ValueError", "b"), True, True),
        (Raised("ValueError"), Raised("KeyError"), False, False),
        (10**400, 1.0, False, False),
    ],
)
def test_strict_and_loose(actual, expected, strictly, loosely):
    for comparison, wanted in ((STRICT, strictly), (LOOSE, loosely)):
        for left, right in ((actual, expected), ([0, actual], [0, expected]), ({"k": (actual,)}, {"k": (expected,)})):
            assert matches(left, right, comparison) is wanted
            assert matches(right, left, comparison) is wanted
            assert (difference(left, right, comparison) == "") is wanted


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 0.5, 1j, "a", b"a", Fraction(1, 2)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(st.integers(0, 2) | st.booleans(), inner, max_size=2)
        | st.frozensets(st.integers(0, 2) | st.tuples(st.booleans()), max_size=2)
    ),
    max_leaves=5,
)


@given(plain, plain)
def test_loose_is_what_python_says(left, right):
    assert matches(left, right, LOOSE) is (left == right)
    assert matches([left, right], [right, left], Comparison(strict=False, unordered=True))


@given(plain, plain)
def test_strict_is_repr_and_implies_loose(left, right):
    assert matches(left, left, STRICT)
    if matches(left, right, STRICT):
        assert matches(left, right, LOOSE)
        assert matches([left], (right,), ALIKE)
    assert matches([left, right, left], (right, left), ANY_ORDER)


@pytest.mark.parametrize(
    ("actual", "expected", "comparison", "wanted"),
    [
        ([1, (2,)], (1, [2]), ALIKE, True),
        ([1, (2,)], (1, [2.0]), ALIKE, False),
        ({(1,)}, {(1,)}, ALIKE, True),
        ([3, 1, 2], [1, 2, 3], ANY_ORDER, True),
        ([3, 1, 1], (1, 3), ANY_ORDER, True),
        ([1, 2], [1, 3], ANY_ORDER, False),
        ([1], [1, 3], ANY_ORDER, False),
        ([[1], {"a": [2]}], [{"a": [2]}, [1]], ANY_ORDER, True),
        ([[1, 2]], [[2, 1]], ANY_ORDER, False),
        ([True], [1], ANY_ORDER, False),
        ({1, 2}, [2, 1], ANY_ORDER, True),
        ([], [], ANY_ORDER, True),
        ({"a": [1, 2]}, {"a": [2, 1]}, ANY_ORDER, False),
        ("ab", "ba", ANY_ORDER, False),
        ([[2, 1.05], 1.0], [1.0, [2, 1.0]], Comparison(unordered=True, atol=0.1), True),
        ([1.0, 5.0], [1.0, 2.0], Comparison(unordered=True, atol=0.1), False),
        ([1.0], [1.0, 2.0], Comparison(unordered=True, atol=0.1), False),
        ({1.05, 2.0}, {1.0, 2.0}, NEAR, True),
        ({1.5, 2.0}, {1.0, 2.0}, NEAR, False),
        (1.05, 1.0, NEAR, True),
        (1.2, 1.0, NEAR, False),
        ([{"a": 1.05}], [{"a": 1.0}], NEAR, True),
        (1, 1.05, NEAR, True),
        (1.0, 1, NEAR, False),
        (1.05, 1, Comparison(atol=0.1, strict=False), False),
        (True, 1.0, NEAR, False),
        (True, 1.0, Comparison(atol=0.1, strict=False), True),
        (False, 0.05, Comparison(atol=0.1, strict=False), False),
        ("1", 1.0, NEAR, False),
        (None, 1.0, NEAR, False),
        (1.05 + 1j, 1 + 1j, NEAR, True),
        (1.05, 1 + 0j, NEAR, True),
        (1 + 0.05j, 1.0, NEAR, True),
        (NAN, math.nan, NEAR, True),
        (NAN, 1.0, NEAR, False),
        (NAN, math.nan, Comparison(atol=0.1, strict=False), False),
        (math.inf, math.inf, NEAR, True),
        (math.inf, -math.inf, NEAR, False),
        (1e308, math.inf, Comparison(rtol=0.1), False),
        (math.inf, 1e308, Comparison(rtol=0.1), False),
        (10**400, 1.0, NEAR, False),
        (complex(1e308, 1e308), complex(-1e308, -1e308), NEAR, False),
        (110.0, 100.0, Comparison(rtol=0.1), True),
        (100.0, 110.0, Comparison(rtol=0.1), True),
        (89.0, 100.0, Comparison(rtol=0.1), False),
        (1.0, 1.0 + 1e-9, STRICT, False),
    ],
)
def test_the_other_fields(actual, expected, comparison, wanted):
    assert matches(actual, expected, comparison) is wanted
    assert (difference(actual, expected, comparison) == "") is wanted


@given(st.floats(), st.floats(), st.sampled_from([0.0, 1e-9, 0.5]), st.sampled_from([0.0, 1e-7, 0.5]))
def test_the_tolerance_is_numpys(actual, expected, atol, rtol):
    numpy = pytest.importorskip("numpy", reason="numpy is not available here")
    with numpy.errstate(all="ignore"):
        wanted = bool(numpy.isclose(actual, expected, atol=atol, rtol=rtol, equal_nan=True))
    assert matches(actual, expected, Comparison(atol=atol, rtol=rtol)) is wanted


class Always:
    def __eq__(self, other):
        raise AssertionError("ran")

    def __repr__(self):
        raise AssertionError("ran")

    __hash__ = object.__hash__


class EqualInt(int):
    __eq__ = Always.__eq__
    __hash__ = int.__hash__


@pytest.mark.parametrize("comparison", [STRICT, LOOSE, ALIKE, ANY_ORDER, NEAR, Comparison(unordered=True, atol=1)])
@pytest.mark.parametrize("foreign", [Always(), EqualInt(1), object, len])
def test_a_foreign_value_matches_nothing_not_even_itself(foreign, comparison):
    for wrap in (lambda v: v, lambda v: [v], lambda v: {1: v}, lambda v: (0, [v])):
        assert not matches(wrap(foreign), wrap(foreign), comparison)
        assert not matches(wrap(foreign), wrap(1), comparison)
        assert not matches(wrap(1.0), wrap(foreign), comparison)
        assert difference(wrap(foreign), wrap(1), comparison)
    assert not matches({foreign}, {foreign}, comparison)
    assert not matches({foreign: 1}, {foreign: 1}, comparison)


def test_the_line_says_where_and_what():
    assert difference([1, {"a": (1, 2)}], [1, {"a": (1, 3)}], STRICT) == "at [1]['a'][1]: got 2, expected 3"
    assert difference(1, 1.0, STRICT) == "got 1 (int), expected 1.0 (float)"
    assert difference([1], [1, 2], STRICT) == "got 1 items, expected 2: got [1], expected [1, 2]"
    assert difference({"a": 1}, {"a": 1, "b": 2}, STRICT) == "missing key 'b'"
    assert difference({"a": 1, "b": 2}, {"a": 1}, STRICT) == "unexpected key 'b'"
    assert difference({1, 2}, {1, 3}, STRICT) == "unexpected 2"
    assert difference([1, 2], [1, 2, 3], ANY_ORDER) == "missing 3"
    assert difference(Always(), 3, STRICT) == "got a Always, expected 3"


def test_the_line_is_short_and_one():
    for huge in ("a\n" * 1_000_000, b"a" * 1_000_000, [10**9999] * 5, 10**99_999, Raised("E", "a\nb" * 9), range(10**5000)):
        line = difference(huge, None, STRICT)
        assert 0 < len(line) < 250
        assert "\n" not in line


def nested(depth: int, leaf: object) -> list:
    value = leaf
    for _ in range(depth):
        value = [value]
    return value


def test_nesting_beyond_the_stack_is_compared():
    assert matches(nested(20_000, 1), nested(20_000, 1), STRICT)
    assert not matches(nested(20_000, 1), nested(20_000, 2), STRICT)
    assert not matches([nested(20_000, 1)], [nested(20_000, 1)], ANY_ORDER)  # there it costs stack, and is given up


@pytest.mark.parametrize(
    ("actual", "expected", "comparison"),
    [
        (list(range(400_000)), list(range(400_000)), STRICT),
        ([[i] for i in range(100_000)], [[i] for i in reversed(range(100_000))], ANY_ORDER),
        ([float(i) for i in range(50_000)], [i + 0.5 for i in range(50_000)], Comparison(unordered=True, atol=0.1)),
        ([i * (2**61 - 1) for i in range(100_000)], [1, 2, 3], ANY_ORDER),
        ([1 << 30_000_000], [decimal.Decimal(1)], LOOSE),
        ([1 + (2**61 - 1 << 30_000_000)], [decimal.Decimal(1)], Comparison(strict=False, unordered=True)),
        ([{i * (2**61 - 1): 0 for i in range(500)}] * 50, [1], ANY_ORDER),
    ],
    ids=["ordered", "unordered", "near", "colliding", "decimal", "decimal in a set", "colliding inside"],
)
def test_long_answers_take_no_quadratic_time(actual, expected, comparison, within):
    with within(5):
        matches(actual, expected, comparison)
