"""A stream becomes tables, counts add up, and what comes twice or too early is told."""

import pytest

from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, Origin, Pair, PairKind, Record, content_id
from yunque.data.streams.registry import read_stream
from yunque.store.tables import read_table

ORIGIN = Origin(source="s", path="p", revision="", licence="CC-BY-SA-4.0", collected_at="", author="user 7")


def record(text):
    return Record(id=content_id(text), text=text, language="python", origin=ORIGIN)


def pair(*records):
    origins = tuple(one.id for one in records)
    return Pair(
        id="p", kind=PairKind.QUESTION, prompt="q", answer="a", span_bytes=None, language="python", natural_language="en",
        origin_ids=origins,
    )  # fmt: skip


class Items:
    name, identity = "items", {}

    def __init__(self, *items):
        self.items = items

    def read(self):
        yield from self.items


def test_every_item_is_in_one_table(tmp_path):
    one, two = record("a"), record("b")
    items = [one, Dropped(path="x", reason="no code"), two, pair(one, two), one]
    counts = read_stream(Items(*items), tmp_path)
    assert (counts["files"], counts["kept"], counts["dropped"]) == (4, 2, {"duplicate": 1, "no code": 1})
    assert counts["pairs"] == {"question": 1} and counts["licences"] == {"CC-BY-SA-4.0": 2}
    assert read_table(tmp_path / "records.parquet", Record) == [one, two]
    assert read_table(tmp_path / "pairs.parquet", Pair) == [pair(one, two)]
    assert [drop.reason for drop in read_table(tmp_path / "dropped.parquet", Dropped)] == ["no code", "duplicate"]


def test_a_pair_of_nothing_is_refused(tmp_path):
    with pytest.raises(SourceError, match="a pair came before its record"):
        read_stream(Items(pair(record("a"))), tmp_path)
    with pytest.raises(SourceError, match="there is nothing in it"):
        read_stream(Items(), tmp_path)
