"""A value that was found once is found wherever it stands, and an ordinary word is not."""

from __future__ import annotations

import pickle
from dataclasses import astuple

import pytest

from yunque.core.nouns import Finding
from yunque.data.screening.known_values import ValueIndex, known_values

SALT = "only for tests"
SECRET = "vK3x" + "Qp9LmZ2w"


def known(value: str, rule: str = "generic-password", text: str = "key = '{}'\n") -> list:
    start = len(text.partition("{}")[0].encode())
    finding = Finding(rule=rule, message="", span_bytes=(start, start + len(value.encode())))
    return list(known_values(text.replace("{}", value), [finding], SALT))


def found(text: str, *values) -> list[str]:
    data = text.encode()
    return [data[slice(*one.span_bytes)].decode() for one in ValueIndex(values, SALT).find(text)]


@pytest.mark.parametrize(
    "text",
    ["log in with {}.", "{}", "<b>{}</b>", "é{}é", "postgres://root:{}@db/x", "a,{},b\n{}\n", "x" * 9 + "-{}"],
)
def test_a_secret_is_found_without_a_sign(text):
    assert found(text.replace("{}", SECRET), *known(SECRET)) == [SECRET] * text.count("{}")


@pytest.mark.parametrize("text", ["a{}", "{}9", "_{}", "{}_x"])
def test_only_as_a_whole_word(text):
    assert found(text.replace("{}", SECRET), *known(SECRET)) == []


@pytest.mark.parametrize("value", ["correct-horse.Battery9", "p@ss w0rd here!", "«geheimnis»", "line one\nline2 of it"])
def test_values_of_any_shape(value):
    assert found(f"# {value} #\n", *known(value)) == [value]


@pytest.mark.parametrize("value", ["changeme", "my_secret", "PASSWORD_ONE", "hunter2", "Password", "12345678", "a-b-c-d-e"])
def test_words_that_say_nothing_elsewhere_are_not_looked_for(value):
    assert known(value) == []


@pytest.mark.parametrize(
    ("rule", "value", "text", "number"),
    [
        ("author-name", "Ada Byron", "# asked Ada Byron about it", 1),
        ("author-name", "Ada Byron", "# Copyright 2024 Ada Byron", 0),
        ("author-name", "Ada Byron", "# Ada Byrones", 0),
        ("author-name", "abyron", "git clone https://host/abyron/tool", 1),
        ("author-name", "abyron", "abyron = 3  # thanks @abyron", 1),
        ("home-folder", "summer", "def summer(): return 'summer'", 0),
        ("home-folder", "summer", "cd ~summer/work", 1),
        ("email", "ada.byron" + "@adatum.net", "git://ada.byron" + "@adatum.net/x", 1),
        ("phone", "+34 612 345 987", "(+34 612 345 987)", 0),
    ],
)
def test_people(rule, value, text, number):
    assert found(text, *known(value, rule)) == [value] * number


def test_one_value_has_one_rule_and_stands_nowhere_in_what_is_kept():
    values = [*known(SECRET, "postgres"), *known(SECRET, "generic-password")]
    index = ValueIndex(values, SALT)
    assert index.rule_of(SECRET.encode(), "postgres") == "generic-password"
    assert index.rule_of(b"another", "postgres") == "postgres"
    assert not any(SECRET in str(astuple(one)) for one in values)
    assert SECRET.encode() not in pickle.dumps(index)
    assert ValueIndex(reversed(values), SALT).identity == index.identity != ValueIndex(values[:1], SALT).identity
    assert found(SECRET, *known_values(f"'{SECRET}'", [Finding(rule="x", message="", span_bytes=(1, 13))], "other")) == []
