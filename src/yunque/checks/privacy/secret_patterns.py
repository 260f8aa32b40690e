"""Secrets that our own patterns find, on bytes: keys, credentials in addresses, values of names that tell."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from yunque.checks.privacy.entropy import HASH_WORDS, HEX, OTHER_NAMES, POOR, UUID, is_fake, looks_random
from yunque.code.assignments import assigned

_PEM = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----")
_PEM_BODY = re.compile(rb"(?<!\\)[A-Za-z0-9+/]{24}|(?<=\\[nr])[A-Za-z0-9+/]{24}")
_PEM_HEADERS_BYTES = 400
_URL = re.compile(rb"://([^\s/:@\"'<>`\\]{0,64}):([^\s/@\"'<>`\\]{3,128})@([A-Za-z0-9$\[{%][^\s\"'<>`]*)")
_HEADER = re.compile(rb"(bearer|basic|token)[ \t]+([a-z0-9._~+/=-]{16,2000})(?![\w.~+/=-])")
_NETRC = re.compile(rb"login[ \t]+\S{1,64}[ \t\n]+password[ \t]+([^\s\"']{6,128})")
_OPTION = re.compile(rb"sshpass[ \t]+-p[ \t]*[\"']?([^\s\"'$]{6,128})")
_IDENTIFIED = re.compile(rb"identified[ \t]+(?:with[ \t]+\S{1,40}[ \t]+)?by[ \t]+(?:password[ \t]+)?[\"']([^\s\"']{6,128})")
_JWK = re.compile(rb"\"(?:d|k)\\?\"[ \t]*:[ \t]*\\?\"([A-Za-z0-9_-]{40,700})\\?\"")
_AUTH = re.compile(rb"\"_?auth\\?\"[ \t]*:[ \t]*\\?\"([A-Za-z0-9+/]{12,200}={0,2})\\?\"")
_CURL = re.compile(rb"curl[ \t][^\n]{0,200}?(?<=[ \t])(?:-u|--user)[ =]?[\"']?[^\s:\"']{1,64}:([^\s\"'@]{6,128})")
_COMMANDS = (
    ("netrc-password", b"login", _NETRC),
    ("curl-user", b"curl", _CURL),
    ("sshpass-password", b"sshpass", _OPTION),
    ("database-password", b"identified", _IDENTIFIED),
    ("pgpass-password", b":5432:", re.compile(rb":5432:[^\s:]{1,64}:[^\s:]{1,64}:([^\s\"':]{6,128})(?=\s|\Z)")),
    ("option-password", b" pass:", re.compile(rb"(?:(?<=passin)|(?<=passout)) pass:([^\s\"'$]{6,128})")),
)
"""Rule, the word where a pattern is tried, and the pattern."""
_USER = rb"\(\s{0,9}[rbu]?[\"'][^\"'\s]{1,64}[\"'],\s{0,9}[rbu]?[\"']([^\s\"']{8,128})[\"']\s{0,9}[,)]"
_SECOND = (
    (b"auth", re.compile(rb"(?i:auth)(?:[ \t]*=[ \t]*\w{0,20})?" + _USER)),
    (b".login(", re.compile(rb"(?i:\.login)" + _USER)),
)
"""The word where a pattern is tried, and the pattern: a user's name, then the password."""
_ROOTS = (b"pass", b"pwd", b"psk", b"secret", b"token", b"credential", b"contrase", b"clave", b"authorization", b"key")
"""What names hold whose values are secrets; ``key`` needs a word before it."""
_BEFORE_KEY = re.compile(
    rb"(?:api|access|auth|private|signing|encrypt(?:ion)?|account|shared|master|client|service|admin|wallet|webhook|app|storage"
    rb"|jwt|hmac|session|consumer|deploy|subscription|[a-z0-9]_)[_-]?\Z"
)
_TO_VALUE = re.compile(
    rb"[\w.-]{0,28}(?=[\"'\\\] \t\r\n:=,(>|<])\\{0,3}[\"'\]]{0,3}(?:"
    rb"(?:,?\s{1,40}\\?[\"']?value\\?[\"']?[ \t]*:|[ \t]+(?:value|content)="
    rb"|[ \t]*(?::[ \t]*[&*]?[\w\[\]. |]{1,24}=|:=|=>|<-|\|\|=|,[ \t]*(?:default|value)=|[:=,(]|[ \t](?=[\"'])))"
    rb"[ \t]*[rbuf]?(?P<escape>\\{0,3})(?P<quote>[\"'`])"
    rb"|(?:[ \t]*(?::=|<-|[=:])|\s{1,40}value:)[ \t]*(?P<bare>[^\s\"'`]{8,512})(?=[\s\"'`]|\Z)"
    rb"|>(?P<tag>[^\s<>]{8,256})</)"
)
_WORD_END = re.compile(rb"[\w.-]*\Z")
_NAMED = re.compile(rb"([\w.-]*)([\"'\]\\]*)(.*)", re.DOTALL)
_NO_NAME = re.compile(rb"(?:(?<!\$env)(?<=[\w:]):|[/@])\Z")
_SETTING = re.compile(rb"[ \t]*(?:export[ \t]+|set[ \t]+|-[ \t]+)?[\w.-]{1,64}[ \t]*[=:][ \t]*")
_CODE = re.compile(rb"[A-Za-z_][\w.]*[(\[{]|.*[;,)\]}]\Z|[$({\[&*]")
_PUNCTUATION = re.compile(rb"[;,(){}\[\]<>&|$]")
_NOT_VALUE = re.compile(
    rb"(?:url|uri|endpoint|path|file|filename|dir|folder|name|field|column|type|label|env|variable|var|length|len|size|regex"
    rb"|pattern|prefix|suffix|header|title|message|error|hint|help|expires?|ttl|format|class|count|index|limit|policy|scope"
    rb"|status|hash|md5|sha\d*|digest|checksum|salt|uuid|guid|version|algorithm|alg|pub|used|date|time)$"
)
_OTHER = (OTHER_NAMES, _NOT_VALUE, HASH_WORDS)
"""What a name holds that has another value."""
_NAME_OF_UUID = re.compile(
    rb"(?:secret|passw(?:or)?d|passphrase|pwd|token|(?:secret|api|access|auth|private|signing|encryption|jwt|hmac|master"
    rb"|admin|service|subscription|account)[_-]?key)\Z"
)
_BELOW = re.compile(
    rb"[\w.-]{0,28}(?:[\"']?[ \t]{0,9}[:=][ \t]{0,9})(?:[|>][+-]?[ \t]{0,9}\r?\n|\"\"\"\r?\n?|'''\r?\n?|\r?\n)[ \t]{0,40}"
    rb"[\"']?(?P<bare>[^\s\"'`]{8,512})(?=[\"']{0,3}[,}]?(?:\s|\Z))"
)
"""A value below its name, in languages of settings that no grammar is here for."""
_AHEAD = re.compile(rb"[\w.-]{0,28}[\"'\])]{0,3}[!?]?(?:[ \t]{1,9}[\w.*]{1,40})?\s{0,40}[:=,(!\\]")
_COMPARED = re.compile(rb"(?:[\"'`][)]?\s{0,9}[!=]==?\s{0,9}|\.equals\(|compare_digest\()[\w.]{0,40}\Z")
_QUOTED = re.compile(rb"[\"'`]([^\s\"'`]{3,512})(?=[\"'`])")
_GOES_ON = re.compile(rb"[\"'\])]{0,2}[\s\\+.]{0,60},?[ \t]{0,9}[\"'`]")
CUT_URL = re.compile(rb"://[^\s/:@\"'<>`\\]{0,64}(?::[^\s/@\"'<>`\\]{0,128})?[\"'`][\s\\+]{1,60}[rbu]?[\"'`]")
_ISSUED: tuple[tuple[str, bytes, re.Pattern[bytes]], ...] = tuple(
    (rule, literal, re.compile(rb"(?<![A-Za-z0-9_])" + pattern + rb"(?![A-Za-z0-9_-])"))
    for rule, literal, pattern in (
        *(("aws-access-key-id", key, key + rb"[A-Z2-7]{16}") for key in (b"AKIA", b"ASIA", b"ABIA", b"ACCA")),
        ("jwt", b"eyJ", rb"eyJ[A-Za-z0-9_-]{10,1000}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"),
        ("newrelic-user-key", b"NRAK-", rb"NRAK-[A-Z0-9]{27}"),
        ("planetscale-token", b"pscale_", rb"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{32,64}"),
        ("google-client-secret", b"GOCSPX-", rb"GOCSPX-[A-Za-z0-9_-]{28}"),
        ("square-secret", b"sq0", rb"sq0(?:csp|atp|idp)-[A-Za-z0-9_-]{22,43}"),
        ("webhook-secret", b"whsec_", rb"whsec_[A-Za-z0-9+/=]{32,64}"),
        ("telegram-bot-token", b":AA", rb"\d{8,10}:AA[A-Za-z0-9_-]{33}"),
        (
            "discord-webhook",
            b"discord",
            rb"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,80}",
        ),
    )
)
"""Rule, what the text must hold at all, and the form; Kingfisher knows the other issuers."""
WIDE = ("private-key", "mongodb-connection-string", "curl-auth-user")
"""Kingfisher's rules whose span is more than the secret; ours see the same."""
Span = tuple[int, int]
Found = tuple[int, str, int, int, bool]
"""Rank (the best is 0), rule, start, end, certain."""


