"""Expressions that only compute, evaluated here without running code: what a test expects."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from yunque.checks.inside.decoder import few_collisions

MAX_SIZE = 10_000_000
"""Items of one value, or steps of one comprehension: answers come from an attacker."""
MAX_BITS = 1_000_000
MAX_DIGITS = 1000
FUNCTIONS = {
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
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.LShift: operator.lshift,
    ast.RShift: operator.rshift, ast.BitOr: operator.or_, ast.BitAnd: operator.and_, ast.BitXor: operator.xor,
    ast.UAdd: operator.pos, ast.USub: operator.neg, ast.Not: operator.not_, ast.Invert: operator.invert,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda value, many: value in _bounded(many), ast.NotIn: lambda value, many: value not in _bounded(many),
}  # fmt: skip


class Unliftable(Exception):
    """This part of a test cannot be judged from outside; the message says why."""


class Evaluation:
    """A small interpreter of expressions over plain values: nothing of the test or of the answers is ever executed."""

    def __init__(self, names: Mapping[str, Any], answers: Mapping[int, Any]) -> None:
        self.names, self.answers = dict(names), answers

    def check(self, node: ast.AST, free: Callable[[str], str]) -> None:
        """Raise Unliftable for what `value` would not know, whatever the answers are; ``free`` does for names that hide."""
        bound = {free(item.id) for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
        called = {id(item.func) for item in ast.walk(node) if isinstance(item, ast.Call)}
        for item in ast.walk(node):
            known = isinstance(item, ast.expr_context | ast.operator | ast.unaryop | ast.boolop | ast.cmpop | ast.keyword)
            if not known and not isinstance(item, ast.comprehension | ast.Starred) and not hasattr(self, self.method(item)):
                raise Unliftable(f"a {type(item).__name__.lower()} expression")
            if isinstance(item, ast.Call) and id(item) not in self.answers:
                self.function(item)
            if isinstance(item, ast.keyword) and item.arg is None:
                raise Unliftable("a call with **")
            if isinstance(item, ast.Attribute) and id(item) not in called:
                self.math(item)
            if (
                isinstance(item, ast.Name)
                and id(item) not in called
                and item.id not in {*bound, *self.names, *FUNCTIONS, "math"}
            ):
                raise Unliftable(f"the name {item.id}")
            if isinstance(item, ast.Compare):
                pairs = zip(item.ops, item.comparators, strict=True)
                if any(isinstance(how, ast.Is | ast.IsNot) and not _is_single(right) for how, right in pairs):
                    raise Unliftable("a comparison of identity")
            if isinstance(item, ast.Subscript) and any(isinstance(part, ast.Call) for part in ast.walk(item.slice)):
                raise Unliftable("a subscript that is computed")
            if isinstance(item, ast.ListComp | ast.SetComp | ast.GeneratorExp):
                simple = len(item.generators) == 1 and isinstance(item.generators[0].target, ast.Name)
                if not simple or item.generators[0].is_async:
                    raise Unliftable("a comprehension of several parts")
            if isinstance(item, ast.BinOp | ast.UnaryOp) and type(item.op) not in _OPERATORS:
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
        if isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS and node.func.id not in self.names:
            return FUNCTIONS[node.func.id]
        if isinstance(node.func, ast.Attribute):
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "math":
                return self.math(node.func)
            if node.func.attr in _METHODS:
                return None
        raise Unliftable(f"a call of {ast.unparse(node.func)[:60]}")

    def _call(self, node: ast.Call) -> Any:
        function = self.function(node)
        method = node.func if function is None else None
        owner = self.value(method.value) if isinstance(method, ast.Attribute) else None  # before the arguments, as Python
        args: list[Any] = []
        for argument in node.args:
            items = self.value(argument.value) if isinstance(argument, ast.Starred) else [self.value(argument)]
            args.extend(map(_bounded, _bounded(items)))
        kwargs = {str(keyword.arg): _bounded(self.value(keyword.value)) for keyword in node.keywords}
        if function in (set, frozenset, dict) and args and not isinstance(args[0], dict | set | frozenset):
            args[0] = list(args[0])  # an answer could be made to take quadratic time
            few_collisions([pair[0] for pair in args[0]] if function is dict else args[0])
        if isinstance(method, ast.Attribute):
            return getattr(_bounded(owner), method.attr)(*args, **kwargs)
        if function is round and not all(
            -MAX_DIGITS < arg < MAX_DIGITS for arg in (*args[1:], *kwargs.values()) if arg is not None
        ):
            raise Unliftable("too many digits")
        return function(*args, **kwargs)

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _name(self, node: ast.Name) -> Any:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in FUNCTIONS:
            return FUNCTIONS[node.id]
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
        return {self.value(key): self.value(item) for key, item in zip(node.keys, node.values, strict=True) if key}

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
        assert isinstance(source.target, ast.Name)  # `check` takes no other
        return self._comprehended(node.elt, source.target.id, iter(self.value(source.iter)), source.ifs)

    def _comprehended(self, element: ast.expr, name: str, items: Iterator[Any], conditions: list[ast.expr]) -> Iterator[Any]:
        inner = Evaluation(self.names, self.answers)
        for index, item in enumerate(items):
            if index > MAX_SIZE // 100:
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
        for first, other in ((left, right), (right, left)):
            if isinstance(first, str | bytes | list | tuple) and isinstance(other, int) and len(first) * other > MAX_SIZE:
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
