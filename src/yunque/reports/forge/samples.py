"""Completions side by side: the original text, the base model's and the forged model's, from the same cursor.

The line on which the model started is marked, what it was given on that line is set back, and a line that is also in the
original is tinted. Texts are untrusted and go through ``markup``, which escapes them.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

from yunque.reports.forge.facts import SampleRow
from yunque.reports.html.markup import Raw, tag

MAX_LINES = 40
MAX_LINE_CHARS = 400


@dataclass(frozen=True, kw_only=True)
class _Hole:
    """The surroundings of a continuation that are drawn inside its column."""

    given: str
    """Unfinished line before the hole."""
    rest: str
    """What follows the hole on its last line."""
    indent: int = 0
    """Columns of white space cut off the start of every line."""


def sample(row: SampleRow) -> Raw:
    """One task: what came before, three continuations, what comes after."""
    reference, base, forged = (text.replace("\r\n", "\n") for text in (row.reference, row.base_text, row.forged_text))
    before, given = _cut_last_line(row.prompt_tail)
    rest, after = _cut_first_line(row.suffix_head)
    fim_span = _Hole(given=given, rest=rest)
    fim_span = replace(fim_span, indent=_common_indent((reference, base, forged), fim_span))
    columns = (
        ("Original", "is-original", reference, ""),
        ("Base", "is-base", base, row.base_note),
        ("Forged", "is-forged", forged, row.forged_note),
    )
    three = tag("div", *(_column(*column, reference, fim_span) for column in columns), class_="three")
    head = tag("h3", row.path, tag("span", f"{row.suite}, task {row.task_id}"))
    above = tag("pre", _clipped_head(before), class_="given", aria_label="Before the cursor") if before else ""
    below = tag("pre", _clipped_tail(after), class_="given", aria_label="After the hole") if after.strip() else ""
    return tag("article", head, above, three, below, class_="sample")


def is_same(text: str, reference: str) -> bool:
    """Whether the text is the original, white space at the ends of lines and at the end of the text aside."""
    return _lines(text) == _lines(reference)


def _column(title: str, style: str, text: str, note: str, reference: str, fim_span: _Hole) -> Raw:
    """One continuation, between what stands before and after the hole on the hole's own lines."""
    notes = [tag("span", note)] if note else []
    if style != "is-original" and is_same(text, reference):
        notes.insert(0, tag("span", "identical to the original", class_="same"))
    equal = set() if style == "is-original" else equal_lines(text, reference)
    lines = (text if fim_span.rest else text.rstrip("\n")).split("\n")
    shown = []
    for number, line in enumerate(lines[:MAX_LINES]):
        before, after = fim_span.given if number == 0 else "", fim_span.rest if number == len(lines) - 1 else ""
        shown.append(_line(before, line, after, fim_span.indent, starts=number == 0, equal=number in equal))
    if len(lines) > MAX_LINES:
        shown.append(tag("span", f"… {len(lines) - MAX_LINES} more lines", class_="cut"))
    return tag("div", tag("h4", title, *notes), tag("pre", *shown), class_=style)


DEEPEST = 20
"""Columns of indentation under which a line that is too long is wrapped."""


def _line(before: str, line: str, after: str, indent: int, *, starts: bool, equal: bool) -> Raw:
    """One line of a continuation, ``indent`` characters cut off its start; what wraps hangs under its first character."""
    whole = before + line + after
    hang = _indent(whole) - indent + 2 if whole.strip() else 0
    cut = min(indent, len(before))
    before, line = before[cut:], line[indent - cut :]
    deep = hang > DEEPEST  # it scrolls: wrapped under its first character, four letters a line would be left
    names = ("line", "start" if starts else "", "equal" if equal else "", "deep" if deep else "")
    style, hang = " ".join(filter(None, names)), 0 if deep else hang
    given, rest = (tag("span", _short(part), class_="given") if part else "" for part in (before, after))
    middle = tag("span", "(empty)", class_="cut") if starts and not whole.strip() else _short(line)
    return tag("span", given, middle, rest, class_=style, style=f"--hang:{hang}ch" if hang > 0 else None)


def _common_indent(texts: tuple[str, ...], fim_span: _Hole) -> int:
    """Columns of white space that every line of every continuation starts with."""
    lines = [line for text in texts for line in (fim_span.given + text).split("\n") if line.strip()]
    return min((_indent(line) for line in lines), default=0)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def equal_lines(text: str, reference: str) -> set[int]:
    """Indices of the lines of ``text`` that are also in the reference, in the same order; blank lines never count."""
    lines, wanted = _lines(text)[:MAX_LINES], _lines(reference)[: 4 * MAX_LINES]
    matcher = difflib.SequenceMatcher(None, lines, wanted, autojunk=False)
    result = {block.a + offset for block in matcher.get_matching_blocks() for offset in range(block.size)}
    return {number for number in result if lines[number]}


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().replace("\r\n", "\n").split("\n")]


def _cut_last_line(text: str) -> tuple[str, str]:
    """What is before the last newline, and the unfinished line after it."""
    before, _, last = text.replace("\r\n", "\n").rpartition("\n")
    return before, last


def _cut_first_line(text: str) -> tuple[str, str]:
    """What is on the line of the hole after it, and everything below."""
    first, _, after = text.replace("\r\n", "\n").partition("\n")
    return first, after


def _clipped_head(text: str) -> str:
    lines = text.split("\n")
    kept = "\n".join(_short(line) for line in lines[-MAX_LINES:])
    return f"…\n{kept}" if len(lines) > MAX_LINES else kept


def _clipped_tail(text: str) -> str:
    lines = text.rstrip().split("\n")
    kept = "\n".join(_short(line) for line in lines[: MAX_LINES // 4])
    return f"{kept}\n…" if len(lines) > MAX_LINES // 4 else kept


def _short(line: str) -> str:
    return line if len(line) <= MAX_LINE_CHARS else line[:MAX_LINE_CHARS] + "…"
