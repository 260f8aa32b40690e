"""`yunque eval` and `yunque compare`: models on suites, with intervals; two runs, task by task."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yunque
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Measure, PromptStyle, Task
from yunque.core.paths import benchmarks_folder
from yunque.core.plugins import nearest
from yunque.core.progress import quiet, silent
from yunque.core.seams import Engine, JudgedSuite, MeasuredSuite, Progress, Sandbox
from yunque.evaluation.aggregate import Changed, ceiling_of, changed_tasks, compare_runs, reasons, summarise
from yunque.evaluation.asking import AUTO, RunConfig, chosen_tasks
from yunque.evaluation.metrics.answers import KINDS, AnswerValues, RecordingSandbox
from yunque.evaluation.metrics.statistics import Paired
from yunque.evaluation.registry import open_suite
from yunque.evaluation.repository.questions import EvaluationRecipe
from yunque.evaluation.repository.suites import SUITES, asked_of
from yunque.evaluation.runner import (
    CEILING,
    SAMPLES,
    ScoredSample,
    find_ceiling,
    judge_samples,
    load_ceiling,
    load_samples,
    refuse_unknown,
    run_suite,
)
from yunque.evaluation.sample_formats import Samples, read_samples
from yunque.evaluation.suites.humaneval_mbpp import TRAINING_IDS
from yunque.evaluation.suites.multipl_e import FORMS
from yunque.inference.openai_engine import NO_LIMIT, SCHEME, Budget
from yunque.models.base import BaseFacts, find_base
from yunque.pipelines.engines import open_engine
from yunque.pipelines.heldout import HeldOut
from yunque.pipelines.steps import Steps
from yunque.reports.evaluation import EvalRun, render_answers, render_evaluation
from yunque.reports.formatting import moment
from yunque.sandbox import open_sandbox
from yunque.store.artifacts import Artifact, Store, write_whole
from yunque.store.benchmarks.catalogue import benchmarks
from yunque.store.benchmarks.recognise import deviations
from yunque.store.tables import read_lines, write_lines

ENGINES = ("local", "ray")
KS = (1, 5, 10, 20, 100)
MEASURES, TASKS = "measures.jsonl", "tasks.jsonl"


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One run of one suite, and its numbers."""

    suite: str
    artifact: Artifact
    measures: list[Measure]
    reasons: dict[str, int]
    """Why answers failed: rule -> answers."""


def config_of(*, engine: str, metrics: Sequence[str], style: str, trained_on: Sequence[str], **rest: Any) -> RunConfig:
    """What the options say; ``metrics`` may be ``("all",)``. EvaluationError for a name of one that is not known."""
    kinds = KINDS if tuple(metrics) == ("all",) else tuple(metrics)
    for what, given, known in (
        ("engine", [engine], ENGINES),
        ("metric", kinds, KINDS),
        ("style", [style], [AUTO, *PromptStyle]),
        ("training data", trained_on, list(TRAINING_IDS)),
    ):
        for name in given:
            if name not in known:
                raise EvaluationError(f"no {what} named {name!r}", do=nearest(name, list(known)))
    without = tuple(task_id for name in trained_on for task_id in TRAINING_IDS[name])
    return RunConfig(metrics=kinds, style=style, without=without, **rest)


