"""Archives and trees that attack: one attack a test. What is refused leaves nothing outside; what is left behind is told."""

from __future__ import annotations

import bz2
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from yunque.core.errors import SourceError
from yunque.data.collect import CollectRecipe, collect
from yunque.data.sources import archives
from yunque.data.sources.kinds import open_source
from yunque.data.sources.snapshots import TreeLimits


def make_tar(path: Path, members: list[tuple[str, bytes | dict]], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, dict):
                info.type, info.linkname = content["type"], content.get("linkname", "")
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def make_zip(path: Path, members: list[tuple[str, bytes]], links: dict[str, str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
        for name, content in members:
            archive.writestr(name, content)
    return path


def fetch(path: Path, tmp_path: Path, limits: TreeLimits = TreeLimits()) -> tuple[set[str], dict[str, str]]:
    folder = tmp_path / "deep" / "er" / f"out-{path.name}"
    open_source(str(path), limits).fetch(folder)
    rows = [json.loads(line) for line in (folder / "skipped.jsonl").read_text().splitlines()]
    tree = folder / "tree"
    names = {
        os.fsencode(one.relative_to(tree)).decode("utf-8", "backslashreplace") for one in tree.rglob("*") if not one.is_dir()
    }
    return names, {row["path"]: row["reason"] for row in rows}


def refused(path: Path, tmp_path: Path, limits: TreeLimits = TreeLimits()) -> str:
    with pytest.raises(SourceError) as caught:
        fetch(path, tmp_path, limits)
    line = caught.value.line()
    assert "\n" not in line and "Traceback" not in line
    return line


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.tar.xz", "a.zip", "a-1-py3-none-any.whl"])
def test_truncated_at_any_place(tmp_path, name):
    members = [(f"p/{number}.py", os.urandom(2_000)) for number in range(10)]
    mode = "w:xz" if name.endswith("xz") else "w:gz"
    path = make_zip(tmp_path / name, members) if name.endswith(("zip", "whl")) else make_tar(tmp_path / name, members, mode)
    data = path.read_bytes()
    for share in (0.0, 0.01, 0.2, 0.5, 0.9, 0.999):
        path.write_bytes(data[: int(len(data) * share)])
        assert "damaged" in (line := refused(path, tmp_path)) or "is not an archive" in line
        shutil.rmtree(tmp_path / "deep", ignore_errors=True)


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2"])
def test_a_byte_that_changed_on_the_way(tmp_path, mode):
    path = make_tar(tmp_path / "a.tgz", [(f"p/{number}.py", os.urandom(2_000)) for number in range(10)], mode)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    line = refused(path, tmp_path)
    assert "damaged" in line or "is not an archive" in line  # bzip2 has one block, and so no first member either


def test_a_block_that_is_wrong_and_longer_than_its_tar(tmp_path):
    """As one flipped bit in five hundred makes it: what comes first looks like the end of the archive."""
    path = make_tar(tmp_path / "a.tar", [("p/a.py", b"x = 1\n")], "w")
    data = bytearray(bz2.compress(path.read_bytes() + os.urandom(500_000)))
    data[10] ^= 1  # of the block's checksum
    path.write_bytes(data)
    assert "damaged" in refused(path, tmp_path)


def test_flat_bomb_by_its_ratio(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "RATIO_FROM_BYTES", 1_000_000)
    zeros = bytes(1_000_001)
    for path in (
        make_zip(tmp_path / "a.zip", [("a.py", zeros)]),
        make_tar(tmp_path / "a.tar.xz", [("a.py", zeros)], "w:xz"),
    ):
        assert "is a bomb" in refused(path, tmp_path)
        assert not [one for one in (tmp_path / "deep").rglob("*.py") if one.stat().st_size]


def test_many_members_that_are_a_bomb_together(tmp_path):
    path = make_zip(tmp_path / "a.zip", [(f"{number}.py", bytes(2_000_000)) for number in range(40)])
    assert "is a bomb" in refused(path, tmp_path)
    assert not list((tmp_path / "deep").rglob("*.py")), "it is refused before its first member is unpacked"


def test_nested_bomb_stays_packed(tmp_path):
    inner = make_zip(tmp_path / "inner.zip", [("a.py", bytes(30_000_000))]).read_bytes()
    path = make_zip(tmp_path / "a.zip", [(f"{number}.zip", inner) for number in range(5)] + [("b.py", b"x = 1\n")])
    names, _ = fetch(path, tmp_path)
    assert names == {"b.py", *(f"{number}.zip" for number in range(5))}


@pytest.mark.parametrize("name", ["C:\\evil.py", "..\\..\\evil.py", "C:/evil.py", "\\\\server\\share\\evil.py"])
def test_names_of_another_system_stay_inside(tmp_path, name):
    (tmp_path / "in").mkdir()
    for path in (
        make_zip(tmp_path / "in/a.zip", [(name, b"x"), ("b.py", b"y")]),
        make_tar(tmp_path / "in/a.tgz", [(name, b"x")]),
    ):
        fetch(path, tmp_path / "in")
    assert {one.name for one in tmp_path.iterdir()} == {"in"} and not list(tmp_path.glob("evil*"))
    for tree in tmp_path.rglob("tree"):
        assert all(os.path.realpath(one).startswith(str(tree)) for one in tree.rglob("*"))


def test_a_link_and_then_a_write_through_it(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    path = make_zip(tmp_path / "a.zip", [("out/evil.py", b"evil"), ("b.py", b"x")], {"out": str(home)})
    names, skipped = fetch(path, tmp_path)
    assert names == {"b.py", "out/evil.py"} and skipped == {"out": "name"}
    hard = [
        ("l", {"type": tarfile.SYMTYPE, "linkname": str(home)}),
        ("h", {"type": tarfile.LNKTYPE, "linkname": "l"}),
        ("h", b"x"),
    ]
    fetch(make_tar(tmp_path / "b.tgz", [*hard, ("b.py", b"x")]), tmp_path)
    assert list(home.iterdir()) == []


def test_a_link_through_a_link_through_a_folder(tmp_path):
    link = tarfile.SYMTYPE
    members = [
        ("p/a/x.py", b"x"),
        ("p/up", {"type": link, "linkname": "a/../.."}),
        ("p/b", {"type": link, "linkname": "up/../passwd"}),
    ]
    names, skipped = fetch(make_tar(tmp_path / "a.tgz", [*members, ("q.py", b"y")]), tmp_path)
    assert names >= {"p/a/x.py", "q.py"} and skipped["p/b"] == "symlink"
    assert not list((tmp_path / "deep").rglob("passwd"))


def test_loops_of_links(tmp_path):
    link = tarfile.SYMTYPE
    loops = {"one": "two", "two": "one", "self": "self", "d/up": "../d", "dot": "."}
    members = [(name, {"type": link, "linkname": target}) for name, target in loops.items()]
    path = make_tar(tmp_path / "a.tgz", [("a.py", b"x = 1\n"), ("d/b.py", b"y = 2\n"), *members])
    folder = tmp_path / "folder"
    (folder / "d").mkdir(parents=True)
    for name, target in loops.items():
        (folder / name).symlink_to(target)
    (folder / "a.py").write_text("x = 1\n")
    (folder / "d/b.py").write_text("y = 2\n")
    for source in (path, folder):
        names, _ = fetch(source, tmp_path)
        assert {"a.py", "d/b.py"} <= names
        snapshot = tmp_path / "deep" / "er" / f"out-{source.name}"
        facts = {"source": "s", "revision": "r", "collected_at": ""}
        out = tmp_path / f"records-{source.name}"
        out.mkdir()
        counts = collect(snapshot, facts, CollectRecipe(checks=()), [], out)
        assert counts["kept"] == 2 and set(counts["dropped"]) <= {"symlink"}


def test_devices_and_pipes_of_every_kind(tmp_path):
    kinds = {"chr": tarfile.CHRTYPE, "blk": tarfile.BLKTYPE, "fifo": tarfile.FIFOTYPE, "cont": tarfile.CONTTYPE}
    path = make_tar(tmp_path / "a.tgz", [("a.py", b"x"), *((name, {"type": kind}) for name, kind in kinds.items())])
    names, skipped = fetch(path, tmp_path)
    assert names == {"a.py", "cont"} and skipped == dict.fromkeys(("chr", "blk", "fifo"), "special file")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_told(tmp_path):
    members = [("p/a.py", b"first"), ("p/a.py", b"second"), ("p/b.py", b"x")]
    for path in (make_zip(tmp_path / "a.zip", members), make_tar(tmp_path / "a.tgz", members)):
        names, skipped = fetch(path, tmp_path)
        assert names == {"a.py", "b.py"} and skipped == {"a.py": "name"}
        assert (tmp_path / "deep" / "er" / f"out-{path.name}" / "tree/a.py").read_bytes() == b"second"


def test_names_that_are_not_utf8(tmp_path):
    path = tmp_path / "a.tgz"
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT, errors="surrogateescape") as tar:
        for name in (os.fsdecode(b"caf\xe9.py"), "b.py"):
            info = tarfile.TarInfo(name)
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
    assert fetch(path, tmp_path)[0] == {"caf\\xe9.py", "b.py"}
    packed = make_zip(tmp_path / "a.zip", [("cafe.py", b"x"), ("b.py", b"y")])
    packed.write_bytes(packed.read_bytes().replace(b"cafe.py", b"caf\xe9.py"))
    names, _ = fetch(packed, tmp_path)
    assert "b.py" in names and len(names) == 2


def test_20_000_members_are_refused_before_one_is_written(tmp_path, within):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(20_000):
            archive.writestr(zipfile.ZipInfo(f"{number}.py"), b"")
    with within(2):
        assert "more than 10000 members" in refused(tmp_path / "a.zip", tmp_path, TreeLimits(max_files=10_000))
    assert not list((tmp_path / "deep").rglob("*.py"))


def sparse(path: Path, size: int) -> Path:
    with open(path, "wb") as file:
        file.truncate(size)
    return path


@pytest.mark.skipif(shutil.which("tar") is None, reason="tar is not available here")
@pytest.mark.parametrize("layout", ["gnu", "posix"])
def test_a_sparse_member_counts_as_large_as_it_becomes(tmp_path, layout, within):
    (tmp_path / "p").mkdir()
    sparse(tmp_path / "p/big.py", 2 << 30)
    (tmp_path / "p/a.py").write_text("x = 1\n")
    path = tmp_path / "a.tar"
    subprocess.run(["tar", "-S", f"--format={layout}", "-cf", path, "-C", tmp_path, "p"], check=True)
    assert path.stat().st_size < 100_000
    with within(5):
        assert "is a bomb" in refused(path, tmp_path)
    assert sum(one.stat().st_size for one in (tmp_path / "deep").rglob("*") if one.is_file()) < 1_000


def test_a_file_of_two_gigabytes_in_one_line_is_not_read(tmp_path, within):
    (tmp_path / "p").mkdir()
    sparse(tmp_path / "p/big.py", 2 << 30)
    (tmp_path / "p/a.py").write_text("x = 1\n")
    with within(2):
        names, skipped = fetch(tmp_path / "p", tmp_path)
        assert names == {"a.py"} and skipped == {"big.py": "too large"}
    out = tmp_path / "records"
    out.mkdir()
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "p").rename(tmp_path / "snapshot/tree")
    facts = {"source": "s", "revision": "r", "collected_at": ""}
    with within(2):
        counts = collect(tmp_path / "snapshot", facts, CollectRecipe(), [], out)
        assert counts["kept"] == 1 and counts["dropped"] == {"too large": 1}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not available here")
def test_a_repository_with_damaged_objects_index_and_pack(tmp_path):
    root = tmp_path / "repo"
    root.mkdir()

    def git(*arguments):
        who = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
        done = subprocess.run(["git", "-C", root, *who, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    (root / "a.py").write_text("x = 1\n" * 50)
    (root / "b.py").write_text("y = 1\n")
    git("add", "-A")
    git("commit", "-q", "-m", "one")
    blob = git("rev-parse", "HEAD:a.py")
    place = root / ".git/objects" / blob[:2] / blob[2:]
    whole = place.read_bytes()
    place.chmod(0o644)
    place.write_bytes(whole[: len(whole) // 2])

    def read():
        folder = tmp_path / "out"
        shutil.rmtree(folder, ignore_errors=True)
        open_source(f"{root}@main").fetch(folder)
        rows = [json.loads(line) for line in (folder / "skipped.jsonl").read_text().splitlines()]
        return {one.name for one in (folder / "tree").iterdir()}, {row["path"]: row["reason"] for row in rows}

    assert read() == ({"b.py"}, {"a.py": "damaged"})
    place.write_bytes(whole)
    (root / ".git/index").write_bytes(b"DIRC" + bytes(40))
    assert read() == ({"a.py", "b.py"}, {})
    open_source(str(root)).fetch(tmp_path / "folder")  # its index cannot be read: a plain folder
    (root / ".git/index").unlink()
    git("gc", "-q")
    (pack,) = (root / ".git/objects/pack").glob("*.pack")
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:60])
    with pytest.raises(SourceError) as caught:
        read()
    assert "\n" not in caught.value.line()
