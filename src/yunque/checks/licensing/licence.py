"""Whether a record's licence lets it be learned from: classes of SPDX licences, expressions, allow and deny lists, opt-outs.

    MIT OR GPL-2.0-only                              one side that passes is enough
    Apache-2.0 AND LicenseRef-unread                 both sides must pass
    GPL-2.0-only WITH Classpath-exception-2.0        an exception that is in the table changes the class

The question "is it permissive?" has three answers: permissive, not permissive, unknown. Unknown is never guessed: a licence
that is not in the table is in class ``unknown``, and so is a record of which nothing is known.

Covered: the ids of the SPDX list (`LIST_VERSION`) that stand in `CLASSES`; ``LicenseRef-`` ids of our own; opt-outs by
source, owner and path. Not covered: what the licence asks of a model that learned from the text, which is for people to say.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from yunque.checks.canaries import canary
from yunque.checks.findings import decide, skip, timed
from yunque.core.errors import RecipeError
from yunque.core.nouns import Canary, Finding, Origin, Record, Verdict
from yunque.core.plugins import nearest

LIST_VERSION = "3.27"
"""SPDX licence list whose ids are known; license-expression 30.4.4 ships them."""
UNKNOWN = "unknown"
UNREAD = "LicenseRef-unread"
"""Inside an expression: there is a licence text that nobody could read."""

CLASSES: dict[str, frozenset[str]] = {
    name: frozenset(ids.split())
    for name, ids in {
        "permissive": """
            0BSD AAL Adobe-2006 AFL-1.1 AFL-1.2 AFL-2.0 AFL-2.1 AFL-3.0 Apache-1.0 Apache-1.1 Apache-2.0 BlueOak-1.0.0
            BSD-1-Clause BSD-2-Clause BSD-2-Clause-Darwin BSD-2-Clause-FreeBSD BSD-2-Clause-NetBSD BSD-2-Clause-Patent
            BSD-2-Clause-Views BSD-2-Clause-first-lines BSD-3-Clause BSD-3-Clause-Attribution BSD-3-Clause-Clear
            BSD-3-Clause-HP BSD-3-Clause-LBNL BSD-3-Clause-Modification BSD-3-Clause-Open-MPI BSD-3-Clause-Sun BSD-4-Clause
            BSD-4-Clause-Shortened BSD-4-Clause-UC BSD-4.3RENO BSD-4.3TAHOE BSD-Source-Code BSL-1.0 bzip2-1.0.5 bzip2-1.0.6
            CC-BY-1.0 CC-BY-2.0 CC-BY-2.5 CC-BY-3.0 CC-BY-4.0 CDLA-Permissive-1.0 CDLA-Permissive-2.0 CNRI-Python
            CNRI-Python-GPL-Compatible curl DOC ECL-1.0 ECL-2.0 EFL-1.0 EFL-2.0 Entessa Fair FSFAP FSFUL FSFULLR FTL HPND
            HPND-sell-variant IBM-pibs ICU IJG ImageMagick Info-ZIP Intel ISC ISC-Veillard JasPer-2.0 libpng-2.0 Libpng
            libtiff Linux-OpenIB MIT MIT-0 MIT-advertising MIT-CMU MIT-enna MIT-feh MIT-Festival MIT-Modern-Variant
            MIT-open-group MIT-Wu MITNFA MS-PL MulanPSL-1.0 MulanPSL-2.0 Multics Naumen NCSA NetCDF NIST-Software
            NTP OLDAP-2.8 OLFL-1.3 OML OpenSSL OpenSSL-standalone PHP-3.0 PHP-3.01 Plexus PostgreSQL PSF-2.0 psfrag
            Python-2.0 Python-2.0.1 SGI-B-2.0 SMLNJ snprintf Spencer-86 Spencer-94 Spencer-99 SSH-OpenSSH SSH-short SWL TCL
            TCP-wrappers TU-Berlin-1.0 TU-Berlin-2.0 UCAR Unicode-3.0 Unicode-DFS-2015 Unicode-DFS-2016 UPL-1.0 VSL-1.0 W3C
            W3C-19980720 W3C-20150513 Widget-Workshop X11 X11-distribute-modifications-variant Xerox Xfig Xnet xlock
            XFree86-1.1 XSkat Zed Zend-2.0 Zlib zlib-acknowledgement ZPL-1.1 ZPL-2.0 ZPL-2.1 ANTLR-PD Beerware Bitstream-Vera
            Boehm-GC BSD-2-Clause-pkgconf-disclaimer BSD-3-Clause-acpica BSD-3-Clause-flex BSD-Inferno-Nettverk BSD-Systemics
            CECILL-B CERN-OHL-P-2.0 Cube DocBook-XML eGenix EPICS etalab-2.0 EUDatagrid GD HaskellReport HDF5 HPND-DEC
            HPND-doc HPND-doc-sell HPND-INRIA-IMAG HPND-Pbmplus HPND-sell-MIT-disclaimer-xserver HPND-sell-regexpr
            HPND-sell-variant-MIT-disclaimer HPND-UC HTMLTIDY Latex2e Leptonica libpng-1.6.35 MirOS mpich2 NAIST-2003
            NICTA-1.0 ODC-By-1.0 OGL-UK-3.0 RSA-MD SSLeay-standalone SunPro LicenseRef-BSD""",
        "public-domain": "CC-PDDC CC-PDM-1.0 CC0-1.0 libselinux-1.0 NIST-PD NIST-PD-fallback PDDL-1.0 SAX-PD blessing "
        "Unlicense WTFPL LicenseRef-public-domain",
        "weak-copyleft": """
            APSL-1.0 APSL-1.1 APSL-1.2 APSL-2.0 Artistic-1.0 Artistic-1.0-cl8 Artistic-1.0-Perl Artistic-2.0 BitTorrent-1.1
            CATOSL-1.1 CC-BY-SA-1.0 CC-BY-SA-2.0 CC-BY-SA-2.5 CC-BY-SA-3.0 CC-BY-SA-4.0 CDDL-1.0 CDDL-1.1 CDLA-Sharing-1.0
            CECILL-C CERN-OHL-W-2.0 CPL-1.0 CUA-OPL-1.0 EPL-1.0 EPL-2.0 ErlPL-1.1 gSOAP-1.3b IPL-1.0
            LGPL-2.0 LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1 LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0 LGPL-3.0-only
            LGPL-3.0-or-later LGPLLR LPPL-1.0 LPPL-1.1 LPPL-1.2 LPPL-1.3a LPPL-1.3c Motosoto MPL-1.0 MPL-1.1 MPL-2.0
            MS-RL NASA-1.3 Nokia NPL-1.0 NPL-1.1 ODbL-1.0 OFL-1.0 OFL-1.1 OFL-1.1-RFN
            OFL-1.1-no-RFN OGTSL OSET-PL-2.1 RPSL-1.0 Ruby SPL-1.0 SugarCRM-1.1.3 wxWindows YPL-1.0 YPL-1.1
            LicenseRef-LGPL""",
        "strong-copyleft": """
            AGPL-1.0 AGPL-1.0-only AGPL-1.0-or-later AGPL-3.0 AGPL-3.0-only AGPL-3.0-or-later CAL-1.0 CECILL-1.0 CECILL-1.1
            CECILL-2.0 CECILL-2.1 CERN-OHL-S-2.0 copyleft-next-0.3.0 copyleft-next-0.3.1 CPAL-1.0 EUPL-1.0 EUPL-1.1 EUPL-1.2
            GFDL-1.1 GFDL-1.1-only GFDL-1.1-or-later GFDL-1.2 GFDL-1.2-only GFDL-1.2-or-later GFDL-1.3 GFDL-1.3-only
            GFDL-1.3-or-later GPL-1.0 GPL-1.0-only GPL-1.0-or-later GPL-2.0 GPL-2.0-only GPL-2.0-or-later GPL-3.0
            GPL-3.0-only GPL-3.0-or-later OSL-1.0 OSL-1.1 OSL-2.0 OSL-2.1 OSL-3.0 Parity-6.0.0 Parity-7.0.0 QPL-1.0 RPL-1.1
            RPL-1.5 Sleepycat TMate Watcom-1.0 LicenseRef-GPL LicenseRef-AGPL""",
        "non-commercial": """
            Aladdin CC-BY-NC-1.0 CC-BY-NC-2.0 CC-BY-NC-2.5 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-NC-ND-1.0 CC-BY-NC-ND-2.0
            CC-BY-NC-ND-2.5 CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-1.0 CC-BY-NC-SA-2.0 CC-BY-NC-SA-2.5 CC-BY-NC-SA-3.0
            CC-BY-NC-SA-4.0 PolyForm-Noncommercial-1.0.0 LicenseRef-non-commercial""",
        "source-available": """
            BSD-3-Clause-No-Nuclear-License BSD-3-Clause-No-Nuclear-License-2014 BSD-3-Clause-No-Nuclear-Warranty BUSL-1.1
            CC-BY-ND-1.0 CC-BY-ND-2.0 CC-BY-ND-2.5 CC-BY-ND-3.0 CC-BY-ND-4.0 Elastic-2.0 FSL-1.1-ALv2 FSL-1.1-MIT
            Hippocratic-2.1 JSON PolyForm-Small-Business-1.0.0 SSPL-1.0 SUL-1.0 LicenseRef-Commons-Clause""",
        "proprietary": "LicenseRef-proprietary",
        UNKNOWN: UNREAD,
    }.items()
}
"""Class -> ids. ``source-available``: to be read, and used in some ways alone, so also licences without derivatives and
JSON's ("for Good, not Evil"); ``permissive``: notices to keep; ``weak-copyleft`` ends with the file or library."""
_CLASS_OF = {spdx: name for name, ids in CLASSES.items() for spdx in ids}
_WEAKENS = """
    Autoconf-exception-2.0 Autoconf-exception-3.0 Autoconf-exception-generic Bison-exception-2.2 Bison-exception-1.24
    Classpath-exception-2.0 eCos-exception-2.0 FLTK-exception Font-exception-2.0 freertos-exception-2.0 GCC-exception-2.0
    GCC-exception-3.1 GNAT-exception GPL-3.0-linking-exception GPL-3.0-linking-source-exception i2p-gpl-java-exception
    Libtool-exception Linux-syscall-note LLGPL LZMA-exception mif-exception OCaml-LGPL-linking-exception
    openvpn-openssl-exception Qt-GPL-exception-1.0 Universal-FOSS-exception-1.0 WxWindows-exception-3.1
"""
"""Exceptions with which strong copyleft does not reach the programs that use the code."""


