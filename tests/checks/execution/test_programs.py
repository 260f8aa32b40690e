"""Whole programs by their output, and by their own tests; leaving with status 0 before the tests passes in no language."""

import pytest

from yunque.checks.execution.programs import ENDINGS, OwnTests, with_ending
from yunque.core.nouns import Limits, Origin, Outcome, Record
from yunque.sandbox.languages.table import RUNTIMES

ORIGIN = Origin(source="test", path="main", revision="", licence="unknown", collected_at="")
LIMITS = Limits(wall_s=20, cpu_s=20)

# Language -> (a function, what leaves with status 0, a test that holds, a test that does not). {} is where they stand.
PROGRAMS = {
    "python": ("def f(x):\n    {leave}\n    return x + 1\n{test}", "import os; os._exit(0)", "assert f(1) == {n}"),
    "javascript": (
        "function f(x) {{ {leave} return x + 1 }}\nconst assert = require('assert');\n{test}",
        "process.exit(0);",
        "assert.equal(f(1), {n});",
    ),
    "typescript": (
        "function f(x: number): number {{ {leave} return x + 1 }}\nconst assert = require('assert');\n{test}",
        "process.exit(0);",
        "assert.equal(f(1), {n});",
    ),
    "java": (
        "class Main {{ static int f(int x) {{ {leave} return x + 1; }}\n"
        "public static void main(String[] a) {{ {test} }}\n}}",
        "System.exit(0);",
        "assert f(1) == {n};",
    ),
    "c": (
        "#include <assert.h>\n#include <stdlib.h>\nint f(int x) {{ {leave} return x + 1; }}\nint main() {{ {test} }}",
        "exit(0);",
        "assert(f(1) == {n});",
    ),
    "cpp": (
        "#include <cassert>\n#include <cstdlib>\nint f(int x) {{ {leave} return x + 1; }}\nint main() {{ {test} }}",
        "std::_Exit(0);",
        "assert(f(1) == {n});",
    ),
    "csharp": (
        "using System.Diagnostics; class P {{ static int f(int x) {{ {leave} return x + 1; }}\n"
        "static void Main() {{ {test} }}\n}}",
        "System.Environment.Exit(0);",
        "Debug.Assert(f(1) == {n});",
    ),
    "go": (
        'package main\nimport "os"\nfunc f(x int) int {{ {leave}; return x + 1 }}\nfunc main() {{ {test} }}',
        "os.Exit(0)",
        "if f(1) != {n} {{ os.Exit(1) }}",
    ),
    "rust": (
        "fn f(x: i32) -> i32 {{ {leave} x + 1 }}\nfn main() {{ {test} }}",
        "std::process::exit(0);",
        "assert_eq!(f(1), {n});",
    ),
    "php": ("<?php\nfunction f($x) {{ {leave} return $x + 1; }}\n{test}", "exit(0);", "assert(f(1) === {n});"),
    "ruby": ("def f(x)\n  {leave}\n  x + 1\nend\n{test}", "exit!(0)", "raise 'no' unless f(1) == {n}"),
    "perl": ("use POSIX; sub f {{ {leave} return $_[0] + 1 }}\n{test}", "POSIX::_exit(0);", "die unless f(1) == {n};"),
    "lua": ("function f(x) {leave} return x + 1 end\n{test}", "if x then os.exit(0) end", "assert(f(1) == {n})"),
    "r": ("f <- function(x) {{ {leave}; x + 1 }}\n{test}", "quit(status = 0)", "stopifnot(f(1) == {n})"),
    "shell": ("f() {{ {leave}; R=$(($1 + 1)); }}\nf 1\n{test}", "exit 0", '[ "$R" = {n} ] || exit 1'),
    "scala": (
        "object Main {{ def f(x: Int): Int = {{ {leave}; x + 1 }}\n"
        "def main(a: Array[String]): Unit = {{ {test} }}\n}}",
        "sys.exit(0)",
        "assert(f(1) == {n})",
    ),
    "d": (
        "import core.stdc.stdlib; int f(int x) {{ {leave} return x + 1; }}\nvoid main() {{ {test} }}",
        "_Exit(0);",
        "assert(f(1) == {n});",
    ),
    "racket": (
        "#lang racket/base\n(define (f x) {leave} (+ x 1))\n{test}",
        "(exit 0)",
        "(unless (= (f 1) {n}) (error \"no\"))",
    ),
}  # fmt: skip


def record(name, text):
    return Record(id="r", text=text, language=name, origin=ORIGIN)


def program(name, *, leaves=False, right=True):
    text, leave, test = PROGRAMS[name]
    nothing = {"python": "pass", "go": "_ = os.Args", "r": "NULL", "shell": ":", "scala": "()", "racket": ""}.get(name, "")
    return text.format(leave=leave if leaves else nothing, test=test.format(n=2 if right else 3))


@pytest.mark.parametrize("name", PROGRAMS)
def test_tests_of_their_own(box, toolchain, compiled, name):
    toolchain(name)
    judge = OwnTests(sandbox=box, limits=LIMITS, cache=compiled)
    right = judge.judge(record(name, program(name)))
    assert right.outcome is Outcome.PASS, right
    assert "in the program's own process, which could forge it" in right.detail and right.judge_location == "in-process"
    wrong = judge.judge(record(name, program(name, right=False)))
    assert (wrong.outcome, wrong.findings[0].rule) == (Outcome.FAIL, "failed"), wrong
    left = judge.judge(record(name, program(name, leaves=True, right=False)))
    assert (left.outcome, left.findings[0].rule) == (Outcome.FAIL, "no-end"), left


def test_every_language_has_an_ending_or_cannot_run():
    runnable = {row.name for row in RUNTIMES if row.run or row.warm}
    assert set(ENDINGS) == runnable


@pytest.mark.parametrize(
    ("name", "source", "ended"),
    [
        ("cpp", "int main() {\n  f();\n}\n", 'int main() {\n  f();\n__builtin_puts("W");\n}\n'),
        ("java", "class M { void main() { f(); } }", 'class M { void main() { f();\nSystem.out.println("W"); } }'),
        ("php", "<?php f();\n?>\n", '<?php f();\necho "W\\n";\n'),
        ("lua", "f()\n\n", 'f()\nprint("W")\n'),
        ("cpp", "int x;", None),
        ("solidity", "contract C {}", None),
    ],
)
def test_where_the_word_goes(name, source, ended):
    assert with_ending(source, name, "W") == ended


def test_a_program_without_a_place_for_the_word_is_an_error(box):
    assert OwnTests(sandbox=box).judge(record("cpp", "int x;")).outcome is Outcome.ERROR


def test_what_does_not_compile_and_what_is_missing(box, toolchain, compiled, tmp_path, monkeypatch):
    toolchain("c")
    judge = OwnTests(sandbox=box, limits=LIMITS, cache=compiled)
    broken = judge.judge(record("c", "int main() { nonsense }"))
    assert (broken.outcome, broken.findings[0].rule) == (Outcome.FAIL, "does-not-compile")
    assert "error" in broken.findings[0].message
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = judge.judge(record("c", "int main() { }"))
    assert missing.outcome is Outcome.SKIP and "apt install" in missing.detail
