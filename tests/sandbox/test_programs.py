"""Programs of every language: what they print, how they fail, and the cache of what was compiled."""

import os
import re
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from yunque.core.errors import SandboxError
from yunque.core.nouns import Limits
from yunque.sandbox import open_sandbox, programs
from yunque.sandbox.languages.table import RUNTIMES, runtime
from yunque.sandbox.programs import Program, program_cache, run_program
from yunque.sandbox.tiers import ISOLATING

FOLDER = Path(__file__).with_name("programs")
ROOMY = Limits(wall_s=30, cpu_s=30)
NAMES = [row.name for row in RUNTIMES]
RUNNABLE = [row.name for row in RUNTIMES if row.warm or row.run]


def sample(name: str, part: str) -> str:
    """One part of a language's sample file: hello, wrong, broken, leave or tests."""
    parts = re.split(r"^======== (\w+)\n", (FOLDER / f"{name}.txt").read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))[part]


@pytest.fixture
def run(box, toolchain, compiled):
    """Run a program of a language that this machine can run."""

    def do(name, source, **options):
        toolchain(name)
        built = {key: options.pop(key) for key in ("tests", "flags") if key in options}
        program = Program(language=name, source=source, **built)
        return run_program(box, program, **{"limits": ROOMY, "cache": compiled} | options)

    return do


def said(result) -> str:
    """All that a program and its compiler wrote, for a failing test."""
    seen = [each for each in (result.compiled, result.ran) if each]
    return "\n".join(text.decode("utf-8", "replace") for each in seen for text in (each.stdout, each.stderr))


# --------------------------------------------------------------------------------------------------------- every language
def test_every_language_has_samples():
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(NAMES)


@pytest.mark.parametrize("name", RUNNABLE)
def test_hello(run, name):
    result = run(name, sample(name, "hello"), stdin=b"20 22\nline two\n", arguments=("first argument",))
    assert result.ran is not None and result.ran.exit_code == 0, said(result)
    assert result.ran.stdout == b"42\nline two\nfirst argument\n"
    assert (result.failed, result.missing, result.language) == ("", "", name)
    assert result.toolchain


@pytest.mark.parametrize("tier", ISOLATING[1:])
@pytest.mark.parametrize("name", RUNNABLE)
def test_hello_in_the_other_tiers(toolchain, tmp_path, name, tier):
    """Each has a list of system calls of its own making."""
    toolchain(name)
    try:
        with open_sandbox(tier) as box:
            result = run_program(
                box,
                Program(language=name, source=sample(name, "hello")),
                stdin=b"20 22\nline two\n",
                arguments=("first argument",),
                limits=ROOMY,
                cache=tmp_path,
            )
    except SandboxError as error:
        pytest.skip(f"tier {tier} is not available here: {error}")
    if result.missing:  # said by the tier itself: no /proc, or a compiler in a private folder
        pytest.skip(f"{tier} does not run {name} on this machine: {result.missing}")
    assert result.ran is not None and result.ran.stdout == b"42\nline two\nfirst argument\n", said(result)


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_wrong_assert_ends_the_program(run, name):
    result = run(name, sample(name, "wrong"))
    assert result.failed == "run", said(result)
    assert not result.ran.timed_out and not result.ran.out_of_memory
    assert b"after" not in result.ran.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_syntax_error_is_the_programs_fault(run, name):
    result = run(name, sample(name, "broken"))
    assert result.failed == ("compile" if runtime(name).compile else "run")
    assert said(result).strip(), "nothing says what is wrong"
    assert not result.missing


@pytest.mark.parametrize("name", RUNNABLE)
def test_the_exit_status_is_carried_out(run, name):
    result = run(name, sample(name, "leave"))
    assert result.ran.exit_code == 3, said(result)
    assert result.failed == "run"


@pytest.mark.parametrize("name", RUNNABLE)
def test_leaving_before_the_tests_is_only_observed(run, name):
    result = run(name, sample(name, "leave").replace("3", "0"))
    assert (result.ran.exit_code, result.ran.stdout, result.failed) == (0, b"", ""), said(result)


