"""An engine in a process of its own: the same answers, and what becomes of requests where the process dies."""

import functools
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest

from yunque.core.errors import ModelError
from yunque.core.nouns import PromptStyle, Request
from yunque.core.seams import LiveEngine
from yunque.inference.engine_process import MOST_DEATHS, DiedError, EngineProcess
from yunque.inference.local_engines import open_local
from yunque.inference.scripted_engine import ScriptedEngine

WORDS = " ".join(map(str, range(200)))


def opener(**settings):
    return functools.partial(ScriptedEngine, {"": WORDS}, **settings)


@pytest.fixture
def engine():
    made = EngineProcess(opener(delay_ms=5))
    yield made
    made.close()


def text(pieces):
    return "".join(piece.text for piece in pieces)


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_answers_are_those_of_the_engine_itself(engine):
    plain = opener()()
    assert isinstance(engine, LiveEngine) and (engine.name, engine.styles) == (plain.name, frozenset(plain.styles))
    for asked in (Request(prompt="x", max_tokens=8), Request(prompt="x", stops=("7",)), Request(prompt="x", whole=True)):
        answers = [piece for piece in engine.stream(asked) if piece.text or piece.stop]
        expected = [piece for piece in plain.stream(asked) if piece.text or piece.stop]
        assert text(answers) == text(expected) and replace(answers[-1], text="") == replace(expected[-1], text="")
        assert len(answers) == (1 if asked.whole else len(expected))
    able = EngineProcess(opener(styles=[PromptStyle.FIM]))
    with pytest.raises(ModelError, match="cannot be asked in style 'prefix'"):
        list(able.stream(Request(prompt="x")))
    able.close()


def test_many_at_once_and_each_gets_its_own():
    engine = EngineProcess(functools.partial(ScriptedEngine, {f"p{n}": f"answer {n} " * 9 for n in range(12)}, delay_ms=2))
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: text(engine.stream(Request(prompt=f"p{n}", max_tokens=20))), range(12)))
    assert answers == [(f"answer {n} " * 9)[:20] for n in range(12)]
    engine.close()


@pytest.mark.parametrize("whole", [False, True])
def test_who_leaves_ends_the_answer_there(engine, whole):
    pieces = engine.stream(Request(prompt="x", max_tokens=200, whole=whole))
    next(pieces)
    pieces.close()
    threads = psutil.Process(engine.pid).num_threads
    until(lambda: threads() <= 2, 2)  # of 200 tokens of 5 ms it would be one more


def test_killed_in_the_middle_of_an_answer_that_is_told_and_the_next_is_served(engine):
    pieces = engine.stream(Request(prompt="x", max_tokens=200))
    assert next(pieces).text
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(DiedError, match="was killed by SIGKILL"):
        list(pieces)
    assert text(engine.stream(Request(prompt="x", max_tokens=3)))
    until(lambda: engine.num_restarts == 1)


def test_an_answer_that_had_not_begun_is_asked_again():
    engine = EngineProcess(opener(delay_ms=3))
    expected = text(opener()().stream(Request(prompt="x", max_tokens=100)))
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(lambda: text(engine.stream(Request(prompt="x", max_tokens=100, whole=True)))) for _ in range(4)]
        time.sleep(0.1)
        os.kill(engine.pid, signal.SIGKILL)
        assert [future.result(timeout=30) for future in asked] == [expected] * 4
    engine.close()


def test_one_that_always_dies_is_given_up():
    engine = EngineProcess(opener(delay_ms=1))
    for number in range(1, MOST_DEATHS):
        list(engine.stream(Request(prompt="x", max_tokens=1)))
        os.kill(engine.pid, signal.SIGKILL)
        until(lambda restarts=number: engine.num_restarts == restarts)
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(ModelError, match="5 times in a minute"):
        while True:
            list(engine.stream(Request(prompt="x", max_tokens=1)))


def test_what_cannot_be_opened_says_why(tmp_path):
    with pytest.raises(ModelError, match="no such model") as caught:
        EngineProcess(functools.partial(open_local, tmp_path / "nope", "auto", 1, 100))
    assert caught.value.where.endswith("nope") and caught.value.do.startswith("run `yunque forge`")
    with pytest.raises(ModelError, match="was killed by SIGABRT while it loaded"):
        EngineProcess(os.abort)


def test_a_closed_one_ends_what_goes_on_and_takes_no_more(engine):
    pieces = engine.stream(Request(prompt="x", max_tokens=40))
    first = next(pieces).text
    engine.close()
    assert first + text(pieces) == WORDS[:40]
    until(lambda: not psutil.pid_exists(engine.pid))
    with pytest.raises(ModelError, match="not served any more"):
        list(engine.stream(Request(prompt="x")))


def test_it_ends_with_whoever_made_it(tmp_path):
    program = "import functools, sys, time\nfrom yunque.inference.engine_process import EngineProcess\n"
    program += "from yunque.inference.scripted_engine import ScriptedEngine\n"
    program += "print(EngineProcess(functools.partial(ScriptedEngine, {})).pid, flush=True)\ntime.sleep(60)\n"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as maker:
        pid = int(maker.stdout.readline())
        assert psutil.pid_exists(pid)
        maker.kill()
    until(lambda: not psutil.pid_exists(pid))
