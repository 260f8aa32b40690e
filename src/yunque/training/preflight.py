"""What must hold before a training starts: most of what goes wrong in one is silent, and costs days.

Every check looks at the run as it will be: its rows, its objective, its loop. Where a model has to be run, it is one of the
base's own first layers, in float32, so that a check takes seconds whatever the size of the base.

Covered: rows without their end token, samples without an answer, tokens that the model lacks, a tokenizer other than the
base's, attention or a state that crosses samples of a row, an objective that forgets to be a sum, an adapter that is lost by
merging, a run that resumes elsewhere, a chat template that changes what it is given, rates and batches out of range.
Not covered: what only later layers do; weights that are no numbers, which the loop refuses at its first validation.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from yunque.core.errors import TrainingError
from yunque.core.nouns import Finding, Outcome, Verdict
from yunque.data.packing.rows import Rows
from yunque.models.adapt import choose_dtype, load_adapter, load_model, merge, save_adapter, save_whole
from yunque.models.tokenizer import chat_frame, encode, ends, load_tokenizer
from yunque.training.devices import free_memory_bytes
from yunque.training.loop import Trainer
from yunque.training.objectives.answers import Batch
from yunque.training.plan import memory_of, model_facts
from yunque.training.recipe import num_steps
from yunque.training.run import TrainingJob

LAYERS = 4
"""Of the base, which are run: enough for models that take turns between kinds of layers."""
LOSS_TOLERANCE, TOLERANCE = 2e-5, 1e-3
"""Relative, between losses and between gradients that should be equal in float32."""
MERGE_SHARE = 0.2
"""Of what an adapter changes in the logits: what merging may change, to bfloat16 included."""
SANE_RATES = {"full": (1e-6, 5e-4), "adapter": (1e-5, 2e-3)}
MOST_ROWS = 512
TIGHT = 0.8
"""Of what is free: a formula may err."""
QUESTIONS = ("How do I sort a list?", "first\n\n    indented\n\tand more", "señal → 😀 <|im_end|> {{ x }}")


@dataclass(frozen=True)
class Look:
    """What a check says."""

    outcome: Outcome
    detail: str = ""
    """One line; where it fails, what to do."""
    message: str = ""
    """What is wrong, or should be known."""


def passed(detail: str) -> Look:
    """It holds."""
    return Look(Outcome.PASS, detail)


def warned(message: str) -> Look:
    """It holds, but somebody should know."""
    return Look(Outcome.PASS, message=message)


def skipped(detail: str) -> Look:
    """There is nothing to look at."""
    return Look(Outcome.SKIP, detail)


def failed(message: str, do: str) -> Look:
    """It does not hold."""
    return Look(Outcome.FAIL, do, message)


@dataclass(kw_only=True)
class Preflight:
    """Everything that is looked at before a training."""

    job: TrainingJob
    scratch: Path
    """An empty folder for it."""
    out: Path
    """Where the training will write."""

    def verdicts(self) -> Iterator[Verdict]:
        """What each check says, in order; ERROR where it could not tell."""
        for name, look in CHECKS.items():
            started = time.perf_counter()
            try:
                seen = look(self)
            except Exception as error:  # whatever a model's own code raises
                first = (str(error).strip().splitlines() or [""])[0][:160]
                seen = Look(Outcome.ERROR, message=f"could not be looked at: {type(error).__name__}: {first}")
            severity = "warning" if seen.outcome is Outcome.PASS else "error"
            yield Verdict(
                check=name,
                outcome=seen.outcome,
                findings=(Finding(rule=name, message=seen.message, severity=severity),) if seen.message else (),
                detail=seen.detail,
                took_ms=1000 * (time.perf_counter() - started),
            )

    # ----------------------------------------------------------------------------------------------------- what is looked at
    @cached_property
    def tokenizer(self) -> Any:
        """Of the rows."""
        return load_tokenizer(self.job.packed / "tokenizer")

    @cached_property
    def ends(self) -> list[int]:
        """Every token that ends an answer, by the tokenizer and by what the base says of generating."""
        return ends(self.tokenizer, load_model(self.job.base, torch.float32, device_map="meta"))

    @cached_property
    def rows(self) -> Rows:
        """To train on."""
        return Rows.load(self.job.packed, "train")

    @cached_property
    def small(self) -> TrainingJob:
        """The same job on the base's first layers, without dropout, in float32, a few rows at a time."""
        folder = self.scratch / "base"
        config = load_model(self.job.base, torch.float32, device_map="meta").config
        model = load_model(self.job.base, torch.float32, config=first_layers(config))
        model.save_pretrained(folder)
        load_tokenizer(self.job.base).save_pretrained(folder)
        tuning = "lora" if self.job.model.tuning == "qlora" else self.job.model.tuning
        recipe = self.job.model.model_copy(update={"dtype": "float32", "dropout": 0.0, "tuning": tuning})
        training = self.job.training.model_copy(
            update={"rows_per_step": 2, "rows_at_once": 1, "label_smoothing": 0.0, "neftune": 0.0, "compile": False}
        )
        return replace(self.job, base=folder, model=recipe, training=training, adapter=None)

    def trainer(self, name: str) -> Trainer:
        """A trainer of the small job with files of its own, on few rows, its adapter away from where it began."""
        folder = self.scratch / name
        folder.mkdir(exist_ok=True)
        trainer = self.small.trainer(folder)
        trainer.validation = trainer.validation.some(slice(1))
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in trainer.weights.values():
                noise = torch.randn(parameter.shape, generator=generator).to(parameter.device)
                parameter.add_(noise * 0.02)
        return trainer

    @cached_property
    def standing(self) -> Trainer:
        """One that is not trained, in evaluation mode, so that nothing is random."""
        trainer = self.trainer("standing")
        trainer.model.eval()
        return trainer


