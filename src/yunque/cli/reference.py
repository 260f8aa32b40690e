"""The reference page, from the code itself: verbs, recipe keys, checks. ``python -m yunque.cli.reference`` prints it.

A test compares ``docs/reference.md`` with what this prints, so nothing can be added without being documented.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any, get_args, get_origin

import typer
from pydantic import BaseModel

from yunque.cli.main import app
from yunque.pipelines.check import CheckRecipe
from yunque.pipelines.recipes import DataRecipe, ForgeRecipe

SEAMS = ("checks", "insertion_checks", "streams", "objectives")
"""Whose parts are listed."""
HEAD = """# Reference

Written by `make reference` from the code; do not edit by hand.
"""


def page() -> str:
    """The whole page as Markdown."""
    recipes = [
        *_recipe("Recipe keys of `yunque forge`", ForgeRecipe),
        *_recipe("Recipe keys of `yunque data`", DataRecipe),
        *_recipe("Keys of `[tool.yunque.check]`", CheckRecipe),
    ]
    return "\n".join([HEAD, *_verbs(), *recipes, *(line for seam in SEAMS for line in _parts(seam))])


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


def _leaves(command: Any, context: Any, path: str = "yunque") -> list[tuple[str, Any]]:
    if not hasattr(command, "list_commands"):
        return [(path, command)]
    leaves = []
    for name in command.list_commands(context):
        leaves += _leaves(command.get_command(context, name), context, f"{path} {name}")
    return leaves


def _recipe(title: str, recipe: type[BaseModel]) -> list[str]:
    lines = [f"## {title}", "", "| key | default | what it decides |", "|---|---|---|", *_keys("", recipe)]
    return [*lines, ""]


def _keys(before: str, recipe: type[BaseModel]) -> list[str]:
    """A row a key; those of a section, or of the tables in an array of them (``[]``), below their name."""
    lines = []
    for name, field in recipe.model_fields.items():
        inner = [item for item in (field.annotation, *get_args(field.annotation)) if _is_section(item)]
        array = "[]" if get_origin(field.annotation) is tuple else ""
        lines += _keys(f"{before}{name}{array}.", inner[0]) if inner else [_row(f"{before}{name}", field)]
    return lines


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _row(key: str, field: Any) -> str:
    described = " ".join((field.description or "").split()).replace("|", "\\|")
    default = "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
    return f"| `{key}` | {default} | {described} |"


def _parts(seam: str) -> list[str]:
    lines = [f"## {seam.capitalize().replace('_', ' ')}", "", f"Entry points of the group `yunque.{seam}`.", ""]
    for point in sorted(entry_points(group=f"yunque.{seam}"), key=lambda point: point.name):
        described = (point.load().__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        lines.append(f"* `{point.name}`: {' '.join(described.split())}")
    return [*lines, ""]


if __name__ == "__main__":
    print(page(), end="")
