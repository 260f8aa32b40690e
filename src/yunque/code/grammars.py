"""The tree-sitter grammars of ``languages.toml``, and the two things all rooms ask of one: a tree, and its errors.

Single grammar wheels carry their grammar inside. ``tree-sitter-language-pack`` is never used: it downloads at first use.
"""

from __future__ import annotations

import importlib
import io
import tokenize
import warnings
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from yunque.code.languages import PARSED

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query, Range, Tree


@cache
def grammar(language: str, *, fragment: bool = False) -> Language:
    """The grammar of a language. KeyError for a name that is not in ``PARSED``; ImportError when its wheel is missing."""
    from tree_sitter import Language

    row = PARSED[language]
    module, _, function = (row.fragment_grammar if fragment else row.grammar).partition(":")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # some wheels still give a number, not a capsule
        return Language(getattr(importlib.import_module(module), function)())


@lru_cache(maxsize=2)
def parse(data: bytes, language: str) -> Tree:
    """The syntax tree of UTF-8 bytes; always a tree, with error nodes where the text is not in the language.

    The last two are kept for a moment: several looks at one text take turns.
    """
    from tree_sitter import Parser

    known = grammar(language, fragment=bool(PARSED[language].fragment_grammar) and b"<?" not in data)
    tree = Parser(known).parse(data)
    if language == "python" and tree.root_node.has_error and (ranges := _without_dedents(data)):
        joined = Parser(known, included_ranges=ranges).parse(data)
        return tree if joined.root_node.has_error else joined
    return tree


def _without_dedents(data: bytes) -> list[Range]:
    """The bytes without the line breaks inside brackets behind which a line stands further left than its statement.

    Python allows that, and its grammar here takes it for the end of the block. Empty where there is none.
    """
    from tree_sitter import Point, Range

    lines = io.BytesIO(data).readlines()
    offsets = [0, *accumulate(map(len, lines))]
    ranges, point, byte = [], Point(0, 0), 0
    for (row, column), (next_row, next_column) in _dedents(lines):
        ranges.append(Range(point, Point(row, column), byte, offsets[row] + column))
        point, byte = Point(next_row, next_column), offsets[next_row] + next_column
    if not ranges:
        return []
    end = Point(data.count(b"\n"), len(data) - data.rfind(b"\n") - 1)
    return [*ranges, Range(point, end, byte, len(data))]


def _dedents(lines: list[bytes]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """From the last code of a line inside brackets to the first of the next one, where that is left of the statement.

    Places are (row, column in bytes), both from 0.
    """
    depth, column, is_first, end = 0, 0, True, (0, 0)
    try:
        for token in tokenize.generate_tokens(map(_text, lines).__next__):
            if token.type in (tokenize.COMMENT, tokenize.NL):
                continue
            if token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
                is_first = True
                continue
            column, is_first = token.start[1] if is_first else column, False
            start = _place(token.line, token.start)
            if depth and start[0] > end[0] and token.start[1] < column:
                yield end, start
            if token.type == tokenize.OP and token.string in "([{":
                depth += 1
            elif token.type == tokenize.OP and token.string in ")]}":
                depth -= 1
            last_line = token.string.rpartition("\n")[2]  # of a string over several lines
            end = _place(token.line if token.end[0] == token.start[0] else last_line, token.end)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return  # no Python


def _place(line: str, place: tuple[int, int]) -> tuple[int, int]:
    """A token's place on its line, counted as trees count."""
    return place[0] - 1, len(line[: place[1]].encode("utf-8", "surrogatepass"))


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogatepass")


def captures(tree: Tree, language: str, pattern: str) -> dict[str, list[Node]]:
    """The nodes that a query captures, by capture name; names without a node are absent."""
    from tree_sitter import QueryCursor

    fragment = bool(PARSED[language].fragment_grammar) and tree.language != grammar(language)
    return QueryCursor(_query(language, pattern, fragment)).captures(tree.root_node)


def error_lines(tree: Tree, language: str) -> list[int]:
    """The 1-based lines where the parser had to skip text or to invent a token; empty for a text that parses."""
    if not tree.root_node.has_error:
        return []
    nodes = captures(tree, language, "[(ERROR) (MISSING)] @wrong").get("wrong", [])
    return sorted({node.start_point.row + 1 for node in nodes}) or [1]


@cache
def _query(language: str, pattern: str, fragment: bool) -> Query:
    from tree_sitter import Query

    return Query(grammar(language, fragment=fragment), pattern)
