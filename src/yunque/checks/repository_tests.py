"""Judge a file by the tests of the repository it belongs to, in the sandbox.

Covered: pytest and unittest tests and doctests, found by pytest; a verdict needs exit status 0 *and* a random word printed
after the last test, with the right number of passes; time-outs are told apart from failures.
Not covered: the word is in the candidate's process (see ``pytest_probe``), so every verdict says ``in-process``; tests that
need packages which are not installed (they fail with the original code too, and make no task).
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yunque.core.nouns import Finding, Job, Limits, Outcome, Record, Verdict
from yunque.core.seams import Sandbox
from yunque.sandbox.jobs import installed

PROBE = Path(__file__).with_name("pytest_probe.py")
CONFIG = "yunque-pytest.ini"


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
        word = secrets.token_hex(16)
        job = _job(
            self.tree,
            "judge",
            ["-x", *self.tests],
            self.limits,
            stdin=word.encode() + b"\n",
            files={record.origin.path: record.text.encode()},
        )
        seen = self.sandbox.run(job)
        passed = seen.exit_code == 0 and f"{word} {len(self.tests)}".encode() in seen.stdout.splitlines()
        if passed:
            outcome, detail = Outcome.PASS, f"{len(self.tests)} tests pass (in-process)"
        elif seen.timed_out:
            outcome, detail = Outcome.FAIL, "timeout"
        else:
            outcome, detail = Outcome.FAIL, _reason(seen.stdout) or _last_line(seen.stderr) or f"exit {seen.exit_code}"
        findings = () if passed else (Finding(rule=f"{self.name}/{outcome}", message=detail),)
        took_ms = 1000 * (time.perf_counter() - started)
        return Verdict(
            check=self.name,
            outcome=outcome,
            score=float(passed),
            findings=findings,
            took_ms=took_ms,
            detail=f"{detail} [{seen.tier}]",
        )


def _job(
    tree: Path,
    mode: str,
    arguments: list[str],
    limits: Limits,
    *,
    stdin: bytes = b"",
    files: dict[str, bytes] | None = None,
    collect: tuple[str, ...] = (),
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
        env={"PYTHONPATH": ".:src:lib", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "YUNQUE_PROBE": mode},
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
