"""The other half of `codec`: texts that nobody trusts, back to plain values; anything else is a ValueError."""

from __future__ import annotations

import collections
import json

from yunque.checks.inside.codec import (
    MAX_COLLISIONS,
    MAX_DECIMAL_TEXT,
    MAX_FRACTION_BITS,
    MAX_MESSAGE,
    MAX_NESTING,
    MAX_TEXT,
    Numbers,
    Raised,
    decimal_is_modest,
    dtype_of,
    only,
)


def load(text: str, find: object = None) -> object:
    """The value that ``dump`` was given; ValueError, with one line, for every other text.

    ``find``: gives the object for what stands in ``{"at": ...}``, which a `Writer` of the caller's own has put there.
    """
    if type(text) is not str or len(text) > MAX_TEXT:
        raise ValueError(f"no text of at most {MAX_TEXT} characters")
    try:
        node = json.loads(text, parse_int=_short_int, parse_float=_short_float, parse_constant=_refuse)
        return _read(node, 0, Numbers(ValueError), find)
    except Exception as error:  # whatever hostile text set off, to the caller it is one thing
        raise ValueError(f"not a plain value: {type(error).__name__}: {str(error)[:200]}") from None


def few_collisions(items: list) -> list:
    """The same items; ValueError when so many share one hash that a set of them would take quadratic time."""
    counts = {}
    for item in items:
        code = hash(item)
        counts[code] = number = counts.get(code, 0) + 1
        if number > MAX_COLLISIONS:
            raise ValueError(f"more than {MAX_COLLISIONS} members share one hash")
    return items


def _read(node: object, depth: int, numbers: Numbers, find: object) -> object:
    """The value of a JSON node that lies inside ``depth`` containers."""
    kind = type(node)
    if kind is not list and kind is not dict:
        return node
    if depth >= MAX_NESTING:
        raise ValueError(f"nested more than {MAX_NESTING} deep")
    if kind is dict:
        ((tag, body),) = node.items()
        if tag == "at" and find is not None:
            return find(only(body, int, str))
        if tag in _OF_TEXT:
            value = _OF_TEXT[tag](only(body, str))
            numbers.meet(value, type(value))
            return value
        if tag not in _OF_ITEMS:
            raise ValueError(f"unknown tag {tag[:40]!r}")
        value = _OF_ITEMS[tag](_read(only(body, list), depth, numbers, find))
        numbers.meet(value, type(value))
        return value
    items = []
    for child in node:
        items.append(_read(child, depth + 1, numbers, find) if type(child) is list or type(child) is dict else child)
    return items


def _short_int(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("a long int must be tagged")
    return int(digits)


def _short_float(digits: str) -> float:
    if len(digits) > 40:
        raise ValueError("more digits than a float has")
    return float(digits)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} must be tagged")


def _ints(items: list) -> list:
    return [only(item, int) for item in items]


def _read_float(text: str) -> float:
    if text not in ("nan", "inf", "-inf"):
        raise ValueError("a finite float needs no tag")
    return float(text)


def _read_complex(items: list) -> complex:
    real, imaginary = items
    return complex(only(real, float), only(imaginary, float))


def _read_range(items: list) -> range:
    start, stop, step = _ints(items)
    return range(start, stop, step)


def _read_set(items: list) -> set:
    members = set(few_collisions(items))
    if len(members) != len(items):
        raise ValueError("a member twice")
    return members


def _read_dict(items: list) -> dict:
    keys = few_collisions(items[::2])
    table = dict(zip(keys, items[1::2], strict=True))
    if len(table) != len(keys):
        raise ValueError("a key twice")
    return table


def _read_raised(items: list) -> Raised:
    type_name, message = items
    return Raised(only(type_name, str)[:MAX_MESSAGE], only(message, str)[:MAX_MESSAGE])


def _read_fraction(items: list) -> object:
    import fractions

    numerator, denominator = _ints(items)
    if max(numerator.bit_length(), denominator.bit_length()) > MAX_FRACTION_BITS or denominator < 1:
        raise ValueError("no fraction of a modest size")
    return fractions.Fraction(numerator, denominator)


def _read_decimal(text: str) -> object:
    import decimal

    value = decimal.Decimal(text if len(text) <= MAX_DECIMAL_TEXT else "sNaN")
    if not decimal_is_modest(value, text):
        raise ValueError("no decimal of a modest size")
    return value


def _read_timedelta(items: list) -> object:
    import datetime

    days, seconds, microseconds = _ints(items)
    return datetime.timedelta(days, seconds, microseconds)


def _read_date(items: list) -> object:
    import datetime

    return datetime.date(*_ints(items))


def _read_datetime(items: list) -> object:
    import datetime

    day = _read_date(items[:3])
    return datetime.datetime.combine(day, _read_time(items[3:]))


def _read_time(items: list) -> object:
    import datetime

    *numbers, fold, offset = items
    zone = None if offset is None else datetime.timezone(only(offset, datetime.timedelta))
    hour, minute, second, microsecond = _ints(numbers)
    return datetime.time(hour, minute, second, microsecond, zone, fold=only(fold, int))


def _read_deque(items: list) -> object:
    longest, members = items
    return collections.deque(only(members, list), None if longest is None else only(longest, int))


def _read_numpy(items: list) -> object:
    import numpy

    code, shape, text = items
    dtype = dtype_of(only(code, str))
    if dtype is None:
        raise ValueError("no format of NumPy's")
    numbers = numpy.frombuffer(bytes.fromhex(text), dtype)
    if code == "?" and not set(numbers.tobytes()) <= {0, 1}:
        raise ValueError("no booleans")
    if shape is None:
        (number,) = numbers
        return number
    return numbers.reshape(_ints(shape)).copy()


_OF_TEXT = {
    "int": lambda text: int(text, 16),
    "float": _read_float,
    "str": lambda text: bytes.fromhex(text).decode("utf-8", "surrogatepass"),
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "Decimal": _read_decimal,
}
_OF_ITEMS = {
    "tuple": tuple,
    "set": _read_set,
    "frozenset": lambda items: frozenset(_read_set(items)),
    "dict": _read_dict,
    "range": _read_range,
    "deque": _read_deque,
    "dict_keys": lambda items: dict.fromkeys(few_collisions(items)).keys(),
    "dict_values": lambda items: dict(enumerate(items)).values(),
    "dict_items": lambda items: _read_dict(items).items(),
    "iterator": iter,
    "numpy": _read_numpy,
    "complex": _read_complex,
    "raised": _read_raised,
    "Fraction": _read_fraction,
    "timedelta": _read_timedelta,
    "date": _read_date,
    "datetime": _read_datetime,
    "time": _read_time,
}
