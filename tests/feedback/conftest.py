"""The same ledger on both databases."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.postgres import Postgres

sqlalchemy = pytest.importorskip("sqlalchemy")


@pytest.fixture(scope="session")
def postgres():
    """A server in a folder of short name: a socket's path has 107 bytes."""
    pytest.importorskip("psycopg", reason="psycopg is not available here")
    folder = Path(tempfile.mkdtemp(prefix="yunque-pg-"))
    try:
        server = Postgres(folder)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'events.sqlite'}"
    url = request.getfixturevalue("postgres").url
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("DROP SCHEMA public CASCADE"))
        connection.execute(sqlalchemy.text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture
def ledger(database):
    from yunque.feedback.ledger import Ledger

    opened = Ledger(database)
    yield opened
    opened.close()
