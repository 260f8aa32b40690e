"""The gateway as clients see it: shapes, streams, refusals, and who is answered when."""

import contextlib
import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import openai
import pytest

from yunque.checks.insertion.training_copies import TrainingCopies, write_index
from yunque.core.errors import ServingError
from yunque.core.nouns import Origin, PromptStyle
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.serving.door import MAX_BODY_BYTES
from yunque.serving.tokens import Tokens

ADD = "def add(a, b):\n    return"


def events(response):
    """The values of a stream of server-sent events; the last may be ``[DONE]``."""
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


# ------------------------------------------------------------------------------------------------------------------- shapes
def test_a_completion_has_openais_shape(gateway):
    client = gateway()
    told = client.post("/v1/completions", json={"model": "any", "prompt": ADD, "max_tokens": 40, "stop": "\n\n"}).json()
    assert told["choices"] == [{"index": 0, "text": " a + b", "logprobs": None, "finish_reason": "stop"}]
    assert told["object"] == "text_completion" and told["usage"]["prompt_tokens"] == len(ADD) > 0
    assert told["usage"]["total_tokens"] == told["usage"]["prompt_tokens"] + told["usage"]["completion_tokens"]
    cut = client.post("/v1/completions", json={"prompt": [ADD], "max_tokens": 3}).json()
    assert (cut["choices"][0]["text"], cut["choices"][0]["finish_reason"]) == (" a ", "length")


def test_a_stream_adds_up_and_ends_with_a_reason_and_done(gateway):
    body = {"prompt": ADD, "max_tokens": 6, "stream": True, "stream_options": {"include_usage": True}}
    response = gateway().post("/v1/completions", json=body)
    assert response.headers["content-type"].startswith("text/event-stream")
    *pieces, usage, done = events(response)
    assert "".join(piece["choices"][0]["text"] for piece in pieces) == " a + b" and done == "[DONE]"
    assert [piece["choices"][0]["finish_reason"] for piece in pieces] == [None] * (len(pieces) - 1) + ["length"]
    assert (
        usage["choices"] == [] and usage["usage"]["completion_tokens"] == 6 and len({piece["id"] for piece in pieces}) == 1
    )


def test_the_official_client_works_streaming_and_not(gateway):
    engine = ScriptedEngine(lambda request: request.messages[-1].content.upper() if request.messages else "done")
    client = openai.OpenAI(base_url=f"{gateway(engine).base_url}/v1".replace("//v1", "/v1"), api_key="none", max_retries=0)
    assert [model.id for model in client.models.list()] == ["scripted"]
    assert client.completions.create(model="scripted", prompt="x", suffix="y").choices[0].text == "done"
    assert engine.asked[-1].style is PromptStyle.FIM and engine.asked[-1].suffix == "y"
    turns = [{"role": "system", "content": "be short"}, {"role": "user", "content": [{"type": "text", "text": "say it"}]}]
    whole = client.chat.completions.create(model="scripted", messages=turns, max_completion_tokens=50)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("SAY IT", "stop")
    assert [message.role for message in engine.asked[-1].messages] == ["system", "user"]
    pieces = list(client.chat.completions.create(model="scripted", messages=turns, stream=True))
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == "SAY IT"
    with pytest.raises(openai.BadRequestError, match="max_tokens"):
        client.completions.create(model="scripted", prompt="x", max_tokens=10**9)


def test_infill_as_llama_vscode_asks(gateway):
    engine = ScriptedEngine({"": "middle\n"})
    client = gateway(engine)
    body = {
        "input_prefix": "import os\n\n", "prompt": "def f(", "input_suffix": "):\n    pass\n",
        "input_extra": [{"filename": "other.py", "text": "def g():\n    return 1\n"}], "n_predict": 32,
        "t_max_predict_ms": 500,
        "top_k": 40, "top_p": 0.99, "cache_prompt": True, "samplers": ["top_k", "top_p", "infill"], "stream": False,
        "t_max_prompt_ms": 500,
    }  # fmt: skip
    told = client.post("/infill", json=body).json()
    assert (told["content"], told["stop"], told["stop_type"], told["truncated"]) == ("middle", True, "eos", False)
    (asked,) = engine.asked
    assert asked.prompt == "# other.py\ndef g():\n    return 1\n\nimport os\n\ndef f(" and asked.suffix == "):\n    pass\n"
    warm = client.post("/infill", json=body | {"n_predict": 0}).json()
    assert warm["content"] == "" and engine.asked[-1].max_tokens == 0, "the prompt is read ahead"
    assert events(client.post("/infill", json=body | {"stream": True}))[0]["content"] == "m"
    nothing = events(client.post("/v1/completions", json={"prompt": "x", "max_tokens": 0, "stream": True}))
    assert nothing[0]["choices"][0]["finish_reason"] == "length" and nothing[1:] == ["[DONE]"] and len(engine.asked) == 4


