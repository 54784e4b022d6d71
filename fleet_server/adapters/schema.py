"""Brings the store's tables up to date with Alembic.

Alembic takes long to import, so a look at the version number comes first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect

from fleet_server.adapters.database import SqlDatabase
from fleet_server.errors import SettingsError

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).resolve().parent.parent / "migrations"


def newest() -> str:
    """The number of the last migration in the source."""
    names = sorted(path.name for path in (FOLDER / "versions").glob("[0-9]*_*.py"))
    return names[-1][:4] if names else ""


def current(database: SqlDatabase) -> str:
    """The number of the last migration that the store has seen; "" for an empty store."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
        return str(row[0]) if row is not None else ""


def check_current(database: SqlDatabase) -> None:
    """Refuses a store of another version than the source.

    Raises:
        SettingsError: `init` must run first, or the store is newer than this server.
    """
    found = current(database)
    if found != newest():
        raise SettingsError(
            f"The database is at version {found or 'none'}, this server needs {newest()};"
            " run the verb init."
        )


def upgrade(database: SqlDatabase) -> None:
    """Runs the migrations that are missing, all in one transaction."""
    if current(database) == newest() != "":
        return
    from alembic import command

    with database.write_connection() as connection:
        command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for a connection that is open already."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config
