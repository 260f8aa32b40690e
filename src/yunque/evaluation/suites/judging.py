"""Programs to verdicts, for the suites whose programs carry their tests: a library missing here is a SKIP, not a FAIL."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from yunque.checks.execution.printed_values import Apart, Printed
from yunque.checks.execution.programs import OwnTests
from yunque.checks.execution.python import Asserts
from yunque.checks.findings import skip
from yunque.core.errors import EvaluationError
from yunque.core.nouns import Limits, Origin, Record, Task, Verdict, content_id
from yunque.core.seams import Sandbox
from yunque.sandbox.programs import Program, run_program

NEEDS = (
    ("lua", "luaunit", "require('luaunit')", "apt install lua-unit"),
    ("perl", "Test::Deep", "use Test::Deep;", "apt install libtest-deep-perl"),
    ("ruby", "test/unit", "require 'test/unit'\nTest::Unit::AutoRunner.need_auto_run = false", "apt install ruby-test-unit"),
    ("racket", "rackunit", "#lang racket\n(require rackunit)", "apt install racket"),
    ("javascript", "js-md5", "require('js-md5')", "npm install --global js-md5"),
    (
        "java",
        "org.javatuples",
        "class Main { org.javatuples.Unit<String> one; public static void main(String[] all) {} }",
        "apt install libjavatuples-java",
    ),
    ("cpp", "boost/any.hpp", "#include <boost/any.hpp>\nint main() {}", "apt install libboost-dev"),
    (
        "cpp",
        "openssl/md5.h",
        "#include <openssl/md5.h>\nint main() { MD5_CTX c; MD5_Init(&c); }",
        "apt install libssl-dev",
    ),
)
"""Language, mark in the program, a program that works where the library is, how to come by it."""


class Judging(Protocol):
    """What a suite says of how its programs are judged."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def licence(self) -> str: ...  # noqa: D102
    @property
    def sandbox(self) -> Sandbox | None: ...  # noqa: D102
    @property
    def limits(self) -> Limits: ...  # noqa: D102
    @property
    def cache(self) -> Path | None: ...  # noqa: D102


def sandbox_of(suite: Judging) -> Sandbox:
    """The sandbox of a suite that runs programs."""
    assert suite.sandbox is not None, "a suite that runs programs was opened to be read alone"
    return suite.sandbox


def judge_python(
    suite: Judging, task: Task, program: str, test: str, *, entry: str, functions: tuple[str, ...], given: str = ""
) -> Verdict:
    """The verdict of a Python test on a program, from as far outside as the test allows."""
    record, limits = _record(suite, task, program), suite.limits
    asserts = Asserts(
        test=test, functions=functions, entry=entry, given=given, sandbox=sandbox_of(suite), limits=limits, name=suite.name
    )
    return asserts.judge(record)


def judge_program(suite: Judging, task: Task, program: str, *, given: str) -> Verdict:
    """The verdict of a program with its tests; SKIP when a library that the task needs is not here.

    ``given``: the row's own text, which alone decides what it needs; an answer that names a library is not skipped for that.
    """
    record, flags = _record(suite, task, program), compiler_flags(task, given)
    if missing := _missing_library(suite, task, given, flags):
        return missing
    check = OwnTests(sandbox=sandbox_of(suite), limits=suite.limits, flags=flags, cache=suite.cache, name=suite.name)
    return check.judge(record)


def judge_printed(suite: Judging, task: Task, code: str, test: Apart, expected: Sequence[bytes], *, given: str) -> Verdict:
    """The verdict of a test that was taken apart on the code that stands before it; SKIP as in `judge_program`."""
    record, flags = _record(suite, task, code), compiler_flags(task, given)
    if missing := _missing_library(suite, task, given, flags):
        return missing
    check = Printed(
        test=test, expected=expected, sandbox=sandbox_of(suite),
        limits=suite.limits, flags=flags, cache=suite.cache, name=suite.name,
    )  # fmt: skip
    return check.judge(record)


def compiler_flags(task: Task, given: str) -> tuple[str, ...]:
    """What a task's own text asks of the compiler."""
    return ("-lcrypto",) if task.language == "cpp" and "openssl/" in given else ()


def _missing_library(suite: Judging, task: Task, given: str, flags: tuple[str, ...]) -> Verdict | None:
    """SKIP when a library that the task needs is not here."""
    for language, mark, probe, install in NEEDS:
        if language != task.language or mark not in given:
            continue
        if not _works(sandbox_of(suite), language, probe, flags):  # type: ignore[arg-type]  # a protocol cannot say it is hashable
            return skip(suite.name, f"{language}: no {mark} here; {install}")
    return None


@functools.lru_cache(64)
def _works(sandbox: Sandbox, language: str, probe: str, flags: tuple[str, ...]) -> bool:
    run = run_program(sandbox, Program(language=language, source=probe, flags=flags))
    return bool(run.missing) or not run.failed  # a missing toolchain is told by the check


def _record(suite: Judging, task: Task, program: str) -> Record:
    if suite.sandbox is None:
        raise EvaluationError("no sandbox to judge in", where=suite.name)
    origin = Origin(source=suite.name, path=task.id, revision="", licence=suite.licence, collected_at="")
    return Record(id=content_id(program), text=program, language=task.language, origin=origin)
