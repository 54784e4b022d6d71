"""Writes one batch of messages into the store, in the transaction that it is given.

Everything that a message changes (its rows, the latest state, refusals) is in
that one transaction; only when it is committed may the message be
acknowledged. A repeated message changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from fleet_server.ports import StoredBatch, StoredEvent, StoredReport, StoredState
from fleet_server.telemetry import sql
from fleet_server.telemetry.decode import Decoded, Happening, Reading, Reported, decode
from fleet_server.telemetry.latest import Stored, json_text, write_latest
from fleet_server.telemetry.refusals import INTERNAL, Message, Refusals
from protocols.errors import WRONG_NODE, ProtocolError
from protocols.fields import KIND_CODES

# SQLite takes 32,766 parameters, PostgreSQL 65,535; a key has three.
KEYS_PER_QUERY = 1000
_log = logging.getLogger("cityfleet.ingest")

Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch came to.

    Attributes:
        stored: what was new.
        changed: nodes whose latest state may have changed.
        refused: how many messages were refused, by reason.
    """

    stored: StoredBatch
    changed: frozenset[str]
    refused: dict[str, int]


def store_batch(
    connection: Connection, batch: Sequence[Message], now_s: int, system_now_s: int
) -> Outcome:
    """Stores what is good and new, counts what is not.

    Args:
        connection: an open transaction.
        batch: in order of arrival.
        now_s: city time.
        system_now_s: machine time.
    """
    statements = sql.Statements(connection)
    refusals = Refusals()
    decoded = _decode_all(batch, now_s, refusals)
    known = _known_nodes(statements, decoded)
    accepted = [
        message for source, message in decoded if _is_of_fleet(source, message, known, refusals)
    ]
    items = _store_new(statements, _items_of(accepted, system_now_s))
    write_latest(statements, items, now_s, system_now_s)
    new_nodes = {item.node_id for item in items if known[item.node_id][1] == "provisioned"}
    statements.many(sql.COMMISSION, [(node_id,) for node_id in sorted(new_nodes)])
    refusals.write(statements, now_s)
    changed = frozenset(item.node_id for item in items)
    return Outcome(StoredBatch(tuple(items)), changed, refusals.counts)


def refuse_unstorable(
    connection: Connection, message: Message, error: Exception, now_s: int
) -> Outcome:
    """Counts a message that the store itself would not take, so that it stops no other."""
    refusals = Refusals()
    refusals.add(message, INTERNAL, type(error).__name__)
    refusals.write(sql.Statements(connection), now_s)
    return Outcome(StoredBatch(()), frozenset(), refusals.counts)


def _decode_all(
    batch: Iterable[Message], now_s: int, refusals: Refusals
) -> list[tuple[Message, Decoded]]:
    decoded: list[tuple[Message, Decoded]] = []
    for message in batch:
        if message.denied_to:
            refusals.add(message, WRONG_NODE, f"published by {message.denied_to}")
            continue
        try:
            decoded.append((message, decode(message.topic, message.payload, now_s)))
        except ProtocolError as error:
            refusals.add(message, error.reason, error.detail)
        except Exception as error:
            # Our own bug met a stranger's bytes: it costs this message, never the ingest.
            _log.exception("decoding a message failed")
            refusals.add(message, INTERNAL, type(error).__name__)
    return decoded


def _known_nodes(
    statements: sql.Statements, decoded: list[tuple[Message, Decoded]]
) -> dict[str, tuple[str, str]]:
    # Asked anew for each batch: one look-up by key is cheaper than a cache that may be wrong.
    ids = sorted({message.node_id for _, message in decoded})
    rows = statements.by_ids("SELECT id, kind, state FROM node WHERE id IN ({ids})", ids)
    return {str(row[0]): (str(row[1]), str(row[2])) for row in rows}


def _is_of_fleet(
    source: Message, message: Decoded, known: dict[str, tuple[str, str]], refusals: Refusals
) -> bool:
    found = known.get(message.node_id)
    if found is None:
        refusals.add(source, WRONG_NODE, "no such node")
    elif found[1] == "retired":
        refusals.add(source, WRONG_NODE, "the node is retired")
    elif KIND_CODES[found[0]] != message.kind:
        refusals.add(source, WRONG_NODE, f"the node is a {found[0]}")
    else:
        return True
    return False


