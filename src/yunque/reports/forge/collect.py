"""Artifacts of one run to the structure that every page and card is written from."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import yunque
from yunque.core.nouns import Dropped
from yunque.evaluation.metrics.statistics import RESAMPLES
from yunque.evaluation.repository.comparison import Row, compare_scores
from yunque.evaluation.repository.questions import Problem, RepositorySuite
from yunque.evaluation.repository.scoring import Sample, Scores
from yunque.models.base import BaseFacts
from yunque.reports.forge.facts import (
    Comparison,
    DroppedFile,
    ForgeReport,
    MachineFacts,
    ModelFacts,
    PackFacts,
    PartFacts,
    SampleRow,
    SourceFacts,
    StepFacts,
    StepRow,
    TrainingFacts,
    ValidationRow,
)
from yunque.store.artifacts import Artifact
from yunque.store.tables import read_table

NUM_SAMPLES = 5
NUM_DROPPED = 12
PACKAGES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "rapidfuzz", "tree-sitter")
SUITES = {"bits": "held-out code", "fim": "line completion", "body": "function bodies"}
FIM_TEMPLATE = "<fim_prefix><fim_suffix>{suffix}<fim_middle>{prefix}"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a report is made from."""

    spec: str
    command: str
    recipe: dict
    base: BaseFacts
    artifacts: dict[str, Artifact]
    """By role: snapshot, records, split, pairs, packed, adapter, model, suite, base_scores, forged_scores."""
    made: tuple[tuple[Artifact, bool], ...]
    """Artifacts in order, and whether each was made in this run."""
    seed: int
    sandbox_tier: str


def gather(run: Run) -> ForgeReport:
    """The report of a run."""
    artifacts = run.artifacts
    suite = RepositorySuite.load(artifacts["suite"].path)
    base, forged = Scores.load(artifacts["base_scores"].path), Scores.load(artifacts["forged_scores"].path)
    rows = compare_scores(base, forged, seed=run.seed)
    source = _source(run)
    everything = list({artifact.id: artifact for artifact, _ in run.made}.values())
    return ForgeReport(
        title=f"{source.name}: forged against base",
        command=run.command,
        code_version=yunque.__version__,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        total_s=round(sum(artifact.manifest.took_s for artifact in everything), 1),
        peak_bytes=max(artifact.manifest.peak_bytes for artifact in everything),
        comparisons=tuple(_comparison(row) for row in rows),
        interval_method=_interval_method(rows),
        excluded=artifacts["suite"].counts["excluded"],
        samples=tuple(_samples(suite, base, forged)),
        sample_rule="The first by task id, alternating between line completion and function bodies; not chosen by result.",
        source=source,
        split=tuple(_parts(artifacts["split"])),
        num_clusters=artifacts["split"].counts["clusters"],
        num_near_duplicates=artifacts["split"].counts["heldout_near_duplicates"]
        + artifacts["split"].counts["validation_near_duplicates"],
        pairs=artifacts["pairs"].counts,
        packing=_packing(run),
        base=ModelFacts(
            name=run.base.name,
            revision=run.base.source,
            sha256=run.base.sha256,
            licence=run.base.licence,
            num_parameters=run.base.num_parameters,
            num_trained_parameters=artifacts["adapter"].counts["trained_parameters"],
            dtype=artifacts["adapter"].counts["dtype"],
        ),
        fim_template=FIM_TEMPLATE if artifacts["packed"].counts["new_ids"] else "",
        training=_training(run),
        steps=tuple(
            StepFacts(
                kind=artifact.manifest.kind,
                artifact_id=artifact.id,
                took_s=artifact.manifest.took_s,
                peak_bytes=artifact.manifest.peak_bytes,
                reused=not new,
            )
            for artifact, new in run.made
        ),
        machine=machine_facts(),
        sandbox_tier=run.sandbox_tier,
    )


def _source(run: Run) -> SourceFacts:
    snapshot, records = run.artifacts["snapshot"].counts, run.artifacts["records"]
    counts = records.counts
    dropped = read_table(records.path / "dropped.parquet", Dropped)
    seen: Counter = Counter()
    examples: list[DroppedFile] = []
    for item in dropped:  # a few of every reason rather than many of the first
        seen[item.reason] += 1
        if seen[item.reason] <= 3 and len(examples) < NUM_DROPPED:
            examples.append(DroppedFile(path=item.path, reason=item.reason, detail=item.detail))
    return SourceFacts(
        spec=run.spec,
        name=snapshot["name"],
        kind=snapshot["kind"],
        revision=snapshot["revision"],
        collected_at=snapshot["collected_at"],
        licences=counts["licences"],
        languages=counts["languages"],
        num_files=counts["files"],
        num_kept=counts["kept"],
        bytes_kept=counts["bytes_kept"],
        dropped=counts["dropped"],
        dropped_examples=tuple(examples),
    )


