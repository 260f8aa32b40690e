"""The questions of `questions` as suites that any model can be asked: ``yunque eval --suites repo-body:PATH``.

* ``repo-body:NAME``: a function without its body, judged by the repository's own tests that reach it;
* ``repo-fim:NAME``: a cursor in a line; PASS is the very rest of that line, the score is edit similarity;
* ``repo-bits:NAME``: chunks of code that no model is asked for: what they cost it is measured, in bits per byte.

Given a forge's output folder (``OUT#SOURCE``: of one source alone), the questions are those of its newest split, all from
held-out files: a forged model is asked only for what it did not learn. Given anything else that is a source, every file is
asked that is no test: fair to a model that never saw the repository, not to one that was trained on it.

Covered: several repositories in one suite, each a part with a score of its own; an answer is one function and nothing beside
it, or it fails unseen; a PASS is believed only when a test that must fail still fails beside the others (a patched pytest
lets it through); an answer that names the machinery of tests, which the file itself does not, fails.
Not covered: tests and answer share a process (``in-process`` in every verdict), so an answer that builds names out of
pieces can still forge a PASS, by a patch that spares tests it does not know, or by an object that is equal to everything.
"""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from yunque.checks.execution.repository_tests import RepositoryTests
from yunque.checks.findings import decide, fail, skip
from yunque.code.functions import Function
from yunque.code.lexing import indent_of
from yunque.core.errors import EvaluationError
from yunque.core.nouns import PromptStyle, Record, Task, Verdict, content_id
from yunque.core.plugins import nearest
from yunque.core.progress import silent
from yunque.core.seams import JudgedSuite, Progress, Sandbox
from yunque.data.collect import RECORDS, CollectRecipe, collect, load_checks, refuse_nothing
from yunque.data.sources.kinds import TREE, open_source
from yunque.data.split import Split
from yunque.evaluation.metrics.text import edit_similarity
from yunque.evaluation.repository.control_test import judge_controlled
from yunque.evaluation.repository.one_function import (
    clean,
    function_in,
    indented_by,
    is_definition,
    line_start,
    refuse,
    reindent,
)
from yunque.evaluation.repository.questions import (
    STUB,
    Chunk,
    EvaluationRecipe,
    Question,
    QuestionMaker,
    Questions,
    function_of,
)
from yunque.evaluation.suites.extraction import code_of
from yunque.inference.stops import first_stop
from yunque.store.artifacts import MANIFEST, Artifact, Store
from yunque.store.scratch import ScratchFolder, place_for
from yunque.store.tables import read_table

SEED = 17
QUESTION = """\
Complete the function `{name}` at the end of this Python file. Answer with that whole function in one fenced code block, \
and nothing beside it.

```python
{prompt}
```
"""


# ------------------------------------------------------------------------------------------------------------------ opening
def open_repository(
    spec: str | Path,
    sandbox: Sandbox | None,
    kinds: Sequence[str] = ("body", "fim"),
    *,
    recipe: EvaluationRecipe | None = None,
    seed: int = SEED,
    folder: Path | None = None,
    progress: Progress = silent,
) -> list[JudgedSuite]:
    """A suite for each kind of question about a source or, if ``spec`` is a forge's output folder, about its held-out part.

    ``folder`` keeps the copy of a plain source, which is not learned from and asked as a whole; None: a temporary one that
    goes with the suites. ``recipe`` and ``seed`` are those of the forge where there is one. Raises YunqueError: nothing to
    ask, no such source, an unknown kind, or ``body`` without a sandbox.
    """
    unknown = [kind for kind in kinds if kind not in SUITES]
    if unknown or not kinds:
        known = f"known: {', '.join(SUITES)}"
        raise EvaluationError(f"no questions of kind {unknown[0]!r}" if unknown else "no kind of question", do=known)
    if "body" in kinds and sandbox is None:
        raise EvaluationError("no sandbox to run its tests in", where=spec, do="ask for fim alone, or see `yunque doctor`")
    named, _, source_name = str(spec).partition("#")
    out = Path(os.path.expanduser(named))  # which leaves an unknown user's name as it is
    if any(out.glob(f"artifacts/*/{MANIFEST}")):
        asked = heldout_of(Store(out), source_name)
    else:
        place, held = place_for(folder, "yunque-repo-")
        asked = [replace(_plain(str(spec), place, sandbox, kinds, recipe, seed, progress), held=held)]
    made = [SUITES[kind](repositories=tuple(asked), sandbox=sandbox) for kind in kinds]
    for suite in made:
        if not suite.tasks():
            why = asked[0].counts.get("excluded", {}).get(suite.kind, {})
            listing = ", ".join(f"{number} {reason}" for reason, number in sorted(why.items(), key=lambda row: -row[1])[:3])
            others = " or ".join(item for item in SUITES if item != suite.kind)
            what = f"makes no {suite.kind} task ({listing or 'nothing to ask'})"
            raise EvaluationError(what, where=spec, do=f"ask for {others} alone")
    return [*made]


