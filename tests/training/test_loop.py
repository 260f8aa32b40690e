"""One step is one step however it is cut, a killed run goes on bit for bit, and the best weights are what is left."""

import math
import os
import resource
import signal
from contextlib import contextmanager
from functools import partialmethod

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.training.interrupting import at_step, press_ctrl_c
from yunque.core.errors import Paused, TrainingError
from yunque.data.packing.rows import Rows
from yunque.models.adapt import add_lora, load_model, trainable
from yunque.models.recipe import ModelRecipe
from yunque.training.checkpoints import CHECKPOINT, write
from yunque.training.loop import Trainer
from yunque.training.objectives.answers import AnswerCrossEntropy, Batch
from yunque.training.parallel.layout import decay_groups
from yunque.training.readings import Reading
from yunque.training.recipe import TrainingRecipe
from yunque.training.schedule import learning_rate

LENGTH = 32


def make_rows(num_rows, seed=1):
    """Rows of two samples with learnable ids (they count up); rows differ in how many answers they hold."""
    draw = np.random.default_rng(seed)
    ids = np.full((num_rows, LENGTH), 420, dtype=np.int32)
    answers, segments = np.zeros(ids.shape, dtype=bool), np.zeros(ids.shape, dtype=np.int16)
    for row in range(num_rows):
        half = int(draw.integers(4, 28))
        for number, (start, end) in enumerate(((0, half), (half, 30)), start=1):
            ids[row, start:end] = 20 + (draw.integers(300) + np.arange(end - start)) % 300
            segments[row, start:end] = number
            answers[row, start + int(draw.integers(1, end - start)) : end] = True
    return Rows(ids=ids, answers=answers, segments=segments)


TRAIN, VALIDATION = make_rows(10), make_rows(3, seed=2)


@pytest.fixture
def make_trainer(fim_folder, tmp_path):
    """A maker of trainers that all begin with the same weights; keywords go to the recipe, or to the trainer."""

    def make(folder=tmp_path, *, dropout=0.0, **settings):
        torch.manual_seed(0)
        model = load_model(fim_folder, torch.float32)
        adapted = add_lora(model, ModelRecipe(lora_rank=4, dropout=dropout), list(range(420, 424)))
        parts = {"objective": AnswerCrossEntropy(), "train": TRAIN, "validation": VALIDATION, "seed": 1}
        parts |= {name: settings.pop(name) for name in (*parts, "progress", "probes", "say") if name in settings}
        defaults = {"rows_per_step": 2, "rows_at_once": 1, "epochs": 1.0, "validate_every": 100, "checkpoint_every": 100}
        folder.mkdir(exist_ok=True)
        recipe = TrainingRecipe(**defaults | settings)
        return Trainer(model=adapted, recipe=recipe, peak=recipe.learning_rate or 1e-3, folder=folder, **parts)

    return make


class Scripted:
    """The real objective, with something done to it before each loss."""

    def __init__(self, before):
        self.inner, self.before, self.calls = AnswerCrossEntropy(), before, 0

    def loss(self, model, batch):
        if torch.is_grad_enabled():
            self.calls += 1
        loss = self.inner.loss(model, batch)
        changed = self.before(self, model, loss, self.weight(batch))
        return loss if changed is None else changed

    def batch(self, data, rows, device):
        return self.inner.batch(data, rows, device)

    def weight(self, batch):
        return self.inner.weight(batch)


