"""The engine of a model on this machine, for those who answer people."""

from __future__ import annotations

from pathlib import Path

from yunque.core.errors import ModelError
from yunque.core.plugins import nearest
from yunque.core.seams import LiveEngine

ENGINES = ("auto", "llama.cpp", "torch")


def engine_file(model: Path, kind: str) -> Path | None:
    """The file that llama.cpp serves: the model, or the one of its name beside a folder; None where torch serves the folder.

    ModelError for an unknown kind of engine, and where there is no model.
    """
    if kind not in ENGINES:
        raise ModelError(f"no engine {kind!r}", do=nearest(kind, list(ENGINES)))
    if not model.exists():
        raise ModelError("no such model", where=model, do="run `yunque forge` first, or name a model folder or a GGUF file")
    file = model if model.is_file() else model.with_name(f"{model.name}.gguf")
    return file if kind == "llama.cpp" or (kind == "auto" and file.is_file()) else None


def open_local(model: Path, kind: str, slots: int, prompt_tokens: int) -> LiveEngine:
    """The engine that serves a model folder or a GGUF file. ModelError where it cannot be served."""
    if file := engine_file(model, kind):
        from yunque.inference.llama_cpp_engine import LlamaCppEngine

        return LlamaCppEngine(file, slots=slots, prompt_tokens=prompt_tokens, anchored=True)
    from yunque.inference.torch_engine import TorchEngine
    from yunque.models.base import find_base

    return TorchEngine(find_base(str(model))[0], prompt_tokens=prompt_tokens, suffix_tokens=256)
