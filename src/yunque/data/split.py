"""Who learns from what: every file goes to training, validation or held-out, together with everything that is like it.

Something of every source is held out, as far as it has enough files, so that each is measured, and asked the same whether
it is forged alone or beside others. A cluster is a set of files joined by (1) near-duplicate files, (2) near-duplicate
functions, (3) a test file and the module it tests. Clusters are placed whole. A function that still has a near-duplicate in
training afterwards is listed, so that evaluation leaves it out: no function that is *scored* has a near-duplicate in
training.

"Alike" is the exact Jaccard similarity of 5-token shingles, comments and docstrings dropped, found by a prefix filter
(Bayardo, Ma, Srikant: "Scaling up all pairs similarity search", WWW 2007): of two sets with Jaccard >= t, at least one of
the ``n - ceil(t n) + 1`` rarest members is shared. It finds what exists without MinHash's misses, asks for no further
library, and needs only rare shingles in its index, which is what keeps it small.

Covered: copies, and copies with changed comments, docstrings, layout and a few names; whole-file and function level.
Not covered: a function rewritten with every name changed, a copy inside a much longer function, likeness between code
outside functions of files that differ as wholes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import islice

import numpy as np
from pydantic import BaseModel, Field

from yunque.core.errors import TooSmallError
from yunque.core.nouns import Record, content_id, seed_from
from yunque.core.progress import silent
from yunque.core.seams import Progress
from yunque.data.duplicates.neighbours import Neighbours
from yunque.data.duplicates.union_find import UnionFind
from yunque.data.split_files import SplitFile, Unit, read_files, test_links
from yunque.store.artifacts import Artifact
from yunque.store.tables import read_table

MIN_CLUSTERS = 4
"""One to hold out, one to validate on, and two to learn from: with fewer, training would be a single piece of code."""
OVERSHOOT = 1.25
"""A part may grow to this multiple of its target; a larger cluster is passed over."""
GIANT_SHARE = 0.5
"""A cluster with more than this share of the bytes was chained together by boilerplate, and is taken apart."""
TIGHTER = (0.8, 0.9, 1.0, None)
"""The similarities a giant cluster is tried with, in this order; None joins it by whole files and tests alone."""
MAX_CANDIDATES = 500
"""Candidates looked at for one function when clusters are made; a larger family is joined through its first members.
The search for near-duplicates has no such limit."""


class SplitRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """How much is held out, and what counts as a copy."""

    heldout: float = Field(default=0.2, gt=0, le=0.5)
    """Share of the bytes of code (tests apart) that is never learned from, and scored."""
    validation: float = Field(default=0.1, ge=0, le=0.3)
    """Share that is never learned from, and steers training; 0 for none."""
    similarity: float = Field(default=0.7, ge=0.3, le=1)
    """Jaccard similarity from which two texts are copies."""
    shingle_tokens: int = Field(default=5, ge=1, le=20)
    """Tokens in one shingle."""
    min_function_tokens: int = Field(default=50, ge=1)
    """Smaller functions and files join no cluster, since boilerplate would chain everything; they can be near-duplicates."""
    after: date | None = None
    """Split by time: learned from is what was committed before that day (UTC), asked about what is new since."""


class Split(StrEnum):
    """Where a file goes."""

    TRAIN = "train"
    VALIDATION = "validation"
    HELDOUT = "heldout"


@dataclass(frozen=True, kw_only=True)
class SplitAssignment:
    """Where one record went."""

    record_id: str
    path: str
    part: Split
    cluster: str
    """Depends on the members alone."""
    reason: str
    """Why it is in its part: ``drawn``, ``smallest``, ``rest`` or ``no function to score``."""


@dataclass(frozen=True, kw_only=True)
class NearDuplicate:
    """A function of validation or held-out that has a copy in training, and is not to be scored."""

    record_id: str
    path: str
    qualified_name: str
    start_byte: int
    part: Split
    other_record_id: str
    other_path: str
    other_name: str
    similarity: float


@dataclass(frozen=True, kw_only=True)
class SplitResult:
    """Every record's part, in the order of their ids, and the functions not to score."""

    assignments: tuple[SplitAssignment, ...]
    near_duplicates: tuple[NearDuplicate, ...]
    counts: dict = field(default_factory=dict)
    """Numbers for a manifest."""

    def parts(self) -> dict[str, Split]:
        """The part of every record id."""
        return {assignment.record_id: assignment.part for assignment in self.assignments}


