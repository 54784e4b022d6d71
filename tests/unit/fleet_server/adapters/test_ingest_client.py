"""The ear on a real broker: manual acknowledgement, and life through the broker's own trouble."""

import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from fleet_server.adapters import tls
from fleet_server.adapters.ca_files import INGEST
from fleet_server.adapters.database import SqlDatabase
from fleet_server.adapters.ingest_client import IngestClient
from fleet_server.settings import Settings
from fleet_server.telemetry.ingest import Ingest
from fleet_server.telemetry.store import Outcome
from protocols import messages
from protocols.fields import STREETLIGHT, scaled
from tests.support.broker import Broker, connected, running_broker, wait_for
from tests.support.clock import CITY_S, StillClock
from tests.support.data_folder import data_folder, database_of, make_identity, register_nodes
from tests.support.ports import free_port

pytestmark = pytest.mark.sockets

LAMP = "pk-sl-001"
TOPIC = f"cf1/{LAMP}/up/report"


def report(seq: int) -> bytes:
    values = scaled(STREETLIGHT, {"level_percent": 50})
    return messages.encode_report(STREETLIGHT, 1, seq, CITY_S, values)


class Ear:
    """Client, ingest and store, and a door that a test may shut before the store."""

    def __init__(self, settings: Settings, database: SqlDatabase) -> None:
        self.open = threading.Event()
        self.open.set()
        self.waits = threading.Event()
        self.shut_after_one = threading.Event()
        self.outcomes: list[Outcome] = []
        self._database = database
        self.ingest = Ingest(self._write, StillClock(), self.outcomes.append)
        context = tls.broker_client(settings, INGEST)
        self.client = IngestClient("127.0.0.1", settings.broker_port, context, self.ingest)

    def seqs(self) -> list[int]:
        with self._database.engine.connect() as connection:
            query = "SELECT seq FROM report ORDER BY seq"
            return [row[0] for row in connection.exec_driver_sql(query)]

    def refused(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for outcome in self.outcomes:
            for reason, count in outcome.refused.items():
                counts[reason] = counts.get(reason, 0) + count
        return counts

    def start(self) -> None:
        self.ingest.start()
        self.client.start()

    def stop(self) -> None:
        self.shut_after_one.clear()
        self.open.set()
        self.ingest.stop()
        self.client.stop()

    @contextmanager
    def _write(self) -> Generator[Connection]:
        if not self.open.is_set():
            self.waits.set()
            self.open.wait(20)
        if self.shut_after_one.is_set():
            self.open.clear()
        with self._database.write_connection() as connection:
            yield connection


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return data_folder(tmp_path / "data", free_port())


@pytest.fixture
def database(settings: Settings) -> Generator[SqlDatabase]:
    with database_of(settings) as database:
        register_nodes(database, LAMP)
        yield database


@pytest.fixture
def broker(settings: Settings) -> Generator[Broker]:
    with running_broker(settings) as broker:
        yield broker


@contextmanager
def listening(settings: Settings, database: SqlDatabase) -> Generator[Ear]:
    ear = Ear(settings, database)
    ear.start()
    try:
        yield ear
    finally:
        ear.stop()


def test_what_came_while_the_server_was_away_is_there_when_it_returns(
    settings: Settings, database: SqlDatabase, broker: Broker
) -> None:
    with listening(settings, database) as ear:
        wait_for(lambda: ear.client.connected, "the subscription")
    with connected(broker, make_identity(settings, LAMP)) as node:
        for seq in range(300):
            node.publish_soon(TOPIC, report(seq))
        node.publish(TOPIC, report(300))
    with listening(settings, database) as ear:
        wait_for(lambda: ear.seqs() == list(range(301)), "what the broker had kept")


def test_what_was_not_committed_is_not_acknowledged_and_comes_again(
    settings: Settings, database: SqlDatabase, broker: Broker
) -> None:
    with ExitStack() as stack:
        node = stack.enter_context(connected(broker, make_identity(settings, LAMP)))
        first = Ear(settings, database)
        first.start()
        wait_for(lambda: first.client.connected, "the subscription")
        first.open.clear()
        for seq in range(100):
            node.publish(TOPIC, report(seq))
        wait_for(first.waits.is_set, "messages before the shut store")
        # Gone without a word, with all of it in hand: the store stays shut for this one.
        first.client.stop()
        assert first.seqs() == []
        second = stack.enter_context(listening(settings, database))
        wait_for(lambda: second.seqs() == list(range(100)), "the redelivery")
        first.stop()
        assert second.seqs() == list(range(100))


def test_the_ear_finds_a_restarted_broker_again_and_nothing_is_lost(
    settings: Settings, database: SqlDatabase, broker: Broker
) -> None:
    with listening(settings, database) as ear:
        wait_for(lambda: ear.client.connected, "the subscription")
        with connected(broker, make_identity(settings, LAMP)) as node:
            node.publish(TOPIC, report(1))
        broker.stop()
        wait_for(lambda: not ear.client.connected, "the loss to be seen")
        broker.start()
        wait_for(lambda: ear.client.connected, "the new connection", 20)
        with connected(broker, make_identity(settings, LAMP)) as node:
            node.publish(TOPIC, report(2))
        wait_for(lambda: ear.seqs() == [1, 2], "both")


def test_a_broker_that_comes_later_is_found(settings: Settings, database: SqlDatabase) -> None:
    with listening(settings, database) as ear:
        assert not ear.client.connected
        with running_broker(settings):
            wait_for(lambda: ear.client.connected, "the first connection", 20)


def test_a_broker_that_restarts_while_messages_are_in_hand_loses_none(
    settings: Settings, database: SqlDatabase, broker: Broker
) -> None:
    with listening(settings, database) as ear:
        wait_for(lambda: ear.client.connected, "the subscription")
        ear.open.clear()
        with connected(broker, make_identity(settings, LAMP)) as node:
            for seq in range(20):
                node.publish(TOPIC, report(seq))
        wait_for(ear.waits.is_set, "messages before the shut store")
        broker.stop()
        wait_for(lambda: not ear.client.connected, "the loss to be seen")
        broker.start()
        wait_for(lambda: ear.client.connected, "the new connection", 20)
        ear.open.set()
        with connected(broker, make_identity(settings, LAMP)) as node:
            for seq in range(20, 40):
                node.publish(TOPIC, report(seq))
        wait_for(lambda: ear.seqs() == list(range(40)), "everything, once")


def test_a_late_acknowledgement_never_counts_for_another_connections_message(
    settings: Settings, database: SqlDatabase, broker: Broker
) -> None:
    with listening(settings, database) as ear:
        wait_for(lambda: ear.client.connected, "the subscription")
        ear.open.clear()
        with connected(broker, make_identity(settings, LAMP)) as node:
            for seq in range(20):
                node.publish(TOPIC, report(seq))
        wait_for(ear.waits.is_set, "messages before the shut store")
        # Killed, the broker forgets the session and counts its packets from 1 again.
        broker.kill()
        wait_for(lambda: not ear.client.connected, "the loss to be seen")
        broker.start()
        wait_for(lambda: ear.client.connected, "the new connection", 20)
        with connected(broker, make_identity(settings, LAMP)) as node:
            for seq in range(20, 40):
                node.publish(TOPIC, report(seq))
        ear.shut_after_one.set()
        ear.waits.clear()
        ear.open.set()
        wait_for(lambda: 0 in ear.seqs(), "the old messages in hand")
        wait_for(ear.waits.is_set, "the new ones before the store")
        ear.client.stop()
        assert 39 not in ear.seqs()
        with listening(settings, database) as other:
            wait_for(lambda: set(range(20, 40)) <= set(other.seqs()), "the new ones, sent again")


def test_a_broker_killed_again_and_again_under_load_is_found_again_each_time(
    settings: Settings, database: SqlDatabase, broker: Broker
) -> None:
    lamp = make_identity(settings, LAMP)
    with listening(settings, database) as ear:
        for turn in range(5):
            wait_for(lambda: ear.client.connected, "the connection", 30)
            with connected(broker, lamp) as node:
                for number in range(300):
                    node.publish_soon(TOPIC, report(turn * 1000 + number))
                first = turn * 1000
                # Killed in the middle: acknowledgements are on their way at that moment.
                wait_for(lambda first=first: first in ear.seqs(), "the first of them")
                broker.kill()
            broker.start()
        wait_for(lambda: ear.client.connected, "the last connection", 30)
        with connected(broker, lamp) as node:
            node.publish(TOPIC, report(9999))
        wait_for(lambda: 9999 in ear.seqs(), "a report after all that")


def test_messages_of_all_qualities_and_any_bytes_arrive(
    settings: Settings, database: SqlDatabase, broker: Broker
) -> None:
    with listening(settings, database) as ear:
        wait_for(lambda: ear.client.connected, "the subscription")
        with connected(broker, make_identity(settings, LAMP)) as node:
            node.publish(TOPIC, report(1), qos=0)
            node.publish(f"cf1/{LAMP}/up/điện/x", b"\xff" * 5000)
            node.publish(f"cf1/{LAMP}/up/report", b"", qos=2)
            node.publish(TOPIC, report(2))
        wait_for(lambda: ear.seqs() == [1, 2], "the good ones")
        wait_for(lambda: ear.refused() == {"wrong_topic": 1, "truncated": 1}, "the bad ones")
