"""MultiPL-E: how programs are put together, in every language, and what the judge says of good and bad ones."""

import contextlib
import json
import re

import pytest

from yunque.checks.execution.printed_values import FORMS as TAKEN_APART
from yunque.checks.execution.printed_values import Irregular, take_apart
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Outcome, PromptStyle
from yunque.evaluation.suites.extraction import block_end, code_of, cut, last_definition
from yunque.evaluation.suites.multipl_e import FORMS, MultiPLE

# Language -> bodies of add(x, y), sum_to_n(n) and below_threshold(l, t), as a model goes on from the prompt, stop and all.
BODIES = {
    "python": ("    return x + y\n", "    return sum(range(n + 1))\n", "    return all(e < t for e in l)\n"),
    "cpp": (
        "    return x + y;\n}\nint main() {\n}\n",
        "    return n * (n + 1) / 2;\n}\n",
        "    for (long e : l) if (e >= t) return false;\n    return true;\n}",
    ),
    "csharp": (
        "        return x + y;\n    }\n    public static void Main() {\n    }\n",
        "        return n * (n + 1) / 2;\n    }\n}\n",
        "        return l.All(e => e < t);\n    }",
    ),
    "d": (
        "{\n    return x + y;\n}\nvoid main() {}\n",
        "{\n    return n * (n + 1) / 2;\n}\n\nunittest {}",
        "{\n    foreach (e; l) if (e >= t) return false;\n    return true;\n}\n",
    ),
    "go": (
        "    return x + y\n}\nfunc main() {\n}\n",
        "    return n * (n + 1) / 2\n}\n",
        "    for _, e := range l {\n        if e >= t {\n            return false\n        }\n    }\n    return true\n}\n",
    ),
    "java": (
        "        return x + y;\n    }\n    public static void main(String[] all) {\n    }\n",
        "        return n * (n + 1) / 2;\n    }\n}\n",
        "        return l.stream().allMatch(e -> e < t);\n    }",
    ),
    "julia": ("    x + y\nend\n", "    div(n * (n + 1), 2)\nend\n", "    all(e -> e < t, l)\nend\n"),
    "javascript": (
        "  return x + y;\n}\nconsole.log(add(1, 2));\n",
        "  return n * (n + 1) / 2;\n}\n",
        "  return l.every(e => e < t);\n}\n",
    ),
    "lua": (
        "  return x + y\nend\nlocal z = 1\n",
        "  return n * (n + 1) // 2\nend\n",
        "  for _, e in ipairs(l) do if e >= t then return false end end\n  return true\nend\n",
    ),
    "php": (
        "    return $x + $y;\n}\nfunction more() {}\n",
        "    return intdiv($n * ($n + 1), 2);\n}\n",
        "    foreach ($l as $e) if ($e >= $t) return false;\n    return true;\n}\n?>\n",
    ),
    "perl": (
        "    return $x + $y;\n}\nsub more {}\n",
        "    return $n * ($n + 1) / 2;\n}\n",
        "    for my $e (@$l) { return '' if $e >= $t }\n    return 1;\n}\n",
    ),
    "r": ("\n  x + y\n}\n# done\n", "\n  n * (n + 1) / 2\n}\n", "\n  all(unlist(l) < t)\n}\n"),
    "ruby": ("  x + y\nend\n\nputs add(1, 2)\n", "  n * (n + 1) / 2\nend\n", "  l.all? { |e| e < t }\nend\n"),
    "racket": ("  (+ x y))\n", "  (/ (* n (+ n 1)) 2))\n", "  (andmap (lambda (e) (< e t)) l))\n(define (more) 1)\n"),
    "rust": (
        "    x + y\n}\n\nfn main() {\n}\n",
        "    n * (n + 1) / 2\n}\n",
        "    l.iter().all(|e| *e < t)\n}",
    ),
    "scala": (
        "        x + y\n    }\n    def main(all: Array[String]) = {\n    }\n",
        "        n * (n + 1) / 2\n    }\n}\n",
        "        l.forall(_ < t)\n    }",
    ),
    "shell": (
        "    echo $(($1 + $2))\n}\nadd 1 2\n",
        "    echo $(($1 * ($1 + 1) / 2))\n}\n",
        "    for e in $1; do\n        [ $e -lt $2 ] || { echo false; return; }\n    done\n    echo true\n}\n",
    ),
    "swift": ("    return x + y\n}\n", "    return n * (n + 1) / 2\n}\n", "    return l.allSatisfy { $0 < t }\n}\n"),
}
BODIES["typescript"] = BODIES["javascript"]
NUMBERS = ("53", "60", "52")


