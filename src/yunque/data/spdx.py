"""A licence's text, or whatever people write instead, to an SPDX expression; ``unknown`` where it cannot be told.

    fingerprints   three-word pieces of the texts of the SPDX list (`FINGERPRINTS`): finds a licence that was reflowed,
                   commented, misspelt or stands beside others, and says how much of it is there
    phrases        titles and notices: "Licensed under the Apache License, Version 2.0", "GPL version 2, or any later version"
    names          "MIT License", "BSD", "Apache 2" in package metadata
    askalono       a second opinion on a whole text, if it is installed (pip install pyaskalono); at least `ASKALONO_SCORE`

What stands beside a known text is read for restrictions: "MIT, but not for commercial use" is not MIT.

Covered: texts of the SPDX list from 20 words on; several in one text; "either … or". Not covered: whether "or any later
version" was granted where only the text of the licence is there: ``GPL-3.0`` says no more than that; texts in other words
or languages.
"""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from yunque.checks.licence import UNKNOWN, UNREAD, ids_of, normalised

if TYPE_CHECKING:
    import numpy

FINGERPRINTS = Path(__file__).with_name("licence_texts.npz")
"""Made by ``benchmarks/data/licences.py --fingerprints`` from the texts of the SPDX list."""
ENOUGH, ENOUGH_OF_SHORT = 0.7, 0.85
"""Share of a text's pieces that must be there, in about the length of the text; of one with under SHORT pieces."""
SHORT, LEAST = 60, 18
STRETCH = 1.5
MOST_TEXTS = 60
"""Licences told of one file: lists of third parties repeat a few of them for ever."""
ASKALONO_SCORE = 0.8


@dataclass(frozen=True)
class Told:
    """What a text says."""

    expression: str
    """SPDX, or ``unknown``."""
    score: float = 0.0
    """Share of the licence's text that was there; of several, the least; 1 for what is said in as many words."""
    how: str = ""
    """``text``, ``phrase``, ``askalono``; empty for nothing."""
    either: bool = False
    """Whether it says that its reader may choose."""


NOTHING = Told(UNKNOWN)


# ------------------------------------------------------------------------------------------------------------------- words
_LEAD = re.compile(r"^[\s#*/;%|>\"'.!-]+")
_NOTICE_LINE = re.compile(r"(?:portions )?(?:copyright|\(c\)|©|&copy;)|all rights reserved")


def words_of(text: str) -> list[str]:
    """The words of a text, lower case, without signs of comments and lines of copyright: what two copies share."""
    lines = (_LEAD.sub("", line) for line in text.lower().splitlines())
    kept = " ".join(line for line in lines if not _NOTICE_LINE.match(line))
    return re.findall(r"[a-z0-9]+", kept.replace("licence", "license"))


def pieces_of(words: Sequence[str]) -> list[int]:
    """A 32-bit hash of every three words in a row."""
    return [zlib.crc32(" ".join(words[at : at + 3]).encode()) for at in range(len(words) - 2)]


# ------------------------------------------------------------------------------------------------------------ fingerprints
@dataclass(frozen=True)
class _Library:
    """All fingerprints: of piece ``hashes[n]`` (sorted), the licence ``owners[n]``."""

    names: list[str]
    hashes: numpy.ndarray
    owners: numpy.ndarray
    num_pieces: numpy.ndarray
    """Of each licence, how many are kept."""
    num_words: numpy.ndarray
    """Of each licence, how long its text is."""
    steps: numpy.ndarray
    """Of each licence, one in how many pieces is kept: 1 for all but long ones."""


@functools.cache
def _library() -> _Library:
    import numpy

    with numpy.load(FINGERPRINTS, allow_pickle=False) as file:
        names, counts, hashes, words, steps = (file[key] for key in ("names", "counts", "hashes", "words", "steps"))
    owners = numpy.repeat(numpy.arange(len(names)), counts)
    order = numpy.argsort(hashes, kind="stable")
    return _Library(names.tolist(), hashes[order], owners[order], counts.astype(int), words.astype(int), steps)


@dataclass(frozen=True)
class Match:
    """One licence's text in a longer one."""

    spdx: str
    owner: int
    """Its number among the fingerprints."""
    share: float
    """Of its pieces, how many are there."""
    start: int
    end: int
    """Its place, in pieces."""
    hits: tuple[int, ...] = ()
    """Where its pieces are; empty for a long text, of which only some are known."""


