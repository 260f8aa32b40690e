"""Rows on disk: Parquet for what is large, JSON lines for what people read. Dataclasses in, dataclasses out.

Nested dataclasses become nested columns, enums their values, tuples lists, typed dicts maps; reading restores the declared
types.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

T = TypeVar("T")


def write_table(path: Path, rows: Iterable[Any], kind: type) -> int:
    """Write dataclass instances of ``kind`` to a Parquet file; returns how many. No rows still write the columns."""
    table: TableWriter[Any]
    with open_table(path, kind) as table:
        for row in rows:
            table.add(row)
    return table.num_rows


def read_table(path: Path, kind: type[T]) -> list[T]:
    """The dataclass instances that ``write_table`` wrote, in the same order."""
    return list(scan_table(path, kind))


def scan_table(path: Path, kind: type[T], columns: Sequence[str] | None = None) -> Iterator[T]:
    """As `read_table`, some rows in memory at a time. ``columns``: only those; ``kind`` must have defaults for the rest."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(GROUP_ROWS, columns=columns):
            for row in batch.to_pylist():
                yield restore(row, kind)


def num_rows(path: Path) -> int:
    """How many rows a Parquet table has, without reading them."""
    return pq.ParquetFile(path).metadata.num_rows


@contextmanager
def open_table(path: Path, kind: type[T]) -> Iterator[TableWriter[T]]:
    """A Parquet file to add rows to, one by one. No rows still write the columns."""
    schema = _schema(kind)
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        table: TableWriter[T] = TableWriter(file, schema)
        yield table
        table.flush()


GROUP_ROWS, GROUP_BYTES = 2048, 16 << 20
"""Rows, and bytes of text, that are held before they are written."""


class TableWriter(Generic[T]):
    """Writes rows in groups, so that memory does not grow with their number."""

    def __init__(self, file: pq.ParquetWriter, schema: pa.Schema) -> None:
        self.num_rows = 0
        self._file, self._schema, self._bytes = file, schema, 0
        self._held: list[dict] = []

    def add(self, row: T) -> None:
        """One row more."""
        held = plain(row)
        self._held.append(held)
        self._bytes += sum(len(value) for value in held.values() if isinstance(value, str))
        self.num_rows += 1
        if len(self._held) >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        if self._held or not self.num_rows:
            self._file.write_table(pa.Table.from_pylist(self._held, schema=self._schema))
        self._held, self._bytes = [], 0


def json_line(row: Any, *, sort_keys: bool = False) -> str:
    """A line of JSON for what JSON knows; one that UTF-8 cannot say (a lone surrogate in an answer) is escaped."""
    text = json.dumps(row, ensure_ascii=False, sort_keys=sort_keys)
    return text.encode("utf-8", "backslashreplace").decode() + "\n"  # which writes it as JSON does


def write_lines(path: Path, rows: Iterable[Any]) -> int:
    """Write dataclass instances or dicts as JSON lines; returns how many."""
    count = 0
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json_line(plain(row), sort_keys=True))
            count += 1
    return count


def read_lines(path: Path, kind: type[T]) -> Iterator[T]:
    """The rows of a JSON lines file as ``kind`` (a dataclass, or dict)."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield restore(json.loads(line), kind)


def plain(value: Any) -> Any:
    """What JSON knows: dataclasses become dicts in the order of their fields, dicts are sorted, tuples become lists."""
    kind: Any = type(value)
    if kind in _SIMPLE:
        return value
    if names := _field_names(kind):
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    return value


_SIMPLE = frozenset((str, int, float, bool, bytes, type(None)))


@functools.cache
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()


def restore(value: Any, kind: Any) -> Any:
    """The value of that type which ``plain`` took apart. KeyError, TypeError or ValueError when it is something else."""
    return _restorer(kind)(value)


@functools.cache
def _restorer(kind: Any) -> Callable[[Any], Any]:
    """What restores values of a type: asked once a type, since types are slow to take apart."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        inner = _restorer(next(argument for argument in arguments if argument is not type(None)))
        return lambda value: None if value is None else inner(value)
    if dataclasses.is_dataclass(kind):
        parts = {name: _restorer(hint) for name, hint in typing.get_type_hints(kind).items()}
        make: Any = kind
        return lambda value: make(**{name: part(value[name]) for name, part in parts.items() if name in value})
    if origin is tuple and arguments[-1] is Ellipsis:
        inner = _restorer(arguments[0])
        return lambda value: tuple(map(inner, value))
    if origin is tuple:
        each = [_restorer(argument) for argument in arguments]
        return lambda value: tuple(part(item) for item, part in zip(value, each, strict=True))
    if origin is dict:  # JSON gives a dict, Parquet's map its entries
        inner = _restorer(arguments[1])
        return lambda value: {key: inner(item) for key, item in (value.items() if isinstance(value, dict) else value)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return lambda value: value


def _schema(kind: type) -> pa.Schema:
    return pa.schema(list(_arrow(kind)))


def _arrow(kind: Any) -> pa.DataType:
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return pa.struct([pa.field(name, _arrow(hint)) for name, hint in hints.items()])
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _arrow(next(a for a in arguments if a is not type(None)))
    if origin in (tuple, list):
        return pa.list_(_arrow(arguments[0]))
    if origin is dict:
        return pa.map_(*map(_arrow, arguments))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return pa.string()
    simple = {str: pa.string(), bytes: pa.binary(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    return simple[kind]
