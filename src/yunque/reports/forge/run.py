"""What a report of a forge is made from: its artifacts, by role."""

from __future__ import annotations

from dataclasses import dataclass

from yunque.models.base import BaseFacts
from yunque.store.artifacts import Artifact, Store


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What both models made of one suite: two artifacts of kind ``eval``."""

    base: Artifact
    forged: Artifact


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
    tuned: Artifact
    model: Artifact
    suites: tuple[Artifact, ...]
    """The questions on what is held out, an artifact a source."""
    asked: tuple[Asked, ...]
    made: tuple[tuple[Artifact, bool], ...]
    """Artifacts in order, and whether each was made in this run."""
    earlier: tuple[Artifact, ...]
    """Reports on sources of the same names, oldest first."""
    seed: int
    sandbox_tier: str
