"""Does what a program answered match what was expected? Both sides are plain values (see ``wire``), compared outside.

Covered: type for type or as Python's ``==``; NumPy's numbers as plain ones; nan; numbers within a tolerance, at any depth;
lists and tuples taken alike; answers in any order; a line for a person that says where the first difference is. An answer is
what an attacker wrote: no hash table that it could flood is built of it, nesting costs no stack (but in sets), long answers
take linear time.
Not covered: objects of other types: they match nothing, and nothing of theirs is called, not even ``__eq__``. Floats in sets
and in unordered answers under a tolerance are paired, each with any partner near enough, not one to one; past
``MAX_PAIRS`` comparisons they do not match.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import reprlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from yunque.checks.inside.codec import MAX_BITS_BESIDE_DECIMAL, Raised, is_number, plain_scalar
from yunque.checks.inside.decoder import few_collisions

MAX_PAIRS = 1_000_000
MAX_SHOWN = 80  # characters of either side in a line for a person

_NUMBERS = {bool, int, float, complex, fractions.Fraction, decimal.Decimal}
_SEQUENCES = {list, tuple}
_SETS = {set, frozenset}
_BYTES: set[type] = {bytes, bytearray}
_DATES = {datetime.date, datetime.datetime, datetime.time, datetime.timedelta}
_PLAIN = {type(None), str, range, dict, Raised} | _NUMBERS | _SEQUENCES | _SETS | _BYTES | _DATES
_NEVER_NAN = {type(None), bool, int, str, bytes}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How two plain values are compared."""

    strict: bool = True
    """True: types agree (bool is not int, int is not float, list is not tuple) and nan equals nan. False: what Python's
    ``==`` says of plain values: ``True == 1 == 1.0``, ``nan != nan``, ``set() == frozenset()``, a list is not a tuple."""
    sequences_alike: bool = False
    """A tuple matches a list of matching items."""
    unordered: bool = False
    """A list, tuple, set or frozenset at the top is compared as the set of its values, whichever of the four either side
    is: order and repetition do not count, and items need not be hashable."""
    atol: float = 0.0
    rtol: float = 0.0
    """Where a float or complex is expected, any int, float or complex (never a bool) with
    ``|actual - expected| <= atol + rtol * |expected|`` matches; an infinity only matches itself."""


def matches(actual: object, expected: object, comparison: Comparison) -> bool:
    """Whether the answer is the expected one; never raises, whatever the answer holds."""
    return _first_difference(actual, expected, comparison) is None


def difference(actual: object, expected: object, comparison: Comparison) -> str:
    """One line: where the first difference is and what either side has there, cut short; empty when they match."""
    result = _first_difference(actual, expected, comparison)
    if result is None:
        return ""
    steps, words = result
    place = "".join(f"[{shown(step)}]" for step in steps)
    return f"at {place}: {words}" if place else words


class _Foreign(Exception):
    """A value that is not plain was met, or one whose members were made to collide."""


# ------------------------------------------------------------------------------------------------------- one level at a time
Value = Any
"""What is compared: its kind is looked up among the plain ones, which a type checker does not follow."""
Children = Iterator[tuple[object, Value, Value]]
"""(step, actual, expected) of the parts that must match in their turn."""


def _first_difference(actual: Value, expected: Value, comparison: Comparison) -> tuple[list[object], str] | None:
    """The steps to the first difference and words for it, or None. A stack of iterators, so that nesting costs no frames."""
    if comparison.unordered and {type(actual), type(expected)} <= _SEQUENCES | _SETS:
        words = _unordered(actual, expected, comparison)
        return ([], words) if words else None
    steps: list[object] = []
    stack: list[Children] = [iter([(None, actual, expected)])]
    while stack:
        for step, left, right in stack[-1]:
            if type(left) is type(right) and type(left) in _NEVER_NAN and left == right:
                continue
            result = _level(left, right, comparison)
            if isinstance(result, str):
                return [*steps, step][1:], result
            steps.append(step)
            stack.append(result)
            break
        else:
            stack.pop()
            if steps:
                steps.pop()
    return None


