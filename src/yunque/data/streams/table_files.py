"""The rows of tables as they lie: JSON lines, Parquet, Arrow, and data sets of the Hugging Face hub, one by one.

Every row has a place (``file#12``) and either its values or a reason why there are none. Benchmarks are found here as well.

Covered: lines without end, packed bombs, cut and damaged files, values that are not UTF-8, a column that is not there.
Not covered: a Parquet row group is held in memory as a whole, however large its writer made it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from yunque.core.errors import RecipeError, SourceError
from yunque.core.plugins import nearest
from yunque.data.sources.snapshots import CHUNK_BYTES
from yunque.store.benchmarks.catalogue import Benchmark, benchmarks
from yunque.store.benchmarks.recognise import find_by_hash

LINES, TABLES = (".jsonl", ".ndjson", ".json"), (".parquet", ".arrow")
PACKED = (".gz", ".zst")
HUB = "hf:"
PEEK_ROWS = 100
"""A column that none of the first rows of a JSON lines file has is taken for a slip of the pen."""
MAX_BENCHMARK_BYTES = 16 << 20
"""No benchmark file that we know is larger, unpacked; a larger file is not hashed."""
_DAMAGED = (OSError, EOFError, zlib.error, ValueError)  # ValueError: also pyarrow's ArrowInvalid


class LineLimits(NamedTuple):
    """How much of JSON lines is read."""

    max_row_bytes: int
    max_total_bytes: int
    """Unpacked."""


class Row(NamedTuple):
    """A row of theirs, or why there is none."""

    place: str
    values: dict[str, Any]
    reason: str = ""
    detail: str = ""
    size_bytes: int = 0


def _needed(columns: Mapping[str, str], known: Iterable[str], where: str) -> list[str]:
    """The columns to read: what a dotted path begins with, or the whole name. RecipeError for one that is not there."""
    names, needed = set(known), []
    for key, column in columns.items():
        result = column if column in names else column.partition(".")[0]
        if result not in names:
            raise RecipeError(f"no column '{column}' in {where}", where=f"columns.{key}", do=nearest(column, sorted(names)))
        needed.append(result)
    return list(dict.fromkeys(needed))


# ---------------------------------------------------------------------------------------------------------------- files
def kind_of(path: Path) -> str:
    """The ending that says how a file is read; empty for one that is not."""
    name = path.name.lower()
    for packed in PACKED:
        if name.endswith(packed):
            return next((item for item in LINES if name.removesuffix(packed).endswith(item)), "")
    return next((item for item in LINES + TABLES if name.endswith(item)), "")


def find_files(folder: Path, split: str) -> list[Path]:
    """The tables of a folder, in a stable order."""
    if (folder / "dataset_dict.json").is_file():
        splits = json.loads((folder / "dataset_dict.json").read_text("utf-8"))["splits"]
        if split not in splits:
            raise RecipeError(f"no split '{split}' in {folder}", where="split", do=nearest(split, list(map(str, splits))))
        folder = folder / Path(split).name
    if (folder / "state.json").is_file():
        listed = json.loads((folder / "state.json").read_text("utf-8"))["_data_files"]
        return [folder / Path(item["filename"]).name for item in listed]
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and kind_of(path))


def _open(path: Path) -> Iterator[bytes]:
    """The bytes of a file, unpacked."""
    if path.suffix.lower() == ".gz":
        with gzip.open(path) as file:
            yield from iter(lambda: file.read(CHUNK_BYTES), b"")
    elif path.suffix.lower() == ".zst":
        import pyarrow

        with pyarrow.input_stream(str(path), compression="zstd") as file:
            yield from iter(lambda: file.read(CHUNK_BYTES), b"")
    else:
        with open(path, "rb") as file:
            yield from iter(lambda: file.read(CHUNK_BYTES), b"")


def line_rows(path: Path, name: str, columns: Mapping[str, str], limits: LineLimits) -> Iterator[Row]:
    """The rows of a JSON lines file. The columns (our name -> theirs) are looked for in the first ones."""
    rows = _json_rows(path, name, limits)
    first = list(islice(rows, PEEK_ROWS))
    if first and first[0].reason == "broken row" and next(_open(path), b"").lstrip().startswith(b"["):
        raise SourceError("is one JSON array, not an object a line", where=path, do="jq -c '.[]' FILE > FILE.jsonl")
    if known := {column for row in first for column in row.values}:
        _needed(columns, known, name)
    yield from chain(first, rows)


def _json_rows(path: Path, name: str, limits: LineLimits) -> Iterator[Row]:
    number = 0
    try:
        for number, (line, size) in enumerate(_lines(path, limits), start=1):
            place = f"{name}#{number}"
            if line is None:
                yield Row(place, {}, "too large", f"a line of {size} bytes, over {limits.max_row_bytes}", size)
            elif line.strip():
                yield _parsed(place, line)
    except _DAMAGED as error:
        what = f"is damaged after row {number} ({' '.join(str(error).split()) or type(error).__name__})"
        raise SourceError(what, where=path, do="get it again") from error


def _parsed(place: str, line: bytes) -> Row:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Row(place, {}, "encoding", f"not UTF-8 at byte {error.start} of the line", len(line))
    except (ValueError, RecursionError) as error:
        return Row(place, {}, "broken row", " ".join(str(error).split())[:200], len(line))
    if not isinstance(row, dict):
        return Row(place, {}, "broken row", f"a {type(row).__name__}, not an object", len(line))
    return Row(place, row, size_bytes=len(line))


def _lines(path: Path, limits: LineLimits) -> Iterator[tuple[bytes | None, int]]:
    """Each line and its size; None for one that is too long, which is not kept while it passes."""
    held, lost, total = b"", 0, 0
    for chunk in _open(path):
        total += len(chunk)
        if total > limits.max_total_bytes:
            raise SourceError(f"is more than {limits.max_total_bytes} bytes of rows", where=path, do="raise max_total_bytes")
        *whole, held = (held + chunk).split(b"\n")
        for line in whole:
            size = lost + len(line)
            yield (line if size <= limits.max_row_bytes else None), size
            lost = 0
        if lost or len(held) > limits.max_row_bytes:
            lost, held = lost + len(held), b""
    if held or lost:
        size = lost + len(held)
        yield (held if size <= limits.max_row_bytes else None), size


def table_rows(path: Path, name: str, columns: Mapping[str, str]) -> Iterator[Row]:
    """The rows of a Parquet or Arrow file; only the columns that are asked for are read."""
    number = 0
    try:
        for batch in _batches(path, name, columns):
            for values in _plain(batch):
                number += 1
                if isinstance(values, dict):
                    yield Row(f"{name}#{number}", values)
                else:
                    yield Row(f"{name}#{number}", {}, "encoding", f"not UTF-8 at byte {values.start}")
    except _DAMAGED as error:
        what = f"is damaged after row {number} ({' '.join(str(error).split())[:200]})"
        raise SourceError(what, where=path, do="get it again") from error


def _plain(batch: Any) -> Iterator[dict[str, Any] | UnicodeDecodeError]:
    """The rows of a batch: Arrow says that its texts are UTF-8, but looks only when one is taken out."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError as error:
        if batch.num_rows == 1:
            yield error
            return
        for place in range(batch.num_rows):
            yield from _plain(batch.slice(place, 1))


