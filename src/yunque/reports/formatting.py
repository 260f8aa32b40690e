"""Numbers and facts in words: the one place that decides how a count, a size, a time or a measure is written.

Sizes are decimal (1 MB is 1,000,000 bytes). A missing number is an en dash. Minus is U+2212.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping

from yunque.core.nouns import Measure
from yunque.reports.forge.facts import Comparison, ForgeReport

MISSING = "–"
SMALL_N = 100
"""Below this many cases a comparison is named among the limits."""


# -------------------------------------------------------------------------------------------------------- numbers with units
def count(number: int | None, noun: str = "") -> str:
    """``12,345``; with a plural noun ``12,345 files``, ``1 file``."""
    if number is None:
        return MISSING
    if noun and number == 1:
        noun = noun.removesuffix("s")
    return f"{number:,} {noun}".rstrip()


def size(num_bytes: float | None) -> str:
    """``1.5 MB``: bytes in the unit that leaves one to three digits before the point."""
    if num_bytes is None or not math.isfinite(num_bytes):
        return MISSING
    if num_bytes < 1000:
        return f"{num_bytes:.0f} bytes"
    exponent = min(int(math.log10(num_bytes) // 3), 4)
    scaled = num_bytes / 1000**exponent
    return f"{scaled:.{0 if scaled >= 100 else 1}f} {('bytes', 'kB', 'MB', 'GB', 'TB')[exponent]}"


def duration(seconds: float | None) -> str:
    """``0.42 s``, ``12.3 s``, ``4 min 05 s`` or ``1 h 02 min``."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 59.95:
        return f"{seconds:.{1 if seconds >= 1 else 2}f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min"


def percent(share: float | None, decimals: int = 1) -> str:
    """``83.1 %`` of a share from 0 to 1."""
    return MISSING if share is None or not math.isfinite(share) else f"{decimal(share * 100, decimals)} %"


def decimal(number: float | None, decimals: int, *, signed: bool = False) -> str:
    """``0.745``; signed ``+0.067`` or ``−0.067``. A number that rounds to zero has no sign."""
    if number is None or not math.isfinite(number):
        return MISSING
    text = f"{abs(number):,.{decimals}f}"
    if not any(digit in "123456789" for digit in text):
        return text
    return ("−" if number < 0 else "+" if signed else "") + text


def short(number: float | None, digits: int = 3) -> str:
    """``0.0003``, ``2.17``, ``1,240``: about ``digits`` significant digits, for axes and settings."""
    if number is None or not math.isfinite(number):
        return MISSING
    if number and (abs(number) < 1e-4 or abs(number) >= 1e7):
        mantissa, exponent = f"{number:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    if abs(number) >= 10 ** (digits - 1):
        return f"{number:,.0f}".replace("-", "−")
    return f"{number:.{digits}g}".replace("-", "−")


def moment(iso: str) -> str:
    """``2025-11-12 10:04 UTC`` of an ISO 8601 time in UTC; anything else comes back unchanged."""
    date, separator, time = iso.partition("T")
    offset = time[8:].partition("+")[2] or time[8:].strip("Z")
    return f"{date} {time[:5]} UTC" if separator and offset in ("", "00:00") and len(time) >= 8 else iso


# ------------------------------------------------------------------------------------------------------------------ measures
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
    return _with_unit(text, unit_label(comparison) if unit else "")


def difference_of(comparison: Comparison, *, unit: bool = True) -> str:
    """``−0.067`` or ``+2.0 points``: forged minus base, without its interval."""
    text = decimal(_scaled(comparison, comparison.difference.value), decimals_of(comparison), signed=True)
    return _with_unit(text, unit_label(comparison, difference=True) if unit else "")


def interval_of(comparison: Comparison, measure: Measure, *, signed: bool = False) -> str:
    """``[−0.080, −0.050]``: the ends of the 95 % interval; empty when there is none."""
    if measure.low is None or measure.high is None:
        return ""
    decimals = decimals_of(comparison)
    low, high = (decimal(_scaled(comparison, end), decimals, signed=signed) for end in (measure.low, measure.high))
    return f"[{low}, {high}]"


def aside_of(measure: Measure) -> str:
    """``2 skipped, 1 error``: what is counted beside a measure; empty when nothing is."""
    parts = [f"{measure.skipped:,} skipped"] if measure.skipped else []
    parts += [count(measure.errors, "errors")] if measure.errors else []
    return ", ".join(parts)


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


def unbroken(sentence: str) -> str:
    """The sentence with no-break spaces between a number and its unit, inside an interval and in ``n = 12 files``."""
    sentence = re.sub(r"(?<=\d) (?=[%A-Za-z])|(?<=\bn) (?==)|(?<==) (?=\d)", "\u00a0", sentence)
    return re.sub(r"\[([^\[\]]*)\]", lambda match: match[0].replace(" ", "\u00a0"), sentence)


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


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}" if unit and text != MISSING else text


# -------------------------------------------------------------------------------------------------------------- longer words
def limits_of(report: ForgeReport) -> list[str]:
    """What the report does not show, as sentences: what holds for every run, then the caller's own."""
    small = sorted((c.difference.n, c.n_of, c.name) for c in report.comparisons if 0 < c.difference.n < SMALL_N)
    limits = [
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


def settings(recipe: Mapping, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting of a nested recipe as (``lora.rank``, ``16``), in the order of the keys."""
    for key in sorted(recipe, key=str):
        value, name = recipe[key], f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from settings(value, f"{name}.")
        elif isinstance(value, bool):
            yield name, str(value).lower()
        elif isinstance(value, float):
            yield name, f"{value:g}"
        elif isinstance(value, tuple | list):
            yield name, ", ".join(str(item) for item in value)
        else:
            yield name, str(value)


def ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The counts, largest first, ties by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def visible(text: str) -> str:
    """The text with everything that a reader cannot see made visible: control, bidirectional and zero-width characters.

    Code from a corpus can hide what it says behind them; ``⟨U+202E⟩`` stands where such a character was. Newlines, tabs and
    the joiners that scripts and emoji need are kept, and CR LF becomes a newline.
    """
    return "".join(_seen(character) for character in text.replace("\r\n", "\n"))


def _seen(character: str) -> str:
    if character in "\n\t\u200c\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character
    return f"⟨U+{ord(character):04X}⟩"