def weights_of(trainer):
    return {name: weight.detach().clone() for name, weight in trainer.weights.items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def without_speed(steps):
    return [{name: value for name, value in step.items() if name != "tokens_per_s"} for step in steps]


# ------------------------------------------------------------------------------------------------------------------ one step
def first_gradients(trainer, monkeypatch):
    """Gradients of the first step as the optimizer would get them, before clipping."""
    found = {}

    def look(weights, limit):
        found.update({name: weight.grad.clone() for name, weight in trainer.weights.items() if weight.grad is not None})
        return clip(weights, limit)

    clip = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", look)
    trainer.fit()
    return found


def test_four_small_batches_are_one_large_one(make_trainer, tmp_path, monkeypatch):
    one = make_trainer(tmp_path / "one", rows_per_step=4, rows_at_once=4, epochs=0.4)
    four = make_trainer(tmp_path / "four", rows_per_step=4, rows_at_once=1, epochs=0.4)
    assert one.num_steps == four.num_steps == 1
    answers = TRAIN.answers[one.rows_of(1)].sum(axis=1)
    assert answers.max() > 1.5 * answers.min(), "a mean of means would pass unseen"
    wanted, found = first_gradients(one, monkeypatch), first_gradients(four, monkeypatch)
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert (found[name] - wanted[name]).norm() <= 1e-5 * wanted[name].norm() + 1e-7, name
    (first,), (second,) = one.history.steps, four.history.steps
    assert second["loss"] == pytest.approx(first["loss"], rel=1e-5)
    assert second["grad_norm"] == pytest.approx(first["grad_norm"], rel=1e-4)
    assert second["rows"] == first["rows"] and second["tokens_seen"] == first["tokens_seen"]
    for name, weight in four.weights.items():
        assert torch.allclose(weight, one.weights[name], atol=1e-5), name


def test_the_gradient_is_that_of_the_mean_over_answer_tokens(make_trainer, tmp_path, monkeypatch):
    trainer, plain = make_trainer(tmp_path / "one", epochs=0.2), make_trainer(tmp_path / "other", epochs=0.2)
    objective = AnswerCrossEntropy()
    batch = objective.batch(TRAIN, plain.rows_of(1))
    loss, count = objective.loss(plain.model, batch), objective.weight(batch)
    (loss / count).backward()
    found = first_gradients(trainer, monkeypatch)
    for name, weight in plain.weights.items():
        assert torch.allclose(found[name], weight.grad, rtol=1e-4, atol=1e-7), name
    assert trainer.history.steps[0]["loss"] == pytest.approx(loss.item() / count, rel=1e-5)


def test_training_lowers_the_loss(make_trainer):
    history = make_trainer(epochs=8.0, learning_rate=1e-2, validate_every=5).fit()
    assert history.validations[0]["step"] == 0
    assert history.best_loss == min(row["loss"] for row in history.validations)
    assert np.mean([row["loss"] for row in history.steps[-5:]]) < 0.8 * history.steps[0]["loss"]


def test_the_validation_loss_is_the_mean_over_its_answer_tokens(make_trainer, tmp_path):
    losses = []
    for at_once in (1, 2, 3):
        trainer = make_trainer(tmp_path / str(at_once), rows_at_once=at_once, epochs=0.2, dropout=0.5)
        losses.append(trainer.fit().validations[0]["loss"])
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)


def test_weights_that_nobody_trains_keep_every_bit(make_trainer):
    trainer = make_trainer(learning_rate=0.1)
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters() if not p.requires_grad}
    trainer.fit()
    assert same(before, {name: p for name, p in trainer.model.named_parameters() if not p.requires_grad})


def test_only_matrices_of_the_adapter_decay(make_trainer):
    nothing = Scripted(lambda self, model, loss, count: loss * 0)
    trainer = make_trainer(objective=nothing, epochs=0.2, weight_decay=0.5, learning_rate=0.1, warmup_share=0.0)
    with torch.no_grad():
        for weight in trainer.weights.values():
            weight.fill_(1.0)
    trainer.fit()
    rate = trainer.history.steps[0]["learning_rate"]
    checkpoint = torch.load(trainer.folder / CHECKPOINT, weights_only=True)["weights"]  # the last weights, not the best
    assert len(checkpoint) > 1
    for name, weight in checkpoint.items():
        wanted = 1 - 0.5 * rate if "lora_" in name else 1.0
        assert torch.allclose(weight, torch.full_like(weight, wanted)), name


