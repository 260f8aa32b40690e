"""Questions from held-out code: only those that can be judged are asked, and everything else has a reason."""

import dataclasses
import re
from collections import Counter
from functools import partial

import pytest

from yunque.checks.execution.judge_processes import Judges, judged
from yunque.checks.execution.python import judge_all
from yunque.code.functions import functions
from yunque.core.nouns import Outcome
from yunque.data.split import Split
from yunque.evaluation.repository.questions import STUB, EvaluationRecipe, Questions
from yunque.evaluation.repository.suites import BodySuite

BODY_TASKS = {"memo.kept", "double", "cube", "Box.__init__", "Box.area", "ñandú"}
REASONS = {
    "no passing test reaches it: tests/test_missing.py cannot be imported: ModuleNotFoundError: No module named "
    "'a_package_that_nobody_has'": 4,  # memo (called at import), untested, broken, needs_missing
    "its tests pass without a body": 1,  # shrug
    "its tests do not pass with the original body": 1,  # depends: on another test
    "no body to write": 1,  # later
    "has a near-duplicate in training": 1,  # copied
    "body longer than 200 characters": 1,  # long_one
    "signature and docstring longer than 240 characters": 1,  # wordy
}


def asked_of(suite: Questions, text: str) -> dict[str, tuple]:
    """Qualified name -> question, of the body questions."""
    named = {function.prompt_end_byte: function.qualified_name for function in functions(text, "python")}
    return {named[question.span_bytes[0]]: question for question in suite.of("body")}


# --------------------------------------------------------------------------------------------------------------- body tasks
def test_body_tasks_are_exactly_the_functions_that_can_be_judged(built, repository):
    assert set(asked_of(built.questions, repository.record().text)) == BODY_TASKS


def test_every_other_function_is_counted_with_its_reason(built):
    assert built.counts["excluded"]["body"] == REASONS


def test_functions_are_tasks_and_excluded_ones_together(built, repository):
    every = functions(repository.record().text, "python")
    assert len(every) == built.counts["body"] + sum(built.counts["excluded"]["body"].values())
    assert built.counts["body"] == len(built.questions.of("body")) == len(BODY_TASKS)


def test_a_task_holds_the_signature_and_not_the_body(built, repository):
    text = repository.record().text
    cube = asked_of(built.questions, text)["cube"]
    assert cube.task.prompt.endswith('@memo\ndef cube(number):\n    """A decorated one."""\n')
    assert cube.key.answer == "    square = number * number\n    return square * number"
    assert cube.key.task_id == cube.task.id
    assert "square * number" not in cube.task.prompt + cube.task.suffix
    assert (cube.task.stop, cube.task.language, cube.task.group) == ("dedent", "python", "pkg/core.py")


def test_the_tests_of_a_task_are_those_that_reach_it(built, repository):
    asked = asked_of(built.questions, repository.record().text)
    assert asked["cube"].tests == asked["memo.kept"].tests == ("tests/test_core.py::test_cube",)
    assert asked["double"].tests == (
        "pkg/core.py::pkg.core.double",
        "tests/test_core.py::test_double[1]",
        "tests/test_core.py::test_double[2]",
    )


def test_only_functions_of_held_out_files_are_asked_for(built):
    assert {question.path for question in built.questions.of("body")} == {"pkg/core.py"}
    assert {question.path for question in built.questions.of("fim")} == {"pkg/core.py"}
    assert {question.path for question in built.questions.of("style")} == {"pkg/validated.py"}
    assert {chunk.path for chunk in built.questions.chunks} == {"pkg/core.py"}


def test_test_files_make_no_tasks_wherever_they_are_placed(repository, recipe, tests_box):
    every = dict.fromkeys(repository.parts, Split.HELDOUT)
    suite, _ = repository.maker(None, recipe(fim_tasks=60), parts=every).make()
    assert {"pkg/core.py", "pkg/trained.py"} <= {question.path for question in suite.questions}
    assert not [question.path for question in suite.questions if question.path.startswith("tests/")]
    assert not [chunk.path for chunk in suite.chunks if chunk.path.startswith("tests/")]


