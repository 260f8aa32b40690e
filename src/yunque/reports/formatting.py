"""Numbers and facts in words: the one place that decides how a count, a size, a time or a measure is written.

Sizes are decimal (1 MB is 1,000,000 bytes). A missing number is an en dash. Minus is U+2212.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MISSING = "–"


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


def with_unit(text: str, unit: str) -> str:
    """``4.3 %``; a missing number has no unit."""
    return f"{text} {unit}" if unit and text != MISSING else text


def unbroken(sentence: str) -> str:
    """The sentence with no-break spaces between a number and its unit, inside an interval and in ``n = 12 files``."""
    sentence = re.sub(r"(?<=\d) (?=[%A-Za-z])|(?<=\bn) (?==)|(?<==) (?=\d)", "\u00a0", sentence)
    return re.sub(r"\[([^\[\]]*)\]", lambda match: match[0].replace(" ", "\u00a0"), sentence)


# -------------------------------------------------------------------------------------------------------------- longer words


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, every column as wide as its widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def leaves(recipe: Mapping, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a nested recipe under its whole name (``lora.rank``), in the order of the keys."""
    for key in sorted(recipe, key=str):
        value, name = recipe[key], f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from leaves(value, f"{name}.")
        else:
            yield name, value


def settings(recipe: Mapping) -> Iterator[tuple[str, str]]:
    """Every setting of a nested recipe as (``lora.rank``, ``16``), in the order of the keys."""
    for name, value in leaves(recipe):
        if isinstance(value, bool):
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
