"""Pylint behind its pipe, and the warm workers under it: what hangs, dies, bloats or lies costs one text."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from yunque.checks import processes
from yunque.checks.canaries import canary, doubt
from yunque.checks.linters import pylint
from yunque.checks.linters.pylint import Pylint, find_pylint
from yunque.checks.processes import Broken, Worker, WorkerLimits, shared_worker
from yunque.core.nouns import Outcome
from yunque.core.seams import BatchCheck, ProvenCheck

needs_pylint = pytest.mark.usefixtures("pylint_here")
ECHO = """
import json, os, struct, sys, time
def read(size):
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more: sys.exit()
        data += more
    return data
def send(answer):
    data = json.dumps(answer).encode()
    os.write(1, struct.pack(">I", len(data)) + data)
send({"ready": True})
while True:
    for item in json.loads(read(*struct.unpack(">I", read(4)))):
        exec(item.get("do", ""))
        send({"said": item.get("say"), "pid": os.getpid()})
"""


def record(text, language="python"):
    return canary(text, language).record


@pytest.fixture(scope="module")
def pylint_here():
    if not find_pylint():
        pytest.skip("pylint is not available here")


@pytest.fixture
def echo():
    worker = Worker([sys.executable, "-I", "-c", ECHO], WorkerLimits(budget_s=0.3, memory_bytes=150 << 20))
    yield worker
    worker.close()


# ------------------------------------------------------------------------------------------------------------- workers
def test_answers_come_in_order_from_one_process(echo):
    answers = echo.each([{"say": "é\udcff" * n} for n in range(450)])
    assert [one["said"] for one in answers] == ["é\udcff" * n for n in range(450)]
    assert {one["pid"] for one in answers} == {echo.pid} and echo.starts == 1
    assert echo.each([{"say": "x" * 5_000_000}])[0]["said"] == "x" * 5_000_000


@pytest.mark.parametrize(
    ("do", "why"),
    [
        ("while True: pass", "took over 0.3 s"),
        ("time.sleep(60)", "took over 0.6 s"),
        ("os._exit(7)", "ended with 7"),
        ("os.kill(os.getpid(), 11)", "ended with -11"),
        ("raise ValueError('the reason')", "ValueError: the reason"),
        ("x = b'x' * (250 << 20); time.sleep(9)", "MB of memory"),
        ("os.write(1, b'\\0\\0\\0\\x03abc')", "cannot be read"),
        ("os.write(1, b'\\0\\0\\0\\x02[]')", "cannot be read"),
        ("os.close(0); os.close(1); time.sleep(60)", "ended with None"),
    ],
)
def test_one_that_breaks_the_worker_is_the_only_one_without_an_answer(echo, monkeypatch, do, why):
    if "60" in do:
        monkeypatch.setattr(processes, "PATIENCE", 2)
    elif "MB" in why:
        monkeypatch.setattr(
            processes, "PATIENCE", 30
        )  # to be given so much memory may take longer than what it may take here
    answers = echo.each([{"say": 1}, {"say": 2, "do": do}, {"say": 3}])
    assert [one["said"] for one in (answers[0], answers[2])] == [1, 3]
    assert isinstance(answers[1], Broken) and why in answers[1].why
    assert echo.starts == 2


def test_a_worker_that_has_grown_is_replaced_between_batches(echo):
    first, second = (echo.each([{"do": "global kept; kept = b'x' * (100 << 20)"}])[0]["pid"] for _ in range(2))
    assert first != second and echo.each([{"say": 1}])[0]["said"] == 1


def test_one_that_never_starts_is_not_started_for_every_item():
    for command, why in (["/nowhere/tool"], "does not start"), ([sys.executable, "-c", "print(1/0)"], "ZeroDivisionError"):
        worker = Worker(command)
        answers = worker.each([{"say": n} for n in range(5)])
        assert len(answers) == 5 and worker.starts == 1
        assert all(isinstance(one, Broken) and why in one.why for one in answers)


def test_the_environment_is_clean_and_the_folder_empty(echo, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("NODE_OPTIONS", "--require=/nowhere.js")
    do = "item['say'] = [sorted(os.environ), os.listdir('.'), os.getcwd()]"
    names, files, folder = echo.each([{"do": do}])[0]["said"]
    assert "PYTHONPATH" not in names and "NODE_OPTIONS" not in names and not files
    echo.close()
    assert not Path(folder).exists()


def test_no_worker_outlives_its_owner(tmp_path):
    """Neither after a regular end, nor after a kill in the middle of a text that hangs."""
    program = f"""
import os, sys, threading, time
from yunque.checks.processes import Worker, WorkerLimits
worker = Worker([sys.executable, "-I", "-c", {ECHO!r}], WorkerLimits(budget_s=0.5))
print(worker.each([{{}}])[0]["pid"], flush=True)
if sys.argv[1] == "killed":
    threading.Timer(0.3, lambda: os.kill(os.getpid(), 9)).start()
    worker.each([{{"do": "while True: pass"}}])
