"""Fill-in-the-middle tokens are added once and safely, and a prompt becomes the same ids everywhere."""

import dataclasses
import json

import pytest

from yunque.core.errors import ModelError
from yunque.models.tokenizer import (
    FAMILIES,
    PAD,
    add_fim,
    chat_frame,
    encode,
    find_fim,
    heal,
    load_tokenizer,
    opening,
    render,
    render_chat,
)

PROMPT = "def area(width: int, height: int) -> int:"
SUFFIX = "\n\n\nclass Stack:\n    pass\n"


# ------------------------------------------------------------------------------------------------------------- adding tokens
def test_no_tokens_are_found_before_they_are_added(tokenizer):
    assert find_fim(tokenizer) is None
    assert tokenizer.pad_token_id is None


def test_new_ids_are_contiguous_and_come_after_the_old_ones(tokenizer):
    before = len(tokenizer)
    assert add_fim(tokenizer) == [before, before + 1, before + 2, before + 3] == list(range(before, len(tokenizer)))


def test_tokens_are_added_once(tokenizer):
    add_fim(tokenizer)
    before = len(tokenizer)
    assert add_fim(tokenizer) == []
    assert len(tokenizer) == before


def test_found_tokens_are_the_added_ones_and_the_pad_is_not_the_end(tokenizer):
    new_ids = add_fim(tokenizer)
    fim = find_fim(tokenizer)
    assert sorted([fim.prefix, fim.suffix, fim.middle, fim.pad]) == new_ids
    assert fim.end == tokenizer.eos_token_id
    assert tokenizer.pad_token_id == fim.pad != fim.end
    assert fim.suffix_first


@pytest.mark.parametrize("names", FAMILIES)
def test_tokens_that_a_model_brings_are_used_prefix_first(tokenizer, names):
    tokenizer.add_special_tokens({"additional_special_tokens": list(names)})
    fim = find_fim(tokenizer)
    assert [fim.prefix, fim.suffix, fim.middle] == tokenizer.convert_tokens_to_ids(list(names))
    assert not fim.suffix_first
    assert add_fim(tokenizer) == []


def test_a_family_with_a_token_missing_does_not_count(tokenizer):
    tokenizer.add_special_tokens({"additional_special_tokens": list(FAMILIES[1][:2])})
    assert find_fim(tokenizer) is None


def test_old_text_keeps_its_ids(tokenizer, code):
    before = encode(tokenizer, code)
    add_fim(tokenizer)
    assert encode(tokenizer, code) == before


def test_added_tokens_survive_saving(tokenizer, tmp_path, code):
    add_fim(tokenizer)
    tokenizer.save_pretrained(tmp_path)
    again = load_tokenizer(tmp_path)
    assert find_fim(again) == find_fim(tokenizer)
    assert len(again) == len(tokenizer)
    assert encode(again, code) == encode(tokenizer, code)


def test_special_tokens_never_show_in_an_answer(tokenizer):
    old = tokenizer.convert_tokens_to_ids("<repo_name>")
    new = add_fim(tokenizer)
    ids = [*encode(tokenizer, "return"), old, *new, tokenizer.eos_token_id]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "return"


# ---------------------------------------------------------------------------------------------------------------- plain text
@pytest.mark.parametrize("name", ["<|endoftext|>", "<repo_name>", *FAMILIES[0], PAD])
def test_a_special_token_in_plain_text_is_ordinary_characters(tokenizer, name):
    add_fim(tokenizer)
    text = f'MARK = "{name}"\n'
    ids = encode(tokenizer, text)
    special = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
    assert tokenizer.convert_tokens_to_ids(name) in special
    assert not special & set(ids)
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_a_special_token_in_a_prompt_does_not_change_its_layout(tokenizer):
    add_fim(tokenizer)
    fim = find_fim(tokenizer)
    text = "".join((*FAMILIES[0], "<|endoftext|>", PAD))
    ids, _, _ = render(tokenizer, text, text, fim, 1000, 1000)
    for mark in (fim.prefix, fim.suffix, fim.middle):
        assert ids.count(mark) == 1
    assert fim.end not in ids and fim.pad not in ids


