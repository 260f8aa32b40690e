"""Which licence covers a file: SPDX identifiers from headers, licence files, and package metadata, in this order.

    header of the file itself    ``SPDX-License-Identifier: MIT``
    nearest folder upwards       its licence files, recognised by their text; else its package metadata
    otherwise                    ``unknown``

Covered: common licences by phrases that only they have, several licences in one folder (joined by ``AND``, unless its
metadata says how they relate), REUSE's ``LICENSES/`` where it holds a single licence, LGPL-3.0 as GPL plus addition.
Not covered: whether "or any later version" was granted (a text cannot tell), REUSE.toml, licences told only in a README.
Nothing is executed: ``setup.py`` is not looked at.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import tomllib
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

UNKNOWN = "unknown"
MAX_LICENCE_BYTES = 300_000
HEADER_LINES = 30

# Phrases on words alone (lower case, punctuation gone): all of the first must occur, and none of the second.
_REDISTRIBUTION = "redistribution and use in source and binary forms with or without modification are permitted"
_ENDORSE = "to endorse or promote products derived from"
_ADVERTISING = "all advertising materials mentioning"
_FREE_USE = "distribute this software for any purpose with or without fee is hereby granted"
_APPEAR = "provided that the above copyright notice and this permission notice appear in all copies"
FINGERPRINTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "MIT": (
        (
            "permission is hereby granted free of charge to any person obtaining a copy",
            "the above copyright notice and this permission notice",
            "shall be included in all copies or substantial portions",
        ),
        ("except as contained in this notice",),
    ),
    "BSD-2-Clause": ((_REDISTRIBUTION, "redistributions in binary form must reproduce"), (_ENDORSE, _ADVERTISING)),
    "BSD-3-Clause": (
        (_REDISTRIBUTION, "redistributions in binary form must reproduce", _ENDORSE),
        (_ADVERTISING, "no express or implied licenses to any party s patent rights"),
    ),
    "BSD-4-Clause": ((_REDISTRIBUTION, _ADVERTISING), ()),
    "Apache-2.0": (("apache license version 2 0 january 2004", "grant of patent license"), ()),
    "ISC": ((_FREE_USE, _APPEAR), ()),
    "0BSD": ((_FREE_USE, "the author disclaims all warranties"), (_APPEAR,)),
    "MPL-2.0": (("mozilla public license version 2 0", "covered software"), ()),
    "GPL-2.0": (("gnu general public license version 2 june 1991",), ()),
    "GPL-3.0": (("gnu general public license version 3 29 june 2007",), ()),
    "LGPL-2.1": (("gnu lesser general public license version 2 1 february 1999",), ()),
    "LGPL-3.0": (("gnu lesser general public license version 3 29 june 2007",), ()),
    "AGPL-3.0": (("gnu affero general public license version 3 19 november 2007",), ()),
    "Unlicense": (("this is free and unencumbered software released into the public domain",), ()),
    "PSF-2.0": (("python software foundation license version 2",), ()),
    "Zlib": (
        ("is provided as is without any express or implied warranty", "altered source versions must be plainly marked"),
        (),
    ),
    "BSL-1.0": (("boost software license version 1 0",), ()),
    "CC0-1.0": (("cc0 1 0 universal", "waive"), ()),
}
NOTICES = {
    "licensed under the apache license version 2 0": "Apache-2.0",
    "terms of the mozilla public license v 2 0": "MPL-2.0",
}
"""What a short licence file says when it only points to the text."""
MAX_NOTICE_WORDS = 400
SPDX_OF_NAMES = {
    **{name: "MIT" for name in ("mit license", "the mit license", "expat", "expat license", "osi approved mit license")},
    **{name: "Apache-2.0" for name in ("apache 2", "apache 2 0", "apache2", "apache license 2 0", "apache v2")},
    **{name: "Apache-2.0" for name in ("apache license version 2 0", "apache software license", "asl 2 0")},
    **{name: "BSD-3-Clause" for name in ("new bsd", "bsd 3 clause license", "3 clause bsd", "modified bsd", "bsd 3")},
    **{name: "BSD-2-Clause" for name in ("simplified bsd", "bsd 2 clause license", "2 clause bsd", "bsd 2")},
    **{name: "MPL-2.0" for name in ("mpl 2", "mozilla public license 2 0", "mozilla public license 2 0 mpl 2 0")},
    **{name: "ISC" for name in ("isc license", "isc license iscl")},
    **{name: "GPL-2.0" for name in ("gplv2", "gpl 2", "gpl v2", "gnu general public license v2 gplv2")},
    **{name: "GPL-3.0" for name in ("gplv3", "gpl 3", "gpl v3", "gnu general public license v3 gplv3")},
    **{name: "PSF-2.0" for name in ("psf", "python software foundation license", "psfl")},
    "the unlicense unlicense": "Unlicense",
    "boost software license 1 0 bsl 1 0": "BSL-1.0",
}
"""What people write instead of an identifier, in words. "BSD" and "GPL" alone do not say which, and are unknown."""

_LICENCE_FILE = re.compile(r"(?i)(?:(?:un)?licen[cs]e|copying)(?:[-._].*)?|(?:mit|bsd|apache)[-_.]licen[cs]e(?:\..*)?")
_NO_LICENCE = re.compile(
    r"(?i)third|3rd|external|bundled|\.(py|js|ts|go|rs|java|c|h|cpp|hpp|json|toml|ya?ml|html?|sh|in|j2)$"
)
_DOCUMENT = re.compile(r"[a-z_-]+\.(md|rst|txt)")  # a page about licences, as in docs/license.rst
_HEADER = re.compile(r"^\W*SPDX-License-Identifier:\s*([^\r\n]+)", re.MULTILINE)
_OPERATORS = frozenset(("AND", "OR", "WITH", "(", ")"))
_METADATA = ("PKG-INFO", "METADATA", "pyproject.toml", "setup.cfg", "package.json", "Cargo.toml")  # in this order


def recognise(text: str) -> str:
    """The SPDX identifier of a licence's text, several joined by ``AND``; ``unknown`` when none is recognised."""
    words = _words(text)
    found = {
        spdx
        for spdx, (wanted, refused) in FINGERPRINTS.items()
        if all(phrase in words for phrase in wanted) and not any(phrase in words for phrase in refused)
    }
    if not found and len(words.split()) <= MAX_NOTICE_WORDS:
        found = {spdx for phrase, spdx in NOTICES.items() if phrase in words}
    if "PSF-2.0" in found:
        return "PSF-2.0"  # its text carries the licences of Python's earlier owners
    return " AND ".join(sorted(found)) or UNKNOWN


