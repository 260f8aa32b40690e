"""What one forge run did, as plain data: the structure that every page, plot and card is written from.

Read it as the table of contents of a report. Nothing here formats or draws; ``to_json`` and ``from_json`` are the only
functions. Shares are 0 to 1, times seconds, sizes bytes, dates UTC in ISO 8601.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, Literal

from yunque.core.errors import StoreError
from yunque.core.nouns import Measure
from yunque.reports.sources import SourceFacts
from yunque.store.tables import plain, restore

SCHEMA = "yunque-forge-report"
SCHEMA_VERSION = 2
SIGNIFICANT_DIGITS = 6
"""Kept of every float in ``report.json``; far finer than any interval in it."""
UNSCREENED = (
    "This data was not screened: malware, secrets or personal data in the sources were learned from, and the model can "
    "repeat them."
)


# -------------------------------------------------------------------------------------------------------------- what went in
@dataclass(frozen=True, kw_only=True)
class PartFacts:
    """One part of the split."""

    part: str
    """``train``, ``validation`` or ``test``."""
    num_files: int
    bytes: int
    num_functions: int


@dataclass(frozen=True, kw_only=True)
class PackFacts:
    """How pairs became sequences of fixed length."""

    num_sequences: int
    length_tokens: int
    """Tokens in every sequence, padding included."""
    utilisation: float
    """Share of positions that hold a token of a pair, 0 to 1."""
    trained_tokens: int
    """Tokens with a loss on them, in one epoch."""
    truncated_pairs: int = 0
    dropped_pairs: int = 0
    """Their answers fit no sequence."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Reason -> pairs that no part may have: ``held out``, ``crosses the split``, ``quotes held-out code``."""
    unused: dict[str, int] = field(default_factory=dict)
    """Reason -> training pairs that are in no sequence."""
    tokens_by: dict[str, dict[str, int]] = field(default_factory=dict)
    """``kind``, ``language``, ``source`` or ``licence`` -> value -> tokens of training pairs."""


# ------------------------------------------------------------------------------------------------------------- what was done
@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The base model, and how much of it was trained."""

    name: str
    """Hub name or folder name."""
    revision: str = ""
    sha256: str = ""
    """Of the weights file that was loaded."""
    licence: str = "unknown"
    """SPDX identifier."""
    num_parameters: int
    num_trained_parameters: int
    dtype: str


@dataclass(frozen=True, kw_only=True)
class StepRow:
    """One optimizer step."""

    step: int
    """1-based."""
    tokens_seen: int
    """Trained tokens up to and including this step."""
    loss: float | None
    """Mean over trained tokens, nats per token."""
    learning_rate: float
    grad_norm: float | None = None
    """Before clipping."""
    tokens_per_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class ValidationRow:
    """The loss on the validation part after a step; step 0 is the base model."""

    step: int
    loss: float | None
    """Mean over trained tokens, nats per token."""


@dataclass(frozen=True, kw_only=True)
class TrainingFacts:
    """The course of training."""

    steps: tuple[StepRow, ...] = ()
    validations: tuple[ValidationRow, ...] = ()
    best_step: int | None = None
    """Step whose weights were kept; None when there was no validation."""
    stopped_early: bool = False
    took_s: float
    energy: str = ""
    """What it used, with the method and its error; empty where nothing was measured."""
    epochs: float
    recipe: dict = field(default_factory=dict)
    """The resolved recipe: plain JSON values, may be nested."""


# ------------------------------------------------------------------------------------------------------------- what came out
@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One measure, base against forged on the same tasks.

    A ``Measure.unit`` of ``share`` (0 to 1) is shown in per cent, its difference in points; any other unit as it is.
    """

    suite: str
    name: str
    """What was measured, in words that fit into a sentence: ``held-out bits per byte``."""
    unit: str = ""
    better: Literal["lower", "higher"]
    """Which direction is an improvement."""
    base: Measure
    forged: Measure
    difference: Measure
    """Forged minus base, paired."""
    base_style: str = ""
    forged_style: str = ""
    """How each model was asked: ``prefix`` or ``fim``."""
    verdict: Literal["better", "worse", "cannot tell"]
    sentence: str = ""
    """The plain answer; empty to have it written from the numbers."""
    n_of: str = "tasks"
    """What ``n`` counts, in the plural: ``files``, ``functions``."""
    meaning: str = ""
    """One line: how it is measured."""


@dataclass(frozen=True, kw_only=True)
class SampleRow:
    """One task with three continuations: the original one, the base model's and the forged model's."""

    task_id: str
    suite: str
    path: str
    prompt_tail: str
    """The end of the prompt; the model started right after its last character."""
    suffix_head: str = ""
    """What follows the hole, where the task has a suffix."""
    reference: str
    base_text: str
    forged_text: str
    base_note: str = ""
    forged_note: str = ""
    """What the judge said, in a few words: ``3 of 4 tests pass``."""


