"""Run a program of any language in a sandbox: compile it there if that is needed, then run it there.

Compiling is running: macros, build scripts and include paths are the program's, so the compiler sits in the sandbox too. A
program that does not compile is a result. A toolchain that is missing or broken says nothing about the program, and is told
apart: nothing ran, and ``missing`` holds what to install.

What a compiler left behind is kept by content: the same row of the table, tools, source and tier never compile twice. An
entry is one file whose first bytes are the hash of the rest, published whole by a rename, so that any number of processes
may share the folder; one that is damaged counts as none. Beyond CACHE_BYTES the entries that were used longest ago go. The
bytes are as little trusted as their source: they only ever go back into a sandbox, as that very program.

Why no JVM and no Node stays warm, as Python does: a warm Python is forked for every program, and the fork dies with all that
the program did. A JVM and a Node have many threads and cannot be forked; one that served program after program would hand
each what the last one left in its memory. What makes them quick instead: the JVM's class archive (made once, in the sandbox,
by compiling a program of ours), the quick compiler alone, and this cache. Measured on two cores, sandbox included: Python
3 ms, Lua, Perl and Bash 4, compiled programs 5 to 9, Mono 12, PHP 23, Node 40, Ruby and a JVM 63, R 154, Racket 470; javac
360 (600 to 900 without its archive), scalac 1,360 (2,500), tsc 4.8 685, tsc 7.0 125, g++ with all of the library 1,200.

Not covered: a program of several source files.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import secrets
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from yunque.core.errors import SandboxError
from yunque.core.nouns import Job, Limits, Observation, content_id
from yunque.core.paths import cache_folder
from yunque.core.seams import Sandbox
from yunque.sandbox.languages.table import RESERVED, Runtime, runtime
from yunque.sandbox.languages.toolchains import Toolchain, find_toolchain

COMPILE_LIMITS = Limits(
    wall_s=60, cpu_s=60, memory_bytes=2 << 30, address_space_bytes=RESERVED, processes=128, file_bytes=64 << 20
)
"""How much a compiler may use, whatever the program may."""
CACHE_BYTES = 512 << 20
_ENTRY = ".program"
_ARCHIVE = "classes.jsa"


@dataclass(frozen=True, kw_only=True)
class ProgramRun:
    """What became of one program."""

    language: str
    toolchain: str = ""
    """What the tools say their version is; another version may mean another verdict."""
    missing: str = ""
    """What to install or fix; then nothing ran, and nothing is known about the program."""
    compiled: Observation | None = None
    """None when nothing had to be compiled: the language does not, or the cache had it."""
    ran: Observation | None = None
    """None when it did not come to that, and for languages that are only compiled."""

    @property
    def failed(self) -> str:
        """The stage that failed: ``toolchain``, ``compile`` or ``run``; empty when all went well (exit status 0)."""
        if self.missing:
            return "toolchain"
        if self.compiled is not None and (self.compiled.exit_code != 0 or not self.compiled.files):
            return "compile"
        return "run" if self.ran is not None and self.ran.exit_code != 0 else ""


@dataclass(frozen=True, kw_only=True)
class Program:
    """Source text of one program, and how it is built."""

    language: str | Runtime
    source: str
    tests: bool = False
    """Its tests are the language's own (Go's ``TestX``, Rust's ``#[test]``, D's ``unittest``) and need a runner."""
    flags: tuple[str, ...] = ()
    """Further arguments for the compiler, such as ``-lcrypto``."""

    @property
    def row(self) -> Runtime:
        """Its language. SandboxError for one that nobody knows."""
        return runtime(self.language) if isinstance(self.language, str) else self.language


def run_program(
    sandbox: Sandbox,
    program: Program,
    *,
    stdin: bytes = b"",
    arguments: tuple[str, ...] = (),
    limits: Limits = Limits(),
    cache: Path | None = None,
) -> ProgramRun:
    """Compile a program if its language is compiled, run it, and tell both.

    ``cache``: None is `program_cache`. SandboxError for a language that nobody knows, and when a job cannot be isolated.
    """
    row, source = program.row, program.source
    if row.warm:
        toolchain = find_toolchain(row)
        ran = sandbox.run(Job(python=source, argv=arguments, stdin=stdin, limits=limits))
        return ProgramRun(language=row.name, toolchain=toolchain.version, ran=ran)
    try:
        toolchain = find_toolchain(row)
        _check_tier(sandbox, toolchain)
    except SandboxError as error:
        return ProgramRun(language=row.name, missing=error.line())
    build = _Build(sandbox, toolchain, program, _name_parts(row, source, program.tests), cache or program_cache())
    details = functools.partial(ProgramRun, language=row.name, toolchain=toolchain.version)
    if not row.compile:
        return details(ran=build.run({build.parts.source: _encode(source)}, stdin, arguments, limits))
    artifacts, compiled = build.artifacts()
    if not row.run or not artifacts:
        return details(compiled=compiled)
    ran = build.run(artifacts, stdin, arguments, limits)
    return details(compiled=compiled, ran=ran)


def program_cache() -> Path:
    """Where compiled programs are kept."""
    return cache_folder() / "programs"


def _encode(source: str) -> bytes:
    return source.encode("utf-8", "surrogatepass")


def _check_tier(sandbox: Sandbox, toolchain: Toolchain) -> None:
    """SandboxError when this tier lacks what the tools need, or its private user may not reach them."""
    row, tier = toolchain.language, sandbox.tier
    if row.needs_proc and tier == "landlock":
        raise SandboxError(f"{row.name}: its runtime reads /proc, which tier {tier} has not", do="see `yunque doctor`")
    if os.geteuid() or tier == "namespaces":
        return
    for path in toolchain.readable:
        if not all(folder.stat().st_mode & stat.S_IXOTH for folder in Path(path).parents):
            raise SandboxError(f"{row.name}: the private user of tier {tier} may not reach {path}", do=row.install)


# ------------------------------------------------------------------------------------------------------------------ building
@dataclass(frozen=True)
class _Parts:
    """What a program's own text decides about its names."""

    source: str
    main: str = "main"
    folder: str = ""
    """Where what was compiled must lie for the run."""


