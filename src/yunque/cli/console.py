"""What a person sees: progress bars with time left, one line a step, one line for an error."""

from __future__ import annotations

import json
import pydoc
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from yunque.core.seams import Advance

stderr = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def bars(label: str, total: int, unit: str = "") -> Iterator[Advance]:
    """A ``Progress`` (seam) with time passed and time left; it goes to stderr and vanishes when done."""
    columns = (
        TextColumn("{task.description:>12}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as progress:
        task = progress.add_task(label, total=total or None, note="")  # not known: no share, no time left

        def advance(amount: int, note: str = "") -> None:
            progress.advance(task, amount)
            if note:
                progress.update(task, note=note)

        yield advance


def page_through(pieces: Iterable[str], last: str) -> None:
    """Texts one after another: through the pager at a terminal, else plainly; the last line is news, not a result."""
    if sys.stdout.isatty():
        pydoc.pager("\n".join([*pieces, last]))
        return
    for piece in pieces:
        print(piece)
    say(last)


def listed(text: str) -> tuple[str, ...]:
    """The names of an option that takes several with commas between."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def say(line: str) -> None:
    """One line of news on stderr, so that stdout stays for results."""
    stderr.print(line, markup=False)


def complain(line: str) -> None:
    """One line of an error on stderr."""
    print(f"yunque: {line}", file=sys.stderr)


def emit(value: Any) -> None:
    """A result as JSON on stdout."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    print(text.encode("utf-8", "backslashreplace").decode())  # a lone surrogate, as JSON writes it
