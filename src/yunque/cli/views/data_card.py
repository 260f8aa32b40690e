"""``yunque data card``: what the artifacts of a data set tell, gathered for its card."""

from __future__ import annotations

from collections import Counter

import yunque
from yunque.core.nouns import Pair, Record
from yunque.data.contents import parts_of
from yunque.data.dataset import PAIRS, RECORDS
from yunque.reports.data_card import DataFacts, SourceFacts
from yunque.store.artifacts import Artifact, Store
from yunque.store.tables import scan_table


def gather(store: Store, dataset: Artifact) -> DataFacts:
    """The facts of a data set, read from its tables once. StoreError for another artifact."""
    licences: Counter[str] = Counter()
    before: Counter[str] = Counter()
    prose: Counter[str] = Counter()
    sources: list[SourceFacts] = []
    checks: dict[str, None] = {}
    for part in parts_of(store, dataset):
        records, tags = store.parents(part)
        checks |= dict.fromkeys(tags.manifest.recipe["checks"])
        sources.append(_source(store, part, records))
        before.update(record.language for record in scan_table(records.path / RECORDS, Record))
        licences.update(record.origin.licence for record in scan_table(part.path / RECORDS, Record))
        prose.update(pair.natural_language for pair in scan_table(part.path / PAIRS, Pair))
    return DataFacts(
        id=dataset.id,
        code_version=yunque.__version__,
        created_at=dataset.manifest.created_at,
        sources=tuple(sources),
        counts=dataset.counts,
        licences=dict(licences),
        languages_before=dict(before),
        natural_languages=dict(prose),
        checks=tuple(checks),
    )


def _source(store: Store, part: Artifact, records: Artifact) -> SourceFacts:
    """Of a tree, what its snapshot says; of a stream, its identity."""
    snapshot = next(iter(store.parents(records)), None)
    facts = snapshot.counts if snapshot else records.manifest.recipe["source"]
    skipped = sum(snapshot.counts["skipped"].values()) if snapshot else 0
    return SourceFacts(
        name=str(facts.get("source") or facts.get("name") or facts.get("kind", "")),
        kind=str(facts.get("kind", "stream")),
        revision=str(facts.get("revision") or facts.get("commit") or facts.get("sha256", ""))[:40],
        collected_at=str(facts.get("collected_at", "")),
        num_in=records.counts["files"] + skipped,
        num_kept=part.counts["kept"],
        bytes_kept=part.counts["bytes_kept"],
    )
