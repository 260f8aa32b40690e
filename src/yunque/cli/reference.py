"""The reference page, from the code itself: verbs, recipe keys, checks. ``python -m yunque.cli.reference`` prints it.

A test compares ``docs/reference.md`` with what this prints, so nothing can be added without being documented.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import typer
from pydantic import BaseModel

from yunque.cli.main import app
from yunque.cli.recipe import ForgeRecipe

HEAD = """# Reference

Written by `make reference` from the code; do not edit by hand.
"""


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([HEAD, *_verbs(), *_recipe(), *_parts("checks"), *_parts("objectives")])


def _verbs() -> list[str]:
    lines = ["## Verbs", ""]
    root = typer.main.get_command(app)
    context = root.make_context("yunque", [], resilient_parsing=True)
    for path, command in _leaves(root, context):
        lines += [f"### `{path}`", "", command.get_short_help_str(200), ""]
        for parameter in command.params:
            described = getattr(parameter, "help", None)
            names = ", ".join(f"`{name}`" for name in parameter.opts)
            if parameter.name != "help":
                lines.append(f"* {names}: {described or 'see `--help`'}")
        lines.append("")
    return lines


def _leaves(command: Any, context: typer.Context, path: str = "yunque") -> list[tuple[str, Any]]:
    if not hasattr(command, "list_commands"):
        return [(path, command)]
    found = []
    for name in command.list_commands(context):
        found += _leaves(command.get_command(context, name), context, f"{path} {name}")
    return found


def _recipe() -> list[str]:
    lines = ["## Recipe keys", "", "| key | default | what it decides |", "|---|---|---|"]
    for name, one in ForgeRecipe.model_fields.items():
        section = one.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            for key, field in section.model_fields.items():
                lines.append(_row(f"{name}.{key}", field))
        else:
            lines.append(_row(name, one))
    return [*lines, ""]


def _row(key: str, field: Any) -> str:
    described = " ".join((field.description or "").split()).replace("|", "\\|")
    return f"| `{key}` | `{field.get_default(call_default_factory=True)!r}` | {described} |"


def _parts(seam: str) -> list[str]:
    lines = [f"## {seam.capitalize()}", "", f"Entry points of the group `yunque.{seam}`.", ""]
    for point in sorted(entry_points(group=f"yunque.{seam}"), key=lambda point: point.name):
        described = (point.load().__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        lines.append(f"* `{point.name}`: {' '.join(described.split())}")
    return [*lines, ""]


if __name__ == "__main__":
    print(page(), end="")
