"""Rows that are decoded together: what the model remembers of each, and how rows leave and others take their places.

All rows end at the same column and are padded on the left, so that one step adds one column to all. The memory of keys and
values is made larger by blocks: adding a column writes in place, where the usual cache copies everything that it holds.

Covered: models whose layers all attend to everything before (`RowCache`); others, such as those with sliding windows, are
decoded in batches that nobody joins, with the cache of transformers.
Not covered: caches on several devices.

Legend: B rows, T columns (tokens), H key-value heads, D width of a head.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

from yunque.core.nouns import Request

BLOCK = 128
"""Columns by which the memory grows."""


@dataclass(kw_only=True)
class Row:
    """A request on its way."""

    place: int
    request: Request
    ids: list[int]
    blanks: str
    """What its answer begins with that the prompt has already: blanks, or a word that it must begin with."""
    generated: list[int] = field(default_factory=list)
    text: str = ""
    ended: str = ""
    started: float = 0.0
    took_ms: float = 0.0


class RowLayer(DynamicLayer):
    """Keys and values of one layer, written in place."""

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any) -> tuple:
        """Add columns (B, H, T, D); returns all that are held."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.length, self.held = (
                0,
                [states.new_empty((*states.shape[:2], 0, states.shape[3])) for states in (key_states, value_states)],
            )
        start, self.length = self.length, self.length + key_states.shape[2]
        for index, states in enumerate((key_states, value_states)):
            if self.held[index].shape[2] < self.length:
                rows, heads, _length, width = states.shape
                grown_BHTD = states.new_empty((rows, heads, self.length + BLOCK, width))
                grown_BHTD[:, :, :start] = self.held[index][:, :, :start]
                self.held[index] = grown_BHTD
            self.held[index][:, :, start : self.length] = states
        self._show()
        return self.keys, self.values

    def keep(self, rows_B: torch.Tensor, first: int) -> None:
        """Keep those rows, without the columns before ``first``."""
        self.length -= first
        self.held = [held[rows_B, :, first : first + self.length] for held in self.held]
        self._show()

    def join(self, other: RowLayer, before: int, other_before: int) -> None:
        """Add the rows of another, each side with so many empty columns put before it."""
        length = max(self.length + before, other.length + other_before)
        joined = []
        for mine, theirs in zip(self.held, other.held, strict=True):
            rows, heads, _, width = mine.shape
            both_BHTD = mine.new_zeros((rows + theirs.shape[0], heads, length + BLOCK, width))
            both_BHTD[:rows, :, before:length] = mine[:, :, : self.length]
            both_BHTD[rows:, :, other_before:length] = theirs[:, :, : other.length]
            joined.append(both_BHTD)
        self.held, self.length = joined, length
        self._show()

    def _show(self) -> None:
        self.keys, self.values = (held[:, :, : self.length] for held in self.held)


@dataclass(kw_only=True)
class Batch:
    """Rows with the model's memory of them."""

    rows: list[Row]
    cache: Cache
    seen_BT: torch.Tensor
    """1 where a column holds a token of the row, 0 where it is padding."""
    next_B: torch.Tensor
    """The token that each row reads next; it is not in the cache yet."""
    position_B: torch.Tensor
    """Its place in the row's own text."""

    @property
    def joinable(self) -> bool:
        """Whether others can take the places of rows that leave."""
        return all(isinstance(layer, RowLayer) for layer in self.cache.layers)

    def keep(self, going: list[int]) -> None:
        """Drop all other rows, and the columns that are padding for all that stay."""
        rows_B = torch.tensor(going, device=self.seen_BT.device, dtype=torch.long)
        self.rows = [self.rows[index] for index in going]
        self.next_B, self.position_B, self.seen_BT = self.next_B[rows_B], self.position_B[rows_B], self.seen_BT[rows_B]
        if not self.joinable:
            self.cache.batch_select_indices(rows_B)
            return
        first = int(self.seen_BT.any(dim=0).int().argmax()) if going else 0
        self.seen_BT = self.seen_BT[:, first:]
        for layer in self.cache.layers:
            assert isinstance(layer, RowLayer)  # as in all that is joinable
            layer.keep(rows_B, first)

    def join(self, other: Batch) -> None:
        """Take in the rows of another."""
        length = max(self.seen_BT.shape[1], other.seen_BT.shape[1])
        before, other_before = length - self.seen_BT.shape[1], length - other.seen_BT.shape[1]
        for mine, theirs in zip(self.cache.layers, other.cache.layers, strict=True):
            assert isinstance(mine, RowLayer) and isinstance(theirs, RowLayer)  # as in all that is joinable
            mine.join(theirs, before, other_before)
        pad = torch.nn.functional.pad
        self.seen_BT = torch.cat([pad(self.seen_BT, (before, 0)), pad(other.seen_BT, (other_before, 0))])
        self.next_B = torch.cat([self.next_B, other.next_B])
        self.position_B = torch.cat([self.position_B, other.position_B])
        self.rows += other.rows


def new_cache(config: Any) -> Cache:
    """A `RowLayer` for every layer where the model allows it, else the cache that transformers makes for it."""
    usual = DynamicCache(config=config)
    if all(type(layer) is DynamicLayer for layer in usual.layers):
        return Cache(layers=[RowLayer() for _ in usual.layers])
    return usual
