"""What training minimises (seam ``Objective``), and the batch it sees.

Legend: B rows, T tokens a row, D width, V vocabulary, A tokens in the batch with a loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from yunque.data.packing.rows import Rows
from yunque.training.recipe import TrainingRecipe

CHUNK_TOKENS = 512
"""Answer tokens whose V logits are held at once."""
RESCALED = ("final_logit_softcapping", "logits_scaling", "logit_scale", "lm_head_multiplier")
"""Config entries of architectures that do more between the last hidden state and the logits than one matrix product."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some packed rows as tensors."""

    ids_BT: torch.Tensor
    positions_BT: torch.Tensor
    """0, 1, … anew in every segment."""
    mask_B1TT: torch.Tensor | None
    """True where a token (row) may look at a token (column): causal, inside one segment; padding sees itself alone.
    None where every row is one sample, which a model reads as it is: nothing that is learned looks at the padding."""
    weights_BT: torch.Tensor
    """float32: what the loss on a token weighs; 0 for none, as of the first token of a row, before which nothing comes."""
    num_tokens: int
    """Tokens that are not padding."""

    @property
    def lengths_BT(self) -> torch.Tensor:
        """float32: how many tokens the segment of each token has; padding is a segment of its own."""
        starts_BT = self.positions_BT == 0
        numbers_BT = starts_BT.long().cumsum(dim=1) - 1
        sizes_BT = torch.zeros_like(numbers_BT).scatter_add_(1, numbers_BT, torch.ones_like(numbers_BT))
        return sizes_BT.gather(1, numbers_BT).float()

    def alone(self) -> Iterator[Batch]:
        """Every sample of a batch of one row as a batch of its own, as long as it is, without a mask."""
        starts = (self.positions_BT[0] == 0).nonzero()[:, 0].tolist()
        for start, end in zip(starts, [*starts[1:], self.ids_BT.shape[1]], strict=True):
            if self.weights_BT[0, start:end].any():
                yield Batch(
                    ids_BT=self.ids_BT[:, start:end],
                    positions_BT=self.positions_BT[:, start:end],
                    mask_B1TT=None,
                    weights_BT=self.weights_BT[:, start:end],
                    num_tokens=end - start,
                )

    @classmethod
    def of(
        cls, rows: Rows, which: np.ndarray, device: torch.device | str = "cpu", weights: np.ndarray | None = None
    ) -> Batch:
        """The rows with the given indices. ``weights`` [B, T]: 1 for each token of an answer where it is None."""
        weights_BT = torch.as_tensor(rows.answers[which] if weights is None else weights, dtype=torch.float32).clone()
        weights_BT[:, 0] = 0
        segments_BT = torch.as_tensor(rows.segments[which].astype(np.int64))
        positions_BT, mask_B1TT = torch.arange(segments_BT.shape[1]).expand_as(segments_BT), None
        if bool((segments_BT > 1).any()):
            positions_BT, mask_B1TT = _packed(segments_BT)
        return cls(
            ids_BT=torch.as_tensor(rows.ids[which].astype(np.int64)).to(device),
            positions_BT=positions_BT.to(device),
            mask_B1TT=None if mask_B1TT is None else mask_B1TT.to(device),
            weights_BT=weights_BT.to(device),
            num_tokens=int((segments_BT > 0).sum()),
        )


