"""Licence headers: exact places, real notices, and no prose."""

from __future__ import annotations

import pytest

from yunque.checks.canaries import canary
from yunque.checks.licensing.headers import LicenceHeader
from yunque.core.nouns import Outcome


def judge(check, text, language="python"):
    return check.judge(canary(text, language).record)


def cut(verdict, text):
    data = text.encode()
    return [data[slice(*one.span_bytes)].decode() for one in verdict.findings]


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
