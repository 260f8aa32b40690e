"""Trainings side by side: what they came to, what their recipes differ in, and their curves, as lines and as a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yunque.reports.formatting import MISSING, aligned, leaves, moment
from yunque.reports.html.document import document
from yunque.reports.html.markup import Column, Raw, join, section, table, tag
from yunque.reports.html.plots import Curve, line_plot, small_plot, thin

STYLES = ("aside", "validation")
"""Of the curves of two runs."""


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One training, finished or not."""

    id: str
    of: str
    """What it learned from."""
    made: str
    """UTC, ISO 8601; empty while it is not finished."""
    recipe: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]
    """As in ``history.json``."""
    validations: Sequence[Mapping[str, Any]]
    best_step: int
    best_loss: float
    took_s: float | None = None

    @property
    def tokens(self) -> int:
        """That were trained on."""
        return self.steps[-1]["tokens_seen"] if self.steps else 0


def run_lines(runs: Sequence[TrainingRun]) -> list[str]:
    """A line for each run, the newest last."""
    cells = [("run", "made (UTC)", "steps", "tokens", "best loss", "at", "took", "of")]
    for run in runs:
        made = moment(run.made).removesuffix(" UTC") if run.made else "not finished"
        took = f"{run.took_s:,.0f} s" if run.took_s is not None else MISSING
        best = f"{run.best_loss:.4f}" if run.validations else MISSING
        cells.append((run.id, made, str(len(run.steps)), f"{run.tokens:,}", best, str(run.best_step), took, run.of))
    return aligned(cells)


def differences(recipes: tuple[Mapping[str, Any], Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Key and both values of everything that two recipes say differently."""
    left, right = (dict(leaves(recipe)) for recipe in recipes)
    for key in sorted({*left, *right}):
        if left.get(key) != right.get(key):
            before, after = (json.dumps(side[key]) if key in side else MISSING for side in (left, right))
            yield key, before, after


def comparison_lines(first: TrainingRun, second: TrainingRun) -> list[str]:
    """What two runs differ in, for a terminal."""
    changed = [f"{key:<32} {before} -> {after}" for key, before, after in differences((first.recipe, second.recipe))]
    better, worse = sorted((first, second), key=lambda run: run.best_loss)
    apart = worse.best_loss - better.best_loss
    outcome = f"best loss {first.best_loss:.4f} and {second.best_loss:.4f}: {better.id} by {apart:.4f}"
    return [*run_lines([first, second]), *(changed or ["the same recipe"]), outcome]


# ------------------------------------------------------------------------------------------------------------------ the page
def render_runs(first: TrainingRun, second: TrainingRun, *, code_version: str) -> str:
    """The page that compares two, as HTML text."""
    runs = (first, second)
    head = tag("header", tag("h1", "Two trainings"), tag("p", f"{first.id} and {second.id}", class_="lede"))
    columns = [
        Column("Run"),
        Column("Of"),
        *(Column(name, numeric=True) for name in ("Steps", "Tokens", "Best loss", "At step")),
    ]
    rows = [
        (run.id, run.of, f"{len(run.steps):,}", f"{run.tokens:,}", f"{run.best_loss:.4f}", f"{run.best_step:,}")
        for run in runs
    ]
    changed = list(differences((first.recipe, second.recipe)))
    recipe: Raw = tag("p", "The same recipe.")
    if changed:
        recipe = table("What the recipes say differently", [Column("Key"), Column(first.id), Column(second.id)], changed)
    sections = [
        section("What they came to", table("Outcome", columns, rows)),
        section("Recipe", recipe),
        section("Validation loss", _curves(runs, "loss", validation=True)),
        section("Training loss", _curves(runs, "loss")),
        *(
            section(title, _pair(runs, name))
            for name, title in (("learning_rate", "Learning rate"), ("grad_norm", "Gradient norm"))
        ),
    ]
    return document("Two trainings", head, *sections, code_version=code_version)


def _curves(runs: Sequence[TrainingRun], name: str, *, validation: bool = False) -> Raw:
    curves = [
        Curve(points=thin([(row["step"], row[name]) for row in (run.validations if validation else run.steps)]), style=style)
        for run, style in zip(runs, STYLES, strict=True)
    ]
    curves = [curve for curve in curves if curve.points]
    if not curves:
        return tag("p", "Nothing was recorded.")
    keys = [
        join((tag("span", class_=f"key {style}", aria_hidden="true"), f"{run.id} "))
        for run, style in zip(runs, STYLES, strict=True)
    ]
    plot = line_plot(curves, label="Loss by step, nats a token.", height=240)
    return tag("figure", tag("figcaption", join(("Nats a token. ", *keys))), plot)


def _pair(runs: Sequence[TrainingRun], name: str) -> Raw:
    figures = []
    for run in runs:
        plot = small_plot([(row["step"], row[name]) for row in run.steps], label=f"{name} of {run.id} by step.")
        if plot is not None:
            figures.append(tag("figure", tag("figcaption", run.id), plot))
    return tag("div", *figures, class_="pair")
