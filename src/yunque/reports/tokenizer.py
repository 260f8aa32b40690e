"""What vocabularies cost, as a page: bytes a token by language, and a text in the pieces that each cuts it into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yunque.reports.formatting import MISSING, count
from yunque.reports.html.document import document
from yunque.reports.html.markup import Column, Raw, join, section, table, tag
from yunque.reports.html.plots import span_bar

PIECE_HUES = 6
"""Colours that pieces take in turn."""
MOST_MERGES = 40


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """One tokenizer, measured."""

    name: str
    size: int
    bytes_per_token: Mapping[str, float]
    """Group of texts -> bytes a token."""
    sample: tuple[str, ...]
    """The sample text in its pieces."""


@dataclass(frozen=True, kw_only=True)
class Grown:
    """How a vocabulary grew."""

    base: str
    merges: Sequence[tuple[str, int]]
    """New tokens and the tokens of the corpus that each saves, most first."""
    bits: tuple[float, float, float]
    """Per byte at step 0: the base; grown, with the base's tokens; grown, with the new ones."""


def lines(vocabularies: Sequence[Vocabulary], groups: Mapping[str, int]) -> list[str]:
    """The same for a terminal: a line for each group of texts, with its size in bytes."""
    width = max(len(name) for name in groups)
    names = [vocabulary.name[-18:] for vocabulary in vocabularies]
    head = f"{'bytes a token':<{max(width, 13)}} {'size':>12}  " + "  ".join(f"{name:>18}" for name in names)
    rows = [
        f"{group:<{max(width, 13)}} {size:>12,}  " + "  ".join(f"{v.bytes_per_token[group]:>18.3f}" for v in vocabularies)
        for group, size in groups.items()
    ]
    return [head, *rows]


def render_vocabularies(
    vocabularies: Sequence[Vocabulary], groups: Mapping[str, int], grown: Grown | None, *, code_version: str
) -> str:
    """The page as HTML text; ``groups`` names what was measured, with its bytes."""
    names = " and ".join(vocabulary.name for vocabulary in vocabularies)
    lede = f"{names}: {', '.join(count(vocabulary.size, 'tokens') for vocabulary in vocabularies)}."
    head = tag("header", tag("h1", "What a vocabulary costs"), tag("p", lede, class_="lede"))
    sections = [section("Bytes a token", _table(vocabularies, groups))]
    sections += [section("The same text in pieces", *map(_pieces, vocabularies))]
    if grown:
        sections += [section("What was added", _grown(grown))]
    note = "More bytes a token: fewer steps, and more text in a context. Prose is the same sentences in each language."
    return document("Vocabulary", head, *sections, tag("p", note, class_="note"), code_version=code_version)


def _table(vocabularies: Sequence[Vocabulary], groups: Mapping[str, int]) -> Raw:
    columns, most = [Column("Texts"), Column("Bytes", numeric=True)], 1.0
    for vocabulary in vocabularies:
        columns += [Column(vocabulary.name, numeric=True), Column(f"{vocabulary.name}, drawn", style="forested", quiet=True)]
        most = max(most, *vocabulary.bytes_per_token.values())

    def cells(group: str) -> list[object]:
        values = [vocabulary.bytes_per_token[group] for vocabulary in vocabularies]
        return [
            cell
            for value in values
            for cell in (f"{value:.3f}", span_bar(0, round(1000 * value), round(1000 * most), "kept"))
        ]

    rows = [(group, f"{size:,}", *cells(group)) for group, size in groups.items()]
    return table("Bytes a token; longer is cheaper", columns, rows)


def _pieces(vocabulary: Vocabulary) -> Raw:
    shown = (
        tag("span", piece.replace("\n", "⏎\n").replace("\t", "→\t"), class_=f"piece piece-{place % PIECE_HUES}")
        for place, piece in enumerate(vocabulary.sample)
    )
    caption = f"{vocabulary.name}: {count(len(vocabulary.sample), 'tokens')}"
    return tag("figure", tag("pre", join(shown), class_="pieces"), tag("figcaption", caption))


def _grown(grown: Grown) -> Raw:
    before, kept, after = grown.bits
    columns = [Column("Bits a byte, before any training"), Column("", numeric=True)]
    rows = [
        (f"{grown.base}, its own tokens", f"{before:.4f}"),
        ("grown, the same tokens", f"{kept:.4f}"),
        ("grown, with the new tokens", f"{after:.4f}"),
    ]
    proof = table("Old text keeps its meaning", columns, rows)
    columns = [Column("Token"), Column("Tokens saved", numeric=True)]
    first = [(repr(name)[1:-1], f"{saved:,}") for name, saved in grown.merges[:MOST_MERGES]]
    rest = len(grown.merges) - len(first)
    more = tag("p", f"and {count(rest, 'more tokens')}" if rest > 0 else MISSING if not first else "", class_="note")
    return join([proof, table("The merges that pay most", columns, first), more])
