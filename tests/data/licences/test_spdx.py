"""Licence texts, phrases and names to SPDX expressions; what is not certain is unknown."""

from __future__ import annotations

import pytest

from tests.data.licences.licence_samples import APACHE, BSD2, BSD3, GPL3, ISC, LGPL3, MIT
from yunque.data.licences.file_licences import find_header
from yunque.data.licences.spdx import ASKALONO_SCORE, UNKNOWN, ask_askalono, covers, expression, recognise, same_family, tell

ADVERTISING = "All advertising materials mentioning features of this software must display an acknowledgement."


def commented(text: str, mark: str = " * ") -> str:
    return "/*\n" + "\n".join(mark + line for line in text.splitlines()) + "\n */"


def reflowed(text: str, width: int) -> str:
    words, lines = text.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += f"{word} "
    return "\n".join(lines)


@pytest.mark.parametrize(
    "change", [str, commented, str.upper, lambda text: reflowed(text, 33), lambda text: f"Ours.\n\n{text}"]
)
@pytest.mark.parametrize(("text", "spdx"), [(MIT, "MIT"), (BSD2, "BSD-2-Clause"), (BSD3, "BSD-3-Clause"), (ISC, "ISC")])
def test_a_text_is_told_however_it_is_set(text, spdx, change):
    assert recognise(change(text)) == spdx


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        (APACHE, "Apache-2.0"),
        ("Licensed under the Apache License, Version 2.0 (the License)", "Apache-2.0"),
        (GPL3, "GPL-3.0"),
        ("GNU GENERAL PUBLIC LICENSE\n   Version 2, June 1991", "GPL-2.0"),
        (LGPL3, "LGPL-3.0"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE Version 3, 19 November 2007", "AGPL-3.0"),
        ("This is released under the GNU GPL version 2, or (at your option) any later version.", "GPL-2.0-or-later"),
        ("Distributed under the terms of the MIT license.", "MIT"),
        ("This file is in the public domain.", "LicenseRef-public-domain"),
        ("Proprietary and confidential. Unauthorized copying of this file is prohibited.", "LicenseRef-proprietary"),
        ("All rights reserved. Ask our lawyers about the MIT License.", UNKNOWN),
        ("This tool reads licence files. It knows MIT and Apache.", UNKNOWN),
        ("", UNKNOWN),
        ("\x00" * 5000, UNKNOWN),
    ],
)
def test_a_title_or_a_notice_is_enough_and_a_mention_is_not(text, spdx):
    assert recognise(text) == spdx


def test_several_texts_hold_together_unless_one_may_choose():
    assert recognise(f"{MIT}\n-----\n{ISC}") == "ISC AND MIT"
    assert (
        recognise(f"You may use this under either of the licenses below, at your option.\n\n{MIT}\n\n{ISC}") == "ISC OR MIT"
    )


def test_a_restriction_beside_a_text_is_no_longer_that_licence():
    for words in ("It may not be used for commercial purposes.", "For academic use only.", "Commons Clause applies."):
        assert recognise(f"{MIT}\n{words}") != "MIT"
    assert "unread" in recognise(f"{MIT}\nThe Software may not be used to train models.")


def test_a_text_of_which_too_much_is_missing_is_unknown():
    words = MIT.split()
    assert recognise(" ".join(words[: int(0.9 * len(words))])) == "MIT"
    assert recognise("Terms\n" + " ".join(words[12 : len(words) // 3])) == UNKNOWN
    assert tell(" ".join(words[:-20])).score < 1


@pytest.mark.parametrize(
    ("told", "spdx"),
    [
        ("mit", "MIT"),
        ("The MIT License", "MIT"),
        ("Apache 2", "Apache-2.0"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT, BSD", "MIT AND LicenseRef-BSD"),
        ("GPLv3+", "GPL-3.0-or-later"),
        ("BSD", "LicenseRef-BSD"),
        ("Proprietary", "LicenseRef-proprietary"),
        ("gpl-2.0-only with classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("MIT WITH GPL-2.0-only", UNKNOWN),
        ("see LICENSE", UNKNOWN),
        ("(" * 500 + "MIT" + ")" * 500, UNKNOWN),
        (MIT, "MIT"),
    ],
)
def test_what_people_write_in_metadata(told, spdx):
    assert expression(told) == spdx


def test_families_and_coverage():
    assert same_family("GPL-2.0", "GPL-2.0-or-later") and same_family("LicenseRef-BSD", "BSD-3-Clause")
    assert not same_family("GPL-2.0", "LGPL-2.0") and not same_family("MIT", "MIT-0")
    assert covers("MIT OR Apache-2.0", ["MIT", "Apache-2.0"]) and not covers("MIT", ["MIT", "ISC"])


def test_askalono_is_believed_from_its_score_on():
    pytest.importorskip("askalono", reason="askalono is not available here")
    found = ask_askalono(ISC)
    assert (found.expression, found.how) == ("ISC", "askalono") and found.score >= ASKALONO_SCORE
    assert ask_askalono("nothing of a licence stands in these words, and still a name comes back " * 3).expression == UNKNOWN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: GPL-3.0-only", "MIT AND GPL-3.0-only"),
        ("SPDX-License-Identifier: MIT OR Apache-2.0\n# SPDX-License-Identifier: ISC", "(MIT OR Apache-2.0) AND ISC"),
        ("SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: Nonsense", "MIT AND LicenseRef-unread"),
        ("Dual-licensed under Apache 2.0 or BSD3. You may select, at your option, one.", "Apache-2.0 OR BSD-3-Clause"),
        ("Licensed under the MIT License or the Apache License 2.0, at your option.", "Apache-2.0 OR MIT"),
        ("Licensed under the MIT License and the Apache License 2.0.", "Apache-2.0 AND MIT"),
        ("This tool finds GPL-3.0 licensed files and reports them.", "unknown"),
        ("Support for AGPL-3.0 code.", "unknown"),
        ("Compatible with the GPL version 3. Licensed under the MIT license.", "MIT"),
        ("Licensed under the GPL v3.", "GPL-3.0"),
        ("Redistribute it under the terms of the GNU General Public License, version 2 or later.", "GPL-2.0-or-later"),
    ],
)  # fmt: skip
def test_heads_with_several_licences_and_heads_that_speak_of_one(text, told):
    assert find_header(f"# {text}\nx = 1\n").expression == told
