"""Other expectations: only literals that a test compares with change, and nothing else of the file."""

import ast
import random
import re

import pytest

from yunque.checks.execution.expectations import change, change_doctests, change_others

SOURCE = """import unittest
from m import f

CONSTANT = 5


def test_number():
    assert f(1) == 12, "é"
    assert -3 == f(2)  # kept


def test_text():
    assert f('é') == "añb"
    assert f(0) is None


def test_shapes():
    assert f(1) == [1, (2, {"k": 3})]


def test_truth():
    assert f(1)
    assert not f(
        0
    )


def test_nothing():
    f(1)


class TestMore(unittest.TestCase):
    def test_method(self):
        self.assertEqual(f(1), 7)
        self.assertTrue(f(2))
"""
PLACES = [
    ("test_number",),
    ("test_text",),
    ("test_shapes",),
    ("test_truth",),
    ("test_nothing",),
    ("TestMore", "test_method"),
]


def bare(text):
    """A text without the contexts that comparisons are put into."""
    text = re.sub(r'with __import__\("yunque_probe"\)\.soft\([0-9]+\): ', "", text)
    return re.sub(r'__import__\("yunque_probe"\)\.soft\([0-9]+\), ', "", text)


def differing(before, after):
    """The lines that differ, as they were and as they are."""
    after = bare(after)
    pairs = list(zip(before.splitlines(), after.splitlines(), strict=True))
    return {old.strip(): new.strip() for old, new in pairs if old != new}


def test_comparisons_with_literals_change_and_nothing_else():
    lines = {
        'assert f(1) == 12, "é"', "assert -3 == f(2)  # kept", "assert f('é') == \"añb\"", "assert f(0) is None",
        'assert f(1) == [1, (2, {"k": 3})]', "self.assertEqual(f(1), 7)",
    }  # fmt: skip
    text, changed = change(SOURCE, PLACES, random.Random(1))
    assert set(changed) == {place for place in PLACES if place not in (("test_nothing",), ("test_truth",))}
    ast.parse(text)
    assert set(differing(SOURCE, text)) == lines
    assert changed["test_number",] == {8, 9} and sum(map(len, changed.values())) == len(lines)


def test_only_the_lines_that_are_asked_for_change_and_all_are_noted():
    text, changed = change(SOURCE, PLACES, random.Random(1), {9})
    assert changed == {("test_number",): {9}} and set(differing(SOURCE, text)) == {"assert -3 == f(2)  # kept"}
    text, changed = change(SOURCE, PLACES, random.Random(1), set())
    assert changed == {} and differing(SOURCE, text) == {} and text.count("soft(") == 6


WRAPPED = """def test():
    assert f(0) == 10; assert f(1) == 20
    for n in 1, 2: assert f(n) == 30
    with pytest.raises(ValueError) as error, other:
        assert f() == 40
    with (pytest.raises(ValueError), other): f()
    try:
        assert f() == 50
    except AssertionError: pass
    try:
        assert f() == 60
    finally: f(); assert f() == 70
    if f(): self.assertEqual(f(), 80)
    else: raises(ValueError, f)
    assert (f() ==
        90)
"""


def test_what_compares_goes_on_wherever_it_stands():
    """But not where somebody waits for its failure, or behind another statement."""
    text, changed = change(WRAPPED, [("test",)], random.Random(1))
    ast.parse(text)
    assert changed == {("test",): {2, 3, 4, 6, 11, 13, 14, 15}}
    assert {kept for kept in (" == 20", " == 40", " == 50", " == 70") if kept in text} == {
        " == 20",
        " == 40",
        " == 50",
        " == 70",
    }
    assert not any(gone in text for gone in (" == 10;", " == 30", " == 60", ", 80)", "ValueError"))


@pytest.mark.parametrize(
    ("expected", "other"),
    [
        *(("[]", "[0]"), ("()", "(0,)"), ("{}", "{0: 0}"), ("[[]]", "[0]")),
        *(("pytest.approx(1.5, abs=2)", None), ("approx([1])", None)),
    ],
)
def test_empty_and_approximate_expectations(expected, other):
    text, changed = change(f"def test():\n    assert f() == {expected}\n", [("test",)], random.Random(1))
    found = text.partition("== ")[2].strip()
    assert changed and found != expected and (other is None or found == other)
    assert not other or ast.literal_eval(found) != ast.literal_eval(expected)
    assert ("abs=2" in expected) is ("abs=2" in found)


def test_all_that_other_tests_expect_changes():
    found = differing(SOURCE, change_others(SOURCE, [("TestMore", "test_method")], random.Random(1)))
    assert len(found) == 5 and "self.assertEqual(f(1), 7)" not in found
    assert differing(SOURCE, change_others(SOURCE, PLACES, random.Random(1))) == {}
    assert change_others("def test(:", [], random.Random(1)) == "def test(:"


