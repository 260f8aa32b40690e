"""What a training has used: energy by codecarbon, offline, with how it was measured and how far off that may be.

Covered: processor, memory and NVIDIA GPUs of this machine; a run that was stopped goes on counting where it was.
Not covered: what was used before a ``kill -9``; cooling and everything else around the machine.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from yunque.core.errors import RecipeError
from yunque.store.artifacts import write_whole
from yunque.training.devices import devices

FILE = "energy.json"
WORLD = "world average"
"""Where no country is named: what `devices.toml` says of it."""
EVERY_S = 15.0
METHODS = {
    "intel_rapl": ("the processor's own counters", "a few per cent"),
    "cpu_load": ("the processor's load and its rated power", "by half"),
    "constant": ("the processor's rated power", "by half or more"),
}
"""codecarbon's name of a method -> what it is, and how far off it may be."""


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Of a training, all of its parts together."""

    kwh: float
    co2_kg: float
    seconds: float
    """Of the time that was measured."""
    grid: str
    """Whose electricity: an ISO 3166 code of three letters, or the world's average."""
    method: str
    """Of the processor's part, with its error."""

    def line(self) -> str:
        """For a card."""
        return f"{1000 * self.kwh:.3g} Wh, {1000 * self.co2_kg:.3g} g CO2 ({self.grid}); by {self.method}"


def refuse_unknown(country: str) -> None:
    """RecipeError for a country that codecarbon has no electricity of: it would take an average and not say so."""
    if country and importlib.util.find_spec("codecarbon") is not None:
        from codecarbon.input import DataSource

        known = DataSource().get_global_energy_mix_data()
        if country not in known:
            do = "give an ISO 3166 code of three letters, such as ESP"
            raise RecipeError(f"codecarbon knows no electricity of '{country}'", where="training.country", do=do)


@contextmanager
def measured(folder: Path, country: str, *, everything: bool = False) -> Iterator[None]:
    """Add what the block uses to the energy in ``folder``. Nothing is measured where codecarbon is not installed.

    ``everything``: what the whole machine uses, where the work is done by other processes.
    """
    if importlib.util.find_spec("codecarbon") is None:
        yield
        return
    from codecarbon import OfflineEmissionsTracker

    grid = {"country_iso_code": country} if country else {"force_carbon_intensity_g_co2e_kwh": 1000 * devices()[1]}
    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # One tracker a block: a second start of one goes on adding to the first.
        tracker = OfflineEmissionsTracker(
            **{"country_iso_code": "USA"} | grid, measure_power_secs=EVERY_S, output_methods=[], log_level="critical",
            allow_multiple_runs=True, tracking_mode="machine" if everything else "process",
        )  # fmt: skip
        tracker.start()
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tracker.stop()
        if used := getattr(tracker, "final_emissions_data", None):  # it keeps its own troubles to itself
            _add(folder, tracker, used, country)


def _add(folder: Path, tracker: Any, used: Any, country: str) -> None:
    before = read(folder)
    modes = [str(getattr(part, "_mode", "")) for part in tracker._hardware if type(part).__name__ == "CPU"]
    what, error = METHODS.get(modes[0] if modes else "", ("rated power", "by an unknown share"))
    energy = Energy(
        kwh=used.energy_consumed + (before.kwh if before else 0.0),
        co2_kg=used.emissions + (before.co2_kg if before else 0.0),
        seconds=used.duration + (before.seconds if before else 0.0),
        grid=country or WORLD,
        method=f"{what}, which may be off {error}",
    )
    write_whole(folder / FILE, json.dumps(asdict(energy)) + "\n")


def read(folder: Path) -> Energy | None:
    """What was used so far; None where nothing was measured."""
    try:
        return Energy(**json.loads((folder / FILE).read_text("utf-8")))
    except FileNotFoundError:
        return None
