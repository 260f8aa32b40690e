"""Findings as SARIF 2.1.0, which editors and code hosts show beside the line (OASIS standard, 2020).

One run; each rule once, with its CWE, its OWASP category as tags, a help text and, for weaknesses, the number by which code
hosts sort; each finding a result, with line and columns, its fingerprint, and a suppression where somebody has silenced it
or it was known before. A check that could not look is a notification, so that silence is not read as clean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import yunque
from yunque.checks.security.owasp import named
from yunque.core.nouns import Finding, Outcome, Verdict

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
SECURITY_SEVERITY = {"note": "3.0", "warning": "5.5", "error": "8.0"}
"""What code hosts call low, medium and high."""


@dataclass(frozen=True, kw_only=True)
class Noted:
    """A finding, and what becomes of it."""

    rule: str
    """``check/rule``."""
    finding: Finding
    fingerprint: str
    """The same as long as rule, file name and line are, wherever in the file the line stands."""
    silenced: bool = False
    known: bool = False
    columns: tuple[int, int, int] | None = None
    """First column, last line and the column behind the last character; 1-based, in characters."""

    @property
    def counts(self) -> bool:
        """Whether it is neither silenced nor known."""
        return not self.silenced and not self.known


def sarif(looked: Iterable[tuple[str, Sequence[Verdict], Sequence[Noted]]]) -> dict:
    """The log of verdicts and findings by path (as given, relative to where one stands) as plain values."""
    rules: dict[str, dict] = {}
    results, notices = [], []
    for path, verdicts, noted in looked:
        for verdict in verdicts:
            if verdict.outcome in (Outcome.ERROR, Outcome.SKIP):
                level = "error" if verdict.outcome is Outcome.ERROR else "note"
                text = f"{verdict.check} could not look at {path}: {verdict.detail}"
                notices.append({"level": level, "message": {"text": text}, "locations": [_place(path)]})
        for item in noted:
            rules.setdefault(item.rule, _rule(item.rule, item.finding))
            result = {
                "ruleId": item.rule,
                "level": item.finding.severity,
                "message": {"text": item.finding.message},
                "locations": [_place(path, item)],
                "partialFingerprints": {"yunque/v1": item.fingerprint},
            }
            if not item.counts:
                kind = "inSource" if item.silenced else "external"
                result["suppressions"] = [{"kind": kind, "status": "accepted"}]
            results.append(result)
    driver = {
        "name": "yunque",
        "version": yunque.__version__,
        "informationUri": "https://pypi.org/project/yunque/",
        "rules": [rules[name] for name in sorted(rules)],
    }
    broke = any(notice["level"] == "error" for notice in notices)
    invocation = {"executionSuccessful": not broke, "toolExecutionNotifications": notices}
    run = {"tool": {"driver": driver}, "invocations": [invocation], "results": results, "columnKind": "unicodeCodePoints"}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str, finding: Finding) -> dict:
    cwe = f" CWE-{finding.cwe}: https://cwe.mitre.org/data/definitions/{finding.cwe}.html" if finding.cwe else ""
    help_ = f"{finding.message}.{cwe} Silence one finding with a comment on its line: yunque: ignore[{finding.rule}]"
    rule: dict = {"id": name, "shortDescription": {"text": finding.rule}, "help": {"text": help_}}
    if finding.cwe:
        tags = ["security", f"external/cwe/cwe-{finding.cwe:03d}"]
        tags += [category] if (category := named(finding.cwe)) else []
        rule["properties"] = {"tags": tags, "security-severity": SECURITY_SEVERITY[finding.severity]}
    return rule


def _place(path: str, noted: Noted | None = None) -> dict:
    uri = Path(path).as_uri() if Path(path).is_absolute() else quote(path, errors="surrogateescape")
    physical: dict = {"artifactLocation": {"uri": uri}}
    if noted is not None and noted.finding.line:
        region: dict = {"startLine": noted.finding.line}
        if noted.columns:
            region |= dict(zip(("startColumn", "endLine", "endColumn"), noted.columns, strict=True))
        if noted.finding.span_bytes:
            start, end = noted.finding.span_bytes
            region |= {"byteOffset": start, "byteLength": end - start}
        physical["region"] = region
    return {"physicalLocation": physical}
