"""Rows are full and never too long, answers are whole and end, and every token and pair is accounted for."""

import dataclasses
import random
from collections import Counter

import numpy as np
import pytest

from yunque.core.errors import TrainingError
from yunque.core.nouns import Pair, PairKind, content_id
from yunque.data.packing.rows import LOSSES, SHORTEST_PIECE, PackRecipe, PairOrigin, Rows, encode_pair, pack
from yunque.models.tokenizer import encode, find_fim, heal, render, render_chat

ALL = 10**9


@pytest.fixture
def fim(fim_tokenizer):
    return find_fim(fim_tokenizer)


def recipe(length_tokens=96, **settings):
    return PackRecipe(**{"length_tokens": length_tokens, "prompt_tokens": 40, "suffix_tokens": 16} | settings)


def pair(kind, prompt, answer, suffix="", *, name=""):
    return Pair(
        id=content_id(kind, prompt, answer, suffix, name),
        kind=kind,
        prompt=prompt,
        answer=answer,
        suffix=suffix,
        span_bytes=(len(prompt.encode()), len((prompt + answer).encode())),
        language="python",
        natural_language="en",
        origin_ids=("r",),
    )


def bodies(count, seed=1):
    """Body pairs whose answers have 2 to about 70 tokens; their prompts end in layout, as written code does."""
    choose = random.Random(seed)
    for index in range(count):
        lines = "".join(f"\n    item_{choose.randrange(99)} = {choose.randrange(99)}" for _ in range(choose.randrange(1, 7)))
        yield pair(PairKind.BODY, f'def f_{index}(items, text):\n    """Function {index}."""', lines)


def fim_spans(count, seed=2):
    """Fill-in-the-middle pairs whose prompt ends in a blank half of the time."""
    choose = random.Random(seed)
    for index in range(count):
        blank = " " * choose.randrange(2)
        prompt = f"class Stack:\n    def pop_{index}(self):\n        return{blank}"
        suffix = "\n\n    def push(self, item):\n        pass\n"
        yield pair(PairKind.FIM, prompt, f"self.items[{choose.randrange(10**6)}]", suffix)


def chunks(count, lines=8, seed=3):
    choose = random.Random(seed)
    for index in range(count):
        text = "".join(f"value_{index}_{choose.randrange(10**5)} = words(text)\n" for _ in range(choose.randrange(1, lines)))
        yield pair(PairKind.CONTINUATION, "", text)


def mixed():
    return [*bodies(30), *fim_spans(30), *chunks(60)]


def segments(rows):
    """(ids, answers) of every sample, in the order of the rows."""
    for ids, answers, numbers in zip(rows.ids, rows.answers, rows.segments, strict=True):
        for number in range(1, numbers.max() + 1):
            yield tuple(ids[numbers == number].tolist()), answers[numbers == number]


# ------------------------------------------------------------------------------------------------------------------ one pair
@pytest.mark.parametrize("suffix_first", [True, False])
def test_a_sample_is_the_rendered_prompt_then_blanks_and_answer_then_the_end(fim_tokenizer, fim, suffix_first):
    fim = dataclasses.replace(fim, suffix_first=suffix_first)
    wide = recipe(512, prompt_tokens=300, suffix_tokens=300)
    for given in [*bodies(5), *fim_spans(5)]:
        sample = encode_pair(given, fim_tokenizer, fim, wide)
        marks = fim if given.kind is PairKind.FIM else None
        before, blanks, _ = render(fim_tokenizer, given.prompt, given.suffix, marks, 300, 300)
        assert sample.ids[: sample.answer_from] == tuple(before)
        assert sample.ids[sample.answer_from :] == (*encode(fim_tokenizer, blanks + given.answer), fim.end)
        assert not sample.cut and not sample.divisible


def test_prompt_and_answer_together_are_the_text(fim_tokenizer, fim):
    for given in bodies(10):
        sample = encode_pair(given, fim_tokenizer, fim, recipe(512, prompt_tokens=300))
        assert fim_tokenizer.decode(sample.ids[:-1]) == given.prompt + given.answer


