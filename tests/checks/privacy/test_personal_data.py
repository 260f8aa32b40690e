"""Personal data is found to the byte and never said; documentation, private networks and versions are nobody's."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunque.checks.canaries import canary, doubt
from yunque.checks.privacy import personal_data
from yunque.checks.privacy.personal_data import PersonalData, find_personal
from yunque.core.nouns import Outcome
from yunque.core.seams import BatchCheck, ProvenCheck

AT = "@"
MAIL = f"ada.byron{AT}adatum.net"


def judge(text: str, **options):
    return PersonalData(**options).judge(canary(text, "python").record)


def found(text: str, **options) -> list[tuple[str, str]]:
    data = text.encode("utf-8", "surrogatepass")
    return [(one.rule, data[slice(*one.span_bytes)].decode()) for one in judge(text, **options).findings]


def test_canaries(monkeypatch):
    assert isinstance(PersonalData(), ProvenCheck) and isinstance(PersonalData(), BatchCheck) and doubt(PersonalData()) == ""
    monkeypatch.setitem(personal_data.FINDERS, "email", lambda data: iter(()))
    assert "did not see a planted 'email'" in doubt(PersonalData())


@pytest.mark.parametrize(
    "text",
    [
        f"ask {MAIL} first",
        f"<{MAIL}>",
        f'"email": "{MAIL}",',
        f'["to = \\"{MAIL}\\"\\n"]',
        f"mailto:{MAIL}?subject=x",
        f"17,{MAIL},active",
        f"Ünïcode ✓ {MAIL}.",
    ],
)
def test_mail(text):
    assert found(text) == [("email", MAIL)]


@pytest.mark.parametrize("sign", ["%40", "\\u0040", "&#64;"])
def test_mail_in_other_writings(sign):
    written = MAIL.replace("@", sign)
    assert found(f"https://bodega.net/?email={written}&x=1 ") == [("email", written)]


@pytest.mark.parametrize(
    "text",
    [
        "user@example.com a@example.org b@sub.example.net x@y.example",
        "noreply@adatum.net no-reply@adatum.net 123+ada@users.noreply.github.com",
        "git@github.com:ada/x.git ssh://git@adatum.net/x.git https://ada@adatum.net/x",
        "@types/node@18.0.1 icon@2x.png a@b.T getty@tty1.service",
        "127.0.0.1 10.0.0.7 172.16.3.4 192.168.1.1 169.254.169.254 0.0.0.0 255.255.255.0 224.0.0.1",
        "93.184.0.0/16 192.0.2.7 198.51.100.3 203.0.113.9 2001:db8::1 ::1 fe80::1 fd00::1 2002:7f00:1::1",
        "192.0.0.9 8.8.8.8 1.1.1.1 93.184.216.34 111.112.113.114 88.88.88.88",
        'version = "93.184.77.12" and Chrome/120.0.6099.109 and section 4.33.2.1',
        "/home/user/x /home/celery/x /home/my_templates/x /home/runner/x /Users/Shared/x https://x.net/home/ada/x",
        "card 4242 4242 4242 4242 and card 4000000000000002 and card 4539 1488 0343 6468",
        "phone +1 212 555 0123, offset+34612345987",
        "'8.31.12.4' author = user\nmoreauthor: Ada Byron\n# Author: anonymous",
        "# Author: The Project Developers\n# Copyright (c) 2024 Widget Inc.\n# created by Amazon Security Lake",
    ],
)
def test_what_is_nobodys(text):
    assert judge(text + "\n").outcome is Outcome.PASS, found(text)


@pytest.mark.parametrize(
    ("text", "rule", "value"),
    [
        ("93.184.77.12 - - [02/Jan/2024]", "ipv4", "93.184.77.12"),
        ("allow 93.184.77.12;", "ipv4", "93.184.77.12"),
        ('"http://[2a01:4f8:12:ab::2]:80/"', "ipv6", "2a01:4f8:12:ab::2"),
        ('href="tel:+34612345987"', "phone", "+34612345987"),
        ("Phone: +44 20 7123 4567", "phone", "+44 20 7123 4567"),
        ('"uri": "file:///home/abyron/a.py"', "home-folder", "abyron"),
        ('p = "C:\\\\Users\\\\abyron\\\\x"', "home-folder", "abyron"),
        ("__author__ = 'Ada Byron'", "author-name", "Ada Byron"),
        ('authors = [{name = "Ada Byron", email = "x@example.com"}]', "author-name", "Ada Byron"),
        ("Signed-off-by: Ada O'Byron-King <x@example.com>", "author-name", "Ada O'Byron-King"),
        ("Author: María Núñez de la Peña", "author-name", "María Núñez de la Peña"),
        ("<developer><name>Ada Byron</name></developer>", "author-name", "Ada Byron"),
        ("spec.authors = ['Ada Byron']", "author-name", "Ada Byron"),
        ('cidr_blocks = ["93.184.77.12/32"]', "ipv4", "93.184.77.12"),
        ("17,x,+34612345987,active", "phone", "+34612345987"),
        ("Contributed by Ada Byron.", "author-name", "Ada Byron"),
        (".. codeauthor:: Ada Byron <x@example.com>", "author-name", "Ada Byron"),
        ("Author:\n    Ada Byron", "author-name", "Ada Byron"),
        ("# Maintainer: abyron", "author-name", "abyron"),
        ('git config user.name "Ada Byron"', "author-name", "Ada Byron"),
        ("FROM scratch:1\nMAINTAINER Ada Byron", "author-name", "Ada Byron"),
        ('"contributors": ["Ada Byron"]', "author-name", "Ada Byron"),
        ("psql -h 31.13.24.9", "ipv4", "31.13.24.9"),
        ("HOST = '8.31.12.4'", "ipv4", "8.31.12.4"),
    ],
)
def test_kinds(text, rule, value):
    assert found(text + "\n") == [(rule, value)]


def test_several_authors_in_a_list():
    text = 'authors = [{name = "Ada Byron", email = "a@example.com"}, {name = "Grace Pinter", email = "g@example.com"}]\n'
    assert [value for _, value in found(text)] == ["Ada Byron", "Grace Pinter"]


def test_names_of_authors_are_looked_for_where_they_are_given():
    text = "# thanks to Ada Byron, not to Adam Byrony or MrAda Byrons\n"
    assert found(text) == [] and found(text, names=["Ada Byron"]) == [("author-name", "Ada Byron")]


def test_copyright_is_kept_unless_asked():
    text = "# Copyright (c) 2021 Ada Byron\n"
    assert found(text) == [] and found(text, keep_copyright=False) == [("author-name", "Ada Byron")]


def test_nothing_of_it_is_said():
    said = repr(judge(f"# {MAIL} at 93.184.77.12, /home/abyron/x\n"))
    assert not any(word in said for word in ("ada.byron", "adatum", "93.184", "abyron"))


def test_values_count_by_kind():
    assert judge(f"{MAIL} {MAIL} 93.184.77.12\n").values == {"personal": 3.0, "email": 2.0, "ipv4": 1.0}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece", ["a", "\0", "@", "1", "1.", "+34", "a@b.com ", "author: A B, ", "/home/", "ES91", "0000:", "A", "@a."]
)
def test_no_line_is_too_long(piece, within):
    with within(6):  # it takes a sixth, and two thirds where every line is traced
        judge(piece * (2_000_000 // len(piece) // (1 if len(piece) == 1 else 10)))


@pytest.mark.parametrize("before", ["", "\0" * 9, "\ud800", "\ufeff", "ñ✓𝒳\n", "a\r\nb\r\n"])
def test_places_are_right_whatever_stands_before(before):
    (one,) = judge(text := before + f"\r\n# {MAIL}\r\n").findings
    assert text.encode("utf-8", "surrogatepass")[slice(*one.span_bytes)] == MAIL.encode()
    assert one.line == before.count("\n") + 2


@given(st.text(alphabet=st.sampled_from("aZ09@.:+-/ \\\n'\"ñ%ESX(){}="), max_size=200))
def test_places_never_overlap_and_stand_in_the_text(text):
    data, last = text.encode(), 0
    for kind, start, end in find_personal(data):
        assert kind in personal_data.FINDERS and last <= start < end <= len(data)
        last = end


def test_a_notebook_as_it_lies():
    assert found(json.dumps({"source": [f"to = '{MAIL}'\n"], "text": "/home/abyron/x\n"})) == [
        ("email", MAIL),
        ("home-folder", "abyron"),
    ]
