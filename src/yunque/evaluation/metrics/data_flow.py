"""Which value each name of a function gets from where: the edges that CodeBLEU compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_DEPTH = 150
"""Levels of a tree whose data flow is looked for; the walk takes up to three Python frames a level."""
_DOUBLED = 3
"""Loops within loops whose content is walked twice; of deeper ones once, since the walks multiply."""
Edge = tuple[int, str, tuple[int, ...]]
"""Number of a variable, ``comesFrom`` or ``computedFrom``, numbers of the variables it came from."""
_DECLARES = {
    "as_pattern": ("alias", ""),
    "assignment_pattern": ("left", "right"),
    "const_spec": ("name", "value"),
    "default_parameter": ("name", "value"),
    "init_declarator": ("declarator", "value"),
    "let_declaration": ("pattern", "value"),
    "optional_parameter": ("pattern", "value"),
    "optional_parameter_declaration": ("declarator", "default_value"),
    "required_parameter": ("pattern", "value"),
    "typed_default_parameter": ("name", "value"),
    "var_spec": ("name", "value"),
    "variable_declarator": ("name", "value"),
}
"""Node type -> fields of the name and of the value, in every grammar; "" for the children without a field."""
_ASSIGNS = {
    "assignment": ("left", "right"),
    "assignment_expression": ("left", "right"),
    "assignment_statement": ("left", "right"),
    "augmented_assignment": ("left", "right"),
    "augmented_assignment_expression": ("left", "right"),
    "compound_assignment_expr": ("left", "right"),
    "for_in_clause": ("left", "right"),
    "let_condition": ("pattern", "value"),
    "named_expression": ("name", "value"),
    "range_clause": ("left", "right"),
    "short_var_declaration": ("left", "right"),
}
_EACH = {
    "enhanced_for_statement": ("name", "value"),
    "for_expression": ("pattern", "value"),
    "for_in_statement": ("left", "right"),
    "for_range_loop": ("declarator", "right"),
    "for_statement": ("left", "right"),
    "foreach_statement": ("left", "right"),
}
_UPDATES = {"dec_statement", "inc_statement", "postfix_unary_expression", "prefix_unary_expression", "update_expression"}
_LOOPS = {"do_statement", "for_statement", "loop_expression", "while_expression", "while_statement"}
_BRANCHES = {
    "expression_switch_statement",
    "if_expression",
    "if_statement",
    "match_expression",
    "match_statement",
    "switch_expression",
    "switch_statement",
    "type_switch_statement",
}
_FIRST = {"condition", "init", "initializer", "subject", "value"}
"""Fields of a branch that are walked whichever way it goes."""
_CASES = {
    "case_clause",
    "case_statement",
    "match_arm",
    "switch_block_statement_group",
    "switch_case",
    "switch_default",
    "switch_rule",
    "switch_section",
}
_ELSE = {"default_case", "else_clause", "switch_default"}
_HOLES = {"interpolation", "template_substitution"}
_LISTS = {"array", "array_pattern", "expression_list", "pattern_list", "tuple", "tuple_pattern"}
States = dict[str, tuple[int, ...]]
"""Name -> places of its leaves (byte offsets) that may have set it last."""


def data_flow(root: Node) -> list[Edge]:
    """The edges of a tree, in the order of its text; none of one that is too deep."""
    if _depth_is_over(root, MAX_DEPTH):
        return []
    flow = _Flow()
    flow.walk(root, {})
    used = {place for entry in flow.entries.values() for place in entry.sources}
    numbers: dict[str, int] = {}
    edges = []
    for place, entry in sorted(flow.entries.items()):
        if entry.sources or place in used:
            names = dict.fromkeys(name for _, name in sorted(entry.sources.items()))
            sources = tuple(numbers.setdefault(name, len(numbers)) for name in names)
            edges.append((numbers.setdefault(entry.name, len(numbers)), entry.relation, sources))
    return edges


def _depth_is_over(root: Node, most: int) -> bool:
    level = [root]
    for _ in range(most):
        level = [child for node in level for child in node.named_children]
        if not level:
            return False
    return True


@dataclass(kw_only=True)
class _Entry:
    """One leaf, and the leaves its value came from (place -> name)."""

    name: str
    relation: str
    sources: dict[int, str] = field(default_factory=dict)


class _Flow:
    """One walk over a tree; ``entries`` grows by the place of each leaf."""

    def __init__(self) -> None:
        self.entries: dict[int, _Entry] = {}
        self.doubled = 0

    def walk(self, node: Node, states: States) -> None:
        """Follow a node's values; ``states`` is changed to what holds after it."""
        kind = node.type
        if "comment" in kind:
            return
        if _is_leaf(node):
            self._use(node, states)
        elif (fields := _DECLARES.get(kind)) and _children(node, fields[0]):
            self._assign(_children(node, fields[0]), _children(node, fields[1]), "comesFrom", states)
        elif fields := _ASSIGNS.get(kind):
            self._assign(_children(node, fields[0]), _children(node, fields[1]), "computedFrom", states)
        elif kind in _UPDATES and any(child.type in ("++", "--") for child in node.children):
            names = [leaf for child in node.named_children for leaf in _leaves(child)]
            self._set(names, names, "computedFrom", states)
        elif kind in _EACH and node.child_by_field_name(_EACH[kind][1]):
            self._each(node, *_EACH[kind], states)
        elif kind in _LOOPS:
            self._twice(_loop_parts(node), states)
        elif kind in _BRANCHES:
            self._branch(node, states)
        else:
            for child in sorted(node.named_children, key=lambda child: child.type != "for_in_clause"):
                self.walk(child, states)  # a comprehension's value stands before what sets its variable

    def _use(self, leaf: Node, states: States) -> None:
        """A leaf comes from what set its name last; a variable that nothing has set starts here, a literal anywhere."""
        name = _text(leaf)
        if leaf.type == name:
            return
        self._enter(leaf, "comesFrom", {place: name for place in states.get(name, ())})
        if leaf.type == "identifier":
            states.setdefault(name, (leaf.start_byte,))

    def _enter(self, leaf: Node, relation: str, sources: dict[int, str]) -> None:
        entry = self.entries.setdefault(leaf.start_byte, _Entry(name=_text(leaf), relation=relation))
        entry.relation = relation
        entry.sources.update(sources)

    def _assign(self, left: list[Node], right: list[Node], relation: str, states: States) -> None:
        for item in right:
            self.walk(item, states)
        left, right = _items(left), _items(right)
        pairs = zip(left, right, strict=True) if len(left) == len(right) else [(left, right)]
        for names, values in pairs:
            self._set(_leaves(names), _leaves(values), relation, states)

    def _set(self, names: list[Node], values: list[Node], relation: str, states: States) -> None:
        sources = {leaf.start_byte: _text(leaf) for leaf in values}
        for leaf in names:
            self._enter(leaf, relation, sources)
        for leaf in names:
            states[_text(leaf)] = (leaf.start_byte,)

    def _each(self, node: Node, left: str, right: str, states: States) -> None:
        names, values = _children(node, left), _children(node, right)
        rest = [child for child in node.named_children if child not in names and child not in values]
        for value in values:
            self.walk(value, states)
        for _ in range(self._rounds()):
            self._set(_leaves(names), _leaves(values), "computedFrom", states)
            self._all(rest, states)

    def _twice(self, parts: list[tuple[str | None, Node]], states: States) -> None:
        self._all([child for name, child in parts if name in ("init", "initializer")], states)
        rest = [child for name, child in parts if name not in ("init", "initializer")]
        for _ in range(self._rounds()):
            self._all(rest, states)

    def _rounds(self) -> int:
        return 2 if self.doubled < _DOUBLED else 1

    def _all(self, nodes: list[Node], states: States) -> None:
        self.doubled += 1
        for node in nodes:
            self.walk(node, states)
        self.doubled -= 1

    def _branch(self, node: Node, states: States) -> None:
        """Every way on a copy of the states; after it a name was set by any of them."""
        ways = []
        for name, child in _named(node):
            inner = child.named_children
            if name in _FIRST:
                self.walk(child, states)
            elif inner and all(item.type in _CASES for item in inner):
                ways += [(name, item) for item in inner]
            else:
                ways.append((name, child))
        ends = []
        for _, way in ways:
            ends.append(dict(states))
            self.walk(way, ends[-1])
        if not any(way.type in _ELSE or (name == "alternative" and way.type != "elif_clause") for name, way in ways):
            ends.append(dict(states))
        for name in {name for end in ends for name in end}:
            places = (place for end in ends for place in end.get(name, ()))
            states[name] = tuple(dict.fromkeys(places))


