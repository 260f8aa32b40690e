import time
import warnings

import pytest

from yunque.checks.syntax import Syntax
from yunque.code.python_ast import is_newer
from yunque.core.nouns import Origin, Outcome, Record
from yunque.core.seams import Check

GOOD = {
    "python": "def f():\n    return 1\n",
    "javascript": "const f = async () => { await g(); };\n",
    "typescript": "function f(a: number): void {}\n",
    "tsx": "const a = <b>{c}</b>;\n",
    "java": "class A { int f() { return 1; } }\n",
    "go": "package p\nfunc f() int { return 1 }\n",
    "rust": "fn f() -> i32 { 1 }\n",
    "c": "int f(void) { return 1; }\n",
    "cpp": "template <class T> T f(T a) { return a; }\n",
    "php": "<?php function f(): int { return 1; }\n",
    "ruby": "def f(a) = a + 1\n",
    "shell": 'f() { echo "$1"; }\n',
    "solidity": "contract A { function f() public pure returns (uint) { return 1; } }\n",
}
BROKEN_ON_LINE_3 = {
    "python": "x = 1\n\ndef f(:\n    pass\n",
    "javascript": "let a = 1;\n\nlet = = 2;\n",
    "typescript": "let a = 1;\n\nlet = = 2;\n",
    "tsx": "let a = 1;\n\nlet = = 2;\n",
    "java": "class A {\n\n int f( { return 1; } }\n",
    "go": "package p\n\nfunc f( int { return 1 }\n",
    "rust": "fn g() {}\n\nfn f( -> i32 { 1 }\n",
    "c": "int x;\n\nint f(void { return 1; }\n",
    "cpp": "int x;\n\nint f(void { return 1; }\n",
    "php": "<?php\n\nfunction f( { return 1; }\n",
    "ruby": "x = 1\n\nf(1, ))\n",
    "shell": "x=1\n\nif x; then ; fi )\n",
    "solidity": "contract A {\n\n function f( public { } }\n",
}


def judge(text: str, language: str = "python"):
    origin = Origin(source="s", path="p", revision="r", licence="MIT", collected_at="")
    return Syntax().judge(Record(id="1", text=text, language=language, origin=origin))


def test_it_is_a_check():
    assert isinstance(Syntax(), Check)


@pytest.mark.parametrize("language", GOOD)
def test_text_that_parses_passes(language):
    verdict = judge(GOOD[language], language)
    assert (verdict.check, verdict.outcome, verdict.findings) == ("syntax", Outcome.PASS, ())


@pytest.mark.parametrize("language", BROKEN_ON_LINE_3)
def test_text_that_does_not_parse_fails_with_its_line(language):
    verdict = judge(BROKEN_ON_LINE_3[language], language)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.findings[0].line == 3
    assert "line 3" in verdict.detail


def test_unknown_language_is_skipped_not_passed():
    verdict = judge("anything", "klingon")
    assert verdict.outcome is Outcome.SKIP
    assert "klingon" in verdict.detail


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "-" * 100_000 + "1",
        "a" + ".b" * 50_000,
        "lambda:" * 50_000 + "1",
        "x = 1\x00",
        "x = '\ud800'",
        "\r\x0c\\",
    ],
    ids=["brackets", "unary", "attributes", "lambdas", "nul", "surrogate", "continuation"],
)
def test_hostile_text_fails_and_never_raises(text):
    assert judge(text).outcome is Outcome.FAIL


def test_deep_and_odd_text_in_another_language_does_not_raise():
    for text in ["{" * 10_000, "\x00", "\ud800", ""]:
        assert judge(text, "javascript").outcome in (Outcome.PASS, Outcome.FAIL)


def test_byte_order_mark_and_empty_text_parse():
    assert judge("\ufeffx = 1\n").outcome is Outcome.PASS
    assert judge("").outcome is Outcome.PASS


def test_warnings_about_the_text_stay_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert judge('x = "\\d"\ny = 1 is 1\n').outcome is Outcome.PASS


def test_findings_are_capped():
    assert 1 <= len(judge("let = = 2;\n" * 500, "javascript").findings) <= 20


NEWER = [
    "type X = int\n", "def f[T](x: T) -> T: return x\n", "class A[T: int, *Ts, **P](B[T]): pass\n",
    "def f[T = int](x: T): pass\n", "x = f'{y['a']}'\n", 'x = f"{", ".join(f"{a}" for a in b)}"\n',
    'x = f"{"\\n".join(a)}"\n', "x = f'{\n  y  # why\n}'\n", 'x = t"Hello {name}"\n',
]  # fmt: skip
OLDER = [
    "print 'x'\n",
    "x = f'{}'\n",
    "x = f'{y' \n",
    "x = f'{y}' +\n",
    "def f[](): pass\n",
    "type X =\n",
    "try:\n  x\nexcept A, B:\n  y\n",
]


@pytest.mark.parametrize("text", NEWER)
def test_what_a_newer_python_reads_is_skipped_and_not_dropped(text):
    assert is_newer(text)
    verdict = judge(text)
    assert verdict.outcome in (Outcome.SKIP, Outcome.PASS)  # PASS where the Python that runs reads it
    assert verdict.outcome is Outcome.PASS or "newer than Python 3." in verdict.detail


@pytest.mark.parametrize("text", OLDER)
def test_what_no_newer_python_reads_fails(text):
    assert not is_newer(text) and judge(text).outcome is Outcome.FAIL


def test_newer_syntax_is_looked_for_in_linear_time():
    started = time.perf_counter()
    assert not is_newer('f"{x}"\n' * 50_000 + "(")
    assert time.perf_counter() - started < 5
