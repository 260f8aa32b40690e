"""The ledger of events: written once, read by reports and exports, erased when somebody says so.

    add       idempotent by the event's id, at most at the level that the person agreed to, in one transaction
    consent   who agreed to what; nobody, until they say so
    erase     everything of a person, with a receipt
    prune     what is older than it may be kept

Covered: SQLite (one file) and PostgreSQL by URL; several servers on one database; a process or a database that is killed:
what `add` returned is there, and what it did not may be sent again.
Not covered: backups, whose keeper must erase, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from yunque.core.errors import FeedbackError
from yunque.feedback.events import SURVIVAL_S, Event, Level, Reaction
from yunque.feedback.tables import ERASURES, EVENTS, EXPORTS, PEOPLE, migrate

BUSY_S = 20
"""How long a SQLite file may be written by somebody else, and a database may take to answer."""
INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
JSON_FIELDS = ("settings", "verdicts")


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody, and what they agreed to."""

    name: str
    level: Level
    group: str
    changed_at: float
    """Seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What became of one completion, of all its events."""

    completion_id: str
    person: str
    group: str
    model: str
    language: str
    at_s: float
    """Seconds since 1970, of its first event."""
    reactions: frozenset[Reaction]
    chars: int
    """0 where only counts are kept, as of all lengths and times."""
    kept_chars: int
    """Taken: all of it, or a part."""
    latency_ms: float
    survived: Mapping[int, int]
    """Seconds since it was taken -> characters that are still there."""

    @property
    def is_taken(self) -> bool:
        """Whether all of it or a part was taken."""
        return bool(self.reactions & {Reaction.ACCEPTED, Reaction.PARTLY_ACCEPTED})


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """The proof of what was erased."""

    id: str
    erased_at: float
    person_sha256: str
    """Of the name, which is not kept."""
    num_events: int
    reactions: Mapping[str, int]
    first_at: float | None
    last_at: float | None
    events_sha256: str
    """Of the sorted ids of the events, a line each."""
    exports: Sequence[str]
    """Ids of the artifacts that hold some of them."""


