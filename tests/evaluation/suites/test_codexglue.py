"""CodeXGLUE's suites: references pass, what was to be changed fails, published figures come out, bad files are one line."""

import json
from pathlib import Path

import pytest

from yunque.core.errors import EvaluationError
from yunque.core.nouns import Outcome, PromptStyle
from yunque.core.seams import MeasuredSuite
from yunque.evaluation.suites import codexglue
from yunque.evaluation.suites.codexglue import SUITES, with_literals

SIZES = {
    "codexglue-text-to-code": 2000,
    "codexglue-refinement-small": 5835,
    "codexglue-refinement-medium": 6545,
    "codexglue-translation-java-cs": 1000,
    "codexglue-translation-cs-java": 1000,
}


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def values(suite, answers):
    return {one.name: one for one in suite.measures(answers)}


@pytest.fixture
def small(tmp_path):
    """A folder with two rows of every suite, made up here."""
    write(
        tmp_path / "codexglue-concode" / "dev.json",
        json.dumps(
            {"nl": "counts . concode_field_sep int n concode_elem_sep int m concode_field_sep void go", "code": CODE}
        ),
        json.dumps({"nl": "does nothing", "code": "void function ( ) { }"}),
    )
    for split in ("test", "valid"):
        for size in ("small", "medium"):
            stem = tmp_path / "codexglue-refinement" / size / f"{split}.buggy-fixed"
            write(Path(f"{stem}.buggy"), "int f ( ) { return x ; } ", "void g ( ) { }")
            write(Path(f"{stem}.fixed"), "int f ( ) { return y ; } ", "void g ( ) { go ( ) ; }")
        stem = tmp_path / "codexglue-java-cs" / f"{split}.java-cs.txt"
        write(Path(f"{stem}.java"), "int size() {return n;}", "boolean is() {return b;}")
        write(Path(f"{stem}.cs"), "int Size(){return n;}", "bool Is(){return b;}")
    write(
        tmp_path / "codexglue-line-completion" / "test.json",
        json.dumps({"id": 1, "input": "<s> import os <EOL> x =", "gt": "os . path ( <NUM_LIT:1> )"}),
        json.dumps({"id": 2, "input": "<s> a = '<STR_LIT:b>' <EOL>", "gt": "print ( '<STR_LIT>' )"}),
    )
    return tmp_path


CODE = "int function ( ) { return n ++ ; }"


# ---------------------------------------------------------------------------------------------------------------- real files
@pytest.mark.parametrize("name", sorted(SIZES))
def test_every_reference_passes_and_every_source_fails(name, benchmark_files):
    suite = SUITES[name](benchmark_files, None)
    tasks = suite.tasks()
    assert isinstance(suite, MeasuredSuite) and not suite.trainable and suite.licence == "C-UDA"
    assert len(tasks) == SIZES[name] == len({task.id for task in tasks})
    assert all(suite.judge(task, suite.canonical(task)).outcome is Outcome.PASS for task in tasks)
    assert all(suite.judge(task, suite.wrong(task)).outcome is Outcome.FAIL for task in tasks)
    assert all(task.stop == "line" and task.question and task.prompt.endswith("\n") for task in tasks)


@pytest.mark.parametrize(("name", "expected"), [("java-cs", 18.72), ("cs-java", 18.58)])
def test_a_copied_source_gives_the_published_figures(name, expected, benchmark_files):
    suite = SUITES[f"codexglue-translation-{name}"](benchmark_files, None)
    found = values(suite, [(task, suite.wrong(task)) for task in suite.tasks()])
    assert (round(found["bleu"].value, 2), found["published exact match"].value, found["bleu"].n) == (expected, 0.0, 1000)
    assert found["bleu"].low < expected < found["bleu"].high


