"""An engine on every replica of a Ray cluster; requests are dealt out in shares that do not depend on how many there are.

Greedy text depends a little on what is decoded together, so a share is a fixed number of neighbouring requests: one
replica or many give the same answers.

Covered: a cluster by address, or one of this machine alone; replicas that die are started again, and their share with them.
Not covered: folders that the other nodes cannot read; sharing one model over several GPUs.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from yunque.core.errors import ModelError
from yunque.core.nouns import Completion, PromptStyle, Request
from yunque.core.seams import Engine

SHARE = 32
"""Requests that a replica gets at once."""
RETRIES = 2
STARTS = 3
"""A busy machine may need more than one to bring a cluster up."""


def connect(address: str = "") -> Any:
    """The module ``ray``, connected to the cluster at ``$RAY_ADDRESS`` or to one made here. ModelError without one."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    address = address or os.environ.get("RAY_ADDRESS", "")
    if ray.is_initialized():
        return ray
    stops = signal.getsignal(signal.SIGTERM)  # Ray puts its own in its place
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    where: dict[str, Any] = {"address": address} if address else {"include_dashboard": False}
    for turn in range(STARTS):
        try:
            _knock(address)
            ray.init(**where, **quiet)
            break
        except Exception as error:  # a cluster that does not come up in 30 s is a bare Exception
            ray.shutdown()
            if address or turn == STARTS - 1:
                raise ModelError(f"no Ray cluster ({str(error)[:160]})", where=address or "this machine") from error
        finally:
            signal.signal(signal.SIGTERM, stops)
    return ray


def _knock(address: str) -> None:
    """OSError within seconds where nobody listens: Ray itself waits for minutes. Only for ``host:port``."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=5).close()


class RayEngine:
    """Replicas of an engine (seam ``Engine``); ``make`` builds one, on the node where it runs."""

    def __init__(self, make: Callable[[], Engine], *, num_replicas: int = 0, num_gpus: float = 0, address: str = "") -> None:
        self._ray = connect(address)
        here = self._ray.cluster_resources()
        most = int(here.get("GPU", 0) / num_gpus) if num_gpus else max(1, int(here.get("CPU", 1)) // 2)
        replica = self._ray.remote(max_restarts=RETRIES, max_task_retries=RETRIES, num_gpus=num_gpus, num_cpus=1)(_Replica)
        self._replicas = [replica.remote(make) for _ in range(num_replicas or max(1, most))]
        try:
            name, self.styles = self._ray.get(self._replicas[0].about.remote())
            self.name = f"ray:{name}"
        except self._ray.exceptions.RayError as error:
            raise ModelError(f"a replica does not start ({_cause(error)})", where="ray") from error

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """One completion per request, in order."""
        for share in self._deal("complete", list(requests)):
            yield from share

    def score(self, texts: Sequence[str]) -> Iterator[list[float]]:
        """For each text, what the engines' ``score`` gives."""
        for share in self._deal("score", list(texts)):
            yield from share

    def _deal(self, method: str, work: list) -> Iterator[list]:
        """Shares of the work to whoever is idle; their results in order. ModelError when a share fails for good."""
        shares = [work[start : start + SHARE] for start in range(0, len(work), SHARE)]
        idle, running, done, given = list(self._replicas), {}, {}, 0
        position = 0
        while given < len(shares):
            while idle and position < len(shares):
                replica = idle.pop()
                running[getattr(replica, method).remote(shares[position])] = (position, replica)
                position += 1
            (first, *_), _ = self._ray.wait(list(running), num_returns=1)
            place, replica = running.pop(first)
            try:
                done[place] = self._ray.get(first)
            except self._ray.exceptions.RayError as error:
                raise ModelError(f"a replica failed ({_cause(error)})", where=self.name) from error
            idle.append(replica)
            while given in done:
                yield done.pop(given)
                given += 1


class _Replica:
    """One engine; lives in a process of Ray's."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._engine = make()

    def about(self) -> tuple[str, frozenset[PromptStyle]]:
        """Its name, and the styles in which it can be asked."""
        return self._engine.name, frozenset(getattr(self._engine, "styles", PromptStyle))

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return list(self._engine.complete(requests))

    def score(self, texts: Sequence[str]) -> list[list[float]]:
        return list(self._engine.score(texts))


def _cause(error: BaseException) -> str:
    """The last line of what went wrong over there."""
    cause = getattr(error, "cause", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[-1][:160]
