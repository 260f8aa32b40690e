"""Change what a repository's tests expect: a program that passes them then, too, reads them instead of being right.

    assert tripled(4) == 12        becomes        assert tripled(4) == 97

Covered: literals (numbers, texts, bytes, also within lists, tuples, sets and dicts) that an assert, ``assertEqual`` or its
kin compares with; where a test has none, its asserts and ``assertTrue`` are turned round. All else of the file stays as it
is, byte for byte, so that nothing tells a changed file from the original but what it expects. What a value becomes looks
like one that somebody could have meant.
Not covered: expectations that are computed, parametrised or raised (``pytest.raises``), and doctests: those tests stay.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Sequence

from yunque.checks.syntax import parse_python

_EQUAL = frozenset(
    ("assertEqual", "assertEquals", "assertListEqual", "assertDictEqual", "assertTupleEqual", "assertSetEqual")
)
_TRUTH = frozenset(("assertTrue", "assertFalse"))


def change(source: str, tests: Iterable[Sequence[str]], chance: random.Random) -> tuple[str, list[Sequence[str]]]:
    """The source with other expectations in the tests, and those that were changed; each test as its classes and its name.

    A source that does not parse stays as it is.
    """
    try:
        tree = parse_python(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source, []
    edits: dict[tuple[int, int], bytes] = {}
    data, changed = source.encode("utf-8", "surrogatepass"), []
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for path in tests:
        function = _find(tree, path)
        if function is None:
            continue
        found = _values(function, chance) or _turned(function, data, starts)
        if found:
            changed.append(path)
        for node, text in found:
            span = starts[node.lineno - 1] + node.col_offset, starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
            edits[span] = text
    for (start, end), text in sorted(edits.items(), reverse=True):
        data = data[:start] + text + data[end:]
    return data.decode("utf-8", "surrogatepass"), changed


def _find(tree: ast.Module, path: Sequence[str]) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The test function at the end of a path of classes."""
    body: list[ast.stmt] = tree.body
    for name in path[:-1]:
        body = next((one.body for one in body if isinstance(one, ast.ClassDef) and one.name == name), [])
    return next(
        (one for one in body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name == path[-1]), None
    )


def _values(function: ast.AST, chance: random.Random) -> list[tuple[ast.AST, bytes]]:
    """Literals that a test compares with, and what stands for them."""
    edits = []
    for node in ast.walk(function):
        sides: list[ast.expr] = []
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
            if len(node.test.ops) == 1 and isinstance(node.test.ops[0], ast.Eq | ast.Is):
                sides = [node.test.comparators[0], node.test.left]
        elif _is_method(node, _EQUAL) and len(node.args) >= 2:
            sides = [node.args[1], node.args[0]]
        literal = next((side for side in sides if _is_literal(side)), None)
        if literal is not None and (one := _other(literal, chance)):
            edits.append(one)
    return edits


def _turned(function: ast.AST, data: bytes, starts: list[int]) -> list[tuple[ast.AST, bytes]]:
    """Conditions of a test, and the same turned round."""
    edits = []
    for node in ast.walk(function):
        condition = node.test if isinstance(node, ast.Assert) else None
        if _is_method(node, _TRUTH) and node.args:
            condition = node.args[0]
        if condition is not None and not isinstance(condition, ast.Constant):
            start = starts[condition.lineno - 1] + condition.col_offset
            end = starts[(condition.end_lineno or 0) - 1] + (condition.end_col_offset or 0)
            edits.append((condition, b"not (" + data[start:end] + b")"))
    return edits


def _is_method(node: ast.AST, names: frozenset[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return bool(node.elts) and all(map(_is_literal, node.elts))
    if isinstance(node, ast.Dict):
        return bool(node.values) and all(map(_is_literal, node.values))
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)
    return isinstance(node, ast.Constant) and node.value is not Ellipsis


def _other(node: ast.expr, chance: random.Random) -> tuple[ast.AST, bytes] | None:
    """One constant of a literal, and another of its kind."""
    places = [one for one in ast.walk(node) if isinstance(one, ast.Constant)]
    if isinstance(node, ast.Dict):  # a key may be looked up only
        places = [one for value in node.values for one in ast.walk(value) if isinstance(one, ast.Constant)]
    if not places:
        return None
    place = chance.choice(places)
    value = place.value
    if value is None or type(value) is bool:
        return place, repr(not value).encode()
    if isinstance(value, int | float | complex):
        return place, repr(value + chance.randrange(1, 10)).encode()
    if isinstance(value, bytes):
        return place, repr(value + bytes([chance.randrange(97, 123)])).encode()
    text = value + chr(chance.randrange(97, 123))
    return place, (f'"{text}"' if _plain(text) else repr(text)).encode("utf-8", "surrogatepass")


def _plain(text: str) -> bool:
    return text.isprintable() and '"' not in text and "\\" not in text
