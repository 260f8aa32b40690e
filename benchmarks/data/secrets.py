"""How many planted secrets and personal data do our checks find, what do they find wrongly, and how does detect-secrets do?

    python benchmarks/data/secrets.py [--seed 1] [--later-seed 77] [--instances 6] [--list] [--clean FOLDER [--max-mb 100]]

Three parts (`credentials.py`), each with other kinds, carriers and decoys: the first was written before the checks, the
second after them, the third after the checks had learned from the second. A plant is found when a finding of its class
touches its bytes; detect-secrets knows lines alone, so for it, and for us beside it, when a finding is on its lines. A
finding that touches no plant of its class is wrong. All look at the same files in one run. Exits with 1 when the recall or
the precision of a class is under 0.95.
``--clean`` counts what ours says of the text files in a folder of archives (`corpus.py`), where hardly any secret is.

Not covered: what real people do with secrets. A plant is as its issuer writes it, in the frames of that file.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tarfile
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from credentials import (
    DECOYS,
    FRESH_DECOYS,
    FRESH_LINES,
    FRESH_PERSONAL,
    FRESH_SECRETS,
    MORE_DECOYS,
    MORE_LINES,
    MORE_PERSONAL,
    MORE_SECRETS,
    PERSONAL,
    SECRETS,
    Document,
    fresh,
    held_out,
    planted,
)

from yunque.core.nouns import Finding, Origin, Record, content_id, seed_from

LIMIT = 0.95
CLASSES = {
    "secrets": {*SECRETS, *MORE_SECRETS, *MORE_LINES, *FRESH_SECRETS, *FRESH_LINES},
    "personal data": {*PERSONAL, *MORE_PERSONAL, *FRESH_PERSONAL},
}
_TEXTS = (
    ".py .js .ts .tsx .mjs .cjs .c .h .cpp .go .rs .java .json .md .rst .txt .yaml .yml .toml .cfg .ini .sh .html .css "
    ".ipynb .pyx .lock .xml"
)
SUFFIXES = tuple(_TEXTS.split())
Findings = dict[str, list[tuple[range, tuple[int, int] | None, str]]]
"""Path -> (lines, place in bytes where it is known, rule) of everything that was found."""


@dataclass
class Score:
    """Plants found of all, by kind, and findings that touch none."""

    found: Counter[str] = field(default_factory=Counter)
    all: Counter[str] = field(default_factory=Counter)
    right: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """The share of the plants that was found."""
        return self.found.total() / max(1, self.all.total())

    @property
    def precision(self) -> float:
        """The share of the findings that touch a plant."""
        return self.right / max(1, self.right + len(self.wrong))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--later-seed", type=int, default=77)
    parser.add_argument("--instances", type=int, default=6)
    parser.add_argument("--list", action="store_true", help="list what was missed or wrongly found")
    parser.add_argument("--clean", type=Path, help="count what ours says of this folder of archives instead")
    parser.add_argument("--max-mb", type=float, default=100)
    options = parser.parse_args()
    if options.clean:
        return clean(options.clean, options.max_mb * 1e6, options.list)
    parts = {
        "first": planted(options.seed, options.instances),
        "second": held_out(options.later_seed, options.instances),
        "third": fresh(options.later_seed, options.instances),
    }
    kinds = {
        "first": len(SECRETS) + len(PERSONAL),
        "second": len(MORE_SECRETS) + len(MORE_LINES) + len(MORE_PERSONAL),
        "third": len(FRESH_SECRETS) + len(FRESH_LINES) + len(FRESH_PERSONAL),
    }
    decoys = {"first": len(DECOYS), "second": len(MORE_DECOYS), "third": len(FRESH_DECOYS)}
    for name, documents in parts.items():
        plants, others = (sum(len(getattr(one, what)) for one in documents) for what in ("plants", "decoys"))
        print(
            f"{name}: {kinds[name]} kinds, {plants} plants; {decoys[name]} kinds of decoys, {others}; {len(documents)} files"
        )
    print("\n| part | class | tool | recall | precision | MB/s |", "|---|---|---|--:|--:|--:|", sep="\n")
    low = False
    for name, documents in parts.items():
        low |= compare(name, documents, options.list)
    return int(low)


def compare(half: str, documents: list[Document], listed: bool) -> bool:
    """Print the rows of one half; whether ours is too low somewhere."""
    size = sum(len(document.text.encode()) for document in documents) / 1e6
    ours = {"secrets": found_by("secrets", documents), "personal data": found_by("personal-data", documents)}
    theirs, their_s = found_by_detect_secrets(documents)
    low, lists = False, []
    for name, kinds in CLASSES.items():
        found, took = ours[name]
        exact, by_line = (score(documents, found, kinds, by_bytes=by_bytes) for by_bytes in (True, False))
        low |= min(exact.recall, exact.precision) < LIMIT
        row(half, name, "ours, by bytes", exact, size / took)
        row(half, name, "ours, by line", by_line, size / took)
        peer = score(documents, theirs, kinds, by_bytes=False)
        if name == "secrets":
            row(half, name, "detect-secrets 1.5.0, by line", peer, size / their_s)
            print(f"| {half} | {name} | ours : detect-secrets | | | {their_s / took:.0f} x |")
        else:
            print(f"| {half} | {name} | detect-secrets 1.5.0 | looks for IPv4 alone: {peer.found.total()} | | |")
        missed = {kind: f"{exact.found[kind]}/{n}" for kind, n in exact.all.items() if exact.found[kind] < n}
        lists.append(f"\n{half}, {name}: missed {missed}\n  wrong {dict(Counter(exact.wrong))}")
        lists.append(f"  detect-secrets, wrong: {dict(Counter(peer.wrong).most_common(8))}" if name == "secrets" else "")
    print("\n".join(lists), file=sys.stderr) if listed else None
    return low


def row(half: str, name: str, tool: str, one: Score, rate: float) -> None:
    got = f"{one.found.total()}/{one.all.total()} = {one.recall:.3f}"
    right = f"{one.right}/{one.right + len(one.wrong)} = {one.precision:.3f}"
    print(f"| {half} | {name} | {tool} | {got} | {right} | {rate:.2f} |", flush=True)


# ------------------------------------------------------------------------------------------------------------ both scanners
def record_of(path: str, language: str, text: str) -> Record:
    origin = Origin(source="planted", path=path, revision="", licence="CC0-1.0", collected_at="")
    return Record(id=content_id(path, text), text=text, language=language, origin=origin)


def checks() -> dict:
    """Both of our checks, warm."""
    from yunque.checks.privacy.personal_data import PersonalData
    from yunque.checks.privacy.secrets import Secrets

    made = {check.name: check for check in (Secrets(), PersonalData())}
    for check in made.values():
        check.judge(record_of("warm.py", "python", "x = 1\n"))
    return made


def found_by(name: str, documents: list[Document]) -> tuple[Findings, float]:
    """What a check of ours finds, and the seconds that it took."""
    check = checks()[name]
    records = [record_of(document.path, document.language, document.text) for document in documents]
    started = time.perf_counter()
    verdicts = check.judge_all(records)
    took = time.perf_counter() - started

    def plain(one: Finding) -> tuple[range, tuple[int, int] | None, str]:
        return range(one.line, one.line + 1), one.span_bytes, one.rule

    pairs = zip(records, verdicts, strict=True)
    return {record.origin.path: [plain(one) for one in verdict.findings] for record, verdict in pairs}, took


def found_by_detect_secrets(documents: list[Document]) -> tuple[Findings, float]:
    """What detect-secrets finds with its default plugins and filters, and the seconds it took."""
    from detect_secrets import SecretsCollection
    from detect_secrets.settings import default_settings

    logging.disable(logging.CRITICAL)
    found: Findings = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, default_settings():
        for document in documents:
            (Path(folder) / document.path).write_text(document.text)
        secrets = SecretsCollection(root=folder)
        started = time.perf_counter()
        for document in documents:
            secrets.scan_file(document.path)
        took = time.perf_counter() - started
        for path, secret in secrets:
            found[path].append((range(secret.line_number, secret.line_number + 1), None, secret.type))
    return found, took


def score(documents: list[Document], found: Findings, kinds: set[str], *, by_bytes: bool) -> Score:
    """What was found of some kinds, and what was found where none of them is."""
    result = Score()
    for document in documents:
        plants = [(start, end, kind) for start, end, kind in document.plants if kind in kinds]
        findings = found.get(document.path, [])

        def touch(plant: tuple, finding: tuple, document: Document = document) -> bool:
            if by_bytes:
                return finding[1][0] < plant[1] and plant[0] < finding[1][1]
            return bool(set(finding[0]) & set(document.lines[plant[0]]))

        for plant in plants:
            result.all[plant[2]] += 1
            result.found[plant[2]] += any(touch(plant, one) for one in findings)
        for one in findings:
            if any(touch(plant, one) for plant in plants):
                result.right += 1
            else:
                result.wrong.append(f"{one[2]} in {stands_in(document, one[0])}")
    return result


def stands_in(document: Document, lines: range) -> str:
    """The kind of plant or decoy on these lines."""
    every = [*document.plants, *document.decoys]
    return next((kind for start, _, kind in every if set(document.lines[start]) & set(lines)), "filler")


# -------------------------------------------------------------------------------------------------------- what is published
def texts(folder: Path, max_bytes: float) -> Iterator[tuple[str, str]]:
    """Path and text of files in archives, chosen by a hash of their path until the size is reached."""
    archives = sorted(folder.glob("*gz"))
    share = min(1.0, max_bytes / 7e8)
    total = 0
    for path in archives:
        with tarfile.open(path) as archive:
            for member in archive:
                chosen = seed_from(path.name, member.name) / 2**63 < share
                if not (chosen and member.isfile() and member.size < 1_500_000 and member.name.endswith(SUFFIXES)):
                    continue
                data = archive.extractfile(member).read()
                total += len(data)
                if total > max_bytes:
                    return
                try:
                    yield f"{path.name}!{member.name}", data.decode()
                except UnicodeDecodeError:
                    continue


def clean(folder: Path, max_bytes: float, listed: bool) -> int:
    """Counts by rule on published files; with ``listed``, path and line of each, never the text itself."""
    ours, took, total, files = checks(), Counter(), 0, 0
    rules: dict[str, Counter[str]] = {name: Counter() for name in ours}
    for path, text in texts(folder, max_bytes):
        record = record_of(path, path.rpartition(".")[2], text)
        total, files = total + len(text.encode()), files + 1
        for name, check in ours.items():
            started = time.perf_counter()
            verdict = check.judge(record)
            took[name] += time.perf_counter() - started
            rules[name].update(one.rule for one in verdict.findings)
            for one in verdict.findings if listed else ():
                print(f"{path}:{one.line}: {one.severity} {one.rule}")
    print(f"{files} files, {total / 1e6:.0f} MB")
    for name, counts in rules.items():
        print(f"{name}: {total / 1e6 / took[name]:.1f} MB/s, {counts.total()} findings: {dict(counts.most_common())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