def first_layers(config: Any) -> Any:
    """The config of the first `LAYERS` layers alone."""
    text = config.get_text_config(decoder=True)
    layers = min(LAYERS, text.num_hidden_layers)
    for name, value in list(vars(text).items()):
        if isinstance(value, list) and len(value) == text.num_hidden_layers:
            setattr(text, name, value[:layers])
    text.num_hidden_layers = layers
    return config


# --------------------------------------------------------------------------------------------------------------- on the rows
def _tokenizer(run: Preflight) -> Look:
    base = load_tokenizer(run.job.base)
    theirs, ours = base.get_vocab(), run.tokenizer.get_vocab()
    others = [(token, number) for token, number in theirs.items() if ours.get(token) != number]
    do = "pack the rows anew: another model.base, or remove OUT/artifacts/packed-*"
    if others:
        token, number = min(others, key=lambda item: item[1])
        return failed(
            f"the rows' tokenizer is not the base's: {token!r} is {ours.get(token)} in it, {number} in the base", do
        )
    sample = "def f(x):\n    return x + 1  # señal\n"
    if encode(base, sample) != encode(run.tokenizer, sample):
        return failed("the rows' tokenizer cuts text at other places than the base's", do)
    return passed(f"{len(ours)} tokens")


def _vocabulary(run: Preflight) -> Look:
    rows = load_model(run.job.base, torch.float32, device_map="meta").get_input_embeddings().weight.shape[0]
    most = max(rows - 1, *run.job.new_ids) if run.job.new_ids else rows - 1
    used = int(run.rows.ids.max())
    if used > most or len(run.tokenizer) - 1 > most:
        what = f"the rows use token {max(used, len(run.tokenizer) - 1)}, the embedding has rows for 0 to {most}"
        return failed(what, "choose a model.base whose embedding fits its tokenizer")
    return passed(f"tokens up to {used}, rows up to {most}")


