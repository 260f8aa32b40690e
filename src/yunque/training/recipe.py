"""What a recipe says about training. Apart from the loop, so that reading a recipe loads no torch."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, Field


class TrainingRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """How the adapter is trained."""

    start: Literal["base", "last"] = "base"
    """what training starts from: the base, or the last adapter here that was made of sources of the same names, if any"""
    objective: str = "answer-cross-entropy"
    """what is minimised (a part of `yunque.objectives`)"""
    learning_rate: float = Field(1e-3, gt=0, le=1)
    """peak of the cosine schedule"""
    weight_decay: float = Field(0.01, ge=0)
    """decoupled (AdamW), on matrices only"""
    warmup_share: float = Field(0.1, ge=0, lt=1)
    """share of steps the learning rate rises in"""
    final_share: float = Field(0.1, ge=0, le=1)
    """share of the peak that the cosine ends at"""
    epochs: float = Field(1.0, gt=0)
    """passes over the packed rows"""
    rows_per_step: int = Field(4, ge=1)
    """packed rows behind one update (all processes together)"""
    rows_at_once: int = Field(1, ge=1)
    """packed rows in one forward pass on one process"""
    clip_norm: float = Field(1.0, gt=0)
    """largest gradient norm"""
    validate_every: int = Field(10, ge=1)
    """steps between validations"""
    patience: int = Field(3, ge=1)
    """validations without a better loss before training stops"""
    checkpoint_every: int = Field(10, ge=1)
    """steps between checkpoints"""


def num_steps(num_rows: int, recipe: TrainingRecipe) -> int:
    """How many updates a training on so many rows takes, if nothing stops it early."""
    return max(1, math.floor(num_rows * recipe.epochs / recipe.rows_per_step))
