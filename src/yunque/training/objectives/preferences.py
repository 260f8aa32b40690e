"""Learning from what was wanted and what was not: DPO, KTO, ORPO on packed rows.

The answers that belong together stand in one row, each a segment of its own, so that a row can be learned from alone and
several micro-batches are one large one. Of a pair, the wanted answer comes first and the other is the next segment.

Log-probabilities of the model before any training (the reference) are asked once and kept with the rows: no second model is
in memory while it trains.

Covered: losses and gradients equal TRL's on the same batch to 1e-4 (`tests/training/objectives/test_preferences.py`).
Not covered: other shapes of the DPO loss (IPO, hinge, …).

Legend: B rows, S segments of a row, A tokens in the batch with a loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from yunque.core.errors import TrainingError
from yunque.data.packing.rows import MISMATCHED, UNWANTED, WANTED, Rows
from yunque.training.objectives.answers import AnswerCrossEntropy, Batch
from yunque.training.recipe import TrainingRecipe


@dataclass(frozen=True, kw_only=True)
class PreferenceBatch(Batch):
    """Rows of answers that were wanted or not."""

    roles_BS: torch.Tensor
    """int8: `WANTED`, `UNWANTED`, `MISMATCHED`, or 0 for no segment."""
    reference_BS: torch.Tensor
    """float32: log-probability of each answer before any training; NaN where it was not asked."""
    places_A: torch.Tensor
    """int64: for each token with a loss, the place of its segment in [B, S]."""


class Preferences:
    """What the objectives here share: sums over answers, and the reference."""

    needs_reference = True

    def __init__(self, recipe: TrainingRecipe | None = None) -> None:
        self.recipe, self.tokens = recipe or TrainingRecipe(), AnswerCrossEntropy()

    def batch(self, data: Rows, rows: np.ndarray, device: torch.device | str = "cpu") -> PreferenceBatch:
        """The rows with the given indices. TrainingError for rows that hold no preferences."""
        if data.roles is None:
            do = "use objective = 'sft', or a data set with preferences"
            raise TrainingError("the rows hold no preferences", where="training.objective", do=do)
        plain = Batch.of(data, rows, device)
        roles_BS = torch.as_tensor(data.roles[rows])
        unknown = np.full(roles_BS.shape, np.nan, dtype=np.float32)
        reference = unknown if data.reference is None else data.reference[rows]
        segments_BT = torch.as_tensor(data.segments[rows].astype(np.int64))
        places_BT = torch.arange(len(rows))[:, None] * roles_BS.shape[1] + segments_BT - 1
        return PreferenceBatch(
            **vars(plain),
            roles_BS=roles_BS.to(device),
            reference_BS=torch.as_tensor(reference).to(device),
            places_A=places_BT.to(device)[:, 1:][plain.weights_BT[:, 1:] > 0],
        )

    def reference(self, model: Any, batch: PreferenceBatch) -> torch.Tensor:
        """float32 [B, S]: log-probability of every answer; 0 where there is none."""
        return self.sums(batch, -self.tokens.token_losses(model, batch))

    def ratios(self, model: Any, batch: PreferenceBatch) -> torch.Tensor:
        """float32 [B, S], with gradient: log of how much likelier every answer has become since the reference."""
        return self.reference(model, batch) - batch.reference_BS

    @staticmethod
    def sums(batch: PreferenceBatch, values_A: torch.Tensor) -> torch.Tensor:
        """[B, S]: values of tokens, added up over the answer that they belong to."""
        zeros = values_A.new_zeros(batch.roles_BS.numel())
        return zeros.index_add(0, batch.places_A, values_A).view(batch.roles_BS.shape)


class PairedPreferences(Preferences):
    """Of pairs: a wanted answer, and right after it one to the same prompt that was not."""

    def weight(self, batch: PreferenceBatch) -> float:
        """The number of pairs."""
        return float((batch.roles_BS == WANTED).sum())

    @staticmethod
    def apart(batch: PreferenceBatch, values_BS: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Values of wanted answers, and of those that were not, pair by pair."""
        return values_BS[batch.roles_BS == WANTED], values_BS[batch.roles_BS == UNWANTED]


class DirectPreference(PairedPreferences):
    """DPO (Rafailov et al. 2023, arXiv:2305.18290, eq. 7): -log sigmoid of beta times the margin of log-ratios."""

    def loss(self, model: Any, batch: PreferenceBatch) -> torch.Tensor:
        """Sum over pairs, with gradient."""
        wanted, unwanted = self.apart(batch, self.ratios(model, batch))
        return -functional.logsigmoid(self.recipe.beta * (wanted - unwanted)).sum()


class OddsRatio(PairedPreferences):
    """ORPO (Hong et al. 2024, arXiv:2403.07691, eq. 6): the loss on the wanted answer, and beta times that of the odds.

    Log-probabilities are means over tokens. There is no reference.
    """

    needs_reference = False

    def loss(self, model: Any, batch: PreferenceBatch) -> torch.Tensor:
        """Sum over pairs, with gradient."""
        losses_A = self.tokens.token_losses(model, batch)
        means_BS = -self.sums(batch, losses_A) / self.sums(batch, torch.ones_like(losses_A)).clamp_min(1)
        wanted, unwanted = self.apart(batch, means_BS)
        log_odds = (wanted - unwanted) - (_log1mexp(wanted) - _log1mexp(unwanted))
        return (-wanted - self.recipe.beta * functional.logsigmoid(log_odds)).sum()


class KahnemanTversky(Preferences):
    """KTO (Ethayarajh et al. 2024, arXiv:2402.01306, eq. 7): answers alone, wanted or not, against a point of reference.

    That point, how far the model has gone from its reference on answers to other prompts, is estimated in each row, so that
    a step cut into micro-batches is the same step. Without such answers in a row it is 0.
    """

    def weight(self, batch: PreferenceBatch) -> float:
        """The number of answers that somebody wanted or did not."""
        return float(((batch.roles_BS == WANTED) | (batch.roles_BS == UNWANTED)).sum())

    def loss(self, model: Any, batch: PreferenceBatch) -> torch.Tensor:
        """Sum over answers, with gradient."""
        ratios_BS = self.ratios(model, batch)
        elsewhere_BS = batch.roles_BS == MISMATCHED
        far_B = torch.where(elsewhere_BS, ratios_BS, 0).sum(dim=1) / elsewhere_BS.sum(dim=1).clamp_min(1)
        far_BS = far_B.detach().clamp_min(0)[:, None].expand_as(ratios_BS)
        total = ratios_BS.new_zeros(())
        for role, sign, weight in ((WANTED, 1, self.recipe.wanted_weight), (UNWANTED, -1, self.recipe.unwanted_weight)):
            here_BS = batch.roles_BS == role
            gains = sign * self.recipe.beta * (ratios_BS[here_BS] - far_BS[here_BS])
            total = total + weight * (1 - torch.sigmoid(gains)).sum()
        return total


def _log1mexp(values: torch.Tensor) -> torch.Tensor:
    """log(1 - e^x) for x < 0, exact at both ends (Maechler 2012)."""
    values = values.clamp_max(-1e-7)
    return torch.where(values > -0.6931472, torch.log(-torch.expm1(values)), torch.log1p(-torch.exp(values)))