SPLIT = "split.parquet"


def parts_of(split: Artifact) -> dict[str, Split]:
    """Where each record of a split that is kept went, by its id."""
    return {placed.record_id: placed.part for placed in read_table(split.path / SPLIT, SplitAssignment)}


def split(records: Iterable[Record], recipe: SplitRecipe, seed: int, progress: Progress = silent) -> SplitResult:
    """The part of every record. Depends on the set of records, the recipe and the seed; not on their order.

    Raises TooSmallError when there is too little to hold anything out.
    """
    files = read_files(
        records, width=recipe.shingle_tokens, min_function_tokens=recipe.min_function_tokens, progress=progress
    )
    units = [Unit(index, function, shingles) for index, file in enumerate(files) for function, shingles in file.functions]
    index = Neighbours([unit.shingles for unit in units], recipe.similarity)
    labels, clustering = _clusters(files, units, index, recipe)
    clusters = _assemble(files, labels)
    for cluster in clusters:
        if not cluster.to_score:
            cluster.reason = "no function to score"
    for group in _by_source(files, clusters):
        _place(group, recipe, seed)
    part_of = {member: cluster.part for cluster in clusters for member in cluster.members}
    near_duplicates = _near_duplicates(files, units, index, part_of, recipe.similarity)
    assignments = [
        SplitAssignment(
            record_id=files[member].record.id,
            path=files[member].record.origin.path,
            part=cluster.part,
            cluster=cluster.id,
            reason=cluster.reason,
        )
        for cluster in clusters
        for member in cluster.members
    ]
    assignments.sort(key=lambda assignment: (assignment.record_id, assignment.path))
    counts = {**clustering, **_counts(files, clusters, near_duplicates)}
    if not counts["heldout_scored_functions"] and not recipe.after:
        raise TooSmallError("every function that could be held out has a copy in training", do=_ADVICE)
    return SplitResult(assignments=tuple(assignments), near_duplicates=tuple(near_duplicates), counts=counts)


def _clusters(
    files: list[SplitFile], units: list[Unit], index: Neighbours, recipe: SplitRecipe
) -> tuple[list[int], dict[str, float]]:
    """A label per file, equal for files that belong together, and how it came about."""
    long = np.array([flag for file in files for flag in file.long], dtype=bool)
    large = [file.shingles if file.tokens >= recipe.min_function_tokens else file.shingles[:0] for file in files]
    file_index = Neighbours(large, recipe.similarity)
    links = list(test_links(files))

    def joined(members: set[int], similarity: float | None) -> list[int]:
        forest = UnionFind()
        _join_alike(forest, file_index, [(n, n) for n in sorted(members) if len(large[n])], recipe.similarity)
        for first, other in links:
            if first in members and other in members:
                forest.join(first, other)
        if similarity is not None:
            homes = [(n, units[n].file) for n in np.flatnonzero(long).tolist() if units[n].file in members]
            _join_alike(forest, index, homes, similarity)
        return [forest.find(member) for member in range(len(files))]

    labels = joined(set(range(len(files))), recipe.similarity)
    counts = {"clusters_taken_apart": 0, "similarity_in_giant": recipe.similarity}
    giant = _giant(files, labels)
    for similarity in TIGHTER if giant else ():
        if similarity is not None and similarity <= recipe.similarity:
            continue
        tighter = joined(giant, similarity)
        if len({tighter[member] for member in giant}) > 1:
            labels = [tighter[member] if member in giant else labels[member] for member in range(len(files))]
            counts = {"clusters_taken_apart": 1, "similarity_in_giant": 0.0 if similarity is None else similarity}
        if not _giant(files, labels):
            break
    return labels, counts


def _giant(files: list[SplitFile], labels: list[int]) -> set[int]:
    """The files of the cluster that holds most of all bytes; empty when none does, or it is a single file."""
    members = defaultdict(set)
    for member, label in enumerate(labels):
        members[label].add(member)
    limit = GIANT_SHARE * sum(file.bytes for file in files)
    large = [group for group in members.values() if len(group) > 1 and sum(files[member].bytes for member in group) > limit]
    return large[0] if large else set()