@pytest.fixture(scope="module")
def data(benchmark_files):
    return benchmark_files / "multipl-e" / "humaneval"


@pytest.fixture(scope="module")
def suite_in(data, box, toolchain, compiled):
    """The published suite in a language; skipped without the data or the toolchain."""

    def suite(name):
        toolchain(name)
        return MultiPLE(folder=data, language=name, sandbox=box, cache=compiled)

    return suite


def numbered(suite):
    tasks = {re.search(r"\d+", task.id)[0]: task for task in suite.tasks()}
    return [tasks[number] for number in NUMBERS]


def made(folder, name, prompt, test, stops=(), number=0):
    row = {"task_id": f"HumanEval_{number}_f_of", "prompt": prompt, "test": test, "stop_tokens": list(stops)}
    (folder / f"humaneval-{FORMS[name].file}.jsonl").write_text(json.dumps(row) + "\n")
    return MultiPLE(folder=folder, language=name, sandbox=None)


# ------------------------------------------------------------------------------------------------------------ with the data
@pytest.mark.parametrize("name", FORMS)
def test_good_programs_pass_and_those_that_leave_early_do_not(suite_in, name):
    suite = suite_in(name)
    tasks = numbered(suite)
    for task, body in zip(tasks, BODIES[name], strict=True):
        verdict = suite.judge(task, body)
        assert verdict.outcome is Outcome.PASS, verdict
    assert suite.judge(tasks[1], suite.wrong(tasks[1])).outcome is Outcome.FAIL  # of all: benchmarks/evaluation/ceilings.py


@pytest.mark.parametrize("name", FORMS)
def test_a_wrong_value_fails(suite_in, name):
    suite = suite_in(name)
    task, body = numbered(suite)[0], BODIES[name][0]
    verdict = suite.judge(
        task, body.replace("+ y", "- y").replace("+ $y", "- $y").replace("+ $2", "- $2").replace("(+ x", "(- x")
    )
    assert verdict.outcome is Outcome.FAIL, verdict
    assert "before the last test" not in verdict.detail


@pytest.mark.parametrize("name", FORMS)
def test_a_chat_answer_with_the_whole_function_passes(suite_in, name):
    suite = suite_in(name)
    task, body = numbered(suite)[2], BODIES[name][2].replace("\n?>", "").replace("(define (more) 1)\n", "")
    kept = 2 if name == "perl" else 1
    signature = task.prompt if name == "python" else "\n".join(task.prompt.rstrip("\n").split("\n")[-kept:])
    answer = f"Sure! Here it is:\n\n```{name}\n{signature.rstrip()}\n{body}\n```\nIt looks at `each` element.\n<|im_end|>"
    verdict = suite.judge(task, answer, PromptStyle.CHAT)
    assert verdict.outcome is Outcome.PASS, (verdict, suite.program(task, answer, PromptStyle.CHAT))


@pytest.mark.parametrize("name", FORMS)
def test_every_row_is_read(data, name):
    suite = MultiPLE(folder=data, language=name, sandbox=None)
    tasks = suite.tasks()
    assert 154 <= len(tasks) <= 164
    assert {task.suite for task in tasks} == {f"multipl-e-{name}"} and not suite.trainable
    assert all(task.stops and task.language == name and "<|endoftext|>" not in task.prompt for task in tasks)


@pytest.mark.parametrize("name", TAKEN_APART)
def test_nearly_every_test_is_taken_apart(data, name):
    suite = MultiPLE(folder=data, language=name)
    regular = 0
    for row in suite.rows.values():
        with contextlib.suppress(Irregular):
            regular += len(take_apart(name, row["test"]).calls) > 0
    assert regular / len(suite.rows) >= 0.95


