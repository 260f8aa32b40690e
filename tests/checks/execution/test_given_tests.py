"""Tests that somebody gives with a piece of code."""

import pytest

from yunque.checks.execution.given_tests import ANSWER, GivenTests, answer_path
from yunque.core.nouns import Limits, Origin, Outcome, Record

TESTS = """import pytest
from duration import seconds


@pytest.mark.parametrize(("text", "expected"), [("PT5S", 5), ("PT2M", 120), ("PT1H", 3600)])
def test_units(text, expected):
    assert seconds(text) == expected


def test_nonsense():
    with pytest.raises(ValueError):
        seconds("five")
"""
GOOD = """import re

UNITS = {"S": 1, "M": 60, "H": 3600}


def seconds(text):
    match = re.fullmatch(r"PT(\\d+)([SMH])", text)
    if not match:
        raise ValueError(text)
    return int(match[1]) * UNITS[match[2]]
"""


@pytest.fixture
def judged(tests_box):
    def judge(text, tests=TESTS, **settings):
        origin = Origin(source="", path="", revision="", licence="unknown", collected_at="")
        record = Record(id="1", text=text, language=settings.pop("language", "python"), origin=origin)
        given = tests if isinstance(tests, dict) else {"test_it.py": tests}
        return GivenTests(tests=given, sandbox=tests_box, limits=Limits(wall_s=6), **settings).judge(record)

    return judge


def test_all_pass_and_the_verdict_says_how_far_the_judge_sat(judged):
    verdict = judged(GOOD)
    assert (verdict.check, verdict.outcome, verdict.score) == ("tests", Outcome.PASS, 1.0), verdict.detail
    assert verdict.judge_location in ("apart", "controlled", "in-process") and "4 tests pass" in verdict.detail


def test_each_test_that_fails_is_told_and_the_score_is_the_share_that_passes(judged):
    verdict = judged(GOOD.replace(": 60", ": 61"))
    assert verdict.outcome is Outcome.FAIL and verdict.score == 0.75
    (finding,) = verdict.findings
    assert finding.rule == "failed-test" and "PT2M" in finding.message and "122 == 120" in verdict.detail


def test_each_test_that_fails_says_how(judged):
    tests = "from answer import f\n\ndef test_a():\n    assert f(2) == 4\n\ndef test_b():\n    f('a')\n"
    first, second = judged("def f(x):\n    return x + 1\n", tests).findings
    assert first.message == "test_it.py::test_a fails: assert 3 == 4"
    assert second.message == 'test_it.py::test_b fails: TypeError: can only concatenate str (not "int") to str'


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("def seconds(text:", "no-tests-run"),
        ("def minutes(t):\n    return 1\n", "no-tests-run"),
        ("while True: pass\n", "timeout"),
    ],
)
def test_what_cannot_be_imported_fails(judged, text, rule):
    verdict = judged(text)
    assert verdict.outcome is Outcome.FAIL and verdict.findings[0].rule == rule, verdict


def test_who_ends_the_run_early_has_not_passed(judged):
    assert judged("import os\nos._exit(0)\n").outcome is Outcome.FAIL
    assert judged("import sys\nprint('4 passed')\nsys.exit(0)\n").outcome is Outcome.FAIL


def test_tests_without_an_import_find_the_answer_and_no_test_is_an_error(judged):
    assert (
        judged("def add(a, b):\n    return a + b\n", "def test_add():\n    assert add(1, 2) == 3\n").outcome is Outcome.PASS
    )
    assert judged("x = 1\n", "y = 1\n").outcome is Outcome.ERROR
    assert judged("let x = 1;", language="javascript").outcome is Outcome.SKIP


def test_in_a_tree_the_rest_of_it_is_there_and_is_left_as_it_was(judged, tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "units.py").write_text("UNITS = {'S': 1}\n")
    (tmp_path / "pkg" / "seconds.py").write_text("broken(\n")
    text = "from pkg.units import UNITS\n\n\ndef seconds(text):\n    return UNITS[text]\n"
    tests = "from pkg.seconds import seconds\n\n\ndef test_s():\n    assert seconds('S') == 1\n"
    verdict = judged(text, {"tests/test_s.py": tests}, tree=tmp_path, path="pkg/seconds.py")
    assert verdict.outcome is Outcome.PASS, verdict
    assert (tmp_path / "pkg" / "seconds.py").read_text() == "broken(\n" and not (tmp_path / "tests").exists()
    with pytest.raises(ValueError, match="inside the folder"):
        judged(text, {"../test_s.py": tests})


def test_where_tests_import_from():
    assert answer_path(["import pytest, re\nfrom a.b import c\n"]) == "a/b.py"
    assert answer_path(["import json\n", "import mine\n"]) == "mine.py"
    assert answer_path(["assert f(1) == 2\n", "not python ("]) == ANSWER
