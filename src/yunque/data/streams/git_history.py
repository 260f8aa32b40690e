"""The history of a git repository to pairs: what a commit says and the code before -> the code after.

    Record     the whole file after the commit, the one before it, and that of a test that is shown: so what is asked is
               screened as what is answered
    Pair       EDIT, of each file of code that the commit changed: the message, and the lines around all that it changed ->
               those lines after
    Pair       FIX, of each function where nothing but one or two functions of the file changed, and the commit changed tests
               as well or says that it fixes something: message, function before, one of those tests -> function after
    Pair       REFACTOR, of one function, without tests, when the message says so: message, function before -> function after
    Dropped    every other commit, and every other file of a commit that gives pairs

A prompt is what an editor's user would write: the instruction in plain words, the name of the file, the code in a fenced
block. The answer is the code alone, which an editor can put in its place. ``span_bytes`` is None, and ``origin_ids`` are the
records after and before, and of a test that is shown. Every commit is in a pair or in one ``Dropped``, whose path is its id;
a file's is ``ID/PATH``.

Reasons, beside those of `commits`: ``damaged``, ``shallow`` (the parent is not here), ``no file before``, ``removed``,
``link``, ``mode only``, ``too large``, ``binary``, ``encoding``, ``generated``, ``white space only``, ``comments only``,
``too short``, ``too long``, and ``benchmark …``.

Not covered: merges; edits spread over several commits; a licence that changed (the one that the newest commit tells covers
all); authors, who are not named.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from yunque.checks.quality.file_kinds import Generated, Minified
from yunque.code.changes import (
    NotFunctionsError,
    changed_functions,
    changed_lines,
    same_but_comments,
    same_but_space,
    span_of,
)
from yunque.code.functions import functions, is_test_path
from yunque.code.languages import CODE_ENDINGS, language_of
from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, Origin, Outcome, Pair, PairKind, Record, content_id
from yunque.data.licences.file_licences import UNKNOWN, LicenceMap
from yunque.data.pairs.natural_language import natural_language
from yunque.data.sources import git
from yunque.data.sources.git_objects import FILE, PROGRAM, Commit, FileChange, Repository, TooLargeError
from yunque.data.sources.snapshots import TreeLimits, TreeWriter, shown
from yunque.data.streams.commits import HistoryRules, Unfit, judge_commit, judge_files, says_fix, says_refactoring
from yunque.store.benchmarks.recognise import benchmark_of

MISSING = "000000"
_LICENCE = re.compile(
    r"(?is).*licen[cs]e.*|.*\.(?:gemspec|pom)|(?:.*/)?(?:copying.*|copyright.*|notice.*|pkg-info|metadata|pyproject\.toml"
    r"|setup\.cfg|package\.json|cargo\.toml|composer\.json|pom\.xml)"
)
_TOKEN = re.compile(r"\w+|[^\w\s]")


class History:
    """The past of a repository on this machine (seam `Stream`)."""

    records_teach = False  # they are versions of the same files: each commit's pair says what it taught

    def __init__(self, root: Path, rules: HistoryRules = HistoryRules()) -> None:
        self.root, self.rules = Path(root), rules
        where, do = shown(str(root)), "name the top folder of a git repository on this machine"
        if not self.root.is_dir():
            raise SourceError("no such folder", where=where, do=do)
        try:
            git.ask(self.root, "rev-parse", "--git-dir")
        except git.GitError as error:
            raise SourceError(f"has no git history that can be read ({error})", where=where, do=do) from None
        self.name = shown(self.root.resolve().name).removesuffix(".git") or "root"
        self.counts: Counter[str] = Counter()
        """Of the last `read`: ``commits``, ``commits paired``, ``commits dropped``, ``files dropped``, ``pairs``."""

    @cached_property
    def identity(self) -> dict:
        """The newest commit and the rules. SourceError when there is none."""
        if not (commit := git.resolve(self.root, self.rules.revision)):
            do = "name a repository with a history" if self.rules.revision == "HEAD" else "see `git log --all`"
            raise SourceError(f"has no commit '{shown(self.rules.revision)}'", where=shown(str(self.root)), do=do)
        return {"kind": "history", "name": self.name, "commit": commit, "rules": asdict(self.rules)}

    def as_of(self, day: date) -> History:
        """What came before a day."""
        commit = git.commit_before(self.root, self.rules.revision, day)
        return History(self.root, replace(self.rules, revision=commit))

    def read(self) -> Iterator[Record | Pair | Dropped]:
        """Of each commit, the newest first: its dropped files, then records and pairs; or why there are none."""
        self.counts.clear()
        head = self.identity["commit"]
        with Repository(self.root) as repository:
            reader = _Reader(self.name, repository, self.rules, _licences(repository, head))
            flags = [f"--max-count={self.rules.max_commits}"] if self.rules.max_commits else []
            try:
                for commit in repository.commit_ids(head, *flags):
                    yield from self._counted(reader.read(commit))
            except git.GitError as error:
                yield Dropped(path="history", reason="damaged", detail=str(error))

    def _counted(self, items: Iterator[Record | Pair | Dropped]) -> Iterator[Record | Pair | Dropped]:
        pairs = 0
        for item in items:
            pairs += isinstance(item, Pair)
            if isinstance(item, Dropped):
                self.counts["files dropped" if "/" in item.path else "commits dropped"] += 1
            yield item
        self.counts["commits"] += 1
        self.counts["pairs"] += pairs
        self.counts["commits paired"] += pairs > 0


@dataclass(frozen=True, kw_only=True)
class _Edit:
    """One file that a commit changed, and its two records."""

    before: Record
    after: Record

    @property
    def language(self) -> str:
        return self.after.language


class _Reader:
    """Asks every question about one commit after another."""

    def __init__(self, name: str, repository: Repository, rules: HistoryRules, licences: LicenceMap | None) -> None:
        self.name, self.repository, self.rules, self.licences = name, repository, rules, licences
        self.now = datetime.now(UTC).isoformat(timespec="seconds")
        self.checks = (Generated(), Minified())
        self._parent: Commit | None = None  # mostly the next one that is asked for
        self._reported: set[int] = set()

    def read(self, name: str) -> Iterator[Record | Pair | Dropped]:
        """All that one commit gives."""
        dropped: list[Dropped] = []
        try:
            commit, message, code = self._commit(name)
            edits = []
            for change in code:
                try:
                    edits.append(self._edit(commit, change))
                except Unfit as unfit:
                    path = f"{name[:12]}/{shown(change.path)}"
                    dropped.append(Dropped(path=path, reason=unfit.reason, detail=unfit.detail))
            made, tests = [], self._tests(commit, code, edits)
            for edit in edits:
                pairs, why = self._pairs(edit, message, tests)
                made.append((edit, pairs))
                if why:
                    path = f"{name[:12]}/{edit.after.origin.path}"
                    dropped.append(Dropped(path=path, reason=why.reason, detail=why.detail))
            if not any(pairs for _, pairs in made):
                first = dropped[0]
                raise Unfit(first.reason, f"{first.path.partition('/')[2]} {first.detail}".strip()[:200])
        except Unfit as unfit:
            yield Dropped(path=name[:12], reason=unfit.reason, detail=unfit.detail)
            return
        yield from dropped
        records = [item for edit, _ in made for item in (edit.after, edit.before)] + [record for _, record in tests]
        by_id = {record.id: record for record in records}
        for pair in (pair for _, pairs in made for pair in pairs):
            for name in pair.origin_ids:
                if (key := int(name, 16)) not in self._reported:
                    self._reported.add(key)
                    yield by_id[name]
            yield pair

    def _commit(self, name: str) -> tuple[Commit, str, list[FileChange]]:
        """A fit commit, its message, and the files of code that it changed."""
        try:
            here = self._parent if self._parent and self._parent.id == name else self.repository.commit(name)
        except git.GitError as error:
            raise Unfit("damaged", str(error)) from None
        message = judge_commit(here, self.rules)
        try:
            self._parent = self.repository.commit(here.parents[0])
        except git.GitError as error:
            if self.repository.is_shallow:
                raise Unfit("shallow", "its parent is not here; run `git fetch --unshallow`") from None
            raise Unfit("damaged", str(error)) from None
        try:
            changes = self.repository.changes(self._parent.tree, here.tree)
        except TooLargeError as error:
            raise Unfit("too many files", f"their list has more than {error.size} bytes") from None
        except git.GitError as error:
            raise Unfit("damaged", str(error)) from None
        code = judge_files(changes, self.rules)
        if len(code) > self.rules.max_code_files:
            raise Unfit("too many files", f"{len(code)} of code, over {self.rules.max_code_files}")
        return here, message, code

    def _tests(self, commit: Commit, code: list[FileChange], edits: list[_Edit]) -> list[tuple[str, Record]]:
        """Text before (or nothing) and record after of the test files that a commit changed or added."""
        tests = [(edit.before.text, edit.after) for edit in edits if is_test_path(edit.after.origin.path)]
        for change in code:
            if change.modes[0] == MISSING and change.modes[1] in (FILE, PROGRAM) and is_test_path(change.path):
                with contextlib.suppress(Unfit):
                    tests.append(("", self._record(change, 1, commit.id)))
        return tests

    def _edit(self, commit: Commit, change: FileChange) -> _Edit:
        """The records of a file before and after."""
        if MISSING in change.modes:
            raise Unfit("no file before" if change.modes[0] == MISSING else "removed")
        if set(change.modes) - {FILE, PROGRAM}:
            raise Unfit("link")
        if change.blobs[0] == change.blobs[1]:
            raise Unfit("mode only")
        if shown(change.path) != change.path:
            raise Unfit("encoding", "the file's name is not UTF-8")
        before = self._record(change, 0, commit.parents[0])
        after = self._record(change, 1, commit.id)
        for check in self.checks:
            verdict = check.judge(after)
            if verdict.outcome is Outcome.FAIL:
                raise Unfit("generated", verdict.detail[:200])
        return _Edit(before=before, after=after)

    def _record(self, change: FileChange, side: int, revision: str) -> Record:
        try:
            data = self.repository.read(change.blobs[side], max_bytes=self.rules.max_file_bytes)
        except TooLargeError as error:
            raise Unfit("too large", f"{error.size} bytes, over {self.rules.max_file_bytes}") from None
        except git.GitError as error:
            raise Unfit("damaged", str(error)) from None
        if benchmark := benchmark_of(data):
            raise Unfit(benchmark.reason, benchmark.why_not)
        if b"\0" in data:
            raise Unfit("binary", "holds NUL bytes")
        try:
            text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unfit("encoding", f"not UTF-8 at byte {error.start}") from None
        licence = self.licences.licence_of(change.path, text) if self.licences else UNKNOWN
        origin = Origin(source=self.name, path=change.path, revision=revision, licence=licence, collected_at=self.now)
        language = language_of(change.path, data[:8192])
        return Record(id=content_id(change.path, text), text=text, language=language or "unknown", origin=origin)

    def _pairs(self, edit: _Edit, message: str, tests: list[tuple[str, Record]]) -> tuple[list[Pair], Unfit | None]:
        """The pairs of a file; why there is none where the change is none of code."""
        before, after = edit.before.text, edit.after.text
        if same_but_space(before, after, edit.language):
            return [], Unfit("white space only")
        if not self.rules.comments_only and same_but_comments(before, after, edit.language):
            return [], Unfit("comments only")
        pairs, why = [], None
        if PairKind.EDIT in self.rules.kinds:
            try:
                pairs.append(self._edit_pair(edit, message))
            except Unfit as unfit:
                why = unfit
        if not is_test_path(edit.after.origin.path):
            pairs += self._function_pairs(edit, message, tests)
        if not pairs and why is None:
            why = Unfit("no such pair", "it is none of the kinds that are asked for")
        return pairs, None if pairs else why

    def _edit_pair(self, edit: _Edit, message: str) -> Pair:
        before, after = changed_lines(edit.before.text, edit.after.text, self.rules.context_lines)
        self._judge_length(before, after)
        whole = "" if before == edit.before.text else "From "
        prompt = f"{message}\n\n{whole}`{edit.after.origin.path}`:\n\n{fenced(before, edit.language)}"
        return _pair(PairKind.EDIT, edit, prompt, after, message)

    def _function_pairs(self, edit: _Edit, message: str, tests: list[tuple[str, Record]]) -> Iterator[Pair]:
        """FIX or REFACTOR pairs of the functions that changed, if nothing else of the file did."""
        kind = PairKind.FIX if tests or says_fix(message) else PairKind.REFACTOR if says_refactoring(message) else None
        if kind not in self.rules.kinds:
            return
        most = self.rules.max_functions if kind is PairKind.FIX else 1
        try:
            result = changed_functions(edit.before.text, edit.after.text, edit.language, most)
        except NotFunctionsError:
            return
        item, two = edit.before.text.encode(), edit.after.text.encode()
        for old, new in result:
            before, after = item[slice(*span_of(item, old))].decode(), two[slice(*span_of(two, new))].decode()
            try:
                self._judge_length(before, after)
            except Unfit:
                continue
            place = f"`{new.qualified_name}` in `{edit.after.origin.path}`"
            shown_with: tuple[str, ...] = ()
            if kind is PairKind.FIX:
                test, shown_with = self._test_of(new.name, tests)
                asked = f"{message}\n\n{test}Fix {place}:"
            else:
                asked = f"{message}\n\nRefactor {place} without changing what it does:"
            prompt = f"{asked}\n\n{fenced(before + chr(10), edit.language)}"
            yield _pair(kind, edit, prompt, after + "\n", message, new.qualified_name, shown_with)

    def _test_of(self, name: str, tests: list[tuple[str, Record]]) -> tuple[str, tuple[str, ...]]:
        """A test that the same commit wrote or changed and that speaks of a function, to be shown, and its record's id."""
        word = re.compile(rf"\b{re.escape(name)}\b")
        for before, after in tests:
            data = after.text.encode()
            for function in functions(after.text, after.language):
                text = data[slice(*span_of(data, function))].decode()
                if text not in before and len(text) <= self.rules.max_test_chars and word.search(text):
                    return f"This test must pass:\n\n{fenced(text, after.language)}\n", (after.id,)
        return "", ()

    def _judge_length(self, before: str, after: str) -> None:
        sizes = [len(_TOKEN.findall(text)) for text in (before, after)]
        if min(sizes) < self.rules.min_tokens:
            raise Unfit("too short", f"{min(sizes)} tokens, under {self.rules.min_tokens}")
        for size, most in zip(sizes, (self.rules.max_before_tokens, self.rules.max_after_tokens), strict=True):
            if size > most:
                raise Unfit("too long", f"{size} tokens, over {most}")


