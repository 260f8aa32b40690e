"""A licence's text, or whatever people write instead, to an SPDX expression; ``unknown`` where it cannot be told.

    texts          of the SPDX list, whole or nearly so, one or several in a text (`data.licences.fingerprints`)
    phrases        titles and notices: "Licensed under the Apache License, Version 2.0", "GPL version 2, or any later"
    names          "MIT License", "BSD", "Apache 2" in package metadata
    askalono       a second opinion on a whole text, if it is installed (pip install pyaskalono)

What stands beside a known text is read for restrictions: "MIT, but not for commercial use" is not MIT.

Covered: several licences in one text; "either … or". Not covered: whether "or any later version" was granted
where only the text of the licence is there: ``GPL-3.0`` says no more than that; texts in other words or languages.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from yunque.checks.licensing.licence import UNKNOWN, UNREAD, ids_of, normalised
from yunque.data.licences.fingerprints import LEAST, Match, find_texts, share_known, words_of

ASKALONO_SCORE = 0.8
"""It names a licence for any text whatever; under this, what it says means nothing."""

MAX_NAME_CHARS = 200
"""What is longer is a text, where a name was asked for."""


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


# ----------------------------------------------------------------------------------------------------------------- phrases
_VERSION = r"(?:v(?:ersion)? ?)?"
_GNU = re.compile(
    r"\b(?:gnu )?(?:(?P<kind>lesser|library|affero) )?(?:gpl|general public license)\b"
    rf"(?:(?: gpl| lgpl| agpl| as published by the free software foundation| either| only| {_VERSION}){{0,12}}?"
    rf" {_VERSION}(?P<version>[123](?: [01])?)\b)?(?P<rest>.{{0,120}})"
)
_MENTIONS = re.compile(
    r"\b(?:finds?|detects?|checks?|scans?|lists?|reports?|looks? for|search(?:es)?|whether|compatible with|incompatible with"
    r"|not|neither|like|such as|unlike|instead of|rather than|other than|convert\w*|support\w*|recogni[sz]e\w*|pars\w+"
    r"|about|between|replac\w+|depend\w* on|links? (?:to|with)|requires?|needs?|no)(?: \w+){0,3} $"
)
_MENTIONED = re.compile(
    r"(?: v?[\d ]{0,5})?(?: only| or later)? ?(?:licensed|covered|style|compatible|violation|header|text|check)\b"
)
"""Words before, and behind, the name of a licence that is spoken of and not given."""
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
    r"| its| terms| and| conditions| of| permissive| standard| same| spdx){0,12}"
)
_NAMED = {
    "Apache-2.0": r"apache(?: software)?(?: license)?(?: v| version)? ?2(?: 0)?",
    "MIT": r"(?:expat )?mit(?: expat| x11| style)?(?: license| licence)",
    "BSD-3-Clause": r"(?:(?:new|modified|revised) bsd|bsd ?3(?: clause)?|3 clause bsd|three clause bsd)(?: license)?",
    "BSD-2-Clause": r"(?:(?:simplified|freebsd) bsd|bsd ?2(?: clause)?|2 clause bsd|two clause bsd)(?: license)?",
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
_LISTED_RE = {
    spdx: re.compile(rf"(?: licenses?)?(?: and or| or| and)(?: the| a| an| under| of| terms){{0,4}} {name}\b")
    for spdx, name in _NAMED.items()
}
"""The same behind another one in a list."""
_NAMED_RE = {spdx: re.compile(rf"\b{_UNDER} {name}\b") for spdx, name in _NAMED.items()}
_SAID = {
    "LicenseRef-public-domain": re.compile(
        r"\b(?:hereby |been |is |are )?(?:released|placed|dedicated|put|donated) (?:in|to|into) the public domain\b"
        r"|\b(?:file|code|work|program|software|module) is (?:in the )?public domain\b"
        r"|\bdedicated all copyright\b.{0,60}\bpublic domain\b"
    ),
    "LicenseRef-proprietary": re.compile(
        r"\bproprietary and confidential\b|\bconfidential and proprietary\b"
        r"|\bunauthori[sz]ed (?:copying|use|reproduction) of\b"
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
    results: set[str] = set()
    waiting = [(spdx, match.end()) for spdx, named in _NAMED_RE.items() for match in named.finditer(words)]
    while waiting and len(results) < 20:
        spdx, end = waiting.pop()
        if spdx not in results:
            results.add(spdx)
            waiting += [(also, match.end()) for also, named in _LISTED_RE.items() if (match := named.match(words, end))]
    results |= {spdx for spdx, details in _SAID.items() if details.search(words)}
    for gnu in _GNU.finditer(words):
        if _MENTIONS.search(words, max(0, gnu.start() - 80), gnu.start()) or _MENTIONED.match(words, gnu.start("rest")):
            continue
        kind = {"lesser": "LGPL", "library": "LGPL", "affero": "AGPL"}.get(gnu["kind"] or "", "GPL")
        version = (gnu["version"] or "").replace(" ", ".")
        if version:
            version = version if "." in version else f"{version}.0"
            later = "-or-later" if _LATER.search(gnu["rest"]) else ""
            results.add(normalised(f"{kind}-{version}{later}") or f"LicenseRef-{kind}")
        elif re.search(rf"\b{_UNDER} (?:gnu )?(?:{gnu['kind']} )?(?:gpl|general public license)", words):
            results.add(f"LicenseRef-{kind}")
    precise = {spdx.split("-")[0] for spdx in results if not spdx.startswith("LicenseRef-")}
    results -= {f"LicenseRef-{kind}" for kind in precise}
    return {spdx for spdx in results if f"{spdx}-or-later" not in results}


def titles_in(words: str) -> set[str]:
    """The ids whose titles a text shows."""
    return {spdx for title, spdx in _TITLES.items() if title in words}


# --------------------------------------------------------------------------------------------------------------- recognise
_TAG = re.compile(r"^[^\w\n]*+SPDX-License-Identifier:\s*([^\r\n]+)", re.MULTILINE)


_TAG_ENDS = re.compile(r"(?<!\s)\s*+(\*/|-->|\*\)|#\}|['\"]{3}).*$", re.DOTALL)


def tagged(text: str) -> str:
    """The expression of the ``SPDX-License-Identifier`` lines, or ``unknown``: of several all hold (REUSE 3.3)."""
    lines = [expression(_TAG_ENDS.sub("", word)) for word in _TAG.findall(text)[:20]]
    if len(lines) < 2:
        return lines[0] if lines else UNKNOWN
    return all_of(lines)


def all_of(details: Sequence[str]) -> str:
    """One expression in which all of these hold, what cannot be read among them; ``unknown`` for none."""
    return normalised(" AND ".join(f"({UNREAD if item == UNKNOWN else item})" for item in details)) or UNKNOWN


def recognise(text: str) -> str:
    """The SPDX expression of a licence's text; ``unknown`` when none is recognised."""
    return tell(text).expression


