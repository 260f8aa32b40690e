"""What is looked at while a model trains: answers to read, and a small suite that is judged beside the training.

The model is asked where it is, in memory, between two steps; the judging runs in the sandbox, in threads, while training
goes on, and its result is written down under the step at which the model was asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from yunque.core.nouns import Outcome, Pair, PairKind, PromptStyle, Request, Verdict
from yunque.core.seams import JudgedSuite
from yunque.data.pairs.chat import CHAT_KINDS
from yunque.evaluation.asking import RunConfig, ask
from yunque.training.readings import Probe, Reading
from yunque.training.recipe import TrainingRecipe

EXAMPLES = "examples.json"

SAMPLE_TOKENS = 48
MOST_EXAMPLES, MOST_CHARS = 16, 400
WORKERS = 1
"""That judge: training has the cores."""


def examples(pairs: Sequence[Pair], most: int = MOST_EXAMPLES) -> list[dict[str, str]]:
    """A few pairs to ask while training, as plain values: the first of every kind that has a question, then more."""
    asked = [pair for pair in pairs if pair.kind is not PairKind.CONTINUATION and len(pair.answer) <= MOST_CHARS]
    firsts = list({pair.kind: pair for pair in reversed(asked)}.values())
    rest = [pair for pair in asked if pair not in firsts]
    return [
        {"kind": pair.kind.value, "prompt": pair.prompt, "suffix": pair.suffix, "answer": pair.answer}
        for pair in [*sorted(firsts, key=lambda pair: pair.kind.value), *rest][:most]
    ]


def request_of(example: Mapping[str, str], tokenizer: Any) -> Request:
    """An example as it is asked in training: fill-in-the-middle, chat, or the prompt alone."""
    kind = PairKind(example["kind"])
    if kind is PairKind.FIM:
        style = PromptStyle.FIM
    else:
        style = PromptStyle.CHAT if kind in CHAT_KINDS and tokenizer.chat_template else PromptStyle.PREFIX
    return Request(prompt=example["prompt"], suffix=example["suffix"], style=style, max_tokens=SAMPLE_TOKENS)


class AnswerProbe:
    """Writes what the model answers to the same prompts, beside what was expected."""

    def __init__(self, tokenizer: Any, asked: Sequence[tuple[Request, str]]) -> None:
        """``asked``: requests, and their answers in the data."""
        self.tokenizer, self.asked = tokenizer, asked

    def __call__(self, model: Any, step: int) -> list[Reading]:
        """The answers as Markdown, by number."""
        from yunque.inference.torch_engine import TorchEngine

        engine = TorchEngine.around(model, self.tokenizer)
        answers = engine.complete([request for request, _ in self.asked])
        return [
            Reading(name=f"samples/{number}", step=step, value=_markdown(request.prompt[-400:], answer.text, expected))
            for number, ((request, expected), answer) in enumerate(zip(self.asked, answers, strict=True), start=1)
        ]

    def close(self) -> list[Reading]:
        """Nothing waits."""
        return []


def _markdown(prompt: str, text: str, expected: str) -> str:
    parts = {"prompt": prompt, "model": text, "data": expected}
    return "\n\n".join(
        f"**{name}**\n\n" + "\n".join(f"    {line}" for line in part.split("\n")) for name, part in parts.items()
    )


class SuiteProbe:
    """The share of a few tasks that the model solves, every so many steps."""

    def __init__(self, tokenizer: Any, suite: JudgedSuite, *, tasks: int, every: int) -> None:
        self.tokenizer, self.suite, self.every = tokenizer, suite, every
        self.tasks = [task for task in suite.tasks() if task.max_tokens][:tasks]
        self._pool = ThreadPoolExecutor(WORKERS)
        self._waiting: list[tuple[int, list[Future[Verdict]]]] = []
        self._asked_at = -every

    def __call__(self, model: Any, step: int) -> list[Reading]:
        """What has been judged since the last time, each with its step; every so many steps the model is asked anew."""
        from yunque.inference.torch_engine import TorchEngine

        if step - self._asked_at >= self.every:
            self._asked_at = step
            engine = TorchEngine.around(model, self.tokenizer)
            by_id = {task.id: task for task in self.tasks}
            answers = ask(engine, self.suite, [(task, 0) for task in self.tasks], RunConfig(style=PromptStyle.PREFIX))
            futures = [self._pool.submit(self.suite.judge, by_id[a.task_id], a.text, a.style) for a in answers]
            self._waiting.append((step, futures))
        return self._judged(wait=False)

    def close(self) -> list[Reading]:
        """What is left, when it has been judged."""
        try:
            return self._judged(wait=True)
        finally:
            self._pool.shutdown()

    def _judged(self, *, wait: bool) -> list[Reading]:
        result = []
        while self._waiting and (wait or all(future.done() for future in self._waiting[0][1])):
            step, futures = self._waiting.pop(0)
            verdicts = [future.result() for future in futures]
            decided = [verdict for verdict in verdicts if verdict.outcome in (Outcome.PASS, Outcome.FAIL)]
            if decided:
                share = sum(verdict.outcome is Outcome.PASS for verdict in decided) / len(decided)
                result.append(Reading(name=f"{self.suite.name}/pass@1", step=step, value=share))
                result.append(Reading(name=f"{self.suite.name}/judged", step=step, value=float(len(decided))))
        return result


def probes_of(packed: Path, recipe: TrainingRecipe, stack: ExitStack) -> list[Probe]:
    """What the recipe wants to be looked at; ``packed``: folder of the rows. The stack closes what judging needs."""
    from yunque.models.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(packed / "tokenizer")
    probes: list[Probe] = []
    if recipe.samples and (packed / EXAMPLES).exists():
        chosen = json.loads((packed / EXAMPLES).read_text())[: recipe.samples]
        probes.append(AnswerProbe(tokenizer, [(request_of(item, tokenizer), item["answer"]) for item in chosen]))
    if recipe.suite:
        from yunque.evaluation.registry import open_suite
        from yunque.sandbox import open_sandbox

        suite = open_suite(recipe.suite, stack.enter_context(open_sandbox()))
        probes.append(SuiteProbe(tokenizer, suite, tasks=recipe.suite_tasks, every=recipe.suite_every))
    return probes
