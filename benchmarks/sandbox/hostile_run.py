"""A long run of answers, one in ten of them hostile: is every other verdict right, is memory flat, is a worker ever missed?

    python benchmarks/sandbox/hostile_run.py --benchmarks FOLDER [--answers 10000] [--workers 2]

The answers are HumanEval's canonical ones, in turn; the hostile ones (`HOSTILE`) attack the judge, the sandbox, or both.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from yunque.checks.processes import resident_bytes
from yunque.core.nouns import Outcome, PromptStyle
from yunque.evaluation.metrics.answers import AnswerValues
from yunque.evaluation.registry import open_suite
from yunque.evaluation.runner import judge_samples
from yunque.sandbox import open_sandbox

HOSTILE = {
    "text: nothing but newlines": "\n" * 400_000,
    "text: continued lines": "    return (1 + \\\n" * 20_000,
    "text: brackets": "    return " + "[" * 100_000,
    "text: quotes": "'\"" * 100_000,
    "text: half a character": "    return '\ud800'\n",
    "value: colliding numbers": "    return {n * (2 ** 61 - 1) for n in range(20_000)}\n",
    "value: a number without end": "    return 7 ** 3_000_000\n",
    "value: nested": "    x = []\n    for _ in range(100_000): x = [x]\n    return x\n",
    "value: long": "    return ['x' * 1000] * 100_000\n",
    "value: equal to all": "    class A:\n        __eq__ = lambda *_: True\n    return A()\n",
    "output without end": "    import os\n    while True: os.write(1, b'x' * 65536)\n",
    "lines of its own": "    import os\n    os.write(1, b'=true\\n' * 100_000)\n    os._exit(0)\n",
    "memory": "    x = []\n    while True: x.append(bytearray(1 << 20))\n",
    "processes": "    import os\n    while True: os.fork()\n",
    "threads": "    import threading\n    while True: threading.Thread(target=threading.Event().wait).start()\n",
    "files": "    n = 0\n    while True:\n        open(str(n), 'w').write('x' * 4096)\n        n += 1\n",
    "stopping its parent": "    import os, signal\n    os.kill(os.getppid(), signal.SIGSTOP)\n",
    "killing all": "    import os, signal\n    os.kill(-1, signal.SIGKILL)\n",
    "leaving": "    raise SystemExit(0)\n",
    "time": "    while True: pass\n",
}


def processes(pid: int) -> Iterator[int]:
    """A process, and all that it has started."""
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from processes(int(child))


def main() -> None:
    """Judge all in one run, with a line every ten seconds; then what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--benchmarks", type=Path, required=True)
    parser.add_argument("--answers", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    names, begun, over = list(HOSTILE), time.perf_counter(), threading.Event()

    def watch() -> None:
        while not over.wait(10):
            ours, log = os.getpid(), Path(folder, "verdicts.jsonl")
            sizes = resident_bytes(ours) >> 20, sum(map(resident_bytes, processes(ours))) >> 20
            done = log.read_bytes().count(b"\n") if log.exists() else 0
            print(f"| {time.perf_counter() - begun:.0f} | {done} | {sizes[0]} | {sizes[1]} |", flush=True)

    with tempfile.TemporaryDirectory() as folder, open_sandbox() as box:
        suite = open_suite("humaneval", box, options.benchmarks)
        suite = replace(suite, limits=replace(suite.limits, wall_s=1.0, cpu_s=1.0))
        tasks, samples, kinds = list(suite.tasks()), [], {}
        counts: Counter[str] = Counter()
        for at in range(options.answers):
            task = tasks[at % len(tasks)]
            kind = names[at // 10 % len(names)] if at % 10 == 9 else ""
            kinds[task.id, counts[task.id]] = kind
            counts[task.id] += 1
            samples.append((task.id, HOSTILE[kind] if kind else suite.canonical(task) or "", PromptStyle.PREFIX))
        print(f"tier {box.tier}\n| s | answers | MiB of ours | MiB of all |\n|--:|--:|--:|--:|", flush=True)
        watcher = threading.Thread(target=watch)
        watcher.start()
        values = AnswerValues(suite=suite, kinds=(), sandbox=box)
        rows = judge_samples(suite, samples, Path(folder), values=values, workers=options.workers)
        over.set()
        watcher.join()
        wrong: Counter[str] = Counter()
        for row in rows:
            kind = kinds.get((row.task_id, row.sample), "no answer")  # fewer answers than tasks: the others fail
            if row.outcome != (Outcome.FAIL if kind else Outcome.PASS):
                wrong[f"{kind or f'right answer to {row.task_id}'}: {row.outcome} {row.detail[-100:]!a}"] += 1
        waits = []
        for _ in range(50):
            started = time.perf_counter()
            suite.judge(tasks[0], suite.canonical(tasks[0]) or "", PromptStyle.PREFIX)
            waits.append(time.perf_counter() - started)
    print(f"\n{len(rows)} answers, {sum(map(bool, kinds.values()))} hostile, {time.perf_counter() - begun:.0f} s; ", end="")
    print(f"wrong: {wrong.total()}; the slowest of 50 verdicts afterwards: {max(waits) * 1e3:.0f} ms")
    for what, count in wrong.most_common():
        print(f"  {count} x {what}")


if __name__ == "__main__":
    main()
