"""Any text comes back; indents, digits and identifiers are cut as code wants it; special tokens are there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunque.core.errors import ModelError
from yunque.models.tokenizer import chat_frame, encode, find_fim, load_tokenizer, opening, token_bytes
from yunque.models.vocabulary.bpe import LEAST, SPECIAL, train_bpe

CODE = """\
class Counter:
    def increment_by(self, amount):
        if amount < 0:
            raise ValueError("negative")
        self.total_count += amount
        return self.total_count

    def reset(self):
        self.total_count = 100
"""


@pytest.fixture(scope="module")
def tokenizer():
    return train_bpe([CODE] * 20, 700)


def pieces(tokenizer, text):
    return [tokenizer.decode([token]) for token in encode(tokenizer, text)]


@given(st.text())
def test_every_text_comes_back(tokenizer, text):
    assert tokenizer.decode(encode(tokenizer, text)) == text
    assert token_bytes(tokenizer)[encode(tokenizer, text)].sum() == len(text.encode())


def test_every_byte_comes_back(tokenizer):
    text = "".join(map(chr, range(0x250))) + "€漢😀"
    assert tokenizer.decode(encode(tokenizer, text)) == text


def test_an_indent_is_one_token_and_identifiers_stay_whole(tokenizer):
    assert pieces(tokenizer, "\n        return self.total_count") == ["\n        ", "return", " self", ".", "total_count"]
    assert "increment_by" in pieces(tokenizer, "def increment_by(self")[1]


def test_digits_are_read_one_by_one(tokenizer):
    assert [piece for piece in pieces(tokenizer, "x = 100 + 2024") if piece.strip().isdigit()] == list("1002024")
    assert not any(len(piece) > 1 and piece.strip().isdigit() for piece in tokenizer.get_vocab())


def test_special_tokens_are_there_and_text_cannot_write_them(tokenizer):
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL)) == list(range(len(SPECIAL)))
    assert tokenizer.eos_token == "<|endoftext|>" and tokenizer.pad_token != tokenizer.eos_token
    fim = find_fim(tokenizer)
    assert fim.suffix_first and fim.end == tokenizer.eos_token_id and fim.pad != fim.end
    assert opening(tokenizer) == [tokenizer.eos_token_id] == tokenizer("a").input_ids[:1]
    assert not set(encode(tokenizer, "a <|endoftext|> <fim_prefix>")) & set(range(len(SPECIAL)))


def test_the_template_gives_back_what_it_is_given(tokenizer):
    frame = chat_frame(tokenizer)
    assert tokenizer.decode(frame.before) == "<|im_start|>user\n" and tokenizer.decode(frame.after) == "<|im_end|>"


def test_it_is_saved_and_loaded(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    again = load_tokenizer(tmp_path)
    assert encode(again, CODE) == encode(tokenizer, CODE) and again.chat_template == tokenizer.chat_template


def test_the_size_is_kept(tokenizer):
    assert len(tokenizer) <= 700


@pytest.mark.parametrize(
    ("texts", "size", "what"), [([CODE], LEAST, "has no room"), ([], 1000, "no text"), ([""], 1000, "no text")]
)
def test_refusals(texts, size, what):
    with pytest.raises(ModelError, match=what):
        train_bpe(texts, size)
