"""Which licence covers a file, where that is said, and how sure it is.

    REUSE.toml, .license      what REUSE says of single files, by its rules of precedence (`data.licences.reuse`)
    the file's own head       ``SPDX-License-Identifier: MIT``, or a notice in its first comment
    nearest folder upwards    its licence files (`data.licences.spdx`), and what its package metadata says, joined
    otherwise                 ``unknown``

What contradicts is kept: a licence file of one kind and metadata of another are joined by ``AND``, so that both must be
allowed. Where metadata speaks of every text that was found (``MIT OR Apache-2.0`` beside two licence files), it says how
they relate. A licence file that nobody can read makes its folder ``unknown``, never what a folder above says; metadata
beside it is believed, unless that file restricts something.

Covered: licences by text, several in a folder or a file, REUSE's ``LICENSES/`` where it holds a single one, NOTICE and
``licenses/`` where nothing else is there; metadata of Python, npm, Cargo, Composer, RubyGems, Maven.
Not covered: licences told only in a README, ``@license`` in the middle of a file.
Nothing is executed: ``setup.py`` is not looked at, a gemspec is read by pattern.
"""

from __future__ import annotations

import configparser
import functools
import html
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

from yunque.checks.licensing.licence import UNKNOWN, UNREAD, ids_of
from yunque.data.licences.reuse import Reuse
from yunque.data.licences.spdx import (
    Told,
    ask_askalono,
    covers,
    expression,
    joined,
    recognise,
    tagged,
    tell,
)

__all__ = ["UNKNOWN", "Found", "LicenceMap", "find_header", "header_licence", "recognise"]

MAX_LICENCE_BYTES = 300_000
HEADER_LINES, HEADER_CHARS = 80, 6000
TAG_LINES = 30

_LICENCE_FILE = re.compile(
    r"(?i)(?:(?:un)?licen[cs]es?|copying|copyright)(?:[-._].*)?|(?:mit|bsd|apache|gpl|lgpl|isc)[-_.]licen[cs]e(?:\..*)?"
)
_WEAK_FILE = re.compile(r"(?i)notice(?:[-._].*)?|copyright(?:[-._].*)?")
"""Looked at where nothing better is there: they name owners, and the licences of others."""
_NO_LICENCE = re.compile(
    r"(?i)third|3rd|external|bundled|header|template|checker|\.(py|pyc|pyi|js|mjs|ts|go|rs|java|c|cc|h|cpp|hpp|cs|rb|php|json"
    r"|toml|ya?ml|xml|html?|css|sh|in|j2|svg|png|gz|exe|dll)$"
)
_DOCUMENT = re.compile(r"[a-z_-]+\.(md|rst|txt)")  # a page about licences, as in docs/license.rst


@dataclass(frozen=True)
class Found:
    """A licence, and where it was found."""

    expression: str
    """SPDX, or ``unknown``."""
    place: str = ""
    """Paths that said so, joined by ``", "``; empty for the file itself, or for nothing."""
    how: str = ""
    """``header``, ``text``, ``phrase``, ``askalono``, ``metadata``, several joined by ``+``."""
    score: float = 0.0
    """As of `data.licences.spdx.Told`; the least of several."""


# ------------------------------------------------------------------------------------------------------ a file's own head
_WORTH = re.compile(r"(?i)licen[cs]e|public domain|permission is hereby|redistribut|proprietary|unauthori[sz]ed copying")
_COMMENT = re.compile(r"""\s*(?:\#|//|/\*|\*|;|--|%|<!--|\(\*|\{-|'''|\"{3}|rem\b|dnl\b|@rem\b|<\?|\Z)""", re.IGNORECASE)
_OPENS = {'"""': '"""', "'''": "'''", "/*": "*/", "<!--": "-->", "(*": "*)", "{-": "-}"}
_FIELD = re.compile(r"(?im)^(?:[^\w\n]|_)*+licen[cs]e[ds]?\W{1,3}(?!under|by|to|the\b)(\S[^\n]{1,80}?)[\s.*/#>-]*$")


def header_licence(text: str) -> str:
    """The SPDX expression that the head of a file says of itself, or ``unknown``."""
    return find_header(text).expression