@pytest.mark.parametrize("room", [-1, 0, 1])
def test_an_answer_fits_to_the_last_token_or_not_at_all(fim_tokenizer, fim, room):
    for given, marks in ((next(bodies(1)), 0), (next(fim_spans(1)), 3)):
        answer = "".join(f"{given.answer}\n" for _ in range(10))
        given = dataclasses.replace(given, answer=answer)
        trained = len(encode(fim_tokenizer, heal(given.prompt)[1] + answer)) + 1
        sample = encode_pair(given, fim_tokenizer, fim, recipe(trained + marks + room))
        if room < 0:
            assert sample is None
        else:
            assert len(sample.ids) - sample.answer_from == trained
            assert len(sample.ids) <= trained + marks + room
            assert sample.cut


def test_context_is_cut_to_the_recipe(fim_tokenizer, fim):
    given = next(fim_spans(1))
    given = dataclasses.replace(given, prompt="import x\n" * 50 + given.prompt, suffix=given.suffix * 20)
    sample = encode_pair(given, fim_tokenizer, fim, recipe())
    place = {name: sample.ids.index(getattr(fim, name)) for name in ("prefix", "suffix", "middle")}
    assert sample.cut
    assert place["middle"] - place["suffix"] - 1 == 16
    assert 10 <= sample.answer_from - place["middle"] - 1 <= 40  # a quarter to all of what the recipe allows


def test_a_chunk_has_no_end_and_is_all_answer(fim_tokenizer, fim):
    given = next(chunks(1))
    sample = encode_pair(given, fim_tokenizer, fim, recipe())
    assert sample.ids == tuple(encode(fim_tokenizer, given.answer))
    assert sample.divisible and sample.answer_from == 0


# ---------------------------------------------------------------------------------------------------------------------- rows
def test_rows_have_one_length_and_the_promised_types(fim_tokenizer, fim):
    rows, counts = pack(mixed(), fim_tokenizer, fim, recipe(), ALL, 1)
    assert rows.ids.shape == rows.answers.shape == rows.segments.shape == (counts["rows"], 96)
    assert (rows.ids.dtype, rows.answers.dtype, rows.segments.dtype) == (np.int32, np.bool_, np.int16)


def test_padding_is_at_the_end_of_a_row_and_never_an_answer(fim_tokenizer, fim):
    rows, _ = pack([*bodies(30), *fim_spans(30)], fim_tokenizer, fim, recipe(), ALL, 1)
    padding = rows.segments == 0
    assert padding.any()
    assert (rows.ids[padding] == fim.pad).all() and not (rows.ids[~padding] == fim.pad).any()
    assert not rows.answers[padding].any()
    assert (np.diff(padding.astype(int), axis=1) >= 0).all()


def test_segments_count_up_from_one(fim_tokenizer, fim):
    rows, _ = pack(mixed(), fim_tokenizer, fim, recipe(), ALL, 1)
    for numbers in rows.segments:
        used = numbers[numbers > 0]
        assert used[0] == 1 and set(np.diff(used)) <= {0, 1}


@pytest.mark.parametrize("length", [48, 96, 200])
def test_every_sample_of_a_whole_answer_is_there_uncut(fim_tokenizer, fim, length):
    given = [*bodies(30), *fim_spans(30)]
    rows, counts = pack(given, fim_tokenizer, fim, recipe(length), ALL, 1)
    samples = [encode_pair(one, fim_tokenizer, fim, recipe(length)) for one in given]
    wanted = sorted(sample.ids for sample in samples if sample is not None)
    assert sorted(ids for ids, _ in segments(rows)) == wanted
    assert counts["used"] == len(wanted)


