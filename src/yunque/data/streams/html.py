"""HTML of a post to plain text with fenced code, and its blocks of code by themselves.

    <p>Use <code>len</code>:</p>            Use `len`:
    <pre class="lang-py"><code>len(x)       ```python
    </code></pre>                           len(x)
                                            ```

Covered: entities, Windows line ends, nested lists and quotations, tables, fences inside code, the hint of a block's language
(``class="lang-py"``, or a comment ``<!-- language: lang-py -->`` before it); scripts, styles and frames are left out with
all that they hold. Nothing is fetched, nothing runs, nothing recurses; below some 250 levels of nesting nothing is taken.
Not covered: what only a picture shows; the addresses of links.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from yunque.code.languages import named

_NOT_LISTED = {"none": "none", "xml": "xml", "json": "json"}
"""Hints of what is not code; ``none`` is output or prose."""
_SILENT = frozenset(("script", "style", "iframe", "object", "template", "head", "noscript"))
_BLOCKS = frozenset(("p", "div", "ul", "ol", "table", "tr", "hr", "section", "details", "summary", "dl", "dt", "dd"))
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_HINT_COMMENT = re.compile(r"\s*language(?:-all)?:\s*(?:lang-|language-)?([\w+#-]+)")
_HINT_CLASS = re.compile(r"\b(?:lang|language)-([\w+#]+)")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of code."""

    code: str
    language: str
    """By its hint; empty without one, ``none`` where it is said to be no code."""
    quoted: bool
    """It stands in a quotation: somebody else's words, more often than not."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """What an HTML text says."""

    text: str
    """Prose and fenced code, in their order."""
    prose: str
    """Prose alone."""
    blocks: tuple[Block, ...]


def read_html(html: str) -> Text:
    """The text of a piece of HTML; never raises for anything it holds."""
    from lxml import etree

    data = html.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").encode("utf-8", "replace")
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_pis=True, huge_tree=False)
    try:
        root = etree.fromstring(b"<html><body>" + data + b"</body></html>", parser)
    except etree.ParseError:  # nothing that can be read as HTML at all
        root = None
    writer = _Writer()
    if root is not None:
        _walk(root, writer, etree)
    return writer.finish()


@dataclass
class _Writer:
    """Text as it is put together: paragraphs with the marks of the lists and quotations that they stand in."""

    parts: list[str] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)
    """Of each list around this place the number of its last item, or -1 for one without numbers."""
    mark: str = ""
    """What the next paragraph begins with."""
    in_list: bool = False
    """Whether what was written last stands in a list."""
    quotes: int = 0
    hint: str = ""

    def end_paragraph(self) -> None:
        """Close the paragraph that is being written."""
        words = "".join(self.line)
        self.line = []
        details = "\n".join(" ".join(line.split()) for line in words.split("\n")).strip()
        if details:
            self.prose.append(details)
            indent = "  " * max(0, len(self.lists) - 1)
            rest = indent + "  " if self.lists else ""
            lines = (self.mark + details).split("\n")
            self._put("\n".join([(indent if self.mark else rest) + lines[0], *(rest + line for line in lines[1:])]))
            self.mark = ""

    def end_code(self, code: str, hint: str) -> None:
        """A block of code ends."""
        code = code.strip("\n").rstrip()
        if not code.strip():
            return
        language = _NOT_LISTED.get(hint.lower()) or named(hint)
        self.blocks.append(Block(code=code, language=language, quoted=self.quotes > 0))
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", code)), default=0))
        self._put(f"{fence}{language if language != 'none' else ''}\n{code}\n{fence}")

    def _put(self, text: str) -> None:
        if self.quotes:
            text = "\n".join(f"{'> ' * self.quotes}{line}".rstrip() for line in text.split("\n"))
        if self.lists and self.in_list:
            self.parts[-1] += f"\n{text}"
        else:
            self.parts.append(text)
        self.in_list = bool(self.lists)

    def finish(self) -> Text:
        """All of it."""
        self.end_paragraph()
        return Text(text="\n\n".join(self.parts), prose="\n".join(self.prose), blocks=tuple(self.blocks))


def _walk(root: Any, writer: _Writer, etree: Any) -> None:
    """Every element from its start to its end, without recursion. ``silent`` is the element that nothing is taken from."""
    silent = None
    for event, element in etree.iterwalk(root, events=("start", "end", "comment")):
        if event == "comment":
            if silent is None and (match := _HINT_COMMENT.match(element.text or "")):
                writer.hint = match[1]
        elif event == "start" and silent is None:
            if element.tag in _SILENT:
                silent = element
            elif element.tag == "pre":
                _take_code(element, writer)
                silent = element
            else:
                _start(element, writer)
                _write(element.text, writer)
            continue
        elif event == "end" and silent is None:
            _end(element, writer)
        elif event == "end" and silent is element:
            silent = None
        if silent is None:
            _write(element.tail, writer)


def _take_code(element: Any, writer: _Writer) -> None:
    writer.end_paragraph()
    classes = " ".join(filter(None, [element.get("class"), *(child.get("class") for child in element.findall("code"))]))
    match = _HINT_CLASS.search(classes)
    writer.end_code(element.xpath("string()"), match[1] if match else writer.hint)  # unlike itertext(), without comments
    writer.hint = ""


def _write(text: str | None, writer: _Writer) -> None:
    if text:
        writer.line.append(text.replace("\n", " "))


def _start(element: Any, writer: _Writer) -> None:
    tag = element.tag
    if tag in _BLOCKS or tag in _HEADINGS or tag in ("li", "blockquote"):
        writer.end_paragraph()
    if tag in _HEADINGS:
        writer.mark = _HEADINGS[tag]
    elif tag in ("ul", "ol"):
        writer.lists.append(0 if tag == "ol" else -1)
    elif tag == "li" and writer.lists:
        writer.lists[-1] += writer.lists[-1] >= 0
        writer.mark = f"{writer.lists[-1]}. " if writer.lists[-1] > 0 else "- "
    elif tag == "blockquote":
        writer.quotes += 1
    elif tag == "code":
        writer.line.append("`")
    elif tag == "br":
        writer.line.append("\n")
    elif tag == "img" and element.get("alt"):
        writer.line.append(element.get("alt"))
    elif tag in ("td", "th"):
        writer.line.append(" | ")


def _end(element: Any, writer: _Writer) -> None:
    tag = element.tag
    if tag == "code":
        writer.line.append("`")
    elif tag in _BLOCKS or tag in _HEADINGS or tag in ("li", "blockquote"):
        writer.end_paragraph()
        writer.mark = ""
    if tag in ("ul", "ol"):
        writer.lists.pop()
    elif tag == "blockquote":
        writer.quotes -= 1
