"""Does the next edit help? On the commits of a repository: what a change proposes, against what its author did next.

    python benchmarks/editors/next_edit.py REPOSITORY [--share 0.5]

Of every file that a commit changes in more than one place, the changes are made one after the other; after each, the file as
it is then is asked for the next edit. A proposal is exact where the commit makes just that change just there, partial
where it changes something else on that line, and wrong where it leaves the line alone. Files of which more than 40 places
change are left out. Of the later half of the commits a hundred are looked at; nothing was learned from any.
"""

from __future__ import annotations

import argparse
import difflib
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from yunque.code.languages import language_of
from yunque.code.next_edit import TOKEN, Edit, Proposal, next_edits, rule_of
from yunque.evaluation.metrics.statistics import wilson

MOST_PLACES, MOST_COMMITS = 40, 100


def git(repository: Path, *arguments: str) -> str:
    """What git says."""
    done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def versions(repository: Path, share: float) -> Iterator[tuple[str, str, str]]:
    """(Commit, before, after) of every file of code that a later commit changes."""
    commits = git(repository, "rev-list", "--reverse", "--no-merges", "HEAD").split()
    commits = commits[int(len(commits) * share) :]
    for commit in commits[:: max(1, len(commits) // MOST_COMMITS)]:
        for line in git(repository, "diff-tree", "-r", "--no-commit-id", "--diff-filter=M", "-M", commit).splitlines():
            fields = line.split("\t")
            old, new = fields[0].split()[2:4]
            if language_of(fields[1], b""):
                yield commit, git(repository, "cat-file", "blob", old), git(repository, "cat-file", "blob", new)


def changes(before: str, after: str) -> list[tuple[int, int, str]]:
    """(Start, end, text) by which the first becomes the second, in its offsets, in whole tokens within changed lines."""
    lines = [before.splitlines(keepends=True), after.splitlines(keepends=True)]
    starts = [0]
    for line in lines[0]:
        starts.append(starts[-1] + len(line))
    places = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, *lines, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        if kind != "replace" or b - a != d - c:
            places.append((starts[a], starts[b], "".join(lines[1][c:d])))
            continue
        for row in range(b - a):
            old, new = lines[0][a + row], lines[1][c + row]
            tokens = [list(TOKEN.finditer(text)) for text in (old, new)]
            words = [[token[0] for token in items] for items in tokens]
            for sort, i, j, k, m in difflib.SequenceMatcher(None, *words, autojunk=False).get_opcodes():
                if sort != "equal":
                    left = tokens[0][i - 1].end() if i else 0
                    start = tokens[0][i].start() if i < j else left
                    end = tokens[0][j - 1].end() if i < j else left
                    other = tokens[1][k - 1].end() if k else 0
                    text = new[
                        tokens[1][k].start() if i < j and k < m else other : tokens[1][m - 1].end() if k < m else other
                    ]
                    places.append((starts[a + row] + start, starts[a + row] + end, text))
    return places


def judged(before: str, places: list[tuple[int, int, str]], tables: dict[int, Counter[str]]) -> None:
    """Make the changes one after the other, and count what is proposed after each."""
    text, moved, made = before, 0, []
    for number, (start, end, new) in enumerate(places[:-1]):
        text = text[: start + moved] + new + text[end + moved :]
        made.append(Edit(start=start + moved, before=before[start:end], after=new))
        moved += len(new) - (end - start)
        times, proposals = same_rule(text, made[-8:]), next_edits(text, made[-1])
        outcome = outcome_of(text, proposals[0], places[number + 1 :], moved) if proposals else ""
        for at_least, counts in tables.items():
            counts["edits"] += 1
            if outcome and times >= at_least:
                counts["proposed"] += 1
                counts[outcome] += 1


def same_rule(text: str, edits: list[Edit]) -> int:
    """How many of the edits, the last one included, have the rule of the last one; offsets are of the text as it is now."""
    rules = [rule_of(text, edit) for edit in edits]
    return rules.count(rules[-1]) if rules[-1] is not None else 0


def outcome_of(text: str, proposal: Proposal, left: list[tuple[int, int, str]], moved: int) -> str:
    """What became of a proposal, by the changes that were left."""
    outcome = "wrong"
    for start, end, new in ((start + moved, end + moved, new) for start, end, new in left):
        first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        if first <= proposal.start <= (last if last >= 0 else len(text)):
            outcome = "partial"
            whole = text[first : last if last >= 0 else len(text)]
            by_proposal = whole[: proposal.start - first] + proposal.text + whole[proposal.end - first :]
            by_author = whole[: start - first] + new + whole[end - first :]
            if by_proposal.split() == by_author.split() or "".join(by_proposal.split()) == "".join(by_author.split()):
                return "exact"
    return outcome


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--share", type=float, default=0.5)
    options = parser.parse_args()
    tables = {1: Counter[str](), 2: Counter[str](), 3: Counter[str]()}
    files, commits = 0, set()
    for commit, before, after in versions(options.repository, options.share):
        places = changes(before, after)
        if not 2 <= len(places) <= MOST_PLACES or len(before) > 200_000:
            continue
        files += 1
        commits.add(commit)
        judged(before, places, tables)
    name = options.repository.resolve().name
    print(f"{time.strftime('%Y-%m-%d')}, {name}: {files} changed files of {len(commits)} commits\n")
    print("| the same change was made | edits | proposed | exact | 95 % | partial | wrong |")
    print("|---|--:|--:|--:|---|--:|--:|")
    for at_least, counts in tables.items():
        proposed = counts["proposed"] or 1
        low, high = wilson(counts["exact"] / proposed, proposed)
        wrong = counts["proposed"] - counts["exact"] - counts["partial"]
        print(f"| {('once', 'twice', 'three times')[at_least - 1]} or more | {counts['edits']} | {counts['proposed']} | "
              f"{counts['exact'] / proposed:.1%} | [{low:.1%}, {high:.1%}] | {counts['partial'] / proposed:.1%} | "
              f"{wrong / proposed:.1%} |")  # fmt: skip


if __name__ == "__main__":
    main()
