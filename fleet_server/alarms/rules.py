"""Which outage do dark lamps point to: lamp, feeder or cabinet. Pure.

A node is *dark* when it told so itself (last gasp, or a report without mains voltage) and *silent*
when the broker gave out its last will or its reports are overdue. Silence alone is a loss of
communication (communication.py); beside dark siblings it is a last gasp that got lost.

- One dark lamp on a feeder whose others burn: the lamp.
- Two dark ones on a feeder within the correlation time, or one with silent siblings that outnumber
  the ones still heard: the feeder.
- Two dark feeders of a cabinet, at the same time or with no other feeder alive: the cabinet.
- An alarm keeps what is under it until all its nodes have mains again: growing and partly restored
  outages are the same alarm, and a wider one absorbs the narrower ones.
- Evidence counts after `outage_confirm_s`; planned switching excuses everything under it.

    findings = outages(situation, open_alarms)   # what we think, printable
    for change in outage_changes(situation, open_alarms): ...   # what to do about it

Left to others: storing (service.py), faults (faults.py), telling people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fleet_server.alarms.clusters import Cluster, clusters_of, went_silent_with
from fleet_server.alarms.life import (
    CABINET_OUTAGE,
    COMMUNICATION_LOSS,
    FEEDER_OUTAGE,
    LAMP_OUTAGE,
    NODE_OUTAGE,
    OUTAGES,
    Change,
    Clear,
    OpenAlarm,
    Raise,
    Update,
    Verdict,
)
from fleet_server.alarms.situation import Situation
from fleet_server.alarms.topology import Topology

PRIORITY_OF = {
    CABINET_OUTAGE: "critical",
    FEEDER_OUTAGE: "high",
    LAMP_OUTAGE: "medium",
    NODE_OUTAGE: "medium",
}


def outage_changes(situation: Situation, open_alarms: Sequence[OpenAlarm]) -> list[Change]:
    """What to do about all outage alarms at this moment; an empty list when nothing changed."""
    outages_open = [alarm for alarm in open_alarms if alarm.cause in OUTAGES]
    verdicts = [found for found in outages(situation, outages_open) if found.confirmed]
    by_key = {alarm.key: alarm for alarm in outages_open}
    changes: list[Change] = []
    ended: set[int] = set()
    for verdict in verdicts:
        known = by_key.get(verdict.key)
        absorbs = _absorbed_by(verdict, open_alarms, situation.topology, ended)
        ended.update(absorbs)
        if known is None:
            changes.append(Raise(verdict, absorbs))
        elif _differs(known, verdict) or absorbs:
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
    for alarm in outages_open:
        if alarm.key not in spoken and alarm.alarm_id not in ended:
            changes.extend(_without_verdict(situation, alarm))
    return changes


def outages(situation: Situation, open_alarms: Sequence[OpenAlarm]) -> list[Verdict]:
    """The root causes that explain who is dark, confirmed ones and ones that still wait.

    Args:
        situation: Evidence and topology at this moment.
        open_alarms: The active outage alarms, which keep the nodes under them.
    """
    held = {
        (alarm.object_kind, alarm.object_id): alarm
        for alarm in open_alarms
        if alarm.object_kind in ("feeder", "cabinet") and not _is_over(situation, alarm)
    }
    lamp_alarms = {alarm.object_id for alarm in open_alarms if alarm.object_kind == "node"}
    verdicts: list[Verdict] = []
    for cabinet_id in _cabinets_to_judge(situation, held):
        verdicts.extend(_judge_cabinet(situation, cabinet_id, held, lamp_alarms))
    for node_id, evidence in situation.evidence.items():
        if not evidence.dark or situation.topology.cabinet_of(node_id) is not None:
            continue
        since_s = situation.dark_since(node_id)
        if since_s is not None and node_id in situation.topology.places:
            verdicts.append(_node_verdict(situation, node_id, since_s))
    return verdicts


def _cabinets_to_judge(
    situation: Situation, held: Mapping[tuple[str, str], OpenAlarm]
) -> list[str]:
    """Cabinets with anybody dark or with an alarm under them; the others cost nothing."""
    topology = situation.topology
    found: set[str] = set()
    for node_id, evidence in situation.evidence.items():
        if evidence.dark:
            cabinet_id = topology.cabinet_of(node_id)
            if cabinet_id is not None:
                found.add(cabinet_id)
    for object_kind, object_id in held:
        if object_kind == "cabinet":
            found.add(object_id)
        elif object_id in topology.feeders:
            found.add(topology.feeders[object_id].cabinet_id)
    return sorted(cabinet for cabinet in found if cabinet in topology.cabinets)


def _judge_cabinet(
    situation: Situation,
    cabinet_id: str,
    held: Mapping[tuple[str, str], OpenAlarm],
    lamp_alarms: set[str],
) -> list[Verdict]:
    """The verdicts under one cabinet: the cabinet, or its feeders and lamps each."""
    topology = situation.topology
    cabinet = topology.cabinets[cabinet_id]
    whole = held.get(("cabinet", cabinet_id))
    if whole is not None:
        members = held_members(situation, whole)
        verdicts = [_held_verdict(situation, whole, members)] if members else []
        # A lamp that was dark long before keeps its own alarm.
        return verdicts + _lamps(situation, cabinet.node_ids, set(members))

    clusters: list[Cluster] = []
    for feeder_id in cabinet.feeder_ids:
        if ("feeder", feeder_id) not in held:
            clusters.extend(clusters_of(situation, feeder_id, lamp_alarms))
    held_feeders = [held[("feeder", f)] for f in cabinet.feeder_ids if ("feeder", f) in held]
    escalated = _cabinet_verdict(situation, cabinet_id, clusters, held_feeders)
    if escalated is not None and escalated.confirmed:
        return [escalated, *_lamps(situation, cabinet.node_ids, set(escalated.members))]

    verdicts: list[Verdict] = []
    covered: set[str] = set()
    for alarm in held_feeders:
        members = held_members(situation, alarm)
        covered.update(members)
        if members:
            verdicts.append(_held_verdict(situation, alarm, members))
    for cluster in clusters:
        if cluster.is_feeder:
            verdicts.append(_feeder_verdict(situation, cluster))
            covered.update(cluster.members)
    return verdicts + _lamps(situation, cabinet.node_ids, covered)


def _cabinet_verdict(
    situation: Situation,
    cabinet_id: str,
    clusters: Sequence[Cluster],
    held_feeders: Sequence[OpenAlarm],
) -> Verdict | None:
    """The cabinet as root cause, if two of its feeders are out and nothing speaks against it."""
    fresh = [cluster for cluster in clusters if cluster.widespread]
    # Newest cluster of a feeder only: an older one there is a lamp that died before.
    by_feeder = {cluster.feeder_id: cluster for cluster in fresh}
    out_held = {
        alarm.object_id: members
        for alarm in held_feeders
        if (members := held_members(situation, alarm))
    }
    out = set(by_feeder) | set(out_held)
    if len(out) < 2:
        return None
    starts = [cluster.since_s for cluster in by_feeder.values()]
    starts += [alarm.since_s for alarm in held_feeders if alarm.object_id in out_held]
    together = max(starts) - min(starts) <= situation.policy.correlation_s
    cabinet = situation.topology.cabinets[cabinet_id]
    if not together:
        # One lamp of a feeder that nobody else has spoken for yet is too little here.
        if any(not cluster.is_feeder for cluster in by_feeder.values()):
            return None
        others = [feeder for feeder in cabinet.feeder_ids if feeder not in out]
        if any(_has_power(situation, feeder, max(starts)) for feeder in others):
            return None
    members = {node for cluster in by_feeder.values() for node in cluster.members}
    members.update(node for nodes in out_held.values() for node in nodes)
    confirm_s = situation.policy.outage_confirm_s
    ages = [situation.now_s - cluster.credit_s for cluster in by_feeder.values()]
    confirmed = not ages or max(ages) >= confirm_s
    return _verdict(
        situation,
        CABINET_OUTAGE,
        "cabinet",
        cabinet_id,
        min(starts),
        tuple(sorted(members)),
        confirmed,
    )


def _has_power(situation: Situation, feeder_id: str, after_s: int) -> bool:
    for node_id in situation.topology.feeders[feeder_id].node_ids:
        evidence = situation.evidence.get(node_id)
        if evidence is None or evidence.heard_s is None or evidence.dark:
            continue
        if evidence.heard_s > after_s + 1 and situation.silent_since(node_id) is None:
            return True
    return False


def held_members(situation: Situation, alarm: OpenAlarm) -> tuple[str, ...]:
    """Who is without mains now under an active feeder or cabinet alarm."""
    start_s = alarm.since_s - situation.policy.correlation_s
    nodes = situation.topology.nodes_under(alarm.object_kind, alarm.object_id)
    dark = {node: since_s for node in nodes if (since_s := situation.dark_since(node)) is not None}
    members = {
        node for node, since_s in dark.items() if since_s >= start_s or node in alarm.children
    }
    last_s = max((dark[node] for node in members), default=alarm.since_s)
    for node in nodes:
        evidence = situation.evidence.get(node)
        if node in dark or evidence is None or situation.excused(node):
            continue
        if node in alarm.members:
            # Counted already; only its own voice takes it out, not a pause of our own link.
            if evidence.silent_since_s(situation.stale_s(evidence), situation.now_s) is not None:
                members.add(node)
        elif went_silent_with(situation, node, alarm.since_s, last_s) and members:
            members.add(node)
    return tuple(sorted(members))


def _is_over(situation: Situation, alarm: OpenAlarm) -> bool:
    """Whether what is left of a feeder or cabinet outage is one straggler's own trouble."""
    members = held_members(situation, alarm)
    if not members:
        return False
    told = [node for node in members if situation.dark_since(node) is not None]
    if len(told) > 1:
        return False
    others = (alarm.children - set(members)) & set(situation.topology.places)
    restored = [situation.restored_since(node) for node in others]
    if not restored or any(since_s is None for since_s in restored):
        return False
    latest_s = max(since_s for since_s in restored if since_s is not None)
    return situation.now_s - latest_s >= situation.policy.straggler_s


