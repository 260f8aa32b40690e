"""The page of a gateway as people see it: in a real browser, by keyboard, on two widths, in two colour schemes."""

import shutil
import subprocess
import time

import pytest
from playwright.sync_api import expect

import yunque.serving.app as app
from yunque.core.nouns import PromptStyle
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.serving.tokens import Tokens

ANSWERS = {"words = ": "Counter(text.split())", "words = [": "word for word in text]", "return ": "text)) + 1"}


def answer(request):
    """A chat is answered with HTML in it; code by what stands before the cursor."""
    if request.messages:
        return "Use `<b>`:\n```python\nprint('<script>alert(1)</script>')\n```\nDone."
    return next((text for end, text in ANSWERS.items() if request.prompt.endswith(end)), "")


@pytest.fixture
def page(browser, gateway):
    """``page(width=…, scheme=…)``: the page of a fresh server, open; ``page.hosts`` are all that it spoke to."""
    opened = []

    def open_page(engine=None, *, width=1280, scheme="light", **settings):
        url = str(gateway(engine or ScriptedEngine(answer), **settings).base_url)
        tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        tab.hosts, tab.asked, tab.errors = set(), [], []
        tab.on("request", lambda request: (tab.hosts.add(request.url.split("/")[2]), tab.asked.append(request.url)))
        tab.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.on("console", lambda message: message.type == "error" and tab.errors.append(message.text))
        tab.set_default_timeout(10_000)
        tab.goto(url)
        opened.append(tab)
        return tab

    yield open_page
    for tab in opened:
        tab.close()


def code(tab):
    return "\n".join(line.inner_text().rstrip("\n") for line in tab.query_selector_all(".cm-line"))


def verdicts(tab):
    return {
        item.query_selector(".name").inner_text(): item.get_attribute("class")
        for item in tab.query_selector_all("#verdicts li")
    }


def test_ghost_text_appears_with_its_verdicts_and_tab_takes_it(page):
    tab = page()
    tab.wait_for_selector(".ghost")
    assert tab.inner_text(".ghost") == "Counter(text.split())" and "4 of 5 checks pass" in tab.inner_text("#summary")
    assert verdicts(tab)["syntax-in-place"] == "pass" and verdicts(tab)["repeats-suffix"] == "skip"
    assert tab.inner_text("#said") == "suggestion: Counter(text.split())", "for those who hear the page"
    tab.keyboard.press("Tab")
    tab.wait_for_selector(".ghost", state="detached")
    assert code(tab).endswith("words = Counter(text.split())")
    expect(tab.locator("#answered")).not_to_have_text("0")
    assert "scripted" in tab.inner_text("#model") and tab.inner_text("#state") == "ready"
    assert len(tab.hosts) == 1 and not tab.errors, "it speaks to nobody else"


def test_words_are_taken_one_by_one_and_typing_goes_on_in_the_grey_text(page):
    tab = page()
    tab.wait_for_selector(".ghost")
    tab.keyboard.press("Control+ArrowRight")
    assert tab.inner_text(".ghost") == "(text.split())" and "words = Counter" in code(tab)
    tab.keyboard.press("Escape")
    tab.wait_for_selector(".ghost", state="detached")
    tab.keyboard.press("Alt+\\")  # nothing is known here
    expect(tab.locator("#summary")).to_contain_text("Nothing")
    for _ in "Counter":
        tab.keyboard.press("Backspace")
    asked = len([url for url in tab.asked if "completions" in url])
    tab.wait_for_timeout(400)
    assert len([url for url in tab.asked if "completions" in url]) == asked, "nothing is asked while one erases"
    tab.keyboard.press("Alt+\\")
    tab.wait_for_selector(".ghost")
    tab.keyboard.type("Cou")
    assert tab.inner_text(".ghost") == "nter(text.split())"
    tab.wait_for_timeout(300)
    assert tab.inner_text(".ghost") == "nter(text.split())", "and is not asked for again"
    tab.keyboard.type("x")
    tab.wait_for_selector(".ghost", state="detached")


def test_what_is_around_the_cursor_is_read_ahead_when_it_jumps(page):
    engine = ScriptedEngine(answer)
    tab = page(engine)
    tab.wait_for_selector(".ghost")
    assert [request.max_tokens for request in engine.asked] == [32]
    for _ in range(3):
        tab.keyboard.press("ArrowUp")
    tab.wait_for_timeout(500)
    assert [request.max_tokens for request in engine.asked] == [32, 0], "once, when it has come to rest"
    assert tab.query_selector(".ghost") is None


def test_what_fails_is_marked_or_hidden(page):
    tab = page()
    tab.wait_for_selector(".ghost")
    tab.keyboard.press("Tab")
    tab.keyboard.type("\nreturn ")
    tab.wait_for_selector(".ghost.wrong")
    assert "syntax-in-place fails it" in tab.inner_text("#summary") and verdicts(tab)["syntax-in-place"] == "fail"
    tab.check("#hold")
    tab.wait_for_selector(".ghost", state="detached")
    expect(tab.locator("#summary")).to_contain_text("Held back")
    expect(tab.locator("#held")).to_have_text("1")


