"""The task tier of verified generation: ask, look, tell the model what tools found, ask again; the best verdict wins.

    task ─> n samples ─> checks, tests in the sandbox ─> the best one ─ nothing failed ─> the answer
                ^                                            │
                └──────── what tools found wrong with it ────┘   at most ``rounds`` times

Models judge their own flaws badly, and mend well what a tool reports (arXiv:2412.14841): so findings come from tools alone.
Of several samples the one with the best tests wins; then the one with the fewest failed checks; then the one whose outputs
most others give, too (MBR-EXEC: Shi et al. 2022, arXiv:2204.11454); then the likeliest. Every attempt is kept.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from yunque.checks.execution.assertions import lift
from yunque.checks.execution.judge_processes import Exceeded
from yunque.checks.execution.python import ask
from yunque.code.functions import functions
from yunque.code.python_ast import try_parse_python
from yunque.core.errors import YunqueError
from yunque.core.nouns import Completion, Limits, Message, Outcome, PromptStyle, Verdict
from yunque.core.seams import Check, Engine, Sandbox
from yunque.inference.verified.coding import (
    CodingTask,
    ParsedAnswer,
    Verb,
    chat_messages,
    parse_answer,
    parse_plain,
    plain_prompt,
    repair_messages,
    request_of,
)
from yunque.inference.verified.judging import BY_TESTS, Judge

STYLES = ("auto", "chat", "plain")
TOLD_FINDINGS = 12
"""Findings that the model is told at most."""
MOST_PROBES = 20
"""Calls whose outputs are compared among samples."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One answer, and what is known of it."""

    round: int
    """0: the first question; then what followed on findings."""
    sample: int
    text: str
    """As the model wrote it."""
    parsed: ParsedAnswer
    verdicts: tuple[Verdict, ...]
    agreement: int = 1
    """How many samples of its round give the same outputs, itself included."""
    likelihood: float | None = None
    """Mean natural-log probability of a token of the code; None where the engine does not say."""
    took_ms: float = 0.0
    finish_reason: str = ""

    @property
    def failed(self) -> tuple[str, ...]:
        """The checks that fail it or could not look."""
        return tuple(item.check for item in self.verdicts if item.outcome in (Outcome.FAIL, Outcome.ERROR))

    @property
    def rank(self) -> tuple:
        """The higher, the better."""
        tests = [verdict.score or 0.0 for verdict in self.verdicts if verdict.check in BY_TESTS]
        findings = sum(len(item.findings) or 1 for item in self.verdicts if item.outcome is Outcome.FAIL)
        likelihood = round(self.likelihood or 0.0, 6)
        return tuple(tests), -len(self.failed), -findings, self.agreement, likelihood, -self.round, -self.sample


@dataclass(frozen=True, kw_only=True)
class VerifiedAnswer:
    """What is given out, with its verdicts, and everything that was tried."""

    best: Attempt
    attempts: tuple[Attempt, ...]
    own_tests: str = ""
    """Tests that the model wrote for itself, if it was asked to; shown as such."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing failed."""
        return not self.best.failed


@dataclass(frozen=True, kw_only=True)
class GenerationSettings:
    """How tasks are asked."""

    samples: int = 1
    rounds: int = 2
    """Questions that follow on findings, at most."""
    max_tokens: int = 768
    temperature: float = 0.6
    """Of samples beyond the first, which is greedy."""
    plan: bool = True
    style: str = "auto"
    """``chat``; ``plain``: the model goes on from comments; ``auto``: a chat where it has a template."""
    writes_tests: bool = False
    """Whether the model writes tests for itself where none are given."""
    seed: int = 17


