"""The body of a function: which lines are to be written, below a docstring, between braces or before an ``end``.

What is given are whole lines: from just after the line break that ends the head to the end of the last line of code.
"""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from typing import TYPE_CHECKING

from yunque.code.languages import Language

if TYPE_CHECKING:
    from tree_sitter import Node

# What may follow the head of a function on its line.
_HASH = re.compile(rb"[ \t\f]*+(?:;[ \t\f]*+)?(?:#[^\n]*)?(?:\r?\n|$)")
_SLASHES = re.compile(rb"[ \t\f]*(?:/\*(?:[^*\n]|\*(?!/))*\*/[ \t]*|//[^\n]*)?(?:\r?\n|$)")
_BOTH = re.compile(rb"[ \t\f]*(?:/\*(?:[^*\n]|\*(?!/))*\*/[ \t]*|//[^\n]*|#(?!\[)[^\n]*)?(?:\r?\n|$)")
_NOTHING_TO_WRITE = re.compile(rb"pass|[.]{3}|raise\s+NotImplementedError\b.*", re.DOTALL)
_NO_STATEMENT = ("comment", "line_continuation")


def indented_body(node: Node, block: Node, data: bytes) -> tuple[str, tuple[int, int] | None, tuple[int, int, str] | None]:
    """The docstring, its span, and (start, end, indent) of the statements after it, or None when there is none to write."""
    statements = [child for child in block.named_children if child.type not in _NO_STATEMENT]
    colon = [child for child in node.children if child.type == ":"][-1]
    docstring = _python_docstring(statements[0], data) if statements else None
    documented = None if docstring is None else statements[0].byte_range
    head_end = colon.end_byte if documented is None else documented[1]
    written = statements if documented is None else statements[1:]
    rest = _HASH.match(data, head_end)
    real = any(not _NOTHING_TO_WRITE.fullmatch(data, *item.byte_range) for item in written)
    # A docstring on the line of the colon belongs to a one-liner: nothing can follow it.
    if not real or not rest or not _HASH.match(data, colon.end_byte):
        return docstring or "", documented, None
    line_end = data.find(b"\n", _last_code_byte(written[-1]))
    end = len(data) if line_end < 0 else line_end - (data[line_end - 1 : line_end] == b"\r")
    indent = data[data.rfind(b"\n", 0, written[0].start_byte) + 1 : written[0].start_byte].decode()
    return docstring or "", documented, (rest.end(), end, indent)


def _python_docstring(statement: Node, data: bytes) -> str | None:
    """What ``inspect.getdoc`` would give for a body that starts with this statement; None when it is not a string."""
    if statement.type != "expression_statement" or statement.named_child_count != 1:
        return None
    inner = statement.named_child(0)
    kind = inner.type
    if kind not in ("string", "concatenated_string", "parenthesized_expression"):
        return None
    text = data[inner.start_byte : inner.end_byte]
    if kind == "string" and text[:1] in (b'"', b"'") and b"\\" not in text and b"\0" not in text:
        quotes = 3 if text[:3] in (b'"""', b"'''") else 1  # most are: no prefix, nothing escaped
        return inspect.cleandoc(text[quotes:-quotes].decode().replace("\r\n", "\n"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(f"({text.decode()})")
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # an f-string, or an expression in brackets
        return None
    return inspect.cleandoc(value) if isinstance(value, str) else None


def _last_code_byte(node: Node) -> int:
    """The end of the last token that is not a comment: a block's own end may lie after comments that follow it."""
    position = node.child_count
    while position:
        position -= 1
        inner = node.child(position)
        if inner.type not in _NO_STATEMENT and inner.end_byte > inner.start_byte:
            node, position = inner, inner.child_count
    return node.end_byte


def enclosed_body(node: Node, block: Node, data: bytes, row: Language) -> tuple[int, int, str] | None:
    """(start, end, indent) of the lines between braces, or before an ``end``; None when there is nothing to write."""
    if data[block.start_byte] == ord("{") or block.type == "subshell":
        head_end, closer = block.start_byte + 1, block.end_byte - 1
    elif (last := node.child(node.child_count - 1)).type == "end":
        head = node.child_by_field_name("parameters") or node.child_by_field_name("name")
        assert head is not None  # what ends with ``end`` has a name
        head_end, closer = head.end_byte, last.start_byte
    else:
        return None
    rest = (_HASH if row.line_comment == "#" else _BOTH if row.lexer == "php" else _SLASHES).match(data, head_end)
    if not rest or all(child.type in row.comments for child in block.named_children):
        return None
    body = data[rest.end() : closer].rstrip()
    first = re.match(rb"(?:[ \t]*\r?\n)*([ \t]*)", body)
    assert first is not None  # it matches the empty text
    indent = first[1].decode()
    return (rest.end(), rest.end() + len(body), indent) if body else None
