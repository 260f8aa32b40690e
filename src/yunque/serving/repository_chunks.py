"""One file of a workspace taken apart: chunks to find again, names that it defines, and the sub-words of identifiers.

Covered: functions and methods of every language with a grammar, and its classes, interfaces, structs (`Language.scopes`).
Not covered: constants and type aliases, which are definitions in their chunks alone.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from yunque.code import grammars
from yunque.code.functions import Function, functions
from yunque.code.languages import PARSED, row_of

LEAST_LINES, MOST_LINES = 12, 40
"""Of a chunk; the last one of a file may be shorter."""
MOST_CHUNK_CHARS = 4000
"""A chunk with more is no code to learn from: minified, or a table."""
SIGNATURE_LINES = 8
IDENTIFIER = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, kw_only=True)
class Definition:
    """Where a name is defined."""

    name: str
    path: str
    text: str
    """Its signature, under the name of its class, with the first line of its docstring."""
    head: str
    """The first line of its signature, by which it is known in other texts."""
    is_class: bool = False


def chunks(text: str, language: str) -> list[str]:
    """The text in pieces of whole lines that begin, where possible, where functions and classes do. None is all blank."""
    lines = text.split("\n")
    borders = _borders(text, language)
    pieces, start = [], 0
    for number in range(1, len(lines) + 1):
        length = number - start
        if number < len(lines) and not (length >= LEAST_LINES and number in borders) and length < MOST_LINES:
            continue
        end = number
        if number < len(lines) and number not in borders:  # too long: it ends at the last blank line that leaves enough
            blanks = (place for place in range(number, start + LEAST_LINES, -1) if not lines[place - 1].strip())
            end = next(blanks, number)
        pieces.append("\n".join(lines[start:end]))
        start = end
    stripped = (piece.strip("\n").rstrip() for piece in pieces)
    return [piece for piece in stripped if piece.strip() and len(piece) <= MOST_CHUNK_CHARS]


def definitions(path: str, text: str, language: str) -> list[Definition]:
    """Every function and class of a text, as what a caller must know of it."""
    if language not in PARSED:
        return []
    data = text.encode()
    definitions = [_of_function(path, data, item, language) for item in functions(text, language) if not item.is_test]
    return [*definitions, *_classes(path, data, language)]


@lru_cache(maxsize=100_000)
def sub_words(identifier: str) -> tuple[str, ...]:
    """What an identifier is made of, in lower case, and all of that as one word: ``readAll`` is ``read_all``."""
    parts = [part.lower() for piece in identifier.split("_") for part in _CAMEL.split(piece) if part]
    return tuple(dict.fromkeys([*parts, "".join(parts)] if parts else parts))


_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ0-9])(?=[A-ZÀ-ÖØ-Þ])|(?<=[A-ZÀ-ÖØ-Þ])(?=[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ])")


def words(text: str) -> Iterator[str]:
    """The sub-words of all identifiers of a text, in their order."""
    for identifier in IDENTIFIER.findall(text):
        yield from sub_words(identifier)


def _borders(text: str, language: str) -> frozenset[int]:
    """0-based numbers of the lines on which functions and classes begin, with their decorators and comments."""
    if language not in PARSED:
        return frozenset()
    data = text.encode()
    starts = [item.start_byte for item in functions(text, language)]
    starts += [(node.parent if node.parent and node.parent.type in PARSED[language].wrappers else node).start_byte
               for node in _scopes(data, language)]  # fmt: skip
    return frozenset(data.count(b"\n", 0, start) for start in starts)


def _of_function(path: str, data: bytes, function: Function, language: str) -> Definition:
    documented = function.docstring_span
    end = function.prompt_end_byte if function.has_body or documented else function.end_byte
    if documented and documented[0] > function.start_byte and documented[1] <= end:
        inner = data.count(b"\n", 0, documented[0]) + 1 > function.line
        end = documented[0] if inner else end
    lines = data[:end].decode("utf-8", "replace").split("\n")[function.line - 1 :]
    scope = function.qualified_name.rpartition(".")[0]
    signature = _signature(lines)
    return Definition(
        name=function.name,
        path=path,
        text=_shown(signature, scope, function.docstring, language),
        head=signature[0].strip() if signature else function.name,
    )


def _classes(path: str, data: bytes, language: str) -> Iterator[Definition]:
    for node in _scopes(data, language):
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None or body is None:
            continue
        signature = _signature(data[node.start_byte : body.start_byte].decode("utf-8", "replace").split("\n"))
        if not signature:
            continue
        docstring = ""
        if (
            language == "python"
            and (first := body.named_child(0))
            and data[first.start_byte : first.end_byte].endswith(b'"""')
        ):
            docstring = data[first.start_byte : first.end_byte].decode("utf-8", "replace").strip('rRuU"\n ')
        yield Definition(
            name=data[name.start_byte : name.end_byte].decode("utf-8", "replace"),
            path=path,
            text=_shown(signature, "", docstring, language),
            head=signature[0].strip(),
            is_class=True,
        )


def _scopes(data: bytes, language: str) -> list:
    row = PARSED[language]
    if not row.scopes:
        return []
    pattern = "[" + " ".join(f"({kind})" for kind in row.scopes) + "] @scope"
    return grammars.captures(grammars.parse(data, language), language, pattern).get("scope", [])


def _signature(lines: Sequence[str]) -> list[str]:
    kept = [line.rstrip() for line in lines if line.strip()][:SIGNATURE_LINES]
    return inspect.cleandoc("\n".join(["", *kept])).split("\n") if kept else []


def _shown(signature: Sequence[str], scope: str, docstring: str, language: str) -> str:
    """The signature with its class and the first line of its docstring, as comments of its language."""
    mark = row_of(language).line_comment or "//"
    says = docstring.strip().partition("\n")[0].strip()
    return "\n".join([*([f"{mark} {scope}"] if scope else []), *signature, *([f"    {mark} {says}"] if says else [])])
