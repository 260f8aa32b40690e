"""Numbers by which people are known: phones, accounts, cards, national ids; each right by its plan or its check digit.

A pattern is tried only where the shape of its digits stands, which is found a hundred times faster (`shaped`).

Covered: phone numbers of 44 countries as of ITU-T E.164 and their plans; IBAN (ISO 13616); cards (ISO/IEC 7812, Luhn);
Spanish DNI and NIE, Italian codice fiscale, Brazilian CPF, French NIR.
Not covered: domestic phone numbers, other countries' ids.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

Spans = Iterator[tuple[int, int]]


def places(data: bytes, word: bytes) -> Iterator[int]:
    """Where a word begins, in order: a hundred times faster than a pattern, which is tried only there."""
    position = data.find(word)
    while position >= 0:
        yield position
        position = data.find(word, position + 1)


DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
HEX = bytes.maketrans(b"123456789abcdefABCDEF", b"0" * 21)
CAPITALS = bytes.maketrans(b"123456789BCDEFGHIJKLMNOPQRSTUVWXYZ", b"0" * 9 + b"A" * 25)


@functools.lru_cache(maxsize=2)
def masked(data: bytes, mask: bytes) -> bytes:
    """The text with all digits (or hexadecimal digits, or capitals) alike, so that a shape is a word to look for."""
    return data.translate(mask)


_OTHER = re.compile(rb"[^0]")


def shaped(
    data: bytes, pattern: re.Pattern[bytes], *shapes: bytes, mask: bytes = DIGITS, back: int = 0
) -> Iterator[re.Match[bytes]]:
    """The matches of a pattern that begin where a shape does, or up to ``back`` bytes before."""
    shown = masked(data, mask)
    for shape in shapes:
        position, before = shown.find(shape), b"0" * (back + 1)
        while position >= 0:
            if shown.endswith(before, max(0, position - back - 1), position) and shape[:1] == b"0":  # inside a longer number
                rest = _OTHER.search(shown, position)
                position = shown.find(shape, rest.end()) if rest else -1
                continue
            for start in range(max(0, position - back), position + 1):
                if (match := pattern.match(data, start)) is not None:
                    yield match
                    break
            position = shown.find(shape, position + 1)


# -------------------------------------------------------------------------------------------------- phone numbers
_PHONE = re.compile(rb"(?<![\w+)\]}.%/*-])\+([1-9][\d ().-]{6,20}\d)(?![\w.]*\w)")
_CALLED = re.compile(
    rb"phone|mobile|\btel\b|tel:|\bfax|cell|whatsapp|\bsms\b|\bcall\b|contact|movil|m\xc3\xb3vil|celular|telefon|handy", re.I
)
_PLANS = (
    r"1=[2-9]\d\d(?!555|\d11)[2-9]\d{6} 7=[3-9]\d{9} 20=\d{9,10} 27=[1-8]\d{8} 30=[26]\d{9} 31=[1-9]\d{8} "
    r"32=[1-9]\d{7,8} 33=[1-79]\d{8} 34=[6-9]\d{8} 36=\d{8,9} 39=[03]\d{8,10} 40=[237]\d{8} 41=[2-9]\d{8} "
    r"43=\d{8,12} 44=[1-37-9]\d{8,9} 45=[2-9]\d{7} 46=[1-9]\d{7,9} 47=[2-9]\d{7} 48=[1-9]\d{8} 49=[1-9]\d{7,10} "
    r"51=[1-9]\d{7,8} 52=[1-9]\d{9,10} 54=[1-9]\d{9,10} 55=[1-9]{2}9?\d{8} 56=[2-9]\d{8} 57=[136]\d{9} "
    r"58=[24]\d{9} 61=[2-478]\d{8} 62=[2-9]\d{7,11} 63=[2-9]\d{7,9} 64=[2-9]\d{7,9} 65=[3689]\d{7} "
    r"81=[1-9]\d{8,9} 82=[1-7]\d{7,9} 86=1[3-9]\d{9}|[2-9]\d{8,10} 90=[2-5]\d{9} 91=[6-9]\d{9} 351=[29]\d{8} "
    r"353=[1-9]\d{6,9} 358=[1-9]\d{5,10} 380=[3-9]\d{8} 420=[2-7]\d{8} 971=[2-9]\d{7,8} 972=[2-9]\d{7,8} "
)
_NATIONAL: dict[str, re.Pattern[str]] = {
    code: re.compile(plan) for code, plan in (pair.split("=") for pair in _PLANS.split())
}
"""Country code -> what follows it, as of ITU-T E.164 and the countries' numbering plans; 555 numbers are for films."""


