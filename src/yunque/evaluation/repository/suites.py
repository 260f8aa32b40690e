"""The questions of `repository` as suites that any model can be asked: ``yunque eval --suites repo:PATH``, without a forge.

* ``repo-body:NAME``: a function without its body, judged by the repository's own tests that reach it;
* ``repo-fim:NAME``: a cursor in a line; PASS is the very rest of that line, the score is edit similarity.

Given a forge's output folder, the questions are those of its suite, all from held-out files: a forged model is asked only
for what it did not learn. Given anything else that is a source, every file is asked that is no test: fair to a model that
never saw the repository, not to one that was trained on it.

Covered: an answer is one function and nothing beside it, or it fails unseen; a PASS is believed only when a test that must
fail still fails beside the others (a patched pytest lets it through); an answer that names the machinery of tests, which the
file itself does not, fails.
Not covered: tests and answer share a process (``in-process`` in every verdict), so an answer that builds names out of
pieces can still forge a PASS, by a patch that spares tests it does not know, or by an object that is equal to everything.
"""

from __future__ import annotations

import ast
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from yunque.checks.execution.judge_processes import failed
from yunque.checks.execution.python import TIMEOUT
from yunque.checks.execution.repository_tests import RepositoryTests
from yunque.code.functions import Function, code_only, functions
from yunque.code.python_ast import try_parse_python
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Job, Measure, Observation, Outcome, PromptStyle, Record, Task, Verdict
from yunque.core.progress import silent
from yunque.core.seams import JudgedSuite, Progress, Sandbox
from yunque.data.collect import CollectRecipe, collect, load_checks
from yunque.data.sources.kinds import TREE, open_source
from yunque.data.split import Part
from yunque.evaluation.metrics.statistics import describe
from yunque.evaluation.repository.questions import (
    STUB,
    EvaluationRecipe,
    Problem,
    RepositorySuite,
    SuiteBuilder,
    body_tests,
    function_of,
)
from yunque.evaluation.suites.extraction import code_of, cut
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
MACHINERY = frozenset(
    (
        *("pytest", "_pytest", "pluggy", "unittest", "yunque_probe", "_getframe", "_current_frames", "currentframe"),
        *("settrace", "setprofile", "f_back", "f_globals", "f_locals", "tb_frame", "gi_frame", "gc", "ctypes", "__eq__"),
        *("__ne__", "__builtins__", "builtins", "__import__", "importlib", "exec", "eval", "__subclasses__", "atexit"),
    )
)
"""Names with which an answer would reach for the test run. No answer may hold one that the rest of its file does not."""


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
    out = Path(os.path.expanduser(spec))  # which leaves an unknown user's name as it is
    if any(out.glob(f"artifacts/*/{MANIFEST}")):
        found = _forged(out)
    else:
        held = tempfile.TemporaryDirectory(prefix="yunque-repo-") if folder is None else None
        found = _plain(str(spec), Path(held.name if held else folder), sandbox, kinds, recipe, seed, progress)
        found = replace(found, held=held)
    suites = {"body": BodySuite, "fim": FimSuite}
    made = [suites[kind](found=found, sandbox=sandbox) for kind in kinds]
    for kind, suite in zip(kinds, made, strict=True):
        if not suite.tasks():
            why = found.counts.get("excluded", {}).get(kind, {})
            told = ", ".join(f"{number} {reason}" for reason, number in sorted(why.items(), key=lambda row: -row[1])[:3])
            others = " or ".join(one for one in KINDS if one != kind)
            raise EvaluationError(
                f"makes no {kind} task ({told or 'nothing to ask'})", where=spec, do=f"ask for {others} alone"
            )
    return made


_KNOWN = f"known: {', '.join(KINDS)}"


@dataclass(frozen=True, kw_only=True)
class Found:
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
) -> Found:
    """Every file of a source is asked, since none of it was learned from."""
    recipe = recipe or EvaluationRecipe()
    unasked = {"style_tasks": 0} | {f"{kind}_tasks": 0 for kind in KINDS if kind not in kinds}
    asking = recipe.model_copy(update=unasked)
    folder.mkdir(parents=True, exist_ok=True)
    facts = open_source(spec).fetch(folder)
    collecting = CollectRecipe()
    collect(folder, facts, collecting, load_checks(collecting), folder, progress)
    records = read_table(folder / "records.parquet", Record)
    questions, counts = SuiteBuilder(
        records=records,
        parts={record.id: Part.HELDOUT for record in records},
        twins=frozenset(),
        tree=folder / TREE,
        sandbox=sandbox,
        recipe=asking,
        seed=seed,
        progress=progress,
    ).build()
    return _found(facts["name"], questions, records, folder / TREE, recipe, counts)


