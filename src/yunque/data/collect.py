"""A snapshot's files to records, and every file that is none with its reason.

    records.parquet    ``Record``: text, language, and origin with path, revision and licence
    dropped.parquet    ``Dropped``: path, reason, detail, size; its bytes are still in the snapshot, so nothing is lost

A file meets these questions in this order, and the first that fails is its reason:

    symlink      a link; what it leads to is collected where it lies
    excluded     by ``include`` or ``exclude``
    benchmark …  evaluation data, known by its hash: ``benchmark NAME: LICENCE``; it is never learned from
    binary       of no known language, with a NUL byte in its first 8 KiB
    not code     of no known language
    stub         signatures without bodies (``.pyi``, ``.d.ts``), from which a model learns to write ``...``
    language     known, but not asked for
    too large    over ``max_file_bytes``
    binary       a NUL byte anywhere
    lfs-pointer  a few lines that stand for a file in git's large file storage
    encoding     not UTF-8 (nor, in Python, what its coding line says), or a name that is not UTF-8
    empty        nothing but white space
    <check>      the name of the first check that says FAIL, in the order of ``checks``
    duplicate    equal to a kept file but for white space at line ends; the first path in sorted order is kept
    unworkable   it killed or stopped the process that worked on it

Texts keep their line breaks. UTF-8 text gives its bytes back exactly, but for a byte order mark, which is left out; the
counts say how often (``without_bom``), and how many Python files were in another encoding (``recoded``).
"""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, Field

from yunque.code.languages import LANGUAGES, PARSED, is_stub, language_of
from yunque.core.errors import RecipeError, SourceError
from yunque.core.nouns import Dropped, Origin, Outcome, Record, content_id
from yunque.core.plugins import make_part, nearest
from yunque.core.progress import silent
from yunque.core.seams import Check, Progress
from yunque.data.licences.file_licences import LicenceMap
from yunque.data.parallel import batched, ordered_map
from yunque.data.sources.kinds import TREE
from yunque.data.sources.snapshots import shown
from yunque.store.benchmarks.catalogue import Benchmark
from yunque.store.benchmarks.recognise import benchmark_at, benchmark_of
from yunque.store.tables import open_table

RECORDS, DROPPED = "records.parquet", "dropped.parquet"
HEAD_BYTES = 8192

_REFUSED_CODECS = frozenset(("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf_7"))


class CollectRecipe(BaseModel, extra="forbid", frozen=True, use_attribute_docstrings=True):
    """Which files become records."""

    max_file_bytes: int = Field(default=400_000, ge=1)
    """A larger file is dropped."""
    languages: tuple[str, ...] = ()
    """Languages to keep; empty for all that are known."""
    plain_text: bool = False
    """Keep files in languages without a parser here, and prose, as plain text."""
    checks: tuple[str, ...] = ("vendored", "generated", "minified", "data-like")
    """Checks a file must not fail, asked in this order: names of parts, or package.module:Attribute."""
    include: tuple[str, ...] = ()
    """Globs of the paths to keep ('*' also matches '/'); empty for all of them."""
    exclude: tuple[str, ...] = ()
    """Globs of the paths to drop, stronger than include."""
    until: date | None = None
    """Repositories and histories are read as they were when that day began (UTC); any other source is refused."""


@dataclass
class _Drop(Exception):
    """Ends the questions for one file."""

    reason: str
    detail: str = ""


def collect(
    tree: Path,
    facts: Mapping,
    recipe: CollectRecipe,
    checks: Sequence[Check] | None,
    folder: Path,
    progress: Progress = silent,
    workers: int = 1,
) -> dict:
    """Read the snapshot at ``tree`` (the folder with ``tree/`` in it) into two tables in ``folder``; returns the counts.

    ``facts`` are the snapshot's counts; ``checks`` None loads those that the recipe names. In the counts, ``files`` is
    ``kept`` plus the sum of ``dropped``. RecipeError for an unknown language or check; see `refuse_nothing`, too.
    """
    tally = Tally()
    with open_table(folder / RECORDS, Record) as records, open_table(folder / DROPPED, Dropped) as dropped:
        for item in read_tree(tree, facts, recipe, checks, tally, progress, workers):
            if isinstance(item, Record):
                records.add(item)
            else:
                dropped.add(item)
    return tally.counts()


