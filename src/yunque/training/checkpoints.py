"""What a run leaves on disk while it goes on: the last state to go on from, the best weights to end with.

checkpoint.pt   step, trained weights, optimizer, history, tensors whole and by name: whole or absent
best.pt         the weights of the best validation so far, with its step and loss: whole or absent
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from yunque.core.errors import TrainingError

CHECKPOINT, BEST = "checkpoint.pt", "best.pt"


@dataclass(kw_only=True)
class History:
    """What happened, row by row; saved with every checkpoint. Losses in nats a token."""

    steps: list[dict] = field(default_factory=list)
    """step, tokens_seen, loss, learning_rate, grad_norm, tokens_per_s (not padding), rows."""
    validations: list[dict] = field(default_factory=list)
    """step, loss."""
    rollbacks: list[dict] = field(default_factory=list)
    """step, data_step (whose rows are passed over from then on), to (the step gone back to), because."""
    readings: list[dict] = field(default_factory=list)
    """name, step, value: numbers that probes saw."""
    best_step: int = 0
    best_loss: float = float("inf")
    stopped_early: bool = False
    processes: int = 1
    """That trained together, at the end, …"""
    sharding: str = "none"
    """… as `training.sharding` has it, …"""
    moments_held: int = 0
    """… and how many first moments of the optimizer the main one of them held."""

    def stale(self) -> int:
        """Validations since the best one."""
        return sum(row["step"] > self.best_step for row in self.validations)


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Replace ``path`` by what ``torch.save`` makes of the state, at once; where that fails, what was there stays."""
    _write(path, lambda file: torch.save(dict(state), file))


def write_array(path: Path, array: np.ndarray) -> None:
    """The same by ``numpy.save``."""
    _write(path, lambda file: np.save(file, array))


def _write(path: Path, save: Callable[[IO[bytes]], None]) -> None:
    draft = path.with_name(path.name + ".part")
    try:
        with open(draft, "wb") as file:
            save(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except (OSError, RuntimeError) as error:  # torch turns a full disk into its own
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise
        what = f"cannot be written ({str(error).splitlines()[0][:100]})"
        raise TrainingError(what, where=path, do="is the disk full? the last checkpoint is kept") from error


def read(path: Path) -> dict[str, Any]:
    """What `write` wrote. TrainingError when it cannot be read."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch, pickle and zipfile each raise their own
        what = f"the checkpoint cannot be read ({type(error).__name__})"
        raise TrainingError(what, where=path, do="delete it to start this step over") from error


def pack_history(history: History) -> str:
    """The history as text."""
    return json.dumps(asdict(history))


def unpack_history(text: str) -> History:
    """What `pack_history` made."""
    return History(**json.loads(text))


def put_weights(model: Any, weights: Mapping[str, torch.Tensor]) -> None:
    """Put what a checkpoint holds into a model that is not trained. TrainingError when it is another model's."""
    parameters = dict(model.named_parameters())
    if missing := weights.keys() - parameters.keys():
        raise TrainingError(f"the checkpoint is another run's: the model has no {min(missing)}")
    with torch.no_grad():
        for name, weight in weights.items():
            parameters[name].copy_(weight)
