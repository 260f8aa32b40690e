"""Bring a benchmark's files here, from their public source (`fetch`) or by hand (`import_file`).

Only the pinned bytes are let in, unless a person says otherwise, which is written down beside the file.

Covered: downloads that are cut, too long, wrong or refused (nothing of them is left), and a second call after a broken one.
Not covered: two imports of one file at once.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from yunque.core.errors import SourceError, StoreError
from yunque.core.progress import silent
from yunque.core.seams import Progress
from yunque.store.artifacts import disk_errors, write_whole
from yunque.store.benchmarks.catalogue import Benchmark, BenchmarkFile, benchmark
from yunque.store.benchmarks.recognise import GZIP, FileStatus, State, find_by_hash, look, sidecar, status, unpacked
from yunque.store.downloads.pip import MAX_CONNECT_S, pip_settings

CHUNK_BYTES = 1 << 16
STALE_S = 3600.0
"""A temporary file older than this was left by a download that was killed."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
BY_HAND = "bring the file and run `yunque bench import {name} FILE`"


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What `fetch` did."""

    fetched: tuple[str, ...]
    present: tuple[str, ...]
    """Files that were here already."""
    by_hand: tuple[str, ...]
    """Lines for a person: what cannot be fetched as it is, how it is made, and how it is brought."""


def fetch(name: str, folder: Path, progress: Progress = silent) -> Fetched:
    """Download the files of a benchmark that are missing, each whole or not at all; returns what was done.

    SourceError in one line when a file cannot be had or is not the pinned one, and for one here that was changed; what came
    before stays. StoreError when the folder cannot be written.
    """
    wanted, known = benchmark(name), {item.path: item for item in status(folder, [name])}
    for item in known.values():
        if item.state is State.CHANGED:
            do = f"move it away and run again, or keep it: `yunque bench import {name} FILE --anyway`"
            raise SourceError(f"is not the published file (sha256 {item.sha256[:16]}…)", where=folder / item.path, do=do)
    missing = [file for file in wanted.files if known[file.path].state is State.MISSING]
    public = [file for file in missing if file.urls]
    if public:
        total = sum(file.size_bytes for file in public)
        with _written_to(folder), _client() as client, progress(f"fetch {name}", total, "bytes") as advance:
            for file in public:
                _download(client, name, file, folder / file.path, advance)
    return Fetched(
        fetched=tuple(file.path for file in public),
        present=tuple(path for path, item in known.items() if item.state is not State.MISSING),
        by_hand=tuple(f"{item.path}: {item.derived}; {BY_HAND.format(name=name)}" for item in missing if not item.urls),
    )


def _download(client: Any, name: str, file: BenchmarkFile, target: Path, advance: Callable[[int], None]) -> None:
    """Stream it to a temporary file beside its place, and move it there when size and hash are right."""
    failures = []
    with _draft(target) as draft:
        for url in file.urls:
            failure = _stream(client, url, file, draft, advance)
            if not failure:
                os.replace(draft, target)
                return
            failures.append(f"{failure} from {url}")
    do = f"check the network and run again (whole files are kept), or {BY_HAND.format(name=name)}"
    raise SourceError(f"cannot be fetched: {', '.join(failures)}", where=file.path, do=do)


def _stream(client: Any, url: str, file: BenchmarkFile, draft: Path, advance: Callable[[int], None]) -> str:
    """Write what a URL gives; says what is wrong with it, or nothing."""
    import httpx2

    digest, size, failure = hashlib.sha256(), 0, ""
    try:
        with client.stream("GET", url) as answer, open(draft, "wb") as out:
            if answer.status_code != 200:
                return f"status {answer.status_code}"
            for chunk in answer.iter_raw(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                if size > file.size_bytes:
                    break
                out.write(chunk)
                advance(len(chunk))
            out.flush()
            os.fsync(out.fileno())
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        failure = " ".join((str(error) or type(error).__name__).split())
    if not failure and size > file.size_bytes:
        failure = f"more than the {file.size_bytes} bytes of the published file"
    elif not failure and digest.hexdigest() != file.sha256:
        failure = f"not the published file ({size} bytes of {file.size_bytes}, sha256 {digest.hexdigest()[:16]}…)"
    if failure:
        advance(-min(size, file.size_bytes))
    return failure


@contextmanager
def _client() -> Iterator[Any]:
    """An HTTP client that connects as pip would: its certificates, proxy and time-out."""
    import ssl

    import httpx2

    settings = pip_settings()
    try:
        client = httpx2.Client(
            verify=ssl.create_default_context(cafile=settings.cert) if settings.cert else True,
            proxy=settings.proxy or None,
            timeout=httpx2.Timeout(settings.timeout_s, connect=min(settings.timeout_s, MAX_CONNECT_S)),
            follow_redirects=True,
            headers={"Accept-Encoding": "identity"},  # the hash is of the bytes as they are
        )
    except (OSError, ValueError) as error:
        raise SourceError(f"pip's connection settings cannot be used ({error})", do="see `pip config list`") from error
    with client:
        yield client


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A place beside the target to write to; nothing is left there, nor what a killed download left long ago."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{target.name}.*.part"):
        if time.time() - left.stat().st_mtime > STALE_S:
            left.unlink(missing_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _written_to(folder: Path) -> Iterator[None]:
    """Turn a folder that is full, or cannot be written, into a StoreError."""
    with disk_errors(folder):
        try:
            yield
        except OSError as error:
            if error.errno in FULL:
                raise
            do = "name another folder of benchmarks with --folder"
            raise StoreError(f"cannot write ({error.strerror})", where=folder, do=do) from error


def import_file(name: str, path: Path, folder: Path, *, anyway: bool = False) -> FileStatus:
    """Bring a file of a benchmark by hand; it is recognised by its hash, whatever it is called, packed or unpacked.

    ``anyway`` lets in a changed file under the name it has, and writes that down beside it. SourceError for anything else.
    """
    wanted = benchmark(name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})", where=path) from None
    sha256 = hashlib.sha256(data).hexdigest()
    result = find_by_hash(sha256) or find_by_hash(hashlib.sha256(unpacked(data)).hexdigest())
    if result and result[0].name != name:
        other = result[0].name
        raise SourceError(f"is {result[1].path} of {other}", where=path, do=f"run `yunque bench import {other} {path}`")
    if result:
        file = result[1]
        packed = not file.unpacked_sha256 or data.startswith(GZIP)
        return _let_in(name, file, folder, data if packed else gzip.compress(data, mtime=0), None)
    if not anyway:
        known = _known_hashes(wanted, path)
        do = "fetch the published one, or use this one with --anyway: every result will then say so"
        raise SourceError(f"sha256 {sha256[:16]}… is of no file of {name}; known: {known}", where=path, do=do)
    about = {"sha256": sha256, "size_bytes": len(data), "from": path.name}
    return _let_in(name, _named(wanted, path), folder, data, about)


def _let_in(name: str, file: BenchmarkFile, folder: Path, data: bytes, about: dict | None) -> FileStatus:
    target = folder / file.path
    if about is None and look(name, file, folder).state is State.WHOLE and not sidecar(target).exists():
        return look(name, file, folder)
    with _written_to(folder), _draft(target) as draft:
        draft.write_bytes(data)
        if about is not None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            order = {**about, "published_sha256": file.sha256, "imported_at": now}
            write_whole(sidecar(target), json.dumps(order, indent=2) + "\n")
        os.replace(draft, target)
        if about is None:
            sidecar(target).unlink(missing_ok=True)
    return look(name, file, folder)


def _named(wanted: Benchmark, path: Path) -> BenchmarkFile:
    """The file of a benchmark that is called as this one is, with its folder where the name alone does not tell."""
    called = [file for file in wanted.files if PurePosixPath(file.path).name == path.name]
    if len(called) > 1:
        called = [file for file in called if PurePosixPath(file.path).parts[-2:] == path.resolve().parts[-2:]]
    if len(called) != 1:
        names = ", ".join(file.path.partition("/")[2] for file in wanted.files[:6])
        more = f" and {len(wanted.files) - 6} more" if len(wanted.files) > 6 else ""
        raise SourceError(f"{wanted.name} has no one file called so", where=path, do=f"name it as one of {names}{more}")
    return called[0]


def _known_hashes(wanted: Benchmark, path: Path) -> str:
    """The hashes that are known, those of files called alike first."""
    files = sorted(wanted.files, key=lambda file: PurePosixPath(file.path).name != path.name)
    listing = ", ".join(f"{file.path.partition('/')[2]} {file.sha256[:16]}…" for file in files[:4])
    return listing + (f" and {len(files) - 4} more (`yunque bench list --json`)" if len(files) > 4 else "")
