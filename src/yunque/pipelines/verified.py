"""Code that is verified before it is given: a model, tools and a sandbox put together, as the verbs do it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from yunque.checks.insertion.training_copies import copies_of
from yunque.code.languages import PARSED, language_of, named
from yunque.core.errors import RecipeError, SandboxError, SourceError
from yunque.core.plugins import nearest
from yunque.core.seams import Check, Sandbox
from yunque.data.screening.screen import load_checks
from yunque.inference.openai_engine import NO_LIMIT, SCHEME, Budget
from yunque.inference.verified import USUAL_CHECKS
from yunque.inference.verified.coding import CodingTask, Verb
from yunque.inference.verified.generation import STYLES, Attempt, GenerationSettings, VerifiedAnswer, VerifiedGeneration
from yunque.pipelines.engines import open_engine
from yunque.sandbox import open_sandbox

MOST_CHARS = 200_000
"""Of a file that is asked about."""


@dataclass(frozen=True, kw_only=True)
class VerifiedCoding:
    """How a person asks."""

    model: str
    """Model folder, GGUF file, name of a base, or ``openai:URL#MODEL``."""
    checks: Sequence[str] = USUAL_CHECKS
    settings: GenerationSettings = field(default_factory=GenerationSettings)
    budget: Budget = NO_LIMIT

    def run(self, task: CodingTask, tell: Callable[[Attempt], None] = lambda attempt: None) -> VerifiedAnswer:
        """The verified answer. ModelError for a model that is not there, RecipeError for a check that is not, SandboxError
        where tests are given and nothing can run them safely.
        """
        if (style := self.settings.style) not in STYLES:
            raise RecipeError(f"no style {style!r}", where="--style", do=nearest(style, list(STYLES)))
        checks = [*load_checks(self.checks), *self._copies()]
        with contextlib.ExitStack() as stack:
            generation = VerifiedGeneration(
                engine=open_engine(self.model, prompt_tokens=4096, budget=self.budget),
                checks=checks,
                sandbox=self._sandbox(task, stack),
                settings=self.settings,
            )
            return generation.answer(task, tell)

    def _copies(self) -> list[Check]:
        """What notices training records of the model, if an index of them lies beside it."""
        if self.model.startswith(SCHEME) or not self.checks:
            return []
        copies = copies_of(Path(self.model))
        return [copies] if copies else []

    def _sandbox(self, task: CodingTask, stack: contextlib.ExitStack) -> Sandbox | None:
        try:
            return stack.enter_context(open_sandbox())
        except SandboxError:
            if task.tests or self.settings.writes_tests or task.verb is Verb.TEST:
                raise
            return None


def task_of(
    verb: Verb, *, instruction: str = "", file: Path | None = None, tests: Sequence[Path] = (), language: str = ""
) -> CodingTask:
    """What is asked of a file, or of nothing but words, with its tests.

    A file and tests below the current folder are judged in that folder, where what they import is. SourceError for a file
    that cannot be read, RecipeError for a language that is not known or words that are missing.
    """
    if verb is Verb.WRITE and not instruction.strip() and file is None:
        raise RecipeError("nothing is asked for", do='say what to write: yunque write "parse an ISO 8601 duration"')
    code = _text(file) if file else ""
    known = named(language) if language else language_of(file.name, code[:200].encode()) if file else "python"
    if not known:
        what = f"the language {language!r} is not known" if language else "its language is not known"
        raise RecipeError(
            what, where=file or "--language", do=nearest(language, sorted(PARSED)) if language else "say --language"
        )
    here = Path.cwd().resolve()
    below = [path.resolve() for path in (*([file] if file else []), *tests)]
    together = file is not None and all(path.is_relative_to(here) for path in below)

    def name(path: Path) -> str:
        return path.resolve().relative_to(here).as_posix() if together else path.name

    return CodingTask(
        verb=verb,
        instruction=instruction,
        code=code,
        language=known,
        path=name(file) if file else "",
        tests={name(path): _text(path) for path in tests},
        tree=here if together and (tests or verb is Verb.TEST) else None,
    )


def _text(path: Path) -> str:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise SourceError(f"cannot be read ({why})", where=path) from None
    if len(text) > MOST_CHARS:
        raise SourceError(f"has more than {MOST_CHARS} characters", where=path, do="ask about a part of it")
    return text
