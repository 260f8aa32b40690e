"""Plots of a report: inline SVG for the page, PNG files for a README.

The SVG has no ``viewBox``: places are per cent of whatever width it gets, so a plot fills its column while its text and its
strokes keep their size, and its colours are the page's, light or dark. Curves, which cannot be given in per cent, sit in an
inner ``<svg>`` that is stretched under strokes that are not. Labels hang outside the plot area (``overflow: visible``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from yunque.core.nouns import Measure
from yunque.reports.forge.facts import Comparison, ForgeReport, TrainingFacts
from yunque.reports.formatting import MISSING, count, decimal, difference_of, interval_of, percent, short
from yunque.reports.html.markup import Raw, join, tag

MAX_POINTS = 400
"""Drawn of one curve; a longer one is averaged in as many equal stretches."""

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of a plot."""

    points: Sequence[Point]
    style: str
    """Class name: ``train``, ``validation`` or ``aside``."""
    dots: bool = False


# -------------------------------------------------------------------------------------------------------------------- curves
def loss_plot(training: TrainingFacts) -> Raw | None:
    """Loss by step, training and validation, with the kept step marked; None when nothing was recorded."""
    train = [(row.step, row.loss) for row in training.steps if row.loss is not None]
    validation = [(row.step, row.loss) for row in training.validations if row.loss is not None]
    if not train and not validation:
        return None
    best = next((point for point in validation if point[0] == training.best_step), None)
    curves = [Curve(points=thin(train), style="train"), Curve(points=thin(validation), style="validation", dots=True)]
    said = [f"training loss from {short(train[0][1])} to {short(train[-1][1])}"] if train else []
    said += [f"validation loss from {short(validation[0][1])} to {short(validation[-1][1])}"] if validation else []
    said += [f"best {short(best[1], 4)} at step {best[0]}"] if best else []
    return line_plot(curves, label=f"Loss by step: {', '.join(said)}.", height=260, best=best)


def small_plot(points: Sequence[Point], *, label: str) -> Raw | None:
    """One quiet curve from zero up; None when there is nothing to draw."""
    if len(points) < 2:
        return None
    return line_plot([Curve(points=thin(points), style="aside")], label=label, height=72, from_zero=True, num_ticks=3)


def line_plot(
    curves: Sequence[Curve],
    *,
    label: str,
    height: int,
    best: Point | None = None,
    from_zero: bool = False,
    num_ticks: int = 5,
) -> Raw:
    """Curves over a common x axis of steps; ``label`` is what a screen reader says; ``height`` in CSS pixels."""
    points = [point for curve in curves for point in curve.points]
    last = max(x for x, _ in points)
    ys = [y for _, y in points]
    y_ticks = ticks(0.0 if from_zero else min(ys), max(ys), num_ticks)
    x_ticks = [x for x in ticks(0, last, 5) if x <= last and x == int(x)]
    place_x, place_y = _scale(0, last), _scale(y_ticks[-1], y_ticks[0])
    parts = [_row_line(place_y(y), words) for y, words in zip(y_ticks, tick_words(y_ticks), strict=True)]
    parts += [_column_label(place_x(x), f"step {x:,.0f}" if x == 0 else f"{x:,.0f}") for x in x_ticks]
    parts += _best_mark(place_x(best[0]), place_y(best[1]), best) if best else []
    parts.append(_stretched([_path(curve, place_x, place_y) for curve in curves if len(curve.points) > 1]))
    for curve in curves:
        if curve.dots or len(curve.points) == 1:
            parts += [_dot(place_x(x), place_y(y), curve.style) for x, y in curve.points]
    return tag("svg", *parts, class_="plot", width="100%", height=height, role="img", aria_label=label)


def _row_line(y: float, label: str) -> Raw:
    line = tag("line", x1="0", x2="100%", y1=_per_cent(y), y2=_per_cent(y), class_="grid")
    return join((line, tag("text", label, x="-8", y=_per_cent(y), dy="0.35em", text_anchor="end")))


def _column_label(x: float, label: str) -> Raw:
    return tag("text", label, x=_per_cent(x), y="100%", dy="1.6em", text_anchor="start" if x == 0 else "middle")


def _best_mark(x: float, y: float, best: Point) -> list[Raw]:
    words = f"kept: step {best[0]:,.0f}, {short(best[1], 4)}"
    anchor, shift = ("end", "-6") if x > 50 else ("start", "6")
    return [
        tag("line", x1=_per_cent(x), x2=_per_cent(x), y1="0", y2="100%", class_="best"),
        tag("circle", cx=_per_cent(x), cy=_per_cent(y), r="7", class_="best"),
        tag("text", words, x=_per_cent(x), dx=shift, y="0", dy="1em", text_anchor=anchor, class_="best"),
    ]


