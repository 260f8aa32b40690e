"""Judge a program by running it, and believe only what was seen from outside.

Three judge locations for the judge, the best that a test allows, named in every verdict:

==========  ==============================================================================================================
outside     calls go in, plain values come out, and are compared here; no expected value enters the sandbox
apart       the test runs in the sandbox too, in a process of its own that the program can neither read nor trace
in-process  the test runs in the program's own process, which could forge it; exit status 0 *and* a random word after the
            last test are demanded
==========  ==============================================================================================================

Covered: Python by values, asserts and whole tests; other languages by what their drivers print
(`printed_values`) or by their own asserts (`programs`). Time-outs are told apart from wrong answers.
Not covered: a program that tells tests from use by the arguments alone; in-process verdicts against a program that forges.
"""

from __future__ import annotations

import functools
import json
import marshal
import secrets
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from yunque.checks.execution.assertions import Call, Lifted, lift
from yunque.checks.execution.comparison import Comparison, difference, shown
from yunque.checks.execution.judge_location import Standing, bound, standing
from yunque.checks.execution.judge_processes import JUDGE_LIMITS, Exceeded, bounded
from yunque.checks.findings import decide, skip, timed
from yunque.checks.inside import separate_process
from yunque.checks.inside.codec import Raised
from yunque.checks.inside.decoder import load
from yunque.checks.inside.driver import digest, is_longer
from yunque.code.python_ast import parse_python
from yunque.core.nouns import Finding, Job, Limits, Observation, Outcome, Record, Verdict
from yunque.core.seams import Sandbox
from yunque.sandbox.jobs import installed

TIMEOUT = "timeout"
"""Rule of the finding of a verdict that says: it ran out of time."""
_PRELOAD = tuple(
    f"yunque.checks.inside.{name}"
    for name in ("codec", "decoder", "driver", "shared_objects", "exceptions", "separate_process")
)
LIBRARIES = ("numpy", "scipy", "pandas", "sympy", "networkx", "sortedcontainers")
"""What a Python answer or its test may import beside the standard library, where it is installed."""
STRICT = Comparison()
_OUTPUT_BYTES = 64 << 20
_SHORT = 1 << 16
LONGEST = 1_000_000
"""Bytes of a value that is sent; of a longer one only the digest is, and it can only be equal or not."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one call gave: a value (a `Raised` if it raised), or ``missing`` says why there is none."""

    value: object = None
    missing: str = ""


@dataclass(frozen=True)
class Digest:
    """A value that was too long to send (`driver.digest`)."""

    hexadecimal: str


@dataclass(frozen=True, kw_only=True)
class Expected:
    """One call and the value it must give; a `Raised` when it must raise."""

    call: Call
    value: object = None
    """A `Digest` where a reference gave a value that was too long to send."""
    how: Comparison = STRICT
    oracle: Callable[[object], str] | None = None
    """Instead of comparing: what is wrong with the value the call gave; empty when nothing is."""

    def trouble(self, given: object) -> str:
        """What is wrong with the value that the call gave, in one line; empty when it is as expected."""
        if isinstance(given, Digest):
            right = self.is_long and given.hexadecimal == self._digest
            return "" if right else "a long value that is not the expected one"
        return self.oracle(given) if self.oracle else difference(given, self.value, self.how)

    @functools.cached_property
    def is_long(self) -> bool:
        """Whether a digest may stand for the answer: the expected value is known, and too long to be sent itself."""
        return self.oracle is None and (isinstance(self.value, Digest) or is_longer(self.value, LONGEST))

    @functools.cached_property
    def _digest(self) -> str:
        return self.value.hexadecimal if isinstance(self.value, Digest) else digest(self.value, self.how.strict)


# ------------------------------------------------------------------------------------------------------------------ calling
def ask(
    program: str, calls: Sequence[Call], sandbox: Sandbox, limits: Limits, *, strict: Sequence[bool] = ()
) -> tuple[list[Answer], Observation]:
    """Make the calls of a Python program, in order, in one process; an answer for each, and what was seen of the run.

    ``strict``: whether the digest of an answer that is too long to send tells types apart, call by call.
    Raises Unplain when an argument is not plain, `Exceeded` when the answers cannot be read within a judge's limits.
    """
    seen = _make(program, calls, sandbox, limits, strict)
    return bounded(_answers, seen, len(calls)), seen


