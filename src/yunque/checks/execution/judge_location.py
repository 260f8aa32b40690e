"""Whether a Python test can stand apart from the program: in a process of its own that calls it and sees what comes back.

What a test may do is read from its text alone, before any program is looked at.

Covered: every statement and expression of Python; the names that a test takes from the program are called, or their
attributes are; a module of the standard library that a test uses and does not import is imported for it. Not covered: tests
that look at the program otherwise. They take their judge location in its process, and the reason is named: names that begin
and end with two underscores; exceptions and base classes that the program defines; state that only one process has (standard
streams, environment, random seeds, patches); code made at run time.
"""

from __future__ import annotations

import ast
import builtins
import functools
import sys
from dataclasses import dataclass

from yunque.code.python_ast import parse_python

_ONE_PROCESS = frozenset((
    "stdout", "stderr", "stdin", "argv", "environ", "seed", "setstate", "setrecursionlimit", "redirect_stdout",
    "redirect_stderr", "chdir", "patch", "monkeypatch", "settrace", "setprofile", "set_int_max_str_digits", "setlocale",
    "getpid", "getppid", "getenv", "putenv", "get_ident",
    "modules", "f_globals", "f_locals", "f_back", "getcontext", "setcontext", "localcontext", "simplefilter",
))  # fmt: skip
"""Attributes that read or change what a process shares with nobody."""
_OWN_MODULES = frozenset((
    "unittest", "pytest", "inspect", "gc", "ctypes", "importlib", "mock", "warnings", "contextvars", "threading", "asyncio",
    "multiprocessing", "weakref", "pickle", "dis", "traceback", "logging",
))  # fmt: skip
"""Modules whose use looks into the process itself."""
_AT_RUN_TIME = frozenset((
    "exec", "eval", "compile", "globals", "locals", "vars", "dir", "__import__", "input", "callable", "help", "delattr",
    "getattr", "setattr", "hasattr", "super", "breakpoint", "id", "hash",
))  # fmt: skip
_ABOUT_KINDS = frozenset(("isinstance", "issubclass"))
_KINDS = _ABOUT_KINDS | {"type"}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a test needs to stand apart."""

    names: tuple[str, ...] = ()
    """What it takes from the program."""
    modules: tuple[str, ...] = ()
    """Modules that it uses without importing them."""
    why: str = ""
    """Why it cannot; empty when it can."""


@functools.lru_cache(512)
def standing(test: str, given: str = "", entry: str = "", functions: tuple[str, ...] = ()) -> Standing:
    """How a test stands to the program; ``given`` is the task's own code, whose names are the test's own (but ``entry``).

    ``functions``: the program's for certain, even where Python or its library has something of that name.
    """
    try:
        tree, own = parse_python(test), bound(parse_python(given)) - {entry}
    except (SyntaxError, ValueError) as error:
        return Standing(why=f"a test that does not parse ({error})"[:200])
    mine = bound(tree) | own
    free = {node.id: node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id not in mine - {*functions}}
    names = [name for name in free if name in functions or not hasattr(builtins, name)]
    modules = [name for name in names if name in sys.stdlib_module_names and name not in functions]
    program = frozenset(names) - frozenset(modules)
    whole = _Whole(program=program, asked=_asked(tree), errors=_errors(tree), imported=_imported(tree))
    for node in ast.walk(tree):
        if why := _why_not(node, whole):
            return Standing(why=f"line {getattr(node, 'lineno', 0)}: {why}")
    return Standing(names=tuple(sorted(program)), modules=tuple(sorted(modules)))


def bound(tree: ast.AST) -> set[str]:
    """Every name that code binds, in whatever scope."""
    results: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            results.add(node.id)
        elif isinstance(node, ast.arg):
            results.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            results.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            results |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            results.add(node.name)
    return results


@dataclass(frozen=True, kw_only=True)
class _Whole:
    """What a part of a test cannot tell of the rest."""

    program: frozenset[str]
    """Names of the program's."""
    asked: set[int]
    errors: set[str]
    imported: set[str]


def _asked(tree: ast.AST) -> set[int]:
    """The places at which a test names ``type`` and ``isinstance`` only to ask about the kind of one thing."""
    places: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            plain = not node.keywords and not any(isinstance(arg, ast.Starred) for arg in node.args)
            if plain and len(node.args) == (2 if node.func.id in _ABOUT_KINDS else 1):
                places.add(id(node.func))
            if node.func.id in _ABOUT_KINDS:
                places |= {id(item) for argument in node.args[1:] for item in ast.walk(argument)}
    return places


def _errors(tree: ast.AST) -> set[str]:
    """The names under which a test holds exceptions: only their arguments travel."""
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name}


def _imported(tree: ast.AST) -> set[str]:
    """The names under which a test holds modules, and what it takes from them."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return {(alias.asname or alias.name).partition(".")[0] for node in imports for alias in node.names}


def _why_not(node: ast.AST, whole: _Whole) -> str:
    """What about one part of a test keeps it from standing apart; empty when nothing does."""
    program = whole.program
    if isinstance(node, ast.Name) and node.id in _KINDS and id(node) not in whole.asked:
        return f"it uses {node.id} as a value"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id in whole.errors and node.attr != "args":
            return f"it looks at {node.attr} of an exception"
        if node.value.id in whole.imported and not isinstance(node.ctx, ast.Load):
            return "it changes a module"
    if isinstance(node, ast.Attribute):
        if node.attr.startswith("__"):
            return f"it looks at {node.attr}"
        if node.attr in _ONE_PROCESS:
            return f"it looks at {node.attr}, which every process has its own of"
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _AT_RUN_TIME | {"__name__"}:
        return f"it uses {node.id}"
    if isinstance(node, ast.Import | ast.ImportFrom):
        wanted = [node.module or "."] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        parts = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        for name in (*(item.partition(".")[0] for item in wanted), *parts):
            if name in _OWN_MODULES or name in _ONE_PROCESS or name == "*":
                return f"it imports {name}"
        if any(item.partition(".")[0] not in sys.stdlib_module_names for item in wanted):
            return f"it imports {wanted[0]}"
    if isinstance(node, ast.Compare) and len(node.ops) > 1 and any(isinstance(how, ast.Is | ast.IsNot) for how in node.ops):
        return "it compares identities in a chain"
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _ABOUT_KINDS
        and any(_names(argument) & program for argument in node.args[1:])
    ):
        return f"it asks {node.func.id} about what the program defines"
    if isinstance(node, ast.ExceptHandler) and node.type is not None and _names(node.type) & program:
        return "it catches an exception that the program defines"
    if isinstance(node, ast.ClassDef) and any(_names(base) & program for base in node.bases):
        return "it derives a class from one of the program's"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
        _names(item) & program for item in node.decorator_list
    ):
        return "it decorates with what the program defines"
    if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith):
        return "it is asynchronous"
    if isinstance(node, ast.MatchClass) and _names(node.cls) & program:
        return "it matches a class of the program's"
    if isinstance(node, ast.MatchSequence | ast.MatchMapping):
        return "it matches the shape of an answer"
    if isinstance(node, ast.Global):
        return "it declares a global name"
    return ""


def _names(node: ast.AST) -> set[str]:
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
