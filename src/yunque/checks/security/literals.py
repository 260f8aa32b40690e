"""Which plain words a pattern cannot match without: searching a text for those first is many times faster than the pattern.

    needed(r"\\bos\\.(?:system|popen)\\s*\\(")  ->  ("os.system", "os.popen")    a text with neither holds none

Read from the parsed pattern, so nobody keeps the two in step by hand. Where nothing can be told, or where Python's parser of
patterns (not a public interface) is another, there is no answer, and the pattern is tried on every text.

Covered: sequences, alternatives, groups, repetitions. Not covered: lookaround, sets of characters, back references.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

LEAST = 2
"""Shorter literals stand in every text."""


@cache
def needed(pattern: str, flags: int = 0) -> tuple[str, ...]:
    """Literals of which every match holds at least one; empty where that cannot be told. Folded where case is ignored."""
    try:
        from re import _parser as parser  # type: ignore[attr-defined]  # typeshed does not know it
    except ImportError:
        return ()
    parsed = parser.parse(pattern, flags)
    ignores = bool(parsed.state.flags & re.IGNORECASE)
    result = _of_sequence(parsed) or ()
    return tuple(dict.fromkeys(item.casefold() if ignores else item for item in result))


def may_match(literals: Iterable[str], text: str) -> bool:
    """Whether a text can hold a match; True where nothing is known."""
    literals = tuple(literals)
    return not literals or any(literal in text for literal in literals)


def _of_sequence(items: Any) -> tuple[str, ...] | None:
    """The best of what the items of a sequence need: the set whose shortest literal is longest."""
    best: tuple[str, ...] | None = None
    run = ""
    for operator, argument in [*items, (None, None)]:
        kind = str(operator)
        if kind == "LITERAL":
            run += chr(argument)
            continue
        for result in ((run,) if run else None, _of_item(kind, argument), _grown(run, kind, argument)):
            if result and len(min(result, key=len)) >= LEAST and (best is None or _worth(result) > _worth(best)):
                best = result
        run = ""
    return best


def _grown(run: str, kind: str, argument: Any) -> tuple[str, ...] | None:
    """A literal with what each alternative behind it begins with: the parser keeps ``eval|exec`` as ``e(?:val|xec)``."""
    while kind == "SUBPATTERN" and len(argument[-1]) == 1:
        kind, argument = str(argument[-1][0][0]), argument[-1][0][1]
    if not run or kind != "BRANCH":
        return None
    return tuple(run + _beginning(branch) for branch in argument[1])


def _beginning(items: Any) -> str:
    run = ""
    for operator, argument in items:
        if str(operator) != "LITERAL":
            break
        run += chr(argument)
    return run


def _of_item(operator: str, argument: Any) -> tuple[str, ...] | None:
    if operator == "SUBPATTERN":
        return _of_sequence(argument[-1])
    if operator == "ATOMIC_GROUP":
        return _of_sequence(argument)
    if operator in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _of_sequence(argument[2]) if argument[0] else None
    if operator == "BRANCH":
        branches = [_of_sequence(branch) or () for branch in argument[1]]
        return tuple(item for branch in branches for item in branch) if all(branches) else None
    return None


def _worth(result: tuple[str, ...]) -> tuple[int, int]:
    return len(min(result, key=len)), -len(result)