def phones(data: bytes) -> Spans:
    """International phone numbers that a country could have given, written as people write them."""
    for match in shaped(data, _PHONE, b"+0"):
        digits = re.sub(rb"\D", b"", match[1]).decode()
        if not any(plan.fullmatch(digits, len(code)) for code, plan in _NATIONAL.items() if digits.startswith(code)):
            continue
        line = data[max(data.rfind(b"\n", 0, match.start()) + 1, match.start() - 120) : match.start()]
        groups = re.split(rb"[ ().-]+", match[1])
        grouped = len(groups) >= 3 and all(groups) and b"." not in match[1]
        quoted = data[match.start() - 1 : match.start()] in (b'"', b"'", b"`")
        in_row = (
            data[match.start() - 1 : match.start()] in (b",", b";", b"\t")
            and data[match.end() : match.end() + 1] in b",;\t\r\n"
        )
        quoted = quoted and data[match.end() : match.end() + 1] in (b'"', b"'", b"`")
        if grouped or quoted or in_row or _CALLED.search(line):
            yield match.span()


# ----------------------------------------------------------------------------------------------- numbers with a check digit
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
    (
        b"4242424242424242 4111111111111111 4012888888881881 4000056655665556 5555555555554444 5105105105105100 "
        b"2223003122003222 5200828282828210 378282246310005 371449635398431 6011111111111117 6011000990139424 "
        b"3530111333300000 3566002020360505 4000000000000002 4000000000000077 4222222222222222 4444333322221111 "
        b"5500000000000004 340000000000009 4007000000027"
    ).split()
)
_DNI = re.compile(rb"(?<![\w.+/-])(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z](?![\w-])")
_CODICE = re.compile(rb"(?<!\w)[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z](?!\w)")
_CPF = re.compile(rb"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d\d(?![\w.-])")
_NIR = re.compile(rb"(?<!\w)[12] \d\d (?:0[1-9]|1[0-2]) \d\d \d{3} \d{3} \d\d(?!\w)")
_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (*[1, 0, 5, 7, 9, 13, 15, 17, 19, 21] * 2, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)
"""Weights of the odd places of a codice fiscale."""


def ibans(data: bytes) -> Spans:
    """Account numbers with a right check number, of the length of their country."""
    for match in shaped(data, _IBAN, b"AA00", mask=CAPITALS):
        size, position = int(_IBAN_SIZES.get(match[0][:2], b"0")), match.start()
        taken = 0
        while taken < size and position < match.end():
            taken += data[position : position + 1] != b" "
            position += 1
        text = data[match.start() : position].replace(b" ", b"").decode()
        whole = not data[position : position + 1].isalnum() if position < len(data) else True
        if size and taken == size and whole and int("".join(str(int(item, 36)) for item in text[4:] + text[:4])) % 97 == 1:
            yield match.start(), position


def cards(data: bytes) -> Spans:
    """Card numbers of a known issuer with a right check digit, grouped or beside a telling word; no test cards."""
    for match in shaped(data, _CARD, b"0" * 15, b"0000 0000", b"0000-0000"):
        digits = re.sub(rb"\D", b"", match[0])
        made_up = digits in _TEST_CARDS or len(set(digits)) < 4 or b"0000000" in digits
        if made_up or not _CARD_ISSUER.fullmatch(digits):
            continue
        total = sum(sum(divmod((code - 48) * (1 + index % 2), 10)) for index, code in enumerate(reversed(digits)))
        line = data[max(0, match.start() - 60) : match.start()].rpartition(b"\n")[2]
        if total % 10 == 0 and (len(digits) < len(match[0]) or _PAID.search(line)):
            yield match.span()


def national_ids(data: bytes) -> Spans:
    """National ids with a right check digit."""
    for match in shaped(data, _DNI, b"0000000", back=2):
        text = match[0].replace(b"-", b"").decode()
        number = int(str("XYZ".find(text[0])) + text[1:-1]) if text[0] in "XYZ" else int(text[:-1])
        is_date = text[:2] in ("19", "20") and "01" <= text[4:6] <= "12" and "01" <= text[6:8] <= "31"
        if "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == text[-1] and not is_date and len(set(text[:-1])) > 2:
            yield match.span()
    for match in shaped(data, _CODICE, b"AAAAAA00A00A000A", mask=CAPITALS):
        text = match[0].decode()
        total = sum(
            _ODD[item] if index % 2 == 0 else int(item, 36) - 10 * item.isalpha() for index, item in enumerate(text[:15])
        )
        if chr(65 + total % 26) == text[15]:
            yield match.span()
    for match in shaped(data, _CPF, b"000.000.000-00"):
        digits = [int(chr(code)) for code in match[0] if 48 <= code <= 57]
        sums = [
            sum(digit * (size + 1 - index) for index, digit in enumerate(digits[:size])) * 10 % 11 % 10 for size in (9, 10)
        ]
        if sums == digits[9:] and len(set(digits)) > 2:
            yield match.span()
    for match in shaped(data, _NIR, b"0 00 00 00 000 000 00"):
        whole = match[0].replace(b" ", b"")
        if 97 - int(whole[:13]) % 97 == int(whole[13:]):
            yield match.span()
