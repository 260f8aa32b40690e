"""The ledger, on SQLite and on Debian's PostgreSQL: consent, counting once, erasing, keeping time."""

import hashlib
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from yunque.core.errors import FeedbackError
from yunque.feedback.events import Event, Level, Reaction
from yunque.feedback.ledger import Ledger

NOW = 1.8e9


def event(number, reaction="shown", *, completion="", **values):
    about = {
        "completion_id": completion or f"cmpl-{number}",
        "happened_at": NOW + number,
        "chars": 10,
        "completion": "secret",
    }
    return Event(**{"id": f"e-{number}", "reaction": reaction, **about, **values})


def test_without_consent_there_is_no_row(ledger):
    assert ledger.add([event(1)], "ada", Level.TEXT) == (0, Level.OFF)
    assert ledger.num_events() == 0 and list(ledger.completions()) == []


@pytest.mark.parametrize("most", list(Level))
@pytest.mark.parametrize("agreed", list(Level))
def test_what_is_kept_is_what_the_person_agreed_to_at_most_what_the_server_wants(ledger, agreed, most):
    ledger.agree("ada", agreed)
    level = min(agreed, most)
    assert ledger.add([event(1)], "ada", most) == (int(level > 0), level)
    kept = list(ledger.completions())
    assert [item.chars for item in kept] == {0: [], 1: [0], 2: [10], 3: [10]}[level]
    assert [text["completion"] for _, text in ledger.texts()] == (["secret"] if level is Level.TEXT else [])


def test_the_same_report_twice_counts_once(ledger):
    ledger.agree("ada", Level.SHAPE)
    assert ledger.add([event(1), event(2)], "ada", Level.TEXT)[0] == 2
    assert ledger.add([event(1), event(2), event(3)], "ada", Level.TEXT)[0] == 1
    assert ledger.add([event(4), event(4)], "ada", Level.TEXT)[0] == 1
    assert ledger.num_events() == 4
    assert ledger.add([], "ada", Level.TEXT) == (0, Level.SHAPE)


def test_a_consent_that_is_taken_back_stops_events_and_exports(ledger):
    ledger.agree("ada", Level.TEXT)
    ledger.add([event(1)], "ada", Level.TEXT)
    ledger.agree("ada", Level.COUNTS)
    ledger.add([event(2)], "ada", Level.TEXT)
    assert ledger.consent("ada") is Level.COUNTS
    assert list(ledger.texts()) == [] and ledger.num_events() == 2
    ledger.agree("ada", Level.TEXT)
    assert [text["completion_id"] for _, text in ledger.texts()] == ["cmpl-1"]


def test_all_events_of_a_completion_are_put_together(ledger):
    ledger.agree("ada", Level.TEXT)
    ledger.put_in_group("ada", "backend")
    about = {"completion": "cmpl-1", "model": "m", "language": "python"}
    events = [
        event(1, latency_ms=80.0, **about),
        event(2, "accepted", kept_chars=10, **about),
        event(3, "survived", after_s=30, kept_chars=9, **about),
        event(4, "survived", after_s=90, kept_chars=0, **about),
        event(5, completion="cmpl-2", model="m"),
        event(6, "dismissed", completion="cmpl-2", seen_ms=900),
        event(7, "partly accepted", completion="cmpl-3", kept_chars=4),
    ]
    ledger.add(events[3:], "ada", Level.TEXT)
    ledger.add(events[:3], "ada", Level.TEXT)  # in whatever order they come
    taken, dismissed, partly = ledger.completions()
    assert (taken.person, taken.group, taken.model, taken.language) == ("ada", "backend", "m", "python")
    assert (taken.chars, taken.kept_chars, taken.latency_ms, taken.at_s) == (10, 10, 80.0, NOW + 1)
    assert taken.survived == {30: 9, 90: 0} and taken.is_taken
    assert taken.reactions == {Reaction.SHOWN, Reaction.ACCEPTED, Reaction.SURVIVED}
    assert not dismissed.is_taken and dismissed.survived == {} and dismissed.kept_chars == 0
    assert partly.is_taken and partly.kept_chars == 4
    assert [item.completion_id for item in ledger.completions(since=NOW + 6.5)] == ["cmpl-3"]


