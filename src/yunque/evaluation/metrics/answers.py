"""What an answer is measured by: one table of metrics, and the values that each answer has for them.

An answer's values are numbers by name (`AnswerValues`); a metric says how the values of many answers become one number.
Values that could not be taken (no reference, no linter for the language) are absent, and n says of how many answers a number
is made.

Covered: correctness, likeness to the reference, syntax, lint, security, and cost against the reference.
Not covered: the cost of answers that fail; processor time below a millisecond, where the program's start is most of it.
"""

from __future__ import annotations

import functools
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from yunque.checks.execution.python import timed_out
from yunque.checks.linters.lint import Lint
from yunque.checks.security.bandit import Bandit
from yunque.checks.security.patterns import InsecurePatterns
from yunque.checks.syntax import Syntax
from yunque.core.nouns import Finding, Job, Observation, Origin, Outcome, PromptStyle, Record, Task, Verdict, content_id
from yunque.core.seams import Check, Engine, JudgedSuite, Sandbox
from yunque.evaluation.metrics.text import edit_similarity

KINDS = ("similarity", "syntax", "lint", "security", "efficiency", "likelihood")
"""What can be asked for. Efficiency runs every right answer and its reference again; likelihood scores every reference."""
USUAL = KINDS[:4]
_WHOLE = (PromptStyle.CHAT, PromptStyle.PROGRAM)
"""Styles whose answers are likened to the reference as whole programs."""
TURNS = 3
"""Runs of which the cheapest counts, when cost is measured."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number of many answers: the sum of a value over the sum of another, or the mean of it."""

    name: str
    of: str
    per: str = ""
    """The value that it is a rate of; empty: the mean over answers."""
    scale: float = 1.0
    unit: str = "share"
    """``share``; ``ratio`` or ``perplexity`` (e to the mean of logarithms); or a text."""
    better: Literal["lower", "higher"] = "higher"
    parts: str = ""
    """How the names of values begin that split it (rules, weaknesses); an answer without one has 0 of it."""
    meaning: str


METRICS = (
    Metric(name="pass@1", of="pass", meaning="share of answers that pass the task's tests"),
    Metric(name="exact match", of="exact", meaning="share of answers that are the reference, blanks at both ends aside"),
    Metric(name="edit similarity", of="similarity", meaning="likeness to the reference: 1 - Levenshtein distance / length"),
    Metric(name="valid syntax", of="valid", meaning="share of programs that parse, where the reference's does"),
    Metric(
        name="lint findings", of="lint", per="lines", scale=1000, unit="per 1,000 lines", better="lower",
        parts="lint ", meaning="what a linter finds in the program with the answer",
    ),
    Metric(
        name="security findings", of="insecurities", per="lines", scale=1000, unit="per 1,000 lines", better="lower",
        meaning="what security checks find in the program with the answer, notes aside",
    ),
    Metric(
        name="insecure", of="insecure", better="lower",
        parts="weakness ", meaning="share of answers with at least one security finding, notes aside",
    ),
    Metric(
        name="bits per byte", of="bits", per="bytes", unit="bits/byte", better="lower",
        meaning="bits that the model needs for a byte of the reference, given the prompt",
    ),
    Metric(
        name="perplexity", of="nats", per="reference_tokens", unit="perplexity", better="lower",
        meaning="e to the model's mean loss over the tokens of the reference, given the prompt",
    ),
    Metric(
        name="time", of="log_time", unit="ratio", better="lower",
        meaning="processor time of right answers over that of the reference (geometric mean)",
    ),
    Metric(
        name="memory", of="log_memory", unit="ratio", better="lower",
        meaning="peak memory of right answers over that of the reference (geometric mean)",
    ),
    Metric(name="forgery-proof", of="unforgeable", meaning="share of verdicts that the program could not have forged"),
    Metric(
        name="controlled", of="controlled",
        meaning="share of verdicts given in the program's process, guarded and beside tests that must fail",
    ),
    Metric(name="truncated", of="truncated", better="lower", meaning="share of answers cut at the most tokens allowed"),
    Metric(name="timed out", of="timed_out", better="lower", meaning="share of answers that ran out of time"),
)  # fmt: skip


