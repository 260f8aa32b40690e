"""``yunque lsp``: what a gateway knows, over the language server protocol.

    textDocument/inlineCompletion     ghost text; its command tells the server that it was taken
    textDocument/codeAction           fix, refactor, explain, write tests, write from a comment (`tasks`)
    workspace/didChangeConfiguration  section ``yunque``: `Settings`
    textDocument/publishDiagnostics   what checks found in a completion that was taken all the same (`marks`)
    yunque/status                     a notification: why something came, or nothing; never a dialog
    yunque/answer                     a notification: the answer to a task, with its verdicts
    yunque.taken                      a command: a completion was put in (`reactions`, as far as the person agrees)

Covered: cancellation (the gateway's slot is free at the next token), UTF-16 positions, mixed line ends, a gateway that is
gone and comes back, one that is started here where none is named.
Not covered: several folders with gateways of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, fields, replace
from pathlib import PurePosixPath
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

import yunque
from yunque.code.next_edit import EditTrail
from yunque.core.paths import data_folder
from yunque.core.plugins import nearest
from yunque.feedback.events import LEVELS, Event, Level
from yunque.inference.verified.coding import Verb
from yunque.serving.lsp.event_queue import EventQueue
from yunque.serving.lsp.gateway import READY, Gateway, Place, State, Status, Suggestion, UnavailableError
from yunque.serving.lsp.marks import Marks
from yunque.serving.lsp.own_gateway import OwnGateway
from yunque.serving.lsp.places import Point
from yunque.serving.lsp.reactions import Given, Reactions
from yunque.serving.lsp.tasks import KINDS, TASK, TITLES, Target, code_actions, edit_of, next_edit_actions, task_body

STATUS, ANSWER = "yunque/status", "yunque/answer"
TAKEN = "yunque.taken"
"""Command of an inline completion: it was taken."""
CLOCK = "YUNQUE_CLOCK_FACTOR"
"""For tests: how many seconds pass in one, for what waits longest."""
AGAIN_S = 30.0
"""How long until a gateway is told again what could not be told."""
MOST_CHARS = 2_000_000
"""Longer files are left alone."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a client may say, in its initialization options and in the section ``yunque`` of its configuration."""

    enabled: bool = True
    url: str = ""
    """Of the gateway; empty: one is started for this editor."""
    token: str = field(default="", repr=False)
    model: str = ""
    """Model folder or GGUF file of a gateway that is started here; empty: the newest forged one in the workspace."""
    max_tokens: int = 64
    hold: bool = True
    """Whether completions that fail a check are kept back."""
    chars_before: int = 1000
    chars_behind: int = 300
    """Of the file that are sent. What must be read takes 2.7 ms a token on two cores."""
    feedback: str = "off"
    """What the person agrees to report: off, counts, shape or text."""
    next_edit: bool = False
    """Whether a change that was made twice is proposed elsewhere in the file."""

    def with_values(self, values: Any) -> Settings:
        """With what a client says, by ``camelCase`` or ``snake_case`` names; ValueError for a value of another type."""
        if not isinstance(values, dict):
            return self
        known = {item.name: item for item in fields(self)}
        changed = {}
        for name, value in values.items():
            key = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
            if key not in known:
                continue
            if type(value) is not type(getattr(self, key)) or (isinstance(value, int) and value < 0):
                raise ValueError(f"yunque.{name} cannot be {value!r}")
            if key == "feedback" and value not in LEVELS:
                raise ValueError(f"yunque.{name} cannot be {value!r}; {nearest(value, list(LEVELS))}")
            changed[key] = value
        return replace(self, **changed)


class CancelledInEditorError(Exception):
    """Somebody cancelled a task by its progress."""


