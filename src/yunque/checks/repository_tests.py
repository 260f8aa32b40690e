"""Judge a file by the tests of the repository it belongs to, in the sandbox.

Function and test share objects, so they share a process; what a verdict is worth comes from layers, which it names:

guarded     an audit hook, set before the file is imported, ends the run when it looks at frames, code or the heap, makes
            code, starts programs, or opens tests (`pytest_probe`)
controlled  the same tests, with other expectations (`expectations`), fail, and so does one that always must: who passes them
            has not computed what he answers

A layer counts where the original file keeps it: original code that walks frames itself is judged without the guard, tests
whose expectations are not literals without that control. With both, for every test, the seat is ``controlled``, else
``in-process``: a PASS that a program could have forged.

Covered: pytest and unittest tests and doctests, found by pytest; a verdict needs exit status 0 *and* a random word printed
after the last test, with the right number of passes; time-outs are told apart from failures.
Not covered: an answer that tells the controls from the tests (nothing differs but what is expected); tests that need
packages which are not installed (they fail with the original code too, and make no task).
"""

from __future__ import annotations

import contextlib
import functools
import json
import random
import re
import secrets
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from yunque.checks import expectations
from yunque.core.nouns import Finding, Job, Limits, Outcome, Record, Verdict
from yunque.core.seams import Sandbox
from yunque.sandbox.jobs import installed

PROBE = Path(__file__).with_name("pytest_probe.py")
CONFIG = "yunque-pytest.ini"
_LOOKED = 93
"""Exit status of a run that the guard ended (`pytest_probe.LOOKED`)."""


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


def reach(tree: Path, sandbox: Sandbox, limits: Limits) -> tuple[list[TestReach], str]:
    """Every test of a tree with the functions it calls, and why that list may be short (empty when it is whole)."""
    job = _job(tree, "reach", ["--continue-on-collection-errors", "."], limits, collect=("reach.json",))
    seen = sandbox.run(job)
    if seen.timed_out:
        return [], f"the tests took longer than {limits.wall_s:g} s"
    try:
        rows = json.loads(seen.files["reach.json"])
        found = [TestReach(**{**row, "reached": tuple((str(p), int(n)) for p, n in row["reached"])}) for row in rows]
    except (KeyError, ValueError, TypeError):
        return [], "pytest did not run: " + (_last_line(seen.stderr) or _last_line(seen.stdout) or "no output")
    return found, ""