def test_a_large_gradient_is_clipped(make_trainer, tmp_path):
    steps = {}
    for limit in (1e-4, 1e4):
        trainer = make_trainer(tmp_path / str(limit), epochs=0.2, clip_norm=limit)
        original = trainer.layout.optimizer.step

        def look(*arguments, trainer=trainer, limit=limit, original=original, **named):
            steps[limit] = math.sqrt(sum(float(w.grad.norm()) ** 2 for w in trainer.weights.values() if w.grad is not None))
            return original(*arguments, **named)

        trainer.layout.optimizer.step = look
        norm = trainer.fit().steps[0]["grad_norm"]
        assert steps[limit] == pytest.approx(min(norm, limit), rel=1e-3)
    assert steps[1e-4] < steps[1e4]


# --------------------------------------------------------------------------------------------------------- rows and schedule
@pytest.mark.parametrize(("num_rows", "per_step"), [(10, 2), (10, 3), (7, 4), (3, 5)])
def test_every_row_comes_once_an_epoch(make_trainer, num_rows, per_step):
    trainer = make_trainer(train=make_rows(num_rows), rows_per_step=per_step, epochs=6.0)
    seen = [int(row) for step in range(1, trainer.num_steps + 1) for row in trainer.rows_of(step)]
    epochs = [seen[start : start + num_rows] for start in range(0, len(seen) - num_rows + 1, num_rows)]
    assert len(epochs) >= 5
    assert all(sorted(epoch) == list(range(num_rows)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_stages_come_one_after_the_other_each_with_all_its_epochs(make_trainer):
    rows = Rows(**{**vars(make_rows(10)), "stages": np.array([1, 0, 0, 1, 0, 0, 0, 1, 0, 0], dtype=np.int16)})
    trainer = make_trainer(train=rows, rows_per_step=1, epochs=2.0)
    seen = [int(trainer.rows_of(step)[0]) for step in range(1, trainer.num_steps + 1)]
    first, second = [1, 2, 4, 5, 6, 8, 9], [0, 3, 7]
    assert len(seen) == 20
    for start, wanted in ((0, first), (7, first), (14, second), (17, second)):
        assert sorted(seen[start : start + len(wanted)]) == wanted
    assert seen[:7] != seen[7:14]


def test_the_history_tells_which_rows_were_seen(make_trainer):
    trainer = make_trainer(epochs=1.0)
    history = trainer.fit()
    assert [row["rows"] for row in history.steps] == [trainer.rows_of(step).tolist() for step in range(1, 6)]
    assert sorted(index for row in history.steps for index in row["rows"]) == list(range(10))
    assert history.steps[-1]["tokens_seen"] == (TRAIN.segments > 0).sum()


def test_another_seed_has_another_order(make_trainer, tmp_path):
    one, other = make_trainer(tmp_path / "one"), make_trainer(tmp_path / "other", seed=2)
    assert [one.rows_of(step).tolist() for step in range(1, 6)] != [other.rows_of(step).tolist() for step in range(1, 6)]


@pytest.mark.parametrize(("epochs", "per_step", "steps"), [(1.0, 2, 5), (1.0, 3, 3), (0.5, 2, 2), (3.0, 4, 7), (0.01, 8, 1)])
def test_the_number_of_steps(make_trainer, epochs, per_step, steps):
    assert make_trainer(epochs=epochs, rows_per_step=per_step).num_steps == steps


def test_the_rate_rises_linearly_then_falls_as_a_cosine(make_trainer):
    trainer = make_trainer(rows_per_step=1, epochs=2.2, warmup_share=0.1, final_share=0.2, learning_rate=1e-2)
    rates = [row["learning_rate"] for row in trainer.fit().steps]
    assert len(rates) == 22
    assert rates[:2] == pytest.approx([0.5e-2, 1e-2])
    assert rates[1 + 5] == pytest.approx(1e-2 * (0.2 + 0.8 * (1 + math.cos(math.pi / 4)) / 2))
    assert rates[1 + 10] == pytest.approx(0.6e-2)
    assert rates[1 + 20] == pytest.approx(0.2e-2)
    assert rates[1:] == sorted(rates[1:], reverse=True)


def test_no_warm_up_and_one_step_still_have_a_rate(make_trainer, tmp_path):
    for warm in (0.0, 0.9):
        trainer = make_trainer(tmp_path / str(warm), rows_per_step=10, warmup_share=warm, learning_rate=1e-3)
        assert [row["learning_rate"] for row in trainer.fit().steps] == [1e-3]


# -------------------------------------------------------------------------------------------------------- killed and resumed
KILLING = at_step(8, press_ctrl_c)


def inside_a_step(self, model, loss, count):
    if self.calls == 2 * 7 + 2:  # the second micro-batch of step 8
        raise KeyboardInterrupt


def before_any_checkpoint(self, model, loss, count):
    if self.calls == 3:
        raise KeyboardInterrupt


LONG = {"epochs": 2.4, "dropout": 0.2, "checkpoint_every": 3, "validate_every": 4, "patience": 9, "learning_rate": 5e-3}
KILLS = {
    "between steps": {"progress": KILLING},
    "inside a step": {"objective": Scripted(inside_a_step)},
    "before any checkpoint": {"objective": Scripted(before_any_checkpoint)},
}


@pytest.fixture
def uninterrupted(make_trainer, tmp_path):
    trainer = make_trainer(tmp_path / "whole", **LONG)
    trainer.fit()
    return trainer


@pytest.mark.parametrize("kill", KILLS)
def test_a_killed_run_goes_on_bit_for_bit(make_trainer, uninterrupted, tmp_path, kill):
    folder = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        make_trainer(folder, **LONG | KILLS[kill]).fit()
    reached = 0 if kill == "before any checkpoint" else 6
    assert torch.load(folder / CHECKPOINT, weights_only=True)["step"] == reached
    (folder / (CHECKPOINT + ".part")).write_bytes(b"killed while writing")
    torch.manual_seed(12345)  # what a new process has there is anybody's guess
    seen = Scripted(lambda *_: None)
    resumed = make_trainer(folder, **LONG, objective=seen)
    resumed.fit()
    assert seen.calls == 2 * (12 - reached), "it began at another step than the checkpoint's"
    assert without_speed(resumed.history.steps) == without_speed(uninterrupted.history.steps)
    assert resumed.history.validations == uninterrupted.history.validations
    assert [row["step"] for row in resumed.history.validations] == [0, 4, 8, 12]
    assert (resumed.history.best_step, resumed.history.best_loss) == (
        uninterrupted.history.best_step,
        uninterrupted.history.best_loss,
    )
    assert same(weights_of(resumed), weights_of(uninterrupted))
    last, wanted = (torch.load(path / CHECKPOINT, weights_only=True) for path in (folder, uninterrupted.folder))
    assert same(last["weights"], wanted["weights"])
    assert last["optimizer"].keys() == wanted["optimizer"].keys() == last["weights"].keys()
    for name, moments in wanted["optimizer"].items():
        assert moments.keys() == {"step", "exp_avg", "exp_avg_sq"}
        assert same(last["optimizer"][name], moments), name


def test_a_finished_run_is_not_trained_again(make_trainer, uninterrupted, tmp_path):
    again = make_trainer(tmp_path / "whole", **LONG | {"objective": Scripted(lambda *_: pytest.fail("trained again"))})
    assert without_speed(again.fit().steps) == without_speed(uninterrupted.history.steps)
    assert same(weights_of(again), weights_of(uninterrupted))


def test_dropout_and_order_come_from_the_seed_alone(make_trainer, uninterrupted, tmp_path):
    trainer = make_trainer(tmp_path / "again", **LONG)
    torch.manual_seed(999)
    np.random.seed(999)
    assert without_speed(trainer.fit().steps) == without_speed(uninterrupted.history.steps)


@pytest.mark.parametrize("damage", ["garbage", "cut", "empty", "other model"])
def test_a_damaged_checkpoint_is_refused_in_one_line(make_trainer, tmp_path, damage):
    make_trainer(epochs=0.2).fit()
    path = tmp_path / CHECKPOINT
    content = path.read_bytes()
    if damage == "other model":
        state = torch.load(path, weights_only=True)
        torch.save(state | {"weights": {f"other.{name}": weight for name, weight in state["weights"].items()}}, path)
    else:
        path.write_bytes({"garbage": b"not a checkpoint", "cut": content[: len(content) // 2], "empty": b""}[damage])
    with pytest.raises(TrainingError, match=r"the checkpoint (cannot be read|is another run's).*delete it") as caught:
        make_trainer().fit()
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_checkpoint_runs_no_code(make_trainer, tmp_path):
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("the checkpoint ran code",))

    torch.save({"step": 1, "weights": Evil()}, tmp_path / CHECKPOINT)
    with pytest.raises(TrainingError, match="the checkpoint cannot be read"):
        make_trainer().fit()


# ------------------------------------------------------------------------------------------------------------ stopping early
def scripted_validation(losses, taken):
    """An objective whose validations come out as ``losses``; the weights at each are put into ``taken``."""
    waiting = iter(losses)

    def before(self, model, loss, count):
        if torch.is_grad_enabled():
            return None
        taken.append({name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad})
        return torch.tensor(next(waiting) * count)

    return Scripted(before)


EACH_STEP = {"validate_every": 1, "rows_at_once": 3, "learning_rate": 1e-2}


def test_training_stops_when_patience_runs_out_and_leaves_the_best(make_trainer):
    taken = []
    objective = scripted_validation([5.0, 4.0, 3.0, 3.5, 3.2, 1.0], taken)
    trainer = make_trainer(objective=objective, patience=2, epochs=4.0, **EACH_STEP)
    history = trainer.fit()
    assert history.stopped_early
    assert (history.best_step, history.best_loss, len(history.steps)) == (2, pytest.approx(3.0), 4)
    assert same(weights_of(trainer), taken[2])
    assert not same(taken[2], taken[4])


def test_a_stopped_run_stays_stopped(make_trainer):
    taken = []
    make_trainer(objective=scripted_validation([5.0, 4.0, 4.5, 4.6], taken), patience=2, epochs=4.0, **EACH_STEP).fit()
    again = make_trainer(objective=Scripted(lambda *_: pytest.fail("went on")), patience=2, epochs=4.0, **EACH_STEP)
    assert again.fit().stopped_early
    assert same(weights_of(again), taken[1])


def test_better_losses_renew_patience(make_trainer):
    losses = [5.0, 5.1, 4.0, 4.1, 3.0, 3.1]
    trainer = make_trainer(objective=scripted_validation(losses, []), patience=2, **EACH_STEP)
    history = trainer.fit()
    assert not history.stopped_early and len(history.steps) == 5
    assert history.best_step == 4


def test_a_base_that_only_gets_worse_is_left_as_it_was(make_trainer):
    taken = []
    trainer = make_trainer(objective=scripted_validation([1.0, 2.0, 3.0, 4.0], taken), patience=3, **EACH_STEP)
    before = weights_of(trainer)
    assert trainer.fit().best_step == 0
    assert same(weights_of(trainer), before)


# ------------------------------------------------------------------------------------------------------------------ refusals
def test_a_model_with_nothing_to_train_is_refused(fim_folder, tmp_path):
    model = load_model(fim_folder, torch.float32).requires_grad_(False)
    parts = {"objective": AnswerCrossEntropy(), "train": TRAIN, "validation": VALIDATION, "seed": 1}
    with pytest.raises(TrainingError, match="nothing to train"):
        Trainer(model=model, recipe=TrainingRecipe(), peak=1e-3, folder=tmp_path, **parts)


def test_a_step_without_answers_is_refused(make_trainer):
    bare = Rows(ids=TRAIN.ids, answers=np.zeros_like(TRAIN.answers), segments=TRAIN.segments)
    with pytest.raises(TrainingError, match="step 1 has nothing to learn from"):
        make_trainer(train=bare).fit()


@pytest.mark.parametrize("rows", [make_rows(0), Rows(**vars(VALIDATION) | {"answers": np.zeros_like(VALIDATION.answers)})])
def test_a_validation_without_answers_is_refused(make_trainer, rows):
    with pytest.raises(TrainingError):
        make_trainer(validation=rows).fit()


# ---------------------------------------------------------------------------------------------------------------- the seam
class Continuation:
    """Another objective, on other data: every token of plain texts, later ones counting more (``Objective``)."""

    def batch(self, data, rows, device="cpu"):
        ids = np.array([data[row] for row in rows], dtype=np.int32)
        whole = np.ones_like(ids, dtype=bool)
        made = Rows(ids=ids, answers=whole, segments=whole.astype(np.int16))
        weights = np.linspace(0.1, 2, ids.shape[1], dtype=np.float32)[None].repeat(len(ids), axis=0)
        return Batch.of(made, np.arange(len(ids)), device, weights)

    def weight(self, batch):
        return float(batch.weights_BT.sum())

    def loss(self, model, batch):
        logits_BTV = model(input_ids=batch.ids_BT, use_cache=False).logits[:, :-1].float()
        losses_BT = torch.nn.functional.cross_entropy(logits_BTV.transpose(1, 2), batch.ids_BT[:, 1:], reduction="none")
        return (losses_BT * batch.weights_BT[:, 1:]).sum()


TEXTS = [list(range(20 + start, 20 + start + 24)) for start in range(0, 80, 10)]


def test_an_objective_with_other_data_and_weights_fits_the_loop(make_trainer, tmp_path):
    settings = {"objective": Continuation(), "train": TEXTS, "validation": TEXTS[:2], "rows_per_step": 4, "epochs": 8.0}
    one = make_trainer(tmp_path / "one", **settings, learning_rate=1e-2, validate_every=4, rows_at_once=4)
    two = make_trainer(tmp_path / "two", **settings, learning_rate=1e-2, validate_every=4, rows_at_once=1)
    first, second = one.fit(), two.fit()
    assert first.best_loss < first.validations[0]["loss"] - 0.5
    assert second.steps[0]["loss"] == pytest.approx(first.steps[0]["loss"], rel=1e-5), "four at once are one and one and one"
    assert first.steps[0]["tokens_seen"] == 4 * 24


# -------------------------------------------------------------------------------------------------------------------- curves
def test_curves_are_written_once_for_every_step(make_trainer, uninterrupted, tmp_path):
    def scalars(folder, name):
        events = EventAccumulator(str(folder / "tensorboard"))
        events.Reload()
        return [(event.step, event.value) for event in events.Scalars(name)]

    folder = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        make_trainer(folder, **LONG | {"progress": KILLING}).fit()
    make_trainer(folder, **LONG).fit()
    for path in (folder, uninterrupted.folder):
        wanted = [(row["step"], pytest.approx(row["loss"])) for row in uninterrupted.history.steps]
        assert scalars(path, "train/loss") == wanted
        wanted = [(row["step"], pytest.approx(row["loss"])) for row in uninterrupted.history.validations]
        assert scalars(path, "validation/loss") == wanted
        assert [step for step, _ in scalars(path, "train/learning_rate")] == list(range(1, 13))


def test_progress_is_told_every_step(make_trainer):
    told = []

    @contextmanager
    def progress(label, total, unit=""):
        told.append((label, total, unit))
        yield lambda amount, note="": told.append(amount)

    make_trainer(progress=progress).fit()
    assert told == [("train", 5, "steps"), 0, 1, 1, 1, 1, 1]


def test_a_base_whose_weights_are_no_numbers_is_named(make_trainer):
    trainer = make_trainer()
    name = next(name for name, weight in trainer.model.named_parameters() if "q_proj.base_layer" in name)
    with torch.no_grad():
        dict(trainer.model.named_parameters())[name][0, 0] = math.nan
    with pytest.raises(TrainingError, match=rf"not a number: {name} of the base holds NaN"):
        trainer.fit()


def test_a_full_disk_keeps_the_last_checkpoint(make_trainer, tmp_path):
    make_trainer(epochs=0.2).fit()
    before = (tmp_path / CHECKPOINT).read_bytes()
    ignored, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises((OSError, TrainingError)):
            write(tmp_path / CHECKPOINT, {"weights": torch.ones(len(before))})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert not (tmp_path / (CHECKPOINT + ".part")).exists()
    assert make_trainer(epochs=0.2).fit().steps


# --------------------------------------------------------------------------------------------------------------- going back
BACK = {"epochs": 4.0, "checkpoint_every": 5, "validate_every": 5, "patience": 0}


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e3])
def test_a_bad_loss_goes_back_and_on_with_half_the_rate(make_trainer, tmp_path, bad):
    def spoil(self, model, loss, count):
        return loss * bad if self.calls == 2 * 17 + 1 else None  # once, in step 18

    lines = []
    trainer = make_trainer(objective=Scripted(spoil), say=lines.append, **BACK)
    history = trainer.fit()
    (rollback,) = history.rollbacks
    assert (rollback["step"], rollback["data_step"], rollback["to"]) == (18, 18, 15)
    straight = make_trainer(tmp_path / "straight", **BACK).fit()
    rows = [row["rows"] for row in straight.steps]
    assert [row["rows"] for row in history.steps[:17]] == rows[:17]
    assert [row["rows"] for row in history.steps[17:19]] == rows[18:20]  # those of step 18 are passed over
    assert "back to step 15 with 0.5 of the learning rate" in lines[0]
    plain = [learning_rate(step, 20, trainer.peak, trainer.recipe) for step in range(1, 21)]
    assert [row["step"] for row in history.steps] == list(range(1, 21))
    assert [row["learning_rate"] for row in history.steps] == pytest.approx(
        [*plain[:15], *(rate / 2 for rate in plain[15:])]
    )
    assert all(torch.isfinite(weight).all() for weight in trainer.weights.values())


def test_rows_that_always_spoil_a_step_are_passed_over(make_trainer):
    """A loss that comes from the rows themselves would come again with any rate: the same rows, the same dropout."""
    bad = []

    class Poisoned(AnswerCrossEntropy):
        def batch(self, data, rows, device):
            batch = super().batch(data, rows, device)
            if data is TRAIN and poisoned in rows and len(trainer.history.steps) >= 15:
                bad.append(batch)
            return batch

        def loss(self, model, batch):
            return super().loss(model, batch) * (math.nan if any(batch is each for each in bad) else 1.0)

    trainer = make_trainer(objective=Poisoned(), **BACK)
    poisoned = trainer.rows_of(18)[0]
    history = trainer.fit()
    assert [(row["step"], row["data_step"]) for row in history.rollbacks] == [(18, 18)]
    assert len(history.steps) == 20 and all(poisoned not in row["rows"] for row in history.steps[15:])


def test_it_gives_up_where_going_back_does_not_help(make_trainer):
    def spoil(self, model, loss, count):
        return loss * math.nan if self.calls > 2 * 7 else None

    trainer = make_trainer(objective=Scripted(spoil), max_rollbacks=2, **BACK)
    with pytest.raises(
        TrainingError, match=r"not a number at step 6, after going back 2 times; lower training.learning_rate"
    ):
        trainer.fit()
    assert torch.load(trainer.folder / CHECKPOINT, weights_only=True)["step"] == 5


def test_a_run_that_went_back_and_is_killed_has_not_forgotten(make_trainer, tmp_path):
    def spoil(self, model, loss, count):
        if self.calls == 2 * 17 + 1:
            return loss * math.nan
        if self.calls == 2 * 17 + 1 + 4:
            raise KeyboardInterrupt
        return None

    with pytest.raises(KeyboardInterrupt):
        make_trainer(objective=Scripted(spoil), **BACK).fit()
    history = make_trainer(**BACK).fit()
    assert [row["to"] for row in history.rollbacks] == [15]
    assert history.steps[15]["learning_rate"] < 0.6 * history.steps[14]["learning_rate"]


# ------------------------------------------------------------------------------------------------------------------- SIGTERM
def test_sigterm_saves_the_step_and_the_same_run_goes_on(make_trainer, uninterrupted, tmp_path):
    def ask(self, model, loss, count):
        if self.calls == 2 * 7 + 1:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Paused, match="stopped at step 8 of 12; the same command goes on"):
        make_trainer(tmp_path / "stopped", **LONG | {"objective": Scripted(ask)}).fit()
    assert signal.getsignal(signal.SIGTERM) is before
    seen = Scripted(lambda *_: None)
    resumed = make_trainer(tmp_path / "stopped", **LONG, objective=seen)
    resumed.fit()
    assert seen.calls == 2 * (12 - 8)
    assert without_speed(resumed.history.steps) == without_speed(uninterrupted.history.steps)
    assert same(weights_of(resumed), weights_of(uninterrupted))


# --------------------------------------------------------------------------------------------------------------- full tuning
def test_full_tuning_trains_every_weight_and_decays_matrices_only(fim_folder, tmp_path):
    def make(folder, **settings):
        folder.mkdir()
        model = trainable(fim_folder, ModelRecipe(tuning="full", dropout=0.0, dtype="bfloat16"), None, [])
        recipe = TrainingRecipe(rows_per_step=2, **settings)
        parts = {"objective": AnswerCrossEntropy(), "train": TRAIN, "validation": VALIDATION, "seed": 1}
        return Trainer(model=model, recipe=recipe, peak=recipe.peak(ModelRecipe(tuning="full")), folder=folder, **parts)

    trainer = make(tmp_path / "one", epochs=4.0, learning_rate=1e-3)
    assert {weight.dtype for weight in trainer.weights.values()} == {torch.float32}
    assert len(trainer.weights) == len(list(trainer.model.parameters()))
    before = weights_of(trainer)
    history = trainer.fit()
    assert history.best_loss < 0.98 * history.validations[0]["loss"]
    assert all(not torch.equal(weight, before[name]) for name, weight in weights_of(trainer).items())
    groups = decay_groups(trainer.model, trainer.weights, 0.1)
    names = {id(weight): name for name, weight in trainer.weights.items()}
    decayed = {names[id(weight)] for weight in groups[0]["params"]}
    assert decayed and all(name.endswith("_proj.weight") for name in decayed)
    assert {name for name in trainer.weights if name.endswith("_proj.weight")} == decayed


@pytest.mark.parametrize("way", ["checkpointing", "compile"])
def test_a_cheaper_way_gives_the_same_gradients(make_trainer, tmp_path, monkeypatch, way):
    # The compiler's own back end takes a minute and a half for two layers; what is traced is the same.
    monkeypatch.setattr(torch.nn.Module, "compile", partialmethod(torch.nn.Module.compile, backend="aot_eager"))
    plain = make_trainer(tmp_path / "plain", epochs=0.2, rows_at_once=2)
    other = make_trainer(tmp_path / "other", epochs=0.2, rows_at_once=2, **{way: True})
    decoder = other.model.get_base_model().model
    assert (decoder.gradient_checkpointing, decoder._compiled_call_impl is not None) == (
        way == "checkpointing",
        way == "compile",
    )
    wanted, found = first_gradients(plain, monkeypatch), first_gradients(other, monkeypatch)
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert (found[name] - wanted[name]).norm() <= 1e-4 * wanted[name].norm() + 1e-6, name


# ------------------------------------------------------------------------------------------------------------------ watching
def test_probes_are_asked_at_each_validation_and_end_up_in_the_curves(make_trainer, tmp_path):
    asked = []

    class Looks:
        def __call__(self, model, step):
            asked.append((step, model.training, torch.is_grad_enabled()))
            sample = Reading(name="sample", step=step, value=f"text of {step}")
            return [Reading(name="pass@1", step=step, value=step / 10), sample]

        def close(self):
            return [Reading(name="late", step=5, value=0.25)]

    history = make_trainer(probes=[Looks()], validate_every=2).fit()
    assert asked == [(0, False, False), (2, False, False), (4, False, False), (5, False, False)]
    assert history.readings[1] == {"name": "pass@1", "step": 2, "value": 0.2}
    assert history.readings[-1] == {"name": "late", "step": 5, "value": 0.25}
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("pass@1")][1] == (2, pytest.approx(0.2))
    assert "sample/text_summary" in events.Tags()["tensors"]