def _stretched(paths: Sequence[Raw]) -> Raw:
    """The paths, whose coordinates run from 0 to 100, stretched over the whole plot area."""
    return tag("svg", *paths, viewBox="0 0 100 100", preserveAspectRatio="none", width="100%", height="100%")


def _path(curve: Curve, place_x: Callable[[float], float], place_y: Callable[[float], float]) -> Raw:
    places = " ".join(f"{place_x(x):.3f},{place_y(y):.3f}" for x, y in curve.points)
    return tag("polyline", points=places, class_=curve.style, vector_effect="non-scaling-stroke")


def _dot(x: float, y: float, style: str) -> Raw:
    return tag("circle", cx=_per_cent(x), cy=_per_cent(y), r="3.5", class_=f"dot {style}")


# ---------------------------------------------------------------------------------------------------- small plots in a table
def forest_mark(comparison: Comparison) -> Raw:
    """The paired difference with its 95 % interval around zero; right of the line is better for forged.

    Each row has its own scale: the farther end of the interval lies at 92 % of the half width.
    """
    difference = comparison.difference
    ends = [end for end in (difference.value, difference.low, difference.high) if end is not None]
    reach = max((abs(end) for end in ends), default=0.0) or 1.0
    direction = -1.0 if comparison.better == "lower" else 1.0

    def place(value: float) -> str:
        return _per_cent(50 + 46 * direction * value / reach)

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


def interval_mark(measure: Measure) -> Raw:
    """A share with its 95 % interval on a track from 0 to 100 %."""
    value = measure.value or 0.0
    parts = [tag("line", x1="0", x2="100%", y1="50%", y2="50%", class_="grid")]
    if measure.low is not None and measure.high is not None:
        low, high = _per_cent(100 * measure.low), _per_cent(100 * measure.high)
        parts.append(tag("line", x1=low, x2=high, y1="50%", y2="50%", class_="interval"))
    parts.append(tag("circle", cx=_per_cent(100 * value), cy="50%", r="4", class_="point"))
    words = f"{measure.name} {percent(measure.value)}"
    return tag("svg", *parts, class_="forest", width="100%", height="22", role="img", aria_label=words)


def span_bar(start: int, length: int, total: int, style: str) -> Raw:
    """A bar from ``start`` of ``length`` on a track of ``total``: one step of a waterfall, or a share when start is 0."""
    whole = max(total, start + length, 1)
    bar = tag("rect", x=_per_cent(100 * start / whole), width=_per_cent(100 * length / whole), y="0", height="100%")
    label = percent(length / whole)
    return tag("svg", bar, class_=f"bar {style}", width="100%", height="12", role="img", aria_label=label)


# -------------------------------------------------------------------------------------------------------------------- scales
def ticks(low: float, high: float, about: int) -> list[float]:
    """Some ``about`` round numbers, evenly spaced, that enclose low to high: 1, 2 or 5 times a power of ten apart."""
    if not high > low:
        low, high = low - (abs(low) * 0.1 or 1.0), low + (abs(low) * 0.1 or 1.0)
    raw = (high - low) / max(about - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.75)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def tick_words(values: Sequence[float]) -> list[str]:
    """The ticks in words, all with the decimals that their distance needs."""
    step = values[1] - values[0]
    if step < 9e-5:
        return [short(value) for value in values]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [decimal(value, decimals) if value else "0" for value in values]


def thin(points: Sequence[Point], most: int = MAX_POINTS) -> list[Point]:
    """At most ``most`` points: the points themselves, or the means of as many equal stretches of them."""
    if len(points) <= most:
        return list(points)
    edges = [round(index * len(points) / most) for index in range(most + 1)]
    groups = [points[start:end] for start, end in pairwise(edges)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def _scale(start: float, end: float) -> Callable[[float], float]:
    """From a value to its place, 0 to 100, where ``start`` lies at 0."""
    width = (end - start) or 1.0
    return lambda value: 100 * (value - start) / width


def _per_cent(place: float) -> str:
    return f"{place:.2f}%"


# ----------------------------------------------------------------------------------------------------------------- PNG files
INK, GREY, BLUE, GREEN, RED = "#171b21", "#7a8591", "#1d4f9e", "#0a6b4a", "#a9331a"


def write_plots(report: ForgeReport, folder: Path) -> list[Path]:
    """Draw ``loss.png`` and ``comparison.png`` into the folder; gives the files written. Needs matplotlib.

    A plot with nothing to show is not written.
    """
    written = []
    if any(row.loss is not None for row in (*report.training.steps, *report.training.validations)):
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


def _save(figure: object, path: Path) -> Path:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=160, metadata={"Software": None})
    return path
