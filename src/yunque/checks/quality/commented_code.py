"""Code that was switched off by comment marks, with its exact bytes, so that a cleaner can cut it.

Covered: every language with a grammar; Python by its own parser. Not covered: documentation, where code is an example.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from yunque.checks.canaries import canary
from yunque.checks.findings import MAX_FINDINGS, Places, decide, skip, timed
from yunque.code.grammars import parse
from yunque.code.languages import PARSED
from yunque.code.lexing import lines_of_comment, scan
from yunque.code.python_ast import try_parse_python
from yunque.core.nouns import Canary, Finding, Record, Verdict

MAX_BLOCK_LINES = 400
"""Of one commented block, what is looked at: a whole file in a comment is found by its beginning."""


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
    r"\s*(?:[\w.\[\]*&<>:,\t ]++[-+/|%^]?=(?!=)\s*\S.*[;,{(\[]$|(?:[\w$!&*]|\+\+|--|\.)[\w$.:>\[\]-]*\(.*\)\s*[;{]$"
    r"|return\b[^.]*;$"
    r"|(?:\}\s*)?(?:else\s+)?(?:if|while|for|switch|catch)\s*\(.*[{;)]$|(?:\}\s*)?else\s*\{?$|\}[\s;,)]*$|#\s*(?:include|define|if|endif)\b"
    r"|(?:import|use|using|require|include|package)\b.*;$|(?:var|let|const)\s+\w+.*;$|(?:break|continue);$|\w++(?:\s++\w++){1,8}\(.*\)\s*\{$)"
)
_SHELL_LINE = re.compile(
    r"\s*(?:(?:export |local )?\w+=\S*$|@\w+\s*=\s*\S|[\w.]+\s+=\s+\S|(?:if|while|until) .*(?:; *(?:then|do)|\])$"
    r"|for \w++ in .*; *do$|(?:fi|done|esac|end)$"
    r"|def \w+[.\w?!]*(?:\(.*\))?$|\w+[\w.]*\(.*\)$|(?:sudo|cd|rm|cp|mv|mkdir|export|source|echo"
    r"|set) [-/$\"'.\w].*[/$\"'=-].*$|puts \S+$)"
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
_SAYS_MORE = re.compile(
    r"(?:(?<!\W)(?=\W*?(?::|>>>))|e\.g\.|i\.e\.|[Ee]xample|[Uu]sage)\W*+$|\b(?:[Ee]xamples?|[Uu]sage|[Ee]quivalent)\b"
)


class CommentedOutCode:
    """FAIL for code that was switched off by comment marks, each chunk with its place.

    A chunk counts when its lines have the shape of statements *and* it parses (Python by its own parser, others by their
    grammar). What follows a line of prose that announces an example is an explanation and stays. ``max_lines``: as many are
    accepted.
    """

    name = "commented-out-code"

    def __init__(self, max_lines: int = 0) -> None:
        self.max_lines = max_lines

    @timed
    def judge(self, record: Record) -> Verdict:
        """A verdict; ``values``: ``commented-lines`` and their share of all lines. SKIP without a grammar."""
        text = record.text
        if record.language not in PARSED:
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
            line, details = places.line(start), text[start:end].split("\n")[0].strip()[:80]
            message = f"commented-out code: '{details}'"
            span = places.span(start, end)
            findings.append(Finding(rule=self.name, line=line, message=message, severity="warning", span_bytes=span))
        lines = sum(text.count("\n", start, end) + 1 for start, end in spans)
        share = lines / (text.count("\n") + 1)
        values = {"commented-lines": float(lines), "commented-share": share}
        return decide(self.name, findings, values=values, fails=lines > self.max_lines)

    def canaries(self) -> Sequence[Canary]:
        """Code that was switched off, in two languages, and prose that looks a little like code."""
        return [
            canary("x = 1\n# y = x + f(2)\n# print(y)\nz = x\n", "python", self.name),
            canary("int a;\n// int b = f(a);\n/* if (b) { return g(b); } */\n", "c", self.name),
            canary("# see foo\n# x = 3 means that it is off; foo() is called later\n# return the sum\nx = 1\n", "python"),
        ]


def _code_spans(text: str, language: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The chunks of a comment that are code. A comment behind code explains that code."""
    if text[text.rfind("\n", 0, start) + 1 : start].strip():
        return
    if text.startswith(("/**", "///", "//!", "/*!"), start):
        return  # documentation: code in it is an example
    whole_block = text.startswith("/*", start)
    lines = lines_of_comment(text, start, end)[:MAX_BLOCK_LINES]
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
    position = 0
    while position < len(lines):
        if not likely[position]:
            position += 1
            continue
        stop = position + 1  # lines of the shape, and the deeper or closing ones between them
        while stop < len(lines) and (likely[stop] or _goes_on(lines[stop][2], lines[position][2])):
            stop += 1
        before = lines[position - 1][2] if position else ""
        if _SAYS_MORE.search(before):
            position = stop
            continue
        for to in dict.fromkeys((stop, position + 1)):
            if _is_code([words for _, _, words in lines[position:to]], language, tries):
                yield lines[position][0], lines[to - 1][1]
                position = to
                break
        else:
            position += 1


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
    tree = try_parse_python(body)
    return tree is not None and any(_is_statement(node) for node in tree.body)


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
