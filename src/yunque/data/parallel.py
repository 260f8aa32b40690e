"""Work on many items in several processes, results in the order of the items, and no item that can stop the rest.

The same results with 1, 2 or 8 workers: an item is worked on alone, batches only save trips. What kills its process (a
parser that crashes, memory that runs out) or takes too long is found by halving its batch, and gets what ``lost`` says.

Covered: exceptions pass through with their text; crashes, hangs; a consumer that stops early.
Not covered: work that leaves processes of its own behind; memory of a result, of which two batches a worker are held.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as OutOfTime
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
BATCH_LIMIT_S = 600.0
MAX_SOCKET_FOLDER = 70
"""Bytes: the path of a socket has 107 at most, and a name of some 30 stands behind this."""


def ordered_map(
    work: Callable[[Sequence[Item]], list[Result]],
    batches: Iterable[Sequence[Item]],
    *,
    workers: int,
    lost: Callable[[Item, str], Result],
    limit_s: float = BATCH_LIMIT_S,
) -> Iterator[tuple[Sequence[Item], list[Result]]]:
    """Every batch with the results of its items, in order.

    ``work`` is sent to each worker once, so it may hold what is dear to make; with one worker it runs here, unguarded.
    ``lost(item, why)`` is the result of an item that killed its process or took over ``limit_s``.
    """
    if workers <= 1:
        for batch in batches:
            yield batch, work(batch)
        return
    crew = _Crew(work, workers)
    waiting: deque[tuple[Sequence[Item], Future]] = deque()
    try:
        for batch in batches:
            waiting.append((batch, crew.submit(batch)))
            if len(waiting) > 2 * workers:
                yield _next(crew, waiting, lost, limit_s)
        while waiting:
            yield _next(crew, waiting, lost, limit_s)
    finally:
        crew.stop()


def batched(items: Iterable[Item], size: Callable[[Item], int], most: int, most_items: int = 512) -> Iterator[list[Item]]:
    """Items in batches of about ``most`` in size, at least one item each."""
    batch: list[Item] = []
    total = 0
    for item in items:
        batch.append(item)
        total += size(item)
        if total >= most or len(batch) >= most_items:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def _shorten_socket_paths() -> None:
    """Have `multiprocessing` put its sockets where their paths are short enough, under a temporary folder that is deep."""
    if len(os.fsencode(tempfile.gettempdir())) <= MAX_SOCKET_FOLDER:
        return
    config = multiprocessing.process.current_process()._config  # type: ignore[attr-defined]  # nothing public names it
    if "tempdir" not in config:
        config["tempdir"] = tempfile.mkdtemp(prefix="yunque-", dir="/tmp")
        atexit.register(shutil.rmtree, config["tempdir"], ignore_errors=True)


class _Crew:
    """A pool of processes that is made anew when one of them died."""

    def __init__(self, work: Callable, workers: int) -> None:
        self.work, self.workers = work, workers
        self.pool = self._open(workers)

    def _open(self, workers: int) -> ProcessPoolExecutor:
        _shorten_socket_paths()
        context = multiprocessing.get_context("forkserver")
        return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(self.work,))

    def submit(self, batch: Sequence) -> Future:
        try:
            return self.pool.submit(_work, batch)
        except BrokenProcessPool:
            self.renew()
            return self.pool.submit(_work, batch)

    def renew(self) -> None:
        self.stop()
        self.pool = self._open(self.workers)

    def stop(self) -> None:
        for process in list((self.pool._processes or {}).values()):
            process.kill()
        self.pool.shutdown(wait=True, cancel_futures=True)

    def alone(self, batch: Sequence, lost: Callable, limit_s: float) -> list:
        """The results of a batch that may kill, by halves, in a process of its own."""
        crew = _Crew(self.work, 1)
        try:
            return crew.pool.submit(_work, batch).result(limit_s)
        except (BrokenProcessPool, OutOfTime) as error:
            if len(batch) == 1:
                why = f"took over {limit_s:g} s" if isinstance(error, OutOfTime) else "killed the process that worked on it"
                return [lost(batch[0], why)]
        finally:
            crew.stop()
        middle = len(batch) // 2
        return [*self.alone(batch[:middle], lost, limit_s), *self.alone(batch[middle:], lost, limit_s)]


def _next(crew: _Crew, waiting: deque, lost: Callable, limit_s: float) -> tuple[Sequence, list]:
    batch, future = waiting.popleft()
    try:
        return batch, future.result(limit_s)
    except (BrokenProcessPool, OutOfTime):
        again = [other for other, _ in waiting]
        crew.stop()
        results = crew.alone(batch, lost, limit_s)
        crew.renew()
        waiting.clear()
        waiting.extend((other, crew.submit(other)) for other in again)
        return batch, results


_here: Any = None
"""What this process works with."""


def _begin(work: Callable) -> None:
    global _here
    _here = work


def _work(batch: Sequence) -> list:
    return _here(batch)
