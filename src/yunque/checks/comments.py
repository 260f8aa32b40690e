"""What stands in comments and explains nothing: licence headers, commented-out code, boilerplate.

One pass (`scan`) tells comments, strings and code apart, by one regular expression a family of languages; all checks of a
text share it. Every finding has its exact bytes, so that a cleaner can cut it.

Covered: line and block comments of Python and of the C, shell and SQL families.
Not covered: heredocs and nested block comments (what is inside may look like a comment); licence texts in docstrings, which
are never touched; commented-out code in languages without a grammar here.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from yunque.checks.grammars import GRAMMARS, parse
from yunque.checks.syntax import parse_python
from yunque.checks.trust import canary
from yunque.core.nouns import Canary, Finding, Outcome, Record, Verdict

MAX_FINDINGS = 200
MAX_LINE = 500
"""Longer comment lines are neither code that somebody switched off nor a template's words."""
MAX_BLOCK_LINES = 400
"""Of one commented block, what is looked at: a whole file in a comment is found by its beginning."""

# --------------------------------------------------------------------------------------- comments, strings and code apart
# Whatever is opened may also end with its line or with the text, so no search is tried twice over the same characters.
_DOUBLE = r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"?'
_SINGLE = r"'[^'\\\n]*(?:\\.[^'\\\n]*)*'?"
_CHAR = r"'(?:\\[^\n]{1,10}?|[^'\\\n]{1,4})'"
_BACKTICK = r"`[^`\\]*(?:\\.[^`\\]*)*`?"
_BLOCK = r"(?P<comment>//[^\n]*|/\*[^*]*(?:\*(?!/)[^*]*)*(?:\*/)?)"
_REGEX = r"(?<=[(,=:!&|?;{}+\n ])/(?![*/ ])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.){0,100}\]){1,200}/"
_FAMILIES = {
    "python": rf'(?P<comment>#[^\n]*)|"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:""")?'
    rf"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:''')?|{_DOUBLE}|{_SINGLE}",
    "c": rf"{_BLOCK}|{_DOUBLE}|{_CHAR}",
    "go": rf"{_BLOCK}|{_DOUBLE}|`[^`]*`?|{_CHAR}",
    "script": rf"{_BLOCK}|{_REGEX}|{_DOUBLE}|{_SINGLE}|{_BACKTICK}",
    "php": rf"(?P<comment>//[^\n]*|#(?!\[)[^\n]*|/\*[^*]*(?:\*(?!/)[^*]*)*(?:\*/)?)|{_DOUBLE}|{_SINGLE}",
    "shell": rf"(?P<comment>(?:(?<=[\s;])|\A)#[^\n]*)|{_DOUBLE}|{_SINGLE}",
    "sql": rf"(?P<comment>--[^\n]*|/\*[^*]*(?:\*(?!/)[^*]*)*(?:\*/)?)|{_DOUBLE}|{_SINGLE}",
}
_FAMILY = {"python": "python", "cython": "python", "go": "go", "php": "php", "lua": "sql", "sql": "sql", "haskell": "sql"}
_FAMILY |= dict.fromkeys(
    ("c", "cpp", "java", "rust", "csharp", "kotlin", "scala", "swift", "objective-c", "cuda", "d", "zig", "verilog"), "c"
)
_FAMILY |= dict.fromkeys(("javascript", "typescript", "tsx", "solidity", "dart", "groovy", "protobuf"), "script")
_FAMILY |= dict.fromkeys(
    ("shell", "ruby", "perl", "r", "julia", "makefile", "dockerfile", "cmake", "yaml", "toml", "elixir", "nim", "tcl"),
    "shell",
)
_MARKS = re.compile(r"^[ \t]*(?:/\*+!?|\*+/|\*(?!/)|//+!?|#+!?:?|--+)[ \t]?|[ \t]*\*+/[ \t]*$")


_WORDS_ONLY = bytes(one if one == 95 or one > 127 or chr(one).isalnum() else 32 for one in range(256))


