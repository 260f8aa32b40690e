"""What bandit finds in Python."""

from __future__ import annotations

import logging
import tempfile
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from yunque.checks.canaries import canary
from yunque.checks.findings import decide, skip, timed, worst_of
from yunque.code.python_ast import PARSING
from yunque.core.nouns import Canary, Finding, Record, Verdict

NOT_WEAKNESSES = ("B101", "B404")
"""Bandit's tests that say nothing of the code at hand: an assert, and an import of subprocess."""


class Bandit:
    """A check (seam ``Check``): what Bandit finds in Python, ``nosec`` comments not obeyed. SKIP where it cannot look."""

    name = "bandit"

    @timed
    def judge(self, record: Record) -> Verdict:
        """PASS, FAIL, with every finding and its CWE; or SKIP: another language, not installed, does not parse.

        Low severity is a ``note``, which fails nothing. A function with the indentation of its class is read without it.
        """
        if record.language != "python":
            return skip(self.name, "Python alone")
        with PARSING, warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="yunque-bandit-") as folder:
            warnings.simplefilter("ignore")
            try:
                from bandit.core import config, manager
            except ImportError:
                return skip(self.name, "Bandit is not installed; pip install 'yunque[checks]'")
            path = Path(folder) / "answer.py"
            path.write_text(textwrap.dedent(record.text), "utf-8", errors="replace")
            bandit = manager.BanditManager(
                config.BanditConfig(), "file", quiet=True, ignore_nosec=True, profile={"exclude": list(NOT_WEAKNESSES)}
            )
            bandit.files_list = [str(path)]
            with _silent("bandit"):
                bandit.run_tests()
        if bandit.skipped:
            return skip(self.name, "does not parse")
        findings = [
            Finding(
                rule=issue.test_id,
                line=issue.lineno,
                message=issue.text,
                severity={"LOW": "note", "MEDIUM": "warning"}.get(issue.severity, "error"),
                cwe=issue.cwe.id or None,
            )
            for issue in sorted(bandit.results, key=lambda issue: (issue.lineno, issue.test_id))
        ]
        return decide(self.name, findings, detail=worst_of(findings), most=None)

    def canaries(self) -> Sequence[Canary]:
        """One of each severity, and a clean text."""
        return [
            canary("import subprocess\nsubprocess.run(x, shell=True)\n", "python", "B602"),
            canary("import pickle\npickle.loads(x)\n", "python", "B301"),
            canary("x = eval(y)  # nosec\n", "python", "B307"),
            canary("import random\nx = random.random()\n", "python", "B311"),
            canary("import ast\nx = ast.literal_eval(y)\n", "python"),
        ]


@contextmanager
def _silent(logger: str) -> Iterator[None]:
    """Nothing is logged there; what was set before is set again."""
    log = logging.getLogger(logger)
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)
