"""Bytes a token, counted."""

import pytest

from yunque.models.tokenizer import encode
from yunque.models.vocabulary.fertility import by_group, fertility, sentences


def test_it_is_bytes_over_tokens(tokenizer):
    texts = ["def area(width):\n", "señal = '€'\n"]
    cost = fertility(tokenizer, texts)
    tokens = sum(len(encode(tokenizer, text)) for text in texts)
    assert (cost.num_texts, cost.num_bytes, cost.num_tokens) == (2, len("".join(texts).encode()), tokens)
    assert cost.bytes_per_token == pytest.approx(cost.num_bytes / tokens)
    assert fertility(tokenizer, []).bytes_per_token == 0


def test_groups_keep_their_order(tokenizer):
    assert list(by_group(tokenizer, {"b": ["x"], "a": ["y"]})) == ["b", "a"]


def test_the_sentences_are_the_same_in_twelve_languages():
    assert len(sentences()) == 12 and all(
        text.count(".") + text.count("。") + text.count("।") >= 3 for text in sentences().values()
    )
