"""``yunque export``: a model in the form that another program reads, reloaded and compared with what it was made from.

gguf       one file for llama.cpp and what is built on it (`models.exports.gguf`)
merged     an ordinary Hugging Face folder, of an adapter and its base
adapter    the folder of a LoRA adapter as PEFT reads it
"""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from yunque.checks.insertion.training_copies import beside
from yunque.core.errors import ModelError
from yunque.core.nouns import Request
from yunque.core.plugins import nearest
from yunque.core.progress import quiet, silent
from yunque.core.seams import Progress
from yunque.evaluation.registry import open_suite
from yunque.models.base import BaseFacts, find_base
from yunque.models.exports.gguf import load_weights, write_gguf
from yunque.store.artifacts import bytes_below

FORMS = ("gguf", "merged", "adapter")
ADAPTER = "adapter_config.json"
TOLERANCE = 2e-2
"""Largest difference of a likely token's log-probability between a file of 16 bits and the weights it was made of: of the
forged 135M model 0.011 was seen, of a file that is wrong more than 1."""
FAR = 1.0
"""Median difference from which a file of rounded numbers is wrong, not rounded."""
NUM_PROMPTS, LIKELY, ANSWER_TOKENS = 20, 10, 24
"""Prompts that are compared, tokens of each whose log-probability is, and tokens of an answer."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written, and how it compares."""

    path: Path
    num_bytes: int
    largest_difference: float | None = None
    """Of a likely token's log-probability in llama.cpp against torch; None where llama.cpp is not here."""
    same_answers: int = 0
    """Of `NUM_PROMPTS` greedy answers, how many are the same."""
    bits_per_byte: tuple[float, float] | None = None
    """Of the same code, before and with the numbers as they are stored."""

    def lines(self) -> list[str]:
        """What people read."""
        lines = []
        if self.largest_difference is not None:
            lines.append(
                f"llama.cpp against torch: log-probabilities within {self.largest_difference:.4f}, "
                f"{self.same_answers} of {NUM_PROMPTS} greedy answers the same"
            )
        if self.bits_per_byte is not None:
            before, after = self.bits_per_byte
            lines.append(f"bits per byte: {before:.4f} before, {after:.4f} as stored ({after - before:+.4f})")
        return lines


@dataclass(frozen=True, kw_only=True)
class Export:
    """One export; ``run`` does it all. Raises YunqueError for what a user can fix."""

    model: Path
    """A model folder, or that of an adapter."""
    to: str = "gguf"
    """One of `FORMS`."""
    quantization: str = "q8_0"
    out: Path | None = None
    """Where to; None: beside the model."""
    base: str = ""
    """Base of an adapter; empty: the one that it names."""
    progress: Progress = silent
    say: Callable[[str], None] = quiet

    def run(self) -> Exported:
        """Write, reload, compare."""
        if self.to not in FORMS:
            raise ModelError(f"no form {self.to!r}", do=nearest(self.to, list(FORMS)))
        if not self.model.is_dir():
            raise ModelError("no such model folder", where=self.model, do="run `yunque forge` first")
        is_adapter = (self.model / ADAPTER).exists()
        if self.to == "adapter":
            if not is_adapter:
                raise ModelError("holds merged weights, no adapter", where=self.model, do="name the adapter's folder")
            return self._copied(self.out or self.model.with_name(f"{self.model.name}-peft"))
        with TemporaryDirectory(prefix="yunque-export-") as scratch:
            folder = self._merged(Path(scratch)) if is_adapter else self.model
            if self.to == "merged":
                return self._moved(folder, is_adapter)
            _, facts = find_base(str(folder))
            target = self.out or self.model.with_name(f"{self.model.name}.gguf")
            return self._with_index(
                write_and_compare(folder, target, facts, self.quantization, progress=self.progress, say=self.say)
            )

    def _with_index(self, exported: Exported) -> Exported:
        """With the index of training records beside it, if the model has one."""
        source, target = beside(self.model), beside(exported.path)
        if source.is_file() and source.resolve() != target.resolve():
            shutil.copyfile(source, target)
        return exported

    def _copied(self, target: Path) -> Exported:
        _refuse_existing(target)
        shutil.copytree(self.model, target)
        return Exported(path=target, num_bytes=bytes_below(target))

    def _moved(self, folder: Path, is_adapter: bool) -> Exported:
        if not is_adapter:
            raise ModelError("holds merged weights already", where=self.model, do="copy the folder")
        target = self.out or self.model.with_name(f"{self.model.name}-merged")
        _refuse_existing(target)
        shutil.move(folder, target)
        return Exported(path=target, num_bytes=bytes_below(target))

    def _merged(self, scratch: Path) -> Path:
        """The adapter folded into its base."""
        from yunque.models.adapt import load_adapter, merge
        from yunque.models.tokenizer import load_tokenizer

        named = json.loads((self.model / ADAPTER).read_text("utf-8")).get("base_model_name_or_path") or ""
        given = self.base or named
        try:
            base, _ = find_base(given, self.progress)
        except ModelError as error:
            raise ModelError(f"its base is not here ({error.what})", where=self.model, do="name it with --base") from None
        tokenizer = load_tokenizer(self.model)
        merge(load_adapter(base, self.model, tokenizer, "auto"), tokenizer, scratch / "merged")
        return scratch / "merged"


