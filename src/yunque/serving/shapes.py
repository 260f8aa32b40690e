"""What clients send: the bodies of OpenAI's routes and of llama.cpp's ``/infill``, as far as they change an answer.

Fields that are not here are taken and have no effect: clients send many that their own server knows.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal

from pydantic import BaseModel, Field, StrictInt

from yunque.checks.execution.given_tests import path_inside
from yunque.code.languages import language_by_signs, language_of, named
from yunque.core.nouns import Insertion, Message, PromptStyle, Request
from yunque.inference.verified.coding import CodingTask, Verb
from yunque.inference.verified.generation import GenerationSettings
from yunque.serving.fim_prompts import taken_apart

MOST_TOKENS = 2048
"""Most tokens of an answer that can be asked for."""
MOST_STOPS = 64
"""OpenAI takes 4; editors send what a dozen models might say."""
HALF = "a text holds half of a surrogate pair"
LEAST_TEMPERATURE = 1e-3
Stops = str | list[str] | None


class PlaceBody(BaseModel, extra="allow"):
    """Field ``yunque``: what an editor may say of the place that it asks about, and ask of us. Other servers ignore it."""

    path: str = Field("", max_length=4096)
    language: str = Field("", max_length=64)
    """Name or alias; empty: by the path, else by the look of the code."""
    whole_file: bool = False
    """The text before the cursor begins where the file does, and the suffix ends where it ends."""
    postprocess: bool = True
    """False: the answer as the model wrote it."""
    monitor: bool = True
    """Whether the model is kept from leaving valid syntax."""
    hold: bool | None = None
    """Whether a text that fails a check is held back; None: as the server does it."""

    def insertion(self, before: str, after: str) -> Insertion:
        """The place, without a text yet."""
        head = before[:200].encode("utf-8", "replace")
        language = named(self.language) or (language_of(self.path, head) if self.path else "")
        return Insertion(
            before=before,
            text="",
            after=after,
            language=language or language_by_signs(before[-3000:] + after[:1000]) or "unknown",
            path=self.path,
            is_whole_file=self.whole_file,
        )


class AskingBody(BaseModel, extra="allow"):
    """What every route that asks has in common."""

    temperature: float | None = Field(None, ge=0, le=5)
    seed: int | None = None
    stop: Stops = None
    stream: bool = False
    yunque: PlaceBody | None = None

    def request(self) -> Request:
        """What is asked. ValueError for what cannot be."""
        raise NotImplementedError

    @property
    def editor(self) -> PlaceBody:
        """What the editor says, or what is so where it says nothing."""
        return self.yunque or PlaceBody()

    def around(self) -> tuple[str, str] | None:
        """What stands before and behind the cursor at which the answer is put in; None where it is none."""
        return None

    def place(self) -> Insertion | None:
        """Where in a file the answer is put in; None where it is none."""
        around = self.around()
        return self.editor.insertion(*around) if around else None

    def _request(self, **asked: Any) -> Request:
        place = self.place()
        return Request(
            stops=stops_of(self.stop),
            stop_repetition=True,
            temperature=_warm(self.temperature),
            seed=(self.seed or 0) % 2**63,
            heal=place is not None,
            syntax=place.language if place and self.editor.monitor else "",
            **asked,
        )


class OpenAiBody(AskingBody):
    """What OpenAI's own routes have beside that."""

    model: str = ""
    stream_options: dict | None = None
    user: str | None = Field(None, max_length=256)


class CompletionBody(OpenAiBody):
    """``POST /v1/completions``."""

    prompt: str | list[str]
    """One prompt; a list may hold one."""
    suffix: str | None = None
    """The text behind the cursor."""
    max_tokens: StrictInt | None = Field(None, ge=0, le=MOST_TOKENS)

    def request(self) -> Request:
        """One prompt, or what stands before and behind a cursor."""
        if not isinstance(self.prompt, str) and len(self.prompt) != 1:
            raise ValueError("one prompt at a time")
        prompt, suffix = self._texts()
        return self._request(
            prompt=prompt,
            suffix=suffix,
            style=PromptStyle.FIM if suffix else PromptStyle.PREFIX,
            max_tokens=64 if self.max_tokens is None else self.max_tokens,
        )

    def around(self) -> tuple[str, str] | None:
        """Prompt and suffix; None for a prompt alone of a client that says nothing of a file."""
        prompt, suffix = self._texts()
        return (prompt, suffix) if suffix or self.yunque is not None else None

    def _texts(self) -> tuple[str, str]:
        """Prompt and suffix, also of a client that has rendered them itself."""
        prompt = self.prompt if isinstance(self.prompt, str) else "".join(self.prompt[:1])
        before, behind = (prompt, self.suffix) if self.suffix else taken_apart(prompt) or (prompt, "")
        return before, behind or ""


class MessageBody(BaseModel, extra="allow"):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[dict] | None = None
    """A text, or parts of type ``text``."""

    def message(self) -> Message:
        """ValueError for parts that are no text."""
        parts = self.content if isinstance(self.content, list) else [{"type": "text", "text": self.content or ""}]
        if any(part.get("type") != "text" or not isinstance(part.get("text"), str) for part in parts):
            raise ValueError("only parts of type 'text' can be read")
        role = "system" if self.role == "developer" else self.role
        return Message(role=role, content="".join(part["text"] for part in parts))