def own_patterns(data: bytes, low: bytes) -> Iterator[Found]:
    """What our patterns see; ``low`` is the text in lower case, with the same offsets."""
    if b"PRIVATE KEY" in data:
        yield from ((0, "private-key", start, end, True) for start, end in _private_keys(data))
    for rule, literal, pattern in _ISSUED:
        if literal in data:
            yield from ((0, rule, *found.span(), True) for found in pattern.finditer(data))
    if b"://" in data and b"@" in data:
        yield from ((0, "url-password", start, end, False) for start, end in _urls(data))
    for rule, word, pattern in _COMMANDS:
        for at in _places(low, word):
            if found := pattern.match(low, at):
                yield 0, rule, *found.span(1), False
    for word, pattern in _SECOND:
        for at in _places(low, word):
            found = pattern.match(data, at)
            if found and looks_random(found[1], strict=False):
                yield 0, "login-password", *found.span(1), False
    if b'"kty' in data:
        yield from ((0, "private-jwk", *found.span(1), True) for found in _JWK.finditer(data))
    for at in _places(data, b'auth"'):
        if (found := _AUTH.match(data, at - 1 - (data[at - 1 : at] == b"_"))) and _is_basic(found[1]):
            yield 0, "basic-auth", *found.span(1), True
    for word in (b"bearer", b"basic", b"token"):
        for at in _places(low, word):
            found = _HEADER.match(low, at) if not at or not (low[at - 1 : at].isalnum() or low[at - 1] in b"-_") else None
            value = data[found.start(2) : found.end(2)] if found else b""
            if found and (_is_basic(value) if word == b"basic" else looks_random(value, strict=True)):
                yield 2, f"{word.decode()}-header", *found.span(2), word != b"token"


