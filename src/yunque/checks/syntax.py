"""Does the text parse? Python by its own parser, the other languages by tree-sitter.

Covered: anything the parser refuses, nesting too deep to parse included. Syntax that is newer than the Python that runs
(f-strings of 3.12, type parameters and aliases, template strings of 3.14) is a SKIP: what is kept does not depend on the
interpreter.
Not covered: ``except A, B:`` without brackets (3.14; Python 2 has it, too); what only the compiler sees (``return`` outside
a function), names, types. A grammar follows one version of its language, so newer syntax and heavy C macros can look like
errors.
"""

from __future__ import annotations

import ast
import sys
import threading
import time
import warnings

from yunque.checks.grammars import GRAMMARS, error_lines, parse
from yunque.core.nouns import Finding, Outcome, Record, Verdict

PARSING = threading.Lock()
"""Held by whoever builds Python's own syntax trees (see `parse_python`)."""
MAX_FINDINGS = 20  # one broken bracket can make an error of every line that follows


class Syntax:
    """A check that passes a text which parses in its language, and skips a language it has no grammar for."""

    name = "syntax"

    def judge(self, record: Record) -> Verdict:
        """PASS, FAIL with the lines, or SKIP; never raises for anything the text does."""
        started = time.perf_counter()
        if record.language not in GRAMMARS:
            return self._verdict(Outcome.SKIP, (), f"no grammar for '{record.language}'", started)
        try:
            findings = _python(record.text) if record.language == "python" else _other(record.text, record.language)
        except ImportError as error:
            return self._verdict(Outcome.SKIP, (), f"the grammar is not installed ({error})", started)
        if not findings:
            return self._verdict(Outcome.PASS, (), "parses", started)
        if record.language == "python" and is_newer(record.text):
            running = ".".join(map(str, sys.version_info[:2]))
            return self._verdict(Outcome.SKIP, (), f"newer than Python {running}", started)
        first = findings[0]
        where = f"line {first.line}: " if first.line else ""
        return self._verdict(Outcome.FAIL, findings[:MAX_FINDINGS], where + first.message, started)

    def _verdict(self, outcome: Outcome, findings: tuple[Finding, ...], detail: str, started: float) -> Verdict:
        took_ms = (time.perf_counter() - started) * 1000
        return Verdict(check=self.name, outcome=outcome, findings=findings, took_ms=took_ms, detail=detail)


def parse_python(text: str) -> ast.Module:
    """The tree of Python source, without warnings about its escape sequences. SyntaxError; ValueError for a NUL.

    One at a time: CPython counts the depth of the tree it builds per interpreter, and two threads that build at once are a
    SystemError ("AST constructor recursion depth mismatch", seen with 3.11.7). The filter of warnings is shared as well.
    """
    with PARSING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def try_parse_python(text: str) -> ast.Module | None:
    """The same tree; None when there is none, for whatever reason."""
    try:
        return parse_python(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_newer(text: str) -> bool:
    """Whether Python source would parse but for syntax that a newer Python has: what the grammar knows of it is left out."""
    data = text.encode("utf-8", "surrogatepass")
    try:
        waiting, edits = [(parse(data, "python").root_node, "")], []
    except ImportError:
        return False
    while waiting:
        node, above = waiting.pop()
        if node.type == "string" and any(one.type == "interpolation" for one in node.children) and not node.has_error:
            edits.append((node.start_byte, node.end_byte, b'""'))
        elif node.type == "type_alias_statement" and not node.has_error:
            edits.append((node.start_byte, node.end_byte, b"pass"))
        elif (
            node.type == "type_parameter"
            and node.text.strip(b"[] \t\r\n")
            and above in ("function_definition", "class_definition")
        ):
            edits.append((node.start_byte, node.end_byte, b""))
        else:
            waiting += [(one, node.type) for one in node.children]
    pieces, at = [], 0
    for start, end, other in sorted(edits):
        pieces += [data[at:start], other]
        at = end
    older = b"".join([*pieces, data[at:]]).decode("utf-8", "replace").removeprefix("\ufeff")
    return bool(edits) and try_parse_python(older) is not None


def _python(text: str) -> tuple[Finding, ...]:
    """What Python's parser refuses. Depth and NUL bytes raise other errors than SyntaxError, and mean the same here."""
    try:
        parse_python(text.removeprefix("\ufeff"))
    except SyntaxError as error:
        return (Finding(rule="syntax", line=error.lineno, message=error.msg or "invalid syntax"),)
    except (RecursionError, MemoryError):
        return (Finding(rule="syntax", message="nested too deeply to parse"),)
    except ValueError as error:  # NUL bytes, lone surrogates
        return (Finding(rule="syntax", message=str(error)),)
    return ()


def _other(text: str, language: str) -> tuple[Finding, ...]:
    tree = parse(text.encode("utf-8", "surrogatepass"), language)
    lines = error_lines(tree, language)
    return tuple(Finding(rule="syntax", line=line, message=f"not {language} here") for line in lines)
