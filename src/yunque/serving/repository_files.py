"""Which files of a workspace may be shown to a model: code that is no secret, not ignored by git, and no link.

Left out, under these names in the counts:

    folder       in a folder that is a link
    link         a link; what it leads to is read where it lies, if it lies in the workspace
    secret       by its name: ``.env``, keys, passwords
    too many     beyond the most files that are wanted, in the order of their paths
    too large    over the most bytes that are wanted
    vanished     git knows it, or it was there a moment ago
    unreadable   it cannot be opened, or is no file
    no text      binary, empty, or in an encoding that is not known

Files of no known language are not counted. Not covered: secrets inside files of another name; scripts without an ending.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from yunque.code.languages import language_of
from yunque.data.collect import readable_text
from yunque.data.sources import git

_BUILT = frozenset(
    (
        "node_modules",
        "bower_components",
        "__pycache__",
        "site-packages",
        "venv",
        "env",
        "build",
        "dist",
        "target",
        "out",
        "vendor",
    )
)
_SECRET = re.compile(
    r"[.]env(?:[.].*)?|.*[.](?:env|pem|key|p12|pfx|jks|keystore|kdbx|asc|gpg|ppk|tfvars)"
    r"|[.](?:npmrc|pypirc|netrc|pgpass|flaskenv)|id_(?:rsa|dsa|ecdsa|ed25519).*"
    r"|[._-]?(?:credentials?|secrets?|passwords?|htpasswd)(?:[.](?:ya?ml|json|toml|ini|cfg|conf|txt|sh|sql|enc).*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """By what a file is known to have changed."""

    size_bytes: int
    modified_ns: int
    changed_ns: int
    """Also by what is done to its permissions."""
    inode: int
    """Editors that write a new file and rename it change this, however fast they are."""


def stamps(root: Path, most_files: int, most_file_bytes: int) -> tuple[dict[str, Stamp], Counter[str]]:
    """The files to read, by their POSIX paths in the workspace, and how many were left out for which reason."""
    left_out: Counter[str] = Counter()
    stamps: dict[str, Stamp] = {}
    real_root = os.path.realpath(root)
    inside: dict[str, bool] = {"": True}
    for path in sorted(_listed(root)):
        folder = path.rpartition("/")[0]
        if folder not in inside:
            inside[folder] = os.path.realpath(root / folder) == os.path.join(real_root, folder)
        reason, stamp = _look(root / path, most_file_bytes) if inside[folder] else ("folder", None)
        if stamp is not None and len(stamps) >= most_files:
            reason, stamp = "too many", None
        if stamp is None:
            left_out[reason] += 1
        else:
            stamps[path] = stamp
    return stamps, left_out


def read(root: Path, path: str) -> tuple[str, str, str]:
    """Language and text of a file, with line feeds as line breaks, and no reason; or the reason why there is none."""
    try:
        data = (root / path).read_bytes()
    except OSError as error:
        return "", "", _reason(error)
    known = readable_text(path, data)
    if known is None or known[0] == "text":
        return "", "", "no text"
    language, text = known
    return language, text.replace("\r\n", "\n").replace("\r", "\n"), ""


def _listed(root: Path) -> Iterator[str]:
    """Paths of code that git does not ignore, or without git of all code outside of the folders that builds fill."""
    known = _known_to_git(root)
    for path in _walked(root) if known is None else known:
        *folders, name = path.split("/")
        if not any(folder.startswith(".") for folder in folders) and _is_code(name):
            yield path


def _is_code(name: str) -> bool:
    """Whether a name is that of code, or of a secret (which is counted); ``text`` is prose and settings."""
    return _SECRET.fullmatch(name) is not None or language_of(name, b"") not in ("", "text")


def _known_to_git(root: Path) -> set[str] | None:
    """What git lists of the folder, which may lie inside a repository; None where there is no git or no repository."""
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
    if top is None:
        return None
    below = os.path.relpath(root, top)
    try:
        listed = git.ask(top, "ls-files", "-coz", "--exclude-standard", "--", below)
    except git.GitError:
        return None
    prefix = "" if below == "." else below.replace(os.sep, "/") + "/"
    paths = (os.fsdecode(path) for path in listed.split(b"\0") if path)
    known = {path.removeprefix(prefix) for path in paths if path.startswith(prefix)}
    return known if known or top == root else None  # a repository around that ignores the folder says nothing about it


def _walked(root: Path) -> Iterator[str]:
    for here, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _BUILT]
        prefix = "" if here == str(root) else os.path.relpath(here, root).replace(os.sep, "/") + "/"
        yield from (prefix + name for name in names)


def _look(full: Path, most_file_bytes: int) -> tuple[str, Stamp | None]:
    """A reason to leave a file out, or its stamp."""
    if _SECRET.fullmatch(full.name):
        return "secret", None
    try:
        status = os.lstat(full)
    except OSError as error:
        return _reason(error), None
    if stat.S_ISLNK(status.st_mode):
        return "link", None
    if not stat.S_ISREG(status.st_mode):
        return "unreadable", None
    if status.st_size > most_file_bytes:
        return "too large", None
    return "", Stamp(
        size_bytes=status.st_size, modified_ns=status.st_mtime_ns, changed_ns=status.st_ctime_ns, inode=status.st_ino
    )


def _reason(error: OSError) -> str:
    return "vanished" if isinstance(error, FileNotFoundError | NotADirectoryError) else "unreadable"
