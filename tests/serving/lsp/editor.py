"""An editor that speaks the language server protocol to a server in a process of its own, as pytest-lsp makes it."""

import asyncio
import contextlib
import os
import sys

import pytest
from lsprotocol import types as lsp

pytest_lsp = pytest.importorskip("pytest_lsp")
COMMAND = [sys.executable, "-m", "yunque", "lsp"]
URI = "file:///workspace/sums.py"
CODE = "def add(a, b):\n    return \n\n\nprint(add(1, 2))\n"


class Editor:
    """A client with what it was told."""

    def __init__(self, client):
        self.client, self.statuses = client, []

        @client.feature("yunque/status")
        def status(params):
            self.statuses.append((params.state, params.reason))

    def open(self, text, uri=URI):
        document = lsp.TextDocumentItem(uri=uri, language_id="python", version=1, text=text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(text_document=document))

    def configure(self, **settings):
        params = lsp.DidChangeConfigurationParams(settings={"yunque": settings})
        self.client.workspace_did_change_configuration(params)

    async def items(self, line, character, uri=URI):
        context = lsp.InlineCompletionContext(trigger_kind=lsp.InlineCompletionTriggerKind.Automatic)
        position = lsp.Position(line=line, character=character)
        document = lsp.TextDocumentIdentifier(uri=uri)
        params = lsp.InlineCompletionParams(text_document=document, position=position, context=context)
        return (await self.client.text_document_inline_completion_async(params)).items

    async def complete(self, line, character, uri=URI):
        return [item.insert_text for item in await self.items(line, character, uri)]


def with_editor(story, *, root=None, environment=None, capabilities=None, **options):
    """What a story with an editor gives."""

    async def whole():
        client = pytest_lsp.make_test_lsp_client()
        editor = Editor(client)
        await client.start_io(*COMMAND, env={**os.environ, **(environment or {})})
        try:
            params = lsp.InitializeParams(
                capabilities=capabilities or lsp.ClientCapabilities(),
                initialization_options=options,
                root_uri=f"file://{root}" if root else None,
            )
            result = await client.initialize_session(params)
            assert result.capabilities.inline_completion_provider is not None
            return await asyncio.wait_for(story(editor), 60)
        finally:
            with contextlib.suppress(Exception):
                await client.shutdown_session()
            await client.stop()

    return asyncio.run(whole())
