"""A model folder to one GGUF file, which llama.cpp and all that is built on it read.

    architecture, shapes, rope     from the config
    tokenizer                      byte-level BPE; its way of splitting words by a table of the patterns that llama.cpp knows
    chat template, licence, base   as the folder has them
    fill-in-the-middle             the ids of the three tokens, of padding, and of repository and file names

Matrices are quantised (`QUANTIZATIONS`), vectors stay in 32 bits. Queries and keys of Llama's family are permuted, since
llama.cpp rotates neighbouring pairs where Hugging Face rotates halves (RoPE: Su et al. 2021, arXiv:2104.09864).

Covered: Llama, Mistral, Qwen2, Qwen3, StarCoder2.
Not covered: other architectures, SentencePiece tokenizers, scaled rope, sliding windows (each refused in a line); weights
that do not fit into memory twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yunque.core.errors import ModelError
from yunque.core.plugins import nearest
from yunque.models.adapt import load_model
from yunque.models.base import BaseFacts
from yunque.models.tokenizer import find_fim, load_tokenizer, opening

FILE = "model.gguf"
"""What a forge calls it, beside the model's folder."""
QUANTIZATIONS = ("f16", "q8_0", "q4_0", "q4_1")
"""Of matrices; with 4 bits the embedding and the output keep 8."""
BLOCK = 32
"""Numbers that share a scale: a matrix whose rows are no multiple of it stays in 16 bits."""
REPOSITORY_NAMES = ("<repo_name>", "<reponame>", "<|repo_name|>")
FILE_SEPARATORS = ("<file_sep>", "<|file_sep|>", "<filename>")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """How llama.cpp reads a family of models."""

    name: str
    """As ``gguf`` spells it."""
    permuted: bool = False
    """Whether queries and keys are permuted."""
    layer_norm: bool = False
    """LayerNorm (with an epsilon of its own name) rather than RMSNorm."""


ARCHITECTURES = {
    "llama": Architecture(name="LLAMA", permuted=True),
    "mistral": Architecture(name="LLAMA", permuted=True),
    "qwen2": Architecture(name="QWEN2"),
    "qwen3": Architecture(name="QWEN3"),
    "starcoder2": Architecture(name="STARCODER2", layer_norm=True),
}
"""Model type of a Hugging Face config -> how it is written."""

_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPLITTERS = {_WORDS % r"\p{N}": "qwen2", _WORDS % r"\p{N}{1,3}": "llama-bpe"}
"""Regular expression of a tokenizer's splitter -> llama.cpp's name of it."""


def write_gguf(folder: Path, out: Path, facts: BaseFacts, quantization: str = "q8_0") -> None:
    """Write the model in ``folder`` to the file ``out``, whole or not at all.

    ModelError for an unknown quantisation, an architecture or a tokenizer that is not covered.
    """
    import gguf
    import torch

    if quantization not in QUANTIZATIONS:
        raise ModelError(f"no quantisation {quantization!r}", do=nearest(quantization, list(QUANTIZATIONS)))
    config = json.loads((folder / "config.json").read_text("utf-8"))
    architecture = _architecture(config, folder)
    tokenizer = load_tokenizer(folder)
    rules = _rules(tokenizer)
    pre = splitter_of(rules, folder)
    model = load_model(folder, torch.float32)
    draft = out.with_name(f".{out.name}.part")
    draft.parent.mkdir(parents=True, exist_ok=True)
    try:
        writer = gguf.GGUFWriter(str(draft), gguf.MODEL_ARCH_NAMES[gguf.MODEL_ARCH[architecture.name]])
        _write_facts(writer, facts, quantization)
        _write_shapes(writer, model.config.to_dict(), architecture)
        _write_tokenizer(writer, tokenizer, rules, pre, model.get_input_embeddings().weight.shape[0])
        _write_weights(writer, model, architecture, quantization)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def _architecture(config: Mapping, folder: Path) -> Architecture:
    kind = str(config.get("model_type", ""))
    if kind not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ModelError(f"models of type {kind!r} cannot be written as GGUF", where=folder, do=f"known: {known}")
    rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise ModelError("its rope is scaled, which is not written as GGUF", where=folder, do="serve it with torch")
    if config.get("use_sliding_window") or (kind in ("mistral", "starcoder2") and config.get("sliding_window")):
        raise ModelError("its attention slides, which is not written as GGUF", where=folder, do="serve it with torch")
    return ARCHITECTURES[kind]


# ----------------------------------------------------------------------------------------------------------------- metadata
def _write_facts(writer: Any, facts: BaseFacts, quantization: str) -> None:
    import gguf

    kinds = gguf.LlamaFileType
    writer.add_name(facts.name)
    writer.add_license(facts.licence)
    writer.add_description(f"{facts.source}, sha256 {facts.sha256}")
    writer.add_file_type(kinds.MOSTLY_F16 if quantization == "f16" else getattr(kinds, f"MOSTLY_{quantization.upper()}"))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _write_shapes(writer: Any, config: Mapping, architecture: Architecture) -> None:
    heads = config["num_attention_heads"]
    head_size = config.get("head_dim") or config["hidden_size"] // heads
    rope = config.get("rope_parameters") or {}
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_rope_dimension_count(head_size)
    writer.add_rope_freq_base(float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0))
    if architecture.layer_norm:
        writer.add_layer_norm_eps(config["norm_epsilon"])
    else:
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])


# ---------------------------------------------------------------------------------------------------------------- tokenizer
def _rules(tokenizer: Any) -> dict:
    """What a fast tokenizer is made of; nothing of a slow one."""
    inside = getattr(tokenizer, "backend_tokenizer", None)
    return json.loads(inside.to_str()) if inside is not None else {}


