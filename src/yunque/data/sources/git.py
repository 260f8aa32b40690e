"""Ask the git executable about a repository nobody trusts, so that nothing of that repository runs.

Hooks, fsmonitor, filters, textconv, transports and prompts are off: only commands are used that never look at them
(``ls-files``, ``ls-tree``, ``rev-parse``, ``rev-list``, ``cat-file``, ``diff-tree``), and they are switched off as well.
``git status``, ``diff``, ``log`` and ``checkout`` are never called, because they may run a program named in the
repository's own configuration. Replaced objects, grafts and commit graphs, which tell another history, are not believed.

Not covered: the user's own and the machine's git configuration is trusted; a fetch of a URL needs its credentials.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from datetime import date
from pathlib import Path
from urllib.parse import unquote

from yunque.core.errors import SourceError

_OFF: tuple[str, ...] = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.untrackedCache=false", "protocol.ext.allow=never",
    "core.commitGraph=false", "core.bigFileThreshold=16m", "gc.auto=0", "maintenance.auto=false",
)  # fmt: skip
_OFF_LOCAL = ("protocol.allow=never",)  # a partial clone would fetch what it misses, by a program of its own choice
_OFF_REMOTE = ("http.lowSpeedLimit=1000", "http.lowSpeedTime=60", "submodule.recurse=false")
_FOREIGN: tuple[str, ...] = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_EXTERNAL_DIFF", "GIT_PREFIX",
    "GIT_SHALLOW_FILE", "GIT_REPLACE_REF_BASE", "GIT_DIFF_OPTS", "GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS",
)  # fmt: skip
LOCAL_TIMEOUT_S, REMOTE_TIMEOUT_S = 120, 3600
_FULL_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
FETCHED = "refs/yunque/fetched"


class GitError(Exception):
    """Git is missing, or said no; the text is its last line."""


def is_url(spec: str) -> bool:
    """Whether a text is the address of a repository: ``https://…``, ``ssh://…``, ``file://…``, ``git@host:path``."""
    return bool(re.match(r"(git\+)?(https?|ssh|git|file)://\S|[\w.-]+@[\w.-]+:(?!//)\S", spec))


def split_url(spec: str) -> tuple[str, str]:
    """URL and revision (or nothing) of ``URL@REVISION``. The URL of a folder that is there keeps its ``@``."""
    authority = re.match(r"[a-z]+://[^/]*/|[^/]*?:", spec)
    position = spec.rfind("@", authority.end() if authority else 0)
    if position < 0 or spec[position - 1] in "/:" or position + 1 == len(spec):
        return spec, ""
    if spec.startswith("file://") and os.path.exists(unquote(spec.removeprefix("file://"))):
        return spec, ""
    return spec[:position], spec[position + 1 :]


def without_secret(url: str) -> str:
    """The URL without user and password, fit for a manifest and for an error; ``git@`` stays."""
    return re.sub(r"^((?:git\+)?[a-z]+://)(?!git@)[^/@]*@", r"\1", url)


