"""What a linter finds in Python, and how many paths lead through code in eight languages.

Covered: ruff's pyflakes rules, the errors of pycodestyle and the likely bugs of flake8-bugbear, by a fixed selection that no
file near the text can change; ``noqa`` comments are not obeyed, since whoever wrote the text wrote them.
Not covered: other languages (SKIP); style.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from yunque.checks.grammars import GRAMMARS, parse
from yunque.core.nouns import Finding, Outcome, Record, Verdict

RULES = "E4,E7,E9,F,B"
TIMEOUT_S = 30

_BRANCHES = {
    "python": (
        "if_statement", "elif_clause", "for_statement", "while_statement", "except_clause", "case_clause",
        "conditional_expression", "boolean_operator", "for_in_clause", "if_clause", "assert_statement",
    ),
    "javascript": (
        "if_statement", "for_statement", "for_in_statement", "while_statement", "do_statement", "switch_case",
        "catch_clause", "ternary_expression",
    ),
    "java": (
        "if_statement", "for_statement", "enhanced_for_statement", "while_statement", "do_statement", "switch_label",
        "catch_clause", "ternary_expression",
    ),
    "go": ("if_statement", "for_statement", "expression_case", "type_case", "communication_case"),
    "c": ("if_statement", "for_statement", "while_statement", "do_statement", "case_statement", "conditional_expression"),
    "rust": ("if_expression", "while_expression", "for_expression", "loop_expression", "match_arm"),
}  # fmt: skip
_BRANCHES |= {
    "typescript": _BRANCHES["javascript"],
    "tsx": _BRANCHES["javascript"],
    "cpp": (*_BRANCHES["c"], "for_range_loop", "catch_clause"),
}
_FUNCTIONS = {
    "function_definition", "function_declaration", "function_expression", "arrow_function", "method_definition",
    "method_declaration", "constructor_declaration", "function_item", "func_literal", "lambda", "lambda_expression",
    "closure_expression", "generator_function_declaration",
}  # fmt: skip
_SHORT_CIRCUITS = {"&&", "||", "??"}


class Lint:
    """A check (seam ``Check``) that passes Python in which ruff finds nothing. Its score falls by one finding a line."""

    name = "lint"

    def judge(self, record: Record) -> Verdict:
        """PASS, FAIL with every finding, or SKIP: another language, no ruff, or a text that does not parse."""
        started = time.perf_counter()
        if record.language != "python":
            return self._verdict(Outcome.SKIP, (), "no linter for this language", started)
        ruff = find_ruff()
        if not ruff:
            return self._verdict(Outcome.SKIP, (), "ruff is not installed; pip install 'yunque[checks]'", started)
        found = _run(ruff, record.text)
        if found is None or any(finding.rule == "invalid-syntax" for finding in found):
            return self._verdict(Outcome.SKIP, (), "does not parse", started)
        lines = max(1, sum(bool(line.strip()) for line in record.text.splitlines()))
        detail = f"{len(found)} findings in {lines} lines"
        outcome = Outcome.FAIL if found else Outcome.PASS
        return self._verdict(outcome, found, detail, started, score=1 - min(1.0, len(found) / lines))

    def _verdict(
        self, outcome: Outcome, findings: tuple[Finding, ...], detail: str, started: float, score: float | None = None
    ) -> Verdict:
        took_ms = (time.perf_counter() - started) * 1000
        return Verdict(check=self.name, outcome=outcome, score=score, findings=findings, took_ms=took_ms, detail=detail)


@functools.cache
def find_ruff() -> str:
    """The ruff beside this Python, else one on the path; empty when there is none."""
    beside = Path(sys.executable).with_name("ruff")
    return str(beside) if beside.is_file() else shutil.which("ruff") or ""


def _run(ruff: str, text: str) -> tuple[Finding, ...] | None:
    """Findings in order of line; None when ruff itself gives up."""
    command = [
        *(ruff, "check", "--isolated", "--no-cache", "--ignore-noqa", "--quiet", "--select", RULES),
        *("--output-format", "json", "--stdin-filename", "answer.py", "-"),
    ]
    env = {"PATH": os.environ.get("PATH", ""), "HOME": "/"}
    try:
        done = subprocess.run(
            command, input=text.encode("utf-8", "replace"), capture_output=True, timeout=TIMEOUT_S, env=env, check=False
        )
        rows = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    found = [
        Finding(
            rule=row["code"] or "invalid-syntax", line=row["location"]["row"], message=row["message"], severity="warning"
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda one: (one.line, one.rule)))


def complexity(text: str, language: str) -> int:
    """Cyclomatic complexity (McCabe 1976): one for each function, one for each branch and each short circuit in it.

    Code outside functions counts its branches alone. KeyError for a language without a grammar.
    """
    branches, count = set(_BRANCHES[language]), 0
    stack = [parse(text.encode("utf-8", "surrogatepass"), language).root_node]
    while stack:
        node = stack.pop()
        kind = node.type
        if node.is_named:
            count += kind in branches or kind in _FUNCTIONS
        else:
            count += kind in _SHORT_CIRCUITS
        stack.extend(node.children)
    return count


assert set(_BRANCHES) == set(GRAMMARS), "every grammar has its branches"
