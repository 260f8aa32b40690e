"""The gateway's side of feedback: what people agreed to, and the events that their editors report.

    GET  /v1/feedback            what is kept of the one who asks
    PUT  /v1/feedback            what they agree to from now on
    GET  /v1/feedback/summary    how often completions were taken lately, of everybody together
    POST /v1/events              events; each counts once, however often it is sent

What is kept is what the person agreed to, and at most what the server was started with; both are ``off`` until somebody says
otherwise. Secrets and personal data are replaced before anything is written; of what cannot be looked at no text is kept.

Covered: many editors at once; a database that is gone for a while (503, and nothing is acknowledged).
Not covered: events of clients that report in another shape.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

from fastapi import Request as HttpRequest
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field, ValidationError

from yunque.core.errors import FeedbackError
from yunque.core.nouns import unsourced
from yunque.data.screening.redaction import Redactor, RedactRecipe
from yunque.feedback.events import CODE_FIELDS, LEVELS, TEXT_FIELDS, Event, Level, Reaction
from yunque.feedback.ledger import Ledger
from yunque.serving.door import failure

LOCAL = "local"
"""Who somebody is where no token is needed."""
MOST_EVENTS = 500
RETRY_S, PRUNE_EVERY_S, DAY_S = 2, 3600.0, 86400.0
SUMMARY_S = 20.0
MOST_AHEAD_S = 60.0
"""By how much an editor's clock may be ahead of ours."""
NOT_HERE = "no events are kept here: the server was started without --feedback"


class AgreementBody(BaseModel, extra="forbid"):
    """``PUT /v1/feedback``."""

    level: Literal["off", "counts", "shape", "text"]


class EventsBody(BaseModel, extra="forbid"):
    """``POST /v1/events``."""

    events: list[dict[str, Any]] = Field(max_length=MOST_EVENTS)
    """As of `yunque.feedback.events.Event`; one that cannot be is refused alone."""


