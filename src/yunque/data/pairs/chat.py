"""Pairs as a conversation: what a person would ask, and the answer, for chat templates and for other trainers.

Covered: every kind but two. FIM has text on both sides of the answer, and CONTINUATION asks for nothing: neither is a
question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from yunque.core.nouns import Pair, PairKind

CHAT_KINDS = (PairKind.QUESTION, PairKind.EDIT, PairKind.FIX, PairKind.REFACTOR, PairKind.EXPLAIN)
"""Kinds that are asked in words: their prompts are what somebody would write to an assistant."""
ASKED: dict[PairKind, str] = {
    PairKind.BODY: "Write the body of the last function of this {language} code.",
    PairKind.SIGNATURE: "Write the body of the last function of this {language} code.",
    PairKind.COMMENT: "Continue this {language} code after its last comment.",
    PairKind.TEST: "Write the {language} function that this test asks for.",
    PairKind.EXPLAIN: "Write the docstring of this {language} function.",
}
"""What is asked with code alone, for kinds whose prompts are code."""


@dataclass(frozen=True, kw_only=True)
class Turns:
    """A question and its answer."""

    question: str
    answer: str


def turns(pair: Pair) -> Turns | None:
    """The pair as a conversation of two turns; None for one that is no question."""
    if pair.kind in (PairKind.FIM, PairKind.CONTINUATION):
        return None
    if pair.kind not in ASKED:
        return Turns(question=pair.prompt, answer=pair.answer)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", pair.prompt)), default=0))
    words = ASKED[pair.kind].format(language=pair.language)
    return Turns(question=f"{words}\n\n{fence}{pair.language}\n{pair.prompt.rstrip()}\n{fence}", answer=pair.answer)