def _lamps(situation: Situation, node_ids: Iterable[str], covered: set[str]) -> list[Verdict]:
    """The dark nodes that no wider cause explains, each by itself."""
    found: list[Verdict] = []
    for node_id in node_ids:
        since_s = situation.dark_since(node_id)
        if since_s is not None and node_id not in covered:
            found.append(_node_verdict(situation, node_id, since_s))
    return found


def _node_verdict(situation: Situation, node_id: str, since_s: int) -> Verdict:
    lamp = situation.topology.places[node_id].luminaire
    confirmed = situation.now_s - since_s >= situation.policy.outage_confirm_s
    cause = LAMP_OUTAGE if lamp else NODE_OUTAGE
    return _verdict(situation, cause, "node", node_id, since_s, (node_id,), confirmed)


def _feeder_verdict(situation: Situation, cluster: Cluster) -> Verdict:
    confirmed = situation.now_s - cluster.credit_s >= situation.policy.outage_confirm_s
    return _verdict(
        situation,
        FEEDER_OUTAGE,
        "feeder",
        cluster.feeder_id,
        cluster.since_s,
        cluster.members,
        confirmed,
    )


def _held_verdict(situation: Situation, alarm: OpenAlarm, members: tuple[str, ...]) -> Verdict:
    return _verdict(
        situation, alarm.cause, alarm.object_kind, alarm.object_id, alarm.since_s, members, True
    )


