"""What the rest of a workspace says about the place where one types: signatures of the names in use, and chunks like it.

Two ways to find it, both over code that is read once and again only where it changes:

    symbol   a name that is used in the lines before the cursor and defined in another file comes as its signature
    bm25     chunks with the same rare sub-words (Robertson, Zaragoza: "The probabilistic relevance framework: BM25 and
             beyond", 2009), as repository-level completion does it (Zhang et al.: "RepoCoder", EMNLP 2023)

Not covered: types (a method is found by its name alone), and what was typed but not saved.
"""

from __future__ import annotations

import os
import posixpath
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from yunque.core.errors import ServingError
from yunque.serving import repository_chunks as parts
from yunque.serving import repository_files as files

CHARS_PER_TOKEN = 3
LINES_BEFORE, LINES_BEHIND = 20, 5
"""Of the text around the cursor: what is looked for."""
MOST_DEFINITIONS = 4
"""A name that is defined more often says too little."""
LEAST_SYMBOL_SCORE = 0.25
"""A name that is not called, and defined twice, is most often another one of that name."""
SYMBOL_SHARE = 0.5
"""Of the budget, at most, for signatures."""
LEAST_SHARE = 0.3
"""Of the best chunk's score: one with less only takes room."""
CANDIDATES = 50
K1, B = 1.2, 0.75
"""Of BM25, as in Lucene."""
COMMON_CHARS = 20
"""Lines that two texts may share by chance hold fewer."""


@dataclass(frozen=True, kw_only=True)
class ContextPiece:
    """A part of another file."""

    path: str
    text: str
    why: str
    """``symbol`` or ``bm25``."""
    score: float
    """Comparable among pieces of one ``why``."""

    @property
    def rendered(self) -> str:
        """As it stands before a prompt (see `shapes.InfillBody`)."""
        return f"# {self.path}\n{self.text.rstrip()}\n\n"


@dataclass(frozen=True, kw_only=True)
class _File:
    """What is kept of one file."""

    stamp: files.Stamp
    reason: str = ""
    """Why it has no chunks."""
    chunks: tuple[str, ...] = ()
    definitions: tuple[parts.Definition, ...] = ()
    terms: np.ndarray = field(default_factory=lambda: np.zeros((3, 0), np.int32))
    """[3, n]: a word's id, the chunk it is in, how often."""


class RepositoryContext:
    """An index of the code in a folder; may be asked and refreshed by several threads."""

    def __init__(self, folder: Path | str, *, most_files: int = 5_000, most_file_bytes: int = 200_000) -> None:
        """Reads the folder. ServingError where there is none."""
        self.folder = Path(os.path.abspath(folder))
        if not self.folder.exists():
            raise ServingError("no such folder", where=folder, do="name the folder of a workspace")
        if not self.folder.is_dir():
            raise ServingError("is a file, not a folder", where=folder, do="name the folder that it lies in")
        self.most_files, self.most_file_bytes = most_files, most_file_bytes
        self._files: dict[str, _File] = {}
        self._word_ids: dict[str, int] = {}
        self._index = _Index({}, {})
        self._refreshing = threading.Lock()
        self._refreshed_s = -float("inf")
        self.left_out: Counter[str] = Counter()
        """How many files were left out when last looked at, by reason (`repository_files`)."""
        self.refresh(least_s=0)

    @property
    def paths(self) -> list[str]:
        """Of the files that are known."""
        return self._index.paths

    def refresh(self, *, least_s: float = 2.0) -> bool:
        """Whether anything had changed. Reads files anew that have; nothing within ``least_s`` of the last time."""
        if time.monotonic() - self._refreshed_s < least_s or not self._refreshing.acquire(blocking=False):
            return False
        try:
            stamps, left_out = files.stamps(self.folder, self.most_files, self.most_file_bytes)
            kept = {path: old for path, stamp in stamps.items() if (old := self._files.get(path)) and old.stamp == stamp}
            changed = len(kept) < len(stamps) or len(kept) < len(self._files)
            if changed:
                self._files = {path: kept.get(path) or self._read(path, stamp) for path, stamp in stamps.items()}
                self._index = _Index(self._files, self._word_ids)
            self.left_out = left_out + Counter(file.reason for file in self._files.values() if file.reason)
            return changed
        finally:
            self._refreshed_s = time.monotonic()
            self._refreshing.release()

    def _read(self, path: str, stamp: files.Stamp) -> _File:
        language, text, reason = files.read(self.folder, path)
        if reason:
            return _File(stamp=stamp, reason=reason)
        chunks = parts.chunks(text, language)
        counted = (
            (self._word_ids.setdefault(word, len(self._word_ids)), place, times)
            for place, chunk in enumerate(chunks)
            for word, times in Counter(parts.words(chunk)).items()
        )
        terms = np.array(list(counted), np.int32).reshape(-1, 3).T
        definitions = tuple(parts.definitions(path, text, language))
        return _File(stamp=stamp, chunks=tuple(chunks), definitions=definitions, terms=terms)

    def pieces(
        self, prefix: str, suffix: str, path: str = "", *, budget_tokens: int, count: Callable[[str], int] | None = None
    ) -> list[ContextPiece]:
        """What to put before a prompt, best last: chunks, then signatures, which say more in less room.

        ``path`` is that of the file being edited, in the workspace or absolute; nothing of it comes, nor, where it is not
        known, of a chunk that holds lines from around the cursor. ``count`` gives a text's tokens.
        """
        index, budget = self._index, _Budget(budget_tokens, count or _estimated_tokens)
        own, is_sure = index.own_files(path, self.folder)
        around = _Around(prefix, suffix)
        symbols = _Signatures()
        budget.keep(int(budget_tokens * (1 - SYMBOL_SHARE)))
        for score, definition in index.symbols(around, own):
            if definition.head in around.lines or not symbols.is_new(definition):
                continue
            # A file's first signature also pays for the file's name.
            cost = definition.text + "\n" if definition.path in symbols else f"# {definition.path}\n{definition.text}\n\n"
            if budget.pay(cost):
                symbols.add(score, definition)
        budget.keep(0)
        chunks: list[ContextPiece] = []
        seen: set[str] = set()
        best = 0.0
        for score, chunk_path, text in index.similar(around, own):
            if text in seen or (not is_sure and around.overlaps(text)):
                continue
            best = max(best, score)
            if score < LEAST_SHARE * best:
                break
            piece = ContextPiece(path=chunk_path, text=text, why="bm25", score=score)
            if budget.pay(piece.rendered):
                seen.add(text)
                chunks.append(piece)
        return [*reversed(chunks), *symbols.pieces(chunks)]


