"""Is a licence told from its text after people had it in their hands? Ours beside askalono, on texts of the SPDX list.

    npm pack spdx-license-list@6.12.0 && tar xf spdx-license-list-6.12.0.tgz (SPDX 3.28, CC0)
    python benchmarks/data/licences.py package                     every text of the list, ours alone
    python benchmarks/data/licences.py package --peer              those that corpora hold (COMMON), beside askalono
    python benchmarks/data/licences.py package --installed         what installed packages ship, and what they say
    python benchmarks/data/licences.py package --fingerprints      make src/yunque/data/licences/fingerprints.npz anew

"Right" is the licence or its family (GPL-2.0 for GPL-2.0-or-later, whose text is the same); "wrong" is another one, which
is worse than "unknown". Of a text with a restriction added, and of what is no licence at all, any licence is wrong.
"""

import argparse
import importlib.metadata
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy

from yunque.core.nouns import seed_from
from yunque.data.licences.fingerprints import FINGERPRINTS, LEAST, pieces_of, words_of
from yunque.data.licences.spdx import ASKALONO_SCORE, UNKNOWN, expression, ids_of, same_family, tell

COMMON = """
    0BSD AFL-3.0 AGPL-3.0-only Apache-1.1 Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSD-4-Clause BSL-1.0
    CC-BY-4.0 CC-BY-NC-4.0 CC-BY-SA-4.0 CC0-1.0 CDDL-1.0 CECILL-2.1 ECL-2.0 EPL-1.0 EPL-2.0 EUPL-1.2 GFDL-1.3
    GPL-2.0-only GPL-3.0-only HPND ISC LGPL-2.1-only LGPL-3.0-only MIT MIT-0 MPL-1.1 MPL-2.0 MS-PL NCSA OFL-1.1
    OSL-3.0 PostgreSQL PSF-2.0 Python-2.0 Ruby Unlicense UPL-1.0 Vim W3C WTFPL X11 Zlib ZPL-2.1 BUSL-1.1 SSPL-1.0
    Elastic-2.0"""
LONG, STEP = 400, 8
"""Of a text with more pieces than LONG, one in STEP is kept: those whose hash is a multiple of it, and its ends."""


def texts(folder: Path) -> dict[str, str]:
    found = sorted((folder / "licenses").glob("*.json"))
    return {path.stem: json.loads(path.read_text("utf-8"))["licenseText"] for path in found}


# ----------------------------------------------------------------------------------------------------------- fingerprints
_EXCEPTIONS = {
    "GPL-2.0-with-GCC-exception": "GPL-2.0 WITH GCC-exception-2.0",
    "GPL-2.0-with-autoconf-exception": "GPL-2.0 WITH Autoconf-exception-2.0",
    "GPL-2.0-with-bison-exception": "GPL-2.0 WITH Bison-exception-2.2",
    "GPL-2.0-with-classpath-exception": "GPL-2.0 WITH Classpath-exception-2.0",
    "GPL-2.0-with-font-exception": "GPL-2.0 WITH Font-exception-2.0",
    "GPL-3.0-with-GCC-exception": "GPL-3.0 WITH GCC-exception-3.1",
    "GPL-3.0-with-autoconf-exception": "GPL-3.0 WITH Autoconf-exception-3.0",
}
_SAME_TEXT = re.compile(
    r"-(?:no-)?invariants|-(?:no-)?RFN|-only$|-or-later$|\+$|-Combined-Work-Exception|-no-copyleft-exception"
)