def _places(data: bytes, word: bytes) -> Iterator[int]:
    """Where a word begins, in order."""
    at = data.find(word)
    while at >= 0:
        yield at
        at = data.find(word, at + len(word))


def _private_keys(data: bytes) -> Iterator[tuple[int, int]]:
    """The bodies of PEM and PGP blocks, whole or cut off, also when they are escaped in a string or stand in comments."""
    for found in _PEM.finditer(data):
        end = data.find(b"-----", found.end(), found.end() + 20_000)
        end = end if end >= 0 else min(len(data), found.end() + 4_000)
        bodies = list(_PEM_BODY.finditer(data, found.end(), end))
        near = bodies and bodies[0].start() - found.end() < _PEM_HEADERS_BYTES
        if near and not is_fake(data[bodies[0].start() : bodies[0].end()], certain=True):
            start = bodies[0].start()
            if data[end : end + 5] != b"-----":
                end = bodies[-1].end()
            while end > start and not chr(data[end - 1]).isalnum() and data[end - 1] not in b"+/=":
                end -= 1
            while data[end - 2 : end] in (b"\\n", b"\\r") or data[end - 1 : end] == b"\\":
                end -= 1
            yield start, end


def _urls(data: bytes) -> Iterator[tuple[int, int]]:
    for found in _URL.finditer(data):
        user, password, host = found.groups()
        if password.lower() == user.lower() or host.lower().startswith((b"example.", b"host", b"$", b"{", b"%")):
            continue
        if not password.isdigit() or len(password) > 5:  # a port
            yield found.span(2)


