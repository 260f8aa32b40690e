"""Pack pairs into rows of one fixed length, many to a row, none cut in its answer.

Shapes: N rows, T tokens a row (``length_tokens``).

    ids       int32 [N, T]   token ids; the pad id after the last sample
    answers   bool  [N, T]   True where the token is part of an answer (its end token included), so a loss is taken on it
    segments  int16 [N, T]   1, 2, … for the samples of a row in order, 0 for padding; attention never crosses segments

    stages    int16 [N]      where training goes through several mixtures in turn: which one the row is for
    roles     int8  [N, S]   of rows of preferences, for each of at most S segments: 1 an answer that was wanted, -1 one that
                             was not, 2 an answer to another prompt, 0 none
    reference float32 [N, S] the log-probability of each of those answers before any training

Fixed length matters on a CPU: varying shapes build a kernel each and crawl. Answers that must stay whole are placed by best
fit decreasing, and plain continuation, which may be cut anywhere, is poured into the room they leave: rows are full.

Covered: every loss has a count (context cut, sample dropped because its answer does not fit, over the budget, poured away);
the end token is trained in every sample that is whole.
Not covered: documents longer than a row keep no memory of the row before.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field, model_validator

from yunque.core.errors import TrainingError
from yunque.core.nouns import Pair, PairKind, seed_from
from yunque.data.pairs.chat import CHAT_KINDS, turns
from yunque.models.tokenizer import ChatFrame, FimTokens, chat_frame, encode, heal, opening, render

LOSSES = ("too_long", "over_budget", "no_share")
"""Why a pair is in no row."""
WANTED, UNWANTED, MISMATCHED = 1, -1, 2
"""Roles of segments in rows of preferences."""
SHORTEST_PIECE = 16
"""Fewer tokens of continuation teach too little to be worth a segment."""


class Shares(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """Weights of the kinds of pairs in the mixture, by tokens; a kind that the data lacks gives its room to the others.

    The names are those of `PairKind`.
    """

    body: float = Field(0.1, ge=0)
    """signature and docstring -> body"""
    fim: float = Field(0.7, ge=0)
    """fill-in-the-middle"""
    continuation: float = Field(0.2, ge=0)
    """plain continuation of files"""
    signature: float = Field(0.1, ge=0)
    """signature without a docstring -> body"""
    comment: float = Field(0.05, ge=0)
    """comment -> the block it speaks of"""
    test: float = Field(0.1, ge=0)
    """test -> the function it tests"""
    explain: float = Field(0.05, ge=0)
    """function -> docstring"""
    edit: float = Field(0.1, ge=0)
    """commit message and the text before -> the text after"""
    fix: float = Field(0.1, ge=0)
    """function before a fix -> after it"""
    refactor: float = Field(0.05, ge=0)
    """function before it was refactored -> after it"""
    question: float = Field(0.1, ge=0)
    """question -> answer"""


class Stage(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """A part of training with a mixture of its own."""

    share: float = Field(gt=0, le=1)
    """of all training tokens"""
    shares: Shares
    """how much of each kind of pair; a kind that is not named has its usual share"""


class PackRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """How long a row is, and what it is filled with."""

    length_tokens: int = Field(512, ge=32, le=32768)
    """tokens in a row"""
    prompt_tokens: int = Field(192, ge=8)
    """most tokens of a prompt that are kept, nearest to the answer"""
    suffix_tokens: int = Field(64, ge=0)
    """most tokens of a suffix that are kept, nearest to the answer"""
    train_tokens: int = Field(112_000, ge=256)
    """tokens to train on, as far as the pairs go"""
    validation_tokens: int = Field(4_096, ge=256)
    """tokens to validate on, as far as the pairs go"""
    packed: bool = True
    """many samples to a row; false: one, for models that carry a state from one to the next"""
    shares: Shares = Shares()
    """how much of each kind of pair"""
    stages: tuple[Stage, ...] = ()
    """[[pack.stages]] tables, a mixture schedule: each part of training in turn has shares of its own"""

    @model_validator(mode="after")
    def _stages_are_all(self) -> PackRecipe:
        if self.stages and abs(sum(stage.share for stage in self.stages) - 1) > 1e-6:
            raise ValueError("the shares of its stages must add up to 1")
        return self

    @property
    def schedule(self) -> tuple[Stage, ...]:
        """Its stages; one where it names none."""
        return self.stages or (Stage(share=1.0, shares=self.shares),)


@dataclass(frozen=True, kw_only=True)
class PairOrigin:
    """What a mixture asks of a pair beside its text."""

    source: str = ""
    licence: str = ""
    weight: float = 1.0
    """How often it is learned from, as `data.packing.mixture` has it."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One pair as token ids; ``answer_from`` is the index of the first trained token."""

    ids: tuple[int, ...]
    answer_from: int
    cut: bool = False
    """Some of its prompt or suffix was left out."""
    divisible: bool = False
    """Plain continuation: every token is an answer by itself, so it may be cut anywhere."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Packed rows; shapes in the module's legend."""

    ids: np.ndarray
    answers: np.ndarray
    segments: np.ndarray
    stages: np.ndarray | None = None
    """int16 [N]: 0, 1, … the stage of training that each row is for; None where there is but one."""
    roles: np.ndarray | None = None
    reference: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def some(self, which: slice | np.ndarray) -> Rows:
        """The rows with these indices."""
        return Rows(**{name: array[which] for name, array in vars(self).items() if array is not None})

    def counts(self) -> dict[str, Any]:
        """How many rows and tokens there are, how many of those are answers, and the share of all places that they fill."""
        filled = self.segments > 0
        return {
            "rows": len(self), "tokens": int(filled.sum()), "answer_tokens": int(self.answers.sum()),
            "utilisation": round(float(filled.mean()), 4),
        }  # fmt: skip

    def save(self, folder: Path, part: str) -> None:
        """Write ``<part>.npz`` in ``folder``."""
        arrays = {name: array for name, array in vars(self).items() if array is not None}
        np.savez_compressed(folder / f"{part}.npz", **arrays)

    @classmethod
    def load(cls, folder: Path, part: str) -> Rows:
        """Read what ``save`` wrote."""
        with np.load(folder / f"{part}.npz") as arrays:
            return cls(**{name: arrays[name] for name in arrays.files})


