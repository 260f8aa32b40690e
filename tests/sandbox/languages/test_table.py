"""The table of languages, and what is said of the tools of this machine."""

import os
import stat
import sys
from pathlib import Path

import pytest

from yunque.code.languages import LANGUAGES, PARSED
from yunque.core.errors import SandboxError
from yunque.sandbox.languages import table, toolchains
from yunque.sandbox.languages.table import RUNTIMES, runtime
from yunque.sandbox.languages.toolchains import find_toolchain

ROWS = pytest.mark.parametrize("row", RUNTIMES, ids=lambda row: row.name)


@pytest.fixture
def path(monkeypatch, tmp_path):
    """A PATH with nothing on it but what the test puts there with `tool`."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(toolchains, "_found", {})
    return tmp_path / "bin"


def tool(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{os.path.realpath(sys.executable)}\nimport sys\n{script}\n")
    path.chmod(0o755)
    return path


# ------------------------------------------------------------------------------------------------------------- the table
def test_names_are_known_once():
    names = [row.name for row in RUNTIMES]
    assert len(names) == len(set(names)) and set(names) <= set(LANGUAGES)
    assert set(PARSED) - {"tsx"} <= {row.name for row in RUNTIMES}


@ROWS
def test_a_row_fits_together(row):
    known = {tool for tool, *_ in row.needs} | {f"{tool}_home" for tool, *_ in row.needs}
    argvs = (row.compile, row.compile_tests, row.run, *row.versions)
    used = {name for argv in argvs for word in argv for name in table.PLACES.findall(word)}
    assert used <= known | {"source", "main", "heap_mb", "shared"}
    assert row.source.endswith(row.extension) and row.install
    assert row.warm or (row.needs and row.versions and (row.compile or row.run))
    assert bool(row.compile) == bool(row.produces)
    assert bool(row.primer) == ("{shared}" in row.compile)
    assert "-DNDEBUG" not in row.compile and "-release" not in row.compile and "-O" not in row.compile


@pytest.mark.parametrize(
    ("name", "meant"),
    [("Python", "python"), ("c++", "cpp"), ("js", "javascript"), ("rs", "rust"), ("sh", "shell"), ("C#", "csharp")],
)
def test_aliases(name, meant):
    assert runtime(name).name == meant


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(SandboxError, match=r"no language named 'Typescrpt'; did you mean 'typescript'\?"):
        runtime("Typescrpt")


def test_places_are_filled(path):
    tool(path / "g++", "print('g++ 99')")
    tools = find_toolchain(runtime("cpp"))
    assert tools.fill(("{g++}", "{source}", "{unknown}"), source="a.cpp") == (f"{path}/g++", "a.cpp", "{unknown}")


# ------------------------------------------------------------------------------------------------------------- the tools
@ROWS
def test_what_is_here_runs_and_says_its_version(row):
    try:
        found = find_toolchain(row)
    except SandboxError as error:
        assert row.install in error.line() and "\n" not in error.line()
        pytest.skip(f"no toolchain for {row.name}: {row.install}")
    assert any(character.isdigit() for character in found.version), found.version
    assert all(os.path.isabs(path) and os.path.exists(path) for path in (*found.tools.values(), *found.readable))
    assert not any(Path.home().is_relative_to(path) for path in found.readable)
    assert find_toolchain(row) is found


def test_a_missing_tool_is_named_with_its_package(path):
    with pytest.raises(SandboxError) as caught:
        find_toolchain(runtime("go"))
    assert caught.value.line() == "go: go is not installed; apt install golang-go"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sys.exit('cannot find my library')", "exit status 1: cannot find my library"),
        ("import os; os.abort()", "exit status -6"),
        ("import time; time.sleep(60)", "timed out"),
    ],
)
def test_a_tool_that_does_not_run_is_broken(path, monkeypatch, script, reason):
    if "sleep" in script:
        monkeypatch.setattr(toolchains, "VERSION_S", 0.2)
    tool(path / "go", script)
    with pytest.raises(SandboxError) as caught:
        find_toolchain(runtime("go"))
    assert reason in caught.value.line() and "\n" not in caught.value.line()
    assert caught.value.line().startswith(f"go: `{path}/go version` fails")


def test_a_file_that_is_no_program_is_broken(path):
    (path / "go").write_bytes(b"\x7fELFnonsense")
    (path / "go").chmod(0o755)
    with pytest.raises(SandboxError, match="Exec format error"):
        find_toolchain(runtime("go"))


def test_any_of_the_alternatives_will_do(path):
    tool(path / "lua5.3", "print('Lua 5.3.6')")
    assert find_toolchain(runtime("lua")).tools["lua"] == f"{path}/lua5.3"
    tool(path / "lua", "print('Lua 5.4.4')")
    toolchains._found.clear()
    assert find_toolchain(runtime("lua")).version == "Lua 5.4.4"


def test_another_path_is_another_answer(path, monkeypatch):
    tool(path / "lua", "print('Lua 1')")
    assert find_toolchain(runtime("lua")).version == "Lua 1"
    other = tool(path.parent / "other" / "lua", "print('Lua 2')")
    monkeypatch.setenv("PATH", str(other.parent))
    assert find_toolchain(runtime("lua")).version == "Lua 2"


def test_warnings_before_the_version_are_passed_over(path):
    tool(path / "lua", "print('VM warning: old options'); print(); print('Lua 9', file=sys.stderr)")
    assert find_toolchain(runtime("lua")).version == "Lua 9"


# ----------------------------------------------------------------------------------------------------- where they really lie
def test_a_version_managers_signpost_leads_to_the_real_tool(path):
    real = path.parent / "toolchains" / "stable"
    tool(real / "bin" / "rustc", "print('rustc 9')")
    tool(path / "rustc", f"print({str(real)!r} if sys.argv[1] == '--print' else 'no')")
    tool(path / "cc", "print('cc 1')")
    found = find_toolchain(runtime("rust"))
    assert (found.tools["rustc"], found.version) == (f"{real}/bin/rustc", "rustc 9")
    assert str(real) in found.readable


def test_a_signpost_that_leads_nowhere_is_taken_as_it_is(path):
    tool(path / "rustc", "print('/nowhere' if sys.argv[1] == '--print' else 'rustc 8')")
    tool(path / "cc", "print('cc 1')")
    assert find_toolchain(runtime("rust")).tools["rustc"] == f"{path}/rustc"


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("opt/go/bin/go", "opt/go"),
        ("home/bin/go", "home/bin/go"),
        ("home/.local/bin/go", "home/.local/bin/go"),
        ("home/.nvm/v20/bin/go", "home/.nvm/v20"),
        ("home/lib/node_modules/.bin/go", "home/lib/node_modules"),
        ("tools/go", "tools/go"),
    ],
)
def test_no_more_is_shown_than_a_tool_needs(path, monkeypatch, where, shown):
    root = path.parent
    monkeypatch.setattr(Path, "home", lambda: root / "home")
    made = tool(root / where, "print('' if sys.argv[1] == 'env' else 'go 9')")
    monkeypatch.setenv("PATH", str(made.parent))
    assert find_toolchain(runtime("go")).readable == (str(root / shown),)


def test_a_link_is_shown_with_what_it_points_to(path):
    real = tool(path.parent / "opt" / "go-9" / "bin" / "go", "print('' if sys.argv[1] == 'env' else 'go 9')")
    (path / "go").symlink_to(real)
    found = find_toolchain(runtime("go"))
    assert str(path.parent / "opt" / "go-9") in found.readable
    assert found.tools["go_home"] == str(path.parent / "opt" / "go-9")


def test_what_is_shown_holds_nothing_private():
    for row in RUNTIMES:
        for pattern in row.configuration:
            for shown in Path("/").glob(pattern.lstrip("/")):
                assert shown.stat().st_mode & stat.S_IROTH, f"{shown} is not for everybody"
