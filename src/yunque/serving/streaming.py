"""How the pieces of an answer reach an HTTP client: one by one as server-sent events, and only as long as it is there."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable

from fastapi import Request as HttpRequest

from yunque.core.errors import ModelError
from yunque.core.nouns import Piece
from yunque.serving.dispatcher import SupersededError

FINISH = {"eos": "stop", "rule": "stop", "repetition": "stop", "length": "length"}
"""Why an answer ended -> OpenAI's word for it."""
Shape = Callable[[str, Piece | None], dict]
"""A text, and the last piece where it ends with it, as a route writes them."""


async def first_piece(http: HttpRequest, pieces: AsyncGenerator[Piece]) -> Piece | None:
    """The first piece; None when the client went away while it waited."""
    async with contextlib.aclosing(while_connected(http, pieces)) as coming:
        async for piece in coming:
            return piece
    if await http.is_disconnected():
        return None
    raise ModelError("the engine gave no answer")


async def while_connected(http: HttpRequest, pieces: AsyncGenerator[Piece]) -> AsyncGenerator[Piece]:
    """The pieces, as long as the client is there; a client that goes away ends the answer."""
    gone = asyncio.ensure_future(until_gone(http))
    coming: asyncio.Future[Piece | None] | None = None
    try:
        while True:
            coming = asyncio.ensure_future(anext(pieces, None))
            await asyncio.wait({coming, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done() or (piece := coming.result()) is None:
                return
            yield piece
    finally:
        gone.cancel()
        if coming is not None and not coming.done():
            coming.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming


async def until_gone(http: HttpRequest) -> None:
    """Until the client closes the connection."""
    while (await http.receive())["type"] != "http.disconnect":
        pass


async def events(
    first: Piece, pieces: AsyncGenerator[Piece], shape: Shape, done: bool, with_usage: bool
) -> AsyncGenerator[str]:
    """Server-sent events of the pieces; an error in the middle is the last event."""
    last = first
    try:
        yield _event(shape(first.text, first if first.stop else None))
        async for piece in pieces:
            last = piece
            yield _event(shape(piece.text, piece if piece.stop else None))
        if with_usage:
            yield _event(shape("", None) | {"choices": []} | usage(last))
    except SupersededError:
        yield _event({"error": {"message": "superseded by a newer request", "type": "superseded", "code": 409}})
    except ModelError as error:
        yield _event({"error": {"message": error.line(), "type": "server_error", "code": 503}})
    finally:
        await pieces.aclose()
    if done:
        yield "data: [DONE]\n\n"


def _event(value: dict) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def finish_reason(last: Piece | None) -> str | None:
    """OpenAI's word for why an answer ended; None before its last piece."""
    return FINISH[last.stop] if last is not None and last.stop else None


def usage(last: Piece) -> dict:
    """The tokens that were read and written, as OpenAI counts them."""
    total = last.prompt_tokens + last.tokens
    return {"usage": {"prompt_tokens": last.prompt_tokens, "completion_tokens": last.tokens, "total_tokens": total}}
