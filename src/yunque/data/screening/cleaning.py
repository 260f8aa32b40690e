"""Auto-clean: what is safe to fix is fixed, with a proof that nothing else changed; without it a text stays as it is.

Three steps, each with its own proof:

    cut        comments that a check found (a licence header, commented-out code), where the recipe names the finding
    imports    unused imports of Python, by ruff's safe fix alone
    layout     white space at line ends and of the end of the file; by option line breaks and tabs of the indentation

The proof for Python is its own syntax tree: equal, but for exactly the imports that were reported as unused. For the other
languages it is the sequence of tokens of their grammar: equal, comments left out for a cut, white space at the ends of a
comment's lines left out for layout. Strings are tokens as a whole, so nothing inside them ever changes.

Covered: strings over several lines, heredocs, templates, line continuations, semicolons that a line break stands for;
comments that tell a tool what to do are never cut; an import that its author marked with ``noqa`` stays.
Not covered: languages without a grammar, and texts that do not parse (left as they are); an import that was only there for
what it does when it is imported (ruff calls such an import unused).
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from yunque.checks.linters.ruff import INVALID, Broken, Places, Row, find_ruff, in_files, run_ruff
from yunque.code.grammars import parse
from yunque.code.languages import PARSED, row_of
from yunque.code.python_ast import parse_python
from yunque.core.nouns import Record, Verdict, content_id

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

IMPORTED_BY_OTHERS = ("__init__.py", "conftest.py")
"""Files whose unused imports are what they are for."""
_OF_THE_MODULE = re.compile(r"\b__\w+__\b")
"""A name that is used by being there, such as ``__doc__``; ruff would remove it."""
_BOM = "\ufeff"
_AT_LINE_ENDS = re.compile(rb"(?<![ \t\\])[ \t]+(?=\r?\n|\Z)")
_TABS = re.compile(rb"(?:^|(?<=\n)) *\t[ \t]*(?=[^\s])")
_TEXTS = re.compile(r"string|heredoc|nowdoc|regex|char|jsx_text|^text|raw_text|quoted|subshell|uninterpreted|__END__")
"""Node types whose inside is data; a template declaration is none of them."""
_INSTRUCTIONS = re.compile(
    rb"#!|//go:|//\s*\+build|//export |#cgo|///\s*<reference|@(?:ts-|flow|jsx|license|preserve|generated)"
    rb"|#\s*type:|coding[:=]|frozen_string_literal|eslint|noqa|pragma|nolint|noinspection|clang-format|SPDX-"
)
"""What a comment holds that some tool obeys."""
_TABS_STAY = ("go", "makefile")


class CleanRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """What is fixed in every record that is kept."""

    trailing_space: bool = True
    """Remove white space at line ends, outside strings."""
    final_newline: bool = True
    """End every text with exactly one line break."""
    unused_imports: bool = True
    """Remove unused imports of Python (ruff F401, safe fixes alone)."""
    line_breaks: bool = False
    """Turn CR LF into LF."""
    tabs: int = Field(default=0, ge=0, le=8)
    """Width of a tab in the indentation; 0 leaves tabs as they are."""
    cut: tuple[str, ...] = ()
    """Globs CHECK/RULE of findings with a place that are cut, such as 'licence-header/*'."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What was changed, and how often."""

    rule: str
    """``cut CHECK/RULE``, ``F401``, ``trailing-space``, ``final-newline``, ``line-breaks`` or ``tabs``."""
    count: int


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """A record after cleaning: a new one, with its new id, where something was changed."""

    record: Record
    edits: tuple[Edit, ...] = ()
    refused: str = ""
    """Why a step was not taken, though it would have changed something."""


def clean(record: Record, recipe: CleanRecipe | None = None, verdicts: Sequence[Verdict] = ()) -> Cleaned:
    """One record, cleaned; ``verdicts`` are where the findings to cut stand."""
    return clean_all([record], recipe, [verdicts])[0]


