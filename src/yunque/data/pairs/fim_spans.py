"""Holes to fill in, where an editor's cursor would be: the rest of a line, whole statements, a body.

Training and evaluation draw theirs here. Draws depend on the record's id and the seed alone.

Covered: every hole holds a word and lies in code.
Not covered: holes in comments and docstrings, which nobody can guess.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, islice
from random import Random

from yunque.code.functions import Function, code_only, functions, statement_spans
from yunque.core.nouns import Record, seed_from


class FimSpanKind(StrEnum):
    """What is cut out of a file."""

    LINE = "line"
    """From a cursor between the words of a line of code to its end: what an editor asks for most."""
    STATEMENT = "statement"
    """One to three statements, from the first character of the first one."""
    BODY = "body"
    """The body of a function."""


@dataclass(frozen=True, kw_only=True)
class FimSpan:
    """A span to fill in, in UTF-8 bytes."""

    kind: FimSpanKind
    start_byte: int
    end_byte: int
    function: Function | None
    """The innermost function around it."""


EDITOR_MIX = {FimSpanKind.LINE: 0.6, FimSpanKind.STATEMENT: 0.25, FimSpanKind.BODY: 0.15}
TRIES = 12  # draws for each hole that is asked for; a draw fails on a hole that is there already, too long or not code


def fim_spans(
    record: Record,
    *,
    seed: int,
    count: int,
    weights: Mapping[FimSpanKind, float] = EDITOR_MIX,
    max_chars: int = 3000,
    avoid: Iterable[tuple[int, int]] = (),
) -> list[FimSpan]:
    """Up to ``count`` different holes in a record, by position; none in comments, docstrings, blank lines or ``avoid``.

    Every hole holds at least one word character. Training and evaluation draw theirs here, the latter with the byte spans of
    functions that have a near-duplicate in ``avoid``.
    """
    data = record.text.encode()
    result = functions(record.text, record.language)
    lines = _code_lines(data, code_only(record.text, record.language))
    kinds = [kind for kind, weight in weights.items() if weight > 0]
    if not lines or not kinds:
        return []
    choose = Random(seed_from("holes", record.id, seed))
    bodies = [function for function in result if function.has_body]
    draw: dict[FimSpanKind, Callable[[], tuple[int, int] | None]] = {
        FimSpanKind.LINE: lambda: _rest_of_line(data, choose.choice(lines), choose),
        FimSpanKind.STATEMENT: lambda: _statements(record, choose.choice(lines), choose),
        FimSpanKind.BODY: lambda: _whole_body(data, choose.choice(bodies)) if bodies else None,
    }
    avoided, starts = list(avoid), [function.start_byte for function in result]
    up_to = list(accumulate(weights[kind] for kind in kinds))
    drawn: dict[tuple[int, int], FimSpan] = {}
    for _ in range(count * TRIES):
        if len(drawn) == count:
            break
        kind = choose.choices(kinds, cum_weights=up_to)[0]
        span = draw[kind]()
        if span is None or span in drawn or any(span[0] < end and start < span[1] for start, end in avoided):
            continue
        if span[1] - span[0] > 4 * max_chars:
            continue  # too long however many bytes its characters have: a minified file is one such line
        answer = data[slice(*span)].decode()
        if len(answer) <= max_chars and _WORD.search(answer):
            drawn[span] = FimSpan(kind=kind, start_byte=span[0], end_byte=span[1], function=_innermost(result, starts, span))
    return [drawn[span] for span in sorted(drawn)]


_WORD = re.compile(r"\w")
_WRITTEN = re.compile(rb"\S(?:[^\n]*\S)?")


def _code_lines(data: bytes, code: bytes) -> list[tuple[int, int]]:
    """(first, end) of the code on each line that ends with code: without its indentation and its line break."""
    lines = []
    for match in _WRITTEN.finditer(code):
        end = match.end()
        # A line that ends with a comment is left out: nobody can guess a comment.
        if data[end : end + 1] in b"\n" or not data[end : _line_end(data, end)].strip():
            lines.append((match.start(), end))
    return lines


def _line_end(data: bytes, position: int) -> int:
    end = data.find(b"\n", position)
    return len(data) if end < 0 else end


def _rest_of_line(data: bytes, line: tuple[int, int], choose: Random) -> tuple[int, int]:
    """From a random place to the end of the line; from the start of a word when the place is inside one.

    Inside a word a tokenizer's pieces differ from those of the whole word, and what is asked is how well the model copes
    with that (token healing), not what it knows of the code.
    """
    cursor = choose.randrange(*line)
    while cursor > line[0] and _in_word(data[cursor]) and _in_word(data[cursor - 1]):
        cursor -= 1
    return cursor, line[1]


def _in_word(byte: int) -> bool:
    """Whether a byte belongs to an identifier; every byte of a character beyond ASCII counts."""
    return byte >= 0x80 or chr(byte).isalnum() or byte == ord("_")


def _statements(record: Record, line: tuple[int, int], choose: Random) -> tuple[int, int]:
    spans = list(islice(statement_spans(record.text, record.language, line[0]), choose.randint(1, 3)))
    return spans[-1] if spans else line


def _whole_body(data: bytes, function: Function) -> tuple[int, int]:
    """The body from its first character on: the indentation is there already when somebody writes it."""
    body = data[function.prompt_end_byte : function.body_end_byte]
    return function.prompt_end_byte + len(body) - len(body.lstrip()), function.body_end_byte


def _innermost(result: list[Function], starts: list[int], span: tuple[int, int]) -> Function | None:
    position = bisect_right(starts, span[0])
    while position:
        position -= 1
        if span[1] <= result[position].end_byte:
            return result[position]
    return None
