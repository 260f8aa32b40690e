"""Comments, strings and code of a text told apart, by one regular expression a family of languages.

One pass (`scan`), which all checks of a text share; linear in its length whatever it holds.

Covered: line and block comments of Python and of the C, shell and SQL families.
Not covered: heredocs and nested block comments (what is inside may look like a comment).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

from yunque.code.languages import row_of

MAX_LINE = 500
"""Longer comment lines are neither code that somebody switched off nor a template's words."""

# Whatever is opened may also end with its line or with the text, so no search is tried twice over the same characters. Each
# way on begins with a character of its own: then the search skips from one such character to the next, twice as fast.
_DOUBLE = r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"?'
_SINGLE = r"'[^'\\\n]*(?:\\.[^'\\\n]*)*'?"
_CHAR = r"'(?:\\[^\n]{1,10}?|[^'\\\n]{1,4})'"
_BACKTICK = r"`[^`\\]*(?:\\.[^`\\]*)*`?"
_STARRED = r"\*[^*]*(?:\*(?!/)[^*]*)*(?:\*/)?"
_REGEX = r"(?<=[(,=:!&|?;{}+\n ]/)(?![*/ ])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.){0,100}\]){1,200}/"
_SLASHES = rf"/(?:/[^\n]*|{_STARRED})"
_FAMILIES = {
    "python": (
        r"#[^\n]*",
        r'"(?:""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:""")?|[^"\\\n]*(?:\\.[^"\\\n]*)*"?)',
        r"'(?:''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:''')?|[^'\\\n]*(?:\\.[^'\\\n]*)*'?)",
    ),
    "c": (_SLASHES, _DOUBLE, _CHAR),
    "go": (_SLASHES, _DOUBLE, r"`[^`]*`?", _CHAR),
    "script": (rf"/(?:/[^\n]*|{_STARRED}|{_REGEX})", _DOUBLE, _SINGLE, _BACKTICK),
    "php": (_SLASHES, r"#(?!\[)[^\n]*", _DOUBLE, _SINGLE),
    "shell": (r"#(?<![^\s;]#)[^\n]*", _DOUBLE, _SINGLE),
    "sql": (r"--[^\n]*", rf"/{_STARRED}", _DOUBLE, _SINGLE),
}
"""What is a comment or a string, by the ``lexer`` of ``languages.toml``."""
COMMENT_STARTS = ("#", "//", "/*", "--")
"""What matches and begins with none of these is a string, or a regular expression."""
_MARKS = re.compile(r"^[ \t]*(?:/\*+!?|\*+/|\*(?!/)|//+!?|#+!?:?|--+)[ \t]?|(?:(?<![ \t])[ \t]+|(?<!\*))\*+/[ \t]*$")


_WORDS_ONLY = bytes(index if index == 95 or index > 127 or chr(index).isalnum() else 32 for index in range(256))


@dataclass(frozen=True)
class Scan:
    """A text taken apart. Offsets count characters."""

    text: str
    comments: tuple[tuple[int, int], ...]
    num_strings: int
    string_chars: int
    code: str
    """The text without comments, with an empty string (and its line breaks) where a string stood: lines stay true."""
    known: bool
    """Whether the language has comments that we know; without, all is code."""

    @cached_property
    def words(self) -> list[bytes]:
        """Names, keywords and numbers of the code, in order, as UTF-8."""
        return self.code.encode("utf-8", "surrogatepass").translate(_WORDS_ONLY).split()

    @cached_property
    def vocabulary(self) -> frozenset[bytes]:
        """Each of the words once."""
        return frozenset(self.words)

    @cached_property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Comments, those joined that stand on lines of their own below one another in the same column."""
        joined: list[tuple[int, int]] = []
        shapes: list[tuple[int, str] | None] = []
        for start, end in self.comments:
            line = self.text.rfind("\n", 0, start) + 1 if start - (joined[-1][1] if joined else 0) < 10_000 else start
            mark = self.text[start : start + 2]
            alone = not self.text[line:start].strip() and mark != "/*"
            shape = (start - line, mark[0]) if alone else None
            if shape and joined and shapes[-1] == shape and self.text[joined[-1][1] : start].strip(" \t\r") == "\n":
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
                shapes.append(shape)
        return tuple(joined)


@lru_cache(maxsize=4)
def scan(text: str, language: str) -> Scan:
    """The comments, strings and code of a text; linear in its length whatever it holds."""
    expression = pattern(row_of(language).lexer)
    if expression is None:
        return Scan(text, (), 0, 0, text, known=False)
    comments, pieces, position, strings, string_chars = [], [], 0, 0, 0
    for match in expression.finditer(text):
        start, end = match.span()
        pieces.append(text[position:start])
        position = end
        if text.startswith(COMMENT_STARTS, start):
            comments.append((start, end))
        else:
            pieces.append('""' + "\n" * text.count("\n", start, end))
            strings += 1
            string_chars += end - start
    pieces.append(text[position:])
    return Scan(text, tuple(comments), strings, string_chars, "".join(pieces), known=True)


def pattern(lexer: str) -> re.Pattern[str] | None:
    """What matches the comments and strings of a family of languages, each whole; None without a ``lexer``."""
    return _compiled(lexer) if lexer else None


@cache
def _compiled(lexer: str) -> re.Pattern[str]:
    return re.compile("|".join(_FAMILIES[lexer]), re.DOTALL)


def indent_of(text: str) -> str:
    """The blanks that a text begins with."""
    return text[: len(text) - len(text.lstrip(" \t"))]


def lines_of_comment(text: str, start: int, end: int) -> list[tuple[int, int, str]]:
    """Start, end and words (without comment marks) of each line of a comment."""
    result, position = [], start
    for line in text[start:end].split("\n"):
        bare = line.rstrip("\r")
        words = _MARKS.sub("", _MARKS.sub("", bare, count=1)) if len(bare) <= MAX_LINE else ""
        result.append((position, position + len(bare), words))
        position += len(line) + 1
    return result
