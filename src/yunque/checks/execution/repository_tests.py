"""Judge a file by the tests of the repository it belongs to, in the sandbox.

What a verdict is worth comes from layers, which it names:

apart       the one definition that the file differs in runs in a process of its own; plain values cross
            (`pytest_separate_process`)
guarded     an audit hook, set before the file is imported, ends the run when it looks at frames, code or the heap, makes
            code, starts programs, or opens tests (`pytest_probe`)
controlled  the same tests, with other expectations (`expectations`), fail: who passes them has not computed what he answers

A layer counts where the original file keeps it: where definition and tests share objects they share a process, original code
that walks frames itself is judged without the guard, tests whose expectations are not literals without that control. The
judge location is ``apart``, which needs no other layer; or, with both others for every test, ``controlled``; else
``in-process``: a PASS that a program could have forged.

Covered: pytest and unittest tests and doctests, found by pytest; a verdict needs a random word printed after the last test,
with every test that passed and one of ours that must, and failed one of ours that must; time-outs are told apart from
failures.
Not covered: an answer that tells the controls from the tests (nothing differs but one thing that each test expects, and that
is another in every control); an exception of many kinds at once; tests that need packages which are not installed (they fail
with the original code too, and make no task).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from yunque.checks.execution.control_layers import MARK, Layers
from yunque.checks.execution.pytest_runs import PytestRunner
from yunque.checks.findings import decide, skip, timed
from yunque.core.nouns import Finding, Limits, Outcome, Record, Verdict
from yunque.core.seams import Sandbox


class RepositoryTests:
    """A check: do these tests of the repository pass when the record's text replaces the file at its path?"""

    name = "repository-tests"

    def __init__(self, *, tree: Path, tests: Sequence[str], sandbox: Sandbox, limits: Limits, definition: str = "") -> None:
        self.tests = tuple(tests)
        self.runner = PytestRunner(tree=tree, tests=self.tests, sandbox=sandbox, limits=limits)
        self.definition = definition
        """The function or class at the top of the file that alone may differ; empty: anything may."""

    @timed
    def judge(self, record: Record) -> Verdict:
        """PASS when all pass, FAIL when one does not or time runs out, SKIP without tests, ERROR when nothing could run."""
        if not self.tests:
            return skip(self.name, "no tests")
        path = record.origin.path
        layers = Layers.of(self.runner, path, self.definition) if path.endswith(".py") else Layers()
        files, watched = {path: record.text.encode("utf-8", "surrogatepass")}, path if layers.guarded else ""
        if layers.apart is None:
            run = self.runner.run(layers.files | files, guarded=watched, known=layers.known, rows=layers.rows)
        else:
            run = self.runner.run({path: layers.apart}, elsewhere={"path": path, "text": record.text, "mark": MARK})
        result, rule = "", f"{self.name}/{Outcome.FAIL}"
        judge_location = "in-process" if layers.apart is None else "apart"
        if run.timed_out:
            result = "timeout"
        elif run.looked:
            result, rule = run.reason, "looks-around"
        elif run.fails in run.passed:
            result, rule = "a test that must fail passed beside the others", "meddles"
        elif not run.passed_all(self.tests):
            result = run.reason
        elif layers.controls:
            as_original = True
            for control in layers.controls:
                run = self.runner.run(control.files | files, guarded=watched, known=layers.known, rows=layers.rows)
                if control.is_met(run):
                    result, rule = "tests that expect something else passed, too", "meddles"
                    break
                as_original &= control.fails_as_original(run)
            if not result and layers.guarded and set(layers.changed) == set(self.tests) and as_original:
                judge_location = "controlled"
        passed = "1 test passes" if len(self.tests) == 1 else f"{len(self.tests)} tests pass"
        detail = result or f"{passed} ({layers.named(len(self.tests))})"
        findings = [Finding(rule=rule, message=result)] if result else []
        score, detail = float(not result), f"{detail} [{run.tier}]"
        return replace(decide(self.name, findings, score=score, detail=detail), judge_location=judge_location)
