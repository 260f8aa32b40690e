"""What a model says at a cursor, made fit to be shown there: cut, cleaned, or dropped.

The rules are those that clients of completion servers have grown (Tabby's list is the longest); without them a model looks
far worse than it is. Each takes an insertion and returns what is left of its text; empty: nothing is shown. They are tried
in their order, each on what the ones before it left, and the names of those that changed something are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from yunque.checks.insertion.suffix_overlap import num_closed_twice, num_repeated_lines, repeats_rest
from yunque.code.brackets import unmatched
from yunque.code.lexing import indent_of
from yunque.core.nouns import Insertion
from yunque.inference.stops import first_stop, repetition

LEAST_CHARS = 3
"""Shorter texts are not worth a look, unless they finish a word."""
MOST_ALIKE_LINES = 2
"""So many lines that say the same may follow one another."""


@dataclass(frozen=True, kw_only=True)
class Postprocessed:
    """A text as it is shown."""

    insertion: Insertion
    rules: tuple[str, ...]
    """Names of the rules that changed it, in order; the last one dropped it where nothing is left."""


def postprocess(insertion: Insertion) -> Postprocessed:
    """The insertion with what is left of its text, and which rules made it so."""
    applied = []
    for name, rule in RULES.items():
        if not insertion.text:
            break
        text = rule(insertion)
        if text != insertion.text:
            applied.append(name)
            insertion = replace(insertion, text=text)
    return Postprocessed(insertion=insertion, rules=tuple(applied))


# --------------------------------------------------------------------------------------------------------------------- rules
def _first_line(insertion: Insertion) -> str:
    """In the middle of a line one line is put in."""
    return insertion.text.partition("\n")[0] if insertion.line_behind.strip(" \t\r)]};:,>'\"") else insertion.text


def _repetition(insertion: Insertion) -> str:
    """A text that ends in the same again and again ends after the first."""
    text = insertion.text.rstrip()
    place = repetition(text)
    return insertion.text if place is None else text[:place]


def _alike_lines(insertion: Insertion) -> str:
    """Of more than two lines that say the same one is left, with all that follows them dropped."""
    lines = insertion.text.split("\n")
    for place in range(len(lines) - MOST_ALIKE_LINES):
        alike = {line.strip() for line in lines[place : place + MOST_ALIKE_LINES + 1]}
        if len(alike) == 1 and len(alike.pop()) >= LEAST_CHARS:
            return "\n".join(lines[: place + 1])
    return insertion.text


def _alike_blocks(insertion: Insertion) -> str:
    """A block that the one before it said already ends the text."""
    blocks = re.split(r"(\n[ \t]*\n)", insertion.text)
    for place in range(2, len(blocks), 2):
        if blocks[place].strip() and blocks[place].split() == blocks[place - 2].split():
            return "".join(blocks[: place - 1])
    return insertion.text


def _scope(insertion: Insertion) -> str:
    """The text ends with the block that the cursor is in."""
    place = first_stop(insertion.text, "dedent", (), prompt=insertion.before) if "\n" in insertion.text else None
    return insertion.text if place is None else insertion.text[:place].rstrip()


def _indentation(insertion: Insertion) -> str:
    """The first line is not indented again, and later lines are indented with what the file is indented with."""
    line, text = insertion.line_before, insertion.text
    if line and not line.strip() and text[:1] in (" ", "\t"):
        indent = indent_of(text)
        text = text[len(indent) :] if len(indent) >= len(line) else text
    lines = insertion.before.split("\n")
    has_tabs, has_spaces = (any(line.startswith(blank) and line.strip() for line in lines) for blank in ("\t", "  "))
    if has_tabs and not has_spaces:
        return re.sub(r"(?<=\n)(?: {4})+", lambda match: "\t" * (len(match[0]) // 4), text)
    if has_spaces and not has_tabs:
        return re.sub(r"(?<=\n)\t+", lambda match: "    " * len(match[0]), text)
    return text


def _already_there(insertion: Insertion) -> str:
    """What stands behind the cursor anyhow is not offered."""
    text, after = insertion.text.split(), insertion.after.split()
    return "" if text and after[: len(text)] == text else insertion.text


def _repeated_suffix(insertion: Insertion) -> str:
    """Lines that follow, and the rest of the cursor's line, are not said again."""
    if repeats_rest(insertion):
        return insertion.text.rstrip().removesuffix(insertion.line_behind.strip())
    number = num_repeated_lines(insertion)
    if not number:
        return insertion.text
    return "\n".join(insertion.text.rstrip().split("\n")[:-number])


def _block_closer(insertion: Insertion) -> str:
    """A last line that closes the block which the next line closes."""
    head, _, last = insertion.text.rstrip().rpartition("\n")
    following = next((line for line in insertion.after.split("\n")[1:] if line.strip()), "")
    is_closer = bool(re.fullmatch(r"[)\]}]+[;,]?|end|fi|done|esac", last.strip()))
    if not head or not is_closer or last.strip() != following.strip() or insertion.line_behind.strip():
        return insertion.text
    opens = last.strip()[0] in ")]}" and not unmatched(insertion.text, insertion.language)[0]
    return insertion.text if opens else head


def _closed_twice(insertion: Insertion) -> str:
    """Brackets that are closed behind the cursor are not closed at the text's end."""
    text = insertion.text
    for _ in range(num_closed_twice(insertion)):
        shorter = re.sub(r"[)\]}]([;,:]?\s*)$", "", text)
        if shorter == text:
            return insertion.text
        text = shorter
    return text


def _blanks(insertion: Insertion) -> str:
    """No blanks at the end, nor twice at the beginning."""
    text = insertion.text.rstrip()
    line = insertion.line_before
    return text.lstrip(" \t") if line.endswith((" ", "\t")) and line.strip() else text


def _minimum(insertion: Insertion) -> str:
    """A text of a character or two is dropped, unless it finishes a word or stands in brackets."""
    text = insertion.text.strip()
    finishes = insertion.before[-1:].isidentifier() and text[:1].isidentifier()
    in_brackets = bool(unmatched(insertion.line_before, insertion.language)[1])
    return insertion.text if len(text) >= LEAST_CHARS or (text and (finishes or in_brackets)) else ""


RULES: dict[str, Callable[[Insertion], str]] = {
    "first-line": _first_line, "repetition": _repetition, "alike-lines": _alike_lines, "alike-blocks": _alike_blocks,
    "indentation": _indentation, "scope": _scope, "already-there": _already_there, "repeated-suffix": _repeated_suffix,
    "block-closer": _block_closer, "closed-twice": _closed_twice, "blanks": _blanks, "minimum": _minimum,
}  # fmt: skip
