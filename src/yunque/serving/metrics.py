"""What a server has done so far, as Prometheus reads it."""

from __future__ import annotations

from dataclasses import asdict

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from yunque.serving.dispatcher import Counts

GAUGES = ("running", "waiting")
MEANINGS = {
    "answered": "requests that were answered", "refused": "requests that found the queue full",
    "cancelled": "requests whose client went away", "superseded": "requests that a newer one of the same editor ended",
    "failed": "requests that the engine failed", "held": "answers that a check kept from being shown",
    "tokens": "tokens that were written", "engine_restarts": "deaths of the engine, after which it was started again",
    "events": "reactions of people that were written down",
    "running": "requests that are being answered", "waiting": "requests that wait",
}  # fmt: skip


class _Collected:
    """The counts of a moment, for `generate_latest`."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts

    def collect(self) -> list[Metric]:
        metrics: list[Metric] = []
        for name, value in asdict(self.counts).items():
            family = GaugeMetricFamily if name in GAUGES else CounterMetricFamily
            metrics.append(family(f"yunque_{name}", MEANINGS[name], value=value))
        return metrics


def exposition(counts: Counts) -> str:
    """The counts in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Collected(counts))
    return generate_latest(registry).decode()
