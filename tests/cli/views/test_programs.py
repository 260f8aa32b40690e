"""`yunque run`: what a person sees of a program in the sandbox."""

import json
from functools import partial

import pytest

pytestmark = pytest.mark.usefixtures("box")


@pytest.fixture
def run(forked, tmp_path):
    return partial(forked.run, "run", cwd=tmp_path)


@pytest.fixture
def program(tmp_path):
    def write(text, name="main.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_output_arguments_and_input_go_through(run, program):
    given = program("line\n", "in.txt")
    done = run(
        program("import sys; print(sys.argv[1:], input()); print('e', file=sys.stderr)"), "--stdin", given, "--", "a", "-b"
    )
    assert (done.returncode, done.stdout) == (0, "['a', '-b'] line\n")
    error, summary = done.stderr.splitlines()
    assert error == "e" and summary.startswith("exit status 0; ") and "; tier " in summary


def test_as_json(run, program):
    done = run(program("print('ñ')"), "--json")
    seen = json.loads(done.stdout)
    assert (seen["language"], seen["stage"], seen["stdout"], seen["exit_code"]) == ("python", "ran", "ñ\n", 0)


@pytest.mark.parametrize(
    ("text", "option", "says"),
    [
        ("raise SystemExit(3)", (), "exit status 3; "),
        ("while True: pass", ("--time", "0.5"), "out of time; "),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", (), "signal 11; "),
        ("x = bytearray(10**9)", ("--memory", "100"), "exit status 1; "),
    ],
)
def test_a_program_that_fails_is_status_1(run, program, text, option, says):
    done = run(program(text), *option)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(says)


@pytest.mark.parametrize(
    ("name", "option", "says"),
    [
        ("main.py", ("--lang", "pyton"), "no language named 'pyton'; did you mean 'python'?"),
        ("main.what", (), "no language is known by this ending; name one with --lang"),
        ("main.py", ("--time", "0"), "wall_s is 0.0; use a number above zero"),
        ("main.py", ("--memory", "-5"), "memory_bytes is -5242880; use a number above zero"),
        ("main.py", ("--tier", "docker"), "no such tier: 'docker'"),
        ("main.py", ("--tier", "rlimits"), "tier rlimits isolates nothing"),
        ("main.py", ("--stdin", "/no/such/file"), "/no/such/file: cannot be read"),
    ],
)
def test_what_a_user_can_mend_is_one_line(run, program, name, option, says):
    done = run(program("print(1)", name), *option)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert says in line


def test_a_file_that_is_not_there_or_not_text(run, program, tmp_path):
    assert "cannot be read" in run(tmp_path / "nope.py").stderr
    binary = tmp_path / "binary.py"
    binary.write_bytes(b"\xff\xfe")
    done = run(binary)
    assert done.returncode == 2 and "cannot be read" in done.stderr and "Traceback" not in done.stderr


def test_a_missing_toolchain_says_what_to_install(run, program, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run(program("fn main() {}", "main.rs"))
    assert done.returncode == 2 and "rustc is not installed; apt install rustc" in done.stderr


def test_unsafe_is_said_aloud(run, program):
    done = run(program("print(1)"), "--tier", "rlimits", "--unsafe")
    assert done.stdout == "1\n" and done.stderr.splitlines()[-1].endswith("tier rlimits")


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"\xef\xbb\xbfprint('a')", "a"),
        ("# -*- coding: latin-1 -*-\nprint('é')".encode("latin-1"), "é"),
        ("#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nprint('€')".encode("cp1252"), "€"),
        ("# coding: utf-8\nprint('é')".encode(), "é"),
    ],
)
def test_files_are_read_as_python_reads_them(run, tmp_path, data, shown):
    (tmp_path / "main.py").write_bytes(data)
    done = run(tmp_path / "main.py")
    assert (done.returncode, done.stdout) == (0, f"{shown}\n")


def test_an_encoding_that_python_does_not_know_is_one_line(run, tmp_path):
    (tmp_path / "main.py").write_bytes(b"# coding: nonsense\nprint(1)")
    done = run(tmp_path / "main.py")
    assert done.returncode == 2 and "unknown encoding" in done.stderr and "Traceback" not in done.stderr


def test_a_byte_order_mark_is_no_part_of_another_language(run, tmp_path):
    (tmp_path / "main.sh").write_bytes(b"\xef\xbb\xbfecho ok")
    assert run(tmp_path / "main.sh").stdout == "ok\n"
