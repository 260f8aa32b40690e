"""`yunque bench`: what a person gets and reads; the page is what the code says. No network."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from yunque.cli.views import benchmarks
from yunque.core.errors import SourceError, StoreError
from yunque.store.benchmarks import catalogue, recognise
from yunque.store.benchmarks.catalogue import Benchmark, BenchmarkFile
from yunque.store.benchmarks.fetch import Fetched
from yunque.store.benchmarks.recognise import State

ROOT = Path(__file__).parents[3]
PLAIN, PACKED = b'{"task_id": "T/0"}\n', gzip.compress(b'{"task_id": "T/1"}\n', mtime=1)


def pinned(path: str, data: bytes) -> BenchmarkFile:
    inside = gzip.decompress(data) if path.endswith(".gz") else b""
    return BenchmarkFile(
        path=path, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), urls=(), derived="made by hand",
        unpacked_bytes=len(inside) or None, unpacked_sha256=hashlib.sha256(inside).hexdigest() if inside else "",
    )  # fmt: skip


@pytest.fixture
def small(monkeypatch):
    """A table of one benchmark with two files, none of which can be fetched."""
    one = Benchmark(
        name="small",
        licence="MIT",
        source="here",
        commit="1",
        files=(pinned("small/[a].jsonl", PLAIN), pinned("small/b.jsonl.gz", PACKED)),
        trainable="",
        why_not="held out",
        note="",
    )
    caches = (recognise._by_hash, recognise._sizes)
    monkeypatch.setattr(catalogue, "_table", lambda: {"small": one})
    for cache in caches:
        cache.cache_clear()
    yield one
    for cache in caches:
        cache.cache_clear()


# --------------------------------------------------------------------------------------------------------------------- names
@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("humaneval", "humaneval"),
        ("mbpp-plus", "mbpp-plus"),
        ("mbpp-sanitized", "mbpp"),
        ("humaneval-xl-spanish", "humaneval-xl"),
        ("humaneval-infilling-singleline", "humaneval-infilling"),
        ("humanevalpack-fix-python", "humanevalpack"),
        ("multipl-e-lua", "multipl-e"),
    ],
)
def test_a_suite_is_named_as_well_as_its_benchmark(name, means):
    assert benchmarks.benchmark_names(name) == [means]


def test_all_are_named_at_once_and_a_mistyped_one_is_answered():
    assert len(benchmarks.benchmark_names("all")) == 16
    with pytest.raises(StoreError, match="did you mean 'humaneval'"):
        benchmarks.benchmark_names("humanevl")
    with pytest.raises(StoreError, match="no benchmark named 'humaneval-xl-klingon'"):
        benchmarks.benchmark_names("humaneval-xl-klingon")


def test_a_suite_without_files_is_told(monkeypatch):
    monkeypatch.setattr("yunque.evaluation.registry.suite_names", lambda: ["of-our-own"])
    with pytest.raises(StoreError, match="the suite of-our-own needs no file; just run"):
        benchmarks.benchmark_names("of-our-own")


# ------------------------------------------------------------------------------------------------------------------ fetching
def test_what_was_fetched_is_told_with_what_is_left(small, tmp_path):
    found = benchmarks.fetch_named("small", tmp_path)
    first, *rest = benchmarks.fetched_lines(found, tmp_path)
    assert first == f"small: 0 fetched, 0 here already, in {tmp_path / 'small'}"
    assert rest[0] == "  small/[a].jsonl: made by hand; bring the file and run `yunque bench import small FILE`"
    assert isinstance(found["small"], Fetched) and len(rest) == 2


# ------------------------------------------------------------------------------------------------------------------- by hand
def test_a_file_or_a_whole_folder_is_brought(small, tmp_path):
    came = tmp_path / "came/deep"
    came.mkdir(parents=True)
    (came / "one").write_bytes(PLAIN)
    (came / "two").write_bytes(gzip.decompress(PACKED))
    (came / "NOTICE.txt").write_text("what is this?")
    folder = tmp_path / "benchmarks"
    (one,) = benchmarks.import_named("small", came / "one", folder, anyway=False)
    assert (one.path, one.state) == ("small/[a].jsonl", State.WHOLE)
    found = benchmarks.import_named("small", tmp_path / "came", folder, anyway=False)
    assert [one.state for one in found] == [State.WHOLE] * 2
    assert benchmarks.imported_lines(found, folder) == [str(folder / "small/[a].jsonl"), str(folder / "small/b.jsonl.gz")]


def test_a_changed_file_is_told_as_such(small, tmp_path):
    (tmp_path / "b.jsonl.gz").write_bytes(b"mine")
    found = benchmarks.import_named("small", tmp_path / "b.jsonl.gz", tmp_path / "benchmarks", anyway=True)
    assert benchmarks.imported_lines(found, tmp_path)[0].endswith("(not the published file: every result will say so)")


def test_what_cannot_be_brought_is_one_line(small, tmp_path):
    with pytest.raises(SourceError, match="holds no published file of small"):
        benchmarks.import_named("small", tmp_path, tmp_path / "benchmarks", anyway=False)
    with pytest.raises(SourceError, match="is a folder; with --anyway name one file"):
        benchmarks.import_named("small", tmp_path, tmp_path / "benchmarks", anyway=True)
    with pytest.raises(StoreError, match="a file is of one benchmark"):
        benchmarks.import_named("all", tmp_path, tmp_path / "benchmarks", anyway=False)


# ------------------------------------------------------------------------------------------------------------------- listing
def test_the_list_says_what_is_here(small, tmp_path, capsys):
    benchmarks.print_table(tmp_path / "[red]nowhere")
    told = capsys.readouterr().out
    assert "small" in told and " no " in told and "[red]nowhere" in told
    (tmp_path / "small").mkdir()
    (tmp_path / "small/[a].jsonl").write_bytes(PLAIN)
    (tmp_path / "small/b.jsonl.gz").write_bytes(b"mine")
    benchmarks.print_table(tmp_path)
    assert "1 whole, 1 changed" in " ".join(capsys.readouterr().out.split())
    (one,) = json.loads(json.dumps(benchmarks.listing(tmp_path)))
    assert [file["state"] for file in one["files"]] == ["whole", "changed"]
    assert one["files"][1]["sha256_here"] == hashlib.sha256(b"mine").hexdigest() != one["files"][1]["sha256"]
    (tmp_path / "small/b.jsonl.gz").write_bytes(PACKED)
    benchmarks.print_table(tmp_path)
    assert "whole" in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------------------------------- page
def test_the_page_is_what_the_code_says():
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert text == benchmarks.page(), "run `python -m yunque.cli.views.benchmarks > docs/benchmarks.md`"


def test_the_page_names_every_benchmark_with_its_licence():
    for one in catalogue.benchmarks().values():
        assert f"| {one.name} | {one.licence} |" in benchmarks.page()
