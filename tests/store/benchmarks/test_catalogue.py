"""Benchmark files: only the published bytes come in, by network or by hand, and they are known wherever they lie."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.loopback import Quiet, serve
from yunque.core.errors import SourceError, StoreError
from yunque.store.benchmarks import catalogue, recognise
from yunque.store.benchmarks import fetch as fetching
from yunque.store.benchmarks.catalogue import Benchmark, BenchmarkFile
from yunque.store.benchmarks.fetch import import_file
from yunque.store.benchmarks.recognise import State, status

ROWS = b'{"task_id": "T/0"}\n'
PACKED = gzip.compress(b'{"task_id": "T/1"}\n' * 50, mtime=1)
FILES = {"small/rows.jsonl": ROWS, "small/deep/rows.jsonl": ROWS * 3, "small/packed.jsonl.gz": PACKED}
LEARNED, MADE = b"def learned():\n    return 1\n", b"made of others\n"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pinned(path: str, data: bytes, *urls: str, **more) -> BenchmarkFile:
    if path.endswith(".gz"):
        inside = gzip.decompress(data)
        more |= {"unpacked_bytes": len(inside), "unpacked_sha256": sha256(inside)}
    return BenchmarkFile(path=path, size_bytes=len(data), sha256=sha256(data), urls=urls, **more)


def make(name: str, files: list[BenchmarkFile]) -> Benchmark:
    return Benchmark(
        name=name, licence="MIT", source="here", commit="1", files=tuple(files), trainable="", why_not="held out", note=""
    )


class Source:
    """A public source on this machine; ``answers`` says what a path gives, and ``asked`` what was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {f"/{path}": data for path, data in FILES.items()}
        self.asked: list[str] = []
        source = self

        class Handler(Quiet):
            def do_GET(self):
                source.asked.append(self.path)
                answer = source.answers.get(self.path, 404)
                if isinstance(answer, int):
                    self.send_error(answer)
                    return
                if isinstance(answer, str):
                    self.send_response(302)
                    self.send_header("Location", answer)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                data, told = answer if isinstance(answer, tuple) else (answer, len(answer))
                self.send_response(200)
                self.send_header("Content-Length", str(told))
                self.end_headers()
                self.wfile.write(data)

        self.handler = Handler


@pytest.fixture
def source(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    source = Source()
    with serve(source.handler) as (source.server, source.url):
        yield source


@contextmanager
def table(monkeypatch, *known: Benchmark):
    monkeypatch.setattr(catalogue, "_table", lambda: {one.name: one for one in known})
    for cached in (recognise._by_hash, recognise._sizes):
        cached.cache_clear()
    try:
        yield
    finally:
        for cached in (recognise._by_hash, recognise._sizes):
            cached.cache_clear()


@pytest.fixture(scope="module")
def pip_here():
    """How pip connects on this machine; asked once, since it takes half a second."""
    return fetching.pip_settings()


@pytest.fixture
def fetch(source, pip_here, monkeypatch, tmp_path):
    """`fetch` of a small benchmark with three files, into ``tmp_path/benchmarks``."""
    monkeypatch.setattr(fetching, "pip_settings", lambda: pip_here)
    small = make("small", [pinned(path, data, f"{source.url}/{path}") for path, data in FILES.items()])
    made = [
        pinned("made/made.txt", MADE, derived="made of others"),
        pinned("made/learned.py", LEARNED, derived="too", trainable=True),
    ]
    with table(monkeypatch, small, make("made", made)):
        yield lambda name="small", **more: fetching.fetch(name, tmp_path / "benchmarks", **more)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "benchmarks"


def here(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def line(error: pytest.ExceptionInfo) -> str:
    text = error.value.line()
    assert "\n" not in text and "Traceback" not in text
    return text


# ----------------------------------------------------------------------------------------------------------------- fetching
def test_what_is_missing_is_fetched_and_what_is_whole_is_not_asked_for(fetch, source, folder):
    done = fetch()
    assert here(folder) == FILES
    assert (set(done.fetched), done.present, done.by_hand) == (set(FILES), (), ())
    (folder / "small/rows.jsonl").unlink()
    source.asked.clear()
    again = fetch()
    assert (again.fetched, len(again.present), source.asked) == (("small/rows.jsonl",), 2, ["/small/rows.jsonl"])
    source.asked.clear()
    assert fetch().fetched == () and source.asked == []
    assert {one.state for one in status(folder, ["small"])} == {State.WHOLE}
    assert (folder / "small/rows.jsonl").stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_progress_counts_bytes(fetch):
    seen = []

    @contextmanager
    def progress(label, total, unit=""):
        seen.append((label, total, unit))
        yield lambda amount: seen.append(amount)

    fetch(progress=progress)
    total = sum(map(len, FILES.values()))
    assert seen[0] == ("fetch small", total, "bytes") and sum(seen[1:]) == total


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (404, "status 404"),
        (503, "status 503"),
        (b"x" * len(ROWS * 3), "not the published file"),
        (b"short", "not the published file (5 bytes of 57"),
        (b"x" * 1_000_000, "more than the 57 bytes of the published file"),
        ((ROWS, len(ROWS * 3)), "cannot be fetched"),  # the connection is cut
        ("/nowhere", "status 404"),
        ("/small/deep/rows.jsonl", "redirects"),
    ],
    ids=["404", "503", "wrong", "short", "long", "cut", "redirect to nothing", "redirect loop"],
)
def test_a_file_that_cannot_be_had_is_one_line_and_leaves_nothing(fetch, source, folder, answer, says):
    source.answers["/small/deep/rows.jsonl"] = answer
    with pytest.raises(SourceError) as error:
        fetch()
    assert says in line(error) and "small/deep/rows.jsonl" in line(error)
    assert line(error).endswith("bring the file and run `yunque bench import small FILE`")
    assert here(folder) == {"small/rows.jsonl": ROWS}
    source.answers["/small/deep/rows.jsonl"] = ROWS * 3
    assert fetch().fetched == ("small/deep/rows.jsonl", "small/packed.jsonl.gz")
    assert here(folder) == FILES