# ----------------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/v1/completions", {}, 400, "prompt: Field required"),
        ("/v1/completions", {"prompt": ["a", "b"]}, 400, "one prompt at a time"),
        ("/v1/completions", {"prompt": "a", "temperature": -1}, 400, "temperature"),
        ("/v1/completions", {"prompt": "a", "stop": ["x"] * 65}, 400, "at most 64 stop texts"),
        ("/v1/chat/completions", {"messages": []}, 400, "messages"),
        ("/v1/chat/completions", {"messages": [{"role": "robot", "content": "x"}]}, 400, "role"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "type 'text'"),
        ("/infill", {"n_predict": 10**6}, 400, "n_predict"),
        ("/v1/completions", {"prompt": "a", "max_tokens": True}, 400, "max_tokens"),
        ("/v1/completions", {"prompt": "\ud800"}, 400, "half of a surrogate pair"),
        ("/v1/completions", {"prompt": "a", "stop": ["\udc80"]}, 400, "half of a surrogate pair"),
        ("/infill", {"input_extra": [{"text": "\ud800"}]}, 400, "half of a surrogate pair"),
        ("/v1/nothing", {}, 404, "Not Found"),
    ],
)
def test_what_cannot_be_asked_is_an_error_in_openais_shape(gateway, path, body, status, says):
    answer = gateway().post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == status and says in answer.json()["error"]["message"]


def test_broken_json_and_a_wrong_method_are_refused(gateway):
    client = gateway()
    for content in (b"{", b"", b"\xff\xfe", b"[1,2", b"null"):
        answer = client.post("/v1/completions", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400 and answer.json()["error"]["message"]
    assert client.get("/v1/completions").status_code == 405


def test_a_style_that_the_model_lacks_is_said(gateway):
    client = gateway(ScriptedEngine({}, styles=[PromptStyle.PREFIX]))
    fim = client.post("/v1/completions", json={"prompt": "a", "suffix": "b"})
    assert fim.status_code == 400 and "no fill-in-the-middle tokens" in fim.json()["error"]["message"]
    chat = client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "x"}]})
    assert chat.status_code == 400 and "no chat template: ask /v1/completions" in chat.json()["error"]["message"]


def test_a_body_without_end_is_refused_whether_its_length_is_said_or_not(gateway):
    client = gateway()
    said = client.post("/v1/completions", content=b"x" * (MAX_BODY_BYTES + 1))
    assert said.status_code == 413

    def chunks():
        for _ in range(60):
            yield b" " * (1 << 20)

    with contextlib.suppress(httpx2.TransportError):  # the connection may be closed while it is still sent
        assert client.post("/v1/completions", content=chunks()).status_code == 413
    assert client.get("/healthz").json()["status"] == "ok"


def test_a_body_that_does_not_come_is_refused_and_others_are_answered(gateway, monkeypatch):
    monkeypatch.setattr("yunque.serving.door.BODY_S", 0.3)
    client = gateway(slots=1)
    host, port = client.base_url.host, client.base_url.port
    head = (
        b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{"
    )
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection((host, port))) for _ in range(50)]
        for connection in slow:
            connection.sendall(head)
        assert client.post("/v1/completions", json={"prompt": ADD}).status_code == 200
        for connection in slow:
            connection.settimeout(10)
            assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_an_engine_that_dies_is_an_error_and_the_next_request_is_answered(gateway):
    engine = ScriptedEngine({"": "abcdef"}, fault_after=2)
    client = gateway(engine)
    whole = client.post("/v1/completions", json={"prompt": "x"})
    assert whole.status_code == 503 and "died in the middle" in whole.json()["error"]["message"]
    told = events(client.post("/v1/completions", json={"prompt": "x", "stream": True}))
    assert [piece["choices"][0]["text"] for piece in told[:2]] == ["a", "b"] and "died" in told[2]["error"]["message"]
    engine.fault_after = None
    assert client.post("/v1/completions", json={"prompt": "x"}).json()["choices"][0]["text"] == "abcdef"
    assert "yunque_failed_total 2.0" in client.get("/metrics").text


