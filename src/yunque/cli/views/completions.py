"""`yunque complete`: one prompt answered, or one after another with the model kept loaded."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from yunque.cli.console import emit, say
from yunque.core.nouns import Request
from yunque.inference.stops import stop_rule


def complete_all(request: Request, model: Path, *, as_json: bool) -> None:
    """Answer the request; with an empty prompt, the same for every prompt that is typed or piped in.

    YunqueError for what a user can fix: no such model, a stop rule that there is not, a prompt that is too long.
    """
    from yunque.pipelines.engines import open_engine, require_model

    stop_rule(request.stop)
    require_model(str(model))
    started = time.monotonic()
    say(f"loading {model} …")
    engine: Any = open_engine(str(model))
    say(f"loaded in {time.monotonic() - started:.1f} s")
    for prompt in _prompts(request.prompt):
        asked = replace(request, prompt=prompt)
        if as_json:
            emit(asdict(next(engine.complete([asked]))))
            continue
        for piece in engine.stream(asked):
            print(piece.text, end="", flush=True)
        print()


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
