"""Which posts of a dump become a question and its answer, and why each of the others does not.

An answer may lie any distance from its question, on either side of it, so what may still become a pair goes into an SQLite
file in the temporary folder: every question that is wanted, and of its answers only the best so far. Memory stays flat; the
file grows to about a third of the XML. (A second pass over the XML needs no bodies on disk, but has to unpack a .7z twice.)

Not covered: comments, edits and votes; what a question that was closed is worth.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from yunque.core.nouns import Dropped
from yunque.data.licences.file_licences import UNKNOWN
from yunque.data.streams.xml_dumps import Row

QUESTION, ANSWER = "1", "2"
TAGS: dict[str, str] = {
    **{f"python{ending}": "python" for ending in ("", "-3.x", "-2.7", "-asyncio", "-requests")},
    **dict.fromkeys(
        ("pandas", "numpy", "django", "flask", "matplotlib", "scikit-learn", "pytorch", "fastapi", "pytest"), "python"
    ),
    **dict.fromkeys(("javascript", "jquery", "node.js", "reactjs", "vue.js", "express", "ecmascript-6"), "javascript"),
    **dict.fromkeys(("typescript", "angular"), "typescript"),
    **dict.fromkeys(("java", "spring", "spring-boot", "hibernate", "java-8"), "java"),
    **dict.fromkeys(("c", "c99", "c11"), "c"),
    **dict.fromkeys(("c++", "c++11", "c++14", "c++17", "c++20", "stl", "qt"), "cpp"),
    **dict.fromkeys(("go", "goroutine"), "go"),
    **dict.fromkeys(("rust", "rust-cargo"), "rust"),
    **dict.fromkeys(("php", "laravel", "symfony"), "php"),
    **dict.fromkeys(("ruby", "ruby-on-rails"), "ruby"),
    **dict.fromkeys(("bash", "shell", "sh", "zsh"), "shell"),
    **dict.fromkeys(("solidity", "ethereum-solidity"), "solidity"),
}
"""Tag -> language."""
LICENCES = {f"CC BY-SA {version}": f"CC-BY-SA-{version}" for version in ("2.5", "3.0", "4.0")}
_WIDER = {frozenset(("c", "cpp")): "cpp", frozenset(("javascript", "typescript")): "typescript"}
"""Of two languages, the one in which the other can be written, more or less."""


class AnswerRule(StrEnum):
    """Which answer a question is paired with."""

    ACCEPTED = "accepted"
    """The accepted one alone."""
    ACCEPTED_OR_BEST = "accepted-or-best"
    """The accepted one; the best-scored where none is accepted, or the accepted one is not in the dump or scored too low."""
    BEST = "best"
    """The best-scored, accepted or not; of equal ones the accepted."""


@dataclass(frozen=True, kw_only=True)
class PostRules:
    """Which posts become pairs. Lengths are in characters."""

    answer: AnswerRule = AnswerRule.ACCEPTED_OR_BEST
    min_question_score: int = 0
    min_accepted_score: int = 0
    min_best_score: int = 1
    """Of an answer that nobody accepted."""
    languages: tuple[str, ...] = ()
    """Languages to keep; empty for all that the table of tags knows."""
    keep_prose: bool = False
    """Whether the answer is learned with its prose."""
    min_code_chars: int = 8
    max_prompt_chars: int = 12_000
    max_answer_chars: int = 12_000
    max_total_bytes: int = 1 << 40
    """Of XML that is read, unpacked."""
    max_scratch_bytes: int = 256 << 30
    """Of the temporary file."""

    @property
    def identity(self) -> dict:
        """What decides the pairs, as plain values."""
        facts = asdict(self) | {"answer": str(self.answer), "languages": sorted(self.languages)}
        return {name: value for name, value in facts.items() if not name.endswith("_bytes")}


@dataclass(frozen=True, kw_only=True)
class Post:
    """A question or an answer."""

    id: int
    parent: int
    """The question, of an answer; 0 for a question."""
    accepted: int
    """The accepted answer, of a question; 0 for none."""
    score: int
    languages: tuple[str, ...]
    """What the tags of a question say."""
    title: str
    author: str
    """A name where the row has one, else the number of the account."""
    licence: str
    body: str
    """HTML."""

    @property
    def path(self) -> str:
        """Its place on the site: ``questions/1``, and ``questions/1/#2`` for an answer."""
        return f"questions/{self.parent}/#{self.id}" if self.parent else f"questions/{self.id}"

    def dropped(self, reason: str, detail: str = "") -> Dropped:
        """It, left out."""
        return Dropped(path=self.path, reason=reason, detail=detail, size_bytes=len(self.body.encode()))


