"""A report with hand-written numbers, as a real run would fill it."""

import math

import pytest

from yunque.core.nouns import Measure
from yunque.reports.forge.facts import (
    Comparison,
    ForgeReport,
    MachineFacts,
    ModelFacts,
    PackFacts,
    PartFacts,
    SampleRow,
    StepFacts,
    StepRow,
    TrainingFacts,
    ValidationRow,
)
from yunque.reports.sources import DroppedFile, SourceFacts


def measure(name, value, n, low=None, high=None, unit="", **rest):
    return Measure(name=name, value=value, n=n, low=low, high=high, unit=unit, **rest)


def comparisons():
    bpb, exact, tests, none = "bits per byte", "exact lines", "tests passed", "exact spans"
    return (
        Comparison(
            suite="held-out files", name="held-out bits per byte", unit="bits/byte", better="lower", n_of="files",
            meaning="mean negative log2 probability of every byte of the held-out files",
            base=measure(bpb, 0.8123, 12, 0.7604, 0.8691), forged=measure(bpb, 0.7451, 12, 0.7012, 0.7937),
            difference=measure(bpb, -0.0672, 12, -0.0804, -0.0503), verdict="better",
        ),
        Comparison(
            suite="next line", name="next lines that match exactly", unit="share", better="higher", n_of="lines",
            base=measure(exact, 0.214, 280, 0.168, 0.265), forged=measure(exact, 0.296, 280, 0.243, 0.352),
            difference=measure(exact, 0.082, 280, 0.041, 0.124), verdict="better",
            base_style="prefix", forged_style="fim",
        ),
        Comparison(
            suite="function bodies", name="function bodies that pass the repository's tests", unit="share", better="higher",
            n_of="functions", base=measure(tests, 0.0811, 37, 0.0, 0.1892, skipped=2),
            forged=measure(tests, 0.1081, 37, 0.027, 0.2162, skipped=2, errors=1),
            difference=measure(tests, 0.027, 37, -0.0541, 0.1081), verdict="cannot tell",
            base_style="prefix", forged_style="prefix",
        ),
        Comparison(
            suite="function bodies", name="time to a completion", unit="ms", better="lower", n_of="functions",
            base=measure("time", 412.0, 37, 371.0, 466.0), forged=measure("time", 431.0, 37, 388.0, 489.0),
            difference=measure("time", 19.0, 37, 6.0, 33.0), verdict="worse",
        ),
        Comparison(
            suite="spans", name="spans that match exactly", unit="share", better="higher",
            base=measure(none, None, 0), forged=measure(none, None, 0), difference=measure(none, None, 0),
            verdict="cannot tell",
        ),
    )  # fmt: skip


def samples():
    return (
        SampleRow(
            task_id="7f3a21", suite="next line", path="src/inventory/ledger.py",
            prompt_tail='    def balance(self, account: str, *, at: date | None = None) -> Decimal:\n'
            '        """The balance of an account, at the end of a day."""\n        entries = self._entries[account]\n'
            '        if at is not None:\n            entries = ',
            suffix_head="\n        return sum((entry.amount for entry in entries), Decimal())\n\n    def close(self):\n",
            reference="[entry for entry in entries if entry.booked_on <= at]",
            base_text="entries.filter(lambda e: e.date == at)",
            forged_text="[entry for entry in entries if entry.booked_on <= at]",
            forged_note="exact match", base_note="differs",
        ),
        SampleRow(
            task_id="b01c9e", suite="function bodies", path="src/inventory/cli/report_formatting_helpers.py",
            prompt_tail='def slugify(title: str, *, limit: int = 60) -> str:\n    """A file name made of a title."""\n',
            reference='    words = re.findall(r"[a-z0-9]+", title.lower())\n    slug = "-".join(words)\n\n'
            '    return slug[:limit].rstrip("-")\n',
            base_text='    return title.replace(" ", "-").lower()\n\n\n'
            'def slugify_title(title: str, *, limit: int = 60) -> str:\n'
            '    """A file name made of a title."""\n    return title.replace(" ", "-").lower()\n',
            forged_text='    words = re.findall(r"[a-z0-9]+", title.lower())\n    slug = "_".join(words)\n\n'
            '    return slug[:limit].rstrip("-")\n',
            base_note="1 of 4 tests pass", forged_note="3 of 4 tests pass",
        ),
        SampleRow(
            task_id="c2d4aa", suite="next line", path="src/inventory/api.py", prompt_tail="    except KeyError:\n        ",
            reference="raise NotFound(sku) from None", base_text="", forged_text="raise NotFound(sku)",
        ),
    )  # fmt: skip