def _samples(rows: Rows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Ids and answers of every sample."""
    for ids, answers, segments in zip(rows.ids, rows.answers, rows.segments, strict=True):
        last = int(segments.max())
        edges = np.searchsorted(np.where(segments == 0, last + 1, segments), np.arange(1, last + 2))
        for start, end in pairwise(edges):
            yield ids[start:end], answers[start:end]


def _end_token(run: Preflight) -> Look:
    stops = set(run.ends)
    if (frame := chat_frame(run.tokenizer)) is not None:
        stops |= set(frame.after)
    answers = [(ids, trained) for ids, trained in _samples(run.rows) if not trained[1:].all()]
    endless = sum(not trained[-1] or int(ids[-1]) not in stops for ids, trained in answers)
    if endless:
        what = f"{endless} of {len(answers)} answers do not end in a trained end token: the model would never stop"
        return failed(what, "pack the rows anew; is the tokenizer's eos_token the one that ends an answer?")
    if not answers and not any(np.isin(ids[trained], list(stops)).any() for ids, trained in _samples(run.rows)):
        return failed(
            "no end token is trained: the model would never stop", "add files that end, or raise pack.train_tokens"
        )
    return passed(f"{len(answers)} answers end")


def _masked(run: Preflight) -> Look:
    sizes = [int(trained.sum()) for _, trained in _samples(run.rows)]
    if not sizes or not any(sizes):
        return failed("no token of any row is trained", "add data, or raise pack.length_tokens")
    if empty := sum(not size for size in sizes):
        what = f"{empty} of {len(sizes)} samples have no trained token: they cost time and teach nothing"
        return failed(what, "pack the rows anew, with a larger pack.length_tokens")
    return passed(f"{len(sizes)} samples, {sum(sizes)} trained tokens")


def _template(run: Preflight) -> Look:
    tokenizer = run.tokenizer
    if not tokenizer.chat_template:
        return skipped("the tokenizer has no chat template")
    frame = chat_frame(tokenizer)
    do = "set a chat_template that writes each content as it is, once, in order"
    failing = failed if run.job.chat else lambda what, _: warned(what)
    if frame is None:
        if not _writes(tokenizer, QUESTIONS):
            return failing("the chat template does not give back a question and its answer as they are", do)
        return warned("the chat template puts words of its own into an answer: pairs stand in rows without it")
    for question in QUESTIONS:
        turns = [{"role": "user", "content": question}]
        asked = list(tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False))
        ours = [*frame.before, *encode(tokenizer, question), *frame.between]
        if asked != ours and tokenizer.decode(asked) != tokenizer.decode(ours):
            return failing(f"the chat template changes a question: {question!r}", do)
    if not set(frame.after) & set(run.ends):
        after = tokenizer.decode(frame.after)
        return warned(f"a turn ends in {after!r}, not in the end token {tokenizer.eos_token!r}: both must stop an answer")
    return passed("questions come back as they were")


def _writes(tokenizer: Any, texts: Sequence[str]) -> bool:
    """Whether the template writes every text somewhere as it is."""
    try:
        turns = [[{"role": "user", "content": text}, {"role": "assistant", "content": "done"}] for text in texts]
        return all(
            text in tokenizer.apply_chat_template(turn, tokenize=False) for text, turn in zip(texts, turns, strict=True)
        )
    except Exception:  # a template is a program of its own, which may raise anything
        return False


def _rates(run: Preflight) -> Look:
    job = run.job
    tuning = "full" if job.model.tuning == "full" else "adapter"
    peak, (low, high) = job.training.peak(job.model), SANE_RATES[tuning]
    scratch = job.training.objective == "pretrain" and tuning == "full"
    if job.training.rows_per_step > len(run.rows):
        what = f"one step takes {job.training.rows_per_step} rows, and there are {len(run.rows)}: it sees some several times"
        return warned(f"{what}; lower training.rows_per_step, or raise pack.train_tokens")
    if not low <= peak <= high and not (scratch and peak > high):
        usual = f"{low:g} to {high:g}"
        return warned(f"training.learning_rate is {peak:g}; {usual} is usual for {job.model.tuning}")
    if job.training.rows_per_step > MOST_ROWS:
        return warned(f"training.rows_per_step is {job.training.rows_per_step}; {MOST_ROWS} is usual at most")
    steps = num_steps(len(run.rows), job.training)
    return passed(f"peak {peak:g}, {steps} steps of {job.training.rows_per_step} rows")


def _memory(run: Preflight) -> Look:
    job = run.job
    facts = model_facts(job.base, job.model)
    width = 4 if choose_dtype(job.model.dtype) == torch.float32 else 2
    needed, free = memory_of(facts, job.model, job.training, run.rows.ids.shape[1], width), free_memory_bytes()
    text = f"about {needed / 1e9:.1f} GB of {free / 1e9:.1f} GB that are free"
    if free and needed > free:
        do = "lower training.rows_at_once or pack.length_tokens, set training.checkpointing = true, or model.tuning = 'lora'"
        return failed(f"it would take {text}", do)
    return warned(f"it will take {text}") if free and needed > TIGHT * free else passed(text)


def _disk(run: Preflight) -> Look:
    facts = model_facts(run.job.base, run.job.model)
    # Weights and two moments, whole and being written; the best weights; the model in two bytes a weight, and as GGUF.
    needed, free = (
        2 * 12 * facts["trained"] + 4 * facts["trained"] + 6 * facts["parameters"],
        shutil.disk_usage(run.out).free,
    )
    text = f"about {needed / 1e9:.1f} GB of {free / 1e9:.1f} GB that are free"
    return failed(f"it would take {text}", "free some, or name another --out") if needed > free else passed(text)


# ---------------------------------------------------------------------------------------------------------------- on a model
def _packed(run: Preflight) -> Look:
    """Loss of packed rows against that of their samples alone, as the model itself reads them, without any mask of ours."""
    trainer, rows, do = run.standing, run.rows, "set pack.packed = false: one sample a row"
    several = [row for row in range(len(rows)) if rows.segments[row].max() > 1][:2]
    if not several:
        return skipped("no row holds two samples")
    together, apart = 0.0, 0.0
    with torch.no_grad():
        for row in several:
            batch = trainer.objective.batch(rows, np.array([row]), trainer.accelerator.device)
            if not isinstance(batch, Batch):
                return skipped("the objective makes batches of its own")
            try:
                together += float(trainer.objective.loss(trainer.model, batch))
            except (RuntimeError, TypeError, ValueError) as error:  # of a model that knows no such mask
                return failed(f"this architecture cannot read packed rows ({str(error).splitlines()[0][:80]})", do)
            apart += sum(float(trainer.objective.loss(trainer.model, alone)) for alone in batch.alone())
    if not _near(together, apart):
        what = f"the loss of a packed row is {together:.3f}, that of its samples alone {apart:.3f}: "
        what += "this architecture looks, or carries a state, beyond a sample (recurrent layers, a sliding window)"
        return failed(what, do)
    return passed(f"{together:.4f} = {apart:.4f} over {len(several)} rows")


def _accumulation(run: Preflight) -> Look:
    trainer = run.standing
    which = np.arange(min(4, len(run.rows)))
    gradients = []
    for size in (len(which), 1):
        trainer.model.zero_grad()
        parts = [which[start : start + size] for start in range(0, len(which), size)]
        batches = [trainer.objective.batch(run.rows, part, trainer.accelerator.device) for part in parts]
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


def _merge(run: Preflight) -> Look:
    vars(run).pop("standing", None)  # one model at a time
    trainer, tokenizer = run.trainer("merge"), run.tokenizer
    trainer.model.eval()
    ids = torch.as_tensor(run.rows.ids[:1].astype(np.int64))
    wanted = _logits(trainer.model, ids)
    merged = run.scratch / "merged"
    if run.job.tuned == "weights":
        save_whole(trainer.model, tokenizer, merged)
        scale = float(wanted.std())
    else:
        adapter = run.scratch / "adapter"
        save_adapter(trainer.model, adapter)
        with trainer.model.disable_adapter():
            scale = float((_logits(trainer.model, ids) - wanted).abs().mean())
        merge(load_adapter(run.small.base, adapter, tokenizer, "float32"), tokenizer, merged)
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


def _resume(run: Preflight) -> Look:
    from yunque.training.monitor import Monitor

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
        exact = trainer.accelerator.device.type == "cpu"
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


CHECKS: dict[str, Callable[[Preflight], Look]] = {
    "tokenizer": _tokenizer,
    "vocabulary": _vocabulary,
    "end-token": _end_token,
    "masked": _masked,
    "chat-template": _template,
    "rates": _rates,
    "memory": _memory,
    "disk": _disk,
    "packed": _packed,
    "accumulation": _accumulation,
    "merge": _merge,
    "resume": _resume,
}
"""Name -> what looks."""


def refuse(verdicts: Sequence[Verdict]) -> None:
    """TrainingError for the first that fails, or could not tell."""
    for verdict in verdicts:
        if verdict.outcome in (Outcome.FAIL, Outcome.ERROR):
            raise TrainingError(verdict.findings[0].message, where=f"preflight {verdict.check}", do=verdict.detail)
