"""`yunque check`: files and folders under the checks that screen training data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yunque.cli.console import listed, say
from yunque.cli.options import Json


def check(
    targets: Annotated[list[Path], typer.Argument(help="Files and folders; - is standard input.")],
    checks: Annotated[
        str, typer.Option("--checks", help="Names of checks with commas between; see docs/reference.md.")
    ] = "",
    severity: Annotated[str, typer.Option("--severity", help="Least severity that is told: note, warning or error.")] = "",
    baseline: Annotated[str, typer.Option("--baseline", help="File of findings that are known and do not count.")] = "",
    exclude: Annotated[
        str, typer.Option("--exclude", help="Globs of paths that are passed over, with commas between: 'tests/*,*.min.js'.")
    ] = "",
    write_baseline: Annotated[bool, typer.Option("--write-baseline", help="Write that file from what is found.")] = False,
    stdin_filename: Annotated[
        str, typer.Option("--stdin-filename", help="What standard input is called, which tells its language.")
    ] = "stdin.py",
    sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0, for editors and code hosts.")] = False,
    json_: Json = False,
) -> None:
    """Look at files and folders with the checks that screen training data; status 1 when something is found."""
    from yunque.cli.views.findings import report_on
    from yunque.pipelines.check import CheckRecipe

    options = {"checks": listed(checks), "severity": severity, "baseline": baseline, "exclude": listed(exclude)}
    recipe = CheckRecipe.read(Path.cwd()).model_copy(update={key: value for key, value in options.items() if value})
    if report_on(
        targets, recipe, sarif=sarif, as_json=json_, say=say, write_baseline=write_baseline, stdin_name=stdin_filename
    ):
        raise typer.Exit(1)
