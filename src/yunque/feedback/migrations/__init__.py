"""Versions of the tables, each a step from the one before it (Alembic). A step that was released is never changed."""
