"""Two models' scores to a table of paired differences."""

import dataclasses

import pytest

from yunque.core.nouns import PromptStyle
from yunque.evaluation.repository.comparison import compare_scores
from yunque.evaluation.repository.scoring import BitsRow, Sample, Scores


def make_sample(number: int, suite: str, **changes) -> Sample:
    plain = Sample(
        task_id=f"{suite}-{number}", suite=suite, group=f"{number}.py", style=PromptStyle.PREFIX, text="x", stop="eos",
        tokens=1, exact=0.0, similarity=0.5, valid="pass", outcome="fail" if suite == "body" else "",
    )  # fmt: skip
    return dataclasses.replace(plain, **changes)


def make_scores(bits: float = 10.0, **changes) -> Scores:
    samples = [make_sample(number, suite, **changes) for suite in ("fim", "body") for number in range(8)]
    rows = [
        BitsRow(group=f"{number}.py", bits=bits * (number + 1), num_bytes=5 * (number + 1), num_tokens=3)
        for number in range(8)
    ]
    return Scores(samples=tuple(samples), bits=tuple(rows))


def by_name(rows) -> dict:
    return {(row.suite, row.title): row for row in rows}


def test_every_measure_of_every_suite_has_a_row_the_most_telling_first():
    rows = compare_scores(make_scores(), make_scores(), seed=1)
    assert [(row.suite, row.title, row.better) for row in rows] == [
        ("bits", "bits per byte", "lower"),
        ("fim", "edit similarity", "higher"),
        ("fim", "exact match", "higher"),
        ("body", "execution accuracy", "higher"),
        ("body", "edit similarity", "higher"),
        ("body", "valid syntax", "higher"),
    ]
    assert all(row.meaning and row.counted and row.unit for row in rows)
    assert {row.paired.verdict for row in rows} == {"cannot tell"}
    assert {row.paired.base.n for row in rows} == {8}


def test_values_are_what_the_samples_say():
    base = make_scores()
    forged = make_scores(bits=8.0, exact=1.0, similarity=0.75, valid="fail", outcome="pass")
    rows = by_name(compare_scores(base, forged, seed=1))
    told = {name: (row.paired.base.value, row.paired.forged.value, row.paired.verdict) for name, row in rows.items()}
    assert told == {
        ("bits", "bits per byte"): (pytest.approx(2.0), pytest.approx(1.6), "better"),
        ("fim", "edit similarity"): (0.5, 0.75, "better"),
        ("fim", "exact match"): (0.0, 1.0, "better"),
        ("body", "execution accuracy"): (0.0, 1.0, "better"),
        ("body", "edit similarity"): (0.5, 0.75, "better"),
        ("body", "valid syntax"): (1.0, 0.0, "worse"),
    }
    back = by_name(compare_scores(forged, base, seed=1))
    assert back["bits", "bits per byte"].paired.verdict == "worse"
    assert back["fim", "exact match"].paired.difference.value == -1.0


def test_anything_but_a_pass_of_the_tests_is_no_pass():
    for outcome in ("fail", "error", "skip", ""):
        row = by_name(compare_scores(make_scores(), make_scores(outcome=outcome), seed=1))["body", "execution accuracy"]
        assert row.paired.forged.value == 0.0


def test_the_style_of_each_model_stands_beside_its_numbers():
    row = by_name(compare_scores(make_scores(), make_scores(style=PromptStyle.FIM), seed=1))["fim", "exact match"]
    assert (row.base_style, row.forged_style) == ("prefix", "fim")


def test_other_tasks_or_another_order_are_refused():
    one = make_scores()
    for other in (
        dataclasses.replace(one, samples=one.samples[1:]),
        dataclasses.replace(one, samples=(one.samples[1], one.samples[0], *one.samples[2:])),
        dataclasses.replace(one, samples=(*one.samples[:-1], make_sample(99, "body"))),
        dataclasses.replace(one, bits=one.bits[1:]),
    ):
        with pytest.raises(ValueError):
            compare_scores(one, other, seed=1)


def test_chunks_of_other_files_are_refused():
    one = make_scores()
    moved = tuple(dataclasses.replace(row, group="elsewhere.py") for row in one.bits)
    with pytest.raises(ValueError):
        compare_scores(one, dataclasses.replace(one, bits=moved), seed=1)


def test_a_suite_without_tasks_gives_measures_without_numbers():
    nothing = Scores(samples=(), bits=())
    rows = compare_scores(nothing, nothing, seed=1)
    assert len(rows) == 6
    assert {(row.paired.difference.n, row.paired.difference.value, row.base_style) for row in rows[1:]} == {(0, None, "")}
    assert rows[0].paired.base.value is None


def test_the_same_seed_gives_the_same_table():
    base, forged = make_scores(), make_scores(bits=9.0, similarity=0.6)
    assert compare_scores(base, forged, seed=1) == compare_scores(base, forged, seed=1)
