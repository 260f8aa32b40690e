"""What a record teaches: (signature and docstring -> body), fill-in-the-middle, and plain continuation.

Every answer is an exact byte span of the record, so ``reassemble`` gives the record back byte for byte. Random choices
depend on the record's id and the seed alone.

Covered: BODY for every function with a body to write; FIM with the hole where an editor's cursor would be (mostly the rest
of a line, sometimes whole statements or a body); CONTINUATION, in which every character is an answer exactly once.
Not covered: context from other files; the prompt is the text before the answer in its own file, cut at a line start.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from random import Random

from pydantic import BaseModel, Field

from yunque.core.nouns import Pair, PairKind, Record, content_id, seed_from
from yunque.data.parsing import Function, code_only, functions, is_test_path, statement_spans


class PairsRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """Which pairs are made, and how long they may be. Lengths are in characters: a token is about three to four of them."""

    body: bool = True
    """Signature and docstring -> body."""
    fim: bool = True
    """Text around a hole -> the hole."""
    continuation: bool = True
    """Whole files in stretches."""
    tests: bool = True
    """Whether test files and test functions teach too."""
    undocumented: bool = True
    """Whether a function without a docstring makes a BODY pair."""
    fim_per_function: int = Field(default=2, ge=0)
    """Holes for every function of a file; a file without functions gets as many as a file with one."""
    line_weight: float = Field(default=0.6, ge=0)
    """How often a hole is the rest of a line, …"""
    statement_weight: float = Field(default=0.25, ge=0)
    """… is one to three whole statements, …"""
    body_weight: float = Field(default=0.15, ge=0)
    """… is the body of a function."""
    max_prompt_chars: int = Field(default=4000, ge=1)
    """Text before an answer that is kept, cut at a line start."""
    max_suffix_chars: int = Field(default=1500, ge=0)
    """Text after a hole that is kept, cut at a line end."""
    max_answer_chars: int = Field(default=3000, ge=1)
    """A longer body makes no pair: cut short, it would teach to stop too early."""
    max_stretch_chars: int = Field(default=6000, ge=1)
    """Length of the stretches of CONTINUATION."""


def make_pairs(record: Record, recipe: PairsRecipe, seed: int) -> Iterator[Pair]:
    """Every pair of one record, in a stable order."""
    if not recipe.tests and is_test_path(record.origin.path):
        return
    data = record.text.encode()
    if recipe.body:
        for function in functions(record.text, record.language):
            if function.has_body and (recipe.tests or not function.is_test) and (recipe.undocumented or function.docstring):
                yield from _body_pair(record, data, function, recipe)
    if recipe.fim and recipe.fim_per_function:
        count = recipe.fim_per_function * max(1, len(functions(record.text, record.language)))
        weights = {
            HoleKind.LINE: recipe.line_weight,
            HoleKind.STATEMENT: recipe.statement_weight,
            HoleKind.BODY: recipe.body_weight,
        }
        for hole in holes(record, seed=seed, count=count, weights=weights, max_chars=recipe.max_answer_chars):
            if recipe.tests or not (hole.function and hole.function.is_test):
                yield fim_pair(record, hole, recipe)
    if recipe.continuation:
        yield from _continuation_pairs(record, data, recipe)


def reassemble(text: str, pair: Pair) -> str:
    """The text with the pair's answer put into its span: the text itself, for a pair that was made from it.

    Raises ValueError when prompt or suffix do not fit around the span.
    """
    data = text.encode()
    start, end = pair.span_bytes
    if not data[:start].endswith(pair.prompt.encode()) or not data[end:].startswith(pair.suffix.encode()):
        raise ValueError(f"pair {pair.id} does not fit around bytes {start} to {end}")
    return (data[:start] + pair.answer.encode() + data[end:]).decode()


# ------------------------------------------------------------------------------------------------------------------- holes
class HoleKind(StrEnum):
    """What is cut out of a file."""

    LINE = "line"
    """From a cursor between the words of a line of code to its end: what an editor asks for most."""
    STATEMENT = "statement"
    """One to three statements, from the first character of the first one."""
    BODY = "body"
    """The body of a function."""


@dataclass(frozen=True, kw_only=True)
class Hole:
    """A span to fill in, in UTF-8 bytes."""

    kind: HoleKind
    start_byte: int
    end_byte: int
    function: Function | None
    """The innermost function around it."""


EDITOR_MIX = {HoleKind.LINE: 0.6, HoleKind.STATEMENT: 0.25, HoleKind.BODY: 0.15}
TRIES = 12  # draws for each hole that is asked for; a draw fails on a hole that is there already, too long or not code


def holes(
    record: Record,
    *,
    seed: int,
    count: int,
    weights: Mapping[HoleKind, float] = EDITOR_MIX,
    max_chars: int = 3000,
    avoid: Iterable[tuple[int, int]] = (),
) -> list[Hole]:
    """Up to ``count`` different holes in a record, by position; none in comments, docstrings, blank lines or ``avoid``.

    Every hole holds at least one word character. Training and evaluation draw theirs here, the latter with the byte spans of
    functions that have a twin in ``avoid``.
    """
    data = record.text.encode()
    found = functions(record.text, record.language)
    lines = _code_lines(data, code_only(record.text, record.language))
    kinds = [kind for kind, weight in weights.items() if weight > 0]
    if not lines or not kinds:
        return []
    choose = Random(seed_from("holes", record.id, seed))
    bodies = [function for function in found if function.has_body]
    draw: dict[HoleKind, Callable[[], tuple[int, int] | None]] = {
        HoleKind.LINE: lambda: _rest_of_line(data, choose.choice(lines), choose),
        HoleKind.STATEMENT: lambda: _statements(record, choose.choice(lines), choose),
        HoleKind.BODY: lambda: _whole_body(data, choose.choice(bodies)) if bodies else None,
    }
    avoided = list(avoid)
    drawn: dict[tuple[int, int], Hole] = {}
    for _ in range(count * TRIES):
        if len(drawn) == count:
            break
        kind = choose.choices(kinds, [weights[kind] for kind in kinds])[0]
        span = draw[kind]()
        if span is None or span in drawn or any(span[0] < end and start < span[1] for start, end in avoided):
            continue
        answer = data[slice(*span)].decode()
        if len(answer) <= max_chars and re.search(r"\w", answer):
            drawn[span] = Hole(kind=kind, start_byte=span[0], end_byte=span[1], function=_innermost(found, span))
    return [drawn[span] for span in sorted(drawn)]


def fim_pair(record: Record, hole: Hole, recipe: PairsRecipe) -> Pair:
    """The fill-in-the-middle pair of a hole."""
    data = record.text.encode()
    return _pair(
        record,
        PairKind.FIM,
        (hole.start_byte, hole.end_byte),
        prompt=text_before(data, hole.start_byte, recipe.max_prompt_chars),
        answer=data[hole.start_byte : hole.end_byte].decode(),
        suffix=text_after(data, hole.end_byte, recipe.max_suffix_chars),
        docstring=hole.function.docstring if hole.function else "",
    )


def _code_lines(data: bytes, code: bytes) -> list[tuple[int, int]]:
    """(first, end) of the code on each line that ends with code: without its indentation and its line break."""
    lines, start = [], 0
    for line in data.split(b"\n"):
        shown = code[start : start + len(line)]
        # A line that ends with a comment is left out: nobody can guess a comment.
        if shown.strip() and len(shown.rstrip()) == len(line.rstrip()):
            lines.append((start + len(shown) - len(shown.lstrip()), start + len(shown.rstrip())))
        start += len(line) + 1
    return lines


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


def _innermost(found: list[Function], span: tuple[int, int]) -> Function | None:
    before = bisect.bisect_right(found, span[0], key=lambda function: function.start_byte)
    return next((function for function in reversed(found[:before]) if span[1] <= function.end_byte), None)


# ------------------------------------------------------------------------------------------------------------------- pairs
def _body_pair(record: Record, data: bytes, function: Function, recipe: PairsRecipe) -> Iterator[Pair]:
    prompt = text_before(data, function.prompt_end_byte, recipe.max_prompt_chars)
    answer = data[function.prompt_end_byte : function.body_end_byte].decode()
    # A prompt that starts after the signature asks for nothing.
    if len(answer) <= recipe.max_answer_chars and len(prompt.encode()) >= function.prompt_end_byte - function.start_byte:
        span = (function.prompt_end_byte, function.body_end_byte)
        yield _pair(record, PairKind.BODY, span, prompt=prompt, answer=answer, docstring=function.docstring)


def _continuation_pairs(record: Record, data: bytes, recipe: PairsRecipe) -> Iterator[Pair]:
    start = 0
    for stretch in _stretches(record.text, recipe.max_stretch_chars):
        end = start + len(stretch.encode())
        yield _pair(record, PairKind.CONTINUATION, (start, end), prompt="", answer=stretch)
        start = end


def _pair(
    record: Record,
    kind: PairKind,
    span: tuple[int, int],
    *,
    prompt: str,
    answer: str,
    suffix: str = "",
    docstring: str = "",
) -> Pair:
    return Pair(
        id=content_id(kind, record.id, str(span[0]), str(span[1])),
        kind=kind,
        prompt=prompt,
        answer=answer,
        suffix=suffix,
        span_bytes=span,
        language=record.language,
        natural_language=natural_language(docstring),
        origin_ids=(record.id,),
    )


def _stretches(text: str, max_chars: int) -> Iterator[str]:
    """Consecutive pieces of a text, all of it, cut before a paragraph of code where one begins, or else at a line's end."""
    start = 0
    while len(text) - start > max_chars:
        limit = start + max_chars
        # The last line that begins at the left margin after a blank line: a definition, more often than not.
        middle = start + max_chars // 2
        paragraphs = [match.end() for match in re.finditer(r"\n\r?\n(?=[^\s)\]}])", text[middle:limit])]
        line_end = text.rfind("\n", start, limit) + 1
        cut = middle + paragraphs[-1] if paragraphs else line_end or limit
        if text[cut - 1 : cut + 1] == "\r\n":
            cut += 1 if cut - 1 == start else -1
        yield text[start:cut]
        start = cut
    if start < len(text):
        yield text[start:]


