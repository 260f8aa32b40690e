"""The whole road, small: a real repository of twenty functions, a random model of a million parameters, every verb."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.story.small_repository import write_repository

SMALL = [
    "pack.length_tokens=128",
    "pack.train_tokens=6000",
    "pack.validation_tokens=600",
    "pack.prompt_tokens=64",
    "pack.suffix_tokens=24",
    "model.lora_rank=4",
    "training.rows_per_step=2",
    "training.checkpoint_every=2",
    "training.validate_every=4",
    "split.heldout=0.3",
    "split.validation=0.15",
    "evaluation.fim_tasks=12",
    "evaluation.style_tasks=4",
    "evaluation.body_tasks=3",
    "evaluation.body_tokens=24",
    "evaluation.fim_tokens=12",
    "evaluation.bits_bytes=3000",
    "evaluation.chunk_bytes=400",
    "evaluation.reach_wall_s=60",
]


@pytest.fixture(scope="module")
def yunque(forked_with_torch):
    """Runs a verb that must succeed."""

    def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess:
        result = forked_with_torch.run(*arguments, cwd=cwd, env=_environment())
        if result.returncode:
            pytest.fail(f"{arguments} ended with {result.returncode}:\n{result.stderr}")
        return result

    return run


def _environment() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def _settings(model: Path) -> list[str]:
    return [part for setting in [f"model.base={model}", *SMALL] for part in ("--set", setting)]


def _weights(out: Path) -> str:
    return hashlib.sha256((out / "model" / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, yunque) -> Path:
    """A folder in which the small repository has been forged into ``out``."""
    home = tmp_path_factory.mktemp("story")
    write_repository(home / "repo")
    result = yunque("forge", "repo", "--out", "out", *_settings(tiny_model), cwd=home)
    (home / "printed.txt").write_text(result.stdout)
    return home


def test_a_repository_becomes_a_report_and_a_model(forged: Path):
    report = json.loads((forged / "out" / "report.json").read_text())
    (source,) = report["sources"]
    assert source["num_files"] == source["num_kept"] + sum(source["dropped"].values())
    assert source["dropped"]["binary"] == 1 and report["screened"]
    assert report["training"]["steps"] and report["training"]["validations"][0]["step"] == 0
    by_name = {row["name"]: row for row in report["comparisons"]}
    assert by_name["held-out code (bits per byte)"]["base"]["n"] > 0
    assert by_name["line completion (edit similarity)"]["difference"]["low"] is not None
    assert by_name["function bodies (pass@1)"]["base"]["n"] == 3, report["excluded"]
    assert len(report["samples"]) == 5
    page = (forged / "out" / "report.html").read_text()
    assert "bits per byte" in page and "<script" not in page
    printed = (forged / "printed.txt").read_text().splitlines()
    assert printed[-1] == next(iter((forged / "out" / "artifacts").glob("report-*"))).name.removeprefix("report-")


def test_the_model_is_an_ordinary_folder(forged: Path, tiny_model: Path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(forged / "out" / "model")
    model = AutoModelForCausalLM.from_pretrained(forged / "out" / "model")
    assert model.get_input_embeddings().weight.shape[0] == len(tokenizer)
    ids = tokenizer("def mean(values):", return_tensors="pt").input_ids
    assert model.generate(ids, max_new_tokens=4, min_new_tokens=4).shape[1] == ids.shape[1] + 4
    assert (forged / "out" / "model" / "README.md").read_text().startswith("---")
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    base.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    assert PeftModel.from_pretrained(base, forged / "out" / "adapter")


def test_it_leaves_a_file_for_llama_cpp(forged: Path):
    import gguf

    fields = {name: field.contents() for name, field in gguf.GGUFReader(forged / "out" / "model.gguf").fields.items()}
    assert "forged on repo" in fields["general.name"] and "MIT" in fields["general.license"]
    assert "tokenizer.ggml.fim_mid_token_id" in fields


def test_it_leaves_an_index_of_what_was_learned(forged: Path):
    from yunque.checks.insertion.training_copies import TrainingCopies, beside
    from yunque.core.nouns import Outcome, Record, unsourced
    from yunque.store.tables import read_table

    copies = TrainingCopies(beside(forged / "out" / "model"))
    assert copies.origins and all(source == "repo" and licence == "MIT" for source, _, licence in copies.origins)
    learned = {path for _, path, _ in copies.origins}
    (records,) = (forged / "out" / "artifacts").glob("records-*/records.parquet")
    for record in read_table(records, Record):
        outcome = copies.judge(unsourced(record.text, record.language, "")).outcome
        if record.origin.path in learned and len(record.text) > 1000:
            assert outcome is Outcome.FAIL, record.origin.path


def test_a_second_run_makes_nothing_new(forged: Path, tiny_model: Path, yunque):
    before = {path: path.stat().st_mtime_ns for path in (forged / "out" / "artifacts").iterdir()}
    result = yunque("forge", "repo", "--out", "out", *_settings(tiny_model), cwd=forged)
    assert {path: path.stat().st_mtime_ns for path in (forged / "out" / "artifacts").iterdir()} == before
    assert result.stderr.count("already there") == len(before)


def test_killed_while_training_it_ends_the_same(forged: Path, tiny_model: Path, yunque):
    _copy_suite_and_evaluations(forged / "out", forged / "killed")
    killed = subprocess.Popen(
        [sys.executable, "-m", "yunque", "forge", "repo", "--out", "killed", *_settings(tiny_model)],
        cwd=forged,
        env=_environment(),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    until = time.monotonic() + 120
    while not list((forged / "killed" / "work").glob("adapter-*/checkpoint.pt")):
        assert killed.poll() is None and time.monotonic() < until, "it ended before it could be killed"
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not list((forged / "killed" / "artifacts").glob("adapter-*"))
    yunque("forge", "repo", "--out", "killed", *_settings(tiny_model), cwd=forged)
    assert _weights(forged / "killed") == _weights(forged / "out")
    one, other = (json.loads((forged / out / "report.json").read_text()) for out in ("out", "killed"))
    assert one["comparisons"] == other["comparisons"]
    assert any(step["reused"] for step in other["steps"])
    assert other["total_s"] == pytest.approx(sum(step["took_s"] for step in other["steps"]), abs=0.1)


def _copy_suite_and_evaluations(done: Path, out: Path) -> None:
    """What takes long and no training changes; it is found only if all before it is made again as it was."""
    for path in (done / "artifacts").iterdir():
        manifest = json.loads((path / "manifest.json").read_text())
        of_base = manifest["kind"] == "eval" and manifest["recipe"]["model"] != "model"
        if manifest["kind"] in ("suite", "ceiling") or of_base:
            shutil.copytree(path, out / "artifacts" / path.name)


def test_a_forge_and_eval_are_one_engine(forged: Path, yunque):
    """Asked as the forge asks, `yunque eval` finds its runs: the same suites, ids and verdicts."""
    artifacts = forged / "out" / "artifacts"
    before = {path.name: path.stat().st_mtime_ns for path in artifacts.iterdir()}
    runs = [json.loads((path / "manifest.json").read_text()) for path in artifacts.glob("eval-*")]
    ids = {run["recipe"]["suite"]: run["id"] for run in runs if run["recipe"]["model"] == "model"}
    assert set(ids) == {"repo-bits:repo", "repo-fim:repo", "repo-body:repo"} and len(runs) == 6
    names = ",".join(f"{suite.partition(':')[0]}:out" for suite in ids)
    context = ("--prompt-tokens", "64", "--suffix-tokens", "24", "--metrics", "similarity,syntax")
    found = yunque("eval", "out/model", "--suites", names, *context, "--out", "out", "--json", cwd=forged)
    assert {run["suite"]: run["id"] for run in json.loads(found.stdout)} == ids
    assert {path.name: path.stat().st_mtime_ns for path in artifacts.iterdir()} == before
    report = json.loads((forged / "out" / "report.json").read_text())
    by_name = {row["name"]: row for row in report["comparisons"]}
    for run in json.loads(found.stdout):
        measures = {measure["name"]: measure["value"] for measure in run["measures"]}
        for name, row in by_name.items():
            title = {"repo-bits": "held-out code", "repo-fim": "line completion", "repo-body": "function bodies"}
            if name.startswith(title[run["suite"].partition(":")[0]]):
                assert measures[row["forged"]["name"]] == pytest.approx(row["forged"]["value"], rel=1e-5)
    assert "eval.html" in {path.name for path in (forged / "out").iterdir()}
    (dataset,) = [path.name for path in artifacts.glob("dataset-*")]
    named = yunque("eval", "out/model", "--suites", f"repo-fim:{dataset}", *context, "--out", "out", "--json", cwd=forged)
    assert json.loads(named.stdout)[0]["id"] == ids["repo-fim:repo"]
    compared = yunque(
        "compare", *(run["id"] for run in runs if run["recipe"]["suite"] == "repo-fim:repo"), "--out", "out", cwd=forged
    )
    assert "edit similarity" in compared.stdout


def test_forged_on_the_past_it_is_judged_on_the_future(tmp_path: Path, tiny_model: Path, yunque):
    root = write_repository(tmp_path / "repo")
    queues = (
        "def take_turns(*queues):\n    longest = max((len(queue) for queue in queues), default=0)\n"
        "    return [queue[place] for place in range(longest) for queue in queues if place < len(queue)]\n"
    )
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    for day, text in (("2026-05-01", ""), ("2026-06-02", queues)):
        (root / "smallpack" / "queues.py").write_text(text) if text else None
        when = {"GIT_COMMITTER_DATE": f"{day}T00:00:00Z", "GIT_AUTHOR_DATE": f"{day}T00:00:00Z"}
        for arguments in (("add", "-A"), ("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "More")):
            subprocess.run(["git", *arguments], cwd=root, check=True, env={**os.environ, **when})
    yunque("forge", "repo", "--out", "out", "--set", "split.after=2026-06-01", *_settings(tiny_model), cwd=tmp_path)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["asked_since"] == "2026-06-01" and "new since 2026-06-01" in (tmp_path / "out" / "report.html").read_text()
    assert {row["suite"] for row in report["comparisons"]} == {"held-out code", "line completion"}, report["excluded"]
    assert {row["path"] for row in report["samples"]} == {"smallpack/queues.py"}
    assert [part["num_files"] for part in report["split"] if part["part"] == "held-out"] == [0]


def test_the_other_verbs_work_on_the_result(forged: Path, yunque):
    completed = yunque("complete", "def mean(values):", "--model", "out/model", "--max-tokens", "8", "--json", cwd=forged)
    assert json.loads(completed.stdout)["tokens"] <= 8
    in_llama_cpp = yunque("complete", "def mean(values):", "--model", "out/model.gguf", "--max-tokens", "8", cwd=forged)
    assert in_llama_cpp.stdout and "loaded in" in in_llama_cpp.stderr
    report_id = (forged / "printed.txt").read_text().split()[-1]
    assert "model-" in yunque("trace", report_id, "--out", "out", cwd=forged).stdout
    shown = yunque("show", "records", "--out", "out", "--json", cwd=forged)
    assert json.loads(shown.stdout)["counts"]["kept"] >= 8


def test_a_model_is_measured_and_read_back(forked_with_torch, tmp_path: Path, base_folder: Path):
    rows = [
        {
            "id": f"T/{n}",
            "prompt": f"def f{n}(x):\n",
            "tests": f"assert f{n}(1) == {n + 1}",
            "canonical": f"    return x + {n}\n",
        }
        for n in range(6)
    ]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = ("eval", str(base_folder), "--suites", "jsonl:own.jsonl", "--max-tokens", "4", "--metrics", "all", "--n", "2")
    done = forked_with_torch.run(*asked, "--temperature", "0.8", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    measures = {one["name"]: one for one in found["measures"]}
    assert measures["pass@1"]["n"] == 6 and measures["ceiling"]["value"] == 1.0
    assert measures["perplexity"]["value"] > 1 and measures["bits per byte"]["value"] > 0
    assert {"valid syntax", "edit similarity", "truncated"} <= set(measures)
    again = forked_with_torch.run(*asked, "--temperature", "0.8", cwd=tmp_path)
    assert again.stdout.splitlines()[-1] == found["id"] and "answers" not in again.stderr
    refused = forked_with_torch.run(*asked[:4], "--style", "chat", cwd=tmp_path)
    assert refused.returncode == 2 and "T/0 cannot be asked in style 'chat'" in refused.stderr


def test_next_week_it_goes_on_from_the_last_adapter_and_shows_both(forged: Path, tiny_model: Path, yunque):
    before = {path.name for path in (forged / "out" / "artifacts").iterdir()}
    stats = forged / "repo" / "smallpack" / "stats.py"
    stats.write_text(stats.read_text() + "\n\ndef spread(values):\n    return max(values) - min(values)\n")
    result = yunque(
        "forge", "repo", "--out", "out", *_settings(tiny_model), "--set", "training.start=last", cwd=forged
    )  # fmt: skip
    made = {path.name for path in (forged / "out" / "artifacts").iterdir()} - before
    manifests = {name: json.loads((forged / "out" / "artifacts" / name / "manifest.json").read_text()) for name in made}
    (adapter,) = [manifest for name, manifest in manifests.items() if name.startswith("adapter-")]
    (earlier,) = [name.removeprefix("adapter-") for name in before if name.startswith("adapter-")]
    assert earlier in adapter["parents"]
    report = json.loads((forged / "out" / "report.json").read_text())
    assert len(report["earlier"]) == 1 and report["earlier"][0]["forged"].keys() == {
        row["name"] for row in report["comparisons"]
    }
    assert "Models forged of these sources so far" in (forged / "out" / "report.html").read_text()
    (tags,) = [manifest for name, manifest in manifests.items() if name.startswith("tags-")]
    looked_at = sum(sum(outcomes.values()) for outcomes in tags["counts"]["verdicts"].values())
    assert 0 < tags["counts"]["new verdicts"] <= 0.1 * looked_at, "of one changed file alone"
    assert "out keeps the sources as they were" in result.stderr and "`yunque clean`" in result.stderr
    again = yunque("forge", "repo", "--out", "out", *_settings(tiny_model), "--set", "training.start=last", cwd=forged)
    assert {path.name for path in (forged / "out" / "artifacts").iterdir()} == before | made, again.stderr
