"""Code that is verified before it is given: a model, tools and a sandbox put together, as the verbs do it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from yunque.code.languages import PARSED, language_of, named
from yunque.core.errors import ModelError, RecipeError, SandboxError, SourceError
from yunque.core.paths import cache_folder
from yunque.core.plugins import nearest
from yunque.core.seams import Engine, Sandbox
from yunque.data.screening.screen import load_checks
from yunque.inference.openai_engine import NO_LIMIT, SCHEME, Budget
from yunque.inference.verified import USUAL_CHECKS
from yunque.inference.verified.coding import CodingTask, Verb
from yunque.inference.verified.generation import STYLES, Attempt, VerifiedAnswer, VerifiedGeneration
from yunque.sandbox import open_sandbox

MOST_CHARS = 200_000
"""Of a file that is asked about."""


@dataclass(frozen=True, kw_only=True)
class VerifiedCoding:
    """How a person asks; see `VerifiedGeneration` for what the numbers mean."""

    model: str
    """Model folder, GGUF file, name of a base, or ``openai:URL#MODEL``."""
    checks: Sequence[str] = USUAL_CHECKS
    samples: int = 1
    rounds: int = 2
    max_tokens: int = 768
    temperature: float = 0.6
    plan: bool = True
    style: str = "auto"
    writes_tests: bool = False
    seed: int = 17
    budget: Budget = NO_LIMIT

    def run(self, task: CodingTask, tell: Callable[[Attempt], None] = lambda attempt: None) -> VerifiedAnswer:
        """The verified answer. ModelError for a model that is not there, RecipeError for a check that is not, SandboxError
        where tests are given and nothing can run them safely.
        """
        if self.style not in STYLES:
            raise RecipeError(f"no style {self.style!r}", where="--style", do=nearest(self.style, list(STYLES)))
        checks = load_checks(self.checks)
        with contextlib.ExitStack() as stack:
            sandbox = self._sandbox(task, stack)
            generation = VerifiedGeneration(
                engine=open_engine(self.model, prompt_tokens=4096, budget=self.budget),
                checks=checks,
                sandbox=sandbox,
                samples=self.samples,
                rounds=self.rounds,
                max_tokens=self.max_tokens,
                temperature=self.temperature,
                plan=self.plan,
                style=self.style,
                writes_tests=self.writes_tests,
                seed=self.seed,
            )
            return generation.answer(task, tell)

    def _sandbox(self, task: CodingTask, stack: contextlib.ExitStack) -> Sandbox | None:
        try:
            return stack.enter_context(open_sandbox())
        except SandboxError:
            if task.tests or self.writes_tests or task.verb is Verb.TEST:
                raise
            return None


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


def task_of(
    verb: Verb, *, instruction: str = "", file: Path | None = None, tests: Sequence[Path] = (), language: str = ""
) -> CodingTask:
    """What is asked of a file, or of nothing but words, with its tests.

    A file and tests below the current folder are judged in that folder, where what they import is. SourceError for a file
    that cannot be read, RecipeError for a language that is not known or words that are missing.
    """
    if verb is Verb.WRITE and not instruction.strip():
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