def test_a_redirect_is_followed(fetch, source, folder):
    source.answers |= {"/small/rows.jsonl": "/elsewhere", "/elsewhere": f"{source.url}/at/last", "/at/last": ROWS}
    fetch()
    assert here(folder) == FILES


def test_no_network_is_one_line_that_says_how_to_do_without(fetch, source, folder):
    source.server.shutdown()
    source.server.server_close()
    with pytest.raises(SourceError) as error:
        fetch()
    assert "check the network" in line(error) and "yunque bench import small FILE" in line(error)
    assert here(folder) == {}


def test_a_copy_elsewhere_is_asked_when_the_first_place_fails(source, monkeypatch, tmp_path):
    one = pinned("small/rows.jsonl", ROWS, f"{source.url}/gone", f"{source.url}/wrong", f"{source.url}/small/rows.jsonl")
    source.answers["/wrong"] = b"y" * len(ROWS)
    counted = []

    @contextmanager
    def progress(label, total, unit=""):
        yield counted.append

    with table(monkeypatch, make("small", [one])):
        assert fetching.fetch("small", tmp_path, progress).fetched == ("small/rows.jsonl",)
    assert source.asked == ["/gone", "/wrong", "/small/rows.jsonl"]
    assert sum(counted) == len(ROWS)


def test_what_cannot_be_fetched_as_it_is_is_said(fetch):
    assert fetch("made").by_hand == (
        "made/made.txt: made of others; bring the file and run `yunque bench import made FILE`",
        "made/learned.py: too; bring the file and run `yunque bench import made FILE`",
    )


def test_a_changed_file_is_not_overwritten(fetch, source, folder):
    fetch()
    (folder / "small/rows.jsonl").write_bytes(b"mine\n")
    with pytest.raises(SourceError, match="is not the published file") as error:
        fetch()
    assert "--anyway" in line(error)
    assert (folder / "small/rows.jsonl").read_bytes() == b"mine\n"


def test_what_a_killed_download_left_goes_with_the_next(fetch, folder):
    (folder / "small").mkdir(parents=True)
    old, young = folder / "small/.rows.jsonl.1.part", folder / "small/.rows.jsonl.2.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    fetch()
    assert not old.exists() and young.exists()  # the other may be a download that runs now


