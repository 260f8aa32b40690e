"""Options that several verbs have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_OUT = Path("yunque-out")
Out = Annotated[Path, typer.Option("--out", help="Folder of artifacts and results.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Events = Annotated[
    str, typer.Option("--events", envvar="YUNQUE_EVENTS", help="Database of events: a path (SQLite) or postgresql://…")
]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Override one recipe key: section.key=value")]
Workers = Annotated[
    int,
    typer.Option(
        "--workers", min=0, help="Processes that look at data; 0: one a core.",
        callback=lambda asked: asked or os.cpu_count() or 1,
    ),
]  # fmt: skip
Folder = Annotated[
    Path | None, typer.Option("--folder", help="Folder of benchmarks; else $YUNQUE_BENCHMARKS, else one in the cache.")
]
