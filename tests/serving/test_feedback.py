"""Feedback at the gateway: consent, redaction, counting once, and a database that is gone."""

import json
import sqlite3
import time

import httpx2
import pytest

from yunque.core.errors import FeedbackError, ServingError
from yunque.feedback.events import Level
from yunque.feedback.ledger import Ledger
from yunque.serving.feedback import Feedback
from yunque.serving.serve import open_feedback
from yunque.serving.tokens import Tokens

KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(str(tmp_path / "events.sqlite"))


@pytest.fixture
def keeping(gateway, ledger):
    """A client of a server that keeps events, whose person agreed to a level."""

    def start(level="text", most=Level.TEXT, **settings):
        client = gateway(feedback=Feedback(ledger=ledger, most=most, salt="salt", **settings))
        assert client.put("/v1/feedback", json={"level": level}).status_code == 200
        return client

    return start


def event(number=1, reaction="shown", **values):
    about = {"id": f"e-{number}-{reaction}", "completion_id": f"cmpl-{number}", "reaction": reaction}
    return about | {"happened_at": time.time(), **values}


def send(client, *events):
    return client.post("/v1/events", json={"events": list(events)}).json()


def test_nothing_is_kept_unless_the_server_is_told_to(gateway):
    client = gateway()
    assert client.get("/v1/feedback").json() == {"agreed": "off", "most": "off", "level": "off"}
    assert send(client, event()) == {"stored": 0, "known": 0, "level": "off", "refused": []}
    refusal = client.put("/v1/feedback", json={"level": "text"})
    assert refusal.status_code == 400 and "without --feedback" in refusal.json()["error"]["message"]
    assert client.put("/v1/feedback", json={"level": "off"}).status_code == 200
    assert client.get("/v1/feedback/summary").json() == {"level": "off", "days": []}


def test_nothing_is_kept_of_whoever_agreed_to_nothing(gateway, ledger):
    client = gateway(feedback=Feedback(ledger=ledger, most=Level.TEXT, salt="salt"))
    assert client.get("/v1/feedback").json() == {"agreed": "off", "most": "text", "level": "off"}
    assert send(client, event()) == {"stored": 0, "known": 0, "level": "off", "refused": []}
    assert ledger.num_events() == 0


def test_events_are_kept_at_the_level_of_each_person(gateway, ledger, tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    given = {name: tokens.add(name) for name in ("ada", "bob", "eve")}
    url = str(gateway(tokens=tokens, feedback=Feedback(ledger=ledger, most=Level.TEXT, salt="s")).base_url)
    clients = {
        name: httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) for name, token in given.items()
    }
    for name, level in (("ada", "text"), ("bob", "counts")):
        clients[name].put("/v1/feedback", json={"level": level})
    for number, client in enumerate(clients.values()):
        send(client, event(number, completion="x = 1", chars=5))
        client.close()
    assert [(item.person, item.chars) for item in ledger.completions()] == [("ada", 5), ("bob", 0)]
    assert [(person, text["completion"]) for person, text in ledger.texts()] == [("ada", "x = 1")]
    assert httpx2.get(f"{url}/v1/feedback").status_code == httpx2.put(f"{url}/v1/feedback").status_code == 401
    assert httpx2.post(f"{url}/v1/events", json={"events": []}).status_code == 401


def test_the_same_report_twice_counts_once_and_a_bad_event_is_refused_alone(keeping, ledger):
    client = keeping("shape")
    good, bad = event(1), event(2, reaction="loved")
    assert send(client, good, bad) == {
        "stored": 1, "known": 0, "level": "shape",
        "refused": [{"index": 1, "message": send(client, bad)["refused"][0]["message"]}],
    }  # fmt: skip
    assert "reaction: Input should be 'shown'" in send(client, bad)["refused"][0]["message"]
    assert send(client, good, event(3)) == {"stored": 1, "known": 1, "level": "shape", "refused": []}
    assert ledger.num_events() == 2
    assert client.post("/v1/events", json={"events": [event(n) for n in range(501)]}).status_code == 400
    assert "yunque_events_total 2.0" in client.get("/metrics").text


def test_secrets_and_personal_data_never_reach_the_file(keeping, ledger, tmp_path):
    client = keeping("text")
    texts = {"prompt": f'KEY = "{KEY}"\nmail = "', "completion": 'ada.byron@adatum.net"', "suffix": "\n# done\n"}
    events = [
        event(1, path="/home/abyron/pay.py", language="python", **texts),
        event(1, "edited", final_text='to = "grace.hopper@adatum.net"', **texts),
        event(2, prompt='KEY = "ghp_a1B2c3D4e5F6g7', completion="H8i9J0k1L2m3N4o5P6q7R8", suffix='"\n'),
    ]
    assert send(client, *events)["stored"] == 3
    kept = [text for _, text in ledger.texts()]
    assert [text["reaction"] for text in kept] == ["shown", "edited"]  # of the third only together it is a key
    assert "REDACTED_GITHUB_PAT" in kept[0]["prompt"] and "@example.com" in kept[0]["completion"]
    written = b"".join(path.read_bytes() for path in tmp_path.glob("events.sqlite*"))
    for secret in (KEY, "a1B2c3D4", "ada.byron", "grace.hopper", "abyron"):
        assert secret.encode() not in written
    assert ledger.num_events() == 3


