"""A model behind any OpenAI-compatible URL: vLLM, llama-server, Ollama, a gateway of ours, or a model that is rented.

    openai:https://host/v1#MODEL               fill-in-the-middle by the server's own ``suffix``
    openai:https://host/v1#MODEL?fim=qwen      by the model's tokens, which stand in the prompt: vLLM takes no suffix

Answers are read as they come, and reading ends where a stop rule does, so that nothing beyond it is paid for. Greedy and
seeded answers are kept, and not asked for again. Requests and money have a limit that ends the run before it is passed.

Covered: retries of what can be retried (429 with its Retry-After, 5xx, connections that break), several requests at once.
Not covered: likelihoods (few servers give those of a prompt); servers that count no tokens cost what their characters say.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs

import httpx2

from yunque.core.errors import ModelError
from yunque.core.nouns import Completion, Piece, PromptStyle, Request, content_id
from yunque.inference.answers import complete_streamed
from yunque.inference.stops import GrowingAnswer
from yunque.models.tokenizer import FAMILIES

SCHEME = "openai:"
FIM = {"suffix": None, **dict(zip(("starcoder", "qwen", "codellama"), FAMILIES, strict=True))}
"""How a hole is asked for -> the tokens before prefix, suffix and answer; None: the server's own field."""
RETRIES, FIRST_PAUSE_S, MOST_PAUSE_S = 5, 0.5, 60.0
KEY = "OPENAI_API_KEY"
"""Variable of the environment that holds the key, if one is needed."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a run may use; 0: as much as it takes."""

    most_requests: int = 0
    most_money: float = 0.0
    price_in: float = 0.0
    """Of a million tokens that are read, in whatever currency."""
    price_out: float = 0.0
    """Of a million tokens that are written."""


NO_LIMIT = Budget()


@dataclass(kw_only=True)
class Spent:
    """What has been used so far."""

    requests: int = 0
    money: float = 0.0
    kept: int = 0
    """Answers that were there already."""