def class_of(spdx: str) -> str:
    """The class of one SPDX id, or of an ``ID WITH EXCEPTION``; ``unknown`` for what is not in the table."""
    base, _, exception = spdx.partition(" WITH ")
    result = _CLASS_OF.get(base) or _CLASS_OF.get(base.removesuffix("+"), UNKNOWN)
    return "weak-copyleft" if result == "strong-copyleft" and exception in _WEAKENS.split() else result


# ------------------------------------------------------------------------------------------------------------- expressions
@functools.cache
def _licensing() -> Any:
    """What reads expressions: every id of the list, deprecated ones that mean something else than their successor kept."""
    from license_expression import LicenseSymbol, Licensing, get_license_index

    symbols, seen = [], set()
    for row in get_license_index():
        key = row.get("spdx_license_key") or ""
        if not key or key.startswith("LicenseRef-"):
            continue
        olds = [old for old in row.get("other_spdx_license_keys") or () if not old.startswith("LicenseRef-")]
        # "GPL-2.0" says only which text; "GPL-2.0-only" says more, and is nothing to guess
        kept = [old for old in olds if key == f"{old}-only"]
        aliases = tuple(old for old in olds if old not in kept)
        for name, also in [(key, aliases), *((old, ()) for old in kept)]:
            if name.lower() not in seen:
                seen.add(name.lower())
                symbols.append(LicenseSymbol(key=name, aliases=also, is_exception=bool(row.get("is_exception"))))
    return Licensing(symbols)


