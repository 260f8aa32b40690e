"""Stop rules: where a completion ends although the model would go on. Named in the task, recorded with the result."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from yunque.core.errors import RecipeError
from yunque.core.nouns import PromptStyle, Request


def _line(text: str, before: str) -> int | None:
    """At the end of the first line that is not blank."""
    start = len(text) - len(text.lstrip("\n\r \t"))
    end = text.find("\n", start)
    return end if end >= 0 else None


def _dedent(text: str, before: str) -> int | None:
    """Before the first line that is indented less than the first line of code: the block is over.

    The first line begins with what stands before the cursor: in an editor that is its indentation, if not code.
    """
    position, block = 0, None
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):  # splitlines also splits at form feeds and the like
        whole = line if position else before + line
        code = whole.lstrip(" \t")
        indent = len(whole) - len(code)
        if not position and before.strip() and before.rstrip().endswith((":", "{")) and not line.strip():
            code = ""  # the head of the block that begins below
        if code.strip():
            if block is None:
                block = indent
            elif indent < block and not code.startswith((")", "]", "}")):
                return position
        position += len(line)
    return None


RULES: dict[str, Callable[[str, str], int | None]] = {
    "line": _line, "dedent": _dedent, "none": lambda text, before: None,
}  # fmt: skip


def first_stop(text: str, rule: str, stops: Sequence[str], *, prompt: str = "") -> int | None:
    """Where the rule or one of the stop texts cuts first; None to go on. ``prompt`` is the code that the text continues."""
    places = [
        stop_rule(rule)(text, prompt[prompt.rfind("\n") + 1 :]),
        *(position for position in map(text.find, stops) if position >= 0),
    ]
    return min((place for place in places if place is not None), default=None)


def stop_rule(name: str) -> Callable[[str, str], int | None]:
    """The rule with that name: given the text so far, and what stood before it on its first line, where to cut it, or None
    to go on. RecipeError for an unknown name.
    """
    if name not in RULES:
        raise RecipeError(f"no stop rule '{name}'", do=f"known: {', '.join(RULES)}")
    return RULES[name]


MOST_REPEATED, LEAST_REPEATED = 240, 40
"""Characters of the longest piece whose repetition is looked for, and of the shortest chunk that counts as one."""


def repetition(text: str) -> int | None:
    """Where a text that now ends in four or more times the same should have ended: after the first; None otherwise."""
    for size in range(1, min(MOST_REPEATED, len(text) // 4) + 1):
        piece = text[-size:]
        if text.endswith(piece * max(4, -(-LEAST_REPEATED // size))) and piece.strip():
            start = len(text) - size
            while text.endswith(piece, 0, start):
                start -= size
            return start + size
    return None


def settled(text: str, stops: Sequence[str]) -> int:
    """How much of a growing text no later token can take back, whatever the rule: all but the blanks that begin its last
    line, the beginning of a stop text, and a character of which only some bytes are there.
    """
    end = len(text) - (text.endswith("\N{REPLACEMENT CHARACTER}"))
    last_line = text.rfind("\n", 0, end) + 1
    if not text[last_line:end].strip():
        end = last_line
    for stop in stops:
        end = min([end, *(len(text) - size for size in range(1, len(stop)) if text.endswith(stop[:size]))])
    return end


# --------------------------------------------------------------------------------------------------------- a growing answer
def cut_answer(request: Request, raw: str, lead: str, ended: str = "") -> tuple[str, str]:
    """(the answer, why it has ended or nothing) of what a model has written so far.

    ``lead``: what the answer begins with that the prompt has already: blanks, or a word (`models.healing`). ``ended``:
    ``eos`` or ``length`` where the model goes no further.
    """
    text = without_lead(raw, lead)
    cut = first_stop(text, request.stop, request.stops, prompt="" if request.style is PromptStyle.CHAT else request.prompt)
    stop = ended if ended == "eos" else "rule" if cut is not None else ""
    if not stop and request.stop_repetition and (cut := repetition(text)) is not None:
        stop = "repetition"
    return text if cut is None else text[:cut], stop or ended


def without_lead(text: str, lead: str) -> str:
    """The answer without the blanks that the prompt already ends with, or without the word that it must begin with."""
    if lead.strip():  # a word: there is no answer before all of it is written
        return text[len(lead) :] if text.startswith(lead) else ""
    for char in lead:
        if not text or text[0] != char:
            break
        text = text[1:]
    return text


class GrowingAnswer:
    """An answer that is given away in pieces while it grows, none of which is taken back."""

    def __init__(self, request: Request, lead: str) -> None:
        self.request, self.lead, self.stop, self._given = request, lead, "", 0

    def grown(self, raw: str, ended: str = "") -> str:
        """What can be given away now, of all that the model has written; ``stop`` then says why the answer ended, if so."""
        return self.given(*cut_answer(self.request, raw, self.lead, ended))

    def given(self, text: str, stop: str) -> str:
        """The same of an answer that was cut already."""
        self.stop = stop
        ready = len(text) if stop else settled(text, self.request.stops)
        piece = text[self._given : ready]
        self._given = max(self._given, ready)
        return piece
