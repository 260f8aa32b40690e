import pytest

from yunque.core.nouns import Measure
from yunque.evaluation.metrics.statistics import Paired
from yunque.reports.measures import interval, paired_words, unit_words, written


@pytest.mark.parametrize(
    ("value", "unit", "plain", "signed"),
    [
        (0.043, "share", "4.3 %", "+4.3 points"),
        (-0.069, "share", "−6.9 %", "−6.9 points"),
        (1.2, "ratio", "1.20 ×", "1.20 ×"),
        (2.5, "perplexity", "2.50", "2.50"),
        (12.5, "per 1,000 lines", "12.50", "+12.50"),
        (None, "share", "–", "–"),
    ],
)
def test_a_number_is_written_in_its_unit(value, unit, plain, signed):
    assert (written(value, unit), written(value, unit, signed=True)) == (plain, signed)


def test_an_interval_does_not_repeat_the_unit():
    assert interval(Measure(name="pass@1", value=0.04, n=9, low=0.031, high=0.056, unit="share")) == "[3.1, 5.6]"
    assert interval(Measure(name="pass@1", value=0.04, n=9, unit="share")) == ""
    assert unit_words("share") == unit_words("ratio") == "" and unit_words("per 1,000 lines") == "per 1,000 lines"


def test_two_runs_on_the_same_tasks():
    base, forged = (Measure(name="time", value=value, n=9, unit="ratio") for value in (1.0, 0.5))
    difference = Measure(name="time", value=0.5, n=9, low=0.4, high=0.6, unit="ratio")
    paired = Paired(base=base, forged=forged, difference=difference, resampled="tasks", verdict="better")
    assert paired_words(paired) == "time: 1.00 × and 0.50 ×, ratio 0.50 × [0.40, 0.60], n = 9 tasks"
