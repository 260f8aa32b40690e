"""Values that were found to be secret or personal somewhere in a data set, found again where no sign says what they are.

    settings.py    DB_PASSWORD = "vK3…"            found by its sign
    notes.md       log in as root with vK3…         found because settings.py holds it

No value is written down: a `KnownValue` holds keyed hashes of the value and of its anchor, its longest run of letters and
digits. A text is cut into such runs; where the hash of one is an anchor's, the bytes around it are compared by their hash.

Covered: the same bytes as a whole word, in any file of any source. Names of more than one word, except in copyright lines.
User names where a path, an address or a mention holds them. Secrets that are no plain word.
Not covered: a value written otherwise (percent-encoded, base64, in pieces) where the checks do not see it by themselves;
values without a run of ``MIN_RUN`` letters or digits, such as most IP addresses, which the checks find by their shape.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from yunque.core.nouns import Finding, content_id

MIN_RUN = 4
MIN_SECRET = 8
"""Bytes of the shortest secret that is looked for: shorter ones stand in other words' places too often."""
_RUN = re.compile(rb"[A-Za-z0-9]{%d,}" % MIN_RUN)
_PLAIN_WORD = re.compile(rb"[a-z_.-]+|[A-Z_.-]+|[A-Z][a-z]+|\d+(?:\.\d+)?")
_NUMBERS = ("phone", "card", "iban", "national-id", "ipv4", "ipv6")
_BEFORE_A_USER = b"/\\~@"
_COPYRIGHT = (b"copyright", b"\xc2\xa9", b"(c)")


@dataclass(frozen=True, kw_only=True)
class KnownValue:
    """One value, without itself."""

    rule: str
    """Of the check that found it."""
    digest: str
    """Keyed hash of all its bytes."""
    anchor: str
    """Keyed hash of its longest run of letters and digits."""
    anchor_size: int
    anchor_offset: int
    """Bytes of the value before that run."""
    size: int
    """Bytes of the value."""
    is_user: bool
    """Whether it is a user's name of one word, which is also a word of its own."""


def known_values(text: str, findings: Iterable[Finding], salt: str) -> Iterator[KnownValue]:
    """What findings with a span say of a text, as far as it can be told from an ordinary word elsewhere."""
    data, key = text.encode("utf-8", "surrogatepass"), _key(salt)
    for finding in findings:
        if finding.span_bytes is None:
            continue
        value = data[slice(*finding.span_bytes)]
        anchor = max(_RUN.finditer(value), key=lambda run: len(run[0]), default=None)
        if anchor is not None and _is_telling(finding.rule, value):
            yield KnownValue(
                rule=finding.rule,
                digest=_digest(key, value),
                anchor=_digest(key, anchor[0]),
                anchor_size=len(anchor[0]),
                anchor_offset=anchor.start(),
                size=len(value),
                is_user=_is_user(finding.rule, value),
            )


def _is_user(rule: str, value: bytes) -> bool:
    return rule == "home-folder" or (rule == "author-name" and b" " not in value)


def _is_telling(rule: str, value: bytes) -> bool:
    """Whether the value means the same wherever it stands."""
    if rule in ("email", "home-folder", "author-name", *_NUMBERS):
        return True
    return len(value) >= MIN_SECRET and not _PLAIN_WORD.fullmatch(value)


def _digest(key: bytes, value: bytes) -> str:
    return hashlib.blake2b(value, key=key, digest_size=16).hexdigest()


def _key(salt: str) -> bytes:
    return hashlib.blake2b(salt.encode()).digest()


class ValueIndex:
    """Known values by their anchors: finds them in other texts. Memory: about 500 bytes a value."""

    def __init__(self, values: Iterable[KnownValue] = (), salt: str = "") -> None:
        self._key = _key(salt)
        self._rules: dict[str, str] = {}
        self._by_anchor: dict[str, list[KnownValue]] = {}
        for value in values:
            if value.digest not in self._rules:
                self._by_anchor.setdefault(value.anchor, []).append(value)
            self._rules[value.digest] = min(value.rule, self._rules.get(value.digest, value.rule))
        self._sizes = {value.anchor_size for values in self._by_anchor.values() for value in values}

    @property
    def identity(self) -> str:
        """The same for the same values under the same rules."""
        return content_id(*(part for pair in sorted(self._rules.items()) for part in pair))

    def rule_of(self, value: bytes, rule: str) -> str:
        """The one rule under which the value is replaced in the whole data set: ``rule`` when it is not known."""
        return self._rules.get(_digest(self._key, value), rule) if self._rules else rule

    def find(self, text: str) -> list[Finding]:
        """A finding for every place of the text in which a known value stands."""
        if not self._rules:
            return []
        data = text.encode("utf-8", "surrogatepass")
        anchors: dict[bytes, Sequence[KnownValue]] = {}
        for run in set(_RUN.findall(data)):
            if len(run) in self._sizes and (values := self._by_anchor.get(_digest(self._key, run))):
                anchors[run] = values
        if not anchors:
            return []
        return [
            Finding(
                rule=self._rules[value.digest],
                message="a value that was found elsewhere in the data set",
                span_bytes=(start, start + value.size),
            )
            for run in _RUN.finditer(data)
            for value in anchors.get(run[0], ())
            if self._stands(data, start := run.start() - value.anchor_offset, value)
        ]

    def _stands(self, data: bytes, start: int, value: KnownValue) -> bool:
        end = start + value.size
        if start < 0 or end > len(data) or _digest(self._key, data[start:end]) != value.digest:
            return False
        before, after = data[start - 1 : start] if start else b"", data[end : end + 1]
        if _joins(before, data[start : start + 1]) or _joins(data[end - 1 : end], after):
            return False
        if value.is_user:
            return before != b"" and before in _BEFORE_A_USER
        if value.rule == "author-name":
            line = data[data.rfind(b"\n", 0, start) + 1 : start].lower()
            return not any(sign in line for sign in _COPYRIGHT)
        return True


def _joins(left: bytes, right: bytes) -> bool:
    """Whether two neighbours are of one word."""
    return (left.isalnum() or left == b"_") and (right.isalnum() or right == b"_")
