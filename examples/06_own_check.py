"""A check of one's own, which screens a data set: no ``print`` in what is learned from.

    python examples/06_own_check.py ~/src/service

In a recipe, once the class is in a module that can be imported: ``[[screen.rules]] check = "our_checks:NoPrint"``.
"""

import re
import sys
from pathlib import Path

from yunque.checks.canaries import canary
from yunque.checks.findings import decide, skip, timed
from yunque.core.nouns import Canary, Finding, Record, Verdict
from yunque.data.contents import Wanted, rows_of
from yunque.pipelines.dataset import DataBuild
from yunque.pipelines.recipes import DataRecipe

OUT = Path("yunque-out")
PRINT = re.compile(r"^[ \t]*print\(", re.MULTILINE)


class NoPrint:
    """A check (seam ``ProvenCheck``) that fails a Python text with a call of ``print`` on a line of its own."""

    name = "no-print"

    @timed
    def judge(self, record: Record) -> Verdict:
        if record.language != "python":
            return skip(self.name, "Python alone")
        lines = [record.text.count("\n", 0, match.start()) + 1 for match in PRINT.finditer(record.text)]
        return decide(self.name, [Finding(rule="print", line=line, message="print", severity="warning") for line in lines])

    def canaries(self) -> list[Canary]:
        """What it must see, and what it must not, before it is believed."""
        return [canary("print(1)\n", "python", "print"), canary("x = 1  # print(1)\n", "python")]


def main(folder: str) -> None:
    rules = [{"check": f"{__name__}:NoPrint"}]
    recipe = DataRecipe.model_validate({"sources": [{"spec": folder}], "screen": {"rules": rules}})
    build = DataBuild(recipe=recipe, out=OUT)
    dataset = build.run()
    for row in rows_of(build.store, dataset, Wanted(what="dropped", reason=rules[0]["check"])):
        print(f"{row.record.origin.path}: {row.detail}")
    print(f"{dataset.counts['kept']} files kept")


if __name__ == "__main__":
    main(*sys.argv[1:])