def text_before(data: bytes, end: int, max_chars: int) -> str:
    """Up to ``max_chars`` characters that end at a byte, cut at a line start where there is one."""
    floor = max(0, end - 4 * (max_chars + 1))  # a character has at most four bytes, and one more tells where a line starts
    while floor < end and data[floor] & 0xC0 == 0x80:
        floor += 1
    text = data[floor:end].decode()
    if len(text) <= max_chars:
        return text
    left_out, kept = text[-max_chars - 1], text[-max_chars:]
    _, _, later_lines = kept.partition("\n")
    return kept if left_out == "\n" or not later_lines else later_lines


def text_after(data: bytes, start: int, max_chars: int) -> str:
    """Up to ``max_chars`` characters that start at a byte, cut at a line end where there is one."""
    ceiling = min(len(data), start + 4 * (max_chars + 1))
    while start < ceiling < len(data) and data[ceiling] & 0xC0 == 0x80:
        ceiling -= 1
    text = data[start:ceiling].decode()
    if len(text) <= max_chars:
        return text
    lines, newline, _ = text[:max_chars].rpartition("\n")
    return lines + newline or text[:max_chars].removesuffix("\r")


# -------------------------------------------------------------------------------------------------------- natural language
_COMMON_WORDS = {
    "en": "the of and to is in for if with that this from are be by it as on not returns return or an given when which",
    "es": "el la los las que del una por con para si es se un lo como devuelve su al cuando cada este esta son sin",
    "pt": "o os que da dos das uma um por para se é não em ao como retorna seu quando cada este são na pelo",
    "fr": "le les des du est une un pour que qui dans avec par sur si ne pas ce cette renvoie retourne sont aux ou la",
    "de": "der die das und ist ein eine nicht mit für von den dem zu wenn auf wird gibt zurück oder als aus im bei werden",
}
_WORDS = {code: frozenset(words.split()) for code, words in _COMMON_WORDS.items()}
_KANA, _HAN = re.compile("[\u3040-\u30ff]"), re.compile("[\u4e00-\u9fff]")


def natural_language(text: str) -> str:
    """ISO 639-1 code of a docstring, or ``und``: Japanese and Chinese by their script, five more by their common words."""
    letters = sum(char.isalpha() for char in text)
    if kana := len(_KANA.findall(text)):
        return "ja" if 5 * (kana + len(_HAN.findall(text))) >= letters else "und"
    if han := len(_HAN.findall(text)):
        return "zh" if 5 * han >= letters else "und"
    words = re.findall(r"[^\W\d_]+", text.lower())
    hits = sorted(((sum(word in known for word in words), code) for code, known in _WORDS.items()), reverse=True)
    return hits[0][1] if hits[0][0] > hits[1][0] else "und"