@dataclass(frozen=True)
class Scan:
    """A text taken apart. Offsets count characters."""

    text: str
    comments: tuple[tuple[int, int], ...]
    num_strings: int
    string_chars: int
    code: str
    """The text without comments, with an empty string (and its line breaks) where a string stood: lines stay true."""
    known: bool
    """Whether the language has comments that we know; without, all is code."""

    @cached_property
    def words(self) -> list[bytes]:
        """Names, keywords and numbers of the code, in order, as UTF-8."""
        return self.code.encode("utf-8", "surrogatepass").translate(_WORDS_ONLY).split()

    @cached_property
    def vocabulary(self) -> frozenset[bytes]:
        """Each of the words once."""
        return frozenset(self.words)

    @cached_property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Comments, those joined that stand on lines of their own below one another in the same column."""
        joined: list[tuple[int, int]] = []
        shapes: list[tuple[int, str] | None] = []
        for start, end in self.comments:
            line = self.text.rfind("\n", 0, start) + 1 if start - (joined[-1][1] if joined else 0) < 10_000 else start
            mark = self.text[start : start + 2]
            alone = not self.text[line:start].strip() and mark != "/*"
            shape = (start - line, mark[0]) if alone else None
            if shape and joined and shapes[-1] == shape and self.text[joined[-1][1] : start].strip(" \t\r") == "\n":
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
                shapes.append(shape)
        return tuple(joined)


@lru_cache(maxsize=4)
def scan(text: str, language: str) -> Scan:
    """The comments, strings and code of a text; linear in its length whatever it holds."""
    family = _FAMILY.get(language)
    if family is None:
        return Scan(text, (), 0, 0, text, known=False)
    comments, pieces, at, strings, string_chars = [], [], 0, 0, 0
    for found in _compiled(family).finditer(text):
        start, end = found.span()
        pieces.append(text[at:start])
        at = end
        if found.lastgroup:
            comments.append((start, end))
        else:
            pieces.append('""' + "\n" * text.count("\n", start, end))
            strings += 1
            string_chars += end - start
    pieces.append(text[at:])
    return Scan(text, tuple(comments), strings, string_chars, "".join(pieces), known=True)


@lru_cache
def _compiled(family: str) -> re.Pattern[str]:
    return re.compile(_FAMILIES[family], re.DOTALL)


class Places:
    """Lines and byte offsets of character offsets that are asked for in rising order."""

    def __init__(self, text: str) -> None:
        self.text, self.plain = text, text.isascii()
        self._at = self._bytes = 0
        self._line = 1

    def line(self, at: int) -> int:
        """1-based line."""
        self._go(at)
        return self._line

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The UTF-8 bytes of characters start to end."""
        self._go(start)
        size = end - start if self.plain else len(self.text[start:end].encode("utf-8", "surrogatepass"))
        return self._bytes, self._bytes + size

    def _go(self, at: int) -> None:
        if at < self._at:
            self._at, self._bytes, self._line = 0, 0, 1
        passed = self.text[self._at : at]
        self._line += passed.count("\n")
        self._bytes += len(passed) if self.plain else len(passed.encode("utf-8", "surrogatepass"))
        self._at = at


def decide(
    check: str,
    started: float,
    findings: Sequence[Finding] = (),
    *,
    values: dict[str, float] | None = None,
    score: float | None = None,
    fails: bool | None = None,
    detail: str = "",
) -> Verdict:
    """A verdict: FAIL with findings, unless ``fails`` says otherwise; the first finding is the detail."""
    failed = bool(findings) if fails is None else fails
    return Verdict(
        check=check,
        outcome=Outcome.FAIL if failed else Outcome.PASS,
        score=score,
        findings=tuple(findings[:MAX_FINDINGS]),
        took_ms=(time.perf_counter() - started) * 1000,
        detail=detail or (findings[0].message if findings else ""),
        values=values or {},
    )


def skip(check: str, why: str) -> Verdict:
    """A verdict that the check does not apply."""
    return Verdict(check=check, outcome=Outcome.SKIP, detail=why)


