"""A pytest plug-in that runs *inside* the sandbox; copied there as a file, so it imports nothing of ours.

Three modes, chosen by ``YUNQUE_PROBE``:

* ``reach``: write ``reach.json``: for every test its outcome, its seconds and the functions of the tree that it called; and
  how many tests are left where the time is over.
* ``judge``: read a random word from standard input before any code of the repository runs, and print it at the very end,
  with the tests that passed, those that failed, and what the hook saw. Before that, an audit hook is set, which nothing can
  remove: the run ends with an exit status of its own when the file under test (``YUNQUE_CANDIDATE``; empty: no hook) looks
  at frames, code objects or the heap, runs programs or code made at run time, or opens files of tests or git's objects,
  itself or by the standard library.
* ``apart``: the same, but the file under test is in another process (`pytest_separate_process`), and there is no hook.

For the last two, a second line of standard input says which tests are wanted (by their ids, or by which of a test's
parameters they are), what the hook may see, and what is elsewhere.

What ``judge`` prints comes from inside the candidate's process: `repository_tests` says what else is demanded.
"""

import _posixsubprocess
import collections
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

MODE = os.environ.get("YUNQUE_PROBE", "")
ROOT = os.getcwd() + os.sep
_EVENTS = {
    "sys._getframe", "sys._current_frames", "sys._current_exceptions", "sys.settrace", "sys.setprofile", "sys.addaudithook",
    "gc.get_objects", "gc.get_referrers", "gc.get_referents", "code.__new__", "compile", "exec", "subprocess.Popen",
    "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.kill", "os.link", "os.rename", "marshal.loads",
    "open", "import", "object.__getattr__", "object.__setattr__", "function.__new__", "cpython.PyInterpreterState_New",
    "yunque.fork_exec",
}  # fmt: skip
_ATTRIBUTES = {
    "__code__", "f_code", "f_locals", "f_globals", "tb_frame", "tb_next", "gi_frame", "gi_code", "cr_frame", "cr_code",
    "ag_frame", "ag_code", "__globals__", "__closure__",
}  # fmt: skip
_MACHINERY = {"pytest", "_pytest", "pluggy", "yunque_probe", "ctypes", "_ctypes", "unittest", "readline"}
_HONEST = {
    "sys._getframe": {"collections.namedtuple", "enum._create_", "typing._caller", "logging.findCaller <lambda>",
                      "logging.findCaller currentframe"},
    "code.__new__": {"types.coroutine"},
    "compile": {"ast.parse", "collections.namedtuple", "dataclasses._create_fn", "typing.__init__"},
    "exec": {"collections.namedtuple", "dataclasses._create_fn", "typing._evaluate"},
    "__code__": {"inspect._signature_from_function", "types.coroutine"},
    "f_code": {"logging._is_internal_frame", "logging.findCaller", "traceback._extract_from_extended_frame_gen",
               "traceback._walk_tb_with_full_positions"},
    "tb_frame": {"traceback._walk_tb_with_full_positions", "traceback.walk_tb"},
    "cr_code": {"asyncio._format_coroutine"},
    "cr_frame": {"asyncio._format_coroutine"},
}  # fmt: skip
"""Functions of the standard library that look around, or make code, for their own sake and hand nothing of it out."""


def _looks_like_tests(path):
    """Whether a file of the tree is one of tests by its name, or by its folder's."""
    *folders, name = path.split("/")
    named = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    return name.endswith(".py") and (named or not {"test", "tests"}.isdisjoint(folders))


def _audit_forks():
    """Let the start of a program raise an event: it raises none of its own."""
    start_program = _posixsubprocess.fork_exec

    def fork_exec(*args):
        sys.audit("yunque.fork_exec")
        return start_program(*args)

    for module in (subprocess, _posixsubprocess):
        for name, value in list(vars(module).items()):
            if value is start_program:
                setattr(module, name, fork_exec)


def _paths_of_tests(candidate, tests):
    """A function: which test's file a path is, or that it is one of other tests, or of git's; empty for all else.

    ``tests``: the name of each by its path. What the function uses it holds itself, out of a program's reach.
    """
    realpath, fspath, fsdecode, git = os.path.realpath, os.fspath, os.fsdecode, os.sep + ".git" + os.sep
    basename, isabs = os.path.basename, os.path.isabs
    names = {basename(path): name for path, name in tests.items()}

    def is_of_tests(path):
        if not isinstance(path, str | bytes | os.PathLike):
            return ""
        path = fsdecode(fspath(path))
        name = names.get(basename(path)) if not isabs(path) else None  # below whatever folder
        path = realpath(path)
        others = path.startswith(ROOT) and path != candidate and _looks_like_tests(path[len(ROOT) :])
        return tests.get(path) or name or (path if others or git in path else "")

    return is_of_tests