def test_texts_come_with_one_event_of_a_completion_and_are_given_with_all(ledger):
    ledger.agree("ada", Level.TEXT)
    first = event(1, prompt="def f(", suffix=")\n", path="a.py", language="python")
    ledger.add([first, event(2, "edited", completion="cmpl-1", final_text="secrets") .model_copy(update={"completion": ""})],
               "ada", Level.TEXT)  # fmt: skip
    (_, shown), (person, edited) = ledger.texts()
    assert person == "ada" and edited["reaction"] == "edited" and edited["consent"] is True
    assert (edited["prompt"], edited["completion"], edited["suffix"], edited["path"]) == ("def f(", "secret", ")\n", "a.py")
    assert edited["final_text"] == "secrets" and shown["final_text"] == ""


def test_an_erasure_leaves_a_receipt_and_nothing_else(ledger, database, tmp_path):
    for person in ("ada", "bob"):
        ledger.agree(person, Level.TEXT)
    ledger.add([event(1, prompt="x-erase-me-x"), event(2, "accepted", completion="cmpl-1")], "ada", Level.TEXT)
    ledger.add([event(3)], "bob", Level.TEXT)
    ledger.note_export("feedback-1", {"ada": 2, "bob": 1})
    ledger.note_export("feedback-2", {"bob": 1})
    erasure = ledger.erase("ada")
    assert (erasure.num_events, erasure.reactions) == (2, {"shown": 1, "accepted": 1})
    assert (erasure.first_at, erasure.last_at, erasure.exports) == (NOW + 1, NOW + 2, ["feedback-1"])
    assert erasure.events_sha256 == hashlib.sha256(b"e-1\ne-2\n").hexdigest()
    assert erasure.person_sha256 == hashlib.sha256(b"ada").hexdigest()
    assert [item.completion_id for item in ledger.completions()] == ["cmpl-3"]
    assert ledger.consent("ada") is Level.OFF and [person.name for person in ledger.people()] == ["bob"]
    assert ledger.erasures() == [erasure]
    assert ledger.add([event(4)], "ada", Level.TEXT) == (0, Level.OFF)
    again = ledger.erase("ada")
    assert (again.num_events, again.first_at, again.exports) == (0, None, [])
    ledger.forget_deleted()
    if database.startswith("sqlite"):
        left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"cmpl-3" in left and b"x-erase-me-x" not in left


def test_what_is_deleted_is_not_said_to_be_gone_while_somebody_reads_it(tmp_path):
    ledger = Ledger(str(tmp_path / "events.sqlite"))
    ledger.agree("ada", Level.TEXT)
    ledger.add([event(1, prompt="x-erase-me-x")], "ada", Level.TEXT)
    reading = ledger.completions()
    next(reading)  # a report that goes on
    ledger.erase("ada")
    with pytest.raises(FeedbackError, match=r"somebody still reads|database is locked"):
        ledger.forget_deleted()
    reading.close()
    ledger.forget_deleted()
    assert b"x-erase-me-x" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    ledger.close()


def test_no_artifact_comes_to_be_of_whoever_left_meanwhile(ledger):
    ledger.agree("ada", Level.TEXT)
    ledger.erase("ada")
    with pytest.raises(FeedbackError, match="took their consent back meanwhile"):
        ledger.note_export("feedback-1", {"ada": 1})
    assert ledger.erase("ada").exports == []


def test_the_texts_of_a_completion_are_those_of_one_event(ledger):
    ledger.agree("ada", Level.TEXT)
    first = event(1, prompt="x = ", path="a.py")
    late = event(2, completion="cmpl-1").model_copy(update={"prompt": "x = f(", "completion": "f(a)", "path": "b.py"})
    first = first.model_copy(update={"completion_id": "cmpl-1", "completion": "f(a)"})
    ledger.add([first, late], "ada", Level.TEXT)
    assert {(text["prompt"], text["completion"], text["path"]) for _, text in ledger.texts()} == {("x = ", "f(a)", "a.py")}


