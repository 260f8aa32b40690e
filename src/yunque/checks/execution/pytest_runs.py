"""Runs of a repository's own tests in the sandbox, and what was seen of them from outside.

pytest runs on a copy of the tree, without the repository's pytest options and without foreign plug-ins; `pytest_probe`
beside it tells, behind a random word, which tests passed.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from yunque.checks.inside import separate_process
from yunque.core.nouns import Job, Limits
from yunque.core.seams import Sandbox
from yunque.sandbox.inside import kernel, seccomp
from yunque.sandbox.jobs import installed

INSIDE = Path(separate_process.__file__).parent
PROBE, APART = (INSIDE / name for name in ("pytest_probe.py", "pytest_separate_process.py"))
_PARTS = {
    f"{separate_process.__package__}.{name}": INSIDE / f"{name}.py"
    for name in ("codec", "decoder", "driver", "shared_objects", "exceptions", "separate_process")
}
_PARTS |= {module.__name__: Path(module.__file__) for module in (kernel, seccomp)}
CONFIG = "yunque-pytest.ini"
SUMMARY = "-rfE"
"""pytest's option that adds a line for each failed test."""
LOOKED = 93
"""Exit status of a run that the guard ended."""
ENDED = (LOOKED, separate_process.UNFIT, separate_process.UNPLAIN, separate_process.LEFT)
"""Exit statuses of a run that was ended for what the last line of its standard error says."""


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


def reach(tree: Path, sandbox: Sandbox, limits: Limits, *, test_s: float = 10.0, paths: Sequence[str] = (".",)) -> Reached:
    """Every test of a tree, or of some paths in it, with the functions it calls.

    A test that takes longer than ``test_s`` seconds, traced, fails; of its parameters the first 30 are tried. What was not
    begun when four fifths of the wall time are over is left out.
    """
    runner = PytestRunner(tree=tree, sandbox=sandbox, limits=limits)
    job = runner.job("reach", ["--continue-on-collection-errors", *paths], collect=("reach.json",))
    job = replace(job, env={**job.env, "YUNQUE_REACH_S": f"{test_s} {0.8 * limits.wall_s}"})
    seen = sandbox.run(job)
    if seen.timed_out:
        return Reached([], f"the tests took longer than {limits.wall_s:g} s")
    try:
        loads = json.loads(seen.files["reach.json"])
        reached = [
            TestReach(**{**row, "reached": tuple((str(p), int(n)) for p, n in row["reached"])}) for row in loads["tests"]
        ]
        left, failing = int(loads["left"]), _failing(reached, dict(loads["unread"]), list(loads["failures"]))
    except (KeyError, ValueError, TypeError):
        return Reached([], "pytest did not run: " + (_last_line(seen.stderr) or _last_line(seen.stdout) or "no output"))
    short = f"{left} of {left + len(reached)} tests were not begun in {limits.wall_s:g} s" if left else ""
    return Reached(reached, short, failing)


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


