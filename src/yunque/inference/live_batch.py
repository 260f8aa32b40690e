"""Live requests that are decoded together: each joins when it comes, and leaves when it has ended or nobody waits for it.

One thread runs the model for all of them. It begins with the first request and ends with the last, so that a process can
exit. A prompt is read alone, without padding, and its row joins the others at the next token.

What was read of a prompt is not read again: the keys and values of the last `KEPT` answers stay, and a prompt that begins
like one of them is read from where they part. That costs memory: `KEPT_TOKENS` tokens at most, 46 KB each for 30 layers of 3
heads of 64 in float32, so 190 MB.

Covered: models whose rows can join (`rows.RowLayer`). With others, those that wait when a batch ends are the next batch, and
every prompt is read from its beginning.
Not covered: a long prompt read in parts (all others wait meanwhile).
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

import torch
from transformers import Cache

from yunque.core.errors import ModelError
from yunque.core.nouns import Request
from yunque.inference.rows import Batch, Row, row_layers

KEPT, KEPT_TOKENS = 4, 4096
"""Answers of late whose keys and values are kept, and their tokens, prompts included, all together."""
LEAST_SHARED = 16
"""Tokens that must be the same for a copy of what is kept to be worth it."""

State = tuple[str, str, int]
"""Of an answer: its text so far, why it has ended or nothing, its tokens."""


@dataclass(kw_only=True)
class LiveRow(Row):
    """A request for whose answer somebody waits."""

    states: SimpleQueue[State | Exception] = field(default_factory=SimpleQueue)
    left: bool = False
    """Whether nobody waits any more; set by the one who did."""


class LiveBatch:
    """Answers requests of any number of threads, with the model of one engine."""

    def __init__(
        self,
        name: str,
        read: Callable[[Sequence[Row], Cache], Batch],
        step: Callable[[Batch], int],
        new_cache: Callable[[], Cache],
        most_rows: int,
    ) -> None:
        """``read``: a batch of rows whose prompts the model has read, each with its first token; ``step``: one more for all
        of a batch.
        """
        self.name, self.most_rows = name, most_rows
        self._read, self._step, self._new_cache = read, step, new_cache
        self._joinable = bool(row_layers(new_cache()))
        self._prefixes = Prefixes()
        self._lock = threading.Lock()  # of the two below
        self._waiting: deque[LiveRow] = deque()
        self._worker: threading.Thread | None = None

    def answer(self, request: Request, ids: list[int], lead: str) -> Generator[State]:
        """The states of an answer, token by token; ModelError when the model fails. Closing it cancels the request."""
        row = LiveRow(place=0, request=request, ids=ids, lead=lead)
        with self._lock:
            self._waiting.append(row)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name=f"live {self.name}")
                self._worker.start()
        try:
            while not row.left:
                state = row.states.get()
                if isinstance(state, Exception):
                    raise ModelError(f"failed in the middle of an answer ({str(state)[:160]})", where=self.name) from state
                row.left = bool(state[1])
                yield state
        finally:
            row.left = True

    # --------------------------------------------------------------------------------------------------------- the thread
    def _work(self) -> None:
        """Decode until nobody waits."""
        batch: Batch | None = None
        while True:
            with self._lock:
                fresh = self._next(batch)
                if batch is None and not fresh:
                    self._worker = None
                    return
            try:
                batch = self._moved(batch, fresh)
            except Exception as error:  # whatever it is, those who wait must hear of it
                for row in (*_live(batch), *fresh):
                    row.states.put(error)
                batch, self._prefixes = None, Prefixes()

    def _next(self, batch: Batch | None) -> list[LiveRow]:
        """Those that join now, in the order in which they came."""
        if batch and not self._joinable:
            return []
        waiting = [row for row in self._waiting if not row.left]
        room = self.most_rows - len(_live(batch))
        self._waiting = deque(waiting[room:])
        return waiting[:room]

    @torch.inference_mode()
    def _moved(self, batch: Batch | None, fresh: list[LiveRow]) -> Batch | None:
        """The batch after one more token for all, those that have just come included; None when all have ended."""
        batch = self._without_ended(batch)
        if batch:
            self._step(batch)
            batch = self._told(batch)
        if not self._joinable:
            return self._told(self._read(fresh, self._new_cache())) if fresh else batch
        read = [self._told(self._read([row], self._prefixes.cache(row.ids) or self._new_cache())) for row in fresh]
        going = [part for part in (batch, *read) if part]
        if len(going) > 1:
            going[0].join(going[1:])
        return going[0] if going else None

    def _told(self, batch: Batch) -> Batch | None:
        """The batch without those that have ended, after all were told."""
        for row in _live(batch):
            row.states.put((row.text, row.ended, len(row.generated)))
        return self._without_ended(batch)

    def _without_ended(self, batch: Batch | None) -> Batch | None:
        """The batch without those that have ended or whom nobody waits for; what was read of them is kept."""
        if batch is None:
            return None
        going = [index for index, row in enumerate(_live(batch)) if not (row.ended or row.left)]
        if len(going) == len(batch.rows):
            return batch
        if self._joinable:
            for index in [index for index in range(len(batch.rows)) if index not in going][-KEPT:]:
                self._prefixes.keep(batch, index)
        if going:
            batch.keep(going)
        return batch if going else None


def _live(batch: Batch | None) -> list[LiveRow]:
    return [row for row in batch.rows if isinstance(row, LiveRow)] if batch else []  # all are


# ------------------------------------------------------------------------------------------------------ what was read before
@dataclass(frozen=True)
class Prefix:
    """A text with the model's memory of it."""

    ids: list[int]
    cache: Cache

    def shared(self, ids: list[int]) -> int:
        """How many tokens a text begins with like this one."""
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(self.ids, ids, strict=False)))


class Prefixes:
    """What was read of the answers of late; one thread uses it."""

    def __init__(self) -> None:
        self._kept: deque[Prefix] = deque()

    def cache(self, ids: list[int]) -> Cache | None:
        """A copy of what is remembered of the beginning of a prompt, its last token excepted, which must be read; None where
        that is too little.
        """
        best = max(self._kept, key=lambda prefix: prefix.shared(ids), default=None)
        shared = min(best.shared(ids), len(ids) - 1) if best else 0
        return _part(best.cache, 0, 0, shared) if best and shared >= LEAST_SHARED else None

    def keep(self, batch: Batch, index: int) -> None:
        """Remember a row of a batch; what it has most in common with is forgotten, as is the oldest beyond the limits."""
        row, columns = batch.rows[index], batch.seen_BT.shape[1]
        ids = [*row.ids, *row.generated][: int(batch.seen_BT[index].sum())]
        if not LEAST_SHARED < len(ids) <= KEPT_TOKENS:
            return
        prefix = Prefix(ids, _part(batch.cache, index, columns - len(ids), columns))
        self._kept = deque(old for old in self._kept if old.shared(ids) < len(old.ids) / 2)
        self._kept.append(prefix)
        while len(self._kept) > KEPT or sum(len(old.ids) for old in self._kept) > KEPT_TOKENS:
            self._kept.popleft()


def _part(cache: Cache, row: int, first: int, last: int) -> Cache:
    return Cache(layers=[layer.part(row, first, last) for layer in row_layers(cache)])