def find_header(text: str) -> Found:
    """What the head of a file says of itself: a tag in its first lines, or a notice in the comments before its code."""
    head = text[:HEADER_CHARS]
    if not _WORTH.search(head):
        return _NOWHERE
    if "SPDX-License-Identifier" in head:
        own = tagged("\n".join(head.splitlines()[:TAG_LINES]))
        if own != UNKNOWN:
            return Found(own, "", "header", 1.0)
    return _notice("\n".join(_first_comment(head)))


_NOWHERE = Found(UNKNOWN)


def _first_comment(head: str) -> list[str]:
    """The lines of comment before the first line of code, docstrings among them."""
    lines, closes = [], ""
    for line in head.splitlines()[:HEADER_LINES]:
        bare = line.strip()
        if not closes:
            if not _COMMENT.match(line):
                break
            opens = next((sign for sign in _OPENS if bare.startswith(sign)), "")
            if opens and _OPENS[opens] not in bare[len(opens) :]:
                closes = _OPENS[opens]
        elif closes in bare:
            closes = ""
        lines.append(line)
    return lines


@functools.lru_cache(4096)
def _notice(comment: str) -> Found:
    """What a file's first comment says of its licence."""
    if not _WORTH.search(comment):
        return _NOWHERE
    named = {details for field_ in _FIELD.findall(comment) if (details := expression(field_)) != UNKNOWN}
    if len(named) == 1:
        return Found(named.pop(), "", "header", 1.0)
    if named:
        return Found(joined({item for details in named for item in ids_of(details)}), "", "header", 1.0)
    licence = tell(comment)
    return Found(licence.expression, "", "header", licence.score) if licence.expression != UNKNOWN else _NOWHERE


# ------------------------------------------------------------------------------------------------------------------ a tree
@dataclass
class _Folder:
    """What was read in one folder."""

    texts: list[tuple[str, Told]] = field(default_factory=list)
    weak: list[tuple[str, Told]] = field(default_factory=list)
    metadata: dict[str, tuple[str, str]] = field(default_factory=dict)
    """File name -> path, expression."""


class LicenceMap:
    """The licence of every folder of a tree; reads licence files and metadata once. Never raises for what they hold.

    ``second_opinion``: ask askalono about licence files that we cannot read, if it is installed; 250 ms for each such text.
    """

    def __init__(self, tree: Path, paths: Sequence[str], *, second_opinion: bool = True) -> None:
        folders: dict[str, _Folder] = {}
        reuse: dict[str, list[tuple[str, Told]]] = {}
        self._ask = second_opinion
        self._reuse = Reuse.read(functools.partial(_read, tree), paths)
        for path in sorted(paths):
            name = path.rpartition("/")[2]
            if name not in _METADATA and not name.endswith((".gemspec", ".pom")) and not _may_be_licence(path, name):
                continue
            pure = PurePosixPath(path)
            here = folders.setdefault(_covers(pure), _Folder())
            if pure.parent.name == "LICENSES":
                reuse.setdefault(_covers(pure), []).append((path, self._tell(_read(tree, path))))
            elif reader := _reader(name):
                if (details := _hint(reader, _read(tree, path))) != UNKNOWN:
                    here.metadata[name if name in _METADATA else pure.suffix] = (path, details)
            elif _is_licence_file(pure):
                licence = self._tell(_read(tree, path))
                if licence.expression != UNKNOWN or licence.either or not _DOCUMENT.fullmatch(name):
                    weak = _WEAK_FILE.fullmatch(name) or (pure.parent.name == "licenses" and ".dist-info" not in path)
                    (here.weak if weak else here.texts).append((path, licence))
        for folder, texts in reuse.items():
            if (
                len({licence.expression for _, licence in texts}) == 1
            ):  # of several, only a file's own head says which is its own
                folders[folder].texts.append(texts[0])
        self._by_folder = {folder: result for folder, here in folders.items() if (result := _settle(here)) is not None}

    def _tell(self, text: str) -> Told:
        details = tell(text)
        if details.expression == UNKNOWN and not details.either and self._ask and len(text.split()) >= 20:
            return ask_askalono(text)
        return details

    def licence_of(self, path: str, text: str = "") -> str:
        """The licence that covers a path: its own head's, else of the nearest folder that has one, else ``unknown``."""
        return self.find(path, text).expression

    def find(self, path: str, text: str = "") -> Found:
        """The same, with its place and how sure it is."""
        own, details = find_header(text), self._reuse.find(path)
        if details is not None and (details.overrides or own.expression == UNKNOWN):
            return Found(details.expression, details.place, "reuse", 1.0)
        if own.expression != UNKNOWN:
            both = joined({*ids_of(own.expression), *ids_of(details.expression)}) if details and details.adds else ""
            return Found(both, details.place, "reuse+header", own.score) if details and both else own
        folder = path
        while folder and folder != ".":
            folder = folder.rpartition("/")[0] or "."
            if result := self._by_folder.get(folder):
                return result
        return _NOWHERE


