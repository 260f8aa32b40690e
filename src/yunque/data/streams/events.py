"""What people did with completions, to pairs: text around the cursor -> what they kept. Only with their consent.

    events.jsonl       one `Event` an object a line, in the order in which they happened
    events.sqlite      a table ``events`` with the columns of `Event`, in the order of its rows
    a folder           with an ``events.jsonl``: an artifact of `yunque feedback export`

Of a completion only the last decisive event counts: ``accepted`` makes a pair with the completion, ``edited`` and
``survived`` one with the final text, if it still holds enough of the completion. Everything else is a ``Dropped``:

    broken row       not JSON, no object, or a value of another type than `Event` says
    no consent       this event, or any other of the same completion, was not consented to
    shown, partly accepted, dismissed      no decision, or a decision against it
    superseded       a later event of the same completion decides
    not kept         the final text is blank, or something else altogether
    empty            there is nothing to learn
    too large        longer than the limits

What people wanted and what not is a ``Preference`` beside: accepted, the completion; edited, the final text and not the
completion; dismissed, not the completion.

Rows in = records + dropped. The record is the prompt, what was kept, and the suffix, so the pair's span re-assembles it.
Events wait in an SQLite file in the temporary folder for what comes later, so memory does not grow with their number.

Covered: rows of any order and number, broken rows and files, a consent that is taken back.
Not covered: who somebody was (an event has no name); secrets in the texts, which the checks of records look for.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from yunque.core.errors import SourceError
from yunque.core.nouns import Dropped, Origin, Pair, PairKind, Preference, Record, content_id
from yunque.core.plugins import nearest
from yunque.data.sources.snapshots import shown
from yunque.feedback.events import Reaction
from yunque.store.artifacts import MANIFEST, Store

TABLE = "events"
SQLITE = b"SQLite format 3\0"


FORMAT = 2
"""Of what is made of events; 2: preferences as well."""
DISMISSED = (Reaction.DISMISSED.value, "")
_DECISIVE = frozenset((Reaction.ACCEPTED, Reaction.EDITED, Reaction.SURVIVED, Reaction.DISMISSED))


@dataclass(frozen=True, kw_only=True)
class Event:
    """One reaction to one completion."""

    completion_id: str
    reaction: Reaction
    consent: bool
    """Whether the person agreed that it is learned from; nothing but a true value is consent."""
    prompt: str
    """The text before the cursor."""
    completion: str
    suffix: str = ""
    """The text after the cursor."""
    final_text: str = ""
    """What stands there in the end; of ``edited`` and ``survived``."""
    language: str = "unknown"
    path: str = ""
    """The file, as the editor told it."""


@dataclass(frozen=True, kw_only=True)
class EventRules:
    """Which events become pairs. Lengths are in characters."""

    min_kept: float = 0.5
    """The share of a completion's words and signs that must still stand in the final text."""
    max_answer_chars: int = 3_000
    max_around_chars: int = 8_000
    """Of prompt and suffix together."""
    max_row_bytes: int = 4 << 20
    licence: str = "unknown"
    """Of the code that was being written."""


