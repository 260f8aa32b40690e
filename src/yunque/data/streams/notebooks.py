"""Notebooks (``.ipynb``) to records and pairs: what people wrote, never what came out.

    Record     one a notebook: its code cells in their order, each after the prose above it, which stands there as comments
    Pair       COMMENT: all of that up to a code cell with prose right above it -> the cell

The record is a program that reads from top to bottom. Cells are parted by a blank line; the pairs' spans re-assemble it.

In Python, what only IPython knows is commented out, in its place: ``%magic``, ``!command``, ``?help`` and the ``%%time``
line of a cell (``pass  # !ls`` where a block needs a statement). A cell in another language (``%%bash``) is left out, with
that reason. What merely looks like magic (the ``%`` of a continued expression, a line of a string) stays.

Covered: nbformat 3 and 4, sources as text or lists of lines, kernels of other languages, broken and hostile JSON.
Not covered: outputs, attachments and pictures are never read; notebooks of other tools (.Rmd, .qmd, databricks .py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from yunque.code.languages import named, row_of
from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, Origin, Pair, PairKind, Record, content_id
from yunque.data.licences.file_licences import LicenceMap
from yunque.data.pairs.context import text_before
from yunque.data.pairs.natural_language import natural_language
from yunque.data.sources.snapshots import Entry, TreeLimits, hash_files, look, shown, tree_digest, walk
from yunque.store.benchmarks.recognise import benchmark_at

ENDING = ".ipynb"
_SAME_LANGUAGE = frozenset(("time", "timeit", "capture", "prun", "python", "python3", "pypy", "memit", "mprun", "lprun"))
"""Cell magics below which there is the notebook's own Python."""
_MAGIC = re.compile(r"\s*(?:%{1,2}[A-Za-z_]|!|\?)")
_ASSIGNED = re.compile(r"\s*+[\w.,\s\[\]]+=\s*(?:!|%[A-Za-z_])")
_HELP = re.compile(r"\s*%{0,2}[A-Za-z_][\w.]*\?{1,2}\s*$")
_TOKEN = re.compile(r"#.*|(?i:[rbuf]{0,2})(?P<quote>'''|\"\"\"|'|\")|[(\[{]|[)\]}]|\\\n?$")


@dataclass(frozen=True, kw_only=True)
class NotebookLimits:
    """What is taken from a notebook. Lengths are in characters."""

    default_language: str = "python"
    """Of a notebook whose metadata name none, as tools that strip it leave it; empty to drop such notebooks."""
    max_file_bytes: int = 50_000_000
    """Most of a large one is pictures, so this is far more than its text."""
    max_text_chars: int = 400_000
    """A longer record is dropped."""
    max_prose_chars: int = 6_000
    """A longer cell of prose is left out."""
    max_line_chars: int = 2_000
    """A cell of prose with a longer line (a picture, mostly) is left out."""
    max_prompt_chars: int = 4_000
    max_answer_chars: int = 3_000
    """A longer code cell makes no pair."""


class Notebooks:
    """The notebooks of a folder, or one of them (seam `Stream`)."""

    records_teach = True

    def __init__(self, path: Path, limits: NotebookLimits = NotebookLimits()) -> None:
        path = Path(path)
        if not path.exists():
            raise SourceError("no such file or folder", where=shown(str(path)), do=f"name a folder, or a file {ENDING}")
        self.root, self.limits = path if path.is_dir() else path.parent, limits
        self._only = None if path.is_dir() else path.name
        self.name = shown(path.resolve().name.removesuffix(ENDING)) or "root"

    @cached_property
    def _entries(self) -> list[Entry]:
        limits = TreeLimits(max_file_bytes=self.limits.max_file_bytes)
        entries = walk(self.root, limits) if self._only is None else [look(self.root, self._only, limits)]
        return [entry for entry in entries if entry.path.lower().endswith(ENDING) and entry.target is None]

    @cached_property
    def _hashes(self) -> dict[str, str]:
        return hash_files(self.root, self._entries)

    @cached_property
    def identity(self) -> dict:
        """A hash of the notebooks' names and bytes; reads every one once. SourceError when there is none."""
        if not self._entries:
            raise SourceError("there are no notebooks in it", where=self.root, do=f"name a folder with files {ENDING}")
        content = tree_digest(self._entries, self._hashes)
        return {"kind": "notebooks", "name": self.name, "content": content, "limits": vars(self.limits)}

    def read(self) -> Iterator[Record | Pair | Dropped]:
        """Of each notebook its record, then its pairs; what is left out of it stands before them."""
        revision, now = self.identity["content"], datetime.now(UTC).isoformat(timespec="seconds")
        licences = LicenceMap(self.root, self._around())
        for entry in self._entries:
            if entry.reason:
                yield Dropped(path=shown(entry.path), reason=entry.reason, detail=entry.detail, size_bytes=entry.size_bytes)
                continue
            full = self.root / entry.path
            if result := benchmark_at(full):
                yield Dropped(
                    path=shown(entry.path), reason=result.reason, detail=result.why_not, size_bytes=entry.size_bytes
                )
                continue
            try:
                data = full.read_bytes()
            except OSError as error:
                yield Dropped(path=shown(entry.path), reason="unreadable", detail=str(error.strerror))
                continue
            origin = Origin(
                source=self.name, path=shown(entry.path), revision=revision, collected_at=now,
                licence=licences.licence_of(entry.path),
            )  # fmt: skip
            yield from read_notebook(data, origin, self.limits)

    def _around(self) -> list[str]:
        """Every path of the folder, for its licences."""
        if self._only is not None:
            return sorted(path.name for path in self.root.iterdir() if path.is_file() and not path.is_symlink())
        return [entry.path for entry in walk(self.root, TreeLimits()) if not entry.reason and entry.target is None]


