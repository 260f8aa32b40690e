"""The loop: rows and an objective in, the best weights out.

Everything random is a function of (seed, step): the order of rows, dropout. A checkpoint therefore holds no generator
state, and a killed run resumes to the same next batch and the same loss, bit for bit on a CPU.

Covered: several micro-batches a step give the gradient of one large batch (normalised once, by all that weighs in the
step, over all processes); a loss that spikes or is no number is taken back, to the last checkpoint and with half the rate,
and at last stops the run; SIGTERM saves and stops; a checkpoint is whole or absent; how tensors lie over processes is not
the loop's business (`parallel.layout`): all of them make the same steps, and the main one writes files.
Not covered: loading a base that is larger than the main memory of one machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import reduce

from yunque.core.errors import Paused, TrainingError
from yunque.core.nouns import seed_from
from yunque.core.progress import quiet, silent
from yunque.core.seams import Objective, Progress
from yunque.data.packing.rows import Rows
from yunque.training.checkpoints import BEST, CHECKPOINT, History, pack_history, read, unpack_history, write, write_array
from yunque.training.monitor import Monitor, flops_per_token, sparkline
from yunque.training.parallel.choose import layout_for
from yunque.training.parallel.launch import refuse_uneven
from yunque.training.parallel.layout import LossModule, this_process
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
        if not any(weight.requires_grad for weight in self.model.parameters()):
            raise TrainingError("the model has nothing to train")
        self._cheaper()
        self.step_flops = flops_per_token(self.model) if self.peak_flops else 0
        self.processes = this_process()
        refuse_uneven(self.recipe, self.processes.num_processes)
        module = LossModule(self.model, self.objective, autocast=self.autocast)
        self.layout = layout_for(module, self.recipe, self.peak, self.processes)
        self.num_steps = num_steps(len(self.train), self.recipe)
        self.history = History()
        self._orders: dict[tuple[int, int], np.ndarray] = {}  # of the rows of an epoch: the last one that was needed

    @property
    def weights(self) -> dict[str, torch.nn.Parameter]:
        """What is trained, by name, as it lies on this process."""
        return self.layout.weights

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
        if getattr(self.objective, "needs_reference", False):
            self.train = self._referring(self.train, "train")
            self.validation = self._referring(self.validation, "validation")
        step = self._resume()
        with self.progress("train", self.num_steps, "steps") as advance, asked_to_stop() as stopping:
            advance(step)
            self.monitor = self._monitor(step)
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
                stop = bool(self._over_processes(stopping()))  # all of them, or none
                if last or stop or step == self.history.best_step or step % self.recipe.checkpoint_every == 0:
                    self._checkpoint(step)
                if stop and not last:
                    self.monitor.close()
                    raise Paused(f"stopped at step {step} of {self.num_steps}; the same command goes on from here")
        self._keep([reading for probe in self.probes for reading in probe.close()])
        self.monitor.close()
        about = self.processes.num_processes, self.layout.name, self.layout.moments_held
        self.history.processes, self.history.sharding, self.history.moments_held = about
        self._take_best()
        return self.history

    def _note(self) -> str:
        losses = [row["loss"] for row in self.history.steps]
        return f"loss {losses[-1]:.3f} {sparkline(losses)}"

    def _step(self, step: int) -> str:
        """One update from ``rows_per_step`` rows, split over processes and micro-batches; or why it must not be made."""
        started = time.perf_counter()
        salt = "dropout", self._data_step(step), self.processes.process_index
        torch.manual_seed(seed_from(self.seed, *salt) % 2**63)
        rate = self._rate(step)
        self.model.train()
        which = self.rows_of(step)
        batches = list(self._batches(self.train, which[self.processes.process_index :: self.processes.num_processes]))
        weight = self._over_processes(sum(self.objective.weight(batch) for batch in batches))
        if not weight:
            raise TrainingError(f"step {step} has nothing to learn from", do="raise training.rows_per_step")
        losses = [self.layout.backward(batch, 1 / weight, last=batch is batches[-1]) for batch in batches]
        loss = self._over_processes(sum(losses)) / weight
        tokens = int(self._over_processes(sum(batch.num_tokens for batch in batches)))
        norm = self.layout.update(rate)
        # What is refused has been made already: going back takes it away.
        if wrong := refuses(loss, norm, [row["loss"] for row in self.history.steps], self.recipe.spike):
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
            row["mfu"] = speed * self.step_flops / (self.peak_flops * self.processes.num_processes)
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
        self.monitor = self._monitor(back)
        self._checkpoint(back)  # so that a killed run has not forgotten it
        return back

    def _validate(self, step: int) -> None:
        """Mean loss on the validation rows; the best weights are kept, and patience runs out."""
        self.model.eval()
        total, weight = 0.0, 0.0
        with torch.no_grad():
            for rows, share in self._shares(len(self.validation)):
                batch = self.objective.batch(self.validation, rows, self.processes.device)
                total += share * self.layout.loss(batch).item()
                weight += share * self.objective.weight(batch)
        total, weight = self._over_processes(total), self._over_processes(weight)
        if not weight:
            raise TrainingError("the validation rows hold no answer tokens", do="add code, or raise pack.validation_tokens")
        loss = total / weight
        if not math.isfinite(loss) and step == 0:
            raise TrainingError(f"before any training the loss is not a number{self._broken()}")
        with torch.no_grad(), torch.autocast(self.processes.device.type, torch.bfloat16, enabled=self.autocast):
            readings = [reading for probe in self.probes for reading in probe(self.model, step)]
        self.history.validations.append({"step": step, "loss": loss})
        self.monitor.validation(self.history.validations[-1])
        self._keep(readings)
        if loss < self.history.best_loss or step == 0:
            self.history.best_loss, self.history.best_step = loss, step
            self._write(BEST, {"step": step, "loss": loss, "weights": self.layout.gathered()})
        patience = self.recipe.patience
        self.history.stopped_early = 0 < patience <= self.history.stale() and step < self.num_steps

    def _keep(self, readings: Sequence[Reading]) -> None:
        """In the curves, and the numbers in the history as well."""
        self.history.readings += [asdict(reading) for reading in readings if not isinstance(reading.value, str)]
        self.monitor.readings(readings)

    def _broken(self) -> str:
        """Which weights are no numbers, for a message."""
        names = [name for name, weight in self.model.named_parameters() if not bool(weight.isfinite().all())]
        return f": {names[0]} of the base holds NaN or infinity" if names else ""

    def _batches(self, data: Any, rows: np.ndarray) -> Iterator[Any]:
        """The rows, ``rows_at_once`` of them at a time."""
        for start in range(0, len(rows), self.recipe.rows_at_once):
            yield self.objective.batch(data, rows[start : start + self.recipe.rows_at_once], self.processes.device)

    def _referring(self, data: Rows, part: str) -> Rows:
        """The rows with what the objective's reference says of them: the model as it is before any training, asked once."""
        path = self.folder / f"reference-{part}.npy"
        if not self._over_processes(path.exists()):
            self.model.eval()
            first = self.objective.batch(data, np.arange(1), self.processes.device)
            values = np.zeros((len(data), first.reference_BS.shape[1]), dtype=np.float32)
            calls = list(self._shares(len(data)))
            with torch.no_grad(), self.progress(f"reference of {part} rows", len(calls), "batches") as advance:
                for rows, share in calls:
                    batch = self.objective.batch(data, rows, self.processes.device)
                    values[rows] += share * self.layout.loss(batch, "reference").float().cpu().numpy()
                    advance(1)
            if self.processes.num_processes > 1:
                values = reduce(torch.from_numpy(values).to(self.processes.device), "sum").cpu().numpy()
            if self.processes.is_main_process:
                write_array(path, values)
            self.processes.wait_for_everyone()
        return replace(data, reference=np.load(path))

    def _shares(self, num_rows: int) -> Iterator[tuple[np.ndarray, int]]:
        """Indices of this process's rows, batch by batch, each with 1; with 0 where others have a batch more: all make as
        many calls."""
        mine = np.arange(num_rows)[self.processes.process_index :: self.processes.num_processes]
        at_once = self.recipe.rows_at_once
        most = -(-num_rows // self.processes.num_processes)
        for start in range(0, most, at_once):
            yield (mine[start : start + at_once], 1) if start < len(mine) else (np.arange(1), 0)

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

    def _epoch_order(self, stage: int, epoch: int) -> np.ndarray:
        if (stage, epoch) not in self._orders:
            salt = ("epoch", epoch) if not stage else ("epoch", epoch, stage)
            order = np.random.default_rng(seed_from(self.seed, *salt)).permutation(len(self._stages[stage]))
            self._orders = {(stage, epoch): order}
        return self._orders[stage, epoch]

    @property
    def rate_scale(self) -> float:
        """What is left of the learning rate: every time that training goes back halves it."""
        return 0.5 ** len(self.history.rollbacks)

    def _rate(self, step: int) -> float:
        return learning_rate(step, self.num_steps, self.peak, self.recipe) * self.rate_scale

    def _over_processes(self, value: float) -> float:
        """The sum of what each process has."""
        if self.processes.num_processes == 1:
            return float(value)
        return float(reduce(torch.tensor(float(value), dtype=torch.float64, device=self.processes.device), "sum"))

    def _monitor(self, step: int) -> Monitor:
        return Monitor(self.folder, step, bytes_per_token=self.bytes_per_token, writes=self.processes.is_main_process)

    # -------------------------------------------------------------------------------------------------------- checkpoints
    def _write(self, name: str, state: dict[str, Any]) -> None:
        if self.processes.is_main_process:
            write(self.folder / name, state)
        self.processes.wait_for_everyone()  # who goes on may read it

    def _checkpoint(self, step: int) -> None:
        history = pack_history(self.history)
        state = {"step": step, "weights": self.layout.gathered(), "optimizer": self.layout.moments(), "history": history}
        self._write(CHECKPOINT, state)

    def _resume(self) -> int:
        """The step to go on from: 0, or that of a checkpoint whose weights, optimizer and history are then in place."""
        path = self.folder / CHECKPOINT
        there = self._over_processes(path.exists())
        if not there:
            return 0
        if there < self.processes.num_processes:
            do = "give every machine the same folder, on a disk that they share"
            raise TrainingError("not every process can see the checkpoint", where=path, do=do)
        state = read(path)
        try:
            self.layout.take(state["weights"])
            self.layout.take_moments(state["optimizer"])
            self.history = unpack_history(state["history"])
            return state["step"]
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            what = f"the checkpoint is another run's ({type(error).__name__})"
            raise TrainingError(what, where=path, do="delete it to start this step over") from error

    def _take_best(self) -> None:
        best = read(self.folder / BEST)
        self.layout.take(best["weights"])
        self.history.best_step, self.history.best_loss = best["step"], best["loss"]
