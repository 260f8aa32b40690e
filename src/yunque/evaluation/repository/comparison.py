"""Two models' scores on one suite to paired differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from yunque.evaluation.metrics.statistics import Paired, Quantity, compare
from yunque.evaluation.repository.scoring import Sample, Scores


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: what was measured, and how the two models compare."""

    suite: str
    title: str
    meaning: str
    """What the number says, in a sentence."""
    counted: str
    """What n counts."""
    unit: str
    better: Literal["lower", "higher"]
    base_style: str
    forged_style: str
    paired: Paired


def compare_scores(base: Scores, forged: Scores, *, seed: int) -> list[Row]:
    """Every measure of the suite, the most telling first. A suite without tasks gives measures with n = 0."""
    if [(row.group, row.num_bytes) for row in base.bits] != [(row.group, row.num_bytes) for row in forged.bits]:
        raise ValueError("the two models did not score the same chunks")
    rows = [
        Row(
            suite="bits",
            title="bits per byte",
            meaning="how many bits the model needs for a byte of code it has never seen",
            counted="chunks",
            unit="bits/byte",
            better="lower",
            base_style="text",
            forged_style="text",
            paired=compare(
                Quantity("bits per byte", "bits/byte", higher_is_better=False),
                [row.bits for row in base.bits],
                [row.bits for row in forged.bits],
                [row.group for row in base.bits],
                weights=([row.num_bytes for row in base.bits],) * 2,
                seed=seed,
            ),
        )
    ]
    similarity, exact = (lambda s: s.similarity), (lambda s: s.exact)
    valid, passed = (lambda s: float(s.valid == "pass")), (lambda s: float(s.outcome == "pass"))
    for suite, title, meaning, value in (
        ("fim", "edit similarity", "how near the rest of a line comes to what was written there (Levenshtein)", similarity),
        ("fim", "exact match", "how often the rest of a line is exactly what was written there", exact),
        (
            "body",
            "execution accuracy",
            "how often a written body passes the repository's own tests (pass@1, greedy)",
            passed,
        ),
        ("body", "edit similarity", "how near a written body comes to the original (Levenshtein)", similarity),
        ("body", "valid syntax", "how often the file still parses with the written body in place", valid),
    ):
        rows.append(_row(base, forged, suite, title, meaning, value, seed))
    return rows


def _row(
    base: Scores, forged: Scores, suite: str, title: str, meaning: str, value: Callable[[Sample], float], seed: int
) -> Row:
    ours, theirs = base.of(suite), forged.of(suite)
    if [s.task_id for s in ours] != [s.task_id for s in theirs]:
        raise ValueError(f"the two models did not answer the same {suite} tasks")
    paired = compare(
        Quantity(title, "share"),
        [value(sample) for sample in ours],
        [value(sample) for sample in theirs],
        [sample.group for sample in ours],
        seed=seed,
    )
    return Row(
        suite=suite,
        title=title,
        meaning=meaning,
        counted="tasks",
        unit="share",
        better="higher",
        base_style=_style(ours),
        forged_style=_style(theirs),
        paired=paired,
    )


def _style(samples: Sequence[Sample]) -> str:
    return samples[0].style.value if samples else ""
