"""What `yunque eval`, `yunque suites` and `yunque compare` print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from yunque.core.nouns import Measure
from yunque.pipelines.evaluation import Compared, Scored
from yunque.reports.measures import aside_of, interval, paired_words, unit_words, written


def lines(found: Sequence[Scored]) -> list[str]:
    """What `yunque eval` prints: a block a suite, its artifact's id last."""
    said = []
    for one in found:
        said += [one.suite, *(f"  {shown(measure)}" for measure in one.measures)]
        said += [f"  note: {line}" for line in one.artifact.manifest.recipe["deviations"]]
        said.append(f"  failed by: {', '.join(f'{rule} {count}' for rule, count in one.reasons.items()) or 'nothing'}")
        said.append(one.artifact.id)
    return said


def plain(one: Scored) -> dict:
    """A run as `yunque eval --json` prints it."""
    measures = [asdict(measure) for measure in one.measures]
    return {"suite": one.suite, "id": one.artifact.id, "measures": measures, "failures": one.reasons}


def shown(measure: Measure) -> str:
    """A number as a person reads it: ``pass@1 9.1 % [5.6, 14.5], n = 164``."""
    if measure.value is None:
        return f"{measure.name}: nothing was judged"
    value = " ".join(filter(None, (written(measure.value, measure.unit), unit_words(measure.unit), interval(measure))))
    return ", ".join(filter(None, (f"{measure.name} {value}", f"n = {measure.n}", aside_of(measure))))


def suite_lines(rows: Sequence[dict]) -> list[str]:
    """What `yunque suites` prints: a line a suite, and what brings the files that are not here."""
    width = max(len(row["suite"]) for row in rows)
    said = []
    for row in rows:
        tasks = "       ?" if row["tasks"] is None else f"{row['tasks']:>8,}"
        brings = f"yunque bench fetch {row['benchmark']}" if row["benchmark"] else "nobody publishes its file"
        where = "here" if row["here"] else brings
        said.append(f"{row['suite']:<{width}} {tasks} tasks  {where}")
    return said


def comparison_lines(found: Compared) -> list[str]:
    """What `yunque compare` prints: the runs, the measures that differ, the tasks that were gained and lost."""
    first, second = found.runs
    alike = [one for one in found.measures if one.is_identical]
    said = [f"first:  {first}", f"second: {second}"]
    said += [f"{found.suite}: {one.verdict}; {paired_words(one)}" for one in found.measures if not one.is_identical]
    if alike:
        values = (f"{one.base.name} {written(one.base.value, one.base.unit)}" for one in alike if one.base.value is not None)
        said.append(f"identical: {', '.join(values) or 'nothing was judged'}")
    said += _named("gained", found.gained) + _named("lost", found.lost)
    return [*said, f"as before: {found.same} tasks"]


def _named(title: str, tasks: Sequence[str]) -> list[str]:
    """The tasks by name, as many as are read."""
    rest = f" and {len(tasks) - MOST_NAMED} more (--json has all)" if len(tasks) > MOST_NAMED else ""
    return [f"{title} {len(tasks)}: {', '.join(tasks[:MOST_NAMED])}{rest}"] if tasks else []


MOST_NAMED = 40
