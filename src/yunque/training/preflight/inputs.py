"""Checks that run no model: of the rows, of what a recipe says, of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from yunque.data.packing.rows import Rows
from yunque.models.recipe import ADAPTER, WEIGHTS
from yunque.models.tokenizer import chat_frame, encode, load_tokenizer
from yunque.training.devices import free_memory_bytes
from yunque.training.parallel.launch import processes_of
from yunque.training.plan import memory_of
from yunque.training.preflight.context import Look, Preflight, failed, passed, skipped, warned
from yunque.training.recipe import PREFERENCES, num_steps

SANE_RATES = {WEIGHTS: (1e-6, 5e-4), ADAPTER: (1e-5, 2e-3)}
SANE_PREFERENCE_RATES = {WEIGHTS: (1e-7, 1e-5), ADAPTER: (1e-6, 1e-4)}
MOST_ROWS = 512
TIGHT = 0.8
"""Of what is free: a formula may err."""
QUESTIONS = ("How do I sort a list?", "first\n\n    indented\n\tand more", "señal → 😀 <|im_end|> {{ x }}")


def tokenizer(run: Preflight) -> Look:
    """Whether the rows were cut by the base's own tokenizer."""
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


def vocabulary(run: Preflight) -> Look:
    """Whether the embedding has a row for every token."""
    rows = run.shape.get_input_embeddings().weight.shape[0]
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


def end_token(run: Preflight) -> Look:
    """Whether answers end in a trained end token."""
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


def masked(run: Preflight) -> Look:
    """Whether every sample teaches something."""
    sizes = [int(trained.sum()) for _, trained in _samples(run.rows)]
    if not sizes or not any(sizes):
        return failed("no token of any row is trained", "add data, or raise pack.length_tokens")
    if empty := sum(not size for size in sizes):
        what = f"{empty} of {len(sizes)} samples have no trained token: they cost time and teach nothing"
        return failed(what, "pack the rows anew, with a larger pack.length_tokens")
    return passed(f"{len(sizes)} samples, {sum(sizes)} trained tokens")


def template(run: Preflight) -> Look:
    """Whether the chat template gives back what it is given."""
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


def rates(run: Preflight) -> Look:
    """Whether learning rate and batch are in the usual range."""
    job = run.job
    of = SANE_PREFERENCE_RATES if job.training.objective in PREFERENCES else SANE_RATES
    peak, (low, high) = job.training.peak(job.model), of[job.model.result]
    scratch = job.training.objective == "pretrain" and job.model.result == WEIGHTS
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


def memory(run: Preflight) -> Look:
    """Whether the training fits into memory, by formula."""
    job = run.job
    facts = run.facts
    kind, here = "cuda" if torch.cuda.is_available() else "cpu", processes_of(job.training)
    recipe = job.training.model_copy(update={"offload": False}) if kind == "cpu" else job.training
    needed = memory_of(facts, job.model, recipe, run.rows.ids.shape[1], kind, here * recipe.machines)
    needed, free = needed * (1 if kind == "cuda" else here), free_memory_bytes()
    text = f"about {needed / 1e9:.1f} GB of {free / 1e9:.1f} GB that are free"
    if free and needed > free:
        do = "lower training.rows_at_once or pack.length_tokens, set training.checkpointing = true, or model.tuning = 'lora'"
        return failed(f"it would take {text}", do)
    return warned(f"it will take {text}") if free and needed > TIGHT * free else passed(text)


def disk(run: Preflight) -> Look:
    """Whether what it writes fits on the disk."""
    facts = run.facts
    # Weights and two moments, whole and being written; the best weights; the model in two bytes a weight, and as GGUF.
    needed, free = (
        2 * 12 * facts["trained"] + 4 * facts["trained"] + 6 * facts["parameters"],
        shutil.disk_usage(run.out).free,
    )
    text = f"about {needed / 1e9:.1f} GB of {free / 1e9:.1f} GB that are free"
    return failed(f"it would take {text}", "free some, or name another --out") if needed > free else passed(text)
