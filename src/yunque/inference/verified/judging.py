"""What tools find in an answer: tests in the sandbox, checks, and what each verb asks for. The judge of one task."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from yunque.checks.execution.given_tests import ANSWER, GivenTests, answer_path
from yunque.checks.findings import decide, error, fail
from yunque.code.functions import functions
from yunque.code.languages import row_of
from yunque.core.nouns import Finding, Limits, Outcome, Verdict, unsourced
from yunque.core.seams import Check, Sandbox
from yunque.inference.verified.coding import CodingTask, Verb, module_of, without_bodies
from yunque.inference.verified.examples import example_tests

TESTS, EXAMPLES, OWN_TESTS = "tests", "examples", "tests-by-model"
"""Names of the verdicts by tests that were given, by examples in docstrings, and by tests that the model wrote itself."""
BY_TESTS = (TESTS, EXAMPLES, OWN_TESTS)
EXAMPLES_FILE, OWN_FILE = "test_examples.py", "test_by_model.py"
Kinds = Counter[tuple[str, str]]
"""Findings of a check, by rule and message."""


@dataclass(frozen=True)
class Judge:
    """Judges the answers to one task."""

    task: CodingTask
    checks: Sequence[Check]
    sandbox: Sandbox | None
    limits: Limits
    own_tests: str = ""
    """What the model wrote to judge itself by, where no tests are given."""

    def verdicts(self, code: str) -> tuple[Verdict, ...]:
        """What an answer's code is worth, tests first; for ``explain`` what its prose is."""
        task = self.task
        if task.verb is Verb.EXPLAIN:
            return (names_exist(code, task) if code.strip() else fail("answer", "empty", "says nothing"),)
        if not code.strip():
            return (fail("answer", "empty", "no code in the answer"),)
        verdicts = self._of_tests(code) if task.verb is Verb.TEST else self._by_tests(code)
        if task.verb is Verb.REFACTOR:
            verdicts.append(keeps_interface(code, task))
        record = unsourced(code, task.language, task.path or f"answer{next(iter(row_of(task.language).endings), '')}")
        found_by = ((check.name, check.judge(record)) for check in self.checks)
        return (*verdicts, *(_without_known(verdict, self._known.get(name, Counter())) for name, verdict in found_by))

    # -------------------------------------------------------------------------------------------------------------- tests
    def _by_tests(self, code: str) -> list[Verdict]:
        """Whether the code passes the tests that were given, examples in docstrings, and the tests that the model wrote."""
        files = {TESTS: self.task.tests, EXAMPLES: {EXAMPLES_FILE: self.examples}, OWN_TESTS: {OWN_FILE: self.own_tests}}
        return [self._tested(code, tests, name, self.task.path) for name, tests in files.items() if any(tests.values())]

    @cached_property
    def examples(self) -> str:
        """The examples in the docstrings of the code that was given, as tests."""
        task = self.task
        if task.language != "python" or task.verb is Verb.TEST:
            return ""
        return example_tests(task.code, module_of(task.path or answer_path(task.tests.values())))

    @property
    def asserts(self) -> str:
        """All tests there are, one below the other."""
        return "\n".join([*self.task.tests.values(), self.examples, self.own_tests])

    def _of_tests(self, tests: str) -> list[Verdict]:
        """Whether tests pass on the code they test, and do not on the same code with every function emptied."""
        task, path = self.task, self.task.path or ANSWER
        if task.language != "python":
            return []
        passes = self._tested(task.code, {OWN_FILE: tests}, OWN_TESTS, path)
        if passes.outcome is not Outcome.PASS:
            return [passes]
        emptied = self._tested(without_bodies(task.code, task.language), {OWN_FILE: tests}, OWN_TESTS, path)
        if emptied.outcome is Outcome.PASS:
            return [passes, fail("tests-notice", "vacuous", "they pass on code whose functions do nothing, too")]
        return [passes, decide("tests-notice", detail="they fail where the functions do nothing")]

    def _tested(self, code: str, tests: Mapping[str, str], name: str, path: str) -> Verdict:
        if self.sandbox is None:
            return error(name, "there is no sandbox to run them in")
        tree, limits = self.task.tree, self.limits
        check = GivenTests(tests=tests, sandbox=self.sandbox, path=path, tree=tree, limits=limits, name=name)
        return check.judge(unsourced(code, self.task.language, path))

    @cached_property
    def _known(self) -> dict[str, Kinds]:
        """What each check finds in the code that was given, by its name: an answer is not blamed for it."""
        task = self.task
        if not task.code or task.verb in (Verb.TEST, Verb.WRITE):
            return {}  # tests are another text, and a beginning is no code yet
        record = unsourced(task.code, task.language, task.path or "answer")
        return {check.name: Counter(map(_kind, check.judge(record).findings)) for check in self.checks}


# -------------------------------------------------------------------------------------------------- what answers must keep
def keeps_interface(code: str, task: CodingTask) -> Verdict:
    """FAIL where a function of the code that was given is gone, or has other parameters."""
    now = _signatures(code, task.language)
    findings = [
        Finding(
            rule="interface", message=f"{name} is gone" if name not in now else f"{name} has other parameters: {now[name]}"
        )
        for name, signature in _signatures(task.code, task.language).items()
        if not name.rpartition(".")[2].startswith("_") and now.get(name) != signature
    ]
    return decide("keeps-interface", findings, detail="" if findings else "every name and parameter is kept")


def _signatures(code: str, language: str) -> dict[str, str]:
    """Functions by their qualified names, with what stands between name and body, blanks aside."""
    data = code.encode("utf-8", "replace")
    signatures = {}
    for function in functions(code, language):
        head = data[function.start_byte : function.prompt_end_byte].decode("utf-8", "replace")
        head = head[head.find(function.name) + len(function.name) :]
        parameters = head.partition(")")[0] if ")" in head else head
        signatures[function.qualified_name] = "".join(parameters.split())
    return signatures


def names_exist(text: str, task: CodingTask) -> Verdict:
    """FAIL where an explanation speaks of a name, in backquotes, that the code does not have."""
    words = set(re.findall(r"\w+", task.code))
    findings = [
        Finding(rule="unknown-name", message=f"speaks of '{name}', which is not in the code")
        for name in dict.fromkeys(re.findall(r"`([A-Za-z_]\w*)(?:\(\))?`", text))
        if name not in words and name.lower() not in ("none", "true", "false", "null", task.language)
    ]
    return decide("names-exist", findings, detail="" if findings else "every name that it speaks of is in the code")


# ------------------------------------------------------------------------------------------------------------------ findings
def _kind(finding: Finding) -> tuple[str, str]:
    return finding.rule, finding.message


def _without_known(verdict: Verdict, known: Kinds) -> Verdict:
    if verdict.outcome is not Outcome.FAIL or not known:
        return verdict
    left, fresh = known.copy(), []
    for finding in verdict.findings:
        if left[_kind(finding)]:
            left[_kind(finding)] -= 1
        else:
            fresh.append(finding)
    if len(fresh) == len(verdict.findings):
        return verdict
    new = decide(verdict.check, fresh, detail="" if fresh else "nothing that was not there before")
    return replace(new, took_ms=verdict.took_ms)
