"""What a training can run on: a table of devices that a user may change, and the one in this machine."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from yunque.core.errors import RecipeError
from yunque.core.plugins import nearest

DEVICES = Path(__file__).with_name("devices.toml")


@dataclass(frozen=True, kw_only=True)
class Device:
    """What a training may run on."""

    name: str
    tflops: float
    """Dense bfloat16; 0 where it is not known."""
    memory_gb: float
    watts: float
    usd_per_hour: float


def devices(path: Path | None = None) -> tuple[dict[str, Device], float]:
    """Device by name, and kg of CO2 a kWh. RecipeError for a file that is not such a table."""
    try:
        known = tomllib.loads((path or DEVICES).read_text("utf-8"))
        carbon = float(known.pop("carbon_kg_per_kwh"))
        return {name: Device(name=name, **values) for name, values in known.items()}, carbon
    except (OSError, KeyError, TypeError, ValueError, tomllib.TOMLDecodeError) as error:
        where = path or DEVICES
        raise RecipeError(
            f"is no table of devices ({str(error)[:80]})", where=where, do=f"begin with a copy of {DEVICES}"
        ) from error


def find_device(name: str, known: Mapping[str, Device]) -> Device:
    """The device called so, or the one in this machine for an empty name. RecipeError for one that nobody knows."""
    if name.lower() in ("", _key(known)):
        return here(known)
    if name.lower() not in known:
        raise RecipeError(f"no device '{name}'", where="--gpu", do=nearest(name.lower(), list(known)))
    return known[name.lower()]


def here(known: Mapping[str, Device]) -> Device:
    """The device that a training would run on here; of a GPU that nobody knows, its name and memory alone are known."""
    if not torch.cuda.is_available():
        return replace(known["cpu"], memory_gb=main_memory_bytes()[0] / 1e9)
    name, memory = torch.cuda.get_device_name(), torch.cuda.get_device_properties(0).total_memory / 1e9
    key = _key(known)
    if not key:
        return Device(name=name, tflops=0, memory_gb=memory, watts=0, usd_per_hour=0)
    return replace(known[key], name=name, memory_gb=memory)


def _key(known: Mapping[str, Device]) -> str:
    """The name in the table of what is in this machine; empty where it is in no table."""
    if not torch.cuda.is_available():
        return "cpu"
    words = f" {torch.cuda.get_device_name().lower().replace('-', ' ')} "
    return next((key for key in known if f" {key} " in words), "")


def peak_flops() -> float:
    """Of the device in this machine, a second; 0 where it is not known, as of every CPU."""
    return here(devices()[0]).tflops * 1e12


def main_memory_bytes() -> tuple[int, int]:
    """Of this machine: all, and what can be had now. Zeros where the system does not say."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemTotal"].split()[0]) * 1024, int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 0, 0


def free_memory_bytes() -> int:
    """What a training here can have: of the GPU's memory where there is one, else of the machine's; 0 where nobody says."""
    return torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else main_memory_bytes()[1]