def encode_pair(pair: Pair, tokenizer: object, fim: FimTokens, recipe: PackRecipe, *, closes: bool = False) -> Sample | None:
    """The pair's ids with its end token, or None when its answer (of a conversation: all of it) does not fit a row.

    Kinds that are asked in words stand in the model's chat template, where it has one. A chunk of plain continuation may be
    longer than a row, and has an end token only where it ``closes`` its document.
    """
    if pair.kind is PairKind.CONTINUATION:
        first, ids = opening(tokenizer), encode(tokenizer, pair.answer)
        end = (fim.end,) if closes else ()
        return Sample(ids=(*first, *ids, *end), answer_from=0, divisible=True) if ids else None
    if pair.kind in CHAT_KINDS and (frame := chat_frame(tokenizer)) is not None:
        return _encode_turns(pair, tokenizer, frame, recipe)
    blanks = heal(pair.prompt)[1]
    answer = [*encode(tokenizer, blanks + pair.answer), fim.end]
    marks = 3 if pair.kind is PairKind.FIM else 0
    room = recipe.length_tokens - len(opening(tokenizer)) - marks - len(answer)
    if room < 0:
        return None
    suffix_tokens = min(recipe.suffix_tokens, room // 3) if marks else 0
    prompt_tokens = min(_context_tokens(pair, recipe), room - suffix_tokens)
    before, _, cut = render(tokenizer, pair.prompt, pair.suffix, fim if marks else None, prompt_tokens, suffix_tokens)
    return Sample(ids=(*before, *answer), answer_from=len(before), cut=cut)


def _encode_turns(pair: Pair, tokenizer: object, frame: ChatFrame, recipe: PackRecipe) -> Sample | None:
    """A question and its answer in the model's chat template, whole; None when they do not fit a row."""
    spoken = turns(pair)
    assert spoken is not None, "kinds of chat are questions"
    before = [*frame.before, *encode(tokenizer, spoken.question), *frame.between]
    ids = (*before, *encode(tokenizer, spoken.answer.strip("\n")), *frame.after)
    return Sample(ids=ids, answer_from=len(before)) if len(ids) <= recipe.length_tokens else None


def _context_tokens(pair: Pair, recipe: PackRecipe) -> int:
    """How much prompt this pair shows: all that is allowed for a body, between a quarter and all for a hole.

    Cursors stand near the top of files too, and shorter prompts make room for more holes.
    """
    if pair.kind is not PairKind.FIM:
        return recipe.prompt_tokens
    share = (1 + 3 * (seed_from("context", pair.id) % 1000) / 999) / 4
    return max(1, round(share * recipe.prompt_tokens))


def pack(
    pairs: Iterable[Pair],
    tokenizer: object,
    fim: FimTokens,
    recipe: PackRecipe,
    num_tokens: int,
    seed: int,
    origin_of: Callable[[Pair], PairOrigin] = lambda pair: PairOrigin(),
) -> tuple[Rows, dict]:
    """Rows of at most ``num_tokens`` tokens drawn from the pairs in the recipe's mixture, and what became of every pair.

    In the counts, ``used`` and `LOSSES` add up to ``pairs`` and ``repeated``. Raises TrainingError when nothing is
    left to train on.
    """
    counts: dict[str, Any] = {name: 0 for name in ("pairs", "repeated", "used", "cut", *LOSSES)}
    tokens_by: dict[str, Counter[str]] = {name: Counter() for name in ("kind", "language", "source", "licence")}
    chosen: list[list[Sample]] = []
    pairs = list(pairs)
    closing = _closing(pairs)
    queues = _queues(pairs, recipe, seed, counts, origin_of)
    for stage in recipe.schedule:
        chosen.append([])
        budget, drawn = num_tokens * stage.share, _mixture(queues, stage.shares, recipe)
        while budget > 0 and (pair := next(drawn, None)) is not None:
            sample = encode_pair(pair, tokenizer, fim, recipe, closes=pair.id in closing)
            if sample is None:
                counts["too_long"] += 1
                continue
            counts["used"] += 1
            counts["cut"] += sample.cut
            chosen[-1].append(sample)
            budget -= len(sample.ids)
            about = {"kind": pair.kind.value, "language": pair.language, **vars(origin_of(pair))}
            for name, table in tokens_by.items():
                table[about[name] or "unknown"] += len(sample.ids)
    counts["over_budget"] = sum(map(len, queues.values()))
    rows = _in_stages([_lay_out(samples, recipe, fim.pad) for samples in chosen])
    if not len(rows) or not rows.answers.any():
        raise TrainingError("no usable pairs: nothing would be trained", do="add code, or raise pack.length_tokens")
    counts |= rows.counts() | {"tokens_by": {name: dict(table.most_common()) for name, table in tokens_by.items()}}
    counts["tokens_poured_away"] = sum(len(sample.ids) for samples in chosen for sample in samples) - counts["tokens"]
    return rows, counts


def _closing(pairs: list[Pair]) -> set[str]:
    """Ids of the continuations that no other of their document comes after."""
    last: dict[tuple[str, ...], tuple[int, str]] = {}
    for pair in pairs:
        if pair.kind is PairKind.CONTINUATION and pair.span_bytes:
            last[pair.origin_ids] = max(last.get(pair.origin_ids, (0, "")), (pair.span_bytes[1], pair.id))
    return {pair_id for _, pair_id in last.values()}


def _queues(
    pairs: Iterable[Pair], recipe: PackRecipe, seed: int, counts: dict, origin_of: Callable[[Pair], PairOrigin]
) -> dict[PairKind, list[Pair]]:
    """Every pair as often as it weighs, by kind, shuffled by content; those come first that stand last."""
    wanted = {kind for kind in PairKind for stage in recipe.schedule if getattr(stage.shares, kind.value) > 0}
    drawn: dict[PairKind, list[tuple[int, Pair]]] = {kind: [] for kind in PairKind if kind in wanted}
    for pair in pairs:
        counts["pairs"] += 1
        if pair.kind not in drawn:
            counts["no_share"] += 1
            continue
        whole, part = divmod(origin_of(pair).weight, 1)
        copies = max(1, int(whole) + (seed_from(seed, "weight", pair.id) % 1000 < 1000 * part))
        counts["repeated"] += copies - 1
        drawn[pair.kind] += [(seed_from(seed, pair.id, *[copy] * bool(copy)), pair) for copy in range(copies)]
    return {
        kind: [pair for _, pair in sorted(items, key=lambda item: item[0], reverse=True)] for kind, items in drawn.items()
    }


def _mixture(queues: dict[PairKind, list[Pair]], shares: Shares, recipe: PackRecipe) -> Iterator[Pair]:
    """Pairs taken from the queues, kinds interleaved so that characters of each keep their shares."""
    share_of = {kind: getattr(shares, kind.value) for kind in queues if getattr(shares, kind.value) > 0}
    # Rough characters a sample will cost, since tokens are not known before encoding; 4 characters make about a token.
    most = 4 * recipe.prompt_tokens, 4 * recipe.suffix_tokens
    spent = dict.fromkeys(share_of, 0.0)
    while any(queues[kind] for kind in share_of):
        kind = min((k for k in share_of if queues[k]), key=lambda k: (spent[k] / share_of[k], k))
        pair = queues[kind].pop()
        spent[kind] += (
            min(len(pair.prompt), most[0] * (0.6 if kind is PairKind.FIM else 1))
            + min(len(pair.suffix), most[1])
            + len(pair.answer)
        )
        yield pair


def _in_stages(parts: list[Rows]) -> Rows:
    """The rows of all stages, one stage after the other."""
    if len(parts) == 1:
        return parts[0]
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "answers", "segments")}
    return Rows(**joined, stages=np.repeat(np.arange(len(parts), dtype=np.int16), [len(part) for part in parts]))


