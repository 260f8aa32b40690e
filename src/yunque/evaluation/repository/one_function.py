"""One function in an answer: found, set to the indentation of its place, and refused where it is something else."""

from __future__ import annotations

import ast
import re

from yunque.code.functions import code_only, functions
from yunque.code.lexing import indent_of
from yunque.code.python_ast import try_parse_python
from yunque.evaluation.suites.extraction import cut

MACHINERY = frozenset(
    (
        *("pytest", "_pytest", "pluggy", "unittest", "yunque_probe", "_getframe", "_current_frames", "currentframe"),
        *("settrace", "setprofile", "f_back", "f_globals", "f_locals", "tb_frame", "gi_frame", "gc", "ctypes", "__eq__"),
        *("__ne__", "__builtins__", "builtins", "__import__", "importlib", "exec", "eval", "__subclasses__", "atexit"),
    )
)
"""Names with which an answer would reach for the test run. No answer may hold one that the rest of its file does not."""


def clean(text: str) -> str:
    """The answer as text that can be written to a file, up to the first end token."""
    return cut(text.encode("utf-8", "replace").decode(), ())


def function_in(code: str, name: str) -> str | None:
    """The first definition of that name in an answer, with its decorators and indentation; None if none parses."""
    first = next((line for line in code.split("\n") if line.strip()), "")
    wrapped = f"if 1:\n{code}" if first[:1] in (" ", "\t") else code
    data = wrapped.encode()
    for function in functions(wrapped, "python"):
        if function.name == name:
            piece = data[line_start(data, function.start_byte) : function.end_byte].decode()
            return piece if is_definition(piece, name) else None
    return None


def is_definition(piece: str, name: str) -> bool:
    """Whether Python itself reads the text as one definition of a function of that name, and nothing beside it."""
    body = _statements(piece)
    return len(body) == 1 and isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef) and body[0].name == name


def reindent(piece: str, indent: str) -> str:
    """A definition at another indentation; what lies inside of its texts of several lines stays as it is."""
    own = indent_of(piece)
    if own == indent:
        return piece
    strings = [
        node
        for statement in _statements(piece)
        for node in ast.walk(statement)
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
    ]
    wrapped = 2 if own else 1  # the 1-based line on which the piece starts when it is parsed
    inside = {line - wrapped for node in strings for line in range(node.lineno + 1, (node.end_lineno or 0) + 1)}
    lines = piece.split("\n")
    return "\n".join(
        line if index in inside or not line.strip() else indent + line.removeprefix(own) for index, line in enumerate(lines)
    )


def refuse(piece: str, name: str, around: str) -> tuple[str, str] | None:
    """Why an answer is not even run, as (rule, message): it is not one function, or it reaches for the test run."""
    if not is_definition(piece, name):
        return "not-one-function", f"the answer is not one definition of {name} that parses"
    known = set(re.findall(r"\w+", around))
    code = code_only(reindent(piece, ""), "python").decode()  # a comment may speak of it
    reached = sorted(MACHINERY & set(re.findall(r"\w+", code)) - known)
    return ("meddles", f"the answer reaches for the test run: {', '.join(reached)}") if reached else None


def line_start(data: bytes, position: int) -> int:
    """Where the line begins that holds this byte."""
    return data.rfind(b"\n", 0, position) + 1


def _statements(piece: str) -> list[ast.stmt]:
    """The statements of a piece of code at any indentation; none when it does not parse."""
    indented = bool(indent_of(piece))
    tree = try_parse_python(f"if 1:\n{piece}" if indented else piece)
    body = tree.body if tree else []
    if not indented:
        return body
    return body[0].body if len(body) == 1 and isinstance(body[0], ast.If) and not body[0].orelse else []


def indented_by(code: str, indent: str) -> str:
    """Statements without a function around them, as the lines of a body."""
    lines = code.strip("\n").split("\n")
    own = indent_of(lines[0])
    return "\n".join(indent + line.removeprefix(own) if line.strip() else line for line in lines)
