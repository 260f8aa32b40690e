"""Texts as sets of hashed windows of k code tokens: what near duplicates are compared by, and the hot loop of finding them.

    text -> bytes -> comments dropped, strings set aside (one regular expression) -> tokens -> 64-bit hashes -> windows

A token is a name or number, one character of punctuation, or a whole string. Comments (licence headers with them), white
space and the kind of quotes say nothing, so that a reformatted copy is the same; case and numbers count. All but the
regular expression is numpy over a batch of texts at once, some nanoseconds a token, with no Python object for each.

Covered: every language; comments and strings where `code.lexing` knows them; the same hashes in every process and on
every platform.
Not covered: what that module does not cover (heredocs, nested block comments); strings put together over several lines;
indentation (two Python texts that differ in nothing else are one).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress, pairwise, repeat
from operator import not_

import numpy as np
import xxhash

from yunque.code.languages import row_of
from yunque.code.lexing import COMMENT_STARTS, pattern

WINDOW = 5
"""Tokens of a window."""

_COMMENTS = tuple(start.encode() for start in COMMENT_STARTS)
_QUOTES = b"\"'`"

_SPACE, _WORD, _MARK, _TEXT = 0, 1, 2, 3
_KINDS = bytes(
    _WORD if index == 95 or index > 127 or chr(index).isalnum() else _SPACE if index <= 32 or index == 127 else _MARK
    for index in range(256)
)
_STRING = 1
"""The control character that stands for a string among the tokens; it is white space in a text."""
_KINDS = _KINDS[:_STRING] + bytes([_TEXT]) + _KINDS[_STRING + 1 :]
_BYTES_OF = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)
_LONG = 64
"""Names longer than this are hashed one by one."""
_ODD = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53], dtype=np.uint64
)
"""Odd constants of well-known mixers; multiplication by one loses nothing."""
_HALF = np.uint64(32)


@dataclass(frozen=True, kw_only=True)
class Shingles:
    """The tokens and windows of some texts, one after the other."""

    tokens: np.ndarray
    """64-bit hashes of all tokens, in order."""
    token_bounds: np.ndarray
    """Text i has the tokens from ``token_bounds[i]`` to ``token_bounds[i + 1]``."""
    windows: np.ndarray
    """64-bit hashes of all windows, in order, each as often as it occurs."""
    window_bounds: np.ndarray
    """As ``token_bounds``; a text of fewer tokens than a window has none."""

    def __len__(self) -> int:
        return len(self.token_bounds) - 1

    def sets(self) -> list[np.ndarray]:
        """The set of windows of each text: the upper halves of their hashes, sorted, each once (uint32)."""
        halves = (self.windows >> _HALF).astype(np.uint32)
        bounds = self.window_bounds.tolist()
        return [distinct(halves[start:end]) for start, end in pairwise(bounds)]

    def code_digest(self, text: int) -> bytes:
        """128 bits of the sequence of its tokens: equal for texts that differ in comments and white space alone."""
        tokens = self.tokens[self.token_bounds[text] : self.token_bounds[text + 1]]
        return xxhash.xxh3_128_digest(tokens.astype("<u8", copy=False).data)


def shingle(texts: Sequence[str], languages: Sequence[str], window: int = WINDOW) -> Shingles:
    """The windows of ``window`` tokens of each text. Memory: some 20 bytes for each of the texts."""
    pieces: list[bytes] = []
    strings: list[int] = []
    ends: list[int] = []
    size = 0
    for text, language in zip(texts, languages, strict=True):
        code = _code(text, language, strings)
        pieces.append(code)
        size += len(code) + 1
        ends.append(size)
    tokens, starts = token_hashes(b"\n".join(pieces), strings)
    token_bounds = np.concatenate(([0], np.searchsorted(starts, np.array(ends, dtype=np.int64))))
    windows = window_hashes(tokens, window)
    inside = np.ones(len(windows), dtype=bool)
    for back in range(1, window):  # windows that would reach into the next text
        crossing = token_bounds[1:] - back
        inside[crossing[(crossing >= token_bounds[:-1]) & (crossing < len(windows))]] = False
    counts = np.maximum(np.diff(token_bounds) - window + 1, 0)
    return Shingles(
        tokens=tokens,
        token_bounds=token_bounds,
        windows=windows[inside],
        window_bounds=np.concatenate(([0], np.cumsum(counts))),
    )


def distinct(numbers: np.ndarray) -> np.ndarray:
    """The numbers sorted, each once."""
    ordered = np.sort(numbers)
    if len(ordered) < 2:
        return ordered
    fresh = np.empty(len(ordered), dtype=bool)
    fresh[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    return ordered[fresh]


def jaccard(item: np.ndarray, other: np.ndarray) -> float:
    """Members in common, as a share of all members of both; 1 of two empty sets. The sets as `distinct` gives them."""
    if not len(item) and not len(other):
        return 1.0
    both = np.concatenate((item, other))
    both.sort()
    shared = int(np.count_nonzero(both[1:] == both[:-1]))
    return shared / (len(both) - shared)


@cache
def _splitter(lexer: str) -> re.Pattern[bytes] | None:
    """The expression of `code.lexing` for bytes, as a group: splitting at it keeps what it matches."""
    expression = pattern(lexer)
    return re.compile(b"(" + expression.pattern.encode() + b")", re.DOTALL) if expression else None


def _code(text: str, language: str, strings: list[int]) -> bytes:
    """The text without comments, a mark where a string stood; the hashes of those strings are added to ``strings``."""
    data = text.encode("utf-8", "surrogatepass")
    if b"\x01" in data:
        data = data.replace(b"\x01", b" ")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    splitter = _splitter(row_of(language).lexer)
    if splitter is None:
        return data
    pieces = splitter.split(data)
    result = pieces[1::2]
    is_comment = list(map(bytes.startswith, result, repeat(_COMMENTS)))  # maps, since a loop here costs a tenth of all time
    texts = compress(result, map(not_, is_comment))
    strings.extend(map(xxhash.xxh3_64_intdigest, map(bytes.strip, texts, repeat(_QUOTES))))
    pieces[1::2] = map((b"\x01", b" ").__getitem__, is_comment)
    return b"".join(pieces)


def token_hashes(code: bytes, strings: Sequence[int] = ()) -> tuple[np.ndarray, np.ndarray]:
    """The hash of every token of code without comments, and the byte where it starts; ``strings``: of those set aside."""
    data = code + b" " * 8  # a token's bytes are read eight at a time
    kinds = np.frombuffer(data.translate(_KINDS), dtype=np.uint8)
    word = kinds == _WORD
    begins, goes_on = word.copy(), word[1:] & word[:-1]
    begins[1:] &= ~word[:-1]
    ends = word.copy()
    ends[:-1] &= ~goes_on
    starts = np.flatnonzero(begins | (kinds >= _MARK))
    own = kinds[starts]
    named = np.flatnonzero(own == _WORD)
    sizes = np.ones(len(starts), dtype=np.int64)
    sizes[named] = np.flatnonzero(ends) + 1 - starts[named]
    every_eight = np.ndarray(max(len(data) - 7, 0), dtype="<u8", buffer=data, strides=(1,))
    hashes = mix(every_eight[starts] & _BYTES_OF[np.minimum(sizes, 8)], sizes.astype(np.uint64) * _ODD[1])
    longer = named[sizes[named] > 8]
    huge = longer[sizes[longer] > _LONG]
    longer = longer[sizes[longer] <= _LONG]
    for offset in range(8, _LONG, 8):
        if not len(longer):
            break
        left = sizes[longer] - offset
        more = every_eight[starts[longer] + np.minimum(offset, sizes[longer] - 1)] & _BYTES_OF[np.minimum(left, 8)]
        hashes[longer] = mix(more, hashes[longer])
        longer = longer[left > 8]
    for token in huge.tolist():
        hashes[token] = xxhash.xxh3_64_intdigest(data[starts[token] : starts[token] + sizes[token]])
    if strings:
        hashes[own == _TEXT] = np.array(strings, dtype=np.uint64)
    return hashes, starts


def window_hashes(tokens: np.ndarray, window: int) -> np.ndarray:
    """A hash of every ``window`` tokens in a row, by their order."""
    count = max(len(tokens) - window + 1, 0)
    total = tokens[:count].copy()
    for offset in range(1, window):  # a polynomial: each place in the window weighs differently
        total *= _ODD[4]
        total += tokens[offset : offset + count]
    total ^= total >> _HALF
    total *= _ODD[3]
    total ^= total >> np.uint64(29)
    return total


def mix(words: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """64 bits of two times 64 bits; for one seed no two words give the same. Overwrites ``words``."""
    words ^= seed
    words *= _ODD[0]
    words ^= words >> _HALF
    words *= _ODD[2]
    words ^= words >> np.uint64(29)
    return words