def _lay_out(samples: list[Sample], recipe: PackRecipe, pad: int) -> Rows:
    """Whole answers go in by best fit decreasing; continuation is poured into the room that is left.

    Not packed, every sample and every piece of continuation has a row of its own.
    """
    length = recipe.length_tokens
    if not recipe.packed:
        pieces = [s.ids[start : start + length] for s in samples if s.divisible for start in range(0, len(s.ids), length)]
        apart = [s for s in samples if not s.divisible]
        apart += [Sample(ids=ids, answer_from=0, divisible=True) for ids in pieces if len(ids) >= SHORTEST_PIECE]
        return to_arrays([[sample] for sample in apart], length, pad)
    whole = [sample for sample in samples if not sample.divisible]
    rows = [[whole[index] for index in row] for row in best_fit([len(sample.ids) for sample in whole], length)]
    room = {index: length - sum(len(sample.ids) for sample in row) for index, row in enumerate(rows)}
    _pour([sample.ids for sample in samples if sample.divisible], rows, room, length)
    return to_arrays(rows, length, pad)


def best_fit(sizes: Sequence[int], length: int) -> list[list[int]]:
    """Indices of things of these sizes, at most ``length`` each, laid into rows of ``length``: best fit decreasing."""
    rows: list[list[int]] = []
    free: list[tuple[int, int]] = []  # (room left, row index), sorted
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
        place = bisect.bisect_left(free, (sizes[index], -1))
        if place == len(free):
            rows.append([])
            room, row = length, len(rows) - 1
        else:
            room, row = free.pop(place)
        rows[row].append(index)
        bisect.insort(free, (room - sizes[index], row))
    return rows


