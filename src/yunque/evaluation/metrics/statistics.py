"""Numbers with intervals, and what may be said of a difference.

Two models answered the same tasks, so everything is paired. Tasks from one file resemble each other, so whole files are
resampled (cluster bootstrap, percentile interval; Efron & Tibshirani 1993, ch. 13; Cameron, Gelbach & Miller 2008). With
fewer than ``MIN_UNITS`` files that interval would be too narrow to believe, and tasks are resampled instead, which the
result says; with fewer than ``MIN_UNITS`` tasks there is no interval and no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from yunque.core.nouns import Measure

RESAMPLES = 10_000
MIN_UNITS = 5


@dataclass(frozen=True, kw_only=True)
class Paired:
    """One measure of two models on the same tasks."""

    base: Measure
    forged: Measure
    difference: Measure
    """Forged minus base."""
    resampled: str
    """``files`` or ``tasks``."""
    verdict: Literal["better", "worse", "cannot tell"]
    """``better``, ``worse`` or ``cannot tell``: of the forged model, by whether the interval excludes 0."""

    @property
    def is_identical(self) -> bool:
        """Whether both models have the same value."""
        return self.base.value == self.forged.value


@dataclass(frozen=True)
class Quantity:
    """What is compared."""

    name: str
    unit: str = ""
    higher_is_better: bool = True


def compare(
    quantity: Quantity,
    base: Sequence[float],
    forged: Sequence[float],
    groups: Sequence[str],
    *,
    weights: tuple[Sequence[float], Sequence[float]] | None = None,
    seed: int = 0,
) -> Paired:
    """Paired comparison of ``sum(values) / sum(weights)`` (weights 1: the mean), with 95 % intervals.

    All sequences have one entry a task; ``groups`` names the file each task came from. ``weights`` are those of the
    base and of the forged model. With no tasks, every value is None.
    """
    n, name, unit = len(base), quantity.name, quantity.unit
    weights = weights or ([1.0] * n, [1.0] * n)
    if not n == len(forged) == len(groups) == len(weights[0]) == len(weights[1]):
        raise ValueError("base, forged, groups and weights must be of one length")
    if n == 0:
        empty = Measure(name=name, value=None, n=0, unit=unit)
        return Paired(base=empty, forged=empty, difference=empty, resampled="tasks", verdict="cannot tell")
    values = np.column_stack([np.asarray(base, float), np.asarray(forged, float)])
    weight = np.column_stack([np.asarray(of_model, float) for of_model in weights])
    point = values.sum(axis=0) / weight.sum(axis=0)
    point = np.append(point, point[1] - point[0])
    if n < MIN_UNITS:
        few = [Measure(name=name, value=float(point[i]), n=n, unit=unit) for i in range(3)]
        return Paired(base=few[0], forged=few[1], difference=few[2], resampled="tasks", verdict="cannot tell")
    by_file = len(set(groups)) >= MIN_UNITS
    sums, shares = _per_unit(values, weight, groups if by_file else [str(i) for i in range(n)])
    draws = _resample(sums, shares, np.random.default_rng(seed))
    drawn = np.column_stack([draws, draws[:, 1] - draws[:, 0]])
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    measures = [
        Measure(name=name, value=float(point[i]), n=n, low=float(low[i]), high=float(high[i]), unit=unit) for i in range(3)
    ]
    sign = 1 if quantity.higher_is_better else -1
    lowest, highest = sorted((sign * low[2], sign * high[2]))
    verdict: Literal["better", "worse", "cannot tell"] = (
        "better" if lowest > 0 else "worse" if highest < 0 else "cannot tell"
    )
    resampled = "files" if by_file else "tasks"
    return Paired(base=measures[0], forged=measures[1], difference=measures[2], resampled=resampled, verdict=verdict)


def describe(
    name: str,
    values: Sequence[float],
    groups: Sequence[str],
    *,
    weights: Sequence[float] | None = None,
    unit: str = "",
    seed: int = 0,
) -> Measure:
    """``sum(values) / sum(weights)`` of one model (weights 1: the mean) with its 95 % interval.

    For shares (every value 0 or 1, every group one value) Wilson's score interval (Wilson 1927), which does not collapse at
    0 and 1; otherwise the same bootstrap over groups as `compare`. With fewer than ``MIN_UNITS`` groups there is none.
    """
    n = len(values)
    if n == 0:
        return Measure(name=name, value=None, n=0, unit=unit)
    weight = np.ones(n) if weights is None else np.asarray(weights, float)
    mean = float(np.sum(values) / weight.sum())
    if len(set(groups)) < MIN_UNITS:
        return Measure(name=name, value=mean, n=n, unit=unit)
    if weights is None and set(values) <= {0.0, 1.0} and len(set(groups)) == n:
        low, high = wilson(mean, n)
    else:
        both = np.column_stack([np.asarray(values, float)] * 2)
        drawn = _resample(*_per_unit(both, np.column_stack([weight] * 2), groups), np.random.default_rng(seed))[:, 0]
        low, high = (float(end) for end in np.percentile(drawn, [2.5, 97.5]))
    return Measure(name=name, value=mean, n=n, low=low, high=high, unit=unit)


def wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """The ends of the interval of a share of n, 95 % unless ``z`` says otherwise (Wilson 1927)."""
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return (max(0.0, middle - half) if share > 0 else 0.0), (min(1.0, middle + half) if share < 1 else 1.0)


def _per_unit(values: np.ndarray, weight: np.ndarray, groups: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Sums of values and of weights per unit of resampling."""
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    sums, shares = np.zeros((len(names), 2)), np.zeros((len(names), 2))
    np.add.at(sums, index, values)
    np.add.at(shares, index, weight)
    return sums, shares


def _resample(sums: np.ndarray, shares: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """[RESAMPLES, 2] ratios of sums over units drawn with replacement; both models share every draw."""
    times = random.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=RESAMPLES)
    return (times @ sums) / (times @ shares)