@dataclass(frozen=True)
class _Build:
    """One program on its way."""

    sandbox: Sandbox
    toolchain: Toolchain
    program: Program
    parts: _Parts
    cache: Path

    def artifacts(self) -> tuple[dict[str, bytes], Observation | None]:
        """What compiling gives (empty when it failed), and what was seen of it; None when the cache had it."""
        row = self.toolchain.language
        key = content_id(
            repr(row), self.toolchain.version, repr(self.toolchain.tools), self.sandbox.tier, repr(self.program.flags),
            repr(self.program.tests), repr(self.parts), _encode(self.program.source),
        )  # fmt: skip
        kept = load(self.cache, key)
        if kept is not None:
            return kept, None
        seen = self._compile()
        if seen.exit_code != 0 or not _is_whole(seen):
            return {}, replace(seen, files={})
        publish(self.cache, key, seen.files)
        return seen.files, seen

    def run(self, files: dict[str, bytes], stdin: bytes, arguments: tuple[str, ...], limits: Limits) -> Observation:
        """Run what was compiled, or the source itself."""
        row = self.toolchain.language
        if row.compile and self.parts.folder:
            files = {f"{self.parts.folder}/{path}": content for path, content in files.items()}
        heap_mb = str(max(32, int(limits.memory_bytes * 3 / 4) >> 20))
        space = limits.address_space_bytes or row.address_space_bytes
        granted = replace(limits, address_space_bytes=space, processes=limits.processes + row.own_threads)
        names = {"source": self.parts.source, "main": self.parts.main, "heap_mb": heap_mb}
        return self.sandbox.run(
            Job(
                argv=(*self.toolchain.fill(row.run, **names), *arguments),
                stdin=stdin,
                files=self._support() | files,
                readable=self.toolchain.readable,
                env=self._env(**names),
                limits=granted,
            )
        )

    def _compile(self) -> Observation:
        row = self.toolchain.language
        argv = row.compile_tests if self.program.tests and row.compile_tests else row.compile
        files = self._class_archive() if row.primer else {}
        shared = f"-XX:SharedArchiveFile={_ARCHIVE}" if files else "-Xshare:auto"
        job = self._compile_job(argv, self.parts.source, _encode(self.program.source), shared)
        return self.sandbox.run(
            replace(job, argv=(*job.argv, *self.program.flags), files=job.files | files, collect=row.produces)
        )

    def _compile_job(self, argv: tuple[str, ...], path: str, source: bytes, shared: str) -> Job:
        names = {"source": path, "main": self.parts.main, "heap_mb": "1024", "shared": shared}
        return Job(
            argv=self.toolchain.fill(argv, **names),
            files=self._support() | {path: source},
            readable=self.toolchain.readable,
            env=self._env(**names),
            limits=COMPILE_LIMITS,
        )

    def _class_archive(self) -> dict[str, bytes]:
        """The class archive of a compiler that runs in a JVM, made the first time; empty when it cannot be had."""
        row = self.toolchain.language
        key = content_id("class archive", repr(row), self.toolchain.version, repr(self.toolchain.tools))
        kept = load(self.cache, key)
        if kept is not None:
            return kept
        job = self._compile_job(row.compile, row.source, row.primer.encode(), f"-XX:ArchiveClassesAtExit={_ARCHIVE}")
        seen = self.sandbox.run(replace(job, collect=(_ARCHIVE,)))
        if seen.exit_code != 0 or not _is_whole(seen):
            return {}
        publish(self.cache, key, seen.files)
        return seen.files

    def _support(self) -> dict[str, bytes]:
        return {path: text.encode() for path, text in self.toolchain.language.support}

    def _env(self, **names: str) -> dict[str, str]:
        row = self.toolchain.language
        return dict(
            zip((name for name, _ in row.env), self.toolchain.fill(tuple(v for _, v in row.env), **names), strict=True)
        )