def test_nobody_else_on_the_machine_reads_the_file(tmp_path):
    ledger = Ledger(str(tmp_path / "events.sqlite"))
    ledger.agree("ada", Level.TEXT)
    assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("events.sqlite*")} == {0}
    ledger.close()


def test_what_is_old_is_deleted(ledger):
    ledger.agree("ada", Level.COUNTS)
    ledger.add([event(number) for number in range(10)], "ada", Level.TEXT)
    assert ledger.prune(before=NOW + 4) == 4
    assert [item.completion_id for item in ledger.completions()] == [f"cmpl-{number}" for number in range(4, 10)]


def test_texts_that_a_database_would_refuse_are_stored(ledger):
    ledger.agree("ada", Level.TEXT)
    ledger.add([event(1, prompt="a\0b 😀", path="'; DROP TABLE events; --")], "ada", Level.TEXT)
    ((_, text),) = ledger.texts()
    assert text["prompt"] == "a\ufffdb 😀" and text["path"].startswith("'; DROP")


def test_many_write_together_and_nothing_is_lost_or_counted_twice(ledger, database):
    ledger.agree("ada", Level.SHAPE)
    stored = []

    def report(client):
        own = Ledger(database)
        for number in range(20):
            both = [event(client * 100 + number), event(9000 + number)]  # the second one is everybody's
            stored.append(own.add(both, "ada", Level.TEXT)[0])
        own.close()

    threads = [threading.Thread(target=report, args=(client,)) for client in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.num_events() == sum(stored) == 6 * 20 + 20


def test_servers_that_start_together_make_the_tables_once(database):
    errors = []

    def start():
        try:
            Ledger(database).close()
        except FeedbackError as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    ledger = Ledger(database)
    assert ledger.num_events() == 0
    ledger.close()


def test_tables_of_a_newer_version_are_refused_in_a_line(ledger, database):
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(FeedbackError, match="9999, which is newer than this yunque; update yunque"):
        Ledger(database)


def test_migrations_make_the_tables_that_are_used(ledger, database):
    from yunque.feedback.tables import METADATA

    engine = sa.create_engine(database)
    inspector = sa.inspect(engine)
    for table in METADATA.sorted_tables:
        assert {column["name"] for column in inspector.get_columns(table.name)} == set(table.columns.keys())
    engine.dispose()


def test_a_database_that_cannot_be_is_refused_in_a_line(tmp_path):
    (tmp_path / "file").write_text("not a database, but long enough to be read as a header of one")
    (tmp_path / "folder").mkdir()
    for url, words in [
        ("mysql://u:p@h/d", "cannot be a mysql database"), ("nonsense://", "cannot be a nonsense"),
        ("postgresql://h:port/d", "no URL of a database"),
        (str(tmp_path / "file"), "file is not a database"), (str(tmp_path / "folder"), "Is a directory"),
        ("postgresql://ada:hunter2@/x?host=/nowhere", "does not answer"),
    ]:  # fmt: skip
        with pytest.raises(FeedbackError, match=words) as caught:
            Ledger(url)
        assert "hunter2" not in caught.value.line() and "\n" not in caught.value.line()


def test_what_was_acknowledged_survives_a_killed_postgres(postgres, request):
    url = postgres.url
    ledger = Ledger(url)
    ledger.erase("kim")
    ledger.agree("kim", Level.SHAPE)
    stored, failed = 0, 0
    for number in range(60):
        if number in (20, 40):
            postgres.kill()
        for _ in range(200):
            try:
                stored += ledger.add([event(50_000 + number)], "kim", Level.TEXT)[0]
                break
            except FeedbackError:
                failed += 1
                if postgres._process.poll() is not None:
                    postgres.start()
                time.sleep(0.05)
    kept = [item for item in ledger.completions() if item.person == "kim"]
    ledger.close()
    assert len(kept) == 60 and failed >= 2


def test_a_path_is_an_sqlite_file(tmp_path):
    Ledger(str(tmp_path / "deep" / "events.sqlite")).close()
    assert Path(tmp_path / "deep" / "events.sqlite").is_file()