@functools.lru_cache(2048)
def tell(text: str) -> Told:
    """What a licence file, or a long notice, says."""
    words = words_of(text)
    flat = " ".join(text[: 2 * MAX_NAME_CHARS].split())
    if len(words) <= 8 and len(flat) <= MAX_NAME_CHARS and (named := expression(flat)) != UNKNOWN:
        return Told(named, 1.0, "phrase")
    result = find_texts(words) if len(words) >= LEAST else []
    rest = re.sub(r"\|[| ]*", "| ", " ".join(_uncovered(words, result)))
    if result:
        ids = {match.spdx if normalised(match.spdx) else UNREAD for match in result}
        ids |= titles_in(rest) & {"LicenseRef-Commons-Clause"}
        short = len(re.findall(r"\w+", rest)) <= MAX_PHRASED_WORDS
        ids |= said_in(rest) if short else set()
        if _RESTRICTS.search(rest):
            ids.add(UNREAD)
        either = short and 1 < len(ids) <= 3 and UNREAD not in ids and bool(_EITHER.search(rest))
        return Told(joined(ids, either), min(match.share for match in result), "text", either)
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
    head = next(((spdx, match.end()) for spdx, name in _HEADS.items() if (match := name.match(whole))), None)
    if head is None:
        return set()
    spdx, end = head
    return {spdx} if share_known(words[len(whole[:end].split()) :], spdx) >= 0.8 else set()


