"""Lift tests out of the candidate's process: the calls go in, the rest of each assert is evaluated here, over plain values.

    assert abs(candidate(2.5) - 0.5) < 1e-6        the call candidate(2.5) goes in; the rest is computed on its answer

What is lifted means the same here as in the candidate's process, for every candidate. So the lifter accepts a list of
forms, each for a reason, and refuses all others; a refused test takes another judge location (`judge_location`).

===========================  ===========================================================================================
accepted                     why it means the same
===========================  ===========================================================================================
asserts, in their order      calls are made in the order of the test, each as often as there: a call stands only where
                             Python evaluates it exactly once (not in a comprehension's element or condition, behind
                             ``and`` or ``or``, in a branch of ``if``, or behind the second comparison of a chain)
one call in an assert        its answer is written down before another call could change it
``NAME = constant``          bound once evaluated here; plain data, so no iterator that is used up; never a name that is
                             called (the candidate's or Python's)
``def check(candidate)``     its body is the test; nothing but calls of it stands behind
arguments: constants         made anew for every call; a name that holds a list, dict or set is handed over only where
                             nothing else reads it, since the call may change it; no such object in two places of them
operators, comparisons       of plain values: Python's own. ``is`` only with None, True or False, which travel as themselves
subscripts by constants      of plain values
comprehensions               one ``for`` over an answer, its name shadowing nothing that is called
pure functions, methods      a list of them (in `evaluation`); not type, str, repr or isinstance, for some
                             classes of answers (Counter, namedtuple) arrive as dict or tuple
===========================  ===========================================================================================

Covered: HumanEval's and MBPP's kind of tests. What an answer can make the judge do is bounded.
Not covered: loops, exceptions, randomness, calls within calls' arguments, classes, anything that looks at more than results.
Then `Lifted.whole` is False, `Lifted.reason` names the line.
"""

from __future__ import annotations

import ast
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from yunque.checks.execution.evaluation import FUNCTIONS, Evaluation, Unliftable
from yunque.checks.inside.codec import Unplain
from yunque.checks.inside.driver import pack
from yunque.code.python_ast import parse_python

_HARMLESS_MODULES = frozenset(("math", "copy", "typing", "collections", "itertools", "functools", "string", "re", "random"))


@dataclass(frozen=True)
class Call:
    """A call of one of the candidate's functions with plain values."""

    function: str
    args: tuple = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    truth: bool = False
    """Only whether the result is true is asked for; then it need not be plain itself (a match object, say)."""

    @functools.cached_property
    def packed(self) -> tuple[str, bytes | str, bytes | str, bool]:
        """What goes into the sandbox. Raises Unplain."""
        return self.function, pack(tuple(self.args)), pack(dict(self.kwargs)), self.truth

    def __str__(self) -> str:
        parts = [repr(value) for value in self.args] + [f"{name}={value!r}" for name, value in self.kwargs.items()]
        text = f"{self.function}({', '.join(parts)})"
        return text if len(text) <= 160 else text[:150] + "…)"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One assert: the call that it needs, and whether it holds for the answer."""

    call: Call
    line: int
    """1-based, in the test."""
    text: str
    """The assert as Python would write it, cut to 200 characters."""
    _node: ast.expr
    _site: ast.Call
    _names: Mapping[str, Any]

    @property
    def only_compares(self) -> bool:
        """Whether all that it does with the answer is to compare it, or to ask for its truth."""
        node, site = self._node, self._site
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node = node.operand
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            return site in (node.left, node.comparators[0])
        return node is site

    def holds(self, answer: object) -> bool:
        """Whether the assert holds when its call gives this plain value. An error on the way means no."""
        try:
            return bool(Evaluation(self._names, {id(self._site): answer}).value(self._node))
        except (
            Unliftable,
            ArithmeticError,
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
            RecursionError,
            MemoryError,
        ):
            return False


@dataclass(frozen=True, kw_only=True)
class Lifted:
    """What was lifted out of a test."""

    cases: tuple[Case, ...]
    num_asserts: int
    reason: str = ""
    """Why it is not whole: the first line that could not be lifted."""

    @property
    def whole(self) -> bool:
        """Whether the cases say all that the test says."""
        return bool(self.cases) and not self.reason

    @functools.cached_property
    def only_compares(self) -> bool:
        """Whether all cases do no more than that."""
        return all(case.only_compares for case in self.cases)


def lift(test: str, functions: Sequence[str], *, entry_point: str = "") -> Lifted:
    """Lift a test's asserts. ``entry_point``: the function that ``check(candidate)`` is about. SyntaxError is a reason."""
    try:
        tree = parse_python(test)
    except SyntaxError as error:
        return Lifted(cases=(), num_asserts=0, reason=f"line {error.lineno}: {error.msg}")
    num_asserts = sum(isinstance(node, ast.Assert) for node in ast.walk(tree))
    lifter = _Lifter({name: name for name in functions}, entry_point, tree)
    try:
        lifter.block(tree.body)
    except Unliftable as error:
        return Lifted(cases=tuple(lifter.cases), num_asserts=num_asserts, reason=f"line {lifter.line}: {error}")
    except RecursionError:
        return Lifted(cases=tuple(lifter.cases), num_asserts=num_asserts, reason=f"line {lifter.line}: nested too deep")
    whole = lifter.num_asserts == num_asserts
    return Lifted(
        cases=tuple(lifter.cases), num_asserts=num_asserts, reason="" if whole else "asserts that are never reached"
    )


