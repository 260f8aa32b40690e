"""The seams: where a part can be replaced. Protocols of one to three methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from yunque.core.nouns import (
    Canary,
    Completion,
    Dropped,
    Insertion,
    Job,
    Measure,
    Observation,
    Pair,
    Piece,
    PromptStyle,
    Record,
    Request,
    Task,
    Verdict,
)


@runtime_checkable
class Source(Protocol):
    """Something that can be copied into a snapshot, from which records are read."""

    name: str
    """Short: ``boltons``."""

    @property
    def identity(self) -> dict:
        """What decides the content, known before anything is fetched; plain values, no secrets. Raises SourceError."""
        ...

    def fetch(self, folder: Path) -> dict:
        """Fill ``folder/tree`` without running anything of it; returns the facts of the snapshot. Raises SourceError."""
        ...


@runtime_checkable
class DatedSource(Protocol):
    """A source, or a stream, whose past can be read."""

    def as_of(self, day: date) -> Any:
        """The same as it was when that day began, UTC. Raises SourceError when there was nothing yet."""
        ...


@runtime_checkable
class Stream(Protocol):
    """A source that is read where it lies, item by item: a history, a dump, a table, events."""

    name: str
    records_teach: bool
    """Whether pairs are made of its records, too; False where they only stand behind the pairs that it brings."""

    @property
    def identity(self) -> dict:
        """As of a `Source`."""
        ...

    def read(self) -> Iterator[Record | Pair | Dropped]:
        """Every item once, in a stable order, in memory that does not grow with their number. Raises SourceError."""
        ...


@runtime_checkable
class Check(Protocol):
    """Something that can be wrong with a text: the same check drops a record, scores an answer, underlines a completion."""

    @property
    def name(self) -> str:
        """Short: ``ruff``."""
        ...

    def judge(self, record: Record) -> Verdict:
        """A verdict; never raises for anything the text does."""
        ...


@runtime_checkable
class BatchCheck(Check, Protocol):
    """A check whose tool takes many texts at once."""

    def judge_all(self, records: Sequence[Record]) -> list[Verdict]:
        """The verdict of each, in their order: what `judge` says of each alone."""
        ...


@runtime_checkable
class ProvenCheck(Check, Protocol):
    """A check that brings the texts by which its silence is proven."""

    def canaries(self) -> Sequence[Canary]:
        """At least one text with something to find, and one without."""
        ...


@runtime_checkable
class InsertionCheck(Protocol):
    """Something that can be wrong with a text at the place where it is put in: what an editor asks before it shows it."""

    @property
    def name(self) -> str:
        """Short: ``repeats-suffix``."""
        ...

    def judge_insertion(self, insertion: Insertion) -> Verdict:
        """A verdict in milliseconds; lines of findings count within the text. Never raises for anything the text does."""
        ...


@runtime_checkable
class Sandbox(Protocol):
    """Somewhere to run programs nobody trusts."""

    @property
    def tier(self) -> str:
        """How it keeps them apart from this machine."""
        ...

    def run(self, job: Job) -> Observation:
        """What was observed from outside. Raises SandboxError only when the job could not be started at all."""
        ...


@runtime_checkable
class Engine(Protocol):
    """A model that answers."""

    name: str

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """One completion per request, in the order of the requests."""
        ...

    def score(self, texts: Sequence[str]) -> Iterator[list[float]]:
        """For each text, the natural-log probability of every token given the ones before it."""
        ...


@runtime_checkable
class LiveEngine(Protocol):
    """An engine that answers while somebody waits; several threads may ask at the same time."""

    name: str

    def stream(self, request: Request) -> Iterator[Piece]:
        """The answer in pieces, none of which is taken back; the last says why it ended. ModelError before the first.

        With ``max_tokens`` 0 the prompt is read ahead, so that the next one that begins alike is answered sooner: one empty
        piece. Closing the iterator cancels the request, at the next token at the latest.
        """
        ...


@runtime_checkable
class Objective(Protocol):
    """What training minimises: the sum of ``loss`` over the sum of ``weight``, both over all batches of a step.

    The loop divides once, so several batches a step give the gradient of one large batch, and knows nothing of tokens,
    answers, teachers or rewards. One that has a true ``needs_reference`` has a method ``reference(model, batch)`` as well,
    which is asked once of every batch before any training; its values, numbers for each row, then stand in the data.
    """

    def batch(self, data: Any, rows: Any, device: Any) -> Any:
        """The rows of the data with these indices, on a device; ``num_tokens`` of it counts what is not padding."""
        ...

    def weight(self, batch: Any) -> float:
        """The sum of what its losses weigh; 0 where it teaches nothing."""
        ...

    def loss(self, model: Any, batch: Any) -> Any:
        """The sum of its weighted losses, a scalar with gradient."""
        ...


@runtime_checkable
class Suite(Protocol):
    """A set of tasks."""

    @property
    def name(self) -> str:
        """Short: ``humaneval``."""
        ...

    def tasks(self) -> Sequence[Task]:
        """Every task, in a stable order."""
        ...


@runtime_checkable
class JudgedSuite(Suite, Protocol):
    """A set of tasks that brings its judge: a public benchmark, or one of your own."""

    @property
    def licence(self) -> str:
        """Of its tasks."""
        ...

    @property
    def trainable(self) -> bool:
        """Whether its rows may be used as training data at all."""
        ...

    @property
    def sandbox(self) -> Sandbox | None:
        """Where it judges; None for a suite that runs nothing, or that is only read."""
        ...

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        """The answer as code that can stand alone, without the tests: what linters, parsers and the judge look at."""
        ...

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """What this answer, asked for in that style, is worth. PASS or FAIL; the score grades where the suite can."""
        ...

    def canonical(self, task: Task) -> str | None:
        """A completion that must pass, if the suite has one; the share that does is its ceiling on this machine."""
        ...

    def wrong(self, task: Task) -> str:
        """A completion that must fail: a suite whose wrong answers pass is not wired."""
        ...


@runtime_checkable
class MeasuredSuite(JudgedSuite, Protocol):
    """A suite with numbers that no single answer has: the BLEU of all answers together, a share by weakness."""

    def measures(self, answers: Sequence[tuple[Task, str]]) -> list[Measure]:
        """Those numbers, of (task, code of the answer) pairs in the order of the tasks."""
        ...


class Advance(Protocol):
    """Moves a bar on; ``note`` is shown beside it until the next one."""

    def __call__(self, amount: int, note: str = "") -> None:
        """Move on by so much."""
        ...


class Progress(Protocol):
    """How a long step says how far it is: ``with progress("train", 100, "steps") as advance: advance(1)``."""

    def __call__(self, label: str, total: int, unit: str = "") -> AbstractContextManager[Advance]:
        """A context whose value moves the bar on."""
        ...
