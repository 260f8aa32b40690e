"""Where a prompt begins, chosen so that it begins at the same place while one types.

What was read of a prompt is not read again as long as the new one begins alike. An editor that sends the last thousand
characters before the cursor begins a little later at every key, and so does a prompt that is cut to what a model reads: all
of it would be read anew each time. So a window that slides begins at an anchor: of the lines in its first quarter the one
with the smallest hash, which stays the smallest until it has left the window.

Content-defined anchors as in chunking: Muthitacharoen, Chen, Mazières: "A low-bandwidth network file system", SOSP 2001.
"""

from __future__ import annotations

import hashlib
from collections import deque

REMEMBERED = 16
"""Prompts of late that a new one is compared with."""
HEAD_CHARS = 80
"""Of a prompt, by which it is found in an earlier one."""


class Anchors:
    """Remembers how prompts began; used by several threads."""

    def __init__(self, most_chars: int) -> None:
        """``most_chars``: a longer prompt is a window in any case."""
        self.most_chars = most_chars
        self._recent: deque[str] = deque(maxlen=REMEMBERED)

    def begin(self, prompt: str) -> str:
        """The prompt from where it should be read: all of it, unless it is a window that slides."""
        window = prompt[-self.most_chars :]
        head = prompt[:HEAD_CHARS]
        slides = len(window) < len(prompt) or any(recent.find(head) > 0 for recent in list(self._recent))
        self._recent.append(prompt)
        return anchored(window) if slides and len(head) == HEAD_CHARS else window


def anchored(window: str) -> str:
    """A window from the anchor among the lines that begin in its first quarter; all of it where none does."""
    starts = [place + 1 for place, char in enumerate(window[: len(window) // 4]) if char == "\n"]
    return window[min(starts, key=lambda start: _rank(window, start), default=0) :]


def _rank(window: str, start: int) -> bytes:
    line = window[start : window.find("\n", start) + 1 or None]
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).digest()
