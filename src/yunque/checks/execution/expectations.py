"""Change what a repository's tests expect: a program that passes them then, too, reads them instead of being right.

    assert tripled(4) == 12        becomes        assert tripled(4) == 97

Covered: literals (numbers, texts, bytes, also within lists, tuples, sets and dicts) that an assert, ``assertEqual`` or its
kin compares with, there or by a name that the test, its loop or ``parametrize`` gives it, also within ``approx``; the
exceptions of ``raises`` and ``assertRaises``; what doctests show. What compares is put into a context that notes how it
went, changed or not; all else of the file stays as it is, byte for byte, so that nothing tells a changed file from one that
is not but what it expects. What a value becomes looks like one that somebody could have meant.
Not covered: expectations that are computed, or come from other files; what compares where a failure is waited for (``try``,
``raises``) or behind another statement on its line: those stay.
"""

from __future__ import annotations

import ast
import doctest
import random
from collections.abc import Iterable, Iterator, Sequence, Set
from typing import NamedTuple, TypeGuard

from yunque.code.python_ast import try_parse_python

Function = ast.FunctionDef | ast.AsyncFunctionDef
_EQUAL = frozenset(
    f"assert{name}Equal" for name in ("", "List", "Dict", "Tuple", "Set", "Sequence", "Count", "MultiLine", "Almost")
)
_RAISES = frozenset(("raises", "assertRaises", "assertRaisesRegex"))
_UNUSUAL = ("BlockingIOError", "ChildProcessError", "NotADirectoryError", "ProcessLookupError", "StopAsyncIteration")
"""Exceptions that no other is a kind of, and that little code raises."""


SOFT = '__import__("yunque_probe").soft({})'
"""The context that notes whether what stands in it fails, and goes on (`pytest_probe`); takes the line as its number."""


def change(
    source: str, tests: Iterable[Sequence[str]], chance: random.Random, lines: Set[int] | None = None
) -> tuple[str, dict[tuple[str, ...], set[int]]]:
    """The source with other expectations in each of the tests, and the lines of each that have one, by classes and names.

    What compares stands in a context that notes how it went and goes on (`SOFT`), whether it is changed or not: so all of
    them can be others at once, and one that is met is not hidden by those that are not. ``lines``: of those that are
    changed; None for all. A source that does not parse stays as it is.
    """
    tree = try_parse_python(source)
    text = _Text(source)
    changed: dict[tuple[str, ...], set[int]] = {}
    if tree is None:
        return source, changed
    for path in tests:
        function = _find(tree, path)
        for place in _places(text, function, chance) if function else ():
            text.edits[place.start, place.start] = place.context
            if lines is None or place.line in lines:
                text.edits |= place.edits
                changed.setdefault(tuple(path), set()).add(place.line)
    return text.edited(), changed


def change_others(source: str, tests: Iterable[Sequence[str]], chance: random.Random) -> str:
    """The source with every expectation of all tests but these another one: nothing to be copied stands there."""
    tree = try_parse_python(source)
    if tree is None:
        return source
    text, wanted = _Text(source), [function for path in tests if (function := _find(tree, path))]
    kept = {node for function in wanted for node in ast.walk(function)}
    for node in ast.walk(tree):
        if _is_test(node) and node not in kept:
            text.edits |= _edits(text, node, chance)
    return text.edited()


def _is_test(node: ast.AST) -> TypeGuard[Function]:
    return isinstance(node, Function) and node.name.startswith("test")


def _edits(text: _Text, function: Function, chance: random.Random) -> dict[tuple[int, int], bytes]:
    """Every expectation of a test, and what it could become."""
    return {text.span(node): other for _, node, other in _expected(function, chance)}


class _Place(NamedTuple):
    """Something that compares with what is expected."""

    line: int
    start: int
    """The byte that its context is put before."""
    context: bytes
    edits: dict[tuple[int, int], bytes]


def _places(text: _Text, function: Function, chance: random.Random) -> Iterator[_Place]:
    """What compares in a test: statements of their own, which nothing around them waits for."""
    edits: dict[ast.AST, dict[tuple[int, int], bytes]] = {}
    for asked, node, other in _expected(function, chance):
        edits.setdefault(asked, {})[text.span(node)] = other
    compared: ast.AST | None
    for statement in _free(function):
        context = SOFT.format(statement.lineno).encode()
        if isinstance(statement, ast.With):
            compared = next((item.context_expr for item in statement.items if item.context_expr in edits), None)
            start, before = text.span(statement.items[0].context_expr)[0], context + b", "
        else:
            compared = statement.value if isinstance(statement, ast.Expr) else statement
            start = text.span(statement)[0]
            line = text.data[text.starts[statement.lineno - 1] : start]
            indent = line[: len(line) - len(line.lstrip())]
            if line.strip() and not line.rstrip().endswith(b":"):
                continue
            before = (b"\n" + indent + b" " if line.strip() else b"") + b"with " + context + b": "
        if compared is not None and compared in edits:
            yield _Place(statement.lineno, start, before, edits[compared])


