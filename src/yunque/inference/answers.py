"""Whole answers out of pieces: what an engine that streams completes requests with."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from yunque.core.errors import ModelError
from yunque.core.nouns import Completion, Piece, Request
from yunque.core.seams import LiveEngine

LOOK_S = 0.05
"""How often somebody looks whether an answer that is wanted whole is still wanted."""


def pieces_of(engine: LiveEngine, request: Request) -> Generator[Piece]:
    """The pieces of an answer; of one that is wanted whole empty ones, and the last with all of its text.

    Closing it cancels the request. Errors as of the engine.
    """
    answer, texts = engine.stream(request), list[str]()
    try:
        for piece in answer:
            if request.whole:
                texts.append(piece.text)
                piece = replace(piece, text="".join(texts) if piece.stop else "")
            yield piece
            if piece.stop:
                return
    finally:
        if hasattr(answer, "close"):
            answer.close()


def complete_streamed(engine: LiveEngine, requests: Sequence[Request], at_once: int) -> Iterator[Completion]:
    """One completion per request, in order; so many are asked at the same time."""
    with ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(lambda request: whole_answer(engine, request), requests)


def whole_answer(engine: LiveEngine, request: Request) -> Completion:
    """The answer of an engine that streams, in one."""
    started = time.perf_counter()
    return completion_of(list(engine.stream(replace(request, whole=True))), started, engine.name)


def completion_of(pieces: Sequence[Piece], started: float, engine: str) -> Completion:
    """The pieces of an answer as one completion. ``started``: the reading of `time.perf_counter` when it was asked for.

    ModelError where there are none.
    """
    if not pieces:
        raise ModelError("the engine gave no answer", where=engine)
    return Completion(
        text="".join(piece.text for piece in pieces),
        stop=pieces[-1].stop,
        tokens=pieces[-1].tokens,
        took_ms=1000 * (time.perf_counter() - started),
        engine=engine,
    )
