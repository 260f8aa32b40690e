"""What a recipe says about the model. Apart from the code that uses it, so that reading a recipe loads no torch."""

from pydantic import BaseModel, Field

from yunque.models.base import EMBEDDED


class ModelRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """Which base, and how it is adapted."""

    base: str = EMBEDDED
    """embedded base, folder, or Hub name of a Hugging Face causal language model"""
    dtype: str = Field("auto", pattern="^(auto|float32|bfloat16)$")
    """type of the frozen weights while training"""
    lora_rank: int = Field(32, ge=1, le=1024)
    """rank r of every adapter; alpha is 2r"""
    lora_dropout: float = Field(0.05, ge=0, lt=1)
    """share of rank activations dropped while training"""