def test_by_keyboard_alone_one_leaves_the_editor_and_asks_in_the_chat(page):
    tab = page()
    tab.wait_for_selector(".ghost")
    tab.keyboard.press("Escape")
    tab.wait_for_selector(".ghost", state="detached")
    for _ in range(8):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.id") == "question":
            break
    tab.keyboard.type("how?")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".turn.assistant pre")
    tab.wait_for_selector("#stop", state="hidden")
    assert tab.inner_text(".turn.user") == "how?" and tab.inner_text(".turn.assistant").endswith("Done.")
    assert tab.inner_text(".turn.assistant pre") == "print('<script>alert(1)</script>')", "it is text, and nothing runs"
    assert tab.query_selector(".turn b") is None and not tab.errors


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_can_be_read(page, width, scheme):
    tab = page(width=width, scheme=scheme)
    tab.wait_for_selector(".ghost")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    for place in ("#code", "#verdicts", "#speed", "#question"):
        box = tab.query_selector(place).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["height"] > 10, place
    for place, least in (
        ("#summary", 7),
        (".detail", 4.5),
        (".keys", 4.5),
        (".ghost", 3),
        ("#ask", 4.5),
        (".cm-line span", 4.5),
    ):
        assert tab.evaluate(CONTRAST, place) >= least, place


CONTRAST = """(place) => {
  // Contrast of a text with what is behind it: WCAG 2.2, "relative luminance".
  const channels = (colour) => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = (rgb) => [0.2126, 0.7152, 0.0722].reduce((sum, share, place) => {
    const value = rgb[place] / 255;
    return sum + share * (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  }, 0);
  let behind = document.querySelector(place);
  const text = luminance(channels(getComputedStyle(behind).color));
  while (channels(getComputedStyle(behind).backgroundColor)[3] < 255) behind = behind.parentElement;
  const paper = luminance(channels(getComputedStyle(behind).backgroundColor));
  return (Math.max(text, paper) + 0.05) / (Math.min(text, paper) + 0.05);
}"""


def test_with_a_locked_door_the_page_asks_for_a_token(page, tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    token = tokens.add("ada")
    tab = page(tokens=tokens)
    for said, works in (("wrong", False), (token, True)):
        tab.wait_for_selector("#locked[open]")
        tab.fill("#token", said)
        tab.keyboard.press("Enter")
        if not works:
            tab.wait_for_selector("#refused", state="visible")
    tab.wait_for_selector(".ghost")
    assert not tab.query_selector("#locked[open]") and token not in tab.evaluate("JSON.stringify(localStorage)")


def test_a_model_without_a_chat_template_has_no_chat_and_one_without_fim_is_asked_with_a_prefix(page):
    engine = ScriptedEngine(answer)
    engine.styles = frozenset({PromptStyle.PREFIX})
    tab = page(engine)
    tab.wait_for_selector(".ghost")
    assert not tab.is_visible("#chat") and "before the cursor" in tab.inner_text("#model")


def test_a_server_that_is_gone_is_told(page, browser):
    tab = page()
    tab.wait_for_selector(".ghost")
    tab.context.set_offline(True)
    expect(tab.locator("#state")).to_have_text("no server")
    tab.context.set_offline(False)
    expect(tab.locator("#state")).to_have_text("ready")


# ------------------------------------------------------------------------------------------------------ without a browser
def test_the_page_brings_all_that_it_needs_and_no_other_file(gateway):
    client = gateway()
    page = client.get("/")
    assert page.status_code == 200 and "default-src 'self'" in page.headers["content-security-policy"]
    for name, kind in app.PAGE_FILES.items():
        got = client.get(f"/page/{name}")
        assert got.status_code == 200 and got.headers["content-type"].startswith(kind) and f"page/{name}" in page.text
    for name in ("source/page.js", "../app.py", "..%2fapp.py", "LICENSES.txt", "nothing"):
        assert client.get(f"/page/{name}").status_code == 404
    assert "http://" not in page.text and "https://" not in page.text


def test_the_pages_of_the_api_load_nothing_from_elsewhere(gateway):
    client = gateway()
    page = client.get("/docs")
    assert page.status_code == 200 and "swagger" in page.text
    assert "http://" not in page.text.replace(str(client.base_url), "") and "https://" not in page.text
    assert client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200
    assert {"/v1/completions", "/infill", "/healthz"} <= set(client.get("/openapi.json").json()["paths"])


@pytest.mark.toolchain
def test_the_bundle_is_what_its_source_builds(tmp_path):
    if shutil.which("npm") is None:
        pytest.skip("npm is not available here")
    shutil.copytree(app.PAGE / "source", tmp_path / "source", ignore=shutil.ignore_patterns("node_modules"))
    for command in (["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        subprocess.run(command, cwd=tmp_path / "source", check=True, capture_output=True, timeout=240)
    for name in ("page.js", "LICENSES.txt"):
        assert (tmp_path / name).read_bytes() == (app.PAGE / name).read_bytes(), "run `make page`"


def test_the_page_shows_what_people_did_where_it_is_kept(page, tmp_path):
    from yunque.feedback.events import Event, Level
    from yunque.feedback.ledger import Ledger
    from yunque.serving.feedback import Feedback

    assert page().is_hidden("#people")
    ledger = Ledger(str(tmp_path / "events.sqlite"))
    ledger.agree("ada", Level.COUNTS)
    about = {"happened_at": time.time(), "model": "m", "language": "python"}
    events = [Event(id=f"s{n}", completion_id=f"c{n}", reaction="shown", **about) for n in range(4)]
    events += [Event(id="a1", completion_id="c1", reaction="accepted", **about)]
    ledger.add(events, "ada", Level.COUNTS)
    tab = page(feedback=Feedback(ledger=ledger, most=Level.COUNTS))
    tab.wait_for_selector("#people")
    assert [tab.inner_text(f"#{name}") for name in ("taken", "shown", "dismissed")] == ["25 %", "4", "0"]
    assert tab.locator("#days rect").count() == 14 and tab.get_attribute("#days", "aria-label").endswith("1 of 4 taken")
    assert tab.errors == []