def _packed(segments_BT: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions and mask of rows that hold several samples."""
    length = segments_BT.shape[1]
    index_T = torch.arange(length)
    starts_BT = torch.ones_like(segments_BT, dtype=torch.bool)
    starts_BT[:, 1:] = segments_BT[:, 1:] != segments_BT[:, :-1]
    positions_BT = index_T - torch.cummax(torch.where(starts_BT, index_T, 0), dim=1).values
    same_BTT = segments_BT[:, :, None] == segments_BT[:, None, :]
    real_BTT = (segments_BT > 0)[:, :, None]
    allowed_BTT = torch.where(real_BTT, same_BTT, torch.eye(length, dtype=torch.bool))
    mask_BTT = allowed_BTT & torch.ones(length, length, dtype=torch.bool).tril()
    return positions_BT, mask_BTT[:, None]


class AnswerCrossEntropy:
    """Cross-entropy in nats on the tokens that weigh something: those of answers, each 1.

    Logits are computed where a loss is taken and nowhere else, a chunk at a time: prompts cost no V-wide product.

    While the model trains (``model.training``), and only then: label smoothing (the target is 1 - e on the token and e / V
    on all, Szegedy et al. 2016, arXiv:1512.00567), and noise on embeddings (NEFTune, arXiv:2310.05914), whose length L is
    that of a segment, so that a sample is disturbed alike wherever it is packed.
    """

    def __init__(self, recipe: TrainingRecipe | None = None) -> None:
        recipe = recipe or TrainingRecipe()
        self.label_smoothing, self.neftune = recipe.label_smoothing, recipe.neftune

    def batch(self, data: Rows, rows: np.ndarray, device: torch.device | str = "cpu") -> Batch:
        """The rows with the given indices."""
        return Batch.of(data, rows, device)

    def weight(self, batch: Batch) -> float:
        """The sum of the weights of its tokens: the number of answer tokens."""
        return float(batch.weights_BT.sum(dtype=torch.float64))

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """Sum of weighted token losses, a scalar with gradient; 0 without answers."""
        weights_A = batch.weights_BT[:, 1:][batch.weights_BT[:, 1:] > 0]
        return (self.token_losses(model, batch) * weights_A).sum()

    def token_losses(self, model: Any, batch: Batch) -> torch.Tensor:
        """float32 [A]: the loss on every token that weighs something, row by row."""
        hidden_AD, targets_A = self._answers(model, batch)
        smoothing = self.label_smoothing if model.training else 0.0
        losses = [
            functional.cross_entropy(self._head(model, hidden).float(), targets, reduction="none", label_smoothing=smoothing)
            for hidden, targets in zip(hidden_AD.split(CHUNK_TOKENS), targets_A.split(CHUNK_TOKENS), strict=True)
        ]
        return torch.cat(losses)

    def _answers(self, model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """For each token with a loss, what the model held one token before it (or the logits there), and its id."""
        causal = _causal(model)
        inputs = {
            "input_ids": batch.ids_BT,
            "position_ids": batch.positions_BT,
            "attention_mask": batch.mask_B1TT,
            "use_cache": False,
        }
        noise = _noise(causal, batch, self.neftune) if self.neftune and model.training else nullcontext()
        with noise:
            if _rescales(causal):
                states_BTX = causal(**inputs).logits
            else:
                states_BTX = getattr(causal, causal.base_model_prefix)(**inputs).last_hidden_state
        taken_BT = batch.weights_BT[:, 1:] > 0
        return states_BTX[:, :-1][taken_BT], batch.ids_BT[:, 1:][taken_BT]

    def _head(self, model: Any, hidden: torch.Tensor) -> torch.Tensor:
        causal = _causal(model)
        return hidden if _rescales(causal) else causal.get_output_embeddings()(hidden)


@contextmanager
def _noise(causal: Any, batch: Batch, alpha: float) -> Iterator[None]:
    """Uniform noise on embeddings, of at most alpha / sqrt(L D) each, L the tokens of the segment."""
    lengths_BT = batch.lengths_BT

    def disturb(module: Any, inputs: Any, hidden_BTD: torch.Tensor) -> torch.Tensor:
        most_BT1 = (alpha / (lengths_BT * hidden_BTD.shape[-1]).sqrt())[..., None].to(hidden_BTD.dtype)
        return hidden_BTD + torch.empty_like(hidden_BTD).uniform_(-1, 1) * most_BT1

    handle = causal.get_input_embeddings().register_forward_hook(disturb)
    try:
        yield
    finally:
        handle.remove()


def _causal(model: Any) -> Any:
    """The transformers model inside wrappers (PEFT, DDP)."""
    model = getattr(model, "module", model)
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _rescales(causal: Any) -> bool:
    return any(getattr(causal.config, name, None) not in (None, 1, 1.0) for name in RESCALED)