def _pour(chunks: list[tuple[int, ...]], rows: list[list[Sample]], room: dict[int, int], length: int) -> None:
    """Cut chunks to the room in each row, then to new rows; a rest too short to learn from is left out."""
    waiting = list(reversed(chunks))
    index = 0
    while waiting:
        if index == len(rows):
            rows.append([])
        left = room.get(index, length)
        if left < SHORTEST_PIECE:
            index += 1
            continue
        ids = waiting.pop()
        piece, rest = ids[:left], ids[left:]
        rows[index].append(Sample(ids=piece, answer_from=0, divisible=True))
        room[index] = left - len(piece)
        if len(rest) >= SHORTEST_PIECE:
            waiting.append(rest)


def to_arrays(rows: list[list[Sample]], length: int, pad: int) -> Rows:
    """The samples of every row, one after the other, as arrays."""
    ids = np.full((len(rows), length), pad, dtype=np.int32)
    answers = np.zeros((len(rows), length), dtype=bool)
    segments = np.zeros((len(rows), length), dtype=np.int16)
    for row, members in enumerate(rows):
        position = 0
        for number, sample in enumerate(members, start=1):
            end = position + len(sample.ids)
            ids[row, position:end] = sample.ids
            answers[row, position + max(sample.answer_from, 1) : end] = True  # nothing comes before a sample's first token
            segments[row, position:end] = number
            position = end
    return Rows(ids=ids, answers=answers, segments=segments)
