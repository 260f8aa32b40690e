"""Train on a data set that is there: one that `02_data_set.py` or `yunque data build` made.

python examples/03_train.py DATASET [section.key=value …]
"""

import json
import sys
from pathlib import Path

from yunque.pipelines.forge import Forge
from yunque.pipelines.recipes import DataRecipe, train_recipe
from yunque.store.artifacts import RECIPE, Store

OUT = Path("yunque-out")


def main(dataset: str, *settings: str) -> None:
    found = Store(OUT).find(dataset, "dataset")
    built = DataRecipe.model_validate(json.loads((found.path / RECIPE).read_text("utf-8")))
    recipe = train_recipe(None, list(settings), built)
    run = Forge(recipe=recipe, out=OUT, dataset=found.id, measured=False, say=print)
    run.run()
    (adapter,) = [artifact for artifact, _ in run.steps.made if artifact.manifest.kind == "adapter"]
    print(f"{adapter.counts['steps']} steps, best validation loss {adapter.counts['best_validation_loss']}")
    print(f"the model is in {OUT / 'model'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
