"""The store: SQLite by default, another database by URL.

Read sessions see one snapshot. Write sessions stand in one line per process
and begin with BEGIN IMMEDIATE: with SQLite a transaction that first reads and
then writes fails at once when another wrote between, and its own waiting is a
poll with growing pauses; a lock in the process is fair and quick.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlmodel import Session

from fleet_server.errors import UnavailableError
from fleet_server.settings import Settings

# Longer than the slowest transaction that we know (an import of 10,000 nodes).
WRITE_WAIT_S = 15.0


class SqlDatabase:
    """Engine and sessions; implements `ports.Database`."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._writer = self.engine.execution_options(cityfleet_begin="BEGIN IMMEDIATE")
        self._line = threading.Lock()
        self._holder = threading.local()

    @contextmanager
    def read(self) -> Generator[Session]:
        """One snapshot, rolled back at the end."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def write(self) -> Generator[Session]:
        """One transaction; see `ports.Database.write`."""
        with self._turn(), Session(self._writer, expire_on_commit=False) as session:
            yield session
            session.commit()

    @contextmanager
    def write_connection(self) -> Generator[Connection]:
        """One transaction without the ORM, for the ingest."""
        with self._turn(), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Gives the connections back."""
        self.engine.dispose()

    @contextmanager
    def _turn(self) -> Generator[None]:
        assert not getattr(self._holder, "writing", False), "a write inside a write never ends"
        if not self._line.acquire(timeout=WRITE_WAIT_S):
            raise UnavailableError("The database is busy; try again.", code="database_busy")
        self._holder.writing = True
        try:
            yield
        finally:
            self._holder.writing = False
            self._line.release()


def database_url(settings: Settings) -> str:
    """The chosen URL, or SQLite in the data folder."""
    return settings.database_url or f"sqlite:///{settings.database_path}"


def open_database(settings: Settings) -> SqlDatabase:
    """The database of these settings; a new SQLite file is made for its owner alone."""
    if not settings.database_url:
        path: Path = settings.database_path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    return SqlDatabase(database_url(settings))


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": 10.0},
        pool_size=8,
        max_overflow=40,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # We begin transactions ourselves; the module's own way starts them too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: a commit is on the disk when it returns, and only then is a message acknowledged.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-16000")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("cityfleet_begin", "BEGIN"))
