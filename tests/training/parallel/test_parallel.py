"""However a training is spread over processes, it is the same training, and its checkpoints belong to all of them.

Two processes (gloo) on this machine, started as a user's are.
"""

import json
import os
import signal
from pathlib import Path

import pytest
import torch

from tests.training.interrupting import at_step, press_ctrl_c
from yunque.core.errors import Paused, TrainingError
from yunque.core.nouns import Pair, PairKind, content_id
from yunque.data.packing.rows import PackRecipe, pack
from yunque.models.recipe import ModelRecipe
from yunque.models.tokenizer import add_fim, find_fim, load_tokenizer
from yunque.pipelines.training import WORKER
from yunque.training.checkpoints import BEST, CHECKPOINT, read
from yunque.training.recipe import TrainingRecipe
from yunque.training.run import TrainingJob, train

pytestmark = pytest.mark.toolchain  # minutes of starting processes
LENGTH = 96
STEPS = {"rows_per_step": 4, "rows_at_once": 1, "validate_every": 3, "checkpoint_every": 2, "patience": 0, "samples": 0}
LAYOUTS = ["none", "fsdp", "zero1", "zero2", "zero3"]


def pairs(count):
    """Of very different lengths, so that processes have different numbers of answers."""
    for index in range(count):
        prompt = f"def area_{index}(width, height):"
        answer = "\n".join(f"    width = width * height + {line}" for line in range(index % 7 + 1))
        yield Pair(
            id=content_id(prompt), kind=PairKind.BODY, prompt=prompt, answer=answer, span_bytes=None, language="python",
            natural_language="en", origin_ids=(prompt,),
        )  # fmt: skip


@pytest.fixture(scope="module")
def packed(base_folder, tmp_path_factory):
    """Rows to train (39) and to validate on (5), and the new tokens' ids."""
    folder, tokenizer = tmp_path_factory.mktemp("packed"), load_tokenizer(base_folder)
    new_ids = add_fim(tokenizer)
    rows, _ = pack(pairs(200), tokenizer, find_fim(tokenizer), PackRecipe(length_tokens=LENGTH, prompt_tokens=48), 10**6, 1)
    rows.some(slice(0, 39)).save(folder, "train")
    rows.some(slice(39, 44)).save(folder, "validation")
    tokenizer.save_pretrained(folder / "tokenizer")
    return folder, new_ids


@pytest.fixture
def job(base_folder, packed):
    """A maker of jobs; keywords go to the recipe of training."""

    def make(tuning="lora", dtype="float32", **training):
        return TrainingJob(
            base=base_folder,
            packed=packed[0],
            new_ids=tuple(packed[1]),
            model=ModelRecipe(tuning=tuning, lora_rank=4, dtype=dtype, dropout=0.0),
            training=TrainingRecipe(**STEPS | {"learning_rate": 5e-3} | training),
            seed=1,
        )

    return make


@pytest.fixture(scope="module")
def in_folder(tmp_path_factory):
    """Trains a job in a folder of its own; returns the folder and the history."""

    def run(job, folder=None, **more):
        folder = folder or tmp_path_factory.mktemp("run")
        folder.mkdir(exist_ok=True)
        counts = train(job, folder, worker=WORKER, **more)
        return folder, json.loads((folder / "history.json").read_text()), counts

    return run


def losses(history):
    return [row["loss"] for row in history["steps"]] + [row["loss"] for row in history["validations"]]


def saved(folder):
    """What came of it, by name."""
    from safetensors.torch import load_file

    (path,) = [*folder.glob("adapter/*.safetensors"), *folder.glob("weights/*.safetensors")]
    return load_file(path)


# ----------------------------------------------------------------------------------------------------------- the same curve
@pytest.fixture(scope="module")
def one_process(in_folder):
    """What one process makes of a job, once each."""
    kept = {}

    def run(job):
        key = job.model.tuning, job.training.epochs
        if key not in kept:
            kept[key] = in_folder(job)
        return kept[key]

    return run


@pytest.mark.parametrize(
    ("tuning", "sharding"),
    [*[("lora", sharding) for sharding in LAYOUTS], ("full", "fsdp"), ("full", "zero3")],
)
def test_two_processes_make_the_curve_of_one(job, one_process, in_folder, tuning, sharding):
    wanted_folder, wanted, _ = one_process(job(tuning))
    folder, history, counts = in_folder(job(tuning, processes=2, sharding=sharding))
    assert (counts["processes"], counts["sharding"]) == (2, sharding)
    share = history["moments_held"] / wanted["moments_held"]
    assert share == 1 if sharding == "none" else 0.45 < share < 0.55, "it is what it says"
    assert len(wanted["steps"]) == 9 and losses(wanted)[0] > losses(wanted)[8] + 0.3
    assert losses(history) == pytest.approx(losses(wanted), rel=1e-3)
    for key in ("grad_norm", "tokens_seen"):
        assert [row[key] for row in history["steps"]] == pytest.approx([row[key] for row in wanted["steps"]], rel=2e-3)
    first, second = saved(folder), saved(wanted_folder)
    assert first.keys() == second.keys()
    for name, weight in second.items():
        assert torch.allclose(first[name].float(), weight.float(), atol=2e-3), name