def test_answers_are_marked_through_the_packer_to_the_end_token(fim_tokenizer, fim):
    given = [*bodies(30), *fim_spans(30)]
    rows, _ = pack(given, fim_tokenizer, fim, recipe(200), ALL, 1)
    trained = sorted(tuple(np.array(ids)[answers].tolist()) for ids, answers in segments(rows))
    wanted = [(*encode(fim_tokenizer, heal(one.prompt)[1] + one.answer), fim.end) for one in given]
    assert trained == sorted(wanted)
    for ids, answers in segments(rows):
        assert ids[-1] == fim.end and answers[-1]
        assert answers.tolist() == sorted(answers.tolist()), "an answer is one piece at the end of its sample"


def test_the_first_token_of_a_sample_is_never_an_answer(fim_tokenizer, fim):
    bare = [pair(PairKind.BODY, "", "x = 1\ny = 2"), *chunks(5)]
    rows, _ = pack(bare, fim_tokenizer, fim, recipe(), ALL, 1)
    for _, answers in segments(rows):
        assert not answers[0] and answers[1:].all()


def test_rows_are_full_where_there_is_enough_to_pour(fim_tokenizer, fim):
    rows, counts = pack(mixed(), fim_tokenizer, fim, recipe(), ALL, 1)
    assert counts["utilisation"] > 0.95
    assert counts["utilisation"] == pytest.approx((rows.segments > 0).mean(), abs=1e-4)


def test_no_two_rows_of_whole_answers_could_be_one(fim_tokenizer, fim):
    rows, counts = pack([*bodies(60), *fim_spans(60)], fim_tokenizer, fim, recipe(), ALL, 1)
    emptiest, next_one = sorted((rows.segments > 0).sum(axis=1))[:2]
    assert emptiest + next_one > 96
    assert counts["rows"] < counts["used"]


@pytest.mark.parametrize("length", [32, 50, 96])
def test_pieces_of_a_chunk_join_to_the_chunk(fim_tokenizer, fim, length):
    given = list(chunks(40, lines=30))
    last = max(given, key=lambda chunk: (chunk.span_bytes[1], chunk.id))
    rows, counts = pack(given, fim_tokenizer, fim, recipe(length), ALL, 1)
    pieces = [ids for ids, _ in segments(rows)]
    lost = 0
    whole = [(*encode(fim_tokenizer, chunk.answer), *((fim.end,) if chunk is last else ())) for chunk in given]
    for ids in sorted(whole, key=len, reverse=True):
        while ids and (piece := next((piece for piece in pieces if piece == ids[: len(piece)]), None)):
            pieces.remove(piece)
            ids = ids[len(piece) :]
        assert len(ids) < SHORTEST_PIECE
        lost += len(ids)
    assert pieces == []
    assert counts["tokens_poured_away"] == lost


def test_the_last_chunk_of_a_document_ends_and_no_other_does(fim_tokenizer, fim):
    texts = {name: [f"{name}_{part} = words(text)\n" * 3 for part in range(3)] for name in ("a", "b")}
    given = []
    for name, parts in texts.items():
        for part, text in enumerate(parts):
            chunk = pair(PairKind.CONTINUATION, "", text, name=name)
            given.append(dataclasses.replace(chunk, span_bytes=(100 * part, 100 * part + 90), origin_ids=(name,)))
    rows, _ = pack(given, fim_tokenizer, fim, recipe(96), ALL, 1)
    ends = [fim_tokenizer.decode(ids) for ids, _ in segments(rows) if ids[-1] == fim.end]
    assert sorted(text[:3] for text in ends) == ["a_2", "b_2"]
    assert sum(int((rows.ids[row] == fim.end).sum()) for row in range(len(rows))) == 2


def test_not_packed_every_sample_has_a_row_of_its_own(fim_tokenizer, fim):
    rows, counts = pack(mixed(), fim_tokenizer, fim, recipe(packed=False), ALL, 1)
    assert rows.segments.max() == 1 and len(rows) == len(list(segments(rows)))
    packed, _ = pack(mixed(), fim_tokenizer, fim, recipe(), ALL, 1)
    whole = [ids for ids, answers in segments(packed) if not answers[1:].all()]
    assert sorted(ids for ids, answers in segments(rows) if not answers[1:].all()) == sorted(whole)
    assert counts["utilisation"] < 0.6


