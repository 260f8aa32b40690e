"""Personal data in a text: addresses, numbers and names of people, each with its exact bytes. Standard library alone.

    email          of somebody; not of documentation, not ``noreply``, not ``git@host:``
    ipv4, ipv6     that the whole internet can reach; not private, documentation, multicast, well-known resolvers, versions;
                   four small numbers only behind a sign of a host
    phone          ``+`` and a country's code, with a shape that country uses, and written like a number to call
    iban, card     with a right check number; not the payment providers' test cards
    national-id    Spanish DNI and NIE, Italian codice fiscale, Brazilian CPF, French NIR: each with a right check digit
    home-folder    ``/home/NAME/``, ``/Users/NAME/``, ``C:\\Users\\NAME\\``; not ``user``, ``runner`` and the like
    author-name    after ``@author``, ``Author:``, ``.. codeauthor::``, ``Signed-off-by:``, ``git config user.name`` and the
                   like, a user's name of one word in comments too; in copyright lines only when asked to

Covered: code, comments, prose, configuration, in any language. No message holds what was found, nor a hash of it: there are
few enough addresses and phone numbers to try them all.
Not covered: names elsewhere, names in scripts without capitals, postal addresses, dates of birth, national ids whose check
leaves one in ten to chance (and so are not certain), domestic phone numbers.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from yunque.checks.canaries import canary
from yunque.checks.findings import decide, timed
from yunque.checks.privacy.identifiers import (
    DIGITS,
    HEX,
    Spans,
    cards,
    ibans,
    masked,
    national_ids,
    phones,
    places,
    shaped,
)
from yunque.core.nouns import Canary, Finding, Record, Verdict

MAX_FINDINGS = 2000
CWE = 359
"""Exposure of private personal information."""
SEVERE = ("card", "iban", "national-id")


# -------------------------------------------------------------------------------------------------- e-mail
_LOCAL = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._%+-]*\Z")
_DOMAIN = re.compile(
    rb"((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+)([A-Za-z]{2,24})(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"
)
_NOBODY = re.compile(
    rb"(?:no|do-?not|dont|never)[-_.]?reply.*|.*[-_.]?noreply|mailer-daemon|(?:your|my|some|any|the|a|test|example|fake|dummy|valid"
    rb"|invalid|first|user|first\.last)?[-_.]?(?:user|users|username|name|email|mail|address|account|login|person)\d*|someone"
    rb"|somebody|nobody|foo|bar|baz|qux|test|tests|testing|tester|example|john\.?doe|jane\.?doe|j\.?doe|alice|bob|git|hg|svn|root|xxx+|[a-z]|none",
    re.IGNORECASE,
)
_NOWHERE = re.compile(
    rb"(?:.*\.)?(?:example|invalid|test|localhost|local|localdomain|internal|intranet|lan|home|corp)"
    rb"|(?:.*\.)?(?:(?:my|your|some|the|an|a)?[-_]?(?:example|foo|bar|baz|foobar|test|domain|email|company|host|server|site|website"
    rb"|organization|org|somewhere|acme|abc|xyz|xxx|x|y|z|a|b|c|d))\.[a-z]{2,4}|(?:.*\.)?noreply\.(?:github|gitlab)\.com|lists?\..*|li\.org|(?:.*\.)?example\.[a-z.]{2,6}",
    re.IGNORECASE,
)
_GENERIC = frozenset(
    (
        b"com net org edu gov mil int info biz io dev app ai me tv name pro tech cloud online site xyz mobi jobs travel "
        b"museum aero coop asia cat club shop store blog email software systems technology digital agency network "
        b"solutions group company codes world life live today space team tools works zone science berlin london paris nyc "
        b"eus gal "
    ).split()
)
_COUNTRIES = frozenset(
    (
        b"ac ad ae af ag al am ao ar at au az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf cg ch ci "
        b"cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fm fo fr ga gb gd ge gf gg gh gi "
        b"gl gm gn gp gq gr gt gu gw gy hk hn hr ht hu id ie il im in iq ir is it je jm jo jp ke kg kh ki km kn kr kw ky "
        b"kz la lb lc li lk lr ls lt lu lv ly ma mc md mg mh mk ml mm mn mo mp mq mr mt mu mv mw mx my mz na nc ne nf ng "
        b"ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pr ps pt pw qa re ro ru rw sa sb sc sd se sg sh si sk sl sm sn "
        b"so sr ss st su sv sy sz tc td tg th tj tk tl tm tn to tr tt tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws "
        b"ye yt za zm zw "
    ).split()
)


AT_SIGNS = (b"@", b"%40", b"\\u0040", b"&#64;")
"""As it is, and as addresses, JSON and HTML write it."""


def _emails(data: bytes) -> Spans:
    for sign in AT_SIGNS:
        for place in places(data, sign):
            domain = _DOMAIN.match(data, place + len(sign))
            local = _LOCAL.search(data, max(0, place - 64), place) if domain else None
            if domain and local and _is_somebody(data, local, domain, sign == b"@"):
                yield local.start(), domain.end()


_ADDRESS_END = re.compile(rb"://[^\s\"'<>,;]*\Z")


def _is_somebody(data: bytes, local: re.Match[bytes], domain: re.Match[bytes], plain: bool) -> bool:
    start, end = local.start(), domain.end()
    if domain[2].lower() not in _GENERIC | _COUNTRIES or _NOBODY.fullmatch(local[0]) or _NOWHERE.fullmatch(domain[0]):
        return False
    if data[start - 1 : start] in (b"/", b"@", b"\\") and data[max(0, start - 7) : start] != b"mailto/":
        return False  # the user of an address, or an npm scope
    in_address = plain and b"://" in (before := data[max(0, start - 160) : start]) and _ADDRESS_END.search(before)
    return not in_address and data[end : end + 1] not in (b"(", b"/") and data[end : end + 2] not in (b":/", b":~")


# -------------------------------------------------------------------------------------------------- IP addresses
_IPV4 = re.compile(rb"(?<![\w.+-])(?:[1-9]\d{0,2}|0)(?:\.(?:[1-9]\d{0,2}|0)){3}(?![\w-]|\.\w|/(?!32\b)\d)")
_DOTTED = re.compile(rb"\.0{1,3}\.0")
_IPV6 = re.compile(rb"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![\w:.]|/\d)")
_OF_SOFTWARE = re.compile(
    rb"(?:version|\bver|release|revision|\bbuild\b|\boid|section|chapter|\brfc|chrome|safari|firefox|agent|package|requires?|depend\w*|upgrade\w*|since"
    rb"|changelog|[<>=~!^]=|\bv|\^|~)[^\n]{0,24}\Z",
    re.IGNORECASE,
)
_OF_A_HOST = re.compile(rb"(?:host|server|addr|\bip\b|peer|://|@)[^\n]{0,12}\Z|[ \t]-h[ \t]\Z", re.IGNORECASE)
_OBJECTS = ((0, 9), (1, 2), (1, 3), (2, 5), (2, 16), (2, 23))
"""How object identifiers begin."""
_KNOWN = frozenset(
    [
        "8.8.8.8",
        "8.8.4.4",
        "1.1.1.1",
        "1.0.0.1",
        "9.9.9.9",
        "149.112.112.112",
        "208.67.222.222",
        "208.67.220.220",
        "4.2.2.1",
        "4.2.2.2",
        "1.2.3.4",
        "2.3.4.5",
        "5.6.7.8",
        "4.3.2.1",
        "1.2.3.5",
        "11.22.33.44",
        "93.184.216.34",
        "2001:4860:4860::8888",
        "2001:4860:4860::8844",
        "2606:4700:4700::1111",
        "2606:4700:4700::1001",
    ]
)


def _ipv4(data: bytes) -> Spans:
    zeros = masked(data, DIGITS)
    for dot in _DOTTED.finditer(zeros):
        start = dot.start()
        while start and zeros[start - 1] == 48 and dot.start() - start < 4:
            start -= 1
        match = _IPV4.match(data, start)
        if match is None:
            continue
        parts = [int(part) for part in match[0].split(b".")]
        before = data[max(0, start - 40) : start]
        if max(parts) > 255 or tuple(parts[:2]) in _OBJECTS or not _is_reachable(match[0]):
            continue
        if max(parts) < 32 and not _OF_A_HOST.search(before):  # more likely a version
            continue
        if not (before[-1:] == b"/" and before[-2:-1] not in (b"/", b"")) and not _OF_SOFTWARE.search(before):
            yield match.span()


def _ipv6(data: bytes) -> Spans:
    for match in shaped(data, _IPV6, b"0000:", mask=HEX):
        if match[0].count(b":") >= 3 and _is_reachable(match[0]):
            yield match.span()


def _is_reachable(text: bytes) -> bool:
    try:
        address = ipaddress.ip_address(text.decode())
    except ValueError:
        return False
    if not address.is_global or address.is_multicast or str(address) in _KNOWN or getattr(address, "sixtofour", None):
        return False
    parts = address.packed
    return not (
        parts.startswith(b"\xc0\x00\x00")
        or len(set(parts)) == 1
        or (len(parts) == 4 and (b"\xff\xff" in parts or set(map(_step, pairwise(parts))) == {1}))
    )


def _step(two: tuple[int, int]) -> int:
    return two[1] - two[0]


# -------------------------------------------------------------------------------------------------- folders and names
_HOME = re.compile(rb"(?:/home/|Users[\\/]{1,4})([A-Za-z0-9][\w.-]{1,31})(?=[\\/])")
_ROOT = re.compile(rb"(?:\A|[^\w.}$~/\\-]|(?:e:/|[^:\w.}]/)/)\Z")
_DRIVE = re.compile(rb"(?<![A-Za-z])[A-Za-z]:[\\/]{1,4}\Z")
_ROLES = re.compile(
    rb"(?:my|your|some|the|test|other|new|local|ci|app|web|default|all|example)?[-_.]?(?:user|users|username|name|me|you|yourname|home|public|shared"
    rb"|default|admin|administrator|root|guest|runner|runneradmin|ubuntu|debian|fedora|centos|vagrant|pi|ec2-user|circleci|travis|jovyan|app"
    rb"|node|git|tests|media|ansible|python|django\w*|my_?templates|celery|asdf|randomuser|build|builder|buildbot|vscode|codespace|gitpod|docker|jenkins|gitlab-runner|azureuser|vsts|developer|dev|test|tester|student"
    rb"|foo|bar|baz|qux|example|sample|linuxbrew|nobody|www|www-data|data|work|workspace|project|projects|deploy|airflow|spark|hadoop|appuser"
    rb"|conda|coder|alice|bob|johndoe|jdoe|john|jane|nonroot|somebody|someone|xxx+|static|content|index|pages?|images?|css|js|assets)[-_]?[0-9a-f]{0,8}",
    re.IGNORECASE,
)
_LETTER = rb"(?:[a-z]|['-][A-Za-z]|[\xc3-\xc9][\x80-\xbf])"
_PERSON = re.compile(
    rb"(?:[A-Z]|\xc3[\x80-\x9e])" + _LETTER + rb"*\.?(?: (?:(?:van|von|der|den|de|da|del|della|di|la|le|bin|al|dos|y) )*"
    rb"(?:[A-Z]|\xc3[\x80-\x9e])" + _LETTER + rb"*\.?){0,2} "
    rb"(?:(?:van|von|der|den|de|da|del|della|di|la|le|bin|al|dos|y) )*(?:[A-Z]|\xc3[\x80-\x9e])"
    + _LETTER
    + rb"*(?![A-Za-z])"
)
_NAMED = rb"(?:\"?name\"?[ \t]*[:=][ \t]*[\"'])?"
"""As in ``authors = [{name = "…"}]``."""
_AFTER = re.compile(rb"s?\\?[\"']?[ \t]*[:=][ \t]*[\[({\"'\\]*" + _NAMED)
_SIGNED: tuple[tuple[bytes, re.Pattern[bytes]], ...] = (
    *(
        (
            word,
            re.compile(
                rb"s?(?:__)?\\?[\"']?(?:[ \t]*::?[ \t]*\n[ \t#*/]{1,16}|[ \t]*(?:::|[:=])[ \t]*[\[({\"'\\]*"
                + _NAMED
                + rb"|(?<=@"
                + word
                + rb")[ \t]+|\{)"
            ),
        )
        for word in (b"author", b"autor")
    ),
    (b"<developer>", re.compile(rb"\s{0,40}(?:<id>[^<]{0,80}</id>\s{0,40})?<name>")),
    *(
        (word, _AFTER)
        for word in (b"maintainer", b"developer", b"programmer", b"creator", b"contact", b"contributor", b"credit")
    ),
    (b"\nmaintainer", re.compile(rb"[ \t]+[\"']?")),
    (b"user.name", re.compile(rb"[ \t]+[\"']")),
    *(
        (word + b"-by", re.compile(rb":?[ \t]+"))
        for word in (b"signed-off", b"co-authored", b"reviewed", b"acked", b"tested", b"reported")
    ),
    *((word + b" by", re.compile(rb":?[ \t]+")) for word in (b"written", b"created", b"contributed", b"maintained")),
)
"""A word in small letters, and what stands between it and a name."""
_ROLE_OF_SPHINX = re.compile(rb"\.\. (?:module|section|code)\Z")
_MORE = re.compile(
    rb"[\"']?(?: ?<[^>\n]{0,80}>)?[\"']?(?:, ?email[^}\n]{0,90}\},\s{0,8}\{name[ \t]*=[ \t]*|, ?| and | & )[\"']?"
)
_COPYRIGHT = re.compile(rb"(?:copyright|\xc2\xa9|\(c\))[^\n]{0,60}?(?:19|20)\d\d[\d, -]*(?:by )?[ \t]*(?:,[ \t]*)?")
_NO_PERSON = re.compile(
    rb"Person [0-9a-f]{4,8}|.*\b(?:Inc|Ltd|LLC|Corp|Corporation|GmbH|Foundation|Authors?|Contributors?|Developers?|Team"
    rb"|Project|Group|Company|University|Institute|Labs?|Software|Systems|Technologies|Community|Association|Unknown|Anonymous|The|See"
    rb"|Various|Your|My|Name|First|Last|All|License|This|Version|Core|Google|Microsoft|Apache|Amazon|Facility|National"
    rb"|Security|Center|Centre|Services?|John Doe|Jane Doe)\b.*"
)
_HANDLE = re.compile(rb"[a-z][a-z0-9_.-]{2,23}(?=[ \t]*(?:[\r\n<(*]|$))")
_NO_HANDLE = re.compile(
    rb"unknown|anonymous|various|others?|see|the|todo|none|null|author|authors|maintainers?|core|team|me|self|generated|auto.*",
    re.I,
)


def _homes(data: bytes) -> Spans:
    for word, skip in ((b"/home/", 0), (b"/Users/", 1), (b"Users\\", 0)):
        for place in places(data, word):
            match, before = _HOME.match(data, place + skip), data[max(0, place - 6) : place]
            rooted = _ROOT.search(before) if skip or word[:1] == b"/" else None
            if match and (rooted or _DRIVE.search(before + word[:skip])) and not _ROLES.fullmatch(match[1]):
                yield match.span(1)


def _authors(data: bytes) -> Spans:
    low = data.lower()
    for word, after in _SIGNED:
        for place in places(low, word):
            match = after.match(low, place + len(word))
            if match is None or (
                low[place - 1 : place + 1].isalnum() and not _ROLE_OF_SPHINX.search(low, max(0, place - 10), place)
            ):
                continue
            if low[place - 1 : place] == b"." and match[0][-1:] not in (b"'", b'"'):
                continue
            start = match.end()
            signs_a_handle = low[place - 1 : place] == b"@" or (
                low[place - 2 : place] in (b"# ", b"* ", b"/ ") and b":" in match[0]
            )
            if signs_a_handle and (handle := _HANDLE.match(data, start)) and not _NO_HANDLE.fullmatch(handle[0]):
                yield handle.span()
            while (name := _PERSON.match(data, start)) is not None:
                if not _NO_PERSON.fullmatch(name[0]):
                    yield name.span()
                more = _MORE.match(data, name.end())
                start = more.end() if more else len(data)


def _holders(data: bytes) -> Spans:
    """Names of people in copyright lines, which a licence may ask to keep."""
    low = data.lower()
    for match in _COPYRIGHT.finditer(low):
        name = _PERSON.match(data, match.end())
        if name and not _NO_PERSON.fullmatch(name[0]):
            yield name.span()


FINDERS: dict[str, Callable[[bytes], Spans]] = {
    "email": _emails, "ipv4": _ipv4, "ipv6": _ipv6, "phone": phones, "iban": ibans, "card": cards,
    "national-id": national_ids, "home-folder": _homes, "author-name": _authors,
}  # fmt: skip


def _known(data: bytes, names: Sequence[str]) -> Spans:
    """Names that somebody gave, where they stand as whole words."""
    for name in names:
        word = name.encode("utf-8", "surrogatepass")
        for place in places(data, word) if word else ():
            if not (data[place - 1 : place].isalnum() or data[place + len(word) : place + len(word) + 1].isalnum()):
                yield place, place + len(word)


def find_personal(data: bytes, *, keep_copyright: bool = True, names: Sequence[str] = ()) -> list[tuple[str, int, int]]:
    """(kind, start, end) of all personal data in UTF-8 bytes, in order, none inside another."""
    result = [(start, -end, kind) for kind, finder in FINDERS.items() for start, end in finder(data)]
    if not keep_copyright:
        result += [(start, -end, "author-name") for start, end in _holders(data)]
    result += [(start, -end, "author-name") for start, end in _known(data, names)]
    kept: list[tuple[str, int, int]] = []
    for start, end, kind in sorted(result):
        if not kept or start >= kept[-1][2]:
            kept.append((kind, start, -end))
    return kept


class PersonalData:
    """A check (seams ``BatchCheck`` and ``ProvenCheck``) that fails a text with personal data, each with its exact place.

    ``names`` are people to look for everywhere, such as the authors of a repository; ``keep_copyright`` leaves the names in
    copyright lines, which a licence may ask to keep.
    """

    name = "personal-data"

    def __init__(self, keep_copyright: bool = True, names: Sequence[str] = ()) -> None:
        self.keep_copyright, self.names = keep_copyright, tuple(sorted({name for name in names if len(name) > 3}))

    @timed
    def judge(self, record: Record) -> Verdict:
        """PASS, or FAIL with everything found; ``values`` count it by kind. Never raises."""
        data = record.text.encode("utf-8", "surrogatepass")
        personal = find_personal(data, keep_copyright=self.keep_copyright, names=self.names)
        findings, line, position = [], 1, 0
        for kind, start, end in personal[:MAX_FINDINGS]:
            line, position = line + data.count(b"\n", position, start), start
            findings.append(
                Finding(
                    rule=kind,
                    line=line,
                    message=f"personal data: {kind.replace('-', ' ')}",
                    severity="error" if kind in SEVERE else "warning",
                    cwe=CWE,
                    span_bytes=(start, end),
                )
            )
        counts = Counter(kind for kind, _, _ in personal)
        detail = ", ".join(f"{count} {kind}" for kind, count in counts.most_common()) or "no personal data found"
        values = {"personal": float(len(personal))} | {kind: float(count) for kind, count in counts.items()}
        return decide(self.name, findings, values=values, detail=detail, most=None)

    def judge_all(self, records: Sequence[Record]) -> list[Verdict]:
        """The verdict of each, in their order."""
        return [self.judge(record) for record in records]

    def canaries(self) -> Sequence[Canary]:
        """One of each kind, put together here so that this file holds none; and what only looks like it."""
        position = "@"
        planted = {
            "email": f"# ask ada.byron{position}adatum.net\n",
            "ipv4": "host = '" + ".".join(("93", "184", "77", "12")) + "'\n",
            "ipv6": "host = '" + ":".join(("2a02", "26f0", "12", "", "5c")) + "'\n",
            "phone": "# call +34 " + "612 345 987\n",
            "iban": "account = '" + "ES91" + "2100 0418 4502 0005 1332'\n",
            "card": "card = '" + "4539 " + "1488 0343 6467'\n",
            "national-id": "dni = '" + "45871" + "236" + "TRWAGMYFPDXBNJZSQVHLCKE"[45871236 % 23] + "'\n",
            "home-folder": "open('/home/" + "abyron/notes.txt')\n",
            "author-name": "# @author " + "Ada Byron\n",
        }
        clean = (
            "# mail user@example.com, git@github.com:a/b.git, at 127.0.0.1 or 10.0.0.7, version 4.18.2.1\n"
            "@app.route('/home/user/x')\ndef f(a, b):\n    return a@b, '192.0.2.7', '@types/node@18.0.1'\n"
        )
        return [*(canary(text, "python", rule) for rule, text in planted.items()), canary(clean, "python")]
