"""What tells a right program from one that reads its tests: layers, each found out once for the tests of a file.

The original file keeps a layer or it does not count: its one definition in another process, the guard, and controls, which
are the same tests with other expectations (`expectations`).
"""

from __future__ import annotations

import ast
import contextlib
import random
import threading
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from yunque.checks.execution import expectations
from yunque.checks.execution.pytest_runs import PytestRunner, TestRun, without_parameters
from yunque.code.python_ast import try_parse_python
from yunque.core.seams import Sandbox

MARK = "yunque_elsewhere"
"""What marks the definition that is called elsewhere."""
_CHANCE = random.SystemRandom()
_CONTROLS = 4
"""So many runs at most, until each expectation of a test has been another."""
_Places = dict[str, tuple[str, tuple[str, ...]]]
"""Tests by their ids: whether it is a ``doctest`` or a ``test``, and the names that lead to it within its file."""


class _Control(NamedTuple):
    """Tests that expect something else, and how the original file fails them."""

    files: dict[str, bytes]
    failed: frozenset[str]
    """Tests that failed."""
    places: dict[tuple[str, int], tuple[int, int]]
    """What compared: how often it failed, and how often it did not."""

    def is_met(self, run: TestRun) -> bool:
        """Whether a run passed what the original fails: a test, or anything within it that compares."""
        always = [place for place, (wrong, right) in self.places.items() if wrong and not right]
        return run.passes_any({run.fails, *self.failed}) or any(run.places.get(place, (0, 0))[1] for place in always)

    def fails_as_original(self, run: TestRun) -> bool:
        """Whether a run failed everything that the original fails, as often."""
        return run.fails_all(self.failed) and all(
            run.places.get(place, (0, 0))[0] >= wrong for place, (wrong, _) in self.places.items()
        )


@dataclass(frozen=True, kw_only=True)
class Layers:
    """What a file of a tree, as it is there, lets its tests be controlled by."""

    apart: bytes | None = None
    """The file with its one definition called elsewhere."""
    guarded: bool = False
    known: tuple[str, ...] = ()
    """What tests and pytest do under the guard, with the original file."""
    rows: dict[str, list[int]] = field(default_factory=dict)
    """Which parameters of each test are wanted."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Test files, in which the tests that are not wanted expect something else."""
    controls: tuple[_Control, ...] = ()
    """The same with other expectations: all that are met in one run, where a test comes to them all."""
    changed: tuple[str, ...] = ()
    """Tests that these make fail, of which everything that could expect something else did."""

    def named(self, num_tests: int) -> str:
        """What a verdict calls them."""
        if self.apart is not None:
            return "apart"
        return f"in-process{', guarded' if self.guarded else ''}, {len(self.changed)} of {num_tests} controlled"

    @classmethod
    def of(cls, runner: PytestRunner, path: str, definition: str) -> Layers:
        """Found out once for the tests of a file. ``definition``: the one that alone may differ; empty: anything may."""
        key = (str(runner.tree), runner.tests, path, definition, id(runner.sandbox))
        with _LAYERS_LOCK:
            lock, known, _ = _LAYERS.setdefault(key, (threading.Lock(), [], runner.sandbox))
            while len(_LAYERS) > 512:
                _LAYERS.pop(next(iter(_LAYERS)))
        with lock:
            if not known:
                known.append(cls._find(runner, path, definition))
        return known[0]

    @classmethod
    def _find(cls, runner: PytestRunner, path: str, definition: str) -> Layers:
        places = {test: _place(test) for test in runner.tests}
        documented = any(kind == "doctest" and test.partition("::")[0] != path for test, (kind, _) in places.items())
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = (runner.tree / path).read_text("utf-8")
            without = _elsewhere(text, definition) if definition and not documented else None
            if without is not None:  # doctests of other files would stay there, to be read
                run = runner.run({path: without}, elsewhere={"path": path, "text": text, "mark": MARK})
                if run.passed_all(runner.tests):
                    return cls(apart=without)
        files, alone = {}, {}
        for name in {test.partition("::")[0] for test in runner.tests} - {path}:
            with contextlib.suppress(OSError):  # not its own doctests: whoever answers writes them
                files[name] = (runner.tree / name).read_bytes()
                alone[name] = _without_others(files[name], name, places)
        choices = [*((plain, _others(plain, places, set())[0]) for plain in (alone, files)), (None, files)]
        for guard in (path, ""):
            (plain, used), original = _begin(runner, choices, guard)
            controls = _Controls()
            if plain is not None and not original.looked:
                controls = _find_controls(runner, plain, places, original, guard)
            if not any(run.looked for run in (original, *controls.runs)):
                break
        known = tuple(sorted(frozenset[str]().union(*(run.caused for run in (original, *controls.runs)))))
        return cls(
            guarded=bool(guard),
            known=known,
            rows=original.rows,
            files=used,
            controls=controls.controls,
            changed=controls.changed,
        )


_Choice = tuple[dict[str, bytes] | None, dict[str, bytes]]
"""Test files whose expectations may be changed (None: they may not), and the same as they are used."""


def _begin(runner: PytestRunner, choices: Sequence[_Choice], guard: str) -> tuple[_Choice, TestRun]:
    """The first choice beside which the original file passes (or looks around), else the last; and its run."""
    for choice in choices:
        run = runner.run(choice[1], guarded=guard)
        if run.passed_all(runner.tests) or run.looked:
            break
    return choice, run


