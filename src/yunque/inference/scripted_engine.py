"""An engine that says what it is told: answers, delays and faults, for tests of whatever stands in front of an engine.

    ScriptedEngine({"def f(": "x):\\n    return x"}, delay_ms=5)     by the end of the prompt
    ScriptedEngine(lambda request: request.prompt.upper())          by a rule
    ScriptedEngine({}, fault_after=3)                               dies in the middle of every answer

A token is one character, or what ``pieces`` makes of an answer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from yunque.core.errors import ModelError
from yunque.core.nouns import Completion, Piece, PromptStyle, Request
from yunque.inference.answers import whole_answer
from yunque.inference.stops import GrowingAnswer


class ScriptedEngine:
    """Replays answers (seams ``Engine``, ``LiveEngine``)."""

    def __init__(
        self,
        answers: Mapping[str, str] | Callable[[Request], str],
        *,
        name: str = "scripted",
        delay_ms: float = 0.0,
        pieces: Callable[[str], Sequence[str]] = list,
        fault_after: int | None = None,
        styles: Sequence[PromptStyle] = tuple(PromptStyle),
    ) -> None:
        """``answers``: what follows a prompt that ends so, or a rule; nothing, where none fits. ``delay_ms``: before every
        token. ``fault_after``: tokens after which every answer ends in a ModelError.
        """
        self.name, self.delay_ms, self.pieces, self.fault_after = name, delay_ms, pieces, fault_after
        self.styles, self._answers = frozenset(styles), answers
        self.asked: list[Request] = []
        """Every request so far."""
        self.running = 0
        """Answers that are being written."""

    def stream(self, request: Request) -> Iterator[Piece]:
        """The answer piece by piece; its length is cut at ``max_tokens``, and a stop rule may end it."""
        if request.style not in self.styles:
            raise ModelError(f"cannot be asked in style {request.style.value!r}", where=self.name)
        self.asked.append(request)
        self.running += 1
        try:
            yield from self._pieces(request)
        finally:
            self.running -= 1

    def _pieces(self, request: Request) -> Iterator[Piece]:
        if not request.max_tokens:
            yield Piece(text="", stop="length", prompt_tokens=len(request.prompt))
            return
        answer, raw = GrowingAnswer(request, ""), ""
        tokens: list[str | None] = [*self.pieces(self._answer(request)), None]  # None is the end token
        for number, token in enumerate(tokens[: request.max_tokens], start=1):
            time.sleep(self.delay_ms / 1000)
            if self.fault_after is not None and number > self.fault_after:
                raise ModelError("died in the middle of an answer, as it was told to", where=self.name)
            raw += token or ""
            ended = "eos" if token is None else "length" if number == request.max_tokens else ""
            text = answer.grown(raw, ended)
            if text or answer.stop:
                yield Piece(text=text, stop=answer.stop, tokens=number, prompt_tokens=len(request.prompt))
            if answer.stop:
                return

    def _answer(self, request: Request) -> str:
        if callable(self._answers):
            return self._answers(request)
        fitting = [end for end in self._answers if request.prompt.endswith(end)]
        return self._answers[max(fitting, key=len)] if fitting else ""

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """One completion per request, in order."""
        return (whole_answer(self, request) for request in requests)

    def score(self, texts: Sequence[str]) -> Iterator[list[float]]:
        """One bit a character."""
        return ([-math.log(2)] * len(text) for text in texts)
