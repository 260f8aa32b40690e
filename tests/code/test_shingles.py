"""Windows of code tokens: what counts and what does not, against a plain tokenizer; the same everywhere; hostile texts."""

import random
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunque.code.languages import LANGUAGES
from yunque.code.lexing import scan
from yunque.code.shingles import distinct, jaccard, shingle

PLAIN = re.compile(rb"[A-Za-z0-9_\x80-\xff]+|[^\sA-Za-z0-9_\x80-\xff\x00-\x20\x7f]")

GOLDEN = [17958588013099047697, 15950719839195249903]


def alone(text, language="python", window=5):
    return shingle([text], [language], window)


def tokens(text, language="python"):
    return alone(text, language).tokens.tolist()


def plain_tokens(text):
    return PLAIN.findall(text.encode("utf-8", "surrogatepass"))


def plain_windows(text, window):
    words = plain_tokens(text)
    return {tuple(words[at : at + window]) for at in range(len(words) - window + 1)}


def test_a_fixed_text_gives_fixed_hashes():
    found = alone('def f(x):  # says\n    return x + "a string"\n')
    assert found.windows[:2].tolist() == GOLDEN
    assert len(found.tokens) == 10 and len(found.windows) == 6


@given(st.lists(st.text(alphabet="ab_9.+(é \n\t€" + "x" * 3, max_size=80), max_size=6), st.integers(1, 6))
def test_tokens_and_windows_are_those_of_a_plain_tokenizer(texts, window):
    found = shingle(texts, ["unknown"] * len(texts), window)
    assert len(found) == len(texts)
    for at, text in enumerate(texts):
        words = plain_tokens(text)
        ours = found.tokens[found.token_bounds[at] : found.token_bounds[at + 1]].tolist()
        assert len(ours) == len(words)
        assert len(set(ours)) == len(set(words)) == len(set(zip(ours, words, strict=True)))
        assert len(found.sets()[at]) == len(plain_windows(text, window))


@given(st.text(alphabet="abc(). \n", max_size=120), st.text(alphabet="abc(). \n", max_size=120))
def test_similarity_is_that_of_the_plain_sets(one, other):
    left, right = plain_windows(one, 3), plain_windows(other, 3)
    expected = len(left & right) / len(left | right) if left | right else 1.0
    found = shingle([one, other], ["unknown"] * 2, 3)
    assert jaccard(found.sets()[0], found.sets()[1]) == pytest.approx(expected)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_a_text_has_the_same_windows_alone_and_among_others(texts):
    together = shingle(texts, ["python"] * len(texts))
    for at, text in enumerate(texts):
        assert together.sets()[at].tolist() == alone(text).sets()[0].tolist()
        assert together.code_digest(at) == alone(text).code_digest(0)


SAMPLES = {
    "python": 'x = 1  # one\ns = "# no" + \'it\'\n"""doc # no\n"""\ny = f(s)\n',
    "c": '// a\nint x = \'"\'; /* b " */ char *s = "/* no */"; // end',
    "go": '// a\nvar s = `// no " \\` + "x" /* y */ + \'a\'\n',
    "script": "// a\nlet r = x.match(/[/\"']#/g), d = a / b / c; /* z */ f(`//`, 'q')\n",
    "php": "<?php // a\n#[Attr]\n# b\n$x = '# no'; /* c */",
    "shell": "# a\necho ${#x} $# 'a # no' x#y # b\n",
    "sql": "-- a\nselect a-b, '--no' /* c */ from t",
}


@pytest.mark.parametrize("language", sorted(row.name for row in LANGUAGES.values() if row.lexer))
def test_the_comments_that_are_dropped_are_those_that_the_checks_see(language):
    text = SAMPLES[LANGUAGES[language].lexer]
    bare, comments = text, scan(text, language).comments
    assert comments
    for start, end in reversed(comments):
        bare = bare[:start] + " " + bare[end:]
    assert scan(text, language).num_strings > 0 or language == "go"
    assert tokens(text, language) == tokens(bare, language)
    assert len(tokens(text, language)) < len(plain_tokens(text))


@pytest.mark.parametrize(
    "other",
    [
        "# Copyright (c) 2020 The Authors\n# Licensed under the MIT License\n\ndef f(a, b):\n    return a + g('x y')\n",
        "def f(a,b): return a+g('x y')",
        'def f(\n    a, b\n):\n    # why\n    return a + g("x y")',
        "def f(a, b):\r\n\treturn a + g('x y')\r\n",
    ],
)
def test_comments_space_and_quotes_say_nothing(other):
    text = "def f(a, b):\n    return a + g('x y')\n"
    assert tokens(other) == tokens(text)
    assert alone(other).code_digest(0) == alone(text).code_digest(0)


@pytest.mark.parametrize(
    "other",
    ["def F(a):\n  return a + 1", "def f(a):\n  return a + 2", "def f(a):\n  return a - 1", "def f(a):\n  return 1 + a"],
)
def test_case_numbers_operators_and_order_count(other):
    text = "def f(a):\n  return a + 1"
    assert alone(other).code_digest(0) != alone(text).code_digest(0)


def test_names_differ_wherever_they_differ():
    names = ["a" * size for size in range(1, 200)] + ["a" * at + "b" + "a" * (199 - at) for at in range(200)]
    assert len({tokens(name)[0] for name in names}) == len(names)


def test_strings_are_one_token_each_and_in_their_places():
    assert len(tokens("f('a b c', \"d e\", '''x\ny''')")) == 8
    assert tokens("f('a', 'b')") != tokens("f('b', 'a')")
    assert tokens("f('a\x01')") != tokens("f(\x01'b')")
    assert len(tokens("a \x01 b 'c' \x01")) == 3  # the control character that stands for strings inside


def test_texts_under_a_window_have_none():
    found = shingle(["", "a b", "a b c d e", "#x"], ["python"] * 4)
    assert np.diff(found.window_bounds).tolist() == [0, 0, 1, 0]
    assert np.diff(found.token_bounds).tolist() == [0, 2, 5, 0]
    assert len(shingle([], [])) == 0


def test_sets_are_sorted_and_distinct():
    numbers = np.array([3, 1, 3, 2, 1], dtype=np.uint32)
    assert distinct(numbers).tolist() == [1, 2, 3]
    assert jaccard(distinct(numbers), np.array([2, 4], dtype=np.uint32)) == 0.25
    assert jaccard(numbers[:0], numbers[:0]) == 1.0 and jaccard(numbers[:0], distinct(numbers)) == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "\ud800 x\x00y",
        "'" * 200_000,
        '"""' + "a " * 100_000,
        "x" * 1_000_000,
        "/*" * 200_000,
        "\\\n" * 100_000,
        "é" * 300_000,
    ],
)
@pytest.mark.parametrize("language", ["python", "javascript", "c", "shell", "unknown"])
def test_hostile_texts_take_linear_time(text, language, within):
    with within(10):
        alone(text, language)


def test_hashes_spread():
    """No bit of a window's hash leans to one side, and small changes change half of the bits."""
    draw = random.Random(1)
    text = " ".join(f"n{draw.randrange(5000)}" for _ in range(20_000))
    bits = np.unpackbits(alone(text).windows.view(np.uint8)).reshape(-1, 64).mean(axis=0)
    assert bits.min() > 0.48 and bits.max() < 0.52
    assert len(set(alone(text).windows.tolist())) > 19_980