def _verdict(
    situation: Situation,
    cause: str,
    object_kind: str,
    object_id: str,
    since_s: int,
    members: tuple[str, ...],
    confirmed: bool,
) -> Verdict:
    topology = situation.topology
    under = topology.nodes_under(object_kind, object_id)
    gasps = sum(1 for node in members if situation.evidence[node].gasped)
    dark = sum(1 for node in members if situation.evidence[node].dark)
    evidence = {
        "last_gasps": gasps,
        "dark": dark,
        "silent": len(members) - dark,
        "powered": sum(1 for node in under if situation.restored_since(node) is not None),
    }
    return Verdict(
        cause,
        object_kind,
        object_id,
        since_s,
        members,
        topology.lamps_among(members),
        topology.lamps_among(under),
        PRIORITY_OF[cause],
        confirmed,
        evidence=evidence,
    )


def _absorbed_by(
    verdict: Verdict, open_alarms: Sequence[OpenAlarm], topology: Topology, ended: set[int]
) -> tuple[int, ...]:
    """The active alarms that a verdict explains: narrower outages and silence under it."""
    members = set(verdict.members)
    found: list[int] = []
    for alarm in open_alarms:
        if alarm.alarm_id in ended or alarm.key == verdict.key:
            continue
        if alarm.cause not in (*OUTAGES, COMMUNICATION_LOSS):
            continue
        if alarm.cause == CABINET_OUTAGE or not alarm.members:
            continue
        if alarm.members <= members:
            found.append(alarm.alarm_id)
    return tuple(found)


def _differs(alarm: OpenAlarm, verdict: Verdict) -> bool:
    return (
        alarm.members != frozenset(verdict.members)
        or alarm.total != verdict.total
        or alarm.count != verdict.count
        or alarm.evidence != verdict.evidence
    )


def _without_verdict(situation: Situation, alarm: OpenAlarm) -> list[Change]:
    """An alarm for which nothing speaks any more: empty at first, over after the hold."""
    known = [
        node
        for node in alarm.children
        if node in situation.topology.places and not situation.excused(node)
    ]
    since = [situation.restored_since(node) for node in known]
    if all(
        since_s is not None and situation.now_s - since_s >= situation.policy.restore_hold_s
        for since_s in since
    ):
        return [Clear(alarm.alarm_id)]
    if _is_over(situation, alarm):
        return [Clear(alarm.alarm_id)]
    if alarm.members and not held_members(situation, alarm):
        total = situation.topology.lamps_among(
            situation.topology.nodes_under(alarm.object_kind, alarm.object_id)
        )
        return [Update(alarm.alarm_id, (), 0, total, alarm.evidence)]
    return []
