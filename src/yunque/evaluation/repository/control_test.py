"""A repository's tests beside the same tests with other expectations: what a program must not pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from yunque.checks.execution.python import TIMEOUT
from yunque.checks.execution.repository_tests import RepositoryTests
from yunque.core.nouns import Job, Observation, Outcome, Record, Verdict
from yunque.core.seams import Sandbox


@dataclass(frozen=True)
class WithFiles:
    """A sandbox that lays further files over the tree of every job."""

    sandbox: Sandbox
    files: Mapping[str, bytes]

    @property
    def tier(self) -> str:
        """Of the sandbox inside."""
        return self.sandbox.tier

    def run(self, job: Job) -> Observation:
        """What was observed; the job's own files win."""
        return self.sandbox.run(replace(job, files={**self.files, **job.files}))


def judge_controlled(tests: RepositoryTests, record: Record, name: str) -> Verdict:
    """What the tests say, under the suite's name and rules."""
    verdict = replace(tests.judge(record), check=name)
    if verdict.outcome is not Outcome.FAIL or any(
        finding.rule in ("meddles", "looks-around") for finding in verdict.findings
    ):
        return verdict
    rule = TIMEOUT if verdict.detail.startswith("timeout") else "failed"
    return replace(verdict, findings=tuple(replace(finding, rule=rule) for finding in verdict.findings))
