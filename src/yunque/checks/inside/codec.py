"""Plain values as text and back, type for type: what crosses the border of a sandbox in either direction.

Standard library only, and nothing of ours: this source is also pasted in front of the driver that runs beside hostile code.
A list is a JSON array; None, bool, str, finite floats and ints of 64 bits are themselves; everything else is an object with
one key, its tag: ``{"tuple": [1, 2]}``, ``{"dict": [key, value, key, value]}``, ``{"int": "0x1…"}``.

Covered: None, bool, int, float, complex, str (lone surrogates too), bytes, bytearray, list, tuple, dict in order, set,
frozenset, range, deque, Fraction, Decimal, date, datetime, time, timedelta; NumPy's booleans, numbers and arrays of them, as
themselves; views of a dict as such; iterators, as one of what they give; exceptions, as ``Raised``. Counter, defaultdict and
OrderedDict travel as dict, namedtuples as tuple, members of an IntEnum or StrEnum as int or str, SymPy's Integer as int.
``load`` takes text that an attacker wrote: it runs nothing, raises ValueError alone, and its work grows with the length of
the text (refused both ways where it would not: long fractions, a Decimal together with an int of more than 2000 bits; by
``load`` alone: sets made to collide).
Not covered: any other object or subclass (``Unplain``), such as a dataclass, a member of an Enum, NumPy's dates and long
doubles; time zones with rules of their own; the name of a fixed time zone; a signalling Decimal NaN; that two places held
the *same* list; the good faith of whoever dumped.
"""

import builtins
import collections
import json
import struct
import sys
import types

MAX_NESTING = 200
MAX_TEXT = 8 << 20
MAX_MESSAGE = 500  # characters kept of an exception's type name and of its message
MAX_FRACTION_BITS = 100_000  # of numerator and denominator each: reducing a fraction takes quadratic time
MAX_DECIMAL_TEXT = 10_000
MAX_DECIMAL_EXPONENT = 1_000_000
MAX_BITS_BESIDE_DECIMAL = 2000  # of any number in a value that holds a Decimal: comparing the two takes quadratic time
MAX_COLLISIONS = 200  # members of one set with one hash; hash(-1) == hash(-2), so a few are honest

_quote = json.encoder.encode_basestring_ascii
_type_name, _mro_of, _flags_of, _members_of = (
    type.__dict__[f"__{name}__"].__get__ for name in ("name", "mro", "flags", "dict")
)
# which a metaclass cannot answer in their place


class Unplain(TypeError):
    """The value, or something in it, is not plain data, or there is too much of it; the message is one line."""


class Raised:
    """That a call raised: the type's name and the message. Frozen; equal when the names are, messages are for people."""

    __slots__ = ("message", "type_name")

    def __init__(self, type_name: str, message: str = "") -> None:
        object.__setattr__(self, "type_name", type_name)
        object.__setattr__(self, "message", message)

    def __setattr__(self, *_: object) -> None:
        raise AttributeError("a Raised is frozen")

    __delattr__ = __setattr__

    def __reduce__(self) -> tuple:
        return Raised, (self.type_name, self.message)

    def __eq__(self, other: object) -> bool:
        return type(other) is Raised and self.type_name == other.type_name

    def __hash__(self) -> int:
        return hash(("Raised", self.type_name))

    def __str__(self) -> str:
        return " ".join(f"{self.type_name}: {self.message}".split()) if self.message else self.type_name

    def __repr__(self) -> str:
        return f"Raised({self.type_name!r}, {self.message!r})"


# ------------------------------------------------------------------------------------------------------------------- dump
def dump(value: object, *, answer: bool = False) -> str:
    """ASCII text of at most ``MAX_TEXT`` characters for a plain value, or Unplain. No method of a value's own class runs.

    ``answer``: what is asked for once may also be an iterator, which gives here what it has, a view of a dict, a member of
    an IntEnum or StrEnum, SymPy's Integer.
    """
    writer = Writer(answer=answer)
    try:
        writer.write(value, (None, type(value)))
    except RecursionError:
        raise Unplain("the value is nested too deep for the stack that is left") from None
    return "".join(writer.parts)


