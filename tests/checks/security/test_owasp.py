"""The Top 10 and the weaknesses that our own checks report."""

from __future__ import annotations

from yunque.checks.linters import ruff
from yunque.checks.security import injection, patterns
from yunque.checks.security.owasp import _WEAKNESSES, CATEGORIES, category_of, named


def test_every_weakness_is_in_one_category():
    cwes = [cwe for some in _WEAKNESSES.values() for cwe in some.split()]
    assert len(cwes) == len(set(cwes)) == 249  # as many as the ten pages list
    assert list(CATEGORIES) == list(_WEAKNESSES)


def test_names():
    assert named(89) == "A05:2025 Injection" and category_of(918) == "A01:2025"
    assert named(119) == named(None) == category_of(0) == ""


def test_most_of_what_we_report_has_a_category():
    ours = {rule.cwe for rule in patterns.rules()} | {cwe for cwe, _ in ruff.SECURITY.values()}
    without = {cwe for cwe in ours if not category_of(cwe)}
    memory_and_resources = {
        119,
        120,
        121,
        134,
        155,
        185,
        208,
        242,
        327,
        328,
        400,
        416,
        554,
        589,
        590,
        605,
        665,
        680,
        770,
        908,
    }
    assert without <= memory_and_resources, without - memory_and_resources
    assert injection
