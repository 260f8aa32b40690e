"""What becomes of one record once checks have spoken: decided, cleaned, redacted, paired, weighed.

A `Finisher` is sent to the processes that work beside one another; `data.dataset` writes down what it says. A record that is
kept as a negative example is redacted as well, since a model may see it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from yunque.code.functions import num_unread_functions
from yunque.core.nouns import Pair, Record
from yunque.data.packing.mixture import MixtureRecipe, Weight, weigh
from yunque.data.pairs.make import PairsRecipe, make_pairs
from yunque.data.pairs.tested_functions import FileFacts, file_facts
from yunque.data.screening.cleaning import Cleaned, CleanRecipe, clean_all
from yunque.data.screening.redaction import Redactor, RedactRecipe
from yunque.data.screening.screen import Decision, ScreenRecipe, Tagged, decide


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """A record that is not kept."""

    action: str
    """``drop`` or ``negative``."""
    reason: str
    """The check, or the step of cleaning or redaction, that it failed."""
    detail: str
    record: Record


@dataclass(frozen=True, kw_only=True)
class Edited:
    """What cleaning or redaction changed in a record, or cleaning refused to change."""

    record_id: str
    """Of the record before."""
    source: str
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
    facts: FileFacts | None = None
    """For pairs of a test and what it tests, which need more than one record."""
    unread_functions: int = 0
    """Functions of the kept record that could not be read, so that they make no pair."""


@dataclass(frozen=True, kw_only=True)
class FinishedPair:
    """What became of a pair that a stream brought: itself, redacted, or why it is not kept."""

    reason: str = ""
    """Empty: it is kept."""
    pair: Pair


@dataclass(frozen=True, kw_only=True)
class FinishRecipe:
    """The sections of a data recipe that decide what becomes of a record."""

    screen: ScreenRecipe = field(default_factory=ScreenRecipe)
    clean: CleanRecipe = field(default_factory=CleanRecipe)
    redact: RedactRecipe = field(default_factory=RedactRecipe)
    pairs: PairsRecipe = field(default_factory=PairsRecipe)
    mixture: MixtureRecipe = field(default_factory=MixtureRecipe)


NO_PAIRS = PairsRecipe(body=False, fim=False, continuation=False)
"""For streams whose records only stand behind the pairs that they bring."""


class Finisher:
    """Decides, cleans, redacts, pairs and weighs."""

    def __init__(self, recipe: FinishRecipe, redactor: Redactor, *, seed: int) -> None:
        self.recipe, self.redactor, self.seed = recipe, redactor, seed
        # tests and what they test are found across files, when all records are known
        self._pairs = recipe.pairs.model_copy(update={"test": False})

    def __call__(self, batch: Sequence[tuple[Record, Tagged]]) -> list[Finished]:
        """What becomes of each, in their order."""
        decisions = [decide(record, tagged, self.recipe.screen) for record, tagged in batch]
        staying = [item for item, decision in zip(batch, decisions, strict=True) if not decision.action]
        verdicts = [tagged.verdicts for _, tagged in staying]
        cleaned = iter(clean_all([record for record, _ in staying], self.recipe.clean, verdicts))
        return [
            self._aside(record, tagged, decision) if decision.action else self._kept(record, next(cleaned), tagged)
            for (record, tagged), decision in zip(batch, decisions, strict=True)
        ]

    def _aside(self, record: Record, tagged: Tagged, why: Decision) -> Finished:
        aside = SetAside(action=why.action, reason=why.reason, detail=why.detail, record=record)
        if why.action == "negative" and not self.redactor.is_clean(record, tagged.verdicts):
            redacted = self.redactor.redact(record)
            if redacted.record is None:
                return self._refused(record, redacted.refused)
            aside = SetAside(action=why.action, reason=why.reason, detail=why.detail, record=redacted.record)
        return Finished(before=record.id, aside=aside)

    def _kept(self, record: Record, cleaned: Cleaned, tagged: Tagged) -> Finished:
        place = {"record_id": record.id, "source": record.origin.source, "path": record.origin.path}
        edits = [Edited(**place, rule=edit.rule, count=edit.count) for edit in cleaned.edits]
        if cleaned.refused:
            edits.append(Edited(**place, rule="refused", count=1, detail=cleaned.refused))
        kept = cleaned.record
        if kept is not record or not self.redactor.is_clean(record, tagged.verdicts):
            redacted = self.redactor.redact(kept)
            if redacted.record is None:
                return self._refused(record, redacted.refused)
            kept = redacted.record
            replaced = Counter(item.kind for item in redacted.replaced)
            edits += [Edited(**place, rule=f"redacted {kind}", count=count) for kind, count in sorted(replaced.items())]
        return Finished(
            before=record.id,
            kept=kept,
            pairs=tuple(make_pairs(kept, self._pairs, self.seed)),
            edits=tuple(edits),
            weight=weigh(kept.id, tagged.verdicts, self.recipe.mixture),
            facts=file_facts(kept) if self.recipe.pairs.test else None,
            unread_functions=num_unread_functions(kept.text, kept.language),
        )

    def _refused(self, record: Record, why: str) -> Finished:
        return Finished(before=record.id, aside=SetAside(action="drop", reason="redaction", detail=why, record=record))

    def lost(self, item: tuple[Record, Tagged], why: str) -> Finished:
        """A record that could not be worked on."""
        aside = SetAside(action="drop", reason="unworkable", detail=why, record=item[0])
        return Finished(before=item[0].id, aside=aside)


class PairFinisher:
    """Redacts pairs that a stream brought."""

    def __init__(self, redactor: Redactor) -> None:
        self.redactor = redactor

    def __call__(self, batch: Sequence[Pair]) -> list[FinishedPair]:
        """What becomes of each, in their order."""
        pairs = []
        for pair in batch:
            new, _, why = self.redactor.redact_pair(pair)
            pairs.append(FinishedPair(pair=new or pair, reason=f"redaction: {why}" if why else ""))
        return pairs

    def lost(self, pair: Pair, why: str) -> FinishedPair:
        """A pair that could not be worked on."""
        return FinishedPair(pair=pair, reason=f"unworkable: {why}")
