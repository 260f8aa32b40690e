"""The gateway: OpenAI's completions and chat, llama.cpp's ``/infill``, health and metrics, over one engine.

    GET  /                       a page to try it on
    GET  /docs, /openapi.json    its routes, to read and to try
    GET  /healthz                nobody needs a token for it
    GET  /metrics                Prometheus
    GET  /v1/models
    POST /v1/completions         with ``suffix``; ``stream`` as server-sent events
    POST /v1/chat/completions
    POST /infill                 as llama.vscode and llama.vim ask
    POST /v1/promote, /rollback  for whoever started the server: another model, without a request lost
    POST /v1/verified            a task whose answer is run and checked before it is given
    /v1/feedback, /v1/events     what people did with completions, as far as they agree (`yunque.serving.feedback`)

Covered: errors in OpenAI's shape; 429 with Retry-After; a client that goes away; no prompt in any log; no resource from
elsewhere.
Not covered: several models at once; TLS, and headers that never end, which a proxy in front sees to.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi import Request as HttpRequest
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

import yunque
from yunque.checks.insertion.training_copies import TrainingCopies
from yunque.core.errors import FeedbackError, ModelError, YunqueError
from yunque.core.nouns import Insertion, Piece, PromptStyle, Request
from yunque.core.seams import LiveEngine
from yunque.inference.engine_process import EngineProcess
from yunque.inference.verified.generation import plain, plain_verdict
from yunque.inference.verified.inline_tier import InlineAnswer, InlineTier
from yunque.serving.dispatcher import BusyError, Dispatcher, SupersededError
from yunque.serving.door import Door, failure
from yunque.serving.feedback import Feedback, unavailable
from yunque.serving.metrics import exposition
from yunque.serving.running import CONTROL, EDITOR
from yunque.serving.shapes import (
    AskingBody,
    ChatBody,
    CompletionBody,
    InfillBody,
    OpenAiBody,
    PlaceBody,
    PromoteBody,
    VerifiedBody,
    refuse_unreadable,
)
from yunque.serving.streaming import Shape, events, finish_reason, first_piece, until_gone, usage, while_connected
from yunque.serving.tokens import Tokens
from yunque.serving.verified import DispatchedEngine, Verifier

PAGE = Path(__file__).with_name("page")
PAGE_FILES = {"page.js": "text/javascript", "page.css": "text/css"}
OPEN = ("/healthz", "/", *(f"/page/{name}" for name in PAGE_FILES))
"""Paths that need no token: the page asks for one itself."""
COMMANDS = ("/v1/promote", "/v1/rollback")
"""Paths that ask for the secret of the server, not for a token."""
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


class OpenedModel(NamedTuple):
    """A model that can answer."""

    engine: LiveEngine
    licence: str
    """``unknown`` where the model says nothing."""
    copies: TrainingCopies | None
    """What notices training records, if an index of them lies beside the model."""


Opener = Callable[[Path, str], OpenedModel]
"""(Model, kind of engine) -> what is opened; YunqueError where there is none."""


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """What is served."""

    name: str
    licence: str
    styles: frozenset[PromptStyle]
    loaded_at: float
    """Seconds since 1970."""
    copies: TrainingCopies | None = None

    @property
    def checks(self) -> tuple[TrainingCopies, ...]:
        """Those that belong to the model."""
        return (self.copies,) if self.copies else ()


def served(opened: OpenedModel, name: str) -> ServedModel:
    """What clients are told of a model that is opened."""
    styles = frozenset(getattr(opened.engine, "styles", PromptStyle))
    return ServedModel(name=name, licence=opened.licence, styles=styles, loaded_at=time.time(), copies=opened.copies)


@dataclass(kw_only=True)
class Deployment:
    """What is served, what was served before, and how another one gets there."""

    model: ServedModel
    previous: tuple[LiveEngine, ServedModel] | None = None
    """Kept in memory, so that going back takes no time."""
    secret: str = ""
    """Of whoever started the server; empty: nobody can change what is served."""
    opener: Opener | None = None
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)


def make_app(
    dispatcher: Dispatcher,
    deployment: Deployment,
    tokens: Tokens | None = None,
    *,
    tier: InlineTier,
    holds: bool = False,
    feedback: Feedback | None = None,
) -> FastAPI:
    """The application; with ``tokens``, every path but `OPEN` asks for one.

    ``holds``: a completion that fails a check of the tier is not given out, unless who asks wants it.
    """
    verifier, feedback = Verifier(), feedback or Feedback()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with feedback.keeping_time():
            yield
        verifier.close()

    # The library's own pages load scripts from elsewhere; these bring them.
    app = FastAPIOffline(title="yunque", version=yunque.__version__, redoc_url=None, lifespan=lifespan)
    gateway = Gateway(
        dispatcher=dispatcher, deployment=deployment, tier=tier, holds=holds, verifier=verifier, feedback=feedback
    )
    app.get("/", include_in_schema=False)(gateway.page)
    app.get("/page/{name}", include_in_schema=False)(gateway.page)
    app.get("/healthz")(gateway.health)
    app.get("/metrics", response_class=PlainTextResponse)(gateway.metrics)
    app.get("/v1/models")(gateway.models)
    app.post("/v1/completions")(gateway.completions)
    app.post("/v1/chat/completions")(gateway.chat)
    app.post("/infill")(gateway.infill)
    app.post("/v1/verified")(gateway.verified)
    app.get("/v1/feedback")(feedback.agreement)
    app.put("/v1/feedback")(feedback.agree)
    app.get("/v1/feedback/summary")(feedback.summary)
    app.post("/v1/events")(feedback.events)
    app.post("/v1/promote")(gateway.promote)
    app.post("/v1/rollback")(gateway.rollback)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(FeedbackError, unavailable)
    app.add_middleware(Door, tokens=tokens, open_paths=(*OPEN, *COMMANDS))
    return app


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """The routes."""

    dispatcher: Dispatcher
    deployment: Deployment
    tier: InlineTier
    holds: bool
    verifier: Verifier
    feedback: Feedback

    @property
    def model(self) -> ServedModel:
        """What is served now."""
        return self.deployment.model

    async def page(self, name: str = "index.html") -> Response:
        """The page, or a file of it."""
        if name not in PAGE_FILES and name != "index.html":
            raise HTTPException(404, "not a file of the page")
        return FileResponse(PAGE / name, media_type=PAGE_FILES.get(name, "text/html"), headers=PAGE_HEADERS)

    async def health(self) -> dict:
        """Whether it answers, and what it is doing."""
        counts = self.dispatcher.counts
        about = {"status": "ok", "model": self.model.name, "version": yunque.__version__}
        return about | {"running": counts.running, "waiting": counts.waiting, "slots": self.dispatcher.slots}

    async def metrics(self) -> str:
        """Counters as Prometheus reads them."""
        restarts = getattr(self.dispatcher.engine, "num_restarts", 0)
        return exposition(replace(self.dispatcher.counts, engine_restarts=restarts, events=self.feedback.num_stored))

    async def models(self) -> dict:
        """The one model that is served."""
        about = {"id": self.model.name, "object": "model", "created": int(self.model.loaded_at), "owned_by": "yunque"}
        extra = {"licence": self.model.licence, "styles": sorted(style.value for style in self.model.styles)}
        return {"object": "list", "data": [about | extra]}

    async def completions(self, body: CompletionBody, http: HttpRequest) -> Response:
        """A completion, or a stream of its pieces."""
        head = {"id": f"cmpl-{uuid.uuid4().hex}", "object": "text_completion", "created": int(time.time())}
        head["model"] = self.model.name

        def shape(text: str, last: Piece | None) -> dict:
            return head | {"choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason(last)}]}

        return await self._respond(http, body, shape)

    async def chat(self, body: ChatBody, http: HttpRequest) -> Response:
        """An assistant's turn, or a stream of its pieces."""
        head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": self.model.name}
        head["object"] = "chat.completion.chunk" if body.stream else "chat.completion"
        name = "delta" if body.stream else "message"

        def shape(text: str, last: Piece | None) -> dict:
            turn = {"role": "assistant", "content": text}
            return head | {"choices": [{"index": 0, name: turn, "logprobs": None, "finish_reason": finish_reason(last)}]}

        return await self._respond(http, body, shape)

    async def infill(self, body: InfillBody, http: HttpRequest) -> Response:
        """What stands between two texts."""

        def shape(text: str, last: Piece | None) -> dict:
            return {
                "content": text, "stop": last is not None, "model": self.model.name,
                "tokens_predicted": last.tokens if last else 0, "truncated": False,
                "stop_type": {"eos": "eos", "length": "limit"}.get(last.stop, "word") if last else "none",
            }  # fmt: skip

        return await self._respond(http, body, shape)

    async def verified(self, body: VerifiedBody, http: HttpRequest) -> Response:
        """The code, with a verdict of every check and all that was tried."""
        try:
            body.task()
        except ValueError as error:
            return failure(400, str(error))
        if body.style == "chat" and PromptStyle.CHAT not in self.model.styles:
            return failure(400, _cannot(PromptStyle.CHAT, self.model.name))
        engine = DispatchedEngine(self.dispatcher, http.scope.get("user_name", ""), self.model.styles)
        answering = self.verifier.begin(body, engine, self.model.checks)
        gone = asyncio.ensure_future(until_gone(http))
        either: set[asyncio.Future[Any]] = {answering, gone}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                engine.leave()
                answering.cancel()  # where it has not begun
                answering.add_done_callback(lambda future: future.cancelled() or future.exception())
                return Response(status_code=499)  # nobody is there to read it
            answer = answering.result()
        except (BusyError, SupersededError, YunqueError) as error:
            return _refusal(error)
        finally:
            gone.cancel()
        head = {"id": f"verified-{uuid.uuid4().hex}", "object": "verified", "created": int(time.time())}
        return JSONResponse(head | {"model": self.model.name} | plain(answer))

    # ----------------------------------------------------------------------------------------------------- other models
    async def promote(self, body: PromoteBody, http: HttpRequest) -> Response:
        """Load a model beside the one that is served, then serve it; requests that came before end on theirs."""
        deployment = self.deployment
        if refusal := self._not_in_command(http):
            return refusal
        async with deployment.changing:
            try:
                assert deployment.opener is not None  # or nobody would be in command
                opened = await asyncio.to_thread(deployment.opener, Path(body.model), body.engine)
            except YunqueError as error:
                return failure(400, error.line())
            return self._serve(opened.engine, served(opened, Path(body.model).stem))

    async def rollback(self, http: HttpRequest) -> Response:
        """Serve what was served before, at once."""
        if refusal := self._not_in_command(http):
            return refusal
        async with self.deployment.changing:
            if self.deployment.previous is None:
                return failure(400, "nothing was served before this model")
            return self._serve(*self.deployment.previous)

    def _serve(self, engine: LiveEngine, model: ServedModel) -> Response:
        deployment = self.deployment
        before, old = deployment.previous, self.dispatcher.engine
        deployment.previous = old, deployment.model
        self.dispatcher.engine, deployment.model = engine, model  # between two requests: nothing is awaited here
        if before and before[0] is not engine and isinstance(before[0], EngineProcess):
            before[0].close()
        return JSONResponse({"model": model.name, "previous": deployment.previous[1].name})

    def _not_in_command(self, http: HttpRequest) -> Response | None:
        """A refusal for everybody but whoever started the server."""
        secret, given = self.deployment.secret, http.headers.get(CONTROL, "")
        if secret and self.deployment.opener and hmac.compare_digest(secret.encode(), given.encode("utf-8", "replace")):
            return None
        return failure(403, "only whoever started the server may do that", kind="permission_error")

    # --------------------------------------------------------------------------------------------------------- answering
    async def _respond(self, http: HttpRequest, body: AskingBody, shape: Shape) -> Response:
        """The answer in a route's shape, whole or piece by piece; on OpenAI's own with tokens counted, and its last word."""
        try:
            request = body.request()
            refuse_unreadable(request)
        except ValueError as error:
            return failure(400, str(error))
        if request.style not in self.model.styles:
            return failure(400, _cannot(request.style, self.model.name))
        done, started, engine = isinstance(body, OpenAiBody), time.perf_counter(), self.dispatcher.engine.name
        user, editor = http.scope.get("user_name", ""), http.headers.get(EDITOR, "")
        pieces = self.dispatcher.answer(request, user=user, editor=editor, whole=not body.stream)
        try:
            first = await first_piece(http, pieces)
        except (BusyError, SupersededError, ModelError) as error:
            return _refusal(error)
        if first is None:
            await pieces.aclose()
            return Response(status_code=499)  # nobody is there to read it
        if body.stream:
            with_usage = isinstance(body, OpenAiBody) and bool((body.stream_options or {}).get("include_usage"))
            sent = events(first, pieces, shape, done, with_usage)
            return StreamingResponse(sent, media_type="text/event-stream")
        texts, last = [first.text], first
        try:
            async with contextlib.aclosing(pieces):
                async for piece in while_connected(http, pieces):
                    texts.append(piece.text)
                    last = piece
        except (BusyError, SupersededError, ModelError) as error:
            return _refusal(error)
        text = "".join(texts)
        about: dict = {}
        if body.editor.postprocess and (place := body.place()) is not None:
            text, about = await self._looked_at(replace(place, text=text), body.editor)
            about["yunque"] |= {"engine": engine, "settings": _settings(request), "took_ms": _ms_since(started)}
        return JSONResponse(shape(text, last) | (usage(last) if done else {}) | about)

    async def _looked_at(self, insertion: Insertion, editor: PlaceBody) -> tuple[str, dict]:
        """The text as it is shown at its place, and what is known of it."""
        answer = await asyncio.to_thread(self.tier.look, insertion, self.model.checks)
        holds = self.holds if editor.hold is None else editor.hold
        if is_held := bool(holds and answer.held_by):
            self.dispatcher.counts.held += 1
        return "" if is_held else answer.insertion.text, {"yunque": _about(answer, is_held=is_held)}


