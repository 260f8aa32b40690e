"""Runs of `yunque eval` as pages: one with every number beside its interval, and one a run with every answer.

    OUT/eval.html        scores of all runs, run against run on the same suite, why answers failed
    OUT/eval-ID.html     every answer of one run, with what was asked and what the judge said

Covered: no script, no external resource; every text from a model or a benchmark is escaped.
Not covered: more than about six runs of a suite side by side; the columns of a table are runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from yunque.core.nouns import Measure, Task
from yunque.evaluation.aggregate import changed_tasks, compare_runs
from yunque.evaluation.metrics.answers import find_metric
from yunque.evaluation.metrics.statistics import Paired
from yunque.evaluation.runner import ScoredSample
from yunque.reports.formatting import MISSING, count, decimal, duration, moment, ranked
from yunque.reports.html.document import MARKS, document
from yunque.reports.html.markup import Column, Raw, facts, join, table, tag
from yunque.reports.html.plots import interval_mark, span_bar
from yunque.reports.measures import aside_of, interval, paired_words, unit_words, written

MAX_CHARS = 6000
"""Of a prompt or an answer that a page shows."""


@dataclass(frozen=True, kw_only=True)
class EvalRun:
    """One run of one suite: everything a page says of it."""

    id: str
    suite: str
    model: str
    recipe: dict
    created_at: str
    took_s: float
    measures: Sequence[Measure]
    reasons: dict[str, int]
    """Why answers failed: rule -> answers."""
    rows: Sequence[ScoredSample]
    tasks: dict[str, Task]
    """What was asked, by id."""


def render_evaluation(runs: Sequence[EvalRun], *, code_version: str) -> str:
    """The page of all runs as HTML text; runs on one suite stand side by side."""
    suites = [(name, list(group)) for name, group in groupby(sorted(runs, key=lambda run: run.suite), lambda run: run.suite)]
    models = list(dict.fromkeys(run.model for run in runs))
    lede = (
        f"{count(len(suites), 'suites')}, {', '.join(models)}. Brackets are 95 % intervals; n is what a number is made of."
    )
    head = tag("header", tag("h1", "Evaluation"), tag("p", lede, class_="lede"))
    return document("Evaluation", head, *(_suite(name, group) for name, group in suites), code_version=code_version)


def render_answers(run: EvalRun, *, code_version: str) -> str:
    """The page of one run's answers as HTML text."""
    title = f"{run.suite}, {run.model}"
    asked = ("style", "temperature", "samples", "seed", "max_tokens", "limit", "sandbox", "layout")
    about = [(name, run.recipe[name]) for name in asked if run.recipe.get(name) is not None]
    lede = f"Every answer of run {run.id}, {moment(run.created_at)}, {duration(run.took_s)}."
    back = tag("nav", tag("ul", tag("li", tag("a", "All runs", href="eval.html"))))
    head = tag("header", tag("h1", title), tag("p", lede, class_="lede"), back)
    answers = (_answer(row, run.tasks.get(row.task_id)) for row in run.rows)
    sections = (
        tag("section", tag("h2", "Asked"), tag("div", facts((name, str(value)) for name, value in about), class_="body")),
        tag("section", tag("h2", "Answers"), tag("div", _filter(run), *answers, class_="body")),
    )
    return document(title, head, *sections, code_version=run.recipe.get("code_version", code_version))


# -------------------------------------------------------------------------------------------------------------------- scores
def _suite(name: str, runs: list[EvalRun]) -> Raw:
    runs = _told_apart(runs)
    body = [_scores(name, runs)]
    body += [tag("p", f"{run.model}: {line}.", class_="note") for run in runs for line in run.recipe.get("deviations", ())]
    for other in runs[1:]:
        if other.model != runs[0].model or other.id != runs[0].id:
            body.append(_compared(runs[0], other))
    body += [_failures(run) for run in runs if run.reasons]
    links = [tag("a", f"{len(run.rows):,} answers of {run.model}", href=f"eval-{run.id}.html") for run in runs]
    body.append(tag("nav", tag("ul", *(tag("li", link) for link in links))))
    return tag("section", tag("h2", name), tag("div", *body, class_="body"), id=f"suite-{name}")


def _scores(name: str, runs: list[EvalRun]) -> Raw:
    """Metrics down, runs across; a share has its interval drawn on a track from 0 to 100 %."""
    names = list(dict.fromkeys(measure.name for run in runs for measure in run.measures))
    columns = [Column("Measure", style="named")]
    drawn = len(runs) <= MOST_DRAWN
    for run in runs:
        columns += [Column(_short_model(run), numeric=True)]
        columns += [Column("0 to 100 %", style="forested", quiet=True)] if drawn else []
    result = [{measure.name: measure for measure in run.measures} for run in runs]
    rows = []
    for metric in names:
        known = find_metric(metric)
        unit = next((unit_words(measures[metric].unit) for measures in result if metric in measures), "")
        meaning = ", ".join(filter(None, (known.meaning if known else "", unit)))
        cells: list[object] = [join((tag("span", metric, class_="lead"), _under(meaning)))]
        for measures in result:
            item = measures.get(metric)
            cells.append(_value(item))
            if drawn:
                cells.append(interval_mark(item) if item and item.unit == "share" and item.value is not None else "")
        rows.append(cells)
    return table(f"{name}: every measure", columns, rows, style="stack")


