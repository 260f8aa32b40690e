"""Any repository with tests as suites: right bodies pass, forged ones fail, a forge is asked for its held-out part alone."""

import dataclasses
import gc
import shutil
from collections import Counter

import pytest

from yunque.core.errors import EvaluationError, SourceError
from yunque.core.nouns import Outcome, PromptStyle, Record
from yunque.core.seams import JudgedSuite
from yunque.data.split import Split, SplitAssignment
from yunque.evaluation.asking import StyledSuite
from yunque.evaluation.repository.one_function import function_in, is_definition, reindent
from yunque.evaluation.repository.suites import BitsSuite, BodySuite, FimSuite, open_repository
from yunque.store.artifacts import Store
from yunque.store.tables import write_table


@pytest.fixture(scope="module")
def suites(repository, tests_box, tmp_path_factory):
    """Of the small repository, opened as a plain folder: every file is asked."""
    tree = tmp_path_factory.mktemp("plain") / "small"
    shutil.copytree(repository.tree, tree, ignore=shutil.ignore_patterns("__pycache__"))
    body, fim = open_repository(tree, tests_box)
    return body, fim


def task_of(suite, signature):
    return next(
        task for task in suite.tasks() if signature in task.prompt.splitlines()[-2:][0] + task.prompt.splitlines()[-1]
    )


# ------------------------------------------------------------------------------------------------------------------ plain
def test_a_plain_repository_is_asked_as_a_whole(suites, repository):
    body, fim = suites
    assert (body.name, fim.name) == ("repo-body:small", "repo-fim:small")
    assert isinstance(body, JudgedSuite) and isinstance(fim, JudgedSuite)
    assert not body.trainable and not fim.trainable and body.licence == "unknown"
    assert {task.group for task in fim.tasks()} == {"pkg/core.py", "pkg/trained.py", "pkg/validated.py"}
    assert len(body.tasks()) >= 7  # `copied` has no near-duplicate here, and longer bodies are asked for
    assert {task.suite for task in body.tasks()} == {body.name}
    assert len({task.id for task in (*body.tasks(), *fim.tasks())}) == len(body.tasks()) + len(fim.tasks())


def test_every_canonical_body_passes_and_every_stub_fails(suites):
    body, _ = suites
    seats = Counter()
    for task in body.tasks():
        right, wrong = (body.judge(task, text) for text in (body.canonical(task), body.wrong(task)))
        assert (right.outcome, wrong.outcome) == (Outcome.PASS, Outcome.FAIL), task.id
        assert right.check == body.name
        assert body.canonical(task) in body.program(task, body.canonical(task))
        seats[right.judge_location] += 1
    assert set(seats) == {"apart", "controlled"} and seats["apart"] > seats["controlled"], seats


def test_a_body_is_asked_without_what_follows_and_for_chat_too(suites):
    body, _ = suites
    task = task_of(body, "def cube(number):")
    assert task.suffix == "" and task.stop == "dedent"
    assert "Complete the function `cube`" in task.question and "return square * number" not in task.question


FENCED = "Sure:\n\n```python\n{}\n```\nDone."
CHAT = {
    "whole": "def cube(number):\n    return number**3",
    "whole with decorator": "@memo\ndef cube(number):\n    return number**3",
    "whole among others": "import os\n\ndef one(n):\n    return n\n\ndef cube(number):\n    return number**3\n\nprint(3)",
    "body": "    return number**3",
    "body without indentation": "cubed = number**3\nif cubed:\n    return cubed\nreturn 0",
}


@pytest.mark.parametrize("name", CHAT)
def test_chat_answers_pass_as_a_function_or_as_a_body(suites, name):
    body, _ = suites
    verdict = body.judge(task_of(body, "def cube(number):"), FENCED.format(CHAT[name]), PromptStyle.CHAT)
    assert verdict.outcome is Outcome.PASS, verdict.detail