def _settle(here: _Folder) -> Found | None:
    """One answer for a folder, from its licence files and from what its metadata says; None where nothing speaks."""
    files = here.texts or ([] if here.metadata else [item for item in here.weak if item[1].expression != UNKNOWN])
    read = [(path, details) for path, details in files if details.expression != UNKNOWN]
    unread = any(details.expression == UNKNOWN and not details.either for _, details in files)
    either = any(details.either for _, details in files)
    ids = {spdx for _, details in read for spdx in ids_of(details.expression)}
    details, places = _metadata(here)
    if not files and details == UNKNOWN:
        return None
    score = min([details.score for _, details in read] or [1.0])
    result = Found(UNKNOWN, ", ".join(path for path, _ in files))
    if read:
        whole = read[0][1].expression if len(read) == 1 else joined(ids, either)
        whole = joined({*ids_of(whole), UNREAD}) if unread and details == UNKNOWN else whole
        result = Found(
            whole, ", ".join(path for path, _ in read), "+".join(sorted({details.how for _, details in read})), score
        )
    if details == UNKNOWN:
        return result
    if not read or covers(details, sorted(ids)):
        return Found(details, places, f"metadata+{result.how}" if read else "metadata", score)
    if covers(result.expression, ids_of(details)):
        return result
    both = joined({*ids_of(result.expression), *ids_of(details)})
    return Found(both, f"{result.place}, {places}", f"metadata+{result.how}", score)


def _metadata(here: _Folder) -> tuple[str, str]:
    """What the metadata of a folder says, and where. Of files that agree the first counts; what contradicts is joined."""
    lines = [here.metadata[name] for name in (*_METADATA, ".gemspec", ".pom") if name in here.metadata]
    if not lines:
        return UNKNOWN, ""
    path, first = lines[0]
    others = [(also, other) for also, other in lines[1:] if not covers(first, ids_of(other))]
    if not others:
        return first, path
    ids = {item for _, details in [lines[0], *others] for item in ids_of(details)}
    return joined(ids), ", ".join([path, *(also for also, _ in others)])


def _may_be_licence(path: str, name: str) -> bool:
    return "/LICENSES/" in f"/{path}" or bool(_LICENCE_FILE.fullmatch(name) or _WEAK_FILE.fullmatch(name))


def _is_licence_file(path: PurePosixPath) -> bool:
    return _may_be_licence(str(path), path.name) and not _NO_LICENCE.search(path.name)


def _covers(path: PurePosixPath) -> str:
    """The folder that a licence or metadata file speaks for; ``LICENSES/`` and ``*.dist-info/`` speak for their parent."""
    folder = path.parent
    for part in reversed(folder.parts):
        if part.endswith((".dist-info", ".egg-info")):
            above = folder.parts[: folder.parts.index(part)]
            below = folder.parts[folder.parts.index(part) + 1 :]
            # of the licences that a wheel carries, those in deeper folders are of what it bundles
            return str(PurePosixPath(*above)) if below in ((), ("licenses",)) else str(folder)
    return str(folder.parent if folder.name in ("LICENSES", "LICENSE", "licenses") else folder)


# ---------------------------------------------------------------------------------------------------------------- metadata
def _hint(reader: Callable[[str], object], text: str) -> str:
    """The licence that package metadata names; ``unknown`` when it names none, or cannot be read."""
    try:
        return _spelt(reader(text))
    except (ValueError, AttributeError, TypeError, KeyError, configparser.Error, RecursionError):
        return UNKNOWN  # not the file it is named like; what covers its code is then told elsewhere or not at all


