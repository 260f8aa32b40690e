"""Tasks over HTTP: verified answers wait their turn, and end with whoever asked."""

import threading
import time

import httpx2
import pytest

from yunque.inference.scripted_engine import ScriptedEngine

GOOD = "Plan: add.\n```python\ndef add(a, b):\n    return a + b\n```"
BODY = {
    "instruction": "add two numbers",
    "tests": {"test_add.py": "from add import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"},
}


def engine_of(*texts):
    answers = iter(texts)
    return ScriptedEngine(lambda request: next(answers))


@pytest.mark.toolchain
def test_an_answer_carries_its_verdicts_and_what_was_tried(gateway):
    client = gateway(engine_of("```python\ndef add(a, b):\n    return a - b\n```", GOOD))
    told = client.post("/v1/verified", json=BODY, timeout=60).json()
    assert told["code"] == "def add(a, b):\n    return a + b\n" and told["reasoning"] == "Plan: add." and told["ok"]
    assert told["object"] == "verified" and told["failed"] == [] and told["verdicts"][0]["check"] == "tests"
    assert [(attempt["round"], attempt["failed"], attempt["is_best"]) for attempt in told["attempts"]] == [
        (0, ["tests"], False), (1, [], True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"instruction": " "}, "needs an instruction"),
        ({"verb": "fix"}, "needs code"),
        ({"verb": "paint"}, "verb"),
        ({"instruction": "x", "language": "klingon"}, "not known"),
        ({"instruction": "x", "tests": {"../a.py": ""}}, "inside the folder"),
        ({"instruction": "x", "path": "/etc/a.py"}, "inside the folder"),
        ({"instruction": "x", "samples": 99}, "samples"),
        ({"instruction": "x", "sampels": 1}, "sampels"),
        ({"instruction": "\ud800"}, "unicode"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_line(gateway, body, says):
    import json

    answer = gateway().post("/v1/verified", content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code == 400 and says in answer.json()["error"]["message"]


def test_who_goes_away_ends_what_was_going_on(gateway):
    engine = ScriptedEngine({"": " ".join(map(str, range(2000)))}, delay_ms=5)
    client = gateway(engine)

    def ask():
        with pytest.raises(httpx2.TimeoutException):
            client.post("/v1/verified", json={"instruction": "much"}, timeout=1)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    until = time.monotonic() + 5
    while client.get("/healthz").json()["running"] and time.monotonic() < until:
        time.sleep(0.02)
    assert client.get("/healthz").json()["running"] == 0 and len(engine.asked) == 1


def test_a_full_queue_and_a_broken_engine_are_told(gateway):
    client = gateway(ScriptedEngine({"": "text"}, fault_after=1))
    answer = client.post("/v1/verified", json={"instruction": "x"})
    assert answer.status_code == 503 and "died" in answer.json()["error"]["message"]


def test_completions_do_not_wait_for_tasks(gateway):
    engine = ScriptedEngine({"": " ".join(map(str, range(3000)))}, delay_ms=2)
    client = gateway(engine, slots=16)
    body = {"instruction": "much", "max_tokens": 800, "rounds": 0}
    threads = [threading.Thread(target=client.post, args=("/v1/verified",), kwargs={"json": body}) for _ in range(9)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    began = time.monotonic()
    told = client.post("/v1/completions", json={"prompt": "x = ", "suffix": "\n", "max_tokens": 4})
    took = time.monotonic() - began
    assert told.json()["yunque"]["verdicts"] and any(thread.is_alive() for thread in threads) and took < 1
    for thread in threads:
        thread.join()
