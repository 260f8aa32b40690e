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
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from yunque.core.errors import EvaluationError
from yunque.core.paths import benchmarks_folder
from yunque.core.plugins import find_part, nearest
from yunque.core.seams import JudgedSuite, Sandbox
from yunque.evaluation.suites import codexglue, cyberseceval, evalplus, humaneval_mbpp, humanevalpack, multipl_e, sven
from yunque.evaluation.suites.humaneval_mbpp import PythonSuite
from yunque.evaluation.suites.jsonl import open_jsonl
from yunque.evaluation.suites.robustness import RobustSuite
from yunque.evaluation.suites.yunque_core import yunque_core
from yunque.store.benchmarks.catalogue import benchmarks

Opener = Callable[[Path, Sandbox | None], JudgedSuite]
PREFIXES = ("jsonl", "repo-body", "repo-fim", "repo-fix", "repo-refactor", "robust")


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
    if prefix == "robust":
        return _robust(name, rest, sandbox, folder)
    if prefix == "jsonl":
        return open_jsonl(Path(rest), sandbox)
    if prefix in ("repo-body", "repo-fim"):
        from yunque.evaluation.repository.suites import open_repository

        return open_repository(rest, sandbox, [prefix.removeprefix("repo-")])[0]
    if prefix in ("repo-fix", "repo-refactor"):
        from yunque.evaluation.repository.history_proving import open_history

        return open_history(rest, sandbox, [prefix.removeprefix("repo-")])[0]
    return find_part("suites", name)(sandbox)


def _robust(name: str, inner: str, sandbox: Sandbox | None, folder: Path | None) -> JudgedSuite:
    if inner not in _openers():
        raise EvaluationError(f"no suite named {name!r}", do=nearest(inner, list(_openers())))
    suite = open_suite(inner, sandbox, folder)
    if not isinstance(suite, PythonSuite):
        raise EvaluationError("only functions to complete can be asked in other words", where=inner)
    return RobustSuite(inner=suite)


@functools.cache
def _openers() -> dict[str, Opener]:
    openers: dict[str, Opener] = {
        "yunque-core": lambda _, box: yunque_core(box),
        "humaneval": humaneval_mbpp.humaneval,
        "humaneval-plus": evalplus.humaneval_plus,
        "mbpp": lambda folder, box: humaneval_mbpp.mbpp(folder, "test", box),
        "mbpp-all": lambda folder, box: humaneval_mbpp.mbpp(folder, "all", box),
        "mbpp-sanitized": humaneval_mbpp.mbpp_sanitized,
        "mbpp-plus": evalplus.mbpp_plus,
    }
    for kind in ("SingleLine", "MultiLine", "RandomSpan", "RandomSpanLight"):
        openers[f"humaneval-infilling-{kind.lower()}"] = functools.partial(_infilling, kind)
    for language in humaneval_mbpp.LANGUAGES:
        openers[f"humaneval-xl-{language.lower()}"] = functools.partial(_humaneval_xl, language)
    for language in multipl_e.FORMS:
        openers[f"multipl-e-{language}"] = functools.partial(_multipl_e, language)
    for kind in humanevalpack.KINDS:
        for language in humanevalpack.LANGUAGES:
            openers[f"humanevalpack-{kind}-{language}"] = functools.partial(_humanevalpack, kind, language)
    return openers | codexglue.SUITES | cyberseceval.SUITES | sven.SUITES


def _infilling(kind: str, folder: Path, box: Sandbox | None) -> JudgedSuite:
    return humaneval_mbpp.infilling(folder, kind, box)


def _humaneval_xl(language: str, folder: Path, box: Sandbox | None) -> JudgedSuite:
    return humaneval_mbpp.humaneval_xl(folder, language, box)


def _multipl_e(language: str, folder: Path, box: Sandbox | None) -> JudgedSuite:
    return multipl_e.MultiPLE(folder=folder / "multipl-e" / "humaneval", language=language, sandbox=box)


def _humanevalpack(kind: str, language: str, folder: Path, box: Sandbox | None) -> JudgedSuite:
    suite = humanevalpack.Explained if kind == "explain" else humanevalpack.HumanEvalPack
    return suite(folder=folder / "humanevalpack", kind=kind, language=language, sandbox=box)


if __name__ == "__main__":
    COUNTS.write_text(json.dumps(count_tasks(Path(sys.argv[1])), indent=1) + "\n")
