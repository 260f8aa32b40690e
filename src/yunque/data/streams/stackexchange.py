"""A dump of a Stack Exchange site to pairs: a question -> the code of its answer, with the author and licence of both.

    Posts.xml            or a folder that holds it, or a .7z that does (needs ``py7zr``; read as it unpacks)

    Record               the question as it reads: title, prose and fenced code (language ``markdown``)
    Record               the answer's code, in the language of the question's tags; or all of the answer with ``keep_prose``
    Pair                 QUESTION: the text of the first -> the text of the second
    Dropped              every other row, with its reason

Rows in = records + dropped out, and there are two records to a pair. A record's origin has the post's own licence
(``ContentLicense``), its path on the site, and its author with that path: CC BY-SA asks that both authors are named.

Reasons: ``other post type``, ``broken row``, ``encoding``, ``too large``, ``cut short`` (the file), ``incomplete row``,
``duplicate``, ``deleted``, ``no language``, ``language`` (not asked for), ``ambiguous language``, ``low score``,
``no answer``, ``no question``, ``question dropped``, ``not chosen``, ``no code``, ``too short``, ``too long``.

Not covered: comments, edits, votes; names of people with an account (in ``Users.xml``), who are named by its number.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, Origin, Pair, PairKind, Record, content_id
from yunque.data.pairs.natural_language import natural_language
from yunque.data.sources.snapshots import shown
from yunque.data.streams.html import Text, read_html
from yunque.data.streams.posts import TAGS, Post, PostRules, sort_posts
from yunque.data.streams.xml_dumps import read_rows

POSTS = "Posts.xml"
_SITE_LANGUAGES = ("es", "ja", "pt", "ru")
_NOT_CODE = frozenset(("none", "json", "xml", "yaml"))


class StackExchange:
    """The posts of a dump (seam `Stream`)."""

    records_teach = True

    def __init__(self, path: Path, rules: PostRules = PostRules(), tags: dict[str, str] = TAGS) -> None:
        path = Path(path)
        self.path, self.rules, self.tags = path / POSTS if path.is_dir() else path, rules, tags
        if not self.path.is_file():
            do = f"name a {POSTS}, the folder that holds it, or the .7z of a site"
            raise SourceError("no such file", where=shown(str(self.path)), do=do)
        site = self.path.name if self.path.suffix == ".7z" else self.path.resolve().parent.name
        self.name = re.sub(r"(-Posts)?\.7z$", "", shown(site)) or "stackexchange"
        self.counts: Counter[str] = Counter()
        """Of the last `read`: ``rows``, ``pairs``, and ``cleaned``, rows without the characters that XML does not allow."""

    @cached_property
    def identity(self) -> dict:
        """The SHA-256 of the dump, the rules and the tags; reads the file once, unpacks nothing."""
        try:
            with open(self.path, "rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise SourceError(f"cannot be read ({error.strerror})", where=self.path) from error
        tags = content_id(*(part for item in sorted(self.tags.items()) for part in item))
        return {"kind": "stackexchange", "name": self.name, "sha256": sha256, "tags": tags, "rules": self.rules.identity}

    def read(self) -> Iterator[Record | Pair | Dropped]:
        """What is dropped while the dump is read; then, by number of the question, two records and their pair."""
        self.counts.clear()
        revision, now = self.identity["sha256"][:16], datetime.now(UTC).isoformat(timespec="seconds")
        try:
            with sort_posts(self.rules, self.tags) as sorting:
                for row in read_rows(self.path, POSTS, self.rules.max_total_bytes):
                    self.counts["rows"] += 1
                    if isinstance(row, Dropped):
                        yield row
                    else:
                        self.counts["cleaned"] += row.cleaned
                        yield from sorting.take(row)
                if not self.counts["rows"]:
                    raise SourceError("there is no <row> in it", where=self.path, do=f"name the {POSTS} of a dump")
                yield from sorting.settle()
                for question, answer in sorting.pairs():
                    yield from self._join(question, answer, revision, now)
        except sqlite3.Error as error:
            do = f"make room in the temporary folder ($TMPDIR), or raise max_scratch_bytes ({self.rules.max_scratch_bytes})"
            raise SourceError(f"the temporary database failed ({error})", where=self.path, do=do) from error

    def _join(self, question: Post, answer: Post | None, revision: str, now: str) -> Iterator[Record | Pair | Dropped]:
        """Two records and their pair, or why there is none."""
        if answer is None:
            yield question.dropped("no answer")
            return
        asked, details = read_html(question.body), read_html(answer.body)
        language, code, why = self._code(question, details)
        prompt = f"{question.title}\n\n{asked.text}".strip() + "\n"
        text = (details.text if self.rules.keep_prose else code) + "\n"
        if not why and (len(prompt) > self.rules.max_prompt_chars or len(text) > self.rules.max_answer_chars):
            why = ("too long", f"{len(prompt)} characters in the question, {len(text)} in the answer")
        if why:
            yield from (question.dropped(*why), answer.dropped(*why))
            return
        asked_record = self._record(question, prompt, "markdown", revision, now)
        answer_record = self._record(answer, text, "markdown" if self.rules.keep_prose else language, revision, now)
        self.counts["pairs"] += 1
        yield from (asked_record, answer_record)
        yield Pair(
            id=content_id(PairKind.QUESTION, asked_record.id, answer_record.id),
            kind=PairKind.QUESTION,
            prompt=prompt,
            answer=text,
            span_bytes=(0, len(text.encode())),
            language=language,
            natural_language=self._natural_language(f"{question.title}\n{asked.prose}"),
            origin_ids=(answer_record.id, asked_record.id),
        )

    def _code(self, question: Post, text: Text) -> tuple[str, str, tuple[str, str] | tuple[()]]:
        """Language and code of an answer, and why it is of no use, if so: (reason, detail)."""
        blocks = [block for block in text.blocks if not block.quoted and block.language not in _NOT_CODE]
        languages = list(question.languages)
        if len(languages) > 1:
            hinted = {block.language for block in blocks} & set(languages)
            if len(hinted) != 1:
                return "", "", ("ambiguous language", f"its tags say {', '.join(languages)}")
            languages = list(hinted)
        if self.rules.languages and languages[0] not in self.rules.languages:
            return "", "", ("language", f"is {languages[0]}")
        code = "\n\n".join(block.code for block in blocks if block.language in ("", languages[0]))
        if not code:
            others = sorted({block.language for block in text.blocks} - {"", languages[0]})
            return "", "", ("no code", f"only {', '.join(others)}" if others else "no block of code in the answer")
        if len(code) < self.rules.min_code_chars:
            return "", "", ("too short", f"{len(code)} characters of code")
        return languages[0], code, ()

    def _record(self, post: Post, text: str, language: str, revision: str, now: str) -> Record:
        origin = Origin(
            source=self.name, path=post.path, revision=revision, licence=post.licence, collected_at=now,
            author=f"{post.author} ({post.path})",
        )  # fmt: skip
        return Record(id=content_id(post.path, text), text=text, language=language, origin=origin)

    def _natural_language(self, prose: str) -> str:
        """Of the prose; where that cannot be told, the site's own (``ru.stackoverflow.com``)."""
        site, result = self.name.partition(".")[0], natural_language(prose)
        return site if result == "und" and site in _SITE_LANGUAGES else result
