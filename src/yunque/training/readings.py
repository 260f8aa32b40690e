"""What probes see of a model while it trains. Apart from the monitor, so that a probe can be named without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a probe saw of the model at a step."""

    name: str
    """Of a curve, or of a text."""
    step: int
    value: float | str


class Probe(Protocol):
    """Looks at the model while it trains."""

    def __call__(self, model: Any, step: int) -> list[Reading]:
        """After the validation of a step, in evaluation mode; may give what an earlier call found out meanwhile."""
        ...

    def close(self) -> list[Reading]:
        """What is left, when training has ended."""
        ...
