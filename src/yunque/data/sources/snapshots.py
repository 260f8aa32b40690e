"""A tree of files on disk, copied so that nothing in it can lead outside or do anything.

``walk`` and ``look`` say what is there, ``TreeWriter`` writes a copy, and what is left behind is kept with its reason.

Covered: symlinks out of the tree, swapped folders, pipes and devices (never opened), files that are too large or cannot be
read, caches and virtual environments, totals that would fill a disk, a tree that changes while it is read.
Not covered: ownership, times, extended attributes, setuid bits; they do not travel. Holes of sparse files are filled.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, content_id

CHUNK_BYTES = 1 << 20

CACHE_FOLDERS = frozenset(
    (
        *(".git", ".hg", ".svn", ".bzr", "node_modules", "bower_components", "__pycache__", "__pypackages__", ".eggs"),
        *(".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".gradle", ".ipynb_checkpoints"),
    )
)
"""Folders that a tool makes again, and histories; left behind wherever they are."""
OUTPUT_FOLDERS = frozenset(("build", "dist"))
"""Left behind at the top only, and only when they are no Python package: ``build`` is also the name of good code."""


@dataclass(frozen=True)
class TreeLimits:
    """How much is taken from one source. Reaching ``max_total_bytes`` or ``max_files`` refuses the whole source."""

    max_file_bytes: int = 50_000_000
    max_total_bytes: int = 4 << 30
    max_files: int = 300_000


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One name in a tree: a file, a link (``target``), or something that is left behind (``reason``)."""

    path: str
    size_bytes: int = 0
    executable: bool = False
    target: str | None = None
    reason: str = ""
    detail: str = ""


