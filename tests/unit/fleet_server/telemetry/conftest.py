"""A store with three lamps and a bin, in memory-speed SQLite on disk."""

from collections.abc import Generator
from pathlib import Path

import pytest

from fleet_server.adapters import schema
from fleet_server.adapters.database import SqlDatabase
from tests.support.data_folder import register_nodes

LAMPS = ("pk-sl-001", "pk-sl-002", "pk-sl-003")
BIN = "pk-bin-01"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store with its tables, made once."""
    path = tmp_path_factory.mktemp("template") / "fleet.db"
    database = SqlDatabase(f"sqlite:///{path}")
    schema.upgrade(database)
    register_nodes(database, *LAMPS)
    register_nodes(database, BIN, kind="smart_bin", state="commissioned")
    register_nodes(database, "pk-sl-old", state="retired")
    database.close()
    return path


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Generator[SqlDatabase]:
    """A store of its own for each test."""
    path = tmp_path / "fleet.db"
    path.write_bytes(template.read_bytes())
    database = SqlDatabase(f"sqlite:///{path}")
    yield database
    database.close()
