"""Tasks from a repository's own past, judged by its tests: bugs to fix (``repo-fix``), functions to simplify.

* ``fix``: a small SWE-bench. The model sees the subject of a past commit, a test that fails without it, and the function as
  it was; it writes the whole function anew. PASS when the tests that the commit fixed pass, and so do some that passed
  before.
* ``refactor``: the model sees a function as it was and is asked to simplify it. PASS when the tests that reach it pass, its
  cyclomatic complexity is not greater, ruff finds no more in the file than before, and its syntax tree is another one.

Every task is proven in the sandbox before it counts: the function after the commit passes, the one before fails. For a
refactoring, tests must notice when the function has no body, too. Each change that makes no task is counted with its reason.

Covered: two functions changed by one commit (a task each, the other one fixed); methods; chat and completion; what
`repository_suite` says of forged verdicts.
Not covered: fixes that add functions, imports or constants (`history` excludes them); packages that an old commit needs and
that are not installed (excluded, since no test runs); a refactoring that only renames counts as one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field

from yunque.checks.execution.repository_tests import RepositoryTests
from yunque.checks.findings import fail
from yunque.code.lexing import indent_of
from yunque.code.python_ast import parse_python
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Origin, Outcome, PromptStyle, Record, Task, Verdict, content_id
from yunque.core.seams import Check, Sandbox
from yunque.evaluation.repository.control_test import judge_controlled
from yunque.evaluation.repository.history import FIX, REFACTOR, Change
from yunque.evaluation.repository.one_function import clean, function_in, refuse, reindent
from yunque.evaluation.repository.questions import QUESTIONS, TestRuns
from yunque.evaluation.suites.extraction import code_of
from yunque.store.scratch import ScratchFolder
from yunque.store.tables import read_lines

KINDS = (FIX, REFACTOR)
TREES = "trees"
STOPS = ("\n```", "\n\n\n", "\nclass ", "\n# ")
FIX_QUESTION = """\
A test of this Python project fails. The commit that fixes it is called:

    {subject}

The test that fails:

```python
{test}
```

The function to fix, `{name}` in {path}:

```python
{shown}
```

Rewrite the function so that the test passes. Answer with the complete function only, in one fenced code block. \
Put any new import inside the function.
"""
FIX_PROMPT = """\
# {path}: {name}, which has a bug.
{shown}


# This test fails:
{test}


# {path}: {name} fixed. {subject}
{around}"""
REFACTOR_QUESTION = """\
Simplify this Python function, `{name}` in {path}, without changing what it does:

```python
{shown}
```

Answer with the complete function only, under the same name, in one fenced code block. Put any new import inside the \
function.
"""
REFACTOR_PROMPT = """\
# {path}: {name}, before refactoring.
{shown}


# {path}: {name}, simplified without changing its behaviour.
{around}"""


class HistoryRecipe(TestRuns):
    """How far back a history is read, how much is asked, and what the tests may use."""

    max_commits: int = Field(500, ge=1)
    """commits looked at, the newest first"""
    max_tasks: int = Field(40, ge=1)
    """most tasks of each kind"""
    fail_to_pass: int = Field(6, ge=1)
    """tests of one task that the commit fixed"""
    pass_to_pass: int = Field(6, ge=0)
    """tests of one task that passed before; of a refactoring, all its tests"""
    max_function_chars: int = Field(2500, ge=20)
    """longer functions are not asked for"""
    max_test_chars: int = Field(2500, ge=20)
    """a longer failing test is not shown"""
    answer_tokens: int = Field(768, ge=1)
    """most tokens of an answer"""
    test_wall_s: float = Field(30, gt=0)
    """time for the tests of one task"""
    tree_bytes: int = Field(256 << 20, ge=1)
    """most bytes of one commit's files"""


