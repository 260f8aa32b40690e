"""A file's language by its name, else by its first line."""

import pytest

from yunque.code import lexing
from yunque.code.languages import LANGUAGES, PARSED, is_stub, language_by_signs, language_of, named, row_of


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


@pytest.mark.parametrize("field", ["endings", "file_names", "interpreters", "aliases"])
def test_every_name_belongs_to_one_language(field):
    names = [name for row in LANGUAGES.values() for name in getattr(row, field)]
    assert names and len(names) == len(set(names)) and all(name == name.lower() for name in names)
    assert field != "aliases" or not set(names) & set(LANGUAGES)


def test_a_language_is_found_by_what_people_call_it():
    words = {"py": "python", "C++": "cpp", "c#": "csharp", "golang": "go", "Bash": "shell", "jsx": "javascript", "ir": "r"}
    words |= {"python": "python", "rkt": "racket", "cobol 2002": "", "": ""}
    assert {word: named(word) for word in words} == words


def test_a_dialect_has_what_it_does_not_say_itself_from_its_language():
    tsx, javascript = LANGUAGES["tsx"], LANGUAGES["javascript"]
    assert tsx.functions == javascript.functions and tsx.lexer == "script" and tsx.line_breaks_are_alike
    assert "internal_module" in tsx.scopes and "internal_module" not in javascript.scopes
    assert (tsx.endings, tsx.interpreters, tsx.aliases) == ((".tsx",), (), ())
    assert [row_of(name).family for name in ("tsx", "typescript", "cpp", "c", "cobol", "of nobody")] == [
        "javascript", "javascript", "c", "c", "cobol", "of nobody"
    ]  # fmt: skip


def test_every_language_that_is_parsed_has_all_that_is_asked_of_it():
    for row in PARSED.values():
        assert row.functions and row.blocks and row.rooms and row.lexer and row.string_contents and row.endings, row.name
    assert {row.line_comment for row in PARSED.values()} == {"#", "//"}
    assert (LANGUAGES["lua"].line_comment, LANGUAGES["html"].line_comment) == ("--", "")


def test_every_lexer_is_a_family():
    assert {row.lexer for row in LANGUAGES.values()} - {""} == set(lexing._FAMILIES)


@pytest.mark.parametrize("path", [".env", "deploy/.env.production", ".env.local", "app.env", ".npmrc", ".pgpass"])
def test_files_of_settings_are_text_so_that_their_secrets_are_found(path):
    assert language_of(path, b"X=1\n") == "text"


LOOKS = {
    "python": "    def push(self, item):\n        self.items.append(item)\n\n    @property\n    def top(self):\n",
    "javascript": "const items = list.map((item) => item.name);\nif (items === undefined) {\n",
    "typescript": "interface Item { name: string; }\nconst items: string[] = list.map((item) => item.name);\n",
    "go": "func Read(path string) error {\n\tfile, err := os.Open(path)\n\tif err != nil {\n",
    "rust": "impl Stack {\n    pub fn push(&mut self, item: i32) {\n        let mut a = vec![1];\n",
    "java": "public class A {\n    private final int size;\n    public int size() {\n",
    "c": "#include <stdio.h>\nint main(void) {\n    char *name = NULL;\n",
    "cpp": "#include <vector>\nstd::vector<int> items;\nfor (auto item = items.begin();",
    "ruby": "  def push(item)\n    @items = [item]\n  end\n",
    "php": "public function push($item) {\n    $this->items[] = $item;\n",
    "shell": 'if [ -z "$NAME" ]; then\n  echo none\nfi\n',
}


@pytest.mark.parametrize("language", LOOKS)
def test_a_piece_of_code_is_known_by_its_look(language):
    assert language_by_signs(LOOKS[language]) == language


@pytest.mark.parametrize("text", ["", "one two three", "x = 1", "{\n}\n"])
def test_what_looks_like_nothing_has_no_language(text):
    assert language_by_signs(text) == ""
