"""A grown vocabulary cuts as before and joins further; old tokens keep their rows; what it saves is what it says."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from yunque.core.errors import ModelError
from yunque.models.adapt import load_model
from yunque.models.tokenizer import chat_frame, encode, load_tokenizer, token_bytes
from yunque.models.vocabulary.extension import MOST_PIECES, extend, grow, nats, paying_merges, step_zero

TEXT = (
    """\
def fetch_account_balance(account_identifier):
    account_identifier = normalise(account_identifier)
    balance_in_cents = ledger.balance_in_cents(account_identifier)
    return balance_in_cents

"""
    * 30
)


@pytest.fixture
def old(base_folder):
    return load_tokenizer(base_folder)


@pytest.fixture
def merges(old):
    return paying_merges(old, [TEXT], 40, min_saved=8)


def test_each_merge_saves_what_it_says(old, merges):
    assert len(merges) > 20
    sizes = [len(encode(extend(old, merges[:number]), TEXT)) for number in (0, 1, 2, 10, len(merges))]
    assert sizes[0] == len(encode(old, TEXT))
    assert sizes[0] - sizes[1] == merges[0].saved
    assert sizes[0] - sizes[4] == sum(merge.saved for merge in merges)
    assert sizes == sorted(sizes, reverse=True)
    assert merges[0].saved == max(merge.saved for merge in merges) and min(merge.saved for merge in merges) >= 8


def test_new_tokens_are_joined_old_ones(old, merges):
    new = extend(old, merges)
    assert len(new) == len(old) + len(merges)
    ids = encode(new, TEXT)
    assert new.decode(ids) == TEXT and token_bytes(new)[ids].sum() == len(TEXT.encode())
    flat = []
    for token in ids:
        flat += merges[token - len(old)].pieces if token >= len(old) else [token]
    assert flat == encode(old, TEXT)
    assert max(len(merge.pieces) for merge in merges) <= MOST_PIECES


def test_old_tokens_keep_their_ids_and_the_old_tokenizer_is_left_alone(old, merges):
    before = dict(old.get_vocab())
    chat_frame(old)
    new = extend(old, merges)
    assert {name: new.get_vocab()[name] for name in before} == before
    assert old.get_vocab() == before
    assert "yunque_frame" not in vars(new)


@pytest.fixture
def apart(tmp_path):
    """A tokenizer whose special tokens stand outside of its BPE vocabulary, as those of Qwen and Llama 3 do."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    raw.train_from_iterator(
        [TEXT], trainers.BpeTrainer(vocab_size=270, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw)
    tokenizer.add_special_tokens({"eos_token": "<|endoftext|>", "additional_special_tokens": ["<|im_end|>"]})
    tokenizer.add_tokens(["        "])
    tokenizer.save_pretrained(tmp_path / "apart")
    return load_tokenizer(tmp_path / "apart")


def test_special_tokens_outside_of_the_vocabulary_keep_their_ids(apart, tmp_path):
    merges = paying_merges(apart, [TEXT + "\n        x" * 50], 20, min_saved=8)
    assert len(merges) > 5 and not any(merge.left == "\u0120" * 8 for merge in merges)
    before = dict(apart.get_vocab())
    extend(apart, merges).save_pretrained(tmp_path / "grown")
    grown = load_tokenizer(tmp_path / "grown")
    assert {name: grown.get_vocab()[name] for name in before} == before
    assert grown.convert_tokens_to_ids([merge.name for merge in merges]) == list(range(len(apart), len(apart) + len(merges)))
    assert grown.eos_token_id == apart.eos_token_id and grown.decode(encode(grown, TEXT)) == TEXT


def test_a_tokenizer_that_cuts_no_words_is_refused():
    raw = Tokenizer(models.BPE({"a": 0, "b": 1}, []))
    with pytest.raises(ModelError, match="cuts no text into words"):
        paying_merges(PreTrainedTokenizerFast(tokenizer_object=raw), [TEXT], 10)


def test_it_is_saved_and_loaded(old, merges, tmp_path):
    extend(old, merges).save_pretrained(tmp_path)
    assert encode(load_tokenizer(tmp_path), TEXT) == encode(extend(old, merges), TEXT)


@pytest.mark.parametrize("settings", [{}, {"tie_word_embeddings": False}, {"spare_rows": 16}])
def test_new_rows_are_means_of_old_ones_which_stay(make_base, merges, settings):
    folder = make_base(**settings)
    before, model = load_model(folder, torch.float32), load_model(folder, torch.float32)
    first = len(load_tokenizer(folder))
    grow(model, merges, first)
    for was, now in zip(
        (before.get_input_embeddings().weight, before.get_output_embeddings().weight),
        (model.get_input_embeddings().weight, model.get_output_embeddings().weight),
        strict=True,
    ):
        assert torch.equal(now[:first], was[:first])
        for place, merge in enumerate(merges):
            assert torch.allclose(now[first + place], was[list(merge.pieces)].mean(dim=0), atol=1e-6)
    assert model.config.vocab_size == model.get_input_embeddings().weight.shape[0]


def test_step_zero_measures_all_three(base_folder, old, merges):
    base, grown = load_model(base_folder, torch.float32).eval(), load_model(base_folder, torch.float32).eval()
    grow(grown, merges, len(old))
    new = extend(old, merges)
    proof = step_zero(base, grown, (old, new), [TEXT[:400]], tokens=100)
    start = old.decode(encode(old, TEXT[:400])[:100])
    assert proof.before == pytest.approx(nats(base, encode(old, start)) / 0.6931472 / len(start.encode()), rel=1e-5)
    assert proof.before < proof.kept < proof.before * 1.2  # rows that are there take something away, and little
    assert proof.after != proof.kept


def test_nothing_that_pays_is_no_merge(old):
    assert paying_merges(old, ["abc"], 10) == []


def test_a_tokenizer_without_merges_is_refused():
    unigram = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.Unigram([("a", -1.0), ("b", -2.0)])))
    with pytest.raises(ModelError, match=r"no merges to add to \(Unigram\)"):
        paying_merges(unigram, [TEXT], 10)