def test_a_full_disk_is_one_line_and_leaves_nothing(fetch, folder, monkeypatch):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="the disk is full") as error:
        fetch()
    assert line(error)
    assert here(folder) == {}


def test_a_folder_that_cannot_be_written_is_one_line(fetch, folder):
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file in its place")
    with pytest.raises(StoreError, match="cannot write") as error:
        fetch()
    assert line(error).endswith("name another folder of benchmarks with --folder")


def test_a_folder_that_nobody_can_make_is_one_line(fetch, tmp_path):
    path = tmp_path / "rows"
    path.write_bytes(ROWS)
    with pytest.raises(StoreError, match="cannot write"):
        import_file("small", path, Path("/proc/nowhere"))


def test_an_unknown_benchmark_is_answered_with_the_nearest(fetch):
    with pytest.raises(StoreError, match="did you mean 'small'"):
        fetch("smal")


# ------------------------------------------------------------------------------------------------------------------ by hand
def test_a_file_is_recognised_whatever_it_is_called(fetch, source, folder, tmp_path):
    path = tmp_path / "download (1)"
    path.write_bytes(ROWS * 3)
    assert import_file("small", path, folder).state is State.WHOLE
    assert here(folder) == {"small/deep/rows.jsonl": ROWS * 3}
    assert source.asked == []


def test_a_file_that_is_here_already_is_not_written_again(fetch, folder, tmp_path):
    fetch()
    path = tmp_path / "rows"
    path.write_bytes(ROWS)
    before = (folder / "small/rows.jsonl").stat()
    assert import_file("small", path, folder).state is State.WHOLE
    after = (folder / "small/rows.jsonl").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("how", ["as it is", "unpacked", "packed again"])
def test_a_gzipped_file_comes_in_any_packing(fetch, folder, tmp_path, how):
    inside = gzip.decompress(PACKED)
    path = tmp_path / "file"
    path.write_bytes({"as it is": PACKED, "unpacked": inside, "packed again": gzip.compress(inside, 1, mtime=9)}[how])
    assert import_file("small", path, folder).state is State.WHOLE
    assert gzip.decompress((folder / "small/packed.jsonl.gz").read_bytes()) == inside
    assert [one.state for one in status(folder, ["small"])].count(State.WHOLE) == 1
    assert fetch().present == ("small/packed.jsonl.gz",)


def test_another_file_is_refused_with_the_hashes_that_are_known(fetch, folder, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROWS[:-1])
    with pytest.raises(SourceError) as error:
        import_file("small", path, folder)
    assert sha256(ROWS[:-1])[:16] in line(error) and "--anyway" in line(error)
    assert all(sha256(data)[:16] in line(error) for data in FILES.values())
    assert here(folder) == {} if folder.exists() else True