def read_tree(
    tree: Path,
    facts: Mapping,
    recipe: CollectRecipe,
    checks: Sequence[Check] | None,
    tally: Tally,
    progress: Progress = silent,
    workers: int = 1,
) -> Iterator[Record | Dropped]:
    """Every file of a snapshot as a record or with its reason, by path; ``tally`` counts. As `collect`, in flat memory."""
    _known(recipe)
    root = Path(tree) / TREE
    checks = load_checks(recipe) if checks is None else checks
    paths = tree_paths(root)
    reader = _Reader(
        root=root,
        facts=dict(facts),
        recipe=recipe,
        checks=checks,
        headers_are_cpp=_headers_are_cpp(paths),
        licences=LicenceMap(root, paths),
    )
    kept_as: dict[bytes, str] = {}  # hash of a normalised text -> path of the file that was kept
    batches = batched(paths, lambda path: (root / path).lstat().st_size, BATCH_BYTES)
    with progress("collect", len(paths), "files") as advance:
        for batch, result in ordered_map(reader, batches, workers=workers, lost=reader.lost):
            for path, element in zip(batch, result, strict=True):
                item = element.item
                if isinstance(item, Record) and (first := kept_as.setdefault(element.same, path)) != path:
                    item = reader.dropped(path, "duplicate", f"of {shown(first)}")
                tally.add(item, element.note)
                yield item
            advance(len(batch))
    assert tally.files == tally.kept + sum(tally.dropped.values()), "a file was lost without a reason"


BATCH_BYTES = 4 << 20


@dataclass(kw_only=True)
class Tally:
    """What became of the files of a source, so far."""

    files: int = 0
    kept: int = 0
    bytes_kept: int = 0
    dropped: Counter = field(default_factory=Counter)
    languages: Counter = field(default_factory=Counter)
    licences: Counter = field(default_factory=Counter)
    notes: Counter = field(default_factory=Counter)

    def add(self, item: Record | Dropped, note: str = "") -> None:
        """One more, kept or dropped."""
        self.files += 1
        if isinstance(item, Dropped):
            self.dropped[item.reason] += 1
            return
        self.kept += 1
        self.bytes_kept += len(item.text.encode())
        self.languages[item.language] += 1
        self.licences[item.origin.licence] += 1
        self.notes.update(note.split())

    def counts(self) -> dict:
        """As an artifact's counts."""
        return {
            "files": self.files,
            "kept": self.kept,
            "bytes_kept": self.bytes_kept,
            "dropped": _ordered(self.dropped),
            "languages": _ordered(self.languages),
            "licences": _ordered(self.licences),
            **{note: self.notes[note] for note in ("without_bom", "recoded", "check_errors")},
        }


def load_checks(recipe: CollectRecipe) -> list[Check]:
    """The checks that a recipe names, ready to judge. RecipeError for an unknown name."""
    return [make_part("checks", name) for name in recipe.checks]


def tree_paths(root: Path) -> list[str]:
    """Every file and link under ``root`` as a POSIX path, in a stable order; links to folders are not entered."""
    paths = []
    for here, folders, files in os.walk(root):
        prefix = os.path.relpath(here, root) + "/" if here != str(root) else ""
        links = [name for name in folders if os.path.islink(os.path.join(here, name))]
        paths += [prefix + name for name in [*files, *links]]
    return sorted(paths, key=os.fsencode)


@dataclass(kw_only=True)
class _Read:
    """What was found at one path."""

    item: Record | Dropped
    note: str = ""
    same: bytes = b""
    """Hash of the text but for white space at line ends."""


