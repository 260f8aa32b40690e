"""`yunque doctor`: what this machine can do."""

from __future__ import annotations

from typing import Annotated

import typer

from yunque.cli.console import emit
from yunque.cli.options import Json


def doctor(
    checks: Annotated[bool, typer.Option("--checks", help="Start every check, and say which can be believed here.")] = False,
    json_: Json = False,
) -> None:
    """Say what this machine can and cannot do, and why."""
    from yunque.cli.views.machine import examine, print_examination, prove_checks

    result = examine() + (prove_checks() if checks else [])
    if json_:
        from dataclasses import asdict

        emit([asdict(item) for item in result])
    else:
        print_examination(result)
    if any(item.needed and not item.available for item in result):
        raise typer.Exit(1)
