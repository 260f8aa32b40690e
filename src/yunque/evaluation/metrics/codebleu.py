"""CodeBLEU (Ren et al. 2020, arXiv:2009.10297): the likeness of code by its tokens, keywords, syntax and data flow.

Four parts of 0 to 1, and their weighted sum:

* ``ngram``: corpus BLEU-4 of tokens between blanks; an order without a match counts a tenth of one;
* ``weighted_ngram``: the same as recall, a reference's token counting 1 if it is a keyword and 0.2 if not;
* ``syntax``: share of the references' subtrees, leaves' texts left out, that the answer has too;
* ``dataflow``: share of the references' data-flow edges that the answer has too, variables numbered in order of appearance.

The example of the package codebleu gives 0.5537 (0.1041 / 0.1109 / 1.0 / 1.0), and so does this. Beside codebleu 0.7.0 the
first three parts are the same on every pair tried in Java (1,227) and Python (327). Data flow is a walk of our own: 0.872 to
its 0.872-0.874 on 500 fixes of CodeXGLUE, 0.919 to its 0.914-0.916 on HumanEvalPack's Python; its own figure changes with
the hash seed, since it keeps sources in a set. In JavaScript it follows fewer assignments (0.80-0.83 to 0.92 here).

Where no reference has data flow, ``dataflow`` is 0.0, as in the paper's implementation, which advises not to use the figure
then: ``num_without_dataflow`` says how many pairs had none, and even a perfect answer ends at 0.75. (The package named above
takes 1 for a 0, whatever made it 0.) A text of fewer than four tokens loses n-grams to itself in both implementations.

A data-flow edge says where a variable's value comes from: the last place that set it (``comesFrom``), or what it was
computed from (``computedFrom``). Branches are walked side by side and joined; a loop's content is walked twice, so that what
one round leaves reaches the next.

Covered: C, C++, Go, Java, JavaScript, Python, Rust, TypeScript (also tsx); C# where tree-sitter-c-sharp is installed. Text
that does not parse (error nodes are nodes), comments and Python's docstrings, which do not count.
Not covered: several references a text; scopes (a name is one variable all over a text, as published); calls, pointers,
fields by their object, jumps; data flow in trees deeper than ``MAX_DEPTH`` (taken for none).
"""

from __future__ import annotations

import importlib.util
import keyword
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from yunque.code.grammars import GRAMMARS, parse
from yunque.core.errors import EvaluationError
from yunque.core.plugins import nearest
from yunque.evaluation.metrics.text import ORDERS, interval, ngrams

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_DEPTH = 150
"""Levels of a tree whose data flow is looked for; the walk takes up to three Python frames a level."""
_DOUBLED = 3
"""Loops within loops whose content is walked twice; of deeper ones once, since the walks multiply."""
_KEYWORD, _OTHER = 1.0, 0.2

_C = (
    "auto break case char const continue default do double else enum extern float for goto if inline int long "
    "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while"
)
_CPP = (
    "alignas alignof and asm bool catch class concept consteval constexpr constinit const_cast co_await co_return "
    "co_yield decltype delete dynamic_cast explicit export false friend mutable namespace new noexcept not nullptr "
    "operator or private protected public reinterpret_cast requires static_assert static_cast template this "
    "thread_local throw true try typeid typename using virtual wchar_t xor"
)
_JAVA = (
    "abstract assert boolean break byte case catch char class const continue default do double else enum extends "
    "final finally float for goto if implements import instanceof int interface long native new package private "
    "protected public return short static strictfp super switch synchronized this throw throws transient try void "
    "volatile while"
)
_SCRIPT = (
    "async await break case catch class const continue debugger default delete do else enum export extends false "
    "finally for function if import in instanceof let new null return static super switch this throw true try typeof "
    "var void while with yield"
)
_TYPED = (
    "abstract any as asserts boolean constructor declare get implements infer interface is keyof module namespace "
    "never number private protected public readonly set string symbol type unknown"
)
_GO = (
    "break case chan const continue default defer else fallthrough for func go goto if import interface map package "
    "range return select struct switch type var"
)
_RUST = (
    "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move "
    "mut pub ref return self Self static struct super trait true type unsafe use where while"
)
_CSHARP = (
    "abstract as base bool break byte case catch char checked class const continue decimal default delegate do double "
    "else enum event explicit extern false finally fixed float for foreach goto if implicit in int interface internal "
    "is lock long namespace new null object operator out override params private protected public readonly ref return "
    "sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof uint ulong unchecked "
    "unsafe ushort using virtual void volatile while"
)
KEYWORDS: dict[str, frozenset[str]] = {
    "c": frozenset(_C.split()),
    "cpp": frozenset(f"{_C} {_CPP}".split()),
    "csharp": frozenset(_CSHARP.split()),
    "go": frozenset(_GO.split()),
    "java": frozenset(_JAVA.split()),
    "javascript": frozenset(_SCRIPT.split()),
    "python": frozenset([*keyword.kwlist, "case", "match", "type"]),
    "rust": frozenset(_RUST.split()),
    "tsx": frozenset(f"{_SCRIPT} {_TYPED}".split()),
    "typescript": frozenset(f"{_SCRIPT} {_TYPED}".split()),
}
"""Reserved words of each language's specification. Java's and Python's are the published lists."""


