"""Pack preferences into rows: what belongs together stands in one row, each answer a segment with a role.

Paired (DPO, ORPO): the wanted answer and right after it the other, both after the very same context. Unpaired (KTO): every
answer alone, and beside it its prompt with the answer to another prompt, by which the loss knows how far the model has gone.

Covered: context is cut alike for all answers to a prompt, so that nothing but the answer tells them apart; every preference
has a place in the counts.
Not covered: models that cannot read packed rows; a mixture with other kinds of pairs, stages of one, weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from yunque.core.errors import TrainingError
from yunque.core.nouns import PairKind, Preference, seed_from
from yunque.data.packing.rows import MISMATCHED, UNWANTED, WANTED, PackRecipe, Rows, Sample, best_fit, to_arrays
from yunque.data.pairs.chat import CHAT_KINDS, turns
from yunque.models.tokenizer import FimTokens, chat_frame, encode, heal, opening, render

LEAST_CONTEXT = 16
"""Tokens of a prompt below which an answer is not learned from: it would be an answer to anything."""
MOST_TRIED = 8
"""Answers to other prompts that are tried to find one that fits."""
UNUSED = ("half", "same")
"""Why a preference is in no row, beside what `rows.LOSSES` names: only one answer is known; both are one text."""
Unit = list[tuple[Sample, int]]
"""Samples that must stand in one row, one after the other, each with its role."""


def pack_preferences(
    preferences: Iterable[Preference],
    tokenizer: object,
    fim: FimTokens,
    recipe: PackRecipe,
    num_tokens: int,
    seed: int,
    *,
    paired: bool,
) -> tuple[Rows, dict]:
    """Rows of at most ``num_tokens`` tokens of preferences in an order of their own, and what became of every one.

    In the counts ``used``, ``too_long``, ``half`` (paired, but only one answer is known), ``same`` (both are one text) and
    ``over_budget`` add up to ``preferences``. TrainingError when nothing is left to train on.
    """
    if not recipe.packed:
        raise TrainingError("preferences stand in rows together", where="pack.packed", do="leave it true")
    drawn = sorted(preferences, key=lambda preference: seed_from(seed, preference.id))
    counts: Counter[str] = Counter({name: 0 for name in ("used", "cut", "too_long", "over_budget", *UNUSED)})
    tokens_by: dict[str, Counter[str]] = {name: Counter() for name in ("kind", "language")}
    counts["preferences"] = len(drawn)
    units: list[Unit] = []
    spent = 0
    for number, preference in enumerate(drawn):
        if spent >= num_tokens:
            counts["over_budget"] += 1
            continue
        unused = why_unused(preference, paired=paired)
        made = [] if unused else _units(drawn, number, tokenizer, fim, recipe, paired=paired)
        if not made:
            counts[unused or "too_long"] += 1
            continue
        counts["used"] += 1
        counts["cut"] += any(sample.cut for unit in made for sample, _ in unit)
        units += made
        size = sum(len(sample.ids) for unit in made for sample, _ in unit)
        spent += size
        tokens_by["kind"][preference.kind.value] += size
        tokens_by["language"][preference.language] += size
    rows = _lay_out(units, recipe.length_tokens, fim.pad)
    if not len(rows):
        do = "gather more reactions, or raise pack.length_tokens"
        raise TrainingError("no usable preferences: nothing would be trained", do=do)
    by_role = Counter(role for unit in units for _, role in unit)
    return rows, dict(counts) | rows.counts() | {
        "wanted": by_role[WANTED],
        "unwanted": by_role[UNWANTED],
        "tokens_by": {name: dict(table.most_common()) for name, table in tokens_by.items()},
    }


def why_unused(preference: Preference, *, paired: bool) -> str:
    """Why a preference cannot be learned from, if so: one of `UNUSED`."""
    if preference.answer == preference.rejected:
        return "same"
    return "half" if paired and not (preference.answer and preference.rejected) else ""


def _units(
    drawn: Sequence[Preference], number: int, tokenizer: object, fim: FimTokens, recipe: PackRecipe, *, paired: bool
) -> list[Unit]:
    """What is laid into rows of one preference; nothing where none of its answers fits."""
    preference = drawn[number]
    answers = [(text, role) for text, role in ((preference.answer, WANTED), (preference.rejected, UNWANTED)) if text]
    if paired:
        units = [_encode(preference, answers, tokenizer, fim, recipe)]
    else:
        units = [_with_another(drawn, number, answer, tokenizer, fim, recipe) for answer in answers]
    return [unit for unit in units if unit]


def _with_another(
    drawn: Sequence[Preference], number: int, answer: tuple[str, int], tokenizer: object, fim: FimTokens, recipe: PackRecipe
) -> Unit:
    """An answer, and beside it the first of the next answers to other prompts that fits; alone where none does."""
    preference, tried = drawn[number], 0
    for other in (drawn[(number + step) % len(drawn)] for step in range(1, len(drawn))):
        if (other.prompt, other.suffix) == (preference.prompt, preference.suffix):
            continue
        text = other.answer or other.rejected
        if text not in (preference.answer, preference.rejected):
            if unit := _encode(preference, [answer, (text, MISMATCHED)], tokenizer, fim, recipe):
                return unit
            tried += 1
            if tried == MOST_TRIED:
                break
    return _encode(preference, [answer], tokenizer, fim, recipe)


def _encode(
    preference: Preference, texts: list[tuple[str, int]], tokenizer: object, fim: FimTokens, recipe: PackRecipe
) -> Unit:
    """The answers after the same context; nothing where that leaves too little of it."""
    frame = chat_frame(tokenizer) if preference.kind in CHAT_KINDS else None
    spoken = turns(preference) if frame else None
    if frame and spoken:
        before, cut = [*frame.before, *encode(tokenizer, spoken.question), *frame.between], False
        answers = [[*encode(tokenizer, text.strip("\n")), *frame.after] for text, _ in texts]
        room = LEAST_CONTEXT if sum(len(before) + len(answer) for answer in answers) <= recipe.length_tokens else 0
    else:
        blanks, hole = heal(preference.prompt)[1], fim if preference.kind is PairKind.FIM else None
        answers = [[*encode(tokenizer, blanks + text), fim.end] for text, _ in texts]
        left = recipe.length_tokens - sum(map(len, answers))
        room = left // len(texts) - len(opening(tokenizer)) - (3 if hole else 0)
        suffix_tokens = min(recipe.suffix_tokens, max(room, 0) // 3) if hole else 0
        prompt_tokens = min(recipe.prompt_tokens, room - suffix_tokens)
        if room >= LEAST_CONTEXT:
            before, _, cut = render(tokenizer, preference.prompt, preference.suffix, hole, prompt_tokens, suffix_tokens)
    if room < LEAST_CONTEXT:
        return []
    return [
        (Sample(ids=(*before, *answer), answer_from=len(before), cut=cut), role)
        for answer, (_, role) in zip(answers, texts, strict=True)
    ]


def _lay_out(units: list[Unit], length: int, pad: int) -> Rows:
    sizes = [sum(len(sample.ids) for sample, _ in unit) for unit in units]
    rows = [[member for index in row for member in units[index]] for row in best_fit(sizes, length)]
    roles = np.zeros((len(rows), max((len(row) for row in rows), default=0)), dtype=np.int8)
    for number, row in enumerate(rows):
        roles[number, : len(row)] = [role for _, role in row]
    return replace(to_arrays([[sample for sample, _ in row] for row in rows], length, pad), roles=roles)
