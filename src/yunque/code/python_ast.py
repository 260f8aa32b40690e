"""Python source to the tree of `ast`, one text at a time; and whether what does not parse is only newer than this Python."""

from __future__ import annotations

import ast
import threading
import warnings

from yunque.code.grammars import parse

PARSING = threading.Lock()
"""Held by whoever builds Python's own syntax trees (see `parse_python`)."""


def parse_python(text: str) -> ast.Module:
    """The tree of Python source, without warnings about its escape sequences. SyntaxError; ValueError for a NUL.

    One at a time: CPython counts the depth of the tree it builds per interpreter, and two threads that build at once are a
    SystemError ("AST constructor recursion depth mismatch", seen with 3.11.7). The filter of warnings is shared as well.
    """
    with PARSING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def try_parse_python(text: str) -> ast.Module | None:
    """The same tree; None when there is none, for whatever reason."""
    try:
        return parse_python(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_newer(text: str) -> bool:
    """Whether Python source would parse but for syntax that a newer Python has: what the grammar knows of it is left out."""
    data = text.encode("utf-8", "surrogatepass")
    try:
        waiting, edits = [(parse(data, "python").root_node, "")], []
    except ImportError:
        return False
    while waiting:
        node, above = waiting.pop()
        if node.type == "string" and any(child.type == "interpolation" for child in node.children) and not node.has_error:
            edits.append((node.start_byte, node.end_byte, b'""'))
        elif node.type == "type_alias_statement" and not node.has_error:
            edits.append((node.start_byte, node.end_byte, b"pass"))
        elif (
            node.type == "type_parameter"
            and (node.text or b"").strip(b"[] \t\r\n")
            and above in ("function_definition", "class_definition")
        ):
            edits.append((node.start_byte, node.end_byte, b""))
        else:
            waiting += [(child, node.type) for child in node.children]
    pieces, position = [], 0
    for start, end, other in sorted(edits):
        pieces += [data[position:start], other]
        position = end
    older = b"".join([*pieces, data[position:]]).decode("utf-8", "replace").removeprefix("\ufeff")
    return bool(edits) and try_parse_python(older) is not None
