"""What people did, over the language server protocol: as an editor sends it, into a real store."""

import asyncio
import json
import time

import pytest
from lsprotocol import types as lsp

from tests.serving.lsp.editor import CODE, URI, with_editor
from yunque.feedback.events import Event, Level
from yunque.feedback.ledger import Ledger
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.serving.feedback import Feedback
from yunque.serving.lsp import places
from yunque.serving.lsp.event_queue import EventQueue
from yunque.serving.lsp.gateway import Place, State, Status, Suggestion, UnavailableError
from yunque.serving.lsp.reactions import SEEN_S, Given, Reactions

FAST = {"YUNQUE_CLOCK_FACTOR": "300"}


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(str(tmp_path / "events.sqlite"))
    yield ledger
    ledger.close()


@pytest.fixture
def url(gateway, ledger):
    feedback = Feedback(ledger=ledger, most=Level.TEXT, salt="salt")
    return str(gateway(ScriptedEngine({"return ": "a + b", "return a": " - b"}), feedback=feedback).base_url)


def change(editor, text, start, end=None, version=2):
    place = lsp.Range(start=lsp.Position(*start), end=lsp.Position(*(end or start)))
    content = lsp.TextDocumentContentChangePartial(range=place, text=text)
    document = lsp.VersionedTextDocumentIdentifier(uri=URI, version=version)
    editor.client.text_document_did_change(
        lsp.DidChangeTextDocumentParams(text_document=document, content_changes=[content])
    )


async def until(what, seconds=15):
    for _ in range(int(seconds * 20)):
        if result := what():
            return result
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come")


async def see_and_take(editor):
    """What comes at the first ``return`` of the file, seen and put in."""
    editor.open(CODE)
    (item,) = await editor.items(1, 11)
    await asyncio.sleep(SEEN_S + 0.1)
    change(editor, item.insert_text, (1, 11))
    await take(editor, item)


async def take(editor, item):
    command = lsp.ExecuteCommandParams(command=item.command.command, arguments=item.command.arguments)
    await editor.client.workspace_execute_command_async(command)


def test_what_is_taken_is_told_with_what_stays_of_it(url, ledger, tmp_path):
    async def story(editor):
        await see_and_take(editor)
        change(editor, "# head\n", (0, 0), version=3)
        change(editor, "c", (2, 15), (2, 16), version=4)
        return await until(lambda: [shown for shown in ledger.completions() if len(shown.survived) == 4])

    (shown,) = with_editor(story, url=url, feedback="text", environment=FAST | {"YUNQUE_DATA": str(tmp_path)})
    assert sorted(shown.reactions) == ["accepted", "edited", "shown", "survived"]
    assert (shown.chars, shown.kept_chars, shown.language, shown.model) == (5, 5, "python", "scripted")
    assert shown.survived[360] == 4 and 0 < shown.latency_ms < 5000
    texts = [text for _, text in ledger.texts()]
    assert texts[-1]["final_text"] == "a + c" and texts[0]["prompt"].endswith("return ")


def test_what_checks_found_in_what_was_taken_is_marked_until_somebody_edits_there(gateway):
    url = str(gateway(ScriptedEngine({"return ": "missing(a)"})).base_url)

    async def story(editor):
        def marks():
            return [(item.range.start.line, item.source) for item in editor.client.diagnostics.get(URI, [])]

        editor.open(CODE)
        assert await editor.complete(1, 11) == []  # held back
        editor.configure(hold=False)
        (item,) = await editor.items(1, 11)
        change(editor, item.insert_text, (1, 11))
        await take(editor, item)
        await until(marks)
        change(editor, "# head\n", (0, 0), version=3)
        await until(lambda: marks() == [(2, "yunque known-names")])
        change(editor, "x", (2, 4), version=4)
        await until(lambda: marks() == [])

    with_editor(story, url=url)


