"""What is kept of an event at which level."""

import pytest
from pydantic import ValidationError

from yunque.feedback.events import CODE_FIELDS, DEFAULTS, FIELD_LEVELS, Event, Level, Reaction

FULL = {
    "id": "e-1", "completion_id": "cmpl-1", "reaction": "survived", "happened_at": 1.8e9, "model": "m", "language": "python",
    "after_s": 30, "chars": 12, "lines": 1, "kept_chars": 9, "seen_ms": 800, "latency_ms": 90.5, "line": 3, "column": 7,
    "chars_behind": 2, "is_asked": True, "engine": "llama.cpp", "settings": {"temperature": 0.5},
    "verdicts": {"syntax": "pass"},
    "gate_score": 0.25, "path": "pay/roll.py", "prompt": "def f(", "completion": "salary):", "suffix": "\n",
    "final_text": "wage):",
}  # fmt: skip


def test_every_field_is_kept_at_its_level_and_from_there_up():
    event = Event(**FULL)
    assert event.at_level(Level.TEXT) == event
    shape, counts = event.at_level(Level.SHAPE), event.at_level(Level.COUNTS)
    assert not any(getattr(shape, name) for name in (*CODE_FIELDS, "path"))
    assert (shape.chars, shape.verdicts, shape.gate_score) == (12, {"syntax": "pass"}, 0.25)
    changed = {name for name in FULL if getattr(counts, name) != getattr(event, name)}
    assert changed == DEFAULTS.keys()
    assert {name for name in FULL if name not in changed} == {
        "id", "completion_id", "reaction", "happened_at", "model", "language", "after_s",
    }  # fmt: skip
    with pytest.raises(ValueError, match="without consent"):
        event.at_level(Level.OFF)


def test_counts_hold_no_text_that_came_from_the_code():
    """Whatever is added to `Event` later: a field that can hold code, a path or a number of places needs a level."""
    assert {name for name, level in FIELD_LEVELS.items() if level is Level.COUNTS} == {
        "id", "completion_id", "reaction", "happened_at", "model", "language", "after_s",
    }  # fmt: skip
    texts = ("salary", "roll.py", "wage", "def f")
    for level in (Level.COUNTS, Level.SHAPE):
        assert not any(text in Event(**FULL).at_level(level).model_dump_json() for text in texts)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", ""), ("id", "a b"), ("id", "x" * 65), ("reaction", "loved"), ("happened_at", -1),
        ("happened_at", float("nan")),
        ("happened_at", 1e12), ("after_s", -1), ("chars", 2**31), ("gate_score", 1.5), ("latency_ms", float("inf")),
        ("prompt", "x" * 100_001), ("settings", {str(number): 1 for number in range(21)}), ("verdicts", {"a": 3}),
    ],
)  # fmt: skip
def test_what_cannot_be_an_event_is_refused(name, value):
    with pytest.raises(ValidationError):
        Event(**FULL | {name: value})


def test_a_client_of_a_newer_version_may_say_more():
    assert Event(**FULL | {"mood": "fine"}).reaction is Reaction.SURVIVED
