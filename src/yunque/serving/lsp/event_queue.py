"""Events on their way to a gateway: no more than was agreed to, each until it is safe; what waits at the end is kept for the
next start, in a file of each editor.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from yunque.feedback.events import Event, Level
from yunque.serving.lsp.gateway import UnavailableError

MOST_WAITING, BATCH = 500, 100
BATCH_BYTES = 500_000
"""A gateway takes bodies of two megabytes."""
SOON_S, LONGEST_S = 1.0, 60.0
NEVER = (400, 413, 422)
"""Refusals that say of the events that they are none, or too many: the same again would hold up what comes behind it."""


@dataclass(kw_only=True)
class EventQueue:
    """Of one editor; of one event loop."""

    send: Callable[[list[Event]], Awaitable[None]]
    """Returns when they are safe. UnavailableError where they are not."""
    level: Callable[[], Level]
    """What the person agrees to now."""
    folder: Path
    """Where events wait while no editor runs."""
    _waiting: list[Event] = field(default_factory=list, init=False)
    _task: asyncio.Task | None = field(default=None, init=False)
    _left: list[Path] = field(default_factory=list, init=False)
    """Files of editors that ended, whose events wait here."""

    def __len__(self) -> int:
        return len(self._waiting)

    def __post_init__(self) -> None:
        self._shelf = self.folder / f"{uuid.uuid4().hex}.json"

    def add(self, event: Event) -> None:
        """Send an event soon, as far as the person agrees."""
        if (level := self.level()) is not Level.OFF:
            self._waiting = [*self._waiting, event.at_level(level)][-MOST_WAITING:]
            self._start()

    def take_up(self) -> None:
        """Take what editors left that ended; what another one sends too counts once."""
        for path in sorted(self.folder.glob("*.json")):
            with contextlib.suppress(OSError, ValueError, ValidationError):
                self._waiting += [Event.model_validate(value) for value in json.loads(path.read_text("utf-8"))]
                self._left.append(path)
        if self._waiting:
            self._start()

    def clear(self) -> None:
        """Forget what waits: nobody agrees to it any more."""
        self._waiting = []
        for path in self.folder.glob("*.json"):
            path.unlink(missing_ok=True)

    async def flush(self) -> None:
        """Send all that waits. UnavailableError where that cannot be; it waits on."""
        most = BATCH
        while batch := self._batch(most):
            level = self.level()  # of now: it may have been lowered since
            if level is not Level.OFF:
                try:
                    await self.send([event.at_level(level) for event in batch])
                except UnavailableError as error:
                    if error.code not in NEVER:
                        raise
                    if len(batch) > 1:
                        most = (len(batch) + 1) // 2
                        continue
            sent = {event.id for event in batch}
            self._waiting = [event for event in self._waiting if event.id not in sent]
        self._forget_files()

    async def close(self) -> None:
        """A last try; what is left is put on the shelf."""
        if self._task is not None:
            self._task.cancel()
        with contextlib.suppress(UnavailableError, TimeoutError):
            await asyncio.wait_for(self.flush(), SOON_S)
        self._keep()

    # --------------------------------------------------------------------------------------------------------------------
    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._soon())

    async def _soon(self) -> None:
        wait = SOON_S
        while self._waiting:
            await asyncio.sleep(wait)
            try:
                await self.flush()
            except UnavailableError:
                self._keep()  # an editor may be killed
                wait = min(LONGEST_S, 2 * wait)

    def _batch(self, most: int) -> list[Event]:
        batch, num_bytes = self._waiting[:1], 0
        for event in self._waiting[1:most]:
            num_bytes += len(event.model_dump_json())
            if num_bytes > BATCH_BYTES:
                break
            batch.append(event)
        return batch

    def _keep(self) -> None:
        """Write what waits, for its owner alone; files it was in before are not needed any more."""
        if not self._waiting:
            return
        with contextlib.suppress(OSError):  # a disk that is full: events are not worth a disturbance
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self._shelf.with_suffix(".part")
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump([event.model_dump(mode="json") for event in self._waiting], file)
            part.replace(self._shelf)
            self._forget_left()

    def _forget_files(self) -> None:
        self._shelf.unlink(missing_ok=True)
        self._forget_left()

    def _forget_left(self) -> None:
        for path in self._left:
            path.unlink(missing_ok=True)
        self._left = []
