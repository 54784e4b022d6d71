"""Turns what ingest stored into observations for the rules. Pure.

Only luminaires and control cabinets have mains to lose: a cold boot of one shows that its mains are
there, and so does the voltage that it measures, a cabinet's on any phase. Kinds that tell of their
mains by events are believed too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fleet_server.alarms.evidence import Observation
from fleet_server.ports import StoredEvent, StoredReport, StoredState
from protocols.fields import CONTROL_CABINET, FIELDS, RESERVOIR, STREETLIGHT, fault_names
from protocols.limits import REPORT_MAX_S
from protocols.messages import (
    BOOTED,
    FAULT_OFF,
    FAULT_ON,
    FLOOD_LEVEL_CHANGED,
    LAST_GASP,
    MAINS_RESTORED,
    OFFLINE,
)

# Half of what the lowest grid on Earth delivers; a dead line picks up some volts.
MAINS_LEAST_V = 50
# Who claims to sleep for longer would never be missed.
SLEEP_MAX_S = REPORT_MAX_S

Stored = StoredReport | StoredEvent | StoredState


def _position(kind: int, name: str) -> int:
    return next(index for index, field in enumerate(FIELDS[kind]) if field[0] == name)


_FAULTS = {kind: _position(kind, "faults") for kind in FIELDS}
_VOLTAGES = {
    STREETLIGHT: (_position(STREETLIGHT, "mains_voltage_v"),),
    CONTROL_CABINET: tuple(_position(CONTROL_CABINET, f"voltage_l{n}_v") for n in (1, 2, 3)),
}
_VOLTAGE_SCALE = 10
assert all(FIELDS[kind][at][2] == _VOLTAGE_SCALE for kind in _VOLTAGES for at in _VOLTAGES[kind])
_FLOOD = _position(RESERVOIR, "flood_alarm_level")


def observations(items: Iterable[Stored]) -> list[Observation]:
    """What stored messages say, in the same order."""
    return [observed(item) for item in items]


def observed(item: Stored) -> Observation:
    """What one stored message says."""
    stamp = (item.boot, item.seq)
    if isinstance(item, StoredReport):
        return of_report(item.node_id, item.kind, stamp, item.received_s, item.at_s, item.values)
    if isinstance(item, StoredEvent):
        return of_event(
            item.node_id, item.kind, stamp, item.received_s, item.at_s, item.code, item.detail
        )
    return of_state(item.node_id, stamp, item.received_s, item.at_s, item.facts)


def of_state(
    node_id: str, stamp: tuple[int, int], received_s: int, at_s: int, facts: dict[str, Any]
) -> Observation:
    """What a reported state says: that the node speaks, and whether it will sleep."""
    return Observation(node_id, stamp, received_s, at_s, sleep_s=sleep_s_of(facts))


def sleep_s_of(facts: dict[str, Any]) -> int:
    """City seconds between the reports of a node that sleeps between them, 0 for the others."""
    sleep_s = facts.get("sleep_s")
    return sleep_s if type(sleep_s) is int and 0 < sleep_s <= SLEEP_MAX_S else 0


def of_report(
    node_id: str,
    kind: int,
    stamp: tuple[int, int],
    received_s: int,
    at_s: int,
    values: Sequence[int | None],
) -> Observation:
    """What a report of scaled values says."""
    faults = values[_FAULTS[kind]]
    voltages = [values[at] for at in _VOLTAGES.get(kind, ())]
    voltage = max((each for each in voltages if each is not None), default=None)
    flood = values[_FLOOD] if kind == RESERVOIR else None
    return Observation(
        node_id,
        stamp,
        received_s,
        at_s,
        mains=None if voltage is None else voltage >= MAINS_LEAST_V * _VOLTAGE_SCALE,
        faults=None if faults is None else frozenset(fault_names(kind, faults)),
        flood_level=flood,
    )


def of_event(
    node_id: str,
    kind: int,
    stamp: tuple[int, int],
    received_s: int,
    at_s: int,
    code: int,
    detail: dict[str, Any],
) -> Observation:
    """What an event says."""
    if code == OFFLINE:
        return Observation(node_id, stamp, received_s, at_s, will=True)
    if code in (LAST_GASP, MAINS_RESTORED):
        return Observation(
            node_id, stamp, received_s, at_s, mains=code == MAINS_RESTORED, certain=True
        )
    if code == BOOTED:
        # A lamp has no battery: what boots has power, unless it says otherwise.
        mains = detail.get("mains") is not False if kind in _VOLTAGES else None
        return Observation(node_id, stamp, received_s, at_s, mains=mains, certain=True)
    if code == FLOOD_LEVEL_CHANGED:
        # It comes before the reports that waited with it, and must not wait for them.
        level = detail.get("level")
        return Observation(
            node_id,
            stamp,
            received_s,
            at_s,
            flood_level=level if type(level) is int and 0 <= level <= 3 else None,
        )
    fault = detail.get("fault")
    named = frozenset({fault}) if isinstance(fault, str) else frozenset[str]()
    return Observation(
        node_id,
        stamp,
        received_s,
        at_s,
        faults_on=named if code == FAULT_ON else frozenset(),
        faults_off=named if code == FAULT_OFF else frozenset(),
    )
