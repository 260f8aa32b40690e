"""What auto-clean changes, what it must not, and that the proof says no where a step would go wrong."""

import ast
import tokenize
from dataclasses import replace
from pathlib import Path

import pytest

from yunque.checks.canaries import canary
from yunque.checks.quality.commented_code import CommentedOutCode
from yunque.core.nouns import Finding, Outcome, Verdict, content_id
from yunque.data.screening import cleaning
from yunque.data.screening.cleaning import CleanRecipe, clean, clean_all, spans_to_cut

ALL = CleanRecipe(line_breaks=True, tabs=4)


def record(text, language="python", path="a.py"):
    return canary(text, language, path=path).record


def verdict(text, *pieces, check="noise"):
    """A check that found those pieces."""
    places = [(text.encode().index(piece.encode()), len(piece.encode())) for piece in pieces]
    found = tuple(Finding(rule="header", message="", span_bytes=(at, at + size)) for at, size in places)
    return Verdict(check=check, outcome=Outcome.FAIL, findings=found)


@pytest.mark.parametrize(
    ("text", "after", "edits"),
    [
        ("import os\nimport re, sys\nprint(re)\n", "import re\nprint(re)\n", {"F401": 2}),
        ("def f():\n    import os\n", "def f():\n    pass\n", {"F401": 1}),
        ("if x:\n    y()\nelse:\n    import os\n", "if x:\n    y()\nelse:\n    pass\n", {"F401": 1}),
        ("from a import (\n    b,\n    c,\n)\nprint(b)\n", "from a import (\n    b,\n)\nprint(b)\n", {"F401": 1}),
        ("import a.b, c as d, e.f as é, g\nfrom h import i as j\ng()\n", "import g\ng()\n", {"F401": 4}),
        ("é = 1; import os\nprint(é)\n", "é = 1;\nprint(é)\n", {"F401": 1, "trailing-space": 1}),
        ("\ufeffimport os\r\nx = 1\r\n", "\ufeffx = 1\r\n", {"F401": 1}),
        ("import os  # noqa\n", "import os  # noqa\n", {}),
        ("from a import __doc__\nimport os\n", None, {}),
        ("try:\n    import a\nexcept ImportError:\n    a = None\n", None, {}),
        ("x = 1  \n\n\t \ny = 2", "x = 1\n\n\ny = 2\n", {"trailing-space": 2, "final-newline": 1}),
        ("x = '''a  \n  \n'''  \n", "x = '''a  \n  \n'''\n", {"trailing-space": 1}),
        ("x = f'''a  \n{ \n1  \n}'''\n", None, {}),
        ("def f():\n    '''Doc.  \n    '''\n", None, {}),
        ("x = 1 + \\\n    2\n\n\n", "x = 1 + \\\n    2\n", {"final-newline": 1}),
        ("# only  \n", "# only\n", {"trailing-space": 1}),
        ("", "", {}),
        ("  \n", "\n", {"trailing-space": 1}),
        ("x = 1\r\ny = 2", "x = 1\r\ny = 2\r\n", {"final-newline": 1}),
        ("import os\ndef f(:\n", None, {}),  # does not parse: ruff says so as well
    ],
)
def test_python(text, after, edits):
    cleaned = clean(record(text))
    assert cleaned.record.text == (text if after is None else after)
    assert {one.rule: one.count for one in cleaned.edits} == edits
    if edits:
        assert cleaned.record.id == content_id("a.py", cleaned.record.text) and not cleaned.refused
    else:
        assert cleaned.record.id == record(text).id


@pytest.mark.parametrize(
    ("language", "text", "after"),
    [
        ("javascript", "var a = `x  \n ${ b  \n }  `;  \n", "var a = `x  \n ${ b  \n }  `;\n"),
        ("javascript", "return  \n  x // c  \n/* a  \n b  */\n", "return\n  x // c\n/* a\n b  */\n"),
        ("tsx", "const f = <a>  \n  b  \n</a>;  \n", "const f = <a>  \n  b  \n</a>;\n"),
        ("c", "int x;  // path\\  \nint y;\t\n", "int x;  // path\\  \nint y;\n"),
        ("c", "#define A(x) \\\n  x  \nint y;  \n", None),
        (
            "cpp",
            'auto s = R"(a  \n)";  \ntemplate <class T>  \nT f();',
            'auto s = R"(a  \n)";\ntemplate <class T>\nT f();\n',
        ),
        ("go", "package a  \nvar s = `x  \n`  \n", "package a\nvar s = `x  \n`\n"),
        ("java", 'class A { String s = """\n  a  \n  """;  \n}\n\n', 'class A { String s = """\n  a  \n  """;\n}\n'),
        ("rust", '/// doc  \nfn f() { let s = "a  \n"; }  \n', '/// doc\nfn f() { let s = "a  \n"; }\n'),
    ],
)
def test_other_languages_keep_what_their_strings_hold(language, text, after):
    cleaned = clean(record(text, language))
    if after is not None:
        assert (cleaned.record.text, cleaned.refused) == (after, "")
    strings = [line for line in text.split("\n") if '"""' in line or "`" in line]
    assert all(line.strip() in cleaned.record.text for line in strings)


