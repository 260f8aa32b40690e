"""`yunque export`: a model in the form that another program reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yunque.cli.console import bars, emit, say
from yunque.cli.options import DEFAULT_OUT, Json


def export(
    model: Annotated[Path, typer.Argument(help="Model folder, or that of an adapter.")] = DEFAULT_OUT / "model",
    to: Annotated[str, typer.Option("--to", help="gguf, merged or adapter")] = "gguf",
    quantize: Annotated[str, typer.Option("--quantize", help="Of a GGUF file: f16, q8_0, q4_0 or q4_1.")] = "q8_0",
    base: Annotated[str, typer.Option("--base", help="Base of an adapter; without, the one that it names.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="File or folder to write; without, beside the model.")] = None,
    json_: Json = False,
) -> None:
    """Write a model in another form, reload it and compare it with what it was made from."""
    from dataclasses import asdict

    from yunque.pipelines.export import Export
    from yunque.reports.formatting import size
    from yunque.store.artifacts import disk_errors

    job = Export(model=model, to=to, quantization=quantize, base=base, out=out, progress=bars, say=say)
    with disk_errors((out or model).parent):
        result = job.run()
    if json_:
        emit(asdict(result) | {"path": str(result.path)})
    else:
        print("\n".join([*result.lines(), f"{size(result.num_bytes)}  {result.path}"]))
