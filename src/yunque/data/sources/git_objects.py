"""What a git repository on this machine holds: commits, what they changed, and their files, whatever their number.

Three git processes answer as long as the repository is read: ``rev-list`` names commits, ``cat-file --batch`` gives commits
and files, ``diff-tree --stdin`` says which files differ between two trees. No process a commit; memory does not grow with
their number. All of it is plumbing that runs nothing of the repository (`data.sources.git`).

Covered: damaged and missing objects (GitError for what needs them, and on with the rest; the hash of every object is
checked), a git that dies or falls silent (started again), files over a limit (never read), shallow clones (`is_shallow`).
Not covered: submodules and large files kept elsewhere (their pointers are taken as they are).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import select
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from yunque.data.sources import git
from yunque.data.sources.git import GitError
from yunque.data.sources.snapshots import CHUNK_BYTES, TreeWriter

FILE, PROGRAM, LINK = "100644", "100755", "120000"
MAX_COMMIT_BYTES = 1 << 20
MAX_DIFF_BYTES = 16 << 20
"""What is read of one list of changed files; a longer one is refused."""
_CODEC = re.compile(r"(?:iso-?8859-\d+|latin-?\d|(?:cp|windows-)\d+|euc-\w+|shift[_-]?jis|gbk|gb18030|big5|koi8-\w)", re.I)


class TooLargeError(GitError):
    """An object or a list is larger than was asked for; ``size`` in bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"{size} bytes")


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One commit, as git holds it."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: str
    """Name and mail address as they stand there."""
    message: str

    @property
    def subject(self) -> str:
        """The first paragraph of its message, in one line."""
        return " ".join(self.message.strip().split("\n\n", 1)[0].split())


@dataclass(frozen=True, kw_only=True)
class FileChange:
    """One file that differs between two trees; the mode is ``000000`` and the blob all zeros on the side that lacks it."""

    path: str
    """As the file system would give it: bytes that are not UTF-8 are surrogates."""
    modes: tuple[str, str]
    blobs: tuple[str, str]


class Repository:
    """A repository that can be asked; closes its processes when used as a context. Everything may raise GitError."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._objects: _Talk | None = None
        self._diffs: _Talk | None = None
        self._mark = b"end-" + os.urandom(12).hex().encode()  # no path can hold it by chance or on purpose

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def close(self) -> None:
        """End the processes; they start again when asked."""
        for talk in (self._objects, self._diffs):
            if talk is not None:
                talk.close()
        self._objects = self._diffs = None

    @property
    def is_shallow(self) -> bool:
        """Whether its history is cut off."""
        return git.ask(self.root, "rev-parse", "--is-shallow-repository").strip() == b"true"

    def commit_ids(self, head: str, *flags: str) -> Iterator[str]:
        """Ids of the commits that lead to ``head``, newest first, as far as nothing is missing; then GitError.

        ``flags`` are of ``rev-list``. With ``--topo-order`` git reads all of the history before it says anything.
        """
        talk = _Talk(self.root, "rev-list", *flags, head)
        try:
            while line := talk.line(may_end=True):
                yield line.decode()
            if talk.code():
                raise GitError("a commit is missing or damaged, and so is what came before it")
        finally:
            talk.close()

    def commit(self, commit: str) -> Commit:
        """What a commit says."""
        head, _, message = self.read(commit, "commit", MAX_COMMIT_BYTES).partition(b"\n\n")
        facts: dict[str, list[str]] = {}
        for line in head.split(b"\n"):
            name, _, value = line.partition(b" ")
            facts.setdefault(name.decode("utf-8", "replace"), []).append(value.decode("utf-8", "replace"))
        try:
            (tree,), authors = facts["tree"], facts.get("author", [""])
        except (KeyError, ValueError):
            raise GitError(f"{commit} is not a commit") from None
        text = _message(message, facts.get("encoding", [""])[0])
        author = re.sub(r" -?\d+ [+-]\d+$", "", authors[0])
        return Commit(id=commit, tree=tree, parents=tuple(facts.get("parent", ())), author=author, message=text)

    def changes(self, before: str, after: str) -> list[FileChange]:
        """The files that differ between two trees, by path; no renames, no submodules. TooLargeError for endless lists."""
        if self._diffs is None:
            flags = ("-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv")
            self._diffs = _Talk(self.root, "diff-tree", "--stdin", *flags)
        try:
            # what is not a name of an object comes back as it is, at once: so we know where the answer ends
            self._diffs.send(f"{before} {after}\n".encode() + self._mark + b"\n")
            text = self._diffs.until(self._mark, MAX_DIFF_BYTES)
        except GitError:
            self._diffs.close()
            self._diffs = None
            raise
        head, _, rows = text.partition(b"\n")
        if head != f"{before} {after}".encode():  # it says nothing at all of a tree that is not there
            raise GitError("a tree is missing or damaged")
        parts = rows.split(b"\0")
        results = []
        for fields, path in zip(parts[::2], parts[1::2], strict=False):
            old, new, *blobs, _status = fields.decode().removeprefix(":").split()
            if "160000" not in (old, new):
                results.append(FileChange(path=os.fsdecode(path), modes=(old, new), blobs=(blobs[0], blobs[1])))
        return results

    def files(self, commit: str) -> Iterator[tuple[str, str, str]]:
        """Path, mode and blob of every file, link and submodule (mode ``160000``) of a commit."""
        for row in git.ask(self.root, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            if row:
                text, path = row.split(b"\t", 1)
                mode, _, blob = text.decode().split()
                yield os.fsdecode(path), mode, blob

    def read(self, name: str, kind: str = "blob", max_bytes: int = 1 << 62) -> bytes:
        """The bytes of an object. TooLargeError, without reading it, over ``max_bytes``."""
        if self._objects is None:
            self._objects = _Talk(self.root, "cat-file", "--batch")
        whole = False
        try:
            self._objects.send(f"{name}\n".encode())
            details = self._objects.line().decode("utf-8", "replace").split()
            whole = len(details) != 3  # nothing follows "missing"
            if whole:
                raise GitError(f"{name} is missing or damaged")
            if details[1] != kind:
                raise GitError(f"{name} is a {details[1]}, not a {kind}")
            size = int(details[2])
            if size > max_bytes:
                raise TooLargeError(size)
            data = self._objects.take(size + 1)[:size]
            whole = True
        finally:
            if not whole:  # what is left would be taken for the next answer
                self._objects.close()
                self._objects = None
        algorithm = "sha1" if len(name) == 40 else "sha256"
        digest = hashlib.new(algorithm, b"%s %d\0" % (kind.encode(), size), usedforsecurity=False)
        digest.update(data)
        if digest.hexdigest() != name:
            raise GitError(f"{name} is damaged")
        return data


def write_commit(repository: Repository, commit: str, writer: TreeWriter) -> None:
    """Give every file of a commit to the writer, as git holds it; what is damaged or too large is left behind.

    GitError when the commit cannot be listed; SourceError from the writer.
    """
    limit = writer.limits.max_file_bytes
    for path, mode, blob in repository.files(commit):
        if mode not in (FILE, PROGRAM, LINK):
            detail = "a submodule or a repository inside; name it as a source"
            writer.skip(
                path, "nested repository" if mode == "160000" else "special file", detail if mode == "160000" else mode
            )
            continue
        try:
            data = repository.read(blob, max_bytes=4096 if mode == LINK else limit)
        except TooLargeError as error:
            writer.skip(path, "too large", f"over {limit} bytes", error.size)
        except GitError as error:
            writer.skip(path, "damaged", str(error))
        else:
            if mode == LINK:
                writer.add_link(path, os.fsdecode(data))
            else:
                writer.add_file(path, [data], executable=mode == PROGRAM)


def _message(data: bytes, encoding: str) -> str:
    """A message as text: UTF-8, else what the commit says it is, else what can be read of it."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        if _CODEC.fullmatch(encoding):
            try:
                return data.decode(encoding)
            except (LookupError, UnicodeError):
                pass
        return data.decode("utf-8", "replace")


