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
            for call, value in _examples(ast.get_docstring(node) or "", node.name):
                if not _names(call) <= known:
                    continue  # `is_happy(aa)` means a text
                names.add(node.name)
                lines.append(f"\n\ndef test_example_{len(lines)}():\n    assert {call} == {value}\n")
    head = f"import pytest\n\nfrom {module} import {', '.join(sorted(names))}\n"
    return head + "".join(lines[:MOST_EXAMPLES]) if lines else ""


def _examples(docstring: str, name: str) -> Iterator[tuple[str, str]]:
    """(Call, what it gives) as Python writes them."""
    lines = [line.strip() for line in docstring.splitlines()]
    for line, below in pairwise([*lines, ""]):
        text = line.removeprefix(">>>").strip()
        start = text.find(f"{name}(")
        if len(text) > MOST_CHARS or start < 0 or (start and text[start - 1].isidentifier()):
            continue
        call, rest = _call(text[start:])
        is_session = line.startswith(">>>") and not start and not rest.strip()
        gives = GIVES.match(rest := rest.lstrip())
        value = below if is_session else rest[gives.end() :] if gives else ""
        if call and (expected := _literal(value)):
            yield call, expected


def _call(text: str) -> tuple[str, str]:
    """The call that a text begins with, and the rest; empty where there is none."""
    for place, char in enumerate(text):
        if char == ")":
            try:
                ast.parse(text[: place + 1], mode="eval")
            except SyntaxError:
                continue
            return text[: place + 1], text[place + 1 :]
    return "", text


def _names(call: str) -> set[str]:
    """The names that a call uses."""
    return {node.id for node in ast.walk(ast.parse(call, mode="eval")) if isinstance(node, ast.Name)}


def _literal(text: str) -> str:
    """A literal that a text is, but for a full stop or a comment behind it; a float within what it can hold; else empty."""
    for part in (text.strip().rstrip(".,;"), text.partition("#")[0], text.partition(" (")[0]):
        try:
            value = ast.literal_eval(part.strip())
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
        return f"pytest.approx({value!r})" if isinstance(value, float) else repr(value)
    return ""
