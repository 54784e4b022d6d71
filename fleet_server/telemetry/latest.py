"""The latest state of each node: every part from the newest message that tells it.

"Newest" is the greater (boot, seq), so a late report never takes back what a
newer one said. Only `online` goes by arrival: a last will carries the number
that it was given at the connection's begin.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

from fleet_server.ports import StoredEvent, StoredReport, StoredState
from fleet_server.telemetry import sql
from protocols import messages
from protocols.fields import CONTROL_CABINET, STREETLIGHT, named

Stored = StoredReport | StoredEvent | StoredState
# Facts of a reported state that have a column of their own.
FACT_COLUMNS = ("app", "counter", "slot", "error")


def write_latest(
    statements: sql.Statements, items: Sequence[Stored], now_s: int, system_now_s: int
) -> None:
    """Brings node_state up to the items, which are new and in order of arrival.

    Args:
        statements: the open transaction.
        items: what the batch stored.
        now_s: city time, becomes last_seen_s.
        system_now_s: machine time, becomes received_s.
    """
    online: dict[str, tuple[int, bool]] = {}
    for item in items:
        went = isinstance(item, StoredEvent) and item.code == messages.OFFLINE
        online[item.node_id] = (item.kind, not went)
    gone = [node_id for node_id, (_, is_online) in online.items() if not is_online]
    for node_id, facts in statements.by_ids(sql.SELECT_FACTS, gone):
        if _sleeps(facts):
            # A last will tells that a goodbye got lost; the node sleeps all the same.
            online[node_id] = (online[node_id][0], True)
    statements.many(
        sql.UPSERT_PRESENCE,
        [
            (node_id, kind, is_online, now_s, system_now_s)
            for node_id, (kind, is_online) in online.items()
        ],
    )
    reports = _newest(item for item in items if isinstance(item, StoredReport))
    statements.many(sql.UPDATE_REPORT, [_report_row(item) for item in reports])
    states = _newest(item for item in items if isinstance(item, StoredState))
    statements.many(sql.UPDATE_STATE, [_state_row(item) for item in states])
    mains = _newest(
        item for item in items if isinstance(item, StoredEvent) and mains_after(item) is not None
    )
    statements.many(sql.UPDATE_MAINS, [_mains_row(item) for item in mains])


def _sleeps(facts: Any) -> bool:
    """Whether a node sleeps between its reports, by the facts as its driver gives them."""
    known = json.loads(facts) if isinstance(facts, str) else facts
    return isinstance(known, dict) and bool(cast("dict[str, Any]", known).get("sleep_s"))


def mains_after(event: StoredEvent) -> bool | None:
    """Whether the mains is there after this event; None when the event does not tell."""
    if event.code == messages.LAST_GASP:
        return False
    if event.code == messages.MAINS_RESTORED:
        return True
    if event.code == messages.BOOTED and event.kind in (STREETLIGHT, CONTROL_CABINET):
        # These have no battery: what boots has power, unless it says otherwise.
        return event.detail.get("mains") is not False
    return None


def json_text(value: Any) -> str:
    """Compact JSON; bytes, which JSON has not, as hexadecimal text."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_hex)


def _hex(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(type(value).__name__)


def _newest(items: Iterable[Any]) -> list[Any]:
    newest: dict[str, Any] = {}
    for item in items:
        known = newest.get(item.node_id)
        if known is None or (known.boot, known.seq) < (item.boot, item.seq):
            newest[item.node_id] = item
    return list(newest.values())


def _report_row(item: StoredReport) -> tuple[Any, ...]:
    values = named(item.kind, list(item.values))
    return (
        item.boot,
        item.seq,
        item.at_s,
        json_text(values),
        values["faults"] or 0,
        *_older(item),
    )


def _state_row(item: StoredState) -> tuple[Any, ...]:
    facts = item.facts
    app, counter, slot, error = (facts.get(name) for name in FACT_COLUMNS)
    return (
        item.boot,
        item.seq,
        item.at_s,
        item.desired_version,
        app if isinstance(app, str) else None,
        counter if type(counter) is int else None,
        slot if isinstance(slot, str) else None,
        error if isinstance(error, str) else None,
        json_text(facts),
        *_older(item),
    )


def _mains_row(item: StoredEvent) -> tuple[Any, ...]:
    return (item.boot, item.seq, mains_after(item), *_older(item))


def _older(item: Stored) -> tuple[Any, ...]:
    return (item.node_id, item.boot, item.boot, item.seq)
