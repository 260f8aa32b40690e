"""Secrets and personal data replaced in place: a text stays whole, parses as before, and is clean when it is scanned again.

    before   owner = "ada.byron@adatum.net"      key = "ghp_…36 characters…"        open("/home/abyron/notes")
    after    owner = "user-1a2b3c4d@example.com" key = "REDACTED_GITHUB_PAT_5e6f…"  open("/home/user-7a8b9c0d/notes")

What is found is found by checks (`checks.privacy`); this file only writes. The same value gives the
same placeholder everywhere in a corpus, because it comes from a keyed hash of the value; the key is the corpus's ``salt``,
so that nobody without it can try guesses against the placeholders. A placeholder is legal where the value stood: no quotes,
blanks or escapes that were not there, digits for digits in numbers, an address for an address. What was found anywhere in
the data set is replaced wherever it stands (`data.screening.known_values`).

Covered: every language; values over several lines (keys keep their line breaks); what a replacement reveals.
Not covered: what the checks find nowhere in the data set.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, field_validator

from yunque.checks.syntax import Syntax
from yunque.core.errors import RecipeError
from yunque.core.nouns import Finding, Origin, Outcome, Pair, Preference, Record, Verdict, content_id
from yunque.core.seams import Check
from yunque.data.screening.known_values import KnownValue, ValueIndex, known_values

ROUNDS = 3
"""How often a text is scanned and fixed before it is given up."""
SECRETS, PERSONAL = "secrets", "personal-data"
Kind = Literal["email", "ipv4", "ipv6", "phone", "iban", "card", "national-id", "home-folder", "author-name"]


def kept_salt(path: Path) -> str:
    """A salt that is made once, and kept in a file that nobody else can read."""
    with contextlib.suppress(FileExistsError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text("utf-8").strip()


class RedactRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """What is replaced by placeholders in what is kept."""

    secrets: bool = True
    """Replace keys, tokens, passwords."""
    personal: tuple[Kind, ...] = get_args(Kind)
    """Kinds of personal data that are replaced; none asks no check."""
    salt: str = ""
    """Where the secret that keys the placeholders is: 'env:NAME' or 'file:PATH' of a team that wants one data set on its
    machines; empty: made at random, in the output folder."""

    @field_validator("salt")
    @classmethod
    def _names_a_place(cls, salt: str) -> str:
        if salt and not (salt.startswith(("env:", "file:")) and salt.partition(":")[2]):
            raise ValueError("write 'env:NAME' or 'file:PATH', not the salt itself")
        return salt

    @property
    def checks(self) -> list[str]:
        """The checks whose findings are replaced."""
        return [SECRETS] * self.secrets + [PERSONAL] * bool(self.personal)


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """One value that was replaced."""

    kind: str
    """The rule that found it."""
    line: int
    """Of the text before, 1-based."""
    fingerprint: str
    """Eight hex digits of the keyed hash: two are alike where the values were."""


@dataclass(frozen=True, kw_only=True)
class Redaction:
    """What became of a record."""

    record: Record | None
    """The same record where nothing was found, a new one where something was; None when it was refused."""
    replaced: tuple[Replaced, ...] = ()
    refused: str = ""
    """Why it cannot be kept, in one line without any of its text."""


class Redactor:
    """Replaces what checks find, and what is ``known`` from elsewhere.

    RecipeError without a salt: hashes that anybody can make can be guessed against.
    """

    def __init__(self, recipe: RedactRecipe, salt: str, known: ValueIndex | None = None) -> None:
        if recipe.checks and not salt:
            raise RecipeError("redaction needs a salt", where="redact", do="give one secret text for the whole corpus")
        self.recipe, self._salt, self._syntax = recipe, salt, Syntax()
        self.known = known or ValueIndex()

    def __reduce__(self) -> tuple:
        return Redactor, (self.recipe, self._salt, self.known)  # the scanners cannot travel

    @cached_property
    def checks(self) -> list[Check]:
        """The checks of the recipe."""
        from yunque.checks.privacy.personal_data import PersonalData
        from yunque.checks.privacy.secrets import Secrets

        known: dict[str, type[Check]] = {SECRETS: Secrets, PERSONAL: PersonalData}
        return [known[name]() for name in self.recipe.checks]

    def is_clean(self, record: Record, verdicts: Sequence[Verdict]) -> bool:
        """Whether nothing is to be replaced in a record of which checks gave these verdicts."""
        answers = {verdict.check: verdict for verdict in verdicts}
        asked = [answers.get(name) for name in self.recipe.checks]
        passed = all(
            verdict is not None and verdict.outcome is Outcome.PASS and not self._meant(verdict.findings)
            for verdict in asked
        )
        return passed and not self.known.find(record.text)

    def values(self, record: Record, verdicts: Sequence[Verdict]) -> list[KnownValue]:
        """What the verdicts found in the record, to be looked for in the rest of the data set."""
        findings = [
            item for verdict in verdicts if verdict.check in self.recipe.checks for item in self._meant(verdict.findings)
        ]
        return list(known_values(record.text, findings, self._salt)) if findings else []

    def redact(self, record: Record) -> Redaction:
        """The record without what the checks find, or why that could not be done; never raises for anything in the text."""
        now, replaced = record, []
        for _ in range(ROUNDS):
            findings, why = self._look(now)
            if why:
                return Redaction(record=None, refused=why)
            if not findings:
                break
            now, more = self._rewrite(now, findings)
            replaced += more
        else:
            findings, why = self._look(now)
            if findings or why:
                return Redaction(record=None, refused=why or f"still found after redaction: {findings[0].rule}")
        if now is not record and self._parses(record) and not self._parses(now):
            return Redaction(record=None, refused="does not parse after redaction")
        return Redaction(record=now, replaced=tuple(replaced))

    def redact_pair(self, pair: Pair) -> tuple[Pair | None, tuple[Replaced, ...], str]:
        """A pair that stands in no record as it is, with its texts redacted; or None, and why. Its id stays."""
        texts: dict[str, Any] = {}
        replaced: list[Replaced] = []
        answers = ("answer", "rejected") if isinstance(pair, Preference) else ("answer",)
        for name in ("prompt", *answers, "suffix"):
            if text := getattr(pair, name):
                result = self.redact(_of_text(text, pair.language if name in answers else "text"))
                if result.record is None:
                    return None, (), result.refused
                texts[name] = result.record.text
                replaced += result.replaced
        if not replaced:
            return pair, (), ""
        return replace(pair, **texts), tuple(replaced), ""

    def _look(self, record: Record) -> tuple[list[Finding], str]:
        """What is to be replaced, in order, none overlapping another; or why nobody can say."""
        findings: list[Finding] = []
        for check in self.checks:
            verdict = check.judge(record)
            if verdict.outcome in (Outcome.ERROR, Outcome.SKIP):
                return [], f"{check.name} could not look: {verdict.detail}"[:200]
            findings += self._meant(verdict.findings)
        if any(finding.span_bytes is None for finding in findings):
            rule = next(finding.rule for finding in findings if finding.span_bytes is None)
            return [], f"found without its exact place: {rule}"
        return _merged([*findings, *self.known.find(record.text)]), ""

    def _meant(self, findings: Sequence[Finding]) -> list[Finding]:
        """Those that the recipe wants replaced."""
        unwanted = {*get_args(Kind)} - {*self.recipe.personal}
        return [finding for finding in findings if finding.severity != "note" and finding.rule not in unwanted]

    def _rewrite(self, record: Record, findings: Sequence[Finding]) -> tuple[Record, list[Replaced]]:
        data = record.text.encode("utf-8", "surrogatepass")
        pieces, replaced, position, line, counted = [], [], 0, 1, 0
        for finding in findings:
            start, end = _span(finding)
            value = data[start:end]
            rule = self.known.rule_of(value, finding.rule)
            digest = hmac.new(self._salt.encode(), rule.encode() + b"\0" + value, hashlib.sha256).hexdigest()
            pieces += [data[position:start], placeholder(rule, value, digest)]
            line, counted, position = line + data.count(b"\n", counted, start), start, end
            replaced.append(Replaced(kind=rule, line=line, fingerprint=digest[:8]))
        text = b"".join([*pieces, data[position:]]).decode("utf-8", "surrogatepass")
        return replace(record, id=content_id(record.origin.path, text), text=text), replaced

    def _parses(self, record: Record) -> bool:
        return self._syntax.judge(record).outcome is Outcome.PASS


def _of_text(text: str, language: str) -> Record:
    origin = Origin(source="", path="pair", revision="", licence="", collected_at="")
    return Record(id="", text=text, language=language, origin=origin)


def _span(finding: Finding) -> tuple[int, int]:
    assert finding.span_bytes is not None  # `_look` takes no other
    return finding.span_bytes


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """In order; of two that overlap the first one gets the bytes of both, so that no rest is left."""
    merged: list[Finding] = []
    for finding in sorted(findings, key=lambda it: (_span(it)[0], -_span(it)[1])):
        if merged and _span(finding)[0] < _span(merged[-1])[1]:
            start, end = _span(merged[-1])
            merged[-1] = replace(merged[-1], span_bytes=(start, max(end, _span(finding)[1])))
        else:
            merged.append(finding)
    return merged


# ------------------------------------------------------------------------------------------------------------- placeholders
_HEX = re.compile(rb"(0x)?[0-9a-fA-F]{16,}")
_KEY_LINE = re.compile(rb"(?<![\\])[A-Za-z0-9+/=]{8,}|(?<=\\[nr])[A-Za-z0-9+/=]{4,}|[A-Za-z0-9+/=]{4,}\Z")
SHORTEST = 12


def placeholder(kind: str, value: bytes, digest: str) -> bytes:
    """What stands for a value of a kind: always the same for the same digest and shape, never found by our checks itself."""
    if kind == "email":
        return f"user-{digest[:8]}@example.com".encode()
    if kind == "ipv4":
        return ".".join(["10", *(str(int(digest[position : position + 2], 16)) for position in (0, 2, 4))]).encode()
    if kind == "ipv6":
        return f"2001:db8::{int(digest[:4], 16):x}:{int(digest[4:8], 16):x}".encode()
    if kind == "home-folder":
        return f"user-{digest[:8]}".encode()
    if kind == "author-name":
        return f"Person {digest[:8]}".encode() if b" " in value else f"user-{digest[:8]}".encode()
    if kind == "phone":
        return _renumbered(value, "999", digest)
    if kind == "card":
        return _renumbered(value, "9", digest)
    if kind == "iban":
        return b"XX" + _renumbered(re.sub(rb"[A-Z]", b"0", value[2:]), "00", digest)
    if kind == "national-id":
        return _nobody(value, digest)
    if kind == "private-key":
        return _KEY_LINE.sub(lambda result: _filled(b"REDACTED", len(result[0]), shortest=1), value)
    return _secret(kind, value, digest)


def _renumbered(value: bytes, first: str, digest: str) -> bytes:
    """The value with other digits, everything else as it was."""
    digits = iter(first + str(int(digest, 16)))
    return re.sub(rb"\d", lambda _: next(digits).encode(), value)


def _nobody(value: bytes, digest: str) -> bytes:
    """A national id of the same shape that cannot be right."""
    if b"." in value:  # CPF: nine zeros have the check digits 00
        return b"000.000.000-" + (b"12" if int(digest[:2], 16) % 2 else b"34")
    if value[-1:].isdigit():  # NIR: begins with 1 or 2
        return _renumbered(value, "9", digest)
    letters = re.sub(rb"[A-Z]", b"X", value[:-1])  # DNI and NIE: never end in O; codice fiscale: X is not a month
    return _renumbered(letters, "", digest) + b"O"


def _secret(kind: str, value: bytes, digest: str) -> bytes:
    """A secret's placeholder: as long as the secret, hexadecimal for hexadecimal, an address for an address."""
    match = _HEX.fullmatch(value)
    if match:
        plain = (match[1] or b"") + b"deadbeef" + digest[:8].encode()
        return plain[: len(value)].ljust(len(value), b"0")
    if value.startswith((b"https://", b"http://")):
        return b"https://example.com/" + f"REDACTED_{digest[:16]}".encode()
    name = re.sub(r"[^A-Z0-9]+", "_", kind.upper())
    for mark in (f"REDACTED_{name}_{digest[:8]}", f"REDACTED_{digest[:8]}", f"REDACTED{digest[:4]}"):
        if len(mark) <= len(value):
            break
    return _filled(mark.encode(), len(value), shortest=SHORTEST)


def _filled(mark: bytes, size: int, shortest: int) -> bytes:
    """A mark, cut or filled up with ``x`` to a size."""
    return mark[: max(size, shortest)].ljust(max(size, shortest), b"x")
