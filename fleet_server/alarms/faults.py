"""Alarms on the condition of single nodes: faults that they report, fire, flood levels. Pure.

Nodes debounce their own faults, so an alarm follows the report at once. While a node is without
mains its electrical faults are children of that outage and stay silent.

    for change in fault_changes(situation, open_alarms): ...
"""

from __future__ import annotations

from collections.abc import Sequence

from fleet_server.alarms.evidence import Evidence
from fleet_server.alarms.life import (
    FLOOD_LEVEL,
    NODE_FAULT,
    Change,
    Clear,
    OpenAlarm,
    Raise,
    Update,
    Verdict,
)
from fleet_server.alarms.situation import Situation

# Their root causes are looked for in rules.py and communication.py.
EXPLAINED_ELSEWHERE = frozenset({"supply_loss", "communication_failure"})

# These have nothing to do with electricity: they count in the dark too.
PHYSICAL = frozenset({"fire", "tilt", "door_open"})

# Everything else is "medium".
FAULT_PRIORITY = {
    "fire": "critical",
    "leakage": "high",
    "tilt": "high",
    "high_temperature": "high",
    "breaker_tripped": "high",
    "contactor_welded": "high",
    "phase_loss": "high",
    "switching_error_on": "high",
    "local_override": "low",
    "low_battery": "low",
    "power_factor_too_low": "low",
}
FLOOD_PRIORITY = {1: "medium", 2: "high", 3: "critical"}


def fault_changes(situation: Situation, open_alarms: Sequence[OpenAlarm]) -> list[Change]:
    """What to do about the alarms on node conditions."""
    mine = {alarm.key: alarm for alarm in open_alarms if alarm.cause in (NODE_FAULT, FLOOD_LEVEL)}
    alarmed: dict[str, list[OpenAlarm]] = {}
    for alarm in mine.values():
        alarmed.setdefault(alarm.object_id, []).append(alarm)
    changes: list[Change] = []
    for node_id, evidence in situation.evidence.items():
        # Almost all nodes are well: this line is what ten thousand of them cost.
        if not (evidence.faults or evidence.flood_level or node_id in alarmed):
            continue
        if node_id not in situation.topology.places:
            continue
        verdicts = conditions(situation, evidence)
        spoken = {verdict.key for verdict in verdicts}
        unsettled = _unsettled(situation, node_id)
        for verdict in verdicts:
            if not unsettled or verdict.which in PHYSICAL:
                changes.extend(_open_or_update(mine.get(verdict.key), verdict))
        for alarm in alarmed.get(node_id, []):
            if alarm.key not in spoken and not unsettled:
                changes.append(Clear(alarm.alarm_id))
    for node_id, alarms in alarmed.items():
        if node_id not in situation.topology.places:
            changes.extend(Clear(alarm.alarm_id) for alarm in alarms)
    return changes


def conditions(situation: Situation, evidence: Evidence) -> list[Verdict]:
    """The alarms that one node's own words call for."""
    found: list[Verdict] = []
    for fault in sorted(evidence.faults - EXPLAINED_ELSEWHERE):
        priority = FAULT_PRIORITY.get(fault, "medium")
        found.append(_verdict(situation, NODE_FAULT, evidence.node_id, fault, priority, {}))
    if evidence.flood_level:
        detail = {"level": evidence.flood_level}
        priority = FLOOD_PRIORITY.get(evidence.flood_level, "critical")
        found.append(_verdict(situation, FLOOD_LEVEL, evidence.node_id, "", priority, detail))
    return found


def _unsettled(situation: Situation, node_id: str) -> bool:
    """Whether a node is dark, or has had its mains back for too short a time to judge."""
    evidence = situation.evidence[node_id]
    if evidence.mains is None:
        return False
    if evidence.dark:
        return True
    return situation.now_s - evidence.mains_since_s < situation.policy.restore_hold_s


def _open_or_update(known: OpenAlarm | None, verdict: Verdict) -> list[Change]:
    if known is None:
        return [Raise(verdict)]
    if known.evidence == verdict.evidence:
        return []
    risen = verdict.evidence.get("level", 0) > known.evidence.get("level", 0)
    return [
        Update(
            known.alarm_id,
            verdict.members,
            1,
            1,
            verdict.evidence,
            escalated=risen,
            priority=verdict.priority,
        )
    ]


def _verdict(
    situation: Situation,
    cause: str,
    node_id: str,
    which: str,
    priority: str,
    detail: dict[str, int],
) -> Verdict:
    return Verdict(
        cause,
        "node",
        node_id,
        situation.now_s,
        (node_id,),
        1,
        1,
        priority,
        True,
        which=which,
        evidence=dict(detail),
    )
