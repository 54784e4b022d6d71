"""Who is silent though nobody told of a mains loss: a loss of communication, not an outage. Pure.

Causes are grouped by what the silent nodes share: the whole fleet (our broker, the operator's
network), a cabinet, a feeder (an access point is often mounted there), else the node itself.
Nodes that an outage explains are none of this module's business; a pause of our own link to the
broker proves nothing about the nodes.

    for change in communication_changes(situation, open_alarms, explained): ...
"""

from __future__ import annotations

from collections.abc import Sequence

from fleet_server.alarms.life import (
    COMMUNICATION_LOSS,
    Change,
    Clear,
    OpenAlarm,
    Raise,
    Update,
    Verdict,
)
from fleet_server.alarms.situation import Situation

PRIORITY_OF = {"fleet": "high", "cabinet": "medium", "feeder": "medium", "node": "low"}

# From this share of an object's nodes on, the object itself is the likelier cause.
_SHARE_PERCENT = 80
_FLEET_SHARE_PERCENT = 50
_FLEET_LEAST = 5
# Under this share what is left has causes of its own.
_KEEP_PERCENT = 25


def communication_changes(
    situation: Situation, open_alarms: Sequence[OpenAlarm], explained: frozenset[str]
) -> list[Change]:
    """What to do about the alarms on lost communication.

    Args:
        situation: Evidence and topology.
        open_alarms: All active alarms.
        explained: Nodes that an active or waiting outage accounts for.
    """
    if situation.link_up_s is None:
        return []
    mine = [alarm for alarm in open_alarms if alarm.cause == COMMUNICATION_LOSS]
    verdicts = [
        found for found in communication_losses(situation, mine, explained) if found.confirmed
    ]
    by_key = {alarm.key: alarm for alarm in mine}
    changes: list[Change] = []
    ended: set[int] = set()
    for verdict in verdicts:
        members = frozenset(verdict.members)
        absorbs = tuple(
            alarm.alarm_id
            for alarm in mine
            if alarm.key != verdict.key
            and alarm.alarm_id not in ended
            and alarm.members
            and alarm.members <= members
        )
        ended.update(absorbs)
        known = by_key.get(verdict.key)
        if known is None:
            changes.append(Raise(verdict, absorbs))
        elif known.members != members or known.total != verdict.total or absorbs:
            changes.append(
                Update(
                    known.alarm_id,
                    verdict.members,
                    verdict.count,
                    verdict.total,
                    verdict.evidence,
                    absorbs,
                )
            )
    spoken = {verdict.key for verdict in verdicts}
    for alarm in mine:
        if alarm.key not in spoken and alarm.alarm_id not in ended:
            changes.extend(_without_verdict(situation, alarm, explained))
    return changes


def communication_losses(
    situation: Situation, open_alarms: Sequence[OpenAlarm], explained: frozenset[str]
) -> list[Verdict]:
    """The losses that explain who is silent, widest first."""
    silent = {
        node: since_s
        for node in situation.evidence
        if node in situation.topology.places
        and node not in explained
        and (since_s := situation.silent_since(node)) is not None
    }
    if not silent:
        return []
    held = {(alarm.object_kind, alarm.object_id) for alarm in open_alarms}
    verdicts: list[Verdict] = []
    for object_kind, object_id in _objects(situation, silent):
        members = _shared(situation, object_kind, object_id, silent, held)
        if members:
            verdicts.append(_verdict(situation, object_kind, object_id, members))
            for node in members:
                del silent[node]
    return verdicts


def _objects(situation: Situation, silent: dict[str, int]) -> list[tuple[str, str]]:
    """What could be the cause, widest first."""
    topology = situation.topology
    feeders = {topology.places[node].feeder_id for node in silent}
    cabinets = {topology.cabinet_of(node) for node in silent}
    objects = [("fleet", "fleet")]
    objects += [("cabinet", name) for name in sorted(c for c in cabinets if c is not None)]
    objects += [
        ("feeder", name) for name in sorted(f for f in feeders if f in topology.feeders and f)
    ]
    objects += [("node", name) for name in sorted(silent)]
    return objects


def _shared(
    situation: Situation,
    object_kind: str,
    object_id: str,
    silent: dict[str, int],
    held: set[tuple[str, str]],
) -> dict[str, int]:
    """The silent nodes under an object if it is their likely common cause, else none."""
    under = [
        node
        for node in situation.topology.nodes_under(object_kind, object_id)
        if node in situation.evidence and situation.evidence[node].heard_s is not None
    ]
    members = {node: silent[node] for node in under if node in silent}
    if object_kind == "node" or not members:
        return members
    share = 100 * len(members) // len(under)
    if (object_kind, object_id) in held and share >= _KEEP_PERCENT:
        return members
    if object_kind == "fleet":
        enough = len(members) >= _FLEET_LEAST and share >= _FLEET_SHARE_PERCENT
    else:
        enough = len(members) >= 2 and share >= _SHARE_PERCENT
        feeders = {situation.topology.places[node].feeder_id for node in members}
        enough = enough and (object_kind == "feeder" or len(feeders) >= 2)
    return members if enough else {}


def _verdict(
    situation: Situation, object_kind: str, object_id: str, members: dict[str, int]
) -> Verdict:
    topology = situation.topology
    total = len(topology.nodes_under(object_kind, object_id))
    wills = sum(1 for node in members if situation.evidence[node].will_s is not None)
    since_s = min(members.values())
    return Verdict(
        COMMUNICATION_LOSS,
        object_kind,
        object_id,
        since_s,
        tuple(sorted(members)),
        len(members),
        total,
        PRIORITY_OF[object_kind],
        situation.now_s - since_s >= situation.policy.communication_confirm_s,
        evidence={"last_wills": wills, "overdue": len(members) - wills},
    )


def _without_verdict(
    situation: Situation, alarm: OpenAlarm, explained: frozenset[str]
) -> list[Change]:
    """An alarm whose nodes are heard again, or whose rest has other causes."""
    still = [node for node in alarm.members if situation.silent_since(node) is not None]
    waiting = [node for node in still if node not in explained]
    if waiting and alarm.object_kind == "node":
        return []
    voices = [
        situation.evidence[node].voice_since_s
        for node in alarm.children - set(still)
        if node in situation.evidence and node in situation.topology.places
    ]
    if all(situation.now_s - voice_s >= situation.policy.restore_hold_s for voice_s in voices):
        return [Clear(alarm.alarm_id)]
    if alarm.members:
        # Who is still silent has an alarm of its own now.
        return [Update(alarm.alarm_id, (), 0, alarm.total, alarm.evidence)]
    return []
