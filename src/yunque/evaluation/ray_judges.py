"""A suite whose answers are judged on the nodes of a Ray cluster; everything else of it stays here.

Covered: every node opens the suite by its name, with a sandbox of its own; a verdict does not depend on where it was made,
except that the tier of the sandbox does, so all tiers must be the one here.
Not covered: benchmark files that other nodes do not have under the same path.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from yunque.checks.execution.judge_processes import Judges, judged
from yunque.checks.findings import error
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Measure, PromptStyle, Task, Verdict
from yunque.core.paths import benchmarks_folder
from yunque.core.seams import JudgedSuite, MeasuredSuite, Sandbox
from yunque.evaluation.registry import open_suite
from yunque.inference.ray_engine import connect


class SpreadSuite:
    """A suite (seam ``JudgedSuite``) with judges on a cluster, each of which opens it by that name.

    EvaluationError when a judge cannot start.
    """

    is_distant = True

    def __init__(self, inner: JudgedSuite, name: str, *, num_judges: int = 0, address: str = "") -> None:
        self.inner = inner
        self._ray = connect(address)
        self.num_judges = num_judges or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        judge = self._ray.remote(num_cpus=0.25, max_restarts=2, max_task_retries=2)(_Judge)
        self._judges = [judge.remote(name, benchmarks_folder()) for _ in range(self.num_judges)]
        self._idle: queue.Queue[Any] = queue.Queue()
        try:
            tiers = set(self._ray.get([judge.tier.remote() for judge in self._judges]))
        except self._ray.exceptions.RayError as error:
            raise EvaluationError(
                f"a judge does not start ({str(error).strip().splitlines()[-1][:160]})", where=inner.name
            ) from None
        here = inner.sandbox.tier if inner.sandbox else ""
        if tiers != {here}:
            raise EvaluationError(f"the cluster isolates by {', '.join(sorted(tiers))}, this machine by {here}", where="ray")
        for item in self._judges:
            self._idle.put(item)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)  # name, licence, sandbox, …

    def tasks(self) -> Sequence[Task]:
        """Those of the suite inside."""
        return self.inner.tasks()

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """The verdict of whichever judge is idle; ERROR when it was lost with its node."""
        item = self._idle.get()
        try:
            return self._ray.get(item.judge.remote(task, text, style))
        except self._ray.exceptions.RayError as lost:
            return error(self.inner.name, f"the judge was lost ({lost})"[:400])
        finally:
            self._idle.put(item)

    def measures(self, answers: Sequence[tuple[Task, str]]) -> list[Measure]:
        """The numbers of all answers together, if the suite inside has any."""
        return self.inner.measures(answers) if isinstance(self.inner, MeasuredSuite) else []


class _Judge:
    """One sandbox and the suite; lives in a process of Ray's."""

    def __init__(self, name: str, folder: Path) -> None:
        from yunque.sandbox import open_sandbox

        self._sandbox: Sandbox = open_sandbox()
        self._suite = open_suite(name, self._sandbox, folder)
        self._judges = Judges(self._suite.judge)

    def tier(self) -> str:
        return self._sandbox.tier

    def judge(self, task: Task, text: str, style: PromptStyle) -> Verdict:
        return judged(self._judges, self._suite.name, task, text, style)
