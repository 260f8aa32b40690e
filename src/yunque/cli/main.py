"""The command line: verbs, their options, and how errors end. Nothing heavy is imported before a verb needs it.

Exit status: 0 done, 1 a check said no (``doctor``, ``write``), 2 something the user can fix, 130 stopped.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

import yunque
from yunque.cli.console import complain, say
from yunque.cli.verbs.artifacts import clean, list_artifacts, show, trace
from yunque.cli.verbs.bench import bench_app
from yunque.cli.verbs.check import check
from yunque.cli.verbs.coding import explain, fix, refactor, test, write
from yunque.cli.verbs.complete import complete
from yunque.cli.verbs.data import data_app
from yunque.cli.verbs.doctor import doctor
from yunque.cli.verbs.evaluation import compare, eval_, suites_
from yunque.cli.verbs.export import export
from yunque.cli.verbs.feedback import feedback_app
from yunque.cli.verbs.forge import forge, preflight, train
from yunque.cli.verbs.lsp import lsp
from yunque.cli.verbs.models import models_app
from yunque.cli.verbs.recipe import recipe_app
from yunque.cli.verbs.run import run_
from yunque.cli.verbs.serve import serve_app
from yunque.cli.verbs.tokenizer import tokenizer_app
from yunque.cli.verbs.training import plan, runs
from yunque.core.errors import Paused, YunqueError

# Newer typers carry a click of their own and export only the leaves of its error tree.
ClickException: Any = typer.BadParameter.__mro__[2]  # BadParameter, UsageError, ClickException

app = typer.Typer(
    help="Forge your own code model from your own repositories, and prove that it is better.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",  # in the other mode words in brackets are swallowed
)
STOPPED = 130


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        print(f"yunque {yunque.__version__}")
        raise typer.Exit


_VERBS: dict[str, Callable[..., object]] = {
    "forge": forge, "train": train, "preflight": preflight, "plan": plan, "runs": runs,
    "complete": complete, "write": write, "fix": fix, "explain": explain,
    "refactor": refactor, "test": test, "export": export, "run": run_, "check": check, "eval": eval_,
    "compare": compare, "lsp": lsp,
    "suites": suites_, "list": list_artifacts, "show": show, "trace": trace, "clean": clean, "doctor": doctor,
}  # fmt: skip
for name, verb in _VERBS.items():
    app.command(name=name)(verb)
for name, group in {
    "models": models_app,
    "bench": bench_app,
    "data": data_app,
    "feedback": feedback_app,
    "recipe": recipe_app,
    "serve": serve_app,
    "tokenizer": tokenizer_app,
}.items():
    app.add_typer(group, name=name)


def _interrupt(*_: object) -> None:
    """Stop, and ask again every ten seconds: an exception that lands inside a finaliser or an import hook is swallowed."""
    signal.setitimer(signal.ITIMER_REAL, 10)
    raise KeyboardInterrupt


def run() -> None:
    """The entry point: every error a user can fix is one line and exit status 2."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _interrupt)
    try:
        status = app(standalone_mode=False)
    except YunqueError as error:
        complain(error.line())
        status = 2
    except Paused as pause:
        say(str(pause))
        status = 0
    except ClickException as error:
        error.show()
        status = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        status = STOPPED
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "yunque":
            raise
        complain(f"this needs the package '{error.name}'; pip install 'yunque[forge]'")
        status = 2
    except BrokenPipeError:
        status = 0
    signal.setitimer(signal.ITIMER_REAL, 0)
    if status == STOPPED:  # typer may have caught the interrupt itself
        complain("stopped; finished steps are kept, run the same command again to go on from here")
    sys.exit(status if isinstance(status, int) else 0)
