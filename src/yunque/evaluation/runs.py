"""One model on one suite: answers, verdicts, and a file that is the same however often the run was stopped.

A run's folder holds two logs while it lasts, and one file when it is done:

* ``completions.jsonl``: what the engine wrote, in order, batch by batch; a batch is asked again as a whole or not at all,
  since greedy text depends on what is decoded together;
* ``verdicts.jsonl``: what the judge said, as it was said;
* ``samples.jsonl``: both, one line a sample, in the order of the suite.

Covered: generation and judging overlap; a run that is stopped goes on from the last whole batch; time-outs are judged once
more, alone; answers made elsewhere (`judge_samples`).
Not covered: several machines.
"""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from yunque.checks.execution import judge_all, timed_out
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Finding, Outcome, PromptStyle, Request, Task, Verdict, seed_from
from yunque.core.progress import silent
from yunque.core.seams import Engine, JudgedSuite, Progress
from yunque.store.tables import read_lines, write_lines

COMPLETIONS, VERDICTS, SAMPLES = "completions.jsonl", "verdicts.jsonl", "samples.jsonl"


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How a suite is put to a model; all of it decides the answers."""

    samples: int = 1
    """Answers to each task."""
    temperature: float = 0.0
    """0 is greedy."""
    seed: int = 17
    batch_rows: int = 32
    """Answers generated together."""
    limit: int | None = None
    """Only so many tasks, the first ones; None: all."""
    max_tokens: int | None = None
    """Most tokens of an answer; None: what the suite says."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """One answer; a row of ``completions.jsonl``."""

    task_id: str
    sample: int
    text: str
    ended: str
    """``eos``, ``rule`` or ``length`` (truncated)."""
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One answer with its verdict; a row of ``samples.jsonl``."""

    task_id: str
    sample: int
    group: str
    style: str
    text: str
    ended: str
    tokens: int
    outcome: str
    score: float | None
    rules: tuple[str, ...]
    """Rules of the findings."""
    detail: str


def run_suite(
    engine: Engine,
    suite: JudgedSuite,
    folder: Path,
    asking: Asking,
    *,
    workers: int = 2,
    progress: Progress = silent,
) -> list[Judged]:
    """Ask, judge, and write ``samples.jsonl`` into the folder, which may hold what a stopped run left."""
    tasks = list(suite.tasks())[: asking.limit]
    if not tasks:
        raise EvaluationError("holds no tasks", where=suite.name)
    asked = [(task, sample) for task in tasks for sample in range(asking.samples)]
    written = _whole_batches(folder / COMPLETIONS, asking.batch_rows)
    verdicts = _read_verdicts(folder / VERDICTS)
    waiting: dict[tuple[str, int], Future[Verdict]] = {}
    writing = Lock()
    with (
        open(folder / VERDICTS, "a", encoding="utf-8") as log,
        ThreadPoolExecutor(workers) as pool,
        progress(suite.name, len(asked), "answers") as advance,
    ):
        advance(len(written))

        def judge(task: Task, one: Written) -> Verdict:
            verdict = suite.judge(task, one.text)
            with writing:
                log.write(json.dumps(_verdict_row(one, verdict), ensure_ascii=False) + "\n")
                log.flush()
            return verdict

        def submit(start: int, rows: Sequence[Written]) -> None:
            for (task, sample), one in zip(asked[start : start + len(rows)], rows, strict=True):
                if (task.id, sample) not in verdicts:
                    waiting[task.id, sample] = pool.submit(judge, task, one)

        submit(0, written)
        with open(folder / COMPLETIONS, "a", encoding="utf-8") as file:
            for start in range(len(written), len(asked), asking.batch_rows):
                batch = asked[start : start + asking.batch_rows]
                rows = _ask(engine, batch, asking)
                file.write("".join(json.dumps(vars(row), ensure_ascii=False) + "\n" for row in rows))
                file.flush()
                written += rows
                submit(start, rows)
                advance(len(rows))
        verdicts |= {key: future.result() for key, future in waiting.items()}
    by_id = {task.id: task for task in tasks}
    late = [one for one in written if timed_out(verdicts[one.task_id, one.sample])]
    for one in late:  # once more, alone: a busy machine is no wrong answer
        verdicts[one.task_id, one.sample] = suite.judge(by_id[one.task_id], one.text)
    judged = [_judged(by_id[one.task_id], one, verdicts[one.task_id, one.sample]) for one in written]
    write_lines(folder / SAMPLES, judged)
    for name in (COMPLETIONS, VERDICTS):
        (folder / name).unlink()
    return judged