@contextmanager
def sort_posts(rules: PostRules, tags: dict[str, str]) -> Iterator[PostSorting]:
    """An empty sorting; its temporary file is gone afterwards, however it ends."""
    with (
        tempfile.TemporaryDirectory(prefix="yunque-posts-") as folder,
        closing(sqlite3.connect(Path(folder) / "posts.sqlite", isolation_level=None)) as database,
    ):
        for setting in (
            "journal_mode=OFF",
            "synchronous=OFF",
            "locking_mode=EXCLUSIVE",
            "cache_size=-16000",
            "page_size=4096",
        ):
            database.execute(f"PRAGMA {setting}")
        database.execute(f"PRAGMA max_page_count={max(16, rules.max_scratch_bytes // 4096)}")
        database.execute("CREATE TABLE seen (id INTEGER PRIMARY KEY, refused INTEGER)")
        texts = ", ".join(f"{name} TEXT" for name in ("languages", "title", "author", "licence"))
        columns = f"parent INTEGER, accepted INTEGER, score INTEGER, {texts}, body BLOB"
        for table in ("questions", "early"):
            database.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {columns})")
        database.execute(
            f"CREATE TABLE answers (id INTEGER, {columns.replace('parent INTEGER', 'parent INTEGER PRIMARY KEY')})"
        )
        database.execute("BEGIN")
        yield PostSorting(database, rules, tags)