@dataclass(frozen=True, kw_only=True)
class StepFacts:
    """One artifact of the run."""

    kind: str
    artifact_id: str
    took_s: float
    """When it was made, be it by an earlier run."""
    peak_bytes: int
    """Largest resident set of the process until the artifact was done."""
    reused: bool = False


@dataclass(frozen=True, kw_only=True)
class EarlierRun:
    """An earlier forge of sources of the same names."""

    report_id: str
    created_at: str
    forged: dict[str, float | None]
    """Name of a comparison -> what the forged model of that time scored."""
    same_questions: bool
    """Whether its held-out questions were those of this report."""


@dataclass(frozen=True, kw_only=True)
class MachineFacts:
    """Where it ran."""

    cpu: str
    num_cores: int
    memory_bytes: int
    system: str
    python: str
    versions: dict[str, str] = field(default_factory=dict)
    """Package -> version."""
    accelerator: str = ""
    """Name of the GPU in use; empty for none."""


@dataclass(frozen=True, kw_only=True)
class ForgeReport:
    """Everything a report says, in the order it says it."""

    title: str
    command: str
    """The command line that made it."""
    code_version: str
    created_at: str
    total_s: float
    """What its artifacts took to make, those of earlier runs included."""
    peak_bytes: int
    comparisons: tuple[Comparison, ...]
    ended: dict[str, dict[str, int]] = field(default_factory=dict)
    """``base`` and ``forged`` -> how an answer ended (``eos``, ``rule``, ``length``) -> answers."""
    interval_method: str = ""
    """How the 95 % intervals were computed, as the end of a sentence: ``bootstrap over files, 10,000 resamples``."""
    excluded: dict[str, dict[str, int]] = field(default_factory=dict)
    """Suite -> reason -> tasks that were not asked."""
    samples: tuple[SampleRow, ...] = ()
    sample_rule: str = ""
    """How the samples were chosen, as a sentence."""
    sources: tuple[SourceFacts, ...]
    screened: bool = True
    """Whether malware, secrets and personal data were looked for."""
    split: tuple[PartFacts, ...]
    num_clusters: int
    """Groups of similar files; each group is on one side of the split."""
    asked_since: str = ""
    """Day of a split by time: learned from is what was there before, asked about what is new since; empty: by files."""
    num_near_duplicates: int
    """Functions of validation and held-out files that have a near-duplicate in another part: never scored."""
    pairs: dict[str, dict[str, int]]
    """Part -> kind of pair -> pairs."""
    packing: PackFacts
    base: ModelFacts
    fim_template: str = ""
    """How the forged model is asked to fill a hole, with ``{prefix}`` and ``{suffix}``; empty when it cannot."""
    training: TrainingFacts
    steps: tuple[StepFacts, ...]
    machine: MachineFacts
    earlier: tuple[EarlierRun, ...] = ()
    """Oldest first."""
    sandbox_tier: str = ""
    """Isolation the tests ran under; empty when nothing was run."""
    limits: tuple[str, ...] = ()
    """What this run does not show, beyond what every report says; whole sentences."""

    @property
    def name(self) -> str:
        """Its sources, by name."""
        return ", ".join(source.name for source in self.sources)


# ---------------------------------------------------------------------------------------------------------------------- JSON
def to_json(report: ForgeReport) -> str:
    """The report as JSON text: fields in their order, dictionaries sorted, floats to 6 significant digits, NaN as null."""
    head = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION}
    return json.dumps({**head, **_rounded(plain(report))}, indent=2, allow_nan=False) + "\n"


def from_json(text: str) -> ForgeReport:
    """The report that ``to_json`` wrote. Raises StoreError when the text is something else."""
    try:
        fields = json.loads(text)
        if not isinstance(fields, dict) or fields.get("schema") != SCHEMA:
            raise StoreError("not a forge report", where="report.json", do="name the report.json of a finished run")
        if fields.get("schema_version") != SCHEMA_VERSION:
            raise StoreError(
                f"schema version {fields.get('schema_version')!r}, this yunque reads {SCHEMA_VERSION}",
                where="report.json",
                do="run `yunque forge` again",
            )
        return restore(fields, ForgeReport)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"damaged report ({error})", where="report.json", do="run `yunque forge` again") from error


def rounded(value: float | None) -> float | None:
    """The float as ``report.json`` keeps it; None for None, NaN and infinities."""
    if value is None or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
