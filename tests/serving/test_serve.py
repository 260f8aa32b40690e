"""`yunque serve`: a real process with a real model; and what it refuses to start with, in a line."""

import os
import signal
import socket
import subprocess
import sys
import time

import httpx2
import psutil
import pytest

from yunque.checks.insertion.training_copies import write_index
from yunque.core.errors import ModelError, ServingError
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.models.base import BaseFacts
from yunque.models.exports.gguf import write_gguf
from yunque.serving.serve import Address, make_server, open_model
from yunque.serving.tokens import Tokens

FACTS = BaseFacts(name="tiny", source="", sha256="", licence="MIT", num_parameters=1)


@pytest.fixture
def process(tmp_path):
    """Starts ``yunque serve`` with options; the process and its URL."""
    started = []

    def start(*options):
        environment = {**os.environ, "YUNQUE_CONFIG": str(tmp_path / "config"), "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-m", "yunque", "serve", "--port", "0", *map(str, options)]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        started.append(running)
        return running, running.stdout.readline().strip()

    yield start
    for running in started:
        running.kill()
        running.communicate()


@pytest.mark.parametrize("kind", ["llama.cpp", "torch"])
def test_a_model_is_served_until_it_is_stopped(process, fim_folder, tmp_path, kind):
    pytest.importorskip("xllamacpp")
    file = tmp_path / "model.gguf"
    write_gguf(fim_folder, file, FACTS, "f16")
    running, url = process("--model", file if kind == "llama.cpp" else fim_folder, "--engine", kind)
    assert url.startswith("http://127.0.0.1:"), running.stderr.read()
    ways = [running.stdout.readline().strip() for _ in range(3)]
    assert ways[0].startswith(f"curl {url}/v1/completions") and "OPENAI_BASE_URL" in ways[1] and "llama-vscode" in ways[2]
    tried = subprocess.run(["bash", "-c", ways[0].replace("curl ", "curl -s ")], capture_output=True, text=True, timeout=30)
    assert '"text_completion"' in tried.stdout, tried.stderr
    (about,) = httpx2.get(f"{url}/v1/models").json()["data"]
    expected = ("model", "MIT") if kind == "llama.cpp" else (fim_folder.name, "unknown")
    assert (about["id"], about["licence"]) == expected and "fim" in about["styles"]
    body = {"prompt": "def f(a):\n    ", "suffix": "\n", "max_tokens": 8}
    answers = [httpx2.post(f"{url}/v1/completions", json=body, timeout=30).json() for _ in range(2)]
    assert answers[0]["choices"] == answers[1]["choices"] and answers[0]["usage"]["completion_tokens"] > 0
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=20) in (0, -signal.SIGTERM, 130, 143)


def test_stopped_in_the_middle_of_an_answer_it_ends_cleanly(process, fim_folder, tmp_path):
    pytest.importorskip("xllamacpp")
    file = tmp_path / "model.gguf"
    write_gguf(fim_folder, file, FACTS, "f16")
    running, url = process("--model", file)
    with httpx2.stream("POST", f"{url}/v1/completions", json={"prompt": "x", "max_tokens": 900, "stream": True}) as answer:
        next(answer.iter_lines())
        running.send_signal(signal.SIGTERM)
        started = time.monotonic()
    running.wait(timeout=20)
    assert time.monotonic() - started < 10
    assert "FATAL" not in (errors := running.stderr.read()) and "Traceback" not in errors, errors


