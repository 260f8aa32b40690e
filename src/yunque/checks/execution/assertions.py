"""Lift tests out of the candidate's process: the calls go in, the rest of each assert is evaluated here, over plain values.

    assert abs(candidate(2.5) - 0.5) < 1e-6        the call candidate(2.5) goes in; the rest is computed on its answer

What is lifted means the same here as in the candidate's process, for every candidate. So the lifter accepts a list of
forms, each for a reason, and refuses all others; a refused test takes another seat (`execution`).

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
pure functions, methods      a list of them (`_FUNCTIONS`, `_METHODS`, `_MATH`); not type, str, repr or isinstance, for some
                             classes of answers (Counter, namedtuple) arrive as dict or tuple
===========================  ===========================================================================================

Covered: HumanEval's and MBPP's kind of tests. What an answer can make the judge do is bounded.
Not covered: loops, exceptions, randomness, calls within calls' arguments, classes, anything that looks at more than results.
Then `Lifted.whole` is False, `Lifted.reason` names the line.
"""

from __future__ import annotations

import ast
import functools
import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from yunque.checks.execution.codec import Unplain, few_collisions
from yunque.checks.execution.driver import pack
from yunque.code.python_ast import parse_python

MAX_SIZE = 10_000_000
"""Items of one value, or steps of one comprehension: answers come from an attacker."""
MAX_BITS = 1_000_000
MAX_DIGITS = 1000

_FUNCTIONS = {
    kind.__name__: kind
    for kind in (
        abs, all, any, bool, chr, complex, dict, enumerate, float, frozenset, int, len, list, max, min, ord, range, reversed,
        round, set, sorted, sum, tuple, zip,
    )
}  # fmt: skip
_METHODS = {
    "copy", "count", "difference", "endswith", "find", "get", "index", "intersection", "isalpha", "isdigit", "issubset",
    "issuperset", "items", "join", "keys", "lower", "lstrip", "rstrip", "split", "startswith", "strip", "title", "union",
    "upper", "values",
}  # fmt: skip
_MATH = {
    "ceil", "cos", "e", "exp", "fabs", "floor", "hypot", "inf", "isclose", "isfinite", "isinf", "isnan", "log", "log10",
    "log2", "nan", "pi", "pow", "sin", "sqrt", "tan", "trunc",
}  # fmt: skip
_OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.LShift: operator.lshift,
    ast.RShift: operator.rshift, ast.BitOr: operator.or_, ast.BitAnd: operator.and_, ast.BitXor: operator.xor,
    ast.UAdd: operator.pos, ast.USub: operator.neg, ast.Not: operator.not_, ast.Invert: operator.invert,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not, ast.In: lambda one, many: one in _bounded(many),
    ast.NotIn: lambda one, many: one not in _bounded(many),
}  # fmt: skip
_HARMLESS_MODULES = frozenset(("math", "copy", "typing", "collections", "itertools", "functools", "string", "re", "random"))


class Unliftable(Exception):
    """This part of a test cannot be judged from outside; the message says why."""


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
            return bool(_Evaluation(self._names, {id(self._site): answer}).value(self._node))
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
        if name in self.aliases or name in _FUNCTIONS or name in ("math", "check"):
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
        _Evaluation(self.names, {id(site): None}).check(node.test, self.free)
        return Case(
            call=call,
            line=node.lineno,
            text=ast.unparse(node)[:200],
            _node=node.test,
            _site=site,
            _names=dict(self.names),
        )

    def is_candidate(self, node: ast.AST) -> bool:
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
        return Call(self.aliases[site.func.id], tuple(args), kwargs, truth)

    def constant(self, node: ast.expr) -> Any:
        if any(self.is_candidate(one) for one in ast.walk(node)):
            raise Unliftable("a call of the candidate within another")
        evaluation = _Evaluation(self.names, {})
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

    def __init__(self, is_candidate: Callable[[ast.AST], bool]) -> None:
        self.is_candidate = is_candidate
        self.found: list[ast.Call] = []

    def read(self, node: ast.AST) -> None:
        """Collect the calls below a part that is evaluated once."""
        if self.is_candidate(node):
            self.none(*ast.iter_child_nodes(node), why="a call of the candidate within another")
            self.found.append(node)
            return
        always, maybe = list(ast.iter_child_nodes(node)), []
        if isinstance(node, ast.BoolOp):
            always, maybe = node.values[:1], node.values[1:]
        elif isinstance(node, ast.Compare):
            always, maybe = [node.left, node.comparators[0]], node.comparators[1:]
        elif isinstance(node, ast.IfExp):
            always, maybe = [node.test], [node.body, node.orelse]
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            always = [node.generators[0].iter]
            maybe = [one for one in ast.iter_child_nodes(node) if one is not node.generators[0]] + node.generators[0].ifs
        elif isinstance(node, ast.Dict | ast.Lambda):
            always, maybe = [], always
        self.none(*maybe, why="a call that the test may make seldom, or often")
        for one in always:
            self.read(one)

    def none(self, *nodes: ast.AST, why: str) -> None:
        if any(self.is_candidate(one) for node in nodes for one in ast.walk(node)):
            raise Unliftable(why)


