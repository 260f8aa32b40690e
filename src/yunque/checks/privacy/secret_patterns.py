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
            yield from ((0, rule, *match.span(), True) for match in pattern.finditer(data))
    if b"://" in data and b"@" in data:
        yield from ((0, "url-password", start, end, False) for start, end in _urls(data))
    for rule, word, pattern in _COMMANDS:
        for place in _places(low, word):
            if match := pattern.match(low, place):
                yield 0, rule, *match.span(1), False
    for word, pattern in _SECOND:
        for place in _places(low, word):
            match = pattern.match(data, place)
            if match and looks_random(match[1], strict=False):
                yield 0, "login-password", *match.span(1), False
    if b'"kty' in data:
        yield from ((0, "private-jwk", *match.span(1), True) for match in _JWK.finditer(data))
    for place in _places(data, b'auth"'):
        if (match := _AUTH.match(data, place - 1 - (data[place - 1 : place] == b"_"))) and _is_basic(match[1]):
            yield 0, "basic-auth", *match.span(1), True
    for word in (b"bearer", b"basic", b"token"):
        for place in _places(low, word):
            match = (
                _HEADER.match(low, place)
                if not place or not (low[place - 1 : place].isalnum() or low[place - 1] in b"-_")
                else None
            )
            value = data[match.start(2) : match.end(2)] if match else b""
            if match and (_is_basic(value) if word == b"basic" else looks_random(value, strict=True)):
                yield 2, f"{word.decode()}-header", *match.span(2), word != b"token"


def _places(data: bytes, word: bytes) -> Iterator[int]:
    """Where a word begins, in order."""
    position = data.find(word)
    while position >= 0:
        yield position
        position = data.find(word, position + len(word))


def _private_keys(data: bytes) -> Iterator[tuple[int, int]]:
    """The bodies of PEM and PGP blocks, whole or cut off, also when they are escaped in a string or stand in comments."""
    for match in _PEM.finditer(data):
        end = data.find(b"-----", match.end(), match.end() + 20_000)
        end = end if end >= 0 else min(len(data), match.end() + 4_000)
        bodies = list(_PEM_BODY.finditer(data, match.end(), end))
        near = bodies and bodies[0].start() - match.end() < _PEM_HEADERS_BYTES
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
    for match in _URL.finditer(data):
        user, password, host = match.groups()
        if password.lower() == user.lower() or host.lower().startswith((b"example.", b"host", b"$", b"{", b"%")):
            continue
        if not password.isdigit() or len(password) > 5:  # a port
            yield match.span(2)


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
        for place in _places(low, root):
            if not _is_root(low, place, root):
                continue
            match = _TO_VALUE.match(low, place + len(root))
            if parsed and _may_be_cut(data, low, place, root, match):
                places.append(place)
            start, end, bare = _value(data, match) if match else (0, 0, True)
            if start == end and not parsed and (match := _BELOW.match(low, place + len(root))):
                start, end, bare = *match.span("bare"), True
            name = _name_at(data, low, place, start) if end > start else b""
            if name and _is_secret(name, data[start:end], surely=_is_sure(low, place, root, bare)):
                spans.append((start, end))
    return spans, sorted(places)


def _is_root(low: bytes, position: int, root: bytes) -> bool:
    """Whether a word that is found is one: ``key`` behind a telling word, ``psk`` not inside another."""
    if root == b"key":
        return _BEFORE_KEY.search(low, max(0, position - 16), position) is not None
    return root != b"psk" or not low[position - 1 : position].isalpha()


def _is_sure(low: bytes, position: int, root: bytes, bare: bool) -> bool:
    """Whether a name says that its value is secret beyond doubt."""
    surely = low.startswith((b"passw", b"passphrase", b"pwd", b"contrase"), position)
    return surely or (not bare and root in (b"pass", b"secret", b"psk"))


def _is_secret(name: bytes, value: bytes, *, surely: bool) -> bool:
    """Whether a telling name's value is a secret. A UUID is one where the name ends in what cannot be a mere id."""
    if UUID.fullmatch(value):
        return len(value) == 36 and len(set(value)) >= 10 and _NAME_OF_UUID.search(name) is not None
    return looks_random(value, strict=not surely)


def _may_be_cut(data: bytes, low: bytes, position: int, root: bytes, match: re.Match[bytes] | None) -> bool:
    """Whether a literal that could be a secret stands near a name, but not straight behind it: it costs a parse."""
    after = position + len(root)
    ahead, window = _AHEAD.match(low, after), b""
    if low[position - 1 : position] in (b" ", b"=", b".", b"(") and _COMPARED.search(low, max(0, position - 60), position):
        window = data[max(0, position - 200) : position]
    elif ahead is not None:
        if match is not None and match.lastgroup in ("quote", "tag"):
            end = data.find(match["quote"], match.end(), match.end() + 513) if match["quote"] else 0
            if end > match.end() and not _GOES_ON.match(data, end + 1):
                return False
        window = data[ahead.end() - 1 : ahead.end() + 300].partition(b"\n\n")[0]
    pieces = _QUOTED.findall(window)[:4]
    if not pieces:
        return False
    surely = _is_sure(low, position, root, bare=False)
    likely = (*pieces, b"".join(pieces[:2]), b"".join(pieces))
    if not any((len(item) == 36 and UUID.fullmatch(item)) or looks_random(item, strict=not surely) for item in likely):
        return False
    named = _NAMED.match(low, _word_start(low, position), after + 28)
    assert named is not None  # it matches everything
    return not any(pattern.search(named[1].rpartition(b".")[2]) for pattern in _OTHER)


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
            for place in _places(name, root):
                if _is_root(name, place, root):
                    return _is_sure(name, place, root, bare=False)
    return None


def _on_pieces(pieces: list[Span], start: int, end: int) -> list[Span]:
    """Where a chunk of the joined pieces stands."""
    result, position = [], 0
    for first, last in pieces:
        low, high = max(start - position, 0), min(end - position, last - first)
        if low < high:
            result.append((first + low, first + high))
        position += last - first
    return result


def _value(data: bytes, match: re.Match[bytes]) -> tuple[int, int, bool]:
    """Start and end of a name's value, and whether it stands without quotes; an empty one where there is none."""
    start, end = match.end(), -1
    if match["quote"] is not None:
        end = data.find(match["quote"], start, start + 513)
        while match["escape"] and data[end - 1 : end] == b"\\" and end > start:
            end -= 1
        closed = end >= 0 and len(data[start:end].split()) == 1
        return start, end if closed else start, False
    assert match.lastgroup is not None
    start, end = match.span(match.lastgroup)
    start += 7 if data.startswith(b"base64:", start) else 0
    line = data.rfind(b"\n", 0, start) + 1
    if match["bare"] is None or (_SETTING.fullmatch(data, line, start) and not _CODE.match(data, start, end)):
        return start, end, True  # a line of configuration holds nothing else
    cut = _PUNCTUATION.search(data, start, end)
    if cut is None:
        return start, end, True
    return start, start if cut[0] in b"({[$" else cut.start(), True


def _word_start(low: bytes, position: int) -> int:
    """Where the word around a position starts."""
    before = _WORD_END.search(low, max(0, position - 80), position)
    assert before is not None  # it matches the empty text
    return before.start()


def _name_at(data: bytes, low: bytes, position: int, start: int) -> bytes:
    """The name around a position; empty where it says that its value is something else: ``token_url``, ``A::Pass``."""
    begin = _word_start(low, position)
    named = _NAMED.match(low, begin, start)
    assert named is not None  # it matches everything
    name, _, separator = named.groups()
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
