"""What the benchmarks of completions share: places in lines of code, and a table of paired scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from yunque.code.functions import functions
from yunque.code.languages import row_of
from yunque.evaluation.metrics.statistics import Quantity, compare

LEAST_CHARS = 12
"""Of a line that is asked for."""


def code_lines(text: str, language: str) -> Iterator[tuple[int, int]]:
    """(Where the code of a line begins, where it ends) of the lines in function bodies, comments and texts aside, in order.

    Offsets count characters. Lines of a function in a function come twice.
    """
    data = text.encode()
    mark = row_of(language).line_comment or "//"
    for function in functions(text, language):
        offset = len(data[: function.prompt_end_byte].decode())
        for line in data[function.prompt_end_byte : function.body_end_byte].decode().split("\n"):
            code = line.strip()
            if len(code) >= LEAST_CHARS and not code.startswith((mark, '"', "'")):
                start = offset + line.index(code)
                yield start, offset + len(line)
            offset += len(line) + 1


def print_paired(
    scores: dict[str, Callable[[str, Any], float]], answers: Sequence[Sequence[str]], cursors: Sequence[Any]
) -> None:
    """Rows of a table: each score of the first and the second answers to the same cursors, which have a ``path``, the second
    minus the first, and the 95 % interval of a bootstrap over files.
    """
    for name, score in scores.items():
        first, second = ([float(score(text, at)) for text, at in zip(row, cursors, strict=True)] for row in answers)
        paired = compare(Quantity(name), first, second, [cursor.path for cursor in cursors])
        low, high = paired.difference.low, paired.difference.high
        interval = "" if low is None or high is None else f"[{low:+.3f}, {high:+.3f}]"
        values = (paired.base.value, paired.forged.value, paired.difference.value)
        print("| {} | {:.3f} | {:.3f} | {:+.3f} | {} |".format(name, *values, interval))