@pytest.mark.parametrize(
    ("language", "text", "after"),
    [
        ("python", "if x:\r\n\ty = '''\r\n\t'''\r\n", "if x:\n    y = '''\n\t'''\n"),
        ("python", "if x:\n\tif y:\n\t    z = 1\n        a = 2\n", "if x:\n\tif y:\n\t    z = 1\n        a = 2\n"),
        ("javascript", "f(\r\n\t`\r\n\t`)\r\n", "f(\n    `\n\t`)\n"),
        ("go", "package a\r\n\tvar x int\r\n", "package a\n\tvar x int\n"),
    ],
)
def test_line_breaks_and_tabs_are_options(language, text, after):
    assert clean(record(text, language)).record.text == text
    assert clean(record(text, language), ALL).record.text == after


def test_tabs_that_would_change_the_program_stay_with_the_reason():
    text = "if x:\n        if y:\n\tz = 1\n"  # a tab is eight columns for Python, and four here
    cleaned = clean(record(text), ALL)
    assert cleaned.record.text == text and cleaned.refused.startswith("layout: ")


@pytest.mark.parametrize("name", ["__init__.py", "conftest.py"])
def test_imports_for_others_stay(name):
    assert clean(record("import os\n", path=f"a/{name}")).edits == ()


def test_what_has_no_proof_is_left_with_the_reason():
    for text, language, why in (
        ("x  \n", "cobol", "no grammar"),
        ("x = (  \n", "python", "does not parse"),
        ("let x = ;  \n", "javascript", "does not parse"),
        ("x = '\udcff'  \n", "python", "UnicodeEncodeError"),
        ("x = 1  \n\x00", "python", "does not parse"),
        ("x = " + "-" * 100_000 + "1  \n", "python", "layout"),
    ):
        cleaned = clean(record(text, language))
        assert cleaned.record.text == text and why in cleaned.refused, (language, cleaned.refused)


def test_the_proof_refuses_a_layout_that_reaches_into_strings(monkeypatch):
    monkeypatch.setattr(cleaning, "_is_space", lambda root, start, end: True)
    for language, text in (
        ("python", "x = '''a  \n'''\n"),
        ("javascript", "f(`a  \n`)\n"),
        ("go", "package a\nvar s = `a  \n`\n"),
    ):
        cleaned = clean(record(text, language))
        assert cleaned.record.text == text and "would change" in cleaned.refused


@pytest.mark.parametrize("wrong", ["y = 1\n", "import re\ny = 2\n", "import re\n", "import ("])
def test_the_proof_refuses_a_fix_that_takes_more_than_the_import(monkeypatch, wrong):
    monkeypatch.setattr(cleaning, "in_files", lambda ruff, texts, options: (b"", [wrong] * len(texts), ""))
    text = "import os\nimport re\ny = re\n"
    cleaned = clean(record(text))
    assert cleaned.record.text == text and cleaned.refused.startswith("imports: ")


def test_a_fix_that_breaks_ruff_leaves_the_text(monkeypatch):
    monkeypatch.setattr(cleaning, "in_files", lambda ruff, texts, options: (b"", [], "took over 30 s"))
    assert clean(record("import os\n")).refused == "imports: took over 30 s"
    monkeypatch.setattr(cleaning, "find_ruff", lambda: "")
    assert clean(record("import os\nx = 1  \n")).record.text == "import os\nx = 1\n"


# ----------------------------------------------------------------------------------------------------------------- cutting
CUT = CleanRecipe(cut=("noise/*", "commented-out-code/*"))


def test_commented_out_code_is_cut_and_the_rest_stays():
    text = "#!/usr/bin/env python\n# é = f(1)\nz = x\n\n# prose about z\nif z:\n    # y = g(z)\n    z = 2\n"
    cleaned = clean(record(text), CUT, [CommentedOutCode().judge(record(text))])
    assert cleaned.record.text == "#!/usr/bin/env python\nz = x\n\n# prose about z\nif z:\n    z = 2\n"
    assert [(one.rule, one.count) for one in cleaned.edits] == [("cut commented-out-code/commented-out-code", 2)]
    assert clean(record(text), CleanRecipe(), [CommentedOutCode().judge(record(text))]).record.text == text