def _named(node: Node) -> Iterator[tuple[str | None, Node]]:
    """Named children with their fields."""
    for index, child in enumerate(node.children):
        if child.is_named:
            yield node.field_name_for_child(index), child


def _loop_parts(node: Node) -> list[tuple[str | None, Node]]:
    """A loop's children; those of Go's ``for`` clause in its place."""
    parts: list[tuple[str | None, Node]] = []
    for name, child in _named(node):
        parts += _named(child) if child.type == "for_clause" else [(name, child)]
    return parts


def _children(node: Node, name: str) -> list[Node]:
    """The children with that field; "" for those without one, which a declared value is in C#."""
    childs = [child for item, child in _named(node) if (item or "") == name]
    return childs or (_children(node, "") if name == "value" and node.type == "variable_declarator" else [])


def _items(nodes: list[Node]) -> list[Node]:
    """The items of a list that stands alone: both sides of ``a, b = c, d``."""
    return nodes[0].named_children if len(nodes) == 1 and nodes[0].type in _LISTS else nodes


def _is_leaf(node: Node) -> bool:
    """A name or a literal; a text without values put in is one literal."""
    if not node.child_count:
        return True
    literal = "string" in node.type or "char" in node.type
    return literal and not any(child.type in _HOLES for child in node.named_children)


def _leaves(nodes: Node | list[Node]) -> list[Node]:
    """The names and literals below; words that are their own type (``this``, ``true``) are neither."""
    result, waiting = [], list(reversed(nodes)) if isinstance(nodes, list) else [nodes]
    while waiting:
        node = waiting.pop()
        if not _is_leaf(node):
            waiting.extend(reversed(node.named_children))
        elif node.is_named and "comment" not in node.type and node.type != _text(node):
            result.append(node)
    return result


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
