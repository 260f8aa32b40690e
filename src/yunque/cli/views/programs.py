"""`yunque run`: one program in the sandbox, shown to a person."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict
from pathlib import Path

from yunque.cli.console import emit, say
from yunque.core.errors import SandboxError
from yunque.core.nouns import Limits, Observation
from yunque.data.collect import decode_as_declared
from yunque.sandbox.languages.table import RUNTIMES, runtime
from yunque.sandbox.programs import Program, run_program
from yunque.sandbox.runner import LocalSandbox


def run_file(
    file: Path,
    sandbox: LocalSandbox,
    *,
    lang: str,
    stdin: Path | None,
    arguments: list[str],
    limits: Limits,
    as_json: bool,
) -> int:
    """Run a file and show what was seen: 0 when it ended with status 0, else 1. SandboxError for what a user can fix."""
    row = runtime(lang or _by_extension(file))
    try:
        source = _decoded(file.read_bytes(), row.name)
        given = stdin.read_bytes() if stdin else b""
    except (OSError, ValueError) as error:
        raise SandboxError(f"cannot be read ({error})", where=stdin if file.is_file() and stdin else file) from None
    program = Program(language=row.name, source=source)
    run = run_program(sandbox, program, stdin=given, arguments=tuple(arguments), limits=limits)
    if run.missing:
        raise SandboxError(run.missing)
    seen = run.ran or run.compiled
    assert seen is not None  # or something would be missing
    if as_json:
        emit(_plain(run.language, "ran" if run.ran else "compiled", seen))
    else:
        sys.stdout.buffer.write(seen.stdout)
        sys.stdout.flush()
        sys.stderr.buffer.write(seen.stderr)
        sys.stderr.flush()
        say(("" if run.ran else "did not compile: ") + summary(seen))
    return 0 if run.ran and seen.exit_code == 0 else 1


_CODING = re.compile(r"[ \t\f]*#.{0,200}?coding[:=]")


def _decoded(data: bytes, language_name: str) -> str:
    """A source as its language reads it: without a byte order mark, Python's in its encoding. ValueError."""
    if language_name != "python":
        return data.decode("utf-8-sig")
    lines = decode_as_declared(data).split("\n", 2)
    return "\n".join("#" if index < 2 and _CODING.match(line) else line for index, line in enumerate(lines))  # now in UTF-8


def summary(seen: Observation) -> str:
    """How it ended and what it took, in one line."""
    if seen.timed_out:
        ended = "out of time"
    elif seen.out_of_memory:
        ended = "out of memory"
    else:
        ended = f"exit status {seen.exit_code}" if seen.signal is None else f"signal {seen.signal}"
    cut = ", output cut" if seen.truncated else ""
    took = f"{seen.wall_ms:.0f} ms, {seen.cpu_ms:.0f} ms of processor, {seen.peak_bytes / 1e6:.0f} MB"
    return f"{ended}{cut}; {took}; tier {seen.tier}"


def _by_extension(file: Path) -> str:
    known = {row.extension: row.name for row in RUNTIMES}
    if file.suffix.lower() not in known:
        raise SandboxError("no language is known by this ending", where=file, do="name one with --lang")
    return known[file.suffix.lower()]


def _plain(language_name: str, stage: str, seen: Observation) -> dict:
    """The observation with its bytes as text."""
    fields = {name: value for name, value in asdict(seen).items() if name != "files"}
    texts = {name: fields[name].decode("utf-8", "replace") for name in ("stdout", "stderr")}
    return {"language": language_name, "stage": stage, **fields, **texts}
