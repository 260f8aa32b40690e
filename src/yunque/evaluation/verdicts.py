"""Judged samples to numbers: pass@k with intervals, what ended early or went wrong, and two runs compared task by task."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from yunque.core.errors import EvaluationError
from yunque.core.nouns import Measure, Outcome
from yunque.evaluation.runs import Judged
from yunque.evaluation.statistics import Paired, compare, describe


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The chance that one of k answers drawn from n passes: 1 - C(n-c, k) / C(n, k), unbiased (Chen et al. 2021).

    ValueError for k greater than n: fewer answers cannot tell.
    """
    if not 0 <= correct <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} of {n} answers, {correct} right")
    return 1 - math.comb(n - correct, k) / math.comb(n, k)


def summarise(rows: Sequence[Judged], ks: Sequence[int] = (1,), *, seed: int = 0) -> list[Measure]:
    """pass@k for each k that the number of answers allows, and the shares of answers that were cut off or ran out of time.

    A task is out, and counted as skipped or as an error, when all its answers are SKIP or ERROR; else those verdicts fail.
    """
    tasks = _by_task(rows)
    skipped = sum(all(row.outcome == Outcome.SKIP for row in answers) for answers in tasks.values())
    errors = sum(all(row.outcome == Outcome.ERROR for row in answers) for answers in tasks.values())
    counted = {task_id: answers for task_id, answers in tasks.items() if not _is_out(answers)}
    fewest = min((len(answers) for answers in counted.values()), default=0)
    measures = []
    for k in ks:
        if k > fewest:
            continue
        values = [pass_at_k(len(answers), _num_right(answers), k) for answers in counted.values()]
        one = describe(f"pass@{k}", values, [answers[0].group for answers in counted.values()], seed=seed)
        measures.append(
            Measure(name=one.name, value=one.value, n=one.n, low=one.low, high=one.high, skipped=skipped, errors=errors)
        )
    answers = [row for kept in counted.values() for row in kept]
    for name, share in (("truncated", _is_truncated), ("timed out", _is_late)):
        value = sum(map(share, answers)) / len(answers) if answers else None
        measures.append(Measure(name=name, value=value, n=len(answers)))
    return measures


def reasons(rows: Sequence[Judged]) -> dict[str, int]:
    """Why answers failed: rule of the first finding -> answers, the most frequent first."""
    found = Counter(row.rules[0] for row in rows if row.outcome == Outcome.FAIL and row.rules)
    return dict(found.most_common())


def compare_runs(name: str, base: Sequence[Judged], other: Sequence[Judged], *, seed: int = 0) -> Paired:
    """pass@1 of two runs on the tasks that both have, paired. EvaluationError when they share none."""
    one, two = _by_task(base), _by_task(other)
    shared = [task_id for task_id in one if task_id in two and not _is_out(one[task_id]) and not _is_out(two[task_id])]
    if not shared:
        raise EvaluationError("the two runs have no judged task in common", where=name)
    values = [[_num_right(run[task_id]) / len(run[task_id]) for task_id in shared] for run in (one, two)]
    return compare(f"{name} pass@1", *values, [one[task_id][0].group for task_id in shared], seed=seed)


def _by_task(rows: Sequence[Judged]) -> dict[str, list[Judged]]:
    tasks: dict[str, list[Judged]] = defaultdict(list)
    for row in rows:
        tasks[row.task_id].append(row)
    return tasks


def _is_out(answers: Sequence[Judged]) -> bool:
    return all(row.outcome in (Outcome.SKIP, Outcome.ERROR) for row in answers)


def _num_right(answers: Sequence[Judged]) -> int:
    return sum(row.outcome == Outcome.PASS for row in answers)


def _is_truncated(row: Judged) -> bool:
    return row.ended == "length"


def _is_late(row: Judged) -> bool:
    return "timeout" in row.rules
