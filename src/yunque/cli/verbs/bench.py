"""`yunque bench`: files of public benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yunque.cli.console import emit
from yunque.cli.options import Folder, Json

bench_app = typer.Typer(help="Benchmark files: bring them here, see which are here.", no_args_is_help=True)


@bench_app.command(name="fetch")
def fetch_(
    name: Annotated[str, typer.Argument(help="Benchmark, a suite of `yunque suites`, or all.")],
    folder: Folder = None,
    json_: Json = False,
) -> None:
    """Download a benchmark's missing files from their public source; only the published bytes are let in."""
    from dataclasses import asdict

    from yunque.cli.views.benchmarks import fetch_named, fetched_lines
    from yunque.core.paths import benchmarks_folder

    where = folder or benchmarks_folder()
    results = fetch_named(name, where)
    emit({name: asdict(done) for name, done in results.items()}) if json_ else print(
        "\n".join(fetched_lines(results, where))
    )


@bench_app.command(name="import")
def import_(
    name: Annotated[str, typer.Argument(help="Benchmark, or a suite of `yunque suites`.")],
    file: Annotated[Path, typer.Argument(help="A file of it, whatever it is called, or a folder that holds some.")],
    anyway: Annotated[bool, typer.Option("--anyway", help="Use a changed file; every result will say so.")] = False,
    folder: Folder = None,
    json_: Json = False,
) -> None:
    """Bring a benchmark's file by hand; it is recognised by its hash."""
    from dataclasses import asdict

    from yunque.cli.views.benchmarks import import_named, imported_lines
    from yunque.core.paths import benchmarks_folder

    where = folder or benchmarks_folder()
    result = import_named(name, file, where, anyway=anyway)
    emit([asdict(item) for item in result]) if json_ else print("\n".join(imported_lines(result, where)))


@bench_app.command(name="list")
def list_benchmarks(folder: Folder = None, json_: Json = False) -> None:
    """List the benchmarks, how much of each is here, and what of them may be training data."""
    from yunque.cli.views.benchmarks import listing, print_table
    from yunque.core.paths import benchmarks_folder

    where = folder or benchmarks_folder()
    emit(listing(where)) if json_ else print_table(where)
