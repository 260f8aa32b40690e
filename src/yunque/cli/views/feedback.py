"""Feedback as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from yunque.feedback.ledger import Erasure, Person
from yunque.reports.feedback import Figures, Slice
from yunque.reports.formatting import MISSING, count, moment
from yunque.reports.measures import interval, written


def _moment(seconds: float) -> str:
    return moment(datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds"))


def people_lines(people: Sequence[Person]) -> list[str]:
    """A line for each: level, since when, name, group."""
    width = max((len(person.name) for person in people), default=0)
    return [
        f"{person.level.word:<7}  {_moment(person.changed_at)}  {person.name:<{width}}  {person.group}".rstrip()
        for person in people
    ]


def plain_people(people: Sequence[Person]) -> list[dict]:
    """The same as plain values."""
    return [asdict(person) | {"level": person.level.word} for person in people]


def figure_lines(result: Figures) -> list[str]:
    """The whole, and every slice, a line each."""
    if not result.whole.num_shown:
        return ["nothing was reported in this time"]
    lines = ["          shown   taken  95 %            retained  95 %            median ms     p95"]
    lines.append(_line(result.whole))
    for kind, slices in result.slices.items():
        lines += [kind, *(_line(item) for item in slices)]
    survived = [
        f"{after} s: {written(measure.value, 'share')} {interval(measure)} of {count(measure.n, 'completions')}"
        for after, measure in result.whole.survival.items()
        if measure.value is not None
    ]
    return [*lines, *(["still there after", *(f"  {text}" for text in survived)] if survived else [])]


def _line(item: Slice) -> str:
    shares = "  ".join(
        f"{written(measure.value, 'share'):>7}  {interval(measure):<14}" for measure in (item.taken, item.retained)
    )
    times = "".join(f"{MISSING if measure.value is None else f'{measure.value:,.0f}':>8}" for measure in item.latency_ms)
    return f"{item.num_shown:>15,} {shares} {times}  {item.name}"


def erasure_lines(erasure: Erasure, tainted: Sequence[str]) -> list[str]:
    """The proof, for whoever asked for it."""
    lines = [
        f"{count(erasure.num_events, 'events')} erased at {_moment(erasure.erased_at)}",
        *(f"  {number:,} {reaction}" for reaction, number in sorted(erasure.reactions.items())),
    ]
    if erasure.first_at is not None and erasure.last_at is not None:
        lines.append(f"  from {_moment(erasure.first_at)} to {_moment(erasure.last_at)}")
    lines += [f"  SHA-256 of their ids, sorted, a line each: {erasure.events_sha256}"]
    lines += [f"  receipt {erasure.id}"]
    if erasure.exports:
        lines.append(f"exported before: {', '.join(erasure.exports)}")
    if tainted:
        lines.append("tainted, not to be used any more:")
        lines += [f"  {name}" for name in tainted]
    elif erasure.exports:
        lines.append("none of it lies here; name other folders with --out")
    return lines
