"""Marked code: the whole of what is marked, and no word of it elsewhere."""

from __future__ import annotations

from yunque.checks.canaries import canary
from yunque.checks.deprecation.deprecated import Deprecated


def judge(check, text, language="python"):
    return check.judge(canary(text, language).record)


def test_the_marked_function_is_cut_out():
    text = "x = 'ñ'\n@deprecated('a')\ndef f(a):\n    return a\n\ndef g(a):\n    return a\n"
    (finding,) = judge(Deprecated(), text).findings
    assert text.encode()[slice(*finding.span_bytes)].decode() == "@deprecated('a')\ndef f(a):\n    return a"
    java = "class A {\n  @Deprecated\n  int f() { return 1; }\n  int g() { return 2; }\n}\n"
    (finding,) = judge(Deprecated(), java, "java").findings
    assert java[slice(*finding.span_bytes)] == "@Deprecated\n  int f() { return 1; }"


def test_a_string_marks_nothing():
    assert judge(Deprecated(), "x = '@deprecated'\ndef f(a):\n    return DeprecationWarning\n").values["marked"] <= 1
