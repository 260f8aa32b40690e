"""Errors a user can cause are one line, whatever is put into them."""

import inspect
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunque.core import errors
from yunque.core.errors import RecipeError, SourceError, StoreError, TooSmallError, YunqueError

TREE = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, YunqueError)]


def test_what_where_and_what_to_do_in_that_order():
    error = StoreError("the disk is full", where=Path("out"), do="free some space")
    assert error.line() == str(error) == "out: the disk is full; free some space"
    assert (error.what, error.where, error.do) == ("the disk is full", "out", "free some space")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (YunqueError("a"), "a"),
        (YunqueError("a", where="w"), "w: a"),
        (YunqueError("a", do="d"), "a; d"),
        (YunqueError("a\n  b\tc", where="w\r\nx", do="\n"), "w x: a b c;"),
    ],
)
def test_parts_that_are_missing_leave_no_mark(error, line):
    assert error.line() == line


@given(st.text(), st.text(), st.text())
def test_the_line_is_one_line(what, where, do):
    assert len(YunqueError(what, where=where, do=do).line().splitlines()) <= 1


def test_every_error_is_in_the_tree_of_the_docstring():
    assert len(TREE) >= 8
    assert all(one.__name__ in errors.__doc__ for one in TREE)
    assert issubclass(TooSmallError, SourceError)
    assert not issubclass(RecipeError, SourceError)
