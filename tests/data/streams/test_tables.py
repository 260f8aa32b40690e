"""Tables of others: each row a record, a pair or a reason; columns by a map; benchmarks never."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from yunque.core.errors import RecipeError, SourceError
from yunque.core.nouns import Dropped, Pair, PairKind, Preference, Record
from yunque.core.seams import Stream
from yunque.data.streams.tables import Table, TableRecipe

ROWS = [
    {"content": f"x = {number}\n", "lang": "Python", "meta": {"licence": "mit", "file": f"a/{number}.py"}}
    for number in range(5)
]
COLUMNS = {"text": "content", "language": "lang", "path": "meta.file", "licence": "meta.licence"}


def recipe(columns: dict | None = None, **rest) -> TableRecipe:
    return TableRecipe.model_validate({"columns": columns or COLUMNS, **rest})


def lines(rows: list) -> bytes:
    return b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)


def read(spec: str | Path, how: TableRecipe | None = None) -> tuple[list[Record], list[Pair], dict[str, str]]:
    items = list(Table(spec, how or recipe()).read())
    records, pairs = ([one for one in items if isinstance(one, kind)] for kind in (Record, Pair))
    dropped = [one for one in items if isinstance(one, Dropped)]
    assert all("\n" not in one.detail and len(one.detail) <= 250 for one in dropped)
    return records, pairs, {one.path: one.reason for one in dropped}


def zstd(data: bytes) -> bytes:
    return pa.Codec("zstd").compress(data, asbytes=True)


def parquet(path: Path, rows: list = ROWS) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def arrow(path: Path, rows: list = ROWS) -> Path:
    table = pa.Table.from_pylist(rows)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return path


def feather(path: Path, rows: list = ROWS) -> Path:
    table = pa.Table.from_pylist(rows)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return path


# ------------------------------------------------------------------------------------------------------------- every format
@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.ndjson.zst", "t.parquet", "stream.arrow", "file.arrow"])
def test_every_format_gives_the_same(tmp_path, name):
    path = tmp_path / name
    if name.endswith((".parquet", ".arrow")):
        {"t.parquet": parquet, "stream.arrow": arrow, "file.arrow": feather}[name](path)
    else:
        path.write_bytes({"gz": gzip.compress, "st": zstd}.get(name[-2:], bytes)(lines(ROWS)))
    assert isinstance(Table(path, recipe()), Stream)
    records, pairs, dropped = read(path)
    assert [record.text for record in records] == [row["content"] for row in ROWS] and not pairs and not dropped
    origin = records[3].origin
    assert (origin.path, origin.licence, origin.source, records[3].language) == ("a/3.py", "MIT", name, "python")


def test_a_folder_and_what_save_to_disk_wrote(tmp_path):
    parquet(tmp_path / "b.parquet")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a.jsonl").write_bytes(lines([*ROWS[:1], b"broken\n"]))
    (tmp_path / "README.md").write_text("no table")
    records, _, dropped = read(tmp_path, recipe({"text": "content"}))
    assert [record.origin.path for record in records] == [
        *(f"b.parquet#{number}" for number in range(1, 6)),
        "deep/a.jsonl#1",
    ]
    assert dropped == {"deep/a.jsonl#2": "broken row"}


def test_data_sets_of_hugging_face(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="datasets is not available here")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    made = datasets.Dataset.from_list(ROWS)
    made.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": made, "test": made.select(range(2))}).save_to_disk(tmp_path / "split")
    assert len(read(tmp_path / "one")[0]) == 5
    assert len(read(tmp_path / "split")[0]) == 5 and len(read(tmp_path / "split", recipe(split="test"))[0]) == 2
    with pytest.raises(RecipeError, match=r"no split 'tests'.*did you mean 'test'"):
        Table(tmp_path / "split", recipe(split="tests"))
    # what is read from the hub, with a folder in its place
    (tmp_path / "hub").mkdir()
    made.to_parquet(tmp_path / "hub/train.parquet")
    records, _, _ = read(f"hf:{tmp_path / 'hub'}", recipe({"text": "content", "path": "meta.file"}))
    assert [record.origin.path for record in records][:1] == ["a/0.py"] and len(records) == 5
    with pytest.raises(RecipeError, match=r"no column 'contents'.*did you mean 'content'"):
        read(f"hf:{tmp_path / 'hub'}", recipe({"text": "contents"}))
    with pytest.raises(SourceError, match="Bad split"):
        read(f"hf:{tmp_path / 'hub'}", recipe(split="nope"))


def test_the_hub_is_not_asked_without_need(tmp_path):
    with pytest.raises(SourceError, match="the hub cannot be asked") as error:  # HF_HUB_OFFLINE is set for all tests
        Table("hf:nobody/nothing-at-all", recipe()).identity  # noqa: B018
    assert "\n" not in error.value.line()
    known = Table("hf:nobody/nothing-at-all", recipe(revision="a" * 40)).identity
    assert known["commit"] == "a" * 40 and known["kind"] == "hub"


# --------------------------------------------------------------------------------------------------------------- the columns
def test_questions_and_answers_become_pairs(tmp_path):
    (tmp_path / "t.jsonl").write_bytes(lines([{"q": "What is the sum of it and that?", "a": "x + y", "l": "js"}]))
    records, pairs, _ = read(tmp_path / "t.jsonl", recipe({"prompt": "q", "answer": "a", "language": "l"}, licence="MIT"))
    assert (pairs[0].prompt, pairs[0].answer, pairs[0].kind) == (
        "What is the sum of it and that?",
        "x + y",
        PairKind.QUESTION,
    )
    assert pairs[0].origin_ids == (records[0].id,) and pairs[0].span_bytes == (0, 5) and pairs[0].natural_language == "en"
    assert (records[0].text, records[0].language, records[0].origin.licence) == ("x + y", "javascript", "MIT")


def test_a_worse_answer_makes_a_preference_beside_the_pair(tmp_path):
    rows = [
        {"q": "What is the sum of it and that?", "a": "x + y", "r": "x - y", "w": "tests"},
        {"q": "And the product?", "a": "x * y", "r": ""},
        {"q": "And the quotient?", "a": "x / y", "r": "x // y"},
    ]
    (tmp_path / "t.jsonl").write_bytes(lines(rows))
    how = recipe({"prompt": "q", "answer": "a", "rejected": "r", "because": "w"})
    items = list(Table(tmp_path / "t.jsonl", how).read())
    preferences = [item for item in items if isinstance(item, Preference)]
    assert [(item.answer, item.rejected, item.because) for item in preferences] == [
        ("x + y", "x - y", "tests"),
        ("x / y", "x // y", "table"),
    ]
    assert sum(type(item) is Pair for item in items) == sum(isinstance(item, Record) for item in items) == 3
    with pytest.raises(ValidationError, match=r"columns.rejected needs an answer"):
        recipe({"text": "a", "rejected": "r"})


def test_licences_are_written_as_spdx_does(tmp_path):
    told = ["apache 2.0", ["MIT", "BSD-3-Clause"], "", None, "all mine"]
    (tmp_path / "t.jsonl").write_bytes(lines([{"t": f"x = {n}", "l": one} for n, one in enumerate(told)]))
    records, _, _ = read(tmp_path / "t.jsonl", recipe({"text": "t", "licence": "l"}, licence="ISC"))
    assert [record.origin.licence for record in records] == ["Apache-2.0", "MIT AND BSD-3-Clause", "ISC", "ISC", "unknown"]


@pytest.mark.parametrize("make", ["jsonl", "parquet", "arrow"])
def test_an_unknown_column_names_the_nearest(tmp_path, make):
    path = tmp_path / f"t.{make}"
    {"parquet": parquet, "arrow": arrow}.get(make, lambda path: path.write_bytes(lines(ROWS)))(path)
    with pytest.raises(RecipeError, match=r"columns.text: no column 'contnet' in t.*did you mean 'content'"):
        read(path, recipe({"text": "contnet"}))


@pytest.mark.parametrize("columns", [{}, {"text": "a", "prompt": "b", "answer": "c"}, {"prompt": "a"}, {"txet": "a"}])
def test_columns_that_make_no_sense_are_refused(columns):
    with pytest.raises(ValidationError):
        TableRecipe.model_validate({"columns": columns})


# ----------------------------------------------------------------------------------------------------------------- bad rows
def test_every_bad_row_has_its_number_and_reason(tmp_path):
    rows = {
        "broken row": [b"{\n", b"[1, 2]\n", b"[" * 100_000 + b"\n", b'{"t": ' + b"9" * 5000 + b"}\n", b"\xef\xbb\xbf{}x\n"],
        "encoding": [b'{"t": "\xff"}\n', rb'{"t": "\ud800"}' + b"\n"],
        "missing value": [{"u": 1}, {"t": None}],
        "not text": [{"t": 3}, {"t": ["x"]}],
        "empty": [{"t": " \n"}],
        "binary": [{"t": "a\0b"}],
        "too large": [{"t": "x" * 2000}, {"t": "x" * 20_000}],
    }
    listed = [{"t": "first = 1"}, b"\n", *(row for some in rows.values() for row in some), {"t": "last = 1"}]
    (tmp_path / "t.jsonl").write_bytes(lines(listed).removesuffix(b"\n"))
    how = recipe({"text": "t"}, max_text_chars=1000, max_row_bytes=10_000)
    records, _, dropped = read(tmp_path / "t.jsonl", recipe({"text": "t"}, max_text_chars=1000, max_row_bytes=200_000))
    assert [record.text for record in records] == ["first = 1", "last = 1"]
    assert Counter(dropped.values()) == {reason: len(some) for reason, some in rows.items()}
    assert dropped["t.jsonl#3"] == "broken row" and len(records) + len(dropped) == len(listed) - 1  # but for the blank line
    assert Counter(read(tmp_path / "t.jsonl", how)[2].values())["too large"] == 3


def test_a_line_without_end_is_not_kept(tmp_path):
    import tracemalloc

    with gzip.open(tmp_path / "t.jsonl.gz", "wb", compresslevel=1) as file:
        file.write(b'{"t": "')
        for _ in range(64):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n{"t": "after = 1"}\n')
    how = recipe({"text": "t"}, max_row_bytes=1 << 20)
    table = Table(tmp_path / "t.jsonl.gz", how)
    tracemalloc.start()
    items = list(table.read())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [type(one).__name__ for one in items] == ["Dropped", "Record"] and items[0].size_bytes > 64 << 20
    assert peak < 60 << 20  # the look for benchmarks reads 16 MiB
    with pytest.raises(SourceError, match="more than 1000000 bytes"):
        read(tmp_path / "t.jsonl.gz", recipe({"text": "t"}, max_total_bytes=1_000_000))


def test_texts_of_arrow_that_are_not_utf8(tmp_path):
    texts = pa.array([b"x = 1", b"\xff\xfe", b"y = 1"]).view(pa.string())
    pq.write_table(pa.table({"content": texts}), tmp_path / "t.parquet")
    records, _, dropped = read(tmp_path / "t.parquet", recipe({"text": "content"}))
    assert [record.text for record in records] == ["x = 1", "y = 1"] and dropped == {"t.parquet#2": "encoding"}


@pytest.mark.parametrize("name", ["t.jsonl.gz", "t.jsonl.zst", "t.parquet", "t.arrow"])
@pytest.mark.parametrize("damage", ["cut", "noise", "empty"])
def test_damaged_files_are_one_line(tmp_path, name, damage):
    path = tmp_path / name
    whole = {"t.parquet": parquet, "t.arrow": arrow}.get(name)
    data = whole(path).read_bytes() if whole else {"gz": gzip.compress, "st": zstd}[name[-2:]](lines(ROWS * 500))
    path.write_bytes({"cut": data[: len(data) // 2], "noise": b"\x07" * 4000, "empty": b""}[damage])
    if damage == "empty" and not whole:
        assert not any(read(path))
        return
    with pytest.raises(SourceError, match="is damaged after row") as error:
        read(path)
    assert "\n" not in error.value.line()


def test_no_table_is_one_line(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/state.json").write_text("[]")
    (tmp_path / "array.json").write_text('[\n  {"content": "x = 1"}\n]')
    with pytest.raises(SourceError, match="is one JSON array"):
        read(tmp_path / "array.json")
    for spec in ("a.txt", "empty", "missing", "odd"):
        with pytest.raises(SourceError) as error:
            Table(tmp_path / spec, recipe())
        assert "\n" not in error.value.line()


def test_identity_is_bytes_and_recipe(tmp_path):
    path = parquet(tmp_path / "t.parquet")
    told = Table(path, recipe()).identity
    assert Table(path, recipe()).identity == told and str(tmp_path) not in json.dumps(told)
    assert Table(path, recipe(licence="MIT")).identity != told
    parquet(path, ROWS[:2])
    assert Table(path, recipe()).identity != told


def test_names_are_short_and_on_one_line(tmp_path):
    row = {
        "q": "What is the sum of it?",
        "a": "x",
        "p": "a\nb" + "c" * 900,
        "l": " C++ ",
        "n": "not a code",
        "w": "some\tbody",
    }
    (tmp_path / "t.jsonl").write_bytes(lines([row]))
    columns = {"prompt": "q", "answer": "a", "path": "p", "language": "l", "natural_language": "n", "author": "w"}
    records, pairs, _ = read(tmp_path / "t.jsonl", recipe(columns))
    assert records[0].origin.path.startswith("a bccc") and len(records[0].origin.path) == 300
    assert (records[0].language, records[0].origin.author, pairs[0].natural_language) == ("cpp", "some body", "en")


# --------------------------------------------------------------------------------------------------------------- benchmarks
@pytest.fixture
def benchmark(benchmark_files) -> bytes:
    return (benchmark_files / "humaneval/HumanEval.jsonl.gz").read_bytes()


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl", "windows.jsonl", "again.jsonl.zst"])
def test_benchmarks_are_refused_in_every_packing(tmp_path, benchmark, name):
    plain = gzip.decompress(benchmark)
    data = {"a.jsonl": plain, "windows.jsonl": plain.replace(b"\n", b"\r\n"), "again.jsonl.zst": zstd(plain)}.get(
        name, benchmark
    )
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=r"is benchmark humaneval: MIT"):
        Table(tmp_path / name, recipe({"text": "prompt"}))
    (tmp_path / "z.jsonl").write_bytes(lines([{"prompt": "x = 1"}]))
    records, _, dropped = read(tmp_path, recipe({"text": "prompt"}))
    assert len(records) == 1 and dropped == {name: "benchmark humaneval: MIT"}


@pytest.mark.parametrize(
    "name", ["openai/openai_humaneval", "nuprl/MultiPL-E:humaneval-lua", "google-research-datasets/mbpp"]
)
def test_benchmarks_of_the_hub_are_refused_by_name(name):
    with pytest.raises(SourceError, match=r"is benchmark .* by its name"):
        Table(f"hf:{name}", recipe())