@pytest.mark.parametrize("seed", range(20))
def test_what_is_expected_is_another_value_of_its_kind(seed):
    text, _ = change("def test():\n    assert f() == [1, 2.5, 'a', b'b', (True, None)]\n", [("test",)], random.Random(seed))
    value = ast.literal_eval(text.partition("== ")[2].strip())
    assert value != [1, 2.5, "a", b"b", (True, None)] and len(value) == 5
    assert text != change("def test():\n    assert f() == 'a'\n", [("test",)], random.Random(seed))[0]


@pytest.mark.parametrize("source", ["def test(:", "x" * 10 + "\0", "(" * 10_000, "def other():\n    assert f() == 1\n"])
def test_what_holds_no_such_test_stays(source):
    assert change(source, [("test",), ("Test", "test")], random.Random(1)) == (source, {})


NAMED = """import pytest
from m import f

ROWS = [1, 2]


@pytest.mark.parametrize("given, expected", [(1, "one"), pytest.param(2, "two", id="second"), (3, g())])
def test_rows(given, expected):
    assert f(given) == expected


@pytest.mark.parametrize(("expected", "given"), [[4, 2], [9, 3]])
def test_lists(expected, given):
    assert f(given) == expected


@pytest.mark.parametrize("expected", [5, 6])
def test_one(expected):
    assert expected == f()


def test_loop():
    for given, expected in [(1, 10), (2, 20)]:
        assert f(given) == expected


def test_assigned():
    expected = {"a": 1}
    other = 3
    other += 1
    assert f() == expected
    assert f(1) == other


def test_raises():
    with pytest.raises(ValueError, match="no"):
        f(-1)
"""


def test_names_that_stand_for_literals_lead_to_them():
    names = ["test_rows", "test_lists", "test_one", "test_loop", "test_assigned", "test_raises"]
    _, changed = change(NAMED, [(name,) for name in names], random.Random(1))
    assert [name for (name,) in changed] == names
    assert len(differing(NAMED, change(NAMED, [(name,) for name in names], random.Random(1))[0])) == 6
    text = change_others(NAMED, [], random.Random(1))
    differ = differing(NAMED, text)
    assert len(differ) == 6
    assert 'pytest.param(2, "two", id="second"), (3, g())' not in text and 'id="second"), (3, g())' in text
    (lists,) = (new for old, new in differ.items() if "[[4, 2], [9, 3]]" in old)
    assert ", 2], [" in lists and ", 3]]" in lists and "[4," not in lists and "[9," not in lists
    assert "other = 3" in text and '"a": 1' not in text
    assert any("pytest.raises(" in new and "ValueError" not in new and 'match="no"' in new for new in differ.values())


DOCUMENTED = '''"""A module.

>>> f(2)
6
"""


def f(x):
    """Three times.

    >>> f(2)
    6
    >>> f("a")
    'aaa'
    >>> f(None)
    Traceback (most recent call last):
      ...
    TypeError: no
    >>> y = f(1)
    >>> bool(y)
    True
    """
    return 3 * x


class C:
    def m(self):
        "A text on\\\\none line: >>> 1"

    def n(self):
        r"""Raw.

        >>> print(1)
        1
        """
'''


def test_what_doctests_show_changes_and_nothing_else():
    text, changed = change_doctests(DOCUMENTED, [("f",), ("C", "n"), ("C", "m"), ("g",)], random.Random(1))
    assert changed == {("f",): {2, 4, 6, 11}, ("C", "n"): {2}}
    before, after = DOCUMENTED.splitlines(), text.splitlines()
    differ = [old.strip() for old, new in zip(before, after, strict=True) if old != new]
    assert differ == ["6", "'aaa'", "TypeError: no", "True", "1"]
    assert change_doctests(DOCUMENTED, [()], random.Random(1))[0].splitlines()[3] != "6"
    assert change_doctests("def f(:", [("f",)], random.Random(1)) == ("def f(:", {})


def test_tests_of_base_classes_change_where_they_stand():
    text = "class Base:\n    def test_a(self):\n        assert f() == 1\n\nclass Mid(Base, Other): pass\n\n"
    text += "class TestIt(Mid): pass\n"
    changed, found = change(text, [("TestIt", "test_a"), ("TestIt", "test_b")], random.Random(1))
    assert found == {("TestIt", "test_a"): {3}} and "f() == 1\n" not in changed
    loop = "class A(B): pass\nclass B(A): pass\n"
    assert change(loop, [("A", "test_a")], random.Random(1)) == (loop, {})
