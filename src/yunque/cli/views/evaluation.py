"""What `yunque eval`, `yunque suites` and `yunque compare` print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from yunque.core.nouns import Measure
from yunque.pipelines.evaluation import Compared, Scored
from yunque.reports.measures import aside_of, interval, paired_words, unit_words, written


def lines(scoreds: Sequence[Scored]) -> list[str]:
    """What `yunque eval` prints: a block a suite, its artifact's id last."""
    details = []
    for item in scoreds:
        details += [item.suite, *(f"  {shown(measure)}" for measure in item.measures)]
        details += [f"  note: {line}" for line in item.artifact.manifest.recipe["deviations"]]
        details.append(f"  failed by: {', '.join(f'{rule} {count}' for rule, count in item.reasons.items()) or 'nothing'}")
        details.append(item.artifact.id)
    return details


def plain(scored: Scored) -> dict:
    """A run as `yunque eval --json` prints it."""
    measures = [asdict(measure) for measure in scored.measures]
    return {"suite": scored.suite, "id": scored.artifact.id, "measures": measures, "failures": scored.reasons}


def shown(measure: Measure) -> str:
    """A number as a person reads it: ``pass@1 9.1 % [5.6, 14.5], n = 164``."""
    if measure.value is None:
        return f"{measure.name}: nothing was judged"
    value = " ".join(filter(None, (written(measure.value, measure.unit), unit_words(measure.unit), interval(measure))))
    return ", ".join(filter(None, (f"{measure.name} {value}", f"n = {measure.n}", aside_of(measure))))


def suite_lines(rows: Sequence[dict]) -> list[str]:
    """What `yunque suites` prints: a line a suite, and what brings the files that are not here."""
    width = max(len(row["suite"]) for row in rows)
    details = []
    for row in rows:
        tasks = "       ?" if row["tasks"] is None else f"{row['tasks']:>8,}"
        brings = f"yunque bench fetch {row['benchmark']}" if row["benchmark"] else "nobody publishes its file"
        where = "here" if row["here"] else brings
        details.append(f"{row['suite']:<{width}} {tasks} tasks  {where}")
    return details


def comparison_lines(compared: Compared) -> list[str]:
    """What `yunque compare` prints: the runs, the measures that differ, the tasks that were gained and lost."""
    first, second = compared.runs
    alike = [measure for measure in compared.measures if measure.is_identical]
    details = [f"first:  {first}", f"second: {second}"]
    details += [
        f"{compared.suite}: {measure.verdict}; {paired_words(measure)}"
        for measure in compared.measures
        if not measure.is_identical
    ]
    if alike:
        values = (
            f"{item.base.name} {written(item.base.value, item.base.unit)}" for item in alike if item.base.value is not None
        )
        details.append(f"identical: {', '.join(values) or 'nothing was judged'}")
    details += _named("gained", compared.gained) + _named("lost", compared.lost)
    return [*details, f"as before: {compared.same} tasks"]


def _named(title: str, tasks: Sequence[str]) -> list[str]:
    """The tasks by name, as many as are read."""
    rest = f" and {len(tasks) - MOST_NAMED} more (--json has all)" if len(tasks) > MOST_NAMED else ""
    return [f"{title} {len(tasks)}: {', '.join(tasks[:MOST_NAMED])}{rest}"] if tasks else []


MOST_NAMED = 40
