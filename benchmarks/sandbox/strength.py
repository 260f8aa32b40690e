"""How many tasks of a suite are judged so that an answer cannot forge the verdict, and by which layers the others are.

    python benchmarks/sandbox/strength.py --benchmarks FOLDER [--suites multipl-e-java ...] [--repository pypi:boltons ...]

A suite: the seat of the verdict on every canonical answer where the suite has one, or whether the test is taken apart
(MultiPL-E has no canonical answers). A repository: the verdict on the original body of at most ``--functions`` functions.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from yunque.core.nouns import Outcome, PromptStyle, Task
from yunque.evaluation.registry import JudgedSuite, open_suite
from yunque.evaluation.repository.questions import EvaluationRecipe
from yunque.evaluation.repository.suites import open_repository
from yunque.evaluation.suites.multipl_e import MultiPLE
from yunque.sandbox import open_sandbox

LANGUAGES = ("javascript", "typescript", "java", "cpp", "go", "rust", "php", "ruby", "shell", "csharp")
SUITES = ("humaneval", "mbpp-all", *(f"multipl-e-{name}" for name in LANGUAGES))


def strengths(suite: JudgedSuite, workers: int, number: int = 0) -> Counter[str]:
    """Seats, or layers, and how many tasks have them."""
    tasks = sorted(suite.tasks(), key=lambda task: task.id)[: number or None]

    def tell(task: Task) -> str:
        if isinstance(suite, MultiPLE):
            return "outside" if suite.taken_apart(task) else "in-process"
        verdict = suite.judge(task, suite.canonical(task) or "", PromptStyle.PREFIX)
        if verdict.outcome is not Outcome.PASS:
            return f"({verdict.outcome}: {verdict.detail[:60]})"
        layers = re.search(r"in-process(, guarded)?, (\d+) of (\d+) controlled", verdict.detail)
        if not layers:
            return verdict.judge_location if verdict.judge_location != "in-process" else verdict.detail
        share = "all" if layers[2] == layers[3] else "no" if layers[2] == "0" else "some"
        return f"in-process{layers[1] or ''}, {share} tests controlled"

    with ThreadPoolExecutor(workers) as pool:
        return Counter(pool.map(tell, tasks))


def main() -> None:
    """A line for each suite and repository."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--benchmarks", type=Path)
    parser.add_argument("--suites", nargs="*", default=SUITES)
    parser.add_argument("--repository", nargs="*", default=())
    parser.add_argument("--functions", type=int, default=60)
    parser.add_argument("--reach-s", type=float, default=180, help="how long a repository's tests may take, traced")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print("| suite | tasks | by strength |\n|---|--:|---|", flush=True)
    with open_sandbox() as box:
        suites: list[tuple[JudgedSuite, int]] = []
        if options.benchmarks:
            suites += [(open_suite(name, box, options.benchmarks), 0) for name in options.suites]
        for source in options.repository:
            recipe = EvaluationRecipe(reach_wall_s=options.reach_s)
            suites += [(suite, options.functions) for suite in open_repository(source, box, ["body"], recipe=recipe)]
        for suite, number in suites:
            found = strengths(suite, options.workers, number)
            kinds = "; ".join(f"{kind}: {count}" for kind, count in found.most_common())
            print(f"| {suite.name} | {found.total()} | {kinds} |", flush=True)


if __name__ == "__main__":
    main()
