"""What a suite can give here at best and at worst: how many canonical answers pass, how many wrong ones do, and why not.

    python benchmarks/evaluation/ceilings.py [--suite 'humanevalpack-fix-*' ...] [--workers 2] [--limit N]

``--suite`` may be said more than once and takes patterns; without it, every suite that `yunque suites` lists. The benchmarks
lie in ``$YUNQUE_BENCHMARKS``. A canonical answer that does not pass, and a wrong one that does, is told with its reason.
"""

import argparse
import fnmatch
import tempfile
import time
from collections import Counter
from pathlib import Path

from yunque.cli.console import bars
from yunque.core.errors import YunqueError
from yunque.core.seams import JudgedSuite
from yunque.evaluation.registry import open_suite, suite_names
from yunque.evaluation.runner import find_ceiling
from yunque.sandbox import open_sandbox

HEAD = "| suite | tasks | canonical pass | fail | skip | wrong pass | fail | skip | seconds |"


def row(suite: JudgedSuite, *, workers: int, limit: int | None) -> tuple[str, list[str]]:
    """The suite's row of the table, and its misses."""
    started, tasks = time.perf_counter(), list(suite.tasks())[:limit]
    with tempfile.TemporaryDirectory() as folder:
        rows = find_ceiling(suite, tasks, Path(folder), workers=workers, progress=bars)
    canonical, wrong = Counter(one.canonical or "none" for one in rows), Counter(one.wrong for one in rows)
    cells = [canonical[one] if canonical["none"] < len(rows) else "-" for one in ("pass", "fail", "skip")]
    cells += [wrong[one] for one in ("pass", "fail", "skip")]
    misses = [
        f"{one.task_id}: canonical {one.canonical}: {one.detail}" for one in rows if one.canonical in ("fail", "error")
    ]
    misses += [f"{one.task_id}: the wrong answer passes" for one in rows if one.wrong == "pass"]
    skipped = Counter(one.detail for one in rows if one.canonical == "skip")
    misses += [f"{number} skipped: {why}" for why, number in skipped.most_common()]
    took = time.perf_counter() - started
    return f"| {suite.name} | {len(tasks)} | {' | '.join(map(str, cells))} | {took:.0f} |", misses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", action="append", help="name or pattern; more than once")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=int, help="tasks of each suite")
    options = parser.parse_args()
    names = [name for name in suite_names() if any(fnmatch.fnmatch(name, one) for one in options.suite or ["*"])]
    print(HEAD, "|---|--:|--:|--:|--:|--:|--:|--:|--:|", sep="\n")
    told = []
    with open_sandbox() as sandbox:
        for name in names:
            try:
                line, misses = row(open_suite(name, sandbox), workers=options.workers, limit=options.limit)
            except YunqueError as error:
                line, misses = f"| {name} | | | | | | | | |", [error.line()]
            print(line, flush=True)
            told += [f"{name}: {miss}" for miss in misses]
    print("", *told, sep="\n")


if __name__ == "__main__":
    main()
