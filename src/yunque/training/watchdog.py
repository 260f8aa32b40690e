"""Whether a step may stand: a loss that is a number, and no spike among those before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

WINDOW, FEWEST = 32, 12
"""Losses that a new one is compared with, and how many there must be."""
LEAST_SHARE = 0.05
"""Of the median, and of one nat: the smallest standard deviation that is believed, since a calm stretch of a run is no
promise, and near 0 everything is far."""


def refuses(loss: float, norm: float, before: Sequence[float], spike: float) -> str:
    """Why the step that gave this loss and gradient norm must be taken back; empty where it may stand.

    A spike is a loss more than ``spike`` robust standard deviations (1.4826 times the median absolute deviation) above the
    median of the last `WINDOW`.
    """
    if not math.isfinite(loss):
        return "the loss is not a number"
    if not math.isfinite(norm):
        return "the gradient is not a number"
    recent = list(before)[-WINDOW:]
    if len(recent) < FEWEST:
        return ""
    middle = median(recent)
    deviation = max(1.4826 * median(abs(value - middle) for value in recent), LEAST_SHARE * max(middle, 1.0))
    return f"the loss rose from {middle:.3f} to {loss:.3f}" if loss > middle + spike * deviation else ""
