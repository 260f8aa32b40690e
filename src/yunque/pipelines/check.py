"""``yunque check``: the checks that screen records, on anybody's files and folders."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ValidationError

from yunque.checks.canaries import Trusted
from yunque.core.errors import RecipeError, SourceError
from yunque.core.nouns import Finding, Origin, Record, Verdict, content_id
from yunque.data.collect import readable_text
from yunque.data.licences.file_licences import LicenceMap
from yunque.data.parallel import batched
from yunque.data.screening.screen import SEVERITIES
from yunque.data.sources.snapshots import TreeLimits, shown, walk
from yunque.pipelines.recipes import explain
from yunque.reports.sarif import Noted

USUAL = ("syntax", "lint", "bandit", "insecure-patterns", "secrets", "malware")
"""What is asked when nobody says otherwise."""
STDIN = "-"
MAX_BYTES = 5_000_000
BATCH_CHARS = 2 << 20
_SILENCED = re.compile(r"yunque: ?ignore(?:\[([\w/., -]{1,200})\])?")


class CheckRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """The table ``[tool.yunque.check]`` of a ``pyproject.toml``; options of the command line go before it."""

    checks: tuple[str, ...] = ()
    """Names of checks; empty: the usual ones."""
    severity: str = "warning"
    """Least severity that is told: note, warning or error."""
    baseline: str = ""
    """File of findings that are known, relative to the pyproject.toml."""
    exclude: tuple[str, ...] = ()
    """Globs of paths that are passed over, as they are given or below a folder: 'tests/*', '*.min.js'."""

    @classmethod
    def read(cls, folder: Path) -> CheckRecipe:
        """The table of the nearest ``pyproject.toml`` upwards; without one, the usual. RecipeError names file and key."""
        for place in [folder, *folder.parents]:
            path = place / "pyproject.toml"
            if not path.is_file():
                continue
            try:
                table = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("yunque", {}).get("check", {})
                result = cls.model_validate(table)
            except ValidationError as error:
                raise explain(error, path, cls) from None
            except (OSError, ValueError, AttributeError) as error:
                raise RecipeError(f"cannot be read ({error})", where=path) from None
            return result.model_copy(update={"baseline": str(place / result.baseline)}) if result.baseline else result
        return cls()


@dataclass(frozen=True)
class Looked:
    """A file and what was said of it."""

    path: str
    verdicts: tuple[Verdict, ...]
    noted: tuple[Noted, ...] = ()
    """Every finding of at least the severity that is asked for."""


def look_at(
    targets: Sequence[Path],
    checks: Sequence[Trusted],
    *,
    stdin_name: str = "stdin.py",
    skipped: Counter[str] | None = None,
    exclude: Sequence[str] = (),
) -> Iterator[Looked]:
    """Every readable text file of the files and folders, with the verdict of each check. SourceError for what is not there.

    ``exclude``: globs of paths that are passed over. ``skipped`` counts the others, by why.
    """
    for target in targets:
        if str(target) != STDIN and not target.exists():
            raise SourceError("no such file or folder", where=target)
    licensed = any(check.name == "licence" for check in checks)
    records = _records(targets, stdin_name, Counter() if skipped is None else skipped, licensed, exclude)
    for batch in batched(records, lambda record: len(record.text), BATCH_CHARS):
        columns = [check.judge_all(batch) for check in checks]
        for record, *verdicts in zip(batch, *columns, strict=True):
            yield Looked(record.origin.path, tuple(verdicts), _noted(record, verdicts))


def _records(
    targets: Sequence[Path], stdin_name: str, skipped: Counter[str], licensed: bool, exclude: Sequence[str]
) -> Iterator[Record]:
    seen, licences, globs = set(), _Licences(), [glob.removeprefix("./") for glob in exclude]
    for target in targets:
        for path, data in [(stdin_name, sys.stdin.buffer.read())] if str(target) == STDIN else _files(target):
            if path in seen:
                continue
            seen.add(path)
            if any(fnmatchcase(item, glob) for glob in globs for item in (path, _below(path, target))):
                skipped["excluded"] += 1
                continue
            result = readable_text(path, data) if data is not None and len(data) <= MAX_BYTES else None
            if result is None:
                why = "cannot be read" if data is None else "too long" if len(data) > MAX_BYTES else "no text"
                skipped[why if data != b"" else "empty"] += 1
                continue
            language, text = result
            licence = licences.of(path, text, target) if licensed and str(target) != STDIN else "unknown"
            origin = Origin(source=str(target), path=shown(path), revision="", licence=licence, collected_at="")
            yield Record(id=content_id(path, text), text=text, language=language, origin=origin)


def _below(path: str, target: Path) -> str:
    """A path as it is inside the target that it was found in."""
    return str(Path(path).relative_to(target)) if target.is_dir() else Path(path).name


def _files(target: Path) -> Iterator[tuple[str, bytes | None]]:
    """The files of a folder, or the file, as the target is written, with their bytes; None for what cannot be read."""
    if target.is_dir():
        entries = (entry for entry in walk(target, TreeLimits()) if not entry.reason and entry.target is None)
        paths = [str(target / entry.path) for entry in entries]
    else:
        paths = [str(target)]
    for path in paths:
        try:
            yield path, Path(path).read_bytes()
        except OSError:
            yield path, None


class _Licences:
    """The licences of files by the tree they lie in: up to the folder of a repository, or the one that was named."""

    def __init__(self) -> None:
        self._maps: dict[Path, LicenceMap] = {}

    def of(self, path: str, text: str, target: Path) -> str:
        """The licence that covers a file of a target."""
        full, folder = Path(path).resolve(), target.resolve()
        root = next(
            (parent for parent in full.parents if (parent / ".git").exists()), folder if folder.is_dir() else full.parent
        )
        if root not in self._maps:
            entries = walk(root, TreeLimits())
            self._maps[root] = LicenceMap(root, [entry.path for entry in entries if entry.target is None])
        return self._maps[root].licence_of(str(full.relative_to(root)), text)


# -------------------------------------------------------------------------------------------- what counts, and what does not
def _noted(record: Record, verdicts: Sequence[Verdict]) -> tuple[Noted, ...]:
    """Every finding with its fingerprint, and whether a comment on its line silences it: ``# yunque: ignore[rule]``."""
    data = record.text.encode("utf-8", "surrogatepass")
    rows, met, result = record.text.split("\n"), Counter[str](), []
    for verdict in verdicts:
        for finding in verdict.findings:
            row = rows[finding.line - 1] if finding.line and finding.line <= len(rows) else ""
            rule = f"{verdict.check}/{finding.rule}"
            text = " ".join(row.split())
            place = f"{rule}\n{os.path.basename(record.origin.path)}\n{text}"
            met[place] += 1
            comment = _SILENCED.search(row)
            rules = [word.strip() for word in (comment[1] or "").split(",")] if comment else []
            silenced = comment is not None and (not comment[1] or finding.rule in rules or rule in rules)
            mark = hashlib.sha256(f"{place}\n{met[place]}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
            columns = _columns(data, finding)
            result.append(Noted(rule=rule, finding=finding, fingerprint=mark, silenced=silenced, columns=columns))
    return tuple(result)


def _columns(data: bytes, finding: Finding) -> tuple[int, int, int] | None:
    """First column, last line and the column behind it, 1-based in characters, of a finding that knows its bytes."""
    if not finding.span_bytes or not finding.line:
        return None
    first, last = (
        len(data[data.rfind(b"\n", 0, position) + 1 : position].decode("utf-8", "replace")) + 1
        for position in finding.span_bytes
    )
    return first, finding.line + data.count(b"\n", *finding.span_bytes), last


def counted(looked: Looked, severity: str, known: set[str]) -> Looked:
    """The findings of at least a severity; those of the baseline are marked."""
    least = SEVERITIES.index(severity)
    noted = tuple(
        replace(item, known=f"{looked.path} {item.fingerprint}" in known)
        for item in looked.noted
        if SEVERITIES.index(item.finding.severity) >= least
    )
    return replace(looked, noted=noted)


def read_baseline(path: str) -> set[str]:
    """Returns the fingerprints of known findings. RecipeError when the file is not a baseline."""
    try:
        rows = json.loads(Path(path).read_text("utf-8"))["findings"]
        return {f"{row['path']} {row['fingerprint']}" for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        do = "write one with --write-baseline"
        raise RecipeError(f"no baseline can be read ({error})", where=path, do=do) from None


def write_baseline_file(path: str, kept: Sequence[Looked]) -> None:
    """Write every finding as known."""
    rows = [
        {"path": looked.path, "fingerprint": item.fingerprint, "rule": item.rule, "message": item.finding.message}
        for looked in kept
        for item in looked.noted
        if not item.silenced
    ]
    Path(path).write_text(json.dumps({"findings": rows}, indent=1, ensure_ascii=False) + "\n", "utf-8")


# ------------------------------------------------------------------------------------------------------------ for a person


def unable(checks: Sequence[Trusted]) -> list[tuple[str, str]]:
    """Each check that cannot be believed, or that looks at nothing here, and why."""
    return [(check.name, why) for check in checks if (why := check.proof.doubt or check.proof.missing)]
