"""Elements that escape by default: a ``str`` is text and is escaped, a ``Raw`` is markup and is not.

Only ``tag`` and ``join`` make a ``Raw`` from data, so nothing that came from a corpus can become markup.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from yunque.reports.formatting import visible

VOID = {"input", "meta", "br", "hr", "col"}


class Raw(str):
    """Markup that is safe as it is."""

    __slots__ = ()


def text(value: object) -> Raw:
    """The value as escaped text; a Raw comes back unchanged."""
    return value if isinstance(value, Raw) else Raw(html.escape(visible(str(value)), quote=True))


def join(children: Iterable[object], separator: str = "") -> Raw:
    """The children one after the other, each escaped unless it is Raw."""
    return Raw(separator.join(text(child) for child in children))


def tag(name: str, /, *children: object, **attributes: object) -> Raw:
    """One element. ``class_`` is ``class``, ``aria_label`` is ``aria-label``; an attribute that is None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items() if value is not None
    )
    return Raw(f"<{name}{written}>") if name in VOID else Raw(f"<{name}{written}>{join(children)}</{name}>")


def section(title: str, *body: object) -> Raw:
    """A part of a page under its title."""
    return tag("section", tag("h2", title), tag("div", *body, class_="body"))


# -------------------------------------------------------------------------------------------------------------------- tables
@dataclass(frozen=True)
class Column:
    """One column of a table."""

    label: str
    numeric: bool = False
    style: str = ""
    """Further class names for its cells."""
    quiet: bool = False
    """The label is for screen readers alone."""


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    *,
    foot: Sequence[object] | None = None,
    style: str = "",
) -> Raw:
    """A table whose first column names its rows. On a narrow screen the class ``stack`` turns every row into a block."""
    head = tag("thead", tag("tr", *(_head(column) for column in columns)))
    body = tag("tbody", *(_row(columns, row) for row in rows))
    end = tag("tfoot", _row(columns, foot)) if foot else ""
    inner = tag("table", tag("caption", caption), head, body, end, class_=style or None)
    return inner if "stack" in style else tag("div", inner, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _row(columns: Sequence[Column], cells: Sequence[object]) -> Raw:
    """One row: a heading cell and its data cells."""
    first, *rest = zip(columns, cells, strict=True)
    out = [tag("th", first[1], scope="row", class_=_style(first[0]))]
    out += [tag("td", cell, class_=_style(column), data_label=column.label or None) for column, cell in rest]
    return tag("tr", *out)


def _head(column: Column) -> Raw:
    label = tag("span", column.label, class_="quiet") if column.quiet else text(column.label)
    return tag("th", label, scope="col", class_=_style(column))


def _style(column: Column) -> str | None:
    return " ".join(filter(None, ["num" if column.numeric else "", column.style])) or None


def facts(pairs: Iterable[tuple[str, object]]) -> Raw:
    """A description list of (name, value); pairs with an empty value are left out."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs if str(value)))
