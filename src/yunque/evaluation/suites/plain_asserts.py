"""Python tests as people write them, made to run to their end when their text is executed; what could never fail is refused.

    class TestDouble(unittest.TestCase):              def test_two():
        def test_two(self):               becomes         assert double(2) == 4
            self.assertEqual(double(2), 4)            test_two()

Neither unittest nor pytest runs: a test that needs them would have to share the program's process, which could forge what
they say. Their asserts become Python's own.

Covered: asserts; ``def check(candidate)`` with the function it is given; functions and methods that pytest would find, with
the rows of ``parametrize``, ``raises`` and ``approx``; classes of unittest with their asserts, ``subTest``, ``setUp`` and
``tearDown``. The text that comes out calls them, in their order.
Not covered (refused with its name): asynchronous tests, fixtures and set-up methods of pytest, mocks, other methods of
unittest, modules and packages of tests.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from typing import TypeGuard

from yunque.checks.execution.judge_location import bound
from yunque.code.python_ast import parse_python

Function = ast.FunctionDef | ast.AsyncFunctionDef
_SETS_UP = ("setup_method", "teardown_method", "setup_class", "teardown_class", "setup", "teardown")
_PARTS = {
    "yunque_rows": """
def yunque_rows(names, rows):
    if isinstance(names, str):
        names = [one.strip() for one in names.split(",") if one.strip()]
        rows = rows if len(names) > 1 else [(row,) for row in rows]
    return [dict(zip(names, row, strict=True)) for row in rows]
""",
    "yunque_close": """
def yunque_close(one, other, rel=None, abs=None, nan_ok=False):
    if isinstance(other, dict):
        return list(one) == list(other) and all(yunque_close(one[key], other[key], rel, abs) for key in other)
    if isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(yunque_close(a, b, rel, abs) for a, b in zip(one, other))
    if not isinstance(other, (int, float, complex)) or isinstance(other, bool):
        return one == other
    size = max(0 if abs is not None and rel is None else (rel or 1e-6) * max(other, -other), abs or 1e-12)
    return one == other or -size <= one - other <= size
""",
    "yunque_counted": """
def yunque_counted(one, other):
    one, other = list(one), list(other)
    return len(one) == len(other) and all(one.count(item) == other.count(item) for item in one)
""",
}
_COMPARE = {"Equal": ast.Eq, "NotEqual": ast.NotEq, "Is": ast.Is, "IsNot": ast.IsNot, "In": ast.In, "NotIn": ast.NotIn,
            "Greater": ast.Gt, "GreaterEqual": ast.GtE, "Less": ast.Lt, "LessEqual": ast.LtE}  # fmt: skip
_COMPARE |= {f"{kind}Equal": ast.Eq for kind in ("List", "Dict", "Tuple", "Set", "Sequence", "MultiLine")} | {
    "Equals": ast.Eq
}
_WRITTEN = {
    "True": "bool({0})", "False": "not {0}", "IsNone": "{0} is None", "IsNotNone": "{0} is not None",
    "IsInstance": "isinstance({0}, {1})", "NotIsInstance": "not isinstance({0}, {1})",
    "AlmostEqual": "({0}) == ({1}) or round(({0}) - ({1}), {places}) == 0",
    "NotAlmostEqual": "not (({0}) == ({1}) or round(({0}) - ({1}), {places}) == 0)",
    "CountEqual": "yunque_counted({0}, {1})",
    "Regex": "re.search({1}, {0})", "NotRegex": "not re.search({1}, {0})",
}  # fmt: skip
"""Asserts of unittest as expressions of their arguments."""


def runnable(tests: str, entry: str) -> tuple[str, str, tuple[str, ...]]:
    """The tests as a text that runs them, the function that ``check`` is given, and what the program is called by.

    ValueError with what is wrong, and what to do about it where that is known.
    """
    try:
        tree = parse_python(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"has tests that do not parse ({error})") from None
    if any(map(_is_main, tree.body)) or _imports(tree) & _IMPORTED:
        tree.body = [node for node in tree.body if not _is_main(node)]
        tree = ast.fix_missing_locations(_Plain(tree).visit(tree))
        tests = ast.unparse(tree)
        if left := _loaded(ast.walk(tree)) & _IMPORTED:
            raise ValueError(f"has tests that use {_use(tree, min(left))}", "write what it does within the test")
        tests = "".join(f"import {name}\n" for name in ("re", "types") if f"{name}." in tests) + tests
    checked = any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in tree.body)
    called = _loaded(_reached(tree, ()))
    if checked and not entry and "check" not in called:
        raise ValueError("has tests that define check and call it never", "name the function that it is given: 'entry'")
    calls = "" if checked else _calls(tree, called)
    if calls:
        tests = f"{tests}\n{calls}"
    tests = "".join(part for name, part in _PARTS.items() if name in tests) + tests
    reached = list(_reached(parse_python(tests), ("check",) if checked else ()))
    free = _free(tree)
    given = {node.arg for item in tree.body if _named(item, "check") for node in item.args.args[:1]} if checked else set()
    if not _loaded(reached) & (free | given) or not any(_can_fail(node) for node in reached):
        raise ValueError("has tests that no answer can fail", "call what is asked for, and assert what it gives")
    functions = dict.fromkeys(
        node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )
    entry = entry if checked else ""
    names = tuple(dict.fromkeys([*(name for name in functions if name in free), *([entry] if entry else [])]))
    return tests, entry, names


def _calls(tree: ast.Module, called: set[str]) -> str:
    """What calls the tests that pytest or unittest would find and that nothing calls yet."""
    calls = []
    for node in tree.body:
        if isinstance(node, Function) and node.name.startswith("test") and node.name not in called:
            calls.append(_call(node, node.name))
        elif isinstance(node, ast.ClassDef) and node.name not in called:
            methods = {item.name: item for item in node.body if isinstance(item, Function)}
            if any(item in methods for item in _SETS_UP):
                raise ValueError(f"has tests that are set up ({node.name})", "set up within each test, or use unittest")
            for name in (name for name in methods if name.startswith("test")):
                before = "".join(f"yunque_test.{item}()\n" for item in ("setUpClass", "setUp") if item in methods)
                after = "".join(f"yunque_test.{item}()\n" for item in ("tearDown", "tearDownClass") if item in methods)
                call = _call(methods[name], f"yunque_test.{name}", number_of_self=1)
                calls.append(f"yunque_test = {node.name}()\n{before}{call}{after}")
    return "".join(calls)


_IMPORTED = {"unittest", "pytest"}


def _use(tree: ast.AST, module: str) -> str:
    """The longest name of a module's that code uses."""
    names = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return max((name for name in names if name.startswith(f"{module}.")), key=len, default=module)


