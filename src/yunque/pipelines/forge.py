"""``yunque forge``: sources to a model that is proven better, or not, one artifact after another.

    sources ─ dataset ─ split ─┬─ packed ─ adapter ─ model ───┐
                               └─ suite, of each source ─┬─ eval of the base, of each suite asked ──┬─ report ─ out/
                                                         └─ eval of the model, of each suite asked ─┘

Every arrow is a ``Store.make``: a finished artifact is found and skipped. The data set is that of `pipelines.dataset`, the
model that of `pipelines.training`, each ``eval`` that of `pipelines.evaluation`: `yunque eval` finds it when it is asked so.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from yunque.checks.insertion.training_copies import COPIES
from yunque.core.errors import ModelError, SandboxError, SourceError, TooSmallError
from yunque.core.nouns import Record, Verdict
from yunque.core.progress import quiet, silent
from yunque.core.seams import JudgedSuite, Progress
from yunque.data.collect import refuse_nothing
from yunque.data.contents import sources_of
from yunque.evaluation.asking import RunConfig
from yunque.evaluation.metrics.answers import RecordingSandbox
from yunque.evaluation.repository.suites import SUITES, asked_of
from yunque.models.base import find_base
from yunque.models.exports.gguf import FILE
from yunque.pipelines.dataset import DataBuild
from yunque.pipelines.evaluation import Evaluation, Scored, all_runs, write_pages
from yunque.pipelines.export import write_and_compare
from yunque.pipelines.heldout import HeldOut
from yunque.pipelines.recipes import ForgeRecipe
from yunque.pipelines.steps import Steps, plain
from yunque.pipelines.training import Trained, Training
from yunque.reports.forge.run import Asked, Run
from yunque.reports.formatting import size
from yunque.reports.sources import source_facts, totals
from yunque.store.artifacts import Artifact

FEW_TASKS, FEW_STEPS = 10, 20
"""With fewer a comparison says next to nothing, or an adapter has hardly moved."""
HELD_OUT = {f"repo-{kind}": kind for kind in SUITES}
"""Name in ``evaluation.suites`` -> kind of question on what is held out of the sources."""
QUANTIZATION = "q8_0"
"""Of the file that stays beside the model."""
LOOKS = ("similarity", "syntax")
"""What of an answer about one's own sources is measured."""
MODEL = "model"
"""What `yunque eval` calls the forged model, by its folder in ``out``."""


