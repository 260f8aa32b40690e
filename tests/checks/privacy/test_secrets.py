"""Secrets are found to the byte, what looks like one is not, nothing of them is said anywhere, and nothing goes out."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import socket
import sys
from pathlib import Path

import pytest

from yunque.checks.canaries import canary, doubt
from yunque.checks.privacy import secrets
from yunque.checks.privacy.secrets import Secrets, fingerprint
from yunque.core.nouns import Outcome
from yunque.core.seams import BatchCheck, ProvenCheck

SMALL = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def made(size: int, seed: str = "x", alphabet: str = SMALL) -> str:
    """Something that nobody's account has."""
    digits = hashlib.shake_256(seed.encode()).digest(size)
    return "".join(alphabet[one % len(alphabet)] for one in digits)


GITHUB = "ghp_" + made(36)
PASSWORD = made(12, "password") + "!7"
PEM = "-----BEGIN RSA PRIVATE" + " KEY-----"
END = "-----END RSA PRIVATE" + " KEY-----"


def judge(text: str, language: str = "python"):
    return Secrets().judge(canary(text, language).record)


def spans(text: str, language: str = "python") -> list[str]:
    data = text.encode("utf-8", "surrogatepass")
    return [data[slice(*one.span_bytes)].decode() for one in judge(text, language).findings]


def test_canaries():
    assert isinstance(Secrets(), ProvenCheck) and isinstance(Secrets(), BatchCheck) and doubt(Secrets()) == ""


def test_a_broken_tool_is_doubted_and_a_missing_one_skips(monkeypatch):
    monkeypatch.setattr(secrets, "_kingfisher", lambda data: iter(()))
    assert "did not see a planted 'github-pat'" in doubt(Secrets())
    monkeypatch.undo()
    monkeypatch.setattr(secrets, "own_patterns", lambda data, low: iter(()))
    assert "did not see" in doubt(Secrets())
    monkeypatch.undo()
    secrets._scanner.cache_clear()
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    verdict = judge("x = 1\n")
    assert verdict.outcome is Outcome.SKIP and "pip install" in verdict.detail


def test_it_opens_no_socket(monkeypatch):
    def refuse(*_args, **_rest):
        raise AssertionError("something wants to go out")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert spans(f'token = "{GITHUB}"\n') == [GITHUB]
    source = Path(secrets.__file__).read_text()
    assert "Validator(" not in source and "kingfisher_sdk.valid" not in source


CARRIERS = (
    'token = "{}"',
    "token = '{}'",
    "TOKEN={}",
    "export TOKEN={}",
    "token: {}",
    '  "token": "{}",',
    '"body": "{{\\"token\\": \\"{}\\"}}"',
    '    "token = \\"{}\\"\\n",',
    "<token>{}</token>",
    '<add key="token" value="{}"/>',
    "run --token {}",
    "run --token={}",
    'add_argument("--token", default="{}")',
    "# {}",
    'const a = {{token:"{}",b:1}};',
    "get('https://api.bodega.net/?token={}&a=1')",
    '$env:TOKEN = "{}"',
)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_exact_span_in_every_carrier(carrier):
    assert spans(carrier.format(GITHUB) + "\n") == [GITHUB]


@pytest.mark.parametrize("carrier", [one for one in CARRIERS if one[0] not in "#g" and one != "run --token {}"])
def test_passwords_by_their_name(carrier):
    text = carrier.format(PASSWORD).replace("token", "db_password").replace("TOKEN", "DB_PASSWORD") + "\n"
    assert spans(text) == [PASSWORD]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (f"postgresql://ada:{PASSWORD.replace('!', '-')}@db.bodega.net/app", "url-password"),
        (f"CREATE USER ada IDENTIFIED BY '{PASSWORD}';", "database-password"),
        (f'requests.get(url, auth=("ada", "{PASSWORD}"))', "login-password"),
        (f'smtp.login("ada", "{PASSWORD}")', "login-password"),
        (f"  - name: DB_PASSWORD\n    value: {PASSWORD}", "assigned-secret"),
        (f'{{"name": "DB_PASSWORD", "value": "{PASSWORD}"}}', "assigned-secret"),
        (f"db.bodega.net:5432:app:ada:{PASSWORD}", "pgpass-password"),
        (f"openssl rsa -in k -passin pass:{PASSWORD}", "option-password"),
        (f'  psk="{PASSWORD}"', "assigned-secret"),
        (f"sshpass -p {PASSWORD} ssh ada@build", "sshpass-password"),
        (f"machine git.bodega.net login ada password {PASSWORD}", "netrc-password"),
        (f'{{"kty": "EC", "d": "{made(43)}"}}', "private-jwk"),
        (f'  "auth": "{base64.b64encode(f"ada:{PASSWORD}".encode()).decode()}"', "basic-auth"),
        (f"{PEM}\n{made(64)}\n{made(40)}\n{END}", "private-key"),
        ("AKIA" + made(16, alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), "aws-access-key-id"),
    ],
)
def test_rules(text, rule):
    assert rule in [one.rule for one in judge(text + "\n").findings]


