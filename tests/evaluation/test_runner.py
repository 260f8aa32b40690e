"""Runs of a model on a suite: in order, resumable, the same with any number of workers; and the numbers made of them."""

import json
import math
import os
import random
import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from math import comb

import pytest

from yunque.core.errors import EvaluationError
from yunque.core.nouns import Completion, Finding, Outcome, PromptStyle, Task, Verdict
from yunque.evaluation import runner
from yunque.evaluation.aggregate import ceiling_of, compare_runs, pass_at_k, reasons, summarise
from yunque.evaluation.asking import RunConfig
from yunque.evaluation.runner import (
    ScoredSample,
    find_ceiling,
    judge_samples,
    load_ceiling,
    load_samples,
    run_suite,
)

LOOKS = ("similarity", "syntax")


class Arithmetic:
    """Twenty sums; an answer is right when it is the sum. Time-outs and other fates by what the answer says."""

    name, licence, trainable = "arithmetic", "Apache-2.0", True

    def __init__(self):
        self.log = tempfile.TemporaryFile("a+b", buffering=0)  # noqa: SIM115 - one for all processes that judge

    @property
    def judged(self):
        """(task, text) of every judgement so far."""
        return [tuple(json.loads(line)) for line in os.pread(self.log.fileno(), 1 << 20, 0).splitlines()]

    def tasks(self):
        return [
            Task(id=f"a/{n}", suite="arithmetic", prompt=f"{n}+1=", max_tokens=8, language="python", group=f"a/{n}")
            for n in range(20)
        ]

    def program(self, task, text, style=PromptStyle.PREFIX):
        return text

    def canonical(self, task):
        return str(int(task.id[2:]) + 1)

    def wrong(self, task):
        return "wrong" if task.id != "a/7" else self.canonical(task)

    def judge(self, task, text, style=PromptStyle.PREFIX):
        self.log.write(json.dumps([task.id, text]).encode() + b"\n")
        time.sleep(random.random() / 500)
        if text == "timed_out":
            first = self.judged.count((task.id, text)) == 1
            finding = Finding(rule="timeout" if first else "wrong-answer", message="")
            return Verdict(check=self.name, outcome=Outcome.FAIL, score=0.0, findings=(finding,), detail="timed_out")
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
    rows = run_suite(Scripted(), Arithmetic(), tmp_path, RunConfig(samples=2, round_answers=7, metrics=LOOKS), workers=3)
    assert [(row.task_id, row.sample) for row in rows] == [(f"a/{n}", s) for n in range(20) for s in range(2)]
    assert rows[0] == ScoredSample(
        task_id="a/0",
        sample=0,
        group="a/0",
        part="",
        style=PromptStyle.PREFIX,
        first="",
        text="wrong",
        finish_reason="rule",
        tokens=2,
        outcome="fail",
        score=0.0,
        rules=("wrong-answer",),
        detail="got wrong",
        values={
            "pass": 0.0,
            "truncated": 0.0,
            "timed_out": 0.0,
            "similarity": 0.0,
            "exact": 0.0,
            "valid": 1.0,
            "lines": 1.0,
        },
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["samples.jsonl"]
    assert load_samples(tmp_path / "samples.jsonl") == rows


def test_any_number_of_workers_and_any_stop_give_the_same_file(tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    run_suite(Scripted(), Arithmetic(), whole, RunConfig(round_answers=6), workers=1)
    for stop_after in (0, 1, 3):
        folder = tmp_path / f"stopped-{stop_after}"
        folder.mkdir()
        with pytest.raises(KeyboardInterrupt):
            run_suite(Scripted(stop_after=stop_after), Arithmetic(), folder, RunConfig(round_answers=6), workers=2)
        if stop_after == 3:  # as a crash in the middle of a line would leave them
            for name in (runner.COMPLETIONS, runner.VERDICTS):
                text = (folder / name).read_text()
                (folder / name).write_text(text[:-20])
        engine = Scripted()
        run_suite(engine, Arithmetic(), folder, RunConfig(round_answers=6), workers=8)
        assert len(engine.batches) == 4 - stop_after + (stop_after == 3)
        assert (folder / "samples.jsonl").read_bytes() == (whole / "samples.jsonl").read_bytes()


def test_time_outs_are_judged_once_more(tmp_path):
    suite = Arithmetic()
    rows = run_suite(Scripted(special={4: "timed_out"}), suite, tmp_path, RunConfig(), workers=2)
    assert rows[4].rules == ("wrong-answer",)
    assert suite.judged.count(("a/4", "timed_out")) == 2


def test_a_limit_and_a_suite_without_tasks(tmp_path):
    assert len(run_suite(Scripted(), Arithmetic(), tmp_path, RunConfig(limit=3))) == 3
    with pytest.raises(EvaluationError, match="holds no tasks"):
        run_suite(Scripted(), Arithmetic(), tmp_path, RunConfig(limit=0))
    rows = run_suite(Scripted(), Arithmetic(), tmp_path, RunConfig(without=("a/0", "a/19")))
    assert [row.task_id for row in rows] == [f"a/{n}" for n in range(1, 19)]


@pytest.mark.parametrize("style", ["chat", "few-shot", "fim"])
def test_a_style_that_the_suite_does_not_have_is_refused(tmp_path, style):
    with pytest.raises(EvaluationError, match=f"a/0 cannot be asked in style '{style}'.*auto, prefix"):
        run_suite(Scripted(), Arithmetic(), tmp_path, RunConfig(style=style))


@pytest.mark.parametrize(
    ("task", "style", "asked"),
    [
        ({}, "auto", ("p", "", PromptStyle.PREFIX, ("x",))),
        ({"suffix": "s"}, "auto", ("p", "s", PromptStyle.FIM, ("x",))),
        ({"suffix": "s"}, "prefix", ("p", "", PromptStyle.PREFIX, ("x",))),
        ({"question": "q?"}, "chat", ("q?", "", PromptStyle.CHAT, ())),
        ({"examples": "e\n"}, "few-shot", ("e\np", "", PromptStyle.FEW_SHOT, ("x",))),
    ],
)
def test_every_style_asks_in_its_own_way(tmp_path, task, style, asked):
    class One(Arithmetic):
        def tasks(self):
            return [
                Task(id="a/1", suite="one", prompt="p", stops=("x",), max_tokens=8, language="python", group="a", **task)
            ]

    class Listening(Scripted):
        def complete(self, requests):
            self.heard = requests
            return [Completion(text="2", stop="eos", tokens=1, took_ms=1.0, engine=self.name) for _ in requests]

    engine = Listening()
    (row,) = run_suite(engine, One(), tmp_path, RunConfig(style=style))
    (request,) = engine.heard
    assert (request.prompt, request.suffix, request.style, request.stops) == asked
    assert row.style is asked[2]


def test_a_second_question_is_made_of_the_first_answer(tmp_path):
    class Twice(Arithmetic):
        def follow_up(self, task, text):
            return replace(task, prompt=f"{int(task.id[2:])}+{text}")

    class Echo(Scripted):
        def complete(self, requests):
            texts = [request.prompt.rpartition("+")[2] for request in requests]
            return [Completion(text=f"<{text}>", stop="eos", tokens=1, took_ms=1.0, engine="echo") for text in texts]

    row = run_suite(Echo(), Twice(), tmp_path, RunConfig(limit=1))[0]
    assert (row.first, row.text) == ("<1=>", "<<1=>>")


# -------------------------------------------------------------------------------------------------------------- which style
class Cursors(Arithmetic):
    """Sums with text behind them, and four that a style is chosen by; graded by the first letters."""

    name = "cursors"

    def tasks(self):
        return [replace(task, suffix="!") for task in super().tasks()]

    def style_tasks(self):
        return [replace(task, id=f"v/{task.id[2:]}", prompt=f"v{task.prompt}") for task in self.tasks()[:4]]

    def judge(self, task, text, style=PromptStyle.PREFIX):
        verdict = super().judge(task, text, style)
        return replace(verdict, score=0.5) if text.startswith("near") else verdict


class Preferring(Scripted):
    """Right in one style of those it knows and nearly right in others, where cursors of validation are asked; else not."""

    def __init__(self, prefers, *, elsewhere=None, styles=frozenset(PromptStyle)):
        super().__init__()
        self.prefers, self.elsewhere, self.styles, self.heard = prefers, elsewhere or prefers, styles, []

    def complete(self, requests):
        self.heard += requests
        for request in requests:
            wanted = self.prefers if request.prompt.startswith("v") else self.elsewhere
            right = str(int(request.prompt.lstrip("v").split("+")[0]) + 1)
            text = right if request.style in wanted else "near"
            yield Completion(text=text, stop="rule", tokens=2, took_ms=0.0, engine=self.name)


FIM, PREFIX = {PromptStyle.FIM}, {PromptStyle.PREFIX}


@pytest.mark.parametrize(
    ("engine", "style", "right"),
    [
        (Preferring(FIM), PromptStyle.FIM, 20),
        (Preferring(PREFIX), PromptStyle.PREFIX, 20),
        (Preferring(FIM | PREFIX), PromptStyle.PREFIX, 20),  # of equals the plainer
        (Preferring(PREFIX, elsewhere=FIM), PromptStyle.PREFIX, 0),  # those that are scored have no say
        (Preferring(FIM, styles=frozenset(PREFIX)), PromptStyle.PREFIX, 0),  # nothing to choose from
    ],
)
def test_the_style_is_chosen_by_tasks_that_nobody_is_scored_on(tmp_path, engine, style, right):
    rows = run_suite(engine, Cursors(), tmp_path, RunConfig())
    assert {row.style for row in rows} == {style} and {row.task_id[0] for row in rows} == {"a"}
    assert sum(row.outcome == "pass" for row in rows) == right
    tried = {request.style for request in engine.heard if request.prompt.startswith("v")}
    assert tried == ({PromptStyle.PREFIX, PromptStyle.FIM} if len(engine.styles) > 1 else set())
    assert all(bool(request.suffix) == (request.style is PromptStyle.FIM) for request in engine.heard)
    assert all(request.temperature == 0 for request in engine.heard)


def test_a_style_that_was_chosen_is_kept_when_a_run_goes_on(tmp_path):
    class Stops(Preferring):
        def complete(self, requests):
            if len(self.heard) > 12:
                raise KeyboardInterrupt
            return super().complete(requests)

    with pytest.raises(KeyboardInterrupt):
        run_suite(Stops(FIM), Cursors(), tmp_path, RunConfig(round_answers=6))
    again = Preferring(PREFIX)
    rows = run_suite(again, Cursors(), tmp_path, RunConfig(round_answers=6))
    assert {row.style for row in rows} == {PromptStyle.FIM} and not [r for r in again.heard if r.prompt.startswith("v")]
    assert json.loads((tmp_path / "style.json").read_text()) == {"style": "fim", "tried": {"prefix": 0.5, "fim": 1.0}}
    named = Preferring(FIM)
    assert {row.style for row in run_suite(named, Cursors(), tmp_path, RunConfig(style="prefix"))} == {PromptStyle.PREFIX}


# ----------------------------------------------------------------------------------------------------- scored, not asked for
class Chunks(Arithmetic):
    """Texts whose cost is measured."""

    def tasks(self):
        parts = {n: "odd" if n % 2 else "even" for n in range(12)}
        return [
            Task(id=f"a/{n}", suite="c", prompt="", max_tokens=0, language="python", group=f"{n}.py", part=parts[n])
            for n in range(12)
        ]

    def canonical(self, task):
        return "ñ" * (int(task.id[2:]) + 1)


class Even:
    """Gives every character of a text the same log-probability; is never asked."""

    name = "even"

    def __init__(self, bits=1.0):
        self.bits = bits

    def score(self, texts):
        assert all(texts)
        return ([-self.bits * math.log(2)] * len(text) for text in texts)


def test_a_task_that_wants_no_answer_is_scored(tmp_path):
    rows = run_suite(Even(bits=3.0), Chunks(), tmp_path, RunConfig())
    assert {(row.outcome, row.text, row.finish_reason) for row in rows} == {("", "", "")}
    assert [row.values["bits"] for row in rows] == pytest.approx([3.0 * (n + 1) for n in range(12)], abs=1e-3)
    assert [row.values["bytes"] for row in rows] == [2.0 * (n + 1) for n in range(12)]  # a letter of two bytes counts two
    measures = {one.name: one for one in summarise(rows)}
    assert set(measures) == {"bits per byte", "perplexity", "bits per byte (even)", "bits per byte (odd)"}
    assert measures["bits per byte"].value == pytest.approx(1.5, abs=1e-4) and measures["bits per byte"].n == 12
    assert measures["bits per byte (odd)"].n == 6
    assert load_samples(tmp_path / "samples.jsonl") == rows and reasons(rows) == {}
    cheaper = run_suite(Even(bits=2.0), Chunks(), tmp_path, RunConfig())
    bits, _ = compare_runs("c", rows, cheaper)
    assert (bits.base.name, bits.verdict) == ("bits per byte", "better")
    assert bits.difference.value == pytest.approx(-0.5, abs=1e-4)


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory\nat line 3"), ConnectionError("gone"), None])
def test_an_engine_that_dies_is_one_line_and_loses_no_whole_round(tmp_path, error):
    class Dying(Scripted):
        def complete(self, requests):
            answers = list(super().complete(requests))
            if len(self.batches) > 2:
                if error is None:
                    answers = answers[:-1]  # too few
                else:
                    raise error
            return answers

    with pytest.raises(EvaluationError, match="the engine stopped") as caught:
        run_suite(Dying(), Arithmetic(), tmp_path, RunConfig(round_answers=6))
    assert "scripted on arithmetic" in caught.value.line() and "go on" in caught.value.line()
    engine = Scripted()
    assert len(run_suite(engine, Arithmetic(), tmp_path, RunConfig(round_answers=6))) == 20
    assert engine.batches == [6, 2]


def test_a_judge_that_breaks_is_an_error_of_that_answer_alone(tmp_path):
    class Broken(Arithmetic):
        def judge(self, task, text, style=PromptStyle.PREFIX):
            if task.id == "a/5":
                raise ValueError("unmarshallable object")
            return super().judge(task, text, style)

    rows = run_suite(Scripted(), Broken(), tmp_path, RunConfig(metrics=()))
    assert [row.task_id for row in rows if row.outcome == "error"] == ["a/5"]
    assert rows[5].detail == "the judge broke: ValueError: unmarshallable object"
    assert summarise(rows)[0].errors == 1 and summarise(rows)[0].n == 19


def test_the_ceiling_shows_both_directions(tmp_path):
    suite = Arithmetic()
    rows = find_ceiling(suite, suite.tasks(), tmp_path)
    right, fooled = ceiling_of(rows)
    assert (right.name, right.value, right.n) == ("ceiling", 1.0, 20)
    assert (fooled.name, fooled.value) == ("wrong answers that pass", 1 / 20)
    assert load_ceiling(tmp_path / "ceiling.jsonl") == rows


def test_answers_made_elsewhere(tmp_path):
    given = [("a/2", "3"), ("a/0", "1"), ("a/2", "4")]
    rows = judge_samples(Arithmetic(), [(*one, PromptStyle.PREFIX) for one in given], tmp_path)
    assert [(row.task_id, row.sample, row.outcome) for row in rows[:4]] == [
        ("a/0", 0, "pass"), ("a/1", 0, "fail"), ("a/2", 0, "pass"), ("a/2", 1, "fail"),
    ]  # fmt: skip
    assert len(rows) == 21 and rows[1].detail == "no answer was given"
    with pytest.raises(EvaluationError, match="1 answers to tasks that arithmetic does not have, such as 'b/1'"):
        judge_samples(Arithmetic(), [("b/1", "", PromptStyle.PREFIX)], tmp_path)


def test_an_answer_that_utf8_cannot_say_is_one_verdict(tmp_path):
    rows = judge_samples(Arithmetic(), [("a/2", "\ud800", PromptStyle.PREFIX), ("a/0", "1", PromptStyle.PREFIX)], tmp_path)
    assert [(row.task_id, row.outcome) for row in rows[:3]] == [("a/0", "pass"), ("a/1", "fail"), ("a/2", "fail")]


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


@pytest.fixture
def rows_of(judged):
    def make(outcomes, samples=1):
        return [judged(f"t{n // samples}", None, sample=n % samples, outcome=one) for n, one in enumerate(outcomes)]

    return make


def test_a_summary_counts_what_was_not_judged_beside(rows_of, judged):
    rows = rows_of(["pass"] * 3 + ["fail"] * 5 + ["skip"] * 2 + ["error"])
    rows[4] = judged("t4", False, finish_reason="length", rules=("timeout",))
    one, truncated, timed_out = summarise(rows, (1, 5))
    assert (one.name, one.value, one.n, one.skipped, one.errors) == ("pass@1", 0.375, 8, 2, 1)
    assert 0.1 < one.low < 0.2 and 0.65 < one.high < 0.75  # Wilson: 0.137 to 0.694
    assert (truncated.name, truncated.value, timed_out.value) == ("truncated", 0.125, 0.125)
    assert reasons(rows) == {"timeout": 1}


def test_pass_at_k_is_left_out_where_it_cannot_be_told(rows_of):
    rows = rows_of(["pass", "fail", "fail", "fail"] * 6, samples=4)
    measures = {one.name: one.value for one in summarise(rows, (1, 2, 5))}
    assert measures["pass@1"] == 0.25 and measures["pass@2"] == 0.5 and "pass@5" not in measures


def test_none_right_has_an_interval_all_the_same(rows_of):
    one = summarise(rows_of(["fail"] * 164))[0]
    assert (one.value, round(one.low, 9)) == (0.0, 0.0) and 0.02 < one.high < 0.03


def test_parts_have_scores_of_their_own(judged):
    rows = [judged(f"t{n}", n < 6, part="test" if n < 8 else "train") for n in range(20)]
    found = {one.name: (one.value, one.n) for one in summarise(rows)}
    assert found["pass@1"] == (0.3, 20)
    assert found["pass@1 (test)"] == (0.75, 8) and found["pass@1 (train)"] == (0.0, 12)
    assert not any(name.startswith("pass@1 (") for name in (one.name for one in summarise(rows[:8])))


def test_rates_and_ratios(judged):
    rows = [judged(f"t{n}", True, lint=n % 2, lines=10.0 + n, log_time=math.log(2 + 2 * (n % 2))) for n in range(10)]
    rows.append(judged("t10", False))  # nothing was measured of it
    found = {one.name: one for one in summarise(rows)}
    assert found["lint findings"].value == pytest.approx(1000 * 5 / sum(range(10, 20)))
    assert found["lint findings"].n == 10 and found["lint findings"].low < found["lint findings"].value
    assert found["time"].value == pytest.approx(math.sqrt(8)) and found["time"].unit == "ratio"
    assert 2 <= found["time"].low < found["time"].high <= 4


def test_two_runs_are_compared_task_by_task(rows_of):
    base = rows_of(["fail"] * 30 + ["pass"] * 10)
    better = rows_of(["fail"] * 15 + ["pass"] * 25)
    found, *rest = compare_runs("s", base, better)
    assert (found.verdict, found.difference.n) == ("better", 40)
    assert found.difference.value == pytest.approx(0.375)
    assert [one.base.name for one in rest] == ["truncated", "timed out"]
    assert compare_runs("s", better, base)[0].verdict == "worse"
    assert compare_runs("s", base, base)[0].verdict == "cannot tell"
    with pytest.raises(EvaluationError, match="no judged task in common"):
        compare_runs("s", base, [replace(row, task_id=f"x{row.task_id}") for row in base])


def test_less_is_better_where_findings_are_counted(judged):
    base = [judged(f"t{n}", True, lint=2.0, lines=10.0, log_time=0.0) for n in range(12)]
    other = [judged(f"t{n}", True, lint=1.0, lines=20.0, log_time=-1.0 - n / 100) for n in range(12)]
    found = {one.base.name: one for one in compare_runs("s", base, other)}
    lint, time_ = found["lint findings"], found["time"]
    assert (lint.base.value, lint.forged.value, lint.verdict) == (200, 50, "better")
    assert time_.verdict == "better" and time_.difference.value == pytest.approx(math.exp(-1.055))
    assert compare_runs("s", other, base)[1].verdict == "worse"


def test_the_log_is_plain_json(tmp_path):
    run_suite(Scripted(), Arithmetic(), tmp_path, RunConfig())
    lines = (tmp_path / "samples.jsonl").read_text().splitlines()
    assert len(lines) == 20 and json.loads(lines[1])["outcome"] == "pass"
