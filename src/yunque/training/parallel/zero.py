"""Optimizer state (1), gradients as well (2), weights as well (3) in shards: DeepSpeed's ZeRO (arXiv:1910.02054).

DeepSpeed keeps flat copies of the weights and says which part of one belongs to which weight; checkpoints are made of whole
tensors by name (`layout`), so that what ZeRO leaves out of its own (frozen weights, deepspeed #3090) is missed by nobody.
"""

from __future__ import annotations

from typing import Any

import torch

from yunque.core.errors import TrainingError
from yunque.training.parallel.launch import BUCKET
from yunque.training.parallel.layout import MOMENTS, Layout

try:
    import deepspeed
    from deepspeed.utils import (
        safe_get_full_fp32_param,
        safe_get_full_optimizer_state,
        safe_set_full_fp32_param,
        safe_set_full_optimizer_state,
        safe_set_local_fp32_param,
        safe_set_local_optimizer_state,
    )
except ImportError as error:
    what = f"DeepSpeed cannot be loaded ({error})"
    raise TrainingError(what, where="training.sharding", do="pip install 'yunque[deepspeed]'") from error

# On a CPU it would compile sums through shared memory first, with a compiler that need not be there; gloo's do.
deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


class Zero(Layout):
    """ZeRO of the recipe's stage."""

    def _lay_out(self) -> None:
        self.name, self.stage = self.recipe.sharding, int(self.recipe.sharding.removeprefix("zero"))
        optimizer, config = self._adam(), self.config()  # while weights have their shapes
        if self.stage == 3:  # one weight after the other: the whole may be more than a device holds
            for buffer in self.loss_module.buffers():
                buffer.data = buffer.data.to(self.processes.device)
            deepspeed.zero.Init(module=self.loss_module, config_dict_or_path=config)
        engine, *_ = deepspeed.initialize(model=self.loss_module, optimizer=optimizer, config=config)
        self.wrapped: Any = engine
        self.zero: Any = engine.optimizer
        self.optimizer = self.zero.optimizer
        # DeepSpeed makes the state at its first step, and then (0.19) finds that of the first group of weights alone.
        for flat in self._flats():
            zeros = {key: torch.zeros_like(flat) for key in MOMENTS}
            self.optimizer.state[flat] = {"step": torch.zeros((), device=flat.device)} | zeros
        if self.stage < 3:
            self.zero._lazy_init_hp_params_optimizer_state()
        if self.stage == 3:
            self._keep_tables()

    def config(self) -> dict[str, Any]:
        """As DeepSpeed wants it, out of the recipe."""
        offload = {"device": "cpu" if self.recipe.offload else "none"}
        trained = sum(weight.numel() for weight in self.weights.values())
        zero: dict[str, Any] = {
            "stage": self.stage,
            "offload_optimizer": offload,
            "reduce_bucket_size": min(trained, BUCKET),
        }
        if self.stage == 3:
            zero["offload_param"] = offload
        return {
            "train_micro_batch_size_per_gpu": self.recipe.rows_at_once,
            "gradient_clipping": self.recipe.clip_norm,
            "zero_optimization": zero,
            "zero_allow_untested_optimizer": True,
            "zero_force_ds_cpu_optimizer": False,
            "steps_per_print": 10**9,
        }

    def _keep_tables(self) -> None:
        """Gather embeddings and head for the whole of a loss.

        The head is called once for every chunk of answers, and processes have different numbers of chunks; rows that are
        trained alone are put into their table outside of its own call.
        """
        for table in (self.model.get_input_embeddings(), self.model.get_output_embeddings()):
            for weight in table.parameters():
                for module in (self.loss_module, *table.modules()):
                    deepspeed.zero.register_external_parameter(module, weight)

    # ------------------------------------------------------------------------------------------------------------- a step
    def backward(self, batch: Any, scale: float, *, last: bool) -> float:
        """As in `Layout`."""
        self.wrapped.set_gradient_accumulation_boundary(last)
        loss = self.wrapped(batch)
        self.wrapped.backward(loss * (scale * self.processes.num_processes), scale_wrt_gas=False)
        return loss.item()

    def update(self, rate: float) -> float:
        """As in `Layout`."""
        for group in self.zero.param_groups:
            group["lr"] = rate
        self.wrapped.step()
        return float(self.wrapped.get_global_grad_norm())

    # --------------------------------------------------------------------------------------------------------- whole tensors
    def gathered(self) -> dict[str, torch.Tensor]:
        """As in `Layout`."""
        if self.stage < 3:
            return super().gathered()
        return self._kept((name, safe_get_full_fp32_param(weight)) for name, weight in self.weights.items())

    def take(self, values: dict[str, torch.Tensor]) -> None:
        """As in `Layout`: both what is computed with and DeepSpeed's own copy, which is what it updates."""
        if self.stage == 3:
            self.zero._partition_all_parameters()  # small weights stay gathered after a step, with what they were
        for name, weight in self.weights.items():
            if tuple(values[name].shape) != tuple(getattr(weight, "ds_shape", weight.shape)):
                raise RuntimeError(f"{name} has another shape")
            if self.stage < 3:
                safe_set_full_fp32_param(weight, values[name])
                weight.data.copy_(values[name])
            else:
                shard = self._shard(values[name], weight)
                safe_set_local_fp32_param(weight, shard)
                weight.ds_tensor.data.copy_(shard)  # type: ignore[attr-defined]

    def moments(self) -> dict[str, dict[str, torch.Tensor]]:
        """As in `Layout`."""
        step = self._states()[0]["step"]
        return {
            name: self._kept([*((key, safe_get_full_optimizer_state(weight, key)) for key in MOMENTS), ("step", step)])
            for name, weight in self.weights.items()
        }

    def take_moments(self, values: dict[str, dict[str, torch.Tensor]]) -> None:
        """As in `Layout`."""
        for state in self._states():
            state["step"].fill_(float(next(iter(values.values()))["step"]) if values else 0.0)
        for name, weight in self.weights.items():
            for key in MOMENTS:
                value = values[name][key] if name in values else torch.zeros(getattr(weight, "ds_shape", weight.shape))
                if self.stage < 3:
                    safe_set_full_optimizer_state(weight, value, key)
                else:
                    safe_set_local_optimizer_state(weight, self._shard(value, weight), key)

    def _flats(self) -> list[torch.Tensor]:
        return self.zero.single_partition_of_fp32_groups if self.stage < 3 else self.zero.fp32_partitioned_groups_flat

    def _states(self) -> list[dict[str, torch.Tensor]]:
        return [self.optimizer.state[flat] for flat in self._flats()]

    def _shard(self, value: torch.Tensor, weight: Any) -> torch.Tensor:
        """The part of a whole tensor that lies here: as many elements each, the last ones padded."""
        size = weight.ds_tensor.numel()
        start = size * self.processes.process_index
        part = value.flatten()[start : start + size]
        return torch.nn.functional.pad(part, (0, size - len(part)))
