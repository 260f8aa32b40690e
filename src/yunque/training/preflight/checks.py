"""What must hold before a training starts: most of what goes wrong in one is silent, and costs days.

Every check looks at the run as it will be: its rows, its objective, its loop. Where a model has to be run, it is one of the
base's own first layers, in float32, so that a check takes seconds whatever the size of the base.

Covered: rows without their end token, samples without an answer, tokens that the model lacks, a tokenizer other than the
base's, attention or a state that crosses samples of a row, an objective that forgets to be a sum, an adapter that is lost by
merging, a run that resumes elsewhere, a chat template that changes what it is given, rates and batches out of range.
Not covered: what only later layers do; weights that are no numbers, which the loop refuses at its first validation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from yunque.core.errors import TrainingError
from yunque.core.nouns import Finding, Outcome, Verdict
from yunque.training.preflight import inputs, model
from yunque.training.preflight.context import Look, Preflight

CHECKS: dict[str, Callable[[Preflight], Look]] = {
    "tokenizer": inputs.tokenizer,
    "vocabulary": inputs.vocabulary,
    "end-token": inputs.end_token,
    "masked": inputs.masked,
    "chat-template": inputs.template,
    "rates": inputs.rates,
    "memory": inputs.memory,
    "disk": inputs.disk,
    "packed": model.packed,
    "accumulation": model.accumulation,
    "merge": model.merge,
    "resume": model.resume,
}
"""Name -> what looks."""


def verdicts(run: Preflight) -> Iterator[Verdict]:
    """What each check says, in order; ERROR where it could not tell."""
    for name, look in CHECKS.items():
        started = time.perf_counter()
        try:
            seen = look(run)
        except Exception as error:  # whatever a model's own code raises
            first = (str(error).strip().splitlines() or [""])[0][:160]
            seen = Look(Outcome.ERROR, message=f"could not be looked at: {type(error).__name__}: {first}")
        severity = "warning" if seen.outcome is Outcome.PASS else "error"
        yield Verdict(
            check=name,
            outcome=seen.outcome,
            findings=(Finding(rule=name, message=seen.message, severity=severity),) if seen.message else (),
            detail=seen.detail,
            took_ms=1000 * (time.perf_counter() - started),
        )


def refuse(verdicts: Sequence[Verdict]) -> None:
    """TrainingError for the first that fails, or could not tell."""
    for verdict in verdicts:
        if verdict.outcome in (Outcome.FAIL, Outcome.ERROR):
            raise TrainingError(verdict.findings[0].message, where=f"preflight {verdict.check}", do=verdict.detail)