@dataclass(kw_only=True)
class _Reader:
    """Asks every question about one file; it is sent to the processes that work beside one another."""

    root: Path
    facts: dict
    recipe: CollectRecipe
    checks: Sequence[Check]
    headers_are_cpp: bool
    licences: LicenceMap

    def __call__(self, paths: Sequence[str]) -> list[_Read]:
        return [self.read(path) for path in paths]

    def read(self, path: str) -> _Read:
        """A record, or the reason of the first question that fails."""
        try:
            language, text, note = _read(self.root / path, path, self.recipe, self.headers_are_cpp)
            return self._checked(path, text, language, note)
        except _Drop as drop:
            return _Read(item=self.dropped(path, drop.reason, drop.detail))

    def _checked(self, path: str, text: str, language: str, note: str) -> _Read:
        origin = Origin(
            source=self.facts["source"], path=path, revision=self.facts["revision"], collected_at=self.facts["collected_at"],
            licence=self.licences.licence_of(path, text),
        )  # fmt: skip
        record = Record(id=content_id(path, text), text=text, language=language, origin=origin)
        for check in self.checks:
            verdict = check.judge(record)
            if verdict.outcome is Outcome.FAIL:
                detail = verdict.detail or "; ".join(finding.message for finding in verdict.findings)
                raise _Drop(check.name, " ".join(detail.split())[:200])
            if verdict.outcome is Outcome.ERROR:  # says nothing about the text, so it stays
                note += " check_errors"
        lines = text.replace("\r\n", "\n").strip().split("\n")
        same = hashlib.sha256("\n".join(map(str.rstrip, lines)).encode()).digest()
        return _Read(item=record, note=note, same=same)

    def dropped(self, path: str, reason: str, detail: str) -> Dropped:
        """The file with the reason why it is not a record."""
        full = self.root / path
        size = 0 if full.is_symlink() else full.lstat().st_size
        return Dropped(path=shown(path), reason=reason, detail=detail, size_bytes=size)

    def lost(self, path: str, why: str) -> _Read:
        """A file that could not be worked on."""
        return _Read(item=self.dropped(path, "unworkable", why))


# --------------------------------------------------------------------------------------------------- the questions, in order
def _read(full: Path, path: str, recipe: CollectRecipe, headers_are_cpp: bool) -> tuple[str, str, str]:
    """Language and text of a file that is code, and what became of its bytes; ``_Drop`` for every other."""
    if full.is_symlink():
        raise _Drop("symlink", f"to {shown(os.readlink(full))}")
    if recipe.include and not _matches(path, recipe.include):
        raise _Drop("excluded", "no include glob matches")
    if glob := _matches(path, recipe.exclude):
        raise _Drop("excluded", f"matches '{glob}'")
    _refuse_benchmark(benchmark_at(full))
    with open(full, "rb") as file:
        language = _code_language(path, file.read(HEAD_BYTES), headers_are_cpp, recipe.plain_text)
        if recipe.languages and language not in recipe.languages:
            raise _Drop("language", f"is {language}")
        size = os.fstat(file.fileno()).st_size
        if size > recipe.max_file_bytes:
            raise _Drop("too large", f"{size} bytes, over {recipe.max_file_bytes}")
        file.seek(0)
        data = file.read()
    _refuse_benchmark(benchmark_of(data))  # once more, for a copy with Windows line ends
    text, note = decode(data, language)
    if shown(path) != path:
        raise _Drop("encoding", "the file's name is not UTF-8")
    if not text.strip():
        raise _Drop("empty")
    return language, text, note


def _refuse_benchmark(benchmark: Benchmark | None) -> None:
    if benchmark is not None:
        raise _Drop(benchmark.reason, f"evaluation data of {benchmark.source}, never training data: {benchmark.why_not}")


def _code_language(path: str, head: bytes, headers_are_cpp: bool, plain_text: bool) -> str:
    """The language of a file that is asked for; ``_Drop`` when it is not code."""
    if is_stub(path):
        raise _Drop("stub", "signatures without bodies")
    language = language_of(path, head, headers_are_cpp)
    if not language and b"\0" in head:
        raise _Drop("binary")
    if not language or (language not in PARSED and not plain_text):
        raise _Drop("not code", language or PurePosixPath(path).suffix.lower() or "no ending")
    return language