def make_fingerprints(found: dict[str, str]) -> None:
    """One row a text, and one more for a text without its appendix; licences with the same text share a row."""
    same: dict[tuple[tuple[int, ...], frozenset[int]], list[tuple[str, int]]] = {}
    for spdx, text in found.items():
        words = words_of(text)
        if spdx.startswith("LGPL-3.0"):  # the list's text has the GPL behind it, which files have on their own
            words = words[: _where(words, "gnu general public license version 3 29", 200)[0]]
        for end in [len(words), *_where(words, "end of terms and conditions", 200)]:
            pieces = tuple(sorted(set(pieces_of(words[:end]))))
            if len(pieces) >= LEAST:
                counts = Counter(in_order := pieces_of(words[:end]))
                once = [piece for piece in in_order if counts[piece] == 1]  # what comes again says nothing about a place
                key = pieces, frozenset((once[0], once[-1]))
                same.setdefault(key, []).append((_EXCEPTIONS.get(spdx, spdx), end))
    rows = []
    for (pieces, ends), owners in same.items():
        step = 1 if len(pieces) <= LONG else STEP
        name = min({_SAME_TEXT.sub("", spdx) for spdx, _ in owners}, key=lambda one: (len(one), one))
        rows.append((name, [piece for piece in pieces if piece % step == 0 or piece in ends], owners[0][1], step))
    rows.sort(key=lambda row: row[0])
    numpy.savez_compressed(
        FINGERPRINTS,
        names=numpy.array([row[0] for row in rows]),
        counts=numpy.array([len(row[1]) for row in rows], dtype=numpy.uint16),
        hashes=numpy.concatenate([numpy.array(row[1], dtype=numpy.uint32) for row in rows]),
        words=numpy.array([row[2] for row in rows], dtype=numpy.uint16),
        steps=numpy.array([row[3] for row in rows], dtype=numpy.uint16),
    )
    print(f"{len(rows)} texts, {FINGERPRINTS.stat().st_size / 1000:.0f} kB")


def _where(words: list[str], phrase: str, start: int) -> list[int]:
    wanted = phrase.split()
    return [at for at in range(start, len(words)) if words[at : at + len(wanted)] == wanted]


