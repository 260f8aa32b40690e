"""What whoever serves answers relies on, of every engine: pieces that add up, a reason to end, cancelling, many at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from yunque.code.unfinished import can_become_valid
from yunque.core.errors import ModelError
from yunque.core.nouns import PromptStyle, Request
from yunque.core.seams import Engine, LiveEngine
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.models.base import BaseFacts

KINDS = ("torch", "llama.cpp", "scripted")
PROMPTS = ("def f(a):\n    ", "x = [1, ", "class A:\n", "import os\n")


@pytest.fixture(scope="module")
def file(fim_folder, tmp_path_factory):
    from yunque.models.exports.gguf import write_gguf

    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_gguf(fim_folder, path, BaseFacts(name="t", source="", sha256="", licence="MIT", num_parameters=1), "f16")
    return path


@pytest.fixture(scope="module")
def engine_of(fim_folder, file):
    """Kind -> an engine, made once."""
    made = {}

    def make(kind):
        if kind == "torch" and kind not in made:
            from yunque.inference.torch_engine import TorchEngine

            made[kind] = TorchEngine(fim_folder, dtype="float32")
        elif kind == "llama.cpp" and kind not in made:
            pytest.importorskip("xllamacpp")
            from yunque.inference.llama_cpp_engine import LlamaCppEngine

            made[kind] = LlamaCppEngine(file, context_tokens=512)
        elif kind not in made:
            made[kind] = ScriptedEngine(lambda request: f"{request.prompt[::-1]}\n{request.suffix}" * 20)
        return made[kind]

    return make


@pytest.fixture(params=KINDS)
def engine(request, engine_of):
    return engine_of(request.param)


def test_it_is_an_engine_of_both_kinds(engine):
    assert isinstance(engine, Engine) and isinstance(engine, LiveEngine) and engine.name


@pytest.mark.parametrize("stop", ["none", "line", "dedent"])
def test_pieces_add_up_to_the_answer_and_the_last_says_why(engine, stop):
    for prompt in PROMPTS:
        request = Request(prompt=prompt, stop=stop, max_tokens=24)
        pieces = list(engine.stream(request))
        (whole,) = engine.complete([request])
        assert "".join(piece.text for piece in pieces) == whole.text
        assert pieces[-1].stop == whole.stop in ("eos", "rule", "length") and not any(piece.stop for piece in pieces[:-1])
        assert pieces[-1].tokens == whole.tokens <= 25
        assert [piece.tokens for piece in pieces] == sorted(piece.tokens for piece in pieces)
        assert whole.stop != "length" or whole.tokens == 24


def test_an_answer_that_is_wanted_whole_is_the_same_and_can_be_cancelled(engine):
    for prompt in PROMPTS:
        request = Request(prompt=prompt, max_tokens=24)
        pieces = list(engine.stream(replace(request, whole=True)))
        (answer,) = engine.complete([request])
        assert "".join(piece.text for piece in pieces) == answer.text and pieces[-1].stop == answer.stop
        assert (pieces[-1].tokens, pieces[-1].prompt_tokens > 0) == (answer.tokens, True)
    stream = engine.stream(Request(prompt=PROMPTS[0], max_tokens=300, whole=True))
    next(stream)
    stream.close()
    assert list(engine.stream(Request(prompt=PROMPTS[1], max_tokens=4)))[-1].stop


def test_with_no_tokens_a_prompt_is_read_ahead(engine):
    for prompt in PROMPTS:
        (piece,) = engine.stream(Request(prompt=prompt, max_tokens=0))
        assert (piece.text, piece.stop, piece.tokens) == ("", "length", 0) and piece.prompt_tokens > 0
    (after,) = engine.complete([Request(prompt=PROMPTS[0], max_tokens=8)])
    assert after.tokens > 0


def test_stop_texts_end_an_answer_before_them(engine):
    (plain,) = engine.complete([Request(prompt=PROMPTS[0], max_tokens=24)])
    stop = plain.text[3:5]
    (cut,) = engine.complete([Request(prompt=PROMPTS[0], max_tokens=24, stops=(stop,))])
    assert (cut.text, cut.stop) == (plain.text[: plain.text.index(stop)], "rule")
    pieces = list(engine.stream(Request(prompt=PROMPTS[0], max_tokens=24, stops=(stop,))))
    assert "".join(piece.text for piece in pieces) == cut.text, "no part of the stop text was given away"


def test_closing_ends_an_answer_and_the_engine_goes_on(engine):
    started = time.monotonic()
    for _ in range(8):
        pieces = engine.stream(Request(prompt=PROMPTS[0], max_tokens=400))
        next(pieces)
        pieces.close()
    assert len(list(engine.complete([Request(prompt=PROMPTS[1], max_tokens=4)]))) == 1
    assert time.monotonic() - started < 20


def test_many_ask_at_the_same_time_and_each_gets_its_own(engine):
    requests = [Request(prompt=prompt * (1 + n % 2), max_tokens=12) for n in range(3) for prompt in PROMPTS]
    alone = [next(iter(engine.complete([request]))).text for request in requests]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda r: "".join(piece.text for piece in engine.stream(r)), requests))
    assert together == alone


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("kind", ["torch", "llama.cpp"])
def test_an_answer_can_be_kept_from_leaving_valid_syntax(engine_of, kind, temperature):
    engine, others = engine_of(kind), 0
    for prompt in PROMPTS:
        request = Request(prompt=prompt, max_tokens=24, temperature=temperature, syntax="python")
        pieces = list(engine.stream(request))
        text = "".join(piece.text for piece in pieces)
        (whole,) = engine.complete([request])
        if not temperature:
            assert (whole.text, whole.stop, whole.tokens) == (text, pieces[-1].stop, pieces[-1].tokens)
        for answer in (text, whole.text):
            assert can_become_valid(prompt + answer, "python"), answer
        assert whole.tokens <= 25 and whole.stop
        (free,) = engine.complete([replace(request, syntax="")])
        others += not can_become_valid(prompt + free.text, "python")
    assert others, "a random model writes no code by itself"


@pytest.mark.parametrize("kind", ["torch", "llama.cpp"])
def test_a_monitor_goes_with_a_healed_word_a_stop_rule_and_a_prompt_that_is_no_code(engine_of, kind):
    engine = engine_of(kind)
    asked = Request(prompt="def f(a):\n    retu", heal=True, max_tokens=16, syntax="python")
    (answer,) = engine.complete([asked])
    assert can_become_valid(asked.prompt + answer.text, "python")
    (line,) = engine.complete([replace(asked, stop="line")])
    assert "\n" not in line.text.strip()
    for prompt, syntax in (("this is no code", "python"), ("x = 1", "klingon")):
        (free,), (watched,) = (
            engine.complete([Request(prompt=prompt, max_tokens=12, syntax=name)]) for name in ("", syntax)
        )
        assert free.text == watched.text
    (piece,) = engine.stream(Request(prompt=PROMPTS[0], max_tokens=0, syntax="python"))
    assert piece.stop == "length"


def test_what_llama_cpp_remembers_of_old_prompts_is_limited(file, monkeypatch):
    xllamacpp = pytest.importorskip("xllamacpp")
    from yunque.inference.llama_cpp_engine import KEPT_MIB, LlamaCppEngine

    seen = []
    server = xllamacpp.Server
    monkeypatch.setattr(xllamacpp, "Server", lambda params: seen.append(params.cache_ram_mib) or server(params))
    LlamaCppEngine(file, slots=1, context_tokens=256)
    assert seen == [KEPT_MIB] and KEPT_MIB <= 1024


def test_what_ends_an_answer_is_no_part_of_what_must_be_valid():
    """A colon stands behind the cursor: the line break that ends the answer is none of its code."""
    pytest.importorskip("xllamacpp")
    from yunque.inference.llama_cpp_engine import _Growing

    growing = _Growing(Request(prompt="if ", suffix=":\n    x\n", stops=("\n",), syntax="python", max_tokens=9), "", 1)
    for number, text in enumerate(("a == b", "\n"), start=1):
        list(growing.pieces({"choices": [{"text": text}], "timings": {"predicted_n": number}}))
    assert (growing.has_ended, growing.is_refused, growing.answer.stop) == (True, False, "rule")
    free = _Growing(Request(prompt="if ", syntax="python", max_tokens=9), "", 1)
    for number, text in enumerate(("a == b", "\n"), start=1):
        list(free.pieces({"choices": [{"text": text}], "timings": {"predicted_n": number}}))
    assert free.is_refused


def test_the_suffix_is_read(engine):
    first, other = (
        next(iter(engine.complete([Request(prompt="def f(", suffix=suffix, style=PromptStyle.FIM, max_tokens=16)]))).text
        for suffix in ("):\n    return a + b\n", "):\n    raise ValueError(number, 3, 9)\n")
    )
    assert first != other


def test_a_prompt_that_is_too_long_is_refused_before_any_piece(engine_of):
    for kind in ("torch", "llama.cpp"):
        with pytest.raises(ModelError, match="no room for"):
            next(iter(engine_of(kind).stream(Request(prompt="x = 1\n", max_tokens=5000))))


def test_a_style_that_it_cannot_be_asked_in_is_refused(engine_of, base_folder, tmp_path):
    from yunque.inference.llama_cpp_engine import LlamaCppEngine
    from yunque.models.exports.gguf import write_gguf

    write_gguf(base_folder, tmp_path / "m.gguf", BaseFacts(name="t", source="", sha256="", licence="", num_parameters=1))
    plain = LlamaCppEngine(tmp_path / "m.gguf", slots=1, context_tokens=256)
    assert PromptStyle.FIM not in plain.styles
    with pytest.raises(ModelError, match="has no fill-in-the-middle tokens"):
        next(iter(plain.stream(Request(prompt="a", suffix="b", style=PromptStyle.FIM))))
    with pytest.raises(ModelError, match="does not say what a text costs"):
        plain.score(["a"])
    scripted = ScriptedEngine({}, styles=[PromptStyle.PREFIX])
    with pytest.raises(ModelError, match="cannot be asked in style 'chat'"):
        next(iter(scripted.stream(Request(prompt="a", style=PromptStyle.CHAT))))


def test_a_file_that_is_none_is_one_line(tmp_path):
    from yunque.inference.llama_cpp_engine import LlamaCppEngine

    with pytest.raises(ModelError, match="no such file; write one with `yunque export MODEL`"):
        LlamaCppEngine(tmp_path / "nope.gguf")


# ---------------------------------------------------------------------------------------------------------------- scripted
def test_a_script_answers_by_the_end_of_the_prompt_and_can_die():
    engine = ScriptedEngine({"f(": "short", "def f(": "long"}, delay_ms=1)
    assert [one.text for one in engine.complete([Request(prompt=p) for p in ("x = f(", "def f(", "other")])] == [
        "short",
        "long",
        "",
    ]
    assert [request.prompt for request in engine.asked] == ["x = f(", "def f(", "other"] and engine.running == 0
    dying = ScriptedEngine({"": "abcdef"}, fault_after=2)
    pieces = []
    with pytest.raises(ModelError, match="died in the middle"):
        pieces.extend(dying.stream(Request(prompt="x")))
    pieces = dying.stream(Request(prompt="x"))
    assert [next(pieces).text, next(pieces).text] == ["a", "b"] and dying.running == 1
    pieces.close()
    assert dying.running == 0
