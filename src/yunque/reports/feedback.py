"""What people did with completions, in numbers and as a page: taken, kept, how long it took; by language, model, group.

A completion counts once, whatever happened to it. Intervals are of 95 %; people are resampled where there are five or more
(one person's completions resemble each other), days of a person otherwise. Lengths and times are of those who agreed to more
than counts; their number stands beside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from yunque.core.nouns import Measure
from yunque.evaluation.metrics.statistics import MIN_UNITS, describe
from yunque.feedback.events import SURVIVAL_S, Reaction
from yunque.feedback.ledger import Shown
from yunque.reports.formatting import MISSING, count, percent
from yunque.reports.html.document import document
from yunque.reports.html.markup import Column, Raw, section, table, tag
from yunque.reports.html.plots import Curve, interval_mark, line_plot
from yunque.reports.measures import interval, written

DAY_S = 86400.0
SLICES: dict[str, Callable[[Shown], str]] = {
    "language": lambda item: item.language, "model": lambda item: item.model, "group": lambda item: item.group,
}  # fmt: skip
UNKNOWN = "not said"
NO_EVENTS = "Nothing was reported in this time."


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Some completions, measured."""

    name: str
    num_shown: int
    num_people: int
    reactions: dict[str, int]
    """Reaction -> completions."""
    taken: Measure
    """Share of completions of which all or a part was taken."""
    retained: Measure
    """Share of shown characters that were taken, and still there at the last look."""
    survival: dict[int, Measure]
    """Seconds -> share of taken characters that are still there then."""
    latency_ms: tuple[Measure, Measure]
    """Median and 95th percentile."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All completions of a time, whole and in slices."""

    whole: Slice
    slices: dict[str, list[Slice]]
    """Kind of slice -> slices, the largest first."""
    days: list[tuple[str, int, int]]
    """Day (UTC), completions shown, taken."""


def figures(completions: Iterable[Shown]) -> Figures:
    """What became of completions."""
    every = list(completions)
    slices = {}
    for kind, of in SLICES.items():
        groups: dict[str, list[Shown]] = defaultdict(list)
        for item in every:
            groups[of(item) or UNKNOWN].append(item)
        slices[kind] = [_slice(name, items) for name, items in sorted(groups.items(), key=lambda it: (-len(it[1]), it[0]))]
    return Figures(whole=_slice("all", every), slices=slices, days=_days(every))


