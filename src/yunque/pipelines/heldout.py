"""What is held out of a data set, and what can be asked of it: a forge's questions, and those of ``repo-KIND:DATASET``.

dataset ─ split ─ suite, of each tree that something is held out of
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from yunque.code.changes import new_spans
from yunque.core.errors import TooSmallError
from yunque.core.nouns import Record
from yunque.core.progress import quiet, silent
from yunque.core.seams import Progress, Sandbox, Source, Stream
from yunque.data.collect import RECORDS, CollectRecipe
from yunque.data.contents import SourcePart, sources_of, tree_records
from yunque.data.sources.kinds import TREE
from yunque.data.split import (
    SPLIT,
    NearDuplicate,
    Split,
    SplitAssignment,
    SplitRecipe,
    SplitResult,
    learned_functions,
    parts_of,
    split,
)
from yunque.evaluation.repository.questions import EvaluationRecipe, QuestionMaker
from yunque.pipelines.dataset import opened, tree_of
from yunque.pipelines.recipes import DataRecipe
from yunque.pipelines.steps import Steps, plain
from yunque.store.artifacts import RECIPE, Artifact
from yunque.store.tables import read_table, write_table


def split_of(steps: Steps, dataset: Artifact, recipe: SplitRecipe, seed: int, progress: Progress = silent) -> Artifact:
    """Where every record of a tree goes, over all sources together."""

    def build(folder: Path) -> dict:
        records = [record for _, record in tree_records(steps.store, dataset)]
        result: SplitResult = split(records, recipe, seed, progress)
        write_table(folder / SPLIT, result.assignments, SplitAssignment)
        write_table(folder / "near_duplicates.parquet", result.near_duplicates, NearDuplicate)
        return result.counts

    return steps.make("split", dataset.manifest.name, build, parents=[dataset], recipe=plain(recipe))


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Makes the questions on what is held out, an artifact a source."""

    steps: Steps
    recipe: EvaluationRecipe
    sandbox: Sandbox | None
    """None: no tests are run, and no function is asked for."""
    progress: Progress = silent
    say: Callable[[str], None] = quiet

    def suites(self, dataset: Artifact, parts: Artifact) -> list[Artifact]:
        """The questions on every source that something is held out of; a line is said of any other."""
        if parts.manifest.recipe["after"]:
            return self._suites_after(dataset, parts)
        sides = parts_of(parts)
        by_source: dict[str, tuple[SourcePart, list[Record]]] = {}
        for source, record in tree_records(self.steps.store, dataset):
            by_source.setdefault(source.part.id, (source, []))[1].append(record)
        suites = []
        for source, records in by_source.values():
            if any(sides[record.id] is Split.HELDOUT for record in records):
                suites.append(self._suite(source, records, parts))
            else:
                self.say(f"{source.name} is too small to hold anything out of: it is learned from, and not measured")
        return suites

    def suites_of(self, dataset: Artifact) -> list[Artifact]:
        """Those on the newest split of a data set that somebody trained on; without one, on the split of the defaults."""
        store = self.steps.store
        splits = [item for item in store.all() if item.manifest.kind == "split" and dataset.id in item.manifest.parents]
        seed = json.loads((dataset.path / RECIPE).read_text("utf-8"))["seed"]
        parts = splits[-1] if splits else split_of(self.steps, dataset, SplitRecipe(), seed, self.progress)
        made = [item for item in store.all() if item.manifest.kind == "suite" and parts.id in item.manifest.parents]
        return list({item.manifest.name: item for item in made}.values()) or self.suites(dataset, parts)

    def _suite(self, source: SourcePart, records: list[Record], parts: Artifact) -> Artifact:
        snapshot = source.snapshot
        assert snapshot is not None, "questions are made of trees"

        def build(folder: Path) -> dict:
            copies = read_table(parts.path / "near_duplicates.parquet", NearDuplicate)
            return self._questions(folder, snapshot, records, parts_of(parts), copies)

        return self._made(source.name, build, [snapshot, source.part, parts])

    def _made(self, name: str, build: Callable[[Path], dict], parents: list[Artifact]) -> Artifact:
        decided = {key: value for key, value in plain(self.recipe).items() if key not in ("suites", "batch_rows")}
        decided |= {"sandbox": self.sandbox.tier if self.sandbox else "none"}
        return self.steps.make("suite", name, build, parents=parents, recipe=decided)

    def _questions(
        self,
        folder: Path,
        snapshot: Artifact,
        records: list[Record],
        parts: dict[str, Split],
        copies: Iterable[NearDuplicate],
        new_spans: Mapping[str, list[tuple[int, int]]] | None = None,
    ) -> dict:
        questions, counts = QuestionMaker(
            records=records,
            parts=parts,
            near_duplicates=frozenset((copy.record_id, copy.start_byte) for copy in copies),
            new_spans=new_spans or {},
            tree=snapshot.path / TREE,
            sandbox=self.sandbox,
            recipe=self.recipe,
            seed=self.steps.seed,
            progress=self.progress,
        ).make()
        questions.save(folder)
        return counts

    # ------------------------------------------------------------------------------------------------------- a split by time
    def _suites_after(self, dataset: Artifact, parts: Artifact) -> list[Artifact]:
        """The questions on what every repository has now and had not on the day; a line is said of one without news.

        TooSmallError when nothing is new anywhere.
        """
        day = parts.manifest.recipe["after"]
        recipe = DataRecipe.model_validate(json.loads((dataset.path / RECIPE).read_text("utf-8")))
        trees = {source.name: source for source in sources_of(self.steps.store, dataset) if source.snapshot is not None}
        now = [source for given in recipe.sources for source in opened(given) if not isinstance(source, Stream)]
        suites = []
        for source in now:
            suite = self._suite_after(source, trees[source.name], dataset, parts, recipe.collect)
            if suite.counts["files"]:
                suites.append(suite)
            else:
                self.say(f"nothing of {source.name} is new since {day}: it is learned from, and not measured")
        if not suites:
            raise TooSmallError(f"nothing is new since {day}", do="choose an earlier day for split.after")
        return suites

    def _suite_after(
        self, source: Source, before: SourcePart, dataset: Artifact, parts: Artifact, collect: CollectRecipe
    ) -> Artifact:
        recipe = collect.model_copy(update={"until": None})
        snapshot, records = tree_of(self.steps, source, recipe, self.progress)

        def build(folder: Path) -> dict:
            old = {record.origin.path: record.text for record in read_table(before.records.path / RECORDS, Record)}
            every = read_table(records.path / RECORDS, Record)
            new = [record for record in every if record.text != old.get(record.origin.path)]
            spans = {record.id: new_spans(old.get(record.origin.path, ""), record.text) for record in new}
            sides, mine = parts_of(parts), read_table(before.part.path / RECORDS, Record)
            validation = [record for record in mine if sides.get(record.id) is Split.VALIDATION]
            learned = [record for _, record in tree_records(self.steps.store, dataset)]
            copies = learned_functions(new, learned, SplitRecipe.model_validate(parts.manifest.recipe))
            placed = {record.id: Split.VALIDATION for record in validation} | {item.id: Split.HELDOUT for item in new}
            return self._questions(folder, snapshot, [*new, *validation], placed, copies, spans)

        return self._made(source.name, build, [snapshot, records, before.part, parts])
