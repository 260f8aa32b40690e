"""Whether a check can be believed: it must see through its canaries before its silence means anything.

A canary is a text with something planted that the check must report, or a clean one that it must pass (`core.nouns.Canary`).
A scanner whose rules are missing, whose version changed its output or that was built without its engine is silent like one
that finds nothing; with `Trusted` around it, it says ERROR instead, of every text.

Covered: tools that are missing (SKIP stays SKIP), silent, talkative, or break.
Not covered: weaknesses that no canary stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from yunque.checks.findings import error
from yunque.core.nouns import Canary, Origin, Outcome, Record, Verdict, content_id
from yunque.core.seams import BatchCheck, Check, ProvenCheck


def canary(text: str, language: str, finds: str = "", path: str = "canary") -> Canary:
    """A canary of that text: with the rule that must be found, or clean."""
    origin = Origin(source="canary", path=path, revision="", licence="CC0-1.0", collected_at="")
    return Canary(record=Record(id=content_id(path, text), text=text, language=language, origin=origin), finds=finds)


@dataclass(frozen=True)
class Proof:
    """What the canaries of a check showed."""

    doubt: str = ""
    """Why it cannot be believed, in one line; empty when it saw through all its canaries, or brings none."""
    missing: str = ""
    """Why it looks at nothing here (a tool that is not installed); empty when it looks."""


def prove(check: Check) -> Proof:
    """Ask a check about its canaries. One that is skipped proves nothing and raises no doubt: texts are skipped, too."""
    if not isinstance(check, ProvenCheck):
        return Proof()
    canaries = list(check.canaries())
    if not any(item.finds for item in canaries) or all(item.finds for item in canaries):
        return Proof(doubt="it brings no canary with a finding, or none without")
    verdicts = judge_all(check, [item.record for item in canaries])
    if all(verdict.outcome is Outcome.SKIP for verdict in verdicts):
        return Proof(missing=verdicts[0].detail or "it skips every canary")
    for item, verdict in zip(canaries, verdicts, strict=True):
        if verdict.outcome is Outcome.ERROR:
            return Proof(doubt=f"it broke on a canary: {verdict.detail}")
        if verdict.outcome is Outcome.SKIP:
            continue
        if item.finds and item.finds not in [finding.rule for finding in verdict.findings]:
            return Proof(doubt=f"it did not see a planted '{item.finds}'")
        if not item.finds and verdict.outcome is not Outcome.PASS:
            return Proof(doubt=f"it found something in a clean text: {verdict.detail}")
    return Proof()


def doubt(check: Check) -> str:
    """Why a check cannot be believed, in one line; empty when it can."""
    return prove(check).doubt


def judge_all(check: Check, records: Sequence[Record]) -> list[Verdict]:
    """The verdict of each record, all at once where the check can."""
    return check.judge_all(records) if isinstance(check, BatchCheck) else [check.judge(record) for record in records]


class Trusted:
    """A check (seam ``BatchCheck``) that says what the one inside says, or ERROR when that one cannot be believed."""

    def __init__(self, check: Check, proof: Proof | None = None, name: str = "") -> None:
        self.check, self.name, self._proof = check, name or check.name, proof

    @property
    def proof(self) -> Proof:
        """What its canaries showed; they are asked once."""
        if self._proof is None:
            self._proof = prove(self.check)
        return self._proof

    @property
    def at_once(self) -> bool:
        """Whether its tool takes many texts at once; else texts may come one by one, whichever check looked last."""
        return isinstance(self.check, BatchCheck)

    def judge(self, record: Record) -> Verdict:
        """A verdict; never raises for anything the text does."""
        return self.judge_all([record])[0]

    def judge_all(self, records: Sequence[Record]) -> list[Verdict]:
        """The verdict of each, in their order."""
        if why := self.proof.doubt:
            return [error(self.name, f"not believed: {why}") for _ in records]
        return [replace(item, check=self.name) for item in judge_all(self.check, records)]
