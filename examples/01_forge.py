"""Forge a model from a folder, and say whether it is better.

python examples/01_forge.py ~/src/service [section.key=value …]
"""

import sys
from pathlib import Path

from yunque.pipelines.forge import Forge
from yunque.pipelines.recipes import forge_recipe
from yunque.reports.forge.comparison import answer
from yunque.reports.forge.facts import from_json

OUT = Path("yunque-out")


def main(folder: str, *settings: str) -> None:
    recipe = forge_recipe([folder], None, list(settings))
    report = Forge(recipe=recipe, out=OUT, say=print).run()
    facts = from_json((report.path / "report.json").read_text("utf-8"))
    for source in facts.sources:
        print(f"{source.name}: {source.num_kept} of {source.num_files} files kept, left out: {source.dropped}")
    for comparison in facts.comparisons:
        print(answer(comparison))


if __name__ == "__main__":
    main(*sys.argv[1:])
