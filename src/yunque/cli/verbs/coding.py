"""`yunque write`, `fix`, `explain`, `refactor`, `test`: code that is verified before it is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from yunque.cli.options import DEFAULT_OUT, Json
from yunque.inference.verified import USUAL_CHECKS

Words = Annotated[str, typer.Argument(help="What to write, in your words.")]
File = Annotated[Path, typer.Argument(help="The file that it is about.")]
Say = Annotated[str, typer.Option("--say", help="What is wrong, or what to mind, in your words.")]
Model = Annotated[str, typer.Option("--model", help="Model folder, GGUF file or openai:URL#MODEL")]
Tests = Annotated[list[Path] | None, typer.Option("--tests", help="pytest file that the answer must pass; several times.")]
Checks = Annotated[str, typer.Option("--checks", help="Names with commas between; see `yunque check --list`.")]
Samples = Annotated[int, typer.Option("--samples", min=1, max=64, help="Answers to choose from, in every round.")]
Rounds = Annotated[int, typer.Option("--rounds", min=0, max=10, help="How often findings go back to the model.")]
MaxTokens = Annotated[int, typer.Option("--max-tokens", min=1, max=8192, help="Most tokens of an answer.")]
Lang = Annotated[str, typer.Option("--language", help="Of the code; else by the file's name, else Python.")]
NoPlan = Annotated[bool, typer.Option("--no-plan", help="Ask for the code at once.")]
Style = Annotated[str, typer.Option("--style", help="auto, chat, or plain: the model goes on from comments")]
In = Annotated[bool, typer.Option("--in-place", help="Write the answer into the file, if nothing failed.")]
USUAL = ",".join(USUAL_CHECKS)
MODEL = str(DEFAULT_OUT / "model")


def write(
    words: Words,
    start: Annotated[
        Path | None, typer.Option("--start", help="A file that the code begins with: a signature, a docstring.")
    ] = None,
    tests: Tests = None,
    model: Model = MODEL,
    language: Lang = "",
    checks: Checks = USUAL,
    samples: Samples = 1,
    rounds: Rounds = 2,
    max_tokens: MaxTokens = 768,
    no_plan: NoPlan = False,
    style: Style = "auto",
    write_tests: Annotated[
        bool, typer.Option("--write-tests", help="Without --tests, the model writes some first.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write the code there, if nothing failed.")] = None,
    json_: Json = False,
) -> None:
    """Write code, run its tests and checks, and print it with a line for each; exit 0 only if nothing failed."""
    _answer(
        "write", words, start, tests, model, language, checks, out, json_=json_,
        samples=samples, rounds=rounds, max_tokens=max_tokens, plan=not no_plan, style=style, writes_tests=write_tests,
    )  # fmt: skip


def _rewriting(verb: str, doc: str) -> Callable[..., None]:
    """The verb that writes a file anew."""

    def rewrite(
        file: File,
        say: Say = "",
        tests: Tests = None,
        model: Model = MODEL,
        language: Lang = "",
        checks: Checks = USUAL,
        samples: Samples = 1,
        rounds: Rounds = 2,
        max_tokens: MaxTokens = 768,
        no_plan: NoPlan = False,
        style: Style = "auto",
        in_place: In = False,
        json_: Json = False,
    ) -> None:
        _answer(
            verb, say, file, tests, model, language, checks, file if in_place else None, json_=json_,
            samples=samples, rounds=rounds, max_tokens=max_tokens, plan=not no_plan, style=style,
        )  # fmt: skip

    rewrite.__doc__ = doc
    return rewrite


fix = _rewriting("fix", "Fix a file; what checks find in it already is not held against the answer, what is new is.")
refactor = _rewriting(
    "refactor", "Rewrite a file so that it does the same and reads better; names and parameters must be kept."
)


def test(
    file: File,
    say: Say = "",
    model: Model = MODEL,
    language: Lang = "",
    checks: Checks = USUAL,
    samples: Samples = 1,
    rounds: Rounds = 2,
    max_tokens: MaxTokens = 768,
    no_plan: NoPlan = False,
    style: Style = "auto",
    out: Annotated[Path | None, typer.Option("--out", help="Write the tests there, if nothing failed.")] = None,
    json_: Json = False,
) -> None:
    """Write tests of a file: they must pass on it, and fail where its functions do nothing."""
    _answer(
        "test", say, file, None, model, language, checks, out, json_=json_,
        samples=samples, rounds=rounds, max_tokens=max_tokens, plan=not no_plan, style=style,
    )  # fmt: skip


def explain(
    file: File,
    say: Say = "",
    model: Model = MODEL,
    language: Lang = "",
    samples: Samples = 1,
    rounds: Rounds = 1,
    max_tokens: MaxTokens = 512,
    json_: Json = False,
) -> None:
    """Say what a file does; names that it does not have are found out."""
    _answer(
        "explain", say, file, None, model, language, "", None, json_=json_,
        samples=samples, rounds=rounds, max_tokens=max_tokens,
    )  # fmt: skip


def _answer(
    verb: str, words: str, file: Path | None, tests: list[Path] | None, model: str, language: str, checks: str,
    out: Path | None, *, json_: bool, **settings: Any,
) -> None:  # fmt: skip
    from yunque.cli.console import listed
    from yunque.cli.views.coding import answer_task
    from yunque.inference.verified.coding import Verb
    from yunque.inference.verified.generation import GenerationSettings
    from yunque.pipelines.verified import VerifiedCoding, task_of

    task = task_of(Verb(verb), instruction=words, file=file, tests=tests or (), language=language)
    coding = VerifiedCoding(model=model, checks=listed(checks), settings=GenerationSettings(**settings))
    if not answer_task(coding, task, out, as_json=json_):
        raise typer.Exit(1)
