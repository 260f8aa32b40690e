"""What the checks before a training look at, and how they say what they see."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from yunque.core.nouns import Outcome
from yunque.data.packing.rows import Rows
from yunque.models.adapt import load_model
from yunque.models.tokenizer import ends, load_tokenizer
from yunque.training.loop import Trainer
from yunque.training.plan import model_facts
from yunque.training.run import TrainingJob

LAYERS = 4
"""Of the base, which are run: enough for models that take turns between kinds of layers."""


@dataclass(frozen=True)
class Look:
    """What a check says."""

    outcome: Outcome
    detail: str = ""
    """One line; where it fails, what to do."""
    message: str = ""
    """What is wrong, or should be known."""


def passed(detail: str) -> Look:
    """It holds."""
    return Look(Outcome.PASS, detail)


def warned(message: str) -> Look:
    """It holds, but somebody should know."""
    return Look(Outcome.PASS, message=message)


def skipped(detail: str) -> Look:
    """There is nothing to look at."""
    return Look(Outcome.SKIP, detail)


def failed(message: str, do: str) -> Look:
    """It does not hold."""
    return Look(Outcome.FAIL, do, message)


@dataclass(kw_only=True)
class Preflight:
    """Everything that is looked at before a training."""

    job: TrainingJob
    scratch: Path
    """An empty folder for it."""
    out: Path
    """Where the training will write."""

    # ----------------------------------------------------------------------------------------------------- what is looked at
    @cached_property
    def tokenizer(self) -> Any:
        """Of the rows."""
        return load_tokenizer(self.job.packed / "tokenizer")

    @cached_property
    def ends(self) -> list[int]:
        """Every token that ends an answer, by the tokenizer and by what the base says of generating."""
        return ends(self.tokenizer, self.shape)

    @cached_property
    def shape(self) -> Any:
        """The base without its weights."""
        return load_model(self.job.base, torch.float32, device_map="meta")

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Sizes of the base and of what is trained of it."""
        return model_facts(self.job.base, self.job.model)

    @cached_property
    def rows(self) -> Rows:
        """To train on."""
        return unasked(Rows.load(self.job.packed, "train"))

    @cached_property
    def small(self) -> TrainingJob:
        """The same job on the base's first layers, without dropout, in float32, a few rows at a time."""
        folder = self.scratch / "base"
        model = load_model(self.job.base, torch.float32, config=first_layers(copy.deepcopy(self.shape.config)))
        model.save_pretrained(folder)
        load_tokenizer(self.job.base).save_pretrained(folder)
        tuning = "lora" if self.job.model.tuning == "qlora" else self.job.model.tuning
        recipe = self.job.model.model_copy(update={"dtype": "float32", "dropout": 0.0, "tuning": tuning})
        training = self.job.training.model_copy(
            update={"rows_per_step": 2, "rows_at_once": 1, "label_smoothing": 0.0, "neftune": 0.0, "compile": False}
        )
        return replace(self.job, base=folder, model=recipe, training=training, adapter=None)

    def trainer(self, name: str) -> Trainer:
        """A trainer of the small job with files of its own, on few rows, its adapter away from where it began."""
        folder = self.scratch / name
        folder.mkdir(exist_ok=True)
        trainer = self.small.trainer(folder)
        trainer.train, trainer.validation = self.rows, unasked(trainer.validation.some(slice(1)))
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in trainer.weights.values():
                noise = torch.randn(parameter.shape, generator=generator).to(parameter.device)
                parameter.add_(noise * 0.02)
        return trainer

    @cached_property
    def standing(self) -> Trainer:
        """One that is not trained, in evaluation mode, so that nothing is random."""
        trainer = self.trainer("standing")
        trainer.model.eval()
        return trainer


def unasked(rows: Rows) -> Rows:
    """Rows of preferences as if their reference had found every answer certain; others as they are."""
    return rows if rows.roles is None else replace(rows, reference=np.zeros(rows.roles.shape, dtype=np.float32))


def first_layers(config: Any) -> Any:
    """The config of the first `LAYERS` layers alone."""
    text = config.get_text_config(decoder=True)
    layers = min(LAYERS, text.num_hidden_layers)
    for name, value in list(vars(text).items()):
        if isinstance(value, list) and len(value) == text.num_hidden_layers:
            setattr(text, name, value[:layers])
    text.num_hidden_layers = layers
    return config