class Ledger:
    """A database of events. FeedbackError for whatever a user can fix: a URL, rights, a server that does not answer."""

    def __init__(self, url: str) -> None:
        """``url``: a path of an SQLite file, or ``sqlite:///…``, or ``postgresql://…``."""
        if "://" not in url:
            url = f"sqlite:///{Path(url).expanduser().absolute()}"
        try:
            parsed = sa.make_url(url)
            self.where = parsed.render_as_string(hide_password=True)
            if (kind := parsed.get_backend_name()) not in INSERT:
                raise FeedbackError(f"cannot be a {kind} database", where=self.where, do="use sqlite or postgresql")
            options: dict[str, Any] = {"timeout": BUSY_S} if kind == "sqlite" else {"connect_timeout": BUSY_S}
            self._engine = sa.create_engine(parsed, connect_args=options, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ValueError) as error:
            raise FeedbackError(f"is no URL of a database ({error})", where="events") from None
        except ImportError as error:
            raise FeedbackError(f"needs {error.name}", where=self.where, do="pip install 'yunque[postgres]'") from None
        self._insert = INSERT[kind]
        if kind == "sqlite":
            self._make_private(Path(parsed.database or ""))
            _set_up_sqlite(self._engine)
        try:
            with self._writing() as connection:
                migrate(connection)
        except FeedbackError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()

    def _make_private(self, path: Path) -> None:
        """A file that its owner alone reads; SQLite gives its journals the same rights."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise FeedbackError(f"cannot be opened ({error.strerror})", where=self.where) from None

    # ----------------------------------------------------------------------------------------------------------- consent
    def consent(self, person: str) -> Level:
        """What somebody agreed to; OFF of whoever never said."""
        with self._reading() as connection:
            level = connection.execute(sa.select(PEOPLE.c.level).where(PEOPLE.c.name == person)).scalar()
        return Level(level or 0)

    def agree(self, person: str, level: Level) -> None:
        """Write down what somebody agrees to from now on."""
        self._set_person(person, level=int(level))

    def put_in_group(self, person: str, group: str) -> None:
        """Write down the group in which somebody is counted."""
        self._set_person(person, user_group=group)

    def people(self) -> list[Person]:
        """Everybody who ever said something, by name."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(PEOPLE).order_by(PEOPLE.c.name)).all()
        return [
            Person(name=row.name, level=Level(row.level), group=row.user_group, changed_at=row.changed_at) for row in rows
        ]

    def _set_person(self, person: str, **values: Any) -> None:
        values |= {"changed_at": time.time()}
        new = {"name": person, "level": 0, "user_group": ""} | values
        with self._writing() as connection:
            connection.execute(self._insert(PEOPLE).values(new).on_conflict_do_update(index_elements=["name"], set_=values))

    # ------------------------------------------------------------------------------------------------------------ writing
    def add(self, events: Sequence[Event], person: str, most: Level) -> tuple[int, Level]:
        """How many events were new, and the level at which they were kept: the person's, at most ``most``."""
        with self._writing() as connection:
            # Held until the end: a consent that is taken back, or an erasure, comes before the events or behind them.
            query = sa.select(PEOPLE.c.level).where(PEOPLE.c.name == person).with_for_update(read=True)
            level = min(Level(connection.execute(query).scalar() or 0), most)
            if level is Level.OFF or not events:
                return 0, level
            rows = [_row(event.at_level(level), person, level) for event in events]
            statement = self._insert(EVENTS).values(rows).on_conflict_do_nothing(index_elements=["id"])
            return len(connection.execute(statement.returning(EVENTS.c.id)).all()), level

    def prune(self, before: float) -> int:
        """Delete the events of before a time (seconds since 1970); returns their number."""
        with self._writing() as connection:
            return connection.execute(sa.delete(EVENTS).where(EVENTS.c.happened_at < before)).rowcount

    def erase(self, person: str) -> Erasure:
        """Delete every event of somebody and their consent; the receipt is kept. `forget_deleted` clears the files."""
        with self._writing() as connection:
            connection.execute(sa.select(PEOPLE.c.name).where(PEOPLE.c.name == person).with_for_update())
            query = sa.select(EVENTS.c.id, EVENTS.c.reaction, EVENTS.c.happened_at).where(EVENTS.c.person == person)
            rows = connection.execute(query).all()
            of_person = sa.select(EXPORTS.c.artifact_id).where(EXPORTS.c.person == person)
            exports: list[str] = sorted(connection.execute(of_person).scalars())
            times = [row.happened_at for row in rows]
            ids = "".join(f"{item}\n" for item in sorted(row.id for row in rows))
            erasure = Erasure(
                id=uuid.uuid4().hex, erased_at=time.time(), person_sha256=_sha256(person), num_events=len(rows),
                reactions=dict(Counter(row.reaction for row in rows)), first_at=min(times, default=None),
                last_at=max(times, default=None), events_sha256=_sha256(ids), exports=exports,
            )  # fmt: skip
            connection.execute(sa.delete(EVENTS).where(EVENTS.c.person == person))
            connection.execute(sa.delete(EXPORTS).where(EXPORTS.c.person == person))
            connection.execute(sa.delete(PEOPLE).where(PEOPLE.c.name == person))
            receipt = {"id": erasure.id, "erased_at": erasure.erased_at, "receipt": json.dumps(asdict(erasure))}
            connection.execute(sa.insert(ERASURES).values(receipt))
        return erasure

    def erasures(self) -> list[Erasure]:
        """The receipts, oldest first."""
        with self._reading() as connection:
            texts: list[str] = list(
                connection.execute(sa.select(ERASURES.c.receipt).order_by(ERASURES.c.erased_at)).scalars()
            )
        return [Erasure(**json.loads(text)) for text in texts]

    def erasures_of(self, person: str) -> list[Erasure]:
        """The receipts of somebody, whose name must be known for that."""
        return [erasure for erasure in self.erasures() if erasure.person_sha256 == _sha256(person)]

    def forget_deleted(self) -> None:
        """Leave nothing of deleted rows in the files of the database. FeedbackError while somebody still reads them."""
        with self._errors(), contextlib.closing(self._engine.raw_connection()) as connection:
            is_sqlite = self._engine.dialect.name == "sqlite"
            if is_sqlite:
                statements = ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"]
            else:
                connection.driver_connection.autocommit = True  # type: ignore[union-attr]  # psycopg's; it is reset below
                statements = [f"VACUUM {table}" for table in ("events", "people", "exports")]
            try:
                for statement in statements:
                    cursor = connection.cursor()
                    cursor.execute(statement)
                    if statement.startswith("PRAGMA") and (row := cursor.fetchone()) and row[0]:
                        do = "run it again when reports and exports have ended"
                        raise FeedbackError("deleted, but somebody still reads what was there", do=do)
            finally:
                connection.invalidate()

    # ------------------------------------------------------------------------------------------------------------ reading
    def completions(self, since: float = 0.0, until: float = 1e11) -> Iterator[Shown]:
        """What became of each completion of which something happened in that time (seconds since 1970), oldest first."""
        own = EVENTS.c

        def most(column: sa.Column, *when: sa.ColumnElement[bool]) -> sa.ColumnElement:
            return sa.func.max(sa.case((sa.and_(*when), column), else_=-1)) if when else sa.func.max(column)

        survived = [most(own.kept_chars, own.reaction == Reaction.SURVIVED, own.after_s == after) for after in SURVIVAL_S]
        taken = own.reaction.in_((Reaction.ACCEPTED, Reaction.PARTLY_ACCEPTED))
        reactions = [most(own.level, own.reaction == reaction) for reaction in Reaction]
        group = sa.func.max(sa.func.coalesce(PEOPLE.c.user_group, ""))
        query = (
            sa.select(
                own.completion_id, sa.func.max(own.person), group, sa.func.max(own.model), sa.func.max(own.language),
                sa.func.min(own.happened_at), most(own.chars), most(own.kept_chars, taken), most(own.latency_ms),
                *reactions, *survived,
            )
            .select_from(EVENTS.outerjoin(PEOPLE, PEOPLE.c.name == own.person))
            .where(own.happened_at >= since, own.happened_at < until)
            .group_by(own.completion_id)
            .order_by(sa.func.min(own.happened_at), own.completion_id)
        )  # fmt: skip
        for row in self._stream(query):
            names, (chars, kept, latency_ms, *rest) = row[:6], row[6:]
            happened, survivals = rest[: len(Reaction)], rest[len(Reaction) :]
            yield Shown(
                completion_id=names[0], person=names[1], group=names[2], model=names[3], language=names[4], at_s=names[5],
                reactions=frozenset(item for item, level in zip(Reaction, happened, strict=True) if level >= 0),
                chars=chars, kept_chars=max(0, kept), latency_ms=latency_ms,
                survived={after: chars for after, chars in zip(SURVIVAL_S, survivals, strict=True) if chars >= 0},
            )  # fmt: skip

    def texts(self, since: float = 0.0, until: float = 1e11) -> Iterator[tuple[str, dict[str, Any]]]:
        """(Person, event with its texts) of everybody who agrees to it now, in the order in which they were written.

        The texts of a completion come with one of its events at least, and are given with all.
        """
        own = EVENTS.c
        names = ("path", "prompt", "completion", "suffix")
        with_text = sa.and_(own.level == int(Level.TEXT), own.completion != "")
        first = sa.select(sa.func.min(own.number).label("number")).where(with_text).group_by(own.completion_id).subquery()
        merged = EVENTS.alias("merged")
        plain = (own.person, own.completion_id, own.reaction, own.language, own.final_text, own.model, own.happened_at)
        query = (
            sa.select(*plain, own.verdicts, own.gate_score, *(merged.c[name] for name in names))
            .select_from(EVENTS)
            .join(merged, merged.c.completion_id == own.completion_id)
            .join(first, first.c.number == merged.c.number)
            .join(PEOPLE, PEOPLE.c.name == own.person)
            .where(own.level == int(Level.TEXT), PEOPLE.c.level == int(Level.TEXT))
            .where(own.happened_at >= since, own.happened_at < until)
            .order_by(own.number)
        )
        for row in self._stream(query):
            values = dict(row._mapping)
            yield values.pop("person"), values | {"verdicts": json.loads(values["verdicts"]), "consent": True}

    def note_export(self, artifact_id: str, num_events: Mapping[str, int]) -> None:
        """Write down whose events an artifact holds, so that an erasure can say so; before the artifact is there.

        FeedbackError where somebody has taken their consent back meanwhile: the artifact must not come to be.
        """
        now = time.time()
        rows = [
            {"artifact_id": artifact_id, "person": person, "num_events": number, "made_at": now}
            for person, number in num_events.items()
        ]
        if rows:
            with self._writing() as connection:
                agree = sa.select(PEOPLE.c.name).where(PEOPLE.c.level == int(Level.TEXT)).with_for_update(read=True)
                if not num_events.keys() <= set(connection.execute(agree).scalars()):
                    raise FeedbackError("somebody took their consent back meanwhile", do="export again")
                connection.execute(self._insert(EXPORTS).values(rows).on_conflict_do_nothing())

    def num_events(self) -> int:
        """How many there are."""
        with self._reading() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(EVENTS)).scalar() or 0

    def _stream(self, query: sa.Select) -> Iterator[sa.Row]:
        with self._reading() as connection:
            yield from connection.execution_options(yield_per=1000).execute(query)

    # -------------------------------------------------------------------------------------------------------- connections
    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._errors(), self._engine.execution_options(writes=True).begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._errors(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except FeedbackError as error:
            raise FeedbackError(error.what, where=self.where, do=error.do) from None
        except DBAPIError as error:
            first = str(error.orig).strip().splitlines()[:1]
            raise FeedbackError(f"does not answer ({''.join(first)})", where=self.where) from None
        except SQLAlchemyError as error:
            raise FeedbackError(f"does not answer ({type(error).__name__})", where=self.where) from None


def _set_up_sqlite(engine: sa.Engine) -> None:
    """Readers beside one writer, every commit on disk, nothing left of what is deleted."""

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        for setting in ("synchronous=FULL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {setting}")
        for _ in range(10 * BUSY_S):  # SQLite does not wait by itself while another one changes it
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA journal_mode=WAL")
                return
            time.sleep(0.1)

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        # A transaction that begins with reading could not go on to write beside another that has written.
        is_writing = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _row(event: Event, person: str, level: Level) -> dict[str, Any]:
    values = event.model_dump() | {"person": person, "level": int(level), "reaction": event.reaction.value}
    for name in JSON_FIELDS:
        values[name] = json.dumps(values[name], sort_keys=True)
    # PostgreSQL knows no zero byte.
    return {name: value.replace("\0", "\ufffd") if isinstance(value, str) else value for name, value in values.items()}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
