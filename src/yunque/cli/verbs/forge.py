"""`yunque forge`: sources to a model, and the proof; `yunque train`: a data set to a model."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yunque.cli.console import bars, say
from yunque.cli.options import DEFAULT_OUT, Json, Out, Overrides, Workers

if TYPE_CHECKING:
    from yunque.pipelines.forge import Forge


def forge(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Git repositories, folders, archives, pypi:NAME[==VERSION]; or a recipe.toml with [[sources]]."),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="TOML recipe; its sources come before those named here.")
    ] = None,
    no_screen: Annotated[
        bool, typer.Option("--no-screen", help="Learn from everything as it is: secrets, malware and duplicates, too.")
    ] = False,
    min_tasks: Annotated[
        int, typer.Option("--min-tasks", min=0, help="Refuse sources of which tests can judge fewer functions.")
    ] = 0,
    workers: Workers = 0,
    out: Out = DEFAULT_OUT,
    set_: Overrides = None,
    json_: Json = False,
) -> None:
    """Forge a model from SOURCES and prove whether it is better than its base."""
    from yunque.pipelines.recipes import forge_recipe

    resolved = forge_recipe(sources or [], recipe, set_ or [], screened=not no_screen)
    from yunque.pipelines.forge import Forge
    from yunque.reports.forge.comparison import answer
    from yunque.reports.forge.facts import from_json
    from yunque.store.artifacts import disk_errors

    with disk_errors(out):
        artifact = Forge(recipe=resolved, out=out, progress=bars, say=say, workers=workers, min_tasks=min_tasks).run()
    text = (out / "report.json").read_text(encoding="utf-8")
    if json_:
        print(text, end="")
        return
    for comparison in from_json(text).comparisons:
        print(answer(comparison))
    print(f"report  {out / 'report.html'}\nmodel   {out / 'model'}\n{artifact.id}")


Dataset = Annotated[str, typer.Argument(help="Id of a data set in --out, or its start; or a recipe.toml.")]
TrainRecipe = Annotated[Path | None, typer.Option("--recipe", help="TOML: [split], [pack], [model], [training].")]


def train(
    dataset: Dataset,
    recipe: TrainRecipe = None,
    workers: Workers = 0,
    out: Out = DEFAULT_OUT,
    set_: Overrides = None,
    json_: Json = False,
) -> None:
    """Train a model on a data set; a run that was stopped goes on where it was. Nothing is compared: see `yunque eval`."""
    from yunque.cli.console import emit
    from yunque.store.artifacts import disk_errors

    with disk_errors(out):
        run = resolved_training(dataset, recipe, set_ or [], out, workers)
        run.run()
    made = {artifact.manifest.kind: artifact for artifact, _ in run.steps.made}
    if json_:
        tuned = made.get("adapter") or made["weights"]
        emit(
            {
                "model": str(out / "model"),
                "id": made["model"].id,
                "dataset": run.dataset or made["dataset"].id,
                **tuned.counts,
            }
        )
    else:
        print(f"report  {out / 'report.html'}\nmodel   {out / 'model'}\n{made['model'].id}")


def preflight(
    dataset: Dataset,
    recipe: TrainRecipe = None,
    workers: Workers = 0,
    out: Out = DEFAULT_OUT,
    set_: Overrides = None,
    json_: Json = False,
) -> None:
    """Look at everything that must hold before a training, and train nothing; exit status 2 where it would be refused."""
    from yunque.cli.console import emit
    from yunque.cli.views.training import preflight_lines
    from yunque.store.artifacts import disk_errors
    from yunque.training.preflight.checks import refuse

    with disk_errors(out):
        verdicts = resolved_training(dataset, recipe, set_ or [], out, workers).preflight()
    if json_:
        emit([dataclasses.asdict(verdict) for verdict in verdicts])
    else:
        print("\n".join(preflight_lines(verdicts)))
    refuse(verdicts)


def resolved_training(dataset: str, recipe: Path | None, settings: list[str], out: Path, workers: int) -> Forge:
    """A training on a data set that is there, or on one that a recipe describes; nothing of it is done yet."""
    from yunque.pipelines.forge import Forge
    from yunque.pipelines.recipes import DataRecipe, forge_recipe, train_recipe
    from yunque.store.artifacts import RECIPE, Store

    if dataset.endswith(".toml"):
        resolved, dataset = forge_recipe([dataset], recipe, settings), ""
    else:
        given = Store(out).find(dataset, "dataset")
        built = DataRecipe.model_validate(json.loads((given.path / RECIPE).read_text("utf-8")))
        resolved, dataset = train_recipe(recipe, settings, built), given.id
    return Forge(recipe=resolved, out=out, progress=bars, say=say, workers=workers, dataset=dataset, measured=False)
