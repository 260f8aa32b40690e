"""Tasks from a repository's own past, judged by its tests: bugs to mend (``repo-fix``), functions to simplify.

* ``fix``: a small SWE-bench. The model sees the subject of a past commit, a test that fails without it, and the function as
  it was; it writes the whole function anew. PASS when the tests that the commit mended pass, and so do some that passed
  before.
* ``refactor``: the model sees a function as it was and is asked to simplify it. PASS when the tests that reach it pass, its
  cyclomatic complexity is not greater, ruff finds no more in the file than before, and its syntax tree is another one.

Every task is proven in the sandbox before it counts: the function after the commit passes, the one before fails. For a
refactoring, tests must notice when the function has no body, too. Each change that makes no task is counted with its reason.

Covered: two functions changed by one commit (a task each, the other one mended); methods; chat and completion; what
`repository_suite` says of forged verdicts.
Not covered: fixes that add functions, imports or constants (`history` excludes them); packages that an old commit needs and
that are not installed (excluded, since no test runs); a refactoring that only renames counts as one.
"""

from __future__ import annotations

import ast
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from yunque.checks.execution.judge_processes import failed
from yunque.checks.execution.python import TIMEOUT
from yunque.checks.execution.repository_tests import Reached, RepositoryTests, TestReach, reach
from yunque.code.functions import functions
from yunque.code.python_ast import parse_python
from yunque.core.errors import EvaluationError, SourceError
from yunque.core.nouns import Origin, Outcome, PromptStyle, Record, Task, Verdict, content_id, seed_from
from yunque.core.progress import silent
from yunque.core.seams import Check, Progress, Sandbox
from yunque.data.collect import tree_paths
from yunque.data.licences.file_licences import LicenceMap
from yunque.data.sources.snapshots import TreeLimits
from yunque.data.streams.commits import REFACTORS
from yunque.evaluation.repository.history import FIX, REFACTOR, Change, History, Reader, Trees
from yunque.evaluation.repository.questions import STUB, limits_of_tests
from yunque.evaluation.repository.suites import WithFiles, clean, function_in, judge_controlled, refuse, reindent
from yunque.evaluation.suites.extraction import code_of
from yunque.store.tables import read_lines, write_lines

KINDS = (FIX, REFACTOR)
PROBLEMS, TREES = "problems.jsonl", "trees"
STOPS = ("\n```", "\n\n\n", "\nclass ", "\n# ")
FIX_QUESTION = """\
A test of this Python project fails. The commit that mends it is called:

    {subject}

The test that fails:

```python
{test}
```

The function to mend, `{name}` in {path}:

```python
{shown}
```

Write that whole function anew, so that the test passes. Answer with the function alone, in one fenced code block; \
whatever it imports anew, it imports inside.
"""
FIX_PROMPT = """\
# {path}: {name} as it is, with a mistake.
{shown}


# This test fails:
{test}


# {path}: {name} mended. {subject}
{around}"""
REFACTOR_QUESTION = """\
Simplify this Python function, `{name}` in {path}, without changing what it does:

```python
{shown}
```

Answer with the whole function alone, under the same name, in one fenced code block; whatever it imports anew, it imports \
inside.
"""
REFACTOR_PROMPT = """\
# {path}: {name} as it is.
{shown}


# {path}: {name} simplified; it does the same.
{around}"""


