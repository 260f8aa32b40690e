"""A model behind a URL, which is our own gateway here: the contract of engines, what fails for a while, what it may cost."""

import http.server
import json
import os
import threading

import pytest

from yunque.core.errors import ModelError
from yunque.core.nouns import Message, PromptStyle, Request
from yunque.core.seams import Engine, LiveEngine
from yunque.inference.openai_engine import Budget, OpenAiEngine
from yunque.inference.scripted_engine import ScriptedEngine

ADD = "def add(a, b):\n    return"


@pytest.fixture
def elsewhere(gateway):
    """``elsewhere(engine, options="", **settings)``: an engine that asks a gateway over that engine."""

    def make(engine=None, options="", **settings):
        url = str(gateway(engine).base_url).rstrip("/")
        return OpenAiEngine(f"openai:{url}/v1#m{options}", pause_s=0.01, **settings)

    return make


def test_it_is_an_engine_of_both_kinds_and_answers_as_the_one_behind_it(elsewhere):
    behind = ScriptedEngine(lambda request: f"{request.prompt[::-1]}\n  x\n\ny" * 3)
    engine = elsewhere(behind)
    assert isinstance(engine, Engine) and isinstance(engine, LiveEngine) and engine.name == "openai:m"
    for stop in ("none", "line", "dedent"):
        for stops in ((), ("y", "2")):
            requests = [Request(prompt=f"p{n} = ", stop=stop, stops=stops, max_tokens=9 * n) for n in range(1, 9)]
            answers, truth = list(engine.complete(requests)), list(behind.complete(requests))
            assert [one.text for one in answers] == [one.text for one in truth]
            assert [one.stop == "length" for one in answers] == [one.stop == "length" for one in truth]
    pieces = list(engine.stream(Request(prompt="abc", max_tokens=8)))
    assert "".join(piece.text for piece in pieces) == "cba\n  x\n" and pieces[-1].stop == "length"


def test_a_stop_rule_ends_reading_where_it_ends_the_answer(elsewhere):
    behind = ScriptedEngine({"": " a\n" + "b" * 300}, delay_ms=5)
    (answer,) = elsewhere(behind).complete([Request(prompt="x =", stop="line", max_tokens=300)])
    assert (answer.text, answer.stop) == (" a", "rule") and answer.took_ms < 1000


def test_every_style_is_asked_in_its_own_way(elsewhere):
    behind = ScriptedEngine({"": "ok"})
    plain = elsewhere(behind)
    list(plain.complete([Request(prompt="a", suffix="b", style=PromptStyle.FIM)]))
    assert (behind.asked[-1].prompt, behind.asked[-1].suffix) == ("a", "b")
    list(plain.complete([Request(prompt="why?", style=PromptStyle.CHAT)]))
    assert behind.asked[-1].messages == (Message(role="user", content="why?"),)
    list(elsewhere(behind, "?fim=qwen").complete([Request(prompt="a", suffix="b", style=PromptStyle.FIM)]))
    assert (behind.asked[-1].prompt, behind.asked[-1].suffix) == ("a", "b")  # the gateway takes it apart again
    body = elsewhere(behind, "?fim=qwen")._asked(Request(prompt="a", suffix="b", style=PromptStyle.FIM))[1]
    assert body["prompt"] == "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>" and "suffix" not in body


def test_requests_and_money_have_a_limit(elsewhere):
    requests = [Request(prompt=f"p{n}", max_tokens=4) for n in range(6)]
    few = elsewhere(ScriptedEngine({"": "abcdefgh"}), budget=Budget(most_requests=4), at_once=1)
    with pytest.raises(ModelError, match="4 requests are spent; allow more"):
        list(few.complete(requests))
    dear = elsewhere(
        ScriptedEngine({"": "abcdefgh"}), budget=Budget(most_money=11.9, price_in=1e6, price_out=1e6), at_once=1
    )
    answers = []
    with pytest.raises(ModelError, match=r"12.00 is spent"):
        answers.extend(dear.complete(requests))
    assert dear.spent.money == 12 and dear.spent.requests == 2, "two tokens in, four out, each time"


