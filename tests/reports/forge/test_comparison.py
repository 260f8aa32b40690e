import dataclasses

from yunque.core.nouns import Measure
from yunque.reports.forge import comparison as words


def test_answer_for_each_verdict(report):
    better, share, unclear, worse, none = (words.answer(comparison) for comparison in report.comparisons)
    numbers = "0.812 → 0.745 bits/byte, difference −0.067 [−0.080, −0.050], n = 12 files"
    assert better == f"Forged is better on held-out bits per byte: {numbers}."
    assert "21.4 % → 29.6 %, difference +8.2 points [+4.1, +12.4], n = 280 lines" in share
    assert unclear.startswith("Cannot tell on function bodies") and worse.startswith("Forged is worse on time")
    assert none == "Cannot tell on spans that match exactly: nothing was measured, n = 0 tasks."


def test_an_answer_of_the_caller_is_kept(report):
    assert words.answer(dataclasses.replace(report.comparisons[0], sentence="As it is.")) == "As it is."


def test_an_end_of_an_interval_never_rounds_to_zero(report):
    close = Measure(name="x", value=-0.04, n=12, low=-0.08, high=-0.0004)
    comparison = dataclasses.replace(report.comparisons[0], difference=close)
    assert words.interval_of(comparison, close) == "[−0.0800, −0.0004]"


def test_tally(report):
    assert words.tally(report) == "Better on 2 of 5 measures, worse on 1, cannot tell on 2."
    assert words.tally(dataclasses.replace(report, comparisons=())) == "Nothing was compared."


def test_limits_name_small_samples_and_keep_the_callers(report):
    limits = "\n".join(words.limits_of(report))
    assert "rests on 12 files" in limits and "280 lines" not in limits and "0 tasks" not in limits
    assert limits.endswith("Only functions with tests of their own were run.")


def test_how_answers_ended_is_a_sentence(report):
    from dataclasses import replace

    from yunque.reports.forge.comparison import ended_words
    from yunque.reports.forge.page import render_page

    ended = {"base": {"eos": 1, "rule": 2, "length": 1}, "forged": {"eos": 9, "length": 0, "rule": 1}}
    told = replace(report, ended=ended)
    assert ended_words(told) == (
        "Answers that ended by themselves: base 75.0 %, forged 100.0 %; the others were cut at their limit."
    )
    assert "forged 100.0" in render_page(told).replace("\u00a0", " ") and ended_words(report) == ""
