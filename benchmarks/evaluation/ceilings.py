"""What a suite can give here at best and at worst: how many canonical answers pass, how many wrong ones fail, and why not.

    python benchmarks/evaluation/ceilings.py [--suite humanevalpack-fix-java ...] [--workers 2] [--limit N]

``--suite`` may be said more than once, and takes patterns (``'multipl-e-*'``). The benchmarks lie in ``$YUNQUE_BENCHMARKS``.
A miss is a canonical answer that does not pass, or a wrong one that does not fail; each is told with its reason.
"""

import argparse
import fnmatch
import functools
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.progress import Progress

from yunque.checks.execution import judge_all
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Outcome
from yunque.evaluation.humanevalpack import LANGUAGES, HumanEvalPack
from yunque.evaluation.multipl_e import FORMS, MultiPLE
from yunque.sandbox import open_sandbox

SHARED = Path(__file__).resolve().parents[3] / "shared" / "benchmarks"


def suites(folder: Path, sandbox, cache: Path) -> list:
    """Every suite; one line each, or one for each of its languages."""
    packs = functools.partial(HumanEvalPack, folder=folder / "humanevalpack", sandbox=sandbox, cache=cache)
    multi = functools.partial(MultiPLE, folder=folder / "multipl-e" / "humaneval", sandbox=sandbox, cache=cache)
    return [
        *(packs(kind="fix", language=language) for language in LANGUAGES),
        *(multi(language=language) for language in FORMS),
    ]


def measure(suite, *, workers: int, limit: int | None, progress: Progress) -> tuple[list[str], list[str]]:
    """The suite's cells of the table, and a line for each miss and each sort of skip."""
    started, tasks = time.perf_counter(), list(suite.tasks())[:limit]
    asked = [(task, Outcome.PASS, suite.canonical(task)) for task in tasks]
    asked = [one for one in asked if one[2] is not None]
    num_canonical = len(asked)
    asked += [(task, Outcome.FAIL, suite.wrong(task)) for task in tasks]
    bar = progress.add_task(suite.name, total=len(asked))
    verdicts = judge_all(
        [functools.partial(suite.judge, task, text) for task, _, text in asked],
        workers=workers,
        advance=lambda count: progress.advance(bar, count),
    )
    progress.remove_task(bar)
    found = [(task, wanted, verdict) for (task, wanted, _), verdict in zip(asked, verdicts, strict=True)]
    held = [sum(v.outcome is wanted for _, wanted, v in part) for part in (found[:num_canonical], found[num_canonical:])]
    skipped = [(task, v) for task, _, v in found if v.outcome is Outcome.SKIP]
    reasons = {v.detail: sorted({task.id for task, other in skipped if other.detail == v.detail}) for _, v in skipped}
    notes = [
        f"{task.id}: {'canonical' if wanted is Outcome.PASS else 'wrong'} answer: {v.outcome.value}: {v.detail}"
        for task, wanted, v in found
        if v.outcome not in (wanted, Outcome.SKIP)
    ]
    notes += [f"skipped ({', '.join(ids) if len(ids) < 9 else len(ids)}): {reason}" for reason, ids in reasons.items()]
    canonical = f"{held[0]} of {num_canonical}" if num_canonical else "none given"
    took = f"{time.perf_counter() - started:.0f}"
    return [suite.name, str(len(tasks)), canonical, f"{held[1]} of {len(tasks)}", str(len(skipped)), took], notes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", action="append", default=[])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    folder = Path(os.environ.get("YUNQUE_BENCHMARKS", SHARED))
    told = []
    print("| suite | n | canonical passed | wrong failed | skipped verdicts | s |\n|---|--:|--:|--:|--:|--:|", flush=True)
    with open_sandbox() as sandbox, tempfile.TemporaryDirectory() as cache, Progress(transient=True) as progress:
        every = suites(folder, sandbox, Path(cache))
        asked = [one for one in every if any(fnmatch.fnmatch(one.name, name) for name in options.suite or ["*"])]
        if not asked:
            sys.exit(f"no such suite; known: {', '.join(one.name for one in every)}")
        for suite in asked:
            try:
                cells, notes = measure(suite, workers=options.workers, limit=options.limit, progress=progress)
            except EvaluationError as error:
                sys.exit(error.line())
            print(f"| {' | '.join(cells)} |", flush=True)
            told += [f"{suite.name}: {note}" for note in notes]
    print("\n" + "\n".join(told or ["no misses"]))


if __name__ == "__main__":
    main()
