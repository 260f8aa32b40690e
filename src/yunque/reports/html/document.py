"""A whole page: one file without scripts or external resources, in one style, light and dark."""

from __future__ import annotations

from yunque.reports.html.markup import Raw, tag
from yunque.reports.html.style import CSS

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
MARKS = {"better": ("better", "▲"), "worse": ("worse", "▼"), "cannot tell": ("unclear", "○")}
"""Verdict -> class name and sign."""


def document(title: str, *body: Raw, code_version: str) -> str:
    """The page as HTML text; ``code_version`` is the yunque that made what it shows."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"yunque {code_version}"),
        tag("title", title),
        tag("style", Raw(CSS)),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', *body), lang='en')}\n"
