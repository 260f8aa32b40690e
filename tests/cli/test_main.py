"""The command line as a person meets it, in a process of its own: what a user can fix is one line and exit status 2."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

import yunque
from yunque.sandbox import capabilities

YUNQUE = (sys.executable, "-c", "from yunque.cli.main import run; run()")
FACTS = {"name": "fake", "source": "folder", "sha256": "0" * 64, "licence": "unknown", "num_parameters": 1}


@pytest.fixture
def machine(tmp_path):
    """A user's folder, an empty cache, no network, and a base model folder that nothing has to load."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "yunque-base.json").write_text(json.dumps(FACTS))
    (tmp_path / "temporary").mkdir()
    changes = {"YUNQUE_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1", "TMPDIR": str(tmp_path / "temporary")}
    return {**os.environ, **changes, "COLUMNS": "100"}


@pytest.fixture
def call(machine, tmp_path, forked):
    return partial(forked.run, cwd=tmp_path, env=machine)


def refusal(done: subprocess.CompletedProcess, *, news: bool = False) -> str:
    """The one line of an error; with ``news`` the lines of finished steps may stand above it."""
    lines = done.stderr.splitlines()
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert news or len(lines) == 1, done.stderr
    assert [line for line in lines if line.startswith("yunque: ")] == lines[-1:]
    return lines[-1]


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# -------------------------------------------------------------------------------------------------------------- small words
def test_version_and_help(call):
    assert call("--version").stdout == f"yunque {yunque.__version__}\n"
    asked, alone = call("--help"), call()
    assert asked.returncode == 0
    for verb in ("forge", "complete", "show", "trace", "doctor", "models"):
        assert verb in asked.stdout
        assert verb in alone.stdout + alone.stderr


@pytest.mark.usefixtures("toolchain")  # each is asked for its version
def test_doctor_speaks_json(call):
    done = call("doctor", "--json")
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert done.returncode == (1 if any(one["needed"] and not one["available"] for one in found.values()) else 0)
    assert found["python"]["available"] and f"sandbox: {capabilities()[-1].name}" in found
    assert not found["base model"]["available"], "the cache of this test is empty"
    assert set(found["python"]) == {"name", "available", "detail", "needed"}


def test_an_empty_cache_lists_nothing(call):
    assert call("models", "list", "--json").stdout == "[]\n"
    assert "yunque models pull" in call("models", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["forg"], "No such command 'forg'"),
        (["forge"], "SOURCE"),
        (["forge", ".", "--nope"], "--nope"),
        (["complete", "x", "--max-tokens", "0"], "--max-tokens"),
        (["models", "pul"], "pul"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistyped_command_is_exit_2_and_says_what_was_not_understood(call, arguments, told):
    done = call(*arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert told.lower() in done.stderr.lower()


# ------------------------------------------------------------------------------------------------------ errors before a run
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere/at-all"], "nowhere/at-all: no such file or folder"),
        (["empty"], "the folder is empty"),
        (["code", "--set", "training.learning_rat=1"], "did you mean 'learning_rate'?"),
        (["code", "--set", "training.learning_rate=fast"], "training.learning_rate = 'fast'"),
        (["code", "--set", "nonsense"], "'nonsense' is not a setting"),
        (["code", "--recipe", "no.toml"], "no.toml: no such recipe"),
        (["code", "--set", "model.base=./no-model/here"], "no-model/here: no such folder"),
        (["code", "--set", "model.base=code"], "not a model folder"),
        (["code", "--set", "model.base=no-such-base"], "no base model 'no-such-base'"),
        (["pypi:not a package name"], "pypi:"),
        (["file.txt"], "file.txt"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_can_be_seen_at_once_writes_nothing(call, tmp_path, arguments, told):
    (tmp_path / "empty").mkdir()
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("def f():\n    return 1\n")
    (tmp_path / "file.txt").write_text("not an archive")
    if not any("model.base" in argument for argument in arguments):
        arguments = [*arguments, "--set", "model.base=./base"]
    line = refusal(call("forge", *arguments, "--out", "out"))
    assert told in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"README.md": "# words\n", "a.csv": "1,2\n"}, "no code in a known language"),
        ({"a.py": "def one():\n    return 1\n"}, "too"),
        ({"a.py": "x = 1\n", "b.py": "x = 1\n"}, ""),
    ],
    ids=["no code", "one function", "no functions"],
)
def test_what_is_seen_later_leaves_no_result(call, tmp_path, files, told):
    for name, text in files.items():
        (tmp_path / "code").mkdir(exist_ok=True)
        (tmp_path / "code" / name).write_text(text)
    line = refusal(call("forge", "code", "--out", "out", "--set", "model.base=./base"), news=True)
    assert told in line
    assert {path.split("-")[0] for path in os.listdir(tmp_path / "out" / "artifacts")} <= {
        "snapshot",
        "records",
        "tags",
        "values",
        "part",
        "duplicates",
        "dataset",
    }
    assert not [path for path in files_below(tmp_path / "out") if "report" in path or "model" in path]


