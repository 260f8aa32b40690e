"""A model to a server that runs: which engine serves it, on which address, and who may ask."""

from __future__ import annotations

import functools
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yunque.checks.insertion.training_copies import TrainingCopies, copies_of
from yunque.core.errors import ServingError
from yunque.core.paths import data_folder, events_file
from yunque.core.plugins import nearest
from yunque.core.seams import LiveEngine
from yunque.data.screening.redaction import kept_salt
from yunque.feedback.events import LEVELS, Level
from yunque.feedback.ledger import Ledger
from yunque.inference.engine_process import EngineProcess
from yunque.inference.local_engines import engine_file, open_local
from yunque.inference.verified.inline_tier import InlineTier
from yunque.serving.app import Deployment, OpenedModel, make_app, served
from yunque.serving.dispatcher import MOST_S, Dispatcher
from yunque.serving.feedback import Feedback
from yunque.serving.tokens import Tokens

HOST, PORT = "127.0.0.1", 8765


def open_model(model: Path, kind: str = "auto", *, slots: int = 4, prompt_tokens: int = 1024) -> OpenedModel:
    """The engine of a model folder or a GGUF file, in a process of its own, with what lies beside it.

    ``auto``: llama.cpp for a file, and for a folder with a file of its name beside it; else torch.
    ModelError where it cannot be served.
    """
    file, copies = engine_file(model, kind), copies_of(model)
    engine = EngineProcess(functools.partial(open_local, model.absolute(), kind, slots, prompt_tokens))
    if file:
        from yunque.models.exports.gguf_tokenizer import text_field

        return OpenedModel(engine, text_field(file, "general.license"), copies)
    from yunque.models.base import find_base

    return OpenedModel(engine, find_base(str(model))[1].licence, copies)


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a server listens."""

    host: str = HOST
    port: int = PORT
    """0: any that is free."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def listen(self) -> socket.socket:
        """A socket that listens there. ServingError where that cannot be."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # With the protocol named: else asyncio leaves Nagle's algorithm on, and every answer waits 40 ms for an ACK.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self.host, self.port))
            listening.listen(128)  # whoever reads the address may come before the server does
        except OSError as error:
            listening.close()
            do = "choose another --port, or stop the program that has it" if error.errno == 98 else "choose another --host"
            raise ServingError(f"cannot listen ({error.strerror})", where=f"{self.host}:{self.port}", do=do) from None
        return listening


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """How a model is served."""

    slots: int = 4
    """Requests that are answered at the same time."""
    most_s: float = MOST_S
    """Seconds that an answer may take."""
    name: str = ""
    """What clients see; empty: the engine's name."""
    licence: str = "unknown"
    copies: TrainingCopies | None = None
    holds: bool = False
    """Whether a completion that fails a check is not given out."""
    secret: str = ""
    """By which the server obeys whoever started it; empty: it obeys nobody."""
    feedback: Feedback | None = None
    """Where events are kept; None: nowhere."""


DEFAULTS = ServerSettings()


def make_server(engine: LiveEngine, tokens: Tokens, address: Address, settings: ServerSettings = DEFAULTS) -> Any:
    """A `uvicorn.Server` that has not started. ServingError for an address that others reach, where nobody has a token."""
    import uvicorn

    if not tokens and not address.is_loopback:
        do = "make one with `yunque serve token add NAME`"
        raise ServingError("others can reach it, and no token keeps them out", where=address.host, do=do)
    model = served(OpenedModel(engine, settings.licence, settings.copies), settings.name or engine.name)
    opener = functools.partial(open_model, slots=settings.slots)
    deployment = Deployment(model=model, secret=settings.secret, opener=opener)
    dispatcher = Dispatcher(engine, slots=settings.slots, most_s=settings.most_s)
    app = make_app(dispatcher, deployment, tokens, tier=InlineTier(), holds=settings.holds, feedback=settings.feedback)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3, timeout_keep_alive=30)
    return uvicorn.Server(config)


def open_feedback(most: str, url: str, keep_days: float) -> Feedback:
    """Where events are kept at a level, at most; no database is touched where it is ``off``.

    ServingError for a level that there is not, FeedbackError for a database that cannot be.
    """
    if most not in LEVELS:
        raise ServingError(f"there is no level {most!r} of feedback", where="--feedback", do=nearest(most, list(LEVELS)))
    if LEVELS[most] is Level.OFF:
        return Feedback()
    ledger = Ledger(url or str(events_file()))
    return Feedback(ledger=ledger, most=LEVELS[most], keep_days=keep_days, salt=kept_salt(data_folder() / "feedback.salt"))


def ways_to_try(url: str, *, needs_token: bool) -> list[str]:
    """Lines that a person can copy."""
    header = " -H 'Authorization: Bearer TOKEN'" if needs_token else ""
    body = '{"prompt": "def add(a, b):\\n    return", "max_tokens": 16}'
    return [
        f"curl {url}/v1/completions{header} -H 'Content-Type: application/json' -d '{body}'",
        f"any OpenAI client: OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY={'TOKEN' if needs_token else 'none'}",
        f'llama.vscode: "llama-vscode.endpoint": "{url}"',
    ]