class _Talk:
    """A git process that answers while it is asked. GitError when it ends, or says nothing for too long."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self._process: subprocess.Popen = git.start(root, *arguments)
        assert self._process.stdin is not None and self._process.stdout is not None  # it was started with both
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._held = b""

    def send(self, data: bytes) -> None:
        try:
            self._stdin.write(data)
        except OSError:
            raise GitError("git ended") from None

    def line(self, may_end: bool = False) -> bytes:
        """Up to a line break, without it; empty at the end, if that may be."""
        pieces = []
        while True:
            piece, result, rest = self._held.partition(b"\n")
            pieces.append(piece)
            if result:
                self._held = rest
                return b"".join(pieces)
            self._held = self._more()
            if not self._held:
                if may_end and not any(pieces):
                    return b""
                raise GitError("git ended")

    def take(self, size: int) -> bytes:
        """Exactly so many bytes."""
        details = bytearray(self._held)
        while len(details) < size:
            if not (more := self._more()):
                raise GitError("git ended")
            details += more
        self._held = bytes(details[size:])
        return bytes(details[:size])

    def until(self, mark: bytes, most: int) -> bytes:
        """What comes before a mark that is the last thing said."""
        text = bytearray(self._held)
        while not text.endswith((mark, mark + b"\n")):
            if len(text) > most:
                raise TooLargeError(len(text))
            if not (more := self._more()):
                raise GitError("a tree is missing or damaged")
            text += more
        self._held = b""
        return bytes(text[: text.rindex(mark)]).lstrip(b"\n")

    def code(self) -> int:
        """The exit status."""
        return self._process.wait(git.LOCAL_TIMEOUT_S)

    def close(self) -> None:
        self._process.kill()
        self._stdin.close()
        self._stdout.close()
        self._process.wait()

    def _more(self) -> bytes:
        handle = self._stdout.fileno()
        if not select.select([handle], [], [], git.LOCAL_TIMEOUT_S)[0]:
            raise GitError(f"no answer in {git.LOCAL_TIMEOUT_S} s")
        return os.read(handle, CHUNK_BYTES)
