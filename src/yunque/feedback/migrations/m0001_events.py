"""The first tables: people and their consent, events, exports, erasures."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "people",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("user_group", sa.Text, nullable=False, server_default=""),
        sa.Column("changed_at", sa.Double, nullable=False),
    )
    names = ("completion_id", "person", "reaction", "model", "language", "engine")
    counts = ("after_s", "chars", "lines", "kept_chars", "seen_ms", "line", "column", "chars_behind")
    texts = ("settings", "verdicts", "path", "prompt", "completion", "suffix", "final_text")
    op.create_table(
        "events",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("happened_at", sa.Double, nullable=False),
        sa.Column("latency_ms", sa.Double, nullable=False),
        sa.Column("gate_score", sa.Double),
        sa.Column("is_asked", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in (*names, *texts)),
        *(sa.Column(name, sa.Integer, nullable=False) for name in counts),
    )
    for name in ("completion_id", "person", "happened_at"):
        op.create_index(f"events_by_{name}", "events", [name])
    op.create_table(
        "exports",
        sa.Column("artifact_id", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("num_events", sa.Integer, nullable=False),
        sa.Column("made_at", sa.Double, nullable=False),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("erased_at", sa.Double, nullable=False),
        sa.Column("receipt", sa.Text, nullable=False),
    )