def staged(**settings):
    return recipe(
        stages=[
            {"share": 0.75, "shares": {"continuation": 1.0, "body": 0.0, "fim": 0.0}},
            {"share": 0.25, "shares": {"continuation": 0.0, "body": 1.0, "fim": 1.0}},
        ],
        **settings,
    )


def test_each_stage_has_its_own_mixture_and_its_share_of_the_tokens(fim_tokenizer, fim, tmp_path):
    rows, counts = pack(mixed(), fim_tokenizer, fim, staged(), 2000, 1)
    kinds = {0: Counter(), 1: Counter()}
    for row in range(len(rows)):
        for ids, answers in segments(rows.some(slice(row, row + 1))):
            kinds[int(rows.stages[row])]["chunk" if answers[1:].all() else "pair"] += len(ids)
    assert set(kinds[0]) == {"chunk"} and set(kinds[1]) == {"pair"}
    assert sum(kinds[0].values()) == pytest.approx(1500, rel=0.1) and sum(kinds[1].values()) == pytest.approx(500, rel=0.2)
    assert counts["used"] + counts["over_budget"] + counts["too_long"] == counts["pairs"]
    rows.save(tmp_path, "train")
    assert np.array_equal(Rows.load(tmp_path, "train").stages, rows.stages)


def test_stages_that_are_not_all_are_refused():
    with pytest.raises(ValueError, match="must add up to 1"):
        recipe(stages=[{"share": 0.5, "shares": {}}])
    assert len(recipe().schedule) == 1 and recipe().schedule[0].shares == recipe().shares


def test_rows_come_back_from_disk(fim_tokenizer, fim, tmp_path):
    rows, _ = pack(mixed(), fim_tokenizer, fim, recipe(), ALL, 1)
    rows.save(tmp_path, "train")
    again = Rows.load(tmp_path, "train")
    for name in ("ids", "answers", "segments"):
        assert np.array_equal(getattr(again, name), getattr(rows, name))
        assert getattr(again, name).dtype == getattr(rows, name).dtype


# --------------------------------------------------------------------------------------------------- counts, budget, mixture
@pytest.mark.parametrize("budget", [256, 1500, ALL])
@pytest.mark.parametrize("length", [40, 96])
def test_counts_add_up(fim_tokenizer, fim, budget, length):
    rows, counts = pack(mixed(), fim_tokenizer, fim, recipe(length), budget, 1)
    assert counts["pairs"] == 120
    assert counts["pairs"] == counts["used"] + counts["too_long"] + counts["over_budget"]
    assert counts["tokens"] == (rows.segments > 0).sum() == sum(len(ids) for ids, _ in segments(rows))
    assert counts["answer_tokens"] == rows.answers.sum()
    assert (counts["over_budget"] > 0) == (budget < ALL)
    if budget == ALL:
        assert (counts["too_long"] > 0) == (length == 40)


def test_counts_add_up_when_a_kind_has_no_share(fim_tokenizer, fim):
    _, counts = pack(mixed(), fim_tokenizer, fim, recipe(shares={"fim": 0}), ALL, 1)
    assert counts["pairs"] == counts["used"] + sum(counts[reason] for reason in LOSSES) and counts["no_share"]


def test_a_pair_of_weight_three_is_seen_three_times_and_one_and_a_half_by_half_of_them(fim_tokenizer, fim):
    pairs = list(fim_spans(60))
    once, counts = pack(pairs, fim_tokenizer, fim, recipe(), ALL, 1)
    _, thrice = pack(pairs, fim_tokenizer, fim, recipe(), ALL, 1, lambda pair: PairOrigin(weight=3))
    assert (thrice["used"], thrice["repeated"]) == (3 * counts["used"], 2 * counts["pairs"])
    _, some = pack(pairs, fim_tokenizer, fim, recipe(), ALL, 1, lambda pair: PairOrigin(weight=1.5))
    assert 10 < some["repeated"] < 50
    same, _ = pack(pairs, fim_tokenizer, fim, recipe(), ALL, 1, lambda pair: PairOrigin(weight=1))
    assert (same.ids == once.ids).all()


