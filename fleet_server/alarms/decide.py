"""All rules together, once: from the situation and the active alarms to what must change. Pure.

changes = decide(situation, open_alarms)    # a printable plan; service.py carries it out
"""

from __future__ import annotations

from collections.abc import Sequence

from fleet_server.alarms.communication import communication_changes
from fleet_server.alarms.faults import fault_changes
from fleet_server.alarms.life import OUTAGES, Change, Clear, OpenAlarm
from fleet_server.alarms.rules import outage_changes, outages
from fleet_server.alarms.situation import Situation


def decide(situation: Situation, open_alarms: Sequence[OpenAlarm]) -> list[Change]:
    """The changes that make the active alarms fit the situation; none when they fit already."""
    changes = outage_changes(situation, open_alarms)
    ended = {number for change in changes for number in getattr(change, "absorbs", ())}
    ended |= {change.alarm_id for change in changes if isinstance(change, Clear)}
    left = [alarm for alarm in open_alarms if alarm.alarm_id not in ended]
    changes += communication_changes(situation, left, _explained(situation, left))
    return changes + fault_changes(situation, left)


def _explained(situation: Situation, open_alarms: Sequence[OpenAlarm]) -> frozenset[str]:
    """Nodes that an outage accounts for, also one that still waits for its confirmation."""
    outages_open = [alarm for alarm in open_alarms if alarm.cause in OUTAGES]
    nodes: set[str] = set()
    for alarm in outages_open:
        nodes |= alarm.members
    for verdict in outages(situation, outages_open):
        nodes.update(verdict.members)
    return frozenset(nodes)
