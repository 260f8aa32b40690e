"""Benchmark files: where each comes from, whether the one here is it, and that none becomes training data.

One table pins every file by its SHA-256. A file comes from its public source (`fetch`) or by hand (`import_file`): only the
pinned bytes are let in, unless a person says otherwise, which is written down beside the file and told by every result
(`departures`). The same hashes tell the data room what it must not learn from (`benchmark_of`, `benchmark_at`).

Covered: downloads that are cut, too long, wrong or refused (nothing of them is left), and a second call after a broken one;
gzipped files in another packing, and unpacked ones; Windows line ends in a file that is looked at as training data.
Not covered: single rows of a benchmark inside other files, which is for decontamination; two imports of one file at once.
"""

from __future__ import annotations

import errno
import functools
import gzip
import hashlib
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from yunque.core.errors import SourceError, StoreError
from yunque.core.plugins import nearest
from yunque.core.progress import silent
from yunque.core.seams import Progress
from yunque.store.artifacts import disk_errors, write_whole
from yunque.store.downloads.pip import MAX_CONNECT_S, pip_settings

CHUNK_BYTES = 1 << 16
STALE_S = 3600.0
"""A temporary file older than this was left by a download that was killed."""
SIDECAR = ".imported.json"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
GZIP = b"\x1f\x8b"
BY_HAND = "bring the file and run `yunque bench import {name} FILE`"


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


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What `fetch` did."""

    fetched: tuple[str, ...]
    present: tuple[str, ...]
    """Files that were here already."""
    by_hand: tuple[str, ...]
    """Lines for a person: what cannot be fetched as it is, how it is made, and how it is brought."""


# ------------------------------------------------------------------------------------------------------------------ looking
def benchmarks() -> dict[str, Benchmark]:
    """Every benchmark by name."""
    return _table()


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name. StoreError names the nearest known one."""
    if name not in _table():
        raise StoreError(f"no benchmark named '{name}'", do=nearest(name, list(_table())))
    return _table()[name]


def status(folder: Path, names: Sequence[str] = ()) -> list[FileStatus]:
    """Every file of the named benchmarks (none: of all) as it is in the folder; reads those that are there."""
    wanted = [benchmark(name) for name in names] or list(_table().values())
    return [_look(one.name, file, folder) for one in wanted for file in one.files]


def departures(folder: Path, names: Sequence[str] = ()) -> list[str]:
    """One line for every file that is there and not the published one: a result that was made with it must say so."""
    lines = []
    for one in status(folder, names):
        if one.state in (State.ACCEPTED, State.CHANGED):
            how = "imported by hand" if one.state is State.ACCEPTED else "changed"
            lines.append(f"{one.path} is not the published file ({how}, sha256 {one.sha256[:16]}…)")
    return lines


def find_by_hash(sha256: str) -> tuple[Benchmark, BenchmarkFile] | None:
    """The benchmark and the file with that hash, as it is published or unpacked."""
    return _by_hash().get(sha256.lower())


def benchmark_of(data: bytes) -> Benchmark | None:
    """The benchmark whose file these bytes are, as published, unpacked, packed otherwise or with Windows line ends.

    None for files that may be training data as a whole.
    """
    found = _known(data)
    return found[0] if found and not found[1].trainable else None


def benchmark_at(path: Path) -> Benchmark | None:
    """`benchmark_of` for a file on disk, without Windows line ends; what has no benchmark file's size is not read."""
    found = find_at(path)
    return found[0] if found and not found[1].trainable else None


def find_at(path: Path) -> tuple[Benchmark, BenchmarkFile] | None:
    """The benchmark and the file that a file on disk is, as published, unpacked, or packed otherwise."""
    try:
        if not path.is_file() or (path.suffix != ".gz" and path.stat().st_size not in _sizes()):
            return None
        return find_by_hash(_hash(path)) or (find_by_hash(_unpacked_hash(path)) if path.suffix == ".gz" else None)
    except OSError:
        return None


def benchmark_in(root: Path) -> Benchmark | None:
    """The benchmark that a folder is: the first, in the order of paths, of which any file is known. None for other ones."""
    paths = (Path(here) / name for here, _, names in os.walk(root) for name in names)
    return next((found for path in sorted(paths) if (found := benchmark_at(path))), None)


def _known(data: bytes) -> tuple[Benchmark, BenchmarkFile] | None:
    found = find_by_hash(hashlib.sha256(data).hexdigest())
    if not found and data.startswith(GZIP):
        found = find_by_hash(hashlib.sha256(_unpacked(data)).hexdigest())
    if not found and b"\r\n" in data:
        found = find_by_hash(hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest())
    return found


