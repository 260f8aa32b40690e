"""Roads from a data set to weights: whole, from scratch, with a vocabulary that grew; and what stands in their way."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from yunque.core.errors import ModelError, StoreError, TrainingError
from yunque.core.nouns import Outcome
from yunque.core.progress import silent
from yunque.data.packing.rows import Rows
from yunque.data.split import Split, parts_of
from yunque.models.adapt import load_model
from yunque.models.tokenizer import encode, find_fim, load_tokenizer
from yunque.pipelines.forge import Forge
from yunque.pipelines.recipes import forge_recipe, load_recipe
from yunque.pipelines.runs import find_run, training_runs
from yunque.pipelines.tokenizer import VocabularyExtension, VocabularyTraining, unlearned_ids
from yunque.pipelines.training import Planning
from yunque.reports.training import differences
from yunque.training.checkpoints import CHECKPOINT, History, pack_history

FILES = 24
SMALL = (
    "pack.length_tokens=128", "pack.train_tokens=6000", "pack.validation_tokens=1000", "training.rows_per_step=4",
    "training.validate_every=2", "training.patience=0", "duplicates.action=off", "split.similarity=1.0",
)  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A small package of files that are not alike."""
    folder = tmp_path_factory.mktemp("source") / "shop"
    folder.mkdir()
    nouns = [
        "order",
        "basket",
        "price",
        "parcel",
        "refund",
        "invoice",
        "voucher",
        "ledger",
        "stock",
        "shelf",
        "clerk",
        "till",
    ]
    for number in range(FILES):
        noun = nouns[number % len(nouns)] + str(number)
        lines = [f'"""What a {noun} is."""\n']
        for verb in ("open", "close", "count", "find"):
            lines.append(
                f'\ndef {verb}_{noun}(items, limit={number}):\n    """{verb.title()} a {noun}, {number} at most."""\n'
                f"    result_{verb} = [item.{noun} for item in items if item.size > {number * 7 % 13}]\n"
                f"    return sorted(result_{verb})[:limit] or {number}\n"
            )
        (folder / f"{noun}.py").write_text("\n".join(lines))
    return folder


@pytest.fixture
def toy_suite(box):
    """The name of a suite of two tasks; there is a sandbox to judge it in."""
    return "tests.pipelines.toy_suite:toy"


@pytest.fixture
def run(source, tmp_path):
    """A maker of trainings on the package."""

    def make(*settings, out=tmp_path / "out"):
        recipe = forge_recipe([str(source)], None, [*SMALL, *settings], screened=False)
        lines = []
        return Forge(recipe=recipe, out=out, say=lines.append, measured=False), lines

    return make


def made(forge, kind):
    return next(artifact for artifact, _ in forge.steps.made if artifact.manifest.kind == kind)


def test_full_tuning_leaves_weights_and_an_ordinary_model(run, fim_folder, tmp_path):
    forge, _ = run(f"model.base={fim_folder}", "model.tuning=full", "training.learning_rate=1e-3", "training.epochs=3")
    forge.run()
    tuned = made(forge, "weights")
    assert tuned.counts["best_step"] > 0
    model = load_model(tmp_path / "out" / "model", torch.float32)
    base = load_model(fim_folder, torch.float32)
    assert tuned.counts["trained_parameters"] == sum(weight.numel() for weight in base.parameters())
    changed = [
        name for name, weight in model.named_parameters() if not torch.equal(weight, dict(base.named_parameters())[name])
    ]
    assert len(changed) == len(list(model.parameters()))
    assert not (tmp_path / "out" / "adapter").exists()
    history = json.loads((tuned.path / "history.json").read_text())
    assert history["best_loss"] < history["validations"][0]["loss"]


