"""What the coding verbs print: the code on stdout, and on stderr a line for each check, each attempt and what was kept."""

from __future__ import annotations

from pathlib import Path

from yunque.cli.console import emit, say
from yunque.core.errors import SourceError
from yunque.core.nouns import Outcome, Verdict
from yunque.inference.verified.coding import CodingTask
from yunque.inference.verified.generation import Attempt, plain
from yunque.inference.verified.judging import OWN_TESTS
from yunque.pipelines.engines import require_model
from yunque.pipelines.verified import VerifiedCoding

MARKS = {Outcome.PASS: "pass", Outcome.FAIL: "FAIL", Outcome.SKIP: "skip", Outcome.ERROR: "ERROR"}
SHOWN_FINDINGS = 5


def answer_task(coding: VerifiedCoding, task: CodingTask, out: Path | None, *, as_json: bool) -> bool:
    """Ask, print, and write the code to ``out`` where nothing failed; whether nothing did. Raises YunqueError."""
    require_model(coding.model)
    say(f"{task.verb.value} with {coding.model} …")
    answer = coding.run(task, _tell)
    if as_json:
        emit(plain(answer))
    else:
        if answer.best.parsed.reasoning:
            say(answer.best.parsed.reasoning + "\n")
        print(answer.best.parsed.code.rstrip("\n"))
        if answer.own_tests:
            say(f"\n# tests that the model wrote for itself\n{answer.own_tests.rstrip()}")
        say("")
        for verdict in answer.best.verdicts:
            say("\n".join(lines(verdict)))
    if out is not None and answer.is_clean:
        try:
            out.write_text(answer.best.parsed.code, "utf-8")
        except OSError as error:
            raise SourceError(f"cannot be written ({error.strerror})", where=out) from None
        say(f"written to {out}")
    elif out is not None:
        say(f"{out} is left as it was: {', '.join(answer.best.failed)} failed")
    return answer.is_clean


def _tell(attempt: Attempt) -> None:
    failed = f"failed: {', '.join(attempt.failed)}" if attempt.failed else "nothing failed"
    say(f"  round {attempt.round}, sample {attempt.sample}: {attempt.took_ms / 1000:.1f} s, {failed}")


def lines(verdict: Verdict) -> list[str]:
    """A verdict in a line, with its findings below where it fails."""
    by_model = " (written by the model)" if verdict.check == OWN_TESTS else ""
    head = f"{MARKS[verdict.outcome]:5} {verdict.check}{by_model}: {verdict.detail or verdict.outcome.value}"
    if verdict.outcome is not Outcome.FAIL:
        return [head]
    shown = [
        f"      line {item.line}: {item.message}" if item.line else f"      {item.message}" for item in verdict.findings
    ]
    more = [f"      … and {len(shown) - SHOWN_FINDINGS} more"] if len(shown) > SHOWN_FINDINGS else []
    return [head, *shown[:SHOWN_FINDINGS], *more]