@pytest.mark.parametrize(
    ("language", "text", "pieces", "after"),
    [
        ("python", "# Licence\n# words\n\n\nx = 1\n", ["# Licence\n# words\n"], "x = 1\n"),
        ("c", "/* Licence\n * words */\n\nint x;\n", ["/* Licence\n * words */"], "int x;\n"),
        ("c", "int/* a */x;\n", ["/* a */"], "int x;\n"),
        ("javascript", "f() // gone\ng()\n", ["// gone"], "f()\ng()\n"),
        ("javascript", "const s = 1; /* a */ /* b */\n", ["/* a */", "/* b */"], "const s = 1;\n"),
        ("rust", "// a\n// b\nfn f() {}\n", ["// a\n// b"], "fn f() {}\n"),
    ],
)
def test_comments_are_cut_with_the_lines_they_leave_empty(language, text, pieces, after):
    cleaned = clean(record(text, language), CUT, [verdict(text, *pieces)])
    assert cleaned.record.text == after and not cleaned.refused
    assert sum(one.count for one in cleaned.edits if one.rule == "cut noise/header") == len(pieces)


@pytest.mark.parametrize(
    ("language", "text", "piece"),
    [
        ("python", "'''Licence'''\nx = 1\n", "'''Licence'''"),
        ("python", "# a\nx = 1\n", "# a\nx"),
        ("python", "x = '# no'\n", "# no"),
        ("javascript", "f('// no')\n", "// no"),
        ("c", "/* a b */\nint x;\n", "/* a "),  # half a comment
        ("c", "int x;\n/* a\n", "/* a\n"),
        ("javascript", "a /* one\ntwo */ ++b\n", "/* one\ntwo */"),  # a line break that is a semicolon
        ("cobol", "* a\n", "* a"),
    ],
)
def test_what_is_more_or_less_than_comments_is_not_cut(language, text, piece):
    cleaned = clean(record(text, language), CUT, [verdict(text, piece)])
    assert cleaned.record.text == text and cleaned.refused.startswith("cut: ")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "#!/usr/bin/python\nx = 1\n"),
        ("python", "# -*- coding: latin-1 -*-\nx = 1\n"),
        ("python", "x = []  # type: list[int]\n"),
        ("go", "//go:build linux\n\npackage a\n"),
        ("typescript", "// @ts-nocheck\nf();\n"),
        ("javascript", "/* eslint-env node */\nf();\n"),
    ],
)
def test_comments_that_instruct_a_tool_stay(language, text):
    piece = text[text.index("#" if language == "python" else "/") :].split("\n")[0]
    assert clean(record(text, language), CUT, [verdict(text, piece)]).record.text == text


def test_spans_that_overlap_or_lie_outside_harm_nothing():
    text = "# a\n# b\nx = 1\n"
    found = tuple(Finding(rule="r", message="", span_bytes=span) for span in ((0, 3), (1, 3), (0, 3), (5, 5), (4, 7)))
    said = Verdict(check="noise", outcome=Outcome.FAIL, findings=(*found, Finding(rule="s", message="")))
    assert [span[:2] for span in spans_to_cut([said], ("noise/*",))] == [(0, 3), (4, 7)]
    assert clean(record(text), CUT, [said]).record.text == "x = 1\n"
    far = replace(said, findings=(Finding(rule="r", message="", span_bytes=(4, 900)),))
    assert clean(record(text), CUT, [far]).record.text == text


# --------------------------------------------------------------------------------------------------------------- real code
def test_on_the_standard_library_only_imports_and_white_space_go():
    """Judged by the tokenizer, which the proof does not use: every token that is left was there, in the same order."""
    folder = Path(ast.__file__).parent
    paths = [path for path in sorted(folder.glob("*.py")) if path.stat().st_size < 30_000][::2]
    before = [record(path.read_text("utf-8", errors="replace"), path=path.name) for path in paths]
    after = clean_all(before)
    assert len(before) > 30 and sum(bool(one.edits) for one in after) >= 2
    for old, new in zip(before, after, strict=True):
        removed = any(one.rule == "F401" for one in new.edits)
        left, there = iter(_tokens(old.text)), _tokens(new.record.text)
        assert all(token in left for token in there) if removed else there == list(left), old.origin.path
    again = clean_all([one.record for one in after])
    assert not [one.record.origin.path for one in again if one.edits]


def _tokens(text):
    lines = iter(text.splitlines(keepends=True))
    skipped = (tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT)
    found = tokenize.generate_tokens(lambda: next(lines, ""))
    return [(one.type, one.string.rstrip()) for one in found if one.type not in skipped]


def test_many_at_once_as_alone():
    texts = ["import os\nx = 1  \n", "def f(:\n", "y = 2", "import re\nprint(re)\n", "\x00", "x = '\udcff'  \n"]
    records = [record(text) for text in texts] + [record("let x = 1  \n", "javascript")]
    assert clean_all(records) == [clean(one) for one in records]
