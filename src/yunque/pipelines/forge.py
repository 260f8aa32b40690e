"""``yunque forge``: sources to a model that is proven better, or not, one artifact after another.

    sources ─ dataset ─ split ─┬─ packed ─ adapter ─ model ─┐
                               └─ suite, of each source ─┬─ scores (base) ─┬─ report ─ out/
                                                         └─ scores (forged) ┘

Every arrow is a ``Store.make``: a finished artifact is found and skipped. The data set is that of `pipelines.dataset`, the
model that of `pipelines.training`: what the recipe says goes in, goes in.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from yunque.core.errors import SandboxError, SourceError, TooSmallError
from yunque.core.nouns import PromptStyle, Record
from yunque.core.progress import quiet, silent
from yunque.core.seams import Progress, Sandbox
from yunque.data.collect import refuse_nothing
from yunque.data.contents import SourcePart, sources_of, tree_records
from yunque.data.sources.kinds import TREE
from yunque.data.split import NearDuplicate, Split, parts_of
from yunque.evaluation.repository.questions import BodyTests, RepositorySuite, SuiteBuilder
from yunque.evaluation.repository.scoring import score_model
from yunque.pipelines.dataset import DataBuild
from yunque.pipelines.recipes import ForgeRecipe
from yunque.pipelines.steps import Steps, plain
from yunque.pipelines.training import Trained, Training
from yunque.reports.forge.run import Asked, Run
from yunque.store.artifacts import Artifact
from yunque.store.tables import read_table

FEW_TASKS, FEW_STEPS = 10, 20
"""With fewer a comparison says next to nothing, or an adapter has hardly moved."""


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
        data = self._data
        if not self.dataset:
            data.refuse()  # an empty folder and an unknown check are refused here, before anything is written
        training = Training(recipe=self.recipe, steps=self.steps, progress=self.progress)
        with data.store.lock():
            dataset = data.store.find(self.dataset, "dataset") if self.dataset else data.make()
            self._refuse_nothing(dataset)
            parts = training.split(dataset)
            suites = [(source, self._suite(source, records, parts)) for source, records in self._asked(dataset, parts)]
            packed = training.packed(dataset, parts)
            self._warn(sum(suite.counts["body"] for _, suite in suites), training.num_steps(packed))
            adapter = training.adapter(packed)
            trained = Trained(split=parts, packed=packed, adapter=adapter, model=training.model(adapter))
            asked = []
            for source, suite in suites if self.measured else ():
                base = self._scores("base", training.base_folder, source, suite, recipe={"base": training.base.sha256})
                forged = self._scores("forged", trained.model.path, source, suite, parents=[trained.model])
                asked.append(Asked(source=source, suite=suite, base_scores=base, forged_scores=forged))
            return self._report(training, dataset, trained, asked)

    @cached_property
    def _data(self) -> DataBuild:
        return DataBuild(recipe=self.recipe.data(), out=self.out, workers=self.workers, progress=self.progress, say=self.say)

    @property
    def steps(self) -> Steps:
        """What has been made in this run."""
        return self._data.steps

    @cached_property
    def sandbox(self) -> Sandbox | None:
        """The strongest isolation of this machine, or None: then nothing of the repository is run, which is said."""
        from yunque.sandbox import open_sandbox

        try:
            return open_sandbox()
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

    def _asked(self, dataset: Artifact, parts: Artifact) -> list[tuple[SourcePart, list[Record]]]:
        """The sources that something is held out of, with their records."""
        sides = parts_of(parts)
        by_source: dict[str, tuple[SourcePart, list[Record]]] = {}
        for source, record in tree_records(self.steps.store, dataset):
            by_source.setdefault(source.part.id, (source, []))[1].append(record)
        asked = []
        for source, records in by_source.values():
            if any(sides[record.id] is Split.HELDOUT for record in records):
                asked.append((source, records))
            else:
                self.say(f"{source.name} is too small to hold anything out of: it is learned from, and not measured")
        return asked

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
    def _suite(self, source: SourcePart, records: list[Record], parts: Artifact) -> Artifact:
        recipe, snapshot = self.recipe.evaluation, source.snapshot
        assert snapshot is not None, "questions are made of trees"

        def build(folder: Path) -> dict:
            copies = read_table(parts.path / "near_duplicates.parquet", NearDuplicate)
            suite, counts = SuiteBuilder(
                records=records,
                parts=parts_of(parts),
                near_duplicates=frozenset((copy.record_id, copy.start_byte) for copy in copies),
                tree=snapshot.path / TREE,
                sandbox=self.sandbox,
                recipe=recipe,
                seed=self.recipe.seed,
                progress=self.progress,
            ).build()
            suite.save(folder)
            return counts

        decided = plain(recipe) | {"sandbox": self.sandbox.tier if self.sandbox else "none"}
        return self.steps.make("suite", source.name, build, parents=[snapshot, source.part, parts], recipe=decided)

    def _scores(
        self,
        who: str,
        model: Path,
        source: SourcePart,
        suite: Artifact,
        *,
        parents: list[Artifact] | None = None,
        recipe: dict | None = None,
    ) -> Artifact:
        context = {"prompt_tokens": self.recipe.pack.prompt_tokens, "suffix_tokens": self.recipe.pack.suffix_tokens}
        order, snapshot = self.recipe.evaluation, source.snapshot
        assert snapshot is not None, "questions are made of trees"

        def build(folder: Path) -> dict:
            from yunque.inference.torch_engine import TorchEngine

            engine = TorchEngine(
                model, dtype=self.recipe.model.dtype, batch_rows=order.batch_rows, progress=self.progress, **context
            )
            records = {record.id: record for record in read_table(source.part.path / "records.parquet", Record)}
            bodies = None
            if self.sandbox:
                bodies = BodyTests(records=records, tree=snapshot.path / TREE, sandbox=self.sandbox, recipe=order)
            started = time.monotonic()
            scores, counts = score_model(
                engine,
                RepositorySuite.load(suite.path),
                styles=[PromptStyle.PREFIX, *([PromptStyle.FIM] if engine.fim else [])],
                records=records,
                bodies_by=bodies,
                progress=self.progress,
            )
            scores.save(folder)
            return counts | {"seconds": round(time.monotonic() - started, 1)}

        decided = {"model": who, **context, **(recipe or {})}
        name = f"{who}, {source.name}"
        return self.steps.make("scores", name, build, parents=[suite, *(parents or [])], recipe=decided)

    # -------------------------------------------------------------------------------------------------------------- report
    def _earlier_reports(self, name: str) -> list[Artifact]:
        every = self.steps.store.all()
        return [artifact for artifact in every if artifact.manifest.kind == "report" and artifact.manifest.name == name]

    def _report(self, training: Training, dataset: Artifact, trained: Trained, asked: list[Asked]) -> Artifact:
        from yunque.reports.forge.collect import gather
        from yunque.reports.forge.publish import deliver, write_report

        run = Run(
            command=shlex.join(["yunque", *sys.argv[1:]]),
            recipe=plain(self.recipe),
            base=training.base,
            store=self.steps.store,
            dataset=dataset,
            split=trained.split,
            packed=trained.packed,
            adapter=trained.adapter,
            model=trained.model,
            asked=tuple(asked),
            made=tuple(self.steps.made),
            earlier=tuple(self._earlier_reports(dataset.manifest.name)),
            seed=self.recipe.seed,
            sandbox_tier=self.sandbox.tier if self.sandbox else "",
        )
        parents = [dataset, trained.split, trained.packed, trained.adapter, trained.model]
        parents += [artifact for item in asked for artifact in (item.suite, item.base_scores, item.forged_scores)]
        name = dataset.manifest.name
        artifact = self.steps.make("report", name, lambda folder: write_report(gather(run), folder), parents=parents)
        deliver(self.out, report=artifact, model=trained.model, adapter=trained.adapter)
        return artifact
