"""Batched answers are the answers one by one, scores are the model's own, and both survive odd text."""

import copy
import math

import pytest
import torch

from yunque.core.errors import ModelError, RecipeError
from yunque.core.nouns import PromptStyle, Request
from yunque.core.seams import Engine
from yunque.inference import torch_engine
from yunque.inference.torch_engine import TorchEngine
from yunque.models.tokenizer import encode, find_fim, heal, render

PROMPTS = (
    "def area(width: int, height: int) -> int:\n    ",
    "class Stack:",
    "x",
    "",
    "def words(text: str) -> dict[str, int]:\n    counts = {}\n    for word in text.lower().split():",
    "self.items =",
    "return width * height\n\n\n",
    "    if not self.items:",
)


@pytest.fixture(scope="module")
def engine(fim_folder):
    return TorchEngine(fim_folder, dtype="float32", batch_rows=8)


@pytest.fixture
def changed(engine):
    """A copy of the engine that a test may change; model and tokenizer are shared until replaced."""
    return copy.copy(engine)


def ask(engine, *requests):
    return list(engine.complete(requests))


def greedy(engine, ids, max_tokens):
    """What transformers itself generates after the ids, alone in its batch."""
    given = torch.tensor([ids], device=engine.device)
    end = engine.tokenizer.eos_token_id
    out = engine.model.generate(
        given,
        attention_mask=torch.ones_like(given),
        do_sample=False,
        max_new_tokens=max_tokens,
        eos_token_id=end,
        pad_token_id=end,
    )
    return out[0, len(ids) :].tolist()


def expected(engine, prompt, max_tokens):
    """(text, tokens, stop) of a greedy answer, by transformers."""
    healed, blanks = heal(prompt)
    end = engine.tokenizer.eos_token_id
    found = greedy(engine, encode(engine.tokenizer, healed) or [end], max_tokens)
    stop = "eos" if found[-1] == end else "length"
    text = engine.tokenizer.decode(found[:-1] if stop == "eos" else found, skip_special_tokens=True)
    for blank in blanks:
        text = text.removeprefix(blank) if text.startswith(blank) else text
    return text, len(found), stop


def saying(engine, answers, monkeypatch):
    """The engine with its choice of tokens written down: by the request's seed, then the end token."""
    end = engine.tokenizer.eos_token_id

    def choose(row, logits):
        ids = answers[row.request.seed]
        return ids[len(row.generated)] if len(row.generated) < len(ids) else end

    monkeypatch.setattr(engine, "_choose", choose)
    return engine


# --------------------------------------------------------------------------------------------------------------- greedy text
def test_it_is_an_engine(engine, fim_folder):
    assert isinstance(engine, Engine)
    assert engine.name == f"torch:{fim_folder.name}"
    assert ask(engine, Request(prompt="x", max_tokens=2))[0].engine == engine.name


@pytest.mark.parametrize("batch_rows", [1, 3, 8])
def test_batched_greedy_text_is_that_of_transformers_one_by_one(changed, batch_rows):
    """Prompts of different lengths (padded on the left), answers of different lengths (rows leave at different times)."""
    changed.batch_rows = batch_rows
    limits = [20, 3, 12, 1, 25, 7, 16, 9]
    found = ask(changed, *(Request(prompt=p, max_tokens=n) for p, n in zip(PROMPTS, limits, strict=True)))
    wanted = [expected(changed, p, n) for p, n in zip(PROMPTS, limits, strict=True)]
    assert [(one.text, one.tokens, one.stop) for one in found] == wanted
    assert len({text for text, _, _ in wanted}) == len(PROMPTS), "the answers must differ for their order to show"


