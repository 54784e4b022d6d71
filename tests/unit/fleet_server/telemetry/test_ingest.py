"""The ingest's promise: nothing is acknowledged before its commit, and nothing stops it."""

import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from fleet_server.adapters.database import SqlDatabase
from fleet_server.telemetry import ingest as module
from fleet_server.telemetry import store
from fleet_server.telemetry.ingest import QUEUE, Arrival, Ingest
from fleet_server.telemetry.refusals import Message
from fleet_server.telemetry.store import Outcome
from tests.support.broker import wait_for
from tests.support.clock import StillClock
from tests.unit.fleet_server.telemetry.conftest import LAMPS
from tests.unit.fleet_server.telemetry.test_store import report, rows


class Bench:
    """An ingest over a real store whose doors a test may shut."""

    def __init__(self, database: SqlDatabase) -> None:
        self.database = database
        self.acknowledged: list[int] = []
        self.outcomes: list[Outcome] = []
        self.fault: Callable[[], Exception | None] = lambda: None
        self.open = threading.Event()
        self.open.set()
        self.ingest = Ingest(self._write, StillClock(), self.outcomes.append)
        self._sent = 0

    def send(self, message: Message, *, may_drop: bool = False) -> int:
        number = self._sent
        self._sent += 1

        def acknowledge() -> None:
            # What is acknowledged must be readable by anybody at that moment.
            self.acknowledged.append(number)

        self.ingest.offer(Arrival(message, acknowledge), may_drop=may_drop)
        return number

    def seqs(self) -> list[int]:
        return [row[0] for row in rows(self.database, "SELECT seq FROM report ORDER BY seq")]

    def told(self) -> list[int]:
        return [item.seq for outcome in self.outcomes for item in outcome.stored.items]

    @contextmanager
    def _write(self) -> Generator[Connection]:
        self.open.wait(10)
        fault = self.fault()
        if fault is not None:
            raise fault
        with self.database.write_connection() as connection:
            yield connection


@pytest.fixture
def bench(database: SqlDatabase, monkeypatch: pytest.MonkeyPatch) -> Generator[Bench]:
    monkeypatch.setattr(module, "RETRY_FIRST_S", 0.01)
    bench = Bench(database)
    bench.ingest.start()
    yield bench
    bench.fault = lambda: None
    bench.open.set()
    bench.ingest.stop()


def test_messages_are_stored_and_then_acknowledged_in_order(bench: Bench) -> None:
    for seq in range(1200):
        bench.send(report(seq))
    wait_for(lambda: len(bench.acknowledged) == 1200, "all to be acknowledged")
    assert bench.acknowledged == list(range(1200))
    assert bench.seqs() == list(range(1200))
    wait_for(lambda: bench.told() == list(range(1200)), "all to be told, in order")


def test_nothing_is_acknowledged_while_the_store_is_away(bench: Bench) -> None:
    bench.fault = lambda: OperationalError("insert", (), sqlite3.OperationalError("disk is full"))
    for seq in range(10):
        bench.send(report(seq))
    wait_for(lambda: not bench.ingest.storing, "the fault to be seen")
    assert bench.acknowledged == [] and bench.seqs() == []
    bench.fault = lambda: None
    wait_for(lambda: len(bench.acknowledged) == 10, "recovery without a hand")
    assert bench.ingest.storing and bench.seqs() == list(range(10))


def test_a_damaged_database_is_the_stores_fault_and_not_the_messages(bench: Bench) -> None:
    malformed = sqlite3.DatabaseError("database disk image is malformed")
    bench.fault = lambda: DatabaseError("insert", (), malformed)
    bench.send(report(1))
    wait_for(lambda: not bench.ingest.storing, "the fault to be seen")
    assert bench.acknowledged == []


def test_one_message_that_the_store_will_not_take_costs_the_others_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = report(666)
    original = module.store_batch

    def strict(connection: Connection, batch: Any, now_s: int, system_now_s: int) -> Outcome:
        outcome = original(connection, batch, now_s, system_now_s)
        if poison in batch:
            raise IntegrityError("insert", (), sqlite3.IntegrityError("no"))
        return outcome

    monkeypatch.setattr(module, "store_batch", strict)
    bench.open.clear()
    for message in (report(1), report(2), poison, report(3)):
        bench.send(message)
    bench.open.set()
    wait_for(lambda: len(bench.acknowledged) == 4, "all to be acknowledged")
    assert bench.seqs() == [1, 2, 3]
    assert rows(bench.database, "SELECT reason, count FROM refused_count") == [("internal", 1)]


def test_a_bug_in_decoding_costs_one_message(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    original = store.decode

    def buggy(topic: str, payload: bytes, now_s: int) -> Any:
        if payload == b"trigger":
            raise ZeroDivisionError
        return original(topic, payload, now_s)

    monkeypatch.setattr(store, "decode", buggy)
    bench.send(Message(f"cf1/{LAMPS[0]}/up/report", b"trigger"))
    bench.send(report(1))
    wait_for(lambda: len(bench.acknowledged) == 2, "both to be acknowledged")
    assert bench.seqs() == [1]
    assert rows(bench.database, "SELECT reason FROM refused_message") == [("internal",)]


def test_what_may_be_dropped_leaves_room_for_what_may_not(bench: Bench) -> None:
    bench.open.clear()
    for seq in range(QUEUE):
        bench.send(report(seq), may_drop=True)
    assert bench.ingest.dropped > 0
    free = QUEUE - bench.ingest.waiting
    assert free >= QUEUE // 2
    for seq in range(free):
        bench.send(report(10_000 + seq))
    full = threading.Thread(target=bench.send, args=(report(50_000),))
    full.start()
    full.join(0.2)
    assert full.is_alive(), "a full queue must hold the reader back"
    bench.open.set()
    full.join(10)
    wait_for(lambda: 50_000 in bench.seqs(), "the last one")


def test_stopping_keeps_what_is_queued_unacknowledged(bench: Bench) -> None:
    bench.fault = lambda: OperationalError("insert", (), sqlite3.OperationalError("locked"))
    for seq in range(50):
        bench.send(report(seq))
    wait_for(lambda: not bench.ingest.storing, "the fault to be seen")
    bench.ingest.stop()
    assert bench.acknowledged == []
    # Whoever still reads from the wire must not hang on a queue that nobody empties.
    for seq in range(2 * QUEUE):
        bench.send(report(seq))