@dataclass(frozen=True, kw_only=True)
class AskedRepository:
    """A repository with its questions."""

    name: str
    licence: str
    questions: Questions
    records: Mapping[str, Record]
    tree: Path
    recipe: EvaluationRecipe
    counts: dict
    """What was asked, and what was not and why."""
    held: ScratchFolder | None = None
    """Where its copy is temporary."""

    def language_of(self, path: str) -> str:
        """Of one of its files."""
        return next(record.language for record in self.records.values() if record.origin.path == path)


def _plain(
    spec: str,
    folder: Path,
    sandbox: Sandbox | None,
    kinds: Sequence[str],
    recipe: EvaluationRecipe | None,
    seed: int,
    progress: Progress,
) -> AskedRepository:
    """Every file of a source is asked, since none of it was learned from."""
    recipe = recipe or EvaluationRecipe()
    unasked = {"style_tasks": 0} | {f"{kind}_tasks": 0 for kind in ("body", "fim") if kind not in kinds}
    of_kinds = recipe.model_copy(update=unasked)
    folder.mkdir(parents=True, exist_ok=True)
    facts = open_source(spec).fetch(folder)
    collecting = CollectRecipe()
    refuse_nothing(collect(folder, facts, collecting, load_checks(collecting), folder, progress), facts)
    records = read_table(folder / RECORDS, Record)
    questions, counts = QuestionMaker(
        records=records,
        parts={record.id: Split.HELDOUT for record in records},
        near_duplicates=frozenset(),
        tree=folder / TREE,
        sandbox=sandbox,
        recipe=of_kinds,
        seed=seed,
        progress=progress,
    ).make()
    return _asked(facts["name"], questions, records, folder / TREE, recipe, counts)


def heldout_of(store: Store, source: str = "") -> list[AskedRepository]:
    """What a forge's newest split holds out, source by source; with ``source``, of that one alone.

    EvaluationError where there is none, or one that cannot be read.
    """
    suites = [artifact for artifact in store.all() if artifact.manifest.kind == "suite"]
    if not suites:
        raise EvaluationError("holds artifacts, but no suite", where=store.root, do="run `yunque forge` on it to the end")
    split = next((parent.id for parent in store.parents(suites[-1]) if parent.manifest.kind == "split"), "")
    newest = {suite.manifest.name: suite for suite in suites if split in suite.manifest.parents}
    if source and source not in newest:
        raise EvaluationError(f"no questions on '{source}'", where=store.root, do=nearest(source, list(newest)))
    return [asked_of(store, suite) for name, suite in newest.items() if source in ("", name)]


def asked_of(store: Store, suite: Artifact) -> AskedRepository:
    """The questions of an artifact, with the records and the tree they were made from. EvaluationError for a broken one."""
    parents: dict[str, Artifact] = {parent.manifest.kind: parent for parent in store.parents(suite)}
    try:
        snapshot = parents["snapshot"]
        order = {key: value for key, value in suite.manifest.recipe.items() if key != "sandbox"}
        questions, recipe = Questions.load(suite.path), EvaluationRecipe(**order)
        tables = [parents[kind] for kind in ("part", "records") if kind in parents]  # of a split by time: then, and now
        records = [record for table in tables for record in read_table(table.path / RECORDS, Record)]
        return _asked(snapshot.counts["name"], questions, records, snapshot.path / TREE, recipe, suite.counts)
    except (KeyError, ValueError, TypeError, OSError) as error:
        what = f"a suite that cannot be read ({' '.join(str(error).split())})"
        raise EvaluationError(what, where=suite.path, do="delete that folder, and run `yunque forge` again") from None