def _forged(out: Path) -> Found:
    """The newest suite of a forge, with the records and the tree it was made from."""
    store = Store(out)
    suites = [artifact for artifact in store.all() if artifact.manifest.kind == "suite"]
    if not suites:
        raise EvaluationError("holds artifacts, but no suite", where=out, do="run `yunque forge` on it to the end")
    newest = suites[-1]
    parents: dict[str, Artifact] = {parent.manifest.kind: parent for parent in store.parents(newest)}
    try:
        snapshot, collected = parents["snapshot"], parents["records"]
        told = {key: value for key, value in newest.manifest.recipe.items() if key != "sandbox"}
        questions, recipe = RepositorySuite.load(newest.path), EvaluationRecipe(**told)
        records = read_table(collected.path / "records.parquet", Record)
        return _found(snapshot.counts["name"], questions, records, snapshot.path / TREE, recipe, newest.counts)
    except (KeyError, ValueError, TypeError, OSError) as error:
        do = "run `yunque forge` on it again"
        raise EvaluationError(
            f"a suite that cannot be read ({' '.join(str(error).split())})", where=newest.path, do=do
        ) from None
    return _found(snapshot.counts["name"], questions, records, snapshot.path / TREE, recipe, newest.counts)


def _found(
    name: str, questions: RepositorySuite, records: Sequence[Record], tree: Path, recipe: EvaluationRecipe, counts: dict
) -> Found:
    by_id = {record.id: record for record in records}
    licences = sorted({by_id[problem.record_id].origin.licence for problem in questions.problems})
    licence = " AND ".join(licences) or "unknown"
    return Found(name=name, licence=licence, questions=questions, records=by_id, tree=tree, recipe=recipe, counts=counts)


# ------------------------------------------------------------------------------------------------------------------- suites
@dataclass(frozen=True, kw_only=True, eq=False)
class _Asked:
    """One kind of question about a repository."""

    found: Found
    sandbox: Sandbox | None = None
    trainable: bool = False
    """Held out, or asked whole: whoever trains on it cannot be judged by it."""
    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """``repo-KIND:NAME``."""
        return f"repo-{self.kind}:{self.found.name}"

    @property
    def licence(self) -> str:
        """Of the files that are asked."""
        return self.found.licence

    @cached_property
    def _problems(self) -> dict[str, Problem]:
        return {problem.task.id: problem for problem in self.found.questions.of(self.kind)}

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
        record, (program, piece) = self.found.records[problem.record_id], self._placed(task, text, style)
        refusal = refuse(piece, self._function(problem).name, record.text)
        if refusal:
            return failed(self.name, *refusal)
        tests = body_tests(problem, record, tree=self.found.tree, sandbox=self.sandbox, recipe=self.found.recipe)
        return judge_controlled(tests, replace(record, text=program), self.name)

    def wrong(self, task: Task) -> str:
        """A body that only raises: proven to fail when the suite was made."""
        return self._function(self._problems[task.id]).indent + STUB

    def _function(self, problem: Problem) -> Function:
        return function_of(self.found.records[problem.record_id].text, problem.span_bytes[0])

    def _question(self, problem: Problem) -> str:
        return QUESTION.format(name=self._function(problem).qualified_name, prompt=problem.task.prompt.rstrip())

    def _placed(self, task: Task, text: str, style: PromptStyle) -> tuple[str, str]:
        """The file with the answer, and the function in it as it then reads."""
        problem = self._problems[task.id]
        function = self._function(problem)
        data = self.found.records[problem.record_id].text.encode()
        start, end = line_start(data, function.start_byte), problem.span_bytes[1]
        head = data[start : function.prompt_end_byte].decode()
        if style is PromptStyle.CHAT:
            code = code_of(clean(text), rf"\bdef\s+{function.name}\b")
            piece = function_in(code, function.name)
            piece = reindent(piece, _indent(head)) if piece else head + _indented_by(code, function.indent)
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
        return self.found.records[problem.record_id].text.encode()

    def _line(self, problem: Problem, text: str) -> str:
        answer = clean(text)
        return answer[: first_stop(answer, problem.task.stop, ())]

    def _verdict(self, problem: Problem, answer: str) -> Verdict:
        from yunque.evaluation.metrics.text import edit_similarity

        similarity = round(edit_similarity(answer, problem.key.answer), 6)
        if answer.strip() == problem.key.answer.strip():
            return Verdict(check=self.name, outcome=Outcome.PASS, score=1.0, detail="exact match")
        return replace(failed(self.name, "not-exact", f"edit similarity {similarity:.3f}"), score=similarity)


