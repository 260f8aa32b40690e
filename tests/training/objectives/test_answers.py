"""The loss on packed rows is the loss of every sample alone, on answers only, whatever else is in the row."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import (
    AutoModelForCausalLM,
    CohereConfig,
    FalconH1Config,
    Gemma3TextConfig,
    GPT2Config,
    GraniteConfig,
    LlamaConfig,
    Qwen2Config,
)

from yunque.data.packing.rows import Rows
from yunque.models.adapt import add_lora, load_model
from yunque.models.recipe import ModelRecipe
from yunque.training.objectives import answers as objectives
from yunque.training.objectives.answers import AnswerCrossEntropy, Batch

VOCABULARY, LENGTH = 424, 48
SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "initializer_range": 0.1,
    "pad_token_id": None,
    "attn_implementation": "sdpa",
}


def rows_of(*layout, seed=5):
    """Rows of random ids; each row is a list of (prompt tokens, answer tokens), the rest is padding."""
    draw = np.random.default_rng(seed)
    ids = np.full((len(layout), LENGTH), VOCABULARY - 1, dtype=np.int32)
    answers, segments = np.zeros(ids.shape, dtype=bool), np.zeros(ids.shape, dtype=np.int16)
    for row, samples in enumerate(layout):
        at = 0
        for number, (prompt, answer) in enumerate(samples, start=1):
            end = at + prompt + answer
            ids[row, at:end] = draw.integers(1, VOCABULARY - 1, prompt + answer)
            answers[row, at + max(prompt, 1) : end] = True
            segments[row, at:end] = number
            at = end
        assert at <= LENGTH
    return Rows(ids=ids, answers=answers, segments=segments)


PACKED = rows_of([(10, 6), (3, 9), (0, 12), (7, 1)], [(20, 5)], [(0, 48)], [(1, 1)])
NUM_ANSWERS = 6 + 9 + 11 + 1 + 5 + 47 + 1


def batch_of(rows=PACKED, which=None):
    return Batch.of(rows, np.arange(len(rows)) if which is None else np.array(which))


@pytest.fixture
def model(fim_folder):
    return load_model(fim_folder, torch.float32).eval()


def alone(model, rows):
    """The same loss, the slow way: every sample by itself, through the model's own logits."""
    total, count = torch.zeros(()), 0
    for ids, answers, segments in zip(rows.ids, rows.answers, rows.segments, strict=True):
        for number in range(1, segments.max() + 1):
            sample = torch.tensor(ids[segments == number].astype(np.int64))[None]
            logits = model(input_ids=sample, use_cache=False).logits[0].float()
            taken = torch.tensor(answers[segments == number])[1:]
            total = total + functional.cross_entropy(logits[:-1][taken], sample[0, 1:][taken], reduction="sum")
            count += int(taken.sum())
    return total, count


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_near(found, wanted, rtol=1e-4):
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert (found[name] - wanted[name]).norm() <= rtol * wanted[name].norm() + 1e-6, name


# ----------------------------------------------------------------------------------------------------------------- the batch
def test_positions_start_again_in_every_segment():
    positions = batch_of(which=[0]).positions_BT[0].tolist()
    assert positions == [*range(16), *range(12), *range(12), *range(8)]


def test_a_token_sees_its_own_segment_up_to_itself():
    mask, segments = batch_of().mask_B1TT[:, 0], PACKED.segments
    for row in range(len(PACKED)):
        for token in range(LENGTH):
            sees = [at for at in range(token + 1) if segments[row, at] == segments[row, token]]
            wanted = sees if segments[row, token] else [token]
            assert mask[row, token].nonzero()[:, 0].tolist() == wanted


def test_padding_is_not_counted_as_tokens():
    assert batch_of().num_tokens == (PACKED.segments > 0).sum() == 48 + 25 + 48 + 2


def loss_of(model, batch):
    """The summed loss and what it is divided by."""
    objective = AnswerCrossEntropy()
    return objective.loss(model, batch), objective.weight(batch)


