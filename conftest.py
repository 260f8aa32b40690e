"""A skipped test is visible, and fails the run unless its reason is on the list of allowed ones.

A line that begins with ``CI!`` names a reason that is not allowed where the variable CI is set. On several processes the
reports of all of them reach the first one, which alone has a terminal and alone decides.
"""

import os
from pathlib import Path

import pytest

ALLOWED = Path(__file__).with_name("tests") / "allowed_skips.txt"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a worker of pytest-xdist
        return
    lines = [line.strip() for line in ALLOWED.read_text().splitlines() if line.strip() and not line.startswith("#")]
    barred = [line.removeprefix("CI! ") for line in lines if line.startswith("CI! ")] if os.environ.get("CI") else []
    allowed = [line for line in lines if not line.startswith("CI! ")]
    unknown = sorted({reason for reason in _reasons(reporter) if not _is_allowed(reason, allowed, barred)})
    for reason in unknown:
        reporter.write_line(f"skip that is not in tests/allowed_skips.txt: {reason}", red=True)
    if unknown and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_allowed(reason: str, allowed: list[str], barred: list[str]) -> bool:
    return any(piece in reason for piece in allowed) and not any(piece in reason for piece in barred)


def _reasons(reporter: object) -> list[str]:
    skipped = reporter.stats.get("skipped", []) + reporter.stats.get("xfailed", [])
    return [str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr) for report in skipped]
