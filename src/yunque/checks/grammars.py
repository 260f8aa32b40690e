"""The tree-sitter grammar of every language we can parse, and the two things all rooms ask of one: a tree, and its errors.

Single grammar wheels carry their grammar inside. ``tree-sitter-language-pack`` is never used: it downloads at first use.
"""

from __future__ import annotations

import importlib
import warnings
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query, Tree

# language -> module of the grammar wheel, and the function in it that gives the grammar
GRAMMARS: dict[str, tuple[str, str]] = {
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "go": ("tree_sitter_go", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "python": ("tree_sitter_python", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "shell": ("tree_sitter_bash", "language"),
    "solidity": ("tree_sitter_solidity", "language"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
}


# The same of a text that cannot be a whole file: PHP without its opening tag would be a page of plain text.
_FRAGMENTS = {"php": ("tree_sitter_php", "language_php_only")}


@cache
def grammar(language: str, *, fragment: bool = False) -> Language:
    """The grammar of a language. KeyError for a name that is not in ``GRAMMARS``; ImportError when its wheel is missing."""
    from tree_sitter import Language

    module, function = (_FRAGMENTS if fragment else GRAMMARS)[language]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # some wheels still give a number, not a capsule
        return Language(getattr(importlib.import_module(module), function)())


@lru_cache(maxsize=2)
def parse(data: bytes, language: str) -> Tree:
    """The syntax tree of UTF-8 bytes; always a tree, with error nodes where the text is not in the language.

    The last two are kept for a moment: several looks at one text take turns.
    """
    from tree_sitter import Parser

    return Parser(grammar(language, fragment=language in _FRAGMENTS and b"<?" not in data)).parse(data)


def captures(tree: Tree, language: str, pattern: str) -> dict[str, list[Node]]:
    """The nodes that a query captures, by capture name; names without a node are absent."""
    from tree_sitter import QueryCursor

    fragment = language in _FRAGMENTS and tree.language != grammar(language)
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
