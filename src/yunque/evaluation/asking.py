"""A suite's tasks to an engine's answers: how they are asked, and in which style.

The style is part of a model: a suite may bring cursors that nobody is scored on (`StyledSuite`), on which each style that
the engine knows is tried. The better one, by the mean score of the suite's judge, is taken; of two equal ones the plainer.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from yunque.core.errors import EvaluationError
from yunque.core.nouns import PromptStyle, Request, Task, seed_from
from yunque.core.seams import Engine, JudgedSuite
from yunque.evaluation.metrics.answers import USUAL
from yunque.store.artifacts import write_whole

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """How a suite is put to a model, and what is measured; all of it decides the file."""

    samples: int = 1
    """Answers to each task."""
    temperature: float = 0.0
    """0 is greedy."""
    style: str = AUTO
    """A `PromptStyle`, or ``auto``: the one that a `StyledSuite` finds better, else fill-in-the-middle where a task has a
    suffix and the engine can, else the prompt alone."""
    seed: int = 17
    batch_rows: int = 32
    """Answers generated together."""
    round_answers: int = 128
    """Answers asked for in one call of the engine; a run that is stopped goes on after its last whole round."""
    limit: int | None = None
    """Only so many tasks, the first ones; None: all."""
    max_tokens: int | None = None
    """Most tokens of an answer; None: what the suite says."""
    prompt_tokens: int = 4096
    """Most tokens of a prompt that a model reads, those next to the answer."""
    suffix_tokens: int = 1024
    """The same of a suffix."""
    without: tuple[str, ...] = ()
    """Ids of tasks that are left out, since the model has learned from them."""
    metrics: tuple[str, ...] = USUAL


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One answer; a row of ``completions.jsonl``."""

    task_id: str
    sample: int
    style: PromptStyle
    text: str
    finish_reason: str
    """``eos``, ``rule`` or ``length`` (truncated)."""
    tokens: int
    first: str = ""
    """The answer to a first question, where the suite asks a second one of it."""


def chosen_tasks(suite: JudgedSuite, config: RunConfig) -> list[Task]:
    """The tasks that are asked. EvaluationError when there are none, or one cannot be asked in that style."""
    tasks = [task for task in suite.tasks() if task.id not in config.without][: config.limit]
    if not tasks:
        raise EvaluationError("holds no tasks to ask", where=suite.name)
    lacking = {
        PromptStyle.CHAT: [task.id for task in tasks if not task.question],
        PromptStyle.FEW_SHOT: [task.id for task in tasks if not task.examples],
        PromptStyle.FIM: [task.id for task in tasks if not task.suffix],
        PromptStyle.PROGRAM: [task.id for task in tasks],
    }
    for style, ids in lacking.items():
        if config.style == style and ids:
            known = "auto, prefix" + "".join(f", {name.value}" for name, without in lacking.items() if not without)
            raise EvaluationError(f"{ids[0]} cannot be asked in style {style.value!r}", where=suite.name, do=f"use {known}")
    return tasks


@runtime_checkable
class FollowUpSuite(Protocol):
    """A suite whose answer is what a second question, made of the answer to the first, gives."""

    def follow_up(self, task: Task, text: str) -> Task:
        """The second question."""
        ...


def ask(engine: Engine, suite: JudgedSuite, batch: Sequence[tuple[Task, int]], config: RunConfig) -> Iterator[Generation]:
    """An answer to each, as they come. EvaluationError when the engine fails."""
    firsts = [""] * len(batch)
    try:
        if isinstance(suite, FollowUpSuite):
            firsts = [answer.text for answer in engine.complete([_request(*item, config) for item in batch])]
            batch = [(suite.follow_up(task, first), sample) for (task, sample), first in zip(batch, firsts, strict=True)]
        answers = engine.complete([_request(*item, config) for item in batch])
        for (task, sample), first, answer in zip(batch, firsts, answers, strict=True):
            yield Generation(
                task_id=task.id,
                sample=sample,
                style=_style(task, config),
                text=answer.text,
                finish_reason=answer.stop,
                tokens=answer.tokens,
                first=first,
            )
    except (RuntimeError, OSError, ValueError) as error:  # out of memory, a server that is gone, too few answers
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        do = "run the same command again to go on from the last whole round"
        raise EvaluationError(f"the engine stopped ({line})", where=f"{engine.name} on {suite.name}", do=do) from error


@runtime_checkable
class StyledSuite(Protocol):
    """A suite with tasks by which the style of the others is chosen, none of which is scored."""

    def style_tasks(self) -> Sequence[Task]:
        """Those tasks, which its judge judges as well; its score is what counts."""
        ...


@runtime_checkable
class StyledEngine(Protocol):
    """An engine that knows in which styles it can be asked; any other is expected to know all."""

    styles: Collection[PromptStyle]


def choose_style(engine: Engine, suite: JudgedSuite, file: Path, config: RunConfig) -> str:
    """The style of the whole run, tried out once and written down; ``auto`` where every task has its own."""
    if config.style != AUTO:
        return config.style
    if isinstance(engine, StyledEngine) and PromptStyle.FIM not in engine.styles:
        return PromptStyle.PREFIX
    tasks = suite.style_tasks() if isinstance(suite, StyledSuite) else ()
    if not tasks:
        return AUTO
    if not file.exists():
        tried = {}
        for style in (PromptStyle.PREFIX, PromptStyle.FIM):
            answers = ask(engine, suite, [(task, 0) for task in tasks], replace(config, style=style, temperature=0.0))
            scores = [
                suite.judge(task, answer.text, style).score or 0.0 for task, answer in zip(tasks, answers, strict=True)
            ]
            tried[style.value] = round(sum(scores) / len(scores), 4)
        chosen = max(tried, key=lambda style: tried[style])  # the first of equals, which is the plainer
        write_whole(file, json.dumps({"style": chosen, "tried": tried}) + "\n")
    return str(json.loads(file.read_text("utf-8"))["style"])


def _style(task: Task, config: RunConfig) -> PromptStyle:
    if config.style != AUTO:
        return PromptStyle(config.style)
    return PromptStyle.FIM if task.suffix else PromptStyle.PREFIX


def _request(task: Task, sample: int, config: RunConfig) -> Request:
    style = _style(task, config)
    chat, fim = style is PromptStyle.CHAT, style is PromptStyle.FIM
    return Request(
        prompt=task.question if chat else task.examples + task.prompt if style is PromptStyle.FEW_SHOT else task.prompt,
        suffix=task.suffix if fim else "",
        style=style,
        stop="none" if chat else task.stop,
        stops=() if chat else task.stops,
        max_tokens=min(task.max_tokens, config.max_tokens or task.max_tokens),
        temperature=config.temperature,
        seed=seed_from(config.seed, task.id, sample),
    )
