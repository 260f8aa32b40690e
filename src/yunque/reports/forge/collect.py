"""Artifacts of one run to the structure that every page and card is written from."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from itertools import zip_longest
from pathlib import Path

import yunque
from yunque.core.errors import StoreError
from yunque.data.packing.preferences import UNUSED
from yunque.data.packing.rows import LOSSES
from yunque.evaluation.aggregate import compare_runs
from yunque.evaluation.metrics.answers import find_metric
from yunque.evaluation.metrics.statistics import RESAMPLES, Paired
from yunque.evaluation.repository.questions import Question, Questions
from yunque.evaluation.runner import SAMPLES, ScoredSample, load_samples
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
TITLES = {"bits": "held-out code", "fim": "line completion", "body": "function bodies"}
"""What a kind of question on what is held out is called in a report."""
MEASURES = {
    "bits": ("bits per byte",),
    "fim": ("edit similarity", "exact match"),
    "body": ("pass@1", "edit similarity", "valid syntax"),
}
"""What of it a report compares, the most telling first; of any other suite pass@1. `eval.html` has the others."""
FIM_TEMPLATE = "<fim_prefix><fim_suffix>{suffix}<fim_middle>{prefix}"


def gather(run: Run) -> ForgeReport:
    """The report of a run."""
    scored = [_Scored.of(item) for item in run.asked]
    rows = [row for item in scored for row in _compared(item, "", run.seed)]
    for part in dict.fromkeys(sample.part for item in scored for sample in item.base if sample.part):
        rows += [row for item in scored if item.kind in TITLES for row in _compared(item, part, run.seed)]
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
        comparisons=tuple(comparison for comparison, _ in rows),
        interval_method=_interval_method([paired for _, paired in rows]),
        excluded=_excluded(run),
        ended={who: _ended(getattr(item, who) for item in scored) for who in ("base", "forged")} if run.asked else {},
        samples=tuple(_samples(run, scored)),
        sample_rule="The first by task id, alternating between line completion and function bodies; not chosen by result.",
        sources=sources,
        screened=_is_screened(run.recipe),
        split=tuple(_parts(run.split)),
        num_clusters=run.split.counts["clusters"],
        asked_since=run.recipe["split"]["after"] or "",
        num_near_duplicates=run.split.counts["heldout_near_duplicates"] + run.split.counts["validation_near_duplicates"],
        pairs=run.packed.counts["pairs"],
        packing=_packing(run),
        base=ModelFacts(
            name=run.base.name,
            revision=run.base.source,
            sha256=run.base.sha256,
            licence=run.base.licence,
            num_parameters=run.base.num_parameters,
            num_trained_parameters=run.tuned.counts["trained_parameters"],
            dtype=run.tuned.counts["dtype"],
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
    questions = {suite.id for suite in run.suites}
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
    """What both models made of one suite, read once."""

    suite: str
    base: list[ScoredSample]
    forged: list[ScoredSample]

    @classmethod
    def of(cls, item: Asked) -> _Scored:
        base, forged = (load_samples(artifact.path / SAMPLES) for artifact in (item.base, item.forged))
        return cls(suite=item.base.manifest.recipe["suite"], base=base, forged=forged)

    @property
    def kind(self) -> str:
        """``bits``, ``fim`` or ``body``; the whole name of any other suite."""
        kind = self.suite.partition(":")[0].removeprefix("repo-")
        return kind if kind in TITLES else self.suite


def _ended(runs: Iterator[list[ScoredSample]]) -> dict[str, int]:
    """How the answers of a model ended, over all suites."""
    return dict(Counter(sample.finish_reason for samples in runs for sample in samples if sample.outcome))


def _excluded(run: Run) -> dict[str, dict[str, int]]:
    """Kind of question -> reason -> tasks that were not asked, over all sources."""
    total: dict[str, Counter[str]] = {}
    for suite in run.suites if run.asked else ():
        for kind, reasons in suite.counts["excluded"].items():
            total.setdefault(kind, Counter()).update(reasons)
    return {kind: dict(reasons) for kind, reasons in total.items()}


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
        unused={reason.replace("_", " "): counts[reason] for reason in (*LOSSES, *UNUSED) if counts.get(reason)},
        tokens_by=counts["tokens_by"],
    )


def _training(run: Run) -> TrainingFacts:
    tuned = run.tuned
    history = json.loads((tuned.path / "history.json").read_text())
    names = ("step", "tokens_seen", "loss", "learning_rate", "grad_norm", "tokens_per_s")
    rows_seen = len(history["steps"]) * run.recipe["training"]["rows_per_step"]
    return TrainingFacts(
        steps=tuple(StepRow(**{name: row[name] for name in names}) for row in history["steps"]),
        validations=tuple(ValidationRow(**row) for row in history["validations"]),
        best_step=history["best_step"],
        stopped_early=history["stopped_early"],
        took_s=tuned.counts["training_s"],
        energy=tuned.counts.get("energy", ""),
        epochs=round(rows_seen / run.packed.counts["train"]["rows"], 3),
        recipe=run.recipe,
    )


# ---------------------------------------------------------------------------------------------------------------- evaluation
def _compared(item: _Scored, part: str, seed: int) -> Iterator[tuple[Comparison, Paired]]:
    """What a report compares of a suite, or of a part of it."""
    base, forged = ([row for row in rows if part in ("", row.part)] for rows in (item.base, item.forged))
    if not base:
        return
    title = TITLES.get(item.kind, item.suite)
    paireds = {paired.base.name: paired for paired in compare_runs(item.suite, base, forged, seed=seed)}
    for name in MEASURES.get(item.kind, ("pass@1",)):
        if name not in paireds:
            continue
        paired, metric, what = paireds[name], find_metric(name), f"{title} of {part}" if part else title
        assert metric is not None  # it has just been measured
        yield (
            Comparison(
                suite=what,
                name=f"{what} ({name})",
                unit=metric.unit,
                better=metric.better,
                base=paired.base,
                forged=paired.forged,
                difference=paired.difference,
                base_style=base[0].style if base[0].outcome else "",
                forged_style=forged[0].style if forged[0].outcome else "",
                verdict=paired.verdict,
                n_of="tasks" if base[0].outcome else "chunks",
                meaning=metric.meaning,
            ),
            paired,
        )


def _interval_method(rows: Sequence[Paired]) -> str:
    by = {row.resampled for row in rows if row.difference.n}
    units = (
        "whole files" if by == {"files"} else "single tasks" if by == {"tasks"} else "whole files (single tasks where few)"
    )
    return f"paired bootstrap over {units}, {RESAMPLES:,} resamples"


def _samples(run: Run, scored: Sequence[_Scored]) -> list[SampleRow]:
    """The first tasks by id, bodies and lines in turn, of all sources."""
    answers = {
        base.task_id: (base, forged)
        for item in scored
        if item.kind in TITLES
        for base, forged in zip(item.base, item.forged, strict=True)
    }
    asked = [Questions.load(suite.path) for suite in run.suites]
    queues = [
        sorted(
            (question for questions in asked for question in questions.of(kind) if question.task.id in answers),
            key=lambda question: question.task.id,
        )
        for kind in ("body", "fim")
    ]
    turns = [question for turn in zip_longest(*queues) for question in turn if question is not None]
    return [_sample(question, *answers[question.task.id]) for question in turns[:NUM_SAMPLES]]


def _sample(question: Question, base: ScoredSample, forged: ScoredSample) -> SampleRow:
    task = question.task
    return SampleRow(
        task_id=task.id,
        suite=TITLES[task.suite],
        path=question.path,
        prompt_tail="\n".join(task.prompt.split("\n")[-14:]),
        suffix_head="\n".join(task.suffix.split("\n")[:4]) if task.suite == "fim" else "",
        reference=question.key.answer,
        base_text=base.text,
        forged_text=forged.text,
        base_note=_note(base),
        forged_note=_note(forged),
    )


def _note(sample: ScoredSample) -> str:
    similarity = f"edit similarity {sample.values.get('similarity', 0.0):.2f}"
    return similarity if similarity in sample.detail else f"{sample.detail}; {similarity}"


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
