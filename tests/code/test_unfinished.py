"""What can still become code: every beginning of a program, and nothing else."""

import random
import sysconfig
import time
from pathlib import Path

import pytest

from yunque.code.python_ast import try_parse_python
from yunque.code.unfinished import can_become_valid


def test_every_beginning_of_a_program_can_become_one():
    chance = random.Random(1)
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")) + sorted(Path("src/yunque").rglob("*.py"))
    assert len(files) > 400
    for file in chance.sample(files, 150):
        text = file.read_text("utf-8")[:8000]
        for _ in range(8):
            beginning = text[: chance.randrange(len(text) + 1)]
            assert can_become_valid(beginning, "python"), (file, beginning[-80:])


def test_no_beginning_that_is_refused_can_be_mended():
    """By what a bracket, a colon or a word more could mend: of small programs with one character too many."""
    chance, refused = random.Random(2), 0
    program = "def f(a, b=1):\n    if a:\n        return {a: [b, 2]}\n    x = 'q' + f'{a}'\n    for i in a: pass\n"
    for _ in range(400):
        place = chance.randrange(len(program))
        text = program[:place] + chance.choice("()[]{}:=+ x'.,") + program[place : place + chance.randrange(12)]
        if not can_become_valid(text, "python"):
            refused += 1
            for end in (
                "",
                ")",
                "]",
                "}",
                ":",
                ": pass",
                " = 1",
                " in a: pass",
                "'",
                "', 1)",
                "x",
                ".x",
                "()",
                " else 1",
                " 1",
                "\n",
            ):
                assert try_parse_python(text + end) is None, (text, end)
    assert refused > 100


@pytest.mark.parametrize(
    "text",
    [
        "x = {**a, *", "x = f(*a, *", "x = a /", "x = a <",
        "", "x = (1,", "x = 1 +", "x = 1 if", "x = y if z el", "try:\n    x\nexc", "if x:\n    y\nelse",
        "with a as", "for x i",
        "from x imp", "x = 0x", "x = 1e-", "a !", "def f() -", "x = 'abc", "x = f'{a",
        'x = """a\nb', "x = (r'a'\n    r", "@a\n",
        "match x:\n    case", "x = 1 + \\", "x = 1 + \\\n  ", "def f():\n    x = 1  # it's",
        "x = a if b else 'it", "lambda *", "print(**",
        "class A:\n    def f(self):\n        return\n    ", "x = \"a\\", "f'{x!r", "async ", "x: in", "\ud800",
    ],
)  # fmt: skip
def test_what_only_ends_too_early(text):
    assert can_become_valid(text, "python")


@pytest.mark.parametrize(
    "text",
    [
        "x = a b", "x = y 'abc", "if x = ", "try:\n    x\ny", "@a\nx = ", "def f():\n    x = 1\n   y = ",
        "x = )", "f(a=1, b)",
        "{1: 2, 3}", "x = 1 +\n", "x = [1, 2)", "def f(:", "for x im", "return =",
        'print "a"', 'x = "abc\n', "x = 1\n    y = ",
        "else:", "x = y ''", "import a b", "def f(a, b=1, c)", "x = 'a' 'b' c.", "class A\n", "\x00",
    ],
)  # fmt: skip
def test_what_nothing_can_mend(text):
    assert not can_become_valid(text, "python")


def test_of_other_languages_brackets_alone():
    assert not can_become_valid("x = [1, 2)", "javascript") and can_become_valid("x = '(' + [1, 2", "javascript")
    assert can_become_valid("}", "go"), "the window may have begun below what it closes"
    assert can_become_valid("case x) ;; [1, 2)", "shell") and can_become_valid("x = [1, 2)", "klingon")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 199,
        "{1:" * 95,
        "f(a=" * 90,
        "({" * 90,
        "lambda:(" * 90,
        "[x for x in " * 80,
        "-" * 5000,
        "a." * 3000,
        'f"{' * 60,
    ],
)
def test_deep_nesting_takes_no_time(text):
    started = time.perf_counter()
    can_become_valid(text + "a b", "python")
    assert time.perf_counter() - started < 0.5