def _spelt(facts: object) -> str:
    """As SPDX writes it: one name, a table with one, or a list of which the reader may choose."""
    if isinstance(facts, dict):
        facts = facts.get("type") or facts.get("text") or facts.get("name")
    if isinstance(facts, list):
        spelt = [_spelt(item) for item in facts[:20]]
        whole = {item for each in spelt for item in ids_of(each)} if all(each != UNKNOWN for each in spelt) else set()
        return joined(whole, either=True) if whole else UNKNOWN
    return expression(facts) if isinstance(facts, str) and facts.strip() else UNKNOWN


def _from_pyproject(text: str) -> object:
    content = tomllib.loads(text)
    project = content.get("project", {})
    named = project.get("license") or content.get("tool", {}).get("poetry", {}).get("license")
    if isinstance(named, dict):
        named = named.get("text")
    return named or _classified(project.get("classifiers", []))


def _from_cargo(text: str) -> object:
    return tomllib.loads(text).get("package", {}).get("license")


def _from_setup_cfg(text: str) -> object:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    named, lines = (parser.get("metadata", key, fallback="") for key in ("license", "classifiers"))
    return named if expression(named) != UNKNOWN else _classified(lines.splitlines())


def _from_json(text: str) -> object:
    content = json.loads(text)
    named = content.get("license") or content.get("licenses")
    return "proprietary" if named == "UNLICENSED" else named  # npm's word for "none is given"; Unlicense is another


def _from_core_metadata(text: str) -> object:
    message = HeaderParser().parsestr(text)
    for key in ("License-Expression", "License"):
        if (named := message.get(key)) and expression(str(named)) != UNKNOWN:
            return str(named)
    return _classified(message.get_all("Classifier", []))


def _classified(lines: Iterable[str]) -> str:
    """What trove classifiers say; several hold together, since nothing says how they relate."""
    names = [line.split("::")[-1].strip() for line in map(str, lines) if line.strip().startswith("License ::")]
    result = {item for name in names if (details := expression(name)) != UNKNOWN for item in ids_of(details)}
    return joined(result) if result else ""


def _from_pom(text: str) -> object:
    """Maven's ``<licenses>``; the reader may choose. By pattern, so that no entity is ever followed."""
    block = re.search(r"<licenses>((?:(?!<licenses>).){0,4000}?)</licenses>", text, re.DOTALL)
    names = [name.strip() for name in re.findall(r"<name>([^<]+)</name>", block[1])] if block else []
    return [html.unescape(name) for name in names if 0 < len(name) <= 200] if block else None


def _from_gemspec(text: str) -> object:
    match = re.search(r"^[^\S\n]*\w+\.licenses?\s*=\s*(\[[^\]\n]{0,300}\]|['\"][^'\"\n]{1,200}['\"])", text, re.MULTILINE)
    names = re.findall(r"['\"]([^'\"\n]+)['\"]", match[1]) if match else []
    spelt = [expression(name) for name in names]
    return joined({*spelt}) if spelt and UNKNOWN not in spelt else None


_METADATA: dict[str, Callable[[str], object]] = {
    "PKG-INFO": _from_core_metadata, "METADATA": _from_core_metadata, "pyproject.toml": _from_pyproject,
    "setup.cfg": _from_setup_cfg, "package.json": _from_json, "Cargo.toml": _from_cargo, "composer.json": _from_json,
    "pom.xml": _from_pom,
}  # fmt: skip
"""In the order in which they are believed."""


def _reader(name: str) -> Callable[[str], object] | None:
    if name.endswith(".gemspec"):
        return _from_gemspec
    return _METADATA.get("pom.xml" if name.endswith(".pom") else name)


def _read(tree: Path, path: str) -> str:
    """The text of a small file of the tree, also behind a link that stays in it; else nothing."""
    try:
        real = Path(os.path.realpath(tree / path))
        if not real.is_relative_to(os.path.realpath(tree)) or not real.is_file() or real.stat().st_size > MAX_LICENCE_BYTES:
            return ""
        return real.read_bytes().decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