@dataclass(frozen=True, kw_only=True)
class TestRun:
    """What was seen of one run of the tests."""

    __test__ = False

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
    reason: str
    """Why it did not end well, in a line."""
    tier: str
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Test -> why it failed, in a line, as pytest wrote it; of a run that was asked to explain."""

    def passed_all(self, tests: Sequence[str]) -> bool:
        """Whether every test passed, and of ours the one that holds."""
        return self.came_to_end and self.passed == {*tests, self.holds} and self.failed == {self.fails}

    def passes_any(self, tests: Iterable[str]) -> bool:
        """Whether one of these passed, by whichever parameters."""
        return not set(map(without_parameters, tests)).isdisjoint(map(without_parameters, self.passed))

    def fails_all(self, tests: Iterable[str]) -> bool:
        """Whether each of these failed, by whichever parameters, and none passed by others."""
        return not self.passes_any(tests) and set(map(without_parameters, tests)) <= set(
            map(without_parameters, self.failed)
        )


def without_parameters(test: str) -> str:
    """The pytest node id of a test with all of its parameters: those of a changed test have other names."""
    path, colons, names = test.partition("::")
    return path + colons + names.partition("[")[0]


@dataclass(frozen=True, kw_only=True)
class PytestRunner:
    """pytest on some tests of a repository, in the sandbox."""

    tree: Path
    sandbox: Sandbox
    limits: Limits
    tests: tuple[str, ...] = ()
    """pytest node ids, relative to the tree."""

    def run(
        self,
        files: dict[str, bytes],
        *,
        guarded: str = "",
        known: Sequence[str] | None = None,
        rows: dict[str, list[int]] | None = None,
        elsewhere: dict[str, str] | None = None,
        explained: bool = False,
    ) -> TestRun:
        """The tests, one of ours that holds and one that does not, on the tree with some files changed.

        ``known``: what tests may cause under the guard, None to find that out. ``rows``: which parameters of tests are
        wanted; where a test is not in it, by its id. ``elsewhere``: the path and the text of the file whose definition is
        called in another process. ``explained``: with `TestRun.reasons`.
        """
        word, first, other = secrets.token_hex(16), secrets.token_hex(8), secrets.token_hex(8)
        own = {f"test_{name}.py::test_{name}": name for name in (first, other)}
        holds, fails = own
        order = {"tests": [*self.tests, *own], "rows": rows or {}, "known": known, "looked": LOOKED, **(elsewhere or {})}
        files = files | {
            f"test_{name}.py": f"def test_{name}():\n    assert {name!r} == {first!r}\n".encode() for name in own.values()
        }
        if elsewhere is not None:
            files |= {"yunque_apart.py": APART.read_bytes(), "yunque_parts.json": _parts()}
        mode = "judge" if elsewhere is None else "apart"
        job = self.job(
            mode,
            # Nothing of this is another in a control.
            [*[SUMMARY] * explained, *dict.fromkeys(map(without_parameters, self.tests)), *own],
            stdin=f"{word}\n{json.dumps(order)}\n".encode(),
            files=files,
            guarded=guarded,
        )
        seen = self.sandbox.run(job)
        details = "" if seen.exit_code in ENDED else _reason(seen.stdout)
        return TestRun(
            **_reported(seen.stdout, word),
            holds=holds,
            fails=fails,
            came_to_end=seen.exit_code == 1,  # as pytest does where a test failed
            timed_out=seen.timed_out,
            looked=seen.exit_code == LOOKED,
            reason=details or _last_line(seen.stderr) or f"exit {seen.exit_code}",
            tier=seen.tier,
            reasons=_reasons(seen.stdout) if explained else {},
        )

    def job(
        self,
        mode: str,
        arguments: list[str],
        *,
        stdin: bytes = b"",
        files: dict[str, bytes] | None = None,
        collect: tuple[str, ...] = (),
        guarded: str = "",
    ) -> Job:
        """Run pytest on a copy of the tree, without the repository's own pytest options and without foreign plug-ins."""
        options = [
            *(
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
            ),
            *("--doctest-modules", "--doctest-continue-on-failure"),
        ]
        return Job(
            argv=(sys.executable, "-m", "pytest", *options, *arguments),
            stdin=stdin,
            tree=str(self.tree),
            libraries=_libraries(self.tree),
            files={**(files or {}), "yunque_probe.py": PROBE.read_bytes(), CONFIG: b"[pytest]\n"},
            env={
                "PYTHONPATH": ".:src:lib",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "YUNQUE_PROBE": mode,
                "YUNQUE_CANDIDATE": guarded,
                **({"COLUMNS": "240"} if SUMMARY in arguments else {}),  # else reasons are cut at 80 characters
            },
            collect=collect,
            limits=self.limits,
        )


def _reported(stdout: bytes, word: str) -> dict:
    """What the probe wrote behind the word: tests that passed and failed, what they caused, parameters, what compared."""
    passed = failed = caused = frozenset[str]()
    met: dict[str, list[int]] = {}
    noted: dict[tuple[str, int], tuple[int, int]] = {}
    for line in stdout.splitlines():
        if line.startswith(word.encode() + b" "):
            with contextlib.suppress(ValueError, TypeError):
                *names, pairs, places = json.loads(line.partition(b" ")[2])
                passed, failed, caused = (frozenset(map(str, name)) for name in names)
                for whole, row in pairs:
                    met.setdefault(str(whole), []).append(int(row))
                noted = {(str(test), int(position)): (int(wrong), int(right)) for test, position, wrong, right in places}
    return {"passed": passed, "failed": failed, "caused": caused, "rows": met, "places": noted}


@functools.cache
def _parts() -> bytes:
    """The sources of what `pytest_separate_process` needs."""
    return json.dumps({name: path.read_text("utf-8") for name, path in _PARTS.items()}).encode()


@functools.lru_cache(16)
def _libraries(tree: Path) -> tuple[str, ...]:
    """pytest, and what of the installed packages the tree's own code imports."""
    result = {"pytest"}
    for path in tree.rglob("*.py"):
        with contextlib.suppress(OSError):
            result |= set(re.findall(r"^[ \t]*(?:import|from)[ \t]+(\w+)", path.read_text("utf-8", "replace"), re.MULTILINE))
    return installed(result - {path.name for path in tree.iterdir()} - sys.stdlib_module_names)


def _reasons(stdout: bytes) -> dict[str, str]:
    """Test -> why it failed, of pytest's summary; what the tests print can be among it."""
    lines = (line.partition(" - ") for line in stdout.decode("utf-8", "replace").splitlines())
    return {
        head.partition(" ")[2]: reason[:240]
        for head, _, reason in lines
        if reason and head.startswith(("FAILED ", "ERROR "))
    }


def _reason(stdout: bytes) -> str:
    """The first line of pytest's output that names an error."""
    for line in stdout.decode("utf-8", "replace").splitlines():
        if match := re.match(r"(?:E\s+|.*?:\d+: )(\w*(?:Error|Exception|Exit|Warning)\b.*)", line):
            return match.group(1)[:160]
    return _last_line(stdout)


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return re.sub(r" in \d+\.\d+s\b.*", "", lines[-1])[:160] if lines else ""
