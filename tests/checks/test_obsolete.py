"""Obsolete code: proof and not only words; code of today and code for two versions stays."""

from __future__ import annotations

import pytest

from yunque.checks.obsolete import ObsoleteApi, Python2
from yunque.checks.trust import canary
from yunque.core.nouns import Outcome


def judge(check, text, language="python"):
    return check.judge(canary(text, language).record)


@pytest.mark.parametrize(
    "text",
    [
        "def f(:\n    x = 'print x'  # print x\n",
        "print(x)\nfor a in b\n    pass\n",
        "try:\n    unicode\nexcept NameError:\n    unicode = str\nfor k in d.iteritems():\n    print(k)\n",
        "",
        "x = 0\nraise E('a, b')\n",
    ],
)
def test_python_3_is_not_python_2(text):
    assert judge(Python2(), text).outcome is Outcome.PASS


def test_python_2_lines():
    verdict = judge(Python2(), '"""\nprint x\n"""\nimport os\nif a: print os\n')
    assert [(one.rule, one.line) for one in verdict.findings] == [("print-statement", 5)]
    assert verdict.values["parses"] == 0


@pytest.mark.parametrize(
    ("text", "language", "line"),
    [
        ("import os\nimport imp\n", "python", 2),
        ("import os, distutils.core\n", "python", 1),
        ("def t(self):\n    self.assertEquals(1, 1)\n", "python", 2),
        ("from collections import OrderedDict, Mapping\n", "python", 1),
        ("var a = new Buffer(3);\n", "javascript", 1),
    ],
)
def test_obsolete_apis(text, language, line):
    (finding,) = judge(ObsoleteApi(), text, language).findings
    assert finding.line == line and finding.severity == "warning"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "from .imp import a\n",
            "import important\n",
            "x = 'import imp'\n",
            "# import imp\n",
            "from collections import deque\n",
        ),
        "try:\n    import cPickle\nexcept ImportError:\n    import pickle\n",
    ],
)
def test_apis_of_today(text):
    assert judge(ObsoleteApi(), text).outcome is Outcome.PASS
