"""One model on one suite: answers, verdicts, and a file that is the same however often the run was stopped.

A run's folder holds two logs while it lasts, and one file when it is done:

* ``completions.jsonl``: what the engine wrote, in order, batch by batch; a batch is asked again as a whole or not at all,
  since greedy text depends on what is decoded together;
* ``verdicts.jsonl``: what the judge said, as it was said;
* ``samples.jsonl``: both, one line a sample, in the order of the suite;
* ``style.json``: the style of prompt that was chosen, where there was a choice.

Covered: generation and judging overlap; a run that is stopped goes on from the last whole batch; time-outs are judged once
more, alone; an answer that takes the judge's own time or memory fails, alone; answers made elsewhere (`judge_samples`);
tasks that are scored and not asked for (`Task.max_tokens` is 0).
Not covered: several machines.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Protocol, runtime_checkable

from yunque.checks.execution.judge_processes import Exceeded, Judges, exceeded, judged
from yunque.checks.execution.python import judge_all
from yunque.checks.findings import error, fail, skip
from yunque.core.errors import EvaluationError, SandboxError, YunqueError
from yunque.core.nouns import Job, Outcome, PromptStyle, Task, Verdict
from yunque.core.progress import silent
from yunque.core.seams import Engine, JudgedSuite, Progress
from yunque.evaluation.asking import Generation, RunConfig, ask, choose_style, chosen_tasks
from yunque.evaluation.metrics.answers import USUAL, AnswerValues, RecordingSandbox, reference_likelihood
from yunque.store.tables import json_line, read_lines, write_lines

COMPLETIONS, VERDICTS, SAMPLES, CEILING = "completions.jsonl", "verdicts.jsonl", "samples.jsonl", "ceiling.jsonl"
STYLE = "style.json"


@dataclass(frozen=True, kw_only=True)
class ScoredSample:
    """One answer with its verdict; a row of ``samples.jsonl``."""

    task_id: str
    sample: int
    group: str
    part: str
    style: PromptStyle
    first: str
    text: str
    finish_reason: str
    tokens: int
    outcome: str
    """Of the verdict; empty for what is scored and not asked for."""
    score: float | None
    rules: tuple[str, ...]
    """Rules of the findings."""
    detail: str
    values: dict
    """Numbers by name: what `metrics` makes its numbers of."""
    judge_location: str = ""
    """Where the judge sat (`Verdict.judge_location`)."""


def run_suite(
    engine: Engine,
    suite: JudgedSuite,
    folder: Path,
    config: RunConfig,
    *,
    workers: int = 2,
    sandbox: RecordingSandbox | None = None,
    progress: Progress = silent,
) -> list[ScoredSample]:
    """Ask, judge, measure, and write ``samples.jsonl`` into the folder, which may hold what a stopped run left."""
    tasks = chosen_tasks(suite, config)
    by_id = {task.id: task for task in tasks}
    asked = [(task, sample) for task in tasks if task.max_tokens for sample in range(config.samples)]
    config = replace(config, style=choose_style(engine, suite, folder / STYLE, config))
    written = _whole_rounds(folder / COMPLETIONS, config.round_answers)
    result, waiting = _read_verdicts(folder / VERDICTS), {}
    values = AnswerValues(suite=suite, kinds=config.metrics, sandbox=sandbox)
    with (
        _Scoring(suite, values, folder / VERDICTS) as judging,
        ThreadPoolExecutor(workers) as pool,
        progress(suite.name, len(asked), "answers") as advance,
    ):

        def submit(item: Generation) -> None:
            advance(1)
            if (item.task_id, item.sample) not in result:
                waiting[item.task_id, item.sample] = pool.submit(judging.judge, by_id[item.task_id], item)

        for item in written:
            submit(item)
        with open(folder / COMPLETIONS, "a", encoding="utf-8") as file:
            for start in range(len(written), len(asked), config.round_answers):
                for item in ask(engine, suite, asked[start : start + config.round_answers], config):
                    file.write(json_line(vars(item)))
                    file.flush()
                    written.append(item)
                    submit(item)
        result |= {key: future.result() for key, future in waiting.items()}
        for item in written:
            if result[item.task_id, item.sample].values["timed_out"]:  # once more, alone: a busy machine is no wrong answer
                result[item.task_id, item.sample] = judging.judge(by_id[item.task_id], item)
    scored = [task for task in tasks if "likelihood" in config.metrics or not task.max_tokens]
    costs = reference_likelihood(engine, suite, scored)
    for key, judgement in result.items():
        result[key] = replace(judgement, values=judgement.values | costs.get(key[0], {}))
    judged = [_judged(by_id[sample.task_id], sample, result[sample.task_id, sample.sample]) for sample in written]
    judged += [_unasked(task, costs.get(task.id, {})) for task in tasks if not task.max_tokens]
    write_lines(folder / SAMPLES, judged)
    for name in (COMPLETIONS, VERDICTS):
        (folder / name).unlink(missing_ok=True)
    return judged


def refuse_unknown(suite: JudgedSuite, task_ids: Set[str]) -> None:
    """EvaluationError when a suite does not have some of the tasks."""
    unknown = sorted(task_ids - {task.id for task in suite.tasks()})
    if unknown:
        raise EvaluationError(f"{len(unknown)} answers to tasks that {suite.name} does not have, such as {unknown[0]!r}")


def judge_samples(
    suite: JudgedSuite,
    samples: Sequence[tuple[str, str, PromptStyle]],
    folder: Path,
    *,
    tasks: Sequence[Task] | None = None,
    values: AnswerValues | None = None,
    workers: int = 2,
    progress: Progress = silent,
) -> list[ScoredSample]:
    """Judge answers made elsewhere, as (task id, text, style); a task without one fails, with a row that says so.

    ``tasks``: those that count; None: all of the suite. ``values``: what is measured of each; None: the usual.
    """
    refuse_unknown(suite, {task_id for task_id, _, _ in samples})
    by_id = {task.id: task for task in (suite.tasks() if tasks is None else tasks)}
    samples = [sample for sample in samples if sample[0] in by_id]
    counts: Counter[str] = Counter()
    written = []
    for task_id, text, style in samples:
        number = counts[task_id]
        written.append(Generation(task_id=task_id, sample=number, style=style, text=text, finish_reason="", tokens=0))
        counts[task_id] += 1
    values = values or AnswerValues(suite=suite, kinds=USUAL)
    with (
        _Scoring(suite, values, folder / VERDICTS) as judging,
        progress(suite.name, len(written), "answers") as advance,
        ThreadPoolExecutor(workers) as pool,
    ):
        results = []
        for judgement in pool.map(lambda sample: judging.judge(by_id[sample.task_id], sample), written):
            results.append(judgement)
            advance(1)
        for index, answer in enumerate(written):
            if results[index].values["timed_out"]:
                results[index] = judging.judge(by_id[answer.task_id], answer)
    (folder / VERDICTS).unlink()
    judged = [_judged(by_id[sample.task_id], sample, what) for sample, what in zip(written, results, strict=True)]
    missing = _Found(outcome="fail", score=None, rules=("missing",), detail="no answer was given", values=dict(_NOTHING))
    absent = [
        Generation(task_id=task_id, sample=0, style=PromptStyle.PREFIX, text="", finish_reason="", tokens=0)
        for task_id in by_id
        if task_id not in counts
    ]
    judged += [_judged(by_id[sample.task_id], sample, missing) for sample in absent]
    order = {task_id: place for place, task_id in enumerate(by_id)}
    judged.sort(key=lambda row: (order[row.task_id], row.sample))
    write_lines(folder / SAMPLES, judged)
    return judged


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """What a task's own canonical and wrong answers get on this machine; a row of ``ceiling.jsonl``."""

    task_id: str
    group: str
    canonical: str
    """Outcome; empty where the suite has no canonical answer."""
    wrong: str
    detail: str
    """Why the canonical answer does not pass."""


