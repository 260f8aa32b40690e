"""The loop: rows and an objective in, the best weights out.

Everything random is a function of (seed, step): the order of rows, dropout. A checkpoint therefore holds no generator
state, and a killed run resumes to the same next batch and the same loss, bit for bit on a CPU.

Covered: several micro-batches a step give the gradient of one large batch (normalised once, by all that weighs in the
step, over all processes); a loss that spikes or is no number is taken back, to the last checkpoint and with half the rate,
and at last stops the run; SIGTERM saves and stops; a checkpoint is whole or absent.
Not covered: sharding the frozen weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from yunque.core.errors import Paused, TrainingError
from yunque.core.nouns import seed_from
from yunque.core.progress import quiet, silent
from yunque.core.seams import Objective, Progress
from yunque.data.packing.rows import Rows
from yunque.training.checkpoints import BEST, CHECKPOINT, History, pack_history, read, unpack_history, write
from yunque.training.monitor import Monitor, flops_per_token, sparkline
from yunque.training.readings import Probe, Reading
from yunque.training.recipe import TrainingRecipe, num_steps
from yunque.training.schedule import learning_rate
from yunque.training.stopping import asked_to_stop
from yunque.training.watchdog import refuses


@dataclass(kw_only=True, eq=False)
class Trainer:
    """One run of training; ``fit`` does it, from the checkpoint in ``folder`` when one is there."""

    model: Any
    objective: Objective
    train: Rows
    """Or any data that has a length and that the objective makes batches of."""
    validation: Rows
    recipe: TrainingRecipe
    peak: float
    """Of the learning rate."""
    seed: int
    folder: Path
    progress: Progress = silent
    say: Callable[[str], None] = quiet
    probes: Sequence[Probe] = ()
    bytes_per_token: float = 0.0
    """Of the validation rows, for bits per byte; 0 where it is not known."""
    autocast: bool = False
    """Compute in bfloat16 with weights that are float32."""
    peak_flops: float = 0.0
    """What the device can do a second; 0 where it is not known, and then there is no MFU."""

    def __post_init__(self) -> None:
        self.accelerator = Accelerator(mixed_precision="no")
        self.weights = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        if not self.weights:
            raise TrainingError("the model has nothing to train")
        self._cheaper()
        groups = decay_groups(self.model, self.weights, self.recipe.weight_decay)
        optimizer = torch.optim.AdamW(groups, lr=self.peak, betas=(0.9, self.recipe.beta2), fused=True)
        # Not wrapped in DDP: objectives call parts of the model, and its hooks only run on calls of the whole.
        self.model, self.optimizer = self.model.to(self.accelerator.device), self.accelerator.prepare(optimizer)
        self.num_steps = num_steps(len(self.train), self.recipe)
        self.history = History()
        self.step_flops = flops_per_token(self.model) if self.peak_flops else 0

    def _cheaper(self) -> None:
        """What the recipe says of memory and speed: activations that are computed again, a compiled decoder."""
        causal = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        if self.recipe.checkpointing:
            causal.gradient_checkpointing_enable({"use_reentrant": False})
        if self.recipe.compile:
            getattr(causal, causal.base_model_prefix).compile()

    # ------------------------------------------------------------------------------------------------------------ the run
    def fit(self) -> History:
        """Train to the end or to an early stop, leave the best weights in the model, and give the history.

        Raises `Paused` when it was asked to stop (SIGTERM) and has saved where it is.
        """
        step = self._resume()
        with self.progress("train", self.num_steps, "steps") as advance, asked_to_stop() as stopping:
            advance(step)
            self.monitor = Monitor(self.folder, step, bytes_per_token=self.bytes_per_token)
            if not self.history.validations:
                self._validate(0)
                self._checkpoint(0)
            while step < self.num_steps and not self.history.stopped_early:
                step += 1
                if wrong := self._step(step):
                    back = self._roll_back(step, wrong)
                    advance(back - (step - 1))
                    step = back
                    continue
                advance(1, self._note())
                if step % self.recipe.validate_every == 0 or step == self.num_steps:
                    self._validate(step)
                last = step == self.num_steps or self.history.stopped_early
                # The best weights are taken back with the rest, or with nothing: they have a checkpoint of their own.
                if last or stopping() or step == self.history.best_step or step % self.recipe.checkpoint_every == 0:
                    self._checkpoint(step)
                if stopping() and not last:
                    self.monitor.close()
                    raise Paused(f"stopped at step {step} of {self.num_steps}; the same command goes on from here")
        self._keep([reading for probe in self.probes for reading in probe.close()])
        self.monitor.close()
        self._take_best()
        return self.history

    def _note(self) -> str:
        losses = [row["loss"] for row in self.history.steps]
        return f"loss {losses[-1]:.3f} {sparkline(losses)}"

    def _step(self, step: int) -> str:
        """One update from ``rows_per_step`` rows, split over processes and micro-batches; or why it must not be made."""
        started = time.perf_counter()
        salt = "dropout", self._data_step(step), self.accelerator.process_index
        torch.manual_seed(seed_from(self.seed, *salt) % 2**63)
        rate = self._rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        which = self.rows_of(step)
        mine = which[self.accelerator.process_index :: self.accelerator.num_processes]
        batches = list(self._batches(self.train, mine))
        weight = self._over_processes(sum(self.objective.weight(batch) for batch in batches))
        if not weight:
            raise TrainingError(f"step {step} has nothing to learn from", do="raise training.rows_per_step")
        total, tokens = 0.0, 0
        for batch in batches:
            with self._computing():
                loss = self.objective.loss(self.model, batch)
            self.accelerator.backward(loss / weight)
            total, tokens = total + loss.item(), tokens + batch.num_tokens
        loss, tokens = self._over_processes(total) / weight, int(self._over_processes(tokens))
        if self.accelerator.num_processes > 1:
            for parameter in self.weights.values():
                grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = self.accelerator.reduce(grad, reduction="sum")
        norm = float(self.accelerator.clip_grad_norm_(list(self.weights.values()), self.recipe.clip_norm))
        wrong = refuses(loss, norm, [row["loss"] for row in self.history.steps], self.recipe.spike)
        if not wrong:
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if wrong:
            return wrong
        speed = tokens / (time.perf_counter() - started)
        row = {
            "step": step,
            "tokens_seen": tokens + (self.history.steps[-1]["tokens_seen"] if self.history.steps else 0),
            "loss": loss,
            "learning_rate": rate,
            "grad_norm": norm,
            "tokens_per_s": speed,
            "rows": [int(index) for index in which],
        }
        if self.peak_flops:
            row["mfu"] = speed * self.step_flops / (self.peak_flops * self.accelerator.num_processes)
        self.history.steps.append(row)
        self.monitor.step(row)
        return ""

    def _roll_back(self, step: int, because: str) -> int:
        """The step to go on from after one that cannot stand: weights, optimizer and history are those of a checkpoint."""
        rollbacks = self.history.rollbacks
        if len(rollbacks) == self.recipe.max_rollbacks:
            do = "lower training.learning_rate, or look at the rows of this step in history.json"
            raise TrainingError(f"{because} at step {step}, after going back {len(rollbacks)} times", do=do)
        self.monitor.close()
        refused = self._data_step(step)
        back = self._resume()
        row = {"step": step, "data_step": refused, "to": back, "because": because}
        self.history.rollbacks = [*rollbacks, row]
        self.say(f"step {step}: {because}; back to step {back} with {self.rate_scale:g} of the learning rate")
        self.monitor = Monitor(self.folder, back, bytes_per_token=self.bytes_per_token)
        self._checkpoint(back)  # so that a killed run has not forgotten it
        return back

    def _validate(self, step: int) -> None:
        """Mean loss on the validation rows; the best weights are kept, and patience runs out."""
        self.model.eval()
        total, weight = 0.0, 0.0
        with torch.no_grad(), self._computing():
            for batch in self._batches(self.validation, np.arange(len(self.validation))):
                total += self.objective.loss(self.model, batch).item()
                weight += self.objective.weight(batch)
            if not weight:
                do = "add code, or raise pack.validation_tokens"
                raise TrainingError("the validation rows hold no answer tokens", do=do)
            loss = total / weight
            if not math.isfinite(loss) and step == 0:
                raise TrainingError(f"before any training the loss is not a number{self._broken()}")
            readings = [reading for probe in self.probes for reading in probe(self.model, step)]
        self.history.validations.append({"step": step, "loss": loss})
        self.monitor.validation(self.history.validations[-1])
        self._keep(readings)
        if loss < self.history.best_loss or step == 0:
            self.history.best_loss, self.history.best_step = loss, step
            self._write(BEST, {"step": step, "loss": loss, "weights": self._trained()})
        patience = self.recipe.patience
        self.history.stopped_early = 0 < patience <= self.history.stale() and step < self.num_steps

    def _keep(self, readings: Sequence[Reading]) -> None:
        """In the curves, and the numbers in the history as well."""
        self.history.readings += [asdict(reading) for reading in readings if not isinstance(reading.value, str)]
        self.monitor.readings(readings)

    def _computing(self) -> Any:
        return torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.autocast)

    def _broken(self) -> str:
        """Which weights are no numbers, for a message."""
        names = [name for name, weight in self.model.named_parameters() if not bool(weight.isfinite().all())]
        return f": {names[0]} of the base holds NaN or infinity" if names else ""

    def _batches(self, data: Any, rows: np.ndarray) -> Iterator[Any]:
        """The rows, ``rows_at_once`` of them at a time."""
        for start in range(0, len(rows), self.recipe.rows_at_once):
            yield self.objective.batch(data, rows[start : start + self.recipe.rows_at_once], self.accelerator.device)

    # ----------------------------------------------------------------------------------------------- functions of the step
    def rows_of(self, step: int) -> np.ndarray:
        """Indices of the training rows behind ``step`` (1-based): consecutive places in seeded epochs.

        Where rows have stages, all epochs of one come before the first of the next. Rows of a step that was taken back are
        passed over: the same rows would give the same loss.
        """
        first = (self._data_step(step) - 1) * self.recipe.rows_per_step
        return np.array([self._row_at(place) for place in range(first, first + self.recipe.rows_per_step)])

    def _data_step(self, step: int) -> int:
        """The step of the data behind a step of training: those that were taken back are left out."""
        for refused in sorted(row["data_step"] for row in self.history.rollbacks):
            step += refused <= step
        return step

    def _row_at(self, place: int) -> int:
        for number, rows in enumerate(self._stages):
            epochs = len(rows) * self.recipe.epochs
            if place < epochs or number == len(self._stages) - 1:
                epoch, inside = divmod(place, len(rows))
                return int(rows[self._epoch_order(number, epoch)[inside]])
            place -= math.ceil(epochs)
        raise AssertionError("there is a last stage")

    @cached_property
    def _stages(self) -> list[np.ndarray]:
        """Indices of the rows of each stage, in the order of training."""
        stages = getattr(self.train, "stages", None)
        if stages is None:
            return [np.arange(len(self.train))]
        return [np.flatnonzero(stages == number) for number in np.unique(stages)]

    @lru_cache(maxsize=4)  # noqa: B019  a trainer lives as long as its process
    def _epoch_order(self, stage: int, epoch: int) -> np.ndarray:
        salt = ("epoch", epoch) if not stage else ("epoch", epoch, stage)
        return np.random.default_rng(seed_from(self.seed, *salt)).permutation(len(self._stages[stage]))

    @property
    def rate_scale(self) -> float:
        """What is left of the learning rate: every time that training goes back halves it."""
        return 0.5 ** len(self.history.rollbacks)

    def _rate(self, step: int) -> float:
        return learning_rate(step, self.num_steps, self.peak, self.recipe) * self.rate_scale

    def _over_processes(self, value: float) -> float:
        if self.accelerator.num_processes == 1:
            return value
        return float(self.accelerator.reduce(torch.tensor(value, device=self.accelerator.device), reduction="sum"))

    # -------------------------------------------------------------------------------------------------------- checkpoints
    def _trained(self) -> dict[str, torch.Tensor]:
        return {name: weight.detach().cpu() for name, weight in self.weights.items()}

    def _write(self, name: str, state: dict[str, Any]) -> None:
        if self.accelerator.is_main_process:
            write(self.folder / name, state)

    def _checkpoint(self, step: int) -> None:
        optimizer, history = self.optimizer.state_dict(), pack_history(self.history)
        self._write(CHECKPOINT, {"step": step, "weights": self._trained(), "optimizer": optimizer, "history": history})

    def _resume(self) -> int:
        """The step to go on from: 0, or that of a checkpoint whose weights, optimizer and history are then in place."""
        path = self.folder / CHECKPOINT
        if not path.exists():
            return 0
        state = read(path)
        try:
            self._take(state["weights"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.history = unpack_history(state["history"])
            return state["step"]
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            what = f"the checkpoint is another run's ({type(error).__name__})"
            raise TrainingError(what, where=path, do="delete it to start this step over") from error

    def _take_best(self) -> None:
        best = read(self.folder / BEST)
        self._take(best["weights"])
        self.history.best_step, self.history.best_loss = best["step"], best["loss"]

    def _take(self, weights: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(weights[name])


def decay_groups(model: Any, weights: dict[str, torch.Tensor], decay: float) -> list[dict]:
    """Weight decay on matrices; none on vectors and none on embeddings, nor on rows of them that are trained alone."""
    tables = {
        id(part.weight) for part in (model.get_input_embeddings(), model.get_output_embeddings()) if hasattr(part, "weight")
    }
    decayed = {
        name for name, weight in weights.items()
        if weight.ndim >= 2 and id(weight) not in tables and "trainable_tokens" not in name
    }  # fmt: skip
    groups = [
        {"params": [weight for name, weight in weights.items() if name in decayed], "weight_decay": decay},
        {"params": [weight for name, weight in weights.items() if name not in decayed], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
