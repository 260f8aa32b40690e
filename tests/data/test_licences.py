"""Licences: recognised by text, found for every path, never guessed."""

from __future__ import annotations

import pytest

from yunque.data.licences import UNKNOWN, LicenceMap, header_licence, recognise

MIT = """The MIT License (MIT)  Copyright (c) 2020 Somebody
Permission is hereby granted, free of charge, to any person obtaining a copy of this software, to deal in it. The above
copyright notice and this permission notice shall be included in all copies or substantial portions of the Software."""
BSD2 = """Redistribution and use in source and binary forms, with or without
 * modification, are permitted provided that: Redistributions in binary form must reproduce the above notice."""
BSD3 = BSD2 + "\nThe names may not be used to endorse or promote products derived from this software."
BSD4 = BSD3 + "\nAll advertising materials mentioning features of this software must display an acknowledgement."
ISC = """Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
granted, provided that the above copyright notice and this permission notice appear in all copies."""
APACHE = "Apache License\n Version 2.0, January 2004\n 3. Grant of Patent License."
GPL3 = "GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007"
LGPL3 = "GNU LESSER GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007"


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        (MIT, "MIT"),
        (BSD2, "BSD-2-Clause"),
        (BSD3, "BSD-3-Clause"),
        (BSD4, "BSD-4-Clause"),
        (ISC, "ISC"),
        (APACHE, "Apache-2.0"),
        ("Licensed under the Apache License, Version 2.0 (the License)", "Apache-2.0"),
        (GPL3, "GPL-3.0"),
        ("GNU GENERAL PUBLIC LICENSE\n   Version 2, June 1991", "GPL-2.0"),
        (LGPL3, "LGPL-3.0"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE Version 3, 19 November 2007", "AGPL-3.0"),
        (MIT + "\n\n-----\n" + APACHE, "Apache-2.0 AND MIT"),
        ("All rights reserved. Ask our lawyers about the MIT License.", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_recognise(text, spdx):
    assert recognise(text) == spdx


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("# SPDX-License-Identifier: MIT\nx = 1\n", "MIT"),
        ("/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */\n", "GPL-2.0-only WITH Linux-syscall-note"),
        ("#!/usr/bin/env python\n# (c) us\n// SPDX-License-Identifier: (MIT OR Apache-2.0)\n", "(MIT OR Apache-2.0)"),
        ("x = 'SPDX-License-Identifier: MIT'\n", UNKNOWN),
        ("# SPDX-License-Identifier: see the wiki\n", UNKNOWN),
        ("\n" * 100 + "# SPDX-License-Identifier: MIT\n", UNKNOWN),
    ],
)
def test_header(text, spdx):
    assert header_licence(text) == spdx


def licence_map(tmp_path, files: dict[str, str]) -> LicenceMap:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return LicenceMap(tmp_path, list(files))


def test_nearest_licence_covers_its_folder_and_a_header_wins(tmp_path):
    found = licence_map(tmp_path, {"LICENSE": MIT, "lib/COPYING.txt": GPL3, "own/LICENSE": "Ours alone.", "src/a.py": ""})
    assert found.licence_of("a.py") == "MIT"
    assert found.licence_of("src/deep/a.py") == "MIT"
    assert found.licence_of("lib/x/a.py") == "GPL-3.0"
    assert found.licence_of("own/a.py") == UNKNOWN  # never the one above: that folder says something else
    assert found.licence_of("lib/a.py", "# SPDX-License-Identifier: ISC\n") == "ISC"


def test_a_link_to_the_licence_is_followed_inside_the_tree_only(tmp_path):
    (tmp_path / "outside").write_text(GPL3)
    root = tmp_path / "tree"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
    (root / "a/LICENSE").symlink_to("../MIT.txt")
    (root / "b/LICENSE").symlink_to(tmp_path / "outside")
    (root / "MIT.txt").write_text(MIT)
    found = LicenceMap(root, ["a/LICENSE", "b/LICENSE"])
    assert (found.licence_of("a/x.py"), found.licence_of("b/x.py")) == ("MIT", UNKNOWN)


@pytest.mark.parametrize(
    ("files", "spdx"),
    [
        ({"pyproject.toml": '[project]\nlicense = "Apache-2.0"\n'}, "Apache-2.0"),
        ({"pyproject.toml": '[project]\nlicense = {text = "MIT License"}\n'}, "MIT"),
        ({"pyproject.toml": '[tool.poetry]\nlicense = "BSD-3-Clause"\n'}, "BSD-3-Clause"),
        ({"pyproject.toml": '[project]\nlicense = {file = "LICENSE"}\n'}, UNKNOWN),
        ({"setup.cfg": "[metadata]\nlicense = MIT\n"}, "MIT"),
        ({"PKG-INFO": "Name: x\nLicense-Expression: MIT OR Apache-2.0\n\nbody"}, "MIT OR Apache-2.0"),
        ({"PKG-INFO": "Name: x\nLicense: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n"}, "MIT"),
        ({"x-1.dist-info/METADATA": "License-Expression: ISC\n"}, "ISC"),
        ({"x-1.dist-info/licenses/LICENSE": MIT}, "MIT"),
        ({"package.json": '{"license": "mit"}'}, "MIT"),
        ({"package.json": "{broken"}, UNKNOWN),
        ({"pyproject.toml": "broken ="}, UNKNOWN),
        ({"setup.cfg": "[metadata]\nlicense = Proprietary\n"}, UNKNOWN),
        ({"setup.cfg": "[metadata]\nlicense = BSD\n"}, UNKNOWN),
        ({"LICENSE": BSD3, "setup.cfg": "[metadata]\nlicense = MIT\n"}, "BSD-3-Clause"),
        ({"LICENSE-MIT": MIT, "LICENSE-APACHE": APACHE}, "Apache-2.0 AND MIT"),
        ({"LICENSE-MIT": MIT, "LICENSE-APACHE": APACHE, "Cargo.toml": '[package]\nlicense = "MIT OR Apache-2.0"'},
         "MIT OR Apache-2.0"),
        ({"COPYING": GPL3, "COPYING.LESSER": LGPL3}, "LGPL-3.0"),
        ({"LICENSES/MIT.txt": MIT}, "MIT"),
        ({"LICENSES/MIT.txt": MIT, "LICENSES/ISC.txt": ISC}, UNKNOWN),
        ({"LICENSE": MIT, "LICENSE-third-party.txt": GPL3, "NOTICE": APACHE, "license.py": GPL3}, "MIT"),
        ({"LICENSE": MIT, "pkg/license.rst": "About our licence"}, "MIT"),
        ({"setup.py": "setup(license='MIT')"}, UNKNOWN),
    ],
)  # fmt: skip
def test_licence_of_a_tree(tmp_path, files, spdx):
    assert licence_map(tmp_path, files).licence_of("pkg/a.py") == spdx
