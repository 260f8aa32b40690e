"""Whether a value was made up by a machine, or is a word, a placeholder, a hash, a path: what tells secrets from the rest.

By bytes, without a model: classes of characters, runs, words, and lists of what documentation writes where a secret goes.

Covered: placeholders in English, values of fresh installations, expressions and types of code, UUIDs, hashes by the words
beside them. Not covered: passwords that are plain words.
"""

from __future__ import annotations

import base64
import re
from itertools import pairwise

_FAKE = re.compile(
    rb"redacted|example|sample|dummy|placeholder|change[-_.]?(?:me|it|this)|(?:^|[-_ ])(?:your|my)[-_ ]|insert[-_]|replace"
    rb"|(?:^|[-_ ])fake|[a-z0-9]_password$"
    rb"|not[-_]?(?:a[-_])?real|put[-_]|enter[-_]|deadbeef|00010203|01020304|01234567|12345678|abcdefgh"
    rb"|xxxx|\*\*\*|\.\.\.|____|----|^<|<[^<>]*>|\$\{|^\$\(|\{\{|%\(\w+\)|^%[sd]|#\{|^\$\w+$|^%\w+%$|^\{.*\}$|^\["
    rb"|(?:test|demo|some[-_ ]|the[-_ ]|a[-_ ]|valid|invalid|bad|wrong|secret|dev|mock)[-_ ]?"
    rb"(?:key|token|secret|pass|pwd|user|value)",
    re.IGNORECASE,
)
_ALWAYS_FAKE = re.compile(rb"redacted|example|xxxxx|\*\*\*|\.\.\.|<|placeholder|\$\{|\{\{", re.IGNORECASE)
OTHER_NAMES = re.compile(
    rb"public|tokeni[sz]|keyw|keyb|monkey|pass(?!w|phrase|code|key)[a-z]|bypass|compass|secretar|next_?-?token|page_?token|starting.?token"
    rb"|continuation|cursor|foreign|primary|routing|sort_key|cache_key|partition|license"
)
HASH_WORDS = re.compile(
    rb"sha\d|sha-\d|md5|hash|checksum|digest|commit|\brev|etag|integrity|\bblob|\btree|fingerprint|nonce|salt|\biv\b"
)
_CAMEL = re.compile(rb"(?:[A-Za-z][a-z]{2,}|[A-Z]{2,}|[-_./:@ ]|[vV]\d)+\d{0,2}")
UUID = re.compile(rb"(?:[0-9a-fA-F]{4,12}-){1,4}[0-9a-fA-F]{4,12}")
"""Or a part of one."""
_PARTS = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[-_./:@ #?&=]+|.", re.DOTALL)
_EXPRESSION = re.compile(
    rb"\[[a-zA-Z0-9^\\]+-|\(\?|\\[dws]|\A(?:arn|urn|projects|https?|file|s3):|\A\d{4}-\d\d-\d\d|\A\d+[.:]\d+[.:]\d|\A[~.]{0,2}/[\w.-]+/[\w./-]*\Z|://|\A.{0,2}\\"
)
"""The start of a path, an address or a name of a resource; a regular expression."""
_PIECE = re.compile(rb"\w\(\{|\)\}\w|;\w{1,9}=\Z|\A\w{1,32}:[x*]:\d|/20\d{6}/")
"""A piece of minified code between two strings; a line of a list of accounts; the scope of a signature."""
HEX = re.compile(rb"(?:0x)?[0-9a-fA-F]+")
_TYPE = re.compile(rb"[A-Za-z_][\w:]*<|[a-z]\w*\.[A-Z][A-Za-z]+\d*[A-Z]\w*\Z")
"""``Option<…>``, ``module.ClassName``."""
POOR = frozenset(
    (
        b"password passwd pass pwd secret token key user username admin administrator root guest test tester testing demo "
        b"default postgres mysql mongo redis rabbitmq minio oracle sa foo bar baz qux hunter2 letmein qwerty welcome none "
        b"null true false changeme example sample dummy xxx yyy zzz abc abc123 pass123 password1 password123 admin123 "
        b"test123 secret123 123 1234 12345 123456 12345678 p@ssw0rd passw0rd p4ssw0rd s3cr3t s3cret pw pswd mypass "
        b"mypassword mysecret userpass user_password app db tiger tiger^5hhh world secret1 "
        b"pass%20pass pass%23pass opensesame "
        b"b0bp4ssw0rd supers3cret"
    ).split()
)
"""Passwords of documentation and of fresh installations."""


def _plain_run(value: bytes) -> float:
    """The share of neighbours that repeat or count up, as in ``1234`` and ``xxxx``."""
    steps = sum(1 for first, other in pairwise(value) if other - first in (0, 1))
    return steps / max(1, len(value) - 1)


def is_fake(value: bytes, *, certain: bool) -> bool:
    """Whether a value is a placeholder or counts up; what has an issuer's form gets the benefit of less doubt."""
    words = _ALWAYS_FAKE if certain else _FAKE
    if words.search(value[:200]) or value.lower() in POOR or (not certain and words.search(_decoded(value))):
        return True
    body = value[-32:]
    return _plain_run(body) > 0.45 or len(set(body)) < min(5, len(body))


def _decoded(value: bytes) -> bytes:
    """What a short value says in base64, if that is plain text; else nothing."""
    try:
        details = base64.b64decode(value, validate=True) if 12 <= len(value) <= 200 and len(value) % 4 == 0 else b""
    except ValueError:
        return b""
    return details if all(32 <= code < 127 for code in details) else b""


def _changes(value: bytes) -> float:
    """How often the kind of character changes, by length: words under 0.2, random letters and digits over 0.4."""
    kinds = bytes.translate(value, _KINDS)
    return sum(1 for first, other in pairwise(kinds) if first != other) / max(1, len(value) - 1)


_KINDS = bytes(0 if 97 <= code <= 122 else 1 if 65 <= code <= 90 else 2 if 48 <= code <= 57 else 3 for code in range(256))


def _is_wordy(value: bytes) -> bool:
    """Whether a value is mostly words: ``fs.s3.retryCount`` is, ``fS.s3.rTcOu`` is not."""
    parts = _PARTS.findall(value)
    words = sum(len(part) for part in parts if (len(part) > 2 and part.isalpha()) or part[0] in b"-_./:@ #?&=")
    return words > 0.7 * len(value) and sum(part.isdigit() for part in parts) <= 2


def looks_random(value: bytes, *, strict: bool) -> bool:
    """Whether a value of a telling name was made up by a machine, or by someone who was told to use digits and symbols.

    ``strict`` is for values without quotes, and for names that say less than "password".
    """
    if not (16 if strict else 8) <= len(value) <= 512 or any(code > 126 or code < 33 for code in value):
        return False
    if UUID.fullmatch(value) or _EXPRESSION.search(value) or _PIECE.search(value) or b"\\n" in value or _TYPE.match(value):
        return False
    if HEX.fullmatch(value):
        return len(value) >= (20 if strict else 12) and len(set(value)) >= 8 and len(set(value) & set(b"0123456789")) >= 3
    kinds = set(bytes.translate(value, _KINDS))
    if not kinds & {0, 1} or (2 not in kinds and (len(kinds) < 3 or len(value) < 10)) or _changes(value) < 0.2:
        return False
    if strict or len(value) > 20:
        return not _is_wordy(value) and len(set(value)) >= 9
    return (len(kinds) >= 3 or not _is_wordy(value)) and len(set(value)) >= 6 and not _CAMEL.fullmatch(value)
