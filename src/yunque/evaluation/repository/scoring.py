"""One model on one repository's suite: what it answered, and what each answer is worth.

The prompt style is part of a model: where it can be asked in more than one, the style with the better edit similarity on
*validation* cursors is taken for the held-out ones, by the same rule for every model, and recorded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yunque.checks.syntax import Syntax
from yunque.core.nouns import Completion, Outcome, PromptStyle, Record, Request, content_id
from yunque.core.progress import silent
from yunque.core.seams import Engine, Progress
from yunque.evaluation.metrics.text import edit_similarity
from yunque.evaluation.repository.questions import BodyTests, Problem, RepositorySuite
from yunque.store.tables import read_lines, write_lines


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One answer to one task and what it is worth; a row of ``samples.jsonl``."""

    task_id: str
    suite: str
    group: str
    style: PromptStyle
    text: str
    stop: str
    tokens: int
    exact: float
    """1 when equal to the original, blanks at both ends aside."""
    similarity: float
    """1 - Levenshtein distance / length of the longer (rapidfuzz, characters), blanks at both ends aside."""
    valid: str = ""
    """Outcome of the syntax check on the file with the answer in place."""
    outcome: str = ""
    """Outcome of the repository's tests; empty for suites without."""
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class BitsRow:
    """What one chunk of held-out code cost; a row of ``bits.jsonl``."""

    group: str
    bits: float
    num_bytes: int
    num_tokens: int


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Everything one model scored."""

    samples: tuple[Sample, ...]
    bits: tuple[BitsRow, ...]

    def of(self, suite: str) -> list[Sample]:
        """The samples of one suite, in the suite's order."""
        return [sample for sample in self.samples if sample.suite == suite]

    def save(self, folder: Path) -> None:
        """Write ``samples.jsonl`` and ``bits.jsonl``."""
        write_lines(folder / "samples.jsonl", self.samples)
        write_lines(folder / "bits.jsonl", self.bits)

    @classmethod
    def load(cls, folder: Path) -> Scores:
        """Read what ``save`` wrote."""
        return cls(
            samples=tuple(read_lines(folder / "samples.jsonl", Sample)),
            bits=tuple(read_lines(folder / "bits.jsonl", BitsRow)),
        )


def score_model(
    engine: Engine,
    suite: RepositorySuite,
    *,
    styles: Sequence[PromptStyle],
    records: dict[str, Record],
    bodies_by: BodyTests | None = None,
    progress: Progress = silent,
) -> tuple[Scores, dict]:
    """The model's scores, and how it was asked. ``styles`` are those it can be asked in, the plainest first.

    ``bodies_by`` judges the bodies of functions that it writes; None: nothing does.
    """
    bits = [
        BitsRow(group=chunk.path, bits=-sum(logs) / math.log(2), num_bytes=len(chunk.text.encode()), num_tokens=len(logs))
        for chunk, logs in zip(suite.chunks, engine.score([s.text for s in suite.chunks]), strict=True)
    ]
    style, tried = _choose_style(engine, suite.of("style"), styles)
    fim_spans, bodies = suite.of("fim"), suite.of("body")
    fim = [_sample(p, c, style, records) for p, c in zip(fim_spans, _ask(engine, fim_spans, style), strict=True)]
    written = _ask(engine, bodies, PromptStyle.PREFIX)
    verdicts: list = []
    if bodies and bodies_by is not None:
        with progress("judge", len(bodies), "tasks") as advance:
            verdicts = bodies_by.judge_all(bodies, [c.text for c in written], advance)
    judged = [
        _sample(p, c, PromptStyle.PREFIX, records, outcome=v.outcome.value, detail=v.detail)
        for p, c, v in zip(bodies, written, verdicts, strict=bool(verdicts))
    ]
    scores = Scores(samples=(*fim, *judged), bits=tuple(bits))
    return scores, {
        "engine": engine.name,
        "fim_style": style.value,
        "style_similarity": tried,
        "body_style": PromptStyle.PREFIX.value,
        "answers": len(scores.samples),
        "tokens": sum(sample.tokens for sample in scores.samples),
        "ended": {why: sum(s.stop == why for s in scores.samples) for why in ("eos", "rule", "length")},
        "bytes_scored": sum(row.num_bytes for row in bits),
    }


def _choose_style(engine: Engine, problems: list[Problem], styles: Sequence[PromptStyle]) -> tuple[PromptStyle, dict]:
    if len(styles) == 1 or not problems:
        return styles[0], {}
    tried = {}
    for style in styles:
        answers = _ask(engine, problems, style)
        each = [edit_similarity(c.text, p.key.answer) for p, c in zip(problems, answers, strict=True)]
        tried[style] = round(sum(each) / len(each), 4)
    return max(styles, key=lambda style: tried[style]), {style.value: value for style, value in tried.items()}


def _ask(engine: Engine, problems: Sequence[Problem], style: PromptStyle) -> list[Completion]:
    requests = [
        Request(
            prompt=problem.task.prompt,
            suffix=problem.task.suffix if style is PromptStyle.FIM else "",
            style=style,
            stop=problem.task.stop,
            max_tokens=problem.task.max_tokens,
        )
        for problem in problems
    ]
    return list(engine.complete(requests))


def _sample(
    problem: Problem,
    completion: Completion,
    style: PromptStyle,
    records: dict[str, Record],
    *,
    outcome: str = "",
    detail: str = "",
) -> Sample:
    record, (start, end) = records[problem.record_id], problem.span_bytes
    data = record.text.encode()
    text = (data[:start] + completion.text.encode("utf-8", "replace") + data[end:]).decode()
    filled = Record(id=content_id(text), text=text, language=record.language, origin=record.origin)
    valid = Syntax().judge(filled).outcome
    return Sample(
        task_id=problem.task.id,
        suite=problem.task.suite,
        group=problem.task.group,
        style=style,
        text=completion.text,
        stop=completion.stop,
        tokens=completion.tokens,
        exact=float(completion.text.strip() == problem.key.answer.strip()),
        similarity=round(edit_similarity(completion.text, problem.key.answer), 6),
        valid=valid.value if isinstance(valid, Outcome) else str(valid),
        outcome=outcome,
        detail=detail,
    )
