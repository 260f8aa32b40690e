"""How fast is a history read, does memory stay flat, and do the counts add up?

    python benchmarks/data/history.py [--commits 5000] [--small 500] [--seed 1] [--keep FOLDER]

Makes a repository with ``git fast-import``, the same one from the same seed: 40 Python and 20 JavaScript files under edits
as people make them (functions fixed with a test, rewritten, added; several files at once; documentation, lock files,
layout, merges, reverts, bots, unfinished work, messages that say nothing). Then the stream reads it, in a process of its own
for each size, so that peak memory is its own. A commit must be in a pair or dropped with a reason; otherwise it ends with 1.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from yunque.core.nouns import seed_from

PYTHON = '''def {name}_{at}(values, factor={a}):
    """Gives the {name} of values."""
    total = {b}
    for value in values:
        if value > {a}:
            total {sign}= value * factor
        else:
            total -= {b}
    return total
'''
SCRIPT = """export function {name}{at}(values, factor = {a}) {{
  let total = {b}
  for (const value of values) {{
    total {sign}= value > {a} ? value * factor : -{b}
  }}
  return total
}}
"""
NAMES = ("sum", "share", "weight", "price", "delay", "score", "limit", "depth", "width", "usage")
CHILD = """
import json, resource, sys, time
from collections import Counter
from pathlib import Path
from yunque.core.nouns import Dropped, Pair, Record
from yunque.data.streams.git_history import History, HistoryRules
stream = History(Path(sys.argv[1]), HistoryRules(max_commits=int(sys.argv[2])))
kinds, reasons, paired, dropped = Counter(), Counter(), set(), set()
records, size, revisions = 0, 0, {}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.perf_counter()
for item in stream.read():
    if isinstance(item, Pair):
        kinds[item.kind.value] += 1
    elif isinstance(item, Record):
        records += 1
        size += len(item.text)
    elif "/" not in item.path:
        reasons[item.reason] += 1
        dropped.add(item.path)
