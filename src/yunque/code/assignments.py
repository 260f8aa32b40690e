"""Names and the literals they get, read from the syntax tree: where the value stands makes no difference.

    app.secret_key = (            dict(password=("half"        os.getenv("TOKEN", "value")
        "value"                                  "other"))     if password == "value": …
    )

Read by the fields of the nodes, so one reader serves all grammars: assignments, annotated or not; keys of maps; keyword
arguments, defaults of parameters, fields; comparisons; calls with a name and a value. A value is a literal of any quotes, in
parentheses, put together from pieces, the default of a choice (``or``, ``??``, ``get``, ``Field``).

Cost: only nodes around the asked places are entered, and at most ``MAX_VISITS`` nodes of values are looked at in a text.
Not covered: values with a substitution in them, names and values that stand in two statements.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from yunque.code.grammars import parse

if TYPE_CHECKING:
    from tree_sitter import Node

Span = tuple[int, int]
MAX_VISITS, MAX_VALUE_VISITS = 50_000, 300
"""Nodes of all values of a text, and of one value, that are looked at; the rest of longer ones is not read."""
_NAMES = ("left", "name", "key", "pattern", "property", "declarator", "field")
_VALUES = ("right", "value")
_SETS = frozenset((b"=", b":=", b"||=", b"??=", b"?="))
_COMPARES = frozenset((b"==", b"===", b"!=", b"!=="))
_CHOOSES = frozenset((b"or", b"||", b"??", b"?:"))
_CALLS = frozenset(("call", "call_expression", "method_invocation"))
_WRAPPERS = frozenset(
    (
        *("parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression", "literal_element"),
        *("expression_list", "expression_statement", "cast_expression"),
    )
)
_LISTS = frozenset(("pattern_list", "expression_list", "tuple_pattern", "tuple"))
_GIVE = frozenset(
    b"get getenv setdefault setenv set put putenv setproperty getproperty getordefault setitem config env".split()
)
"""Calls of a name and a value, in lower case without underscores."""
_HOLD = frozenset(b"field secretstr secretbytes secret str bytes string column mapped_column attrib ib".split())
_SAME = frozenset(b"encode decode strip trim tostring getbytes tochararray".split())
_EQUAL = frozenset(b"equals comparedigest".split())


def assigned(data: bytes, language: str, places: Sequence[int]) -> Iterator[tuple[bytes, list[Span]]]:
    """Each name near the places (sorted offsets), with the spans of the pieces of its value; no name for a joined literal.

    KeyError for a language without a grammar; ImportError when its wheel is missing.
    """
    reader = _Reader()
    stack = [parse(data, language).root_node]
    while stack:
        node = stack.pop()
        position = bisect_left(places, node.start_byte)
        if position == len(places) or places[position] >= node.end_byte:
            continue
        for name, value in _pairs(node):
            if text := _name(name):
                yield from ((text, pieces) for pieces in reader.values(value))
        joined = [item for item in reader.values(node) if len(item) > 1] if _is_joined(node) else []
        yield from ((b"", pieces) for pieces in joined)
        if not joined:
            stack += node.children


def _is_joined(node: Node) -> bool:
    return node.type in ("concatenated_string", "concatenation") or _operator(node) in (b"+", b".")


def _operator(node: Node) -> bytes:
    operator = node.child_by_field_name("operator") or node.child_by_field_name("operators")
    return operator.text or b"" if operator is not None and operator.end_byte - operator.start_byte < 4 else b""


def _field(node: Node, names: Sequence[str]) -> Node | None:
    return next((result for name in names if (result := node.child_by_field_name(name)) is not None), None)


def _pairs(node: Node) -> Iterator[tuple[Node, Node]]:
    """The names and values that a node ties to one another."""
    operator = _operator(node)
    if node.type in _CALLS:
        yield from _of_call(node)
    elif node.type in ("comparison_operator", "jsx_attribute"):
        if len(both := _inside(node)) == 2 and (not operator or operator in _COMPARES):
            yield both[0], both[1]
            yield both[1], both[0]
    elif not operator or operator in _SETS or operator in _COMPARES:
        name, value = _field(node, _NAMES), _field(node, _VALUES)
        if name is None or value is None:
            return
        if name.type in _LISTS and value.type in _LISTS:
            names, values = _inside(name), _inside(value)
            yield from zip(names, values, strict=True) if len(names) == len(values) else ()
            return
        yield name, value
        if operator in _COMPARES:
            yield value, name


def _of_call(node: Node) -> Iterator[tuple[Node, Node]]:
    called, on, given = _call(node)
    plain = called.lower().replace(b"_", b"")
    if plain in _GIVE and len(given) >= 2:
        yield given[0], given[1]
    elif plain in _EQUAL and (both := [*([on] if on is not None and len(given) == 1 else ()), *given])[1:]:
        yield both[0], both[1]
        yield both[1], both[0]
    elif plain.startswith((b"set", b"with")) and len(given) == 1 and (name := _field(node, ("name", "function"))):
        yield name, given[0]


def _call(node: Node) -> tuple[bytes, Node | None, list[Node]]:
    """What is called, on what, and what it is given."""
    function = _field(node, ("name", "function", "method"))
    on = _field(node, ("object", "receiver")) or (function and _field(function, ("object", "operand", "value")))
    arguments = node.child_by_field_name("arguments")
    return (_name(function) if function else b""), on, _inside(arguments) if arguments else []


def _inside(node: Node) -> list[Node]:
    return [child for child in node.named_children if "comment" not in child.type]


def _name(node: Node) -> bytes:
    """The last word of a name, or a key that is a literal; empty for anything else."""
    for _ in range(8):
        text = node.text or b""
        if (span := _literal(node)) is not None:
            return text[span[0] - node.start_byte : span[1] - node.start_byte] if span[1] - span[0] <= 80 else b""
        children = _inside(node)
        if node.type in _CALLS or "operator" in node.type or "binary" in node.type:
            return b""
        if not children:
            return text if node.end_byte - node.start_byte <= 80 else b""
        node = children[-1]
    return b""


def _literal(node: Node) -> Span | None:
    """The bytes inside a literal's quotes, without blanks at either end; None for anything else."""
    if "string" not in node.type or node.type == "concatenated_string":
        return None
    parts = node.named_children
    if any(
        not part.type.endswith(("content", "fragment", "escape_sequence", "string_start", "string_end")) for part in parts
    ):
        return None  # a substitution
    parts = [part for part in parts if not part.type.endswith(("_start", "_end"))]
    if parts:
        start, end = parts[0].start_byte, parts[-1].end_byte
    elif node.type == "raw_string":
        start, end = node.start_byte + 1, node.end_byte - 1
    else:
        return node.end_byte, node.end_byte
    text = (node.text or b"")[start - node.start_byte : end - node.start_byte]
    return start + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip())