class HistoryRecipe(BaseModel, extra="forbid", frozen=True):
    """How far back a history is read, how much is asked, and what the tests may use."""

    max_commits: int = Field(500, ge=1, description="commits looked at, the newest first")
    max_tasks: int = Field(40, ge=1, description="most tasks of each kind")
    fail_to_pass: int = Field(6, ge=1, description="tests of one task that the commit mended")
    pass_to_pass: int = Field(6, ge=0, description="tests of one task that passed before; of a refactoring, all its tests")
    max_function_chars: int = Field(2500, ge=20, description="longer functions are not asked for")
    max_test_chars: int = Field(2500, ge=20, description="a longer failing test is not shown")
    answer_tokens: int = Field(768, ge=1, description="most tokens of an answer")
    workers: int = Field(2, ge=1, description="sandboxed test runs at the same time")
    reach_wall_s: float = Field(180, gt=0, description="time for one run of all tests")
    test_wall_s: float = Field(30, gt=0, description="time for the tests of one task")
    memory_bytes: int = Field(2 << 30, ge=1 << 28, description="memory of a test process")
    tree_bytes: int = Field(256 << 20, ge=1, description="most bytes of one commit's files")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A task with what judges it, none of which a model sees."""

    task: Task
    change: Change
    tests: tuple[str, ...]
    """Node ids, those that the commit mended and those that it must not break."""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """How functions and files are measured."""

    complexity: Callable[[str, str], int]
    """Cyclomatic complexity of (text, language)."""
    lint: Check
    """Its findings are counted."""

    @classmethod
    def ours(cls) -> Measuring:
        """With our own complexity, and ruff."""
        from yunque.checks.linters.lint import Lint, complexity

        return cls(complexity=complexity, lint=Lint())


# ------------------------------------------------------------------------------------------------------------------- suites
@dataclass(frozen=True, kw_only=True, eq=False)
class HistorySuite:
    """Functions of past commits to write anew (seam ``JudgedSuite``)."""

    kind: str
    of: str
    """Name of the repository."""
    licence: str
    problems: tuple[Problem, ...]
    trees: Path
    sandbox: Sandbox | None = None
    recipe: HistoryRecipe = field(default_factory=HistoryRecipe)
    measuring: Measuring | None = None
    """None: our own."""
    counts: dict = field(default_factory=dict)
    """Commits looked at, changes kept, and excluded by reason."""
    trainable: bool = False
    """Whoever trains on it cannot be judged by it."""
    held: Any = None
    """Keeps a temporary folder from being removed."""

    @property
    def name(self) -> str:
        """``repo-fix:NAME`` or ``repo-refactor:NAME``."""
        return f"repo-{self.kind}:{self.of}"

    @cached_property
    def _by_id(self) -> dict[str, Problem]:
        return {problem.task.id: problem for problem in self.problems}

    def tasks(self) -> list[Task]:
        """Every task, of the newest commit first."""
        return [problem.task for problem in self.problems]

    def canonical(self, task: Task) -> str:
        """The function after the commit."""
        return self._by_id[task.id].change.new

    def wrong(self, task: Task) -> str:
        """The function before the commit."""
        return self._by_id[task.id].change.old

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        """The whole file of the commit with the answer's function in place; without one, with nothing there."""
        change = self._by_id[task.id].change
        return change.with_function(_written(change, text, style) or "")

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """PASS when all tests pass; a refactoring must also be one."""
        if self.sandbox is None:
            raise EvaluationError("no sandbox to judge in", where=self.name)
        problem = self._by_id[task.id]
        judge = Judge(sandbox=self.sandbox, recipe=self.recipe, trees=self.trees, name=self.name, measuring=self.measuring)
        return judge.verdict(problem, _written(problem.change, text, style))