class PostSorting:
    """Rows on their way to pairs. ``take`` every row, ``settle`` once, then ask for the ``pairs``."""

    def __init__(self, database: sqlite3.Connection, rules: PostRules, tags: dict[str, str]) -> None:
        self.database, self.rules, self.tags = database, rules, tags

    def take(self, row: Row) -> Iterator[Dropped]:
        """Keep a row for later, or say why not; also says which answer it displaces."""
        values = row.values
        kind = values.get("PostTypeId", "").strip()
        if kind and kind not in (QUESTION, ANSWER):
            yield _of_row(values, "other post type", f"PostTypeId {kind}")
            return
        given = {name: _number(values.get(name, "0")) for name in ("Id", "ParentId", "AcceptedAnswerId", "Score")}
        numbers = {name: number for name, number in given.items() if number is not None}
        wanted = ("Id", "PostTypeId", "Body", "ParentId" if kind == ANSWER else "Title")
        missing = [name for name in wanted if not values.get(name, "").strip()]
        missing += [name for name in given if name not in numbers]
        if missing:
            yield _of_row(values, "incomplete row", f"no usable {', '.join(missing)}")
            return
        names = [name for name in re.split(r"[<>|]+", values.get("Tags", "").lower()) if name] if kind == QUESTION else []
        post = Post(
            id=numbers["Id"],
            parent=numbers["ParentId"] if kind == ANSWER else 0,
            accepted=numbers["AcceptedAnswerId"] if kind == QUESTION else 0,
            score=numbers["Score"],
            languages=_languages(names, self.tags),
            title=" ".join(values.get("Title", "").split()),
            author=_author(values),
            licence=LICENCES.get(" ".join(values.get("ContentLicense", "").split()), UNKNOWN),
            body=values["Body"],
        )
        if self._refused(post.id) is not None:
            yield post.dropped("duplicate", "a post of that number stands before it")
            return
        why = ("deleted",) if values.get("DeletionDate") else self._unwanted(post, names) if kind == QUESTION else ()
        self.database.execute("INSERT INTO seen VALUES (?, ?)", (post.id, bool(why)))
        if why:
            yield post.dropped(*why)
        elif kind == QUESTION:
            self._store("questions", post)
        elif (result := self._accepted(post.parent)) is not None:
            yield from self._compete(post, result)
        elif self._refused(post.parent):
            yield post.dropped("question dropped")
        else:  # its question may still come
            self._store("early", post)

    def settle(self) -> Iterator[Dropped]:
        """Answers that came before their question compete, now that all questions are known."""
        for post in self._posts("SELECT * FROM early ORDER BY id"):
            if (result := self._accepted(post.parent)) is not None:
                yield from self._compete(post, result)
            elif self._refused(post.parent):
                yield post.dropped("question dropped")
            else:
                yield post.dropped("no question", f"question {post.parent} is not in the dump")

    def pairs(self) -> Iterator[tuple[Post, Post | None]]:
        """Every question that is left, with its answer, by number."""
        for question in self._posts("SELECT * FROM questions ORDER BY id"):
            yield question, self._answer(question.id)

    def _unwanted(self, question: Post, names: list[str]) -> tuple[str, str] | tuple[()]:
        """Why a question is not wanted, as (reason, detail)."""
        if not question.languages:
            return "no language", f"tags: {', '.join(names)[:200]}" if names else "no tags"
        if self.rules.languages and not set(question.languages) & set(self.rules.languages):
            return "language", f"is {', '.join(question.languages)}"
        if question.score < self.rules.min_question_score:
            return "low score", f"{question.score}, under {self.rules.min_question_score}"
        return ()

    def _compete(self, post: Post, accepted: int) -> Iterator[Dropped]:
        """The answer takes the place of the one that is there, or not."""
        is_accepted = post.id == accepted
        least = self.rules.min_accepted_score if is_accepted else self.rules.min_best_score
        if self.rules.answer is AnswerRule.ACCEPTED and not is_accepted:
            yield post.dropped("not chosen", "is not the accepted answer")
            return
        if post.score < least:
            yield post.dropped("low score", f"{post.score}, under {least}")
            return
        there = self._answer(post.parent)
        if there is not None:
            worse, better = sorted((post, there), key=lambda item: self._rank(item, accepted))
            yield worse.dropped("not chosen", f"answer {better.id} is taken")
            if worse is post:
                return
        self._store("answers", post)

    def _rank(self, post: Post, accepted: int) -> tuple[int, int, int]:
        """The best answer has the highest; of equal ones the earlier post."""
        is_accepted = int(post.id == accepted)
        by_rule = (post.score, is_accepted) if self.rules.answer is AnswerRule.BEST else (is_accepted, post.score)
        return (*by_rule, -post.id)

    # ------------------------------------------------------------------------------------------------------ the database
    def _refused(self, number: int) -> bool | None:
        """Whether a post of that number was refused; None when none has been seen."""
        result = self.database.execute("SELECT refused FROM seen WHERE id = ?", (number,)).fetchone()
        return None if result is None else bool(result[0])

    def _accepted(self, number: int) -> int | None:
        """The accepted answer of a question that is wanted; None when there is no such question."""
        result = self.database.execute("SELECT accepted FROM questions WHERE id = ?", (number,)).fetchone()
        return None if result is None else result[0]

    def _answer(self, question: int) -> Post | None:
        columns = "id, parent, accepted, score, languages, title, author, licence, body"
        return next(self._posts(f"SELECT {columns} FROM answers WHERE parent = {question:d}"), None)

    def _store(self, table: str, post: Post) -> None:
        values = {**vars(post), "languages": " ".join(post.languages), "body": zlib.compress(post.body.encode(), 1)}
        places = ", ".join(f":{name}" for name in values)
        self.database.execute(f"INSERT OR REPLACE INTO {table} ({', '.join(values)}) VALUES ({places})", values)

    def _posts(self, query: str) -> Iterator[Post]:
        rows = self.database.execute(query)
        while row := rows.fetchone():
            number, parent, accepted, score, languages, title, author, licence, body = row
            yield Post(
                id=number, parent=parent, accepted=accepted, score=score, languages=tuple(languages.split()), title=title,
                author=author, licence=licence, body=zlib.decompress(body).decode(),
            )  # fmt: skip


def _languages(names: list[str], tags: dict[str, str]) -> tuple[str, ...]:
    """The languages of a question's tags, one where one of two holds the other."""
    result = tuple(dict.fromkeys(tags[name] for name in names if name in tags))
    wider = _WIDER.get(frozenset(result))
    return (wider,) if wider else result


def _author(values: dict[str, str]) -> str:
    name, number = (" ".join(values.get(key, "").split())[:100] for key in ("OwnerDisplayName", "OwnerUserId"))
    return name or (f"user {number}" if number else "a user whose account was removed")


def _number(text: str) -> int | None:
    """A whole number that SQLite can hold, or None."""
    return int(text) if re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text) else None


def _of_row(values: dict[str, str], reason: str, detail: str) -> Dropped:
    size = len(values.get("Body", "").encode())
    return Dropped(path=f"posts/{values.get('Id', '?')[:20]}", reason=reason, detail=detail[:200], size_bytes=size)
