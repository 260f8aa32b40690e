"""How weights, gradients and optimizer state lie over processes: here, every process holds all of them.

What stands in a checkpoint does not depend on it: whole tensors by the name of the weight. A run that was begun on eight
sharded processes goes on on one, and the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env
from torch.nn.parallel import DistributedDataParallel

from yunque.core.seams import Objective
from yunque.training.recipe import TrainingRecipe

PATIENCE = timedelta(hours=2)
"""How long processes wait for one another: the main one writes checkpoints and asks the model meanwhile."""
MOMENTS = ("exp_avg", "exp_avg_sq")
"""Adam's, as torch calls them."""


class LossModule(torch.nn.Module):
    """A model and its objective as one module that returns the loss: what DDP, FSDP and DeepSpeed wrap.

    An objective calls parts of a model, and their hooks only run in calls of the whole.
    """

    def __init__(self, model: torch.nn.Module, objective: Objective, *, autocast: bool) -> None:
        super().__init__()
        self.model, self.objective, self.autocast = model, objective, autocast

    def forward(self, batch: Any, what: str = "loss") -> torch.Tensor:
        """The summed loss of a batch, a scalar; or ``what`` else the objective says of a model and a batch."""
        device = next(self.model.parameters()).device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.autocast):
            return getattr(self.objective, what)(self.model, batch)


class Layout:
    """Everything on every process; each learns from rows of its own, and gradients are summed over all (DDP)."""

    name = "none"

    def __init__(self, module: LossModule, recipe: TrainingRecipe, peak: float, processes: PartialState) -> None:
        """``peak``: of the learning rate."""
        self.loss_module, self.recipe, self.peak, self.processes = module, recipe, peak, processes
        self._lay_out()

    def _lay_out(self) -> None:
        """Put the tensors where they belong, and make the optimizer of what is trained."""
        self.wrapped: Any = self.loss_module.to(self.processes.device)
        self.optimizer = self._adam()
        if self.processes.num_processes > 1:
            self.wrapped = DistributedDataParallel(
                self.loss_module, broadcast_buffers=False, find_unused_parameters=True, gradient_as_bucket_view=True
            )

    def _adam(self) -> torch.optim.AdamW:
        groups = decay_groups(self.model, self.weights, self.recipe.weight_decay)
        return torch.optim.AdamW(groups, lr=self.peak, betas=(0.9, self.recipe.beta2), fused=True)

    @property
    def model(self) -> Any:
        """What is trained, as it was given."""
        return self.loss_module.model

    @property
    def weights(self) -> dict[str, torch.nn.Parameter]:
        """What is trained of it, by name, as it lies here."""
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    @property
    def moments_held(self) -> int:
        """How many first moments of the optimizer lie on this process."""
        return sum(self._held(state["exp_avg"]) for state in self.optimizer.state.values() if "exp_avg" in state)

    # ------------------------------------------------------------------------------------------------------------- a step
    def loss(self, batch: Any, what: str = "loss") -> torch.Tensor:
        """The summed loss of a batch of this process; ``what``: see `LossModule`."""
        return self.wrapped(batch, what)

    def backward(self, batch: Any, scale: float, *, last: bool) -> float:
        """Add the gradient of ``scale`` times the loss, summed over processes, and return the loss (of this one).

        ``last``: of the micro-batches of a step. Every process must make as many calls.
        """
        waiting = nullcontext if last else getattr(self.wrapped, "no_sync", nullcontext)  # DDP sends once a step
        with waiting():
            loss = self.loss(batch)
            (loss * (scale * self.processes.num_processes)).backward()  # gradients are averaged over processes
        return loss.item()

    def update(self, rate: float) -> float:
        """Make a step of the optimizer, forget the gradients, and return their norm before it was clipped."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        norm = torch.nn.utils.clip_grad_norm_(list(self.weights.values()), self.recipe.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(self._whole(norm))

    # --------------------------------------------------------------------------------------------------------- whole tensors
    def gathered(self) -> dict[str, torch.Tensor]:
        """What is trained, whole and in main memory; every process must call it, and all but the main one get nothing."""
        return self._kept((name, self._whole(weight.detach())) for name, weight in self.weights.items())

    def take(self, values: dict[str, torch.Tensor]) -> None:
        """Put whole tensors in place of what is trained. KeyError, RuntimeError where they are another model's."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(self._part(values[name], weight))

    def moments(self) -> dict[str, dict[str, torch.Tensor]]:
        """The optimizer's state by name of the weight, whole; empty before the first step. As `gathered` otherwise."""
        state = self.optimizer.state
        return {
            name: self._kept((key, self._whole(value)) for key, value in state[weight].items())
            for name, weight in self.weights.items()
            if weight in state
        }

    def take_moments(self, values: dict[str, dict[str, torch.Tensor]]) -> None:
        """Put back what `moments` gave. KeyError where it is another model's."""
        self.optimizer.state.clear()
        for name, weight in self.weights.items():
            if name in values:  # a weight that never had a gradient has no state
                self.optimizer.state[weight] = {
                    key: value.to(weight.device, copy=True) if key == "step" else self._part(value, weight).clone()
                    for key, value in values[name].items()
                }

    def _kept(self, values: Iterable[tuple[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """In main memory, one after the other, so that a device never holds all of them whole."""
        return {name: value.cpu() for name, value in values if self.processes.is_main_process}

    def _held(self, value: torch.Tensor) -> int:
        return value.numel()

    def _whole(self, value: torch.Tensor) -> torch.Tensor:
        """All of a tensor that lies as the weights do."""
        return value

    def _part(self, value: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The inverse, for what belongs to a weight."""
        return value.to(weight.device)


def decay_groups(model: Any, weights: dict[str, torch.nn.Parameter], decay: float) -> list[dict]:
    """Weight decay on matrices; none on vectors and none on embeddings, nor on rows of them that are trained alone."""
    modules = model.get_input_embeddings(), model.get_output_embeddings()
    tables = tuple(f"{name}." for name, module in model.named_modules() if module in modules)
    decayed = {name for name, weight in weights.items() if weight.ndim >= 2 and not name.startswith(tables)}
    groups = [
        {"params": [weight for name, weight in weights.items() if name in decayed], "weight_decay": decay},
        {"params": [weight for name, weight in weights.items() if name not in decayed], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def this_process() -> PartialState:
    """Which of how many processes this is, and its device; the first call makes them a group where torchrun started them."""
    cpu = not torch.cuda.is_available() or parse_flag_from_env("ACCELERATE_USE_CPU")
    return PartialState(cpu=cpu, timeout=PATIENCE)
