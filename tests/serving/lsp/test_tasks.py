"""Coding tasks in the editor: what is offered, what is asked, and edits that are shown before they are made."""

import ast
import asyncio
import time

import httpx2
import pytest
from lsprotocol import types as lsp

from tests.serving.lsp.editor import URI
from tests.serving.lsp.editor import with_editor as with_plain_editor
from yunque.inference.scripted_engine import ScriptedEngine

CODE = "class Sums:\n    def add(self, a, b):\n        return a - b\n\n\ndef zero():\n    ...\n"
FIXED = "Plan: plus.\n```python\ndef add(self, a, b):\n    return a + b\n```"
TESTS = "```python\nfrom sums import Sums\n\n\ndef test_add():\n    assert Sums().add(3, 1) == 2\n```"
FOR_FILE = "yunque: Write tests for this file"
ABLE = lsp.ClientCapabilities(
    workspace=lsp.WorkspaceClientCapabilities(
        apply_edit=True,
        workspace_edit=lsp.WorkspaceEditClientCapabilities(
            document_changes=True,
            resource_operations=[lsp.ResourceOperationKind.Create],
            change_annotation_support=lsp.ChangeAnnotationsSupportOptions(),
        ),
    ),
    window=lsp.WindowClientCapabilities(work_done_progress=True),
)


def with_editor(story, url, capabilities=ABLE):
    """A story with an editor that notes edits and answers; pytest-lsp's client notes messages and progress."""

    async def noting(editor):
        editor.edits, editor.answers = [], []

        @editor.client.feature("workspace/applyEdit")
        def apply(params):
            editor.edits.append(params.edit)
            return lsp.ApplyWorkspaceEditResult(applied=True)

        @editor.client.feature("yunque/answer")
        def answered(params):
            editor.answers.append(params)

        editor.open(CODE)
        return await story(editor)

    return with_plain_editor(noting, capabilities=capabilities, url=url)


async def actions(editor, line, *, end=None, only=None, says=(), uri=URI):
    here = lsp.Range(lsp.Position(line, 4), end or lsp.Position(line, 4))
    found = [lsp.Diagnostic(range=here, message=message) for message in says]
    context = lsp.CodeActionContext(diagnostics=found, only=only)
    params = lsp.CodeActionParams(text_document=lsp.TextDocumentIdentifier(uri=uri), range=here, context=context)
    offered = await editor.client.text_document_code_action_async(params) or []
    # lsprotocol 2025.0 takes an action with a command for a command, and that command's text for its name.
    return {action.title: lsp.Command(**ast.literal_eval(action.command)) for action in offered}


async def run(editor, command):
    params = lsp.ExecuteCommandParams(command=command.command, arguments=command.arguments)
    return await editor.client.workspace_execute_command_async(params)


@pytest.fixture
def url(gateway):
    def answer(request):
        asked = request.messages[-1].content
        if "slow" in asked:
            return "x y " * 900
        if "Explain" in asked:
            return "It subtracts b from a with add."
        if "Write tests" in asked:
            return TESTS
        return "```python\ndef zero():\n    return 0\n```" if "It begins so" in asked else FIXED

    return str(gateway(ScriptedEngine(answer, delay_ms=1)).base_url)


def test_what_is_offered_depends_on_the_place(url):
    async def story(editor):
        every = await actions(editor, 2, says=["wrong sum"])
        assert list(every) == ["yunque: Fix 'add'", "yunque: Refactor 'add'", "yunque: Explain 'add'", FOR_FILE]
        assert every["yunque: Fix 'add'"].arguments == ["fix", URI, 1, 3, "wrong sum"]
        assert list(await actions(editor, 5)) == ["yunque: Write the body of 'zero'", FOR_FILE]
        assert "yunque: Fix this file" in await actions(editor, 4)
        selected = await actions(editor, 1, end=lsp.Position(2, 8))
        assert selected["yunque: Fix the selection"].arguments[2:4] == [1, 3]
        assert list(await actions(editor, 2, only=["refactor"])) == ["yunque: Refactor 'add'"]
        editor.open("x" * 200_000, "file:///workspace/long.py")
        assert await actions(editor, 0, uri="file:///workspace/long.py") == {}

    with_editor(story, url)


@pytest.mark.toolchain
def test_a_fix_is_an_edit_to_confirm_with_its_verdicts(url):
    async def story(editor):
        answer = await run(editor, (await actions(editor, 2))["yunque: Fix 'add'"])
        assert answer["ok"] and answer["code"] == "def add(self, a, b):\n    return a + b\n"
        assert answer["before"] == "    def add(self, a, b):\n        return a - b\n"
        (edit,) = editor.edits
        (change,) = edit.document_changes
        (text,) = change.edits
        assert text.new_text == "    def add(self, a, b):\n        return a + b\n" and change.text_document.version == 1
        assert (text.range.start, text.range.end) == (lsp.Position(1, 0), lsp.Position(3, 0))
        note = edit.change_annotations[text.annotation_id]
        assert note.needs_confirmation and "syntax: pass" in note.description
        (reports,) = editor.client.progress_reports.values()
        assert [type(item).__name__ for item in reports] == ["WorkDoneProgressBegin", "WorkDoneProgressEnd"]
        assert editor.answers[0].verb == "fix" and not editor.client.messages

    with_editor(story, url)


