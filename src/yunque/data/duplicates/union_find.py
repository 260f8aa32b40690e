"""Which of many things are joined: union-find."""

from __future__ import annotations


class UnionFind:
    """Sets of numbers that grow together; the lowest number of a set stands for it. Numbers that are alone take no room."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def find(self, item: int) -> int:
        """Returns the lowest number that is joined with this one."""
        parent = self._parent
        while (above := parent.get(item, item)) != item:
            parent[item] = item = parent.get(above, above)
        return item

    def join(self, item: int, other: int) -> None:
        """Join the sets of two numbers."""
        low, high = sorted((self.find(item), self.find(other)))
        if low != high:
            self._parent[high] = low
