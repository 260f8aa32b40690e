"""Data sets as people look at them: rows one by one, the counts, and how two differ."""

from __future__ import annotations

from typing import Any

from yunque.core.nouns import Dropped, Origin, Pair, Preference, Record
from yunque.data.contents import Copy, record_ids
from yunque.data.packing.mixture import Weight
from yunque.data.screening.finishing import FinishedPair, SetAside
from yunque.reports.formatting import size
from yunque.store.tables import plain

# -------------------------------------------------------------------------------------------------------------- for people
FIRST_LINES = 12


def as_text(row: Any, *, full: bool, origins: dict[str, Origin] | None = None) -> str:
    """A row for a person: a line that says what it is and where it comes from, and its text."""
    if isinstance(row, Record):
        origin = row.origin
        author = f"  by {origin.author}" if origin.author else ""
        head = f"{origin.source}  {origin.path}  {row.language}  {origin.licence}  {len(row.text):,} characters{author}"
        return f"── {head}\n{_clipped(row.text, full)}"
    if isinstance(row, SetAside):
        return f"── {row.reason}: {row.detail}\n{as_text(row.record, full=full)}"
    if isinstance(row, Pair):
        head = "  ".join(filter(None, (_place(row, origins), row.kind.value, row.language, row.natural_language)))
        rest = f"\n── and then\n{_clipped(row.suffix, full)}" if row.suffix else ""
        if isinstance(row, Preference):
            rest = f"\n── not wanted ({row.because})\n{_clipped(row.rejected, full)}{rest}"
        return f"── {head}\n{_tail(row.prompt, full)}\n── answer\n{_clipped(row.answer, full)}{rest}"
    if isinstance(row, FinishedPair):
        return f"── {row.reason}\n{as_text(row.pair, full=full, origins=origins)}"
    if isinstance(row, Copy):
        details = f"{row.similarity:.2f}" if row.reason == "near" else row.reason
        return f"── {row.source}  {row.path} is a copy of {row.of_source}  {row.of_path} ({details})"
    if isinstance(row, Weight):
        return f"── {_place(row, origins) or row.record_id}  {row.weight:g}  {row.because}"
    if isinstance(row, Dropped):
        detail = f": {row.detail}" if row.detail else ""
        return f"── {row.source}  {row.path}  {row.reason}{detail}  {size(row.size_bytes)}"
    return f"── {row.source}  {row.path}  {row.rule} {row.count}{f': {row.detail}' if row.detail else ''}"


def _place(row: Any, origins: dict[str, Origin] | None) -> str:
    """Source and path of the record that a row names by its id."""
    known = [origin for item in record_ids(row) if (origin := (origins or {}).get(item))]
    return f"{known[0].source}  {known[0].path}" if known else ""


def as_plain(row: Any) -> dict:
    """A row as JSON."""
    return plain(row)


def _clipped(text: str, full: bool) -> str:
    lines = text.splitlines()
    rest = f"\n… {len(lines) - FIRST_LINES:,} more lines" if len(lines) > FIRST_LINES and not full else ""
    return text.rstrip("\n") if full else "\n".join(lines[:FIRST_LINES]) + rest


def _tail(text: str, full: bool) -> str:
    lines = text.splitlines()
    before = f"… {len(lines) - FIRST_LINES:,} lines before\n" if len(lines) > FIRST_LINES and not full else ""
    return text if full else before + "\n".join(lines[-FIRST_LINES:])


def summary(counts: dict) -> list[str]:
    """The counts of a data set as lines: what came in, what was lost and why, what was made."""
    lines = [f"in        {counts['in']:,} files and items"]
    for title in ("not taken", "not records", "set aside", "negatives"):
        if table := counts.get(title, {}):
            listing = ", ".join(f"{reason} {number:,}" for reason, number in table.items())
            lines.append(f"{title:<9} {sum(table.values()):,}: {listing}")
    lines.append(f"kept      {counts['kept']:,} records, {size(counts['bytes_kept'])}")
    if unread := counts.get("functions not read"):
        lines.append(f"not read  {unread:,} functions, so that they make no pair")
    for title in ("edits", "pairs", "preferences", "pairs set aside", "weights", "duplicates"):
        if table := counts.get(title, {}):
            listing = ", ".join(f"{rule} {number:,}" for rule, number in table.items())
            lines.append(f"{title:<9} {sum(table.values()):,}: {listing}")
    return lines


def difference_lines(result: dict, limit: int) -> list[str]:
    """What `yunque data diff` prints."""
    lines = []
    for name, (before, after) in result["counts"].items():
        if isinstance(before, dict) or isinstance(after, dict):
            keys = {**(before or {}), **(after or {})}
            for key in keys:
                first, other = (before or {}).get(key, 0), (after or {}).get(key, 0)
                lines += [f"{name}, {key}: {first:,} -> {other:,} ({other - first:+,})"] if first != other else []
        elif before != after:
            lines.append(f"{name}: {before:,} -> {after:,} ({after - before:+,})")
    for name in ("came", "went", "changed"):
        places = result[name]
        lines.append(f"{name}: {len(places):,}")
        shown = places[: limit or None]
        lines += [f"  {source}  {path}" for source, path in shown]
        lines += [f"  … {len(places) - len(shown):,} more"] if len(shown) < len(places) else []
    return [*lines, f"same: {result['same']:,}"]