@dataclass(kw_only=True)
class Feedback:
    """The routes."""

    ledger: Ledger | None = None
    most: Level = Level.OFF
    """The most that is kept of anybody."""
    keep_days: float = 180.0
    salt: str = field(default="", repr=False)
    """By which values that are replaced get the same placeholder."""
    num_stored: int = 0
    _summaries: dict[int, tuple[float, list[dict[str, Any]]]] = field(default_factory=dict)
    """Days -> when they were counted, and what there was: every open page asks."""
    _redacting: threading.Lock = field(default_factory=threading.Lock)

    # ------------------------------------------------------------------------------------------------------------- routes
    async def agreement(self, http: HttpRequest) -> Response:
        """What somebody agreed to, the most that the server keeps, and so what is kept."""
        if self.ledger is None:
            return JSONResponse(_agreement(Level.OFF, Level.OFF))
        agreed = await asyncio.to_thread(self.ledger.consent, _person(http))
        return JSONResponse(_agreement(agreed, self.most))

    async def agree(self, body: AgreementBody, http: HttpRequest) -> Response:
        """Keep that much of whoever asks from now on."""
        agreed = LEVELS[body.level]
        if self.ledger is None:
            return JSONResponse(_agreement(Level.OFF, Level.OFF)) if agreed is Level.OFF else failure(400, NOT_HERE)
        await asyncio.to_thread(self.ledger.agree, _person(http), agreed)
        return JSONResponse(_agreement(agreed, self.most))

    async def events(self, body: EventsBody, http: HttpRequest) -> Response:
        """Write events down; the answer comes when they are safe."""
        if self.ledger is None:
            return JSONResponse({"stored": 0, "known": 0, "level": Level.OFF.word, "refused": []})
        events, refused = _events(body.events)
        stored, level = await asyncio.to_thread(self._store, events, _person(http))
        self.num_stored += stored
        known = len(events) - stored if level is not Level.OFF else 0
        return JSONResponse({"stored": stored, "known": known, "level": level.word, "refused": refused})

    async def summary(self, days: int = 7) -> Response:
        """How often completions were taken in the last days, and how much of them stayed."""
        if not 1 <= days <= 366:
            return failure(400, "days: between 1 and 366")
        if self.ledger is None:
            return JSONResponse({"level": Level.OFF.word, "days": []})
        now = time.monotonic()
        if days not in self._summaries or now - self._summaries[days][0] > SUMMARY_S:
            self._summaries[days] = now, await asyncio.to_thread(self._days, days)
        return JSONResponse({"level": self.most.word, "days": self._summaries[days][1]})

    # ------------------------------------------------------------------------------------------------------------ the work
    @contextlib.asynccontextmanager
    async def keeping_time(self) -> AsyncGenerator[None]:
        """Delete what is older than it may be kept, now and every hour."""

        async def forever() -> None:
            while self.ledger is not None:
                with contextlib.suppress(FeedbackError):
                    await asyncio.to_thread(self.ledger.prune, time.time() - self.keep_days * DAY_S)
                await asyncio.sleep(PRUNE_EVERY_S)

        task = asyncio.create_task(forever())
        try:
            yield
        finally:
            task.cancel()
            if self.ledger is not None:
                self.ledger.close()

    def _store(self, events: Sequence[Event], person: str) -> tuple[int, Level]:
        assert self.ledger is not None
        most = min(self.ledger.consent(person), self.most)
        if most is Level.TEXT:
            events = [self._without_secrets(event) for event in events]
        # At most what they were prepared for: the person may agree to more a moment later.
        return self.ledger.add(events, person, most)

    def _without_secrets(self, event: Event) -> Event:
        """The event with placeholders; without any text where they cannot be made, or a secret shows in what is joined.

        What stands there in the end is looked at with what stands before it: alone, a password is a word.
        """
        if event.final_text and not event.prompt:
            event = event.model_copy(update={"final_text": ""})
        with self._redacting:  # the scanners are of one thread
            texts = {}
            for name in TEXT_FIELDS:
                redaction = self._redactor.redact(unsourced(getattr(event, name), event.language or "text"))
                if redaction.record is None:
                    return event.at_level(Level.SHAPE)
                texts[name] = redaction.record.text
            whole = "".join(texts[name] for name in CODE_FIELDS if name != "final_text")
            final = texts["prompt"] + texts["final_text"] + texts["suffix"]
            for text in (whole, final):
                redaction = self._redactor.redact(unsourced(text, event.language or "text"))
                if redaction.record is None or redaction.replaced:
                    return event.at_level(Level.SHAPE)
        return event.model_copy(update=texts)

    @cached_property
    def _redactor(self) -> Redactor:
        return Redactor(RedactRecipe(), self.salt)

    def _days(self, num_days: int) -> list[dict[str, Any]]:
        """One row a day of UTC, oldest first, days without events too."""
        assert self.ledger is not None
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        first = today - (num_days - 1) * DAY_S
        names = ("shown", "taken", "dismissed", "chars", "kept_chars")
        counts: dict[int, Counter[str]] = {day: Counter() for day in range(num_days)}
        for item in self.ledger.completions(since=first):
            day = counts[min(num_days - 1, int((item.at_s - first) // DAY_S))]
            day.update(shown=1, taken=item.is_taken, dismissed=Reaction.DISMISSED in item.reactions)
            day.update(chars=item.chars, kept_chars=item.kept_chars)
        return [
            {"day": datetime.fromtimestamp(first + day * DAY_S, UTC).date().isoformat()}
            | {name: count[name] for name in names}
            for day, count in counts.items()
        ]


def _agreement(agreed: Level, most: Level) -> dict[str, str]:
    return {"agreed": agreed.word, "most": most.word, "level": min(agreed, most).word}


def _person(http: HttpRequest) -> str:
    return http.scope.get("user_name") or LOCAL


def _events(values: Sequence[dict[str, Any]]) -> tuple[list[Event], list[dict[str, Any]]]:
    """Events, and why others are none, by their index."""
    events, refused, latest = [], [], time.time() + MOST_AHEAD_S
    for index, value in enumerate(values):
        try:
            event = Event.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            refused.append({"index": index, "message": f"{'.'.join(map(str, first['loc']))}: {first['msg']}"})
        else:
            events.append(event if event.happened_at <= latest else event.model_copy(update={"happened_at": latest}))
    return events, refused


async def unavailable(_: HttpRequest, error: Exception) -> Response:
    """What a client is answered where the database does not: nothing was acknowledged, and it may be sent again."""
    # What is in the way may name a machine of the house; who asks has to know only that it does not work now.
    what = error.what.partition(" (")[0] if isinstance(error, FeedbackError) else type(error).__name__
    headers = {"Retry-After": str(RETRY_S)}
    return failure(503, f"events cannot be kept now: {what}", kind="server_error", headers=headers)
