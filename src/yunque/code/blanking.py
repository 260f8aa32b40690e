"""A text with what is not code made blank, byte for byte: comments, and in one of two forms the insides of strings."""

from __future__ import annotations

import re

from yunque.code.grammars import captures, parse
from yunque.code.languages import PARSED, row_of
from yunque.code.lexing import COMMENT_STARTS, pattern

LONGEST_LINE = 2000
"""Characters of a line that are looked at: a pattern's time grows with the square of a line's length."""
_LONG = re.compile(rf"^([^\n]{{{LONGEST_LINE}}})([^\n]+)", re.MULTILINE)
_BLANK, _BLANK_BYTES = re.compile(r"[^\n]"), re.compile(rb"[^\n]")
_DOCSTRINGS = ('"""', "'''")
_LIKE_CODE = re.compile(r"^[ \t]*(?:def|class|return|import|raise|@)\b|\w\(|\w = ?|[\w)\]]:$", re.MULTILINE)
_ENDS_COMMENT = re.compile(r"(?:(?!/\*)[\s\S])*?\*/[ \t]*$", re.MULTILINE)
"""The rest of a comment that began before the text did."""


def code_and_bare(text: str, language: str) -> tuple[str, str]:
    """The text with blanks for its comments, and with blanks for the insides of its texts as well; line for line.

    By the language's grammar where the text parses, else (fragments, C#) by a lexer that recovers at the end of a line.
    """
    text = shortened(text)
    if language in PARSED and (blanked := _by_grammar(text, language)):
        return blanked
    lead = _opened_before(text, language)
    code, bare = _by_lexer(lead + text, language)
    return code[len(lead) :], bare[len(lead) :]


def cut(text: str) -> str:
    """The text without what stands behind LONGEST_LINE characters of a line."""
    return _LONG.sub(r"\1", text)


def shortened(text: str) -> str:
    """The text with blanks at the end of lines that are too long to look at."""
    return _LONG.sub(lambda result: result[1] + " " * len(result[2]), text)


def _by_grammar(text: str, language: str) -> tuple[str, str] | None:
    """None when the text does not parse, or its characters cannot be counted in bytes."""
    try:
        data = text.encode("utf-8")
        tree = parse(data, language)
    except (UnicodeEncodeError, ImportError):
        return None
    if tree.root_node.has_error:
        return None
    row = PARSED[language]
    nodes = captures(tree, language, f"[{_nodes(row.comments)}] @comment [{_nodes(row.string_contents)}] @string")
    comments, strings = ([node.byte_range for node in nodes.get(name, ())] for name in ("comment", "string"))
    code = _blank(data, comments)
    both = _blank(code, strings)
    return code.decode("utf-8"), both.decode("utf-8")


def _nodes(kinds: tuple[str, ...]) -> str:
    return " ".join(f"({kind})" for kind in kinds)


def _blank(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    blanked = bytearray(data)
    for start, end in spans:
        blanked[start:end] = _BLANK_BYTES.sub(b" ", data[start:end])
    return bytes(blanked)


def _opened_before(text: str, language: str) -> str:
    """What opened the docstring or the comment that a fragment begins inside of; empty where it begins with code."""
    if language == "python":
        return next((quotes for quotes in _DOCSTRINGS if _begins_inside(text, quotes)), "")
    return "/*" if row_of(language).line_comment != "#" and _ENDS_COMMENT.match(text) else ""


def _begins_inside(text: str, quotes: str) -> bool:
    """Whether a fragment begins inside a docstring: where it would be code if it did not, it looks less like code."""
    if text.count(quotes) % 2 == 0:
        return False
    parts = text.split(quotes)
    outside, inside = (sum(len(_LIKE_CODE.findall(part)) for part in parts[position::2]) for position in (0, 1))
    return inside > outside


def _by_lexer(text: str, language: str) -> tuple[str, str]:
    """The text with blanks for its comments, and with blanks between the quotes of its strings as well."""
    code: list[str] = []
    bare: list[str] = []
    position = 0
    expression = pattern(row_of(language).lexer or "c")
    assert expression is not None  # of a family
    for match in expression.finditer(text):
        matched, between = match[0], text[position : match.start()]
        blanks = _BLANK.sub(" ", matched)
        is_comment = matched.startswith(COMMENT_STARTS)
        code += (between, blanks if is_comment else matched)
        bare += (between, blanks if is_comment or len(matched) < 2 else f"{matched[0]}{blanks[1:-1]}{matched[-1]}")
        position = match.end()
    return "".join([*code, text[position:]]), "".join([*bare, text[position:]])
