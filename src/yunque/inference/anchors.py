"""Where a prompt begins, chosen so that it begins at the same place while one types.

What was read of a prompt is not read again as long as the new one begins alike. An editor that sends the last thousand
characters before the cursor begins a little later at every key, and so does a prompt that is cut to what a model reads: all
of it would be read anew each time. So a window that slides begins where the one before it began, for as long as that is in
its first third; after that at the last line that begins in its first quarter, from where it can slide the farthest.

A prompt is known for a window when what was read of an earlier one begins inside of it, or when it begins as no file does.
"""

from __future__ import annotations

import re
from collections import deque

REMEMBERED = 64
"""Prompts of late that a new one is compared with."""
HEAD_CHARS = 80
"""Of a prompt, by which it is found in a later one."""
LEAST_WINDOW = 400
"""Characters of a prompt that is taken for a window by its look: one that begins as no file does."""
_BEGINNING = re.compile(
    r"""(?:[ \t]*\n)*(?:\#|//|/\*|<[!?a-zA-Z]|--|["']{3}|["']use[ ]strict|@|(?:import|from|package|use|using|module|namespace
    |require|include)\b|(?:export[ ]|pub[ ]|public[ ]|async[ ]|abstract[ ]|final[ ]|static[ ])*
    (?:def|class|function|fn|func|interface|enum|struct|type|const|let|var)\b)""",
    re.VERBOSE,
)


class Anchors:
    """Remembers how prompts began; used by several threads."""

    def __init__(self, most_chars: int) -> None:
        """``most_chars``: a longer prompt is a window in any case."""
        self.most_chars = most_chars
        self._heads: deque[str] = deque(maxlen=REMEMBERED)
        """What was read began with these, the newest first."""

    def begin(self, prompt: str) -> str:
        """The prompt from where it should be read: all of it, unless it is a window that slides."""
        window = prompt[-self.most_chars :]
        begun = self._as_before(window)
        if begun is None:
            is_window = len(window) < len(prompt) or (len(prompt) >= LEAST_WINDOW and not _BEGINNING.match(prompt))
            begun = anchored(window) if is_window else window
        if len(begun) >= HEAD_CHARS:
            self._heads.appendleft(begun[:HEAD_CHARS])
        return begun

    def _as_before(self, window: str) -> str | None:
        """The window from where one of late began; None where none did in its first third."""
        for head in dict.fromkeys(list(self._heads)):
            if (place := window.find(head, 0, len(window) // 3 + HEAD_CHARS)) >= 0:
                return window[place:]
        return None


def anchored(window: str) -> str:
    """A window from the last line that begins in its first quarter; all of it where none does."""
    return window[window.rfind("\n", 0, len(window) // 4) + 1 :]
