"""What the past of a git repository changed, commit by commit: which changes could be asked of a model, and why others not.

Only git's own plumbing is asked (`data.sources`), which runs no hook, filter, text conversion, signature check or
transport, whatever the repository's configuration says; ``archive``, ``log`` and ``checkout`` can, and are not used. Trees
are written file by file from what git holds, by the same writer that unpacks archives.

A change can be asked when it lies inside of one or two functions of one Python file, and everything else of that file is the
same before and after:

* with tests changed in the same commit it may be a fixed bug (``fix``), one question for each function;
* without, and of one function alone, it may be a refactoring (``refactor``).

Covered: methods, decorators, nested functions (a part of the outermost one); merges, renames, changes of several files or of
other languages, files that are no UTF-8: each counted with its reason. Documentation and settings may change as well.
Not covered: shallow clones and remote repositories (refused), submodules and large files kept elsewhere (their pointers are
taken as they are), a fix spread over several commits.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from yunque.code.changes import NotFunctionsError, changed_functions, span_of
from yunque.code.functions import is_test_path
from yunque.code.languages import CODE_ENDINGS
from yunque.core.errors import EvaluationError
from yunque.data.sources import git
from yunque.data.sources.git_objects import FILE, LINK, PROGRAM, FileChange, Repository
from yunque.data.sources.snapshots import TreeLimits, TreeWriter, shown

FIX, REFACTOR = "fix", "refactor"
T = TypeVar("T")
_NONE = "000000"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One commit of a history."""

    id: str
    parents: tuple[str, ...]
    subject: str
    """The first line of its message."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One function that a commit changed. The function before is put into the file after, so that nothing else differs."""

    commit: Commit
    kind: str
    """``fix`` or ``refactor``."""
    path: str
    after: str
    """The file after the commit."""
    name: str
    """Qualified name of the function: ``Box.area``."""
    span_bytes: tuple[int, int]
    """Of the function in ``after``, its indentation and decorators included."""
    old: str
    """The function before, its indentation included."""

    @property
    def id(self) -> str:
        """Commit, path and function."""
        return f"{self.commit.id[:12]}/{self.path}/{self.name}"

    @property
    def new(self) -> str:
        """The function after, its indentation included."""
        return self.after.encode()[slice(*self.span_bytes)].decode()

    def with_function(self, text: str) -> str:
        """The file after the commit, with another text in place of the function."""
        data, (start, end) = self.after.encode(), self.span_bytes
        return data[:start].decode() + text + data[end:].decode()


