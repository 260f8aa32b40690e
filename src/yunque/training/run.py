"""One training as files in and files out: a base and packed rows to trained weights.

adapter/  or  weights/    what was tuned, with its tokenizer; an adapter as PEFT has it, weights as an ordinary model
history.json              every step and validation
tensorboard/
energy.json               what it used, where codecarbon is installed
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from yunque.core.plugins import find_part
from yunque.core.progress import quiet, silent
from yunque.core.seams import Objective, Progress
from yunque.data.packing.rows import Rows
from yunque.models.adapt import choose_dtype, continue_adapter, save_adapter, save_whole, trainable
from yunque.models.recipe import ADAPTER, WEIGHTS, ModelRecipe
from yunque.models.tokenizer import load_tokenizer, token_bytes
from yunque.training.checkpoints import BEST, CHECKPOINT, History
from yunque.training.devices import peak_flops
from yunque.training.energy import measured, read, refuse_unknown
from yunque.training.loop import Trainer
from yunque.training.objectives.answers import Batch
from yunque.training.readings import Probe
from yunque.training.recipe import TrainingRecipe


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """Everything that decides a training."""

    base: Path
    """Folder of the base model; of weights that are tuned further, theirs."""
    packed: Path
    """Folder of rows to train and to validate on, and of their tokenizer."""
    new_ids: tuple[int, ...]
    """Tokens that the base does not have yet."""
    unlearned: tuple[int, ...] = ()
    """Tokens that it has, and has never learned: an adapter trains their rows as well."""
    model: ModelRecipe
    training: TrainingRecipe
    seed: int
    adapter: Path | None = None
    """Of an adapter that is trained further."""
    chat: bool = False
    """Whether pairs among the rows stand in the chat template."""

    def trainer(self, folder: Path, **more: Any) -> Trainer:
        """What trains it, with its files in ``folder``; ``more`` is as `Trainer` has it."""
        torch.manual_seed(self.seed)
        tokenizer = load_tokenizer(self.packed / "tokenizer")
        model = trainable(self.base, self.model, tokenizer, list(self.new_ids), list(self.unlearned))
        if self.adapter is not None:
            continue_adapter(model, self.adapter)
        validation = Rows.load(self.packed, "validation")
        objective = find_part("objectives", self.training.objective)(self.training)
        return Trainer(
            model=model,
            objective=objective,
            train=Rows.load(self.packed, "train"),
            validation=validation,
            recipe=self.training,
            peak=self.training.peak(self.model),
            seed=self.seed,
            folder=folder,
            bytes_per_token=bytes_per_token(objective, validation, token_bytes(tokenizer)),
            autocast=self.model.tuning == "full" and choose_dtype(self.model.dtype) == torch.bfloat16,
            peak_flops=peak_flops(),
            **more,
        )


def train(
    job: TrainingJob,
    folder: Path,
    *,
    progress: Progress = silent,
    say: Callable[[str], None] = quiet,
    probes: Sequence[Probe] = (),
) -> dict:
    """Do it, or go on with what an earlier run left in ``folder``; returns what it came to. Raises TrainingError, Paused."""
    started = time.monotonic()
    refuse_unknown(job.training.country)
    trainer = job.trainer(folder, progress=progress, say=say, probes=probes)
    trained = sum(weight.numel() for weight in trainer.weights.values())
    with measured(folder, job.training.country):
        history = trainer.fit()
    (folder / "history.json").write_text(json.dumps(asdict(history)) + "\n")
    tokenizer = load_tokenizer(job.packed / "tokenizer")
    dtype = str(trainer.model.dtype).removeprefix("torch.")
    if job.model.result == WEIGHTS:
        save_whole(trainer.model, tokenizer, folder / WEIGHTS)
    else:
        save_adapter(trainer.model, folder / ADAPTER)
        tokenizer.save_pretrained(folder / ADAPTER)
    for name in (CHECKPOINT, BEST):
        (folder / name).unlink(missing_ok=True)
    return _counts(history, trainer) | {
        "trained_parameters": trained,
        "dtype": dtype,
        "training_s": round(time.monotonic() - started, 1),
        "energy": energy.line() if (energy := read(folder)) else "",
    }


def _counts(history: History, trainer: Trainer) -> dict:
    return {
        "steps": len(history.steps),
        "planned_steps": trainer.num_steps,
        "best_step": history.best_step,
        "best_validation_loss": round(history.best_loss, 5),
        "stopped_early": history.stopped_early,
        "rollbacks": len(history.rollbacks),
    }


def bytes_per_token(objective: Objective, rows: Rows, bytes_V: np.ndarray) -> float:
    """Bytes of text behind a token that the objective looks at, on average; 0 where that cannot be told.

    A token that writes nothing counts with 0 bytes.
    """
    num_bytes = num_tokens = 0
    for row in range(len(rows)):
        batch = objective.batch(rows, np.array([row]), "cpu")
        if not isinstance(batch, Batch):
            return 0.0
        ids = batch.ids_BT[batch.weights_BT > 0].numpy()
        num_bytes, num_tokens = num_bytes + int(bytes_V[ids].sum()), num_tokens + len(ids)
    return num_bytes / num_tokens if num_tokens else 0.0
