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
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from yunque.checks.execution.assertions import lift
from yunque.checks.execution.given_tests import GivenTests
from yunque.checks.execution.judge_processes import Exceeded
from yunque.checks.execution.python import ask
from yunque.checks.findings import decide, error, fail
from yunque.code.functions import functions
from yunque.code.languages import row_of
from yunque.code.python_ast import try_parse_python
from yunque.core.errors import YunqueError
from yunque.core.nouns import Completion, Finding, Limits, Message, Origin, Outcome, PromptStyle, Record, Verdict, content_id
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
    without_bodies,
)

STYLES = ("auto", "chat", "plain")
TESTS, OWN_TESTS = "tests", "tests-by-model"
"""Names of the verdicts by tests that were given, and by those that the model wrote itself."""
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
        tests = [verdict.score or 0.0 for verdict in self.verdicts if verdict.check in (TESTS, OWN_TESTS)]
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
class VerifiedGeneration:
    """How tasks are answered."""

    engine: Engine
    checks: Sequence[Check]
    """Asked of every answer's code."""
    sandbox: Sandbox | None = None
    """Where tests run; None: a task with tests is an ERROR."""
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
    limits: Limits = field(default_factory=lambda: Limits(wall_s=20.0, cpu_s=20.0))

    def answer(self, task: CodingTask, tell: Callable[[Attempt], None] = lambda attempt: None) -> VerifiedAnswer:
        """The best answer to a task; ``tell`` hears of every attempt. Errors as of the engine."""
        own_tests = self._own_tests(task) if self.writes_tests and not task.tests and task.verb is Verb.WRITE else ""
        is_chat = self._is_chat
        asked = chat_messages(task, plan=self.plan) if is_chat else (Message(role="user", content=plain_prompt(task)),)
        messages, attempts = asked, list[Attempt]()
        for number in range(1 + self.rounds):
            fresh = self._round(task, messages, number, is_chat=is_chat, own_tests=own_tests)
            for attempt in fresh:
                tell(attempt)
            attempts += fresh
            best = max(attempts, key=lambda attempt: attempt.rank)
            findings = _told(best)
            if not best.failed or not findings:
                break
            if is_chat:
                messages = repair_messages(asked, best.text, findings)
            else:
                again = replace(task, code=best.parsed.code) if task.verb is Verb.WRITE else task
                messages = (Message(role="user", content=plain_prompt(again, findings)),)
        return VerifiedAnswer(best=best, attempts=tuple(attempts), own_tests=own_tests)

    @property
    def _is_chat(self) -> bool:
        knows_chat = PromptStyle.CHAT in getattr(self.engine, "styles", PromptStyle)
        return self.style == "chat" or (self.style == "auto" and knows_chat)

    # ------------------------------------------------------------------------------------------------------------- asking
    def _round(
        self, task: CodingTask, messages: Sequence[Message], number: int, *, is_chat: bool, own_tests: str
    ) -> list[Attempt]:
        """A sample each, judged, with those beside it that agree counted."""
        requests = [
            request_of(
                task,
                messages,
                is_chat=is_chat,
                max_tokens=self.max_tokens,
                temperature=self.temperature if sample or number else 0.0,
                seed=self.seed + 1000 * number + sample,
            )
            for sample in range(self.samples)
        ]
        attempts = []
        for sample, completion in enumerate(self.engine.complete(requests)):
            parsed = (parse_answer if is_chat else parse_plain)(completion.text, task)
            attempts.append(self._attempt(task, number, sample, completion, parsed, own_tests))
        if len(attempts) < 2:
            return attempts
        agreed = self._agreements(task, attempts, own_tests)
        likelihoods = self._likelihoods(attempts)
        return [
            replace(attempt, agreement=agreement, likelihood=likelihood)
            for attempt, agreement, likelihood in zip(attempts, agreed, likelihoods, strict=True)
        ]

    def _attempt(
        self, task: CodingTask, number: int, sample: int, completion: Completion, parsed: ParsedAnswer, own_tests: str
    ) -> Attempt:
        return Attempt(
            round=number,
            sample=sample,
            text=completion.text,
            parsed=parsed,
            verdicts=tuple(self._judge(task, parsed.code, own_tests)),
            took_ms=completion.took_ms,
            finish_reason=completion.stop,
        )

    def _own_tests(self, task: CodingTask) -> str:
        """Tests of what the task describes, before there is any code that they could be bent to."""
        is_chat = self._is_chat
        asks = replace(task, verb=Verb.TEST, code="", instruction=f"The code does not exist yet; it will {task.instruction}")
        content = chat_messages(asks, plan=False) if is_chat else (Message(role="user", content=plain_prompt(asks)),)
        request = request_of(asks, content, is_chat=is_chat, max_tokens=self.max_tokens, temperature=0.0, seed=self.seed)
        (completion,) = self.engine.complete([request])
        return (parse_answer if is_chat else parse_plain)(completion.text, asks).code

    # ------------------------------------------------------------------------------------------------------------- judging
    def _judge(self, task: CodingTask, code: str, own_tests: str) -> list[Verdict]:
        if not code.strip():
            return [fail("answer", "empty", "no code in the answer" if task.verb is not Verb.EXPLAIN else "says nothing")]
        if task.verb is Verb.EXPLAIN:
            return [names_exist(code, task)]
        path = task.path or f"answer{next(iter(_ending(task.language)), '')}"
        record = _record(code, path, task.language)
        verdicts = [] if task.verb is Verb.TEST else self._by_tests(task, record, own_tests)
        if task.verb is Verb.TEST:
            verdicts = self._tests_of(task, code)
        if task.verb is Verb.REFACTOR:
            verdicts.append(keeps_interface(code, task))
        known = _known(self.checks, task) if task.code and task.verb is not Verb.TEST else {}
        return [*verdicts, *(_without_known(check.judge(record), known.get(check.name, Counter())) for check in self.checks)]

    def _by_tests(self, task: CodingTask, record: Record, own_tests: str) -> list[Verdict]:
        tests = dict(task.tests) or ({"test_by_model.py": own_tests} if own_tests else {})
        if not tests:
            return []
        name = TESTS if task.tests else OWN_TESTS
        if self.sandbox is None:
            return [error(name, "there is no sandbox to run them in")]
        check = GivenTests(tests=tests, sandbox=self.sandbox, path=task.path, tree=task.tree, limits=self.limits, name=name)
        return [check.judge(record)]

    def _tests_of(self, task: CodingTask, tests: str) -> list[Verdict]:
        """Whether tests pass on the code they test, and do not on the same code with every function emptied."""
        if task.language != "python":
            return []
        if self.sandbox is None:
            return [error(OWN_TESTS, "there is no sandbox to run them in")]
        path = task.path or "answer.py"
        check = GivenTests(
            tests={"test_by_model.py": tests},
            sandbox=self.sandbox,
            path=path,
            tree=task.tree,
            limits=self.limits,
            name=OWN_TESTS,
        )
        passes = check.judge(_record(task.code, path, task.language))
        if passes.outcome is not Outcome.PASS:
            return [passes]
        emptied = check.judge(_record(without_bodies(task.code, task.language), path, task.language))
        if emptied.outcome is Outcome.PASS:
            return [passes, fail("tests-notice", "vacuous", "they pass on code whose functions do nothing, too")]
        return [passes, decide("tests-notice", detail="they fail where the functions do nothing")]

    # ----------------------------------------------------------------------------------------------------------- choosing
    def _agreements(self, task: CodingTask, attempts: Sequence[Attempt], own_tests: str) -> list[int]:
        """For each sample, how many give the same outputs to the calls that tests make."""
        if self.sandbox is None or task.language != "python" or task.verb not in (Verb.WRITE, Verb.FIX, Verb.REFACTOR):
            return [1] * len(attempts)
        source = "\n".join(task.tests.values()) or own_tests
        outputs = [_outputs(attempt.parsed.code, source, self.sandbox, self.limits) for attempt in attempts]
        counts = Counter(output for output in outputs if output)
        return [counts[output] if output else 1 for output in outputs]

    def _likelihoods(self, attempts: Sequence[Attempt]) -> list[float | None]:
        try:
            scores = list(self.engine.score([attempt.parsed.code for attempt in attempts]))
        except YunqueError:
            return [None] * len(attempts)
        return [sum(score) / len(score) if score else None for score in scores]


