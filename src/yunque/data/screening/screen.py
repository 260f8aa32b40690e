"""What every check says of every record, and which records a recipe keeps: tag first, threshold later.

    tags.parquet      ``Tagged``: a record's id and the verdict of each check, findings and values included
    decide(…)         the rules of a recipe over those verdicts; another threshold looks at no text again

Checks are believed only after their canaries (`checks.canaries`). A verdict that says nothing (ERROR) never counts as clean:
its record is dropped, unless the recipe keeps it.

Covered: graded checks (values against bounds), findings by rule, severity, CWE and language.
Not covered: rules that join two checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from yunque.checks.canaries import Proof, Trusted
from yunque.checks.findings import error
from yunque.checks.security.owasp import CATEGORIES, category_of
from yunque.core.errors import RecipeError
from yunque.core.nouns import Finding, Outcome, Record, Verdict
from yunque.core.plugins import make_part, nearest
from yunque.core.seams import Check
from yunque.data.parallel import batched, ordered_map
from yunque.data.screening.verdict_cache import VerdictCache

TAGS = "tags.parquet"
SEVERITIES = ("note", "warning", "error")
BATCH_CHARS = 2 << 20


class Rule(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """When a record is not kept. Everything that the rule says must hold."""

    check: str = Field()
    """Name of a check."""
    finding: str = ""
    """Glob of a finding's rule; empty: the check's own FAIL decides."""
    severity: Literal["note", "warning", "error"] = "warning"
    """Least severity of that finding."""
    cwe: tuple[int, ...] = ()
    """Weaknesses of that finding; empty for all."""
    owasp: tuple[str, ...] = ()
    """Its OWASP Top 10 categories, such as 'A05:2025'; empty for all."""
    value: str = ""
    """Name of one of the verdict's values, or 'score'."""
    below: float | None = None
    """The value is less than this."""
    above: float | None = None
    """The value is more than this."""
    languages: tuple[str, ...] = ()
    """Languages of the record; empty for all."""
    action: Literal["drop", "negative"] = "drop"
    """drop: set aside; negative: set aside as an example of what is not wanted."""

    @model_validator(mode="after")
    def _one_kind(self) -> Rule:
        if self.value and (self.below is None) == (self.above is None):
            raise ValueError("a value needs one bound, below or above")
        if not self.value and (self.below is not None or self.above is not None):
            raise ValueError("a bound needs the name of a value")
        if unknown := [item for item in self.owasp if item not in CATEGORIES]:
            raise ValueError(f"no category '{unknown[0]}' ({nearest(unknown[0], list(CATEGORIES))})")
        if self.value and (self.finding or self.cwe or self.owasp):
            raise ValueError("a rule is about a value or about findings, not both")
        return self


class ScreenRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """What is asked of every record, and what is not kept."""

    checks: tuple[str, ...] = ("licence",)
    """Checks that tag records, beside those that rules name."""
    rules: tuple[Rule, ...] = (Rule(check="malware", finding="*", severity="error"),)
    """Asked in order; the first that holds is the reason."""
    options: dict[str, dict[str, Any]] = {}
    """What a check is given, by its name: [screen.options.licence] with allow, deny, opt_outs. A policy on licences that is
    set here drops what it forbids, whether a rule names the check or not."""
    errors: Literal["drop", "keep"] = "drop"
    """What becomes of a record of which a check that a rule names said ERROR."""

    @property
    def all_rules(self) -> tuple[Rule, ...]:
        """The rules, and that of a licence policy that no rule names."""
        policy = "licence" in self.options and all(rule.check != "licence" for rule in self.rules)
        return (*self.rules, Rule(check="licence")) if policy else self.rules

    @property
    def names(self) -> list[str]:
        """Every check that is asked, once, in a stable order."""
        return list(dict.fromkeys([*self.checks, *(rule.check for rule in self.all_rules)]))


