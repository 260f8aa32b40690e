"""Languages as a table: how a program of each is named, compiled and run.

A row says what to do; a `Toolchain` (`toolchains`) says with what.

Every row makes a failed assert end the program with a status other than 0 (tests/sandbox/test_programs.py holds each to it):
Java and Kotlin need ``-ea``, C# a listener of ours, PHP two settings, D and Swift no ``-release`` and no ``-O``, and
Racket's rackunit, which only prints, is asked afterwards.

Not covered: libraries that a program imports; a row names only those that Debian puts in a fixed place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from yunque.code.languages import LANGUAGES, named
from yunque.core.errors import SandboxError
from yunque.core.plugins import nearest
from yunque.sandbox.languages.primers import (
    CALM_JVM,
    CSHARP_CONFIGURATION,
    CSHARP_LISTENER,
    GLOBAL_MODULES,
    JAVA_CONFIGURATION,
    JAVA_PRIMER,
    JAVA_TUPLES,
    NODE_GLOBALS,
    RUSTC,
    SCALA_PRIMER,
)

RESERVED = 64 << 30
"""Address space for runtimes that reserve far more than they use. Their memory itself is watched as any other's."""

PLACES = re.compile(r"\{([\w+]+)\}")
"""What is filled in into an argument list."""

_JVM = (*CALM_JVM, "-Xshare:auto", "-Xmx{heap_mb}m", "-Djava.io.tmpdir=.", "-ea")


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """One row: how a program of this language is compiled and run.

    In the argument lists ``{tool}`` is the path of a tool of ``needs``, ``{tool_home}`` the folder above its ``bin``,
    ``{source}`` the source file, ``{main}`` the class that is started, ``{heap_mb}`` three quarters of the memory limit
    and ``{shared}`` what a JVM is told about its class archive.
    """

    name: str
    """As in ``languages.toml``."""
    extension: str
    source: str
    """What the source file is called in the scratch folder, where the text itself does not decide that."""
    needs: tuple[tuple[str, ...], ...] = ()
    """Tools that must be on PATH: each the name that the argument lists use, then others that do as well."""
    install: str
    """How to come by the tools: the line for Debian 12, or a sentence where Debian has none."""
    warm: bool = False
    """It runs in the worker's warm Python, and needs no tools."""
    compile: tuple[str, ...] = ()
    """Empty: nothing is compiled."""
    compile_tests: tuple[str, ...] = ()
    """How to compile a source whose tests are the language's own, with a runner for them. Empty: as any other."""
    tests_source: str = ""
    """What the source file is called then, where that differs."""
    produces: tuple[str, ...] = ()
    """What compiling leaves behind for the run: paths, or patterns without folders."""
    run: tuple[str, ...] = ()
    """Empty, for a language that is not warm: compiling is all that can be done."""
    support: tuple[tuple[str, str], ...] = ()
    """Files of ours that lie beside the source while it is compiled, and beside the program while it runs."""
    env: tuple[tuple[str, str], ...] = ()
    configuration: tuple[str, ...] = ()
    """Patterns of files and folders outside the system's own that the tools read, shown where they exist."""
    address_space_bytes: int | None = None
    """For runtimes that reserve more than they use, instead of the memory limit; None: the memory limit."""
    own_threads: int = 0
    """Threads that the runtime starts for itself, beside what the limits grant the program."""
    needs_proc: bool = False
    """The runtime does not start without /proc."""
    primer: str = ""
    """A small program whose compilation fills the class archive of a compiler that runs in a JVM. Empty: none is made."""
    versions: tuple[tuple[str, ...], ...] = ()
    """Commands whose first lines together say what the tools are; they are run to see that the tools run at all."""