def test_answers_are_kept_but_those_that_are_drawn_without_a_seed(elsewhere, tmp_path):
    behind = ScriptedEngine({"": "abcdefgh"})
    engine = elsewhere(behind, answers=tmp_path / "answers.sqlite")
    greedy, other = Request(prompt="p", max_tokens=4), Request(prompt="p", max_tokens=5)
    seeded, drawn = (Request(prompt="p", max_tokens=4, temperature=1.0, seed=seed) for seed in (3, 0))
    first = [next(iter(engine.complete([request]))) for request in (greedy, other, seeded, drawn)]
    again = [next(iter(engine.complete([request]))) for request in (greedy, other, seeded, drawn)]
    assert [(one.text, one.stop, one.tokens) for one in first] == [(one.text, one.stop, one.tokens) for one in again]
    assert len(behind.asked) == 5 and engine.spent.kept == 3


BAD_GZIP = b"this is not gzip"


class Flaky(http.server.BaseHTTPRequestHandler):
    """Fails as its server is told to, then answers."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        fate = self.server.fates.pop(0) if self.server.fates else "answer"
        if fate == "drop":
            self.connection.close()
            return
        if isinstance(fate, int):
            body = json.dumps({"error": {"message": f"fate {fate}"}}).encode()
            self.send_response(fate)
            self.send_header("Retry-After", "0")
        elif isinstance(fate, bytes):
            body = fate
            self.send_response(200)
        else:
            choice = {"index": 0, "text": "fine", "finish_reason": "stop"}
            body = json.dumps({"choices": [choice], "usage": {"completion_tokens": 2, "prompt_tokens": 7}}).encode()
            self.send_response(200)
        kind = "text/event-stream" if body.startswith(b"data:") else "application/json"
        self.send_header("Content-Type", kind)
        if fate == BAD_GZIP:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def flaky():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Flaky)
    server.fates, server.asked = [], 0
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server, OpenAiEngine(f"openai:http://127.0.0.1:{server.server_port}#m", pause_s=0.01, at_once=1)
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_fails_for_a_while_is_asked_again_and_the_rest_is_not(flaky):
    server, engine = flaky
    request = Request(prompt="x")
    server.fates = [429, 503, "drop", b"<html>"]
    (answer,) = engine.complete([request])
    assert (answer.text, answer.stop, answer.tokens, server.asked) == ("fine", "eos", 2, 5), "a server that does not stream"
    server.fates, server.asked = [500] * 9, 0
    with pytest.raises(ModelError, match="500 fate 500, 5 times"):
        list(engine.complete([request]))
    assert server.asked == 5
    for fate, says in (
        (401, "401 fate 401; set OPENAI_API_KEY"),
        (404, "404 fate 404; see which routes"),
        (400, "400 fate"),
    ):
        server.fates, server.asked = [fate], 0
        with pytest.raises(ModelError, match=says):
            list(engine.complete([request]))
        assert server.asked == 1


@pytest.mark.parametrize(
    "spec", ["openai:", "openai:http://x", "openai:ftp://x#m", "openai:http://x#", "openai:http://x#m?fim=no"]
)
def test_a_spec_that_is_none_is_one_line(spec):
    with pytest.raises(ModelError, match="is no model at a URL; write openai:URL#MODEL") as caught:
        OpenAiEngine(spec)
    assert "\n" not in caught.value.line()


def test_a_model_elsewhere_is_measured_on_a_suite_as_every_other(gateway, forked, tmp_path, box):
    rows = [
        {
            "id": f"T/{n}",
            "prompt": f"def f{n}(x):\n",
            "tests": f"assert f{n}(1) == {n + 1}",
            "canonical": f"    return x + {n}\n",
        }
        for n in range(6)
    ]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    behind = ScriptedEngine({row["prompt"]: row["canonical"] for row in rows[:4]})
    url = str(gateway(behind).base_url).rstrip("/")
    environment = {**os.environ, "YUNQUE_CACHE": str(tmp_path / "cache")}
    asked = ("eval", f"openai:{url}/v1#rented", "--suites", "jsonl:own.jsonl", "--json")
    done = forked.run(*asked, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    measures = {one["name"]: one["value"] for one in found["measures"]}
    assert measures["pass@1"] == pytest.approx(4 / 6) and len(behind.asked) == 6
    again = forked.run(*asked, "--seed", "18", cwd=tmp_path, env=environment)
    assert json.loads(again.stdout)[0]["id"] != found["id"] and len(behind.asked) == 6, "answers are kept"
    refused = forked.run(*asked, "--max-tokens", "9", "--most-requests", "2", cwd=tmp_path, env=environment)
    assert refused.returncode == 2 and "2 requests are spent" in refused.stderr
    wrong = forked.run(*asked, "--prices", "cheap", cwd=tmp_path, env=environment)
    assert wrong.returncode == 2 and "'cheap' is no two prices" in wrong.stderr
