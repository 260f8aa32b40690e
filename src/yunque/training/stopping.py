"""SIGTERM while a model is trained: what a cluster sends before it takes a machine away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def asked_to_stop(do: Callable[[], object] = lambda: None) -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM has come within the block; the step that is being made can so be finished and saved.

    ``do``: when it comes. Outside of the main thread, where signals cannot be taken, it is always False.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return

    def take(*_: object) -> None:
        came.set()
        do()

    before = signal.signal(signal.SIGTERM, take)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
