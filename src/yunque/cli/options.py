"""Options that several verbs have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_OUT = Path("yunque-out")
Out = Annotated[Path, typer.Option("--out", help="Folder of artifacts and results.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Folder = Annotated[
    Path | None, typer.Option("--folder", help="Folder of benchmarks; else $YUNQUE_BENCHMARKS, else one in the cache.")
]
