"""A text with what is not code made blank, byte for byte: comments, and in one of two forms the insides of strings."""

from __future__ import annotations

import re

from yunque.code.grammars import GRAMMARS, captures, parse

LONGEST_LINE = 2000
"""Characters of a line that are looked at: a pattern's time grows with the square of a line's length."""
_LONG = re.compile(rf"^([^\n]{{{LONGEST_LINE}}})([^\n]+)", re.MULTILINE)
_HASH = ("python", "ruby", "shell", "r", "perl")
_TEXT = r'"(?:\\.|[^"\\\n])*+"?|' + r"'(?:\\.|[^'\\\n])*+'(?!\w)|'(?:\\.|[^'\\\n])*+(?=\n|\Z)"
_BLOCKS = r"/\*[\s\S]*?(?:\*/|\Z)|\A(?:(?!/\*)[\s\S])*?\*/[ \t]*$"
"""Comments; also the rest of one that began before the text did."""
_DOCSTRINGS = ('"""', "'''")
_LIKE_CODE = re.compile(r"^[ \t]*(?:def|class|return|import|raise|@)\b|\w\(|\w = ?|[\w)\]]:$", re.MULTILINE)
_LEXERS = {
    "hash": re.compile(rf'(?P<text>"""[\s\S]*?(?:"""|\Z)|\'\'\'[\s\S]*?(?:\'\'\'|\Z)|{_TEXT})|(?P<comment>\#[^\n]*)'),
    "c": re.compile(rf"(?P<comment>{_BLOCKS}|//[^\n]*)|(?P<text>`(?:\\.|[^`\\])*+`?|{_TEXT})", re.MULTILINE),
    "rust": re.compile(
        rf"(?P<comment>{_BLOCKS}|//[^\n]*)|" + r"""(?P<text>"(?:\\.|[^"\\])*+"?|'(?:\\.|[^'\\\n])')""", re.MULTILINE
    ),
    "php": re.compile(rf"(?P<comment>{_BLOCKS}|//[^\n]*|\#(?!\[)[^\n]*)|(?P<text>{_TEXT})", re.MULTILINE),
}
_NODES = {
    "python": ("[(comment)] @comment", "[(string_content)] @text"),
    "javascript": ("[(comment)] @comment", "[(string_fragment) (regex_pattern)] @text"),
    "typescript": ("[(comment)] @comment", "[(string_fragment) (regex_pattern)] @text"),
    "tsx": ("[(comment)] @comment", "[(string_fragment) (regex_pattern)] @text"),
    "c": ("[(comment)] @comment", "[(string_content) (character)] @text"),
    "cpp": ("[(comment)] @comment", "[(string_content) (raw_string_content) (character)] @text"),
    "go": ("[(comment)] @comment", "[(interpreted_string_literal_content) (raw_string_literal_content)] @text"),
    "java": ("[(line_comment) (block_comment)] @comment", "[(string_fragment) (multiline_string_fragment)] @text"),
    "php": ("[(comment)] @comment", "[(string_content) (nowdoc_string)] @text"),
    "ruby": ("[(comment)] @comment", "[(string_content) (heredoc_content)] @text"),
    "rust": ("[(line_comment) (block_comment)] @comment", "[(string_content)] @text"),
    "shell": ("[(comment)] @comment", "[(string_content) (raw_string) (heredoc_content)] @text"),
    "solidity": ("[(comment)] @comment", "[(string)] @text"),
}
"""What a grammar calls comments and the insides of texts; the pieces of f-strings and templates are code."""


def code_and_bare(text: str, language: str) -> tuple[str, str]:
    """The text with blanks for its comments, and with blanks for the insides of its texts as well; line for line.

    By the language's grammar where the text parses, else (fragments, C#) by a lexer that recovers at the end of a line.
    """
    text = shortened(text)
    if language in GRAMMARS and (blanked := _by_grammar(text, language)):
        return blanked
    lead = next((quotes for quotes in _DOCSTRINGS if _begins_inside(text, quotes)), "") if language == "python" else ""
    code = _by_lexer(lead + text, language, "comment")
    return code[len(lead) :], _by_lexer(code, language, "text")[len(lead) :]


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
    comments, texts = (
        [(node.start_byte, node.end_byte) for nodes in captures(tree, language, pattern).values() for node in nodes]
        for pattern in _NODES[language]
    )
    code = _blank(data, comments)
    both = _blank(code, texts)
    return code.decode("utf-8"), both.decode("utf-8")


def _blank(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    blanked = bytearray(data)
    for start, end in spans:
        blanked[start:end] = re.sub(rb"[^\n]", b" ", data[start:end])
    return bytes(blanked)


def _begins_inside(text: str, quotes: str) -> bool:
    """Whether a fragment begins inside a docstring: where it would be code if it did not, it looks less like code."""
    if text.count(quotes) % 2 == 0:
        return False
    parts = text.split(quotes)
    outside, inside = (sum(len(_LIKE_CODE.findall(part)) for part in parts[position::2]) for position in (0, 1))
    return inside > outside


def _by_lexer(text: str, language: str, kind: str) -> str:
    """The text with blanks for its comments, or between the quotes of its texts."""
    lexer = _LEXERS["hash" if language in _HASH else language if language in _LEXERS else "c"]

    def blank(result: re.Match) -> str:
        if result.lastgroup != kind:
            return result[0]
        inside = result[0] if kind == "comment" else result[0][1:-1]
        kept = re.sub(r"[^\n]", " ", inside)
        return kept if kind == "comment" else f"{result[0][0]}{kept}{result[0][-1]}" if len(result[0]) > 1 else result[0]

    return lexer.sub(blank, text)
