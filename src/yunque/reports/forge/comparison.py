"""One comparison of a report in words: values in their unit, the answer as a sentence, and what a report does not show."""

from __future__ import annotations

import math

from yunque.core.nouns import Measure
from yunque.reports.forge.facts import UNSCREENED, Comparison, ForgeReport
from yunque.reports.formatting import count, decimal, percent, with_unit

SMALL_N = 100
"""Below this many cases a comparison is named among the limits."""


def is_share(comparison: Comparison) -> bool:
    """Whether the measure is a share from 0 to 1, shown in per cent."""
    return _unit(comparison) == "share"


def unit_label(comparison: Comparison, *, difference: bool = False) -> str:
    """``bits/byte``; for a share ``%``, and ``points`` for its difference."""
    if is_share(comparison):
        return "points" if difference else "%"
    return _unit(comparison)


def decimals_of(comparison: Comparison) -> int:
    """One decimal of a share in per cent, else two significant digits of the interval's width; more where an end would look
    like zero.
    """
    scale = _scale(comparison)
    difference = comparison.difference
    for measure in () if is_share(comparison) else (difference, comparison.forged, comparison.base):
        if measure.low is None or measure.high is None or not measure.high > measure.low:
            continue
        decimals = min(max(1 - math.floor(math.log10((measure.high - measure.low) * scale)), 0), 4)
        break
    else:
        decimals = 1 if is_share(comparison) else 3
    ends = [abs(end) * scale for end in (difference.low, difference.high) if end]
    while decimals < 6 and any(end < 0.5 * 10**-decimals for end in ends):
        decimals += 1
    return decimals


def value_of(comparison: Comparison, measure: Measure, *, unit: bool = True) -> str:
    """``0.745 bits/byte`` or ``31.0 %``: a measure of this comparison, without its interval."""
    text = decimal(_scaled(comparison, measure.value), decimals_of(comparison))
    return with_unit(text, unit_label(comparison) if unit else "")


def difference_of(comparison: Comparison, *, unit: bool = True) -> str:
    """``−0.067`` or ``+2.0 points``: forged minus base, without its interval."""
    text = decimal(_scaled(comparison, comparison.difference.value), decimals_of(comparison), signed=True)
    return with_unit(text, unit_label(comparison, difference=True) if unit else "")


def interval_of(comparison: Comparison, measure: Measure, *, signed: bool = False) -> str:
    """``[−0.080, −0.050]``: the ends of the 95 % interval; empty when there is none."""
    if measure.low is None or measure.high is None:
        return ""
    decimals = decimals_of(comparison)
    low, high = (decimal(_scaled(comparison, end), decimals, signed=signed) for end in (measure.low, measure.high))
    return f"[{low}, {high}]"


def answer(comparison: Comparison) -> str:
    """The plain answer in one sentence: the comparison's own, or one written from its numbers."""
    if comparison.sentence:
        return comparison.sentence
    openings = {"better": "Forged is better on", "worse": "Forged is worse on"}
    opening = openings.get(comparison.verdict, "Cannot tell on")
    return f"{opening} {comparison.name}: {evidence(comparison)}."


def evidence(comparison: Comparison) -> str:
    """``0.812 → 0.745 bits/byte, difference −0.067 [−0.080, −0.050], n = 12 files``."""
    n = count(comparison.difference.n, comparison.n_of)
    if comparison.base.value is None or comparison.forged.value is None:
        return f"nothing was measured, n = {n}"
    if is_share(comparison):
        change = f"{value_of(comparison, comparison.base)} → {value_of(comparison, comparison.forged)}"
    else:
        change = f"{value_of(comparison, comparison.base, unit=False)} → {value_of(comparison, comparison.forged)}"
    interval = interval_of(comparison, comparison.difference, signed=True) or "with no interval"
    return f"{change}, difference {difference_of(comparison, unit=is_share(comparison))} {interval}, n = {n}"


def tally(report: ForgeReport) -> str:
    """``Better on 2 of 4 measures, worse on none, cannot tell on 2.``"""
    verdicts = [comparison.verdict for comparison in report.comparisons]
    if not verdicts:
        return "Nothing was compared."
    better, worse = verdicts.count("better"), verdicts.count("worse")
    unclear = len(verdicts) - better - worse
    first = f"Better on {better or 'none'} of {count(len(verdicts), 'measures')}"
    return f"{first}, worse on {worse or 'none'}, cannot tell on {unclear or 'none'}."


def _unit(comparison: Comparison) -> str:
    return comparison.unit or comparison.forged.unit or comparison.base.unit


def _scale(comparison: Comparison) -> float:
    return 100.0 if is_share(comparison) else 1.0


def _scaled(comparison: Comparison, value: float | None) -> float | None:
    return None if value is None else value * _scale(comparison)


def ended_words(report: ForgeReport) -> str:
    """How many answers of each model ended by themselves, as a sentence; empty where nothing was asked."""
    shares = []
    for who, ended in report.ended.items():
        total = sum(ended.values())
        if total:
            shares.append(f"{who} {percent((total - ended.get('length', 0)) / total)}")
    return f"Answers that ended by themselves: {', '.join(shares)}; the others were cut at their limit." if shares else ""


def limits_of(report: ForgeReport) -> list[str]:
    """What the report does not show, as sentences: what holds for every run, then the caller's own."""
    small = sorted((c.difference.n, c.n_of, c.name) for c in report.comparisons if 0 < c.difference.n < SMALL_N)
    limits = [UNSCREENED] if not report.screened else []
    if report.asked_since:
        limits.append(
            f"The model has learned from the sources as they were when {report.asked_since} began, and is asked about what "
            "is new since then, apart from functions that are like one of that time."
        )
    limits += [
        "The held-out code is from the same repository. Nothing here says how the model does on other code, "
        "or whether it lost abilities that were not measured.",
        "One training run with one seed. The intervals cover the choice of cases, not the spread between runs.",
        "If this repository was public before the base model was trained, the base model may have seen the held-out files.",
    ]
    if small:
        cases = "; ".join(f"{name} rests on {count(n, noun)}" for n, noun, name in small)
        limits.append(f"Few cases: {cases}. A small sample can miss a real change and can exaggerate one it finds.")
    if any(c.verdict == "cannot tell" for c in report.comparisons):
        limits.append(
            "“Cannot tell” means that the interval of the difference reaches across zero, or that there is none. "
            "It does not mean that the two models are equal."
        )
    if len(report.comparisons) > 1:
        limits.append(
            f"{len(report.comparisons)} measures were looked at without correction. Where nothing differs, one 95 % "
            "interval in twenty still misses zero."
        )
    return [*limits, *report.limits]