def _join_alike(forest: UnionFind, index: Neighbours, homes: list[tuple[int, int]], similarity: float) -> None:
    """Join the files of (unit, file) pairs whose units are alike. Files that are joined already are not compared."""
    places: dict[int, list[int]] = defaultdict(list)  # a distinct set of shingles -> the files it stands in
    for unit, file in homes:
        places[int(index.same_as[unit])].append(file)
    for entry, (first, *more) in places.items():
        for file in more:
            forest.join(first, file)
        for other in islice(index.candidates(entry), MAX_CANDIDATES):
            if other not in places or forest.find(first) == forest.find(places[other][0]):
                continue
            if index.jaccard(entry, other) >= similarity - 1e-9:
                forest.join(first, places[other][0])


def learned_functions(asked: Iterable[Record], learned: Iterable[Record], recipe: SplitRecipe) -> list[NearDuplicate]:
    """The functions of some records that are alike to one of others, which are learned from; of a split by time."""
    old = list(learned)
    files = read_files([*asked, *old], width=recipe.shingle_tokens, min_function_tokens=recipe.min_function_tokens)
    units = [Unit(index, function, shingles) for index, file in enumerate(files) for function, shingles in file.functions]
    index, ids = Neighbours([unit.shingles for unit in units], recipe.similarity), {record.id for record in old}
    parts = {number: Split.TRAIN if file.record.id in ids else Split.HELDOUT for number, file in enumerate(files)}
    return _near_duplicates(files, units, index, parts, recipe.similarity)


# ----------------------------------------------------------------------------------------------------------------- placing
@dataclass
class _Cluster:
    id: str
    members: list[int]
    code_bytes: int
    """Bytes of its files that are not tests."""
    to_score: int
    """Functions that could be scored."""
    source: str
    """The source that most of its code is from."""
    place: tuple[str, str]
    """Source and path of the first of its files that can be scored: it is drawn by where it is, not by what it says."""
    part: Split = Split.TRAIN
    reason: str = "rest"


def _assemble(files: list[SplitFile], labels: list[int]) -> list[_Cluster]:
    members = defaultdict(list)
    for member, label in enumerate(labels):
        members[label].append(member)
    return [
        _Cluster(
            id=content_id("cluster", *(files[member].record.id for member in group)),
            members=group,
            code_bytes=sum(files[member].bytes for member in group if not files[member].is_test),
            to_score=sum(files[member].to_score() for member in group),
            source=_main_source([files[member] for member in group]),
            place=_first_place([files[member] for member in group]),
        )
        for group in members.values()
    ]


def _first_place(files: list[SplitFile]) -> tuple[str, str]:
    places = [(file.record.origin.source, file.record.origin.path) for file in files]
    scored = [place for place, file in zip(places, files, strict=True) if file.to_score()]
    return min(scored or places)


def _main_source(files: list[SplitFile]) -> str:
    sizes: Counter[str] = Counter()
    for file in files:
        sizes[file.record.origin.source] += file.bytes
    return min(sizes, key=lambda source: (-sizes[source], source))


_ADVICE = "add files to the source, or name several sources together"


def _by_source(files: list[SplitFile], clusters: list[_Cluster]) -> list[list[_Cluster]]:
    """The clusters of each source that has enough of them to hold something out.

    A source that has too few is learned from whole. TooSmallError when none has enough.
    """
    sources: dict[str, list[_Cluster]] = defaultdict(list)
    for cluster in clusters:
        sources[cluster.source].append(cluster)
    enough = [
        sources[name] for name in sorted(sources) if sum(bool(item.to_score) for item in sources[name]) >= MIN_CLUSTERS
    ]
    if enough:
        return enough
    useful = [cluster for cluster in clusters if cluster.to_score]
    size = sum(cluster.code_bytes for cluster in useful)
    total = sum(file.bytes for file in files)
    each = " in one source" if len(sources) > 1 else ""
    raise TooSmallError(
        f"too small to hold anything out: of {len(files)} file(s) ({total / 1000:.0f} kB), {len(useful)} independent "
        f"cluster(s) ({size / 1000:.0f} kB) have functions to score; at least {MIN_CLUSTERS} files{each} with functions "
        "that are not copies of each other are needed (one to hold out, one to validate on, two to learn from)",
        do=_ADVICE,
    )


