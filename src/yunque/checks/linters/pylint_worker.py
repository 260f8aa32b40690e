"""The program of pylint's worker (see `checks.processes`): run by its path, never imported by yunque.

    python -I -S pylint_worker.py SITE CATEGORIES PYTHON_VERSION

Pylint is asked without any configuration: the linter is built here, no file and no variable is read, no plug-in beside its
own is loaded, and comments that switch messages off are not obeyed. Of modules that a text names, the standard library
alone is looked at, by reading; nothing of the text is imported or run.
"""

import json
import os
import struct
import sys
import time

OFF = (
    # They speak of what lies around a text, or of what is installed.
    *("import-error", "no-name-in-module", "relative-beyond-top-level", "cyclic-import", "duplicate-code"),
    *("wrong-import-order", "ungrouped-imports"),
    # They speak of comments that are not obeyed here, of unfinished work and of size.
    *("locally-disabled", "suppressed-message", "useless-suppression", "fixme", "too-many-lines", "file-ignored"),
    *("bad-inline-option", "use-symbolic-message-instead", "unknown-option-value", "unrecognized-inline-option"),
)

REFUSED = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "pty.")


def main(site: str, categories: str, python_version: str) -> None:
    """Serve batches until the pipe ends."""
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever prints, prints to where nobody is misled
    standard = [path for path in sys.path if path]
    sys.path.append(site)
    linter, manager = build(categories, tuple(int(part) for part in python_version.split(".")))
    sys.path[:] = standard
    sys.addaudithook(refuse)
    send(answers, {"ready": True})
    while (batch := receive()) is not None:
        for item in batch:
            send(answers, look(linter, manager, item["text"]))


def refuse(event: str, _arguments) -> None:
    """From here on nothing is started and nobody is called, whatever pylint meets."""
    if event.startswith(REFUSED):
        raise PermissionError(event)


def build(categories: str, python_version: tuple):
    """A linter with pylint's own checkers, and the keeper of trees behind it."""
    import isort  # noqa: F401 - pylint asks for it late, when the folder of modules is gone
    from astroid import MANAGER
    from pylint.lint import PyLinter
    from pylint.reporters import CollectingReporter

    class Deaf(PyLinter):
        def process_tokens(self, tokens) -> None:
            """Comments that switch messages off are not obeyed."""

    linter = Deaf()
    linter.load_default_plugins()
    linter.set_reporter(CollectingReporter())
    linter.disable("all")
    for category in categories:
        linter.enable(category)
    for symbol in OFF:
        linter.disable(symbol)
    linter.config.persistent = False
    linter.config.score = False
    linter.config.reports = False
    linter.config.py_version = python_version
    return linter, MANAGER


def look(linter, manager, text: str) -> dict:
    """What pylint says of a text."""
    with open("answer.py", "wb") as file:
        file.write(text.encode("utf-8", "replace"))
    linter.reporter.messages = []
    manager.astroid_cache.pop("answer", None)
    started = time.perf_counter()
    try:
        linter.check(["answer.py"])
    except RecursionError:
        return {"broken": "nested too deeply"}
    except SystemExit as error:
        return {"broken": f"pylint left with {error.code}"}
    finally:
        manager.astroid_cache.pop("answer", None)
    rows = [[message.symbol, message.category, message.line, message.msg] for message in linter.reporter.messages]
    return {"rows": rows, "statements": linter.stats.statement, "ms": (time.perf_counter() - started) * 1000}


def receive():
    """The next batch; None when the pipe ends."""
    head = read(4)
    return None if head is None else json.loads(read(*struct.unpack(">I", head)))


def read(size: int):
    """That many bytes; None when the pipe ends."""
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            return None
        data += more
    return data


def send(handle: int, answer: dict) -> None:
    """One framed answer."""
    data = json.dumps(answer).encode()
    left = memoryview(struct.pack(">I", len(data)) + data)
    while left:
        left = left[os.write(handle, left) :]


if __name__ == "__main__":
    main(*sys.argv[1:])
