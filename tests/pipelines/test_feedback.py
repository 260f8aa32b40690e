"""Feedback as data: exported with consent, read as a source, erased with a proof and a mark on what was made of it."""

import json
from pathlib import Path

import pytest

from yunque.core.errors import FeedbackError, SourceError
from yunque.core.nouns import Pair, Preference
from yunque.data.streams.events import Events
from yunque.data.streams.registry import read_stream
from yunque.feedback.events import Event, Level
from yunque.feedback.ledger import Ledger
from yunque.pipelines.feedback import EVENTS, FeedbackExport, FeedbackReport, erase
from yunque.store.artifacts import Store

NOW = 1.8e9


def event(number, reaction="accepted", **values):
    about = {"completion_id": f"cmpl-{number}", "happened_at": NOW + number, "language": "python", "path": "a.py"}
    texts = {"prompt": "def add(a, b):\n    return ", "completion": "a + b", "suffix": "\n"}
    return Event(**{"id": f"e-{number}-{reaction}", "reaction": reaction, **about, **texts, **values})


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(str(tmp_path / "events.sqlite"))
    for person, level in (("ada", Level.TEXT), ("bob", Level.TEXT), ("eve", Level.SHAPE)):
        ledger.agree(person, level)
    ledger.add([event(1, "shown"), event(1), event(2, "dismissed")], "ada", Level.TEXT)
    ledger.add([event(3), event(3, "survived", after_s=30, final_text="a + b + c")], "bob", Level.TEXT)
    ledger.add([event(4)], "eve", Level.TEXT)
    yield ledger
    ledger.close()


def test_an_export_is_a_source_of_what_was_kept_with_consent(ledger, tmp_path):
    artifact = FeedbackExport(ledger=ledger, out=tmp_path / "out").run()
    assert artifact.counts == {
        "events": 5,
        "people": 2,
        "reactions": {"shown": 1, "accepted": 2, "dismissed": 1, "survived": 1},
    }
    rows = [json.loads(line) for line in (artifact.path / EVENTS).read_text().splitlines()]
    assert len(rows) == 5 and not any("ada" in json.dumps(row) or "person" in row for row in rows)
    items = list(Events(artifact.path).read())
    assert [item.answer for item in items if type(item) is Pair] == ["a + b", "a + b + c"]
    wanted = [(item.answer, item.rejected, item.because) for item in items if isinstance(item, Preference)]
    assert wanted == [("a + b", "", "accepted"), ("", "a + b", "dismissed"), ("a + b + c", "a + b", "survived")]
    assert Events(artifact.path).identity["artifact"] == f"feedback-{artifact.id}"


def test_the_same_events_make_the_same_artifact_and_a_time_makes_another(ledger, tmp_path):
    first = FeedbackExport(ledger=ledger, out=tmp_path / "out").run()
    assert FeedbackExport(ledger=ledger, out=tmp_path / "out").run().id == first.id
    later = FeedbackExport(ledger=ledger, out=tmp_path / "out", since=NOW + 3).run()
    assert later.id != first.id and later.counts["people"] == 1


def test_without_consent_there_is_nothing_to_export(ledger, tmp_path):
    for person in ("ada", "bob"):
        ledger.agree(person, Level.SHAPE)
    with pytest.raises(FeedbackError, match="nothing happened to which people agree"):
        FeedbackExport(ledger=ledger, out=tmp_path / "out").run()
    assert not (tmp_path / "out").exists()


def test_an_erasure_marks_all_that_was_made_of_the_events(ledger, tmp_path):
    store = Store(tmp_path / "out")
    artifact = FeedbackExport(ledger=ledger, out=store.root).run()
    only_bob = FeedbackExport(ledger=ledger, out=store.root, since=NOW + 3).run()

    def build(folder):
        return read_stream(Events(artifact.path), folder)

    records = store.make("records", build, recipe={"source": Events(artifact.path).identity})[0]
    model = store.make("model", lambda folder: {}, parents=[records])[0]
    other = store.make("model", lambda folder: {}, recipe={"source": Events(only_bob.path).identity})[0]
    erasure, tainted = erase(ledger, "ada", [store.root])
    assert erasure.num_events == 3 and erasure.exports == [f"feedback-{artifact.id}"]
    assert {item.id for item in tainted} == {artifact.id, records.id, model.id}
    assert store.tainted().keys() == {f"feedback-{artifact.id}", f"records-{records.id}", f"model-{model.id}"}
    assert erasure.id in store.tainted()[f"model-{model.id}"] and other.id not in str(store.tainted())
    with pytest.raises(SourceError, match="holds events that were erased"):
        Events(artifact.path)
    assert Events(only_bob.path).identity  # it holds nothing of hers
    erased = erase(ledger, "bob", [store.root, tmp_path / "elsewhere"])[1]
    assert {item.id for item in erased} >= {only_bob.id, other.id}


def test_an_erasure_that_was_stopped_goes_on_where_it_was(ledger, tmp_path, monkeypatch):
    artifact = FeedbackExport(ledger=ledger, out=tmp_path / "out").run()
    store = Store(tmp_path / "out")
    with store.lock():  # a run that lasts for hours
        assert [item.id for item in erase(ledger, "ada", [store.root])[1]] == [artifact.id]
    (store.root / "tainted.json").unlink()
    assert [item.id for item in erase(ledger, "ada", [store.root])[1]] == [artifact.id]  # of the receipt
    assert f"feedback-{artifact.id}" in store.tainted() and len(ledger.erasures()) == 1


def test_an_artifact_that_comes_a_moment_later_is_marked_too(ledger, tmp_path):
    store = Store(tmp_path / "out")
    assert store.taint(["feedback-1"], "why") == []
    assert store.tainted() == {"feedback-1": "why"}
    late = store.make("records", lambda folder: {}, recipe={"source": {"artifact": "feedback-1"}})[0]
    model = store.make("model", lambda folder: {}, parents=[late])[0]
    assert store.tainted().keys() == {"feedback-1", f"records-{late.id}", f"model-{model.id}"}


def test_the_file_of_a_tainted_artifact_is_refused_as_its_folder_is(ledger, tmp_path):
    artifact = FeedbackExport(ledger=ledger, out=tmp_path / "out").run()
    assert Events(artifact.path / EVENTS).identity["artifact"] == f"feedback-{artifact.id}"
    erase(ledger, "ada", [tmp_path / "out"])
    with pytest.raises(SourceError, match="holds events that were erased"):
        Events(artifact.path / EVENTS)
    with pytest.raises(SourceError, match="no such file"):
        Events(Path("/proc"))


def test_nobody_is_erased_who_is_not_there(ledger, tmp_path):
    with pytest.raises(FeedbackError, match="nothing is kept of 'zoe'"):
        erase(ledger, "zoe", [tmp_path])


def test_a_killed_export_leaves_no_artifact_whose_people_are_not_known(ledger, tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "note_export", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        FeedbackExport(ledger=ledger, out=tmp_path / "out").run()
    assert Store(tmp_path / "out").all() == []


def test_a_report_writes_its_page(ledger, tmp_path):
    figures, page = FeedbackReport(ledger=ledger, out=tmp_path / "out").run()
    assert figures.whole.num_shown == 4 and page.read_text("utf-8").startswith("<!doctype html>")
