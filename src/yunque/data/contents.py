"""What a data set holds, row by row: kept, dropped with the reason, edited, paired, weighted; how two of them differ."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import chain, islice
from typing import Any, TypeVar

from yunque.core.errors import RecipeError, StoreError
from yunque.core.nouns import Dropped, Origin, Pair, PairKind, Preference, Record
from yunque.core.plugins import nearest
from yunque.data.collect import DROPPED
from yunque.data.dataset import ASIDE, EDITS, PAIRS, PAIRS_ASIDE, PREFERENCES, RECORDS, WEIGHTS
from yunque.data.duplicates.find import CLUSTERS, Clustered
from yunque.data.packing.mixture import Weight
from yunque.data.screening.finishing import Edited, FinishedPair, SetAside
from yunque.data.sources.kinds import SKIPPED
from yunque.store.artifacts import Artifact, Store
from yunque.store.tables import num_rows, read_lines, scan_table

R = TypeVar("R", Record, Pair, Preference)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What of a data set somebody wants to see."""

    what: str = "kept"
    reason: str = ""
    language: str = ""
    kind: str = ""
    path: str = ""

    @property
    def is_all(self) -> bool:
        """Whether every row is wanted."""
        return not (self.reason or self.language or self.kind or self.path)


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A record that is like another one, which is kept for it."""

    source: str
    path: str
    of_source: str
    of_path: str
    similarity: float
    """Jaccard similarity of the two; 1 for an exact copy."""
    reason: str
    """``exact text``, ``exact code`` or ``near``."""
    record_id: str
    keeper_id: str


TABLES: dict[str, tuple[str, type]] = {
    "kept": (RECORDS, Record),
    "dropped": (ASIDE, SetAside),
    "negative": (ASIDE, SetAside),
    "pairs": (PAIRS, Pair),
    "preferences": (PREFERENCES, Preference),
    "dropped-pairs": (PAIRS_ASIDE, FinishedPair),
    "edits": (EDITS, Edited),
    "weights": (WEIGHTS, Weight),
    "duplicates": (CLUSTERS, Copy),
}


def rows_of(store: Store, dataset: Artifact, wanted: Wanted) -> Iterator[Any]:
    """Rows of a data set, in order; duplicates that it leaves out are none of its records.

    RecipeError for something that there is not, StoreError for another artifact.
    """
    if wanted.what not in TABLES:
        raise RecipeError(f"no such part of a data set: '{wanted.what}'", do=nearest(wanted.what, list(TABLES)))
    parts = parts_of(store, dataset)
    _refuse_the_unknown(dataset, wanted)
    rows = _copies(store, dataset) if wanted.what == "duplicates" else _rows(store, dataset, parts, wanted.what)
    return (row for row in rows if _is_wanted(row, wanted))


def count_of(store: Store, dataset: Artifact, wanted: Wanted) -> int:
    """How many rows `rows_of` gives; without reading them where nothing is filtered."""
    file, _ = TABLES[wanted.what]
    if wanted.is_all and wanted.what in ("edits", "weights", "dropped-pairs"):
        return sum(num_rows(part.path / file) for part in parts_of(store, dataset))
    if wanted.is_all and wanted.what == "kept":
        return dataset.counts["kept"]
    return sum(1 for _ in rows_of(store, dataset, wanted))


def page(
    store: Store, dataset: Artifact, wanted: Wanted, *, offset: int = 0, limit: int = 0, sample_seed: int | None = None
) -> list[Any]:
    """So many rows (0: all) after the first ``offset``; with a seed, as many drawn by chance, in their order."""
    rows = rows_of(store, dataset, wanted)
    if sample_seed is None or not limit:
        return list(islice(rows, offset, offset + limit if limit else None))
    chance, drawn = random.Random(sample_seed), []  # Vitter's algorithm R
    for index, row in enumerate(rows):
        if index < limit:
            drawn.append((index, row))
        elif (place := chance.randrange(index + 1)) < limit:
            drawn[place] = (index, row)
    return [row for _, row in sorted(drawn, key=lambda item: item[0])]


def origins_of(store: Store, dataset: Artifact, rows: list[Any]) -> dict[str, Origin]:
    """Where the records come from that rows name by their id alone."""
    named = {record_id for row in rows for record_id in record_ids(row)}
    results: dict[str, Origin] = {}
    for part in parts_of(store, dataset) if named else ():
        for record in scan_table(part.path / RECORDS, Record):
            if record.id in named:
                results.setdefault(record.id, record.origin)
                if len(results) == len(named):
                    return results
    return results


def record_ids(row: Any) -> tuple[str, ...]:
    """Returns the record that a row names by its id alone; empty for a row that holds its record."""
    pair = row.pair if isinstance(row, FinishedPair) else row
    return pair.origin_ids[:1] if isinstance(pair, Pair) else (row.record_id,) if isinstance(row, Weight) else ()


@dataclass(frozen=True, kw_only=True)
class SourcePart:
    """What one source gave to a data set, and the artifacts that it went through."""

    part: Artifact
    records: Artifact
    snapshot: Artifact | None
    """The copy of a tree; None for a stream."""

    @property
    def name(self) -> str:
        """What people call the source."""
        return str(self.snapshot.counts["name"]) if self.snapshot else self.part.manifest.name


def sources_of(store: Store, dataset: Artifact) -> list[SourcePart]:
    """The sources of a data set, in the order of its recipe. StoreError for another artifact."""
    sources = []
    for part in parts_of(store, dataset):
        records = store.find(part.manifest.parents[0])
        sources.append(SourcePart(part=part, records=records, snapshot=next(iter(store.parents(records)), None)))
    return sources


def kept_records(store: Store, dataset: Artifact) -> Iterator[tuple[SourcePart, Record]]:
    """Every kept record with its source, in order."""
    sources = {source.part.id: source for source in sources_of(store, dataset)}
    for part, record in _by_part(store, dataset, Record):
        yield sources[part.id], record


def tree_records(store: Store, dataset: Artifact) -> Iterator[tuple[SourcePart, Record]]:
    """The same of trees alone, without those of streams."""
    return ((source, record) for source, record in kept_records(store, dataset) if source.snapshot is not None)


def _by_part(store: Store, dataset: Artifact, kind: type[R]) -> Iterator[tuple[Artifact, R]]:
    """The records, or the pairs, of a data set with their parts; duplicates that it leaves out are none."""
    parts, marks = parts_of(store, dataset), _marks(store, dataset)
    if marks is not None and _drops(dataset):
        yield from ((part, row) for part, row in without_duplicates(parts, marks, (kind,)) if type(row) is kind)
        return
    file = next(file for file, of in TABLES.values() if of is kind)
    yield from ((part, row) for part in parts if (part.path / file).exists() for row in scan_table(part.path / file, kind))


def parts_of(store: Store, dataset: Artifact) -> list[Artifact]:
    """The parts of a data set, one a source. StoreError for another artifact."""
    if dataset.manifest.kind != "dataset":
        raise StoreError(f"{dataset.full_id} is not a data set", where=store.root, do="name a dataset-…")
    return [parent for parent in store.parents(dataset) if parent.manifest.kind == "part"]


def _rows(store: Store, dataset: Artifact, parts: list[Artifact], what: str) -> Iterator[Any]:
    """All rows of a table, part after part."""
    file, kind = TABLES[what]
    if what in ("kept", "pairs", "preferences"):
        yield from (row for _, row in _by_part(store, dataset, kind))
        return
    for part in parts:
        if what == "dropped":
            before = store.find(part.manifest.parents[0])
            lists = [read_lines(snapshot.path / SKIPPED, Dropped) for snapshot in store.parents(before)]
            for row in chain(*lists, scan_table(before.path / DROPPED, Dropped)):
                yield replace(row, source=part.manifest.name)
        yield from scan_table(part.path / file, kind)
    if what == "dropped" and _drops(dataset):
        yield from _copies(store, dataset)


def _drops(dataset: Artifact) -> bool:
    """Whether duplicates are left out of a data set."""
    return dataset.manifest.recipe.get("duplicates") == "drop"


def _marks(store: Store, dataset: Artifact) -> Artifact | None:
    return next((parent for parent in store.parents(dataset) if parent.manifest.kind == "duplicates"), None)


def without_duplicates(
    parts: list[Artifact], marks: Artifact, kinds: tuple[type, ...]
) -> Iterator[tuple[Artifact, Record | Pair]]:
    """Each part's records, and pairs, without those that a duplicate alone stands behind."""
    clusters = scan_table(marks.path / CLUSTERS, Clustered)  # a row for each record of the parts, in their order
    for part in parts:
        kept: set[str] = set()
        copies: set[str] = set()
        for record in scan_table(part.path / RECORDS, Record):
            mark = next(clusters)
            assert mark.record_id == record.id, "the marks are in the order of the records"
            (copies if mark.reason else kept).add(record.id)
            if Record in kinds and not mark.reason:
                yield part, record
        gone = copies - kept
        for file, kind in ((PAIRS, Pair), (PREFERENCES, Preference)):
            for pair in scan_table(part.path / file, kind) if kind in kinds and (part.path / file).exists() else ():
                if not (pair.origin_ids and gone.issuperset(pair.origin_ids)):
                    yield part, pair


