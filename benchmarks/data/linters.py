"""What the linters cost and what a cheaper one loses: rates, ruff's security rules against Bandit, pylint in two tiers.

    python benchmarks/data/linters.py FOLDER [--files 400] [--slow 100] [--part rates|agreement|tiers]

FOLDER holds any source code: a site-packages, unpacked archives. Nothing of it is run. The files are drawn by the hash of
their paths, so the same folder gives the same sample. The agreement also looks at SVEN's pairs, if they are here.
"""

import argparse
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from yunque.checks.canaries import canary, doubt, judge_all
from yunque.checks.linters.eslint import Eslint
from yunque.checks.linters.lint import Lint
from yunque.checks.linters.pylint import Pylint
from yunque.checks.linters.ruff import SECURITY, Obsolete, RuffSecurity
from yunque.checks.security.bandit import Bandit
from yunque.code.languages import language_of
from yunque.core.nouns import Outcome, Record, Verdict
from yunque.core.paths import benchmarks_folder
from yunque.data.screening.cleaning import clean_all

LARGEST = 500_000
SCRIPTS = ("javascript", "typescript", "tsx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=400, help="files of each kind for the fast tiers and Bandit")
    parser.add_argument("--slow", type=int, default=100, help="files for pylint, and for ruff one at a time")
    parser.add_argument("--part", choices=["rates", "agreement", "tiers"])
    parser.add_argument("--sven", type=Path, default=benchmarks_folder() / "sven", help="folder of SVEN's splits")
    args = parser.parse_args()
    python, scripts = sample(args.folder, ("python",), args.files), sample(args.folder, SCRIPTS, args.files)
    if args.part in (None, "rates"):
        rates(python, scripts, args.slow)
    if args.part in (None, "agreement"):
        print("\n## ruff S against Bandit, the same rule on the same line\n")
        agreement("files", python)
        pairs(args.sven)
    if args.part in (None, "tiers"):
        tiers(python[: args.slow])


def sample(folder: Path, languages: Sequence[str], most: int) -> list[Record]:
    """Records of those languages, drawn by the hash of their paths."""
    found = []
    for path in folder.rglob("*"):
        if language_of(path.name, b"") in languages and path.is_file() and 0 < path.stat().st_size <= LARGEST:
            name = path.relative_to(folder).as_posix()
            found.append((hashlib.sha256(name.encode(errors="replace")).digest(), path, name))
    drawn = sorted(found)[:most]
    texts = [(path.read_text("utf-8", errors="replace"), name) for _, path, name in drawn]
    return [canary(text, language_of(Path(name).name, b""), path=name).record for text, name in texts]


# ------------------------------------------------------------------------------------------------------------------- rates
def rates(python: list[Record], scripts: list[Record], slow: int) -> None:
    """Files and megabytes a second, of warm tools, and what each said."""
    print("| tier | files | MB | files/s | MB/s | said |\n|---|--:|--:|--:|--:|---|")
    for check in (Lint(), Obsolete(), RuffSecurity()):
        row(f"{check.name}, one process", python, check.judge_all, doubt(check))
    row("lint, a process each", python[:slow], lambda some: [Lint().judge(one) for one in some])
    row("bandit", python, lambda some: judge_all(Bandit(), some))
    for check, records in ((Pylint(), python[:slow]), (Pylint(categories="FEWRC"), python[:slow]), (Eslint(), scripts)):
        row(f"{check.name} {getattr(check, 'categories', '')}".strip(), records, check.judge_all, doubt(check))
    for name, records in (("auto-clean Python", python), ("auto-clean scripts", scripts)):
        started = time.perf_counter()
        cleaned = clean_all(records)
        edits = Counter(edit.rule for one in cleaned for edit in one.edits)
        edits["refused"] = sum(bool(one.refused) for one in cleaned)
        tell(name, records, time.perf_counter() - started, dict(edits))


def row(name: str, records: list[Record], judge: Callable[[list[Record]], list[Verdict]], doubted: str = "") -> None:
    if doubted or not records:
        print(f"| {name} | {len(records)} | | | | {doubted or 'no such files'} |")
        return
    started = time.perf_counter()
    verdicts = judge(records)
    tell(name, records, time.perf_counter() - started, dict(Counter(one.outcome.value for one in verdicts)))


def tell(name: str, records: list[Record], took_s: float, said: dict) -> None:
    megabytes = sum(len(one.text.encode("utf-8", "replace")) for one in records) / 1e6
    told = ", ".join(f"{key} {number}" for key, number in sorted(said.items()))
    rate = f"{len(records) / took_s:.0f} | {megabytes / took_s:.2f}"
    print(f"| {name} | {len(records)} | {megabytes:.1f} | {rate} | {told} |", flush=True)


# --------------------------------------------------------------------------------------------------------------- agreement
def agreement(name: str, records: list[Record]) -> None:
    """Findings of both, of Bandit alone and of ruff alone; and on which files they fail."""
    bandit, ruff = judge_all(Bandit(), records), RuffSecurity().judge_all(records)
    both, left, right = Counter(), Counter(), Counter()
    files = Counter()
    for theirs, ours in zip(bandit, ruff, strict=True):
        if Outcome.SKIP in (theirs.outcome, ours.outcome):
            files["skipped by one" if theirs.outcome is not ours.outcome else "skipped by both"] += 1
            continue
        files[f"bandit {theirs.outcome.value}, ruff {ours.outcome.value}"] += 1
        seen = {(one.line, one.rule[1:]) for one in theirs.findings}
        found = {(one.line, one.rule[1:]) for one in ours.findings}
        both.update(rule for _, rule in seen & found)
        left.update(rule for _, rule in seen - found)
        right.update(rule for _, rule in found - seen)
    print(f"### {name}: {', '.join(f'{key} {number}' for key, number in sorted(files.items()))}\n")
    print("| rule | both | Bandit alone | ruff alone | |\n|---|--:|--:|--:|---|")
    for rule in sorted(both | left | right):
        note = "" if f"S{rule}" in SECURITY else "ruff has no such stable rule"
        print(f"| {rule} | {both[rule]} | {left[rule]} | {right[rule]} | {note} |")
    known = sum(number for rule, number in left.items() if f"S{rule}" in SECURITY)
    total = both.total()
    recall = f"{total / max(1, total + left.total()):.3f} of Bandit's findings"
    print(f"| all | {total} | {left.total()} ({known} of rules that ruff has) | {right.total()} | {recall} |\n")


def pairs(folder: Path) -> None:
    """SVEN's Python pairs: which halves fail, and the agreement on all of them."""
    import json

    rows = [
        (split.name, json.loads(line))
        for split in (folder / "train", folder / "val")
        for path in sorted(split.glob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
    rows = [(split, one) for split, one in rows if one["file_name"].endswith(".py")]
    if not rows:
        print(f"no pairs in {folder}")
        return
    halves = {
        key: [canary(one[key], "python", path=f"{at}.py").record for at, (_, one) in enumerate(rows)]
        for key in ("func_src_before", "func_src_after")
    }
    print("| SVEN, Python pairs | n | vulnerable half fails | fixed half fails | told apart |\n|---|--:|--:|--:|--:|")
    for check in (Bandit(), RuffSecurity()):
        bad, good = (judge_all(check, _dedented(halves[key])) for key in ("func_src_before", "func_src_after"))
        fails = [sum(one.outcome is Outcome.FAIL for one in half) for half in (bad, good)]
        apart = sum(len(_failing(one)) > len(_failing(other)) for one, other in zip(bad, good, strict=True))
        print(f"| {check.name} | {len(rows)} | {fails[0]} | {fails[1]} | {apart} |")
    print()
    agreement("SVEN, both halves", _dedented(halves["func_src_before"] + halves["func_src_after"]))


def _dedented(records: list[Record]) -> list[Record]:
    """Methods without the indentation of their classes."""
    from textwrap import dedent

    return [canary(dedent(one.text), "python", path=one.origin.path).record for one in records]


def _failing(verdict: Verdict) -> list[str]:
    return [one.rule for one in verdict.findings if one.severity != "note"]


# ------------------------------------------------------------------------------------------------------------------- tiers
def tiers(records: list[Record]) -> None:
    """Pylint on everything against pylint on what a fast tier flagged."""
    print("\n## pylint only on what ruff flagged, against pylint on everything\n")
    if why := doubt(Pylint()):
        print(why)
        return
    started = time.perf_counter()
    full = Pylint().judge_all(records)
    took_s = time.perf_counter() - started
    lint, security, old = (check.judge_all(records) for check in (Lint(), RuffSecurity(), Obsolete()))
    flags = {
        "lint fails": [one.outcome is Outcome.FAIL for one in lint],
        "lint, security or obsolete fails": [
            any(one.outcome is Outcome.FAIL for one in some) for some in zip(lint, security, old, strict=True)
        ],
        "any ruff check says anything": [
            any(one.findings for one in some) for some in zip(lint, security, old, strict=True)
        ],
    }
    every = Counter(_kind(one.rule, one.severity) for verdict in full for one in verdict.findings)
    failing = sum(one.outcome is Outcome.FAIL for one in full)
    print(
        "| tier one | files sent | pylint's time | FAILs lost | "
        + " | ".join(f"{kind} lost" for kind in sorted(every))
        + " |"
    )
    print("|---|--:|--:|--:|" + "--:|" * len(every))
    for name, flagged in flags.items():
        lost = [verdict for verdict, sent in zip(full, flagged, strict=True) if not sent]
        missed = Counter(_kind(one.rule, one.severity) for verdict in lost for one in verdict.findings)
        spent = sum(verdict.took_ms for verdict, sent in zip(full, flagged, strict=True) if sent) / 1000
        cells = " | ".join(f"{missed[kind]} of {every[kind]}" for kind in sorted(every))
        fails = f"{sum(one.outcome is Outcome.FAIL for one in lost)} of {failing}"
        print(f"| {name} | {sum(flagged)} of {len(records)} | {spent:.1f} of {took_s:.1f} s | {fails} | {cells} |")
    names = Counter(one.rule for verdict in full for one in verdict.findings)
    print("\nwhat pylint says most:", ", ".join(f"{rule} {number}" for rule, number in names.most_common(12)))


def _kind(rule: str, severity: str) -> str:
    return "deprecation" if rule.startswith("deprecated-") else severity


if __name__ == "__main__":
    main()
