"""Live answers are those that each would get alone, whoever comes, leaves or fails meanwhile and whatever was read."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from yunque.core.errors import ModelError
from yunque.core.nouns import Request
from yunque.inference import live_batch, torch_engine
from yunque.inference.torch_engine import TorchEngine

PROMPTS = (
    "def area(width: int, height: int) -> int:\n    ",
    "class Stack:",
    "x",
    "def words(text: str) -> dict[str, int]:\n    counts = {}\n    for word in text.lower().split():",
    "self.items =",
    "    if not self.items:",
)


@pytest.fixture
def engine(fim_folder):
    return TorchEngine(fim_folder, dtype="float32")


@pytest.fixture
def fed(engine, monkeypatch):
    """The shape of everything that the model reads from now on: (rows, tokens)."""
    shapes, forward = [], engine._forward

    def counting(ids, *others):
        shapes.append(tuple(ids.shape))
        return forward(ids, *others)

    monkeypatch.setattr(engine, "_forward", counting)
    return shapes


def streamed(engine, request):
    return "".join(piece.text for piece in engine.stream(request))


def alone(engine, request):
    return next(iter(engine.complete([request]))).text


def idle(engine):
    """Whether the thread of the engine ends within some seconds."""
    worker = engine._live._worker
    if worker:
        worker.join(10)
    return engine._live._worker is None and not [one for one in threading.enumerate() if one.name.startswith("live ")]


def gathered(engine, monkeypatch, number):
    """Let the model wait at its first prompt until so many requests are there."""
    read = engine._live._read

    def waiting(rows, cache):
        monkeypatch.setattr(engine._live, "_read", read)
        for _ in range(1000):
            if len(engine._live._waiting) >= number - 1:
                break
            time.sleep(0.01)
        return read(rows, cache)

    monkeypatch.setattr(engine._live, "_read", waiting)


# ------------------------------------------------------------------------------------------------------------------ together
@pytest.mark.parametrize("most_rows", [2, 32])
def test_many_share_one_batch_and_each_gets_its_own(engine, fed, monkeypatch, most_rows):
    requests = [Request(prompt=p, max_tokens=n, temperature=t) for p in PROMPTS for n, t in ((5, 0), (14, 0.8))]
    wanted = [alone(engine, request) for request in requests]
    engine._live.most_rows = most_rows
    gathered(engine, monkeypatch, len(requests))
    fed.clear()
    with ThreadPoolExecutor(len(requests)) as pool:
        assert list(pool.map(lambda request: streamed(engine, request), requests)) == wanted
    assert max(rows for rows, _ in fed) == min(most_rows, len(requests))
    assert idle(engine)


def test_the_answers_of_a_model_whose_rows_cannot_join_are_the_same(fim_folder, monkeypatch):
    from transformers import DynamicCache

    monkeypatch.setattr(torch_engine, "new_cache", lambda config: DynamicCache(config=config))
    engine = TorchEngine(fim_folder, dtype="float32")
    assert not engine._live._joinable
    requests = [Request(prompt=prompt, max_tokens=n) for prompt in PROMPTS for n in (3, 9)]
    wanted = [alone(engine, request) for request in requests]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda request: streamed(engine, request), requests)) == wanted


def test_a_batch_of_completions_may_run_meanwhile(engine):
    request = Request(prompt=PROMPTS[0], max_tokens=40)
    wanted = alone(engine, request)
    with ThreadPoolExecutor(4) as pool:
        live = [pool.submit(streamed, engine, request) for _ in range(3)]
        assert pool.submit(alone, engine, request).result() == wanted
        assert {one.result() for one in live} == {wanted}


def test_who_leaves_does_so_at_the_next_token_while_the_others_go_on(engine, fed):
    short, long = Request(prompt=PROMPTS[0], max_tokens=60), Request(prompt=PROMPTS[3], max_tokens=900)
    wanted = alone(engine, short)
    leaving = engine.stream(long)
    next(leaving)
    staying = engine.stream(short)
    first = next(staying).text
    leaving.close()
    fed.clear()
    assert first + "".join(piece.text for piece in staying) == wanted
    assert idle(engine) and sum(rows == 2 for rows, _ in fed) < 60 and sum(rows for rows, _ in fed) < 150


def test_closing_the_only_one_ends_the_thread(engine, fed):
    pieces = engine.stream(Request(prompt=PROMPTS[0], max_tokens=900))
    next(pieces)
    pieces.close()
    assert idle(engine) and len(fed) < 500


# -------------------------------------------------------------------------------------------------------------------- errors
def test_an_error_reaches_all_who_wait_and_the_next_is_answered(engine, monkeypatch):
    requests = [Request(prompt=prompt, max_tokens=9) for prompt in PROMPTS]
    wanted = alone(engine, requests[0])
    gathered(engine, monkeypatch, len(requests))

    def fail(batch):
        raise RuntimeError("no memory left")

    with monkeypatch.context() as broken, ThreadPoolExecutor(len(requests)) as pool:
        broken.setattr(engine._live, "_step", fail)
        for answer in [pool.submit(streamed, engine, request) for request in requests]:
            with pytest.raises(ModelError, match=r"failed in the middle of an answer \(no memory left") as error:
                answer.result()
            assert engine.name in error.value.line()
    assert idle(engine)
    assert streamed(engine, requests[0]) == wanted


# ------------------------------------------------------------------------------------------------------------ what was read
def test_what_was_read_is_not_read_again_and_the_text_is_the_same(engine, fed, code):
    typed = [Request(prompt=code[: 300 + 3 * key], max_tokens=8) for key in range(12)]
    lengths = [len(engine.read(request)[0]) for request in typed]
    wanted = [alone(engine, request) for request in typed]
    found, read = [], []
    for request in typed:
        fed.clear()
        found.append(streamed(engine, request))
        assert idle(engine)
        read.append(fed[0][1])
    assert found == wanted
    assert read[0] == lengths[0] and all(1 <= few < 12 for few in read[1:])


def test_a_prompt_that_was_read_is_read_but_for_its_last_token(engine, fed, code):
    for _ in range(2):
        fed.clear()
        pieces = engine.stream(Request(prompt=code[:300], max_tokens=300))
        next(pieces)
        pieces.close()  # who types on has cancelled
        assert idle(engine)
    assert fed[0] == (1, 1)


def test_what_is_kept_has_limits(engine, monkeypatch, code):
    requests = [Request(prompt=f"{number}: {code[:200]}", max_tokens=3) for number in range(7)]
    for limit in (4096, 250):
        monkeypatch.setattr(live_batch, "KEPT_TOKENS", limit)
        for request in requests:
            streamed(engine, request)
        assert idle(engine)
        kept = engine._live._prefixes._kept
        assert 0 < len(kept) <= live_batch.KEPT and sum(len(prefix.ids) for prefix in kept) <= limit


def test_a_short_prompt_is_not_looked_up(engine, fed):
    for _ in range(2):
        fed.clear()
        streamed(engine, Request(prompt="x", max_tokens=3))
        assert idle(engine)
    assert fed[0][1] == len(engine.read(Request(prompt="x"))[0])
