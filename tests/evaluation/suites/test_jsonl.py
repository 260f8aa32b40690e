"""A JSON Lines file of one's own: judged by tests or by a reference, and every bad row is one line that names it."""

import json

import pytest

from yunque.core.errors import EvaluationError
from yunque.core.nouns import Outcome, PromptStyle
from yunque.core.seams import JudgedSuite, MeasuredSuite
from yunque.evaluation.suites.jsonl import KEYS, open_jsonl

TWICE = {
    "id": "twice",
    "prompt": 'def twice(number):\n    """Two times a number."""\n',
    "tests": ["assert twice(2) == 4", "assert twice(-1) == -2"],
    "canonical": "    return 2 * number\n",
}
COMPARED = {"id": "line", "prompt": "x = ", "reference": "compute(1)", "stops": ["\n"]}


def made(folder, *rows, sandbox=None, **named):
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return open_jsonl(path, sandbox, **named)


def one(folder, row, sandbox=None):
    suite = made(folder, row, sandbox=sandbox)
    return suite, suite.tasks()[0]


# ------------------------------------------------------------------------------------------------------------------ judging
def test_python_rows_are_judged_outside(box, tmp_path):
    suite, task = one(tmp_path, TWICE, box)
    right = suite.judge(task, suite.canonical(task))
    assert right.outcome is Outcome.PASS and "outside" in right.detail
    assert suite.judge(task, "    return number\n").outcome is Outcome.FAIL
    assert suite.judge(task, suite.wrong(task)).outcome is Outcome.FAIL
    assert suite.wrong(task) == ""


def test_a_check_is_given_its_entry(box, tmp_path):
    check = "def check(candidate):\n    assert candidate(3) == 6\n"
    suite, task = one(tmp_path, {**TWICE, "tests": check, "entry": "twice"}, box)
    assert suite.judge(task, "    return 2 * number").outcome is Outcome.PASS
    assert suite.judge(task, "    return 6 * number").outcome is Outcome.FAIL
    called, task = one(tmp_path, {**TWICE, "tests": f"{check}\ncheck(twice)\n"}, box)
    assert called.judge(task, "    return 2 * number").outcome is Outcome.PASS
    assert called.judge(task, "    return 6 * number").outcome is Outcome.FAIL
    plain, task = one(tmp_path, {**TWICE, "entry": "twice"}, box)  # asserts call it themselves
    assert plain.judge(task, "    return 2 * number").outcome is Outcome.PASS


def test_a_test_that_hands_over_a_function_is_called_back(box, tmp_path):
    tests = "def double(one):\n    return 2 * one\n\n\nassert twice(double, 3) == 12\n"
    row = {"id": 1, "prompt": "def twice(act, number):\n", "tests": tests}
    suite, task = one(tmp_path, row, box)
    right = suite.judge(task, "    return act(act(number))\n")
    assert right.outcome is Outcome.PASS and right.judge_location == "apart"
    assert suite.judge(task, "    return act(number)\n").outcome is Outcome.FAIL


@pytest.mark.parametrize("alias", ["javascript", "JS"])
def test_other_languages_run_with_their_tests_behind_them(box, toolchain, tmp_path, alias):
    toolchain("javascript")
    row = {
        "id": "js", "language": alias, "prompt": "function twice(number) {\n", "after": "\n}\n", "stops": ["\n}"],
        "tests": "require('assert').strictEqual(twice(2), 4)", "canonical": "  return 2 * number", "wrong": "  return 4.5",
    }  # fmt: skip
    suite, task = one(tmp_path, row, box)
    assert task.language == "javascript"
    assert suite.judge(task, suite.canonical(task)).outcome is Outcome.PASS
    assert suite.judge(task, "  return 2 * number\n}\n\nmore(").outcome is Outcome.PASS  # cut
    assert suite.judge(task, suite.wrong(task)).outcome is Outcome.FAIL
    assert suite.judge(task, "  process.exit(0)").outcome is Outcome.FAIL
    chat = "So:\n```js\nconst two = 2\nfunction twice(number) {\n  return two * number\n}\n```\n"
    assert suite.judge(task, chat, PromptStyle.CHAT).outcome is Outcome.PASS
    assert suite.judge(task, "```js\n  return number * 2\n```", PromptStyle.CHAT).outcome is Outcome.PASS