@dataclass(frozen=True, kw_only=True)
class Judge:
    """What a function written anew is worth."""

    sandbox: Sandbox
    recipe: HistoryRecipe
    trees: Path
    name: str
    measuring: Measuring | None

    def verdict(self, problem: Problem, piece: str | None) -> Verdict:
        """Of a piece of code, None for an answer without the function."""
        change = problem.change
        name = change.name.rpartition(".")[2]
        if piece is None:
            return failed(self.name, "not-one-function", f"no definition of {name} that parses")
        if refusal := refuse(piece, name, change.after + change.old):
            return failed(self.name, *refusal)
        if change.kind == REFACTOR and (trouble := self._not_simpler(change, piece)):
            return trouble
        return self.tests(problem, piece)

    def tests(self, problem: Problem, piece: str) -> Verdict:
        """What the tests say of it."""
        limits = limits_of_tests(self.recipe.test_wall_s, self.recipe.memory_bytes)
        tree = self.trees / problem.change.commit.id[:12]
        check = RepositoryTests(
            tree=tree,
            tests=problem.tests,
            sandbox=self.sandbox,
            limits=limits,
            definition=problem.change.name.partition(".")[0],
        )
        return judge_controlled(check, self._record(problem.change, piece), self.name)

    def _not_simpler(self, change: Change, piece: str) -> Verdict | None:
        if _same_tree(piece, change.old):
            return failed(self.name, "same-tree", "nothing was refactored")
        measuring = self.measuring or Measuring.ours()
        before, after = (measuring.complexity(reindent(text, ""), "python") for text in (change.old, piece))
        if after > before:
            return failed(self.name, "complexity", f"cyclomatic complexity {after}, before {before}")
        found = [measuring.lint.judge(self._record(change, text)) for text in (change.old, piece)]
        for verdict in found:
            if verdict.outcome in (Outcome.SKIP, Outcome.ERROR):
                return replace(verdict, check=self.name)
        before, after = (len(verdict.findings) for verdict in found)
        if after > before:
            return failed(self.name, "lint", f"{after} lint findings in the file, before {before}")
        return None

    def is_smaller(self, change: Change) -> bool:
        """Whether a commit made a function less complex or shorter, or took findings away."""
        measuring = self.measuring or Measuring.ours()
        sizes = []
        for text in (change.old, change.new):
            lines = sum(bool(line.strip()) for line in text.split("\n"))
            findings = len(measuring.lint.judge(self._record(change, text)).findings)
            sizes.append((measuring.complexity(reindent(text, ""), "python"), findings, lines))
        return any(after < before for before, after in zip(*sizes, strict=True))

    def _record(self, change: Change, piece: str) -> Record:
        text = change.with_function(piece)
        origin = Origin(source=self.name, path=change.path, revision=change.commit.id, licence="", collected_at="")
        return Record(id=content_id(change.path, text), text=text, language="python", origin=origin)


def _written(change: Change, text: str, style: PromptStyle) -> str | None:
    """The function that an answer writes, at the indentation of its place; None when it writes none."""
    name, code = change.name.rpartition(".")[2], clean(text)
    if style is PromptStyle.CHAT:
        code = code_of(code, rf"\bdef\s+{name}\b")
    piece = function_in(code, name)
    return None if piece is None else reindent(piece, change.old[: len(change.old) - len(change.old.lstrip(" \t"))])


def _same_tree(one: str, other: str) -> bool:
    """Whether two functions differ in comments, layout, docstrings and statements that do nothing alone."""
    return _tree(one) == _tree(other)


def _tree(piece: str) -> str:
    tree = parse_python(reindent(piece, ""))
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(node, name, [one for one in value if not _does_nothing(one)])
    return ast.dump(tree)


def _does_nothing(node: Any) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant | ast.Name))


# ------------------------------------------------------------------------------------------------------------------- making
def open_history(
    root: str | Path,
    sandbox: Sandbox | None,
    kinds: Sequence[str] = KINDS,
    *,
    recipe: HistoryRecipe = HistoryRecipe(),
    folder: Path | None = None,
    measuring: Measuring | None = None,
    progress: Progress = silent,
) -> list[HistorySuite]:
    """A suite for each kind, made from the history of a git repository on this machine: an expensive step.

    ``folder`` keeps tasks and trees for `load_history`; None: a temporary one that goes with the suites. EvaluationError for
    an unknown kind, no sandbox, a history that is absent or shallow; a suite without tasks says why in its ``counts``.
    """
    held = tempfile.TemporaryDirectory(prefix="yunque-history-") if folder is None else None
    place = Path(held.name if held else folder)
    make_history(root, place, sandbox, kinds, recipe=recipe, measuring=measuring, progress=progress)
    suites = load_history(place, sandbox, measuring=measuring)
    return [replace(suite, held=held) for suite in suites]


def make_history(
    root: str | Path,
    folder: Path,
    sandbox: Sandbox | None,
    kinds: Sequence[str] = KINDS,
    *,
    recipe: HistoryRecipe = HistoryRecipe(),
    measuring: Measuring | None = None,
    progress: Progress = silent,
) -> dict:
    """Write the tasks of a history into an empty folder; gives commits looked at, tasks kept, and exclusions by reason."""
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        what = f"no history tasks of kind {unknown[0]!r}" if unknown else "no kind of task"
        raise EvaluationError(what, do=f"known: {', '.join(KINDS)}")
    history = History(root)
    if sandbox is None:
        raise EvaluationError("no sandbox to run its tests in", where=root, do="see `yunque doctor`")
    maker = _Maker(history, Path(folder), sandbox, tuple(kinds), recipe, measuring, progress)
    problems, counts = maker.make()
    licences = sorted({_licence(maker.trees.folder, problem.change) for problem in problems})
    write_lines(maker.folder / PROBLEMS, problems)
    told = {
        "name": history.name,
        "licence": " AND ".join(licences) or "unknown",
        "kinds": list(kinds),
        "recipe": recipe.model_dump(mode="json"),
        "counts": counts,
    }
    write_lines(maker.folder / "history.jsonl", [told])
    return counts


