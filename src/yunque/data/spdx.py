"""A licence's text, or whatever people write instead, to an SPDX expression; ``unknown`` where it cannot be told.

    fingerprints   three-word pieces of the texts of the SPDX list (`FINGERPRINTS`): finds a licence that was reflowed,
                   commented, misspelt or stands beside others, and says how much of it is there
    phrases        titles and notices: "Licensed under the Apache License, Version 2.0", "GPL version 2, or any later"
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
_NOTICE_LINE = re.compile(
    r"(?:portions )?(?:copyright(?!\W+(?:notice|licen[sc]e|owner|holder|law|statement|and|or|in|to|interest|patent|right"
    r"|disclaimer|act|with|is|of|protection|trademark|claim|treat)s?\b)|\(c\)|©|&copy;)|all rights reserved"
)
"""A line that says whose it is, and no sentence about copyright that was wrapped there."""


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
    r"(?:under|licensed|released|license|license is|license as|by|subject to|to)(?: by| under| as| is| to you| the| a| an"
    r"| its| terms| and| conditions| of| permissive| standard| same| spdx)*"
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
        r"|\bdedicated all copyright\b.{0,60}\bpublic domain\b"
    ),
    "LicenseRef-proprietary": re.compile(
        r"\bproprietary and confidential\b|\bconfidential and proprietary\b|\bunauthori[sz]ed (?:copying|use|reproduction) of\b"
        r"|\bno (?:license|part of this (?:file|software|code)) (?:is granted|may be (?:copied|reproduced))"
        r"|\ball rights reserved\b.{0,80}\bwithout (?:the )?(?:express |prior )*(?:written )?(?:permission|consent)\b"
    ),
}
_RESTRICTS = re.compile(
    r"\bnon ?commercial (?:use|purpose|research|educational|and )|\bnot (?:be used )?for (?:any )?commercial\b"
    r"|\bcommercial use (?:is|requires|of)"
    r"|\b(?:research|academic|evaluation|educational|personal|internal) (?:use|purposes) only\b|\bcommons clause\b"
    r"|\b(?:may|shall|must|can) not (?:be )?(?:used?|sell|sold|redistribute\w*|modif\w+|sublicen\w+|train\w*)\b"
    r"(?! this file except| for advertising| in advertising)"
    r"|\bnot (?:permitted|allowed|granted) to\b|\bwritten (?:permission|consent) (?:is|must be) (?:required|obtained)"
    r"|\badditional (?:terms|conditions|restrictions)\b|\bmachine learning\b|\btraining (?:data|of)\b"
)
_EITHER = re.compile(
    r"\b(?:dual|dually|tri|triple|multi)[ -]?licensed\b|\beither (?:of )?(?:the |these |this |both )?\w* ?licenses?\b"
    r"|\beither of\b.{0,30}\blicenses\b|\bat your (?:option|choice)\b(?! any later)|\byour choice of\b"
    r"|\beither (?:the )?[\w ]{2,60} license[\w ]{0,30} or (?:the )?[\w ]{2,60}\blicense"
    r"|\bunder (?:the )?mit or (?:the )?(?:gpl|apache)"
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
        elif re.search(rf"\b{_UNDER} (?:gnu )?(?:{gnu['kind']} )?(?:gpl|general public license)", words):
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
    if len(words) <= 8 and (named := expression(" ".join(text.split()))) != UNKNOWN:
        return Told(named, 1.0, "phrase")
    found = find_texts(words) if len(words) >= LEAST else []
    rest = re.sub(r"\|[| ]*", "| ", " ".join(_uncovered(words, found)))
    if found:
        ids = {match.spdx if normalised(match.spdx) else UNREAD for match in found}
        ids |= titles_in(rest) & {"LicenseRef-Commons-Clause"}
        short = len(re.findall(r"\w+", rest)) <= MAX_PHRASED_WORDS
        ids |= said_in(rest) if short else set()
        if _RESTRICTS.search(rest):
            ids.add(UNREAD)
        either = short and 1 < len(ids) <= 3 and UNREAD not in ids and bool(_EITHER.search(rest))
        return Told(joined(ids, either), min(match.share for match in found), "text", either)
    if (own := tagged(text)) != UNKNOWN:
        return Told(own, 1.0, "phrase")
    whole = " ".join(words)
    ids, either = titles_in(whole[:3000]) or _cut(words, whole), False
    if not ids and len(words) <= MAX_PHRASED_WORDS:
        ids, either = said_in(whole), bool(_EITHER.search(whole))
    if not ids or _RESTRICTS.search(whole if len(words) <= MAX_PHRASED_WORDS else ""):
        return Told(UNKNOWN, either=either)
    return Told(joined(ids, either), 1.0, "phrase", either)


_HEADS = {
    "MIT": re.compile(r"(?:the )?(?:mit|expat) license(?: mit)?\b"),
    "ISC": re.compile(r"(?:the )?isc license(?: isc)?\b"),
    "BSD-2-Clause": re.compile(r"(?:the )?(?:bsd 2 clause|2 clause bsd|simplified bsd) license\b"),
    "BSD-3-Clause": re.compile(r"(?:the )?(?:bsd 3 clause|3 clause bsd|new bsd|modified bsd) license\b"),
}


def _cut(words: Sequence[str], whole: str) -> set[str]:
    """The licence that a text begins with the name of, where the rest of it is nothing but a part of that licence's text."""
    import numpy

    head = next(((spdx, found.end()) for spdx, name in _HEADS.items() if (found := name.match(whole))), None)
    if head is None:
        return set()
    spdx, end = head
    library = _library()
    own = library.hashes[library.owners == library.names.index(spdx)]
    pieces = pieces_of(words[len(whole[:end].split()) :])
    known = int(numpy.isin(numpy.array(pieces, dtype=numpy.uint32), own).sum())
    return {spdx} if known >= 0.8 * len(pieces) else set()