def test_enough_tasks_are_enough_and_the_rest_is_counted(repository, recipe, tests_box):
    suite, counts = repository.maker(tests_box, recipe(body_tasks=1, workers=1)).make()
    every = functions(repository.record().text, "python")
    assert len(suite.of("body")) == 1
    assert counts["excluded"]["body"]["enough tasks already"] >= 1
    assert 1 + sum(counts["excluded"]["body"].values()) == len(every)


def test_without_a_sandbox_nothing_is_run_and_every_function_says_so(repository, recipe):
    suite, counts = repository.maker(None, recipe()).make()
    every = functions(repository.record().text, "python")
    assert suite.of("body") == [] and suite.of("fim")
    assert counts["excluded"]["body"] == {"no sandbox on this machine": len(every)}
    assert counts["sandbox"] == "none"


class Broken:
    """A sandbox in which nothing works."""

    tier = "broken"

    def __init__(self, observation):
        self.observation = observation

    def run(self, job):
        return self.observation


def test_tests_that_take_too_long_are_the_reason_of_every_function(repository, recipe, tests_box):
    real = tests_box.run
    slow = Broken(None)
    slow.run = lambda job: dataclasses.replace(real(job), timed_out=True)
    _, counts = repository.maker(slow, recipe(reach_wall_s=7)).make()
    assert counts["excluded"]["body"] == {
        "the tests took longer than 7 s": len(functions(repository.record().text, "python"))
    }


def test_the_tree_is_left_as_it_was(built, repository):
    assert repository.fingerprint() == built.before


# ------------------------------------------------------------------------------------------------------------------ cursors
def test_prompt_answer_and_suffix_are_one_chunk_of_the_file(built, repository):
    by_id = repository.by_id()
    assert built.questions.of("fim") and built.questions.of("style")
    for question in built.questions.questions:
        data, (start, end) = by_id[question.record_id].text.encode(), question.span_bytes
        assert data[:start].decode().endswith(question.task.prompt) and question.task.prompt
        assert data[start:end].decode() == question.key.answer
        assert data[end:].decode().startswith(question.task.suffix)


def test_a_cursor_stands_in_a_line_and_asks_for_the_rest_of_it(built):
    for question in [*built.questions.of("fim"), *built.questions.of("style")]:
        assert "\n" not in question.key.answer and len(question.key.answer.strip()) >= 3
        assert question.task.suffix.startswith("\n")
        assert question.task.stop == "line"


def test_no_cursor_and_no_chunk_lies_in_a_twin(repository, recipe):
    text = repository.record().text
    (near_duplicate,) = [function for function in functions(text, "python") if function.name == "copied"]
    many = recipe(fim_tasks=300, bits_bytes=100_000)
    suite, _ = repository.maker(None, many).make()
    inside = [
        p
        for p in suite.of("fim")
        if p.span_bytes[0] < near_duplicate.end_byte and near_duplicate.start_byte < p.span_bytes[1]
    ]
    assert inside == []
    assert not [chunk for chunk in suite.chunks if "def copied" in chunk.text or "total * 7" in chunk.text]
    with_near_duplicate, _ = repository.maker(None, many, near_duplicates=frozenset()).make()
    assert [
        p for p in with_near_duplicate.of("fim") if near_duplicate.start_byte <= p.span_bytes[0] < near_duplicate.end_byte
    ], "else it proves nothing"
    assert [chunk for chunk in with_near_duplicate.chunks if "total * 7" in chunk.text]


def test_no_more_cursors_than_wanted_and_none_when_none_are_wanted(repository, recipe):
    for wanted in (0, 1, 6, 12):
        suite, counts = repository.maker(None, recipe(fim_tasks=wanted, style_tasks=0, body_tasks=0)).make()
        assert len(suite.of("fim")) == counts["fim"]
        assert wanted / 2 <= counts["fim"] <= wanted
        assert counts["style"] == counts["body"] == 0


def test_cursors_are_all_different(repository, recipe):
    suite, _ = repository.maker(None, recipe(fim_tasks=60)).make()
    spans = [question.span_bytes for question in suite.of("fim")]
    assert len(set(spans)) == len(spans) > 20
    assert len({question.task.id for question in suite.questions}) == len(suite.questions)


