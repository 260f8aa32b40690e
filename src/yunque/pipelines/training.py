"""``yunque train``: a data set to a model.

    dataset ─ split ─ packed ─ adapter or weights ─ model

What decides an artifact is in its recipe and its parents and nowhere else, so a change of, say, the learning rate keeps the
packed rows.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from yunque.checks.insertion.training_copies import COMMON_SHARE, COPIES, LEAST_TOKENS, WINDOW, write_index
from yunque.core.nouns import Origin, Pair, Preference, Record, Verdict, seed_from
from yunque.core.seams import Progress
from yunque.data.contents import Wanted, rows_of, tree_records
from yunque.data.packing.preferences import pack_preferences, why_unused
from yunque.data.packing.rows import PairOrigin, pack
from yunque.data.pairs.chat import CHAT_KINDS
from yunque.data.sides import placed_pairs
from yunque.data.split import Split, parts_of
from yunque.models.base import BaseFacts, find_base, refuse_short_context, sha256_of
from yunque.models.recipe import ADAPTER, WEIGHTS
from yunque.models.scratch import SCRATCH
from yunque.pipelines.heldout import split_of
from yunque.pipelines.probes import EXAMPLES, examples, probes_of
from yunque.pipelines.recipes import ForgeRecipe
from yunque.pipelines.steps import Steps, plain
from yunque.pipelines.tokenizer import unlearned_ids
from yunque.store.artifacts import Artifact
from yunque.training.recipe import PREFERENCES, num_steps

if TYPE_CHECKING:
    from yunque.training.plan import Plan
    from yunque.training.run import TrainingJob

WATCHING = ("country", "samples", "suite", "suite_tasks", "suite_every")
SPREADING = ("processes", "sharding", "offload", "machines", "rendezvous")
"""Keys of [training] that change nothing of what is trained, but its rounding."""
WORKER = "yunque.pipelines.worker"
NOWHERE = Origin(source="a stream", path="", revision="", licence="unknown", collected_at="")
"""Of a pair whose record is not kept."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The artifacts of a training."""

    split: Artifact
    packed: Artifact
    tuned: Artifact
    model: Artifact


