"""``yunque check``: the checks that screen records, on anybody's file or folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from yunque.checks.trust import Trusted
from yunque.core.errors import SourceError
from yunque.core.nouns import Origin, Outcome, Record, Verdict, content_id
from yunque.data.collect import readable_text
from yunque.data.parallel import batched
from yunque.data.screen import SEVERITIES, load_checks
from yunque.data.trees import TreeLimits, shown, walk

USUAL = ("syntax", "lint", "bandit", "insecure-patterns")
"""What is asked when nobody says otherwise."""
MAX_BYTES = 5_000_000
BATCH_CHARS = 2 << 20


@dataclass(frozen=True)
class Looked:
    """A file and what was said of it."""

    path: str
    verdicts: tuple[Verdict, ...]


def look_at(target: Path, names: Sequence[str]) -> Iterator[Looked]:
    """Every readable text file of a folder, or the file, with the verdict of each check. SourceError when there is none."""
    if not target.exists():
        raise SourceError("no such file or folder", where=target)
    checks = load_checks(names)
    root = target if target.is_dir() else target.parent
    paths = [entry.path for entry in walk(root, TreeLimits()) if not entry.reason and entry.target is None]
    found = _records(root, paths if target.is_dir() else [target.name])
    seen = False
    for batch in batched(found, lambda record: len(record.text), BATCH_CHARS):
        seen = True
        columns = [check.judge_all(batch) for check in checks]
        for record, *verdicts in zip(batch, *columns, strict=True):
            yield Looked(record.origin.path, tuple(verdicts))
    if not seen:
        raise SourceError("no text to look at", where=target, do="give a text file, or a folder with some")


def _records(root: Path, paths: Sequence[str]) -> Iterator[Record]:
    for path in paths:
        full = root / path
        if full.lstat().st_size > MAX_BYTES:
            continue
        found = readable_text(path, full.read_bytes())
        if found is not None:
            language, text = found
            origin = Origin(source=str(root), path=shown(path), revision="", licence="unknown", collected_at="")
            yield Record(id=content_id(path, text), text=text, language=language, origin=origin)


def lines(looked: Looked, severity: str) -> list[str]:
    """The findings of at least a severity, as ``path:line: severity check/rule: message``."""
    least, told = SEVERITIES.index(severity), []
    for verdict in looked.verdicts:
        if verdict.outcome is Outcome.ERROR:
            told.append(f"{looked.path}: error {verdict.check} could not look: {verdict.detail}")
        for one in verdict.findings:
            if SEVERITIES.index(one.severity) >= least:
                cwe = f" (CWE-{one.cwe})" if one.cwe else ""
                line = f":{one.line}" if one.line else ""
                told.append(f"{looked.path}{line}: {one.severity} {verdict.check}/{one.rule}: {one.message}{cwe}")
    return told


def plain(looked: Looked) -> dict:
    """As JSON."""
    return {"path": looked.path, "verdicts": [asdict(verdict) for verdict in looked.verdicts]}


def proofs(checks: Sequence[Trusted]) -> list[str]:
    """A line for each check that cannot be believed, or that looks at nothing here."""
    told = []
    for check in checks:
        if check.proof.doubt:
            told.append(f"{check.name} cannot be believed: {check.proof.doubt}")
        elif check.proof.missing:
            told.append(f"{check.name} looks at nothing here: {check.proof.missing}")
    return told
