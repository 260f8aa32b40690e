"""Signatures estimate the true similarity, bands find what they promise, and an independent MinHash finds the same pairs."""

import numpy as np
import pytest

from yunque.core.errors import RecipeError
from yunque.data.duplicates.minhash import Bands, band_keys, choose_bands, signatures

GOLDEN = [139372777, 34430648, 274765500, 1673855083]


def pair_of(similarity, size, draw):
    """Two sets of random hashes with exactly that Jaccard similarity, or the nearest there is, and what it is."""
    shared = round(2 * size * similarity / (1 + similarity))
    pool = draw.integers(0, 2**63, 2 * size - shared, dtype=np.uint64)
    return pool[:size], pool[size - shared :], shared / len(pool)


def signed(sets, num_hashes=128):
    bounds = np.concatenate(([0], np.cumsum([len(one) for one in sets])))
    return signatures(np.concatenate(sets), bounds, num_hashes)


@pytest.mark.parametrize("size", [1, 3, 40, 1000])
@pytest.mark.parametrize("similarity", [0.0, 0.3, 0.7, 0.95])
def test_signatures_agree_as_often_as_the_sets_are_alike(similarity, size):
    draw = np.random.default_rng(size)
    pairs = [pair_of(similarity, size, draw) for _ in range(100)]
    made = signed([one for first, second, _ in pairs for one in (first, second)])
    agree = (made[::2] == made[1::2]).mean()
    true = pairs[0][2]
    assert abs(agree - true) < 5 * (true * (1 - true) / (100 * 128)) ** 0.5 + 1e-9


def test_signatures_depend_on_the_set_alone():
    draw = np.random.default_rng(1)
    one, other = draw.integers(0, 2**63, 50, dtype=np.uint64), draw.integers(0, 2**63, 9, dtype=np.uint64)
    alone = signed([one])
    again = np.concatenate([one[::-1], one[:7]])
    assert (signed([other, again, other])[1] == alone[0]).all()
    assert signed([np.arange(10, dtype=np.uint64)], 4).tolist() == [GOLDEN]
    assert signatures(one[:0], np.zeros(1, dtype=np.int64), 128).shape == (0, 128)


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.8])
def test_bands_find_what_their_curve_says(similarity):
    bands, draw, num_pairs = choose_bands(0.7), np.random.default_rng(7), 1500
    sets = [one for _ in range(num_pairs) for one in pair_of(similarity, 300, draw)[:2]]
    keys = band_keys(signed(sets), bands)
    found = (keys[::2] == keys[1::2]).any(axis=1).mean()
    expected = bands.probability(similarity)
    assert abs(found - expected) < 5 * (expected * (1 - expected) / num_pairs) ** 0.5 + 0.003


def test_the_choice_is_the_steepest_curve_that_finds_enough():
    chosen = choose_bands(0.7, 128, 0.98)
    assert chosen == Bands(bands=25, rows=5)
    assert chosen.probability(0.7) >= 0.98 > Bands(bands=21, rows=6).probability(0.7)
    assert choose_bands(0.9, 128, 0.98).rows > 5 > choose_bands(0.5, 128, 0.98).rows
    assert chosen.probability(0.0) == 0.0 and chosen.probability(1.0) == 1.0
    assert "25 bands of 5 rows" in chosen.curve() and "0.70  0.9899" in chosen.curve()


def test_a_promise_that_cannot_be_kept_is_refused():
    with pytest.raises(RecipeError, match=r"8 hashes cannot find 0\.999 .* 0\.3"):
        choose_bands(0.3, 8, 0.999)


def test_equal_bands_have_equal_keys_and_others_do_not():
    bands = Bands(bands=3, rows=2)
    rows = np.array([[1, 2, 1, 2, 5, 6, 9], [1, 2, 2, 1, 5, 6, 8], [2, 1, 1, 2, 5, 7, 9]], dtype=np.uint32)
    keys = band_keys(rows, bands)
    assert (keys[0] == keys[1]).tolist() == [True, False, True]
    assert (keys[0] == keys[2]).tolist() == [False, True, False]
    assert keys[0, 0] != keys[0, 1]  # the same numbers in another band


def test_pairs_of_an_independent_minhash_are_found():
    datasketch = pytest.importorskip("datasketch", reason="datasketch is not available here")
    draw = np.random.default_rng(3)
    sets = [one for _ in range(300) for one in pair_of(float(draw.uniform(0.5, 1.0)), 200, draw)[:2]]
    theirs = []
    for one in sets:
        theirs.append(datasketch.MinHash(128, hashfunc=lambda number: int(number) & 0xFFFFFFFF))
        theirs[-1].update_batch(one.tolist())
    keys = band_keys(signed(sets), choose_bands(0.7))
    said = [at for at in range(300) if theirs[2 * at].jaccard(theirs[2 * at + 1]) >= 0.7]
    found = [at for at in said if (keys[2 * at] == keys[2 * at + 1]).any()]
    assert len(said) > 100 and len(found) >= 0.98 * len(said)