EXPONENTIATED = ("ratio", "perplexity")
"""Units of metrics that are means of logarithms."""


def find_metric(name: str) -> Metric | None:
    """The metric of that name; None for a suite's own numbers."""
    return next((metric for metric in METRICS if metric.name == name), None)


# ------------------------------------------------------------------------------------------------------------------- values
@dataclass(kw_only=True, eq=False)
class AnswerValues:
    """Takes the values of answers to one suite; used by several threads."""

    suite: JudgedSuite
    kinds: Sequence[str] = USUAL
    sandbox: RecordingSandbox | None = None
    """The one that the suite judges in; efficiency needs it."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _parses: dict[str, bool] = field(default_factory=dict)

    def of(self, task: Task, text: str, style: PromptStyle, finish_reason: str, verdict: Verdict) -> dict[str, float]:
        """Everything that was asked for and could be taken of one answer, by name."""
        values = {"pass": float(verdict.outcome is Outcome.PASS), "timed_out": float(timed_out(verdict))}
        if verdict.judge_location:
            values["unforgeable"] = float(verdict.judge_location in ("outside", "apart"))
            values["controlled"] = float(verdict.judge_location == "controlled")
        if finish_reason:  # of answers made elsewhere it is not known
            values["truncated"] = float(finish_reason == "length")
        program, canonical = self.suite.program(task, text, style), self.suite.canonical(task)
        if "similarity" in self.kinds and canonical is not None:
            details, wanted = (program, self.suite.program(task, canonical)) if style in _WHOLE else (text, canonical)
            values |= {
                "similarity": round(edit_similarity(details, wanted), 6),
                "exact": float(details.strip() == wanted.strip()),
            }
        values |= self._looks(task, program, self.kinds)
        if "syntax" in self.kinds and not self._reference_parses(task):
            values.pop("valid", None)
        if "efficiency" in self.kinds and verdict.outcome is Outcome.PASS and canonical is not None:
            values |= self._cost_ratio(task, text, style, canonical)
        return values

    def _looks(self, task: Task, program: str, kinds: Sequence[str]) -> dict[str, float]:
        """What can be said of a program without running it."""
        origin = Origin(source=self.suite.name, path=task.id, revision="", licence=self.suite.licence, collected_at="")
        record = Record(id=content_id(program), text=program, language=task.language, origin=origin)
        values: dict[str, float] = {}
        for kind in ("syntax", "lint", "security"):
            verdicts = [check.judge(record) for check in _checks(kind)] if kind in kinds else []
            verdicts = [verdict for verdict in verdicts if verdict.outcome in (Outcome.PASS, Outcome.FAIL)]
            if verdicts:
                result = [finding for verdict in verdicts for finding in verdict.findings if finding.severity != "note"]
                values |= _VALUES[kind](result)
        return values | {"lines": float(sum(bool(line.strip()) for line in program.splitlines()))}

    def _reference_parses(self, task: Task) -> bool:
        """Whether the task's reference does, or there is none; looked at once."""
        with self._lock:
            if task.id in self._parses:
                return self._parses[task.id]
        canonical = self.suite.canonical(task)
        values = self._looks(task, self.suite.program(task, canonical), ("syntax",)) if canonical is not None else {}
        with self._lock:
            return self._parses.setdefault(task.id, values.get("valid", 1.0) > 0)

    def _cost_ratio(self, task: Task, text: str, style: PromptStyle, canonical: str) -> dict[str, float]:
        if self.sandbox is None:
            return {}
        mine = self._cost(lambda: self.suite.judge(task, text, style))
        reference = self._cost(lambda: self.suite.judge(task, canonical))
        if not (mine and reference):
            return {}
        ratios = [math.log(max(first, 1e-9) / max(other, 1e-9)) for first, other in zip(mine, reference, strict=True)]
        return {"log_time": round(ratios[0], 4), "log_memory": round(ratios[1], 4)}

    def _cost(self, judge: Callable[[], Verdict]) -> tuple[float, float] | None:
        """Processor time in ms and peak memory in bytes of the cheapest of some runs; None when one does not pass."""
        assert self.sandbox is not None  # as `_cost_ratio` asks
        costs = []
        for _ in range(TURNS):
            with self.sandbox.tape() as seen:
                if judge().outcome is not Outcome.PASS or not seen:
                    return None
            costs.append((sum(item.cpu_ms for item in seen), max(item.peak_bytes for item in seen)))
        return min(cost[0] for cost in costs), min(cost[1] for cost in costs)


