"""Find a part by name: an entry point of the group ``yunque.<seam>``, or ``package.module:Attribute``.

Our own parts are listed in our own ``pyproject.toml``, so no registry is privileged.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Mapping
from importlib.metadata import entry_points
from types import MappingProxyType
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


def make_part(seam: str, name: str, options: Mapping[str, Any] = MappingProxyType({}), *, where: str = "") -> Any:
    """The part of that name: made with the options where it is a class, as it is where it is made already.

    RecipeError, which names ``where``, for options that it cannot take.
    """
    part = find_part(seam, name)
    if not isinstance(part, type):
        if options:
            raise RecipeError(f"'{name}' has no options", where=where)
        return part
    if not options:
        return part()
    known = list(inspect.signature(part).parameters)
    if unknown := [option for option in options if option not in known]:
        raise RecipeError(f"'{name}' has no option '{unknown[0]}'", where=where, do=nearest(unknown[0], known))
    try:
        return part(**options)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"'{name}' cannot take these options ({error})", where=where) from error


_FEW = 8
"""So many names are told at once."""


def nearest(name: str, known: list[str]) -> str:
    """A hint: the nearest known name, or all of them; both where there are few and the nearest is not a slip of a finger."""
    every = f"known: {', '.join(sorted(known)) or 'none'}"
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if not close:
        return every
    meant = f"did you mean '{close[0]}'?"
    sure = len(known) > _FEW or difflib.get_close_matches(name, close, cutoff=0.75)
    return meant if sure else f"{meant} {every}"
