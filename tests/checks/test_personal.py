"""Personal data: found with their exact bytes, by plan and check digit; documentation, machines and versions are nobody."""

from __future__ import annotations

import time

import pytest

from yunque.checks.personal import FINDERS, PersonalData, find_personal
from yunque.checks.trust import canary, doubt
from yunque.core.nouns import Outcome

AT = "@"
IP = ".".join(("93", "184", "77", "12"))


def found(text, **options):
    data = text.encode()
    return [(kind, data[start:end].decode()) for kind, start, end in find_personal(data, **options)]


def test_canaries_for_every_kind():
    assert doubt(PersonalData()) == ""
    assert {one.finds for one in PersonalData().canaries() if one.finds} == set(FINDERS)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (f"# ¿quién? ada.byron{AT}adatum.net\n", ("email", f"ada.byron{AT}adatum.net")),
        (f"<a href='mailto:ada{AT}adatum.net'>\n", ("email", f"ada{AT}adatum.net")),
        (f"host = '{IP}'\n", ("ipv4", IP)),
        ("tel: +49 30 " + "9012 3456\n", ("phone", "+49 30 " + "9012 3456")),
        ("/Users/" + "abyron/notes\n", ("home-folder", "abyron")),
        ("C:\\\\Users\\\\" + "abyron\\\\notes\n", ("home-folder", "abyron")),
        ("Signed-off-by: " + "Ada Byron\n", ("author-name", "Ada Byron")),
        ("# @author " + "María del Carmen Núñez\n", ("author-name", "María del Carmen Núñez")),
    ],
)
def test_people(text, seen):
    assert found(text) == [seen]


@pytest.mark.parametrize(
    "text",
    [
        f"user{AT}example.com no-reply{AT}adatum.net git{AT}github.com:a/b.git\n",
        f"posix-rename{AT}openssh.com @types/node@18.0.1 a@b import a@1.2\n",
        "127.0.0.1 10.1.2.3 192.168.0.7 192.0.2.1 203.0.113.9 8.8.8.8 0.0.0.0 255.255.255.0\n",
        "version 93.184.77.12, >=93.184.77.12, Chrome/93.184.77.12\n",
        "::1 fe80::1 2001:db8::5\n",
        "/home/user/x /home/runner/work /Users/Shared/y\n",
        "+1 555 0100 and 1 + 34612345987\n",
        "card = '4242 4242 4242 4242'\n",
        "id = '45871236A'\n",
        "# Author: The Example Authors\n# @author unknown\n",
        "Copyright (c) 2020 Ada Byron\n",
    ],
)
def test_nobody(text):
    assert found(text) == []


def test_copyright_lines_are_kept_unless_asked():
    assert found("Copyright (c) 2020 Ada Byron\n", keep_copyright=False) == [("author-name", "Ada Byron")]


def test_no_message_holds_what_was_found():
    verdict = PersonalData().judge(canary(f"# ada.byron{AT}adatum.net at {IP}\n", "python").record)
    assert verdict.outcome is Outcome.FAIL and verdict.values == {"personal": 2.0, "email": 1.0, "ipv4": 1.0}
    assert "adatum" not in repr(verdict) and IP not in repr(verdict)


@pytest.mark.parametrize(
    "piece", ["@", "a@", "+1", "1.", "::", "/home/", "author: ", "A" * 6, "0000 ", "ES91", "a.b@c.", "\udcff@"]
)
def test_no_text_makes_it_slow(piece):
    started = time.perf_counter()
    PersonalData().judge(canary(piece * (300_000 // len(piece)), "python").record)
    assert time.perf_counter() - started < 5