def _items_of(accepted: Iterable[Decoded], received_s: int) -> list[Stored]:
    items: list[Stored] = []
    for message in accepted:
        for item in message.content:
            head = (message.node_id, message.kind, item.boot, item.seq, item.at_s, received_s)
            match item:
                case Reading():
                    items.append(StoredReport(*head, tuple(item.values)))
                case Happening():
                    items.append(StoredEvent(*head, item.code, item.detail))
                case Reported():
                    items.append(StoredState(*head, item.desired_version, item.facts))
    return items


def _store_new(statements: sql.Statements, items: list[Stored]) -> list[Stored]:
    """Inserts reports and events; returns what was new, still in order of arrival."""
    reports = {_key(item): item for item in reversed(items) if isinstance(item, StoredReport)}
    events = {_key(item): item for item in reversed(items) if isinstance(item, StoredEvent)}
    _insert(statements, sql.INSERT_REPORT, "report", reports, _report_row)
    _insert(statements, sql.INSERT_EVENT, "event", events, _event_row)
    last_states = _last_states(statements, items)
    new: list[Stored] = []
    for item in items:
        match item:
            case StoredReport():
                is_new = reports.pop(_key(item), None) is not None
            case StoredEvent():
                is_new = events.pop(_key(item), None) is not None
            case StoredState():
                is_new = last_states.get(item.node_id, (-1, -1)) < (item.boot, item.seq)
                if is_new:
                    last_states[item.node_id] = (item.boot, item.seq)
        if is_new:
            new.append(item)
    return new


def _insert(
    statements: sql.Statements,
    statement: str,
    table: str,
    items: dict[Key, Any],
    row: Callable[[Any], tuple[Any, ...]],
) -> None:
    """Inserts the items, and takes those out of the dictionary that were there already."""
    if not items:
        return
    # Nearly always all are new; only after a redelivery do we have to look which ones are not.
    statements.run("SAVEPOINT fresh")
    if statements.many(statement, [row(item) for item in items.values()]) != len(items):
        statements.run("ROLLBACK TO SAVEPOINT fresh")
        for key in _present(statements, table, list(items)):
            del items[key]
        statements.many(statement, [row(item) for item in items.values()])
    statements.run("RELEASE SAVEPOINT fresh")


def _present(statements: sql.Statements, table: str, keys: list[Key]) -> list[Key]:
    found: list[Key] = []
    for first in range(0, len(keys), KEYS_PER_QUERY):
        some = keys[first : first + KEYS_PER_QUERY]
        marks = ", ".join(["(?, ?, ?)"] * len(some))
        query = (
            f"SELECT node_id, boot, seq FROM {table} WHERE (node_id, boot, seq) IN (VALUES {marks})"
        )
        rows = statements.rows(query, tuple(part for key in some for part in key))
        found.extend((str(row[0]), int(row[1]), int(row[2])) for row in rows)
    return found


def _last_states(statements: sql.Statements, items: list[Stored]) -> dict[str, tuple[int, int]]:
    ids = sorted({item.node_id for item in items if isinstance(item, StoredState)})
    rows = statements.by_ids(
        "SELECT node_id, state_boot, state_seq FROM node_state WHERE node_id IN ({ids})", ids
    )
    return {str(row[0]): (int(row[1]), int(row[2])) for row in rows}


def _key(item: Stored) -> Key:
    return (item.node_id, item.boot, item.seq)


def _report_row(item: StoredReport) -> tuple[Any, ...]:
    return (
        item.node_id,
        item.boot,
        item.seq,
        item.kind,
        item.at_s,
        item.received_s,
        json_text(item.values),
    )


def _event_row(item: StoredEvent) -> tuple[Any, ...]:
    return (
        item.node_id,
        item.boot,
        item.seq,
        item.kind,
        item.at_s,
        item.received_s,
        item.code,
        json_text(item.detail),
    )
