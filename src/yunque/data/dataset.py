"""Records, and what checks said of them, to a data set: what is kept, cleaned, redacted and paired; what is not, and why.

    records.parquet       ``Record``: kept, cleaned, redacted
    pairs.parquet         ``Pair``: of every kind that the recipe asks for, and those that a stream brought
    preferences.parquet   ``Preference``: those that a stream brought
    aside.parquet         ``SetAside``: dropped records and negative examples, each with its text and its reason
    pairs_aside.parquet   ``FinishedPair``: pairs of a stream that are not kept, and why
    edits.parquet         ``Edited``: what cleaning and redaction changed in a record
    weights.parquet       ``Weight``: kept records that count more than once

Every record that comes in is in ``records`` or in ``aside``, every pair and preference that a stream brings in its table or
in ``pairs_aside``; an assertion holds the counts to it. A record whose text was changed has the id of its new text, and its
old origin.

Memory: a batch of texts for each process; the ids of records that were changed or set aside, where a stream brings pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from yunque.core.nouns import Pair, Preference, Record
from yunque.core.progress import silent
from yunque.core.seams import Progress
from yunque.data.packing.mixture import Weight
from yunque.data.pairs.make import PairsRecipe
from yunque.data.pairs.tested_functions import TestedIndex
from yunque.data.parallel import batched, ordered_map
from yunque.data.screening.finishing import Edited, Finished, FinishedPair, Finisher, PairFinisher, SetAside
from yunque.data.screening.known_values import KnownValue
from yunque.data.screening.redaction import Redactor
from yunque.data.screening.screen import TAGS, Tagged
from yunque.store.tables import TableWriter, num_rows, open_table, scan_table

RECORDS, PAIRS, ASIDE, PAIRS_ASIDE = "records.parquet", "pairs.parquet", "aside.parquet", "pairs_aside.parquet"
PREFERENCES, EDITS, WEIGHTS = "preferences.parquet", "edits.parquet", "weights.parquet"
VALUES = "values.parquet"
BATCH_CHARS = 2 << 20


def find_values(records: Path, tags: Path, folder: Path, redactor: Redactor) -> dict:
    """Fill ``folder`` with the values that checks found in the records, each once and as a hash; returns the counts."""
    known: dict[KnownValue, None] = {}
    for record, tagged in _tagged(records, tags):
        known |= dict.fromkeys(redactor.values(record, tagged.verdicts))
    with open_table(folder / VALUES, KnownValue) as table:
        for value in known:
            table.add(value)
    return {"values": len(known), "rules": dict(Counter(value.rule for value in known).most_common())}


def finish(
    records: Path,
    tags: Path,
    folder: Path,
    finisher: Finisher,
    *,
    workers: int = 1,
    progress: Progress = silent,
) -> dict:
    """Fill ``folder`` with the six tables from the folders of records and tags; returns the counts."""
    counts = _Counts()
    batches = batched(_tagged(records, tags), lambda item: len(item[0].text), BATCH_CHARS)
    outcomes = ordered_map(finisher, batches, workers=workers, lost=finisher.lost)
    with open_table(folder / PAIRS, Pair) as made:
        with progress("finish", num_rows(records / RECORDS), "records") as advance:
            finished = _counted(outcomes, counts, advance)
            index, renamed = _write_records(finished, folder, finisher.recipe.pairs, made, (records / PAIRS).exists())
        if finisher.recipe.pairs.test:
            for pair in index.pairs(lambda: scan_table(folder / RECORDS, Record)):
                counts.pairs[pair.kind.value] += 1
                made.add(pair)
        with open_table(folder / PAIRS_ASIDE, FinishedPair) as aside, open_table(folder / PREFERENCES, Preference) as wanted:
            for item in _brought(records, renamed, PairFinisher(finisher.redactor), workers):
                counts.bring(item)
                if item.reason:
                    aside.add(item)
                elif isinstance(item.pair, Preference):
                    wanted.add(item.pair)
                else:
                    made.add(item.pair)
    return counts.plain()


def _counted(
    batches: Iterable[tuple[object, list[Finished]]], counts: _Counts, advance: Callable[[int], None]
) -> Iterator[Finished]:
    for _, result in batches:
        for item in result:
            counts.add(item)
            yield item
            advance(1)


def _write_records(
    outcomes: Iterable[Finished], folder: Path, recipe: PairsRecipe, made: TableWriter[Pair], brings: bool
) -> tuple[TestedIndex, dict[str, str]]:
    """All tables but the pairs of streams; returns what tests need, and the new id (or none) of every record that changed.

    ``brings``: whether pairs of a stream follow, which name records by their ids.
    """
    index = TestedIndex(max_prompt_chars=recipe.max_prompt_chars, max_answer_chars=recipe.max_answer_chars)
    renamed: dict[str, str] = {}
    with (
        open_table(folder / RECORDS, Record) as kept,
        open_table(folder / ASIDE, SetAside) as aside,
        open_table(folder / EDITS, Edited) as edits,
        open_table(folder / WEIGHTS, Weight) as weights,
    ):
        for outcome in outcomes:
            if outcome.kept is not None:
                kept.add(outcome.kept)
            if outcome.aside is not None:
                aside.add(outcome.aside)
            if brings and (outcome.kept is None or outcome.kept.id != outcome.before):
                renamed[outcome.before] = outcome.kept.id if outcome.kept else ""
            for pair in outcome.pairs:
                made.add(pair)
            for edit in outcome.edits:
                edits.add(edit)
            if outcome.weight is not None:
                weights.add(outcome.weight)
            if outcome.facts is not None:
                index.add(outcome.facts)
    return index, renamed


def _brought(records: Path, renamed: dict[str, str], finisher: PairFinisher, workers: int) -> Iterator[FinishedPair]:
    """The pairs and preferences that a stream brought: those of which a record was set aside go with it, the others are
    redacted."""
    gone = frozenset(old for old, new in renamed.items() if not new)
    kinds: list[tuple[str, type[Pair]]] = [(PAIRS, Pair), (PREFERENCES, Preference)]
    for name, kind in kinds:
        if not (records / name).exists():
            continue
        batches = batched(scan_table(records / name, kind), lambda pair: len(pair.prompt) + len(pair.answer), BATCH_CHARS)
        for _, result in ordered_map(finisher, batches, workers=workers, lost=finisher.lost):
            for item in result:
                if item.reason:
                    yield item
                elif not gone.isdisjoint(item.pair.origin_ids):
                    yield FinishedPair(pair=item.pair, reason="its record was set aside")
                else:
                    ids = tuple(renamed.get(origin, origin) for origin in item.pair.origin_ids)
                    yield FinishedPair(pair=replace(item.pair, origin_ids=ids))


class _Counts:
    """What became of the records and pairs so far."""

    def __init__(self) -> None:
        self.records = self.kept = self.bytes_kept = self.brought = self.carried = self.unread = 0
        self.aside: Counter[str] = Counter()
        self.negatives: Counter[str] = Counter()
        self.edits: Counter[str] = Counter()
        self.pairs: Counter[str] = Counter()
        self.pairs_aside: Counter[str] = Counter()
        self.preferences: Counter[str] = Counter()
        self.weights: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()

    def add(self, finished: Finished) -> None:
        self.records += 1
        if finished.aside is not None:
            (self.negatives if finished.aside.action == "negative" else self.aside)[finished.aside.reason] += 1
        if finished.kept is not None:
            self.kept += 1
            self.bytes_kept += len(finished.kept.text.encode())
            self.languages[finished.kept.language] += 1
            self.unread += finished.unread_functions
        for edit in finished.edits:
            self.edits[edit.rule] += edit.count
        self.pairs.update(pair.kind.value for pair in finished.pairs)
        if finished.weight is not None:
            self.weights[finished.weight.because] += 1

    def bring(self, finished: FinishedPair) -> None:
        """A pair or a preference that a stream brought."""
        self.brought += 1
        if finished.reason:
            self.pairs_aside[finished.reason.partition(":")[0]] += 1
            return
        self.carried += 1
        if isinstance(finished.pair, Preference):
            self.preferences[finished.pair.because] += 1
        else:
            self.pairs[finished.pair.kind.value] += 1

    def plain(self) -> dict:
        assert self.records == self.kept + self.aside.total() + self.negatives.total(), "a record was lost without a reason"
        assert self.brought == self.carried + self.pairs_aside.total(), "a pair was lost without a reason"
        tables = {
            "set aside": self.aside,
            "negatives": self.negatives,
            "edits": self.edits,
            "pairs": self.pairs,
            "pairs set aside": self.pairs_aside,
            "weights": self.weights,
            "languages": self.languages,
        }
        numbers = {"kept": self.kept, "bytes_kept": self.bytes_kept, "pairs brought": self.brought}
        numbers |= {"functions not read": self.unread} if self.unread else {}
        tables |= {"preferences": self.preferences} if self.preferences else {}
        return numbers | {name: dict(table.most_common()) for name, table in tables.items()}


def _tagged(records: Path, tags: Path) -> Iterator[tuple[Record, Tagged]]:
    """Each record with its tags; both tables are in one order."""
    for record, tagged in zip(scan_table(records / RECORDS, Record), scan_table(tags / TAGS, Tagged), strict=True):
        assert record.id == tagged.record_id, "records and tags are in one order"
        yield record, tagged
