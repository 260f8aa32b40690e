"""HumanEvalPack: prompts and programs in six languages, and what the judge says of canonical and buggy bodies."""

import json

import pytest

from yunque.core.errors import EvaluationError
from yunque.core.nouns import Limits, Outcome, PromptStyle
from yunque.evaluation.suites.humanevalpack import FILES, KEYS, KINDS, LANGUAGES, Explained, HumanEvalPack

SAMPLE = (14, 96)  # of all tasks: benchmarks/evaluation/ceilings.py
LIMITS = Limits(wall_s=30, cpu_s=20)

# Language -> declaration, right body, wrong body, test, a statement that leaves early with status 0.
ROWS = {
    "python": (
        "def twice(x):\n",
        "    return 2 * x\n",
        "    return x\n",
        "def check(f):\n    assert f(2) == 4\ncheck(twice)",
        "",
    ),
    "javascript": (
        "const twice = (x) => {\n",
        "  return 2 * x;\n}\n",
        "  return x;\n}\n",
        "const testTwice = () => {\n  console.assert(twice(2) === 4)\n}\ntestTwice()\n",
        "  process.exit(0);\n}\n",
    ),
    "java": (
        "import java.util.*;\n\nclass Solution {\n    public int twice(int x) {\n",
        "        return 2 * x;\n    }\n}",
        "        return x;\n    }\n}",
        "public class Main {\n    public static void main(String[] args) {\n        Solution s = new Solution();\n"
        "        if (s.twice(2) != 4) {\n            throw new AssertionError();\n        }\n    }\n}\n",
        "        System.exit(0); return 4;\n    }\n}",
    ),
    "go": (
        "\nfunc Twice(x int) int {\n",
        "    return 2 * x\n}\n",
        "    return x\n}\n",
        "func TestTwice(t *testing.T) {\n    assert := assert.New(t)\n    assert.Equal(4, Twice(2))\n}\n",
        '```go\npackage main\n\nimport "os"\n\nfunc Twice(x int) int {\n\tos.Exit(0)\n\treturn 4\n}\n```\n',
    ),
    "cpp": (
        "#include<stdio.h>\nusing namespace std;\nint twice(int x){\n",
        "    return 2 * x;\n}\n",
        "    return x;\n}\n",
        "#undef NDEBUG\n#include<assert.h>\nint main(){\n    assert (twice(2) == 4);\n}\n",
        "    exit(0);\n}\n",
    ),
    "rust": (
        "\nuse std::collections::HashMap;\nuse rand::Rng;\nuse regex::Regex;\nuse md5;\n\nfn twice(x:i32) -> i32{\n",
        "    2 * x\n}\n",
        "    x\n}\n",
        "\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn test_twice() {\n"
        "        let drawn = rand::thread_rng().gen_range(0, 4);\n        assert!(drawn >= 0 && drawn < 4);\n"
        "        assert_eq!(twice(2), 4);\n    }\n}\n",
        "    std::process::exit(0)\n}\n",
    ),
}


def made(folder, name, sandbox=None, kind="fix", cache=None, **changes):
    declaration, right, wrong, test, _ = ROWS[name]
    row = {
        "task_id": "X/0",
        "prompt": declaration if name == "go" else f"DOC {declaration}",
        "declaration": declaration,
        "canonical_solution": right,
        "buggy_solution": wrong,
        "test": test,
        "entry_point": "Twice" if name == "go" else "twice",
        "docstring": "Twice the number.",
        "instruction": "Write it.",
        "import": "",
        "test_setup": 'package main\n\nimport (\n    "testing"\n    "github.com/stretchr/testify/assert"\n)\n',
    }
    row = {key: value for key, value in (row | changes).items() if value is not None}
    (folder / f"humanevalpack_{FILES.get(name, name)}.jsonl").write_text(json.dumps(row) + "\n")
    suite = Explained if kind == "explain" else HumanEvalPack
    return suite(folder=folder, kind=kind, language=name, sandbox=sandbox, limits=LIMITS, cache=cache)


# ------------------------------------------------------------------------------------------------------------ with the data
@pytest.fixture(scope="module")
def data(benchmark_files):
    return benchmark_files / "humanevalpack"