RUNTIMES: tuple[Runtime, ...] = (
    Runtime(
        name="python",
        extension=".py",
        source="main.py",
        install="yunque runs in it",
        warm=True,
    ),
    Runtime(
        name="javascript",
        extension=".js",
        source="main.js",
        needs=(("node", "nodejs"),),
        install="apt install nodejs",
        run=("{node}", "--max-old-space-size={heap_mb}", "{source}"),
        env=GLOBAL_MODULES,
        address_space_bytes=RESERVED,
        own_threads=16,
        versions=(("{node}", "--version"),),
    ),
    Runtime(
        name="typescript",
        extension=".ts",
        source="main.ts",
        needs=(("node", "nodejs"), ("tsc",)),
        install="apt install node-typescript, or npm install --global typescript",
        compile=(
            "{node}", "{tsc}", "--target", "es2022", "--lib", "es2022", "--module", "commonjs", "--moduleDetection", "force",
            "--strict", "false", "--esModuleInterop", "true", "--noEmitOnError", "--skipLibCheck", "--pretty", "false",
            "globals.d.ts", "{source}",
        ),
        produces=("main.js",),
        run=("{node}", "--max-old-space-size={heap_mb}", "main.js"),
        support=(("globals.d.ts", NODE_GLOBALS),),
        env=GLOBAL_MODULES,
        address_space_bytes=RESERVED,
        own_threads=16,
        versions=(("{node}", "{tsc}", "--version"), ("{node}", "--version")),
    ),
    Runtime(
        name="java",
        extension=".java",
        source="Main.java",
        needs=(("javac",),),
        install="apt install default-jdk-headless",
        compile=(
            "{javac_home}/bin/java", "{shared}", *CALM_JVM, "-Xmx1g", "-m", "jdk.compiler/com.sun.tools.javac.Main",
            "-encoding", "UTF-8", "-proc:none", "-implicit:none", "-nowarn", "-cp", f".:{JAVA_TUPLES}", "{source}",
        ),
        produces=("*.class",),
        run=("{javac_home}/bin/java", *_JVM, "-cp", f".:{JAVA_TUPLES}", "{main}"),
        configuration=JAVA_CONFIGURATION,
        address_space_bytes=RESERVED,
        own_threads=32,
        primer=JAVA_PRIMER,
        versions=(("{javac_home}/bin/java", "--version"),),
    ),
    Runtime(
        name="c",
        extension=".c",
        source="main.c",
        needs=(("gcc", "cc", "clang"),),
        install="apt install gcc libc6-dev",
        compile=("{gcc}", "-std=gnu17", "-O1", "-pipe", "-o", "main", "{source}", "-lm"),
        produces=("main",),
        run=("./main",),
        versions=(("{gcc}", "--version"),),
    ),
    Runtime(
        name="cpp",
        extension=".cpp",
        source="main.cpp",
        needs=(("g++", "c++", "clang++"),),
        install="apt install g++",
        compile=("{g++}", "-std=gnu++17", "-O1", "-pipe", "-o", "main", "{source}"),
        produces=("main",),
        run=("./main",),
        versions=(("{g++}", "--version"),),
    ),
    Runtime(
        name="csharp",
        extension=".cs",
        source="main.cs",
        needs=(("mcs",), ("mono",)),
        install="apt install mono-mcs mono-runtime",
        compile=(
            "{mcs}", "-nologo", "-d:DEBUG", "-d:TRACE", "-r:System.Numerics.dll", "-out:main.exe", "{source}", "listener.cs",
        ),
        produces=("main.exe",),
        run=("{mono}", "main.exe"),
        support=(("listener.cs", CSHARP_LISTENER), ("main.exe.config", CSHARP_CONFIGURATION)),
        # it says on stdout that it may not set priorities
        env=(("MONO_GC_PARAMS", "max-heap-size={heap_mb}m"), ("MONO_LOG_DEST", "/dev/null")),
        configuration=("/etc/mono",),
        needs_proc=True,
        address_space_bytes=RESERVED,
        own_threads=8,
        versions=(("{mcs}", "--version"), ("{mono}", "--version")),
    ),
    Runtime(
        name="go",
        extension=".go",
        source="main.go",
        needs=(("go",),),
        install="apt install golang-go",
        compile=("{go}", "build", "-ldflags=-s -w", "-o", "main", "{source}"),
        compile_tests=("{go}", "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", "main", "{source}"),
        tests_source="main_test.go",
        produces=("main",),
        run=("./main",),
        env=(
            ("GO111MODULE", "off"), ("GOPROXY", "off"), ("GOTOOLCHAIN", "local"), ("GOTELEMETRY", "off"),
            ("GOFLAGS", ""), ("GOMAXPROCS", "2"), ("GOMEMLIMIT", "{heap_mb}MiB"),
        ),
        address_space_bytes=RESERVED,
        own_threads=8,
        versions=(("{go}", "version"),),
    ),
    Runtime(
        name="rust",
        extension=".rs",
        source="main.rs",
        needs=(("rustc",), ("cc", "gcc", "clang")),
        install="apt install rustc gcc libc6-dev",
        compile=RUSTC,
        compile_tests=(*RUSTC, "--test"),
        produces=("main",),
        run=("./main",),
        env=(("RUST_TEST_THREADS", "1"),),
        versions=(("{rustc}", "--version"),),
    ),
    Runtime(
        name="php",
        extension=".php",
        source="main.php",
        needs=(("php",),),
        install="apt install php-cli",
        run=(
            "{php}", "-d", "zend.assertions=1", "-d", "assert.exception=1", "-d", "display_errors=stderr", "-d",
            "log_errors=0", "-d", "memory_limit={heap_mb}M", "{source}",
        ),
        configuration=("/etc/php",),
        versions=(("{php}", "--version"),),
    ),
    Runtime(
        name="ruby",
        extension=".rb",
        source="main.rb",
        needs=(("ruby",),),
        install="apt install ruby ruby-test-unit",
        run=("{ruby}", "{source}"),
        own_threads=4,
        versions=(("{ruby}", "--version"),),
    ),
    Runtime(
        name="perl",
        extension=".pl",
        source="main.pl",
        needs=(("perl",),),
        install="apt install perl libtest-deep-perl",
        run=("{perl}", "{source}"),
        env=(("PERL_HASH_SEED", "0"), ("PERL_PERTURB_KEYS", "0")),
        versions=(("{perl}", "-e", "print qq(perl $^V\\n)"),),
    ),
    Runtime(
        name="lua",
        extension=".lua",
        source="main.lua",
        needs=(("lua", "lua5.4", "lua5.3"),),
        install="apt install lua5.4 lua-unit",
        run=("{lua}", "{source}"),
        versions=(("{lua}", "-v"),),
    ),
    Runtime(
        name="r",
        extension=".R",
        source="main.R",
        needs=(("Rscript",),),
        install="apt install r-base-core",
        run=("{Rscript}", "--vanilla", "{source}"),
        configuration=("/etc/R",),
        versions=(("{Rscript}", "--version"),),
    ),
    Runtime(
        name="shell",
        extension=".sh",
        source="main.sh",
        needs=(("bash",),),
        install="apt install bash",
        run=("{bash}", "{source}"),
        versions=(("{bash}", "--version"),),
    ),
    Runtime(
        name="scala",
        extension=".scala",
        source="main.scala",
        needs=(("scalac",), ("java",)),
        install="apt install scala default-jre-headless",
        compile=(
            "{java}", "{shared}", *CALM_JVM, "-Xmx1g", "-cp", "{scalac_home}/lib/*", "scala.tools.nsc.Main", "-usejavacp",
            "-nowarn", "-encoding", "UTF-8", "-d", "main.jar", "{source}",
        ),
        produces=("main.jar",),
        run=("{java}", *_JVM, "-Xbootclasspath/a:{scalac_home}/lib/scala-library.jar", "-jar", "main.jar"),
        configuration=JAVA_CONFIGURATION,
        address_space_bytes=RESERVED,
        own_threads=32,
        primer=SCALA_PRIMER,
        versions=(("{scalac}", "-version"), ("{java}", "--version")),
    ),
    Runtime(
        name="julia",
        extension=".jl",
        source="main.jl",
        needs=(("julia",),),
        install="Debian 12 has no Julia: put one from julialang.org on PATH",
        run=("{julia}", "--startup-file=no", "--history-file=no", "--color=no", "--threads=1", "{source}"),
        address_space_bytes=RESERVED,
        own_threads=16,
        versions=(("{julia}", "--version"),),
    ),
    Runtime(
        name="d",
        extension=".d",
        source="main.d",
        needs=(("dmd", "ldmd2", "gdmd"),),
        install="apt install ldc",
        compile=("{dmd}", "-ofmain", "{source}"),
        compile_tests=("{dmd}", "-unittest", "-ofmain", "{source}"),
        produces=("main",),
        run=("./main",),
        configuration=("/etc/ldc2.conf", "/etc/ldc", "/etc/dmd.conf"),
        address_space_bytes=RESERVED,
        own_threads=4,
        versions=(("{dmd}", "--version"),),
    ),
    Runtime(
        name="racket",
        extension=".rkt",
        source="main.rkt",
        needs=(("racket",),),
        install="apt install racket",
        run=(
            "{racket}", "-l", "racket/base", "-l", "rackunit/log", "-t", "{source}", "-e", "(void (test-log #:exit? #t))",
            "-N", "{source}", "--",
        ),
        configuration=("/etc/racket",),
        address_space_bytes=RESERVED,
        own_threads=4,
        versions=(("{racket}", "--version"),),
    ),
    Runtime(
        name="swift",
        extension=".swift",
        source="main.swift",
        needs=(("swiftc",),),
        install="Debian 12 has no Swift compiler (its package swift is another program): put one from swift.org on PATH",
        compile=("{swiftc}", "-Onone", "-o", "main", "{source}"),
        produces=("main",),
        run=("./main",),
        address_space_bytes=RESERVED,
        own_threads=8,
        versions=(("{swiftc}", "--version"),),
    ),
    Runtime(
        name="kotlin",
        extension=".kt",
        source="main.kt",
        needs=(("kotlinc",), ("java",)),
        install="apt install kotlin default-jre-headless",
        compile=("{kotlinc}", "-nowarn", "-include-runtime", "-d", "main.jar", "{source}"),
        produces=("main.jar",),
        run=("{java}", *_JVM, "-jar", "main.jar"),
        env=(("JAVACMD", "{java}"), ("JAVA_OPTS", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xmx1g")),
        configuration=JAVA_CONFIGURATION,
        address_space_bytes=RESERVED,
        own_threads=32,
        versions=(("{kotlinc}", "-version"), ("{java}", "--version")),
    ),
    Runtime(
        name="solidity",
        extension=".sol",
        source="main.sol",
        needs=(("solc", "solcjs"),),
        install="Debian 12 has no Solidity compiler: npm install --global solc",
        compile=("{solc}", "--bin", "-o", ".", "{source}"),
        produces=("*.bin",),
        address_space_bytes=RESERVED,
        own_threads=16,
        versions=(("{solc}", "--version"),),
    ),
)  # fmt: skip
"""Every language that we can run, the most asked for first."""

_BY_NAME = {row.name: row for row in RUNTIMES}


def runtime(name: str) -> Runtime:
    """The row of a language by its name or an alias, in any case; SandboxError names the nearest known one."""
    row = _BY_NAME.get(named(name))
    if row is None:
        known = [word for row in RUNTIMES for word in (row.name, *LANGUAGES[row.name].aliases)]
        raise SandboxError(f"no language named {name!r}", do=nearest(name.lower(), known))
    return row
