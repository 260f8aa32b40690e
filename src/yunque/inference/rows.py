"""Rows that are decoded together: what the model remembers of each, and how rows leave and others take their places.

All rows end at the same column and are padded on the left, so that one step adds one column to all. The memory of keys and
values is made larger by blocks: adding a column writes in place, where the usual cache copies everything that it holds.

Covered: models whose layers all attend to everything before (`RowCache`); others, such as those with sliding windows, are
decoded in batches that nobody joins, with the cache of transformers.
Not covered: caches on several devices.

Legend: B rows, T columns (tokens), H key-value heads, D width of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

from yunque.core.nouns import Request
from yunque.inference.syntax_monitor import SyntaxMonitor

BLOCK = 128
"""Columns by which the memory grows."""


@dataclass(kw_only=True)
class Row:
    """A request on its way."""

    place: int
    request: Request
    ids: list[int]
    lead: str
    """What its answer begins with that the prompt has already: blanks, or a word that it must begin with."""
    generated: list[int] = field(default_factory=list)
    text: str = ""
    ended: str = ""
    started: float = 0.0
    took_ms: float = 0.0
    monitor: SyntaxMonitor | None = field(init=False)

    def __post_init__(self) -> None:
        """With the monitor that the request asks for."""
        self.monitor = SyntaxMonitor.of(self.request)


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

    def join(self, others: Sequence[RowLayer], length: int) -> None:
        """Add the rows of others; all get empty columns before them, up to that length."""
        joined = []
        for sides in zip(*(layer.held for layer in (self, *others)), strict=True):
            _, heads, _, width = sides[0].shape
            all_BHTD = sides[0].new_zeros((sum(map(len, sides)), heads, length + BLOCK, width))
            rows = 0
            for layer, side in zip((self, *others), sides, strict=True):
                all_BHTD[rows : rows + len(side), :, length - layer.length : length] = side[:, :, : layer.length]
                rows += len(side)
            joined.append(all_BHTD)
        self.held, self.length = joined, length
        self._show()

    def part(self, row: int, first: int, last: int) -> RowLayer:
        """A layer of its own with columns of one row: a copy, so that neither changes with the other."""
        layer = RowLayer()
        layer.update(*(held[row : row + 1, :, first:last] for held in self.held))
        return layer

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
        return bool(row_layers(self.cache))

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
        for layer in row_layers(self.cache):
            layer.keep(rows_B, first)

    def join(self, others: Sequence[Batch]) -> None:
        """Take in the rows of others, with one copy of all."""
        sides = (self, *others)
        length = max(side.seen_BT.shape[1] for side in sides)
        for mine, *theirs in zip(*(row_layers(side.cache) for side in sides), strict=True):
            mine.join(theirs, length)
        pad = torch.nn.functional.pad
        self.seen_BT = torch.cat([pad(side.seen_BT, (length - side.seen_BT.shape[1], 0)) for side in sides])
        self.next_B = torch.cat([side.next_B for side in sides])
        self.position_B = torch.cat([side.position_B for side in sides])
        self.rows = [row for side in sides for row in side.rows]


def row_layers(cache: Cache) -> list[RowLayer]:
    """The layers of a cache that can be joined; empty where it cannot be."""
    layers = [layer for layer in cache.layers if isinstance(layer, RowLayer)]
    return layers if len(layers) == len(cache.layers) else []


def new_cache(config: Any) -> Cache:
    """A `RowLayer` for every layer where the model allows it, else the cache that transformers makes for it."""
    usual = DynamicCache(config=config)
    if all(type(layer) is DynamicLayer for layer in usual.layers):
        return Cache(layers=[RowLayer() for _ in usual.layers])
    return usual
