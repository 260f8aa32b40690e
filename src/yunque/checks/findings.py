"""How checks without a tool of their own put their verdicts together: places in bytes, findings, SKIP."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from yunque.core.nouns import Finding, Outcome, Verdict

MAX_FINDINGS = 200
"""As many are reported of one text; numbers in ``values`` count all of them."""


class Places:
    """Lines and byte offsets of character offsets that are asked for in rising order."""

    def __init__(self, text: str) -> None:
        self.text, self.plain = text, text.isascii()
        self._at = self._bytes = 0
        self._line = 1

    def line(self, position: int) -> int:
        """1-based line."""
        self._go(position)
        return self._line

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The UTF-8 bytes of characters start to end."""
        self._go(start)
        size = end - start if self.plain else len(self.text[start:end].encode("utf-8", "surrogatepass"))
        return self._bytes, self._bytes + size

    def _go(self, position: int) -> None:
        if position < self._at:
            self._at, self._bytes, self._line = 0, 0, 1
        passed = self.text[self._at : position]
        self._line += passed.count("\n")
        self._bytes += len(passed) if self.plain else len(passed.encode("utf-8", "surrogatepass"))
        self._at = position


def timed(judge: Callable[..., Verdict]) -> Callable[..., Verdict]:
    """A method that gives a verdict: the same verdict with the time in it that it took."""

    @functools.wraps(judge)
    def judge_timed(*args: object, **kwargs: object) -> Verdict:
        started = time.perf_counter()
        verdict = judge(*args, **kwargs)
        return replace(verdict, took_ms=(time.perf_counter() - started) * 1000)

    return judge_timed


def decide(
    check: str,
    findings: Sequence[Finding] = (),
    *,
    values: dict[str, float] | None = None,
    score: float | None = None,
    fails: bool | None = None,
    detail: str = "",
    most: int | None = MAX_FINDINGS,
) -> Verdict:
    """A verdict: FAIL with a finding that is more than a note, unless ``fails`` says otherwise.

    ``detail``: the first finding's message where it is empty. ``most``: so many findings are kept; None: all.
    """
    failed = any(finding.severity != "note" for finding in findings) if fails is None else fails
    return Verdict(
        check=check,
        outcome=Outcome.FAIL if failed else Outcome.PASS,
        score=score,
        findings=tuple(findings[:most]),
        detail=detail or (findings[0].message if findings else ""),
        values=values or {},
    )


def fail(check: str, rule: str, message: str) -> Verdict:
    """FAIL with one finding, and the score 0."""
    return decide(check, [Finding(rule=rule, message=message[:400])], score=0.0)


def skip(check: str, why: str) -> Verdict:
    """A verdict that the check does not apply."""
    return Verdict(check=check, outcome=Outcome.SKIP, detail=why)


def error(check: str, why: str) -> Verdict:
    """A verdict that the check itself broke."""
    return Verdict(check=check, outcome=Outcome.ERROR, detail=why)


def worst_of(findings: Sequence[Finding], clean: str = "nothing found") -> str:
    """The first finding that is more than a note, with its line; else how many notes there are, or ``clean``."""
    worst = next((finding for finding in findings if finding.severity != "note"), None)
    return f"line {worst.line}: {worst.message}" if worst else f"{len(findings)} notes" if findings else clean
