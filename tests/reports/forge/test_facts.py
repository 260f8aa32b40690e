import dataclasses
import json
import math

import pytest

from yunque.core.errors import StoreError
from yunque.core.nouns import Measure
from yunque.reports.forge.facts import from_json, rounded, to_json


def test_json_gives_the_same_report_back(report):
    text = to_json(report)
    assert from_json(text) == report
    assert to_json(from_json(text)) == text


def test_json_does_not_depend_on_the_order_of_dictionaries(report):
    source = dataclasses.replace(report.sources[0], licences=dict(reversed(report.sources[0].licences.items())))
    assert to_json(dataclasses.replace(report, sources=(source,))) == to_json(report)


def test_json_has_a_schema_version_and_no_nan(report):
    row = dataclasses.replace(report.training.steps[0], loss=math.nan, grad_norm=math.inf)
    training = dataclasses.replace(report.training, steps=(row,))
    text = to_json(dataclasses.replace(report, training=training))
    fields = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in report.json"))
    assert fields["schema_version"] == 2
    assert from_json(text).training.steps[0].loss is None


def test_floats_are_rounded_to_six_digits_and_whole_numbers_are_not():
    assert rounded(0.123456789) == 0.123457
    assert rounded(-0.0) == 0.0 and math.copysign(1, rounded(-0.0)) == 1
    assert rounded(3_120_000_001) == 3_120_000_001
    assert rounded(None) is None and rounded(math.nan) is None


def test_lone_surrogates_survive(report):
    changed = dataclasses.replace(report, title="a\udc80b")
    assert from_json(to_json(changed).encode("utf-8").decode()) == changed


def test_measures_without_a_value_survive(report):
    assert from_json(to_json(report)).comparisons[-1].base == Measure(name="exact spans", value=None, n=0)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"schema": "yunque-forge-report", "schema_version": 2}', '{"schema": "other"}'],
)
def test_something_else_is_refused(text):
    with pytest.raises(StoreError):
        from_json(text)


def test_another_schema_version_is_refused_by_name(report):
    with pytest.raises(StoreError, match="schema version 99"):
        from_json(to_json(report).replace('"schema_version": 2', '"schema_version": 99'))
