"""Data sets as people look at them: rows one by one, the counts, and how two differ."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from yunque.core.errors import RecipeError, StoreError
from yunque.core.nouns import Dropped, Pair, Record
from yunque.core.parts import nearest
from yunque.data.collect import DROPPED
from yunque.data.dataset import ASIDE, EDITS, PAIRS, PAIRS_ASIDE, RECORDS, WEIGHTS, PairAside
from yunque.data.duplicates import CLUSTERS, Clustered
from yunque.data.finishing import Edited, SetAside
from yunque.data.mixture import Weight
from yunque.data.sources import SKIPPED
from yunque.reports.words import size
from yunque.store.artifacts import Artifact, Store
from yunque.store.tables import plain, read_lines, scan_table


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What of a data set somebody wants to see."""

    what: str = "kept"
    reason: str = ""
    language: str = ""
    kind: str = ""
    path: str = ""


TABLES: dict[str, tuple[str, type]] = {
    "kept": (RECORDS, Record),
    "dropped": (ASIDE, SetAside),
    "negative": (ASIDE, SetAside),
    "pairs": (PAIRS, Pair),
    "dropped-pairs": (PAIRS_ASIDE, PairAside),
    "edits": (EDITS, Edited),
    "weights": (WEIGHTS, Weight),
    "duplicates": (CLUSTERS, Clustered),
}


def rows_of(store: Store, dataset: Artifact, wanted: Wanted) -> Iterator[Any]:
    """Rows of a data set, in order. RecipeError for something that there is not, StoreError for another artifact."""
    if wanted.what not in TABLES:
        raise RecipeError(f"no such part of a data set: '{wanted.what}'", do=nearest(wanted.what, list(TABLES)))
    file, kind = TABLES[wanted.what]
    if kind is Clustered:
        yield from (row for row in _clusters(store, dataset) if _is_wanted(row, wanted))
        return
    for part in parts_of(store, dataset):
        if wanted.what == "dropped":
            before = store.find(part.manifest.parents[0])
            for snapshot in store.parents(before):
                yield from (row for row in read_lines(snapshot.path / SKIPPED, Dropped) if _is_wanted(row, wanted))
            yield from (row for row in scan_table(before.path / DROPPED, Dropped) if _is_wanted(row, wanted))
        for row in scan_table(part.path / file, kind):
            if _is_wanted(row, wanted):
                yield row


def parts_of(store: Store, dataset: Artifact) -> list[Artifact]:
    """The parts of a data set, one a source. StoreError for another artifact."""
    if dataset.manifest.kind != "dataset":
        raise StoreError(f"{dataset.manifest.kind}-{dataset.id} is no data set", where=store.root, do="name a dataset-…")
    return [one for one in store.parents(dataset) if one.manifest.kind == "part"]


def _clusters(store: Store, dataset: Artifact) -> Iterator[Clustered]:
    for one in store.parents(dataset):
        if one.manifest.kind == "duplicates":
            yield from (row for row in scan_table(one.path / CLUSTERS, Clustered) if row.reason)


def _is_wanted(row: Any, wanted: Wanted) -> bool:
    if isinstance(row, SetAside) and row.action != ("negative" if wanted.what == "negative" else "drop"):
        return False
    if wanted.reason and wanted.reason != getattr(row, "reason", getattr(row, "rule", "")):
        return False
    record = row.record if isinstance(row, SetAside) else row.pair if isinstance(row, PairAside) else row
    if wanted.language and getattr(record, "language", "") != wanted.language:
        return False
    if wanted.kind and getattr(record, "kind", "") != wanted.kind:
        return False
    path = record.origin.path if isinstance(record, Record) else getattr(row, "path", "")
    return not wanted.path or fnmatchcase(path, wanted.path)


FIRST_LINES = 12