@pytest.mark.parametrize("name", LANGUAGES)
def test_canonical_bodies_pass_and_buggy_ones_fail(data, box, toolchain, compiled, name):
    toolchain(name)
    suite = HumanEvalPack(folder=data, kind="fix", language=name, sandbox=box, limits=LIMITS, cache=compiled)
    tasks = suite.tasks()
    assert len(tasks) == 164
    for task in (tasks[number] for number in SAMPLE):
        verdict = suite.judge(task, suite.canonical(task))
        assert verdict.outcome is Outcome.PASS, (task.id, verdict)
        assert suite.judge(task, suite.wrong(task)).outcome is Outcome.FAIL, task.id


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LANGUAGES)
def test_every_row_becomes_a_task(data, name, kind):
    suite = HumanEvalPack(folder=data, kind=kind, language=name, sandbox=None)
    tasks = suite.tasks()
    assert len({task.id for task in tasks}) == 164
    assert {task.suite for task in tasks} == {f"humanevalpack-{kind}-{name}"}
    assert all(task.prompt.endswith(("\n", " ")) for task in tasks)  # one row of Go ends with a blank


# ----------------------------------------------------------------------------------------------------------- synthetic rows
@pytest.mark.parametrize("name", ROWS)
def test_right_passes_wrong_fails_and_leaving_early_is_no_pass(box, toolchain, compiled, tmp_path, name):
    toolchain(name)
    suite = made(tmp_path, name, box, cache=compiled)
    (task,) = suite.tasks()
    declaration, right, wrong, _, early = ROWS[name]
    assert suite.judge(task, right).outcome is Outcome.PASS
    assert suite.judge(task, f"{right}\n\nint main() {{ return 1; }} }}<|endoftext|>").outcome is Outcome.PASS
    assert suite.judge(task, wrong).outcome is Outcome.FAIL
    if early:
        verdict = suite.judge(
            task, early, PromptStyle.CHAT if name == "go" else PromptStyle.PREFIX
        )  # a body imports nothing
        assert verdict.outcome is Outcome.FAIL and "before the last test" in verdict.detail
    closed = declaration.lstrip("\n") + right
    answer = f"Here:\n\n```\n{closed}\n```\nIt doubles `x`."
    verdict = suite.judge(task, answer, PromptStyle.CHAT)
    assert verdict.outcome is Outcome.PASS, (verdict, suite.program(task, answer, PromptStyle.CHAT))


def test_prompts_are_the_published_ones_with_their_last_newline(tmp_path):
    declaration, right, wrong, test, _ = ROWS["cpp"]
    asked = {kind: made(tmp_path, "cpp", kind=kind).tasks()[0].prompt for kind in KINDS}
    assert asked["fix"] == f"{declaration}{wrong}\n{test}\nFix bugs in twice.\n\n{declaration}"
    assert asked["synthesize"] == f"Write it.\n\nDOC {declaration}"
    wanted = "Provide a concise natural language description of the code using at most 17 characters."
    assert asked["explain"] == f"{declaration}{right}\n{wanted}\n"
    assert made(tmp_path, "rust").tasks()[0].prompt.startswith("fn main(){}\n")


def test_an_explanation_is_cut_and_loses_the_lines_of_the_function(tmp_path):
    body = "    int answer = 2 * x; return answer;\n}\n"
    suite = made(tmp_path, "cpp", kind="explain", canonical_solution=body, docstring="x" * 50)
    (task,) = suite.tasks()
    second = suite.follow_up(task, f" Do {body.splitlines()[0].strip()} and all that, {'very ' * 20}")
    order = "Write functional code in C++ according to the description."
    assert second.prompt == f"Do  and all that\n{order}\n\n{ROWS['cpp'][0]}" and second.id == task.id


@pytest.mark.parametrize("name", ["javascript", "java", "go", "cpp", "rust"])
def test_a_body_ends_where_its_last_block_does(tmp_path, name):
    suite = made(tmp_path, name)
    (task,) = suite.tasks()
    declaration, right = ROWS[name][:2]
    brace = right.replace("2 * x", 'g("}") /* } */').rstrip("\n")
    assert suite.program(task, f"{brace}\n\nmore {{\n}}\n") == declaration + brace
    assert suite.program(task, "no end") == declaration + "no end"