def _free(node: ast.AST) -> Iterator[ast.Assert | ast.Expr | ast.With]:
    """Statements below a node that may compare, without those whose failure is waited for there."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Assert | ast.Expr | ast.With):
            yield child
        waits = isinstance(child, ast.Try) and bool(child.handlers)
        waits = waits or (isinstance(child, ast.With) and any(_waits(item.context_expr) for item in child.items))
        if not waits:
            yield from _free(child)


def change_doctests(
    source: str, tests: Iterable[Sequence[str]], chance: random.Random, lines: Set[int] | None = None
) -> tuple[str, dict[tuple[str, ...], set[int]]]:
    """The source with other results in the doctests of its definitions; for each (its names; none for the file's own) the
    lines, within the text that documents it, of the examples that have one.

    ``lines``: of the examples that are changed; None for all. A source that does not parse stays as it is.
    """
    tree = try_parse_python(source)
    if tree is None:
        return source, {}
    text = _Text(source)
    changed: dict[tuple[str, ...], set[int]] = {}
    for path in tests:
        node = _docstring(tree, path)
        shown = node.value if node is not None else None
        if node is None or not isinstance(shown, str) or shown.count("\n") != (node.end_lineno or 0) - node.lineno:
            continue  # its lines are not those of the file
        try:
            examples = doctest.DocTestParser().get_examples(shown)
        except ValueError:
            continue
        for example in examples:
            if example.want and (lines is None or example.lineno in lines):
                line = node.lineno - 1 + example.lineno + example.source.count("\n") + example.want.count("\n") - 1
                text.edits |= _other_result(text, line, chance)
                changed.setdefault(tuple(path), set()).add(example.lineno)
    return text.edited(), changed


class _Text:
    """A source as bytes, the way `ast` counts them, and what is to be changed in it."""

    def __init__(self, source: str) -> None:
        self.data = source.encode("utf-8", "surrogatepass")
        self.edits: dict[tuple[int, int], bytes] = {}
        self.starts = [0]
        for line in self.data.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """The first byte of a node, and the one behind it."""
        assert node.end_lineno is not None and node.end_col_offset is not None  # as of all that was parsed
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def edited(self) -> str:
        """The source with every change made."""
        data = self.data
        for (start, end), other in sorted(self.edits.items(), reverse=True):
            data = data[:start] + other + data[end:]
        return data.decode("utf-8", "surrogatepass")


def _find(tree: ast.Module, path: Sequence[str]) -> Function | None:
    """The test function at the end of a path of classes, or of the classes of this file that these derive from."""
    bodies: list[list[ast.stmt]] = [tree.body]
    for name in path[:-1]:
        bodies = [
            result.body for body in bodies for item in body if _is_class(item, name) for result in _line_of(item, tree)
        ]
    functions = (item for body in bodies for item in body if isinstance(item, Function))
    return next((function for function in functions if function.name == path[-1]), None)


def _is_class(node: ast.stmt, name: str) -> TypeGuard[ast.ClassDef]:
    return isinstance(node, ast.ClassDef) and node.name == name


def _line_of(result: ast.ClassDef, tree: ast.Module) -> list[ast.ClassDef]:
    """A class, and the classes at the top of its file that it derives from, nearest first."""
    line, position = [result], 0
    while position < len(line):
        names = [base.id for base in line[position].bases if isinstance(base, ast.Name)]
        line += [item for name in names for item in tree.body if _is_class(item, name) and item not in line]
        position += 1
    return line


def _docstring(tree: ast.Module, path: Sequence[str]) -> ast.Constant | None:
    """The text that documents a definition at the end of a path of names."""
    here: ast.AST = tree
    for name in path:
        here = next((item for item in getattr(here, "body", ()) if getattr(item, "name", None) == name), ast.Pass())
    first = next(iter(getattr(here, "body", ())), None)
    value = first.value if isinstance(first, ast.Expr) else None
    return value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _other_result(text: _Text, line: int, chance: random.Random) -> dict[tuple[int, int], bytes]:
    """Another end of a line that a doctest shows."""
    start, end = text.starts[line], text.starts[line + 1]
    shown = text.data[start:end].rstrip()
    for word, other in ((b"True", b"False"), (b"False", b"True"), (b"None", b"0")):
        if shown.endswith(word):
            return {(start + len(shown) - len(word), start + len(shown)): other}
    place = next(
        (index for index in range(len(shown) - 1, -1, -1) if chr(shown[index]).isalnum() and shown[index] < 128), None
    )
    if place is None:
        return {}
    alike = b"123456789" if chr(shown[place]).isdigit() else b"abcdefghijklmnopqrstuvwxyz"
    return {(start + place, start + place + 1): bytes([chance.choice([item for item in alike if item != shown[place]])])}


def _expected(function: Function, chance: random.Random) -> list[tuple[ast.AST, ast.expr, bytes]]:
    """What compares in a test, each with what it expects, and what stands for that."""
    return [*_values(function, chance), *_raised(function, chance)]


def _values(function: Function, chance: random.Random) -> list[tuple[ast.AST, ast.expr, bytes]]:
    """What a test compares with literals, each with a part of those, and what stands for that."""
    edits: list[tuple[ast.AST, ast.expr, bytes]] = []
    named = dict(_named(function))
    others: dict[ast.expr, tuple[ast.expr, bytes] | None] = {}
    for node in ast.walk(function):
        sides: list[ast.expr] = []
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
            if len(node.test.ops) == 1 and isinstance(node.test.ops[0], ast.Eq | ast.Is):
                sides = [node.test.comparators[0], node.test.left]
        elif _is_method(node, _EQUAL) and len(node.args) >= 2:
            sides = [node.args[1], node.args[0]]
        sides = [side.args[0] if _is_approx(side) and side.args else side for side in sides]
        literals = next(([side] for side in sides if _is_literal(side)), None)
        if literals is None:
            literals = next((named[side.id] for side in sides if isinstance(side, ast.Name) and side.id in named), [])
        edits += [(node, *other) for literal in literals if (other := others.setdefault(literal, _other(literal, chance)))]
    return edits


def _named(function: Function) -> Iterator[tuple[str, list[ast.expr]]]:
    """Names that stand for literals in a test, and all of those: assigned once, or a row's by a loop or ``parametrize``."""
    stored = [node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            if stored.count(node.targets[0].id) == 1 and _is_literal(node.value):
                yield node.targets[0].id, [node.value]
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Tuple | ast.Name):
            targets = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
            names = [target.id if isinstance(target, ast.Name) else "" for target in targets]
            yield from _columns(names, node.iter, isinstance(node.target, ast.Tuple))
    for call in function.decorator_list:
        if _is_method(call, {"parametrize"}) and len(call.args) >= 2:
            given = call.args[0]
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                plain = [word.strip() for word in given.value.split(",") if word.strip()]
                yield from _columns(plain, call.args[1], len(plain) > 1)
            elif isinstance(given, ast.List | ast.Tuple):
                constants = [elt for elt in given.elts if isinstance(elt, ast.Constant)]
                if len(constants) == len(given.elts):
                    yield from _columns([str(elt.value) for elt in constants], call.args[1], True)


def _columns(names: list[str], rows: ast.expr, in_rows: bool) -> Iterator[tuple[str, list[ast.expr]]]:
    """Each name with its literals in a literal of rows (``in_rows``), or of values for the only name."""
    if not isinstance(rows, ast.List | ast.Tuple):
        return
    cells: list[list[ast.expr]] = []
    for row in rows.elts:
        if _is_method(row, {"param"}) or (isinstance(row, ast.Call) and getattr(row.func, "id", "") == "param"):
            cells.append(row.args)
        elif in_rows and isinstance(row, ast.List | ast.Tuple):
            cells.append(row.elts)
        elif not in_rows:
            cells.append([row])
    for index, name in enumerate(names):
        column = [row[index] for row in cells if len(row) == len(names) and _is_literal(row[index])]
        if name and column:
            yield name, column


def _raised(function: ast.AST, chance: random.Random) -> list[tuple[ast.AST, ast.expr, bytes]]:
    """What waits for exceptions in a test, each with those, and others."""
    return [
        (node, node.args[0], chance.choice(_UNUSUAL).encode())
        for node in ast.walk(function)
        if _waits(node) and node.args and not isinstance(node.args[0], ast.Starred)
    ]


def _waits(node: ast.AST) -> TypeGuard[ast.Call]:
    return _is_method(node, _RAISES) or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "raises")