def find_texts(words: Sequence[str]) -> list[Match]:
    """The licence texts in a text, the fullest first; no two overlap."""
    import numpy

    library, pieces = _library(), numpy.array(pieces_of(words), dtype=numpy.uint32)
    left, right = (numpy.searchsorted(library.hashes, pieces, side) for side in ("left", "right"))
    num = right - left
    places = numpy.repeat(numpy.arange(len(pieces)), num)
    firsts = numpy.repeat(left - numpy.concatenate(([0], numpy.cumsum(num)[:-1])), num) if len(num) else left
    rows = firsts + numpy.arange(len(places))
    owners = library.owners[rows]
    found: list[Match] = []
    while len(found) < MOST_TEXTS and (best := _best(library, places, rows, owners)):
        inside = (places >= best.start) & (places < best.end)
        hits = places[inside & (owners == best.owner)].tolist() if library.steps[best.owner] == 1 else ()
        found.append(replace(best, hits=tuple(hits)))
        free = ~inside
        places, rows, owners = places[free], rows[free], owners[free]
    return found


def _best(library: _Library, places: numpy.ndarray, rows: numpy.ndarray, owners: numpy.ndarray) -> Match | None:
    """The licence of which most is there and least is missing."""
    import numpy

    seen = numpy.bincount(library.owners[numpy.unique(rows)], minlength=len(library.names))
    candidates = numpy.flatnonzero(seen >= ENOUGH * library.num_pieces)
    best, most = None, 0.0
    for owner in sorted(candidates, key=lambda one: -int(library.num_words[one])):
        length, total = int(library.num_words[owner]), int(library.num_pieces[owner])
        step = int(library.steps[owner])
        if step * (2 * int(seen[owner]) - total) <= most:
            continue  # even all that was seen, together, would be less
        mine = owners == owner
        start, end, num = _window(places[mine], rows[mine], int(length * STRETCH) + 20)
        share = num / total
        if share < (ENOUGH if total >= SHORT else ENOUGH_OF_SHORT):
            continue
        if (worth := step * (2 * num - total)) > most:  # what is explained, less what is missing
            margin = 0 if step == 1 else 3 * step
            best, most = Match(library.names[owner], int(owner), share, max(0, start - margin), end + margin), worth
    return best


def _window(places: numpy.ndarray, rows: numpy.ndarray, width: int) -> tuple[int, int, int]:
    """Where most different pieces stand within a width: start, end, and how many."""
    inside: dict[int, int] = {}
    first, best = 0, (0, 0, 0)
    where, which = places.tolist(), rows.tolist()
    for at, (place, row) in enumerate(zip(where, which, strict=True)):
        inside[row] = inside.get(row, 0) + 1
        while place - where[first] > width or inside[which[first]] > 1:  # a piece that comes again says nothing here
            inside[which[first]] -= 1
            if not inside[which[first]]:
                del inside[which[first]]
            first += 1
        if len(inside) > best[2]:
            best = (where[first], where[at] + 1, len(inside))
    return best