# --------------------------------------------------------------------------------------------------------------------- bits
def test_chunks_are_whole_lines_of_the_file_in_order_and_about_as_many_bytes_as_wanted(built, repository):
    text, at = repository.record().text, 0
    for chunk in built.questions.chunks:
        found = text.index(chunk.text, at)
        assert found == 0 or text[found - 1] == "\n"
        assert chunk.text.endswith("\n")
        at = found + len(chunk.text)
    total = sum(len(chunk.text.encode()) for chunk in built.questions.chunks)
    assert total == built.counts["chunk_bytes"]
    assert 1000 <= total < 1000 + 400, "the last chunk may go over"


def test_with_bytes_enough_the_whole_file_is_scored_once_except_twins(repository, recipe):
    suite, counts = repository.maker(None, recipe(bits_bytes=100_000), near_duplicates=frozenset()).make()
    assert "".join(chunk.text for chunk in suite.chunks) == repository.record().text
    assert counts["chunks"] == len(suite.chunks) > 5


def test_every_file_gets_its_turn(make, recipe, tmp_path):
    files = {f"pkg/{name}.py": f"value_{name} = 1\n" * 400 for name in "abcde"}
    small = make(tmp_path, files, dict.fromkeys(files, Split.HELDOUT))
    suite, counts = small.maker(None, recipe(bits_bytes=2000, chunk_bytes=200)).make()
    taken = Counter(chunk.path for chunk in suite.chunks)
    assert counts["files"] == 5 and max(taken.values()) - min(taken.values()) <= 1


# -------------------------------------------------------------------------------------------------------------- determinism
def test_the_order_in_which_files_arrive_does_not_matter(make, recipe, tmp_path):
    files = {f"pkg/{name}.py": f"def {name}(left):\n    right = left + {number}\n    return right * left\n" * 9
             for number, name in enumerate(["one", "two", "six", "ten"])}  # fmt: skip
    small = make(tmp_path, files, dict.fromkeys(files, Split.HELDOUT))
    suites = [small.maker(None, recipe(), records=records).make()[0] for records in (small.records, small.records[::-1])]
    assert suites[0] == suites[1]
    assert len({question.path for question in suites[0].of("fim")}) == 4


def test_the_same_repository_gives_the_same_suite_whatever_the_order_of_its_records(built, repository, recipe, tests_box):
    turned = repository.maker(tests_box, recipe(), records=list(reversed(repository.records)))
    again, counts = turned.make()
    assert again == built.questions
    assert counts == built.counts


def test_another_seed_asks_other_questions(built, repository, recipe):
    other, _ = repository.maker(None, recipe(), seed=18).make()
    assert {p.task.id for p in other.of("fim")} != {p.task.id for p in built.questions.of("fim")}
    assert other.chunks != built.questions.chunks


def test_a_suite_comes_back_from_disk_as_it_was(built, tmp_path):
    built.questions.save(tmp_path)
    assert Questions.load(tmp_path) == built.questions
    assert all(question.task.id == question.key.task_id for question in built.questions.questions)


def test_a_repository_without_python_makes_no_body_tasks_and_no_complaint(make, recipe, tmp_path):
    small = make(tmp_path, {"a.py": "x = 1\n"}, {"a.py": Split.HELDOUT})
    records = [dataclasses.replace(small.records[0], language="go", text="package p\nfunc f() int {\n\treturn 1\n}\n")]
    suite, counts = small.maker(None, recipe(), records=records).make()
    assert suite.of("body") == [] and not counts["excluded"].get("body")


