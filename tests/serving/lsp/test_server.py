"""The language server as an editor uses it: a process of its own, over standard input and output, before a real gateway."""

import asyncio
import json
import time

import httpx2
import psutil
import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from tests.serving.lsp.editor import CODE, COMMAND, URI, with_editor
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.serving.lsp.server import Settings
from yunque.serving.tokens import Tokens


@pytest.fixture
def url(gateway):
    answers = {"return ": "a + b", "say(a, ": "b)) + 1", "slow": "x" * 600}
    return str(gateway(ScriptedEngine(answers, delay_ms=2)).base_url)


def test_a_completion_comes_with_what_says_that_it_was_taken(url):
    async def story(editor):
        editor.open(CODE)
        (item,) = await editor.items(1, 11)
        assert item.insert_text == "a + b" and item.command.command == "yunque.taken"
        assert item.command.arguments[0].startswith("cmpl-") and item.command.arguments[1] == URI
        assert (item.range.start, item.range.end) == (lsp.Position(1, 11), lsp.Position(1, 11))
        command = lsp.ExecuteCommandParams(command=item.command.command, arguments=item.command.arguments)
        await editor.client.workspace_execute_command_async(command)
        assert editor.statuses == [("ready", "")]

    with_editor(story, url=url)


def test_it_says_why_nothing_comes(url, gateway, tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    tokens.add("ada")
    closed = str(gateway(tokens=tokens).base_url)

    async def story(editor):
        editor.open("x = 1\ny = \n", "file:///a.py")
        assert await editor.complete(1, 4, "file:///a.py") == []
        editor.open("def say(a, b):\n    return 1\n\n\nx = say(a, \n", "file:///b.py")
        assert await editor.complete(4, 11, "file:///b.py") == []
        editor.open("  \n", "file:///c.py")
        assert await editor.complete(0, 1, "file:///c.py") == []
        editor.open("x" * 3_000_000, "file:///d.py")
        assert await editor.complete(0, 1, "file:///d.py") == []
        editor.open(CODE)
        for settings in ({"url": closed}, {"url": "http://127.0.0.1:1"}, {"enabled": False}, {"maxTokens": "many"}):
            editor.configure(**settings)
            assert await editor.complete(1, 11) == []
        return editor.statuses

    statuses = with_editor(story, url=url)
    states = [state for state, _ in statuses]
    assert states == ["nothing", "held", "nothing", "nothing", "refused", "offline", "nothing", "refused", "nothing"], (
        statuses
    )
    says = (
        "nothing to add", "held back by the check syntax-in-place", "the file is empty", "too long", "wants a token",
        "no gateway at http://127.0.0.1:1", "switched off", "maxTokens cannot be 'many'", "switched off",
    )  # fmt: skip
    for (_, reason), part in zip(statuses, says, strict=True):
        assert part in reason


def test_positions_count_utf_16_and_line_ends_are_kept(url):
    async def story(editor):
        line = "    s = '\U0001f600'; return "
        editor.open(f"def add(a, b):\r\n{line}\r\n")
        assert await editor.complete(1, len(line) + 1) == ["a + b"]

    with_editor(story, url=url)


def test_a_request_that_is_cancelled_frees_its_slot(url):
    def running():
        return httpx2.get(f"{url}/healthz").json()["running"]

    async def story(editor):
        editor.open("slow")
        asked = asyncio.ensure_future(editor.items(0, 4))
        while not running():
            await asyncio.sleep(0.02)
        (number,) = editor.client.protocol._request_futures
        editor.client.protocol.notify("$/cancelRequest", lsp.CancelParams(id=number))
        started = time.monotonic()
        while running():
            assert time.monotonic() - started < 1, "of 600 tokens of 2 ms it would be longer"
            await asyncio.sleep(0.02)
        with pytest.raises(JsonRpcException, match=r"(?i)cancel"):
            await asked
        editor.open(CODE)
        assert await editor.complete(1, 11) == ["a + b"]

    with_editor(story, url=url, maxTokens=600)


def test_a_gateway_that_goes_and_comes_back_is_asked_again(serving, tmp_path):
    engine, tokens = ScriptedEngine({"return ": "a + b"}), Tokens(tmp_path / "none.json")

    async def story(editor):
        editor.open(CODE)
        assert await editor.complete(1, 11) == [] and editor.statuses[-1][0] == "offline"
        with serving(engine, tokens) as running:
            editor.configure(url=running)
            assert await editor.complete(1, 11) == ["a + b"]
        assert await editor.complete(1, 11) == [] and editor.statuses[-1][0] == "offline"

    with_editor(story, url="http://127.0.0.1:1")


def test_without_a_url_a_gateway_is_started_and_ends_with_the_editor(fim_folder, tmp_path):
    environment = {"YUNQUE_CONFIG": str(tmp_path / "config"), "HF_HUB_OFFLINE": "1"}
    (tmp_path / "empty").mkdir()
    (tmp_path / "yunque-out").mkdir()
    (tmp_path / "yunque-out" / "model").symlink_to(fim_folder)

    async def story(editor):
        editor.open(CODE)
        await editor.complete(1, 11)
        assert editor.statuses[0] == ("busy", "a gateway is being started")
        assert editor.statuses[-1][0] in ("ready", "nothing", "held"), editor.statuses
        return [process for process in psutil.Process().children(recursive=True) if "serve" in process.cmdline()]

    processes = with_editor(story, root=tmp_path, environment=environment)
    assert processes
    assert not psutil.wait_procs(processes, timeout=15)[1]

    async def without(editor):
        editor.open(CODE)
        assert await editor.complete(1, 11) == []
        return editor.statuses[-1]

    state, reason = with_editor(without, root=tmp_path / "empty", environment=environment)
    assert state == "offline" and "no model in" in reason
    state, reason = with_editor(without, root=tmp_path, environment=environment, model="nope")
    assert state == "offline" and "no such model" in reason


def test_messages_that_are_none_do_not_end_it(url):
    async def story():
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*COMMAND, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL)

        def send(content):
            data = content if isinstance(content, bytes) else json.dumps({"jsonrpc": "2.0", **content}).encode()
            process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))

        send(b"{no json")
        send({"id": 1, "method": "textDocument/inlineCompletion", "params": {"position": "nowhere"}})
        send({"id": 2, "method": "no/such", "params": None})
        options = {"capabilities": {}, "initializationOptions": {"url": url}}
        send({"id": 3, "method": "initialize", "params": options})
        seen = b""
        while b"inlineCompletionProvider" not in seen:
            chunk = await asyncio.wait_for(process.stdout.read(4096), 20)
            assert chunk, seen
            seen += chunk
        process.kill()
        await process.wait()

    asyncio.run(story())


