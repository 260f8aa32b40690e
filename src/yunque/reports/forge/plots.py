"""Plots of a forge report: loss and comparisons, inline for the page and as PNG files for a README."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from yunque.core.nouns import Measure
from yunque.reports.forge.comparison import difference_of, interval_of
from yunque.reports.forge.facts import Comparison, ForgeReport, TrainingFacts
from yunque.reports.formatting import MISSING, count, short
from yunque.reports.html.markup import Raw, tag
from yunque.reports.html.plots import Curve, line_plot, per_cent, thin

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def loss_plot(training: TrainingFacts) -> Raw | None:
    """Loss by step, training and validation, with the kept step marked; None when nothing was recorded."""
    train = [(row.step, row.loss) for row in training.steps if row.loss is not None]
    validation = [(row.step, row.loss) for row in training.validations if row.loss is not None]
    if not train and not validation:
        return None
    best = next((point for point in validation if point[0] == training.best_step), None)
    curves = [Curve(points=thin(train), style="train"), Curve(points=thin(validation), style="validation", dots=True)]
    details = [f"training loss from {short(train[0][1])} to {short(train[-1][1])}"] if train else []
    details += [f"validation loss from {short(validation[0][1])} to {short(validation[-1][1])}"] if validation else []
    details += [f"best {short(best[1], 4)} at step {best[0]}"] if best else []
    return line_plot(curves, label=f"Loss by step: {', '.join(details)}.", height=260, best=best)


def forest_mark(comparison: Comparison) -> Raw:
    """The paired difference with its 95 % interval around zero; right of the line is better for forged.

    Each row has its own scale: the farther end of the interval lies at 92 % of the half width.
    """
    difference = comparison.difference
    ends = [end for end in (difference.value, difference.low, difference.high) if end is not None]
    reach = max((abs(end) for end in ends), default=0.0) or 1.0
    direction = -1.0 if comparison.better == "lower" else 1.0

    def place(value: float) -> str:
        return per_cent(50 + 46 * direction * value / reach)

    parts = [tag("line", x1="50%", x2="50%", y1="0", y2="100%", class_="zero")]
    if difference.low is not None and difference.high is not None:
        low, high = place(difference.low), place(difference.high)
        parts.append(tag("line", x1=low, x2=high, y1="50%", y2="50%", class_="interval"))
        parts += [tag("line", x1=end, x2=end, y1="32%", y2="68%", class_="interval") for end in (low, high)]
    if difference.value is not None:
        parts.append(tag("circle", cx=place(difference.value), cy="50%", r="5", class_="point"))
    return tag("svg", *parts, class_="forest", width="100%", height="30", role="img", aria_label=_forest_words(comparison))


def _forest_words(comparison: Comparison) -> str:
    difference = difference_of(comparison)
    if difference == MISSING:
        return "No difference to draw."
    interval = interval_of(comparison, comparison.difference, signed=True)
    return f"Difference {difference} {interval}".strip() + f"; {comparison.better} is better."


INK, GREY, BLUE, GREEN, RED = "#171b21", "#7a8591", "#1d4f9e", "#0a6b4a", "#a9331a"


def write_plots(report: ForgeReport, folder: Path) -> list[Path]:
    """Draw ``loss.png`` and ``comparison.png`` into the folder; returns the files written. Needs matplotlib.

    A plot with nothing to show is not written.
    """
    written = []
    losses = [*(row.loss for row in report.training.steps), *(row.loss for row in report.training.validations)]
    if any(loss is not None for loss in losses):
        written.append(_loss_png(report.training, Path(folder) / "loss.png"))
    if any(comparison.difference.value is not None for comparison in report.comparisons):
        written.append(_comparison_png(report.comparisons, Path(folder) / "comparison.png"))
    return written


def _loss_png(training: TrainingFacts, path: Path) -> Path:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="loss, nats per token")
    train = [(row.step, row.loss) for row in training.steps if row.loss is not None]
    validation = [(row.step, row.loss) for row in training.validations if row.loss is not None]
    if train:
        axes.plot(*zip(*thin(train), strict=True), color=GREY, linewidth=1, label="training")
    if validation:
        axes.plot(*zip(*validation, strict=True), color=BLUE, marker="o", markersize=4, label="validation")
    if training.best_step is not None:
        axes.axvline(training.best_step, color=INK, linewidth=0.8, linestyle=":", label=f"kept: step {training.best_step}")
    axes.legend(frameon=False)
    return _save(figure, path)


def _comparison_png(comparisons: Sequence[Comparison], path: Path) -> Path:
    from matplotlib.figure import Figure

    shown = [comparison for comparison in comparisons if comparison.difference.value is not None]
    figure = Figure(figsize=(7.2, 0.9 + 0.55 * len(shown)), layout="constrained")
    axes = figure.add_subplot(xlim=(-1.08, 1.08), ylim=(len(shown) - 0.4, -0.6))
    axes.axvline(0, color=INK, linewidth=0.8)
    for row, comparison in enumerate(shown):
        low, value, high = _in_own_scale(comparison.difference, comparison.better)
        color = {"better": GREEN, "worse": RED}.get(comparison.verdict, GREY)
        axes.plot((low, high), (row, row), color=color, linewidth=1.6)
        axes.plot((value,), (row,), color=color, marker="o")
        interval = interval_of(comparison, comparison.difference, signed=True)
        axes.text(1.12, row, f"{difference_of(comparison)} {interval}", va="center", fontsize=8, parse_math=False)
    labels = [f"{c.name}\nn = {count(c.difference.n, c.n_of)}".replace("$", r"\$") for c in shown]
    axes.set_yticks(range(len(shown)), labels, fontsize=8)
    axes.set_xticks([])
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("base is better ←   each row in its own scale   → forged is better", fontsize=8)
    return _save(figure, path)


def _in_own_scale(difference: Measure, better: str) -> tuple[float, float, float]:
    """Low, value and high divided by the farthest of them, so that right is better."""
    value = difference.value or 0.0
    low = value if difference.low is None else difference.low
    high = value if difference.high is None else difference.high
    reach = max(abs(low), abs(value), abs(high)) * (-1 if better == "lower" else 1) or 1.0
    return low / reach, value / reach, high / reach


def _save(figure: Figure, path: Path) -> Path:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=160, metadata={"Software": None})
    return path
