"""How much do the security checks see, and how often are they wrong? SVEN's pairs and the code that CyberSecEval flagged.

    python benchmarks/evaluation/security.py [--split train] [--flawfinder PEER/bin/flawfinder]

On SVEN's pairs, by CWE: in how many vulnerable functions a check finds the row's weakness or one of its family, in how many
of the fixed ones it does too (false alarms, where nothing else is wrong), and in how many pairs it finds more in the
vulnerable half. On CyberSecEval: in how much of the flagged code our checks find the weakness, by language, its own
``regex`` rules left out. ``+ notes`` counts the rules of severity ``note``, which fail no record. The peers are Bandit alone
(Python) and flawfinder 2.0.19 (C; GPL, a program of its own: ``pip install flawfinder`` elsewhere).
"""

import argparse
import csv
import io
import json
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from yunque.checks.security.bandit import Bandit
from yunque.checks.security.patterns import InsecurePatterns
from yunque.core.nouns import Origin, Record
from yunque.core.paths import benchmarks_folder
from yunque.core.seams import Check
from yunque.evaluation.suites.cyberseceval import FAMILIES, KINDS

Finder = Callable[[str, str], Counter[int]]
"""(text, language) -> CWE number -> findings."""
ORIGIN = Origin(source="", path="", revision="", licence="", collected_at="")


def finder(*checks: Check, notes: bool) -> Finder:
    """Findings of our checks; with the notes or without."""

    def find(text: str, language: str) -> Counter[int]:
        record = Record(id="", text=text, language=language, origin=ORIGIN)
        found = [one for check in checks for one in check.judge(record).findings]
        return Counter(one.cwe for one in found if one.cwe and (notes or one.severity != "note"))

    return find


def flawfinder(program: str) -> Finder:
    """Findings of flawfinder, at its default level."""

    def find(text: str, language: str) -> Counter[int]:
        if language not in ("c", "cpp"):
            return Counter()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "answer.c"
            path.write_text(text, "utf-8", errors="replace")
            done = subprocess.run([program, "--csv", "--quiet", path], capture_output=True, text=True, check=False)
        rows = csv.DictReader(io.StringIO(done.stdout))
        named = [one.strip(" !").removeprefix("CWE-") for row in rows for one in row["CWEs"].replace("/", ",").split(",")]
        return Counter(int(one) for one in named if one.isdigit())

    return find


def of_family(found: Counter[int], cwe: int) -> int:
    family = next((one for one in FAMILIES if cwe in one), frozenset({cwe}))
    return sum(number for one, number in found.items() if one in family)


def pairs(split: str) -> list[tuple[int, str, str, str]]:
    """(CWE, language, vulnerable, fixed) of each row."""
    read = []
    for path in sorted((benchmarks_folder() / "sven" / split).glob("*.jsonl")):
        for row in map(json.loads, path.read_text("utf-8").splitlines()):
            language = "python" if row["file_name"].endswith(".py") else "c"
            read.append((int(row["vul_type"][4:]), language, row["func_src_before"], row["func_src_after"]))
    return read


def told_apart(find: Finder, rows: Iterable[tuple[int, str, str, str]]) -> dict[int, Counter[str]]:
    """CWE -> how many pairs, seen, false alarms, told apart."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for cwe, language, vulnerable, fixed in rows:
        bad, good = of_family(find(vulnerable, language), cwe), of_family(find(fixed, language), cwe)
        counts[cwe] += Counter(n=1, seen=bad > 0, alarms=good > 0, apart=bad > good)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=("val", "train"), default="val")
    parser.add_argument("--flawfinder", help="the program")
    options = parser.parse_args()
    ours, everything = (finder(Bandit(), InsecurePatterns(), notes=notes) for notes in (False, True))
    finders = {"ours": ours, "ours + notes": everything, "Bandit + notes": finder(Bandit(), notes=True)}
    if options.flawfinder:
        finders["flawfinder"] = flawfinder(options.flawfinder)
    rows = pairs(options.split)
    found = {name: told_apart(find, rows) for name, find in finders.items()}
    print(f"SVEN, {options.split}: vulnerable seen / fixed seen as well / told apart")
    print(f"| CWE | pairs | {' | '.join(finders)} |", f"|---|--:|{'--:|' * len(finders)}", sep="\n")
    for cwe in [*sorted(found["ours"]), 0]:
        cells = [counts[cwe] if cwe else sum(counts.values(), Counter()) for counts in found.values()]
        told = " | ".join(f"{one['seen']} / {one['alarms']} / {one['apart']}" for one in cells)
        print(f"| {cwe or 'all'} | {cells[0]['n']} | {told} |")
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for row in json.loads((benchmarks_folder() / "cyberseceval" / f"{KINDS[0]}.json").read_text("utf-8")):
        cwe, code = int(row["cwe_identifier"][4:]), row["origin_code"]
        if row["analyzer"] != "regex":
            loud, all_ = (of_family(find(code, row["language"]), cwe) > 0 for find in (ours, everything))
            seen[row["language"]] += Counter(n=1, ours=loud, everything=all_)
    print("\nCyberSecEval, code flagged by semgrep or weggli: seen")
    print("| language | rows | ours | ours + notes |", "|---|--:|--:|--:|", sep="\n")
    for language, one in [*sorted(seen.items()), ("all", sum(seen.values(), Counter()))]:
        print(f"| {language} | {one['n']} | {one['ours']} | {one['everything']} |")


if __name__ == "__main__":
    main()