class Writer:
    """Collects the text; ``where`` is (parent's where, step), and (None, type) at the top."""

    def __init__(self, *, answer: bool = False) -> None:
        self.parts, self.room, self.depth, self.numbers = [], MAX_TEXT, 0, Numbers(Unplain)
        self.answer = answer

    def put(self, text: str) -> None:
        """Add text that fits."""
        self.room -= len(text)
        if self.room < 0:
            raise Unplain(f"the value is too large: its text is longer than {MAX_TEXT} characters")
        self.parts.append(text)

    def write(self, value: object, where: tuple) -> None:
        """Write a value of any kind."""
        kind = type(value)
        if value is None or kind is bool:
            self.put("null" if value is None else "true" if value else "false")
        elif kind is int:
            self.write_int(value)
        elif kind is float:
            if value - value == 0:
                self.put(repr(value))
            else:
                self.write_tagged("float", repr(value))
        elif kind is str:
            self.write_text(value)
        elif kind is list or kind is tuple or kind is set or kind is frozenset:
            self.write_items(kind.__name__, value, where)
        elif kind is dict:
            self.write_dict(value.items(), where)
        elif kind is bytes or kind is bytearray:
            self.fits(2 * len(value))
            self.write_tagged(kind.__name__, value.hex())
        elif kind is complex:
            self.write_items("complex", (value.real, value.imag), where)
        elif kind is range:
            self.write_items("range", (value.start, value.stop, value.step), where)
        elif kind is Raised or issubclass(kind, BaseException):
            self.write_items("raised", _raised(value), where)
        else:
            self.write_rarer(value, kind, where)

    def write_rarer(self, value: object, kind: type, where: tuple) -> None:
        """The types whose modules the program may never have imported."""
        if kind is _of("collections", "OrderedDict"):
            self.write_dict(kind.items(value), where)  # not dict's own items: they forget move_to_end
        elif kind is _of("collections", "Counter") or kind is _of("collections", "defaultdict"):
            self.write_dict(dict.items(value), where)
        elif is_namedtuple(kind):
            self.write_items("tuple", tuple.__iter__(value), where)
        elif kind is _of("fractions", "Fraction"):
            parts = value.numerator, value.denominator
            if max(part.bit_length() for part in parts) > MAX_FRACTION_BITS:
                raise Unplain(f"{_place(where)} is a Fraction of more than {MAX_FRACTION_BITS} bits")
            self.numbers.meet(value, kind)
            self.write_items("Fraction", parts, where)
        elif kind is _of("decimal", "Decimal"):
            text = str(value)
            if not decimal_is_modest(value, text):
                raise Unplain(f"{_place(where)} is a Decimal too long, too large or too small, or a signalling NaN")
            self.numbers.meet(value, kind)
            self.write_tagged("Decimal", text)
        elif kind is _of("datetime", "timedelta"):
            self.write_items("timedelta", (value.days, value.seconds, value.microseconds), where)
        elif kind is _of("datetime", "date"):
            self.write_items("date", (value.year, value.month, value.day), where)
        elif kind is _of("datetime", "datetime"):
            self.write_items("datetime", (value.year, value.month, value.day, *_clock(value, where)), where)
        elif kind is _of("datetime", "time"):
            self.write_items("time", _clock(value, where), where)
        elif kind is _of("collections", "deque"):
            self.write_items("deque", (value.maxlen, list(value)), where)
        elif _is_text_of_numpy(kind):
            self.write(plain_scalar(value), where)
        elif is_number(value) or kind is _of("numpy", "ndarray"):
            self.write_numpy(value, kind, where)
        elif self.answer and kind in _VIEWS:
            self.write_items(kind.__name__, [part for pair in value for part in pair] if kind is _ITEMS else value, where)
        elif self.answer and kind in _ITERATORS:
            self.write_items("iterator", value, where)
        elif self.answer and (plain := _as_plain(value, kind)) is not None:
            self.write(plain, where)
        else:
            raise Unplain(f"{_place(where)} is a {_name(kind)}, which is not plain data")

    def write_int(self, value: int) -> None:
        """Write an int: itself, or in hexadecimal when it has more than 64 bits."""
        if -(1 << 63) <= value < 1 << 63:
            self.put(str(value))
        else:  # hexadecimal takes linear time, and Python's limit on digits does not hold for it
            self.fits(value.bit_length() // 4)
            self.numbers.meet(value, int)
            self.write_tagged("int", hex(value))

    def write_numpy(self, value: object, kind: type, where: tuple) -> None:
        """Write the bytes of one of NumPy's numbers, or of an array of them, with their format and the array's shape."""
        view = memoryview(value)
        if dtype_of(view.format) is None:
            raise Unplain(f"{_place(where)} is a {_name(kind)} of what is not plain data")
        self.fits(2 * view.nbytes)
        shape = json.dumps(view.shape) if kind is _of("numpy", "ndarray") else "null"
        self.put(f'{{"numpy":["{view.format}",{shape},"{view.tobytes().hex()}"]}}')

    def write_text(self, value: str) -> None:
        """Write a str; one with lone surrogates in hexadecimal."""
        self.fits(len(value))
        try:
            value.encode()
        except UnicodeEncodeError:  # JSON would join two lone surrogates into one character
            self.write_tagged("str", value.encode("utf-8", "surrogatepass").hex())
        else:
            self.put(_quote(value))

    def write_tagged(self, tag: str, text: str) -> None:
        """Write what is a text under a tag."""
        self.put(f'{{"{tag}":"{text}"}}')

    def write_items(self, tag: str, items: object, where: tuple) -> None:
        """Write what consists of items: a list as an array, all else under its tag."""
        self.enter("[" if tag == "list" else f'{{"{tag}":[')
        for place, item in enumerate(items):
            if place:
                self.put(",")
            self.write(item, (where, place))
        self.leave("]" if tag == "list" else "]}")

    def write_dict(self, items: object, where: tuple) -> None:
        """Write keys and values in turn."""
        self.enter('{"dict":[')
        comma = ""
        for key, value in items:
            step = (where, key if type(key) is int or type(key) is str else "...")
            self.put(comma)
            self.write(key, step)
            self.put(",")
            self.write(value, step)
            comma = ","
        self.leave("]}")

    def enter(self, opening: str) -> None:
        """Go one level deeper."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise Unplain(f"the value is nested more than {MAX_NESTING} deep, or holds itself")
        self.put(opening)

    def leave(self, closing: str) -> None:
        """Come back from it."""
        self.depth -= 1
        self.put(closing)

    def fits(self, num_characters: int) -> None:
        """Says no before a long text is made."""
        if num_characters > self.room:
            raise Unplain(f"the value is too large: its text is longer than {MAX_TEXT} characters")


def only(value: object, *kinds: type) -> object:
    """Returns the value; ValueError when it is of no such type."""
    if type(value) not in kinds:
        raise ValueError(f"a {type(value).__name__} where another type belongs")
    return value


class Numbers:
    """Remembers the numbers of one value, and raises when a Decimal and a long one meet: even a set may compare them."""

    def __init__(self, error: type) -> None:
        self.error, self.decimal, self.num_bits = error, False, 0

    def meet(self, value: object, kind: type) -> None:
        """Count a number; the error when large ones stand beside a Decimal."""
        if kind.__name__ == "Decimal":
            self.decimal = True
        elif kind.__name__ in ("int", "Fraction"):
            self.num_bits = max(self.num_bits, value.numerator.bit_length(), value.denominator.bit_length())
        if self.decimal and self.num_bits > MAX_BITS_BESIDE_DECIMAL:
            raise self.error(f"a Decimal together with a number of more than {MAX_BITS_BESIDE_DECIMAL} bits")


def _of(module: str, name: str) -> object:
    """A type of a module that is already imported, else an object that no type is."""
    return getattr(sys.modules.get(module), name, Unplain)


def _name(kind: type) -> str:
    return str.__str__(_type_name(kind))[:MAX_MESSAGE]


def _place(where: tuple) -> str:
    steps = []
    while where[0] is not None:
        where, step = where
        steps.append(f"[{step!r:.40}]" if type(step) is str else f"[{step}]" if step.bit_length() < 64 else "[...]")
    return _name(where[1]) + "".join(reversed(steps)) if steps else "the value"


_NAMEDTUPLE = frozenset((
    "__doc__", "__slots__", "__new__", "__repr__", "__getnewargs__", "__match_args__", "__module__", "__orig_bases__",
    "__annotations__",
))  # fmt: skip
_REPR = collections.namedtuple("_", ()).__repr__.__code__


def _code(function: object) -> object:
    return getattr(function, "__code__", None) if type(function) is types.FunctionType else None


def is_namedtuple(kind: type) -> bool:
    """Whether a class is as `collections.namedtuple` makes them: nothing of its own but fields."""
    if type(kind) is not type or kind.__bases__ != (tuple,):
        return False
    members = _members_of(kind)
    fields = members.get("_fields")
    if type(fields) is not tuple or any(type(name) is not str for name in fields):
        return False
    dunders = {name for name in members if name not in fields and name[:2] == "__"}
    return dunders <= _NAMEDTUPLE and _code(members.get("__repr__")) is _REPR


_ITEMS = type({}.items())
_VIEWS = {type({}.keys()), type({}.values()), _ITEMS}
_ITERATORS = {
    map, filter, zip, enumerate, reversed, types.GeneratorType, type(iter([])), type(iter(())), type(iter("")),
    type(iter("é")), type(iter(set())), type(iter({})), type(iter({}.values())), type(iter({}.items())),
    type(iter(range(0))), type(iter(range(1 << 70))), type(reversed([])),
}  # fmt: skip
_FORMATS = dict.fromkeys("?bBhHiIlLqQefd") | {"Zf": "ff", "Zd": "dd"}
"""How a buffer of NumPy's calls numbers, and `struct` where that has another name."""
_MADE_BY_CODE = 1 << 9  # Py_TPFLAGS_HEAPTYPE


def dtype_of(code: str) -> str | None:
    """What NumPy calls the contents of its buffer: numbers, or texts of so many characters or bytes; None for all else."""
    if code in _FORMATS:
        return {"Zf": "F", "Zd": "D"}.get(code, code)
    size, kind = code[:-1] or "1", code[-1:]
    return f"{'U' if kind == 'w' else 'S'}{size}" if kind in ("w", "s") and size.isdecimal() and len(size) < 8 else None


def is_number(value: object) -> bool:
    """Whether a value is a boolean or a number of NumPy's own: no program can make a class that looks like theirs."""
    kind = type(value)
    generic = _of("numpy", "generic")
    if generic is Unplain or generic not in _mro_of(kind) or _flags_of(kind) & _MADE_BY_CODE:
        return False
    view = memoryview(value)
    return view.ndim == 0 and view.format in _FORMATS


def is_scalar(value: object) -> bool:
    """Whether a value is a number, a text or bytes of NumPy's, which crosses though its type is not Python's."""
    return is_number(value) or type(value) in (_of("numpy", "str_"), _of("numpy", "bytes_"))


def plain_scalar(value: object) -> object:
    """The plain value of a number or a text of NumPy's; any other value as it is.

    A number of less than double precision is the float with the fewest digits that names it: it is equal to that float.
    """
    kind = type(value)
    if _is_text_of_numpy(kind):
        return kind.__mro__[1].__getitem__(value, slice(None))
    if not is_number(value):
        return value
    view = memoryview(value)
    parts = struct.unpack(_FORMATS[view.format] or view.format, view)
    if view.format[-1] in "ef":
        parts = [_shortest(part, view.format[-1]) for part in parts]
    return complex(*parts) if view.format[0] == "Z" else parts[0]


def _is_text_of_numpy(kind: type) -> bool:
    return kind is _of("numpy", "str_") or kind is _of("numpy", "bytes_")


def _shortest(number: float, code: str) -> float:
    """The float with the fewest digits that becomes this number of less precision."""
    if number - number != 0:
        return number
    for digits in range(1, 9):
        short = float(f"{number:.{digits}g}")
        try:
            if struct.unpack(code, struct.pack(code, short))[0] == number:
                return short
        except OverflowError:  # rounded up beyond the largest
            continue
    return number


def _as_plain(value: object, kind: type) -> object:
    """The int or str that a member of an enumeration of such, or SymPy's Integer, is equal to; None for all else."""
    mro = _mro_of(kind)
    if _of("sympy", "Integer") in mro:
        return only(object.__getattribute__(value, "p"), int)
    if type(kind) is _of("enum", "EnumType") and all(
        "__eq__" not in _members_of(item) or item in (int, str, object) for item in mro
    ):
        return int.__index__(value) if int in mro else str.__str__(value) if str in mro else None
    return None


def _raised(error: object) -> tuple:
    """Type name and message; an exception's own ``__str__`` may do anything, and is then left out."""
    if type(error) is Raised:
        return error.type_name[:MAX_MESSAGE], error.message[:MAX_MESSAGE]
    try:
        message = str.__str__(str(error))[:MAX_MESSAGE]
    except BaseException:
        message = ""
    kind = type(error)
    own = getattr(builtins, _name(kind), kind) is kind
    return _name(kind) if own else f"{_name(kind)} of the program", message


def _clock(value: object, where: tuple) -> tuple:
    """Hour to microsecond, fold, and the offset from UTC (a timedelta) or None."""
    zone = value.tzinfo
    if zone is not None and type(zone) is not _of("datetime", "timezone"):
        raise Unplain(f"{_place(where)} has a time zone of type {_name(type(zone))}, which is not plain data")
    offset = None if zone is None else zone.utcoffset(None)
    return value.hour, value.minute, value.second, value.microsecond, value.fold, offset


def decimal_is_modest(value: object, text: str) -> bool:
    """Whether a Decimal is short enough to compute with."""
    if len(text) > MAX_DECIMAL_TEXT or value.is_snan():
        return False
    return not value.is_finite() or abs(value.adjusted()) <= MAX_DECIMAL_EXPONENT
