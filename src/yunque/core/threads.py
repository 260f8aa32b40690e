"""How the threads of numeric libraries wait for each other."""

import contextlib
import os
import sys
import time

BUSY_SHARE = 0.3
"""From this share of the cores' time on that others use, threads sleep at their barriers."""
LOOK_S = 0.2
_CHOSEN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def yield_to_others() -> None:
    """Let OpenMP's threads sleep at their barriers where other programs are busy, unless the environment says how they wait.

    They spin by default, which is 4 to 14 % faster on a quiet machine. Beside busy programs a thread that has its core keeps
    it while it waits for one that has none, and training falls to a fraction of its speed (``benchmarks/contention.py``).
    OpenMP reads it once, when torch is loaded: whoever will load it calls this before.

    Not covered: programs that become busy later.
    """
    if "torch" not in sys.modules and not set(_CHOSEN) & os.environ.keys() and others_share() >= BUSY_SHARE:
        os.environ["OMP_WAIT_POLICY"] = "passive"


def others_share() -> float:
    """The share of the cores' time, 0 to 1, that is used while this process sleeps a moment; 0 where nobody says."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        before = _times()
        time.sleep(LOOK_S)
        after = _times()
        total = sum(after) - sum(before)
        idle = sum(after[3:5]) - sum(before[3:5])  # idle, and waiting for a disk
        return 1 - idle / total if total > 0 else 0.0
    return 0.0


def _times() -> list[int]:
    """What Linux counts of all cores: user, nice, system, idle, iowait, …"""
    with open("/proc/stat") as file:
        return [int(number) for number in file.readline().split()[1:9]]