def clean_all(
    records: Sequence[Record], recipe: CleanRecipe | None = None, verdicts: Sequence[Sequence[Verdict]] | None = None
) -> list[Cleaned]:
    """Each record, cleaned, in their order; ruff looks at all of them in one process. Never raises for what a text is."""
    recipe = recipe or CleanRecipe()
    drafts = [_Draft(record) for record in records]
    for draft, verdict in zip(drafts, verdicts or ((),) * len(drafts), strict=True):
        if recipe.cut and (spans := spans_to_cut(verdict, recipe.cut)):
            draft.step("cut", lambda draft=draft, spans=spans: _cut(draft.text, draft.language, spans), _without_comments)
    if recipe.unused_imports:
        _remove_imports([draft for draft in drafts if draft.has_own_imports])
    for draft in drafts:
        draft.step("layout", lambda draft=draft: _lay_out(draft.text, draft.language, recipe), _with_comments)
    return [draft.cleaned() for draft in drafts]


def spans_to_cut(verdicts: Sequence[Verdict], globs: Sequence[str]) -> list[tuple[int, int, str]]:
    """Start, end and CHECK/RULE of the findings that a recipe cuts, by place; of two that overlap the first."""
    named = [(finding.span_bytes, f"{verdict.check}/{finding.rule}") for verdict in verdicts for finding in verdict.findings]
    wanted = sorted({(*span, name) for span, name in named if span and any(fnmatchcase(name, glob) for glob in globs)})
    kept: list[tuple[int, int, str]] = []
    for start, end, name in wanted:
        if start < end and (not kept or kept[-1][1] <= start):
            kept.append((start, end, name))
    return kept


class Unproven(Exception):
    """A step is not taken, and why."""


@dataclass
class _Draft:
    """A text on its way through the steps."""

    record: Record
    text: str = ""
    mark: str = ""
    """The byte order mark, which stays."""
    edits: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.language = self.record.language
        self.mark = _BOM if self.record.text.startswith(_BOM) else ""
        self.text = self.record.text.removeprefix(_BOM)

    @property
    def has_own_imports(self) -> bool:
        name = PurePosixPath(self.record.origin.path).name
        return self.language == "python" and name not in IMPORTED_BY_OTHERS and "import" in self.text

    def step(self, name: str, change, proven) -> None:
        """Take a step, ``change() -> (text, edits)``, if ``proven(before, after, language)`` does not raise."""
        try:
            text, edits = change()
            if text != self.text:
                proven(self.text, text, self.language)
                self.text, self.edits = text, self.edits + edits
        except (Unproven, UnicodeEncodeError, ImportError) as error:
            self.refused.append(f"{name}: {error if isinstance(error, Unproven) else type(error).__name__}")

    def cleaned(self) -> Cleaned:
        text, refused = self.mark + self.text, "; ".join(self.refused)
        if text == self.record.text:
            return Cleaned(record=self.record, refused=refused)
        edits = tuple(Edit(rule=rule, count=count) for rule, count in sorted(self.edits.items()))
        record = replace(self.record, id=content_id(self.record.origin.path, text), text=text)
        return Cleaned(record=record, edits=edits, refused=refused)


# -------------------------------------------------------------------------------------------------------------- the proofs
def _with_comments(before: str, after: str, language: str) -> None:
    _same(before, after, language, comments=True)


def _without_comments(before: str, after: str, language: str) -> None:
    _same(before, after, language, comments=False)


def _same(before: str, after: str, language: str, *, comments: bool) -> None:
    """Unproven unless both texts are the same program."""
    if language == "python":
        if not _same_tree(_tree_of(before), _tree_of(after)):
            raise Unproven("the syntax tree would change")
    elif _tokens(before, language, comments) != _tokens(after, language, comments):
        raise Unproven("the tokens would change")