# ------------------------------------------------------------------------------------------------------------------ edits
def _reflowed(text: str, choose: Random) -> str:
    width, lines = choose.choice([50, 72, 96]), [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += f"{word} "
    mark = choose.choice(["# ", " * ", "// ", "; ", "   "])
    return "\n".join(mark + line for line in lines)


def _misspelt(text: str, choose: Random) -> str:
    words = text.split(" ")
    for at in range(len(words)):
        if choose.random() < 0.02 and len(words[at]) > 3:
            words[at] = choose.choice(["", words[at][::-1], words[at] + "s", words[at][1:]])
    return " ".join(words)


def _owned(text: str, choose: Random) -> str:
    owner = choose.choice(["Example Industries GmbH", "the Anvil authors", "A. N. Other <other@example.org>"])
    filled = re.sub(r"<(?:copyright holders?|owner|author|name of author|organization)>|\[fullname\]", owner, text)
    return f"Copyright (C) 2011-2024 {owner}\nAll rights reserved.\n\n" + filled.replace("<year>", "2019")


def _inside(text: str, choose: Random) -> str:
    before = "Thank you for using this program. Its source lies beside this file, and its manual on our pages.\n\n"
    after = "\n\nThird parties are named in THIRD_PARTY. Write to us when you find a mistake in these words.\n"
    return before + text + after


EDITS: dict[str, Callable[[str, Random], str]] = {
    "as it is": lambda text, choose: text,
    "owner and year filled in": _owned,
    "reflowed, in comment marks": _reflowed,
    "2 % of its words wrong": _misspelt,
    "other words around it": _inside,
    "its last 15 % missing": lambda text, choose: text[: int(0.85 * len(text))],
    "all of these": lambda text, choose: _reflowed(_inside(_misspelt(_owned(text, choose), choose), choose), choose),
}
RESTRICTIONS = (
    "The Software may not be used for any commercial purpose.",
    "Use is allowed for research purposes only.",
    "You may not use this software to train models, nor redistribute it in whole or in part.",
)
NO_LICENCE = (
    "This module finds the licence of a package: it knows MIT, Apache and the GNU licences, and prints a table of them.",
    "Copyright 2020 the authors. All rights reserved.",
    "See the file LICENSE for the conditions under which this may be used, copied and changed.",
    "Permission denied: the user has no right to modify, merge or publish this branch. Ask the owner of the repository.",
    "The warranty covers parts and labour for two years, provided that the device was used as the manual says.",
)


def cases(found: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """(edit, licence that is right or "", text)."""
    for edit, change in EDITS.items():
        for spdx, text in found.items():
            yield edit, _EXCEPTIONS.get(spdx, spdx), change(text, Random(seed_from(edit, spdx)))
    for spdx, text in found.items():
        choose = Random(seed_from("restricted", spdx))
        yield "with a restriction added", "", f"{text}\n\n{choose.choice(RESTRICTIONS)}\n"
    for text in NO_LICENCE:
        yield "no licence at all", "", text


def measure(found: dict[str, str], ask: Callable[[str], str]) -> dict[str, Counter]:
    table: dict[str, Counter] = {}
    for edit, spdx, text in cases(found):
        started = time.perf_counter()
        told = ask(text)
        took = time.perf_counter() - started
        row = table.setdefault(edit, Counter())
        row["n"] += 1
        row["s"] += took
        ids = [one for one in ids_of(told) if one != UNKNOWN]
        if not spdx:
            row["right" if not ids or any(one.startswith("LicenseRef-") for one in ids) else "wrong"] += 1
        elif not ids:
            row["unknown"] += 1
        else:
            row["right" if any(same_family(one, spdx) for one in ids) and len(ids) == 1 else "wrong"] += 1
    return table


def report(tables: dict[str, dict[str, Counter]]) -> None:
    names = list(tables)
    print("| edit | n |" + "".join(f" {name}: right | wrong | unknown | ms |" for name in names))
    print("|---|--:|" + "--:|--:|--:|--:|" * len(names))
    for edit in tables[names[0]]:
        rows = [tables[name][edit] for name in names]
        cells = (
            f" {row['right'] / row['n']:.1%} | {row['wrong']} | {row['unknown']} | {1000 * row['s'] / row['n']:.1f} |"
            for row in rows
        )
        print(f"| {edit} | {rows[0]['n']} |" + "".join(cells))


def installed() -> None:
    """Licence files of installed packages against the expression in their metadata, which their authors wrote."""
    outcomes: Counter[str] = Counter()
    for package in sorted(importlib.metadata.distributions(), key=lambda one: one.metadata["Name"].lower()):
        said = expression(package.metadata.get("License-Expression") or "")
        paths = [
            path
            for path in package.files or ()
            if re.search(r"(?i)dist-info/(licenses/)?(licen[sc]e|copying)[^/]*$", str(path))
        ]
        if said == UNKNOWN or len(paths) != 1:
            continue
        told = tell(package.locate_file(paths[0]).read_text("utf-8", "replace")).expression
        same = all(any(same_family(one, other) for other in ids_of(said)) for one in ids_of(told))
        outcome = "unknown" if told == UNKNOWN else "the same" if same else "another"
        outcomes[outcome] += 1
        if outcome != "the same":
            print(f"  {package.metadata['Name']}: says {said}, ships {told}")
    print(f"{outcomes.total()} packages with one licence file: {dict(outcomes)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the unpacked npm package spdx-license-list")
    for option in ("fingerprints", "peer", "installed"):
        parser.add_argument(f"--{option}", action="store_true")
    options = parser.parse_args()
    found = texts(options.folder)
    if options.fingerprints:
        make_fingerprints(found)
    elif options.installed:
        installed()
    elif options.peer:
        common = {spdx: found[spdx] for spdx in COMMON.split()}
        report({"ours": measure(common, lambda text: tell(text).expression), "askalono": measure(common, _askalono)})
    else:
        report({"ours": measure(found, lambda text: tell(text).expression)})


def _askalono(text: str) -> str:
    """What it says by itself, from the score on from which we believe it."""
    import askalono

    found = askalono.identify(text)
    return expression(found.name) if found.score >= ASKALONO_SCORE else UNKNOWN


if __name__ == "__main__":
    main()
