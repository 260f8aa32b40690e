"""`yunque check` on anybody's files: findings by file, JSON, SARIF, known and silenced ones, and the status."""

import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from yunque.cli.views import findings
from yunque.cli.views.findings import report_on
from yunque.core.errors import RecipeError, SourceError
from yunque.core.nouns import Outcome, Verdict
from yunque.data.screening.screen import load_checks
from yunque.pipelines.check import CheckRecipe, look_at

BAD = "import os\n\n\ndef f(x):\n    os.system(x)\n"
GOOD = "def f(x):\n    return x\n"


def report(*targets, names=("syntax", "insecure-patterns"), severity="warning", baseline="", **options):
    said = []
    recipe = CheckRecipe(checks=tuple(names), severity=severity, baseline=baseline)
    return report_on(list(targets), recipe, say=said.append, **{"sarif": False, "as_json": False} | options), said


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(BAD)
    (tmp_path / "b.py").write_text(GOOD)
    (tmp_path / "c.bin").write_bytes(b"\0\1")
    (tmp_path / "d.js").write_text("eval(x)\n")
    (tmp_path / "empty.py").write_text("")
    return Path()


def test_the_hook_is_one_that_pre_commit_takes_and_runs(folder):
    """As a local hook, so that nothing is installed; ``pre-commit try-repo`` installs it in an environment of its own."""
    root = Path(__file__).parents[2]
    (hook,) = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text())
    command = [sys.executable, "-m", "pre_commit"]
    environment = os.environ | {"PRE_COMMIT_HOME": str(folder.absolute() / "home"), "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run([*command, "validate-manifest", root / ".pre-commit-hooks.yaml"], check=True, env=environment)
    assert hook["entry"] == "yunque check"
    local = {key: value for key, value in hook.items() if key not in ("language", "additional_dependencies")}
    local |= {"language": "system", "entry": f"{sys.executable} -m yunque check --checks insecure-patterns"}
    Path(".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [{"repo": "local", "hooks": [local]}]}))
    subprocess.run(["git", "init", "-q"], check=True, env=environment)
    subprocess.run(["git", "add", "a.py", "b.py", "c.bin"], check=True, env=environment)
    for files, status in ((["a.py", "b.py", "c.bin"], 1), (["b.py", "c.bin"], 0)):
        done = subprocess.run([*command, "run", "--files", *files], env=environment, capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
        assert ("insecure-patterns/py-os-command" in done.stdout) is bool(status)


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        (("*.py",), ["d.js"]),
        (("in/*",), ["a.py", "d.js"]),
        (("./in/x.py", "d.*"), ["a.py"]),
        (("nothing",), ["a.py", "d.js", "in/x.py"]),
    ],
)
def test_paths_that_are_passed_over(folder, exclude, left):
    (folder / "in").mkdir()
    (folder / "in" / "x.py").write_text(BAD)
    checks, skipped = load_checks(["insecure-patterns"]), Counter()
    looked = list(look_at([folder], checks, exclude=exclude, skipped=skipped))
    assert [one.path for one in looked if one.noted] == left and bool(skipped["excluded"]) is (exclude != ("nothing",))


def test_findings_are_grouped_by_file_with_a_summary(folder, capsys):
    found, said = report(folder)
    out = capsys.readouterr().out.splitlines()
    assert found and said == ["2 findings (2 warnings) in 2 of 3 files; 1 skipped (empty); 1 skipped (no text)"]
    assert out[0] == "a.py" and out[1].split()[:2] == ["5", "warning"]
    assert out[1].endswith("(CWE-78, A05:2025 Injection) [insecure-patterns/py-os-command]")
    assert out[2] == "d.js" and out[3].split()[0] == "1"


def test_paths_are_told_as_they_were_given(folder, capsys):
    Path("src").mkdir()
    Path("src/x.py").write_text(BAD)
    for target, shown in ((Path("src"), "src/x.py"), (Path("src/x.py"), "src/x.py"), (Path("src").resolve(), None)):
        report(target)
        assert capsys.readouterr().out.splitlines()[0] == (shown or str(Path("src/x.py").resolve()))
        report(target, sarif=True)
        (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri == (shown or Path("src/x.py").resolve().as_uri())


def test_several_targets_and_the_same_one_twice(folder, capsys):
    found, said = report(Path("a.py"), Path("b.py"), Path("a.py"), folder)
    assert found and said[0].startswith("2 findings (2 warnings) in 2 of 3 files")
    assert not report(Path("b.py"))[0]


def test_standard_input_has_a_name(folder, capsys, monkeypatch):
    for name, hits in (("stdin.py", True), ("x.txt", False)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
        assert report(Path("-"), stdin_name=name)[0] is hits
    assert capsys.readouterr().out.splitlines()[0] == "stdin.py"


def test_what_is_no_text_is_skipped_and_told(folder):
    Path("nothing").mkdir()
    assert report(Path("c.bin")) == (False, ["0 findings in 0 of 0 files; 1 skipped (no text)"])
    assert report(Path("nothing")) == (False, ["0 findings in 0 of 0 files"])


def test_severity_decides_what_is_told(folder):
    Path("a.py").write_text("x = random.random()\n")
    assert not report(Path("a.py"))[0] and report(Path("a.py"), severity="note")[0]
    with pytest.raises(RecipeError, match="did you mean 'warning'"):
        report(folder, severity="warnings")


@pytest.mark.parametrize(
    ("comment", "hits"),
    [
        ("# yunque: ignore[py-os-command] the argument is ours", False),
        ("# yunque: ignore[insecure-patterns/py-os-command]", False),
        ("# yunque: ignore", False),
        ("# yunque: ignore[py-eval]", True),
        ("# noqa", True),
    ],
)
def test_a_comment_silences_one_finding_and_leaves_a_trace(folder, capsys, comment, hits):
    Path("a.py").write_text(BAD.replace("(x)\n", f"(x)  {comment}\n").replace(f"f(x)  {comment}", "f(x)"))
    found, said = report(Path("a.py"))
    assert found is hits and ("1 silenced" in said[0]) is not hits
    report(Path("a.py"), sarif=True)
    (result,) = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))["runs"][0]["results"]
    assert result.get("suppressions", []) == ([] if hits else [{"kind": "inSource", "status": "accepted"}])


def test_known_findings_do_not_count_wherever_their_line_moves(folder, capsys):
    assert not report(folder, baseline="known.json", write_baseline=True)[0]
    assert len(json.loads(Path("known.json").read_text())["findings"]) == 2
    found, said = report(folder, baseline="known.json")
    assert not found and "0 findings in 0 of" in said[0] and "2 known" in said[0]
    Path("a.py").write_text("\n\n" + BAD + "\n\ndef g(y):\n    os.system(y)\n")
    found, said = report(folder, baseline="known.json")
    assert found and said[0].startswith("1 finding (1 warning) in 1 of") and "2 known" in said[0]
    Path("a.py").write_text(BAD + "    os.system(x)\n")
    assert report(folder, baseline="known.json")[1][0].startswith("1 finding (1 warning)")
    for path in ("nowhere.json", "a.py"):
        with pytest.raises(RecipeError, match="no baseline can be read"):
            report(folder, baseline=path)
    with pytest.raises(RecipeError, match="no file to write known findings to"):
        report(folder, write_baseline=True)


def test_json_and_sarif(folder, capsys):
    report(folder, as_json=True)
    read = json.loads(capsys.readouterr().out)
    assert [one["path"] for one in read] == ["a.py", "b.py", "d.js"] and read[0]["verdicts"][1]["outcome"] == "fail"
    report(folder, sarif=True)
    log = json.loads(capsys.readouterr().out)
    (run,) = log["runs"]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert log["version"] == "2.1.0" and rules["insecure-patterns/py-os-command"]["properties"]["security-severity"] == "5.5"
    assert all(rule["help"]["text"] for rule in rules.values())
    prints = [one["partialFingerprints"]["yunque/v1"] for one in run["results"]]
    assert len(set(prints)) == len(prints) == 2


def test_columns_count_characters(folder, capsys):
    pytest.importorskip("kingfisher_sdk", reason="kingfisher is not available here")
    value = "Zq8" + "vT2mX7" + "kLp4"
    Path("a.py").write_text(f'é = 1; password = "{value}"\n')
    report(Path("a.py"), names=("secrets",), sarif=True)
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"], region["endColumn"]) == (1, 20, 20 + len(value))


class Absent:
    """A check whose tool is not here."""

    name = "absent"

    def judge(self, record):
        return Verdict(check=self.name, outcome=Outcome.SKIP, detail="pip install absent")

    def canaries(self):
        from yunque.checks.canaries import canary

        return [canary("x", "python", "absent"), canary("y", "python")]


def test_a_check_that_cannot_look_is_an_error_when_it_was_asked_for(folder, monkeypatch):
    name = f"{__name__}:Absent"
    with pytest.raises(RecipeError, match="cannot look: pip install absent"):
        report(folder, names=(name,))
    monkeypatch.setattr(findings, "USUAL", (name, "syntax"))
    found, said = report(Path("b.py"), names=())
    assert not found and "cannot look: pip install absent" in said[0] and said[1].startswith("0 findings")


def test_licences_are_those_of_the_folder_and_of_heads(folder, capsys):
    Path("LICENSE").write_text("MIT License\n")
    Path("e.py").write_text("# SPDX-License-" + "Identifier: GPL-3.0-only\nx = 1\n")
    report(folder, names=("licence",))
    out = capsys.readouterr().out
    assert "e.py" in out and "GPL-3.0-only is strong-copyleft" in out and "a.py" not in out


def test_the_table_of_a_pyproject(folder):
    Path("deep").mkdir()
    Path("pyproject.toml").write_text('[tool.yunque.check]\nchecks = ["syntax"]\nseverity = "error"\nbaseline = "k.json"\n')
    found = CheckRecipe.read(Path("deep").resolve())
    assert (found.checks, found.severity, found.baseline) == (("syntax",), "error", str(Path("k.json").resolve()))
    for text, why in (
        ("[tool.yunque.check]\nseverty = 'x'\n", "did you mean 'severity'"),
        ("[tool.yunque.check]\nchecks = 3\n", "checks"),
        ("[tool", "cannot be read"),
    ):
        Path("pyproject.toml").write_text(text)
        with pytest.raises(RecipeError, match=why):
            CheckRecipe.read(Path().resolve())


def test_what_a_user_can_mend_is_one_line(folder):
    with pytest.raises(SourceError, match="no such file or folder"):
        report(Path("nothing.py"))
    with pytest.raises(RecipeError, match="did you mean 'syntax'"):
        report(folder, names=["sintax"])


def test_the_usual_checks_are_there(folder):
    report(folder, names=())
