"""`yunque complete`: where its prompts come from."""

from __future__ import annotations

import io

import pytest

from yunque.cli.views.completions import _prompts


@pytest.mark.parametrize(
    ("given", "typed", "prompts"),
    [
        ("def f():\\n    ", "", ["def f():\n    "]),
        ("-", "def f():\n\n    x\n", ["def f():\n\n    x\n"]),
        ("", "def f():\n    \ndef g():\n    x = 1\n\n\n", ["def f():", "def g():\n    x = 1"]),
        ("", "x = 1\ny =", ["x = 1\ny ="]),
        ("", "", []),
    ],
)
def test_prompts_are_given_piped_or_typed_one_by_one(monkeypatch, given, typed, prompts):
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert list(_prompts(given)) == prompts
