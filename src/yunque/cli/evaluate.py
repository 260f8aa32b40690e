"""`yunque eval` and `yunque compare`: models on public suites, with intervals; two runs, task by task."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from yunque.cli.console import bars
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Measure
from yunque.core.seams import Engine, JudgedSuite
from yunque.evaluation.runs import SAMPLES, Asking, Judged, judge_samples, load_samples, run_suite
from yunque.evaluation.statistics import Paired
from yunque.evaluation.suites import open_suite
from yunque.evaluation.verdicts import compare_runs, reasons, summarise
from yunque.models.base import find_base
from yunque.sandbox import open_sandbox
from yunque.store.artifacts import Artifact, Store

KS = (1, 5, 10, 20, 100)


def evaluate(
    model: str, names: Sequence[str], out: Path, asking: Asking, *, workers: int
) -> list[tuple[str, Artifact, list[Measure], dict]]:
    """Run a model on suites; a suite that was run before with the same model and settings is read back."""
    folder, facts = find_base(model, bars)
    store, found, engine = Store(out), [], None
    with open_sandbox() as sandbox:
        suites = [open_suite(name, sandbox) for name in names]  # a mistyped name should cost no work
        with store.lock():
            for suite in suites:
                recipe = {"suite": suite.name, "tasks": _fingerprint(suite), "model": facts.sha256, "sandbox": sandbox.tier}

                def build(draft: Path, suite: JudgedSuite = suite) -> dict:
                    nonlocal engine
                    engine = engine or _engine(folder, asking)
                    rows = run_suite(engine, suite, draft, asking, workers=workers, progress=bars)
                    return {"answers": len(rows), "passed": sum(row.outcome == "pass" for row in rows)}

                artifact, _ = store.make("eval", build, recipe=recipe | asdict(asking), seed=asking.seed, resumable=True)
                rows = load_samples(artifact.path / SAMPLES)
                found.append((suite.name, artifact, summarise(rows, KS, seed=asking.seed), reasons(rows)))
    return found


def judge_file(samples: Path, name: str, out: Path, *, workers: int) -> tuple[Artifact, list[Measure], dict]:
    """Judge completions made elsewhere: JSON lines with ``task_id`` and ``completion`` (or ``solution``)."""
    text = _read(samples)
    pairs = [_pair(line, number, samples) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not pairs:
        raise EvaluationError("holds no samples", where=samples)
    store = Store(out)
    with open_sandbox() as sandbox, store.lock():
        suite = open_suite(name, sandbox)
        recipe = {
            "suite": suite.name,
            "tasks": _fingerprint(suite),
            "samples": hashlib.sha256(text.encode()).hexdigest(),
            "sandbox": sandbox.tier,
        }

        def build(draft: Path) -> dict:
            rows = judge_samples(suite, pairs, draft, workers=workers, progress=bars)
            return {"answers": len(rows), "passed": sum(row.outcome == "pass" for row in rows)}

        artifact, _ = store.make("eval", build, recipe=recipe)
    rows = load_samples(artifact.path / SAMPLES)
    return artifact, summarise(rows, KS), reasons(rows)


def compare_artifacts(first: str, second: str, out: Path) -> tuple[str, Paired]:
    """Two runs of one suite, paired by task. EvaluationError when they are of different suites."""
    store = Store(out)
    runs = [store.find(wanted) for wanted in (first, second)]
    for run in runs:
        if run.manifest.kind != "eval":
            raise EvaluationError("not a run of `yunque eval`", where=f"{run.manifest.kind}-{run.id}")
    names = [run.manifest.recipe["suite"] for run in runs]
    if names[0] != names[1]:
        raise EvaluationError(f"{names[0]} and {names[1]} are different suites", do="compare runs of one suite")
    rows: list[list[Judged]] = [load_samples(run.path / SAMPLES) for run in runs]
    return names[0], compare_runs(names[0], *rows)


def shown(measure: Measure) -> str:
    """A share as a person reads it: ``pass@1 9.1 % [5.6, 14.5], n = 164``."""
    if measure.value is None:
        return f"{measure.name}: no task was judged"
    interval = "" if measure.low is None else f" [{100 * measure.low:.1f}, {100 * measure.high:.1f}]"
    beside = "".join(
        f", {count} {word}" for count, word in ((measure.skipped, "skipped"), (measure.errors, "errors")) if count
    )
    return f"{measure.name} {100 * measure.value:.1f} %{interval}, n = {measure.n}{beside}"


def sentence(name: str, paired: Paired) -> str:
    """What may be said of the second run against the first."""
    base, other, by = paired.base, paired.forged, paired.difference
    interval = "" if by.low is None else f" [{100 * by.low:+.1f}, {100 * by.high:+.1f}]"
    return (
        f"{name}: {paired.verdict}; pass@1 {100 * base.value:.1f} % and {100 * other.value:.1f} %, "
        f"difference {100 * by.value:+.1f} points{interval}, n = {by.n} tasks"
    )


def _engine(folder: Path, asking: Asking) -> Engine:
    from yunque.inference.torch_engine import TorchEngine

    return TorchEngine(folder, batch_rows=asking.batch_rows, prompt_tokens=1024, suffix_tokens=512)


def _fingerprint(suite: JudgedSuite) -> str:
    """What the suite asks, as a hash: other tasks are another run."""
    text = json.dumps([asdict(task) for task in suite.tasks()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"cannot be read ({error})", where=path) from None


def _pair(line: str, number: int, path: Path) -> tuple[str, str]:
    try:
        row = json.loads(line)
        return str(row["task_id"]), str(row["completion"] if "completion" in row else row["solution"])
    except (ValueError, KeyError, TypeError):
        raise EvaluationError(f"line {number} has no task_id with a completion", where=path) from None
