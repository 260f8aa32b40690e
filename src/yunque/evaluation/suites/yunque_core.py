"""yunque-core: sixty original tasks with tests that ship in the package, so that evaluation works with nothing downloaded.

36 in Python and 24 in JavaScript, prompts half in Spanish and half in English: functions to complete, to mend, to refactor
under a stated demand, and to write safely (``docs/yunque-core.md``). The rows are read by `jsonl_suite`; each has an answer
that must pass and one that must not: for a function to mend the buggy one, to refactor the original, to write safely the
naive one.

Covered: every task's tests were run against both of its answers and against an empty one (``tests/evaluation``).
Not covered: being secret; whoever trains on this repository trains on the answers.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from yunque.core.nouns import Limits
from yunque.core.seams import Sandbox
from yunque.evaluation.suites.jsonl import JsonlSuite, open_jsonl

NAME = "yunque-core"
ROWS = Path(__file__).with_name("yunque_core.jsonl")
KINDS = ("completion", "debugging", "refactoring", "security")
LIMITS = Limits(wall_s=10.0, cpu_s=4.0, memory_bytes=1 << 30)
"""The canonical answers take at most a second; quadratic ones, where linear time is demanded, a minute and more."""


def yunque_core(sandbox: Sandbox | None = None) -> JsonlSuite:
    """The suite; nothing is needed but the package."""
    return open_jsonl(ROWS, sandbox, name=NAME, licence="Apache-2.0", limits=LIMITS)


def distribution(suite: JsonlSuite) -> Counter[tuple[str, str, str]]:
    """How many tasks there are by (language, natural language, kind)."""
    return Counter((row.task.language, row.natural_language, row.task.part) for row in suite.rows.values())


SUITES = {"yunque-core": lambda _, sandbox: yunque_core(sandbox)}
"""Name -> opener."""
