"""What ruff finds, whatever lies near the text and whatever the text says of itself; and how many paths there are."""

from dataclasses import replace

import pytest

from yunque.checks.canaries import doubt
from yunque.checks.linters import ruff
from yunque.checks.linters.lint import Lint, complexity
from yunque.code.languages import PARSED
from yunque.core.nouns import Origin, Outcome, Record
from yunque.core.seams import BatchCheck, Check, ProvenCheck

ORIGIN = Origin(source="s", path="p", revision="", licence="MIT", collected_at="")


def judge(text, language="python"):
    return Lint().judge(Record(id="", text=text, language=language, origin=ORIGIN))


def test_it_is_a_check():
    assert isinstance(Lint(), Check)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("import os\n", ["F401"]),
        ("def f():\n    return missing\n", ["F821"]),
        ("def f(x=[]):\n    return x\n", ["B006"]),
        ("def f():\n    try:\n        return 1\n    except:\n        return 2\n", ["E722"]),
        ("x = 1\nif x == None:\n    pass\n", ["E711"]),
        ("import os  # noqa\nimport sys  # ruff: noqa\n", ["F401", "F401"]),
        ("# ruff: noqa\nimport os\n", ["F401"]),
        ("# flake8: noqa\nimport os\n", ["F401"]),
        ("def f(x):\n    return x + 1\n", []),
        ("", []),
        ("s = 'é€\u2028'\n", []),
        ("very = 'long" + "g" * 300 + "'\n", []),  # style is not looked at
    ],
)
def test_findings(text, rules):
    verdict = judge(text)
    assert [finding.rule for finding in verdict.findings] == rules
    assert verdict.outcome is (Outcome.FAIL if rules else Outcome.PASS)


def test_findings_say_where_and_are_not_capped():
    verdict = judge("".join(f"import module{n}\n" for n in range(70)))
    assert [finding.line for finding in verdict.findings] == list(range(1, 71))
    assert verdict.score == 0.0
    assert judge("import os\n\nx = 1\ny = 2\nz = 3\n").score == 0.75


@pytest.mark.parametrize("text", ["def f(:\n", "return return\n", "x = (\n", "\x00", "\udcff"])
def test_what_does_not_parse_is_not_linted(text):
    assert judge(text).outcome in (Outcome.SKIP, Outcome.PASS)
    assert judge("def f(:\n").outcome is Outcome.SKIP


def test_other_languages_and_a_missing_linter_are_skipped(monkeypatch):
    assert judge("let x = 1", "javascript").outcome is Outcome.SKIP
    monkeypatch.setattr(ruff, "find_ruff", lambda: "")
    verdict = judge("import os\n")
    assert verdict.outcome is Outcome.SKIP and "not installed" in verdict.detail
    monkeypatch.setattr(ruff, "find_ruff", lambda: "/nowhere/ruff")
    verdict = judge("import os\n")
    assert verdict.outcome is Outcome.ERROR and "does not start" in verdict.detail


def test_many_at_once_say_what_each_says_alone():
    texts = ["import os\n", "def f(:\n", "x = 1\n", "\x00", "s = '\udcff'\n", "# ruff: noqa\nimport os\r\nx = y\r\n", ""]
    records = [Record(id="", text=text, language="python", origin=ORIGIN) for text in texts]
    records.insert(2, Record(id="", text="let x = 1", language="javascript", origin=ORIGIN))
    together = Lint().judge_all(records)
    alone = [Lint().judge(record) for record in records]
    assert [replace(one, took_ms=0) for one in together] == [replace(one, took_ms=0) for one in alone]
    assert [one.outcome.value for one in together[:4]] == ["fail", "skip", "skip", "pass"]
    assert isinstance(Lint(), BatchCheck) and isinstance(Lint(), ProvenCheck) and doubt(Lint()) == ""


def test_no_file_near_the_text_changes_the_rules(tmp_path, monkeypatch):
    (tmp_path / "ruff.toml").write_text('lint.ignore = ["F401"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUFF_CONFIG", str(tmp_path / "ruff.toml"))
    assert judge("import os\n").outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("language", "text", "paths"),
    [
        ("python", "def f(x):\n    return x\n", 1),
        ("python", "def f(x):\n    if x and y or z:\n        return [a for a in x if a]\n    elif q:\n        pass\n", 7),
        ("python", "def f(x):\n    return 1 if x else (lambda: 2)\n", 3),
        ("python", "def f():\n    try:\n        pass\n    except A:\n        pass\n    except B:\n        pass\n", 3),
        ("python", "def f(x):\n    match x:\n        case 1: pass\n        case _: pass\n", 3),
        ("python", "# if and or\ns = 'if x and y'\n", 0),
        ("javascript", "function f(x) { if (x && y) { return 1 } for (;;) {} }", 4),
        ("javascript", "const f = x => x ? 1 : (x ?? 2)", 3),
        ("typescript", "function f(x: number): number { switch (x) { case 1: return 1; default: return 2 } }", 2),
        ("java", "class A { int f(int x) { while (x > 0 || x < -3) { x--; } return x > 1 ? 1 : 2; } }", 4),
        ("go", "func f(x int) int { if x > 0 { return 1 }; for { }; switch x { case 1: }; return 0 }", 4),
        ("c", "int f(int x) { do { x--; } while (x); return x ? 1 : 2; }", 3),
        ("cpp", "int f(V v) { for (int x : v) { if (x) return x; } try { } catch (int e) { } return 0; }", 4),
        ("rust", "fn f(x: i32) -> i32 { if x > 0 { 1 } else { match x { 0 => 2, _ => 3 } } }", 4),
        ("tsx", "const f = (x) => <a>{x && <b/>}</a>", 2),
    ],
)
def test_complexity_counts_functions_branches_and_short_circuits(language, text, paths):
    assert complexity(text, language) == paths


def test_every_language_with_a_grammar_has_a_complexity():
    for language in PARSED:
        assert complexity("", language) == 0
    with pytest.raises(KeyError):
        complexity("", "cobol")
    deep = "(" * 50_000 + ")" * 50_000
    assert complexity(deep, "python") == 0
