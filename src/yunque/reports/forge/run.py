"""What a report of a forge is made from: its artifacts, by role."""

from __future__ import annotations

from dataclasses import dataclass

from yunque.data.contents import SourcePart
from yunque.models.base import BaseFacts
from yunque.store.artifacts import Artifact, Store


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A source of which something is held out, and what both models made of it."""

    source: SourcePart
    suite: Artifact
    base_scores: Artifact
    forged_scores: Artifact


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a report is made from."""

    command: str
    recipe: dict
    base: BaseFacts
    store: Store
    dataset: Artifact
    split: Artifact
    packed: Artifact
    adapter: Artifact
    model: Artifact
    asked: tuple[Asked, ...]
    made: tuple[tuple[Artifact, bool], ...]
    """Artifacts in order, and whether each was made in this run."""
    earlier: tuple[Artifact, ...]
    """Reports on sources of the same names, oldest first."""
    seed: int
    sandbox_tier: str