def test_rows_that_meet_the_end_token_leave_one_after_another(changed):
    """The most frequent token of these answers is made the end token."""
    plain = [greedy(changed, encode(changed.tokenizer, heal(p)[0]) or [0], 24) for p in PROMPTS]
    changed.tokenizer = copy.deepcopy(changed.tokenizer)
    # Not a token of the empty prompt's answer: that prompt begins with the end token and is left out below.
    tokens = {token for ids in plain for token in ids[1:]} - set(plain[3])
    token = max(sorted(tokens), key=lambda one: len({ids.index(one) for ids in plain if one in ids}))
    changed.tokenizer.eos_token = changed.tokenizer.convert_ids_to_tokens(token)
    changed.ends = frozenset({token})
    found = ask(changed, *(Request(prompt=p, max_tokens=24) for p in PROMPTS if p))
    wanted = [expected(changed, p, 24) for p in PROMPTS if p]
    assert [(one.text, one.tokens, one.stop) for one in found] == wanted
    ended = [tokens for _, tokens, stop in wanted if stop == "eos"]
    assert len(ended) >= 2, "no two rows ended early"
    assert any(one.stop == "length" for one in found)


def test_results_come_in_the_order_of_the_requests(engine):
    requests = [Request(prompt=p, max_tokens=n) for n in (9, 2, 5) for p in PROMPTS]
    found = ask(engine, *requests)
    alone = [ask(engine, request)[0] for request in requests]
    assert [(one.text, one.tokens) for one in found] == [(one.text, one.tokens) for one in alone]


@pytest.mark.parametrize("stop", ["none", "line", "dedent"])
def test_a_stream_adds_up_to_the_completion(engine, stop):
    for prompt in ("def f(a):\n    ", "x = [1, ", "class A:\n"):
        request = Request(prompt=prompt, stop=stop, max_tokens=40)
        pieces = list(engine.stream(request))
        (whole,) = engine.complete([request])
        assert "".join(piece.text for piece in pieces) == whole.text
        assert all(piece.text and not piece.stop for piece in pieces[:-1])
        assert (pieces[-1].stop, pieces[-1].tokens) == (whole.stop, whole.tokens)
        assert len(pieces) > 1 or len(whole.text) < 9


def test_an_answer_that_repeats_itself_ends_when_asked_to(changed, monkeypatch):
    ids = changed.tokenizer.encode("0, ")
    monkeypatch.setattr(changed, "_choose", lambda row, logits: ids[len(row.generated) % len(ids)])
    for asked, ended in ((True, "repetition"), (False, "length")):
        (answer,) = changed.complete([Request(prompt="x = [", max_tokens=90, stop_repetition=asked)])
        assert answer.stop == ended and (len(answer.text) < 9) is asked


def test_no_requests_give_no_answers(engine):
    assert ask(engine) == []


def test_a_long_prompt_keeps_its_end(changed, code):
    changed.prompt_tokens = 20
    ids = encode(changed.tokenizer, heal(code)[0])[-20:]
    text = changed.tokenizer.decode(greedy(changed, ids, 6), skip_special_tokens=True).removeprefix("\n")
    assert ask(changed, Request(prompt=code, max_tokens=6))[0].text == text


def test_every_answer_has_a_time(engine):
    assert all(one.took_ms > 0 for one in ask(engine, *(Request(prompt=p, max_tokens=3) for p in PROMPTS)))


def test_progress_counts_every_answer(changed):
    from contextlib import contextmanager

    told = []

    @contextmanager
    def progress(label, total, unit=""):
        told.append((label, total, unit))
        yield told.append

    changed.progress = progress
    ask(changed, *(Request(prompt=p, max_tokens=n) for n, p in enumerate(PROMPTS, start=1)))
    list(changed.score(["x = 1"]))
    assert told == [("generate", 8, "answers"), *[1] * 8, ("score", 1, "windows"), 1]


# -------------------------------------------------------------------------------------------------------- fill in the middle
def test_a_suffix_is_asked_for_with_the_tokens_of_training(engine):
    prompt, suffix = "def pop(self):\n    return ", "\n\n    def push(self, item):\n"
    request = Request(prompt=prompt, suffix=suffix, style=PromptStyle.FIM, max_tokens=10)
    ids, _, _ = render(engine.tokenizer, prompt, suffix, find_fim(engine.tokenizer), 192, 64)
    text = engine.tokenizer.decode(greedy(engine, ids, 10), skip_special_tokens=True).removeprefix(" ")
    assert ask(engine, request)[0].text == text
    assert ask(engine, Request(prompt=prompt, suffix=suffix, max_tokens=10))[0].text != text


