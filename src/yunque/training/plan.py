"""What a training will take: memory, hours, energy, money. Measured where the device is at hand, by formula where not.

By formula: memory is weights, gradients, two moments of Adam, the activations that the backward pass reads, and one chunk of
logits; speed is what the device can do by its data sheet, times the share of it that models of this width reach.
Measured: a few steps of the run itself, on rows of random tokens.

Covered: one device, or several that share the rows, each holding everything or, by ``training.sharding``, its part.
Not covered: what devices say to one another takes no time; nor does reading data, nor checkpoints to a slow disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from yunque.core.errors import RecipeError
from yunque.data.packing.rows import PackRecipe, Rows
from yunque.models.adapt import choose_dtype, load_model, trainable
from yunque.models.recipe import ModelRecipe
from yunque.models.tokenizer import load_tokenizer
from yunque.training.devices import Device
from yunque.training.loop import Trainer
from yunque.training.monitor import flops_per_token, memory_bytes
from yunque.training.objectives.answers import CHUNK_TOKENS, AnswerCrossEntropy
from yunque.training.parallel.launch import BUCKET
from yunque.training.recipe import TrainingRecipe, num_steps

BEST_SHARE, FULL_WIDTH = 0.45, 2048
"""Of a device's peak that wide models reach (torchtitan and TRL report 0.33 to 0.5), and the width from which they do."""
ANSWER_SHARE = 0.3
"""Of the tokens of packed pairs that are answers, where nothing is packed yet."""
STEPS = 3
"""That are measured; the first is left out."""
RUNTIME_BYTES = {"cpu": 700_000_000, "cuda": 1_200_000_000}
"""Of Python, torch and a device's context."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be done, in tokens."""

    train_tokens: int
    """All epochs together."""
    validation_tokens: int
    """All validations together."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What it takes. Of several devices, memory is that of one, everything else that of all."""

    device: str
    count: int
    measured: bool
    """Else by formula."""
    parameters: int
    trained_parameters: int
    steps: int
    memory_bytes: int
    tokens_per_s: float
    hours: float
    kwh: float
    co2_kg: float
    usd: float
    fits: bool