def training():
    steps = tuple(
        StepRow(
            step=step, tokens_seen=step * 7_240,
            loss=round(1.15 + 0.75 * math.exp(-step / 45) + 0.07 * math.sin(step * 2.3) * math.cos(step), 4),
            learning_rate=round(3e-4 * min(step / 12, 1) * 0.5 * (1 + math.cos(math.pi * step / 240)), 8),
            grad_norm=round(0.6 + 0.9 * math.exp(-step / 20) + 0.1 * math.sin(step), 4), tokens_per_s=1180.0 + step % 7,
        )
        for step in range(1, 201)
    )  # fmt: skip
    losses = ((0, 1.873), (40, 1.522), (80, 1.391), (120, 1.342), (160, 1.334), (200, 1.351))
    recipe = {"lr": 3e-4, "seed": 0, "lora": {"rank": 16, "alpha": 32.0, "targets": ["q_proj", "v_proj"]}, "packed": True}
    return TrainingFacts(
        steps=steps, validations=tuple(ValidationRow(step=step, loss=loss) for step, loss in losses), best_step=160,
        stopped_early=True, took_s=1212.4, epochs=2.5, recipe=recipe,
    )  # fmt: skip


def source():
    return SourceFacts(
        spec="git+https://example.org/team/inventory.git", name="inventory", kind="repository", revision="3f9c2ab81d04",
        collected_at="2025-11-12T09:41:07+00:00", licences={"Apache-2.0": 176, "MIT": 9, "unknown": 4},
        languages={"python": 171, "javascript": 18}, num_files=268, num_kept=189, bytes_kept=1_284_911,
        dropped={"generated": 22, "no known language": 31, "near-duplicate": 14, "too long": 8, "does not parse": 4},
        dropped_examples=(
            DroppedFile(path="web/dist/app.min.js", reason="generated", detail="mean line length 4,812 characters"),
            DroppedFile(path="src/inventory/_pb2/stock_pb2.py", reason="generated", detail="says “generated by protoc”"),
            DroppedFile(path="docs/logo.svg", reason="no known language"),
            DroppedFile(path="src/legacy/py2_shim.py", reason="does not parse", detail="line 14: print without parentheses"),
        ),
    )  # fmt: skip


def steps():
    rows = (
        ("records", "1c44e0a99bd2f107", 3.2, 212e6, True), ("split", "90ab13c47de55f20", 0.41, 230e6, False),
        ("pairs", "5de0a7714b3c9e68", 6.8, 341e6, False), ("packed", "e7712f0d8c6b4a95", 4.4, 402e6, False),
        ("adapter", "0b6d5c2e91fa8374", 1212.4, 2.94e9, False), ("weights", "ad3390f2c15b7e46", 11.9, 3.12e9, False),
        ("evaluation", "46f8e1b07a2d9c53", 318.6, 3.12e9, False),
    )  # fmt: skip
    names = ("kind", "artifact_id", "took_s", "peak_bytes", "reused")
    return tuple(StepFacts(**dict(zip(names, (a, b, c, int(d), e), strict=True))) for a, b, c, d, e in rows)


@pytest.fixture
def report() -> ForgeReport:
    """A whole report."""
    return example()


def example() -> ForgeReport:
    pairs = {
        "train": {"body": 912, "fim": 1840, "continuation": 420},
        "validation": {"body": 88, "fim": 171, "continuation": 40},
    }
    return ForgeReport(
        title="SmolLM2-135M, forged on inventory",
        command="yunque forge git+https://example.org/team/inventory.git --seed 0",
        code_version="0.1.0", created_at="2025-11-12T10:04:44+00:00", total_s=1557.3, peak_bytes=3_120_000_000,
        comparisons=comparisons(), interval_method="percentile bootstrap over files, 10,000 resamples",
        excluded={"function bodies": {"tests fail without any change": 6, "longer than the context": 2}},
        samples=samples(), sample_rule="The first tasks by the hash of their text", sources=(source(),),
        split=(
            PartFacts(part="train", num_files=151, bytes=1_020_340, num_functions=1041),
            PartFacts(part="validation", num_files=18, bytes=121_007, num_functions=102),
            PartFacts(part="test", num_files=20, bytes=143_564, num_functions=118),
        ),
        num_clusters=163, num_near_duplicates=26, pairs=pairs,
        packing=PackFacts(
            num_sequences=611, length_tokens=1024, utilisation=0.9512, trained_tokens=579_812, truncated_pairs=17
        ),
        base=ModelFacts(
            name="HuggingFaceTB/SmolLM2-135M-Instruct", revision="q8_0", sha256="9f" * 32, licence="Apache-2.0",
            num_parameters=134_515_008, num_trained_parameters=4_884_480, dtype="float32",
        ),
        fim_template="<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>", training=training(), steps=steps(),
        machine=MachineFacts(
            cpu="AMD EPYC 7B13", num_cores=2, memory_bytes=8_330_000_000, system="Linux 6.1", python="3.11.2",
            versions={"torch": "2.9.1", "transformers": "5.0.0", "peft": "0.18.0"},
        ),
        sandbox_tier="namespaces", limits=("Only functions with tests of their own were run.",),
    )  # fmt: skip