MISSING = ("fail", "leave-out", "refuse")
"""What becomes of tasks that a file has no answer to."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Suites, and what is measured on them: a model (`run`), or answers that were made elsewhere (`judge`)."""

    out: Path
    """Folder of artifacts."""
    config: RunConfig
    workers: int = 2
    """Programs judged at the same time."""
    ceiling: bool = True
    """Whether the suites' own answers are judged as well."""
    engine: str = "local"
    """One of `ENGINES`."""
    missing: str = "fail"
    """One of `MISSING`."""
    budget: Budget = NO_LIMIT
    """What a model elsewhere may cost."""
    dtype: str = "auto"
    """What the weights are read as (`ModelRecipe.dtype`)."""
    progress: Progress = silent
    say: Callable[[str], None] = quiet
    """Told what a score hides, a line each."""
    run_of: Steps | None = None
    """The run that this is a part of, its store locked; None: it is alone."""

    def run(self, model: str, names: Sequence[str]) -> list[Scored]:
        """Run a model on suites; a suite that was run before with the same model and settings is read back."""
        with open_sandbox() as inner:
            sandbox = RecordingSandbox(inner)
            suites = [self.open(name, sandbox) for name in names]  # a mistyped name should cost no work
            for suite in suites:
                chosen_tasks(suite, self.config)
            folder, facts = _elsewhere(model) if model.startswith(SCHEME) else find_base(model, self.progress)
            with self._locked():
                return self.measure(folder, facts, suites, sandbox, names=names)

    def open(self, name: str, sandbox: Sandbox | None) -> JudgedSuite:
        """The suite of that name; of ``repo-KIND:DATASET[#SOURCE]`` what is held out of a data set in ``out``."""
        prefix, _, rest = name.partition(":")
        wanted, _, source = rest.partition("#")
        kind = prefix.removeprefix("repo-")
        known = [item for item in self._steps.store.all() if item.manifest.kind == "dataset"]
        if kind not in SUITES or not wanted or Path(wanted).exists() or not any(item.starts_with(wanted) for item in known):
            return open_suite(name, sandbox)
        dataset = self._steps.store.find(wanted, "dataset")
        heldout = HeldOut(
            steps=self._steps, recipe=EvaluationRecipe(), sandbox=sandbox, progress=self.progress, say=self.say
        )
        with self._locked():
            suites = heldout.suites_of(dataset)
        if source and source not in (names := [suite.manifest.name for suite in suites]):
            raise EvaluationError(f"no questions on '{source}'", where=wanted, do=nearest(source, names))
        suites = [suite for suite in suites if source in ("", suite.manifest.name)]
        made = SUITES[kind](repositories=tuple(asked_of(self._steps.store, suite) for suite in suites), sandbox=sandbox)
        if not made.tasks():
            raise EvaluationError(f"nothing of it is held out that makes a {kind} task", where=name)
        return made

    def measure(
        self,
        folder: Path | str,
        facts: BaseFacts,
        suites: Sequence[JudgedSuite],
        sandbox: RecordingSandbox | None,
        *,
        names: Sequence[str] = (),
    ) -> list[Scored]:
        """The same of suites that are open, in a store that is locked.

        ``folder``: of a model, or `OpenAiEngine`'s spec of one elsewhere; ``names``: what the suites were opened by.
        """
        workers, opened, result = self.workers, None, []
        if self.engine == "ray":
            from yunque.evaluation.ray_judges import SpreadSuite

            spread = [SpreadSuite(suite, name) for suite, name in zip(suites, names, strict=True)]
            workers, suites = max(suite.num_judges for suite in spread), spread
        for suite, name in zip(suites, names or [suite.name for suite in suites], strict=True):
            tasks = chosen_tasks(suite, self.config)
            parents = [self._ceiling(suite, tasks, workers)] if self.ceiling and _is_asked(tasks) else []

            def build(draft: Path, suite: JudgedSuite = suite, parents: list[Artifact] = parents) -> dict:
                nonlocal opened
                opened = opened or self._engine(folder)
                rows = run_suite(opened, suite, draft, self.config, workers=workers, sandbox=sandbox, progress=self.progress)
                return _write_measures(draft, suite, rows, parents, self.config.seed)

            recipe: dict = {"model": facts.name, "sha256": facts.sha256, "dtype": self.dtype, "engine": self.engine}
            recipe["deviations"] = _deviations([name])
            result.append(self._made(build, suite, parents, recipe, resumable=True))
        return result

    @cached_property
    def _steps(self) -> Steps:
        return self.run_of or Steps(store=Store(self.out), seed=self.config.seed, say=quiet)

    def _locked(self) -> AbstractContextManager[None]:
        """The store kept from other runs, as that of a larger run is already."""
        return nullcontext() if self.run_of else self._steps.store.lock()

    def _engine(self, folder: Path | str) -> Engine:
        config, dtype = self.config, self.dtype

        def make() -> Engine:
            if isinstance(folder, str):
                return open_engine(folder, budget=self.budget)
            from yunque.inference.torch_engine import TorchEngine

            return TorchEngine(
                folder, dtype=dtype, batch_rows=config.batch_rows, prompt_tokens=config.prompt_tokens,
                suffix_tokens=config.suffix_tokens,
            )  # fmt: skip

        if self.engine == "local":
            return make()
        import torch

        from yunque.inference.ray_engine import RayEngine

        return RayEngine(make, num_gpus=1 if torch.cuda.is_available() else 0)

    def judge(self, samples: Path, name: str) -> Scored:
        """Judge completions made elsewhere, in the forms of `evaluation.sample_formats`.

        EvaluationError when a task that is asked has no answer and that is to be refused.
        """
        if self.missing not in MISSING:
            do = nearest(self.missing, list(MISSING))
            raise EvaluationError(f"no treatment of missing answers named {self.missing!r}", do=do)
        deviating = _deviations([name])
        with open_sandbox() as inner:
            sandbox = RecordingSandbox(inner)
            suite = self.open(name, sandbox)
            if not _is_asked(suite.tasks()):
                raise EvaluationError("asks for no answers: what its texts cost a model is measured", where=suite.name)
            style = None if self.config.style == AUTO else PromptStyle(self.config.style)
            given = read_samples(samples, [task.id for task in suite.tasks()], style)
            if given.language and given.language not in _names_of(suite.tasks()[0].language):
                raise EvaluationError(f"holds answers in {given.language}, {suite.name} asks for another", where=samples)
            counted, judged, notes = self._answered(suite, given, samples)
            for line in notes:
                self.say(line)
            digest = hashlib.sha256(json.dumps(given.pairs).encode()).hexdigest()
            recipe = {"model": samples.name, "sha256": digest, "deviations": deviating, "missing": self.missing}
            recipe |= {"layout": given.layout, "notes": given.notes}
            values = AnswerValues(suite=suite, kinds=self.config.metrics, sandbox=sandbox)
            with self._locked():
                parents = [self._ceiling(suite, judged, self.workers)] if self.ceiling and judged else []

                def build(draft: Path) -> dict:
                    rows = judge_samples(
                        suite, given.pairs, draft, tasks=counted, values=values, workers=self.workers, progress=self.progress
                    )
                    return _write_measures(draft, suite, rows, parents, self.config.seed)

                return self._made(build, suite, parents, recipe)

    def _answered(
        self, suite: JudgedSuite, given: Samples, samples: Path
    ) -> tuple[Sequence[Task], Sequence[Task], list[str]]:
        """The tasks that count, those of them that have an answer, and lines that say what a score hides."""
        answered = {sample.task_id for sample in given.samples}
        refuse_unknown(suite, answered)
        tasks = chosen_tasks(suite, replace(self.config, style=AUTO))
        judged = [task for task in tasks if task.id in answered]
        counted = judged if self.missing == "leave-out" else tasks
        if not counted:
            raise EvaluationError(f"holds no answer to the tasks of {suite.name} that are asked", where=samples)
        notes = list(given.notes)
        if without := [task.id for task in tasks if task.id not in answered]:
            share = f"{len(without)} of {len(tasks)} tasks"
            if self.missing == "refuse":
                what = f"{share} of {suite.name} have no answer, such as {without[0]}"
                do = "use --missing leave-out to judge the others alone, --missing fail to count them as failed, or --limit"
                raise EvaluationError(what, where=samples, do=do)
            ends = "left out" if self.missing == "leave-out" else "failed (--missing leave-out judges the others alone)"
            notes.append(f"{share} have no answer: {ends}")
        return counted, judged, notes

    def _made(
        self,
        build: Callable[[Path], dict],
        suite: JudgedSuite,
        parents: list[Artifact],
        recipe: dict,
        *,
        resumable: bool = False,
    ) -> Scored:
        """The run as an artifact, named by its suite and its model."""
        decided = {"suite": suite.name, "tasks": _fingerprint(suite), "sandbox": _tier(suite)}
        name = f"{suite.name}  {recipe['model']}"
        decided |= recipe | asdict(self.config)
        return scored(self._steps.make("eval", name, build, parents=parents, recipe=decided, resumable=resumable))

    def _ceiling(self, suite: JudgedSuite, tasks: Sequence[Task], workers: int) -> Artifact:
        """What the suite's own answers to these tasks get here, found once."""

        def build(draft: Path) -> dict:
            rows = find_ceiling(suite, tasks, draft, workers=workers, progress=self.progress)
            canonical = [row.canonical for row in rows if row.canonical]
            return {
                "tasks": len(rows),
                "canonical_pass": canonical.count("pass"),
                "canonical_skip": canonical.count("skip"),
                "wrong_pass": sum(row.wrong == "pass" for row in rows),
                "misses": {row.task_id: row.detail for row in rows if row.canonical and row.canonical != "pass"},
            }

        recipe = {"suite": suite.name, "tasks": _fingerprint(suite), "asked": _hash([task.id for task in tasks])}
        recipe |= {"sandbox": _tier(suite)}
        return self._steps.make("ceiling", suite.name, build, recipe=recipe)