def _batches(path: Path, name: str, columns: Mapping[str, str]) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix.lower() == ".parquet":
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(256, columns=_needed(columns, file.schema_arrow.names, name))
        return
    with pa.memory_map(str(path)) as source:
        if source.read(6) == b"ARROW1":
            reader = pa.ipc.open_file(source)
            batches: Iterable[Any] = map(reader.get_batch, range(reader.num_record_batches))
        else:
            source.seek(0)
            batches = reader = pa.ipc.open_stream(source)
        needed = _needed(columns, reader.schema.names, name)
        for batch in batches:
            yield batch.select(needed)


# ------------------------------------------------------------------------------------------------------------ the hub
def hub_rows(spec: str, split: str, revision: str, columns: Mapping[str, str]) -> Iterator[Row]:
    """The rows of a data set on the hub, as they arrive. No script of a data set is run: this ``datasets`` knows none."""
    try:
        import datasets
    except ImportError:
        raise SourceError("needs datasets, which is not installed", where=spec, do="pip install 'datasets>=4'") from None
    if int(datasets.__version__.partition(".")[0]) < 4:
        raise SourceError("datasets older than 4 may run code of a data set", where=spec, do="pip install 'datasets>=4'")
    name, config = _hub_name(spec)
    number = 0
    try:
        dataset = datasets.load_dataset(name, config, split=split, revision=revision or None, streaming=True)
        rows = iter(dataset)
        known = dataset.column_names
        first = [] if known else list(islice(rows, 1))
        needed = _needed(columns, known or (first[0] if first else ()), spec)
        if known:
            rows = iter(dataset.select_columns(needed))
        for number, row in enumerate(chain(first, rows), start=1):
            yield Row(f"{split}#{number}", row)
    except RecipeError:
        raise
    except Exception as error:  # the hub, the network, the format of one of its files: all of them have errors of their own
        what = f"cannot be read after row {number} ({' '.join(str(error).split())[:200] or type(error).__name__})"
        raise SourceError(what, where=HUB + spec, do="check the name, the split and the network") from error


