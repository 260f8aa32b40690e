"""Every suite that brings its own judge, by name.

=========================  ========================================================================================
``yunque-core``            60 tasks of our own, inside the package; everything below needs its files
public benchmarks          `suite_names` lists them; `yunque bench fetch` brings their files
``jsonl:FILE``             any JSON Lines file of one's own (`jsonl_suite`)
``repo-body:SOURCE``       a repository's functions, judged by its own tests; ``repo-fim:SOURCE``: its lines
``repo-fix:FOLDER``        bugs that its history fixed; ``repo-refactor:FOLDER``: functions that it made simpler
``robust:NAME``            a suite of functions to complete, asked in five ways (`robustness`)
``PACKAGE.MODULE:NAME``    a plug-in: something that takes a sandbox and returns a suite
=========================  ========================================================================================

Suites are entry points: of ``yunque.suites``, a dict from names to openers that take the folder of benchmarks and a sandbox;
of ``yunque.suite_kinds``, an opener that takes what is behind the colon, a sandbox and that folder.
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from yunque.core.errors import EvaluationError
from yunque.core.paths import benchmarks_folder
from yunque.core.plugins import find_part, nearest
from yunque.core.seams import JudgedSuite, Sandbox
from yunque.evaluation.suites.humaneval_mbpp import PythonSuite
from yunque.evaluation.suites.robustness import RobustSuite
from yunque.store.benchmarks.catalogue import benchmarks

Opener = Callable[[Path, Sandbox | None], JudgedSuite]


COUNTS = Path(__file__).parent / "suites" / "counts.json"
"""Tasks and benchmark of every suite whose files are pinned."""


def suite_names() -> list[str]:
    """Every suite that has a name of its own."""
    return sorted(_openers())


def suite_table(folder: Path | None = None) -> list[dict]:
    """Every suite with its number of tasks, its benchmark, and whether the files of that are here."""
    root = folder or benchmarks_folder()
    counts = json.loads(COUNTS.read_text("utf-8"))
    rows = []
    for name in suite_names():
        about = counts.get(name, {"tasks": None, "benchmark": ""})
        files = benchmarks()[about["benchmark"]].files if about["benchmark"] in benchmarks() else ()
        here = all((root / file.path).exists() for file in files) if files else name == "yunque-core"
        rows.append({"suite": name, **about, "here": here})
    return rows


def count_tasks(folder: Path) -> dict[str, dict]:
    """What `COUNTS` holds, from the benchmarks' files: ``python -m yunque.evaluation.registry FOLDER`` writes it."""
    result = {}
    for name in suite_names():
        try:
            tasks = sum(1 for _ in open_suite(name, None, folder).tasks())
        except EvaluationError:
            continue  # a suite of which nobody publishes the file
        result[name] = {"tasks": tasks, "benchmark": _benchmark_of(name)}
    return result


def _benchmark_of(name: str) -> str:
    """The benchmark whose files a suite reads: the first that it misses in an empty folder."""
    with tempfile.TemporaryDirectory() as empty:
        try:
            list(open_suite(name, None, Path(empty)).tasks())
        except EvaluationError as error:
            return Path(str(error.where)).relative_to(empty).parts[0]
    return ""


def open_suite(name: str, sandbox: Sandbox | None, folder: Path | None = None) -> JudgedSuite:
    """The suite of that name; ``folder`` holds the benchmarks' files, else `benchmarks_folder` does.

    EvaluationError for an unknown name, a missing or a malformed file.
    """
    openers = _openers()
    if name in openers:
        return openers[name](folder or benchmarks_folder(), sandbox)
    prefix, colon, rest = name.partition(":")
    if not colon:
        raise EvaluationError(f"no suite named {name!r}", do=nearest(name, list(openers)))
    kinds = {point.name: point for point in entry_points(group="yunque.suite_kinds")}
    return kinds[prefix].load()(rest, sandbox, folder) if prefix in kinds else find_part("suites", name)(sandbox)


def open_robust(name: str, sandbox: Sandbox | None, folder: Path | None) -> JudgedSuite:
    """A named suite of functions to complete, asked in other words."""
    if name not in _openers():
        raise EvaluationError(f"no suite named 'robust:{name}'", do=nearest(name, list(_openers())))
    suite = open_suite(name, sandbox, folder)
    if not isinstance(suite, PythonSuite):
        raise EvaluationError("only functions to complete can be asked in other words", where=name)
    return RobustSuite(inner=suite)


@functools.cache
def _openers() -> dict[str, Opener]:
    """Every suite with a name: each entry point is a family of them, a dict of openers."""
    families = (point.load() for point in entry_points(group="yunque.suites"))
    return {name: opener for family in families for name, opener in family.items()}


if __name__ == "__main__":
    COUNTS.write_text(json.dumps(count_tasks(Path(sys.argv[1])), indent=1) + "\n")
