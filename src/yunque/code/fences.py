"""Code in prose: the fenced blocks of Markdown, as chat models write them."""

from __future__ import annotations

import re

FENCE = re.compile(r"^[ \t]*```([^\n`]*)\n(.*?)(?:^[ \t]*```|\Z)", re.MULTILINE | re.DOTALL)
"""A block: (what its first line says, its text). One that nobody closed ends with the text."""


def fenced(text: str) -> list[str]:
    """The texts of the fenced blocks, in order."""
    return [block for _, block in FENCE.findall(text)]