def _parts(split: Artifact) -> list[PartFacts]:
    counts = split.counts
    return [
        PartFacts(
            part="held-out" if part == "heldout" else part,
            num_files=counts[f"{part}_files"],
            bytes=counts[f"{part}_bytes"],
            num_functions=counts[f"{part}_functions"],
        )
        for part in ("train", "validation", "heldout")
    ]


def _packing(run: Run) -> PackFacts:
    counts = run.artifacts["packed"].counts["train"]
    return PackFacts(
        num_sequences=counts["rows"],
        length_tokens=run.recipe["pack"]["length_tokens"],
        utilisation=counts["utilisation"],
        trained_tokens=counts["answer_tokens"],
        truncated_pairs=counts["cut"],
        dropped_pairs=counts["answer_too_long"],
    )


def _training(run: Run) -> TrainingFacts:
    adapter = run.artifacts["adapter"]
    history = json.loads((adapter.path / "history.json").read_text())
    names = ("step", "tokens_seen", "loss", "learning_rate", "grad_norm", "tokens_per_s")
    rows_seen = len(history["steps"]) * run.recipe["training"]["rows_per_step"]
    return TrainingFacts(
        steps=tuple(StepRow(**{name: row[name] for name in names}) for row in history["steps"]),
        validations=tuple(ValidationRow(**row) for row in history["validations"]),
        best_step=history["best_step"],
        stopped_early=history["stopped_early"],
        took_s=adapter.counts["training_s"],
        epochs=round(rows_seen / run.artifacts["packed"].counts["train"]["rows"], 3),
        recipe=run.recipe,
    )


# ---------------------------------------------------------------------------------------------------------------- evaluation
def _comparison(row: Row) -> Comparison:
    return Comparison(
        suite=SUITES[row.suite],
        name=f"{SUITES[row.suite]} ({row.title})",
        unit=row.unit,
        better=row.better,
        base=row.paired.base,
        forged=row.paired.forged,
        difference=row.paired.difference,
        base_style=row.base_style,
        forged_style=row.forged_style,
        verdict=row.paired.verdict,
        n_of=row.counted,
        meaning=row.meaning,
    )


def _interval_method(rows: list[Row]) -> str:
    by = {row.paired.resampled for row in rows if row.paired.difference.n}
    units = (
        "whole files" if by == {"files"} else "single tasks" if by == {"tasks"} else "whole files (single tasks where few)"
    )
    return f"paired bootstrap over {units}, {RESAMPLES:,} resamples"


def _samples(suite: RepositorySuite, base: Scores, forged: Scores) -> list[SampleRow]:
    """The first tasks by id, bodies and lines in turn."""
    answers = {sample.task_id: (sample, other) for sample, other in zip(base.samples, forged.samples, strict=True)}
    queues = [sorted(suite.of(kind), key=lambda problem: problem.task.id) for kind in ("body", "fim")]
    chosen: list[Problem] = []
    while len(chosen) < NUM_SAMPLES and any(queues):
        for queue in queues:
            if queue and len(chosen) < NUM_SAMPLES:
                problem = queue.pop(0)
                if problem.task.id in answers:
                    chosen.append(problem)
    return [_sample(problem, *answers[problem.task.id]) for problem in chosen]


def _sample(problem: Problem, base: Sample, forged: Sample) -> SampleRow:
    return SampleRow(
        task_id=problem.task.id,
        suite=SUITES[problem.task.suite],
        path=problem.path,
        prompt_tail="\n".join(problem.task.prompt.split("\n")[-14:]),
        suffix_head="\n".join(problem.task.suffix.split("\n")[:4]) if problem.task.suite == "fim" else "",
        reference=problem.key.answer,
        base_text=base.text,
        forged_text=forged.text,
        base_note=_note(base),
        forged_note=_note(forged),
    )


def _note(sample: Sample) -> str:
    similarity = f"edit similarity {sample.similarity:.2f}"
    return f"{sample.detail}; {similarity}" if sample.outcome else similarity


# ------------------------------------------------------------------------------------------------------------------- machine
def machine_facts() -> MachineFacts:
    """This machine, as far as it is the measurements' business."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return MachineFacts(
        cpu=_cpu_name(),
        num_cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        versions=versions,
        accelerator=_accelerator(),
    )


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _accelerator() -> str:
    try:
        import torch
    except ImportError:
        return ""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""
