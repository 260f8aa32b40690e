"""Exceptions that one process raises and another is told of: class, arguments and message. Nothing is imported for them."""

from __future__ import annotations

import os
import sys

from yunque.checks.inside.codec import MAX_MESSAGE

_OF_TESTS = {"unittest", "doctest", "bdb", "pdb"}


class Tree:
    """What both processes have beside Python's own modules."""

    folder = ""
    """The folder whose modules both import; empty: there is none."""


def raised_here(raised, arguments):
    """The exception that a process says it raised: of Python's own class, or below the nearest that is known here.

    Nothing is imported for it: what a test catches, the test has imported.
    """
    name, bases, details = str(raised[0]), raised[1], raised[2]
    own = Exception
    for module, base in bases:
        result = getattr(sys.modules.get(module), base, None) if _is_of_both(module) else None
        if isinstance(result, type) and issubclass(result, Exception) and _is_the_real(result):
            own = result
            break
    if name == own.__name__ and details is None:
        kind = own
    else:
        kind = type(name, (own,), {} if details is None else {"__str__": lambda _, text=str(details): text})
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    return error


def outcome_of(act):
    """What an act gave: its kind, a value, and what was raised."""
    try:
        return "=", act(), ""
    except Exception as error:
        kind = type(error)
        bases = [item for item in kind.__mro__ if _is_of_both(item.__module__) and _is_the_real(item)]
        own = bases[0]
        name = kind.__name__ if kind is own or kind.__name__ != own.__name__ else f"{kind.__name__} of the program"
        details = None if kind.__str__ is own.__str__ else _said(error)
        return "!", error.args, [name, [[base.__module__, base.__qualname__] for base in bases], details]
    except BaseException as error:
        return "x", None, f"the program left ({type(error).__name__})"


def _said(error):
    """What an exception with a ``__str__`` of its own says."""
    try:
        return str(error)[:MAX_MESSAGE]
    except Exception as trouble:
        return f"({type(trouble).__name__})"


def _is_of_both(module):
    """Whether both processes have a module: one of Python's own, or of the tree, but for what was taken away (tests).

    Not those whose exceptions mean something to what runs tests: unittest takes one for a test that is over, and well.
    """
    package = module.partition(".")[0]
    if package in sys.stdlib_module_names:
        return package not in _OF_TESTS
    path = getattr(sys.modules.get(module), "__file__", None) or ""
    return bool(Tree.folder) and path.startswith(Tree.folder) and os.path.exists(path)


def _is_the_real(kind):
    """Whether a class is what its module has under its name, and not one of the program's that says so."""
    return getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is kind
