"""A file's language by its name, else by its first line."""

import pytest

from yunque.code.functions import LANGUAGES
from yunque.code.languages import OTHERS, PARSED, is_stub, language_of


@pytest.mark.parametrize(
    ("path", "head", "language"),
    [
        ("a/b.py", b"", "python"),
        ("A.PY", b"", "python"),
        ("a.kt", b"", "kotlin"),
        ("Makefile", b"", "makefile"),
        ("Gemfile", b"", "ruby"),
        ("tool", b"#!/usr/bin/env python3\n", "python"),
        ("tool", b"#!/bin/bash -e\n", "shell"),
        ("tool", b"#!/usr/bin/env -S deno run\n", "javascript"),
        ("tool", b"#!/usr/bin/ruby\n", "ruby"),
        ("tool", b"print(1)\n", ""),
        ("a.json", b"", ""),
        ("a.ts", b"<?xml version='1.0'?>\n<TS>", ""),
        ("a.ts", b"let a = 1", "typescript"),
        ("a.rs", b"<?xml version='1.0'?>", ""),
        ("a.inc", b"<?php\n", "php"),
        ("a.inc", b"#define A", ""),
        ("a.sol", b"", "solidity"),
        ("a.xyz", b"#!/bin/sh", ""),
    ],
)
def test_what_a_file_is(path, head, language):
    assert language_of(path, head) == language


def test_a_header_is_what_its_tree_is():
    assert (language_of("a.h", b""), language_of("a.h", b"", headers_are_cpp=True)) == ("c", "cpp")


def test_stubs_are_known_by_name():
    assert is_stub("a.pyi") and is_stub("b.D.TS") and not is_stub("a.py")


def test_every_ending_belongs_to_one_language():
    endings = [ending for table in (PARSED, OTHERS) for endings in table.values() for ending in endings]
    assert len(endings) == len(set(endings)) and all(ending == ending.lower() for ending in endings)
    assert not set(PARSED) & set(OTHERS)


def test_what_is_called_parsed_is():
    assert set(PARSED) == set(LANGUAGES)


@pytest.mark.parametrize("path", [".env", "deploy/.env.production", ".env.local", "app.env", ".npmrc", ".pgpass"])
def test_files_of_settings_are_text_so_that_their_secrets_are_found(path):
    assert language_of(path, b"X=1\n") == "text"
