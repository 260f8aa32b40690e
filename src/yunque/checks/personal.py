"""Personal data in a text: addresses, numbers and names of people, each with its exact bytes. Standard library alone.

    email          of somebody; not of documentation, not ``noreply``, not ``git@host:``
    ipv4, ipv6     that the whole internet can reach; not private, documentation, multicast, well-known resolvers, versions
    phone          ``+`` and a country's code, with a shape that country uses, and written like a number to call
    iban, card     with a right check number; not the payment providers' test cards
    national-id    Spanish DNI and NIE, Italian codice fiscale, Brazilian CPF, French NIR: each with a right check digit
    home-folder    ``/home/NAME/``, ``/Users/NAME/``, ``C:\\Users\\NAME\\``; not ``user``, ``runner`` and the like
    author-name    after ``@author``, ``Author:``, ``Signed-off-by:`` and the like; in copyright lines only when asked to

Covered: code, comments, prose, configuration, in any language. No message holds what was found, nor a hash of it: there are
few enough addresses and phone numbers to try them all.
Not covered: names elsewhere, names in scripts without capitals, postal addresses, dates of birth, national ids whose check
leaves one in ten to chance (and so are not certain), domestic phone numbers.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from yunque.checks.trust import canary
from yunque.core.nouns import Canary, Finding, Outcome, Record, Verdict

MAX_FINDINGS = 2000
CWE = 359
"""Exposure of private personal information."""
SEVERE = ("card", "iban", "national-id")
Spans = Iterator[tuple[int, int]]


def _places(data: bytes, word: bytes) -> Iterator[int]:
    """Where a word begins, in order: a hundred times faster than a pattern, which is tried only there."""
    at = data.find(word)
    while at >= 0:
        yield at
        at = data.find(word, at + 1)


_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_HEX = bytes.maketrans(b"123456789abcdefABCDEF", b"0" * 21)
_CAPITALS = bytes.maketrans(b"123456789BCDEFGHIJKLMNOPQRSTUVWXYZ", b"0" * 9 + b"A" * 25)


@functools.lru_cache(maxsize=2)
def _masked(data: bytes, mask: bytes) -> bytes:
    """The text with all digits (or hexadecimal digits, or capitals) alike, so that a shape is a word to look for."""
    return data.translate(mask)


def _shaped(
    data: bytes, pattern: re.Pattern[bytes], *shapes: bytes, mask: bytes = _DIGITS, back: int = 0
) -> Iterator[re.Match[bytes]]:
    """The matches of a pattern that begin where a shape does, or up to ``back`` bytes before."""
    for shape in shapes:
        for at in _places(_masked(data, mask), shape):
            for start in range(max(0, at - back), at + 1):
                if (found := pattern.match(data, start)) is not None:
                    yield found
                    break


# ------------------------------------------------------------------------------------------------------------------ e-mail
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
    rb"|organization|org|somewhere|acme|abc|xyz|xxx|x|y|z|a|b|c|d))\.[a-z]{2,4}|(?:.*\.)?noreply\.(?:github|gitlab)\.com|(?:.*\.)?example\.[a-z.]{2,6}",
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


def _emails(data: bytes) -> Spans:
    for at in _places(data, b"@"):
        domain = _DOMAIN.match(data, at + 1)
        local = _LOCAL.search(data, max(0, at - 64), at) if domain else None
        if domain and local and _is_somebody(data, local, domain):
            yield local.start(), domain.end()


def _is_somebody(data: bytes, local: re.Match[bytes], domain: re.Match[bytes]) -> bool:
    start, end = local.start(), domain.end()
    if domain[2].lower() not in _GENERIC | _COUNTRIES or _NOBODY.fullmatch(local[0]) or _NOWHERE.fullmatch(domain[0]):
        return False
    if data[start - 1 : start] in (b"/", b"@", b"\\") and data[max(0, start - 7) : start] != b"mailto/":
        return False  # the user of an address, or an npm scope
    before = data[max(0, start - 160) : start]
    in_address = re.search(rb"://[^\s\"'<>,;]*\Z", before)
    return not in_address and data[end : end + 1] not in (b"(", b"/") and data[end : end + 2] not in (b":/", b":~")


# -------------------------------------------------------------------------------------------------------------- IP addresses
_IPV4 = re.compile(rb"(?<![\w.+-])(?:[1-9]\d{0,2}|0)(?:\.(?:[1-9]\d{0,2}|0)){3}(?![\w-]|\.\w|/\d)")
_DOTTED = re.compile(rb"\.0{1,3}\.0")
_IPV6 = re.compile(rb"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![\w:.]|/\d)")
_OF_SOFTWARE = re.compile(
    rb"(?:version|\bver|release|revision|\bbuild\b|\boid|section|chapter|\brfc|chrome|safari|firefox|agent|package|requires?|depend\w*|upgrade\w*|since"
    rb"|changelog|[<>=~!^]=|\bv|\^|~)[^\n]{0,24}\Z",
    re.IGNORECASE,
)
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
        "2001:4860:4860::8888",
        "2001:4860:4860::8844",
        "2606:4700:4700::1111",
        "2606:4700:4700::1001",
    ]
)


def _ipv4(data: bytes) -> Spans:
    zeros = _masked(data, _DIGITS)
    for dot in _DOTTED.finditer(zeros):
        start = dot.start()
        while start and zeros[start - 1] == 48 and dot.start() - start < 4:
            start -= 1
        found = _IPV4.match(data, start)
        if found is None:
            continue
        parts = [int(part) for part in found[0].split(b".")]
        if max(parts) > 255 or max(parts) < 32 or tuple(parts[:2]) in _OBJECTS or not _is_reachable(found[0]):
            continue
        before = data[max(0, start - 40) : start]
        if not (before[-1:] == b"/" and before[-2:-1] not in (b"/", b"")) and not _OF_SOFTWARE.search(before):
            yield found.span()


def _ipv6(data: bytes) -> Spans:
    for found in _shaped(data, _IPV6, b"0000:", mask=_HEX):
        if found[0].count(b":") >= 3 and _is_reachable(found[0]):
            yield found.span()


def _is_reachable(text: bytes) -> bool:
    try:
        address = ipaddress.ip_address(text.decode())
    except ValueError:
        return False
    return address.is_global and not address.is_multicast and str(address) not in _KNOWN


# -------------------------------------------------------------------------------------------------------------- phone numbers
_PHONE = re.compile(rb"(?<![\w+)\]}.%/*-])\+([1-9][\d ().-]{6,20}\d)(?![\w.]*\w)")
_CALLED = re.compile(
    rb"phone|mobile|\btel\b|tel:|\bfax|cell|whatsapp|\bsms\b|\bcall\b|contact|movil|m\xc3\xb3vil|celular|telefon|handy", re.I
)
_NATIONAL: dict[str, re.Pattern[str]] = {
    code: re.compile(plan)
    for code, plan in (
        pair.split("=")
        for pair in (
            r"1=[2-9]\d\d(?!555|\d11)[2-9]\d{6} 7=[3-9]\d{9} 20=\d{9,10} 27=[1-8]\d{8} 30=[26]\d{9} 31=[1-9]\d{8} "
            r"32=[1-9]\d{7,8} 33=[1-79]\d{8} 34=[6-9]\d{8} 36=\d{8,9} 39=[03]\d{8,10} 40=[237]\d{8} 41=[2-9]\d{8} "
            r"43=\d{8,12} 44=[1-37-9]\d{8,9} 45=[2-9]\d{7} 46=[1-9]\d{7,9} 47=[2-9]\d{7} 48=[1-9]\d{8} 49=[1-9]\d{7,10} "
            r"51=[1-9]\d{7,8} 52=[1-9]\d{9,10} 54=[1-9]\d{9,10} 55=[1-9]{2}9?\d{8} 56=[2-9]\d{8} 57=[136]\d{9} "
            r"58=[24]\d{9} 61=[2-478]\d{8} 62=[2-9]\d{7,11} 63=[2-9]\d{7,9} 64=[2-9]\d{7,9} 65=[3689]\d{7} "
            r"81=[1-9]\d{8,9} 82=[1-7]\d{7,9} 86=1[3-9]\d{9}|[2-9]\d{8,10} 90=[2-5]\d{9} 91=[6-9]\d{9} 351=[29]\d{8} "
            r"353=[1-9]\d{6,9} 358=[1-9]\d{5,10} 380=[3-9]\d{8} 420=[2-7]\d{8} 971=[2-9]\d{7,8} 972=[2-9]\d{7,8} "
        ).split()
    )
}
"""Country code -> what follows it, as of ITU-T E.164 and the countries' numbering plans; 555 numbers are for films."""