@dataclass(kw_only=True)
class Forge:
    """One run of the road; ``run`` does it all. Raises YunqueError for what a user can fix."""

    recipe: ForgeRecipe
    """With its sources."""
    out: Path
    progress: Progress = silent
    say: Callable[[str], None] = quiet
    """Told once per step, with one line."""
    workers: int = 1
    """Processes that look at records."""
    dataset: str = ""
    """Id of a data set that is there, or its start; empty: it is built from the recipe's sources."""
    measured: bool = True
    """Whether both models are asked the held-out questions, which are made in any case."""
    min_tasks: int = 0
    """Fewer functions that tests can judge are refused, before anything is trained."""

    def run(self) -> Artifact:
        """All steps, the finished ones skipped; returns the report, and leaves it with the model at the top of ``out``."""
        from yunque.reports.forge.publish import deliver

        data = self._data
        if not self.dataset:
            data.refuse()  # an empty folder and an unknown check are refused here, before anything is written
        others = self._others() if self.measured else []
        training = self._training
        with data.store.lock():
            dataset = self._dataset()
            parts = training.split(dataset)
            suites = self._heldout.suites(dataset, parts)
            packed = training.packed(dataset, parts)
            self._warn(sum(suite.counts["body"] for suite in suites), training.num_steps(packed))
            tuned = training.tuned(packed)
            trained = Trained(split=parts, packed=packed, tuned=tuned, model=training.model(tuned))
            asked = self._measured(training, trained, suites, others) if self.measured else []
            file = self._gguf(training, trained, dataset)
            copies = training.copies(dataset, parts)
            beside = [copies.path / COPIES, *([file.path / FILE] if file else [])]
            report = self._report(training, dataset, trained, suites, asked)
            deliver(self.out, report=report, model=trained.model, tuned=trained.tuned, beside=beside)
        kept = sum(source.snapshot.counts["bytes"] for source in sources_of(data.store, dataset) if source.snapshot)
        self.say(
            f"{self.out} keeps the sources as they were, {size(kept)} before screening, since their tests are run; "
            "`yunque clean` removes what only older results need"
        )
        return report

    def preflight(self) -> list[Verdict]:
        """What is looked at before a training: data set, split and rows are made, nothing is trained."""
        training = self._training
        with self._data.store.lock():
            dataset = self._dataset()
            return list(training.preflight(training.packed(dataset, training.split(dataset))))

    def learned(self) -> list[Record]:
        """Every record that a training learns from: data set and split are made, nothing is trained."""
        training = self._training
        with self._data.store.lock():
            dataset = self._dataset()
            return list(training.learned(dataset, training.split(dataset)))

    @cached_property
    def _training(self) -> Training:
        return Training(recipe=self.recipe, steps=self.steps, progress=self.progress)

    def _dataset(self) -> Artifact:
        store = self._data.store
        dataset = store.find(self.dataset, "dataset") if self.dataset else self._data.make()
        self._refuse_nothing(dataset)
        return dataset

    @cached_property
    def _data(self) -> DataBuild:
        return DataBuild(recipe=self.recipe.data(), out=self.out, workers=self.workers, progress=self.progress, say=self.say)

    @property
    def steps(self) -> Steps:
        """What has been made in this run."""
        return self._data.steps

    @cached_property
    def sandbox(self) -> RecordingSandbox | None:
        """The strongest isolation of this machine, or None: then nothing of the repository is run, which is said."""
        from yunque.sandbox import open_sandbox

        try:
            return RecordingSandbox(open_sandbox())
        except SandboxError as error:
            self.say(f"no execution accuracy: {error.line()}")
            return None

    # ---------------------------------------------------------------------------------------------------------------- data
    def _refuse_nothing(self, dataset: Artifact) -> None:
        """SourceError where no source gave anything, with what took it; a line for each source that gave nothing."""
        empty = [source for source in sources_of(self.steps.store, dataset) if not source.part.counts["kept"]]
        for source in empty:
            losses = {**source.part.counts["set aside"], **source.part.counts["negatives"]}
            taken = ", ".join(f"{number} by {reason}" for reason, number in losses.items()) or "nothing was collected"
            if dataset.counts["kept"]:
                self.say(f"nothing of {source.name} is learned from: {taken}")
                continue
            if source.snapshot is not None and not source.records.counts["kept"]:
                refuse_nothing(source.records.counts, source.snapshot.counts)
            do = "change [screen] of the recipe, or see `yunque data show ID dropped`"
            raise SourceError(f"nothing is left after screening: {taken}", where=source.name, do=do)

    def _warn(self, num_tasks: int, num_steps: int) -> None:
        """Say that there is too little to learn from or to judge by, before work is wasted; see `min_tasks`."""
        little = [f"{num_tasks} functions that its tests can judge"] * (self.measured and num_tasks < FEW_TASKS)
        little += [f"{num_steps} training steps"] * (num_steps < FEW_STEPS)
        help_ = "more sources, tests that reach more functions, or a history beside its tree (history:PATH) would help"
        if num_tasks < self.min_tasks:
            raise TooSmallError(f"{num_tasks} functions that its tests can judge, under {self.min_tasks}", do=help_)
        if little:
            self.say(f"little to go on: {' and '.join(little)}; {help_}")

    # ---------------------------------------------------------------------------------------------------------- evaluation
    @cached_property
    def _heldout(self) -> HeldOut:
        return HeldOut(
            steps=self.steps, recipe=self.recipe.evaluation, sandbox=self.sandbox, progress=self.progress, say=self.say
        )

    def _evaluation(self, *, own: bool) -> Evaluation:
        """As `yunque eval` asks; of one's own sources with as much context as is trained on, and without linters
        and scanners, which would look at a whole file for every line of it that is asked for.
        """
        recipe = self.recipe
        config = RunConfig(seed=recipe.seed, batch_rows=recipe.evaluation.batch_rows)
        if own:
            pack = recipe.pack
            config = replace(config, prompt_tokens=pack.prompt_tokens, suffix_tokens=pack.suffix_tokens, metrics=LOOKS)
        return Evaluation(
            out=self.out, config=config, workers=recipe.evaluation.workers, dtype=recipe.model.dtype,
            progress=self.progress, say=self.say, run_of=self.steps,
        )  # fmt: skip

    def _others(self) -> list[JudgedSuite]:
        """The suites that are not the sources' own, opened before any work."""
        names = [name for name in self.recipe.evaluation.suites if name not in HELD_OUT]
        if names and self.sandbox is None:
            raise SandboxError(f"no sandbox to judge {names[0]} in", do="see `yunque doctor`, or change evaluation.suites")
        return [self._evaluation(own=False).open(name, self.sandbox) for name in names]

    def _measured(
        self, training: Training, trained: Trained, suites: list[Artifact], others: list[JudgedSuite]
    ) -> list[Asked]:
        """Both models on every suite: of what is held out with as much context as was trained on, of others with all."""
        repositories = tuple(asked_of(self.steps.store, suite) for suite in suites)
        kinds = [HELD_OUT[name] for name in self.recipe.evaluation.suites if name in HELD_OUT]
        own: list[JudgedSuite] = [SUITES[kind](repositories=repositories, sandbox=self.sandbox) for kind in kinds]
        own = [suite for suite in own if suite.tasks()]
        _, forged = find_base(str(trained.model.path))
        models = (training.base_folder, training.base), (trained.model.path, replace(forged, name=MODEL))
        runs: list[tuple[Scored, ...]] = []
        for evaluation, mine in ((self._evaluation(own=True), own), (self._evaluation(own=False), others)):
            runs += zip(*(evaluation.measure(*model, mine, self.sandbox) if mine else [] for model in models), strict=True)
        if runs:
            write_pages(all_runs([run for pair in runs for run in pair], self.out), self.out)
        return [Asked(base=base.artifact, forged=forged.artifact) for base, forged in runs]

    # -------------------------------------------------------------------------------------------------------------- report
    def _gguf(self, training: Training, trained: Trained, dataset: Artifact) -> Artifact | None:
        """The model as one file for llama.cpp; None, which is said, where it cannot be written so."""
        name, base = dataset.manifest.name, training.base

        def build(folder: Path) -> dict:
            licences = {base.licence, *totals(source_facts(self.steps.store, dataset)).licences}
            facts = replace(
                find_base(str(trained.model.path))[1],
                name=f"{base.name}, forged on {name}",
                source=f"{base.name} ({base.source}), forged on {name}",
                licence=" AND ".join(sorted(filter(None, licences))),
            )
            path = folder / FILE
            result = write_and_compare(trained.model.path, path, facts, QUANTIZATION, progress=self.progress, say=self.say)
            for line in result.lines():
                self.say(f"  {line}")
            before, after = result.bits_per_byte or (0.0, 0.0)
            return {"bytes": result.num_bytes, "bits_per_byte": [round(before, 5), round(after, 5)]}

        try:
            recipe = {"quantization": QUANTIZATION}
            return self.steps.make("gguf", name, build, parents=[trained.model, dataset], recipe=recipe)
        except ModelError as error:
            self.say(f"no {FILE}: {error.line()}")
            return None

    def _earlier_reports(self, name: str) -> list[Artifact]:
        every = self.steps.store.all()
        return [artifact for artifact in every if artifact.manifest.kind == "report" and artifact.manifest.name == name]

    def _report(
        self, training: Training, dataset: Artifact, trained: Trained, suites: list[Artifact], asked: list[Asked]
    ) -> Artifact:
        from yunque.reports.forge.collect import gather
        from yunque.reports.forge.publish import write_report

        run = Run(
            command=shlex.join(["yunque", *sys.argv[1:]]),
            recipe=plain(self.recipe),
            base=training.base,
            store=self.steps.store,
            dataset=dataset,
            split=trained.split,
            packed=trained.packed,
            tuned=trained.tuned,
            model=trained.model,
            suites=tuple(suites),
            asked=tuple(asked),
            made=tuple(self.steps.made),
            earlier=tuple(self._earlier_reports(dataset.manifest.name)),
            seed=self.recipe.seed,
            sandbox_tier=self.sandbox.tier if self.sandbox else "",
        )
        parents = [dataset, trained.split, trained.packed, trained.tuned, trained.model]
        parents += [*suites, *(artifact for item in asked for artifact in (item.base, item.forged))]
        name = dataset.manifest.name
        artifact = self.steps.make("report", name, lambda folder: write_report(gather(run), folder), parents=parents)
        return artifact