@dataclass(frozen=True, kw_only=True)
class CodeBleu:
    """CodeBLEU of a corpus and its parts, each 0 to 1."""

    score: float
    ngram: float
    weighted_ngram: float
    syntax: float
    dataflow: float
    num_without_dataflow: int
    """Pairs whose reference has no data flow; where that is all of them, ``dataflow`` is 0 and says nothing."""
    low: float | None = None
    high: float | None = None
    """Ends of the score's 95 % interval, texts resampled; None for few texts."""


def has_codebleu(language: str) -> bool:
    """Whether `code_bleu` knows the language and its grammar is installed."""
    if language not in KEYWORDS:
        return False
    return importlib.util.find_spec(GRAMMARS.get(language, ("tree_sitter_c_sharp",))[0]) is not None


def code_bleu(
    predictions: Sequence[str],
    references: Sequence[str],
    language: str,
    weights: Sequence[float] = (0.25, 0.25, 0.25, 0.25),
    *,
    tokens: Callable[[str], list[str]] = str.split,
) -> CodeBleu:
    """CodeBLEU of the predictions, each beside its reference; ``tokens`` cuts texts, at blanks as published.

    ValueError when there are no texts, not as many of both, or not four weights; EvaluationError for a language without
    keywords and grammar.
    """
    if len(predictions) != len(references) or not predictions:
        raise ValueError(f"{len(predictions)} predictions to {len(references)} references")
    if len(weights) != 4:
        raise ValueError(f"four weights, not {len(weights)}")
    if not has_codebleu(language):
        known = [name for name in KEYWORDS if has_codebleu(name)]
        raise EvaluationError(f"no CodeBLEU for {language!r}", do=nearest(language, known))
    cut = [(tokens(one.strip()), tokens(other.strip())) for one, other in zip(predictions, references, strict=True)]
    rows = np.column_stack([_precision(cut), _weighted_recall(cut, KEYWORDS[language])])
    rows = np.column_stack([rows, _structure(predictions, references, language)])
    low, high = interval(rows, lambda sums: math.fsum(np.multiply(weights, _parts(sums))))
    ngram, weighted, syntax, dataflow = parts = _parts(rows.sum(axis=0))
    return CodeBleu(
        score=math.fsum(np.multiply(weights, parts)),
        ngram=ngram,
        weighted_ngram=weighted,
        syntax=syntax,
        dataflow=dataflow,
        num_without_dataflow=int((rows[:, -1] == 0).sum()),
        low=low,
        high=high,
    )


def _parts(sums: np.ndarray) -> tuple[float, float, float, float]:
    """The four parts, from the sums over a corpus of what `_precision`, `_weighted_recall` and `_structure` give a text."""
    width = 2 * ORDERS + 2
    same_trees, num_trees, same_edges, num_edges = (float(one) for one in sums[2 * width :])
    dataflow = same_edges / num_edges if num_edges else 0.0
    return _joined(sums[:width]), _joined(sums[width : 2 * width]), same_trees / num_trees, dataflow


# ------------------------------------------------------------------------------------------------------------------- n-grams
Cut = Sequence[tuple[list[str], list[str]]]
"""Tokens of each prediction and of its reference."""


def _precision(cut: Cut) -> list[list[float]]:
    """Of each text: the n-grams that match, those there are, and both lengths.

    As in the paper's implementation, a text too short for an order still adds one to that order's n-grams.
    """
    rows = []
    for given, expected in cut:
        counts = [ngrams(given, order) for order in range(1, ORDERS + 1)]
        matched = [(one & ngrams(expected, order)).total() for order, one in enumerate(counts, 1)]
        rows.append([*matched, *(max(1, one.total()) for one in counts), len(given), len(expected)])
    return rows


def _weighted_recall(cut: Cut, keywords: frozenset[str]) -> list[list[float]]:
    """The same of the reference's n-grams; single tokens are weighted.

    The paper's implementation takes every reference to be two tokens long when it asks whether the answers are too short, so
    that next to none is; recall punishes those by itself.
    """
    rows = []
    for given, expected in cut:
        wanted = [ngrams(expected, order) for order in range(1, ORDERS + 1)]
        matched = [one & ngrams(given, order) for order, one in enumerate(wanted, 1)]
        shares = [[_weight(one[0], keywords), *(counts.total() for counts in one[1:])] for one in (matched, wanted)]
        rows.append([*shares[0], *(max(1.0, share) for share in shares[1]), len(given), 2])
    return rows


