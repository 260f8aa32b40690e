"""`yunque feedback`, as a person meets it."""

import json
import os
import time
from functools import partial

import pytest

from yunque.feedback.events import Event, Level
from yunque.feedback.ledger import Ledger


@pytest.fixture
def call(forked, tmp_path):
    run = partial(forked.run, cwd=tmp_path, env={**os.environ, "YUNQUE_DATA": str(tmp_path / "data"), "COLUMNS": "100"})
    return lambda *arguments: run("feedback", *arguments)


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(str(tmp_path / "data" / "events.sqlite"))
    yield ledger
    ledger.close()


def test_where_nothing_was_kept_a_line_says_how_it_is(call, tmp_path):
    for verb in (["users"], ["report"], ["export"], ["erase", "--user", "ada"], ["prune", "--days", "1"]):
        done = call(*verb)
        assert done.returncode == 2 and "nothing was ever kept here; serve with --feedback" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_month_of_a_person(call, ledger, tmp_path):
    assert "no level 'txt'" in call("user", "ada", "--level", "txt").stderr
    done = call("user", "ada", "--level", "text", "--group", "backend")
    assert done.stdout.split()[0] == "text" and done.stdout.split()[-2:] == ["ada", "backend"]
    about = {"completion_id": "c1", "happened_at": time.time(), "model": "m", "language": "python", "chars": 5}
    events = [Event(id="e1", reaction="shown", prompt="x = ", completion="1 + 2", **about),
              Event(id="e2", reaction="accepted", kept_chars=5, **about)]  # fmt: skip
    assert ledger.add(events, "ada", Level.TEXT)[0] == 2
    assert json.loads(call("users", "--json").stdout) == [
        {"name": "ada", "level": "text", "group": "backend", "changed_at": ledger.people()[0].changed_at}
    ]
    report = call("report")
    assert (tmp_path / "yunque-out" / "feedback.html").is_file() and "100.0 %" in report.stdout
    figures = json.loads(call("report", "--json").stdout)
    assert figures["whole"]["num_shown"] == 1 and figures["slices"]["group"][0]["name"] == "backend"
    assert json.loads(call("report", "--json", "--until", "2001-01-01").stdout)["whole"]["num_shown"] == 0
    exported = call("export").stdout.splitlines()[-1]
    erased = call("erase", "--user", "ada")
    assert erased.stdout.startswith("2 events erased") and erased.stdout.rstrip().endswith(exported)
    again = call("erase", "--user", "ada")  # what was stopped goes on, and says the same
    assert again.stdout == erased.stdout and call("export").returncode == call("erase", "--user", "eve").returncode == 2
    assert call("users").stdout.strip() == "nobody has said anything"


def test_a_day_that_is_none_is_said_in_a_line(call, ledger):
    done = call("report", "--since", "yesterday")
    assert done.returncode == 2 and "'yesterday' is no day; write YYYY-MM-DD" in done.stderr
    assert call("prune", "--days", "30").stdout == "0 events deleted\n"


def test_a_database_that_cannot_be_is_a_line(call):
    done = call("users", "--events", "postgresql://u:hunter2@/x?host=/nowhere")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "hunter2" not in done.stderr
