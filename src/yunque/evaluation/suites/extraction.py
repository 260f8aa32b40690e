"""Answers to code: completions are cut, chat answers lose their prose, fences and what the prompt already holds.

Covered: stop texts, looked for after the prompt only; end tokens left in the text; several fences; the whole function
repeated, with imports, helpers, a class around it or a ``main`` of its own.
Not covered: chat answers that rename the function; braces inside regular expressions and nested template texts when a block
is looked for.
"""

from __future__ import annotations

import re

from yunque.code.fences import fenced

SPECIAL = ("<|endoftext|>", "<|im_end|>", "<|eot_id|>")
"""End tokens that some engines leave in the text."""

_C_FAMILY = r"[\w>\])*&](?<!\breturn)(?<!\belse)\s+[*&]*NAME\s*\("
_FUNCTION = r"\bfunction\s+NAME\s*\("
_SCRIPT = rf"{_FUNCTION}|\b(?:const|let|var)\s+NAME\b"
DEFINES = {
    "python": r"\bdef\s+NAME\s*\(",
    "go": r"\bfunc\s+NAME\s*\(",
    "julia": rf"{_FUNCTION}|^NAME\(.*\)\s*=",
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "lua": rf"{_FUNCTION}|\bNAME\s*=",
    "php": _FUNCTION,
    "perl": r"\bsub\s+NAME\b",
    "r": r"\bNAME\s*(?:<-|=)",
    "ruby": r"\bdef\s+NAME\b",
    "racket": r"\(define\s+\(?NAME\b",
    "rust": r"\bfn\s+NAME\b",
    "scala": r"\bdef\s+NAME\b",
    "shell": r"\bNAME\s*\(\)|\bfunction\s+NAME\b",
    "swift": r"\bfunc\s+NAME\b",
}
"""What the definition of the function NAME looks like; in other languages as in C."""

_HEADER = re.compile(r"^(?:package[ \t].*|<\?php.*|\?>|#lang.*|#!.*)\n?", re.MULTILINE)
_IMPORT = re.compile(r"^(?:import|using(?![ \t]*(?:var\b|\())|use|#include|require|from)\b.*\n?", re.MULTILINE)
_GO_IMPORTS = re.compile(r"^import[ \t]*\(([^()]*)\)", re.MULTILINE)
_MAIN = re.compile(r"^.*\b[mM]ain[ \t]*\([^{}\n]{0,300}+\{", re.MULTILINE)
_MARKS = re.compile(r"//.*|/\*(?s:.*?)(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*+\"?|`[^`]*+`?|(?<!\\)'(?:\\.|[^'\\\n])*+'(?!\w)|[{}]")
"""Braces, and what hides braces: comments, texts and characters of the C family, not what is between Rust's lifetimes."""


def cut(text: str, stops: tuple[str, ...]) -> str:
    """A completion up to its first stop text. One that ends without the newline that a stop ends with is cut as well."""
    text += "\n"
    return text[
        : min((position for stop in (*stops, *SPECIAL) if (position := text.find(stop)) >= 0), default=len(text) - 1)
    ]


def last_definition(language: str, prompt: str) -> str:
    """A pattern: what the definition of the function looks like with which a prompt ends."""
    defines = DEFINES.get(language, _C_FAMILY)
    result = re.findall(defines.replace("NAME", r"(\w+)"), prompt, re.MULTILINE)[-1:] or [""]
    return defines.replace("NAME", result[0] if isinstance(result[0], str) else "".join(result[0]))


def code_of(text: str, definition: str) -> str:
    """The code of a chat answer: its first fenced block with the definition, else its first, else all of it."""
    for special in SPECIAL:
        text = text.replace(special, "")
    blocks = fenced(text) or [text]
    return next((block for block in blocks if re.search(definition, block, re.MULTILINE)), blocks[0])


def merge(head: str, code: str, language: str, definition: str) -> str:
    """An answer's code below a prompt's imports: nothing imported twice, no class in a class, no ``main`` of its own."""
    head, code = _one_by_one(head), _one_by_one(_HEADER.sub("", code))
    known = {line.strip() for line in head.splitlines()}
    imports = [line for line in map(str.strip, _IMPORT.findall(code)) if line not in known]
    code = _IMPORT.sub("", code)
    position = head.rstrip().rfind("\n") + 1 if head.rstrip().endswith("{") else len(head)
    if position < len(head):
        code = _unwrapped(code, definition)
    if language in ("cpp", "csharp", "d", "go", "java", "rust", "scala") and (main := _MAIN.search(code)):
        code = code[: main.start()] + code[block_end(code, main.end()) :]
    return head[:position] + "".join(f"{line}\n" for line in dict.fromkeys(imports)) + head[position:] + code


def _one_by_one(code: str) -> str:
    """Go's import blocks as one import a line."""
    return _GO_IMPORTS.sub(
        lambda block: "".join(f"import {line.strip()}\n" for line in block[1].split("\n") if line.strip()), code
    )


def _unwrapped(code: str, definition: str) -> str:
    """The code with the content of the class around the definition in place of that class."""
    defined = re.search(definition, code, re.MULTILINE)
    for match in re.finditer(r"^.*\b(?:class|object)\s+\w++[^{\n]{0,300}+\{", code, re.MULTILINE):
        end = block_end(code, match.end())
        if defined and match.end() <= defined.start() < end:
            return code[: match.start()] + code[match.end() : end - 1] + code[end:]
    return code


def block_end(code: str, start: int = 0, depth: int = 1) -> int:
    """Behind the brace that closes the last of ``depth`` blocks that are open at ``start``; the end where none does."""
    for match in _MARKS.finditer(code, start):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if not depth:
            return match.end()
    return len(code)


def closed(code: str) -> str:
    """The code with a closing brace for every block that is open at its end."""
    marks = [match[0] for match in _MARKS.finditer(code)]
    return code + "}\n" * (marks.count("{") - marks.count("}"))
