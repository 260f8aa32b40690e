"""What a user can learn from, and how it becomes a snapshot: a folder, a git repository, an archive, a package.

``open_source(spec)`` gives a ``Source``: its ``identity`` decides the content and is known before anything is fetched,
so it is the recipe of the snapshot's artifact; ``fetch(folder)`` fills ``folder/tree`` and says what was left behind.

    FOLDER  ARCHIVE                   a folder, or a repository's working tree as it is now; a tar, zip or wheel
    REPOSITORY@REVISION               the files of a commit: of a local repository, or of one behind a URL
    URL                               the newest commit of its default branch
    pypi:NAME[==VERSION]              npm:NAME[@VERSION]
    list:FILE  mirror:FOLDER          many sources: see `data.sources.lists`

    snapshot/tree/             the files, as the source has them; enough to run the repository's own tests
    snapshot/skipped.jsonl     one ``Dropped`` a line: caches, links that lead out, files over the limit

No code of a source is run: no hook, no filter, no build backend, no ``setup.py``.
Not covered: submodules (left behind, with that reason), git-lfs files (their pointers are taken), history (`data.streams`).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path

from yunque.core.errors import SourceError
from yunque.core.plugins import find_part, nearest
from yunque.core.seams import Source
from yunque.data.sources import archives, git, lists
from yunque.data.sources.git_objects import Repository, write_commit
from yunque.data.sources.snapshots import (
    Entry,
    TreeLimits,
    TreeWriter,
    hash_files,
    look,
    read_chunks,
    shown,
    tree_digest,
    walk,
)
from yunque.store.benchmarks import recognise
from yunque.store.downloads import npm, pip
from yunque.store.tables import write_lines

TREE, SKIPPED = "tree", "skipped.jsonl"


def open_source(spec: str, limits: TreeLimits = TreeLimits()) -> Source:
    """The source that a user named: a path, a git URL, a package, or ``NAME:…`` of a plug-in.

    SourceError in one line when there is no such thing. A sub-folder of a repository is a plain folder. A path or URL that
    really contains an ``@`` is taken as it is.
    """
    spec = spec.strip()
    if spec.startswith(("list:", "mirror:")):
        sources = open_sources(spec, limits)
        if len(sources) != 1:
            raise SourceError(
                f"stands for {len(sources)} sources, where one is asked for", where=spec, do="name one of them"
            )
        return sources[0]
    if spec.startswith("pypi:"):
        return PackageSource(spec, limits)
    if spec.startswith("npm:"):
        return NpmPackage(spec, limits)
    if git.is_url(spec):
        return GitUrl(*git.split_url(spec.removeprefix("git+")), limits)
    path = Path(spec).expanduser()
    try:
        if spec and path.is_dir():
            return _open_folder(path.resolve(), limits)
        if spec and path.is_file():
            if benchmark := recognise.benchmark_at(path):
                raise SourceError(f"is {benchmark.reason}", where=path, do="benchmarks are never training data")
            return Archive(path.resolve(), limits)
        if spec and path.exists():
            raise SourceError("is neither a file nor a folder", where=spec)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise SourceError(f"cannot be read ({getattr(error, 'strerror', None) or error})", where=shown(spec)) from error
    for position in reversed([match.start() for match in re.finditer("@", spec)]):
        root = Path(spec[:position]).expanduser()
        if spec[:position] and spec[position + 1 :] and root.is_dir():
            return GitRevision(root.resolve(), spec[position + 1 :], limits)
    plugin = spec.partition(":")[0]
    if plugin != spec and plugin in entry_points(group="yunque.sources").names:
        return find_part("sources", plugin)(spec, limits)
    raise SourceError("no such file or folder", where=spec or "''", do=_hint(path, spec))


def open_sources(spec: str, limits: TreeLimits = TreeLimits()) -> list[Source]:
    """Every source that a spec stands for: of ``list:FILE`` and ``mirror:FOLDER`` many, of any other the one it names.

    SourceError for the first line of a list that cannot be opened, with the list's name and the line's number.
    """
    return list(_expanded(spec.strip(), limits, set()))


def _expanded(spec: str, limits: TreeLimits, seen: set[str]) -> Iterator[Source]:
    """The sources of a spec that none in ``seen`` has named."""
    if spec in seen:
        return
    seen.add(spec)
    if spec.startswith("mirror:"):
        for name, root in lists.repositories(Path(spec.removeprefix("mirror:").strip()).expanduser()):
            source = _open_folder(root, limits)
            source.name = name  # its place: two organisations may have a repository of one name
            yield source
    elif spec.startswith("list:"):
        path = Path(os.path.realpath(Path(spec.removeprefix("list:").strip()).expanduser()))
        seen.add(f"list:{path}")
        for line in lists.read_list(path):
            try:
                yield from _expanded(line.spec, limits, seen)
            except SourceError as error:
                what = f"{error.where}: {error.what}" if error.where else error.what
                raise SourceError(what, where=line.where, do=error.do) from error
    else:
        yield open_source(spec, limits)


def _open_folder(root: Path, limits: TreeLimits) -> Source:
    if (root / ".git").exists() and git.tracked(root) is not None:
        return GitFolder(root, limits)
    if not (root / ".git").exists() and git.is_bare(root):
        return GitRevision(root, "HEAD", limits)
    return Folder(root, limits)


def _hint(path: Path, spec: str) -> str:
    """What may have been meant: a name nearby, or a package."""
    siblings = [entry.name for entry in path.parent.iterdir()] if spec and path.parent.is_dir() else []
    text = nearest(path.name, siblings)
    if text.startswith("did you mean"):
        return text
    package = f"; a package is written pypi:{spec}" if re.fullmatch(r"[\w.-]+(==[\w.!+-]+)?", spec) else ""
    return f"give a folder, a git repository, an archive, pypi:NAME or npm:NAME{package}"


# ----------------------------------------------------------------------------------------------------- folders, repositories
class Folder:
    """A plain folder, without caches, histories and virtual environments."""

    kind = "folder"

    def __init__(self, root: Path, limits: TreeLimits = TreeLimits()) -> None:
        self.root, self.limits, self.name = root, limits, shown(root.name) or "root"

    @cached_property
    def identity(self) -> dict:
        """A hash of names and bytes of all that is taken; reads every file once. SourceError for an empty folder."""
        if not any(not entry.reason for entry in self._entries):
            raise SourceError("the folder is empty", where=self.root, do="name a folder with code in it")
        return {"kind": self.kind, "name": self.name, "content": self._content, "limits": asdict(self.limits)}

    @cached_property
    def _entries(self) -> list[Entry]:
        return list(walk(self.root, self.limits))

    @cached_property
    def _content(self) -> str:
        return tree_digest(self._entries, hash_files(self.root, self._entries))

    def _revision(self, tree: Path) -> str:
        return self.identity["content"]

    def fetch(self, folder: Path) -> dict:
        """Copy what ``identity`` saw; SourceError when it changed in between."""
        expected = self.identity["content"]
        writer = TreeWriter(folder / TREE, self.limits, str(self.root))
        hashes = {}
        for entry in self._entries:
            if entry.reason:
                writer.skip(entry.path, entry.reason, entry.detail, entry.size_bytes)
            elif entry.target is not None:
                writer.add_link(entry.path, entry.target)
            else:
                hashes[entry.path] = writer.add_file(entry.path, read_chunks(self.root, entry.path), entry.executable)
        if tree_digest(self._entries, hashes) != expected:
            raise SourceError("changed while it was read", where=self.root, do="run again when nothing writes there")
        counts = writer.finish()
        return _facts(self.kind, self.name, self.name, self._revision(folder / TREE), writer, folder, counts)


class GitFolder(Folder):
    """The working tree of a repository: tracked files and those that are not ignored, as they are now, committed or not."""

    kind = "git"

    @cached_property
    def identity(self) -> dict:
        """The commit, and a hash of the files as they are, local changes included."""
        return {**super().identity, "commit": self._commit}

    def as_of(self, day: date) -> GitRevision:
        """What was committed when a day began."""
        return GitRevision(self.root, "HEAD", self.limits).as_of(day)

    @cached_property
    def _commit(self) -> str:
        return git.head(self.root)

    @cached_property
    def _entries(self) -> list[Entry]:
        # a tracked file that was deleted here is not part of the working tree
        paths = [path for path in git.tracked(self.root) or () if os.path.lexists(os.path.join(self.root, path))]
        return [look(self.root, path, self.limits) for path in paths]

    def _revision(self, tree: Path) -> str:
        """The commit; ``+changes`` when the files differ from it (as line endings and filters make them differ, too)."""
        if not self._commit:
            return self.identity["content"]
        blobs = git.committed(self.root, self._commit)
        taken = {entry.path for entry in self._entries if not entry.reason}
        same = taken <= blobs.keys() and all(os.path.lexists(os.path.join(self.root, path)) for path in blobs)
        same = same and all(_blob_id(tree / path, len(blobs[path])) == blobs[path] for path in sorted(taken))
        return self._commit if same else f"{self._commit}+changes"


class GitRevision:
    """The files of one commit of a repository on this machine, as git holds them; nothing is checked out."""

    def as_of(self, day: date) -> GitRevision:
        """What its branch was at when a day began."""
        return GitRevision(self.root, git.commit_before(self.root, self.revision, day), self.limits)

    def __init__(self, root: Path, revision: str, limits: TreeLimits = TreeLimits()) -> None:
        self.root, self.revision, self.limits = root, revision, limits
        self.name = (shown(root.name).removesuffix(".git") or "root") if root.name != ".git" else shown(root.parent.name)

    @cached_property
    def identity(self) -> dict:
        """The commit. SourceError when the repository has no such revision."""
        if not (commit := git.resolve(self.root, self.revision)):
            raise self._refusal()
        return {"kind": "git", "name": self.name, "commit": commit, "limits": asdict(self.limits)}

    def _refusal(self) -> SourceError:
        where = shown(str(self.root))
        try:
            git.ask(self.root, "rev-parse", "--git-dir")
        except git.GitError as error:
            return SourceError(f"is not a git repository that can be read ({error})", where=where, do="name its top folder")
        if not git.head(self.root) and self.revision == "HEAD":
            return SourceError("the repository has no commits", where=where, do="name one with files in it")
        return SourceError(f"has no branch, tag or commit '{shown(self.revision)}'", where=where, do="see `git log --all`")

    def fetch(self, folder: Path) -> dict:
        """Write what the commit holds."""
        commit = self.identity["commit"]
        writer = TreeWriter(folder / TREE, self.limits, shown(str(self.root)))
        try:
            with Repository(self.root) as repository:
                write_commit(repository, commit, writer)
        except git.GitError as error:
            do = "see `git fsck`"
            raise SourceError(f"commit {commit[:12]} cannot be read ({error})", where=shown(str(self.root)), do=do) from None
        counts = writer.finish()
        return _facts("git", self.name, self.name, commit, writer, folder, counts)


class GitUrl:
    """A repository somewhere else: one commit of it, by default the newest of its default branch."""

    def __init__(self, url: str, revision: str = "", limits: TreeLimits = TreeLimits()) -> None:
        self.url, self.revision, self.limits = url, revision, limits
        self.name = re.split(r"[/:]", url.rstrip("/").removesuffix(".git").rstrip("/"))[-1] or "repository"

    @cached_property
    def _found(self) -> tuple[str, str]:
        return git.remote_commit(self.url, self.revision)

    @cached_property
    def identity(self) -> dict:
        """The commit, which the repository has to be asked for."""
        return {"kind": "git", "name": self.name, "commit": self._found[0], "limits": asdict(self.limits)}

    def fetch(self, folder: Path) -> dict:
        """Bring one commit into a bare repository beside the tree, write its files, and remove the repository."""
        aside = folder / "fetched" / f"{self.name}.git"
        shutil.rmtree(aside.parent, ignore_errors=True)
        aside.parent.mkdir(parents=True)
        git.fetch(self.url, *self._found, aside)
        fetched = GitRevision(aside, git.FETCHED, self.limits)
        if fetched.identity["commit"] != self.identity["commit"]:
            raise SourceError("moved on while it was fetched", where=git.without_secret(self.url), do="run again")
        facts = fetched.fetch(folder)
        shutil.rmtree(aside.parent)
        return facts if self.url.startswith("file:") else {**facts, "url": git.without_secret(self.url)}


def _blob_id(path: Path, digits: int) -> str:
    """The id that git gives to a file's bytes, or to a link's target."""
    data = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
    algorithm = "sha1" if digits == 40 else "sha256"
    return hashlib.new(algorithm, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


# ------------------------------------------------------------------------------------------------------- archives, packages
class Archive:
    """A tar, zip or wheel on this machine."""

    def __init__(self, path: Path, limits: TreeLimits = TreeLimits()) -> None:
        archives.archive_kind(path)  # so that a wrong file is told at once
        self.path, self.limits = path, limits
        self.name = re.sub(r"(\.tar)?\.\w{1,4}$", "", shown(path.name)) or "archive"

    @cached_property
    def identity(self) -> dict:
        """The SHA-256 of the file."""
        return {"kind": "archive", "name": self.path.name, "sha256": _sha256(self.path), "limits": asdict(self.limits)}

    def fetch(self, folder: Path) -> dict:
        """Unpack it, without its single top folder if it has one."""
        sha256 = self.identity["sha256"]
        writer = TreeWriter(folder / TREE, self.limits, self.path.name)
        archives.unpack(self.path, writer)
        counts = writer.finish()
        facts = _facts("archive", self.name, shown(self.path.name), sha256[:16], writer, folder, counts)
        return {**facts, "sha256": sha256}


class PackageSource:
    """``pypi:NAME[==VERSION]``: its sdist, or a wheel where it has none, from pip's configured indexes."""

    kind, joint = "pypi", "=="

    def __init__(self, spec: str, limits: TreeLimits = TreeLimits()) -> None:
        self.name, self.version = self._parse(spec)
        self.limits = limits
        self.source = f"{self.kind}:{self.name}"
        self.spec = f"{self.source}{self.joint}{self.version}" if self.version else self.source

    _parse = staticmethod(pip.parse_spec)
    _download: Callable[[str, str, Path, int], tuple[Path, dict]] = staticmethod(pip.download)

    @property
    def identity(self) -> dict:
        """The spec: without a version, what was newest when it was first fetched; no network is needed to find it again."""
        return {"kind": self.kind, "spec": self.spec, "limits": asdict(self.limits)}

    def fetch(self, folder: Path) -> dict:
        """Download one file, check its hash, unpack it."""
        aside = folder / "download"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        path, result = self._download(self.name, self.version, aside, self.limits.max_total_bytes)
        sha256 = _sha256(path)
        writer = TreeWriter(folder / TREE, self.limits, path.name)
        archives.unpack(path, writer)
        shutil.rmtree(aside)
        version = result.pop("version")
        facts = _facts(self.kind, self.name, self.source, version, writer, folder, writer.finish())
        return {**facts, **result, "file": path.name, "sha256": sha256}


class NpmPackage(PackageSource):
    """``npm:NAME[@VERSION]``, ``npm:@SCOPE/NAME[@VERSION]``: its tarball, by the npm client as it is configured."""

    kind, joint = "npm", "@"
    _parse = staticmethod(npm.parse_spec)
    _download = staticmethod(npm.download)


def _facts(kind: str, name: str, source: str, revision: str, writer: TreeWriter, folder: Path, counts: dict) -> dict:
    """The facts of a snapshot, which are its artifact's counts; ``collect`` builds every record's origin from them."""
    if not counts["num_files"]:
        raise SourceError("there are no files in it", where=source, do="name something with code in it")
    write_lines(folder / SKIPPED, sorted(writer.skipped, key=lambda dropped: (dropped.path, dropped.reason)))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"name": name, "kind": kind, "source": source, "revision": revision, "collected_at": now, **counts}


def _sha256(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})", where=path) from error
