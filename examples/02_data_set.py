"""Build a data set from two sources, and look at what was left out of it and why.

python examples/02_data_set.py ~/src/service ~/src/library
"""

import sys
from pathlib import Path

from yunque.data.contents import Wanted, rows_of
from yunque.pipelines.dataset import DataBuild
from yunque.pipelines.recipes import DataRecipe

OUT = Path("yunque-out")


def main(*folders: str) -> None:
    recipe = DataRecipe.model_validate(
        {
            "sources": [{"spec": folder} for folder in folders],
            "pairs": {"explain": True, "test": True},
            "screen": {"options": {"licence": {"deny": ["GPL-3.0-only", "AGPL-3.0-only"]}}},
        }
    )
    build = DataBuild(recipe=recipe, out=OUT)
    dataset = build.run()
    print(f"{dataset.counts['kept']} of {dataset.counts['in']} files kept, pairs: {dataset.counts['pairs']}")
    for row in rows_of(build.store, dataset, Wanted(what="dropped")):
        print("left out:", getattr(row, "path", "") or row.record.origin.path, "-", row.reason)
    print(dataset.id)


if __name__ == "__main__":
    main(*sys.argv[1:])