def test_an_engine_that_is_killed_is_started_again_and_no_other_answer_is_lost(process, fim_folder, tmp_path):
    pytest.importorskip("xllamacpp")
    file = tmp_path / "model.gguf"
    write_gguf(fim_folder, file, FACTS, "f16")
    running, url = process("--model", file)
    body = {"prompt": "def f(a):\n    ", "suffix": "\n", "max_tokens": 8}
    expected = httpx2.post(f"{url}/v1/completions", json=body, timeout=30).json()["choices"]
    (engine,) = psutil.Process(running.pid).children()
    lines = []
    long = {"prompt": "x", "max_tokens": 1900, "temperature": 2, "stream": True}  # by chance, so that nothing repeats
    with httpx2.stream("POST", f"{url}/v1/completions", json=long) as answer:
        for line in answer.iter_lines():
            if line and not lines:
                engine.kill()
            lines.append(line)
    assert any("was killed by SIGKILL" in line for line in lines), lines
    answers = [httpx2.post(f"{url}/v1/completions", json=body, timeout=30) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3 and answers[0].json()["choices"] == expected
    assert "yunque_engine_restarts_total 1.0" in httpx2.get(f"{url}/metrics").text


def test_what_it_cannot_start_with_is_one_line(forked, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        cases = [
            (("--port", port), "cannot listen (Address already in use); choose another --port"),
            (("--port", "0", "--model", "nope"), "nope: no such model; run `yunque forge` first"),
            (("--port", "0", "--host", "203.0.113.7"), "203.0.113.7:0: cannot listen"),
            (("--port", "0", "--engine", "gpu"), "no engine 'gpu'"),
        ]
        for options, says in cases:
            done = forked.run("serve", *options, cwd=tmp_path)
            lines = [line for line in done.stderr.splitlines() if line.startswith("yunque: ")]
            assert done.returncode == 2 and len(lines) == 1 and says in lines[0], (options, done.stderr)


def test_others_are_kept_out_by_a_token_or_it_does_not_start(tmp_path):
    tokens, engine = Tokens(tmp_path / "tokens.json"), ScriptedEngine({})
    for host in ("0.0.0.0", "192.168.1.4", "::", "example.org"):
        with pytest.raises(ServingError, match="no token keeps them out; make one with `yunque serve token add NAME`"):
            make_server(engine, tokens, Address(host=host))
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        make_server(engine, tokens, Address(host=host))
    tokens.add("ada")
    make_server(engine, tokens, Address(host="0.0.0.0"))


def test_tokens_are_added_listed_and_revoked(forked, tmp_path):
    def run(*arguments):
        return forked.run(
            "serve", "token", *arguments, cwd=tmp_path, env={**os.environ, "YUNQUE_CONFIG": str(tmp_path / "c")}
        )

    token = run("add", "ada").stdout.strip()
    assert token.startswith("yq-") and Tokens(tmp_path / "c" / "tokens.json").owner(token) == "ada"
    assert run("list").stdout.split()[-1] == "ada"
    again = run("add", "ada")
    assert again.returncode == 2 and "a token named 'ada' is there" in again.stderr
    assert run("revoke", "adda").returncode == 2 and "did you mean 'ada'" in run("revoke", "adda").stderr
    assert run("revoke", "ada").returncode == 0 and run("list").stdout.strip() == "none"
    (tmp_path / "c" / "tokens.json").write_text("{")
    assert "its tokens cannot be read" in run("list").stderr


def test_a_folder_with_a_file_beside_it_is_served_by_llama_cpp(fim_folder, tmp_path):
    pytest.importorskip("xllamacpp")
    (tmp_path / "model").symlink_to(fim_folder)
    assert open_model(tmp_path / "model")[0].name.startswith("torch:")
    write_gguf(fim_folder, tmp_path / "model.gguf", FACTS)
    assert open_model(tmp_path / "model")[0].name == "llama.cpp:model.gguf"
    assert open_model(tmp_path / "model", "torch")[0].name.startswith("torch:")
    assert open_model(tmp_path / "model.gguf").copies is None
    write_index([], tmp_path / "model.copies")
    assert open_model(tmp_path / "model").copies.origins == open_model(tmp_path / "model.gguf").copies.origins == []
    with pytest.raises(ModelError, match="no such file; write one with `yunque export MODEL`"):
        open_model(fim_folder, "llama.cpp")


def test_a_running_server_is_told_to_serve_another_model_and_to_go_back(process, fim_folder, tmp_path):
    pytest.importorskip("xllamacpp")
    first, second = tmp_path / "first.gguf", tmp_path / "second.gguf"
    for file in (first, second):
        write_gguf(fim_folder, file, FACTS, "f16")
    _, url = process("--model", first, "--engine", "llama.cpp")

    def tell(*arguments):
        environment = {**os.environ, "YUNQUE_CONFIG": str(tmp_path / "config")}
        command = [sys.executable, "-m", "yunque", "serve", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)

    done = tell("promote", second)
    assert done.returncode == 0 and done.stdout.startswith("second is served; back to first"), done.stderr
    assert httpx2.get(f"{url}/v1/models").json()["data"][0]["id"] == "second"
    body = {"prompt": "def f(a):\n    ", "suffix": "\n", "max_tokens": 8}
    assert httpx2.post(f"{url}/v1/completions", json=body, timeout=30).status_code == 200
    assert tell("rollback").stdout == "first is served again\n"
    refused = tell("promote", tmp_path / "none.gguf")
    assert refused.returncode == 2 and "no such model" in refused.stderr and refused.stderr.count("\n") == 1
    assert tell("rollback", "--port", "1").returncode == 2
