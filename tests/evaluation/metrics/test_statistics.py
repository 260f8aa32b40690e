"""Intervals that cover what they say, and verdicts that claim no more than they may."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yunque.evaluation.metrics import statistics
from yunque.evaluation.metrics.statistics import MIN_UNITS, Quantity, compare, describe

X, LOWER = Quantity("x"), Quantity("x", higher_is_better=False)


def files(count: int, tasks_each: int = 1) -> list[str]:
    return [f"{file:04d}.py" for file in range(count) for _ in range(tasks_each)]


@pytest.fixture
def fewer_draws(monkeypatch):
    """A fifth of the draws: enough for 95 %, and quicker."""
    monkeypatch.setattr(statistics, "RESAMPLES", 2000)


def covered(*, tasks_each: int, rounds: int, seed: int, as_if_independent: bool = False) -> float:
    """How often the 95 % interval of the difference holds the truth, when the tasks of a file resemble each other."""
    random, hits, truth, num_files = np.random.default_rng(seed), 0, 0.3, 30
    for number in range(rounds):
        of_file = np.repeat(random.normal(0, 1, num_files), tasks_each)
        base = random.normal(0, 1, num_files * tasks_each)
        forged = base + truth + of_file + random.normal(0, 0.5, num_files * tasks_each)
        groups = files(num_files * tasks_each) if as_if_independent else files(num_files, tasks_each)
        difference = compare(X, base, forged, groups, seed=number).difference
        hits += difference.low <= truth <= difference.high
    return hits / rounds


def test_the_interval_covers_the_truth_about_95_times_in_100(fewer_draws):
    assert 0.90 <= covered(tasks_each=1, rounds=200, seed=1) <= 0.99


def test_it_does_so_too_when_tasks_of_a_file_are_alike_which_is_why_files_are_drawn(fewer_draws):
    honest = covered(tasks_each=8, rounds=150, seed=2)
    naive = covered(tasks_each=8, rounds=40, seed=2, as_if_independent=True)
    assert 0.88 <= honest <= 0.99
    assert naive < 0.75, "tasks taken for independent give intervals that are far too narrow"


def test_the_interval_of_a_mean_is_that_of_the_normal_law():
    values = np.random.default_rng(3).normal(5, 2, 400)
    measured = compare(X, values, values, files(400)).base
    half = 1.96 * values.std() / np.sqrt(400)
    assert measured.value == pytest.approx(values.mean())
    assert measured.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert measured.high == pytest.approx(values.mean() + half, abs=0.15 * half)


# ------------------------------------------------------------------------------------------------------------- what is said
@pytest.mark.parametrize("count", [MIN_UNITS, 9, 40])
def test_a_model_compared_with_itself_differs_by_nothing_at_all(count):
    values = list(np.random.default_rng(1).random(count))
    paired = compare(X, values, values, files(count))
    assert (paired.difference.value, paired.difference.low, paired.difference.high) == (0.0, 0.0, 0.0)
    assert paired.verdict == "cannot tell"
    assert paired.base == paired.forged


def test_a_clear_gain_is_better_and_turned_around_it_is_worse():
    random = np.random.default_rng(2)
    base = random.random(60)
    forged = base + 0.1 + random.normal(0, 0.05, 60)
    up, down = compare(X, base, forged, files(60)), compare(X, forged, base, files(60))
    assert (up.verdict, down.verdict) == ("better", "worse")
    assert 0 < up.difference.low < up.difference.value < up.difference.high
    assert up.difference.value == pytest.approx(np.mean(forged - base)) == pytest.approx(-down.difference.value)


def test_where_lower_is_better_the_words_turn_and_the_numbers_do_not():
    random = np.random.default_rng(2)
    base = random.random(60)
    forged = base - 0.1 + random.normal(0, 0.05, 60)
    bits = compare(LOWER, base, forged, files(60))
    assert bits.verdict == "better"
    assert bits.difference.low < bits.difference.value < bits.difference.high < 0
    assert compare(LOWER, forged, base, files(60)).verdict == "worse"
    assert compare(X, base, forged, files(60)).verdict == "worse"


def test_a_small_gain_in_much_noise_cannot_be_told():
    random = np.random.default_rng(4)
    base, forged = random.random(20), random.random(20) + 0.02
    paired = compare(X, base, forged, files(20))
    assert paired.verdict == "cannot tell"
    assert paired.difference.low < 0 < paired.difference.high


def test_pairing_finds_what_two_separate_intervals_would_hide():
    random = np.random.default_rng(5)
    base = random.normal(0, 1, 50)
    paired = compare(X, base, base + 0.05, files(50))
    assert paired.base.high > paired.forged.low, "the intervals of the two models overlap"
    assert paired.verdict == "better"


def test_an_interval_that_touches_zero_does_not_exclude_it():
    forged = [1.0] + [0.0] * 9  # one gain in ten files: a third of the draws miss it
    paired = compare(X, [0.0] * 10, forged, files(10))
    assert paired.difference.low == 0.0 and paired.difference.value == pytest.approx(0.1)
    assert paired.verdict == "cannot tell"


# ----------------------------------------------------------------------------------------------------- few tasks, few files
def test_no_tasks_give_no_number_and_no_claim():
    paired = compare(Quantity("exact match", "share"), [], [], [], weights=([], []))
    for measure in (paired.base, paired.forged, paired.difference):
        assert (measure.name, measure.value, measure.n, measure.low, measure.high) == ("exact match", None, 0, None, None)
        assert measure.unit == "share"
    assert paired.verdict == "cannot tell"


def test_with_few_files_tasks_are_drawn_and_that_is_said():
    values = list(np.random.default_rng(1).random(40))
    few = compare(X, values, values, files(MIN_UNITS - 1, 10))
    enough = compare(X, values, values, files(MIN_UNITS, 8))
    assert (few.resampled, enough.resampled) == ("tasks", "files")
    assert few.base.n == enough.base.n == 40
    alone = compare(X, values, values, files(40))
    assert few.base.low == pytest.approx(alone.base.low, abs=0.03), "as if every task were a file"


def test_all_tasks_of_one_file_are_drawn_together():
    """Five files whose tasks are all equal inside: whatever their number, the interval is that of five values."""
    values = np.repeat([0.0, 0.0, 1.0, 1.0, 1.0], 20)
    together, apart = compare(X, values, values, files(5, 20)), compare(X, values, values, files(100))
    assert together.base.high - together.base.low > 3 * (apart.base.high - apart.base.low)


@pytest.mark.parametrize("count", [1, MIN_UNITS - 1])
def test_a_handful_of_tasks_gives_numbers_without_intervals_and_no_claim(count):
    paired = compare(X, [0.0] * count, [1.0] * count, files(count))
    assert paired.verdict == "cannot tell"
    assert (paired.base.value, paired.forged.value, paired.difference.value) == (0.0, 1.0, 1.0)
    assert {(one.n, one.low, one.high) for one in (paired.base, paired.forged, paired.difference)} == {(count, None, None)}


def test_a_clear_gain_on_just_enough_tasks_is_claimed():
    assert compare(X, [0.0] * MIN_UNITS, [1.0] * MIN_UNITS, files(MIN_UNITS)).verdict == "better"


# ------------------------------------------------------------------------------------------------------------------ weights
def test_with_weights_it_is_a_ratio_of_sums_not_a_mean_of_ratios():
    bits, num_bytes = [10.0, 900.0, 30.0, 30.0, 10.0], [10, 300, 10, 10, 10]
    paired = compare(
        Quantity("bits per byte", higher_is_better=False), bits, [0.0] * 5, list("abcde"), weights=(num_bytes, num_bytes)
    )
    assert paired.base.value == pytest.approx(980 / 340)
    assert paired.difference.value == pytest.approx(-980 / 340)
    assert paired.base.low >= 1.0 - 1e-12 and paired.base.high <= 3.0 + 1e-12


def test_weights_of_one_are_no_weights():
    base, forged, groups = [0.1, 0.5, 0.9, 0.2, 0.3, 0.8], [0.2, 0.4, 0.9, 0.3, 0.3, 0.9], files(6)
    assert compare(X, base, forged, groups, weights=([1] * 6, [1] * 6)) == compare(X, base, forged, groups)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.sampled_from("abcdefg")), min_size=1, max_size=12))
def test_the_value_lies_in_its_interval_s_reach_and_the_difference_is_the_difference(rows):
    base, forged, groups = zip(*rows, strict=True)
    paired = compare(X, base, forged, groups)
    assert paired.difference.value == pytest.approx(paired.forged.value - paired.base.value, abs=1e-12)
    for measure, values in ((paired.base, base), (paired.forged, forged)):
        assert (measure.low is None) == (len(rows) < MIN_UNITS)
        if measure.low is not None:
            assert min(values) - 1e-9 <= measure.low <= measure.high <= max(values) + 1e-9
        assert measure.value == pytest.approx(np.mean(values), abs=1e-12)


# -------------------------------------------------------------------------------------------------- the same, or not at all
def test_the_same_seed_gives_the_same_numbers_and_another_seed_nearly_the_same():
    random = np.random.default_rng(7)
    base, forged, groups = list(random.random(50)), list(random.random(50)), files(10, 5)
    first, again, other = (compare(X, base, forged, groups, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert other.difference != first.difference
    assert other.difference.low == pytest.approx(first.difference.low, abs=0.02)
    assert (other.verdict, other.difference.value) == (first.verdict, first.difference.value)


def test_the_names_of_files_do_not_matter_only_who_shares_one():
    base, forged = [0.1, 0.5, 0.9, 0.2, 0.3, 0.8], [0.2, 0.4, 0.9, 0.3, 0.3, 0.9]
    assert compare(X, base, forged, list("abcdee")) == compare(X, base, forged, list("pqrstt"))


@pytest.mark.parametrize(
    ("base", "forged", "groups", "weights"),
    [
        ([1.0], [1.0, 2.0], ["a"], None),
        ([1.0, 2.0], [1.0], ["a", "b"], None),
        ([1.0, 2.0], [1.0, 2.0], ["a"], None),
        ([], [], ["a"], None),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], ["a", "b", "c"], [1.0, 1.0]),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], ["a", "b", "c"], [1.0]),
    ],
    ids=["base", "forged", "groups", "no tasks", "weights", "one weight for all"],
)
def test_lists_of_different_lengths_are_refused(base, forged, groups, weights):
    with pytest.raises(ValueError):
        compare(X, base, forged, groups, weights=weights and (weights, weights))


def test_the_ends_of_a_share_are_exact():
    none, every = (describe("x", [value] * 164, [str(n) for n in range(164)], unit="share") for value in (0.0, 1.0))
    assert none.low == 0.0 < none.high and every.low < 1.0 == every.high
