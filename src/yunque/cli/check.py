"""``yunque check``: the checks that screen records, on anybody's file or folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from yunque.checks.owasp import named
from yunque.checks.trust import Trusted
from yunque.cli.console import emit
from yunque.core.errors import RecipeError, SourceError
from yunque.core.nouns import Origin, Outcome, Record, Verdict, content_id
from yunque.core.parts import nearest
from yunque.data.collect import readable_text
from yunque.data.parallel import batched
from yunque.data.screen import SEVERITIES, load_checks
from yunque.data.trees import TreeLimits, shown, walk
from yunque.reports.sarif import sarif as write_sarif

USUAL = ("syntax", "lint", "bandit", "insecure-patterns", "secrets", "malware")
"""What is asked when nobody says otherwise."""
MAX_BYTES = 5_000_000
BATCH_CHARS = 2 << 20


@dataclass(frozen=True)
class Looked:
    """A file and what was said of it."""

    path: str
    verdicts: tuple[Verdict, ...]


def report_on(
    target: Path, names: Sequence[str], *, severity: str, sarif: bool, as_json: bool, say: Callable[[str], None]
) -> bool:
    """Print what the checks find; whether they found anything of that severity, or could not look. Raises YunqueError."""
    if severity not in SEVERITIES:
        raise RecipeError(f"no severity '{severity}'", where="--severity", do=nearest(severity, list(SEVERITIES)))
    checks = load_checks(names)
    for line in proofs(checks):
        say(line)
    bad, num_files, kept = False, 0, []
    for looked in look_at(target, checks):
        told = lines(looked, severity)
        bad, num_files = bad or bool(told), num_files + 1
        if sarif or as_json:
            kept.append(looked)
        elif told:
            print("\n".join(told))
    if sarif:
        emit(write_sarif((looked.path, verdict) for looked in kept for verdict in looked.verdicts))
    elif as_json:
        emit([plain(looked) for looked in kept])
    else:
        say(f"{num_files} files, {'something was found' if bad else 'nothing found'}")
    return bad


def look_at(target: Path, checks: Sequence[Trusted]) -> Iterator[Looked]:
    """Every readable text file of a folder, or the file, with the verdict of each check. SourceError when there is none."""
    if not target.exists():
        raise SourceError("no such file or folder", where=target)
    root = target if target.is_dir() else target.parent
    entries = walk(root, TreeLimits()) if target.is_dir() else ()
    paths = [entry.path for entry in entries if not entry.reason and entry.target is None] or [target.name]
    seen = False
    for batch in batched(_records(root, paths), lambda record: len(record.text), BATCH_CHARS):
        seen = True
        columns = [check.judge_all(batch) for check in checks]
        for record, *verdicts in zip(batch, *columns, strict=True):
            yield Looked(record.origin.path, tuple(verdicts))
    if not seen:
        raise SourceError("no text to look at", where=target, do="give a text file, or a folder with some")


def _records(root: Path, paths: Sequence[str]) -> Iterator[Record]:
    for path in paths:
        full = root / path
        if not full.is_file() or full.stat().st_size > MAX_BYTES:
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
                cwe = f" (CWE-{one.cwe}{', ' + category if (category := named(one.cwe)) else ''})" if one.cwe else ""
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
