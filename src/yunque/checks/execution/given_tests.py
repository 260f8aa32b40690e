"""Judge a file by tests that somebody gives with it, in the sandbox: pytest files, beside the file or in a tree of theirs.

All tests run once, so that a failure is told test by test; no test that stands in the files may be missing. Where all pass,
`RepositoryTests` looks for what a program that reads its tests could have done, and says how far its judge sat. The guard is
learned from the answer itself here, since there is no original: the controls (the same tests, with other expectations) are
what holds.

Covered: what pytest finds in Python test files; parametrised tests, fixtures, unittest.
Not covered: other languages (SKIP).
"""

from __future__ import annotations

import ast
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from yunque.checks.execution.pytest_runs import PytestRunner, TestRun, reach, without_parameters
from yunque.checks.execution.python import TIMEOUT
from yunque.checks.execution.repository_tests import RepositoryTests
from yunque.checks.findings import decide, error, fail, skip, timed
from yunque.code.python_ast import try_parse_python
from yunque.core.nouns import Finding, Limits, Record, Verdict
from yunque.core.seams import Sandbox

ANSWER = "answer.py"
MOST_FINDINGS = 10


@dataclass(frozen=True, kw_only=True)
class GivenTests:
    """A check: do these tests pass with the record's text in the file that they import?"""

    tests: Mapping[str, str]
    """Relative POSIX path -> text."""
    sandbox: Sandbox
    path: str = ""
    """Where the text stands, relative; empty: where the tests import it from."""
    tree: Path | None = None
    """The folder that both belong to; None: they stand alone."""
    limits: Limits = field(default_factory=Limits)
    name: str = "tests"

    @timed
    def judge(self, record: Record) -> Verdict:
        """PASS with all, FAIL with a finding a test, the score is the share that passes; SKIP, or ERROR without any test."""
        if record.language != "python":
            return skip(self.name, "Python tests alone")
        with tempfile.TemporaryDirectory(prefix="yunque-tests-") as folder:
            return self._judge(record, Path(folder) / "tree")

    def _judge(self, record: Record, tree: Path) -> Verdict:
        path = self._lay_out(record, tree)
        reached = reach(tree, self.sandbox, self.limits, paths=sorted(self.tests))
        ids = [test.test for test in reached.tests]
        if missing := _written(self.tests) - {without_parameters(test) for test in ids}:
            reason = reached.trouble or reached.failing or f"{len(missing)} tests did not begin"
            rule = TIMEOUT if "longer than" in reason else "no-tests-run"
            return fail(self.name, rule, reason)
        if not ids:
            return error(self.name, "holds no test")
        if not all(test.passed for test in reached.tests):
            runner = PytestRunner(tree=tree, tests=tuple(ids), sandbox=self.sandbox, limits=self.limits)
            return self._failures(runner.run({}, explained=True))
        whole = RepositoryTests(tree=tree, tests=ids, sandbox=self.sandbox, limits=self.limits)
        moved = replace(record, origin=replace(record.origin, path=path))
        return replace(whole.judge(moved), check=self.name)

    def _failures(self, run: TestRun) -> Verdict:
        """FAIL with a finding a test, which says how it fails."""
        if run.timed_out:
            return fail(self.name, TIMEOUT, f"the tests took longer than {self.limits.wall_s:g} s")
        failed, num_passed = sorted(run.failed - {run.fails}), len(run.passed - {run.holds})
        names = failed or ["the run"]
        findings = [
            Finding(rule="failed-test", message=f"{test} fails: {run.reasons.get(test, run.reason)}"[:400])
            for test in names[:MOST_FINDINGS]
        ]
        total = len(failed) + num_passed
        detail = (
            f"{len(failed)} of {total} tests fail: {run.reasons.get(names[0], run.reason)}"
            if failed
            else f"the run did not end well: {run.reason}"
        )
        return decide(self.name, findings, score=num_passed / total if failed else 0.0, detail=detail)

    def _lay_out(self, record: Record, tree: Path) -> str:
        """Fill a folder with tree, tests and text; the text's path."""
        if self.tree is not None:
            ignored = shutil.ignore_patterns(".git", ".venv", "node_modules", "__pycache__", ".*_cache")
            shutil.copytree(self.tree, tree, ignore=ignored, symlinks=True)
        path = self.path or answer_path(self.tests.values())
        for name, text in {path: record.text, **self.tests}.items():
            if name != path and not self.path and path == ANSWER:
                text = "from answer import *\n" + text
            target = tree / path_inside(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8", errors="replace")
        return path


def path_inside(name: str) -> PurePosixPath:
    """A relative path that stays in its folder; ValueError for another."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise ValueError(f"{name!r} is not a path inside the folder")
    return path


def _written(tests: Mapping[str, str]) -> set[str]:
    """Ids, without parameters, of the test functions that stand at the top of the files."""
    ids = set()
    for path, text in tests.items():
        tree = try_parse_python(text)
        for node in tree.body if tree else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
                ids.add(f"{path}::{node.name}")
    return ids


def answer_path(tests: Iterable[str]) -> str:
    """Where Python tests import from what they test: the first module that is neither installed nor a test's own."""
    for text in tests:
        tree = try_parse_python(text)
        for node in ast.walk(tree) if tree else ():
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.partition(".")[0]
                if top and top not in sys.stdlib_module_names and importlib.util.find_spec(top) is None:
                    return name.replace(".", "/") + ".py"
    return ANSWER
