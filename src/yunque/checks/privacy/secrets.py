"""Secrets in a text: keys, tokens, passwords, private keys, each with the exact bytes of the secret itself.

Two finders, one filter. Kingfisher (Apache-2.0) knows several hundred issuers' formats and runs in this process, without
the network: its ``Validator`` would send the secret to its issuer, so nothing here touches it, and a test kills the scan at
the first socket. Our own patterns add what has no issuer (assignments to telling names, addresses with a password, PEM
blocks) and what Kingfisher misses. The filter throws out what only looks like a secret, match by match, never file by file.

The secret's text is in no message, log or exception: a finding has its place and a fingerprint, the first eight hex digits
of its SHA-256 (enough to see that two are the same; a guessed weak password can be confirmed by it, so it is private, too).

In languages with a grammar the value of a telling name is read from the tree (`code.assignments`) where it does not stand
straight behind the name; a file is parsed only if such a literal is near.

Covered: any language; comments; secrets in base64 by Kingfisher's rules (the span is then the encoded text). Comments that
tell scanners to look away are not obeyed, since whoever wrote the text wrote them.
Not covered: secrets that are put together from variables, values below their name in languages with neither a grammar nor
settings, passwords that are plain words, encrypted or otherwise encoded ones, names of secrets in other languages than
English and Spanish.
"""

from __future__ import annotations

import functools
import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from yunque.checks.canaries import canary
from yunque.checks.findings import decide, error, skip, timed, worst_of
from yunque.checks.privacy.entropy import HASH_WORDS, HEX, UUID, is_fake
from yunque.checks.privacy.secret_patterns import CUT_URL, WIDE, Found, assignments, own_patterns, parsed_values
from yunque.code.languages import PARSED
from yunque.core.nouns import Canary, Finding, Record, Verdict
from yunque.core.paths import cache_folder

if TYPE_CHECKING:
    import kingfisher_sdk

PACKAGE = "kingfisher-secret-scanner"
NO_KINGFISHER = f"{PACKAGE} is not installed; pip install 'yunque[checks]'"
TIMEOUT_S = 20.0
MAX_FINDINGS = 2000
"""Of one text; one with more is data about people or keys, not code."""
MAX_PARSED_BYTES = 2 << 20
"""Longer texts are not parsed."""
REDACTED = b"REDACTED"
"""What `data.screening.redaction` writes for a secret; never a secret itself."""


@dataclass(frozen=True, kw_only=True)
class Secret:
    """Where a secret stands; never its text."""

    rule: str
    start: int
    end: int
    certain: bool
    """Its form is an issuer's own, or unmistakable; else it was taken for one by its name and its look."""


def fingerprint(data: bytes) -> str:
    """The first eight hex digits of the SHA-256."""
    return hashlib.sha256(data).hexdigest()[:8]


# -------------------------------------------------------------------------------------------------- Kingfisher
@functools.cache
def _scanner() -> kingfisher_sdk.Scanner:
    """Kingfisher's rules, compiled once on a machine (seconds) and read from our cache folder after that (0.4 s)."""
    import kingfisher_sdk

    folder = cache_folder() / "kingfisher"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    rules = kingfisher_sdk.Rules(cache_dir=folder)
    policy = kingfisher_sdk.DetectionPolicy(inline_ignores=False, markup_context=False)
    return kingfisher_sdk.Scanner(rules, policy=policy)


def _kingfisher(data: bytes) -> Iterator[Found]:
    for item in _scanner().scan(data, timeout=TIMEOUT_S):
        place, rule = item.location, item.rule_id.partition(".")[2].rpartition("/")[2]
        start, end = place["start_offset"], place["end_offset"]
        if item.visible and rule not in WIDE and 0 <= start < end <= len(data):
            yield 1, rule, start, end, item.confidence == "high"


def find_secrets(data: bytes, language: str = "") -> list[Secret]:
    """Every secret in UTF-8 bytes, in order, none inside another; of a value in pieces, every piece.

    A language with a grammar is parsed where a value may stand apart from its name. ImportError without Kingfisher;
    TimeoutError.
    """
    low, parsed = data.lower(), language in PARSED and len(data) <= MAX_PARSED_BYTES
    spans, places = assignments(data, low, parsed)
    if parsed and b"://" in data and b"@" in data:
        places = sorted([*places, *(match.start() for match in CUT_URL.finditer(data))])
    assigned_here = [(3, "assigned-secret", *span, False) for span in spans]
    kept: list[Secret] = []
    for _, rule, start, end, certain in sorted([*own_patterns(data, low), *_kingfisher(data), *assigned_here]):
        if not _dismissed(data, start, end, certain, rule):
            _keep(kept, Secret(rule=rule, start=start, end=end, certain=certain))
    if places:
        for rule, pieces in parsed_values(data, language, places):
            for start, end in pieces:
                _keep(kept, Secret(rule=rule, start=start, end=end, certain=False))
    return kept


