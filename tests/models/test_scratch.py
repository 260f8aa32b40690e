"""One dial sets width, heads and rate; the model is an ordinary folder that has learned nothing."""

import math

import pytest
import torch

from yunque.models.adapt import load_model
from yunque.models.recipe import ModelRecipe
from yunque.models.scratch import config_of, new_model, peak_rate
from yunque.models.tokenizer import encode, ends, load_tokenizer


@pytest.mark.parametrize("depth", [1, 2, 4, 12])
def test_the_dial(depth):
    config = config_of(depth, 1000, end=0)
    assert config.num_hidden_layers == depth and config.hidden_size == 64 * depth
    assert config.num_attention_heads == depth and config.head_dim == 64
    assert config.intermediate_size % 64 == 0 and config.intermediate_size >= 8 * config.hidden_size / 3
    assert peak_rate(depth) == pytest.approx(3e-3 * math.sqrt(576 / (64 * depth)))


def test_it_knows_nothing_and_the_seed_decides(fim_tokenizer, tmp_path):
    config = config_of(2, len(fim_tokenizer), end=fim_tokenizer.eos_token_id)
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        number = new_model(config, fim_tokenizer, tmp_path / name, seed)
    first, same, other = (load_model(tmp_path / name, torch.float32) for name in ("one", "same", "other"))
    assert number == sum(weight.numel() for weight in first.parameters())
    weights = [model.model.layers[0].mlp.up_proj.weight for model in (first, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    tokenizer = load_tokenizer(tmp_path / "one")
    ids = torch.tensor([encode(tokenizer, "def area(width, height):\n    return width * height\n")])
    with torch.no_grad():
        loss = first(input_ids=ids, labels=ids).loss.item()
    assert loss == pytest.approx(math.log(len(tokenizer)), rel=0.05)
    assert ends(tokenizer, first) == [tokenizer.eos_token_id]


def test_what_has_learned_nothing_is_not_adapted():
    with pytest.raises(ValueError, match="nothing to adapt: set tuning = 'full'"):
        ModelRecipe(base="scratch")
    assert ModelRecipe(base="scratch", tuning="full").depth == 4