class _Reader:
    """Reads values, and stops when a text has cost too much."""

    def __init__(self) -> None:
        self.left = MAX_VISITS

    def values(self, node: Node) -> list[list[Span]]:
        """What a value may be: the pieces of each literal that it can come from."""
        if self.left <= 0:
            return []
        before, self._stop = self.left, self.left - MAX_VALUE_VISITS
        result = self._values(node)
        return [pieces for pieces in result if pieces] if before - self.left < MAX_VALUE_VISITS else []

    def _values(self, node: Node) -> list[list[Span]]:
        self.left -= 1
        if self.left <= self._stop:
            return []
        if (span := _literal(node)) is not None:
            return [[span] if span[0] < span[1] else []]
        if node.type in _CALLS:
            return self._of_call(node)
        operator = _operator(node)
        if _is_joined(node):
            return self._joined(_inside(node))
        if node.type in _WRAPPERS or operator in _CHOOSES or node.type in ("conditional_expression", "ternary_expression"):
            return [value for child in node.named_children[:8] for value in self._values(child)]
        return []

    def _joined(self, parts: list[Node]) -> list[list[Span]]:
        """One literal of all parts, where each is one."""
        pieces: list[Span] = []
        for part in parts:
            if len(values := self._values(part)) != 1:
                return []
            pieces += values[0]
        return [pieces]

    def _of_call(self, node: Node) -> list[list[Span]]:
        """The default that a call gives back, or the literal that it wraps."""
        called, on, given = _call(node)
        plain = called.lower().replace(b"_", b"")
        if plain in _SAME and on is not None:
            return self._values(on)
        named = {
            key.text: _field(item, _VALUES) for item in given if (key := _field(item, ("name",))) and _field(item, _VALUES)
        }
        given = [item for item in given if item.type != "keyword_argument"]
        value = next((named[key] for key in (b"default", b"default_value") if key in named), None)
        if value is None and (plain in _HOLD or plain in _GIVE) and given:
            value = given[-1] if plain in _GIVE and len(given) >= 2 else given[0] if plain in _HOLD else None
        return self._values(value) if value is not None else []