"""
    for how in ("ends", "killed"):
        env = {**os.environ, "TMPDIR": str(tmp_path)}  # who is killed leaves its folder
        done = subprocess.run([sys.executable, "-c", program, how], env=env, capture_output=True, text=True, check=False)
        pid = int(done.stdout)
        for _ in range(150):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                break
            if Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z":
                break
            time.sleep(0.1)
        else:
            os.kill(pid, signal.SIGKILL)
            pytest.fail(f"the worker is still there after its owner {how}")


def test_a_fork_has_a_worker_of_its_own(echo):
    before = echo.each([{}])[0]["pid"]
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(echo.each([{}])[0]["pid"]).encode())
        echo.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reader, 20)) != before == echo.each([{}])[0]["pid"]


def test_one_worker_is_shared():
    command = [sys.executable, "-I", "-c", ECHO]
    assert shared_worker(command) is shared_worker(command) is not shared_worker([*command, "x"])


# -------------------------------------------------------------------------------------------------------------- pylint
@needs_pylint
def test_canaries_hold_and_doubt_says_why(monkeypatch):
    check = Pylint()
    assert isinstance(check, BatchCheck) and isinstance(check, ProvenCheck)
    assert doubt(check) == "" and "pylint 4" in check.tool_version
    assert doubt(Pylint(categories="FEWRC")) == "" and "did not see" in doubt(Pylint(categories="F"))
    monkeypatch.setattr(pylint, "find_pylint", lambda: "/nowhere")
    assert "No module named" in doubt(check)
    monkeypatch.setattr(pylint, "find_pylint", lambda: "")
    assert doubt(check) == "" and "pip install pylint" in check.judge(record("x = 1")).detail


@needs_pylint
def test_pylint_is_never_imported_here():
    code = (
        "import sys; from yunque.checks.linters.pylint import Pylint; from yunque.checks.canaries import doubt;"
        "assert not doubt(Pylint()); print([name for name in sys.modules if 'astroid' in name or name == 'pylint'])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout == "[]\n"


@needs_pylint
def test_together_as_alone_and_no_text_leaves_a_trace_for_the_next():
    texts = [
        "import answer\nprint(answer.gone)\n",
        "x = 1\n",
        "def f(:\n",
        "\x00",
        "s = '\udcff'\n",
        "",
        "def f(x=[]):\n    return x\n",
    ]
    records = [record(text) for text in texts] + [record("let x", "javascript")]
    together = [(one.outcome, one.findings, one.values) for one in Pylint().judge_all(records)]
    alone = [(one.outcome, one.findings, one.values) for one in map(Pylint().judge, records)]
    assert together == alone
    assert [one[0].value for one in together][1:] == ["pass", "skip", "skip", "pass", "pass", "fail", "skip"]


@needs_pylint
def test_nothing_of_a_text_or_of_the_folder_around_runs(tmp_path, monkeypatch):
    marker = tmp_path / "ran"
    touch = f"open({str(marker)!r}, 'w').close()"
    (tmp_path / "plugin.py").write_text(f"{touch}\ndef register(linter): {touch}\n")
    (tmp_path / "sitecustomize.py").write_text(touch)
    init = f"init-hook={touch}"
    (tmp_path / "pylintrc").write_text(f"[MAIN]\nload-plugins=plugin\n{init}\ndisable=all\n")
    (tmp_path / ".pylintrc").write_text(f"[MAIN]\nload-plugins=plugin\n{init}\ndisable=all\n")
    (tmp_path / "pyproject.toml").write_text('[tool.pylint.main]\nload-plugins = ["plugin"]\ndisable = "all"\n')
    monkeypatch.chdir(tmp_path)
    for name in ("PYLINTRC", "PYTHONPATH", "PYTHONSTARTUP", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    text = (
        f"# pylint: disable=all\n# pylint: skip-file\nimport plugin\nfrom plugin import *\n{touch}\nprint(plugin.x, gone)\n"
    )
    verdict = Pylint(budget_s=21).judge(record(text))  # other limits: a worker that starts here
    assert verdict.outcome is Outcome.FAIL and "undefined-variable" in [one.rule for one in verdict.findings]
    assert not marker.exists()


@needs_pylint
def test_what_it_guesses_is_a_note_and_what_it_knows_an_error():
    text = (
        "import ctypes\nfrom os import path\n\n\nclass A:\n    def f(self):\n        return self.gone, path.gone, ctypes\n"
    )
    verdict = Pylint().judge(record(text))
    said = {(one.message.split()[0], one.severity) for one in verdict.findings if one.rule == "no-member"}
    assert said == {("Instance", "note"), ("Module", "error")} and verdict.outcome is Outcome.FAIL
    assert verdict.took_ms > 0


@needs_pylint
def test_style_is_asked_for_and_only_notes():
    text = "import os\nimport re\n\n\ndef f(x):\n    if x:\n        return os\n    else:\n        return re\n"
    verdict = Pylint(categories="FEWRC").judge(record(text))
    assert verdict.outcome is Outcome.PASS and {one.severity for one in verdict.findings} == {"note"}
    assert verdict.values["refactor"] >= 1 and verdict.values["convention"] >= 1 and 0 < verdict.score < 1
    assert Pylint().judge(record(text)).findings == ()


@needs_pylint
def test_a_text_over_its_budget_is_an_error_of_its_own():
    slow = (
        "x = [" + ",".join(f"{{'a{n}': lambda y: y + {n} if y else [y for y in range({n})]}}" for n in range(3000)) + "]\n"
    )
    verdicts = Pylint(budget_s=0.7).judge_all([record("x = 1\n"), record(slow), record("y = 1\n")])
    assert [one.outcome.value for one in verdicts] == ["pass", "error", "pass"] and "took over" in verdicts[1].detail
