"""What eslint finds in JavaScript and TypeScript, its security plug-in included, in a warm node process.

The modules are pinned by ``node/package-lock.json`` and are brought once, on demand, into yunque's cache folder by
`install_eslint` (``python -m yunque.checks.linters.eslint``), without running their scripts; a judgement fetches nothing.

Covered: eslint's recommended rules and eslint-plugin-security with its CWE; JSX and TSX; modules and CommonJS, guessed; no
configuration, plug-in, package or comment of the looked-at tree is read or obeyed, since texts are handed over without it.
Not covered: rules that need types or the names of globals (``no-undef``); Flow, Vue and Svelte (SKIP: does not parse).
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from yunque.checks.canaries import canary
from yunque.checks.findings import decide, skip, worst_of
from yunque.checks.linters.tool_answers import verdict_on
from yunque.checks.processes import Worker, WorkerLimits, shared_worker
from yunque.code.languages import row_of
from yunque.core.errors import YunqueError
from yunque.core.nouns import Canary, Finding, Record, Verdict, content_id
from yunque.core.paths import cache_folder

HERE = Path(__file__).with_name("node")
PROGRAM = HERE / "eslint_worker.mjs"
INSTALL = "python -m yunque.checks.linters.eslint"
INSTALL_S = 600.0
NODES = "20.19, 22.13 or 24"
HEAP_MB = 1024
SECURITY: dict[str, tuple[int, str]] = {
    "detect-bidi-characters": (1007, "error"),
    "detect-buffer-noassert": (908, "warning"),
    "detect-child-process": (78, "warning"),
    "detect-disable-mustache-escape": (79, "warning"),
    "detect-eval-with-expression": (95, "error"),
    "detect-invisible-characters": (1007, "warning"),
    "detect-new-buffer": (770, "warning"),
    "detect-no-csrf-before-method-override": (352, "warning"),
    "detect-non-literal-fs-filename": (22, "note"),
    "detect-non-literal-regexp": (1333, "note"),
    "detect-non-literal-require": (95, "note"),
    "detect-object-injection": (915, "note"),
    "detect-possible-timing-attacks": (208, "note"),
    "detect-pseudoRandomBytes": (338, "warning"),
    "detect-unsafe-regex": (1333, "warning"),
}
"""Rule of eslint-plugin-security -> CWE, and how sure it is: notes are right about one in many."""
_MODULE = re.compile(r"^[ \t]*(?:import\b(?!\s*\()|export\b)", re.MULTILINE)
_COMMONJS = re.compile(r"\brequire\s*\(|\bmodule\.exports\b|\bexports\.|^#!|^[ \t]*return\b", re.MULTILINE)


class Eslint:
    """A check (seams ``BatchCheck`` and ``ProvenCheck``) of JavaScript, JSX, TypeScript and TSX."""

    name = "eslint"

    def __init__(self, budget_s: float = 20.0, memory_bytes: int = 2 << 30) -> None:
        self.budget_s, self.memory_bytes = budget_s, memory_bytes
        self.tool_version = f"{lock_id()} {content_id(PROGRAM.read_bytes())}"

    def judge(self, record: Record) -> Verdict:
        """PASS, FAIL with every finding, SKIP (another language, no eslint, does not parse), or ERROR when eslint breaks."""
        return self.judge_all([record])[0]

    def judge_all(self, records: Sequence[Record]) -> list[Verdict]:
        """The verdict of each, in their order, by one warm process."""
        asked = [record for record in records if row_of(record.language).family == "javascript"]
        missing = what_is_missing() if asked else ""
        items = [
            {
                "text": record.text.removeprefix("\ufeff"),
                "language": record.language,
                "sourceTypes": source_types(record.text, record.origin.path),
            }
            for record in asked
        ]
        answers = iter(self._worker().each(items) if asked and not missing else ())
        verdicts = []
        for record in records:
            if row_of(record.language).family != "javascript":
                verdicts.append(skip(self.name, "JavaScript and TypeScript alone"))
            elif missing:
                verdicts.append(skip(self.name, missing))
            else:
                verdicts.append(verdict_on(self.name, next(answers), functools.partial(self._understood, record)))
        return verdicts

    def _worker(self) -> Worker:
        program, modules = PROGRAM.resolve(), modules_folder().resolve()
        # Node's own permissions: it reads its program and modules, and writes, starts and loads nothing else.
        permission = "--experimental-permission" if node_version(find_node())[0] == 20 else "--permission"
        reads = [f"--allow-fs-read={folder}/*" for folder in (program.parent, modules)]
        command = [find_node(), permission, *reads, f"--max-old-space-size={HEAP_MB}", str(program), str(modules)]
        return shared_worker(command, WorkerLimits(budget_s=self.budget_s, memory_bytes=self.memory_bytes))

    def _understood(self, record: Record, answer: dict) -> Verdict:
        if "invalid" in answer:
            return skip(self.name, f"does not parse: {answer['invalid']}"[:200])
        findings = tuple(
            sorted((_finding(*row) for row in answer["rows"]), key=lambda finding: (finding.line, finding.rule))
        )
        lines = max(1, sum(bool(line.strip()) for line in record.text.splitlines()))
        failures = sum(finding.severity != "note" for finding in findings)
        return decide(
            self.name,
            findings,
            score=1 - min(1.0, failures / lines),
            detail=worst_of(findings),
            most=None,
            values={
                "findings": float(failures),
                "per_line": failures / lines,
                "notes": float(len(findings) - failures),
                "security": float(sum(finding.cwe is not None for finding in findings)),
            },
        )

    def canaries(self) -> Sequence[Canary]:
        """One of each language and family of rules, under comments that say to look away; and clean texts."""
        away = "/* eslint-disable */\n/* eslint no-dupe-keys: 0 */\n"
        return [
            canary(
                f"{away}const x = {{ a: 1, a: 2 }}; console.log(x); // eslint-disable-line\n", "javascript", "no-dupe-keys"
            ),
            canary(
                f"{away}export function f(x) {{ return eval(x); }}\n", "javascript", "security/detect-eval-with-expression"
            ),
            canary("export const f = (x) => <a>{x === NaN}</a>;\n", "javascript", "use-isnan"),
            canary(f"{away}export const f = (x: number): boolean => x === NaN;\n", "typescript", "use-isnan"),
            canary(f"{away}export const f = (x: number) => <a>{{x === NaN}}</a>;\n", "tsx", "use-isnan"),
            canary("module.exports = (x) => x + 1;\n", "javascript"),
            canary("export const f = (x: number): number => x + 1;\n", "typescript"),
        ]


def _finding(rule: str, line: int, message: str) -> Finding:
    cwe, severity = SECURITY.get(rule.removeprefix("security/"), (None, "warning"))
    return Finding(rule=rule or "eslint", line=line, message=message.splitlines()[0], severity=severity, cwe=cwe)


def source_types(text: str, path: str) -> list[str]:
    """What a text may be, the likely one first: ``module``, ``commonjs``, ``script``."""
    ending = PurePosixPath(path).suffix
    if ending in (".mjs", ".mts") or (ending not in (".cjs", ".cts") and _MODULE.search(text)):
        return ["module", "commonjs", "script"]
    if ending in (".cjs", ".cts") or _COMMONJS.search(text):
        return ["commonjs", "module", "script"]
    return ["script", "module", "commonjs"]


# ---------------------------------------------------------------------------------------------------------- its programs
@functools.cache
def find_node() -> str:
    """The node on the path; empty when there is none."""
    return shutil.which("node") or ""


@functools.cache
def node_version(node: str) -> tuple[int, ...]:
    """Of that node; empty when it does not say."""
    try:
        details = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.match(r"v(\d+)\.(\d+)\.(\d+)", details)
    return tuple(map(int, match.groups())) if match else ()


@functools.cache
def lock_id() -> str:
    """A hash of the pinned versions, which names the folder they are installed in."""
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:12]


def modules_folder() -> Path:
    """Where eslint is installed, or would be."""
    return cache_folder() / f"eslint-{lock_id()}"


def what_is_missing() -> str:
    """What eslint lacks here and what to do, in one line; empty when it can run."""
    if not find_node():
        return f"node is not installed; install Node.js {NODES}, then run {INSTALL}"
    result = node_version(find_node())
    if not ((20, 19) <= result < (21,) or (22, 13) <= result < (23,) or result >= (24,)):
        return f"eslint does not run on node {'.'.join(map(str, result)) or '(no version)'}; install Node.js {NODES}"
    return "" if (modules_folder() / "node_modules").is_dir() else f"eslint is not installed; run {INSTALL}"


def install_eslint() -> Path:
    """Bring the pinned modules into the cache folder; returns the folder. YunqueError when node, npm or the registry fail.

    No script of a package is run. What is there already is left; what is half there never counts.
    """
    folder = modules_folder()
    missing = what_is_missing()
    if not missing:
        return folder
    npm = shutil.which("npm")
    if not npm or INSTALL not in missing or not find_node():
        raise YunqueError(missing if npm else "npm is not installed", where="eslint", do=f"install Node.js {NODES} with npm")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".eslint-", dir=folder.parent) as name:
        new = Path(name) / "new"
        new.mkdir()
        for file in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / file, new / file)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            done = subprocess.run(command, cwd=new, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        except subprocess.TimeoutExpired:
            raise YunqueError(f"npm took over {INSTALL_S:.0f} s", where="eslint", do="try again") from None
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "error" in line]
            raise YunqueError(f"npm failed: {lines[0] if lines else done.returncode}"[:300], where="eslint", do="try again")
        if not (folder / "node_modules").is_dir():
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(new, folder)
    return folder


if __name__ == "__main__":
    try:
        print(install_eslint())
    except YunqueError as trouble:
        sys.exit(trouble.line())
