"""Answers of a model that were run and judged, to pairs and preferences: rejection sampling, of what `yunque eval` left.

    yunque eval MODEL --suites mbpp-all --n 8 --temperature 0.8      # leaves an eval-…
    judged:OUT/artifacts/eval-…

An answer that passed is a pair; with one to the same task that failed it is a preference. Everything else is a ``Dropped``:

    failed, not judged    it did not pass; the judge or the sandbox broke (which says nothing of the answer)
    forgeable             it passed a judge that does not say that it sat apart from the program
    flaky                 the same text passed once and failed once
    cut, empty            it was cut at its length, so it ends nowhere; there is nothing to learn
    same answer           another answer to the task is the same text
    enough                more answers to the task passed than are kept
    evaluation            its task is not for training: of MBPP all but the train split

Rows in = records + dropped. Of the answers that failed, that one stands beside a right one whose length is nearest, so that
length says nothing about being right. Learned from is the train split of MBPP alone: by every other suite models are
measured, and of a repository it is not known yet which functions will be held out.

Covered: answers in the styles prefix, fim and chat; tainted evaluations are refused. Not covered: how hard the tests are: an
answer that passes weak tests is taken for right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from yunque.core.errors import SourceError, StoreError
from yunque.core.nouns import Dropped, Origin, Outcome, Pair, PairKind, Preference, PromptStyle, Record, content_id
from yunque.data.pairs.natural_language import natural_language
from yunque.data.sources.snapshots import shown
from yunque.data.streams.table_files import sha256_of
from yunque.store.artifacts import MANIFEST, Store
from yunque.store.tables import read_lines

SAMPLES, TASKS = "samples.jsonl", "tasks.jsonl"
SUITES = ("mbpp", "mbpp-all", "mbpp-sanitized")
BELIEVED = ("outside", "apart", "controlled")
"""Where a judge sat that no answer writes the verdict of (`Verdict.judge_location`)."""
KINDS = {PromptStyle.PREFIX: PairKind.BODY, PromptStyle.FIM: PairKind.FIM, PromptStyle.CHAT: PairKind.QUESTION}


@dataclass(frozen=True, kw_only=True)
class JudgedRules:
    """Which judged answers are learned from."""

    per_task: int = 2
    """Most right answers to one task; easy tasks would outweigh the others."""
    licence: str = "unknown"
    """Of what a model wrote."""


class JudgedAnswers:
    """The judged answers of an evaluation (seam `Stream`). SourceError for one that is not for training."""

    records_teach = False

    def __init__(self, path: Path, rules: JudgedRules = JudgedRules()) -> None:
        self.path, self.rules = Path(path), rules
        if not all((self.path / name).is_file() for name in (MANIFEST, SAMPLES, TASKS)):
            do = "name a folder eval-… that `yunque eval` left"
            raise SourceError("holds no judged answers", where=shown(str(path)), do=do)
        store = Store(self.path.resolve().parents[1])
        try:
            artifact = store.find(self.path.resolve().name)
        except StoreError as error:
            raise SourceError(f"is no artifact of a folder of runs ({error})", where=shown(str(path))) from error
        self.name = shown(artifact.full_id)
        if why := store.tainted().get(artifact.full_id):
            raise SourceError(why, where=self.name, do="evaluate anew, with a model that was not made of it")
        suite = str(artifact.manifest.recipe.get("suite", ""))
        if suite not in SUITES:
            do = f"sample on {SUITES[1]}, whose train split is for training"
            raise SourceError(f"answers to {suite} are not for training", where=self.name, do=do)

    @cached_property
    def identity(self) -> dict:
        """The hashes of the answers and of the tasks, and the rules."""
        content = content_id(*(sha256_of(self.path / name) for name in (SAMPLES, TASKS)))
        rules = asdict(self.rules)
        return {"kind": "judged", "name": self.name, "artifact": self.name, "content": content, "rules": rules}

    def read(self) -> Iterator[Record | Pair | Dropped]:
        """Task by task: the right answers with their pairs and preferences, and why not of each of the others."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        tasks = {str(task.get("id")): task for task in _rows(self.path / TASKS)}
        answers: dict[str, list[dict]] = {}
        for row in _rows(self.path / SAMPLES):
            answers.setdefault(str(row.get("task_id")), []).append(row)
        for task_id, rows in answers.items():
            if task_id not in tasks:
                raise SourceError(f"the answers are to a task that is not there ({task_id})", where=self.name)
            try:
                yield from self._task(tasks[task_id], rows, now)
            except (KeyError, TypeError, AttributeError) as error:
                what = f"an answer to {task_id} is not as `yunque eval` writes it ({error})"
                raise SourceError(what, where=self.name) from error

    def _task(self, task: dict, rows: list[dict], now: str) -> Iterator[Record | Pair | Dropped]:
        right: dict[tuple[str, str], dict] = {}
        wrong = {(row["style"], row["text"]) for row in rows if self._reason(task, row) == "failed"}
        for row in rows:
            key, reason = (row["style"], row["text"]), self._reason(task, row)
            if not reason and key in wrong:
                reason = "flaky"
            if not reason and (key in right or len(right) == self.rules.per_task):
                reason = "same answer" if key in right else "enough"
            if reason:
                yield Dropped(path=_place(row), reason=reason, detail=str(row.get("detail", ""))[:200])
            else:
                right[key] = row
        for (style, _), row in right.items():
            yield from self._pair(task, row, sorted(other for like, other in wrong if like == style), now)

    def _reason(self, task: dict, row: dict) -> str:
        """Why an answer is not learned from, if so."""
        if task.get("part") != "train":
            return "evaluation"
        if row["outcome"] not in (Outcome.PASS.value, Outcome.FAIL.value) or row["style"] not in KINDS:
            return "not judged"
        if row["finish_reason"] == "length":
            return "cut"
        if not row["text"].strip():
            return "empty"
        if row["outcome"] == Outcome.FAIL.value:
            return "failed"
        return "" if row.get("judge_location") in BELIEVED else "forgeable"

    def _pair(self, task: dict, row: dict, wrong: list[str], now: str) -> Iterator[Record | Pair]:
        style, text = PromptStyle(row["style"]), row["text"]
        origin = Origin(
            source=self.name, path=_place(row), revision=self.identity["content"], licence=self.rules.licence,
            collected_at=now,
        )  # fmt: skip
        prompt = task["question"] if style is PromptStyle.CHAT else task["prompt"]
        record = Record(id=content_id(origin.path, text), text=text, language=task["language"], origin=origin)
        pair = Pair(
            id=content_id("judged", record.id, prompt), kind=KINDS[style], prompt=prompt, answer=text,
            suffix=task.get("suffix", "") if style is PromptStyle.FIM else "", span_bytes=None, language=task["language"],
            natural_language=natural_language(prompt) if style is PromptStyle.CHAT else "und", origin_ids=(record.id,),
        )  # fmt: skip
        yield record
        yield pair
        if wrong:
            nearest = min(wrong, key=lambda other: (abs(len(other) - len(text)), other))
            yield Preference(**vars(pair) | {"rejected": nearest, "because": "tests"})


def _place(row: dict) -> str:
    return f"{row['task_id']}#{row['sample']}"


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        for row in read_lines(path, dict):
            if not isinstance(row, dict):
                raise ValueError("a line is no object")
            yield row
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot be read ({error})", where=path) from error