def _imports(tree: ast.AST) -> set[str]:
    names = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


class _Plain(ast.NodeTransformer):
    """Writes what unittest and pytest assert as Python's own asserts. ValueError for what it does not know."""

    def __init__(self, tree: ast.Module) -> None:
        self.names = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module in _IMPORTED
            for alias in node.names
        }

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        node.names = [name for name in node.names if name.name not in _IMPORTED]
        return node if node.names else None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module in _IMPORTED else node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.bases = [base for base in node.bases if not self.named(base).endswith("TestCase")]
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        self.generic_visit(node)
        call = node.value
        if not isinstance(call, ast.Call):
            return node
        name = self.named(call.func)
        if name.startswith("self.assertRaises") and len(call.args) > 1:
            inner = ast.Expr(ast.Call(call.args[1], call.args[2:], call.keywords))
            return _raises(call.args[0], None, None, [inner])
        if name in ("self.fail", "pytest.fail"):
            return ast.Raise(ast.Call(ast.Name("AssertionError", ast.Load()), call.args, []))
        if name in ("unittest.main", "pytest.main"):
            return None
        return ast.Assert(_asserted(name[len("self.assert") :], call)) if name.startswith("self.assert") else node

    def visit_With(self, node: ast.With) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        first = node.items[0]
        call = first.context_expr
        name = self.named(call.func) if isinstance(call, ast.Call) else ""
        if len(node.items) == 1 and name == "self.subTest":
            return node.body
        if (
            isinstance(call, ast.Call)
            and len(node.items) == 1
            and name in ("self.assertRaises", "self.assertRaisesRegex", "pytest.raises")
        ):
            pattern = next((keyword.value for keyword in call.keywords if keyword.arg == "match"), None)
            pattern = call.args[1] if name.endswith("Regex") else pattern
            return _raises(call.args[0], first.optional_vars, pattern, node.body)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        near = [side for side in sides if isinstance(side, ast.Call) and self.named(side.func) == "pytest.approx"]
        if len(near) != 1 or len(sides) != 2 or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            return node
        (other,) = (side for side in sides if side is not near[0])
        call = ast.Call(ast.Name("yunque_close", ast.Load()), [other, *near[0].args], near[0].keywords)
        return call if isinstance(node.ops[0], ast.Eq) else ast.UnaryOp(ast.Not(), call)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if self.named(node.func) != "pytest.param":
            return node
        return ast.Tuple(node.args, ast.Load()) if len(node.args) != 1 else node.args[0]

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        kept: list[ast.expr] = []
        rows: list[tuple[ast.expr, ast.expr]] = []
        for mark in node.decorator_list:
            name = self.named(mark.func if isinstance(mark, ast.Call) else mark)
            name = f"pytest.{name}" if name.startswith("mark.") else name
            if name == "pytest.mark.parametrize" and isinstance(mark, ast.Call) and len(mark.args) >= 2:
                rows.append((mark.args[0], mark.args[1]))
            elif name.startswith(("pytest.", "unittest.")):
                raise ValueError(f"has a test with {name} ({node.name})", "leave it out")
            else:
                kept.append(mark)
        node.decorator_list = kept
        node.rows = rows  # type: ignore[union-attr]  # no part of the syntax: a note on the node, for `_call`
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def named(self, node: ast.AST) -> str:
        """What a name or attribute stands for, as its module would be imported whole; empty for anything else."""
        if not isinstance(node, ast.Name | ast.Attribute):
            return ""
        text = ast.unparse(node)
        return self.names.get(text, text)


