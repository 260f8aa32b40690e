"""Many texts in one process of ruff: the same verdicts as alone, exact places, and nobody who can stop the others."""

import json
from dataclasses import replace

import pytest

from yunque.checks.canaries import canary, doubt
from yunque.checks.linters import ruff
from yunque.checks.linters.ruff import Obsolete, Places, RuffSecurity, find_ruff
from yunque.core.nouns import Outcome
from yunque.core.seams import BatchCheck, ProvenCheck

CHECKS = (Obsolete, RuffSecurity)
KILLER = "x = " + "-" * 300_000 + "1\n"
"""Overflows the stack of ruff 0.17."""


def record(text, language="python"):
    return canary(text, language).record


@pytest.mark.parametrize("kind", CHECKS)
def test_canaries_and_the_doubt_about_a_broken_tool(kind, monkeypatch):
    check = kind()
    assert isinstance(check, BatchCheck) and isinstance(check, ProvenCheck)
    assert doubt(check) == "" and check.tool_version.startswith("ruff ")
    assert "did not see" in doubt(kind("W605"))  # another selection sees nothing of it
    monkeypatch.setattr(ruff, "find_ruff", lambda: "/bin/true")
    assert "not JSON" in doubt(check)
    monkeypatch.setattr(ruff, "find_ruff", lambda: "/bin/false")
    assert "ended with 1" in doubt(check)
    monkeypatch.setattr(ruff, "find_ruff", lambda: "")
    assert doubt(check) == "" and check.judge(record("x = 1\n")).outcome is Outcome.SKIP


def test_every_security_rule_is_one_that_ruff_knows_and_has_a_weakness():
    output, _, why = ruff.in_files(find_ruff(), ["x = 1\n"], ["--select", RuffSecurity.rules])
    assert not why and not output.strip()
    assert all(cwe and severity in ("note", "warning", "error") for cwe, severity in ruff.SECURITY.values())


@pytest.mark.parametrize(
    ("text", "rule", "cwe", "outcome"),
    [
        ("import subprocess\nsubprocess.run(input(), shell=True)\n", "S602", 78, Outcome.FAIL),
        ("import subprocess\nsubprocess.run('ls', shell=True)\n", "S602", 78, Outcome.PASS),  # a constant: a note
        ("import pickle  # nosec\npickle.load(f)  # noqa: S301\n", "S301", 502, Outcome.FAIL),
        ("password = 'hunter2hunter2'\n", "S105", 259, Outcome.PASS),
    ],
)
def test_security(text, rule, cwe, outcome):
    verdict = RuffSecurity().judge(record(text))
    assert (rule, cwe) in [(one.rule, one.cwe) for one in verdict.findings] and verdict.outcome is outcome


def test_what_is_gone_fails_and_taste_is_a_note():
    gone = Obsolete().judge(record("from collections import Mapping\nx: Mapping\n"))
    taste = Obsolete().judge(record("x = '%s' % y\n"))
    assert gone.outcome is Outcome.FAIL and taste.outcome is Outcome.PASS and taste.findings[0].severity == "note"


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffs = 'é€𝄞'\r\nif s:\r\n    é = eval(s)\r\n    s = 2\r\n",
        "x = 1\ry = eval(x)\rz = 2\r",
        "s = '\u2028\x0c'\n\n\neval(s)",
    ],
)
def test_places_are_exact(text):
    (found,) = RuffSecurity().judge(record(text)).findings
    start, end = found.span_bytes
    said = text.encode()[start:end].decode()
    assert said.startswith("eval(") and said.endswith(")")
    places = Places(text)
    assert places.byte(places.place(text.index("eval"))) == start


def test_one_that_kills_ruff_is_the_only_error():
    records = [record(f"x = eval({n})\n") for n in range(5)]
    records.insert(3, record(KILLER))
    verdicts = RuffSecurity().judge_all(records)
    assert [one.outcome is Outcome.ERROR for one in verdicts] == [False, False, False, True, False, False]
    assert "overflow" in verdicts[3].detail or "-6" in verdicts[3].detail
    alone = [RuffSecurity().judge(one) for one in records]
    assert [replace(one, took_ms=0) for one in verdicts] == [replace(one, took_ms=0) for one in alone]


def test_more_than_a_batch_and_hostile_texts(monkeypatch):
    monkeypatch.setattr(ruff, "BATCH", 7)
    texts = [f"x{n} = eval({n})\n" * (n % 3) for n in range(20)]
    texts += ["\x00", "'\udcff'", "def f(:\n", "x" * 1_000_000, "(" * 5000, "# ruff: noqa\ny = eval(1)\n"]
    verdicts = RuffSecurity().judge_all([record(text) for text in texts])
    assert [len(one.findings) for one in verdicts[:20]] == [n % 3 for n in range(20)]
    assert verdicts[22].outcome is Outcome.SKIP and verdicts[25].outcome is Outcome.FAIL
    assert all(one.check == "ruff-security" for one in verdicts)


def test_configuration_around_the_scratch_folder_is_not_read(tmp_path, monkeypatch):
    for name in ("ruff.toml", ".ruff.toml"):
        (tmp_path / name).write_text('exclude = ["*"]\nlint.ignore = ["ALL"]\n')
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nextend-exclude = ['*.py']\n")
    monkeypatch.setattr(ruff.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("RUFF_CONFIG", str(tmp_path / "ruff.toml"))
    monkeypatch.setenv("RUFF_NO_CACHE", json.dumps(False))
    monkeypatch.chdir(tmp_path)
    assert RuffSecurity().judge(record("y = eval(1)\n")).outcome is Outcome.FAIL
