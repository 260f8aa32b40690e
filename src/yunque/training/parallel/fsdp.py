"""Weights, gradients and optimizer state in shards, each on one process: PyTorch's FSDP2 (``fully_shard``).

Each decoder layer is gathered when it computes and let go afterwards; embeddings, head and the last norm stay from the
forward pass to the end of the backward pass. Gradients are summed and cut up after every micro-batch: none is ever whole.

Not covered: gathering in bfloat16 what is trained in float32 (full tuning computes under autocast, as on one process).
"""

from __future__ import annotations

from typing import Any

import torch
from torch.distributed.fsdp import CPUOffloadPolicy, OffloadPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from yunque.training.parallel.layout import Layout


class FullySharded(Layout):
    """A shard of everything on every process."""

    name = "fsdp"

    def _lay_out(self) -> None:
        policy = CPUOffloadPolicy() if self.recipe.offload else OffloadPolicy()
        for block in blocks(self.model):
            fully_shard(block, offload_policy=policy)
        self.wrapped: Any = fully_shard(self.loss_module, offload_policy=policy)
        self.optimizer = self._adam()  # of the shards: one of the weights before would train nothing

    def gathered(self) -> dict[str, torch.Tensor]:
        """As in `Layout`."""
        self.wrapped.reshard()  # after a forward pass without a backward one, the root lies there whole
        return super().gathered()

    def take(self, values: dict[str, torch.Tensor]) -> None:
        """As in `Layout`."""
        self.wrapped.reshard()
        super().take(values)

    def _held(self, value: torch.Tensor) -> int:
        return value.to_local().numel() if isinstance(value, DTensor) else value.numel()

    def _whole(self, value: torch.Tensor) -> torch.Tensor:
        return value.full_tensor() if isinstance(value, DTensor) else value

    def _part(self, value: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        assert isinstance(weight, DTensor)
        part = distribute_tensor(value, weight.device_mesh, weight.placements, src_data_rank=None)
        return part.to(weight.device)  # which is not the mesh's where shards are offloaded


def blocks(model: Any) -> list[torch.nn.Module]:
    """The decoder layers: what transformers says must not be split."""
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    names = set(causal._no_split_modules or ())
    return [module for module in causal.modules() if type(module).__name__ in names]