def joined(ids: set[str], either: bool = False) -> str:
    """Those ids as one expression, in the order of their names; without what another of them already says."""
    without = {wide for wide, narrow in (("GPL-3.0", "LGPL-3.0"), ("GPL-3.0", "GPL-3.0 WITH")) if _any(ids, narrow)}
    without |= {one for one in ids for other in ids if one != other and _vaguer(one, other)}
    ids = ids - without
    if ids <= {UNREAD}:
        return UNKNOWN
    return normalised(f" {'OR' if either else 'AND'} ".join(sorted(ids))) or UNKNOWN


def _any(ids: set[str], start: str) -> bool:
    return any(spdx.startswith(start) for spdx in ids)


def _vaguer(one: str, other: str) -> bool:
    """Whether an id says no more than another, as ``GPL-2.0`` beside ``GPL-2.0-or-later``."""
    return same_family(one, other) and (one.startswith("LicenseRef-") or other in (f"{one}-only", f"{one}-or-later"))


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
_NAMES = """
MIT               mit license; the mit license; expat; expat license; osi approved mit license; the mit license mit
MIT               mit license mit; mit x11; mit expat; mit licensed
Apache-2.0        apache 2; apache 2 0; apache2; apache license 2 0; apache v2; apachev2; apache license version 2 0; asl 2 0
Apache-2.0        apache software license; apache 2 license; apache 2 0 license; the apache license version 2 0
Apache-2.0        apache license v2 0; the apache software license version 2 0; apache license 2; apache 2 0 license
BSD-3-Clause      new bsd; new bsd license; bsd 3 clause; bsd 3 clause license; 3 clause bsd; 3 clause bsd license
BSD-3-Clause      bsd 3; modified bsd; revised bsd
BSD-2-Clause      simplified bsd; bsd 2 clause; bsd 2 clause license; 2 clause bsd; bsd 2
MPL-2.0           mpl 2; mpl2; mozilla public license 2 0; mozilla public license 2 0 mpl 2 0
MPL-2.0           mozilla public license version 2 0
ISC               isc license; isc license iscl; iscl; the isc license
GPL-2.0           gplv2; gpl2; gpl 2; gpl v2; gnu general public license v2 gplv2; gnu gpl v2
GPL-2.0-or-later  gplv2+; gpl v2+; gplv2 or later; gnu general public license v2 or later gplv2+
GPL-3.0           gplv3; gpl3; gpl 3; gpl v3; gnu general public license v3 gplv3; gnu gpl v3
GPL-3.0-or-later  gplv3+; gpl v3+; gplv3 or later; gnu general public license v3 or later gplv3+
LGPL-2.0          lgplv2; gnu lesser general public license v2 lgplv2
LGPL-2.0-or-later lgplv2+; gnu lesser general public license v2 or later lgplv2+
LGPL-3.0          lgplv3; lgpl 3; lgpl v3; gnu lesser general public license v3 lgplv3
LGPL-3.0-or-later lgplv3+; gnu lesser general public license v3 or later lgplv3+
AGPL-3.0          agplv3; agpl 3; agpl v3; gnu affero general public license v3
AGPL-3.0-or-later agplv3+; gnu affero general public license v3 or later agplv3+
PSF-2.0           psf; psfl; psf license; python software foundation license
CC0-1.0           cc0; cc0 1 0 universal; cc0 1 0 universal cc0 1 0 public domain dedication
EPL-1.0           eclipse public license 1 0 epl 1 0; eclipse public license v1 0; eclipse public license 1 0
EPL-2.0           eclipse public license 2 0 epl 2 0; eclipse public license v2 0; eclipse public license 2 0
Unlicense         the unlicense; the unlicense unlicense
Zlib              zlib libpng license
ZPL-2.1           zope public license; zpl 2 1
BSL-1.0           boost software license 1 0 bsl 1 0
HPND              historical permission notice and disclaimer hpnd
MIT-0             mit no attribution license mit 0
UPL-1.0           universal permissive license upl
EUPL-1.2          european union public license 1 2 eupl 1 2
LicenseRef-BSD    bsd; bsd license; bsd style; bsd like; the bsd license
LicenseRef-GPL    gpl; gnu gpl; gnu general public license; gnu general public license gpl
LicenseRef-LGPL   lgpl; gnu lgpl; gnu library or lesser general public license lgpl
LicenseRef-public-domain public domain; publicdomain
LicenseRef-proprietary   proprietary; commercial; other proprietary license
"""
NAMES = {
    name.strip(): spdx
    for spdx, _, names in (line.partition(" ") for line in _NAMES.strip().splitlines())
    for name in names.split(";")
}
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
    """Whether two ids can mean one licence, as ``GPL-2.0`` and ``GPL-2.0-or-later``, ``LicenseRef-BSD`` and ``BSD-3-Clause``."""
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
