"""`yunque complete`: a prompt in, code out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yunque.cli.options import DEFAULT_OUT, Json


def complete(
    prompt: Annotated[
        str, typer.Argument(help="Code to go on from; - reads standard input; without, prompts are asked for one by one.")
    ] = "",
    model: Annotated[Path, typer.Option("--model", help="Model folder or GGUF file")] = DEFAULT_OUT / "model",
    suffix: Annotated[
        str, typer.Option("--suffix", help="Code after the hole; needs a model with fill-in-the-middle.")
    ] = "",
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, max=4096, help="Most tokens to write.")] = 128,
    stop: Annotated[str, typer.Option("--stop", help="line, dedent or none")] = "none",
    temperature: Annotated[float, typer.Option("--temperature", min=0, max=5, help="0 is greedy")] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="For sampling.")] = 0,
    json_: Json = False,
) -> None:
    """Complete a prompt with a model; the answer comes as it is written, and ends where it would repeat itself."""
    from yunque.cli.views.completions import complete_all
    from yunque.core.nouns import PromptStyle, Request

    style = PromptStyle.FIM if suffix else PromptStyle.PREFIX
    request = Request(
        prompt=prompt, suffix=suffix, style=style, stop=stop, stop_repetition=True, max_tokens=max_tokens,
        temperature=temperature, seed=seed,
    )  # fmt: skip
    complete_all(request, model, as_json=json_)
