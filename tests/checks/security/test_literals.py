"""What a pattern cannot match without: right for what our rules are made of, and never more than the truth."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunque.checks.security.literals import may_match, needed
from yunque.checks.security.patterns import rules


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        (r"\bos\.(?:system|popen)\s*\(", ("os.system", "os.popen")),
        (r"(?<![\w.])(?:eval|exec)\s*\(", ("eval", "exec")),
        (r"(?i)\bPassword\s*=", ("password",)),
        (r"\bshell\s*=\s*True\b", ("shell",)),
        (r"(?:abc)+x|(?:abcd){0,2}y", ()),
        (r"[abc]+", ()),
        (r"a|bcd", ()),
        (r"(?:pre)?fix(?:es)?", ("fix",)),
        (r"(?>atomic)", ("atomic",)),
    ],
)
def test_literals(pattern, literals):
    assert needed(pattern) == literals


def test_nearly_every_rule_has_some():
    without = [rule.name for rule in rules() if not needed(rule.pattern, re.MULTILINE)]
    assert len(without) <= 3, without


@given(st.data())
def test_what_a_rule_matches_holds_one_of_its_literals(data):
    rule = data.draw(st.sampled_from(rules()))
    text = data.draw(st.from_regex(re.compile(rule.pattern, re.MULTILINE)))
    if re.search(rule.pattern, text, re.MULTILINE):
        folded = text.casefold() if re.compile(rule.pattern).flags & re.IGNORECASE else text
        assert may_match(needed(rule.pattern, re.MULTILINE), folded)