# ----------------------------------------------------------------------------------------------------------------- phrases
_VERSION = r"(?:v(?:ersion)? ?)?"
_GNU = re.compile(
    r"\b(?:gnu )?(?:(?P<kind>lesser|library|affero) )?(?:gpl|general public license)\b"
    rf"(?:(?: gpl| lgpl| agpl| as published by the free software foundation| either| only| {_VERSION})*?"
    rf" {_VERSION}(?P<version>[123](?: [01])?)\b)?(?P<rest>.{{0,120}})"
)
_LATER = re.compile(r"\b(?:any|all|or) (?:later|newer|higher)|\bor later|at your option any later")
_TITLES = {
    "apache license version 2 0 january 2004": "Apache-2.0",
    "mozilla public license version 2 0": "MPL-2.0",
    "mozilla public license version 1 1": "MPL-1.1",
    "gnu general public license version 2 june 1991": "GPL-2.0",
    "gnu general public license version 3 29 june 2007": "GPL-3.0",
    "gnu lesser general public license version 2 1 february 1999": "LGPL-2.1",
    "gnu library general public license version 2 june 1991": "LGPL-2.0",
    "gnu lesser general public license version 3 29 june 2007": "LGPL-3.0",
    "gnu affero general public license version 3 19 november 2007": "AGPL-3.0",
    "eclipse public license v 2 0": "EPL-2.0",
    "eclipse public license v 1 0": "EPL-1.0",
    "boost software license version 1 0": "BSL-1.0",
    "business source license 1 1": "BUSL-1.1",
    "server side public license version 1": "SSPL-1.0",
    "elastic license 2 0": "Elastic-2.0",
    "cc0 1 0 universal": "CC0-1.0",
    "this is free and unencumbered software released into the public domain": "Unlicense",
    "commons clause license condition": "LicenseRef-Commons-Clause",
}
"""What the first lines of a text say, also where the rest of it was cut off."""
_UNDER = (
    r"(?:under|licensed|released|license|license is|license as|by)(?: by| under| as| is| to you| the| a| an| its| terms| and| conditions"
    r"| of| permissive| simplified form of| standard| same| spdx)*"
)
_NAMED = {
    "Apache-2.0": r"apache(?: software)?(?: license)?(?: v| version)? ?2(?: 0)?",
    "MIT": r"(?:expat )?mit(?: expat| x11| style)?(?: license| licence)",
    "BSD-3-Clause": r"(?:(?:new|modified|revised) bsd|bsd 3(?: clause)?|3 clause bsd|three clause bsd)(?: license)?",
    "BSD-2-Clause": r"(?:(?:simplified|freebsd) bsd|bsd 2(?: clause)?|2 clause bsd|two clause bsd)(?: license)?",
    "ISC": r"isc license",
    "MPL-2.0": r"mozilla public license(?: mpl)?(?: v| version)? ?2(?: 0)?",
    "MPL-1.1": r"mozilla public license(?: mpl)?(?: v| version)? ?1 1",
    "EPL-2.0": r"eclipse public license(?: v| version)? ?2(?: 0)?",
    "EPL-1.0": r"eclipse public license(?: v| version)? ?1(?: 0)?",
    "BSL-1.0": r"boost software license(?: version)?(?: 1 0)?",
    "CDDL-1.0": r"common development and distribution license(?: version)? 1 0",
    "Unlicense": r"unlicense",
    "WTFPL": r"(?:wtfpl|do what the fuck you want to public license)",
    "Zlib": r"zlib(?: libpng)? license",
    "PSF-2.0": r"(?:psf|python software foundation) license(?: version 2)?",
    "CC0-1.0": r"(?:cc0(?: 1 0)?|creative commons (?:cc0|zero))",
    "CC-BY-4.0": r"(?:cc by|creative commons attribution)(?: 4 0)(?: international)?",
    "CC-BY-SA-4.0": r"(?:cc by sa|creative commons attribution share ?alike)(?: 4 0)(?: international)?",
    "LicenseRef-non-commercial": r"creative commons attribution non ?commercial",
}
_NAMED_RE = {spdx: re.compile(rf"\b{_UNDER} {name}\b") for spdx, name in _NAMED.items()}
_SAID = {
    "LicenseRef-public-domain": re.compile(
        r"\b(?:hereby |been |is |are )?(?:released|placed|dedicated|put|donated) (?:in|to|into) the public domain\b"
        r"|\b(?:file|code|work|program|software|module) is (?:in the )?public domain\b"
    ),
    "LicenseRef-proprietary": re.compile(
        r"\bproprietary and confidential\b|\bconfidential and proprietary\b|\bunauthori[sz]ed (?:copying|use|reproduction) of\b"
        r"|\bno (?:license|part of this (?:file|software|code)) (?:is granted|may be (?:copied|reproduced))"
        r"|\ball rights reserved\b.{0,80}\bwithout (?:the )?(?:express |prior )*(?:written )?(?:permission|consent)\b"
    ),
}
_RESTRICTS = re.compile(
    r"\bnon ?commercial (?:use|purpose|research|educational|and )|\bnot (?:be used )?for (?:any )?commercial\b|\bcommercial use (?:is|requires|of)"
    r"|\b(?:research|academic|evaluation|educational|personal|internal) (?:use|purposes) only\b|\bcommons clause\b"
    r"|\b(?:may|shall|must|can) not (?:be )?(?:used?|sell|sold|redistribute\w*|modif\w+|sublicen\w+|train\w*)\b"
    r"|\bnot (?:permitted|allowed|granted) to\b|\bwritten (?:permission|consent) (?:is|must be) (?:required|obtained)"
    r"|\badditional (?:terms|conditions|restrictions)\b|\bmachine learning\b|\btraining (?:data|of)\b"
)
_EITHER = re.compile(
    r"\b(?:dual|dually|tri|triple|multi)[ -]?licensed\b|\beither (?:of )?(?:the |these |this |both )?\w* ?licenses?\b"
    r"|\beither of\b.{0,30}\blicenses\b|\bat your (?:option|choice)\b(?! any later)|\byour choice of\b"
    r"|\beither (?:the )?[\w ]{2,60} license[\w ]{0,30} or (?:the )?[\w ]{2,60}\blicense|\bunder (?:the )?mit or (?:the )?(?:gpl|apache)"
)
MAX_PHRASED_WORDS = 400


