"""What a vocabulary costs: bytes a token (its fertility), by programming language and by natural language."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yunque.models.tokenizer import encode

SENTENCES = Path(__file__).with_name("sentences.toml")


@dataclass(frozen=True, kw_only=True)
class Fertility:
    """Of some texts."""

    num_texts: int
    num_bytes: int
    num_tokens: int

    @property
    def bytes_per_token(self) -> float:
        """More is cheaper."""
        return self.num_bytes / max(self.num_tokens, 1)


def fertility(tokenizer: Any, texts: Iterable[str]) -> Fertility:
    """What texts cost."""
    num_texts = num_bytes = num_tokens = 0
    for text in texts:
        num_texts += 1
        num_bytes += len(text.encode())
        num_tokens += len(encode(tokenizer, text))
    return Fertility(num_texts=num_texts, num_bytes=num_bytes, num_tokens=num_tokens)


def by_group(tokenizer: Any, groups: Mapping[str, Iterable[str]]) -> dict[str, Fertility]:
    """What each group of texts costs, in order."""
    return {name: fertility(tokenizer, texts) for name, texts in groups.items()}


def sentences() -> dict[str, str]:
    """The same few sentences in many languages: ISO 639-1 code -> text. What they cost more than English is a tax."""
    return tomllib.loads(SENTENCES.read_text("utf-8"))["text"]