def test_from_scratch_with_a_vocabulary_of_what_is_learned(run, tmp_path):
    scratch = (
        "model.base=scratch",
        "model.tuning=full",
        "model.depth=1",
        "model.vocabulary=600",
        "training.objective=pretrain",
    )
    forge, _ = run(*scratch, "pack.shares.continuation=1", "training.epochs=4")
    forge.run()
    base, tuned = made(forge, "base"), made(forge, "weights")
    tokenizer = load_tokenizer(tmp_path / "out" / "model")
    assert base.counts["vocabulary"] == len(tokenizer) <= 600 and find_fim(tokenizer).suffix_first
    assert tuned.manifest.recipe["training"]["learning_rate"] == pytest.approx(9e-3)  # 3e-3 at 576, root of the width
    history = json.loads((tuned.path / "history.json").read_text())
    assert history["best_loss"] < 0.8 * history["validations"][0]["loss"]
    again, _ = run(*scratch, "pack.shares.continuation=1", "training.epochs=4")
    again.run()
    assert not any(new for _, new in again.steps.made)


def test_a_trained_vocabulary_is_that_of_a_model_from_scratch(run, tmp_path):
    forge, _ = run()
    folder = tmp_path / "vocabulary"
    measured = VocabularyTraining(records=forge.learned(), folder=folder, size=700).run()
    (vocabulary,) = measured.vocabularies
    assert vocabulary.bytes_per_token["python"] > 3 and "".join(vocabulary.sample).startswith('"""What a ')
    page = (folder / "vocabulary.html").read_text()
    assert "prose, es" in page and 'class="piece piece-0"' in page
    scratch, _ = run("model.base=scratch", "model.tuning=full", "model.depth=1", f"model.tokenizer={folder}")
    verdicts = {verdict.check: verdict.outcome for verdict in scratch.preflight()}
    assert set(verdicts.values()) <= {Outcome.PASS, Outcome.SKIP}, verdicts
    assert made(scratch, "base").counts["vocabulary"] == len(load_tokenizer(folder))
    with pytest.raises(ModelError, match="holds something already"):
        VocabularyTraining(records=forge.learned(), folder=folder, size=700).run()


def test_nothing_held_out_is_learned_from(run):
    forge, _ = run()
    records = forge.learned()
    sides = parts_of(made(forge, "split"))
    assert {sides[record.id] for record in records} == {Split.TRAIN}
    assert len(records) == sum(side is Split.TRAIN for side in sides.values()) < FILES


@pytest.mark.parametrize("tied", [True, False])
def test_an_extended_base_is_trained_with_an_adapter_that_learns_its_new_rows(run, make_base, tmp_path, tied):
    base_folder = make_base(tie_word_embeddings=tied)
    forge, _ = run()
    folder = tmp_path / "grown"
    records = forge.learned()
    measured = VocabularyExtension(records=records, base=str(base_folder), folder=folder, most=60).run()
    before, kept, after = measured.grown.bits
    assert before <= kept < 1.2 * before and after != kept
    old, new = measured.vocabularies
    assert new.bytes_per_token["python"] > old.bytes_per_token["python"]
    ids = unlearned_ids(folder)
    assert len(ids) > 20 and unlearned_ids(base_folder) == []
    tokenizer = load_tokenizer(folder)
    assert set(encode(tokenizer, records[0].text)) & set(ids)
    training, _ = run(f"model.base={folder}", "model.lora_rank=4", "training.learning_rate=1e-2")
    training.run()
    grown, model = load_model(folder, torch.float32), load_model(tmp_path / "out" / "model", torch.float32)
    moved = (
        model.get_input_embeddings().weight[: len(tokenizer)] - grown.get_input_embeddings().weight[: len(tokenizer)]
    ).abs()
    used = sorted(set(encode(tokenizer, "".join(record.text for record in records))) & set(ids))
    assert (moved[used].sum(dim=1) > 0).all() and moved[: ids[0]].max() == 0
    heads = [each.get_output_embeddings().weight[: len(tokenizer)] for each in (grown, model)]
    assert ((heads[0] - heads[1])[used].abs().sum(dim=1) > 0).all()