@pytest.mark.parametrize("name", ["go", "rust", "d"])
@pytest.mark.parametrize(("expected", "failed"), [("2", ""), ("3", "run")])
def test_tests_in_the_languages_own_way(run, name, expected, failed):
    result = run(name, sample(name, "tests").replace("EXPECTED", expected), tests=True)
    assert result.failed == failed, said(result)


def test_a_language_that_is_only_compiled(run):
    result = run("solidity", sample("solidity", "hello"))
    assert (result.failed, result.ran) == ("", None), said(result)


# ------------------------------------------------------------------------------------------------------------ one language
def test_a_package_and_a_main_beside_the_public_class(run):
    source = "package a.b;\npublic class Solution { static class Inner { } int one() { return 1; } }\n"
    source += "class Main {\n/* class Fake { static void main(String[] a) {} } */\n"
    source += 'public static void main(String[] args) { System.out.println("}{" + new Solution().one()); } }\n'
    assert run("java", source).ran.stdout == b"}{1\n"


@pytest.mark.parametrize(
    "first", ["import fs from 'fs';", "import * as fs from 'node:fs'", "import {readFileSync} from 'fs'"]
)
def test_javascript_modules(run, first):
    assert run("javascript", f"{first}\nconsole.log(await 1);").ran.stdout == b"1\n"


def test_type_errors_of_typescript(run):
    result = run("typescript", 'const x: number = "text";\nconsole.log(x);\n')
    assert (result.failed, result.ran) == ("compile", None)
    assert b"TS2322" in result.compiled.stdout


def test_the_memory_limit_is_told_to_the_runtime(run):
    source = (
        "class Main { public static void main(String[] a) { System.out.println(Runtime.getRuntime().maxMemory() >> 20); } }"
    )
    told = int(run("java", source, limits=Limits(memory_bytes=256 << 20)).ran.stdout)
    assert 150 < told <= 192


def test_flags_for_the_compiler(run):
    source = '#include <stdio.h>\nint main(void) { printf("%d\\n", NUMBER); }\n'
    assert run("c", source).failed == "compile"
    assert run("c", source, flags=("-DNUMBER=7",)).ran.stdout == b"7\n"


def test_the_compiler_sees_nothing_of_the_machine(run, tmp_path):
    secret = tmp_path / "secret.h"
    secret.write_text('#define SECRET "seen"\n')
    result = run("c", f'#include "{secret}"\n#include <stdio.h>\nint main(void) {{ puts(SECRET); }}\n')
    assert result.failed == "compile"
    assert b"seen" not in result.compiled.stderr


# -------------------------------------------------------------------------------------------------------------- the cache
C_PROGRAM = '#include <stdio.h>\nint main(void) { puts("kept"); }\n'


def test_the_second_run_compiles_nothing(run, tmp_path):
    first, second = (run("c", C_PROGRAM, cache=tmp_path) for _ in range(2))
    assert first.compiled is not None and second.compiled is None
    assert first.compiled is not None and second.compiled is None
    assert first.ran.stdout == second.ran.stdout == b"kept\n"
    assert run("c", C_PROGRAM, cache=tmp_path, flags=("-O2",)).compiled is not None
    assert run("c", C_PROGRAM + "\n", cache=tmp_path).compiled is not None


def test_what_does_not_compile_is_not_kept(run, tmp_path):
    for _ in range(2):
        result = run("c", "int main(void) { return }", cache=tmp_path)
        assert result.failed == "compile" and result.compiled is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:-1] + b"!", lambda data: b"", lambda data: b"x"]
)
def test_a_damaged_entry_is_compiled_again(run, tmp_path, damage):
    run("c", C_PROGRAM, cache=tmp_path)
    (entry,) = tmp_path.iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(damage(whole))
    result = run("c", C_PROGRAM, cache=tmp_path)
    assert result.compiled is not None and result.ran.stdout == b"kept\n"
    assert run("c", C_PROGRAM, cache=tmp_path).compiled is None


