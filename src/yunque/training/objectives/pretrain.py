"""Pre-training as an objective: every token of every row is learned."""

from __future__ import annotations

import numpy as np
import torch

from yunque.data.packing.rows import Rows
from yunque.training.objectives.answers import AnswerCrossEntropy, Batch


class TokenCrossEntropy(AnswerCrossEntropy):
    """Cross-entropy in nats on every token but padding and the first of a segment, before which nothing comes."""

    def batch(self, data: Rows, rows: np.ndarray, device: torch.device | str = "cpu") -> Batch:
        """The rows with the given indices."""
        segments = data.segments[rows]
        weights = segments > 0
        weights[:, 1:] &= segments[:, 1:] == segments[:, :-1]
        return Batch.of(data, rows, device, weights=weights)