def test_base64_of_a_token():
    encoded = base64.b64encode(f"GITHUB_TOKEN={GITHUB}\n".encode()).decode()
    (found,) = spans(f"x: {encoded}\n")
    assert found in encoded and len(found) > 30


def test_a_private_key_is_its_body_alone():
    body = f"{made(64)}\n{made(64, 'b')}\n{made(20, 'c')}"
    assert spans(f'KEY = """{PEM}\n{body}\n{END}"""\n') == [body]
    escaped = f"{made(64)}\\\\n{made(20, 'c')}"
    assert spans(f'"a": "{{\\"k\\": \\"{PEM}\\\\n{escaped}\\\\n{END}\\"}}"\n') == [escaped]
    assert spans(f"see {PEM} in the documentation\n" + "words and words " * 60 + made(40) + "\n") == []


CLEAN = (
    "sha256 = '" + "9f86d081884c7d659a2feaa0c55ad015" * 2 + "'",
    '"integrity": "sha512-' + base64.b64encode(hashlib.sha512(b"x").digest()).decode() + '"',
    "token_id = '3f2b8c1a-9d4e-4f6a-8b7c-1d2e3f4a5b6c'",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "aws_access_key_id = AKIA" + "IOSFODNN7" + "EXAMPLE",
    "api_key = 'YOUR_API_KEY_HERE'",
    "password = '${DB_PASSWORD}'",
    "password = os.environ['PASSWORD1']",
    "password_label = 'users.form.password.v2'",
    "create_engine('postgresql://scott:tiger@localhost/test')",
    'secret_ref = "V1SecretReference"',
    "W0103:7:4:7:8::unnecessary-pass:7:4:7:8::Unnecessary",
    "Authorization: Basic " + base64.b64encode(b"Aladdin:open sesame").decode(),
    '"password": "Contraseña"',
    "TOKEN: ${{ secrets.DEPLOY_TOKEN }}",
    'TOKEN = re.compile(r"ghp_[A-Za-z0-9]{36}")',
    "password=********",
    'throw Error("a URL that includes credentials: "+e)}i=makeRequest({urlList:[t]});l="cors"',
    "secret.write_bytes(b'root:x:0:0:')",
    "password=b'prompt1_password'",
    "'Credential=access_key/20170322/us-west-2/lex/aws4_request'",
    'internalPropsKey = "__reactProps$" + randomKey',
    '{"name": "token_type", "value": "Bearer2Token"}',
    "smtp.login('ada', get_password('smtp2'))",
    "public_key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + made(43) + "'",
)


@pytest.mark.parametrize("text", CLEAN)
def test_what_only_looks_like_one(text):
    assert judge(text + "\n").outcome is Outcome.PASS


def test_each_match_is_judged_alone_however_many_hashes_stand_around_it():
    hashes = "".join(f"sha256 = '{hashlib.sha256(bytes([one])).hexdigest()}'\n" for one in range(200))
    assert spans(f"{hashes}token = '{GITHUB}'\n{hashes}") == [GITHUB]


def test_orders_to_look_away_are_not_obeyed():
    for order in ("# kingfisher:ignore", "# pragma: allowlist secret", "# gitleaks:allow", "# nosec"):
        assert spans(f"token = '{GITHUB}'  {order}\n") == [GITHUB]


