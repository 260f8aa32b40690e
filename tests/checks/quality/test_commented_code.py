"""Commented-out code: exact places, real code, and no prose."""

from __future__ import annotations

import pytest

from yunque.checks.canaries import canary
from yunque.checks.quality.commented_code import CommentedOutCode
from yunque.core.nouns import Outcome


def judge(check, text, language="python"):
    return check.judge(canary(text, language).record)


def cut(verdict, text):
    data = text.encode()
    return [data[slice(*one.span_bytes)].decode() for one in verdict.findings]


@pytest.mark.parametrize(
    "code", ["y = f(2)", "import os", "if a:\n#     b(a)", "print('a')", "return a + b", "else:\n#     c = 1", "for a in b:"]
)
def test_commented_out_python(code):
    text = f"x = 'ñ'\n# {code}\nz = 1\n"
    assert cut(judge(CommentedOutCode(), text), text) == [f"# {code}"]


@pytest.mark.parametrize(
    "prose",
    [
        *(
            "see foo",
            "x = 3 means that it is off",
            "foo()",
            "note: this",
            "return the sum",
            "TODO: fix",
            "if it fails, try again:",
        ),
        *(
            "type: ignore",
            "noqa",
            "a, b and c",
            "pylint: disable=all",
            "http://a.b/c",
            "for example:\n#     f(a, b)",
            "",
            "-----",
        ),
    ],
)
def test_prose_is_no_code(prose):
    assert judge(CommentedOutCode(), f"x = 1\n# {prose}\nz = 1\n").outcome is Outcome.PASS


def test_commented_out_in_other_languages():
    text = "int a;\n// int b = f(a);\n// see int; it is a type\n/** f(a); */\n/* g(a); */\n"
    assert cut(judge(CommentedOutCode(), text, "c"), text) == ["// int b = f(a);", "/* g(a); */"]
    assert judge(CommentedOutCode(), "x", "cobol").outcome is Outcome.SKIP
