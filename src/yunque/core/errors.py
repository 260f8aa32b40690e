"""The errors a user can cause, as one tree.

Every one says *what* happened, *where*, and *what to do next*; the command line prints that in one line and exits with 2.
Anything else that escapes is a bug of ours and keeps its traceback.

    YunqueError
    ├── RecipeError      a recipe that cannot be used: unknown key, wrong type, value out of range
    ├── SourceError      a source that cannot be read: not there, empty, no known language, not reachable
    │   └── TooSmallError    readable, but too small to hold anything out
    ├── ModelError       a base model or tokenizer that cannot be found, read or trusted
    ├── SandboxError     this machine cannot run untrusted code safely
    ├── TrainingError    the trainer refuses to start, or to go on
    ├── EvaluationError  a suite that cannot be read or judged
    ├── ServingError     a server that cannot start, or a token that there is not
    ├── FeedbackError    a database of events that cannot be read or written
    └── StoreError       an artifact that cannot be written or found
"""


class YunqueError(Exception):
    """An error that a user can cause and fix: ``what`` happened, ``where``, and what to ``do`` next."""

    def __init__(self, what: str, *, where: object = "", do: str = "") -> None:
        self.what, self.where, self.do = what, str(where), do
        super().__init__(self.line())

    def line(self) -> str:
        """The whole error in one line: ``where: what; do``."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        text = f"{text}; {self.do}" if self.do else text
        return " ".join(text.split())


class RecipeError(YunqueError):
    """A recipe that cannot be used."""


class SourceError(YunqueError):
    """A source that cannot be read."""


class TooSmallError(SourceError):
    """A source that can be read but is too small to hold anything out."""


class ModelError(YunqueError):
    """A model or tokenizer that cannot be found, read or trusted."""


class SandboxError(YunqueError):
    """This machine cannot run untrusted code safely."""


class TrainingError(YunqueError):
    """The trainer refuses to start, or to go on."""


class EvaluationError(YunqueError):
    """A suite that cannot be read or judged."""


class ServingError(YunqueError):
    """A server that cannot start as it was told to."""


class FeedbackError(YunqueError):
    """A database of events that cannot be read or written."""


class StoreError(YunqueError):
    """An artifact that cannot be written or found."""


class Paused(Exception):
    """Not an error: long work was asked to stop, and has saved where it was. The command line says so and exits with 0."""