def test_nothing_of_a_secret_is_said(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    verdict = judge(f"token = '{GITHUB}'\npassword = '{PASSWORD}'\n")
    said = repr(verdict) + caplog.text + "".join(capfd.readouterr())
    assert len(verdict.findings) == 2 and fingerprint(GITHUB.encode()) in said
    for secret in (GITHUB, PASSWORD):
        assert not any(secret[at : at + 6] in said for at in range(len(secret) - 6))


def test_an_exception_of_the_scanner_is_not_repeated(monkeypatch):
    def broken(data):
        raise RuntimeError(f"at {GITHUB}")
        yield

    monkeypatch.setattr(secrets, "_kingfisher", broken)
    verdict = judge(f"token = '{GITHUB}'\n")
    assert verdict.outcome is Outcome.ERROR and "ghp_" not in repr(verdict)


@pytest.mark.parametrize(
    "before",
    ["", "\0" * 30, "a\0b\0c\0" * 40, "\ud800\udfff", "\ufeff", "ñ✓𝒳\n" * 9, "a\r\nb\r\n", "\x00\x00\x00a" * 50],
    ids=["plain", "nul", "like UTF-16", "surrogates", "mark", "wide", "crlf", "like UTF-32"],
)
def test_places_are_right_whatever_stands_before(before):
    text = before + f"\r\ntoken = '{GITHUB}'\r\n\0"
    (one,) = judge(text).findings
    data = text.encode("utf-8", "surrogatepass")
    assert data[slice(*one.span_bytes)] == GITHUB.encode() and one.line == before.count("\n") + 2


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece", ["a", "\0", "password=", 'x="', "://a:b", "eyJ.", PEM, "api_key ", "login a password ", "curl -u a ", "bearer "]
)
def test_no_line_is_too_long(piece, within):
    with within(3):
        judge(piece * (2_000_000 // len(piece) // (1 if len(piece) == 1 else 10)))


def test_many_at_once_are_as_each_alone_and_values_count():
    texts = [f"token = '{GITHUB}'\nb = '{GITHUB}'\n", f"password = '{PASSWORD}'\n", "x = 1\n", ""]
    records = [canary(text, "python").record for text in texts]
    together = Secrets().judge_all(records)
    assert [one.findings for one in together] == [Secrets().judge(one).findings for one in records]
    assert [(one.values["secrets"], one.values["certain"]) for one in together] == [(2, 2), (1, 0), (0, 0), (0, 0)]


def test_the_rules_are_compiled_once():
    judge("x = 1\n")
    before = secrets._scanner.cache_info().misses
    judge("x = 2\n")
    assert secrets._scanner.cache_info().misses == before


def test_a_notebook_as_it_lies():
    notebook = json.dumps(
        {"cells": [{"source": [f'os.environ["API_TOKEN"] = "{GITHUB}"\n', f"db_password = '{PASSWORD}'\n"]}]}
    )
    assert spans(notebook, "json") == [GITHUB, PASSWORD]


# --------------------------------------------------------------------------------------------- values apart from their names
HALF, REST = "wK4!" + made(5, "half"), made(6, "rest") + "#7"
TOKEN = "v9" + made(9, "token") + "7Lk2" + made(9, "more") + "3"
UNIQUE = "-".join(
    hashlib.sha256(b"uuid").hexdigest()[slice(*one)] for one in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
)
APART = [
    ("python", 'app.secret_key = (\n    "{0}"\n)'),
    ("python", 'app.secret_key = ("{0}")'),
    ("python", 'app.secret_key = \\\n    "{0}"'),
    ("python", 'conf = {{\n    "password":\n        "{0}",\n}}'),
    ("python", 'client_secret: str | None = "{0}"'),
    ("python", 'client_secret: Annotated[str, Field(min_length=8)] = "{0}"'),
    ("python", 'client_secret: str = Field(default="{0}")'),
    ("python", 'k = os.environ.get("API_TOKEN", "{0}")'),
    ("python", 'password = os.environ.get("DBP", "{0}")'),
    ("python", 'os.environ.setdefault("SECRET_KEY", "{0}")'),
    ("python", 'SECRET_KEY = """{0}"""'),
    ("python", 'if password == "{0}":\n    pass'),
    ("python", 'if "{0}" == password:\n    pass'),
    ("python", 'if (password := ("{0}")):\n    pass'),
    ("python", 'SECRET_KEY = (f"{0}")'),
    ("python", 'SECRET_KEY = (rb"{0}")'),
    ("python", 'connect(password=("{0}"))'),
    ("python", 'def connect(password: str = ("{0}")) -> None: ...'),
    ("python", 'password = given or "{0}"'),
    ("javascript", 'const apiToken = process.env.T ?? "{0}";'),
    ("javascript", "const o = {{ password:\n  `{0}` }};"),
    ("javascript", 'class A {{ clientSecret = ("{0}"); }}'),
    ("javascript", 'if (password === ("{0}")) {{ go(); }}'),
    ("typescript", 'class A {{ private clientSecret: string | null = ("{0}"); }}'),
    ("go", 'package a\n\nvar dbPassword string = "{0}"'),
    ("go", 'package a\n\nfunc f() {{\n\tdbPassword := ("{0}")\n}}'),
    ("go", 'package a\n\nfunc f() {{\n\tos.Setenv("DB_PASSWORD", "{0}")\n}}'),
    ("java", 'class A {{ String clientSecret =\n    "{0}"; }}'),
    ("java", 'class A {{ void f() {{ m.put("password", "{0}"); }} }}'),
    ("java", 'class A {{ boolean f() {{ return "{0}".equals(password); }} }}'),
    ("yaml", "db:\n  password: >-\n    {0}\n"),
    ("toml", 'password = """\n{0}"""'),
    ("json", '{{"password":\n   "{0}"}}'),
    ("shell", "DB_PASSWORD='{0}'"),
]


@pytest.mark.parametrize(("language", "text"), APART)
def test_values_that_stand_apart_from_their_name(language, text):
    assert spans(text.format(TOKEN) + "\n", language) == [TOKEN]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", 'password = "{}" "{}"'),
        ("python", 'conf = dict(\n    password=(\n        "{}"\n        "{}"\n    ),\n)'),
        ("python", 'password = "{}" + "{}"'),
        ("javascript", "const password = '{}' +\n  `{}`;"),
        ("go", 'package a\n\nconst password = "{}" +\n\t"{}"'),
        ("java", 'class A {{ String password = "{}" + "{}"; }}'),
    ],
)
def test_every_piece_of_a_value_is_found(language, text):
    assert spans(text.format(HALF, REST) + "\n", language) == [HALF, REST]