MOST_DRAWN = 2
"""Runs beside one another whose intervals are drawn; of more, the numbers alone fit a page."""


def _told_apart(runs: list[EvalRun]) -> list[EvalRun]:
    """The runs, those of one name with their time and id behind it."""
    names = Counter(_short_model(run) for run in runs)
    return [
        replace(run, model=f"{_short_model(run)}, {moment(run.created_at)}, {run.id[:6]}")
        if names[_short_model(run)] > 1
        else run
        for run in runs
    ]


def _short_model(run: EvalRun) -> str:
    return run.model.rstrip("/").rpartition("/")[2] or run.model


def _value(measure: Measure | None) -> object:
    if measure is None or measure.value is None:
        return MISSING
    beside = ", ".join(filter(None, (f"n = {measure.n:,}", aside_of(measure))))
    return join((written(measure.value, measure.unit), _under(interval(measure)), _under(beside)))


def _under(words: str) -> object:
    return tag("span", words, class_="under") if words else ""


def _compared(base: EvalRun, other: EvalRun) -> Raw:
    """What may be said of one run against another, task by task."""
    result = compare_runs(base.suite, base.rows, other.rows)
    tasks = changed_tasks(base.rows, other.rows)
    same = [item.base for item in result if item.is_identical and item.base.value is not None]
    values = [f"{item.name} {written(item.value, item.unit)}" for item in same]
    title = f"{_short_model(other)} against {_short_model(base)}"
    return join(
        (
            tag("h3", title),
            tag("ul", *(_sentence(paired) for paired in result if not paired.is_identical), class_="answers"),
            tag("p", f"Identical: {', '.join(values)}.", class_="note") if values else "",
            *(_named(word, named) for word, named in (("gained", tasks.gained), ("lost", tasks.lost)) if named),
            tag("p", f"As before: {count(tasks.same, 'tasks')}.", class_="note") if any(vars(tasks).values()) else "",
        )
    )


def _named(word: str, tasks: Sequence[str]) -> Raw:
    """Tasks by name, folded where they are many."""
    opened = {"open": "open"} if len(tasks) <= MOST_OPEN else {}
    return tag("details", tag("summary", f"{count(len(tasks), 'tasks')} {word}"), tag("p", ", ".join(tasks)), **opened)


MOST_OPEN = 20
"""Names of tasks that are shown without being asked for."""


def _sentence(paired: Paired) -> Raw:
    style, mark = MARKS[paired.verdict]
    words = f" on {paired_words(paired)}."
    details = join((tag("strong", paired.verdict.capitalize()), words))
    return tag("li", tag("span", mark, class_="mark", aria_hidden="true"), tag("span", details), class_=style)


def _failures(run: EvalRun) -> Raw:
    total = sum(run.reasons.values())
    columns = (Column("Reason"), Column("Answers", numeric=True), Column("Share", style="barred"))
    rows = [(reason, count(number), span_bar(0, number, total, "lost")) for reason, number in ranked(run.reasons)]
    return table(f"Why answers of {_short_model(run)} failed", columns, rows)


# ------------------------------------------------------------------------------------------------------------------- answers
def _filter(run: EvalRun) -> Raw:
    """A box that hides the answers that passed; a rule of the style sheet does it, no script."""
    passed = sum(row.outcome == "pass" for row in run.rows)
    box = tag("input", type="checkbox", id="failures-alone")
    return tag(
        "p", box, tag("label", f" Hide the {count(passed, 'answers')} that passed", for_="failures-alone"), class_="filter"
    )


def _answer(row: ScoredSample, task: Task | None) -> Raw:
    """One answer, closed until it is asked for."""
    style = {"pass": "better", "fail": "worse"}.get(row.outcome, "unclear")
    number = f" · answer {row.sample + 1}" if row.sample else ""
    head = (
        tag("span", row.outcome, class_=f"verdict {style}"),
        f" {row.task_id}{number} ",
        tag("span", row.detail, class_="note"),
    )
    parts: list[object] = [tag("summary", *head)]
    if task is not None:
        asked = task.question if row.style == "chat" else task.prompt
        parts += [tag("h4", "Asked"), tag("pre", _clipped(asked), class_="given")]
    if row.first:
        parts += [tag("h4", "First answer"), tag("pre", _clipped(row.first))]
    parts += [tag("h4", "Answer"), tag("pre", _clipped(row.text) or "(empty)")]
    if task is not None and task.suffix:
        parts += [tag("h4", "After it"), tag("pre", _clipped(task.suffix), class_="given")]
    values = (
        (name, decimal(value, 2)) for name, value in row.values.items() if name not in ("pass", "timed_out", "truncated")
    )
    parts.append(facts([("Finish reason", row.finish_reason), ("Tokens", count(row.tokens)), *values]))
    return tag("details", *parts, class_=f"answer {row.outcome}")


def _clipped(text: str) -> str:
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]}\n… {len(text) - MAX_CHARS:,} more characters"