def test_what_a_chat_answer_requires_again_is_required_once(box, toolchain, tmp_path):
    toolchain("javascript")
    head = "const path = require('path')\nconst os = require('os')\n\n"
    row = {
        "id": 1, "language": "javascript", "prompt": head + "function name(text) {\n", "after": "\n}\n",
        "tests": "require('assert').strictEqual(name('a/b.c') + os.EOL, 'b.c\\n')",
    }  # fmt: skip
    suite, task = one(tmp_path, row, box)
    code = "const path = require('path')\n\nfunction name(text) {\n  return path.basename(text)\n}\n"
    assert suite.judge(task, f"```js\n{code}```", PromptStyle.CHAT).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "answer",
    [
        "Like so:\n\n```python\nimport math\n\n\ndef twice(number):\n    return math.trunc(2) * number\n```\n",
        "First `use`:\n```python\nprint(twice(2))\n```\nand\n```python\ndef twice(number):\n    return 2 * number\n```",
        "```python\nreturn 2 * number\n```",
        "def twice(number):\n    return 2 * number\n",
    ],
)
def test_chat_answers_in_python(box, tmp_path, answer):
    suite, task = one(tmp_path, {**TWICE, "question": "Write twice."}, box)
    assert suite.judge(task, answer, PromptStyle.CHAT).outcome is Outcome.PASS
    bare, task = one(tmp_path, {"id": 1, "question": "Write twice(number).", "tests": TWICE["tests"]}, box)
    if "def twice" in answer:
        assert bare.judge(task, answer, PromptStyle.CHAT).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "answer", ["", "\0", "    return '\ud800'\n", "    return (" * 2000, "}" * 10, "```", "    exit(0)\n"]
)
@pytest.mark.parametrize("name", ["python", "javascript"])
def test_no_answer_makes_the_judge_raise(box, toolchain, tmp_path, name, answer):
    toolchain(name)
    row = TWICE if name == "python" else {
        "id": 1, "language": name, "prompt": "function twice(n) {\n", "tests": "if (twice(2) !== 4) throw 1"
    }  # fmt: skip
    suite, task = one(tmp_path, row, box)
    for style in (PromptStyle.PREFIX, PromptStyle.CHAT):
        assert suite.judge(task, answer, style).outcome is Outcome.FAIL
    compared, task = one(tmp_path, COMPARED)
    assert compared.judge(task, answer).outcome is Outcome.FAIL


# ---------------------------------------------------------------------------------------------------------------- comparing
def test_rows_without_tests_are_compared_with_their_reference(tmp_path):
    suite, task = one(tmp_path, COMPARED)
    right = suite.judge(task, " compute(1)\nmore")
    assert (right.outcome, right.score) == (Outcome.PASS, 1.0)
    near = suite.judge(task, "compute(2)")
    assert near.outcome is Outcome.FAIL and near.score == pytest.approx(0.9) and "0.900" in near.detail
    assert suite.judge(task, suite.wrong(task)).outcome is Outcome.FAIL
    assert suite.judge(task, "It is:\n```\ncompute(1)\n```", PromptStyle.CHAT).outcome is Outcome.PASS
    assert suite.canonical(task) == "compute(1)"


def test_measures_are_of_the_answers_that_have_a_reference(tmp_path):
    rows = [{**COMPARED, "id": number} for number in range(6)]
    suite = made(tmp_path, *rows, TWICE, {**TWICE, "id": "both", "reference": "    return 2 * number\n"})
    assert isinstance(suite, JudgedSuite) and isinstance(suite, MeasuredSuite)
    tasks = suite.tasks()
    texts = ["compute(1)"] * 3 + ["compute(2)"] * 3 + ["    return number\n", "    return 2 * number\n"]
    for answers in (
        list(zip(tasks, texts, strict=True)),
        [(task, suite.program(task, text)) for task, text in zip(tasks, texts, strict=True)],
    ):
        exact, similar = suite.measures(answers)
        assert (exact.name, exact.n, exact.value) == ("exact match", 7, pytest.approx(4 / 7))
        assert (similar.name, similar.n, similar.value) == ("edit similarity", 7, pytest.approx(6.7 / 7))
        assert exact.low < exact.value < exact.high
    assert suite.measures([(tasks[6], "x")]) == []


# ------------------------------------------------------------------------------------------------------------------ reading
def test_what_a_row_may_say(tmp_path):
    row = {
        **TWICE, "id": 7, "question": "Twice?", "suffix": "\n# end\n", "stops": ["\ndef "], "max_tokens": 9, "group": "g",
        "kind": "easy", "natural_language": "en", "before": "import math\n", "wrong": "    return 0\n", "reference": None,
    }  # fmt: skip
    suite, task = one(tmp_path, row)
    assert (task.id, task.suite, task.prompt, task.question) == ("7", "own", TWICE["prompt"], "Twice?")
    assert (task.suffix, task.stops, task.max_tokens, task.group, task.part) == ("\n# end\n", ("\ndef ",), 9, "g", "easy")
    assert suite.rows["7"].natural_language == "en" and suite.wrong(task) == "    return 0\n"
    assert suite.program(task, "x\ndef y") == "import math\nx\n# end\n"
    assert (suite.licence, suite.trainable) == ("unknown", False)
    named = made(tmp_path, row, name="ours", licence="MIT", trainable=True)
    assert (named.name, named.licence, named.trainable) == ("ours", "MIT", True)


def test_defaults_blank_lines_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text("\ufeff\n" + json.dumps(TWICE) + "\r\n\n" + json.dumps(COMPARED), "utf-8")
    suite = open_jsonl(path)
    task, compared = suite.tasks()
    assert (task.language, task.group, task.max_tokens, task.stops, task.question) == ("python", "twice", 512, (), "")
    assert suite.program(task, "    pass\n") == TWICE["prompt"] + "    pass\n"
    text = made(tmp_path, {**COMPARED, "language": "text", "prompt": None, "question": "What?"}).tasks()[0]
    assert (text.language, text.prompt, text.question) == ("text", "What?\n", "What?")
    assert compared.language == "python"