class Events:
    """The events of a file (seam `Stream`)."""

    records_teach = True

    def __init__(self, path: Path, rules: EventRules = EventRules()) -> None:
        self.path, self.rules, self._artifact = Path(path), rules, ""
        folder = self.path.resolve() if self.path.is_dir() else self.path.resolve().parent
        if (folder / MANIFEST).is_file():
            self._artifact = folder.name
            if why := Store(folder.parents[1]).tainted().get(self._artifact):
                raise SourceError(why, where=shown(str(path)), do="export anew with `yunque feedback export`")
        if self.path.is_dir():
            self.path /= "events.jsonl"
        if not self.path.is_file():
            do = f"name a JSON lines file of events, or an SQLite file with a table {TABLE}"
            raise SourceError("no such file", where=shown(str(path)), do=do)
        self.name = shown(self._artifact or self.path.name)

    @cached_property
    def identity(self) -> dict:
        """The SHA-256 of the file and of an SQLite journal beside it, and the rules. SourceError when it cannot be read."""
        digest = hashlib.sha256()
        try:
            for path in (self.path, *filter(Path.exists, [_journal(self.path)])):
                with open(path, "rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise SourceError(f"cannot be read ({error.strerror})", where=self.path) from error
        sha256 = digest.hexdigest()
        of = {"artifact": self._artifact} if self._artifact else {}
        return {"kind": "events", "format": FORMAT, "name": self.name, "sha256": sha256, "rules": asdict(self.rules)} | of

    def read(self) -> Iterator[Record | Pair | Dropped]:
        """Broken rows as they are met; then, in the order of the rows, a record and its pair, or why there is none."""
        revision, now = self.identity["sha256"][:16], datetime.now(UTC).isoformat(timespec="seconds")
        try:
            with _scratch() as database:
                for number, row in enumerate(self._rows(), start=1):
                    result = _event(row) if isinstance(row, dict) else row
                    if isinstance(result, Event):
                        _keep(database, number, result)
                    else:
                        yield Dropped(path=f"{self.name}#{number}", reason=result[0], detail=result[1])
                for number, event, last, consent in _events(database):
                    why, text = self._judge(event, number == last, consent)
                    if why:
                        place = f"{self.name}#{number}"
                        yield Dropped(path=place, reason=why[0], detail=why[1], size_bytes=len(text.encode()))
                        if why == DISMISSED and self._is_short(event.completion, event):
                            yield _preference(event, "", event.completion, ())
                    else:
                        yield from self._pair(event, text, f"{self.name}#{number}", revision, now)
        except sqlite3.Error as error:
            raise SourceError(f"cannot be read as events ({error})", where=self.path) from error

    def _judge(self, event: Event, is_last: bool, consent: bool) -> tuple[tuple[str, str] | None, str]:
        """Why an event is not learned from, if so, as (reason, detail); and the text that was kept."""
        text = event.completion if event.reaction is Reaction.ACCEPTED else event.final_text
        if not event.consent or not consent:
            return ("no consent", "" if event.consent else "for this event"), text
        if event.reaction not in _DECISIVE:
            return (event.reaction.value, ""), text
        if not is_last:
            return ("superseded", "a later event of the same completion decides"), text
        if event.reaction is Reaction.DISMISSED:
            return DISMISSED, text
        if not text.strip():
            return ("empty" if event.reaction is Reaction.ACCEPTED else "not kept", "nothing stands there"), text
        if not self._is_short(text, event):
            return ("too large", f"{len(text)} characters, {len(event.prompt + event.suffix)} around them"), text
        if event.reaction is not Reaction.ACCEPTED and (kept := _kept(event.completion, text)) < self.rules.min_kept:
            return ("not kept", f"{kept:.2f} of it is left, under {self.rules.min_kept}"), text
        return None, text

    def _is_short(self, text: str, event: Event) -> bool:
        around = len(event.prompt) + len(event.suffix)
        return len(text) <= self.rules.max_answer_chars and around <= self.rules.max_around_chars

    def _pair(self, event: Event, text: str, place: str, revision: str, now: str) -> Iterator[Record | Pair]:
        origin = Origin(
            source=self.name, path=" ".join(event.path.split())[:300] or place, revision=revision, collected_at=now,
            licence=self.rules.licence,
        )  # fmt: skip
        whole = event.prompt + text + event.suffix
        record = Record(id=content_id(place, whole), text=whole, language=event.language, origin=origin)
        start = len(event.prompt.encode())
        yield record
        yield Pair(
            id=content_id(PairKind.FIM, record.id, str(start)),
            kind=PairKind.FIM,
            prompt=event.prompt,
            answer=text,
            suffix=event.suffix,
            span_bytes=(start, start + len(text.encode())),
            language=event.language,
            natural_language="und",
            origin_ids=(record.id,),
        )
        if text == event.completion or self._is_short(event.completion, event):
            yield _preference(event, text, event.completion if text != event.completion else "", (record.id,))

    def _rows(self) -> Iterator[dict | tuple[str, str]]:
        with open(self.path, "rb") as file:
            is_database = file.read(len(SQLITE)) == SQLITE
        yield from _database_rows(self.path) if is_database else _json_rows(self.path, self.rules.max_row_bytes)


def _preference(event: Event, answer: str, rejected: str, origin_ids: tuple[str, ...]) -> Preference:
    because = event.reaction.value if (answer and rejected) or not answer else Reaction.ACCEPTED.value
    return Preference(
        id=content_id("preference", event.completion_id, event.prompt, answer, rejected), kind=PairKind.FIM,
        prompt=event.prompt, answer=answer, suffix=event.suffix, span_bytes=None, language=event.language,
        natural_language="und", origin_ids=origin_ids, rejected=rejected, because=because,
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------- rows
_FIELDS = {field.name: field for field in dataclasses.fields(Event)}
_NEEDED = frozenset(name for name, field in _FIELDS.items() if field.default is dataclasses.MISSING)


def _event(row: dict) -> Event | tuple[str, str]:
    """The event of a row; else (reason, detail). Names that we do not know are left alone."""
    values = {name: row[name] for name in _FIELDS if row.get(name) is not None}
    if missing := sorted(_NEEDED - values.keys()):
        return "broken row", f"no {', '.join(missing)}; {nearest(missing[0], [str(name)[:40] for name in row])}"[:200]
    try:
        values["reaction"] = Reaction(str(values["reaction"]).replace("_", " ").lower())
    except ValueError:
        return "broken row", f"no reaction '{str(values['reaction'])[:40]}'; {nearest(str(values['reaction']), [*Reaction])}"
    values["consent"] = values["consent"] is True
    values["completion_id"] = str(values["completion_id"])
    for name, value in values.items():
        if name != "consent" and not isinstance(value, str):
            return "broken row", f"{name} is {type(value).__name__}, not a text"
    try:
        "".join(value for name, value in values.items() if name != "consent").encode()
    except UnicodeEncodeError:
        return "encoding", "half a surrogate pair"
    return Event(**values)


def _json_rows(path: Path, max_row_bytes: int) -> Iterator[dict | tuple[str, str]]:
    with open(path, "rb") as file:
        while line := file.readline(max_row_bytes + 1):
            if len(line) > max_row_bytes:
                while line and not line.endswith(b"\n"):
                    line = file.readline(1 << 20)
                yield "too large", f"a line of more than {max_row_bytes} bytes"
            elif line.strip():
                try:
                    row = json.loads(line.decode("utf-8-sig"))
                    yield row if isinstance(row, dict) else ("broken row", f"a {type(row).__name__}, not an object")
                except UnicodeDecodeError as error:
                    yield "encoding", f"not UTF-8 at byte {error.start} of the line"
                except (ValueError, RecursionError) as error:
                    yield "broken row", " ".join(str(error).split())[:200]


def _database_rows(path: Path) -> Iterator[dict]:
    """The rows of the table, read only; what is not a text in it becomes a broken row."""
    # without a journal nobody is writing, and nothing needs to be made beside the file
    how = "mode=ro" if _journal(path).exists() else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True)) as database:
        database.execute("PRAGMA trusted_schema=OFF")
        database.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        is_table = database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (TABLE,)).fetchone()
        known = [row[1] for row in database.execute(f"PRAGMA table_info({TABLE})")]
        if not is_table:  # a view could be any query
            raise SourceError(f"there is no table {TABLE} in it", where=path)
        if missing := sorted(_NEEDED - set(known)):
            raise SourceError(f"the table {TABLE} has no column {missing[0]}", where=path, do=nearest(missing[0], known))
        columns = [name for name in _FIELDS if name in known]
        for row in database.execute(f"SELECT {', '.join(columns)} FROM {TABLE} ORDER BY rowid"):
            values = dict(zip(columns, row, strict=True))
            yield values | {"consent": values["consent"] == 1}  # SQLite has no booleans


