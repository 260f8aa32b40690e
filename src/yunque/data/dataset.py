"""Records, and what checks said of them, to a data set: what is kept, cleaned and paired, and what is not, with its reason.

    records.parquet     ``Record``: kept, cleaned, redacted
    pairs.parquet       ``Pair``: of every kind that the recipe asks for, and those that a stream brought
    aside.parquet       ``SetAside``: dropped records and negative examples, each with its text and its reason
    edits.parquet       ``Edited``: what cleaning changed in a record
    weights.parquet     ``Weight``: kept records that count more than once

Every record that comes in is in ``records`` or in ``aside``; an assertion holds the counts to it. A cleaned record has the
id of its new text; its origin is the old one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from yunque.core.nouns import Pair, Record
from yunque.core.progress import silent
from yunque.core.seams import Progress
from yunque.data.cleaning import Cleaned, CleanRecipe, clean_all
from yunque.data.mixture import MixtureRecipe, Weight, weigh
from yunque.data.pairs import PairsRecipe, make_pairs
from yunque.data.parallel import batched, ordered_map
from yunque.data.screen import TAGS, Decision, ScreenRecipe, Tagged, decide
from yunque.store.tables import open_table, scan_table

RECORDS, PAIRS, ASIDE = "records.parquet", "pairs.parquet", "aside.parquet"
EDITS, WEIGHTS = "edits.parquet", "weights.parquet"
BATCH_CHARS = 2 << 20


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """A record that is not kept."""

    action: str
    """``drop`` or ``negative``."""
    reason: str
    """The check, or the step of cleaning, that it failed."""
    detail: str
    record: Record


@dataclass(frozen=True, kw_only=True)
class Edited:
    """What cleaning changed in a record, or refused to change."""

    record_id: str
    """Of the record before."""
    path: str
    rule: str
    count: int
    detail: str = ""
    """Of ``refused``: why."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What became of one record: kept or aside."""

    before: str
    """Its id as it came."""
    kept: Record | None = None
    aside: SetAside | None = None
    pairs: tuple[Pair, ...] = ()
    edits: tuple[Edited, ...] = ()
    weight: Weight | None = None


@dataclass(frozen=True, kw_only=True)
class Finisher:
    """Decides, cleans and pairs; it is sent to the processes that work beside one another."""

    screen: ScreenRecipe
    clean: CleanRecipe
    pairs: PairsRecipe
    mixture: MixtureRecipe
    seed: int

    def __call__(self, batch: Sequence[tuple[Record, Tagged]]) -> list[Finished]:
        """What becomes of each, in their order."""
        decisions = [decide(record, tagged, self.screen) for record, tagged in batch]
        staying = [one for one, decision in zip(batch, decisions, strict=True) if not decision.action]
        cleaned = iter(clean_all([record for record, _ in staying], self.clean, [tagged.verdicts for _, tagged in staying]))
        return [
            self._aside(record, decision) if decision.action else self._kept(record, next(cleaned), tagged)
            for (record, tagged), decision in zip(batch, decisions, strict=True)
        ]

    def _aside(self, record: Record, why: Decision) -> Finished:
        aside = SetAside(action=why.action, reason=why.reason, detail=why.detail, record=record)
        return Finished(before=record.id, aside=aside)

    def _kept(self, record: Record, cleaned: Cleaned, tagged: Tagged) -> Finished:
        place = {"record_id": record.id, "path": record.origin.path}
        edits = [Edited(**place, rule=edit.rule, count=edit.count) for edit in cleaned.edits]
        if cleaned.refused:
            edits.append(Edited(**place, rule="refused", count=1, detail=cleaned.refused))
        pairs = tuple(make_pairs(cleaned.record, self.pairs, self.seed))
        weight = weigh(cleaned.record.id, tagged.verdicts, self.mixture)
        return Finished(before=record.id, kept=cleaned.record, pairs=pairs, edits=tuple(edits), weight=weight)

    def lost(self, item: tuple[Record, Tagged], why: str) -> Finished:
        """A record that could not be worked on."""
        aside = SetAside(action="drop", reason="unworkable", detail=why, record=item[0])
        return Finished(before=item[0].id, aside=aside)


def finish(
    records: Path,
    tags: Path,
    folder: Path,
    *,
    screen: ScreenRecipe,
    clean: CleanRecipe,
    pairs: PairsRecipe,
    mixture: MixtureRecipe = MixtureRecipe(),
    seed: int,
    workers: int = 1,
    progress: Progress = silent,
) -> dict:
    """Fill ``folder`` with the five tables from the folders of records and tags; gives the counts."""
    finisher = Finisher(screen=screen, clean=clean, pairs=pairs, mixture=mixture, seed=seed)
    counts = _Counts()
    with (
        open_table(folder / RECORDS, Record) as kept,
        open_table(folder / PAIRS, Pair) as made,
        open_table(folder / ASIDE, SetAside) as aside,
        open_table(folder / EDITS, Edited) as edits,
        open_table(folder / WEIGHTS, Weight) as weights,
        progress("finish", 0, "records") as advance,
    ):
        batches = batched(_tagged(records, tags), lambda one: len(one[0].text), BATCH_CHARS)
        for _, found in ordered_map(finisher, batches, workers=workers, lost=finisher.lost):
            for one in found:
                counts.add(one)
                if one.kept is not None:
                    kept.add(one.kept)
                if one.aside is not None:
                    aside.add(one.aside)
                for pair in one.pairs:
                    made.add(pair)
                for edit in one.edits:
                    edits.add(edit)
                if one.weight is not None:
                    weights.add(one.weight)
                advance(1)
    return counts.plain()


class _Counts:
    """What became of the records so far."""

    def __init__(self) -> None:
        self.records = self.kept = self.bytes_kept = 0
        self.aside, self.negatives, self.edits, self.pairs, self.weights, self.languages = (Counter() for _ in range(6))

    def add(self, one: Finished) -> None:
        self.records += 1
        if one.aside is not None:
            (self.negatives if one.aside.action == "negative" else self.aside)[one.aside.reason] += 1
        if one.kept is not None:
            self.kept += 1
            self.bytes_kept += len(one.kept.text.encode())
            self.languages[one.kept.language] += 1
        for edit in one.edits:
            self.edits[edit.rule] += edit.count
        self.pairs.update(pair.kind.value for pair in one.pairs)
        if one.weight is not None:
            self.weights[one.weight.because] += 1

    def plain(self) -> dict:
        assert self.records == self.kept + self.aside.total() + self.negatives.total(), "a record was lost without a reason"
        tables = {"set aside": self.aside, "negatives": self.negatives, "edits": self.edits, "pairs": self.pairs}
        tables["weights"] = self.weights
        numbers = {"kept": self.kept, "bytes_kept": self.bytes_kept}
        return numbers | {name: dict(one.most_common()) for name, one in (*tables.items(), ("languages", self.languages))}


def _tagged(records: Path, tags: Path) -> Iterator[tuple[Record, Tagged]]:
    """Each record with its tags; both tables are in one order."""
    for record, tagged in zip(scan_table(records / RECORDS, Record), scan_table(tags / TAGS, Tagged), strict=True):
        assert record.id == tagged.record_id, "records and tags are in one order"
        yield record, tagged
