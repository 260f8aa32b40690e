"""A real VS Code in Debian's Chromium, a gateway that says what it is told, and a store of events."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest

from editors.code_server import PROGRAM, VSIX, CodeServer, Workbench
from tests.serving.conftest import served
from yunque.feedback.events import Level
from yunque.feedback.ledger import Ledger
from yunque.inference.scripted_engine import ScriptedEngine
from yunque.serving.feedback import Feedback
from yunque.serving.tokens import Tokens

SHOTS = Path(__file__).parents[2] / "editors" / ".tools" / "screenshots"
CODE = "def add(a, b):\n    return \n\n\ndef sub(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n"
FIXED = "Subtract.\n```python\ndef sub(a, b):\n    return a - b\n```"


def answer(request):
    """Code by what stands before the cursor, tasks with a fence."""
    if request.messages:
        return FIXED
    ends = {"return": " a + b", "total = ": "add(1, 2) + sub(3, 4)", "key = ": "values + 1"}
    return next((text for end, text in ends.items() if request.prompt.endswith(end)), "")


class Story:
    """An editor, its gateway, and what came of it."""

    def __init__(self, stack, browser, folder):
        self.stack, self.browser, self.folder = stack, browser, folder
        self.engine, self.workspace = ScriptedEngine(answer), folder / "workspace"
        self.workspace.mkdir()
        (self.workspace / "sums.py").write_text(CODE)
        self.ledger = Ledger(str(folder / "events.sqlite"))
        self.tokens = Tokens(folder / "tokens.json")

    def serve(self, **settings):
        feedback = Feedback(ledger=self.ledger, most=Level.TEXT, salt="salt")
        return self.stack.enter_context(served(self.engine, self.tokens, feedback=feedback, **settings))

    def edit(self, url, *, file="sums.py", environment=None, **settings):
        """A window on the workspace, with a file open."""
        values = {f"yunque.{name}": value for name, value in {"url": url, **settings}.items()}
        server = CodeServer(self.folder / "home", self.workspace, values, **(environment or {}))
        self.server = self.stack.enter_context(server)
        page = self.browser.new_page(viewport={"width": 1280, "height": 800})
        self.stack.callback(page.close)
        self.page = page
        self.workbench = Workbench(page, server.url)
        if file:
            self.workbench.open(file)
        return self.workbench

    def shot(self, name):
        """A picture, for documents and for whoever looks why a test failed."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")

    @property
    def reactions(self):
        return [item for shown in self.ledger.completions() for item in sorted(shown.reactions)]


@pytest.fixture(scope="session")
def vscode_here():
    if not PROGRAM.exists() or not VSIX.exists():
        pytest.skip("VS Code is not available here: make test-editors")


@pytest.fixture
def story(vscode_here, browser, request):
    """The folder's name is short: VS Code makes sockets below it."""
    folder = Path(tempfile.mkdtemp(prefix="yq-"))
    try:
        with contextlib.ExitStack() as stack:
            made = Story(stack, browser, folder)
            yield made
            made.shot(request.node.name)
        made.ledger.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
