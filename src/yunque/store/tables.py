"""Rows on disk: Parquet for what is large, JSON lines for what people read. Dataclasses in, dataclasses out.

Nested dataclasses become nested columns, enums their values, tuples lists; reading restores the declared types.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

T = TypeVar("T")


def write_table(path: Path, rows: Iterable[Any], kind: type) -> int:
    """Write dataclass instances of ``kind`` to a Parquet file; gives how many. No rows still write the columns."""
    listed = [plain(row) for row in rows]
    pq.write_table(pa.Table.from_pylist(listed, schema=_schema(kind)), path, compression="zstd")
    return len(listed)


def read_table(path: Path, kind: type[T]) -> list[T]:
    """The dataclass instances that ``write_table`` wrote, in the same order."""
    return [restore(row, kind) for row in pq.read_table(path).to_pylist()]


def write_lines(path: Path, rows: Iterable[Any]) -> int:
    """Write dataclass instances or dicts as JSON lines; gives how many."""
    count = 0
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(plain(row), ensure_ascii=False, sort_keys=True) + "\n")
            count += 1
    return count


def read_lines(path: Path, kind: type[T]) -> Iterator[T]:
    """The rows of a JSON lines file as ``kind`` (a dataclass, or dict)."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield restore(json.loads(line), kind)


def plain(value: Any) -> Any:
    """What JSON knows: dataclasses become dicts in the order of their fields, dicts are sorted, tuples become lists."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    return value


def restore(value: Any, kind: Any) -> Any:
    """The value of that type which ``plain`` took apart. KeyError, TypeError or ValueError when it is something else."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else restore(value, next(a for a in arguments if a is not type(None)))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{name: restore(value[name], hints[name]) for name in hints if name in value})
    if origin is tuple:
        of = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(restore(item, one) for item, one in zip(value, of, strict=True))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return value


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
    if isinstance(kind, type) and issubclass(kind, Enum):
        return pa.string()
    simple = {str: pa.string(), bytes: pa.binary(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    return simple[kind]