@pytest.mark.parametrize("kind", [kind for kind in PairKind if kind not in (PairKind.FIM, PairKind.CONTINUATION)])
def test_every_kind_of_pair_has_a_share(fim_tokenizer, fim, kind):
    pairs = [dataclasses.replace(pair, kind=kind) for pair in mixed() if pair.kind is PairKind.BODY]
    _, counts = pack(pairs, fim_tokenizer, fim, recipe(), ALL, 1)
    assert counts["used"] and not counts["no_share"] and list(counts["tokens_by"]["kind"]) == [kind.value]


def test_tokens_are_counted_by_what_they_are_of(fim_tokenizer, fim):
    about = {0: PairOrigin(source="a", licence="MIT"), 1: PairOrigin(source="b")}
    pairs = list(mixed())
    place = {pair.id: index % 2 for index, pair in enumerate(pairs)}
    _, counts = pack(pairs, fim_tokenizer, fim, recipe(), ALL, 1, lambda pair: about[place[pair.id]])
    tables = counts["tokens_by"]
    assert set(tables["source"]) == {"a", "b"} and set(tables["licence"]) == {"MIT", "unknown"}
    assert set(tables["kind"]) == {"body", "fim", "continuation"} and set(tables["language"]) == {"python"}
    assert len({sum(table.values()) for table in tables.values()}) == 1


def test_a_kind_without_a_share_is_not_used(fim_tokenizer, fim):
    rows, _ = pack(mixed(), fim_tokenizer, fim, recipe(shares={"fim": 0}), ALL, 1)
    assert not (rows.ids == fim.middle).any()
    rows, counts = pack(mixed(), fim_tokenizer, fim, recipe(shares={"body": 0, "continuation": 0}), ALL, 1)
    assert counts["used"] == 30 == (rows.ids == fim.middle).sum()


def test_cut_context_is_counted(fim_tokenizer, fim):
    given = [*bodies(10), *fim_spans(10)]
    _, counts = pack(given, fim_tokenizer, fim, recipe(96, prompt_tokens=8), ALL, 1)
    assert counts["cut"] == 20
    _, counts = pack(given, fim_tokenizer, fim, recipe(512, prompt_tokens=400, suffix_tokens=64), ALL, 1)
    assert counts["cut"] == 0


def test_a_budget_is_passed_by_less_than_one_pair(fim_tokenizer, fim):
    given = mixed()
    longest = max(len(sample.ids) for one in given if (sample := encode_pair(one, fim_tokenizer, fim, recipe())))
    for budget in (256, 1000, 2000):
        _, counts = pack(given, fim_tokenizer, fim, recipe(), budget, 1)
        assert budget <= counts["tokens"] + counts["tokens_poured_away"] < budget + longest


@pytest.mark.parametrize("shares", [(0.2, 0.3, 0.5), (0.6, 0.1, 0.3)])
def test_kinds_keep_their_shares(fim_tokenizer, fim, shares):
    body, fim_span, chunk = shares
    mixture = recipe(96, shares={"body": body, "fim": fim_span, "continuation": chunk})
    given = [*bodies(300), *fim_spans(300), *chunks(300)]
    rows, _ = pack(given, fim_tokenizer, fim, mixture, 6000, 1)
    tokens = dict.fromkeys(("body", "fim", "continuation"), 0)
    for ids, _ in segments(rows):
        kind = "fim" if fim.middle in ids else "body" if ids[-1] == fim.end else "continuation"
        tokens[kind] += len(ids)
    found = np.array(list(tokens.values())) / sum(tokens.values())
    assert np.abs(found - shares).max() < 0.15  # shares are kept in characters; tokens are not known beforehand
    assert found.argmax() == np.argmax(shares)


