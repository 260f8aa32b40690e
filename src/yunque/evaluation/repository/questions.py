"""What every repository can be asked about: its own held-out code and its own tests. `suites` puts it to models.

Three kinds of question, all from held-out files that are not tests, none about a function with a near-duplicate in training:

* ``bits``: chunks of code; how many bits does the model need for them?
* ``fim``: a cursor between the words of a line; what is the rest of it? Asked on validation files too (``style``), to
  choose a prompt style.
* ``body``: a function without its body; does what the model writes pass the tests that reach the function?

A body task counts only if its tests pass with the original body and fail with ``raise NotImplementedError``, both seen in
the sandbox; every function that makes no task is counted with its reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import InitVar, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, Field

from yunque.checks.execution.pytest_runs import Reached, TestReach, reach
from yunque.checks.execution.repository_tests import RepositoryTests
from yunque.code.functions import Function, blank_body, functions, is_test_path
from yunque.core.nouns import Key, Limits, Outcome, Record, Task, content_id, seed_from
from yunque.core.progress import silent
from yunque.core.seams import Progress, Sandbox
from yunque.data.pairs.context import text_after, text_before
from yunque.data.pairs.fim_spans import FimSpanKind, fim_spans
from yunque.data.split import Split
from yunque.store.tables import read_lines, write_lines

STUB = "raise NotImplementedError"
QUESTIONS, CHUNKS = "questions.jsonl", "chunks.jsonl"
_UNREACHED = "no passing test reaches it"


class TestRuns(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """What runs of a repository's tests may use."""

    workers: int = Field(2, ge=1)
    """sandboxed test runs at the same time"""
    reach_wall_s: float = Field(180, gt=0)
    """time for one run of the whole test suite"""
    test_wall_s: float = Field(15, gt=0)
    """time for the tests of one task"""
    memory_bytes: int = Field(2 << 30, ge=1 << 28)
    """address space of a test process"""

    def limits(self) -> Limits:
        """What the tests of one task may use."""
        return self._limits(self.test_wall_s)

    def reach_limits(self) -> Limits:
        """What a run of all tests may use."""
        return replace(self._limits(self.reach_wall_s), file_bytes=64 << 20)

    def _limits(self, wall_s: float) -> Limits:
        return Limits(wall_s=wall_s, cpu_s=wall_s, memory_bytes=self.memory_bytes, processes=64)


class EvaluationRecipe(TestRuns):
    """What is asked, how much of it, and what the tests may use."""

    suites: tuple[str, ...] = ("repo-bits", "repo-fim", "repo-body")
    """what both models are asked: repo-bits, repo-fim and repo-body of what is held out, and whatever `yunque eval` knows"""
    bits_bytes: int = Field(40_000, ge=1000)
    """bytes of held-out code scored in bits per byte"""
    chunk_bytes: int = Field(1_500, ge=200)
    """bytes in one chunk of it"""
    fim_tasks: int = Field(200, ge=0)
    """fill-in-the-middle tasks from held-out files"""
    style_tasks: int = Field(32, ge=0)
    """fill-in-the-middle tasks from validation files, to choose a prompt style"""
    fim_tokens: int = Field(40, ge=1)
    """most tokens of such an answer"""
    body_tasks: int = Field(40, ge=0)
    """functions to write, judged by the repository's tests"""
    body_tokens: int = Field(160, ge=1)
    """most tokens of such an answer"""
    max_body_chars: int = Field(500, ge=20)
    """longer original bodies are not asked for"""
    max_signature_chars: int = Field(700, ge=20)
    """longer signatures with docstring do not fit the prompt"""
    tests_per_task: int = Field(6, ge=1)
    """tests run for one function, the quickest that reach it"""
    batch_rows: int = Field(32, ge=1)
    """answers generated together; fixed, since greedy text depends on it"""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A task with what is needed to judge it, none of which a model sees."""

    task: Task
    key: Key
    path: str
    record_id: str
    span_bytes: tuple[int, int]
    """What the answer replaces."""
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A piece of held-out code."""

    path: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Questions:
    """All questions of one repository, in a stable order."""

    questions: tuple[Question, ...]
    chunks: tuple[Chunk, ...]

    def of(self, kind: str) -> list[Question]:
        """The questions of one kind: ``fim``, ``style`` or ``body``."""
        return [question for question in self.questions if question.task.suite == kind]

    def save(self, folder: Path) -> None:
        """Write ``questions.jsonl`` and ``chunks.jsonl``."""
        write_lines(folder / QUESTIONS, self.questions)
        write_lines(folder / CHUNKS, self.chunks)

    @classmethod
    def load(cls, folder: Path) -> Questions:
        """Read what ``save`` wrote."""
        return cls(
            questions=tuple(read_lines(folder / QUESTIONS, Question)), chunks=tuple(read_lines(folder / CHUNKS, Chunk))
        )