def _place(clusters: list[_Cluster], recipe: SplitRecipe, seed: int) -> None:
    """Fill held-out, then validation, from the clusters of one source, in an order of their places and the seed."""
    code_bytes = sum(cluster.code_bytes for cluster in clusters)
    left = sorted(
        (cluster for cluster in clusters if cluster.to_score), key=lambda item: (seed_from(seed, *item.place), item.id)
    )
    for part, share in ((Split.HELDOUT, recipe.heldout), (Split.VALIDATION, recipe.validation)):
        if not share or (recipe.after and part is Split.HELDOUT):
            continue
        target, held, drawn = share * code_bytes, 0, []
        for cluster in left:
            if held < target and held + cluster.code_bytes <= OVERSHOOT * target:
                drawn.append(cluster)
                held += cluster.code_bytes
        reason = "drawn" if drawn else "smallest"  # every cluster is larger than the part may be
        for cluster in drawn or [min(left, key=lambda item: item.code_bytes)]:
            cluster.part, cluster.reason = part, reason
            left.remove(cluster)


def _near_duplicates(
    files: list[SplitFile], units: list[Unit], index: Neighbours, part_of: dict[int, Split], similarity: float
) -> list[NearDuplicate]:
    """The functions of validation and held-out, of any size, that are alike to one in training, with the first such one."""
    in_training: dict[int, int] = {}  # a distinct set of shingles -> a unit in training that has it
    for number, unit in enumerate(units):
        if part_of[unit.file] is Split.TRAIN:
            in_training.setdefault(int(index.same_as[number]), number)
    learned = np.zeros(len(units), dtype=bool)
    learned[list(in_training)] = True
    known: dict[int, tuple[int, float] | None] = {}
    near_duplicates = []
    for number, unit in enumerate(units):
        if part_of[unit.file] is Split.TRAIN:
            continue
        entry = int(index.same_as[number])
        if entry not in known:
            known[entry] = _first_near_duplicate(index, entry, learned, similarity)
        if (nearest := known[entry]) is not None:
            other, how = nearest
            copy = units[in_training[other]]
            near_duplicates.append(
                NearDuplicate(
                    record_id=files[unit.file].record.id,
                    path=files[unit.file].record.origin.path,
                    qualified_name=unit.function.qualified_name,
                    start_byte=unit.function.start_byte,
                    part=part_of[unit.file],
                    other_record_id=files[copy.file].record.id,
                    other_path=files[copy.file].record.origin.path,
                    other_name=copy.function.qualified_name,
                    similarity=round(how, 4),
                )
            )
    return near_duplicates


def _first_near_duplicate(index: Neighbours, entry: int, learned: np.ndarray, similarity: float) -> tuple[int, float] | None:
    if learned[entry]:
        return entry, 1.0
    for other in index.candidates(entry, among=learned):
        if (how := index.jaccard(entry, other)) >= similarity - 1e-9:
            return other, how
    return None


def _counts(files: list[SplitFile], clusters: list[_Cluster], near_duplicates: list[NearDuplicate]) -> dict[str, float]:
    sizes = [sum(files[member].bytes for member in cluster.members) for cluster in clusters]
    counts: dict[str, float] = {
        "files": len(files),
        "bytes": sum(sizes),
        "clusters": len(clusters),
        "largest_cluster_files": max(len(cluster.members) for cluster in clusters),
        "largest_cluster_share": round(max(sizes) / max(1, sum(sizes)), 4),
    }
    for part in Split:
        inside = [files[member] for cluster in clusters if cluster.part is part for member in cluster.members]
        own_near_duplicates = {
            (near_duplicate.record_id, near_duplicate.start_byte)
            for near_duplicate in near_duplicates
            if near_duplicate.part is part
        }
        counts[f"{part}_clusters"] = sum(cluster.part is part for cluster in clusters)
        counts[f"{part}_files"] = len(inside)
        counts[f"{part}_bytes"] = sum(file.bytes for file in inside)
        counts[f"{part}_functions"] = sum(len(file.functions) for file in inside)
        if part is not Split.TRAIN:
            counts[f"{part}_near_duplicates"] = len(own_near_duplicates)
            counts[f"{part}_scored_functions"] = sum(
                function.has_body
                and not function.is_test
                and (file.record.id, function.start_byte) not in own_near_duplicates
                for file in inside
                if not file.is_test
                for function, _ in file.functions
            )
    return counts