def _asserted(kind: str, call: ast.Call) -> ast.expr:
    """What an assert of unittest of that kind says of its arguments."""
    if kind in _COMPARE and len(call.args) >= 2:
        return ast.Compare(call.args[0], [_COMPARE[kind]()], [call.args[1]])
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if kind not in _WRITTEN:
        raise ValueError(f"has tests that use unittest's assert{kind}", "write an assert of Python's own")
    args = [ast.unparse(arg) for arg in call.args]
    if "delta" in given:
        text = f"-({given['delta']}) <= ({args[0]}) - ({args[1]}) <= ({given['delta']})"
        text = f"not ({text})" if kind.startswith("Not") else text
    else:
        places = given.get("places", args[2] if len(args) > 2 and kind.endswith("AlmostEqual") else "7")
        text = _WRITTEN[kind].format(*args, places=places)
    return ast.parse(text, mode="eval").body


def _raises(kind: ast.expr, details: ast.expr | None, pattern: ast.expr | None, body: list[ast.stmt]) -> ast.Try:
    """A block that must raise; ``details``: what the exception is to be called."""
    name = "yunque_error"
    after: list[ast.stmt] = []
    if pattern is not None:
        after.append(ast.parse(f"assert re.search({ast.unparse(pattern)}, str({name}))").body[0])
    if details is not None:
        after += ast.parse(f"{ast.unparse(details)} = types.SimpleNamespace(exception={name}, value={name})").body
    missed = ast.parse(f"raise AssertionError({ast.unparse(kind)!r} ' was not raised')").body
    return ast.Try(body, [ast.ExceptHandler(kind, name, after or [ast.Pass()])], missed, [])


def _call(node: Function, name: str, number_of_self: int = 0) -> str:
    """A call of a test, for each row of its parameters."""
    if isinstance(node, ast.AsyncFunctionDef):
        raise ValueError(f"has an asynchronous test ({node.name})", "write one that calls asyncio.run in the program")
    lines: list[str] = []
    names: list[str] = []
    given: list[str] = []
    for named, values in getattr(node, "rows", ()):
        row = f"yunque_row{len(names)}"
        lines.append(f"{'    ' * len(lines)}for {row} in yunque_rows({ast.unparse(named)}, {ast.unparse(values)}):\n")
        names.append(f"**{row}")
        text = ast.literal_eval(named) if _is_literal(named) else ()
        given += [word.strip() for word in (text.split(",") if isinstance(text, str) else text)]
    wanted = [arg.arg for arg in node.args.args[number_of_self : len(node.args.args) - len(node.args.defaults)]]
    if missing := [item for item in wanted if item not in given]:
        raise ValueError(
            f"has a test with fixtures ({node.name}: {', '.join(missing)})", "make what it needs within the test"
        )
    call = f"{name}({', '.join(names)})"
    return f"{''.join(lines)}{'    ' * len(lines)}{call}\n"


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True


def _is_main(node: ast.stmt) -> bool:
    """Whether a statement is ``if __name__ == "__main__": …``."""
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test) and "__main__" in ast.unparse(node.test)


def _named(node: ast.stmt, name: str) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef) and node.name == name


def _free(tree: ast.Module) -> set[str]:
    """Names that the tests use and do not bind: the program's."""
    return {name for name in _loaded(ast.walk(tree)) - bound(tree) if not hasattr(builtins, name)}


def _loaded(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that are read at these nodes."""
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _reached(tree: ast.Module, called: tuple[str, ...]) -> Iterator[ast.AST]:
    """The nodes that are executed: outside definitions, and within those whose names are used, or that are ``called``."""
    definitions = {node.name: node for node in ast.walk(tree) if isinstance(node, Function | ast.ClassDef)}
    waiting: list[ast.AST] = [*tree.body]
    entered: set[str] = set()

    def enter(name: str) -> None:
        if name in definitions and name not in entered:
            entered.add(name)
            for item in ast.iter_child_nodes(definitions[name]):
                is_method = isinstance(definitions[name], ast.ClassDef) and isinstance(item, Function)
                waiting.extend(
                    ast.iter_child_nodes(item) if is_method else [item]
                )  # whoever has a class may call its methods

    for name in called:
        enter(name)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function | ast.ClassDef):
            waiting += node.decorator_list
            continue
        yield node
        enter(node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else "")
        waiting += ast.iter_child_nodes(node)


def _can_fail(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant) or not node.test.value
    return isinstance(node, ast.Raise | ast.Call)