def test_what_was_not_looked_through_is_not_kept_by_a_consent_that_came_a_moment_later(keeping, ledger, monkeypatch):
    client = keeping("shape")
    real = ledger.consent

    def then_more(person):
        before = real(person)
        ledger.agree(person, Level.TEXT)
        return before

    monkeypatch.setattr(ledger, "consent", then_more)
    assert send(client, event(1, completion=f'key = "{KEY}"'))["level"] == "shape"
    assert list(ledger.texts()) == []


def test_what_stands_there_in_the_end_is_looked_at_with_what_stands_before_it(keeping, ledger):
    client = keeping("text")
    texts = {"prompt": "db_password = ", "completion": '"changeme"', "suffix": "\n"}
    secret = '"Tr0ub4dor&3xQz9!"'
    send(client, event(1, **texts), event(1, "edited", final_text=secret), event(2, "edited", final_text=secret, **texts))
    assert [text["final_text"] for _, text in ledger.texts()] == ["", ""]


def test_where_nobody_can_look_for_secrets_no_text_is_kept(keeping, ledger, monkeypatch):
    client = keeping("text")
    monkeypatch.setattr("yunque.checks.privacy.secrets.Secrets.judge", _cannot_look)
    assert send(client, event(1, completion="x = 1", chars=5))["stored"] == 1
    assert list(ledger.texts()) == [] and [item.chars for item in ledger.completions()] == [5]


def _cannot_look(self, record):
    from yunque.core.nouns import Outcome, Verdict

    return Verdict(check=self.name, outcome=Outcome.ERROR, detail="broken")


def test_an_answer_brings_what_an_editor_reports_with_an_event(gateway):
    body = {"prompt": "def add(a, b):\n    return", "suffix": "\n", "temperature": 0.5, "max_tokens": 9}
    about = gateway().post("/v1/completions", json=body).json()["yunque"]
    assert about["engine"] == "scripted" and about["took_ms"] > 0
    assert about["settings"] == {"max_tokens": 9, "temperature": 0.5, "style": "fim"}


def test_a_database_that_is_gone_acknowledges_nothing_and_says_when_to_come_again(keeping, ledger, monkeypatch):
    client = keeping("shape")
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "add", _gone)
        answer = client.post("/v1/events", json={"events": [event()]})
        assert answer.status_code == 503 and answer.headers["retry-after"] == "2"
        assert "secret-host" not in answer.text
        patch.setattr(ledger, "consent", _gone)
        assert client.get("/v1/feedback").status_code == 503
    assert send(client, event())["stored"] == 1


def _gone(*_):
    raise FeedbackError("does not answer (no route to secret-host)", where="postgresql://secret-host/x")


def test_the_summary_adds_up_over_days(keeping, ledger):
    client = keeping("shape")
    day = 86400
    now = time.time()
    send(client, event(1, chars=10, happened_at=now), event(1, "accepted", kept_chars=10, happened_at=now),
         event(2, chars=30, happened_at=now - day), event(2, "dismissed", happened_at=now - day),
         event(3, chars=7, happened_at=now - 40 * day))  # fmt: skip
    days = client.get("/v1/feedback/summary", params={"days": 3}).json()["days"]
    assert [(row["shown"], row["taken"], row["dismissed"]) for row in days] == [(0, 0, 0), (1, 0, 1), (1, 1, 0)]
    assert (days[2]["chars"], days[2]["kept_chars"]) == (10, 10) and len(days[0]["day"]) == 10
    assert client.get("/v1/feedback/summary", params={"days": 0}).status_code == 400


def test_what_is_older_than_it_may_be_kept_goes_by_itself(gateway, ledger):
    ledger.agree("local", Level.COUNTS)
    from yunque.feedback.events import Event

    old, new = (Event(**event(number, happened_at=time.time() - days * 86400)) for number, days in ((1, 31), (2, 29)))
    ledger.add([old, new], "local", Level.COUNTS)
    client = gateway(feedback=Feedback(ledger=ledger, most=Level.TEXT, keep_days=30))
    for _ in range(100):
        if ledger.num_events() == 1:
            break
        time.sleep(0.02)
    assert [item.completion_id for item in ledger.completions()] == ["cmpl-2"] and client.get("/healthz").is_success


def test_a_clock_that_is_ahead_is_put_right(keeping, ledger):
    send(keeping("counts"), event(1, happened_at=time.time() + 1e6))
    assert next(ledger.completions()).at_s < time.time() + 100


def test_no_text_of_an_event_is_in_an_error(keeping):
    client = keeping("text")
    answer = client.post("/v1/events", json={"events": [event(1, completion=["my secret text"])]})
    assert "my secret text" not in answer.text
    answer = client.post("/v1/events", content=json.dumps({"events": [event(1, completion="\ud800")]}),
                         headers={"Content-Type": "application/json"})  # fmt: skip
    assert answer.json()["refused"][0]["message"].startswith("completion:")


def test_a_server_opens_its_database_only_where_it_is_asked_to(tmp_path, monkeypatch):
    monkeypatch.setenv("YUNQUE_DATA", str(tmp_path / "data"))
    assert open_feedback("off", "", 10).ledger is None and not (tmp_path / "data").exists()
    kept = open_feedback("shape", "", 10)
    assert kept.most is Level.SHAPE and sqlite3.connect(tmp_path / "data" / "events.sqlite").execute("SELECT 1 FROM events")
    assert open_feedback("text", "", 10).salt == kept.salt != ""
    with pytest.raises(ServingError, match=r"no level 'txt'.*text"):
        open_feedback("txt", "", 10)
    with pytest.raises(FeedbackError, match="sqlite or postgresql"):
        open_feedback("text", "mysql://x/y", 10)
