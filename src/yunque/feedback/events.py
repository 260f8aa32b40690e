"""Events: what somebody did with a completion, and how much of it is kept at which level of consent.

    off      nothing
    counts   what happened, when, to a completion of which model, in which language
    shape    also lengths, places, times, settings and verdicts; no text
    text     also the code around, the completion and what became of it, after it was redacted

The level of a field stands at the field, and `Event.at_level` is the only place where fields are left out.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field


class Level(IntEnum):
    """How much somebody agrees to."""

    OFF = 0
    COUNTS = 1
    SHAPE = 2
    TEXT = 3

    @property
    def word(self) -> str:
        """As people write it."""
        return self.name.lower()


LEVELS = {level.word: level for level in Level}


class Reaction(StrEnum):
    """What somebody did."""

    SHOWN = "shown"
    ACCEPTED = "accepted"
    PARTLY_ACCEPTED = "partly accepted"
    DISMISSED = "dismissed"
    SURVIVED = "survived"
    """It was accepted, and so much of it is still there after a while."""
    EDITED = "edited"
    """It was accepted and changed."""


SURVIVAL_S = (30, 90, 180, 360)
"""Seconds after which editors look what is left of what was accepted."""

Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w.:-]+$")]
Name = Annotated[str, Field(max_length=256)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Code = Annotated[str, Field(max_length=100_000)]


class Event(BaseModel, frozen=True, extra="ignore", use_attribute_docstrings=True, allow_inf_nan=False):
    """One reaction to one completion. What a client says of it that is not here is not kept."""

    id: Id
    """Made by whoever reports it: the same id twice is one event, so that a report can be sent again."""
    completion_id: Id
    reaction: Reaction
    happened_at: float = Field(ge=0, lt=1e11)
    """Seconds since 1970."""
    model: Name = ""
    language: Name = ""
    after_s: Count = 0
    """Of ``survived``: seconds since it was accepted."""

    chars: Annotated[Count, Level.SHAPE] = 0
    """Length of the completion."""
    lines: Annotated[Count, Level.SHAPE] = 0
    kept_chars: Annotated[Count, Level.SHAPE] = 0
    """Of the completion: what was taken, or what of it is still there."""
    seen_ms: Annotated[Count, Level.SHAPE] = 0
    """How long it was seen before the reaction."""
    latency_ms: Annotated[float, Field(ge=0), Level.SHAPE] = 0.0
    """From the last key to the completion."""
    line: Annotated[Count, Level.SHAPE] = 0
    """Of the cursor, from 0."""
    column: Annotated[Count, Level.SHAPE] = 0
    chars_behind: Annotated[Count, Level.SHAPE] = 0
    """Of the cursor on its line."""
    is_asked: Annotated[bool, Level.SHAPE] = False
    """Whether somebody asked for it, rather than typed."""
    engine: Annotated[Name, Level.SHAPE] = ""
    settings: Annotated[dict[Name, str | int | float | bool], Field(max_length=20), Level.SHAPE] = {}
    """Of the engine: temperature, most tokens, style."""
    verdicts: Annotated[dict[Name, Name], Field(max_length=40), Level.SHAPE] = {}
    """Check -> outcome."""
    gate_score: Annotated[float | None, Field(ge=0, le=1), Level.SHAPE] = None
    """How likely a gate thought it that the completion is taken; None where there is none."""

    path: Annotated[str, Field(max_length=4096), Level.TEXT] = ""
    prompt: Annotated[Code, Level.TEXT] = ""
    """The text before the cursor."""
    completion: Annotated[Code, Level.TEXT] = ""
    suffix: Annotated[Code, Level.TEXT] = ""
    final_text: Annotated[Code, Level.TEXT] = ""
    """What stands there in the end; of ``edited`` and ``survived``."""

    def at_level(self, level: Level) -> Event:
        """The event without what the level does not cover. ValueError for ``OFF``, at which there is none."""
        if level is Level.OFF:
            raise ValueError("without consent there is no event")
        return self.model_copy(update={name: DEFAULTS[name] for name, needed in FIELD_LEVELS.items() if needed > level})


def _level(field: Any) -> Level:
    return next((item for item in field.metadata if isinstance(item, Level)), Level.COUNTS)


FIELD_LEVELS = {name: _level(field) for name, field in Event.model_fields.items()}
"""The lowest level at which a field is kept."""
DEFAULTS = {name: field.default for name, field in Event.model_fields.items() if FIELD_LEVELS[name] > Level.COUNTS}
TEXT_FIELDS = tuple(name for name, level in FIELD_LEVELS.items() if level is Level.TEXT)
CODE_FIELDS = tuple(name for name in TEXT_FIELDS if name != "path")