def test_answers_and_a_suite_are_looked_at_while_it_trains(run, fim_folder, tmp_path, toy_suite):
    """The suite is judged beside the training; its number stands under the step at which the model was asked."""
    watched = (f"training.suite={toy_suite}", "training.suite_every=4", "training.suite_tasks=3", "training.samples=3")
    forge, _ = run(f"model.base={fim_folder}", "model.lora_rank=4", *watched)
    forge.run()
    tuned = made(forge, "adapter")
    events = EventAccumulator(str(tuned.path / "tensorboard"))
    events.Reload()
    assert {f"samples/{number}/text_summary" for number in (1, 2, 3)} <= set(events.Tags()["tensors"])
    history = json.loads((tuned.path / "history.json").read_text())
    scores = [reading for reading in history["readings"] if reading["name"].endswith("pass@1")]
    assert [reading["step"] for reading in scores] == [step for step in range(0, len(history["steps"]) + 1, 4)]
    assert {reading["value"] for reading in scores} == {0.0}  # a tiny model solves nothing
    again, _ = run(f"model.base={fim_folder}", "model.lora_rank=4", "training.samples=0")
    assert again.run() and not any(new for artifact, new in again.steps.made if artifact.manifest.kind == "adapter")


def test_a_run_that_would_be_wrong_does_not_start(run, fim_folder):
    forge, lines = run(f"model.base={fim_folder}", "training.objective=tests.training.broken:MeanLoss")
    with pytest.raises(TrainingError, match=r"preflight accumulation: .*training\.objective must give a sum"):
        forge.run()
    assert not (forge.out / "model").exists()
    forge, lines = run(f"model.base={fim_folder}", "model.lora_rank=4", "training.learning_rate=0.01")
    forge.run()
    assert any(line.startswith("preflight rates: training.learning_rate is 0.01") for line in lines)


def test_preflight_trains_nothing(run, fim_folder):
    forge, _ = run(f"model.base={fim_folder}", "model.lora_rank=4")
    assert {verdict.outcome for verdict in forge.preflight()} == {Outcome.PASS, Outcome.SKIP}
    assert {artifact.manifest.kind for artifact, _ in forge.steps.made}.isdisjoint({"adapter", "model"})


def test_sigterm_exits_with_0_and_the_same_command_ends_what_was_begun(source, fim_folder, tmp_path):
    """The real command line, told to stop in the middle."""
    recipe = tmp_path / "r.toml"
    settings = [
        *SMALL,
        f'model.base="{fim_folder}"',
        "model.lora_rank=4",
        "training.epochs=12",
        "training.checkpoint_every=1000",
    ]
    recipe.write_text(f'[[sources]]\nspec = "{source}"\n')
    command = [
        sys.executable,
        "-c",
        "from yunque.cli.main import run; run()",
        "train",
        str(recipe),
        "--out",
        str(tmp_path / "out"),
    ]
    command += [part for setting in settings for part in ("--set", setting.replace('"', ""))]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        for _ in range(1200):
            begun = list((tmp_path / "out" / "work").glob("adapter-*/" + CHECKPOINT))
            if begun or process.poll() is not None:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "the same command goes on from here" in err
    step = torch.load(begun[0], weights_only=True)["step"]
    assert step > 0
    result = subprocess.run([*command, "--json"], capture_output=True, text=True, env=os.environ, timeout=300)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["steps"] > step


