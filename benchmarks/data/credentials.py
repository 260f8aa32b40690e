"""Secrets and personal data to be found, and what only looks like them: three parts, each made at run time from a seed.

Every plant and decoy stands in a line of some language or format, quoted, in a comment, as configuration, in an address; beside
them stands code of Python's standard library. The first part (``planted``) was written before the checks. The second
(``held_out``) was written after them, with other kinds and carriers, and the third (``fresh``) after the checks had learned from
the second; what each gave at first sight stands in ``docs/data.md``.

Not covered: what real people do with secrets. A plant is as its issuer writes it, in the frames below.
"""

# ruff: noqa: E501 (a kind a line)

from __future__ import annotations

import base64
import binascii
import inspect
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field

from yunque.core.nouns import seed_from

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
        """Write a line, and note where its plant or decoy is."""
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


# ------------------------------------------------------------------------------- the second part: other kinds, carriers, decoys
# Written later than the part above and than the checks, before a look at what they find in it.
def letters(rng: random.Random, size: int) -> str:
    return of(rng, ALNUM, size)


def nir(rng: random.Random) -> str:
    digits = f"{rng.randint(1, 2)}{rng.randint(50, 99)}{rng.randint(1, 12):02d}{rng.randint(10, 95)}{rng.randint(100, 990)}{rng.randint(100, 990)}"
    text = digits + f"{97 - int(digits) % 97:02d}"
    return " ".join((text[0], text[1:3], text[3:5], text[5:7], text[7:10], text[10:13], text[13:]))


