"""Slots are taken once and freed once, whatever is cancelled or superseded while it waits."""

import asyncio
import threading

import pytest

from yunque.core.errors import ModelError
from yunque.core.nouns import Piece, Request
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.serving.dispatcher import Dispatcher, SupersededError

REQUEST = Request(prompt="long", max_tokens=60)


class Held:
    """An engine that gives a piece, and the next one when it is let."""

    name = "held"

    def __init__(self):
        self.go, self.running, self.most = threading.Event(), 0, 0

    def stream(self, request):
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            yield Piece(text="a")
            self.go.wait(5)
            yield Piece(text="b", stop="eos", tokens=2)
        finally:
            self.running -= 1


async def take(dispatcher, **who):
    return "".join([piece.text async for piece in dispatcher.answer(REQUEST, **who)])


def run(story, engine=None, **settings):
    """Runs a story with a dispatcher of one slot; nothing may be left over."""
    engine = engine or Held()
    dispatcher = Dispatcher(engine, slots=1, **settings)

    async def whole():
        result = await story(dispatcher, engine)
        for _ in range(400):
            if not (dispatcher.counts.running or dispatcher.counts.waiting):
                break
            await asyncio.sleep(0.01)
        return result

    result = asyncio.run(whole())
    assert (dispatcher.counts.running, dispatcher.counts.waiting) == (0, 0)
    assert not dispatcher._queues and not dispatcher._editors
    return result


def test_a_slot_is_the_engines_until_it_has_let_go():
    async def story(dispatcher, engine):
        first = asyncio.ensure_future(take(dispatcher))
        await asyncio.sleep(0.05)
        for _ in range(3):
            first.cancel()
            await asyncio.sleep(0)
        second = asyncio.ensure_future(take(dispatcher))
        await asyncio.sleep(0.1)
        assert dispatcher.counts.running == 1 and dispatcher.counts.waiting == 1
        engine.go.set()
        assert await second == "ab" and engine.most == 1

    run(story)


@pytest.mark.parametrize("how", ["cancel", "supersede"])
def test_whoever_leaves_the_queue_as_a_slot_is_freed_frees_none(how):
    async def story(dispatcher, engine):
        first = asyncio.ensure_future(take(dispatcher))
        await asyncio.sleep(0.05)
        waiting = asyncio.ensure_future(take(dispatcher, editor="e"))
        await asyncio.sleep(0.05)
        engine.go.set()
        if how == "cancel":
            waiting.cancel()
            dispatcher._free()  # as the end of the first does, in this very turn of the loop
            dispatcher.counts.running += 1
        else:
            newer = asyncio.ensure_future(take(dispatcher, editor="e"))
        assert await first == "ab"
        with pytest.raises(asyncio.CancelledError if how == "cancel" else SupersededError):
            await waiting
        assert how == "cancel" or await newer == "ab"
        assert await take(dispatcher) == "ab" and engine.most == 1

    run(story)


def test_an_editor_that_cancels_and_asks_in_one_breath_is_answered():
    async def story(dispatcher, engine):
        first = asyncio.ensure_future(take(dispatcher))
        await asyncio.sleep(0.05)
        older = asyncio.ensure_future(take(dispatcher, editor="e"))
        await asyncio.sleep(0.05)
        older.cancel()
        newer = asyncio.ensure_future(take(dispatcher, editor="e"))
        engine.go.set()
        assert await newer == "ab" and await first == "ab"
        with pytest.raises(asyncio.CancelledError):
            await older

    run(story)


def test_one_user_cannot_end_anothers_request_by_a_name():
    async def story(dispatcher, engine):
        first = asyncio.ensure_future(take(dispatcher, user="a/b", editor="c"))
        await asyncio.sleep(0.05)
        other = asyncio.ensure_future(take(dispatcher, user="a", editor="b/c"))
        engine.go.set()
        assert await first == "ab" and await other == "ab"

    run(story)


def test_an_engine_that_breaks_is_an_error_without_the_prompt_in_it():
    class Broken(ScriptedEngine):
        def stream(self, request):
            raise RuntimeError(f"bad prompt: {request.prompt}")

    async def story(dispatcher, engine):
        with pytest.raises(ModelError, match=r"^broken: the engine failed \(RuntimeError\)$"):
            await take(dispatcher)
        assert dispatcher.counts.failed == 1

    run(story, Broken({}, name="broken"))


@pytest.mark.parametrize("whole", [False, True])
def test_an_answer_that_takes_too_long_is_ended_and_its_slot_is_free(whole):
    async def story(dispatcher, engine):
        pieces = dispatcher.answer(Request(prompt="x", max_tokens=500), whole=whole)
        with pytest.raises(ModelError, match=r"took longer than 0\.2 s; ask for fewer tokens"):
            async for _ in pieces:
                pass
        return engine.running

    engine = ScriptedEngine({"": "x" * 500}, delay_ms=10)
    run(story, engine, most_s=0.2)
    assert engine.running == 0
