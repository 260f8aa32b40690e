"""Comments: exact places, real notices and real code, and no prose."""

from __future__ import annotations

import pytest

from yunque.checks.comments import Boilerplate, CommentedOutCode, LicenceHeader, scan
from yunque.checks.trust import canary
from yunque.core.nouns import Outcome


def judge(check, text, language="python"):
    return check.judge(canary(text, language).record)


def cut(verdict, text):
    data = text.encode()
    return [data[slice(*one.span_bytes)].decode() for one in verdict.findings]


def test_scan_tells_strings_from_comments():
    text = 'x = \'# no\'  # yes\ny = """\n# no\n"""\n'
    found = scan(text, "python")
    assert [text[a:b] for a, b in found.comments] == ["# yes"]
    assert found.code.count("\n") == text.count("\n") and found.num_strings == 2
    script = 'a = /["/*]/; // yes\nb = `// no`; /* yes */ c = "// no"\n'
    assert [script[a:b] for a, b in scan(script, "javascript").comments] == ["// yes", "/* yes */"]


def test_licence_header_is_exact():
    notice = "# Copyright (c) 2020 José\n# Licensed under the MIT License"
    text = f"#!/usr/bin/env python\n# ¿Qué?\n#\n{notice}\n#\n# Sorts ñ names.\nimport os\n"
    verdict = judge(LicenceHeader(), text)
    assert cut(verdict, text) == [notice] and verdict.findings[0].line == 4
    block = "/*\n * Copyright 2020 A\n */\nint a;\n"
    assert cut(judge(LicenceHeader(), block, "c"), block) == ["/*\n * Copyright 2020 A\n */"]


@pytest.mark.parametrize(
    "text",
    [
        '"""Copyright (c) 2020 A. Licensed under the MIT License."""\nx = 1\n',
        "# The licence of a file, and who holds the copyright of it.\nx = 1\n",
        "import os\n# Copyright (c) 2020 A\n",
        "",
    ],
)
def test_no_licence_header(text):
    assert judge(LicenceHeader(), text).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "code", ["y = f(2)", "import os", "if a:\n#     b(a)", "print('a')", "return a + b", "else:\n#     c = 1", "for a in b:"]
)
def test_commented_out_python(code):
    text = f"x = 'ñ'\n# {code}\nz = 1\n"
    assert cut(judge(CommentedOutCode(), text), text) == [f"# {code}"]


@pytest.mark.parametrize(
    "prose",
    [
        *(
            "see foo",
            "x = 3 means that it is off",
            "foo()",
            "note: this",
            "return the sum",
            "TODO: mend",
            "if it fails, try again:",
        ),
        *(
            "type: ignore",
            "noqa",
            "a, b and c",
            "pylint: disable=all",
            "http://a.b/c",
            "for example:\n#     f(a, b)",
            "",
            "-----",
        ),
    ],
)
def test_prose_is_no_code(prose):
    assert judge(CommentedOutCode(), f"x = 1\n# {prose}\nz = 1\n").outcome is Outcome.PASS


def test_commented_out_in_other_languages():
    text = "int a;\n// int b = f(a);\n// see int; it is a type\n/** f(a); */\n/* g(a); */\n"
    assert cut(judge(CommentedOutCode(), text, "c"), text) == ["// int b = f(a);", "/* g(a); */"]
    assert judge(CommentedOutCode(), "x", "cobol").outcome is Outcome.SKIP


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