# --------------------------------------------------------------------------------------------------------- one notebook
@dataclass(frozen=True)
class _Cell:
    kind: str
    """``code`` or ``markdown``."""
    source: str
    broken: str = ""
    """Why it cannot be read."""


def read_notebook(
    data: bytes, origin: Origin, limits: NotebookLimits = NotebookLimits()
) -> Iterator[Record | Pair | Dropped]:
    """The record and the pairs of a notebook's bytes; whatever they hold, it does not raise."""
    try:
        language, cells = _cells(data)
        language = language or limits.default_language
        if not row_of(language).line_comment:
            raise _Unusable("language", f"is {language[:80]}" if language else "does not say which")
        if (size := sum(len(cell.source) for cell in cells if cell.kind == "code")) > limits.max_text_chars:
            raise _Unusable("too large", f"{size} characters of code, over {limits.max_text_chars}")
    except _Unusable as why:
        yield Dropped(path=origin.path, reason=why.reason, detail=why.detail, size_bytes=len(data))
        return
    parts: list[str] = []
    asked: list[tuple[int, str]] = []
    """(place in ``parts``, prose above) of each code cell right below prose."""
    prose = ""
    for number, cell in enumerate(cells):
        text, trouble = _text(cell, language, limits)
        if cell.broken:
            text, trouble = "", ("broken cell", cell.broken)
        if trouble:
            size = len(cell.source.encode())
            yield Dropped(path=f"{origin.path}#{number}", reason=trouble[0], detail=trouble[1], size_bytes=size)
        elif text:
            if cell.kind == "code" and prose:
                asked.append((len(parts), prose))
            prose = cell.source if cell.kind == "markdown" else ""
            parts.append(text)
            continue
        prose = prose if not cell.source.strip() else ""
    yield from _items(
        parts, asked, any(cell.kind == "code" and cell.source.strip() for cell in cells), language, origin, limits
    )


def _items(
    parts: list[str], asked: list[tuple[int, str]], has_code: bool, language: str, origin: Origin, limits: NotebookLimits
) -> Iterator[Record | Pair | Dropped]:
    text = "\n\n".join(parts) + "\n"
    if not has_code or len(text) > limits.max_text_chars:
        why = (
            ("too large", f"{len(text)} characters, over {limits.max_text_chars}")
            if has_code
            else ("empty", "no code in it")
        )
        yield Dropped(path=origin.path, reason=why[0], detail=why[1], size_bytes=len(text.encode()))
        return
    record = Record(id=content_id(origin.path, text), text=text, language=language, origin=origin)
    yield record
    data, starts = text.encode(), [0]
    for part in parts:
        starts.append(starts[-1] + len(part.encode()) + 2)
    for place, prose in asked:
        start, end = starts[place], starts[place] + len(parts[place].encode())
        if end - start > 4 * limits.max_answer_chars or len(parts[place]) > limits.max_answer_chars:
            continue
        yield Pair(
            id=content_id(PairKind.COMMENT, record.id, str(start), str(end)),
            kind=PairKind.COMMENT,
            prompt=text_before(data, start, limits.max_prompt_chars),
            answer=parts[place],
            span_bytes=(start, end),
            language=language,
            natural_language=natural_language(prose),
            origin_ids=(record.id,),
        )


def _text(cell: _Cell, language: str, limits: NotebookLimits) -> tuple[str, tuple[str, str] | None]:
    """What of a cell stands in the record, and why nothing does, where that has to be said: (reason, detail)."""
    source = cell.source.strip("\n").rstrip()
    if not source.strip():
        return "", None
    if cell.kind == "markdown":
        longest = max(map(len, source.split("\n")))
        if len(source) > limits.max_prose_chars or longest > limits.max_line_chars:
            return "", ("long prose", f"{len(source)} characters, the longest line {longest}")
        mark = row_of(language).line_comment
        return "\n".join(f"{mark} {line}".rstrip() for line in source.split("\n")), None
    if language != "python":
        return source, None
    magic = re.match(r"\s*%%([\w!]+)", source)
    if magic and magic[1] not in _SAME_LANGUAGE:
        return "", ("foreign cell", f"%%{magic[1][:80]}")
    return without_magic(source), None


