"""The tables as they are now, and how a database gets there."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from yunque.core.errors import FeedbackError

METADATA = sa.MetaData()
MIGRATIONS = Path(__file__).with_name("migrations")
ADVISORY_LOCK = 8_765_001
"""By which one process at a time migrates a PostgreSQL database."""

PEOPLE = sa.Table(
    "people",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("level", sa.SmallInteger),
    sa.Column("user_group", sa.Text),
    sa.Column("changed_at", sa.Double),
)
EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text),
    sa.Column("level", sa.SmallInteger),
    sa.Column("person", sa.Text),
    sa.Column("completion_id", sa.Text),
    sa.Column("reaction", sa.Text),
    *(sa.Column(name, sa.Double) for name in ("happened_at", "latency_ms", "gate_score")),
    sa.Column("is_asked", sa.Boolean),
    *(sa.Column(name, sa.Text) for name in ("model", "language", "engine")),
    *(sa.Column(name, sa.Integer) for name in ("after_s", "chars", "lines", "kept_chars", "seen_ms")),
    *(sa.Column(name, sa.Integer) for name in ("line", "column", "chars_behind")),
    *(sa.Column(name, sa.Text) for name in ("settings", "verdicts")),
    *(sa.Column(name, sa.Text) for name in ("path", "prompt", "completion", "suffix", "final_text")),
)
EXPORTS = sa.Table(
    "exports",
    METADATA,
    sa.Column("artifact_id", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("num_events", sa.Integer),
    sa.Column("made_at", sa.Double),
)
ERASURES = sa.Table(
    "erasures",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("erased_at", sa.Double),
    sa.Column("receipt", sa.Text),
)


def migrate(connection: sa.Connection) -> None:
    """Bring a database to the tables above, in the transaction of the connection.

    FeedbackError for one that a newer yunque has written.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])
    known = {script.revision for script in scripts.walk_revisions()}
    context = MigrationContext.configure(connection)
    if unknown := set(context.get_current_heads()) - known:
        raise FeedbackError(f"its tables have version {min(unknown)}, which is newer than this yunque", do="update yunque")
    context = MigrationContext.configure(connection, opts={"fn": partial(_steps, scripts)})
    with Operations.context(context):
        context.run_migrations()


def _steps(scripts: ScriptDirectory, revision: tuple[str, ...], context: MigrationContext) -> list:
    return scripts._upgrade_revs("head", revision)  # type: ignore[arg-type]  # what `alembic upgrade head` runs
