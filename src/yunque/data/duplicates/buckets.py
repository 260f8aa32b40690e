"""Records that share a band, band by band, without ever making their pairs.

All records with one key in one band are a bucket. Buckets of a single record are dropped; the others keep a few places for
the records that a later one is compared with: some for those that are kept as distinct, some for the others. So time and
memory are linear in the number of records, however large a bucket becomes.

The join is a sort of one band's keys at a time. Covered: buckets that reach into earlier indexes, by search in their sorted
keys. Not covered: more records at once than two arrays of 8 bytes each fit memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

KEPT_PLACES, OTHER_PLACES = 32, 8
"""Of a bucket: records that are kept, and records that are like one of them."""


class SortedBands(Protocol):
    """Records that were looked at earlier (`data.duplicates.index.Index`)."""

    @property
    def base(self) -> int:
        """The number of its first record."""
        ...

    def band(self, band: int) -> tuple[np.ndarray, np.ndarray]:
        """The sorted keys of a band, and the record of each."""
        ...


class Places:
    """A few places for numbers in each of many buckets, in one array."""

    def __init__(self, rooms: np.ndarray) -> None:
        self._starts = np.concatenate(([0], np.cumsum(rooms, dtype=np.int64)))
        self._counts = np.zeros(len(rooms), dtype=np.int32)
        self._values = np.zeros(int(self._starts[-1]), dtype=np.int64)
        self.crowded = 0
        """How many numbers found no place."""

    def put(self, buckets: np.ndarray, number: int) -> None:
        """Add a number to each of the buckets that has room."""
        places = self._starts[buckets] + self._counts[buckets]
        free = places < self._starts[buckets + 1]
        self._values[places[free]] = number
        self._counts[buckets[free]] += 1
        self.crowded += len(buckets) - int(np.count_nonzero(free))

    def put_groups(self, buckets: np.ndarray, sizes: np.ndarray, numbers: np.ndarray) -> None:
        """Add the next ``sizes[i]`` of the numbers to bucket i of these, each of which is named once."""
        into = np.repeat(buckets, sizes)
        places = (self._starts[buckets] + self._counts[buckets] - np.cumsum(sizes) + sizes).repeat(sizes)
        places += np.arange(len(numbers))
        free = places < self._starts[into + 1]
        self._values[places[free]] = numbers[free]
        self._counts[buckets] = np.minimum(self._counts[buckets] + sizes, np.diff(self._starts)[buckets])
        self.crowded += len(numbers) - int(np.count_nonzero(free))

    def of(self, buckets: np.ndarray) -> np.ndarray:
        """The numbers in these buckets: those in most of them first, then the lowest."""
        counts = self._counts[buckets]
        if not counts.any():
            return np.zeros(0, dtype=np.int64)
        widest = np.arange(int(counts.max()))
        places = (self._starts[buckets][:, None] + widest)[widest < counts[:, None]]
        numbers, shared = np.unique(self._values[places], return_counts=True)
        return numbers[np.argsort(-shared, kind="stable")]


class Buckets:
    """The buckets of some records, which are numbered in the order in which they will be asked about."""

    def __init__(
        self, num_records: int, keys: Callable[[int], np.ndarray], num_bands: int, earlier: Sequence[SortedBands] = ()
    ) -> None:
        """``keys(band)`` are the keys of all records in a band, by their numbers."""
        self._buckets_of = np.full((num_records, num_bands), -1, dtype=np.int32)
        sizes: list[np.ndarray] = []
        hits: list[tuple[SortedBands, int, np.ndarray, np.ndarray, np.ndarray]] = []
        base = 0
        for band in range(num_bands if num_records else 0):
            sizes.append(self._join(band, np.asarray(keys(band)), base, earlier, hits))
            base += len(sizes[-1])
        every = np.concatenate(sizes) if sizes else np.zeros(0, dtype=np.int64)
        self.num_buckets = len(every)
        self.largest = int(every.max(initial=0))
        self.kept, self.others = Places(np.minimum(every, KEPT_PLACES)), Places(np.minimum(every, OTHER_PLACES))
        for index, band, buckets, low, count in hits:
            rows = (low - np.cumsum(count) + count).repeat(count) + np.arange(count.sum())
            self.kept.put_groups(buckets, count, index.base + index.band(band)[1][rows])

    def _join(self, band: int, keys: np.ndarray, base: int, earlier: Sequence[SortedBands], hits: list) -> np.ndarray:
        """Number the buckets of a band from ``base`` on; returns how many records each holds, adds where some are."""
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        sizes = np.diff(np.append(first, len(ordered)))
        results = []
        total = sizes.copy()
        for index in earlier:
            known, asked = index.band(band)[0], ordered[first]
            low, high = np.searchsorted(known, asked, "left"), np.searchsorted(known, asked, "right")
            total += high - low
            results.append((index, low, np.minimum(high - low, KEPT_PLACES)))
        shared = total > 1
        number = np.where(shared, base + np.cumsum(shared) - 1, -1)
        self._buckets_of[order, band] = np.repeat(number, sizes)
        for index, low, count in results:
            hit = np.flatnonzero(count)
            hits.append((index, band, number[hit], low[hit], count[hit]))
        return total[shared]

    def of(self, record: int) -> np.ndarray:
        """The buckets that a record shares with another."""
        mine = self._buckets_of[record]
        return mine[mine >= 0]

    def shared(self) -> np.ndarray:
        """The records that share a bucket, in order."""
        return np.flatnonzero((self._buckets_of >= 0).any(axis=1))
