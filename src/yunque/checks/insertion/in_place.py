"""Any check of a text, asked about one that is put in: what it finds there, and nothing of what stands around it."""

from __future__ import annotations

from dataclasses import replace

from yunque.checks.findings import decide, timed
from yunque.core.nouns import Insertion, Outcome, Verdict, unsourced
from yunque.core.seams import Check

LINES_BEFORE, LINES_AFTER = 3, 1
"""Shown to the check around the text: a secret is known by the name that it is given to."""


class InPlace:
    """A check of records as one of insertions; its name is the check's."""

    def __init__(self, check: Check) -> None:
        self.check = check

    @property
    def name(self) -> str:
        """As the check's."""
        return self.check.name

    @timed
    def judge_insertion(self, insertion: Insertion) -> Verdict:
        """The check's verdict with the findings on lines of the text alone; PASS where there are none."""
        before = "\n".join(insertion.before.split("\n")[-1 - LINES_BEFORE :])
        after = "\n".join(insertion.after.split("\n")[: 1 + LINES_AFTER])
        text = before + insertion.text + after
        verdict = self.check.judge(unsourced(text, insertion.language, insertion.path))
        if verdict.outcome is not Outcome.FAIL:
            return verdict
        start, end = (len(part.encode("utf-8", "surrogatepass")) for part in (before, before + insertion.text))
        first, last = 1 + before.count("\n"), 1 + (before + insertion.text).count("\n")
        findings = []
        for finding in verdict.findings:
            span, line = finding.span_bytes, finding.line or 0
            if (span[1] > start and span[0] < end) if span else first <= line <= last:
                findings.append(replace(finding, line=max(1, line - first + 1), span_bytes=None))
        return decide(self.name, findings, detail="" if findings else "nothing found")