def _phones(data: bytes) -> Spans:
    for found in _shaped(data, _PHONE, b"+0"):
        digits = re.sub(rb"\D", b"", found[1]).decode()
        if not any(plan.fullmatch(digits, len(code)) for code, plan in _NATIONAL.items() if digits.startswith(code)):
            continue
        line = data[max(data.rfind(b"\n", 0, found.start()) + 1, found.start() - 120) : found.start()]
        groups = re.split(rb"[ ().-]+", found[1])
        grouped = len(groups) >= 3 and all(groups) and b"." not in found[1]
        quoted = data[found.start() - 1 : found.start()] in (b'"', b"'", b"`")
        if grouped or _CALLED.search(line) or (quoted and data[found.end() : found.end() + 1] in (b'"', b"'", b"`")):
            yield found.span()


# ------------------------------------------------------------------------------------------------- numbers with a check digit
_IBAN = re.compile(rb"(?<![A-Za-z0-9])[A-Z]{2}\d\d(?: ?[A-Z0-9]){11,30}(?![a-z])")
_IBAN_SIZES = dict(
    pair.split(b":")
    for pair in (
        b"AD:24 AE:23 AT:20 BE:16 BG:22 BR:29 CH:21 CR:22 CY:28 CZ:24 DE:22 DK:18 DO:28 EE:20 ES:24 FI:18 FR:27 GB:22 "
        b"GR:27 HR:21 HU:28 IE:22 IL:23 IS:26 IT:27 LI:21 LT:20 LU:20 LV:21 MC:27 MT:31 NL:18 NO:15 PL:28 PT:25 RO:24 "
        b"SA:24 SE:24 SI:19 SK:24 TR:26 "
    ).split()
)
_CARD = re.compile(rb"(?<![\w.+-])(?:[3-6]\d{3}(?:([ -]?)\d{4})(?:\1\d{4}){2}|3[47]\d{2}([ -]?)\d{6}\2\d{5})(?![\w-]|\.\d)")
_CARD_ISSUER = re.compile(rb"4\d{15}|5[1-5]\d{14}|2[2-7]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|35(?:2[89]|[3-8]\d)\d{12}")
_PAID = re.compile(rb"card|\bpan\b|visa|master|amex|credit|debit|tarjeta|payment", re.I)
_TEST_CARDS = frozenset(
    b"4242424242424242 4111111111111111 4012888888881881 4000056655665556 5555555555554444 5105105105105100 2223003122003222 "
    b"5200828282828210 378282246310005 371449635398431 6011111111111117 6011000990139424 3530111333300000 3566002020360505 "
    b"4000000000000002 4000000000000077 4222222222222222 4444333322221111 5500000000000004 340000000000009 4007000000027".split()
)
_DNI = re.compile(rb"(?<![\w.+/-])(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z](?![\w-])")
_CODICE = re.compile(rb"(?<!\w)[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z](?!\w)")
_CPF = re.compile(rb"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d\d(?![\w.-])")
_NIR = re.compile(rb"(?<!\w)[12] \d\d (?:0[1-9]|1[0-2]) \d\d \d{3} \d{3} \d\d(?!\w)")
_ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4,
    18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23], strict=True))  # fmt: skip


