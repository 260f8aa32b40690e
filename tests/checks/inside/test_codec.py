import ast
import collections
import datetime
import decimal
import enum
import inspect
import json
import math
import sys
import typing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from yunque.checks.inside import codec, decoder
from yunque.checks.inside.codec import MAX_NESTING, MAX_TEXT, Raised, Unplain, dump
from yunque.checks.inside.decoder import few_collisions, load


def same(left: object, right: object) -> bool:
    """Equal type for type and in order, iterators by what they give; nan is nan, -0.0 is not 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return repr(left) == repr(right)
    if isinstance(left, complex):
        return same(left.real, right.real) and same(left.imag, right.imag)
    if isinstance(left, collections.abc.Iterator | collections.abc.MappingView):
        return same(list(left), list(right))
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, set | frozenset):
        return len(left) == len(right) and all(any(same(item, other) for other in right) for item in left)
    if isinstance(left, decimal.Decimal):
        return str(left) == str(right)
    return left == right


text = st.text(st.characters(exclude_categories=()), max_size=8)
zones = st.none() | st.timedeltas(datetime.timedelta(hours=-23), datetime.timedelta(hours=23)).map(datetime.timezone)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**60), 10**60),
    st.floats(),
    st.complex_numbers(),
    text,
    st.binary(max_size=8),
    st.fractions(),
    st.decimals(allow_nan=False),
    st.dates(),
    st.datetimes(timezones=zones),
    st.times(),
    st.timedeltas(),
    st.builds(range, st.integers(), st.integers(), st.integers(1)),
)
keys = st.recursive(leaves, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4)
values = st.recursive(
    keys | st.binary(max_size=8).map(bytearray) | st.sets(keys, max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


@given(values)
def test_a_plain_value_comes_back_type_for_type(value):
    assert same(load(dump(value)), value)


@example({"iterator": [1, {"dict_values": [{"float": "nan"}]}, {"dict_items": [1, {"iterator": []}]}]})
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | text | st.sampled_from(["0x1", "nan", "1e9", "00"]),
        lambda inner: (
            st.lists(inner, max_size=7)
            | st.dictionaries(st.sampled_from(sorted(decoder._OF_TEXT | decoder._OF_ITEMS)) | text, inner, max_size=1)
        ),
        max_leaves=10,
    )
)
def test_any_json_text_gives_a_value_of_an_answer_or_a_value_error(tree):
    try:
        value = load(json.dumps(tree))
    except ValueError:
        return
    assert same(load(dump(value, answer=True)), load(json.dumps(tree)))


@pytest.mark.parametrize("value", [2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**10_000, -(10**10_000)], ids=int.bit_length)
def test_ints_of_any_size(value):
    assert load(dump(value)) == value


@pytest.mark.parametrize("value", ["\ud83d\ude00", "\ud83d" + "\ude00", "\ud800", "a\0b", "\U0001f600", '"\\\u2028'])
def test_surrogates_are_kept_apart(value):
    assert dump(value).isascii()
    assert load(dump(value)) == value


def test_the_special_floats():
    back = load(dump([math.nan, math.inf, -math.inf, -0.0, 5e-324]))
    assert math.isnan(back[0])
    assert back[1:3] == [math.inf, -math.inf]
    assert math.copysign(1, back[3]) == -1
    assert back[4] == 5e-324


def test_relatives_of_dict_and_tuple_travel_as_those():
    Point = collections.namedtuple("Point", "x y")

    class Pair(typing.NamedTuple):
        a: int

    ordered = collections.OrderedDict(a=1, b=2)
    ordered.move_to_end("a")
    found = load(dump([collections.Counter("aab"), collections.defaultdict(list, k=[1]), ordered, Point(1, 2), Pair(3)]))
    assert found == [{"a": 2, "b": 1}, {"k": [1]}, {"b": 2, "a": 1}, (1, 2), (3,)]
    assert list(found[2]) == ["b", "a"]
    assert [type(item) for item in found] == [dict, dict, dict, tuple, tuple]


class Always:
    def __eq__(self, other):
        return True

    __hash__ = object.__hash__


class EqualInt(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


class Sub(str):
    pass


class LyingMeta(type):
    __name__ = "int"

    def __eq__(self, other):
        return True

    __hash__ = type.__hash__


class LyingType(metaclass=LyingMeta):
    pass


class LyingList(list):
    def __iter__(self):
        raise AssertionError("ran")

    __len__ = __iter__


class EqualPoint(tuple):
    _fields = ("x",)

    def __eq__(self, other):
        return True

    __hash__ = tuple.__hash__


class LyingClass:
    @property
    def __class__(self):
        return int


Colour = enum.IntEnum("Colour", "RED")


STRANGERS = [Always(), EqualInt(3), LyingType(), LyingList(), EqualPoint((1,)), LyingClass(), Colour.RED, object(), int, len]
STRANGERS += [..., decimal.Decimal("sNaN"), decimal.Decimal("1e999999999"), iter([]), {}.keys(), memoryview(b""), Sub("a")]


@pytest.mark.parametrize("value", STRANGERS, ids=lambda value: type(value).__name__)
def test_everything_else_is_unplain(value):
    for place in (value, [value], {"a": (value,)}):
        with pytest.raises(Unplain) as caught:
            dump(place)
        assert "\n" not in str(caught.value)


def test_the_message_names_place_and_type():
    with pytest.raises(Unplain, match=r"^list\[3\] is a Always, which is not plain data$"):
        dump([0, 1, 2, Always()])
    with pytest.raises(Unplain, match=r"^dict\['a'\]\[1\] is a LyingType, which is not plain data$"):
        dump({"a": (0, LyingType())})
    with pytest.raises(Unplain, match=r"^the value is a Always, which is not plain data$"):
        dump(Always())


def test_cycles_depth_and_size_end(monkeypatch):
    cycle = []
    cycle.append(cycle)
    wide = []
    for _ in range(100):
        wide = [wide, wide]
    for value in (cycle, "a" * (MAX_TEXT - 1), b"a" * (MAX_TEXT // 2), 1 << (5 * MAX_TEXT)):
        with pytest.raises(Unplain, match=r"nested|large"):
            dump(value)
    monkeypatch.setattr(codec, "MAX_TEXT", MAX_TEXT // 16)  # the text is written until there is no more room
    with pytest.raises(Unplain, match="large"):
        dump(wide)


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: (v,), lambda v: {1: v}, lambda v: frozenset([v])])
def test_nesting_may_be_as_deep_as_it_says(wrap):
    value = 0
    for _ in range(MAX_NESTING):
        value = wrap(value)
    assert load(dump(value)) == value
    with pytest.raises(Unplain, match="deep"):
        dump(wrap(value))
    with pytest.raises(ValueError, match="deep"):
        load("[" * (MAX_NESTING + 1) + "]" * (MAX_NESTING + 1))


HOSTILE = ["", "[", "nul", "NaN", "Infinity", "[" * 100_000, '{"a":' * 100_000, "1" * 5000, "0." + "1" * 100, "\ud800", "{}"]
HOSTILE += ['{"int":"zzz"}', '{"int":5}', '{"float":"1.0"}', '{"Decimal":"1e999999999"}', '{"Decimal":"sNaN"}']
HOSTILE += ['{"Decimal":"1e-999999999999999999999"}', '{"Fraction":[1,0]}', '{"Fraction":[1,-2]}', '{"Fraction":[1.5,2]}']
HOSTILE += [
    '{"range":[1,2,0]}',
    '{"range":[true,2,1]}',
    '{"range":[1]}',
    '{"set":[[1]]}',
    '{"set":[1,true]}',
    '{"set":"ab"}',
]
HOSTILE += ['{"dict":[1]}', '{"dict":[[],1]}', '{"dict":[1,2,1,3]}', '{"str":"ff"}', '{"bytes":"zz"}', '{"bytes":3}']
HOSTILE += ['{"tuple":1}', '{"tuple":[1],"list":[2]}', '{"eval":["1"]}', '{"__class__":"os.system"}', '{"raised":[1,2]}']
HOSTILE += [
    '{"date":[2020,13,1]}',
    '{"datetime":[2020,1,1]}',
    '{"timedelta":[99999999999,0,0]}',
    '{"time":[1,1,1,1,2,null]}',
]
HOSTILE += [
    '{"set":"ab"}',
    '{"time":[1,1,1,1,2,null]}',
    '{"time":[1,1,1,1,0,{"timedelta":[5,0,0]}]}',
    '{"complex":[1,2]}',
    '{"set":[{"dict":[1,2]}]}',
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: ascii(hostile[:30]))
def test_hostile_text_is_a_value_error_of_one_line(hostile):
    with pytest.raises(ValueError) as caught:
        load(hostile)
    assert type(caught.value) is ValueError
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_what_is_not_a_text_is_a_value_error():
    for text in (b"1", None, " " * (MAX_TEXT + 1)):
        with pytest.raises(ValueError):
            load(text)


def test_a_huge_range_costs_nothing():
    assert load('{"range":[0,{"int":"0x' + "f" * 100 + '"},1]}').start == 0


def colliding_tuples(length: int) -> str:
    members = (["-1" if i >> bit & 1 else "-2" for bit in range(length)] for i in range(1 << length))
    return ",".join(f'{{"tuple":[{",".join(member)}]}}' for member in members)


def colliding_ints(num: int) -> str:
    return ",".join(f'{{"int":"{hex(i * sys.hash_info.modulus)}"}}' for i in range(10, num))


@pytest.mark.parametrize(
    "hostile",
    [
        '{"set":[' + colliding_tuples(14) + "]}",
        '{"frozenset":[' + colliding_ints(200_000) + "]}",
        '{"dict":[' + colliding_ints(200_000).replace("},", "},0,") + ",0]}",
        '{"Fraction":[{"int":"0x' + "7" * 4_000_000 + '"},{"int":"0x' + "5" * 4_000_000 + '"}]}',
        '{"Decimal":"' + "9" * 8_000_000 + '"}',
    ],
    ids=["tuples", "ints", "keys", "fraction", "decimal"],
)
def test_text_made_to_take_quadratic_time_is_refused_soon(hostile, within):
    with within(5), pytest.raises(ValueError):
        load(hostile)


def test_a_decimal_never_meets_a_long_number(within):
    """Their comparison takes quadratic time, and one hash is enough for a set to compare them."""
    long = hex(1 + sys.hash_info.modulus * 16**1_000_000)
    with within(5):
        for inner in ('{"Decimal":"1"}', '{"tuple":[{"Decimal":"1"}]}'):
            for members in ((f'{{"int":"{long}"}}', inner), (inner, f'{{"int":"{long}"}}')):
                with pytest.raises(ValueError, match="Decimal together"):
                    load(f'{{"set":[{",".join(members)}]}}')
        with pytest.raises(Unplain, match="Decimal together"):
            dump([decimal.Decimal(1), 1 << 3000])
        assert load(dump([decimal.Decimal(1), 1 << 1000])) == [1, 1 << 1000]


def test_few_collisions_gives_the_items_back():
    items = [1, "a", (1,), 1]
    assert few_collisions(items) is items


class Rude(Exception):
    def __str__(self):
        raise SystemExit(0)


class Odd(Exception):
    def __str__(self):
        return Sub("odd\nly")


def test_exceptions_travel_as_raised():
    back = load(dump([ValueError("bad"), Rude(), Odd(), KeyError("k" * 9999), SystemExit(0)]))
    assert [item.type_name for item in back] == ["ValueError", "Rude", "Odd", "KeyError", "SystemExit"]
    assert [item.message for item in back[:3]] == ["bad", "", "odd\nly"]
    assert type(back[2].message) is str
    assert len(back[3].message) == 500
    assert load(dump(back)) == back


def test_raised_is_frozen_and_equal_by_name():
    import copy
    import pickle

    raised = Raised("ValueError", "a")
    assert raised == Raised("ValueError", "b")
    assert raised != Raised("KeyError", "a")
    assert raised != ValueError("a")
    assert len({raised, Raised("ValueError", "b")}) == 1
    assert copy.deepcopy(raised).message == pickle.loads(pickle.dumps(raised)).message == "a"
    assert repr(raised) == "Raised('ValueError', 'a')" and str(raised) == "ValueError: a"
    assert str(Raised("ValueError")) == "ValueError" and str(Raised("E", "a\nb")) == "E: a b"
    with pytest.raises(AttributeError):
        raised.message = "c"
    with pytest.raises(AttributeError):
        del raised.message


def test_the_source_stands_alone():
    """What runs in the sandbox is made of Python alone, and the half that writes of one file."""
    trees = [ast.parse(inspect.getsource(module)) for module in (codec, decoder)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    ours = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert imported - {"numpy"} <= sys.stdlib_module_names
    assert ours <= {"__future__", "yunque.checks.inside.codec"}
    source = inspect.getsource(codec)
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(trees[0]))
    pasted = {}
    exec(source, pasted)
    assert load(pasted["dump"]({"a": (1, 2.5)})) == {"a": (1, 2.5)}
    assert load(pasted["dump"](ValueError("x"))) == Raised("ValueError")
