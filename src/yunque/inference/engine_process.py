"""An engine in a process of its own: where that dies, whoever asks is told so, or served by the next one.

    gateway ── requests ──▶ engine process        over one socket pair; pieces come back with their request's number
            ◀── pieces ────

Covered: a process that is killed, runs out of memory or crashes in a library is started again, unless that happens too
often. A request of which nothing was given away yet is asked once more, since another may have killed it; of one that had
begun the end is a ModelError. Cancelling; many at once. The process ends with the one that made it.
Not covered: a process that hangs.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from multiprocessing.connection import Connection, Pipe

from yunque.core.errors import ModelError, YunqueError
from yunque.core.nouns import Piece, PromptStyle, Request
from yunque.core.seams import LiveEngine
from yunque.inference.answers import LOOK_S, pieces_of

LEAVE_S = 3.0
"""How long answers may take to end that nobody waits for any more."""
MOST_DEATHS, WITHIN_S = 5, 60.0
"""So many deaths in such a time are too many: it is not started again."""
ASK, STOP, CLOSE = "ask", "stop", "close"


class DiedError(ModelError):
    """The process of an engine ended in the middle of an answer."""


class EngineProcess:
    """An engine that answers from another process (seam `LiveEngine`)."""

    def __init__(self, opener: Callable[[], LiveEngine]) -> None:
        """``opener`` makes the engine there, and is pickled. Errors as of the opener; ModelError where it dies of it."""
        self.num_restarts = 0
        self._opener, self._numbers = opener, itertools.count()
        self._deaths: deque[float] = deque(maxlen=MOST_DEATHS)
        self._sending = threading.Lock()
        self._state = threading.Condition()  # of the four below
        self._waiting: dict[int, queue.SimpleQueue[Piece | YunqueError]] = {}
        self._link: Connection | None = None
        self._broken: YunqueError | None = None
        self._is_closed = False
        self._start()

    def stream(self, request: Request) -> Iterator[Piece]:
        """As of the seam. DiedError where the process dies when a part of the answer was given away, or twice."""
        for attempt in range(2):
            given = False
            try:
                with contextlib.closing(self._stream(request)) as pieces:
                    for piece in pieces:
                        yield piece
                        given |= bool(piece.text)
                return
            except DiedError:
                if given or attempt:
                    raise

    def close(self) -> None:
        """Take no more requests; those that are being answered end as they would, and the process after them."""
        with self._state:
            self._is_closed = True
            self._send(CLOSE, 0)

    # ------------------------------------------------------------------------------------------------------------- asking
    def _stream(self, request: Request) -> Generator[Piece]:
        number, pieces, ended = next(self._numbers), queue.SimpleQueue[Piece | YunqueError](), False
        with self._state:
            self._state.wait_for(lambda: self._link or self._broken)
            if self._broken:
                raise self._broken
            self._waiting[number] = pieces
            self._send(ASK, number, request)
        try:
            while not ended:
                try:
                    item = pieces.get(timeout=LOOK_S if request.whole else None)
                except queue.Empty:
                    yield Piece(text="")
                    continue
                ended = isinstance(item, YunqueError) or bool(item.stop)
                if isinstance(item, YunqueError):
                    raise item
                yield item
        finally:
            self._waiting.pop(number, None)
            if not ended:
                self._send(STOP, number)

    def _send(self, what: str, number: int, request: Request | None = None) -> None:
        """Tell the process something; whether it hears it, its end says."""
        link = self._link
        if link is not None:
            with self._sending, contextlib.suppress(OSError):
                link.send((what, number, request))

    # -------------------------------------------------------------------------------------------------------- the process
    def _start(self) -> None:
        """Start the process, and read what it says on a thread. Errors as of `__init__`."""
        link, theirs = Pipe()
        with theirs:
            command = [sys.executable, "-m", "yunque.inference.engine_process", str(theirs.fileno())]
            process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        try:
            link.send(self._opener)
            greeting = link.recv()
        except (EOFError, OSError):
            raise ModelError(f"the engine's process {_how(process.wait())} while it loaded", where="engine") from None
        if isinstance(greeting, YunqueError):
            process.wait()
            raise greeting
        self.name, self.styles = greeting
        self.pid = process.pid
        with self._state:
            self._link = link
            self._state.notify_all()
        threading.Thread(target=self._read, args=(link, process), name="engine", daemon=True).start()

    def _read(self, link: Connection, process: subprocess.Popen) -> None:
        """Deal pieces to those who wait for them; at the end of the process tell them, and start another one."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                number, item = link.recv()
                if (pieces := self._waiting.get(number)) is not None:
                    pieces.put(item)
        link.close()
        how = _how(process.wait())
        with self._state:
            self._link = None
            died = DiedError(f"the engine's process {how}", where=self.name)
            for pieces in [*self._waiting.values()]:
                pieces.put(died)
            if self._is_closed:
                self._broken = ModelError("is not served any more", where=self.name)
                self._state.notify_all()
                return
        self._deaths.append(time.monotonic())
        try:
            if len(self._deaths) == MOST_DEATHS and self._deaths[-1] - self._deaths[0] < WITHIN_S:
                raise ModelError(f"the engine's process {how}, {MOST_DEATHS} times in a minute", where=self.name)
            self._start()
            self.num_restarts += 1
        except YunqueError as error:
            with self._state:
                self._broken = error
                self._state.notify_all()


def _how(status: int) -> str:
    """How a process ended."""
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


# ----------------------------------------------------------------------------------------------------- inside of the process
class _Worker:
    """Answers what comes over a link."""

    def __init__(self, engine: LiveEngine, link: Connection) -> None:
        self.engine, self.link = engine, link
        self._sending = threading.Lock()
        self._going: dict[int, tuple[threading.Thread, threading.Event]] = {}

    def run(self) -> None:
        """Until the other side is gone, or closes."""
        try:
            while True:
                what, number, request = self.link.recv()
                if what == CLOSE:
                    return self._wait()
                if what == ASK:
                    left = threading.Event()
                    thread = threading.Thread(target=self._answer, args=(number, request, left), daemon=True)
                    self._going[number] = thread, left
                    thread.start()
                elif number in self._going:
                    self._going[number][1].set()
        except (EOFError, OSError):
            for _, left in [*self._going.values()]:
                left.set()
            self._wait(LEAVE_S)

    def _wait(self, seconds: float | None = None) -> None:
        for thread, _ in [*self._going.values()]:
            thread.join(seconds)

    def _answer(self, number: int, request: Request, left: threading.Event) -> None:
        try:
            with contextlib.closing(pieces_of(self.engine, request)) as pieces:
                for piece in pieces:
                    if left.is_set():
                        break
                    if piece.text or piece.stop:
                        self._tell(number, piece)
        except YunqueError as error:
            self._tell(number, error)
        except Exception as error:  # whatever it is, the one who waits must hear of it; its text may hold the prompt
            self._tell(number, ModelError(f"the engine failed ({type(error).__name__})", where=self.engine.name))
        finally:
            del self._going[number]

    def _tell(self, number: int, item: Piece | YunqueError) -> None:
        with self._sending, contextlib.suppress(OSError):
            self.link.send((number, item))


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, whose foreground is the other process
    link = Connection(int(sys.argv[1]))
    opener = link.recv()
    try:
        engine = opener()
    except YunqueError as error:
        link.send(error)
        return
    link.send((engine.name, frozenset(getattr(engine, "styles", PromptStyle))))
    _Worker(engine, link).run()
    sys.stdout.flush()
    os._exit(0)  # threads that are inside of a library cannot be waited for


if __name__ == "__main__":
    _main()
