"""How much each record counts in training: its weight in the mixture, and why.

A weight is written beside the records (``weights.parquet``), never into them, so another mixture reads no text again. What
is not in the table has weight 1.

    owasp    a record that does something weaknesses come from in the safe form (`checks.security`), in which the security
             checks that looked found nothing: it is shown to be safe, where other code only is not shown to be unsafe

Not covered: shares of languages, repositories and licences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from yunque.core.nouns import Outcome, Verdict

SAFE_USE = "safe-use"
SECURITY = ("insecure-patterns", "bandit", "ruff-security", "malware")
"""The checks whose silence shows that code is safe; the first is asked where a recipe names none of them."""


class MixtureRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """What counts more than once."""

    owasp: float = Field(default=1.0, ge=1.0, le=20.0)
    """Weight of a record that is shown to be safe; 1 asks no check."""

    def checks(self, named: Sequence[str]) -> list[str]:
        """The checks that the weights need, beside those that a recipe names."""
        if self.owasp == 1.0:
            return []
        return [SAFE_USE] if set(named).intersection(SECURITY) else [SAFE_USE, SECURITY[0]]


@dataclass(frozen=True, kw_only=True)
class Weight:
    """What one record counts."""

    record_id: str
    weight: float
    because: str
    """``owasp A04:2025 A05:2025``: the rule, and the categories of its safe uses."""


def weigh(record_id: str, verdicts: Sequence[Verdict], recipe: MixtureRecipe) -> Weight | None:
    """The weight of a record that counts more than once, from what checks said of it; None for weight 1."""
    answers = {verdict.check: verdict for verdict in verdicts}
    if recipe.owasp == 1.0 or not _shown_safe(answers):
        return None
    categories = sorted(name for name in answers[SAFE_USE].values if name.startswith("A"))
    return Weight(record_id=record_id, weight=recipe.owasp, because=" ".join(["owasp", *categories]))


def _shown_safe(details: dict[str, Verdict]) -> bool:
    if SAFE_USE not in details or not details[SAFE_USE].values.get("uses"):
        return False
    looked = [details[name] for name in SECURITY if name in details]
    silent = all(finding.severity == "note" for verdict in looked for finding in verdict.findings)
    return (
        silent
        and any(verdict.outcome is Outcome.PASS for verdict in looked)
        and all(verdict.outcome is not Outcome.ERROR for verdict in looked)
    )
