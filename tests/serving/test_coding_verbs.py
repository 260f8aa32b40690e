"""`yunque write`, `fix`, `refactor`, `test`, `explain` as a person meets them; the model behind a URL is scripted."""

import json
import os

import pytest

from yunque.inference.scripted_engine import ScriptedEngine

TESTS = "from duration import seconds\n\n\ndef test_seconds():\n    assert seconds('PT5S') == 5\n"
GOOD = "Plan: strip it.\n```python\ndef seconds(text):\n    return int(text[2:-1])\n```"
WRONG = "```python\ndef seconds(text):\n    return eval(text[2:-1]) + 1\n```"


@pytest.fixture
def call(gateway, forked, tmp_path):
    """``call(answers, *arguments)``: a verb in a folder of its own, asking a model that gives these answers in turn."""
    (tmp_path / "test_duration.py").write_text(TESTS)

    def run(answers, *arguments):
        texts = iter(answers)
        url = str(gateway(ScriptedEngine(lambda request: next(texts))).base_url).rstrip("/")
        env = {**os.environ, "YUNQUE_CACHE": str(tmp_path / "cache"), "COLUMNS": "120"}
        return forked.run(*arguments, "--model", f"openai:{url}/v1#m", cwd=tmp_path, env=env)

    return run


@pytest.mark.toolchain
def test_write_prints_the_code_then_a_line_a_check(call, tmp_path):
    done = call([GOOD], "write", "seconds of an ISO 8601 duration", "--tests", "test_duration.py", "--out", "duration.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "def seconds(text):\n    return int(text[2:-1])\n"
    for line in ("Plan: strip it.", "pass  tests: 1 test passes", "pass  syntax", "pass  bandit", "written to duration.py"):
        assert line in done.stderr
    assert (tmp_path / "duration.py").read_text() == done.stdout


@pytest.mark.toolchain
def test_what_fails_is_told_the_file_is_left_and_the_status_is_one(call, tmp_path):
    (tmp_path / "duration.py").write_text("def seconds(text):\n    return 0\n")
    arguments = ("fix", "duration.py", "--tests", "test_duration.py", "--rounds", "0")
    done = call([WRONG], *arguments, "--in-place")
    assert done.returncode == 1 and "eval" in done.stdout
    assert "FAIL  tests: 1 of 1 tests fail" in done.stderr and "FAIL  bandit" in done.stderr
    assert "duration.py is left as it was: tests, bandit" in done.stderr
    assert "return 0" in (tmp_path / "duration.py").read_text()
    done = call([GOOD], *arguments, "--in-place", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["ok"] is True
    assert "int(text[2:-1])" in (tmp_path / "duration.py").read_text(), "the file itself is fixed where nothing fails"


@pytest.mark.toolchain
def test_tests_refactorings_and_explanations(call, tmp_path):
    (tmp_path / "duration.py").write_text("def seconds(text):\n    return int(text[2:-1])\n")
    done = call([f"```python\n{TESTS}```"], "test", "duration.py", "--out", "test_more.py")
    assert done.returncode == 0 and "(written by the model)" in done.stderr and (tmp_path / "test_more.py").exists()
    done = call(["```python\ndef other(text):\n    return 1\n```"], "refactor", "duration.py", "--rounds", "0")
    assert done.returncode == 1 and "seconds is gone" in done.stderr
    done = call(["`seconds` reads a duration."], "explain", "duration.py")
    assert done.returncode == 0 and done.stdout == "`seconds` reads a duration.\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("write", " "), "nothing is asked for"),
        (("write", "x", "--start", "no.py"), "cannot be read"),
        (("write", "x", "--tests", "none.py"), "none.py: cannot be read"),
        (("fix", "none.py"), "none.py: cannot be read"),
        (("fix", "data.bin"), "no UTF-8 text"),
        (("write", "x", "--language", "pyton"), "did you mean 'python'?"),
        (("write", "x", "--checks", "bandid"), "did you mean 'bandit'?"),
        (("write", "x", "--style", "chatty"), "did you mean 'chat'?"),
        (("explain", "letter.xyz"), "say --language"),
    ],
)
def test_what_a_user_can_fix_is_one_line(call, tmp_path, arguments, says):
    (tmp_path / "data.bin").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "letter.xyz").write_text("hello")
    done = call([], *arguments)
    lines = [line for line in done.stderr.splitlines() if not line.endswith("…")]
    assert done.returncode == 2 and done.stdout == "" and len(lines) == 1 and says in lines[0], done.stderr