def _pair(
    kind: PairKind, edit: _Edit, prompt: str, answer: str, message: str, name: str = "", more: tuple[str, ...] = ()
) -> Pair:
    """A pair of an edit; ``name``: of the function; ``more``: ids of further records that it was made from."""
    return Pair(
        id=content_id(kind, edit.after.id, edit.before.id, edit.after.origin.revision, name),
        kind=kind,
        prompt=prompt,
        answer=answer,
        span_bytes=None,
        language=edit.language,
        natural_language=natural_language(message),
        origin_ids=(edit.after.id, edit.before.id, *more),
    )


def fenced(code: str, language: str) -> str:
    """Code as a Markdown block, whose fence is longer than any inside."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code}{'' if code.endswith(chr(10)) else chr(10)}{fence}\n"


def _licences(repository: Repository, head: str) -> LicenceMap | None:
    """What the newest commit says of licences, from those of its files alone that may say it."""
    with tempfile.TemporaryDirectory(prefix="yunque-history-") as folder:
        writer = TreeWriter(Path(folder) / "tree", TreeLimits(max_file_bytes=300_000, max_total_bytes=64 << 20), "history")
        paths = []
        try:
            for path, mode, blob in repository.files(head):
                ending = "." + path.rpartition(".")[2]
                if mode in (FILE, PROGRAM) and _LICENCE.fullmatch(path) and ending not in CODE_ENDINGS:
                    writer.add_file(path, [repository.read(blob, max_bytes=300_000)])
                    paths.append(path)
        except (git.GitError, SourceError):
            return None  # then nothing is said of its licence
        return LicenceMap(writer.tree, paths)