def _elsewhere(spec: str) -> tuple[str, BaseFacts]:
    """A model at a URL: what it weighs nobody knows, so it is told by its name and its address."""
    url, _, name = spec.removeprefix(SCHEME).partition("?")[0].rpartition("#")
    return spec, BaseFacts(name=f"{SCHEME}{name}", source=url, sha256=_hash(spec), licence="unknown", num_parameters=0)


def _is_asked(tasks: Sequence[Task]) -> bool:
    """Whether any of them wants an answer."""
    return any(task.max_tokens for task in tasks)


def _tier(suite: JudgedSuite) -> str:
    return suite.sandbox.tier if suite.sandbox is not None else "none"


def scored(artifact: Artifact) -> Scored:
    """The numbers of a run. EvaluationError when the artifact is something else."""
    if artifact.manifest.kind != "eval":
        raise EvaluationError("not a run of `yunque eval`", where=artifact.full_id)
    rows = load_samples(artifact.path / SAMPLES)
    measures = list(read_lines(artifact.path / MEASURES, Measure))
    return Scored(suite=artifact.manifest.recipe["suite"], artifact=artifact, measures=measures, reasons=reasons(rows))


def write_pages(scoreds: Sequence[Scored], out: Path) -> Path:
    """Write ``eval.html`` and a page of answers for every run; returns the first."""
    runs = []
    for item in scoreds:
        manifest = item.artifact.manifest
        run = EvalRun(
            id=item.artifact.id,
            suite=item.suite,
            model=manifest.recipe["model"],
            recipe=manifest.recipe,
            created_at=manifest.created_at,
            took_s=manifest.took_s,
            measures=item.measures,
            reasons=item.reasons,
            rows=load_samples(item.artifact.path / SAMPLES),
            tasks={task.id: task for task in read_lines(item.artifact.path / TASKS, Task)},
        )
        runs.append(run)
        write_whole(out / f"eval-{run.id}.html", render_answers(run, code_version=manifest.code_version))
    write_whole(out / "eval.html", render_evaluation(runs, code_version=yunque.__version__))
    return out / "eval.html"


