"""Artifacts of one run to the structure that every page and card is written from."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import yunque
from yunque.core.errors import StoreError
from yunque.data.packing.rows import LOSSES
from yunque.evaluation.metrics.statistics import RESAMPLES
from yunque.evaluation.repository.comparison import Row, compare_scores
from yunque.evaluation.repository.questions import Problem, RepositorySuite
from yunque.evaluation.repository.scoring import Sample, Scores
from yunque.reports.forge.facts import (
    Comparison,
    EarlierRun,
    ForgeReport,
    MachineFacts,
    ModelFacts,
    PackFacts,
    PartFacts,
    SampleRow,
    StepFacts,
    StepRow,
    TrainingFacts,
    ValidationRow,
    from_json,
)
from yunque.reports.forge.run import Asked, Run
from yunque.reports.sources import source_facts
from yunque.store.artifacts import Artifact

NUM_SAMPLES = 5
PACKAGES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "rapidfuzz", "tree-sitter")
SUITES = {"bits": "held-out code", "fim": "line completion", "body": "function bodies"}
FIM_TEMPLATE = "<fim_prefix><fim_suffix>{suffix}<fim_middle>{prefix}"


def gather(run: Run) -> ForgeReport:
    """The report of a run."""
    scored = [_Scored.of(item) for item in run.asked]
    rows = [("", row) for row in compare_scores(*_pooled(scored), seed=run.seed)] if scored else []
    for item in scored if len(scored) > 1 else ():
        rows += [(item.source, row) for row in compare_scores(item.base, item.forged, seed=run.seed)]
    sources = source_facts(run.store, run.dataset)
    everything = list({artifact.id: artifact for artifact, _ in run.made}.values())
    names = ", ".join(source.name for source in sources)
    return ForgeReport(
        title=f"{names}: forged against base",
        command=run.command,
        code_version=yunque.__version__,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        total_s=round(sum(artifact.manifest.took_s for artifact in everything), 1),
        peak_bytes=max(artifact.manifest.peak_bytes for artifact in everything),
        comparisons=tuple(_comparison(row, name) for name, row in rows),
        interval_method=_interval_method([row for _, row in rows]),
        excluded=_excluded(run),
        ended={who: _ended(run, who) for who in ("base", "forged")} if run.asked else {},
        samples=tuple(_samples(run, scored)),
        sample_rule="The first by task id, alternating between line completion and function bodies; not chosen by result.",
        sources=sources,
        screened=_is_screened(run.recipe),
        split=tuple(_parts(run.split)),
        num_clusters=run.split.counts["clusters"],
        num_near_duplicates=run.split.counts["heldout_near_duplicates"] + run.split.counts["validation_near_duplicates"],
        pairs=run.packed.counts["pairs"],
        packing=_packing(run),
        base=ModelFacts(
            name=run.base.name,
            revision=run.base.source,
            sha256=run.base.sha256,
            licence=run.base.licence,
            num_parameters=run.base.num_parameters,
            num_trained_parameters=run.adapter.counts["trained_parameters"],
            dtype=run.adapter.counts["dtype"],
        ),
        fim_template=FIM_TEMPLATE if run.packed.counts["new_ids"] else "",
        training=_training(run),
        steps=tuple(_step(artifact, new) for artifact, new in run.made),
        machine=machine_facts(),
        earlier=tuple(_earlier(run)),
        sandbox_tier=run.sandbox_tier,
    )


def _earlier(run: Run) -> Iterator[EarlierRun]:
    """What earlier models scored; a report of another version of this software is passed over."""
    questions = {item.suite.id for item in run.asked}
    for artifact in run.earlier:
        try:
            report = from_json((artifact.path / "report.json").read_text("utf-8"))
        except (OSError, StoreError):
            continue
        if not report.comparisons:  # a training that nobody measured
            continue
        yield EarlierRun(
            report_id=artifact.id,
            created_at=report.created_at,
            forged={comparison.name: comparison.forged.value for comparison in report.comparisons},
            same_questions={step.artifact_id for step in report.steps if step.kind == "suite"} == questions,
        )


def _is_screened(recipe: dict) -> bool:
    malware = any(rule["check"] == "malware" for rule in recipe["screen"]["rules"])
    return bool(malware and recipe["redact"]["secrets"] and recipe["redact"]["personal"])


def _step(artifact: Artifact, new: bool) -> StepFacts:
    return StepFacts(
        kind=artifact.manifest.kind,
        artifact_id=artifact.id,
        took_s=artifact.manifest.took_s,
        peak_bytes=artifact.manifest.peak_bytes,
        reused=not new,
    )


@dataclass(frozen=True, kw_only=True)
class _Scored:
    """What both models made of one source, read once."""

    source: str
    base: Scores
    forged: Scores

    @classmethod
    def of(cls, item: Asked) -> _Scored:
        base, forged = (Scores.load(artifact.path) for artifact in (item.base_scores, item.forged_scores))
        return cls(source=item.source.name, base=base, forged=forged)


def _pooled(scored: Sequence[_Scored]) -> tuple[Scores, Scores]:
    """The scores of both models on all sources together; a path of two sources is two groups."""
    if len(scored) == 1:
        return scored[0].base, scored[0].forged
    return _joined((item.base, item.source) for item in scored), _joined((item.forged, item.source) for item in scored)


def _joined(parts: Iterable[tuple[Scores, str]]) -> Scores:
    named = [_named(scores, source) for scores, source in parts]
    return Scores(
        samples=tuple(sample for scores in named for sample in scores.samples),
        bits=tuple(row for scores in named for row in scores.bits),
    )


def _named(scores: Scores, source: str) -> Scores:
    """The scores with their groups named after the source as well."""
    return Scores(
        samples=tuple(replace(sample, group=f"{source}/{sample.group}") for sample in scores.samples),
        bits=tuple(replace(row, group=f"{source}/{row.group}") for row in scores.bits),
    )


def _ended(run: Run, who: str) -> dict[str, int]:
    """How the answers of a model ended, over all sources."""
    total: Counter[str] = Counter()
    for item in run.asked:
        total.update(getattr(item, f"{who}_scores").counts["ended"])
    return dict(total)


def _excluded(run: Run) -> dict[str, dict[str, int]]:
    """Suite -> reason -> tasks that were not asked, over all sources."""
    total: dict[str, Counter[str]] = {}
    for item in run.asked:
        for suite, reasons in item.suite.counts["excluded"].items():
            total.setdefault(suite, Counter()).update(reasons)
    return {suite: dict(reasons) for suite, reasons in total.items()}


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
    counts = run.packed.counts["train"]
    return PackFacts(
        num_sequences=counts["rows"],
        length_tokens=run.recipe["pack"]["length_tokens"],
        utilisation=counts["utilisation"],
        trained_tokens=counts["answer_tokens"],
        truncated_pairs=counts["cut"],
        dropped_pairs=counts["too_long"],
        left_out=run.packed.counts["left out"],
        unused={reason.replace("_", " "): counts[reason] for reason in LOSSES if counts[reason]},
        tokens_by=counts["tokens_by"],
    )


def _training(run: Run) -> TrainingFacts:
    adapter = run.adapter
    history = json.loads((adapter.path / "history.json").read_text())
    names = ("step", "tokens_seen", "loss", "learning_rate", "grad_norm", "tokens_per_s")
    rows_seen = len(history["steps"]) * run.recipe["training"]["rows_per_step"]
    return TrainingFacts(
        steps=tuple(StepRow(**{name: row[name] for name in names}) for row in history["steps"]),
        validations=tuple(ValidationRow(**row) for row in history["validations"]),
        best_step=history["best_step"],
        stopped_early=history["stopped_early"],
        took_s=adapter.counts["training_s"],
        epochs=round(rows_seen / run.packed.counts["train"]["rows"], 3),
        recipe=run.recipe,
    )


# ---------------------------------------------------------------------------------------------------------------- evaluation
def _comparison(row: Row, source: str) -> Comparison:
    what = f"{SUITES[row.suite]} of {source}" if source else SUITES[row.suite]
    return Comparison(
        suite=what,
        name=f"{what} ({row.title})",
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


def _samples(run: Run, scored: Sequence[_Scored]) -> list[SampleRow]:
    """The first tasks by id, bodies and lines in turn, of all sources."""
    answers = {
        sample.task_id: (sample, other)
        for item in scored
        for sample, other in zip(item.base.samples, item.forged.samples, strict=True)
    }
    suites = [RepositorySuite.load(item.suite.path) for item in run.asked]
    problems = {kind: [problem for suite in suites for problem in suite.of(kind)] for kind in ("body", "fim")}
    queues = [sorted(queue, key=lambda problem: problem.task.id) for queue in problems.values()]
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