class ChatBody(OpenAiBody):
    """``POST /v1/chat/completions``."""

    messages: list[MessageBody] = Field(min_length=1)
    max_tokens: StrictInt | None = Field(None, ge=1, le=MOST_TOKENS)
    max_completion_tokens: StrictInt | None = Field(None, ge=1, le=MOST_TOKENS)

    def request(self) -> Request:
        """The conversation so far."""
        return self._request(
            prompt="",
            messages=tuple(item.message() for item in self.messages),
            style=PromptStyle.CHAT,
            max_tokens=self.max_completion_tokens or self.max_tokens or 512,
        )


class VerifiedBody(BaseModel, extra="forbid"):
    """``POST /v1/verified``: a task whose answer is verified before it is given."""

    verb: Verb = Verb.WRITE
    instruction: str = Field("", max_length=20_000)
    code: str = Field("", max_length=200_000)
    """What it is about; for ``write`` what the answer begins with."""
    language: str = Field("python", max_length=64)
    path: str = Field("", max_length=1024)
    """Of the file that the answer is, relative; empty: where the tests import it from."""
    tests: dict[str, str] = Field({}, max_length=20)
    """Relative path -> text of a pytest file."""
    samples: StrictInt = Field(1, ge=1, le=16)
    rounds: StrictInt = Field(2, ge=0, le=5)
    max_tokens: StrictInt = Field(768, ge=1, le=MOST_TOKENS)
    plan: bool = True
    style: Literal["auto", "chat", "plain"] = "auto"
    writes_tests: bool = False
    temperature: float = Field(0.6, ge=0, le=5)
    seed: int = Field(17, ge=0, lt=2**31)

    def task(self) -> CodingTask:
        """What is asked. ValueError for what cannot be."""
        if self.verb is not Verb.WRITE and not self.code.strip():
            raise ValueError(f"'{self.verb.value}' needs code")
        if self.verb is Verb.WRITE and not (self.instruction.strip() or self.code.strip()):
            raise ValueError("'write' needs an instruction, or code to begin with")
        if not (language := named(self.language)):
            raise ValueError(f"the language {self.language!r} is not known")
        for path in [*self.tests, *([self.path] if self.path else [])]:
            path_inside(path)
        try:
            "".join((self.instruction, self.code, self.path, *self.tests, *self.tests.values())).encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError(HALF) from None
        return CodingTask(
            verb=self.verb,
            instruction=self.instruction,
            code=self.code,
            language=language,
            path=self.path,
            tests=self.tests,
        )

    def settings(self) -> GenerationSettings:
        """How it is asked."""
        return GenerationSettings(**{item.name: getattr(self, item.name) for item in fields(GenerationSettings)})


class PromoteBody(BaseModel, extra="forbid"):
    """``POST /v1/promote``."""

    model: str = Field(min_length=1, max_length=4096)
    """Model folder or GGUF file, absolute."""
    engine: str = "auto"


class ExtraBody(BaseModel, extra="allow"):
    """A piece of another file."""

    text: str
    filename: str = ""


class InfillBody(AskingBody):
    """``POST /infill``, as llama.vscode and llama.vim send it."""

    input_prefix: str = ""
    input_suffix: str = ""
    input_extra: list[ExtraBody] = []
    prompt: str = ""
    """The line before the cursor, behind ``input_prefix``."""
    n_predict: StrictInt = Field(64, ge=-1, le=MOST_TOKENS)
    """0: nothing is asked, the context is read ahead."""

    def request(self) -> Request:
        """The pieces of other files stand before the file, each under its name."""
        extra = "".join(f"# {item.filename}\n{item.text.rstrip()}\n\n" for item in self.input_extra)
        return self._request(
            prompt=extra + self.input_prefix + self.prompt,
            suffix=self.input_suffix,
            style=PromptStyle.FIM,
            max_tokens=64 if self.n_predict < 0 else self.n_predict,
        )

    def around(self) -> tuple[str, str]:
        """The file before and behind the cursor, without the pieces of others."""
        return self.input_prefix + self.prompt, self.input_suffix


def stops_of(stop: Stops) -> tuple[str, ...]:
    """Stop texts; ValueError for too many."""
    stops = tuple(text for text in ([stop] if isinstance(stop, str) else stop or []) if text)
    if len(stops) > MOST_STOPS:
        raise ValueError(f"at most {MOST_STOPS} stop texts")
    return stops


def _warm(temperature: float | None) -> float:
    """A temperature that can be divided by; 0 for one so low that it is greedy."""
    return temperature if temperature and temperature >= LEAST_TEMPERATURE else 0.0


def refuse_unreadable(request: Request) -> None:
    """ValueError for a text with half a character, which no tokenizer takes."""
    texts = (request.prompt, request.suffix, *request.stops, *(message.content for message in request.messages))
    try:
        "".join(texts).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(HALF) from None
