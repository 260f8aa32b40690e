"""What a warm tool answered of one text, as a verdict: the same for every linter that is a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from yunque.checks.findings import error
from yunque.checks.processes import Broken
from yunque.core.nouns import Verdict


def verdict_on(check: str, answer: dict | Broken, understood: Callable[[dict], Verdict]) -> Verdict:
    """Returns the verdict on a tool's answer, with the time that the tool took; ERROR where it broke."""
    if isinstance(answer, Broken):
        return error(check, answer.why)
    verdict = error(check, answer["broken"]) if "broken" in answer else understood(answer)
    return replace(verdict, took_ms=answer.get("ms", 0.0))
