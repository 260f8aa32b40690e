"""The same batch, the same weights: losses, gradients and noise are those of TRL, transformers and PEFT, to 1e-4."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer
from transformers.integrations.neftune import neftune_post_forward_hook
from trl import SFTConfig, SFTTrainer

from tests.training.objectives.test_answers import LENGTH, VOCABULARY, alone, batch_of, rows_of
from yunque.models.adapt import add_lora, load_model
from yunque.models.recipe import ModelRecipe
from yunque.training.objectives.answers import AnswerCrossEntropy
from yunque.training.objectives.pretrain import TokenCrossEntropy
from yunque.training.recipe import TrainingRecipe

ROWS = rows_of([(10, 6), (3, 9), (1, 12), (6, 1)], [(20, 5)], [(8, 40)])


def samples_of(rows):
    """Every sample alone: its ids, and 1 for each token of its answer."""
    for ids, answers, segments in zip(rows.ids, rows.answers, rows.segments, strict=True):
        for number in range(1, segments.max() + 1):
            yield ids[segments == number].tolist(), answers[segments == number].astype(int).tolist()


@pytest.fixture
def trl(fim_folder, tmp_path):
    """TRL's SFT trainer, and all samples as one padded batch of its own collator."""

    def make(model, *, answers=True, **settings):
        samples = list(samples_of(ROWS))
        columns = {"input_ids": [ids for ids, _ in samples]}
        if answers:
            columns["completion_mask"] = [mask for _, mask in samples]
        config = SFTConfig(
            output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to="none", max_length=None, disable_tqdm=True,
            per_device_train_batch_size=len(samples), gradient_checkpointing=False, completion_only_loss=answers, **settings,
        )  # fmt: skip
        tokenizer = AutoTokenizer.from_pretrained(fim_folder)
        trainer = SFTTrainer(model=model, args=config, train_dataset=Dataset.from_dict(columns), processing_class=tokenizer)
        return trainer, next(iter(trainer.get_train_dataloader()))

    return make


def trained(folder):
    """A model in training mode, without dropout."""
    model = load_model(folder, torch.float32).train()
    assert not model.config.attention_dropout
    return model


def mean(objective, model):
    batch = objective.batch(ROWS, np.arange(len(ROWS)))
    return objective.loss(model, batch) / objective.weight(batch)


@pytest.mark.filterwarnings("ignore:`label_smoothing_factor` is deprecated:FutureWarning")
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(("objective", "answers"), [(AnswerCrossEntropy, True), (TokenCrossEntropy, False)])
def test_the_loss_and_its_gradient_are_trls(fim_folder, trl, objective, answers, smoothing):
    theirs, ours = trained(fim_folder), trained(fim_folder)
    trainer, batch = trl(theirs, answers=answers, label_smoothing_factor=smoothing)
    wanted = trainer.compute_loss(trainer.model.train(), batch)
    loss = mean(objective(TrainingRecipe(label_smoothing=smoothing)), ours)
    assert loss.item() == pytest.approx(wanted.item(), abs=1e-4)
    wanted.backward()
    loss.backward()
    for (name, one), (_, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert (one.grad - other.grad).norm() <= 1e-4 * other.grad.norm() + 1e-6, name


def test_a_validation_is_not_smoothed(fim_folder):
    model = trained(fim_folder).eval()
    plain = mean(AnswerCrossEntropy(), model)
    assert mean(AnswerCrossEntropy(TrainingRecipe(label_smoothing=0.3, neftune=5)), model).item() == plain.item()
    assert mean(AnswerCrossEntropy(TrainingRecipe(label_smoothing=0.3)), model.train()).item() != plain.item()


def test_the_noise_is_that_of_transformers(fim_folder):
    """On rows of one sample each that fills them: there both mean the same length."""
    rows = rows_of([(8, LENGTH - 8)], [(20, LENGTH - 20)])
    ours, theirs = trained(fim_folder), trained(fim_folder)
    torch.manual_seed(3)
    objective = AnswerCrossEntropy(TrainingRecipe(neftune=5.0))
    loss = objective.loss(ours, batch_of(rows))
    table = theirs.get_input_embeddings()
    table.neftune_noise_alpha = 5.0
    table.register_forward_hook(neftune_post_forward_hook)
    torch.manual_seed(3)
    ids = torch.tensor(rows.ids.astype(np.int64))
    labels = torch.where(torch.tensor(rows.answers), ids, -100)
    wanted = theirs(input_ids=ids, labels=labels, use_cache=False).loss
    assert loss.item() / objective.weight(batch_of(rows)) == pytest.approx(wanted.item(), abs=1e-4)
    assert wanted.item() != pytest.approx(mean(AnswerCrossEntropy(), ours).item(), abs=1e-4)
    assert not ours.get_input_embeddings()._forward_hooks


def test_noise_is_as_strong_for_a_short_sample_in_a_packed_row_as_alone(fim_folder):
    rows = rows_of([(2, 2), (10, 30)], [(2, 2)])
    lengths = batch_of(rows).lengths_BT
    assert lengths[0, :4].tolist() == lengths[1, :4].tolist() == [4.0] * 4
    assert lengths[0, 4:44].tolist() == [40.0] * 40


@pytest.mark.parametrize("tuning", ["lora", "dora", "rslora"])
def test_an_adapter_is_pefts(fim_folder, tuning):
    """The same adapter weights give the same logits and the same loss as PEFT's own, made by hand."""
    recipe = ModelRecipe(lora_rank=4, dropout=0.0, tuning=tuning)
    ours = add_lora(load_model(fim_folder, torch.float32), recipe, [])
    config = LoraConfig(
        r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM",
        use_dora=tuning == "dora", use_rslora=tuning == "rslora",
    )  # fmt: skip
    theirs = get_peft_model(load_model(fim_folder, torch.float32), config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for (name, one), (same, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            assert name == same
            if one.requires_grad:
                one.copy_(torch.randn(one.shape, generator=generator) * 0.2)
                other.copy_(one)
    loss = mean(AnswerCrossEntropy(), ours)
    total, count = alone(theirs, ROWS)
    assert loss.item() == pytest.approx(total.item() / count, abs=1e-4)
    scale = next(module.scaling["default"] for module in ours.modules() if hasattr(module, "lora_A"))
    assert scale == (8 / 4**0.5 if tuning == "rslora" else 2.0)


@pytest.mark.parametrize("tuning", ["lora", "dora"])
def test_dropout_acts_while_training_alone(fim_folder, tuning):
    torch.manual_seed(0)
    adapted = add_lora(load_model(fim_folder, torch.float32), ModelRecipe(lora_rank=4, dropout=0.5, tuning=tuning), [])
    with torch.no_grad():
        for weight in adapted.parameters():
            if weight.requires_grad:
                weight += 0.1 * torch.randn_like(weight)
    losses = {
        training: {mean(AnswerCrossEntropy(), adapted.train(training)).item() for _ in range(3)}
        for training in (True, False)
    }
    assert len(losses[True]) == 3 and len(losses[False]) == 1


def test_every_token_but_the_first_of_a_segment_is_pretrained():
    rows = rows_of([(10, 6), (3, 9)], [(0, LENGTH)])
    batch = TokenCrossEntropy().batch(rows, np.arange(2))
    assert TokenCrossEntropy().weight(batch) == 15 + 11 + LENGTH - 1
    assert batch.weights_BT[0, 0] == batch.weights_BT[0, 16] == batch.weights_BT[0, 28] == 0
    assert batch.ids_BT.max() < VOCABULARY
