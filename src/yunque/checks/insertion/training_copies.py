"""Does a text say word for word what the model was trained on? An index made with the model says so in a millisecond.

    records -> tokens -> a hash of every 32 in a row -> the least hash of every 17 in a row, with its record and place

Winnowing (Schleimer, Wilkerson, Aiken, 2003): a run of 48 tokens (32 + 17 - 1) that stands in a record is always noticed,
one of fewer than 32 never is. The index has a ninth of the hashes, 16 bytes each.

Covered: every language; other white space (indentation, line breaks).
Not covered: comments, names or strings that differ, which make another text of it; what stands in more than a twentieth of
the records (at least 3, at most 20), which is nobody's: a licence's header, a frame that a package repeats.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from yunque.checks.findings import decide, timed
from yunque.core.errors import ModelError
from yunque.core.nouns import Finding, Insertion, Origin, Record, Verdict

if TYPE_CHECKING:
    import numpy as np

LEAST_TOKENS = 32
"""Of a run: words, numbers, and single characters of punctuation."""
WINDOW = 17
"""Of so many hashes in a row the least is kept."""
SURE_TOKENS = LEAST_TOKENS + WINDOW - 1
"""A run of so many is always noticed."""
FEW_RECORDS, MOST_RECORDS, COMMON_SHARE = 3, 20, 0.05
NOBODY = 0xFFFFFFFF
"""The owner of what stands in more records."""
ENDING = ".copies"
COPIES = f"model{ENDING}"
"""The file's name beside a forged model."""


def beside(model: Path) -> Path:
    """Where the index of a model folder or a GGUF file is."""
    return model.with_suffix(ENDING) if model.is_file() else model.with_name(model.name + ENDING)


class TrainingCopies:
    """Fails a text with a run of tokens of a training record (seams ``Check``, ``InsertionCheck``)."""

    name = "training-copies"

    def __init__(self, file: Path) -> None:
        """Opens an index. ModelError for a file that is none."""
        import numpy as np

        try:
            with np.load(file, allow_pickle=False) as arrays:
                self._hashes, self._owners, self._places = (arrays[name] for name in ("hashes", "owners", "places"))
                self.origins: list[tuple[str, str, str]] = json.loads(arrays["origins"].tobytes())
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
            raise ModelError(f"is no index of training records ({error})", where=file, do="forge the model again") from None

    @timed
    def judge(self, record: Record) -> Verdict:
        """FAIL, with a finding for the longest run, or PASS."""
        return self._verdict(record.text)

    @timed
    def judge_insertion(self, insertion: Insertion) -> Verdict:
        """As `judge`, of the text that is put in."""
        return self._verdict(insertion.text)

    def _verdict(self, text: str) -> Verdict:
        run = self.longest(text)
        if run is None:
            return decide(self.name, detail=f"no {SURE_TOKENS} tokens in a row stand in a training record")
        owner, tokens, line = run
        source, path, licence = self.origins[owner]
        finding = Finding(
            rule="verbatim", line=line, message=f"stands word for word in a training record: {path} of {source} ({licence})"
        )
        return decide(self.name, [finding], detail=f"{tokens} tokens or more in a row are those of {path} ({licence})")

    def longest(self, text: str) -> tuple[int, int, int] | None:
        """The longest run that is known to be copied: (index of its record, least number of tokens, line of its start)."""
        import numpy as np

        hashes, starts = _windows(text)
        low, high = np.searchsorted(self._hashes, hashes, side="left"), np.searchsorted(self._hashes, hashes, side="right")
        places = np.flatnonzero(high > low)
        common = places[self._owners[low[places]] == NOBODY]
        # What begins near to it is the edge of it, where other hashes are the least.
        near = np.searchsorted(common, places - WINDOW, side="left") < np.searchsorted(common, places + WINDOW, side="right")
        hits = [
            (int(self._owners[entry]), int(self._places[entry]) - place, place)
            for place in places[~near].tolist()
            for entry in range(low[place], high[place])
        ]
        best: tuple[int, int, int] | None = None
        first, last = (-1, 0, 0), (-1, 0, 0)
        for hit in sorted(hits):  # by record and by how far its text is moved: runs lie one below the other
            is_next = hit[:2] == last[:2] and hit[2] - last[2] <= LEAST_TOKENS
            first, last = first if is_next else hit, hit
            length = hit[2] - first[2] + LEAST_TOKENS
            if best is None or length > best[1]:
                best = hit[0], length, first[2]
        if best is None:
            return None
        line = 1 + text.encode("utf-8", "surrogatepass")[: int(starts[best[2]])].count(b"\n")
        return best[0], best[1], line


