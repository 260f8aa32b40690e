"""`yunque serve`: a model behind an HTTP door; `yunque serve token`: who may open it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from yunque.cli.console import emit, say
from yunque.cli.options import DEFAULT_OUT, Events, Json

serve_app = typer.Typer(help="Serve a model to editors and any OpenAI client.", invoke_without_command=True)
token_app = typer.Typer(help="Bearer tokens: who may ask.", no_args_is_help=True)
serve_app.add_typer(token_app, name="token")


@serve_app.callback()
def serve(
    context: typer.Context,
    model: Annotated[Path, typer.Option("--model", help="Model folder or GGUF file.")] = DEFAULT_OUT / "model",
    host: Annotated[str, typer.Option("--host", help="Any but loopback needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 8765,
    engine: Annotated[str, typer.Option("--engine", help="auto, llama.cpp or torch")] = "auto",
    slots: Annotated[int, typer.Option("--slots", min=1, max=64, help="Requests that are answered at the same time.")] = 4,
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="Most seconds that an answer may take.")] = 120.0,
    hold: Annotated[bool, typer.Option("--hold", help="Show no completion that fails a check at its place.")] = False,
    feedback: Annotated[
        str, typer.Option("--feedback", help="Most that is kept of what people agree to: off, counts, shape or text.")
    ] = "off",
    events: Events = "",
    keep_days: Annotated[float, typer.Option("--keep-days", min=1, help="Days after which events are deleted.")] = 180.0,
) -> None:
    """Serve a model on this machine until it is stopped; without options the newest forged one."""
    if context.invoked_subcommand:
        return
    import time

    from yunque.serving.serve import Address, ServerSettings, make_server, open_feedback, open_model, ways_to_try

    address, tokens = Address(host=host, port=port), _tokens()
    with address.listen() as listening:
        started, kept = time.monotonic(), open_feedback(feedback, events, keep_days)
        say(f"loading {model} …")
        opened = open_model(model, engine, slots=slots)
        name, number = listening.getsockname()[:2]
        url = f"http://[{name}]:{number}" if ":" in name else f"http://{name}:{number}"
        with _running().noted(url, number) as secret:
            settings = ServerSettings(
                slots=slots, most_s=seconds, name=model.stem, licence=opened.licence, copies=opened.copies, holds=hold,
                secret=secret, feedback=kept,
            )  # fmt: skip
            server = make_server(opened.engine, tokens, address, settings)
            say(f"{opened.engine.name}, loaded in {time.monotonic() - started:.1f} s")
            if opened.copies is None:
                say("no index of training records lies beside it: whether it says them word for word is not looked at")
            print("\n  ".join([url, *ways_to_try(url, needs_token=bool(tokens))]), flush=True)
            server.run(sockets=[listening])


@serve_app.command()
def promote(
    model: Annotated[Path, typer.Argument(help="Model folder or GGUF file.")],
    port: Annotated[int, typer.Option("--port", help="Of the server; needed where several run.")] = 0,
    engine: Annotated[str, typer.Option("--engine", help="auto, llama.cpp or torch")] = "auto",
    json_: Json = False,
) -> None:
    """Serve another model from the server that runs: loaded beside the old one, switched between two requests."""
    answer = _running().tell("/v1/promote", {"model": str(model.resolve()), "engine": engine}, port)
    emit(answer) if json_ else print(
        f"{answer['model']} is served; back to {answer['previous']} with `yunque serve rollback`"
    )


@serve_app.command()
def rollback(
    port: Annotated[int, typer.Option("--port", help="Of the server; needed where several run.")] = 0, json_: Json = False
) -> None:
    """Serve what was served before the last promotion."""
    answer = _running().tell("/v1/rollback", {}, port)
    emit(answer) if json_ else print(f"{answer['model']} is served again")


@token_app.command()
def add(name: Annotated[str, typer.Argument(help="Whose it is.")], json_: Json = False) -> None:
    """Make a token, print it once, and keep its hash."""
    token = _tokens().add(name)
    emit({"name": name, "token": token}) if json_ else print(token)


@token_app.command(name="list")
def list_(json_: Json = False) -> None:
    """List the names of tokens, with the time they were made."""
    names = _tokens().names()
    emit(names) if json_ else print("\n".join(f"{made}  {name}" for name, made in names.items()) or "none")


@token_app.command()
def revoke(name: Annotated[str, typer.Argument(help="Whose it is.")]) -> None:
    """Forget a token; a server that runs refuses it from then on."""
    _tokens().revoke(name)


def _tokens() -> Any:  # its class is loaded late
    from yunque.core.paths import config_folder
    from yunque.serving.tokens import Tokens

    return Tokens(config_folder() / "tokens.json")


def _running() -> Any:  # its class is loaded late
    from yunque.core.paths import config_folder
    from yunque.serving.running import RunningServers

    return RunningServers(config_folder() / "servers")