@lru_cache(maxsize=2)
def _tree_of(text: str) -> ast.Module:
    try:
        return parse_python(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unproven(f"does not parse ({type(error).__name__})") from None


def _same_tree(item: ast.AST, other: ast.AST) -> bool:
    """Whether two syntax trees are alike but for the places of their nodes. Faster than `ast.dump`, at any depth."""
    pairs: list[tuple[Any, Any]] = [(item, other)]
    while pairs:
        mine, theirs = pairs.pop()
        if type(mine) is not type(theirs):
            return False
        if isinstance(mine, ast.AST):
            for name in mine._fields:
                left, right = getattr(mine, name, None), getattr(theirs, name, None)
                if left is not right:  # contexts and operators are shared, and names mostly are
                    pairs.append((left, right))
        elif isinstance(mine, list):
            if len(mine) != len(theirs):
                return False
            pairs.extend(zip(mine, theirs, strict=True))
        elif mine != theirs and repr(mine) != repr(theirs):  # nan is nan
            return False
    return True


@lru_cache(maxsize=4)
def _tokens(text: str, language: str, comments: bool) -> list[tuple[str, bytes]]:
    """Type and text of every leaf; strings whole, white space at the ends of a comment's lines and between tokens gone."""
    data = text.encode()
    tokens = []
    for node in _leaves(_grammar_tree(data, language)):
        kind, details = node.type, data[node.start_byte : node.end_byte]
        if "comment" in kind:
            if comments:
                tokens.append((kind, b"\n".join(line.strip() for line in details.strip().splitlines())))
        elif _TEXTS.search(kind):
            tokens.append((kind, details.replace(b"\r\n", b"\n") if row_of(language).line_breaks_are_alike else details))
        else:
            tokens.append((kind, details.strip()))
    return tokens


def _grammar_tree(data: bytes, language: str) -> Tree:
    if language not in PARSED:
        raise Unproven(f"no grammar for '{language}'")
    tree = parse(data, language)
    if tree.root_node.has_error and language != "python":
        raise Unproven("does not parse")
    return tree


def _leaves(tree: Tree) -> Iterator[Node]:
    """Tokens in order; a string or a comment is one."""
    cursor = tree.walk()
    while (node := cursor.node) is not None:
        if "comment" in node.type or _TEXTS.search(node.type) or not cursor.goto_first_child():
            yield node
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return


# ------------------------------------------------------------------------------------------------------------------ cutting
def _cut(text: str, language: str, spans: Sequence[tuple[int, int, str]]) -> tuple[str, Counter[str]]:
    """The text without those spans, and without the lines that they leave empty. Unproven when one is more than comments."""
    data = text.encode()
    bare = bytearray(data)
    for node in _leaves(_grammar_tree(data, language)):
        if "comment" in node.type:
            bare[node.start_byte : node.end_byte] = b" " * (node.end_byte - node.start_byte)
    edits: Counter[str] = Counter()
    for start, end, name in reversed(spans):
        if end > len(data) or bytes(bare[start:end]).strip():
            raise Unproven(f"{name} is more than comments")
        if not _INSTRUCTIONS.search(data, start, end):
            first, last, instead = _cut_out(data, start, end)
            data = data[:first] + instead + data[last:]
            edits[f"cut {name}"] += 1
    return data.decode(), edits


def _cut_out(data: bytes, start: int, end: int) -> tuple[int, int, bytes]:
    """What goes with a comment, and what comes in its place: its lines, or the space before it, or a space or line break."""
    line_start = data.rfind(b"\n", 0, start) + 1
    line_end = data.find(b"\n", end) + 1 or len(data)
    alone_before, alone_after = not data[line_start:start].strip(), not data[end:line_end].strip()
    if alone_before and alone_after:
        while line_start == 0 and (blank := re.compile(rb"[ \t]*\r?\n").match(data, line_end)):
            line_end = blank.end()
        return line_start, line_end, b""
    if alone_after:
        return line_start + len(data[line_start:start].rstrip()), end, b""
    return start, end, b"\n" if b"\n" in data[start:end] else b" "


# ------------------------------------------------------------------------------------------------------------------ imports
def _remove_imports(drafts: Sequence[_Draft]) -> None:
    """Take ruff's safe fixes of F401 where the tree is then the old one without exactly what was reported."""
    ruff = find_ruff()
    if not ruff:
        return
    select = ("--select", "F401")
    unused: list[tuple[_Draft, list[Row]]] = []
    for draft, rows in zip(drafts, run_ruff(ruff, [draft.text for draft in drafts], select), strict=True):
        if not isinstance(rows, Broken) and all(row.code != INVALID for row in rows):
            safe = [row for row in rows if row.fix == "safe"]
            if safe and not any(_OF_THE_MODULE.search(row.message) for row in safe):
                unused.append((draft, safe))
    if not unused:
        return
    texts = [draft.text for draft, _ in unused]
    _, fixed, why = in_files(ruff, texts, [*select, "--fix-only"])
    for index, (draft, safe) in enumerate(unused):

        def change(position: int = index, rows: list[Row] = safe) -> tuple[str, Counter[str]]:
            if why:
                raise Unproven(why)
            return fixed[position], Counter({"F401": len(rows)})

        def proven(before: str, after: str, _language: str, rows: list[Row] = safe) -> None:
            if not _same_tree(_without(before, rows), _tree_of(after)):
                raise Unproven("more than the unused imports would go")

        draft.step("imports", change, proven)


def _without(text: str, rows: Sequence[Row]) -> ast.Module:
    """The syntax tree without the imported names that end where a row does; a block that they leave empty passes."""
    places = Places(text)
    gone = {(row.end[0], places.byte(row.end) - places.byte((row.end[0], 1))) for row in rows}
    tree = _tree_of(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            node.names = [name for name in node.names if (name.end_lineno, name.end_col_offset) not in gone]
    for node in ast.walk(tree):
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list) and statements:
                kept = [
                    statement
                    for statement in statements
                    if not isinstance(statement, ast.Import | ast.ImportFrom) or statement.names
                ]
                setattr(node, block, kept or ([] if isinstance(node, ast.Module) else [ast.Pass()]))
    return tree


# ------------------------------------------------------------------------------------------------------------------- layout
def _lay_out(text: str, language: str, recipe: CleanRecipe) -> tuple[str, Counter[str]]:
    """The text with the white space that the recipe wants; the tree is only made where there is something to change."""
    data = text.encode()
    wanted = list(_wanted(data, language, recipe))
    if not wanted:
        return text, Counter()
    root = _grammar_tree(data, language).root_node
    edits: Counter[str] = Counter()
    pieces, position = [], 0
    for start, end, instead, rule in sorted(wanted):
        everywhere = rule == "line-breaks" and row_of(language).line_breaks_are_alike
        if start < position or not (everywhere or _is_space(root, start, end)):
            continue
        pieces += [data[position:start], instead]
        position = end
        edits[rule] += 1
    return b"".join([*pieces, data[position:]]).decode(), edits


def _wanted(data: bytes, language: str, recipe: CleanRecipe) -> Iterator[tuple[int, int, bytes, str]]:
    """Start, end, replacement and rule of every change of white space, wherever it stands."""
    end = len(data.rstrip(b" \t\r\n"))
    ends_well = data[end:].lstrip(b" \t") in (b"\n", b"\r\n") or not end or data[:end].endswith((b"\\", b"?>"))
    last = len(data) if ends_well or not recipe.final_newline else end
    if recipe.trailing_space:
        yield from ((match.start(), match.end(), b"", "trailing-space") for match in _AT_LINE_ENDS.finditer(data, 0, last))
    if recipe.tabs and language not in _TABS_STAY:
        for match in _TABS.finditer(data):
            yield match.start(), match.end(), match[0].expandtabs(recipe.tabs), "tabs"
    if recipe.line_breaks:
        breaks = re.compile(rb"\r\n").finditer(data, 0, last)
        yield from ((match.start(), match.start() + 1, b"", "line-breaks") for match in breaks)
    if last == end < len(data) or (end == len(data) and not ends_well and recipe.final_newline):
        carriage = data[:end].count(b"\r\n") * 2 > data[:end].count(b"\n") and not recipe.line_breaks
        yield end, len(data), b"\r\n" if carriage else b"\n", "final-newline"


def _is_space(root: Node, start: int, end: int) -> bool:
    """Whether these bytes are white space between tokens or in a comment, and nothing that a string holds."""
    node = root.descendant_for_byte_range(start, max(start + 1, end))
    if node is None:
        return True
    if "comment" in node.type:
        return True
    inside = node.child_count == 0 and node.start_byte < end and start < node.end_byte and node.parent is not None
    if inside and not _is_break(node):
        return False
    while node is not None:
        if _TEXTS.search(node.type):
            return False
        node = node.parent
    return True


def _is_break(node: Node) -> bool:
    """Whether a leaf is a line break that a grammar counts as a token."""
    return not (node.text or b"").strip()