def _ibans(data: bytes) -> Spans:
    for found in _shaped(data, _IBAN, b"AA00", mask=_CAPITALS):
        size, at = int(_IBAN_SIZES.get(found[0][:2], b"0")), found.start()
        taken = 0
        while taken < size and at < found.end():
            taken += data[at : at + 1] != b" "
            at += 1
        text = data[found.start() : at].replace(b" ", b"").decode()
        whole = not data[at : at + 1].isalnum() if at < len(data) else True
        if size and taken == size and whole and int("".join(str(int(one, 36)) for one in text[4:] + text[:4])) % 97 == 1:
            yield found.start(), at


def _cards(data: bytes) -> Spans:
    for found in _shaped(data, _CARD, b"0" * 15, b"0000 0000", b"0000-0000"):
        digits = re.sub(rb"\D", b"", found[0])
        if not _CARD_ISSUER.fullmatch(digits) or digits in _TEST_CARDS or len(set(digits)) < 4:
            continue
        total = sum(sum(divmod((code - 48) * (1 + at % 2), 10)) for at, code in enumerate(reversed(digits)))
        line = data[max(0, found.start() - 60) : found.start()].rpartition(b"\n")[2]
        if total % 10 == 0 and (len(digits) < len(found[0]) or _PAID.search(line)):
            yield found.span()


