"""What pylint finds in Python: the slow second tier, in a warm process of its own.

Pylint is GPL-2.0-or-later: it is an extra that the user installs, and it is never imported here (`pylint_worker` is started
by its path). Nothing configures it: no file, no variable, no plug-in, no comment in the text.

Covered: pylint's error and warning messages (notes where it guesses), its deprecation checks included
(``deprecated-module``, ``-method``, ``-class``, ``-argument``, ``-decorator``), each by its symbol; a text that hangs or
bloats it is an ERROR of that text alone.
Not covered: what needs other files or installed packages (imports are looked up in the standard library alone, whose members
are those of this Python); style and refactoring messages unless ``categories`` asks for them, as notes.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from yunque.checks.canaries import canary
from yunque.checks.findings import decide, error, skip, worst_of
from yunque.checks.linters.tool_answers import verdict_on
from yunque.checks.processes import Worker, WorkerLimits, shared_worker
from yunque.core.nouns import Canary, Finding, Record, Verdict, content_id

PROGRAM = Path(__file__).with_name("pylint_worker.py")
SEVERITIES = {"fatal": "error", "error": "error", "warning": "warning", "refactor": "note", "convention": "note"}
GUESSES = frozenset(
    {
        *("no-member", "not-callable", "not-an-iterable", "not-a-mapping", "not-context-manager", "unsubscriptable-object"),
        *("unsupported-membership-test", "unsupported-assignment-operation", "unsupported-delete-operation"),
        *("invalid-unary-operand-type", "unsupported-binary-operation", "no-value-for-parameter", "too-many-function-args"),
        *("unexpected-keyword-arg", "assignment-from-none", "assignment-from-no-return"),
    }
)
"""What depends on what pylint believes a value to be; wrong more often than right about a file alone."""
NO_PYLINT = "pylint is not installed; pip install pylint (GPL-2.0-or-later, it runs in a process of its own)"


def find_pylint() -> str:
    """The folder in which pylint is installed, without importing it; empty when it is not."""
    spec = importlib.util.find_spec("pylint")
    return str(Path(spec.origin).parent.parent) if spec and spec.origin else ""


class Pylint:
    """A check (seams ``BatchCheck`` and ``ProvenCheck``): FAIL for errors and warnings, graded as pylint grades."""

    name = "pylint"

    def __init__(
        self, categories: str = "FEW", python_version: str = "3.13", budget_s: float = 20.0, memory_bytes: int = 1500 << 20
    ) -> None:
        """``categories`` are pylint's letters (F, E, W, R, C); ``python_version`` decides what is deprecated."""
        self.categories, self.python_version = categories, python_version
        self.budget_s, self.memory_bytes = budget_s, memory_bytes
        try:
            versions = f"pylint {version('pylint')}, astroid {version('astroid')}"
            self.tool_version = f"{versions}, {content_id(PROGRAM.read_bytes())}"
        except PackageNotFoundError:
            self.tool_version = ""

    def judge(self, record: Record) -> Verdict:
        """PASS, FAIL with every finding, SKIP (another language, no pylint, does not parse), or ERROR when pylint breaks."""
        return self.judge_all([record])[0]

    def judge_all(self, records: Sequence[Record]) -> list[Verdict]:
        """The verdict of each, in their order, by one warm process."""
        site = find_pylint()
        asked = [record for record in records if record.language == "python"] if site else []
        answers = iter(self._worker(site).each([{"text": record.text} for record in asked]) if asked else ())
        verdicts = []
        for record in records:
            if record.language != "python":
                verdicts.append(skip(self.name, "Python alone"))
            elif not site:
                verdicts.append(skip(self.name, NO_PYLINT))
            else:
                verdicts.append(verdict_on(self.name, next(answers), self._understood))
        return verdicts

    def _worker(self, site: str) -> Worker:
        command = [sys.executable, "-I", "-S", str(PROGRAM), site, self.categories, self.python_version]
        return shared_worker(command, WorkerLimits(budget_s=self.budget_s, memory_bytes=self.memory_bytes))

    def _understood(self, answer: dict) -> Verdict:
        rows = sorted(answer["rows"], key=lambda row: (row[2], row[0]))
        if any(symbol == "syntax-error" for symbol, *_ in rows):
            return skip(self.name, "does not parse")
        if broke := next((message for _, category, _, message in rows if category == "fatal"), ""):
            return error(self.name, broke.splitlines()[0].split(". ")[0])
        findings = tuple(
            Finding(rule=symbol, line=line, message=message.splitlines()[0], severity=_severity(symbol, category, message))
            for symbol, category, line, message in rows
        )
        counts = {kind: float(sum(row[1] == kind for row in rows)) for kind in SEVERITIES}
        return decide(
            self.name,
            findings,
            score=_grade(counts, answer["statements"]),
            detail=worst_of(findings),
            most=None,
            values={**counts, "statements": float(answer["statements"])},
        )

    def canaries(self) -> Sequence[Canary]:
        """One of each kind of message, under comments that tell pylint to look away; and a clean text."""
        away = "# pylint: disable=all\n# pylint: skip-file\n"
        return [
            canary(f"{away}def f():\n    return missing\n", "python", "undefined-variable"),
            canary(f"{away}import os\n\nprint(os.no_such_name)\n", "python", "no-member"),
            canary(f"{away}def f(x=[]):\n    return x\n", "python", "dangerous-default-value"),
            canary(f"{away}import imp\n\nprint(imp)\n", "python", "deprecated-module"),
            canary(f"{away}import logging\n\nlogging.warn('x')\n", "python", "deprecated-method"),
            canary("def f(x):\n    return x + 1\n", "python"),
        ]


def _severity(symbol: str, category: str, message: str) -> str:
    """Of what pylint only guesses, since other files are missing, a note; what a module of Python lacks is not a guess."""
    return "note" if symbol in GUESSES and not message.startswith("Module ") else SEVERITIES[category]


def _grade(counts: dict[str, float], statements: int) -> float:
    """Pylint's own mark out of ten, from 0 to 1."""
    weighed = 5 * (counts["error"] + counts["fatal"]) + counts["warning"] + counts["refactor"] + counts["convention"]
    return max(0.0, 1.0 - weighed / statements) if statements else 1.0
