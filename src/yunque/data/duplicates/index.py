"""What is kept of a corpus so that more can be compared with it later: its distinct records, never their texts.

    index.json               what it was made with, and how many records; written last
    ids.npy, clusters.npy    of each kept record, the most preferred first
    texts.npy, codes.npy     sorted digests, with the record of each
    keys-NNN.npy, records-NNN.npy    sorted keys of a band, with the record of each
    windows.npy, bounds.npy  the sets of windows

Everything is mapped, not read: a search in sorted keys touches a few pages. Records that were duplicates are not in it: what
is like them and not like what was kept for them is distinct.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yunque.core.errors import StoreError
from yunque.data.duplicates.minhash import Bands, algorithm
from yunque.data.duplicates.sketches import Sketches
from yunque.store.artifacts import write_whole

INDEX, FORMAT = "index.json", 1


def settings(window: int, bands: Bands) -> dict:
    """What two indexes must have in common to be compared."""
    return {"format": FORMAT, "algorithm": algorithm(), "window": window, "bands": bands.bands, "rows": bands.rows}


@dataclass(frozen=True, kw_only=True)
class Index:
    """The distinct records of a corpus; they are numbered from ``base`` on where several indexes are used."""

    folder: Path
    base: int
    num_records: int
    ids: np.ndarray
    clusters: np.ndarray
    bounds: np.ndarray
    window_sets: np.ndarray

    def band(self, band: int) -> tuple[np.ndarray, np.ndarray]:
        """The sorted keys of a band, and the record of each, counted from 0."""
        return _mapped(self.folder / f"keys-{band:03}.npy"), _mapped(self.folder / f"records-{band:03}.npy")

    def windows(self, record: int) -> np.ndarray:
        """The set of windows of a record, counted from 0."""
        return self.window_sets[self.bounds[record] : self.bounds[record + 1]]

    def find(self, kind: str, digests: np.ndarray) -> np.ndarray:
        """For each digest (two numbers a row) of ``texts`` or ``codes`` the record that has it, counted from 0, or -1."""
        rows = _mapped(self.folder / f"{kind}.npy")
        if not len(rows):
            return np.full(len(digests), -1, dtype=np.int64)
        position = np.minimum(np.searchsorted(rows[:, 0], digests[:, 0]), len(rows) - 1)
        same = (rows[position, 0] == digests[:, 0]) & (rows[position, 1] == digests[:, 1])
        return np.where(same, rows[position, 2].astype(np.int64), -1)


def open_index(folder: Path, base: int, expected: dict) -> Index:
    """The index in a folder. StoreError when it is none, is not whole, or was made with other settings."""
    folder = Path(folder)
    try:
        made = json.loads((folder / INDEX).read_text())
        num_records = made.pop("records")
        index = Index(
            folder=folder, base=base, num_records=num_records, ids=_mapped(folder / "ids.npy"),
            clusters=_mapped(folder / "clusters.npy"), bounds=_mapped(folder / "bounds.npy"),
            window_sets=_mapped(folder / "windows.npy"),
        )  # fmt: skip
        whole = len(index.ids) == len(index.clusters) == len(index.bounds) - 1 == num_records
        whole = whole and len(index.window_sets) == index.bounds[-1]
        sizes = [len(part) for band in range(made.get("bands", 0)) for part in index.band(band)]
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"no index of duplicates here, or a damaged one ({error})"
        raise StoreError(what, where=folder, do="find its duplicates again") from None
    if made != expected:
        wrong = next(name for name in {**expected, **made} if made.get(name) != expected.get(name))
        what = f"the index was made with {wrong} {made.get(wrong)}, now it is {expected.get(wrong)}"
        raise StoreError(what, where=folder, do="find its duplicates again, with this recipe")
    if not whole or len(set(sizes)) > 1:
        raise StoreError("the index of duplicates is damaged", where=folder, do="find its duplicates again")
    return index


def write_index(folder: Path, sketches: Sketches, kept: np.ndarray, clusters: np.ndarray, made_with: dict) -> None:
    """Write the index of the ``kept`` rows of the sketches (the most preferred first) with the clusters of those rows."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = sketches.facts[kept]
    np.save(folder / "ids.npy", facts["id"])
    np.save(folder / "clusters.npy", clusters)
    numbers = np.arange(len(kept), dtype=np.uint64)
    keyed = np.flatnonzero(facts["windows"])
    for name, kind, rows in (("texts", "text", numbers), ("codes", "code", numbers[keyed])):
        result = np.column_stack((facts[kind][rows], rows)) if len(rows) else np.zeros((0, 3), dtype=np.uint64)
        np.save(folder / f"{name}.npy", result[np.lexsort((result[:, 2], result[:, 1], result[:, 0]))])
    for band in range(made_with["bands"]):
        keys = sketches.keys(band)[facts["keyed"][keyed]] if len(keyed) else np.zeros(0, dtype=np.uint64)
        order = np.argsort(keys, kind="stable")
        np.save(folder / f"keys-{band:03}.npy", keys[order])
        np.save(folder / f"records-{band:03}.npy", keyed[order].astype(np.int64))
    bounds = np.concatenate(([0], np.cumsum(facts["windows"], dtype=np.int64)))
    np.save(folder / "bounds.npy", bounds)
    with open(folder / "windows.npy", "wb") as file:  # not mapped: a full disk must be an error, not a signal
        header = {"descr": "<u4", "fortran_order": False, "shape": (int(bounds[-1]),)}
        np.lib.format.write_array_header_1_0(file, header)
        for start, size in zip(facts["start"].tolist(), facts["windows"].tolist(), strict=True):
            file.write(sketches.windows(start, size).data)
    write_whole(folder / INDEX, json.dumps({**made_with, "records": len(kept)}, sort_keys=True) + "\n")


def _mapped(path: Path) -> np.ndarray:
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