took = time.perf_counter() - started
peaks = [resource.getrusage(who).ru_maxrss * 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
told = {"s": took, "before": before * 1024, "peaks": peaks, "kinds": kinds, "reasons": reasons, "records": records,
        "chars": size, "dropped": len(dropped), "counts": stream.counts}
print(json.dumps(told))
"""


class Maker:
    """Writes commits as ``git fast-import`` reads them."""

    def __init__(self, out, seed: int) -> None:
        self.out, self.choose = out, random.Random(seed_from("history", seed))
        self.files: dict[str, list[dict]] = {}
        self.at = 0

    def write(self, text: str | bytes) -> None:
        """As it is."""
        self.out.write(text.encode() if isinstance(text, str) else text)

    def data(self, text: str) -> None:
        """A text with its length."""
        data = text.encode()
        self.write(f"data {len(data)}\n")
        self.write(data + b"\n")

    def text(self, path: str) -> str:
        """A file as it is now."""
        shape = PYTHON if path.endswith(".py") else SCRIPT
        return "\n\n".join(shape.format(**part) for part in self.files[path])

    def part(self, at: int) -> dict:
        """A new function of a file."""
        pick = self.choose
        return {"name": pick.choice(NAMES), "at": at, "a": pick.randrange(2, 99), "b": pick.randrange(9), "sign": "+"}

    def commit(self, message: str, files: dict[str, str], author: str = "Ann <ann@example.invalid>", merge: int = 0) -> None:
        """One more commit; ``merge`` is the number of a second parent."""
        self.at += 1
        when = 1_600_000_000 + 3600 * self.at
        self.write(f"commit refs/heads/main\nmark :{self.at}\nauthor {author} {when} +0000\n")
        self.write(f"committer Ann <ann@example.invalid> {when} +0000\n")
        self.data(message)
        if merge:
            self.write(f"merge :{merge}\n")
        for path, text in files.items():
            self.write(f"M 100644 inline {path}\n")
            self.data(text)

    def start(self) -> None:
        """The first commit."""
        for number in range(60):
            path = f"pkg/part{number:02d}.py" if number < 40 else f"web/part{number:02d}.js"
            self.files[path] = [self.part(at) for at in range(self.choose.randrange(4, 14))]
        self.commit(
            "Start of the whole thing", {path: self.text(path) for path in self.files} | {"LICENSE": "MIT License\n"}
        )

    def edit(self) -> None:
        """One commit as people make them."""
        pick = self.choose
        path = pick.choice(sorted(self.files))
        part = pick.choice(self.files[path])
        name = part["name"]
        kind = pick.choices(range(14), (18, 14, 12, 10, 8, 6, 5, 5, 4, 4, 4, 4, 3, 3))[0]
        number = self.at
        if kind == 0:  # a fixed function, with a test
            part["b"] += 1
            test = f"from pkg import part\n\n\ndef test_{number}():\n    assert part.{name}_{part['at']}([{number}]) == 1\n"
            self.commit(
                f"Fix the {name} of values below zero", {path: self.text(path), f"tests/test_{number % 50}.py": test}
            )
        elif kind == 1:
            part["sign"] = "-" if part["sign"] == "+" else "+"
            self.commit(f"Refactor {name} so that it reads better", {path: self.text(path)})
        elif kind == 2:
            part["a"] += 1
            self.commit(
                f"Raise the limit of {name}\n\nSmall values were lost.\n\nSigned-off-by: A <a@b.org>",
                {path: self.text(path)},
            )
        elif kind == 3:
            self.files[path] = [*self.files[path][-20:], self.part(number)]
            self.commit(f"Add one more way to count the {name}", {path: self.text(path)})
        elif kind == 4:
            others = pick.sample(sorted(self.files), pick.choice((2, 3, 4)))
            for other in others:
                self.files[other][0]["a"] += 1
            self.commit("Use larger factors in several places", {other: self.text(other) for other in others})
        elif kind == 5:
            self.commit("Explain how to install it", {"README.md": f"# Parts\n\nVersion {number}.\n"})
        elif kind == 6:
            self.commit(
                f"Bump lib from 1.{number} to 1.{number + 1}",
                {"package-lock.json": f"{{{number}}}"},
                "dependabot[bot] <d@x.org>",
            )
        elif kind == 7:
            self.commit(pick.choice(("wip", "fixup! Raise the limit", "tmp")), {path: self.text(path) + f"\n# {number}\n"})
        elif kind == 8:
            self.commit(
                pick.choice(("fix", "update", "More things", f"#{number}", f"v1.{number}.0")), {path: self.text(path)}
            )
        elif kind == 9:
            self.commit(f'Revert "Raise the limit of {name}"', {path: self.text(path)})
        elif kind == 10:
            text = self.text(path)
            self.commit(
                "Lay out the code in another way", {path: text.replace("\n", " \n") if number % 2 else text + "\n\n"}
            )
        elif kind == 11:
            mark = "#" if path.endswith(".py") else "//"
            self.commit("Say what the functions are for", {path: self.text(path) + f"{mark} Note {number}: see above.\n"})
        elif kind == 12:
            self.commit("Take in what was done aside", {path: self.text(path)}, merge=max(1, number - 3))
        else:
            self.commit("Add a new module for later", {f"pkg/new{number}.py": PYTHON.format(**self.part(number))})


def make(folder: Path, commits: int, seed: int) -> None:
    """The repository, without a working tree."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", folder], check=True)
    with subprocess.Popen(["git", "-C", folder, "fast-import", "--quiet"], stdin=subprocess.PIPE) as process:
        maker = Maker(process.stdin, seed)
        maker.start()
        while maker.at < commits:
            maker.edit()
    if process.returncode:
        sys.exit("git fast-import failed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", type=int, default=5000)
    parser.add_argument("--small", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="leave the repository in this new folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        folder = options.keep or Path(aside) / "history.git"
        make(folder, options.commits, options.seed)
        head = subprocess.run(["git", "-C", folder, "rev-parse", "main"], capture_output=True, text=True, check=True).stdout
        print(f"{options.commits} commits from seed {options.seed}, newest {head[:12]}\n")
        print("| commits | s | commits/s | pairs/s | records | MB of records | peak MB, self / child | before reading, MB |")
        print("|--:|--:|--:|--:|--:|--:|--:|--:|")
        for most in (options.small, options.commits):
            done = subprocess.run(
                [sys.executable, "-c", CHILD, folder, str(most)], capture_output=True, text=True, check=True
            )
            told = json.loads(done.stdout)
            pairs = sum(told["kinds"].values())
            peaks = " / ".join(f"{peak / 1e6:.0f}" for peak in told["peaks"])
            print(
                f"| {most} | {told['s']:.2f} | {most / told['s']:.0f} | {pairs / told['s']:.0f} | {told['records']} "
                f"| {told['chars'] / 1e6:.1f} | {peaks} | {told['before'] / 1e6:.0f} |"
            )
        counts = told["counts"]
        print("\n| commits of the large one | number |", "|---|--:|", sep="\n")
        print(f"| in pairs | {counts['commits paired']} |")
        for reason, number in sorted(told["reasons"].items(), key=lambda one: -one[1]):
            print(f"| {reason} | {number} |")
        total = counts["commits paired"] + sum(told["reasons"].values())
        print(f"| **sum** | {total} |\n\npairs: " + ", ".join(f"{kind} {number}" for kind, number in told["kinds"].items()))
        if not total == counts["commits"] == options.commits or told["dropped"] != sum(told["reasons"].values()):
            sys.exit("the counts do not add up")
        print("the counts add up")


if __name__ == "__main__":
    main()
