"""Token healing: a prompt that ends inside a word is read up to where that word begins, and the answer must begin with it.

A tokenizer writes ``x = os.path`` with a token for ``path``, so ``x = os.pa`` ends in a token that no training text has
there before ``th``. What is taken away reaches back to where the tokenizer splits texts, so that what it joins to a word (a
blank, a dot) goes with it; the blanks before that stand at the answer's side, as they do of prompts that end in blanks.

Covered: byte-level BPE.
Not covered: SentencePiece, whose prompts stay as they are.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

MOST_CHARS = 24
"""Of a word that are taken away, in whole pieces of the tokenizer's splitter."""
TAIL_CHARS = 96
"""Of a prompt that are looked at."""


class Spelling:
    """The bytes that every token writes; special tokens write none."""

    def __init__(self, tokenizer: Any) -> None:
        byte_of = _byte_of()
        added = tokenizer.get_added_vocab()
        self.bytes_of = {
            token: bytes(byte_of[char] for char in text)
            for text, token in tokenizer.get_vocab().items()
            if text and text not in added and all(char in byte_of for char in text)
        }
        self.token_of = {spelt: token for token, spelt in self.bytes_of.items()}
        self.sorted = sorted((spelt, token) for token, spelt in self.bytes_of.items())

    def can_write(self, text: str) -> bool:
        """Whether a text can be written byte by byte, so that no beginning of it is a dead end."""
        return all(bytes([byte]) in self.token_of for byte in text.encode())

    def left(self, lead: str, generated: Sequence[int]) -> bytes:
        """What is still to be written of a lead, if all that was generated went along it."""
        whole = lead.encode()
        return whole[sum(len(self.bytes_of.get(token, b"")) for token in generated[: len(whole)]) :]

    def fitting(self, left: bytes) -> list[int]:
        """The tokens that write a beginning of it, or begin with all of it."""
        shorter = [self.token_of[left[:size]] for size in range(1, len(left)) if left[:size] in self.token_of]
        first = bisect_left(self.sorted, (left,))
        last = bisect_left(self.sorted, True, lo=first, key=lambda entry: not entry[0].startswith(left))
        return shorter + [token for _, token in self.sorted[first:last]]


def spelling_of(tokenizer: Any) -> Spelling | None:
    """The spelling of a tokenizer, made once; None where its tokens are no bytes."""
    if "yunque_spelling" not in vars(tokenizer):
        inside = getattr(tokenizer, "backend_tokenizer", None)
        is_bytes = inside is not None and "ByteLevel" in str(inside.decoder) and inside.pre_tokenizer is not None
        tokenizer.yunque_spelling = Spelling(tokenizer) if is_bytes else None
    return tokenizer.yunque_spelling


def word_start(tokenizer: Any, prompt: str) -> int:
    """Where the word begins in which a prompt ends, with what the tokenizer joins to it; its length where there is none."""
    tail = prompt[-TAIL_CHARS:]
    word, spelling = re.search(r"(?<!\w)\w++\Z", tail), spelling_of(tokenizer)
    if word is None or spelling is None:
        return len(prompt)
    starts = [start for _, (start, _end) in tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(tail)]
    joined = max((start for start in starts if start <= word.start()), default=0)
    first = min((start for start in starts if start >= max(joined, len(tail) - MOST_CHARS)), default=len(tail))
    return len(prompt) - len(tail) + first if spelling.can_write(tail[first:]) else len(prompt)


def _byte_of() -> dict[str, int]:
    """Which byte each character of a byte-level vocabulary stands for: those that show are themselves."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + place): byte for place, byte in enumerate(hidden)}
