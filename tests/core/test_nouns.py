"""Ids and seeds: stable, and different for what is different."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunque.core.nouns import Limits, Origin, Outcome, Record, content_id, seed_from

PARTS = st.lists(st.text(max_size=6) | st.binary(max_size=6), max_size=4)


def as_bytes(part: str | bytes) -> bytes:
    return part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part


def test_an_id_is_sixteen_hex_digits_and_never_changes():
    assert content_id("ab", "c") == "601d5476e2ccfe2c"
    assert content_id() == "e3b0c44298fc1c14"  # the SHA-256 of nothing


@pytest.mark.parametrize(
    ("one", "other"),
    [(("ab", "c"), ("a", "bc")), (("ab",), ("a", "b")), (("",), ()), (("a", ""), ("a",)), (("", "a"), ("a", ""))],
)
def test_where_one_part_ends_matters(one, other):
    assert content_id(*one) != content_id(*other)


@given(PARTS, PARTS)
def test_two_lists_share_an_id_only_when_their_bytes_are_equal(one, other):
    same = [as_bytes(part) for part in one] == [as_bytes(part) for part in other]
    assert (content_id(*one) == content_id(*other)) == same


def test_text_and_its_bytes_are_one_part_and_a_lone_surrogate_is_no_error():
    assert content_id("ñ") == content_id("ñ".encode())
    assert len(content_id("\ud800")) == 16
    assert content_id("\ud800") != content_id("\ud801")


def test_a_seed_is_the_same_in_every_process():
    asked = "from yunque.core.nouns import seed_from; print(seed_from('holes', 'record', 17))"
    seen = [
        subprocess.run(
            [sys.executable, "-c", asked], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": salt}
        )
        for salt in ("1", "2")
    ]
    assert [int(one.stdout) for one in seen] == [seed_from("holes", "record", 17)] * 2 == [4974154860779956016] * 2


def test_a_seed_fits_in_a_signed_64_bit_number_and_takes_numbers_as_their_digits():
    assert all(0 <= seed_from("x", number) < 1 << 63 for number in range(200))
    assert seed_from("x", 1) == seed_from("x", "1") != seed_from("x", 2)
    assert seed_from(1, 23) != seed_from(12, 3)


def test_nouns_are_frozen_and_keyword_only():
    origin = Origin(source="s", path="p", revision="r", licence="MIT", collected_at="")
    record = Record(id="1", text="x", language="python", origin=origin)
    with pytest.raises(AttributeError):
        record.text = "y"
    with pytest.raises(TypeError):
        Record("1", "x", "python", origin)


def test_an_outcome_is_its_word_and_a_limit_has_a_default():
    assert [outcome.value for outcome in Outcome] == ["pass", "fail", "skip", "error"]
    assert Limits().wall_s > 0
