"""What can be watched while a run goes on: TensorBoard's curves and texts, and a line for a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from yunque.store.artifacts import peak_bytes
from yunque.training.readings import Reading

BARS = "▁▂▃▄▅▆▇█"
SPARK_POINTS = 16
STEP_CURVES = ("loss", "learning_rate", "grad_norm", "tokens_per_s", "mfu")


class Monitor:
    """Writes ``folder/tensorboard``; what stands there beyond ``step`` is taken back, as the run goes on from there."""

    def __init__(self, folder: Path, step: int, *, bytes_per_token: float = 0.0, writes: bool = True) -> None:
        """``bytes_per_token``: of the validation rows, for bits per byte; 0 where it is not known.

        ``writes``: False on processes beside the one that does.
        """
        self.bytes_per_token = bytes_per_token
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1) if writes else _Nowhere()

    def close(self) -> None:
        """Write what waits."""
        self._writer.close()

    def step(self, row: Mapping[str, Any]) -> None:
        """Curves of one training step."""
        for name in STEP_CURVES:
            if name in row:
                self._writer.add_scalar(f"train/{name}", row[name], row["step"])
        self._writer.add_scalar("train/perplexity", perplexity(row["loss"]), row["step"])
        for name, value in memory_bytes().items():
            self._writer.add_scalar(f"memory/{name}", value / 1e9, row["step"])

    def validation(self, row: Mapping[str, Any]) -> None:
        """Curves of one validation: loss, perplexity, bits per byte."""
        self._writer.add_scalar("validation/loss", row["loss"], row["step"])
        self._writer.add_scalar("validation/perplexity", perplexity(row["loss"]), row["step"])
        if self.bytes_per_token:
            bits = row["loss"] / math.log(2) / self.bytes_per_token
            self._writer.add_scalar("validation/bits_per_byte", bits, row["step"])
        self._writer.flush()

    def readings(self, readings: Sequence[Reading]) -> None:
        """What probes saw: numbers as curves, texts to read."""
        for reading in readings:
            if isinstance(reading.value, str):
                self._writer.add_text(reading.name, reading.value, reading.step)
            else:
                self._writer.add_scalar(reading.name, reading.value, reading.step)
        self._writer.flush()


class _Nowhere:
    """A writer that writes nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def perplexity(loss: float) -> float:
    """e to a loss in nats a token; infinity where that is no float."""
    return math.exp(loss) if loss < 700 else math.inf


def memory_bytes() -> dict[str, int]:
    """The most this process has held: ``process_gb`` of main memory and, where there is a GPU, ``gpu_gb`` of its own."""
    result = {"process_gb": peak_bytes()}
    if torch.cuda.is_available():
        result["gpu_gb"] = torch.cuda.max_memory_allocated()
    return result


def sparkline(values: Sequence[float], points: int = SPARK_POINTS) -> str:
    """The values as a row of at most ``points`` bars, from the least to the greatest; empty for none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    size = max(1, math.ceil(len(finite) / points))
    means = [sum(part) / len(part) for part in (finite[start : start + size] for start in range(0, len(finite), size))]
    low, high = min(means), max(means)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((value - low) * scale)] for value in means)


def flops_per_token(model: Any) -> int:
    """Floating-point operations of one training step per token: 2 per weight forwards, 2 for the gradient of activations,
    2 more for the gradient of each weight that is trained (Kaplan et al. 2020, arXiv:2001.08361; attention is left out).

    An embedding that is only looked up multiplies nothing; a tied one is the output's matrix.
    """
    table = model.get_input_embeddings().weight
    looked_up = 0 if getattr(model.config, "tie_word_embeddings", False) else table.numel()
    # Of a weight in 4 bits, the shape that it stands for.
    shapes = [getattr(getattr(weight, "quant_state", None), "shape", weight.shape) for weight in model.parameters()]
    weights = sum(math.prod(shape) for shape in shapes) - looked_up
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    return 4 * weights + 2 * max(0, trained - (looked_up if table.requires_grad else 0))
