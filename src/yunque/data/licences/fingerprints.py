"""Licence texts inside a longer text, by fingerprints: three-word pieces of the texts of the SPDX list (`FINGERPRINTS`).

Finds a text that was reflowed, commented, misspelt or stands beside others, and says how much of it is there.

Covered: texts of the SPDX list from 20 words on. Not covered: texts in other words or languages.
"""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

FINGERPRINTS = Path(__file__).with_name("fingerprints.npz")
"""Made by ``benchmarks/data/licences.py --fingerprints`` from the texts of the SPDX list."""
ENOUGH, ENOUGH_OF_SHORT = 0.7, 0.85
"""Share of a text's pieces that must be there, in about the length of the text; of one with under SHORT pieces."""
SHORT, LEAST = 60, 18
STRETCH = 1.5
MOST_TEXTS = 60
"""Licences told of one file: lists of third parties repeat a few of them for ever."""


# ------------------------------------------------------------------------------------------------------------------- words
_LEAD = re.compile(r"^[\s#*/;%|>\"'.!-]+")
_NOTICE_LINE = re.compile(
    r"(?:portions )?(?:copyright(?!\W+(?:notice|licen[sc]e|owner|holder|law|statement|and|or|in|to|interest|patent|right"
    r"|disclaimer|act|with|is|of|protection|trademark|claim|treat)s?\b)|\(c\)|©|&copy;)|all rights reserved"
)
"""A line that says whose it is, and no sentence about copyright that was wrapped there."""


def words_of(text: str) -> list[str]:
    """The words of a text, lower case, without signs of comments and lines of copyright: what two copies share."""
    lines = (_LEAD.sub("", line) for line in text.lower().splitlines())
    kept = " ".join(line for line in lines if not _NOTICE_LINE.match(line))
    return re.findall(r"[a-z0-9]+", kept.replace("licence", "license"))


def pieces_of(words: Sequence[str]) -> list[int]:
    """A 32-bit hash of every three words in a row."""
    return [zlib.crc32(" ".join(words[index : index + 3]).encode()) for index in range(len(words) - 2)]


# ------------------------------------------------------------------------------------------------------------ fingerprints
@dataclass(frozen=True)
class _Library:
    """All fingerprints: of piece ``hashes[n]`` (sorted), the licence ``owners[n]``."""

    names: list[str]
    hashes: numpy.ndarray
    owners: numpy.ndarray
    num_pieces: numpy.ndarray
    """Of each licence, how many are kept."""
    num_words: numpy.ndarray
    """Of each licence, how long its text is."""
    steps: numpy.ndarray
    """Of each licence, one in how many pieces is kept (1 for all but long ones), beside its ends."""


@functools.cache
def _library() -> _Library:
    import numpy

    with numpy.load(FINGERPRINTS, allow_pickle=False) as file:
        names, counts, hashes, words, steps = (file[key] for key in ("names", "counts", "hashes", "words", "steps"))
    owners = numpy.repeat(numpy.arange(len(names)), counts)
    order = numpy.argsort(hashes, kind="stable")
    return _Library(names.tolist(), hashes[order], owners[order], counts.astype(int), words.astype(int), steps)


@dataclass(frozen=True)
class Match:
    """One licence's text in a longer one."""

    spdx: str
    owner: int
    """Its number among the fingerprints."""
    share: float
    """Of its pieces, how many are there."""
    start: int
    end: int
    """Its place, in pieces."""
    hits: tuple[int, ...] = ()
    """Where its pieces are; empty for a long text, of which only some are known."""


def find_texts(words: Sequence[str]) -> list[Match]:
    """The licence texts in a text, the fullest first; no two overlap."""
    import numpy

    library, pieces = _library(), numpy.array(pieces_of(words), dtype=numpy.uint32)
    left, right = numpy.searchsorted(library.hashes, pieces, "left"), numpy.searchsorted(library.hashes, pieces, "right")
    num = right - left
    places = numpy.repeat(numpy.arange(len(pieces)), num)
    firsts = numpy.repeat(left - numpy.concatenate(([0], numpy.cumsum(num)[:-1])), num) if len(num) else left
    rows = firsts + numpy.arange(len(places))
    owners = library.owners[rows]
    matches: list[Match] = []
    while len(matches) < MOST_TEXTS and (best := _best(library, places, rows, owners)):
        inside = (places >= best.start) & (places < best.end)
        hits = places[inside & (owners == best.owner)].tolist() if library.steps[best.owner] == 1 else ()
        matches.append(replace(best, hits=tuple(hits)))
        free = ~inside
        places, rows, owners = places[free], rows[free], owners[free]
    return matches


def _best(library: _Library, places: numpy.ndarray, rows: numpy.ndarray, owners: numpy.ndarray) -> Match | None:
    """The licence of which most is there and least is missing."""
    import numpy

    seen = numpy.bincount(library.owners[numpy.unique(rows)], minlength=len(library.names))
    candidates = numpy.flatnonzero(seen >= ENOUGH * library.num_pieces)
    best, most = None, 0.0
    for owner in sorted(candidates, key=lambda candidate: -int(library.num_words[candidate])):
        length, total = int(library.num_words[owner]), int(library.num_pieces[owner])
        step = int(library.steps[owner])
        if step * (2 * int(seen[owner]) - total) <= most:
            continue  # even all that was seen, together, would be less
        mine = owners == owner
        start, end, num = _window(places[mine], rows[mine], int(length * STRETCH) + 20)
        share = num / total
        if share < (ENOUGH if total >= SHORT else ENOUGH_OF_SHORT):
            continue
        if (worth := step * (2 * num - total)) > most:  # what is explained, less what is missing
            best, most = Match(library.names[owner], int(owner), share, start, end), worth
    return best


def _window(places: numpy.ndarray, rows: numpy.ndarray, width: int) -> tuple[int, int, int]:
    """Where most different pieces stand within a width: start, end, and how many."""
    inside: dict[int, int] = {}
    first, best = 0, (0, 0, 0)
    where, which = places.tolist(), rows.tolist()
    for index, (place, row) in enumerate(zip(where, which, strict=True)):
        inside[row] = inside.get(row, 0) + 1
        while place - where[first] > width or inside[which[first]] > 1:  # a piece that comes again says nothing here
            inside[which[first]] -= 1
            if not inside[which[first]]:
                del inside[which[first]]
            first += 1
        if len(inside) > best[2]:
            best = (where[first], where[index] + 1, len(inside))
    return best


def share_known(words: Sequence[str], spdx: str) -> float:
    """Of the pieces of some words, how many belong to that licence's text; 1 for no pieces. ValueError for no such text."""
    import numpy

    library = _library()
    own = library.hashes[library.owners == library.names.index(spdx)]
    pieces = numpy.array(pieces_of(words), dtype=numpy.uint32)
    return float(numpy.isin(pieces, own).mean()) if len(pieces) else 1.0
