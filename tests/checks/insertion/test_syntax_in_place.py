"""Texts at a cursor, marked ``|`` in code that people write; what must pass and what must not."""

import pytest

from yunque.checks.insertion.syntax_in_place import SyntaxInPlace
from yunque.core.nouns import Insertion, Outcome

PASS, FAIL, SKIP = Outcome.PASS, Outcome.FAIL, Outcome.SKIP


def judged(code, text, language="python"):
    before, _, after = code.partition("|")
    return SyntaxInPlace().judge_insertion(Insertion(before=before, text=text, after=after, language=language))


FILE = '''import os


class Stack:
    """A stack."""

    def push(self, item):
        |

    def pop(self):
        return self.items.pop()
'''


@pytest.mark.parametrize(
    ("code", "text", "outcome"),
    [
        (FILE, "self.items.append(item)", PASS),
        (FILE, "self.items.append(item))", FAIL),
        (FILE, "for each in item:", PASS),  # its body comes next
        (FILE, "try:", PASS),
        (FILE, "self.items = dict(", PASS),  # a call over several lines
        (FILE, "for each in item", FAIL),
        (FILE, "self.items.append(item)\n    return 3\n", PASS),
        (FILE, "self.items.append(item)\n      return 3\n", FAIL),  # an indentation that is not there
        (FILE, '"""Add an item.', PASS),
        (FILE, "def inner(:", FAIL),
        (FILE, "match item:", PASS),
        (FILE, "@staticmethod", PASS),
        (FILE, "else:", FAIL),
        ("x = foo(|)\n", "1, 2", PASS),
        ("x = foo(|)\n", "1, 2)", FAIL),
        ("x = foo(|)\n", "1 2", FAIL),
        ("x = [\n    1,\n    |\n    3,\n]\n", "2,", PASS),
        ("x = [\n    1,\n    |\n    3,\n]\n", "2", FAIL),
        ("if a:\n    b()\n|\n", "else:", PASS),
        ("def f(:\n|\nx = (\n", "y = 1", SKIP),  # what is around does not parse anyhow
        ("x = 1\n|", "", SKIP),
    ],
)
def test_python(code, text, outcome):
    verdict = judged(code, text)
    assert verdict.outcome is outcome, verdict.detail
    assert (verdict.findings != ()) == (outcome is FAIL) and verdict.took_ms > 0


@pytest.mark.parametrize(
    ("language", "code", "good", "bad"),
    [
        ("javascript", "function f(a) {\n  |\n}\n", "return a.map((x) => x + 1);", "return a.map((x) => x + 1;"),
        ("javascript", "function f(a) {\n  |\n}\n", "a.forEach((x) => {", "a.forEach(x) => > {"),
        ("typescript", "function f(a: number) {\n  |\n}\n", "const b: string = `${a}`;", "const b: = 3;"),
        ("go", "package p\n\nfunc f(a int) int {\n\t|\n}\n", "return a + 1", "return a + ) 1"),
        ("rust", "fn f(a: i32) -> i32 {\n    |\n}\n", "let b = a + 1;", "let = a + 1;"),
        ("java", "class A {\n  int f(int a) {\n    |\n  }\n}\n", "if (a > 1) {", "if a > 1) {"),
        ("c", "int f(int a) {\n  |\n}\n", "return a + 1;", "return a + ;"),
        ("ruby", "def f(a)\n  |\nend\n", "a.map { |x| x + 1 }", "a.map { |x| x + 1 ))"),
    ],
)
def test_other_languages(language, code, good, bad):
    code = code.replace("|", "\0", 1)  # Ruby has its own
    before, _, after = code.partition("\0")
    outcomes = [
        SyntaxInPlace().judge_insertion(Insertion(before=before, text=text, after=after, language=language)).outcome
        for text in (good, bad)
    ]
    assert outcomes == [PASS, FAIL]


def test_a_window_that_begins_and_ends_anywhere_is_judged_by_the_definition_around_the_cursor():
    long = "class A:\n" + "".join(
        f"    def f{n}(self, a):\n        '''It's {n}.'''\n        return [a, {n}]\n\n" for n in range(99)
    )
    place = long.index("return [a, 50]")
    for start, end in ((700, 300), (333, 77), (1000, 41), (90, 9)):
        window = long[place - start : place] + "|" + long[place + len("return [a, 50]") : place + end]
        assert judged(window, "return [a, 50]").outcome is PASS
        assert judged(window, "return [a, 50").outcome is PASS  # may go on below
        assert judged(window, "return [a, 50))").outcome in ((FAIL,) if start > 90 else (FAIL, SKIP))


def test_a_language_without_a_grammar_is_skipped():
    assert judged("|", "DISPLAY 'X'", "cobol").outcome is SKIP
    assert judged("|", "x = 1", "unknown").outcome is SKIP


def test_it_never_raises():
    for text in ("\0", "\ud800", "(" * 5000, "'" * 3000, "x\r\ny", "\f", "\\"):
        for language in ("python", "javascript", "rust"):
            judged("def f():\n    |\n", text, language)
