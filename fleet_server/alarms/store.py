"""Reads what the alarm rules need from the database, and writes what they decide.

    book = open_alarms(session)                      # after a restart
    news = carry_out(session, changes, names, ...)   # in one transaction

Left to others: when to look (watch.py), what people do with alarms (service.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, update
from sqlmodel import Session, col, func, select

from fleet_server.alarms import life
from fleet_server.alarms.evidence import Evidence, Observation, fold
from fleet_server.alarms.life import Change, Clear, OpenAlarm, Raise, Update, Verdict
from fleet_server.alarms.models import Alarm, AlarmChild, PlannedSwitching
from fleet_server.alarms.observe import of_event, of_report, of_state
from fleet_server.alarms.topology import Place, Topology, build
from fleet_server.registry.models import Cabinet, Feeder, Node
from fleet_server.telemetry.models import Event, NodeState, Report
from fleet_server.web import system_actor
from protocols.fields import KIND_NAMES, STREETLIGHT
from protocols.messages import OFFLINE

LUMINAIRE = KIND_NAMES[STREETLIGHT]
# A list shows so many of an alarm's nodes; its count tells the rest.
CHILDREN_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of both clocks.

    Attributes:
        now_s: City time.
        system_now_s: Machine time.
        speed: City seconds in one real second.
    """

    now_s: int
    system_now_s: int
    speed: float


def load_topology(session: Session) -> Topology:
    """The supply of every node that is in service or has ever spoken."""
    spoken = set(session.exec(select(NodeState.node_id)))
    places = [
        Place(node.id, node.name, node.kind == LUMINAIRE, node.feeder_id)
        for node in session.exec(select(Node).where(Node.state != "retired"))
        if node.state != "planned" or node.id in spoken
    ]
    feeders = [(row.id, row.name, row.cabinet_id) for row in session.exec(select(Feeder))]
    cabinets = [(row.id, row.name) for row in session.exec(select(Cabinet))]
    return build(places, feeders, cabinets)


def load_evidence(session: Session) -> dict[str, Evidence]:
    """The evidence as the last messages of each node left it."""
    seen: dict[str, list[Observation]] = {}
    on_mains = select(Event).join(
        NodeState,
        (col(NodeState.node_id) == col(Event.node_id))
        & (col(NodeState.mains_boot) == col(Event.boot))
        & (col(NodeState.mains_seq) == col(Event.seq)),
    )
    for row in session.exec(on_mains):
        seen.setdefault(row.node_id, []).append(_of_event(row))
    latest = select(Report).join(
        NodeState,
        (col(NodeState.node_id) == col(Report.node_id))
        & (col(NodeState.boot) == col(Report.boot))
        & (col(NodeState.seq) == col(Report.seq)),
    )
    for row in session.exec(latest):
        stamp = (row.boot, row.seq)
        found = of_report(row.node_id, row.kind, stamp, row.received_s, row.at_s, row.values)
        seen.setdefault(row.node_id, []).append(found)
    for state in session.exec(select(NodeState).where(NodeState.state_boot >= 0)):
        stamp = (state.state_boot, state.state_seq)
        # Its own time of arrival is not kept; it is at most as late as the newest message's.
        seen.setdefault(state.node_id, []).append(
            of_state(state.node_id, stamp, state.received_s, state.state_at_s or 0, state.facts)
        )
    _add_last_wills(session, seen)
    evidence: dict[str, Evidence] = {}
    for node_id, items in seen.items():
        found = Evidence(node_id)
        for item in sorted(items, key=lambda item: (item.will, item.received_s, item.stamp)):
            found = fold(found, item)
        evidence[node_id] = found
    return evidence


def _add_last_wills(session: Session, seen: dict[str, list[Observation]]) -> None:
    offline = select(NodeState.node_id).where(col(NodeState.online).is_(False))
    newest = (
        select(Event.node_id, func.max(col(Event.received_s)))
        .where(Event.code == OFFLINE, col(Event.node_id).in_(offline))
        .group_by(col(Event.node_id))
    )
    wanted = dict(session.exec(newest).all())
    query = select(Event).where(Event.code == OFFLINE, col(Event.node_id).in_(offline))
    for row in session.exec(query):
        if wanted[row.node_id] == row.received_s:
            seen.setdefault(row.node_id, []).append(_of_event(row))


def _of_event(row: Event) -> Observation:
    stamp = (row.boot, row.seq)
    return of_event(row.node_id, row.kind, stamp, row.received_s, row.at_s, row.code, row.detail)


def load_excuses(session: Session, topology: Topology, moment: Moment) -> dict[str, int]:
    """Until which system second each node is excused by planned switching.

    One that ended is kept for a day: what went dark under it is judged from its end on.
    """
    query = select(PlannedSwitching).where(
        col(PlannedSwitching.from_s) <= moment.now_s,
        col(PlannedSwitching.until_s) > moment.now_s - 86400,
    )
    excused: dict[str, int] = {}
    for row in session.exec(query):
        left_s = (row.until_s - moment.now_s) / moment.speed
        until_s = moment.system_now_s + int(left_s)
        for node_id in topology.nodes_under(row.object_kind, row.object_id):
            excused[node_id] = max(until_s, excused.get(node_id, 0))
    return excused