class _Budget:
    """Tokens that may still be spent."""

    def __init__(self, tokens: int, count: Callable[[str], int]) -> None:
        self.left, self.kept, self.count = tokens, 0, count

    def keep(self, tokens: int) -> None:
        """So many are for later."""
        self.kept = tokens

    def pay(self, text: str) -> bool:
        """Whether there was enough for a text."""
        cost = self.count(text)
        if cost > self.left - self.kept:
            return False
        self.left -= cost
        return True


def _estimated_tokens(text: str) -> int:
    return -(-len(text) // CHARS_PER_TOKEN)


class _Signatures:
    """Those that were chosen, by file."""

    def __init__(self) -> None:
        self._of: dict[str, list[tuple[float, parts.Definition]]] = {}
        self._texts: set[str] = set()

    def __contains__(self, path: str) -> bool:
        return path in self._of

    def is_new(self, definition: parts.Definition) -> bool:
        return definition.text not in self._texts

    def add(self, score: float, definition: parts.Definition) -> None:
        self._texts.add(definition.text)
        self._of.setdefault(definition.path, []).append((score, definition))

    def pieces(self, chunks: Iterable[ContextPiece]) -> list[ContextPiece]:
        """One a file, best last, without what stands in the chunks anyway."""
        shown: dict[str, str] = {}
        for chunk in chunks:
            shown[chunk.path] = shown.get(chunk.path, "") + chunk.text
        made = []
        for path, items in self._of.items():
            left = [(score, item.text) for score, item in items if item.head not in shown.get(path, "")]
            if left:
                text, best = "\n".join(text for _, text in reversed(left)), max(score for score, _ in left)
                made.append(ContextPiece(path=path, text=text, why="symbol", score=best))
        return sorted(made, key=lambda piece: piece.score)


class _Around:
    """The text around a cursor."""

    def __init__(self, prefix: str, suffix: str) -> None:
        before, behind = _lines(prefix), _lines(suffix)
        self.used = "\n".join(before[-LINES_BEFORE:])
        self.looked_for = self.used + "\n" + "\n".join(behind[:LINES_BEHIND])
        self.prefix_words = frozenset(parts.IDENTIFIER.findall(prefix))
        whole = [line.strip() for line in [*before[:-1], before[-1] + behind[0], *behind[1:]]]
        self.lines = frozenset(whole)
        self._pairs = frozenset(_pairs(whole))
        above = [line for line in whole[: len(before) - 1] if line][-1:]
        self._near = tuple(line for line in (*above, whole[len(before) - 1]) if len(line) >= COMMON_CHARS)

    def overlaps(self, text: str) -> bool:
        """Whether a text holds two successive lines from around the cursor, or the one that the cursor is on or under."""
        lines = [line.strip() for line in text.split("\n")]
        return not self._pairs.isdisjoint(_pairs(lines)) or any(line in lines for line in self._near)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    full = [line for line in lines if line]
    return (pair for pair in pairwise(full) if len(pair[0]) + len(pair[1]) >= COMMON_CHARS)


class _Index:
    """All files together; made anew when one changes, so that whoever asks sees one state."""

    def __init__(self, known: dict[str, _File], word_ids: dict[str, int]) -> None:
        self.word_ids = word_ids
        self.paths = [path for path, file in known.items() if not file.reason]
        self.chunks = [(path, text) for path in self.paths for text in known[path].chunks]
        self.defined: dict[str, list[parts.Definition]] = {}
        self.places: dict[str, tuple[int, int]] = {}
        terms, first = [np.zeros((3, 0), np.int32)], 0
        for path in self.paths:
            file = known[path]
            self.places[path] = first, first + len(file.chunks)
            terms.append(file.terms + np.array([[0], [first], [0]], np.int32))
            first += len(file.chunks)
            for definition in file.definitions:
                self.defined.setdefault(definition.name, []).append(definition)
        ids, places, counts = np.concatenate(terms, axis=1)
        order = np.argsort(ids, kind="stable")
        num_chunks = np.bincount(ids, minlength=len(word_ids))
        self.ends = np.cumsum(num_chunks)
        lengths = np.bincount(places, weights=counts, minlength=first)
        norm = K1 * (1 - B + B * lengths / max(1.0, float(lengths.sum()) / max(1, first)))
        rarity = np.log1p((first - num_chunks + 0.5) / (num_chunks + 0.5))
        self.holders = places[order]
        self.weights = (rarity[ids] * counts * (K1 + 1) / (counts + norm[places]))[order]

    def own_files(self, path: str, folder: Path) -> tuple[frozenset[str], bool]:
        """The files that a path may be, and whether that is sure. It may be absolute, and on another machine."""
        if not path:
            return frozenset(), False
        given = path.removeprefix("file://").replace("\\", "/")
        if os.path.isabs(given):
            real, root = os.path.realpath(given), os.path.realpath(folder)
            given = os.path.relpath(real, root) if real.startswith(root + os.sep) else given
        given = posixpath.normpath(given)
        if given in self.places:
            return frozenset([given]), True
        ends = (known for known in self.paths if known.endswith("/" + given) or given.endswith("/" + known))
        return frozenset(ends), False

    def symbols(self, around: _Around, own: frozenset[str]) -> list[tuple[float, parts.Definition]]:
        """Definitions in other files of the names in use, best first."""
        scored = []
        called = frozenset(_CALLED.findall(around.used))
        for name in dict.fromkeys(parts.IDENTIFIER.findall(around.used)):
            known = self.defined.get(name, ())
            if not known or name.startswith("__") or len(name) < 3 or any(item.path in own for item in known):
                continue
            # Of several files, one whose name stands before the cursor (in an import, say) is meant.
            named = [item for item in known if _stem(item.path) in around.prefix_words]
            meant = named or list(known)
            if len(meant) > MOST_DEFINITIONS:
                continue
            for item in meant:
                score = (2.0 if named else 1.0) * (1.0 if name in called or item.is_class else 0.3) / len(meant)
                if score >= LEAST_SYMBOL_SCORE:
                    scored.append((score, item))
        scored.sort(key=lambda pair: -pair[0])
        return scored

    def similar(self, around: _Around, own: frozenset[str]) -> Iterator[tuple[float, str, str]]:
        """(score, path, text) of chunks in other files, best first."""
        if not self.chunks:
            return
        scores = np.zeros(len(self.chunks))
        for word in set(parts.words(around.looked_for)):
            number = self.word_ids.get(word, -1)
            if 0 <= number < len(self.ends):  # a word may be younger than this index
                start, end = self.ends[number - 1] if number else 0, self.ends[number]
                scores[self.holders[start:end]] += self.weights[start:end]
        for path in own:
            scores[slice(*self.places[path])] = 0
        best = np.argsort(-scores, kind="stable")[:CANDIDATES]
        for place in best:
            if scores[place] <= 0:
                return
            yield (float(scores[place]), *self.chunks[place])


_CALLED = re.compile(r"(?<!\w)([^\W\d]\w*+)\s*+\(")


def _stem(path: str) -> str:
    """By what a file is imported: its name, or that of its folder."""
    stem = posixpath.basename(path).partition(".")[0]
    return posixpath.basename(posixpath.dirname(path)) if stem in ("__init__", "index", "mod", "lib") else stem
