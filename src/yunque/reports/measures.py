"""One measure, and two of the same tasks, in words: the one place that writes a number in its unit with its interval."""

from __future__ import annotations

from yunque.core.nouns import Measure
from yunque.evaluation.metrics.answers import EXPONENTIATED
from yunque.evaluation.metrics.statistics import Paired
from yunque.reports.formatting import count, decimal, with_unit


def written(value: float | None, unit: str, *, signed: bool = False) -> str:
    """A number in its unit: ``4.3 %``, ``1.20 ×``, ``12.50``. Signed it is a difference: ``+6.9 points``, ``−0.31``.

    What is compared by ratio (`EXPONENTIATED`) has no sign. A unit in words (`unit_words`) stands elsewhere.
    """
    signed = signed and unit not in EXPONENTIATED
    if unit == "share":
        return with_unit(decimal(None if value is None else 100 * value, 1, signed=signed), "points" if signed else "%")
    return with_unit(decimal(value, 2, signed=signed), "×" if unit == "ratio" else "")


def interval(measure: Measure, *, signed: bool = False) -> str:
    """``[3.1, 5.6]``: the ends of the 95 % interval in the measure's unit, which is not repeated; empty without one."""
    if measure.low is None or measure.high is None:
        return ""
    ends = (written(end, measure.unit, signed=signed).split(" ")[0] for end in (measure.low, measure.high))
    return f"[{', '.join(ends)}]"


def unit_words(unit: str) -> str:
    """The words of a unit that stands beside no number: ``per 1,000 lines``."""
    return "" if unit in ("share", "ratio") else unit


def paired_words(paired: Paired) -> str:
    """``pass@1: 4.3 % and 11.2 %, difference +6.9 points [+4.6, +8.6], n = 164 tasks``: two runs on the same tasks."""
    base, forged, by = paired.base, paired.forged, paired.difference
    values = f"{written(base.value, by.unit)} and {written(forged.value, by.unit)} {unit_words(by.unit)}".rstrip()
    change = f"{'ratio' if by.unit in EXPONENTIATED else 'difference'} {written(by.value, by.unit, signed=True)}"
    return ", ".join((f"{base.name}: {values}", f"{change} {interval(by, signed=True)}".rstrip(), f"n = {by.n:,} tasks"))


def aside_of(measure: Measure) -> str:
    """``2 skipped, 1 error``: what is counted beside a measure; empty when nothing is."""
    parts = [f"{measure.skipped:,} skipped"] if measure.skipped else []
    parts += [count(measure.errors, "errors")] if measure.errors else []
    return ", ".join(parts)
