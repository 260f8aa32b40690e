"""How long a completion takes while one types: lines of a held-out file, typed anew key by key.

    python benchmarks/serving/latency.py MODEL.gguf FILE.py [--jumps 4] [--keys 30] [--rounds 3] [--no-heal]

At every jump the cursor goes to the beginning of some line. The text that stands there, ``3 * keys`` characters and on to
the end of a line, is taken out, and what is before and behind is read ahead (as an editor does when a file is opened), for
which there are ``--pause`` seconds. Then the text is typed again, three characters a key; at every key the rest of the line
is asked for, at most 16 tokens, with 1 KB before and 300 B behind the cursor. Rows, each in a process of its own, in turn,
on the same cursors:

    engine           `LlamaCppEngine` called directly
    one process      the same behind a gateway in the same process, over HTTP, as the model wrote it
    gateway          the same with the engine in a process of its own, as `yunque serve` has it
    gateway, checks  the same, watched, cleaned and looked at (`inference.syntax_monitor`, `inference.verified.inline_tier`)
    llama-server     llama.cpp's own server over HTTP, given the same ids, and as many tokens to write as the engine wrote

Median and 95th percentile of the keys, the first key after a jump, and what reading ahead took, in ms, over all rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx2

from yunque.core.nouns import PromptStyle, Request
from yunque.inference import llama_cpp_engine
from yunque.inference.anchors import Anchors
from yunque.inference.engine_process import EngineProcess
from yunque.inference.llama_cpp_engine import LlamaCppEngine
from yunque.inference.local_engines import open_local
from yunque.inference.tokenizing import TokenizingEngine
from yunque.models.exports.gguf_tokenizer import load_gguf_tokenizer
from yunque.models.tokenizer import find_fim
from yunque.reports.forge.collect import machine_facts
from yunque.serving.serve import Address, ServerSettings, make_server
from yunque.serving.tokens import Tokens

BEFORE, BEHIND, STEP = 1000, 300, 3
KEY_PAUSE_S = 0.03
"""Between an answer and the next key, of every row alike: nobody types three characters faster, and llama.cpp ends an answer
that was told to end a token later."""
ROWS = ("engine", "one process", "gateway", "gateway, checks", "llama-server")
Ask = Callable[[Request], int]
"""Asks, and returns how many tokens were written."""


def keys_of(text: str, jumps: int, keys: int) -> Iterator[list[tuple[str, str]]]:
    """For each jump, what stands before and behind the cursor at the jump and after every key."""
    chance = random.Random(17)
    for _ in range(jumps):
        start = text.index("\n", chance.randrange(BEFORE, len(text) - BEHIND - 2 * STEP * keys)) + 1
        behind = text[text.index("\n", start + STEP * keys) :][:BEHIND]
        yield [(text[max(0, place - BEFORE) : place], behind) for place in range(start, start + STEP * keys + 1, STEP)]


def measure(given: argparse.Namespace) -> dict[str, list[float]]:
    """Milliseconds of one row: typed keys, first keys, reading ahead; and the tokens of every answer."""
    took: dict[str, list[float]] = {"typed": [], "first": [], "ahead": [], "tokens": []}
    with contextlib.ExitStack() as stack:
        ask = _asker(given, stack)
        for moments in keys_of(given.file.read_text("utf-8"), given.jumps, given.keys):
            for number, (before, behind) in enumerate(moments):
                form = {"style": PromptStyle.FIM, "stops": ("\n",), "stop_repetition": True, "heal": given.heal}
                request = Request(prompt=before, suffix=behind, max_tokens=16 if number else 0, **form)
                started = time.perf_counter()
                tokens = ask(request)
                took["tokens"].append(tokens)
                took[("ahead", "first", "typed")[min(number, 2)]].append(1000 * (time.perf_counter() - started))
                time.sleep(KEY_PAUSE_S if number else given.pause)
    return took


def _asker(given: argparse.Namespace, stack: contextlib.ExitStack) -> Ask:
    if given.row == "llama-server":
        return _llama_server(given.model, iter(json.loads(given.tokens)), stack)
    if given.row.startswith("gateway"):
        engine = EngineProcess(functools.partial(open_local, given.model, "auto", 1, 1024))
        stack.callback(engine.close)
        return over_http(stack, engine, looked_at=given.row.endswith("checks"))
    engine = LlamaCppEngine(given.model, slots=1, anchored=True)
    if given.row == "engine":
        return lambda request: list(engine.stream(replace(request, whole=True)))[-1].tokens
    return over_http(stack, engine)


def over_http(stack: contextlib.ExitStack, engine: object, *, looked_at: bool = False) -> Ask:
    """A server over an engine, and how it is asked."""
    address = Address(port=0)
    listening = stack.enter_context(address.listen())
    server = make_server(engine, Tokens(Path("/nonexistent/tokens.json")), address, ServerSettings(slots=1))
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
    thread.start()
    stack.callback(thread.join)
    stack.callback(setattr, server, "should_exit", True)
    while not server.started:
        time.sleep(0.01)
    client = stack.enter_context(httpx2.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=60))

    def ask(request: Request) -> int:
        place = {"path": "file.py", "postprocess": looked_at, "monitor": looked_at}
        body = {"prompt": request.prompt, "suffix": request.suffix, "stop": ["\n"], "max_tokens": request.max_tokens}
        return client.post("/v1/completions", json=body | {"yunque": place}).json()["usage"]["completion_tokens"]

    return ask


class Reader(TokenizingEngine):
    """Reads requests as our engine does, without a model."""

    def __init__(self, model: Path) -> None:
        self.name, self.tokenizer, self.context = "reader", load_gguf_tokenizer(model), None
        self.fim, self.prompt_tokens, self.suffix_tokens = find_fim(self.tokenizer), 1024, 256
        self.begin = Anchors(llama_cpp_engine.CHARS_PER_TOKEN * 1024).begin


def _llama_server(model: Path, tokens: Iterator[int], stack: contextlib.ExitStack) -> Ask:
    """llama.cpp's own server, given the ids that our engine would read, and the number of tokens that it wrote."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.n_parallel, params.n_ctx = str(model), 1, llama_cpp_engine.CONTEXT_TOKENS
    with socket.create_server(("127.0.0.1", 0)) as free:
        params.port = free.getsockname()[1]
    params.warmup, params.verbosity, params.ui = False, -1, False
    server, reader = xllamacpp.Server(params), Reader(model)
    stack.callback(lambda: server)  # it ends with the last who holds it
    client = stack.enter_context(httpx2.Client(base_url=server.listening_address, timeout=60))

    def ask(request: Request) -> int:
        ids, lead = reader.read(request)
        asked = llama_cpp_engine._asked(ids, llama_cpp_engine._Growing(request, lead, len(ids)))
        body = asked | {"stream": False, "n_predict": next(tokens)}
        return client.post("/completion", json=body).json()["tokens_predicted"]

    return ask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--jumps", type=int, default=4)
    parser.add_argument("--keys", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pause", type=float, default=1.5, help="seconds between opening a file and the first key")
    parser.add_argument("--no-heal", dest="heal", action="store_false", help="ask without healing the word at the cursor")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    parser.add_argument("--tokens", default="[]", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        print(json.dumps(measure(given)))
        return
    took: dict[str, dict[str, list[float]]] = {row: defaultdict(list) for row in ROWS}
    for _ in range(given.rounds):
        for row in ROWS:
            written = json.dumps(took[ROWS[0]]["tokens"])
            command = [sys.executable, *sys.argv, "--row", row, "--tokens", written]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            for name, values in json.loads(done.stdout.splitlines()[-1]).items():
                took[row][name] += values
    facts = machine_facts()
    n = f"n = {len(took['engine']['typed'])} keys, {len(took['engine']['first'])} jumps, {given.rounds} rounds"
    print(f"{facts.cpu}, {facts.num_cores} cores, {given.model.name}, {n}\n")
    print("| | median ms | p95 ms | first key after a jump, median (most) | read ahead, median ms |\n|---|--:|--:|--:|--:|")
    for row, values in took.items():
        median, p95 = statistics.median(values["typed"]), statistics.quantiles(values["typed"], n=20)[-1]
        first = f"{statistics.median(values['first']):.0f} ({max(values['first']):.0f})"
        print(f"| {row} | {median:.0f} | {p95:.0f} | {first} | {statistics.median(values['ahead']):.0f} |")


if __name__ == "__main__":
    main()