def write_and_compare(
    folder: Path,
    target: Path,
    facts: BaseFacts,
    quantization: str,
    *,
    progress: Progress = silent,
    say: Callable[[str], None] = quiet,
) -> Exported:
    """A GGUF file of the model in a folder, reloaded and compared; one that differs by more than its rounding is not kept.

    ModelError for what `write_gguf` refuses, and for a file that does not answer as the model does.
    """
    draft = target.with_name(f".{target.name}.new")
    try:
        with progress("export", 3, "steps") as advance:
            write_gguf(folder, draft, facts, quantization)
            advance(1)
            differences, same = _in_llama_cpp(folder, draft, say)
            advance(1)
            bits = None if quantization == "f16" else _bits(folder, draft)
            advance(1)
        _refuse_far(differences, quantization, folder)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    largest, size = max(differences, default=None), target.stat().st_size
    return Exported(path=target, num_bytes=size, largest_difference=largest, same_answers=same, bits_per_byte=bits)


def _refuse_far(differences: list[float], quantization: str, folder: Path) -> None:
    """ModelError for a file that differs by more than its rounding."""
    worst = max(differences, default=0.0)
    if worst > TOLERANCE if quantization == "f16" else differences and statistics.median(differences) > FAR:
        what = f"llama.cpp reads it otherwise: log-probabilities differ by {worst:.3f}"
        raise ModelError(what, where=folder, do="serve it with torch, and tell us")


def _prompts() -> list[str]:
    return [task.prompt for task in open_suite("yunque-core", None).tasks()[:NUM_PROMPTS]]


def _in_llama_cpp(folder: Path, file: Path, say: Callable[[str], None]) -> tuple[list[float], int]:
    """Differences of likely tokens' log-probabilities, and how many greedy answers are the same; none without llama.cpp."""
    import torch

    from yunque.inference.llama_cpp_engine import LlamaCppEngine
    from yunque.inference.torch_engine import TorchEngine

    try:
        engine = LlamaCppEngine(file, precise=True)
    except ModelError as error:
        if "not here" not in error.what:
            raise
        say(f"not compared in llama.cpp: {error.line()}")
        return [], 0
    torch_engine = TorchEngine(folder, dtype="float32", prompt_tokens=1024)
    prompts = _prompts()
    differences = []
    for prompt in prompts:
        ids = torch_engine.tokenizer(prompt, add_special_tokens=False).input_ids
        with torch.inference_mode():
            logits_V = torch_engine.model(input_ids=torch.tensor([ids], device=torch_engine.device)).logits[0, -1]
        logs_V = torch.log_softmax(logits_V.float(), dim=-1)
        differences += [
            abs(float(logs_V[token]) - log) for token, log in engine.token_log_probabilities(ids, LIKELY).items()
        ]
    requests = [Request(prompt=prompt, max_tokens=ANSWER_TOKENS) for prompt in prompts]
    pairs = zip(torch_engine.complete(requests), engine.complete(requests), strict=True)
    return differences, sum(first.text == second.text for first, second in pairs)


def _bits(folder: Path, file: Path) -> tuple[float, float]:
    """Bits per byte of yunque-core's own answers, of the model and of the same with the numbers of the file."""
    import math

    from yunque.inference.torch_engine import TorchEngine

    suite = open_suite("yunque-core", None)
    texts = [task.prompt + (suite.canonical(task) or "") for task in suite.tasks()[:NUM_PROMPTS]]
    engine, num_bytes = TorchEngine(folder, dtype="float32"), sum(len(text.encode()) for text in texts)

    def cost() -> float:
        return -sum(map(sum, engine.score(texts))) / math.log(2) / num_bytes

    before = cost()
    load_weights(engine.model, file)
    return before, cost()


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise ModelError("is there already", where=target, do="choose another --out")
