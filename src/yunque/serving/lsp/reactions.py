"""What somebody does with completions, told from what their editor sends: changes of the text, the command of what is taken.

    given ── a quarter of a second without a change ── shown ─┬─ its command ─────────── accepted ── survived ×4 ── edited
                                                              └─ another change ──────── dismissed

The protocol has no message for a completion that is seen or sent away, so a part that was taken word by word is not told
from typing, and a completion that the editor never drew may count as shown.

Covered: text that moves; a file that is closed; typing what a completion says.
Not covered: parts that were taken.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lsprotocol import types as lsp
from rapidfuzz.distance import LCSseq

from yunque.feedback.events import SURVIVAL_S, Event, Reaction
from yunque.serving.lsp.gateway import Place, Suggestion
from yunque.serving.lsp.places import Point, Units, moved, point

SEEN_S = 0.25
"""What was there for less was not looked at."""
Reader = Callable[[str, Point, Point], str | None]
"""(URI, start, end) -> the text between; None where the file is closed."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """A completion that the editor has, and what an event says of it."""

    suggestion: Suggestion
    place: Place
    uri: str
    start: Point
    behind: int
    """Characters of the line behind the cursor."""
    latency_ms: float


@dataclass(kw_only=True, eq=False)
class _Current:
    given: Given
    since: float
    rest: str
    ids: set[str]
    """Of it, and of what the gateway gave while somebody typed it."""
    is_shown: bool = False


@dataclass(kw_only=True, eq=False)
class _Taken:
    given: Given
    start: Point
    end: Point


@dataclass(kw_only=True)
class Reactions:
    """Of one editor; of one event loop."""

    emit: Callable[[Event], None]
    read: Reader
    units: Units
    seconds: float = 1.0
    """How long a second is; tests shorten it."""
    _current: _Current | None = field(default=None, init=False)
    _awaited: _Current | None = field(default=None, init=False)
    """What was put in, and of which the editor has not said so yet."""
    _end: Point = field(default=(0, 0), init=False)
    """Where it ends."""
    _taken: list[_Taken] = field(default_factory=list, init=False)
    _tasks: set[asyncio.Task] = field(default_factory=set, init=False)

    def given(self, given: Given) -> None:
        """The editor was given a completion; where it says what is left of the one before, that one stays."""
        suggestion = given.suggestion
        if (current := self._current) and given.uri == current.given.uri and suggestion.text == current.rest:
            current.ids.add(suggestion.id)
            return
        self._dismiss()
        current = _Current(given=given, since=time.time(), rest=suggestion.text, ids={suggestion.id})
        self._current = current

        async def seen() -> None:
            await asyncio.sleep(SEEN_S)
            self._show(current)

        self._start(seen())

    def changed(self, uri: str, changes: Sequence[Any]) -> None:
        """A file was changed, as the editor says it."""
        for change in changes:
            if not isinstance(change, lsp.TextDocumentContentChangePartial):
                self._taken = [item for item in self._taken if item.given.uri != uri]  # all of it anew: nothing is known
                continue
            for item in self._taken:
                if item.given.uri == uri:
                    item.start = moved(item.start, change, self.units, stays=False)
                    item.end = moved(item.end, change, self.units, stays=True)
        current = self._current
        if current is None or current.given.uri != uri:
            return
        text = changes[0].text.replace("\r\n", "\n") if len(changes) == 1 else ""
        if text and current.rest.startswith(text) and current.rest != text:
            current.rest = current.rest[len(text) :]  # somebody types what it says
        elif text and text.endswith(current.rest):
            # It was taken, of which its command tells in a moment, perhaps after the next one was given.
            self._awaited, self._current = current, None
            self._end = _behind(changes[0], self.units)
        else:
            self._dismiss()

    def took(self, completion: str) -> None:
        """The editor's command of a completion that was put in."""
        current, self._awaited = self._awaited, None
        if current is None or completion not in current.ids:
            return
        self._show(current)
        given, text = current.given, current.given.suggestion.text
        seen_ms = round(1000 * (time.time() - current.since))
        self._event(given, Reaction.ACCEPTED, kept_chars=len(text), seen_ms=seen_ms)
        taken = _Taken(given=given, start=given.start, end=self._end)
        self._taken.append(taken)

        async def follow() -> None:
            waited = 0
            for after in SURVIVAL_S:
                await asyncio.sleep((after - waited) * self.seconds)
                waited = after
                self._look(taken, after)

        self._start(follow())

    def close(self) -> None:
        """Nothing more comes."""
        self._dismiss()
        for task in self._tasks:
            task.cancel()

    # --------------------------------------------------------------------------------------------------------------------
    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _show(self, current: _Current) -> None:
        if not current.is_shown and current.rest:
            current.is_shown = True
            place, text = current.given.place, current.given.suggestion.text
            texts = {"prompt": place.before, "completion": text, "suffix": place.after}
            self._event(current.given, Reaction.SHOWN, happened_at=current.since, **texts)

    def _dismiss(self) -> None:
        current, self._current = self._current, None
        if current is None:
            return
        seen_ms = round(1000 * (time.time() - current.since))
        if current.is_shown:
            self._event(current.given, Reaction.DISMISSED, seen_ms=seen_ms)
        current.is_shown, current.rest = True, ""  # it is over

    def _look(self, taken: _Taken, after: int) -> None:
        if taken not in self._taken or (now := self.read(taken.given.uri, taken.start, taken.end)) is None:
            return
        now, text = now.replace("\r\n", "\n"), taken.given.suggestion.text
        # With what stands before it: a password that was typed there is looked for in context.
        texts = {"final_text": now, "prompt": taken.given.place.before, "suffix": taken.given.place.after}
        kept = LCSseq.similarity(text, now)
        self._event(taken.given, Reaction.SURVIVED, after_s=after, kept_chars=kept, **texts)
        if after == SURVIVAL_S[-1]:
            self._taken.remove(taken)
            if now != text:
                self._event(taken.given, Reaction.EDITED, kept_chars=kept, **texts)

    def _event(self, given: Given, reaction: Reaction, **values: Any) -> None:
        suggestion = given.suggestion
        about = {
            "model": suggestion.model, "language": suggestion.language, "chars": len(suggestion.text),
            "lines": suggestion.text.count("\n") + 1, "latency_ms": given.latency_ms, "line": given.start[0],
            "column": given.start[1], "chars_behind": given.behind, "engine": suggestion.engine,
            "settings": suggestion.settings, "verdicts": suggestion.outcomes, "path": given.place.path,
            "happened_at": time.time(),
        }  # fmt: skip
        event = {"id": uuid.uuid4().hex, "completion_id": suggestion.id, "reaction": reaction, **about, **values}
        self.emit(Event.model_validate(event))


def _behind(change: Any, units: Units) -> Point:
    """The place behind what a change put in."""
    return moved(point(change.range.start), _put_in(change), units, stays=False)


def _put_in(change: Any) -> lsp.TextDocumentContentChangePartial:
    """A change as if it had replaced nothing."""
    here = lsp.Range(start=change.range.start, end=change.range.start)
    return lsp.TextDocumentContentChangePartial(range=here, text=change.text)
