"""Which commits are worth learning from, and what their messages say: every rule has a name, which is the reason of a drop.

    merge  first commit  bot  revert  unfinished                           by the commit itself
    short message  long message  few words  reference only  version bump   by what is left of its message
    no files  too many files  generated files  no code                     by the files that it changes

A message is judged, and learned, without trailers, mail addresses and the number of a pull request (`clean_message`).

Not covered: whether a message is true; bots that call themselves like people.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from yunque.checks.quality.file_kinds import GENERATED_FILES, MINIFIED_FILES, VENDOR_FOLDERS
from yunque.code.languages import PARSED, language_of
from yunque.core.nouns import PairKind
from yunque.data.sources.git_objects import Commit, FileChange

BOTS = (
    *("[bot]", "dependabot", "renovate", "greenkeeper", "pyup-bot", "snyk-bot", "pre-commit-ci", "github-actions"),
    *("semantic-release", "allcontributors", "weblate", "imgbot", "mergify", "copybara", "travis-ci", "circleci"),
)
LOCK_FILES = (
    *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lockb", "poetry.lock", "pdm.lock"),
    *(
        "uv.lock",
        "pipfile.lock",
        "cargo.lock",
        "composer.lock",
        "gemfile.lock",
        "go.sum",
        "flake.lock",
        "packages.lock.json",
    ),
)
MAX_RAW_CHARS = 20_000
"""A longer message is not looked at: it is a log."""


@dataclass(frozen=True, kw_only=True)
class CommitRules:
    """Which commits are taken. Lengths are in characters of the message that is left."""

    min_message_chars: int = 11
    max_message_chars: int = 999
    min_words: int = 3
    max_files: int = 10
    """Changed files of any kind."""
    bots: tuple[str, ...] = BOTS
    """Parts of an author's name or address, in lower case."""
    lock_files: tuple[str, ...] = LOCK_FILES
    """Names, in lower case."""
    languages: tuple[str, ...] = ()
    """Languages to learn; empty for all that have a parser here."""


@dataclass(frozen=True, kw_only=True)
class HistoryRules(CommitRules):
    """Which commits, files and functions become pairs."""

    kinds: tuple[PairKind, ...] = (PairKind.EDIT, PairKind.FIX, PairKind.REFACTOR)
    revision: str = "HEAD"
    """The newest commit."""
    max_commits: int = 0
    """The newest that are looked at; 0 for all."""
    max_code_files: int = 3
    """Files of code of one commit: of more, the message says too little of each."""
    max_file_bytes: int = 400_000
    context_lines: int = 10
    """Lines kept on each side of what an EDIT changes."""
    min_tokens: int = 8
    """Of the code before and after. A token is a word or a sign here; a model's own are about as many."""
    max_before_tokens: int = 768
    max_after_tokens: int = 768
    max_functions: int = 2
    """Functions that a FIX may change."""
    max_test_chars: int = 1_500
    """A longer test is not shown with a FIX."""
    comments_only: bool = False
    """Whether a change of comments and docstrings alone is learned."""


@dataclass(frozen=True)
class Unfit(Exception):
    """Ends the questions for a commit or a file: the rule that it breaks, and how."""

    reason: str
    detail: str = ""


_BOT = re.compile(r"(?:^|[\s._+-])bot(?:$|[\s<@._+-])")
_REVERT = re.compile(r"(?:revert|reapply)\b", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"\W{0,3}(?:wip\b|work[ -]in[ -]progress|fixup!|squash!|amend!|drop!|do not merge|don'?t merge|checkpoint\b|te?mp\b)",
    re.I,
)
_TRAILER = re.compile(
    r"^[ \t]*(?:[A-Za-z]{2,20}(?:-[A-Za-z]{2,20}){1,3}-by|cc|change-id|reviewed-on|auto-submit|commit-queue|git-svn-id"
    r"|differential revision|gitorigin-revid|cr-commit-position|cherry-picked-from|bot-commit|piperorigin-revid)[ \t]*:"
    r"[^\n]*$|^[ \t]*\(cherry picked from commit [0-9a-f]{7,64}\)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_MAIL = re.compile(r"<?\b[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,6}>?")
_PULL_REQUEST = re.compile(r"(?<!\s)\s*+\((?:#|gh-|!)\d+\)$", re.IGNORECASE)
_REFERENCE = re.compile(
    r"https?://\S+|(?:[\w.-]{1,60}/[\w.-]{1,60})?#\d+|\b[A-Z][A-Z0-9]{1,9}-\d+\b|\b[0-9a-f]{7,40}\b"
    r"|\b(?:fix(?:es|ed)?|close[sd]?|resolve[sd]?|see|refs?|issues?|bugs?|tickets?|gh|pr|pull request|and|for|of|in)\b",
    re.IGNORECASE,
)
_BUMP = re.compile(
    r"(?:\w{1,12}(?:\([^)]{0,30}\))?:\s*)?(?:(?:bump|release|releasing|tag)\b.{0,60}?|(?:prepare|set|update|upgrade|increment)\b"
    r".{0,30}?\b(?:version|release)\b.{0,20}?)?\W*(?:version\s*)?\bv?\d+(?:\.\d+)+[\w.+-]*\W*"
    r"|(?:\w{1,12}:\s*)?(?:bump|increment|update)\s+(?:the\s+)?version(?:\s+number)?\W*",
    re.IGNORECASE,
)
_WORD = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]|[^\\W\\d_]+")
FIXES = re.compile(
    r"\b(?:fix(?:e[sd]|ing)?|(?:bug|hot)[ -]?fix(?:e[sd])?|mend(?:s|ed|ing)?|repair(?:s|ed)?|correct(?:s|ed|ing)?)\b", re.I
)
"""What a message says of a mended mistake …"""
FIXES_NO_CODE = re.compile(
    r"\b(?:typos?|spelling|lint\w*|format\w*|style|white ?space|docs?|documentation|comments?|docstrings?|flake8|pylint"
    r"|eslint|warnings?|annotations?|type hints?|indent\w*|imports?)\b",
    re.IGNORECASE,
)
"""… unless it speaks of this."""
REFACTORS = re.compile(
    r"\b(?:refactor|simplif|extract|tidy|restructur|reorgani[sz]|rewrit|streamlin|de-?duplicat|clean(?:s|ed|ing)?[ -]?up)",
    re.I,
)