def _of_syntax(findings: Sequence[Finding]) -> dict[str, float]:
    return {"valid": float(not findings)}


def _of_lint(findings: Sequence[Finding]) -> dict[str, float]:
    rules = Counter(f"lint {item.rule}" for item in findings)
    return {"lint": float(len(findings))} | {rule: float(number) for rule, number in sorted(rules.items())}


def _of_security(findings: Sequence[Finding]) -> dict[str, float]:
    """Two checks that see one weakness in one line see it once."""
    seen = {(finding.line, finding.cwe or finding.rule) for finding in findings}
    weaknesses = sorted({finding.cwe for finding in findings if finding.cwe})
    totals = {"insecurities": float(len(seen)), "insecure": float(bool(seen))}
    return totals | {f"weakness CWE-{cwe}": 1.0 for cwe in weaknesses}


_VALUES = {"syntax": _of_syntax, "lint": _of_lint, "security": _of_security}
"""Kind -> the values that its findings give."""


@functools.cache
def _checks(kind: str) -> tuple[Check, ...]:
    checks: dict[str, tuple[Check, ...]] = {
        "syntax": (Syntax(),),
        "lint": (Lint(),),
        "security": (Bandit(), InsecurePatterns()),
    }
    return checks[kind]


# -------------------------------------------------------------------------------------------------------------- likelihood
def reference_likelihood(engine: Engine, suite: JudgedSuite, tasks: Sequence[Task]) -> dict[str, dict[str, float]]:
    """Values by task id: what each reference costs the model after its prompt, in bits and nats, with its bytes and tokens.

    The cost of prompt and reference together less that of the prompt alone, both as `Engine.score` gives them (the torch
    engine: in windows of 512 tokens). Tasks without a canonical answer are absent.
    """
    having = [(task, text) for task in tasks if (text := suite.canonical(task))]
    if not having:
        return {}
    scores = engine.score([text for task, answer in having for text in (task.prompt, task.prompt + answer) if text])
    table = {}
    for task, answer in having:
        alone, together = next(scores) if task.prompt else [], next(scores)
        nats = max(0.0, -(sum(together) - sum(alone)))
        table[task.id] = {
            "nats": round(nats, 4),
            "bits": round(nats / math.log(2), 4),
            "bytes": float(len(answer.encode())),
            "reference_tokens": float(max(1, len(together) - len(alone))),
        }
    return table


# ------------------------------------------------------------------------------------------------------------------ the tape
class RecordingSandbox:
    """A sandbox (seam ``Sandbox``) that remembers what it observed for whoever asks, thread by thread."""

    def __init__(self, inner: Sandbox) -> None:
        self.inner, self._mine = inner, threading.local()

    @property
    def tier(self) -> str:
        """That of the sandbox inside."""
        return self.inner.tier

    def run(self, job: Job) -> Observation:
        """As the sandbox inside."""
        seen = self.inner.run(job)
        if (tape := getattr(self._mine, "tape", None)) is not None:
            tape.append(seen)
        return seen

    @contextmanager
    def tape(self) -> Iterator[list[Observation]]:
        """A list that grows by every run of this thread."""
        tape: list[Observation] = []
        self._mine.tape = tape
        try:
            yield tape
        finally:
            self._mine.tape = None
