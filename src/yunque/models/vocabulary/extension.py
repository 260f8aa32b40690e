"""A vocabulary that grows: the merges that pay on a corpus, put behind those that are there.

BPE goes on where the base's stopped: new merges come last, so a text is cut as before and then joined further, and every
old token keeps its id and its rows. A new token starts as the mean of the old pieces it stands for.

Covered: BPE tokenizers of the library ``tokenizers`` (GPT-2, Llama 3, Qwen, SmolLM, StarCoder).
Not covered: Unigram and WordPiece, which have no merges.
"""

from __future__ import annotations

import copy
import heapq
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from yunque.core.errors import ModelError
from yunque.models.quiet import quiet
from yunque.models.tokenizer import encode

MOST_PIECES = 12
"""Old pieces in a new token at most: a longer one is a phrase of this corpus, not a word of its language."""
MIN_SAVED = 32


@dataclass(frozen=True, kw_only=True)
class Merge:
    """Two tokens that become one."""

    left: str
    right: str
    pieces: tuple[int, ...]
    """Ids of the base's tokens that it stands for."""
    saved: int
    """Tokens of the corpus that it makes fewer."""

    @property
    def name(self) -> str:
        """The new token, as the vocabulary writes it."""
        return self.left + self.right


def paying_merges(tokenizer: Any, texts: Iterable[str], most: int, *, min_saved: int = MIN_SAVED) -> list[Merge]:
    """At most so many merges, each the one that saves most tokens after those before it, and at least ``min_saved``."""
    _refuse_other_than_bpe(tokenizer)
    words = _words(tokenizer, texts)
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    taken = set(names)
    return list(_merge(words, names, taken, most, min_saved))


def _words(tokenizer: Any, texts: Iterable[str]) -> Counter[tuple[int, ...]]:
    """Pre-tokens as ids of the base, with how often each comes."""
    before, fixed = tokenizer.backend_tokenizer.pre_tokenizer, set(tokenizer.added_tokens_decoder)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text[start:end] for _, (start, end) in before.pre_tokenize_str(text))
    words: Counter[tuple[int, ...]] = Counter()
    for word, count in counts.items():
        ids = encode(tokenizer, word)
        edges = [-1, *(place for place, token_id in enumerate(ids) if token_id in fixed), len(ids)]
        for start, end in pairwise(edges):  # a token that was added stands outside of BPE, and is part of no merge
            words[tuple(ids[start + 1 : end])] += count
    return words


def _merge(words: Counter[tuple[int, ...]], names: list[str], taken: set[str], most: int, min_saved: int) -> Iterable[Merge]:
    """BPE, going on: pair counts are kept, not counted anew."""
    sequences = [list(word) for word in words]
    counts = list(words.values())
    pieces: dict[int, tuple[int, ...]] = {}
    saved: Counter[tuple[int, int]] = Counter()
    homes: dict[tuple[int, int], set[int]] = defaultdict(set)
    for index, sequence in enumerate(sequences):
        for pair in pairwise(sequence):
            saved[pair] += counts[index]
            homes[pair].add(index)
    heap = [(-number, pair) for pair, number in saved.items()]
    heapq.heapify(heap)
    made = 0
    while heap and made < most:
        number, (left, right) = heapq.heappop(heap)
        if -number != saved[left, right]:
            if saved[left, right] >= min_saved:
                heapq.heappush(heap, (-saved[left, right], (left, right)))
            continue
        if -number < min_saved:
            return
        whole = pieces.get(left, (left,)) + pieces.get(right, (right,))
        name = names[left] + names[right]
        if len(whole) > MOST_PIECES or name in taken:
            saved[left, right] = 0
            continue
        new = len(names)
        names.append(name)
        taken.add(name)
        pieces[new] = whole
        made += 1
        changed = _apply((left, right), new, sequences, counts, saved, homes)
        for pair in changed:
            if saved[pair] >= min_saved:
                heapq.heappush(heap, (-saved[pair], pair))
        yield Merge(left=names[left], right=names[right], pieces=whole, saved=-number)