# -------------------------------------------------------------------------------------------- one function, and nothing else
def clean(text: str) -> str:
    """The answer as text that can be written to a file, up to the first end token."""
    return cut(text.encode("utf-8", "replace").decode(), ())


def function_in(code: str, name: str) -> str | None:
    """The first definition of that name in an answer, with its decorators and indentation; None if none parses."""
    first = next((line for line in code.split("\n") if line.strip()), "")
    wrapped = f"if 1:\n{code}" if first[:1] in (" ", "\t") else code
    data = wrapped.encode()
    for function in functions(wrapped, "python"):
        if function.name == name:
            piece = data[line_start(data, function.start_byte) : function.end_byte].decode()
            return piece if is_definition(piece, name) else None
    return None


def is_definition(piece: str, name: str) -> bool:
    """Whether Python itself reads the text as one definition of a function of that name, and nothing beside it."""
    body = _statements(piece)
    return len(body) == 1 and isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef) and body[0].name == name


def reindent(piece: str, indent: str) -> str:
    """A definition at another indentation; what lies inside of its texts of several lines stays as it is."""
    own = _indent(piece)
    if own == indent:
        return piece
    strings = [
        node
        for statement in _statements(piece)
        for node in ast.walk(statement)
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
    ]
    wrapped = 2 if own else 1  # the 1-based line on which the piece starts when it is parsed
    inside = {line - wrapped for node in strings for line in range(node.lineno + 1, (node.end_lineno or 0) + 1)}
    lines = piece.split("\n")
    return "\n".join(
        line if at in inside or not line.strip() else indent + line.removeprefix(own) for at, line in enumerate(lines)
    )


def refuse(piece: str, name: str, around: str) -> tuple[str, str] | None:
    """Why an answer is not even run, as (rule, message): it is not one function, or it reaches for the test run."""
    if not is_definition(piece, name):
        return "not-one-function", f"the answer is not one definition of {name} that parses"
    known = set(re.findall(r"\w+", around))
    code = code_only(reindent(piece, ""), "python").decode()  # to speak of it in a comment is no harm
    reached = sorted(MACHINERY & set(re.findall(r"\w+", code)) - known)
    return ("meddles", f"the answer reaches for the test run: {', '.join(reached)}") if reached else None


def line_start(data: bytes, at: int) -> int:
    """Where the line begins that holds this byte."""
    return data.rfind(b"\n", 0, at) + 1


def _statements(piece: str) -> list[ast.stmt]:
    """The statements of a piece of code at any indentation; none when it does not parse."""
    indented = bool(_indent(piece))
    tree = try_parse_python(f"if 1:\n{piece}" if indented else piece)
    body = tree.body if tree else []
    if not indented:
        return body
    return body[0].body if len(body) == 1 and isinstance(body[0], ast.If) and not body[0].orelse else []


def _indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip(" \t"))]


def _indented_by(code: str, indent: str) -> str:
    """Statements without a function around them, as the lines of a body."""
    lines = code.strip("\n").split("\n")
    own = _indent(lines[0])
    return "\n".join(indent + line.removeprefix(own) if line.strip() else line for line in lines)


# ------------------------------------------------------------------------------------------------------------------ judging
@dataclass(frozen=True)
class WithFiles:
    """A sandbox that lays further files over the tree of every job."""

    sandbox: Sandbox
    files: Mapping[str, bytes]

    @property
    def tier(self) -> str:
        """Of the sandbox inside."""
        return self.sandbox.tier

    def run(self, job: Job) -> Observation:
        """What was observed; the job's own files win."""
        return self.sandbox.run(replace(job, files={**self.files, **job.files}))


def judge_controlled(tests: RepositoryTests, record: Record, name: str) -> Verdict:
    """What the tests say, under the suite's name and rules."""
    verdict = replace(tests.judge(record), check=name)
    if verdict.outcome is not Outcome.FAIL or any(one.rule in ("meddles", "looks-around") for one in verdict.findings):
        return verdict
    rule = TIMEOUT if verdict.detail.startswith("timeout") else "failed"
    return replace(verdict, findings=tuple(replace(one, rule=rule) for one in verdict.findings))
