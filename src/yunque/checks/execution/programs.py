"""Judge whole programs that hold their own tests, in any language of `sandbox.languages.table`.

Covered: such a program must end with status 0 *and* reach a random word that is printed after the last of its tests, so that
leaving early is not a pass.
Not covered: a program that looks for the word in its own text: these verdicts say ``in-process``. Programs that do not end
with their tests (a Go test file, a Lua suite that exits) need an ending of their suite's.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

from yunque.checks.execution.python import JUDGE_LOCATIONS, TIMEOUT
from yunque.checks.findings import decide, error, skip, timed
from yunque.core.nouns import Finding, Limits, Observation, Record, Verdict
from yunque.core.seams import Sandbox
from yunque.sandbox.programs import Program, ProgramRun, run_program

# Language -> a statement that prints the word, and how many closing braces of the program stand behind its last test.
ENDINGS = {
    "python": ('print("{}")', 0),
    "javascript": ('console.log("{}");', 0),
    "typescript": ('console.log("{}");', 0),
    "java": ('System.out.println("{}");', 2),
    "c": ('__builtin_puts("{}");', 1),
    "cpp": ('__builtin_puts("{}");', 1),
    "csharp": ('System.Console.WriteLine("{}");', 2),
    "go": ('println("{}")', 1),
    "rust": ('println!("{}");', 1),
    "php": ('echo "{}\\n";', 0),
    "ruby": ('puts "{}"', 0),
    "perl": ('print "{}\\n";', 0),
    "lua": ('print("{}")', 0),
    "r": ('cat("{}\\n")', 0),
    "shell": ("echo {}", 0),
    "scala": ('println("{}")', 2),
    "julia": ('println("{}")', 0),
    "d": ('{{ import std.stdio; writeln("{}"); }}', 1),
    "racket": ('(displayln "{}")', 0),
    "swift": ('print("{}")', 0),
    "kotlin": ('println("{}")', 1),
}


@dataclass(frozen=True, kw_only=True)
class OwnTests:
    """A check: does a program that holds its own tests come to their end?"""

    sandbox: Sandbox
    limits: Limits = field(default_factory=Limits)
    flags: tuple[str, ...] = ()
    """Further arguments for the compiler, such as ``-lcrypto``."""
    cache: Path | None = None
    name: str = "own-tests"

    @timed
    def judge(self, record: Record) -> Verdict:
        """PASS for exit status 0 and the word behind the last test; ERROR when there is no place for the word."""
        word = secrets.token_hex(16)
        source = with_ending(record.text, record.language, word)
        if source is None:
            return error(self.name, f"a {record.language} program whose end is not where it is looked for")
        run = run_program(
            self.sandbox,
            Program(language=record.language, source=source, flags=self.flags),
            limits=self.limits,
            cache=self.cache,
        )
        finding = trouble(run)
        # Go's println writes to stderr; what the program printed last may end without a newline
        if finding is None and run.ran is not None and word.encode() not in run.ran.stdout + run.ran.stderr:
            finding = Finding(rule="no-end", message="it ended before the last test")
        if run.missing:
            return skip(self.name, run.missing)
        detail = f"{run.language}: {finding.message if finding else 'passed'}, {JUDGE_LOCATIONS['in-process']}"[:400]
        verdict = decide(self.name, [finding] if finding else [], score=0.0 if finding else 1.0, detail=detail)
        return replace(verdict, judge_location="in-process")


def with_ending(source: str, language: str, word: str) -> str | None:
    """The program with a statement behind its last test that prints the word; None where no place for it is found."""
    if language not in ENDINGS:
        return None
    statement, num_braces = ENDINGS[language]
    statement = statement.format(word)
    if not num_braces:
        body = re.sub(r"\?>\s*\Z", "", source) if language == "php" else source
        return f"{body.rstrip()}\n{statement}\n"
    end = re.search(rf"(?<!\s)(?:\s*+\}}){{{num_braces}}}\s*+(?:;\s*+)?\Z", source)
    return None if end is None else f"{source[: end.start()]}\n{statement}{source[end.start() :]}"


def trouble(run: ProgramRun) -> Finding | None:
    """What went wrong before any output is looked at."""
    if run.missing:
        return None
    if run.ran is None:
        return Finding(rule="does-not-compile", message=_last_words(run.compiled))
    if run.ran.timed_out:
        return Finding(rule=TIMEOUT, message="it ran out of time")
    if run.ran.out_of_memory:
        return Finding(rule="memory", message="it ran out of memory")
    if run.ran.overfull:
        return Finding(rule="disk", message="it wrote too many files, or too much")
    if run.ran.exit_code != 0:
        how = f"exit status {run.ran.exit_code}" if run.ran.signal is None else f"signal {run.ran.signal}"
        return Finding(rule="failed", message=f"{how}: {_last_words(run.ran)}")
    return None


def _last_words(seen: Observation | None) -> str:
    text = (seen.stderr.strip() or seen.stdout.strip()).decode("utf-8", "replace") if seen else ""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    telling = [line for line in lines if re.search(r"error|exception|assert|fail", line, re.IGNORECASE)]
    return (telling or lines or ["no message"])[0][:300]