def test_an_out_that_is_a_file(call, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("x = 1\n")
    (tmp_path / "out").write_text("mine")
    line = refusal(call("forge", "code", "--out", "out", "--set", "model.base=./base"))
    assert "cannot write" in line and "--out" in line
    assert (tmp_path / "out").read_text() == "mine"


# ------------------------------------------------------------------------------------------------------------ other verbs
@pytest.mark.parametrize("verb", ["show", "trace"])
def test_an_artifact_that_is_not_there(call, verb, tmp_path):
    assert "no artifacts here; run `yunque forge` first" in refusal(call(verb, "abc", "--out", "out"))
    assert not (tmp_path / "out").exists()


def test_show_and_trace_of_one_that_is(call, tmp_path):
    from yunque.store.artifacts import Store

    store = Store(tmp_path / "out")
    parent, _ = store.make("records", lambda folder: {"kept": 3})
    artifact, _ = store.make("pairs", lambda folder: {"pairs": 2}, parents=[parent])
    shown = json.loads(call("show", artifact.id[:8], "--out", "out", "--json").stdout)
    assert (shown["id"], shown["counts"], shown["parents"]) == (artifact.id, {"pairs": 2}, [parent.id])
    assert call("trace", "pairs", "--out", "out").stdout.splitlines() == [f"pairs-{artifact.id}", f"└─ records-{parent.id}"]
    tree = json.loads(call("trace", "pairs", "--out", "out", "--json").stdout)
    assert tree["parents"][0]["counts"] == {"kept": 3}
    assert f"known: records-{parent.id}, pairs-{artifact.id}" in refusal(call("show", "zzz", "--out", "out"))


@pytest.mark.parametrize("model", [[], ["--model", "my-out/model"], ["--model", "nowhere"], ["--model", "/nowhere/at/all"]])
def test_completing_without_a_model_says_so_and_asks_nobody_on_the_network(call, model):
    line = refusal(call("complete", "def f():", *model))
    assert (model[1] if model else "yunque-out/model") in line
    assert "the Hub" not in line


def test_completing_with_a_stop_rule_that_is_not_there(call):
    assert "no stop rule 'sentence'; known: line, dedent, none" in refusal(call("complete", "x", "--stop", "sentence"))


# ----------------------------------------------------------------------------------------------------------------- stopping
WORDS = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "joker", "kayak", "lemon"]


def write_repository(root: Path) -> None:
    """Modules that differ enough to be split, and a test that takes for ever."""
    (root / "tests").mkdir(parents=True)
    for number, word in enumerate(WORDS):
        lines = [f"def {word}_total(start, limit):", f'    """The {word} of it."""', "    found = start"]
        for step in range(12):
            lines += [
                f"    {word}_{step} = limit ** {number + step} - found * {31 * number + step}",
                f"    found += {word}_{step}",
            ]
        (root / f"{word}.py").write_text("\n".join([*lines, f"    return found // {number + 2}", ""]))
    (root / "tests" / "test_slow.py").write_text("import time\n\n\ndef test_slow():\n    time.sleep(500)\n")


