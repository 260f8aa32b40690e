"""A pytest plug-in that runs *inside* the sandbox; copied there as a file, so it imports nothing of ours.

Two modes, chosen by ``YUNQUE_PROBE``:

* ``reach``: write ``reach.json``: for every test its outcome, its seconds and the functions of the tree that it called.
* ``judge``: read a random word from standard input before any code of the repository runs, and print it at the very end,
  with the number of tests that passed, if and only if every test that was asked for ran and passed.

What it prints comes from inside the candidate's process: a candidate that walks frames could read the word. Verdicts made
with it are therefore labelled ``in-process``.
"""

import json
import os
import sys
import time

import pytest

MODE = os.environ.get("YUNQUE_PROBE", "")
ROOT = os.getcwd() + os.sep
# Taken while pytest loads its plug-ins: later both streams belong to its capture.
WORD = sys.stdin.readline().strip() if MODE == "judge" else ""
OUTPUT = os.dup(1)


class Reach:
    """Which functions each test calls."""

    def __init__(self):
        self.tests = []

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item):
        """Trace calls (not lines) while the test body runs."""
        seen = set()

        def trace(frame, event, _):
            code = frame.f_code
            if code.co_filename.startswith(ROOT):
                seen.add((code.co_filename[len(ROOT) :], code.co_firstlineno))

        started = time.perf_counter()
        previous = sys.gettrace()
        sys.settrace(trace)
        outcome = yield
        sys.settrace(previous)
        passed = outcome.excinfo is None
        took_s = time.perf_counter() - started
        self.tests.append({"test": item.nodeid, "passed": passed, "took_s": took_s, "reached": sorted(seen)})

    def pytest_sessionfinish(self):
        """Leave what was seen in the scratch folder."""
        with open(ROOT + "reach.json", "w") as file:
            json.dump(self.tests, file)


class Judge:
    """Whether every test passed."""

    def __init__(self):
        self.passed = 0

    def pytest_runtest_logreport(self, report):
        """Count tests whose body passed."""
        self.passed += report.when == "call" and report.passed

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus):
        """Print the word when pytest itself is content."""
        if exitstatus == 0:
            os.write(OUTPUT, f"\n{WORD} {self.passed}\n".encode())


def pytest_configure(config):
    """Put the wanted mode to work."""
    if MODE == "reach":
        config.pluginmanager.register(Reach())
    elif MODE == "judge":
        config.pluginmanager.register(Judge())
