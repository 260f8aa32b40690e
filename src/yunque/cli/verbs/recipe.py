"""`yunque recipe show`: what a recipe comes to, and where each value is from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yunque.cli.console import emit
from yunque.cli.options import Json, Overrides

recipe_app = typer.Typer(help="Recipes: what decides a data set and a model.", no_args_is_help=True)


@recipe_app.callback()
def _recipes() -> None:
    """Keeps ``show`` a verb of its own."""


@recipe_app.command(name="show")
def show_recipe(
    recipe: Annotated[Path | None, typer.Argument(help="TOML recipe; without: the defaults.")] = None,
    set_: Overrides = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not the default.")] = False,
    json_: Json = False,
) -> None:
    """Print every key of a recipe with its value, and whether it is the default, from the file or from --set."""
    from yunque.pipelines.recipes import resolved_values

    values = [value for value in resolved_values(recipe, set_ or []) if value.origin != "default" or not changed]
    if json_:
        emit([vars(value) for value in values])
        return
    width = max((len(value.key) for value in values), default=0)
    for value in values:
        print(f"{value.key:<{width}} = {value.text}" + ("" if value.origin == "default" else f"  # {value.origin}"))
