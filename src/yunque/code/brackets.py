"""Brackets of code: which close what was opened elsewhere, and which are still open. Comments and strings do not count."""

from __future__ import annotations

from yunque.code.lexing import scan

CLOSERS = {"(": ")", "[": "]", "{": "}"}
_OPENERS = {closer: opener for opener, closer in CLOSERS.items()}


def unmatched(text: str, language: str) -> tuple[str, str]:
    """(Closing brackets that close nothing in the text, in order; what would close those still open, the innermost first.)

    A closing bracket of another kind than the innermost open one closes nothing, and leaves that one open.
    """
    closing, still_open = [], []
    for char in scan(text, language).code:
        if char in CLOSERS:
            still_open.append(char)
        elif opener := _OPENERS.get(char):
            if still_open and still_open[-1] == opener:
                still_open.pop()
            else:
                closing.append(char)
    return "".join(closing), "".join(CLOSERS[opener] for opener in reversed(still_open))


def closes_other(text: str, language: str) -> bool:
    """Whether a bracket closes another kind than the innermost one that is open."""
    still_open: list[str] = []
    for char in scan(text, language).code:
        if char in CLOSERS:
            still_open.append(char)
        elif (opener := _OPENERS.get(char)) and still_open and still_open.pop() != opener:
            return True
    return False
