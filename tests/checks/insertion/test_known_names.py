"""Names that are known, and names that are not."""

import pytest

from yunque.checks.insertion.known_names import KnownNames
from yunque.core.nouns import Insertion, Outcome
from yunque.core.seams import InsertionCheck

FILE = '''import os
import json as j
from pathlib import Path


def load(folder, *, deep=False):
    """Read it."""
    lines = []
    |
    return lines
'''


def judged(code, text, language="python", whole=True):
    before, _, after = code.partition("|")
    insertion = Insertion(before=before, text=text, after=after, language=language, is_whole_file=whole)
    return KnownNames().judge_insertion(insertion)


def unknown(*arguments, **settings):
    return [finding.message.split("'")[1] for finding in judged(*arguments, **settings).findings]


def test_it_is_an_insertion_check():
    assert isinstance(KnownNames(), InsertionCheck)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("lines.append(Path(folder).name)", []),
        ("lines += [each.upper() for each in os.listdir(folder) if deep]", []),
        ("with open(folder, encoding='utf-8') as handle:\n        lines = handle.readlines()", []),
        ("lines.append(Paths(folder).name)", ["Paths"]),
        ("if (size := len(folder)) > 3 and sized:", ["sized"]),
        ("x, (y, *z) = folder\n    print(x, y, z, w)", ["w"]),
        ("def inner(a, b=1, *c, d: int = 2, **e) -> int:\n        return a + b + c + d + e + f", ["f"]),
        ("try:\n        pass\n    except OSError as error:\n        raise ValueError(error) from none", ["none"]),
        ("total = sum(map(lambda item: item.size, lines), start=zero)", ["zero"]),
        ("print(f'{folder!r} {missing}')", ["missing"]),
        ("match folder:\n        case [first, *rest]:\n            print(first, rest, last)", ["last"]),
        ("for index, (key, value) in enumerate(lines):\n        print(index, key, value, keys)", ["keys"]),
        ("lines.sort(key=len, wrong=True)", []),  # a keyword of somebody else's
        ("import re\n    re.sub('a', 'b', folder)", []),
    ],
)
def test_python(text, names):
    verdict = judged(FILE, text)
    assert unknown(FILE, text) == names
    assert verdict.outcome is (Outcome.FAIL if names else Outcome.PASS)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("os.pth.join(folder)", ["os.pth"]),
        ("os.path.join(folder)", []),
        ("j.dumb(lines)", ["json.dumb"]),
        ("j.dumps(lines)", []),
        ("from json import dumps, lods", ["json.lods"]),
        ("from collections import OrderedDict", []),
        ("from itertools import batched_up", ["itertools.batched_up"]),
        ("import math\n    math.hypotenuse(3)", ["math.hypotenuse"]),
        ("from xml.etree import ElementTree", []),
        ("import asyncio\n    asyncio.run(main=3)", []),
    ],
)
def test_the_standard_library_is_known_by_its_members(text, names):
    assert unknown(FILE, text) == names
    assert unknown(FILE, text, whole=False) == names, "in a window, too"


def test_in_a_window_and_with_a_star_import_an_unknown_name_is_a_note():
    verdict = judged(FILE, "helper(folder)", whole=False)
    assert verdict.outcome is Outcome.PASS and [finding.severity for finding in verdict.findings] == ["note"]
    starred = FILE.replace("import os", "from os import *")
    assert judged(starred, "helper(folder)").outcome is Outcome.PASS
    assert judged(FILE, "\n    helper(folder)").findings[0].line == 2


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("return items.map((item) => item.name);", []),
        ("const { a, b: [c] } = items; console.log(a, c, d);", ["d"]),
        ("for (const key of Object.keys(items)) { show(key); }", ["show"]),
        ("try { go(); } catch (error) { throw new Error(error); }", ["go"]),
        ("return { items, other };", ["other"]),
    ],
)
def test_javascript(text, names):
    code = "import fs from 'fs';\n\nfunction f(items) {\n  |\n}\n"
    assert unknown(code, text, "javascript") == names
    assert unknown(code.replace("items)", "items: string[])"), text, "typescript") == names


def test_other_languages_are_skipped():
    assert judged("|", "fmt.Println(x)", "go").outcome is Outcome.SKIP


def test_every_module_of_the_standard_library_has_what_it_says_it_has():
    import sys

    from yunque.checks.insertion.known_names import _exports

    num_known = 0
    modules = (
        "os json re math itertools functools collections pathlib typing subprocess ssl socket enum signal unittest logging"
    )
    for module in f"{modules} asyncio dataclasses datetime string".split():
        exported = _exports(module)
        if exported is not None:
            num_known += 1
            listed = getattr(__import__(module), "__all__", None) or dir(__import__(module))
            assert [name for name in listed if name not in exported] == [], module
    assert num_known >= 16 and "os" in sys.modules
