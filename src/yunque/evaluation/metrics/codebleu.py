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
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yunque.code.grammars import parse
from yunque.code.languages import PARSED
from yunque.core.errors import EvaluationError
from yunque.core.plugins import nearest
from yunque.evaluation.metrics.data_flow import data_flow
from yunque.evaluation.metrics.keywords import KEYWORDS
from yunque.evaluation.metrics.text import ORDERS, interval, ngrams

if TYPE_CHECKING:
    from tree_sitter import Node

_KEYWORD, _OTHER = 1.0, 0.2


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
    module = PARSED[language].grammar.partition(":")[0] if language in PARSED else "tree_sitter_c_sharp"
    return importlib.util.find_spec(module) is not None


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
    cut = [
        (tokens(prediction.strip()), tokens(other.strip()))
        for prediction, other in zip(predictions, references, strict=True)
    ]
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
    same_trees, num_trees, same_edges, num_edges = (float(item) for item in sums[2 * width :])
    dataflow = same_edges / num_edges if num_edges else 0.0
    return _joined(sums[:width]), _joined(sums[width : 2 * width]), same_trees / num_trees, dataflow


# ------------------------------------------------------------------------------------------------------------------- n-grams
Cut = Sequence[tuple[list[str], list[str]]]
"""Tokens of each prediction and of its reference."""


def _precision(cut: Cut) -> list[list[float]]:
    """Of each text: the n-grams that match, those there are, and both lengths.

    As in the paper's implementation, a text too short for an order still adds one to that order's n-grams.
    """
    rows: list[list[float]] = []
    for given, expected in cut:
        counts = [ngrams(given, order) for order in range(1, ORDERS + 1)]
        matched = [(count & ngrams(expected, order)).total() for order, count in enumerate(counts, 1)]
        rows.append([*matched, *(max(1, count.total()) for count in counts), len(given), len(expected)])
    return rows


def _weighted_recall(cut: Cut, keywords: frozenset[str]) -> list[list[float]]:
    """The same of the reference's n-grams; single tokens are weighted.

    The paper's implementation takes every reference to be two tokens long when it asks whether the answers are too short, so
    that next to none is; recall punishes those by itself.
    """
    rows = []
    for given, expected in cut:
        wanted = [ngrams(expected, order) for order in range(1, ORDERS + 1)]
        matched = [item & ngrams(given, order) for order, item in enumerate(wanted, 1)]
        shares = [[_weight(item[0], keywords), *(counts.total() for counts in item[1:])] for item in (matched, wanted)]
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
    if language in PARSED:
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
        order.append((node, [(index, child) for index, child in enumerate(node.children) if _counts(child)]))
        waiting.extend(child for _, child in order[-1][1])
    numbers: dict[int, int] = {}
    for node, children in reversed(order):
        kind = f"MISSING {node.type}" if node.is_missing else node.type
        shape = (kind, *((node.field_name_for_child(position), numbers[child.id]) for position, child in children))
        numbers[node.id] = shapes.setdefault(shape, len(shapes))
    return [numbers[node.id] for node, _ in order if node.child_count or node is root]


def _counts(node: Node) -> bool:
    """Nodes that are syntax: no punctuation, no comments, no docstrings."""
    return (node.is_named or node.is_missing) and "comment" not in node.type and not _is_docstring(node)


def _is_docstring(node: Node) -> bool:
    return node.type == "expression_statement" and node.child_count == 1 and node.children[0].type == "string"
