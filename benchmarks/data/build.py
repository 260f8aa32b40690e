"""How fast is a data build on a real corpus, where does the time go, and does memory stay flat when the input grows?

    python benchmarks/data/corpus.py CORPUS
    python benchmarks/data/build.py CORPUS [--recipe FILE] [--workers 1] [--sizes 30,300] [--plot FILE.svg]

For each size (MB of files, whole archives in the order of their names until the size is reached) one build into an empty
folder, in a process of its own, then the same build once more, which must find everything. Rates are of the bytes and files
that went in, by the processor time of all processes (so that what else runs on the machine matters little), unpacking
included; peak memory is that of the process and of its largest child. Counts must add up at every step.

The recipes: benchmarks/data/fast.toml (collect, parse, pairs, cleaning; no tool but the parsers), recipes/data.toml and
recipes/data-screened.toml.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from corpus import unpacked_bytes

CHILD = """
import json, resource, sys, time
from pathlib import Path
from yunque.pipelines.dataset import DataBuild
from yunque.pipelines.recipes import DataRecipe, load_recipe
from yunque.core.progress import silent
from yunque.data.screening.screen import TAGS, Tagged
from yunque.store.tables import scan_table
recipe, out, workers = load_recipe(Path(sys.argv[1]), [], DataRecipe), Path(sys.argv[2]), int(sys.argv[3])
started = time.perf_counter()
build = DataBuild(recipe=recipe, out=out, workers=workers, progress=silent, say=lambda line: None)
artifact = build.run()
peak = [resource.getrusage(who).ru_maxrss * 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
took = time.perf_counter() - started
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
cpu = sum(one.ru_utime + one.ru_stime for one in used)
steps, checks = {}, {}
for one in build.store.all():
    steps[one.manifest.kind] = steps.get(one.manifest.kind, 0.0) + one.manifest.took_s
    for tagged in scan_table(one.path / TAGS, Tagged) if one.manifest.kind == "tags" else ():
        for verdict in tagged.verdicts:
            checks[verdict.check] = checks.get(verdict.check, 0.0) + verdict.took_ms / 1000
said = {"s": took, "cpu": cpu, "peak": peak, "steps": steps, "checks": checks}
print(json.dumps(said | {"counts": artifact.counts, "id": artifact.id}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--recipe", type=Path, default=Path(__file__).parents[2] / "recipes" / "data.toml")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--sizes", default="30,300")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    archives = sorted(path for path in options.corpus.iterdir() if path.suffix in (".gz", ".tgz", ".zip", ".whl"))
    sizes = {path: unpacked_bytes(path) for path in archives}
    points = []
    print(f"workers: {options.workers}, cores: {os.cpu_count()}")
    print(
        "| MB in | files | s | processor s | MB/s a core | files/s a core | peak MB, self / child | again, s |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|",
        sep="\n",
    )
    for wanted in map(float, options.sizes.split(",")):
        chosen, total = [], 0
        for path in archives:
            if total < wanted * 1e6:
                chosen.append(path)
                total += sizes[path]
        first, again = measured(options.recipe, chosen, options.workers)
        counts = first["counts"]
        assert first["id"] == again["id"], "the second build made something else"
        lost = sum(sum(counts.get(name, {}).values()) for name in ("not taken", "not records", "set aside", "negatives"))
        assert counts["in"] == counts["kept"] + lost, "something was lost without a reason"
        spent = first["cpu"]
        rate, files = total / 1e6 / spent, counts["in"] / spent
        peaks = " / ".join(f"{one / 1e6:.0f}" for one in first["peak"])
        print(
            f"| {total / 1e6:.0f} | {counts['in']} | {first['s']:.1f} | {spent:.1f} | {rate:.2f} | {files:.0f} | {peaks} "
            f"| {again['s']:.1f} |",
            flush=True,
        )
        points.append((total / 1e6, max(first["peak"]) / 1e6))
    print("\nsteps, s: " + ", ".join(f"{kind} {taken:.1f}" for kind, taken in first["steps"].items()))
    spent = sorted(first["checks"].items(), key=lambda one: -one[1])
    print("checks, s: " + ", ".join(f"{name} {taken:.1f}" for name, taken in spent))
    print(json.dumps(first["counts"], indent=1))
    if options.plot:
        draw(points, options.plot)


def measured(recipe: Path, archives: list[Path], workers: int) -> list[dict]:
    """The build of some archives, twice."""
    with tempfile.TemporaryDirectory() as folder:
        text = recipe.read_text().split("[[sources]]")[0]
        ours = Path(folder) / "recipe.toml"
        ours.write_text(text + "".join(f'\n[[sources]]\nspec = "{path.resolve()}"\n' for path in archives))
        command = [sys.executable, "-c", CHILD, str(ours), str(Path(folder) / "out"), str(workers)]
        return [json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(2)]


def draw(points: list[tuple[float, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.2), layout="constrained")
    axes.plot(*zip(*points, strict=True), marker="o")
    axes.set(xlabel="input, MB", ylabel="peak memory, MB", ylim=(0, None), xscale="log", title="A data build's memory")
    axes.grid(alpha=0.3)
    figure.savefig(path)


if __name__ == "__main__":
    main()
