"""The examples of docstrings as tests: who writes ``>>> add(1, 2)`` with ``3`` below it has said what the code must give.

Covered: functions at the top of Python code; ``>>> f(x)`` with the value below, and ``f(x) == 3``, ``f(x) -> 3`` and their
like on one line; values that are literals.
Not covered: methods, values that are no literals, examples of several lines.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from itertools import pairwise

from yunque.code.python_ast import try_parse_python

MOST_CHARS, MOST_EXAMPLES = 400, 20
"""Longer lines are prose; more examples tell no more."""
GIVES = re.compile(r"(?:# ?)?(?:==|=>|->|➞|→|⇒|=|(?:, ?)?(?:should )?returns?\b):?")
"""Between a call and what it gives."""


def example_tests(code: str, module: str) -> str:
    """A pytest file with a test for each example in the code's docstrings, imported from ``module``; empty without any."""
    tree = try_parse_python(code) or try_parse_python(code.rstrip() + "\n    pass\n")
    lines, names = list[str](), set[str]()
    known = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} | set(dir(builtins)) if tree else set()
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef):
            for text, call, value in _examples(ast.get_docstring(node) or "", node.name):
                if {
                    part.id for part in ast.walk(call) if isinstance(part, ast.Name)
                } <= known:  # `is_happy(aa)` means a text
                    names.add(node.name)
                    lines.append(f"\n\ndef test_example_{len(lines)}():\n    assert {text} == {value}\n")
    head = f"import pytest\n\nfrom {module} import {', '.join(sorted(names))}\n"
    return head + "".join(lines[:MOST_EXAMPLES]) if lines else ""


def _examples(docstring: str, name: str) -> Iterator[tuple[str, ast.Module, str]]:
    """(Call, its tree, what it gives) as Python writes them."""
    lines = [line.strip() for line in docstring.splitlines()]
    for line, below in pairwise([*lines, ""]):
        text = line.removeprefix(">>>").strip()
        start = text.find(f"{name}(")
        if len(text) > MOST_CHARS or start < 0 or (start and text[start - 1].isidentifier()):
            continue
        call, tree = _call(text[start:])
        rest = text[start + len(call) :]
        is_session = line.startswith(">>>") and not start and not rest.strip()
        gives = GIVES.match(rest := rest.lstrip())
        value = below if is_session else rest[gives.end() :] if gives else ""
        if tree and (expected := _literal(value)):
            yield call, tree, expected


def _call(text: str) -> tuple[str, ast.Module | None]:
    """The call that a text begins with, and its tree; empty where there is none."""
    for place, char in enumerate(text):
        if char == ")" and (tree := try_parse_python(text[: place + 1])):
            return text[: place + 1], tree
    return "", None


def _literal(text: str) -> str:
    """A literal that a text is, but for a full stop or a comment behind it; a float within what it can hold; else empty."""
    for part in (text.strip().rstrip(".,;"), text.partition("#")[0], text.partition(" (")[0]):
        tree = try_parse_python(part.strip())
        if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
            continue
        try:
            value = ast.literal_eval(tree.body[0].value)
        except (ValueError, MemoryError, RecursionError):
            continue
        return f"pytest.approx({value!r})" if isinstance(value, float) else repr(value)
    return ""