def test_an_engine_that_gives_nothing_is_an_error_to_whoever_is_there(gateway):
    class Silent(ScriptedEngine):
        def stream(self, request):
            return iter(())

    answer = gateway(Silent({})).post("/v1/completions", json={"prompt": "x"})
    assert answer.status_code == 503 and "gave no answer" in answer.json()["error"]["message"]


def test_a_temperature_near_nothing_is_none(gateway):
    engine = ScriptedEngine({"": "x"})
    for temperature, asked in ((1e-320, 0.0), (1e-9, 0.0), (0.2, 0.2), (None, 0.0)):
        gateway(engine).post("/v1/completions", json={"prompt": "x", "temperature": temperature})
        assert engine.asked[-1].temperature == asked


def test_a_server_that_stops_while_it_answers_leaves_no_traceback(serving, tmp_path, capfd):
    engine, ended = ScriptedEngine({"": "x" * 400}, delay_ms=20), []
    with serving(engine, Tokens(tmp_path / "none.json")) as url:

        def ask():
            try:
                ended.append(httpx2.post(f"{url}/v1/completions", json={"prompt": "x", "max_tokens": 400}, timeout=30))
            except httpx2.TransportError as error:
                ended.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        while not engine.running:
            time.sleep(0.01)
    thread.join()
    assert len(ended) == 1 and engine.running == 0
    assert "Traceback" not in (errors := capfd.readouterr().err), errors


# -------------------------------------------------------------------------------------------------------------------- tokens
def test_every_path_but_health_needs_a_token(gateway, tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    token = tokens.add("ada")
    client = gateway(tokens=tokens)
    paths = [("GET", "/v1/models"), ("GET", "/metrics"), ("GET", "/openapi.json"), ("GET", "/nothing")]
    paths += [("POST", path) for path in ("/v1/completions", "/v1/chat/completions", "/infill")]
    for method, path in paths:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": token}, {"Authorization": "Bearer"}):
            answer = client.request(method, path, headers=headers, json={})
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer", (path, headers)
        assert client.request(method, path, headers={"Authorization": f"Bearer {token}"}, json={}).status_code != 401
    assert client.get("/healthz").status_code == 200
    Tokens(tmp_path / "tokens.json").revoke("ada")
    assert client.get("/v1/models", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert token not in (tmp_path / "tokens.json").read_text()
    assert (tmp_path / "tokens.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "vscode-file://vscode-app"}, 200),  # an editor
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 200),
        ({"Host": "rebound.example:8765"}, 403),
        ({"Host": "[::1]:8765"}, 200),
        ({"Host": "[broken"}, 403),
    ],
)
def test_pages_of_other_sites_may_not_ask_as_long_as_no_token_is_needed(gateway, tmp_path, headers, status):
    assert gateway().post("/v1/completions", json={"prompt": "x"}, headers=headers).status_code == status
    tokens = Tokens(tmp_path / "tokens.json")
    headers = headers | {"Authorization": f"Bearer {tokens.add('ada')}"}
    locked = gateway(tokens=tokens).post("/v1/completions", json={"prompt": "x"}, headers=headers)
    assert locked.status_code == 200, "with a token the name does not matter: a proxy may stand in front"


def test_a_door_is_locked_by_the_first_token_and_stays_locked(gateway, tmp_path):
    client = gateway(tokens=Tokens(tmp_path / "tokens.json"))
    assert client.get("/v1/models").status_code == 200
    elsewhere = Tokens(tmp_path / "tokens.json")
    token = elsewhere.add("ada")
    assert client.get("/v1/models").status_code == 401
    assert client.get("/v1/models", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    elsewhere.revoke("ada")
    for headers in ({}, {"Authorization": f"Bearer {token}"}):
        assert client.get("/v1/models", headers=headers).status_code == 401


def test_two_who_write_tokens_lose_none_and_bring_none_back(tmp_path):
    first, other = Tokens(tmp_path / "t.json"), Tokens(tmp_path / "t.json")
    gone = first.add("gone")
    late = Tokens(tmp_path / "t.json")
    first.revoke("gone")
    other.add("one")
    late.add("two")
    assert set(first.names()) == {"one", "two"} and first.owner(gone) is None
    for broken in ("5", "null", '{"x": {}}', '{"x": 3}', "[1]"):
        (tmp_path / "t.json").write_text(broken)
        with pytest.raises(ServingError, match="its tokens cannot be read"):
            Tokens(tmp_path / "t.json")


# ------------------------------------------------------------------------------------------------------ who is answered when
def test_answers_and_refusals_are_all_requests_and_nothing_else_happens(gateway):
    client = gateway(ScriptedEngine({"": "abc"}, delay_ms=3), slots=2)
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda n: client.post("/v1/completions", json={"prompt": f"p{n}"}), range(200)))
    status = [answer.status_code for answer in answers]
    assert set(status) <= {200, 429} and status.count(200) >= 34
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status_code == 429)
    health = client.get("/healthz").json()
    assert (health["running"], health["waiting"]) == (0, 0)
    text = client.get("/metrics").text
    assert (
        f"yunque_answered_total {float(status.count(200))}" in text
        and f"yunque_refused_total {float(status.count(429))}" in text
    )