def _look(name: str, file: BenchmarkFile, folder: Path) -> FileStatus:
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
        return str(json.loads(_sidecar(path).read_text("utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _sidecar(path: Path) -> Path:
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


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(GZIP):
        return data
    try:
        return zlib.decompressobj(wbits=31).decompress(data, max(_sizes()) + 1)
    except zlib.error:
        return data


# ----------------------------------------------------------------------------------------------------------------- fetching
def fetch(name: str, folder: Path, progress: Progress = silent) -> Fetched:
    """Download the files of a benchmark that are missing, each whole or not at all; gives what was done.

    SourceError in one line when a file cannot be had or is not the pinned one, and for one here that was changed; what came
    before stays. StoreError when the folder cannot be written.
    """
    wanted, known = benchmark(name), {one.path: one for one in status(folder, [name])}
    for one in known.values():
        if one.state is State.CHANGED:
            do = f"move it away and run again, or keep it: `yunque bench import {name} FILE --anyway`"
            raise SourceError(f"is not the published file (sha256 {one.sha256[:16]}…)", where=folder / one.path, do=do)
    missing = [file for file in wanted.files if known[file.path].state is State.MISSING]
    public = [file for file in missing if file.urls]
    if public:
        total = sum(file.size_bytes for file in public)
        with _written_to(folder), _client() as client, progress(f"fetch {name}", total, "bytes") as advance:
            for file in public:
                _download(client, name, file, folder / file.path, advance)
    return Fetched(
        fetched=tuple(file.path for file in public),
        present=tuple(path for path, one in known.items() if one.state is not State.MISSING),
        by_hand=tuple(f"{one.path}: {one.derived}; {BY_HAND.format(name=name)}" for one in missing if not one.urls),
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


# ---------------------------------------------------------------------------------------------------------- bringing by hand
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
    found = find_by_hash(sha256) or find_by_hash(hashlib.sha256(_unpacked(data)).hexdigest())
    if found and found[0].name != name:
        other = found[0].name
        raise SourceError(f"is {found[1].path} of {other}", where=path, do=f"run `yunque bench import {other} {path}`")
    if found:
        file = found[1]
        packed = not file.unpacked_sha256 or data.startswith(GZIP)
        return _let_in(name, file, folder, data if packed else gzip.compress(data, mtime=0), None)
    if not anyway:
        known = _told(wanted, path)
        do = "fetch the published one, or use this one with --anyway: every result will then say so"
        raise SourceError(f"sha256 {sha256[:16]}… is of no file of {name}; known: {known}", where=path, do=do)
    about = {"sha256": sha256, "size_bytes": len(data), "from": path.name}
    return _let_in(name, _named(wanted, path), folder, data, about)


def _let_in(name: str, file: BenchmarkFile, folder: Path, data: bytes, about: dict | None) -> FileStatus:
    target = folder / file.path
    if about is None and _look(name, file, folder).state is State.WHOLE and not _sidecar(target).exists():
        return _look(name, file, folder)
    with _written_to(folder), _draft(target) as draft:
        draft.write_bytes(data)
        if about is not None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            told = {**about, "published_sha256": file.sha256, "imported_at": now}
            write_whole(_sidecar(target), json.dumps(told, indent=2) + "\n")
        os.replace(draft, target)
        if about is None:
            _sidecar(target).unlink(missing_ok=True)
    return _look(name, file, folder)


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


def _told(wanted: Benchmark, path: Path) -> str:
    """The hashes that are known, those of files called alike first."""
    files = sorted(wanted.files, key=lambda file: PurePosixPath(file.path).name != path.name)
    told = ", ".join(f"{file.path.partition('/')[2]} {file.sha256[:16]}…" for file in files[:4])
    return told + (f" and {len(files) - 4} more (`yunque bench list --json`)" if len(files) > 4 else "")


# --------------------------------------------------------------------------------------------------------------------- table
@functools.cache
def _table() -> dict[str, Benchmark]:
    pins, unpacked = _pinned(_PINS), _pinned(_UNPACKED)
    return {origin.name: origin.benchmark(pins[origin.name], unpacked.get(origin.name, {})) for origin in _ORIGINS}


def _pinned(text: str) -> dict[str, dict[str, tuple[int, str]]]:
    """Benchmark -> file -> bytes and SHA-256."""
    pins: dict[str, dict[str, tuple[int, str]]] = {}
    for words in filter(None, map(str.split, text.split("\n"))):
        if len(words) == 1:
            files = pins.setdefault(words[0], {})
        else:
            files[words[0]] = (int(words[1]), words[2])
    return pins


@functools.cache
def _by_hash() -> dict[str, tuple[Benchmark, BenchmarkFile]]:
    pairs = [(one, file) for one in _table().values() for file in one.files]
    packed = {file.sha256: (one, file) for one, file in pairs}
    return packed | {file.unpacked_sha256: (one, file) for one, file in pairs if file.unpacked_sha256}


@functools.cache
def _sizes() -> frozenset[int]:
    files = [file for one in _table().values() for file in one.files]
    return frozenset(size for file in files for size in (file.size_bytes, file.unpacked_bytes) if size is not None)


@dataclass(frozen=True, kw_only=True)
class _Origin:
    """Where the files of a benchmark lie in public."""

    name: str
    licence: str
    repository: str
    commit: str
    inside: str = ""
    """The folder of the repository that holds them."""
    places: dict[str, str] | None = None
    """File -> its path in the repository, where that is not the same below ``inside``."""
    release: str = ""
    """Tag of a release that holds them, too."""
    copies: dict[str, str] | None = None
    """File -> another URL with the same bytes."""
    derived: dict[str, str] | None = None
    """File -> how it is made."""
    trainable: str = ""
    trainable_files: str = ""
    """How the paths of files that may be training data begin."""
    why_not: str = "held-out evaluation data"
    note: str

    def benchmark(self, pins: dict[str, tuple[int, str]], unpacked: dict[str, tuple[int, str]]) -> Benchmark:
        """The benchmark with its pinned files."""
        return Benchmark(
            name=self.name,
            licence=self.licence,
            source=f"https://github.com/{self.repository}",
            commit=self.commit,
            files=tuple(self.file(name, *pin, *unpacked.get(name, (None, ""))) for name, pin in pins.items()),
            trainable=self.trainable,
            why_not=self.why_not,
            note=self.note,
        )

    def file(self, name: str, size: int, sha256: str, unpacked_bytes: int | None, unpacked_sha256: str) -> BenchmarkFile:
        """One pinned file."""
        derived = (self.derived or {}).get(name, "")
        return BenchmarkFile(
            path=f"{self.name}/{name}",
            size_bytes=size,
            sha256=sha256,
            urls=() if derived else self.urls(name),
            derived=derived,
            trainable=bool(self.trainable_files) and name.startswith(self.trainable_files),
            unpacked_bytes=unpacked_bytes,
            unpacked_sha256=unpacked_sha256,
        )

    def urls(self, name: str) -> tuple[str, ...]:
        """Where one file lies: at the pinned commit, in a release, as a copy elsewhere."""
        place = (self.places or {}).get(name) or (f"{self.inside}/{name}" if self.inside else name)
        found = [f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{place}"]
        if self.release:
            found.append(f"https://github.com/{self.repository}/releases/download/{self.release}/{name}")
        return (*found, *filter(None, [(self.copies or {}).get(name)]))


_C_UDA = "held-out evaluation data under C-UDA, whose terms travel with the data"
_CODEXGLUE = {
    "licence": "C-UDA-1.0",
    "repository": "microsoft/CodeXGLUE",
    "commit": "ac74a62802a0dd159b3258c78a2df8ad36cdf2b9",
    "why_not": _C_UDA,
}
_ORIGINS = (
    _Origin(
        name="codexglue-concode",
        **_CODEXGLUE,
        places={
            "answers.json": "Text-Code/text-to-code/evaluator/answers.json",
            "dev.json": "Text-Code/text-to-code/dataset/concode/dev.json",
            "predictions.txt": "Text-Code/text-to-code/evaluator/predictions.txt",
            "test.json": "Text-Code/text-to-code/dataset/concode/test.json",
        },
        note="Text to Java; the rows of test.json have no code, so dev.json is what is scored",
    ),
    _Origin(
        name="codexglue-java-cs",
        **_CODEXGLUE,
        inside="Code-Code/code-to-code-trans/data",
        note="Java to C# and back, parallel lines",
    ),
    _Origin(
        name="codexglue-refinement",
        **_CODEXGLUE,
        inside="Code-Code/code-refinement/data",
        note="Java bugs and their fixes, names abstracted; no train split",
    ),
    _Origin(
        name="cyberseceval",
        licence="MIT",
        repository="meta-llama/PurpleLlama",
        commit="4be64c3a24442b51c76175e6ec67722cc3f5fe38",
        places={
            "autocomplete.json": "CybersecurityBenchmarks/datasets/autocomplete/autocomplete.json",
            "instruct.json": "CybersecurityBenchmarks/datasets/instruct/instruct.json",
            "instruct-v2.json": "CybersecurityBenchmarks/datasets/instruct/instruct-v2.json",
        },
        why_not="held-out evaluation data; its origin_code quotes other people's repositories",
        note="Prompts whose answers tend to be insecure, in eight languages",
    ),
    _Origin(
        name="humaneval",
        licence="MIT",
        repository="openai/human-eval",
        commit="6d43fb980f9fee3c892a914eda09951f772ad10d",
        inside="data",
        note="164 Python functions; an example of one problem and six samples (pass@1 0.5)",
    ),
    _Origin(
        name="humaneval-infilling",
        licence="MIT",
        repository="openai/human-eval-infilling",
        commit="88062ff9859c875d04db115b698ed4b0f0395170",
        inside="data",
        note="HumanEval with holes: 1,033 single-line, 5,815 multi-line, 1,640 and 164 random spans",
    ),
    _Origin(
        name="humaneval-plus",
        licence="Apache-2.0",
        repository="evalplus/humanevalplus_release",
        commit="200defce9e3429d28ca215b6dd061c0f7f31c18b",
        release="v0.1.10",
        note="HumanEval with many more inputs, release 0.1.10; after MIT-licensed HumanEval",
    ),
    _Origin(
        name="humaneval-xl",
        licence="MIT",
        repository="floatai/HumanEval-XL",
        commit="1e9301f6cfc2d3481a7f7e44569982285238ac99",
        inside="data",
        note="80 problems with prompts in English, Spanish, Portuguese, French and Chinese; three of its twelve languages",
    ),
    _Origin(
        name="humanevalpack",
        licence="MIT",
        repository="bigcode-project/octopack",
        commit="e17a8f6470264286bc6a52eb8263582083bf3bf6",
        places={
            f"humanevalpack_{language}.jsonl": f"evaluation/create/humaneval-x/data/{language}/data/humanevalpack.jsonl"
            for language in ("cpp", "go", "java", "js", "python", "rust")
        },
        note="HumanEval in six languages with buggy solutions: fix, explain, synthesize",
    ),
    _Origin(
        name="mbpp",
        licence="CC-BY-4.0",
        repository="patdfb/TPC-EES",
        commit="30c8c572bfcd0fc5fa537210710d7fde134e4868",
        inside="mbpp",
        copies={
            "mbpp.jsonl": "https://raw.githubusercontent.com/deepseek-ai/DeepSeek-Coder/"
            "2f9fd85927c669dae3c0fbb2d607274023af243e/Evaluation/MBPP/data/mbpp.jsonl"
        },
        trainable="task ids 601-974, its train split",
        why_not="the other ids are held out, and the file holds them all: no file is training data as it is",
        note="Made by google-research (its mbpp folder); this is the widely copied edition of 563,743 bytes, a few rows of "
        "which differ from today's, and the sanitized part with other indentation",
    ),
    _Origin(
        name="mbpp-plus",
        licence="Apache-2.0",
        repository="evalplus/mbppplus_release",
        commit="dadf43da556a00f7bacd71cb154f2932757d9144",
        release="v0.2.0",
        why_not="held-out evaluation data; it holds 108 ids of MBPP's train split",
        note="378 tasks of MBPP with many more inputs, release 0.2.0; after MBPP, CC-BY-4.0",
    ),
    _Origin(
        name="multipl-e",
        licence="BSD-3-Clause with a machine learning restriction",
        repository="deepseek-ai/DeepSeek-Coder",
        commit="2f9fd85927c669dae3c0fbb2d607274023af243e",
        places={
            f"humaneval/humaneval-{ending}.jsonl": f"Evaluation/HumanEval/data/humaneval-{ending}.jsonl"
            for ending in (
                *("cpp", "cs-bu", "cs", "d", "go", "java", "jl", "js", "lua", "php"),
                *("pl", "python", "r", "rb", "rkt", "rs", "scala", "sh", "swift", "ts"),
            )
        },
        why_not='its licence says "may not be used as training data"',
        note="HumanEval in 18 more languages, made by nuprl/MultiPL-E; the repository of this copy is MIT, its data not",
    ),
    _Origin(
        name="qiskit-humaneval",
        licence="Apache-2.0",
        repository="qiskit-community/qiskit-human-eval",
        commit="5327d8e079db5e8b51b85e2acafbb67e36ba2777",
        inside="dataset",
        note="151 tasks and 151 hard ones; they need qiskit to run",
    ),
    _Origin(
        name="smartbugs-curated",
        licence="Apache-2.0 (annotations); each contract its own",
        repository="smartbugs/smartbugs-curated",
        commit="230e649123477eff332742a59a1c7cc6dc286cab",
        derived={
            "smartbugs_curated.jsonl": "cannot be fetched as it is: the rows of vulnerabilities.json, one a line, each with "
            "its contract's text from the repository as `code`"
        },
        why_not="held-out evaluation data; each contract keeps the licence it had",
        note="143 Solidity contracts with known weaknesses",
    ),
    _Origin(
        name="sven",
        licence="MIT",
        repository="eth-sri/sven",
        commit="e8449a0d54a5ae0bbdc6bb236330b8c7ec71df57",
        inside="data_train_val",
        trainable="train/, its train part",
        trainable_files="train/",
        why_not="val/ is held-out evaluation data",
        note="Vulnerable functions in Python and C with their fixes, nine weaknesses",
    ),
    _Origin(
        name="swc-registry",
        licence="MIT",
        repository="SmartContractSecurity/SWC-registry",
        commit="1b6227074ecd180b374e4844153afdda0332f979",
        inside="entries/docs",
        places={"index.md": "entries/index.md"},
        note="37 weaknesses of Solidity with vulnerable and mended samples",
    ),
)
# Path in the folder of benchmarks, bytes, SHA-256.
# Benchmark, then its files: path, bytes, SHA-256.
_PINS = """
codexglue-concode
answers.json 93083 33f298aede297258cebbd620b8edf33331a9a7aa0b773c13217ca8c78f93951c
dev.json 1772646 cd4f91cfaa12a886a1d7acaf92eaf8ab066845c37a9221e56634d345958c922a
predictions.txt 6663 c25ad765821d2c2f15fa3d9ae8e5a382ca8dcee7e70928b0d20667f76c752fd9
test.json 1631312 3323b1d723c2183a0ef4693413d25ef5a6b988b50b37b2f401de6c2c5c55159f
codexglue-java-cs
test.java-cs.txt.cs 228990 7a863a53cba15473d44ef2f7c99096370a204d4c1a54cc3d81c59d4a305756af
test.java-cs.txt.java 177375 8e4c9db2467622c119366a89aa0ca798b5f72c11433e3ac3080df21e0e4e06f6
train.java-cs.txt.cs 2384756 80013b5b5c7e973df52adec4944b895eaaee0944f09ab6179084631a15d36b7a
train.java-cs.txt.java 1859625 397c44e7a0ad250849231a3beeb255ea54078e1cb62cf13359893d474025cb90
valid.java-cs.txt.cs 123304 513c430d61901a90895b22fb235c532dbdc26b84db9d825e1d04a5856a97aec1
valid.java-cs.txt.java 95626 5cf92447fd81e126c7d791527f71d16dbcb91d3aa4aafda5c7d9d5c30d75a204
codexglue-refinement
medium/test.buggy-fixed.buggy 2014594 21107528c3b25bfdec24d0c4c18a953de31c26f3795a7d7c9e108a60396bcd38
medium/test.buggy-fixed.fixed 1970531 4b13298647e9a782bf908d4a26710e97a1846f5513a9bf1aa46ac8223fb84b3d
medium/valid.buggy-fixed.buggy 2028309 8ad01f88be2009599007f40427458d6d2601fe93f2f1d65b0f46b7d414a3add2
medium/valid.buggy-fixed.fixed 1979872 7ef5e4b2e95914e0eceb4f2cf6dfad0641625145319b9836db70d3f8745ad2d6
small/test.buggy-fixed.buggy 809941 d2e675094f471b3bfbb9419eb7cf14dca11f8d41185319d3310cbc3f517df323
small/test.buggy-fixed.fixed 739739 e7ec462d00d253ddec3d1cef7a06cfc99db1cfe94039a6607ed14afeef6be04a
small/valid.buggy-fixed.buggy 815315 e83a0c524cdce5a4492dfe0c9bc7d642aa5ed267ddbae5ffd1e563fe54cae6b8
small/valid.buggy-fixed.fixed 743907 dc9c23594350988dcdaf456a1e8eea1dc86c81d1c0ff9985ff6d63d15196ffd2
cyberseceval
autocomplete.json 3462368 be065f92dbc74c882fe90b7abbeccfbba1ee39d79916cd0ff3387015e06e1bec
instruct-v2.json 3006400 df19f7c51911d46d0ae5c069b7093728db8e682890a44317a211ac61cb02c181
instruct.json 3399489 8913f770ccd50921ba5a4e94e504b224dbeeb39afc6618a3e9bf941a8eafbe3e
humaneval
HumanEval.jsonl.gz 44877 b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef
example_problem.jsonl 178 701442bbe5a65db1e4ac218d0d2bb29a6caf9615a769759bcf4ca38621ba1d7f
example_samples.jsonl 419 1dcf9fc120e380b8669fe69cf45da2e510e71cae507555db9634e7893c807627
humaneval-infilling
HumanEval-MultiLineInfilling.jsonl.gz 170082 2f341612eee1d35da1357a4f365e0c0b3ba6e2b62eb491e88aaefa4855af0349
HumanEval-RandomSpanInfilling.jsonl.gz 89591 b4f330d8a8ff97bf85d9def497dffcae4d741e506449386a877236e422e33e8d
HumanEval-RandomSpanInfillingLight.jsonl.gz 45730 1432250ecac0cb56e6f97f8faf0970419ef892a98fda7e1f5aa4c4b87209b760
HumanEval-SingleLineInfilling.jsonl.gz 75058 1277073e7ddce163ef68598c2bca777f688a53df99422f097e37362090f88e1f
example_problem.jsonl 192 f066a37097c9bc7fb19a8bcb736cbfbc19e42cb0597766066e75ec6b1187ee9c
example_samples.jsonl 656 2027662d6b42135bc862c277b061123ff30edf1982eb82d61fc02a0d058417f1
humaneval-plus
HumanEvalPlus-Mini.jsonl.gz 57064 91486741f1627101021fbe50523df08eebb5b0bf5e804b633dcd5ca3c14dbd2f
HumanEvalPlus-NoExtreme.jsonl.gz 925392 298f79977b2663b8b8ab6b5fa50b17d6f23a92603d24f39e26203fe58c37eeda
HumanEvalPlus-OriginFmt.jsonl.gz 1350689 daa7661c8189924068069b0872a440b491edb60f8bdf431d5957adc88d18bae5
HumanEvalPlus.jsonl.gz 925932 272720b90ac375502c8ed23cd791c2a93dfb22a911641a494da74a426c09f101
humaneval-xl
java/Chinese.jsonl 320611 70e63389990bbf45f637bc32f8c58bee2b038ee9fb2b490962e30543c7f2819a
java/English.jsonl 331668 ccb9b155601dbb26f3ec2d27ea4075cb3fdcbca249219756a8e32f06ca871d4c
java/French.jsonl 331245 d71faa265967cec7e234c14c72c66bc83dc17bf4b6a13f569289c29442396dc8
java/Portuguese.jsonl 328695 253e5fdb58fb42213318548b533a6f3bbe97c02c4a8cf4d8299b1794b4ebe2a6
java/Spanish.jsonl 328785 60dfac032b55ba017ad6b223cfaa77450d6aea3343965cc0450bab5eeb2caf27
javascript/Chinese.jsonl 208767 a6324df7aa72a54077b5ec386ba7fe0daf985c505c008ef5a8bbed6c18895135
javascript/English.jsonl 221820 61f6c47bc6b2a137e53617e240d1743df7d41da6d5f55e754791364b2cdabbf2
javascript/French.jsonl 219353 3078bbbd9f5063bf8595787e1db81bde8b73b8356613d55a50982c8361b71809
javascript/Portuguese.jsonl 216771 759c0d19d10e40e8138fc19394802727bb02cf39ccbf1ff4ba73e5ecc8871fd2
javascript/Spanish.jsonl 216893 8393fca5feb18ea63b295d2231defc7f4579c34424339bc8d0d55d3f69243a2b
python/Chinese.jsonl 129002 6e6f394cd07937d5483a2f32899a0d66af52f92bcad505417b8ab9a77cfd9e23
python/English.jsonl 144050 2dd30a506019dc197fee7b94c367c469f46b95906c0842836a16f1f9acf4eeaa
python/French.jsonl 139512 c9387be6ff0991b33b5e5e91786310be80b14c72d5e72cb4d750348e5bcba0b7
python/Portuguese.jsonl 136914 0aeaeff0c354990b9861ce9b8d218ecb43da78412c1cd38da6709d9fdb17ec81
python/Spanish.jsonl 137076 61c45e0bc5d889a78cc143bd23a90cdaa9279ef9abc7856f16bd97b0b1cf6951
humanevalpack
humanevalpack_cpp.jsonl 519422 891a390c1b9d2cb85dd8fbebcf1d88dbdd565734a6b2b3259f9ddb3fe95e33d7
humanevalpack_go.jsonl 520781 0ee2cdca46d70afb33d913a0d4b205624fe4ded2f28c2efdb241727221837993
humanevalpack_java.jsonl 710974 a8d077d300bbdc2eda91e1a733deb2944678bce8fcc7eb272214626516768cc1
humanevalpack_js.jsonl 479665 04c86c1fac5f33818d9187cba278ed1dfc66cc259372dd8342126aa580fb7569
humanevalpack_python.jsonl 537907 b1376d72be4bd016a62ad043d9de3846edb8d63edf1222da802a31330c14c3a7
humanevalpack_rust.jsonl 497152 01ece28eaf490d7af037ce53095083dacfd38022cf5b82662ccb78024dc269a1
mbpp
mbpp.jsonl 563743 ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f
sanitized-mbpp.json 300253 7fec016546acaee11dbe14f9f0bb670e59f41919f7b522a59fba34871da78551
mbpp-plus
MbppPlus-NoExtreme.jsonl.gz 335525 72d32acaea73d5606cb97041b30d45bbda9435a675369d3e31965513ee94e564
MbppPlus-OriginFmt.jsonl.gz 549938 7a5aec547b134fa297ee6c45f829298aa3f58de02547b8d8a5c3d85d9cb10efc
MbppPlus.jsonl.gz 336032 af43697e8791c4c149bdfd6b489d8b5412507551ac20e28a439f650b8225db63
multipl-e
humaneval/humaneval-cpp.jsonl 388688 8717eabdf202137158c84506144b0fb1e73d5ecccbe5363ec79009ca014df629
humaneval/humaneval-cs-bu.jsonl 448701 d281b53b24e0f44cb76f1b1a8702b1ca668ff2a29c7621276ee8b658f5c124c6
humaneval/humaneval-cs.jsonl 452021 1c3fe18be10addc2d0b96311f4db192ae3232e08628d17768d889d6ab87be224
humaneval/humaneval-d.jsonl 289365 226938c015f90d713a3e30d8f174f4a6d2c88820cf50512379a16890dda70332
humaneval/humaneval-go.jsonl 432325 7f5dfe3ff001049b1221e9d21a8119b5cbc38eb87c97fefc5d57fa7adc1df888
humaneval/humaneval-java.jsonl 454059 b21b015763452ec4f9f4e0e6425148ec331ace4da1232c8b4d441186185f6265
humaneval/humaneval-jl.jsonl 268754 ef21bd920889c9c1ab0e87a825cc26bd895e7a715f569f8ba7de577f870b6815
humaneval/humaneval-js.jsonl 297853 634e2eee8d6e22de07c121b972207683dd96be76256bf44bdfc1a3386b739287
humaneval/humaneval-lua.jsonl 298314 d2e91f3603f6aee63db2c2d5754d165397603a8c9bd6130842af7988b27a96fc
humaneval/humaneval-php.jsonl 388096 bebd86875b1d8e65a8b7e692ed7bdf64612b44aa388825ea4dab40c7047c786b
humaneval/humaneval-pl.jsonl 437506 949048bff3eaea7ae47cd5759042c088a7c227d53c74fe95a80728fd5aefbf77
humaneval/humaneval-python.jsonl 342974 0eae07adadbb00d51962fdb78b9e2a26bfa8ade85dc54eb57cae9bffed2f5c54
humaneval/humaneval-r.jsonl 311904 c2a3268ea54d2bfb8ce65bb2c808437ac0d9934c6caf99fcf75d6b6a4fb3f911
humaneval/humaneval-rb.jsonl 312806 4204395b835019e32d55513325a0fad01c6d382fd1eb97b516f0458d00058302
humaneval/humaneval-rkt.jsonl 312006 083325daf55daf431ae6d6d17cf017afb18a6ec790d4c841b7c2b4752c5807ff
humaneval/humaneval-rs.jsonl 306470 e33f562838e973b7e6b8d76dbc1fb84b076d7426629b4cdc624f12678778d2fa
humaneval/humaneval-scala.jsonl 384243 482b72a16613a563755d642e37792da68471399789b069fba5b1249e831445f3
humaneval/humaneval-sh.jsonl 274180 2f702106e9ce4aa7385de568d9248d6c57c90382d782b162cb9e072fbd01ccf8
humaneval/humaneval-swift.jsonl 344436 e4418d6f532e4298969e727690cda80dc88b94e4abf836f8ff79ac18a737eaaa
humaneval/humaneval-ts.jsonl 304732 4b1af1050c9f226335d54a8c80553c39454a525cace3e67bdcfcc9092ba02637
qiskit-humaneval
dataset_qiskit_test_human_eval.json 206341 2d595cfec23e3d15e84a51bbce711d29501297d7418b966911f4111a1f62f042
dataset_qiskit_test_human_eval_hard.json 236356 ad6a854317cd0d5b19f283ddc497f6ba8be53bf627beac2a2044f0f8435dc28f
smartbugs-curated
smartbugs_curated.jsonl 564303 23242eece6c40b1b30c332f3a7251d41bcc117a66dd215d9932ea37677031c71
vulnerabilities.json 71271 2a7c119406b1c56df6087fbfb041f5d3aacbb07a82ee350e2220b51f429646bc
sven
train/cwe-022.jsonl 322068 273ebfa9847f35a590bbef0623d01c8cf5e60b050a9e9a7244b36cedf2035e17
train/cwe-078.jsonl 451417 07419b7027f1f287cbd9cb2f545182bf5793122167ec8fd24a33a2ff6264c8e8
train/cwe-079.jsonl 194041 114195fdbdd0c465d36abcfeb7e74e8d6be81b57aa1d4815d8407b389eb2ec4a
train/cwe-089.jsonl 565848 b47eb0e24035c3cbb5d38a14d1a757cd783827e3c2ecf067f52d0413d46fb09f
train/cwe-125.jsonl 1882743 75e563681b5fc776feaf61ce2f287985b06a4c9fa005e3f677193500e98e2511
train/cwe-190.jsonl 400091 1df9295c121ecf48a1e9a2c3d774d3d02acb4d6b7675a8afa4c21ca38dfb10cf
train/cwe-416.jsonl 452923 b0297b4aacc27fe9c8aac1bf34622bd7dd272361a0ba28bb155badec67a4a07d
train/cwe-476.jsonl 923267 1cae9ff30385143aeaa7a97e269d69d0f488b09dd58f4efe8473e86034ae07b9
train/cwe-787.jsonl 510048 98c9862ab81cc2e327cbe8d087078aed7f4d3f2e8b9fa2dfa4fc2e50d7b52483
val/cwe-022.jsonl 41432 bdbe2ba66b09ad1294b5e4ae7a9a6db79df590d535ff61989459bbf00ff908e9
val/cwe-078.jsonl 41792 4047f5c513a00e0a846e3c8b50d9c4073ad5fe7da4ce6295ae39ac8a0531efe2
val/cwe-079.jsonl 20417 4f5cbd578451bf83391703739df3de456e83a63f53e93a895a731d14c3c51021
val/cwe-089.jsonl 54334 5dc8065ac97dd60ef14f93ac2f37d634e876f237529b4355ce53313b47c175ba
val/cwe-125.jsonl 152079 d094880af58236a3bcfbbff4a99733bb48d25eea3666088a96d080f8d9b08522
val/cwe-190.jsonl 57723 6d18ad3bc4fcd85c2bb69b2043e87177ce73eb36c8d44f906d575dd1ef750fbe
val/cwe-416.jsonl 45379 4bbd5269917302141c93e77a81b5236b9384890bcd386986bf0c60bd86721aa6
val/cwe-476.jsonl 67312 47ed0a92dce6aad6a0f7db6051465a8d3aac04832be9012befb3ff1f16fdbe34
val/cwe-787.jsonl 227124 8b4fa4d0bc1d7b744ac0396a7a42cca6b6cb09b3e06f8ba69d7eae2f5fd7b298
swc-registry
SWC-100.md 3591 b46cee9434cab1f814fdfce3211f4ad66a965f046b568694b80a566490d5b0d9
SWC-101.md 18751 b3e92ad316f18dbf66dcff84c95e1f4098b9af6f58e266cb976eb6f1441020c3
SWC-102.md 2920 1aa990c30eacce2ec150bb21f5439718b81f006c2d5c581b050399985381bf24
SWC-103.md 3506 e3204a86483d80524e6e942a257752896b46907aa943d34cbd395fc3035d5d97
SWC-104.md 2153 e72eb0b426f152f7385b4e6fb5e79d14c0dbe47ea604502fbd416482a786ce4b
SWC-105.md 15538 772c668d496594cc8cd0d2e426e84cf54e0c87a236bc25295c0b1a6ea8af8fd1
SWC-106.md 16969 ca414593328cfce559b27c04407f061778f2aa28da800fc7b4e3381a1eed4b3d
SWC-107.md 5239 f4f28ab0c63e31f7281c26455f75d45675f5cde32d0d00ec008309695d70fdcf
SWC-108.md 2619 99377c6d6a02e0f2089dd65175bfbfc4549713f57177b077e56f68b19aea9149
SWC-109.md 5050 3d4923dbee597841bbe6702c963a4f46cd1a1b6d5e1659142fd8c42d4e8e7b4e
SWC-110.md 13317 52e96eeb31ffed5fd003f0e72b2962ab7b161b780783e6526b98f729bd0a5cdc
SWC-111.md 3835 ae80d6fbad9bb55b61735ef352780a64ac3cb0c493008e0fb16a9059db424699
SWC-112.md 4010 75541a2275a65b94994271d19260bd8bc00811874e4bd4ef635231866b697c71
SWC-113.md 2918 936a158b0557b0553709def66e290ef411a0acea0c22b0630fd8630ff4fc5fed
SWC-114.md 9101 a98c362c30735c6a7b2aba5c12438d23d026c9404cabe3ac8206263e53a6a129
SWC-115.md 3308 f574eb58b903a60289e5a8795649be6212e922b5118cba620580c210d3b91d91
SWC-116.md 5118 a4b5bf54f960298d0ceb3f333fedbc0f8b9ae5cee724c1560b30906ed41dffde
SWC-117.md 6654 fdc7c5786ec1d2dbffec6e6c17b6eff517f920241b51ace4be1062b1e82d9704
SWC-118.md 4783 1db61bd9111d76be77dad0e9a3d4ec440cf87ac80a23a3b8eb403e34488e65db
SWC-119.md 3888 2f2b832721e5a60fd17fdaee286b66f892463c4ae44f2855f36bf7fd381ffa0a
SWC-120.md 8547 00b58f968d294d3122a430dd0ee760e6e4cfafd199f794e244d23cb93effbf4f
SWC-121.md 2444 f6e11dfcb16596978186e6ab310dbcf47959345c54e52b8e577bff6db40d4776
SWC-122.md 2470 dd75e8248cafd74cc1465727393a862e2ec06e9b409bcd1ddb44f8537ecb64cc
SWC-123.md 2897 b7595ac07e08ce73db431050f33b9415e24da22b2ec4fef086e6334227872d4d
SWC-124.md 4220 52c3e9be214b95b13eb1b5e159e46d765dec5bdfff5a720e5067eecb9e505934
SWC-125.md 20262 f95d2bb72ad93ca4c79bd6368460f2fe62087e7952b6ff16132dad263db2e11b
SWC-126.md 4519 33238674556524bdd3d77398ee85194efcff674df093f58409163c5213ee73cb
SWC-127.md 3349 2b25fce044ff8dab6c064706bb660d8985e7354553ec117a67f28b2c7e1f19e2
SWC-128.md 4795 d125315bc7ca32cffd650f03a657687dc07d12578ca129ca049110c17fc7cd7b
SWC-129.md 4822 80becaaa86d0c139035e52bd79a109523bb80230d9f6a21699611ade79740aec
SWC-130.md 3997 d5ae85f3a5522cae28ed477f385d949cd009b450e6c8bd530393307de96105aa
SWC-131.md 4261 d6eb0537f3d620ee47f5d6b239b433164b6612df6f4e26fad67e0d6955319d7f
SWC-132.md 7632 f298168769a6088ca2faea7cc601a3c75172f58d2769f6b7bc5e8310daee069a
SWC-133.md 5413 10be1f38104061706f2ce8d8ccb10330c60d1a6f171810d727faf40fe9af11c1
SWC-134.md 2990 bebc2bcfe169175912806bff11e4bd265949d74bc2d0aeb250debd9a20939eba
SWC-135.md 4463 d7d9882d41648704cf1f1cc03640d87e873e507324a229d45a51865c7e0302f5
SWC-136.md 6763 8dcadd5d652ccd57dd78d2d3e10b5c812c7341fdf1d4aaeef7d6432f753eee3f
index.md 10843 1b72b31c1a7f8d287441828fc3d7df661143e2cfecc18fbcc83490ed0d3b9d6a
"""
# What is inside the gzipped ones: bytes, SHA-256.
_UNPACKED = """
humaneval
HumanEval.jsonl.gz 214438 1d49078ba3e2b196b9344535bef34a43021f038fad9561d6ee7c53450609a6a2
humaneval-infilling
HumanEval-MultiLineInfilling.jsonl.gz 10487245 5b49f312f0a781420a4ae54f5e73176009b9cfc52731e3a0b9be726b451032d1
HumanEval-RandomSpanInfilling.jsonl.gz 2203584 4f15be2d4a479b504072c64e79702df184010f13bdf75f8b67ce08e054c48e26
HumanEval-RandomSpanInfillingLight.jsonl.gz 221823 cbb2b36f90311a3a7d844b6361852bb33e3ab11ab3bca2b7e85bfb9bf78c5891
HumanEval-SingleLineInfilling.jsonl.gz 1647941 6fffc71ec2f1674372fcc177511f92312f1a27a9eacd8e43255c9f5ee9eca8c8
humaneval-plus
HumanEvalPlus-Mini.jsonl.gz 218838 78fbba8865b20c5a979cda6e02fd72538e1762e65980af7d1a6e93c3e87e93af
HumanEvalPlus-NoExtreme.jsonl.gz 7712741 3c5aa88735e442f327030f7097f9443ee173419e0db2a75b1c12730415398e88
HumanEvalPlus-OriginFmt.jsonl.gz 11317638 04228b8a570ff7c346c740b91f0c6a0b323f86a26e903db8477c6f2d10f38819
HumanEvalPlus.jsonl.gz 7714666 42526ec0e7d5f3ee0b06d6ced98f8c8bae3d76519151bfb3d36f79010645bd7f
mbpp-plus
MbppPlus-NoExtreme.jsonl.gz 2590278 2682a29850fb17185106b2f40e72d1ebe7091b7393c576cff71b60e83c42ed33
MbppPlus-OriginFmt.jsonl.gz 4888511 132d01c96df6b4b0fe0cbb8414092fe62c51b873b160d1ec8fc2ded28484865a
MbppPlus.jsonl.gz 2592369 b54e762755248ca411b523c917fa9f93c07b5ff2966bf60b3917b853926a3dad
"""
