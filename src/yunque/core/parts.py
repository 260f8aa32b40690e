"""Find a part by name: an entry point of the group ``yunque.<seam>``, or ``package.module:Attribute``.

Our own parts are listed in our own ``pyproject.toml``, so no registry is privileged.
"""

from __future__ import annotations

import difflib
import importlib
from importlib.metadata import entry_points
from typing import Any

from yunque.core.errors import RecipeError


def find_part(seam: str, name: str) -> Any:
    """The object behind ``name`` for a seam such as ``checks``; RecipeError names the nearest known one."""
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:  # ValueError: no module before the colon
            raise RecipeError(f"cannot load '{name}' ({error})", where=f"yunque.{seam}") from error
    known = {point.name: point for point in entry_points(group=f"yunque.{seam}")}
    if name in known:
        return known[name].load()
    raise RecipeError(f"no {seam.removesuffix('s')} named '{name}'", do=nearest(name, list(known)))


def nearest(name: str, known: list[str]) -> str:
    """A hint: the nearest known name, or all of them."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(sorted(known)) or 'none'}"
