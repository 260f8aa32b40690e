"""Does a text parse where it is put in?

An insertion fails only where the code around it is known to parse without it: first in all that was sent, then in the
definition around the cursor alone, since a window begins and ends anywhere. One line may open what later lines close (a
call, a block, a docstring): it passes when closing it makes it parse.

Covered: all languages with a grammar.
Not covered: code around that does not parse anyhow (SKIP).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from yunque.checks.findings import decide, skip, timed
from yunque.checks.syntax import syntax_findings
from yunque.code.brackets import unmatched
from yunque.code.languages import PARSED
from yunque.code.lexing import indent_of
from yunque.code.python_ast import is_newer
from yunque.core.nouns import Finding, Insertion, Verdict

MOST_CHARS = 20_000
"""Longer texts are not parsed whole, but the definition around the cursor."""
MOST_AROUND = 8_000
"""Characters before and behind the cursor in which that definition is looked for."""
Context = tuple[str, str]
"""What stands before and behind the cursor."""


class SyntaxInPlace:
    """Fails a text that does not parse between what stands before and behind it, where that parses without it."""

    name = "syntax-in-place"

    @timed
    def judge_insertion(self, insertion: Insertion) -> Verdict:
        """PASS, FAIL with the parser's word, or SKIP."""
        language = insertion.language
        if language not in PARSED:
            return skip(self.name, f"no grammar for '{language}'")
        if not insertion.text.strip():
            return skip(self.name, "nothing is put in")
        try:
            return self._judge(insertion)
        except ImportError as error:
            return skip(self.name, f"the grammar is not installed ({error})")

    def _judge(self, insertion: Insertion) -> Verdict:
        language = insertion.language
        for before, after in _contexts(insertion):
            if any(_parses(before + text + after, language) for text in _finished(before, insertion.text, language)):
                return decide(self.name, detail="parses in place")
            if any(_parses(text, language) for text in _without(before, after, language)):
                if language == "python" and is_newer(before + insertion.text + after):
                    return skip(self.name, "newer than this Python")
                findings = syntax_findings(before + insertion.text + after, language)
                message = findings[0].message if findings else "does not parse here"
                return decide(self.name, [Finding(rule="syntax", line=1, message=message)])
        return skip(self.name, "the code around it does not parse")


@lru_cache(maxsize=64)
def _parses(text: str, language: str) -> bool:
    return not syntax_findings(text, language)


# ----------------------------------------------------------------------------------------------------------------- contexts
def _contexts(insertion: Insertion) -> Iterator[Context]:
    """What the text is tried in: all that was sent, then the outermost and the innermost definition around the cursor."""
    if len(insertion.before) + len(insertion.after) <= MOST_CHARS:
        yield insertion.before, insertion.after
    before, after = insertion.before[-MOST_AROUND:], insertion.after[:MOST_AROUND]
    if heads := _heads(before):
        for head in dict.fromkeys((heads[-1], heads[0])):
            yield _block(before, after, head)


def _heads(before: str) -> list[int]:
    """Where the lines begin that stand further left than all lines below them, the innermost first; a window's first line,
    which may be half of one, is none.
    """
    heads: list[int] = []
    lines = before.splitlines(keepends=True)
    start, least = len(before), None
    for line in reversed(lines):
        start -= len(line)
        code = line.lstrip(" \t")
        if not code.strip() or (start == 0 and len(lines) > 1):
            continue
        indent = len(line) - len(code)
        if (least is None or indent < least) and code[0] not in ")]}#/*":
            if least is not None or line is not lines[-1]:
                heads.append(start)
            least = indent
    return heads


def _block(before: str, after: str, head: int) -> Context:
    """The block that begins at a line, to its end behind the cursor, moved to the left margin."""
    before = before[head:]
    indent = indent_of(before)
    tail, _, below = after.partition("\n")
    kept = []
    for line in below.splitlines(keepends=True):
        if line.strip() and not line.startswith(indent + " ") and not line.startswith(indent + "\t"):
            if line.startswith((indent + "}", indent + ")", indent + "]", indent + "end")):
                kept.append(line)
            break
        kept.append(line)
    after = tail + "\n" + "".join(kept)
    if indent:
        before, after = (f"\n{text}".replace(f"\n{indent}", "\n")[1:] for text in (before, after))
    return before, after


# ------------------------------------------------------------------------------------------- with the text, and without it
def _finished(before: str, text: str, language: str) -> Iterator[str]:
    """The text, and it with what it opens closed again."""
    yield text
    line_start = before.rfind("\n") + 1
    line = before[line_start:] + text
    indent = indent_of(line.rpartition("\n")[2])
    text = text.rstrip().removesuffix("\\")
    _, closers = unmatched(line, language)
    closed = text + closers
    if closers:
        yield closed
    if language != "python":
        yield from (closed + ";", closed + " {}")
        return
    for quotes in ('"""', "'''"):
        if text.count(quotes) % 2:
            yield text + quotes
    code = line.lstrip()
    body = f"\n{indent}    pass"
    if code.startswith("@"):
        yield f"{closed}\n{indent}def _():{body}"
    elif re.match(r"match\b.*:$", line.strip()):
        yield f"{closed}\n{indent}    case _: pass"
    elif line.rpartition("\n")[2].strip() == "try:":
        yield f"{closed}{body}\n{indent}finally:{body}"
    else:
        yield closed + body


def _without(before: str, after: str, language: str) -> Iterator[str]:
    """The code around the cursor without the text, and without the line that the cursor is on."""
    yield before + after
    head, tail = before[: before.rfind("\n") + 1], after[after.find("\n") + 1 :] if "\n" in after else ""
    yield head + tail
    indent = indent_of(before[len(head) :])
    yield head + indent + ("pass" if language == "python" else ";") + "\n" + tail