def without_magic(source: str) -> str:
    """Python without what only IPython knows: such lines are commented out where a statement begins."""
    lines, depth, quote, continued, in_magic = [], 0, "", False, False
    for line in source.split("\n"):
        begins = not depth and not quote and not continued
        if in_magic or (begins and (_MAGIC.match(line) or _ASSIGNED.match(line) or _HELP.match(line))):
            indent = line[: len(line) - len(line.lstrip())]
            lines.append(f"{indent}{'pass  ' if indent and not in_magic else ''}# {line.lstrip()}")
            in_magic = line.endswith("\\")
            continue
        lines.append(line)
        depth, quote = _scan(line, depth, quote)
        continued = line.endswith("\\")
    return "\n".join(lines)


def _scan(line: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets are open after a line, and which string, if one is."""
    place = 0
    while place < len(line):
        if quote:
            inner = re.compile(rf"(?:\\.|(?!{quote}).)*").match(line, place)
            assert inner is not None  # it matches the empty text
            end = inner.end()
            if not line.startswith(quote, end):
                return depth, quote if len(quote) == 3 or line.endswith("\\") else ""
            place, quote = end + len(quote), ""
            continue
        match = _TOKEN.search(line, place)
        if not match or match[0].startswith("#"):
            return depth, ""
        place, quote = match.end(), match["quote"] or ""
        depth = max(0, depth + (match[0] in "([{") - (match[0] in ")]}"))
    return depth, quote if len(quote) == 3 else ""


# ------------------------------------------------------------------------------------------------------------------ JSON
@dataclass
class _Unusable(Exception):
    reason: str
    detail: str


def _cells(data: bytes) -> tuple[str, list[_Cell]]:
    """Language and cells of a notebook. Raises ``_Unusable``."""
    try:
        loads = json.loads(data.decode("utf-8-sig"))
        if not isinstance(loads, dict):
            raise _Unusable("broken notebook", "is not a JSON object")
        major = loads.get("nbformat")
        if major not in (3, 4):
            raise _Unusable("notebook format", f"nbformat {str(major)[:20]}, not 3 or 4")
        sheets = [loads] if major == 4 else loads["worksheets"]
        raw = [cell for sheet in sheets for cell in sheet["cells"]]
    except UnicodeDecodeError as error:
        raise _Unusable("encoding", f"not UTF-8 at byte {error.start}") from None
    except ValueError as error:
        raise _Unusable("broken notebook", f"is not JSON: {error}"[:200]) from None
    except RecursionError:
        raise _Unusable("broken notebook", "nested too deeply") from None
    except (KeyError, TypeError):
        raise _Unusable("broken notebook", "has no list of cells") from None
    cells = [_cell(cell) for cell in raw]
    if raw and all(cell.broken for cell in cells):
        raise _Unusable("broken notebook", f"no cell can be read; the first {cells[0].broken}")
    return _language(loads.get("metadata"), raw if major == 3 else []), [cell for cell in cells if cell.kind]


def _cell(cell: object) -> _Cell:
    """One cell; its kind is empty where it is neither code nor prose (``raw``)."""
    if not isinstance(cell, dict):
        return _Cell("code", "", "is not an object")
    kind = cell.get("cell_type")
    if kind not in ("code", "markdown", "heading"):
        return _Cell("", "")
    source = cell["input"] if kind == "code" and "input" in cell else cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return _Cell(kind, "", "has no text")
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    if _HALF_PAIR.search(text):
        return _Cell(kind, "", "holds half a surrogate pair")
    if kind == "heading":
        level = cell.get("level", 1)
        kind, text = "markdown", f"{'#' * (level if isinstance(level, int) and 1 <= level <= 6 else 1)} {text}"
    return _Cell(kind, text)


_HALF_PAIR = re.compile("[\ud800-\udfff]")


def _language(metadata: object, old_cells: list) -> str:
    """The language that the metadata names, else that of the first cell that names one (nbformat 3)."""
    facts = metadata if isinstance(metadata, dict) else {}
    given = [facts.get(name) for name in ("language_info", "kernelspec")]
    about, kernel = (item if isinstance(item, dict) else {} for item in given)
    cells = [cell.get("language") for cell in old_cells if isinstance(cell, dict)]
    names = [about.get("name"), kernel.get("language"), facts.get("language"), *cells, kernel.get("name")]
    name = next((item.strip().lower() for item in names if isinstance(item, str) and item.strip()), "")
    base = re.sub(r"(?<![\d.])[\d.]+$", "", name)
    return named(name) or named(base) or name