def said_in(words: str) -> set[str]:
    """The ids that a short text names as its licence. ``words``: lower case, one space between."""
    found = {spdx for spdx, named in _NAMED_RE.items() if named.search(words)}
    found |= {spdx for spdx, said in _SAID.items() if said.search(words)}
    for gnu in _GNU.finditer(words):
        kind = {"lesser": "LGPL", "library": "LGPL", "affero": "AGPL"}.get(gnu["kind"] or "", "GPL")
        version = (gnu["version"] or "").replace(" ", ".")
        if version:
            version = version if "." in version else f"{version}.0"
            later = "-or-later" if _LATER.search(gnu["rest"]) else ""
            found.add(normalised(f"{kind}-{version}{later}") or f"LicenseRef-{kind}")
        elif re.search(rf"\b{_UNDER} (?:gnu )?(?:lesser |library |affero )?(?:l|a)?(?:gpl|general public license)", words):
            found.add(f"LicenseRef-{kind}")
    precise = {spdx.split("-")[0] for spdx in found if not spdx.startswith("LicenseRef-")}
    found -= {f"LicenseRef-{kind}" for kind in precise}
    return {spdx for spdx in found if f"{spdx}-or-later" not in found}


def titles_in(words: str) -> set[str]:
    """The ids whose titles a text shows."""
    return {spdx for title, spdx in _TITLES.items() if title in words}


# --------------------------------------------------------------------------------------------------------------- recognise
_TAG = re.compile(r"^\W*SPDX-License-Identifier:\s*([^\r\n]+)", re.MULTILINE)


def tagged(text: str) -> str:
    """The expression of the first ``SPDX-License-Identifier`` line, or ``unknown``."""
    match = _TAG.search(text)
    return expression(re.sub(r"\s*(\*/|-->|\*\)|#\}|['\"]{3}).*$", "", match[1])) if match else UNKNOWN


def recognise(text: str) -> str:
    """The SPDX expression of a licence's text; ``unknown`` when none is recognised."""
    return tell(text).expression


@functools.lru_cache(2048)
def tell(text: str) -> Told:
    """What a licence file, or a long notice, says."""
    words = words_of(text)
    found = find_texts(words) if len(words) >= LEAST else []
    rest = re.sub(r"\|[| ]*", "| ", " ".join(_uncovered(words, found)))
    if found:
        ids = {match.spdx for match in found}
        ids = ids - {"GPL-3.0"} if "LGPL-3.0" in ids else ids  # it is written as an addition to that
        ids |= titles_in(rest) & {"LicenseRef-Commons-Clause"}
        if _RESTRICTS.search(rest):
            ids.add(UNREAD)
        either = len(ids) > 1 and UNREAD not in ids and bool(_EITHER.search(rest[:4000]))
        return Told(joined(ids, either), min(match.share for match in found), "text", either)
    if (own := tagged(text)) != UNKNOWN:
        return Told(own, 1.0, "phrase")
    whole = " ".join(words)
    ids, either = titles_in(whole[:3000]), False
    if not ids and len(words) <= MAX_PHRASED_WORDS:
        ids, either = said_in(whole), bool(_EITHER.search(whole))
    if not ids or _RESTRICTS.search(whole if len(words) <= MAX_PHRASED_WORDS else ""):
        return Told(UNKNOWN, either=either)
    return Told(joined(ids, either), 1.0, "phrase", either)