def left_out(parts: list[Artifact], marks: Artifact, counts: dict) -> dict:
    """The counts of a data set that are others because its duplicates are left out."""
    num_bytes = 0
    languages: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    preferences: Counter[str] = Counter()
    for _, row in without_duplicates(parts, marks, (Record, Pair, Preference)):
        if isinstance(row, Preference):
            preferences[row.because] += 1
        elif isinstance(row, Pair):
            pairs[row.kind.value] += 1
        else:
            num_bytes += len(row.text.encode("utf-8", "surrogatepass"))
            languages[row.language] += 1
    aside = Counter(counts.get("set aside", {})) + Counter({"duplicate": sum(marks.counts["dropped"].values())})
    result = {
        "kept": languages.total(), "bytes_kept": num_bytes, "languages": dict(languages.most_common()),
        "pairs": dict(pairs.most_common()), "set aside": dict(aside.most_common()),
    }  # fmt: skip
    return result | ({"preferences": dict(preferences.most_common())} if preferences else {})


def _copies(store: Store, dataset: Artifact) -> Iterator[Copy]:
    """Every record that is like another one, with both their places."""
    marks = _marks(store, dataset)
    if marks is None:
        return
    records = [part.path / RECORDS for part in parts_of(store, dataset)]
    keepers = {mark.keeper_id for mark in scan_table(marks.path / CLUSTERS, Clustered) if mark.reason}

    def marked() -> Iterator[tuple[Record, Clustered]]:
        every = (record for path in records for record in scan_table(path, Record))
        return zip(every, scan_table(marks.path / CLUSTERS, Clustered), strict=True)

    places = {mark.record_id: record.origin for record, mark in marked() if not mark.reason and mark.record_id in keepers}
    for record, mark in marked():
        if mark.reason:
            keeper = places[mark.keeper_id]
            yield Copy(
                source=record.origin.source, path=record.origin.path, of_source=keeper.source, of_path=keeper.path,
                similarity=mark.similarity, reason=mark.reason, record_id=record.id, keeper_id=mark.keeper_id,
            )  # fmt: skip