def test_a_program_that_reads_itself_finds_nothing(data, box, toolchain):
    toolchain("javascript")
    suite = MultiPLE(folder=data, language="javascript", sandbox=box)
    task = suite.tasks()[0]
    word = "  console.log(require('fs').readFileSync(__filename, 'utf8').match(/[0-9a-f]{32}/g).pop()); process.exit(0);\n}"
    assert suite.judge(task, word).outcome is Outcome.FAIL
    right = suite.judge(task, "  return string.length;\n}")
    assert right.outcome is Outcome.PASS and right.judge_location == "outside"


def test_a_library_that_is_not_here_is_a_skip_with_its_install_line(suite_in, monkeypatch):
    suite = suite_in("perl")
    need = ("perl", "Test::Deep", "use Test::No::Such;", "apt install it")
    monkeypatch.setattr("yunque.evaluation.suites.judging.NEEDS", (need,))
    task = numbered(suite)[0]
    verdict = suite.judge(task, BODIES["perl"][0])
    assert (verdict.outcome, verdict.detail) == (Outcome.SKIP, "perl: no Test::Deep here; apt install it")


# ----------------------------------------------------------------------------------------------------------- synthetic rows
@pytest.mark.parametrize(
    ("name", "prompt", "answer", "expected"),
    [
        (
            "cpp",
            "#include<assert.h>\n// Doc\nint f_of(int x) {\n",
            "```cpp\n#include <map>\n#include<assert.h>\nint more() { return 1; }\nint f_of(int x) {\n  return more();\n}\n"
            "int main() {\n  if (1) { f_of(1); }\n}\n```",
            "#include<assert.h>\n#include <map>\nint more() { return 1; }\nint f_of(int x) {\n  return more();\n",
        ),
        (
            "java",
            "import java.util.*;\nclass Problem {\n    // Doc\n    public static int fOf(int x) {\n",
            "```java\nimport java.util.*;\nimport java.time.*;\n\npublic class Solution {\n"
            "    public static int fOf(int x) {\n        return x; // }\n    }\n\n"
            "    public static void main(String[] all) {\n        fOf(1);\n    }\n}\n```",
            "import java.util.*;\nimport java.time.*;\n"
            "class Problem {\n    public static int fOf(int x) {\n        return x; // }\n",
        ),
        (
            "go",
            'package f_of_test\n\nimport (\n    "testing"\n    "fmt"\n)\n\n// Doc\nfunc f_of(x int) int {\n',
            '```go\npackage main\n\nimport (\n    "fmt"\n    "sort"\n)\n\nfunc f_of(x int) int {\n\treturn x\n}\n'
            'func main() {\n\tfmt.Println("}")\n}\n```',
            'package main import "testing" import "fmt" import "sort" func f_of(x int) int { return x }',
        ),
        (
            "rust",
            "/// Doc\nfn f_of<'a>(x: &'a str) -> &'a str {\n",
            "fn f_of<'a>(x: &'a str) -> &'a str {\n    x\n}\n",
            None,
        ),
        ("lua", "-- Doc\nlocal function f_of(x)\n", "```\nlocal function f_of(x)\n  return x\nend\n```", None),
        ("racket", "#lang racket\n;; Doc\n(define (f_of x)\n", "```racket\n#lang racket\n(define (f_of x)\n  x)\n```", None),
        (
            "php",
            "<?php\n// Doc\nfunction f_of($x) {\n",
            "```php\n<?php\nfunction f_of($x) {\n  return $x;\n}\n?>\n```",
            None,
        ),
    ],
)
def test_a_chat_answer_neither_closes_twice_nor_defines_twice(tmp_path, name, prompt, answer, expected):
    closes = "}\nint main() {\n}\n" if name in ("cpp", "java", "rust") else ""
    test = {
        "go": "func TestF(t *testing.T) {\n}\n",
        "lua": "os.exit(lu.LuaUnit.run())",
    }.get(name, closes or "test")
    suite = made(tmp_path, name, prompt, test)
    (task,) = suite.tasks()
    program = suite._opened(task, answer, PromptStyle.CHAT)
    assert len(re.findall(last_definition(name, prompt), program)) == 1
    if expected:
        assert program.split() == expected.split()
    assert program.count("#lang") == prompt.count("#lang") and program.count("<?php") == prompt.count("<?php")