def _journal(path: Path) -> Path:
    """Where SQLite keeps what is not yet in the file."""
    return path.with_name(path.name + "-wal")


def _kept(completion: str, final: str) -> float:
    """The share of a completion's words and signs that still stand in the final text, in their order."""
    from rapidfuzz.distance import LCSseq

    before, after = (re.findall(r"\w+|[^\w\s]", text) for text in (completion, final))
    return LCSseq.similarity(before, after) / max(1, len(before))


# ---------------------------------------------------------------------------------------------- what waits for later events
@contextmanager
def _scratch() -> Iterator[sqlite3.Connection]:
    with (
        tempfile.TemporaryDirectory(prefix="yunque-events-") as folder,
        closing(sqlite3.connect(Path(folder) / "events.sqlite", isolation_level=None)) as database,
    ):
        for setting in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-16000"):
            database.execute(f"PRAGMA {setting}")
        database.execute("CREATE TABLE completions (id TEXT PRIMARY KEY, last INTEGER, consent INTEGER) WITHOUT ROWID")
        database.execute("CREATE TABLE waiting (number INTEGER PRIMARY KEY, event TEXT)")
        database.execute("BEGIN")
        yield database


def _keep(database: sqlite3.Connection, number: int, event: Event) -> None:
    last = number if event.reaction in _DECISIVE else 0
    database.execute(
        "INSERT INTO completions VALUES (?1, ?2, ?3) "
        "ON CONFLICT (id) DO UPDATE SET last = max(last, ?2), consent = min(consent, ?3)",
        (event.completion_id, last, event.consent),
    )
    database.execute("INSERT INTO waiting VALUES (?, ?)", (number, json.dumps(asdict(event))))


def _events(database: sqlite3.Connection) -> Iterator[tuple[int, Event, int, bool]]:
    """(number, event, number of the last decisive event of its completion, consent to all of them), in order."""
    for number, text in database.execute("SELECT number, event FROM waiting ORDER BY number"):
        values = json.loads(text)
        event = Event(**values | {"reaction": Reaction(values["reaction"])})
        result = database.execute("SELECT last, consent FROM completions WHERE id = ?", (event.completion_id,)).fetchone()
        yield number, event, result[0], bool(result[1])