# --------------------------------------------------------------------------------------------------------------- every suite
@pytest.mark.parametrize("name", sorted(SUITES))
def test_both_directions_and_both_ends_of_the_scale(small, name):
    suite = SUITES[name](small, None)
    tasks = suite.tasks()
    assert suite.name == name and [task.suite for task in tasks] == [name] * 2
    for task in tasks:
        right, wrong = suite.judge(task, suite.canonical(task)), suite.judge(task, suite.wrong(task))
        assert (right.outcome, right.score, right.findings) == (Outcome.PASS, 1.0, ())
        assert wrong.outcome is Outcome.FAIL and 0 <= wrong.score < 1 and wrong.findings
        for text in ("", "\n \n", "\0\ud800", "```", "```java\n", "}" * 5000):
            for style in (PromptStyle.PREFIX, PromptStyle.CHAT, PromptStyle.FEW_SHOT):
                assert suite.judge(task, text, style).outcome is Outcome.FAIL
        chat = f"Here it is:\n\n```java\n{suite.canonical(task)}\n```\nIt differs in one place."
        assert suite.judge(task, chat, PromptStyle.CHAT).outcome is Outcome.PASS
    found = values(suite, [(task, suite.canonical(task)) for task in tasks])
    assert found["published exact match"].value == found["published edit similarity"].value == 1
    assert ("bleu" in found) == (name != "codexglue-line-completion")
    empty = values(suite, [(task, "") for task in tasks])
    assert empty["published exact match"].value == 0 and all(one.n in (0, 2) for one in empty.values())
    assert all(one.n == 0 and one.value is None for one in suite.measures([]))


def test_without_a_grammar_codebleu_is_skipped(small, monkeypatch):
    monkeypatch.setattr(codexglue, "has_codebleu", lambda language: False)
    suite = SUITES["codexglue-translation-java-cs"](small, None)
    found = values(suite, [(task, suite.canonical(task)) for task in suite.tasks()])
    assert (found["codebleu"].value, found["codebleu"].n, found["codebleu"].skipped) == (None, 0, 2)
    assert found["bleu"].value == pytest.approx(100)


def test_an_answer_is_its_first_line(small):
    suite = SUITES["codexglue-refinement-small"](small, None)
    task = suite.tasks()[0]
    assert suite.program(task, "\n\n  int f ( ) { } \n int g ( ) { }<|endoftext|>") == "int f ( ) { }"
    assert suite.judge(task, f"{suite.canonical(task)}\n// more").outcome is Outcome.PASS
    chat = "```java\nint f ( ) {\n    return y ;\n}\n```\n```java\nint g ( ) { }\n```"
    assert suite.judge(task, chat, PromptStyle.CHAT).outcome is Outcome.PASS


def test_equality_is_the_task_s_own(small):
    refinement, text_to_code = (SUITES[f"codexglue-{name}"](small, None) for name in ("refinement-small", "text-to-code"))
    spaced = refinement.tasks()[0]
    assert refinement.judge(spaced, "int  f ( ) { return y ; }").outcome is Outcome.FAIL
    assert text_to_code.judge(text_to_code.tasks()[0], CODE.replace(" ", "  ")).outcome is Outcome.PASS


def test_prompts_name_what_there_is(small):
    first, second = SUITES["codexglue-text-to-code"](small, None).tasks()
    for asked in (first.prompt, first.question):
        assert "counts ." in asked and "int n; int m" in asked and "void go" in asked and "concode" not in asked
    assert "none" in second.prompt and CODE not in first.prompt
    task = SUITES["codexglue-translation-java-cs"](small, None).tasks()[0]
    assert task.prompt == "// Java:\nint size() {return n;}\n// The same in C#:\n" and task.language == "csharp"
    assert task.examples.startswith("// Java:\nint size() {return n;}\n// The same in C#:\nint Size(){return n;}\n\n")
    braces = small / "codexglue-refinement" / "small" / "test.buggy-fixed.buggy"
    write(braces, "int f ( ) { {source} {0} }", "void g ( ) { }")
    assert "int f ( ) { {source} {0} }" in SUITES["codexglue-refinement-small"](small, None).tasks()[0].prompt