def header_licence(text: str) -> str:
    """The expression of an ``SPDX-License-Identifier`` line at the head of a file, or ``unknown``."""
    match = _HEADER.search("\n".join(text[:6000].splitlines()[:HEADER_LINES]))
    return _expression(re.sub(r"\s*(\*/|-->|\*\)|#\}|['\"]{3}).*$", "", match[1])) if match else UNKNOWN


class LicenceMap:
    """The licence of every folder of a tree; reads licence files and metadata once. Never raises for what they hold."""

    def __init__(self, tree: Path, paths: list[str]) -> None:
        self._by_folder: dict[str, str] = {}
        texts: dict[str, list[str]] = {}
        reuse: dict[str, set[str]] = {}
        hints: dict[str, dict[str, str]] = {}
        for path in sorted(paths):
            pure = PurePosixPath(path)
            folder = _covers(pure)
            if pure.parent.name == "LICENSES":
                reuse.setdefault(folder, set()).add(recognise(_read(tree, path)))
            elif _is_licence_file(pure):
                licence = recognise(_read(tree, path))
                if licence != UNKNOWN or not _DOCUMENT.fullmatch(pure.name):
                    texts.setdefault(folder, []).append(licence)
            elif pure.name in _METADATA and (told := _hint(pure.name, _read(tree, path))) != UNKNOWN:
                hints.setdefault(folder, {})[pure.name] = told
        for folder, found in reuse.items():
            if len(found) == 1:  # of several, only the files' own headers say which is whose
                texts.setdefault(folder, [*found])
        for folder in sorted(texts.keys() | hints.keys()):
            told = next((hints[folder][name] for name in _METADATA if name in hints.get(folder, {})), UNKNOWN)
            if (licence := _settle(texts.get(folder, []), told)) != UNKNOWN or folder in texts:
                self._by_folder[folder] = licence

    def licence_of(self, path: str, text: str = "") -> str:
        """The licence that covers a path: its own header, else the nearest folder that has one, else ``unknown``."""
        if (own := header_licence(text)) != UNKNOWN:
            return own
        for folder in PurePosixPath(path).parents:
            if str(folder) in self._by_folder:
                return self._by_folder[str(folder)]
        return UNKNOWN


