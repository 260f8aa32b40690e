"""Texts whose shape says that they are hardly code: long lines, few letters, encoded data, only comments, lines twice.

Each check measures one thing, writes it down in ``values`` under the check's name, and FAILs beyond a threshold that is a
constructor argument. Texts under ``min_chars`` PASS with their values: in a few lines a share means nothing. An empty text
has no shares at all, so it is SKIP and never a number.

Covered: any language; comments where `code.lexing` knows them.
Not covered: what the text means. Every threshold drops good files somewhere: tag first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from yunque.checks.canaries import canary
from yunque.checks.findings import decide, skip, timed
from yunque.code.lexing import scan
from yunque.core.nouns import Canary, Finding, Record, Verdict

MIN_CHARS = 200
_PLAIN = "def area(width, height):\n    # of a rectangle\n    return width * height\n\n\n"
_CLEAN = "".join(_PLAIN.replace("area", f"area_{n}").replace("height", f"height_{n}") for n in range(9))
_ENCODED = re.compile(r"(?:0x)?[0-9a-fA-F]{32,}|[A-Za-z0-9+/]{64,}={0,2}|(?:(?:\\x|0x|\\u00)[0-9a-fA-F]{2},?){8,}")
_BYTE = re.compile(r"0x[0-9a-fA-F]{2}(?=,? )")
_BLOB_STARTS = ("\\x", "0x", "\\u00")


@lru_cache(maxsize=4)
def lines_of(text: str) -> tuple[str, ...]:
    """The lines of a text without the white space around them, blank ones left out."""
    return tuple([line for line in map(str.strip, text.split("\n")) if line])


@lru_cache(maxsize=4)
def _characters(text: str) -> tuple[int, int, int]:
    """How many letters of any alphabet, digits and white-space characters there are."""
    if text.isascii():
        data = text.encode()
        letters = len(data) - len(data.translate(None, b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        digits = len(data) - len(data.translate(None, b"0123456789"))
        return letters, digits, len(data) - len(data.translate(None, b" \t\r\n\f\v"))
    counts = Counter(text)
    kinds = (str.isalpha, str.isdigit, str.isspace)
    letters, digits, spaces = (sum(n for name, n in counts.items() if is_one(name)) for is_one in kinds)
    return letters, digits, spaces


class _Shape:
    """One number of a text against one threshold."""

    name = ""
    low = False
    """FAIL below the threshold, not above it."""
    says = ""

    def __init__(self, threshold: float, min_chars: int = MIN_CHARS) -> None:
        self.threshold, self.min_chars = threshold, min_chars

    @timed
    def judge(self, record: Record) -> Verdict:
        """A verdict with the value; SKIP for a text without a character that is not white space."""
        if not record.text or record.text.isspace():
            return skip(self.name, "the text is empty")
        value = self.measure(record)
        wrong = value < self.threshold if self.low else value > self.threshold
        fails = wrong and len(record.text) >= self.min_chars
        message = f"{self.says} {value:.3g}, {'under' if self.low else 'over'} {self.threshold:g}"
        findings = [Finding(rule=self.name, message=message, severity="warning")] if fails else []
        return decide(self.name, findings, values={self.name: value})

    def measure(self, record: Record) -> float:
        """The number; the text is not blank."""
        raise NotImplementedError


class LongLines(_Shape):
    """FAIL when the longest line has more than ``threshold`` characters."""

    name, says = "long-lines", "the longest line has"

    def __init__(self, threshold: float = 1000, min_chars: int = 0) -> None:
        super().__init__(threshold, min_chars)

    def measure(self, record: Record) -> float:
        """Characters of the longest line, indentation left out."""
        return float(max(map(len, lines_of(record.text))))

    def canaries(self) -> Sequence[Canary]:
        """A line too long, and lines that are not."""
        return [canary("x = '" + "a b " * 400 + "'\n", "python", self.name), canary(_CLEAN, "python")]


class AlphabeticFraction(_Shape):
    """FAIL when fewer than ``threshold`` of all characters are letters (of any alphabet)."""

    name, says, low = "alphabetic-fraction", "the share of letters is", True

    def __init__(self, threshold: float = 0.25, min_chars: int = MIN_CHARS) -> None:
        super().__init__(threshold, min_chars)

    def measure(self, record: Record) -> float:
        """Letters by all characters, white space included."""
        return _characters(record.text)[0] / len(record.text)

    def canaries(self) -> Sequence[Canary]:
        """A table of numbers, and code."""
        return [canary("x = [" + "1, 22, 3.5, " * 60 + "]\n", "python", self.name), canary(_CLEAN, "python")]


class WordCharacters(_Shape):
    """FAIL when fewer than ``threshold`` of the characters that are not white space are letters or digits."""

    name, says, low = "word-characters", "the share of letters and digits in what is not white space is", True

    def __init__(self, threshold: float = 0.4, min_chars: int = MIN_CHARS) -> None:
        super().__init__(threshold, min_chars)

    def measure(self, record: Record) -> float:
        """Letters and digits by characters that are not white space."""
        letters, digits, space = _characters(record.text)
        return (letters + digits) / max(1, len(record.text) - space)

    def canaries(self) -> Sequence[Canary]:
        """Line noise, and code."""
        return [canary("+-[]<>.,(){};:!?*" * 40 + "ab\n", "unknown", self.name), canary(_CLEAN, "python")]


class EncodedData(_Shape):
    """FAIL when more than ``threshold`` of the characters stand in long runs of hexadecimal digits, escapes or base64.

    A base64 run needs letters of both cases and a digit: a long word or a ruler is none.
    """

    name, says = "encoded-data", "the share of hexadecimal or base64 runs is"

    def __init__(self, threshold: float = 0.3, min_chars: int = MIN_CHARS) -> None:
        super().__init__(threshold, min_chars)

    def measure(self, record: Record) -> float:
        """Characters in such runs by all characters. Only long words are looked into, and bytes written one by one."""
        text, total = record.text, 0
        for word in text.split():
            if len(word) > 31:
                for match in _ENCODED.finditer(word):
                    run = match[0]
                    mixed = run.lower() != run or not run.strip("0123456789abcdef")
                    if run.startswith(_BLOB_STARTS) or (mixed and not run.isalpha()):
                        total += len(run)
        if text.count("0x") > 15:
            total += 4 * len(_BYTE.findall(text))
        return min(1.0, total / len(text))

    def canaries(self) -> Sequence[Canary]:
        """Base64, escapes, and code."""
        return [
            canary("x = '" + "QmFzZTY0IGlz" * 60 + "'\n", "python", self.name),
            canary('x = "' + "\\x1f\\x8b" * 60 + '"\n', "python", self.name),
            canary("int x[] = {" + "0x1f, 0x8b, " * 60 + "};\n", "c", self.name),
            canary(_CLEAN, "python"),
        ]


class CommentShare(_Shape):
    """FAIL when more than ``threshold`` of what is not white space stands in comments; a text without any code has 1."""

    name, says = "comment-share", "the share of comments is"

    def __init__(self, threshold: float = 0.8, min_chars: int = MIN_CHARS) -> None:
        super().__init__(threshold, min_chars)

    def judge(self, record: Record) -> Verdict:
        """As of every shape; SKIP for a language whose comments are not known."""
        if not scan(record.text, record.language).known:
            return skip(self.name, f"the comments of '{record.language}' are not known")
        return super().judge(record)

    def measure(self, record: Record) -> float:
        """Characters in comments by characters in comments, code and strings, white space between them left out."""
        result = scan(record.text, record.language)
        comments = sum(end - start for start, end in result.comments)
        code = result.string_chars - 2 * result.num_strings + sum(map(len, result.code.split()))
        return comments / max(1, comments + code)

    def canaries(self) -> Sequence[Canary]:
        """Nothing but comments, and code with some."""
        return [canary("# a word or two\n" * 40, "python", self.name), canary(_CLEAN, "python")]


class DuplicateLines(_Shape):
    """FAIL when more than ``threshold`` of the lines stood there before; lines without two words or so do not count."""

    name, says = "duplicate-lines", "the share of lines that repeat another is"

    def __init__(self, threshold: float = 0.5, min_chars: int = MIN_CHARS) -> None:
        super().__init__(threshold, min_chars)

    def measure(self, record: Record) -> float:
        """Repeated lines by lines of ten characters or more."""
        lines = [line for line in lines_of(record.text) if len(line) > 9]
        return 1 - len(set(lines)) / len(lines) if lines else 0.0

    def canaries(self) -> Sequence[Canary]:
        """The same again and again, and code."""
        return [canary("call(this, with_that)\n" * 40, "python", self.name), canary(_CLEAN, "python")]
