"""Every example runs as its first lines say, small."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.story.small_repository import write_repository
from tests.story.test_ring import SMALL

EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    write_repository(folder / "repo")
    (folder / "other").mkdir()
    (folder / "other" / "loud.py").write_text("def shout(text):\n    print(text)\n    return text.upper()\n")
    return folder


@pytest.fixture(scope="module")
def example(home):
    """Runs an example, and returns what it printed."""

    def run(name: str, *arguments: str) -> str:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(EXAMPLES / name), *arguments]
        done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_folder_is_forged(example, tiny_model):
    told = example("01_forge.py", "repo", f"model.base={tiny_model}", *SMALL)
    assert "repo: " in told and "files kept, left out: {" in told and "held-out code (bits per byte)" in told


def test_a_data_set_is_built_and_trained_on(example, tiny_model):
    told = example("02_data_set.py", "repo", "other")
    assert "files kept, pairs: {" in told and "left out: logo.py - binary" in told
    trained = example("03_train.py", told.split()[-1], f"model.base={tiny_model}", *SMALL)
    assert "best validation loss" in trained and trained.endswith("the model is in yunque-out/model\n")


def test_samples_from_elsewhere_are_judged(example, home):
    from yunque.evaluation.registry import open_suite
    from yunque.sandbox import open_sandbox

    with open_sandbox() as sandbox:
        suite = open_suite("yunque-core", sandbox)
        rows = [{"task_id": task.id, "completion": suite.canonical(task)} for task in suite.tasks()[:3]]
    (home / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "pass@1: 1.000 (n = 3)" in example("04_samples.py", "samples.jsonl")


def test_a_suite_and_a_check_of_ones_own(example):
    told = example("05_own_suite.py")
    assert told.count("its own answer pass, a wrong one fail") == 2
    told = example("06_own_check.py", "other")
    assert "loud.py: " in told and told.endswith("0 files kept\n")


def test_every_example_is_short_and_is_run_here():
    names = sorted(path.name for path in EXAMPLES.glob("*.py"))
    assert len(names) == 6 and all(f'"{name}"' in (ROOT / "tests/story/test_examples.py").read_text() for name in names)
    assert all(20 <= len((EXAMPLES / name).read_text().splitlines()) <= 80 for name in names)
