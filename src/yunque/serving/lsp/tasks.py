"""Coding tasks as code actions: what is offered at a place, what is asked, and the edit that comes of it.

An edit is never made unseen: it is annotated as one to confirm, which editors show as a diff with the verdicts beside it. An
editor that knows no annotations is told the answer alone (notification ``yunque/answer``), and shows it as it likes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from lsprotocol import types as lsp
from pygls.workspace import TextDocument

from yunque.code.functions import Function, functions
from yunque.code.languages import language_of, named
from yunque.code.lexing import indent_of
from yunque.code.next_edit import Proposal
from yunque.inference.verified.coding import Verb

TASK = "yunque.task"
"""Command with (verb, uri, first line, line behind the last, what is wrong)."""
MOST_CHARS = 100_000
"""Of a text that is asked about."""
_FILE, _FUNCTION = "this file", "'{}'"
TITLES = {
    Verb.FIX: "Fix {}", Verb.REFACTOR: "Refactor {}", Verb.EXPLAIN: "Explain {}", Verb.TEST: "Write tests for {}",
    Verb.WRITE: "Write the body of {}",
}  # fmt: skip
KINDS = {
    Verb.FIX: lsp.CodeActionKind.QuickFix, Verb.REFACTOR: lsp.CodeActionKind.RefactorRewrite,
    Verb.WRITE: lsp.CodeActionKind.RefactorRewrite, Verb.TEST: lsp.CodeActionKind.Source,
    Verb.EXPLAIN: lsp.CodeActionKind.Empty,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Target:
    """Whole lines that a task is about."""

    first: int
    behind: int
    """The line behind the last; lines count from 0."""
    title: str
    is_stub: bool = False
    """Whether it is a function without a body."""

    @property
    def range(self) -> lsp.Range:
        """Of the lines; columns are 0, in whatever units."""
        return lsp.Range(start=lsp.Position(self.first, 0), end=lsp.Position(self.behind, 0))


def language(document: TextDocument) -> str:
    """By the name that the editor has for it, else by the file's; empty where neither is known."""
    return named(document.language_id or "") or language_of(PurePosixPath(document.path or document.uri).name, b"")


def target_of(document: TextDocument, selected: lsp.Range) -> Target:
    """The lines that are selected, else the innermost function around the cursor, else the file."""
    start, end = selected.start, selected.end
    if start != end:
        behind = end.line + (end.character > 0)
        return Target(first=start.line, behind=max(behind, start.line + 1), title="the selection")
    data = document.source.encode("utf-8", "surrogatepass")
    around = [
        (first, behind, item)
        for item in functions(document.source, language(document))
        for first, behind in [_lines(data, item)]
        if first <= start.line < behind
    ]
    if around:
        first, behind, item = min(around, key=lambda entry: entry[1] - entry[0])
        return Target(first=first, behind=behind, title=_FUNCTION.format(item.name), is_stub=not item.has_body)
    return Target(first=0, behind=len(document.lines), title=_FILE)


def _lines(data: bytes, item: Function) -> tuple[int, int]:
    """First line of a function, and the line behind its last."""
    first = data.count(b"\n", 0, item.start_byte)
    return first, first + 1 + data.count(b"\n", item.start_byte, max(item.start_byte, item.end_byte - 1))