def copies_of(model: Path) -> TrainingCopies | None:
    """What notices the training records of a model, if an index lies beside it. ModelError as of `TrainingCopies`."""
    index = beside(model)
    return TrainingCopies(index) if index.is_file() else None


def write_index(texts: Iterable[tuple[str, Origin]], file: Path) -> dict:
    """Index texts by where they come from; how many texts, tokens and hashes there are. Memory: some 40 bytes a hash."""
    import numpy as np

    parts, origins, num_tokens = [], list[tuple[str, str, str]](), 0
    for text, origin in texts:
        windows, starts = _windows(text)
        places = _winnowed(windows)
        parts.append((windows[places], np.full(len(places), len(origins), dtype=np.uint32), places.astype(np.uint32)))
        origins.append((origin.source, origin.path, origin.licence))
        num_tokens += len(starts)
    empty = (np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.uint32), np.empty(0, dtype=np.uint32))
    hashes, owners, places = (np.concatenate(column) for column in zip(*(parts or [empty]), strict=True))
    order = np.lexsort((owners, hashes))
    hashes, owners, places = hashes[order], owners[order], places[order]
    kept = _without_common(hashes, owners, min(MOST_RECORDS, max(FEW_RECORDS, int(COMMON_SHARE * len(origins)))))
    hashes, owners, places = hashes[kept], owners[kept], places[kept]
    names = np.frombuffer(json.dumps(origins).encode(), dtype=np.uint8)
    with file.open("wb") as stream:
        np.savez(stream, hashes=hashes, owners=owners, places=places, origins=names)
    return {"records": len(origins), "tokens": num_tokens, "hashes": len(hashes)}


def _windows(text: str) -> tuple[np.ndarray, np.ndarray]:
    """The hash of every `LEAST_TOKENS` tokens in a row, and the byte where each token starts."""
    from yunque.code.shingles import token_hashes, window_hashes

    tokens, starts = token_hashes(text.encode("utf-8", "surrogatepass").replace(b"\x01", b" "))
    return window_hashes(tokens, LEAST_TOKENS), starts


def _winnowed(hashes: np.ndarray) -> np.ndarray:
    """The places of the hashes that are kept: the least of every `WINDOW` in a row, or of all where there are fewer."""
    import numpy as np

    if not len(hashes):
        return np.empty(0, dtype=np.int64)
    rows = np.lib.stride_tricks.sliding_window_view(hashes, min(WINDOW, len(hashes)))
    return np.unique(np.argmin(rows, axis=1) + np.arange(len(rows)))


def _without_common(hashes: np.ndarray, owners: np.ndarray, most: int) -> np.ndarray:
    """Which entries, sorted by both, to keep; of a hash of more than so many records one, which is nobody's."""
    import numpy as np

    if not len(hashes):
        return np.empty(0, dtype=bool)
    is_first = np.concatenate(([True], hashes[1:] != hashes[:-1]))
    is_new_record = is_first | np.concatenate(([True], owners[1:] != owners[:-1]))
    group = np.cumsum(is_first) - 1
    is_common = (np.bincount(group, weights=is_new_record) > most)[group]
    owners[is_common] = NOBODY
    return ~is_common | is_first
