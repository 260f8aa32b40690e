"""Tokenizers: load one, and give it fill-in-the-middle tokens when it has none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yunque.core.errors import ModelError
from yunque.core.nouns import Request
from yunque.models.healing import word_start
from yunque.models.quiet import quiet

FAMILIES = (
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    ("<PRE>", "<SUF>", "<MID>"),
)
"""The spellings in use (StarCoder, Qwen, Code Llama), in the order they are looked for; the first is the one we add."""
PAD = "<yunque_pad>"


@dataclass(frozen=True, kw_only=True)
class FimTokens:
    """Ids of the fill-in-the-middle tokens and of the tokens that end an answer and fill a row."""

    prefix: int
    suffix: int
    middle: int
    end: int
    pad: int
    suffix_first: bool
    """Whether the suffix comes before the prefix (SPM), so that the answer goes on right where the prefix ends.

    The tokens we add are used that way: a base that never saw them still continues the prefix as it always did, and
    learns from few examples what the suffix is for. Models that bring their own tokens were trained prefix first (PSM).
    Both orders: Bavarian et al. 2022, arXiv:2207.14255, section 3.
    """


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in ``folder``; ModelError when it cannot be read or has no end token."""
    from transformers import AutoTokenizer

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"its tokenizer cannot be read ({_first_line(error)})", where=folder) from error
    if tokenizer.eos_token_id is None:
        raise ModelError("its tokenizer has no end-of-text token", where=folder, do="choose another base model")
    return tokenizer


def find_fim(tokenizer: Any) -> FimTokens | None:
    """The tokenizer's own fill-in-the-middle tokens, or None."""
    vocabulary = tokenizer.get_vocab()
    for names in FAMILIES:
        if all(name in vocabulary for name in names):
            prefix, suffix, middle = (vocabulary[name] for name in names)
            # A pad that is also the end token would hide the end from a mask made by id; ours is made by position.
            end = tokenizer.eos_token_id
            pad = vocabulary.get(PAD, end if tokenizer.pad_token_id is None else tokenizer.pad_token_id)
            own = PAD in vocabulary and names == FAMILIES[0]
            return FimTokens(prefix=prefix, suffix=suffix, middle=middle, end=end, pad=pad, suffix_first=own)
    return None


def add_fim(tokenizer: Any) -> list[int]:
    """Add the tokens that are missing (fill-in-the-middle, and a pad of its own); returns the new ids, in order."""
    if find_fim(tokenizer) is not None:
        return []
    before = len(tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": [*FAMILIES[0], PAD], "pad_token": PAD})
    return list(range(before, len(tokenizer)))


def encode(tokenizer: Any, text: str) -> list[int]:
    """Ids of plain text: nothing added, and special tokens that stand in the text read as ordinary characters."""
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False).input_ids


def opening(tokenizer: Any) -> list[int]:
    """What the tokenizer itself puts before every text: the BOS token of bases that were trained with one, else nothing.

    A base that has always seen it (Gemma, Llama, DeepSeek Coder, Code Llama) answers worse without.
    """
    if "yunque_opening" not in vars(tokenizer):
        whole, bare = tokenizer("a").input_ids, tokenizer("a", add_special_tokens=False).input_ids
        places = [index for index in range(len(whole) - len(bare) + 1) if whole[index : index + len(bare)] == bare]
        tokenizer.yunque_opening = whole[: places[0]] if places else []
    return list(tokenizer.yunque_opening)


def ends(tokenizer: Any, model: Any) -> list[int]:
    """Every token that ends an answer: the tokenizer's, and those of the model's generation config (Gemma, Llama 3)."""
    config = getattr(model, "generation_config", None)
    details = getattr(config, "eos_token_id", None)
    also = [details] if isinstance(details, int) else list(details or [])
    return list(dict.fromkeys([tokenizer.eos_token_id, *also]))


def token_bytes(tokenizer: Any) -> np.ndarray:
    """int64 [V]: how many bytes of text each token writes, 0 for special tokens; over the ids of a text, its size.

    Byte-level BPE writes every byte as one character; SentencePiece writes text, its blank as U+2581 and single bytes as
    ``<0x41>``.
    """
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    special = set(tokenizer.all_special_ids)
    byte_level = "\u0120" in "".join(name for name in names[:4096] if name) and "\u2581" not in names
    sizes = np.zeros(len(names), dtype=np.int64)
    for token_id, name in enumerate(names):
        if name is None or token_id in special:
            continue
        if byte_level and token_id not in tokenizer.added_tokens_decoder:
            sizes[token_id] = len(name)
        elif _BYTE.fullmatch(name):
            sizes[token_id] = 1
        else:
            sizes[token_id] = len(name.replace("\u2581", " ").encode())
    return sizes