def _settle(recognised: list[str], told: str) -> str:
    """One licence for a folder, from its licence files and from what its metadata says."""
    found = sorted({part for licence in recognised for part in licence.split(" AND ") if licence != UNKNOWN})
    if "LGPL-3.0" in found and "GPL-3.0" in found:
        found.remove("GPL-3.0")  # LGPL-3.0 is written as an addition to it and comes with its text
    if len(found) == 1 and UNKNOWN not in recognised:
        return found[0]
    # several, or one that we cannot read: only the metadata can say how they relate
    return told if told != UNKNOWN else " AND ".join(found) if UNKNOWN not in recognised else UNKNOWN


def _is_licence_file(path: PurePosixPath) -> bool:
    return bool(_LICENCE_FILE.fullmatch(path.name)) and not _NO_LICENCE.search(path.name)


def _covers(path: PurePosixPath) -> str:
    """The folder that a licence or metadata file speaks for; ``LICENSES/`` and ``*.dist-info/`` speak for their parent."""
    folder = path.parent
    if folder.name.lower() == "licenses" and str(folder.parent) != "." and folder.parent.name.endswith(".dist-info"):
        folder = folder.parent
    if folder.name in ("LICENSES", "LICENSE", "licenses") or folder.name.endswith((".dist-info", ".egg-info")):
        folder = folder.parent
    return str(folder)


def _hint(name: str, text: str) -> str:
    """The licence that package metadata names; ``unknown`` when it names none, or cannot be read."""
    readers = {
        "pyproject.toml": _from_pyproject,
        "Cargo.toml": lambda text: tomllib.loads(text).get("package", {}).get("license"),
        "setup.cfg": _from_setup_cfg,
        "package.json": lambda text: json.loads(text).get("license"),
    }
    try:
        told = readers.get(name, _from_core_metadata)(text)
        told = told.get("type") or told.get("text") if isinstance(told, dict) else told
        return _expression(told) if isinstance(told, str) else UNKNOWN
    except (ValueError, AttributeError, TypeError, configparser.Error, RecursionError):
        return UNKNOWN  # not the file it is named like; what covers its code is then told elsewhere or not at all


def _from_pyproject(text: str) -> object:
    content = tomllib.loads(text)
    return content.get("project", {}).get("license") or content.get("tool", {}).get("poetry", {}).get("license")


def _from_setup_cfg(text: str) -> object:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    return parser.get("metadata", "license", fallback=None)


def _from_core_metadata(text: str) -> object:
    message = HeaderParser().parsestr(text)
    classifiers = [line for line in message.get_all("Classifier", []) if line.startswith("License ::")]
    told = [message.get("License-Expression"), message.get("License"), *(line.split("::")[-1] for line in classifiers)]
    return next((each for each in told if each and _expression(each) != UNKNOWN), None)


def _expression(told: str) -> str:
    """An SPDX expression as it should be written, or ``unknown`` for what is none."""
    told = told.strip()
    if (name := SPDX_OF_NAMES.get(_words(told).strip())) is not None:
        return name
    if len(told) > 200 or not re.fullmatch(r"[A-Za-z0-9.+\-() ]+", told):
        return recognise(told) if len(told) > 200 else UNKNOWN
    known = {spdx.lower(): spdx for spdx in FINGERPRINTS}
    words = [known.get(word.lower(), word) for word in re.findall(r"[()]|[^\s()]+", told)]
    names = [word for word in words if word not in _OPERATORS]
    num_joints = sum(word in ("AND", "OR", "WITH") for word in words)
    # an identifier has a digit, or is one of the few that have none; this keeps "Proprietary" and "see file" out
    plausible = all(
        re.search(r"\d|^(MIT|ISC|Zlib|Unlicense|X11|Ruby|NCSA|curl|PostgreSQL)$", word)
        for before, word in zip(["", *words], words, strict=False)
        if word not in _OPERATORS and before != "WITH"
    )
    if not names or not plausible or num_joints != len(names) - 1:
        return UNKNOWN
    return " ".join(words).replace("( ", "(").replace(" )", ")")


def _words(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.lower())


def _read(tree: Path, path: str) -> str:
    """The text of a small file of the tree, also behind a link that stays in it; else nothing."""
    real = Path(os.path.realpath(tree / path))
    try:
        if not real.is_relative_to(os.path.realpath(tree)) or not real.is_file() or real.stat().st_size > MAX_LICENCE_BYTES:
            return ""
        return real.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