def _is_whole(seen: Observation) -> bool:
    """Whether files came out, and none of them was cut."""
    return bool(seen.files) and all(len(content) < COMPILE_LIMITS.file_bytes for content in seen.files.values())


# -------------------------------------------------------------------------------------------------------- what the text says
def _name_parts(row: Runtime, source: str, tests: bool) -> _Parts:
    """The names that a program's own text decides: Java's class and package, and what Node takes for a module."""
    if row.name == "java":
        return _java_parts(source)
    if row.name == "javascript" and re.search(r"^(?:import\s*[\w{*'\"]|export\s)", source, re.MULTILINE):
        return _Parts("main.mjs")
    return _Parts(row.tests_source if tests and row.tests_source else row.source)


# The text is hostile: every pattern goes on where it stopped, so that none takes more than linear time.
_JAVA_NOISE = re.compile(
    r'//[^\n]*|/\*.*?(?:\*/|\Z)|""".*?(?:"""|\Z)|"(?:\\.|[^"\\\n])*+"?|\'(?:\\.|[^\'\\\n])*+\'?', re.DOTALL
)
_JAVA_WORDS = re.compile(
    r"[{};]|(?P<public>\bpublic\b)|\b(?:class|interface|enum|record)\s+(?P<name>[A-Za-z_$][\w$]*)"
    r"|(?P<main>\bstatic\s+(?:(?:public|final|synchronized)\s+){0,3}void\s+main\s*\()"
)


def _java_parts(source: str) -> _Parts:
    """The file must be called as the public class is; the class to start is the top one that holds ``main``."""
    text = _JAVA_NOISE.sub(" ", source)
    package = re.search(r"^[ \t]*package\s+([a-zA-Z_]\w*(?:\.[a-zA-Z_]\w*)*)\s*;", text, re.MULTILINE)
    public_type = start = top = ""
    depth, is_public = 0, False
    for match in _JAVA_WORDS.finditer(text):
        if match["public"]:
            is_public = True
        elif match["name"] and len(match["name"]) < 200 and depth == 0:  # it becomes the name of a file
            top = match["name"]
            public_type = public_type or (top if is_public else "")
        elif match["main"] and depth == 1:
            start = start or top
        elif match[0] in "{};":
            depth += {"{": 1, "}": -1, ";": 0}[match[0]]
            is_public = False
    start = start or public_type or top or "Main"
    package = package if package and len(package[1]) < 200 else None
    folder = package[1].replace(".", "/") if package else ""
    return _Parts(f"{public_type or 'Main'}.java", f"{package[1]}.{start}" if package else start, folder)


# ----------------------------------------------------------------------------------------------------------------- the cache
def load(cache: Path, key: str) -> dict[str, bytes] | None:
    """The files kept under a key; None when there are none, or they are damaged."""
    path = cache / f"{key}{_ENTRY}"
    try:
        data = path.read_bytes()
        head, _, body = data[32:].partition(b"\n")
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return None
        files, position = {}, 0
        for name, size in json.loads(head):
            files[name] = body[position : position + size]
            position += size
        os.utime(path)
    except OSError:
        return None
    return files


def publish(cache: Path, key: str, files: dict[str, bytes]) -> None:
    """Keep files under a key, whole or not at all, and drop the oldest beyond CACHE_BYTES. A full disk is not an error."""
    head = json.dumps([(name, len(content)) for name, content in files.items()]).encode()
    data = b"\n".join((head, b"".join(files.values())))
    if _write_whole(cache / f"{key}{_ENTRY}", hashlib.sha256(data).digest() + data):
        _drop_oldest(cache)


def _write_whole(path: Path, data: bytes) -> bool:
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
        os.replace(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        return False
    return True


def _drop_oldest(cache: Path) -> None:
    """Drop the entries used longest ago until the rest is at most CACHE_BYTES; a tenth more, so that this is seldom."""
    entries = []
    with contextlib.suppress(OSError), os.scandir(cache) as result:
        for entry in result:
            with contextlib.suppress(OSError):
                if entry.name.endswith(_ENTRY) or entry.name.startswith("."):
                    seen = entry.stat()
                    entries.append((seen.st_mtime_ns, seen.st_size, entry.path))
    total = sum(size for _, size, _ in entries)
    if total <= CACHE_BYTES:
        return
    for _, size, path in sorted(entries):
        if total <= CACHE_BYTES * 0.9:
            return
        with contextlib.suppress(OSError):
            os.unlink(path)
            total -= size