def _apply(
    pair: tuple[int, int],
    new: int,
    sequences: list[list[int]],
    counts: Sequence[int],
    saved: Counter[tuple[int, int]],
    homes: dict[tuple[int, int], set[int]],
) -> set[tuple[int, int]]:
    """Join the pair wherever it stands; returns the pairs whose count has changed."""
    changed: set[tuple[int, int]] = set()
    for index in homes.pop(pair, set()):
        sequence, joined, place = sequences[index], [], 0
        while place < len(sequence):
            if place + 1 < len(sequence) and (sequence[place], sequence[place + 1]) == pair:
                joined.append(new)
                place += 2
            else:
                joined.append(sequence[place])
                place += 1
        for old in pairwise(sequence):
            saved[old] -= counts[index]
            changed.add(old)
        for fresh in pairwise(joined):
            saved[fresh] += counts[index]
            homes[fresh].add(index)
            changed.add(fresh)
        sequences[index] = joined
    return changed - {pair}


def extend(tokenizer: Any, merges: Sequence[Merge]) -> Any:
    """The tokenizer with these merges behind its own; new tokens get the ids behind all that it has."""
    from tokenizers import Tokenizer

    _refuse_other_than_bpe(tokenizer)
    written = json.loads(tokenizer.backend_tokenizer.to_str())
    first = len(tokenizer)
    for token in written["added_tokens"]:  # else they are numbered anew, behind a vocabulary that has grown
        written["model"]["vocab"].setdefault(token["content"], token["id"])
    for place, merge in enumerate(merges):
        written["model"]["vocab"][merge.name] = first + place
        written["model"]["merges"].append([merge.left, merge.right])
    grown = copy.deepcopy(tokenizer)
    grown._tokenizer = Tokenizer.from_str(json.dumps(written))
    for name in [name for name in vars(grown) if name.startswith("yunque_")]:
        delattr(grown, name)  # what was remembered of the smaller one
    before, after = tokenizer.get_vocab(), grown.get_vocab()
    moved = [name for name, token_id in before.items() if after.get(name) != token_id]
    moved += [merge.name for place, merge in enumerate(merges) if after.get(merge.name) != first + place]
    if moved:
        raise ModelError(f"its tokenizer cannot grow: token {moved[0]!r} would change its id", do="choose another base")
    return grown


def grow(model: Any, merges: Sequence[Merge], first: int) -> None:
    """Rows for the new tokens from id ``first`` on: each the mean of its old pieces, in both tables."""
    import torch

    if not merges:
        return
    if first + len(merges) > model.get_input_embeddings().weight.shape[0]:
        with quiet():
            model.resize_token_embeddings(first + len(merges), mean_resizing=False)
    tables = {id(part.weight): part.weight for part in (model.get_input_embeddings(), model.get_output_embeddings())}
    with torch.no_grad():
        for table in tables.values():
            for place, merge in enumerate(merges):
                table[first + place] = table[list(merge.pieces)].float().mean(dim=0).to(table.dtype)


@dataclass(frozen=True, kw_only=True)
class StepZero:
    """What a text costs before anything is trained, in bits per byte."""

    before: float
    """The base, with its own tokens."""
    kept: float
    """The grown model, with the base's tokens: what new rows take away by being there."""
    after: float
    """The grown model, with the new tokens, which it has never learned."""


def step_zero(base: Any, grown: Any, tokenizers: tuple[Any, Any], texts: Sequence[str], *, tokens: int = 512) -> StepZero:
    """The proof that old text keeps its meaning, on the first ``tokens`` of the base in every text."""
    old, new = tokenizers
    starts = [old.decode(encode(old, text)[:tokens], skip_special_tokens=False) for text in texts]
    size = sum(len(text.encode()) for text in starts)

    def bits(model: Any, tokenizer: Any) -> float:
        return sum(nats(model, encode(tokenizer, text)) for text in starts) / math.log(2) / max(size, 1)

    return StepZero(before=bits(base, old), kept=bits(grown, old), after=bits(grown, new))


def nats(model: Any, ids: Sequence[int]) -> float:
    """Minus the log probability of ids, the first of them given for nothing."""
    import torch

    with torch.no_grad():
        x_1T = torch.tensor([list(ids)], device=model.device)
        logits_TV = model(input_ids=x_1T, use_cache=False).logits[0, :-1].float()
        return float(torch.nn.functional.cross_entropy(logits_TV, x_1T[0, 1:], reduction="sum"))


def _refuse_other_than_bpe(tokenizer: Any) -> None:
    kind = type(tokenizer.backend_tokenizer.model).__name__ if hasattr(tokenizer, "backend_tokenizer") else "no fast one"
    if kind != "BPE":
        raise ModelError(f"its tokenizer has no merges to add to ({kind})", do="choose a base with a BPE tokenizer")
    if tokenizer.backend_tokenizer.pre_tokenizer is None:
        raise ModelError(
            "its tokenizer cuts no text into words, within which tokens could be joined", do="choose another base"
        )
