"""Stop rules: where a completion ends although the model would go on. Named in the task, recorded with the result."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from yunque.core.errors import RecipeError


def _line(text: str) -> int | None:
    """At the end of the first line that is not blank."""
    start = len(text) - len(text.lstrip("\n\r \t"))
    end = text.find("\n", start)
    return end if end >= 0 else None


def _dedent(text: str) -> int | None:
    """Before the first line that is indented less than the first line of code: the block is over."""
    at, block = 0, None
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):  # splitlines also splits at form feeds and the like
        code = line.lstrip(" \t")
        indent = len(line) - len(code)
        if code.strip():
            if block is None:
                block = indent
            elif indent < block and not code.startswith((")", "]", "}")):
                return at
        at += len(line)
    return None


RULES: dict[str, Callable[[str], int | None]] = {"line": _line, "dedent": _dedent, "none": lambda text: None}


def first_stop(text: str, rule: str, stops: Sequence[str]) -> int | None:
    """Where the rule or one of the stop texts cuts first; None to go on."""
    places = [stop_rule(rule)(text), *(at for at in map(text.find, stops) if at >= 0)]
    return min((at for at in places if at is not None), default=None)


def stop_rule(name: str) -> Callable[[str], int | None]:
    """The rule with that name: given the text so far, where to cut it, or None to go on. RecipeError for an unknown name."""
    if name not in RULES:
        raise RecipeError(f"no stop rule '{name}'", do=f"known: {', '.join(RULES)}")
    return RULES[name]