def _level(actual: Value, expected: Value, comparison: Comparison) -> str | Children:
    """Words for how two values differ on this level, or the parts that are still to be compared."""
    if type(actual) not in _PLAIN:
        actual = plain_scalar(actual)
    kind, wanted = type(actual), type(expected)
    if kind not in _PLAIN or wanted not in _PLAIN:
        return _but(actual, expected)
    if _tolerant(comparison) and wanted in (float, complex) and kind in (int, float, complex):
        return iter(()) if _near(actual, expected, comparison) else _but(actual, expected)
    if not _comparable(kind, wanted, comparison):
        return _but(actual, expected, with_types=True)
    if kind in _SEQUENCES:
        if len(actual) != len(expected):
            return f"got {len(actual)} items, expected {len(expected)}: {_but(actual, expected)}"
        return zip(range(len(actual)), actual, expected, strict=True)
    if kind is dict:
        return _dicts(actual, expected, comparison)
    if kind in _SETS:
        if len(actual) != len(expected):
            return f"got {len(actual)} members, expected {len(expected)}: {_but(actual, expected)}"
        return _unordered(actual, expected, comparison) or iter(())
    return iter(()) if _same(actual, expected, comparison) else _but(actual, expected)


def _tolerant(comparison: Comparison) -> bool:
    return comparison.atol > 0 or comparison.rtol > 0


def _comparable(kind: type, wanted: type, comparison: Comparison) -> bool:
    """Whether values of two plain types may match at all."""
    if kind is wanted or (comparison.sequences_alike and kind in _SEQUENCES and wanted in _SEQUENCES):
        return True
    if comparison.strict:
        return False
    return any(kind in group and wanted in group for group in (_NUMBERS, _SETS, _BYTES))


def _same(actual: Value, expected: Value, comparison: Comparison) -> bool:
    """Whether two plain values without parts, of comparable types, are one; in strict mode nan is nan."""
    if (_is_long(actual) and type(expected) is decimal.Decimal) or (_is_long(expected) and type(actual) is decimal.Decimal):
        return False
    if actual == expected:
        return True
    if not comparison.strict:
        return False
    if type(actual) is complex:
        return all(_same(a, e, comparison) for a, e in ((actual.real, expected.real), (actual.imag, expected.imag)))
    return type(actual) in _NUMBERS and actual != actual and expected != expected


def _is_long(value: object) -> bool:
    """Whether turning an int into a Decimal would take long: the time is quadratic."""
    return type(value) is int and value.bit_length() > MAX_BITS_BESIDE_DECIMAL


def _near(actual: complex, expected: complex, comparison: Comparison) -> bool:
    if actual == expected or (comparison.strict and type(actual) is type(expected) and _same(actual, expected, comparison)):
        return True
    try:
        gap = abs(actual - expected)
        return gap < float("inf") and gap <= comparison.atol + comparison.rtol * abs(expected)
    except OverflowError:  # an int beyond every float
        return False


def _dicts(actual: dict, expected: dict, comparison: Comparison) -> str | Children:
    """The values under equal keys, in the expected order."""
    try:
        keys = {_token(key, comparison): key for key in expected}
        table = {}  # by expected key: no table is built of the answer's own keys
        for key in actual:
            token = _token(key, comparison)
            if token not in keys:
                return f"unexpected key {shown(key)}"
            table[token] = key
    except (_Foreign, RecursionError):
        return _but(actual, expected)
    for token, key in keys.items():
        if token not in table:
            return f"missing key {shown(key)}"
    if len(actual) != len(expected):  # several keys are nan
        return _but(actual, expected)
    return iter([(key, actual[table[token]], expected[key]) for token, key in keys.items()])


