"""From a key to grey text in a real VS Code, and how busy the extension keeps its thread.

    make vsix && editors/install_code_server.sh
    python benchmarks/editors/vscode.py MODEL.gguf --file HELD_OUT.py [--keys 200] [--between-ms 200]

A held-out file is typed on from a function's body in its middle by ``--keys`` keys, at a pace with noise, in Debian's
Chromium; every third key is followed by a pause of a second, as people make behind a word. Times are the browser's own: from
the key's event to the page's change by which new grey text stands there. A key after which the next one came first has no
time, as for a person; they are counted. Keys of which the grey text is the rest of what stood there are
apart: nobody was asked. The gateway runs on the same machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from editors.code_server import CodeServer, Workbench  # noqa: E402
from yunque.reports.forge.collect import machine_facts  # noqa: E402

PAUSE_EVERY, PAUSE_S = 3, 1.0
BODY = re.compile(r'^( *)def [^\n]*:\n(?: *"""(?:[^"]|"(?!""))*"""\n)?\s*(?=\S)', re.M)
"""To where the code of a function begins."""
WATCH = """() => {
  const ghost = () => [...document.querySelectorAll(".view-line [class*='ghost-text'], .ghost-text .view-line")]
    .map((item) => item.textContent).join("").replaceAll("\\u00a0", " ");
  window.keys = [];
  let open;
  document.addEventListener("keydown", (event) => {
    if (event.key.length > 1) return;
    open = { key: event.key, start: performance.now(), before: ghost(), ms: null, isRest: false };
    window.keys.push(open);
  }, true);
  const look = () => {
    if (open && open.ms === null) {
      const now = ghost();
      const isRest = open.before.length > 0 && open.before.slice(1) === now;
      if (now && now !== open.before) Object.assign(open, { ms: performance.now() - open.start, isRest });
    }
  };
  const all = { childList: true, subtree: true, characterData: true };
  new MutationObserver(look).observe(document.querySelector(".view-lines"), all);
}"""


def quantile(values: list[float], share: float) -> float:
    """NaN of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def keys_of(text: str, start: int, number: int) -> str:
    """What is typed: from a place, without the indentation that the editor makes by itself."""
    typed, at_start = [], False
    for char in text[start:]:
        if not (at_start and char in " \t"):
            typed.append(char)
            at_start = char == "\n"
        if len(typed) == number:
            break
    return "".join(typed)


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--between-ms", type=float, default=200.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    draw = random.Random(options.seed)
    text = options.file.read_text("utf-8")
    middle = next(match.end() for match in BODY.finditer(text) if match.end() > len(text) // 2)
    typed = keys_of(text, middle, options.keys)
    folder = Path(tempfile.mkdtemp(prefix="yq-"))
    (folder / "workspace").mkdir()
    name = options.file.name
    behind = text[middle + len(typed) :]
    (folder / "workspace" / name).write_text(text[:middle] + "\n" + behind)
    line = text[:middle].count("\n") + 1
    command = [sys.executable, "-m", "yunque", "serve", "--model", str(options.model), "--port", "0"]
    gateway = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "YUNQUE_CONFIG": str(folder)})
    try:
        assert gateway.stdout is not None
        url = gateway.stdout.readline().strip()
        figures = folder / "figures.json"
        server = CodeServer(folder / "home", folder / "workspace", {"yunque.url": url}, YUNQUE_FIGURES=str(figures))
        with server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            bench = Workbench(page, server.url)
            bench.open(name)
            bench.press("Control+g")
            page.keyboard.type(f"{line}:{1000}")
            bench.press("Enter")
            time.sleep(4)
            page.evaluate(WATCH)
            for number, char in enumerate(typed, start=1):
                page.keyboard.press("Enter" if char == "\n" else char)
                time.sleep(PAUSE_S if number % PAUSE_EVERY == 0 else options.between_ms / 1000 * draw.uniform(0.5, 1.5))
            time.sleep(2)
            keys = page.evaluate("window.keys")
            dialogs = bench.dialogs
            browser.close()
            busy = json.loads(figures.read_text())
    finally:
        gateway.terminate()
        gateway.wait()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{time.strftime('%Y-%m-%d')}, {machine_facts().cpu}, {os.cpu_count()} cores; {len(keys)} keys, "
          f"{options.between_ms:g} ms apart, {name}, {options.model.name}; dialogs {dialogs}")  # fmt: skip
    asked = [key["ms"] for key in keys if key["ms"] is not None and not key["isRest"]]
    rest = [key["ms"] for key in keys if key["isRest"]]
    print("\n| from a key to grey text, ms | n | median | p95 |\n|---|--:|--:|--:|")
    for label, values in (("asked for", asked), ("the rest of what stood there", rest)):
        median = statistics.median(values) if values else float("nan")
        print(f"| {label} | {len(values)} | {median:.0f} | {quantile(values, 0.95):.0f} |")
    print(f"| the next key came first, or nothing to show | {len(keys) - len(asked) - len(rest)} | | |")
    print("\n| the extension's thread | |\n|---|--:|")
    for label, field in (("its tasks", "tasks"), ("longest of them, ms", "task_most_ms"),
                         ("longest delay of the extension host, ms", "host_delay_most_ms"),
                         ("99 % of delays under, ms", "host_delay_p99_ms"),
                         ("from a key to the gateway's answer, median ms", "latency_median_ms")):  # fmt: skip
        print(f"| {label} | {busy[field]:.1f} |")


if __name__ == "__main__":
    main()
