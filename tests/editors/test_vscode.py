"""A real VS Code: ghost text, Tab, the event in the store; then a task with its diff; and silence that says why."""

import time

EVENTS_S = 60


def wait_for(what, seconds=EVENTS_S):
    """What becomes true in time."""
    for _ in range(int(seconds * 20)):
        if result := what():
            return result
        time.sleep(0.05)
    raise AssertionError("it did not come")


def at_return(bench):
    """The cursor behind the first ``return``."""
    bench.press("Control+Home", "ArrowDown", "End", "Backspace")


def test_ghost_text_tab_and_the_event_in_the_store(story):
    bench = story.edit(story.serve(), feedback="text", environment={"YUNQUE_CLOCK_FACTOR": "60"})
    at_return(bench)
    time.sleep(0.5)
    assert bench.ghost_now() == ""  # nothing on backspace
    bench.press("Backspace")
    bench.type("n")
    assert bench.ghost() == " a + b"
    assert "yunque" in bench.status and story.engine.asked[-1].suffix
    time.sleep(0.4)
    story.shot("ghost-text")
    bench.press("Tab")
    wait_for(lambda: "return a + b\n" in (story.workspace / "sums.py").read_text()[:40])
    wait_for(lambda: {"shown", "accepted", "survived"} <= set(story.reactions))
    (shown,) = wait_for(lambda: [item for item in story.ledger.completions() if len(item.survived) == 4])
    assert (shown.chars, shown.kept_chars, shown.language, shown.model) == (6, 6, "python", "scripted")
    assert shown.survived == {30: 6, 90: 6, 180: 6, 360: 6} and 0 < shown.latency_ms < 2000
    _, text = next(story.ledger.texts())
    assert text["prompt"].endswith("return") and text["path"] == "sums.py" and text["completion"] == " a + b"
    assert bench.dialogs == 0


def test_word_by_word_a_change_and_a_dismissal_are_events_too(story):
    bench = story.edit(story.serve(), feedback="shape", environment={"YUNQUE_CLOCK_FACTOR": "60"})
    bench.press("Control+End")
    bench.type("total = ")
    assert bench.ghost() == "add(1, 2) + sub(3, 4)"
    bench.press("Control+ArrowRight")
    time.sleep(0.4)
    bench.press("Escape")
    wait_for(lambda: "partly accepted" in story.reactions)
    bench.press("End", "Enter")
    bench.type("total = ")
    bench.ghost()
    time.sleep(0.5)
    bench.press("Escape")
    wait_for(lambda: "dismissed" in story.reactions)
    bench.press("Enter")
    bench.type("total = ")
    bench.ghost()
    bench.press("Tab", "Backspace", "Backspace")
    wait_for(lambda: "edited" in story.reactions, 30)
    assert set(story.reactions) >= {"shown", "accepted", "partly accepted", "dismissed", "survived", "edited"}
    assert list(story.ledger.texts()) == []


def test_without_agreement_no_row_is_written(story):
    bench = story.edit(story.serve())
    at_return(bench)
    bench.press("Backspace")
    bench.type("n")
    bench.ghost()
    time.sleep(0.4)
    bench.press("Tab")
    time.sleep(4)
    assert story.ledger.num_events() == 0 and story.ledger.people() == []


def test_fix_shows_a_diff_with_its_verdicts_and_makes_it_when_told(story):
    bench = story.edit(story.serve())
    bench.press("Control+Home", *["ArrowDown"] * 5)
    bench.command("yunque: Fix")
    bench.page.wait_for_selector(".monaco-diff-editor")
    title = bench.page.inner_text(".tab.active")
    assert "fix: sums.py" in title and "✓" in title
    assert (story.workspace / "sums.py").read_text().count("a + b") == 1  # nothing is changed yet
    bench.page.wait_for_selector(".monaco-diff-editor .char-insert, .monaco-diff-editor .line-insert")
    bench.page.wait_for_selector(".notification-toast", state="detached")
    story.shot("diff")
    bench.command("yunque: Apply This Answer")
    wait_for(lambda: "def sub(a, b):\n    return a - b\n" in (story.workspace / "sums.py").read_text())
    assert "def add(a, b):\n    return \n" in (story.workspace / "sums.py").read_text()
    bench.editing("sums.py")  # the answer is written before the diff is closed and the file in front
    bench.press("Control+z")
    wait_for(lambda: "return a - b" not in (story.workspace / "sums.py").read_text())
    assert bench.dialogs == 0


def test_where_nobody_answers_the_status_bar_says_so_and_nothing_opens(story):
    bench = story.edit("http://127.0.0.1:9")
    bench.press("Control+End")
    bench.type("total = ")
    wait_for(lambda: "no gateway" in bench.status)
    assert "yunque serve" in bench.reason and bench.dialogs == 0 and bench.ghost_now() == ""


def test_a_revoked_token_is_a_status(story):
    token = story.tokens.add("ada")
    url = story.serve()
    bench = story.edit(url)
    wait_for(lambda: "refused" in bench.status)
    bench.command("yunque: Set Token")
    bench.page.wait_for_selector(".quick-input-widget input[type=password]")
    bench.type(token)
    bench.press("Enter")
    wait_for(lambda: "refused" not in bench.status)
    bench.press("Control+End")
    bench.type("total = ")
    bench.ghost()
    story.tokens.revoke("ada")
    bench.press("Escape", "Enter")
    bench.type("total = ")
    wait_for(lambda: "refused" in bench.status)
    assert "token" in bench.reason and bench.dialogs == 0


def test_what_a_check_holds_back_is_named(story):
    bench = story.edit(story.serve())
    bench.press("Control+End")
    bench.type("key = ")
    wait_for(lambda: "held back" in bench.status)
    assert "known-names" in bench.reason and bench.ghost_now() == ""


def test_files_of_every_kind(story):
    """Binary, mixed line ends, a surrogate pair at the cursor, a long file."""
    (story.workspace / "mixed.py").write_bytes("from sums import add, sub\r\ns = '😀'\nx = 1\ntotal = ".encode())
    (story.workspace / "long.py").write_text("x = 1\n" * 400_000)
    (story.workspace / "image.py").write_bytes(b"total = \0\0\0")
    bench = story.edit(story.serve(), file="mixed.py")
    bench.press("Control+End", "Backspace")
    bench.type(" ")
    assert bench.ghost() == "add(1, 2) + sub(3, 4)"
    bench.press("Tab")
    wait_for(lambda: (story.workspace / "mixed.py").read_bytes().endswith(b"total = add(1, 2) + sub(3, 4)"))
    assert "😀" in (story.workspace / "mixed.py").read_text()
    bench.open("long.py")
    bench.press("Control+End")
    bench.type("total = ")
    wait_for(lambda: "too long" in bench.reason)
    assert bench.dialogs == 0
