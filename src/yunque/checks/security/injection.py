"""Python's texts that are put together from pieces: queries (CWE-89), commands (78), pages (79), and joined paths (22).

A text is followed through ``+``, ``%``, ``.format``, f-strings and the names that it was given in the function at hand;
what is not in the source is a hole. Where a hole stands says what is wrong: a value in a query could be a parameter, the
name of a table could not. A number, and what a function named like ``escape`` gave back, is not a hole.

Covered: one function at a time, in order of its lines.
Not covered: what a call gives back, attributes, and whether a hole can be reached from outside.
"""

from __future__ import annotations

import functools
import re
import textwrap
from typing import TYPE_CHECKING

from yunque.code.grammars import captures, parse
from yunque.core.nouns import Finding

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

_HOLE = "\0"
"""What stands for a piece that is not in the source."""
_CLEANED = re.compile(r"\b(?:int|float|len|bool)\s*\(|escape|quote|sanit|clean|safe")
_PLACES = re.compile(r"%(?:\(\w+\))?[-#0 +]*+\d*+(?:\.\d++)?[sdifrxgu]|\{[^{}\n]{0,40}\}")
_QUERY = re.compile(
    r"\s*+(?:\(\s*+)?(?:select\b.*?\bfrom\b|insert\s+(?:or\s+\w+\s+)?into\b|update\b.*?\bset\b|delete\s+from\b|replace\s+into\b"
    r"|(?:create|drop|alter)\s+(?:table|database|user|role|schema|view|index|trigger|sequence)\b|attach\s+database\b|with\b.*?\bselect\b)",
    re.IGNORECASE | re.DOTALL,
)
_PARTS = re.compile(
    r"\0|\b(?:select|from|into|table|join|by|update|database|schema|index|view|where|values|and|or|like|limit|offset|in|between"
    r"|set|having|when|then|password|user)\b",
    re.IGNORECASE,
)
"""Holes and clauses."""
_NAMED = {"select", "from", "into", "table", "join", "by", "update", "database", "schema", "index", "view", "user"}
"""Clauses after which a name stands, which no driver can fill in safely; a value stands after the others."""
_COMMAND = re.compile(r"\s*[\w./~\0-]+\s+\S")
_RUNS = re.compile(
    r"(?:^|[.'\"_])(?:system|popen\w*|Popen|spawn\w*|shell|ssh|call|check_call|check_output|getoutput|getstatusoutput|run|cmd"
    r"|command|cli_run|_execute|exec_command|run_cmd|run_command|run_ssh|execute_command|execute_cmd)['\"\])]*$"
)
_PAGE = re.compile(r"<(?:[a-zA-Z][\w-]*)(?:\s[^<>]*)?>|</[a-zA-Z]\w*>|<a\s")
_PATH_CHECKS = re.compile(
    r"common(?:prefix|path)|startswith|basename|secure_filename|safe_join|realpath|normpath|abspath|isabs|resolve\(|['\"]\.\.|"
    r"sanit|valid|check|listdir|glob|walk|escape|clean"
)
_DEEPEST, _LONGEST, _ENOUGH = 100, 4000, 200
"""Nested operations that are followed; characters that are kept of a text, its first; findings that end the search."""
_BUILDING = ("string", "concatenated_string", "binary_operator", "call", "parenthesized_expression")
"""Nodes that may give a text."""


_LOOKED_AT = (
    f"[{' '.join(f'({kind})' for kind in ('assignment', 'augmented_assignment', 'function_definition', *_BUILDING))}] @node"
)


def injections(text: str) -> list[Finding]:
    """Queries, commands and pages that pieces are put into, and paths that lead anywhere.

    A function with the indentation of its class, and a fragment that does not parse, are read as far as they go. Nothing is
    found where no grammar is installed.
    """
    try:
        data = textwrap.dedent(text).encode("utf-8", "replace")
        tree = parse(data, "python")
    except ImportError:
        return []
    known: dict[str, str] = {}
    findings: list[Finding] = []
    done = 0
    nodes = captures(tree, "python", _LOOKED_AT).get("node", [])
    for node in sorted(nodes, key=lambda item: (item.start_byte, -item.end_byte)):
        if node.start_byte < done:  # a part of a text that was judged as a whole
            continue
        if len(findings) >= _ENOUGH:
            break
        kind = node.type
        if kind in ("assignment", "augmented_assignment"):
            findings += _assigned(node, known)
            if _built(node.child_by_field_name("right"), known) is not None:
                done = node.end_byte
                continue
        elif kind == "function_definition":
            known = {name: value for name, value in known.items() if name.isupper()}
        elif kind == "call":
            findings += _called(node, known)
        if kind in _BUILDING and (built := _built(node, known)) is not None:
            findings += _judged(node, built)
            done = node.end_byte
    return [*findings, *(_paths(tree) if b"path.join" in data else ())]


def _assigned(node: Node, known: dict[str, str]) -> list[Finding]:
    """What is wrong with an assignment's text, which is kept by its name."""
    name, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    built = _built(right, known)
    if name is None or name.type != "identifier":
        return _judged(right, built) if right is not None and built is not None else []
    key = _source(name)
    if node.type == "augmented_assignment" and key in known:
        built = (known[key] + (_HOLE if built is None else built))[:_LONGEST]
        findings = _judged(node, built) if _values(built) > _values(known[key]) else []
    else:
        findings = _judged(right, built) if right is not None and built is not None else []
    known.pop(key, None)
    if built is not None:
        known[key] = built
    return findings


