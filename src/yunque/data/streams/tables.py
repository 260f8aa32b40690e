"""Rows of somebody's table to records and pairs, by a map from our columns to theirs.

    .jsonl .ndjson .json    one object a line; plain, .gz or .zst
    .parquet .arrow         Parquet, and Arrow streams or files
    a folder                all of those in it, by name; or what ``Dataset.save_to_disk`` wrote (``split`` of a dict of them)
    hf:NAME[:CONFIG]        a data set of the Hugging Face hub, streamed by ``datasets``, which has to be installed

``text`` makes one Record a row; ``prompt`` and ``answer`` make a Record of the answer and a QUESTION pair; with ``rejected``
a Preference as well. Every other row
is one ``Dropped`` with its number: ``broken row``, ``encoding``, ``missing value``, ``not text``, ``empty``, ``too large``.

Evaluation data is refused: a file by its hash (packed, unpacked, with Windows line ends), a hub name by the name in it.

Covered: a column that is not there (the nearest name is told), dotted paths into nested columns, hostile files (see
`table_files`). No code of a data set is run: ``datasets`` older than 4 could, and is refused.
Not covered: chat turns in lists; single rows of a benchmark in other files, which are for decontamination.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, model_validator

from yunque.code.languages import named
from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, Origin, Pair, PairKind, Preference, Record, content_id
from yunque.data.licences.file_licences import UNKNOWN, header_licence
from yunque.data.pairs.natural_language import natural_language
from yunque.data.sources.snapshots import shown
from yunque.data.streams import table_files as files
from yunque.data.streams.table_files import HUB, LINES, PACKED, TABLES, LineLimits, Row


class ColumnMap(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """Which of their columns is what; empty for none. ``a.b`` is the field ``b`` of the column ``a``."""

    text: str = ""
    """A file, or a piece of code."""
    prompt: str = ""
    """A question; together with ``answer``, instead of ``text``."""
    answer: str = ""
    rejected: str = ""
    """An answer that is worse, beside ``answer``; a row that has none is a pair and no preference."""
    because: str = ""
    """Why."""
    language: str = ""
    path: str = ""
    licence: str = ""
    """An SPDX identifier or a common name; a list of them all apply."""
    author: str = ""
    natural_language: str = ""


class TableRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """How a table is read. Lengths are in characters."""

    columns: ColumnMap
    language: str = "unknown"
    """Of rows that do not say."""
    licence: str = UNKNOWN
    """Of rows that do not say."""
    split: str = "train"
    """Of a data set that has several."""
    revision: str = ""
    """Of a data set on the hub; empty for the newest."""
    max_text_chars: int = Field(default=400_000, ge=1)
    max_row_bytes: int = Field(default=16 << 20, ge=1)
    """Of a JSON line."""
    max_total_bytes: int = Field(default=1 << 40, ge=1)
    """Of JSON lines, unpacked."""

    @model_validator(mode="after")
    def _text_or_pair(self) -> TableRecipe:
        columns = self.columns
        if bool(columns.text) == bool(columns.prompt or columns.answer) or bool(columns.prompt) != bool(columns.answer):
            raise ValueError("columns needs either text, or both prompt and answer")
        if columns.rejected and not columns.answer:
            raise ValueError("columns.rejected needs an answer that is better")
        return self


class Table:
    """The rows of a file, of a folder, or of a data set on the hub (seam `Stream`)."""

    records_teach = True

    def __init__(self, spec: str | Path, recipe: TableRecipe) -> None:
        self.recipe, self.spec = recipe, str(spec)
        self._hub = self.spec.removeprefix(HUB) if self.spec.startswith(HUB) else ""
        self.name = shown(self._hub.rstrip("/") if self._hub and not Path(self._hub).exists() else Path(self.spec).name)
        if self._hub:
            files.refuse_hub(self._hub)
        elif not self._files:
            raise SourceError("there is no table in it", where=self.spec, do=f"known: {', '.join(LINES + TABLES)}")

    @cached_property
    def _files(self) -> list[Path]:
        path = Path(self.spec)
        try:
            if path.is_dir():
                return files.find_files(path, self.recipe.split)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SourceError(f"cannot be read ({error})", where=path) from error
        if not path.is_file():
            do = f"name a file, a folder, or {HUB}NAME for a data set of the hub"
            raise SourceError("no such file or folder", where=shown(self.spec), do=do)
        if not files.kind_of(path):
            raise SourceError(
                "is not a table", where=shown(self.spec), do=f"known: {', '.join(LINES + TABLES)}, and {PACKED}"
            )
        if result := files.benchmark_file(path):
            raise SourceError(f"is {result.reason}", where=path, do="benchmarks are never training data")
        return [path]

    @cached_property
    def identity(self) -> dict:
        """The recipe, and the SHA-256 of every file; of a data set on the hub its commit, which the hub is asked for."""
        order = {"name": self.name, "recipe": self.recipe.model_dump(mode="json")}
        if self._hub and not Path(self._hub).exists():
            return {"kind": "hub", **order, "commit": files.commit_of(self._hub, self.recipe.revision)}
        root = Path(self._hub or self.spec)
        paths = sorted(path for path in root.rglob("*") if path.is_file()) if self._hub else self._files
        parts = [part for path in paths for part in (path.relative_to(root).as_posix(), files.sha256_of(path))]
        return {"kind": "table", **order, "content": content_id(*parts)}

    def read(self) -> Iterator[Record | Pair | Dropped]:
        """Of each row a Record, and its Pair if it has one; or why not. RecipeError for a column that is not there."""
        facts = self.identity
        revision, now = facts.get("commit") or facts["content"], datetime.now(UTC).isoformat(timespec="seconds")
        if self._hub:
            rows = files.hub_rows(self._hub, self.recipe.split, facts.get("commit", ""), self._columns)
            yield from self._items(rows, revision, now)
            return
        for path in self._files:
            name = shown(path.name if path == Path(self.spec) else path.relative_to(self.spec).as_posix())
            if result := files.benchmark_file(path):
                yield Dropped(path=name, reason=result.reason, detail=result.why_not, size_bytes=path.stat().st_size)
                continue
            if path.suffix.lower() in TABLES:
                rows = files.table_rows(path, name, self._columns)
            else:
                limits = LineLimits(self.recipe.max_row_bytes, self.recipe.max_total_bytes)
                rows = files.line_rows(path, name, self._columns, limits)
            yield from self._items(rows, revision, now)

    @property
    def _columns(self) -> dict[str, str]:
        """Our name -> theirs, of the columns that are asked for."""
        return {f"columns.{name}": column for name, column in self.recipe.columns if column}

    def _items(self, rows: Iterator[Row], revision: str, now: str) -> Iterator[Record | Pair | Dropped]:
        for row in rows:
            why = (row.reason, row.detail)
            values: dict[str, str] = {}
            if not row.reason:
                values, why = _values(row.values, self.recipe)
            if why[0]:
                yield Dropped(path=row.place, reason=why[0], detail=why[1], size_bytes=row.size_bytes)
                continue
            text = values["text"] or values["answer"]
            licence = _licence(values["licence"]) if values["licence"] else self.recipe.licence
            origin = Origin(
                source=self.name, path=_short(values["path"]) or row.place, revision=revision, licence=licence,
                collected_at=now, author=_short(values["author"]),
            )  # fmt: skip
            name = _short(values["language"]).lower()
            language = named(name) or name or self.recipe.language
            record = Record(id=content_id(origin.path, text), text=text, language=language, origin=origin)
            yield record
            if values["prompt"]:
                pair = Pair(
                    id=content_id(PairKind.QUESTION, record.id, values["prompt"]),
                    kind=PairKind.QUESTION,
                    prompt=values["prompt"],
                    answer=text,
                    span_bytes=(0, len(text.encode())),
                    language=language,
                    natural_language=_code(values["natural_language"]) or natural_language(values["prompt"]),
                    origin_ids=(record.id,),
                )
                yield pair
                if values["rejected"].strip():
                    because = _short(values["because"]) or "table"
                    yield Preference(**vars(pair) | {"rejected": values["rejected"], "because": because})


# ---------------------------------------------------------------------------------------------------------------- a row
_NEEDED = ("text", "prompt", "answer")


def _values(row: dict[str, Any], recipe: TableRecipe) -> tuple[dict[str, str], tuple[str, str]]:
    """Our values of a row, each a text; and why it is of no use, if so: (reason, detail)."""
    values = {}
    for name, column in recipe.columns:
        value = _at(row, column) if column else ""
        if name == "licence" and isinstance(value, list | tuple):
            value = " AND ".join(str(character) for character in value if character)
        if value is None and name in _NEEDED:
            return {}, ("missing value", f"nothing in '{column}'")
        if not isinstance(value, str) and name in _NEEDED:
            return {}, ("not text", f"'{column}' is {type(value).__name__}")
        values[name] = value if isinstance(value, str) else ""
        if column and name in _NEEDED and not value.strip():
            return {}, ("empty", f"nothing in '{column}'")
        if len(values[name]) > recipe.max_text_chars:
            return {}, ("too large", f"{len(value)} characters in '{column}', over {recipe.max_text_chars}")
        if "\0" in values[name]:
            return {}, ("binary", f"a NUL in '{column}'")
        try:
            values[name].encode()
        except UnicodeEncodeError:
            return {}, ("encoding", f"half a surrogate pair in '{column}'")
    return values, ("", "")


def _at(row: dict[str, Any], column: str) -> Any:
    """The value at a name, or at a dotted path; None where there is none."""
    if column in row:
        return row[column]
    value: Any = row
    for name in column.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _short(text: str) -> str:
    """On one line, and no longer than a name is."""
    return " ".join(text.split())[:300]


def _code(text: str) -> str:
    """The code of a natural language, or nothing where it is none."""
    return text.strip().lower() if re.fullmatch(r"\s*[A-Za-z]{2,3}\s*", text) else ""


def _licence(text: str) -> str:
    """As SPDX writes it, or ``unknown``."""
    return header_licence(f"SPDX-License-Identifier: {' '.join(text.split())[:1000]}")
