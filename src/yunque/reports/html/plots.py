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

from yunque.core.nouns import Measure
from yunque.reports.formatting import decimal, percent, short
from yunque.reports.html.markup import Raw, join, tag

MAX_POINTS = 400
"""Drawn of one curve; a longer one is averaged in as many equal chunks."""

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of a plot."""

    points: Sequence[Point]
    style: str
    """Class name: ``train``, ``validation`` or ``aside``."""
    dots: bool = False


# -------------------------------------------------------------------------------------------------------------------- curves


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
    x_word: Callable[[float], str] = lambda x: f"step {x:,.0f}" if x == 0 else f"{x:,.0f}",
) -> Raw:
    """Curves over a common x axis, of steps unless ``x_word`` says otherwise.

    ``label`` is what a screen reader says; ``height`` in CSS pixels.
    """
    points = [point for curve in curves for point in curve.points]
    last = max(x for x, _ in points)
    ys = [y for _, y in points]
    y_ticks = ticks(0.0 if from_zero else min(ys), max(ys), num_ticks)
    x_ticks = [x for x in ticks(0, last, 5) if x <= last and x == int(x)]
    place_x, place_y = _scale(0, last), _scale(y_ticks[-1], y_ticks[0])
    parts = [_row_line(place_y(y), words) for y, words in zip(y_ticks, tick_words(y_ticks), strict=True)]
    parts += [_column_label(place_x(x), x_word(x)) for x in x_ticks]
    parts += _best_mark(place_x(best[0]), place_y(best[1]), best) if best else []
    parts.append(_stretched([_path(curve, place_x, place_y) for curve in curves if len(curve.points) > 1]))
    for curve in curves:
        if curve.dots or len(curve.points) == 1:
            parts += [_dot(place_x(x), place_y(y), curve.style) for x, y in curve.points]
    return tag("svg", *parts, class_="plot", width="100%", height=height, role="img", aria_label=label)


def _row_line(y: float, label: str) -> Raw:
    line = tag("line", x1="0", x2="100%", y1=per_cent(y), y2=per_cent(y), class_="grid")
    return join((line, tag("text", label, x="-8", y=per_cent(y), dy="0.35em", text_anchor="end")))


def _column_label(x: float, label: str) -> Raw:
    return tag("text", label, x=per_cent(x), y="100%", dy="1.6em", text_anchor="start" if x == 0 else "middle")


def _best_mark(x: float, y: float, best: Point) -> list[Raw]:
    words = f"kept: step {best[0]:,.0f}, {short(best[1], 4)}"
    anchor, shift = ("end", "-6") if x > 50 else ("start", "6")
    return [
        tag("line", x1=per_cent(x), x2=per_cent(x), y1="0", y2="100%", class_="best"),
        tag("circle", cx=per_cent(x), cy=per_cent(y), r="7", class_="best"),
        tag("text", words, x=per_cent(x), dx=shift, y="0", dy="1em", text_anchor=anchor, class_="best"),
    ]


def _stretched(paths: Sequence[Raw]) -> Raw:
    """The paths, whose coordinates run from 0 to 100, stretched over the whole plot area."""
    return tag("svg", *paths, viewBox="0 0 100 100", preserveAspectRatio="none", width="100%", height="100%")


def _path(curve: Curve, place_x: Callable[[float], float], place_y: Callable[[float], float]) -> Raw:
    places = " ".join(f"{place_x(x):.3f},{place_y(y):.3f}" for x, y in curve.points)
    return tag("polyline", points=places, class_=curve.style, vector_effect="non-scaling-stroke")


def _dot(x: float, y: float, style: str) -> Raw:
    return tag("circle", cx=per_cent(x), cy=per_cent(y), r="3.5", class_=f"dot {style}")


# ---------------------------------------------------------------------------------------------------- small plots in a table


def interval_mark(measure: Measure) -> Raw:
    """A share with its 95 % interval on a track from 0 to 100 %."""
    value = measure.value or 0.0
    parts = [tag("line", x1="0", x2="100%", y1="50%", y2="50%", class_="grid")]
    if measure.low is not None and measure.high is not None:
        low, high = per_cent(100 * measure.low), per_cent(100 * measure.high)
        parts.append(tag("line", x1=low, x2=high, y1="50%", y2="50%", class_="interval"))
    parts.append(tag("circle", cx=per_cent(100 * value), cy="50%", r="4", class_="point"))
    words = f"{measure.name} {percent(measure.value)}"
    return tag("svg", *parts, class_="forest", width="100%", height="22", role="img", aria_label=words)


def span_bar(start: int, length: int, total: int, style: str) -> Raw:
    """A bar from ``start`` of ``length`` on a track of ``total``: one step of a waterfall, or a share when start is 0."""
    whole = max(total, start + length, 1)
    bar = tag("rect", x=per_cent(100 * start / whole), width=per_cent(100 * length / whole), y="0", height="100%")
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
    """At most ``most`` points: the points themselves, or the means of as many equal chunks of them."""
    if len(points) <= most:
        return list(points)
    edges = [round(index * len(points) / most) for index in range(most + 1)]
    groups = [points[start:end] for start, end in pairwise(edges)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def _scale(start: float, end: float) -> Callable[[float], float]:
    """From a value to its place, 0 to 100, where ``start`` lies at 0."""
    width = (end - start) or 1.0
    return lambda value: 100 * (value - start) / width


def per_cent(place: float) -> str:
    """``12.50%``: a place in a plot, or a length, by the width it gets."""
    return f"{place:.2f}%"
