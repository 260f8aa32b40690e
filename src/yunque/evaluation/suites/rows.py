"""The rows of benchmark files: JSON Lines, gzipped or not, or a JSON list; a bad one is named by file and row."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from yunque.core.errors import EvaluationError
from yunque.store.benchmarks.catalogue import benchmarks


def read_rows(path: Path, keys: tuple[str, ...], *, unique: bool = True) -> list[dict]:
    """The rows of a JSON Lines file (also .gz) or a JSON list, which differ in the first key unless ``unique`` is false.

    EvaluationError names file, row and what is wrong with it.
    """
    if not path.exists():
        raise no_file(path)
    rows: list[dict] = []
    seen = set()
    for number, row in enumerate(_parsed(path), 1):
        missing = [key for key in keys if not isinstance(row, dict) or key not in row]
        if missing or not isinstance(row, dict):
            raise EvaluationError(f"row {number} has no {missing[0]!r}", where=path)
        identity = row[keys[0]]
        if unique and identity in seen:
            raise EvaluationError(f"row {number} repeats {keys[0]} {identity!r}", where=path)
        seen.add(identity)
        rows.append(row)
    if not rows:
        raise EvaluationError("holds no rows", where=path)
    return rows


def no_file(path: Path) -> EvaluationError:
    """What to raise for a benchmark's file that is not there: it says which benchmark to fetch."""
    name = next((part for part in reversed(path.parts) if part in benchmarks()), "")
    do = f"run `yunque bench fetch {name}`, or set YUNQUE_BENCHMARKS to the folder of the benchmarks"
    return EvaluationError("no such file", where=path, do=do if name else "")


def _parsed(path: Path) -> Iterator[object]:
    opener: Callable = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            if path.suffix == ".json":
                yield from json.load(file)
                return
            for line in file:
                if line.strip():
                    number += 1
                    yield json.loads(line)
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise EvaluationError(f"cannot be read after row {number} ({error})", where=path) from None
