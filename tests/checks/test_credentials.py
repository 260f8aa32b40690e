"""Secrets: found with their exact bytes, never shown, never sent; what only looks like one is left alone."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from yunque.checks import credentials
from yunque.checks.credentials import MAX_FINDINGS, Secrets, find_secrets
from yunque.checks.trust import canary, doubt
from yunque.core.nouns import Outcome

pytest.importorskip("kingfisher_sdk", reason="kingfisher is not available here")
GITHUB = "ghp_" + "w4Tq9Zb7Lm2Xc8Vn5Rk3Jp6Hs1Gd0Fy7Ua4Q"
AWS = "AKIA" + "Q7ZB4LM9XC2VN3RK"
PASSWORD = "k3Xw9" + "Qz7pL!"
PEM = "-----BEGIN " + "RSA PRIVATE KEY-----"
BODY = "qT7Zb4Lm9Xc2Vn8Rk5Jp3Hs6Gd1Fy0UaW" * 2


def judge(text, language="python"):
    return Secrets().judge(canary(text, language).record)


def found(text):
    data = text.encode()
    return [data[one.start : one.end].decode() for one in find_secrets(data)]


def test_canaries():
    assert doubt(Secrets()) == ""


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f'token = "{GITHUB}"\n', GITHUB),
        (f"export AWS_ACCESS_KEY_ID={AWS}\n", AWS),
        (f'{{"db_password": "{PASSWORD}"}}\n', PASSWORD),
        (f"password: {PASSWORD}\n", PASSWORD),
        (f"url = 'postgres://ada:{PASSWORD.strip('!')}@db.adatum.net/x'\n", PASSWORD.strip("!")),
        (f"# ñ é 𝄞\r\n// token: {GITHUB}\r\n", GITHUB),
        (f"<password>{PASSWORD}</password>\n", PASSWORD),
        (f'KEY = """{PEM}\n{BODY}\n{BODY}\n-----END RSA PRIVATE KEY-----"""\n', f"{BODY}\n{BODY}"),
    ],
)
def test_secrets_with_their_exact_bytes(text, secret):
    assert found(text) == [secret]


@pytest.mark.parametrize(
    "text",
    [
        'password = os.environ["PASSWORD"]\n',
        'api_key = "YOUR_API_KEY"\ntoken = "<your token>"\npassword = "changeme"\n',
        f'sha256 = "{"0123456789abcdef" * 4}"\ncommit = "{"a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"}"\n',
        '"integrity": "sha512-'
        + "q0T7Zb4Lm9Xc2Vn8Rk5Jp3Hs6Gd1Fy0UaWq0T7Zb4Lm9Xc2Vn8Rk5Jp3Hs6Gd1Fy0UaWq0T7Zb4Lm9Xc2Vn8RkQ"
        + '=="\n',
        'request_id = "7f3c1b9e-4d2a-4c6f-9b8e-1a2b3c4d5e6f"\n',
        "password: Option<CffiBuf<'_>>,\n",
        'secret.write_text("col\\n1\\n2")\n',
        f"see {PEM} in the manual of https://csrc.nist.gov/pubs/sp/800/56/a/r3/final\n",
        "routing_key='0.0.0.0.1.0.1.0.0.0.1'\n",
        "def test_password(token, secret_key): pass\n",
        "postgres://postgres:postgres@localhost/test\n",
    ],
)
def test_what_only_looks_like_one(text):
    assert found(text) == []


def test_the_secret_is_in_no_message(caplog, capfd):
    verdict = judge(f'token = "{GITHUB}"\ndb_password = "{PASSWORD}"\n')
    assert verdict.outcome is Outcome.FAIL and verdict.values == {"secrets": 2.0, "certain": 1.0}
    said = repr(verdict) + caplog.text + "".join(capfd.readouterr())
    assert GITHUB not in said and PASSWORD not in said and GITHUB[4:20] not in said
    assert all("fingerprint" in one.message and one.cwe for one in verdict.findings)


def test_nothing_leaves_this_machine(monkeypatch):
    def stop(*arguments, **options):
        raise AssertionError("a scan opened a socket")

    monkeypatch.setattr(socket, "socket", stop)
    monkeypatch.setattr(socket, "create_connection", stop)
    assert judge(f'token = "{GITHUB}"\n').outcome is Outcome.FAIL
    source = Path(credentials.__file__).read_text("utf-8")
    assert "Validator(" not in source and ".validate(" not in source


@pytest.mark.parametrize(
    "text", ["", "\x00" * 5000, "\udcff token='x'", "=" * 300_000, "token=" * 50_000, "a" * 2_000_000, "://:@" * 40_000]
)
def test_hostile_texts(text):
    started = time.perf_counter()
    assert judge(text).outcome is not Outcome.ERROR
    assert time.perf_counter() - started < 10


def test_more_than_anybody_would_read():
    lines = "".join(f'token_{n} = "ghp_{"w4Tq9Zb7Lm2Xc8Vn5Rk3Jp6Hs1Gd0Fy"}{n:05}"\n' for n in range(MAX_FINDINGS + 50))
    verdict = judge(lines)
    assert len(verdict.findings) == MAX_FINDINGS and verdict.values["secrets"] > MAX_FINDINGS


def test_a_scanner_that_breaks_is_an_error_without_its_words(monkeypatch):
    def breaks(data):
        raise ValueError(f"cannot read {data!r}")

    monkeypatch.setattr(credentials, "find_secrets", breaks)
    verdict = judge(f"token = '{GITHUB}'\n")
    assert verdict.outcome is Outcome.ERROR and verdict.detail == "the scanner broke (ValueError)"
    monkeypatch.setattr(credentials, "find_secrets", lambda data: [])
    assert "did not see" in doubt(Secrets())