@pytest.mark.parametrize(
    "text",
    [
        "{}_TOKEN={}\n",
        "export {}_TOKEN={}\n",
        "{}_TOKEN='{}'  # live\n",
        "# {}_TOKEN={}\n",
        "{}_TOKEN = {}\r\nX=1\r\n",
        "{}_TOKEN={}",
    ],
)
def test_files_of_settings_for_a_shell(text):
    assert spans(text.format("API", TOKEN), "text") == [TOKEN]
    assert spans(text.format("API", "$OTHER_TOKEN_1"), "text") == spans(text.format("API", ""), "text") == []


def test_a_password_in_an_address_of_two_pieces():
    assert spans(f'DSN = (\n    "postgresql://svc:"\n    "{TOKEN}@db.bodega.net/app"\n)\n') == [TOKEN]


def test_a_uuid_is_a_secret_only_by_its_name():
    assert spans(f'app.secret_key = "{UNIQUE}"\n') == [UNIQUE]
    assert spans(f'app.secret_key = (\n    "{UNIQUE}"\n)\n') == [UNIQUE]
    for name in ("token_id", "request_id", "item_key", "namespace"):
        assert spans(f'{name} = ("{UNIQUE}")\n') == []


@pytest.mark.parametrize(
    "text",
    [
        "password = get_password()",
        'password = (\n    os.environ["PASSWORD1"]\n)',
        'password = os.environ.get("DB_PASSWORD_2024X", "changeme")',
        'api_key: str = ("YOUR_API_KEY_HERE_123")',
        f'sha256 = password_hash = ("{hashlib.sha256(b"y").hexdigest()}")',
        f'public_key = ("{TOKEN}")',
        f'password = (\n    other\n)\nname = "{TOKEN}"',
    ],
)
def test_what_stands_apart_and_is_none(text):
    assert spans(text + "\n") == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece", ["password = (", 'password = get("password", ', f'"{HALF}" + ', f'password = ("{HALF}" "{REST}")\n']
)
def test_nothing_parsed_is_too_deep(piece, within):
    with within(5):
        judge(f'password = ("{TOKEN}")\n' + piece * (200_000 // len(piece)))
