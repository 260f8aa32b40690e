"""The tokenizer inside a GGUF file, as the rest of this package uses tokenizers: no folder beside the file is needed.

Covered: byte-level BPE with a splitter that `gguf.write_gguf` writes.
Not covered: other splitters, and SentencePiece (refused in a line).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yunque.core.errors import ModelError
from yunque.models.exports.gguf import SPLITTERS


def load_gguf_tokenizer(file: Path) -> Any:
    """The tokenizer of a GGUF file. ModelError where it cannot be read."""
    import gguf
    from tokenizers import AddedToken, Tokenizer, decoders, models, processors
    from transformers import PreTrainedTokenizerFast

    fields = _fields(file)
    kinds, tokens, types = gguf.TokenType, fields["tokens"], fields["token_type"]
    merges = [tuple(merge.split(" ", 1)) for merge in fields["merges"]]
    vocabulary = {token: number for number, token in enumerate(tokens) if types[number] != kinds.UNUSED}
    inside = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=fields["pre"] == "llama-bpe"))
    inside.pre_tokenizer = _splitter(fields["pre"], file)
    inside.decoder = decoders.ByteLevel()
    added = [number for number, kind in enumerate(types) if kind in (kinds.CONTROL, kinds.USER_DEFINED)]
    inside.add_tokens(
        [AddedToken(tokens[number], special=types[number] == kinds.CONTROL, normalized=False) for number in added]
    )
    named = {f"{name}_token": tokens[fields[f"{name}_token_id"]] for name in ("bos", "eos") if f"{name}_token_id" in fields}
    if "padding_token_id" in fields:
        named["pad_token"] = tokens[fields["padding_token_id"]]
    if "eos_token" not in named:
        raise ModelError("its tokenizer has no end-of-text token", where=file)
    if fields.get("add_bos_token") and "bos_token" in named:
        bos = (named["bos_token"], fields["bos_token_id"])
        inside.post_processor = processors.TemplateProcessing(single=f"{bos[0]} $A", special_tokens=[bos])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inside, clean_up_tokenization_spaces=False, **named)
    tokenizer.chat_template = fields.get("chat_template")
    return tokenizer


def text_field(file: Path, name: str) -> str:
    """A text that a GGUF file says of itself; ``unknown`` where it does not. ModelError where it cannot be read."""
    return str(_read(file, name).get(name, "unknown"))


def _read(file: Path, prefix: str) -> dict[str, Any]:
    """The fields of a file whose names begin so. ModelError where it cannot be read."""
    import gguf

    try:
        fields = gguf.GGUFReader(str(file)).fields
        return {name: field.contents() for name, field in fields.items() if name.startswith(prefix)}
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelError(f"is not a GGUF file that can be read ({error})", where=file) from None


def _fields(file: Path) -> dict[str, Any]:
    """What a file says of its tokenizer, by the last part of each name."""
    values = {name.rpartition(".")[2]: value for name, value in _read(file, "tokenizer.").items()}
    missing = [name for name in ("model", "pre", "tokens", "token_type", "merges") if name not in values]
    if missing or values["model"] != "gpt2":
        raise ModelError("its tokenizer is no byte-level BPE", where=file, do="serve the model's folder with torch")
    return values


def _splitter(name: str, file: Path) -> Any:
    from tokenizers import Regex, pre_tokenizers

    words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    if name == "gpt-2":
        return words
    if name == "smollm":
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), words])
    for pattern, known in SPLITTERS.items():
        if known == name:
            split = pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False)
            return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    known_names = ", ".join(["gpt-2", "smollm", *SPLITTERS.values()])
    raise ModelError(f"splits words as {name!r} does, which is not known here", where=file, do=f"known: {known_names}")