_BYTE = re.compile("<0x[0-9A-F]{2}>")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def heal(prompt: str) -> tuple[str, str]:
    """The prompt without its trailing blanks, and the blanks.

    Tokenizers glue blanks to the word after them, so a prompt that ends in blanks ends where no training text ever ended.
    Training and inference both move the blanks to the answer.
    """
    kept = prompt.rstrip(" \t\r\n\f")
    return kept, prompt[len(kept) :]


def render(
    tokenizer: Any,
    prompt: str,
    suffix: str,
    fim: FimTokens | None,
    prompt_tokens: int,
    suffix_tokens: int,
    *,
    heal_word: bool = False,
) -> tuple[list[int], str, bool]:
    """Ids that ask for what comes after ``prompt`` (and before ``suffix`` when ``fim`` is given).

    Gives the ids, what the answer begins with, and whether context was cut: of the prompt its last ``prompt_tokens`` are
    kept, of the suffix its first ``suffix_tokens``; what the tokenizer opens a text with (see ``opening``) stands before
    all. The answer begins with the blanks that the prompt ends with (see ``heal``); with ``heal_word`` it must begin with
    the word that the prompt ends in, if any (see ``healing``), and the blanks before that stand last in the ids, in the
    answer's own tokens. The one place where a prompt becomes ids, for training and for inference alike.
    """
    start = word_start(tokenizer, prompt) if heal_word else len(prompt)
    healed, blanks = heal(prompt[:start])
    lead = prompt[start:] or blanks
    written = encode(tokenizer, blanks) if start < len(prompt) else []
    before = encode(tokenizer, healed)
    kept = before[max(0, len(before) - prompt_tokens) :]
    first = opening(tokenizer)
    if fim is None:
        return [*first, *kept, *written], lead, len(kept) < len(before)
    after = encode(tokenizer, suffix)
    after_kept = after[:suffix_tokens]
    if fim.suffix_first:
        ids = [fim.prefix, fim.suffix, *after_kept, fim.middle, *kept]
    else:
        ids = [fim.prefix, *kept, fim.suffix, *after_kept, fim.middle]
    return [*first, *ids, *written], lead, len(kept) < len(before) or suffix_tokens < len(after)


@dataclass(frozen=True, kw_only=True)
class ChatFrame:
    """What a chat template puts around a question and its answer, as ids."""

    before: tuple[int, ...]
    """Before the question: the opening, the template's own system turn, the user's mark."""
    between: tuple[int, ...]
    """Between the two: the generation prompt."""
    after: tuple[int, ...]
    """What ends the answer's turn."""


_QUESTION, _ANSWER = "qUeStIoN\u2603", "aNsWeR\u2603"


def chat_frame(tokenizer: Any) -> ChatFrame | None:
    """The frame of the tokenizer's chat template; None without one, or for one that changes what it is given."""
    if "yunque_frame" not in vars(tokenizer):
        tokenizer.yunque_frame = _chat_frame(tokenizer) if tokenizer.chat_template else None
    return tokenizer.yunque_frame


def _chat_frame(tokenizer: Any) -> ChatFrame | None:
    asked = [{"role": "user", "content": _QUESTION}]
    both = [*asked, {"role": "assistant", "content": _ANSWER}]
    try:
        prompt = tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
        whole = tokenizer.apply_chat_template(both, tokenize=False)
    except Exception:  # a template is a program of its own, which may raise anything
        return None
    before, has_question, between = prompt.partition(_QUESTION)
    rest, has_answer, after = whole.removeprefix(prompt).partition(_ANSWER)
    if not (has_question and has_answer and whole.startswith(prompt)) or rest.strip():
        return None

    def ids(text: str) -> tuple[int, ...]:
        return tuple(tokenizer(text, add_special_tokens=False).input_ids)

    return ChatFrame(before=ids(before), between=ids(between), after=ids(after.rstrip()) or (tokenizer.eos_token_id,))


def render_request(tokenizer: Any, request: Request) -> list[int]:
    """Ids that ask a request of style CHAT: its conversation, or its prompt as the only question.

    ModelError for a conversation that the tokenizer's template refuses.
    """
    if not request.messages:
        return render_chat(tokenizer, request.prompt)
    turns = [{"role": message.role, "content": message.content} for message in request.messages]
    try:
        return list(tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False))
    except Exception as error:  # a template is a program of its own, which may raise anything
        raise ModelError(f"its chat template refuses the conversation ({_first_line(error)})") from None


def render_chat(tokenizer: Any, question: str) -> list[int]:
    """Ids that ask a question in the tokenizer's chat template, for training and for inference alike.

    Special tokens that stand in the question are ordinary characters, unless the template changes what it is given.
    ValueError for a tokenizer without a template.
    """
    frame = chat_frame(tokenizer)
    if frame is not None:
        return [*frame.before, *encode(tokenizer, question), *frame.between]
    turn = [{"role": "user", "content": question}]
    return list(tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=False))