def test_helpers_behind_a_body_are_kept_when_they_are_named(tmp_path):
    suite = made(tmp_path, "rust")
    (task,) = suite.tasks()
    named = "    more(x)\n}\n\npub fn more(x: i32) -> i32 { least(x) }\nfn least(x: i32) -> i32 { x }"
    assert suite.program(task, f"{named}\nfn other() {{ }}\n") == ROWS["rust"][0] + named
    assert suite.program(task, "    more(x)\n}\nfn more(x: i32) {").endswith("more(x)\n}")


def test_go_imports_what_is_used(box, toolchain, compiled, tmp_path):
    toolchain("go")
    suite = made(tmp_path, "go", box, cache=compiled, **{"import": 'import (\n    "math"\n)\n'})
    (task,) = suite.tasks()
    assert suite.judge(task, "    // strings.Join\n    return 2 * x\n}\n").outcome is Outcome.PASS
    assert suite.judge(task, '    return x * len(strings.Fields("a b"))\n}\n').outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("name", "body", "why"),
    [
        ("rust", '    Regex::new("a").unwrap();\n    2 * x\n}\n', "no crate regex here"),
        ("rust", '    md5::compute("a");\n    2 * x\n}\n', "no crate md5 here"),
    ],
)
def test_a_library_that_the_task_needs_and_that_is_missing_is_a_skip(box, toolchain, compiled, tmp_path, name, body, why):
    needs = made(tmp_path, name, box, cache=compiled, canonical_solution=body)
    verdict = needs.judge(needs.tasks()[0], "    2 * x\n}\n")
    assert verdict.outcome is Outcome.SKIP and why in verdict.detail
    toolchain(name)
    plain = made(tmp_path, name, box, cache=compiled)  # an answer that only says so is no reason
    assert plain.judge(plain.tasks()[0], body).outcome is Outcome.FAIL


@pytest.mark.parametrize("key", KEYS)
def test_a_row_without_its_texts_is_named(tmp_path, key):
    with pytest.raises(EvaluationError, match=f"row 1 has no '{key}'"):
        made(tmp_path, "cpp", **{key: None}).tasks()
    if key != "task_id":
        with pytest.raises(EvaluationError, match=f"row 1 has no '{key}'"):
            made(tmp_path, "cpp", **{key: " "}).tasks()


def test_unknown_languages_and_kinds_are_told(tmp_path):
    with pytest.raises(EvaluationError, match="no HumanEvalPack in ruby"):
        HumanEvalPack(folder=tmp_path, kind="fix", language="ruby", sandbox=None).tasks()
    with pytest.raises(EvaluationError, match="of kind 'mend'"):
        HumanEvalPack(folder=tmp_path, kind="mend", language="cpp", sandbox=None).tasks()


def test_an_answer_that_names_a_missing_library_is_not_skipped_for_that(tmp_path, box, toolchain, compiled):
    toolchain("javascript")
    row = {
        "task_id": "JavaScript/0", "prompt": "/* doc */\nconst f = (x) => {\n", "declaration": "\nconst f = (x) => {\n",
        "canonical_solution": "  return x\n}\n\n", "buggy_solution": "  return 1\n}\n\n", "bug_type": "value",
        "failure_symptoms": "", "entry_point": "f", "import": "", "test_setup": "", "docstring": "doc",
        "test": "const t = () => {\n  console.assert(f(3) === 3)\n}\n\nt()\n", "example_test": "", "signature": "",
        "instruction": "Write f.",
    }  # fmt: skip
    (tmp_path / "humanevalpack_js.jsonl").write_text(json.dumps(row) + "\n")
    suite = HumanEvalPack(folder=tmp_path, kind="fix", language="javascript", sandbox=box, cache=compiled)
    (task,) = suite.tasks()
    assert suite.judge(task, row["canonical_solution"]).outcome is Outcome.PASS
    assert suite.judge(task, "  // js-md5\n" + row["buggy_solution"]).outcome is Outcome.FAIL