def test_a_client_that_goes_away_frees_its_slot(gateway):
    engine = ScriptedEngine({"long": "x" * 500}, delay_ms=20)
    client = gateway(engine, slots=1)
    with client.stream("POST", "/v1/completions", json={"prompt": "long", "max_tokens": 500, "stream": True}) as response:
        next(response.iter_lines())
        assert engine.running == 1
    started = time.monotonic()
    assert client.post("/v1/completions", json={"prompt": "other"}).status_code == 200
    assert time.monotonic() - started < 2 and engine.running == 0
    with pytest.raises(httpx2.TimeoutException):
        client.post("/v1/completions", json={"prompt": "long", "max_tokens": 500}, timeout=0.2)
    started = time.monotonic()
    assert client.post("/v1/completions", json={"prompt": "other"}).status_code == 200
    assert time.monotonic() - started < 2
    assert "yunque_cancelled_total 2.0" in client.get("/metrics").text


def test_a_newer_request_of_an_editor_ends_its_older_one_and_nobody_elses(gateway):
    engine = ScriptedEngine({"long": "x" * 200}, delay_ms=10)
    client, answers = gateway(engine, slots=2), {}

    def ask(name, prompt, editor):
        headers = {"X-Editor-Id": editor} if editor else {}
        answers[name] = client.post("/v1/completions", json={"prompt": prompt, "max_tokens": 60}, headers=headers)

    threads = [threading.Thread(target=ask, args=args) for args in (("old", "long", "one"), ("other", "long", "two"))]
    for thread in threads:
        thread.start()
    while engine.running < 2:
        time.sleep(0.005)
    ask("new", "short", "one")
    for thread in threads:
        thread.join()
    assert {name: answer.status_code for name, answer in answers.items()} == {"old": 409, "other": 200, "new": 200}
    assert "superseded" in answers["old"].json()["error"]["message"]


