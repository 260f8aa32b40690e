"""How fast, how complete and how large is the search for duplicates, beside datasketch and datatrove's MinHash?

    python benchmarks/data/corpus.py CORPUS
    python benchmarks/data/duplicates.py CORPUS [--mb 320] [--parts speed,recall,memory] [--datatrove PYTHON] [--core 0]

*speed*: the same files in the same order through each, on one core, in processes of their own. Ours: exact and near,
candidates verified, clusters and index written. datasketch: the usual 5-token windows of a regular expression, MinHash(128)
by ``update_batch`` (its own SHA-1, and xxhash, which is its fast way), MinHashLSH(0.7). datatrove: signature, buckets and
cluster steps with their defaults, one task, in an environment of its own
(``pip install "datatrove[processing]" orjson spacy "xxhash<4"``).
*recall*: against all pairs of a sample by exact Jaccard, with planted copies. *memory*: a million records made here.
Needs ``pip install datasketch scipy``.
"""

import argparse
import datetime
import json
import os
import platform
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

LEAVES_OUT = ("", "markdown", "restructuredtext", "text")
FILE_BYTES = 400_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--mb", type=float, default=320)
    parser.add_argument("--parts", default="speed,recall,memory")
    parser.add_argument("--datatrove", help="python of an environment with datatrove")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, folder = options.child
        CHILDREN[name](Path(folder), options)
        return
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores at the start"
    print(f"{datetime.date.today()}, {machine()}, {load}; one core used")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if {"speed", "recall"} & set(options.parts.split(",")):
            docs, total = unpack(options.corpus, folder / "corpus.jsonl", options.mb * 1e6)
            print(f"corpus: {docs} files, {total / 1e6:.0f} MB\n", flush=True)
        if "speed" in options.parts:
            speed(folder, options, total / 1e6)
        if "recall" in options.parts:
            print(run("recall", folder, options)["text"], flush=True)
        if "memory" in options.parts:
            print(run("memory", folder, options)["text"], flush=True)


def machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def run(name: str, folder: Path, options: argparse.Namespace, python: str = sys.executable) -> dict:
    """What a child process on one core reports, with its peak memory."""
    command = ["taskset", "-c", str(options.core), python, __file__, str(options.corpus), "--child", name, str(folder)]
    env = {**os.environ, "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--records", str(options.records)], stdout=subprocess.PIPE, text=True, env=env, check=False
    )
    if done.returncode:
        sys.exit(f"'{name}' ended with {done.returncode}")
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: {found}", file=sys.stderr, flush=True)
    return found


class Clock:
    """Seconds on the wall and of the processor since it was made; on a shared machine the second compares better."""

    def __init__(self) -> None:
        self.started = time.perf_counter(), time.process_time()

    def read(self) -> list[float]:
        """Both, until now."""
        return [time.perf_counter() - self.started[0], time.process_time() - self.started[1]]


