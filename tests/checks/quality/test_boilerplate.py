"""Boilerplate: templates in many tongues fail; what is only a habit is a note."""

from __future__ import annotations

import pytest

from yunque.checks.canaries import canary
from yunque.checks.quality.boilerplate import Boilerplate
from yunque.core.nouns import Outcome


def judge(check, text, language="python"):
    return check.judge(canary(text, language).record)


def cut(verdict, text):
    data = text.encode()
    return [data[slice(*one.span_bytes)].decode() for one in verdict.findings]


@pytest.mark.parametrize(
    "text",
    ["TODO Auto-generated" + " method stub", "Créé par A le 3/4/2020", "TODO 自动生成的方法存根", "Escribe tu código aquí"],
)
def test_templates(text):
    code = f"class A {{\n  // {text}\n}}\n"
    verdict = judge(Boilerplate(), code, "java")
    assert verdict.outcome is Outcome.FAIL and cut(verdict, code) == [f"// {text}"]
    assert judge(Boilerplate(max_templates=1), code, "java").outcome is Outcome.PASS


def test_notes_do_not_fail():
    verdict = judge(Boilerplate(), "# -*- coding: utf-8 -*-\n# -----------------\nx = 1\n# vim: ts=4\n")
    assert {one.rule for one in verdict.findings} == {"encoding", "ruler", "modeline"} and verdict.outcome is Outcome.PASS
