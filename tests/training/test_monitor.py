"""What is shown is what was measured."""

import math

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

from yunque.training.monitor import Monitor, flops_per_token, memory_bytes, perplexity, sparkline


def test_bits_per_byte_perplexity_and_memory_are_curves(tmp_path):
    monitor = Monitor(tmp_path, 0, bytes_per_token=4.0)
    monitor.step({"step": 1, "loss": 2.0, "learning_rate": 0.1, "grad_norm": 1.0, "tokens_per_s": 9.0, "mfu": 0.4})
    monitor.validation({"step": 1, "loss": 2.0})
    monitor.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    values = {name: events.Scalars(name)[0].value for name in events.Tags()["scalars"]}
    assert values["validation/bits_per_byte"] == pytest.approx(2.0 / math.log(2) / 4)
    assert values["validation/perplexity"] == values["train/perplexity"] == pytest.approx(math.exp(2))
    assert values["train/mfu"] == pytest.approx(0.4) and values["memory/process_gb"] > 0.05


def test_a_run_without_a_known_size_of_its_tokens_has_no_bits_per_byte(tmp_path):
    monitor = Monitor(tmp_path, 0)
    monitor.validation({"step": 1, "loss": 2.0})
    monitor.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert "validation/bits_per_byte" not in events.Tags()["scalars"]


def test_a_huge_loss_has_a_perplexity():
    assert perplexity(1e4) == math.inf


def test_memory_is_that_of_this_process():
    assert 5e7 < memory_bytes()["process_gb"] < 1e12


@pytest.mark.parametrize(
    ("values", "bars"),
    [([], ""), ([1.0], "▁"), ([2.0, 1.0], "█▁"), ([3, 3, 3], "▁▁▁"), ([math.nan, 1, 2], "▁█"), (range(8), "▁▂▃▄▅▆▇█")],
)  # fmt: skip
def test_a_sparkline(values, bars):
    assert sparkline(values) == bars


def test_a_long_sparkline_is_no_longer_than_it_may_be():
    assert len(sparkline([1 / (1 + step) for step in range(1000)])) <= 16


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("trained", ["all", "vectors"])
def test_flops_are_those_that_torch_counts(tied, trained):
    config = LlamaConfig(
        vocab_size=300, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, tie_word_embeddings=tied,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    if trained == "vectors":
        model.requires_grad_(False)
        for layer in model.model.layers:  # as with adapters, gradients go all the way down, and not to matrices
            layer.input_layernorm.weight.requires_grad_(True)
    ids = torch.randint(300, (1, 16))
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, labels=ids).loss.backward()
    attention = 0  # a few per cent at 16 tokens, which the formula leaves out
    for operation, number in counter.get_flop_counts()["Global"].items():
        attention += number if "attention" in str(operation) or "bmm" in str(operation) else 0
    counted = (counter.get_total_flops() - attention) / 16
    assert flops_per_token(model) == pytest.approx(counted, rel=0.06)