def test_a_file_of_another_benchmark_is_refused(fetch, folder, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(MADE)
    with pytest.raises(SourceError, match=r"is made/made\.txt of made; run `yunque bench import made"):
        import_file("small", path, folder, anyway=True)


def test_a_changed_file_is_let_in_when_told_and_every_result_can_say_so(fetch, folder, tmp_path):
    path = tmp_path / "packed.jsonl.gz"
    path.write_bytes(b"edited")
    assert import_file("small", path, folder, anyway=True).state is State.ACCEPTED
    told = json.loads((folder / "small/packed.jsonl.gz.imported.json").read_text())
    assert told["sha256"] == sha256(b"edited") and told["published_sha256"] == sha256(PACKED)
    assert told["from"] == "packed.jsonl.gz" and told["imported_at"].endswith("+00:00")
    (deviation,) = recognise.deviations(folder, ["small"])
    assert deviation.startswith("small/packed.jsonl.gz is not the published file (imported by hand, sha256 ")
    assert fetch().present == ("small/packed.jsonl.gz",)  # it is kept
    (folder / "small/packed.jsonl.gz").write_bytes(b"edited again")  # what was accepted was another file
    assert [one.state for one in status(folder, ["small"])].count(State.CHANGED) == 1
    assert "(changed, sha256" in recognise.deviations(folder)[0]
    path.write_bytes(PACKED)
    assert import_file("small", path, folder).state is State.WHOLE
    assert here(folder) == FILES and recognise.deviations(folder) == []


def test_a_changed_file_needs_a_name_that_tells_which(fetch, folder, tmp_path):
    for name in ("unknown.jsonl", "rows.jsonl"):
        (tmp_path / name).write_bytes(b"edited")
        with pytest.raises(SourceError, match="has no one file called so"):
            import_file("small", tmp_path / name, folder, anyway=True)
    (tmp_path / "deep").mkdir()
    shutil.move(tmp_path / "rows.jsonl", tmp_path / "deep/rows.jsonl")
    assert import_file("small", tmp_path / "deep/rows.jsonl", folder, anyway=True).path == "small/deep/rows.jsonl"


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_what_is_no_file_is_one_line(fetch, folder, tmp_path, what):
    path = tmp_path if what == "folder" else tmp_path / "nope"
    with pytest.raises(SourceError, match="cannot be read"):
        import_file("small", path, folder)


# ------------------------------------------------------------------------------------------------------ never training data
def test_a_benchmark_file_is_known_by_its_bytes(fetch, tmp_path):
    inside = gzip.decompress(PACKED)
    for data in (*FILES.values(), inside, gzip.compress(inside, mtime=4), ROWS.replace(b"\n", b"\r\n")):
        assert recognise.benchmark_of(data).name == "small"
    for data in (b"", ROWS[:-1], ROWS + b"\n", LEARNED, gzip.compress(b"other"), PACKED[:-9] + b"\0" * 9):
        assert recognise.benchmark_of(data) is None
    assert recognise.benchmark_of(ROWS).reason == "benchmark small: MIT"
    assert recognise.find_by_hash(sha256(LEARNED).upper())[1].path == "made/learned.py"
    assert recognise.find_by_hash("0" * 64) is None


def test_a_gzip_bomb_is_not_unpacked(fetch, tmp_path):
    bomb = gzip.compress(b"\0" * 50_000_000)
    (tmp_path / "bomb.gz").write_bytes(bomb)
    assert recognise.benchmark_at(tmp_path / "bomb.gz") is None
    assert len(recognise.unpacked(bomb)) <= max(recognise._sizes()) + 1


# ---------------------------------------------------------------------------------------------------------------- the table
def test_every_pin_is_whole_and_only_once():
    files = [(one, file) for one in catalogue.benchmarks().values() for file in one.files]
    hashes = [pin for _, file in files for pin in (file.sha256, file.unpacked_sha256) if pin]
    assert len(files) == 140 and len(set(hashes)) == len(hashes) == 152
    assert all(len(pin) == 64 and set(pin) <= set("0123456789abcdef") for pin in hashes)
    for one, file in files:
        assert file.path.startswith(f"{one.name}/") and file.size_bytes > 0
        assert bool(file.urls) != bool(file.derived)
        assert file.path.endswith(".gz") == bool(file.unpacked_sha256)
        assert file.urls == () or (one.commit in file.urls[0] and all(url.startswith("https://") for url in file.urls))
        assert len(one.commit) == 40 and one.licence and one.why_not and one.note


def test_only_svens_train_part_is_training_data_as_it_is():
    files = [file.path for one in catalogue.benchmarks().values() for file in one.files if file.trainable]
    assert len(files) == 9 and all(path.startswith("sven/train/") for path in files)
    assert {one.name for one in catalogue.benchmarks().values() if one.trainable} == {"mbpp", "sven"}
    assert "may not be used as training data" in catalogue.benchmark("multipl-e").why_not


def test_the_files_at_hand_are_the_pinned_ones(benchmark_files):
    found = status(benchmark_files)
    assert {one.state for one in found} == {State.WHOLE}
    names = {path.relative_to(benchmark_files).as_posix() for path in benchmark_files.rglob("*") if path.is_file()}
    data = {name for name in names if not name.rpartition("/")[2].startswith(("NOTICE", "LICENSE", "README"))}
    assert data == {one.path for one in found}


def test_the_java_file_of_a_benchmark_is_known_with_windows_line_ends(benchmark_files):
    data = (benchmark_files / "codexglue-java-cs/test.java-cs.txt.java").read_bytes()
    assert recognise.benchmark_of(data.replace(b"\n", b"\r\n")).reason == "benchmark codexglue-java-cs: C-UDA-1.0"