# ----------------------------------------------------------------------------------------------------------- line completion
def test_literals_get_their_values_back():
    assert with_literals("f ( <NUM_LIT:0> , '<STR_LIT:a b>' , <NUM_LIT> , '<CHAR_LIT>' )") == "f ( 0 , 'a b' , 0 , '' )"
    assert with_literals("a < b > c <STR_LIT") == "a < b > c <STR_LIT"


def test_python_lines(small):
    suite = SUITES["codexglue-line-completion"](small, None)
    first, second = suite.tasks()
    assert (first.prompt, second.prompt, first.language) == ("import os\nx = ", "a = 'b'\n", "python")
    assert suite.canonical(second) == "print ( '' )"
    assert suite.judge(first, "os . path ( <NUM_LIT:1> )\ny").outcome is Outcome.PASS
    near = suite.judge(first, "os . path ( 2 )")
    assert near.outcome is Outcome.FAIL and near.score == 0.93  # 15 characters each, one replaced: 1 - 2 / 30, whole percent
    assert near.score > codexglue.edit_similarity("os . path ( 2 )", "os . path ( 1 )") - 0.01


def test_java_lines_end_where_published(tmp_path):
    rows = [{"input": "<s> class A { int x", "gt": "= <NUM_LIT:1> ;"}, {"input": "<s> void f ( )", "gt": "throws B"}]
    write(tmp_path / "codexglue-line-completion" / "test.json", *map(json.dumps, rows))
    suite = SUITES["codexglue-line-completion"](tmp_path, None)
    first, second = suite.tasks()
    assert first.language == "java" and first.prompt == "class A { int x "
    assert suite.program(first, "= 1 ; int y = 2 ;") == "= 1 ;"
    assert suite.judge(second, "throws B { return").outcome is Outcome.PASS


def test_a_long_file_is_asked_by_its_end(tmp_path):
    tokens = " ".join(f"t{number}" for number in range(3000))
    write(tmp_path / "codexglue-line-completion" / "test.json", json.dumps({"input": f"<s> {tokens} <EOL> x", "gt": "y"}))
    (task,) = SUITES["codexglue-line-completion"](tmp_path, None).tasks()
    assert len(task.prompt.split()) == codexglue.CONTEXT_TOKENS - 1 and task.prompt.endswith("t2999\nx ")


def test_line_completion_says_what_it_needs(tmp_path):
    with pytest.raises(EvaluationError, match=r"no such file.*line-completion/test\.json"):
        SUITES["codexglue-line-completion"](tmp_path, None)


# ----------------------------------------------------------------------------------------------------------------- bad files
@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["{"], "row 1 is no JSON"),
        (['{"nl": "a", "code": "b"}', '{"nl": "a", "code": ""}'], "row 2 has no 'code'"),
        (['{"nl": 1, "code": "b"}'], "row 1 has no 'nl'"),
        (["[]"], "row 1 has no 'nl'"),
        (['{"nl": "a", "code": "b"}', "", '{"nl": "a", "code": "b"}'], "row 2 is no JSON"),
        ([], "holds no rows"),
    ],
)
def test_malformed_rows_are_one_line(tmp_path, lines, says):
    write(tmp_path / "codexglue-concode" / "dev.json", *lines)
    with pytest.raises(EvaluationError, match=says) as caught:
        codexglue.text_to_code(tmp_path)
    assert "dev.json" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "says"),
    [(["int f ( ) { }"], "1 lines, not 2"), (["int f ( ) { }", " "], "row 2 is empty"), (None, "no such file")],
)
def test_malformed_pairs_are_one_line(small, lines, says):
    path = small / "codexglue-refinement" / "small" / "test.buggy-fixed.fixed"
    path.unlink() if lines is None else write(path, *lines)
    with pytest.raises(EvaluationError, match=says) as caught:
        codexglue.refinement(small, "small")
    assert "test.buggy-fixed" in str(caught.value)


def test_bytes_that_are_no_text_are_one_line(small):
    (small / "codexglue-java-cs" / "test.java-cs.txt.cs").write_bytes(b"\xff\xfe\n")
    with pytest.raises(EvaluationError, match="cannot be read"):
        codexglue.translation(small, "java", "csharp")
