"""What ruff finds in many Python texts at once, by fixed rules that nothing near or in a text can change.

One process a batch: the texts lie in a fresh folder of their own, and what is reported is put back to its text. Checks:
`RuffSecurity` (Bandit's rules as ruff has them, the fast security tier; with their exact places) and `Obsolete` (pyupgrade:
removed and deprecated forms). `checks.linters.lint.Lint` is one more.

Covered: ``noqa`` comments are not obeyed, since whoever wrote the text wrote them; configuration is neither looked for nor
read; a text that kills ruff is found by halving its batch, and is the only ERROR.
Not covered: what needs several files (import order, names of modules); notebooks; security rules that ruff calls preview.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from yunque.checks.canaries import canary
from yunque.checks.findings import decide, error, skip, worst_of
from yunque.core.nouns import Canary, Finding, Record, Verdict, content_id

TIMEOUT_S = 30.0
"""Wall time of a batch of one; each further text adds SHARE_S."""
SHARE_S = 0.2
BATCH = 500
NO_RUFF = "ruff is not installed; pip install 'yunque[checks]'"
INVALID = "invalid-syntax"


@functools.cache
def find_ruff() -> str:
    """The ruff beside this Python, else one on the path; empty when there is none."""
    beside = Path(sys.executable).with_name("ruff")
    return str(beside) if beside.is_file() else shutil.which("ruff") or ""


@functools.cache
def ruff_version(ruff: str) -> str:
    """What that ruff says of itself; empty when it says nothing."""
    try:
        return subprocess.run([ruff, "--version"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


@functools.cache
def _own_id() -> str:
    """A hash of this file, which decides what checks in other files say as well."""
    return content_id(Path(__file__).read_bytes())


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of ruff's report. Rows and columns are 1-based; columns count characters, a byte order mark excluded."""

    code: str
    message: str
    start: tuple[int, int]
    end: tuple[int, int]
    fix: str
    """``safe``, ``unsafe``, or ``display``; empty without a fix."""


@dataclass(frozen=True)
class Broken:
    """Ruff could not look at a text."""

    why: str


def run_ruff(ruff: str, texts: Sequence[str], options: Sequence[str]) -> list[list[Row] | Broken]:
    """What ``ruff check`` says of each text with those options, in order of line."""
    results: list[list[Row] | Broken] = []
    for index in range(0, len(texts), BATCH):
        results.extend(_halving(ruff, texts[index : index + BATCH], options))
    return results


