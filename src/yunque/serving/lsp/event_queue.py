"""Events on their way to a gateway: no more than was agreed to, each until it is safe; what waits at the end is kept for the
next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from yunque.feedback.events import Event, Level
from yunque.serving.lsp.gateway import UnavailableError
from yunque.store.artifacts import write_whole

MOST_WAITING, BATCH = 2000, 100
SOON_S, LONGEST_S = 1.0, 60.0


@dataclass(kw_only=True)
class EventQueue:
    """Of one editor; of one event loop."""

    send: Callable[[list[Event]], Awaitable[None]]
    """Returns when they are safe. UnavailableError where they are not."""
    shelf: Path
    """Where events wait while no editor runs."""
    _waiting: list[Event] = field(default_factory=list, init=False)
    _task: asyncio.Task | None = field(default=None, init=False)

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, event: Event, level: Level) -> None:
        """Send an event soon, as far as a level goes."""
        if level is not Level.OFF:
            self._waiting = [*self._waiting, event.at_level(level)][-MOST_WAITING:]
            if self._task is None or self._task.done():
                self._task = asyncio.ensure_future(self._soon())

    def take_up(self) -> None:
        """Take what was left by an editor that ended."""
        with contextlib.suppress(FileNotFoundError, ValueError, ValidationError):
            left = [Event.model_validate(value) for value in json.loads(self.shelf.read_text("utf-8"))]
            self.shelf.unlink()
            self._waiting = [*left, *self._waiting]
            if left:
                self._task = asyncio.ensure_future(self._soon())

    def clear(self) -> None:
        """Forget what waits: nobody agrees to it any more."""
        self._waiting = []
        self.shelf.unlink(missing_ok=True)

    async def flush(self) -> None:
        """Send all that waits. UnavailableError where that cannot be; it waits on."""
        while batch := self._waiting[:BATCH]:
            await self.send(batch)
            sent = {event.id for event in batch}
            self._waiting = [event for event in self._waiting if event.id not in sent]

    async def close(self) -> None:
        """A last try; what is left is put on the shelf."""
        if self._task is not None:
            self._task.cancel()
        with contextlib.suppress(UnavailableError, TimeoutError):
            await asyncio.wait_for(self.flush(), SOON_S)
        if self._waiting:
            self.shelf.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.shelf, json.dumps([event.model_dump(mode="json") for event in self._waiting]))
            self.shelf.chmod(0o600)

    async def _soon(self) -> None:
        wait = SOON_S
        while self._waiting:
            await asyncio.sleep(wait)
            try:
                await self.flush()
            except UnavailableError:
                wait = min(LONGEST_S, 2 * wait)
