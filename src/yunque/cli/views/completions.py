"""`yunque complete`: one prompt answered, or one after another with the model kept loaded."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from yunque.cli.console import emit, say
from yunque.core.errors import ModelError
from yunque.core.nouns import Request
from yunque.inference.stops import stop_rule


def complete_all(request: Request, model: Path, *, as_json: bool) -> None:
    """Answer the request; with an empty prompt, the same for every prompt that is typed or piped in.

    YunqueError for what a user can fix: no such model, a stop rule that there is not, a prompt that is too long.
    """
    from yunque.models.base import EMBEDDED

    stop_rule(request.stop)
    if not model.exists() and str(model) != EMBEDDED:  # a mistyped folder is not a question for the Hub
        raise ModelError("no such model folder", where=model, do="run `yunque forge` first, or name a folder with --model")
    started = time.monotonic()
    say(f"loading {model} …")
    engine = _open(model)
    say(f"loaded in {time.monotonic() - started:.1f} s")
    for prompt in _prompts(request.prompt):
        asked = replace(request, prompt=prompt)
        if as_json:
            emit(asdict(next(engine.complete([asked]))))
            continue
        for piece in engine.stream(asked):
            print(piece.text, end="", flush=True)
        print()


def _open(model: Path) -> Any:
    """An engine: llama.cpp for a GGUF file, else torch."""
    if model.is_file():
        from yunque.inference.llama_cpp_engine import LlamaCppEngine

        return LlamaCppEngine(model, slots=1)
    from yunque.inference.torch_engine import TorchEngine
    from yunque.models.base import find_base

    return TorchEngine(find_base(str(model))[0], prompt_tokens=1024, suffix_tokens=256)


def _prompts(given: str) -> Iterator[str]:
    """The prompt; or standard input; or what stands between empty lines there, each as soon as it is complete."""
    if given:
        yield sys.stdin.read() if given == "-" else given.replace("\\n", "\n")
        return
    if sys.stdin.isatty():
        say("a prompt of one line or more, then an empty line; the model stays loaded (Ctrl-D ends)")
    lines: list[str] = []
    for line in sys.stdin:
        if line.strip():
            lines.append(line)
        elif lines:
            yield "".join(lines).removesuffix("\n")
            lines = []
    if lines:
        yield "".join(lines).removesuffix("\n")