def test_settings_are_taken_over_by_either_name():
    settings = Settings().with_values({"maxTokens": 9, "chars_before": 20, "unknown": 1, "hold": False})
    assert (settings.max_tokens, settings.chars_before, settings.hold) == (9, 20, False)
    secret = Settings(token="secret")
    assert secret.with_values(None) == secret and "secret" not in repr(secret)
    for wrong in ({"maxTokens": "9"}, {"maxTokens": -1}, {"hold": 1}, {"url": None}):
        with pytest.raises(ValueError, match="cannot be"):
            Settings().with_values(wrong)


def test_the_traffic_of_lsp4ij(gateway):
    """A request 300 ms after each key, the one before cancelled: only the last is answered, and no slot stays taken."""
    engine = ScriptedEngine(lambda request: "a + b" if request.prompt.endswith("a + ") else "x" * 400, delay_ms=5)
    client = gateway(engine)

    async def story(editor):
        editor.open(CODE)
        asked = []
        for number, (char, column) in enumerate(zip("a + ", range(11, 15), strict=True)):
            place = lsp.Range(start=lsp.Position(1, column), end=lsp.Position(1, column))
            document = lsp.VersionedTextDocumentIdentifier(uri=URI, version=2 + number)
            change = lsp.TextDocumentContentChangePartial(range=place, text=char)
            editor.client.text_document_did_change(
                lsp.DidChangeTextDocumentParams(text_document=document, content_changes=[change])
            )
            await asyncio.sleep(0.3)
            params = lsp.InlineCompletionParams(
                text_document=lsp.TextDocumentIdentifier(uri=URI), position=lsp.Position(1, column + 1),
                context=lsp.InlineCompletionContext(trigger_kind=lsp.InlineCompletionTriggerKind.Automatic),
            )  # fmt: skip
            if asked:
                editor.client.protocol.notify("$/cancelRequest", lsp.CancelParams(id=asked[-1][0]))
            message = f"lsp4ij-{number}"
            answer = editor.client.protocol.send_request_async("textDocument/inlineCompletion", params, msg_id=message)
            asked.append((message, answer))
        answers = await asyncio.gather(*(future for _, future in asked), return_exceptions=True)
        return answers

    answers = with_editor(story, url=str(client.base_url))
    assert [item.insert_text for item in answers[-1].items] == ["a + b"]
    assert all(isinstance(answer, JsonRpcException) or not answer.items for answer in answers[:-1])
    for _ in range(100):
        if client.get("/healthz").json()["running"] == 0:
            break
        time.sleep(0.02)
    assert engine.running == 0 and len(engine.asked) <= 4
