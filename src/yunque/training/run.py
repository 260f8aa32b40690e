"""One training as files in and files out: a base and packed rows to trained weights.

adapter/  or  weights/    what was tuned, with its tokenizer; an adapter as PEFT has it, weights as an ordinary model
history.json              every step and validation
job.json                  what several processes are told to do
tensorboard/
energy.json               what it used, where codecarbon is installed
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter

from yunque.core.errors import TrainingError
from yunque.core.plugins import find_part
from yunque.core.progress import quiet, silent
from yunque.core.seams import Objective, Progress
from yunque.data.packing.rows import Rows
from yunque.models.adapt import choose_dtype, continue_adapter, save_adapter, save_whole, trainable
from yunque.models.recipe import ADAPTER, WEIGHTS, ModelRecipe
from yunque.models.tokenizer import load_tokenizer, token_bytes
from yunque.training.checkpoints import BEST, CHECKPOINT, History, put_weights
from yunque.training.checkpoints import read as read_state
from yunque.training.devices import peak_flops
from yunque.training.energy import measured, read, refuse_unknown
from yunque.training.loop import Trainer
from yunque.training.objectives.answers import Batch
from yunque.training.parallel.launch import LOG, launch, takes_launching
from yunque.training.readings import Probe
from yunque.training.recipe import TrainingRecipe, num_steps

HISTORY, JOB = "history.json", "job.json"


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

    def tokenizer(self) -> Any:
        """That of the rows."""
        return load_tokenizer(self.packed / "tokenizer")

    def trainable(self) -> Any:
        """The model, with what is tuned of it as it was before any training."""
        torch.manual_seed(self.seed)
        model = trainable(self.base, self.model, self.tokenizer(), list(self.new_ids), list(self.unlearned))
        if self.adapter is not None:
            continue_adapter(model, self.adapter)
        return model

    def trainer(self, folder: Path, **more: Any) -> Trainer:
        """What trains it, with its files in ``folder``; ``more`` is as `Trainer` has it."""
        model = self.trainable()
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
            bytes_per_token=bytes_per_token(objective, validation, token_bytes(self.tokenizer())),
            autocast=choose_dtype(self.model.dtype) == torch.bfloat16,
            peak_flops=peak_flops(),
            **more,
        )


def fit(
    job: TrainingJob,
    folder: Path,
    *,
    progress: Progress = silent,
    say: Callable[[str], None] = quiet,
    probes: Sequence[Probe] = (),
) -> Trainer:
    """Train in this process (which may be one of several), or go on with what an earlier run left; writes the history."""
    trainer = job.trainer(folder, progress=progress, say=say, probes=probes)
    history = trainer.fit()
    if trainer.processes.is_main_process:
        (folder / HISTORY).write_text(json.dumps(asdict(history)) + "\n")
    return trainer


def train(
    job: TrainingJob,
    folder: Path,
    *,
    progress: Progress = silent,
    say: Callable[[str], None] = quiet,
    probes: Sequence[Probe] = (),
    worker: str = "",
) -> dict:
    """Do it, or go on with what an earlier run left in ``folder``; returns what it came to. Raises TrainingError, Paused.

    ``worker``: a module that runs `fit` of the job in its first argument, for trainings that take several processes.
    """
    started = time.monotonic()
    if job.model.tuning == "qlora" and job.training.shards_weights:
        do = "use sharding = 'none', 'zero1' or 'zero2': a base of 4 bits is small, or tuning = 'lora'"
        raise TrainingError("weights of 4 bits cannot be sharded", where="training.sharding", do=do)
    refuse_unknown(job.training.country)
    several = bool(worker) and takes_launching(job.training)
    with measured(folder, job.training.country, everything=several):
        if several:
            gc.collect()
            torch.cuda.empty_cache()  # of the preflight: the GPU is for others now
            (folder / JOB).write_text(TypeAdapter(TrainingJob).dump_json(job).decode())
            launch(worker, folder, job.training, progress, say)
            model = job.trainable()
            put_weights(model, read_state(folder / BEST)["weights"])
        else:
            model = fit(job, folder, progress=progress, say=say, probes=probes).model
    dtype, trained = str(model.dtype).removeprefix("torch."), sum(p.numel() for p in model.parameters() if p.requires_grad)
    if job.model.result == WEIGHTS:
        save_whole(model, job.tokenizer(), folder / WEIGHTS)
    else:
        save_adapter(model, folder / ADAPTER)
        job.tokenizer().save_pretrained(folder / ADAPTER)
    for path in (*(folder / name for name in (CHECKPOINT, BEST, JOB, LOG)), *folder.glob("*.part"), *folder.glob("*.npy")):
        path.unlink(missing_ok=True)
    history = History(**json.loads((folder / HISTORY).read_text()))
    return _counts(history, num_steps(len(Rows.load(job.packed, "train")), job.training)) | {
        "trained_parameters": trained,
        "dtype": dtype,
        "training_s": round(time.monotonic() - started, 1),
        "energy": energy.line() if (energy := read(folder)) else "",
    }


def _counts(history: History, planned: int) -> dict:
    return {
        "steps": len(history.steps),
        "planned_steps": planned,
        "best_step": history.best_step,
        "best_validation_loss": round(history.best_loss, 5),
        "stopped_early": history.stopped_early,
        "rollbacks": len(history.rollbacks),
        "processes": history.processes,
        "sharding": history.sharding,
    }


def bytes_per_token(objective: Objective, rows: Rows, bytes_V: np.ndarray) -> float:
    """Bytes of text behind a token that the objective looks at, on average; 0 where that cannot be told.

    A token that writes nothing counts with 0 bytes. Of preferences, whose loss is not one of tokens, it is 0.
    """
    if rows.roles is not None:
        return 0.0
    num_bytes = num_tokens = 0
    for row in range(len(rows)):
        batch = objective.batch(rows, np.array([row]), "cpu")
        if not isinstance(batch, Batch):
            return 0.0
        ids = batch.ids_BT[batch.weights_BT > 0].numpy()
        num_bytes, num_tokens = num_bytes + int(bytes_V[ids].sum()), num_tokens + len(ids)
    return num_bytes / num_tokens if num_tokens else 0.0