@dataclass(frozen=True, kw_only=True)
class Tagged:
    """The verdicts on one record, in the order of the checks."""

    record_id: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the rules say of a record: kept where there is no action, else why not."""

    action: str = ""
    reason: str = ""
    detail: str = ""


# ------------------------------------------------------------------------------------------------------------------- asking
def load_checks(
    names: Sequence[str], proofs: Sequence[Proof | None] | None = None, options: Mapping[str, dict[str, Any]] | None = None
) -> list[Trusted]:
    """The checks of those names, each behind its canaries. RecipeError for an unknown name, or option of a check."""
    given = options or {}
    for name in given:
        if name not in names:
            raise RecipeError(
                f"'{name}' is not a check of this recipe", where="screen.options", do=nearest(name, list(names))
            )
    checks: list[Check] = [make_part("checks", name, given.get(name, {}), where=f"screen.options.{name}") for name in names]
    proofs = proofs or [None] * len(checks)
    return [Trusted(check, proof, name) for check, proof, name in zip(checks, proofs, names, strict=True)]


def refuse_the_doubtful(checks: Sequence[Trusted], needed: Iterable[str]) -> None:
    """RecipeError when a check that something depends on cannot be believed, or looks at nothing here."""
    wanted = set(needed)
    for check in checks:
        if check.name not in wanted:
            continue
        if check.proof.doubt:
            raise RecipeError(f"the check '{check.name}' cannot be believed: {check.proof.doubt}", where="screen")
        if check.proof.missing:
            do = "install it, or leave the check out of the recipe"
            raise RecipeError(f"the check '{check.name}' cannot look: {check.proof.missing}", where="screen", do=do)


def tag(
    records: Iterable[Record],
    names: Sequence[str],
    checks: Sequence[Trusted],
    cache: VerdictCache,
    *,
    options: Mapping[str, dict[str, Any]] | None = None,
    workers: int,
) -> Iterator[tuple[Record, Tagged]]:
    """Each record with its verdicts, in order; only texts that a check has not seen are looked at.

    ``checks`` are those of the ``names``, with the ``options`` that they were given (see `load_checks`).
    """
    screener = _Screener(names, checks, options)
    for batch, result in ordered_map(screener, _asked(records, cache), workers=workers, lost=screener.lost):
        for asked, verdicts in zip(batch, result, strict=True):
            new = [
                verdict for verdict in verdicts if verdict.check not in asked.known and verdict.outcome is not Outcome.ERROR
            ]
            cache.put(asked.record, new)
            yield asked.record, Tagged(record_id=asked.record.id, verdicts=tuple(verdicts))
        cache.commit()


@dataclass(frozen=True)
class _Asked:
    record: Record
    known: dict[str, Verdict]


def _asked(records: Iterable[Record], cache: VerdictCache) -> Iterator[list[_Asked]]:
    for batch in batched(records, lambda record: len(record.text), BATCH_CHARS):
        yield [_Asked(record, known) for record, known in zip(batch, cache.get(batch), strict=True)]


def _unknown(batch: Sequence[_Asked], check: str) -> list[Record]:
    return [item.record for item in batch if check not in item.known]


class _Screener:
    """Asks every check about every record of a batch; made anew in each process, since tools cannot travel."""

    def __init__(
        self, names: Sequence[str], checks: Sequence[Trusted], options: Mapping[str, dict[str, Any]] | None
    ) -> None:
        self.names, self.proofs, self.options = list(names), [check.proof for check in checks], options
        self._checks: Sequence[Trusted] | None = checks

    def __getstate__(self) -> dict:
        return {"names": self.names, "proofs": self.proofs, "options": self.options, "_checks": None}

    def __call__(self, batch: Sequence[_Asked]) -> list[list[Verdict]]:
        if self._checks is None:
            self._checks = load_checks(self.names, self.proofs, self.options)
        details: dict[str, list[Verdict]] = {}
        for check in self._checks:
            if check.at_once:
                new = iter(check.judge_all(asked) if (asked := _unknown(batch, check.name)) else ())
                details[check.name] = [item.known.get(check.name) or next(new) for item in batch]
        rows = []
        for index, item in enumerate(batch):  # text by text, so that what was parsed for one check is there for the next
            rows.append(
                [
                    details[check.name][index]
                    if check.name in details
                    else item.known.get(check.name) or check.judge(item.record)
                    for check in self._checks
                ]
            )
        return rows

    def lost(self, asked: _Asked, why: str) -> list[Verdict]:
        """The verdicts on a record that a check could not survive."""
        return [error(name, why) for name in self.names]


# ----------------------------------------------------------------------------------------------------------------- deciding
def decide(record: Record, tagged: Tagged, recipe: ScreenRecipe) -> Decision:
    """What the rules say of a record."""
    verdicts = {verdict.check: verdict for verdict in tagged.verdicts}
    for rule in recipe.all_rules:
        verdict = verdicts[rule.check]
        if rule.languages and record.language not in rule.languages:
            continue
        if verdict.outcome is Outcome.ERROR:
            if recipe.errors == "drop":
                return Decision(action="drop", reason=f"{rule.check} error", detail=verdict.detail[:200])
            continue
        if (why := _holds(rule, verdict)) is not None:
            return Decision(action=rule.action, reason=rule.check, detail=why[:200])
    return Decision()


def _holds(rule: Rule, verdict: Verdict) -> str | None:
    """Why a rule holds, in one line; None when it does not."""
    if rule.value:
        number = verdict.score if rule.value == "score" else verdict.values.get(rule.value)
        if number is None:
            return None
        if rule.below is not None:
            return f"{rule.value} is {number:.4g}, below {rule.below:.4g}" if number < rule.below else None
        assert rule.above is not None  # or below would be given
        return f"{rule.value} is {number:.4g}, above {rule.above:.4g}" if number > rule.above else None
    if not rule.finding and not rule.cwe and not rule.owasp:
        return (verdict.detail or "fails") if verdict.outcome is Outcome.FAIL else None
    finding = next((finding for finding in verdict.findings if _meant(rule, finding)), None)
    return None if finding is None else f"line {finding.line}: {finding.rule}: {finding.message}"


def _meant(rule: Rule, finding: Finding) -> bool:
    severe = SEVERITIES.index(finding.severity) >= SEVERITIES.index(rule.severity)
    named = fnmatchcase(finding.rule, rule.finding or "*")
    weak = (not rule.cwe or finding.cwe in rule.cwe) and (not rule.owasp or category_of(finding.cwe) in rule.owasp)
    return severe and named and weak