# ---------------------------------------------------------------------------------------------------------------- asking git
class History:
    """The commits of a repository on this machine, newest first. EvaluationError, in one line, when there are none."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(os.path.expanduser(root))
        if git.is_url(str(root)):
            raise EvaluationError("a history is read on this machine", where=root, do="git clone it, and name the folder")
        if not str(root).strip() or not self.root.is_dir():
            raise EvaluationError("no such folder", where=root or "''", do="name the top folder of a git repository")
        if git.tracked(self.root) is None and not git.is_bare(self.root):
            do = "name the top folder of a git repository that is yours"
            raise EvaluationError("has no git history that can be read", where=root, do=do)
        self._repository = Repository(self.root)
        if self._or_refuse(lambda: self._repository.is_shallow):
            raise EvaluationError("its history is cut off (a shallow clone)", where=root, do="run `git fetch --unshallow`")
        self.head = git.head(self.root)
        if not self.head:
            raise EvaluationError("has no commits", where=root, do="name a repository with a history")

    @property
    def name(self) -> str:
        """Of the folder."""
        return shown(self.root.resolve().name).removesuffix(".git") or "root"

    def commits(self, most: int) -> list[Commit]:
        """The newest commits in topological order."""
        ids = self._or_refuse(lambda: list(self._repository.commit_ids("HEAD", "--topo-order", f"--max-count={most}")))
        details = (self._or_refuse(functools.partial(self._repository.commit, item)) for item in ids)
        return [Commit(id=item.id, parents=item.parents, subject=item.subject) for item in details]

    def files(self, commit: str) -> dict[str, tuple[str, str]]:
        """(mode, blob id) of every file and link of a commit, by path."""
        result = self._or_refuse(lambda: list(self._repository.files(commit)))
        return {path: (mode, blob) for path, mode, blob in result if mode in (FILE, PROGRAM, LINK)}

    def changes(self, before: str, after: str) -> list[FileChange]:
        """The files that differ between two commits."""
        return self._or_refuse(
            lambda: self._repository.changes(self._repository.commit(before).tree, self._repository.commit(after).tree)
        )

    def blob(self, blob: str) -> bytes:
        """The bytes of a file, as git holds them."""
        return self._or_refuse(lambda: self._repository.read(blob))

    def _or_refuse(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except git.GitError as error:
            raise EvaluationError(f"git cannot read it ({error})", where=self.root) from None


@dataclass(kw_only=True)
class Trees:
    """Writes the trees of commits; a file that several trees share is stored once, as hard links."""

    history: History
    folder: Path
    limits: TreeLimits
    _stored: dict[tuple[str, bool], Path] = field(default_factory=dict)

    def write(self, commit: str) -> Path:
        """The folder with the files of a commit, written once. SourceError over the limits, or for names that lead out."""
        tree = self.folder / commit[:12]
        if tree.exists():
            return tree
        draft = self.folder / f"{commit[:12]}.part"
        shutil.rmtree(draft, ignore_errors=True)
        writer = TreeWriter(draft, self.limits, str(self.history.root))
        for path, (mode, blob) in sorted(self.history.files(commit).items(), key=lambda item: os.fsencode(item[0])):
            if mode == LINK:
                writer.add_link(path, os.fsdecode(self.history.blob(blob)))
            else:
                self._write_file(writer, draft, path, blob, mode == PROGRAM)
        writer.finish()
        draft.rename(tree)
        return tree

    def _write_file(self, writer: TreeWriter, draft: Path, path: str, blob: str, executable: bool) -> None:
        stored = self._stored.get((blob, executable))
        writer.add_file(path, [] if stored else [self.history.blob(blob)], executable)  # checks the name in any case
        place = draft / path
        if not place.is_file():  # too large, or a name that cannot be had
            return
        if stored:
            place.unlink()
            _share(stored, place)
        else:
            stored = self.folder / "blobs" / f"{blob}{'x' * executable}"
            stored.parent.mkdir(parents=True, exist_ok=True)
            stored.unlink(missing_ok=True)
            _share(place, stored)
            self._stored[blob, executable] = stored

    def drop(self, commit: str) -> None:
        """Remove a tree that no task needs."""
        shutil.rmtree(self.folder / commit[:12], ignore_errors=True)

    def finish(self) -> None:
        """Remove what only served to write trees, and those that could not be written; what trees share stays theirs."""
        for left in [self.folder / "blobs", *self.folder.glob("*.part")]:
            shutil.rmtree(left, ignore_errors=True)


def _share(old: Path, new: Path) -> None:
    """One file under two names; two files where the file system has no hard links, or no more of that file."""
    try:
        os.link(old, new)
    except OSError:
        shutil.copy2(old, new)


# ----------------------------------------------------------------------------------------------------- what a commit changed
class Reader:
    """Commits to changes that can be asked, and to reasons why the others cannot."""

    def __init__(self, history: History, most: int) -> None:
        self.history, self.most = history, most
        self.looked_at, self.usable = 0, 0
        """Commits that were read, and those that gave a change."""
        self.excluded: Counter[str] = Counter()

    def changes(self) -> Iterator[list[Change]]:
        """The changes of each commit that has any, newest first."""
        for commit in self.history.commits(self.most):
            self.looked_at += 1
            try:
                result = self._changes(commit)
            except _Unfit as unfit:
                self.excluded[unfit.reason] += 1
                continue
            self.usable += 1
            yield result

    def _changes(self, commit: Commit) -> list[Change]:
        if len(commit.parents) != 1:
            raise _Unfit("a merge" if commit.parents else "the first commit")
        path, tested, (before, after) = self._changed_file(commit)
        try:
            pairs = changed_functions(before, after)
        except NotFunctionsError as error:
            raise _Unfit(str(error)) from None
        if not tested and len(pairs) > 1:
            raise _Unfit("it changes two functions and no tests")
        kind = FIX if tested else REFACTOR
        old_data, new_data = before.encode(), after.encode()
        return [
            Change(
                commit=commit,
                kind=kind,
                path=path,
                after=after,
                name=new.qualified_name,
                span_bytes=span_of(new_data, new),
                old=old_data[slice(*span_of(old_data, old))].decode(),
            )
            for old, new in pairs
        ]

    def _changed_file(self, commit: Commit) -> tuple[str, bool, tuple[str, str]]:
        """The one Python file a commit changed, whether it changed tests too, and the file's text before and after."""
        try:
            changed = {change.path: change for change in self.history.changes(commit.parents[0], commit.id)}
        except EvaluationError:
            raise _Unfit("its files are not all here") from None
        code = [path for path in changed if PurePosixPath(path).suffix in CODE_ENDINGS]
        tests = [path for path in code if is_test_path(path)]
        code = [path for path in code if path not in tests]
        if not code:
            raise _Unfit("it changes tests only" if tests else "it changes no code")
        if any(_NONE in changed[path].modes for path in code):
            raise _Unfit("it adds, removes or renames a file of code")
        if len(code) > 1:
            raise _Unfit("it changes several files of code")
        (path,) = code
        if not path.endswith(".py"):
            raise _Unfit("it changes code that is not Python")
        if set(changed[path].modes) - {FILE, PROGRAM}:
            raise _Unfit("it changes a link")
        if len(set(changed[path].blobs)) == 1:
            raise _Unfit("it changes no code")  # but a mode
        try:
            old, new = (self.history.blob(blob).decode("utf-8") for blob in changed[path].blobs)
        except UnicodeDecodeError:
            raise _Unfit("its file is not UTF-8") from None
        except EvaluationError:
            raise _Unfit("its files are not all here") from None
        return path, any(path.endswith(".py") and changed[path].modes[1] != _NONE for path in tests), (old, new)


@dataclass
class _Unfit(Exception):
    """Ends the questions for one commit."""

    reason: str
