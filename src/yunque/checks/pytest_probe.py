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


def _closing():
    """What ends a judged run; takes both streams now, since later they belong to pytest's capture."""
    word, output = sys.stdin.readline().strip(), os.dup(1)
    return lambda passed: os.write(output, f"\n{word} {passed}\n".encode())


class Reach:
    """Which functions each test calls, and whether it passes."""

    def __init__(self):
        self.calls, self.passed, self.failed = {}, set(), set()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector):
        """A module that leaves when it is imported costs itself alone, not the whole run."""
        try:
            return (yield)
        except SystemExit as leaving:
            return pytest.CollectReport(collector.nodeid, "failed", f"SystemExit: {leaving}", [])

    @pytest.hookimpl(wrapper=True)
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
        try:
            return (yield)
        finally:
            sys.settrace(previous)
            self.calls[item.nodeid] = {"took_s": time.perf_counter() - started, "reached": sorted(seen)}

    def pytest_runtest_logreport(self, report):
        """Believe pytest's reports, one a subtest: an exception in a unittest never reaches the hook above."""
        if report.when == "call":
            (self.passed if report.passed else self.failed).add(report.nodeid)

    def pytest_sessionfinish(self):
        """Leave what was seen in the scratch folder."""
        rows = [{"test": test, "passed": test in self.passed - self.failed, **call} for test, call in self.calls.items()]
        with open(ROOT + "reach.json", "w") as file:
            json.dump(rows, file)


class Judge:
    """Whether every test passed; the word is in no module's namespace, though a candidate that digs can find it."""

    def __init__(self, closing):
        self.passed, self.__closing = set(), closing

    def pytest_runtest_logreport(self, report):
        """Count tests whose body passed, each once however many subtests it has."""
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus):
        """Print the word when pytest itself is content."""
        if exitstatus == 0:
            self.__closing(len(self.passed))


PLUGIN = Judge(_closing()) if MODE == "judge" else Reach() if MODE == "reach" else None


def pytest_configure(config):
    """Put the wanted mode to work, and forget it here."""
    global PLUGIN
    if PLUGIN is not None:
        config.pluginmanager.register(PLUGIN)
        PLUGIN = None
