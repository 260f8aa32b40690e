"""What `yunque check` prints: findings as lines, JSON or SARIF, and what could not be looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from yunque.checks.security.owasp import named
from yunque.cli.console import emit
from yunque.core.errors import RecipeError
from yunque.core.nouns import Outcome
from yunque.core.plugins import nearest
from yunque.data.screening.screen import SEVERITIES, load_checks
from yunque.pipelines.check import USUAL, CheckRecipe, Looked, counted, look_at, read_baseline, unable, write_baseline_file
from yunque.reports.sarif import sarif as write_sarif


def report_on(
    targets: Sequence[Path],
    recipe: CheckRecipe,
    *,
    sarif: bool,
    as_json: bool,
    say: Callable[[str], None],
    write_baseline: bool = False,
    stdin_name: str = "stdin.py",
) -> bool:
    """Print what the checks find; whether they found anything of that severity, or could not look. Raises YunqueError.

    A check that the recipe names and that cannot look here is an error. With ``write_baseline`` the recipe's file of known
    findings is written, not read.
    """
    severity, baseline = recipe.severity, recipe.baseline
    if severity not in SEVERITIES:
        raise RecipeError(f"no severity '{severity}'", where="--severity", do=nearest(severity, list(SEVERITIES)))
    if write_baseline and not baseline:
        raise RecipeError("no file to write known findings to", where="--write-baseline", do="name one with --baseline")
    checks = load_checks(recipe.checks or USUAL)
    for check, why in unable(checks):
        if recipe.checks:
            raise RecipeError(f"the check '{check}' cannot look: {why}", where="--checks", do="or leave it out")
        say(f"{check} cannot look: {why}")
    known = read_baseline(baseline) if baseline and not write_baseline else set()
    kept, counts, skipped = [], Counter[str](), Counter[str]()
    for looked in look_at(targets, checks, stdin_name=stdin_name, skipped=skipped, exclude=recipe.exclude):
        looked = counted(looked, severity, known)
        kept.append(looked)
        counts.update(item.finding.severity for item in looked.noted if item.counts)
        if not sarif and not as_json and (details := lines(looked)):
            print("\n".join(details))
    if write_baseline:
        write_baseline_file(baseline, kept)
        say(f"{sum(counts.values())} findings are known from now on: {baseline}")
        return False
    if sarif:
        emit(write_sarif([(item.path, item.verdicts, item.noted) for item in kept]))
    elif as_json:
        emit([plain(looked) for looked in kept])
    broken = sum(verdict.outcome is Outcome.ERROR for item in kept for verdict in item.verdicts)
    say(summary(kept, counts, broken, skipped))
    return bool(counts) or bool(broken)


def lines(looked: Looked) -> list[str]:
    """The file's name, and below it a line for each finding that counts; nothing where there is none."""
    details = [
        f"  error could not look: {verdict.check}: {verdict.detail}"
        for verdict in looked.verdicts
        if verdict.outcome is Outcome.ERROR
    ]
    for item in looked.noted:
        if item.counts:
            finding, column = item.finding, f":{item.columns[0]}" if item.columns else ""
            cwe = f" (CWE-{finding.cwe}{', ' + category if (category := named(finding.cwe)) else ''})" if finding.cwe else ""
            place = f"{finding.line}{column}" if finding.line else "-"
            details.append(f"  {place:>6} {finding.severity:7} {finding.message}{cwe} [{item.rule}]")
    return [looked.path, *details] if details else []


def summary(kept: Sequence[Looked], counts: Counter[str], broken: int, skipped: Counter[str]) -> str:
    """``4 findings (1 error, 3 warnings) in 3 of 22 files``, and what was not looked at or does not count."""
    hit = sum(any(item.counts for item in looked.noted) for looked in kept)
    total = sum(counts.values())
    parts = [_counted(counts[name], name) for name in reversed(SEVERITIES) if counts[name]]
    shares = f" ({', '.join(parts)})" if parts else ""
    details = [f"{_counted(total, 'finding')}{shares} in {hit} of {_counted(len(kept), 'file')}"]
    if broken:
        details.append(f"{_counted(broken, 'check')} could not look")
    for what in ("silenced", "known"):
        if number := sum(getattr(item, what) for looked in kept for item in looked.noted):
            details.append(f"{number} {what}")
    details += [f"{number} skipped ({why})" for why, number in sorted(skipped.items())]
    return "; ".join(details)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def plain(looked: Looked) -> dict:
    """As JSON."""
    noted = [
        {"rule": item.rule, "fingerprint": item.fingerprint, "silenced": item.silenced, "known": item.known}
        for item in looked.noted
    ]
    return {"path": looked.path, "verdicts": [asdict(verdict) for verdict in looked.verdicts], "noted": noted}