def clean_message(message: str) -> str:
    """A message without trailers, mail addresses and the pull request that its subject ends with."""
    text = _MAIL.sub("", _TRAILER.sub("", message.replace("\r\n", "\n").replace("\0", "")))
    lines = [line.rstrip() for line in text.strip().split("\n")]
    lines[0] = _PULL_REQUEST.sub("", lines[0])
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def judge_commit(commit: Commit, rules: CommitRules) -> str:
    """The message that is left of a fit commit. Raises `Unfit` with the first rule that it breaks."""
    if len(commit.parents) != 1:
        raise Unfit("merge", f"{len(commit.parents)} parents") if commit.parents else Unfit("first commit")
    author = commit.author.casefold()
    if result := next((bot for bot in rules.bots if bot in author), "") or (_BOT.search(author) and "bot"):
        raise Unfit("bot", f"its author is called '{result}'")
    if len(commit.message) > MAX_RAW_CHARS:
        raise Unfit("long message", f"{len(commit.message)} characters")
    message = clean_message(commit.message)
    if _REVERT.match(message) or "This reverts commit " in message:
        raise Unfit("revert")
    if _UNFINISHED.match(message):
        raise Unfit("unfinished", message[:40].split("\n")[0])
    judge_message(message, rules)
    return message


def judge_message(message: str, rules: CommitRules) -> None:
    """Nothing for a message that says enough; `Unfit` for any other."""
    subject = message.split("\n", 1)[0]
    if not re.search(r"[^\W\d_]", _REFERENCE.sub("", message)):
        raise Unfit("reference only", subject[:80])
    if _BUMP.fullmatch(subject[:200]):
        raise Unfit("version bump", subject[:80])
    if len(message) < rules.min_message_chars:
        raise Unfit("short message", f"{len(message)} characters, under {rules.min_message_chars}")
    if len(message) > rules.max_message_chars:
        raise Unfit("long message", f"{len(message)} characters, over {rules.max_message_chars}")
    if (words := len(_WORD.findall(message))) < rules.min_words:
        raise Unfit("few words", f"{words}, under {rules.min_words}")


def judge_files(changes: Sequence[FileChange], rules: CommitRules) -> list[FileChange]:
    """The files of code among those that a commit changed. Raises `Unfit` when it is not about code."""
    if not changes:
        raise Unfit("no files")
    if len(changes) > rules.max_files:
        raise Unfit("too many files", f"{len(changes)}, over {rules.max_files}")
    written = [change for change in changes if not is_foreign(change.path, rules)]
    if not written:
        raise Unfit("generated files", changes[0].path[:200])
    wanted = rules.languages or tuple(PARSED)
    code = [change for change in written if language_of(change.path, b"") in wanted]
    if not code:
        endings = sorted({PurePosixPath(change.path).suffix or change.path.rpartition("/")[2] for change in written})
        raise Unfit("no code", ", ".join(endings)[:200])
    return code


def is_foreign(path: str, rules: CommitRules) -> bool:
    """Whether nobody here wrote a file, by its place and name: generated, minified, vendored, locked."""
    *folders, name = path.casefold().split("/")
    return name in rules.lock_files or bool(_FOREIGN.fullmatch(name)) or not _VENDORED.isdisjoint(folders)


_VENDORED = frozenset(VENDOR_FOLDERS)
_FOREIGN = re.compile(
    "|".join(re.escape(glob.casefold()).replace(r"\*", ".*") for glob in (*GENERATED_FILES, *MINIFIED_FILES)) + r"|.*\.map",
    re.DOTALL,
)


def says_fix(message: str) -> bool:
    """Whether a message says that a mistake in code was mended."""
    return bool(FIXES.search(message)) and not FIXES_NO_CODE.search(message.split("\n", 1)[0])


def says_refactoring(message: str) -> bool:
    """Whether a message says that code was written anew and does the same."""
    return bool(REFACTORS.search(message)) and not FIXES.search(message)
