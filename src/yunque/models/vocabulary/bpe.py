"""A byte-level BPE tokenizer for code, trained on texts.

What is never merged across (the pre-tokens), in this order: one digit; a run of line breaks with the indent after it; an
identifier, with the blank before it; a run of other signs, with the blank before it; other white space. So an indent is one
token once it is frequent, `snake_case` is not cut at its underscores unless merging cuts it, and numbers are read digit by
digit. Every byte is a token, so any text comes back as it was. A text opens with the end token, so that its first token is
learned as well, and every window has somewhere to look.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from yunque.core.errors import ModelError
from yunque.models.quiet import quiet
from yunque.models.tokenizer import FAMILIES, PAD

PATTERN = r"\p{N}|(?:\r?\n)+[ \t]*| ?[\p{L}_][\p{L}\p{M}_]*| ?[^\s\p{L}\p{N}_]+|\s+"
END, TURN, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL = (END, TURN, TURN_END, *FAMILIES[0], "<repo_name>", "<file_sep>", PAD)
"""End of a text; a turn of a conversation and its end; fill-in-the-middle; a repository, a file of it; padding."""
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LEAST = 256 + len(SPECIAL)


def train_bpe(texts: Iterable[str], size: int, *, context_tokens: int = 2048) -> Any:
    """A tokenizer of at most ``size`` tokens, special ones included. ModelError where there is no room, or no text."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    if size <= LEAST:
        raise ModelError(f"a vocabulary of {size} has no room", do=f"more than {LEAST}: bytes and special tokens alone")
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PATTERN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    num_chars = 0

    def counted() -> Iterable[str]:
        nonlocal num_chars
        for text in texts:
            num_chars += len(text)
            yield text

    raw.train_from_iterator(counted(), trainer)
    raw.post_processor = processors.TemplateProcessing(single=f"{END} $A", special_tokens=[(END, SPECIAL.index(END))])
    if not num_chars:
        raise ModelError("there is no text to learn a vocabulary from", do="a data set with files to learn from")
    with quiet():
        return PreTrainedTokenizerFast(
            tokenizer_object=raw,
            eos_token=END,
            pad_token=PAD,
            additional_special_tokens=[name for name in SPECIAL if name not in (END, PAD)],
            chat_template=TEMPLATE,
            model_max_length=context_tokens,
        )
