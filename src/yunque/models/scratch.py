"""A model that has learned nothing yet, of a size that one dial sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SCRATCH = "scratch"
"""As ``model.base``."""
WIDTH_PER_LAYER, HEAD_WIDTH = 64, 64
RATE, RATE_WIDTH = 3e-3, 576
"""Peak of the learning rate at a width; it falls with the root of the width (SmolLM2-135M: 3e-3 at 576)."""


def width_of(depth: int) -> int:
    """D of a model with so many layers (the aspect ratio of nanochat's dial)."""
    return WIDTH_PER_LAYER * depth


def peak_rate(depth: int) -> float:
    """The peak of the learning rate for a model with so many layers."""
    return RATE * (RATE_WIDTH / width_of(depth)) ** 0.5


def config_of(depth: int, vocabulary: int, *, end: int, context_tokens: int = 2048) -> Any:
    """A Llama with ``depth`` layers of width 64 x depth, heads of 64, and tied embeddings."""
    from transformers import LlamaConfig

    width = width_of(depth)
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=-(-8 * width // (3 * 64)) * 64,
        num_hidden_layers=depth,
        num_attention_heads=width // HEAD_WIDTH,
        num_key_value_heads=width // HEAD_WIDTH,
        max_position_embeddings=context_tokens,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=True,
        initializer_range=0.02,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=None,
    )


def new_model(config: Any, tokenizer: Any, folder: Path, seed: int) -> int:
    """Write a model with random weights, and its tokenizer, as an ordinary folder; returns how many weights it has."""
    import torch
    from transformers import AutoModelForCausalLM

    from yunque.models.quiet import quiet

    torch.manual_seed(seed)
    with quiet():
        model = AutoModelForCausalLM.from_config(config)
        turn_end = tokenizer.convert_tokens_to_ids("<|im_end|>")
        stops = [tokenizer.eos_token_id, *([turn_end] if turn_end is not None else [])]
        model.generation_config.eos_token_id = stops
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return model.num_parameters()