def _weight(counts: Counter[tuple[str, ...]], keywords: frozenset[str]) -> float:
    return math.fsum(count * (_KEYWORD if token in keywords else _OTHER) for (token,), count in counts.items())


def _joined(sums: np.ndarray) -> float:
    """Geometric mean of the shares, less for texts shorter than wanted; 0 without a single token in common."""
    matched, possible, (length, wanted) = sums[:ORDERS], sums[ORDERS : 2 * ORDERS], sums[2 * ORDERS :]
    if not matched[0]:
        return 0.0
    logs = np.log(np.where(matched > 0, matched, 0.1) / possible)
    return math.exp(float(logs.mean()) + min(0.0, 1 - wanted / length))


# --------------------------------------------------------------------------------------------------------- syntax, data flow
Edge = tuple[int, str, tuple[int, ...]]
"""Number of a variable, ``comesFrom`` or ``computedFrom``, numbers of the variables it came from."""


def _structure(predictions: Sequence[str], references: Sequence[str], language: str) -> list[list[int]]:
    """Of each pair: the reference's subtrees that the prediction has, all of them; the same of its edges."""
    rows = []
    shapes: dict[tuple, int] = {}
    for prediction, reference in zip(predictions, references, strict=True):
        given, expected = _parsed(prediction, language), _parsed(reference, language)
        theirs, ours = set(_subtrees(given, shapes)), _subtrees(expected, shapes)
        wanted = Counter(data_flow(expected))
        same = wanted & Counter(data_flow(given)) if wanted else wanted
        rows.append([sum(tree in theirs for tree in ours), len(ours), same.total(), wanted.total()])
    return rows


def _parsed(text: str, language: str) -> Node:
    data = text.strip().encode("utf-8", "replace")
    if language in GRAMMARS:
        return parse(data, language).root_node
    import tree_sitter_c_sharp
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_c_sharp.language())).parse(data).root_node


def _subtrees(root: Node, shapes: dict[tuple, int]) -> list[int]:
    """The number of the shape of each node that has children, and of the root; equal shapes have one number in ``shapes``.

    A shape is a node's type and its named children's fields and shapes. No recursion: a text can nest as deep as it is long.
    """
    order, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        order.append((node, [(at, child) for at, child in enumerate(node.children) if _counts(child)]))
        waiting.extend(child for _, child in order[-1][1])
    numbers: dict[int, int] = {}
    for node, children in reversed(order):
        kind = f"MISSING {node.type}" if node.is_missing else node.type
        shape = (kind, *((node.field_name_for_child(at), numbers[child.id]) for at, child in children))
        numbers[node.id] = shapes.setdefault(shape, len(shapes))
    return [numbers[node.id] for node, _ in order if node.child_count or node is root]


def _counts(node: Node) -> bool:
    """Nodes that are syntax: no punctuation, no comments, no docstrings."""
    return (node.is_named or node.is_missing) and "comment" not in node.type and not _is_docstring(node)


def _is_docstring(node: Node) -> bool:
    return node.type == "expression_statement" and node.child_count == 1 and node.children[0].type == "string"


# ----------------------------------------------------------------------------------------------------------------- data flow
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
        for one in right:
            self.walk(one, states)
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
        for one in values:
            self.walk(one, states)
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
            elif inner and all(one.type in _CASES for one in inner):
                ways += [(name, one) for one in inner]
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
    for at, child in enumerate(node.children):
        if child.is_named:
            yield node.field_name_for_child(at), child


def _loop_parts(node: Node) -> list[tuple[str | None, Node]]:
    """A loop's children; those of Go's ``for`` clause in its place."""
    parts = []
    for name, child in _named(node):
        parts += _named(child) if child.type == "for_clause" else [(name, child)]
    return parts


def _children(node: Node, name: str) -> list[Node]:
    """The children with that field; "" for those without one, which a declared value is in C#."""
    found = [child for one, child in _named(node) if (one or "") == name]
    return found or (_children(node, "") if name == "value" and node.type == "variable_declarator" else [])


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
    found, waiting = [], list(reversed(nodes)) if isinstance(nodes, list) else [nodes]
    while waiting:
        node = waiting.pop()
        if not _is_leaf(node):
            waiting.extend(reversed(node.named_children))
        elif node.is_named and "comment" not in node.type and node.type != _text(node):
            found.append(node)
    return found


def _text(node: Node) -> str:
    return node.text.decode("utf-8", "replace")
