"""What joining repositories brings or costs: one model of all of them, and one of each, asked the same held-out tasks.

    python benchmarks/joining.py pypi:boltons pypi:click pypi:toolz --out FOLDER [--set section.key=value …]

Forges FOLDER/joint of all sources and FOLDER/NAME of each (finished ones are found), then compares, for each source, the
model of it alone with the joint one on the tasks that both were asked: something is held out of a source by where its files
are, so they are the same. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path

from yunque.evaluation.aggregate import compare_runs
from yunque.evaluation.runner import SAMPLES, ScoredSample, load_samples
from yunque.pipelines.forge import MODEL, Forge
from yunque.pipelines.recipes import forge_recipe
from yunque.reports.forge.collect import MEASURES, machine_facts
from yunque.reports.measures import interval, written
from yunque.store.artifacts import Store


def forge(sources: list[str], out: Path, settings: list[str]) -> dict[str, list[ScoredSample]]:
    """What the forged model was asked, by kind of question; forged first, where it is not there."""
    report = Forge(recipe=forge_recipe(sources, None, settings), out=out, say=print, workers=os.cpu_count() or 1).run()
    runs = [item for item in Store(out).parents(report) if item.manifest.kind == "eval"]
    mine = [run for run in runs if run.manifest.recipe["model"] == MODEL]
    return {run.manifest.recipe["suite"].partition(":")[0]: load_samples(run.path / SAMPLES) for run in mine}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", dest="settings", action="append", default=[])
    given = parser.parse_args()
    joint = forge(given.sources, given.out / "joint", given.settings)
    lines = []
    for number, source in enumerate(given.sources):
        alone = forge([source], given.out / f"alone-{number}", given.settings)
        for suite, answers in alone.items():
            ids = {row.task_id for row in answers}
            same = [row for row in joint[suite] if row.task_id in ids]
            for paired in compare_runs(suite, answers, same, seed=17) if same else ():
                base, forged, difference = paired.base, paired.forged, paired.difference
                if base.name in MEASURES[suite.removeprefix("repo-")]:
                    change = f"{written(difference.value, difference.unit, signed=True)} {interval(difference, signed=True)}"
                    values = f"{written(base.value, base.unit)} | {written(forged.value, forged.unit)}"
                    row = f"{source} | {suite} | {base.name} | {difference.n} | {values} | {change} | {paired.verdict}"
                    lines.append(f"| {row} |")
    facts = machine_facts()
    print(f"\n{datetime.now(UTC).date()}, {facts.cpu}, {facts.num_cores} cores; joint against alone, forged models\n")
    print("| source | suite | measure | n | alone | joint | difference | joint is |\n|---|---|---|--:|--:|--:|---|---|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