def _asked(
    name: str, questions: Questions, records: Sequence[Record], tree: Path, recipe: EvaluationRecipe, counts: dict
) -> AskedRepository:
    by_id = {record.id: record for record in records}
    paths = {question.path for question in questions.questions} | {chunk.path for chunk in questions.chunks}
    licences = sorted({record.origin.licence for record in records if record.origin.path in paths})
    licence = " AND ".join(licences) or "unknown"
    if any(question.record_id not in by_id for question in questions.questions):
        raise KeyError("it asks about files that are not there")
    return AskedRepository(
        name=name, licence=licence, questions=questions, records=by_id, tree=tree, recipe=recipe, counts=counts
    )


# ------------------------------------------------------------------------------------------------------------------- suites
@dataclass(frozen=True, kw_only=True, eq=False)
class _Asked:
    """One kind of question about one repository or more."""

    repositories: tuple[AskedRepository, ...]
    sandbox: Sandbox | None = None
    trainable: bool = False
    """Held out, or asked whole: whoever trains on it cannot be judged by it."""
    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """``repo-KIND:NAME``, of several ``repo-KIND:NAME+NAME``."""
        return f"repo-{self.kind}:{'+'.join(repository.name for repository in self.repositories)}"

    @property
    def licence(self) -> str:
        """Of the files that are asked."""
        return " AND ".join(sorted({repository.licence for repository in self.repositories}))

    def tasks(self) -> list[Task]:
        """Every task, repository by repository, by path and place."""
        return [self._task(item) for item in self._of(self.kind).values()]

    @cached_property
    def _items(self) -> dict[str, _Item]:
        """Whatever can be judged, by id of the task."""
        return self._of(self.kind)

    def _of(self, kind: str) -> dict[str, _Item]:
        """The questions of a kind, by id of the task; a file that two repositories have is asked of the first."""
        items: dict[str, _Item] = {}
        for repository in self.repositories:
            for question in repository.questions.of(kind):
                items.setdefault(question.task.id, _Item(repository, question))
        return items

    def _task(self, item: _Item) -> Task:
        """As it is asked: of several repositories each is a part."""
        task = replace(item.question.task, suite=self.name)
        name = item.repository.name
        return replace(task, group=f"{name}/{task.group}", part=name) if len(self.repositories) > 1 else task

    def canonical(self, task: Task) -> str:
        """What stands in the file."""
        return self._items[task.id].question.key.answer


@dataclass(frozen=True)
class _Item:
    """A question, and the repository that it is about."""

    repository: AskedRepository
    question: Question

    @property
    def record(self) -> Record:
        return self.repository.records[self.question.record_id]

    @property
    def data(self) -> bytes:
        return self.record.text.encode()

    @property
    def function(self) -> Function:
        """The one whose body is asked for."""
        return function_of(self.record.text, self.question.span_bytes[0])


class BodySuite(_Asked):
    """Functions without their bodies, judged by the repository's tests (seam ``JudgedSuite``)."""

    kind = "body"

    @property
    def key(self) -> str:
        """Stands for the tests that judge."""
        return content_id(*(test for item in self._items.values() for test in item.question.tests))

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        """The whole file with the answer in place."""
        return self._placed(task, text, style)[0]

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """Do the tests that reach the function pass with this body?"""
        if self.sandbox is None:
            raise EvaluationError("no sandbox to judge in", where=self.name)
        item, (program, piece) = self._items[task.id], self._placed(task, text, style)
        refusal = refuse(piece, item.function.name, item.record.text)
        if refusal:
            return fail(self.name, *refusal)
        tests = RepositoryTests(
            tree=item.repository.tree,
            tests=item.question.tests,
            sandbox=self.sandbox,
            limits=item.repository.recipe.limits(),
            definition=item.function.qualified_name.partition(".")[0],
        )
        return judge_controlled(tests, replace(item.record, text=program), self.name)

    def wrong(self, task: Task) -> str:
        """A body that only raises: proven to fail when the suite was made."""
        return self._items[task.id].function.indent + STUB

    def _task(self, item: _Item) -> Task:
        """Asked without the text behind the body, which would give away what it returns."""
        task = super()._task(item)
        question = QUESTION.format(name=item.function.qualified_name, prompt=task.prompt.rstrip())
        return replace(task, suffix="", question=question)

    def _placed(self, task: Task, text: str, style: PromptStyle) -> tuple[str, str]:
        """The file with the answer, and the function in it as it then reads."""
        item = self._items[task.id]
        function, data = item.function, item.data
        start, end = line_start(data, function.start_byte), item.question.span_bytes[1]
        head = data[start : function.prompt_end_byte].decode()
        if style is PromptStyle.CHAT:
            code = code_of(clean(text), rf"\bdef\s+{function.name}\b")
            piece = function_in(code, function.name)
            piece = reindent(piece, indent_of(head)) if piece else head + indented_by(code, function.indent)
        else:
            piece = head + clean(text)
            if not is_definition(piece, function.name):
                rest = clean(text)
                piece = head + rest[: first_stop(rest, "dedent", ())]
        piece = piece.rstrip("\n")
        return data[:start].decode() + piece + data[end:].decode(), piece


