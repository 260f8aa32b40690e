"""Runs of a model on a suite: in order, resumable, the same with any number of workers; and the numbers made of them."""

import json
import random
import time
from dataclasses import replace
from fractions import Fraction
from math import comb

import pytest

from yunque.core.errors import EvaluationError
from yunque.core.nouns import Completion, Finding, Outcome, Task, Verdict
from yunque.evaluation import runs
from yunque.evaluation.runs import Asking, Judged, judge_samples, load_samples, run_suite
from yunque.evaluation.verdicts import compare_runs, pass_at_k, reasons, summarise


class Arithmetic:
    """Twenty sums; an answer is right when it is the sum. Time-outs and other fates by what the answer says."""

    name, licence, trainable = "arithmetic", "Apache-2.0", True

    def __init__(self):
        self.judged = []

    def tasks(self):
        return [
            Task(id=f"a/{n}", suite="arithmetic", prompt=f"{n}+1=", max_tokens=8, language="python", group=f"a/{n}")
            for n in range(20)
        ]

    def judge(self, task, text):
        self.judged.append((task.id, text))
        time.sleep(random.random() / 500)
        if text == "late":
            first = self.judged.count((task.id, text)) == 1
            finding = Finding(rule="timeout" if first else "wrong-answer", message="")
            return Verdict(check=self.name, outcome=Outcome.FAIL, score=0.0, findings=(finding,), detail="late")
        right = text == str(int(task.id[2:]) + 1)
        findings = () if right else (Finding(rule="wrong-answer", message="no"),)
        outcome = Outcome.PASS if right else Outcome.SKIP if text == "skip" else Outcome.FAIL
        return Verdict(check=self.name, outcome=outcome, score=float(right), findings=findings, detail=f"got {text}")


class Scripted:
    """Answers every third sum wrong; may stop after so many batches."""

    name = "scripted"

    def __init__(self, stop_after=None, special=None):
        self.batches, self.stop_after, self.special = [], stop_after, special or {}

    def complete(self, requests):
        if self.stop_after is not None and len(self.batches) >= self.stop_after:
            raise KeyboardInterrupt
        self.batches.append(len(requests))
        for request in requests:
            n = int(request.prompt.split("+")[0])
            text = self.special.get(n, str(n + 1) if n % 3 else "wrong")
            yield Completion(text=text, stop="rule", tokens=2, took_ms=random.random(), engine=self.name)


def test_rows_are_in_order_and_say_all(tmp_path):
    rows = run_suite(Scripted(), Arithmetic(), tmp_path, Asking(samples=2, batch_rows=7), workers=3)
    assert [(row.task_id, row.sample) for row in rows] == [(f"a/{n}", s) for n in range(20) for s in range(2)]
    assert rows[0] == Judged(
        task_id="a/0", sample=0, group="a/0", style="completion", text="wrong", ended="rule", tokens=2, outcome="fail",
        score=0.0, rules=("wrong-answer",), detail="got wrong",
    )  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["samples.jsonl"]
    assert load_samples(tmp_path / "samples.jsonl") == rows


