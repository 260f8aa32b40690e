"""``yunque forge``: a source to a model that is proven better, or not, one artifact after another.

    source ─ snapshot ─ records ─ split ─┬─ pairs ─ packed ─ adapter ─ model ──────────┐
                                         └─ suite ─────────────── scores (base) ─┐     │
                                                                  scores (forged) ┴─ report ─ out/

Every arrow is a ``Store.make``: a finished artifact is found and skipped. What decides an artifact is in its recipe and its
parents and nowhere else, so a change of, say, the learning rate keeps the base model's scores.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from yunque.core.errors import SandboxError
from yunque.core.nouns import Pair, PromptStyle, Record
from yunque.core.plugins import find_part
from yunque.core.seams import Progress, Sandbox
from yunque.data.collect import collect, load_checks, refuse_nothing
from yunque.data.packing.rows import Rows, pack
from yunque.data.pairs.make import make_pairs
from yunque.data.sources.kinds import open_source
from yunque.data.split import NearDuplicate, Split, SplitAssignment, SplitResult, split
from yunque.evaluation.repository.questions import BodyTests, RepositorySuite, SuiteBuilder
from yunque.evaluation.repository.scoring import score_model
from yunque.models.base import BaseFacts, find_base, refuse_short_context
from yunque.pipelines.recipes import ForgeRecipe
from yunque.store.artifacts import Artifact, Store
from yunque.store.tables import read_table, write_table


@dataclass(kw_only=True)
class Forge:
    """One run of the road; ``run`` does it all. Raises YunqueError for what a user can fix."""

    spec: str
    recipe: ForgeRecipe
    out: Path
    progress: Progress
    say: Callable[[str], None]
    """Told once per step, with one line."""
    made: list[tuple[Artifact, bool]] = field(default_factory=list)
    """Artifacts in order, and whether each was made in this run."""

    def run(self) -> Artifact:
        """All steps, the finished ones skipped."""
        source = open_source(self.spec)
        identity = source.identity  # an empty folder is refused here, before anything is written
        base_folder, base = find_base(self.recipe.model.base, self.progress)  # a missing model should cost no work
        refuse_short_context(base_folder, self.recipe.pack.length_tokens)
        with self.store.lock():
            snapshot = self._step("snapshot", source.fetch, recipe={"source": identity})
            records = self._records(snapshot)
            parts = self._split(records)
            pairs = self._pairs(records, parts)
            suite = self._suite(snapshot, records, parts)
            packed = self._packed(pairs, base_folder, base)
            adapter = self._adapter(packed, base_folder, base)
            model = self._model(adapter, base_folder)
            base_scores = self._scores("base", base_folder, suite, snapshot, records, recipe={"base": base.sha256})
            forged_scores = self._scores("forged", model.path, suite, snapshot, records, parents=[model])
            return self._report(
                {
                    "snapshot": snapshot,
                    "records": records,
                    "split": parts,
                    "pairs": pairs,
                    "packed": packed,
                    "adapter": adapter,
                    "model": model,
                    "suite": suite,
                    "base_scores": base_scores,
                    "forged_scores": forged_scores,
                },
                base,
            )

    @cached_property
    def store(self) -> Store:
        """Where the artifacts lie."""
        return Store(self.out)

    @cached_property
    def sandbox(self) -> Sandbox | None:
        """The strongest isolation of this machine, or None: then nothing of the repository is run, which is said."""
        from yunque.sandbox import open_sandbox

        try:
            return open_sandbox()
        except SandboxError as error:
            self.say(f"no execution accuracy: {error.line()}")
            return None

    def _step(self, kind: str, build: Callable[[Path], dict], **inputs: Any) -> Artifact:
        artifact, new = self.store.make(kind, build, seed=self.recipe.seed, name=self.spec, **inputs)
        self.made.append((artifact, new))
        took = f"{artifact.manifest.took_s:.1f} s" if new else "already there"
        self.say(f"{kind:<9} {artifact.id}  {took}")
        return artifact

    # ---------------------------------------------------------------------------------------------------------------- data
    def _records(self, snapshot: Artifact) -> Artifact:
        recipe = self.recipe.collect

        def build(folder: Path) -> dict:
            counts = collect(snapshot.path, snapshot.counts, recipe, load_checks(recipe), folder, self.progress)
            refuse_nothing(counts, snapshot.counts)
            return counts

        return self._step("records", build, parents=[snapshot], recipe=_plain(recipe))

    def _split(self, records: Artifact) -> Artifact:
        def build(folder: Path) -> dict:
            result: SplitResult = split(_records_of(records), self.recipe.split, self.recipe.seed, self.progress)
            write_table(folder / "split.parquet", result.assignments, SplitAssignment)
            write_table(folder / "near_duplicates.parquet", result.near_duplicates, NearDuplicate)
            return result.counts

        return self._step("split", build, parents=[records], recipe=_plain(self.recipe.split))

    def _pairs(self, records: Artifact, parts: Artifact) -> Artifact:
        recipe = self.recipe.pairs

        def build(folder: Path) -> dict:
            placed, counts = _parts_of(parts), {}
            for part in (Split.TRAIN, Split.VALIDATION):
                pairs = [
                    pair
                    for record in _records_of(records)
                    if placed[record.id] is part
                    for pair in make_pairs(record, recipe, self.recipe.seed)
                ]
                write_table(folder / f"{part.value}.parquet", pairs, Pair)
                kinds = [pair.kind.value for pair in pairs]
                counts[part.value] = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
            return counts

        return self._step("pairs", build, parents=[records, parts], recipe=_plain(recipe))

    def _suite(self, snapshot: Artifact, records: Artifact, parts: Artifact) -> Artifact:
        recipe = self.recipe.evaluation

        def build(folder: Path) -> dict:
            near_duplicates = read_table(parts.path / "near_duplicates.parquet", NearDuplicate)
            suite, counts = SuiteBuilder(
                records=_records_of(records),
                parts=_parts_of(parts),
                near_duplicates=frozenset(
                    (near_duplicate.record_id, near_duplicate.start_byte) for near_duplicate in near_duplicates
                ),
                tree=snapshot.path / "tree",
                sandbox=self.sandbox,
                recipe=recipe,
                seed=self.recipe.seed,
                progress=self.progress,
            ).build()
            suite.save(folder)
            return counts

        tier = self.sandbox.tier if self.sandbox else "none"
        return self._step("suite", build, parents=[snapshot, records, parts], recipe=_plain(recipe) | {"sandbox": tier})

    def _packed(self, pairs: Artifact, base_folder: Path, base: BaseFacts) -> Artifact:
        recipe = self.recipe.pack

        def build(folder: Path) -> dict:
            from yunque.models.tokenizer import add_fim, find_fim, load_tokenizer

            tokenizer = load_tokenizer(base_folder)
            new_ids = add_fim(tokenizer)
            fim = find_fim(tokenizer)
            assert fim is not None  # they were just added
            counts: dict = {"new_ids": new_ids, "vocabulary": len(tokenizer)}
            budgets = {"train": recipe.train_tokens, "validation": recipe.validation_tokens}
            with self.progress("pack", len(budgets), "parts") as advance:
                for part, budget in budgets.items():
                    table = read_table(pairs.path / f"{part}.parquet", Pair)
                    rows, counts[part] = pack(table, tokenizer, fim, recipe, budget, self.recipe.seed)
                    rows.save(folder, part)
                    advance(1)
            tokenizer.save_pretrained(folder / "tokenizer")
            return counts

        return self._step("packed", build, parents=[pairs], recipe=_plain(recipe) | {"base": base.sha256})

    # --------------------------------------------------------------------------------------------------------------- model
    def _adapter(self, packed: Artifact, base_folder: Path, base: BaseFacts) -> Artifact:
        recipe = self.recipe

        def build(folder: Path) -> dict:
            from dataclasses import asdict

            from yunque.models.adapt import save_adapter
            from yunque.models.tokenizer import load_tokenizer
            from yunque.training.loop import CHECKPOINT, Trainer

            model = self._adapted(packed, base_folder)
            trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
            started = time.monotonic()
            trainer = Trainer(
                model=model,
                objective=find_part("objectives", recipe.training.objective)(),
                train=Rows.load(packed.path, "train"),
                validation=Rows.load(packed.path, "validation"),
                recipe=recipe.training,
                seed=recipe.seed,
                folder=folder,
                progress=self.progress,
            )
            history = trainer.fit()
            save_adapter(model, folder / "adapter")
            load_tokenizer(packed.path / "tokenizer").save_pretrained(folder / "adapter")
            (folder / "history.json").write_text(json.dumps(asdict(history)) + "\n")
            (folder / CHECKPOINT).unlink(missing_ok=True)
            return {
                "steps": len(history.steps),
                "planned_steps": trainer.num_steps,
                "best_step": history.best_step,
                "best_validation_loss": round(history.best_loss, 5),
                "stopped_early": history.stopped_early,
                "trained_parameters": trained,
                "dtype": str(model.dtype).removeprefix("torch."),
                "training_s": round(time.monotonic() - started, 1),
            }

        inputs = {"model": _plain(recipe.model) | {"base": base.sha256}, "training": _plain(recipe.training)}
        return self._step("adapter", build, parents=[packed], recipe=inputs, resumable=True)

    def _adapted(self, packed: Artifact, base_folder: Path) -> Any:
        """The base with a fresh adapter, its vocabulary grown to the packed one."""
        import torch

        from yunque.models.adapt import add_lora, choose_dtype, extend_vocabulary, load_model
        from yunque.models.tokenizer import load_tokenizer

        torch.manual_seed(self.recipe.seed)
        model = load_model(base_folder, choose_dtype(self.recipe.model.dtype))
        new_ids = packed.counts["new_ids"]
        extend_vocabulary(model, load_tokenizer(packed.path / "tokenizer"), new_ids)
        return add_lora(model, self.recipe.model, new_ids)

    def _model(self, adapter: Artifact, base_folder: Path) -> Artifact:
        def build(folder: Path) -> dict:
            from yunque.models.adapt import load_adapter, merge
            from yunque.models.tokenizer import load_tokenizer

            tokenizer = load_tokenizer(adapter.path / "adapter")
            model = load_adapter(base_folder, adapter.path / "adapter", tokenizer, self.recipe.model.dtype)
            merge(model, tokenizer, folder)
            return {"bytes": sum(file.stat().st_size for file in folder.iterdir())}

        return self._step("model", build, parents=[adapter])

    # ---------------------------------------------------------------------------------------------------------- evaluation
    def _scores(
        self,
        who: str,
        model: Path,
        suite: Artifact,
        snapshot: Artifact,
        records: Artifact,
        *,
        parents: list[Artifact] | None = None,
        recipe: dict | None = None,
    ) -> Artifact:
        context = {"prompt_tokens": self.recipe.pack.prompt_tokens, "suffix_tokens": self.recipe.pack.suffix_tokens}

        def build(folder: Path) -> dict:
            from yunque.inference.torch_engine import TorchEngine

            engine = TorchEngine(
                model,
                dtype=self.recipe.model.dtype,
                batch_rows=self.recipe.evaluation.batch_rows,
                progress=self.progress,
                **context,
            )
            started, by_id = time.monotonic(), {record.id: record for record in _records_of(records)}
            scores, counts = score_model(
                engine,
                RepositorySuite.load(suite.path),
                styles=[PromptStyle.PREFIX, *([PromptStyle.FIM] if engine.fim else [])],
                records=by_id,
                bodies_by=BodyTests(
                    records=by_id, tree=snapshot.path / "tree", sandbox=self.sandbox, recipe=self.recipe.evaluation
                )
                if self.sandbox
                else None,
                progress=self.progress,
            )
            scores.save(folder)
            return counts | {"seconds": round(time.monotonic() - started, 1)}

        decided = {"model": who, **context, **(recipe or {})}
        return self._step("scores", build, parents=[suite, *(parents or [])], recipe=decided)

    # -------------------------------------------------------------------------------------------------------------- report
    def _report(self, artifacts: dict[str, Artifact], base: BaseFacts) -> Artifact:
        from yunque.reports.forge.collect import Run, gather
        from yunque.reports.forge.publish import deliver, write_report

        run = Run(
            spec=self.spec,
            command=shlex.join(["yunque", *sys.argv[1:]]),
            recipe=_plain(self.recipe),
            base=base,
            artifacts=artifacts,
            made=tuple(self.made),
            seed=self.recipe.seed,
            sandbox_tier=self.sandbox.tier if self.sandbox else "",
        )
        artifact = self._step("report", lambda folder: write_report(gather(run), folder), parents=list(artifacts.values()))
        deliver(self.out, report=artifact, model=artifacts["model"], adapter=artifacts["adapter"])
        return artifact


def _plain(recipe: BaseModel) -> dict:
    return recipe.model_dump(mode="json")


def _records_of(artifact: Artifact) -> list[Record]:
    return read_table(artifact.path / "records.parquet", Record)


def _parts_of(artifact: Artifact) -> dict[str, Split]:
    return {placed.record_id: placed.part for placed in read_table(artifact.path / "split.parquet", SplitAssignment)}
