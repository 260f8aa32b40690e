"""Obsolete code: proof and not only words; code of today and code for two versions stays."""

from __future__ import annotations

import importlib
import re
import sys

import pytest

from yunque.checks.canaries import canary
from yunque.checks.deprecation.obsolete import ObsoleteApi, Python2
from yunque.checks.deprecation.obsolete_apis import APIS
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


def test_removed_modules_are_gone_from_the_python_that_removed_them():
    told = {}
    for api in APIS["python"]:
        if found := re.match(r"the module '(\w+)' was removed in Python (\d+)\.(\d+)", api.says):
            told[found[1]] = (int(found[2]), int(found[3]))
    assert len(told) > 50
    wrong = {name: at for name, at in told.items() if (name in sys.stdlib_module_names) != (sys.version_info < at)}
    assert wrong == {}


@pytest.mark.parametrize(
    ("place", "names", "version"),
    [
        ("inspect", "getargspec formatargspec", (3, 11)),
        ("inspect", "getmoduleinfo", (3, 6)),
        ("asyncio", "coroutine", (3, 11)),
        ("time", "clock", (3, 8)),
        ("platform", "linux_distribution dist popen", (3, 8)),
        ("base64", "encodestring decodestring", (3, 9)),
        ("fractions", "gcd", (3, 9)),
        ("ssl", "wrap_socket match_hostname", (3, 12)),
        ("configparser", "SafeConfigParser", (3, 12)),
        ("configparser.RawConfigParser", "readfp", (3, 12)),
        ("importlib", "find_loader", (3, 12)),
        ("locale", "format", (3, 12)),
        ("unittest.TestCase", "assertEquals assertNotEquals assertRegexpMatches assertRaisesRegexp assert_", (3, 12)),
        ("unittest.TestCase", "failUnless failIf assertDictContainsSubset", (3, 12)),
        ("ast", "Num Str Bytes NameConstant", (3, 14)),
        ("collections", "Mapping Sequence Callable", (3, 10)),
        ("threading.Thread", "isAlive", (3, 9)),
        ("xml.etree.ElementTree.Element", "getchildren", (3, 9)),
    ],
)
def test_versions_of_removed_functions(place, names, version):
    path, _, inner = place.rpartition(".")
    holder = getattr(importlib.import_module(path), inner) if path and inner[0].isupper() else importlib.import_module(place)
    for name in names.split():
        says = [api.says for api in APIS["python"] if name in api.pattern]
        assert any(f"removed in Python {version[0]}.{version[1]}" in one for one in says), (name, says)
        if sys.version_info >= version:
            assert not hasattr(holder, name)
        elif version >= (3, 12):
            assert hasattr(holder, name)
