"""The learning rate of a step: a warm-up, then one of four ways down."""

from __future__ import annotations

import math

from yunque.training.recipe import TrainingRecipe


def learning_rate(step: int, num_steps: int, peak: float, recipe: TrainingRecipe) -> float:
    """The rate of step 1 .. ``num_steps``: linear up to the peak, then down to ``final_share`` of it as the recipe says.

    ``wsd``: warm-up, stable, decay (Hu et al. 2024, arXiv:2404.06395), its decay linear.
    """
    warm = max(1, round(num_steps * recipe.warmup_share))
    if step <= warm:
        return peak * step / warm
    if recipe.schedule == "constant":
        return peak
    start = warm
    if recipe.schedule == "wsd":
        start = max(warm, num_steps - round(num_steps * recipe.decay_share))
        if step <= start:
            return peak
    done = (step - start) / max(1, num_steps - start)
    left = 0.5 * (1 + math.cos(math.pi * done)) if recipe.schedule == "cosine" else 1 - done
    return peak * (recipe.final_share + (1 - recipe.final_share) * left)
