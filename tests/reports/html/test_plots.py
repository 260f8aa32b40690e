from itertools import pairwise

import pytest

from yunque.reports.html import plots


@pytest.mark.parametrize(("low", "high"), [(1.15, 1.91), (0, 3e-4), (0, 1), (-5, 12), (2.0, 2.0), (0, 0), (1e-9, 4e7)])
def test_ticks_enclose_the_range_evenly(low, high):
    found = plots.ticks(low, high, 5)
    assert found[0] <= low and found[-1] >= high and 2 <= len(found) <= 12
    steps = [b - a for a, b in pairwise(found)]
    assert max(steps) == pytest.approx(min(steps))


def test_ticks_in_words_share_their_decimals():
    assert plots.tick_words([1.0, 1.2, 1.4]) == ["1.0", "1.2", "1.4"]
    assert plots.tick_words([0.0, 0.0002, 0.0004]) == ["0", "0.0002", "0.0004"]
    assert plots.tick_words([0.0, 2e-5]) == ["0", "2e−5"]


def test_a_long_curve_is_averaged_and_a_short_one_is_not():
    points = [(float(x), 2.0 * x) for x in range(1001)]
    thin = plots.thin(points, 100)
    assert len(thin) == 100 and all(y == pytest.approx(2 * x) for x, y in thin)
    assert plots.thin(points[:5], 100) == points[:5]
