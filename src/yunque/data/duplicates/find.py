"""Exact and near duplicates: which records are like which, which one of them is kept, and why the others need not be.

    clusters.parquet    ``Clustered``, a row for each record in their order: nothing is deleted
    index/              what a later run compares with (`data.duplicates.index`)

Records are asked about in the order of preference: first what an earlier index holds, then by the recipe (the longest), then
the smallest id. A record with the text or the code of one before it, or with a Jaccard similarity of at least the threshold
to one that is *kept*, is its duplicate; else it is kept. So what is kept depends on no order of arrival, every duplicate is
truly like its keeper, and a chain of small changes is not one record. A cluster is all that hangs together (what must not be
split between training and test): it may have several keepers.

    exact text    the same bytes
    exact code    the same tokens, so only comments, white space or quotes differ; of texts of at least a window of tokens
    near          the Jaccard similarity of the sets of windows, computed, not estimated

MinHash bands (`minhash`) choose whom to compare; the counts say how many comparisons were left out in crowded places.

*Adding.* What an index kept stays kept. Where everything in B is younger than A and the recipe prefers the ``oldest`` first,
adding B to the index of A keeps what A and B at once keep.

Covered: one text a hundred thousand times, and as many variations of one, in linear time; any number of workers, the same
bytes. Not covered: a copy of a part of a record; records that share no band by chance (the curve says how likely that is).
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from yunque.code.shingles import WINDOW, jaccard
from yunque.core.nouns import Record
from yunque.core.progress import silent
from yunque.core.seams import Progress
from yunque.data.duplicates.buckets import Buckets
from yunque.data.duplicates.index import Index, open_index, settings, write_index
from yunque.data.duplicates.minhash import NUM_HASHES, Bands, choose_bands
from yunque.data.duplicates.sketches import Sketcher, Sketches, sketch_all
from yunque.data.duplicates.union_find import UnionFind
from yunque.store.tables import open_table

CLUSTERS, INDEX_FOLDER = "clusters.parquet", "index"
EXACT_TEXT, EXACT_CODE, NEAR = "exact text", "exact code", "near"
REASONS = ("", EXACT_TEXT, EXACT_CODE, NEAR)
ROWS = 4096
"""Of the clusters, that are put together at once."""
MOST_COMPARED = 64
"""Kept records, and others, that one record is compared with: those with which it shares most bands."""


class DuplicatesRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """When two records are duplicates, and which one is kept."""

    action: Literal["drop", "mark", "off"] = "drop"
    """drop: a duplicate, and the pairs made of it, are left out of the data set; mark: they stay, with a note; off: nobody
    asks."""
    near: bool = True
    """Find near duplicates, too, not exact ones alone."""
    threshold: float = Field(default=0.7, gt=0, le=1)
    """Least Jaccard similarity of near duplicates."""
    window: int = Field(default=WINDOW, ge=1, le=64)
    """Code tokens of a window; shorter texts only match exactly."""
    num_hashes: int = Field(default=NUM_HASHES, ge=8, le=4096)
    """Length of a MinHash signature."""
    recall: float = Field(default=0.98, gt=0, lt=1)
    """Share of the pairs at the threshold itself that the bands must find."""
    prefer: tuple[Literal["longest", "shortest", "oldest", "licensed"], ...] = ("longest",)
    """Which record of several is kept, asked in this order; then the smallest id. oldest: by the date of collection;
    licensed: one whose licence is known."""

    @property
    def bands(self) -> Bands:
        """How signatures are cut. Raises RecipeError when no cut finds enough."""
        return choose_bands(self.threshold, self.num_hashes, self.recall)


@dataclass(frozen=True, kw_only=True)
class Clustered:
    """What a record is like."""

    record_id: str
    cluster_id: str
    """Id of the most preferred record of its cluster; its own when it is like no other."""
    keeper_id: str
    """Id of the record that is kept for it: its own when it is kept."""
    similarity: float
    """Jaccard similarity with its keeper; 1 when it is kept or an exact duplicate."""
    reason: str
    """Empty when it is kept, else ``exact text``, ``exact code`` or ``near``."""


def find_duplicates(
    records: Iterable[Record],
    recipe: DuplicatesRecipe,
    folder: Path,
    *,
    against: Sequence[Path] = (),
    num_records: int = 0,
    workers: int = 1,
    progress: Progress = silent,
) -> dict:
    """Write the clusters of the records, and their index, into ``folder``; returns the counts.

    ``num_records`` is what progress is measured by, 0 where it is not known.
    ``against`` are folders of earlier runs, the oldest first: what they kept is compared with, and preferred. In the counts,
    ``in`` is ``kept`` plus the sum of ``dropped``. Raises StoreError for a folder without a usable index.
    """
    made_with = settings(recipe.window, recipe.bands)
    earlier: list[Index] = []
    for item in against:
        earlier.append(open_index(Path(item) / INDEX_FOLDER, sum(index.num_records for index in earlier), made_with))
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    sketcher = Sketcher(recipe.window, recipe.bands)
    sketches = sketch_all(records, sketcher, scratch, num_records=num_records, workers=workers, progress=progress)
    judged = _Judged(sketches, earlier, recipe)
    judged.exact()
    if recipe.near:
        judged.near(progress)
    judged.follow()
    counts = judged.write(folder, made_with)
    shutil.rmtree(scratch)
    return counts


class _Judged:
    """The records in the order of preference; numbers below ``base`` are those of earlier indexes."""

    def __init__(self, sketches: Sketches, earlier: Sequence[Index], recipe: DuplicatesRecipe) -> None:
        self.sketches, self.earlier, self.recipe = sketches, earlier, recipe
        self.base = sum(index.num_records for index in earlier)
        self.order = _by_preference(sketches.facts, recipe.prefer)
        """Row in the sketches of each record."""
        size = len(self.order)
        self.keeper = self.base + np.arange(size)
        """Number of the record that is kept for it."""
        self.similarity = np.ones(size)
        self.reason = np.zeros(size, dtype=np.int8)
        self.follows = np.full(size, -1, dtype=np.int64)
        """A record before it with the same text or code, whose fate it shares."""
        self.forest = UnionFind()
        self.counted: Counter = Counter()
        self.windows = sketches.facts["windows"][self.order]
        self._starts = sketches.facts["start"][self.order]

    # ---------------------------------------------------------------------------------------------------------------- exact
    def exact(self) -> None:
        """Records with the text or the code of one before them."""
        facts, everyone = self.sketches.facts, np.arange(len(self.order))
        self._same(everyone, facts["text"][self.order], "texts", 1)
        distinct = everyone[(self.follows < 0) & (self.reason == 0) & (self.windows > 0)]
        self._same(distinct, facts["code"][self.order[distinct]], "codes", 2)

    def _same(self, among: np.ndarray, digests: np.ndarray, kind: str, reason: int) -> None:
        by_digest = np.lexsort((among, digests[:, 1], digests[:, 0]))
        ordered = digests[by_digest]
        fresh = np.concatenate(([True], (ordered[1:] != ordered[:-1]).any(axis=1)))[: len(ordered)]
        first = by_digest[np.maximum.accumulate(np.where(fresh, np.arange(len(ordered)), 0))]
        copies = first != by_digest
        self.follows[among[by_digest[copies]]] = among[first[copies]]
        self.reason[among[by_digest[copies]]] = reason
        unresolved = among[by_digest[~copies]]
        digests = digests[by_digest[~copies]]
        for index in self.earlier:
            position = index.find(kind, digests)
            hit = position >= 0
            self.keeper[unresolved[hit]], self.reason[unresolved[hit]] = index.base + position[hit], reason
            for record, keeper in zip(
                (self.base + unresolved[hit]).tolist(), (index.base + position[hit]).tolist(), strict=True
            ):
                self.forest.join(record, keeper)
            unresolved, digests = unresolved[~hit], digests[~hit]

    # ----------------------------------------------------------------------------------------------------------------- near
    def near(self, progress: Progress) -> None:
        """Records that are like one that is kept, asked in the order of preference."""
        asked = np.flatnonzero((self.reason == 0) & (self.windows > 0))
        rows = self.sketches.facts["keyed"][self.order[asked]]
        bands = self.recipe.bands.bands
        buckets = Buckets(len(asked), lambda band: self.sketches.keys(band)[rows], bands, self.earlier)
        sharing = buckets.shared()
        with progress("compare", len(sharing), "records") as advance:
            for position in sharing.tolist():
                self._ask(int(asked[position]), buckets.of(position), buckets)
                advance(1)
        self.counted["buckets"] = buckets.num_buckets
        self.counted["largest bucket"] = buckets.largest
        self.counted["crowded"] = buckets.kept.crowded

    def _ask(self, record: int, mine: np.ndarray, buckets: Buckets) -> None:
        number, windows = self.base + record, self._windows(self.base + record)
        best, keeper = 0.0, -1
        for other in self._some(buckets.kept.of(mine)):
            how = self._alike(windows, other)
            if how >= self.recipe.threshold:
                self.forest.join(number, other)
                if how > best or (how == best and other < keeper):
                    best, keeper = how, other
        root = self.forest.find(number)
        for other in self._some(buckets.others.of(mine)):  # already in its cluster, but for chains
            if self.forest.find(other) != root and self._alike(windows, other) >= self.recipe.threshold:
                self.forest.join(number, other)
                root = self.forest.find(number)
        if keeper < 0:
            buckets.kept.put(mine, number)
            return
        buckets.others.put(mine, number)
        self.keeper[record], self.similarity[record], self.reason[record] = keeper, best, 3

    def _some(self, others: np.ndarray) -> list[int]:
        self.counted["left out"] += max(len(others) - MOST_COMPARED, 0)
        return others[:MOST_COMPARED].tolist()

    def _alike(self, windows: np.ndarray, other: int) -> float:
        """The similarity with another record; 0 where their sizes alone put it under the threshold."""
        few, many = sorted((len(windows), self._num_windows(other)))
        if few < self.recipe.threshold * many:
            return 0.0
        self.counted["comparisons"] += 1
        return jaccard(windows, self._windows(other))

    def _num_windows(self, number: int) -> int:
        if number >= self.base:
            return int(self.windows[number - self.base])
        index = self._index_of(number)
        return int(index.bounds[number - index.base + 1] - index.bounds[number - index.base])

    def _windows(self, number: int) -> np.ndarray:
        if number >= self.base:
            return self.sketches.windows(int(self._starts[number - self.base]), int(self.windows[number - self.base]))
        index = self._index_of(number)
        return index.windows(number - index.base)

    def _index_of(self, number: int) -> Index:
        return next(index for index in reversed(self.earlier) if index.base <= number)

    # --------------------------------------------------------------------------------------------------------------- results
    def follow(self) -> None:
        """Copies share the fate of the record that they are a copy of; of a copy of a copy, the weaker reason holds."""
        for reason in (2, 1):  # whoever has the text of a record may follow one that itself has the code of another
            copies = np.flatnonzero((self.follows >= 0) & (self.reason == reason))
            first = self.follows[copies]
            self.keeper[copies], self.similarity[copies] = self.keeper[first], self.similarity[first]
            self.reason[copies] = np.maximum(reason, self.reason[first])
            for copy, original in zip(copies.tolist(), first.tolist(), strict=True):
                self.forest.join(self.base + copy, self.base + original)

    def write(self, folder: Path, made_with: dict) -> dict:
        """Write the clusters, in the order of the input, and the index of what is kept; returns the counts."""
        facts, size = self.sketches.facts, len(self.order)
        roots = np.array([self.forest.find(self.base + record) for record in range(size)], dtype=np.int64)
        place = np.empty(size, dtype=np.int64)
        place[self.order] = np.arange(size)
        with open_table(folder / CLUSTERS, Clustered) as table:
            for start in range(0, size, ROWS):
                some = place[start : start + ROWS]
                ids = (
                    facts["id"][start : start + ROWS],
                    self._ids(roots[some], "clusters"),
                    self._ids(self.keeper[some], "ids"),
                )
                names = ([_text(item) for item in column.tolist()] for column in ids)
                similar, reasons = self.similarity[some].round(6).tolist(), self.reason[some].tolist()
                for own, cluster, keeper, similarity, reason in zip(*names, similar, reasons, strict=True):
                    row = Clustered(
                        record_id=own, cluster_id=cluster, keeper_id=keeper, similarity=similarity, reason=REASONS[reason]
                    )
                    table.add(row)
        kept = np.flatnonzero(self.reason == 0)
        clusters = self._ids(roots[kept], "clusters")
        write_index(folder / INDEX_FOLDER, self.sketches, self.order[kept], clusters, made_with)
        return self._counts(roots)

    def _ids(self, numbers: np.ndarray, of: str) -> np.ndarray:
        """The ids of records, or the ``clusters`` of those of an earlier index."""
        result = self.sketches.facts["id"][self.order[np.maximum(numbers - self.base, 0)]]
        for index in self.earlier:
            inside = (numbers >= index.base) & (numbers < index.base + index.num_records)
            result[inside] = getattr(index, of)[numbers[inside] - index.base]
        return result

    def _counts(self, roots: np.ndarray) -> dict:
        _, sizes = np.unique(roots, return_counts=True)
        dropped = {name: int(np.count_nonzero(self.reason == index)) for index, name in enumerate(REASONS) if index}
        counts: dict[str, Any] = {
            "in": len(self.order),
            "kept": int(np.count_nonzero(self.reason == 0)),
            "dropped": {name: count for name, count in dropped.items() if count},
            "clusters": len(sizes),
            "largest_cluster": int(sizes.max(initial=0)),
            "short": int(np.count_nonzero(self.windows == 0)),
            "unworkable": self.sketches.num_lost,
            "earlier": self.base,
        }
        names = ("buckets", "largest bucket", "comparisons", "left out", "crowded")
        counts |= {name.replace(" ", "_"): int(self.counted[name]) for name in names}
        assert counts["in"] == counts["kept"] + sum(dropped.values()), "a record was lost without a reason"
        return counts


def _by_preference(facts: np.ndarray, prefer: Sequence[str]) -> np.ndarray:
    """The rows in the order of preference; ties of records with one id are told apart by where they come from."""
    keys = {"longest": -facts["size"], "shortest": facts["size"]}
    keys |= {"oldest": facts["collected"], "licensed": facts["unlicensed"]}
    return np.lexsort((facts["tie"], facts["id"], *(keys[name] for name in reversed(prefer))))


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogatepass")