def splitter_of(rules: dict, folder: Path) -> str:
    """What llama.cpp calls a tokenizer's way of splitting a text into words. ModelError where it has no name for it."""
    if rules.get("model", {}).get("type") != "BPE" or rules["model"].get("byte_fallback"):
        raise ModelError("its tokenizer is no byte-level BPE", where=folder, do="serve it with torch")
    splitter = rules.get("pre_tokenizer") or {}
    parts = splitter.get("pretokenizers", [splitter])
    kinds = [part.get("type") for part in parts]
    patterns = [part["pattern"].get("Regex", "") for part in parts if part.get("type") == "Split"]
    if kinds == ["ByteLevel"] and parts[0].get("use_regex"):
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and parts[0].get("individual_digits") and parts[1].get("use_regex"):
        return "smollm"
    if len(patterns) == 1 and patterns[0] in SPLITTERS:
        return SPLITTERS[patterns[0]]
    what = "its tokenizer splits words in a way that llama.cpp has no name for"
    raise ModelError(what, where=folder, do="serve it with torch")


def _write_tokenizer(writer: Any, tokenizer: Any, rules: dict, pre: str, num_rows: int) -> None:
    """Every token by its id (rows of the embedding without one are unused), the merges, and what the special ones are."""
    import gguf

    kinds = gguf.TokenType
    by_id = {number: token for token, number in tokenizer.get_vocab().items()}
    added = {item["id"]: item for item in rules["added_tokens"]}
    tokens, types = [], []
    for number in range(num_rows):
        if number not in by_id:
            tokens.append(f"[UNUSED{number}]")
            types.append(kinds.UNUSED)
            continue
        tokens.append(by_id[number])
        special = number in added and added[number]["special"]
        types.append(kinds.CONTROL if special else kinds.USER_DEFINED if number in added else kinds.NORMAL)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in rules["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_add_bos_token(opening(tokenizer) == [tokenizer.bos_token_id])
    writer.add_add_space_prefix(False)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    for given, add in ((tokenizer.bos_token_id, writer.add_bos_token_id), (tokenizer.pad_token_id, writer.add_pad_token_id)):
        if given is not None:
            add(given)
    for name, number in fim_ids(tokenizer).items():
        writer.add_uint32(f"tokenizer.ggml.fim_{name}_token_id", number)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def fim_ids(tokenizer: Any) -> dict[str, int]:
    """``pre``, ``suf``, ``mid``, ``pad``, ``rep``, ``sep`` -> token id, as far as the tokenizer has them."""
    fim, vocabulary = find_fim(tokenizer), tokenizer.get_vocab()
    ids = {} if fim is None else {"pre": fim.prefix, "suf": fim.suffix, "mid": fim.middle, "pad": fim.pad}
    for name, spellings in (("rep", REPOSITORY_NAMES), ("sep", FILE_SEPARATORS)):
        if known := [vocabulary[spelling] for spelling in spellings if spelling in vocabulary]:
            ids[name] = known[0]
    return ids


# ------------------------------------------------------------------------------------------------------------------ weights
def _write_weights(writer: Any, model: Any, architecture: Architecture, quantization: str) -> None:
    import gguf

    for target, tensor, heads in _places(model, architecture):
        data = tensor.detach().float().numpy()
        data = permuted(data, heads) if heads else data
        kind = _kind_of(gguf.GGMLQuantizationType, target, data, quantization)
        writer.add_tensor(target, gguf.quants.quantize(data, kind), raw_dtype=kind)


def load_weights(model: Any, file: Path) -> None:
    """Put the numbers of a GGUF file into the model that it was written from, as far as they were rounded."""
    import gguf
    import torch

    stored = {tensor.name: tensor for tensor in gguf.GGUFReader(str(file)).tensors}
    for target, tensor, heads in _places(model, ARCHITECTURES[model.config.model_type]):
        data = gguf.quants.dequantize(stored[target].data, stored[target].tensor_type).reshape(tensor.shape)
        data = unpermuted(data, heads) if heads else data
        tensor.copy_(torch.from_numpy(data.copy()).to(tensor.dtype))


def _places(model: Any, architecture: Architecture) -> Iterator[tuple[str, Any, int]]:
    """Every weight: its name in a file, its tensor, and by how many heads its rows are permuted (0: they are not).

    ModelError for one that has no place there.
    """
    import gguf

    config = model.config
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[architecture.name], config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if config.tie_word_embeddings and name == "lm_head.weight":
            continue
        target = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if target is None:
            raise ModelError(f"its weight {name} has no place in GGUF", do="serve it with torch")
        layer = name.rpartition(".")[0] if architecture.permuted else ""
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
        yield target, tensor, heads.get(layer.rpartition(".")[2], 0)


def unpermuted(weight: Any, heads: int) -> Any:
    """What `permuted` was given."""
    return weight.reshape(heads, weight.shape[0] // heads // 2, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def permuted(weight: Any, heads: int) -> Any:
    """Rows of queries or keys [heads * size, width], each head's two halves interleaved."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def _kind_of(kinds: Any, target: str, data: Any, quantization: str) -> Any:
    """How a tensor is stored."""
    if data.ndim < 2:
        return kinds.F32
    if quantization == "f16" or data.shape[-1] % BLOCK:
        return kinds.F16
    is_table = target.startswith(("token_embd", "output."))
    return kinds.Q8_0 if is_table else kinds[quantization.upper()]
