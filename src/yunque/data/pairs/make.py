"""What a record teaches: (signature and docstring -> body), fill-in-the-middle, plain continuation, and four kinds more.

Every answer but those of EXPLAIN is an exact byte span of the record, so ``reassemble`` gives the record back byte for byte.
Random choices depend on the record's id and the seed alone.

Covered: BODY for every function with a body to write; FIM with the hole where an editor's cursor would be (mostly the rest
of a line, sometimes whole statements or a body); CONTINUATION, in which every character is an answer exactly once; and, when
a recipe asks for them, SIGNATURE, COMMENT (see `comment_blocks`), EXPLAIN and TEST (see `tested_functions`).
Not covered: context from other files; the prompt is the text before the answer in its own file, cut at a line start.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from pydantic import BaseModel, Field

from yunque.code.functions import Function, functions, is_test_path
from yunque.code.languages import LANGUAGES
from yunque.core.nouns import Pair, PairKind, Record, content_id
from yunque.data.pairs.comment_blocks import commented_blocks
from yunque.data.pairs.context import text_after, text_before
from yunque.data.pairs.fim_spans import FimSpan, FimSpanKind, fim_spans
from yunque.data.pairs.natural_language import natural_language
from yunque.data.pairs.tested_functions import TestedIndex, file_facts


class PairsRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """Which pairs are made, and how long they may be. Lengths are in characters: a token is about three to four of them."""

    body: bool = True
    """Signature and docstring -> body."""
    fim: bool = True
    """Text around a hole -> the hole."""
    continuation: bool = True
    """Whole files in chunks."""
    signature: bool = False
    """A function without a docstring makes a SIGNATURE pair, and no BODY pair."""
    comment: bool = False
    """A comment on lines of its own inside a function -> the statements that it speaks of."""
    explain: bool = False
    """A function without its docstring -> the docstring."""
    test: bool = False
    """A test -> the function that it tests, where both stand in one file; see `tested_functions` for two files."""
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
    max_chunk_chars: int = Field(default=6000, ge=1)
    """Length of the chunks of CONTINUATION."""


def make_pairs(record: Record, recipe: PairsRecipe, seed: int) -> Iterator[Pair]:
    """Every pair of one record, in a stable order."""
    if not recipe.tests and is_test_path(record.origin.path):
        return
    data = record.text.encode()
    result = functions(record.text, record.language)
    for function in result:
        if recipe.tests or not function.is_test:
            yield from _function_pairs(record, data, function, recipe)
    if recipe.comment:
        yield from _comment_pairs(record, data, recipe)
    if recipe.test and recipe.tests:
        index = TestedIndex(max_prompt_chars=recipe.max_prompt_chars, max_answer_chars=recipe.max_answer_chars)
        index.add(file_facts(record))
        yield from index.pairs(lambda: [record])
    if recipe.fim and recipe.fim_per_function:
        count = recipe.fim_per_function * max(1, len(result))
        weights = {
            FimSpanKind.LINE: recipe.line_weight,
            FimSpanKind.STATEMENT: recipe.statement_weight,
            FimSpanKind.BODY: recipe.body_weight,
        }
        for fim_span in fim_spans(record, seed=seed, count=count, weights=weights, max_chars=recipe.max_answer_chars):
            if recipe.tests or not (fim_span.function and fim_span.function.is_test):
                yield _fim_pair(record, data, fim_span, recipe)
    if recipe.continuation:
        yield from _continuation_pairs(record, data, recipe)


def reassemble(text: str, pair: Pair) -> str:
    """The text with the pair's answer put into its span: the text itself, for a pair that was made from it.

    Raises ValueError when prompt or suffix do not fit around the span.
    """
    data = text.encode()
    assert pair.span_bytes is not None  # as of every pair that was made from a text
    start, end = pair.span_bytes
    if not data[:start].endswith(pair.prompt.encode()) or not data[end:].startswith(pair.suffix.encode()):
        raise ValueError(f"pair {pair.id} does not fit around bytes {start} to {end}")
    return (data[:start] + pair.answer.encode() + data[end:]).decode()


# ------------------------------------------------------------------------------------------------------------------- pairs
def _function_pairs(record: Record, data: bytes, function: Function, recipe: PairsRecipe) -> Iterator[Pair]:
    """BODY or SIGNATURE, and EXPLAIN."""
    if function.has_body:
        if recipe.signature and not function.docstring:
            yield from _body_pair(record, data, function, recipe, PairKind.SIGNATURE)
        elif recipe.body and (recipe.undocumented or function.docstring):
            yield from _body_pair(record, data, function, recipe, PairKind.BODY)
    if recipe.explain and function.docstring and function.has_body:
        yield from _explain_pair(record, data, function, recipe)


def _body_pair(record: Record, data: bytes, function: Function, recipe: PairsRecipe, kind: PairKind) -> Iterator[Pair]:
    prompt = text_before(data, function.prompt_end_byte, recipe.max_prompt_chars)
    answer = data[function.prompt_end_byte : function.body_end_byte].decode()
    # A prompt that starts after the signature asks for nothing.
    if len(answer) <= recipe.max_answer_chars and len(prompt.encode()) >= function.prompt_end_byte - function.start_byte:
        span = (function.prompt_end_byte, function.body_end_byte)
        yield _pair(record, kind, span, prompt=prompt, answer=answer, prose=function.docstring)


def _explain_pair(record: Record, data: bytes, function: Function, recipe: PairsRecipe) -> Iterator[Pair]:
    """The function without its docstring, a comment that asks, and the docstring's text as the answer.

    The prompt is the code at the left margin, a blank line, and ``# What NAME does:`` in the language's comment marks.
    """
    assert function.docstring_span is not None  # it is asked of functions with a docstring
    start, end = function.docstring_span
    line_start = data.rfind(b"\n", 0, start) + 1
    after = _LINE_BREAK.match(data, end)
    if not data[line_start:start].strip() and after:  # it fills its lines: they go as a whole
        start, end = line_start, after.end()
    first = data.rfind(b"\n", 0, function.start_byte) + 1
    code = data[min(first, start) : start] + data[end : function.end_byte]
    mark = LANGUAGES[record.language].line_comment
    margin = code.decode().replace("\r\n", "\n").strip("\n")
    prompt = f"{textwrap.dedent(margin)}\n\n{mark} What {function.name} does:\n"
    language = natural_language(function.docstring)
    words = len(re.findall(r"[^\W\d_]{2,}", function.docstring))
    if len(prompt) > recipe.max_prompt_chars or len(function.docstring) > recipe.max_answer_chars:
        return
    if words < 3 and language not in ("ja", "zh", "ko", "th"):  # "Deprecated.", ":nodoc:"
        return
    place = (str(function.docstring_span[0]), str(function.docstring_span[1]))
    yield Pair(
        id=content_id(PairKind.EXPLAIN, record.id, *place),
        kind=PairKind.EXPLAIN,
        prompt=prompt,
        answer=function.docstring,
        span_bytes=None,
        language=record.language,
        natural_language=language,
        origin_ids=(record.id,),
    )


_LINE_BREAK = re.compile(rb"[ \t]*\r?\n")


def _comment_pairs(record: Record, data: bytes, recipe: PairsRecipe) -> Iterator[Pair]:
    for block in commented_blocks(record):
        prompt = text_before(data, block.start_byte, recipe.max_prompt_chars)
        answer = data[block.start_byte : block.end_byte].decode()
        if len(answer) <= recipe.max_answer_chars and len(prompt.encode()) >= block.start_byte - block.comment_start_byte:
            span = (block.start_byte, block.end_byte)
            yield _pair(record, PairKind.COMMENT, span, prompt=prompt, answer=answer, prose=block.comment)


def _fim_pair(record: Record, data: bytes, fim_span: FimSpan, recipe: PairsRecipe) -> Pair:
    return _pair(
        record,
        PairKind.FIM,
        (fim_span.start_byte, fim_span.end_byte),
        prompt=text_before(data, fim_span.start_byte, recipe.max_prompt_chars),
        answer=data[fim_span.start_byte : fim_span.end_byte].decode(),
        suffix=text_after(data, fim_span.end_byte, recipe.max_suffix_chars),
        prose=fim_span.function.docstring if fim_span.function else "",
    )


def _continuation_pairs(record: Record, data: bytes, recipe: PairsRecipe) -> Iterator[Pair]:
    start = 0
    for chunk in _chunks(record.text, recipe.max_chunk_chars):
        end = start + len(chunk.encode())
        yield _pair(record, PairKind.CONTINUATION, (start, end), prompt="", answer=chunk)
        start = end


def _pair(
    record: Record,
    kind: PairKind,
    span: tuple[int, int],
    *,
    prompt: str,
    answer: str,
    suffix: str = "",
    prose: str = "",
) -> Pair:
    return Pair(
        id=content_id(kind, record.id, str(span[0]), str(span[1])),
        kind=kind,
        prompt=prompt,
        answer=answer,
        suffix=suffix,
        span_bytes=span,
        language=record.language,
        natural_language=natural_language(prose),
        origin_ids=(record.id,),
    )


def _chunks(text: str, max_chars: int) -> Iterator[str]:
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