class YunqueServer(LanguageServer):
    """The server of one editor."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("yunque", yunque.__version__)
        self.settings = settings
        self.editor = uuid.uuid4().hex
        self._gateway: Gateway | None = None
        self._own: OwnGateway | None = None
        self._opening = asyncio.Lock()
        self._status: Status | None = None
        self._agreed = ""
        self.marks = Marks(publish=self.text_document_publish_diagnostics, units=self._units)
        self._last: tuple[str, int, Suggestion] | None = None
        """Of the last completion: its file, its line, and itself."""
        self.trails: dict[str, EditTrail] = {}
        """What was changed in the files that are open."""
        self.events = EventQueue(send=self._report, level=self._level, folder=data_folder() / "editor-events")
        self._agreeing: asyncio.Task | None = None
        second = 1.0 / float(os.environ.get(CLOCK, "1"))
        self.reactions = Reactions(emit=self.events.add, read=self._text, units=self._units, seconds=second)

    async def configure(self, values: Any) -> None:
        """Take settings over; what cannot be is said in the status, and the old ones stay."""
        try:
            settings = self.settings.with_values(values)
        except ValueError as error:
            self.tell(Status(state=State.REFUSED, reason=str(error)))
            return
        before, self.settings = self.settings, settings
        if settings.feedback == "off":
            self.events.clear()
        if settings.feedback != before.feedback:
            self.agree_soon()
        if (settings.url, settings.token, settings.model) != (before.url, before.token, before.model):
            await self.leave()

    async def gateway(self) -> Gateway:
        """The gateway to ask, started if it must be. UnavailableError where there is none."""
        async with self._opening:
            if self._gateway is not None and (self._own is None or self._own.is_alive):
                return self._gateway
            if self.settings.url:
                self._gateway = Gateway(url=self.settings.url, token=self.settings.token)
            else:
                self.tell(Status(state=State.BUSY, reason="a gateway is being started"))
                self._own = OwnGateway(model=self.settings.model, root=self.workspace.root_path or ".")
                self._gateway = Gateway(url=await self._own.start(), token=self.settings.token)
            return self._gateway

    async def leave(self) -> None:
        """Let go of the gateway, and end the one that was started here."""
        self._agreed = ""
        gateway, own = self._gateway, self._own
        self._gateway = self._own = None
        if gateway is not None:
            await gateway.close()
        if own is not None:
            await own.stop()

    def tell(self, status: Status) -> None:
        """Notify the client of a status, where it is another one."""
        if status != self._status:
            self._status = status
            self.protocol.notify(STATUS, {"state": status.state.value, "reason": status.reason})

    def place(self, document: TextDocument, position: lsp.Position) -> Place:
        """What stands before and behind a position."""
        text = document.source
        offset = document.offset_at_position(position)
        before, after = text[:offset], text[offset:]
        first = max(0, len(before) - self.settings.chars_before)
        sent_before, sent_after = before[first:], after[: self.settings.chars_behind]
        return Place(
            before=sent_before.replace("\r\n", "\n"),
            after=sent_after.replace("\r\n", "\n"),
            path=document.path or document.uri,
            is_whole_file=len(sent_before) == len(before) and len(sent_after) == len(after),
        )

    async def inline_completion(self, params: lsp.InlineCompletionParams) -> lsp.InlineCompletionList:
        """At most one completion; none is a status, never an error."""
        nothing = lsp.InlineCompletionList(items=[])
        if not self.settings.enabled:
            self.tell(Status(state=State.NOTHING, reason="switched off"))
            return nothing
        document = self.workspace.get_text_document(params.text_document.uri)
        if len(document.source) > MOST_CHARS or "\x00" in document.source:
            self.tell(Status(state=State.NOTHING, reason="the file is too long, or no text"))
            return nothing
        place = self.place(document, params.position)
        if not (place.before + place.after).strip():
            self.tell(Status(state=State.NOTHING, reason="the file is empty"))
            return nothing
        if edits := self._next_edits_at(document, params.position):
            return lsp.InlineCompletionList(items=edits)
        settings, asked = self.settings, time.monotonic()
        try:
            gateway = await self.gateway()
            suggestion = await gateway.complete(
                place, max_tokens=settings.max_tokens, editor=self.editor, hold=settings.hold
            )
        except UnavailableError as error:
            self.tell(error.status)
            return nothing
        self.tell(suggestion.status)
        if self._agreed != settings.feedback:
            self.agree_soon()
        if not suggestion.text:
            return nothing
        self._last = document.uri, params.position.line, suggestion
        if settings.feedback != "off":
            start, latency_ms = (params.position.line, params.position.character), 1000 * (time.monotonic() - asked)
            behind = self._units(place.after.partition("\n")[0])
            given = Given(
                suggestion=suggestion, place=place, uri=document.uri, start=start, behind=behind, latency_ms=latency_ms
            )
            self.reactions.given(given)
        text = suggestion.text.replace("\n", "\r\n") if "\r\n" in document.source else suggestion.text
        taken = lsp.Command(title="taken", command=TAKEN, arguments=[suggestion.id, params.text_document.uri])
        here = lsp.Range(start=params.position, end=params.position)
        return lsp.InlineCompletionList(items=[lsp.InlineCompletionItem(insert_text=text, range=here, command=taken)])

    def _next_edits_at(self, document: TextDocument, position: lsp.Position) -> list[lsp.InlineCompletionItem]:
        """A change that is proposed just at the cursor, where nothing is replaced: grey text replaces nothing."""
        trail = self.trails.get(document.uri)
        proposals = trail.proposals() if self.settings.next_edit and trail else []
        offset, here = document.offset_at_position(position), lsp.Range(start=position, end=position)
        return [
            lsp.InlineCompletionItem(insert_text=item.text, range=here)
            for item in proposals
            if item.start == item.end == offset
        ]

    def took(self, completion: str) -> None:
        """A completion was put in; what checks found in it is marked there."""
        self.reactions.took(completion)
        if self._last is not None and self._last[2].id == completion:
            uri, line, suggestion = self._last
            self.marks.add(uri, line, suggestion.verdicts)

    def changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        """A file was changed."""
        uri = params.text_document.uri
        self.reactions.changed(uri, params.content_changes)
        self.marks.changed(uri, params.content_changes)
        if self.settings.next_edit:
            text = self.workspace.get_text_document(uri).source
            self.trails.setdefault(uri, EditTrail(text=text)).changed(text)

    # ---------------------------------------------------------------------------------------------------------- feedback
    def _level(self) -> Level:
        return LEVELS[self.settings.feedback]

    async def _report(self, events: list[Event]) -> None:
        await self._agree()
        await (await self.gateway()).report(events)

    async def _agree(self) -> None:
        """Tell the gateway once what its person agrees to."""
        gateway, level = await self.gateway(), self.settings.feedback
        if self._agreed != level:
            await gateway.agree(level)
            self._agreed = level if gateway is self._gateway else ""

    def agree_soon(self) -> None:
        """Tell it until it knows: a consent that was taken back must reach it, too."""

        async def until_known() -> None:
            while self._gateway is not None and self._agreed != self.settings.feedback:
                with contextlib.suppress(UnavailableError):
                    await self._agree()
                    return
                await asyncio.sleep(AGAIN_S)

        if self._agreeing is None or self._agreeing.done():
            self._agreeing = asyncio.ensure_future(until_known())

    def _text(self, uri: str, start: Point, end: Point) -> str | None:
        if uri not in self.workspace.text_documents:
            return None
        document = self.workspace.get_text_document(uri)
        first, behind = (document.offset_at_position(lsp.Position(*point)) for point in (start, end))
        return document.source[first:behind]

    def _units(self, text: str) -> int:
        return self.workspace.position_codec.client_num_units(text)

    # ------------------------------------------------------------------------------------------------------------- tasks
    async def run_task(self, verb: Verb, uri: str, first: int, behind: int, about: str) -> dict[str, Any]:
        """Ask for a task, tell the client the answer, and offer its edit; the answer, empty where none comes."""
        document = self.workspace.get_text_document(uri)
        body, indent = task_body(document, verb, first, behind, about)
        target = Target(first=first, behind=behind, title=PurePosixPath(uri).name)
        before = "".join(document.lines[first:behind])
        try:
            async with self._working(TITLES[verb].format(target.title)):
                answer = await (await self.gateway()).verified(body)
        except UnavailableError as error:
            self.tell(error.status)
            return {}
        except CancelledInEditorError:
            self.tell(Status(state=State.NOTHING, reason="cancelled"))
            return {}
        self.tell(READY)
        lines = {"first": first, "behind": behind}
        kept = {name: answer[name] for name in ("code", "ok", "failed", "verdicts", "reasoning")}
        answered = {"verb": verb.value, "uri": uri, **lines, "before": before, **kept}
        self.protocol.notify(ANSWER, answered)
        if verb is Verb.EXPLAIN:
            self.window_show_message(lsp.ShowMessageParams(type=lsp.MessageType.Info, message=answer["code"]))
        elif answer["code"].strip() and self._confirms:
            edit = edit_of(document, verb, target, answer["code"], indent, answer["verdicts"])
            label = f"yunque: {TITLES[verb].format(target.title)}"
            await self.workspace_apply_edit_async(lsp.ApplyWorkspaceEditParams(edit=edit, label=label))
        return answered

    @property
    def _confirms(self) -> bool:
        """Whether the editor asks before it makes a change that is marked so."""
        workspace = self.client_capabilities.workspace
        edits = workspace.workspace_edit if workspace else None
        return bool(edits and edits.document_changes and edits.change_annotation_support)

    @contextlib.asynccontextmanager
    async def _working(self, title: str) -> AsyncGenerator[None]:
        """Progress in the editor as long as the context lasts; cancelled there, the task ends."""
        window = self.client_capabilities.window
        if not (window and window.work_done_progress):
            yield
            return
        token, task = uuid.uuid4().hex, asyncio.current_task()
        await self.work_done_progress.create_async(token)

        was_cancelled = False

        def cancelled(future: Any) -> None:
            nonlocal was_cancelled
            if future.cancelled() and task is not None:
                was_cancelled = task.cancel()

        self.work_done_progress.tokens[token].add_done_callback(cancelled)
        self.work_done_progress.begin(token, lsp.WorkDoneProgressBegin(title=title, cancellable=True))
        try:
            yield
        except asyncio.CancelledError:
            if was_cancelled and task is not None:
                task.uncancel()
                raise CancelledInEditorError from None
            raise
        finally:
            self.work_done_progress.end(token, lsp.WorkDoneProgressEnd())


def make_language_server(settings: Settings) -> YunqueServer:
    """A server that has not started."""
    server = YunqueServer(settings)
    _follow_documents(server)

    @server.feature(lsp.INITIALIZE)
    async def initialize(params: lsp.InitializeParams) -> None:
        await server.configure(params.initialization_options)

    # Without options pygls does not advertise the capability.
    @server.feature(lsp.TEXT_DOCUMENT_INLINE_COMPLETION, lsp.InlineCompletionOptions())
    async def inline_completion(params: lsp.InlineCompletionParams) -> lsp.InlineCompletionList:
        return await server.inline_completion(params)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configured(params: lsp.DidChangeConfigurationParams) -> None:
        values = params.settings
        await server.configure(values.get("yunque", values) if isinstance(values, dict) else None)

    kinds = [kind for kind in KINDS.values() if kind is not lsp.CodeActionKind.Empty]

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=kinds))
    def actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        document = server.workspace.get_text_document(params.text_document.uri)
        trail = server.trails.get(document.uri)
        proposals = trail.proposals() if server.settings.next_edit and trail else []
        return [*next_edit_actions(document, proposals, params), *code_actions(document, params)]

    @server.command(TASK)
    async def task(verb: str, uri: str, first: int, behind: int, about: str = "") -> dict[str, Any]:
        return await server.run_task(Verb(verb), uri, first, behind, about)

    @server.command(TAKEN)
    def taken(completion: str, uri: str) -> None:
        server.took(completion)

    @server.feature(lsp.INITIALIZED)
    def initialized(_: lsp.InitializedParams) -> None:
        if server.settings.feedback != "off":
            server.events.take_up()

    @server.feature(lsp.SHUTDOWN)
    async def shutdown(_: None) -> None:
        server.reactions.close()
        await server.events.close()
        if server._agreeing is not None:
            server._agreeing.cancel()
        with contextlib.suppress(ProcessLookupError):
            await server.leave()

    return server


def _follow_documents(server: YunqueServer) -> None:
    """What is to be known of changes; the texts themselves are kept by pygls."""

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        if server.settings.next_edit:
            server.trails[params.text_document.uri] = EditTrail(text=params.text_document.text)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        server.changed(params)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        server.trails.pop(params.text_document.uri, None)
        server.marks.closed(params.text_document.uri)