def test_what_is_seen_and_typed_over_is_dismissed(url, ledger, tmp_path):
    async def story(editor):
        editor.open(CODE)
        await editor.items(1, 11)
        await asyncio.sleep(SEEN_S + 0.1)
        change(editor, "7", (1, 11))
        return await until(lambda: [item for item in ledger.completions() if len(item.reactions) == 2])

    (shown,) = with_editor(story, url=url, feedback="shape", environment={"YUNQUE_DATA": str(tmp_path)})
    assert sorted(shown.reactions) == ["dismissed", "shown"] and list(ledger.texts()) == []


def test_a_consent_that_is_taken_back_reaches_the_gateway(url, ledger, tmp_path):
    async def story(editor):
        editor.open(CODE)
        await editor.complete(1, 11)
        await until(lambda: ledger.consent("local") is Level.SHAPE)
        editor.configure(feedback="off")
        await until(lambda: ledger.consent("local") is Level.OFF)

    with_editor(story, url=url, feedback="shape", environment={"YUNQUE_DATA": str(tmp_path)})


def test_without_agreement_nothing_is_told(url, ledger, tmp_path):
    async def story(editor):
        await see_and_take(editor)
        editor.configure(feedback="loud")
        await asyncio.sleep(1.5)
        return editor.statuses

    statuses = with_editor(story, url=url, environment={"YUNQUE_DATA": str(tmp_path)})
    assert ledger.num_events() == 0 and ledger.people() == []
    assert (
        statuses[-1] == ("refused", "yunque.feedback cannot be 'loud'; did you mean 'off'?") or statuses[-1][0] == "refused"
    )


# ------------------------------------------------------------------------------------------------------- without a process
def given(text="a + b", start=(1, 11), id="cmpl-1"):
    status = Status(state=State.READY)
    suggestion = Suggestion(text=text, id=id, status=status, model="m", language="python")
    place = Place(before="return ", after="\n", path="a.py", is_whole_file=True)
    return Given(suggestion=suggestion, place=place, uri="u", start=start, behind=0, latency_ms=90.0)


def utf16(text):
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        (((0, 0), (0, 0), "x\n"), (2, 11)), (((1, 0), (1, 0), "😀"), (1, 13)), (((1, 11), (1, 11), "ab"), (1, 13)),
        (((1, 4), (1, 8), ""), (1, 7)), (((0, 3), (1, 8), "a\nbc"), (1, 5)), (((1, 12), (1, 14), "zz"), (1, 11)),
        (((1, 8), (1, 20), "q"), (1, 9)), (((0, 0), (1, 0), ""), (0, 11)), (((3, 0), (4, 0), "a\nb\nc"), (1, 11)),
    ],
)  # fmt: skip
def test_a_place_moves_with_what_changes_before_it(change, moved):
    start, end, text = change
    place = lsp.Range(start=lsp.Position(*start), end=lsp.Position(*end))
    partial = lsp.TextDocumentContentChangePartial(range=place, text=text)
    assert places.moved((1, 11), partial, utf16, stays=False) == moved


def test_typing_what_it_says_is_no_dismissal():
    events = []

    async def story():
        reactions = Reactions(emit=events.append, read=lambda *_: None, units=utf16)
        reactions.given(given())
        for column, char in enumerate("a +", start=11):
            place = lsp.Range(start=lsp.Position(1, column), end=lsp.Position(1, column))
            reactions.changed("u", [lsp.TextDocumentContentChangePartial(range=place, text=char)])
        await asyncio.sleep(SEEN_S + 0.1)
        assert [event.reaction for event in events] == ["shown"]
        reactions.changed("u", [lsp.TextDocumentContentChangeWholeDocument(text="anew")])
        reactions.took("cmpl-1")  # of a completion that is gone
        reactions.close()

    asyncio.run(story())
    assert [event.reaction for event in events] == ["shown", "dismissed"]


def typed(text, column):
    place = lsp.Range(start=lsp.Position(1, column), end=lsp.Position(1, column))
    return [lsp.TextDocumentContentChangePartial(range=place, text=text)]