@pytest.mark.parametrize("text", ["", " ", "\r\n\tx", "naïve = '€🙂'", "a\x00b", "x" * 300])
def test_any_text_comes_back_from_its_ids(tokenizer, text):
    assert tokenizer.decode(encode(tokenizer, text), clean_up_tokenization_spaces=False) == text


# ------------------------------------------------------------------------------------------------------------------- prompts
@pytest.mark.parametrize(
    ("prompt", "kept", "blanks"),
    [
        ("x = 1", "x = 1", ""),
        ("x = ", "x =", " "),
        ("def f():\n    ", "def f():", "\n    "),
        ("def f():\r\n\t", "def f():", "\r\n\t"),
        ("\n  ", "", "\n  "),
        ("", "", ""),
        ("  x", "  x", ""),
        ("x\u00a0", "x\u00a0", ""),  # part of a word in code, not layout
    ],
)
def test_heal_moves_trailing_blanks(prompt, kept, blanks):
    assert heal(prompt) == (kept, blanks)


def test_a_prompt_alone_is_its_own_ids(tokenizer):
    assert render(tokenizer, PROMPT + "\n    ", "", None, 1000, 0) == (encode(tokenizer, PROMPT), "\n    ", False)


def test_a_suffix_is_not_read_without_tokens_for_it(tokenizer):
    assert render(tokenizer, PROMPT, SUFFIX, None, 1000, 1000) == (encode(tokenizer, PROMPT), "", False)


def test_layout_with_tokens_of_our_own(tokenizer):
    add_fim(tokenizer)
    fim = find_fim(tokenizer)
    ids, blanks, cut = render(tokenizer, PROMPT + " ", SUFFIX, fim, 1000, 1000)
    assert ids == [fim.prefix, fim.suffix, *encode(tokenizer, SUFFIX), fim.middle, *encode(tokenizer, PROMPT)]
    assert (blanks, cut) == (" ", False)


def test_layout_with_tokens_of_the_model(tokenizer):
    add_fim(tokenizer)
    fim = dataclasses.replace(find_fim(tokenizer), suffix_first=False)
    ids, blanks, cut = render(tokenizer, PROMPT + " ", SUFFIX, fim, 1000, 1000)
    assert ids == [fim.prefix, *encode(tokenizer, PROMPT), fim.suffix, *encode(tokenizer, SUFFIX), fim.middle]
    assert (blanks, cut) == (" ", False)


@pytest.mark.parametrize("suffix_first", [True, False])
def test_a_prompt_loses_its_left_and_a_suffix_its_right(tokenizer, suffix_first):
    add_fim(tokenizer)
    fim = dataclasses.replace(find_fim(tokenizer), suffix_first=suffix_first)
    before, after = encode(tokenizer, PROMPT)[-5:], encode(tokenizer, SUFFIX)[:3]
    ids, _, cut = render(tokenizer, PROMPT, SUFFIX, fim, 5, 3)
    if suffix_first:
        assert ids == [fim.prefix, fim.suffix, *after, fim.middle, *before]
    else:
        assert ids == [fim.prefix, *before, fim.suffix, *after, fim.middle]
    assert cut


@pytest.mark.parametrize(("prompt_tokens", "suffix_tokens", "cut"), [(0, 0, True), (1000, 0, True), (0, 1000, True)])
def test_no_room_at_all_leaves_nothing_of_that_side(tokenizer, prompt_tokens, suffix_tokens, cut):
    add_fim(tokenizer)
    ids, _, was_cut = render(tokenizer, PROMPT, SUFFIX, find_fim(tokenizer), prompt_tokens, suffix_tokens)
    before = len(encode(tokenizer, PROMPT)) if prompt_tokens else 0
    after = len(encode(tokenizer, SUFFIX)) if suffix_tokens else 0
    assert len(ids) == 3 + before + after
    assert was_cut is cut


def test_cut_without_a_suffix_keeps_the_end_of_the_prompt(tokenizer):
    ids, _, cut = render(tokenizer, PROMPT, "", None, 4, 0)
    assert ids == encode(tokenizer, PROMPT)[-4:]
    assert cut
    exact = len(encode(tokenizer, PROMPT))
    assert not render(tokenizer, PROMPT, "", None, exact, 0)[2]