@functools.lru_cache(4096)
def normalised(details: str) -> str:
    """An SPDX expression as it should be written (case, brackets, twins); empty for what is none, or names unknown ids."""
    if len(details) > 1000 or details.count("(") > 20:
        return ""
    try:
        licensing = _licensing()
        tree = licensing.parse(details, validate=False, strict=False)
        if tree is None or any(not key.startswith("LicenseRef-") for key in licensing.unknown_license_keys(tree)):
            return ""
        if _wrong_exception(tree):
            return ""
        return licensing.dedup(tree).render("{symbol.key}")
    except ImportError:
        raise
    except Exception:  # its parser raises many kinds, for texts that are none of ours
        return ""


def _wrong_exception(tree: Any) -> bool:
    """Whether an exception stands alone, or something else behind WITH."""
    pairs = [symbol for symbol in tree.symbols if hasattr(symbol, "exception_symbol")]
    alone = [symbol for symbol in tree.symbols if not hasattr(symbol, "exception_symbol")]
    return any(getattr(item, "is_exception", False) for item in alone) or any(
        not pair.exception_symbol.is_exception or pair.license_symbol.is_exception for pair in pairs
    )


def fold(expression: str, leaf: Callable[[str], float]) -> float:
    """The value of an expression from the values of its ids: the best side of ``OR``, the worst of ``AND``.

    An expression that cannot be read is one leaf, ``unknown``.
    """
    written = normalised(expression)
    if not written:
        return leaf(UNKNOWN)
    tree = _licensing().parse(written)

    def value(node: Any) -> float:
        if not getattr(node, "args", ()):
            return leaf(node.render("{symbol.key}"))
        sides = [value(arg) for arg in node.args]
        return max(sides) if node.operator.strip() == "OR" else min(sides)

    return value(tree)


