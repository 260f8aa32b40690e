"""How many planted secrets and personal data do our checks find, what do they find wrongly, and how does detect-secrets do?

    python benchmarks/data/credentials.py [--seed 1] [--instances 6] [--missed] [--real FOLDER [--max-mb 20]]

Every plant and decoy is made at run time from the seed and stands in a line of one of eleven languages: quoted, in a comment, as
configuration, in an address; between them stands code of Python's standard library. A plant is found when a finding touches
its bytes (detect-secrets knows lines alone, so for it, and for us beside it, when a finding is on its lines). A finding that
touches no plant is wrong. Both look at the same files in one run; ``--real`` counts what ours says of real code.

Not covered: what real people do with secrets. A plant is as its issuer writes it, in the frames below.
"""

# ruff: noqa: E501, D102 (a kind a line)

from __future__ import annotations

import argparse
import base64
import binascii
import inspect
import json
import logging
import random
import string
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from yunque.core.nouns import Finding, Origin, Record, seed_from

ALNUM, LOWER, HEX, UPPER = (
    string.ascii_letters + string.digits,
    string.ascii_lowercase,
    "0123456789abcdef",
    string.ascii_uppercase,
)
B64, URL64 = ALNUM + "+/", ALNUM + "-_"


@dataclass(frozen=True)
class Value:
    """What is planted: ``text`` is to be found, the rest stands around it."""

    text: str
    before: str = ""
    after: str = ""
    names: tuple[str, ...] = ()
    where: str = "any"
    """``any``, ``named`` (only as the value of a name), ``prose`` (comments and messages), ``block`` (several lines), ``line``
    (a line as it is)."""


def of(rng: random.Random, alphabet: str, size: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(size))


def word(rng: random.Random, syllables: int = 3) -> str:
    return "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(syllables))


def password(rng: random.Random, symbols: str = "!#%&*+-_=?") -> str:
    size = rng.randint(11, 18)
    pool = [rng.choice(string.ascii_uppercase), rng.choice(string.digits), rng.choice(symbols), *of(rng, ALNUM, size - 3)]
    rng.shuffle(pool)
    return rng.choice(ALNUM) + "".join(pool)


def host(rng: random.Random) -> str:
    return f"{rng.choice(['db', 'api', 'mail', 'git'])}.{word(rng)}.{rng.choice(['com', 'net', 'io', 'org', 'es', 'de'])}"


def wrapped(rng: random.Random, label: str, lines: int) -> Value:
    body = "\n".join([*(of(rng, B64, 64) for _ in range(lines)), of(rng, B64, 42) + "=="])
    return Value(body, f"-----BEGIN {label}-----\n", f"\n-----END {label}-----", ("PRIVATE_KEY", "SIGNING_KEY"), "block")