def judge_samples(
    suite: JudgedSuite, samples: Sequence[tuple[str, str]], folder: Path, *, workers: int = 2, progress: Progress = silent
) -> list[Judged]:
    """Judge answers made elsewhere, as (task id, text) pairs; a task without an answer fails, with a row that says so."""
    by_id = {task.id: task for task in suite.tasks()}
    unknown = sorted({task_id for task_id, _ in samples} - set(by_id))
    if unknown:
        raise EvaluationError(f"{len(unknown)} answers to tasks that {suite.name} does not have, such as {unknown[0]!r}")
    counts: dict[str, int] = defaultdict(int)
    written = []
    for task_id, text in samples:
        written.append(Written(task_id=task_id, sample=counts[task_id], text=text, ended="", tokens=0))
        counts[task_id] += 1
    with progress(suite.name, len(written), "answers") as advance:
        judgements = [functools.partial(suite.judge, by_id[one.task_id], one.text) for one in written]
        verdicts = judge_all(judgements, workers=workers, advance=advance)
    judged = [_judged(by_id[one.task_id], one, verdict) for one, verdict in zip(written, verdicts, strict=True)]
    missing = Verdict(check=suite.name, outcome=Outcome.FAIL, detail="no answer was given")
    absent = [Written(task_id=task_id, sample=0, text="", ended="", tokens=0) for task_id in by_id if task_id not in counts]
    judged += [_judged(by_id[one.task_id], one, missing) for one in absent]
    order = {task_id: place for place, task_id in enumerate(by_id)}
    judged.sort(key=lambda row: (order[row.task_id], row.sample))
    write_lines(folder / SAMPLES, judged)
    return judged


def load_samples(path: Path) -> list[Judged]:
    """The rows of a ``samples.jsonl``. EvaluationError when it is something else."""
    try:
        return list(read_lines(path, Judged))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EvaluationError(f"no file of judged samples ({error})", where=path) from None


def _ask(engine: Engine, batch: Sequence[tuple[Task, int]], asking: Asking) -> list[Written]:
    requests = [
        Request(
            prompt=task.prompt,
            suffix=task.suffix,
            style=PromptStyle.FIM if task.suffix else PromptStyle.PREFIX,
            stop=task.stop,
            stops=task.stops,
            max_tokens=min(task.max_tokens, asking.max_tokens or task.max_tokens),
            temperature=asking.temperature,
            seed=seed_from(asking.seed, task.id, sample),
        )
        for task, sample in batch
    ]
    return [
        Written(task_id=task.id, sample=sample, text=answer.text, ended=answer.stop, tokens=answer.tokens)
        for (task, sample), answer in zip(batch, engine.complete(requests), strict=True)
    ]


def _whole_batches(path: Path, batch_rows: int) -> list[Written]:
    """What an earlier run wrote, without a last batch that is not whole; the file is cut to that."""
    rows = [Written(**row) for row in _read_log(path)]
    rows = rows[: len(rows) // batch_rows * batch_rows]
    write_lines(path, rows)
    return rows


def _read_verdicts(path: Path) -> dict[tuple[str, int], Verdict]:
    return {
        (row["task_id"], row["sample"]): Verdict(
            check=row["check"],
            outcome=Outcome(row["outcome"]),
            score=row["score"],
            findings=tuple(Finding(rule=rule, message="") for rule in row["rules"]),
            detail=row["detail"],
        )
        for row in _read_log(path)
        if not row["late"]
    }


def _verdict_row(one: Written, verdict: Verdict) -> dict:
    return {
        "task_id": one.task_id,
        "sample": one.sample,
        "check": verdict.check,
        "outcome": verdict.outcome,
        "score": verdict.score,
        "rules": [finding.rule for finding in verdict.findings],
        "detail": verdict.detail,
        "late": timed_out(verdict),
    }


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


def _judged(task: Task, one: Written, verdict: Verdict) -> Judged:
    return Judged(
        task_id=task.id,
        sample=one.sample,
        group=task.group,
        style="fim" if task.suffix else "completion",
        text=one.text,
        ended=one.ended,
        tokens=one.tokens,
        outcome=verdict.outcome.value,
        score=verdict.score,
        rules=tuple(dict.fromkeys(finding.rule for finding in verdict.findings)),
        detail=verdict.detail,
    )