def test_a_user_with_many_requests_does_not_starve_another(gateway, tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    mine, other = tokens.add("many"), tokens.add("one")
    engine = ScriptedEngine({"": "abcdefgh"}, delay_ms=5)
    client, order = gateway(engine, tokens=tokens, slots=1), []

    def ask(name, token):
        client.post("/v1/completions", json={"prompt": name}, headers={"Authorization": f"Bearer {token}"})
        order.append(name)

    threads = [threading.Thread(target=ask, args=("many", mine)) for _ in range(12)]
    for thread in threads:
        thread.start()
    time.sleep(0.15)
    ask("one", other)
    place = order.index("one")
    for thread in threads:
        thread.join()
    assert place <= 6, order


def test_no_prompt_is_in_any_log(gateway, caplog):
    caplog.set_level(logging.DEBUG)
    client = gateway(ScriptedEngine({"": "abc"}, fault_after=1))
    client.post("/v1/completions", json={"prompt": "a very secret prompt", "suffix": "and its secret end"})
    client.post("/v1/completions", json={"prompt": "a very secret prompt", "temperature": "secret"})
    server_side = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    assert not any("secret" in message for message in server_side)


# --------------------------------------------------------------------------------------------------- looked at, in its place
PLACE = {"prompt": "import os\n\n\ndef size(path):\n    return ", "suffix": "\n\n\ndef other():\n    pass\n"}


def test_an_answer_between_two_texts_is_cleaned_and_looked_at(gateway):
    client = gateway(ScriptedEngine({"return ": " os.stat(path).st_size\n\n\ndef other():\n    pass\n"}))
    told = client.post("/v1/completions", json=PLACE).json()
    assert told["choices"][0]["text"] == "os.stat(path).st_size"
    about = told["yunque"]
    assert (about["language"], about["failed"], about["held"]) == ("python", "", False) and "scope" in about["rules"]
    outcomes = {verdict["check"]: verdict["outcome"] for verdict in about["verdicts"]}
    assert outcomes["syntax-in-place"] == outcomes["known-names"] == outcomes["secrets"] == "pass"
    assert all(verdict["took_ms"] >= 0 for verdict in about["verdicts"])
    raw = client.post("/v1/completions", json=PLACE | {"yunque": {"postprocess": False}}).json()
    assert raw["choices"][0]["text"].startswith(" os.stat") and "yunque" not in raw
    plain = client.post("/v1/completions", json={"prompt": PLACE["prompt"]}).json()
    assert "yunque" not in plain, "a prompt without a place is nobody's file"
    body = {"input_prefix": "import os\n\n\ndef size(path):\n", "prompt": "    return ", "input_suffix": PLACE["suffix"]}
    told = client.post("/infill", json=body).json()
    assert told["content"] == "os.stat(path).st_size" and told["yunque"]["verdicts"]


def test_what_the_model_was_trained_on_is_noticed_in_a_completion_and_in_a_task(gateway, tmp_path):
    body = """    total, bias = 0.0, sum(values) / len(values)
    for weight, value in zip(weights, values, strict=True):
        if weight < 0 or value is None:
            raise ValueError(f"no weight: {weight}")
        total += weight * (value - bias)
    return total / sum(weights) + bias
"""
    record = f"def weighted(weights, values):\n{body}"
    origin = Origin(source="numbers", path="sums.py", revision="", licence="GPL-3.0-only", collected_at="")
    write_index([(record, origin)], tmp_path / "model.copies")
    copies = TrainingCopies(tmp_path / "model.copies")
    client = gateway(ScriptedEngine({"dot(weights, values):\n": body, "": record}), copies=copies)
    place = {"prompt": "def dot(weights, values):\n", "suffix": "\n\nprint(dot([1], [2]))\n", "max_tokens": 400}
    place["yunque"] = {"hold": True}
    told = client.post("/v1/completions", json=place).json()
    assert told["yunque"]["failed"] == "training-copies" and told["yunque"]["held"] and told["choices"][0]["text"] == ""
    (finding,) = told["yunque"]["verdicts"][-1]["findings"]
    assert "sums.py of numbers (GPL-3.0-only)" in finding["message"]
    told = client.post("/v1/verified", json={"instruction": "a weighted sum", "rounds": 0, "style": "plain"}).json()
    assert told["failed"] == ["training-copies"]


def test_the_model_is_kept_from_leaving_valid_syntax_at_a_cursor(gateway):
    engine = ScriptedEngine({"return ": "1"})
    client = gateway(engine)
    client.post("/v1/completions", json=PLACE)
    client.post("/v1/completions", json=PLACE | {"yunque": {"monitor": False}})
    client.post("/v1/completions", json={"prompt": PLACE["prompt"]})
    client.post("/v1/completions", json=PLACE | {"yunque": {"path": "a.js"}})
    assert [request.syntax for request in engine.asked] == ["python", "", "", "javascript"]


def test_what_fails_is_held_back_where_that_is_wanted(gateway):
    engine = ScriptedEngine({"return ": "os.stat(path)) + 1"})
    client = gateway(engine)
    told = client.post("/v1/completions", json=PLACE | {"yunque": {"path": "a.py"}}).json()
    assert told["choices"][0]["text"] and told["yunque"]["failed"] == "syntax-in-place" and not told["yunque"]["held"]
    told = client.post("/v1/completions", json=PLACE | {"yunque": {"hold": True}}).json()
    assert told["choices"][0]["text"] == "" and told["yunque"]["held"]
    (finding,) = told["yunque"]["verdicts"][-2]["findings"]
    assert finding["line"] == 1 and finding["message"]
    assert "yunque_held_total 1.0" in client.get("/metrics").text
    strict = gateway(engine, holds=True)
    assert strict.post("/v1/completions", json=PLACE).json()["choices"][0]["text"] == ""
    shown = strict.post("/v1/completions", json=PLACE | {"yunque": {"hold": False}}).json()
    assert shown["choices"][0]["text"].startswith("os.stat")


def test_the_language_is_what_the_editor_says_or_the_path_or_the_look_of_it(gateway):
    client = gateway(ScriptedEngine({"": "a + b"}))

    def language(**said):
        body = {"prompt": "function f(a, b) {\n  return ", "suffix": ";\n}\n\nconst c = f(1, 2);\n", "yunque": said}
        return client.post("/v1/completions", json=body).json()["yunque"]["language"]

    assert [language(language="TS"), language(path="x/y.go"), language(), language(language="?")] == [
        "typescript", "go", "javascript", "javascript",
    ]  # fmt: skip
    nothing = client.post("/v1/completions", json={"prompt": "one ", "suffix": " two"}).json()
    assert nothing["yunque"]["language"] == "unknown"
