"""The store's sessions and its migrations."""

import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import select

from fleet_server.adapters import database as module
from fleet_server.adapters import schema
from fleet_server.adapters.database import SqlDatabase
from fleet_server.errors import SettingsError, UnavailableError
from fleet_server.registry.models import Zone
from fleet_server.tables import metadata


@pytest.fixture
def database(tmp_path: Path) -> Generator[SqlDatabase]:
    database = SqlDatabase(f"sqlite:///{tmp_path / 'fleet.db'}")
    schema.upgrade(database)
    yield database
    database.close()


def zones(database: SqlDatabase) -> list[str]:
    with database.read() as session:
        return sorted(session.exec(select(Zone.id)))


def test_a_write_is_committed_at_the_end_and_its_objects_stay_readable(
    database: SqlDatabase,
) -> None:
    with database.write() as session:
        zone = Zone(id="pleiku", name="Pleiku")
        session.add(zone)
        assert zones(database) == []
    assert zones(database) == ["pleiku"] and zone.name == "Pleiku"


def test_a_failed_write_leaves_nothing_and_frees_the_line(database: SqlDatabase) -> None:
    def fail() -> None:
        with database.write() as session:
            session.add(Zone(id="pleiku", name="Pleiku"))
            session.flush()
            raise KeyError("our bug")

    with pytest.raises(KeyError):
        fail()
    with database.write() as session:
        session.add(Zone(id="da-lat", name="Đà Lạt"))
    assert zones(database) == ["da-lat"]


def test_a_reader_sees_one_snapshot_and_changes_nothing(database: SqlDatabase) -> None:
    with database.read() as session:
        assert session.exec(select(Zone)).all() == []
        with database.write() as other:
            other.add(Zone(id="pleiku", name="Pleiku"))
        assert session.exec(select(Zone)).all() == []
        session.add(Zone(id="forgotten", name="x"))
    assert zones(database) == ["pleiku"]


def test_many_writers_that_read_first_never_fail_and_lose_no_update(
    database: SqlDatabase,
) -> None:
    with database.write() as session:
        session.add(Zone(id="z", name="0"))
    faults: list[Exception] = []

    def count_up() -> None:
        try:
            for _ in range(20):
                with database.write() as session:
                    zone = session.get_one(Zone, "z")
                    zone.name = str(int(zone.name) + 1)
                    session.add(zone)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert faults == []
    with database.read() as session:
        assert session.get_one(Zone, "z").name == "120"


def test_a_line_that_does_not_move_is_told(
    database: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITE_WAIT_S", 0.05)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with database.write():
            holding.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(10)
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="busy"), database.write():
        pass
    assert time.monotonic() - began < 5
    done.set()
    thread.join(10)


def test_a_write_inside_a_write_is_our_bug_and_says_so(database: SqlDatabase) -> None:
    with database.write(), pytest.raises(AssertionError), database.write():
        pass
    with database.write() as session:
        session.add(Zone(id="after", name="x"))
    assert zones(database) == ["after"]


def test_a_commit_is_on_the_disk_and_foreign_keys_hold(database: SqlDatabase) -> None:
    with database.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_the_migrations_make_exactly_the_tables_of_the_models(database: SqlDatabase) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_an_old_or_newer_store_is_refused_and_says_what_to_do(
    tmp_path: Path, database: SqlDatabase
) -> None:
    schema.check_current(database)
    schema.upgrade(database)
    empty = SqlDatabase(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(SettingsError, match="init"):
        schema.check_current(empty)
    empty.close()
    with database.write_connection() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsError, match="9999"):
        schema.check_current(database)


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import command

    original = command.upgrade
    store = SqlDatabase(f"sqlite:///{tmp_path / 'cut.db'}")

    def cut(*arguments: object) -> None:
        original(*arguments)  # type: ignore[arg-type]
        raise OSError("the plug was pulled")

    monkeypatch.setattr(command, "upgrade", cut)
    with pytest.raises(OSError, match="plug"):
        schema.upgrade(store)
    assert schema.current(store) == ""
    monkeypatch.setattr(command, "upgrade", original)
    schema.upgrade(store)
    schema.check_current(store)
    store.close()
