"""A comment and its block: what belongs to it, what does not, and which comments say nothing of the code below."""

# ruff: noqa: E501 - sources in one line

import pytest

from yunque.core.nouns import Origin, Record, content_id
from yunque.data.pairs.comment_blocks import commented_blocks


def record(text: str, language: str = "python", path: str = "pkg/m") -> Record:
    origin = Origin(source="repo", path=path, revision="1", licence="MIT", collected_at="2026-01-01T00:00:00")
    return Record(id=content_id(text, path), text=text, language=language, origin=origin)


def blocks(text: str, language: str = "python") -> list[tuple[str, str]]:
    data = text.encode()
    found = commented_blocks(record(text, language))
    for one in found:
        assert one.comment_start_byte < one.start_byte < one.end_byte <= len(data)
        assert data[one.start_byte - 1 : one.start_byte] == b"\n" and data[one.end_byte : one.end_byte + 1] in (
            b"\r",
            b"\n",
            b"",
        )
    return [(one.comment, data[one.start_byte : one.end_byte].decode()) for one in found]


def in_python(comment: str, below: str) -> str:
    return "def f(a):\n    " + "\n    ".join([*comment.split("\n"), *below.split("\n")]) + "\n"


# language -> (text, the comment, the block)
EVERY_LANGUAGE = {
    "python": ("def f(a):\n    # put both together, ñ\n    a = 1  # why\n    g(a)\n\n    h(a)\n", "    a = 1  # why\n    g(a)"),
    "javascript": ("const f = () => {\n\t// put both together, ñ\n\tlet a = 1;\n\tg(a);\n}\n", "\tlet a = 1;\n\tg(a);"),
    "typescript": ("function f(): void {\n  // put both together, ñ\n  const a = 1\n  g(a)\n}\n", "  const a = 1\n  g(a)"),
    "tsx": ("function f() {\n  // put both together, ñ\n  return <a>{x}</a>;\n}\n", "  return <a>{x}</a>;"),
    "java": ("class A { int f() {\n  // put both together, ñ\n  int a = 1;\n  return a; /* c */\n} }\n", "  int a = 1;\n  return a; /* c */"),
    "go": ("package p\nfunc F() {\n\t// put both together, ñ\n\ta := 1\n\tg(a)\n}\n", "\ta := 1\n\tg(a)"),
    "rust": ("fn f() -> u8 {\n    // put both together, ñ\n    let a = 1;\n    a\n}\n", "    let a = 1;\n    a"),
    "c": ("int f(void) {\n  /* put both together, ñ */\n  int a = 1;\n  return a;\n}\n", "  int a = 1;\n  return a;"),
    "cpp": ("struct S { void f() {\n  // put both together, ñ\n  auto a = g();\n  h(a);\n} };\n", "  auto a = g();\n  h(a);"),
    "php": ("<?php\nfunction f() {\n  # put both together, ñ\n  $a = 1;\n  return $a;\n}\n", "  $a = 1;\n  return $a;"),
    "ruby": ("def f\n  x.each do |y|\n    # put both together, ñ\n    a = y\n    g a\n  end\nend\n", "    a = y\n    g a"),
    "shell": ("# put both together, ñ\na=1\ng $a\n\nh\n", "a=1\ng $a"),
    "solidity": ("contract A { function f() public {\n  // put both together, ñ\n  a = 1;\n  g(a);\n} }\n", "  a = 1;\n  g(a);"),
}  # fmt: skip


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_every_language(language, newline):
    text, block = (part.replace("\n", newline) for part in EVERY_LANGUAGE[language])
    assert blocks(text, language) == [("put both together, ñ", block)]


def test_a_block_ends_at_a_comment_a_dedent_and_where_nothing_is_shared():
    text = """\
def f(a, b):
    if a:
        # first the small ones
        a = 1
        for c in a:
            # then each of them
            d(c)

            e(c)
    # and now the large ones
    b = 2
    return b
    # nothing comes after this
"""
    assert blocks(text) == [
        ("first the small ones", text[text.index("        a = 1") : text.index("\n    # and now")]),
        ("then each of them", "            d(c)"),
        ("and now the large ones", "    b = 2\n    return b"),
    ]
    found = blocks(in_python("# count all of them", "a = 1\nb = 2\nc = 3\nreturn b"))
    assert found == [("count all of them", "    a = 1\n    b = 2")]


def test_several_lines_are_one_comment_and_an_instruction_in_it_spoils_it():
    assert blocks(in_python("# count all\n# of them once", "a = 1")) == [("count all\nof them once", "    a = 1")]
    assert blocks(in_python("# count all\n# pylint: disable=all", "a = 1")) == []


@pytest.mark.parametrize(
    "comment",
    [
        "# TODO: make it faster than it is",
        "# eslint-disable-next-line no-console",
        "# noqa: it is fine as it is",
        "# -----------------------------",
        "# ======== the second part ========",
        "# x = compute(a, b)",
        "# if x:\n#     y = compute(a)",
        "# Copyright 2020 by the authors of it",
        "# Licensed under the terms of some text",
        "# see the other function for it",
        "# NOTE: this is slow on some machines",
        "# taken from some other project",
        "# two words",
        "# e.g. the other one of them",
        "# a comment with a TODO: in the middle",
        "# https://example.org/some/page/of/words\n# two words",
        "# 1 2 3 4 5 6 7 8 9 10 11 12 a b c",
        "#",
    ],
)
def test_what_says_nothing_of_the_code_below(comment):
    assert blocks(in_python(comment, "a = 1")) == []


@pytest.mark.parametrize(
    "text",
    [
        "# a title of what follows\na = 1\n",  # at module level
        "class A:\n    # the size of a thing\n    size = 1\n",  # in a class
        "def f(a):\n    # an inner function of it\n    def g():\n        return 1\n    return g\n",
        "def f(a):\n    if a:\n        return 1\n    # what else there may be\n    else:\n        return 2\n",
        "def f(a):\n    return g(\n        # the first of them all\n        a,\n    )\n",
        "def f(a):\n    a = 1  # behind some code here\n    return a\n",
        "def f(a):\n    # count all of them\n\n    a = 1\n",  # a blank line lies between
        "def f(a):\n    # count all of them\n",
        "def f(a):\n    # count all of them\n    " + "\n    ".join(f"a = a + {n}" for n in range(20)) + "\n",
        "def test_f():\n    # check that it is small\n    a = 1\n",
    ],
)
def test_no_block(text):
    assert blocks(text) == []


@pytest.mark.parametrize("language", sorted(EVERY_LANGUAGE))
@pytest.mark.parametrize(
    "text",
    ["", "\n", "# only a comment here", "/* not closed at all", "def f(:\n    # a b c\n", "\x00# a b c\n x", "{" * 5000],
)
def test_bad_input_gives_nothing_or_exact_places(text, language):
    blocks(text, language)
