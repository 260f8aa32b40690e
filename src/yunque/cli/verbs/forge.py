"""`yunque forge`: sources to a model, and the proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yunque.cli.console import bars, say
from yunque.cli.options import DEFAULT_OUT, Json, Out


def forge(
    source: Annotated[str, typer.Argument(help="git repository, folder, archive, or pypi:NAME[==VERSION]")],
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="TOML recipe; defaults are those of recipes/laptop.toml")
    ] = None,
    out: Out = DEFAULT_OUT,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override one recipe key: section.key=value")] = None,
    json_: Json = False,
) -> None:
    """Forge a model from SOURCE and prove whether it is better than its base."""
    from yunque.pipelines.recipes import load_recipe

    resolved = load_recipe(recipe, set_ or [])
    from yunque.pipelines.forge import Forge
    from yunque.reports.forge.comparison import answer
    from yunque.reports.forge.facts import from_json
    from yunque.store.artifacts import disk_errors

    with disk_errors(out):
        artifact = Forge(spec=source, recipe=resolved, out=out, progress=bars, say=say).run()
    text = (out / "report.json").read_text(encoding="utf-8")
    if json_:
        print(text, end="")
        return
    for comparison in from_json(text).comparisons:
        print(answer(comparison))
    print(f"report  {out / 'report.html'}\nmodel   {out / 'model'}\n{artifact.id}")