def _lines(text: str, start: int, end: int) -> list[tuple[int, int, str]]:
    """Start, end and words (without comment marks) of each line of a comment."""
    found, at = [], start
    for line in text[start:end].split("\n"):
        bare = line.rstrip("\r")
        words = _MARKS.sub("", _MARKS.sub("", bare, count=1)) if len(bare) <= MAX_LINE else ""
        found.append((at, at + len(bare), words))
        at += len(line) + 1
    return found


# ------------------------------------------------------------------------------------------------------- licence headers
_LICENCE_STRONG = re.compile(
    r"SPDX-License-Identifier\s*:"
    r"|^[^\w\n]{0,20}(?:portions\s+)?(?:copyright|copr\.|©|\(c\))\W.{0,40}?(?:\b(?:19|20)\d\d\b|\(c\)|©|\bby\b|all rights reserved)"  # noqa: E501
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

    def judge(self, record: Record) -> Verdict:
        """A verdict; ``values``: ``licence-chars`` and ``licence-share``."""
        started, text = time.perf_counter(), record.text
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
        return decide(self.name, started, findings, values=values, fails=share > self.max_share)

    def _head(self, record: Record) -> Iterator[tuple[int, int]]:
        at = 0
        for start, end in scan(record.text, record.language).blocks:
            if start - at > 200 or not _BETWEEN.match(record.text, at, start):
                return
            yield start, min(end, start + 20_000)
            at = end

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
    for at, to, words in _lines(text, start, end):
        if not re.search(r"\w", words):
            fresh = True
        elif fresh or text.startswith("#!", at):
            paragraphs.append((at, to, words))
            fresh = text.startswith("#!", at)
        else:
            first, _, said = paragraphs[-1]
            paragraphs[-1] = (first, to, f"{said}\n{words}")
    strong = [
        bool(_LICENCE_STRONG.search(re.sub(r"\n[^\w\n]*", " ", said)) or _LICENCE_STRONG.search(said))
        for _, _, said in paragraphs
    ]
    if not any(strong):
        return []
    taken = [
        is_strong or bool(_LICENCE_WEAK.search(said)) for is_strong, (_, _, said) in zip(strong, paragraphs, strict=True)
    ]
    if all(taken):
        return [(start, end)]
    spans: list[tuple[int, int]] = []
    for at, (first, to, _) in enumerate(paragraphs):
        if taken[at] and at and taken[at - 1] and spans:
            spans[-1] = (spans[-1][0], to)
        elif taken[at]:
            spans.append((first, to))
    if text.startswith("/*", start):  # the comment itself stays, so its marks must
        spans = [(max(first, start + 2), min(to, end - 2)) for first, to in spans]
    return spans


# ---------------------------------------------------------------------------------------------------- commented-out code
_INSTRUCTION = re.compile(
    r"^\W*(?:type:|noqa|pragma|pylint:|mypy:|ruff:|eslint|jshint|jslint|global |globals |exported |istanbul|tslint|@ts-|fmt:"
    r"|isort:|nosec|coding[:=]|-\*-|vim?:|prettier|NOLINT|clang-format|cspell|codespell|sourceMappingURL|region\b|endregion\b)"
    r"|^#!|^//(?:go:|export )|^///",
)
_PYTHON_LINE = re.compile(
    r"\s*(?:from\s+[\w.]+\s+import\s+[\w(*]|import\s+[\w.]+(?:\s+as\s+\w+)?(?:,|$)|(?:async\s+)?def\s+\w+\s*\(|class\s+\w+.*:$"
    r"|(?:if|elif|while|for|with|except)\b.*:$|(?:try|else|finally):$|return\b|raise\s+\w|yield\b|assert\s|del\s+\w+$|@\w[\w.]*(?:\(.*)?$"
    r"|[\w.]++(?:\[[^\]]*\]){0,5}(?:\s*,\s*[\w.]++(?:\[[^\]]*\]){0,5}){0,9}\s*(?:[-+*/|&%^]|//|\*\*|>>|<<)?=(?!=)\s*\S|[\w.\]\[\"']+\(.*[),\[({\\]$|(?:pass|break|continue)$)"
)
_C_LINE = re.compile(
    r"\s*(?:[\w.\[\]*&<>:,\t ]++[-+/|%^]?=(?!=)\s*\S.*[;,{(\[]$|(?:[\w$!&*]|\+\+|--|\.)[\w$.:>\[\]-]*\(.*\)\s*[;{]$|return\b[^.]*;$"  # noqa: E501
    r"|(?:\}\s*)?(?:else\s+)?(?:if|while|for|switch|catch)\s*\(.*[{;)]$|(?:\}\s*)?else\s*\{?$|\}[\s;,)]*$|#\s*(?:include|define|if|endif)\b"
    r"|(?:import|use|using|require|include|package)\b.*;$|(?:var|let|const)\s+\w+.*;$|(?:break|continue);$|\w++(?:\s++\w++){1,8}\(.*\)\s*\{$)"
)
_SHELL_LINE = re.compile(
    r"\s*(?:(?:export |local )?\w+=\S*$|@\w+\s*=\s*\S|[\w.]+\s+=\s+\S|(?:if|while|until) .*(?:; *(?:then|do)|\])$|for \w++ in .*; *do$|(?:fi|done|esac|end)$"  # noqa: E501
    r"|def \w+[.\w?!]*(?:\(.*\))?$|\w+[\w.]*\(.*\)$|(?:sudo|cd|rm|cp|mv|mkdir|export|source|echo|set) [-/$\"'.\w].*[/$\"'=-].*$|puts \S+$)"  # noqa: E501
)
_SHAPES = {"python": _PYTHON_LINE, "shell": _SHELL_LINE, "ruby": _SHELL_LINE}
_WRAPPED = {
    **dict.fromkeys(("c", "cpp"), ("void f(void) {\n%s\n}",)),
    **dict.fromkeys(("java", "csharp"), ("class A {\n%s\n}", "class A { void f() {\n%s\n} }")),
    "go": ("package p\n%s\n", "package p\nfunc f() {\n%s\n}"),
    "rust": ("fn f() {\n%s\n}",),
    "php": ("<?php\n%s\n", "<?php class A {\n%s\n}"),
    "solidity": ("contract A {\n%s\n}", "contract A { function f() public {\n%s\n} }"),
    **dict.fromkeys(("javascript", "typescript", "tsx"), ("function f() {\n%s\n}", "x = {\n%s\n}", "class A {\n%s\n}")),
}
_SAYS_MORE = re.compile(r"(?::|e\.g\.|i\.e\.|[Ee]xample|[Uu]sage|>>>)\W*$|\b(?:[Ee]xamples?|[Uu]sage|[Ee]quivalent)\b")


class CommentedOutCode:
    """FAIL for code that was switched off by comment marks, each stretch with its place.

    A stretch counts when its lines have the shape of statements *and* it parses (Python by its own parser, others by their
    grammar). What follows a line of prose that announces an example is an explanation and stays. ``max_lines``: as many lines
    of it are accepted.
    """  # noqa: E501

    name = "commented-out-code"

    def __init__(self, max_lines: int = 0) -> None:
        self.max_lines = max_lines

    def judge(self, record: Record) -> Verdict:
        """A verdict; ``values``: ``commented-lines`` and their share of all lines. SKIP without a grammar."""
        started, text = time.perf_counter(), record.text
        if record.language not in GRAMMARS:
            return skip(self.name, f"no grammar for '{record.language}'")
        try:
            spans = [
                span for block in scan(text, record.language).blocks for span in _code_spans(text, record.language, *block)
            ]
        except ImportError as error:
            return skip(self.name, f"the grammar is not installed ({error})")
        places = Places(text)
        findings = []
        for start, end in spans[:MAX_FINDINGS]:
            line, said = places.line(start), text[start:end].split("\n")[0].strip()[:80]
            message = f"commented-out code: '{said}'"
            span = places.span(start, end)
            findings.append(Finding(rule=self.name, line=line, message=message, severity="warning", span_bytes=span))
        lines = sum(text.count("\n", start, end) + 1 for start, end in spans)
        share = lines / (text.count("\n") + 1)
        values = {"commented-lines": float(lines), "commented-share": share}
        return decide(self.name, started, findings, values=values, fails=lines > self.max_lines)

    def canaries(self) -> Sequence[Canary]:
        """Code that was switched off, in two languages, and prose that looks a little like code."""
        return [
            canary("x = 1\n# y = x + f(2)\n# print(y)\nz = x\n", "python", self.name),
            canary("int a;\n// int b = f(a);\n/* if (b) { return g(b); } */\n", "c", self.name),
            canary("# see foo\n# x = 3 means that it is off; foo() is called later\n# return the sum\nx = 1\n", "python"),
        ]


def _code_spans(text: str, language: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretches of a comment that are code."""
    if text.startswith(("/**", "///", "//!", "/*!"), start):
        return  # documentation: code in it is an example
    whole_block = text.startswith("/*", start)
    lines = _lines(text, start, end)[:MAX_BLOCK_LINES]
    shape = _SHAPES.get(language, _C_LINE)
    likely = [bool(shape.match(words.rstrip())) and not _INSTRUCTION.search(words) for _, _, words in lines]
    if not any(likely):
        return
    tries = [0]
    if (whole_block or all(likely)) and _is_code([words for _, _, words in lines], language, tries):
        yield start, end
        return
    if whole_block:
        return
    at = 0
    while at < len(lines):
        if not likely[at]:
            at += 1
            continue
        stop = at + 1  # lines of the shape, and the deeper or closing ones between them
        while stop < len(lines) and (likely[stop] or _goes_on(lines[stop][2], lines[at][2])):
            stop += 1
        before = lines[at - 1][2] if at else ""
        if _SAYS_MORE.search(before):
            at = stop
            continue
        for to in dict.fromkeys((stop, at + 1)):
            if _is_code([words for _, _, words in lines[at:to]], language, tries):
                yield lines[at][0], lines[to - 1][1]
                at = to
                break
        else:
            at += 1


def _goes_on(words: str, first: str) -> bool:
    indent = len(words) - len(words.lstrip())
    return bool(words.strip()) and (indent > len(first) - len(first.lstrip()) or words.strip()[0] in ")]}")


def _is_code(lines: Sequence[str], language: str, tries: list[int]) -> bool:
    """Whether the lines are statements; at most 50 are tried of one comment."""
    tries[0] += 1
    if tries[0] > 50:
        return False
    kept = [line for line in lines if line.strip()]
    if not kept:
        return False
    indent = min(len(line) - len(line.lstrip()) for line in kept)
    body = "\n".join(line[indent:] for line in lines)
    return _is_python(body) if language == "python" else _is_other(body, language)


def _is_python(body: str) -> bool:
    body = body.strip("\n")
    if re.match(r"(?:elif|else)\b", body):
        body = "if x:\n    pass\n" + body
    elif re.match(r"(?:except|finally)\b", body):
        body = "try:\n    pass\n" + body
    elif body.startswith("@") and "\n" not in body:
        body += "\ndef f(): pass"
    if body.rstrip().endswith(":"):
        last = body.rstrip().rsplit("\n", 1)[-1]
        body = body.rstrip() + "\n" + " " * (len(last) - len(last.lstrip()) + 1) + "pass"
    try:
        tree = parse_python(body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(_is_statement(node) for node in tree.body)


def _is_statement(node: ast.stmt) -> bool:
    """Not what a word or two of prose parse as: a name, a literal, ``note: this``, ``return``, ``foo()``."""
    if isinstance(node, ast.Expr):
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        return isinstance(call, ast.Call) and (bool(call.args or call.keywords) or isinstance(call.func, ast.Attribute))
    if isinstance(node, ast.AnnAssign):
        return node.value is not None
    if isinstance(node, ast.Return):
        return node.value is not None and not isinstance(node.value, ast.Name)
    return not isinstance(node, ast.Pass | ast.Break | ast.Continue)


def _is_other(body: str, language: str) -> bool:
    for wrapped in (*_WRAPPED.get(language, ()), "%s"):
        if not parse(wrapped.replace("%s", body).encode("utf-8", "surrogatepass"), language).root_node.has_error:
            return True
    return False


# ------------------------------------------------------------------------------------------------- boilerplate comments
_TEMPLATES = re.compile(
    r"auto-?generated (?:method|constructor|function|catch|javadoc)\b.{0,20}(?:stub|block)?|todo auto-?generated"
    r"|to change (?:this|the) (?:generated |license |licence )?(?:file |comment )?(?:header|template)|click nbfs://"
    r"|choose tools \| templates|(?:file|code) templates?\.\s*$|\$\{(?:user|date|time|package_name|file_name)\}"
    r"|created (?:by|with) (?:pycharm|intellij|phpstorm|webstorm|clion|android studio|visual studio|spyder|eclipse)"
    r"|^\W*created (?:by .{1,40} )?on (?:mon|tue|wed|thu|fri|sat|sun|\d{1,4}[-/.])"
    r"|(?:write|add|put|enter|insert|place) your (?:own )?code (?:here|below)|your code (?:goes )?here|begin your code"
    r"|todo:? ?(?:implement|complete|finish) (?:this )?(?:method|function|me)\b"
    # Spanish, Portuguese, French, Italian, German, Dutch, Polish, Russian, Chinese, Japanese, Korean
    r"|para cambiar esta plantilla|cabecera de licencia, elija|(?:escrib[ea]|pon(?:ga)?|agregu?e|añad[ae]|tu|su) (?:tu |su |el )?código aquí"  # noqa: E501
    r"|creado (?:por .{1,40} )?el \d|stub (?:de método )?generado autom|método generado automáticamente"
    r"|para alterar est[ea] (?:modelo|template)|(?:seu|escreva o|coloque o) código aqui|criado (?:por .{1,40} )?em \d"
    r"|pour changer (?:ce|le) mod|(?:votre|écrire|écrivez le) code ici|créé (?:par .{1,40} )?le \d|généré automatiquement"
    r"|per cambiare questo modello|inserisci(?:re)? (?:qui )?il (?:tuo )?codice|creato (?:da .{1,40} )?il \d"
    r"|automatisch generierter? |hier (?:ihren |deinen )?code einf|erstellt (?:von .{1,40} )?am \d|hier je code|gemaakt (?:door .{1,40} )?op \d"  # noqa: E501
    r"|tu(?:taj)? wpisz (?:swój )?kod|utworzon[yeo] (?:przez .{1,40} )?dnia|автоматически созданн|ваш код (?:здесь|сюда)|создано? .{0,40}\d\d\.\d\d"  # noqa: E501
    r"|自动生成的(?:方法|构造)|在此处?(?:添加|编写|写入?|插入).{0,6}代码|创建(?:时间|日期|人|者)\s*[::]|自動生成された|ここにコードを|자동 ?생성된|여기에 코드",  # noqa: E501
    re.IGNORECASE | re.MULTILINE,
)
_ENCODING = re.compile(r"^#.{0,20}?coding[:=][ \t]*[-\w.]+")
_MODELINE = re.compile(
    r"(?:^|[ \t#/*])(?:vim?|ex):[ \t]*\w|-\*-[ \t]*[\w;:= \t-]{1,200}-\*-|\bLocal Variables:", re.IGNORECASE
)
_RULER = re.compile(r"[ \t]*(?:#|//|/\*|--)?[ \t]*([-=*#~_+/<>.─═━·])(?:[ \t]?\1){9,}[ \t]*(?:\*/)?[ \t]*\r?(?=\n|\Z)")
_ANY_RULER = re.compile(r"([-=*#~_+/<>.─═━·])[ \t]?\1[ \t]?\1[ \t]?\1")
_HINTS = (
    *(
        "generated",
        "generad",
        "génér",
        "generier",
        "template",
        "templates",
        "plantilla",
        "modelo",
        "modèle",
        "modello",
        "nbfs:",
    ),
    *(
        "${",
        "created",
        "creado",
        "criado",
        "créé",
        "creato",
        "erstellt",
        "gemaakt",
        "utworz",
        "созда",
        "your code",
        "código",
    ),
    *(
        "code ici",
        "codice",
        "code einf",
        "je code",
        "kod",
        "ваш код",
        "自",
        "代码",
        "创建",
        "コード",
        "자동",
        "코드",
        "todo",
    ),
)
RULES = {"template": "warning", "encoding": "note", "modeline": "note", "ruler": "note"}
"""Rule of `Boilerplate` -> severity."""


class Boilerplate:
    """FAIL for comments that a tool's template wrote; notes of encoding lines, editor modelines and rulers.

    ``max_templates``: as many templates are accepted. What is a note never FAILs; its number is a value.
    """

    name = "boilerplate"

    def __init__(self, max_templates: int = 0) -> None:
        self.max_templates = max_templates

    def judge(self, record: Record) -> Verdict:
        """A verdict; ``values``: the number of findings of each rule, and ``boilerplate-share`` of all characters."""
        started, text = time.perf_counter(), record.text
        found = self._find(text, scan(text, record.language).comments)
        places = Places(text)
        findings = [
            Finding(
                rule=rule,
                line=places.line(start),
                message=f"{rule}: '{text[start:end].strip()[:60]}'",
                severity=RULES[rule],
                span_bytes=places.span(start, end),
            )
            for rule, start, end in found[:MAX_FINDINGS]
        ]
        values = {f"{rule}s": float(sum(one[0] == rule for one in found)) for rule in RULES}
        values["boilerplate-share"] = sum(end - start for _, start, end in found) / (len(text) or 1)
        findings.sort(key=lambda one: one.severity == "note")
        return decide(self.name, started, findings, values=values, fails=values["templates"] > self.max_templates)

    def _find(self, text: str, comments: Sequence[tuple[int, int]]) -> list[tuple[str, int, int]]:
        said = "\n".join([text[start:end] for start, end in comments]).lower()
        templates, rulers = any(hint in said for hint in _HINTS), bool(_ANY_RULER.search(said))
        modelines = "vi:" in said or "vim:" in said or "-*-" in said or "ex:" in said or "local variables:" in said
        found = []
        for number, (start, end) in enumerate(comments):
            if number < 2 and _ENCODING.match(text, start, end) and text.count("\n", 0, start) < 2:
                found.append(("encoding", start, end))
            elif modelines and end - start < MAX_LINE and _MODELINE.search(text, start, end):
                found.append(("modeline", start, end))
            elif rulers or templates:
                found += self._inside(text, start, end, templates=templates, rulers=rulers)
        return found

    def _inside(self, text: str, start: int, end: int, *, templates: bool, rulers: bool) -> Iterator[tuple[str, int, int]]:
        if templates and end - start <= 20 * MAX_LINE and _TEMPLATES.search(text, start, end):
            for first, to, words in _lines(text, start, end):
                if _TEMPLATES.search(words):
                    # a block's marks stay, unless the block is this one line
                    whole = "\n" not in text[start:end]
                    at = text.find(words.strip(), first, to)
                    yield ("template", start, end) if whole else ("template", at, at + len(words.strip()))
        elif rulers and (match := _RULER.match(text, start, end)) and match.end() == end:
            yield "ruler", start, end

    def canaries(self) -> Sequence[Canary]:
        """One of each rule, and a comment that says something."""
        return [
            canary("class A {\n  // TODO Auto-" + "generated method stub\n}\n", "java", "template"),
            canary("// Creado por A el 3/4/2020\nint a;\n", "c", "template"),
            canary("# -*- coding: utf-8 -*-\nx = 1\n", "python", "encoding"),
            canary("x = 1\n# vim: set ts=4 :\n", "python", "modeline"),
            canary("# ==================\nx = 1\n", "python", "ruler"),
            canary("# The code of the country, two letters; created on demand.\nx = 1\n", "python"),
        ]