def test_completions_that_say_the_rest_of_one_are_that_one_and_a_command_may_come_late():
    events = []

    async def story():
        reactions = Reactions(emit=events.append, read=lambda *_: None, units=utf16)
        reactions.given(given("abc", id="cmpl-1"))
        await asyncio.sleep(SEEN_S + 0.1)
        reactions.changed("u", typed("a", 11))
        reactions.given(given("bc", (1, 12), id="cmpl-2"))
        reactions.changed("u", typed("bc", 12))
        reactions.given(given("next", (1, 14), id="cmpl-3"))  # before the command of the one that was put in
        reactions.took("cmpl-2")
        await asyncio.sleep(SEEN_S + 0.1)
        reactions.close()

    asyncio.run(story())
    assert [(event.completion_id, event.reaction.value) for event in events] == [
        ("cmpl-1", "shown"), ("cmpl-1", "accepted"), ("cmpl-3", "shown"), ("cmpl-3", "dismissed"),
    ]  # fmt: skip


def test_what_was_not_seen_is_not_told():
    events = []

    async def story():
        reactions = Reactions(emit=events.append, read=lambda *_: None, units=utf16)
        reactions.given(given())
        reactions.given(given("other"))
        reactions.close()
        await asyncio.sleep(SEEN_S + 0.1)

    asyncio.run(story())
    assert events == []


# --------------------------------------------------------------------------------------------------------------- the queue
def event(number):
    return Event(id=f"e{number}", completion_id="c", reaction="shown", happened_at=time.time(), prompt="secret", chars=3)


def test_events_wait_for_a_gateway_that_is_gone_and_for_an_editor_that_ended(tmp_path):
    sent = []

    async def refuse(_):
        raise UnavailableError(Status(state=State.OFFLINE, reason="gone"))

    async def keep(events):
        sent.extend(events)

    async def story():
        level = Level.SHAPE
        first = EventQueue(send=refuse, level=lambda: level, folder=tmp_path / "shelf")
        other = EventQueue(send=refuse, level=lambda: level, folder=tmp_path / "shelf")
        for number in range(150):
            (first if number % 2 else other).add(event(number))
        level = Level.OFF
        first.add(event(999))
        level = Level.SHAPE
        await first.close()
        await other.close()
        files = list((tmp_path / "shelf").iterdir())
        assert len(files) == 2 and not any(file.stat().st_mode & 0o077 for file in files)
        assert not any("secret" in file.read_text() for file in files)
        assert sum(len(json.loads(file.read_text())) for file in files) == 150
        second = EventQueue(send=keep, level=lambda: level, folder=tmp_path / "shelf")
        second.take_up()
        assert len(list((tmp_path / "shelf").iterdir())) == 2  # until they are safe
        level = Level.COUNTS
        await second.flush()
        assert len(second) == 0 and not list((tmp_path / "shelf").iterdir())
        await second.close()

    asyncio.run(story())
    assert sorted(item.id for item in sent) == sorted(f"e{number}" for number in range(150))
    assert not any(item.chars for item in sent)  # the level of when they were sent


def test_an_event_that_is_refused_for_good_holds_up_nobody(tmp_path):
    sent = []

    async def send(events):
        if any(item.id == "e7" for item in events):
            raise UnavailableError(Status(state=State.REFUSED, reason="no event"), 400)
        sent.extend(item.id for item in events)

    async def story():
        queue = EventQueue(send=send, level=lambda: Level.TEXT, folder=tmp_path)
        for number in range(20):
            queue.add(event(number))
        await queue.flush()
        await queue.close()

    asyncio.run(story())
    assert len(sent) == 19 and "e7" not in sent


def test_who_agrees_no_more_leaves_nothing_behind(tmp_path):
    async def story():
        (tmp_path / "old.json").write_text("[]")
        queue = EventQueue(send=None, level=lambda: Level.TEXT, folder=tmp_path)
        queue.add(event(1))
        queue.clear()
        await queue.close()

    asyncio.run(story())
    assert list(tmp_path.iterdir()) == []


def test_a_shelf_that_cannot_be_read_is_left(tmp_path):
    (tmp_path / "shelf.json").write_text("{]")

    async def story():
        queue = EventQueue(send=None, level=lambda: Level.TEXT, folder=tmp_path)
        queue.take_up()
        assert len(queue) == 0

    asyncio.run(story())
