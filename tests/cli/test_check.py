"""`yunque check` on anybody's file: findings by line, JSON, SARIF, and a status that says whether there are any."""

import json

import pytest

from yunque.cli.check import USUAL, report_on
from yunque.core.errors import RecipeError, SourceError

BAD = "import os\n\n\ndef f(x):\n    os.system(x)\n"
GOOD = "def f(x):\n    return x\n"


def report(target, names=("syntax", "insecure-patterns"), severity="warning", **options):
    said = []
    options = {"sarif": False, "as_json": False} | options
    return report_on(target, names, severity=severity, say=said.append, **options), said


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.py").write_text(BAD)
    (tmp_path / "b.py").write_text(GOOD)
    (tmp_path / "c.bin").write_bytes(b"\0\1")
    (tmp_path / "d.js").write_text("eval(x)\n")
    (tmp_path / "empty.py").write_text("")
    return tmp_path


def test_findings_are_lines_with_path_and_rule(folder, capsys):
    found, said = report(folder)
    out = capsys.readouterr().out.splitlines()
    assert found and said == ["3 files, something was found"]
    assert out[0].startswith("a.py:5: ") and "insecure-patterns/py-os-command" in out[0]
    assert out[0].endswith("(CWE-78, A05:2025 Injection)")
    assert out[1].startswith("d.js:1: ")


def test_one_file_and_a_clean_one(folder, capsys):
    assert report(folder / "a.py")[0] and not report(folder / "b.py")[0]
    assert capsys.readouterr().out.count("\n") == 1


def test_severity_decides_what_is_told(folder, capsys):
    (folder / "a.py").write_text("x = random.random()\n")
    assert not report(folder / "a.py")[0] and report(folder / "a.py", severity="note")[0]
    with pytest.raises(RecipeError, match="did you mean 'warning'"):
        report(folder, severity="warnings")


def test_json_and_sarif(folder, capsys):
    report(folder, as_json=True)
    read = json.loads(capsys.readouterr().out)
    assert [one["path"] for one in read] == ["a.py", "b.py", "d.js"] and read[0]["verdicts"][1]["outcome"] == "fail"
    report(folder, sarif=True)
    log = json.loads(capsys.readouterr().out)
    assert log["version"] == "2.1.0" and {one["ruleId"] for one in log["runs"][0]["results"]} >= {
        "insecure-patterns/js-eval"
    }


def test_what_a_user_can_mend_is_one_line(folder):
    with pytest.raises(SourceError, match="no such file or folder"):
        report(folder / "nothing.py")
    with pytest.raises(SourceError, match="no text to look at"):
        report(folder / "c.bin")
    with pytest.raises(RecipeError, match="did you mean 'syntax'"):
        report(folder, names=["sintax"])


def test_the_usual_checks_are_there(folder):
    report(folder, names=USUAL)
