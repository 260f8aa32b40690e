"""Another model, while people type: nothing is lost, one can go back, and only whoever started the server may."""

import threading
import time

import pytest

import yunque.serving.serve as serve
from yunque.core.errors import ModelError, ServingError
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.serving.app import OpenedModel
from yunque.serving.running import CONTROL, RunningServers
from yunque.serving.tokens import Tokens

SECRET = "a secret"


@pytest.fixture
def models(monkeypatch):
    """Models by their names instead of files: an engine that answers with its name."""

    def open_model(path, kind, *, slots):
        if path.stem == "broken":
            raise ModelError("cannot be loaded", where=path)
        time.sleep(0.3)  # others are answered meanwhile
        return OpenedModel(ScriptedEngine({"": f"of {path.stem}"}, delay_ms=2), "MIT", None)

    monkeypatch.setattr(serve, "open_model", open_model)


def command(client, route, body=None, secret=SECRET):
    return client.post(f"/v1/{route}", json=body or {}, headers={CONTROL: secret})


def test_a_model_is_promoted_and_rolled_back_and_no_request_is_lost(gateway, models):
    client = gateway(ScriptedEngine({"": "of first"}, delay_ms=2), name="first", secret=SECRET)
    answers, ends = [], threading.Event()

    def type_on():
        while not ends.is_set():
            answer = client.post("/v1/completions", json={"prompt": "x", "max_tokens": 20})
            answers.append((answer.status_code, answer.json()["choices"][0]["text"]))

    threads = [threading.Thread(target=type_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    told = command(client, "promote", {"model": "/models/second.gguf"}).json()
    assert told == {"model": "second", "previous": "first"}
    (about,) = client.get("/v1/models").json()["data"]
    assert (about["id"], about["licence"]) == ("second", "MIT")
    time.sleep(0.2)
    assert command(client, "rollback").json() == {"model": "first", "previous": "second"}
    time.sleep(0.2)
    ends.set()
    for thread in threads:
        thread.join()
    assert {status for status, _ in answers} == {200} and {text for _, text in answers} == {"of first", "of second"}
    assert client.post("/v1/completions", json={"prompt": "x"}).json()["choices"][0]["text"] == "of first"


def test_a_model_that_cannot_be_loaded_changes_nothing(gateway, models):
    client = gateway(ScriptedEngine({"": "of first"}), name="first", secret=SECRET)
    refused = command(client, "promote", {"model": "/models/broken"})
    assert refused.status_code == 400 and "cannot be loaded" in refused.json()["error"]["message"]
    assert client.post("/v1/completions", json={"prompt": "x"}).json()["choices"][0]["text"] == "of first"
    assert command(client, "rollback").status_code == 400


@pytest.mark.parametrize("secret", ["", "wrong", "\xe9"])
def test_nobody_else_may(gateway, models, tmp_path, secret):
    tokens = Tokens(tmp_path / "tokens.json")
    token = tokens.add("ada")
    client = gateway(name="first", secret=SECRET, tokens=tokens)
    for route in ("promote", "rollback"):
        headers = {CONTROL: secret.encode("latin-1"), "Authorization": f"Bearer {token}"}
        assert client.post(f"/v1/{route}", json={"model": "/models/second"}, headers=headers).status_code == 403
    assert command(client, "promote", {"model": "/models/second"}).status_code == 200, "whoever started it needs no token"
    assert command(gateway(name="first"), "promote", {"model": "/models/second"}, "").status_code == 403, "no secret, nobody"


def test_a_server_is_found_by_its_file_which_goes_with_it(gateway, models, tmp_path):
    servers = RunningServers(tmp_path / "servers")
    with pytest.raises(ServingError, match="no server of yours"):
        servers.tell("/v1/rollback", {})
    with servers.noted("http://127.0.0.1:9", 9) as secret:
        assert (tmp_path / "servers" / "9.json").stat().st_mode & 0o077 == 0
        with pytest.raises(ServingError, match="does not answer"):
            servers.tell("/v1/rollback", {})
        client = gateway(name="first", secret=secret)
        url = str(client.base_url).rstrip("/")
        with servers.noted(url, 10), pytest.raises(ServingError, match="2 servers run here; choose a --port of 10, 9"):
            servers.tell("/v1/rollback", {})
        with servers.noted(url, 10), pytest.raises(ServingError, match="only whoever started"):
            servers.tell("/v1/rollback", {}, 10)
    assert not list((tmp_path / "servers").iterdir())