def test_any_number_of_workers_and_any_stop_give_the_same_file(tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    run_suite(Scripted(), Arithmetic(), whole, Asking(batch_rows=6), workers=1)
    for stop_after in (0, 1, 3):
        folder = tmp_path / f"stopped-{stop_after}"
        folder.mkdir()
        with pytest.raises(KeyboardInterrupt):
            run_suite(Scripted(stop_after=stop_after), Arithmetic(), folder, Asking(batch_rows=6), workers=2)
        if stop_after == 3:  # as a crash in the middle of a line would leave them
            for name in (runs.COMPLETIONS, runs.VERDICTS):
                text = (folder / name).read_text()
                (folder / name).write_text(text[:-20])
        engine = Scripted()
        run_suite(engine, Arithmetic(), folder, Asking(batch_rows=6), workers=8)
        assert len(engine.batches) == 4 - stop_after + (stop_after == 3)
        assert (folder / "samples.jsonl").read_bytes() == (whole / "samples.jsonl").read_bytes()


def test_time_outs_are_judged_once_more(tmp_path):
    suite = Arithmetic()
    rows = run_suite(Scripted(special={4: "late"}), suite, tmp_path, Asking(), workers=2)
    assert rows[4].rules == ("wrong-answer",)
    assert suite.judged.count(("a/4", "late")) == 2


def test_a_limit_and_a_suite_without_tasks(tmp_path):
    assert len(run_suite(Scripted(), Arithmetic(), tmp_path, Asking(limit=3))) == 3
    with pytest.raises(EvaluationError, match="holds no tasks"):
        run_suite(Scripted(), Arithmetic(), tmp_path, Asking(limit=0))


def test_answers_made_elsewhere(tmp_path):
    rows = judge_samples(Arithmetic(), [("a/2", "3"), ("a/0", "1"), ("a/2", "4")], tmp_path)
    assert [(row.task_id, row.sample, row.outcome) for row in rows[:4]] == [
        ("a/0", 0, "pass"), ("a/1", 0, "fail"), ("a/2", 0, "pass"), ("a/2", 1, "fail"),
    ]  # fmt: skip
    assert len(rows) == 21 and rows[1].detail == "no answer was given"
    with pytest.raises(EvaluationError, match="1 answers to tasks that arithmetic does not have, such as 'b/1'"):
        judge_samples(Arithmetic(), [("b/1", "")], tmp_path)


def test_a_file_that_is_no_samples(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(EvaluationError, match="no file of judged samples"):
        load_samples(tmp_path / "x.jsonl")


# ------------------------------------------------------------------------------------------------------------------ numbers
def test_pass_at_k_is_exact_for_all_small_numbers():
    for n in range(1, 21):
        for correct in range(n + 1):
            for k in range(1, n + 1):
                exact = 1 - Fraction(comb(n - correct, k), comb(n, k))
                assert pass_at_k(n, correct, k) == pytest.approx(float(exact), abs=1e-12)
    for n, correct, k in ((5, 6, 1), (5, 2, 6), (5, 2, 0), (0, 0, 1), (5, -1, 1)):
        with pytest.raises(ValueError, match="pass@"):
            pass_at_k(n, correct, k)


def rows_of(outcomes, samples=1):
    blank = Judged(
        task_id="", sample=0, group="", style="", text="", ended="eos", tokens=1, outcome="", score=None, rules=(), detail=""
    )
    return [
        replace(blank, task_id=f"t{n // samples}", group=f"t{n // samples}", sample=n % samples, outcome=outcome)
        for n, outcome in enumerate(outcomes)
    ]


def test_a_summary_counts_what_was_not_judged_beside():
    rows = rows_of(["pass"] * 3 + ["fail"] * 5 + ["skip"] * 2 + ["error"])
    rows[4] = replace(rows[4], ended="length", rules=("timeout",))
    one, truncated, late = summarise(rows, (1, 5))
    assert (one.name, one.value, one.n, one.skipped, one.errors) == ("pass@1", 0.375, 8, 2, 1)
    assert 0.1 < one.low < 0.2 and 0.65 < one.high < 0.75  # Wilson: 0.137 to 0.694
    assert (truncated.value, late.value) == (0.125, 0.125)
    assert reasons(rows) == {"timeout": 1}


def test_pass_at_k_is_left_out_where_it_cannot_be_told():
    rows = rows_of(["pass", "fail", "fail", "fail"] * 6, samples=4)
    measures = {one.name: one.value for one in summarise(rows, (1, 2, 5))}
    assert measures["pass@1"] == 0.25 and measures["pass@2"] == 0.5 and "pass@5" not in measures


def test_none_right_has_an_interval_all_the_same():
    one = summarise(rows_of(["fail"] * 164))[0]
    assert (one.value, round(one.low, 9)) == (0.0, 0.0) and 0.02 < one.high < 0.03


def test_two_runs_are_compared_task_by_task():
    base = rows_of(["fail"] * 30 + ["pass"] * 10)
    better = rows_of(["fail"] * 15 + ["pass"] * 25)
    found = compare_runs("s", base, better)
    assert (found.verdict, found.difference.n) == ("better", 40)
    assert found.difference.value == pytest.approx(0.375)
    assert compare_runs("s", better, base).verdict == "worse"
    assert compare_runs("s", base, base).verdict == "cannot tell"
    with pytest.raises(EvaluationError, match="no judged task in common"):
        compare_runs("s", base, [replace(row, task_id=f"x{row.task_id}") for row in base])


def test_the_log_is_plain_json(tmp_path):
    run_suite(Scripted(), Arithmetic(), tmp_path, Asking())
    lines = (tmp_path / "samples.jsonl").read_text().splitlines()
    assert len(lines) == 20 and json.loads(lines[1])["outcome"] == "pass"