def test_both_styles_share_a_batch(engine):
    styles = (PromptStyle.PREFIX, PromptStyle.FIM)
    requests = [Request(prompt=p, suffix="\nreturn x", style=style, max_tokens=6) for p in PROMPTS for style in styles]
    assert [one.text for one in ask(engine, *requests)] == [ask(engine, request)[0].text for request in requests]


def test_a_suffix_needs_a_model_that_can_read_it(base_folder):
    engine = TorchEngine(base_folder, dtype="float32")
    with pytest.raises(ModelError, match="no fill-in-the-middle tokens") as caught:
        ask(engine, Request(prompt="x", suffix="y", style=PromptStyle.FIM))
    assert engine.name in str(caught.value)
    assert ask(engine, Request(prompt="x", suffix="y", max_tokens=1))[0].tokens == 1


# --------------------------------------------------------------------------------------------------- blanks, stops, odd text
@pytest.mark.parametrize(
    ("prompt", "said", "text"),
    [
        ("def f():\n    ", "\n    return 1", "return 1"),
        ("def f():\n    ", "\n        return 1", "    return 1"),  # deeper than asked: the rest stays
        ("def f():\n    ", "\n  return 1", "return 1"),
        ("def f():\n    ", " return 1", " return 1"),  # not the blanks that were asked for
        ("x = ", " 1", "1"),
        ("x =", " 1", " 1"),
        ("x\r\n\t", "\r\n\ty", "y"),
        ("x\n\n", "\n", ""),
    ],
)
def test_blanks_that_the_prompt_ends_with_are_taken_from_the_answer(changed, monkeypatch, prompt, said, text):
    saying(changed, [encode(changed.tokenizer, said)], monkeypatch)
    (found,) = ask(changed, Request(prompt=prompt, max_tokens=100))
    assert (found.text, found.stop) == (text, "eos")
    assert found.tokens == len(encode(changed.tokenizer, said)) + 1


@pytest.mark.parametrize(
    ("stop", "said", "text", "ended"),
    [
        ("line", "x = 1\ny = 2\n", "x = 1", "rule"),
        ("line", "x = 1", "x = 1", "eos"),
        ("dedent", "    x\n    y\nz = 1\n", "    x\n    y\n", "rule"),
        ("dedent", "    x\n    y\n", "    x\n    y\n", "eos"),
        ("none", "x\ny\n", "x\ny\n", "eos"),
    ],
)
def test_a_rule_cuts_the_answer(changed, monkeypatch, stop, said, text, ended):
    ids = encode(changed.tokenizer, said)
    saying(changed, [ids], monkeypatch)
    (found,) = ask(changed, Request(prompt="p:\n", stop=stop, max_tokens=100))
    assert (found.text, found.stop) == (text, ended)
    assert found.tokens <= len(ids) + (ended == "eos")


def test_an_answer_ends_at_its_limit(changed, monkeypatch):
    ids = encode(changed.tokenizer, "return width * height")
    saying(changed, [ids], monkeypatch)
    (found,) = ask(changed, Request(prompt="p", max_tokens=3))
    assert (found.text, found.stop, found.tokens) == (changed.tokenizer.decode(ids[:3]), "length", 3)


def test_an_unknown_rule_is_refused(engine):
    with pytest.raises(RecipeError, match="no stop rule"):
        ask(engine, Request(prompt="x", stop="lines"))


@pytest.mark.parametrize("stop", ["none", "line", "dedent"])
def test_an_answer_cut_inside_a_character_is_still_text(changed, monkeypatch, stop):
    ids = encode(changed.tokenizer, "é€🙂\n")
    assert len(ids) == 2 + 3 + 4 + 1
    for limit in range(1, len(ids) + 1):
        saying(changed, [ids], monkeypatch)
        (found,) = ask(changed, Request(prompt="p", stop=stop, max_tokens=limit))
        assert found.tokens == limit
        assert found.text.rstrip("\n\ufffd") in {"", "é", "é€", "é€🙂"}
        assert found.text.encode()
    assert found.text.rstrip("\n") == "é€🙂"


