"""How many HumanEval+ solutions a second? Canonical solutions on all inputs, our judge and evalplus in turn.

    python -m venv PEER && PEER/bin/pip install evalplus==0.3.1
    python benchmarks/evaluation/plus_speed.py --peer PEER/bin/python [--turns 3] [--workers 2]

Both judge each of the 164 canonical solutions once, expected results known beforehand (the peer's come from a run of its
own, not counted). The peer's part is what its `evaluate` calls: `check_correctness` with the base and the plus inputs in a
pool of processes. The last row is the processor time that the solutions themselves take, a bound for any judge.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from yunque.core.nouns import Outcome
from yunque.core.paths import benchmarks_folder
from yunque.evaluation.metrics.answers import RecordingSandbox
from yunque.evaluation.suites.evalplus import humaneval_plus
from yunque.sandbox import open_sandbox

PEER = """
import json, sys, time
from concurrent.futures import ProcessPoolExecutor
from evalplus.data import get_human_eval_plus, get_human_eval_plus_hash
from evalplus.evaluate import check_correctness, get_groundtruth
problems, workers = get_human_eval_plus(), int(sys.argv[1])
expected = get_groundtruth(problems, get_human_eval_plus_hash(), [])
started = time.perf_counter()
with ProcessPoolExecutor(workers) as pool:
    jobs = [
        pool.submit(check_correctness, "humaneval", 0, one, one["prompt"] + one["canonical_solution"], expected[key], False)
        for key, one in problems.items()
    ]
    found = [job.result() for job in jobs]
passed = sum(one["base"][0] == "pass" and one["plus"][0] == "pass" for one in found)
print(json.dumps([passed, time.perf_counter() - started]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="a Python that has evalplus")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    folder, rows = benchmarks_folder(), {"ours": [], "evalplus 0.3.1": []}
    spent: list[float] = []
    with open_sandbox() as inner:
        sandbox = RecordingSandbox(inner)
        suite = humaneval_plus(folder, sandbox)
        tasks = sorted(suite.tasks(), key=lambda task: -len(suite.problems[task.id].test))  # the longest first

        def judge(task) -> Outcome:
            with sandbox.tape() as seen:
                outcome = suite.judge(task, suite.canonical(task)).outcome
            spent.append(sum(one.cpu_ms for one in seen))
            return outcome

        with ThreadPoolExecutor(options.workers) as pool:
            list(pool.map(judge, tasks))  # the expected results are read, and results that a reference gives made
        for _ in range(options.turns):
            spent.clear()
            started = time.perf_counter()
            with ThreadPoolExecutor(options.workers) as pool:
                passed = sum(one is Outcome.PASS for one in pool.map(judge, tasks))
            rows["ours"].append((passed, time.perf_counter() - started))
            if options.peer:
                rows["evalplus 0.3.1"].append(_peer(options.peer, folder, options.workers))
    print(f"| judge | solutions/s, median | range | passed | turns | ({options.workers} workers)\n|---|--:|--:|--:|--:|")
    for name, turns in rows.items():
        if turns:
            speeds = sorted(passed / seconds for passed, seconds in turns)
            middle = statistics.median(speeds)
            print(f"| {name} | {middle:.1f} | {speeds[0]:.1f}-{speeds[-1]:.1f} | {turns[-1][0]} | {len(turns)} |")
    bound = len(tasks) / (sum(spent) / 1000) * min(options.workers, os.cpu_count() or 1)
    print(f"| bound: the programs' own {sum(spent) / 1000:.1f} s of processor time | {bound:.1f} | | | |")


def _peer(python: str, folder: Path, workers: int) -> tuple[int, float]:
    files = {"HUMANEVAL_OVERRIDE_PATH": str(folder / "humaneval-plus" / "HumanEvalPlus.jsonl.gz")}
    done = subprocess.run(
        [python, "-c", PEER, str(workers)], capture_output=True, text=True, check=True, env=os.environ | files, timeout=1800
    )
    passed, seconds = json.loads(done.stdout.splitlines()[-1])
    return passed, seconds


if __name__ == "__main__":
    main()