def _is_basic(value: bytes) -> bool:
    """Whether a value is the base64 of ``user:password``."""
    try:
        user, _, password = base64.b64decode(value, validate=True).partition(b":")
    except ValueError:
        return False
    return len(password) >= 3 and user.isascii() and password.isascii() and password.lower().replace(b" ", b"") not in POOR


def assignments(data: bytes, low: bytes, parsed: bool) -> tuple[list[Span], list[int]]:
    """Values of names that say what they hold, and (where the text can be parsed) the names whose value a tree must tell."""
    spans, places = [], []
    for root in _ROOTS:
        for at in _places(low, root):
            if not _is_root(low, at, root):
                continue
            found = _TO_VALUE.match(low, at + len(root))
            if parsed and _may_be_cut(data, low, at, root, found):
                places.append(at)
            start, end, bare = _value(data, found) if found else (0, 0, True)
            if start == end and not parsed and (found := _BELOW.match(low, at + len(root))):
                start, end, bare = *found.span("bare"), True
            name = _name_at(data, low, at, start) if end > start else b""
            if name and _is_secret(name, data[start:end], surely=_is_sure(low, at, root, bare)):
                spans.append((start, end))
    return spans, sorted(places)


def _is_root(low: bytes, at: int, root: bytes) -> bool:
    """Whether a word that is found is one: ``key`` behind a telling word, ``psk`` not inside another."""
    if root == b"key":
        return _BEFORE_KEY.search(low, max(0, at - 16), at) is not None
    return root != b"psk" or not low[at - 1 : at].isalpha()


def _is_sure(low: bytes, at: int, root: bytes, bare: bool) -> bool:
    """Whether a name says that its value is secret beyond doubt."""
    surely = low.startswith((b"passw", b"passphrase", b"pwd", b"contrase"), at)
    return surely or (not bare and root in (b"pass", b"secret", b"psk"))


def _is_secret(name: bytes, value: bytes, *, surely: bool) -> bool:
    """Whether a telling name's value is a secret. A UUID is one where the name ends in what cannot be a mere id."""
    if UUID.fullmatch(value):
        return len(value) == 36 and len(set(value)) >= 10 and _NAME_OF_UUID.search(name) is not None
    return looks_random(value, strict=not surely)


