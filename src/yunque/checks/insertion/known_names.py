"""Do the names that a text uses exist: in the file, in what it imports, in the language?

By the syntax tree, which shows what is a name of its own and what is a member of something else. A name that stands anywhere
else in the file, or that the text binds itself, is known; so are the language's own. What Python's standard library exports
is looked up, too: ``os.pth`` and ``from json import dumb`` do not exist.

Covered: Python, JavaScript, TypeScript. Of a window of a file an unknown name is a note, since what the file imports may
stand outside; a member that a module of the standard library does not have is wrong in any case.
Not covered: other languages (SKIP: their names come from other files without being imported), where in a file a name is
bound, members of anything but modules.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from yunque.checks.findings import decide, skip, timed
from yunque.code.grammars import parse
from yunque.code.lexing import scan
from yunque.core.nouns import Finding, Insertion, Verdict

if TYPE_CHECKING:
    from tree_sitter import Node

MOST_CHARS = 500_000
"""Longer files are not looked at."""
AROUND = 4_000
"""Characters before and behind the text that are parsed with it; of all others the words are enough."""
GLOBALS = Path(__file__).with_name("javascript_globals.txt")
_LANGUAGES = ("python", "javascript", "typescript", "tsx")
_NAMES = ("identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern", "type_identifier")
_MEMBERS = {("attribute", "attribute"), ("keyword_argument", "name"), ("member_expression", "property")}
"""(Type of the parent, field in it) of an identifier that is no name of its own."""
_BINDING = {
    ("function_definition", "name"), ("class_definition", "name"), ("assignment", "left"), ("for_statement", "left"),
    ("for_in_clause", "left"), ("named_expression", "name"), ("default_parameter", "name"),
    ("typed_default_parameter", "name"),
    ("aliased_import", "alias"), ("as_pattern", "alias"), ("type_parameter", "name"), ("augmented_assignment", "left"),
    ("variable_declarator", "name"), ("function_declaration", "name"), ("class_declaration", "name"),
    ("generator_function_declaration", "name"), ("function_expression", "name"), ("arrow_function", "parameter"),
    ("for_in_statement", "left"), ("catch_clause", "parameter"), ("assignment_pattern", "left"),
    ("required_parameter", "pattern"), ("optional_parameter", "pattern"), ("interface_declaration", "name"),
    ("type_alias_declaration", "name"), ("enum_declaration", "name"), ("labeled_statement", "label"),
    ("import_specifier", "alias"),
}  # fmt: skip
_BINDING_PARENTS = {
    "parameters", "lambda_parameters", "typed_parameter", "dictionary_splat_pattern", "global_statement",
    "nonlocal_statement", "as_pattern_target", "import_statement", "import_from_statement", "import_clause",
    "namespace_import", "import_specifier", "formal_parameters", "case_clause",
}  # fmt: skip
_PATTERNS = {
    "pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "tuple", "list", "as_pattern_target",
    "array_pattern", "object_pattern", "rest_pattern", "pair_pattern", "dotted_name", "splat_pattern", "case_pattern",
    "class_pattern", "union_pattern", "dict_pattern", "keyword_pattern", "object_assignment_pattern",
}  # fmt: skip
_STAR = re.compile(r"^[ \t]*from\s+\S+\s+import\s*\*", re.MULTILINE)


class KnownNames:
    """Fails a text with a name that nothing in its file, its imports or its language knows."""

    name = "known-names"

    @timed
    def judge_insertion(self, insertion: Insertion) -> Verdict:
        """PASS, FAIL with a finding a name, or SKIP."""
        if insertion.language not in _LANGUAGES:
            return skip(self.name, f"names in '{insertion.language}' come from other files")
        if len(insertion.before) + len(insertion.after) > MOST_CHARS:
            return skip(self.name, "the file is too long")
        before, text, after = (
            part.encode("utf-8", "replace")
            for part in (insertion.before[-AROUND:], insertion.text, insertion.after[:AROUND])
        )
        try:
            tree = parse(before + text + after, insertion.language)
        except ImportError as error:
            return skip(self.name, f"the grammar is not installed ({error})")
        span = range(len(before) + 1, len(before) + len(text) + 1)
        inside = [node for node in _identifiers(tree.root_node, span) if node.end_byte > len(before)]
        is_python = insertion.language == "python"
        known = _names(insertion.before, insertion.language) | _names(insertion.after, insertion.language)
        # Names that are cut in two by the cursor stand nowhere else.
        known |= {_text(node) for node in inside if _binds(node)} | (_python_names() if is_python else _javascript_names())
        has_star = is_python and bool(_STAR.search(insertion.before + insertion.after))
        severity = "error" if insertion.is_whole_file and not has_star else "note"
        findings = [
            _finding("unknown-name", _text(node), "is not known here", node, before, severity)
            for node in inside
            if not _is_member(node) and _text(node) not in known
        ]
        if is_python:
            modules = _imported(insertion.placed)
            findings += [
                _finding("unknown-member", name, "is not in Python's standard library", node, before, "error")
                for node in inside
                if (name := _missing_member(node, modules))
            ]
        return decide(self.name, findings, detail="" if findings else "every name is known")


def _finding(rule: str, name: str, what: str, node: Node, before: bytes, severity: str) -> Finding:
    line = max(1, node.start_point.row + 1 - before.count(b"\n"))
    return Finding(rule=rule, line=line, message=f"'{name}' {what}", severity=severity)


# --------------------------------------------------------------------------------------------------------------------- names
def _identifiers(root: Node, span: range) -> Iterator[Node]:
    """The names that touch a span of bytes."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.end_byte < span.start or node.start_byte >= span.stop - 1:
            continue
        if node.type in _NAMES:
            yield node
        else:
            waiting += node.children


