"""Functions and classes that their authors marked as deprecated, with their exact bytes.

Covered: Python, Java, Rust, C, C++, Go, JavaScript, TypeScript, PHP. Not covered: marks that a library of the team defines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from yunque.checks.canaries import canary
from yunque.checks.findings import decide, skip, timed
from yunque.code.grammars import parse
from yunque.code.languages import PARSED
from yunque.core.nouns import Canary, Finding, Record, Verdict

if TYPE_CHECKING:
    from tree_sitter import Node

_MARKS = {
    "python": r"@[\w.]*deprecated\b|\b(?:Pending)?DeprecationWarning\b|\.\. deprecated::",
    "java": r"@Deprecated\b",
    "rust": r"#\[deprecated\b",
    "csharp": r"\[(?:System\.)?Obsolete\b",
    "cpp": r"\[\[deprecated\b|__attribute__[ \t]*\(\([ \t]*deprecated\b|\B[@\\]deprecated\b",
    "c": r"__attribute__[ \t]*\(\([ \t]*deprecated\b|\B[@\\]deprecated\b|\[\[deprecated\b",
    "go": r"^[ \t]*// Deprecated:",
    **dict.fromkeys(("javascript", "typescript", "tsx", "php"), r"\B@deprecated\b|#\[\\?Deprecated\b"),
}
MAX_MARKS = 40
"""As many of one text are looked up: in a text full of errors each costs a walk through the tree."""
_HINTS: tuple[str, ...] = (
    "deprecated:", "DeprecationWarning", "@deprecated", ".deprecated", "[deprecated", "(deprecated", "eprecated:",
    "@Deprecated", "Obsolete", "#[Deprecated", "\\deprecated", "_deprecated",
)  # fmt: skip
_DEFINITION = re.compile(
    r"(?:function|method|constructor|class|interface|struct|enum|trait|mod|const|static|type|impl|record|annotation_type)"
    r"(?:_definition|_declaration|_item|_specifier)$|^(?:decorated_definition|export_statement|lexical_declaration"
    r"|variable_declaration|field_declaration|declaration|public_field_definition|property_declaration"
    r"|method_signature|template_declaration)$"
)
_BESIDE = re.compile(r"comment|attribute")


class Deprecated:
    """FAIL for code that its author marked as deprecated: each marked function or class, with its place.

    Marks: ``@deprecated``, ``@Deprecated``, ``#[deprecated]``, ``[Obsolete]``, ``// Deprecated:``, and in Python a
    ``DeprecationWarning`` that every call gives (one below an ``if`` is about an argument). ``max_share``: such code may be
    as much of the text.
    """

    name = "deprecated"

    def __init__(self, max_share: float = 0.0) -> None:
        self.max_share = max_share

    @timed
    def judge(self, record: Record) -> Verdict:
        """A verdict; ``values``: ``marked`` and ``marked-share`` of all bytes. SKIP without a grammar."""
        language = record.language
        if language not in PARSED or language not in _MARKS:
            return skip(self.name, f"no grammar or no marks for '{language}'")
        try:
            spans = list(self._marked(record.text, language))
        except ImportError as error:
            return skip(self.name, f"the grammar is not installed ({error})")
        findings = [
            Finding(
                rule=self.name, line=line, message=f"marked as deprecated: {details}", severity="warning", span_bytes=span
            )
            for span, line, details in spans
        ]
        share = sum(end - start for (start, end), _, _ in spans) / max(1, len(record.text))
        values = {"marked": float(len(spans)), "marked-share": share}
        return decide(self.name, findings, values=values, fails=share > self.max_share)

    def _marked(self, text: str, language: str) -> Iterator[tuple[tuple[int, int], int, str]]:
        if not any(hint in text for hint in _HINTS):
            return
        data = text.encode("utf-8", "surrogatepass")
        marks = [match.start() for match, _ in zip(_pattern(language).finditer(data), range(MAX_MARKS), strict=False)]
        if not marks:
            return
        root, last = parse(data, language).root_node, -1
        for mark in marks:
            if mark >= last and (place := _definition(root, mark, language)):
                last = place[1].end_byte
                start = place[0].start_byte
                first = data[place[1].start_byte : last].split(b"\n")[0].decode("utf-8", "replace").strip()[:80]
                yield (start, last), place[0].start_point.row + 1, first

    def canaries(self) -> Sequence[Canary]:
        """Each mark, and a function that warns of an argument."""
        warn = "warnings.warn('a', DeprecationWarning)\n"
        return [
            canary(f"def f(a):\n    {warn}    return a\n", "python", self.name),
            canary("@deprecated('a')\ndef f(a):\n    return a\n", "python", self.name),
            canary("class A {\n  @Deprecated\n  int f() { return 1; }\n}\n", "java", self.name),
            canary("#[deprecated]\nfn f() {}\n", "rust", self.name),
            canary("/** @deprecated use g */\nfunction f() {}\n", "javascript", self.name),
            canary("package a\n\n// Deprecated: use G.\nfunc F() {}\n", "go", self.name),
            canary(f"def f(a, b=None):\n    if b:\n        {warn}    return a\n", "python"),
        ]


@cache
def _pattern(language: str) -> re.Pattern[bytes]:
    return re.compile(_MARKS[language].encode(), re.MULTILINE)


def _definition(root: Node, position: int, language: str) -> tuple[Node, Node] | None:
    """The node where the marked definition starts (its comment or attribute, if any), and the definition."""
    node = root.descendant_for_byte_range(position, position + 1)
    depth = 0
    while node is not None and depth < 60:
        if _BESIDE.search(node.type) and (after := _after(node)):
            return node, after
        if "string" in node.type and (
            language != "python" or node.parent is None or node.parent.type != "expression_statement"
        ):
            return None
        if language == "python" and node.type == "expression_statement" and node.parent and node.parent.type == "block":
            outer = node.parent.parent
            return (outer, outer) if outer and outer.type in ("function_definition", "class_definition") else None
        if language == "python" and node.type == "decorated_definition":
            return node, node
        if language != "python" and _DEFINITION.search(node.type):
            body = node.child_by_field_name("body")
            return (node, node) if body is None or position < body.start_byte else None
        node, depth = node.parent, depth + 1
    return None


def _after(node: Node) -> Node | None:
    """The definition that a comment or an attribute stands before."""
    after = node.next_named_sibling
    while after is not None and _BESIDE.search(after.type):
        after = after.next_named_sibling
    return after if after is not None and _DEFINITION.search(after.type) else None