class _Controls(NamedTuple):
    """What was found out about tests that expect something else."""

    runs: tuple[TestRun, ...] = ()
    """Of the original file beside them."""
    controls: tuple[_Control, ...] = ()
    changed: tuple[str, ...] = ()
    """The tests that fail, and of which everything that could expect something else did."""


def _find_controls(
    runner: PytestRunner, files: dict[str, bytes], places: _Places, original: TestRun, guard: str
) -> _Controls:
    """Tests that expect something else, until each thing that the original run came to has been another.

    All are others in the first run; what a test does not come to then, because it ends before, is in the next.
    """
    missing: Set[tuple[str, int]] | None = None
    runs: list[TestRun] = []
    controls: list[_Control] = []
    while len(runs) < _CONTROLS and (missing is None or missing) and not any(run.looked for run in runs):
        others, lines, tests = _others(files, places, missing)
        run = runner.run(others, guarded=guard, rows=original.rows)
        wrong = frozenset(test for test in tests if run.fails_all([test]))
        runs.append(run)
        controls.append(_Control(others, wrong, {line: run.places[line] for line in lines & run.places.keys()}))
        missing = (original.places.keys() & lines if missing is None else missing) - run.places.keys()
    stay = {test for test, _ in missing or ()}
    failed = frozenset[str]().union(*(control.failed for control in controls))
    return _Controls(
        runs=tuple(runs),
        controls=tuple(control for control in controls if control.failed),
        changed=tuple(sorted(test for test in failed if without_parameters(test) not in stay)),
    )


def _without_others(data: bytes, name: str, places: _Places) -> bytes:
    """A test file with other expectations in the tests that are not wanted. ``places``: of the others by their ids."""
    try:
        kept = [place for test, (kind, place) in places.items() if kind == "test" and test.partition("::")[0] == name]
        return expectations.change_others(data.decode("utf-8"), kept, _CHANCE).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data


def _others(
    files: dict[str, bytes], places: _Places, lines: Set[tuple[str, int]] | None
) -> tuple[dict[str, bytes], set[tuple[str, int]], list[str]]:
    """Test files with other expectations, the tests and lines that have them, and those tests' ids.

    ``places``: of the tests by their ids. ``lines``: which tests and lines are changed; None for all.
    """
    others, changed, ids = dict(files), set(), []
    for name, data in files.items():
        wanted = {test: place for test, place in places.items() if test.partition("::")[0] == name}
        with contextlib.suppress(UnicodeDecodeError):
            source = data.decode("utf-8")
            of_name = None if lines is None else {line for test, line in lines if test.partition("::")[0] == name}
            result: dict[str, dict[tuple[str, ...], set[int]]] = {}
            for kind, change in (("doctest", expectations.change_doctests), ("test", expectations.change)):
                source, result[kind] = change(
                    source, {place for item, place in wanted.values() if item == kind}, _CHANCE, of_name
                )
            others[name] = source.encode("utf-8", "surrogatepass")
            for test, (kind, place) in wanted.items():
                if position := result[kind].get(place):
                    ids.append(test)
                    changed |= {(without_parameters(test), line) for line in position}
    return others, changed, ids


def _elsewhere(text: str, name: str) -> bytes | None:
    """A file whose definition of that name says only how it is called; None where there is not exactly one."""
    tree = try_parse_python(text)
    if tree is None:
        return None
    nodes = [node for node in _of_module(tree) if _binds(node) == name]
    if len(nodes) != 1 or nodes[0] not in tree.body or not isinstance(nodes[0], ast.FunctionDef | ast.ClassDef):
        return None
    node = nodes[0]
    first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
    lines = text.encode("utf-8", "surrogatepass").splitlines(keepends=True)
    called = ast.unparse(ast.fix_missing_locations(_without_bodies(node)))
    lines[first - 1 : node.end_lineno] = [f"@{MARK}\n{called}\n".encode("utf-8", "surrogatepass")]
    return b"".join(lines)


def _without_bodies(node: ast.FunctionDef | ast.ClassDef) -> ast.stmt:
    """A definition with its names, parameters and documentation alone."""
    details = node.body[:1] if ast.get_docstring(node, clean=False) is not None else []
    if isinstance(node, ast.FunctionDef):
        return ast.FunctionDef(node.name, node.args, [*details, ast.Raise(ast.Name("NotImplementedError", ast.Load()))], [])
    methods = [_without_bodies(item) for item in node.body if isinstance(item, ast.FunctionDef)]
    return ast.ClassDef(node.name, [], [], [*details, *methods, ast.Pass()], [])


def _of_module(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that is not within a definition."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _of_module(child)


def _binds(node: ast.AST) -> str:
    """The name that a definition, an assignment or an import binds; empty when none."""
    if isinstance(node, ast.Name):
        return node.id if not isinstance(node.ctx, ast.Load) else ""
    if isinstance(node, ast.alias):
        return (node.asname or node.name).partition(".")[0]
    return node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ""


def _place(test: str) -> tuple[str, tuple[str, ...]]:
    """Whether a pytest node id is a ``doctest`` or a ``test``, and the names that lead to it within its file."""
    path, *names = without_parameters(test).split("::")
    module = path.removesuffix(".py").removesuffix("/__init__").split("/")
    while module and len(names) == 1 and not names[0].startswith("test_"):
        if f"{names[0]}.".startswith(f"{'.'.join(module)}."):
            return "doctest", tuple(names[0].split(".")[len(module) :])
        module = module[1:]
    return "test", tuple(names)


_LAYERS: dict[tuple, tuple[threading.Lock, list[Layers], Sandbox]] = {}
_LAYERS_LOCK = threading.Lock()
