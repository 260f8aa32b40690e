"""MinHash signatures of sets, and their bands: records that share a band are worth comparing.

A signature is the least value of each of ``num_hashes`` hash functions over a set (rensa, whole sets, no sampling), so two
sets agree at a place with a probability that is their Jaccard similarity. Of ``bands`` groups of ``rows`` places each, two
records share at least one with probability ``1 - (1 - s ** rows) ** bands``: `choose_bands` takes the steepest such curve
that still finds enough at the threshold, and `Bands.curve` prints it.

Source: A. Broder, On the resemblance and containment of documents, 1997; the bands: J. Leskovec, A. Rajaraman, J. Ullman,
Mining of Massive Datasets, chapter 3.

Covered: the same signatures on every run and for any grouping of the sets.
Not covered: signatures of another version of rensa's algorithm (`algorithm` tells them apart).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yunque.code.shingles import mix
from yunque.core.errors import RecipeError

if TYPE_CHECKING:
    from rensa import RMinHash

SEED = 0x59554E51
NUM_HASHES = 128


@dataclass(frozen=True, kw_only=True)
class Bands:
    """How a signature is cut: ``bands`` groups of ``rows`` places each; places beyond them are not used."""

    bands: int
    rows: int

    @property
    def num_hashes(self) -> int:
        """Places that are used."""
        return self.bands * self.rows

    def probability(self, similarity: float) -> float:
        """That two sets of this Jaccard similarity share a band."""
        return 1.0 - (1.0 - similarity**self.rows) ** self.bands

    def curve(self, similarities: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)) -> str:
        """The probability at each similarity, as lines for a person."""
        lines = [f"{self.bands} bands of {self.rows} rows"]
        return "\n".join(lines + [f"{similarity:.2f}  {self.probability(similarity):.4f}" for similarity in similarities])


def choose_bands(threshold: float, num_hashes: int = NUM_HASHES, recall: float = 0.98) -> Bands:
    """The bands with most rows (fewest needless comparisons) that find ``recall`` of the pairs at the threshold itself.

    Raises RecipeError when no cut of so many hashes does.
    """
    for rows in range(num_hashes, 0, -1):
        bands = Bands(bands=num_hashes // rows, rows=rows)
        if bands.probability(threshold) >= recall:
            return bands
    what = f"{num_hashes} hashes cannot find {recall:.3f} of the pairs at similarity {threshold}"
    raise RecipeError(what, where="duplicates", do="take more hashes, a higher threshold or a lower recall")


def signatures(windows: np.ndarray, bounds: np.ndarray, num_hashes: int) -> np.ndarray:
    """One signature a row (uint32, ``num_hashes`` wide) of sets that lie one after the other; none of them is empty.

    ``windows`` are 64-bit hashes, repetitions do not matter; set i is ``windows[bounds[i]:bounds[i + 1]]``.
    """
    if len(bounds) < 2:
        return np.zeros((0, num_hashes), dtype=np.uint32)
    windows = np.ascontiguousarray(windows, dtype=np.uint64)
    matrix = _rensa().digest_matrix_from_flat_token_hashes(windows, bounds.astype(np.uint64), num_hashes, SEED)
    return np.array(matrix.to_rows(), dtype=np.uint32)


def algorithm() -> str:
    """What signatures are made by: those of two versions cannot be compared."""
    return f"rensa-full-set-{_rensa().ALGORITHM_VERSION}"


def _rensa() -> type[RMinHash]:
    try:
        from rensa import RMinHash
    except ImportError:
        raise RecipeError("near duplicates need rensa", where="duplicates", do="pip install 'yunque[data]'") from None
    return RMinHash


def band_keys(signed: np.ndarray, bands: Bands) -> np.ndarray:
    """A 64-bit key of each band of each signature (rows of ``bands.bands``): equal where the band is."""
    parts = signed[:, : bands.num_hashes].astype(np.uint64).reshape(len(signed), bands.bands, bands.rows)
    keys = np.broadcast_to(np.arange(1, bands.bands + 1, dtype=np.uint64), parts.shape[:2])
    for row in range(bands.rows):
        keys = mix(parts[:, :, row].copy(), keys)
    return keys