def all_runs(scoreds: Sequence[Scored], out: Path) -> list[Scored]:
    """The runs, and those that other models made earlier of the same suites, the earliest first."""
    suites = {item.suite for item in scoreds}
    runs = [
        artifact
        for artifact in Store(out).all()
        if artifact.manifest.kind == "eval" and artifact.manifest.recipe["suite"] in suites
    ]
    return [scored(artifact) for artifact in runs]


@dataclass(frozen=True, kw_only=True)
class Compared(Changed):
    """Two runs of one suite, task by task."""

    suite: str
    runs: tuple[str, str]
    """What each is called: its id, its model, when it was made."""
    measures: list[Paired]


def compare_artifacts(first: str, second: str, out: Path) -> Compared:
    """Two runs of one suite, paired by task. EvaluationError when they are of different suites."""
    store = Store(out)
    runs = [scored(store.find(wanted)) for wanted in (first, second)]
    if runs[0].suite != runs[1].suite:
        raise EvaluationError(f"{runs[0].suite} and {runs[1].suite} are different suites", do="compare runs of one suite")
    rows: list[list[ScoredSample]] = [load_samples(run.artifact.path / SAMPLES) for run in runs]
    return Compared(
        suite=runs[0].suite,
        runs=(_called(runs[0].artifact), _called(runs[1].artifact)),
        measures=compare_runs(runs[0].suite, *rows),
        **vars(changed_tasks(*rows)),
    )


def _called(run: Artifact) -> str:
    return f"{run.id[:8]} ({run.manifest.recipe['model']}, {moment(run.manifest.created_at)})"


# --------------------------------------------------------------------------------------------------------------------- steps
def _write_measures(draft: Path, suite: JudgedSuite, rows: list[ScoredSample], parents: list[Artifact], seed: int) -> dict:
    """The numbers of a run, written beside its answers; returns what the manifest counts."""
    measures = summarise(rows, KS, seed=seed)
    for parent in parents:
        measures += [item for item in ceiling_of(load_ceiling(parent.path / CEILING), seed=seed) if item.n]
    if isinstance(suite, MeasuredSuite):
        by_id = {task.id: task for task in suite.tasks()}
        firsts = [row for row in rows if row.sample == 0]
        measures += suite.measures(
            [(by_id[row.task_id], suite.program(by_id[row.task_id], row.text, row.style)) for row in firsts]
        )
    write_lines(draft / MEASURES, measures)
    asked = {row.task_id for row in rows}
    write_lines(draft / TASKS, [task for task in suite.tasks() if task.id in asked])
    return {"answers": len(rows), "passed": sum(row.outcome == "pass" for row in rows)}


def _deviations(names: Sequence[str]) -> list[str]:
    """What of the suites' files is not as published: every result says so."""
    owners = {benchmark for name in names for benchmark in benchmarks() if name.rpartition(":")[2].startswith(benchmark)}
    return deviations(benchmarks_folder(), sorted(owners)) if owners else []


def _names_of(language: str) -> set[str]:
    """Ours and MultiPL-E's name of a language."""
    return {language, FORMS[language].file if language in FORMS else language} | ({"py"} if language == "python" else set())


def _fingerprint(suite: JudgedSuite) -> str:
    """What the suite asks and what judges it, as a hash: other tasks and other tests are another run."""
    tasks = suite.tasks()
    keys = [(suite.canonical(task), suite.wrong(task)) for task in tasks]
    judge = getattr(suite, "key", "")  # what judges, where the answers do not say it all
    return _hash([[asdict(task) for task in tasks], keys, judge])


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