def tracked(root: Path) -> list[str] | None:
    """Paths of the working tree that git does not ignore; None when ``root`` is not the top of a usable repository.

    Git is missing, the repository belongs to somebody else, or its configuration points elsewhere: all of them give None.
    """
    try:
        top = os.fsdecode(ask(root, "rev-parse", "--show-toplevel").removesuffix(b"\n"))
        if os.path.realpath(top) != os.path.realpath(root):
            return None
        listed = ask(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    except GitError:
        return None
    return sorted({os.fsdecode(path).rstrip("/") for path in listed.split(b"\0") if path})


def head(root: Path) -> str:
    """The commit that is checked out; empty before the first commit."""
    return resolve(root, "HEAD")


def committed(root: Path, commit: str) -> dict[str, str]:
    """The blob id of every file of a commit, by path; empty when its trees are not all here."""
    try:
        listed = ask(root, "ls-tree", "-r", "-z", "--full-tree", commit)
    except GitError:
        return {}
    rows = (row.split(b"\t", 1) for row in listed.split(b"\0") if row)
    return {os.fsdecode(path): text.split()[2].decode() for text, path in rows if text.split()[1] == b"blob"}


def is_bare(folder: Path) -> bool:
    """Whether a folder looks like a bare repository."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def is_revision(text: str) -> bool:
    """Whether a text can name a revision, and is not an option of git's."""
    return bool(re.fullmatch(r"[^\s\0-][^\s\0]*", text))


def resolve(root: Path, revision: str) -> str:
    """The commit that a revision of a local repository names (branch, tag, commit, ``HEAD~3``); empty when there is none."""
    if not is_revision(revision):
        return ""
    try:
        return ask(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
    except GitError:
        return ""


def commit_before(root: Path, revision: str, day: date) -> str:
    """The commit that a branch was at when a day began (UTC, by the committer's clock). SourceError when it had none yet."""
    if commit := resolve(root, revision):
        with contextlib.suppress(GitError):  # what came before is not all here
            before = f"--before={day.isoformat()}T00:00:00Z"
            if newest := ask(root, "rev-list", "--max-count=1", "--first-parent", before, commit).decode().strip():
                return newest
    raise SourceError(f"has no commit from before {day.isoformat()}", where=root, do="choose a later day")


def remote_commit(url: str, revision: str = "") -> tuple[str, str]:
    """The commit that a revision (or the default branch) of a repository somewhere names, and the ref that says so, if one.

    SourceError when it cannot be asked, or has no such branch, tag or commit.
    """
    where = without_secret(url)
    wanted = [f"refs/tags/{revision}", f"refs/heads/{revision}", revision] if revision else ["HEAD"]
    if revision and (not is_revision(revision) or re.search(r"[*?\[\\^~:]|\.\.|@\{", revision)):
        do = "name a branch, a tag, or a whole commit"
        raise SourceError(f"'{revision}' cannot be asked of a repository elsewhere", where=where, do=do)
    text = _remote(url, "ls-remote", "--quiet", "--", url, *wanted, *(f"{item}^{{}}" for item in wanted if revision))
    lines = (line.partition("\t") for line in text.decode("utf-8", "replace").splitlines())
    refs = {ref: commit for commit, tab, ref in lines if tab}
    for ref in wanted:
        if commit := refs.get(f"{ref}^{{}}") or refs.get(ref):
            return commit, ref
    if _FULL_ID.fullmatch(revision):
        return revision, ""
    if not revision:
        raise SourceError("the repository has no commits", where=where)
    do = "name a branch, a tag, or a commit by all of its 40 digits"
    raise SourceError(f"has no branch or tag '{revision}'", where=where, do=do)


def fetch(url: str, commit: str, ref: str, folder: Path) -> None:
    """Bring one commit, without what came before, into the new bare repository ``folder``, as `FETCHED`. Or SourceError."""
    flags = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-auto-gc", "--no-write-fetch-head")
    _remote(url, "init", "--quiet", "--bare", "--template=", "--", str(folder))
    into = ("-C", str(folder), "fetch", *flags, "--", url)
    try:
        _remote(url, *into, f"+{commit}:{FETCHED}")
    except SourceError:
        if not ref:
            raise
        _remote(url, *into, f"+{ref}:{FETCHED}")  # a server that gives away only what has a name


def start(root: Path, *arguments: str) -> subprocess.Popen:
    """A git process that is talked to through its pipes. GitError when git is missing."""
    command = ["git", "-C", str(root), *_settings(_OFF + _OFF_LOCAL), *arguments]
    env = _env(root) | {"GIT_INDEX_FILE": "/nonexistent/index"}  # a damaged one would end even what does not need it
    try:
        return subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
    except FileNotFoundError:
        raise GitError("git is not installed") from None


def ask(root: Path, *arguments: str) -> bytes:
    """What git answers about a local repository; only for commands that run nothing of it. Raises GitError."""
    return _run(["-C", str(root), *_settings(_OFF + _OFF_LOCAL), *arguments], LOCAL_TIMEOUT_S, _env(root))


def _remote(url: str, *arguments: str) -> bytes:
    try:
        return _run([*_settings(_OFF + _OFF_REMOTE), *arguments], REMOTE_TIMEOUT_S, _env())
    except GitError as error:
        details = str(error).replace(url, without_secret(url))
        do = "check the address, your access and the network"
        raise SourceError(f"the repository cannot be fetched ({details})", where=without_secret(url), do=do) from None


def _settings(settings: tuple[str, ...]) -> list[str]:
    return [part for setting in settings for part in ("-c", setting)]


def _env(root: Path | None = None) -> dict[str, str]:
    """An environment in which git cannot ask, page, lock, or look at another repository."""
    env = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    env.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    env |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GIT_PAGER": "cat", "LC_ALL": "C"}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_LFS_SKIP_SMUDGE": "1"}
    env |= {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull}
    if root is not None:  # or git would take the repository that a folder merely lies in
        env["GIT_CEILING_DIRECTORIES"] = os.path.dirname(os.path.realpath(root))
    return env


def _run(arguments: list[str], timeout_s: int, env: dict[str, str]) -> bytes:
    """Standard output of git. Raises GitError."""
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