def part(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def jwt(rng: random.Random) -> Value:
    claims = {"sub": of(rng, HEX, 12), "iat": rng.randint(1.6e9, 1.7e9), "role": "admin"}
    token = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{of(rng, URL64, 43)}"
    return Value(token, names=("token", "session_token", "id_token"))


def luhn_digit(digits: str) -> str:
    total = sum(sum(divmod(int(one) * (2 if at % 2 == 0 else 1), 10)) for at, one in enumerate(reversed(digits)))
    return str(-total % 10)


def card(rng: random.Random) -> Value:
    digits = rng.choice(["4", "51", "53", "37"])
    digits += of(rng, string.digits, (14 if digits == "37" else 15) - len(digits))
    digits += luhn_digit(digits)
    spaced = " ".join(digits[at : at + 4] for at in range(0, 16, 4)) if len(digits) == 16 else digits
    return Value(rng.choice([digits, spaced, spaced.replace(" ", "-")]), names=("card_number", "pan", "card"), where="named")


def iban(rng: random.Random) -> Value:
    country, size = rng.choice([("ES", 20), ("DE", 18), ("NL", 0)])
    bban = (
        of(rng, string.digits, size) if size else "".join(rng.choice(UPPER) for _ in range(4)) + of(rng, string.digits, 10)
    )
    number = int("".join(str(int(one, 36)) for one in bban + country + "00"))
    text = f"{country}{98 - number % 97:02d}{bban}"
    spaced = " ".join(text[at : at + 4] for at in range(0, len(text), 4))
    return Value(rng.choice([text, spaced]), names=("iban", "account", "payout_account"))


def dni(rng: random.Random) -> str:
    number = rng.randint(30_000_000, 79_999_999)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def nie(rng: random.Random) -> str:
    first, number = rng.randint(0, 2), rng.randint(1_000_000, 9_999_999)
    return f"{'XYZ'[first]}{number:07d}{'TRWAGMYFPDXBNJZSQVHLCKE'[(first * 10_000_000 + number) % 23]}"


def cpf(rng: random.Random) -> str:
    digits = [rng.randint(0, 9) for _ in range(9)]
    for _ in range(2):
        rest = sum(one * weight for one, weight in zip(digits, range(len(digits) + 1, 1, -1), strict=True)) * 10 % 11
        digits.append(rest % 10)
    text = "".join(map(str, digits))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"


def public_ipv4(rng: random.Random) -> str:
    return f"{rng.choice([34, 45, 52, 81, 88, 91, 138, 185])}.{rng.randint(20, 250)}.{rng.randint(20, 250)}.{rng.randint(1, 254)}"


def phone(rng: random.Random) -> str:
    return rng.choice(
        [
            f"+34 {rng.choice('67')}{of(rng, string.digits, 2)} {of(rng, string.digits, 3)} {of(rng, string.digits, 3)}",
            f"+44 20 7{of(rng, string.digits, 3)} {of(rng, string.digits, 4)}",
            f"+1 (415) 6{of(rng, string.digits, 2)}-{of(rng, string.digits, 4)}",
            f"+49-30-{of(rng, '23456789', 8)}",
            f"+336{of(rng, string.digits, 8)}",
        ]
    )


def person(rng: random.Random) -> str:
    return f"{word(rng, 2).title()} {word(rng, 3).title()}"


def mail(rng: random.Random) -> str:
    return (
        f"{word(rng, 2)}{rng.choice(['.', '_', ''])}{word(rng, 3)}{rng.choice(['', '', '7'])}@{host(rng).split('.', 1)[1]}"
    )


def github(rng: random.Random) -> str:
    body, alphabet = of(rng, ALNUM, 30), string.digits + string.ascii_uppercase + string.ascii_lowercase
    number, check = binascii.crc32(body.encode()), ""
    while number:
        number, rest = divmod(number, 62)
        check = alphabet[rest] + check
    return rng.choice(["ghp_", "gho_", "ghs_"]) + body + check.rjust(6, "0")


R = random.Random
# fmt: off
SECRETS: dict[str, Callable[[R], Value]] = {
    "aws-access-key-id": lambda r: Value("AKIA" + of(r, UPPER + "234567", 16), names=("aws_access_key_id", "access_key")),
    "aws-secret-key": lambda r: Value(of(r, B64, 40), names=("aws_secret_access_key", "AWS_SECRET_KEY"), where="named"),
    "github-token": lambda r: Value(github(r), names=("github_token", "token", "auth")),
    "github-fine-grained": lambda r: Value(f"github_pat_{of(r, ALNUM, 22)}_{of(r, ALNUM, 59)}", names=("token", "pat")),
    "gitlab-token": lambda r: Value("glpat-" + of(r, URL64, 20), names=("gitlab_token", "token")),
    "slack-bot": lambda r: Value(f"xoxb-{of(r, '123456789', 12)}-{of(r, '123456789', 12)}-{of(r, ALNUM, 24)}", names=("slack",)),
    "slack-webhook": lambda r: Value(f"https://hooks.slack.com/services/T{of(r, UPPER, 8)}/B{of(r, UPPER, 8)}/{of(r, ALNUM, 24)}", names=("webhook",)),
    "stripe-live": lambda r: Value("sk_" + "live_" + of(r, ALNUM, 24), names=("stripe_key", "api_key")),
    "google-api-key": lambda r: Value("AIza" + of(r, URL64, 35), names=("google_api_key", "maps_key", "key")),
    "openai": lambda r: Value(f"sk-proj-{of(r, URL64, 74)}T3BlbkFJ{of(r, URL64, 74)}", names=("openai_api_key", "key")),
    "anthropic": lambda r: Value(f"sk-ant-api03-{of(r, URL64, 93)}AA", names=("anthropic_api_key", "key")),
    "huggingface": lambda r: Value("hf_" + of(r, string.ascii_letters, 34), names=("hf_token", "token")),
    "npm-token": lambda r: Value("npm_" + of(r, ALNUM, 36), names=("npm_token", "token")),
    "pypi-token": lambda r: Value("pypi-AgEIcHlwaS5vcmc" + of(r, URL64, 140), names=("pypi_token", "password")),
    "sendgrid": lambda r: Value(f"SG.{of(r, URL64, 22)}.{of(r, URL64, 43)}", names=("sendgrid_api_key", "mail_key")),
    "twilio": lambda r: Value("SK" + of(r, HEX, 32), names=("twilio_api_key", "twilio_key")),
    "jwt": jwt,
    "rsa-private-key": lambda r: wrapped(r, "RSA PRIVATE" + " KEY", 6),
    "openssh-private-key": lambda r: wrapped(r, "OPENSSH PRIVATE" + " KEY", 5),
    "pgp-private-key": lambda r: wrapped(r, "PGP PRIVATE" + " KEY BLOCK", 7),
    "gcp-private-key": lambda r: Value("\\n".join(of(r, B64, 64) for _ in range(8)), "-----BEGIN PRIVATE" + " KEY-----\\n", "\\n-----END PRIVATE" + " KEY-----\\n", ("private_key",), "named"),
    "postgres-url": lambda r: Value(password(r, "!-_*"), f"postgresql://{word(r)}:", f"@{host(r)}:5432/{word(r)}", ("database_url", "dsn")),
    "mongodb-url": lambda r: Value(password(r, "!-_*"), f"mongodb+srv://{word(r)}:", f"@{host(r)}/{word(r)}", ("mongo_uri",)),
    "redis-url": lambda r: Value(password(r, "!-_*"), "redis://:", f"@{host(r)}:6379/0", ("redis_url", "broker")),
    "https-basic-auth": lambda r: Value(password(r, "!-_*"), f"https://{word(r)}:", f"@{host(r)}/{word(r)}.git", ("remote", "url", "index_url")),
    "password": lambda r: Value(password(r), names=("password", "db_password", "passwd", "admin_pwd"), where="named"),
    "hex-secret": lambda r: Value(of(r, HEX, r.choice([32, 40, 64])), names=("secret_key", "client_secret"), where="named"),
    "api-key": lambda r: Value(of(r, ALNUM, r.choice([24, 32, 40])), names=("api_key", "apikey", "access_token"), where="named"),
    "bearer": lambda r: Value(of(r, URL64, 40), "Bearer ", "", ("Authorization",)),
    "basic-header": lambda r: Value(base64.b64encode(f"{word(r)}:{password(r)}".encode()).decode(), "Basic ", "", ("Authorization",)),
    "azure-storage": lambda r: Value(of(r, B64, 86) + "==", f"DefaultEndpointsProtocol=https;AccountName={word(r)};AccountKey=", ";EndpointSuffix=core.windows.net", ("connection_string", "storage")),
    "sql-connection": lambda r: Value(password(r, "!-_*"), f"Server={host(r)};Database={word(r)};User Id={word(r)};Password=", ";Encrypt=true", ("connection",)),
    "discord-webhook": lambda r: Value(f"https://discord.com/api/webhooks/{of(r, '123456789', 18)}/{of(r, URL64, 68)}", names=("webhook", "hook_url")),
    "telegram-bot": lambda r: Value(f"{of(r, '123456789', 10)}:AA{of(r, URL64, 33)}", names=("telegram_token", "bot_token")),
    "digitalocean": lambda r: Value("dop_v1_" + of(r, HEX, 64), names=("do_token", "token")),
    "shopify": lambda r: Value("shpat_" + of(r, HEX, 32), names=("shopify_token", "token")),
    "docker-hub": lambda r: Value("dckr_pat_" + of(r, URL64, 27), names=("docker_password", "token")),
    "age-key": lambda r: Value("AGE-SECRET-KEY-1" + of(r, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58), names=("age_key", "key")),
    "vault-token": lambda r: Value("hvs." + of(r, URL64, 95), names=("vault_token", "token")),
    "databricks": lambda r: Value("dapi" + of(r, HEX, 32), names=("databricks_token", "token")),
    "django-secret": lambda r: Value(of(r, LOWER + string.digits + "!@#$%^&*(-_=+)", 50), names=("SECRET_KEY",), where="named"),
    "npmrc": lambda r: Value(of(r, ALNUM, 36), f"//npm.{word(r)}.com/:_authToken=", "", (), "line"),
    "netrc": lambda r: Value(password(r), f"machine {host(r)} login {word(r)} password ", "", (), "line"),
    "curl-user": lambda r: Value(password(r, "-_"), f"curl -u {word(r)}:", f" https://{host(r)}/v1/items", (), "line"),
    "ethereum-key": lambda r: Value("0x" + of(r, HEX, 64), names=("PRIVATE_KEY", "wallet_private_key"), where="named"),
}
# fmt: on
# fmt: off
PERSONAL: dict[str, Callable[[R], Value]] = {
    "email": lambda r: Value(mail(r), names=("contact", "owner", "admin_email")),
    "email-in-prose": lambda r: Value(mail(r), "ask ", " before you change this", (), "prose"),
    "ipv4": lambda r: Value(public_ipv4(r), names=("server", "host", "client_ip")),
    "ipv4-url": lambda r: Value(public_ipv4(r), "http://", ":8080/status", ("endpoint", "url")),
    "ipv6": lambda r: Value(f"2a0{r.choice('0124')}:{of(r, HEX, 4)}:{of(r, '123456789abcdef', 4)}::{of(r, '123456789abcdef', 3)}", names=("server", "host")),
    "phone": lambda r: Value(phone(r), names=("phone", "mobile", "support_phone")),
    "iban": iban,
    "card": card,
    "dni": lambda r: Value(dni(r), names=("dni", "nif", "document")),
    "nie": lambda r: Value(nie(r), names=("nie", "document")),
    "cpf": lambda r: Value(cpf(r), names=("cpf", "tax_id")),
    "home": lambda r: Value(word(r), "/home/", f"/{word(r)}/data.csv", ("path", "data_dir")),
    "home-mac": lambda r: Value(word(r), "/Users/", f"/Documents/{word(r)}.py", ("path", "root")),
    "home-windows": lambda r: Value(word(r), "C:/Users/", f"/Desktop/{word(r)}.txt", ("path", "root")),
    "author": lambda r: Value(person(r), "@author ", "", (), "prose"),
    "author-mail": lambda r: Value(person(r), "Author: ", f" <user@{'example'}.com>", (), "prose"),
    "signed-off": lambda r: Value(person(r), "Signed-off-by: ", f" <user@{'example'}.com>", (), "prose"),
}
# fmt: on
# fmt: off
DECOYS: dict[str, Callable[[R], Value]] = {
    "uuid": lambda r: Value("-".join(of(r, HEX, size) for size in (8, 4, 4, 4, 12)), names=("token_id", "key", "client_id")),
    "git-sha": lambda r: Value(of(r, HEX, 40), names=("commit", "revision", "sha", "resolved")),
    "sha256": lambda r: Value(of(r, HEX, 64), names=("sha256", "checksum", "digest", "expected_hash")),
    "md5-etag": lambda r: Value(of(r, HEX, 32), names=("etag", "md5", "content_hash")),
    "integrity": lambda r: Value("sha512-" + of(r, B64, 86) + "==", names=("integrity",)),
    "changeme": lambda r: Value(r.choice(["changeme", "password", "secret", "hunter2", "admin123"]), names=("password",), where="named"),
    "placeholder": lambda r: Value(r.choice(["YOUR_API_KEY_HERE", "<your-token>", "insert-token-here"]), names=("api_key",), where="named"),
    "xxxx": lambda r: Value("x" * r.choice([12, 24, 40]), names=("token", "secret", "api_key"), where="named"),
    "variable": lambda r: Value(r.choice(["${DB_PASSWORD}", "{{ db_password }}", "%(password)s", "$(cat pw)"]), names=("password",), where="named"),
    "aws-docs": lambda r: Value("AKIA" + "IOSFODNN7" + "EXAMPLE", names=("aws_access_key_id",)),
    "aws-docs-secret": lambda r: Value("wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY", names=("aws_secret_access_key",)),
    "sequence": lambda r: Value(r.choice(["0123456789abcdef" * 2, "abcdefghijklmnopqrstuvwxyz123456"]), names=("secret_key", "token")),
    "message-key": lambda r: Value(f"users.{word(r)}.password.reset", names=("password_label", "secret_name", "token_url")),
    "route": lambda r: Value(f"/accounts/{word(r)}/password/reset/", names=("password_reset_url", "token_endpoint")),
    "field-name": lambda r: Value(f"{word(r)}_token", names=("token_field", "password_column", "secret_name")),
    "environment-name": lambda r: Value(f"{word(r).upper()}_API_KEY", names=("api_key_env", "api_key_variable")),
    "token-type": lambda r: Value(r.choice(["Bearer", "access_token", "refresh_token", "urn:ietf:params:oauth:token-type:jwt"]), names=("token_type", "grant_type")),
    "public-key": lambda r: Value(f"ssh-rsa AAAAB3NzaC1yc2E{of(r, B64, 180)}", names=("public_key", "authorized")),
    "image": lambda r: Value("data:image/png;base64,iVBORw0KGgo" + of(r, B64, 120) + "==", names=("icon", "logo")),
    "local-url": lambda r: Value("postgres://postgres:postgres@localhost:5432/test", names=("database_url",)),
    "example-url": lambda r: Value("https://user:password@example.com/path", names=("url",)),
    "variable-url": lambda r: Value("mysql://${USER}:${PASSWORD}@db:3306/app", names=("database_url", "dsn")),
    "bearer-variable": lambda r: Value("Bearer ${TOKEN}", names=("Authorization",)),
    "jwt-docs": lambda r: Value(f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': '1234567890', 'name': 'J', 'iat': 1516239022})}.<signature>", names=("example",)),
    "example-mail": lambda r: Value(f"{word(r)}@example.{r.choice(['com', 'org', 'net'])}", names=("contact", "email")),
    "invalid-mail": lambda r: Value(f"{word(r)}@{word(r)}.{r.choice(['invalid', 'test', 'local', 'example'])}", names=("email",)),
    "noreply": lambda r: Value(r.choice(["noreply@", "no-reply@", "donotreply@"]) + word(r) + ".com", names=("sender",)),
    "github-noreply": lambda r: Value(f"{of(r, '123456789', 7)}+{word(r)}@users.noreply.github.com", names=("author",)),
    "git-remote": lambda r: Value(f"git@github.com:{word(r)}/{word(r)}.git", names=("remote", "repository")),
    "npm-scope": lambda r: Value(f"@{word(r)}/{word(r)}@{r.randint(1, 9)}.2.0", names=("dependency",)),
    "retina": lambda r: Value(f"{word(r)}@2x.png", names=("icon",)),
    "matrix": lambda r: Value(f"{word(r)}@{word(r)}.T", names=("formula",)),
    "private-ip": lambda r: Value(r.choice([f"10.{r.randint(0, 255)}.3.4", f"192.168.{r.randint(0, 255)}.7", "172.16.0.9", "127.0.0.1", "0.0.0.0", "169.254.169.254"]), names=("host", "server")),
    "documentation-ip": lambda r: Value(f"{r.choice(['192.0.2', '198.51.100', '203.0.113'])}.{r.randint(1, 254)}", names=("host",)),
    "netmask": lambda r: Value(r.choice(["255.255.255.0", "255.255.0.0", "224.0.0.1"]), names=("netmask", "group")),
    "version": lambda r: Value(f"{r.randint(1, 30)}.{r.randint(0, 20)}.{r.randint(0, 20)}.{r.randint(0, 99)}", names=("version", "min_version", "browser_version")),
    "oid": lambda r: Value(f"1.3.6.1.4.1.{r.randint(100, 9999)}.2", names=("oid",)),
    "ipv6-local": lambda r: Value(r.choice(["::1", "fe80::1ff:fe23:4567:890a", "2001:db8::8a2e:370:7334", "fd12:3456:789a::1"]), names=("host",)),
    "time": lambda r: Value(f"{r.randint(10, 23)}:{r.randint(10, 59)}:{r.randint(10, 59)}", names=("at", "start")),
    "mac": lambda r: Value(":".join(of(r, HEX, 2) for _ in range(6)), names=("mac",)),
    "scope": lambda r: Value(f"std::{word(r)}::iterator", names=("type_name",)),
    "timestamp": lambda r: Value(str(r.randint(1_600_000_000_000, 1_700_000_000_000)), names=("created", "build")),
    "fiction-phone": lambda r: Value(f"+1 {r.choice(['212', '415'])} 555 01{of(r, string.digits, 2)}", names=("phone",)),
    "arithmetic": lambda r: Value(f"offset+{r.randint(10**6, 10**8)}", names=("formula",)),
    "test-card": lambda r: Value(r.choice(["4242424242424242", "4111 1111 1111 1111", "5555555555554444"]), names=("card_number",)),
    "not-a-card": lambda r: Value(not_a_card(r), names=("order_id", "card")),
    "not-an-iban": lambda r: Value(f"ES00{of(r, string.digits, 20)}", names=("iban", "part_number")),
    "not-a-dni": lambda r: Value(f"{r.randint(30_000_000, 79_999_999)}{r.choice('IOU')}", names=("code", "part")),
    "role-home": lambda r: Value(f"/home/{r.choice(['user', 'runner', 'ubuntu', 'vagrant', '$USER', 'username'])}/app", names=("path",)),
    "role-users": lambda r: Value(r.choice(["C:/Users/Public/x", "/Users/Shared/x", "/Users/username/x", "/users/me"]), names=("path",)),
    "author-role": lambda r: Value(r.choice(["@author unknown", "Author: the team", "@author see AUTHORS"]), where="prose"),
    "copyright": lambda r: Value(f"Copyright (c) 2020 {person(r)}", where="prose"),
    "prose": lambda r: Value(r.choice(["the password must hold eight characters", "token: the word that was read", "secret = what nobody knows"]), where="prose"),
    "certificate": lambda r: Value(wrapped(r, "CERTIFICATE", 5).before + wrapped(r, "CERTIFICATE", 5).text + "\n-----END CERTIFICATE-----", where="block", names=("ca",)),
    "pem-placeholder": lambda r: Value("-----BEGIN PRIVATE" + " KEY-----\n...\n-----END PRIVATE" + " KEY-----", where="block", names=("key",)),
    "call": lambda r: Value(f"password = get_password({word(r)})", where="line"),
    "environment": lambda r: Value('token = os.environ["GITHUB_TOKEN"]', where="line"),
    "annotation": lambda r: Value("def login(user: str, password: str = None) -> None: pass", where="line"),
    "comparison": lambda r: Value(f"if password == {word(r)}_password: reset(token=token)", where="line"),
    "split-token": lambda r: Value(f'token = ("ghp_{of(r, ALNUM, 10)}"\n         "{of(r, ALNUM, 10)}")', where="line"),
}
# fmt: on


def not_a_card(rng: random.Random) -> str:
    digits = "4" + of(rng, string.digits, 14)
    return digits + str((int(luhn_digit(digits)) + rng.randint(1, 9)) % 10)


# ----------------------------------------------------------------------------------------------------------------- the files
FRAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "python": {
        "named": ('NAME = "VALUE"', "    client = Client(NAME='VALUE')", '    "NAME": "VALUE",', '    config["NAME"] = "VALUE"'),
        "prose": ("# VALUE", "    # note: VALUE", '    raise ValueError("VALUE")'),
        "block": ('NAME = """VALUE"""', "NAME = '''\nVALUE\n'''"),
    },
    "javascript": {
        "named": ('const NAME = "VALUE";', "  NAME: 'VALUE',", "  NAME: `VALUE`,", 'process.env.NAME = "VALUE";'),
        "prose": ("// VALUE", " * VALUE", '  throw new Error("VALUE");'),
        "block": ("const NAME = `VALUE`;",),
    },
    "java": {
        "named": ('  private static final String NAME = "VALUE";', '  builder.NAME("VALUE");', '  props.put("NAME", "VALUE");'),
        "prose": ("  // VALUE", "   * VALUE", '  log.info("VALUE");'),
    },
    "go": {
        "named": ('\tNAME := "VALUE"', 'const NAME = "VALUE"', '\tNAME: "VALUE",'),
        "prose": ("\t// VALUE",),
        "block": ("var NAME = `VALUE`",),
    },
    "rust": {"named": ('    let NAME: &str = "VALUE";', 'const NAME: &str = "VALUE";'), "prose": ("    // VALUE", "/// VALUE")},
    "c": {"named": ('#define NAME "VALUE"', 'static const char *NAME = "VALUE";'), "prose": ("/* VALUE */", "// VALUE")},
    "php": {"named": ("$NAME = 'VALUE';", "define('NAME', 'VALUE');", "    'NAME' => 'VALUE',"), "prose": ("// VALUE", " * VALUE")},
    "ruby": {"named": ("NAME = 'VALUE'", "  NAME: 'VALUE',"), "prose": ("# VALUE",)},
    "shell": {"named": ("export NAME='VALUE'", "NAME='VALUE'"), "prose": ("# VALUE",), "line": ("LINE",)},
    "yaml": {"named": ('NAME: "VALUE"', "  NAME: 'VALUE'"), "prose": ("# VALUE",), "block": ("NAME: |\nVALUE",)},
    "properties": {"named": ("NAME=VALUE", "NAME = VALUE"), "prose": ("# VALUE",), "line": ("LINE",)},
}  # fmt: skip


SUFFIXES = {"python": "py", "javascript": "js", "rust": "rs", "ruby": "rb", "shell": "sh"}


@dataclass
class Document:
    """A file with plants: (start, end, kind) in bytes, in order; decoys are kept to say what was found wrongly.

    ``lines`` holds the lines of each plant with all that was written around it, so that a finding at the mark of a key counts.
    """

    path: str
    language: str
    text: str = ""
    plants: list[tuple[int, int, str]] = field(default_factory=list)
    decoys: list[tuple[int, int, str]] = field(default_factory=list)
    lines: dict[int, range] = field(default_factory=dict)

    def add(self, before: str, value: str, after: str, kind: str, plant: bool) -> None:
        start = len((self.text + before).encode())
        first = self.text.count("\n") + 1
        self.lines[start] = range(first, first + f"{before}{value}{after}".count("\n") + 1)
        self.text += f"{before}{value}{after}\n"
        (self.plants if plant else self.decoys).append((start, start + len(value.encode()), kind))


def place(rng: random.Random, value: Value, document: Document, kind: str, plant: bool) -> None:
    """Write a value into a frame of the document's language; into another frame where the language has none for it."""
    frames = FRAMES[document.language]
    if value.where == "line":
        frame = "VALUE"
    else:
        where = value.where if value.where != "any" else rng.choice(["named", "named", "prose"])
        frame = rng.choice(frames.get(where) or (("VALUE",) if where == "block" else frames["prose"]))
    name = rng.choice(value.names) if value.names else "value"
    if (document.language in ("java", "c", "rust", "shell") and "const" in frame) or document.language in (
        "shell",
        "properties",
    ):
        name = name.upper()
    if document.language in ("javascript", "java", "go") and "_" in name and name.islower():
        first, *rest = name.split("_")
        name = first + "".join(one.title() for one in rest)
    before, after = frame.replace("NAME", name).split("VALUE")
    if "prose" in value.where or frame in frames["prose"]:
        label = f"{name}: " if value.names and value.where != "prose" else ""
        before += label
    document.add(before + value.before, value.text, value.after + after, kind, plant)


def filler() -> list[str]:
    """Lines of Python's own library, without any that holds a plant's shape by itself."""
    import argparse as a
    import asyncio.base_events as b
    import http.client as h
    import textwrap as t

    return [line for module in (a, b, h, t) for line in inspect.getsource(module).splitlines() if "@" not in line]


def planted(seed: int, instances: int) -> list[Document]:
    """Documents with every kind ``instances`` times, and as many decoys or more."""
    lines, languages = filler(), list(FRAMES)
    rng = random.Random(seed_from("planted", seed))
    items = [(kind, make, True) for kind, make in {**SECRETS, **PERSONAL}.items() for _ in range(instances)]
    items += [(kind, make, False) for kind, make in DECOYS.items() for _ in range(instances + 1)]
    rng.shuffle(items)
    documents = []
    for at in range(0, len(items), 8):
        language = languages[len(documents) % len(languages)]
        path = f"{len(documents):03d}.{SUFFIXES.get(language, language)}"
        document = Document(path=path, language=language, text="# ñandú ✓\n")
        for kind, make, plant in items[at : at + 8]:
            start = rng.randrange(len(lines) - 12)
            document.text += "\n".join(lines[start : start + rng.randint(2, 12)]) + "\n"
            place(rng, make(rng), document, kind, plant)
        documents.append(document)
    return documents


# --------------------------------------------------------------------------------------------------------------- both scanners
def record_of(document: Document) -> Record:
    origin = Origin(source="planted", path=document.path, revision="", licence="CC0-1.0", collected_at="")
    return Record(id=document.path, text=document.text, language=document.language, origin=origin)


def ours(records: list[Record]) -> tuple[dict[str, list[Finding]], dict[str, float]]:
    """The findings of each record, and the seconds that each check took."""
    from yunque.checks.credentials import Secrets
    from yunque.checks.personal import PersonalData

    found: dict[str, list[Finding]] = defaultdict(list)
    took = {}
    for check in (Secrets(), PersonalData()):
        check.judge_all(records[:1])
        started = time.perf_counter()
        verdicts = check.judge_all(records)
        took[check.name] = time.perf_counter() - started
        for record, verdict in zip(records, verdicts, strict=True):
            found[record.id].extend(verdict.findings)
    return found, took


def theirs(documents: list[Document]) -> tuple[dict[str, list[tuple[int, str]]], float]:
    """(line, type) of what detect-secrets finds with its default plugins and filters, and the seconds it took."""
    from detect_secrets import SecretsCollection
    from detect_secrets.settings import default_settings

    logging.disable(logging.CRITICAL)
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, default_settings():
        for document in documents:
            (Path(folder) / document.path).write_text(document.text)
        started = time.perf_counter()
        secrets = SecretsCollection(root=folder)
        for document in documents:
            secrets.scan_file(document.path)
        took = time.perf_counter() - started
        for path, secret in secrets:
            found[path].append((secret.line_number, secret.type))
    return found, took


@dataclass
class Score:
    """Plants found of all, by kind, and findings that touch none."""

    found: Counter[str] = field(default_factory=Counter)
    all: Counter[str] = field(default_factory=Counter)
    right: int = 0
    wrong: list[str] = field(default_factory=list)

    def row(self, kinds: dict) -> str:
        got, total = (sum(counter[kind] for kind in kinds) for counter in (self.found, self.all))
        return f"{got}/{total} = {got / max(1, total):.3f}"

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + len(self.wrong))


