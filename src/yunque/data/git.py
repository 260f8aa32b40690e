"""Ask the git executable about a repository nobody trusts, so that nothing of that repository runs.

Hooks, fsmonitor, filters, textconv, transports and prompts are off: only commands are used that never look at them
(``ls-files``, ``ls-tree``, ``rev-parse``), and they are switched off as well. ``git status`` and ``git diff`` are never
called, because both may run a filter named in the repository's own configuration.

Not covered: the user's own and the machine's git configuration is trusted; a clone of a URL needs its credentials.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from yunque.core.errors import SourceError

_OFF = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.untrackedCache=false", "protocol.ext.allow=never")
_OFF_LOCAL = ("protocol.allow=never",)  # a partial clone would fetch what it misses, by a program of its own choice
_OFF_REMOTE = ("http.lowSpeedLimit=1000", "http.lowSpeedTime=60", "submodule.recurse=false")
_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
_FOREIGN += ("GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_EXTERNAL_DIFF", "GIT_PREFIX")
LOCAL_TIMEOUT_S, REMOTE_TIMEOUT_S = 120, 3600


class GitError(Exception):
    """Git is missing, or said no; the text is its last line."""


def is_url(spec: str) -> bool:
    """Whether a text is the address of a repository: ``https://…``, ``ssh://…``, ``file://…``, ``git@host:path``."""
    return bool(re.match(r"(git\+)?(https?|ssh|git|file)://\S|[\w.-]+@[\w.-]+:(?!//)\S", spec))


def without_secret(url: str) -> str:
    """The URL without user and password, fit for a manifest and for an error; ``git@`` stays."""
    return re.sub(r"^((?:git\+)?[a-z]+://)(?!git@)[^/@]*@", r"\1", url)


def tracked(root: Path) -> list[str] | None:
    """Paths of the working tree that git does not ignore; None when ``root`` is not the top of a usable repository.

    Git is missing, the repository belongs to somebody else, or its configuration points elsewhere: all of them give None.
    """
    try:
        top = os.fsdecode(_git(root, "rev-parse", "--show-toplevel").removesuffix(b"\n"))
        if os.path.realpath(top) != os.path.realpath(root):
            return None
        listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    except GitError:
        return None
    return sorted({os.fsdecode(path).rstrip("/") for path in listed.split(b"\0") if path})


def head(root: Path) -> str:
    """The commit that is checked out; empty before the first commit."""
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip()
    except GitError:
        return ""


def committed(root: Path, commit: str) -> dict[str, str]:
    """The blob id of every file of a commit, by path; empty when its trees are not all here."""
    try:
        listed = _git(root, "ls-tree", "-r", "-z", "--full-tree", commit)
    except GitError:
        return {}
    rows = (row.split(b"\t", 1) for row in listed.split(b"\0") if row)
    return {os.fsdecode(path): told.split()[2].decode() for told, path in rows if told.split()[1] == b"blob"}


def is_bare(folder: Path) -> bool:
    """Whether a folder looks like a bare repository."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def remote_head(url: str) -> str:
    """The commit that the default branch of a repository points to. SourceError when it cannot be asked."""
    told = _remote(url, "ls-remote", "--quiet", "--", url, "HEAD").decode()
    if not told.strip():
        raise SourceError("the repository has no commits", where=without_secret(url))
    return told.split()[0]


def clone(url: str, folder: Path) -> None:
    """Check out the newest commit of the default branch into ``folder``. SourceError when that fails."""
    flags = ("--quiet", "--depth=1", "--single-branch", "--no-tags", "--no-local", "--no-recurse-submodules", "--template=")
    _remote(url, "clone", *flags, "--", url, str(folder))


def _git(root: Path, *arguments: str) -> bytes:
    return _run(["-C", str(root), *_settings(_OFF + _OFF_LOCAL), *arguments], LOCAL_TIMEOUT_S)


def _remote(url: str, *arguments: str) -> bytes:
    try:
        return _run([*_settings(_OFF + _OFF_REMOTE), *arguments], REMOTE_TIMEOUT_S)
    except GitError as error:
        told = str(error).replace(url, without_secret(url))
        do = "check the address, your access and the network"
        raise SourceError(f"the repository cannot be fetched ({told})", where=without_secret(url), do=do) from None


def _settings(settings: tuple[str, ...]) -> list[str]:
    return [part for setting in settings for part in ("-c", setting)]


def _run(arguments: list[str], timeout_s: int) -> bytes:
    """Standard output of git, in an environment in which it cannot ask, page, lock, or look at another repository."""
    env = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    env.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    env |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GIT_PAGER": "cat", "LC_ALL": "C"}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_LFS_SKIP_SMUDGE": "1"}
    try:
        done = subprocess.run(
            ["git", *arguments], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
        )
    except FileNotFoundError:
        raise GitError("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"no answer in {timeout_s} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        fatal = [line for line in lines if line.startswith("fatal:")]
        raise GitError((fatal or lines or [f"exit code {done.returncode}"])[0].removeprefix("fatal: "))
    return done.stdout