def as_text(row: Any, *, full: bool) -> str:
    """A row for a person: a line that says what it is, and its text."""
    if isinstance(row, Record):
        origin = row.origin
        author = f"  by {origin.author}" if origin.author else ""
        head = f"{origin.source}  {origin.path}  {row.language}  {origin.licence}  {len(row.text):,} characters{author}"
        return f"── {head}\n{_clipped(row.text, full)}"
    if isinstance(row, SetAside):
        return f"── {row.reason}: {row.detail}\n{as_text(row.record, full=full)}"
    if isinstance(row, Pair):
        head = f"{row.kind.value}  {row.language}  {row.natural_language}"
        return f"── {head}\n{_tail(row.prompt, full)}\n── answer\n{_clipped(row.answer, full)}"
    if isinstance(row, PairAside):
        return f"── {row.reason}\n{as_text(row.pair, full=full)}"
    if isinstance(row, Clustered):
        return f"── {row.record_id}  {row.reason}  {row.similarity:.2f}  of {row.keeper_id}"
    if isinstance(row, Weight):
        return f"── {row.record_id}  {row.weight:g}  {row.because}"
    if isinstance(row, Dropped):
        return f"── {row.path}  {row.reason}: {row.detail}  {row.size_bytes:,} bytes"
    return f"── {row.path}  {row.rule} {row.count}{f': {row.detail}' if row.detail else ''}"


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
            told = ", ".join(f"{reason} {number:,}" for reason, number in table.items())
            lines.append(f"{title:<9} {sum(table.values()):,}: {told}")
    lines.append(f"kept      {counts['kept']:,} records, {size(counts['bytes_kept'])}")
    if unread := counts.get("functions not read"):
        lines.append(f"not read  {unread:,} functions, so that they make no pair")
    for title in ("edits", "pairs", "pairs set aside", "weights", "duplicates"):
        if table := counts.get(title, {}):
            told = ", ".join(f"{rule} {number:,}" for rule, number in table.items())
            lines.append(f"{title:<9} {sum(table.values()):,}: {told}")
    return lines


def compare_datasets(store: Store, first: Artifact, second: Artifact) -> dict:
    """How the second differs: counts by name, and the places (source, path) that came, went and changed."""
    old, new = (_by_place(store, one) for one in (first, second))
    return {
        "counts": {
            name: [first.counts.get(name, 0), second.counts.get(name, 0)] for name in {**first.counts, **second.counts}
        },
        "came": sorted(new.keys() - old.keys()),
        "went": sorted(old.keys() - new.keys()),
        "changed": sorted(place for place in old.keys() & new.keys() if old[place] != new[place]),
        "same": sum((old[place] & new[place]).total() for place in old.keys() & new.keys()),
    }


def _by_place(store: Store, dataset: Artifact) -> dict[tuple[str, str], Counter[str]]:
    """The ids of the records at each (source, path): a history has many there, and two sources may share a name."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows_of(store, dataset, Wanted()):
        found[row.origin.source, row.origin.path][row.id] += 1
    return found


def difference_lines(found: dict, limit: int) -> list[str]:
    """What `yunque data diff` prints."""
    lines = []
    for name, (before, after) in found["counts"].items():
        if isinstance(before, dict) or isinstance(after, dict):
            keys = {**(before or {}), **(after or {})}
            for key in keys:
                one, other = (before or {}).get(key, 0), (after or {}).get(key, 0)
                lines += [f"{name}, {key}: {one:,} -> {other:,} ({other - one:+,})"] if one != other else []
        elif before != after:
            lines.append(f"{name}: {before:,} -> {after:,} ({after - before:+,})")
    for name in ("came", "went", "changed"):
        places = found[name]
        lines.append(f"{name}: {len(places):,}")
        shown = places[: limit or None]
        lines += [f"  {source}  {path}" for source, path in shown]
        lines += [f"  … {len(places) - len(shown):,} more"] if len(shown) < len(places) else []
    return [*lines, f"same: {found['same']:,}"]
