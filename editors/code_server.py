"""A real VS Code with the extension, driven in a browser: for tests and benchmarks.

    with CodeServer(folder, settings={"yunque.url": url}) as url, … as page:
        workbench = Workbench(page); workbench.open("a.py"); workbench.type("x = "); workbench.ghost()

`editors/install_code_server.sh` brings it, `make vsix` the extension.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROGRAM = HERE / ".tools" / "node_modules" / "code-server" / "out" / "node" / "entry.js"
VSIX = HERE / "vscode" / "yunque.vsix"
STATUS = "[id='yunque.yunque.yunque']"
"""Of the status bar: publisher, name, item."""
PATIENCE_MS = 60_000
"""Of a wait for something to be seen: what hangs, hangs; a cold VS Code on two busy cores is slow."""
PALETTE_MS, TICK_MS = 5_000, 50
"""A window that has just come may not listen to the key of the palette yet: it is pressed again so much later."""
QUIET = {
    "telemetry.telemetryLevel": "off",
    "security.workspace.trust.enabled": False,
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "editor.inlineSuggest.enabled": True,
    "editor.quickSuggestions": {"other": False, "comments": False, "strings": False},
    "editor.acceptSuggestionOnCommitCharacter": False,
    "editor.autoClosingBrackets": "never",
    "editor.minimap.enabled": False,
    "git.enabled": False,
    "extensions.ignoreRecommendations": True,
    "files.autoSave": "afterDelay",
    "files.autoSaveDelay": 200,
    "update.mode": "none",
}


class CodeServer:
    """A server of its own: its settings, its extensions, one workspace."""

    def __init__(self, home: Path, workspace: Path, settings: Mapping[str, Any], **environment: str) -> None:
        self.home, self.workspace, self.environment = home, workspace, environment
        self.settings = QUIET | dict(settings)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/?folder={self.workspace}"

    def configure(self, **changed: Any) -> None:
        """Change user settings, as a person would in the file; names with ``_`` for the dot."""
        self.settings |= {name.replace("_", ".", 1): value for name, value in changed.items()}
        folder = self.home / "User"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "settings.json").write_text(json.dumps(self.settings))

    def __enter__(self) -> CodeServer:
        self.configure()
        folders = ["--user-data-dir", str(self.home), "--extensions-dir", str(self.home / "extensions")]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VSCODE")}
        environment |= {"HOME": str(self.home), "CI": "true", **self.environment}
        quiet = {"check": True, "capture_output": True, "env": environment}
        subprocess.run(["node", str(PROGRAM), *folders, "--install-extension", str(VSIX), "--force"], **quiet)  # type: ignore[call-overload]
        flags = ["--auth", "none", "--bind-addr", f"127.0.0.1:{self.port}", "--disable-telemetry", "--disable-update-check"]
        flags += ["--disable-workspace-trust", "--disable-getting-started-override", str(self.workspace)]
        log = open(self.home / "code-server.log", "wb")  # noqa: SIM115  the server's
        self._process = subprocess.Popen(["node", str(PROGRAM), *folders, *flags], stdout=log, stderr=log, env=environment)
        log.close()
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1).close()
                return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError((self.home / "code-server.log").read_text())

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(20)


class Workbench:
    """What a person does in the window of a playwright page."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        page.wait_for_selector(".monaco-workbench")
        page.wait_for_selector(STATUS)

    # ------------------------------------------------------------------------------------------------------------- doing
    def open(self, name: str) -> None:
        """Open a file by the palette."""
        self._pick("Control+P", name)
        self.editing(name)

    def command(self, title: str) -> None:
        """Run a command by the palette."""
        self._pick("F1", title)

    def editing(self, name: str) -> None:
        """Wait until keys go to the text of a file: a command that opens one may still be at it."""
        self.page.wait_for_selector(f".tab.active[data-resource-name='{name}']")
        self.page.wait_for_selector(".monaco-editor.focused")

    def _pick(self, key: str, text: str) -> None:
        """Open the palette, again where a window that has just come does not listen yet, and take what is called so."""
        box = self.page.locator(".quick-input-widget input[type=text]")
        for tick in range(PATIENCE_MS // TICK_MS):
            if box.is_visible():
                break
            if tick % (PALETTE_MS // TICK_MS) == 0:
                self.page.keyboard.press(key)
            self.page.wait_for_timeout(TICK_MS)
        box.wait_for()
        self.page.keyboard.type(text)
        self.page.locator(f".quick-input-list .monaco-list-row:has-text('{text}')").first.wait_for()
        self.page.keyboard.press("Enter")

    def press(self, *keys: str) -> None:
        """Keys as people press them: of two within a millisecond VS Code may ask nobody what follows."""
        for key in keys:
            self.page.keyboard.press(key)
            self._settle()

    def type(self, text: str, delay_ms: float = 30) -> None:
        """Text as people type it; its last key stands apart in the window's time as well, however busy the machine."""
        self.page.keyboard.type(text[:-1], delay=delay_ms)
        self._settle()
        self.page.keyboard.type(text[-1:])

    def _settle(self) -> None:
        """Wait until the window has drawn what came of the keys: sleeping here says nothing of one that is stuck."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 60)))")

    # ------------------------------------------------------------------------------------------------------------ seeing
    def ghost(self) -> str:
        """The grey text, when it comes."""
        self.page.wait_for_selector("[class*='ghost-text']:not([class*='hidden'])")
        return self.ghost_now()

    def ghost_now(self) -> str:
        """The grey text that is there now."""
        texts = self.page.eval_on_selector_all(
            ".view-line [class*='ghost-text'], .ghost-text .view-line", "items => items.map(item => item.textContent)"
        )
        return "".join(texts).replace("\u00a0", " ")

    @property
    def status(self) -> str:
        """The extension's item in the status bar."""
        return self.page.inner_text(STATUS).strip()

    @property
    def reason(self) -> str:
        """What the status bar says where the mouse rests on it."""
        return self.page.get_attribute(f"{STATUS} a", "aria-label") or ""

    @property
    def dialogs(self) -> int:
        """Windows and notifications that nobody asked for; what VS Code itself has to say of a long file is not ours."""
        return self.page.locator(".monaco-dialog-box, .notification-toast:has-text('yunque')").count()
