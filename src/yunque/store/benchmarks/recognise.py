"""Is this file a benchmark's: by its hash, as published, unpacked, packed otherwise, or with Windows line ends.

The same hashes tell a person which files are here (`status`), every result which of its files were not the published ones
(`deviations`), and the data room what it must not learn from (`benchmark_of`, `benchmark_at`).

Not covered: single rows of a benchmark inside other files, which is for decontamination.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from yunque.core.errors import StoreError
from yunque.store.benchmarks.catalogue import Benchmark, BenchmarkFile, benchmark, benchmarks

SIDECAR = ".imported.json"
GZIP = b"\x1f\x8b"


class State(StrEnum):
    """What is known of a file in a folder of benchmarks."""

    WHOLE = "whole"
    """It is the published file, or the same content packed otherwise."""
    ACCEPTED = "accepted"
    """It is another one, which a person imported with ``--anyway``."""
    CHANGED = "changed"
    """It is another one."""
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class FileStatus:
    """One file as it is here."""

    benchmark: str
    path: str
    state: State
    sha256: str = ""
    """Of the file that is here, where it is not the published one."""


def status(folder: Path, names: Sequence[str] = ()) -> list[FileStatus]:
    """Every file of the named benchmarks (none: of all) as it is in the folder; reads those that are there."""
    wanted = [benchmark(name) for name in names] or list(benchmarks().values())
    return [look(item.name, file, folder) for item in wanted for file in item.files]


def deviations(folder: Path, names: Sequence[str] = ()) -> list[str]:
    """One line for every file that is there and not the published one: a result that was made with it must say so."""
    lines = []
    for file in status(folder, names):
        if file.state in (State.ACCEPTED, State.CHANGED):
            how = "imported by hand" if file.state is State.ACCEPTED else "changed"
            lines.append(f"{file.path} is not the published file ({how}, sha256 {file.sha256[:16]}…)")
    return lines


def find_by_hash(sha256: str) -> tuple[Benchmark, BenchmarkFile] | None:
    """The benchmark and the file with that hash, as it is published or unpacked."""
    return _by_hash().get(sha256.lower())


def benchmark_of(data: bytes) -> Benchmark | None:
    """The benchmark whose file these bytes are, as published, unpacked, packed otherwise or with Windows line ends.

    None for files that may be training data as a whole.
    """
    result = _known(data)
    return result[0] if result and not result[1].trainable else None


def benchmark_at(path: Path) -> Benchmark | None:
    """`benchmark_of` for a file on disk, without Windows line ends; what has no benchmark file's size is not read."""
    result = find_at(path)
    return result[0] if result and not result[1].trainable else None


def find_at(path: Path) -> tuple[Benchmark, BenchmarkFile] | None:
    """The benchmark and the file that a file on disk is, as published, unpacked, or packed otherwise."""
    try:
        if not path.is_file() or (path.suffix != ".gz" and path.stat().st_size not in _sizes()):
            return None
        return find_by_hash(_hash(path)) or (find_by_hash(_unpacked_hash(path)) if path.suffix == ".gz" else None)
    except OSError:
        return None


def _known(data: bytes) -> tuple[Benchmark, BenchmarkFile] | None:
    by_hash = find_by_hash(hashlib.sha256(data).hexdigest())
    if not by_hash and data.startswith(GZIP):
        by_hash = find_by_hash(hashlib.sha256(unpacked(data)).hexdigest())
    if not by_hash and b"\r\n" in data:
        by_hash = find_by_hash(hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest())
    return by_hash


def look(name: str, file: BenchmarkFile, folder: Path) -> FileStatus:
    """One file as it is in the folder. StoreError when it cannot be read."""
    path = folder / file.path
    if not path.is_file():
        return FileStatus(benchmark=name, path=file.path, state=State.MISSING)
    try:
        sha256 = _hash(path)
        if sha256 == file.sha256 or (file.unpacked_sha256 and _unpacked_hash(path) == file.unpacked_sha256):
            return FileStatus(benchmark=name, path=file.path, state=State.WHOLE)
    except OSError as error:
        raise StoreError(f"cannot be read ({error.strerror})", where=path) from None
    state = State.ACCEPTED if _accepted(path) == sha256 else State.CHANGED
    return FileStatus(benchmark=name, path=file.path, state=state, sha256=sha256)


def _accepted(path: Path) -> str:
    """The hash of the file that a person said to use as it is; empty when nobody did."""
    try:
        return str(json.loads(sidecar(path).read_text("utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def sidecar(path: Path) -> Path:
    """Where it is written down that a person said to use a file as it is."""
    return path.with_name(path.name + SIDECAR)


def _hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpacked_hash(path: Path) -> str:
    """The hash of what a gzipped file holds; of nothing when it is none. Reads no more than the largest benchmark holds."""
    digest, left = hashlib.sha256(), max(_sizes()) + 1
    try:
        with gzip.open(path) as file:
            while left > 0 and (chunk := file.read(min(left, 1 << 20))):
                digest.update(chunk)
                left -= len(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return ""
    return digest.hexdigest()


def unpacked(data: bytes) -> bytes:
    """What gzipped bytes hold, no more than the largest benchmark; other bytes as they are."""
    if not data.startswith(GZIP):
        return data
    try:
        return zlib.decompressobj(wbits=31).decompress(data, max(_sizes()) + 1)
    except zlib.error:
        return data


@functools.cache
def _by_hash() -> dict[str, tuple[Benchmark, BenchmarkFile]]:
    pairs = [(item, file) for item in benchmarks().values() for file in item.files]
    packed = {file.sha256: (item, file) for item, file in pairs}
    return packed | {file.unpacked_sha256: (item, file) for item, file in pairs if file.unpacked_sha256}


@functools.cache
def _sizes() -> frozenset[int]:
    files = [file for item in benchmarks().values() for file in item.files]
    return frozenset(size for file in files for size in (file.size_bytes, file.unpacked_bytes) if size is not None)