def _questions(is_of_tests):
    """A function: what an event is about, when it is one that the candidate may not cause; empty otherwise."""

    def asks(event, args):
        if event.startswith("object.__"):
            return args[1] if args[1] in _ATTRIBUTES else ""
        if event in ("open", "os.link", "os.rename"):
            return is_of_tests(args[0])
        if event == "import":
            return args[0] if args[0].partition(".")[0] in _MACHINERY else ""
        return event

    return asks


def _places(tests):
    """A function: what of the standard library a code object is of, else its file, and whether it is Python's own."""
    library = os.path.dirname(os.__file__) + os.sep

    def place(code):
        name = code.co_filename
        if name.startswith(library) and "site-packages" not in name:
            return f"{name[len(library) :].partition(os.sep)[0].removesuffix('.py')}.{code.co_name}", True
        return tests.get(name, name), name.startswith("<")

    return place


def _watch(candidate, tests, known, status):
    """Set the audit hook for a file; returns what was caused behind its back so far. ``status``: of a run that it ends.

    An event that nobody's code but Python's own and this file's is behind is the file's. What anything else is behind, a
    test or pytest, must be ``known`` from a run of the original file (None: that is this run): a program can leave something
    behind that is called by them.
    """
    busy, own = set(), threading.get_ident
    frame_at, leave, write = sys._getframe, os._exit, os.write
    errors, seen = os.dup(2), set()
    known = None if known is None else set(known)
    tests = {os.path.realpath(path): f"test {index}" for index, path in enumerate(tests)}
    asks, place = _questions(_paths_of_tests(candidate, tests)), _places(tests)
    _audit_forks()

    def ended(event, what):
        write(errors, f"\nyunque: the program looks at what it is judged by ({event}: {what})\n".encode())
        leave(status)

    def hook(event, args):
        if event not in _EVENTS and not event.startswith("ctypes."):
            return
        thread = own()
        if thread in busy:
            return
        busy.add(thread)
        try:
            what = asks(event, args)
            if not what:
                return
            frame = frame_at(1)
            first, _ = place(frame.f_code)
            if first.startswith("<frozen importlib") and event != "open":
                return  # what imports
            line, function = frame.f_lineno, frame.f_code.co_name
            second = place(frame.f_back.f_code)[0] if frame.f_back else ""
            while frame is not None:
                where, pythons = place(frame.f_code)
                if where == candidate:
                    break
                if not pythons:
                    key = f"{event} {what} {first} {line}"
                    seen.add(key)
                    if known is not None and key not in known:
                        ended(event, what)
                    return
                frame = frame.f_back
            if not {first, f"{second} {function}"} & _HONEST.get(what, set()):
                ended(event, what)
        finally:
            busy.discard(thread)

    sys.addaudithook(hook)
    return seen


def _closing():
    """What ends a judged run; takes both streams now, since later they belong to pytest's capture."""
    word, output = sys.stdin.readline().strip(), os.dup(1)
    return lambda *seen: os.write(output, f"\n{word} {json.dumps(seen)}\n".encode())


def _cause(report):
    """The error of a report in one line."""
    lines = str(report.longrepr).splitlines()
    details = [line[1:].strip() for line in lines if line.startswith("E ")] or lines[-1:]
    errors = [line for line in details if re.match(r"[A-Za-z_.]{1,80}(?:Error|Exception|Exit)\b", line)]
    return (errors or details or ["no reason given"])[-1][:200]


class _Late(BaseException):
    """A test takes too long."""


MOST_ROWS = 30
"""Of the parameters of one test so many are tried: a few libraries have ten thousand."""


class Reach:
    """Which functions each test calls, and whether it passes; one that takes too long does not.

    ``most_s``: of one test, seconds; ``all_s``: of all, after which no other is begun.
    """

    def __init__(self, most_s, all_s):
        self.calls, self.passed, self.failed, self.most_s = {}, set(), set(), most_s
        self.unread, self.failures = {}, collections.Counter()
        self.until, self.left = time.monotonic() + all_s, 0
        signal.signal(signal.SIGALRM, self._late)

    def pytest_collection_modifyitems(self, items):
        """Leave out rows of parameters beyond the first ones."""
        rows = collections.Counter()

        def is_wanted(item):
            whole = item.nodeid.partition("[")[0]
            rows[whole] += 1
            return rows[whole] <= MOST_ROWS

        items[:] = [item for item in items if is_wanted(item)]
        self.left = len(items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item, nextitem):
        """Begin no other test when the time is over."""
        try:
            return (yield)
        finally:
            self.left -= 1
            if time.monotonic() > self.until:
                item.session.shouldstop = "out of time"

    def _late(self, *_):
        raise _Late(f"took over {self.most_s:g} s")

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector):
        """A module that leaves when it is imported costs itself alone, not the whole run."""
        try:
            return (yield)
        except SystemExit as leaving:
            return pytest.CollectReport(collector.nodeid, "failed", f"SystemExit: {leaving}", [])

    def pytest_collectreport(self, report):
        """Note why a file of tests could not be read."""
        if report.failed:
            self.unread[report.nodeid] = _cause(report)

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
        signal.setitimer(signal.ITIMER_REAL, self.most_s, 1.0)  # again, should the test catch it
        try:
            return (yield)
        except _Late as error:
            raise TimeoutError(str(error)) from None  # the test's failure, not the end of the run
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            sys.settrace(previous)
            self.calls[item.nodeid] = {"took_s": time.perf_counter() - started, "reached": sorted(seen)}

    def pytest_runtest_logreport(self, report):
        """Believe pytest's reports, one a subtest: an exception in a unittest never reaches the hook above."""
        if report.when == "call":
            (self.passed if report.passed else self.failed).add(report.nodeid)
        if report.failed:
            self.failures[_cause(report)] += 1

    def pytest_sessionfinish(self):
        """Leave what was seen in the scratch folder."""
        rows = [{"test": test, "passed": test in self.passed - self.failed, **call} for test, call in self.calls.items()]
        with open(ROOT + "reach.json", "w") as file:
            order = {"unread": self.unread, "failures": self.failures.most_common(1)}
            json.dump({"left": self.left, "tests": rows, **order}, file)