def find_ceiling(
    suite: JudgedSuite, tasks: Sequence[Task], folder: Path, *, workers: int = 2, progress: Progress = silent
) -> list[Ceiling]:
    """Judge every task's canonical and wrong answer: how high a score can be here, and that low ones are possible."""

    def judge(task: Task, text: str | None) -> Verdict:
        if text is None:
            return skip(suite.name, "")
        return suite.judge(task, text) if _is_distant(suite) else judged(judges, suite.name, task, text)

    steps = progress(f"{suite.name} ceiling", 2 * len(tasks), "answers")
    with Judges(suite.judge) as judges, steps as advance:
        judgements = [functools.partial(judge, task, suite.canonical(task)) for task in tasks]
        right = judge_all(judgements, workers=workers, advance=advance)
        judgements = [functools.partial(judge, task, suite.wrong(task)) for task in tasks]
        wrong = judge_all(judgements, workers=workers, advance=advance)
    rows = [
        Ceiling(
            task_id=task.id,
            group=task.group,
            canonical=verdict.outcome.value if suite.canonical(task) is not None else "",
            wrong=other.outcome.value,
            detail="" if verdict.outcome is Outcome.PASS else verdict.detail,
        )
        for task, verdict, other in zip(tasks, right, wrong, strict=True)
    ]
    write_lines(folder / CEILING, rows)
    return rows


def load_ceiling(path: Path) -> list[Ceiling]:
    """The rows of a ``ceiling.jsonl``."""
    return list(read_lines(path, Ceiling))