_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def readable_text(path: str, data: bytes) -> tuple[str, str] | None:
    """Language and text of a file's bytes, ``text`` where no language is known; None when they are no text."""
    language = language_of(path, data[:HEAD_BYTES]) or "text"
    try:
        text, _ = decode(data, language)
    except _Drop:
        return None
    return (language, text) if text.strip() else None


def decode(data: bytes, language: str) -> tuple[str, str]:
    """The text of a file, and ``without_bom``, ``recoded`` or nothing; ``_Drop`` when it is binary or cannot be decoded."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _Drop("encoding", "UTF-16")
    if b"\0" in data:
        raise _Drop("binary", "holds NUL bytes")
    if data.startswith(_LFS_POINTER) and len(data) < 1024:
        raise _Drop("lfs-pointer", "the file itself is in git's large file storage: git lfs pull")
    text = data.removeprefix(codecs.BOM_UTF8)
    try:
        return text.decode("utf-8"), "without_bom" if len(text) < len(data) else ""
    except UnicodeDecodeError as error:
        if language != "python":
            raise _Drop("encoding", f"not UTF-8 at byte {error.start}") from None
    try:
        return decode_as_declared(data), "recoded"
    except ValueError as error:
        raise _Drop("encoding", f"not UTF-8, nor what its coding line says ({error})") from None


def decode_as_declared(data: bytes) -> str:
    """The text of a Python file in the encoding of its coding line (PEP 263). ValueError for what no file is written in."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        if encoding.replace("-", "_").lower() in _REFUSED_CODECS:
            raise ValueError(f"{encoding} is not an encoding of files")
        text = data.decode(encoding)
    except (SyntaxError, LookupError) as error:
        raise ValueError(str(error)) from None
    text.encode("utf-8")  # lone surrogates cannot be stored
    return text


# ---------------------------------------------------------------------------------------------------------------- the sums
def refuse_nothing(counts: Mapping, facts: Mapping) -> None:
    """SourceError in one line, when `collect` kept no record: why nothing is left."""
    if counts["kept"]:
        return
    reasons = Counter(counts["dropped"])
    if refused := sorted(reason for reason in reasons if reason.startswith("benchmark ")):
        what = f"there is only evaluation data to learn from ({'; '.join(refused)})"
        raise SourceError(what, where=facts["source"], do="name another source: benchmarks are never training data")
    if reasons["stub"] and reasons.keys() <= {"not code", "binary", "symlink", "stub"}:
        what = f"there are only signatures without bodies ({reasons['stub']} files such as .pyi and .d.ts)"
        raise SourceError(what, where=facts["source"], do="name the package that the signatures are of")
    if reasons.keys() <= {"not code", "binary", "symlink"}:
        known = ", ".join(PARSED)
        raise SourceError("no code in a known language", where=facts["source"], do=f"known languages: {known}")
    listing = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
    do = "loosen the recipe's [collect] part, or name another source"
    raise SourceError(f"all {reasons.total()} files were dropped ({listing})", where=facts["source"], do=do)


def _known(recipe: CollectRecipe) -> None:
    for language in recipe.languages:
        known = list(LANGUAGES if recipe.plain_text else PARSED)
        if language not in known:
            raise RecipeError(f"no language '{language}'", where="collect.languages", do=nearest(language, known))


def _headers_are_cpp(paths: list[str]) -> bool:
    endings = Counter(PurePosixPath(path).suffix.lower() for path in paths)
    return sum(endings[ending] for ending in PARSED["cpp"].endings) > endings[".c"]


def _matches(path: str, globs: tuple[str, ...]) -> str:
    """The first glob that matches the path, or an empty string."""
    return next((glob for glob in globs if fnmatchcase(path, glob)), "")


def _ordered(counter: Counter) -> dict[str, int]:
    """Largest first, equal ones by name."""
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))
