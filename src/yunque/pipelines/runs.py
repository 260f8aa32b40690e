"""``yunque runs``: the trainings of a folder, finished or not, as `reports.training` shows them."""

from __future__ import annotations

import json
from pathlib import Path

from yunque.core.errors import StoreError
from yunque.models.recipe import ADAPTER, WEIGHTS
from yunque.reports.training import TrainingRun
from yunque.store.artifacts import Store

KINDS = (ADAPTER, WEIGHTS)


def training_runs(out: Path) -> list[TrainingRun]:
    """Every training of a folder, the newest last, those that are not finished behind. StoreError where there is none."""
    runs = []
    for artifact in Store(out).all():
        if artifact.manifest.kind in KINDS:
            history = json.loads((artifact.path / "history.json").read_text("utf-8"))
            manifest = artifact.manifest
            runs.append(
                _run(
                    artifact.full_id,
                    manifest.name,
                    history,
                    made=manifest.created_at,
                    recipe=manifest.recipe,
                    took_s=manifest.took_s,
                )
            )
    for folder in sorted((out / "work").glob("*-*")):
        if folder.name.startswith(KINDS) and (folder / "checkpoint.pt").exists():
            from yunque.training.checkpoints import CHECKPOINT, read

            runs.append(
                _run(folder.name, "", json.loads(read(folder / CHECKPOINT)["history"]), made="", recipe={}, took_s=None)
            )
    if not runs:
        raise StoreError("nothing has been trained here", where=out, do="name another folder with --out")
    return runs


def find_run(runs: list[TrainingRun], wanted: str) -> TrainingRun:
    """The one run whose id, with its kind or without, begins so. StoreError for none, or several."""
    fitting = [run for run in runs if wanted and (run.id.startswith(wanted) or run.id.partition("-")[2].startswith(wanted))]
    if len(fitting) != 1:
        what = f"{'no' if not fitting else 'more than one'} training here begins with '{wanted}'"
        raise StoreError(what, do="`yunque runs` lists them")
    return fitting[0]


def _run(run_id: str, name: str, history: dict, *, made: str, recipe: dict, took_s: float | None) -> TrainingRun:
    return TrainingRun(
        id=run_id,
        of=name,
        made=made,
        recipe=recipe,
        steps=history["steps"],
        validations=history["validations"],
        best_step=history["best_step"],
        best_loss=history["best_loss"],
        took_s=took_s,
    )
