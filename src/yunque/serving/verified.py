"""``/v1/verified``: tasks whose answers are run and checked before they are given, over the same engine and queue."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property

from yunque.core.errors import ModelError, SandboxError
from yunque.core.nouns import Completion, PromptStyle, Request
from yunque.core.seams import Check, Sandbox
from yunque.data.screening.screen import load_checks
from yunque.inference.answers import completion_of
from yunque.inference.verified import USUAL_CHECKS
from yunque.inference.verified.generation import VerifiedAnswer, VerifiedGeneration
from yunque.sandbox import open_sandbox
from yunque.serving.dispatcher import Dispatcher
from yunque.serving.shapes import VerifiedBody


class DispatchedEngine:
    """An engine (seam ``Engine``) whose every request waits its turn like those of all others. For threads."""

    def __init__(self, dispatcher: Dispatcher, user: str, styles: frozenset[PromptStyle]) -> None:
        """Made on the dispatcher's event loop."""
        self.dispatcher, self.user, self.styles, self.name = dispatcher, user, styles, dispatcher.engine.name
        self._loop = asyncio.get_running_loop()
        self._left = threading.Event()
        self._going: list[Future[Completion]] = []

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """One completion per request, in order. ModelError where the engine fails, or whoever asked is gone."""
        self._going = [asyncio.run_coroutine_threadsafe(self._answer(request), self._loop) for request in requests]
        try:
            for future in self._going:
                if self._left.is_set():
                    raise ModelError("nobody waits for it", where=self.name)
                yield future.result()
        finally:
            for future in self._going:
                future.cancel()

    def score(self, texts: Sequence[str]) -> Iterator[list[float]]:
        """ModelError: what a text costs is not asked while others wait."""
        raise ModelError("does not say what a text costs while it serves", where=self.name)

    def leave(self) -> None:
        """End what is going on; of any thread."""
        self._left.set()
        for future in self._going:
            future.cancel()

    async def _answer(self, request: Request) -> Completion:
        started = time.perf_counter()
        async with contextlib.aclosing(self.dispatcher.answer(request, user=self.user, whole=True)) as pieces:
            return completion_of([piece async for piece in pieces], started, self.name)


AT_ONCE = 4
"""Tasks that are worked on at the same time, on threads of their own: completions must not wait for one."""


class Verifier:
    """The checks and the sandbox of a server; both are made at the first task that needs them."""

    def __init__(self) -> None:
        self._lock, self._stack = threading.Lock(), contextlib.ExitStack()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="verified")

    @cached_property
    def checks(self) -> Sequence[Check]:
        """Those that every answer is asked about."""
        return load_checks(USUAL_CHECKS)

    @cached_property
    def sandbox(self) -> Sandbox | None:
        """Where tests run; None where this machine cannot run them safely, so that they are an ERROR."""
        try:
            return self._stack.enter_context(open_sandbox())
        except SandboxError:
            return None

    def begin(
        self, body: VerifiedBody, engine: DispatchedEngine, checks: Sequence[Check] = ()
    ) -> asyncio.Future[VerifiedAnswer]:
        """The verified answer, on a thread; ``checks`` beside the usual ones.

        Errors as of the engine; ValueError as of `VerifiedBody.task`.
        """
        return asyncio.get_running_loop().run_in_executor(self._pool, self._answer, body, engine, checks)

    def _answer(self, body: VerifiedBody, engine: DispatchedEngine, checks: Sequence[Check]) -> VerifiedAnswer:
        with self._lock:
            checks, sandbox = [*self.checks, *checks], self.sandbox
        generation = VerifiedGeneration(engine=engine, checks=checks, sandbox=sandbox, settings=body.settings())
        return generation.answer(body.task())

    def close(self) -> None:
        """End what waits, and the sandbox."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._stack.close()