@pytest.mark.parametrize("sharding", ["fsdp", "zero3"])
def test_a_base_in_bfloat16_is_sharded_beside_an_adapter_in_float32(job, in_folder, sharding):
    _, history, counts = in_folder(job(dtype="bfloat16", processes=2, sharding=sharding, checkpointing=True))
    assert counts["dtype"] == "bfloat16"
    assert history["steps"][-1]["loss"] < history["steps"][0]["loss"] - 0.3


SPIKES = {"epochs": 3.0, "learning_rate": 0.1, "warmup_share": 0.9, "spike": 2.0, "patience": 3, "validate_every": 2}
"""The rate rises until the loss does."""


@pytest.mark.parametrize("sharding", ["fsdp", "zero3"])
def test_going_back_and_stopping_early_are_those_of_one_process(job, in_folder, sharding):
    _, wanted, _ = in_folder(job(**SPIKES))
    _, history, _ = in_folder(job(processes=2, sharding=sharding, **SPIKES))
    assert wanted["rollbacks"]
    assert [row["step"] for row in history["rollbacks"]] == [row["step"] for row in wanted["rollbacks"]]
    calm = slice(0, wanted["rollbacks"][0]["to"])  # after it, at this rate, rounding grows
    assert losses(history)[calm] == pytest.approx(losses(wanted)[calm], rel=1e-3)
    assert history["stopped_early"] and len(history["steps"]) == len(wanted["steps"])


# -------------------------------------------------------------------------------------------- stopped, killed, gone on with
LONG = {"epochs": 4.0}
"""Steps enough for a signal to come in time on a busy machine."""


def workers(folder):
    """Process ids of the ranks that train in a folder, by rank."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder) in (path / "cmdline").read_text() and "RANK" in (text := (path / "environ").read_text()):
                settings = dict(item.partition("=")[::2] for item in text.split("\0"))
                found[int(settings["RANK"])] = int(path.name)
        except (OSError, KeyError):
            continue
    return found


@pytest.mark.parametrize(("first", "second"), [("zero3", "fsdp"), ("fsdp", "zero2")])
def test_a_run_that_was_stopped_goes_on_on_other_processes(job, one_process, in_folder, tmp_path, first, second):
    _, wanted, _ = one_process(job(**LONG))
    stop = at_step(4, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Paused, match=r"stopped at step \d+ of 39"):
        in_folder(job(processes=2, sharding=first, **LONG), tmp_path, progress=stop)
    state = read(tmp_path / CHECKPOINT)
    assert 4 <= state["step"] < 39 and state["weights"].keys() == state["optimizer"].keys()
    assert all(weight.shape == state["optimizer"][name]["exp_avg"].shape for name, weight in state["weights"].items())
    assert {float(moments["step"]) for moments in state["optimizer"].values()} == {float(state["step"])}
    _, history, _ = in_folder(job(processes=2, sharding=second, **LONG), tmp_path)
    assert losses(history) == pytest.approx(losses(wanted), rel=1e-3)


def test_a_killed_rank_ends_the_others_and_one_process_goes_on(job, one_process, in_folder, tmp_path):
    _, wanted, _ = one_process(job(**LONG))
    kill = at_step(5, lambda: os.kill(workers(tmp_path)[1], signal.SIGKILL))
    with pytest.raises(TrainingError, match=r"a process of the training died .*goes on from the last checkpoint") as caught:
        in_folder(job(processes=2, sharding="zero2", **LONG), tmp_path, progress=kill)
    assert "\n" not in str(caught.value)
    assert not workers(tmp_path)
    assert 4 <= read(tmp_path / CHECKPOINT)["step"] < 39 and read(tmp_path / BEST)["weights"]
    _, history, _ = in_folder(job(**LONG), tmp_path)
    assert losses(history) == pytest.approx(losses(wanted), rel=1e-3)


def test_ctrl_c_saves_and_leaves_nobody_behind(job, in_folder, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        in_folder(job(processes=2, **LONG), tmp_path, progress=at_step(5, press_ctrl_c))
    assert not workers(tmp_path)
    assert 5 <= read(tmp_path / CHECKPOINT)["step"] < 39


# ------------------------------------------------------------------------------------------------------------------ refusals
def test_rows_that_cannot_be_shared_evenly_are_refused(job, in_folder):
    with pytest.raises(TrainingError, match=r"training.rows_per_step: 4 rows a step cannot be shared evenly by 3 processes"):
        in_folder(job(processes=3))


def test_weights_of_four_bits_are_not_sharded(job, in_folder):
    with pytest.raises(TrainingError, match=r"training.sharding: weights of 4 bits cannot be sharded"):
        in_folder(job("qlora", processes=2, sharding="zero3"))


def test_several_machines_need_a_place_to_meet(job, in_folder):
    with pytest.raises(TrainingError, match=r"training.rendezvous: several machines need a place to meet; give HOST:PORT"):
        in_folder(job(machines=2))