# ------------------------------------------------------------------------------------------------------------- in any order
def _unordered(actual: Collection, expected: Collection, comparison: Comparison) -> str:
    """How the values of two collections differ, whatever their order and number; empty when they do not."""
    try:
        tokens = {_token(item, comparison): item for item in expected}
        result, strangers = set(), []
        for item in actual:
            token = _token(item, comparison)
            if token in tokens:
                result.add(token)
            elif not _tolerant(comparison):
                return f"unexpected {shown(item)}"
            else:
                strangers.append(item)
    except (_Foreign, RecursionError):
        return _but(actual, expected)
    missing = [item for token, item in tokens.items() if token not in result]
    if not _tolerant(comparison):
        return f"missing {shown(missing[0])}" if missing else ""
    if len(strangers) * len(tokens) + len(missing) * len(actual) > MAX_PAIRS:
        return f"too many values to pair within a tolerance: {_but(actual, expected)}"
    inner = Comparison(
        strict=comparison.strict,
        sequences_alike=comparison.sequences_alike,
        atol=comparison.atol,
        rtol=comparison.rtol,
    )
    for item in strangers:
        if not any(matches(item, other, inner) for other in tokens.values()):
            return f"unexpected {shown(item)}"
    for item in missing:
        if not any(matches(other, item, inner) for other in actual):
            return f"missing {shown(item)}"
    return ""


def _token(value: Value, comparison: Comparison) -> object:
    """Something hashable that is equal for two plain values exactly when they match without a tolerance."""
    if type(value) not in _PLAIN:
        value = plain_scalar(value)
    kind = type(value)
    if kind not in _PLAIN:
        raise _Foreign
    if kind in _SEQUENCES:
        return "list" if comparison.sequences_alike else kind, tuple([_token(item, comparison) for item in value])
    if kind in _SETS:
        return kind if comparison.strict else "set", _bag([_token(item, comparison) for item in value])
    if kind is dict:
        pairs = [(_token(key, comparison), _token(item, comparison)) for key, item in value.items()]
        return dict, _bag(pairs)
    if kind in _BYTES:
        return kind if comparison.strict else "bytes", bytes(value)
    if kind in _NUMBERS:
        return _number_token(value, comparison)
    return kind, value


def _bag(tokens: list) -> frozenset:
    try:
        return frozenset(few_collisions(tokens))
    except ValueError:
        raise _Foreign from None


def _number_token(value: complex, comparison: Comparison) -> object:
    if comparison.strict and type(value) is complex:
        return complex, _number_token(value.real, comparison), _number_token(value.imag, comparison)
    if value != value:
        return (type(value), "nan") if comparison.strict else object()
    return (type(value), value) if comparison.strict else ("long" if _is_long(value) else "number", value)


# ------------------------------------------------------------------------------------------------------------- for a person
class _Short(reprlib.Repr):
    """A repr that stays short, has one line and never runs a foreign ``__repr__``."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = MAX_SHOWN // 2

    def repr1(self, value: object, level: int) -> str:
        if type(value) is Raised:
            return f"the exception {value}"
        if type(value) not in _PLAIN:
            return repr(value) if is_number(value) else f"a {type(value).__name__}"
        return super().repr1(value, level)

    def repr_int(self, value: int, level: int) -> str:
        return super().repr_int(value, level) if value.bit_length() < 10_000 else f"an int of {value.bit_length()} bits"

    def repr_bytes(self, value: bytes, level: int) -> str:
        return repr(bytes(value[:MAX_SHOWN])) if len(value) <= MAX_SHOWN else f"{bytes(value[:MAX_SHOWN])!r}..."

    repr_bytearray = repr_bytes


def shown(value: object) -> str:
    """The value as Python would write it, cut to ``MAX_SHOWN`` characters."""
    text = _Short().repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _but(actual: object, expected: object, *, with_types: bool = False) -> str:
    if not with_types:
        return f"got {shown(actual)}, expected {shown(expected)}"
    names = type(actual).__name__, type(expected).__name__
    return f"got {shown(actual)} ({names[0]}), expected {shown(expected)} ({names[1]})"