class FimSuite(_Asked):
    """Rests of lines (seam ``JudgedSuite``): exact match decides, edit similarity is the score. There is no chat form."""

    kind = "fim"

    @cached_property
    def _items(self) -> dict[str, _Item]:
        return self._of("style") | self._of(self.kind)

    def style_tasks(self) -> list[Task]:
        """Cursors of validation files, by which the style of the others is chosen (`asking.StyledSuite`)."""
        return [self._task(item) for item in self._of("style").values()]

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.FIM) -> str:
        """The whole file with the rest of the line in place."""
        item = self._items[task.id]
        data, (start, end) = item.data, item.question.span_bytes
        return data[:start].decode() + _line(item, text) + data[end:].decode()

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.FIM) -> Verdict:
        """PASS for the very rest of the line, blanks at both ends aside; the score is the edit similarity."""
        item = self._items[task.id]
        answer, wanted = _line(item, text), item.question.key.answer
        if answer.strip() == wanted.strip():
            return decide(self.name, score=1.0, detail="exact match")
        similarity = round(edit_similarity(answer, wanted), 6)
        return replace(fail(self.name, "not-exact", f"edit similarity {similarity:.3f}"), score=similarity)

    def wrong(self, task: Task) -> str:
        """The stub that bodies are proven with, which is no rest of a line worth asking for."""
        return STUB if self.canonical(task).strip() != STUB else "pass"


def _line(item: _Item, text: str) -> str:
    answer = clean(text)
    return answer[: first_stop(answer, item.question.task.stop, ())]


class BitsSuite(_Asked):
    """Chunks of code that are scored, not asked for (seam ``JudgedSuite``; `Task.max_tokens` is 0)."""

    kind = "bits"

    @cached_property
    def _chunks(self) -> dict[str, tuple[AskedRepository, Chunk]]:
        """By id of the task; two chunks of a file may have one text."""
        chunks: dict[str, tuple[AskedRepository, Chunk]] = {}
        seen: Counter[str] = Counter()
        for repository in self.repositories:
            for chunk in repository.questions.chunks:
                name = content_id(repository.name, chunk.path, chunk.text)
                chunks[f"bits-{content_id(name, str(seen[name]))}"] = repository, chunk
                seen[name] += 1
        return chunks

    def tasks(self) -> list[Task]:
        """One a chunk, repository by repository, by path and place."""
        several = len(self.repositories) > 1
        return [
            Task(
                id=task_id,
                suite=self.name,
                prompt="",
                max_tokens=0,
                language=repository.language_of(chunk.path),
                group=f"{repository.name}/{chunk.path}" if several else chunk.path,
                part=repository.name if several else "",
            )
            for task_id, (repository, chunk) in self._chunks.items()
        ]

    def canonical(self, task: Task) -> str:
        """The chunk."""
        return self._chunks[task.id][1].text

    def wrong(self, task: Task) -> str:
        """Nothing: there is no answer to be wrong."""
        return ""

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        """The text as it is."""
        return text

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """SKIP: nothing is asked."""
        return skip(self.name, "it is scored, not asked for")


SUITES: dict[str, type[BodySuite | FimSuite | BitsSuite]] = {"body": BodySuite, "fim": FimSuite, "bits": BitsSuite}
"""Kind of question -> its suite."""


def _open_kind(kind: str, rest: str, sandbox: Sandbox | None, _: Path | None = None) -> JudgedSuite:
    return open_repository(rest, sandbox, [kind])[0]


open_body, open_fim, open_bits = (functools.partial(_open_kind, kind) for kind in SUITES)
"""Openers of ``repo-body:SOURCE``, ``repo-fim:SOURCE`` and ``repo-bits:SOURCE``."""