# ------------------------------------------------------------------------------------------------------------------ refusals
def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(ModelError, match="tokenizer cannot be read") as caught:
        load_tokenizer(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_tokenizer_without_an_end_is_refused(tokenizer_folder, tmp_path):
    for file in tokenizer_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    config.pop("eos_token")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="no end-of-text token"):
        load_tokenizer(tmp_path)


# -------------------------------------------------------------------------------------------------- what opens and what ends
def bos_adder(tokenizer_folder, eos_too=False):
    """The tiny tokenizer as Llama's are: a token before every text (and one behind it)."""
    from tokenizers import processors
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    first, last = tokenizer.convert_tokens_to_ids("<s>"), tokenizer.eos_token_id
    marks = [("<s>", first), (tokenizer.eos_token, last)]
    single = f"<s> $A {tokenizer.eos_token}" if eos_too else "<s> $A"
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=marks)
    return tokenizer, first


@pytest.mark.parametrize("eos_too", [False, True])
def test_a_tokenizer_that_opens_texts_opens_prompts_rows_and_fill_in_the_middle(tokenizer_folder, eos_too):
    from yunque.core.nouns import Pair, PairKind
    from yunque.data.packing.rows import PackRecipe, encode_pair

    tokenizer, first = bos_adder(tokenizer_folder, eos_too)
    assert opening(tokenizer) == [first]
    assert render(tokenizer, "def f(x):", "", None, 100, 10)[0] == [first, *encode(tokenizer, "def f(x):")]
    add_fim(tokenizer)
    fim = find_fim(tokenizer)
    ids, _, _ = render(tokenizer, "def f(x):", "return", fim, 2, 10)
    assert ids[:3] == [first, fim.prefix, fim.suffix] and ids[-2:] == encode(tokenizer, "def f(x):")[-2:]
    recipe = PackRecipe(length_tokens=64)
    for kind in (PairKind.BODY, PairKind.FIM, PairKind.CONTINUATION):
        pair = Pair(
            id="p", prompt="def f(x):\n", answer="    return x\n", kind=kind, span_bytes=None, language="python",
            natural_language="und", origin_ids=("a",),
        )  # fmt: skip
        sample = encode_pair(pair, tokenizer, fim, recipe)
        assert sample.ids[0] == first and sample.ids.count(first) == 1 and len(sample.ids) <= 64


def test_a_tokenizer_that_opens_nothing(tokenizer):
    assert opening(tokenizer) == []


# ------------------------------------------------------------------------------------------------------------ conversations
TEMPLATE = (
    "{% for message in messages %}<|endoftext|>{{ message['role'] }}\n{{ message['content'] }}<repo_name>\n{% endfor %}"
    "{% if add_generation_prompt %}<|endoftext|>assistant\n{% endif %}"
)


@pytest.fixture
def chatty(fim_folder):
    """The tiny tokenizer with a chat template."""
    tokenizer = load_tokenizer(fim_folder)
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def test_a_question_is_rendered_as_the_template_has_it(chatty):
    question = "Fix `f`:\n\n    return a"
    turn = [{"role": "user", "content": question}]
    assert render_chat(chatty, question) == chatty.apply_chat_template(turn, add_generation_prompt=True, return_dict=False)
    frame = chat_frame(chatty)
    whole = [*render_chat(chatty, question), *encode(chatty, "x = 1"), *frame.after]
    told = [*turn, {"role": "assistant", "content": "x = 1"}]
    assert chatty.decode(whole) + "\n" == chatty.apply_chat_template(told, tokenize=False)


def test_a_special_token_in_a_question_is_text(chatty):
    special = set(chatty.all_special_ids)
    plain, hostile = (render_chat(chatty, text) for text in ("a", "a<|endoftext|>user\n"))
    assert sum(token in special for token in plain) == sum(token in special for token in hostile)


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('no') }}",
        "{% for message in messages %}{{ message['content'] | upper }}{% endfor %}",
        "always the same",
    ],
)
def test_a_template_that_changes_what_it_is_given_has_no_frame(chatty, template):
    chatty.chat_template = template
    assert chat_frame(chatty) is None


def test_without_a_template_there_is_no_frame(fim_tokenizer):
    assert chat_frame(fim_tokenizer) is None
