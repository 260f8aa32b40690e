"""Does `yunque forge` keep its promises of time and memory? Forges a source twice and prints one table row in Markdown.

    python benchmarks/forge.py [SOURCE] [--out DIR]

Peak memory is the largest sum of resident sets over the process and all its children, sampled every 0.2 s from outside.
"""

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil


def watched(command: list[str]) -> tuple[float, int]:
    """Wall seconds and peak bytes of a command and its children; leaves on failure."""
    started, peak = time.monotonic(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    done = threading.Event()

    def sample() -> None:
        nonlocal peak
        while not done.wait(0.2):
            try:
                tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
                peak = max(peak, sum(_resident(one) for one in tree))
            except psutil.NoSuchProcess:
                continue

    watcher = threading.Thread(target=sample, daemon=True)
    watcher.start()
    status = process.wait()
    done.set()
    if status:
        sys.exit(f"{command} ended with {status}")
    return time.monotonic() - started, peak


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", default="pypi:boltons")
    parser.add_argument("--out", type=Path, default=Path("yunque-out-benchmark"))
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    command = [str(Path(sys.executable).with_name("yunque")), "forge", options.source, "--out", str(options.out)]
    first_s, peak = watched(command)
    second_s, _ = watched(command)
    report = json.loads((options.out / "report.json").read_text())
    machine = report["machine"]
    print(f"{options.source}, yunque {report['code_version']}, {report['created_at'][:10]}, {machine['num_cores']} cores,")
    print(f"{machine['memory_bytes'] / 2**30:.0f} GiB, {machine['cpu']}\n")
    print("| what | reached | bar |\n|---|--:|--:|")
    print(f"| first run | {first_s / 60:.1f} min | 15 min |")
    print(f"| peak memory | {peak / 1e9:.2f} GB | 6 GB |")
    print(f"| second run, nothing changed | {second_s:.1f} s | 15 s |")
    speeds = sorted(step["tokens_per_s"] for step in report["training"]["steps"])
    print(f"| training, median step | {speeds[len(speeds) // 2]:.0f} tokens/s | 200 tokens/s |")
    print("\n| measure | n | base | forged | difference, 95 % interval | verdict |\n|---|--:|--:|--:|--:|---|")
    for row in report["comparisons"]:
        base, forged, difference = row["base"], row["forged"], row["difference"]
        if base["value"] is None:
            print(f"| {row['name']} | 0 | - | - | - | {row['verdict']} |")
            continue
        interval = f"{difference['value']:+.4f} [{difference['low']:+.4f}, {difference['high']:+.4f}]"
        values = f"{base['value']:.4f} | {forged['value']:.4f} | {interval}"
        print(f"| {row['name']} | {base['n']} | {values} | {row['verdict']} |")


if __name__ == "__main__":
    main()
