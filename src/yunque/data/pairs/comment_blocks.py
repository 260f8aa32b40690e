"""A comment and the statements that it speaks of, inside a function.

The comment stands on lines of its own; its block is every whole statement that follows at once at the same depth, up to a
blank line, another comment on a line of its own, a statement that shares no name with the two or more before it, or the
end of the block around them.

Covered: `//`, `#` and `/* */` comments of every language with a row in `code.definitions`, several lines of them as one.
Not covered: comments at module or class level (mostly titles of what follows; scripts in shell are the exception), comments
behind code, in expressions, before definitions, ``else`` and ``case``. Left out as no prose about the code below: licences,
code that was switched off, separators, notes to oneself (TODO), remarks (``NOTE``, ``see``, where it was taken from),
instructions to tools, fewer than three words; in a test, "check that …" above statements that check nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yunque.checks.quality.commented_code import CommentedOutCode
from yunque.code.functions import comment_spans, functions, sibling_statements
from yunque.code.languages import PARSED
from yunque.core.nouns import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BLOCK_LINES = 12
"""A longer run of statements is about more than its first comment says."""


@dataclass(frozen=True, kw_only=True)
class CommentedBlock:
    """A comment and its statements. Offsets count UTF-8 bytes; the line break between them belongs to neither."""

    comment: str
    """Its text without marks."""
    comment_start_byte: int
    start_byte: int
    """Start of the first statement's line, so that the answer has its indentation."""
    end_byte: int


def commented_blocks(record: Record) -> list[CommentedBlock]:
    """Every comment of a record that speaks of the statements below it, with them, in order."""
    row, text, language = PARSED.get(record.language), record.text, record.language
    result = functions(text, language)
    if row is None or not (result or "program" in row.rooms):
        return []
    data = text.encode()
    rooms = [(node.start_byte, node.end_byte) for node in result]
    docs = {item.docstring_span for item in result if item.docstring_span}
    # A comment above a definition is documentation, whatever its marks; its first line may hold more than indentation.
    defined = {data.rfind(b"\n", 0, node.start_byte) + 1 for node in result}
    off: list[tuple[int, int]] | None = None
    blocks = []
    for start, end in _groups(data, comment_spans(text, language)):
        inside = "program" in row.rooms or any(low < start and end <= high for low, high in rooms)
        details = _text(data[start:end].decode(errors="replace"))
        if not inside or not _is_prose(details) or any(low <= start < high for low, high in docs):
            continue
        if (reach := _block(data, record, end)) is None or reach[0] in defined:
            continue
        inside_test = any(node.is_test and node.start_byte < start and end <= node.end_byte for node in result)
        if inside_test and _CHECKING.match(details) and not _CHECKED.search(data, *reach):
            continue
        if off is None:  # asked for once, and only where a comment is left to be looked at
            off = [finding.span_bytes for finding in CommentedOutCode().judge(record).findings if finding.span_bytes]
        if not any(low < end and start < high for low, high in off):
            blocks.append(CommentedBlock(comment=details, comment_start_byte=start, start_byte=reach[0], end_byte=reach[1]))
    return blocks