def report(**values: object) -> None:
    import resource

    values["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps(values))


# ---------------------------------------------------------------------------------------------------------------- corpus
def unpack(corpus: Path, target: Path, wanted: float) -> tuple[int, int]:
    """Source files of the archives, every archive in turn, until there are so many bytes."""
    from yunque.code.languages import language_of

    total = docs = 0
    archives = sorted(path for path in corpus.iterdir() if path.suffix in (".gz", ".tgz"))
    random.Random(6).shuffle(archives)
    with open(target, "w", encoding="utf-8") as file:
        for archive in archives:
            with tarfile.open(archive) as tar:
                for member in tar:
                    if not member.isfile() or not 0 < member.size <= FILE_BYTES:
                        continue
                    data = tar.extractfile(member).read()
                    language = language_of(member.name, data[:200])
                    if language in LEAVES_OUT:
                        continue
                    try:
                        text = data.decode()
                    except UnicodeDecodeError:
                        continue
                    file.write(
                        json.dumps({"id": f"{archive.name}/{member.name}", "text": text, "language": language}) + "\n"
                    )
                    total, docs = total + len(data), docs + 1
                    if total >= wanted:
                        return docs, total
    return docs, total


def rows(folder: Path) -> Iterator[dict]:
    with open(folder / "corpus.jsonl", encoding="utf-8") as file:
        yield from map(json.loads, file)


def records(folder: Path) -> Iterator:
    return (record_of(row["id"], row["text"], row["language"]) for row in rows(folder))


def record_of(path: str, text: str, language: str):
    from yunque.core.nouns import Origin, Record, content_id

    origin = Origin(source="corpus", path=path, revision="", licence="unknown", collected_at="")
    return Record(id=content_id(path, text), text=text, language=language, origin=origin)


# ----------------------------------------------------------------------------------------------------------------- speed
def speed(folder: Path, options: argparse.Namespace, mb: float) -> None:
    base = run("reading", folder, options)["s"]
    found = {}
    for name in ("datasketch, SHA-1", "datasketch, xxhash"):
        found[name] = run(name, folder, options)
    if options.datatrove:
        found["datatrove"] = run("datatrove", folder, options, options.datatrove)
    found["yunque"] = ours = run("yunque", folder, options)
    print("| | signatures, s | MB/s | whole, s | MB/s | ours is faster: signatures | whole | peak MB | duplicates |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for at, clock in enumerate(("wall", "processor")):
        for name, one in found.items():
            took, our = ([its[key][at] - base[at] for key in ("signatures", "whole")] for its in (one, ours))
            rates, ratios = [mb / s for s in took], [s / o for s, o in zip(took, our, strict=True)]
            print(
                f"| {name}, {clock} | {took[0]:.1f} | {rates[0]:.2f} | {took[1]:.1f} | {rates[1]:.2f} "
                f"| {ratios[0]:.1f} x | {ratios[1]:.1f} x | {one['peak_mb']:.0f} | {one['duplicates']} |",
                flush=True,
            )
    print(f"\nreading the file alone: {base[0]:.1f} s, taken off each; ours: {json.dumps(ours['counts'])}\n", flush=True)


def reading(folder: Path, options: argparse.Namespace) -> None:
    clock = Clock()
    for _ in rows(folder):
        pass
    report(s=clock.read())


def yunque(folder: Path, options: argparse.Namespace) -> None:
    from yunque.data.duplicates.find import DuplicatesRecipe, find_duplicates
    from yunque.data.duplicates.sketches import Sketcher, sketch_all

    recipe = DuplicatesRecipe()
    clock = Clock()
    sketch_all(records(folder), Sketcher(recipe.window, recipe.bands), folder / "ours" / "alone")
    signatures = clock.read()
    clock = Clock()
    counts = find_duplicates(records(folder), recipe, folder / "ours")
    report(signatures=signatures, whole=clock.read(), duplicates=counts["in"] - counts["kept"], counts=counts)


def datasketch(folder: Path, hashing: str) -> None:
    import xxhash
    from datasketch import MinHash, MinHashLSH

    tokens = re.compile(r"\w+|[^\w\s]")
    more = {} if hashing == "SHA-1" else {"hashfunc": xxhash.xxh32_intdigest}
    made, clock = [], Clock()
    for at, row in enumerate(rows(folder)):
        words = tokens.findall(row["text"])
        windows = {" ".join(words[one : one + 5]).encode() for one in range(max(len(words) - 4, 1))}
        sketch = MinHash(num_perm=128, **more)
        sketch.update_batch(windows)
        made.append((at, sketch))
    signatures = clock.read()
    lsh, duplicates = MinHashLSH(threshold=0.7, num_perm=128), 0
    for at, sketch in made:
        duplicates += bool(lsh.query(sketch))
        lsh.insert(at, sketch)
    report(signatures=signatures, whole=clock.read(), duplicates=duplicates)


def datatrove(folder: Path, options: argparse.Namespace) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader

    config, out = MinhashConfig(), folder / "theirs"
    (folder / "jsonl").mkdir()
    os.link(folder / "corpus.jsonl", folder / "jsonl" / "corpus.jsonl")
    steps = [
        [JsonlReader(str(folder / "jsonl"), compression=None), MinhashDedupSignature(str(out / "signatures"), config)],
        [MinhashDedupBuckets(str(out / "signatures"), str(out / "buckets"), config=config)],
        [MinhashDedupCluster(str(out / "buckets"), str(out / "removed"), config=config)],
    ]
    clock, took = Clock(), []
    for at, step in enumerate(steps):
        tasks = config.num_buckets if at == 1 else 1
        LocalPipelineExecutor(pipeline=step, tasks=tasks, workers=1, logging_dir=str(out / f"log{at}")).run()
        took.append(clock.read())
    duplicates = sum(path.stat().st_size // 4 for path in (out / "removed").glob("*.remove"))
    report(signatures=took[0], whole=took[-1], duplicates=duplicates)


# ---------------------------------------------------------------------------------------------------------------- recall
def recall(folder: Path, options: argparse.Namespace) -> None:
    """Against all pairs: 2,000 files drawn, 1,000 in a row, and 1,000 planted copies with 1 to 35 % of lines changed."""
    import numpy as np

    from yunque.code.shingles import shingle
    from yunque.data.duplicates.find import CLUSTERS, Clustered, DuplicatesRecipe, find_duplicates
    from yunque.store.tables import read_table

    draw = random.Random(4)
    every = list(records(folder))
    drawn = draw.sample(range(len(every)), min(2000, len(every) // 2))
    begin = draw.randrange(max(1, len(every) - 1000))
    chosen = [every[at] for at in sorted({*drawn, *range(begin, min(begin + 1000, len(every)))})]
    planted = [
        copy_of(one, draw, at) for at, one in enumerate(draw.sample([one for one in chosen if len(one.text) > 200], 1000))
    ]
    sample = chosen + planted
    found = shingle([one.text for one in sample], [one.language for one in sample])
    pairs = all_pairs(found.sets(), 0.7)
    (folder / "sample").mkdir()
    find_duplicates(sample, DuplicatesRecipe(), folder / "sample")
    got = read_table(folder / "sample" / CLUSTERS, Clustered)
    number = {row.record_id: at for at, row in enumerate(got)}
    lines = [
        f"recall: {len(sample)} files, {len(planted)} of them planted copies; {len(pairs)} true pairs at Jaccard >= 0.7",
        "",
    ]
    lines += ["| Jaccard | true pairs | in one cluster | recall | not both kept |", "|---|--:|--:|--:|--:|"]
    for low, high in ((0.7, 0.75), (0.75, 0.8), (0.8, 0.9), (0.9, 1.01), (0.7, 1.01)):
        inside = [(one, other) for one, other, how in pairs if low <= how < high]
        same = sum(got[one].cluster_id == got[other].cluster_id for one, other in inside)
        settled = sum(bool(got[one].reason or got[other].reason) for one, other in inside)
        share = [f"{part / max(1, len(inside)):.4f}" for part in (same, settled)]
        lines.append(f"| {low} to {min(high, 1)} | {len(inside)} | {same} | {share[0]} | {share[1]} |")
    true = {(one, other) for one, other, _ in pairs}
    marked = [(at, number[row.keeper_id]) for at, row in enumerate(got) if row.reason]
    right = sum((min(pair), max(pair)) in true or got[pair[0]].reason == "exact text" for pair in marked)
    clusters: dict[str, list[int]] = {}
    for at, row in enumerate(got):
        clusters.setdefault(row.cluster_id, []).append(at)
    sizes = np.array([len(members) for members in clusters.values()])
    together = int((sizes * (sizes - 1) // 2).sum())
    both = sum(got[one].cluster_id == got[other].cluster_id for one, other in true)
    lines += [
        "",
        f"precision: {right} of {len(marked)} duplicates are truly like their keeper ({right / max(1, len(marked)):.4f}); ",
    ]
    lines[-1] += (
        f"{both} of {together} pairs in one cluster are at 0.7 or more (chains are kept as one cluster on purpose)\n"
    )
    report(text="\n".join(lines))


def copy_of(record, draw: random.Random, at: int):
    """The record with some of its lines changed, left out or moved."""
    lines = record.text.split("\n")
    for _ in range(max(1, int(len(lines) * draw.uniform(0.01, 0.35)))):
        line = draw.randrange(len(lines))
        lines[line] = draw.choice(("", lines[line] + " + 1", re.sub(r"[a-z]+", "changed", lines[line], count=1), "x = y"))
    return record_of(f"planted/{at}", "\n".join(lines), record.language)


def all_pairs(sets: list, threshold: float) -> list[tuple[int, int, float]]:
    """Every pair of sets at the threshold or above, by counting what each shares with all before it."""
    import numpy as np

    windows, owners = np.concatenate(sets), np.repeat(np.arange(len(sets)), [len(one) for one in sets])
    order = np.argsort(windows, kind="stable")
    windows, owners = windows[order], owners[order]
    pairs = []
    for at, one in enumerate(sets):
        low, high = np.searchsorted(windows, one, "left"), np.searchsorted(windows, one, "right")
        if not len(one):
            continue
        sharing = np.concatenate([owners[a:b] for a, b in zip(low.tolist(), high.tolist(), strict=True)])
        shared = np.bincount(sharing, minlength=at)[:at]
        for other in np.flatnonzero(shared).tolist():
            how = shared[other] / (len(one) + len(sets[other]) - shared[other])
            if how >= threshold:
                pairs.append((other, at, float(how)))
    return pairs


# ---------------------------------------------------------------------------------------------------------------- memory
def memory(folder: Path, options: argparse.Namespace) -> None:
    """Many small records: a tenth copies, a tenth near copies, 1 % one and the same text, 1 % variations of one."""
    from yunque.data.duplicates.find import DuplicatesRecipe, find_duplicates

    (folder / "many").mkdir()
    started = time.perf_counter()
    counts = find_duplicates(synthetic(options.records), DuplicatesRecipe(), folder / "many")
    took = time.perf_counter() - started
    disk = sum(path.stat().st_size for path in (folder / "many").rglob("*") if path.is_file()) / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    text = f"memory: {counts['in']} records, {took:.0f} s, peak {peak:.0f} MB, {disk:.0f} MB of results on disk"
    report(text=f"{text}\n{json.dumps(counts)}")


def synthetic(count: int) -> Iterator:
    for at in range(count):
        kind = at % 100
        seed = at - kind % 3 if kind <= 30 else at
        seed = -kind if kind in (98, 99) else seed
        draw = random.Random(seed)
        words = [f"name_{one}" for one in draw.choices(range(50_000), k=45)]
        lines = [
            f"{a} = {b}({c}, {draw.randrange(99)})" for a, b, c in zip(words[::3], words[1::3], words[2::3], strict=True)
        ]
        if (1 <= kind <= 30 and kind % 3 == 2) or kind == 99:
            lines[at % 15 if kind != 99 else 0] = f"changed_{at} = {at}"
        yield record_of(f"{at}.py", "\n".join(lines), "python")


CHILDREN = {
    "reading": reading,
    "yunque": yunque,
    "datasketch, SHA-1": lambda folder, options: datasketch(folder, "SHA-1"),
    "datasketch, xxhash": lambda folder, options: datasketch(folder, "xxhash"),
    "datatrove": datatrove,
    "recall": recall,
    "memory": memory,
}

if __name__ == "__main__":
    main()