def in_files(ruff: str, texts: Sequence[str], options: Sequence[str]) -> tuple[bytes, list[str], str]:
    """Ruff's output, the texts afterwards, and why it broke, if it did. One process, one private folder.

    Every text is called ``answer.py`` in a folder of its own, so that no name says anything. OSError when ruff cannot start.
    """
    with tempfile.TemporaryDirectory(prefix="yunque-ruff-") as folder:
        paths = [Path(folder) / str(index) / "answer.py" for index in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.parent.mkdir()
            path.write_bytes(text.encode("utf-8", "replace"))
        command = [
            *(ruff, "check", "--isolated", "--no-cache", "--no-respect-gitignore", "--quiet", "--exit-zero"),
            *("--config", "exclude=[]", *options, "."),
        ]
        env = {"PATH": os.environ.get("PATH", ""), "HOME": "/"}
        env |= {name: os.environ[name] for name in ("RAYON_NUM_THREADS",) if name in os.environ}
        limit_s = TIMEOUT_S + SHARE_S * len(texts)
        try:
            done = subprocess.run(command, capture_output=True, timeout=limit_s, env=env, check=False, cwd=folder)
        except subprocess.TimeoutExpired:
            return b"", [], f"took over {limit_s:.0f} s"
        if done.returncode:
            details = re.sub(r" \(\d+\)", "", done.stderr.decode("utf-8", "replace")).split(
                "\n"
            )  # without the thread's number
            first = next((line for line in details if line.strip()), "and said nothing")
            return b"", [], f"ruff ended with {done.returncode}: {first}"[:300]
        return done.stdout, [path.read_bytes().decode("utf-8", "replace") for path in paths], ""


def _halving(ruff: str, texts: Sequence[str], options: Sequence[str]) -> list[list[Row] | Broken]:
    try:
        output, _, why = in_files(ruff, texts, ["--output-format", "json", *options])
        rows = json.loads(output) if not why else []
    except OSError as error:
        return [Broken(f"ruff does not start ({error.strerror})")] * len(texts)
    except ValueError:
        why = "ruff's report is not JSON"
    if why:
        if len(texts) == 1:
            return [Broken(why)]
        middle = len(texts) // 2
        return [*_halving(ruff, texts[:middle], options), *_halving(ruff, texts[middle:], options)]
    result: list[list[Row]] = [[] for _ in texts]
    for row in rows:
        result[int(Path(row["filename"]).parent.name)].append(_row(row))
    return [sorted(some, key=lambda match: (match.start[0], match.code)) for some in result]


def _row(row: dict) -> Row:
    return Row(
        code=row["code"] or INVALID,
        message=row["message"],
        start=(row["location"]["row"], row["location"]["column"]),
        end=(row["end_location"]["row"], row["end_location"]["column"]),
        fix=(row.get("fix") or {}).get("applicability", "").removesuffix("only"),
    )


class Places:
    """Byte offsets in a text of ruff's rows and columns."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in re.finditer(r"\r\n?|\n", text))]
        self._starts[0] = len(text) - len(text.removeprefix("\ufeff"))

    def byte(self, place: tuple[int, int]) -> int:
        """The offset of a (row, column) in the text's UTF-8 bytes."""
        row, column = place
        start = self._starts[min(row, len(self._starts)) - 1]
        return len(self._text[: start + column - 1].encode("utf-8", "replace"))

    def place(self, offset: int) -> tuple[int, int]:
        """The (row, column) of a character's offset."""
        row = bisect_right(self._starts, offset)
        return row, offset - self._starts[row - 1] + 1


# ------------------------------------------------------------------------------------------------------------- the checks
class RuffCheck:
    """A check (seams ``BatchCheck`` and ``ProvenCheck``) of one selection of rules; each kind says what a finding means."""

    name = "ruff"
    rules = ""
    spans = False
    """Whether findings carry their exact place."""

    def __init__(self, rules: str = "") -> None:
        self.rules = rules or type(self).rules
        self.tool_version = f"{ruff_version(find_ruff()).strip()} {_own_id()}" if find_ruff() else ""

    def judge(self, record: Record) -> Verdict:
        """PASS, FAIL with every finding, SKIP (another language, no ruff, does not parse), or ERROR when ruff breaks."""
        return self.judge_all([record])[0]

    def judge_all(self, records: Sequence[Record]) -> list[Verdict]:
        """The verdict of each, in their order; one process looks at several hundred."""
        started = time.perf_counter()
        ruff = find_ruff()
        asked = [record for record in records if record.language == "python"] if ruff else []
        options = ("--ignore-noqa", "--select", self.rules)
        result = iter(run_ruff(ruff, [record.text for record in asked], options) if asked else ())
        verdicts = []
        for record in records:
            if record.language != "python":
                verdicts.append(skip(self.name, "no linter for this language"))
            elif not ruff:
                verdicts.append(skip(self.name, NO_RUFF))
            else:
                verdicts.append(self._verdict(record, next(result)))
        took_ms = (time.perf_counter() - started) * 1000 / max(1, len(records))
        return [replace(verdict, took_ms=took_ms) for verdict in verdicts]

    def _verdict(self, record: Record, rows: list[Row] | Broken) -> Verdict:
        if isinstance(rows, Broken):
            return error(self.name, rows.why)
        if any(row.code == INVALID for row in rows):
            return skip(self.name, "does not parse")
        places = Places(record.text) if self.spans and rows else None
        findings = tuple(self.finding(row, places) for row in rows)
        lines = max(1, sum(bool(line.strip()) for line in record.text.splitlines()))
        return decide(
            self.name,
            findings,
            score=self.score(findings, lines),
            most=None,
            detail=self.summary(findings, lines),
            values={"findings": float(len(findings)), "per_line": len(findings) / lines},
        )

    def finding(self, row: Row, places: Places | None) -> Finding:
        """What a row of the report means."""
        span = (places.byte(row.start), places.byte(row.end)) if places else None
        return Finding(rule=row.code, line=row.start[0], message=row.message, severity="warning", span_bytes=span)

    def score(self, findings: Sequence[Finding], lines: int) -> float | None:
        """None where the check only decides."""
        return None

    def summary(self, findings: Sequence[Finding], lines: int) -> str:
        """One line for a person."""
        return worst_of(findings)


REMOVED = frozenset(
    {"UP001", "UP005", "UP019", "UP020", "UP021", "UP023", "UP024", "UP026", "UP029", "UP035", "UP036", "UP041"}
)
"""Of pyupgrade's rules, those about what was removed, deprecated or kept for old versions; the others are about taste."""


class Obsolete(RuffCheck):
    """Forms of Python that newer ones replaced: FAIL for what was removed or deprecated, notes for the rest."""

    name = "obsolete-python"
    rules = "UP"

    def finding(self, row: Row, places: Places | None) -> Finding:
        """A warning for what is gone or going, else a note."""
        severity = "warning" if row.code in REMOVED else "note"
        return Finding(rule=row.code, line=row.start[0], message=row.message, severity=severity)

    def canaries(self) -> Sequence[Canary]:
        """One of each kind, and a text of today."""
        return [
            canary("import xml.etree.cElementTree as ET\n\nprint(ET)\n", "python", "UP023"),
            canary("from collections import Mapping\n\nprint(Mapping)\n", "python", "UP035"),
            canary("class A(object):\n    x = 1\n", "python", "UP004"),
            canary("def f(x: int | None) -> list[int]:\n    return [x or 0]\n", "python"),
        ]


SECURITY: dict[str, tuple[int, str]] = {
    "S102": (95, "warning"), "S103": (732, "warning"), "S104": (605, "warning"), "S105": (259, "note"),
    "S106": (259, "note"), "S107": (259, "note"), "S108": (377, "warning"), "S110": (703, "note"), "S112": (703, "note"),
    "S113": (400, "warning"), "S201": (94, "error"), "S202": (22, "warning"), "S301": (502, "warning"),
    "S302": (502, "warning"), "S303": (327, "warning"), "S304": (327, "error"), "S305": (327, "warning"),
    "S306": (377, "warning"), "S307": (95, "warning"), "S308": (79, "warning"), "S310": (22, "warning"),
    "S311": (330, "note"), "S312": (319, "error"), "S313": (20, "warning"), "S314": (20, "warning"),
    "S315": (20, "warning"), "S316": (20, "warning"), "S317": (20, "warning"), "S318": (20, "warning"),
    "S319": (20, "warning"), "S321": (319, "error"), "S323": (295, "warning"), "S324": (327, "error"),
    "S501": (295, "error"), "S502": (327, "error"), "S503": (327, "warning"), "S504": (327, "note"),
    "S505": (326, "warning"), "S506": (20, "warning"), "S507": (295, "error"), "S508": (319, "warning"),
    "S509": (319, "warning"), "S601": (78, "warning"), "S602": (78, "error"), "S603": (78, "note"), "S604": (78, "warning"),
    "S605": (78, "error"), "S606": (78, "note"), "S607": (78, "note"), "S608": (89, "warning"), "S609": (155, "error"),
    "S610": (89, "warning"), "S611": (89, "warning"), "S612": (94, "warning"), "S701": (94, "error"),
    "S702": (80, "warning"), "S704": (79, "warning"),
}  # fmt: skip
"""Rule -> CWE and severity, as Bandit has them of the same number (B101 and B404 say nothing of the code at hand). Eval and
exec are 95 here, as in `checks.security.patterns`."""


class RuffSecurity(RuffCheck):
    """What ruff has of Bandit's rules, with their CWE: the fast security tier. Notes fail nothing."""

    name = "ruff-security"
    rules = ",".join(SECURITY)
    spans = True

    def finding(self, row: Row, places: Places | None) -> Finding:
        """With the CWE; a note where ruff says that the command is a constant, as Bandit does."""
        cwe, severity = SECURITY.get(row.code, (0, "warning"))
        severity = "note" if "seems safe" in row.message else severity
        return replace(super().finding(row, places), severity=severity, cwe=cwe or None)

    def canaries(self) -> Sequence[Canary]:
        """One of each family of weaknesses, and a text without any."""
        return [
            canary("def f(x):\n    return eval(x)\n", "python", "S307"),
            canary("import subprocess\n\ndef f(x):\n    subprocess.run(x, shell=True)\n", "python", "S602"),
            canary("import pickle\n\ndef f(x):\n    return pickle.loads(x)\n", "python", "S301"),
            canary("import hashlib\n\ndef f(x):\n    return hashlib.md5(x).hexdigest()\n", "python", "S324"),
            canary("import requests\n\ndef f(x):\n    requests.get(x, verify=False, timeout=1)\n", "python", "S501"),
            canary("def f(c, x):\n    c.execute(\"SELECT a FROM b WHERE c = '%s'\" % x)\n", "python", "S608"),
            canary("import yaml\n\ndef f(x):\n    return yaml.load(x)\n", "python", "S506"),
            canary("import hashlib\n\ndef f(x):\n    return hashlib.sha256(x).hexdigest()\n", "python"),
        ]
