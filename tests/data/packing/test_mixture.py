"""Weights: only for what is shown to be safe, by checks that looked."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from yunque.core.nouns import Finding, Outcome, Verdict
from yunque.data.packing.mixture import MixtureRecipe, weigh

USES = Verdict(check="safe-use", outcome=Outcome.PASS, values={"uses": 2.0, "A05:2025": 2.0})
NO_USES = Verdict(check="safe-use", outcome=Outcome.PASS, values={"uses": 0.0})


def said(outcome, *severities, check="bandit"):
    return Verdict(
        check=check, outcome=outcome, findings=tuple(Finding(rule="x", message="x", severity=one) for one in severities)
    )


@pytest.mark.parametrize(
    ("verdicts", "weighted"),
    [
        ([USES, said(Outcome.PASS)], True),
        ([USES, said(Outcome.PASS, "note")], True),
        ([USES, said(Outcome.PASS, "warning")], False),
        ([USES, said(Outcome.FAIL, "error")], False),
        ([USES, said(Outcome.PASS), said(Outcome.FAIL, "error", check="insecure-patterns")], False),
        ([USES, said(Outcome.SKIP)], False),  # nobody looked
        ([USES, said(Outcome.PASS), said(Outcome.ERROR, check="malware")], False),
        ([USES], False),
        ([NO_USES, said(Outcome.PASS)], False),
        ([said(Outcome.PASS)], False),
    ],
)
def test_shown_to_be_safe(verdicts, weighted):
    found = weigh("a", verdicts, MixtureRecipe(owasp=3))
    assert (found is not None) == weighted
    if found:
        assert (found.weight, found.because) == (3.0, "owasp A05:2025")
    assert weigh("a", verdicts, MixtureRecipe()) is None


def test_only_the_checks_that_are_needed_are_asked():
    assert MixtureRecipe().checks(["syntax"]) == []
    assert MixtureRecipe(owasp=2).checks(["syntax"]) == ["safe-use", "insecure-patterns"]
    assert MixtureRecipe(owasp=2).checks(["bandit"]) == ["safe-use"]
    with pytest.raises(ValidationError):
        MixtureRecipe(owasp=0.5)
