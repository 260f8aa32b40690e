"""Licence and copyright notices at the head of a file, with their exact bytes, so that a cleaner can cut them.

Covered: comments of every family that `code.lexing` knows. Not covered: notices in docstrings, which are never touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from yunque.checks.canaries import canary
from yunque.checks.findings import Places, decide, timed
from yunque.code.lexing import lines_of_comment, scan
from yunque.core.nouns import Canary, Finding, Record, Verdict

_LICENCE_STRONG = re.compile(
    r"SPDX-License-Identifier\s*:"
    r"|^[^\w\n]{0,20}(?:portions\s+)?(?:copyright|copr\.|©|\(c\))\W.{0,40}?(?:\b(?:19|20)\d\d\b|\(c\)|©|\bby\b"
    r"|all rights reserved)"
    r"|^[^\w\n(©]{0,20}(?:©|\(c\))\s*(?:19|20)\d\d"
    r"|permission (?:is hereby granted|to use, copy, modify)|redistribution and use in source"
    r"|(?:licensed|released|distributed|available|published) under (?:the|an?|one or more)\b.{0,60}licen[sc]e"
    r"|licensed to .{0,60} under one or more|this source code is licensed|all rights reserved[^\w\n]{0,20}$"
    r"|GNU (?:lesser |library |affero )?general public licen[sc]e|this software is provided .{0,4}as is"
    r"|use of this source code is governed|placed in(?:to)? the public domain|mozilla public license",
    re.IGNORECASE | re.MULTILINE,
)
_LICENCE_WEAK = re.compile(
    r"licen[sc]|copyright|warrant|liab|permi(?:t|ssion)|redistribut|all rights|public domain|merchantab|disclaimer"
    r"|free software|provided .as is|see the file|\bAUTHORS\b|contributors may|arising|damages|endorse",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"(?:\s|<\?php|[\"']use strict[\"'];?|\ufeff|^package [\w.]+;?)*\Z")


class LicenceHeader:
    """FAIL for a licence or copyright notice at the head of a file; each paragraph of it, with its place.

    The head is the comments before the first line of code. A paragraph counts with a phrase that only licences use, at the
    place where they use it; its neighbours count with words of the trade. Other paragraphs of the same comment stay out of
    the span, and so do docstrings. ``max_share``: a notice that is more of the text than this FAILs as well when it is
    small; at 0 (the default) every notice does.
    """

    name = "licence-header"

    def __init__(self, max_share: float = 0.0) -> None:
        self.max_share = max_share

    @timed
    def judge(self, record: Record) -> Verdict:
        """A verdict; ``values``: ``licence-chars`` and ``licence-share``."""
        text = record.text
        spans = [span for block in self._head(record) for span in _licence_spans(text, *block)]
        places = Places(text)
        findings = [
            Finding(
                rule="licence-header",
                line=places.line(start),
                message=f"licence notice of {text.count(chr(10), start, end) + 1} lines",
                severity="warning",
                span_bytes=places.span(start, end),
            )
            for start, end in spans
        ]
        chars = sum(end - start for start, end in spans)
        share = chars / len(text) if text else 0.0
        values = {"licence-chars": float(chars), "licence-share": share}
        return decide(self.name, findings, values=values, fails=share > self.max_share)

    def _head(self, record: Record) -> Iterator[tuple[int, int]]:
        position = 0
        for start, end in scan(record.text, record.language).blocks:
            if start - position > 200 or not _BETWEEN.match(record.text, position, start):
                return
            yield start, min(end, start + 20_000)
            position = end

    def canaries(self) -> Sequence[Canary]:
        """A notice in each style of comment, and a comment that speaks of licences."""
        notice = "Copyright (c) 2020 The Authors\n{0} Licensed under the Apache License, Version 2.0\n"
        return [
            canary("# " + notice.format("#") + "import os\n", "python", self.name),
            canary("/* " + notice.format(" *") + " */\nint x;\n", "c", self.name),
            canary("// SPDX-License-" + "Identifier: MIT\npackage main\n", "go", self.name),
            canary("# Finds the licence of a file and its copyright lines.\nimport os\n", "python"),
        ]


def _licence_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Where the licence paragraphs of a comment are; the whole comment when it holds nothing else."""
    if not _LICENCE_WEAK.search(text, start, end) and not _LICENCE_STRONG.search(text, start, end):
        return []
    paragraphs: list[tuple[int, int, str]] = []
    fresh = True
    for index, to, words in lines_of_comment(text, start, end):
        if not re.search(r"\w", words):
            fresh = True
        elif fresh or text.startswith("#!", index):
            paragraphs.append((index, to, words))
            fresh = text.startswith("#!", index)
        else:
            first, _, details = paragraphs[-1]
            paragraphs[-1] = (first, to, f"{details}\n{words}")
    strong = [
        bool(_LICENCE_STRONG.search(re.sub(r"\n[^\w\n]*", " ", details)) or _LICENCE_STRONG.search(details))
        for _, _, details in paragraphs
    ]
    if not any(strong):
        return []
    taken = [
        is_strong or bool(_LICENCE_WEAK.search(details))
        for is_strong, (_, _, details) in zip(strong, paragraphs, strict=True)
    ]
    if all(taken):
        return [(start, end)]
    spans: list[tuple[int, int]] = []
    for index, (first, to, _) in enumerate(paragraphs):
        if taken[index] and index and taken[index - 1] and spans:
            spans[-1] = (spans[-1][0], to)
        elif taken[index]:
            spans.append((first, to))
    if text.startswith("/*", start):  # the comment itself stays, so its marks must
        spans = [(max(first, start + 2), min(to, end - 2)) for first, to in spans]
    return spans