# ------------------------------------------------------------------------------------------------------------------ the loss
def test_the_packed_loss_is_the_sum_of_every_sample_alone(model):
    loss, count = loss_of(model, batch_of())
    wanted, wanted_count = alone(model, PACKED)
    assert count == wanted_count == NUM_ANSWERS
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5, abs=1e-4)


def test_the_packed_gradients_are_the_sum_of_every_sample_alone(model):
    found = gradients(model, loss_of(model, batch_of())[0])
    assert_near(found, gradients(model, alone(model, PACKED)[0]))


def test_rows_add_up(model):
    together = loss_of(model, batch_of())[0].item()
    single = sum(loss_of(model, batch_of(which=[row]))[0].item() for row in range(len(PACKED)))
    assert together == pytest.approx(single, rel=1e-5)


def test_a_neighbour_in_the_row_changes_nothing(model):
    one, other = rows_of([(16, 0), (3, 9)]), rows_of([(16, 0), (3, 9)])
    other.ids[0, :16] = 1 + other.ids[0, :16] % 7
    losses = [loss_of(model, batch_of(rows))[0].item() for rows in (one, other)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_prompts_get_no_loss_but_are_read(model):
    rows = rows_of([(12, 8)])
    logits = model(input_ids=torch.tensor(rows.ids[:, :20].astype(np.int64)), use_cache=False).logits
    logits.retain_grad()
    found, count = loss_of(model, batch_of(rows))
    wanted = functional.cross_entropy(logits[0, 11:19], torch.tensor(rows.ids[0, 12:20].astype(np.int64)), reduction="sum")
    assert count == 8
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)
    other = rows_of([(12, 8)])
    other.ids[0, :12] = 1 + other.ids[0, :12] % 9
    assert loss_of(model, batch_of(other))[0].item() != pytest.approx(found.item(), rel=1e-3)


def test_the_last_answer_token_counts(model):
    rows = rows_of([(12, 8)])
    before = loss_of(model, batch_of(rows))[0].item()
    rows.ids[0, 19] = 1 + rows.ids[0, 19] % 400
    assert loss_of(model, batch_of(rows))[0].item() != pytest.approx(before, rel=1e-6)


def test_padding_gets_no_loss_and_is_harmless(model):
    """Its ids do not matter, not even as a row of nothing else; neither loss nor gradient is NaN."""
    rows = rows_of([(5, 4)], [])
    loss, count = loss_of(model, batch_of(rows))
    found = gradients(model, loss)
    assert count == 4 and torch.isfinite(loss)
    assert all(torch.isfinite(gradient).all() for gradient in found.values())
    rows.ids[rows.segments == 0] = 17
    assert loss_of(model, batch_of(rows))[0].item() == pytest.approx(loss.item(), rel=1e-6)
    assert loss.item() == pytest.approx(alone(model, rows)[0].item(), rel=1e-5)


def test_no_answers_give_zero_with_a_gradient_to_take(model):
    rows = rows_of([(9, 0)])
    loss, count = loss_of(model, batch_of(rows))
    assert (loss.item(), count) == (0.0, 0)
    torch.autograd.backward(loss + 0 * sum(p.sum() for p in model.parameters()))


@pytest.mark.parametrize("chunk", [1, 7, NUM_ANSWERS - 1, NUM_ANSWERS, 4096])
def test_chunks_change_neither_loss_nor_gradients(model, monkeypatch, chunk):
    loss, count = loss_of(model, batch_of())
    wanted = gradients(model, loss)
    monkeypatch.setattr(objectives, "CHUNK_TOKENS", chunk)
    again, count_again = loss_of(model, batch_of())
    assert count_again == count
    assert again.item() == pytest.approx(loss.item(), rel=1e-6)
    assert_near(gradients(model, again), wanted)


