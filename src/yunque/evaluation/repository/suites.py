"""The questions of `repository` as suites that any model can be asked: ``yunque eval --suites repo:PATH``, without a forge.

* ``repo-body:NAME``: a function without its body, judged by the repository's own tests that reach it;
* ``repo-fim:NAME``: a cursor in a line; PASS is the very rest of that line, the score is edit similarity.

Given a forge's output folder (``OUT#SOURCE`` where it has several sources), the questions are those of its suite, all from
held-out files: a forged model is asked only for what it did not learn. Given anything else that is a source, every file is
asked that is no test: fair to a model that never saw the repository, not to one that was trained on it.

Covered: an answer is one function and nothing beside it, or it fails unseen; a PASS is believed only when a test that must
fail still fails beside the others (a patched pytest lets it through); an answer that names the machinery of tests, which the
file itself does not, fails.
Not covered: tests and answer share a process (``in-process`` in every verdict), so an answer that builds names out of
pieces can still forge a PASS, by a patch that spares tests it does not know, or by an object that is equal to everything.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from yunque.checks.findings import decide, fail
from yunque.code.functions import Function
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Measure, PromptStyle, Record, Task, Verdict
from yunque.core.plugins import nearest
from yunque.core.progress import silent
from yunque.core.seams import JudgedSuite, Progress, Sandbox
from yunque.data.collect import CollectRecipe, collect, load_checks, refuse_nothing
from yunque.data.sources.kinds import TREE, open_source
from yunque.data.split import Split
from yunque.evaluation.metrics.statistics import describe
from yunque.evaluation.repository.control_test import judge_controlled
from yunque.evaluation.repository.one_function import (
    clean,
    function_in,
    indent_of,
    indented_by,
    is_definition,
    line_start,
    refuse,
    reindent,
)
from yunque.evaluation.repository.questions import (
    STUB,
    BodyTests,
    EvaluationRecipe,
    Problem,
    RepositorySuite,
    SuiteBuilder,
    function_of,
)
from yunque.evaluation.suites.extraction import code_of
from yunque.inference.stops import first_stop
from yunque.store.artifacts import MANIFEST, Artifact, Store
from yunque.store.tables import read_table

KINDS = ("body", "fim")
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
    kinds: Sequence[str] = KINDS,
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
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise EvaluationError(f"no questions of kind {unknown[0]!r}" if unknown else "no kind of question", do=_KNOWN)
    if "body" in kinds and sandbox is None:
        raise EvaluationError("no sandbox to run its tests in", where=spec, do="ask for fim alone, or see `yunque doctor`")
    named, _, source_name = str(spec).partition("#")
    out = Path(os.path.expanduser(named))  # which leaves an unknown user's name as it is
    if any(out.glob(f"artifacts/*/{MANIFEST}")):
        result = _forged(out, source_name)
    else:
        held = tempfile.TemporaryDirectory(prefix="yunque-repo-") if folder is None else None
        place = Path(held.name) if held is not None else folder
        assert place is not None  # the one or the other is
        result = _plain(str(spec), Path(place), sandbox, kinds, recipe, seed, progress)
        result = replace(result, held=held)
    suites: dict[str, type[BodySuite | FimSuite]] = {"body": BodySuite, "fim": FimSuite}
    made: list[JudgedSuite] = [suites[kind](repository=result, sandbox=sandbox) for kind in kinds]
    for kind, suite in zip(kinds, made, strict=True):
        if not suite.tasks():
            why = result.counts.get("excluded", {}).get(kind, {})
            listing = ", ".join(f"{number} {reason}" for reason, number in sorted(why.items(), key=lambda row: -row[1])[:3])
            others = " or ".join(item for item in KINDS if item != kind)
            raise EvaluationError(
                f"makes no {kind} task ({listing or 'nothing to ask'})", where=spec, do=f"ask for {others} alone"
            )
    return made


_KNOWN = f"known: {', '.join(KINDS)}"


@dataclass(frozen=True, kw_only=True)
class AskedRepository:
    """A repository with its questions."""

    name: str
    licence: str
    questions: RepositorySuite
    records: Mapping[str, Record]
    tree: Path
    recipe: EvaluationRecipe
    counts: dict
    """What was asked, and what was not and why."""
    held: Any = None
    """Keeps a temporary folder from being removed."""


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
    unasked = {"style_tasks": 0} | {f"{kind}_tasks": 0 for kind in KINDS if kind not in kinds}
    of_kinds = recipe.model_copy(update=unasked)
    folder.mkdir(parents=True, exist_ok=True)
    facts = open_source(spec).fetch(folder)
    collecting = CollectRecipe()
    refuse_nothing(collect(folder, facts, collecting, load_checks(collecting), folder, progress), facts)
    records = read_table(folder / "records.parquet", Record)
    questions, counts = SuiteBuilder(
        records=records,
        parts={record.id: Split.HELDOUT for record in records},
        near_duplicates=frozenset(),
        tree=folder / TREE,
        sandbox=sandbox,
        recipe=of_kinds,
        seed=seed,
        progress=progress,
    ).build()
    return _asked(facts["name"], questions, records, folder / TREE, recipe, counts)


def _forged(out: Path, source: str) -> AskedRepository:
    """The newest suite of a forge (of several sources: of that one), with the records and the tree it was made from."""
    store = Store(out)
    suites = [artifact for artifact in store.all() if artifact.manifest.kind == "suite"]
    if not suites:
        raise EvaluationError("holds artifacts, but no suite", where=out, do="run `yunque forge` on it to the end")
    split = next((parent.id for parent in store.parents(suites[-1]) if parent.manifest.kind == "split"), "")
    names = {suite.manifest.name: suite for suite in suites if split in suite.manifest.parents}
    if source and source not in names:
        raise EvaluationError(f"no questions on '{source}'", where=out, do=nearest(source, list(names)))
    if len(names) > 1 and not source:
        raise EvaluationError(f"holds questions on {', '.join(names)}", where=out, do=f"name one: {out}#{next(iter(names))}")
    newest = names[source] if source else suites[-1]
    parents: dict[str, Artifact] = {parent.manifest.kind: parent for parent in store.parents(newest)}
    try:
        snapshot, part = parents["snapshot"], parents["part"]
        order = {key: value for key, value in newest.manifest.recipe.items() if key != "sandbox"}
        questions, recipe = RepositorySuite.load(newest.path), EvaluationRecipe(**order)
        records = read_table(part.path / "records.parquet", Record)
        return _asked(snapshot.counts["name"], questions, records, snapshot.path / TREE, recipe, newest.counts)
    except (KeyError, ValueError, TypeError, OSError) as error:
        do = "run `yunque forge` on it again"
        raise EvaluationError(
            f"a suite that cannot be read ({' '.join(str(error).split())})", where=newest.path, do=do
        ) from None


def _asked(
    name: str, questions: RepositorySuite, records: Sequence[Record], tree: Path, recipe: EvaluationRecipe, counts: dict
) -> AskedRepository:
    by_id = {record.id: record for record in records}
    licences = sorted({by_id[problem.record_id].origin.licence for problem in questions.problems})
    licence = " AND ".join(licences) or "unknown"
    return AskedRepository(
        name=name, licence=licence, questions=questions, records=by_id, tree=tree, recipe=recipe, counts=counts
    )


# ------------------------------------------------------------------------------------------------------------------- suites
@dataclass(frozen=True, kw_only=True, eq=False)
class _Asked:
    """One kind of question about a repository."""

    repository: AskedRepository
    sandbox: Sandbox | None = None
    trainable: bool = False
    """Held out, or asked whole: whoever trains on it cannot be judged by it."""
    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """``repo-KIND:NAME``."""
        return f"repo-{self.kind}:{self.repository.name}"

    @property
    def licence(self) -> str:
        """Of the files that are asked."""
        return self.repository.licence

    @cached_property
    def _problems(self) -> dict[str, Problem]:
        return {problem.task.id: problem for problem in self.repository.questions.of(self.kind)}

    def canonical(self, task: Task) -> str:
        """What stands in the file."""
        return self._problems[task.id].key.answer


class BodySuite(_Asked):
    """Functions without their bodies, judged by the repository's tests (seam ``JudgedSuite``)."""

    kind = "body"

    def tasks(self) -> list[Task]:
        """Every task by path and place; asked without the text behind the body, as the forge asks."""
        return [
            replace(problem.task, suite=self.name, suffix="", question=self._question(problem))
            for problem in self._problems.values()
        ]

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        """The whole file with the answer in place."""
        return self._placed(task, text, style)[0]

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """Do the tests that reach the function pass with this body?"""
        if self.sandbox is None:
            raise EvaluationError("no sandbox to judge in", where=self.name)
        problem = self._problems[task.id]
        record, (program, piece) = self.repository.records[problem.record_id], self._placed(task, text, style)
        refusal = refuse(piece, self._function(problem).name, record.text)
        if refusal:
            return fail(self.name, *refusal)
        result = self.repository
        assert self.sandbox is not None, "a suite that runs programs was opened to be read alone"
        bodies = BodyTests(records=result.records, tree=result.tree, sandbox=self.sandbox, recipe=result.recipe)
        tests = bodies.of(problem)
        return judge_controlled(tests, replace(record, text=program), self.name)

    def wrong(self, task: Task) -> str:
        """A body that only raises: proven to fail when the suite was made."""
        return self._function(self._problems[task.id]).indent + STUB

    def _function(self, problem: Problem) -> Function:
        return function_of(self.repository.records[problem.record_id].text, problem.span_bytes[0])

    def _question(self, problem: Problem) -> str:
        return QUESTION.format(name=self._function(problem).qualified_name, prompt=problem.task.prompt.rstrip())

    def _placed(self, task: Task, text: str, style: PromptStyle) -> tuple[str, str]:
        """The file with the answer, and the function in it as it then reads."""
        problem = self._problems[task.id]
        function = self._function(problem)
        data = self.repository.records[problem.record_id].text.encode()
        start, end = line_start(data, function.start_byte), problem.span_bytes[1]
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
    """Rests of lines (seam ``MeasuredSuite``): exact match decides, edit similarity is the score."""

    kind = "fim"

    def tasks(self) -> list[Task]:
        """Every task by path and place; there is no chat form of a cursor."""
        return [replace(problem.task, suite=self.name) for problem in self._problems.values()]

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.FIM) -> str:
        """The whole file with the rest of the line in place."""
        problem = self._problems[task.id]
        data, (start, end) = self._data(problem), problem.span_bytes
        return data[:start].decode() + self._line(problem, text) + data[end:].decode()

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.FIM) -> Verdict:
        """PASS for the very rest of the line, blanks at both ends aside; the score is the edit similarity."""
        problem = self._problems[task.id]
        return self._verdict(problem, self._line(problem, text))

    def wrong(self, task: Task) -> str:
        """The stub that bodies are proven with, which is no rest of a line worth asking for."""
        return STUB if self._problems[task.id].key.answer.strip() != STUB else "pass"

    def measures(self, answers: Sequence[tuple[Task, str]]) -> list[Measure]:
        """Mean edit similarity, with an interval over files, of (task, whole file with the answer) pairs."""
        values, groups = [], []
        for task, program in answers:
            problem = self._problems[task.id]
            rest = len(self._data(problem)) - problem.span_bytes[1]
            written = program.encode("utf-8", "replace")
            answer = written[problem.span_bytes[0] : len(written) - rest].decode("utf-8", "replace")
            values.append(self._verdict(problem, answer).score or 0.0)
            groups.append(task.group)
        return [describe("edit similarity", values, groups)] if values else []

    def _data(self, problem: Problem) -> bytes:
        return self.repository.records[problem.record_id].text.encode()

    def _line(self, problem: Problem, text: str) -> str:
        answer = clean(text)
        return answer[: first_stop(answer, problem.task.stop, ())]

    def _verdict(self, problem: Problem, answer: str) -> Verdict:
        from yunque.evaluation.metrics.text import edit_similarity

        similarity = round(edit_similarity(answer, problem.key.answer), 6)
        if answer.strip() == problem.key.answer.strip():
            return decide(self.name, score=1.0, detail="exact match")
        return replace(fail(self.name, "not-exact", f"edit similarity {similarity:.3f}"), score=similarity)


def _open_kind(kind: str, rest: str, sandbox: Sandbox | None, _: Path | None = None) -> JudgedSuite:
    return open_repository(rest, sandbox, [kind])[0]


open_body, open_fim = (functools.partial(_open_kind, kind) for kind in KINDS)
"""Openers of ``repo-body:SOURCE`` and ``repo-fim:SOURCE``."""
