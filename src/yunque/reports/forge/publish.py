"""What a run leaves for people: a report, and a model that anybody's tools can load.

    OUT/report.html  OUT/report.json  OUT/DATASET_CARD.md
    OUT/model/       an ordinary Hugging Face folder with its model card (README.md)
    OUT/adapter/     the LoRA adapter alone, with the tokenizer it needs
    OUT/model.gguf   the model as one file for llama.cpp
    OUT/model.copies the index by which a server notices training records in what the model says

Weights are hard links into the store where the file system allows, so the second copy costs no space.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from yunque.checks.insertion.training_copies import COPIES
from yunque.models.exports.gguf import FILE
from yunque.models.recipe import ADAPTER
from yunque.reports.forge.cards import dataset_card, model_card
from yunque.reports.forge.facts import ForgeReport, to_json
from yunque.reports.forge.page import render_page
from yunque.reports.forge.plots import write_plots
from yunque.store.artifacts import Artifact

PAGES = ("report.html", "report.json", "DATASET_CARD.md")


def write_report(report: ForgeReport, folder: Path) -> dict:
    """Write page, data, cards and plots into ``folder``; returns what the measures came to."""
    (folder / "report.html").write_text(render_page(report), encoding="utf-8")
    (folder / "report.json").write_text(to_json(report), encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(model_card(report), encoding="utf-8")
    (folder / "DATASET_CARD.md").write_text(dataset_card(report), encoding="utf-8")
    write_plots(report, folder)
    return {f"{comparison.suite}: {comparison.name}": comparison.verdict for comparison in report.comparisons}


def deliver(out: Path, *, report: Artifact, model: Artifact, tuned: Artifact, beside: Sequence[Path] = ()) -> None:
    """Put pages, model, adapter if any, and the files ``beside`` them on top of ``out``, in place of an earlier run's."""
    for page in PAGES:
        temporary = out / (page + ".part")
        shutil.copyfile(report.path / page, temporary)
        os.replace(temporary, out / page)
    card = report.path / "MODEL_CARD.md"
    _replace_folder(out / "model", model.path, card)
    if tuned.manifest.kind == ADAPTER:
        _replace_folder(out / ADAPTER, tuned.path / ADAPTER, card)
    else:
        shutil.rmtree(out / ADAPTER, ignore_errors=True)  # an older model's
    for name in (FILE, COPIES):
        (out / name).unlink(missing_ok=True)  # an older model's
    for file in beside:
        _link(file, out / file.name)


def _replace_folder(target: Path, source: Path, card: Path) -> None:
    draft, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    for leftover in (draft, old):
        shutil.rmtree(leftover, ignore_errors=True)
    draft.mkdir(parents=True)
    for file in sorted(source.iterdir()):
        if file.is_file() and file.name not in ("manifest.json", "README.md"):
            _link(file, draft / file.name)
    shutil.copyfile(card, draft / "README.md")
    if target.exists():
        target.rename(old)
    draft.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)
