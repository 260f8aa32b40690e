"""Many sources by one name: a file that lists them, and a folder in which an organisation's repositories are mirrored.

    list:FILE        one source a line as `kinds` reads it; ``#`` begins a comment; paths are relative to the file
    mirror:FOLDER    every git repository below a folder, bare or not, however deep

Covered: lists of lists, a list that names itself, the same source twice (taken once); repositories without a commit (left
out: nothing can be read of them), links (not followed), repositories inside of repositories (left to the outer one).
Not covered: blanks and ``#`` at the edges of a path in a list.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from yunque.core.errors import SourceError
from yunque.data.sources import git
from yunque.data.sources.snapshots import shown

MAX_LIST_BYTES = 16 << 20
_KIND = re.compile(r"[A-Za-z][\w.+-]*:")


@dataclass(frozen=True)
class Line:
    """One source of a list."""

    spec: str
    """With an absolute path, where it is a path."""
    where: str
    """``FILE:LINE``."""


def read_list(path: Path) -> Iterator[Line]:
    """The sources of a list, in its order. SourceError when it cannot be read, or names none."""
    where = shown(str(path))
    try:
        if path.is_dir() or path.stat().st_size > MAX_LIST_BYTES:
            raise SourceError("is not a list of sources", where=where, do="name a text file with one source a line")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        what = f"the list cannot be read ({getattr(error, 'strerror', None) or error})"
        raise SourceError(what, where=where, do="name a text file with one source a line") from None
    if b"\0" in data:
        raise SourceError("is not a list of sources", where=where, do="name a text file with one source a line")
    result = False
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        spec = re.sub(r"(?:^|\s)#.*", "", os.fsdecode(line)).strip()
        if spec:
            result = True
            yield Line(_absolute(spec, path.parent), f"{where}:{number}")
    if not result:
        raise SourceError("names no source", where=where, do="write one source a line")


def _absolute(spec: str, folder: Path) -> str:
    """A path of a list, also behind ``list:`` and ``mirror:``, as seen from its folder; anything else unchanged."""
    kind = next((kind for kind in ("list:", "mirror:") if spec.startswith(kind)), "")
    rest = spec.removeprefix(kind).strip()
    if not kind and (git.is_url(spec) or (_KIND.match(spec) and not os.path.lexists(folder / spec))):
        return spec
    return kind + os.path.join(os.path.realpath(folder), os.path.expanduser(rest))


def repositories(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name (its place below the folder) and folder of every repository with a commit. SourceError when there is none."""
    where = shown(str(folder))
    if not folder.is_dir():
        raise SourceError("no such folder", where=where, do="name the folder that holds the repositories")
    seen = result = 0
    for here, inner, _ in os.walk(folder.resolve()):
        inner.sort()
        root = Path(here)
        if not (root / ".git").exists() and not git.is_bare(root):
            continue
        inner.clear()  # what lies inside is a submodule, or the repository's own
        seen += 1
        if git.head(root):
            result += 1
            name = root.relative_to(folder.resolve()).as_posix()
            yield (shown(root.name if name == "." else name).removesuffix(".git") or "root"), root
    if not result:
        what = (
            f"none of its {seen} repositories has a commit that can be read" if seen else "there is no git repository in it"
        )
        raise SourceError(what, where=where, do="name the folder that holds the repositories")
