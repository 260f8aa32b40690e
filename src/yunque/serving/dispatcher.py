"""Who is answered when: as many requests at once as the engine has slots, the others wait in turn, user by user.

    request ─ (superseded? full?) ─ waiting, a queue of each user ─ slot ─ thread ─ engine ─ pieces ─ whoever asked

Covered: a newer request of one editor ends its older one; a user with a hundred requests delays another's by one; whoever
goes away frees the slot at the engine's next token; a queue that is full refuses, and says when to ask again.
Not covered: several machines.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace

from yunque.core.errors import ModelError, YunqueError
from yunque.core.nouns import Piece, Request
from yunque.core.seams import LiveEngine
from yunque.inference.answers import pieces_of

MOST_S = 120.0
"""Seconds of an answer, unless somebody says otherwise."""


class BusyError(Exception):
    """The queue is full; ``retry_after_s`` says when to ask again."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"busy, ask again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class SupersededError(Exception):
    """A newer request of the same editor came."""


@dataclass(kw_only=True)
class Counts:
    """What has become of requests so far, and of those that are there."""

    answered: int = 0
    refused: int = 0
    cancelled: int = 0
    superseded: int = 0
    failed: int = 0
    held: int = 0
    """Answers that a check kept from being shown."""
    tokens: int = 0
    engine_restarts: int = 0
    """How often the engine's process died and was started again."""
    events: int = 0
    """Reactions of people that were written down."""
    running: int = 0
    waiting: int = 0


@dataclass(kw_only=True, eq=False)
class _Ticket:
    """A request on its way."""

    user: str
    editor: str
    engine: LiveEngine
    turn: asyncio.Future[None]
    left: threading.Event = field(default_factory=threading.Event)
    superseded: bool = False


class Dispatcher:
    """Deals requests to an engine; of one event loop."""

    def __init__(self, engine: LiveEngine, *, slots: int = 4, most_waiting: int = 32, most_s: float = MOST_S) -> None:
        """``most_s``: an answer that takes longer is ended with a ModelError."""
        self.engine, self.slots, self.most_waiting, self.counts = engine, slots, most_waiting, Counts()
        self.most_s = most_s
        self._queues: OrderedDict[str, deque[_Ticket]] = OrderedDict()
        self._editors: dict[tuple[str, str], _Ticket] = {}
        """The newest request of each (user, editor)."""
        self._recent_s = 0.5
        """How long an answer took lately."""

    async def answer(
        self, request: Request, *, user: str = "", editor: str = "", whole: bool = False
    ) -> AsyncGenerator[Piece]:
        """The pieces of an answer as they come. ``editor``: whose older request it supersedes; empty: none.

        ``whole``: one piece, at the end. Where engine and server share two cores, each piece that travels costs the engine
        about as much time as it takes to write a third of a token.

        BusyError, SupersededError, and the engine's ModelError before the first piece.
        """
        # The engine of the moment: another one may be put in its place while this request waits.
        ticket = _Ticket(user=user, editor=editor, engine=self.engine, turn=asyncio.get_running_loop().create_future())
        self._supersede(ticket)
        try:
            await self._wait(ticket)
            started = asyncio.get_running_loop().time()
            async with contextlib.aclosing(self._pieces(request, ticket, whole=whole)) as pieces:
                async for piece in pieces:
                    yield piece
            self.counts.answered += 1
            self._recent_s += 0.2 * (asyncio.get_running_loop().time() - started - self._recent_s)
        except (asyncio.CancelledError, GeneratorExit):
            self.counts.cancelled += 1
            raise
        except SupersededError:
            self.counts.superseded += 1
            raise
        except YunqueError:
            self.counts.failed += 1
            raise
        finally:
            ticket.left.set()
            if self._editors.get((ticket.user, ticket.editor)) is ticket:
                del self._editors[ticket.user, ticket.editor]

    # ----------------------------------------------------------------------------------------------------------- waiting
    def _supersede(self, ticket: _Ticket) -> None:
        if not ticket.editor:
            return
        if (older := self._editors.get((ticket.user, ticket.editor))) is not None:
            older.superseded = True
            older.left.set()
            if not older.turn.done() and older in self._queues.get(older.user, ()):
                older.turn.set_exception(SupersededError())
        self._editors[ticket.user, ticket.editor] = ticket

    async def _wait(self, ticket: _Ticket) -> None:
        """Until a slot is this request's."""
        if self.counts.running < self.slots and not self._queues:
            self.counts.running += 1
            return
        if self.counts.waiting >= self.most_waiting:
            self.counts.refused += 1
            raise BusyError(max(1, round(self._recent_s * self.counts.waiting / self.slots)))
        self._queues.setdefault(ticket.user, deque()).append(ticket)
        self.counts.waiting += 1
        try:
            await ticket.turn
        except BaseException:
            if self._withdraw(ticket):
                self.counts.waiting -= 1
            elif ticket.turn.done() and not ticket.turn.cancelled() and ticket.turn.exception() is None:
                self._free()  # it was given a slot that it no longer wants
            raise

    def _withdraw(self, ticket: _Ticket) -> bool:
        """Take a request out of the queue; whether it was there."""
        queue = self._queues.get(ticket.user)
        if queue is None or ticket not in queue:
            return False
        queue.remove(ticket)
        if not queue:
            del self._queues[ticket.user]
        return True

    def _free(self) -> None:
        """Give the slot to the next user in turn, or to nobody."""
        self.counts.running -= 1
        while self._queues:
            user, queue = next(iter(self._queues.items()))
            ticket = queue.popleft()
            self._queues.move_to_end(user)
            if not queue:
                del self._queues[user]
            self.counts.waiting -= 1
            if not ticket.turn.done():
                self.counts.running += 1
                ticket.turn.set_result(None)
                return

    # --------------------------------------------------------------------------------------------------------- answering
    async def _pieces(self, request: Request, ticket: _Ticket, *, whole: bool) -> AsyncGenerator[Piece]:
        """What a thread reads from the engine. The slot is the thread's: it is free when the engine has let go of it."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[Piece | Exception | None] = asyncio.Queue()

        def tell(act: Callable[..., object], *arguments: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody listens
                loop.call_soon_threadsafe(act, *arguments)

        def work() -> None:
            try:
                deadline = time.monotonic() + self.most_s
                with contextlib.closing(pieces_of(ticket.engine, replace(request, whole=whole))) as answer:
                    for piece in answer:
                        if piece.stop or not whole:
                            tell(pieces.put_nowait, piece)
                        if ticket.left.is_set() or piece.stop:
                            break
                        if time.monotonic() > deadline:
                            what = f"took longer than {self.most_s:g} s"
                            tell(pieces.put_nowait, ModelError(what, where=ticket.engine.name, do="ask for fewer tokens"))
                            break
            except YunqueError as error:
                tell(pieces.put_nowait, error)
            except Exception as error:  # whatever it is, the one who waits must hear of it; its text may hold the prompt
                tell(pieces.put_nowait, ModelError(f"the engine failed ({type(error).__name__})", where=ticket.engine.name))
            tell(pieces.put_nowait, None)
            tell(self._free)

        threading.Thread(target=work, name="answer").start()
        tokens = 0
        while (item := await pieces.get()) is not None:
            if ticket.superseded:
                raise SupersededError
            if isinstance(item, Exception):
                raise item
            self.counts.tokens += item.tokens - tokens
            tokens = item.tokens
            yield item
        if ticket.superseded:
            raise SupersededError
