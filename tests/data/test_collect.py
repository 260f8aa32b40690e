"""Collecting: every file is a record or has a reason, and the sums hold."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from yunque.checks.quality.file_kinds import DataLike, Generated, Minified, Vendored
from yunque.core.errors import RecipeError, SourceError
from yunque.core.nouns import Dropped, Outcome, Record, Verdict, content_id
from yunque.data.collect import DROPPED, RECORDS, CollectRecipe, Tally, collect, load_checks, read_tree, refuse_nothing
from yunque.data.sources.kinds import open_source
from yunque.store.benchmarks import catalogue, recognise
from yunque.store.tables import read_table

CHECKS = [Vendored(), Generated(), Minified(), DataLike()]
FACTS = {"source": "s", "revision": "r1", "collected_at": "2026-01-01T00:00:00+00:00"}


def snapshot(root: Path, files: dict[str, bytes | str]) -> Path:
    for name, data in files.items():
        path = root / "snapshot/tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return root / "snapshot"


def run(root: Path, files: dict[str, bytes | str], **recipe) -> tuple[dict, dict[str, Record], dict[str, Dropped]]:
    out = root / "out"
    out.mkdir(parents=True, exist_ok=True)
    counts = collect(snapshot(root, files), FACTS, CollectRecipe(**recipe), CHECKS, out)
    records = {record.origin.path: record for record in read_table(out / RECORDS, Record)}
    dropped = {one.path: one for one in read_table(out / DROPPED, Dropped)}
    assert counts["files"] == counts["kept"] + sum(counts["dropped"].values())
    assert counts["kept"] == len(records) and sum(counts["dropped"].values()) == len(dropped)
    refuse_nothing(counts, FACTS)
    return counts, records, dropped


def test_every_reason_and_the_sums(tmp_path):
    (tmp_path / "snapshot/tree").mkdir(parents=True)
    (tmp_path / "snapshot/tree/link.py").symlink_to("a.py")
    files = {
        "a.py": "def f():\n    return 1\n",
        "LICENSE": "Licensed under the Apache License, Version 2.0",
        "README.md": "# hi\n",
        "logo.png": b"\x89PNG\0\0",
        "nul.py": b"x = 1\n\0",
        "latin.js": "// caf\xe9\n".encode("latin-1"),
        "wide.py": "x = 1\n".encode("utf-16"),
        "empty.py": "\n \n",
        "large.py": "x = 1\n" * 200,
        "stub.pyi": "def f() -> int: ...\n",
        "docs/conf.py": "y = 2\n",
        "vendor/v.py": "z = 1\n",
        "api_pb2.py": "w = 1\n",
        "app.min.js": "var x;\n",
        "copy.py": "def f():  \r\n    return 1\r\n\r\n",
        "main.go": "package main\n",
        "tool": "#!/usr/bin/env python3\nprint(1)\n",
    }
    counts, records, dropped = run(
        tmp_path, files, max_file_bytes=1000, languages=("python", "javascript"), exclude=("docs/*",)
    )
    assert set(records) == {"a.py", "tool"}
    assert {path: one.reason for path, one in dropped.items()} == {
        "link.py": "symlink", "LICENSE": "not code", "README.md": "not code", "logo.png": "binary", "nul.py": "binary",
        "latin.js": "encoding", "wide.py": "encoding", "empty.py": "empty", "large.py": "too large", "stub.pyi": "stub",
        "docs/conf.py": "excluded", "vendor/v.py": "vendored", "api_pb2.py": "generated", "app.min.js": "minified",
        "copy.py": "duplicate", "main.go": "language",
    }  # fmt: skip
    assert dropped["copy.py"].detail == "of a.py" and dropped["large.py"].size_bytes == 1200
    assert counts["licences"] == {"Apache-2.0": 2} and counts["languages"] == {"python": 2}
    assert json.loads(json.dumps(counts)) == counts


def test_text_gives_the_bytes_back(tmp_path):
    plain = "# caf\u00e9 \U0001f98a\r\nx = 1\n\ty\r\x0cz = 2"
    files = {
        "crlf.py": plain,
        "bom.py": b"\xef\xbb\xbfx = 'bom'\r\n",
        "latin.py": "# -*- coding: latin-1 -*-\ns = '\xe9'\n".encode("latin-1"),
    }
    counts, records, _ = run(tmp_path, files)
    assert records["crlf.py"].text.encode() == plain.encode()
    assert records["bom.py"].text == "x = 'bom'\r\n"
    assert records["latin.py"].text == "# -*- coding: latin-1 -*-\ns = '\xe9'\n"
    assert counts["without_bom"] == 1 and counts["recoded"] == 1
    record = records["crlf.py"]
    assert record.id == content_id("crlf.py", plain)
    assert (record.origin.source, record.origin.revision, record.origin.collected_at) == tuple(FACTS.values())


@pytest.mark.parametrize(
    "data",
    [
        b"# coding: no-such-codec\ns = '\xe9'\n",
        b"# coding: ascii\ns = '\xe9'\n",
        b"# coding: rot13\ns = '\xe9'\n",
        b"# coding: unicode_escape\ns = '\\ud800\xe9'\n",
        b"s = '\xe9'\n",
        b"\xef\xbb\xbf# coding: latin-1\ns = '\xe9'\n",
    ],
)
def test_encodings_that_fail_have_a_reason(tmp_path, data):
    _, records, dropped = run(tmp_path, {"a.py": "x = 1\n", "bad.py": data})
    assert set(records) == {"a.py"} and dropped["bad.py"].reason == "encoding"


def test_name_that_is_not_utf8_is_dropped_readably(tmp_path):
    _, _, dropped = run(tmp_path, {"a.py": "x = 1\n", os.fsdecode(b"caf\xe9.py"): "y = 1\n"})
    assert dropped["caf\\xe9.py"].reason == "encoding"


@pytest.mark.parametrize(
    ("name", "head", "language"),
    [
        ("a.tsx", "x", "tsx"), ("a.mjs", "x", "javascript"), ("A.JAVA", "x", "java"), ("a.rs", "x", "rust"),
        ("a.ts", "let x", "typescript"), ("run", "#!/usr/bin/python3.11 -u\nx", "python"),
        ("serve", "#!/usr/bin/env node\nx", "javascript"),
    ],
)  # fmt: skip
def test_language_by_name_or_shebang(tmp_path, name, head, language):
    _, records, _ = run(tmp_path, {name: head})
    assert records[name].language == language


def test_translations_and_stubs_are_not_code(tmp_path):
    _, records, _ = run(
        tmp_path, {"a.py": "x = 1", "de.ts": '<?xml version="1.0"?><TS>', "run": "#!/bin/sh\n", "d.d.ts": "x"}
    )
    assert {path: record.language for path, record in records.items()} == {"a.py": "python", "run": "shell"}


def test_headers_follow_the_sources(tmp_path):
    assert run(tmp_path / "1", {"a.h": "int x;", "b.cpp": "int y;"})[1]["a.h"].language == "cpp"
    assert run(tmp_path / "2", {"a.h": "int x;", "b.c": "int y;"})[1]["a.h"].language == "c"


def test_include_and_exclude(tmp_path):
    files = {"src/a.py": "a = 1", "src/deep/b.py": "b = 1", "src/deep/skip.py": "c = 1", "other.py": "d = 1"}
    _, records, dropped = run(tmp_path, files, include=("src/*",), exclude=("*/skip.py",))
    assert set(records) == {"src/a.py", "src/deep/b.py"}
    assert dropped["src/deep/skip.py"].detail == "matches '*/skip.py'"


def test_same_snapshot_gives_the_same_bytes(tmp_path):
    files = {f"{name}.py": f"{name} = 1\n" for name in "dcba"}
    run(tmp_path, files)
    first = (tmp_path / "out" / RECORDS).read_bytes()
    run(tmp_path, files)
    assert (tmp_path / "out" / RECORDS).read_bytes() == first
    assert [record.origin.path for record in read_table(tmp_path / "out" / RECORDS, Record)] == sorted(files)


def test_nothing_left_is_one_line(tmp_path):
    with pytest.raises(SourceError, match="no code in a known language; known languages: c, cpp") as error:
        run(tmp_path / "1", {"README.md": "x", "logo.png": b"\0"})
    assert "\n" not in error.value.line()
    with pytest.raises(SourceError, match=r"all 2 files were dropped \(1 empty, 1 vendored\)"):
        run(tmp_path / "2", {"a.py": "", "vendor/b.py": "x = 1"})


def test_recipe_mistakes_are_told(tmp_path):
    with pytest.raises(RecipeError, match="did you mean 'python'"):
        run(tmp_path, {"a.py": "x"}, languages=("pyton",))
    with pytest.raises(ValidationError):
        CollectRecipe(max_bytes=1)
    assert all(field.description for field in CollectRecipe.model_fields.values())


def test_checks_are_found_by_name_and_an_error_drops_nothing(tmp_path):
    assert [type(check) for check in load_checks(CollectRecipe(checks=("yunque.checks.quality.file_kinds:Vendored",)))] == [
        Vendored
    ]

    class Broken:
        name = "broken"

        def judge(self, record: Record) -> Verdict:
            return Verdict(check="broken", outcome=Outcome.ERROR)

    counts = collect(snapshot(tmp_path, {"a.py": "x = 1"}), FACTS, CollectRecipe(), [Broken()], tmp_path)
    assert counts["kept"] == 1 and counts["check_errors"] == 1


def test_from_a_folder_to_records(tmp_path):
    (tmp_path / "proj").mkdir()
    (tmp_path / "proj/a.py").write_text("x = 1\n")
    facts = open_source(str(tmp_path / "proj")).fetch(tmp_path / "snap")
    counts = collect(tmp_path / "snap", facts, CollectRecipe(), CHECKS, tmp_path)
    (record,) = read_table(tmp_path / RECORDS, Record)
    assert counts["files"] == facts["num_files"] == 1
    assert record.origin.source == "proj" and record.origin.revision == facts["revision"]
    assert pq.read_metadata(tmp_path / DROPPED).num_rows == 0


PIECES = st.sampled_from([b"x = 1\n", b"\0", b"\xff", b"", b"# @generated\n", b"y", b"\xef\xbb\xbf", b"\r\n", b"a" * 300])
NAMES = st.sampled_from(["a.py", "b.js", "c.txt", "vendor/d.py", "e.go", "f", "g_pb2.py", "h.pyi", "d/e/f.rs"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(NAMES, st.lists(PIECES, max_size=4).map(b"".join), min_size=1))
def test_counts_always_add_up(tmp_path_factory, files):
    files = {**files, "keep.py": b"keep = 1\n"}
    counts, records, dropped = run(tmp_path_factory.mktemp("x"), files, max_file_bytes=500)
    assert counts["files"] == len(files) and set(records) | set(dropped) == set(files)
    assert counts["bytes_kept"] == sum(len(record.text.encode()) for record in records.values())


# -------------------------------------------------------------------------------------------------------- benchmark files
EXAMPLES = b'{"task_id": "T/0", "prompt": "def f():", "test": "assert f()"}\n'


@pytest.fixture
def benchmark(monkeypatch):
    """A benchmark of one file, known by its hash as all are."""
    file = catalogue.BenchmarkFile(
        path="own/rows.py", size_bytes=len(EXAMPLES), sha256=hashlib.sha256(EXAMPLES).hexdigest(), urls=()
    )
    known = catalogue.Benchmark(
        name="own",
        licence="MIT",
        source="example",
        commit="",
        files=(file,),
        trainable="",
        why_not="it is held out",
        note="",
    )
    monkeypatch.setattr(recognise, "_by_hash", lambda: {file.sha256: (known, file)})
    monkeypatch.setattr(recognise, "_sizes", lambda: frozenset({file.size_bytes}))
    return known


def test_a_benchmark_file_is_dropped_with_its_licence(tmp_path, benchmark):
    files = {"a.py": "def f():\n    return 1\n", "rows.py": EXAMPLES, "copy/dos.py": EXAMPLES.replace(b"\n", b"\r\n")}
    counts, records, dropped = run(tmp_path, files)
    assert list(records) == ["a.py"]
    assert counts["dropped"] == {"benchmark own: MIT": 2}
    assert "never training data: it is held out" in dropped["rows.py"].detail


def test_a_source_that_is_a_benchmark_is_refused(tmp_path, benchmark):
    with pytest.raises(SourceError, match=r"only evaluation data to learn from \(benchmark own: MIT\)"):
        run(tmp_path, {"rows.py": EXAMPLES, "README.md": "# Rows"})
    (tmp_path / "rows.py").write_bytes(EXAMPLES)
    with pytest.raises(SourceError, match=r"is benchmark own: MIT.*never training data"):
        open_source(str(tmp_path / "rows.py"))


def test_other_languages_pass_through_as_plain_text_when_asked(tmp_path):
    files = {"a.py": "x = 1", "b.kt": "fun f() = 1\n", "c.md": "# hi\n", "d.json": "{}", "Makefile": "all:\n\ttrue\n"}
    _, records, dropped = run(tmp_path / "no", files)
    assert set(records) == {"a.py"} and dropped["b.kt"].detail == "kotlin"
    _, records, dropped = run(tmp_path / "yes", files, plain_text=True)
    assert {path: one.language for path, one in records.items()} == {
        "a.py": "python",
        "b.kt": "kotlin",
        "c.md": "markdown",
        "Makefile": "makefile",
    }
    assert set(dropped) == {"d.json"}
    assert set(run(tmp_path / "some", files, plain_text=True, languages=["kotlin"])[1]) == {"b.kt"}
    with pytest.raises(RecipeError, match="no language 'kotlin'"):
        run(tmp_path / "bad", files, languages=["kotlin"])


class Deadly:
    name = "deadly"

    def judge(self, record):
        if record.origin.path == "7.py":
            os.kill(os.getpid(), signal.SIGKILL)
        return Verdict(check=self.name, outcome=Outcome.PASS)


def test_the_same_with_more_processes_and_a_file_that_kills_is_dropped_alone(tmp_path):
    files = {f"{n}.py": f"x = {n % 9}\n" for n in range(20)} | {"big.py": "y = 1\n" * 200_000}
    tree = snapshot(tmp_path, files)
    items = {}
    for workers, checks in ((1, CHECKS), (2, CHECKS), (3, [Deadly()])):
        tally = Tally()
        recipe = CollectRecipe(max_file_bytes=2_000_000)
        items[workers] = list(read_tree(tree, FACTS, recipe, checks, tally, workers=workers))
        assert tally.files == 21 == len(items[workers])
    assert items[1] == items[2]
    lost = [item for item in items[3] if isinstance(item, Dropped) and item.reason == "unworkable"]
    assert [(item.path, item.detail) for item in lost] == [("7.py", "killed the process that worked on it")]


@pytest.mark.parametrize("path", ["model.py", "notebook.ipynb", "data.js"])
def test_a_pointer_of_large_file_storage_is_no_text_of_its_language(path):
    from yunque.data.collect import readable_text

    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"6f" * 32 + b"\nsize 904052\n"
    assert readable_text(path, pointer) is None
    assert readable_text("a.py", b"x = 'version https://git-lfs.github.com/spec/v1'\n") is not None
