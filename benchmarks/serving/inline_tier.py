"""What the inline tier holds back, and what it costs: cursors in files that the model has not seen.

    python benchmarks/serving/inline_tier.py MODEL.gguf FOLDER [--cursors 300] [--seed 17]

At every cursor, somewhere in a line of code inside a function, the rest of the line is asked for (fill-in-the-middle, at
most 24 tokens, 1 KB before, 300 B behind), cleaned, and looked at by every check, once with what the model saw (window),
once with all of the file (whole file). A completion is right when it is the rest of the line, blanks aside. Printed: how
many right and wrong ones each check fails, with the 95 % interval of the share of right ones among them (Wilson 1927), what
each takes in ms, and how many are right before and after the rules of `inference.verified.postprocessing`.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from paired import code_lines

from yunque.core.nouns import Insertion, Outcome, PromptStyle, Request
from yunque.evaluation.metrics.statistics import wilson
from yunque.inference.llama_cpp_engine import LlamaCppEngine
from yunque.inference.verified.inline_tier import InlineTier
from yunque.reports.forge.collect import machine_facts

BEFORE, BEHIND = 1000, 300


@dataclass(frozen=True)
class Cursor:
    """A place in a file, and what stands there to the end of the line."""

    path: str
    before: str
    rest: str
    after: str


def cursors(folder: Path, number: int, seed: int) -> list[Cursor]:
    """Places inside of lines of function bodies, as many of each file as come by chance."""
    chance = random.Random(seed)
    places = [item for path in sorted(folder.rglob("*.py")) for item in _of_file(path, folder)]
    return chance.sample(places, min(number, len(places)))


def _of_file(path: Path, folder: Path) -> Iterator[Cursor]:
    text = path.read_text("utf-8", "replace")
    for start, end in code_lines(text, "python"):
        chance = random.Random(f"{path.name}{text.rfind(chr(10), 0, start) + 1}")
        place = start + chance.randrange(2, len(text[start:end].strip()) - 3)
        yield Cursor(path.relative_to(folder).as_posix(), text[:place], text[place:end], text[end:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cursors", type=int, default=300)
    parser.add_argument("--seed", type=int, default=17)
    given = parser.parse_args()
    engine, tier = LlamaCppEngine(given.model, slots=1), InlineTier()
    asked = cursors(given.folder, given.cursors, given.seed)
    failed: dict[tuple[str, str], list[bool]] = defaultdict(list)
    took: dict[str, list[float]] = defaultdict(list)
    num_right, num_right_raw, num_changed, num_dropped, num_shown = 0, 0, 0, 0, 0
    for cursor in asked:
        request = Request(
            prompt=cursor.before[-BEFORE:], suffix=cursor.after[:BEHIND], style=PromptStyle.FIM, stops=("\n",),
            stop_repetition=True, max_tokens=24, heal=True,
        )  # fmt: skip
        (answer,) = engine.complete([request])
        seen = Insertion(before=request.prompt, text=answer.text, after=request.suffix, language="python")
        shown = tier.look(seen)
        num_right_raw += answer.text.strip() == cursor.rest.strip()
        num_changed += shown.insertion.text != answer.text
        if not shown.insertion.text:
            num_dropped += 1
            continue
        num_shown += 1
        is_right = shown.insertion.text.strip() == cursor.rest.strip()
        num_right += is_right
        whole = replace(seen, before=cursor.before, after=cursor.after, is_whole_file=True)
        for view, verdicts in (("window", shown.verdicts), ("whole file", tier.look(whole).verdicts)):
            for verdict in verdicts:
                took[f"{view}: {verdict.check}"].append(verdict.took_ms)
                if verdict.outcome is Outcome.FAIL:
                    failed[view, verdict.check].append(is_right)
            took[f"{view}: all"].append(sum(verdict.took_ms for verdict in verdicts))
            if any(verdict.outcome is Outcome.FAIL for verdict in verdicts):
                failed[view, "all"].append(is_right)
    facts = machine_facts()
    print(f"{facts.cpu}, {facts.num_cores} cores, {given.model.name}, n = {len(asked)} cursors in {given.folder.name}\n")
    print(f"right as written {num_right_raw}, after the rules {num_right}; changed {num_changed}, dropped {num_dropped}\n")
    print("| | wrong held back | right held back | share of right among them, 95 % | median ms | p95 ms |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, values in took.items():
        view, _, check = name.partition(": ")
        hits = failed[view, check]
        low, high = wilson(sum(hits) / len(hits), len(hits)) if hits else (0.0, 1.0)
        share = f"{sum(hits) / len(hits):.1%} [{low:.1%}, {high:.1%}]" if hits else "–"
        p95 = statistics.quantiles(values, n=20)[-1]
        wrong = f"{len(hits) - sum(hits)} of {num_shown - num_right}"
        print(f"| {name} | {wrong} | {sum(hits)} of {num_right} | {share} | {statistics.median(values):.1f} | {p95:.1f} |")


if __name__ == "__main__":
    main()
