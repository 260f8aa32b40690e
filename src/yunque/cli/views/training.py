"""Training, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yunque.core.nouns import Outcome, Verdict

MARKS = {Outcome.PASS: "ok", Outcome.FAIL: "FAILS", Outcome.SKIP: "skipped", Outcome.ERROR: "unknown"}


def preflight_lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """A line for each check: its name, how it came out, and why."""
    for verdict in verdicts:
        warned = any(finding.severity == "warning" for finding in verdict.findings)
        what = verdict.findings[0].message if verdict.findings else verdict.detail
        yield f"{verdict.check:<14} {'warning' if warned else MARKS[verdict.outcome]:<8} {what}"
