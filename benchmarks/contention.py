"""How fast does training stay when other programs are busy on the same cores, by how OpenMP's threads wait?

    python benchmarks/contention.py [--busy 0,2,5] [--seconds 6] [--turns 3]

Forward and backward of 16 linear layers of the base's shapes on 512 tokens, in a process of its own for each way to wait,
beside so many processes that only count. Printed: steps a second, the median of the turns, and the share of the quiet speed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys

WAYS: dict[str, dict[str, str]] = {
    "default": {},
    "OMP_WAIT_POLICY=passive": {"OMP_WAIT_POLICY": "passive"},
    "GOMP_SPINCOUNT=1000": {"GOMP_SPINCOUNT": "1000"},
    "as yunque chooses": {"YUNQUE_CHOOSES": "1"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
STEPS = """
import os, sys, time
if os.environ.pop("YUNQUE_CHOOSES", ""):
    from yunque.core.threads import yield_to_others
    yield_to_others()
import torch
layers = [torch.nn.Linear(*shape) for shape in [(576, 576), (576, 1536), (1536, 576), (576, 576)] * 4]
tokens = torch.randn(512, 576)
def step():
    state = tokens
    for layer in layers:
        state = torch.nn.functional.silu(layer(state))
    state.sum().backward()
step()
end, number, started = time.perf_counter() + float(sys.argv[1]), 0, time.perf_counter()
while time.perf_counter() < end:
    step()
    number += 1
print(number / (time.perf_counter() - started))
"""


def count() -> None:
    """Be busy."""
    number = 0
    while True:
        number += 1


def speed(way: dict[str, str], seconds: float) -> float:
    """Steps a second of a fresh process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    command = [sys.executable, "-c", STEPS, str(seconds)]
    done = subprocess.run(command, env=environment | way, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", default="0,2,5")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    loads = [int(number) for number in options.busy.split(",")]
    measured: dict[tuple[str, int], float] = {}
    for load in loads:
        others = [multiprocessing.Process(target=count, daemon=True) for _ in range(load)]
        for process in others:
            process.start()
        turns = [{name: speed(way, options.seconds) for name, way in WAYS.items()} for _ in range(options.turns)]
        measured |= {(name, load): statistics.median(turn[name] for turn in turns) for name in WAYS}
        for process in others:
            process.kill()
            process.join()
    print(f"| steps a second ({os.cpu_count()} cores) |" + "".join(f" {load} busy |" for load in loads))
    print("|---|" + "--:|" * len(loads))
    for name in WAYS:
        quiet = measured[name, loads[0]]
        cells = [f"{measured[name, load]:.2f} ({measured[name, load] / quiet:.0%})" for load in loads]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