def _settings(request: Request) -> dict:
    """What an answer depends on beside the model and the place, for an editor to report with what became of it."""
    return {"max_tokens": request.max_tokens, "temperature": request.temperature, "style": request.style.value}


def _ms_since(started: float) -> float:
    return round(1000 * (time.perf_counter() - started), 1)


def _about(answer: InlineAnswer, *, is_held: bool) -> dict:
    """What is known of a completion at its place, as clients read it."""
    verdicts = [plain_verdict(verdict) for verdict in answer.verdicts]
    about = {"language": answer.insertion.language, "rules": list(answer.rules), "verdicts": verdicts}
    return about | {"failed": answer.held_by, "held": is_held}


# ------------------------------------------------------------------------------------------------------------------- errors
def _refusal(error: Exception) -> JSONResponse:
    if isinstance(error, BusyError):
        return failure(429, str(error), kind="rate_limit_error", headers={"Retry-After": str(error.retry_after_s)})
    if isinstance(error, SupersededError):
        return failure(409, "superseded by a newer request of the same editor", kind="superseded")
    line = error.line() if isinstance(error, YunqueError) else str(error)
    return failure(400 if "no room for" in line else 503, line, kind="server_error")


def _cannot(style: PromptStyle, name: str) -> str:
    if style is PromptStyle.FIM:
        return f"{name} has no fill-in-the-middle tokens: ask without a suffix, or forge it, which adds them"
    return f"{name} has no chat template: ask /v1/completions"


async def _invalid(_: Any, error: Any) -> JSONResponse:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    return failure(400, f"{place}: {first['msg']}" if place else first["msg"])


async def _http_error(_: Any, error: Any) -> JSONResponse:
    return failure(error.status_code, str(error.detail), headers=error.headers)