BAD = [
    ({"id": None}, "row 2 has no 'id'"),
    ({"id": ""}, "row 2 has no 'id'"),
    ({"id": [1]}, "row 2: 'id' must be a text or a whole number, not a list"),
    ({"id": 1.5}, "row 2: 'id' must be a text or a whole number, not the number 1.5"),
    ({"id": True}, "row 2: 'id' must be a text or a whole number, not true"),
    ({"id": "line"}, "row 2 repeats id 'line'"),
    ({"prompt": None}, "row 2 has no 'prompt' and no 'question'"),
    ({"prompt": " \n"}, "row 2 has no 'prompt' and no 'question'"),
    ({"prompt": ["def"]}, "row 2: 'prompt' must be a text, not a list"),
    ({"tests": None, "canonical": None}, "row 2 has no 'tests' and no 'reference'"),
    ({"tests": " ", "canonical": None}, "row 2 has no 'tests' and no 'reference'"),
    ({"tests": []}, None),
    ({"tests": {"a": 1}}, "row 2: 'tests' must be a text or a list of texts, not an object"),
    ({"tests": ["assert f()", 1]}, "row 2: 'tests' must be a text or a list of texts, not a list"),
    ({"tests": "assert twice(2 == 4"}, "row 2 has tests that do not parse"),
    (
        {"tests": "def check(candidate):\n    assert candidate(1) == 2\n"},
        "define check and call it never; name the function",
    ),
    ({"language": "pyton"}, "row 2 is in an unknown language 'pyton'; did you mean 'python'?"),
    ({"language": "text"}, "row 2 is in an unknown language 'text'"),
    ({"language": "solidity"}, "row 2 has tests in solidity, where none can be run"),
    ({"language": 3}, "row 2: 'language' must be a text, not the number 3"),
    ({"stops": "\n"}, "row 2: 'stops' must be a list of texts, not a text"),
    ({"stops": [""]}, "row 2: 'stops' must be a list of texts"),
    ({"max_tokens": 0}, "row 2: 'max_tokens' must be a whole number above 0, not the number 0"),
    ({"max_tokens": True}, "row 2: 'max_tokens' must be a whole number above 0, not true"),
    ({"max_tokens": "9"}, "row 2: 'max_tokens' must be a whole number above 0, not a text"),
    ({"test": "x"}, "row 2 has an unknown key 'test'; did you mean 'tests'?"),
    ({"zzz": 1}, "row 2 has an unknown key 'zzz'; known: "),
    ({"prompt": "def \ud800"}, "row 2: 'prompt' holds half a character"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_a_bad_row_is_one_line_that_names_file_and_row(tmp_path, change, message):
    if message is None:  # no tests, but an answer to compare with
        assert made(tmp_path, COMPARED, {**TWICE, **change}).rows["twice"].tests == ""
        return
    with pytest.raises(EvaluationError) as raised:
        made(tmp_path, COMPARED, {**TWICE, **change})
    line = str(raised.value)
    assert "own.jsonl: " in line and message in line and "\n" not in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "own.jsonl: holds no rows; write one JSON object a line"),
        (b"\n \n", "own.jsonl: holds no rows"),
        (b'{"id": 1\n', "own.jsonl: row 1 is not JSON"),
        (b"\n[1]\n", "own.jsonl: row 2 is a list, not an object"),
        (b"null\n", "own.jsonl: row 1 is null, not an object"),
        (b"3\n", "own.jsonl: row 1 is the number 3, not an object"),
        (b'""\n', "own.jsonl: row 1 is a text that is empty, not an object"),
        (b"[" * 100_000, "own.jsonl: row 1 is not JSON"),
        (b"\xff\xfe\n", "own.jsonl: cannot be read"),
        (
            b'{"id": 1, "max_tokens": NaN, "prompt": "x", "reference": "y"}',
            "must be a whole number above 0, not the number nan",
        ),
    ],
)
def test_a_file_that_is_no_such_file(tmp_path, content, message):
    path = tmp_path / "own.jsonl"
    path.write_bytes(content)
    with pytest.raises(EvaluationError) as raised:
        open_jsonl(path)
    assert message in str(raised.value) and len(str(raised.value)) < 400


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(EvaluationError, match=r"none\.jsonl: no such file"):
        open_jsonl(tmp_path / "none.jsonl")
    with pytest.raises(EvaluationError, match="cannot be read"):
        open_jsonl(tmp_path)


def test_without_a_sandbox_tests_cannot_be_judged(tmp_path):
    suite, task = one(tmp_path, TWICE)
    with pytest.raises(EvaluationError, match="no sandbox"):
        suite.judge(task, "    return 1\n")


def test_every_key_is_in_the_module_docstring():
    from yunque.evaluation.suites import jsonl

    assert [key for key in KEYS if f"``{key}``" not in jsonl.__doc__] == []