@dataclass(frozen=True, kw_only=True)
class VerifiedGeneration:
    """Answers tasks with one model."""

    engine: Engine
    checks: Sequence[Check]
    """Asked of every answer's code."""
    sandbox: Sandbox | None = None
    """Where tests run; None: a task with tests is an ERROR."""
    settings: GenerationSettings = field(default_factory=GenerationSettings)
    limits: Limits = field(default_factory=lambda: Limits(wall_s=20.0, cpu_s=20.0))

    def answer(self, task: CodingTask, tell: Callable[[Attempt], None] = lambda attempt: None) -> VerifiedAnswer:
        """The best answer to a task; ``tell`` hears of every attempt. Errors as of the engine."""
        wants_tests = self.settings.writes_tests and not task.tests and task.verb is Verb.WRITE
        own_tests = self._own_tests(task) if wants_tests else ""
        judge = Judge(task, self.checks, self.sandbox, self.limits, own_tests)
        asked = self._put(task)
        messages, attempts = asked, list[Attempt]()
        for number in range(1 + self.settings.rounds):
            fresh = self._round(judge, messages, number)
            for attempt in fresh:
                tell(attempt)
            attempts += fresh
            best = max(attempts, key=lambda attempt: attempt.rank)
            findings = _told(best)
            if not best.failed or not findings:
                break
            if self._is_chat:
                messages = repair_messages(asked, best.text, findings)
            else:
                messages = (Message(role="user", content=plain_prompt(task, findings, best.parsed.code)),)
        return VerifiedAnswer(best=best, attempts=tuple(attempts), own_tests=own_tests)

    # ------------------------------------------------------------------------------------------------------------- asking
    @property
    def _is_chat(self) -> bool:
        knows_chat = PromptStyle.CHAT in getattr(self.engine, "styles", PromptStyle)
        return self.settings.style == "chat" or (self.settings.style == "auto" and knows_chat)

    def _put(self, task: CodingTask, *, plan: bool = True) -> tuple[Message, ...]:
        """What asks a task for the first time."""
        if self._is_chat:
            return chat_messages(task, plan=plan and self.settings.plan)
        return (Message(role="user", content=plain_prompt(task)),)

    def _asked(
        self, task: CodingTask, messages: Sequence[Message], drawn: Sequence[tuple[float, int]]
    ) -> Iterator[tuple[Completion, ParsedAnswer]]:
        """An answer for each (temperature, seed), and what is in it."""
        is_chat, max_tokens = self._is_chat, self.settings.max_tokens
        settings = [{"max_tokens": max_tokens, "temperature": warmth, "seed": seed} for warmth, seed in drawn]
        requests = [request_of(task, messages, is_chat=is_chat, settings=each) for each in settings]
        for completion in self.engine.complete(requests):
            yield completion, (parse_answer if is_chat else parse_plain)(completion.text, task)

    def _round(self, judge: Judge, messages: Sequence[Message], number: int) -> list[Attempt]:
        """A sample each, judged, with those beside it that agree counted."""
        settings = self.settings
        drawn = [
            (settings.temperature if sample or number else 0.0, settings.seed + 1000 * number + sample)
            for sample in range(settings.samples)
        ]
        attempts = [
            Attempt(
                round=number,
                sample=sample,
                text=completion.text,
                parsed=parsed,
                verdicts=judge.verdicts(parsed.code),
                took_ms=completion.took_ms,
                finish_reason=completion.stop,
            )
            for sample, (completion, parsed) in enumerate(self._asked(judge.task, messages, drawn))
        ]
        if len(attempts) < 2:
            return attempts
        agreements, likelihoods = self._agreements(judge, attempts), self._likelihoods(attempts)
        return [
            replace(attempt, agreement=agreement, likelihood=likelihood)
            for attempt, agreement, likelihood in zip(attempts, agreements, likelihoods, strict=True)
        ]

    def _own_tests(self, task: CodingTask) -> str:
        """Tests of what the task describes, before there is any code that they could be bent to."""
        asks = replace(task, verb=Verb.TEST, code="", instruction=f"The code does not exist yet; it will {task.instruction}")
        ((_, parsed),) = self._asked(asks, self._put(asks, plan=False), [(0.0, self.settings.seed)])
        return parsed.code

    # ----------------------------------------------------------------------------------------------------------- choosing
    def _agreements(self, judge: Judge, attempts: Sequence[Attempt]) -> list[int]:
        """For each sample, how many give the same outputs to the calls that tests make."""
        task = judge.task
        if self.sandbox is None or task.language != "python" or task.verb not in (Verb.WRITE, Verb.FIX, Verb.REFACTOR):
            return [1] * len(attempts)
        asserts = _asserts(judge.asserts)
        outputs = [_outputs(attempt.parsed.code, asserts, self.sandbox, self.limits) for attempt in attempts]
        counts = Counter(output for output in outputs if output)
        return [counts[output] if output else 1 for output in outputs]

    def _likelihoods(self, attempts: Sequence[Attempt]) -> list[float | None]:
        try:
            scores = list(self.engine.score([attempt.parsed.code for attempt in attempts]))
        except YunqueError:
            return [None] * len(attempts)
        return [sum(score) / len(score) if score else None for score in scores]


