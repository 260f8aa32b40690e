"""What a recipe says about the model. Apart from the code that uses it, so that reading a recipe loads no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from yunque.models.base import EMBEDDED
from yunque.models.scratch import SCRATCH

Tuning = Literal["lora", "dora", "rslora", "qlora", "full"]
ADAPTER, WEIGHTS = "adapter", "weights"
"""What a training leaves."""


class ModelRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """Which base, and what of it is trained."""

    base: str = EMBEDDED
    """embedded base, folder, or Hub name of a Hugging Face causal language model; `scratch`: one that has learned nothing"""
    depth: int = Field(4, ge=1, le=64)
    """of `scratch`: layers; width (64 a layer), heads and the learning rate follow"""
    tokenizer: str = ""
    """of `scratch`: folder of a tokenizer; left out, one is trained on what is learned from"""
    vocabulary: int = Field(8192, ge=300, le=1 << 20)
    """of `scratch`: tokens of a tokenizer that is trained"""
    dtype: str = Field("auto", pattern="^(auto|float32|bfloat16)$")
    """type that is computed in; the weights that are trained are float32 in any case"""
    tuning: Tuning = "lora"
    """what is trained: a low-rank adapter (`lora`; `dora` and `rslora` are its variants, `qlora` puts it on a base of 4 \
bits, on a GPU), or `full`, every weight"""
    lora_rank: int = Field(32, ge=1, le=1024)
    """rank r of every adapter"""
    lora_alpha: int | None = Field(None, ge=1)
    """scale of an adapter; 2r where it is left out"""
    dropout: float = Field(0.1, ge=0, lt=1)
    """share dropped while training: of an adapter's rank activations; in full tuning of what the architecture drops"""

    @property
    def result(self) -> str:
        """What a training by it leaves, `ADAPTER` or `WEIGHTS`: the kind of its artifact, and the folder in that."""
        return WEIGHTS if self.tuning == "full" else ADAPTER

    @model_validator(mode="after")
    def _scratch_is_trained_whole(self) -> ModelRecipe:
        if self.base == SCRATCH and self.tuning != "full":
            raise ValueError("a model from scratch has nothing to adapt: set tuning = 'full'")
        return self
