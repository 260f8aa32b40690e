"""The language of short prose: right or ``und``, never wrong, and English as it always was."""

import tomllib
from pathlib import Path

import pytest

from yunque.data.pairs.natural_language import natural_language

DOCSTRINGS = tomllib.loads((Path(__file__).parent / "docstrings.toml").read_text())
NEVER_WRONG = [(code, text) for code, texts in DOCSTRINGS.items() for text in texts]


@pytest.mark.parametrize(("code", "text"), NEVER_WRONG)
def test_a_short_docstring_is_right_or_not_told(code, text):
    assert natural_language(text) in (code, "und")


def test_most_are_told():
    told = {code: sum(natural_language(text) == code for text in texts) for code, texts in DOCSTRINGS.items()}
    assert sum(told.values()) >= 0.93 * len(NEVER_WRONG)
    assert all(2 * count >= len(DOCSTRINGS[code]) for code, count in told.items()), told
    assert told["en"] >= 11 and told["und"] == len(DOCSTRINGS["und"])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Adds α and β, and returns γ.", "en"),
        ("Returns the 合計 of it.", "und"),  # mixed half and half
        ("Calls `самый_первый` on the list, and returns it.", "en"),
        ("Öffnet die Datei.\n\n:param path: wo sie liegt\n:returns: ihre Zeilen", "de"),
        ("\x00\ud800" + "𝔘" * 50, "und"),
        ("a " * 200_000, "und"),
    ],
)
def test_mixed_and_odd_texts(text, code):
    assert natural_language(text) == code


def test_the_same_again_and_in_any_order():
    texts = [text for _, text in NEVER_WRONG]
    first = {text: natural_language(text) for text in texts}
    natural_language.cache_clear()
    assert {text: natural_language(text) for text in reversed(texts)} == first
