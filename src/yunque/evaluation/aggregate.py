"""Judged answers to numbers: pass@k, every metric with its interval, why answers failed, and two runs task by task."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from yunque.core.errors import EvaluationError
from yunque.core.nouns import Measure, Outcome
from yunque.evaluation.metrics.answers import EXPONENTIATED, METRICS, Metric
from yunque.evaluation.metrics.statistics import Paired, Quantity, compare, describe
from yunque.evaluation.runner import Ceiling, ScoredSample


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The chance that one of k answers drawn from n passes: 1 - C(n-c, k) / C(n, k), unbiased (Chen et al. 2021).

    ValueError for k greater than n: fewer answers cannot tell.
    """
    if not 0 <= correct <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} of {n} answers, {correct} right")
    return 1 - math.comb(n - correct, k) / math.comb(n, k)


def summarise(rows: Sequence[ScoredSample], ks: Sequence[int] = (1,), *, seed: int = 0) -> list[Measure]:
    """pass@k for each k that the answers allow, of the suite and its parts; every metric; findings by rule or CWE.

    A task is out, and counted as skipped or as an error, when all its answers are SKIP or ERROR; else those verdicts fail.
    """
    tasks = _by_task(rows)
    skipped = sum(all(row.outcome == Outcome.SKIP for row in answers) for answers in tasks.values())
    errors = sum(_is_out(answers) for answers in tasks.values()) - skipped
    counted = {task_id: answers for task_id, answers in tasks.items() if not _is_out(answers)}
    judged = {task_id: answers for task_id, answers in counted.items() if answers[0].outcome}  # the others are scored alone
    fewest = min((len(answers) for answers in judged.values()), default=0)
    measures = []
    for k in (k for k in ks if k <= fewest):
        measures.append(replace(_pass(f"pass@{k}", judged, k, seed), skipped=skipped, errors=errors))
    parts = sorted({answers[0].part for answers in judged.values()} - {""})
    if fewest and len(parts) > 1:
        for part in parts:
            mine = {task_id: answers for task_id, answers in judged.items() if answers[0].part == part}
            measures.append(_pass(f"pass@1 ({part})", mine, 1, seed))
        measures += _worst(judged, parts, seed)
    answers = [row for kept in counted.values() for row in kept]
    measures += [item for metric in METRICS[1:] if (item := _measure(metric, answers, seed)).n]
    measures += _bits_by_part([row for row in answers if not row.outcome], seed)
    return measures + [item for metric in METRICS if metric.parts for item in _split(metric, answers, seed)]


def ceiling_of(rows: Sequence[Ceiling], *, seed: int = 0) -> list[Measure]:
    """Shares of canonical and of wrong answers that pass here; none where the suite has no canonical answers."""
    known = [row for row in rows if row.canonical and row.canonical != Outcome.SKIP]
    skipped = sum(row.canonical == Outcome.SKIP for row in rows)
    passed = describe(
        "ceiling", [float(r.canonical == Outcome.PASS) for r in known], [r.group for r in known], unit="share", seed=seed
    )
    wrong = [row for row in rows if row.wrong != Outcome.SKIP]
    fooled = describe(
        "wrong answers that pass",
        [float(r.wrong == Outcome.PASS) for r in wrong],
        [r.group for r in wrong],
        unit="share",
        seed=seed,
    )
    return [replace(passed, skipped=skipped), fooled]


def reasons(rows: Sequence[ScoredSample]) -> dict[str, int]:
    """Why answers failed: rule of the first finding -> answers, the most frequent first."""
    result = Counter(row.rules[0] for row in rows if row.outcome == Outcome.FAIL and row.rules)
    return dict(result.most_common())


def compare_runs(name: str, base: Sequence[ScoredSample], other: Sequence[ScoredSample], *, seed: int = 0) -> list[Paired]:
    """Every metric that both runs have, paired over the tasks that both have. EvaluationError when they share none."""
    item, two = _by_task(base), _by_task(other)
    shared = [task_id for task_id in item if task_id in two and not _is_out(item[task_id]) and not _is_out(two[task_id])]
    if not shared:
        raise EvaluationError("the two runs have no judged task in common", where=name)
    paireds = []
    for metric in METRICS:
        both = [task_id for task_id in shared if _has(metric, item[task_id]) and _has(metric, two[task_id])]
        mine, theirs = ([_mean(run[task_id], metric.of) * metric.scale for task_id in both] for run in (item, two))
        weights: tuple[list[float], list[float]] | None = None
        if metric.per:
            my_weights, their_weights = ([_mean(run[task_id], metric.per) for task_id in both] for run in (item, two))
            weights = my_weights, their_weights
        if not both or (weights and not all(map(sum, weights))):
            continue
        paired = compare(
            Quantity(metric.name, metric.unit, metric.better == "higher"),
            mine,
            theirs,
            [item[task_id][0].group for task_id in both],
            weights=weights,
            seed=seed,
        )
        if metric.unit in EXPONENTIATED:
            base_ratio, forged_ratio, ratio = map(_as_ratio, (paired.base, paired.forged, paired.difference))
            paired = replace(paired, base=base_ratio, forged=forged_ratio, difference=ratio)
        paireds.append(paired)
    return paireds


