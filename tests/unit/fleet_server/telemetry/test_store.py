"""What a batch of messages does to the store, and what it does not do twice."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_server.adapters.database import SqlDatabase
from fleet_server.ports import StoredEvent, StoredReport, StoredState
from fleet_server.telemetry import refusals
from fleet_server.telemetry.decode import decode
from fleet_server.telemetry.models import NodeState
from fleet_server.telemetry.refusals import Message
from fleet_server.telemetry.store import Outcome, store_batch
from protocols import messages
from protocols.errors import ProtocolError
from protocols.fields import SMART_BIN, STREETLIGHT, scaled
from protocols.topics import UP_CHANNELS
from tests.support.clock import CITY_S, MACHINE_S
from tests.unit.fleet_server.telemetry.conftest import BIN, LAMPS

LAMP = LAMPS[0]


def report(seq: int, level: int = 100, boot: int = 1, node: str = LAMP) -> Message:
    values = scaled(STREETLIGHT, {"level_percent": level, "faults": 0, "desired_version": 0})
    payload = messages.encode_report(STREETLIGHT, boot, seq, CITY_S - 100 + seq, values)
    return Message(f"cf1/{node}/up/report", payload)


def event(seq: int, code: int, boot: int = 1, detail: dict[str, Any] | None = None) -> Message:
    payload = messages.encode_event(STREETLIGHT, boot, seq, CITY_S, code, detail or {})
    return Message(f"cf1/{LAMP}/up/event", payload)


def state(seq: int, version: int, boot: int = 1, **facts: Any) -> Message:
    payload = messages.encode_state(STREETLIGHT, boot, seq, CITY_S, version, facts)
    return Message(f"cf1/{LAMP}/up/state", payload)


def store(database: SqlDatabase, *batch: Message) -> Outcome:
    with database.write_connection() as connection:
        return store_batch(connection, batch, CITY_S, MACHINE_S)


def latest(database: SqlDatabase, node: str = LAMP) -> NodeState:
    with database.read() as session:
        return session.get_one(NodeState, node)


def rows(database: SqlDatabase, query: str) -> list[tuple[Any, ...]]:
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_a_report_is_stored_with_its_latest_state(database: SqlDatabase) -> None:
    outcome = store(database, report(5, level=40))
    assert [type(item) for item in outcome.stored.items] == [StoredReport]
    assert outcome.changed == {LAMP}
    ((values,),) = rows(database, 'SELECT "values" FROM report')
    assert json.loads(values)[0] == 40
    known = latest(database)
    assert (known.boot, known.seq, known.online, known.values["level_percent"]) == (1, 5, True, 40)
    assert (known.last_seen_s, known.received_s) == (CITY_S, MACHINE_S)


def test_a_repeated_message_changes_nothing_and_is_told_to_nobody(database: SqlDatabase) -> None:
    store(database, report(1), event(2, messages.LAST_GASP))
    again = store(database, report(1), report(3), event(2, messages.LAST_GASP), report(1))
    assert [(type(item), item.seq) for item in again.stored.items] == [(StoredReport, 3)]
    assert rows(database, "SELECT seq FROM report ORDER BY seq") == [(1,), (3,)]
    assert rows(database, "SELECT count(*) FROM event") == [(1,)]
    assert again.refused == {}


def test_a_repeat_within_one_batch_counts_once(database: SqlDatabase) -> None:
    outcome = store(database, report(1), report(1), report(2), report(1))
    assert [item.seq for item in outcome.stored.items] == [1, 2]


def test_items_are_told_in_the_order_of_arrival(database: SqlDatabase) -> None:
    outcome = store(
        database, event(4, messages.BOOTED), report(2), state(9, 1), report(1), event(3, 2)
    )
    assert [item.seq for item in outcome.stored.items] == [4, 2, 9, 1, 3]
    assert len(outcome.stored.reports) == len(outcome.stored.events) == 2
    assert len(outcome.stored.states) == 1


def test_a_late_report_is_history_and_never_the_latest(database: SqlDatabase) -> None:
    store(database, report(9, level=90))
    store(database, report(3, level=30))
    store(database, report(1, level=10, boot=2))
    store(database, report(99, level=99, boot=1))
    known = latest(database)
    assert (known.boot, known.seq, known.values["level_percent"]) == (2, 1, 10)
    assert rows(database, "SELECT count(*) FROM report") == [(4,)]


def test_only_newer_states_are_told_and_kept(database: SqlDatabase) -> None:
    first = store(database, state(5, 2, app="1.0.0"), state(4, 1, app="0.9.0"))
    second = store(database, state(5, 2, app="1.0.0"), state(6, 3, app="1.1.0"), report(7))
    assert [item.seq for item in first.stored.states] == [5]
    assert [item.seq for item in second.stored.states] == [6]
    known = latest(database)
    assert (known.reported_version, known.app_version, known.state_seq) == (3, "1.1.0", 6)
    assert isinstance(second.stored.items[0], StoredState)


def test_odd_facts_do_not_hurt(database: SqlDatabase) -> None:
    store(database, state(1, 1, app=7, counter="x", slot=b"a", error=None, extra=b"\x01\xff"))
    known = latest(database)
    assert (known.app_version, known.release_counter, known.slot) == (None, None, None)
    assert known.facts["extra"] == "01ff"


def test_the_last_will_takes_a_node_offline_and_the_next_word_brings_it_back(
    database: SqlDatabase,
) -> None:
    # The will bears the number that it got at the connection's begin.
    store(database, report(10))
    store(database, event(3, messages.OFFLINE))
    assert not latest(database).online
    store(database, report(11))
    assert latest(database).online
    store(database, report(12), event(4, messages.OFFLINE))
    assert not latest(database).online


def test_the_last_will_of_a_node_that_sleeps_tells_of_a_lost_goodbye_only(
    database: SqlDatabase,
) -> None:
    store(database, state(2, 0, sleep_s=900))
    store(database, event(3, messages.OFFLINE))
    assert latest(database).online
    # One that stays awake from now on is offline by its will.
    store(database, state(4, 0))
    store(database, event(5, messages.OFFLINE))
    assert not latest(database).online


def test_a_repeated_last_will_does_not_take_it_offline_again(database: SqlDatabase) -> None:
    store(database, event(3, messages.OFFLINE), report(4))
    store(database, event(3, messages.OFFLINE))
    assert latest(database).online


def test_the_mains_follows_the_newest_event_about_it(database: SqlDatabase) -> None:
    assert store(database, report(1)) and latest(database).mains is None
    store(database, event(5, messages.LAST_GASP))
    assert latest(database).mains is False
    store(database, event(4, messages.MAINS_RESTORED))
    assert latest(database).mains is False
    store(database, event(0, messages.BOOTED, boot=2))
    assert latest(database).mains is True


def test_a_first_message_commissions_a_provisioned_node(database: SqlDatabase) -> None:
    assert rows(database, f"SELECT state FROM node WHERE id = '{LAMP}'") == [("provisioned",)]
    store(database, report(1))
    assert rows(database, f"SELECT state FROM node WHERE id = '{LAMP}'") == [("commissioned",)]


@pytest.mark.parametrize(
    ("message", "reason", "word"),
    [
        (report(1, node="pk-sl-404"), "wrong_node", "no such"),
        (report(1, node="pk-sl-old"), "wrong_node", "retired"),
        (report(1, node=BIN), "wrong_node", "smart_bin"),
        (Message(f"cf1/{LAMP}/up/report", b"\xff"), "malformed", ""),
        (Message("cf1/x/y/z", b""), "wrong_topic", ""),
    ],
)
def test_what_is_refused_is_counted_and_shown_and_costs_the_others_nothing(
    database: SqlDatabase, message: Message, reason: str, word: str
) -> None:
    outcome = store(database, report(1), message, report(2), message)
    assert [item.seq for item in outcome.stored.items] == [1, 2]
    assert outcome.refused == {reason: 2}
    assert rows(database, "SELECT reason, count, last_s FROM refused_count") == [
        (reason, 2, CITY_S)
    ]
    samples = rows(database, "SELECT topic, reason, detail, sample FROM refused_message")
    assert [(sample[0], sample[1], sample[3]) for sample in samples] == [
        (message.topic, reason, message.payload)
    ] * 2
    assert word in samples[0][2]


def test_a_flood_of_bad_messages_is_sampled_and_capped(database: SqlDatabase) -> None:
    flood = [Message("cf1/\x00/up/\ud800", bytes(5000))] * 500
    for _ in range(refusals.KEPT // refusals.PER_BATCH + 5):
        store(database, *flood)
    ((kept, longest),) = rows(database, "SELECT count(*), max(length(sample)) FROM refused_message")
    assert (kept, longest) == (refusals.KEPT, refusals.SAMPLE_BYTES)
    ((count,),) = rows(database, "SELECT count FROM refused_count")
    assert count == 500 * (refusals.KEPT // refusals.PER_BATCH + 5)


def test_a_batch_of_batches_is_stored_whole(database: SqlDatabase) -> None:
    values = scaled(SMART_BIN, {"fill_percent": 50})
    batches = [
        Message(
            f"cf1/{BIN}/up/batch",
            messages.encode_batch(
                SMART_BIN, 1, first, [(CITY_S - 64 + i, values) for i in range(64)]
            ),
        )
        for first in range(0, 64 * 40, 64)
    ]
    assert len(store(database, *batches).stored.items) == 64 * 40
    # Again, one of them new: the look-up of what is there spans several queries.
    fresh = messages.encode_batch(SMART_BIN, 1, 64 * 40, [(CITY_S, values)])
    again = store(database, *batches, Message(f"cf1/{BIN}/up/batch", fresh))
    assert [item.seq for item in again.stored.items] == [64 * 40]


def test_an_echo_keeps_its_bytes_for_subscribers(database: SqlDatabase) -> None:
    outcome = store(database, event(1, messages.ECHO_REQUEST, detail={"nonce": b"\x00\xff"}))
    (item,) = outcome.stored.items
    assert isinstance(item, StoredEvent) and item.detail["nonce"] == b"\x00\xff"
    assert rows(database, "SELECT detail FROM event") == [('{"nonce":"00ff"}',)]


def _cut_report(seq: int, length: int) -> bytes:
    return report(seq).payload[:length]


_TOPICS = st.text(max_size=40) | st.sampled_from(
    [f"cf1/{node}/up/{channel}" for node in (LAMP, BIN) for channel in UP_CHANNELS]
)
_PAYLOADS = st.binary(max_size=80) | st.builds(_cut_report, st.integers(0, 5), st.integers(0, 60))


@settings(max_examples=60)
@given(st.lists(st.builds(Message, _TOPICS, _PAYLOADS), max_size=30))
def test_whatever_arrives_every_message_is_stored_repeated_or_counted(
    template: Path, batch: list[Message]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fleet.db"
        path.write_bytes(template.read_bytes())
        database = SqlDatabase(f"sqlite:///{path}")
        try:
            first = store(database, *batch)
            again = store(database, *batch)
        finally:
            database.close()
    good = {message for message in batch if _is_good(message)}
    refused = sum(first.refused.values())
    assert refused == sum(message not in good for message in batch)
    assert len(first.stored.items) <= len(batch) - refused
    assert again.stored.items == () and again.refused == first.refused


def _is_good(message: Message) -> bool:
    try:
        decoded = decode(message.topic, message.payload, CITY_S)
    except ProtocolError:
        return False
    kinds = dict.fromkeys(LAMPS, STREETLIGHT) | {BIN: SMART_BIN}
    return kinds.get(decoded.node_id) == decoded.kind