def _outputs(code: str, asserts: str, sandbox: Sandbox, limits: Limits) -> str:
    """What the code gives to the calls that asserts make, as text; empty where that cannot be told."""
    names = [function.name for function in functions(code, "python") if "." not in function.qualified_name]
    calls = [case.call for case in lift(asserts, names).cases][:MOST_PROBES]
    if not calls:
        return ""
    try:
        answers, _ = ask(code, calls, sandbox, limits)
    except (Exceeded, YunqueError, ValueError):
        return ""
    return repr([(answer.missing, answer.value) for answer in answers])


def _asserts(tests: str) -> str:
    """The asserts of test functions without parameters, one below the other."""
    tree = try_parse_python(tests)
    bodies = [
        node.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test") else [node]
        for node in (tree.body if tree else ())
        if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return "\n".join(ast.unparse(node) for body in bodies for node in body if isinstance(node, ast.Assert))


# ------------------------------------------------------------------------------------------------------------------ telling
def _told(attempt: Attempt) -> list[str]:
    """What the model is told of an attempt: the findings of what failed, tests first."""
    lines: list[str] = []
    for verdict in attempt.verdicts:
        if verdict.outcome is Outcome.FAIL:
            details = [f"line {item.line}: {item.message}" if item.line else item.message for item in verdict.findings]
            lines += [f"{verdict.check}: {detail}" for detail in details or [verdict.detail]]
    return list(dict.fromkeys(lines))[:TOLD_FINDINGS]


def plain(answer: VerifiedAnswer) -> dict[str, Any]:
    """As JSON."""
    return {
        "code": answer.best.parsed.code, "reasoning": answer.best.parsed.reasoning, "ok": answer.is_clean,
        "failed": list(answer.best.failed), "verdicts": [plain_verdict(item) for item in answer.best.verdicts],
        "own_tests": answer.own_tests,
        "attempts": [
            {
                "round": item.round, "sample": item.sample, "text": item.text, "failed": list(item.failed),
                "verdicts": [plain_verdict(verdict) for verdict in item.verdicts], "agreement": item.agreement,
                "likelihood": item.likelihood, "took_ms": round(item.took_ms, 1), "finish_reason": item.finish_reason,
                "is_best": item is answer.best,
            }
            for item in answer.attempts
        ],
    }  # fmt: skip


def plain_verdict(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON, as every route writes it."""
    findings = [
        {"rule": item.rule, "line": item.line, "message": item.message, "severity": item.severity, "cwe": item.cwe}
        for item in verdict.findings
    ]
    return {
        "check": verdict.check, "outcome": verdict.outcome.value, "score": verdict.score, "detail": verdict.detail,
        "took_ms": round(verdict.took_ms, 2), "findings": findings, "judge_location": verdict.judge_location,
    }  # fmt: skip