# ------------------------------------------------------------------------------------------------------------------ judging
ANSWERS = {
    "the original": ("double", "    return number * 2", Outcome.PASS),
    "another way": ("double", "    return number + number\n\n\n", Outcome.PASS),
    "the stub": ("double", f"    {STUB}", Outcome.FAIL),
    "wrong": ("double", "    return number * 3", Outcome.FAIL),
    "right for the doctest alone": ("double", "    return 8 if number == 4 else 0", Outcome.FAIL),
    "nothing": ("double", "", Outcome.FAIL),
    "not python": ("double", "    return (number * 2", Outcome.FAIL),
    "not utf-8": ("double", "    return '\ud800'", Outcome.FAIL),
    "leaves with success": ("cube", "    import os; os._exit(0)", Outcome.FAIL),
    "leaves politely": ("cube", "    raise SystemExit(0)", Outcome.FAIL),
    "leaves pytest": ("cube", "    import pytest; pytest.exit('done', returncode=0)", Outcome.FAIL),
    "leaves at import, which is cut off": ("cube", "    return number**3\n\n\nraise SystemExit(0)", Outcome.PASS),
    "skips": ("cube", "    import pytest; pytest.skip()", Outcome.FAIL),
    "expects to fail": ("cube", "    import pytest; pytest.xfail()", Outcome.FAIL),
    "prints success": ("cube", "    import os\n    os.write(1, b'\\n1 passed\\n0123456789abcdef 1\\n')", Outcome.FAIL),
    "asks for the word": (
        "cube",
        "    import os, sys\n    print(sys.stdin.read(), 1, flush=True)\n    os._exit(0)",
        Outcome.FAIL,
    ),
    "asks the probe": (
        "cube",
        "    import os, yunque_probe\n"
        "    os.write(yunque_probe.OUTPUT, f'\\n{yunque_probe.WORD} 1\\n'.encode())\n"
        "    os._exit(0)",
        Outcome.FAIL,
    ),
    "empties the tests": ("cube", "    open('tests/test_core.py', 'w').close()\n    return None", Outcome.FAIL),
}


@pytest.fixture(scope="module")
def verdicts(built, repository, tests_box):
    """What is said of every answer, judged together as a run does."""
    asked = asked_of(built.questions, repository.record().text)
    found = judge_bodies(
        BodySuite(repositories=(repository.asked(built.questions, EvaluationRecipe(test_wall_s=30)),), sandbox=tests_box),
        [(asked[name], answer) for name, answer, _ in ANSWERS.values()],
    )
    return dict(zip(ANSWERS, found, strict=True))


def judge_bodies(suite, answers):
    """The verdict of each (question, answer), in processes that can be killed."""
    with Judges(suite.judge) as judges:
        judgements = [partial(judged, judges, suite.name, question.task, answer) for question, answer in answers]
        return judge_all(judgements, workers=2)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_passes_only_when_the_tests_do(verdicts, name):
    assert verdicts[name].outcome is ANSWERS[name][2], verdicts[name].detail
    assert verdicts[name].score == float(verdicts[name].outcome is Outcome.PASS)


def test_a_verdict_says_why_in_one_line(verdicts):
    assert "not one definition of double that parses" in verdicts["not python"].detail
    assert verdicts["the original"].detail.startswith("3 tests pass (apart)")
    for verdict in verdicts.values():
        assert verdict.detail and "\n" not in verdict.detail
        assert bool(verdict.findings) == (verdict.outcome is not Outcome.PASS)


def test_a_verdict_reads_the_same_in_every_run(verdicts):
    assert not [verdict.detail for verdict in verdicts.values() if re.search(r"\d+\.\d+ ?s", verdict.detail)]


def test_the_original_answer_of_every_task_passes_and_its_stub_does_not(built, repository, tests_box, recipe):
    questions = built.questions.of("body")
    suite = BodySuite(repositories=(repository.asked(built.questions, recipe()),), sandbox=tests_box)
    answers = [(question, text(question.task)) for text in (suite.canonical, suite.wrong) for question in questions]
    found = judge_bodies(suite, answers)
    told = dict(zip((question.key.answer for question in questions), found[len(questions) :], strict=True))
    assert told["        return 6 * self.side**2"].detail.startswith("NotImplementedError")
    assert [verdict.outcome for verdict in found] == [Outcome.PASS] * len(questions) + [Outcome.FAIL] * len(questions)


@pytest.mark.parametrize(
    "loop", ["    while True:\n        pass", "    import time\n    time.sleep(600)"], ids=["busy", "idle"]
)
def test_an_endless_answer_is_a_timeout(built, repository, tests_box, recipe, loop):
    double = asked_of(built.questions, repository.record().text)["double"]
    asked = repository.asked(built.questions, recipe(test_wall_s=2))
    (verdict,) = judge_bodies(BodySuite(repositories=(asked,), sandbox=tests_box), [(double, loop)])
    assert verdict.outcome is Outcome.FAIL
    assert verdict.detail.startswith("timeout")


def test_judging_leaves_the_tree_as_it_was(verdicts, built, repository):
    assert repository.fingerprint() == built.before
