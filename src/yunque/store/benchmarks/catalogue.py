"""Which benchmarks there are, where their files lie in public (``origins.toml``), and every file's hash (``pins.tsv``)."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from yunque.core.errors import StoreError
from yunque.core.plugins import nearest

ORIGINS, PINS = (Path(__file__).with_name(name) for name in ("origins.toml", "pins.tsv"))


@dataclass(frozen=True, kw_only=True)
class BenchmarkFile:
    """One file, pinned."""

    path: str
    """POSIX path in the folder of benchmarks: ``humaneval/HumanEval.jsonl.gz``."""
    size_bytes: int
    sha256: str
    urls: tuple[str, ...]
    """Where it lies in public, asked in this order; none: it cannot be fetched as it is."""
    derived: str = ""
    """How it is made, where it cannot be fetched as it is."""
    trainable: bool = False
    """Whether all of it may be training data."""
    unpacked_bytes: int | None = None
    unpacked_sha256: str = ""
    """Of what is inside a gzipped file."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One folder of evaluation data."""

    name: str
    licence: str
    source: str
    """The public repository."""
    commit: str
    files: tuple[BenchmarkFile, ...]
    trainable: str
    """The part that may be training data; empty for nothing."""
    why_not: str
    """Why the rest, or all of it, may not."""
    note: str

    @property
    def reason(self) -> str:
        """Why a file of it is dropped from training data: ``benchmark NAME: LICENCE``."""
        return f"benchmark {self.name}: {self.licence}"


# ------------------------------------------------------------------------------------------------------------------ looking
def benchmarks() -> dict[str, Benchmark]:
    """Every benchmark by name."""
    return _table()


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name. StoreError names the nearest known one."""
    if name not in _table():
        raise StoreError(f"no benchmark named '{name}'", do=nearest(name, list(_table())))
    return _table()[name]


# --------------------------------------------------------------------------------------------------------------------- table
@functools.cache
def _table() -> dict[str, Benchmark]:
    origins = tomllib.loads(ORIGINS.read_text("utf-8"))
    files: dict[str, list[BenchmarkFile]] = {name: [] for name in origins}
    _, *rows = (line.split("\t") for line in PINS.read_text("utf-8").splitlines())
    for name, path, size, sha256, unpacked_bytes, unpacked_sha256 in rows:
        origin = origins[name]
        derived = origin.get("derived", {}).get(path, "")
        pinned = BenchmarkFile(
            path=f"{name}/{path}",
            size_bytes=int(size),
            sha256=sha256,
            urls=() if derived else _urls(origin, path),
            derived=derived,
            trainable="trainable_files" in origin and path.startswith(origin["trainable_files"]),
            unpacked_bytes=int(unpacked_bytes) if unpacked_bytes else None,
            unpacked_sha256=unpacked_sha256,
        )
        files[name].append(pinned)
    return {
        name: Benchmark(
            name=name,
            licence=origin["licence"],
            source=f"https://github.com/{origin['repository']}",
            commit=origin["commit"],
            files=tuple(files[name]),
            trainable=origin.get("trainable", ""),
            why_not=origin.get("why_not", "held-out evaluation data"),
            note=origin["note"],
        )
        for name, origin in origins.items()
    }


def _urls(origin: dict, path: str) -> tuple[str, ...]:
    """Where one file lies: at the pinned commit, in a release, as a copy elsewhere."""
    place = origin.get("places", {}).get(path) or (f"{origin['inside']}/{path}" if "inside" in origin else path)
    results = [f"https://raw.githubusercontent.com/{origin['repository']}/{origin['commit']}/{place}"]
    if "release" in origin:
        results.append(f"https://github.com/{origin['repository']}/releases/download/{origin['release']}/{path}")
    return (*results, *filter(None, [origin.get("copies", {}).get(path)]))