def load_history(folder: Path, sandbox: Sandbox | None, *, measuring: Measuring | None = None) -> list[HistorySuite]:
    """The suites that `make_history` wrote. EvaluationError when the folder holds something else."""
    try:
        (told,) = read_lines(folder / "history.jsonl", dict)
        problems = list(read_lines(folder / PROBLEMS, Problem))
        recipe = HistoryRecipe(**told["recipe"])
        return [
            HistorySuite(
                kind=kind,
                of=told["name"],
                licence=told["licence"],
                problems=tuple(problem for problem in problems if problem.change.kind == kind),
                trees=folder / TREES,
                sandbox=sandbox,
                recipe=recipe,
                measuring=measuring,
                counts=told["counts"],
            )
            for kind in told["kinds"]
        ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EvaluationError(
            f"no tasks from a history ({error})", where=folder, do="make them with `make_history`"
        ) from None


class _Maker:
    """Changes to proven tasks, commit by commit."""

    def __init__(
        self,
        history: History,
        folder: Path,
        sandbox: Sandbox,
        kinds: tuple[str, ...],
        recipe: HistoryRecipe,
        measuring: Measuring | None,
        progress: Progress,
    ) -> None:
        self.history, self.folder, self.sandbox = history, folder, sandbox
        self.kinds, self.recipe, self.measuring, self.progress = kinds, recipe, measuring, progress
        limits = TreeLimits(max_total_bytes=recipe.tree_bytes)
        (folder / TREES).mkdir(parents=True, exist_ok=True)
        self.trees = Trees(history=history, folder=folder / TREES, limits=limits)
        self.excluded: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
        self.problems: list[Problem] = []

    def make(self) -> tuple[list[Problem], dict]:
        """All tasks, and the counts."""
        reader = Reader(self.history, self.recipe.max_commits)
        commits = [[change for change in changes if change.kind in self.kinds] for changes in reader.changes()]
        commits = [changes for changes in commits if changes]
        with (
            self.progress("prove history", len(commits), "commits") as advance,
            ThreadPoolExecutor(self.recipe.workers) as pool,
        ):
            at = 0
            while at < len(commits):
                batch = commits[at : at + self.recipe.workers]
                at += len(batch)
                written = [self._tree(changes) for changes in batch]
                for changes, results in zip(batch, pool.map(self._prove, batch, written), strict=True):
                    self._keep(changes, results)
                    advance(1)
        self.trees.finish()
        kept = Counter(problem.change.kind for problem in self.problems)
        changes = Counter(change.kind for changes in commits for change in changes)
        return self.problems, {
            "head": self.history.head,
            "commits": reader.looked_at,
            "commits_with_changes": reader.usable,
            "changes": {kind: changes[kind] for kind in self.kinds},
            "kept": {kind: kept[kind] for kind in self.kinds},
            "excluded": {
                "commits": dict(sorted(reader.excluded.items())),
                **{kind: dict(sorted(self.excluded[kind].items())) for kind in self.kinds},
            },
            "sandbox": self.sandbox.tier,
        }

    def _is_full(self, kind: str) -> bool:
        return sum(problem.change.kind == kind for problem in self.problems) >= self.recipe.max_tasks

    def _tree(self, changes: list[Change]) -> Path | str:
        """The commit's tree, or why there is none to run."""
        if all(self._is_full(change.kind) for change in changes):
            return "enough tasks already"
        try:
            return self.trees.write(changes[0].commit.id)
        except EvaluationError:
            return "its files are not all here"
        except SourceError as error:
            return error.what

    def _keep(self, changes: list[Change], results: list[Problem | str]) -> None:
        for change, result in zip(changes, results, strict=True):
            if self._is_full(change.kind):
                result = "enough tasks already"
            if isinstance(result, str):
                self.excluded[change.kind][result] += 1
            else:
                self.problems.append(result)
        commit = changes[0].commit.id
        if not any(problem.change.commit.id == commit for problem in self.problems):
            self.trees.drop(commit)

    # ------------------------------------------------------------------------------------------------------------- proving
    def _prove(self, changes: list[Change], tree: Path | str) -> list[Problem | str]:
        """A proven task or a reason for each change of one commit."""
        if isinstance(tree, str):
            return [tree] * len(changes)
        refused = [self._unsuitable(change) for change in changes]
        if all(refused):
            return list(refused)
        found, trouble, failing = self._reach(tree, {})
        passing = {test.test: test for test in found if test.passed}
        if not trouble and not passing:
            trouble = f"no test passes on its code: {failing}" if failing else "no test passes on its code"
        prove = {FIX: self._prove_fix, REFACTOR: self._prove_refactor}
        return [
            reason or trouble or prove[change.kind](change, tree, passing)
            for change, reason in zip(changes, refused, strict=True)
        ]

    def _unsuitable(self, change: Change) -> str:
        if max(len(change.old), len(change.new)) > self.recipe.max_function_chars:
            return f"function longer than {self.recipe.max_function_chars} characters"
        if function_in(change.new, change.name.rpartition(".")[2]) != change.new:
            return "the function cannot be told from its text alone"
        if change.kind == REFACTOR and not REFACTORS.search(change.commit.subject):
            return "" if self._judge(change).is_smaller(change) else "nothing suggests a refactoring"
        return ""

    def _reach(self, tree: Path, files: dict[str, bytes]) -> Reached:
        limits = limits_of_tests(self.recipe.reach_wall_s, self.recipe.memory_bytes)
        return reach(tree, WithFiles(self.sandbox, files), replace(limits, file_bytes=64 << 20))

    def _prove_fix(self, change: Change, tree: Path, passing: dict[str, TestReach]) -> Problem | str:
        found, trouble, _ = self._reach(tree, {change.path: change.with_function(change.old).encode()})
        if trouble:
            return f"on the code before, {trouble}"
        passed_before = {test.test for test in found if test.passed}
        fit = [test for test in self._order(change, passing) if not _is_own_doctest(test, change)]
        mended = [test for test in fit if test not in passed_before]
        if not mended:
            return "no test fails on the code before"
        sources = {test: source for test in mended if (source := _source(tree, test))}
        shown = next((test for test, source in sources.items() if len(source) <= self.recipe.max_test_chars), "")
        if not shown:
            long = f"failing tests longer than {self.recipe.max_test_chars} characters"
            return long if sources else "no source of a failing test to show"
        mended = [shown, *(test for test in mended if test != shown)][: self.recipe.fail_to_pass]
        kept = [test for test in fit if test in passed_before][: self.recipe.pass_to_pass]
        problem = self._problem(change, [*mended, *kept], FIX_PROMPT, FIX_QUESTION, test=sources[shown])
        return self._refused(problem) or problem

    def _prove_refactor(self, change: Change, tree: Path, passing: dict[str, TestReach]) -> Problem | str:
        line = change.after.encode()[: change.span_bytes[0]].count(b"\n") + 1
        reaching = {name: test for name, test in passing.items() if (change.path, line) in test.reached}
        tests = [test for test in self._order(change, reaching) if not _is_own_doctest(test, change)]
        if not tests:
            return "no passing test reaches it"
        problem = self._problem(change, tests[: max(1, self.recipe.pass_to_pass)], REFACTOR_PROMPT, REFACTOR_QUESTION)
        if refusal := self._refused(problem):
            return refusal
        judge = self._judge(change)
        if judge.tests(problem, change.old).outcome is not Outcome.PASS:
            return "its tests do not pass with the function before"
        if judge.tests(problem, _stubbed(change)).outcome is Outcome.PASS:
            return "its tests pass without a body"
        return problem

    def _refused(self, problem: Problem) -> str:
        """Why the function after does not pass or the one before does not fail; empty when both are as they must be."""
        change = problem.change
        judge = self._judge(change)
        after, before = (
            judge.verdict(problem, _written(change, text, PromptStyle.PREFIX)) for text in (change.new, change.old)
        )
        if after.outcome is not Outcome.PASS:
            told = {one.rule for one in after.findings}
            known = {rule: reason for rule, reason in _REFUSALS.items() if rule in told}
            return next(iter(known.values()), after.detail if after.outcome is Outcome.SKIP else _REFUSALS["failed"])
        return "its tests pass with the function before" if before.outcome is not Outcome.FAIL else ""

    def _judge(self, change: Change) -> Judge:
        return Judge(
            sandbox=self.sandbox, recipe=self.recipe, trees=self.trees.folder, name=change.kind, measuring=self.measuring
        )

    def _order(self, change: Change, tests: dict[str, TestReach]) -> list[str]:
        """Tests that reach the function first, in an order that depends on the commit alone."""
        line = change.after.encode()[: change.span_bytes[0]].count(b"\n") + 1
        reaches = {name: (change.path, line) in test.reached for name, test in tests.items()}
        return sorted(tests, key=lambda name: (not reaches[name], seed_from(change.id, name)))

    def _problem(self, change: Change, tests: list[str], prompt: str, question: str, *, test: str = "") -> Problem:
        around = _around(change)
        told = {
            "path": change.path,
            "name": change.name,
            "subject": change.commit.subject,
            "test": test,
            "around": around,
            "shown": around + change.old,
        }
        task = Task(
            id=change.id,
            suite=f"repo-{change.kind}:{self.history.name}",
            prompt=prompt.format(**told),
            question=question.format(**told),
            stops=STOPS,
            max_tokens=self.recipe.answer_tokens,
            language="python",
            group=change.path,
        )
        return Problem(task=task, change=change, tests=tuple(tests))


_REFUSALS = {
    "failed": "its tests do not pass with the function after",
    TIMEOUT: "its tests do not pass with the function after",
    "same-tree": "it changes comments, docstrings or layout only",
    "complexity": "the function after is more complex",
    "lint": "there is more lint after",
    "meddles": "the function after reaches for the test run",
    "not-one-function": "the function cannot be told from its text alone",
}


def _around(change: Change) -> str:
    """The classes that a method stands in, as the lines above it."""
    classes = change.name.split(".")[:-1]
    indent = change.old[: len(change.old) - len(change.old.lstrip(" \t"))]
    step = indent[: len(indent) // max(1, len(classes))]
    return "".join(f"{step * depth}class {name}:\n" for depth, name in enumerate(classes))


def _source(tree: Path, test: str) -> str:
    """The source of a test function by its node id, without its class; empty when it is no function of that file."""
    path, _, name = test.partition("::")
    wanted = re.sub(r"\[.*", "", name, flags=re.DOTALL).replace("::", ".")
    try:
        text = (tree / path).read_text("utf-8")
    except (OSError, ValueError):
        return ""
    data = text.encode()
    for function in functions(text, "python"):
        if function.qualified_name == wanted:
            piece = data[data.rfind(b"\n", 0, function.start_byte) + 1 : function.end_byte].decode()
            return reindent(piece, "")
    return ""


def _is_own_doctest(test: str, change: Change) -> bool:
    """Whether a test is an example in the docstring of the function itself, which the answer writes anew."""
    path, _, name = test.partition("::")
    return path == change.path and f".{change.name}." in f".{name}."


def _stubbed(change: Change) -> str:
    """The function without its body."""
    data = change.new.encode()
    lead = b"if 1:\n" if change.new[:1] in (" ", "\t") else b""
    name = change.name.rpartition(".")[2]
    function = next(one for one in functions((lead + data).decode(), "python") if one.name == name)
    if not function.has_body:
        return change.new
    whole = lead + data
    text = whole[: function.prompt_end_byte] + f"{function.indent}{STUB}".encode() + whole[function.body_end_byte :]
    return text[len(lead) :].decode()


def _licence(trees: Path, change: Change) -> str:
    tree = trees / change.commit.id[:12]
    return LicenceMap(tree, tree_paths(tree)).licence_of(change.path, change.after)