# ------------------------------------------------------------------------------------------------------------ runs and plans
def test_runs_are_listed_and_two_are_compared(run, fim_folder, tmp_path):
    for rate in ("1e-3", "2e-3"):
        forge, _ = run(f"model.base={fim_folder}", "model.lora_rank=4", f"training.learning_rate={rate}")
        forge.run()
    first, second = training_runs(tmp_path / "out")
    assert first.steps and first.recipe["training"]["learning_rate"] == 1e-3
    assert list(differences((first.recipe, second.recipe))) == [("training.learning_rate", "0.001", "0.002")]
    assert find_run([first, second], first.id[8:14]) is first and find_run([first, second], second.id) is second
    for wanted in ("adapter", "zzz", ""):
        with pytest.raises(StoreError, match="training here begins with"):
            find_run([first, second], wanted)
    work = tmp_path / "out" / "work" / "adapter-0123456789abcdef"
    work.mkdir(parents=True)
    torch.save({"history": pack_history(History(steps=[{"step": 1, "tokens_seen": 5, "loss": 2.0}]))}, work / CHECKPOINT)
    assert training_runs(tmp_path / "out")[-1].made == ""


def test_where_nothing_was_trained_there_are_no_runs(tmp_path):
    with pytest.raises(StoreError, match="nothing has been trained here"):
        training_runs(tmp_path)


def test_a_plan_of_a_model_that_is_not_there_yet():
    recipe = load_recipe(None, ["model.base=scratch", "model.tuning=full", "model.depth=12", "model.vocabulary=20000"])
    plan = Planning(recipe=recipe, progress=silent).run(gpu="h100", count=2, measure=True, table=None)
    assert not plan.measured and plan.count == 2  # an H100 is not measured on a machine that has none
    width, ff = 768, 2048
    assert plan.parameters == 20000 * width + 12 * (4 * width * width + 3 * width * ff + 2 * width) + width
    assert plan.trained_parameters == plan.parameters


# -------------------------------------------------------------------------------------------------------------- preferences
@pytest.fixture
def wanted(tmp_path):
    """A table of questions, each with a better and a worse answer; one of them holds a person's address."""
    rows = [
        {"q": f"How is item {n} counted?", "a": f"return count + {n}", "r": f"return count - {n}  # write to {MAIL}"}
        for n in range(40)
    ]
    path = tmp_path / "wanted.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


MAIL = "ana.perez@correo-de-ana.es"


@pytest.mark.parametrize("objective", ["dpo", "orpo", "kto"])
def test_preferences_of_a_table_are_trained_on(source, wanted, fim_folder, tmp_path, objective):
    path = tmp_path / "recipe.toml"
    path.write_text(
        f"[[sources]]\nspec = {str(source)!r}\n[[sources]]\nspec = 'table:{wanted}'\n"
        "options = { columns = { prompt = 'q', answer = 'a', rejected = 'r' }, licence = 'MIT' }\n"
    )
    settings = (*SMALL, f"model.base={fim_folder}", f"training.objective={objective}", "training.learning_rate=1e-2")
    recipe = forge_recipe([str(path)], None, [*settings, "training.epochs=4", "training.rows_per_step=2", "model.dropout=0"])
    forge = Forge(recipe=recipe, out=tmp_path / "out", say=lambda line: None, measured=False)
    forge.run()
    dataset, packed, tuned = made(forge, "dataset"), made(forge, "packed"), made(forge, "adapter")
    assert dataset.counts["preferences"] == {"table": 40}
    counts = packed.counts
    assert counts["train"]["used"] + counts["validation"]["used"] == 40 and counts["validation"]["used"]
    assert MAIL not in load_tokenizer(packed.path / "tokenizer").decode(Rows.load(packed.path, "train").ids.flatten())
    history = json.loads((tuned.path / "history.json").read_text())
    assert history["best_loss"] < 0.9 * history["validations"][0]["loss"]
    if objective != "orpo":
        assert history["validations"][0]["loss"] == pytest.approx({"dpo": 0.6931, "kto": 0.5}[objective], abs=2e-3)
    assert not list(tuned.path.glob("*.npy"))


def test_a_data_set_without_preferences_is_refused_for_dpo(run, fim_folder):
    forge, _ = run(f"model.base={fim_folder}", "training.objective=dpo")
    with pytest.raises(TrainingError, match="no usable preferences: nothing would be trained; gather more reactions"):
        forge.run()
