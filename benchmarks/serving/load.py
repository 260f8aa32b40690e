"""A gateway under load: distinct prompts, more and more at once, with faults among them; what is answered, refused, lost.

    python benchmarks/serving/load.py [MODEL.gguf] [--requests 10000] [--at-once 1,4,16,64,128] [--slots 4]

Without a model a scripted engine answers (2 ms a token), so that the gateway itself is what is measured. At every level so
many clients ask as fast as they are answered, each with a prompt of its own that nobody asked before, 8 tokens an answer;
all levels have the same share of the requests. A quarter of the clients are ``ada``, all others ``hog``: what she waits says
whether one user starves another. Meanwhile, at every level, 10 bodies that never end, 10 of 50 MB, 20 of broken JSON, 20
wrong tokens and 20 streams whose client goes away, and the engine's process is killed (SIGKILL).

    answered + refused (429) = requests, and nothing else: that is checked, and the script fails where it is not so
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from multiprocessing.connection import Connection
from pathlib import Path

import httpx2
import psutil

from yunque.inference.engine_process import EngineProcess
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.reports.forge.collect import machine_facts
from yunque.serving.serve import Address, ServerSettings, make_server, open_model
from yunque.serving.tokens import Tokens

TEXT = "self.items.append(item) or self.count(1, 2, 3)"


def serve(model: Path | None, slots: int, tokens: Path, tell: Connection) -> None:
    """A gateway in a process of its own; its port goes to whoever started it."""
    scripted = functools.partial(ScriptedEngine, {"": TEXT}, delay_ms=2)
    engine = open_model(model, slots=slots).engine if model else EngineProcess(scripted)
    with Address(port=0).listen() as listening:
        server = make_server(engine, Tokens(tokens), Address(port=0), ServerSettings(slots=slots))
        tell.send(listening.getsockname()[1])
        server.run(sockets=[listening])


class Load:
    """Clients of one server."""

    def __init__(self, port: int, tokens: dict[str, str], process: psutil.Process) -> None:
        self.port, self.url, self.tokens, self.number = port, f"http://127.0.0.1:{port}", tokens, 0
        self.process = process
        self.faults: Counter[str] = Counter()

    def headers(self, user: str) -> dict[str, str]:
        """Who asks."""
        return {"Authorization": f"Bearer {self.tokens[user]}"}

    async def level(self, at_once: int, requests: int) -> tuple[Counter[int], dict[str, list[float]], float]:
        """Statuses, seconds of answers by user, and seconds in all."""
        statuses: Counter[int] = Counter()
        took: dict[str, list[float]] = defaultdict(list)
        left, ends = requests, list[float]()
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(base_url=self.url, timeout=120, limits=limits) as client:

            async def ask(user: str) -> None:
                nonlocal left
                while left > 0:
                    left, self.number = left - 1, self.number + 1
                    body = {"prompt": f"# request {self.number}\ndef f{self.number}(self, item):\n    ", "max_tokens": 8}
                    began = time.perf_counter()
                    answer = await client.post("/v1/completions", json=body, headers=self.headers(user))
                    statuses[answer.status_code] += 1
                    if answer.status_code == 200:
                        took[user].append(time.perf_counter() - began)
                    else:
                        await asyncio.sleep(0.05)
                ends.append(time.perf_counter())

            users = ["ada" if number % 4 == 0 else "hog" for number in range(at_once)]
            began = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                group.create_task(self.disturb(client))
                for user in users:
                    group.create_task(ask(user))
        return statuses, took, max(ends) - began

    async def disturb(self, client: httpx2.AsyncClient) -> None:
        """What clients do wrong, each counted by what it got."""
        slow = []
        for _ in range(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            authorization = f"Authorization: {self.headers('hog')['Authorization']}\r\n"
            writer.write(f"POST /v1/completions HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: 99\r\n\r\n{{".encode())
            slow.append((reader, writer))
        big = b"x" * (50 << 20)
        for _ in range(10):
            try:
                self.faults[f"50 MB: {(await self._post(client, big)).status_code}"] += 1
            except httpx2.TransportError:
                self.faults["50 MB: closed"] += 1
        for _ in range(20):
            answer = await self._post(client, b'{"prompt": ')
            self.faults[f"broken JSON: {answer.status_code}"] += 1
            answer = await client.post("/v1/completions", json={"prompt": "x"}, headers={"Authorization": "Bearer no"})
            self.faults[f"wrong token: {answer.status_code}"] += 1
            body = {"prompt": f"left {self.number}", "max_tokens": 60, "stream": True}
            async with client.stream("POST", "/v1/completions", json=body, headers=self.headers("hog")) as stream:
                self.faults[f"left in the middle: {stream.status_code}"] += 1
        for engine in self.process.children():
            engine.kill()
            self.faults["engine killed"] += 1
        for reader, writer in slow:
            line = await reader.readline()
            self.faults[f"body without end: {line.split()[1].decode() if line else 'closed'}"] += 1
            writer.close()

    async def _post(self, client: httpx2.AsyncClient, data: bytes) -> httpx2.Response:
        return await client.post("/v1/completions", content=data, headers=self.headers("hog"))


async def run(load: Load, levels: list[int], requests: int) -> None:
    """Every level, a row each."""
    print(
        "| at once | answered | refused | answers a second | median ms | p95 ms | ada's median | hog's median | memory MB |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for at_once in levels:
        share = requests // len(levels)
        statuses, took, seconds = await load.level(at_once, share)
        every = sorted(value for values in took.values() for value in values)
        lost = {status: number for status, number in statuses.items() if status not in (200, 429)}
        assert not lost and statuses[200] + statuses[429] == share, (statuses, share)
        of = {user: f"{1000 * statistics.median(values):.0f}" for user, values in took.items()}
        memory = sum(part.memory_info().rss for part in (load.process, *load.process.children())) >> 20
        p95 = 1000 * every[int(0.95 * len(every))]
        middle = f"{1000 * statistics.median(every):.0f} | {p95:.0f} | {of.get('ada', '–')} | {of.get('hog', '–')}"
        print(
            f"| {at_once} | {statuses[200]} | {statuses[429]} | {statuses[200] / seconds:.0f} | {middle} | {memory} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--at-once", default="1,4,16,64,128")
    parser.add_argument("--slots", type=int, default=4)
    given = parser.parse_args()
    levels = [int(level) for level in given.at_once.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        tokens = Tokens(Path(folder) / "tokens.json")
        made = {name: tokens.add(name) for name in ("ada", "hog")}
        mine, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        server = context.Process(target=serve, args=(given.model, given.slots, tokens.path, theirs))
        server.start()
        port = mine.recv()
        while socket.create_connection(("127.0.0.1", port)).close():
            time.sleep(0.1)
        load = Load(port, made, psutil.Process(server.pid))
        facts, engine = machine_facts(), given.model.name if given.model else "scripted"
        print(f"{facts.cpu}, {facts.num_cores} cores, {engine}, {given.slots} slots, n = {given.requests} requests\n")
        try:
            asyncio.run(run(load, levels, given.requests))
            health = httpx2.get(f"{load.url}/healthz").json()
            counts = httpx2.get(f"{load.url}/metrics", headers=load.headers("ada")).text
        finally:
            server.terminate()
            server.join()
        print(f"\nfaults among them: {json.dumps(dict(sorted(load.faults.items())))}")
        print(f"afterwards: running {health['running']}, waiting {health['waiting']}")
        print("\n".join(line for line in counts.splitlines() if line.startswith("yunque_") and "_created" not in line))


if __name__ == "__main__":
    main()