def _outputs(code: str, tests: str, sandbox: Sandbox, limits: Limits) -> str:
    """What the code gives to the calls that tests make, as text; empty where that cannot be told."""
    names = [function.name for function in functions(code, "python") if "." not in function.qualified_name]
    calls = [case.call for case in lift(_flat(tests), names).cases][:MOST_PROBES]
    if not calls:
        return ""
    try:
        answers, _ = ask(code, calls, sandbox, limits)
    except (Exceeded, YunqueError, ValueError):
        return ""
    return repr([(answer.missing, answer.value) for answer in answers])


def _flat(tests: str) -> str:
    """The asserts of test functions without parameters, one below the other."""
    tree = try_parse_python(tests)
    bodies = [
        node.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test") else [node]
        for node in (tree.body if tree else ())
        if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return "\n".join(ast.unparse(node) for body in bodies for node in body if isinstance(node, ast.Assert))


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
def _record(code: str, path: str, language: str) -> Record:
    origin = Origin(source="", path=path, revision="", licence="unknown", collected_at="")
    return Record(id=content_id(path, code), text=code, language=language, origin=origin)


def _ending(language: str) -> tuple[str, ...]:
    return row_of(language).endings


def _known(checks: Sequence[Check], task: CodingTask) -> dict[str, Counter[tuple[str, str]]]:
    """What each check finds in the code that was given: an answer is not blamed for it."""
    record = _record(task.code, task.path or "answer", task.language)
    return {check.name: Counter(map(_kind, check.judge(record).findings)) for check in checks}


def _kind(finding: Finding) -> tuple[str, str]:
    return finding.rule, finding.message


def _without_known(verdict: Verdict, known: Counter[tuple[str, str]]) -> Verdict:
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