class RepositoryTests:
    """A check: do these tests of the repository pass when the record's text replaces the file at its path?"""

    name = "repository-tests"

    def __init__(self, *, tree: Path, tests: Sequence[str], sandbox: Sandbox, limits: Limits) -> None:
        self.tree, self.tests, self.sandbox, self.limits = tree, tuple(tests), sandbox, limits

    def judge(self, record: Record) -> Verdict:
        """PASS when all pass, FAIL when one does not or time runs out, SKIP without tests, ERROR when nothing could run."""
        started = time.perf_counter()
        if not self.tests:
            return Verdict(check=self.name, outcome=Outcome.SKIP, detail="no tests")
        path = record.origin.path
        layers = _Layers.of(self, path) if path.endswith(".py") else _Layers()
        files, watched = {path: record.text.encode("utf-8", "surrogatepass")}, path if layers.guarded else ""
        run = self._run(files, guarded=watched)
        found, seat, rule = "", "in-process", f"{self.name}/{Outcome.FAIL}"
        if run.timed_out:
            found = "timeout"
        elif run.looked:
            found, rule = run.said, "looks-around"
        elif not run.ended_well or len(run.passed) != len(self.tests) + 1:
            found = run.said
        else:
            control = self._run(files | layers.files, guarded=watched, holds=False)
            if control.ended_well or control.passed & {control.beside, *layers.changed}:
                found, rule = "tests that must fail passed beside the others", "meddles"
            elif layers.guarded and control.finished and set(layers.changed) == set(self.tests):
                seat = "controlled"
        guarded = ", guarded" if layers.guarded else ""
        kept = f"in-process{guarded}, {len(layers.changed)} of {len(self.tests)} controlled"
        detail = found or f"{len(self.tests)} tests pass ({kept})"
        return Verdict(
            check=self.name,
            outcome=Outcome.FAIL if found else Outcome.PASS,
            score=float(not found),
            findings=(Finding(rule=rule, message=found),) if found else (),
            took_ms=1000 * (time.perf_counter() - started),
            detail=f"{detail} [{run.tier}]",
            seat=seat,
        )

    def _run(self, files: dict[str, bytes], *, guarded: str = "", holds: bool = True) -> _Run:
        """The tests, and one of ours that holds or does not, on the tree with some files changed."""
        word, own, other = secrets.token_hex(16), secrets.token_hex(8), secrets.token_hex(8)
        beside, tests = f"test_{own}.py::test_{own}", [*self.tests, f"test_{own}.py::test_{own}"]
        files = files | {
            f"test_{own}.py": f"def test_{own}():\n    assert {own!r} == {(own if holds else other)!r}\n".encode()
        }
        job = _job(self.tree, "judge", tests, self.limits, stdin=word.encode() + b"\n", files=files, guarded=guarded)
        seen = self.sandbox.run(job)
        passed, finished = frozenset[str](), False
        for line in seen.stdout.splitlines():
            if line.startswith(word.encode() + b" "):
                with contextlib.suppress(ValueError):
                    passed, finished = frozenset(map(str, json.loads(line.partition(b" ")[2]))), True
        said = "" if seen.exit_code == _LOOKED else _reason(seen.stdout)
        return _Run(
            passed=passed,
            finished=finished,
            beside=beside,
            ended_well=seen.exit_code == 0,
            timed_out=seen.timed_out,
            looked=seen.exit_code == _LOOKED,
            said=said or _last_line(seen.stderr) or f"exit {seen.exit_code}",
            tier=seen.tier,
        )


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What was seen of one run of the tests."""

    passed: frozenset[str]
    finished: bool
    """Whether pytest came to its end."""
    beside: str
    """The test of ours."""
    ended_well: bool
    timed_out: bool
    looked: bool
    said: str
    """Why it did not end well, in a line."""
    tier: str


@dataclass(frozen=True, kw_only=True)
class _Layers:
    """What a file of a tree, as it is there, lets its tests be controlled by."""

    guarded: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    """Test files with other expectations."""
    changed: tuple[str, ...] = ()
    """Tests that fail with them."""

    @classmethod
    def of(cls, check: RepositoryTests, path: str) -> _Layers:
        """Found out once for the tests of a file."""
        key = (str(check.tree), check.tests, path, id(check.sandbox))
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
        files, changed = {}, []
        for name in dict.fromkeys(test.partition("::")[0] for test in check.tests):
            places: dict[tuple[str, ...], list[str]] = {}
            for test in check.tests:
                if test.partition("::")[0] == name:
                    places.setdefault(_place(test), []).append(test)
            if name == path or () in places:
                continue  # doctests: what is expected stands in the file itself
            with contextlib.suppress(OSError, UnicodeDecodeError):
                source = (check.tree / name).read_text("utf-8")
                text, found = expectations.change(source, places, random.Random(secrets.token_bytes(8)))
                files[name] = text.encode("utf-8")
                changed += [test for place in found for test in places[place]]
        run = check._run(files, guarded=path)
        guarded = not run.looked
        if not guarded:
            run = check._run(files)
        changed = [test for test in changed if run.finished and test not in run.passed]
        return cls(guarded=guarded, files=files if changed else {}, changed=tuple(changed))


def _place(test: str) -> tuple[str, ...]:
    """The classes and the function of a pytest node id; empty for a doctest."""
    plain = re.sub(r"\[.*", "", test, flags=re.DOTALL).split("::")[1:]
    return tuple(plain) if all(map(str.isidentifier, plain)) else ()


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
