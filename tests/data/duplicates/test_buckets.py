"""Records that share a band: against plain grouping, and with earlier records, in a few places each."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunque.data.duplicates.buckets import KEPT_PLACES, Buckets, Places

NUM_BANDS = 3
ROWS = st.lists(st.tuples(*[st.integers(0, 5)] * NUM_BANDS), max_size=20)


class Earlier:
    def __init__(self, rows, base):
        self.rows, self.base = np.array(rows, dtype=np.uint64).reshape(-1, NUM_BANDS), base

    def band(self, band):
        order = np.argsort(self.rows[:, band], kind="stable")
        return self.rows[order, band], order


def buckets_of(rows, *earlier):
    keys = np.array(rows, dtype=np.uint64).reshape(-1, NUM_BANDS)
    return Buckets(len(rows), lambda band: keys[:, band], NUM_BANDS, earlier)


@given(ROWS, ROWS, ROWS)
def test_a_record_finds_those_that_share_a_band_with_it(rows, first, second):
    old = [Earlier(first, 0), Earlier(second, len(first))]
    before = first + second
    buckets = buckets_of(rows, *old)
    for record, row in enumerate(rows):
        shares = defaultdict(int)
        for number, other in enumerate(before + rows[:record]):
            shares[number] += sum(one == two for one, two in zip(row, other, strict=True))
        expected = sorted((number for number in shares if shares[number]), key=lambda number: (-shares[number], number))
        mine = buckets.of(record)
        assert buckets.kept.of(mine).tolist() == expected
        buckets.kept.put(mine, len(before) + record)
    alone = [row for at, row in enumerate(rows) if not any(set(enumerate(row)) & set(enumerate(o)) for o in rows[:at])]
    assert len(buckets.shared()) <= len(rows) and len(alone) <= len(rows)
    assert all(len(buckets.of(record)) > 0 for record in buckets.shared().tolist())
    assert buckets.kept.crowded == 0


def test_records_that_share_nothing_have_no_bucket():
    buckets = buckets_of([(1, 2, 3), (2, 3, 1), (3, 1, 2)])
    assert buckets.num_buckets == 0 and buckets.shared().tolist() == [] and buckets.largest == 0
    assert buckets_of([]).num_buckets == 0


def test_a_crowd_keeps_its_first_places_and_counts_the_rest():
    buckets = buckets_of([(1, record, 100 + record) for record in range(100)])
    assert buckets.num_buckets == 1 and buckets.largest == 100
    for record in range(100):
        buckets.kept.put(buckets.of(record), record)
    assert buckets.kept.of(buckets.of(99)).tolist() == list(range(KEPT_PLACES))
    assert buckets.kept.crowded == 100 - KEPT_PLACES


def test_earlier_records_come_first_in_their_order_and_within_the_same_places():
    old = [Earlier([(1, 8, 8)] * 20, 0), Earlier([(1, 9, 9)] * 20, 20)]
    buckets = buckets_of([(1, 2, 3)], *old)
    assert buckets.kept.of(buckets.of(0)).tolist() == list(range(KEPT_PLACES))
    assert buckets.kept.crowded == 40 - KEPT_PLACES


@pytest.mark.parametrize("sizes", [[0, 2, 1], [3, 3, 3], [0, 0, 0]])
def test_groups_are_put_as_one_by_one(sizes):
    at_once, singly = Places(np.full(5, 2)), Places(np.full(5, 2))
    buckets, numbers = np.array([4, 0, 2]), np.arange(sum(sizes))
    for places in (at_once, singly):
        places.put(np.array([0, 1]), 77)
    at_once.put_groups(buckets, np.array(sizes), numbers)
    for bucket, number in zip(np.repeat(buckets, sizes).tolist(), numbers.tolist(), strict=True):
        singly.put(np.array([bucket]), number)
    for bucket in range(5):
        assert at_once.of(np.array([bucket])).tolist() == singly.of(np.array([bucket])).tolist()
    assert at_once.crowded == singly.crowded