def _called(node: Node, known: dict[str, str]) -> list[Finding]:
    """A command with holes in the first argument of something that runs commands."""
    function, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    first = next(iter(given.named_children), None) if given is not None else None
    if function is None or first is None or not _RUNS.search(_source(function)[-60:]):
        return []
    built = _built(first, known)
    if built is None or _HOLE not in built or not _COMMAND.match(built) or _QUERY.match(built):
        return []
    return [_finding(node, "py-command", 78, "command built by string concatenation (injection)", "warning")]


def _judged(node: Node, built: str) -> list[Finding]:
    """What a text with holes is."""
    if _HOLE not in built:
        return []
    if _QUERY.match(built):
        values = _values(built)
        message = "SQL built by string concatenation (injection)" if values else "SQL with an identifier from a variable"
        return [_finding(node, "py-sql" if values else "py-sql-name", 89, message, "warning" if values else "note")]
    if _PAGE.search(built):
        return [_finding(node, "py-page", 79, "HTML built without escaping (XSS)", "note")]
    return []


def _values(query: str) -> int:
    """Holes of a query where a value stands."""
    count, clause, end = 0, "", 0
    for match in _PARTS.finditer(query):
        if match[0] != _HOLE:
            clause = match[0].lower()
        else:
            quoted = query[end : match.start()].rstrip()[-1:] in ("'", "=", ">", "<")
            count += quoted or clause not in _NAMED
        end = match.end()
    return count


def _built(node: Node | None, known: dict[str, str], depth: int = 0) -> str | None:
    """The text that an expression gives, with `_HOLE` for what is not in the source; None for what is not a text."""
    if node is None or depth > _DEEPEST:
        return None
    below = functools.partial(_built, known=known, depth=depth + 1)
    if node.type == "identifier":
        return known.get(_source(node))
    if node.type == "string":
        parts = [child for child in node.named_children if child.type in ("string_content", "interpolation")]
        return "".join(_source(part) if part.type == "string_content" else _hole(part) for part in parts)[:_LONGEST]
    if node.type == "concatenated_string":
        return "".join(below(child) or "" for child in node.named_children)[:_LONGEST]
    if node.type == "parenthesized_expression":
        return below(next(iter(node.named_children), None))
    if node.type == "binary_operator":
        left, right, sign = (node.child_by_field_name(field) for field in ("left", "right", "operator"))
        if left is None or right is None or sign is None:
            return None
        operator, start = _source(sign), below(left)
        if operator == "%" and start is not None:
            return _filled(start, right)
        end = below(right) if operator == "+" else None
        if operator != "+" or (start is None and end is None):
            return None
        return ((_hole(left) if start is None else start) + (_hole(right) if end is None else end))[:_LONGEST]
    function, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if node.type != "call" or function is None or given is None:
        return None
    owner, method = function.child_by_field_name("object"), function.child_by_field_name("attribute")
    if owner is not None and method is not None and _source(method) in ("format", "strip", "lower", "upper", "rstrip"):
        start = below(owner)
        return start if start is None or _source(method) != "format" else _filled(start, given)
    return (
        below(given.named_children[0])
        if _source(function) in ("text", "sql.text", "dedent") and given.named_children
        else None
    )


def _filled(text: str, given: Node) -> str:
    """A text's places, each a hole unless what is put there was made harmless."""
    pieces = given.named_children if given.type in ("tuple", "argument_list") else [given]
    fim_spans = [_hole(piece) for piece in pieces] if len(pieces) == len(_PLACES.findall(text)) else []
    if not fim_spans:
        return _PLACES.sub(_hole(given), text)
    return _PLACES.sub(lambda _: fim_spans.pop(0), text)


def _hole(node: Node) -> str:
    return "0" if node.type in ("integer", "float", "comment") or _CLEANED.search(_source(node)) else _HOLE


def _paths(tree: Tree) -> list[Finding]:
    """Paths joined to what was given, in functions that check nothing; the first of each function."""
    results: dict[int, Finding] = {}
    calls = captures(tree, "python", "(call) @call").get("call", [])
    for call in sorted(calls, key=lambda item: item.start_byte):  # a query gives no order
        function, given = call.child_by_field_name("function"), call.child_by_field_name("arguments")
        if function is None or given is None or _source(function) not in ("os.path.join", "path.join"):
            continue
        around = _around(call)
        joined = any(child.type in ("identifier", "subscript", "attribute", "call") for child in given.named_children[1:])
        if joined and around.id not in results and not _PATH_CHECKS.search(_source(around)):
            results[around.id] = _finding(
                call, "py-path", 22, "path from input may leave its folder (path traversal)", "note"
            )
    return list(results.values())


def _around(node: Node) -> Node:
    """The function around a node; the whole text where there is none."""
    while node.parent is not None and node.type != "function_definition":
        node = node.parent
    return node


def _finding(node: Node, rule: str, cwe: int, message: str, severity: str) -> Finding:
    return Finding(rule=rule, line=node.start_point.row + 1, message=message, severity=severity, cwe=cwe)


def _source(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