class _Lifter:
    """Reads a test statement by statement. ``aliases``: the name in the test -> the candidate's function."""

    def __init__(self, aliases: dict[str, str], entry_point: str, tree: ast.Module) -> None:
        self.aliases, self.entry_point = aliases, entry_point
        self.cases: list[Case] = []
        self.names: dict[str, Any] = {}
        self.line = self.num_asserts = 0
        self.checked = False
        self.outer: frozenset[str] = frozenset()
        self.reads = Counter(
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        )

    def block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.line = statement.lineno
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        if self.is_harmless(node):
            return
        if self.checked:
            raise Unliftable("a statement behind check, which runs before it")
        if isinstance(node, ast.Assert):
            self.assertion(node)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            value = self.constant(node.value)
            _travels(value)  # an iterator would be used up where it is read first
            name = self.free(node.targets[0].id)
            if name in self.outer:
                raise Unliftable(f"the name {name}, which is bound within check and outside")
            self.names[name] = value
            if _holds_twice(self.names.values(), set()):
                raise Unliftable("one list, dict or set under two names")
        elif isinstance(node, ast.FunctionDef) and self.is_check(node):
            name = node.args.args[0].arg
            self.aliases[name if self.aliases.get(name) == self.entry_point else self.free(name)] = self.entry_point
            self.outer = frozenset(self.names)
            self.block(node.body)
            self.checked = True
        else:
            raise Unliftable(f"a {type(node).__name__.lower()} statement")

    def free(self, name: str) -> str:
        """A name that may be bound: nothing that is called is hidden by it."""
        if name in self.aliases or name in FUNCTIONS or name in ("math", "check"):
            raise Unliftable(f"the name {name}, which means something else already")
        return name

    def is_check(self, node: ast.FunctionDef) -> bool:
        shape = node.args
        other = shape.posonlyargs or shape.defaults or shape.kwonlyargs or shape.vararg or shape.kwarg or node.decorator_list
        return bool(self.entry_point) and node.name == "check" and len(shape.args) == 1 and not other

    def is_harmless(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Pass):
            return True
        if isinstance(node, ast.Import):
            return all(alias.name.partition(".")[0] in _HARMLESS_MODULES and not alias.asname for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            if (node.module or "") in _HARMLESS_MODULES:
                for alias in node.names:
                    if self.free(alias.asname or alias.name) in self.names:
                        raise Unliftable("an import under a name that is bound already")
                return True
            return False
        if not isinstance(node, ast.Expr):
            return False
        if isinstance(node.value, ast.Constant):
            return True
        return self.checked and ast.unparse(node.value) == f"check({self.entry_point})"  # the last line of many files

    def assertion(self, node: ast.Assert) -> None:
        self.num_asserts += 1
        sites = _Sites(self.is_candidate)
        sites.read(node.test)
        if len(sites.found) > 1:
            raise Unliftable("two calls in one assert, of which the second may change what the first gave")
        if sites.found:
            self.cases.append(self.case(node, *sites.found))
        elif not self.constant(node.test):  # ``assert True`` says nothing
            raise Unliftable("an assert that never holds")

    def case(self, node: ast.Assert, site: ast.Call) -> Case:
        negated = node.test.operand if isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not) else None
        call = self.call(site, truth=site in (node.test, negated))
        Evaluation(self.names, {id(site): None}).check(node.test, self.free)
        return Case(
            call=call,
            line=node.lineno,
            text=ast.unparse(node)[:200],
            _node=node.test,
            _site=site,
            _names=dict(self.names),
        )

    def is_candidate(self, node: ast.AST) -> TypeGuard[ast.Call]:
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and bool(self.aliases.get(node.func.id))

    def call(self, site: ast.Call, truth: bool) -> Call:
        for node in ast.walk(site):
            if isinstance(node, ast.Name) and self.reads[node.id] > 1 and _can_change(self.names.get(node.id)):
                raise Unliftable(f"an argument that the call may change, and that is read again ({node.id})")
        kwargs = {str(keyword.arg): self.constant(keyword.value) for keyword in site.keywords}
        args: list[Any] = []
        for node in site.args:
            args.extend(self.constant(node.value) if isinstance(node, ast.Starred) else [self.constant(node)])
        _travels((args, kwargs))
        if _holds_twice([*args, *kwargs.values()], set()):
            raise Unliftable("one list, dict or set in two places of the arguments")
        assert isinstance(site.func, ast.Name)  # of a candidate
        return Call(self.aliases[site.func.id], tuple(args), kwargs, truth)

    def constant(self, node: ast.expr) -> Any:
        if any(self.is_candidate(item) for item in ast.walk(node)):
            raise Unliftable("a call of the candidate within another")
        evaluation = Evaluation(self.names, {})
        evaluation.check(node, self.free)
        try:
            return evaluation.value(node)
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise Unliftable(f"a value that cannot be known outside ({error})") from None


