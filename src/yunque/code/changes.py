"""What differs between two versions of a file: which functions, which lines, or nothing that counts.

Covered: methods, decorators, nested functions (a part of the outermost one).
Not covered: functions that moved or were renamed (a change outside of functions).
"""

from __future__ import annotations

import difflib
import re
from itertools import accumulate

from yunque.code.functions import Function, code_only, functions

MAX_FUNCTIONS = 2
"""Functions that one commit may change."""
OUTSIDE = "it changes code outside of functions"
NOTHING = "it changes comments, docstrings or layout only"


class NotFunctionsError(Exception):
    """The two versions differ otherwise than in a few functions; the text says how."""


def changed_functions(
    before: str, after: str, language: str = "python", most: int = MAX_FUNCTIONS
) -> list[tuple[Function, Function]]:
    """The outermost functions that differ, before and after. NotFunctionsError when anything outside of them differs too."""
    item, two = _outermost(before, language), _outermost(after, language)
    if _skeleton(before, item) != _skeleton(after, two):
        raise NotFunctionsError(OUTSIDE)
    pairs = [(old, new) for old, new in zip(item, two, strict=True) if _text(before, old) != _text(after, new)]
    if len(pairs) > most:
        raise NotFunctionsError(f"it changes more than {most} functions")
    code = [code_only(text, language) for text in (before, after)]
    pairs = [
        (old, new)
        for old, new in pairs
        if _words(code[0][old.start_byte : old.end_byte]) != _words(code[1][new.start_byte : new.end_byte])
    ]
    if not pairs:
        raise NotFunctionsError(NOTHING)
    return pairs


def span_of(data: bytes, function: Function) -> tuple[int, int]:
    """From the start of the line on which the function begins: its indentation belongs to it."""
    return data.rfind(b"\n", 0, function.start_byte) + 1, function.end_byte


def changed_lines(before: str, after: str, context: int) -> tuple[str, str]:
    """The lines that hold every difference, before and after, with so many equal lines around them."""
    item, two = before.splitlines(keepends=True), after.splitlines(keepends=True)
    most = min(len(item), len(two))
    head = next((index for index in range(most) if item[index] != two[index]), most)
    tail = next((index for index in range(most - head) if item[-1 - index] != two[-1 - index]), most - head)
    start, left = max(0, head - context), max(0, tail - context)
    return "".join(item[start : len(item) - left]), "".join(two[start : len(two) - left])


def new_spans(before: str, after: str) -> list[tuple[int, int]]:
    """The bytes of the lines of a text that an earlier one does not have, as runs in order."""
    item, two = before.splitlines(keepends=True), after.splitlines(keepends=True)
    ends = [0, *accumulate(len(line.encode()) for line in two)]
    blocks = difflib.SequenceMatcher(None, item, two, autojunk=False).get_opcodes()
    return [(ends[start], ends[end]) for tag, _, _, start, end in blocks if tag != "equal" and end > start]


def same_but_space(before: str, after: str, language: str) -> bool:
    """Whether only white space differs: in Python, but for the indentation of lines."""
    if language == "python":
        return _words(before.encode()) == _words(after.encode())
    return before.split() == after.split() or "".join(before.split()) == "".join(after.split())


def same_but_comments(before: str, after: str, language: str) -> bool:
    """Whether only comments, docstrings and white space differ; False for a language without a parser."""
    item, two = (code_only(text, language) for text in (before, after))
    return _words(item) == _words(two)


def _outermost(text: str, language: str) -> list[Function]:
    results: list[Function] = []
    for function in functions(text, language):
        if not results or function.start_byte >= results[-1].end_byte:
            results.append(function)
    return results


def _skeleton(text: str, result: list[Function]) -> list[bytes | str]:
    """What stands between the functions, and their names."""
    parts: list[bytes | str] = []
    data, position = text.encode(), 0
    for function in result:
        parts += [data[position : function.start_byte], function.qualified_name]
        position = function.end_byte
    return [*parts, data[position:]]


def _text(text: str, function: Function) -> bytes:
    return text.encode()[function.start_byte : function.end_byte]


def _words(code: bytes) -> list[bytes]:
    """The lines of code without blanks at their ends and without empty ones."""
    return [line.rstrip() for line in re.split(rb"\r?\n", code) if line.strip()]
