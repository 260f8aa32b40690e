"""`yunque forge`: sources to a model, and the proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yunque.cli.console import bars, say
from yunque.cli.options import DEFAULT_OUT, Json, Out


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
    workers: Annotated[int, typer.Option("--workers", min=0, help="Processes that look at data; 0: one a core.")] = 0,
    out: Out = DEFAULT_OUT,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override one recipe key: section.key=value")] = None,
    json_: Json = False,
) -> None:
    """Forge a model from SOURCES and prove whether it is better than its base."""
    import os

    from yunque.pipelines.recipes import forge_recipe

    resolved = forge_recipe(sources or [], recipe, set_ or [], screened=not no_screen)
    from yunque.pipelines.forge import Forge
    from yunque.reports.forge.comparison import answer
    from yunque.reports.forge.facts import from_json
    from yunque.store.artifacts import disk_errors

    with disk_errors(out):
        artifact = Forge(recipe=resolved, out=out, progress=bars, say=say, workers=workers or os.cpu_count() or 1).run()
    text = (out / "report.json").read_text(encoding="utf-8")
    if json_:
        print(text, end="")
        return
    for comparison in from_json(text).comparisons:
        print(answer(comparison))
    print(f"report  {out / 'report.html'}\nmodel   {out / 'model'}\n{artifact.id}")
