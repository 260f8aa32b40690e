"""Events under load and faults: is one lost, is one counted twice?

    python benchmarks/serving/events.py [--clients 50] [--events 10000] [--kills 2] [--level shape] [--postgres FOLDER]

Clients report as editors do: batches of some events, a time-out, and the same batch again until it is acknowledged. While
they do, the gateway is killed -9 twice, and so is the database where it is a server (``--postgres``: a folder for one, which
Debian's package runs). In the end every event of every client must be there, once. The gateway serves a scripted engine: it
is the store that is looked at.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.postgres import Postgres  # noqa: E402
from yunque.feedback.events import LEVELS  # noqa: E402
from yunque.feedback.ledger import Ledger  # noqa: E402
from yunque.reports.forge.collect import machine_facts  # noqa: E402

SERVER = """
import sys
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.serving.serve import Address, ServerSettings, make_server, open_feedback
from yunque.serving.tokens import Tokens
url, port, level, folder = sys.argv[1:]
address = Address(port=int(port))
with address.listen() as listening:
    settings = ServerSettings(feedback=open_feedback(level, url, 180))
    server = make_server(ScriptedEngine({}), Tokens(__import__('pathlib').Path(folder) / 'tokens.json'), address, settings)
    server.run(sockets=[listening])
"""
BATCH = 5


@dataclass
class Tally:
    """What the clients saw."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    took_ms: list[float] = field(default_factory=list)
    retries: int = 0
    acknowledged: set[str] = field(default_factory=set)


def event(client: int, number: int) -> dict:
    """One of a completion's reactions."""
    reaction = ("shown", "accepted", "survived", "dismissed", "partly accepted")[number % 5]
    return {
        "id": f"{client}-{number}", "completion_id": f"{client}-{number // 5}", "reaction": reaction, "model": "m",
        "happened_at": time.time(), "language": "python", "chars": 24, "kept_chars": 20, "latency_ms": 90.0,
        "prompt": "def add(a, b):\n    return ", "completion": "a + b", "suffix": "\n", "path": "src/sums.py",
    }  # fmt: skip


def client(url: str, token: str, number: int, num_events: int, seconds: float, tally: Tally) -> None:
    """Report events at an even pace; each batch until it is acknowledged."""
    draw = random.Random(number)
    headers = {"Authorization": f"Bearer {token}"}
    started = time.monotonic()
    with httpx2.Client(base_url=url, headers=headers, timeout=10) as http:
        for first in range(0, num_events, BATCH):
            due = started + seconds * first / num_events + draw.uniform(0, 0.2)
            time.sleep(max(0.0, due - time.monotonic()))
            events = [event(number, index) for index in range(first, min(first + BATCH, num_events))]
            while True:
                begun = time.monotonic()
                try:
                    if http.post("/v1/events", json={"events": events}).status_code == 200:
                        break
                except httpx2.HTTPError:
                    pass
                with tally.lock:
                    tally.retries += 1
                time.sleep(draw.uniform(0.2, 0.6))
            with tally.lock:
                tally.took_ms.append(1000 * (time.monotonic() - begun))
                tally.acknowledged |= {item["id"] for item in events}


def main() -> None:
    """Print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--level", default="shape", choices=[level for level in LEVELS if level != "off"])
    parser.add_argument("--postgres", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="yq-events-"))
    postgres = None
    if options.postgres:
        options.postgres.mkdir(parents=True, exist_ok=True)
        postgres = Postgres(options.postgres, sync=True)
        postgres.start()
    database = postgres.url if postgres else str(folder / "events.sqlite")
    os.environ |= {"YUNQUE_DATA": str(folder)}
    from yunque.serving.tokens import Tokens

    tokens = Tokens(folder / "tokens.json")
    given = [tokens.add(f"client {number}") for number in range(options.clients)]
    ledger = Ledger(database)
    for number in range(options.clients):
        ledger.agree(f"client {number}", LEVELS[options.level])

    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"

    def serve() -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, "-c", SERVER, database, str(port), options.level, str(folder)])
        for _ in range(600):
            try:
                httpx2.get(f"{url}/healthz", timeout=1)
                return process
            except httpx2.HTTPError:
                time.sleep(0.05)
        raise RuntimeError("the gateway does not start")

    server, tally = serve(), Tally()
    each = options.events // options.clients
    threads = [
        threading.Thread(target=client, args=(url, given[number], number, each, options.seconds, tally))
        for number in range(options.clients)
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for kill in range(options.kills):
        time.sleep(max(0.0, started + options.seconds * (kill + 1) / (options.kills + 1) - time.monotonic()))
        server.send_signal(signal.SIGKILL)
        server.wait()
        if postgres:
            postgres.kill()
            postgres.start()
        server = serve()
    for thread in threads:
        thread.join()
    took_s = time.monotonic() - started
    server.terminate()
    server.wait()
    stored = ledger.num_events()
    completions = sum(1 for _ in ledger.completions())
    ledger.close()
    if postgres:
        postgres.stop()
    expected = each * options.clients
    ordered = sorted(tally.took_ms)
    print(f"{time.strftime('%Y-%m-%d')}, {machine_facts().cpu}, {os.cpu_count()} cores; {options.clients} clients, level "
          f"{options.level}, {'PostgreSQL' if postgres else 'SQLite'}, {options.kills} kills; {took_s:.0f} s")  # fmt: skip
    print("\n| events | acknowledged | in the store | lost | twice | batches sent again | ms a batch, median | p95 |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    lost, twice = max(0, expected - stored), max(0, stored - expected)
    print(f"| {expected:,} | {len(tally.acknowledged):,} | {stored:,} | {lost} | {twice} | {tally.retries} | "
          f"{statistics.median(ordered):.0f} | {ordered[int(0.95 * len(ordered))]:.0f} |")  # fmt: skip
    assert completions == expected // 5


if __name__ == "__main__":
    main()
