"""What checks said of texts before: verdicts by the check's own code and what it reads of a record, in one SQLite file.

A check that changes by a character is another check, and is asked anew; so is a tool whose version it names
(``tool_version``). Of a record a verdict depends on the path and text, whose hash is its id, and on what else its origin
says: source, licence and author. A repository that changes its licence is judged anew.

Covered: several builds in turn, a process that is killed (what was not committed is asked again).
Not covered: rules that a check reads from elsewhere without saying so in ``tool_version``; a check that judges by the
revision of a source or the time of its collection, which change with every build.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path

from yunque.checks.canaries import Trusted
from yunque.core.nouns import Record, Verdict, content_id
from yunque.core.seams import Check
from yunque.store.tables import json_line, plain, restore

_NAMED_BESIDE = re.compile(r'with_name\("([\w.-]+)"\)')
READ_WITH = ("yunque.checks", "yunque.code")
"""Rooms whose modules count as a check's own code where it imports them."""


class VerdictCache:
    """Verdicts that are kept; a context that commits when it ends."""

    def __init__(self, path: Path, checks: Sequence[Check]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._keys = {check.name: check_identity(check) for check in checks}
        self._names = {key: name for name, key in self._keys.items()}
        self.num_new = 0
        """Verdicts that were put: what had not been looked at before."""
        self._base = sqlite3.connect(path)
        self._base.execute("PRAGMA journal_mode=WAL")
        self._base.execute("PRAGMA synchronous=NORMAL")
        columns = "judge TEXT, record TEXT, verdict TEXT, PRIMARY KEY (judge, record)"
        self._base.execute(f"CREATE TABLE IF NOT EXISTS verdicts ({columns}) WITHOUT ROWID")

    def __enter__(self) -> VerdictCache:
        return self

    def __exit__(self, *exception: object) -> None:
        self._base.commit()
        self._base.close()

    def get(self, records: Sequence[Record]) -> list[dict[str, Verdict]]:
        """Of each record: check name -> verdict, where that is known."""
        keys = [_read_of(record) for record in records]
        result: dict[str, dict[str, Verdict]] = {key: {} for key in keys}
        asked = ", ".join("?" * len(keys))
        for judge, name in self._names.items():
            query = f"SELECT record, verdict FROM verdicts WHERE judge = ? AND record IN ({asked})"
            for key, text in self._base.execute(query, (judge, *keys)):
                result[key][name] = restore(json.loads(text), Verdict)
        return [result[key] for key in keys]

    def put(self, record: Record, verdicts: Iterable[Verdict]) -> None:
        """Keep what was said of a record."""
        rows = [(self._keys[verdict.check], _read_of(record), json_line(plain(verdict))) for verdict in verdicts]
        self.num_new += len(rows)
        self._base.executemany("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", rows)

    def commit(self) -> None:
        """Make sure of what was put."""
        self._base.commit()


def _read_of(record: Record) -> str:
    """A hash of what checks read of a record."""
    origin = record.origin
    return content_id(record.id, origin.source, origin.licence, origin.author)


def check_identity(check: Check) -> str:
    """A hash of the check's name, the source of its module and of those of ours that it uses, its arguments, its tool."""
    check = check.check if isinstance(check, Trusted) else check
    arguments: Mapping = {name: value for name, value in vars(check).items() if not name.startswith("_")}
    details = repr(sorted(arguments.items(), key=lambda item: item[0]))
    return content_id(check.name, type(check).__qualname__, *_sources(type(check).__module__), details)


@cache
def _sources(module: str) -> tuple[str, ...]:
    """The source of a module, its data files, and those of what it imports from its package and `READ_WITH`, and so on."""
    rooms = (*READ_WITH, module.rpartition(".")[0] or module)
    result, stack = {}, [module]
    while stack:
        name = stack.pop()
        if name in result or not any(name == room or name.startswith(f"{room}.") for room in rooms):
            continue
        source = _source(name)
        if source is not None:
            result[name] = source
            result.update(_data_files(name, source))
            stack += _imports(source, name.rpartition(".")[0])
    return tuple(result[name] for name in sorted(result))


def _data_files(module: str, source: str) -> Iterator[tuple[str, str]]:
    """The tables and rules beside a module that its source names, ``with_name("rules.toml")``: name and digest."""
    for name in _NAMED_BESIDE.findall(source):
        if (spec := find_spec(module)) and spec.origin and (path := Path(spec.origin).with_name(name)).is_file():
            yield f"{module}/{name}", content_id(path.read_bytes())


@cache
def _imports(source: str, package: str) -> tuple[str, ...]:
    """What a source imports, at its top or in a function, by full names; of ``from A import B`` both A and A.B."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            above = resolve_name(relative, package) if node.level else relative
            names += [above, *(f"{above}.{alias.name}" for alias in node.names)]
    return tuple(names)


@cache
def _source(name: str) -> str | None:
    """The source of a module by its name; None for what is not a module, or has no source."""
    try:
        return inspect.getsource(sys.modules[name])
    except (KeyError, OSError, TypeError):
        pass
    try:
        spec = find_spec(name)
        source = getattr(spec.loader, "get_source", None) if spec else None  # not every loader has it
        return source(name) if source else None
    except (ImportError, AttributeError, ValueError):
        return None