@dataclass(kw_only=True)
class Training:
    """One training on a data set, step by step: a finished one is skipped. Raises YunqueError for what a user can fix."""

    recipe: ForgeRecipe
    steps: Steps
    progress: Progress

    base_folder: Path = field(init=False)
    base: BaseFacts = field(init=False)

    def __post_init__(self) -> None:
        """Find the base model, so that a missing one costs no work; one from scratch is made when there is data."""
        if self.recipe.model.base != SCRATCH:
            self.base_folder, self.base = find_base(self.recipe.model.base, self.progress)
            refuse_short_context(self.base_folder, self.recipe.pack.length_tokens)

    # ---------------------------------------------------------------------------------------------------------------- data
    def split(self, dataset: Artifact) -> Artifact:
        """Where every record of a tree goes, over all sources together."""
        return split_of(self.steps, dataset, self.recipe.split, self.recipe.seed, self.progress)

    def packed(self, dataset: Artifact, parts: Artifact) -> Artifact:
        """Rows to train and to validate on, and what became of every pair."""
        recipe, objective = self.recipe.pack, self.recipe.training.objective
        prefers = "" if objective not in PREFERENCES else "single" if objective == "kto" else "paired"
        if self.recipe.model.base == SCRATCH:
            self.base_folder, self.base = self._from_scratch(dataset, parts)

        def build(folder: Path) -> dict:
            from yunque.models.tokenizer import add_fim, find_fim, load_tokenizer

            tokenizer = load_tokenizer(self.base_folder)
            new_ids = add_fim(tokenizer)
            fim = find_fim(tokenizer)
            assert fim is not None  # they were just added
            pairs, left_out = self._placed(dataset, parts, prefers)
            counts: dict = {"new_ids": new_ids, "vocabulary": len(tokenizer), "left out": dict(left_out.most_common())}
            kinds = {part: Counter(pair.kind.value for pair in pairs[part]) for part in pairs}
            counts["pairs"] = {part.value: dict(sorted(table.items())) for part, table in kinds.items()}
            origin_of = _origins(self.steps, dataset)
            last = recipe.model_copy(update={"shares": recipe.schedule[-1].shares, "stages": ()})  # what a model ends with
            plans = {Split.TRAIN: (recipe, recipe.train_tokens), Split.VALIDATION: (last, recipe.validation_tokens)}
            with self.progress("pack", len(plans), "parts") as advance:
                for part, (how, budget) in plans.items():
                    common = tokenizer, fim, how, budget, self.recipe.seed
                    if prefers:
                        chosen = cast("list[Preference]", pairs[part])
                        rows, counts[part.value] = pack_preferences(chosen, *common, paired=prefers == "paired")
                    else:
                        rows, counts[part.value] = pack(pairs[part], *common, origin_of)
                    rows.save(folder, part.value)
                    advance(1)
            tokenizer.save_pretrained(folder / "tokenizer")
            (folder / EXAMPLES).write_text(json.dumps(examples(pairs[Split.VALIDATION])) + "\n")
            return counts

        decided = plain(recipe) | {"base": self.base.sha256, "quoted": self.recipe.split.similarity}
        decided |= {"preferences": prefers, "validation": self.recipe.split.validation} if prefers else {}
        return self.steps.make("packed", dataset.manifest.name, build, parents=[dataset, parts], recipe=decided)

    def learned(self, dataset: Artifact, parts: Artifact) -> Iterator[Record]:
        """Every record that is trained on: none that steers training or is held out."""
        sides = parts_of(parts)
        for record in rows_of(self.steps.store, dataset, Wanted()):
            if sides.get(record.id, Split.TRAIN) is Split.TRAIN:
                yield record

    def _from_scratch(self, dataset: Artifact, parts: Artifact) -> tuple[Path, BaseFacts]:
        """A model that has learned nothing, with a vocabulary of what it will learn from, or with the one that is named."""
        model, length = self.recipe.model, max(self.recipe.pack.length_tokens, 2048)

        def build(folder: Path) -> dict:
            from yunque.models.scratch import config_of, new_model
            from yunque.models.tokenizer import load_tokenizer
            from yunque.models.vocabulary.bpe import train_bpe

            if model.tokenizer:
                tokenizer = load_tokenizer(Path(model.tokenizer))
            else:
                texts = (record.text for record in self.learned(dataset, parts))
                tokenizer = train_bpe(texts, model.vocabulary, context_tokens=length)
            config = config_of(model.depth, len(tokenizer), end=tokenizer.eos_token_id, context_tokens=length)
            return {"vocabulary": len(tokenizer), "parameters": new_model(config, tokenizer, folder, self.recipe.seed)}

        given = sha256_of(Path(model.tokenizer) / "tokenizer.json") if model.tokenizer else ""
        decided = {"depth": model.depth, "tokenizer": given, "vocabulary": model.vocabulary, "context": length}
        base = self.steps.make("base", dataset.manifest.name, build, parents=[dataset, parts], recipe=decided)
        facts = BaseFacts(
            name=f"scratch, {model.depth} layers",
            source="random weights",
            sha256=base.id,
            licence="",
            num_parameters=base.counts["parameters"],
        )
        return base.path, facts

    def copies(self, dataset: Artifact, parts: Artifact) -> Artifact:
        """The index by which a server notices that the model says a training record word for word."""

        def build(folder: Path) -> dict:
            placed, _ = self._placed(dataset, parts)
            wanted = {record_id for pair in placed[Split.TRAIN] for record_id in pair.origin_ids}
            records = {record.id: record for record in rows_of(self.steps.store, dataset, Wanted()) if record.id in wanted}
            texts = [(record.text, record.origin) for record in records.values()]
            for pair in placed[Split.TRAIN]:
                if records.keys().isdisjoint(pair.origin_ids):
                    texts.append((pair.answer, replace(NOWHERE, path=pair.kind.value)))
            return write_index(texts, folder / COPIES)

        decided = plain(self.recipe.split) | {"tokens": LEAST_TOKENS, "window": WINDOW, "common": COMMON_SHARE}
        return self.steps.make("copies", dataset.manifest.name, build, parents=[dataset, parts], recipe=decided)

    def num_steps(self, packed: Artifact) -> int:
        """How many steps a training on these rows takes, if nothing stops it early."""
        return num_steps(packed.counts["train"]["rows"], self.recipe.training)

    def _placed(self, dataset: Artifact, parts: Artifact, prefers: str = "") -> tuple[dict[Split, list[Pair]], Counter[str]]:
        """The pairs (or preferences) of training and of validation, and how many go nowhere and why."""
        what = "preferences" if prefers else "pairs"
        placed: dict[Split, list[Pair]] = {Split.TRAIN: [], Split.VALIDATION: []}
        left_out: Counter[str] = Counter()
        for pair, side in placed_pairs(self.steps.store, dataset, parts_of(parts), self.recipe.split, what):
            if side.part is None:
                left_out[side.reason] += 1
            else:
                placed[side.part].append(pair)
        if prefers and not placed[Split.VALIDATION]:  # they come by streams, which have no side of their own
            placed = self._some_for_validation(cast("list[Preference]", placed[Split.TRAIN]), prefers)
        return placed, left_out

    def _some_for_validation(self, preferences: list[Preference], prefers: str) -> dict[Split, list[Pair]]:
        """All preferences of some prompts to validate on, of those that can be learned from; the others to train on."""
        prompts = {
            seed_from("validation", preference.prompt, preference.suffix)
            for preference in preferences
            if not why_unused(preference, paired=prefers == "paired")
        }
        few = max(1, round(self.recipe.split.validation * len(prompts))) if len(prompts) > 1 else 0
        chosen = set(sorted(prompts)[:few])
        placed: dict[Split, list[Pair]] = {Split.TRAIN: [], Split.VALIDATION: []}
        for preference in preferences:
            steers = seed_from("validation", preference.prompt, preference.suffix) in chosen
            placed[Split.VALIDATION if steers else Split.TRAIN].append(preference)
        return placed

    # --------------------------------------------------------------------------------------------------------------- model
    def tuned(self, packed: Artifact) -> Artifact:
        """What is trained: an ``adapter``, or ``weights``; a run that was stopped goes on from its checkpoint."""
        recipe = self.recipe
        training = plain(recipe.training) | {"learning_rate": recipe.training.peak(recipe.model)}
        for name in (*WATCHING, *SPREADING):
            training.pop(name)
        decided = {"model": plain(recipe.model) | {"base": self.base.sha256}, "training": training}
        last = self._last_tuned(packed, decided["model"]) if recipe.training.start == "last" else None

        def build(folder: Path) -> dict:
            from yunque.training.checkpoints import CHECKPOINT
            from yunque.training.parallel.launch import takes_launching
            from yunque.training.preflight.checks import refuse
            from yunque.training.run import train

            job = self._job(packed, last)
            if not (folder / CHECKPOINT).exists():  # what goes on has been looked at
                verdicts = list(self._looked_at(job))
                for warning in (
                    finding for verdict in verdicts for finding in verdict.findings if finding.severity == "warning"
                ):
                    self.steps.say(f"preflight {warning.rule}: {warning.message}")
                refuse(verdicts)
            with ExitStack() as stack:  # a sandbox that outlives the run would hold on to the store's lock
                probes = [] if takes_launching(job.training) else probes_of(packed.path, job.training, stack)
                return train(job, folder, progress=self.progress, say=self.steps.say, probes=probes, worker=WORKER)

        parents = [packed, *([last] if last is not None else [])]
        return self.steps.make(
            self.recipe.model.result, packed.manifest.name, build, parents=parents, recipe=decided, resumable=True
        )

    def preflight(self, packed: Artifact) -> Iterator[Verdict]:
        """What is looked at before a training on these rows."""
        return self._looked_at(self._job(packed, None))

    def _looked_at(self, job: TrainingJob) -> Iterator[Verdict]:
        from yunque.training.preflight.checks import CHECKS, verdicts
        from yunque.training.preflight.context import Preflight

        advancing, out = self.progress("preflight", len(CHECKS), "checks"), self.steps.store.root
        with advancing as advance, TemporaryDirectory(dir=out, prefix=".preflight-") as scratch:
            for verdict in verdicts(Preflight(job=job, scratch=Path(scratch), out=out)):
                advance(1, verdict.check)
                yield verdict

    def _job(self, packed: Artifact, last: Artifact | None) -> TrainingJob:
        from yunque.training.run import TrainingJob

        whole = last.path / WEIGHTS if last is not None and self.recipe.model.result == WEIGHTS else None
        return TrainingJob(
            base=whole or self.base_folder,
            packed=packed.path,
            new_ids=() if whole else tuple(packed.counts["new_ids"]),
            unlearned=tuple(unlearned_ids(self.base_folder)),
            model=self.recipe.model,
            training=self.recipe.training,
            seed=self.recipe.seed,
            chat=any(kind.value in packed.counts["pairs"]["train"] for kind in CHAT_KINDS),
            adapter=last.path / ADAPTER if last is not None and whole is None else None,
        )

    def _last_tuned(self, packed: Artifact, model: dict) -> Artifact | None:
        """The newest result of sources of these names on this base, learned from other rows; None without one."""
        name, last = packed.manifest.name, None
        for artifact in self.steps.store.all():
            fits = artifact.manifest.kind == self.recipe.model.result and artifact.manifest.name == name
            if fits and packed.id not in artifact.manifest.parents and artifact.manifest.recipe["model"] == model:
                last = artifact
        return last

    def model(self, tuned: Artifact) -> Artifact:
        """An ordinary model folder: the base with the adapter merged into it, or the weights as they are."""

        def build(folder: Path) -> dict:
            from yunque.models.adapt import load_adapter, merge
            from yunque.models.tokenizer import load_tokenizer

            if tuned.manifest.kind == WEIGHTS:
                shutil.copytree(tuned.path / WEIGHTS, folder, dirs_exist_ok=True)
            else:
                adapter = tuned.path / ADAPTER
                tokenizer = load_tokenizer(adapter)
                merge(load_adapter(self.base_folder, adapter, tokenizer, self.recipe.model.dtype), tokenizer, folder)
            return {"bytes": sum(file.stat().st_size for file in folder.iterdir())}

        return self.steps.make("model", tuned.manifest.name, build, parents=[tuned])


