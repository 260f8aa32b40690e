"""Token healing: an answer at a cursor inside a word goes on as the model likes best, however the word was typed so far."""

import itertools

import pytest
import torch

from yunque.core.nouns import PromptStyle, Request
from yunque.inference.llama_cpp_engine import LlamaCppEngine, _asked, _Growing
from yunque.inference.torch_engine import TorchEngine
from yunque.models.base import BaseFacts
from yunque.models.exports.gguf import write_gguf
from yunque.models.healing import Spelling, spelling_of, word_start
from yunque.models.tokenizer import encode, find_fim, render

INSIDE = (
    "def area(width: int, hei",
    "self.ite",
    "    ret",
    "x = 1\n\n    retu",
    "wor",
    "counts[word] = cou",
    "_",
    "x = 12",
    "Größe = nai\u0308vité",
)
"""Prompts that end inside a word."""
WHOLE = ("", "x = ", "x =", "def f(a):\n    ", "f(", "x = 'a'", 'print("\N{ROCKET}', "a\u0301")
"""Prompts that do not: blanks, operators, line breaks, emoji."""


@pytest.fixture(scope="module")
def engines(fim_folder, tmp_path_factory):
    pytest.importorskip("xllamacpp")
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_gguf(fim_folder, path, BaseFacts(name="t", source="", sha256="", licence="MIT", num_parameters=1), "f16")
    return {
        "torch": TorchEngine(fim_folder, dtype="float32"),
        "llama.cpp": LlamaCppEngine(path, context_tokens=512, precise=True),
    }


@pytest.fixture(params=["torch", "llama.cpp"])
def engine(request, engines):
    return engines[request.param]


def answer(engine, prompt, **settings):
    (found,) = engine.complete([Request(**({"prompt": prompt, "heal": True, "max_tokens": 12} | settings))])
    return found


def healed(engine, prompt, style=PromptStyle.PREFIX):
    """The ids that are read, and the word that the answer must begin with."""
    return engine.read(Request(prompt=prompt, suffix=")\n", style=style, heal=True, max_tokens=8))


# -------------------------------------------------------------------------------------------------------- what is taken away
@pytest.mark.parametrize(
    ("prompt", "lead"),
    [
        ("x = os.pa", "pa"),
        ("x = pa", " pa"),  # the splitter joins one blank to a word
        ("def f():\n    pa", " pa"),
        ("def f():\n\tpa", "pa"),
        ("x.foo_ba", "foo_ba"),
        ("é = naïv", " naïv"),
        ("x = 12", " 12"),
        ("pa", "pa"),
        ("x = a_word_of_many_parts_that_is_long", "_many_parts_that_is_long"),  # at most 24 characters, in whole pieces
        ("x" * 25, ""),
        ("x" * 500, ""),
        ("word \N{ROCKET}", ""),
        ("word \N{ROCKET}wo", "wo"),
    ],
)
def test_the_word_goes_with_what_the_splitter_joins_to_it(fim_tokenizer, prompt, lead):
    assert prompt[word_start(fim_tokenizer, prompt) :] == lead


@pytest.mark.parametrize("style", [PromptStyle.PREFIX, PromptStyle.FIM])
def test_ids_and_word_are_the_prompt(engine, style):
    for prompt in INSIDE:
        ids, lead = healed(engine, prompt, style)
        plain, _ = engine.read(Request(prompt="", suffix=")\n", style=style))
        text = engine.tokenizer.decode(ids[len(plain) if style is PromptStyle.FIM else 0 :], skip_special_tokens=True)
        assert lead.strip() and text + lead == prompt


def test_blanks_before_the_word_stand_where_an_answer_has_them(fim_tokenizer):
    fim = find_fim(fim_tokenizer)
    ids, lead, _ = render(fim_tokenizer, "class A:\n    x", "y", fim, 100, 100, heal_word=True)
    assert lead == " x" and ids[-len(encode(fim_tokenizer, "\n   ")) :] == encode(fim_tokenizer, "\n   ")
    assert ids == [*render(fim_tokenizer, "class A:", "y", fim, 100, 100)[0], *encode(fim_tokenizer, "\n   ")]


def test_a_tokenizer_whose_tokens_are_no_bytes_is_left_alone(fim_tokenizer):
    fim_tokenizer.yunque_spelling = None
    assert word_start(fim_tokenizer, "x = os.pa") == len("x = os.pa")
    fim_tokenizer.yunque_spelling = Spelling(fim_tokenizer)
    fim_tokenizer.yunque_spelling.token_of.pop(b"p")  # then a way could end before the word does
    assert word_start(fim_tokenizer, "x = os.pa") == len("x = os.pa")


def test_a_spelling_fits_what_brute_force_finds(fim_tokenizer):
    spelling = spelling_of(fim_tokenizer)
    assert all(
        spelling.bytes_of[i].decode() == fim_tokenizer.decode([i]) for i in encode(fim_tokenizer, "def area(width):\n    x")
    )
    assert not {fim_tokenizer.eos_token_id, *fim_tokenizer.get_added_vocab().values()} & set(spelling.bytes_of)
    for left in ("self", " w", "a", "\n", "ï", "\N{ROCKET}", " return width", "zzz"):
        raw = left.encode()
        expected = {i for i, spelt in spelling.bytes_of.items() if spelt.startswith(raw) or raw.startswith(spelt)}
        found = spelling.fitting(raw)
        assert set(found) == expected and len(found) == len(expected)
    assert spelling.left("naïv", [*encode(fim_tokenizer, "na")]) == "ïv".encode()
    assert spelling.left("pa", encode(fim_tokenizer, "path")) == b""