def test_two_threads(run, tmp_path):
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(run("c", C_PROGRAM, cache=tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.ran.stdout for result in seen] == [b"kept\n"] * 4
    assert len(list(tmp_path.iterdir())) == 1


def test_a_cache_that_cannot_be_written(run, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert run("c", C_PROGRAM, cache=blocked / "programs").ran.stdout == b"kept\n"


def test_the_oldest_entries_go(monkeypatch, tmp_path):
    monkeypatch.setattr(programs, "CACHE_BYTES", 10_000)
    (tmp_path / "notes.txt").write_text("no entry")
    for number in range(6):
        programs.publish(tmp_path, f"key{number}", {"main": bytes(2_000)})
        os.utime(tmp_path / f"key{number}.program", (number, number))
        if number == 3:
            assert programs.load(tmp_path, "key0") == {"main": bytes(2_000)}  # used: now the youngest
    left = {path.stem for path in tmp_path.iterdir()}
    assert {"key0", "notes"} <= left and "key1" not in left
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("YUNQUE_CACHE", raising=False)
    assert program_cache() == tmp_path / "yunque" / "programs"
    monkeypatch.setenv("YUNQUE_CACHE", str(tmp_path / "other"))
    assert program_cache() == tmp_path / "other" / "programs"


def test_a_compiler_in_java_keeps_its_classes(run, tmp_path):
    source = "class Main { public static void main(String[] args) { System.out.println(%d); } }"
    for number in (1, 2):
        assert run("java", source % number, cache=tmp_path).ran.stdout == b"%d\n" % number
    assert len(list(tmp_path.iterdir())) == 3  # two programs and one archive


def test_without_a_class_archive_it_only_takes_longer(run, monkeypatch, tmp_path):
    monkeypatch.setattr(programs._Build, "_class_archive", lambda build: {})
    source = 'class Main { public static void main(String[] args) { System.out.println("slow"); } }'
    assert run("java", source, cache=tmp_path).ran.stdout == b"slow\n"


def test_libraries_that_npm_installed_globally_are_looked_for(run, toolchain, tmp_path):
    source = "console.log(require('module').globalPaths.join(' '))"
    toolchain("javascript")
    home = Path(shutil.which("node")).resolve().parent.parent
    assert f"{home}/lib/node_modules" in run("javascript", source, cache=tmp_path).ran.stdout.decode().split()


# --------------------------------------------------------------------------------------------------- what nobody can run
def test_a_missing_toolchain_is_told_apart(box, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run_program(box, Program(language="go", source="package main"), cache=tmp_path)
    assert (result.failed, result.compiled, result.ran) == ("toolchain", None, None)
    assert result.missing == "go: go is not installed; apt install golang-go"


@pytest.mark.parametrize("tier", ["bwrap", "landlock", "rlimits"])
def test_tools_in_a_private_folder(monkeypatch, tmp_path, tier):
    """As root, programs of these tiers run as a user of their own, who may not enter everywhere."""
    tool = tmp_path / "private" / "go" / "bin" / "go"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\necho go 9\n")
    tool.chmod(0o755)
    (tmp_path / "private").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    result = run_program(SimpleNamespace(tier=tier), Program(language="go", source="package main"), cache=tmp_path)
    assert f"go: the private user of tier {tier} may not reach {tmp_path}/private/go" in result.missing


def test_a_runtime_that_needs_proc(box, toolchain, tmp_path):
    toolchain("csharp")
    result = run_program(SimpleNamespace(tier="landlock"), Program(language="csharp", source=""), cache=tmp_path)
    assert "reads /proc" in result.missing


def test_an_unknown_language(box):
    with pytest.raises(SandboxError, match=r"no language named 'pyhton'; did you mean 'python'\?"):
        run_program(box, Program(language="pyhton", source=""))


def test_time_is_up(run):
    started = time.monotonic()
    result = run("lua", "while true do end", limits=Limits(wall_s=0.5))
    assert result.ran.timed_out and result.failed == "run"
    assert time.monotonic() - started < 10