def ids_of(expression: str) -> tuple[str, ...]:
    """Every id of an expression (with its exception), in order; ``("unknown",)`` for one that cannot be read."""
    result: dict[str, None] = {}

    def leaf(spdx: str) -> float:
        result[spdx] = None
        return 0.0

    fold(expression, leaf)
    return tuple(result)


PERMISSIVE, NOT_PERMISSIVE = "permissive", "not permissive"


def permission(expression: str) -> str:
    """``permissive``, ``not permissive`` or ``unknown``; permissive and public domain count as permissive."""
    values = {"permissive": 1.0, "public-domain": 1.0, UNKNOWN: 0.5}
    result = fold(expression, lambda spdx: values.get(class_of(spdx), 0.0))
    return {1.0: PERMISSIVE, 0.5: UNKNOWN}.get(result, NOT_PERMISSIVE)


# ------------------------------------------------------------------------------------------------------------------ policy
@dataclass(frozen=True, kw_only=True)
class Policy:
    """What may be learned from: SPDX ids or names of classes. ``deny`` goes first; an empty ``allow`` allows the rest.

    An id without ``-only`` or ``-or-later`` stands for both; one without an exception also for itself with one.
    """

    allow: tuple[str, ...] = ("permissive", "public-domain")
    deny: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for entry in (*self.allow, *self.deny):
            if entry not in CLASSES and normalised(entry) != entry:
                known = [*CLASSES, *_CLASS_OF]
                raise RecipeError(f"'{entry}' is neither an SPDX id nor a class of licences", do=nearest(entry, known))

    def passes(self, spdx: str) -> bool:
        """Whether one id does."""
        names = {class_of(spdx), spdx, spdx.partition(" WITH ")[0]}
        names |= {name.removesuffix(ending) for name in names for ending in ("-only", "-or-later")}
        return not names.intersection(self.deny) and (not self.allow or bool(names.intersection(self.allow)))


@dataclass(frozen=True, kw_only=True)
class OptOuts:
    """Whose texts are never learned from, whatever their licence says. Globs, upper and lower case alike."""

    sources: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    """Whoever a hosted source belongs to (``https://host/OWNER/name``), or the author of a post."""
    paths: tuple[str, ...] = ()

    def why(self, origin: Origin) -> str:
        """The opt-out that covers an origin, in words; empty when none does."""
        asked = {"source": [origin.source], "owner": _owners(origin), "path": [origin.path]}
        for kind, globs in (("source", self.sources), ("owner", self.owners), ("path", self.paths)):
            for glob in globs:
                if any(fnmatchcase(name.lower(), glob.lower()) for name in asked[kind] if name):
                    return f"{kind} '{glob}' opted out"
        return ""


def _owners(origin: Origin) -> list[str]:
    """Who may have opted out, by the names that an origin shows."""
    source = origin.source.removesuffix("/").removesuffix(".git")
    parts = source.partition("://")[2].split("/") if "://" in source else source.replace(":", "/").split("/")
    hosted = "://" in source or ("@" in source and ":" in source)
    owner = parts[1:-1] if hosted else parts[:-1] if len(parts) == 2 else []
    return [*owner, origin.author, origin.author.partition(" ")[0]]