def test_special_tokens_never_reach_the_text(changed, monkeypatch):
    fim = find_fim(changed.tokenizer)
    said = [fim.middle, *encode(changed.tokenizer, "x"), fim.pad, fim.prefix, *encode(changed.tokenizer, "y")]
    saying(changed, [said], monkeypatch)
    assert ask(changed, Request(prompt="p", max_tokens=99))[0].text == "xy"


# ------------------------------------------------------------------------------------------------------------------ sampling
def test_samples_depend_on_the_seed_alone(changed):
    requests = [Request(prompt=p, max_tokens=8, temperature=0.8, seed=seed) for p in PROMPTS for seed in (1, 2)]
    found = [one.text for one in ask(changed, *requests)]
    assert [one.text for one in ask(changed, *requests)] == found
    torch.manual_seed(99)
    changed.batch_rows = 3
    assert [one.text for one in ask(changed, *reversed(requests))][::-1] == found
    assert [ask(changed, request)[0].text for request in requests] == found
    assert sum(one != other for one, other in zip(found[::2], found[1::2], strict=True)) >= 6


def test_samples_of_one_prompt_follow_the_models_shares(changed):
    """Of 400 first tokens at temperature 1, each likely one comes about as often as the model says."""
    prompt, count = "return", 400
    ids = torch.tensor([encode(changed.tokenizer, prompt)], device=changed.device)
    with torch.no_grad():
        shares = torch.softmax(changed.model(input_ids=ids).logits[0, -1].float() * 3, dim=-1)
    changed.batch_rows = count
    requests = [Request(prompt=prompt, max_tokens=1, temperature=1 / 3, seed=seed) for seed in range(count)]
    texts = [one.text for one in ask(changed, *requests)]
    wanted = dict.fromkeys(texts, 0.0)
    for token, share in enumerate(shares.tolist()):  # several tokens may show as the same text
        shown = changed.tokenizer.decode([token], skip_special_tokens=True)
        wanted[shown] = wanted.get(shown, 0.0) + share
    for text, share in sorted(wanted.items(), key=lambda one: -one[1])[:5]:
        found = texts.count(text) / count
        assert abs(found - share) < 4 * math.sqrt(share * (1 - share) / count) + 0.01


def test_no_temperature_is_greedy_whatever_the_seed(engine):
    found = ask(engine, *(Request(prompt="class Stack:", max_tokens=8, seed=seed) for seed in range(4)))
    assert len({one.text for one in found}) == 1


# ------------------------------------------------------------------------------------------------------------------- scoring
def one_by_one(engine, text, window):
    """The natural-log probability of each token after the end token and those before it in its window, the slow way."""
    ids, end, found = encode(engine.tokenizer, text), engine.tokenizer.eos_token_id, []
    for at, token in enumerate(ids):
        before = [end, *ids[at - at % (window - 1) : at]]
        with torch.no_grad():
            logits = engine.model(input_ids=torch.tensor([before], device=engine.device)).logits[0, -1]
        found.append(float(torch.log_softmax(logits.float(), dim=-1)[token]))
    return found


@pytest.mark.parametrize(("window", "at_once"), [(512, 256), (17, 256), (17, 5), (2, 1)])
def test_scores_are_the_models_log_probabilities(engine, code, monkeypatch, window, at_once):
    monkeypatch.setattr(torch_engine, "WINDOW_TOKENS", window)
    monkeypatch.setattr(torch_engine, "SCORED_AT_ONCE", at_once)
    text = code[:200]
    (found,) = engine.score([text])
    wanted = one_by_one(engine, text, window)
    assert found == pytest.approx(wanted, abs=1e-4)
    assert sum(found) == pytest.approx(sum(wanted), rel=1e-5)


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_every_token_is_scored_once_around_the_end_of_a_window(engine, extra):
    wanted = torch_engine.WINDOW_TOKENS - 1 + extra
    text = "x\n" * wanted
    ids = encode(engine.tokenizer, text)
    text = engine.tokenizer.decode(ids[:wanted])
    (found,) = engine.score([text])
    assert len(found) == len(encode(engine.tokenizer, text)) == wanted
    assert all(score < 0 and math.isfinite(score) for score in found)


