"""Which pairs may be learned from, and are exported: each goes where its records went, and none quotes what is held out.

    train        its records are in training, or came by a stream (a commit, a post, a notebook)
    validation   its records are in validation
    left out     ``held out``; ``crosses the split``: its records went to different sides; ``quotes held-out code``: a
                 function of validation or held-out stands in it

A text quotes a function when it holds at least the split's ``similarity`` of the function's 5-token windows, in whatever
surroundings: containment, where the split itself asks for likeness of whole functions. It is asked of pairs that the split
did not place by their code: those of streams, and of prose.

Covered: copies with other comments, layout and a few other names, inside an answer, a diff or a page of text.
Not covered: functions of fewer than ``QUOTABLE_TOKENS`` tokens, which stand everywhere; a function with every name changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from yunque.code.languages import PARSED
from yunque.code.shingles import distinct, token_hashes, window_hashes
from yunque.core.errors import RecipeError
from yunque.core.nouns import Pair, Preference, Record
from yunque.core.plugins import nearest
from yunque.data.contents import Wanted, rows_of, tree_records
from yunque.data.split import Split, SplitRecipe, parts_of
from yunque.data.split_files import read_files
from yunque.store.artifacts import Artifact, Store

PARTS = ("all", Split.TRAIN.value, Split.VALIDATION.value)
QUOTABLE_TOKENS = 30
"""Shorter functions are not looked for in other texts."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """Where a pair goes; None and why, where it goes nowhere."""

    part: Split | None
    reason: str = ""


class QuotedCode:
    """Finds functions of some records inside other texts."""

    def __init__(self, records: Iterable[Record], recipe: SplitRecipe) -> None:
        self.width, self.similarity = recipe.shingle_tokens, recipe.similarity
        files = read_files(records, width=self.width, min_function_tokens=max(QUOTABLE_TOKENS, self.width))
        sets = [windows for file in files for (_, windows), long in zip(file.functions, file.long, strict=True) if long]
        self._sizes = np.array([len(windows) for windows in sets], dtype=np.int64)
        owners = np.repeat(np.arange(len(sets)), self._sizes)
        every = np.concatenate(sets) if sets else np.empty(0, dtype=np.uint64)
        order = np.argsort(every, kind="stable")
        self._windows, self._owners = every[order], owners[order]

    def __len__(self) -> int:
        """Returns how many functions are looked for."""
        return len(self._sizes)

    def stands_in(self, text: str) -> bool:
        """Whether one of the functions stands in a text, whole enough."""
        if not len(self):
            return False
        tokens, _ = token_hashes(text.encode("utf-8", "surrogatepass"))
        windows = distinct(window_hashes(tokens, self.width))
        low = np.searchsorted(self._windows, windows, side="left")
        high = np.searchsorted(self._windows, windows, side="right")
        places = [self._owners[start:end] for start, end in zip(low.tolist(), high.tolist(), strict=True) if end > start]
        if not places:
            return False
        shared = np.bincount(np.concatenate(places), minlength=len(self))
        return bool(np.any(shared >= self.similarity * self._sizes - 1e-9))


def side_of(pair: Pair, parts: Mapping[str, Split], quoted: QuotedCode) -> Side:
    """Where a pair goes, by the parts of its records (those of streams have none) and by what it quotes."""
    sides = {parts[record_id] for record_id in pair.origin_ids if record_id in parts}
    if Split.HELDOUT in sides:
        return Side(part=None, reason="held out")
    if len(sides) > 1:
        return Side(part=None, reason="crosses the split")
    placed = len(sides) == 1 and all(record_id in parts for record_id in pair.origin_ids) and pair.language in PARSED
    answers = [pair.answer, pair.rejected] if isinstance(pair, Preference) else [pair.answer]
    if not placed and any(quoted.stands_in(pair.prompt + answer + pair.suffix) for answer in answers):
        return Side(part=None, reason="quotes held-out code")
    return Side(part=next(iter(sides), Split.TRAIN))


def placed_pairs(
    store: Store, dataset: Artifact, parts: Mapping[str, Split], recipe: SplitRecipe, what: str = "pairs"
) -> Iterator[tuple[Pair, Side]]:
    """Every pair (or ``preferences``) of a data set with where it goes. ``parts``: where the records of trees went."""
    held = [record for _, record in tree_records(store, dataset) if parts[record.id] is not Split.TRAIN]
    quoted = QuotedCode(held, recipe)
    for pair in rows_of(store, dataset, Wanted(what=what)):
        yield pair, side_of(pair, parts, quoted)


def pairs_to_export(
    store: Store, dataset: Artifact, part: str = "all", *, kind: str = "", language: str = ""
) -> Iterator[Pair]:
    """The pairs of a data set; those of a part leave out what is held out, and what quotes it.

    RecipeError for an unknown part, kind or language, and for a part of a data set that nothing was trained on.
    """
    if part not in PARTS:
        raise RecipeError(f"no part '{part}'", where="--part", do=nearest(part, list(PARTS)))
    every = rows_of(store, dataset, Wanted(what="pairs", kind=kind, language=language))  # which refuses what is not there
    if part == "all":
        return every
    splits = [item for item in store.all() if item.manifest.kind == "split" and dataset.id in item.manifest.parents]
    if not splits:
        raise RecipeError("nothing was trained on this data set, so it has no split", where="--part", do="export all of it")
    recipe = SplitRecipe.model_validate(splits[-1].manifest.recipe)
    placed = placed_pairs(store, dataset, parts_of(splits[-1]), recipe)
    wanted = (pair for pair, side in placed if side.part is not None and side.part.value == part)
    return (pair for pair in wanted if kind in ("", pair.kind.value) and language in ("", pair.language))
