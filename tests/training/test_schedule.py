"""The learning rate goes up once and down as it was told."""

import math

import pytest

from yunque.models.recipe import ModelRecipe
from yunque.training.recipe import TrainingRecipe
from yunque.training.schedule import learning_rate


def rates(num_steps=20, **settings):
    recipe = TrainingRecipe(**{"warmup_share": 0.1, "final_share": 0.2} | settings)
    return [learning_rate(step, num_steps, 1.0, recipe) for step in range(1, num_steps + 1)]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "wsd", "constant"])
def test_every_schedule_warms_up(schedule):
    assert rates(schedule=schedule)[:2] == pytest.approx([0.5, 1.0])


@pytest.mark.parametrize(("schedule", "middle"), [("cosine", 0.6), ("linear", 0.6), ("wsd", 1.0), ("constant", 1.0)])
def test_in_the_middle_and_at_the_end(schedule, middle):
    result = rates(schedule=schedule)
    assert result[10] == pytest.approx(middle)
    assert result[19] == pytest.approx(1.0 if schedule == "constant" else 0.2)
    assert result[1:] == sorted(result[1:], reverse=True)


def test_a_quarter_down_a_cosine():
    assert rates(22)[1 + 5] == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi / 4)) / 2)


def test_stable_until_the_decay():
    result = rates(schedule="wsd", decay_share=0.25)
    assert result[1:15] == [1.0] * 14
    assert result[15:] == pytest.approx([0.84, 0.68, 0.52, 0.36, 0.2])


@pytest.mark.parametrize("schedule", ["cosine", "linear", "wsd", "constant"])
def test_one_step_has_a_rate(schedule):
    assert rates(1, schedule=schedule) == [1.0]
    assert rates(2, schedule=schedule, warmup_share=0.9)[0] > 0


@pytest.mark.parametrize(("tuning", "rate"), [("lora", 5e-4), ("dora", 5e-4), ("qlora", 5e-4), ("full", 5e-5)])
def test_a_peak_that_nobody_named_follows_from_what_is_tuned(tuning, rate):
    assert TrainingRecipe().peak(ModelRecipe(tuning=tuning)) == rate
    assert TrainingRecipe(learning_rate=1e-3).peak(ModelRecipe(tuning=tuning)) == 1e-3