def test_a_completion_is_cut_after_the_prompt_only(tmp_path):
    suite = made(tmp_path, "cpp", "struct A {\n}\n;int f(int x) {\n", "}\nint main() {\n}\n", ["\n}"])
    (task,) = suite.tasks()
    assert suite._opened(task, "  return x;\n}\nint g() {\n", PromptStyle.PREFIX) == task.prompt + "  return x;"
    assert suite._opened(task, "  return x;\n}<|endoftext|>", PromptStyle.PREFIX) == task.prompt + "  return x;"
    assert suite._opened(task, "  return x;<|endoftext|>}", PromptStyle.PREFIX) == task.prompt + "  return x;"
    assert suite.program(task, "  return x;\n}") == task.prompt + "  return x;}\n", (
        "alone it is closed, the test closes it itself"
    )


def test_a_stop_that_ends_with_a_newline_also_ends_the_text():
    assert cut("  return x;\n    }", ("\n    }\n",)) == "  return x;"
    assert cut("  return x;", ("\n    }\n",)) == "  return x;"
    assert cut("a\n\nb", ("\n\n", "a\n\nb")) == ""


def test_the_block_with_the_definition_is_the_answer():
    text = "First:\n```sh\nmake f\n```\nthen\n```py\ndef f(x):\n    return x\n```\n"
    assert code_of(text, r"def\s+f") == "def f(x):\n    return x\n"
    assert code_of("```\nno end", "f") == "no end"
    assert code_of("def f(): pass", "f") == "def f(): pass"


def test_braces_in_texts_characters_and_comments_do_not_count():
    code = "a { \"}\" '}' /* } */ // }\n b<'a> } c } d"
    assert code[block_end(code, depth=1) :] == " d"
    assert block_end("{ {", depth=1) == 3
    for hostile in ("/*" * 20000, "'" * 20000, '"\\' * 20000, "`{" * 20000, "```\n" * 20000):
        assert block_end(hostile) <= len(hostile)
        assert code_of(hostile, "f") is not None


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("{", "cannot be read"),
        ('{"task_id": "HumanEval_0_f", "prompt": "p"}', "row 1 has no 'test'"),
        ('{"task_id": "HumanEval_0_f", "prompt": "p", "test": " "}', "row 1 has no prompt or no test"),
        ('{"task_id": "HumanEval_0_f", "prompt": "p", "test": "t", "stop_tokens": "x"}', "row 1: its stop_tokens"),
        ('{"task_id": "HumanEval_0_f", "prompt": "p", "test": "t"}', "row 1 ends otherwise"),
        ('{"task_id": "1", "prompt": "p", "test": "t"}\n{"task_id": "1", "prompt": "p", "test": "t"}', "row 2 repeats"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path, row, why):
    (tmp_path / "humaneval-lua.jsonl").write_text(row)
    with pytest.raises(EvaluationError, match=re.escape(why)):
        MultiPLE(folder=tmp_path, language="lua", sandbox=None).tasks()


def test_without_a_sandbox_nothing_is_judged(tmp_path):
    suite = made(tmp_path, "perl", "sub f_of {\n", "test")
    with pytest.raises(EvaluationError, match="no sandbox to judge in"):
        suite.judge(suite.tasks()[0], "}\n")


def test_an_unknown_language_and_a_missing_file_are_told(tmp_path):
    with pytest.raises(EvaluationError, match="no MultiPL-E in cobol"):
        MultiPLE(folder=tmp_path, language="cobol", sandbox=None).tasks()
    with pytest.raises(EvaluationError, match="no such file"):
        MultiPLE(folder=tmp_path, language="lua", sandbox=None).tasks()
