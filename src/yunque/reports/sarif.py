"""Findings as SARIF 2.1.0, which editors and code hosts show beside the line (OASIS standard, 2020).

One run; each rule once, with its CWE and its OWASP category as tags; each finding a result, with its line and, where the
check knows them, its bytes. A check that could not look is a notification, so that silence is not read as clean.
"""

from __future__ import annotations

from collections.abc import Iterable

import yunque
from yunque.checks.owasp import named
from yunque.core.nouns import Finding, Outcome, Verdict

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"note": "note", "warning": "warning", "error": "error"}


def sarif(judged: Iterable[tuple[str, Verdict]]) -> dict:
    """The log of verdicts by path (POSIX, relative) as plain values."""
    rules: dict[str, dict] = {}
    results, notices = [], []
    for path, verdict in judged:
        if verdict.outcome in (Outcome.ERROR, Outcome.SKIP):
            level = "error" if verdict.outcome is Outcome.ERROR else "note"
            text = f"{verdict.check} could not look at {path}: {verdict.detail}"
            notices.append({"level": level, "message": {"text": text}, "locations": [_place(path)]})
        for finding in verdict.findings:
            rule = f"{verdict.check}/{finding.rule}"
            rules.setdefault(rule, _rule(rule, finding))
            place = _place(path, finding)
            results.append(
                {
                    "ruleId": rule,
                    "level": LEVELS[finding.severity],
                    "message": {"text": finding.message},
                    "locations": [place],
                }
            )
    driver = {
        "name": "yunque",
        "version": yunque.__version__,
        "informationUri": "https://pypi.org/project/yunque/",
        "rules": [rules[name] for name in sorted(rules)],
    }
    broke = any(one["level"] == "error" for one in notices)
    invocation = {"executionSuccessful": not broke, "toolExecutionNotifications": notices}
    run = {"tool": {"driver": driver}, "invocations": [invocation], "results": results, "columnKind": "unicodeCodePoints"}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str, finding: Finding) -> dict:
    rule: dict = {"id": name, "shortDescription": {"text": finding.rule}}
    if finding.cwe:
        tags = ["security", f"external/cwe/cwe-{finding.cwe:03d}"]
        rule["properties"] = {"tags": tags + ([category] if (category := named(finding.cwe)) else [])}
    return rule


def _place(path: str, finding: Finding | None = None) -> dict:
    physical: dict = {"artifactLocation": {"uri": path}}
    if finding is not None and finding.line:
        physical["region"] = {"startLine": finding.line}
        if finding.span_bytes:
            start, end = finding.span_bytes
            physical["region"] |= {"byteOffset": start, "byteLength": end - start}
    return {"physicalLocation": physical}