def code_actions(document: TextDocument, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """What can be asked at a place; what diagnostics say there goes along with ``fix``."""
    if not language(document) or len(document.source) > MOST_CHARS:
        return []
    target, wrong = target_of(document, params.range), [item.message for item in params.context.diagnostics]
    verbs = [Verb.WRITE] if target.is_stub else [Verb.FIX, Verb.REFACTOR, Verb.EXPLAIN]
    if language(document) == "python":
        verbs.append(Verb.TEST)
    actions = []
    for verb in verbs:
        lines = (0, len(document.lines)) if verb is Verb.TEST else (target.first, target.behind)
        title = TITLES[verb].format(_FILE if verb is Verb.TEST else target.title)
        about = " ".join(wrong) if verb is Verb.FIX else ""
        command = lsp.Command(title=title, command=TASK, arguments=[verb.value, document.uri, *lines, about])
        diagnostics = params.context.diagnostics if verb is Verb.FIX else None
        actions.append(lsp.CodeAction(title=f"yunque: {title}", kind=KINDS[verb], command=command, diagnostics=diagnostics))
    if not (only := params.context.only):
        return actions
    wanted = tuple(kind.value if isinstance(kind, lsp.CodeActionKind) else kind for kind in only)
    return [action for action, verb in zip(actions, verbs, strict=True) if KINDS[verb].value.startswith(wanted)]


def next_edit_actions(
    document: TextDocument, proposals: Sequence[Proposal], params: lsp.CodeActionParams
) -> list[lsp.CodeAction]:
    """The change that was made lately, at the next place and at all others; several are marked as to confirm."""
    kind = lsp.CodeActionKind.RefactorRewrite
    only = [item.value if isinstance(item, lsp.CodeActionKind) else item for item in params.context.only or ()]
    if not proposals or (only and not kind.value.startswith(tuple(only))):
        return []
    edits = []
    for item in proposals:
        start, end = (_position(document, offset) for offset in (item.start, item.end))
        edits.append(lsp.AnnotatedTextEdit("yunque", lsp.Range(start=start, end=end), item.text))
    titles = [(f"yunque: Change line {proposals[0].line + 1} alike", edits[:1])]
    if len(edits) > 1:
        titles.append((f"yunque: Change {len(edits)} places alike", edits))
    actions = []
    for title, changes in titles:
        note = lsp.ChangeAnnotation(label=title, needs_confirmation=len(changes) > 1)
        identifier = lsp.OptionalVersionedTextDocumentIdentifier(uri=document.uri, version=document.version)
        edit = lsp.TextDocumentEdit(text_document=identifier, edits=[*changes])
        whole = lsp.WorkspaceEdit(document_changes=[edit], change_annotations={"yunque": note})
        actions.append(lsp.CodeAction(title=title, kind=kind, edit=whole))
    return actions


def _position(document: TextDocument, offset: int) -> lsp.Position:
    """Of an offset in characters, in the editor's units."""
    before = document.source[document.source.rfind("\n", 0, offset) + 1 : offset]
    line = document.source.count("\n", 0, offset)
    return lsp.Position(line=line, character=document.position_codec.client_num_units(before))


def task_body(document: TextDocument, verb: Verb, first: int, behind: int, about: str) -> tuple[dict[str, Any], str]:
    """What ``/v1/verified`` is asked, and the indentation that was taken off the code."""
    code = "".join(document.lines[first:behind]).replace("\r\n", "\n")
    indent = indent_of(next((line for line in code.splitlines() if line.strip()), ""))
    body: dict[str, Any] = {"verb": verb.value, "instruction": about, "code": textwrap.dedent(code)}
    body |= {"language": language(document), "rounds": 1}
    if verb is Verb.TEST:
        body["path"] = PurePosixPath(document.path or "answer.py").name
    return body, indent


def edit_of(
    document: TextDocument, verb: Verb, target: Target, code: str, indent: str, verdicts: Sequence[dict[str, Any]]
) -> lsp.WorkspaceEdit:
    """The change to confirm: lines that are replaced, or a new file of tests beside the file."""
    described = ", ".join(f"{item['check']}: {item['outcome']}" for item in verdicts)
    note = lsp.ChangeAnnotation(label=TITLES[verb].format(target.title), needs_confirmation=True, description=described)
    changes: list[Any] = []
    if verb is Verb.TEST:
        name = PurePosixPath(document.uri).name
        uri = document.uri.removesuffix(name) + f"test_{name}"
        options = lsp.CreateFileOptions(ignore_if_exists=True)
        changes.append(lsp.CreateFile(uri=uri, options=options, annotation_id="yunque"))
        here, version = lsp.Range(start=lsp.Position(0, 0), end=lsp.Position(0, 0)), None
        text = code.rstrip("\n") + "\n"
    else:
        uri, here, version = document.uri, target.range, document.version
        text = textwrap.indent(code.rstrip("\n") + "\n", indent)
    if "\r\n" in document.source:
        text = text.replace("\n", "\r\n")
    edit = lsp.AnnotatedTextEdit(annotation_id="yunque", range=here, new_text=text)
    identifier = lsp.OptionalVersionedTextDocumentIdentifier(uri=uri, version=version)
    changes.append(lsp.TextDocumentEdit(text_document=identifier, edits=[edit]))
    return lsp.WorkspaceEdit(document_changes=changes, change_annotations={"yunque": note})
