"""The public Python suites: every canonical answer passes, every emptied one fails, and a bad file is one line."""

import gzip
import json
import random
from functools import partial

import pytest

from yunque.checks.execution.python import judge_all
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Outcome
from yunque.core.seams import JudgedSuite
from yunque.evaluation.registry import open_suite, suite_names, suite_table
from yunque.evaluation.suites import evalplus, humaneval_mbpp
from yunque.evaluation.suites.rows import read_rows


def misses(suite, tasks):
    """Ids of tasks whose canonical answer does not pass, and of those whose wrong answer does."""
    right = judge_all([partial(suite.judge, task, suite.canonical(task)) for task in tasks])
    wrong = judge_all([partial(suite.judge, task, suite.wrong(task)) for task in tasks])
    return (
        [task.id for task, one in zip(tasks, right, strict=True) if one.outcome is not Outcome.PASS],
        [task.id for task, one in zip(tasks, wrong, strict=True) if one.outcome is not Outcome.FAIL],
    )


@pytest.mark.parametrize(
    ("name", "num_tasks"),
    [
        ("humaneval", 164),
        ("humaneval-xl-spanish", 80),
        ("humaneval-xl-chinese", 80),
        ("mbpp-all", 974),
        ("mbpp-sanitized", 427),
    ],
)
def test_every_canonical_answer_passes_and_every_emptied_one_fails(box, name, num_tasks, benchmark_files):
    suite = open_suite(name, box, benchmark_files)
    assert isinstance(suite, JudgedSuite)
    tasks = suite.tasks()
    assert len(tasks) == num_tasks
    assert misses(suite, random.Random(name).sample(tasks, 40)) == ([], [])  # all: benchmarks/evaluation/ceilings.py


@pytest.mark.parametrize(("name", "num_tasks"), [("humaneval-plus", 164), ("mbpp-plus", 378)])
def test_a_sample_of_the_plus_suites(box, name, num_tasks, benchmark_files):
    suite = open_suite(name, box, benchmark_files)
    tasks = suite.tasks()
    assert len(tasks) == num_tasks
    known = {"HumanEval/32", "Mbpp/2", "Mbpp/164"}  # a root, results as a set
    sample = random.Random(1).sample(tasks, 25) + [task for task in tasks if task.id in known]
    sample = [task for task in sample if task.id not in evalplus.SLOW]
    assert misses(suite, sample) == ([], [])


@pytest.mark.parametrize(
    "given", [10**400, pytest.param(10**9000, id="huge"), 1e308, -(10**300), float("nan"), float("inf"), "0.5", None, True]
)
def test_what_is_no_root_is_said_to_be_none(given):
    """HumanEval/32 is judged by its polynomial: here 1 - 2x + 3x^7."""
    assert evalplus._is_no_root([1, -2, 0, 0, 0, 0, 0, 3], given)


def test_a_root_is_a_root():
    assert evalplus._is_no_root([1, -2], 0.5) == "" and evalplus._is_no_root([1, -2], 0.50004) == ""
    assert evalplus._is_no_root([1, -2], 0.501)


def test_a_sample_of_infilling(box, benchmark_files):
    suite = open_suite("humaneval-infilling-singleline", box, benchmark_files)
    tasks = suite.tasks()
    assert len(tasks) == 1033 and sum(bool(task.suffix) for task in tasks) > 800
    right, wrong = misses(suite, random.Random(2).sample(tasks, 60))
    assert right == []
    assert len(wrong) <= 3  # 16 of the 1,033 lines are reached by no test


def test_hands_off_training(benchmark_files):
    assert not any(open_suite(name, None, benchmark_files).trainable for name in ("humaneval", "mbpp-plus", "multipl-e-cpp"))


def test_mbpp_names_its_splits(benchmark_files):
    splits = [humaneval_mbpp.mbpp(benchmark_files, split) for split in ("test", "validation", "train", "prompt")]
    assert [len(suite.tasks()) for suite in splits] == [500, 90, 374, 10]


