"""Markdown for the hub: front matter, tables, code; texts from outside are escaped, so that none of them is markup.

Front matter values are written as double-quoted scalars, so a hostile path or licence stays text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from yunque.reports.formatting import MISSING, visible

HUB_LICENCES = frozenset(
    """
    agpl-3.0 apache-2.0 artistic-2.0 bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 cc-by-4.0 cc-by-sa-4.0 cc0-1.0
    ecl-2.0 epl-1.0 epl-2.0 eupl-1.1 eupl-1.2 gpl-2.0 gpl-3.0 isc lgpl-2.1 lgpl-3.0 mit mpl-2.0 ncsa osl-3.0 postgresql
    unknown unlicense wtfpl zlib
    """.split()  # noqa: SIM905  reads better than 29 quoted words
)
"""Licence identifiers the hub knows, of those that code comes under."""
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))


def front_matter(fields: Iterable[tuple[str, object]]) -> str:
    """YAML between two lines of dashes; a list is a list of texts."""
    lines = ["---"]
    for key, value in fields:
        if isinstance(value, list):
            lines += [f"{key}:", *(f"- {_yaml(item)}" for item in value)]
        else:
            lines.append(f"{key}: {_yaml(str(value))}")
    return "\n".join([*lines, "---"])


def licence_fields(licences: Sequence[str]) -> list[tuple[str, object]]:
    """The hub's ``license``; ``other`` with the names where it knows no single word for them."""
    name = licences[0].lower() if len(licences) == 1 else ""
    if name in HUB_LICENCES:
        return [("license", name)]
    return [("license", "other"), ("license_name", ", ".join(licences))]


def _yaml(value: str) -> str:
    """A double-quoted YAML scalar: a JSON string is one, once nothing invisible is left in it."""
    return json.dumps(_one_line(value), ensure_ascii=False)


def md(value: object) -> str:
    """The value as Markdown text on one line, in which nothing is markup."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#~$&" else c for c in _one_line(str(value)))


def code(value: object) -> str:
    """The value as a code span, which may contain backticks."""
    body = _one_line(str(value)).replace("|", "\\|") or MISSING
    ticks = "`" * (_longest_run(body) + 1)
    gap = " " if body.startswith("`") or body.endswith("`") else ""
    return f"{ticks}{gap}{body}{gap}{ticks}"


def fenced(body: str, language: str = "") -> str:
    """The text as a fenced block whose fence is longer than any run of backticks in it."""
    ticks = "`" * max(3, _longest_run(body) + 1)
    return f"{ticks}{language}\n{visible(body).rstrip()}\n{ticks}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numeric: set[int]) -> str:
    """A Markdown table of cells that are escaped already; the columns in ``numeric`` are set to the right."""
    rule = ["--:" if index in numeric else "---" for index in range(len(columns))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, rule, *rows))


def bullets(lines: Iterable[str]) -> str:
    """A list, a line each."""
    return "\n".join(f"- {line}" for line in lines)


def _one_line(value: str) -> str:
    return " ".join(visible(value).split())


def _longest_run(value: str) -> int:
    """Length of the longest run of backticks."""
    longest = run = 0
    for character in value:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
