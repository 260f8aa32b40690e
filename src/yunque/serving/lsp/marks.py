"""Diagnostics of our checks on text that came from the model and was taken; they go when somebody edits there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lsprotocol import types as lsp

from yunque.serving.lsp.places import Point, Units, moved, point

MOST_COLUMN = 10_000
"""To the end of whatever line: editors cut it there."""


@dataclass(kw_only=True)
class _Mark:
    start: Point
    message: str
    check: str
    rule: str


@dataclass(kw_only=True)
class Marks:
    """Of one editor."""

    publish: Callable[[lsp.PublishDiagnosticsParams], None]
    units: Units
    _marks: dict[str, list[_Mark]] = field(default_factory=lambda: defaultdict(list), init=False)

    def add(self, uri: str, line: int, verdicts: Sequence[dict[str, Any]]) -> None:
        """Mark what checks found in a text that begins on a line: verdicts as the gateway gives them."""
        failed = [verdict for verdict in verdicts if verdict["outcome"] == "fail"]
        for verdict in failed:
            whole = {"rule": verdict["check"], "line": 1, "message": verdict.get("detail", "")}
            for finding in verdict.get("findings") or [whole]:
                place = (line + (finding.get("line") or 1) - 1, 0)
                message = finding.get("message") or verdict["check"]
                mark = _Mark(start=place, message=message, check=verdict["check"], rule=finding.get("rule", ""))
                self._marks[uri].append(mark)
        if failed:
            self._show(uri)

    def changed(self, uri: str, changes: Sequence[Any]) -> None:
        """A file was changed: what is on the lines that were touched goes, the rest moves."""
        if not self._marks.get(uri):
            return
        for change in changes:
            if not isinstance(change, lsp.TextDocumentContentChangePartial):
                self._marks[uri] = []
                break
            first, last = point(change.range.start)[0], point(change.range.end)[0]
            left = [mark for mark in self._marks[uri] if not first <= mark.start[0] <= last]
            for mark in left:
                mark.start = moved(mark.start, change, self.units, stays=False)
            self._marks[uri] = left
        self._show(uri)

    def closed(self, uri: str) -> None:
        """A file is not open any more."""
        if self._marks.pop(uri, None):
            self._show(uri)

    def _show(self, uri: str) -> None:
        diagnostics = [
            lsp.Diagnostic(
                range=lsp.Range(start=lsp.Position(*mark.start), end=lsp.Position(mark.start[0], MOST_COLUMN)),
                message=mark.message, severity=lsp.DiagnosticSeverity.Warning, source=f"yunque {mark.check}", code=mark.rule,
            )
            for mark in self._marks.get(uri, [])
        ]  # fmt: skip
        self.publish(lsp.PublishDiagnosticsParams(uri=uri, diagnostics=diagnostics))
