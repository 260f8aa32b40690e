"""Which changes of a repository become tasks: those whose tests fail before, pass after, and can tell."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from yunque.checks.execution.pytest_runs import Reached, TestReach, reach
from yunque.checks.execution.python import TIMEOUT
from yunque.code.functions import functions
from yunque.code.lexing import indent_of
from yunque.core.errors import EvaluationError, SourceError
from yunque.core.nouns import Outcome, PromptStyle, Task, seed_from
from yunque.core.progress import silent
from yunque.core.seams import Progress, Sandbox
from yunque.data.collect import tree_paths
from yunque.data.licences.file_licences import LicenceMap
from yunque.data.sources.snapshots import TreeLimits
from yunque.data.streams.commits import REFACTORS
from yunque.evaluation.repository.control_test import WithFiles
from yunque.evaluation.repository.history import FIX, REFACTOR, Change, History, Reader, Trees
from yunque.evaluation.repository.history_suites import (
    FIX_PROMPT,
    FIX_QUESTION,
    KINDS,
    QUESTIONS,
    REFACTOR_PROMPT,
    REFACTOR_QUESTION,
    STOPS,
    TREES,
    HistoryQuestion,
    HistoryRecipe,
    HistorySuite,
    Judge,
    Measuring,
    load_history,
    written,
)
from yunque.evaluation.repository.one_function import function_in, reindent
from yunque.evaluation.repository.questions import STUB
from yunque.store.scratch import place_for
from yunque.store.tables import write_lines


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
    place, held = place_for(folder, "yunque-history-")
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
    questions, counts = maker.make()
    licences = sorted({_licence(maker.trees.folder, question.change) for question in questions})
    write_lines(maker.folder / QUESTIONS, questions)
    order = {
        "name": history.name,
        "licence": " AND ".join(licences) or "unknown",
        "kinds": list(kinds),
        "recipe": recipe.model_dump(mode="json"),
        "counts": counts,
    }
    write_lines(maker.folder / "history.jsonl", [order])
    return counts


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
        self.questions: list[HistoryQuestion] = []

    def make(self) -> tuple[list[HistoryQuestion], dict]:
        """All tasks, and the counts."""
        reader = Reader(self.history, self.recipe.max_commits)
        commits = [[change for change in changes if change.kind in self.kinds] for changes in reader.changes()]
        commits = [changes for changes in commits if changes]
        with (
            self.progress("prove history", len(commits), "commits") as advance,
            ThreadPoolExecutor(self.recipe.workers) as pool,
        ):
            position = 0
            while position < len(commits):
                batch = commits[position : position + self.recipe.workers]
                position += len(batch)
                written = [self._tree(changes) for changes in batch]
                for changes, results in zip(batch, pool.map(self._prove, batch, written), strict=True):
                    self._keep(changes, results)
                    advance(1)
        self.trees.finish()
        kept = Counter(question.change.kind for question in self.questions)
        made = Counter(change.kind for changes in commits for change in changes)
        return self.questions, {
            "head": self.history.head,
            "commits": reader.looked_at,
            "commits_with_changes": reader.usable,
            "changes": {kind: made[kind] for kind in self.kinds},
            "kept": {kind: kept[kind] for kind in self.kinds},
            "excluded": {
                "commits": dict(sorted(reader.excluded.items())),
                **{kind: dict(sorted(self.excluded[kind].items())) for kind in self.kinds},
            },
            "sandbox": self.sandbox.tier,
        }

    def _is_full(self, kind: str) -> bool:
        return sum(question.change.kind == kind for question in self.questions) >= self.recipe.max_tasks

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

    def _keep(self, changes: list[Change], results: list[HistoryQuestion | str]) -> None:
        for change, result in zip(changes, results, strict=True):
            if self._is_full(change.kind):
                result = "enough tasks already"
            if isinstance(result, str):
                self.excluded[change.kind][result] += 1
            else:
                self.questions.append(result)
        commit = changes[0].commit.id
        if not any(question.change.commit.id == commit for question in self.questions):
            self.trees.drop(commit)

    # ------------------------------------------------------------------------------------------------------------- proving
    def _prove(self, changes: list[Change], tree: Path | str) -> list[HistoryQuestion | str]:
        """A proven task or a reason for each change of one commit."""
        if isinstance(tree, str):
            return [tree] * len(changes)
        refused = [self._unsuitable(change) for change in changes]
        if all(refused):
            return list(refused)
        result, trouble, failing = self._reach(tree, {})
        passing = {test.test: test for test in result if test.passed}
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
        return reach(tree, WithFiles(self.sandbox, files), self.recipe.reach_limits())

    def _prove_fix(self, change: Change, tree: Path, passing: dict[str, TestReach]) -> HistoryQuestion | str:
        result, trouble, _ = self._reach(tree, {change.path: change.with_function(change.old).encode()})
        if trouble:
            return f"on the code before, {trouble}"
        passed_before = {test.test for test in result if test.passed}
        fit = [test for test in self._order(change, passing) if not _is_own_doctest(test, change)]
        fixed = [test for test in fit if test not in passed_before]
        if not fixed:
            return "no test fails on the code before"
        sources = {test: source for test in fixed if (source := _source(tree, test))}
        shown = next((test for test, source in sources.items() if len(source) <= self.recipe.max_test_chars), "")
        if not shown:
            long = f"failing tests longer than {self.recipe.max_test_chars} characters"
            return long if sources else "no source of a failing test to show"
        fixed = [shown, *(test for test in fixed if test != shown)][: self.recipe.fail_to_pass]
        kept = [test for test in fit if test in passed_before][: self.recipe.pass_to_pass]
        question = self._question(change, [*fixed, *kept], FIX_PROMPT, FIX_QUESTION, test=sources[shown])
        return self._refused(question) or question

    def _prove_refactor(self, change: Change, tree: Path, passing: dict[str, TestReach]) -> HistoryQuestion | str:
        line = change.after.encode()[: change.span_bytes[0]].count(b"\n") + 1
        reaching = {name: test for name, test in passing.items() if (change.path, line) in test.reached}
        tests = [test for test in self._order(change, reaching) if not _is_own_doctest(test, change)]
        if not tests:
            return "no passing test reaches it"
        question = self._question(change, tests[: max(1, self.recipe.pass_to_pass)], REFACTOR_PROMPT, REFACTOR_QUESTION)
        if refusal := self._refused(question):
            return refusal
        judge = self._judge(change)
        if judge.tests(question, change.old).outcome is not Outcome.PASS:
            return "its tests do not pass with the function before"
        if judge.tests(question, _stubbed(change)).outcome is Outcome.PASS:
            return "its tests pass without a body"
        return question

    def _refused(self, question: HistoryQuestion) -> str:
        """Why the function after does not pass or the one before does not fail; empty when both are as they must be."""
        change = question.change
        judge = self._judge(change)
        after, before = (
            judge.verdict(question, written(change, text, PromptStyle.PREFIX)) for text in (change.new, change.old)
        )
        if after.outcome is not Outcome.PASS:
            lines = {finding.rule for finding in after.findings}
            known = {rule: reason for rule, reason in _REFUSALS.items() if rule in lines}
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

    def _question(self, change: Change, tests: list[str], prompt: str, question: str, *, test: str = "") -> HistoryQuestion:
        around = _around(change)
        order = {
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
            prompt=prompt.format(**order),
            question=question.format(**order),
            stops=STOPS,
            max_tokens=self.recipe.answer_tokens,
            language="python",
            group=change.path,
        )
        return HistoryQuestion(task=task, change=change, tests=tuple(tests))


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
    indent = indent_of(change.old)
    step = indent[: len(indent) // max(1, len(classes))]
    return "".join(f"{step * depth}class {name}:\n" for depth, name in enumerate(classes))


def _source(tree: Path, test: str) -> str:
    """The source of a test function by its node id, without its class; empty when it is not a function of that file."""
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
    function = next(function for function in functions((lead + data).decode(), "python") if function.name == name)
    if not function.has_body:
        return change.new
    whole = lead + data
    text = whole[: function.prompt_end_byte] + f"{function.indent}{STUB}".encode() + whole[function.body_end_byte :]
    return text[len(lead) :].decode()


def _licence(trees: Path, change: Change) -> str:
    tree = trees / change.commit.id[:12]
    return LicenceMap(tree, tree_paths(tree)).licence_of(change.path, change.after)


def _open_kind(kind: str, rest: str, sandbox: Sandbox | None, _: Path | None = None) -> HistorySuite:
    return open_history(rest, sandbox, [kind])[0]


open_fix, open_refactor = (functools.partial(_open_kind, kind) for kind in KINDS)
"""Openers of ``repo-fix:FOLDER`` and ``repo-refactor:FOLDER``."""