@pytest.fixture
def forging(machine, tmp_path, tests_box):
    """Starts a forge of the slow repository, and waits until it runs the tests; gives the process and its news so far."""
    write_repository(tmp_path / "code")
    started = []

    def start() -> tuple[subprocess.Popen, list[str]]:
        command = [*YUNQUE, "forge", "code", "--out", "out", "--set", "model.base=./base"]
        run = subprocess.Popen(command, cwd=tmp_path, env=machine, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(run)
        news = []
        while line := run.stderr.readline():
            news.append(line)
            if line.startswith("split"):
                break
        wait_for(lambda: pytests_below(run.pid), run)
        return run, news

    yield start
    for run in started:
        run.kill()
        run.communicate()


def pytests_below(pid: int) -> list[psutil.Process]:
    """The processes that run the repository's tests, in whatever sandbox."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "pytest" in process.cmdline():
                found.append(process)
    return found


def wait_for(there, run: subprocess.Popen) -> None:
    """Until the sandbox has begun."""
    end = time.monotonic() + 240
    while not there():
        assert run.poll() is None, run.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_says_how_to_go_on_and_goes_on(forging, tmp_path, how):
    run, news = forging()
    assert not [line for line in news if "already there" in line]
    testing = pytests_below(run.pid)
    run.send_signal(how)
    out, err = run.communicate(timeout=120)
    assert run.returncode == 130
    assert "Traceback" not in err and out == ""
    (line,) = [line for line in err.splitlines() if line.strip()]
    assert line == "yunque: stopped; finished steps are kept, run the same command again to go on from here"
    done = ["snapshot", "records", "tags", "values", "part", "duplicates", "dataset", "split"]
    assert {name.split("-")[0] for name in os.listdir(tmp_path / "out" / "artifacts")} == set(done)
    assert testing and not any(process.is_running() for process in testing), "the sandbox leaves nothing running"
    assert not list((tmp_path / "temporary").glob("yunque-box-*")), "the sandbox leaves nothing behind"
    run, news = forging()
    assert [line.split()[0] for line in news if "already there" in line] == done


def test_a_reader_who_leaves_early_is_no_error(machine, tmp_path):
    run = subprocess.Popen(
        [*YUNQUE, "suites"], cwd=tmp_path, env=machine, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    run.stdout.close()
    assert "Traceback" not in run.stderr.read()
    run.stderr.close()
    assert run.wait(timeout=60) in (0, 1)


def test_a_package_that_is_missing_is_named(machine, tmp_path):
    code = "import sys; sys.modules['torch'] = None; from yunque.cli.main import run; run()"
    command = [sys.executable, "-c", code, "complete", "x", "--model", "./base"]
    done = subprocess.run(command, cwd=tmp_path, env=machine, capture_output=True, text=True, timeout=60)
    loading, missing = done.stderr.splitlines()
    assert (done.returncode, loading) == (2, "loading base …")
    assert missing == "yunque: this needs the package 'torch'; pip install 'yunque[forge]'"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("suites", 0),
        ("compare a b", 2),
        ("eval --samples nope.jsonl", 2),
        ("run nope.py", 2),
        ("show nope", 2),
        ("data show nope", 2),
        ("bench list", 0),
    ],
)
def test_every_kind_of_verb_starts_in_a_process_of_its_own(machine, tmp_path, arguments, status):
    """The other tests fork a process that has the rooms imported already, where a missing import would not show."""
    command = [sys.executable, "-m", "yunque", *arguments.split()]
    done = subprocess.run(command, cwd=tmp_path, env=machine, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
