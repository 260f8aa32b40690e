"""Which layout a recipe wants."""

from __future__ import annotations

import torch
from accelerate import PartialState

from yunque.training.parallel.layout import Layout, LossModule
from yunque.training.recipe import TrainingRecipe


def layout_for(module: LossModule, recipe: TrainingRecipe, peak: float, processes: PartialState) -> Layout:
    """What the recipe wants where this process is one of those that `launch` or torchrun started; else everything here."""
    if recipe.sharding == "none" or not torch.distributed.is_torchelastic_launched():
        return Layout(module, recipe, peak, processes)
    if recipe.sharding == "fsdp":
        from yunque.training.parallel.fsdp import FullySharded

        return FullySharded(module, recipe, peak, processes)
    from yunque.training.parallel.zero import Zero

    return Zero(module, recipe, peak, processes)