@pytest.mark.toolchain
def test_an_editor_that_cannot_confirm_is_told_the_answer_alone(url):
    async def story(editor):
        await run(editor, (await actions(editor, 2))["yunque: Fix 'add'"])
        return editor.edits, dict(editor.client.progress_reports), [answer.code for answer in editor.answers]

    assert with_editor(story, url, lsp.ClientCapabilities()) == ([], {}, ["def add(self, a, b):\n    return a + b\n"])


@pytest.mark.toolchain
def test_stubs_are_filled_explanations_shown_and_tests_put_beside(url):
    async def story(editor):
        await run(editor, (await actions(editor, 5))["yunque: Write the body of 'zero'"])
        assert editor.edits[0].document_changes[0].edits[0].new_text == "def zero():\n    return 0\n"
        await run(editor, (await actions(editor, 2))["yunque: Explain 'add'"])
        assert [item.message for item in editor.client.messages] == ["It subtracts b from a with add."]
        assert len(editor.edits) == 1
        await run(editor, (await actions(editor, 2))[FOR_FILE])
        created, change = editor.edits[1].document_changes
        assert created.uri == change.text_document.uri == "file:///workspace/test_sums.py"
        assert "def test_add" in change.edits[0].new_text

    with_editor(story, url)


def test_a_task_that_is_cancelled_ends_and_a_dead_gateway_is_a_status(url):
    def running():
        return httpx2.get(f"{url}/healthz").json()["running"]

    async def story(editor):
        command = (await actions(editor, 2, says=["slow"]))["yunque: Fix 'add'"]
        asked = asyncio.ensure_future(run(editor, command))
        while not (running() and editor.client.progress_reports):
            await asyncio.sleep(0.02)
        token = next(iter(editor.client.progress_reports))
        editor.client.window_work_done_progress_cancel(lsp.WorkDoneProgressCancelParams(token=token))
        started = time.monotonic()
        while running():
            assert time.monotonic() - started < 0.8, "of 768 tokens of 1 ms it would be longer"
            await asyncio.sleep(0.02)
        assert await asyncio.wait_for(asked, 5) == {} and not editor.edits
        assert editor.statuses[-1] == ("nothing", "cancelled")
        editor.configure(url="http://127.0.0.1:1")
        await run(editor, command)
        assert editor.statuses[-1] == ("offline", "no gateway at http://127.0.0.1:1")

    with_editor(story, url)


# ------------------------------------------------------------------------------------------------------------ the next edit
LINES = "".join(f"'😀'; r{number} = get(u{number})\n" for number in range(4))


def change_name(editor, line, version):
    """``get`` of a line becomes ``fetch``, as an editor says it: in UTF-16 units."""
    place = lsp.Range(start=lsp.Position(line, 11), end=lsp.Position(line, 14))
    content = lsp.TextDocumentContentChangePartial(range=place, text="fetch")
    document = lsp.VersionedTextDocumentIdentifier(uri="file:///w/n.py", version=version)
    editor.client.text_document_did_change(
        lsp.DidChangeTextDocumentParams(text_document=document, content_changes=[content])
    )


async def alike(editor):
    document, here = lsp.TextDocumentIdentifier(uri="file:///w/n.py"), lsp.Position(0, 0)
    context = lsp.CodeActionContext(diagnostics=[])
    params = lsp.CodeActionParams(text_document=document, range=lsp.Range(start=here, end=here), context=context)
    actions = await editor.client.text_document_code_action_async(params)
    return [action for action in actions if action.title.endswith("alike")]


@pytest.mark.parametrize("on", [False, True])
def test_a_change_that_was_made_twice_is_offered_elsewhere_where_it_is_wanted(on):
    async def story(editor):
        editor.open(LINES, "file:///w/n.py")
        change_name(editor, 0, 2)
        once = await alike(editor)
        change_name(editor, 1, 3)
        return once, await alike(editor)

    once, twice = with_plain_editor(story, url="http://127.0.0.1:9", nextEdit=on, capabilities=ABLE)
    assert once == [] and [action.title for action in twice] == (
        ["yunque: Change line 3 alike", "yunque: Change 2 places alike"] if on else []
    )
    if on:
        (edit,) = twice[1].edit.document_changes
        assert [(item.range.start.line, item.range.start.character, item.new_text) for item in edit.edits] == [
            (2, 11, "fetch"), (3, 11, "fetch"),
        ]  # fmt: skip
        assert twice[1].edit.change_annotations["yunque"].needs_confirmation
        assert not twice[0].edit.change_annotations["yunque"].needs_confirmation


def test_what_is_put_in_twice_is_grey_text_at_the_next_place():
    text = "".join(f"r{number} = get(url)\n" for number in range(3))

    async def story(editor):
        editor.open(text, "file:///w/n.py")
        for line in range(2):
            place = lsp.Range(start=lsp.Position(line, 12), end=lsp.Position(line, 12))
            content = lsp.TextDocumentContentChangePartial(range=place, text=", timeout=5")
            document = lsp.VersionedTextDocumentIdentifier(uri="file:///w/n.py", version=2 + line)
            editor.client.text_document_did_change(
                lsp.DidChangeTextDocumentParams(text_document=document, content_changes=[content])
            )
        return await editor.complete(2, 12, "file:///w/n.py")

    assert with_plain_editor(story, url="http://127.0.0.1:9", nextEdit=True) == [", timeout=5"]