def _travels(value: Any) -> None:
    """Raise Unliftable for a value that is no plain data."""
    try:
        pack(value)
    except Unplain as error:
        raise Unliftable(f"a value that cannot travel ({error})") from None


def _holds_twice(items: Iterable[Any], met: set[int]) -> bool:
    """Whether one object that a call can change lies in two places: its copies would no longer be one."""
    for item in items:
        if type(item) in (list, dict, set, bytearray):
            if id(item) in met:
                return True
            met.add(id(item))
        inner = item.values() if type(item) is dict else item if type(item) in (list, tuple) else ()
        if _holds_twice(inner, met):
            return True
    return False


def _can_change(value: Any) -> bool:
    """Whether a call can change a value that it is handed."""
    if type(value) in (tuple, frozenset):
        return any(map(_can_change, value))
    return type(value) not in (type(None), bool, int, float, complex, str, bytes, range)


class _Sites:
    """The candidate's calls in an expression, in the order in which Python makes them, each made exactly once."""

    def __init__(self, is_candidate: Callable[[ast.AST], TypeGuard[ast.Call]]) -> None:
        self.is_candidate = is_candidate
        self.found: list[ast.Call] = []

    def read(self, node: ast.AST) -> None:
        """Collect the calls below a part that is evaluated once."""
        if self.is_candidate(node):
            self.none(*ast.iter_child_nodes(node), why="a call of the candidate within another")
            self.found.append(node)
            return
        always: Sequence[ast.AST] = list(ast.iter_child_nodes(node))
        maybe: Sequence[ast.AST] = []
        if isinstance(node, ast.BoolOp):
            always, maybe = node.values[:1], node.values[1:]
        elif isinstance(node, ast.Compare):
            always, maybe = [node.left, node.comparators[0]], node.comparators[1:]
        elif isinstance(node, ast.IfExp):
            always, maybe = [node.test], [node.body, node.orelse]
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            always = [node.generators[0].iter]
            below = [item for item in ast.iter_child_nodes(node) if item is not node.generators[0]]
            maybe = [*below, *node.generators[0].ifs]
        elif isinstance(node, ast.Dict | ast.Lambda):
            always, maybe = [], always
        self.none(*maybe, why="a call that the test may make seldom, or often")
        for alway in always:
            self.read(alway)

    def none(self, *nodes: ast.AST, why: str) -> None:
        if any(self.is_candidate(item) for node in nodes for item in ast.walk(node)):
            raise Unliftable(why)
