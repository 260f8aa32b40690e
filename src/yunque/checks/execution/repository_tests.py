"""Judge a file by the tests of the repository it belongs to, in the sandbox.

What a verdict is worth comes from layers, which it names:

apart       the one definition that the file differs in runs in a process of its own; plain values cross
            (`pytest_separate_process`)
guarded     an audit hook, set before the file is imported, ends the run when it looks at frames, code or the heap, makes
            code, starts programs, or opens tests (`pytest_probe`)
controlled  the same tests, with other expectations (`expectations`), fail: who passes them has not computed what he answers

A layer counts where the original file keeps it: where definition and tests share objects they share a process, original code
that walks frames itself is judged without the guard, tests whose expectations are not literals without that control. The
seat is ``apart``, which needs no other layer; or, with both others for every test, ``controlled``; else ``in-process``: a
PASS that a program could have forged.

Covered: pytest and unittest tests and doctests, found by pytest; a verdict needs a random word printed after the last test,
with every test that passed and one of ours that must, and failed one of ours that must; time-outs are told apart from
failures.
Not covered: an answer that tells the controls from the tests (nothing differs but one thing that each test expects, and that
is another in every control); an exception of many kinds at once; tests that need packages which are not installed (they fail
with the original code too, and make no task).
"""

from __future__ import annotations

import ast
import contextlib
import functools
import json
import random
import re
import secrets
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from yunque.checks.execution import expectations, separate_process
from yunque.code.python_ast import try_parse_python
from yunque.core.nouns import Finding, Job, Limits, Outcome, Record, Verdict
from yunque.core.seams import Sandbox
from yunque.sandbox.inside import kernel
from yunque.sandbox.jobs import installed

PROBE, APART = (Path(__file__).with_name(name) for name in ("pytest_probe.py", "pytest_separate_process.py"))
_PARTS = {
    f"{__package__}.{name}": Path(__file__).with_name(f"{name}.py")
    for name in ("codec", "driver", "shared_objects", "separate_process")
}
_PARTS["yunque.sandbox.inside.kernel"] = Path(kernel.__file__)
CONFIG = "yunque-pytest.ini"
MARK = "yunque_elsewhere"
"""What marks the definition that is called elsewhere."""
_LOOKED = 93
"""Exit status of a run that the guard ended."""
_CHANCE = random.SystemRandom()
_CONTROLS = 4
"""So many runs at most, until each expectation of a test has been another."""
_ENDED = (_LOOKED, separate_process.UNFIT, separate_process.UNPLAIN, separate_process.LEFT)
"""Exit statuses of a run that was ended for what the last line of its standard error says."""


_Places = dict[str, tuple[str, tuple[str, ...]]]
"""Tests by their ids: whether it is a ``doctest`` or a ``test``, and the names that lead to it within its file."""


@dataclass(frozen=True, kw_only=True)
class TestReach:
    """What one test of a repository did with the original code."""

    __test__ = False

    test: str
    """pytest node id, relative to the tree."""
    passed: bool
    took_s: float
    reached: tuple[tuple[str, int], ...]
    """(path, first line) of the functions it called; the first line is that of the first decorator, if any."""


class Reached(NamedTuple):
    """Every test of a tree that could be begun."""

    tests: list[TestReach]
    trouble: str = ""
    """Why the list is short; empty when it is whole."""
    failing: str = ""
    """What keeps tests from passing: files that cannot be imported, the commonest error where no test passes."""


def reach(tree: Path, sandbox: Sandbox, limits: Limits, *, test_s: float = 10.0) -> Reached:
    """Every test of a tree with the functions it calls.

    A test that takes longer than ``test_s`` seconds, traced, fails; of its parameters the first 30 are tried. What was not
    begun when four fifths of the wall time are over is left out.
    """
    job = _job(tree, "reach", ["--continue-on-collection-errors", "."], limits, collect=("reach.json",))
    job = replace(job, env={**job.env, "YUNQUE_REACH_S": f"{test_s} {0.8 * limits.wall_s}"})
    seen = sandbox.run(job)
    if seen.timed_out:
        return Reached([], f"the tests took longer than {limits.wall_s:g} s")
    try:
        told = json.loads(seen.files["reach.json"])
        found = [
            TestReach(**{**row, "reached": tuple((str(p), int(n)) for p, n in row["reached"])}) for row in told["tests"]
        ]
        left, failing = int(told["left"]), _failing(found, dict(told["unread"]), list(told["failures"]))
    except (KeyError, ValueError, TypeError):
        return Reached([], "pytest did not run: " + (_last_line(seen.stderr) or _last_line(seen.stdout) or "no output"))
    short = f"{left} of {left + len(found)} tests were not begun in {limits.wall_s:g} s" if left else ""
    return Reached(found, short, failing)


