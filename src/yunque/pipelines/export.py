"""Which pairs of a data set are exported: all of them, or those of one side of the split that a training made."""

from __future__ import annotations

from collections.abc import Iterator

from yunque.core.errors import RecipeError
from yunque.core.nouns import Pair
from yunque.core.plugins import nearest
from yunque.data.contents import Wanted, rows_of
from yunque.data.sides import placed_pairs
from yunque.data.split import Split, SplitRecipe, parts_of
from yunque.store.artifacts import Artifact, Store

PARTS = ("all", Split.TRAIN.value, Split.VALIDATION.value)


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