def _groups(data: bytes, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Comments on lines of their own; those on lines that follow each other at one depth are one."""
    group: tuple[int, int, bytes] | None = None
    for start, end in spans:
        line_start = data.rfind(b"\n", 0, start) + 1
        margin = data[line_start:start]
        if margin.strip() or not _END_OF_LINE.match(data, end):
            continue
        if group and group[2] == margin and re.fullmatch(rb"[ \t]*\r?\n", data[group[1] : line_start]):
            group = (group[0], end, margin)
            continue
        if group:
            yield group[:2]
        group = (start, end, margin)
    if group:
        yield group[:2]


_END_OF_LINE = re.compile(rb"[ \t]*\r?\n")
_MARGIN = re.compile(rb"[ \t]*(?=[^\s])")


def _block(data: bytes, record: Record, comment_end: int) -> tuple[int, int] | None:
    """(start, end) of the statements below a comment: whole lines, the last line break excluded."""
    ended = _END_OF_LINE.match(data, comment_end)
    assert ended is not None  # `_groups` takes no comment that something follows on its line
    line = ended.end()
    margin = _MARGIN.match(data, line)
    if not margin or _NO_START.match(data, margin.end()):
        return None
    start = end = margin.end()
    names: frozenset[bytes] = frozenset()
    num_statements = 0
    for low, high in sibling_statements(record.text, record.language, start):
        between = data[end:low]
        # A blank line ends the block, and so does a comment on a line of its own; one behind a statement belongs to it.
        if low > start and (between.count(b"\n") > 1 or not _BEHIND.fullmatch(between)):
            break
        mentioned = frozenset(_NAME.findall(data[low:high])) - _SAYS_NOTHING
        if num_statements > 1 and mentioned and names.isdisjoint(mentioned):
            break
        names, num_statements, end = names | mentioned, num_statements + 1, high
    if end == start:
        return None
    behind = _BEHIND.match(data, end)
    end = behind.end(1) if behind else end
    rest = data.find(b"\n", end)
    if data[end : len(data) if rest < 0 else rest].strip() or data.count(b"\n", start, end) >= MAX_BLOCK_LINES:
        return None
    return line, end


_BEHIND = re.compile(
    rb"([ \t]*+[;,]?(?:[ \t]*+(?:(?://|#)(?:[ \t]*+(?!\r?\n)[^ \t\n])*+|/\*(?:[^*\n]|\*(?!/))*+\*/))?)"
    rb"[ \t]*+(?:\r?\n[ \t]*+|$|(?=\r?\n))"
)
_NO_START = re.compile(
    rb"(?:else|elif|elsif|elseif|except|finally|catch|case|when|default|rescue|ensure|end|fi|done|esac|then|do|in)\b"
    rb"|[})\]]|@|#|(?:async\s+)?(?:def|class|function|func|fn|interface|struct|enum|import|from|use|package|module)\b"
)
_NAME = re.compile(rb"[^\W\d]\w*")
_SAYS_NOTHING = frozenset(
    b"self this cls if else elif for while do in of not and or is new let const var auto int void char bool long double"
    b" float return raise throw break continue pass yield await async None null nil NULL True False"
    b" true false local end".split()
)
"""Names that two statements can share without having to do with each other."""


# ------------------------------------------------------------------------------------------------------------------- prose
_MARKS = re.compile(r"^[ \t]*(?:/\*+!?|\*+/|\*(?!/)|//+!?|#+)[ \t]?|(?:(?<![ \t])[ \t]+|(?<!\*))\*+/[ \t]*$", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]{2,}")
_WIDE = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_NOTE = re.compile(
    r"(?i)\W*(?:todo|fixme|xxx|hack|bug|nb|n\.b|note|notice|remark|warning|attention|tbd|wip|deprecated"
    r"|region|endregion|begin|end|e\.g|i\.e|see|cf|refs?|reference|https?:|based (?:on|off)|thanks|credits?|author"
    r"|(?:taken|copied|adapted|borrowed|stolen|ported) from|(?:regression )?(?:tests?|fix|fixes|check|checks) (?:for|of)"
    r" (?:#|gh|ticket|issue|bug|pr)|regression)\b"
)
_CHECKING = re.compile(r"(?i)\W*(?:(?:now|then|also|finally) )?(?:check|verify|assert|ensure|make sure|test)(?:s|ing)?\b")
_CHECKED = re.compile(rb"(?i)assert|expect|raises|should|verify|check|fail|\bt\.(?:Error|Fatal)|\btest\b")
_FOR_TOOLS = re.compile(
    r"(?i)\b(?:todo|fixme|pylint|eslint|tslint|jshint|jslint|noqa|nosec|nolint|pragma|mypy|pyright|ruff|rubocop|shellcheck|phpcs|phpstan"
    r"|psalm|solhint|istanbul|c8 ignore|coverage|codespell|cspell|clang-format|clang-tidy|prettier|isort|fmt: ?(?:on|off)"
    r"|type: ?ignore|@ts-\w+|@flow|sourcemappingurl|vim?:|-\*-|spdx|copyright|licen[cs]ed? under|all rights reserved)"
)
_LIKE_CODE = re.compile(
    r"[;{}]\s*$|=>|->|^[^\S\n]*+(?:[\w.]+\([^()]*\)\s*$|[\w.\[\]]+\s*[-+*/|]?=\s*\S+$|>>>|\$ )", re.MULTILINE
)


def _text(comment: str) -> str:
    """The words of a comment, its marks gone."""
    lines = (line.strip() for line in _MARKS.sub("", comment.replace("\r\n", "\n")).split("\n"))
    return "\n".join(lines).strip()


def _is_prose(details: str) -> bool:
    """Whether a comment may say what code does."""
    if _NOTE.match(details) or _FOR_TOOLS.search(details) or _LIKE_CODE.search(details):
        return False
    details = re.sub(r"https?://\S+", "", details)
    solid = sum(not char.isspace() for char in details)
    letters = sum(char.isalpha() for char in details)
    words = len(_WORD.findall(details)) + len(_WIDE.findall(details)) // 2
    return words >= 3 and letters >= 0.7 * solid
