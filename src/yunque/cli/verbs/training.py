"""`yunque plan`: what a training will take; `yunque runs`: what trainings came to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yunque.cli.console import bars, emit
from yunque.cli.options import DEFAULT_OUT, Json, Out, Overrides


def plan(
    recipe: Annotated[Path | None, typer.Argument(help="Recipe, as of `yunque train`; without, the default one.")] = None,
    gpu: Annotated[str, typer.Option("--gpu", help="Device that it is to run on; without, this machine's.")] = "",
    count: Annotated[int, typer.Option("--count", min=1, help="How many of them.")] = 1,
    measure: Annotated[
        bool,
        typer.Option("--measure/--no-measure", help="A few steps here; always by formula for a device that is not here."),
    ] = True,
    devices: Annotated[
        Path | None, typer.Option("--devices", help="TOML table of devices and prices, as yours are.")
    ] = None,
    set_: Overrides = None,
    json_: Json = False,
) -> None:
    """Say what a training will take before it starts: memory, tokens a second, hours, energy, CO2 and money."""
    from dataclasses import asdict

    from yunque.cli.views.training import plan_lines
    from yunque.pipelines.recipes import load_recipe
    from yunque.pipelines.training import Planning

    resolved = load_recipe(recipe, set_ or [])
    result = Planning(recipe=resolved, progress=bars).run(gpu=gpu, count=count, measure=measure, table=devices)
    emit(asdict(result)) if json_ else print("\n".join(plan_lines(result)))


def runs(
    first: Annotated[str, typer.Argument(help="A training, by the start of its id; without, all are listed.")] = "",
    second: Annotated[str, typer.Argument(help="Another, to compare the first with.")] = "",
    page: Annotated[Path | None, typer.Option("--page", help="Page of the comparison to write.")] = None,
    out: Out = DEFAULT_OUT,
    json_: Json = False,
) -> None:
    """List the trainings of a folder, or compare two: what their recipes say differently, and their curves."""
    import yunque
    from yunque.pipelines.runs import find_run, training_runs
    from yunque.reports.training import comparison_lines, differences, render_runs, run_lines
    from yunque.store.artifacts import write_whole

    every = training_runs(out)
    if not first:
        plain = [
            {"id": run.id, "of": run.of, "made": run.made, "steps": len(run.steps), "best_loss": run.best_loss}
            for run in every
        ]
        emit(plain) if json_ else print("\n".join(run_lines(every)))
        return
    if not second:
        raise typer.BadParameter("name two trainings to compare", param_hint="SECOND")
    pair = find_run(every, first), find_run(every, second)
    if page is not None:
        write_whole(page, render_runs(*pair, code_version=yunque.__version__))
    if json_:
        changed = {key: [before, after] for key, before, after in differences((pair[0].recipe, pair[1].recipe))}
        emit({"runs": [run.id for run in pair], "best_loss": [run.best_loss for run in pair], "recipe": changed})
    else:
        print("\n".join(comparison_lines(*pair)))
