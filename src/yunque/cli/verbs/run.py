"""`yunque run`: one program in the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yunque.cli.options import Json


def run_(
    file: Annotated[Path, typer.Argument(help="Source file of one program.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments of the program, after --")] = None,
    lang: Annotated[str, typer.Option("--lang", help="Its language; empty: by the file's ending.")] = "",
    stdin: Annotated[Path | None, typer.Option("--stdin", help="File that it reads as standard input.")] = None,
    time_s: Annotated[float, typer.Option("--time", help="Most seconds, of the clock and of the processor.")] = 10.0,
    memory_mb: Annotated[int, typer.Option("--memory", help="Most megabytes of all its processes together.")] = 512,
    tier: Annotated[str, typer.Option("--tier", help="namespaces, bwrap or landlock; empty: the strongest here.")] = "",
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Allow the tier rlimits, which isolates nothing.")] = False,
    json_: Json = False,
) -> None:
    """Run a program that nobody trusts in the sandbox, and show what was seen from outside."""
    from yunque.cli.views.programs import run_file
    from yunque.core.nouns import Limits
    from yunque.sandbox import open_sandbox

    limits = Limits(wall_s=time_s, cpu_s=time_s, memory_bytes=memory_mb << 20)
    with open_sandbox(tier or None, unsafe=unsafe) as sandbox:
        status = run_file(file, sandbox, lang=lang, stdin=stdin, arguments=arguments or [], limits=limits, as_json=json_)
    raise typer.Exit(status)
