"""What duplicates are found by, of every record: made in batches by any number of workers, kept on disk in input order.

    facts.bin     a fixed row each: id, digests, size, place of its windows, what a preference may ask for
    windows.bin   the set of windows of each record that has some (sorted uint32), one after the other
    band-NNN.bin  the keys of one band, of the records that have windows

Covered: texts that kill their worker (compared by their text alone).
Not covered: ids of more than 64 bytes.
"""

from __future__ import annotations

import hashlib
import os
import weakref
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from yunque.code.shingles import shingle
from yunque.core.errors import SourceError
from yunque.core.nouns import Record, content_id
from yunque.core.progress import silent
from yunque.core.seams import Progress
from yunque.data.duplicates.minhash import Bands, band_keys, signatures
from yunque.data.parallel import batched, ordered_map

BATCH_CHARS, AT_ONCE_CHARS = 2 << 20, 1 << 17
"""Characters that travel to a worker together, and that it works on at once: what fits its cache is faster."""
ID_BYTES = 64
NO_DATE = np.iinfo(np.int64).max
FACT = np.dtype(
    [
        ("id", f"S{ID_BYTES}"),
        ("text", "<u8", 2),  # digest of the text
        ("code", "<u8", 2),  # digest of its tokens
        ("size", "<i8"),  # bytes of UTF-8
        ("start", "<i8"),  # of its windows in their file
        ("windows", "<i8"),  # how many; 0: compared by its text alone
        ("keyed", "<i8"),  # its row in the files of keys
        ("collected", "<i8"),  # seconds since 1970; NO_DATE when unknown
        ("unlicensed", "<i8"),  # 1 when the licence is unknown
        ("tie", "<u8"),  # tells records of one id apart, by where they come from
    ]
)


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is kept of one text."""

    text: bytes
    code: bytes
    size: int
    windows: np.ndarray
    keys: np.ndarray
    lost: bool = False


class Sketcher:
    """Makes the sketches of a batch of records."""

    def __init__(self, window: int, bands: Bands) -> None:
        self.window, self.bands = window, bands

    def __call__(self, batch: Sequence[Record]) -> list[Sketch]:
        """One sketch a record, in their order; each as it would be alone."""
        parts = batched(batch, lambda record: len(record.text), AT_ONCE_CHARS)
        return [sketch for part in parts for sketch in self._at_once(part)]

    def _at_once(self, records: Sequence[Record]) -> list[Sketch]:
        result = shingle([record.text for record in records], [record.language for record in records], self.window)
        bounds = result.window_bounds
        full = np.flatnonzero(np.diff(bounds))
        keys = band_keys(signatures(result.windows, np.append(bounds[full], bounds[-1]), self.bands.num_hashes), self.bands)
        row_of = dict(zip(full.tolist(), range(len(full)), strict=True))
        sketches = []
        for index, (record, windows) in enumerate(zip(records, result.sets(), strict=True)):
            own = keys[row_of[index]].copy() if index in row_of else keys[0:0]
            sketches.append(Sketch(**_of_text(record), code=result.code_digest(index), windows=windows, keys=own))
        return sketches

    def lost(self, record: Record, why: str) -> Sketch:
        """The sketch of a record that its worker did not survive: its text alone."""
        nothing = np.zeros(0, dtype=np.uint32)
        return Sketch(**_of_text(record), code=bytes(16), windows=nothing, keys=nothing, lost=True)


@dataclass(frozen=True, kw_only=True)
class Sketches:
    """The sketches of all records, read from disk as they are needed."""

    facts: np.ndarray
    folder: Path
    num_lost: int

    def windows(self, start: int, size: int) -> np.ndarray:
        """So many windows from ``start`` on. Read, not mapped: mapped pages would count as memory of this process."""
        return np.frombuffer(os.pread(self._windows, 4 * size, 4 * start), dtype="<u4")

    @cached_property
    def _windows(self) -> int:
        number = os.open(self.folder / "windows.bin", os.O_RDONLY)
        weakref.finalize(self, os.close, number)
        return number

    def keys(self, band: int) -> np.ndarray:
        """The keys of a band, by ``keyed``."""
        return _on_disk(self.folder / f"band-{band:03}.bin", "<u8")


def sketch_all(
    records: Iterable[Record],
    sketcher: Sketcher,
    folder: Path,
    *,
    num_records: int = 0,
    workers: int = 1,
    progress: Progress = silent,
) -> Sketches:
    """Sketch every record into files in ``folder``; memory does not grow with their number (0: not known before)."""
    folder.mkdir(parents=True, exist_ok=True)
    start = keyed = num_lost = 0
    batches = batched(records, lambda record: len(record.text), BATCH_CHARS)
    with ExitStack() as stack:
        facts, windows = (stack.enter_context(open(folder / name, "wb")) for name in ("facts.bin", "windows.bin"))
        bands = [stack.enter_context(open(folder / f"band-{index:03}.bin", "wb")) for index in range(sketcher.bands.bands)]
        advance = stack.enter_context(progress("sketch", num_records, "records"))
        for batch, result in ordered_map(sketcher, batches, workers=workers, lost=sketcher.lost):
            rows = _facts(batch, result, start, keyed)
            start += int(rows["windows"].sum())
            keyed += int(np.count_nonzero(rows["windows"]))
            num_lost += sum(sketch.lost for sketch in result)
            facts.write(rows.tobytes())
            full = [sketch for sketch in result if len(sketch.windows)]
            if full:
                windows.write(np.concatenate([sketch.windows for sketch in full]).astype("<u4", copy=False).tobytes())
                for file, column in zip(bands, np.stack([sketch.keys for sketch in full], axis=1), strict=True):
                    file.write(column.astype("<u8", copy=False).tobytes())
            advance(len(batch))
    return Sketches(
        facts=_on_disk(folder / "facts.bin", FACT),
        folder=folder,
        num_lost=num_lost,
    )


def _of_text(record: Record) -> dict:
    data = record.text.encode("utf-8", "surrogatepass")
    return {"text": hashlib.sha256(data).digest()[:16], "size": len(data)}


def _facts(batch: Sequence[Record], sketches: Sequence[Sketch], start: int, keyed: int) -> np.ndarray:
    """The rows of a batch, whose windows and keys begin at ``start`` and ``keyed``."""
    names = [record.id.encode("utf-8", "surrogatepass") for record in batch]
    for name, record in zip(names, batch, strict=True):
        if len(name) > ID_BYTES:
            what = f"a record's id is longer than {ID_BYTES} bytes: '{record.id[:80]}'"
            raise SourceError(what, where=record.origin.source)
    rows = np.zeros(len(batch), dtype=FACT)
    rows["id"], rows["size"] = names, [sketch.size for sketch in sketches]
    rows["text"] = np.frombuffer(b"".join(sketch.text for sketch in sketches), "<u8").reshape(-1, 2)
    rows["code"] = np.frombuffer(b"".join(sketch.code for sketch in sketches), "<u8").reshape(-1, 2)
    sizes = np.array([len(sketch.windows) for sketch in sketches], dtype=np.int64)
    rows["windows"], rows["start"], rows["keyed"] = sizes, start + np.cumsum(sizes) - sizes, keyed + np.cumsum(sizes > 0) - 1
    origins = [record.origin for record in batch]
    rows["collected"] = [_seconds(origin.collected_at) for origin in origins]
    rows["unlicensed"] = [origin.licence in ("", "unknown") for origin in origins]
    rows["tie"] = [int(content_id(origin.source, origin.path, origin.revision), 16) for origin in origins]
    return rows


@lru_cache
def _seconds(when: str) -> int:
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        return NO_DATE
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _on_disk(path: Path, kind: np.dtype | str) -> np.ndarray:
    """The numbers of a file, read as they are needed; an empty file cannot be mapped."""
    return np.asarray(np.memmap(path, dtype=kind, mode="r")) if path.stat().st_size else np.zeros(0, dtype=kind)
