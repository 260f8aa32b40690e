"""Checks that run the base's first layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from yunque.models.adapt import load_adapter, load_model, save_adapter, save_whole
from yunque.models.adapt import merge as merge_adapter
from yunque.models.recipe import WEIGHTS
from yunque.training.monitor import Monitor
from yunque.training.objectives.answers import AnswerCrossEntropy, Batch
from yunque.training.preflight.context import Look, Preflight, failed, passed, skipped

LOSS_TOLERANCE, TOLERANCE = 2e-5, 1e-3
"""Relative, between losses and between gradients that should be equal in float32."""
MERGE_SHARE = 0.2
"""Of what an adapter changes in the logits: what merging may change, to bfloat16 included."""


def packed(run: Preflight) -> Look:
    """Loss of packed rows against that of their samples alone, as the model itself reads them, without any mask of ours."""
    trainer, rows, do = run.standing, run.rows, "set pack.packed = false: one sample a row"
    objective = AnswerCrossEntropy() if rows.roles is not None else trainer.objective  # a preference has no loss alone
    several = [row for row in range(len(rows)) if rows.segments[row].max() > 1][:2]
    if not several:
        return skipped("no row holds two samples")
    together, apart = 0.0, 0.0
    with torch.no_grad():
        for row in several:
            batch = objective.batch(rows, np.array([row]), trainer.processes.device)
            if not isinstance(batch, Batch):
                return skipped("the objective makes batches of its own")
            try:
                together += float(objective.loss(trainer.model, batch))
            except (RuntimeError, TypeError, ValueError) as error:  # of a model that knows no such mask
                return failed(f"this architecture cannot read packed rows ({str(error).splitlines()[0][:80]})", do)
            apart += sum(float(objective.loss(trainer.model, alone)) for alone in batch.alone())
    if not _near(together, apart):
        what = f"the loss of a packed row is {together:.3f}, that of its samples alone {apart:.3f}: "
        what += "this architecture looks, or carries a state, beyond a sample (recurrent layers, a sliding window)"
        return failed(what, do)
    return passed(f"{together:.4f} = {apart:.4f} over {len(several)} rows")


def accumulation(run: Preflight) -> Look:
    """Whether rows one by one give the gradient that they give together."""
    trainer = run.standing
    which = np.arange(min(4, len(run.rows)))
    gradients = []
    for size in (len(which), 1):
        trainer.model.zero_grad()
        parts = [which[start : start + size] for start in range(0, len(which), size)]
        batches = [trainer.objective.batch(run.rows, part, trainer.processes.device) for part in parts]
        weight = sum(trainer.objective.weight(batch) for batch in batches)
        for batch in batches:
            (trainer.objective.loss(trainer.model, batch) / weight).backward()
        grads = [parameter.grad for parameter in trainer.weights.values() if parameter.grad is not None]
        gradients.append(torch.cat([grad.detach().float().flatten() for grad in grads]))
    trainer.model.zero_grad()
    together, in_turn = gradients
    apart = float((together - in_turn).norm() / together.norm().clamp_min(1e-12))
    if not apart <= TOLERANCE:
        what = f"{len(which)} rows one by one give another gradient than together: {100 * apart:.2g} % apart"
        return failed(what, "training.objective must give a sum for loss, and what it is divided by for weight")
    return passed(f"{len(which)} rows, {apart:.1e} apart")


def merge(run: Preflight) -> Look:
    """Whether the model that is saved is the one that was trained."""
    vars(run).pop("standing", None)  # one model at a time
    trainer, tokenizer = run.trainer("merge"), run.tokenizer
    trainer.model.eval()
    ids = torch.as_tensor(run.rows.ids[:1].astype(np.int64))
    wanted = _logits(trainer.model, ids)
    merged = run.scratch / "merged"
    if run.job.model.result == WEIGHTS:
        save_whole(trainer.model, tokenizer, merged)
        scale = float(wanted.std())
    else:
        adapter = run.scratch / "adapter"
        save_adapter(trainer.model, adapter)
        with trainer.model.disable_adapter():
            scale = float((_logits(trainer.model, ids) - wanted).abs().mean())
        merge_adapter(load_adapter(run.small.base, adapter, tokenizer, "float32"), tokenizer, merged)
    apart_TV = (_logits(load_model(merged, torch.float32).eval(), ids) - wanted).abs()
    # Of all tokens, and of those alone that are new: rows of a table that merging forgets are few.
    new = [*run.job.new_ids, *run.job.unlearned] or slice(None)
    share = float(max(apart_TV.mean(), apart_TV[:, new].mean() / 2)) / max(scale, 1e-9)
    if not share <= MERGE_SHARE:
        what = (
            f"saved, loaded and merged, the model is {100 * share:.0f} % of what training changed away from what was trained"
        )
        return failed(what, "another model.tuning, or another model.base: its layers do not merge")
    return passed(f"{100 * share:.1f} % of what training changes, by rounding")


@torch.no_grad()
def _logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    return model(input_ids=ids.to(model.device), use_cache=False).logits[0].float().cpu()


def resume(run: Preflight) -> Look:
    """Whether a run that goes on has the same next rows and loss."""
    folder, steps = "resume", []
    for part in ((1, 2, 3), (3,)):
        trainer = run.trainer(folder)
        first = trainer._resume() if part == (3,) else 0
        trainer.monitor = Monitor(trainer.folder, first)
        for step in part:
            wrong = trainer._step(step)
            if wrong:
                return failed(f"step {step} cannot be made: {wrong}", "lower training.learning_rate")
            if step == 2:
                trainer._checkpoint(step)
        trainer.monitor.close()
        steps.append(trainer.history.steps[-1])
        exact = trainer.processes.device.type == "cpu"
        del trainer  # one model at a time
    straight, resumed = steps
    if straight["rows"] != resumed["rows"]:
        what = f"resumed, the next rows are {resumed['rows']} instead of {straight['rows']}"
        return failed(what, "this is a fault of yunque: report it")
    if not _near(straight["loss"], resumed["loss"], 1e-7 if exact else TOLERANCE):
        what = f"resumed, the next loss is {resumed['loss']} instead of {straight['loss']}"
        return failed(what, "training.objective keeps a state that no checkpoint holds")
    return passed(f"step 3 has the loss {straight['loss']:.4f} either way")


def _near(value: float, other: float, tolerance: float = LOSS_TOLERANCE) -> bool:
    return abs(value - other) <= tolerance * max(abs(value), abs(other), 1e-6)
