"""A part of `pytest_probe`: a repository's tests here, the file under test in another process, plain values between.

Copied into the sandbox as a file, with ``yunque_parts.json`` beside it: the sources of all that `apart` takes, and `kernel`.

The other process is forked before anything of the tests is read, and from then on it only reads files, too. It starts when
every test has been imported here, and the tests' files are gone by then. The definition under test calls over to it; all
else of the repository is in both processes.

Covered: definitions that are called with plain values and functions, and answer with plain values and objects of their own
(`apart` says how they travel); exceptions of the repository's own classes.
Not covered: definitions that are called while the tests are imported, are asked for attributes, or share state with the
rest; files beside the tests that hold what they expect: the program can read those.
"""

import builtins
import functools
import glob
import importlib
import importlib.abc
import importlib.util
import json
import os
import shutil
import sys
import types
from typing import ClassVar

import _pytest.assertion.rewrite as rewrite
import pytest

ROOT = os.getcwd() + os.sep


def _load_parts():
    """The modules that `apart` is made of; their names are free again afterwards, should the tree have its own."""
    with open("yunque_parts.json") as file:
        sources = json.load(file)
    packages = {name.rsplit(".", levels)[0]: None for name in sources for levels in range(name.count("."), 0, -1)}
    kept = {name: sys.modules.get(name) for name in (*packages, *sources)}
    for name in packages:
        sys.modules[name] = types.ModuleType(name)
    for name, source in sources.items():
        module = sys.modules[name] = types.ModuleType(name)
        exec(compile(source, f"<{name}>", "exec", dont_inherit=True), module.__dict__)
    result = [sys.modules[name] for name in sources]
    for name, module in kept.items():
        sys.modules.pop(name)
        if module is not None:
            sys.modules[name] = module
    return result


*_, exceptions, apart, _, seccomp = _load_parts()


# --------------------------------------------------------------------------------------------------------------- the program
class _Loader(importlib.abc.SourceLoader):
    """Loads one file from a text."""

    def __init__(self, path, text):
        self.path, self.text = path, text

    def get_filename(self, _):
        return self.path

    def get_data(self, path):
        if path != self.path:
            raise FileNotFoundError(path)
        return self.text.encode("utf-8", "surrogatepass")


class _Finder(importlib.abc.MetaPathFinder):
    """Finds one module in a text."""

    def __init__(self, name, path, text):
        self.name, self.loader = name, _Loader(path, text)

    def find_spec(self, name, path=None, target=None):
        """Where the module is; None for any other."""
        if name != self.name:
            return None
        result = [os.path.dirname(self.loader.path)] if self.loader.path.endswith("/__init__.py") else None
        return importlib.util.spec_from_file_location(
            name, self.loader.path, loader=self.loader, submodule_search_locations=result
        )


def _start(order):
    """Import the module under test from its text, once nothing can be written: its namespace, and what was raised."""
    seccomp.forbid_changes()
    sys.path[:] = order["sys.path"]
    sys.meta_path.insert(0, _Finder(order["module"], order["path"], order["text"]))
    try:
        return importlib.import_module(order["module"]).__dict__, None
    except BaseException as error:
        return {}, error


# ---------------------------------------------------------------------------------------------------------------- the tests
class _Elsewhere(type):
    """The class of a class that is elsewhere: here are its names and its documentation alone."""

    ask: ClassVar = {}
    """How each is asked, by its name."""

    def __call__(cls, *args, **kwargs):
        return _Elsewhere.ask[cls.__name__](lambda remote: remote(*args, **kwargs))

    def __getattribute__(cls, name):
        if name.startswith("__") or not Apart.begun:  # pytest asks every object for names that none has
            return type.__getattribute__(cls, name)
        return _Elsewhere.ask[cls.__name__](lambda remote: getattr(remote, name))

    def __instancecheck__(cls, instance):
        apart.GUARDS["yunque isinstance"](instance, object)  # which ends the test where only the program knows
        return False


class Apart:
    """Has the tests of a run call over to the program. ``is_of_tests``: whether a path in the tree is one of tests."""

    begun = False
    """Whether the program runs."""

    def __init__(self, is_of_tests):
        self.is_of_tests = is_of_tests
        exceptions.Tree.folder, apart.Tester.errors = ROOT, os.dup(2)  # which pytest will take
        self.tester = apart.fork_program(_start)

    def prepare(self, order):
        """Before anything is imported: how the definition is called, and how tests are guarded.

        ``order``: the path and the text of the file, and the name that marks its definition.
        """
        self.order = order
        setattr(builtins, order["mark"], self.elsewhere)
        builtins.__dict__.update(apart.GUARDS)
        rewrite_asserts = rewrite.rewrite_asserts

        def guarded(tree, *rest):
            apart.guard(tree)
            rewrite_asserts(tree, *rest)

        rewrite.rewrite_asserts = guarded

    def elsewhere(self, definition):
        """What calls the definition of that name where the program is."""
        remote = self.tester.named(definition.__name__)

        def ask(act):
            if not Apart.begun:
                apart.stop(apart.UNFIT, "what is tested is used while the tests are imported")
            return act(remote)

        if isinstance(definition, type):
            _Elsewhere.ask[definition.__name__] = ask
            return _Elsewhere(definition.__name__, (), dict(definition.__dict__))
        code = (lambda *args, **kwargs: ask(lambda remote: remote(*args, **kwargs))).__code__
        forward = types.FunctionType(code, definition.__globals__, closure=(types.CellType(ask),))
        return functools.wraps(definition)(forward)  # with the globals of its module, or its doctests are not found

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session):
        """All tests are imported: take away what the program must not read, and let it start."""
        path = ROOT + self.order["path"]
        modules = [name for name, module in sys.modules.items() if getattr(module, "__file__", None) == path]
        if session.testsfailed:
            apart.stop(apart.UNFIT, "not every test can be imported")
        if len(modules) != 1:
            apart.stop(apart.UNFIT, f"the file under test is imported under {len(modules)} names")
        files = {str(item.path) for item in session.items if isinstance(item, pytest.Function)}
        sources = glob.glob(f"{ROOT}**/*.py", recursive=True, include_hidden=True)
        files |= {source for source in sources if self.is_of_tests(source[len(ROOT) :])}
        for file in files - {path}:
            os.unlink(file)
            if os.path.basename(file) == "__init__.py":  # which pytest imports once more
                open(file, "w").close()
        for folder in glob.glob(f"{ROOT}**/__pycache__", recursive=True, include_hidden=True):
            shutil.rmtree(folder)
        order = {"module": modules[0], "path": path, "text": self.order["text"], "sys.path": sys.path}
        self.tester.begin(order)
        Apart.begun = True