# ------------------------------------------------------------------------------------------------------------- both engines
@pytest.mark.parametrize("prompt", WHOLE)
def test_a_prompt_that_ends_in_no_word_is_answered_as_ever(engine, prompt):
    for style in (PromptStyle.PREFIX, PromptStyle.FIM):
        one, other = (answer(engine, prompt, style=style, heal=heal) for heal in (True, False))
        assert (one.text, one.stop, one.tokens) == (other.text, other.stop, other.tokens)


def written(engine, request):
    """All that the model writes for a request, the word with it."""
    if isinstance(engine, LlamaCppEngine):
        ids, lead = engine.read(request)
        return engine._server.handle_completions(_asked(ids, _Growing(request, lead, len(ids))) | {"stream": False})[
            "choices"
        ][0]["text"]
    row = engine._row(0, request)
    list(engine._decode([row]))
    return engine.tokenizer.decode(row.generated, skip_special_tokens=True)


@pytest.mark.parametrize("style", [PromptStyle.PREFIX, PromptStyle.FIM])
def test_what_is_written_is_the_word_and_then_the_answer(engine, style):
    for prompt in INSIDE:
        request = Request(prompt=prompt, suffix=")\n", style=style, heal=True, max_tokens=12)
        (found,) = engine.complete([request])
        assert written(engine, request) == engine.read(request)[1] + found.text
        assert found.tokens <= 12 and found.stop in ("eos", "length")


@pytest.mark.parametrize("stop", ["none", "line", "dedent"])
def test_pieces_add_up(engine, stop):
    for prompt, temperature in itertools.product(INSIDE, (0.0, 1.0)):
        request = Request(prompt=prompt, stop=stop, heal=True, max_tokens=16, temperature=temperature, seed=3)
        pieces = list(engine.stream(request))
        (whole,) = engine.complete([request])
        assert "".join(piece.text for piece in pieces) == whole.text
        assert pieces[-1].stop == whole.stop and not any(piece.stop for piece in pieces[:-1])
        assert pieces[-1].tokens == whole.tokens <= 17 and pieces[-1].prompt_tokens == len(engine.read(request)[0])


def test_an_answer_that_ends_before_the_word_is_written_is_empty(engine):
    for prompt in ("x = zqzqzqzq", "x = ïïïïïï"):
        found = answer(engine, prompt, max_tokens=1)
        assert (found.text, found.stop, found.tokens) == ("", "length", 1)


def test_stop_texts_are_looked_for_behind_the_word(engine):
    plain = answer(engine, "self.ite")
    assert answer(engine, "self.ite", stops=("ite",)).text == plain.text.partition("ite")[0]
    stop = plain.text[2:4]
    cut = answer(engine, "self.ite", stops=(stop,))
    assert (cut.text, cut.stop) == (plain.text[: plain.text.index(stop)], "rule")


def test_closing_frees_the_slot(engine):
    for _ in range(6):
        pieces = engine.stream(Request(prompt="self.ite", heal=True, max_tokens=400))
        next(pieces)
        pieces.close()
    assert answer(engine, "self.ite").tokens


# ---------------------------------------------------------------------------------------------- against all that is possible
@pytest.mark.parametrize("prompt", ["self.i", "    r", "x = w", "def w", "counts.g", "raise V"])
def test_the_first_token_is_the_best_of_all_that_go_along_the_word(engines, prompt):
    reference = engines["torch"]
    ids, lead = healed(reference, prompt)
    tokenizer, text = reference.tokenizer, lead
    while text:  # by hand: the best of all tokens of which one is a beginning of the other, until the word is written
        with torch.inference_mode():
            logits = reference.model(torch.tensor([ids])).logits[0, -1]
        strings = [tokenizer.decode([token]) for token in range(len(tokenizer))]
        able = [
            i
            for i, one in enumerate(strings)
            if one and i not in tokenizer.all_special_ids and (one.startswith(text) or text.startswith(one))
        ]
        best = max(able, key=lambda token: logits[token])
        ids, text, over = [*ids, best], text[len(strings[best]) :], strings[best][len(text) :]
    assert len(able) > 1, "there was a choice"
    with torch.inference_mode():
        following = int(reference.model(torch.tensor([ids])).logits[0, -1].argmax())
    begins = over + tokenizer.decode([following], skip_special_tokens=True).strip("\N{REPLACEMENT CHARACTER}")
    for engine in engines.values():
        assert answer(engine, prompt).text.startswith(begins)


def test_both_engines_answer_alike(engines):
    """A grammar allows no broken characters and no NUL, so answers without any are compared."""
    compared = 0
    for prompt, style in itertools.product(INSIDE, (PromptStyle.PREFIX, PromptStyle.FIM)):
        one, other = (answer(engine, prompt, style=style, suffix=")\n", max_tokens=6) for engine in engines.values())
        if not {"\N{REPLACEMENT CHARACTER}", "\0"} & {*one.text}:
            assert (one.text, one.tokens) == (other.text, other.tokens)
            compared += 1
    assert compared > 5


def test_healing_changes_an_answer(engines):
    changed = [
        prompt
        for prompt in INSIDE
        if answer(engines["torch"], prompt).text != answer(engines["torch"], prompt, heal=False).text
    ]
    assert changed


def test_healed_rows_in_a_batch_are_those_alone(engines):
    reference = engines["torch"]
    requests = [Request(prompt=prompt, heal=heal, max_tokens=8) for prompt in (*INSIDE, *WHOLE) for heal in (True, False)]
    together = [one.text for one in reference.complete(requests)]
    assert together == [next(iter(reference.complete([request]))).text for request in requests]