@dataclass(kw_only=True)
class QuestionMaker:
    """Makes the questions from records, their parts and the tree the records came from."""

    records: InitVar[Sequence[Record]]
    parts: dict[str, Split]
    near_duplicates: frozenset[tuple[str, int]]
    new_spans: Mapping[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Bytes of a record, by its id, that alone are asked about, since the others are learned from; absent: all of it."""
    tree: Path
    sandbox: Sandbox | None
    recipe: EvaluationRecipe
    seed: int
    progress: Progress = silent

    def __post_init__(self, records: Sequence[Record]) -> None:
        self.asked = [r for r in records if not is_test_path(r.origin.path)]
        self.excluded: dict[str, Counter] = defaultdict(Counter)

    def make(self) -> tuple[Questions, dict]:
        """The questions, and what they count: tasks of each kind, and what was excluded and why."""
        heldout, validation = self._of(Split.HELDOUT), self._of(Split.VALIDATION)
        made = [
            *self._cursors(heldout, "fim", self.recipe.fim_tasks),
            *self._cursors(validation, "style", self.recipe.style_tasks),
            *self._bodies(heldout),
        ]
        questions = Questions(questions=tuple(made), chunks=tuple(self._chunks(heldout)))
        counts = Counter(question.task.suite for question in made)
        return questions, {
            "fim": counts["fim"],
            "style": counts["style"],
            "body": counts["body"],
            "chunks": len(questions.chunks),
            "chunk_bytes": sum(len(chunk.text.encode()) for chunk in questions.chunks),
            "files": len({chunk.path for chunk in questions.chunks}),
            "excluded": {kind: dict(sorted(reasons.items())) for kind, reasons in sorted(self.excluded.items())},
            "sandbox": self.sandbox.tier if self.sandbox else "none",
        }

    def _of(self, part: Split) -> list[Record]:
        records = [record for record in self.asked if self.parts[record.id] is part]
        return sorted(records, key=lambda record: record.origin.path)

    def _twin_spans(self, record: Record) -> list[tuple[int, int]]:
        result = functions(record.text, record.language)
        return [(f.start_byte, f.end_byte) for f in result if (record.id, f.start_byte) in self.near_duplicates]

    def _asked_spans(self, record: Record) -> list[tuple[int, int]]:
        """What of a file may be asked about, twins aside."""
        return self.new_spans.get(record.id, [(0, len(record.text.encode()))])

    # --------------------------------------------------------------------------------------------------------------- bits
    def _chunks(self, records: list[Record]) -> Iterable[Chunk]:
        """Consecutive lines from every file, files in turn, until the bytes are spent; twins are left out."""
        waiting = [(record.origin.path, self._pieces(record)) for record in records]
        left = self.recipe.bits_bytes
        chosen: list[tuple[str, int, Chunk]] = []
        while left > 0 and any(pieces for _, pieces in waiting):
            for path, pieces in waiting:
                if pieces and left > 0:
                    place, text = pieces.pop(0)
                    left -= len(text.encode())
                    chosen.append((path, place, Chunk(path=path, text=text)))
        return [chunk for _, _, chunk in sorted(chosen, key=lambda row: row[:2])]

    def _pieces(self, record: Record) -> list[tuple[int, str]]:
        """(place, text) of the chunks of a file, in an order that the seed decides."""
        data, spans = record.text.encode(), self._twin_spans(record)
        pieces = []
        for position, last in self._asked_spans(record):
            while position < last:
                end = data.find(b"\n", min(position + self.recipe.chunk_bytes, last) - 1, last) + 1 or last
                if not any(start < end and position < stop for start, stop in spans) and data[position:end].strip():
                    pieces.append((position, data[position:end].decode()))
                position = end
        return sorted(pieces, key=lambda piece: seed_from(self.seed, "stretch", record.id, piece[0]))

    # ---------------------------------------------------------------------------------------------------------------- fim
    def _cursors(self, records: list[Record], kind: str, wanted: int) -> list[Question]:
        """About ``wanted`` cursors, spread over files by their size; rests of fewer than 3 characters are not asked for."""
        total = sum(len(record.text) for record in records) or 1
        cursors = []
        for record in records:
            share = max(1, round(1.3 * wanted * len(record.text) / total)) if wanted else 0
            avoid = [*self._twin_spans(record), *_between(self._asked_spans(record), len(record.text.encode()))]
            result = fim_spans(record, seed=self.seed, count=share, weights={FimSpanKind.LINE: 1.0}, avoid=avoid)
            data = record.text.encode()
            for fim_span in result:
                answer = data[fim_span.start_byte : fim_span.end_byte].decode()
                if len(answer.strip()) < 3:
                    self.excluded[kind]["rest of the line is shorter than 3 characters"] += 1
                    continue
                span = (fim_span.start_byte, fim_span.end_byte)
                cursors.append(self._question(record, kind, span, answer, stop="line", max_tokens=self.recipe.fim_tokens))
        cursors.sort(key=lambda question: seed_from(self.seed, question.task.id))
        return sorted(cursors[:wanted], key=lambda question: (question.path, question.span_bytes))

    def _question(
        self, record: Record, kind: str, span: tuple[int, int], answer: str, *, stop: str, max_tokens: int
    ) -> Question:
        data = record.text.encode()
        task_id = f"{kind}-{content_id(record.id, str(span))}"
        task = Task(
            id=task_id,
            suite=kind,
            prompt=text_before(data, span[0], 4000),
            suffix=text_after(data, span[1], 1500),
            stop=stop,
            max_tokens=max_tokens,
            language=record.language,
            group=record.origin.path,
        )
        key = Key(task_id=task_id, answer=answer)
        return Question(task=task, key=key, path=record.origin.path, record_id=record.id, span_bytes=span)

    # --------------------------------------------------------------------------------------------------------------- body
    def _bodies(self, records: list[Record]) -> list[Question]:
        """Functions that the repository's own tests can judge, proven on the original and on a stub."""
        why_not = self.excluded["body"]
        python = [record for record in records if record.language == "python"]
        every = [(record, function) for record in python for function in functions(record.text, record.language)]
        if not every or not self.recipe.body_tasks:
            return []
        if self.sandbox is None:
            why_not["no sandbox on this machine"] += len(every)
            return []
        result, trouble, failing = self._reach()
        if not result:
            why_not[trouble or failing or "the repository has no tests"] += len(every)
            return []
        trouble = trouble or failing
        tests_of = _tests_by_function(result)
        candidates = []
        for record, function in every:
            tests = tests_of.get((record.origin.path, _first_line(record, function)), [])
            reason = self._unsuitable(record, function, tests)
            if reason == _UNREACHED and trouble:
                reason = f"{reason}: {trouble}"
            if reason:
                why_not[reason] += 1
            else:
                chosen = sorted(tests, key=lambda test: (test.took_s, test.test))[: self.recipe.tests_per_task]
                candidates.append((record, function, tuple(sorted(test.test for test in chosen))))
        candidates.sort(key=lambda c: seed_from(self.seed, "body", c[0].id, c[1].start_byte))
        return sorted(self._prove(candidates), key=lambda question: (question.path, question.span_bytes))

    def _reach(self) -> Reached:
        assert self.sandbox is not None  # bodies are not asked without
        with self.progress("trace tests", 1, "runs") as advance:
            reached = reach(self.tree, self.sandbox, self.recipe.reach_limits())
            advance(1)
        return reached

    def _unsuitable(self, record: Record, function: Function, tests: list[TestReach]) -> str:
        if not function.has_body:
            return "no body to write"
        if (record.id, function.start_byte) in self.near_duplicates:
            return "has a near-duplicate in training"
        if not tests:
            return _UNREACHED
        data = record.text.encode()
        if len(data[function.prompt_end_byte : function.body_end_byte].decode()) > self.recipe.max_body_chars:
            return f"body longer than {self.recipe.max_body_chars} characters"
        if len(data[function.start_byte : function.prompt_end_byte].decode()) > self.recipe.max_signature_chars:
            return f"signature and docstring longer than {self.recipe.max_signature_chars} characters"
        return ""

    def _prove(self, candidates: list[tuple[Record, Function, tuple[str, ...]]]) -> list[Question]:
        """Candidates in order until enough are proven: the original passes, the stub does not."""
        proven: list[Question] = []
        wanted, why_not = self.recipe.body_tasks, self.excluded["body"]
        with self.progress("prove tasks", wanted, "tasks") as advance, ThreadPoolExecutor(self.recipe.workers) as pool:
            position = 0
            while position < len(candidates) and len(proven) < wanted:
                batch = candidates[position : position + max(self.recipe.workers, min(8, wanted - len(proven)))]
                position += len(batch)
                for (record, function, tests), refusal in zip(batch, pool.map(self._refusal, batch), strict=True):
                    if refusal:
                        why_not[refusal] += 1
                    elif len(proven) < wanted:
                        span = (function.prompt_end_byte, function.body_end_byte)
                        answer = record.text.encode()[slice(*span)].decode()
                        question = self._question(
                            record, "body", span, answer, stop="dedent", max_tokens=self.recipe.body_tokens
                        )
                        proven.append(replace(question, tests=tests))
                        advance(1)
                    else:
                        why_not["enough tasks already"] += 1
            why_not["enough tasks already"] += len(candidates) - position
        if not why_not["enough tasks already"]:
            del why_not["enough tasks already"]
        return proven

    def _refusal(self, candidate: tuple[Record, Function, tuple[str, ...]]) -> str:
        record, function, tests = candidate
        assert self.sandbox is not None  # bodies are not asked without
        check = RepositoryTests(
            tree=self.tree,
            tests=tests,
            sandbox=self.sandbox,
            limits=self.recipe.limits(),
            definition=function.qualified_name.partition(".")[0],
        )
        if check.judge(record).outcome is not Outcome.PASS:
            return "its tests do not pass with the original body"
        stubbed = replace(record, text=blank_body(record.text, function, f"{function.indent}{STUB}"))
        if check.judge(stubbed).outcome is Outcome.PASS:
            return "its tests pass without a body"
        return ""


def _between(spans: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """The bytes of a text of that size that are in none of these runs, which are in order."""
    starts, ends = [0, *(end for _, end in spans)], [*(start for start, _ in spans), size]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if end > start]


def _first_line(record: Record, function: Function) -> int:
    """The 1-based line that Python's code objects call the first: that of the first decorator, where there is one."""
    return record.text.encode()[: function.start_byte].count(b"\n") + 1


def _tests_by_function(reaches: list[TestReach]) -> dict[tuple[str, int], list[TestReach]]:
    """Passing tests by (path, line) of the functions they call."""
    tests_of: dict[tuple[str, int], list[TestReach]] = defaultdict(list)
    for test in reaches:
        if test.passed:
            for place in test.reached:
                tests_of[place].append(test)
    return tests_of


@lru_cache(256)
def function_of(text: str, body_byte: int) -> Function:
    """The Python function whose body begins there."""
    return next(
        function for function in functions(text, "python") if function.has_body and function.prompt_end_byte == body_byte
    )
