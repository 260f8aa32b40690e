"""What a source of a data set gave: the facts behind every report and card that names it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from yunque.core.nouns import Dropped, Record
from yunque.data.collect import DROPPED
from yunque.data.contents import Copy, SourcePart, Wanted, kept_records, rows_of, sources_of
from yunque.data.dataset import ASIDE
from yunque.data.screening.finishing import SetAside
from yunque.store.artifacts import Artifact, Store
from yunque.store.tables import scan_table

DUPLICATE = "duplicate"
NUM_DROPPED = 12
"""Examples of files that were left out."""


@dataclass(frozen=True, kw_only=True)
class DroppedFile:
    """One file that was left out, as an example."""

    path: str
    reason: str
    """A key of ``SourceFacts.dropped``."""
    detail: str = ""
    """One line: what exactly was seen."""


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """A source, and what was kept of it. ``num_files == num_kept + sum(dropped.values())``."""

    spec: str
    """Where it is: what the user named, for a tree."""
    name: str
    kind: str
    """``folder``, ``archive``, ``pypi``, … of a tree; ``stream`` of commits, posts, notebooks, tables."""
    revision: str
    collected_at: str
    licences: dict[str, int]
    """SPDX identifier or ``unknown`` -> files kept."""
    languages: dict[str, int]
    """Language -> files kept."""
    num_files: int
    """Files (of a stream: texts) found, before anything was dropped."""
    num_kept: int
    bytes_kept: int
    dropped: dict[str, int] = field(default_factory=dict)
    """Reason -> files: not copied, no record, or screened out."""
    dropped_examples: tuple[DroppedFile, ...] = ()
    edits: dict[str, int] = field(default_factory=dict)
    """What was changed in kept files -> how often: ``redacted email``, ``trailing-space``, ``cut …``."""


def totals(sources: tuple[SourceFacts, ...]) -> SourceFacts:
    """All sources as one: counts added by name."""
    first = sources[0]
    if len(sources) == 1:
        return first

    def added(field_name: str) -> dict[str, int]:
        return dict(sum((Counter(getattr(source, field_name)) for source in sources), Counter()))

    return SourceFacts(
        spec=", ".join(source.spec for source in sources),
        name=", ".join(source.name for source in sources),
        kind="several",
        revision=", ".join(source.revision for source in sources),
        collected_at=max(source.collected_at for source in sources),
        licences=added("licences"),
        languages=added("languages"),
        num_files=sum(source.num_files for source in sources),
        num_kept=sum(source.num_kept for source in sources),
        bytes_kept=sum(source.bytes_kept for source in sources),
        dropped=added("dropped"),
        edits=added("edits"),
    )


def source_facts(store: Store, dataset: Artifact) -> tuple[SourceFacts, ...]:
    """What each source of a data set gave, in order, and what became of the rest; what is left out as a duplicate too."""
    sources = sources_of(store, dataset)
    sums = {source.part.id: _Sums() for source in sources}
    for source, record in kept_records(store, dataset):
        sums[source.part.id].add(record)
    copies: dict[str, list[Copy]] = defaultdict(list)
    for copy in rows_of(store, dataset, Wanted(what="duplicates")):
        copies[copy.source].append(copy)
    return tuple(_facts(source, sums[source.part.id], copies) for source in sources)


class _Sums:
    """What was kept of one source."""

    def __init__(self) -> None:
        self.licences: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.num_bytes = 0

    def add(self, record: Record) -> None:
        self.licences[record.origin.licence] += 1
        self.languages[record.language] += 1
        self.num_bytes += len(record.text.encode("utf-8", "surrogatepass"))


def _facts(source: SourcePart, kept: _Sums, copies: Mapping[str, list[Copy]]) -> SourceFacts:
    """A few examples of every reason rather than many of the first."""
    facts = source.snapshot.counts if source.snapshot else source.records.manifest.recipe["source"]
    counts, part, num_kept = source.records.counts, source.part.counts, kept.licences.total()
    skipped = source.snapshot.counts["skipped"] if source.snapshot else {}
    dropped = Counter(skipped) + Counter(counts["dropped"]) + Counter(part["set aside"]) + Counter(part["negatives"])
    dropped += Counter({DUPLICATE: part["kept"] - num_kept})
    own_copies = copies.get(str(facts.get("source") or source.name), []) if dropped[DUPLICATE] else []
    seen: Counter[str] = Counter()
    examples: list[DroppedFile] = []
    for example in chain(_left_out(source), (_like(copy) for copy in own_copies)):
        seen[example.reason] += 1
        if seen[example.reason] <= 3 and len(examples) < NUM_DROPPED:
            examples.append(example)
    return SourceFacts(
        spec=str(facts.get("source") or source.name),
        name=source.name,
        kind=str(facts.get("kind", "stream")) if source.snapshot else "stream",
        revision=str(facts.get("revision") or facts.get("commit") or facts.get("sha256", ""))[:40],
        collected_at=str(facts.get("collected_at") or source.records.manifest.created_at),
        licences=dict(kept.licences),
        languages=dict(kept.languages),
        num_files=counts["files"] + sum(skipped.values()),
        num_kept=num_kept,
        bytes_kept=kept.num_bytes,
        dropped=dict(dropped),
        dropped_examples=tuple(examples),
        edits=part["edits"],
    )


def _left_out(source: SourcePart) -> Iterator[DroppedFile]:
    """What was screened out, then what made no record."""
    for row in scan_table(source.part.path / ASIDE, SetAside):
        yield DroppedFile(path=row.record.origin.path, reason=row.reason, detail=row.detail)
    for dropped in scan_table(source.records.path / DROPPED, Dropped):
        yield DroppedFile(path=dropped.path, reason=dropped.reason, detail=dropped.detail)


def _like(copy: Copy) -> DroppedFile:
    return DroppedFile(path=copy.path, reason=DUPLICATE, detail=f"like {copy.of_path} ({copy.similarity:.2f})")