_TEST_FILE = re.compile(r"(?:\A|/)(?:test_[^/]*|[^/]*_test|conftest)\.py")


def _failing(tests: list[TestReach], unread: dict[str, str], failures: list[list]) -> str:
    """What keeps tests from passing, in one line."""
    if of_tests := {path: cause for path, cause in unread.items() if _TEST_FILE.search(path)}:
        unread = of_tests
    if unread and (of_tests or not tests):
        path, cause = min(unread.items())
        others = f", and {len(unread) - 1} more" if len(unread) > 1 else ""
        return f"{path}{others} cannot be imported: {cause}"[:300]
    if failures and not any(test.passed for test in tests):
        cause, times = failures[0]
        return f"no test passes; {times} times: {cause}"[:300]
    return ""


class RepositoryTests:
    """A check: do these tests of the repository pass when the record's text replaces the file at its path?"""

    name = "repository-tests"

    def __init__(self, *, tree: Path, tests: Sequence[str], sandbox: Sandbox, limits: Limits, definition: str = "") -> None:
        self.tree, self.tests, self.sandbox, self.limits = tree, tuple(tests), sandbox, limits
        self.definition = definition
        """The function or class at the top of the file that alone may differ; empty: anything may."""

    def judge(self, record: Record) -> Verdict:
        """PASS when all pass, FAIL when one does not or time runs out, SKIP without tests, ERROR when nothing could run."""
        started = time.perf_counter()
        if not self.tests:
            return Verdict(check=self.name, outcome=Outcome.SKIP, detail="no tests")
        path = record.origin.path
        layers = _Layers.of(self, path) if path.endswith(".py") else _Layers()
        files, watched = {path: record.text.encode("utf-8", "surrogatepass")}, path if layers.guarded else ""
        if layers.apart is None:
            run = self._run(layers.files | files, guarded=watched, known=layers.known, rows=layers.rows)
        else:
            run = self._run({path: layers.apart}, elsewhere={"path": path, "text": record.text, "mark": MARK})
        found, rule = "", f"{self.name}/{Outcome.FAIL}"
        seat = "in-process" if layers.apart is None else "apart"
        if run.timed_out:
            found = "timeout"
        elif run.looked:
            found, rule = run.said, "looks-around"
        elif run.fails in run.passed:
            found, rule = "a test that must fail passed beside the others", "meddles"
        elif not run.passed_all(self.tests):
            found = run.said
        elif layers.controls:
            as_original = True
            for control in layers.controls:
                run = self._run(control.files | files, guarded=watched, known=layers.known, rows=layers.rows)
                if control.is_met(run):
                    found, rule = "tests that expect something else passed, too", "meddles"
                    break
                as_original &= control.fails_as_original(run)
            if not found and layers.guarded and set(layers.changed) == set(self.tests) and as_original:
                seat = "controlled"
        passed = "1 test passes" if len(self.tests) == 1 else f"{len(self.tests)} tests pass"
        detail = found or f"{passed} ({layers.named(len(self.tests))})"
        return Verdict(
            check=self.name,
            outcome=Outcome.FAIL if found else Outcome.PASS,
            score=float(not found),
            findings=(Finding(rule=rule, message=found),) if found else (),
            took_ms=1000 * (time.perf_counter() - started),
            detail=f"{detail} [{run.tier}]",
            seat=seat,
        )

    def _run(
        self,
        files: dict[str, bytes],
        *,
        guarded: str = "",
        known: Sequence[str] | None = None,
        rows: dict[str, list[int]] | None = None,
        elsewhere: dict[str, str] | None = None,
    ) -> _Run:
        """The tests, one of ours that holds and one that does not, on the tree with some files changed.

        ``known``: what tests may cause under the guard, None to find that out. ``rows``: which parameters of tests are
        wanted; where a test is not in it, by its id. ``elsewhere``: the path and the text of the file whose definition is
        called in another process.
        """
        word, one, other = secrets.token_hex(16), secrets.token_hex(8), secrets.token_hex(8)
        own = {f"test_{name}.py::test_{name}": name for name in (one, other)}
        holds, fails = own
        order = {"tests": [*self.tests, *own], "rows": rows or {}, "known": known, "looked": _LOOKED, **(elsewhere or {})}
        files = files | {
            f"test_{name}.py": f"def test_{name}():\n    assert {name!r} == {one!r}\n".encode() for name in own.values()
        }
        if elsewhere is not None:
            files |= {"yunque_apart.py": APART.read_bytes(), "yunque_parts.json": _parts()}
        mode = "judge" if elsewhere is None else "apart"
        job = _job(
            self.tree,
            mode,
            [*dict.fromkeys(map(_whole, self.tests)), *own],  # nothing of this is another in a control
            self.limits,
            stdin=f"{word}\n{json.dumps(order)}\n".encode(),
            files=files,
            guarded=guarded,
        )
        seen = self.sandbox.run(job)
        passed = failed = caused = frozenset[str]()
        met: dict[str, list[int]] = {}
        noted: dict[tuple[str, int], tuple[int, int]] = {}
        for line in seen.stdout.splitlines():
            if line.startswith(word.encode() + b" "):
                with contextlib.suppress(ValueError, TypeError):
                    *names, pairs, places = json.loads(line.partition(b" ")[2])
                    passed, failed, caused = (frozenset(map(str, one)) for one in names)
                    for whole, row in pairs:
                        met.setdefault(str(whole), []).append(int(row))
                    noted = {(str(test), int(at)): (int(wrong), int(right)) for test, at, wrong, right in places}
        said = "" if seen.exit_code in _ENDED else _reason(seen.stdout)
        return _Run(
            passed=passed,
            failed=failed,
            caused=caused,
            rows=met,
            places=noted,
            holds=holds,
            fails=fails,
            came_to_end=seen.exit_code == 1,  # as pytest does where a test failed
            timed_out=seen.timed_out,
            looked=seen.exit_code == _LOOKED,
            said=said or _last_line(seen.stderr) or f"exit {seen.exit_code}",
            tier=seen.tier,
        )


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What was seen of one run of the tests."""

    passed: frozenset[str]
    """Tests that passed, if pytest came to its end; the same with those that failed."""
    failed: frozenset[str]
    caused: frozenset[str]
    """What the guard saw that tests and pytest did."""
    rows: dict[str, list[int]]
    """Which parameters of each test were run."""
    places: dict[tuple[str, int], tuple[int, int]]
    """For tests and lines of theirs that compare: how often that failed, and how often it did not."""
    holds: str
    fails: str
    """The tests of ours."""
    came_to_end: bool
    """Whether pytest ended by itself, with the failure that ours is."""
    timed_out: bool
    looked: bool
    said: str
    """Why it did not end well, in a line."""
    tier: str

    def passed_all(self, tests: Sequence[str]) -> bool:
        """Whether every test passed, and of ours the one that holds."""
        return self.came_to_end and self.passed == {*tests, self.holds} and self.failed == {self.fails}

    def passes_any(self, tests: Iterable[str]) -> bool:
        """Whether one of these passed, by whichever parameters."""
        return not set(map(_whole, tests)).isdisjoint(map(_whole, self.passed))

    def fails_all(self, tests: Iterable[str]) -> bool:
        """Whether each of these failed, by whichever parameters, and none passed by others."""
        return not self.passes_any(tests) and set(map(_whole, tests)) <= set(map(_whole, self.failed))


class _Control(NamedTuple):
    """Tests that expect something else, and how the original file fails them."""

    files: dict[str, bytes]
    failed: frozenset[str]
    """Tests that failed."""
    places: dict[tuple[str, int], tuple[int, int]]
    """What compared: how often it failed, and how often it did not."""

    def is_met(self, run: _Run) -> bool:
        """Whether a run passed what the original fails: a test, or anything within it that compares."""
        always = [place for place, (wrong, right) in self.places.items() if wrong and not right]
        return run.passes_any({run.fails, *self.failed}) or any(run.places.get(place, (0, 0))[1] for place in always)

    def fails_as_original(self, run: _Run) -> bool:
        """Whether a run failed everything that the original fails, as often."""
        return run.fails_all(self.failed) and all(
            run.places.get(place, (0, 0))[0] >= wrong for place, (wrong, _) in self.places.items()
        )


@dataclass(frozen=True, kw_only=True)
class _Layers:
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
    def of(cls, check: RepositoryTests, path: str) -> _Layers:
        """Found out once for the tests of a file."""
        key = (str(check.tree), check.tests, path, check.definition, id(check.sandbox))
        with _LAYERS_LOCK:
            lock, known, _ = _LAYERS.setdefault(key, (threading.Lock(), [], check.sandbox))
            while len(_LAYERS) > 512:
                _LAYERS.pop(next(iter(_LAYERS)))
        with lock:
            if not known:
                known.append(cls._find(check, path))
        return known[0]

    @classmethod
    def _find(cls, check: RepositoryTests, path: str) -> _Layers:
        places = {test: _place(test) for test in check.tests}
        documented = any(kind == "doctest" and test.partition("::")[0] != path for test, (kind, _) in places.items())
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = (check.tree / path).read_text("utf-8")
            without = _elsewhere(text, check.definition) if check.definition and not documented else None
            if without is not None:  # doctests of other files would stay there, to be read
                run = check._run({path: without}, elsewhere={"path": path, "text": text, "mark": MARK})
                if run.passed_all(check.tests):
                    return cls(apart=without)
        files, alone = {}, {}
        for name in {test.partition("::")[0] for test in check.tests} - {path}:
            with contextlib.suppress(OSError):  # not its own doctests: whoever answers writes them
                files[name] = (check.tree / name).read_bytes()
                alone[name] = _without_others(files[name], name, places)
        choices = [*((plain, _others(plain, places, set())[0]) for plain in (alone, files)), (None, files)]
        for guard in (path, ""):
            (plain, used), original = _begin(check, choices, guard)
            found = _Controls()
            if plain is not None and not original.looked:
                found = _find_controls(check, plain, places, original, guard)
            if not any(run.looked for run in (original, *found.runs)):
                break
        known = tuple(sorted(frozenset[str]().union(*(run.caused for run in (original, *found.runs)))))
        return cls(
            guarded=bool(guard),
            known=known,
            rows=original.rows,
            files=used,
            controls=found.controls,
            changed=found.changed,
        )


_Choice = tuple[dict[str, bytes] | None, dict[str, bytes]]
"""Test files whose expectations may be changed (None: they may not), and the same as they are used."""


def _begin(check: RepositoryTests, choices: Sequence[_Choice], guard: str) -> tuple[_Choice, _Run]:
    """The first choice beside which the original file passes (or looks around), else the last; and its run."""
    for choice in choices:
        run = check._run(choice[1], guarded=guard)
        if run.passed_all(check.tests) or run.looked:
            break
    return choice, run


class _Controls(NamedTuple):
    """What was found out about tests that expect something else."""

    runs: tuple[_Run, ...] = ()
    """Of the original file beside them."""
    controls: tuple[_Control, ...] = ()
    changed: tuple[str, ...] = ()
    """The tests that fail, and of which everything that could expect something else did."""


def _find_controls(
    check: RepositoryTests, files: dict[str, bytes], places: _Places, original: _Run, guard: str
) -> _Controls:
    """Tests that expect something else, until each thing that the original run came to has been another.

    All are others in the first run; what a test does not come to then, because it ends before, is in the next.
    """
    missing, runs, controls = None, [], []
    while len(runs) < _CONTROLS and (missing is None or missing) and not any(run.looked for run in runs):
        others, lines, tests = _others(files, places, missing)
        run = check._run(others, guarded=guard, rows=original.rows)
        wrong = frozenset(test for test in tests if run.fails_all([test]))
        runs.append(run)
        controls.append(_Control(others, wrong, {at: run.places[at] for at in lines & run.places.keys()}))
        missing = (original.places.keys() & lines if missing is None else missing) - run.places.keys()
    stay = {test for test, _ in missing or ()}
    failed = frozenset[str]().union(*(one.failed for one in controls))
    return _Controls(
        runs=tuple(runs),
        controls=tuple(one for one in controls if one.failed),
        changed=tuple(sorted(test for test in failed if _whole(test) not in stay)),
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
            found: dict[str, dict[tuple[str, ...], set[int]]] = {}
            for kind, change in (("doctest", expectations.change_doctests), ("test", expectations.change)):
                source, found[kind] = change(
                    source, {place for one, place in wanted.values() if one == kind}, _CHANCE, of_name
                )
            others[name] = source.encode("utf-8", "surrogatepass")
            for test, (kind, place) in wanted.items():
                if at := found[kind].get(place):
                    ids.append(test)
                    changed |= {(_whole(test), line) for line in at}
    return others, changed, ids


def _elsewhere(text: str, name: str) -> bytes | None:
    """A file whose definition of that name says only how it is called; None where there is not exactly one."""
    tree = try_parse_python(text)
    if tree is None:
        return None
    found = [node for node in _of_module(tree) if _binds(node) == name]
    if len(found) != 1 or found[0] not in tree.body or not isinstance(found[0], ast.FunctionDef | ast.ClassDef):
        return None
    node = found[0]
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    lines = text.encode("utf-8", "surrogatepass").splitlines(keepends=True)
    called = ast.unparse(ast.fix_missing_locations(_without_bodies(node)))
    lines[first - 1 : node.end_lineno] = [f"@{MARK}\n{called}\n".encode("utf-8", "surrogatepass")]
    return b"".join(lines)


def _without_bodies(node: ast.FunctionDef | ast.ClassDef) -> ast.stmt:
    """A definition with its names, parameters and documentation alone."""
    said = node.body[:1] if ast.get_docstring(node, clean=False) is not None else []
    if isinstance(node, ast.FunctionDef):
        return ast.FunctionDef(node.name, node.args, [*said, ast.Raise(ast.Name("NotImplementedError", ast.Load()))], [])
    methods = [_without_bodies(one) for one in node.body if isinstance(one, ast.FunctionDef)]
    return ast.ClassDef(node.name, [], [], [*said, *methods, ast.Pass()], [])


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


def _whole(test: str) -> str:
    """The pytest node id of a test with all of its parameters: those of a changed test have other names."""
    path, colons, names = test.partition("::")
    return path + colons + names.partition("[")[0]


def _place(test: str) -> tuple[str, tuple[str, ...]]:
    """Whether a pytest node id is a ``doctest`` or a ``test``, and the names that lead to it within its file."""
    path, *names = _whole(test).split("::")
    module = path.removesuffix(".py").removesuffix("/__init__").split("/")
    while module and len(names) == 1 and not names[0].startswith("test_"):
        if f"{names[0]}.".startswith(f"{'.'.join(module)}."):
            return "doctest", tuple(names[0].split(".")[len(module) :])
        module = module[1:]
    return "test", tuple(names)


_LAYERS: dict[tuple, tuple[threading.Lock, list[_Layers], Sandbox]] = {}
_LAYERS_LOCK = threading.Lock()


def _job(
    tree: Path,
    mode: str,
    arguments: list[str],
    limits: Limits,
    *,
    stdin: bytes = b"",
    files: dict[str, bytes] | None = None,
    collect: tuple[str, ...] = (),
    guarded: str = "",
) -> Job:
    """Run pytest on a copy of the tree, without the repository's own pytest options and without foreign plug-ins."""
    options = [
        "-q",
        "-c",
        CONFIG,
        "--rootdir",
        ".",
        "-p",
        "no:cacheprovider",
        "-p",
        "yunque_probe",
        "--color=no",
        "--tb=line",
        "--doctest-modules",
        "--doctest-continue-on-failure",
    ]
    return Job(
        argv=(sys.executable, "-m", "pytest", *options, *arguments),
        stdin=stdin,
        tree=str(tree),
        libraries=_libraries(tree),
        files={**(files or {}), "yunque_probe.py": PROBE.read_bytes(), CONFIG: b"[pytest]\n"},
        env={
            "PYTHONPATH": ".:src:lib",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "YUNQUE_PROBE": mode,
            "YUNQUE_CANDIDATE": guarded,
        },
        collect=collect,
        limits=limits,
    )


@functools.cache
def _parts() -> bytes:
    """The sources of what `pytest_separate_process` needs."""
    return json.dumps({name: path.read_text("utf-8") for name, path in _PARTS.items()}).encode()


@functools.lru_cache(16)
def _libraries(tree: Path) -> tuple[str, ...]:
    """pytest, and what of the installed packages the tree's own code imports."""
    found = {"pytest"}
    for path in tree.rglob("*.py"):
        with contextlib.suppress(OSError):
            found |= set(re.findall(r"^[ \t]*(?:import|from)[ \t]+(\w+)", path.read_text("utf-8", "replace"), re.MULTILINE))
    return installed(found - {path.name for path in tree.iterdir()} - sys.stdlib_module_names)


def _reason(stdout: bytes) -> str:
    """The first line of pytest's output that names an error."""
    for line in stdout.decode("utf-8", "replace").splitlines():
        if match := re.match(r"(?:E\s+|.*?:\d+: )(\w*(?:Error|Exception|Exit|Warning)\b.*)", line):
            return match.group(1)[:160]
    return _last_line(stdout)


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return re.sub(r" in \d+\.\d+s\b.*", "", lines[-1])[:160] if lines else ""