def _make(program: str, calls: Sequence[Call], sandbox: Sandbox, limits: Limits, strict: Sequence[bool] = ()) -> Observation:
    """What was seen of a run that makes the calls."""
    order = {
        "program": program,
        "longest": LONGEST,
        "strict": list(strict) or [False] * len(calls),
        "calls": [call.packed for call in calls],
    }
    limits = replace(limits, output_bytes=max(limits.output_bytes, _OUTPUT_BYTES))
    return sandbox.run(_job("outside", program, marshal.dumps(order, 2), limits))


def _answers(seen: Observation, number: int) -> list[Answer]:
    """An answer to each of so many calls, read from what a program wrote."""
    lines = seen.stdout.split(b"\n", number)[:-1]
    answers = [_answer(line) for line in lines[:number]]
    return answers + [Answer(missing=_why_ended(seen))] * (number - len(answers))


def _job(mode: str, program: str, order: bytes, limits: Limits) -> Job:
    module = "driver" if mode == "outside" else "separate_process"
    source = f"from yunque.checks.inside.{module} import {mode}\n{mode}()\n"
    return Job(python=source, preload=_PRELOAD, libraries=_libraries(program), stdin=order, limits=limits)


def _libraries(program: str) -> tuple[str, ...]:
    """Those of `LIBRARIES` that a program names and that are here."""
    named = [name for name in LIBRARIES if name in program]
    return installed(named) if named else ()


def _answer(line: bytes) -> Answer:
    kind, text = line[:1], line[1:].decode("utf-8", "replace")
    if kind == b"#":
        return Answer(value=Digest(text[:64]))
    if kind == b"?":
        return Answer(missing=f"it gave {text[:200]}")
    try:
        return (
            Answer(value=load(text))
            if kind in (b"=", b"!") and len(text) <= 8 * LONGEST
            else Answer(missing="it wrote over its answers")
        )
    except ValueError:
        return Answer(missing="it wrote over its answers")


def _why_ended(seen: Observation) -> str:
    if seen.timed_out:
        return "it ran out of time"
    if seen.out_of_memory:
        return "it ran out of memory"
    if seen.overfull:
        return "it wrote too many files, or too much"
    how = f"signal {seen.signal}" if seen.signal is not None else f"exit status {seen.exit_code}"
    return f"the program ended by itself ({how})"


# ------------------------------------------------------------------------------------------------------------------- checks
@dataclass(frozen=True, kw_only=True)
class Calls:
    """A check: does the program give the expected values? The judge sits outside."""

    expected: Sequence[Expected]
    sandbox: Sandbox
    limits: Limits = field(default_factory=Limits)
    name: str = "calls"

    @timed
    def judge(self, record: Record) -> Verdict:
        """PASS when every call gives its value; SKIP without calls or for another language than Python."""
        if record.language != "python" or not self.expected:
            return skip(self.name, "no calls to make in this language")
        calls, strict = [item.call for item in self.expected], [item.how.strict for item in self.expected]
        seen = _make(record.text, calls, self.sandbox, self.limits, strict)
        findings = _looked_at(_compare_values, self.expected, seen)
        return decide_cases(self.name, "outside", findings, len(self.expected))


def _compare_values(expected: Sequence[Expected], seen: Observation) -> list[Finding]:
    """What is wrong with the answers to calls."""
    findings = []
    for item, given in zip(expected, _answers(seen, len(expected)), strict=True):
        wrong = given.missing or item.trouble(given.value)
        if wrong:
            findings.append(Finding(rule=_rule(given, seen), message=f"{item.call}: {wrong}"))
    return findings


def _evaluate_asserts(test: str, functions: tuple[str, ...], entry: str, seen: Observation) -> list[Finding]:
    """Which asserts of a lifted test do not hold, and why."""
    findings, cases = [], _lift(test, functions, entry).cases
    for case, given in zip(cases, _answers(seen, len(cases)), strict=True):
        if given.missing:
            message = f"{case.text}: {given.missing}"
            findings.append(Finding(rule=_rule(given, seen), line=case.line, message=message))
        elif isinstance(given.value, Raised):
            findings.append(Finding(rule="raised", line=case.line, message=f"{case.text}: raised {given.value}"[:400]))
        elif not case.holds(given.value):
            findings.append(Finding(rule="wrong-answer", line=case.line, message=f"{case.text}: got {shown(given.value)}"))
    return findings


