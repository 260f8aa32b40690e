"""Quality: the written formula, features that are absent rather than invented, and an order that people would give."""

from __future__ import annotations

import math

import pytest

from yunque.checks.canaries import canary
from yunque.checks.quality.score import FEATURES, Quality, features
from yunque.core.nouns import Outcome

GOOD = next(one.record.text for one in Quality().canaries() if not one.finds)
BAD = next(one.record.text for one in Quality().canaries() if one.finds)


def judge(text, language="python", **options):
    return Quality(**options).judge(canary(text, language).record)


def test_the_formula():
    verdict = judge(GOOD)
    grades = [
        (one.weight, one.grade(verdict.values[one.name])) for one in FEATURES if one.weight and one.name in verdict.values
    ]
    product = math.prod(max(grade, 0.05) ** weight for weight, grade in grades)
    assert verdict.score == pytest.approx(product ** (1 / sum(weight for weight, _ in grades)))
    assert 0 <= judge(BAD).score < 0.4 < 0.8 < verdict.score <= 1


def test_features():
    values = features(
        'def f(a) -> int:\n    """A."""\n    return a\n\n\ndef test_g(a):\n    # TODO\n    return a\n', "python"
    )
    assert values["documented"] == 0.5 and values["hints"] == 0.5 and values["tests"] == 0.5
    assert values["function-lines"] == pytest.approx(2.5, abs=0.6) and values["todo-density"] == pytest.approx(1000 / 6)
    assert "function-lines" not in features("x = 1\ny = 2\nz = 3\n", "python")
    c = features("int f(int a) {\n  if (a) {\n    return 1;\n  }\n  return 2;\n}\n\nint g() {\n  return 3;\n}\n", "c")
    assert (c["function-lines"], c["long-function"], c["documented"]) == (4.5, 6, 0)


def test_parse_errors_cost():
    broken = GOOD + "def f(:\n" * 5
    assert judge(broken, parse_errors=True).score < judge(broken).score
    assert "error-lines" not in judge(GOOD).values and judge(GOOD, parse_errors=True).values["error-lines"] == 0


def test_thresholds_and_short_texts():
    assert judge(GOOD, min_score=1.01).outcome is Outcome.FAIL
    assert judge("x = 1\n").outcome is Outcome.SKIP
    for feature in FEATURES:
        assert feature.says and all(0 <= feature.grade(value) <= 1 for value in (-1e9, -1, 0, 0.5, 1, 1e9)), feature.name