def open_alarms(session: Session) -> dict[int, OpenAlarm]:
    """The active alarms with all nodes that they ever counted."""
    found: dict[int, OpenAlarm] = {}
    query = select(Alarm).where(col(Alarm.state).in_(life.ACTIVE_STATES))
    for row in session.exec(query):
        assert row.id is not None
        children = list(session.exec(select(AlarmChild).where(AlarmChild.alarm_id == row.id)))
        found[row.id] = OpenAlarm(
            row.id,
            row.cause,
            row.object_kind,
            row.object_id,
            row.since_s,
            frozenset(child.node_id for child in children),
            frozenset(child.node_id for child in children if child.affected),
            row.count,
            row.total,
            row.which,
            row.evidence,
        )
    return found


def carry_out(
    session: Session, changes: Iterable[Change], topology: Topology, moment: Moment
) -> list[tuple[Change, int]]:
    """Stores what was decided; returns each change with its alarm's number."""
    done: list[tuple[Change, int]] = []
    for change in changes:
        match change:
            case Raise():
                number = _raise(session, change.verdict, topology, moment)
                _absorb(session, change.absorbs, number, moment)
            case Update():
                number = change.alarm_id
                _update(session, change, moment)
                _absorb(session, change.absorbs, number, moment)
            case Clear():
                number = change.alarm_id
                _end(session, number, "clear", moment)
        done.append((change, number))
    return done


def shown(session: Session, rows: Sequence[Alarm]) -> list[dict[str, Any]]:
    """Alarms as screens and commands read them."""
    return [_shown(session, row) for row in rows]


def _shown(session: Session, row: Alarm) -> dict[str, Any]:
    query = (
        select(AlarmChild.node_id, AlarmChild.affected, Node.name)
        .join(Node, col(Node.id) == col(AlarmChild.node_id))
        .where(AlarmChild.alarm_id == row.id)
        .order_by(col(AlarmChild.affected).desc(), AlarmChild.node_id)
        .limit(CHILDREN_SHOWN)
    )
    children = [
        {"node_id": node_id, "name": name, "affected": affected}
        for node_id, affected, name in session.exec(query)
    ]
    return row.model_dump(exclude={"since_s"}) | {
        "state": "active" if row.state in life.ACTIVE_STATES else "cleared",
        "acknowledged": row.acknowledged_by is not None,
        "object_name": row.title.get("name", row.object_id),
        "title": {key: value for key, value in row.title.items() if key != "most"},
        "children": children,
    }


def _raise(session: Session, verdict: Verdict, topology: Topology, moment: Moment) -> int:
    title: dict[str, Any] = {"name": topology.name_of(verdict.object_kind, verdict.object_id)}
    if verdict.object_kind == "feeder" and verdict.object_id in topology.feeders:
        cabinet_id = topology.feeders[verdict.object_id].cabinet_id
        title["cabinet"] = topology.name_of("cabinet", cabinet_id)
    if verdict.which:
        title["fault"] = verdict.which
    title["most"] = {"count": verdict.count, "evidence": verdict.evidence}
    row = Alarm(
        cause=verdict.cause,
        object_kind=verdict.object_kind,
        object_id=verdict.object_id,
        which=verdict.which,
        priority=verdict.priority,
        title=title,
        count=verdict.count,
        total=verdict.total,
        state=life.step(life.NEW, "raise"),
        since_s=verdict.since_s,
        raised_s=moment.now_s,
        raised_system_s=moment.system_now_s,
        updated_s=moment.now_s,
        evidence=verdict.evidence,
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    children = [
        {"alarm_id": row.id, "node_id": node_id, "affected": True} for node_id in verdict.members
    ]
    if children:
        session.connection().execute(insert(AlarmChild), children)
    return row.id


def _update(session: Session, change: Update, moment: Moment) -> None:
    row = session.get_one(Alarm, change.alarm_id)
    row.state = life.step(row.state, "escalate" if change.escalated else "update")
    if change.escalated:
        row.acknowledged_by = row.acknowledged_s = None
    row.count = change.count
    row.total = change.total
    row.evidence = change.evidence
    if change.count >= row.title["most"]["count"]:
        most = {"count": change.count, "evidence": change.evidence}
        row.title = row.title | {"most": most}
    row.priority = change.priority or row.priority
    row.updated_s = moment.now_s
    session.add(row)
    members = set(change.members)
    known = {
        child.node_id: child
        for child in session.exec(select(AlarmChild).where(AlarmChild.alarm_id == row.id))
    }
    for node_id, child in known.items():
        child.affected = node_id in members
        session.add(child)
    for node_id in sorted(members - known.keys()):
        session.add(AlarmChild(alarm_id=change.alarm_id, node_id=node_id, affected=True))
    session.flush()


def _absorb(session: Session, numbers: Iterable[int], into: int, moment: Moment) -> None:
    for number in numbers:
        row = _end(session, number, "absorb", moment)
        row.absorbed_into = into
        if row.acknowledged_by is None:
            # The wider alarm asks for attention now; this one must not do so too.
            row.acknowledged_by, row.acknowledged_s = system_actor("alarms").name, moment.now_s
    session.flush()


def _end(session: Session, number: int, event: str, moment: Moment) -> Alarm:
    row = session.get_one(Alarm, number)
    row.state = life.step(row.state, event)
    row.cleared_s = row.updated_s = moment.now_s
    row.cleared_system_s = moment.system_now_s
    # Who looks back wants to know how bad it was, not that nothing is left of it.
    row.count = row.title["most"]["count"]
    row.evidence = row.title["most"]["evidence"]
    session.add(row)
    session.connection().execute(
        update(AlarmChild).where(col(AlarmChild.alarm_id) == number).values(affected=False)
    )
    return row
