"""What every request passes before a route sees it: a token where one is needed, and a body that has an end.

Covered: bodies that are too large, also in chunks, or too slow; tokens that were revoked a moment ago; as long as there is
no token, web pages from elsewhere, which a browser on this machine would let in (requests across sites, names that are
rebound to this machine).
Not covered: headers that never end, which a proxy in front sees to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yunque.serving.tokens import Tokens

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MAX_BODY_BYTES, BODY_S = 2 << 20, 20.0
"""What a body may have, and how long it may take."""


def failure(status: int, message: str, *, kind: str = "invalid_request_error", headers: dict | None = None) -> JSONResponse:
    """An error in OpenAI's shape."""
    return JSONResponse({"error": {"message": message, "type": kind, "code": status}}, status, headers)


class Door:
    """What every request passes: its body has an end, and it has a token where one is needed."""

    def __init__(self, app: ASGIApp, tokens: Tokens | None = None, open_paths: Collection[str] = ()) -> None:
        """``open_paths``: those that need no token."""
        self.app, self.tokens, self.open_paths, self.is_locked = app, tokens, open_paths, bool(tokens)
        """Locked once there is a token, and for good: when the last one is revoked nobody may ask."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name: value for name, value in scope["headers"]}
        self.is_locked = self.is_locked or bool(self.tokens)
        if not self.is_locked and _is_from_a_page_elsewhere(headers):
            answer = failure(403, "a page of another site may not ask, as long as no token is needed")
            await answer(scope, receive, send)
            return
        if self.tokens is not None and self.is_locked and scope["path"] not in self.open_paths:
            scheme, _, token = _header(headers, b"authorization").partition(" ")
            owner = self.tokens.owner(token.strip()) if scheme.lower() == "bearer" else None
            if owner is None:
                answer = failure(401, "a valid token is needed", headers={"WWW-Authenticate": "Bearer"})
                await answer(scope, receive, send)
                return
            scope["user_name"] = owner
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            await _too_large()(scope, receive, send)
            return
        await self._within_limit(scope, receive, send)

    async def _within_limit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A body is counted and timed while it is read; whatever is answered to half of one is replaced by the refusal."""
        size, is_whole, ends_at = 0, False, asyncio.get_running_loop().time() + BODY_S
        refusal: JSONResponse | None = None
        is_refused = False

        async def counted() -> Message:
            nonlocal size, is_whole, refusal
            if is_whole:
                return await receive()
            try:
                async with asyncio.timeout_at(ends_at):
                    message = await receive()
            except TimeoutError:
                refusal = failure(408, f"the body took more than {BODY_S} s", headers={"Connection": "close"})
                raise ClientDisconnect from None
            size, is_whole = size + len(message.get("body", b"")), not message.get("more_body", False)
            if size > MAX_BODY_BYTES:
                refusal = _too_large()
                raise ClientDisconnect
            return message

        async def replaced(message: Message) -> None:
            nonlocal is_refused
            if refusal is None:
                await send(message)
            elif not is_refused:
                is_refused = True
                await refusal(scope, receive, send)

        await self.app(scope, counted, replaced)


def _is_from_a_page_elsewhere(headers: dict[bytes, bytes]) -> bool:
    """Whether a browser sends it for a page that this machine did not serve: by the page's origin, or by the name that it
    knows this machine under.
    """
    try:
        origin, host = (urlsplit(text) for text in (_header(headers, b"origin"), "//" + _header(headers, b"host")))
        names = ([origin.hostname] if origin.scheme in ("http", "https") else []) + [host.hostname]
    except ValueError:
        return True
    return any(name not in LOOPBACK for name in names if name)


def _header(headers: dict[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


def _too_large() -> JSONResponse:
    return failure(413, f"the body has more than {MAX_BODY_BYTES:,} bytes", headers={"Connection": "close"})
