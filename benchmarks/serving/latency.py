"""How long a completion takes while one types: a held-out file, replayed key by key, through the gateway and without it.

    python benchmarks/serving/latency.py MODEL.gguf FILE.py [--keys 120] [--jump-every 30]

Every three characters the line so far is asked to be completed (to the end of the line, at most 16 tokens) with 1 KB before
and 300 B behind the cursor; now and then the cursor jumps elsewhere in the file. Rows, on the same cursors,
each from a model that has read nothing yet:

    engine     `LlamaCppEngine` called directly
    gateway    the same engine behind `yunque serve`, over HTTP

Median, 95th percentile and the first answer after a jump, in ms.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2

from yunque.core.nouns import PromptStyle, Request
from yunque.inference.llama_cpp_engine import LlamaCppEngine
from yunque.reports.forge.collect import machine_facts
from yunque.serving.serve import Address, make_server
from yunque.serving.tokens import Tokens

BEFORE, BEHIND = 1000, 300


def cursors(text: str, keys: int, jump_every: int) -> list[tuple[int, bool]]:
    """(place, whether the cursor has just jumped there) of every key that is pressed."""
    chance, place, places = random.Random(17), 0, []
    for key in range(keys):
        jumped = key % jump_every == 0
        if jumped:
            place = chance.randrange(BEFORE, len(text) - BEHIND)
        place += 3
        places.append((place, jumped))
    return places


def request_at(text: str, place: int) -> Request:
    """What is asked there."""
    line_end = text.find("\n", place)
    suffix = text[line_end if line_end >= 0 else place :][:BEHIND]
    prompt = text[max(0, place - BEFORE) : place]
    return Request(prompt=prompt, suffix=suffix, style=PromptStyle.FIM, stop="line", stops=("\n",), max_tokens=16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--keys", type=int, default=120)
    parser.add_argument("--jump-every", type=int, default=30)
    parser.add_argument("--plain", action="store_true", help="prompts begin where the window does")
    given = parser.parse_args()
    text = given.file.read_text("utf-8")
    took: dict[str, list[tuple[float, bool]]] = {}
    for name in ("engine", "gateway"):
        engine = LlamaCppEngine(given.model, slots=1, anchored=not given.plain)  # one that has read nothing yet
        with contextlib.ExitStack() as stack:
            ask = _over_http(stack, engine) if name == "gateway" else lambda request, it=engine: list(it.stream(request))
            took[name] = []
            for place, jumped in cursors(text, given.keys, given.jump_every):
                started = time.perf_counter()
                ask(request_at(text, place))
                took[name].append((1000 * (time.perf_counter() - started), jumped))
    facts = machine_facts()
    print(
        f"{facts.cpu}, {facts.num_cores} cores, {given.model.name}, n = {given.keys} keys, a jump every {given.jump_every}\n"
    )
    print("| | median ms | p95 ms | after a jump, median ms |\n|---|--:|--:|--:|")
    for name, rows in took.items():
        typed, jumps = ([ms for ms, jumped in rows if jumped is kind] for kind in (False, True))
        p95 = statistics.quantiles(typed, n=20)[-1]
        print(f"| {name} | {statistics.median(typed):.0f} | {p95:.0f} | {statistics.median(jumps):.0f} |")


def _over_http(stack: contextlib.ExitStack, engine: LlamaCppEngine) -> Callable[[Request], object]:
    """A server over an engine, and how it is asked."""
    address = Address(port=0)
    listening = stack.enter_context(address.listen())
    server = make_server(engine, Tokens(Path("/nonexistent/tokens.json")), address, slots=1)
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
    thread.start()
    stack.callback(thread.join)
    stack.callback(setattr, server, "should_exit", True)
    while not server.started:
        time.sleep(0.01)
    client = stack.enter_context(httpx2.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=60))

    def ask(request: Request) -> None:
        body = {"prompt": request.prompt, "suffix": request.suffix, "stop": ["\n"], "max_tokens": 16}
        client.post("/v1/completions", json=body).raise_for_status()

    return ask


if __name__ == "__main__":
    main()
