"""What people ask of a model beside completions: write, fix, explain, refactor, test; how it is put, how answers are read.

A chat model is asked to plan before it writes code; plan and thoughts are kept apart from the code. A model without a chat
template goes on from a comment.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from yunque.checks.execution.given_tests import answer_path
from yunque.code.fences import FENCE
from yunque.code.functions import blank_body, functions
from yunque.code.languages import named, row_of
from yunque.code.python_ast import try_parse_python
from yunque.core.nouns import Message, PromptStyle, Request


class Verb(StrEnum):
    """What is asked."""

    WRITE = "write"
    """Code, of a description."""
    FIX = "fix"
    """Code without what is wrong with it."""
    EXPLAIN = "explain"
    """What code does, in prose."""
    REFACTOR = "refactor"
    """The same, better."""
    TEST = "test"
    """Tests of code."""


@dataclass(frozen=True, kw_only=True)
class CodingTask:
    """One thing that is asked, with all that its answer is judged by."""

    verb: Verb
    instruction: str = ""
    """In the words of whoever asks; for ``fix`` what is wrong, if it is known."""
    code: str = ""
    """What it is about; for ``write`` what the answer begins with, such as a signature and its docstring."""
    language: str = "python"
    path: str = ""
    """Of the file that the answer is, relative to the tree; empty where it is none."""
    tests: Mapping[str, str] = field(default_factory=dict)
    """Relative path -> text of the tests that the answer must pass."""
    tree: Path | None = None
    """The repository that the file and its tests belong to."""


@dataclass(frozen=True, kw_only=True)
class ParsedAnswer:
    """An answer, taken apart."""

    code: str
    """Of its fenced blocks; all of it where there is none; for ``explain`` the prose."""
    reasoning: str
    """Plan and thoughts."""


_ASKS = {
    Verb.WRITE: "Write {language} code: {instruction}",
    Verb.FIX: "Fix this {language} code. {instruction}",
    Verb.EXPLAIN: "Explain in a few sentences what this {language} code does, to somebody who will change it. {instruction}",
    Verb.REFACTOR: "Rewrite this {language} code so that it does the same and is easier to read. "
    "Keep the names of its functions and classes, and their parameters. {instruction}",
    Verb.TEST: "Write tests for this {language} code. {framework}Test ordinary cases, edge cases and errors. {instruction}",
}
_PLAN = "First write a short plan. Then write {what} in one fenced code block, complete, with its imports."
_NO_PLAN = "Answer with {what} in one fenced code block, complete, with its imports, and nothing else."
_SYSTEM = "You are a careful programmer. You write correct, simple, secure code."
_WHATS = {Verb.WRITE: "the code", Verb.FIX: "the whole fixed code", Verb.REFACTOR: "the whole code", Verb.TEST: "the tests"}
_BEFORE = {
    Verb.WRITE: "Before",
    Verb.FIX: "Before",
    Verb.REFACTOR: "Before",
    Verb.TEST: "The code",
    Verb.EXPLAIN: "The code",
}
_AFTER = {
    Verb.WRITE: "Fixed",
    Verb.FIX: "Fixed",
    Verb.REFACTOR: "Better",
    Verb.TEST: "Its tests",
    Verb.EXPLAIN: "What it does",
}


def chat_messages(task: CodingTask, *, plan: bool = True) -> tuple[Message, ...]:
    """The conversation that asks a chat model; ``plan``: it is asked to plan first."""
    framework = "Use pytest, and import what you test from `{module}`. " if task.language == "python" else ""
    ask = _ASKS[task.verb].format(
        language=task.language,
        instruction=task.instruction.strip(),
        framework=framework.format(module=module_of(task.path)),
    )
    parts = [ask.strip()]
    if task.code.strip():
        parts += ["It begins so; answer with all of it:"] * (task.verb is Verb.WRITE) + [_block(task.code, task.language)]
    if task.tests:
        parts.append("It must pass these tests:")
        parts += [_block(text, task.language) for text in task.tests.values()]
    if task.verb is not Verb.EXPLAIN:
        parts.append((_PLAN if plan else _NO_PLAN).format(what=_WHATS[task.verb]))
    return (Message(role="system", content=_SYSTEM), Message(role="user", content="\n\n".join(parts)))


def repair_messages(asked: Sequence[Message], answer: str, findings: Sequence[str], *, what: str = "the code") -> tuple:
    """The conversation with an answer and what tools found wrong with it."""
    listed = "\n".join(f"- {finding}" for finding in findings)
    again = f"Tools found this wrong with it:\n\n{listed}\n\nWrite {what} again without that, in one fenced code block."
    return (*asked, Message(role="assistant", content=answer), Message(role="user", content=again))


def plain_prompt(task: CodingTask, findings: Sequence[str] = (), answer: str = "") -> str:
    """What a model goes on from outside of a chat: comments, the code it is about, and the `lead` of the answer.

    ``findings``: what is wrong with that code, or with the ``answer`` to ``write``.
    """
    mark = row_of(task.language).line_comment or "#"
    lines = [f"{mark} {line}" for line in task.instruction.strip().splitlines()]
    code = answer if task.verb is Verb.WRITE else task.code
    if code.strip():
        lines += [f"{mark} {_BEFORE[task.verb]}:", code.rstrip(), ""]
        lines += [f"{mark} wrong: {' '.join(finding.split())}" for finding in findings]
        lines.append(f"{mark} {_AFTER[task.verb]}:")
    return "".join(f"{line}\n" for line in lines) + lead(task)


def lead(task: CodingTask) -> str:
    """How the answer to a prompt that is no chat begins: with what is given, else in Python with what the tests import."""
    if task.verb is not Verb.WRITE or task.code or task.language != "python":
        return task.code if task.verb is Verb.WRITE else ""
    module = module_of(task.path or answer_path(task.tests.values()))
    for text in task.tests.values():
        tree = try_parse_python(text)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.ImportFrom) and node.module == module and node.names[0].name != "*":
                name = node.names[0].name
                return f"class {name}" if name[0].isupper() else f"def {name}("
    return ""


def request_of(task: CodingTask, messages: Sequence[Message], *, is_chat: bool, settings: Mapping[str, Any]) -> Request:
    """The request that asks once: the conversation, or its last message to go on from, in valid syntax if that is code."""
    syntax = "" if task.verb is Verb.EXPLAIN else task.language
    form = (
        {"prompt": "", "messages": tuple(messages), "style": PromptStyle.CHAT}
        if is_chat
        else {"prompt": messages[-1].content, "syntax": syntax}
    )
    return Request(**form, stop_repetition=True, **settings)


# ----------------------------------------------------------------------------------------------------------- reading answers
PLAIN_STOPS = ("\nif __name__", "\nprint(", "\nassert ", "\n# ", "\n\n\n\n", "\n```")
"""Where an answer has ended that is no chat: what follows is an example, or something else."""
_THOUGHTS = re.compile(r"<(think|thinking|reasoning)>(.*?)(?:</\1>|\Z)", re.DOTALL)


def parse_plain(text: str, task: CodingTask) -> ParsedAnswer:
    """The code of an answer that is no chat, with its lead; Python without the lines at its end that do not parse."""
    code = lead(task) + text
    lines = code.rstrip().split("\n")
    if task.language == "python" and task.verb is not Verb.EXPLAIN and try_parse_python(code) is None:
        whole = (number for number in range(len(lines) - 1, 0, -1) if try_parse_python("\n".join(lines[:number])))
        lines = lines[: next(whole, len(lines))]
    return ParsedAnswer(code="\n".join(lines).rstrip() + "\n" if text.strip() else "", reasoning="")


def parse_answer(text: str, task: CodingTask) -> ParsedAnswer:
    """Code and reasoning of an answer. Of several blocks those in the task's language, together, without what repeats."""
    thoughts = [match[2].strip() for match in _THOUGHTS.finditer(text)]
    text = _THOUGHTS.sub("", text)
    if task.verb is Verb.EXPLAIN:
        return ParsedAnswer(code=text.strip(), reasoning="\n\n".join(thoughts))
    blocks = FENCE.findall(text)
    if not blocks:
        return ParsedAnswer(code=text.strip("\n") + "\n" if text.strip() else "", reasoning="\n\n".join(thoughts))
    right = [block for name, block in blocks if named(name.strip().partition(" ")[0]) in ("", task.language)]
    prose = FENCE.sub("", text).strip()
    code = _without_repeats(right or [block for _, block in blocks[:1]], task.language)
    return ParsedAnswer(code=code, reasoning="\n\n".join(part for part in (*thoughts, prose) if part))


def _without_repeats(blocks: Sequence[str], language: str) -> str:
    """Blocks one below the other; of those that define the same the last one, which is what a model settled on."""
    kept: list[tuple[set[str], str]] = []
    for block in blocks:
        names = {function.qualified_name for function in functions(block, language)}
        if not names and kept:
            continue  # an example of how it is called
        kept = [(others, text) for others, text in kept if not (others & names)]
        kept.append((names, block))
    return "\n".join(text.strip("\n") + "\n" for _, text in kept)


def module_of(path: str) -> str:
    """How Python imports a file: ``a/b.py`` -> ``a.b``."""
    return (path or "answer.py").removesuffix(".py").removeprefix("src/").replace("/", ".")


def without_bodies(code: str, language: str) -> str:
    """Python in which every function raises: what a test must not pass."""
    for function in reversed(functions(code, language)):
        if function.has_body:
            code = blank_body(code, function, f"{function.indent}raise NotImplementedError")
    return code


def _block(text: str, language: str) -> str:
    """A fenced block that the text cannot close."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"