def _may_be_cut(data: bytes, low: bytes, at: int, root: bytes, found: re.Match[bytes] | None) -> bool:
    """Whether a literal that could be a secret stands near a name, but not straight behind it: it costs a parse."""
    after = at + len(root)
    ahead, window = _AHEAD.match(low, after), b""
    if low[at - 1 : at] in (b" ", b"=", b".", b"(") and _COMPARED.search(low, max(0, at - 60), at):
        window = data[max(0, at - 200) : at]
    elif ahead is not None:
        if found is not None and found.lastgroup in ("quote", "tag"):
            end = data.find(found["quote"], found.end(), found.end() + 513) if found["quote"] else 0
            if end > found.end() and not _GOES_ON.match(data, end + 1):
                return False
        window = data[ahead.end() - 1 : ahead.end() + 300].partition(b"\n\n")[0]
    pieces = _QUOTED.findall(window)[:4]
    if not pieces:
        return False
    surely = _is_sure(low, at, root, bare=False)
    likely = (*pieces, b"".join(pieces[:2]), b"".join(pieces))
    if not any((len(one) == 36 and UUID.fullmatch(one)) or looks_random(one, strict=not surely) for one in likely):
        return False
    begin = at - len(_WORD_END.search(low, max(0, at - 80), at)[0])
    return not any(pattern.search(_NAMED.match(low, begin, after + 28)[1].rpartition(b".")[2]) for pattern in _OTHER)


def parsed_values(data: bytes, language: str, places: list[int]) -> Iterator[tuple[str, list[Span]]]:
    """Rule and pieces of what a tree says of the names (and the cut addresses) at those places."""
    for name, pieces in assigned(data, language, places):
        value = b"".join(data[start:end] for start, end in pieces)
        if not name:
            yield from (("url-password", _on_pieces(pieces, *span)) for span in _urls(value))
        elif (surely := _telling(name.lower())) is not None and _is_secret(name.lower(), value, surely=surely):
            hashed = HEX.fullmatch(value) and HASH_WORDS.search(name.lower())
            if not hashed and not is_fake(value, certain=False):
                yield "assigned-secret", pieces


def _telling(name: bytes) -> bool | None:
    """Whether a name says surely that it holds a secret; None where it does not say so at all."""
    if not any(pattern.search(name) for pattern in _OTHER):
        for root in _ROOTS:
            for at in _places(name, root):
                if _is_root(name, at, root):
                    return _is_sure(name, at, root, bare=False)
    return None


def _on_pieces(pieces: list[Span], start: int, end: int) -> list[Span]:
    """Where a stretch of the joined pieces stands."""
    found, at = [], 0
    for first, last in pieces:
        low, high = max(start - at, 0), min(end - at, last - first)
        if low < high:
            found.append((first + low, first + high))
        at += last - first
    return found


def _value(data: bytes, found: re.Match[bytes]) -> tuple[int, int, bool]:
    """Start and end of a name's value, and whether it stands without quotes; an empty one where there is none."""
    start, end = found.end(), -1
    if found["quote"] is not None:
        end = data.find(found["quote"], start, start + 513)
        while found["escape"] and data[end - 1 : end] == b"\\" and end > start:
            end -= 1
        closed = end >= 0 and len(data[start:end].split()) == 1
        return start, end if closed else start, False
    start, end = found.span(found.lastgroup)
    start += 7 if data.startswith(b"base64:", start) else 0
    line = data.rfind(b"\n", 0, start) + 1
    if found["bare"] is None or (_SETTING.fullmatch(data, line, start) and not _CODE.match(data, start, end)):
        return start, end, True  # a line of configuration holds nothing else
    cut = _PUNCTUATION.search(data, start, end)
    if cut is None:
        return start, end, True
    return start, start if cut[0] in b"({[$" else cut.start(), True


def _name_at(data: bytes, low: bytes, at: int, start: int) -> bytes:
    """The name around ``at``; empty where it says that its value is something else: ``token_url``, ``A::Pass``."""
    begin = at - len(_WORD_END.search(low, max(0, at - 80), at)[0])
    name, _, separator = _NAMED.match(low, begin, start).groups()
    if separator.strip()[:1] == b"(" and not any(root in name.rpartition(b".")[2] for root in _ROOTS):
        return b""  # ``secret.write_text(…)``
    if _NO_NAME.search(low, max(0, begin - 6), begin):
        return b""
    if (
        not separator.strip(b"\"'`rbuf \t")
        and not name.startswith(b"--")
        and b"#define" not in data[max(0, begin - 12) : begin]
    ):
        return b""
    return b"" if any(pattern.search(name) is not None for pattern in _OTHER) else name
