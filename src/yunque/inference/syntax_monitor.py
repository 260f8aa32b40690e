"""A monitor of what a model writes: whether it can still become valid code, token by token.

Since a text that cannot is noticed at the token that makes it so, going back to the last point from which it still could is
going back one token: the likeliest token that keeps the text possible takes its place.

Covered: prompts that end in the middle of code, windows of files included.
Not covered: what stands behind the cursor; chats; names with letters that the model writes in several tokens (half of one is
no code, but in strings and comments).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yunque.code.lexing import indent_of
from yunque.code.unfinished import WATCHED, can_become_valid
from yunque.core.nouns import PromptStyle, Request

MOST_CHARS = 8_000
"""Of the prompt that are looked at."""
MOST_TRIED = 500
"""Likeliest tokens that are tried where one does not fit; then the model may write what it likes."""

_HEAD = re.compile(r"[ \t]*(?:async|def|class|if|for|while|with|try|match)\b")
"""A line that a block begins with."""


@dataclass(frozen=True)
class SyntaxMonitor:
    """Says of every beginning of an answer whether it can become valid code at its place."""

    before: str
    language: str

    @classmethod
    def of(cls, request: Request) -> SyntaxMonitor | None:
        """The monitor of a request; None where there can be none, or where its prompt itself cannot become valid."""
        if request.syntax not in WATCHED or request.style is PromptStyle.CHAT:
            return None
        window, language = request.prompt[-MOST_CHARS:], request.syntax
        if language != "python":
            return cls(window, language) if can_become_valid(window, language) else None
        return next((cls(part, language) for part in _parts(window) if _is_code(part)), None)

    def allows(self, text: str) -> bool:
        """Whether the prompt and this much of an answer can become valid code."""
        return can_become_valid(self.before + text, self.language)


def _is_code(text: str) -> bool:
    """Whether Python can go on from a text, and not with anything at all, as it can inside of a docstring."""
    return can_become_valid(text, "python") and not can_become_valid(f"{text}\nno code", "python")


def _parts(window: str) -> Iterator[str]:
    """What of a window of Python that begins anywhere is looked at: all, what follows its first line, which may be cut, and
    each block around its end, the outermost first; below heads for the blocks that they stand in.
    """
    yield window
    lines = window.splitlines(keepends=True)
    least, starts = sys.maxsize, list[int]()
    for number in range(len(lines) - 1, 0, -1):
        indent = len(indent_of(lines[number]))
        if lines[number].strip() and indent < least:
            least = indent
            starts += [number] * bool(_HEAD.match(lines[number]))
    for number in dict.fromkeys((0, 1, *reversed(starts))):
        if number < len(lines):
            yield _below_heads(lines[number:])


def _below_heads(lines: Sequence[str]) -> str:
    """Lines of Python below a head for each block that they may stand in."""
    margin = indent_of(next(line for line in lines if line.strip() or line is lines[-1]))
    levels = {len(indent_of(line)) for line in lines if line.strip()}
    step = 1 if margin.startswith("\t") else next(size for size in (4, 2, 1) if len(margin) % size == 0)
    heads = sorted({*levels, *range(0, len(margin), step)})
    return "".join(f"{margin[:level]}if 1:\n" for level in heads if level < len(margin)) + "".join(lines)