def _shares_passed(rows: Sequence[ScoredSample]) -> dict[str, float]:
    """Of each task, the share of its judged answers that pass."""
    judged = _by_task([row for row in rows if row.outcome in ("pass", "fail")])
    return {task: _num_right(answers) / len(answers) for task, answers in judged.items()}


@dataclass(frozen=True, kw_only=True)
class Changed:
    """Tasks of two runs of one suite, by how many of their judged answers pass."""

    gained: list[str]
    """Of which the second run has more."""
    lost: list[str]
    """Of which it has fewer."""
    same: int
    """How many tasks have as many."""


def changed_tasks(before: Sequence[ScoredSample], after: Sequence[ScoredSample]) -> Changed:
    """How the tasks that both runs were judged on differ, in the first run's order."""
    first, second = _shares_passed(before), _shares_passed(after)
    both = [task for task in first if task in second]
    gained, lost = ([task for task in both if sign * (second[task] - first[task]) > 0] for sign in (1, -1))
    return Changed(gained=gained, lost=lost, same=len(both) - len(gained) - len(lost))


def _pass(name: str, tasks: dict[str, list[ScoredSample]], k: int, seed: int) -> Measure:
    values = [pass_at_k(len(answers), _num_right(answers), k) for answers in tasks.values()]
    return describe(name, values, [answers[0].group for answers in tasks.values()], unit="share", seed=seed)


def _bits_by_part(rows: Sequence[ScoredSample], seed: int) -> list[Measure]:
    """What is scored and not asked for, by part where there are several."""
    parts = dict.fromkeys(row.part for row in rows)
    metric = next(metric for metric in METRICS if metric.of == "bits")
    each = ((part, _measure(metric, [row for row in rows if row.part == part], seed)) for part in parts)
    return [replace(item, name=f"{metric.name} ({part})") for part, item in each] if len(parts) > 1 else []


def _worst(tasks: dict[str, list[ScoredSample]], parts: Sequence[str], seed: int) -> list[Measure]:
    """Where every group is asked in every part: the mean over groups of the lowest pass rate in any."""
    groups: dict[str, dict[str, float]] = defaultdict(dict)
    for answers in tasks.values():
        groups[answers[0].group][answers[0].part] = _num_right(answers) / len(answers)
    if len(groups) * len(parts) != len(tasks) or any(len(rates) < len(parts) for rates in groups.values()):
        return []
    worst = [min(rates.values()) for rates in groups.values()]
    return [describe(f"pass, worst of {len(parts)}", worst, list(groups), unit="share", seed=seed)]


def _measure(metric: Metric, rows: Sequence[ScoredSample], seed: int, part: str = "") -> Measure:
    """A metric over those answers that have its values; or a part of it, which answers without it have 0 of."""
    having = [row for row in rows if _has(metric, [row])]
    weights = [row.values[metric.per] for row in having] if metric.per else None
    if weights is not None and not sum(weights):
        having, weights = [], None
    values = [(row.values.get(part, 0.0) if part else row.values[metric.of]) * metric.scale for row in having]
    groups = [row.group for row in having]
    name = f"{metric.name} ({part.removeprefix(metric.parts)})" if part else metric.name
    result = describe(name, values, groups, weights=weights, unit=metric.unit, seed=seed)
    return _as_ratio(result) if metric.unit in EXPONENTIATED else result


def _split(metric: Metric, rows: Sequence[ScoredSample], seed: int) -> list[Measure]:
    """A metric by what was found, the most frequent first."""
    results: Counter[str] = Counter()
    for row in rows:
        results.update({name: value for name, value in row.values.items() if name.startswith(metric.parts)})
    return [_measure(metric, rows, seed, part) for part in sorted(results, key=lambda name: (-results[name], name))]


def _as_ratio(measure: Measure) -> Measure:
    """A mean of logarithms as a geometric mean."""
    value, low, high = (None if end is None else math.exp(end) for end in (measure.value, measure.low, measure.high))
    return replace(measure, value=value, low=low, high=high)


def _by_task(rows: Sequence[ScoredSample]) -> dict[str, list[ScoredSample]]:
    tasks: dict[str, list[ScoredSample]] = defaultdict(list)
    for row in rows:
        tasks[row.task_id].append(row)
    return tasks


def _has(metric: Metric, answers: Sequence[ScoredSample]) -> bool:
    return all(metric.of in row.values and (not metric.per or metric.per in row.values) for row in answers)


def _mean(answers: Sequence[ScoredSample], name: str) -> float:
    return sum(row.values[name] for row in answers) / len(answers)


def _is_out(answers: Sequence[ScoredSample]) -> bool:
    return all(row.outcome in (Outcome.SKIP, Outcome.ERROR) for row in answers)


def _num_right(answers: Sequence[ScoredSample]) -> int:
    return sum(row.outcome == Outcome.PASS for row in answers)