def test_an_adapter_and_its_new_rows_are_in_the_loss(fim_folder):
    """Through the wrappers of PEFT, with new tokens as input and as target."""
    model = load_model(fim_folder, torch.float32)
    adapted = add_lora(model, ModelRecipe(lora_rank=4, dropout=0.0), list(range(VOCABULARY - 4, VOCABULARY))).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in adapted.parameters():
            if weight.requires_grad:
                weight += 0.1 * torch.randn_like(weight)
    rows = rows_of([(10, 6), (3, 9)], [(2, 20)])
    rows.ids[:, 4:40:5] = VOCABULARY - 2
    loss, _ = loss_of(adapted, batch_of(rows))
    wanted, _ = alone(adapted, rows)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    found = gradients(adapted, loss)
    assert all(gradient.abs().sum() > 0 for gradient in found.values())
    assert_near(found, gradients(adapted, alone(adapted, rows)[0]))


# --------------------------------------------------------------------------------------------------------- other model kinds
CONFIGS = {
    "llama": LlamaConfig(**SMALL),
    "llama, untied": LlamaConfig(**SMALL | {"tie_word_embeddings": False}),
    "qwen2": Qwen2Config(**SMALL),
    "gpt2": GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=64, attn_implementation="sdpa"),
    "granite, logits divided": GraniteConfig(**SMALL | {"logits_scaling": 8.0}),
    "gemma3, logits capped": Gemma3TextConfig(**SMALL | {"final_logit_softcapping": 2.0}),
    "cohere, logits multiplied": CohereConfig(**SMALL | {"logit_scale": 0.25}),
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_the_loss_is_the_models_own(kind):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(CONFIGS[kind]).eval()
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(5)  # logits large enough for a scale to be seen
    rows = rows_of([(0, 30)])
    ids = torch.tensor(rows.ids[:, :30].astype(np.int64))
    loss, count = loss_of(model, batch_of(rows))
    assert count == 29
    assert loss.item() / count == pytest.approx(model(input_ids=ids, labels=ids, use_cache=False).loss.item(), rel=1e-4)
    packed, _ = loss_of(model, batch_of())
    assert packed.item() == pytest.approx(alone(model, PACKED)[0].item(), rel=1e-4)


def test_a_scale_of_yet_another_name_is_seen():
    """One sample alone: this architecture carries a state from token to token, which no mask stops at a segment."""
    torch.manual_seed(0)
    mamba = {"mamba_d_ssm": 64, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 16, "mamba_n_groups": 1}
    model = AutoModelForCausalLM.from_config(FalconH1Config(**SMALL | mamba | {"lm_head_multiplier": 0.1})).eval()
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(5)
    rows = rows_of([(0, 30)])
    ids = torch.tensor(rows.ids[:, :30].astype(np.int64))
    loss, count = loss_of(model, batch_of(rows))
    assert loss.item() / count == pytest.approx(model(input_ids=ids, labels=ids, use_cache=False).loss.item(), rel=1e-4)


# ----------------------------------------------------------------------------------------------------- weights and the seam
def test_weights_scale_the_loss_of_their_tokens(model):
    rows, objective = rows_of([(12, 8)]), AnswerCrossEntropy()
    whole, weight = loss_of(model, batch_of(rows))
    halved = Batch.of(rows, np.arange(1), weights=0.5 * rows.answers)
    assert objective.weight(halved) == weight / 2
    assert objective.loss(model, halved).item() == pytest.approx(whole.item() / 2, rel=1e-5)
    first_four = rows.answers * (np.arange(LENGTH) < 16)
    mixed = Batch.of(rows, np.arange(1), weights=(rows.answers + 2.0 * first_four))
    first = objective.loss(model, Batch.of(rows, np.arange(1), weights=first_four)).item()
    assert objective.weight(mixed) == 4 * 3 + 4
    assert objective.loss(model, mixed).item() == pytest.approx(whole.item() + 2 * first, rel=1e-4)


def test_the_first_token_of_a_row_has_no_loss(model):
    rows = rows_of([(0, 30)])
    assert AnswerCrossEntropy().weight(Batch.of(rows, np.arange(1), weights=np.ones((1, LENGTH)))) == LENGTH - 1