class _Evaluation:
    """A small interpreter of expressions over plain values: nothing of the test or of the answers is ever executed."""

    def __init__(self, names: Mapping[str, Any], answers: Mapping[int, Any]) -> None:
        self.names, self.answers = dict(names), answers

    def check(self, node: ast.AST, free: Callable[[str], str]) -> None:
        """Raise Unliftable for what `value` would not know, whatever the answers are; ``free`` does for names that hide."""
        bound = {free(one.id) for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
        called = {id(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}
        for one in ast.walk(node):
            known = isinstance(one, ast.expr_context | ast.operator | ast.unaryop | ast.boolop | ast.cmpop | ast.keyword)
            if not known and not isinstance(one, ast.comprehension | ast.Starred) and not hasattr(self, self.method(one)):
                raise Unliftable(f"a {type(one).__name__.lower()} expression")
            if isinstance(one, ast.Call) and id(one) not in self.answers:
                self.function(one)
            if isinstance(one, ast.keyword) and one.arg is None:
                raise Unliftable("a call with **")
            if isinstance(one, ast.Attribute) and id(one) not in called:
                self.math(one)
            if (
                isinstance(one, ast.Name)
                and id(one) not in called
                and one.id not in {*bound, *self.names, *_FUNCTIONS, "math"}
            ):
                raise Unliftable(f"the name {one.id}")
            if isinstance(one, ast.Compare):
                pairs = zip(one.ops, one.comparators, strict=True)
                if any(isinstance(how, ast.Is | ast.IsNot) and not _is_single(right) for how, right in pairs):
                    raise Unliftable("a comparison of identity")
            if isinstance(one, ast.Subscript) and any(isinstance(part, ast.Call) for part in ast.walk(one.slice)):
                raise Unliftable("a subscript that is computed")
            if isinstance(one, ast.ListComp | ast.SetComp | ast.GeneratorExp):
                simple = len(one.generators) == 1 and isinstance(one.generators[0].target, ast.Name)
                if not simple or one.generators[0].is_async:
                    raise Unliftable("a comprehension of several parts")
            if isinstance(one, ast.BinOp | ast.UnaryOp) and type(one.op) not in _OPERATORS:
                raise Unliftable("an operator")

    @staticmethod
    def method(node: ast.AST) -> str:
        """The name of what evaluates a kind of node."""
        return f"_{type(node).__name__.lower()}"

    def value(self, node: ast.AST) -> Any:
        """The value of an expression. Unliftable, or what Python would raise."""
        if id(node) in self.answers:
            return self.answers[id(node)]
        how = getattr(self, self.method(node), None)
        if how is None:
            raise Unliftable(f"a {type(node).__name__.lower()} expression")
        return how(node)

    def function(self, node: ast.Call) -> Any:
        """The pure function that is called: a built-in, one of math's, or a method of a plain value."""
        if isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS and node.func.id not in self.names:
            return _FUNCTIONS[node.func.id]
        if isinstance(node.func, ast.Attribute):
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "math":
                return self.math(node.func)
            if node.func.attr in _METHODS:
                return None
        raise Unliftable(f"a call of {ast.unparse(node.func)[:60]}")

    def _call(self, node: ast.Call) -> Any:
        function = self.function(node)
        owner = self.value(node.func.value) if function is None else None  # Python looks at it before the arguments
        args: list[Any] = []
        for argument in node.args:
            items = self.value(argument.value) if isinstance(argument, ast.Starred) else [self.value(argument)]
            args.extend(map(_bounded, _bounded(items)))
        kwargs = {str(keyword.arg): _bounded(self.value(keyword.value)) for keyword in node.keywords}
        if function in (set, frozenset, dict) and args and not isinstance(args[0], dict | set | frozenset):
            args[0] = list(args[0])  # an answer could be made to take quadratic time
            few_collisions([pair[0] for pair in args[0]] if function is dict else args[0])
        if function is None:
            return getattr(_bounded(owner), node.func.attr)(*args, **kwargs)
        if function is round and not all(
            -MAX_DIGITS < one < MAX_DIGITS for one in (*args[1:], *kwargs.values()) if one is not None
        ):
            raise Unliftable("too many digits")
        return function(*args, **kwargs)

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _name(self, node: ast.Name) -> Any:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in _FUNCTIONS:
            return _FUNCTIONS[node.id]
        raise Unliftable(f"the name {node.id}")

    def math(self, node: ast.Attribute) -> Any:
        """What the module math holds under that name."""
        if isinstance(node.value, ast.Name) and node.value.id == "math" and node.attr in _MATH:
            return getattr(math, node.attr)
        raise Unliftable(f"the attribute {node.attr}")

    def _attribute(self, node: ast.Attribute) -> Any:
        return self.math(node)

    def _items(self, nodes: list[ast.expr]) -> list:
        items: list = []
        for node in nodes:
            items.extend(_bounded(self.value(node.value)) if isinstance(node, ast.Starred) else [self.value(node)])
            if len(items) > MAX_SIZE:
                raise Unliftable("a value too large")
        return items

    def _list(self, node: ast.List) -> list:
        return self._items(node.elts)

    def _tuple(self, node: ast.Tuple) -> tuple:
        return tuple(self._items(node.elts))

    def _set(self, node: ast.Set) -> set:
        return set(few_collisions(self._items(node.elts)))

    def _dict(self, node: ast.Dict) -> dict:
        if None in node.keys:
            raise Unliftable("a dict with **")
        return {self.value(key): self.value(item) for key, item in zip(node.keys, node.values, strict=True)}

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        return _OPERATORS[type(node.op)](self.value(node.operand))

    def _binop(self, node: ast.BinOp) -> Any:
        if type(node.op) not in _OPERATORS:
            raise Unliftable("an operator")
        left, right = self.value(node.left), self.value(node.right)
        _bound(node.op, left, right)
        return _OPERATORS[type(node.op)](left, right)

    def _boolop(self, node: ast.BoolOp) -> Any:
        result: Any = None
        for part in node.values:
            result = self.value(part)
            if bool(result) is isinstance(node.op, ast.Or):
                break
        return result

    def _compare(self, node: ast.Compare) -> bool:
        left = self.value(node.left)
        for how, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node)
            if not _OPERATORS[type(how)](left, right):
                return False
            left = right
        return True

    def _ifexp(self, node: ast.IfExp) -> Any:
        return self.value(node.body if self.value(node.test) else node.orelse)

    def _subscript(self, node: ast.Subscript) -> Any:
        return self.value(node.value)[self.value(node.slice)]

    def _slice(self, node: ast.Slice) -> slice:
        return slice(*(None if part is None else self.value(part) for part in (node.lower, node.upper, node.step)))

    def _listcomp(self, node: ast.ListComp) -> list:
        return list(self._generatorexp(node))

    def _setcomp(self, node: ast.SetComp) -> set:
        return set(few_collisions(list(self._generatorexp(node))))

    def _generatorexp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Iterator[Any]:
        source = node.generators[0]
        return self._comprehended(node.elt, source.target.id, iter(self.value(source.iter)), source.ifs)

    def _comprehended(self, element: ast.expr, name: str, items: Iterator[Any], conditions: list[ast.expr]) -> Iterator[Any]:
        inner = _Evaluation(self.names, self.answers)
        for at, item in enumerate(items):
            if at > MAX_SIZE // 100:
                raise Unliftable("a comprehension without end")
            inner.names[name] = item
            if all(inner.value(condition) for condition in conditions):
                yield inner.value(element)


def _is_single(node: ast.expr) -> bool:
    """Whether an expression is one of the objects of which there is one, here and there."""
    return isinstance(node, ast.Constant) and (node.value is None or type(node.value) is bool)


def _bounded(value: Any) -> Any:
    """The value; Unliftable for a range so long that going through it has no end."""
    if isinstance(value, range) and (value.stop - value.start) // value.step > MAX_SIZE:
        raise Unliftable("a range without end")
    return value


def _bound(how: ast.operator, left: Any, right: Any) -> None:
    """Refuse a result that would not fit: answers come from an attacker."""
    if isinstance(how, ast.Mult):
        for one, other in ((left, right), (right, left)):
            if isinstance(one, str | bytes | list | tuple) and isinstance(other, int) and len(one) * other > MAX_SIZE:
                raise Unliftable("a value too large")
    ints = isinstance(left, int) and isinstance(right, int)
    many = ints and min(left.bit_length(), right.bit_length()) > MAX_BITS // 10
    if many and isinstance(how, ast.Mult | ast.FloorDiv | ast.Mod | ast.Div):
        raise Unliftable("numbers too large")
    if ints and isinstance(how, ast.Pow | ast.LShift):
        bits = left.bit_length() * right if isinstance(how, ast.Pow) else left.bit_length() + right
        if bits > MAX_BITS:
            raise Unliftable("a number too large")
    if isinstance(how, ast.Mod) and isinstance(left, str | bytes):
        raise Unliftable("text formatting")
