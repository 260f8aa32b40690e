"""`yunque lsp`: a language server for editors, over standard input and output."""

from __future__ import annotations

import os
from typing import Annotated

import typer

TOKEN = "YUNQUE_TOKEN"


def lsp(
    url: Annotated[str, typer.Option("--url", help="Of the gateway; without, one is started for this editor.")] = "",
    model: Annotated[
        str, typer.Option("--model", help="Of a gateway that is started; without, the workspace's newest.")
    ] = "",
) -> None:
    """Speak the language server protocol; the token of a gateway is read from YUNQUE_TOKEN, or sent by the editor."""
    from yunque.serving.lsp.server import Settings, make_language_server

    make_language_server(Settings(url=url, model=model, token=os.environ.get(TOKEN, ""))).start_io()