def _refuse_the_unknown(dataset: Artifact, wanted: Wanted) -> None:
    """RecipeError for a value of a filter that nothing in the data set can have."""
    counts = dataset.counts
    reasons = {
        "dropped": [*counts.get("not taken", {}), *counts.get("not records", {}), *counts.get("set aside", {})],
        "negative": list(counts.get("negatives", {})),
        "edits": list(counts.get("edits", {})),
        "duplicates": list(counts.get("duplicates", {})),
        "dropped-pairs": list(counts.get("pairs set aside", {})),
    }
    known = {
        "kind": (wanted.kind, [kind.value for kind in PairKind], ("pairs", "preferences", "dropped-pairs")),
        "language": (wanted.language, list(counts.get("languages", {})), ("kept", "pairs", "preferences")),
        "reason": (wanted.reason, reasons.get(wanted.what, []), tuple(reasons)),
    }
    for option, (value, values, tables) in known.items():
        if value and wanted.what not in tables and option != "language":
            raise RecipeError(f"'{wanted.what}' has no {option}", where=f"--{option}", do=f"it is for {', '.join(tables)}")
        prefix = option == "reason" and any(item.startswith(f"{value}:") for item in values)
        if value and wanted.what in tables and value not in values and not prefix:
            do = nearest(value, values) if values else "there is none here"
            raise RecipeError(f"no {option} '{value}' among '{wanted.what}'", where=f"--{option}", do=do)


def _is_wanted(row: Any, wanted: Wanted) -> bool:
    if isinstance(row, SetAside) and row.action != ("negative" if wanted.what == "negative" else "drop"):
        return False
    reason = getattr(row, "reason", getattr(row, "rule", ""))
    if isinstance(row, Copy) and wanted.what == "dropped":
        reason = "duplicate"
    if wanted.reason and reason != wanted.reason and not reason.startswith(f"{wanted.reason}:"):
        return False
    record = row.record if isinstance(row, SetAside) else row.pair if isinstance(row, FinishedPair) else row
    if wanted.language and getattr(record, "language", "") != wanted.language:
        return False
    if wanted.kind and getattr(record, "kind", "") != wanted.kind:
        return False
    path = record.origin.path if isinstance(record, Record) else getattr(row, "path", "")
    return not wanted.path or fnmatchcase(path, wanted.path)


def compare_datasets(store: Store, first: Artifact, second: Artifact) -> dict:
    """How the second differs: counts by name, and the places (source, path) that came, went and changed."""
    old, new = (_by_place(store, item) for item in (first, second))
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
    result: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows_of(store, dataset, Wanted()):
        result[row.origin.source, row.origin.path][row.id] += 1
    return result
