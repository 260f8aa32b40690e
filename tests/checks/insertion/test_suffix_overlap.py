"""What stands behind the cursor, said again."""

import pytest

from yunque.checks.insertion.in_place import InPlace
from yunque.checks.insertion.suffix_overlap import ClosesTwice, RepeatsSuffix, num_closed_twice
from yunque.checks.privacy.secrets import Secrets
from yunque.core.nouns import Insertion, Outcome
from yunque.core.seams import InsertionCheck


def put(code, text, language="python"):
    before, _, after = code.partition("|")
    return Insertion(before=before, text=text, after=after, language=language)


@pytest.mark.parametrize(
    ("code", "text", "rule", "line"),
    [
        ("def f(a):\n    |\n    return a\n", "a += 1\n    return a", "repeated-lines", 2),
        ("def f(a):\n    |\n    b()\n    return a\n", "a += 1\n\n    b()\n    return a\n", "repeated-lines", 3),
        ("x = |\ny = 2\n", "1\ny = 2", "repeated-lines", 2),
        ("x = foo(|, beta=2)\n", "alpha=1, beta=2)", "repeated-rest", 1),
        ("|\n    return a\n", "    return a", "repeated-lines", 1),
        ("    ret|\n    return a\n", "urn a", "repeated-lines", 1),
    ],
)
def test_what_is_said_again(code, text, rule, line):
    verdict = RepeatsSuffix().judge_insertion(put(code, text))
    assert verdict.outcome is Outcome.FAIL
    assert [(finding.rule, finding.line) for finding in verdict.findings] == [(rule, line)]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("def f(a):\n    |\n    return a\n", "a += 1"),
        ("x = [|]\n", "[]"),  # brackets alone are not a repetition
        ("if a:\n    |\n}\n", "b()\n}"),  # one bracket may stand twice
        ("    return a\n|\n    return b\n", "    return a"),
    ],
)
def test_what_is_not(code, text):
    assert RepeatsSuffix().judge_insertion(put(code, text)).outcome is Outcome.PASS


def test_nothing_behind_the_cursor_is_a_skip():
    assert RepeatsSuffix().judge_insertion(put("x = |", "1")).outcome is Outcome.SKIP


@pytest.mark.parametrize(
    ("code", "text", "number"),
    [
        ("x = foo(|)\n", "1)", 1),
        ("x = foo(bar(|))\n", "1))", 2),
        ("x = foo(|)\n", "bar(1)", 0),
        ("x = foo(|\n", "1)", 0),
        ("x = foo(a[|])\n", "1]", 1),
        ("x = foo('|)')\n", "1)", 0),  # in a string
        ("x = (\n    |)\n", "1)", 1),
        ("}|)\n", "1", 0),
    ],
)
def test_a_bracket_is_closed_once(code, text, number):
    assert num_closed_twice(put(code, text)) == number
    outcome = ClosesTwice().judge_insertion(put(code, text)).outcome
    assert outcome is (Outcome.FAIL if number else Outcome.PASS)


def test_any_check_can_be_asked_in_place_and_speaks_of_the_text_alone():
    check = InPlace(Secrets())
    assert isinstance(check, InsertionCheck) and check.name == "secrets"
    key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    found = check.judge_insertion(put("def f():\n    |\n", f"x = 1\n    token = '{key}'"))
    assert found.outcome is Outcome.FAIL and found.findings[0].line == 2 and key not in repr(found)
    assert check.judge_insertion(put(f"token = '{key}'\n|\n", "x = 1")).outcome is Outcome.PASS, "it was there before"
    assert check.judge_insertion(put("password = |\n", "'kT9#vLq2x!Zp7Rw4'")).outcome is Outcome.FAIL, "by its name before"