def score(documents: list[Document], touches: Callable[[Document, int, int], bool], findings: Callable) -> Score:
    """``touches`` says whether something was found there, ``findings`` gives (is right, words) of everything found."""
    result = Score()
    for document in documents:
        for start, end, kind in document.plants:
            result.all[kind] += 1
            result.found[kind] += touches(document, start, end)
        for right, words in findings(document):
            result.right += right
            result.wrong += [] if right else [words]
    return result


def decoy_at(document: Document, lines: range) -> str:
    hits = [kind for start, _, kind in document.decoys if set(document.lines[start]) & set(lines)]
    return hits[0] if hits else "filler"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--instances", type=int, default=6)
    parser.add_argument("--missed", action="store_true", help="list what was missed or wrongly found")
    parser.add_argument("--real", type=Path, help="count what our checks say of this folder instead")
    parser.add_argument("--max-mb", type=float, default=20)
    options = parser.parse_args()
    if options.real:
        return real(options.real, options.max_mb * 1e6, options.missed)
    documents = planted(options.seed, options.instances)
    size = sum(len(document.text.encode()) for document in documents) / 1e6
    found, took = ours([record_of(document) for document in documents])
    other, other_s = theirs(documents)

    def plant_lines(document: Document) -> set[int]:
        return {line for start, _, _ in document.plants for line in document.lines[start]}

    exact = score(
        documents,
        lambda d, start, end: any(f.span_bytes[0] < end and start < f.span_bytes[1] for f in found[d.path]),
        lambda d: [
            (any(f.span_bytes[0] < end and start < f.span_bytes[1] for start, end, _ in d.plants),
             f"{f.rule} in {decoy_at(d, range(f.line, f.line + 1))}") for f in found[d.path]
        ],
    )  # fmt: skip
    by_line = score(
        documents,
        lambda d, start, end: any(f.line in d.lines[start] for f in found[d.path]),
        lambda d: [(f.line in plant_lines(d), f.rule) for f in found[d.path]],
    )
    peer = score(
        documents,
        lambda d, start, end: any(line in d.lines[start] for line, _ in other[d.path]),
        lambda d: [
            (line in plant_lines(d), f"{kind} in {decoy_at(d, range(line, line + 1))}") for line, kind in other[d.path]
        ],
    )
    decoys = sum(len(document.decoys) for document in documents)
    print(
        f"{len(SECRETS)} kinds of secrets, {len(PERSONAL)} of personal data, {len(DECOYS)} of decoys ({decoys}); seed {options.seed};"
    )
    print(
        f"{len(documents)} files, {size:.2f} MB; secrets {size / took['secrets']:.1f}, personal {size / took['personal-data']:.1f} MB/s\n"
    )
    print("| | secrets found | personal data found | all found | precision | MB/s |", "|---|--:|--:|--:|--:|--:|", sep="\n")
    rates = (size / sum(took.values()), size / sum(took.values()), size / other_s)
    names = ("ours, by bytes", "ours, by line", "detect-secrets 1.5.0, by line")
    for name, one, rate in zip(names, (exact, by_line, peer), rates, strict=True):
        cells = (
            one.row(SECRETS),
            one.row(PERSONAL),
            one.row({**SECRETS, **PERSONAL}),
            f"{one.precision:.3f}",
            f"{rate:.2f}",
        )
        print(f"| {name} | {' | '.join(cells)} |")
    if options.missed:
        print("\n| kind | n | ours | detect-secrets |", "|---|--:|--:|--:|", sep="\n")
        for kind in exact.all:
            print(f"| {kind} | {exact.all[kind]} | {exact.found[kind]} | {peer.found[kind]} |")
        print("\nours, wrong:", dict(Counter(exact.wrong)), "\ntheirs, wrong:", dict(Counter(peer.wrong)))


def real(folder: Path, max_bytes: float, listed: bool) -> None:
    """Counts by rule on real files; with ``listed``, path and line of each, never the text itself."""
    records, total = [], 0
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (
            ".py",
            ".js",
            ".ts",
            ".c",
            ".h",
            ".go",
            ".rs",
            ".java",
            ".json",
            ".md",
            ".rst",
            ".yaml",
            ".yml",
        ):
            continue
        data = path.read_bytes() if path.is_file() and total < max_bytes else b""
        if data and len(data) < 1_000_000:
            total += len(data)
            document = Document(str(path.relative_to(folder)), path.suffix[1:], data.decode("utf-8", "replace"))
            records.append(record_of(document))
    found, took = ours(records)
    rules = Counter(finding.rule for findings in found.values() for finding in findings)
    rates = ", ".join(f"{name} {total / 1e6 / seconds:.1f} MB/s" for name, seconds in took.items())
    print(f"{len(records)} files, {total / 1e6:.1f} MB: {rates}\n{dict(rules.most_common())}")
    for path, findings in found.items() if listed else ():
        for finding in findings:
            print(f"{path}:{finding.line}: {finding.severity} {finding.rule}: {finding.message}")


if __name__ == "__main__":
    main()