def test_a_long_text_is_scored_in_windows_that_forget(engine, code):
    text = code * 4
    ids = encode(engine.tokenizer, text)
    (found,) = engine.score([text])
    assert len(found) == len(ids) > 2 * 511
    for start in range(0, len(ids), 511):
        given = torch.tensor([[engine.tokenizer.eos_token_id, *ids[start : start + 511]]], device=engine.device)
        with torch.no_grad():
            loss = engine.model(input_ids=given, labels=given).loss.item()
        assert sum(found[start : start + 511]) == pytest.approx(-loss * (given.shape[1] - 1), rel=1e-4)


def test_texts_are_scored_apart_and_in_order(engine, code):
    texts = ["x = 1", "", code[:90], "\n", "naïve 🙂", ""]
    found = list(engine.score(texts))
    assert found[1] == found[5] == []
    assert [len(scores) for scores in found] == [len(encode(engine.tokenizer, text)) for text in texts]
    for text, scores in zip(texts, found, strict=True):
        assert next(engine.score([text])) == pytest.approx(scores, abs=1e-5)


def test_nothing_to_score(engine):
    assert list(engine.score([])) == []


def test_a_special_token_in_a_text_is_scored_as_characters(engine):
    text = "<|endoftext|>"
    assert len(next(engine.score([text]))) == len(encode(engine.tokenizer, text)) > 1


# ------------------------------------------------------------------------------------------------------------------ refusals
def test_a_folder_without_a_model_is_refused(tmp_path, tokenizer_folder):
    with pytest.raises(ModelError):
        TorchEngine(tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded"):
        TorchEngine(tokenizer_folder)


# ------------------------------------------------------------------------------------------------- ends, openings, contexts
def test_every_end_of_the_generation_config_ends_an_answer(changed, monkeypatch):
    end, other = changed.tokenizer.eos_token_id, encode(changed.tokenizer, "x")[0]
    changed.ends = frozenset({end, other})
    word = encode(changed.tokenizer, "return")
    saying(changed, {1: [*word, other]}, monkeypatch)
    (found,) = ask(changed, Request(prompt="def", max_tokens=9, seed=1))
    assert (found.text, found.stop) == ("return", "eos")


def test_an_engine_takes_the_ends_from_the_folder(make_base):
    import json

    folder = make_base()
    told = json.loads((folder / "generation_config.json").read_text()) | {"eos_token_id": [0, 5]}
    (folder / "generation_config.json").write_text(json.dumps(told))
    assert TorchEngine(folder, dtype="float32").ends == {0, 5}


def test_what_the_model_cannot_read_at_once_is_refused_before_any_work(make_base):
    engine = TorchEngine(make_base(max_position_embeddings=128), dtype="float32")
    for prompt, tokens, do in (("x", 200, "at most 127 tokens"), ("x y z " * 300, 4, "shorter prompt")):
        with pytest.raises(ModelError, match="reads 128 tokens at once") as error:
            ask(engine, Request(prompt="x", max_tokens=4), Request(prompt=prompt, max_tokens=tokens))
        assert do in error.value.line()
    assert ask(engine, Request(prompt="x", max_tokens=127))
    (scores,) = engine.score(["x y z " * 200])
    assert len(scores) == len(encode(engine.tokenizer, "x y z " * 200))


def test_a_window_is_scored_behind_what_opens_it(fim_folder):
    engine = TorchEngine(fim_folder, dtype="float32")
    (without,) = engine.score(["def f(x):"])
    engine.tokenizer.yunque_opening = [5]
    (opened,) = engine.score(["def f(x):"])
    ids = torch.tensor([[5, *encode(engine.tokenizer, "def f(x):")]])
    with torch.no_grad():
        logits = torch.log_softmax(engine.model(input_ids=ids).logits[0, :-1].float(), dim=-1)
    assert len(opened) == len(without) and opened != without
    assert torch.allclose(torch.tensor(opened), logits.gather(1, ids[0, 1:, None])[:, 0], atol=1e-5)