# --------------------------------------------------------------------------------------------------------------- determinism
def test_the_order_of_arrival_does_not_matter(fim_tokenizer, fim):
    given = mixed()
    rows, counts = pack(given, fim_tokenizer, fim, recipe(), 2000, 1)
    for seed in range(3):
        random.Random(seed).shuffle(given)
        again, counts_again = pack(iter(given), fim_tokenizer, fim, recipe(), 2000, 1)
        assert counts_again == counts
        assert np.array_equal(again.ids, rows.ids) and np.array_equal(again.answers, rows.answers)


def test_another_seed_draws_others(fim_tokenizer, fim):
    one, _ = pack(mixed(), fim_tokenizer, fim, recipe(), 2000, 1)
    other, _ = pack(mixed(), fim_tokenizer, fim, recipe(), 2000, 2)
    assert sorted(ids for ids, _ in segments(one)) != sorted(ids for ids, _ in segments(other))


# ------------------------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize("given", ["nothing", "too long", "one token", "no share"])
def test_nothing_to_train_on_is_refused(fim_tokenizer, fim, given):
    pairs, settings = [], {}
    if given == "too long":
        pairs = [pair(PairKind.BODY, "def f():", "\n    x = 12345" * 100)]
    if given == "one token":
        pairs = [dataclasses.replace(pair(PairKind.CONTINUATION, "", "x"), span_bytes=None)]
    if given == "no share":
        pairs, settings = list(fim_spans(3)), {"shares": {"fim": 0}}
    with pytest.raises(TrainingError, match="no usable pairs"):
        pack(pairs, fim_tokenizer, fim, recipe(**settings), ALL, 1)


# ------------------------------------------------------------------------------------------------------------ conversations
CHAT = (
    "{% for message in messages %}[{{ message['role'] }}]\n{{ message['content'] }}<|endoftext|>\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant]\n{% endif %}"
)


def asked(kind=PairKind.FIX, prompt="Fix `f`:\n\n```python\nx\n```", answer="def f():\n    return 1\n"):
    return Pair(
        id=content_id(prompt, answer), kind=kind, prompt=prompt, answer=answer, span_bytes=None, language="python",
        natural_language="en", origin_ids=(),
    )  # fmt: skip


@pytest.fixture
def chatty(fim_folder):
    from yunque.models.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(fim_folder)
    tokenizer.chat_template = CHAT
    return tokenizer


def test_what_is_asked_in_words_stands_in_the_chat_template_and_its_end_is_trained(chatty, fim):
    sample = encode_pair(asked(), chatty, fim, recipe(256))
    before, trained = (chatty.decode(part) for part in (sample.ids[: sample.answer_from], sample.ids[sample.answer_from :]))
    assert before == "[user]\nFix `f`:\n\n```python\nx\n```<|endoftext|>\n[assistant]\n"
    assert trained == "def f():\n    return 1<|endoftext|>"
    assert list(sample.ids[: sample.answer_from]) == render_chat(chatty, asked().prompt), "as the engine asks"


def test_code_is_completed_also_where_there_is_a_chat_template(chatty, fim_tokenizer, fim):
    pair = next(pair for pair in mixed() if pair.kind is PairKind.BODY)
    assert encode_pair(pair, chatty, fim, recipe()) == encode_pair(pair, fim_tokenizer, fim, recipe())
    bare = encode_pair(asked(), fim_tokenizer, fim, recipe(256))
    assert fim_tokenizer.decode(bare.ids).startswith("Fix `f`") and bare.ids[-1] == fim.end


def test_a_conversation_that_does_not_fit_is_dropped_whole(chatty, fim):
    _, counts = pack([asked(), asked(prompt="Fix it. " * 200)], chatty, fim, recipe(128), ALL, 1)
    assert (counts["used"], counts["too_long"], counts["cut"]) == (1, 1, 0)