@dataclass(kw_only=True)
class Planning:
    """What a training by a recipe will take; nothing of its data is needed."""

    recipe: ForgeRecipe
    progress: Progress

    def run(self, *, gpu: str, count: int, measure: bool, table: Path | None) -> Plan:
        """On so many of these devices (of this machine's, where none is named). RecipeError, ModelError."""
        from yunque.training.devices import devices, find_device, here
        from yunque.training.plan import Planner

        known, carbon = devices(table)
        device = find_device(gpu, known)
        measure = measure and device.name == here(known).name and self.recipe.training.sharding == "none"
        with TemporaryDirectory() as scratch:
            base = self._base(Path(scratch))
            planner = Planner(base=base, model=self.recipe.model, training=self.recipe.training, pack=self.recipe.pack)
            with self.progress("plan", 1, "run") as advance:
                plan = planner.plan(device, count, carbon, measure=measure)
                advance(1)
        return plan

    def _base(self, scratch: Path) -> Path:
        """The base's folder; from scratch, a model of the same shape with the embedded base's tokenizer cut to size."""
        model = self.recipe.model
        if model.base != SCRATCH:
            return find_base(model.base, self.progress)[0]
        from yunque.models.scratch import config_of, new_model
        from yunque.models.tokenizer import load_tokenizer
        from yunque.models.vocabulary.bpe import train_bpe

        tokenizer = load_tokenizer(Path(model.tokenizer)) if model.tokenizer else train_bpe(["x"], 300)
        size = len(tokenizer) if model.tokenizer else model.vocabulary
        new_model(config_of(model.depth, size, end=tokenizer.eos_token_id), tokenizer, scratch, self.recipe.seed)
        return scratch


def _origins(steps: Steps, dataset: Artifact) -> Callable[[Pair], PairOrigin]:
    """What a mixture asks of a pair: its source and licence are those of its first record, its weight the largest."""
    weights = {row.record_id: row.weight for row in rows_of(steps.store, dataset, Wanted(what="weights"))}
    origins = {record.id: record.origin for record in rows_of(steps.store, dataset, Wanted())}
    names = {record.id: source.name for source, record in tree_records(steps.store, dataset)}

    def origin_of(pair: Pair) -> PairOrigin:
        first = next((record_id for record_id in pair.origin_ids if record_id in origins), "")
        weight = max((weights.get(record_id, 1.0) for record_id in pair.origin_ids), default=1.0)
        if not first:
            return PairOrigin(weight=weight)
        origin = origins[first]
        return PairOrigin(source=names.get(first, origin.source), licence=origin.licence, weight=weight)

    return origin_of