def joined(ids: set[str], either: bool = False) -> str:
    """Those ids as one expression, in the order of their names; without what another of them already says."""
    without = {wide for wide, narrow in (("GPL-3.0", "LGPL-3.0"), ("GPL-3.0", "GPL-3.0 WITH")) if _any(ids, narrow)}
    without |= {item for item in ids for other in ids if item != other and _vaguer(item, other)}
    ids = ids - without
    if ids <= {UNREAD}:
        return UNKNOWN
    return normalised(f" {'OR' if either else 'AND'} ".join(sorted(ids))) or UNKNOWN


def _any(ids: set[str], start: str) -> bool:
    return any(spdx.startswith(start) for spdx in ids)


def _vaguer(item: str, other: str) -> bool:
    """Whether an id says no more than another, as ``GPL-2.0`` beside ``GPL-2.0-or-later``."""
    return same_family(item, other) and (item.startswith("LicenseRef-") or other in (f"{item}-only", f"{item}-or-later"))


def _uncovered(words: Sequence[str], matches: Sequence[Match]) -> list[str]:
    """The words that belong to no licence's text; a bar where one was between them."""
    covered = [False] * len(words)
    for match in matches:
        for hit in match.hits or range(match.start, match.end):
            covered[hit : hit + 3] = [True] * len(covered[hit : hit + 3])
    return ["|" if known else word for word, known in zip(words, covered, strict=True)]


@functools.lru_cache(2048)
def ask_askalono(text: str) -> Told:
    """Its opinion on a whole text; `NOTHING` below `ASKALONO_SCORE`, or where it is not installed."""
    try:
        import askalono
    except ImportError:
        return NOTHING
    try:
        result = askalono.identify(text)
    except Exception:  # whatever a foreign library raises says nothing
        return NOTHING
    name = normalised(str(getattr(result, "name", "")))
    if not name or result.score < ASKALONO_SCORE or _RESTRICTS.search(" ".join(words_of(text))):
        return NOTHING
    return Told(re.sub(r"(?<=\d)-(?:only|or-later)$", "", name), float(result.score), "askalono")


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
"""What people write instead of an identifier, in words. ``LicenseRef-BSD``: nobody said which."""


def expression(text: str) -> str:
    """An SPDX expression as it should be written, from what metadata or a tag says; ``unknown`` for what is none.

    A text that is pasted where a name should be is recognised. ``A/B`` is an old way to write ``A OR B``.
    """
    text = text.strip()
    if (name := NAMES.get(_plain(text))) is not None:
        return name
    if len(text) > MAX_NAME_CHARS:
        return recognise(text)
    if re.fullmatch(r"[A-Za-z0-9.+-]+(?:/[A-Za-z0-9.+-]+)+", text):
        text = text.replace("/", " OR ")
    if result := normalised(text):
        return result
    parts = re.split(r"(?<!\s)\s+(AND|OR)\s+|(?:(?<!\s)\s+)?(,)\s*", text)
    names = [_name(part) for part in parts[::3]] if 1 < len(parts) <= 12 and "(" not in text else []
    if names and UNKNOWN not in names:
        joints = {joint for position in (1, 2) for joint in parts[position::3] if joint}
        if len(joints) == 1:  # a comma says nothing of how they relate, so all of them hold
            return normalised(f" {'OR' if joints == {'OR'} else 'AND'} ".join(names)) or UNKNOWN
    return UNKNOWN


def _name(details: str) -> str:
    return NAMES.get(_plain(details)) or normalised(details) or UNKNOWN


def _plain(text: str) -> str:
    return re.sub(r"[^\w+]+", " ", text.lower().replace("_", " ").replace("licence", "license")).strip()


def same_family(item: str, other: str) -> bool:
    """Whether two ids can mean one licence, as ``GPL-2.0`` and ``GPL-2.0-or-later``."""
    first, second = (re.sub(r"-(?:only|or-later)$|\+$| WITH .*$", "", spdx, flags=re.DOTALL) for spdx in (item, other))
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
    return all(any(same_family(item, other) for other in named) for item in ids)
