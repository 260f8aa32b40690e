"""The inline tier of verified generation: one completion at a cursor, cleaned and looked at before an editor shows it.

Postprocessing first, then every check of the group ``yunque.insertion_checks`` and the secrets check, each in milliseconds.
A check that breaks is an ERROR, and holds nothing back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points

from yunque.checks.findings import error
from yunque.checks.insertion.in_place import InPlace
from yunque.checks.privacy.secrets import Secrets
from yunque.core.nouns import Insertion, Outcome, Verdict
from yunque.core.plugins import make_part
from yunque.core.seams import InsertionCheck
from yunque.inference.verified.postprocessing import postprocess


@dataclass(frozen=True, kw_only=True)
class InlineAnswer:
    """A completion as it is shown, and what is known of it."""

    insertion: Insertion
    """With the text that is left; empty: nothing to show."""
    rules: tuple[str, ...]
    """Of the postprocessing, those that changed it."""
    verdicts: tuple[Verdict, ...]

    @property
    def held_by(self) -> str:
        """The first check that fails it; empty where none does."""
        return next((verdict.check for verdict in self.verdicts if verdict.outcome is Outcome.FAIL), "")


class InlineTier:
    """Postprocessing and checks of completions at a cursor; of any number of threads."""

    def __init__(self, checks: Sequence[InsertionCheck] | None = None) -> None:
        """``checks``: instead of all that are installed. What loads late is loaded now."""
        self.checks = tuple(checks if checks is not None else _installed())
        self.look(Insertion(before="def f():\n    ", text="token = 1", after="\n", language="python"))

    def look(self, insertion: Insertion, more: Sequence[InsertionCheck] = ()) -> InlineAnswer:
        """The insertion as it is shown, with a verdict of every check and of ``more``; none where nothing is left of it."""
        processed = postprocess(insertion)
        checks = (*self.checks, *more) if processed.insertion.text else ()
        verdicts = [_judge(check, processed.insertion) for check in checks]
        return InlineAnswer(insertion=processed.insertion, rules=processed.rules, verdicts=tuple(verdicts))


def _installed() -> list[InsertionCheck]:
    names = sorted({point.name for point in entry_points(group="yunque.insertion_checks")})
    return [*(make_part("insertion_checks", name) for name in names), InPlace(Secrets())]


def _judge(check: InsertionCheck, insertion: Insertion) -> Verdict:
    try:
        return check.judge_insertion(insertion)
    except Exception as broken:  # a plug-in may do anything; the completion is shown all the same
        return error(check.name, f"the check broke ({type(broken).__name__})")
