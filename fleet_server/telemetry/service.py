"""What the screens show of nodes: registry and latest state joined, history, events, refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlmodel import Session, col, func, or_, select

from fleet_server.errors import InvalidError, NotFoundError
from fleet_server.ports import Database
from fleet_server.provisioning.models import Certificate
from fleet_server.registry.models import Cabinet, Feeder, Node, NodeGroup, NodeGroupMember
from fleet_server.registry.rules import NODE_STATES, fold
from fleet_server.telemetry.models import Event, NodeState, RefusedCount, RefusedMessage, Report
from protocols.fields import KIND_CODES, KIND_NAMES, fault_names, fields_of
from protocols.messages import EVENT_NAMES

# The newest rows win: a month at one report a minute fits, more would not show on a screen.
READINGS = 50_000
# What a chart can show; more points are thinned to this many.
POINTS = 2_000
EVENTS = 500
REFUSED = 200

# Node ids (None: all) -> the version that the server wants of each.
DesiredVersions = Callable[[Session, Sequence[str] | None], dict[str, int]]


def no_desired_versions(_: Session, __: Sequence[str] | None) -> dict[str, int]:
    """For a server without commands."""
    return {}


def nodes(
    database: Database,
    desired_versions: DesiredVersions,
    *,
    kind: str = "",
    q: str = "",
    group: str = "",
    state: str = "",
    limit: int = 20_000,
    offset: int = 0,
) -> dict[str, Any]:
    """Nodes by id with their latest state; retired ones only when asked for.

    Args:
        database: the store.
        desired_versions: gives the wanted versions.
        kind: a kind's name.
        q: words that must all occur in id, name or address, accents optional.
        group: a group's id.
        state: `online`, `offline`, `dark`, `fault`, or a node's state of life.
        limit: at most so many.
        offset: after leaving out so many.

    Raises:
        InvalidError: an unknown kind or state.
        NotFoundError: an unknown group.
    """
    query = select(Node, NodeState).join(
        NodeState, col(NodeState.node_id) == col(Node.id), isouter=True
    )
    conditions = _life(state)
    if kind:
        if kind not in KIND_CODES:
            raise InvalidError(f"There is no kind {kind!r}.", field="kind")
        conditions.append(col(Node.kind) == kind)
    conditions += [col(Node.folded).contains(word, autoescape=True) for word in fold(q).split()]
    with database.read() as session:
        if group:
            if session.get(NodeGroup, group) is None:
                raise NotFoundError(f"There is no group {group!r}.")
            members = select(NodeGroupMember.node_id).where(NodeGroupMember.group_id == group)
            conditions.append(col(Node.id).in_(members))
        query = query.where(*conditions)
        total = session.exec(
            select(func.count())
            .select_from(Node)
            .join(NodeState, col(NodeState.node_id) == col(Node.id), isouter=True)
            .where(*conditions)
        ).one()
        rows = list(session.exec(query.order_by(Node.id).offset(offset).limit(limit)))
        ids = None if len(rows) > 500 else [node.id for node, _ in rows]
        shown = _shown(session, rows, desired_versions(session, ids))
    return {"nodes": shown, "total": total}


def nodes_by_ids(
    database: Database, desired_versions: DesiredVersions, node_ids: Sequence[str]
) -> list[dict[str, Any]]:
    """Those nodes, in the shape of `nodes`; unknown ids are left out."""
    query = (
        select(Node, NodeState)
        .join(NodeState, col(NodeState.node_id) == col(Node.id), isouter=True)
        .where(col(Node.id).in_(node_ids))
        .order_by(Node.id)
    )
    with database.read() as session:
        rows = list(session.exec(query))
        return _shown(session, rows, desired_versions(session, node_ids))


def node(database: Database, desired_versions: DesiredVersions, node_id: str) -> dict[str, Any]:
    """One node.

    Raises:
        NotFoundError: no such node.
    """
    found = nodes_by_ids(database, desired_versions, [node_id])
    if not found:
        raise NotFoundError(f"There is no node {node_id!r}.")
    with database.read() as session:
        certificate = session.get(Certificate, found[0]["certificate_serial"] or "")
    found[0]["certificate_not_after_s"] = certificate.not_after_s if certificate else None
    kind = KIND_CODES[found[0]["kind"]]
    units = {name: {"unit": unit} for name, unit, *_ in fields_of(kind)}
    return found[0] | {"fields": units}


def readings(database: Database, node_id: str, *, hours: int, now_s: int) -> dict[str, Any]:
    """A node's readings of the last hours, in columns that a chart takes as they are.

    More points than a chart can show are thinned evenly; the newest always stays.

    Raises:
        NotFoundError: no such node.
    """
    with database.read() as session:
        found = session.get(Node, node_id)
        if found is None:
            raise NotFoundError(f"There is no node {node_id!r}.")
        newest_first = (col(Report.at_s).desc(), col(Report.boot).desc(), col(Report.seq).desc())
        query = (
            select(Report)
            .where(Report.node_id == node_id, Report.at_s > now_s - hours * 3600)
            .order_by(*newest_first)
            .limit(READINGS)
        )
        # Columns, not objects: fifty thousand of those would take a second.
        columns = query.with_only_columns(col(Report.at_s), col(Report.values))
        rows = [(int(row[0]), list(row[1])) for row in session.connection().execute(columns)]
    step = -(-len(rows) // POINTS) or 1
    kept = rows[::step][::-1]
    fields = fields_of(KIND_CODES[found.kind])
    series: dict[str, list[int | float | None]] = {}
    for index, (name, _, scale, *_) in enumerate(fields):
        series[name] = [
            value if value is None or scale == 1 else value / scale
            for value in (values[index] for _, values in kept)
        ]
    return {
        "fields": {name: {"unit": unit} for name, unit, *_ in fields},
        "at_s": [at_s for at_s, _ in kept],
        "values": series,
        "thinned": step,
    }


def events(database: Database, node_id: str, *, limit: int = 100) -> dict[str, Any]:
    """What happened at a node, newest first.

    Raises:
        NotFoundError: no such node.
    """
    with database.read() as session:
        if session.get(Node, node_id) is None:
            raise NotFoundError(f"There is no node {node_id!r}.")
        query = (
            select(Event)
            .where(Event.node_id == node_id)
            .order_by(col(Event.at_s).desc(), col(Event.boot).desc(), col(Event.seq).desc())
            .limit(min(limit, EVENTS))
        )
        return {
            "events": [
                event.model_dump(exclude={"node_id", "kind"})
                | {"name": EVENT_NAMES.get(event.code, str(event.code))}
                for event in session.exec(query)
            ]
        }


def refusals(database: Database) -> dict[str, Any]:
    """Refused messages: counts by reason, and the newest samples."""
    with database.read() as session:
        counts = session.exec(select(RefusedCount).order_by(col(RefusedCount.count).desc()))
        recent = session.exec(
            select(RefusedMessage).order_by(col(RefusedMessage.id).desc()).limit(REFUSED)
        )
        return {
            "counts": [count.model_dump() for count in counts],
            "recent": [
                message.model_dump(exclude={"sample"}) | {"sample_hex": message.sample.hex()}
                for message in recent
            ],
        }


def _life(state: str) -> list[Any]:
    living = col(Node.state) != "retired"
    match state:
        case "":
            return [living]
        case "online":
            return [living, col(NodeState.online).is_(True)]
        case "offline":
            return [living, func.coalesce(NodeState.online, False).is_(False)]
        case "dark":
            return [living, col(NodeState.mains).is_(False)]
        case "fault":
            known = or_(col(NodeState.faults) != 0, col(NodeState.error).is_not(None))
            return [living, known]
        case _ if state in NODE_STATES:
            return [col(Node.state) == state]
        case _:
            raise InvalidError(f"There is no state {state!r}.", field="state")


def _shown(
    session: Session, rows: Sequence[tuple[Node, NodeState | None]], desired: dict[str, int]
) -> list[dict[str, Any]]:
    feeder_ids = {row.feeder_id for row, _ in rows if row.feeder_id is not None}
    cabinets: dict[str, str] = {}
    if feeder_ids:
        query = select(Feeder.id, Cabinet.id).join(
            Cabinet, col(Cabinet.id) == col(Feeder.cabinet_id)
        )
        cabinets = dict(session.exec(query).all())
    return [_node(row, state, cabinets, desired.get(row.id, 0)) for row, state in rows]


def _node(
    row: Node, state: NodeState | None, cabinets: dict[str, str], desired_version: int
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        "address": row.address,
        "zone": row.zone,
        "feeder": row.feeder_id,
        "cabinet": cabinets.get(row.feeder_id) if row.feeder_id is not None else None,
        "lat": row.lat,
        "lon": row.lon,
        "state": row.state,
        "certificate_serial": row.certificate_serial,
        "desired_version": desired_version,
    }
    if state is None:
        return shown | _SILENT
    return shown | {
        "online": state.online,
        "mains": state.mains,
        "last_seen_s": state.last_seen_s,
        "at_s": state.at_s,
        "values": state.values,
        "reported_version": _reported_version(state),
        "app_version": state.app_version,
        "release_counter": state.release_counter,
        "slot": state.slot,
        "error": state.error,
        "sleep_s": _count(state, "sleep_s") or None,
        "dropped": _count(state, "dropped"),
        "faults": fault_names(state.kind, state.faults),
    }


def _count(state: NodeState, name: str) -> int | None:
    """A whole number among the reported facts: `sleep_s`, city seconds between the reports of a
    node that sleeps between them; `dropped`, messages that a full outbox gave up for good."""
    value = state.facts.get(name)
    return value if type(value) is int and value >= 0 else None


def _reported_version(state: NodeState) -> int:
    reported = state.values.get("desired_version")
    if reported is not None and (state.boot, state.seq) > (state.state_boot, state.state_seq):
        return int(reported)
    return state.reported_version


_SILENT: dict[str, Any] = {
    "online": False,
    "mains": None,
    "last_seen_s": None,
    "at_s": None,
    "values": {},
    "reported_version": 0,
    "app_version": None,
    "release_counter": None,
    "slot": None,
    "error": None,
    "sleep_s": None,
    "dropped": None,
    "faults": [],
}
KINDS = tuple(KIND_NAMES.values())