@dataclass(frozen=True, kw_only=True)
class HistoryQuestion:
    """A task with what judges it, none of which a model sees."""

    task: Task
    change: Change
    tests: tuple[str, ...]
    """Node ids, those that the commit fixed and those that it must not break."""


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
    questions: tuple[HistoryQuestion, ...]
    trees: Path
    sandbox: Sandbox | None = None
    recipe: HistoryRecipe = field(default_factory=HistoryRecipe)
    measuring: Measuring | None = None
    """None: our own."""
    counts: dict = field(default_factory=dict)
    """Commits looked at, changes kept, and excluded by reason."""
    trainable: bool = False
    """Whoever trains on it cannot be judged by it."""
    held: ScratchFolder | None = None
    """Where its trees are temporary."""

    @property
    def name(self) -> str:
        """``repo-fix:NAME`` or ``repo-refactor:NAME``."""
        return f"repo-{self.kind}:{self.of}"

    @cached_property
    def _by_id(self) -> dict[str, HistoryQuestion]:
        return {question.task.id: question for question in self.questions}

    def tasks(self) -> list[Task]:
        """Every task, of the newest commit first."""
        return [question.task for question in self.questions]

    def canonical(self, task: Task) -> str:
        """The function after the commit."""
        return self._by_id[task.id].change.new

    def wrong(self, task: Task) -> str:
        """The function before the commit."""
        return self._by_id[task.id].change.old

    def program(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> str:
        """The whole file of the commit with the answer's function in place; without one, with nothing there."""
        change = self._by_id[task.id].change
        return change.with_function(written(change, text, style) or "")

    def judge(self, task: Task, text: str, style: PromptStyle = PromptStyle.PREFIX) -> Verdict:
        """PASS when all tests pass; a refactoring must also be one."""
        if self.sandbox is None:
            raise EvaluationError("no sandbox to judge in", where=self.name)
        question = self._by_id[task.id]
        judge = Judge(sandbox=self.sandbox, recipe=self.recipe, trees=self.trees, name=self.name, measuring=self.measuring)
        return judge.verdict(question, written(question.change, text, style))


@dataclass(frozen=True, kw_only=True)
class Judge:
    """What a function written anew is worth."""

    sandbox: Sandbox
    recipe: HistoryRecipe
    trees: Path
    name: str
    measuring: Measuring | None

    def verdict(self, question: HistoryQuestion, piece: str | None) -> Verdict:
        """Of a piece of code, None for an answer without the function."""
        change = question.change
        name = change.name.rpartition(".")[2]
        if piece is None:
            return fail(self.name, "not-one-function", f"no definition of {name} that parses")
        if refusal := refuse(piece, name, change.after + change.old):
            return fail(self.name, *refusal)
        if change.kind == REFACTOR and (trouble := self._not_simpler(change, piece)):
            return trouble
        return self.tests(question, piece)

    def tests(self, question: HistoryQuestion, piece: str) -> Verdict:
        """What the tests say of it."""
        limits = self.recipe.limits()
        tree = self.trees / question.change.commit.id[:12]
        check = RepositoryTests(
            tree=tree,
            tests=question.tests,
            sandbox=self.sandbox,
            limits=limits,
            definition=question.change.name.partition(".")[0],
        )
        return judge_controlled(check, self._record(question.change, piece), self.name)

    def _not_simpler(self, change: Change, piece: str) -> Verdict | None:
        if _same_tree(piece, change.old):
            return fail(self.name, "same-tree", "nothing was refactored")
        measuring = self.measuring or Measuring.ours()
        before, after = (measuring.complexity(reindent(text, ""), "python") for text in (change.old, piece))
        if after > before:
            return fail(self.name, "complexity", f"cyclomatic complexity {after}, before {before}")
        result = [measuring.lint.judge(self._record(change, text)) for text in (change.old, piece)]
        for verdict in result:
            if verdict.outcome in (Outcome.SKIP, Outcome.ERROR):
                return replace(verdict, check=self.name)
        before, after = (len(verdict.findings) for verdict in result)
        if after > before:
            return fail(self.name, "lint", f"{after} lint findings in the file, before {before}")
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


def written(change: Change, text: str, style: PromptStyle) -> str | None:
    """The function that an answer writes, at the indentation of its place; None when it writes none."""
    name, code = change.name.rpartition(".")[2], clean(text)
    if style is PromptStyle.CHAT:
        code = code_of(code, rf"\bdef\s+{name}\b")
    piece = function_in(code, name)
    return None if piece is None else reindent(piece, indent_of(change.old))


def _same_tree(item: str, other: str) -> bool:
    """Whether two functions differ in comments, layout, docstrings and statements that do nothing alone."""
    return _tree(item) == _tree(other)


def _tree(piece: str) -> str:
    tree = parse_python(reindent(piece, ""))
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(node, name, [character for character in value if not _does_nothing(character)])
    return ast.dump(tree)


def _does_nothing(node: Any) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant | ast.Name))


# ------------------------------------------------------------------------------------------------------------------- making


def load_history(folder: Path, sandbox: Sandbox | None, *, measuring: Measuring | None = None) -> list[HistorySuite]:
    """The suites that `make_history` wrote. EvaluationError when the folder holds something else."""
    try:
        (details,) = read_lines(folder / "history.jsonl", dict)
        questions = list(read_lines(folder / QUESTIONS, HistoryQuestion))
        recipe = HistoryRecipe(**details["recipe"])
        return [
            HistorySuite(
                kind=kind,
                of=details["name"],
                licence=details["licence"],
                questions=tuple(question for question in questions if question.change.kind == kind),
                trees=folder / TREES,
                sandbox=sandbox,
                recipe=recipe,
                measuring=measuring,
                counts=details["counts"],
            )
            for kind in details["kinds"]
        ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EvaluationError(
            f"no tasks from a history ({error})", where=folder, do="make them with `make_history`"
        ) from None
