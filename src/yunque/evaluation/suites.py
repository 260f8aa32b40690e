"""The suites that bring their own judge, by name, and where their files lie.

Covered: HumanEval and what grew from it, MBPP and what grew from it, MultiPL-E, HumanEvalPack.
Not covered: HumanEvalPack's explain, whose answer is judged by a second question; fetching the files: set YUNQUE_BENCHMARKS
to the folder that holds them, one folder a benchmark.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

from yunque.core.errors import EvaluationError
from yunque.core.parts import nearest
from yunque.core.seams import JudgedSuite, Sandbox
from yunque.evaluation import humanevalpack, multipl_e, plus, python_suites

Opener = Callable[[Path, Sandbox], JudgedSuite]


def suite_names() -> list[str]:
    """Every suite that `open_suite` knows."""
    return sorted(_openers())


def open_suite(name: str, sandbox: Sandbox, folder: Path | None = None) -> JudgedSuite:
    """The suite of that name, read from its files. EvaluationError for an unknown name, a missing or a malformed file."""
    openers = _openers()
    if name not in openers:
        raise EvaluationError(f"no suite named {name!r}", do=nearest(name, list(openers)))
    return openers[name](folder or benchmarks_folder(), sandbox)


def benchmarks_folder() -> Path:
    """``$YUNQUE_BENCHMARKS``; EvaluationError when it is not set or not there."""
    named = os.environ.get("YUNQUE_BENCHMARKS", "")
    if not named:
        raise EvaluationError("YUNQUE_BENCHMARKS is not set", do="set it to the folder that holds the benchmarks")
    if not Path(named).is_dir():
        raise EvaluationError("no such folder", where=named, do="set YUNQUE_BENCHMARKS to the folder of the benchmarks")
    return Path(named)


@functools.cache
def _openers() -> dict[str, Opener]:
    openers: dict[str, Opener] = {
        "humaneval": python_suites.humaneval,
        "humaneval-plus": plus.humaneval_plus,
        "mbpp": lambda folder, box: python_suites.mbpp(folder, "test", box),
        "mbpp-all": lambda folder, box: python_suites.mbpp(folder, "all", box),
        "mbpp-sanitized": python_suites.mbpp_sanitized,
        "mbpp-plus": plus.mbpp_plus,
    }
    for kind in ("SingleLine", "MultiLine", "RandomSpan", "RandomSpanLight"):
        opener = functools.partial(_infilling, kind)
        openers[f"humaneval-infilling-{kind.lower()}"] = opener
    for language in python_suites.LANGUAGES:
        openers[f"humaneval-xl-{language.lower()}"] = functools.partial(_humaneval_xl, language)
    for language in multipl_e.FORMS:
        openers[f"multipl-e-{language}"] = functools.partial(_multipl_e, language)
    for kind in ("fix", "synthesize"):  # "explain" needs a second question, which `runs` does not ask
        for language in humanevalpack.LANGUAGES:
            openers[f"humanevalpack-{kind}-{language}"] = functools.partial(_humanevalpack, kind, language)
    return openers


def _infilling(kind: str, folder: Path, box: Sandbox) -> JudgedSuite:
    return python_suites.infilling(folder, kind, box)


def _humaneval_xl(language: str, folder: Path, box: Sandbox) -> JudgedSuite:
    return python_suites.humaneval_xl(folder, language, box)


def _multipl_e(language: str, folder: Path, box: Sandbox) -> JudgedSuite:
    return multipl_e.MultiPLE(folder=folder / "multipl-e" / "humaneval", language=language, sandbox=box)


def _humanevalpack(kind: str, language: str, folder: Path, box: Sandbox) -> JudgedSuite:
    return humanevalpack.HumanEvalPack(folder=folder / "humanevalpack", kind=kind, language=language, sandbox=box)