def shown(path: str) -> str:
    """The path as clean UTF-8 text, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


# --------------------------------------------------------------------------------------------------------------- reading
def walk(root: Path, limits: TreeLimits) -> Iterator[Entry]:
    """Every file and link under ``root`` in a stable order, and one entry for each folder that is left behind."""
    unreadable: list[OSError] = []
    for here, folders, files in os.walk(root, onerror=unreadable.append):
        inner = os.path.relpath(here, root)
        prefix = "" if inner == "." else inner + "/"
        keep = []
        for name in sorted(folders):
            path = prefix + name
            if os.path.islink(os.path.join(here, name)):
                yield look(root, path, limits)
            elif detail := _left_behind(Path(here, name), top=not prefix):
                yield Entry(path=path, reason="cache folder", detail=detail)
            else:
                keep.append(name)
        folders[:] = keep
        for name in sorted(files):
            yield look(root, prefix + name, limits)
    for error in unreadable:
        yield Entry(path=os.path.relpath(error.filename, root), reason="unreadable", detail=str(error.strerror))


def _left_behind(folder: Path, top: bool) -> str:
    """Why a folder is not taken, or an empty string."""
    if folder.name in CACHE_FOLDERS or folder.name.endswith(".egg-info"):
        return f"{folder.name} is made again by its tool"
    if (folder / "pyvenv.cfg").is_file():
        return "a Python virtual environment"
    if (folder / "CACHEDIR.TAG").is_file():
        return "marked as a cache by CACHEDIR.TAG"
    if top and folder.name in OUTPUT_FOLDERS and not (folder / "__init__.py").exists():
        return "build output"
    return ""


def look(root: Path, path: str, limits: TreeLimits) -> Entry:
    """What one path under ``root`` is. Nothing is opened, so a pipe cannot make us wait."""
    full = os.path.join(root, path)
    try:
        if os.path.realpath(os.path.dirname(full)) != os.path.normpath(
            os.path.join(os.path.realpath(root), os.path.dirname(path))
        ):
            return Entry(path=path, reason="symlink", detail="a folder above it is a link")
        status = os.lstat(full)
        if stat.S_ISLNK(status.st_mode):
            return _look_at_link(root, path)
    except OSError as error:
        return Entry(path=path, reason="unreadable", detail=str(error.strerror))
    size = status.st_size
    if stat.S_ISDIR(status.st_mode):
        return Entry(path=path, reason="nested repository", detail="a submodule or a repository inside; name it as a source")
    if not stat.S_ISREG(status.st_mode):
        return Entry(path=path, reason="special file", detail="a pipe, socket or device")
    if size > limits.max_file_bytes:
        return Entry(path=path, size_bytes=size, reason="too large", detail=f"over {limits.max_file_bytes} bytes")
    if not os.access(full, os.R_OK):
        return Entry(path=path, size_bytes=size, reason="unreadable", detail="permission denied")
    return Entry(path=path, size_bytes=size, executable=bool(status.st_mode & 0o100))


def _look_at_link(root: Path, path: str) -> Entry:
    full, home = os.path.join(root, path), os.path.realpath(root)
    target, real = os.readlink(full), os.path.realpath(full)
    if os.path.commonpath([home, real]) != home:
        return Entry(path=path, reason="symlink", detail="leads out of the tree")
    if os.path.isabs(target):  # it must still lead there when the tree lies elsewhere
        target = os.path.relpath(target, os.path.dirname(os.path.join(home, path)))
    return Entry(path=path, target=target)


def read_chunks(root: Path, path: str) -> Iterator[bytes]:
    """The bytes of a regular file in pieces. SourceError when it became something else since it was looked at."""
    full = os.path.join(root, path)
    try:
        handle = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"cannot read ({error.strerror})", where=full, do="run again") from error
    with open(handle, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise SourceError("is no longer a regular file", where=full, do="run again")
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def tree_digest(entries: Iterable[Entry], sha256_of: dict[str, str]) -> str:
    """A content hash of what is taken: names, bytes, links and executable bits; not times, owners or what is left behind."""
    parts: list[bytes] = []
    for entry in sorted(entries, key=lambda entry: os.fsencode(entry.path)):
        if not entry.reason:
            details = f"link {entry.target}" if entry.target is not None else f"{entry.executable} {sha256_of[entry.path]}"
            parts += [os.fsencode(entry.path), os.fsencode(details)]
    return content_id(*parts)


def hash_files(root: Path, entries: Iterable[Entry]) -> dict[str, str]:
    """The SHA-256 of every file that is taken, by path."""
    hashes = {}
    for entry in entries:
        if not entry.reason and entry.target is None:
            digest = hashlib.sha256()
            for chunk in read_chunks(root, entry.path):
                digest.update(chunk)
            hashes[entry.path] = digest.hexdigest()
    return hashes


# --------------------------------------------------------------------------------------------------------------- writing
class TreeWriter:
    """Fills an empty folder with files whose names nobody has checked.

    Links are made last, when no file is written any more, so no write ever goes through one; those that turn out to lead
    outside are taken away again.
    """

    def __init__(self, tree: Path, limits: TreeLimits, where: str) -> None:
        self.tree, self.limits, self.where = Path(os.path.realpath(tree)), limits, where
        self.tree.mkdir(parents=True, exist_ok=True)
        self.skipped: list[Dropped] = []
        self._links: dict[str, str] = {}
        self._copies: dict[str, str] = {}
        self._num_files, self._bytes = 0, 0

    def skip(self, path: str, reason: str, detail: str = "", size_bytes: int = 0) -> None:
        """Remember that something was left behind."""
        self.skipped.append(Dropped(path=shown(path), reason=reason, detail=detail, size_bytes=size_bytes))

    def add_file(self, path: str, chunks: Iterable[bytes], executable: bool = False) -> str:
        """Write one file; returns the SHA-256 of its bytes. SourceError for a name outside, or over the limits."""
        self._charge(files=1)
        place = self._place(path)
        digest, size = hashlib.sha256(), 0
        if place is None:
            return ""
        if os.path.isfile(place):
            self.skip(path, "name", "stands twice; the later one is kept", place.stat().st_size)
        try:
            file = open(place, "wb")  # noqa: SIM115  closed below; only opening may fail for its name
        except OSError as error:
            self._skip_bad_name(path, error)
            return ""
        with file:
            for chunk in chunks:
                size += len(chunk)
                if size > self.limits.max_file_bytes:
                    break
                self._charge(size=len(chunk))
                digest.update(chunk)
                file.write(chunk)
            os.fchmod(file.fileno(), 0o755 if executable else 0o644)
        if size > self.limits.max_file_bytes:
            place.unlink()
            self.skip(path, "too large", f"over {self.limits.max_file_bytes} bytes", size)
        return digest.hexdigest()

    def add_link(self, path: str, target: str) -> None:
        """Make a symbolic link at the end, if it then leads to a place inside the tree."""
        self._charge(files=1)
        if self._place(path) is not None:
            self._links[str(PurePosixPath(path))] = target

    def add_copy(self, path: str, of: str) -> None:
        """Copy a file of the tree to a second name at the end (a hard link of an archive)."""
        self._charge(files=1)
        self._check_name(of)
        if self._place(path) is not None:
            self._copies[str(PurePosixPath(path))] = str(PurePosixPath(of))

    def strip_top(self) -> None:
        """Move everything up when it all lies in one folder, as in an sdist. Links are made, and judged, afterwards."""
        inside = list(self.tree.iterdir())
        names = [*self._links, *self._copies, *self._copies.values()]
        if len(inside) != 1 or not inside[0].is_dir() or not all(name.startswith(inside[0].name + "/") for name in names):
            return
        top = inside[0].name + "/"
        aside = self.tree.with_name(self.tree.name + ".top")
        inside[0].rename(aside)
        self.tree.rmdir()
        aside.rename(self.tree)
        self._links = {name.removeprefix(top): target for name, target in self._links.items()}
        self._copies = {name.removeprefix(top): of.removeprefix(top) for name, of in self._copies.items()}
        self.skipped = [replace(dropped, path=dropped.path.removeprefix(top)) for dropped in self.skipped]

    def finish(self) -> dict:
        """Make the copies and links; gives ``num_files``, ``bytes`` and ``skipped`` (reason -> number)."""
        for path, of in self._copies.items():
            if (self.tree / path).exists():
                self.skip(path, "name", "stands twice in the archive")
            elif (self.tree / of).is_file():
                self._charge(size=(self.tree / of).stat().st_size)
                shutil.copy(self.tree / of, self.tree / path)
            else:
                self.skip(path, "symlink", "a hard link to nothing")
        made = [(path, target) for path, target in sorted(self._links.items()) if self._make_link(path, target)]
        # all links first, then the question: one link may lead out through another
        for path in [path for path, _ in made if not self._inside(path)]:
            (self.tree / path).unlink()
            self.skip(path, "symlink", "leads out of the tree")
        num_files, total = _measure(self.tree)
        reasons = Counter(dropped.reason for dropped in self.skipped)
        return {"num_files": num_files, "bytes": total, "skipped": dict(sorted(reasons.items()))}

    def _make_link(self, path: str, target: str) -> bool:
        try:
            os.symlink(target, self.tree / path)
        except (OSError, ValueError) as error:
            self.skip(path, "name", f"the link cannot be made ({getattr(error, 'strerror', error)})")
            return False
        return True

    def _inside(self, path: str) -> bool:
        return os.path.commonpath([self.tree, os.path.realpath(self.tree / path)]) == str(self.tree)

    def _place(self, path: str) -> Path | None:
        """Where a path goes, its folders made; None when the name cannot be had. SourceError when it leads outside."""
        place = self.tree / self._check_name(path)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._skip_bad_name(path, error)
            return None
        return place

    def _check_name(self, path: str) -> PurePosixPath:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\0" in path or not pure.parts:
            raise SourceError(
                f"holds '{shown(path)}', which would be written outside of its own folder",
                where=self.where,
                do="do not trust it; nothing was unpacked elsewhere",
            )
        return pure

    def _skip_bad_name(self, path: str, error: OSError) -> None:
        """Skip a name that the file system refuses, or that is a file and a folder at once; other errors are the disk's."""
        if error.errno not in (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.EILSEQ, errno.EINVAL):
            raise error
        self.skip(path, "name", str(error.strerror))

    def _charge(self, files: int = 0, size: int = 0) -> None:
        self._num_files, self._bytes = self._num_files + files, self._bytes + size
        if self._num_files > self.limits.max_files:
            raise SourceError(f"more than {self.limits.max_files} files", where=self.where, do="name a smaller part of it")
        if self._bytes > self.limits.max_total_bytes:
            raise SourceError(
                f"more than {self.limits.max_total_bytes} bytes unpacked", where=self.where, do="name a smaller part of it"
            )


def _measure(tree: Path) -> tuple[int, int]:
    """Number of regular files and their bytes."""
    sizes = [
        status.st_size
        for here, _, files in os.walk(tree)
        for name in files
        if stat.S_ISREG((status := os.lstat(os.path.join(here, name))).st_mode)
    ]
    return len(sizes), sum(sizes)
