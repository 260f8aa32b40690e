"""Places in a text that changes, as an editor counts: (line, column) in its units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lsprotocol import types as lsp

Point = tuple[int, int]
"""Line and column, in the editor's units."""
Units = Callable[[str], int]
"""Length of a text in the editor's units."""


def point(position: lsp.Position) -> Point:
    """Of a position of the protocol."""
    return position.line, position.character


def moved(place: Point, change: Any, units: Units, *, stays: bool) -> Point:
    """Where a place is after a replacement; one at which text is put in stays before it, or goes behind it."""
    start, end, lines = point(change.range.start), point(change.range.end), change.text.split("\n")
    if place < start or (stays and place == start):
        return place
    last = units(lines[-1]) + (start[1] if len(lines) == 1 else 0)
    if place < end:
        return (start[0] + len(lines) - 1, last)
    line = place[0] - end[0] + start[0] + len(lines) - 1
    return (line, last + place[1] - end[1]) if place[0] == end[0] else (line, place[1])
