"""The loop: rows and an objective in, the best adapter out.

Everything random is a function of (seed, step): the order of rows, dropout. A checkpoint therefore holds no generator
state, and a killed run resumes to the same next batch and the same loss, bit for bit on a CPU.

Covered: several micro-batches a step give the gradient of one large batch (normalised once, by all that weighs in the
step, over all processes); a loss that is not finite stops the run and names the step; a checkpoint is whole or absent.
Not covered: sharding the frozen weights; rolling back after a loss spike.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from yunque.core.errors import TrainingError
from yunque.core.nouns import seed_from
from yunque.core.progress import silent
from yunque.core.seams import Objective, Progress
from yunque.data.packing.rows import Rows
from yunque.training.recipe import TrainingRecipe, num_steps

CHECKPOINT = "checkpoint.pt"


@dataclass(kw_only=True)
class History:
    """What happened, row by row; saved with every checkpoint. Losses in nats a token."""

    steps: list[dict] = field(default_factory=list)
    """step, tokens_seen, loss, learning_rate, grad_norm, tokens_per_s (not padding), rows."""
    validations: list[dict] = field(default_factory=list)
    """step, loss."""
    best_step: int = 0
    best_loss: float = math.inf
    stopped_early: bool = False

    def stale(self) -> int:
        """Validations since the best one."""
        return sum(row["step"] > self.best_step for row in self.validations)


@dataclass(kw_only=True, eq=False)
class Trainer:
    """One run of training; ``fit`` does it, from the checkpoint in ``folder`` when one is there."""

    model: Any
    objective: Objective
    train: Rows
    """Or any data that has a length and that the objective makes batches of."""
    validation: Rows
    recipe: TrainingRecipe
    seed: int
    folder: Path
    progress: Progress = silent

    def __post_init__(self) -> None:
        self.accelerator = Accelerator(mixed_precision="no")
        self.weights = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        if not self.weights:
            raise TrainingError("the model has nothing to train")
        optimizer = torch.optim.AdamW(
            _decay_groups(self.weights, self.recipe.weight_decay), lr=self.recipe.learning_rate, fused=True
        )
        # Not wrapped in DDP: objectives call parts of the model, and its hooks only run on calls of the whole.
        self.model, self.optimizer = self.model.to(self.accelerator.device), self.accelerator.prepare(optimizer)
        self.num_steps = num_steps(len(self.train), self.recipe)
        self.history = History()
        self.best: dict[str, torch.Tensor] = {}

    # ------------------------------------------------------------------------------------------------------------ the run
    def fit(self) -> History:
        """Train to the end or to an early stop, leave the best weights in the model, and give the history."""
        from torch.utils.tensorboard import SummaryWriter

        step = self._resume()
        curves = SummaryWriter(str(self.folder / "tensorboard"), purge_step=step + 1)
        with self.progress("train", self.num_steps, "steps") as advance, curves:
            advance(step)
            if not self.history.validations:
                self._validate(0, curves)
            while step < self.num_steps and not self.history.stopped_early:
                step += 1
                self._step(step, curves)
                advance(1, f"loss {self.history.steps[-1]['loss']:.3f}")
                if step % self.recipe.validate_every == 0 or step == self.num_steps:
                    self._validate(step, curves)
                if step % self.recipe.checkpoint_every == 0 or step == self.num_steps or self.history.stopped_early:
                    self._checkpoint(step)
        self._take(self.best)
        return self.history

    def _step(self, step: int, curves: Any) -> None:
        """One update from ``rows_per_step`` rows, split over processes and micro-batches."""
        started = time.perf_counter()
        torch.manual_seed(seed_from(self.seed, "dropout", step, self.accelerator.process_index) % 2**63)
        rate = self._learning_rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        which = self.rows_of(step)
        mine = which[self.accelerator.process_index :: self.accelerator.num_processes]
        batches = list(self._batches(self.train, mine))
        weight = self._over_processes(sum(self.objective.weight(batch) for batch in batches))
        if not weight:
            raise TrainingError(f"step {step} has nothing to learn from", do="raise training.rows_per_step")
        total, tokens = 0.0, 0
        for batch in batches:
            loss = self.objective.loss(self.model, batch)
            self.accelerator.backward(loss / weight)
            total, tokens = total + loss.item(), tokens + batch.num_tokens
        total = self._over_processes(total)
        if self.accelerator.num_processes > 1:
            for weight in self.weights.values():
                grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
                weight.grad = self.accelerator.reduce(grad, reduction="sum")
        if not math.isfinite(total):
            raise TrainingError(f"the loss is not finite at step {step}", do="lower training.learning_rate")
        norm = float(self.accelerator.clip_grad_norm_(list(self.weights.values()), self.recipe.clip_norm))
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        tokens = int(self._over_processes(tokens))
        seen = tokens + (self.history.steps[-1]["tokens_seen"] if self.history.steps else 0)
        row = {
            "step": step,
            "tokens_seen": seen,
            "loss": total / weight,
            "learning_rate": rate,
            "grad_norm": norm,
            "tokens_per_s": tokens / (time.perf_counter() - started),
            "rows": [int(index) for index in which],
        }
        self.history.steps.append(row)
        for name in ("loss", "learning_rate", "grad_norm", "tokens_per_s"):
            curves.add_scalar(f"train/{name}", row[name], step)

    def _validate(self, step: int, curves: Any) -> None:
        """Mean loss on the validation rows; the best weights are kept, and patience runs out."""
        self.model.eval()
        total, weight = 0.0, 0.0
        with torch.no_grad():
            for batch in self._batches(self.validation, np.arange(len(self.validation))):
                total += self.objective.loss(self.model, batch).item()
                weight += self.objective.weight(batch)
        if not weight:
            raise TrainingError("the validation rows hold no answer tokens", do="add code, or raise pack.validation_tokens")
        loss = total / weight
        self.history.validations.append({"step": step, "loss": loss})
        curves.add_scalar("validation/loss", loss, step)
        if loss < self.history.best_loss or not self.best:
            self.history.best_loss, self.history.best_step = loss, step
            self.best = {name: weight.detach().to("cpu", copy=True) for name, weight in self.weights.items()}
        self.history.stopped_early = self.history.stale() >= self.recipe.patience and step < self.num_steps

    def _batches(self, data: Any, rows: np.ndarray) -> Iterator[Any]:
        """The rows, ``rows_at_once`` of them at a time."""
        for start in range(0, len(rows), self.recipe.rows_at_once):
            yield self.objective.batch(data, rows[start : start + self.recipe.rows_at_once], self.accelerator.device)

    # ----------------------------------------------------------------------------------------------- functions of the step
    def rows_of(self, step: int) -> np.ndarray:
        """Indices of the training rows behind ``step`` (1-based): consecutive places in endless, seeded epochs."""
        first = (step - 1) * self.recipe.rows_per_step
        places = range(first, first + self.recipe.rows_per_step)
        return np.array([self._epoch_order(place // len(self.train))[place % len(self.train)] for place in places])

    def _epoch_order(self, epoch: int) -> np.ndarray:
        return np.random.default_rng(seed_from(self.seed, "epoch", epoch)).permutation(len(self.train))

    def _learning_rate(self, step: int) -> float:
        """Linear warm-up, then cosine to ``final_share`` of the peak."""
        peak, warm = self.recipe.learning_rate, max(1, round(self.num_steps * self.recipe.warmup_share))
        if step <= warm:
            return peak * step / warm
        done = (step - warm) / max(1, self.num_steps - warm)
        return peak * (self.recipe.final_share + (1 - self.recipe.final_share) * 0.5 * (1 + math.cos(math.pi * done)))

    def _over_processes(self, value: float) -> float:
        if self.accelerator.num_processes == 1:
            return value
        return float(self.accelerator.reduce(torch.tensor(value, device=self.accelerator.device), reduction="sum"))

    # -------------------------------------------------------------------------------------------------------- checkpoints
    def _checkpoint(self, step: int) -> None:
        if not self.accelerator.is_main_process:
            return
        state = {
            "step": step,
            "weights": {name: weight.detach().cpu() for name, weight in self.weights.items()},
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "history": json.dumps(asdict(self.history)),
        }
        temporary = self.folder / (CHECKPOINT + ".part")
        with open(temporary, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.folder / CHECKPOINT)

    def _resume(self) -> int:
        """The step to go on from: 0, or that of a checkpoint whose weights, optimizer and history are then in place."""
        path = self.folder / CHECKPOINT
        if not path.exists():
            return 0
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self._take(state["weights"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.history = History(**json.loads(state["history"]))
            self.best = state["best"]
            return state["step"]
        except Exception as error:  # torch, pickle and zipfile each raise their own
            what = f"the checkpoint cannot be read ({type(error).__name__})"
            raise TrainingError(what, where=path, do="delete it to start this step over") from error

    def _take(self, weights: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(weights[name])


def _decay_groups(weights: dict[str, torch.Tensor], decay: float) -> list[dict]:
    """Weight decay on the adapters' matrices; none on vectors and none on rows of the embedding."""
    matrices = [w for name, w in weights.items() if w.ndim >= 2 and "lora_" in name]
    others = [w for name, w in weights.items() if not (w.ndim >= 2 and "lora_" in name)]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
