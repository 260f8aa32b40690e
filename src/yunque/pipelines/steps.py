"""What every road is made of: steps that are found when they are there, and said once each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from yunque.store.artifacts import Artifact, Store


@dataclass(kw_only=True)
class Steps:
    """Makes the artifacts of a road, one after another; several roads that share it are one run."""

    store: Store
    seed: int
    say: Callable[[str], None]
    """Told once per step, with one line."""
    made: list[tuple[Artifact, bool]] = field(default_factory=list)
    """Artifacts in order, and whether each was made in this run."""

    def make(self, kind: str, name: str, build: Callable[[Path], dict], **inputs: Any) -> Artifact:
        """The artifact that these inputs decide (`Store.make`): found, or made by ``build``; ``name`` is for people."""
        artifact, new = self.store.make(kind, build, seed=self.seed, name=name, **inputs)
        if any(artifact.id == earlier.id for earlier, _ in self.made):
            return artifact  # two steps of this run need it
        self.made.append((artifact, new))
        took = f"{artifact.manifest.took_s:.1f} s" if new else "already there"
        self.say(f"{kind:<10} {artifact.id}  {took}  {name}")
        return artifact


def plain(recipe: BaseModel) -> dict:
    """A recipe as the JSON values that decide an artifact."""
    return recipe.model_dump(mode="json")
