"""Prompts into which a client has written a model's fill-in-the-middle tokens itself, taken apart again.

Editors that know only OpenAI's shape (Zed, Continue) render what stands before and behind the cursor by the model's name,
with tokens that the model that is served need not have, in an order in which it need not have been trained.

Covered: the forms of StarCoder, Qwen, CodeLlama and DeepSeek, prefix first; StarCoder's and Qwen's with the suffix first.
Not covered: other files between the tokens, which stay before the prompt as they are.
"""

from __future__ import annotations

from yunque.models.tokenizer import FAMILIES

FORMS = (
    *FAMILIES[:2],
    ("<PRE> ", " <SUF>", " <MID>"),
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
)
"""What stands before the prefix, before the suffix, and where the answer goes on."""


def taken_apart(prompt: str) -> tuple[str, str] | None:
    """(Text before the cursor, text behind it) of a prompt that is rendered; None for any other.

    Code that speaks of such tokens is not taken for one: all three must be there, in an order of theirs, at the ends.
    """
    for prefix, suffix, middle in FORMS:
        if prompt.startswith(prefix + suffix) and middle in prompt:  # suffix first
            behind, _, before = prompt[len(prefix + suffix) :].rpartition(middle)
            return before, behind
        if not prompt.endswith(middle):
            continue
        start = prompt.rfind(prefix)
        hole = prompt.find(suffix, start + len(prefix)) if start >= 0 else -1
        if hole >= 0:
            before = prompt[:start] + prompt[start + len(prefix) : hole]
            return before, prompt[hole + len(suffix) : -len(middle)]
    return None
