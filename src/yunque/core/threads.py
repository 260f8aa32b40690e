"""How the threads of numeric libraries wait for each other."""

import os


def yield_when_waiting() -> None:
    """Let OpenMP's threads sleep at their barriers, unless the environment says how they wait.

    They spin by default: beside other busy programs a thread that has its core keeps it while it waits for one that has
    none, and training falls to a tenth of its speed (``benchmarks/contention.py``). It is read once, when torch is loaded,
    so every room that loads torch calls this.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():
        os.environ["OMP_WAIT_POLICY"] = "passive"