# fmt: off
MORE_SECRETS: dict[str, Callable[[R], Value]] = {
    "slack-app": lambda r: Value(f"xapp-1-A{of(r, UPPER, 10)}-{of(r, '123456789', 13)}-{of(r, HEX, 64)}", names=("slack_app_token", "token")),
    "google-oauth": lambda r: Value("GOCSPX-" + of(r, URL64, 28), names=("client_secret", "google_client_secret")),
    "linear": lambda r: Value("lin_api_" + letters(r, 40), names=("linear_api_key", "key")),
    "notion": lambda r: Value("ntn_" + of(r, string.digits, 11) + letters(r, 35), names=("notion_token", "token")),
    "airtable": lambda r: Value(f"pat{letters(r, 14)}.{of(r, HEX, 64)}", names=("airtable_token", "token")),
    "figma": lambda r: Value("figd_" + of(r, URL64, 40), names=("figma_token", "token")),
    "grafana": lambda r: Value(f"glsa_{letters(r, 32)}_{of(r, HEX, 8)}", names=("grafana_token", "token")),
    "newrelic": lambda r: Value("NRAK-" + of(r, UPPER + string.digits, 27), names=("new_relic_api_key", "key")),
    "doppler": lambda r: Value("dp.pt." + letters(r, 43), names=("doppler_token", "token")),
    "planetscale": lambda r: Value("pscale_tkn_" + of(r, URL64, 43), names=("planetscale_token", "token")),
    "postman": lambda r: Value(f"PMAK-{of(r, HEX, 24)}-{of(r, HEX, 34)}", names=("postman_api_key", "key")),
    "replicate": lambda r: Value("r8_" + letters(r, 37), names=("replicate_api_token", "token")),
    "groq": lambda r: Value("gsk_" + letters(r, 52), names=("groq_api_key", "key")),
    "rubygems": lambda r: Value("rubygems_" + of(r, HEX, 48), names=("rubygems_api_key", "key")),
    "gitlab-runner": lambda r: Value("glrt-" + of(r, URL64, 20), names=("runner_token", "token")),
    "pulumi": lambda r: Value("pul-" + of(r, HEX, 40), names=("pulumi_access_token", "token")),
    "mailgun": lambda r: Value("key-" + of(r, HEX, 32), names=("mailgun_api_key",)),
    "datadog": lambda r: Value(of(r, HEX, 32), names=("datadog_api_key", "dd_api_key")),
    "cloudflare": lambda r: Value(of(r, URL64, 40), names=("cloudflare_api_token", "cf_api_token")),
    "square": lambda r: Value("sq0csp-" + of(r, URL64, 43), names=("square_secret",)),
    "stripe-webhook": lambda r: Value("whsec_" + letters(r, 32), names=("webhook_secret", "stripe_webhook_secret")),
    "terraform": lambda r: Value(f"{letters(r, 14)}.atlasv1.{of(r, URL64, 67)}", names=("terraform_token", "token")),
    "azure-ad": lambda r: Value(f"{letters(r, 3)}8Q~{of(r, ALNUM + '_.~-', 34)}", names=("azure_client_secret", "client_secret")),
    "jwt-secret": lambda r: Value(of(r, URL64, r.choice([43, 64])), names=("jwt_secret", "session_secret")),
    "encryption-key": lambda r: Value(base64.b64encode(r.randbytes(32)).decode(), names=("encryption_key", "master_key")),
    "weak-mixed": lambda r: Value(word(r, 3).title() + of(r, string.digits, 4) + r.choice("!#%*"), names=("password", "db_password", "smtp_password")),
}
MORE_LINES: dict[str, Callable[[R], tuple[str, Value]]] = {
    "amqp-url": lambda r: ("yaml", Value(password(r, "-_"), f"broker_url: amqp://{word(r)}:", f"@{host(r)}:5672//", (), "line")),
    "mysql-url": lambda r: ("env", Value(password(r, "-_"), f"DATABASE_URL=mysql+pymysql://{word(r)}:", f"@{host(r)}/{word(r)}", (), "line")),
    "smtp-url": lambda r: ("ini", Value(password(r, "-_"), f"mailer = smtps://{word(r)}:", f"@{host(r)}:465", (), "line")),
    "percent-url": lambda r: ("py", Value(f"{letters(r, 6)}%40{letters(r, 5)}%2F{of(r, string.digits, 2)}", f'DSN = "postgresql://{word(r)}:', f'@{host(r)}/app"', (), "line")),
    "pip-index": lambda r: ("ini", Value(letters(r, 26), f"index-url = https://{word(r)}:", f"@pypi.{word(r)}.com/simple", (), "line")),
    "git-remote-token": lambda r: ("sh", Value("ghp_" + github(r)[4:], "git clone https://x-access-token:", f"@github.com/{word(r)}/{word(r)}", (), "line")),
    "docker-auth": lambda r: ("json", Value(base64.b64encode(f"{word(r)}:{password(r)}".encode()).decode(), '    "auth": "', '"', (), "line")),
    "pgpassword": lambda r: ("sh", Value(password(r, "-_"), "PGPASSWORD=", f" psql -h {host(r)} -U {word(r)}", (), "line")),
    "mysql-option": lambda r: ("sh", Value(password(r, "-_"), f"mysql -u {word(r)} --password=", f" -h {host(r)} < dump.sql", (), "line")),
    "sshpass": lambda r: ("sh", Value(password(r, "-_"), "sshpass -p ", f" ssh {word(r)}@build.local", (), "line")),
    "identified-by": lambda r: ("sql", Value(password(r, "-_"), f"CREATE USER {word(r)} IDENTIFIED BY '", "';", (), "line")),
    "kubernetes-secret": lambda r: ("yaml", Value(base64.b64encode(password(r).encode()).decode(), "kind: Secret\ndata:\n  password: ", "", (), "line")),
    "jwk": lambda r: ("json", Value(of(r, URL64, 43), '{"kty": "EC", "crv": "P-256", "d": "', f'", "x": "{of(r, URL64, 43)}"}}', (), "line")),
    "base64-token": lambda r: ("yaml", Value(base64.b64encode(github(r).encode()).decode(), "  token: ", "", (), "line")),
    "base64-env-file": lambda r: ("txt", Value(base64.b64encode(f"GITHUB_TOKEN={github(r)}\n".encode()).decode(), "", "", (), "line")),
    "key-in-json-escapes": lambda r: ("json", Value("\\\\n".join(of(r, B64, 64) for _ in range(5)), '  "body": "{\\"key\\": \\"-----BEGIN RSA PRIVATE' + " KEY-----\\\\n", "\\\\n-----END RSA PRIVATE" + ' KEY-----\\"}",', (), "line")),
}
MORE_PERSONAL: dict[str, Callable[[R], tuple[str, Value]]] = {
    "mail-markdown": lambda r: ("md", Value(mail(r), "Write to <", ">.", (), "line")),
    "mail-mailto": lambda r: ("html", Value(mail(r), '<a href="mailto:', '?subject=x">mail</a>', (), "line")),
    "mail-json": lambda r: ("json", Value(mail(r), '  "email": "', '",', (), "line")),
    "mail-sql": lambda r: ("sql", Value(mail(r), "INSERT INTO users VALUES (7, '", "', 1);", (), "line")),
    "mail-csv": lambda r: ("csv", Value(mail(r), "17,", ",active,2024-01-02", (), "line")),
    "mail-log": lambda r: ("log", Value(mail(r), "2024-01-02 03:04:05 INFO login of ", " from web", (), "line")),
    "mail-escaped": lambda r: ("json", Value(mail(r), '  "source": ["to = \\"', '\\"\\n"],', (), "line")),
    "mail-query": lambda r: ("py", Value(mail(r).replace("@", "%40"), f'url = "https://{host(r)}/unsubscribe?email=', '&x=1"', (), "line")),
    "ip-log": lambda r: ("log", Value(public_ipv4(r), "", ' - - [02/Jan/2024:03:04:05 +0000] "GET / HTTP/1.1" 200', (), "line")),
    "ip-nginx": lambda r: ("conf", Value(public_ipv4(r), "    allow ", ";", (), "line")),
    "ip-hosts": lambda r: ("txt", Value(public_ipv4(r), "", f"\t{host(r)} {word(r)}", (), "line")),
    "ip-ssh": lambda r: ("sh", Value(public_ipv4(r), "ssh deploy@", " uptime", (), "line")),
    "ip-tuple": lambda r: ("py", Value(public_ipv4(r), "sock.connect(('", "', 443))", (), "line")),
    "ipv6-url": lambda r: ("js", Value(f"2a01:4f8:{of(r, '123456789abcdef', 4)}:{of(r, '123456789abcdef', 3)}::2", 'const api = "http://[', ']:8080/";', (), "line")),
    "phone-tel": lambda r: ("html", Value("+34" + r.choice("67") + of(r, string.digits, 8), '<a href="tel:', '">call</a>', (), "line")),
    "phone-signature": lambda r: ("md", Value(phone(r), "Phone: ", "", (), "line")),
    "iban-yaml": lambda r: ("yaml", Value(iban(r).text, "iban: ", "", (), "line")),
    "card-json": lambda r: ("json", Value(card(r).text, '  "card_number": "', '",', (), "line")),
    "dni-prose": lambda r: ("md", Value(dni(r), "con DNI ", ", vecino de", (), "line")),
    "nir": lambda r: ("py", Value(nir(r), 'ssn = "', '"', (), "line")),
    "home-traceback": lambda r: ("log", Value(word(r), '  File "/home/', '/venv/lib/x.py", line 3, in f', (), "line")),
    "home-file-url": lambda r: ("json", Value(word(r), '  "uri": "file:///home/', '/project/a.py",', (), "line")),
    "home-windows-escaped": lambda r: ("py", Value(word(r), 'p = "C:\\\\Users\\\\', '\\\\Desktop\\\\x.csv"', (), "line")),
    "home-yaml": lambda r: ("yaml", Value(word(r), "volume: /Users/", "/data:/data", (), "line")),
    "author-npm": lambda r: ("json", Value(person(r), '  "author": "', ' <x@example.com>",', (), "line")),
    "author-pyproject": lambda r: ("toml", Value(person(r), 'authors = [{name = "', '", email = "x@example.com"}]', (), "line")),
    "co-author": lambda r: ("txt", Value(person(r), "Co-authored-by: ", " <x@example.com>", (), "line")),
    "author-git": lambda r: ("txt", Value(person(r), "Author: ", " <x@example.com>\nDate:   Tue Jan 2 03:04:05 2024 +0100", (), "line")),
    "author-python": lambda r: ("py", Value(person(r), "__author__ = '", "'", (), "line")),
}
CARRIERS: tuple[tuple[str, str], ...] = (
    ("env", "NAME=VALUE"), ("env", "export NAME='VALUE'"), ("yaml", "  - NAME=VALUE"), ("yaml", "NAME: VALUE"), ("yaml", '  NAME: "VALUE"'),
    ("json", '  "NAME": "VALUE",'), ("json", '  "body": "{\\"NAME\\": \\"VALUE\\"}",'), ("toml", 'NAME = "VALUE"'), ("ini", "NAME = VALUE"),
    ("py", "os.environ['NAME'] = 'VALUE'"), ("py", 'parser.add_argument("--NAME", default="VALUE")'), ("py", 'connect(host, NAME="VALUE", port=1)'),
    ("py", '# old: NAME = "VALUE"'), ("py", 'NAME: Final[str] = "VALUE"'), ("js", "  headers: {'x': 1, NAME: `VALUE`},"), ("js", 'NAME="VALUE",b=c(1);'),
    ("ts", '  readonly NAME: string = "VALUE";'), ("go", '\tos.Setenv("NAME", "VALUE")'), ("java", '    config.setProperty("NAME", "VALUE");'),
    ("cs", '    private const string NAME = "VALUE";'), ("kt", 'val NAME = "VALUE"'), ("tf", '  NAME = "VALUE"'), ("Dockerfile", "ENV NAME=VALUE"),
    ("xml", '  <add key="NAME" value="VALUE"/>'), ("xml", "  <NAME>VALUE</NAME>"), ("sh", 'run --NAME "VALUE"'), ("sh", "run --NAME=VALUE"),
    ("ps1", '$env:NAME = "VALUE"'), ("ipynb", '    "NAME = \\"VALUE\\"\\n",'), ("ipynb", "    \"client = C(NAME='VALUE')\\n\","),
    ("py", 'get("https://api.bodega.net/v1?NAME=VALUE&page=2")'), ("log", "2024-01-02 03:04:05 INFO sent NAME=VALUE to worker 3"),
    ("rb", "  'NAME' => 'VALUE',"), ("md", "    NAME=VALUE ./run.sh"),
)
MORE_DECOYS: dict[str, Callable[[R], tuple[str, str]]] = {
    "npm-lock": lambda r: ("json", f'      "integrity": "sha512-{of(r, B64, 86)}==",'),
    "poetry-lock": lambda r: ("toml", f'    {{file = "a-1.0.whl", hash = "sha256:{of(r, HEX, 64)}"}},'),
    "cargo-lock": lambda r: ("toml", f'checksum = "{of(r, HEX, 64)}"'),
    "go-sum": lambda r: ("txt", f"github.com/{word(r)}/{word(r)} v1.2.3 h1:{of(r, B64, 43)}="),
    "pip-hash": lambda r: ("txt", f"    --hash=sha256:{of(r, HEX, 64)} \\"),
    "sri": lambda r: ("html", f'<script src="/a.js" integrity="sha384-{of(r, B64, 64)}" crossorigin="anonymous"></script>'),
    "image-digest": lambda r: ("yaml", f"image: {word(r)}/{word(r)}@sha256:{of(r, HEX, 64)}"),
    "submodule": lambda r: ("txt", f"Subproject commit {of(r, HEX, 40)}"),
    "action-pin": lambda r: ("yaml", f"      - uses: actions/checkout@{of(r, HEX, 40)}"),
    "actions-secret": lambda r: ("yaml", "          TOKEN: ${{ secrets.DEPLOY_TOKEN }}"),
    "key-fingerprint": lambda r: ("txt", f"SHA256:{of(r, B64, 43)} {word(r)} (ED25519)"),
    "known-hosts": lambda r: ("txt", f"github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{of(r, B64, 43)}"),
    "css-image": lambda r: ("css", f".a {{ background: url(data:image/png;base64,iVBORw0KGgo{of(r, B64, 200)}==); }}"),
    "woff": lambda r: ("css", f"@font-face {{ src: url(data:font/woff2;base64,d09GMg{of(r, B64, 300)}) }}"),
    "minified": lambda r: ("js", f"!function(e,t){{var n=t.token,r=e.password||(e.key=n);return r.secret=function(a){{return a.{word(r)}}}}}(a,b);"),
    "source-map": lambda r: ("js", '{"version":3,"mappings":"' + ";".join(of(r, ALNUM, 8) for _ in range(20)) + '"}'),
    "translated": lambda r: ("json", r.choice(['  "password": "Contraseña",', '  "password": "Mot de passe oublié ?",', '  "token": "Zugriffsschlüssel",', '  "password_hint": "Mindestens 8 Zeichen",'])),
    "translated-po": lambda r: ("txt", 'msgid "Password"\nmsgstr "Contraseña123 no válida"'),
    "validation": lambda r: ("js", "  password: yup.string().min(8).matches(/[A-Z][0-9]+/),"),
    "regular-expression": lambda r: ("py", 'TOKEN = re.compile(r"ghp_[A-Za-z0-9]{36}")'),
    "getter": lambda r: ("java", "    String password = request.getParameter(\"password1\");"),
    "field-constant": lambda r: ("java", '    public static final String PASSWORD_KEY = "user.password.v2";'),
    "enum": lambda r: ("ts", '  AccessToken = "ACCESS_TOKEN_V2",'),
    "keyboard": lambda r: ("js", '  if (event.key === "ArrowLeft2") move(token);'),
    "css-token": lambda r: ("css", f"  --token-color-primary500: #{of(r, HEX, 6)};"),
    "sort-key": lambda r: ("py", "rows.sort(key=lambda row: row['token2Id'])"),
    "cache-key": lambda r: ("py", f'cache_key = "v2:user:{of(r, string.digits, 6)}:profile"'),
    "public-certificate": lambda r: ("txt", "-----BEGIN CERTIFICATE-----\n" + "\n".join(of(r, B64, 64) for _ in range(4)) + "\n-----END CERTIFICATE-----"),
    "public-pem": lambda r: ("txt", "-----BEGIN PUBLIC KEY-----\n" + "\n".join(of(r, B64, 64) for _ in range(3)) + "\n-----END PUBLIC KEY-----"),
    "stars": lambda r: ("log", "password=******** token=****abcd"),
    "placeholder-env": lambda r: ("env", r.choice(["API_KEY=your-api-key-here", "API_TOKEN=<token>", "SECRET_KEY=change-me-in-production", "DB_PASSWORD=", "TOKEN=xxxxxxxxxxxxxxxxxxxx"])),
    "documented-aws": lambda r: ("md", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"),
    "compose-default": lambda r: ("yaml", "      POSTGRES_PASSWORD: postgres"),
    "tracing": lambda r: ("log", f"traceparent: 00-{of(r, HEX, 32)}-{of(r, HEX, 16)}-01"),
    "content-id": lambda r: ("txt", f"Qm{of(r, ALNUM, 44)}"),
    "uuid-token": lambda r: ("py", f'tenant_id = "{"-".join(of(r, HEX, size) for size in (8, 4, 4, 4, 12))}"'),
    "translation-mail": lambda r: ("py", f'EMAIL = "user@example.{r.choice(["com", "org"])}"'),
    "unit": lambda r: ("txt", f"getty@tty{r.randint(1, 6)}.service"),
    "version-pin": lambda r: ("json", f'  "resolved": "{word(r)}@npm:{r.randint(1, 9)}.{r.randint(1, 20)}.4",'),
    "decorator": lambda r: ("py", "@app.route('/users/me')"),
    "dotted-version": lambda r: ("txt", f"Chrome/{r.randint(60, 120)}.0.{r.randint(1000, 9999)}.124 Safari/537.36"),
    "assembly-version": lambda r: ("cs", f'[assembly: AssemblyVersion("{r.randint(1, 40)}.{r.randint(0, 30)}.0.0")]'),
    "private-net": lambda r: ("conf", f"    allow 10.{r.randint(0, 255)}.0.0/16; # 192.168.{r.randint(0, 255)}.4"),
    "documentation-net": lambda r: ("md", f"at 203.0.113.{r.randint(1, 254)} or 2001:db8:{of(r, HEX, 4)}::1"),
    "section": lambda r: ("md", f"see section {r.randint(1, 9)}.{r.randint(1, 9)}.{r.randint(1, 9)}.{r.randint(1, 9)}"),
    "isbn": lambda r: ("md", f"ISBN 978-0-{of(r, string.digits, 6)}-{of(r, string.digits, 2)}-1"),
    "coordinates": lambda r: ("py", f"AT = (40.{of(r, string.digits, 6)}, -3.{of(r, string.digits, 6)})"),
    "ticket": lambda r: ("md", f"order 4{of(r, string.digits, 11)} of +{r.randint(2, 9)} items"),
    "organisation": lambda r: ("py", "# Author: The Project Developers\n# Copyright (c) 2024 Widget Inc."),
    "system-home": lambda r: ("Dockerfile", r.choice(["COPY . /home/node/app/", "WORKDIR /home/appuser/src", "RUN chown app /home/app/x"])),
    "route-home": lambda r: ("js", "router.get('/users/profile/edit', show);"),
}
# fmt: on


def cased(name: str, template: str, suffix: str) -> str:
    """The name as that place writes it."""
    if suffix in ("env", "Dockerfile", "ps1") or "=VALUE " in template or "environ" in template or "Setenv" in template:
        return name.upper()
    if "--" in template:
        return name.replace("_", "-")
    if suffix in ("js", "ts", "kt", "java", "cs") and "'" not in template:
        first, *rest = name.split("_")
        return first + "".join(one.title() for one in rest)
    return name


def held_out(seed: int, instances: int) -> list[Document]:
    """Documents with every kind of the second part ``instances`` times, each in another carrier, and as many decoys."""
    makers = (MORE_SECRETS, CARRIERS, {**MORE_LINES, **MORE_PERSONAL}, MORE_DECOYS)
    return _lines(random.Random(seed_from("held out", seed)), instances, "held", *makers)


def _lines(
    rng: random.Random, instances: int, name: str, secrets: dict, carriers: tuple, others: dict, decoys: dict
) -> list[Document]:
    items: dict[str, list[tuple[str, str, str, str, bool]]] = {}
    for _ in range(instances):
        for kind, make in secrets.items():
            suffix, template = rng.choice(carriers)
            value = make(rng)
            named = template.replace("NAME", cased(rng.choice(value.names), template, suffix))
            before, after = named.split("VALUE")
            items.setdefault(suffix, []).append((before, value.text, after, kind, True))
        for kind, make in others.items():
            suffix, value = make(rng)
            items.setdefault(suffix, []).append((value.before, value.text, value.after, kind, True))
        for kind, make in decoys.items():
            suffix, text = make(rng)
            items.setdefault(suffix, []).append(("", text, "", kind, False))
    documents, lines = [], [line for line in filler() if line.strip()]
    for suffix, ours in items.items():
        rng.shuffle(ours)
        for at in range(0, len(ours), 8):
            document = Document(
                path=f"{name}{len(documents):03d}.{suffix}",
                language={"py": "python", "js": "javascript"}.get(suffix, suffix),
            )
            for item in ours[at : at + 8]:
                if suffix in ("py", "md", "log", "txt"):
                    start = rng.randrange(len(lines) - 8)
                    document.text += "\n".join(lines[start : start + rng.randint(1, 8)]) + "\n"
                document.add(*item)
            documents.append(document)
    return documents


# ------------------------------------------------------------------ the third part: fresh, after the second had been learned from
# fmt: off
FRESH_SECRETS: dict[str, Callable[[R], Value]] = {
    "slack-user": lambda r: Value(f"xoxp-{of(r, '123456789', 12)}-{of(r, '123456789', 12)}-{of(r, '123456789', 13)}-{of(r, HEX, 32)}", names=("slack_token", "token")),
    "heroku": lambda r: Value("HRKU-AA" + of(r, URL64, 58), names=("heroku_api_key", "key")),
    "dropbox": lambda r: Value("sl.B" + of(r, URL64, 136), names=("dropbox_token", "access_token")),
    "mapbox": lambda r: Value(f"sk.eyJ1Ijoi{of(r, ALNUM, 80)}.{of(r, URL64, 22)}", names=("mapbox_secret", "token")),
    "perplexity": lambda r: Value("pplx-" + letters(r, 48), names=("perplexity_api_key", "key")),
    "supabase": lambda r: Value("sbp_" + of(r, HEX, 40), names=("supabase_access_token", "token")),
    "tailscale": lambda r: Value(f"tskey-auth-{letters(r, 12)}-{letters(r, 32)}", names=("ts_authkey", "tailscale_key")),
    "vercel": lambda r: Value(letters(r, 24), names=("vercel_token",)),
    "hmac-key": lambda r: Value(of(r, HEX, 64), names=("hmac_key", "signing_key", "hmac_secret")),
    "aws-session": lambda r: Value("IQoJb3JpZ2luX2Vj" + of(r, B64, 300) + "==", names=("aws_session_token",)),
    "cookie-secret": lambda r: Value(base64.b64encode(r.randbytes(48)).decode(), names=("cookie_secret", "oauth2_proxy_cookie_secret")),
    "strong-password": lambda r: Value(of(r, ALNUM + "!#%*+_-", 20), names=("root_password", "ansible_password", "keystore_password", "ldap_bind_password")),
    "passphrase": lambda r: Value(word(r, 2).title() + "-" + of(r, string.digits, 3) + "-" + word(r, 2).title() + r.choice("!?#"), names=("passphrase", "gpg_passphrase", "vault_password")),
}
FRESH_LINES: dict[str, Callable[[R], tuple[str, Value]]] = {
    "wordpress-salt": lambda r: ("php", Value(of(r, ALNUM + "!@#%^&*()-_[]{}~+=,.;:/?|", 64), "define('AUTH_KEY',         '", "');", (), "line")),
    "rails": lambda r: ("yml", Value(of(r, HEX, 128), "  secret_key_base: ", "", (), "line")),
    "laravel": lambda r: ("env", Value(base64.b64encode(r.randbytes(32)).decode(), "APP_KEY=base64:", "", (), "line")),
    "spring": lambda r: ("properties", Value(password(r, "-_"), "spring.datasource.password=", "", (), "line")),
    "pgpass": lambda r: ("pgpass", Value(password(r, "-_"), f"{host(r)}:5432:{word(r)}:{word(r)}:", "", (), "line")),
    "kafka-jaas": lambda r: ("properties", Value(password(r, "-_"), f'jaas.config=PlainLoginModule required username="{word(r)}" password="', '";', (), "line")),
    "wifi": lambda r: ("conf", Value(password(r, "-_"), 'psk="', '"', (), "line")),
    "odbc": lambda r: ("cs", Value(password(r, "-_"), f'var c = "Driver={{SQL Server}};Server={word(r)};UID={word(r)};PWD=', ';";', (), "line")),
    "proxy": lambda r: ("sh", Value(password(r, "-_"), f"export http_proxy=http://{word(r)}:", f"@proxy.{word(r)}.net:3128", (), "line")),
    "api-key-header": lambda r: ("sh", Value(letters(r, 40), "curl -H 'X-Api-Key: ", f"' https://{host(r)}/v2", (), "line")),
    "github-header": lambda r: ("sh", Value("ghp_" + github(r)[4:], 'curl -H "Authorization: token ', '" https://api.github.com/user', (), "line")),
    "openssl": lambda r: ("sh", Value(password(r, "-_"), "openssl rsa -in k.pem -passin pass:", "", (), "line")),
    "gpg": lambda r: ("sh", Value(password(r, "-_"), "gpg --batch --passphrase '", "' -d x.gpg", (), "line")),
    "soap": lambda r: ("xml", Value(password(r, "-_"), '<wsse:Password Type="PasswordText">', "</wsse:Password>", (), "line")),
    "auth-tuple": lambda r: ("py", Value(password(r, "-_"), f"requests.get(url, auth=('{word(r)}', '", "'))", (), "line")),
    "login-call": lambda r: ("py", Value(password(r, "-_"), f'smtp.login("{word(r)}", "', '")', (), "line")),
    "ftp-url": lambda r: ("yaml", Value(password(r, "-_"), f"source: ftp://{word(r)}:", f"@{host(r)}/pub", (), "line")),
    "docker-env": lambda r: ("sh", Value(password(r, "-_"), "docker run -e POSTGRES_PASSWORD=", " -d postgres:16", (), "line")),
    "kubectl": lambda r: ("sh", Value(password(r, "-_"), "kubectl create secret generic db --from-literal=password=", "", (), "line")),
    "kubernetes-env": lambda r: ("yaml", Value(password(r, "-_"), "        - name: DB_PASSWORD\n          value: ", "", (), "line")),
    "task-definition": lambda r: ("json", Value(letters(r, 32), '  {"name": "API_TOKEN", "value": "', '"},', (), "line")),
    "htaccess-cron": lambda r: ("txt", Value(letters(r, 32), "*/5 * * * * curl -s 'https://cron.bodega.net/run?secret=", "'", (), "line")),
    "git-config": lambda r: ("ini", Value("glpat-" + of(r, URL64, 20), "\turl = https://oauth2:", f"@gitlab.com/{word(r)}/{word(r)}.git", (), "line")),
    "sql-update": lambda r: ("sql", Value("sk_" + "live_" + of(r, ALNUM, 24), "UPDATE settings SET value = '", "' WHERE name = 'stripe';", (), "line")),
    "ec-key-one-line": lambda r: ("env", Value("\\n".join([of(r, B64, 64), of(r, B64, 64), of(r, B64, 36) + "=="]), 'KEY="-----BEGIN EC PRIVATE' + " KEY-----\\n", "\\n-----END EC PRIVATE" + ' KEY-----\\n"', (), "line")),
}
FRESH_CARRIERS: tuple[tuple[str, str], ...] = (
    ("scala", '  val NAME = "VALUE"'), ("exs", 'config :app, NAME: "VALUE"'), ("lua", 'local NAME = "VALUE"'), ("R", 'NAME <- "VALUE"'), ("pl", "my $NAME = 'VALUE';"),
    ("nix", '  NAME = "VALUE";'), ("service", 'Environment="NAME=VALUE"'), ("ps1", '@{ NAME = "VALUE"; Port = 22 }'), ("bat", "set NAME=VALUE"), ("mk", "NAME := VALUE"),
    ("gradle", '    buildConfigField "String", "NAME", "VALUE"'), ("properties", "app.NAME: VALUE"), ("swift", 'let NAME: String = "VALUE"'), ("dart", "  final NAME = 'VALUE';"),
    ("py", 'settings.update({"NAME": "VALUE"})'), ("py", 'NAME = b"VALUE"'), ("py", 'def f(NAME: str = "VALUE"): ...'), ("py", 'NAME = os.getenv("NAME", "VALUE")'),
    ("js", "localStorage.setItem('NAME', 'VALUE');"), ("js", 'const { NAME = "VALUE" } = options;'), ("js", "process.env.NAME ||= 'VALUE';"), ("tsx", '<Client NAME="VALUE" />'),
    ("rs", '    .header("NAME", "VALUE")'), ("go", '\tNAME: "VALUE",'), ("yaml", "    - NAME: VALUE # old"), ("json", '{"a":1,"NAME":"VALUE","b":[]}'), ("html", '<meta name="NAME" content="VALUE">'),
)
FRESH_DECOYS: dict[str, Callable[[R], tuple[str, str]]] = {
    "yarn-lock": lambda r: ("txt", f'  resolved "https://registry.bodega.net/x/-/x-1.0.tgz#{of(r, HEX, 40)}"'),
    "nix-hash": lambda r: ("nix", f'  sha256 = "sha256-{of(r, B64, 43)}=";'),
    "terraform-lock": lambda r: ("hcl", f'    "zh:{of(r, HEX, 64)}",'),
    "swift-lock": lambda r: ("json", f'        "revision" : "{of(r, HEX, 40)}",'),
    "test-vector": lambda r: ("py", f'assert sha1(b"x").hexdigest() == "{of(r, HEX, 40)}"'),
    "i18n-key": lambda r: ("json", f'  "errors.password.too_short": "{word(r)} {word(r)} 8+",'),
    "css-module": lambda r: ("css", f".passwordField_{of(r, ALNUM, 5)} {{ color: #{of(r, HEX, 6)}; }}"),
    "graphql": lambda r: ("graphql", "  refreshToken(input: RefreshTokenInput2!): TokenPayload!"),
    "proto": lambda r: ("proto", "  string access_token = 12; // opaque"),
    "openapi": lambda r: ("yaml", "      tokenUrl: https://auth.bodega.net/oauth2/v2/token"),
    "vue-prop": lambda r: ("html", '<input type="password" name="password1" autocomplete="current-password">'),
    "label": lambda r: ("html", '<label for="token2">Token (2FA)</label>'),
    "hash-of-password": lambda r: ("py", f"password_hash = '{of(r, HEX, 64)}'"),
    "vault-reference": lambda r: ("yaml", "  password: vault:secret/data/db#password1"),
    "ssm-reference": lambda r: ("yaml", "  DB_PASSWORD: ${ssm:/prod/db/password1}"),
    "secret-manager": lambda r: ("py", 'secret = "projects/42/secrets/db-password/versions/3"'),
    "arn": lambda r: ("tf", '  secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-Ab12Cd"'),
    "type-hint": lambda r: ("py", "token: Optional[AccessTokenV2] = None"),
    "lexer-token": lambda r: ("py", 'token = Token("IDENT2", value, line=3)'),
    "tokenizer": lambda r: ("json", '  "pad_token": "<|endoftext2|>", "unk_token": "[UNK0]",'),
    "password-rule": lambda r: ("py", 'password_pattern = "^(?=.*[A-Z])(?=.*[0-9]).{12,}$"'),
    "asterisks": lambda r: ("py", "password = '" + "*" * 12 + "'"),
    "lorem": lambda r: ("md", f"The password of {word(r)} is stored as a hash; the token: see chapter 12."),
    "spdx": lambda r: ("txt", "// SPDX-License-Identifier: Apache-2.0 Key: value1"),
    "keycode": lambda r: ("java", "    if (keyCode == KeyEvent.VK_F12) primaryKey = table2Id;"),
    "data-uri-svg": lambda r: ("css", f"  background: url('data:image/svg+xml;base64,PHN2ZyB4bWxu{of(r, B64, 160)}');"),
    "geohash": lambda r: ("csv", f"{word(r)},{of(r, ALNUM, 9)},{r.randint(1, 90)}.{of(r, string.digits, 5)}"),
    "build-id": lambda r: ("txt", f"BuildID[sha1]={of(r, HEX, 40)}, not stripped"),
    "jira": lambda r: ("md", "PROJ-12345: TOKEN-678 fixes KEY-90"),
    "maven": lambda r: ("xml", "    <version>10.1.24.1</version>"),
    "ntp": lambda r: ("conf", "server 0.pool.ntp.org iburst; broadcast 192.168.10.255"),
    "docs-mail": lambda r: ("rst", "mail the list at <dev-subscribe@lists.example.org> or user@localhost"),
    "scala-at": lambda r: ("scala", "  case list@List(a, b) => x@y.z"),
    "ssh-host": lambda r: ("sh", f"rsync -a deploy@build.internal:/srv/{word(r)} ."),
    "home-tilde": lambda r: ("sh", "cp ~/.bashrc $HOME/x && ls /home/*/x"),
}
FRESH_PERSONAL: dict[str, Callable[[R], tuple[str, Value]]] = {
    "mail-yaml-list": lambda r: ("yaml", Value(mail(r), "  - ", "", (), "line")),
    "mail-codeowners": lambda r: ("txt", Value(mail(r), "*.py   ", "", (), "line")),
    "mail-changelog": lambda r: ("txt", Value(mail(r), " -- Maintainer <", ">  Tue, 02 Jan 2024 03:04:05 +0100", (), "line")),
    "mail-php": lambda r: ("php", Value(mail(r), "$mailer->addAddress('", "');", (), "line")),
    "mail-fixture": lambda r: ("json", Value(mail(r), '{"id":3,"mail":"', '","ok":true}', (), "line")),
    "ip-terraform": lambda r: ("tf", Value(public_ipv4(r), '  cidr_blocks = ["', '/32"]', (), "line")),
    "ip-iptables": lambda r: ("sh", Value(public_ipv4(r), "iptables -A INPUT -s ", " -j ACCEPT", (), "line")),
    "ip-json": lambda r: ("json", Value(public_ipv4(r), '{"remote_addr":"', '","status":200}', (), "line")),
    "ip-dsn": lambda r: ("env", Value(public_ipv4(r), "REDIS_HOST=", "", (), "line")),
    "ipv6-zone": lambda r: ("txt", Value(f"2a02:2e0:{of(r, '123456789abcdef', 3)}:{of(r, '123456789abcdef', 4)}::7", "", " router.example.com", (), "line")),
    "phone-csv": lambda r: ("csv", Value(phone(r), "17,x,", ",active", (), "line")),
    "phone-json": lambda r: ("json", Value(phone(r), '  "mobile": "', '",', (), "line")),
    "iban-sql": lambda r: ("sql", Value(iban(r).text, "INSERT INTO payouts VALUES ('", "');", (), "line")),
    "card-form": lambda r: ("py", Value(card(r).text, 'form["credit_card"] = "', '"', (), "line")),
    "dni-json": lambda r: ("json", Value(dni(r), '{"nif":"', '"}', (), "line")),
    "home-notebook": lambda r: ("ipynb", Value(word(r), '      "/home/', '/miniconda3/lib/python3.11/x.py:3: Warning\\n",', (), "line")),
    "home-crash": lambda r: ("log", Value(word(r), "    at run (/Users/", "/code/app/index.js:3:7)", (), "line")),
    "home-windows-plain": lambda r: ("txt", Value(word(r), "C:\\Users\\", "\\AppData\\Local\\x.log", (), "line")),
    "author-docblock": lambda r: ("js", Value(person(r), " * @author ", "", (), "line")),
    "author-setup": lambda r: ("py", Value(person(r), '    author="', '",', (), "line")),
    "author-gemspec": lambda r: ("rb", Value(person(r), "  spec.authors = ['", "']", (), "line")),
    "author-pom": lambda r: ("xml", Value(person(r), "<developer><name>", "</name></developer>", (), "line")),
    "reviewed": lambda r: ("txt", Value(person(r), "Reviewed-by: ", " <x@example.com>", (), "line")),
}
# fmt: on


def fresh(seed: int, instances: int) -> list[Document]:
    """Documents with every kind of the third part, as of ``held_out``."""
    makers = (FRESH_SECRETS, FRESH_CARRIERS, {**FRESH_LINES, **FRESH_PERSONAL}, FRESH_DECOYS)
    return _lines(random.Random(seed_from("fresh", seed)), instances, "fresh", *makers)
