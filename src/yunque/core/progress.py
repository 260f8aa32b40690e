"""The progress that shows nothing: the default wherever a step can report how far it is."""

from collections.abc import Iterator
from contextlib import contextmanager

from yunque.core.seams import Advance


def quiet(line: str) -> None:
    """Tells nobody: the default wherever a step can say what it does."""


@contextmanager
def silent(label: str, total: int, unit: str = "") -> Iterator[Advance]:
    """A ``Progress`` that shows nothing."""
    yield lambda amount, note="": None
