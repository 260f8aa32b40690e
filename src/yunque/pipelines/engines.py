"""Engines by what a person calls a model: a folder, a file, the name of a base, or a URL."""

from __future__ import annotations

from pathlib import Path

from yunque.core.errors import ModelError
from yunque.core.paths import cache_folder
from yunque.core.seams import Engine
from yunque.inference.openai_engine import NO_LIMIT, SCHEME, Budget


def open_engine(model: str, *, prompt_tokens: int = 1024, budget: Budget = NO_LIMIT) -> Engine:
    """An engine for a person: a server's model by its URL, a GGUF file in llama.cpp, a folder or a base in torch.

    ModelError where there is none.
    """
    if model.startswith(SCHEME):
        from yunque.inference.openai_engine import OpenAiEngine

        return OpenAiEngine(model, budget=budget, answers=cache_folder() / "answers.sqlite")
    from yunque.models.base import find_base

    require_model(model)
    path = Path(model)
    if path.is_file():
        from yunque.inference.llama_cpp_engine import LlamaCppEngine

        return LlamaCppEngine(path, slots=1, prompt_tokens=prompt_tokens, context_tokens=max(2048, 2 * prompt_tokens))
    from yunque.inference.torch_engine import TorchEngine

    return TorchEngine(find_base(model)[0], prompt_tokens=prompt_tokens, suffix_tokens=256)


def require_model(model: str) -> None:
    """ModelError for a folder or file that is not there: a mistyped one is not a question for the Hub."""
    from yunque.models.base import EMBEDDED

    if not model.startswith(SCHEME) and not Path(model).exists() and model != EMBEDDED:
        raise ModelError("no such model folder", where=model, do="run `yunque forge` first, or name one with --model")