def _is_short_and_flat(output: bytes) -> bool:
    """Whether answers hold nothing but short texts, small numbers and lists of them: what `wire` needs no tag for.

    To read such and compare them takes time in their length, whatever they are: it needs no process that can be killed,
    which would take a tenth of a HumanEval verdict.
    """
    return len(output) <= _SHORT and b"{" not in output


def _looked_at(function: Callable[..., list[Finding]], *args: object, here: bool = False) -> list[Finding]:
    """What a function finds in the answers of a program; that they cannot be looked at is a finding, too.

    ``here``: in this process, which nobody can kill for it.
    """
    try:
        return function(*args) if here else bounded(function, *args)
    except Exceeded as error:
        return [Finding(rule=JUDGE_LIMITS, message=f"judging these answers {error}")]


@dataclass(frozen=True, kw_only=True)
class Asserts:
    """A check: does the program pass a Python test? The judge sits as far outside as the test allows."""

    test: str
    """Asserts, or a ``def check(candidate)``."""
    functions: Sequence[str]
    """The program's functions that the test may call."""
    entry: str = ""
    """The function that ``check`` is given; empty when the test makes its own calls."""
    given: str = ""
    """Code that the task itself gives: what it defines (but ``entry``) is the test's own, not the program's to answer."""
    sandbox: Sandbox
    limits: Limits = field(default_factory=Limits)
    judge_location: str = ""
    """``outside``, ``apart`` or ``in-process`` forces one; empty: the best."""
    name: str = "asserts"

    def judge(self, record: Record) -> Verdict:
        """PASS when the test comes to its end; SKIP for another language than Python.

        The judge location is chosen by the test alone. A test that only the program's own process can run, unless that judge
        location is asked for, gives no PASS: ERROR when it comes to its end, for the program could have made it look so.
        """
        if record.language != "python":
            return skip(self.name, "a Python test")
        judge_location = self.judge_location or self.best_location()
        if judge_location == "outside":
            return self._outside(record.text, self._lifted)
        if judge_location == "apart":
            return self._apart(record.text)
        verdict = self._in_process(record.text)
        if self.judge_location or verdict.outcome is not Outcome.PASS:
            return verdict
        why = self._standing.why or "its test needs the program's own process"
        return replace(verdict, outcome=Outcome.ERROR, score=None, detail=f"no verdict that cannot be forged: {why}")

    def best_location(self) -> str:
        """The farthest judge location that the test allows."""
        if self._lifted.whole:
            return "outside"
        return "in-process" if self._standing.why else "apart"

    @property
    def _lifted(self) -> Lifted:
        return _lift(self.test, self._callable, self.entry)

    @property
    def _callable(self) -> tuple[str, ...]:
        own = _own(self.given, self.entry)
        return tuple(name for name in self.functions if name not in own)

    @property
    def _standing(self) -> Standing:
        return standing(self.test, self.given, self.entry, self._callable)

    @timed
    def _outside(self, program: str, lifted: Lifted) -> Verdict:
        seen = _make(program, [case.call for case in lifted.cases], self.sandbox, self.limits)
        harmless = lifted.only_compares and _is_short_and_flat(seen.stdout)
        findings = _looked_at(_evaluate_asserts, self.test, self._callable, self.entry, seen, here=harmless)
        return decide_cases(self.name, "outside", findings, len(lifted.cases))

    @timed
    def _apart(self, program: str) -> Verdict:
        word, standing = secrets.token_hex(16), self._standing
        order = {
            "program": program,
            "test": self.test,
            "given": self.given,
            "names": [*standing.names, *([self.entry] if self.entry else [])],
            "modules": standing.modules,
            "entry": self.entry,
            "word": word,
        }
        seen = self.sandbox.run(_job("apart", f"{program}\n{self.test}", json.dumps(order).encode(), self.limits))
        verdict = _test_verdict(self.name, "apart", seen, word)
        if seen.exit_code == separate_process.UNFIT:
            return replace(verdict, outcome=Outcome.ERROR, score=None)
        return verdict

    @timed
    def _in_process(self, program: str) -> Verdict:
        word = secrets.token_hex(16)
        last = f"check({self.entry})\n" if self.entry else ""
        source = f"{program}\n{self.test}\n{last}print({word!r})\n"
        job = Job(python=source, libraries=_libraries(source), limits=self.limits)
        return _test_verdict(self.name, "in-process", self.sandbox.run(job), word)