def _slice(name: str, items: Sequence[Shown]) -> Slice:
    people = {item.person for item in items}
    by_person = len(people) >= MIN_UNITS
    groups = [item.person if by_person else f"{item.person} {_day(item.at_s)}" for item in items]

    def ratio(label: str, pairs: Sequence[tuple[int, int]]) -> Measure:
        """Of (part, whole) of each item; one without a whole says nothing."""
        rows = [(part, whole, group) for (part, whole), group in zip(pairs, groups, strict=True) if whole]
        parts, wholes, units = [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
        return describe(label, parts, units, weights=wholes, unit="share")

    survival = {
        after: ratio(f"still there after {after} s", [_surviving(item, after) for item in items]) for after in SURVIVAL_S
    }
    latencies = sorted(item.latency_ms for item in items if item.latency_ms)
    return Slice(
        name=name,
        num_shown=len(items),
        num_people=len(people),
        reactions={reaction.value: sum(reaction in item.reactions for item in items) for reaction in Reaction},
        taken=describe("taken", [float(item.is_taken) for item in items], groups, unit="share"),
        retained=ratio("retained", [(_retained(item), item.chars) for item in items]),
        survival=survival,
        latency_ms=(_quantile("median", latencies, 0.5), _quantile("p95", latencies, 0.95)),
    )


def _surviving(item: Shown, after: int) -> tuple[int, int]:
    """(Characters still there after so many seconds, of those that were taken); of nothing where nobody looked then."""
    return (min(item.survived[after], item.kept_chars), item.kept_chars) if after in item.survived else (0, 0)


def _retained(item: Shown) -> int:
    """Characters that were there at the last look; what was taken, where nobody looked."""
    return min(item.kept_chars, item.survived[max(item.survived)]) if item.survived else item.kept_chars


def _quantile(name: str, values: Sequence[float], share: float) -> Measure:
    """A quantile of sorted values with the interval of its order statistics (Conover 1999, 3.2)."""
    n = len(values)
    if not n:
        return Measure(name=name, value=None, n=0, unit="ms")
    spread = 1.959964 * (n * share * (1 - share)) ** 0.5
    low, high = int(np.floor(n * share - spread)), int(np.ceil(n * share + spread))
    has_interval = low >= 0 and high < n
    return Measure(
        name=name, value=float(np.quantile(values, share)), n=n, unit="ms",
        low=values[low] if has_interval else None, high=values[high] if has_interval else None,
    )  # fmt: skip


def _days(items: Sequence[Shown]) -> list[tuple[str, int, int]]:
    if not items:
        return []
    first = items[0].at_s // DAY_S
    shown = np.zeros(int(items[-1].at_s // DAY_S - first) + 1, int)
    taken = np.zeros_like(shown)
    for item in items:
        day = int(item.at_s // DAY_S - first)
        shown[day] += 1
        taken[day] += item.is_taken
    return [(_day((first + day) * DAY_S), int(shown[day]), int(taken[day])) for day in range(len(shown))]


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


# ------------------------------------------------------------------------------------------------------------------ the page
def render_feedback(result: Figures, *, code_version: str) -> str:
    """The page as HTML text."""
    whole = result.whole
    lede = f"{count(whole.num_shown, 'completions')} of {count(whole.num_people, 'people')}"
    if result.days:
        lede += f", {result.days[0][0]} to {result.days[-1][0]}"
    head = tag("header", tag("h1", "What people did with completions"), tag("p", f"{lede}.", class_="lede"))
    if not whole.num_shown:
        return document("Feedback", head, tag("section", tag("p", NO_EVENTS)), code_version=code_version)
    sections = [section("Day by day", _plot(result), _reactions(whole))]
    sections += [section("Survival", _survival(result))]
    sections += [section(f"By {kind}", _slices(kind, slices)) for kind, slices in result.slices.items()]
    note = (
        "Brackets are 95 % intervals. A completion counts once, whatever happened to it. Retained: of the characters that "
    )
    note += "were shown, those that were taken and still there at the last look, at most six minutes later."
    return document("Feedback", head, *sections, tag("p", note, class_="note"), code_version=code_version)


def _plot(result: Figures) -> Raw:
    shares = [(float(day), taken / shown) for day, (_, shown, taken) in enumerate(result.days) if shown]
    words = [day for day, _, _ in result.days]
    if len(shares) < 2:
        return tag("p", f"{words[0]}: {percent(shares[0][1])} taken.", class_="note")
    curve = Curve(points=shares, style="validation", dots=True)
    label = "Share of completions taken, by day."
    plot = line_plot([curve], label=label, height=180, from_zero=True, x_word=lambda x: words[int(x)])
    return tag("figure", plot, tag("figcaption", label))


def _reactions(whole: Slice) -> Raw:
    columns = [Column("Reaction"), Column("Completions", numeric=True), Column("Share", numeric=True)]
    rows = [(name, f"{number:,}", percent(number / whole.num_shown)) for name, number in whole.reactions.items()]
    return table("Reactions", columns, rows)


def _survival(result: Figures) -> Raw:
    columns = [Column("After"), Column("Still there", numeric=True), Column("95 %", numeric=True), Column("n", numeric=True)]
    columns.append(Column("of what was taken", style="forested", quiet=True))
    rows = [
        (f"{after} s", _value(measure), interval(measure), f"{measure.n:,}", interval_mark(measure))
        for after, measure in result.whole.survival.items()
    ]
    return table("Of the characters that were taken", columns, rows)


def _slices(kind: str, slices: Sequence[Slice]) -> Raw:
    columns = [Column(kind.capitalize()), *(Column(name, numeric=True) for name in ("Shown", "People", "Taken", "95 %"))]
    columns += [Column("taken", style="forested", quiet=True)]
    columns += [Column(name, numeric=True) for name in ("Retained", "95 %", "Median ms", "p95 ms")]
    rows = [
        (
            item.name, f"{item.num_shown:,}", f"{item.num_people:,}", _value(item.taken), interval(item.taken),
            interval_mark(item.taken), _value(item.retained), interval(item.retained),
            *(MISSING if measure.value is None else f"{measure.value:,.0f}" for measure in item.latency_ms),
        )
        for item in slices
    ]  # fmt: skip
    return table(f"Completions by {kind}", columns, rows)


def _value(measure: Measure) -> str:
    return written(measure.value, measure.unit)