def joined(ids: set[str], either: bool = False) -> str:
    """Those ids as one expression, in the order of their names."""
    return normalised(f" {'OR' if either else 'AND'} ".join(sorted(ids))) or UNKNOWN


def _uncovered(words: Sequence[str], found: Sequence[Match]) -> list[str]:
    """The words that belong to no licence's text; a bar where one was between them."""
    covered = [False] * len(words)
    for match in found:
        for at in match.hits or range(match.start, match.end):
            covered[at : at + 3] = [True] * len(covered[at : at + 3])
    return ["|" if known else word for word, known in zip(words, covered, strict=True)]


@functools.lru_cache(2048)
def ask_askalono(text: str) -> Told:
    """Its opinion on a whole text; `NOTHING` below `ASKALONO_SCORE`, or where it is not installed."""
    try:
        import askalono
    except ImportError:
        return NOTHING
    try:
        found = askalono.identify(text)
    except Exception:  # whatever a foreign library raises says nothing
        return NOTHING
    name = normalised(str(getattr(found, "name", "")))
    if not name or found.score < ASKALONO_SCORE or _RESTRICTS.search(" ".join(words_of(text))):
        return NOTHING
    return Told(re.sub(r"(?<=\d)-(?:only|or-later)$", "", name), float(found.score), "askalono")


# ------------------------------------------------------------------------------------------------------------------- names
NAMES = {
    **{name: "MIT" for name in ("mit license", "the mit license", "expat", "expat license", "osi approved mit license")},
    **{name: "MIT" for name in ("the mit license mit", "mit license mit", "mit x11", "mit expat", "mit licensed")},
    **{name: "Apache-2.0" for name in ("apache 2", "apache 2 0", "apache2", "apache license 2 0", "apache v2", "apachev2")},
    **{name: "Apache-2.0" for name in ("apache license version 2 0", "apache software license", "asl 2 0", "apache 2 license")},
    **{name: "Apache-2.0" for name in ("apache 2 0 license", "the apache license version 2 0", "apache license v2 0")},
    **{name: "BSD-3-Clause" for name in ("new bsd", "bsd 3 clause license", "3 clause bsd", "modified bsd", "bsd 3")},
    **{name: "BSD-3-Clause" for name in ("new bsd license", "3 clause bsd license", "revised bsd", "bsd 3 clause", "new bsd 3")},
    **{name: "BSD-2-Clause" for name in ("simplified bsd", "bsd 2 clause license", "2 clause bsd", "bsd 2", "bsd 2 clause")},
    **{name: "MPL-2.0" for name in ("mpl 2", "mpl2", "mozilla public license 2 0", "mozilla public license 2 0 mpl 2 0")},
    **{name: "ISC" for name in ("isc license", "isc license iscl", "iscl", "the isc license")},
    **{name: "GPL-2.0" for name in ("gplv2", "gpl 2", "gpl v2", "gnu general public license v2 gplv2", "gpl2")},
    **{name: "GPL-3.0" for name in ("gplv3", "gpl 3", "gpl v3", "gnu general public license v3 gplv3", "gpl3")},
    **{name: "GPL-3.0-or-later" for name in ("gnu general public license v3 or later gplv3", "gplv3+", "gplv3 or later")},
    **{name: "GPL-2.0-or-later" for name in ("gnu general public license v2 or later gplv2", "gplv2+", "gplv2 or later")},
    **{name: "LGPL-3.0" for name in ("lgplv3", "lgpl 3", "lgpl v3", "gnu lesser general public license v3 lgplv3")},
    **{name: "LGPL-3.0-or-later" for name in ("gnu lesser general public license v3 or later lgplv3", "lgplv3+")},
    **{name: "LGPL-2.0" for name in ("gnu lesser general public license v2 lgplv2", "lgplv2")},
    **{name: "LGPL-2.0-or-later" for name in ("gnu lesser general public license v2 or later lgplv2", "lgplv2+")},
    **{name: "AGPL-3.0" for name in ("gnu affero general public license v3", "agplv3", "agpl 3")},
    **{name: "AGPL-3.0-or-later" for name in ("gnu affero general public license v3 or later agplv3", "agplv3+")},
    **{name: "PSF-2.0" for name in ("psf", "python software foundation license", "psfl", "psf license")},
    **{name: "CC0-1.0" for name in ("cc0", "cc0 1 0 universal", "cc0 1 0 universal cc0 1 0 public domain dedication")},
    **{name: "LicenseRef-BSD" for name in ("bsd", "bsd license", "bsd style", "bsd like", "bsd licence")},
    **{name: "LicenseRef-GPL" for name in ("gpl", "gnu gpl", "gnu general public license gpl", "gnu general public license")},
    **{name: "LicenseRef-LGPL" for name in ("lgpl", "gnu lgpl", "gnu library or lesser general public license lgpl")},
    **{name: "LicenseRef-public-domain" for name in ("public domain", "publicdomain")},
    **{name: "LicenseRef-proprietary" for name in ("proprietary", "commercial", "other proprietary license", "unlicensed")},
    "the unlicense unlicense": "Unlicense", "the unlicense": "Unlicense", "zlib libpng license": "Zlib", "zpl 2 1": "ZPL-2.1",
    "zope public license": "ZPL-2.1", "boost software license 1 0 bsl 1 0": "BSL-1.0", "eclipse public license 2 0 epl 2 0": "EPL-2.0",
    "eclipse public license 1 0 epl 1 0": "EPL-1.0", "historical permission notice and disclaimer hpnd": "HPND",
    "eclipse public license v2 0": "EPL-2.0", "eclipse public license v1 0": "EPL-1.0", "mit no attribution license mit 0": "MIT-0",
    "european union public licence 1 2 eupl 1 2": "EUPL-1.2", "universal permissive license upl": "UPL-1.0",
}  # fmt: skip
"""What people write instead of an identifier, in words. "BSD" and "GPL" do not say which: ``LicenseRef-`` says what is known."""


