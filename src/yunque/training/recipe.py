"""What a recipe says about training. Apart from the loop, so that reading a recipe loads no torch."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, Field

from yunque.models.recipe import ADAPTER, WEIGHTS, ModelRecipe
from yunque.models.scratch import SCRATCH, peak_rate

RATES = {WEIGHTS: 5e-5, ADAPTER: 5e-4}
"""Peak of the learning rate where a recipe names none; low-rank adapters take about ten times that of full tuning
(Thinking Machines, "LoRA Without Regret", 2025)."""


PREFERENCES = ("dpo", "kto", "orpo")
PREFERENCE_RATES = {WEIGHTS: 1e-6, ADAPTER: 1e-5}
"""The same for objectives that compare answers. At 2e-4 over three epochs they cost a 7 B model most of what it could do, at
5e-6 nothing (CodeAlign: 90 to 24 of 100)."""


class TrainingRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """How the weights are trained."""

    start: Literal["base", "last"] = "base"
    """what training starts from: the base, or the last result here that was made of sources of the same names, if any"""
    objective: str = "sft"
    """what is minimised (a part of `yunque.objectives`): `sft`, cross-entropy on answers; `pretrain`, on every token; \
`dpo`, `kto`, `orpo`, preferences"""
    learning_rate: float | None = Field(None, gt=0, le=1)
    """peak of the schedule; left out, 5e-4 for adapters and 5e-5 for full tuning, a fiftieth of it for preferences, by \
`model.depth` from scratch"""
    schedule: Literal["cosine", "linear", "wsd", "constant"] = "cosine"
    """how the rate falls after the warm-up; `wsd` keeps the peak (warm-up, stable, decay) until the last `decay_share`"""
    warmup_share: float = Field(0.1, ge=0, lt=1)
    """share of steps the learning rate rises in"""
    decay_share: float = Field(0.2, gt=0, le=1)
    """of `wsd`: share of steps the learning rate falls in"""
    final_share: float = Field(0.1, ge=0, le=1)
    """share of the peak that the schedule ends at"""
    weight_decay: float = Field(0.01, ge=0)
    """decoupled (AdamW), on matrices only, embeddings left out"""
    beta2: float = Field(0.999, gt=0, lt=1)
    """how slowly AdamW forgets squared gradients; 0.95 is usual from scratch"""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """share of the target that is spread over the whole vocabulary, while training"""
    neftune: float = Field(0.0, ge=0)
    """alpha of the noise on embeddings (NEFTune), while training; 5 is usual, 0 is none"""
    beta: float = Field(0.1, gt=0)
    """of `dpo` and `kto`: how much being far from the base costs; of `orpo`: what the odds weigh"""
    wanted_weight: float = Field(1.0, gt=0)
    """of `kto`: what an answer that was wanted weighs, …"""
    unwanted_weight: float = Field(1.0, gt=0)
    """… and one that was not; balance them where there are many more of one"""
    epochs: float = Field(1.0, gt=0)
    """passes over the packed rows"""
    rows_per_step: int = Field(4, ge=1)
    """packed rows behind one update (all processes together): what does not fit at once is accumulated"""
    rows_at_once: int = Field(1, ge=1)
    """packed rows in one forward pass on one process"""
    clip_norm: float = Field(1.0, gt=0)
    """largest gradient norm"""
    checkpointing: bool = False
    """recompute activations in the backward pass: much less memory, about a quarter slower"""
    compile: bool = False
    """compile the model with torch.compile: faster on a GPU, minutes of waiting first"""
    processes: int = Field(0, ge=0)
    """how many train together on each machine; 0: as many as it has GPUs, else 1"""
    sharding: Literal["none", "fsdp", "zero1", "zero2", "zero3"] = "none"
    """what is cut into a part for each: `zero1` the optimizer's state, `zero2` gradients too, `zero3` and `fsdp` all"""
    offload: bool = False
    """keep what is sharded in main memory and not on the GPU: slower, for models that do not fit otherwise"""
    machines: int = Field(1, ge=1)
    """that train together, with this folder on a disk that all can see; the others are started by hand (docs/scale.md)"""
    rendezvous: str = Field("", pattern=r"^([\w.-]+:\d+)?$")
    """HOST:PORT of this machine, where the others find it"""
    validate_every: int = Field(10, ge=1)
    """steps between validations"""
    patience: int = Field(3, ge=0)
    """validations without a better loss before training stops; 0: it never stops early"""
    checkpoint_every: int = Field(10, ge=1)
    """steps between checkpoints"""
    country: str = Field("", pattern="^([A-Z]{3})?$")
    """whose electricity is used (ISO 3166, three letters, e.g. `ESP`), for CO2; left out, the world's average"""
    samples: int = Field(2, ge=0)
    """answers to validation pairs that are written to TensorBoard at each validation"""
    suite: str = ""
    """a suite of which a few tasks are asked while training, e.g. `humaneval`; judged in the sandbox beside it"""
    suite_tasks: int = Field(10, ge=1)
    """how many of its tasks, the first ones"""
    suite_every: int = Field(50, ge=1)
    """steps between two times that they are asked, at a validation"""
    spike: float = Field(8.0, gt=0)
    """a loss so many (robust) standard deviations above those before it is taken back; see `watchdog`"""
    max_rollbacks: int = Field(3, ge=0)
    """how often training goes back to its last checkpoint with half the learning rate, for a spike or a loss that is not a \
number, before it gives up"""

    @property
    def shards_weights(self) -> bool:
        """Whether no process has all weights."""
        return self.sharding in ("fsdp", "zero3")

    def peak(self, model: ModelRecipe) -> float:
        """The peak of the learning rate."""
        if self.learning_rate is None and model.base == SCRATCH:
            return peak_rate(model.depth)
        return self.learning_rate or (PREFERENCE_RATES if self.objective in PREFERENCES else RATES)[model.result]


def num_steps(num_rows: int, recipe: TrainingRecipe) -> int:
    """How many updates a training on so many rows takes, if nothing stops it early."""
    return max(1, math.floor(num_rows * recipe.epochs / recipe.rows_per_step))
