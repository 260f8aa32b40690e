"""Training, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from yunque.core.nouns import Outcome, Verdict
from yunque.reports.formatting import size

if TYPE_CHECKING:
    from yunque.training.plan import Plan

MARKS = {Outcome.PASS: "ok", Outcome.FAIL: "FAILS", Outcome.SKIP: "skipped", Outcome.ERROR: "unknown"}


def preflight_lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """A line for each check: its name, how it came out, and why."""
    for verdict in verdicts:
        warned = any(finding.severity == "warning" for finding in verdict.findings)
        what = verdict.findings[0].message if verdict.findings else verdict.detail
        yield f"{verdict.check:<14} {'warning' if warned else MARKS[verdict.outcome]:<8} {what}"


def plan_lines(plan: Plan) -> Iterator[str]:
    """A plan in lines, and how it was come by."""
    devices = plan.device if plan.count == 1 else f"{plan.count} x {plan.device}"
    yield f"on         {devices}, {'measured on a few steps' if plan.measured else 'by formula, not measured'}"
    yield f"weights    {plan.parameters:,}, of which {plan.trained_parameters:,} are trained"
    yield f"memory     {size(plan.memory_bytes)}{'' if plan.fits else ': more than there is'}"
    yield f"speed      {plan.tokens_per_s:,.0f} tokens/s"
    yield f"time       {plan.hours:.2f} h for {plan.steps:,} steps and their validations"
    yield f"energy     {plan.kwh:.3f} kWh, {plan.co2_kg:.3f} kg CO2"
    yield f"money      {plan.usd:.2f} USD"
