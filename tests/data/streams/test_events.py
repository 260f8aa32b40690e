"""Events: only what was kept, with consent, is learned from; every other row has its reason."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, Pair, PairKind, Preference, Record
from yunque.core.seams import Stream
from yunque.data.pairs.make import reassemble
from yunque.data.streams.events import EventRules, Events


def event(reaction: str, completion: str = "1", **values) -> dict:
    rest = {
        "consent": True,
        "prompt": "def añadir(a, b):\n    ",
        "completion": "return a + b",
        "suffix": "\n",
        "language": "python",
    }
    return {"completion_id": completion, "reaction": reaction} | rest | values


def write(folder: Path, *rows: dict | bytes) -> Path:
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows))
    return path


def read(path: Path, rules: EventRules = EventRules()) -> tuple[list[Pair], dict[int, str]]:
    """Pairs, and the reason of each row by its number; every row that went in came out."""
    items = list(Events(path, rules).read())
    records, pairs = ([one for one in items if type(one) is kind] for kind in (Record, Pair))
    dropped = [one for one in items if isinstance(one, Dropped)]
    assert len(records) == len(pairs) and all("\n" not in one.detail for one in dropped)
    for record, pair in zip(records, pairs, strict=True):
        assert reassemble(record.text, pair) == record.text and pair.origin_ids == (record.id,)
    return pairs, {int(one.path.partition("#")[2]): one.reason for one in dropped}


def test_an_accepted_completion_is_a_pair(tmp_path):
    path = write(tmp_path, event("shown"), event("accepted", path="src/a.py"))
    assert isinstance(Events(path), Stream)
    pairs, dropped = read(path, EventRules(licence="MIT"))
    assert (pairs[0].answer, pairs[0].kind, pairs[0].suffix, dropped) == ("return a + b", PairKind.FIM, "\n", {1: "shown"})
    record = next(one for one in Events(path, EventRules(licence="MIT")).read() if isinstance(one, Record))
    assert (record.origin.path, record.origin.licence, record.language) == ("src/a.py", "MIT", "python")
    assert record.text == "def añadir(a, b):\n    return a + b\n"


def preferences(path, rules=EventRules()):
    """(wanted, not wanted, why, how many records it names) of each."""
    items = [item for item in Events(path, rules).read() if isinstance(item, Preference)]
    assert all(item.prompt.startswith("def añadir") and item.suffix == "\n" for item in items)
    return [(item.answer, item.rejected, item.because, len(item.origin_ids)) for item in items]


def test_what_people_wanted_and_what_not_is_a_preference(tmp_path):
    path = write(
        tmp_path,
        event("accepted", "1"),
        event("dismissed", "2"),
        event("edited", "3", final_text="return a + b  # sum"),
        event("accepted", "4"),
        event("survived", "4", final_text="return a + b"),
        event("edited", "5", final_text="raise NotImplementedError"),
        event("shown", "6"),
        event("dismissed", "7", consent=False),
        event("dismissed", "8", prompt="x" * 9000),
    )
    assert preferences(path) == [
        ("return a + b", "", "accepted", 1),
        ("", "return a + b", "dismissed", 0),
        ("return a + b  # sum", "return a + b", "edited", 1),
        ("return a + b", "", "accepted", 1),
    ]
    ids = [item.id for item in Events(path).read() if isinstance(item, Preference)]
    assert len(set(ids)) == 4


def test_what_decides_nothing_changes_nothing(tmp_path):
    pairs, dropped = read(write(tmp_path, event("accepted"), event("shown"), event("partly accepted")))
    assert len(pairs) == 1 and dropped == {2: "shown", 3: "partly accepted"}


def test_what_was_edited_and_kept_is_learned_as_it_stands(tmp_path):
    rows = [
        event("accepted"),
        event("edited", final_text="return int(a + b)"),
        event("survived", "2", final_text="return a + b"),
    ]
    pairs, dropped = read(write(tmp_path, *rows))
    assert [pair.answer for pair in pairs] == ["return int(a + b)", "return a + b"] and dropped == {1: "superseded"}


@pytest.mark.parametrize(
    ("rows", "reasons"),
    [
        ([event("shown")], ["shown"]),
        ([event("dismissed")], ["dismissed"]),
        ([event("partly_accepted")], ["partly accepted"]),
        ([event("accepted"), event("dismissed")], ["superseded", "dismissed"]),
        ([event("accepted", consent=False)], ["no consent"]),
        ([event("accepted", consent="yes")], ["no consent"]),
        ([event("accepted", consent=1)], ["no consent"]),
        ([event("accepted"), event("shown", consent=False)], ["no consent", "no consent"]),
        ([event("edited", final_text="  \n")], ["not kept"]),
        ([event("accepted"), event("edited")], ["superseded", "not kept"]),
        ([event("edited", final_text="raise NotImplementedError(name)  # later")], ["not kept"]),
        ([event("accepted", completion_text="", **{"prompt": "x" * 9000})], ["too large"]),
        ([event("accepted") | {"completion": " "}], ["empty"]),
        ([event("accepted") | {"completion": "x" * 4000}], ["too large"]),
    ],
)
def test_nothing_else_is_learned(tmp_path, rows, reasons):
    pairs, dropped = read(write(tmp_path, *rows))
    assert not pairs and [dropped[number] for number in sorted(dropped)] == reasons


def test_broken_rows_have_their_number(tmp_path):
    rows = {
        "broken row": [
            b"{\n",
            b"[]\n",
            b"[" * 100_000 + b"\n",
            {},
            event("liked"),
            event("accepted", prompt=3),
            event(["x"]),
        ],
        "encoding": [b'{"a": "\xff"}\n', json.dumps(event("accepted", suffix="\ud800")).encode() + b"\n"],
        "too large": [event("accepted", suffix="x" * 300_000)],
    }
    listed = [row for some in rows.values() for row in some]
    pairs, dropped = read(
        write(tmp_path, event("accepted", "a"), *listed, event("accepted", "b")), EventRules(max_row_bytes=200_000)
    )
    assert len(pairs) == 2 and Counter(dropped.values()) == {reason: len(some) for reason, some in rows.items()}
    told = next(one for one in Events(write(tmp_path, event("acepted"))).read())
    assert "did you mean 'accepted'" in told.detail


def database(path: Path, rows: list[dict], table: str = "events", leave_out: str = "") -> Path:
    columns = [name for name in [*rows[0], "final_text"] if name != leave_out]
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"CREATE TABLE {table} ({', '.join(columns)}, note)")
        for row in rows:
            values = [row.get(name) for name in columns]
            file.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", values)
        file.commit()
    return path


def test_a_database_says_the_same(tmp_path):
    rows = [
        event("accepted"),
        event("edited", final_text="return b + a"),
        event("accepted", "2", consent=False),
        event("shown", "3"),
    ]
    path = database(tmp_path / "events.sqlite", rows)
    (one, reasons), (other, same) = read(path), read(write(tmp_path, *rows))
    assert [pair.answer for pair in one] == [pair.answer for pair in other] == ["return b + a"] and reasons == same
    before = path.read_bytes()
    pairs, _ = read(path)
    assert (
        len(pairs) == 1 and path.read_bytes() == before and sorted(os.listdir(tmp_path)) == ["events.jsonl", "events.sqlite"]
    )


def test_a_database_that_is_being_written_is_read_with_its_journal(tmp_path):
    path = database(tmp_path / "events.sqlite", [event("accepted")])
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        before = Events(path).identity
        again = "reaction, consent, prompt, completion, suffix, language, '', ''"
        writer.execute(f"INSERT INTO events SELECT 'another', {again} FROM events")
        writer.commit()
        assert Events(path).identity != before and len(read(path)[0]) == 2


def test_a_view_is_not_read(tmp_path):
    path = database(tmp_path / "events.sqlite", [event("accepted")], table="things")
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE VIEW events AS SELECT * FROM things")
    with pytest.raises(SourceError, match="no table events"):
        list(Events(path).read())


def test_a_database_with_bytes_that_are_no_text(tmp_path):
    rows = [event("accepted", prompt=b"\xff"), event("accepted", "2"), event("accepted", "3", consent=2)]
    pairs, dropped = read(database(tmp_path / "events.sqlite", rows))
    assert len(pairs) == 1 and dropped == {1: "broken row", 3: "no consent"}


def test_what_holds_no_events_is_one_line(tmp_path):
    other = database(tmp_path / "other.sqlite", [event("accepted")], table="things")
    short = database(tmp_path / "short.sqlite", [event("accepted")], leave_out="consent")
    cut = tmp_path / "cut.sqlite"
    cut.write_bytes(other.read_bytes()[:100] + b"\xff" * 5000)
    for path, told in ((other, "no table events"), (short, "no column consent"), (cut, "cannot be read as events")):
        with pytest.raises(SourceError, match=told) as error:
            list(Events(path).read())
        assert "\n" not in error.value.line()
    with pytest.raises(SourceError, match="no such file"):
        Events(tmp_path)


def test_identity_is_bytes_and_rules_and_nothing_is_left(tmp_path, monkeypatch):
    path = write(tmp_path, event("accepted"))
    told = Events(path).identity
    assert Events(path, EventRules(min_kept=0.6)).identity != told and str(tmp_path) not in json.dumps(told)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    reading = Events(path).read()
    next(reading)
    assert os.listdir(tmp_path / "scratch")
    reading.close()
    assert not os.listdir(tmp_path / "scratch")
    write(tmp_path, event("shown"))
    assert Events(path).identity != told
