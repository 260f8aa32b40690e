"""REUSE.toml, NAME.license and dep5 say of which licence other files are, by REUSE's rules of precedence."""

import time

import pytest

from yunque.data.licences.file_licences import LicenceMap

MIT, GPL = "# SPDX-License-Identifier: MIT\n", "# SPDX-License-Identifier: GPL-3.0-only\n"


def table(path, licence, **more):
    rest = "".join(f"{key} = {value!r}\n" for key, value in more.items())
    return f"[[annotations]]\npath = {path!r}\nSPDX-License-Identifier = {licence!r}\n{rest}"


def licence_of(tmp_path, path, text="", **files):
    for name, data in files.items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(data)
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    paths = [str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file()]
    return LicenceMap(tmp_path, paths, second_opinion=False).licence_of(path, text)


@pytest.mark.parametrize(
    ("toml", "text", "licence"),
    [
        (table("src/**", "MIT"), "", "MIT"),
        (table(["docs/*", "src/*.py"], "MIT"), "", "MIT"),
        (table("src/*", ["MIT", "Apache-2.0"]), "", "MIT AND Apache-2.0"),
        (table("src/*", "MIT OR Apache-2.0"), "", "MIT OR Apache-2.0"),
        (table("*.py", "MIT"), "", "unknown"),  # a star stays in its folder
        (table("**.py", "MIT"), "", "MIT"),
        (table("src/\\*.py", "MIT"), "", "unknown"),
        (table("**", "MIT") + table("src/**", "GPL-3.0-only"), "", "GPL-3.0-only"),
        (table("src/**", "GPL-3.0-only") + table("**", "MIT"), "", "MIT"),
        (table("**", "MIT"), GPL, "GPL-3.0-only"),
        (table("**", "MIT", precedence="closest"), GPL, "GPL-3.0-only"),
        (table("**", "MIT", precedence="override"), GPL, "MIT"),
        (table("**", "MIT", precedence="aggregate"), GPL, "GPL-3.0-only AND MIT"),
        (table("**", "Nonsense-1.0"), "", "LicenseRef-unread"),
        ("annotations = 3", "", "unknown"),
        ("not toml", "", "unknown"),
    ],
)
def test_what_reuse_toml_says_of_a_file(tmp_path, toml, text, licence):
    assert licence_of(tmp_path, "src/a.py", text, **{"REUSE.toml": "version = 1\n" + toml}) == licence


def test_the_nearest_table_counts_and_speaks_for_its_folder_alone(tmp_path):
    files = {"REUSE.toml": table("**", "MIT"), "src/REUSE.toml": table("*.py", "Apache-2.0"), "LICENSES/MIT.txt": "x"}
    assert licence_of(tmp_path, "src/a.py", **files) == "Apache-2.0"
    assert licence_of(tmp_path, "other/a.py", **files) == "MIT"


def test_a_file_beside_it_speaks_for_one_file(tmp_path):
    assert licence_of(tmp_path, "src/a.json", **{"src/a.json.license": MIT + GPL}) == "MIT AND GPL-3.0-only"
    assert licence_of(tmp_path, "src/b.json", **{"src/a.json.license": MIT}) == "unknown"


def test_dep5(tmp_path):
    dep5 = (
        "Format: x\n\nFiles: *\nCopyright: a\nLicense: MIT\n\nFiles: src/old/*\n  src/x.py\nLicense: GPL-3.0-only\n more\n"
    )
    assert licence_of(tmp_path, "src/deep/a.py", **{".reuse/dep5": dep5}) == "MIT"
    assert licence_of(tmp_path, "src/old/b/a.py", **{".reuse/dep5": dep5}) == "GPL-3.0-only"
    assert licence_of(tmp_path, "src/x.py", **{".reuse/dep5": dep5}) == "GPL-3.0-only"


def test_a_hostile_glob_takes_no_time(tmp_path):
    toml = table("a**" * 20 + "b", "MIT") * 50
    started = time.perf_counter()
    assert licence_of(tmp_path, "/".join(["a" * 200] * 10) + "/a.py", **{"REUSE.toml": toml}) == "unknown"
    assert time.perf_counter() - started < 5