def expression(told: str) -> str:
    """An SPDX expression as it should be written, from what metadata or a tag says; ``unknown`` for what is none.

    A text that is pasted where a name should be is recognised. ``A/B`` is an old way to write ``A OR B``.
    """
    told = told.strip()
    if (name := NAMES.get(_plain(told))) is not None:
        return name
    if len(told) > 200:
        return recognise(told)
    if re.fullmatch(r"[A-Za-z0-9.+-]+(?:/[A-Za-z0-9.+-]+)+", told):
        told = told.replace("/", " OR ")
    if found := normalised(told):
        return found
    parts = re.split(r"\s+(AND|OR)\s+|\s*(,)\s*", told)
    names = [_name(part) for part in parts[::3]] if 1 < len(parts) <= 12 and "(" not in told else []
    if names and UNKNOWN not in names:
        joints = {joint for at in (1, 2) for joint in parts[at::3] if joint}
        if len(joints) == 1:  # a comma says nothing of how they relate, so all of them hold
            return normalised(f" {'OR' if joints == {'OR'} else 'AND'} ".join(names)) or UNKNOWN
    return UNKNOWN


def _name(told: str) -> str:
    return NAMES.get(_plain(told)) or normalised(told) or UNKNOWN


def _plain(told: str) -> str:
    return re.sub(r"[^\w+]+", " ", told.lower().replace("_", " ").replace("licence", "license")).strip()


def same_family(one: str, other: str) -> bool:
    """Whether two ids can speak of the same licence: ``GPL-2.0`` and ``GPL-2.0-or-later``, ``LicenseRef-BSD`` and ``BSD-3-Clause``."""
    first, second = (re.sub(r"-(?:only|or-later)$|\+$| WITH .*$", "", spdx) for spdx in (one, other))
    if first == second:
        return True
    for vague, exact in ((first, second), (second, first)):
        kind = vague.removeprefix("LicenseRef-")
        if vague != kind and kind in ("BSD", "GPL", "LGPL", "AGPL") and exact.startswith(f"{kind}-"):
            return True
    return False


def covers(expression_: str, ids: Sequence[str]) -> bool:
    """Whether every one of the ids is spoken of in an expression."""
    named = ids_of(expression_)
    return all(any(same_family(one, other) for other in named) for one in ids)