def _hub_name(spec: str) -> tuple[str, str | None]:
    if Path(spec).exists():
        return spec, None
    name, _, config = spec.partition(":")
    return name, config or None


def commit_of(spec: str, revision: str) -> str:
    """The commit of a data set on the hub, which is asked for it. SourceError when it cannot be."""
    if re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    try:
        from huggingface_hub import HfApi

        commit = HfApi().dataset_info(_hub_name(spec)[0], revision=revision or None).sha
        if commit is None:
            raise ValueError("it names no commit")
        return commit
    except Exception as error:
        what = f"the hub cannot be asked ({' '.join(str(error).split())[:200] or type(error).__name__})"
        do = "check the name and the network, or name a folder, or give the commit as revision"
        raise SourceError(what, where=HUB + spec, do=do) from error


# ---------------------------------------------------------------------------------------------------------- benchmarks
def refuse_hub(spec: str) -> None:
    """SourceError when a name on the hub holds the name of a benchmark: its rows are packed otherwise, so no hash tells."""
    words = re.sub(r"[\W_]+", "", _hub_name(spec)[0].lower())
    for benchmark in benchmarks().values():
        if re.sub(r"[\W_]+", "", benchmark.name.lower()) in words:
            do = "benchmarks are never training data; bring a part that may be as a file"
            raise SourceError(f"is {benchmark.reason}, by its name", where=HUB + spec, do=do)


def benchmark_file(path: Path) -> Benchmark | None:
    """The benchmark that a file is, as it lies or unpacked, whatever its line ends; None for one that may be learned."""
    try:
        if path.stat().st_size > MAX_BENCHMARK_BYTES:
            return None
        raw, data = path.read_bytes(), b""
        for chunk in _open(path):
            data += chunk
            if len(data) > MAX_BENCHMARK_BYTES:
                break
    except _DAMAGED:
        return None  # reading it will say so
    for item in (raw, data, data.replace(b"\r\n", b"\n")):
        if (by_hash := find_by_hash(hashlib.sha256(item).hexdigest())) and not by_hash[1].trainable:
            return by_hash[0]
    return None


def sha256_of(path: Path) -> str:
    """The hash of a file. SourceError when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})", where=path) from error