@functools.lru_cache(512)
def _lift(test: str, functions: tuple[str, ...], entry: str) -> Lifted:
    return lift(test, functions, entry_point=entry)  # the same test judges many programs


@functools.lru_cache(512)
def _own(given: str, entry: str) -> frozenset[str]:
    """What the task's own code defines, but the function that is asked for."""
    if not given:
        return frozenset()
    return frozenset(bound(parse_python(given)) - {entry})


def _rule(answer: Answer, seen: Observation) -> str:
    if not answer.missing:
        return "raised" if isinstance(answer.value, Raised) else "wrong-answer"
    return TIMEOUT if seen.timed_out and answer.missing == _why_ended(seen) else "no-answer"


def _test_verdict(check: str, judge_location: str, seen: Observation, word: str) -> Verdict:
    """PASS needs exit status 0 and the word as the last line of the output."""
    passed = seen.exit_code == 0 and seen.stdout.rstrip(b"\n").rpartition(b"\n")[2] == word.encode()
    findings = []
    if not passed:
        details = seen.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        if seen.timed_out:
            findings.append(Finding(rule=TIMEOUT, message="it ran out of time"))
        elif seen.exit_code == 0:
            findings.append(Finding(rule="no-end", message="it ended before the last test"))
        else:
            findings.append(Finding(rule="failed", message=(details or _why_ended(seen))[:300]))
    return decide_cases(check, judge_location, findings, 1)


JUDGE_LOCATIONS = {
    "outside": "checked outside the sandbox",
    "apart": "run in a process apart from the program",
    "in-process": "run in the program's own process, which could forge it",
}
"""Where a judge sat, for a person."""


def decide_cases(
    check: str, judge_location: str, findings: Sequence[Finding], num_cases: int, language: str = ""
) -> Verdict:
    """The verdict on so many cases, of which each finding is one that failed; the score is the share that passed."""
    lead, first = f"{language}: " if language else "", f": {findings[0].message}" if findings else ""
    detail = f"{lead}{_passed_of(num_cases, len(findings), judge_location)}{first}"[:400]
    verdict = decide(check, findings, score=max(0.0, 1 - len(findings) / num_cases), detail=detail, most=20)
    return replace(verdict, judge_location=judge_location)


def _passed_of(number: int, failed: int, judge_location: str) -> str:
    """``7 of 9 assertions passed, checked outside the sandbox``; elsewhere a test is one piece that passes or fails."""
    if judge_location == "outside":
        return (
            f"{max(0, number - failed)} of {number} assertion{'s' * (number != 1)} passed, {JUDGE_LOCATIONS[judge_location]}"
        )
    return f"its test {'failed' if failed else 'passed'}, {JUDGE_LOCATIONS[judge_location]}"


def timed_out(verdict: Verdict) -> bool:
    """Whether the verdict is one of running out of time."""
    return any(finding.rule == TIMEOUT for finding in verdict.findings)


# -------------------------------------------------------------------------------------------------------------- many at once
def judge_all(
    judgements: Iterable[Callable[[], Verdict]], *, workers: int = 2, advance: Callable[[int], None] = lambda _: None
) -> list[Verdict]:
    """All verdicts, in order, with so many running at once. What ran out of time is run once more at the end, alone.

    So that a busy machine does not turn passes into time-outs; a verdict that changed says so in its detail.
    """
    judgements = list(judgements)

    def counted(judge: Callable[[], Verdict]) -> Verdict:
        verdict = judge()
        advance(1)
        return verdict

    with ThreadPoolExecutor(workers) as pool:
        verdicts = list(pool.map(counted, judgements))
    for index, verdict in enumerate(verdicts):
        if timed_out(verdict):
            again = judgements[index]()
            word = "ran out of time twice" if timed_out(again) else "ran out of time beside others, judged alone"
            verdicts[index] = replace(again, detail=f"{again.detail}; {word}")
    return verdicts
