"""Licences: recognised by text, found for every path, never guessed."""

from __future__ import annotations

import pytest

from tests.data.licences.licence_samples import APACHE, BSD3, GPL3, ISC, LGPL3, MIT
from yunque.data.licences.file_licences import UNKNOWN, LicenceMap, find_header, header_licence


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("# SPDX-License-Identifier: MIT\nx = 1\n", "MIT"),
        ("/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */\n", "GPL-2.0-only WITH Linux-syscall-note"),
        ("#!/usr/bin/env python\n# (c) us\n// SPDX-License-Identifier: (MIT OR Apache-2.0)\n", "MIT OR Apache-2.0"),
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
        ({"setup.cfg": "[metadata]\nlicense = Proprietary\n"}, "LicenseRef-proprietary"),
        ({"setup.cfg": "[metadata]\nlicense = BSD\n"}, "LicenseRef-BSD"),
        ({"LICENSE": BSD3, "setup.cfg": "[metadata]\nlicense = MIT\n"}, "BSD-3-Clause AND MIT"),
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


def test_what_contradicts_is_joined_and_an_unread_file_is_never_overlooked(tmp_path):
    found = licence_map(
        tmp_path,
        {
            "a/LICENSE": MIT,
            "a/package.json": '{"license": "GPL-3.0-only"}',
            "b/LICENSE": "Ask us first; then we will see what you may do with all of this.",
            "c/LICENSE": MIT + "\nIt may not be used for commercial purposes.",
            "c/package.json": '{"license": "MIT"}',
        },
    )
    assert found.licence_of("a/x.py") == "GPL-3.0-only AND MIT"
    assert found.licence_of("b/x.py") == UNKNOWN
    assert found.licence_of("c/x.py") != "MIT"


def test_what_found_it_and_how_sure_it_is(tmp_path):
    found = licence_map(tmp_path, {"LICENSE": MIT, "pyproject.toml": '[project]\nlicense = "MIT"\n'}).find("a.py")
    assert (found.place, found.how, found.score) == ("pyproject.toml", "metadata+text", 1.0)
    assert find_header("# Licensed under the MIT license.\nx = 1\n").how == "header"


@pytest.mark.parametrize(
    ("head", "spdx"),
    [
        ("/*\n * Copyright (c) 2020 A\n *\n * Licensed under the Apache License, Version 2.0\n */\nint x;\n", "Apache-2.0"),
        ("# License: MIT\nx = 1\n", "MIT"),
        ('"""A module.\n\nLicensed under the BSD 3-Clause License.\n"""\nx = 1\n', "BSD-3-Clause"),
        ("x = 1\n# License: MIT\n", UNKNOWN),
        ("# This reads the license of a package.\nx = 1\n", UNKNOWN),
        ("".join(f"# {line}\n" for line in MIT.splitlines()) + "x = 1\n", "MIT"),
    ],
)
def test_a_notice_in_the_first_comment(head, spdx):
    assert header_licence(head) == spdx


def test_hostile_metadata_is_not_followed(tmp_path):
    bomb = '<!DOCTYPE a [<!ENTITY b "MIT">]><project><licenses><license><name>&b;</name></license></licenses></project>'
    files = {"pom.xml": bomb, "package.json": "[" * 100_000, "pyproject.toml": "a = " + "[" * 5000}
    assert licence_map(tmp_path, files).licence_of("a.py") == UNKNOWN