def _national_ids(data: bytes) -> Spans:
    for found in _shaped(data, _DNI, b"0000000", back=2):
        text = found[0].replace(b"-", b"").decode()
        number = int(str("XYZ".find(text[0])) + text[1:-1]) if text[0] in "XYZ" else int(text[:-1])
        is_date = text[:2] in ("19", "20") and "01" <= text[4:6] <= "12" and "01" <= text[6:8] <= "31"
        if "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == text[-1] and not is_date and len(set(text[:-1])) > 2:
            yield found.span()
    for found in _shaped(data, _CODICE, b"AAAAAA00A00A000A", mask=_CAPITALS):
        text = found[0].decode()
        total = sum(_ODD[one] if at % 2 == 0 else int(one, 36) - 10 * one.isalpha() for at, one in enumerate(text[:15]))
        if chr(65 + total % 26) == text[15]:
            yield found.span()
    for found in _shaped(data, _CPF, b"000.000.000-00"):
        digits = [int(chr(code)) for code in found[0] if 48 <= code <= 57]
        sums = [sum(one * (size + 1 - at) for at, one in enumerate(digits[:size])) * 10 % 11 % 10 for size in (9, 10)]
        if sums == digits[9:] and len(set(digits)) > 2:
            yield found.span()
    for found in _shaped(data, _NIR, b"0 00 00 00 000 000 00"):
        text = found[0].replace(b" ", b"")
        if 97 - int(text[:13]) % 97 == int(text[13:]):
            yield found.span()


# --------------------------------------------------------------------------------------------------------- folders and names
_HOME = re.compile(rb"(?:/home/|Users[\\/]{1,4})([A-Za-z0-9][\w.-]{1,31})(?=[\\/])")
_ROOT = re.compile(rb"(?:\A|[^\w.}$~/\\-]|(?:file:|[^:\w.}]/)/)\Z")
_DRIVE = re.compile(rb"(?<![A-Za-z])[A-Za-z]:[\\/]{1,4}\Z")
_ROLES = re.compile(
    rb"(?:my|your|some|the|test|other|new|local|ci|app|web|default|all|example)?[-_.]?(?:user|users|username|name|me|you|yourname|home|public|shared"
    rb"|default|admin|administrator|root|guest|runner|runneradmin|ubuntu|debian|fedora|centos|vagrant|pi|ec2-user|circleci|travis|jovyan|app"
    rb"|node|git|build|builder|buildbot|ci|vscode|codespace|gitpod|docker|jenkins|gitlab-runner|azureuser|vsts|developer|dev|test|tester|student"
    rb"|foo|bar|baz|qux|example|sample|linuxbrew|nobody|www|www-data|data|work|workspace|project|projects|deploy|airflow|spark|hadoop|appuser"
    rb"|conda|coder|alice|bob|johndoe|jdoe|john|jane|nonroot|somebody|someone|xxx+|static|content|index|pages?|images?|css|js|assets)[-_]?[0-9a-f]{0,8}",
    re.IGNORECASE,
)
_LETTER = rb"(?:[a-z'.-]|[\xc3-\xc9][\x80-\xbf])"
_PERSON = re.compile(
    rb"(?:[A-Z]|\xc3[\x80-\x9e])" + _LETTER + rb"*(?: (?:(?:van|von|der|den|de|da|del|della|di|la|le|bin|al|dos|y) )*"
    rb"(?:[A-Z]|\xc3[\x80-\x9e])" + _LETTER + rb"*){1,3}(?![A-Za-z])"
)
_AFTER = re.compile(rb"s?[\"']?[ \t]*[:=][ \t]*[\[({\"']*")
_SIGNED: tuple[tuple[bytes, re.Pattern[bytes]], ...] = (
    *(
        (word, re.compile(rb"s?(?:__)?[\"']?(?:[ \t]*[:=][ \t]*[\[({\"']*|(?<=@" + word + rb")[ \t]+|\{)"))
        for word in (b"author", b"autor")
    ),
    *((word, _AFTER) for word in (b"maintainer", b"developer", b"programmer", b"creator", b"contact")),
    *(
        (word + b"-by", re.compile(rb":?[ \t]+"))
        for word in (b"signed-off", b"co-authored", b"reviewed", b"acked", b"tested", b"reported")
    ),
    *((word + b" by", re.compile(rb":?[ \t]+")) for word in (b"written", b"created", b"contributed", b"maintained")),
)
"""A word in small letters, and what stands between it and a name."""
_MORE = re.compile(rb"[\"']?(?: ?<[^>\n]{0,80}>)?[\"']?(?:, ?| and | & )[\"']?")
_COPYRIGHT = re.compile(rb"(?:copyright|\xc2\xa9|\(c\))[^\n]{0,60}?(?:19|20)\d\d[\d, -]*(?:by )?[ \t]*(?:,[ \t]*)?")
_NO_PERSON = re.compile(
    rb"Person [0-9a-f]{4,8}|.*\b(?:Inc|Ltd|LLC|Corp|Corporation|GmbH|Foundation|Authors?|Contributors?|Developers?|Team|Project|Group|Company|University"
    rb"|Institute|Labs?|Software|Systems|Technologies|Community|Association|Unknown|Anonymous|The|See|Various|Your|My|Name|First|Last|All|License|This"
    rb"|Version|Core|Google|Microsoft|Apache|John Doe|Jane Doe)\b.*"
)
_HANDLE = re.compile(rb"[a-z][a-z0-9_.-]{2,23}(?=[ \t]*(?:[\r\n<(*]|$))")
_NO_HANDLE = re.compile(
    rb"unknown|anonymous|various|others?|see|the|todo|none|null|author|authors|maintainers?|core|team|me|self|generated|auto.*",
    re.I,
)