class OpenAiEngine:
    """A model elsewhere (seams ``Engine``, ``LiveEngine``). ModelError for a spec that is none."""

    def __init__(
        self,
        spec: str,
        *,
        budget: Budget = NO_LIMIT,
        answers: Path | None = None,
        at_once: int = 8,
        pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        """``answers``: a file that keeps them; None: none are kept."""
        place, _, options = spec.removeprefix(SCHEME).partition("?")
        self.url, _, self.model = place.rpartition("#")
        fim = parse_qs(options).get("fim", ["suffix"])[0]
        if not self.url.startswith(("http://", "https://")) or not self.model or fim not in FIM:
            raise ModelError("is no model at a URL", where=spec, do=f"write openai:URL#MODEL, or …?fim={'|'.join(FIM)}")
        self.name, self.fim, self.budget, self.spent = f"{SCHEME}{self.model}", FIM[fim], budget, Spent()
        self.at_once, self.pause_s = at_once, pause_s
        key = os.environ.get(KEY, "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx2.Client(base_url=self.url, headers=headers, timeout=httpx2.Timeout(120, connect=10))
        self._kept = _Kept(answers) if answers else None
        self._lock = threading.Lock()

    # --------------------------------------------------------------------------------------------------------- answering
    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """One completion per request, in order; several at once."""
        return complete_streamed(self, requests, self.at_once)

    def stream(self, request: Request) -> Iterator[Piece]:
        """The answer in pieces; an answer that is kept comes at once. Nothing is read ahead there."""
        if not request.max_tokens:
            yield Piece(text="", stop="length")
            return
        path, body = self._asked(request)
        rules = json.dumps([request.style, request.stop, request.stops, request.stop_repetition])
        key = content_id(self.url, path, json.dumps(body, sort_keys=True), rules)
        kept = self._kept if request.temperature == 0 or request.seed else None
        if kept and (answer := kept.get(key)) is not None:
            self.spent.kept += 1
            yield answer
            return
        texts, last = [], Piece(text="")
        for piece in self._answered(request, path, body):
            texts.append(piece.text)
            last = piece
            yield piece
        if kept and last.stop:
            kept.put(key, replace(last, text="".join(texts)))

    def score(self, texts: Sequence[str]) -> Iterator[list[float]]:
        """ModelError: few servers say what a text costs."""
        raise ModelError("does not say what a text costs", where=self.name, do="leave likelihood and repo-bits out")

    def _asked(self, request: Request) -> tuple[str, dict]:
        """The route and the body."""
        body: dict = {
            "model": self.model, "max_tokens": request.max_tokens, "temperature": request.temperature, "stream": True,
            "stream_options": {"include_usage": True},
        }  # fmt: skip
        if request.stops:
            body["stop"] = list(request.stops[:4])  # as many as OpenAI's own server takes; the others cut here
        if request.seed and request.temperature:
            body["seed"] = request.seed % 2**31
        if request.style is PromptStyle.CHAT:
            turns = [{"role": item.role, "content": item.content} for item in request.messages]
            return "/chat/completions", body | {"messages": turns or [{"role": "user", "content": request.prompt}]}
        if request.style is not PromptStyle.FIM:
            return "/completions", body | {"prompt": request.prompt}
        if self.fim is None:
            return "/completions", body | {"prompt": request.prompt, "suffix": request.suffix}
        before, behind, middle = self.fim
        return "/completions", body | {"prompt": f"{before}{request.prompt}{behind}{request.suffix}{middle}"}

    def _answered(self, request: Request, path: str, body: dict) -> Generator[Piece, None, None]:
        """Pieces as they come; until one has come, what fails is tried again."""
        pause = self.pause_s
        for turn in range(RETRIES):
            reserved = self._reserve(body)
            begun = False
            try:
                for piece in self._read(request, path, body, reserved):
                    begun = True
                    yield piece
                return
            except _TransientError as error:
                if begun or turn == RETRIES - 1:
                    raise ModelError(f"{error}, {turn + 1} times" if turn else str(error), where=self.url) from None
                time.sleep(max(pause, error.retry_after_s))
                pause *= 2

    def _read(self, request: Request, path: str, body: dict, reserved: float) -> Iterator[Piece]:
        answer, raw = GrowingAnswer(request, ""), ""
        used: dict = {}
        tokens, finish, is_done, is_charged = 0, "", False, False
        try:
            with self._client.stream("POST", path, json=body) as response:
                _refuse(response, self.url)
                is_charged = True
                for event in _events(response):
                    used = event.get("usage") or used
                    is_done = is_done or bool(event.get("done"))
                    for choice in event.get("choices") or ():
                        text = choice.get("text") or (choice.get("delta") or {}).get("content") or ""
                        raw, tokens = raw + text, tokens + bool(text)
                        finish = choice.get("finish_reason") or finish
                    spent = "length" if tokens >= request.max_tokens and not finish else ""  # a server that knows no limit
                    ready = answer.grown(raw, spent) if not finish else ""
                    if ready or answer.stop:
                        yield Piece(text=ready, stop=answer.stop, tokens=tokens)
                    if answer.stop:
                        return
        except httpx2.RequestError as error:
            raise _TransientError(f"the connection failed ({type(error).__name__})") from None
        finally:
            self._settle(reserved, body, raw, used if is_charged else None)
        if not finish and not is_done:
            raise _TransientError("the stream ended in the middle")
        text = answer.grown(raw, {"length": "length"}.get(finish, "eos"))
        counted = used.get("completion_tokens") or tokens
        yield Piece(text=text, stop=answer.stop, tokens=counted, prompt_tokens=used.get("prompt_tokens") or 0)

    # ------------------------------------------------------------------------------------------------------------ budget
    def _reserve(self, body: dict) -> float:
        """Count a request, and the most that it can cost, before it is sent; returns that. ModelError for too much."""
        most = self._cost(-(-len(_asked_text(body)) // 2), body["max_tokens"])
        with self._lock:
            budget, spent = self.budget, self.spent
            if budget.most_requests and spent.requests >= budget.most_requests:
                raise ModelError(f"{spent.requests} requests are spent", where=self.name, do="allow more, and run it again")
            if budget.most_money and spent.money + most > budget.most_money:
                raise ModelError(f"{spent.money:.2f} is spent", where=self.name, do="allow more, and run it again")
            spent.requests += 1
            spent.money += most
        return most

    def _settle(self, reserved: float, body: dict, raw: str, used: dict | None) -> None:
        """Put what a request did cost in the place of what was reserved. ``used``: None for one that was refused."""
        cost = 0.0
        if used is not None:
            tokens_in = used.get("prompt_tokens") or -(-len(_asked_text(body)) // 4)
            cost = self._cost(tokens_in, used.get("completion_tokens") or -(-len(raw) // 4))
        with self._lock:
            self.spent.money += cost - reserved

    def _cost(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.budget.price_in + tokens_out * self.budget.price_out) / 1e6


def _asked_text(body: dict) -> str:
    return body.get("prompt", "") + body.get("suffix", "") + "".join(turn["content"] for turn in body.get("messages", ()))


class _TransientError(Exception):
    """Something that may go well another time."""

    def __init__(self, what: str, retry_after_s: float = 0.0) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s


def _refuse(response: httpx2.Response, url: str) -> None:
    """Raise for an answer that is none."""
    if response.status_code < 400:
        return
    response.read()
    try:
        details = response.json()["error"]
        message = str(details["message"]) if isinstance(details, dict) else str(details)
    except (ValueError, KeyError, TypeError):
        message = response.text.strip()
    what = f"{response.status_code} {message[:160]}".strip()
    if response.status_code == 429 or response.status_code >= 500:
        raise _TransientError(what, _seconds(response.headers.get("retry-after", "")))
    do = f"set {KEY}" if response.status_code == 401 else "see which routes and models it has"
    raise ModelError(what, where=url, do=do)


def _seconds(text: str) -> float:
    """What a Retry-After says, within reason."""
    try:
        return min(max(float(text), 0.0), MOST_PAUSE_S)
    except ValueError:  # a date, or nothing
        return 0.0


def _events(response: httpx2.Response) -> Iterator[dict]:
    """Values of server-sent events, ``{"done": True}`` last; of a server that does not stream, the one value."""
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        response.read()
        value = _value(response.text)
        if not value.get("choices"):
            raise _TransientError("it answered without an answer")
        yield value | {"choices": [{"delta": choice.get("message"), **choice} for choice in value["choices"]], "done": True}
        return
    for line in response.iter_lines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:"):
            yield {"done": True} if data == "[DONE]" else _value(data)


def _value(text: str) -> dict:
    """A JSON object that is no error; _TransientError for anything else."""
    try:
        value = json.loads(text)
    except ValueError:
        raise _TransientError("it answered with something else than JSON") from None
    if not isinstance(value, dict) or not all(isinstance(choice, dict) for choice in value.get("choices") or ()):
        raise _TransientError("it answered with another shape than OpenAI's")
    if error := value.get("error"):
        raise _TransientError(str(error.get("message") if isinstance(error, dict) else error)[:160])
    return value


class _Kept:
    """Answers by the hash of what was asked, for several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock, self._base = threading.Lock(), sqlite3.connect(path, check_same_thread=False, timeout=60)
        try:
            self._base.execute("CREATE TABLE IF NOT EXISTS answers (asked TEXT PRIMARY KEY, answer TEXT) WITHOUT ROWID")
        except sqlite3.DatabaseError as error:
            raise ModelError(f"kept answers cannot be read ({error})", where=path, do="remove that file") from None

    def get(self, key: str) -> Piece | None:
        with self._lock:
            row = self._base.execute("SELECT answer FROM answers WHERE asked = ?", (key,)).fetchone()
        return Piece(**json.loads(row[0])) if row else None

    def put(self, key: str, piece: Piece) -> None:
        with self._lock, self._base:
            self._base.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, json.dumps(vars(piece))))