def _is_method(node: ast.AST, names: Set[str]) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names


def _is_approx(node: ast.expr) -> TypeGuard[ast.Call]:
    return _is_method(node, {"approx"}) or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "approx")


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return all(map(_is_literal, node.elts))
    if isinstance(node, ast.Dict):
        return all(map(_is_literal, node.values))
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)
    return isinstance(node, ast.Constant) and node.value is not Ellipsis


def _other(node: ast.expr, chance: random.Random) -> tuple[ast.expr, bytes] | None:
    """One constant of a literal, and another of its kind."""
    places = [item for item in ast.walk(node) if isinstance(item, ast.Constant)]
    if isinstance(node, ast.Dict):  # a key may be looked up only
        places = [item for value in node.values for item in ast.walk(value) if isinstance(item, ast.Constant)]
    if not places:  # an empty one, or with such alone in it
        shown = {ast.List: "[0]", ast.Tuple: "(0,)", ast.Dict: "{0: 0}"}.get(type(node))
        return (node, shown.encode()) if shown else None
    place = chance.choice(places)
    value = place.value
    if value is None or type(value) is bool:
        return place, repr(not value).encode()
    if isinstance(value, int | float | complex):
        return place, repr(value + chance.randrange(1, 10)).encode()
    if isinstance(value, bytes):
        return place, repr(value + bytes([chance.randrange(97, 123)])).encode()
    assert isinstance(value, str)  # `_is_literal` takes no ellipsis
    text = value + chr(chance.randrange(97, 123))
    return place, (f'"{text}"' if _plain(text) else repr(text)).encode("utf-8", "surrogatepass")


def _plain(text: str) -> bool:
    return text.isprintable() and '"' not in text and "\\" not in text
