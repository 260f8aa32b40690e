"""A spike is far above what came before it, whatever the noise; a calm run may still move."""

import math

import pytest

from yunque.training.watchdog import FEWEST, refuses

CALM = [1.5 + 0.01 * (step % 5) for step in range(40)]
NOISY = [1.5 + 0.3 * math.sin(7 * step) for step in range(40)]


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)])
def test_what_is_no_number_never_stands(loss, norm):
    assert "is not a number" in refuses(loss, norm, [], 8.0)


@pytest.mark.parametrize("before", [CALM, NOISY])
def test_a_spike(before):
    assert refuses(12.0, 1.0, before, 8.0).startswith("the loss rose from 1.5")


@pytest.mark.parametrize(("before", "loss"), [(CALM, 1.9), (NOISY, 2.6), (CALM, 0.1)])
def test_no_spike(before, loss):
    assert refuses(loss, 1.0, before, 8.0) == ""


def test_the_first_steps_have_nothing_to_be_compared_with():
    assert refuses(12.0, 1.0, CALM[: FEWEST - 1], 8.0) == ""
    assert refuses(12.0, 1.0, CALM[:FEWEST], 8.0)


def test_the_distant_past_does_not_count():
    assert refuses(3.0, 1.0, [3.0] * 100 + CALM, 8.0)
    assert not refuses(3.0, 1.0, CALM + [3.0] * 100, 8.0)