def _keep(kept: list[Secret], match: Secret) -> None:
    """Put a secret in its place, unless another one stands there."""
    position = bisect_left(kept, match.start, key=lambda it: it.start)
    if (position == 0 or kept[position - 1].end <= match.start) and (
        position == len(kept) or match.end <= kept[position].start
    ):
        kept.insert(position, match)


def _dismissed(data: bytes, start: int, end: int, certain: bool, rule: str) -> bool:
    """Whether a match is not a secret: a placeholder, or a hash or UUID that only stood near a telling word."""
    value = data[start:end]
    if is_fake(value, certain=certain):
        return True
    if certain:
        return False
    line = data[data.rfind(b"\n", 0, start) + 1 : start].lower()
    hashed = HEX.fullmatch(value) and len(value) in (32, 40, 56, 64, 96, 128) and HASH_WORDS.search(line)
    uuid = rule != "assigned-secret" and UUID.fullmatch(value)
    return bool(uuid or hashed or value.startswith((b"sha256-", b"sha384-", b"sha512-")))


class Secrets:
    """A check (seams ``BatchCheck`` and ``ProvenCheck``) that fails a text with secrets, each with its exact place."""

    name = "secrets"

    def __init__(self) -> None:
        try:
            self.tool_version = metadata.version(PACKAGE)
        except metadata.PackageNotFoundError:
            self.tool_version = ""

    @timed
    def judge(self, record: Record) -> Verdict:
        """PASS, FAIL with every secret's place, SKIP without Kingfisher, or ERROR when it breaks."""
        data = record.text.encode("utf-8", "surrogatepass")
        try:
            secrets = find_secrets(data, record.language)
        except ImportError:
            return skip(self.name, NO_KINGFISHER)
        except TimeoutError:
            return error(self.name, f"the scan took over {TIMEOUT_S:.0f} s")
        except (RuntimeError, ValueError) as broken:  # its words could hold the text
            return error(self.name, f"the scanner broke ({type(broken).__name__})")
        findings = tuple(_finding(data, secret) for secret in secrets[:MAX_FINDINGS])
        detail = worst_of(findings, "no secret found")
        certain = sum(secret.certain for secret in secrets)
        values = {"secrets": float(len(secrets)), "certain": float(certain)}
        return decide(self.name, findings, values=values, fails=bool(secrets), detail=detail, most=None)

    def judge_all(self, records: Sequence[Record]) -> list[Verdict]:
        """The verdict of each, in their order; the rules are compiled once in a process."""
        return [self.judge(record) for record in records]

    def canaries(self) -> Sequence[Canary]:
        """One for each finder and pattern, put together here so that no scanner finds them in this file; and clean texts."""
        pem = "PRIVATE" + " KEY-----\n"
        planted = {
            "github-pat": f'TOKEN = "ghp_{_made(36)}"\n',
            "aws-access-key-id": f'KEY = "AKIA{_made(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")}"\n',
            "private-key": f'KEY = """-----BEGIN {pem}{_made(64)}\n{_made(40)}\n-----END {pem}"""\n',
            "url-password": f'URL = "https://ada:{_made(12)}@git.adatum.net/x"\n',
            "bearer-header": f'HEADERS = {{"Authorization": "Bearer {_made(40)}"}}\n',
            "assigned-secret": f'db_password = "{_made(14)}!"\n',
            "netrc-password": f"# login ada password {_made(12)}\n",
            "curl-user": f"# curl -u ada:{_made(12)} https://git.adatum.net\n",
        }
        clean = 'import os\n\npassword = os.environ["PASSWORD"]\nsha256 = "' + hashlib.sha256(b"x").hexdigest() + '"\n'
        docs = 'api_key = "YOUR_API_KEY"\nurl = "postgres://postgres:postgres@localhost/test"\ntoken = "xxxxxxxxxxxxxxxx"\n'
        return [
            *(canary(text, "python", rule) for rule, text in planted.items()),
            canary(clean, "python"),
            canary(docs, "python"),
        ]


def _finding(data: bytes, match: Secret) -> Finding:
    line = data.count(b"\n", 0, match.start) + 1
    return Finding(
        rule=match.rule,
        line=line,
        message=f"{match.rule.replace('-', ' ')} (fingerprint {fingerprint(data[match.start : match.end])})",
        severity="error" if match.certain else "warning",
        cwe=321 if match.rule == "private-key" else 798,
        span_bytes=(match.start, match.end),
    )


def _made(size: int, alphabet: str = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789") -> str:
    """A value that looks random and is always the same."""
    digits = hashlib.sha512(f"canary {size}".encode()).digest() * 2
    return "".join(alphabet[digit % len(alphabet)] for digit in digits[:size])