def _homes(data: bytes) -> Spans:
    for word, skip in ((b"/home/", 0), (b"/Users/", 1), (b"Users\\", 0)):
        for at in _places(data, word):
            found, before = _HOME.match(data, at + skip), data[max(0, at - 6) : at]
            rooted = _ROOT.search(before) if skip or word[:1] == b"/" else None
            if found and (rooted or _DRIVE.search(before + word[:skip])) and not _ROLES.fullmatch(found[1]):
                yield found.span(1)


def _authors(data: bytes) -> Spans:
    low = data.lower()
    for word, after in _SIGNED:
        for at in _places(low, word):
            found = after.match(low, at + len(word))
            if found is None or low[at - 1 : at].isalnum() or low[at - 1 : at] == b".":
                continue
            start = found.end()
            if low[at - 1 : at] == b"@" and (handle := _HANDLE.match(data, start)) and not _NO_HANDLE.fullmatch(handle[0]):
                yield handle.span()
            while (name := _PERSON.match(data, start)) is not None:
                if not _NO_PERSON.fullmatch(name[0]):
                    yield name.span()
                more = _MORE.match(data, name.end())
                start = more.end() if more else len(data)


def _holders(data: bytes) -> Spans:
    """Names of people in copyright lines, which a licence may ask to keep."""
    low = data.lower()
    for found in _COPYRIGHT.finditer(low):
        name = _PERSON.match(data, found.end())
        if name and not _NO_PERSON.fullmatch(name[0]):
            yield name.span()


FINDERS: dict[str, Callable[[bytes], Spans]] = {
    "email": _emails, "ipv4": _ipv4, "ipv6": _ipv6, "phone": _phones, "iban": _ibans, "card": _cards,
    "national-id": _national_ids, "home-folder": _homes, "author-name": _authors,
}  # fmt: skip


def find_personal(data: bytes, *, keep_copyright: bool = True) -> list[tuple[str, int, int]]:
    """(kind, start, end) of all personal data in UTF-8 bytes, in order, none inside another."""
    found = [(start, -end, kind) for kind, finder in FINDERS.items() for start, end in finder(data)]
    if not keep_copyright:
        found += [(start, -end, "author-name") for start, end in _holders(data)]
    kept: list[tuple[str, int, int]] = []
    for start, end, kind in sorted(found):
        if not kept or start >= kept[-1][2]:
            kept.append((kind, start, -end))
    return kept


class PersonalData:
    """A check (seams ``BatchCheck`` and ``ProvenCheck``) that fails a text with personal data, each with its exact place."""

    name = "personal-data"

    def __init__(self, keep_copyright: bool = True) -> None:
        self.keep_copyright = keep_copyright

    def judge(self, record: Record) -> Verdict:
        """PASS, or FAIL with everything found; ``values`` count it by kind. Never raises."""
        started = time.perf_counter()
        data = record.text.encode("utf-8", "surrogatepass")
        found = find_personal(data, keep_copyright=self.keep_copyright)
        findings, line, at = [], 1, 0
        for kind, start, end in found[:MAX_FINDINGS]:
            line, at = line + data.count(b"\n", at, start), start
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
        counts = Counter(kind for kind, _, _ in found)
        return Verdict(
            check=self.name,
            outcome=Outcome.FAIL if found else Outcome.PASS,
            findings=tuple(findings),
            took_ms=(time.perf_counter() - started) * 1000,
            detail=", ".join(f"{count} {kind}" for kind, count in counts.most_common()) or "no personal data found",
            values={"personal": float(len(found))} | {kind: float(count) for kind, count in counts.items()},
        )

    def judge_all(self, records: Sequence[Record]) -> list[Verdict]:
        """The verdict of each, in their order."""
        return [self.judge(record) for record in records]

    def canaries(self) -> Sequence[Canary]:
        """One of each kind, put together here so that this file holds none; and what only looks like it."""
        at = "@"
        planted = {
            "email": f"# ask ada.byron{at}adatum.net\n",
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