ROW = {"task_id": "T/0", "prompt": "def f(x):\n", "canonical_solution": "    return x\n", "entry_point": "f"}
TEST = "def check(candidate):\n    assert candidate(2) == 2\n"


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        file.write("".join(line + "\n" for line in lines))


def test_one_tiny_suite_through_the_judge(box, tmp_path):
    write(tmp_path / "humaneval" / "HumanEval.jsonl.gz", json.dumps(ROW | {"test": TEST}))
    suite = humaneval_mbpp.humaneval(tmp_path, box)
    (task,) = suite.tasks()
    assert (task.id, task.prompt, task.suite) == ("T/0", "def f(x):\n", "humaneval")
    assert suite.judge(task, "    return x").outcome is Outcome.PASS
    assert suite.judge(task, "    return 3").outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["{"], "cannot be read after row 1"),
        ([json.dumps(ROW)], "row 1 has no 'test'"),
        ([json.dumps(ROW | {"test": ""}), "[]"], "row 2 has no 'task_id'"),
        ([json.dumps(ROW | {"test": ""})] * 2, "row 2 repeats task_id 'T/0'"),
        ([], "holds no rows"),
    ],
)
def test_malformed_files_are_one_line(tmp_path, lines, says):
    write(tmp_path / "humaneval" / "HumanEval.jsonl.gz", *lines)
    with pytest.raises(EvaluationError, match=says) as caught:
        humaneval_mbpp.humaneval(tmp_path)
    assert "\n" not in caught.value.line() and "HumanEval.jsonl.gz" in caught.value.line()


def test_a_missing_or_damaged_file(tmp_path):
    with pytest.raises(EvaluationError, match="no such file"):
        read_rows(tmp_path / "nope.jsonl", ("a",))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json.dumps({"a": list(range(999))}).encode())[:400])
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_rows(tmp_path / "cut.jsonl.gz", ("a",))


def test_unknown_suites_name_the_nearest(monkeypatch, tmp_path):
    with pytest.raises(EvaluationError, match="did you mean 'humaneval'"):
        open_suite("humanval", None)
    monkeypatch.delenv("YUNQUE_BENCHMARKS", raising=False)
    monkeypatch.setenv("YUNQUE_CACHE", str(tmp_path))
    with pytest.raises(EvaluationError, match=r"HumanEval\.jsonl\.gz: no such file; run `yunque bench fetch humaneval`"):
        open_suite("humaneval", None)
    monkeypatch.setenv("YUNQUE_BENCHMARKS", "/no/such/folder")
    with pytest.raises(EvaluationError, match=r"^/no/such/folder/humaneval/"):
        open_suite("humaneval", None)
    assert {"mbpp", "humaneval-plus", "multipl-e-rust", "humanevalpack-fix-go"} <= set(suite_names())


def test_the_list_of_suites_says_how_many_tasks_there_are(benchmark_files):
    """A sample; ``python -m yunque.evaluation.registry FOLDER`` writes all of them."""
    rows = {row["suite"]: row for row in suite_table(benchmark_files)}
    assert set(rows) == set(suite_names())
    for name in ("humaneval-plus", "mbpp", "multipl-e-rust", "sven-train", "codexglue-translation-cs-java", "yunque-core"):
        assert rows[name]["tasks"] == sum(1 for _ in open_suite(name, None, benchmark_files).tasks()) and rows[name]["here"]
    assert rows["codexglue-line-completion"]["tasks"] is None and not rows["codexglue-line-completion"]["here"]


def test_what_is_not_here_says_what_brings_it(tmp_path):
    rows = {row["suite"]: row for row in suite_table(tmp_path)}
    assert rows["humaneval-xl-spanish"] == {
        "suite": "humaneval-xl-spanish", "tasks": 80, "benchmark": "humaneval-xl", "here": False,
    }  # fmt: skip
    assert rows["yunque-core"]["here"] and {row["here"] for name, row in rows.items() if name != "yunque-core"} == {False}