# ------------------------------------------------------------------------------------------------------------------ the work
def work_of(pack: PackRecipe, training: TrainingRecipe, rows: int | None = None) -> tuple[Work, int]:
    """The tokens of a training, and its steps: of rows that are there, or of the most that a recipe allows."""
    number = rows if rows is not None else max(1, pack.train_tokens // pack.length_tokens)
    steps = num_steps(number, training)
    validations = 1 + -(-steps // training.validate_every)
    tokens = steps * training.rows_per_step * pack.length_tokens
    return Work(train_tokens=tokens, validation_tokens=validations * pack.validation_tokens), steps


# ------------------------------------------------------------------------------------------------------------------ the plan
@dataclass(kw_only=True)
class Planner:
    """Plans one training of a base in a folder."""

    base: Path
    model: ModelRecipe
    training: TrainingRecipe
    pack: PackRecipe
    rows: int | None = None
    """Packed rows to train on, where they are there."""

    def plan(self, device: Device, count: int, carbon: float, *, measure: bool) -> Plan:
        """What it takes on so many devices; ``measure``: by a few steps, here."""
        work, steps = work_of(self.pack, self.training, self.rows)
        facts = model_facts(self.base, self.model)
        memory, speed = self._measured() if measure else self._formula(facts, device, count)
        if speed <= 0:
            do = "leave --no-measure out, or give a table with --devices"
            raise RecipeError(f"the speed of '{device.name}' is not known", where="--gpu", do=do)
        # A validation has a third of the products of a training step.
        hours = (work.train_tokens + work.validation_tokens / 3) / (speed * count) / 3600
        kwh = hours * count * device.watts / 1000
        return Plan(
            device=device.name,
            count=count,
            measured=measure,
            parameters=facts["parameters"],
            trained_parameters=facts["trained"],
            steps=steps,
            memory_bytes=memory,
            tokens_per_s=speed * count,
            hours=hours,
            kwh=kwh,
            co2_kg=kwh * carbon,
            usd=hours * count * device.usd_per_hour,
            fits=memory <= device.memory_gb * 1e9,
        )

    def _formula(self, facts: Mapping[str, Any], device: Device, count: int) -> tuple[int, float]:
        """Bytes of one device, and tokens a second."""
        share = BEST_SHARE * min(1.0, facts["width"] / FULL_WIDTH) ** 0.5
        kind = "cpu" if device.name == "cpu" else "cuda"
        memory = memory_of(facts, self.model, self.training, self.pack.length_tokens, kind, count)
        return memory, share * device.tflops * 1e12 / facts["flops"]

    def _measured(self) -> tuple[int, float]:
        draw = np.random.default_rng(1)
        tokenizer = load_tokenizer(self.base)
        number = self.training.rows_per_step * STEPS
        ids = draw.integers(0, len(tokenizer), (number, self.pack.length_tokens), dtype=np.int32)
        answers = draw.random(ids.shape) < (1.0 if self.training.objective == "pretrain" else ANSWER_SHARE)
        rows = Rows(ids=ids, answers=answers, segments=np.ones(ids.shape, dtype=np.int16))
        settings = {"epochs": 1.0, "validate_every": 10**9, "checkpoint_every": 10**9, "patience": 0, "spike": 1e9}
        torch.manual_seed(1)
        with TemporaryDirectory() as folder:
            trainer = Trainer(
                model=trainable(self.base, self.model, tokenizer, []),
                objective=AnswerCrossEntropy(self.training),
                train=rows,
                validation=Rows(ids=ids[:1], answers=answers[:1], segments=rows.segments[:1]),
                recipe=self.training.model_copy(update=settings),
                peak=1e-6,
                seed=1,
                folder=Path(folder),
                autocast=choose_dtype(self.model.dtype) == torch.bfloat16,
            )
            speeds = [row["tokens_per_s"] for row in trainer.fit().steps]
        memory = memory_bytes()
        return memory.get("gpu_gb", memory["process_gb"]), float(np.median(speeds[1:] or speeds))


def memory_of(
    facts: Mapping[str, Any], model: ModelRecipe, training: TrainingRecipe, length: int, kind: str, count: int = 1
) -> int:
    """Bytes of one of ``count`` processes by formula, on a ``cpu`` (this one) or ``cuda``.

    A token keeps, in every layer, about 14 vectors of the model's width (norms, queries, keys, values, their rotated forms,
    what attention gave) and 5 of the feed-forward's for the backward pass; with checkpointing one vector, and one layer.
    """
    width = 4 if model.dtype == "float32" or (kind == "cpu" and choose_dtype(model.dtype) == torch.float32) else 2
    layer = 14 * facts["width"] + 5 * facts["ff"] + (6 * model.lora_rank if model.tuning != "full" else 0)
    kept = facts["layers"] * facts["width"] + layer if training.checkpointing else facts["layers"] * layer
    activations = kept * length * training.rows_at_once * width
    logits = 3 * min(CHUNK_TOKENS, length * training.rows_at_once) * facts["vocabulary"] * 4
    states = _states_of(facts, model, training, width, count)
    return int(states + activations + logits + RUNTIME_BYTES[kind])


def _states_of(facts: Mapping[str, Any], model: ModelRecipe, training: TrainingRecipe, width: int, count: int) -> float:
    """Weights, gradients and moments that lie on one of ``count`` processes (Rajbhandari et al. 2019, arXiv:1910.02054)."""
    number = 4 if model.tuning == "full" else 0.6 if model.tuning == "qlora" else width
    tables = 3.4 * facts["tables"] if model.tuning == "qlora" else 0.0  # which stay in float32
    weights = facts["parameters"] * number + tables + (0 if model.tuning == "full" else 4 * facts["trained"])
    gradients, moments = 4 * facts["trained"], 8 * facts["trained"]
    if training.sharding == "none":
        return weights + gradients + moments
    bucket = 0
    if training.sharding != "fsdp":  # DeepSpeed updates a copy of the weights, and keeps room for gradients that it sends
        moments, bucket = moments + 4 * facts["trained"], 4 * min(facts["trained"], BUCKET)
    whole = [weights, gradients, moments]
    first = {"zero1": 2, "zero2": 1}.get(training.sharding, 0)
    shard = 0 if training.offload else sum(whole[first:]) / count
    # Of weights in shards, the tables and two layers (one is fetched ahead) lie there whole.
    gathered = 0 if first else number * (2 * (facts["parameters"] - facts["tables"]) / facts["layers"] + facts["tables"])
    return sum(whole[:first]) + shard + gathered + bucket


def model_facts(base: Path, recipe: ModelRecipe) -> dict[str, Any]:
    """Sizes of a base and of what is trained of it; no weights are loaded."""
    model = load_model(base, torch.float32, device_map="meta")
    config = model.config.get_text_config(decoder=True)
    if recipe.tuning == "full":
        trained = sum(weight.numel() for weight in model.parameters())
    else:
        model.requires_grad_(False)
        linear = [
            part for name, part in model.named_modules() if isinstance(part, torch.nn.Linear) and "lm_head" not in name
        ]
        trained = sum(recipe.lora_rank * (part.in_features + part.out_features) for part in linear)
    return {
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "trained": trained,
        "flops": flops_per_token(model) + (0 if recipe.tuning == "full" else 2 * trained),
        "width": config.hidden_size,
        "ff": getattr(config, "intermediate_size", 4 * config.hidden_size),
        "layers": config.num_hidden_layers,
        "vocabulary": config.vocab_size,
        "tables": config.vocab_size * config.hidden_size * (1 if config.tie_word_embeddings else 2),
    }
