"""Sets that are alike, all of them: an exact search by prefix filter, for thousands of sets in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from yunque.code.shingles import jaccard


class Neighbours:
    """An exact search for sets of shingles that are alike: an inverted index over each set's rarest members.

    Equal sets are one entry, so a thousand copies of a function cost as much as one.
    """

    def __init__(self, sets: Sequence[np.ndarray], similarity: float) -> None:
        self.similarity = similarity
        first: dict[bytes, int] = {}
        digests = [hashlib.blake2b(item.tobytes(), digest_size=16).digest() for item in sets]
        self.same_as = np.array([first.setdefault(digest, unit) for unit, digest in enumerate(digests)], dtype=np.int64)
        """For each set, the first one equal to it."""
        self._sets = sets
        self._sizes = np.array([len(item) for item in sets], dtype=np.int64)
        entries = np.array([unit for unit in sorted(first.values()) if len(sets[unit])], dtype=np.int64)
        self._prefixes: dict[int, np.ndarray] = {}
        self._postings, self._bounds = np.zeros(0, np.int64), np.zeros(1, np.int64)
        if len(entries):
            self._index(entries)

    def _index(self, entries: np.ndarray) -> None:
        sizes = self._sizes[entries]
        owners = np.repeat(entries, sizes)
        _, codes, counts = np.unique(
            np.concatenate([self._sets[unit] for unit in entries]), return_inverse=True, return_counts=True
        )
        by_rarity = np.empty(len(counts), dtype=np.int64)
        by_rarity[np.argsort(counts, kind="stable")] = np.arange(len(counts))
        ranks = by_rarity[codes]
        order = np.lexsort((ranks, owners))
        owners, ranks, shared = owners[order], ranks[order], counts[codes][order] > 1
        place = np.arange(len(owners)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        kept = sizes - np.ceil(self.similarity * sizes - 1e-9).astype(np.int64) + 1
        chosen = (place < np.repeat(kept, sizes)) & shared  # a shingle that nobody shares finds nobody
        owners, ranks = owners[chosen], ranks[chosen]
        units, begin = np.unique(owners, return_index=True)
        self._prefixes = dict(zip(units.tolist(), np.split(ranks, begin[1:]), strict=True)) if len(units) else {}
        order = np.argsort(ranks, kind="stable")
        self._postings = owners[order]
        self._bounds = np.searchsorted(ranks[order], np.arange(len(counts) + 1))

    def candidates(self, unit: int, among: np.ndarray | None = None) -> Iterator[int]:
        """The entries that could be alike, itself left out: a superset, those that share the rarest shingles first.

        ``among`` is a mask over the sets. Lazy, so that a caller who needs one does not pay for ten thousand.
        """
        unit = int(self.same_as[unit])
        size, seen = self._sizes[unit], {unit}
        for rank in self._prefixes.get(unit, ()):
            result = self._postings[self._bounds[rank] : self._bounds[rank + 1]]
            sizes = self._sizes[result]
            fits = np.minimum(size, sizes) >= self.similarity * np.maximum(size, sizes) - 1e-9
            for other in result[fits if among is None else fits & among[result]].tolist():
                if other not in seen:
                    seen.add(other)
                    yield other

    def jaccard(self, item: int, other: int) -> float:
        """Members in common, as a share of all members of both."""
        return jaccard(self._sets[item], self._sets[other])