@lru_cache(maxsize=8)
def _names(text: str, language: str) -> frozenset[str]:
    """What stands as a word of its own in code, members aside."""
    return frozenset(_WORD.findall(scan(text, language).code))


_WORD = re.compile(r"(?<![.\w$])[^\W\d][\w$]*")


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _field(node: Node) -> str:
    """The field of its parent that a node stands in."""
    parent = node.parent
    if parent is None:
        return ""
    return next(
        (parent.field_name_for_child(place) or "" for place, child in enumerate(parent.children) if child == node), ""
    )


def _is_member(node: Node) -> bool:
    parent = node.parent
    return parent is not None and (parent.type, _field(node)) in _MEMBERS


def _binds(node: Node) -> bool:
    """Whether a name is given a meaning where it stands."""
    while (parent := node.parent) is not None and parent.type in _PATTERNS:
        node = parent
    if parent is None:
        return False
    is_pattern = node.type == "case_pattern" or parent.type != "case_clause"
    return (parent.type in _BINDING_PARENTS and is_pattern) or (parent.type, _field(node)) in _BINDING


@cache
def _python_names() -> frozenset[str]:
    return frozenset(dir(builtins)) | {"__file__", "__path__", "__builtins__", "__class__", "__annotations__", "_"}


@cache
def _javascript_names() -> frozenset[str]:
    return frozenset(GLOBALS.read_text("utf-8").split())


# --------------------------------------------------------------------------------------------------------- standard library
_IMPORT = re.compile(r"^[ \t]*+import[ \t]++([\w., \t]++)", re.MULTILINE)


def _imported(text: str) -> dict[str, str]:
    """Names that mean a module of the standard library in all of a file -> the module."""
    modules: dict[str, str] = {}
    for match in _IMPORT.finditer(text):
        for part in match[1].split(","):
            module, _, alias = (piece.strip() for piece in part.partition(" as "))
            if module.partition(".")[0] in sys.stdlib_module_names and (alias or "." not in module):
                modules[alias or module] = module
    return modules


def _missing_member(node: Node, modules: dict[str, str]) -> str:
    """``os.pth`` of an identifier that no such module exports; empty where it does, or where nobody can tell."""
    parent = node.parent
    if parent is None:
        return ""
    if parent.type == "attribute" and _field(node) == "attribute":
        holder = parent.child_by_field_name("object")
        module = modules.get(_text(holder), "") if holder is not None and holder.type == "identifier" else ""
    elif parent.type == "dotted_name" and (statement := parent.parent) and statement.type == "import_from_statement":
        source = statement.child_by_field_name("module_name")
        module = _text(source) if source is not None and source != parent and len(parent.children) == 1 else ""
    else:
        return ""
    exported = _exports(module) if module.partition(".")[0] in sys.stdlib_module_names else None
    return f"{module}.{_text(node)}" if exported is not None and _text(node) not in exported else ""


@cache
def _exports(module: str) -> frozenset[str] | None:
    """The names of a module of the standard library; None where that cannot be told.

    Whatever name is written anywhere in its source counts, so that none is missed; nothing is run for it but what this
    process has imported anyhow, or what is compiled.
    """
    try:
        spec = importlib.util.find_spec(module) if "." not in module else _spec_of_submodule(module)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None or not spec.origin:
        return None
    origin = Path(spec.origin)
    text = origin.read_text("utf-8", "replace") if origin.suffix == ".py" else ""
    if not text:
        sys.modules.get(module) or importlib.import_module(module)
    elif module not in sys.modules and _COMPUTED.search(text):
        return None
    names = set(re.findall(r"\b[^\W\d]\w*\b", text)) | set(dir(sys.modules.get(module, builtins)))
    return frozenset(names | _submodules(origin))


_COMPUTED = re.compile(r"\bglobals\(\)|\b__getattr__\b|import\s*\*|\b_convert_\b|\bvars\(\)")
"""Signs of a module that makes names while it is imported."""


def _spec_of_submodule(module: str) -> importlib.machinery.ModuleSpec | None:
    """Where a submodule lies, without importing what it lies in."""
    package = module.rpartition(".")[0]
    outer = importlib.util.find_spec(package) if "." not in package else _spec_of_submodule(package)
    if outer is None or not outer.submodule_search_locations:
        return None
    return importlib.machinery.PathFinder.find_spec(module, list(outer.submodule_search_locations))


def _submodules(origin: Path) -> set[str]:
    if origin.name != "__init__.py":
        return set()
    return {path.stem for path in origin.parent.iterdir() if path.suffix == ".py" or path.is_dir()}
