"""Does the text parse? Python by its own parser, the other languages by tree-sitter.

Covered: anything the parser refuses, nesting too deep to parse included. Syntax that is newer than the Python that runs
(f-strings of 3.12, type parameters and aliases, template strings of 3.14) is a SKIP: what is kept does not depend on the
interpreter.
Not covered: ``except A, B:`` without brackets (3.14; Python 2 has it, too); what only the compiler sees (``return`` outside
a function), names, types. A grammar follows one version of its language, so newer syntax and heavy C macros can look like
errors.
"""

from __future__ import annotations

import sys

from yunque.checks.findings import decide, skip, timed
from yunque.code.grammars import error_lines, parse
from yunque.code.languages import PARSED
from yunque.code.python_ast import is_newer, parse_python
from yunque.core.nouns import Finding, Record, Verdict

MAX_FINDINGS = 20  # one broken bracket can make an error of every line that follows


class Syntax:
    """A check that passes a text which parses in its language, and skips a language it has no grammar for."""

    name = "syntax"

    @timed
    def judge(self, record: Record) -> Verdict:
        """PASS, FAIL with the lines, or SKIP; never raises for anything the text does."""
        if record.language not in PARSED:
            return skip(self.name, f"no grammar for '{record.language}'")
        try:
            findings = syntax_findings(record.text, record.language)
        except ImportError as error:
            return skip(self.name, f"the grammar is not installed ({error})")
        if not findings:
            return decide(self.name, detail="parses")
        if record.language == "python" and is_newer(record.text):
            running = ".".join(map(str, sys.version_info[:2]))
            return skip(self.name, f"newer than Python {running}")
        first = findings[0]
        where = f"line {first.line}: " if first.line else ""
        return decide(self.name, findings, detail=where + first.message, most=MAX_FINDINGS)


def syntax_findings(text: str, language: str) -> tuple[Finding, ...]:
    """What the parser of a language in ``PARSED`` refuses. ImportError where its grammar is not installed."""
    return _python(text) if language == "python" else _other(text, language)


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