BAD = {
    "syntax": ("    return (number", "not-one-function"),
    "nothing": ("", "failed"),
    "leaves the function": ("import os\n", "not-one-function"),
    "wrong": ("    return number", "failed"),
    "exit": ("    import sys\n    sys.exit(0)", "failed"),
    "hard exit": ("    import os\n    os._exit(0)", "failed"),
    "prints": ("    print('1 passed')", "failed"),
    "patches": ("    import pytest\n    pytest.exit('done', 0)", "meddles"),
    "equal to all": ("    return type('A', (), {'__eq__': lambda *two: True})()", "meddles"),
    "not text": ("    return '\udc80' \0", "not-one-function"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_and_forged_bodies_fail(suites, name):
    body, _ = suites
    text, rule = BAD[name]
    verdict = body.judge(task_of(body, "def cube(number):"), text)
    assert verdict.outcome is Outcome.FAIL and verdict.score == 0
    assert {finding.rule for finding in verdict.findings} == {rule}, verdict.detail


def test_a_comment_may_speak_of_tests(suites):
    body, _ = suites
    text = "    # no eval here, says pytest\n    return number**3"
    assert body.judge(task_of(body, "def cube(number):"), text).outcome is Outcome.PASS


def test_what_follows_a_body_is_cut_off(suites):
    body, _ = suites
    text = "    return number**3\n\n\ndef cube(number):\n    return 0\n"
    task = task_of(body, "def cube(number):")
    assert body.judge(task, text).outcome is Outcome.PASS
    assert body.program(task, text).count("def cube") == 1


# -------------------------------------------------------------------------------------------------------------------- fim
def test_the_rest_of_a_line_is_exact_or_graded(suites):
    _, fim = suites
    for task in fim.tasks():
        right, wrong = (fim.judge(task, text) for text in (fim.canonical(task), fim.wrong(task)))
        assert (right.outcome, right.score) == (Outcome.PASS, 1.0)
        assert wrong.outcome is Outcome.FAIL and 0 <= wrong.score < 1
    assert all(task.suffix and task.stop == "line" and not task.question for task in fim.tasks())


def test_blanks_and_further_lines_do_not_matter_but_letters_do(suites):
    _, fim = suites
    task = fim.tasks()[0]
    answer = fim.canonical(task)
    assert fim.judge(task, f"{answer}  \nmore()\n").outcome is Outcome.PASS
    near = fim.judge(task, answer + "x")
    assert near.outcome is Outcome.FAIL and near.score > 0.5
    assert fim.judge(task, "").score == 0
    assert fim.judge(task, "\udc80\0").outcome is Outcome.FAIL


# ------------------------------------------------------------------------------------------------------------------- bits
def test_chunks_are_scored_and_not_asked_for(built, repository, recipe):
    bits = BitsSuite(repositories=(repository.asked(built.questions, recipe()),))
    tasks = bits.tasks()
    assert isinstance(bits, JudgedSuite) and bits.name == "repo-bits:small"
    assert [bits.canonical(task) for task in tasks] == [chunk.text for chunk in built.questions.chunks]
    assert {(task.max_tokens, task.prompt, task.group, task.language) for task in tasks} == {
        (0, "", "pkg/core.py", "python")
    }
    assert len({task.id for task in tasks}) == len(tasks)
    assert bits.judge(tasks[0], "anything").outcome is Outcome.SKIP
    twice = dataclasses.replace(built.questions, chunks=built.questions.chunks[:1] * 2)
    assert len({task.id for task in BitsSuite(repositories=(repository.asked(twice, recipe()),)).tasks()}) == 2


# ---------------------------------------------------------------------------------------------------- several repositories
def test_several_repositories_are_parts_of_one_suite(built, repository, recipe, tests_box):
    """The second has no question of its own but one, so that every task can be told apart."""
    (extra,) = repository.maker(None, recipe(fim_tasks=60, body_tasks=0), seed=99).make()[0].of("fim")[:1]
    shared = built.questions.of("fim")[:2]
    other = dataclasses.replace(built.questions, questions=(*shared, extra))
    both = repository.asked(built.questions, recipe()), repository.asked(other, recipe(), name="second")
    fim = FimSuite(repositories=both)
    assert fim.name == "repo-fim:small+second" and fim.licence == "MIT"
    parts = Counter(task.part for task in fim.tasks())
    assert parts == {"small": len(built.questions.of("fim")), "second": 1}, "a file that both have is asked once"
    assert {task.group for task in fim.tasks()} == {"small/pkg/core.py", "second/pkg/core.py"}
    assert all(fim.judge(task, fim.canonical(task)).outcome is Outcome.PASS for task in (*fim.tasks(), *fim.style_tasks()))
    assert {task.part for task in BitsSuite(repositories=both).tasks()} == {"small", "second"}
    body = BodySuite(repositories=both[::-1], sandbox=tests_box)
    assert {task.part for task in body.tasks()} == {"small"} and all(not task.suffix for task in body.tasks())


def test_a_style_is_chosen_on_validation_files(built, repository, recipe):
    fim = FimSuite(repositories=(repository.asked(built.questions, recipe()),))
    assert isinstance(fim, StyledSuite)
    assert {task.group for task in fim.style_tasks()} == {"pkg/validated.py"}
    assert not {task.id for task in fim.style_tasks()} & {task.id for task in fim.tasks()}


def test_other_tests_of_a_function_are_another_judge(built, repository, recipe):
    one = BodySuite(repositories=(repository.asked(built.questions, recipe()),))
    changed = [dataclasses.replace(question, tests=question.tests[:1]) for question in built.questions.questions]
    other = dataclasses.replace(built.questions, questions=tuple(changed))
    assert BodySuite(repositories=(repository.asked(other, recipe()),)).key != one.key


# ------------------------------------------------------------------------------------------------------------------ forged
@pytest.fixture(scope="module")
def forged(repository, built, tmp_path_factory):
    """A forge's output folder, as far as the suite."""
    store = Store(tmp_path_factory.mktemp("forged"))

    def copy(folder):
        shutil.copytree(repository.tree, folder / "tree")
        return {"name": "small"}

    def write(name, rows, kind):
        return lambda folder: {"rows": write_table(folder / name, rows, kind)}

    def save(folder):
        built.questions.save(folder)
        return built.counts

    placed = [
        SplitAssignment(
            record_id=record.id, path=record.origin.path, part=repository.parts[record.id], cluster="", reason="drawn"
        )
        for record in repository.records
    ]
    snapshot, _ = store.make("snapshot", copy)
    records, _ = store.make("part", write("records.parquet", repository.records, Record), parents=[snapshot])
    parts, _ = store.make("split", write("split.parquet", placed, SplitAssignment), parents=[records])
    recipe = {"test_wall_s": 30.0, "sandbox": "any"}
    store.make("suite", save, parents=[snapshot, records, parts], recipe=recipe)
    return store.root


def test_a_forge_is_asked_for_its_held_out_part_alone(forged, built, repository, tests_box):
    body, fim = open_repository(forged, tests_box)
    heldout = {record.origin.path for record in repository.records if repository.parts[record.id] is Split.HELDOUT}
    assert {task.group for task in (*body.tasks(), *fim.tasks())} == heldout == {"pkg/core.py"}
    assert [task.id for task in body.tasks()] == [question.task.id for question in built.questions.of("body")]
    assert body.name == "repo-body:small" and body.licence == "MIT"
    assert body.repositories[0].recipe.test_wall_s == 30
    task = body.tasks()[0]
    assert body.judge(task, body.canonical(task)).outcome is Outcome.PASS
    assert body.judge(task, body.wrong(task)).outcome is Outcome.FAIL


# --------------------------------------------------------------------------------------------------------------- bad input
def test_bad_input_is_one_line(tests_box, tmp_path, forged):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("def f(x):\n    return [x, x]\n")
    cases = [
        (EvaluationError, "no questions of kind 'fix'; known: body, fim, bits", (tmp_path / "code", tests_box, ["fix"])),
        (EvaluationError, "no kind of question", (tmp_path / "code", tests_box, [])),
        (EvaluationError, "no sandbox to run its tests in", (tmp_path / "code", None)),
        (
            EvaluationError,
            r"makes no body task \(1 the repository has no tests\)",
            (tmp_path / "code", tests_box, ["body"]),
        ),
        (SourceError, "no such file or folder", (tmp_path / "nope", tests_box)),
    ]
    Store(tmp_path / "out").make("snapshot", lambda folder: {})
    cases.append((EvaluationError, "holds artifacts, but no suite", (tmp_path / "out", tests_box)))
    broken = shutil.copytree(forged, tmp_path / "broken")
    next(broken.glob("artifacts/suite-*/questions.jsonl")).write_text("{}\n")
    cases.append((EvaluationError, "a suite that cannot be read", (broken, tests_box)))
    for error, says, arguments in cases:
        with pytest.raises(error, match=says) as caught:
            open_repository(*arguments)
        assert "\n" not in caught.value.line()


def test_fim_alone_needs_no_sandbox_and_its_folder_goes_with_it(tmp_path):
    (tmp_path / "a.py").write_text("def f(number):\n    return [number, number + 1]\n")
    (fim,) = open_repository(tmp_path, None, ["fim"])
    tree = fim.repositories[0].tree
    assert tree.is_dir() and fim.tasks()
    del fim
    gc.collect()
    assert not tree.exists()


# ------------------------------------------------------------------------------------------------------------ one function
def test_a_function_is_found_with_its_decorators_at_any_indentation():
    code = "    @one\n    def f(a):\n        return a\n\n    def g():\n        return 1\n"
    assert function_in(code, "f") == "    @one\n    def f(a):\n        return a"
    assert function_in(code, "h") is None
    assert function_in("async def f():\n    await g()\n", "f") == "async def f():\n    await g()"
    assert function_in("def f(:\n    return 1\n", "f") is None
    assert function_in("", "f") is None


def test_only_one_definition_is_one():
    assert is_definition("def f():\n    return 1", "f")
    assert is_definition("\tdef f():\n\t\treturn 1", "f")
    assert not is_definition("def f():\n    return 1\nf()", "f")
    assert not is_definition("    def f():\n        return 1\nprint()", "f")
    assert not is_definition("def g():\n    return 1", "f")
    assert not is_definition("x = " + "(" * 5000, "f")


def test_texts_of_several_lines_keep_their_content_when_the_function_moves():
    code = 'def f():\n    text = """a\n    b\n"""\n    return (\n        text\n    )'
    moved = reindent(code, "    ")
    assert moved == '    def f():\n        text = """a\n    b\n"""\n        return (\n            text\n        )'
    assert reindent(moved, "") == code