class soft:
    """Notes whether what stands in it fails, for the line that it is told; the test goes on and fails at its end."""

    notes, errors = {}, []
    """Of the test that runs: for each line how often it failed and how often not; what was raised."""

    def __init__(self, line):
        self.line = line

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        fails = kind is not None
        if fails and not issubclass(kind, (Exception, pytest.fail.Exception)):
            return False
        _note(self.line, fails)
        if fails:
            soft.errors.append(error)
        return fails


def _note(line, fails):
    soft.notes.setdefault(line, [0, 0])[not fails] += 1


class Judge:
    """Whether every test passed; the word is in no module's namespace, though a candidate that digs can find it."""

    def __init__(self, closing, order, seen=()):
        self.passed, self.failed, self.rows, self.__closing, self.__seen = set(), set(), {}, closing, seen
        self.places = {}
        self.__tests, self.__rows = set(order["tests"]), order["rows"]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items):
        """Leave out what was not asked for: the command line names tests without their parameters, in every run."""
        met = collections.Counter()
        for item in list(items):
            whole = item.nodeid.partition("[")[0]
            row, met[whole] = met[whole], met[whole] + 1
            if row in self.__rows[whole] if whole in self.__rows else item.nodeid in self.__tests:
                self.rows[item.nodeid] = [whole, row]
            else:
                items.remove(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        """Note how each comparison of a test went, and fail with the first that did not hold."""
        soft.notes, soft.errors = self.places.setdefault(item.nodeid.partition("[")[0], {}), []
        examples = [example.lineno for example in item.dtest.examples] if hasattr(item, "dtest") else []
        wrong = set()
        try:
            result = yield
        except Exception as error:
            wrong = {item.example.lineno for item in getattr(error, "failures", None) or ()}
            raise
        finally:
            for line in examples:
                _note(line, line in wrong)
        if soft.errors:
            raise soft.errors[0]
        return result

    def pytest_runtest_logreport(self, report):
        """Note tests whose body passed or failed, each once however many subtests it has."""
        if report.when == "call" and report.outcome in ("passed", "failed"):
            (self.passed if report.passed else self.failed).add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self):
        """Print the word, the tests that passed and failed, what the hook saw, the rows, and how each place went."""
        places = [[test, line, *counts] for test, lines in self.places.items() for line, counts in lines.items()]
        self.__closing(sorted(self.passed), sorted(self.failed), sorted(self.__seen), list(self.rows.values()), places)


def _plugins():
    """What the wanted mode takes; made before any code of the repository runs, its conftest.py included."""
    if MODE == "reach":
        return [Reach(*map(float, os.environ["YUNQUE_REACH_S"].split()))]
    if MODE == "apart":
        from yunque_apart import Apart

        apart = Apart(_looks_like_tests)  # first: the other process knows nothing yet
        closing, order = _closing(), json.loads(sys.stdin.readline())
        apart.prepare(order)
        return [Judge(closing, order), apart]
    if MODE == "judge":
        closing, order = _closing(), json.loads(sys.stdin.readline())
        candidate, seen = os.environ.pop("YUNQUE_CANDIDATE", ""), set()
        if candidate:
            files = dict.fromkeys(ROOT + test.partition("::")[0] for test in sys.argv if "::" in test)
            seen = _watch(ROOT + candidate, files, order["known"], order["looked"])
        return [Judge(closing, order, seen)]
    return []


PLUGINS = _plugins()


def pytest_configure(config):
    """Put the wanted mode to work, and forget it here."""
    while PLUGINS:
        config.pluginmanager.register(PLUGINS.pop(0))