def load_samples(path: Path) -> list[ScoredSample]:
    """The rows of a ``samples.jsonl``. EvaluationError when it is something else."""
    try:
        return list(read_lines(path, ScoredSample))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EvaluationError(f"no file of judged samples ({error})", where=path) from None


# ------------------------------------------------------------------------------------------------------------------ judging
@dataclass(frozen=True, kw_only=True)
class _Found:
    """What was found out about one answer; with its task and sample a row of ``verdicts.jsonl``."""

    outcome: str
    score: float | None
    rules: tuple[str, ...]
    detail: str
    values: dict
    judge_location: str = ""


@runtime_checkable
class DistantSuite(Protocol):
    """A suite whose judges sit in other processes already, where they can be killed."""

    is_distant: bool


def _is_distant(suite: JudgedSuite) -> bool:
    return isinstance(suite, DistantSuite) and suite.is_distant


class _Scoring:
    """Judges answers, each in a process of `Judges`, and writes down what it found, for several threads at once."""

    def __init__(self, suite: JudgedSuite, values: AnswerValues, log: Path) -> None:
        self.suite, self.values, self.log, self.writing = suite, values, log, Lock()
        self.judges = Judges(self._look)

    def __enter__(self) -> _Scoring:
        self.judges.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.judges.close()

    def _look(self, task: Task, written: Generation, verdict: Verdict | None) -> tuple[Verdict, dict[str, float]]:
        """The verdict, if it is not known, and the values of an answer. YunqueError when none could be judged here."""
        try:
            verdict = verdict or self.suite.judge(task, written.text, written.style)
            return verdict, self.values.of(task, written.text, written.style, written.finish_reason, verdict)
        except SandboxError as refusal:
            assert self.suite.sandbox is not None  # or what could refuse
            self.suite.sandbox.run(Job(python=""))  # or raises as well: then it is not the answer's doing
            return fail(self.suite.name, "not-runnable", f"the sandbox refuses this program: {refusal}"), dict(_NOTHING)
        except YunqueError:
            raise  # no sandbox, no such file: nothing that goes on is worth anything
        except Exception as broken:  # a judge that breaks says nothing of the answer, and takes no other answer with it
            return error(self.suite.name, f"the judge broke: {type(broken).__name__}: {broken}"[:400]), dict(_NOTHING)

    def judge(self, task: Task, written: Generation) -> _Found:
        try:
            there = self.suite.judge(task, written.text, written.style) if _is_distant(self.suite) else None
            verdict, values = self.judges(task, written, there)
        except Exceeded as error:
            verdict, values = exceeded(self.suite.name, error), dict(_NOTHING)
        result = _Found(
            outcome=verdict.outcome.value,
            score=verdict.score,
            rules=tuple(dict.fromkeys(finding.rule for finding in verdict.findings)),
            detail=verdict.detail,
            values=values,
            judge_location=verdict.judge_location,
        )
        row = {"task_id": written.task_id, "sample": written.sample} | vars(result)
        with self.writing, open(self.log, "a", encoding="utf-8") as file:
            file.write(json_line(row))
        return result


_NOTHING = {"pass": 0.0, "timed_out": 0.0}
"""The values of an answer of which nothing could be measured."""


def _judged(task: Task, written: Generation, result: _Found) -> ScoredSample:
    return ScoredSample(group=task.group, part=task.part, **vars(written), **vars(result))


def _unasked(task: Task, costs: dict[str, float]) -> ScoredSample:
    """What a task's reference costs, where nothing is asked."""
    nothing = Generation(task_id=task.id, sample=0, style=PromptStyle.PREFIX, text="", finish_reason="", tokens=0)
    return _judged(task, nothing, _Found(outcome="", score=None, rules=(), detail="", values=costs))


def _whole_rounds(path: Path, round_answers: int) -> list[Generation]:
    """What an earlier run wrote, without a last round that is not whole; the file is cut to that."""
    rows = [Generation(**row | {"style": PromptStyle(row["style"])}) for row in _read_log(path)]
    rows = rows[: len(rows) // round_answers * round_answers]
    write_lines(path, rows)
    return rows


def _read_verdicts(path: Path) -> dict[tuple[str, int], _Found]:
    """What an earlier run found out; an answer that ran out of time is judged again."""
    verdicts = {}
    for row in _read_log(path):
        key = (row.pop("task_id"), row.pop("sample"))
        item = _Found(**row | {"rules": tuple(row["rules"])})
        if not item.values["timed_out"]:
            verdicts[key] = item
    return verdicts


def _read_log(path: Path) -> list[dict]:
    """The whole lines of a log; a last one that was cut by a crash is left out."""
    rows = []
    if path.exists():
        for line in path.read_text("utf-8").split("\n")[:-1]:
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows
