"""The progress that shows nothing: the default wherever a step can report how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def silent(label: str, total: int, unit: str = "") -> Iterator[Callable[[int], None]]:
    """A ``Progress`` that shows nothing."""
    yield lambda amount: None