def read_opt_outs(path: Path) -> OptOuts:
    """The opt-outs of a TOML file with the lists ``sources``, ``owners`` and ``paths``. RecipeError for anything else."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"cannot read the opt-outs ({error})", where=path) from error
    known = ("sources", "owners", "paths")
    for key, value in content.items():
        if key not in known:
            raise RecipeError(f"no list '{key}'", where=path, do=nearest(key, list(known)))
        if not isinstance(value, list) or not all(isinstance(character, str) for character in value):
            raise RecipeError(f"'{key}' is not a list of texts", where=path)
    return OptOuts(**{key: tuple(value) for key, value in content.items()})


# ------------------------------------------------------------------------------------------------------------------- check
class Licence:
    """A check (seam ``ProvenCheck``) that passes a record whose licence the policy lets pass.

    Findings name the class of every id that does not (``strong-copyleft``, ``unknown``, …), as notes where another side of
    an ``OR`` passes; ``opted-out`` for an opt-out. ``values``: ``permissive`` 1, 0, or 0.5 for unknown;
    ``passes``; ``opted-out``.
    """

    name = "licence"

    def __init__(
        self,
        allow: Iterable[str] = Policy.allow,
        deny: Iterable[str] = (),
        opt_outs: OptOuts | str | Path = OptOuts(),
    ) -> None:
        self.policy = Policy(allow=tuple(allow), deny=tuple(deny))
        self.opt_outs = opt_outs if isinstance(opt_outs, OptOuts) else read_opt_outs(Path(opt_outs))

    @property
    def tool_version(self) -> str:
        """What decides beside the record: lists and opt-outs."""
        return f"{LIST_VERSION} {self.policy} {self.opt_outs}"

    @timed
    def judge(self, record: Record) -> Verdict:
        """PASS or FAIL, and why. SKIP when license-expression is not installed."""
        try:
            passes, findings, values = self._look(record.origin)
        except ImportError:
            return skip(self.name, "pip install license-expression")
        listing = "; ".join(finding.message for finding in findings if finding.severity != "note")
        detail = listing or f"{record.origin.licence} is {', '.join(_classes(record.origin.licence))}"
        return decide(self.name, findings, values=values, fails=not passes, detail=detail, most=None)

    def _look(self, origin: Origin) -> tuple[bool, list[Finding], dict[str, float]]:
        passes = fold(origin.licence, lambda spdx: float(self.policy.passes(spdx))) == 1.0
        findings = [
            Finding(rule=class_of(spdx), message=self._message(spdx, origin.licence), severity="note" if passes else "error")
            for spdx in ids_of(origin.licence)
            if not self.policy.passes(spdx)
        ]
        why = self.opt_outs.why(origin)
        if why:
            findings.insert(0, Finding(rule="opted-out", message=why, severity="error"))
        permissive = {PERMISSIVE: 1.0, UNKNOWN: 0.5}.get(permission(origin.licence), 0.0)
        values = {"permissive": permissive, "passes": float(passes), "opted-out": float(bool(why))}
        return passes and not why, findings, values

    def _message(self, spdx: str, expression: str) -> str:
        if class_of(spdx) == UNKNOWN:
            return f"the licence is unknown ({' '.join(expression.split())[:80]})"
        listed = "denied" if {spdx, class_of(spdx)} & set(self.policy.deny) else "not allowed"
        return f"{spdx} is {class_of(spdx)}, {listed}"

    def canaries(self) -> Sequence[Canary]:
        """One of every class that the policy refuses, and one that it lets pass."""
        examples = {
            "permissive": "MIT", "public-domain": "CC0-1.0", "weak-copyleft": "MPL-2.0", "strong-copyleft": "GPL-3.0-only",
            "non-commercial": "CC-BY-NC-4.0", "source-available": "BUSL-1.1", "proprietary": "LicenseRef-proprietary",
            UNKNOWN: UNKNOWN,
        }  # fmt: skip
        planted = [(name if not self.policy.passes(spdx) else "", spdx) for name, spdx in examples.items()]
        clean = next((spdx for finds, spdx in planted if not finds), self.policy.allow[0] if self.policy.allow else "MIT")
        rows = [row for row in planted if row[0]] or [("opted-out", clean)]
        return [_planted(spdx, finds) for finds, spdx in [*rows, ("", clean)]]


def _planted(licence: str, finds: str) -> Canary:
    made = canary("x = 1\n", "python", finds)
    return replace(made, record=replace(made.record, origin=replace(made.record.origin, licence=licence)))


def _classes(expression: str) -> list[str]:
    return sorted({class_of(spdx) for spdx in ids_of(expression)})
